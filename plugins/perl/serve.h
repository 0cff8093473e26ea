/* Where initialisation is complete. */
#ifndef PREFORK_SERVE_H
#define PREFORK_SERVE_H

#include "api.h"
#include "server/prefork-server.h"
#include "tripwire.h"

/* Serve, with what setup has set, and its $0 where KEEP_NAME; IMPROVE as in prefork_language, its context is the
 * interpreter.  Returns in each executor, which then is as a fresh
 * interpreter: 1.  0: not started by prefork-interp.  -1 with *ERROR: no server can be made. */
int serve(pTHX_ const struct tripwire_settings *setups, int keep_name, int (*improve)(void *context),
          struct prefork_error *error);

#endif
