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

static void refuse(const struct use *u) {
	tripwire_trip("uses", u->rule->name);
}

/* A command of channels: those that the script has opened are its own. */
static void on_channel(const struct use *u) {
	for (int i = 1; i < u->count; i++)
		if (is(u->words[i], "stdin") || is(u->words[i], "stdout") || is(u->words[i], "stderr"))
			tripwire_trip(u->rule->name, Tcl_GetString(u->words[i]));
}

/* The reference that another interpreter has to a standard channel; the channel stays when the script's has one too. */
static void on_close(const struct use *u) {
	Tcl_Interp *script = u->interp;

	while (Tcl_GetMaster(script))
		script = Tcl_GetMaster(script);
	if (script == u->interp || !Tcl_GetAssocData(script, "tclIO", NULL))
		on_channel(u);
}

typedef int watch_function(const char *path, struct prefork_error *error);

/* What the kernel makes up of a process can't be watched. */
static void watch_by(watch_function *function, Tcl_Obj *path) {
	struct prefork_error error;
	const char *native = Tcl_FSGetNativePath(path);

	if (native && (strncmp(native, "/proc/", 6) == 0 || strncmp(native, "/dev/", 5) == 0))
		tripwire_trip("looks at", native);
	if (native && function(native, &error) < 0)
		tripwire_trip("can't watch", native);
}

/* What is known of a file holds as long as it stays as it is. */
static void watch(Tcl_Obj *path) {
	watch_by(prefork_server_watch_file, path);
}

static int is_directory(Tcl_Obj *path) {
	Tcl_StatBuf *st = Tcl_AllocStatBuf();
	int is = Tcl_FSStat(path, st) == 0 && S_ISDIR(Tcl_GetModeFromStat(st));

	ckfree((char *)st);
	return is;
}

/* Of a directory nothing but its being there was asked. */
static void watch_path(Tcl_Obj *path) {
	if (!tripwire_searching())
		watch_by(is_directory(path) ? prefork_server_watch_directory : prefork_server_watch_file, path);
}

