/* Looking at objects one by one: see remains.h.
 *
 * What runs when objects are destroyed at an interpreter's end is known from their types: __del__, the callbacks of
 * weak references, the rest of a generator, the closing of a file.  A type that is not known to be harmless is in
 * doubt. */
#include "remains.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Not in the limited API, but exported by every Python so far. */
extern PyObject *_PyType_Lookup(PyTypeObject *type, PyObject *name) __attribute__((weak));

enum kind {
	PLAIN,     /* destroyed without a trace */
	DOUBTFUL,  /* runs something */
	GENERATOR, /* runs its finally clauses, if it is suspended */
	REFERENCE, /* a weak reference: runs its callback */
	STREAM,    /* writes what it holds */
	CLOSES,    /* closes a descriptor, with a ResourceWarning */
};

/* The types of module _io: what they hold is written by flush(), the script can't have changed how. */
enum { FILE_IO, READER, WRITER, RANDOM, TEXT, STREAM_TYPES };

static const char *const stream_names[STREAM_TYPES] = {"FileIO", "BufferedReader", "BufferedWriter", "BufferedRandom",
                                                       "TextIOWrapper"};
static PyTypeObject *stream_types[STREAM_TYPES], *memory_types[2];
static PyTypeObject *base_of_streams, *reference_type, *wrapper_type;
static PyObject *del_name;

/* Where weak references belong to, whose callbacks only keep house. */
static const char *const housekeepers[] = {"weakref", "_weakrefset", "logging", "functools",
                                           "concurrent.futures.thread"};

/* Kept for ever. */
static PyTypeObject *type_of(PyObject *module, const char *name) {
	PyObject *type = PyObject_GetAttrString(module, name);

	if (type && !PyType_Check(type)) {
		PyErr_SetString(PyExc_TypeError, name);
		type = NULL;
	}
	return (PyTypeObject *)type;
}

static int learn_streams(PyObject *io) {
	for (int i = 0; i < STREAM_TYPES; i++)
		if (!(stream_types[i] = type_of(io, stream_names[i])))
			return -1;
	memory_types[0] = type_of(io, "BytesIO");
	memory_types[1] = type_of(io, "StringIO");
	base_of_streams = type_of(io, "_IOBase");
	return memory_types[0] && memory_types[1] && base_of_streams ? 0 : -1;
}

int remains_prepare(void) {
	PyObject *io = PyImport_ImportModule("_io"), *weakref = PyImport_ImportModule("_weakref"), *wrapper;
	int result = -1;

	if (!_PyType_Lookup)
		PyErr_SetString(PyExc_SystemError, "this Python has no _PyType_Lookup");
	else if (io && weakref && learn_streams(io) == 0) {
		del_name = PyUnicode_InternFromString("__del__");
		reference_type = type_of(weakref, "ref");
		wrapper = _PyType_Lookup(base_of_streams, del_name); /* written in C: a wrapper around a slot */
		wrapper_type = wrapper ? Py_TYPE(wrapper) : NULL;
		result = del_name && reference_type && wrapper_type ? 0 : -1;
	}
	Py_DecRef(io);
	Py_DecRef(weakref);
	return result;
}

/* ---- types */

static int attribute_is(PyObject *object, const char *name, const char *value) {
	PyObject *attribute = PyObject_GetAttrString(object, name);
	int result = attribute && PyUnicode_Check(attribute) && PyUnicode_CompareWithASCIIString(attribute, value) == 0;

	Py_DecRef(attribute);
	PyErr_Clear();
	return result;
}

static int is_true(PyObject *object, const char *name) {
	PyObject *attribute = PyObject_GetAttrString(object, name);
	int result = attribute ? PyObject_IsTrue(attribute) : -1;

	Py_DecRef(attribute);
	return result;
}

static int is_class(PyObject *type, const char *module, const char *name) {
	return attribute_is(type, "__name__", name) && attribute_is(type, "__module__", module);
}

/* Of a type with a finaliser that is written in C. */
static enum kind kind_of_wrapper(PyTypeObject *type, PyObject *wrapper) {
	PyObject *owner = PyObject_GetAttrString(wrapper, "__objclass__");
	enum kind kind = DOUBTFUL;

	if (owner == (PyObject *)base_of_streams)
		kind = type == memory_types[0] || type == memory_types[1] ? PLAIN : STREAM;
	else if (owner && is_class(owner, "builtins", "generator"))
		kind = GENERATOR;
	else if (owner && (is_class(owner, "_socket", "socket") || is_class(owner, "posix", "ScandirIterator")))
		kind = CLOSES;
	Py_DecRef(owner);
	PyErr_Clear();
	return kind;
}

/* A type with no finaliser whose objects still end something when they go: NULL, or sqlite3's connections. */
static PyTypeObject *connection_type;

static void learn_connections(void) {
	PyObject *sqlite = PyDict_GetItemString(PySys_GetObject("modules"), "_sqlite3");

	connection_type = sqlite ? type_of(sqlite, "Connection") : NULL;
	PyErr_Clear();
}

