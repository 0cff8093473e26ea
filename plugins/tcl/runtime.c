/* The C half of the Tcl runtime: commands that prefork_interp.tcl is made of.
 *
 *     prefork_interp::Adopt                  take the handshake, and what the plugin has put there, out of the
 *                                            environment: 1 when started by prefork-interp, 0 standalone
 *     prefork_interp::SetOption NAME VALUE   an option of the server, checked
 *     prefork_interp::WatchFile PATH         one more file that makes the server stale
 *     prefork_interp::EnvNames               the names in the process's environment; `array names env` would set off
 *                                            the script's traces on what it writes there
 *     prefork_interp::Serve SEEDED           become the server; returns in each executor.  SEEDED: the script has
 *                                            chosen the sequence of rand()
 *
 * Errors have the code {PREFORK_INTERP HANDSHAKE|OPTION|FILE|SERVER ...}. */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* See plugin.c. */
#define ORIGINAL_PATH_VARIABLE "PREFORK_INTERP_TCLLIBPATH"

DLLEXPORT int Prefork_interp_Init(Tcl_Interp *interp);

static Tcl_Encoding argument_encoding; /* what tclsh decodes its arguments by; NULL: the system encoding */

int runtime_error(Tcl_Interp *interp, const char *code, const char *what, const char *message) {
	Tcl_SetObjResult(interp, Tcl_NewStringObj(message, -1));
	Tcl_SetErrorCode(interp, "PREFORK_INTERP", code, what, NULL);
	return TCL_ERROR;
}

/* Evaluate a command, given as words that end with NULL, at global level. */
static int call_command(Tcl_Interp *interp, Tcl_Obj *first, Tcl_Obj *second, Tcl_Obj *third) {
	Tcl_Obj *words[] = {first, second, third, NULL};
	int count = 0, code;

	while (words[count])
		Tcl_IncrRefCount(words[count++]);
	code = Tcl_EvalObjv(interp, count, words, TCL_EVAL_GLOBAL);
	while (count > 0)
		Tcl_DecrRefCount(words[--count]);
	return code;
}

static Tcl_Obj *decode(const char *bytes) {
	Tcl_DString text;
	Tcl_Obj *object;

	Tcl_ExternalToUtfDString(argument_encoding, bytes, -1, &text);
	object = Tcl_NewStringObj(Tcl_DStringValue(&text), Tcl_DStringLength(&text));
	Tcl_DStringFree(&text);
	return object;
}

/* Make Tcl's env agree with `environ`.  Tcl's own trace on env does just this, by the code that fills it in a fresh
 * tclsh, whenever the array as a whole is asked for.  What Tcl writes back later goes into an array of pointers of its
 * own: it notices that `environ` is not that one, and frees only strings that it made. */
static void install_environment(Tcl_Interp *interp) {
	call_command(interp, Tcl_NewStringObj("::array", -1), Tcl_NewStringObj("size", -1), Tcl_NewStringObj("::env", -1));
}

/* Give the script the name by which this caller knows it.  argv0, `info script` and the "(file ...)" lines of error
 * traces are one object that Tcl_Main() holds, and Tcl_FSEvalFileEx(), whose frame can't be reached otherwise, reads:
 * so that object is changed in place. */
static void install_script(Tcl_Interp *interp, const char *spelling) {
	Tcl_Obj *script = Tcl_GetStartupScript(NULL);
	Tcl_Obj *name = decode(spelling);
	int length;
	const char *text = Tcl_GetStringFromObj(name, &length);

	Tcl_IncrRefCount(name);
	if (script && strcmp(Tcl_GetString(script), text) != 0) {
		if (script->typePtr && script->typePtr->freeIntRepProc)
			script->typePtr->freeIntRepProc(script);
		script->typePtr = NULL;
		Tcl_InvalidateStringRep(script);
		script->bytes = memcpy(ckalloc((unsigned)length + 1), text, (size_t)length + 1);
		script->length = length;
	}
	Tcl_SetVar2Ex(interp, "argv0", NULL, script ? script : name, TCL_GLOBAL_ONLY);
	Tcl_DecrRefCount(name);
}

