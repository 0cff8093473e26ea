/* Seeing what is done ahead of the calls: see tripwire.h. */
#include "tripwire.h"

#include "server/prefork-server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rule;
typedef void check(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]);

struct rule {
	const char *name;
	check *check;
};

static const struct tripwire *wire;
static Tcl_HashTable rules; /* by Tcl_Command */
static Tcl_Trace trace;
static int searching; /* the level of the command that searches for a package; 0 while none does */

static Tcl_HashTable variables; /* that setup depends on */
static int on_directory;        /* it depends on the working directory */

static Tcl_CmdObjTraceProc see_command;
static Tcl_VarTraceProc see_environment, see_argument;

const char *tripwire_native(const char *text, Tcl_DString *buffer) {
	return Tcl_UtfToExternalDString(NULL, text, -1, buffer);
}

static void trip(const char *what, const char *which) {
	char text[200];

	snprintf(text, sizeof text, "%s%s%s", what, which ? " " : "", which ? which : "");
	wire->tripped(text);
}

static void depend_on_directory(void) {
	if (!on_directory && wire->serving)
		trip("looks at the working directory", NULL);
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
		trip("reads the environment variable", name);
	if (prefork_server_depend_on_variable(tripwire_native(name, &native), &error) < 0)
		trip("memory is short for", name);
	Tcl_DStringFree(&native);
}

static int is(Tcl_Obj *word, const char *text) {
	return strcmp(Tcl_GetString(word), text) == 0;
}

/* ---- Rules: WORDS[0] is the command, or an ensemble's subcommand ---- */

static void refuse(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)count;
	(void)words;
	trip("uses", rule->name);
}

/* A command of channels: those that the script has opened are its own. */
static void on_channel(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	for (int i = 1; i < count; i++)
		if (is(words[i], "stdin") || is(words[i], "stdout") || is(words[i], "stderr"))
			trip(rule->name, Tcl_GetString(words[i]));
}

static void depend_on_path(Tcl_Obj *path) {
	if (Tcl_FSGetPathType(path) == TCL_PATH_RELATIVE)
		depend_on_directory();
}

/* What was found out about a file holds as long as it stays as it is.  Of a directory nothing but its being there was
 * asked. */
static void watch_path(Tcl_Obj *path) {
	struct prefork_error error;
	const char *native;
	struct stat st;

	depend_on_path(path);
	if (searching)
		return;
	native = Tcl_FSGetNativePath(path);
	if (native && (strncmp(native, "/proc/", 6) == 0 || strncmp(native, "/dev/", 5) == 0))
		trip("looks at", native);
	if (!native || (stat(native, &st) == 0 && S_ISDIR(st.st_mode)))
		return;
	if (prefork_server_watch_file(native, &error) < 0)
		trip("can't watch", native);
}

/* The indices by which a file was found, beside it. */
static void watch_indices(Tcl_Obj *path) {
	static const char *const names[] = {"pkgIndex.tcl", "tclIndex"};
	const char *text = Tcl_GetString(path), *slash = strrchr(text, '/');

	for (size_t i = 0; slash && !searching && i < sizeof names / sizeof *names; i++) {
		Tcl_Obj *index = Tcl_ObjPrintf("%.*s/%s", (int)(slash - text), text, names[i]);

		Tcl_IncrRefCount(index);
		if (Tcl_FSAccess(index, F_OK) == 0)
			watch_path(index);
		Tcl_DecrRefCount(index);
	}
}

static void on_file(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)rule;
	if (count > 1)
		watch_path(words[1]);
}

static void on_path(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)rule;
	if (count > 1)
		depend_on_path(words[1]);
}

/* `file mtime` and the like: with one more word it sets. */
static void on_time(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	if (count > 2)
		refuse(interp, rule, count, words);
	on_file(interp, rule, count, words);
}

static void on_attributes(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	if (count > 3)
		refuse(interp, rule, count, words);
	on_file(interp, rule, count, words);
}

static void on_source(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)rule;
	if (count > 1) {
		watch_path(words[count - 1]);
		watch_indices(words[count - 1]);
	}
}

