/* Setup's beginning, and where initialisation is complete. */
#ifndef PREFORK_SERVE_H
#define PREFORK_SERVE_H

#include "api.h"
#include "server/prefork-server.h"
#include "tripwire.h"

/* As prefork_server_adopt(). */
int serve_adopt(pTHX_ struct prefork_error *error);

/* What is in %ENV is as the script is to see it: what is read of the environment from here on is noted. */
void serve_note_reads(pTHX);

/* The environment is the library's, which Perl is not to free: where the library has just made another. */
void serve_take_environment(pTHX);

/* Serve, with what setup has set, and its $0 where KEEP_NAME.  IMPROVE as in prefork_language, its context is the
 * interpreter; NULL where nothing is loaded ahead.  Returns in each executor, which
 * then is as a fresh interpreter: 1.  0: not started by prefork-interp.  -1 with *ERROR: no server can be made. */
int serve(pTHX_ const struct tripwire_settings *setups, int keep_name, int (*improve)(void *context),
          struct prefork_error *error);

#endif
