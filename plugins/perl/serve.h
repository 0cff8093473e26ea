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

/* Serve, with what setup has set, and its $0 where KEEP_NAME.  Returns in each executor, which then is as a fresh
 * interpreter: 1.  FOUND_BOUNDARY: not the script has said that it is here.  0: not started by prefork-interp.  -1 with
 * *ERROR: no server can be made. */
int serve(pTHX_ const struct tripwire_settings *setups, int keep_name, int found_boundary, struct prefork_error *error);

#endif
