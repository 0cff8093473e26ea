/* Packages that are loaded ahead because calls load them: see packages.h. */
#include "packages.h"

#include "server/learning.h"
#include "server/prefork-server.h"
#include "tripwire.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct prefix *prefix;
static const char *loading; /* the package that is being loaded */

void packages_adopt(Tcl_Interp *interp, const struct prefix *p) {
	(void)interp;
	prefix = p;
}

/* The package's name in a `package require` command. */
static const char *name_in(Tcl_Obj *command) {
	Tcl_Obj **word;
	int count;

	if (Tcl_ListObjGetElements(NULL, command, &count, &word) != TCL_OK || count < 3)
		return NULL;
	if (strcmp(Tcl_GetString(word[2]), "-exact") == 0)
		return count > 3 ? Tcl_GetString(word[3]) : NULL;
	return Tcl_GetString(word[2]);
}

/* A name that is not yet loaded, and can be a word in a line. */
static const char *candidate(Tcl_Interp *interp, Tcl_Obj *command) {
	const char *name = name_in(command);

	if (!name || !*name || strpbrk(name, " \t\r\n") || Tcl_PkgPresent(interp, name, NULL, 0))
		return NULL;
	return name;
}

static void learn(ClientData data) {
	Tcl_Interp *interp = data;

	if (Tcl_InterpDeleted(interp))
		return;
	for (int i = 0; i < prefix->package_count; i++) {
		const char *name = name_in(prefix->packages[i]);

		if (name && !strpbrk(name, " \t\r\n") && Tcl_PkgPresent(interp, name, NULL, 0) &&
		    !learning_has("without", name))
			learning_add("package", name, "");
	}
}

void packages_called(Tcl_Interp *interp) {
	Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);
	int news = 0;

	for (int i = 0; i < prefix->package_count && !news; i++) {
		const char *name = candidate(interp, prefix->packages[i]);

		news = name && !learning_has("package", name) && !learning_has("without", name);
	}
	if (news)
		Tcl_CreateExitHandler(learn, interp);
	Tcl_RestoreInterpState(interp, state);
}

/* ---- In a fork of the server ---- */

static _Noreturn void leave_out(const char *why) {
	learning_add("without", loading, why);
	_exit(1);
}

static void tripped(const char *what) {
	leave_out(what);
}

/* The global commands, but for those that Tcl itself loads when it needs them. */
static Tcl_Obj *global_commands(Tcl_Interp *interp) {
	static const char script[] = "apply {{} {lsort [lmap c [info commands ::*] {"
								 "if {[info exists ::auto_index([namespace tail $c])]} continue {set c}}]}}";
	Tcl_Obj *result;

	if (Tcl_EvalEx(interp, script, -1, TCL_EVAL_GLOBAL) != TCL_OK)
		leave_out(Tcl_GetStringResult(interp));
	result = Tcl_GetObjResult(interp);
	Tcl_IncrRefCount(result);
	return result;
}

static void load_package(Tcl_Interp *interp, Tcl_Obj *command) {
	static const struct tripwire wire = {.tripped = tripped, .serving = 1};
	Tcl_Obj *before = global_commands(interp), *after;
	struct prefork_error error;
	int code;

	tripwire_start(&wire);
	code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
	tripwire_stop();
	if (code != TCL_OK)
		leave_out(Tcl_GetStringResult(interp));
	if (prefork_server_gate(&error) < 0)
		leave_out(error.message);
	/* The script may have such a command of its own until it requires the package, or look whether there is one. */
	after = global_commands(interp);
	if (strcmp(Tcl_GetString(before), Tcl_GetString(after)) != 0)
		leave_out("adds or removes global commands");
	Tcl_DecrRefCount(before);
	Tcl_DecrRefCount(after);
}

int packages_improve(void *context) {
	Tcl_Interp *interp = context;
	Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);
	struct interpreters all;
	int better = -1;

	for (int i = 0; i < prefix->package_count; i++) {
		loading = candidate(interp, prefix->packages[i]);
		if (!loading || !learning_has("package", loading) || learning_has("without", loading))
			continue;
		load_package(interp, prefix->packages[i]);
		better = 0;
	}
	tripwire_interpreters(&all);
	if (channels_take_later(&all) != TCL_OK)
		better = -1;
	ckfree((char *)all.at);
	Tcl_RestoreInterpState(interp, state);
	return better;
}
