/* Making the forked child the executor of a call. */
#ifndef PREFORK_EXECUTOR_H
#define PREFORK_EXECUTOR_H

#include "../wire/request.h"
#include "origin.h"
#include "prefork-server.h"

/* Can this request be served by a process forked from here?  0, or -1 with one line in WHY. */
int executor_check(const struct request *q, const struct origin *origin, char *why, size_t why_size);

/* Install descriptors (FDS, as many as Q says; consumed; *KEPT, a descriptor of ours, is moved out of their way),
 * directory, umask, limits, signal dispositions and environment, and fill *CALL.  *SOCK is moved to a number that Q
 * does not use.  To be called in the child, all signals blocked and all of the server's own descriptors closed. 0, or
 * -1 with one line in WHY: nothing of the script has run then. */
int executor_install(const struct request *q, int *fds, int *sock, const struct origin *origin,
                     struct prefork_call *call, char *why, size_t why_size);

#endif
