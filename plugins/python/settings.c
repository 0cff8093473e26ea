/* The interpreter's settings and modules: see settings.h. */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Not in the limited API, but exported by every Python so far. */
extern int PySys_Audit(const char *event, const char *format, ...) __attribute__((weak));
extern PyInterpreterState *PyInterpreterState_Head(void) __attribute__((weak));
extern PyInterpreterState *PyInterpreterState_Next(PyInterpreterState *interpreter) __attribute__((weak));

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* 1 if the attribute is there and true; neither None nor an error is. */
static int has(PyObject *object, const char *name) {
	PyObject *attribute = object ? PyObject_GetAttrString(object, name) : NULL;
	int result = attribute && PyObject_IsTrue(attribute) == 1;

	Py_DecRef(attribute);
	PyErr_Clear();
	return result;
}

/* 1 if the function says something that is true. */
static int says(PyObject *object, const char *function) {
	PyObject *answer = object ? PyObject_CallMethod(object, function, NULL) : NULL;
	int result = !answer || PyObject_IsTrue(answer) != 0;

	Py_DecRef(answer);
	PyErr_Clear();
	return object && result;
}

static PyObject *system_module(void) {
	return PyDict_GetItemString(PySys_GetObject("modules"), "sys");
}

static const char *doubt_flags(PyObject *collector) {
	static const char *const variables[] = {"PYTHONDUMPREFS", "PYTHONDUMPREFSFILE", "PYTHONMALLOCSTATS"};

	(void)collector;
	if (PySys_GetObject("gettotalrefcount") || PySys_GetObject("getobjects"))
		return "this Python is built for debugging";
	if (has(PySys_GetObject("flags"), "dev_mode"))
		return "-X dev";
	for (size_t i = 0; i < COUNT(variables); i++)
		if (getenv(variables[i]))
			return variables[i];
	return NULL;
}

/* Its collections at the interpreter's end would be heard of. */
static const char *doubt_collector(PyObject *collector) {
	if (has(collector, "callbacks"))
		return "the garbage collector has callbacks";
	if (has(collector, "garbage") || says(collector, "get_debug"))
		return "the garbage collector is being debugged";
	return NULL;
}

static PyObject *no_arguments(void *unused) {
	(void)unused;
	PyErr_SetNone(PyExc_RuntimeError);
	return NULL;
}

/* Hooks hear of the interpreter's end.  Where there are any an event's arguments are made, else not; as these can't be,
 * no hook hears of this event. */
static int is_heard(void) {
	if (PySys_Audit && PySys_Audit("prefork_interp.leave", "(O&)", no_arguments, (void *)NULL) == 0)
		return 0;
	PyErr_Clear();
	return 1;
}

/* Our own hook stays, and hears of all that are added behind it. */
static int own_hook, other_hook;

void settings_add_own_hook(void) {
	other_hook = is_heard();
	own_hook = 1;
}

void settings_add_other_hook(void) {
	other_hook = 1;
}

static const char *doubt_hooks(PyObject *collector) {
	(void)collector;
	return (own_hook ? other_hook : is_heard()) ? "there is an audit hook" : NULL;
}

static const char *doubt_tracing(PyObject *collector) {
	PyObject *monitoring = PySys_GetObject("monitoring"); /* since 3.12 */

	(void)collector;
	if (says(system_module(), "gettrace") || says(system_module(), "getprofile"))
		return "there is a trace function";
	for (int tool = 0; monitoring && tool < 6; tool++) {
		PyObject *name = PyObject_CallMethod(monitoring, "get_tool", "i", tool);

		Py_DecRef(name);
		PyErr_Clear();
		if (name != Py_None)
			return "there is a monitoring tool";
	}
	return NULL;
}

/* How many threads the interpreter has, besides the first. */
static long count_threads(void) {
	PyObject *module = PyDict_GetItemString(PySys_GetObject("modules"), "_thread");
	PyObject *count = module ? PyObject_CallMethod(module, "_count", NULL) : NULL;
	long result = count ? PyLong_AsLong(count) : -1;

	Py_DecRef(count);
	PyErr_Clear();
	return result;
}

static int has_threads(void) {
	struct stat tasks;

	return stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink != 3;
}

#define THREAD_TIME 50 /* times 0.1 ms */

/* Daemon threads, and those of libraries, for which exit() may wait while they wait for the interpreter.  One that was
 * joined may not be quite gone. */
