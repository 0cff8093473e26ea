/* An unmarked script: its definitions run ahead, everything else in each call.
 *
 * tclsh evaluates bootstrap.tcl, which loads this file's part of the runtime.  When it has been evaluated, Tcl_Main()
 * calls the main loop, which is ours and calls Tcl_MainEx() again, for the script: so nothing is on the stack below it,
 * and its errors and its end are treated by Tcl as in a fresh run.
 *
 * The commands of the prefix are counted as they are executed; behind the last one, by a callback of the evaluation
 * that is under way, this process becomes the server, and in each call the evaluation goes on.  When a tripwire says
 * that a command can't run ahead, setup is started again with a boundary before it. */
#define _GNU_SOURCE
#include "packages.h"
#include "prefix.h"
#include "runtime.h"
#include "server/learning.h"
#include "server/prefork-server.h"
#include "tripwire.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the environment of a setup that was started again: how many commands may run ahead; and "-" when the package that
 * comes next can't be searched for. */
#define LIMIT_VARIABLE "PREFORK_INTERP_TCL_PREFIX"

DLLEXPORT int Prefork_unmarked_Init(Tcl_Interp *interp);
DLLEXPORT int Prefork_unmarked_Unload(Tcl_Interp *interp, int flags);

typedef void tcl_main(int argc, char **argv, Tcl_AppInitProc *initialise, Tcl_Interp *interp);

static Tcl_Interp *interpreter;
static tcl_main *run_main;
static Tcl_Obj *script;
static char *encoding;
static char **arguments; /* of the script, as the system has them; the first is the interpreter's name */
static int argument_count;
static struct prefix prefix;
static int no_search; /* for the package that is required there */
static int searching;
static int boundary;     /* how many commands run ahead */
static int current;      /* which command is being executed: 1 is the first */
static int script_level; /* of the script's own commands */

/* ---- Starting again ---- */

static _Noreturn void give_up(const char *why) {
	dprintf(STDERR_FILENO, "prefork-interp: %s\n", why);
	_exit(1);
}

static _Noreturn void start_again(int limit, const char *why) {
	char variable[sizeof LIMIT_VARIABLE + 20];

	if (limit >= boundary)
		give_up(why);
	learning_add("prefix", (snprintf(variable, sizeof variable, "%d", limit), variable), why);
	snprintf(variable, sizeof variable, "%s=%d", LIMIT_VARIABLE, limit);
	prefork_server_start_again(variable);
	give_up(strerror(errno));
}

/* ---- The boundary ---- */

static _Noreturn void go_without_search(const char *why) {
	char variable[sizeof LIMIT_VARIABLE + 20];

	learning_add("search", "no", why);
	snprintf(variable, sizeof variable, "%s=%d-", LIMIT_VARIABLE, boundary);
	prefork_server_start_again(variable);
	give_up(strerror(errno));
}

static void tripped(const char *what) {
	if (searching)
		go_without_search(what);
	start_again(current > 0 ? current - 1 : 0, what);
}

/* In setup, which then waits for the calls; returns in each of them. */
static void serve(Tcl_Interp *interp) {
	struct interpreters all;

	searching = !no_search;
	if (searching && packages_search(interp) != TCL_OK)
		go_without_search(Tcl_GetStringResult(interp));
	searching = 0;
	tripwire_stop();
	tripwire_interpreters(&all);
	if (runtime_serve(&all, packages_improve) != TCL_OK) {
		current = 0;
		start_again(0, Tcl_GetStringResult(interp));
	}
	packages_called(interp);
}

static int command_done(ClientData data[], Tcl_Interp *interp, int result) {
	Tcl_InterpState state;

	(void)data;
	if (result != TCL_OK)
		tripped(Tcl_GetStringResult(interp));
	if (current < boundary)
		return result;
	state = Tcl_SaveInterpState(interp, result);
	serve(interp);
	return Tcl_RestoreInterpState(interp, state);
}

/* Where a command's text ends that the parser and the evaluation may see with or without its terminator. */
static size_t text_length(const char *text) {
	size_t n = strlen(text);

	while (n > 0 && (isspace((unsigned char)text[n - 1]) || text[n - 1] == ';'))
		n--;
	return n;
}

/* Commands in the brackets of the next one have its level too, so the text decides; one with the same text in a file
 * that is loaded has another level. */
static void see_command(Tcl_Interp *interp, int level, const char *text) {
	const char *expected;
	size_t n = text_length(text);

	if (current >= boundary || (script_level && level != script_level))
		return;
	expected = Tcl_GetString(prefix.commands[current]);
	if (n != text_length(expected) || memcmp(text, expected, n) != 0)
		return;
	script_level = level;
	current++;
	Tcl_NRAddCallback(interp, command_done, NULL, NULL, NULL, NULL);
}

/* ---- The script ---- */

/* The text as Tcl_FSEvalFileEx() reads it. */
static Tcl_Obj *read_script(void) {
	Tcl_Channel file = Tcl_FSOpenFileChannel(NULL, script, "r", 0);
	Tcl_Obj *text = Tcl_NewObj();

	Tcl_IncrRefCount(text);
	if (!file)
		return text;
	Tcl_SetChannelOption(NULL, file, "-eofchar", "\032 {}");
	if (encoding)
		Tcl_SetChannelOption(NULL, file, "-encoding", encoding);
	Tcl_ReadChars(file, text, -1, 0);
	Tcl_Close(NULL, file);
	return text;
}

