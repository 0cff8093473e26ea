/* Seeing what is done ahead of the calls: see tripwire.h. */
#include "tripwire.h"

#include "rules.h"
#include "server/prefork-server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tripwire *wire;
static Tcl_HashTable rules; /* by Tcl_Command */

/* The interpreters in which commands are seen: the script's, and those that it has made. */
static struct watched {
	Tcl_Interp *interp;
	Tcl_Trace trace;
	struct watched *next;
} * all;

static int searching; /* the level of the command that searches for a package; 0 while none does */

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
	if (!on_directory && wire->serving)
		tripwire_trip("looks at the working directory", NULL);
	on_directory = 1;
	prefork_server_depend_on_directory();
}

/* Every key holds these already; Tcl reads them whenever it first looks for a package. */
static int is_in_key(const char *name) {
	return strncmp(name, "TCL", 3) == 0 || strncmp(name, "LC_", 3) == 0 || strcmp(name, "LANG") == 0 ||
	       strcmp(name, "HOME") == 0;
}

static void depend_on_variable(const char *name) {
	struct prefork_error error;
	Tcl_DString native;
	int is_new;

	if (is_in_key(name))
		return;
	Tcl_CreateHashEntry(&variables, name, &is_new);
	if (!is_new)
		return;
	if (wire->serving)
		tripwire_trip("reads the environment variable", name);
	if (prefork_server_depend_on_variable(tripwire_native(name, &native), &error) < 0)
		tripwire_trip("memory is short for", name);
	Tcl_DStringFree(&native);
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

static int see_command(ClientData data, Tcl_Interp *interp, int level, const char *text, Tcl_Command command, int count,
                       Tcl_Obj *const words[]) {
	const Tcl_HashEntry *entry = Tcl_FindHashEntry(&rules, (char *)command);

	(void)data;
	note_search(level, Tcl_GetString(words[0]));
	if (wire->command && !Tcl_GetMaster(interp))
		wire->command(interp, level, text);
	if (entry) {
		const struct rule *rule = Tcl_GetHashValue(entry);

		rule->check(interp, rule, count, words);
	}
	return TCL_OK;
}

static char *see_environment(ClientData data, Tcl_Interp *interp, const char *array, const char *name, int flags) {
	(void)data;
	(void)interp;
	(void)array;
	if (flags & TCL_TRACE_ARRAY)
		tripwire_trip("looks at all of", "env");
	if ((flags & TCL_TRACE_READS) && name)
		depend_on_variable(name);
	return NULL;
}

static char *see_argument(ClientData data, Tcl_Interp *interp, const char *name, const char *index, int flags) {
	(void)data;
	(void)interp;
	(void)index;
	if (!(flags & TCL_INTERP_DESTROYED))
		tripwire_trip("uses", name);
	return NULL;
}

#define ENVIRONMENT_TRACE (TCL_GLOBAL_ONLY | TCL_TRACE_READS | TCL_TRACE_ARRAY)
#define ARGUMENT_TRACE (TCL_GLOBAL_ONLY | TCL_TRACE_READS | TCL_TRACE_WRITES | TCL_TRACE_UNSETS)
#define NAME_TRACE (TCL_GLOBAL_ONLY | TCL_TRACE_WRITES | TCL_TRACE_UNSETS)

static void start(struct watched *w) {
	w->trace = Tcl_CreateObjTrace(w->interp, 0, 0, see_command, NULL, NULL);
	Tcl_TraceVar2(w->interp, "env", NULL, ENVIRONMENT_TRACE, see_environment, NULL);
	if (Tcl_GetMaster(w->interp))
		return;
	Tcl_TraceVar2(w->interp, "argv", NULL, ARGUMENT_TRACE, see_argument, NULL);
	Tcl_TraceVar2(w->interp, "argc", NULL, ARGUMENT_TRACE, see_argument, NULL);
	/* The key holds the name by which the script is called. */
	Tcl_TraceVar2(w->interp, "argv0", NULL, NAME_TRACE, see_argument, NULL);
}

static void stop(struct watched *w) {
	Tcl_DeleteTrace(w->interp, w->trace);
	Tcl_UntraceVar2(w->interp, "env", NULL, ENVIRONMENT_TRACE, see_environment, NULL);
	if (Tcl_GetMaster(w->interp))
		return;
	Tcl_UntraceVar2(w->interp, "argv", NULL, ARGUMENT_TRACE, see_argument, NULL);
	Tcl_UntraceVar2(w->interp, "argc", NULL, ARGUMENT_TRACE, see_argument, NULL);
	Tcl_UntraceVar2(w->interp, "argv0", NULL, NAME_TRACE, see_argument, NULL);
}

/* Its traces go with it. */
static void deleted(ClientData data, Tcl_Interp *interp) {
	struct watched **at = &all;

	(void)interp;
	while (*at && *at != data)
		at = &(*at)->next;
	if (*at)
		*at = (*at)->next;
}

static void add_rule(Tcl_Command command, const struct rule *rule) {
	int is_new;

	if (command)
		Tcl_SetHashValue(Tcl_CreateHashEntry(&rules, (char *)command, &is_new), (void *)rule);
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
	wire = w;
	searching = 0;
	for (struct watched *at = all; at; at = at->next)
		start(at);
}

void tripwire_stop(void) {
	for (struct watched *at = all; at; at = at->next)
		stop(at);
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
