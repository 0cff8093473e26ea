/* The C half of the Tcl runtime: commands that prefork_interp.tcl is made of.
 *
 *     prefork_interp::TakeHandshake          out of the environment: 1 when started by prefork-interp, 0 standalone
 *     prefork_interp::SetOption NAME VALUE   an option of the server, checked
 *     prefork_interp::WatchFile PATH         one more file that makes the server stale
 *     prefork_interp::EnvNames               the names in the process's environment; `array names env` would set off
 *                                            the script's traces on what it writes there
 *     prefork_interp::Notes WHAT             note what initialisation does, in C: begin, end; asked: has it looked
 *                                            whether it is run in a setup?
 *     prefork_interp::Serve PATHS            become the server; returns in each executor.  PATHS of all interpreters
 *
 * Errors have the code {PREFORK_INTERP HANDSHAKE|OPTION|FILE|LOOK|CHANNEL|TIMER|SERVER ...}. */
#include "runtime.h"
#include "tripwire.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

extern char **environ;

DLLEXPORT int Prefork_interp_Init(Tcl_Interp *interp);
DLLEXPORT int Prefork_interp_Unload(Tcl_Interp *interp, int flags);

/* TclSetupEnv() makes the variable env, as it is in a fresh interpreter.  Tcl gives it to extensions, as number 102, in
 * its table of internal functions, whose order does not change in the versions with this magic number. */
struct internal_functions {
	int magic;
	const void *hooks;
	void (*before[102])(void);
	void (*setup_environment)(Tcl_Interp *);
};

static Tcl_Encoding argument_encoding; /* what tclsh decodes its arguments by; NULL: the system encoding */

int runtime_error(Tcl_Interp *interp, const char *code, const char *what, const char *message) {
	Tcl_SetObjResult(interp, Tcl_NewStringObj(message, -1));
	Tcl_SetErrorCode(interp, "PREFORK_INTERP", code, what, NULL);
	return TCL_ERROR;
}

int runtime_call(Tcl_Interp *interp, Tcl_Obj *first, Tcl_Obj *second, Tcl_Obj *third, Tcl_Obj *fourth) {
	Tcl_Obj *words[] = {first, second, third, fourth, NULL};
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

/* Is there an env?  Safe interpreters have none, others may have had it taken away. */
static int has_environment(Tcl_Interp *interp) {
	int has = 0;

	if (runtime_call(interp, Tcl_NewStringObj("::array", -1), Tcl_NewStringObj("exists", -1),
	                 Tcl_NewStringObj("::env", -1), NULL) == TCL_OK)
		Tcl_GetBooleanFromObj(NULL, Tcl_GetObjResult(interp), &has);
	return has;
}

static void make_environment(Tcl_Interp *interp) {
	const struct internal_functions *internal = (const void *)tclStubsPtr->hooks->tclIntStubs;
	Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);

	if (has_environment(interp)) {
		Tcl_UnsetVar2(interp, "env", NULL, TCL_GLOBAL_ONLY);
		internal->setup_environment(interp);
	}
	Tcl_RestoreInterpState(interp, state);
}

/* Make env anew from `environ`: an array tells its names in an order that depends on all that it has ever had.  A fresh
 * tclsh reads names and values before the script can have changed the system encoding.  What Tcl writes back later goes
 * into an array of pointers of its own: it notices that `environ` is not that one, and frees only strings that it made.
 */
static void install_environment(const struct interpreters *all) {
	Tcl_DString now;
	int changed;

	Tcl_DStringInit(&now);
	Tcl_DStringAppend(&now, Tcl_GetEncodingName(NULL), -1);
	changed = strcmp(Tcl_DStringValue(&now), Tcl_GetEncodingName(argument_encoding)) != 0;
	if (changed)
		Tcl_SetSystemEncoding(NULL, Tcl_GetEncodingName(argument_encoding));
	for (int i = 0; i < all->count; i++)
		make_environment(all->at[i]);
	if (changed)
		Tcl_SetSystemEncoding(NULL, Tcl_DStringValue(&now));
	Tcl_DStringFree(&now);
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
	Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);
	unsigned int seed;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
		seed = (unsigned int)getpid();
	runtime_call(interp, Tcl_NewStringObj("::tcl::mathfunc::srand", -1), Tcl_NewIntObj((int)(seed >> 1)), NULL, NULL);
	Tcl_RestoreInterpState(interp, state);
}

/* Tcl finds out that the directory was changed when it is asked for it. */
static void install_directory(Tcl_Obj *setups) {
	Tcl_Obj *directory;

	if (setups)
		Tcl_FSChdir(setups);
	directory = Tcl_FSGetCwd(NULL);
	if (directory)
		Tcl_DecrRefCount(directory);
}

static int install_call(const struct interpreters *all, Tcl_Obj *directory, const struct prefork_call *call) {
	Tcl_Interp *interp = all->at[0];
	Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);

	install_directory(directory);
	install_environment(all);
	if (call->script)
		install_script(interp, call->script);
	install_arguments(interp, call);
	for (int i = 0; i < all->count; i++)
		if (!notes_seeded(all->at[i]))
			reseed(all->at[i]);
	events_install();
	if (channels_install(all, call) != TCL_OK) {
		Tcl_DiscardInterpState(state);
		return TCL_ERROR;
	}
	return Tcl_RestoreInterpState(interp, state);
}

/* Tcl's own fork handlers are pthread_atfork() ones, which fork() runs. */
static pid_t plain_fork(void *context) {
	(void)context;
	return fork();
}

