/* What initialisation does that can't be seen afterwards.
 *
 * What it looks at may be different in another call: on variables of the environment and on the working directory the
 * server depends then, on arguments and the like no server can.  And some of what it does has to be done again.
 *
 * Commands are noted in a function that stands before theirs: unlike a trace of the script's kind that is not to be
 * seen, and goes with a command that is renamed.  It stays there in the calls, where it notes nothing. */
#include "runtime.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

/* Variables that are set or removed count too: what that means depends on what was there. */
#define ENVIRONMENT_TRACE (TCL_GLOBAL_ONLY | TCL_TRACE_READS | TCL_TRACE_WRITES | TCL_TRACE_UNSETS | TCL_TRACE_ARRAY)
#define ARGUMENTS_TRACE (TCL_GLOBAL_ONLY | TCL_TRACE_READS)

#define HANDSHAKE_VARIABLE "PREFORK_INTERP"

static int begun; /* not for a script that marks no boundary: what that may do ahead is tripwire.c's to say */
static int noting;
static int asked_for_setup; /* the script has looked for the handshake's variable */
static const char *asked;   /* what no server can depend on was looked at */
static int on_directory;
static int has_moved;           /* by `cd`, to a directory that is the same for all */
static int has_moved_relative;  /* or to one that is not */
static unsigned translated;     /* bit N: -translation of the standard channel N was set */
static Tcl_HashTable variables; /* of the environment: their names, as Tcl has them, are the keys */
static Tcl_HashTable due;    /* of timers: their numbers are the keys, pointers to milliseconds since 1970 the values */
static Tcl_HashTable seeded; /* interpreters in which srand() was called */

static void note_directory(void) {
	if (!has_moved)
		on_directory = 1;
}

static void note_variable(const char *name) {
	int is_new;

	if (strcmp(name, HANDSHAKE_VARIABLE) == 0)
		asked_for_setup = 1;
	else
		Tcl_CreateHashEntry(&variables, name, &is_new);
}

/* ---- variables ---- */

static char *environment_trace(ClientData data, Tcl_Interp *interp, const char *array, const char *name, int flags) {
	(void)data;
	(void)interp;
	(void)array;
	if (noting && flags & TCL_TRACE_ARRAY)
		asked = "all of the environment";
	else if (noting && name)
		note_variable(name);
	return NULL;
}

static char *arguments_trace(ClientData data, Tcl_Interp *interp, const char *name, const char *element, int flags) {
	(void)data;
	(void)interp;
	(void)name;
	(void)element;
	(void)flags;
	if (noting)
		asked = "the arguments";
	return NULL;
}

/* ---- files ---- */

/* Tcl asks each file system about each path.  The script's own is the client's business, and the search for packages
 * names this one in each directory that it looks into. */
static int note_path(Tcl_Obj *path, ClientData *data) {
	(void)data;
	if (noting && Tcl_FSGetPathType(path) == TCL_PATH_RELATIVE && path != Tcl_GetStartupScript(NULL) &&
	    strcmp(Tcl_GetString(path), "pkgIndex.tcl") != 0)
		note_directory();
	return -1;
}

static const Tcl_Filesystem paths = {
	.typeName = "prefork_interp",
	.structureLength = sizeof paths,
	.version = TCL_FILESYSTEM_VERSION_1,
	.pathInFilesystemProc = note_path,
};

/* ---- commands ---- */

typedef void note_function(Tcl_Interp *interp, int count, Tcl_Obj *const words[]);

static int is_relative(Tcl_Obj *path) {
	return Tcl_FSGetPathType(path) == TCL_PATH_RELATIVE;
}

static Tcl_WideInt now(void) {
	Tcl_Time time;

	Tcl_GetTime(&time);
	return (Tcl_WideInt)time.sec * 1000 + time.usec / 1000;
}

static void note_after(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	static const char prefix[] = "after#";
	const char *name = Tcl_GetStringResult(interp);
	Tcl_WideInt milliseconds, *when;
	int number, is_new;

	if (count < 3 || Tcl_GetWideIntFromObj(NULL, words[1], &milliseconds) != TCL_OK ||
	    strncmp(name, prefix, strlen(prefix)) != 0 || Tcl_GetInt(NULL, name + strlen(prefix), &number) != TCL_OK)
		return;
	when = (Tcl_WideInt *)ckalloc(sizeof *when);
	*when = now() + milliseconds;
	Tcl_SetHashValue(Tcl_CreateHashEntry(&due, (char *)(intptr_t)number, &is_new), when);
}

