/* Modules that calls load after the boundary: the server loads them ahead, and hides them until a call asks for them.
 */
#ifndef PREFORK_AHEAD_H
#define PREFORK_AHEAD_H

#include "api.h"

/* Before the script is compiled.  LOADER requires the file that its argument names. */
void ahead_adopt(pTHX_ SV *loader);

/* In an executor: from here on modules are handed out, and those that are not known are noted. */
void ahead_called(pTHX);

/* For prefork_language. */
int ahead_improve(void *context);

#endif
