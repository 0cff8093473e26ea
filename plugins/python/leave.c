/* Leaving without taking the interpreter apart: that touches every object, and so copies every page of the server's.
 *
 * Py_FinalizeEx() itself waits for the threads, calls what was registered with atexit and flushes the standard streams.
 * Then it collects garbage, and says so first to a function of ours.  If nothing remains whose destruction could be
 * seen, the process ends there; else that function returns, and the interpreter goes on.  In doubt it does. */
#include "leave.h"

#include "remains.h"
#include "settings.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not in the limited API, but exported by every Python so far. */
extern int PyObject_Print(PyObject *object, FILE *file, int flags);
extern int _Py_IsFinalizing(void) __attribute__((weak)), Py_IsFinalizing(void) __attribute__((weak)); /* since 3.13 */

static PyObject *collector;                       /* the module gc */
static PyObject *get_objects, *freeze, *unfreeze; /* its functions */
static PyObject *callbacks;                       /* its list */
static long frozen_at_start;                      /* by the interpreter: Python 3.12 does */
static int expected;                              /* scripts end by leave() */
static int frozen;                                /* by us: what the server had loaded */
static struct remains of_server;                  /* what of that is to be looked at */
static PyObject *mark;                            /* an object of the call's: has the script frozen what there was? */

static struct { int now, status, interrupted; } leaving;

/* ---- in the server */

static int adopt_collector(PyObject *module) {
	if (collector)
		return 0;
	get_objects = PyObject_GetAttrString(module, "get_objects");
	freeze = PyObject_GetAttrString(module, "freeze");
	unfreeze = PyObject_GetAttrString(module, "unfreeze");
	callbacks = PyObject_GetAttrString(module, "callbacks");
	of_server.watched = PyList_New(0);
	if (!get_objects || !freeze || !unfreeze || !callbacks || !of_server.watched || remains_prepare() < 0)
		return -1;
	Py_IncRef(module);
	collector = module;
	return 0;
}

static long frozen_count(PyObject *module) {
	PyObject *count = PyObject_CallMethod(module, "get_freeze_count", NULL);
	long result = count ? PyLong_AsLong(count) : -1;

	Py_DecRef(count);
	return result;
}

/* Look at all that the server has; -1 with an exception set. */
static int look_at_server(void) {
	PyObject *objects;
	int result;

	if (!frozen && frozen_count(collector) > frozen_at_start)
		snprintf(of_server.doubt, sizeof of_server.doubt, "the script has frozen its objects");
	objects = PyObject_CallObject(get_objects, NULL);
	result = objects ? remains_look(&of_server, objects) : -1;
	Py_DecRef(objects);
	return result;
}

/* freeze(gc, always): garbage collections of calls leave alone what there is now.  False where something of it may show
 * when it is destroyed: calls then leave by finalising the interpreter, and unless ALWAYS nothing is frozen. */
static PyObject *leave_freeze(PyObject *self, PyObject *arguments) {
	PyObject *module, *done;
	int always;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "Op", &module, &always))
		return NULL;
	/* Otherwise nobody would thaw it. */
	if (!expected)
		Py_RETURN_FALSE;
	if (adopt_collector(module) < 0 || look_at_server() < 0) {
		PyErr_Clear();
		snprintf(of_server.doubt, sizeof of_server.doubt, "the server's objects can't be looked at");
	}
	if (freeze && (always || !*of_server.doubt)) {
		done = PyObject_CallObject(freeze, NULL);
		if (!done)
			return NULL;
		Py_DecRef(done);
		frozen = 1;
	}
	return PyBool_FromLong(!*of_server.doubt);
}

void leave_expect(void) {
	PyObject *modules = PySys_GetObject("modules");
	int known = PyDict_GetItemString(modules, "gc") != NULL;
	PyObject *module = PyImport_ImportModule("gc");

	if (module && !known)
		PyDict_DelItemString(modules, "gc");
	frozen_at_start = module ? frozen_count(module) : 0;
	Py_DecRef(module);
	PyErr_Clear();
	expected = 1;
}

void leave_begin(void) {
	mark = PyList_New(0);
}

/* ---- the end of a call */

int leave_reads_exit(int *status) {
	PyObject *type, *value, *traceback, *code;
	PyObject *file = PySys_GetObject("stderr");

	if (!PyErr_ExceptionMatches(PyExc_SystemExit))
		return 0;
	PyErr_Fetch(&type, &value, &traceback);
	fflush(stdout);
	if (value && PyExceptionInstance_Check(value) && (code = PyObject_GetAttrString(value, "code"))) {
		Py_DecRef(value);
		value = code;
	}
	if (!value || value == Py_None) {
		*status = 0;
	} else if (PyLong_Check(value)) {
		*status = (int)PyLong_AsLong(value);
	} else {
		*status = 1;
		PyErr_Clear();
		if (!file || file == Py_None) {
			PyObject_Print(value, stderr, Py_PRINT_RAW);
			fflush(stderr);
		} else {
			PyFile_WriteObject(value, file, Py_PRINT_RAW);
		}
		PySys_WriteStderr("\n");
	}
	PyErr_Restore(type, value, traceback);
	PyErr_Clear();
	return 1;
}

static _Noreturn void end(int status, int interrupted) {
	if (interrupted) {
		signal(SIGINT, SIG_DFL);
		kill(getpid(), SIGINT);
		status = SIGINT + 128;
	}
	exit(status);
}

