/* Seeing what is done ahead of the calls: see tripwire.h. */
#include "tripwire.h"

#include "rules.h"
#include "server/prefork-server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_VARIABLE "PREFORK_INTERP"

/* The beginning of Tcl's own description of a command, which is alike in all versions that are served. */
struct command {
	void *entry, *namespace;
	int references, epoch;
	void *compile; /* in place; NULL where that can't be done */
	Tcl_ObjCmdProc *function;
};

/* A command for which there is a rule.  A later one may have the address of one that has gone. */
struct known {
	const struct rule *rule;
	Tcl_ObjCmdProc *function;
	void *compile;
};

static const struct tripwire *wire; /* NULL: nothing is seen */
static Tcl_HashTable rules;         /* struct known, by Tcl_Command */

/* The interpreters in which commands are seen: the script's, and those that it has made. */
static struct watched {
	Tcl_Interp *interp;
	Tcl_Trace trace;
	struct watched *next;
} * all;

static int given;           /* how many arguments setup has */
static int asked_for_setup; /* the script has looked for the handshake's variable */
static int searching;       /* the level of the command that searches for a package; 0 while none does */

static Tcl_HashTable variables; /* that setup depends on */
static int on_directory;        /* it depends on the working directory */

static Tcl_CmdObjTraceProc see_command;
static Tcl_VarTraceProc see_environment, see_argument;

const char *tripwire_native(const char *text, Tcl_DString *buffer) {
	return Tcl_UtfToExternalDString(NULL, text, -1, buffer);
}

void tripwire_trip(const char *what, const char *which) {
	char text[200];

	snprintf(text, sizeof text, "%s%s%s", what, which ? " " : "", which ? which : "");
	wire->tripped(text);
}

void tripwire_directory(void) {
	if (notes_moved_absolute())
		return;
	if (!on_directory && wire->serving)
		tripwire_trip("looks at the working directory", NULL);
	on_directory = 1;
}

/* Every key holds these already; Tcl reads them whenever it first looks for a package. */
static int is_in_key(const char *name) {
	return strncmp(name, "TCL", 3) == 0 || strncmp(name, "LC_", 3) == 0 || strcmp(name, "LANG") == 0 ||
	       strcmp(name, "HOME") == 0;
}

static int depend_on_variable(const char *name, struct prefork_error *error) {
	Tcl_DString native;
	int result = prefork_server_depend_on_variable(tripwire_native(name, &native), error);

	Tcl_DStringFree(&native);
	return result;
}

void tripwire_variable(const char *name) {
	struct prefork_error error;
	int is_new = 0;

	if (strcmp(name, HANDSHAKE_VARIABLE) == 0)
		asked_for_setup = 1;
	else if (!is_in_key(name))
		Tcl_CreateHashEntry(&variables, name, &is_new);
	if (is_new && wire->serving && depend_on_variable(name, &error) < 0)
		tripwire_trip("memory is short for", name);
}

int tripwire_depend(struct prefork_error *error) {
	Tcl_HashSearch search;

	for (Tcl_HashEntry *e = all ? Tcl_FirstHashEntry(&variables, &search) : NULL; e; e = Tcl_NextHashEntry(&search))
		if (depend_on_variable(Tcl_GetHashKey(&variables, e), error) < 0)
			return -1;
	if (on_directory)
		prefork_server_depend_on_directory();
	return 0;
}

int tripwire_asked_for_setup(void) {
	return asked_for_setup;
}

/* The commands by which `package require` finds a package; what they see of all others is nobody's business. */
static const char *const searches[] = {"::tcl::tm::UnknownHandler", "::tclPkgUnknown"};

int tripwire_searching(void) {
	return searching != 0;
}

static void note_search(int level, const char *name) {
	if (searching && level <= searching)
		searching = 0;
	for (size_t i = 0; !searching && i < sizeof searches / sizeof *searches; i++)
		if (strcmp(name, searches[i]) == 0)
			searching = level;
}

