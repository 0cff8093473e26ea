/* Packages that an unmarked script requires after the boundary, whatever its caller wants: from the second server on,
 * or when calls have shown that they are loaded, they are loaded ahead. */
#ifndef PREFORK_TCL_PACKAGES_H
#define PREFORK_TCL_PACKAGES_H

#include "prefix.h"

/* In setup, before the script, of which BOUNDARY commands run ahead. */
void packages_adopt(Tcl_Interp *interp, const struct prefix *p, int boundary);

/* At the boundary, while what is done is still seen: search for the package that the script requires right behind it,
 * as that would.  TCL_ERROR when the search fails. */
int packages_search(Tcl_Interp *interp);

/* In an executor, before the script goes on: at its end it is learned what it has loaded. */
void packages_called(Tcl_Interp *interp);

/* In a fork of the server, whose CONTEXT is the interpreter: load what was learned.  0, or -1 when there is nothing to.
 */
int packages_improve(void *context);

#endif
