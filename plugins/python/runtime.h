/* The C half of the Python runtime: what its files have from each other. */
#ifndef RUNTIME_H
#define RUNTIME_H

#define Py_LIMITED_API 0x03080000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Each adds its file's functions to the module: 0, or -1 with an exception set. */
int script_add(PyObject *module);
int imports_add(PyObject *module);

/* Give the executor its signals: the last step of installing a call. */
void runtime_give_signals(void);

#endif