/* Libraries that look at the terminal, start threads or open connections when they are loaded. */
static void on_load(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	static const char *const bad[] = {"thread", "libtk", "expect", "tclreadline"};

	(void)interp;
	(void)rule;
	for (int i = 1; i < count; i++) {
		const char *path = Tcl_GetString(words[i]), *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

		for (size_t b = 0; b < sizeof bad / sizeof *bad; b++)
			if (strstr(name, bad[b]))
				trip("loads", name);
		if (strchr(path, '/')) {
			watch_path(words[i]);
			watch_indices(words[i]);
		}
	}
}

static void on_open(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	const char *access = count > 2 ? Tcl_GetString(words[2]) : "r";

	(void)interp;
	(void)rule;
	if (count < 2)
		return;
	if (Tcl_GetString(words[1])[0] == '|')
		trip("starts", Tcl_GetString(words[1]) + 1);
	if (strcmp(access, "r") != 0 && strcmp(access, "rb") != 0 && strcmp(access, "RDONLY") != 0)
		trip("opens for writing", Tcl_GetString(words[1]));
	watch_path(words[1]);
}

static void on_glob(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)rule;
	for (int i = 1; i < count; i++) {
		if (is(words[i], "-directory") && i + 1 < count) {
			depend_on_path(words[i + 1]);
			return;
		}
	}
	depend_on_directory();
}

static void on_pwd(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)rule;
	(void)count;
	(void)words;
	depend_on_directory();
}

/* Other interpreters' commands are not seen. */
static void on_interp(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	static const char *const harmless[] = {"alias", "aliases", "exists", "issafe", "slaves", "children", "target"};

	for (size_t i = 0; count > 1 && i < sizeof harmless / sizeof *harmless; i++)
		if (is(words[1], harmless[i]))
			return;
	refuse(interp, rule, count, words);
}

/* A library that marks a boundary of its own. */
static void on_package(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)rule;
	if (count < 3 || !is(words[1], "require"))
		return;
	for (int i = 2; i < count; i++)
		if (is(words[i], "prefork_interp"))
			trip("requires", "prefork_interp");
}

static void on_trace(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	static const char *const callers[] = {"env", "argv", "argv0", "argc"};

	(void)interp;
	(void)rule;
	for (int i = 2; i < count; i++) {
		const char *name = Tcl_GetString(words[i]);

		name += strncmp(name, "::", 2) == 0 ? 2 : 0;
		for (size_t c = 0; c < sizeof callers / sizeof *callers; c++)
			if (strncmp(name, callers[c], strlen(callers[c])) == 0 && strchr("(", name[strlen(callers[c])]))
				trip("traces", name);
	}
}

static const struct rule table[] = {
	{"after", refuse},
	{"cd", refuse},
	{"chan", on_channel},
	{"close", on_channel},
	{"eof", on_channel},
	{"exec", refuse},
	{"exit", refuse},
	{"fblocked", on_channel},
	{"fconfigure", on_channel},
	{"fcopy", refuse},
	{"fileevent", refuse},
	{"flush", on_channel},
	{"gets", on_channel},
	{"glob", on_glob},
	{"interp", on_interp},
	{"load", on_load},
	{"open", on_open},
	{"package", on_package},
	{"pid", refuse},
	{"puts", refuse},
	{"pwd", on_pwd},
	{"read", on_channel},
	{"seek", on_channel},
	{"socket", refuse},
	{"source", on_source},
	{"tell", on_channel},
	{"time", refuse},
	{"timerate", refuse},
	{"trace", on_trace},
	{"unload", refuse},
	{"update", refuse},
	{"vwait", refuse},
	{"zlib", on_channel},
	{"::tcl::chan::close", on_channel},
	{"::tcl::chan::copy", refuse},
	{"::tcl::chan::event", refuse},
	{"::tcl::chan::gets", on_channel},
	{"::tcl::chan::names", refuse},
	{"::tcl::chan::pipe", refuse},
	{"::tcl::chan::puts", refuse},
	{"::tcl::chan::read", on_channel},
	{"::tcl::clock::add", refuse},
	{"::tcl::clock::clicks", refuse},
	{"::tcl::clock::format", refuse},
	{"::tcl::clock::microseconds", refuse},
	{"::tcl::clock::milliseconds", refuse},
	{"::tcl::clock::scan", refuse},
	{"::tcl::clock::seconds", refuse},
	{"::tcl::file::atime", on_time},
	{"::tcl::file::attributes", on_attributes},
	{"::tcl::file::channels", refuse},
	{"::tcl::file::copy", refuse},
	{"::tcl::file::delete", refuse},
	{"::tcl::file::executable", on_file},
	{"::tcl::file::exists", on_file},
	{"::tcl::file::isdirectory", on_file},
	{"::tcl::file::isfile", on_file},
	{"::tcl::file::link", refuse},
	{"::tcl::file::lstat", on_file},
	{"::tcl::file::mkdir", refuse},
	{"::tcl::file::mtime", on_time},
	{"::tcl::file::normalize", on_path},
	{"::tcl::file::owned", on_file},
	{"::tcl::file::readable", on_file},
	{"::tcl::file::readlink", on_file},
	{"::tcl::file::rename", refuse},
	{"::tcl::file::size", on_file},
	{"::tcl::file::stat", on_file},
	{"::tcl::file::tempfile", refuse},
	{"::tcl::file::type", on_file},
	{"::tcl::file::writable", on_file},
	{"::tcl::info::cmdcount", refuse},
	{"::tcl::mathfunc::rand", refuse},
	{"::tcl::mathfunc::srand", refuse},
};

