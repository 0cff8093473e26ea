/* How the interpreter as a whole is set, where its end could show of that. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "runtime.h"

/* Why the interpreter is to finalise itself; NULL: nothing is known that speaks against leaving without.  COLLECTOR:
 * the module gc. */
const char *settings_doubt(PyObject *collector);

/* Would nobody hear that a file was left open? */
int settings_ignore_open_files(void);

/* The runtime's own audit hook is about to be added; one of somebody else's is. */
void settings_add_own_hook(void);
void settings_add_other_hook(void);

#endif