static void note_cd(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	(void)interp;
	if (count > 1 && is_relative(words[1]))
		has_moved_relative = 1;
	else
		has_moved = 1;
}

static int standard_number(const char *name) {
	static const char *const names[] = {"stdin", "stdout", "stderr"};

	for (int i = 0; i < 3; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

static int is_one_of(const char *const *names, const char *word) {
	for (; *names; names++)
		if (strcmp(*names, word) == 0)
			return 1;
	return 0;
}

static void note_fconfigure(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	/* The others tell a terminal from a file, and so does the list of all. */
	static const char *const alike[] = {"-blocking", "-buffering", "-buffersize", "-encoding", "-eofchar", NULL};
	int number = count > 1 ? standard_number(Tcl_GetString(words[1])) : -1;

	(void)interp;
	if (number < 0)
		return;
	if (count < 4 && (count == 2 || !is_one_of(alike, Tcl_GetString(words[2]))))
		asked = "a standard channel's kind";
	for (int i = 2; i + 1 < count; i += 2)
		if (strncmp(Tcl_GetString(words[i]), "-translation", strlen(Tcl_GetString(words[i]))) == 0)
			translated |= 1u << number;
}

static void note_getenv(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	(void)interp;
	if (count == 2)
		note_variable(Tcl_GetString(words[1]));
}

static void note_glob(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	(void)interp;
	for (int i = 1; i < count; i++) {
		const char *word = Tcl_GetString(words[i]);

		/* -directory and -path: the path is noted by itself. */
		if (strncmp(word, "-d", 2) == 0 || strncmp(word, "-p", 2) == 0)
			return;
		if (word[0] != '-' && is_relative(words[i]))
			note_directory();
	}
}

static void note_normalize(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	(void)interp;
	if (count == 2 && is_relative(words[1]))
		note_directory();
}

static void note_pid(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)words;
	if (count == 1)
		asked = "the process's number";
}

static void note_pwd(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)count;
	(void)words;
	note_directory();
}

static void note_srand(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	int is_new;

	(void)count;
	(void)words;
	Tcl_CreateHashEntry(&seeded, (char *)interp, &is_new);
}

/* A variable that was not there: its trace does not tell. */
static void note_unset(Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	(void)interp;
	for (int i = 1; i < count; i++) {
		const char *name = Tcl_GetString(words[i]), *element = strncmp(name, "::", 2) == 0 ? name + 2 : name;
		size_t length = strlen(element);

		if (length > 5 && strncmp(element, "env(", 4) == 0 && element[length - 1] == ')') {
			Tcl_Obj *variable = Tcl_NewStringObj(element + 4, (int)length - 5);

			note_variable(Tcl_GetString(variable));
			Tcl_DecrRefCount(variable);
		}
	}
}

/* All of them are called by name: a command of Tcl's that is called through its own engine could not be put back there.
 */
static const struct noted {
	const char *command;
	note_function *before;
	note_function *after; /* when it was successful */
} commands[] = {
	{"::after", NULL, note_after},
	{"::cd", NULL, note_cd},
	{"::fconfigure", note_fconfigure, NULL},
	{"::glob", note_glob, NULL},
	{"::pid", note_pid, NULL},
	{"::pwd", note_pwd, NULL},
	{"::tcl::clock::getenv", note_getenv, NULL},
	{"::tcl::file::normalize", note_normalize, NULL},
	{"::tcl::mathfunc::srand", note_srand, NULL},
	{"::unset", note_unset, NULL},
};

struct original {
	const struct noted *noted;
	Tcl_ObjCmdProc *function;
	ClientData data;
};

static int noted_command(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	const struct original *o = data;
	int code;

	if (noting && o->noted->before)
		o->noted->before(interp, count, words);
	code = o->function(o->data, interp, count, words);
	if (noting && code == TCL_OK && o->noted->after)
		o->noted->after(interp, count, words);
	return code;
}