static const char *doubt_threads(PyObject *collector) {
	(void)collector;
	for (int i = 0; has_threads(); i++) {
		if (i == THREAD_TIME || count_threads() != 0)
			return "there are threads";
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
	if (!PyInterpreterState_Head || !PyInterpreterState_Next || PyInterpreterState_Next(PyInterpreterState_Head()))
		return "there is a second interpreter";
	return NULL;
}

/* ---- modules */

/* Of their objects the garbage collector does not tell. */
static const char *const opaque[] = {"_dbm", "_gdbm", "_tkinter", "ossaudiodev", "_testcapi", "tracemalloc"};

/* Of their objects it does since 3.11. */
#define SQLITE "_sqlite3"

/* Extensions that are not the interpreter's own, whose objects hold memory and nothing else: by package.  With any
 * other the interpreter is finalised. */
static const char known_extensions[] =
	" Crypto Cryptodome Levenshtein PIL _brotli _awscrt _cffi_backend _ruamel_yaml _yaml aiohttp bcrypt black blib2to3 "
	"brotli"
	" charset_normalizer contourpy coverage cryptography frozenlist kiwisolver lxml lz4 markupsafe matplotlib msgpack"
	" multidict mypy mypyc nacl numpy orjson pandas prefork_interp propcache psutil pydantic_core rapidfuzz regex rpds"
	" ruamel scipy simplejson tomli ujson wrapt xxhash yaml yarl zstandard ";

static int ends_with(const char *text, const char *end) {
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static int is_known(const char *name) {
	char package[64];

	if (ends_with(name, "__mypyc")) /* what a compiled package's modules have in common */
		return 1;
	snprintf(package, sizeof package, " %.*s ", (int)strcspn(name, "."), name);
	return strstr(known_extensions, package) != NULL;
}

/* SUFFIX: ".so" */
static int is_foreign_extension(PyObject *module, PyObject *suffix) {
	PyObject *names = PyModule_Check(module) ? PyModule_GetDict(module) : NULL, *bytes;
	PyObject *file = names ? PyDict_GetItemString(names, "__file__") : NULL;
	int result;

	if (!file || !PyUnicode_Check(file) || PyUnicode_Tailmatch(file, suffix, 0, PY_SSIZE_T_MAX, 1) != 1)
		return 0;
	bytes = PyUnicode_EncodeFSDefault(file);
	result = !bytes || !strstr(PyBytes_AsString(bytes), "/lib-dynload/");
	Py_DecRef(bytes);
	return result;
}

static int is_opaque(const char *name) {
	PyObject *version = PySys_GetObject("hexversion");

	for (size_t i = 0; i < COUNT(opaque); i++)
		if (strcmp(name, opaque[i]) == 0)
			return 1;
	return strcmp(name, SQLITE) == 0 && version && PyLong_AsLong(version) < 0x030B0000;
}

static const char *doubt_module(PyObject *key, PyObject *module, PyObject *suffix) {
	PyObject *bytes = PyUnicode_Check(key) ? PyUnicode_AsUTF8String(key) : NULL;
	const char *name = bytes ? PyBytes_AsString(bytes) : "", *doubt = NULL;

	if (is_opaque(name))
		doubt = "there is a module whose objects can't be looked at";
	else if (strcmp(name, "faulthandler") == 0 && says(module, "is_enabled"))
		doubt = "the fault handler is in place";
	else if (is_foreign_extension(module, suffix) && !is_known(name))
		doubt = "there is an extension that is not known to be harmless";
	Py_DecRef(bytes);
	PyErr_Clear();
	return doubt;
}

static const char *doubt_modules(PyObject *collector) {
	PyObject *modules = PySys_GetObject("modules"), *suffix = PyUnicode_FromString(".so"), *key, *module;
	const char *doubt = NULL;
	Py_ssize_t at = 0;

	(void)collector;
	if (!modules || !PyDict_Check(modules) || !suffix)
		return "sys.modules is no dictionary";
	while (!doubt && PyDict_Next(modules, &at, &key, &module))
		doubt = doubt_module(key, module, suffix);
	Py_DecRef(suffix);
	return doubt;
}

const char *settings_doubt(PyObject *collector) {
	static const char *(*const all[])(PyObject *) = {doubt_flags,   doubt_threads,   doubt_hooks,
	                                                 doubt_tracing, doubt_collector, doubt_modules};
	const char *doubt = NULL;

	for (size_t i = 0; i < COUNT(all) && !doubt; i++)
		doubt = all[i](collector);
	return doubt;
}

/* ---- warnings */

/* 1: a filter that ignores what is left open, 0: one that does not apply, -1: any other. */
static int reads_filter(PyObject *filter) {
	PyObject *action, *message, *category, *module, *line;
	int applies;

	if (!PyTuple_Check(filter) || !PyArg_ParseTuple(filter, "OOOOO", &action, &message, &category, &module, &line))
		return -1;
	applies = PyObject_IsSubclass(PyExc_ResourceWarning, category);
	if (applies <= 0)
		return applies;
	if (PyUnicode_Check(action) && PyUnicode_CompareWithASCIIString(action, "ignore") == 0)
		return message == Py_None && module == Py_None && PyObject_IsTrue(line) == 0;
	return -1;
}

int settings_ignore_open_files(void) {
	PyObject *modules = PySys_GetObject("modules"), *filters;
	PyObject *warnings = PyDict_GetItemString(modules, "warnings");
	int ignored = 0;

	if (!warnings)
		warnings = PyDict_GetItemString(modules, "_warnings");
	filters = warnings ? PyObject_GetAttrString(warnings, "filters") : NULL;
	if (filters && PyList_Check(filters))
		for (Py_ssize_t i = 0; i < PyList_Size(filters) && !ignored; i++)
			ignored = reads_filter(PyList_GetItem(filters, i));
	Py_DecRef(filters);
	PyErr_Clear();
	return ignored == 1;
}
