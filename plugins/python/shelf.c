/* Giving modules to a call: see shelf.h.
 *
 * A reference that is counted is a page to copy, so what only leads to a module (names, lists) is looked at without
 * being counted, nothing is taken off the shelf, and what was given is noted elsewhere. */
#include "shelf.h"

static PyObject *shelf;   /* dict: by name, a tuple of what is below */
static PyObject *given;   /* set: names */
static PyObject *restore; /* restore(name): may it be given?  The module, after bring(name), or None */

enum {
	NAME,
	MODULE,
	PARENT,    /* the name of the package that it lies in, or None */
	ATTRIBUTE, /* what it becomes there, or None */
	FINDERS,   /* tuple of (function, arguments): that were asked for it */
	NEEDS,     /* tuple: names of what it imports */
	OTHERS,    /* tuple of (number, name, module): what else has come into sys.modules, behind so many of the needs */
	EFFECTS,   /* tuple of (function, arguments): what it does to others, and what is each call's own */
};

int shelf_has(PyObject *name) {
	return shelf && PyDict_GetItem(shelf, name) && PySet_Contains(given, name) == 0;
}

PyObject *shelf_give(PyObject *name) {
	return PyObject_CallFunctionObjArgs(restore, name, NULL);
}

static int call_all(PyObject *steps) {
	for (Py_ssize_t i = 0; i < PyTuple_Size(steps); i++) {
		PyObject *step = PyTuple_GetItem(steps, i);
		PyObject *result = PyObject_CallObject(PyTuple_GetItem(step, 0), PyTuple_GetItem(step, 1));

		if (!result)
			return -1;
		Py_DecRef(result);
	}
	return 0;
}

/* Those from *AT on that come behind COUNT needs, or fewer. */
static int bring_others(PyObject *modules, PyObject *others, Py_ssize_t *at, Py_ssize_t count) {
	for (; *at < PyTuple_Size(others); ++*at) {
		PyObject *other = PyTuple_GetItem(others, *at);

		if (PyLong_AsSsize_t(PyTuple_GetItem(other, 0)) > count)
			return 0;
		if (PyDict_SetItem(modules, PyTuple_GetItem(other, 1), PyTuple_GetItem(other, 2)) != 0)
			return -1;
	}
	return 0;
}

static int bring(PyObject *modules, PyObject *name);

/* What comes into sys.modules while this module is imported. */
static int bring_needs(PyObject *modules, PyObject *item) {
	PyObject *needs = PyTuple_GetItem(item, NEEDS), *others = PyTuple_GetItem(item, OTHERS);
	Py_ssize_t at = 0;

	for (Py_ssize_t i = 0; i < PyTuple_Size(needs); i++)
		if (bring_others(modules, others, &at, i) < 0 || bring(modules, PyTuple_GetItem(needs, i)) < 0)
			return -1;
	return bring_others(modules, others, &at, PY_SSIZE_T_MAX);
}

static int put_into_parent(PyObject *modules, PyObject *item) {
	PyObject *attribute = PyTuple_GetItem(item, ATTRIBUTE), *parent;

	if (attribute == Py_None)
		return 0;
	parent = PyDict_GetItemWithError(modules, PyTuple_GetItem(item, PARENT));
	if (!parent) {
		if (!PyErr_Occurred())
			PyErr_SetObject(PyExc_KeyError, PyTuple_GetItem(item, PARENT));
		return -1;
	}
	return PyObject_SetAttr(parent, attribute, PyTuple_GetItem(item, MODULE));
}

/* A module that is there and not given; its package has been. */
static int bring_it(PyObject *modules, PyObject *item) {
	PyObject *name = PyTuple_GetItem(item, NAME), *module = PyTuple_GetItem(item, MODULE);
	Py_ssize_t count;

	if (PySet_Add(given, name) != 0 || PyDict_SetItem(modules, name, module) != 0)
		return -1;
	count = PyDict_Size(modules);
	if (call_all(PyTuple_GetItem(item, FINDERS)) < 0 || bring_needs(modules, item) < 0)
		return -1;
	/* An import puts what it has loaded behind all that this has imported. */
	if (PyDict_Size(modules) != count &&
	    (PyDict_DelItem(modules, name) != 0 || PyDict_SetItem(modules, name, module) != 0))
		return -1;
	return put_into_parent(modules, item) < 0 ? -1 : call_all(PyTuple_GetItem(item, EFFECTS));
}

/* Nothing if there is no such module, or if it was given. */
static int bring(PyObject *modules, PyObject *name) {
	PyObject *item = PyDict_GetItem(shelf, name), *parent;

	if (!item || PySet_Contains(given, name) != 0)
		return 0;
	parent = PyTuple_GetItem(item, PARENT);
	if (parent != Py_None && bring(modules, parent) < 0)
		return -1;
	return PySet_Contains(given, name) != 0 ? 0 : bring_it(modules, item);
}

static PyObject *shelf_bring(PyObject *self, PyObject *name) {
	(void)self;
	if (bring(PySys_GetObject("modules"), name) < 0)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *shelf_serve(PyObject *self, PyObject *arguments) {
	PyObject *all[3];

	(void)self;
	if (!PyArg_ParseTuple(arguments, "OOO", &all[0], &all[1], &all[2]))
		return NULL;
	for (int i = 0; i < 3; i++)
		Py_IncRef(all[i]);
	shelf = all[0];
	given = all[1];
	restore = all[2];
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"shelve", shelf_serve, METH_VARARGS,
     "shelve(modules, given, restore): give these (dict; its values are as shelf.c has them) by restore(name)."},
	{"bring", shelf_bring, METH_O,
     "bring(name): put the module into sys.modules, with all that its import had brought."},
	{NULL, NULL, 0, NULL},
};

int shelf_add(PyObject *module) {
	return PyModule_AddFunctions(module, methods);
}