static void install_arguments(Tcl_Interp *interp, const struct prefork_call *call) {
	Tcl_Obj *list = Tcl_NewListObj(0, NULL);

	for (int i = 0; i < call->argument_count; i++)
		Tcl_ListObjAppendElement(NULL, list, decode(call->arguments[i]));
	Tcl_SetVar2Ex(interp, "argc", NULL, Tcl_NewIntObj(call->argument_count), TCL_GLOBAL_ONLY);
	Tcl_SetVar2Ex(interp, "argv", NULL, list, TCL_GLOBAL_ONLY);
}

/* Where setup has used rand(), all executors would go on with one sequence. */
static void reseed(Tcl_Interp *interp) {
	unsigned int seed;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
		seed = (unsigned int)getpid();
	call_command(interp, Tcl_NewStringObj("::tcl::mathfunc::srand", -1), Tcl_NewIntObj((int)(seed >> 1)), NULL);
}

static void install_call(Tcl_Interp *interp, const struct prefork_call *call, int seeded) {
	Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);
	Tcl_Obj *directory = Tcl_FSGetCwd(NULL); /* Tcl finds out that it was changed */

	if (directory)
		Tcl_DecrRefCount(directory);
	install_environment(interp);
	if (call->script)
		install_script(interp, call->script);
	install_arguments(interp, call);
	channels_install(interp, call->closed);
	if (!seeded)
		reseed(interp);
	Tcl_RestoreInterpState(interp, state);
}

/* How many threads this process has; 0 when that can't be found out. */
static int thread_count(void) {
	struct stat tasks;

	/* Its links are "." and "..", and one to each thread's folder. */
	return stat("/proc/self/task", &tasks) == 0 ? (int)tasks.st_nlink - 2 : 0;
}

/* Waiting for events once (vwait, update) starts Tcl's notifier thread, which no fork takes along.  It is ended here;
 * Tcl starts it again when it next waits.  Other threads are the library's to refuse. */
static void stop_notifier(void) {
	if (thread_count() == 1)
		return;
	Tcl_FinalizeNotifier(NULL); /* waits for the thread's end; Unix has no use for the argument */
	Tcl_InitNotifier();
}

/* Tcl's own fork handlers are pthread_atfork() ones, which fork() runs. */
static pid_t plain_fork(void *context) {
	(void)context;
	return fork();
}

/* The caller's TCLLIBPATH, as the plugin has noted it.  Not through Tcl, which changes bytes that are no characters. */
static void restore_library_path(void) {
	const char *note = getenv(ORIGINAL_PATH_VARIABLE);

	if (!note)
		return;
	if (*note)
		setenv("TCLLIBPATH", note + 1, 1);
	else
		unsetenv("TCLLIBPATH");
	unsetenv(ORIGINAL_PATH_VARIABLE);
}

int runtime_adopt(Tcl_Interp *interp) {
	struct prefork_error error;
	Tcl_DString name;
	int adopted;

	/* A child interpreter has no arguments of its own to be given. */
	adopted = Tcl_GetMaster(interp) ? 0 : prefork_server_adopt(&error);
	if (adopted != 0) {
		restore_library_path();
		install_environment(interp);
	}
	if (adopted < 0) {
		runtime_error(interp, "HANDSHAKE", NULL, error.message);
		return -1;
	}
	/* Asked now, because the script may change the system encoding. */
	argument_encoding = Tcl_GetEncoding(NULL, Tcl_GetEncodingNameFromEnvironment(&name));
	Tcl_DStringFree(&name);
	if (adopted)
		channels_adopt();
	return adopted;
}

