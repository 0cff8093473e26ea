/* Running a script that marks no end of its initialisation: all of it, in its executor, as the interpreter's own main
 * program would.
 *
 * The bootstrap, which the interpreter runs in the script's place, ends by an exception.  The interpreter then calls
 * sys.excepthook, and that is a function here: so there is no Python frame below the script's. */
#include "leave.h"
#include "runtime.h"

#include <stdlib.h>

/* A function since 3.9, a macro before. */
#undef Py_LeaveRecursiveCall
extern void Py_LeaveRecursiveCall(void) __attribute__((weak));

/* start() -> (code, globals, end): serves, and returns in an executor with its call in place; end() is to be called
 * when the script has ended. */
static PyObject *start;

static PyObject *code, *globals, *end;
/* Not code but a function, which imports the script, and its arguments: the script is an archive. */
static int is_imported;

static void clear(PyObject **object) {
	PyObject *was = *object;

	*object = NULL;
	Py_DecRef(was);
}

/* The interpreter has noted the bootstrap's exception. */
static void forget_exception(void) {
	static const char *const names[] = {"last_type", "last_value", "last_traceback", "last_exc"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		PySys_SetObject(names[i], NULL);
}

/* As the interpreter does between the script's end and the report of its exception. */
static void flush(const char *name) {
	PyObject *file = PySys_GetObject(name), *result;

	if (!file)
		return;
	Py_IncRef(file);
	result = PyObject_CallMethod(file, "flush", NULL);
	if (!result)
		PyErr_Clear();
	Py_DecRef(result);
	Py_DecRef(file);
}

static void call_end(void) {
	PyObject *result = PyObject_CallObject(end, NULL);

	if (!result)
		PyErr_Clear();
	Py_DecRef(result);
	clear(&end);
}

static void forget_file(void) {
	static const char *const names[] = {"__file__", "__cached__"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (PyDict_DelItemString(globals, names[i]) != 0)
			PyErr_Clear();
}

/* The script has ended, with an exception if RESULT is NULL: the status, once all is done that is done before the
 * interpreter's own end. */
static int conclude(PyObject *result) {
	PyObject *type, *value, *traceback;
	int status = result ? 0 : 1;

	PyErr_Fetch(&type, &value, &traceback);
	clear(&code);
	call_end();
	if (!is_imported) {
		flush("stderr");
		flush("stdout");
	}
	leave_stand_by();
	PyErr_Restore(type, value, traceback);
	if (!result) {
		if (leave_reads_exit(&status)) {
			clear(&globals);
			return status;
		}
		PyErr_Print();
	}
	if (!is_imported)
		forget_file();
	clear(&globals);
	return status;
}

static PyObject *evaluate(void) {
	PyObject *arguments, *result;

	if (!is_imported)
		return PyEval_EvalCode(code, globals, globals);
	arguments = PyTuple_GetSlice(code, 1, PyTuple_Size(code));
	result = arguments ? PyObject_CallObject(PyTuple_GetItem(code, 0), arguments) : NULL;
	Py_DecRef(arguments);
	return result;
}

static void run_script(void) {
	PyObject *result;
	int status, interrupted;

	runtime_give_signals();
	is_imported = PyTuple_Check(code);
	/* The interpreter counts the call of its hook. */
	if (Py_LeaveRecursiveCall)
		Py_LeaveRecursiveCall();
	result = evaluate();
	interrupted = !result && PyErr_Occurred() == PyExc_KeyboardInterrupt;
	status = conclude(result);
	Py_DecRef(result);
	leave(status, interrupted);
}

static PyObject *hook(PyObject *self, PyObject *unused) {
	PyObject *result;

	(void)self, (void)unused;
	PySys_SetObject("excepthook", PySys_GetObject("__excepthook__"));
	forget_exception();
	result = PyObject_CallObject(start, NULL);
	if (result && PyArg_ParseTuple(result, "OOO", &code, &globals, &end)) {
		Py_IncRef(code);
		Py_IncRef(globals);
		Py_IncRef(end);
		Py_DecRef(result);
		clear(&start);
		run_script();
	}
	/* No server, or no memory: the caller runs the script plain. */
	PyErr_Print();
	exit(1);
}

static PyMethodDef hook_definition = {"excepthook", hook, METH_VARARGS, NULL};

static PyObject *script_run_after(PyObject *self, PyObject *function) {
	PyObject *new = PyCFunction_NewEx(&hook_definition, NULL, NULL);

	(void)self;
	if (!new || PySys_SetObject("excepthook", new) != 0)
		return NULL;
	Py_DecRef(new);
	Py_IncRef(function);
	start = function;
	leave_expect();
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"run_after", script_run_after, METH_O,
     "run_after(start): when the bootstrap has raised an exception, run what start() returns: (code, globals, end)."},
	{NULL, NULL, 0, NULL},
};

int script_add(PyObject *module) {
	return PyModule_AddFunctions(module, methods);
}