/* The commands by which `package require` finds a package; what they see of all others is nobody's business. */
static const char *const searches[] = {"::tcl::tm::UnknownHandler", "::tclPkgUnknown"};

void tripwire_adopt(Tcl_Interp *interp) {
	Tcl_InitHashTable(&variables, TCL_STRING_KEYS);
	Tcl_InitHashTable(&rules, TCL_ONE_WORD_KEYS);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		Tcl_Command command = Tcl_FindCommand(interp, table[i].name, NULL, TCL_GLOBAL_ONLY);
		int is_new;

		if (command)
			Tcl_SetHashValue(Tcl_CreateHashEntry(&rules, (char *)command, &is_new), (void *)&table[i]);
	}
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
	if (wire->command)
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
		trip("looks at all of", "env");
	if ((flags & TCL_TRACE_READS) && name)
		depend_on_variable(name);
	return NULL;
}

static char *see_argument(ClientData data, Tcl_Interp *interp, const char *name, const char *index, int flags) {
	(void)data;
	(void)interp;
	(void)index;
	if (!(flags & TCL_INTERP_DESTROYED))
		trip("uses", name);
	return NULL;
}

#define ENVIRONMENT_TRACE (TCL_GLOBAL_ONLY | TCL_TRACE_READS | TCL_TRACE_ARRAY)
#define ARGUMENT_TRACE (TCL_GLOBAL_ONLY | TCL_TRACE_READS | TCL_TRACE_WRITES | TCL_TRACE_UNSETS)
#define NAME_TRACE (TCL_GLOBAL_ONLY | TCL_TRACE_WRITES | TCL_TRACE_UNSETS)

void tripwire_start(Tcl_Interp *interp, const struct tripwire *w) {
	wire = w;
	searching = 0;
	trace = Tcl_CreateObjTrace(interp, 0, 0, see_command, NULL, NULL);
	Tcl_TraceVar2(interp, "env", NULL, ENVIRONMENT_TRACE, see_environment, NULL);
	Tcl_TraceVar2(interp, "argv", NULL, ARGUMENT_TRACE, see_argument, NULL);
	Tcl_TraceVar2(interp, "argc", NULL, ARGUMENT_TRACE, see_argument, NULL);
	/* The key holds the name by which the script is called. */
	Tcl_TraceVar2(interp, "argv0", NULL, NAME_TRACE, see_argument, NULL);
}

void tripwire_stop(Tcl_Interp *interp) {
	Tcl_DeleteTrace(interp, trace);
	Tcl_UntraceVar2(interp, "env", NULL, ENVIRONMENT_TRACE, see_environment, NULL);
	Tcl_UntraceVar2(interp, "argv", NULL, ARGUMENT_TRACE, see_argument, NULL);
	Tcl_UntraceVar2(interp, "argc", NULL, ARGUMENT_TRACE, see_argument, NULL);
	Tcl_UntraceVar2(interp, "argv0", NULL, NAME_TRACE, see_argument, NULL);
}
