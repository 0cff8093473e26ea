/* Modules that were loaded ahead, and are given to a call when it imports them. */
#ifndef SHELF_H
#define SHELF_H

#include "runtime.h"

/* Is this module there, and not given yet? */
int shelf_has(PyObject *name);

/* Give it, with all that its own import had brought about.  A new reference; None if an import would not find what was
 * found when it was loaded.  NULL with an exception set. */
PyObject *shelf_give(PyObject *name);

int shelf_add(PyObject *module);

#endif
