/* What a script leaves behind in the interpreter: would finalising it still do anything that can be seen? */
#ifndef REMAINS_H
#define REMAINS_H

#include "runtime.h"

/* Objects that were looked at. */
struct remains {
	char doubt[160];   /* why the interpreter is to finalise itself; "": no reason found */
	PyObject *watched; /* list: weak references to what must be looked at again; NULL: all is looked at now */
	PyObject *streams; /* list: files to be flushed */
	int open;          /* a file or a socket is, of which a ResourceWarning may tell */
};

/* Learn the types that are special.  0, or -1 with an exception set: no object can be looked at. */
int remains_prepare(void);

/* Look at each object of a list, and add to *REMAINS.  0, or -1 with an exception set. */
int remains_look(struct remains *remains, PyObject *objects);

/* Do two of the streams write to one file?  The order in which they are flushed could then be seen. */
int remains_share_files(PyObject *streams);

/* Is it a text file of the interpreter's own type?  After remains_prepare(). */
int remains_is_text(PyObject *stream);

#endif
