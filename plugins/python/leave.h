/* How an executor leaves: as if the interpreter had been finalised, and mostly without doing it. */
#ifndef LEAVE_H
#define LEAVE_H

#include "runtime.h"

/* In setup: the script will end by leave(). */
void leave_expect(void);

/* In an executor, before anything of its call runs. */
void leave_begin(void);

/* An exception is set: 1 if it is SystemExit, with the status that it asks for, its message printed, and the exception
 * cleared; else 0. */
int leave_reads_exit(int *status);

/* The script's code has ended, and whatever comes now may end the process. */
void leave_stand_by(void);

/* The script has ended: finalise the interpreter, or do what of that can be seen, and end the process with STATUS or,
 * if INTERRUPTED, by SIGINT. */
_Noreturn void leave(int status, int interrupted);

int leave_add(PyObject *module);

#endif
