/* The C half of the Python runtime: prefork_interp._runtime, the server library as Python sees it.
 *
 * Limited API of 3.8, so that one binary serves every Python from there on. */
#include "runtime.h"

#include "leave.h"
#include "prefork-server.h"
#include "shelf.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Why the handshake could not be taken; empty when it could. */
static struct prefork_error adoption_error;
static int adopted;              /* what prefork_server_adopt() said */
static int served;               /* an executor: serving is behind us */
static struct prefork_call call; /* then, the call */
static size_t pending;           /* of what setup wrote to standard output: bytes that C's stream still held */

static PyObject *fail(PyObject *kind, const struct prefork_error *error) {
	PyErr_SetString(kind, error->message);
	return NULL;
}

/* The interpreter's own locks and os.register_at_fork()'s functions expect what os.fork() does around the call.
 * The GIL is held throughout: there is no other thread. */
static pid_t fork_as_python(void *context) {
	pid_t child;
	int error;

	(void)context;
	PyOS_BeforeFork();
	child = fork();
	error = errno;
	if (child == 0)
		PyOS_AfterFork_Child();
	else
		PyOS_AfterFork_Parent();
	errno = error;
	return child;
}

static PyObject *runtime_begin_reads(PyObject *self, PyObject *unused) {
	(void)self, (void)unused;
	prefork_server_begin_reads();
	Py_RETURN_NONE;
}

static PyObject *runtime_adopt(PyObject *self, PyObject *unused) {
	(void)self, (void)unused;
	if (getenv("PREFORK_INTERP_SPLIT"))
		prefork_server_note_start();
	adopted = prefork_server_adopt(&adoption_error);
	Py_RETURN_NONE;
}

static PyObject *runtime_start_again(PyObject *self, PyObject *arguments) {
	const char *variable;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "s", &variable))
		return NULL;
	prefork_server_start_again(variable);
	Py_RETURN_NONE;
}

static PyObject *runtime_serving(PyObject *self, PyObject *unused) {
	(void)self, (void)unused;
	if (adopted < 0)
		return fail(PyExc_RuntimeError, &adoption_error);
	return PyBool_FromLong(adopted && !served);
}

static PyObject *runtime_option(PyObject *self, PyObject *arguments) {
	struct prefork_error error;
	const char *name, *value;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "ss", &name, &value))
		return NULL;
	if (prefork_server_option(name, value, &error) != 0)
		return fail(PyExc_ValueError, &error);
	Py_RETURN_NONE;
}

static PyObject *runtime_watch_file(PyObject *self, PyObject *arguments) {
	struct prefork_error error;
	PyObject *path;
	int result;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "O&", PyUnicode_FSConverter, &path))
		return NULL;
	result = prefork_server_watch_file(PyBytes_AsString(path), &error);
	Py_DecRef(path);
	if (result != 0)
		return fail(PyExc_OSError, &error);
	Py_RETURN_NONE;
}

static PyObject *runtime_depend_on_variable(PyObject *self, PyObject *arguments) {
	struct prefork_error error;
	const char *name;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "s", &name))
		return NULL;
	if (prefork_server_depend_on_variable(name, &error) != 0)
		return fail(PyExc_OSError, &error);
	Py_RETURN_NONE;
}

static PyObject *runtime_depend_on_directory(PyObject *self, PyObject *unused) {
	(void)self, (void)unused;
	prefork_server_depend_on_directory();
	Py_RETURN_NONE;
}

/* Let GNU Readline, or libedit in its place, look at the terminal again: its size is known since setup, and in LINES
 * and COLUMNS.  LIBRARY is the module that links it; without one to ask, nothing is done. */
static PyObject *runtime_reset_terminal(PyObject *self, PyObject *arguments) {
	int (*reset)(const char *name) = NULL;
	PyObject *library;
	void *handle;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "O&", PyUnicode_FSConverter, &library))
		return NULL;
	handle = dlopen(PyBytes_AsString(library), RTLD_LAZY | RTLD_NOLOAD);
	Py_DecRef(library);
	if (handle)
		*(void **)&reset = dlsym(handle, "rl_reset_terminal");
	if (reset)
		reset(NULL);
	if (handle)
		dlclose(handle);
	Py_RETURN_NONE;
}

/* A list of STRINGS, each made by CONVERT. */
static PyObject *list_of(char *const *strings, PyObject *(*convert)(const char *)) {
	PyObject *list = PyList_New(0);

	for (; list && *strings; strings++) {
		PyObject *item = convert(*strings);

		if (!item || PyList_Append(list, item) != 0) {
			Py_DecRef(list);
			list = NULL;
		}
		Py_DecRef(item);
	}
	return list;
}

extern char **environ;

/* The C level's environment, which libraries change too. */
static PyObject *runtime_environment(PyObject *self, PyObject *unused) {
	static char *const none[] = {NULL};
	struct prefork_error error;

	(void)self, (void)unused;
	if (prefork_server_end_reads(&error) < 0)
		return PyErr_NoMemory();
	return list_of(environ ? environ : none, PyBytes_FromString);
}

/* The call as (script or None, arguments, environment, closed, ignored, setup's output): names and arguments decoded as
 * the interpreter decodes its own, environment and output as bytes. */
static PyObject *call_as_tuple(void) {
	PyObject *script = call.script ? PyUnicode_DecodeFSDefault(call.script) : Py_BuildValue("");
	PyObject *arguments = list_of(call.arguments, PyUnicode_DecodeFSDefault);
	PyObject *environment = list_of(call.environment, PyBytes_FromString);

	if (script && arguments && environment)
		return Py_BuildValue("NNNIKy#", script, arguments, environment, call.closed, (unsigned long long)call.ignored,
		                     call.setup_output, (Py_ssize_t)call.setup_output_length);
	Py_DecRef(script);
	Py_DecRef(arguments);
	Py_DecRef(environment);
	return NULL;
}