/* By freezing, or thawing, what it likes. */
static int script_has_frozen(void) {
	PyObject *objects = PyObject_CallObject(get_objects, NULL);
	int found = 0;

	for (Py_ssize_t i = 0; objects && !found && i < PyList_Size(objects); i++)
		found = PyList_GetItem(objects, i) == mark;
	Py_DecRef(objects);
	PyErr_Clear();
	return !found;
}

/* What the server had loaded is to be destroyed like all else. */
static void thaw(void) {
	PyObject *done = frozen && !script_has_frozen() ? PyObject_CallObject(unfreeze, NULL) : NULL;

	frozen = 0;
	Py_DecRef(done);
	PyErr_Clear();
}

/* Add the call's objects, and those of the server's that may have changed. */
static int look_at_call(struct remains *remains) {
	PyObject *objects = PyObject_CallObject(get_objects, NULL);
	int result = objects ? 0 : -1;

	for (Py_ssize_t i = 0; result == 0 && i < PyList_Size(of_server.watched); i++) {
		PyObject *object = PyObject_CallObject(PyList_GetItem(of_server.watched, i), NULL);

		if (!object || (object != Py_None && PyList_Append(objects, object) != 0))
			result = -1;
		Py_DecRef(object);
	}
	if (result == 0)
		result = remains_look(remains, objects);
	Py_DecRef(objects);
	return result;
}

/* Standard output and error, with no other object in their place. */
static const char *flush_standard(const char *name, const char *original) {
	PyObject *file = PySys_GetObject(name), *result;

	if (!file || file != PySys_GetObject(original) || (file != Py_None && !remains_is_text(file)))
		return "a standard stream was replaced";
	if (file == Py_None)
		return NULL;
	result = PyObject_GetAttrString(file, "closed");
	if (result == Py_False) {
		Py_DecRef(result);
		result = PyObject_CallMethod(file, "flush", NULL);
	}
	Py_DecRef(result);
	return result ? NULL : "a standard stream can't be written";
}

static const char *flush_all(PyObject *streams) {
	const char *doubt = flush_standard("stdout", "__stdout__");

	if (!doubt)
		doubt = flush_standard("stderr", "__stderr__");
	for (Py_ssize_t i = 0; !doubt && i < PyList_Size(streams); i++) {
		PyObject *result = PyObject_CallMethod(PyList_GetItem(streams, i), "flush", NULL);

		if (!result)
			doubt = "a file can't be written";
		Py_DecRef(result);
	}
	return doubt;
}

/* Why the interpreter is to finalise itself; NULL: all that could be seen of that is done. */
static const char *prepare_to_leave(struct remains *remains) {
	const char *doubt;

	if (!frozen || *of_server.doubt)
		return *of_server.doubt ? of_server.doubt : "nothing is frozen";
	if (script_has_frozen())
		return "the script has frozen its objects";
	doubt = settings_doubt(collector);
	if (doubt)
		return doubt;
	remains->streams = PyList_New(0);
	if (!remains->streams || look_at_call(remains) < 0)
		return "objects can't be looked at";
	if (*remains->doubt)
		return remains->doubt;
	if (remains->open && !settings_ignore_open_files())
		return "a file is open, of which a warning may tell";
	if (remains_share_files(remains->streams))
		return "two files write to one";
	return flush_all(remains->streams);
}

static void look_around(void) {
	static struct remains remains;
	const char *asked = getenv("PREFORK_INTERP_DEBUG"), *doubt = prepare_to_leave(&remains);

	PyErr_Clear();
	if (!doubt)
		end(leaving.status, leaving.interrupted);
	if (asked && strcmp(asked, "leave") == 0)
		fprintf(stderr, "prefork-interp: the interpreter is finalised: %s\n", doubt);
	Py_DecRef(remains.streams);
}

static int is_finalising(void) {
	return Py_IsFinalizing ? Py_IsFinalizing() : _Py_IsFinalizing && _Py_IsFinalizing();
}

/* What the interpreter calls before and after it collects garbage. */
static PyObject *collecting(PyObject *self, PyObject *unused) {
	(void)self, (void)unused;
	if (!is_finalising())
		Py_RETURN_NONE;
	PySequence_DelItem(callbacks, PySequence_Size(callbacks) - 1);
	if (leaving.now)
		look_around();
	thaw();
	Py_RETURN_NONE;
}

static int collector_is_enabled(void) {
	PyObject *enabled = PyObject_CallMethod(collector, "isenabled", NULL);
	int result = enabled == Py_True;

	Py_DecRef(enabled);
	return result;
}

void leave_stand_by(void) {
	static PyMethodDef definition = {"collecting", collecting, METH_VARARGS, NULL};
	PyObject *function;

	if (!mark || !collector)
		return;
	function = PyCFunction_NewEx(&definition, NULL, NULL);
	/* It collects no garbage at its end if the script has none collected. */
	if (!function || !collector_is_enabled() || PyList_Append(callbacks, function) != 0)
		thaw();
	Py_DecRef(function);
	PyErr_Clear();
}

_Noreturn void leave(int status, int interrupted) {
	leaving.now = 1;
	leaving.status = status;
	leaving.interrupted = interrupted;
	if (Py_FinalizeEx() < 0)
		status = 120;
	end(status, interrupted);
}

static PyMethodDef methods[] = {
	{"freeze", leave_freeze, METH_VARARGS,
     "freeze(gc, always): calls need not look at what there is now; False: they must, and it is frozen if ALWAYS."},
	{NULL, NULL, 0, NULL},
};

int leave_add(PyObject *module) {
	return PyModule_AddFunctions(module, methods);
}