/* One that only warns, where the script has asked for that: pyparsing's, which is in many a package. */
static int is_idle(PyObject *del) {
	PyObject *names, *settings;
	int result = 0;

	if (!attribute_is(del, "__qualname__", "Forward.__del__") || !(names = PyObject_GetAttrString(del, "__globals__")))
		return 0;
	settings = PyDict_Check(names) ? PyDict_GetItemString(names, "__diag__") : NULL;
	if (settings && PyDict_GetItemString(names, "ParserElement"))
		result = is_true(settings, "warn_on_assignment_to_Forward") == 0;
	Py_DecRef(names);
	PyErr_Clear();
	return result;
}

static enum kind kind_of_type(PyTypeObject *type) {
	PyObject *del = _PyType_Lookup(type, del_name);

	if (del && Py_TYPE(del) == wrapper_type)
		return kind_of_wrapper(type, del);
	if (del)
		return is_idle(del) ? PLAIN : DOUBTFUL;
	if (PyType_IsSubtype(type, reference_type))
		return REFERENCE;
	return connection_type && PyType_IsSubtype(type, connection_type) ? DOUBTFUL : PLAIN;
}

/* The kinds of types met so far, by address: a hash table, half of it empty. */
struct kinds {
	struct {
		PyTypeObject *type;
		enum kind kind;
	} * slots;
	size_t size, count; /* size: a power of two */
};

static size_t slot_of(const struct kinds *kinds, PyTypeObject *type) {
	size_t at = (uintptr_t)type / 16 * 0x9E3779B1u & (kinds->size - 1);

	while (kinds->slots[at].type && kinds->slots[at].type != type)
		at = (at + 1) & (kinds->size - 1);
	return at;
}

static int grow(struct kinds *kinds) {
	struct kinds old = *kinds;

	kinds->size = old.size ? old.size * 2 : 1024;
	kinds->slots = calloc(kinds->size, sizeof *kinds->slots);
	if (!kinds->slots) {
		*kinds = old;
		PyErr_NoMemory();
		return -1;
	}
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i].type)
			kinds->slots[slot_of(kinds, old.slots[i].type)] = old.slots[i];
	free(old.slots);
	return 0;
}

/* The kind, or -1 with an exception set. */
static int kind_of(struct kinds *kinds, PyTypeObject *type) {
	size_t at;

	if (kinds->count * 2 >= kinds->size && grow(kinds) < 0)
		return -1;
	at = slot_of(kinds, type);
	if (!kinds->slots[at].type) {
		kinds->slots[at].kind = kind_of_type(type);
		kinds->slots[at].type = type;
		kinds->count++;
	}
	return (int)kinds->slots[at].kind;
}

/* ---- objects */

/* Is it one that has not begun, or has ended? */
static int generator_is_at_rest(PyObject *generator) {
	PyObject *frame = PyObject_GetAttrString(generator, "gi_frame");
	int result = frame == Py_None;

	if (frame && !result && PyObject_HasAttrString(generator, "gi_suspended")) /* since 3.11 */
		result = is_true(generator, "gi_suspended") == 0 && is_true(generator, "gi_running") == 0;
	else if (frame && !result) {
		PyObject *at = PyObject_GetAttrString(frame, "f_lasti");

		result = at && PyLong_AsLong(at) == -1 && !PyErr_Occurred();
		Py_DecRef(at);
	}
	Py_DecRef(frame);
	PyErr_Clear();
	return result;
}

static int callback_is_harmless(PyObject *reference) {
	PyObject *callback = PyObject_GetAttrString(reference, "__callback__"), *type;
	int result = callback == Py_None;

	if (callback && !result) {
		type = (PyObject *)Py_TYPE(callback);
		if (attribute_is(type, "__name__", "builtin_function_or_method"))
			/* Of abc, and of what each thread has of its own. */
			result = attribute_is(callback, "__name__", "_destroy") ||
			         attribute_is(callback, "__name__", "_localdummy_destroyed") ||
			         attribute_is(callback, "__name__", "clear_locals"); /* since 3.13 */
		else if (attribute_is(type, "__name__", "function"))
			for (size_t i = 0; i < sizeof housekeepers / sizeof *housekeepers; i++)
				result |= attribute_is(callback, "__module__", housekeepers[i]);
	}
	Py_DecRef(callback);
	PyErr_Clear();
	return result;
}

static int is_file(PyObject *object) {
	return object && Py_TYPE(object) == stream_types[FILE_IO];
}

static int is_buffer(PyObject *object) {
	for (int i = READER; object && i <= RANDOM; i++)
		if (Py_TYPE(object) == stream_types[i])
			return 1;
	return 0;
}

static int is_memory(PyObject *object) {
	return object && (Py_TYPE(object) == memory_types[0] || Py_TYPE(object) == memory_types[1]);
}

#define STRANGE_FILE "a file is open that is not of the interpreter's own types"

