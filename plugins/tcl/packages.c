/* Packages that are loaded ahead because calls load them: see packages.h. */
#include "packages.h"

#include "server/learning.h"
#include "server/prefork-server.h"
#include "tripwire.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct prefix *prefix;
static Tcl_Command package_command;
static int behind;          /* where, in the script's text, the calls begin */
static const char *loading; /* the package that is being loaded */

void packages_adopt(Tcl_Interp *interp, const struct prefix *p, int boundary) {
	package_command = Tcl_FindCommand(interp, "::package", NULL, TCL_GLOBAL_ONLY);
	prefix = p;
	behind = boundary > 0 ? p->ends[boundary - 1] : 0;
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

static Tcl_Obj *words(const char *first, const char *second, const char *third) {
	Tcl_Obj *list = Tcl_NewListObj(0, NULL);

	for (const char *const *word = (const char *const[]){first, second, third, NULL}; *word; word++)
		Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(*word, -1));
	return list;
}

int packages_search(Tcl_Interp *interp) {
	Tcl_Obj *command = prefix_requirement(prefix, behind), *search, **word;
	int count, known;

	/* The script may have another command of this name by now. */
	if (Tcl_FindCommand(interp, "::package", NULL, TCL_GLOBAL_ONLY) != package_command)
		return TCL_OK;
	if (!command || Tcl_ListObjGetElements(NULL, command, &count, &word) != TCL_OK || Tcl_GetString(word[2])[0] == '-')
		return TCL_OK;
	if (Tcl_EvalObjEx(interp, words("::package", "versions", Tcl_GetString(word[2])), TCL_EVAL_GLOBAL) != TCL_OK ||
	    Tcl_ListObjLength(interp, Tcl_GetObjResult(interp), &known) != TCL_OK)
		return TCL_ERROR;
	if (known > 0 || Tcl_PkgPresent(interp, Tcl_GetString(word[2]), NULL, 0))
		return TCL_OK;
	if (Tcl_EvalObjEx(interp, words("::package", "unknown", NULL), TCL_EVAL_GLOBAL) != TCL_OK)
		return TCL_ERROR;
	search = Tcl_DuplicateObj(Tcl_GetObjResult(interp));
	/* Another handler may not be called twice, where it finds nothing. */
	if (strcmp(Tcl_GetString(search), "::tcl::tm::UnknownHandler ::tclPkgUnknown") != 0)
		return TCL_OK;
	for (int i = 2; i < count; i++)
		Tcl_ListObjAppendElement(NULL, search, word[i]);
	if (count == 3)
		Tcl_ListObjAppendElement(NULL, search, Tcl_NewStringObj("0-", -1));
	return Tcl_EvalObjEx(interp, search, TCL_EVAL_GLOBAL);
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

static Tcl_Obj *evaluate(Tcl_Interp *interp, const char *text) {
	Tcl_Obj *result;

	if (Tcl_EvalEx(interp, text, -1, TCL_EVAL_GLOBAL) != TCL_OK)
		leave_out(Tcl_GetStringResult(interp));
	result = Tcl_GetObjResult(interp);
	Tcl_IncrRefCount(result);
	return result;
}

/* The global commands and variables, but for those that Tcl itself makes when it needs them. */
static Tcl_Obj *global_names(Tcl_Interp *interp) {
	return evaluate(interp, "apply {{} {list [lsort [lmap c [info commands ::*] {"
	                        "if {[info exists ::auto_index([namespace tail $c])]} continue {set c}}]]"
	                        " [lsort [lmap v [info vars ::*] {"
	                        "if {[string match {::auto_*} $v] || [string match {::error*} $v]} continue {set v}}]]}}");
}

/* Without the colons that they begin with. */
static Tcl_Obj *namespaces(Tcl_Interp *interp) {
	return evaluate(interp, "apply {{} {set all {} ; set at ::"
	                        "; while {[llength $at]} {set at [concat {*}[lmap n $at {namespace children $n}]]"
	                        "; lappend all {*}[lmap n $at {string range $n 2 end}]}; set all}}");
}

/* The script may look whether there is something before it requires the package. */
static void look_for_names(int start, Tcl_Obj *before, Tcl_Obj *after) {
	Tcl_Obj **name, **known;
	int count, known_count;

	Tcl_ListObjGetElements(NULL, after, &count, &name);
	Tcl_ListObjGetElements(NULL, before, &known_count, &known);
	for (int i = 0; i < count; i++) {
		int is_new = 1;

		for (int k = 0; k < known_count && is_new; k++)
			is_new = strcmp(Tcl_GetString(name[i]), Tcl_GetString(known[k])) != 0;
		if (is_new && prefix_names(prefix, behind, start, Tcl_GetString(name[i])))
			leave_out("is named before it is required");
	}
}

static void load_package(Tcl_Interp *interp, Tcl_Obj *command, int start) {
	static const struct tripwire wire = {.tripped = tripped, .serving = 1};
	Tcl_Obj *before = global_names(interp), *spaces = namespaces(interp), *after;
	struct prefork_error error;
	int code;

	tripwire_start(&wire);
	code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
	tripwire_stop();
	if (code != TCL_OK)
		leave_out(Tcl_GetStringResult(interp));
	if (prefork_server_gate(&error) < 0)
		leave_out(error.message);
	/* The script may have such a one of its own until it requires the package, or look whether there is one. */
	after = global_names(interp);
	if (strcmp(Tcl_GetString(before), Tcl_GetString(after)) != 0)
		leave_out("adds or removes global commands or variables");
	Tcl_DecrRefCount(before);
	Tcl_DecrRefCount(after);
	after = namespaces(interp);
	look_for_names(start, spaces, after);
	Tcl_DecrRefCount(spaces);
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
		load_package(interp, prefix->packages[i], prefix->starts[i]);
		better = 0;
	}
	tripwire_interpreters(&all);
	if (channels_take_later(&all) != TCL_OK)
		better = -1;
	ckfree((char *)all.at);
	Tcl_RestoreInterpState(interp, state);
	return better;
}