static int adopt_command(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	int adopted;

	(void)data;
	if (count != 1) {
		Tcl_WrongNumArgs(interp, 1, words, NULL);
		return TCL_ERROR;
	}
	adopted = runtime_adopt(interp);
	if (adopted < 0)
		return TCL_ERROR;
	Tcl_SetObjResult(interp, Tcl_NewBooleanObj(adopted));
	return TCL_OK;
}

static int set_option_command(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	struct prefork_error error;

	(void)data;
	if (count != 3) {
		Tcl_WrongNumArgs(interp, 1, words, "name value");
		return TCL_ERROR;
	}
	if (prefork_server_option(Tcl_GetString(words[1]), Tcl_GetString(words[2]), &error) < 0)
		return runtime_error(interp, "OPTION", Tcl_GetString(words[1]), error.message);
	return TCL_OK;
}

static int watch_file_command(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	struct prefork_error error;
	const char *path;

	(void)data;
	if (count != 2) {
		Tcl_WrongNumArgs(interp, 1, words, "path");
		return TCL_ERROR;
	}
	path = Tcl_FSGetNativePath(words[1]);
	if (!path)
		return runtime_error(interp, "FILE", Tcl_GetString(words[1]), "not a file of the operating system");
	if (prefork_server_watch_file(path, &error) < 0)
		return runtime_error(interp, "FILE", Tcl_GetString(words[1]), error.message);
	return TCL_OK;
}

static int env_names_command(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	Tcl_Obj *names = Tcl_NewListObj(0, NULL);

	(void)data;
	(void)count;
	(void)words;
	for (char **entry = environ; *entry; entry++) {
		const char *equals = strchr(*entry, '=');
		Tcl_DString name;

		if (!equals)
			continue;
		Tcl_ExternalToUtfDString(NULL, *entry, (int)(equals - *entry), &name);
		Tcl_ListObjAppendElement(NULL, names, Tcl_NewStringObj(Tcl_DStringValue(&name), Tcl_DStringLength(&name)));
		Tcl_DStringFree(&name);
	}
	Tcl_SetObjResult(interp, names);
	return TCL_OK;
}

int runtime_serve(Tcl_Interp *interp, int seeded, int (*improve)(void *context)) {
	static struct prefork_language language = {.fork = plain_fork};
	static struct prefork_call call;
	struct prefork_error error;
	int served;

	language.improve = improve;
	language.context = interp;
	stop_notifier();
	channels_flush(interp);
	if (channels_remember(interp) != TCL_OK)
		return TCL_ERROR;
	served = prefork_server_run(&language, &call, &error);
	if (served < 0)
		return runtime_error(interp, "SERVER", NULL, error.message);
	if (served > 0) {
		install_call(interp, &call, seeded);
		prefork_server_unblock(&call);
	}
	return TCL_OK;
}

static int serve_command(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	int seeded;

	(void)data;
	if (count != 2) {
		Tcl_WrongNumArgs(interp, 1, words, "seeded");
		return TCL_ERROR;
	}
	if (Tcl_GetBooleanFromObj(interp, words[1], &seeded) != TCL_OK)
		return TCL_ERROR;
	return runtime_serve(interp, seeded, NULL);
}

int Prefork_interp_Init(Tcl_Interp *interp) {
	if (!Tcl_InitStubs(interp, "8.6", 0))
		return TCL_ERROR;
	Tcl_CreateObjCommand(interp, "::prefork_interp::Adopt", adopt_command, NULL, NULL);
	Tcl_CreateObjCommand(interp, "::prefork_interp::SetOption", set_option_command, NULL, NULL);
	Tcl_CreateObjCommand(interp, "::prefork_interp::WatchFile", watch_file_command, NULL, NULL);
	Tcl_CreateObjCommand(interp, "::prefork_interp::EnvNames", env_names_command, NULL, NULL);
	Tcl_CreateObjCommand(interp, "::prefork_interp::Serve", serve_command, NULL, NULL);
	return TCL_OK;
}
