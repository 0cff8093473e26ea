/* What the C files of the Tcl runtime share. */
#ifndef PREFORK_TCL_RUNTIME_H
#define PREFORK_TCL_RUNTIME_H

#include "server/prefork-server.h"

#include <tcl.h>

/* Leave MESSAGE as the result and {PREFORK_INTERP CODE ?WHAT?} as the error code.  Returns TCL_ERROR. */
int runtime_error(Tcl_Interp *interp, const char *code, const char *what, const char *message);

/* Take the handshake out of the environment: 1 when started by prefork-interp, 0 standalone, -1 with a message in
 * INTERP. */
int runtime_adopt(Tcl_Interp *interp);

/* Become the server.  TCL_OK in each executor, with its call installed; TCL_ERROR, with a message, when no server can
 * be made.  SEEDED: the script has chosen the sequence of rand().  IMPROVE: see struct prefork_language; its context is
 * INTERP. */
int runtime_serve(Tcl_Interp *interp, int seeded, int (*improve)(void *context));

/* The standard channels, in the order in which these are called. */

/* When the package is loaded: note which files descriptors 0 to 2 are. */
void channels_adopt(void);

/* Write out what every open channel of INTERP has buffered. */
void channels_flush(Tcl_Interp *interp);

/* At the boundary, in setup: note what the script has done to stdin, stdout and stderr.  TCL_ERROR, with a message,
 * when it has put another file, or a transformation, in the place of one. */
int channels_remember(Tcl_Interp *interp);

/* In the executor, whose descriptors 0 to 2 are now the caller's, but for those of which CLOSED has the bit: renew
 * stdin, stdout and stderr as a fresh tclsh would make them, and do to them again what the script has done. */
void channels_install(Tcl_Interp *interp, unsigned closed);

#endif