static const struct known *known(Tcl_Command command) {
	const Tcl_HashEntry *entry = Tcl_FindHashEntry(&rules, (char *)command);
	const struct known *k = entry ? Tcl_GetHashValue(entry) : NULL;

	return k && k->function == ((const struct command *)command)->function ? k : NULL;
}

static int see_command(ClientData data, Tcl_Interp *interp, int level, const char *text, Tcl_Command command, int count,
                       Tcl_Obj *const words[]) {
	const struct known *k = known(command);
	rule_check *check = NULL;

	(void)data;
	note_search(level, Tcl_GetString(words[0]));
	if (wire->command && !Tcl_GetMaster(interp))
		wire->command(interp, level, text);
	if (k)
		check = wire->marked ? k->rule->marked : k->rule->unmarked;
	if (check)
		check(&(struct use){interp, k->rule, count, words});
	return TCL_OK;
}

static void look(const char *what) {
	if (wire->marked)
		tripwire_trip(what, NULL);
	else
		tripwire_trip("looks at", what);
}

/* Variables that are set or removed count too: what that means depends on what was there. */
static char *see_environment(ClientData data, Tcl_Interp *interp, const char *array, const char *name, int flags) {
	(void)data;
	(void)interp;
	(void)array;
	if (flags & TCL_TRACE_ARRAY)
		look("all of the environment");
	else if (name)
		tripwire_variable(name);
	return NULL;
}

static char *see_argument(ClientData data, Tcl_Interp *interp, const char *name, const char *index, int flags) {
	(void)data;
	(void)interp;
	(void)index;
	if (!(flags & TCL_INTERP_DESTROYED))
		look(wire->marked ? "the arguments" : name);
	return NULL;
}

/* Tcl asks each file system about each path.  The script's own is the client's business, and the search for packages
 * names this one in each directory that it looks into. */
static int see_path(Tcl_Obj *path, ClientData *data) {
	(void)data;
	if (Tcl_FSGetPathType(path) == TCL_PATH_RELATIVE && path != Tcl_GetStartupScript(NULL) &&
	    strcmp(Tcl_GetString(path), "pkgIndex.tcl") != 0)
		tripwire_directory();
	return -1;
}

static const Tcl_Filesystem paths = {
	.typeName = "prefork_interp",
	.structureLength = sizeof paths,
	.version = TCL_FILESYSTEM_VERSION_1,
	.pathInFilesystemProc = see_path,
};

#define READ TCL_TRACE_READS
#define CHANGED (TCL_TRACE_WRITES | TCL_TRACE_UNSETS)

/* The key holds the name by which an unmarked script is called. */
static const struct variable {
	const char *name;
	int marked, unmarked; /* when it is looked at */
	Tcl_VarTraceProc *see;
} callers[] = {
	{"env", READ | CHANGED | TCL_TRACE_ARRAY, READ | CHANGED | TCL_TRACE_ARRAY, see_environment},
	{"argv", READ, READ | CHANGED, see_argument},
	{"argc", READ, READ | CHANGED, see_argument},
	{"argv0", 0, CHANGED, see_argument},
};

static int when_looked_at(const struct watched *w, const struct variable *v) {
	int flags = wire->marked ? v->marked : v->unmarked;

	if (v->see == see_environment ? Tcl_IsSafe(w->interp) : Tcl_GetMaster(w->interp) || (wire->marked && given))
		return 0;
	return flags ? flags | TCL_GLOBAL_ONLY : 0;
}

/* Let Tcl compile the commands in place, or not.  By name: what a command that has gone was is no longer to be had. */
static void let_compile(Tcl_Interp *interp, int let) {
	for (const struct rule *rule = rules_table; rule->name; rule++) {
		struct command *c = (struct command *)Tcl_FindCommand(interp, rule->name, NULL, TCL_GLOBAL_ONLY);
		const struct known *k = c ? known((Tcl_Command)c) : NULL;

		if (k)
			c->compile = let ? k->compile : NULL;
	}
}

