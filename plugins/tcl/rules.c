/* What commands may do ahead of the calls: see rules.h. */
#include "rules.h"

#include "server/prefork-server.h"
#include "tripwire.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is(Tcl_Obj *word, const char *text) {
	return strcmp(Tcl_GetString(word), text) == 0;
}

/* ---- Rules: WORDS[0] is the command, or an ensemble's subcommand ---- */

static void refuse(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)count;
	(void)words;
	tripwire_trip("uses", rule->name);
}

/* A command of channels: those that the script has opened are its own. */
static void on_channel(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	for (int i = 1; i < count; i++)
		if (is(words[i], "stdin") || is(words[i], "stdout") || is(words[i], "stderr"))
			tripwire_trip(rule->name, Tcl_GetString(words[i]));
}

/* The reference that another interpreter has to a standard channel; the channel stays when the script's has one too. */
static void on_close(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	Tcl_Interp *script = interp;

	while (Tcl_GetMaster(script))
		script = Tcl_GetMaster(script);
	if (script == interp || !Tcl_GetAssocData(script, "tclIO", NULL))
		on_channel(interp, rule, count, words);
}

static void depend_on_path(Tcl_Obj *path) {
	if (Tcl_FSGetPathType(path) == TCL_PATH_RELATIVE)
		tripwire_directory();
}

/* What was found out about a file holds as long as it stays as it is.  Of a directory nothing but its being there was
 * asked. */
static void watch_path(Tcl_Obj *path) {
	struct prefork_error error;
	const char *native;
	struct stat st;

	depend_on_path(path);
	if (tripwire_searching())
		return;
	native = Tcl_FSGetNativePath(path);
	if (native && (strncmp(native, "/proc/", 6) == 0 || strncmp(native, "/dev/", 5) == 0))
		tripwire_trip("looks at", native);
	if (!native || (stat(native, &st) == 0 && S_ISDIR(st.st_mode)))
		return;
	if (prefork_server_watch_file(native, &error) < 0)
		tripwire_trip("can't watch", native);
}

/* The indices by which a file was found, beside it. */
static void watch_indices(Tcl_Obj *path) {
	static const char *const names[] = {"pkgIndex.tcl", "tclIndex"};
	const char *text = Tcl_GetString(path), *slash = strrchr(text, '/');

	for (size_t i = 0; slash && !tripwire_searching() && i < sizeof names / sizeof *names; i++) {
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
				tripwire_trip("loads", name);
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
		tripwire_trip("starts", Tcl_GetString(words[1]) + 1);
	if (strcmp(access, "r") != 0 && strcmp(access, "rb") != 0 && strcmp(access, "RDONLY") != 0)
		tripwire_trip("opens for writing", Tcl_GetString(words[1]));
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
	tripwire_directory();
}

static void on_pwd(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	(void)interp;
	(void)rule;
	(void)count;
	(void)words;
	tripwire_directory();
}

static int created(ClientData data[], Tcl_Interp *interp, int result) {
	Tcl_Interp *child = result == TCL_OK ? Tcl_GetSlave(interp, Tcl_GetStringResult(interp)) : NULL;

	(void)data;
	if (child)
		tripwire_watch(child);
	return result;
}

/* Commands are seen in other interpreters too, but not those that are hidden there. */
static void on_interp(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]) {
	static const char *const harmless[] = {"alias", "aliases", "create", "delete", "eval",     "exists", "expose",
	                                       "hide",  "hidden",  "issafe", "slaves", "children", "target"};

	for (size_t i = 0; count > 1 && i < sizeof harmless / sizeof *harmless; i++) {
		if (!is(words[1], harmless[i]))
			continue;
		if (is(words[1], "create"))
			Tcl_NRAddCallback(interp, created, NULL, NULL, NULL, NULL);
		return;
	}
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
			tripwire_trip("requires", "prefork_interp");
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
				tripwire_trip("traces", name);
	}
}

const struct rule rules_table[] = {
	{"after", refuse},
	{"cd", refuse},
	{"close", on_close},
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
	{"::tcl::chan::blocked", on_channel},
	{"::tcl::chan::close", on_close},
	{"::tcl::chan::copy", refuse},
	{"::tcl::chan::event", refuse},
	{"::tcl::chan::eof", on_channel},
	{"::tcl::chan::flush", on_channel},
	{"::tcl::chan::gets", on_channel},
	{"::tcl::chan::names", refuse},
	{"::tcl::chan::pending", on_channel},
	{"::tcl::chan::pipe", refuse},
	{"::tcl::chan::pop", on_channel},
	{"::tcl::chan::push", on_channel},
	{"::tcl::chan::puts", refuse},
	{"::tcl::chan::read", on_channel},
	{"::tcl::chan::seek", on_channel},
	{"::tcl::chan::tell", on_channel},
	{"::tcl::chan::truncate", on_channel},
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
	{NULL, NULL},
};

static const struct rule of_interpreters = {"another interpreter's command", on_interp};

const struct rule *rules_of_interpreters(void) {
	return &of_interpreters;
}
