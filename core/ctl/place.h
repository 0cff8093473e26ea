/* Where the rest of this installation is, seen from this program's own place. */
#ifndef PREFORK_PLACE_H
#define PREFORK_PLACE_H

#include "../launch/reason.h"

#include <limits.h>

/* The client, as a #! line is to name it.  0, or -1 with WHY: it is not there. */
int place_client(char path[PATH_MAX], struct reason *why);

#endif