int runtime_adopt(Tcl_Interp *interp) {
	struct prefork_error error;
	Tcl_DString name;
	int adopted, major, minor;

	/* A child interpreter has no arguments of its own to be given. */
	adopted = Tcl_GetMaster(interp) ? 0 : prefork_server_adopt(&error);
	if (adopted < 0) {
		runtime_error(interp, "HANDSHAKE", NULL, error.message);
		return -1;
	}
	Tcl_GetVersion(&major, &minor, NULL, NULL);
	if (adopted && (major != 8 || minor != 6)) {
		runtime_error(interp, "HANDSHAKE", NULL, "only Tcl 8.6 is served");
		return -1;
	}
	/* Asked now, because the script may change the system encoding. */
	argument_encoding = Tcl_GetEncoding(NULL, Tcl_GetEncodingNameFromEnvironment(&name));
	Tcl_DStringFree(&name);
	if (adopted)
		channels_adopt();
	return adopted;
}

static int take_handshake_command(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
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
	Tcl_DString translated, native;
	int watched;

	(void)data;
	if (count != 2) {
		Tcl_WrongNumArgs(interp, 1, words, "path");
		return TCL_ERROR;
	}
	/* Not by Tcl's own native form, in which links may have been followed: what they lead to may change. */
	if (!Tcl_TranslateFileName(NULL, Tcl_GetString(words[1]), &translated))
		return runtime_error(interp, "FILE", Tcl_GetString(words[1]), "not a file of the operating system");
	watched = prefork_server_watch_file(
		Tcl_UtfToExternalDString(NULL, Tcl_DStringValue(&translated), Tcl_DStringLength(&translated), &native), &error);
	Tcl_DStringFree(&native);
	Tcl_DStringFree(&translated);
	if (watched < 0)
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

/* The interpreters that a list of paths names. */
static int find_interpreters(Tcl_Interp *interp, Tcl_Obj *paths, struct interpreters *all) {
	Tcl_Obj **path;

	if (Tcl_ListObjGetElements(interp, paths, &all->count, &path) != TCL_OK)
		return TCL_ERROR;
	all->at = (Tcl_Interp **)ckalloc((unsigned)all->count * sizeof *all->at);
	for (int i = 0; i < all->count; i++) {
		all->at[i] = Tcl_GetSlave(interp, Tcl_GetString(path[i]));
		if (!all->at[i])
			return TCL_ERROR;
	}
	return TCL_OK;
}

static int notes_command(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	static const char *const names[] = {"asked", "begin", "end", NULL};
	enum { ASKED, BEGIN, END };
	int what;

	(void)data;
	if (count != 2) {
		Tcl_WrongNumArgs(interp, 1, words, "asked|begin|end");
		return TCL_ERROR;
	}
	if (Tcl_GetIndexFromObj(interp, words[1], names, "word", 0, &what) != TCL_OK)
		return TCL_ERROR;
	if (what == ASKED)
		Tcl_SetObjResult(interp, Tcl_NewBooleanObj(tripwire_asked_for_setup()));
	else if (what == BEGIN)
		notes_begin(interp);
	else
		tripwire_stop();
	return TCL_OK;
}

int runtime_serve(const struct interpreters *all, int (*improve)(void *context)) {
	static struct prefork_language language = {.fork = plain_fork};
	static struct prefork_call call;
	struct prefork_error error;
	Tcl_Obj *directory;
	int served, code;

	if (tripwire_depend(&error) < 0)
		return runtime_error(all->at[0], "SERVER", NULL, error.message);
	if (events_take(all) != TCL_OK || channels_take(all) != TCL_OK)
		return TCL_ERROR;
	directory = notes_moved() ? Tcl_FSGetCwd(NULL) : NULL;
	language.improve = improve;
	language.found_boundary = improve != NULL;
	language.context = all->at[0];
	served = prefork_server_run(&language, &call, &error);
	if (served <= 0) {
		channels_install(all, NULL);
		return served < 0 ? runtime_error(all->at[0], "SERVER", NULL, error.message) : TCL_OK;
	}
	code = install_call(all, directory, &call);
	prefork_server_unblock(&call);
	events_start();
	return code;
}

static int serve_command(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const words[]) {
	struct interpreters all;

	(void)data;
	if (count != 2) {
		Tcl_WrongNumArgs(interp, 1, words, "paths");
		return TCL_ERROR;
	}
	/* Everything that a call can't have, or can't have as it is. */
	if (find_interpreters(interp, words[1], &all) != TCL_OK || notes_check(interp) != TCL_OK)
		return TCL_ERROR;
	return runtime_serve(&all, NULL);
}

int Prefork_interp_Init(Tcl_Interp *interp) {
	if (!Tcl_InitStubs(interp, "8.6", 0))
		return TCL_ERROR;
	Tcl_CreateObjCommand(interp, "::prefork_interp::TakeHandshake", take_handshake_command, NULL, NULL);
	Tcl_CreateObjCommand(interp, "::prefork_interp::SetOption", set_option_command, NULL, NULL);
	Tcl_CreateObjCommand(interp, "::prefork_interp::WatchFile", watch_file_command, NULL, NULL);
	Tcl_CreateObjCommand(interp, "::prefork_interp::EnvNames", env_names_command, NULL, NULL);
	Tcl_CreateObjCommand(interp, "::prefork_interp::Notes", notes_command, NULL, NULL);
	Tcl_CreateObjCommand(interp, "::prefork_interp::Serve", serve_command, NULL, NULL);
	return TCL_OK;
}

/* So that `unload` takes it from the list that `info loaded` tells. */
int Prefork_interp_Unload(Tcl_Interp *interp, int flags) {
	(void)interp;
	(void)flags;
	return TCL_OK;
}
