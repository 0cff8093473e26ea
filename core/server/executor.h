/* Making the forked child the executor of a call. */
#ifndef PREFORK_EXECUTOR_H
#define PREFORK_EXECUTOR_H

#include "../wire/request.h"
#include "environment.h"
#include "prefork-server.h"

#include <signal.h>

/* What the executor gets back of the process that setup was. */
struct executor_origin {
	sigset_t mask;             /* protocol 1: the mask that setup had */
	struct sigaction on_child; /* disposition of SIGCHLD that the server changed */
	const struct environment *environment;
};

/* Can the descriptors of this request be put in place?  OCCUPIED are the OCCUPIED_COUNT numbers that the script opened
 * during setup, ascending.  0, or -1 with one line in WHY. */
int executor_check(const struct request *q, const int *occupied, size_t occupied_count, char *why, size_t why_size);

/* Install descriptors (FDS, as many as Q says; consumed; *KEPT, a descriptor of ours, is moved out of their way),
 * directory, umask, limits, signal dispositions and environment, and fill *CALL.  *SOCK is moved to a number that Q
 * does not use.  To be called in the child, all signals blocked and all of the server's own descriptors closed. 0, or
 * -1 with one line in WHY: nothing of the script has run then. */
int executor_install(const struct request *q, int *fds, int *sock, const struct executor_origin *origin,
                     struct prefork_call *call, char *why, size_t why_size);

#endif