static void find_boundary(void) {
	const char *limit = getenv(LIMIT_VARIABLE);
	int learned = learning_number("prefix");

	prefix_find(&prefix, read_script());
	boundary = prefix.count;
	if (learned >= 0 && learned < boundary)
		boundary = learned;
	if (limit && strtol(limit, NULL, 10) < boundary)
		boundary = (int)strtol(limit, NULL, 10);
	no_search = (limit && strchr(limit, '-')) || learning_has("search", "no");
	unsetenv(LIMIT_VARIABLE);
}

static void watch(Tcl_Obj *path) {
	struct prefork_error error;
	const char *native = Tcl_FSGetNativePath(path);

	if (!native || prefork_server_watch_file(native, &error) < 0)
		give_up(native ? error.message : "the script is no file");
}

/* Tcl_MainEx() calls this when it has set the script's arguments, before it evaluates the script. */
static int begin(Tcl_Interp *interp) {
	static const struct tripwire wire = {.tripped = tripped, .command = see_command};
	Tcl_Obj *library = Tcl_ObjPrintf("%s/init.tcl", Tcl_GetVar2(interp, "tcl_library", NULL, TCL_GLOBAL_ONLY));

	Tcl_IncrRefCount(library);
	watch(script);
	watch(library);
	Tcl_DecrRefCount(library);
	packages_adopt(interp, &prefix, boundary);
	tripwire_start(&wire);
	if (boundary == 0)
		serve(interp);
	return TCL_OK;
}

static void main_loop(void) {
	Tcl_SetMainLoop(NULL);
	Tcl_SetStartupScript(script, encoding);
	run_main(argument_count, arguments, begin, interpreter);
}

/* argv[0], malloc'ed; NULL where it can't be had. */
static char *interpreter_name(void) {
	char *name = NULL;
	FILE *file = fopen("/proc/self/cmdline", "re");
	size_t size = 0;

	if (file && getdelim(&name, &size, '\0', file) <= 0) {
		free(name);
		name = NULL;
	}
	if (file)
		fclose(file);
	return name;
}

/* bootstrap.tcl's arguments: those of tclsh before the script, the script, the script's. */
static int take_arguments(Tcl_Interp *interp) {
	Tcl_Obj *list = Tcl_GetVar2Ex(interp, "argv", NULL, TCL_GLOBAL_ONLY), **word;
	char *name;
	int count, at = 0;

	if (!list || Tcl_ListObjGetElements(interp, list, &count, &word) != TCL_OK)
		return TCL_ERROR;
	if (count > 2 && strcmp(Tcl_GetString(word[0]), "-encoding") == 0) {
		encoding = strdup(Tcl_GetString(word[1]));
		at = 2;
	}
	if (at >= count)
		return TCL_ERROR;
	script = Tcl_NewStringObj(Tcl_GetString(word[at]), -1);
	Tcl_IncrRefCount(script);
	name = interpreter_name();
	arguments = name ? calloc((size_t)count + 1, sizeof *arguments) : NULL;
	if (!arguments) {
		free(name);
		return TCL_ERROR;
	}
	/* Tcl_MainEx() has Tcl find its executable by this. */
	arguments[0] = name;
	for (argument_count = 1, at++; at < count; at++, argument_count++) {
		Tcl_DString native;

		arguments[argument_count] = strdup(tripwire_native(Tcl_GetString(word[at]), &native));
		Tcl_DStringFree(&native);
	}
	return TCL_OK;
}

/* This library stays in memory when bootstrap.tcl has Tcl forget it. */
static int stay(void) {
	static void *ourselves;
	Dl_info here;
	union {
		int (*function)(Tcl_Interp *interp);
		void *address;
	} self = {.function = Prefork_unmarked_Init};

	ourselves = dladdr(self.address, &here) ? dlopen(here.dli_fname, RTLD_NOW | RTLD_LOCAL) : NULL;
	return ourselves ? 0 : -1;
}

int Prefork_unmarked_Init(Tcl_Interp *interp) {
	union {
		void *address;
		tcl_main *function;
	} symbol;
	const char *native;

	if (!Tcl_InitStubs(interp, "8.6", 0))
		return TCL_ERROR;
	prefork_server_note_start();
	/* Not among the stubs; an interpreter that was linked without the library may not have it. */
	symbol.address = dlsym(RTLD_DEFAULT, "Tcl_MainEx");
	if (!symbol.address || runtime_adopt(interp) <= 0 || take_arguments(interp) != TCL_OK || stay() < 0)
		give_up("tclsh can't be taken over");
	run_main = symbol.function;
	native = Tcl_FSGetNativePath(script);
	learning_open(native ? native : "");
	interpreter = interp;
	find_boundary();
	tripwire_adopt(interp);
	Tcl_SetMainLoop(main_loop);
	return TCL_OK;
}

int Prefork_unmarked_Unload(Tcl_Interp *interp, int flags) {
	(void)interp;
	(void)flags;
	return TCL_OK;
}