static void note_command(Tcl_Interp *interp, const struct noted *noted) {
	struct original *o;
	Tcl_CmdInfo info;

	/* Safe interpreters do not have all of them. */
	if (!Tcl_GetCommandInfo(interp, noted->command, &info) || info.isNativeObjectProc != 1)
		return;
	o = (struct original *)ckalloc(sizeof *o);
	*o = (struct original){noted, info.objProc, info.objClientData};
	info.objProc = noted_command;
	info.objClientData = o;
	Tcl_SetCommandInfo(interp, noted->command, &info);
}

/* ---- */

void notes_begin(Tcl_Interp *interp) {
	Tcl_Obj *count = Tcl_GetVar2Ex(interp, "argc", NULL, TCL_GLOBAL_ONLY);
	int given = 0;

	noting = begun = 1;
	Tcl_InitHashTable(&variables, TCL_STRING_KEYS);
	Tcl_InitHashTable(&due, TCL_ONE_WORD_KEYS);
	Tcl_InitHashTable(&seeded, TCL_ONE_WORD_KEYS);
	Tcl_FSRegister(NULL, &paths);
	notes_begin_in(interp);
	/* With -U setup is given arguments, to look at them. */
	if (count && Tcl_GetIntFromObj(NULL, count, &given) == TCL_OK && given > 0)
		return;
	Tcl_TraceVar2(interp, "argv", NULL, ARGUMENTS_TRACE, arguments_trace, NULL);
	Tcl_TraceVar2(interp, "argc", NULL, ARGUMENTS_TRACE, arguments_trace, NULL);
}

void notes_begin_in(Tcl_Interp *interp) {
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		note_command(interp, &commands[i]);
	if (!Tcl_IsSafe(interp))
		Tcl_TraceVar2(interp, "env", NULL, ENVIRONMENT_TRACE, environment_trace, NULL);
}

void notes_end(const struct interpreters *all) {
	if (!noting)
		return;
	noting = 0;
	for (int i = 0; i < all->count; i++)
		Tcl_UntraceVar2(all->at[i], "env", NULL, ENVIRONMENT_TRACE, environment_trace, NULL);
	Tcl_UntraceVar2(all->at[0], "argv", NULL, ARGUMENTS_TRACE, arguments_trace, NULL);
	Tcl_UntraceVar2(all->at[0], "argc", NULL, ARGUMENTS_TRACE, arguments_trace, NULL);
	Tcl_FSUnregister(&paths);
}

/* 0, or -1 with *ERROR. */
static int depend_on_variables(struct prefork_error *error) {
	Tcl_HashSearch search;

	for (Tcl_HashEntry *e = Tcl_FirstHashEntry(&variables, &search); e; e = Tcl_NextHashEntry(&search)) {
		Tcl_DString name;
		int result;

		Tcl_UtfToExternalDString(NULL, Tcl_GetHashKey(&variables, e), -1, &name);
		result = prefork_server_depend_on_variable(Tcl_DStringValue(&name), error);
		Tcl_DStringFree(&name);
		if (result < 0)
			return -1;
	}
	return 0;
}

int notes_check(Tcl_Interp *interp) {
	struct prefork_error error;

	if (asked) {
		snprintf(error.message, sizeof error.message, "initialisation has looked at %s", asked);
		return runtime_error(interp, "LOOK", asked, error.message);
	}
	if (depend_on_variables(&error) < 0)
		return runtime_error(interp, "SERVER", NULL, error.message);
	if (on_directory)
		prefork_server_depend_on_directory();
	return TCL_OK;
}

int notes_asked_for_setup(void) {
	return asked_for_setup;
}

int notes_moved(void) {
	return has_moved || has_moved_relative;
}

int notes_translated(int number) {
	return (int)(translated >> number & 1);
}

int notes_seeded(Tcl_Interp *interp) {
	return begun && Tcl_FindHashEntry(&seeded, (char *)interp) != NULL;
}

int notes_time_left(int number) {
	Tcl_HashEntry *entry = begun ? Tcl_FindHashEntry(&due, (char *)(intptr_t)number) : NULL;
	Tcl_WideInt left;

	if (!entry)
		return -1;
	left = *(Tcl_WideInt *)Tcl_GetHashValue(entry) - now();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}
