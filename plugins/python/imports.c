/* Standing beside the interpreter's imports: taking modules that were loaded ahead, and noting what is loaded.
 *
 * What the script could find (importlib's _find_and_load, builtins.__import__, functions of os and time) is put in
 * place by Python; here are the functions.  They leave no frame, so that no traceback, no warning and no module that
 * looks at its caller sees them. */
#include "runtime.h"
#include "settings.h"
#include "shelf.h"

#include <pythread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static PyObject *find_original;   /* importlib's own _find_and_load */
static PyObject *import_original; /* builtins.__import__ */
static PyObject *known;           /* dict: names that need no noting */

/* The recorder's begin(name), end(name, error), imported(arguments), trip(kind, arguments), audited(event, arguments);
 * NULL: nothing is noted. */
static PyObject *begin, *finish, *imported, *trip, *audited;
static unsigned long thread; /* that notes; others do not */
static pid_t process;
static int depth; /* imports that are being noted */
static int busy;  /* the recorder itself runs */

static void keep(PyObject **place, PyObject *object) {
	PyObject *was = *place;

	Py_IncRef(object);
	*place = object == Py_None ? NULL : object;
	Py_DecRef(was);
}

static int notes(void) {
	return begin && !busy && PyThread_get_thread_ident() == thread && getpid() == process;
}

static int notes_within(void) {
	return depth > 0 && notes();
}

/* Call the recorder; the exception that is set stays so.  0, or -1 where the recorder raised another. */
static int tell(PyObject *function, PyObject *arguments) {
	PyObject *type, *value, *traceback, *result;

	PyErr_Fetch(&type, &value, &traceback);
	busy = 1;
	result = arguments ? PyObject_CallObject(function, arguments) : NULL;
	busy = 0;
	Py_DecRef(arguments);
	if (!result && !type)
		return -1;
	Py_DecRef(result);
	PyErr_Restore(type, value, traceback);
	return 0;
}

/* An import that is noted.  In a replayed import begin() raises where it is not to be. */
static PyObject *note(PyObject *name, PyObject *arguments) {
	PyObject *type, *value, *traceback, *result;

	if (tell(begin, Py_BuildValue("(O)", name)) < 0)
		return NULL;
	depth++;
	result = PyObject_CallObject(find_original, arguments);
	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	depth--;
	if (tell(finish, Py_BuildValue("(OO)", name, value ? value : Py_None)) < 0)
		PyErr_Clear();
	PyErr_Restore(type, value, traceback);
	return result;
}

/* importlib's _find_and_load(name, import_), which the interpreter calls for each module that is not there. */
static PyObject *find_and_load(PyObject *self, PyObject *arguments) {
	PyObject *name = PyTuple_GetItem(arguments, 0), *module;

	(void)self;
	if (!name)
		return NULL;
	if (shelf_has(name)) {
		int was_busy = busy;

		busy = 1; /* what is done for the module, not by it */
		module = shelf_give(name);
		busy = was_busy;
		if (module != Py_None)
			return module;
		Py_DecRef(module);
	}
	if (notes() && !PyDict_GetItem(PySys_GetObject("modules"), name) && (depth > 0 || !PyDict_GetItem(known, name)))
		return note(name, arguments);
	return PyObject_CallObject(find_original, arguments);
}

static PyObject *import(PyObject *self, PyObject *arguments, PyObject *keywords) {
	PyObject *result = PyObject_Call(import_original, arguments, keywords);

	(void)self;
	if (result && notes_within() && tell(imported, Py_BuildValue("(OO)", arguments, keywords ? keywords : Py_None)) < 0)
		PyErr_Clear();
	return result;
}

static PyObject *audit(PyObject *self, PyObject *arguments) {
	PyObject *event = PyTuple_GetItem(arguments, 0);

	(void)self;
	if (event && PyUnicode_CompareWithASCIIString(event, "sys.addaudithook") == 0)
		settings_add_other_hook();
	if (notes_within() && tell(audited, Py_BuildValue("O", arguments)) < 0)
		PyErr_Clear();
	Py_RETURN_NONE;
}

/* A tripwire: the function (SELF, a module, has it) is called all the same. */
static PyObject *wired(PyObject *self, PyObject *arguments, PyObject *keywords) {
	PyObject *original = PyObject_GetAttrString(self, "original"), *result;

	if (original && notes_within()) {
		PyObject *kind = PyObject_GetAttrString(self, "kind");

		if (tell(trip, Py_BuildValue("(NO)", kind, arguments)) < 0)
			PyErr_Clear();
	}
	result = original ? PyObject_Call(original, arguments, keywords) : NULL;
	Py_DecRef(original);
	return result;
}

/* A function that looks like ORIGINAL: a built-in one of that name. */
static PyObject *looking_like(PyObject *original, const char *name, PyObject *self, PyCFunction function, int flags) {
	PyMethodDef *definition = calloc(1, sizeof *definition); /* lives as long as the process */
	PyObject *module = PyObject_GetAttrString(original, "__module__"), *result;

	if (!module)
		PyErr_Clear();
	if (!definition)
		return PyErr_NoMemory();
	*definition = (PyMethodDef){strdup(name), function, flags, NULL};
	result = PyCFunction_NewEx(definition, self, module);
	Py_DecRef(module);
	return result;
}

static PyObject *imports_wire(PyObject *self, PyObject *arguments) {
	PyObject *original, *kind, *holder, *result = NULL;
	const char *name, *module;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "OssO", &original, &module, &name, &kind))
		return NULL;
	holder = PyModule_New(module);
	if (holder && PyObject_SetAttrString(holder, "original", original) == 0 &&
	    PyObject_SetAttrString(holder, "kind", kind) == 0)
		result = looking_like(original, name, holder, (PyCFunction)(void (*)(void))wired, METH_VARARGS | METH_KEYWORDS);
	Py_DecRef(holder);
	return result;
}

