/* The server's poll loop. */
#ifndef PREFORK_LOOP_H
#define PREFORK_LOOP_H

#include "server.h"

/* Serve.  Returns 1 in an executor, with *CALL filled; in the server it returns 0 when it is time to go. */
int loop_run(struct server *s, struct prefork_call *call);

#endif