/* Write out what C's streams hold. */
static void flush_streams(void) {
	off_t at = lseek(STDOUT_FILENO, 0, SEEK_CUR);

	fflush(NULL);
	pending = at < 0 ? 0 : (size_t)(lseek(STDOUT_FILENO, 0, SEEK_CUR) - at);
}

/* C's own streams.  Standard input was /dev/null until now, and may have been read to its end; standard output, where
 * setup has used it, chose its way of buffering then.  Of -u it has none. */
static void renew_streams(void) {
	clearerr(stdin);
	if (__fbufsize(stdout) > 1)
		setvbuf(stdout, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
	if (pending > 0 && pending <= call.setup_output_length)
		call.setup_output_length -= fwrite(call.setup_output + call.setup_output_length - pending, 1, pending, stdout);
}

/* Call the Python function that loads what was learned. */
static int improve(void *function) {
	PyObject *result = PyObject_CallObject(function, NULL);
	int done = result && PyObject_IsTrue(result) == 1;

	if (!result) {
		PyErr_Print();
		return -2;
	}
	Py_DecRef(result);
	return done ? 0 : -1;
}

static PyObject *runtime_run(PyObject *self, PyObject *arguments) {
	struct prefork_language language = {.fork = fork_as_python};
	struct prefork_error error;
	PyObject *tuple, *function = NULL;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "|O", &function))
		return NULL;
	if (function) {
		language.improve = improve;
		language.context = function;
		language.found_boundary = 1;
	}
	flush_streams();
	switch (prefork_server_run(&language, &call, &error)) {
	case 0:
		Py_RETURN_NONE;
	case 1:
		served = 1;
		leave_begin();
		renew_streams();
		tzset();
		tuple = call_as_tuple();
		/* Out of memory: a script that catches this would run with nothing of its call in place. */
		if (!tuple) {
			PyErr_Print();
			_exit(127);
		}
		return tuple;
	default:
		return fail(PyExc_RuntimeError, &error);
	}
}

void runtime_give_signals(void) {
	if (served)
		prefork_server_unblock(&call);
}

static PyObject *runtime_unblock(PyObject *self, PyObject *unused) {
	(void)self, (void)unused;
	runtime_give_signals();
	Py_RETURN_NONE;
}

static PyObject *runtime_learned(PyObject *self, PyObject *unused) {
	size_t length = 0;
	char *bytes = prefork_server_learned(&length);
	PyObject *result = PyBytes_FromStringAndSize(bytes, bytes ? (Py_ssize_t)length : 0);

	(void)self, (void)unused;
	free(bytes);
	return result;
}

static PyObject *runtime_learn(PyObject *self, PyObject *bytes) {
	Py_ssize_t length;
	char *start;

	(void)self;
	if (PyBytes_AsStringAndSize(bytes, &start, &length) != 0)
		return NULL;
	return PyBool_FromLong(prefork_server_learn(start, (size_t)length) == 0);
}

static PyObject *runtime_gate(PyObject *self, PyObject *unused) {
	struct prefork_error error;

	(void)self, (void)unused;
	fflush(NULL);
	if (prefork_server_gate(&error) == 0)
		Py_RETURN_NONE;
	return PyUnicode_DecodeFSDefault(error.message);
}

static PyMethodDef methods[] = {
	{"adopt", runtime_adopt, METH_NOARGS, "Take the handshake, if there is one: before all else."},
	{"start_again", runtime_start_again, METH_VARARGS,
     "start_again(\"NAME=value\"): start setup from the beginning, with this in the environment.  None: it can't."},
	{"begin_reads", runtime_begin_reads, METH_NOARGS, "Note which variables of the environment are read from here on."},
	{"serving", runtime_serving, METH_NOARGS, "Is a server to be made?  RuntimeError: the handshake is malformed."},
	{"option", runtime_option, METH_VARARGS, "option(name, value): set a server option.  ValueError: refused."},
	{"watch_file", runtime_watch_file, METH_VARARGS, "watch_file(path).  OSError: can't be looked at."},
	{"depend_on_variable", runtime_depend_on_variable, METH_VARARGS, "depend_on_variable(name): setup looked at it."},
	{"depend_on_directory", runtime_depend_on_directory, METH_NOARGS, "Setup looked at the working directory."},
	{"environment", runtime_environment, METH_NOARGS, "The C level's environment: NAME=value."},
	{"run", runtime_run, METH_VARARGS,
     "run([improve]): serve.  In an executor: (script, arguments, environment, closed, ignored, setup's output)."},
	{"learned", runtime_learned, METH_NOARGS, "What was learned, as bytes."},
	{"learn", runtime_learn, METH_O, "learn(bytes): was it kept?"},
	{"gate", runtime_gate, METH_NOARGS, "In improve(): None, or why calls can't be forked from this process."},
	{"reset_terminal", runtime_reset_terminal, METH_VARARGS, "reset_terminal(library): readline's, linked by it."},
	{"unblock", runtime_unblock, METH_NOARGS, "Give the executor its signals: the last step of installing a call."},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT, .m_name = "_runtime", .m_doc = "The server library of prefork-interp.",
	.m_size = -1, /* one state per process: no second interpreter can have it */
	.m_methods = methods,
};

/* Headers before 3.9 don't export it by themselves. */
__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit__runtime(void) {
	PyObject *module = PyModule_Create(&definition);

	if (module &&
	    (script_add(module) != 0 || imports_add(module) != 0 || leave_add(module) != 0 || shelf_add(module) != 0)) {
		Py_DecRef(module);
		return NULL;
	}
	return module;
}
