/* What initialisation looks at that may be different in another call: variables of the environment and the working
 * directory, on which the server depends then, and the arguments, which it can't. */
#include "runtime.h"

#include <string.h>

/* Variables that are set or removed count too: what that means depends on what was there. */
#define ENVIRONMENT_TRACE (TCL_GLOBAL_ONLY | TCL_TRACE_READS | TCL_TRACE_WRITES | TCL_TRACE_UNSETS | TCL_TRACE_ARRAY)

static int noting;
static int reads_arguments;
static int reads_environment; /* all of it */
static int reads_directory;
static Tcl_HashTable variables; /* their names, as Tcl has them, are the keys */

static char *note_variable(ClientData data, Tcl_Interp *interp, const char *array, const char *name, int flags) {
	int is_new;

	(void)data;
	(void)interp;
	(void)array;
	if (noting && flags & TCL_TRACE_ARRAY)
		reads_environment = 1;
	else if (noting && name && strcmp(name, "PREFORK_INTERP") != 0)
		Tcl_CreateHashEntry(&variables, name, &is_new);
	return NULL;
}

static char *note_argument(ClientData data, Tcl_Interp *interp, const char *name, const char *element, int flags) {
	(void)data;
	(void)interp;
	(void)name;
	(void)element;
	(void)flags;
	if (noting)
		reads_arguments = 1;
	return NULL;
}

/* Tcl asks each file system for the working directory when it first needs it: for a relative name, or because the script
 * wants to know.  Later it has its own note of it, also when the script has gone to another. */
static Tcl_Obj *note_directory(Tcl_Interp *interp) {
	(void)interp;
	if (noting)
		reads_directory = 1;
	return NULL;
}

/* And about each path, once it has made it absolute.  Where the script's own name was relative, the client has seen to
 * that: such callers share a server if they have one directory. */
static int note_path(Tcl_Obj *path, ClientData *data) {
	(void)data;
	if (noting && path == Tcl_GetStartupScript(NULL))
		reads_directory = 0;
	return -1;
}

static const Tcl_Filesystem directories = {
	.typeName = "prefork_interp",
	.structureLength = sizeof directories,
	.version = TCL_FILESYSTEM_VERSION_1,
	.pathInFilesystemProc = note_path,
	.getCwdProc = note_directory,
};

void reads_begin(Tcl_Interp *interp) {
	Tcl_Obj *count = Tcl_GetVar2Ex(interp, "argc", NULL, TCL_GLOBAL_ONLY);
	int given = 0;

	noting = 1;
	Tcl_InitHashTable(&variables, TCL_STRING_KEYS);
	Tcl_FSRegister(NULL, &directories);
	reads_begin_in(interp);
	/* With -U setup is given arguments, to look at them. */
	if (count && Tcl_GetIntFromObj(NULL, count, &given) == TCL_OK && given > 0)
		return;
	Tcl_TraceVar2(interp, "argv", NULL, TCL_GLOBAL_ONLY | TCL_TRACE_READS, note_argument, NULL);
	Tcl_TraceVar2(interp, "argc", NULL, TCL_GLOBAL_ONLY | TCL_TRACE_READS, note_argument, NULL);
}

void reads_begin_in(Tcl_Interp *interp) {
	if (!Tcl_IsSafe(interp))
		Tcl_TraceVar2(interp, "env", NULL, ENVIRONMENT_TRACE, note_variable, NULL);
}

void reads_end(const struct interpreters *all) {
	if (!noting)
		return;
	noting = 0;
	for (int i = 0; i < all->count; i++)
		Tcl_UntraceVar2(all->at[i], "env", NULL, ENVIRONMENT_TRACE, note_variable, NULL);
	Tcl_UntraceVar2(all->at[0], "argv", NULL, TCL_GLOBAL_ONLY | TCL_TRACE_READS, note_argument, NULL);
	Tcl_UntraceVar2(all->at[0], "argc", NULL, TCL_GLOBAL_ONLY | TCL_TRACE_READS, note_argument, NULL);
	Tcl_FSUnregister(&directories);
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

int reads_check(Tcl_Interp *interp) {
	struct prefork_error error;

	if (reads_arguments)
		return runtime_error(interp, "READ", "arguments", "initialisation has looked at the script's arguments");
	if (reads_environment)
		return runtime_error(interp, "READ", "environment", "initialisation has looked at the whole environment");
	if (variables.buckets && depend_on_variables(&error) < 0)
		return runtime_error(interp, "SERVER", NULL, error.message);
	if (reads_directory)
		prefork_server_depend_on_directory();
	return TCL_OK;
}