static void trace_variables(const struct watched *w, int begin) {
	for (size_t i = 0; i < sizeof callers / sizeof *callers; i++) {
		const struct variable *v = &callers[i];
		int flags = when_looked_at(w, v);

		if (flags && begin)
			Tcl_TraceVar2(w->interp, v->name, NULL, flags, v->see, NULL);
		else if (flags)
			Tcl_UntraceVar2(w->interp, v->name, NULL, flags, v->see, NULL);
	}
}

static void start(struct watched *w) {
	let_compile(w->interp, 0);
	w->trace = Tcl_CreateObjTrace(w->interp, 0, TCL_ALLOW_INLINE_COMPILATION, see_command, NULL, NULL);
	trace_variables(w, 1);
}

static void stop(struct watched *w) {
	let_compile(w->interp, 1);
	Tcl_DeleteTrace(w->interp, w->trace);
	trace_variables(w, 0);
}

static void deleted(ClientData data, Tcl_Interp *interp) {
	struct watched **at = &all;

	(void)interp;
	while (*at && *at != data)
		at = &(*at)->next;
	if (*at)
		*at = (*at)->next;
}

static void add_rule(Tcl_Command command, const struct rule *rule) {
	const struct command *c = (const struct command *)command;
	struct known *k;
	Tcl_CmdInfo info;
	int is_new;

	/* Safe interpreters do not have all of them. */
	if (!command || !Tcl_GetCommandInfoFromToken(command, &info))
		return;
	if (c->function != info.objProc)
		Tcl_Panic("prefork-interp: this Tcl describes its commands in another way");
	k = (struct known *)ckalloc(sizeof *k);
	*k = (struct known){rule, info.objProc, c->compile};
	Tcl_SetHashValue(Tcl_CreateHashEntry(&rules, (char *)command, &is_new), k);
}

void tripwire_adopt(Tcl_Interp *interp) {
	struct watched *w = (struct watched *)ckalloc(sizeof *w);

	if (!all) {
		Tcl_InitHashTable(&variables, TCL_STRING_KEYS);
		Tcl_InitHashTable(&rules, TCL_ONE_WORD_KEYS);
	}
	for (const struct rule *rule = rules_table; rule->name; rule++)
		add_rule(Tcl_FindCommand(interp, rule->name, NULL, TCL_GLOBAL_ONLY), rule);
	w->interp = interp;
	w->next = all;
	all = w;
	Tcl_CallWhenDeleted(interp, deleted, w);
}

void tripwire_watch(Tcl_Interp *child) {
	Tcl_Interp *parent = Tcl_GetMaster(child);
	Tcl_InterpState state = Tcl_SaveInterpState(parent, TCL_OK);

	tripwire_adopt(child);
	start(all);
	if (Tcl_GetInterpPath(parent, child) == TCL_OK)
		add_rule(Tcl_FindCommand(parent, Tcl_GetStringResult(parent), NULL, TCL_GLOBAL_ONLY), rules_of_interpreters());
	Tcl_RestoreInterpState(parent, state);
}

void tripwire_start(const struct tripwire *w) {
	const struct watched *script = all;
	Tcl_Obj *count;

	wire = w;
	searching = given = 0;
	while (script->next)
		script = script->next;
	/* With -U setup is given arguments, to look at them. */
	count = Tcl_GetVar2Ex(script->interp, "argc", NULL, TCL_GLOBAL_ONLY);
	if (count)
		Tcl_GetIntFromObj(NULL, count, &given);
	Tcl_FSRegister(NULL, &paths);
	for (struct watched *at = all; at; at = at->next)
		start(at);
}

void tripwire_stop(void) {
	if (!wire)
		return;
	Tcl_FSUnregister(&paths);
	for (struct watched *at = all; at; at = at->next)
		stop(at);
	wire = NULL;
}

void tripwire_interpreters(struct interpreters *list) {
	int at;

	list->count = 0;
	for (const struct watched *w = all; w; w = w->next)
		list->count++;
	list->at = (Tcl_Interp **)ckalloc((unsigned)list->count * sizeof(Tcl_Interp *));
	/* The youngest is the first. */
	at = list->count;
	for (const struct watched *w = all; w; w = w->next)
		list->at[--at] = w->interp;
}