/* An open stream of our types: whatever it writes to must be of them too. */
static const char *look_below(struct remains *remains, PyObject *stream) {
	PyObject *below = PyObject_GetAttrString(stream, is_buffer(stream) ? "raw" : "buffer");
	int known = is_file(below) || is_memory(below) || (!is_buffer(stream) && is_buffer(below));
	int reads = Py_TYPE(stream) == stream_types[READER] || (below && Py_TYPE(below) == stream_types[READER]);

	/* One without a buffer holds nothing only if it writes at once. */
	if (is_file(below) && !is_buffer(stream) && is_true(stream, "write_through") != 1)
		known = 0;
	if (known && !reads && PyList_Append(remains->streams, stream) != 0)
		known = 0;
	Py_DecRef(below);
	PyErr_Clear();
	return known ? NULL : STRANGE_FILE;
}

static const char *look_at_stream(struct remains *remains, PyObject *stream) {
	int closed = is_true(stream, "closed");

	if (closed < 0)
		PyErr_Clear();
	if (closed > 0)
		return NULL;
	if (is_file(stream)) {
		int owns = is_true(stream, "closefd");

		remains->open |= owns;
		return owns < 0 ? "a file can't be looked at" : NULL;
	}
	if (closed == 0 && (is_buffer(stream) || Py_TYPE(stream) == stream_types[TEXT]))
		return look_below(remains, stream);
	return STRANGE_FILE;
}

/* What is so now may be otherwise when the script has ended. */
static const char *watch(struct remains *remains, PyObject *object) {
	PyObject *reference = PyObject_CallFunctionObjArgs((PyObject *)reference_type, object, NULL);
	int result = reference ? PyList_Append(remains->watched, reference) : -1;

	Py_DecRef(reference);
	PyErr_Clear();
	return result == 0 ? NULL : "an object can't be watched";
}

static const char *look_at(struct remains *remains, struct kinds *kinds, PyObject *object) {
	int kind = kind_of(kinds, Py_TYPE(object));

	switch (kind) {
	case PLAIN:
		return NULL;
	case REFERENCE:
		return callback_is_harmless(object) ? NULL : "there is a weak reference with a callback";
	case DOUBTFUL:
		return "there is an object with __del__, or the like";
	}
	if (remains->watched)
		return watch(remains, object);
	if (kind == GENERATOR)
		return generator_is_at_rest(object) ? NULL : "there is a suspended generator";
	if (kind == STREAM)
		return look_at_stream(remains, object);
	remains->open |= kind == CLOSES;
	return kind == CLOSES ? NULL : "no memory";
}

static void say_doubt(struct remains *remains, const char *doubt, PyObject *object) {
	PyObject *name = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__qualname__");
	PyObject *text = name ? PyUnicode_AsUTF8String(name) : NULL;

	snprintf(remains->doubt, sizeof remains->doubt, "%s: %s", doubt, text ? PyBytes_AsString(text) : "?");
	Py_DecRef(name);
	Py_DecRef(text);
	PyErr_Clear();
}

int remains_look(struct remains *remains, PyObject *objects) {
	struct kinds kinds = {0};
	Py_ssize_t count = PyList_Size(objects);

	learn_connections();
	for (Py_ssize_t i = 0; i < count && !*remains->doubt; i++) {
		PyObject *object = PyList_GetItem(objects, i);
		const char *doubt = look_at(remains, &kinds, object);

		if (doubt)
			say_doubt(remains, doubt, object);
	}
	free(kinds.slots);
	return PyErr_Occurred() ? -1 : 0;
}

/* The file that a buffer writes to; -1: none that is known. */
static int file_of(PyObject *buffer, struct stat *file) {
	PyObject *number = PyObject_CallMethod(buffer, "fileno", NULL);
	int result = number ? fstat((int)PyLong_AsLong(number), file) : -1;

	Py_DecRef(number);
	PyErr_Clear();
	return result;
}

static int is_standard(PyObject *buffer) {
	static const char *const names[] = {"stdout", "stderr"};
	int result = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		PyObject *text = PySys_GetObject(names[i]), *its = text ? PyObject_GetAttrString(text, "buffer") : NULL;

		result |= its == buffer;
		Py_DecRef(its);
		PyErr_Clear();
	}
	return result;
}

int remains_share_files(PyObject *streams) {
	struct stat files[16];
	size_t count = 0;

	for (Py_ssize_t i = 0; i < PyList_Size(streams); i++) {
		PyObject *stream = PyList_GetItem(streams, i);
		struct stat *file = &files[count];

		if (!is_buffer(stream) || is_standard(stream) || file_of(stream, file) < 0)
			continue;
		for (size_t j = 0; j < count; j++)
			if (files[j].st_dev == file->st_dev && files[j].st_ino == file->st_ino)
				return 1;
		if (++count == sizeof files / sizeof *files)
			return 1;
	}
	return 0;
}

int remains_is_text(PyObject *stream) {
	return Py_TYPE(stream) == stream_types[TEXT];
}