/* Of a directory it was asked what it holds.  The path is another than that of the directory itself. */
static void watch_contents(Tcl_Obj *path) {
	Tcl_Obj *inside;

	if (tripwire_searching())
		return;
	if (!is_directory(path)) {
		watch(path);
		return;
	}
	inside = Tcl_ObjPrintf("%s/.", Tcl_GetString(path));
	Tcl_IncrRefCount(inside);
	watch(inside);
	Tcl_DecrRefCount(inside);
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

static void on_file(const struct use *u) {
	if (u->count > 1)
		watch_path(u->words[1]);
}

static void on_details(const struct use *u) {
	if (u->count > 1)
		watch_contents(u->words[1]);
}

static int is_relative(Tcl_Obj *path) {
	return Tcl_FSGetPathType(path) == TCL_PATH_RELATIVE;
}

static void on_normalize(const struct use *u) {
	if (u->count == 2 && is_relative(u->words[1]))
		tripwire_directory();
}

/* `file mtime` and the like: with one more word it sets. */
static void on_time(const struct use *u) {
	if (u->count > 2)
		refuse(u);
	on_details(u);
}

static void on_attributes(const struct use *u) {
	if (u->count > 3)
		refuse(u);
	on_details(u);
}

/* Also the indices that are read in a search: calls load by what they say. */
static void on_source(const struct use *u) {
	if (u->count > 1) {
		watch(u->words[u->count - 1]);
		watch_indices(u->words[u->count - 1]);
	}
}

/* Libraries that look at the terminal, start threads or open connections when they are loaded. */
static void on_load(const struct use *u) {
	static const char *const bad[] = {"thread", "libtk", "expect", "tclreadline"};

	for (int i = 1; i < u->count; i++) {
		const char *path = Tcl_GetString(u->words[i]), *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

		for (size_t b = 0; b < sizeof bad / sizeof *bad; b++)
			if (strstr(name, bad[b]))
				tripwire_trip("loads", name);
		if (strchr(path, '/')) {
			watch_path(u->words[i]);
			watch_indices(u->words[i]);
		}
	}
}

static void on_open(const struct use *u) {
	const char *access = u->count > 2 ? Tcl_GetString(u->words[2]) : "r";

	if (u->count < 2)
		return;
	if (Tcl_GetString(u->words[1])[0] == '|')
		tripwire_trip("starts", Tcl_GetString(u->words[1]) + 1);
	if (strcmp(access, "r") != 0 && strcmp(access, "rb") != 0 && strcmp(access, "RDONLY") != 0)
		tripwire_trip("opens for writing", Tcl_GetString(u->words[1]));
	watch_path(u->words[1]);
}

/* -directory and -path: the file system is asked for that path by itself. */
static void look_by_glob(const struct use *u) {
	for (int i = 1; i < u->count; i++) {
		const char *word = Tcl_GetString(u->words[i]);

		if (strncmp(word, "-d", 2) == 0 || strncmp(word, "-p", 2) == 0)
			return;
		if (word[0] != '-' && is_relative(u->words[i]))
			tripwire_directory();
	}
}

/* What a directory holds, as long as it stays as it is. */
static void on_glob(const struct use *u) {
	Tcl_Obj *directory = NULL;

	look_by_glob(u);
	if (tripwire_searching())
		return;
	for (int i = 1; i < u->count; i++) {
		if (is(u->words[i], "-directory") && i + 1 < u->count)
			directory = u->words[++i];
		else if (strchr(Tcl_GetString(u->words[i]), '/') || is(u->words[i], "-join"))
			refuse(u);
	}
	if (!directory)
		refuse(u);
	watch_contents(directory);
}

static void on_pwd(const struct use *u) {
	(void)u;
	tripwire_directory();
}

/* What clock(n) reads by itself. */
static void on_getenv(const struct use *u) {
	if (u->count == 2)
		tripwire_variable(Tcl_GetString(u->words[1]));
}

static void on_pid(const struct use *u) {
	if (u->count == 1)
		tripwire_trip("the process's number", NULL);
}

/* A variable that was not there: its trace does not tell. */
static void on_unset(const struct use *u) {
	for (int i = 1; i < u->count; i++) {
		const char *name = Tcl_GetString(u->words[i]), *element = strncmp(name, "::", 2) == 0 ? name + 2 : name;
		size_t length = strlen(element);

		if (length > 5 && strncmp(element, "env(", 4) == 0 && element[length - 1] == ')') {
			Tcl_Obj *variable = Tcl_NewStringObj(element + 4, (int)length - 5);

			tripwire_variable(Tcl_GetString(variable));
			Tcl_DecrRefCount(variable);
		}
	}
}

static int created(ClientData data[], Tcl_Interp *interp, int result) {
	Tcl_Interp *child = result == TCL_OK ? Tcl_GetSlave(interp, Tcl_GetStringResult(interp)) : NULL;

	(void)data;
	if (child)
		tripwire_watch(child);
	return result;
}

static void on_new_interpreter(const struct use *u) {
	if (u->count > 1 && strncmp(Tcl_GetString(u->words[1]), "cr", 2) == 0)
		Tcl_NRAddCallback(u->interp, created, NULL, NULL, NULL, NULL);
}

/* Commands are seen in other interpreters too, but not those that are hidden there. */
static void on_interp(const struct use *u) {
	static const char *const harmless[] = {"alias",          "aliases", "bgerror",  "create", "debug",  "delete",
	                                       "eval",           "exists",  "expose",   "hide",   "hidden", "issafe",
	                                       "recursionlimit", "slaves",  "children", "target"};

	on_new_interpreter(u);
	for (size_t i = 0; u->count > 1 && i < sizeof harmless / sizeof *harmless; i++)
		if (is(u->words[1], harmless[i]))
			return;
	refuse(u);
}

/* A library that marks a boundary of its own. */
static void on_package(const struct use *u) {
	if (u->count < 3 || !is(u->words[1], "require"))
		return;
	for (int i = 2; i < u->count; i++)
		if (is(u->words[i], "prefork_interp"))
			tripwire_trip("requires", "prefork_interp");
}

static void on_trace(const struct use *u) {
	static const char *const callers[] = {"env", "argv", "argv0", "argc"};

	for (int i = 2; i < u->count; i++) {
		const char *name = Tcl_GetString(u->words[i]);

		name += strncmp(name, "::", 2) == 0 ? 2 : 0;
		for (size_t c = 0; c < sizeof callers / sizeof *callers; c++)
			if (strncmp(name, callers[c], strlen(callers[c])) == 0 && strchr("(", name[strlen(callers[c])]))
				tripwire_trip("traces", name);
	}
}

const struct rule rules_table[] = {
	{"after", note_after, refuse},
	{"cd", note_cd, refuse},
	{"close", NULL, on_close},
	{"eof", NULL, on_channel},
	{"exec", NULL, refuse},
	{"exit", NULL, refuse},
	{"fblocked", NULL, on_channel},
	{"fconfigure", note_fconfigure, on_channel},
	{"fcopy", NULL, refuse},
	{"fileevent", NULL, refuse},
	{"flush", NULL, on_channel},
	{"gets", NULL, on_channel},
	{"glob", look_by_glob, on_glob},
	{"interp", on_new_interpreter, on_interp},
	{"load", NULL, on_load},
	{"open", NULL, on_open},
	{"package", note_in_tcl, on_package},
	{"pid", on_pid, refuse},
	{"puts", NULL, refuse},
	{"pwd", on_pwd, on_pwd},
	{"read", NULL, on_channel},
	{"seek", NULL, on_channel},
	{"socket", NULL, refuse},
	{"source", note_in_tcl, on_source},
	{"tell", NULL, on_channel},
	{"time", NULL, refuse},
	{"trace", note_in_tcl, on_trace},
	{"unload", NULL, refuse},
	{"update", NULL, refuse},
	{"unset", on_unset, on_unset},
	{"vwait", NULL, refuse},
	{"zlib", NULL, on_channel},
	{"::tcl::chan::blocked", NULL, on_channel},
	{"::tcl::chan::close", NULL, on_close},
	{"::tcl::chan::copy", NULL, refuse},
	{"::tcl::chan::event", NULL, refuse},
	{"::tcl::chan::eof", NULL, on_channel},
	{"::tcl::chan::flush", NULL, on_channel},
	{"::tcl::chan::gets", NULL, on_channel},
	{"::tcl::chan::names", NULL, refuse},
	{"::tcl::chan::pending", NULL, on_channel},
	{"::tcl::chan::pipe", NULL, refuse},
	{"::tcl::chan::pop", NULL, on_channel},
	{"::tcl::chan::push", NULL, on_channel},
	{"::tcl::chan::puts", NULL, refuse},
	{"::tcl::chan::read", NULL, on_channel},
	{"::tcl::chan::seek", NULL, on_channel},
	{"::tcl::chan::tell", NULL, on_channel},
	{"::tcl::chan::truncate", NULL, on_channel},
	{"::tcl::clock::add", NULL, refuse},
	{"::tcl::clock::clicks", NULL, refuse},
	{"::tcl::clock::format", NULL, refuse},
	{"::tcl::clock::getenv", on_getenv, on_getenv},
	{"::tcl::clock::microseconds", NULL, refuse},
	{"::tcl::clock::milliseconds", NULL, refuse},
	{"::tcl::clock::scan", NULL, refuse},
	{"::tcl::clock::seconds", NULL, refuse},
	{"::tcl::file::atime", NULL, on_time},
	{"::tcl::file::attributes", NULL, on_attributes},
	{"::tcl::file::channels", NULL, refuse},
	{"::tcl::file::copy", NULL, refuse},
	{"::tcl::file::delete", NULL, refuse},
	{"::tcl::file::executable", NULL, on_file},
	{"::tcl::file::exists", NULL, on_file},
	{"::tcl::file::isdirectory", NULL, on_file},
	{"::tcl::file::isfile", NULL, on_file},
	{"::tcl::file::link", NULL, refuse},
	{"::tcl::file::lstat", NULL, on_details},
	{"::tcl::file::mkdir", NULL, refuse},
	{"::tcl::file::mtime", NULL, on_time},
	{"::tcl::file::normalize", on_normalize, on_normalize},
	{"::tcl::file::owned", NULL, on_file},
	{"::tcl::file::readable", NULL, on_file},
	{"::tcl::file::readlink", NULL, on_file},
	{"::tcl::file::rename", NULL, refuse},
	{"::tcl::file::size", NULL, on_details},
	{"::tcl::file::stat", NULL, on_details},
	{"::tcl::file::tempfile", NULL, refuse},
	{"::tcl::file::type", NULL, on_file},
	{"::tcl::file::writable", NULL, on_file},
	{"::tcl::info::cmdcount", NULL, refuse},
	{"::tcl::mathfunc::rand", NULL, refuse},
	{"::tcl::mathfunc::srand", note_srand, refuse},
	{"::tcl::unsupported::timerate", NULL, refuse},
	{NULL, NULL, NULL},
};

static const struct rule of_interpreters = {"another interpreter's command", NULL, on_interp};

const struct rule *rules_of_interpreters(void) {
	return &of_interpreters;
}