static PyObject *register_original; /* atexit.register */
static PyObject *held;              /* list: calls of it that are held back; NULL: none are */

static PyObject *hold_back(PyObject *self, PyObject *arguments, PyObject *keywords) {
	PyObject *call, *function = held ? PyTuple_GetItem(arguments, 0) : NULL;

	(void)self;
	if (!held)
		return PyObject_Call(register_original, arguments, keywords);
	call = function ? Py_BuildValue("(OO)", arguments, keywords ? keywords : Py_None) : NULL;
	if (!call || PyList_Append(held, call) != 0)
		return NULL;
	Py_DecRef(call);
	Py_IncRef(function);
	return function;
}

static PyObject *imports_hold_back(PyObject *self, PyObject *arguments) {
	PyObject *function, *list;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "OO", &function, &list))
		return NULL;
	keep(&held, list);
	if (!held)
		Py_RETURN_NONE;
	keep(&register_original, function);
	return looking_like(function, "register", PyModule_New("atexit"), (PyCFunction)(void (*)(void))hold_back,
	                    METH_VARARGS | METH_KEYWORDS);
}

/* sys.__getattr__, while SELF has what it would find. */
static PyObject *wired_attribute(PyObject *self, PyObject *name) {
	PyObject *attributes = PyObject_GetAttrString(self, "attributes");
	PyObject *result = attributes ? PyDict_GetItem(attributes, name) : NULL;

	Py_DecRef(attributes);
	if (!result) {
		PyErr_Format(PyExc_AttributeError, "module 'sys' has no attribute '%U'", name);
		return NULL;
	}
	Py_IncRef(result);
	if (notes_within() && tell(trip, Py_BuildValue("(s())", "sys.argv")) < 0)
		PyErr_Clear();
	return result;
}

static PyObject *imports_wire_attributes(PyObject *self, PyObject *attributes) {
	static PyMethodDef definition = {"__getattr__", wired_attribute, METH_O, NULL};
	PyObject *holder = PyModule_New("sys"), *result = NULL;

	(void)self;
	if (holder && PyObject_SetAttrString(holder, "attributes", attributes) == 0)
		result = PyCFunction_NewEx(&definition, holder, NULL);
	Py_DecRef(holder);
	return result;
}

static PyObject *imports_listen(PyObject *self, PyObject *unused) {
	static PyMethodDef definition = {"audit", audit, METH_VARARGS, NULL};
	static PyObject *function;
	PyObject *result;

	(void)self, (void)unused;
	if (function)
		Py_RETURN_NONE;
	settings_add_own_hook();
	function = PyCFunction_NewEx(&definition, NULL, NULL);
	result = function ? PyObject_CallFunctionObjArgs(PySys_GetObject("addaudithook"), function, NULL) : NULL;
	return result; /* None */
}

static PyObject *imports_note_all(PyObject *self, PyObject *on) {
	(void)self;
	depth = PyObject_IsTrue(on);
	Py_RETURN_NONE;
}

static PyObject *imports_notes(PyObject *self, PyObject *unused) {
	(void)self, (void)unused;
	return PyBool_FromLong(notes_within());
}

static PyObject *imports_hooks(PyObject *self, PyObject *arguments) {
	PyObject *find, *imports, *builtins;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "OOO", &find, &imports, &builtins))
		return NULL;
	keep(&find_original, find);
	keep(&import_original, imports);
	return Py_BuildValue("NN", looking_like(find, "_find_and_load", NULL, find_and_load, METH_VARARGS),
	                     looking_like(imports, "__import__", builtins, (PyCFunction)(void (*)(void))import,
	                                  METH_VARARGS | METH_KEYWORDS));
}

static PyObject *imports_note(PyObject *self, PyObject *arguments) {
	PyObject *all[6];

	(void)self;
	if (!PyArg_ParseTuple(arguments, "OOOOOO", &all[0], &all[1], &all[2], &all[3], &all[4], &all[5]))
		return NULL;
	keep(&known, all[0]);
	keep(&begin, all[1]);
	keep(&finish, all[2]);
	keep(&imported, all[3]);
	keep(&trip, all[4]);
	keep(&audited, all[5]);
	thread = PyThread_get_thread_ident();
	process = getpid();
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"hooks", imports_hooks, METH_VARARGS,
     "hooks(_find_and_load, __import__, builtins): functions in place of the first two, that call them."},
	{"note", imports_note, METH_VARARGS,
     "note(known, begin, end, imported, trip, audited): note what is not known; None: no more."},
	{"note_all", imports_note_all, METH_O, "note_all(on): not only in imports."},
	{"wire", imports_wire, METH_VARARGS,
     "wire(function, module, name, kind): one that calls trip(kind, arguments), and function."},
	{"hold_back", imports_hold_back, METH_VARARGS,
     "hold_back(register, list): one that keeps (arguments, keywords) in the list; None: no more."},
	{"wire_attributes", imports_wire_attributes, METH_O, "wire_attributes(dict): for sys.__getattr__."},
	{"notes", imports_notes, METH_NOARGS, "Is an import being noted, here and now?"},
	{"listen", imports_listen, METH_NOARGS, "From here on audited(event, arguments) is called too."},
	{NULL, NULL, 0, NULL},
};

int imports_add(PyObject *module) {
	return PyModule_AddFunctions(module, methods);
}
