/* Making the forked child the executor of a call. */
#ifndef PREFORK_EXECUTOR_H
#define PREFORK_EXECUTOR_H

#include "../wire/request.h"
#include "origin.h"
#include "prefork-server.h"

/* The descriptor of the caller's directory among FDS, or -1. */
int executor_directory(const struct request *q, const int *fds);

enum executor_verdict {
	EXECUTOR_FIT,
	EXECUTOR_UNFIT,
	EXECUTOR_ELSEWHERE, /* it would be fit if the first caller had been another: see dependency.h */
};

/* Can this request, with its descriptors FDS, be served by a process forked from here?  If not, one line in WHY says
 * why not. */
enum executor_verdict executor_check(const struct request *q, const int *fds, const struct origin *origin, char *why,
                                     size_t why_size);

/* Install descriptors (FDS, as many as Q says; consumed), directory, umask, limits, signal dispositions, name,
 * arguments and environment, and fill *CALL, which then holds Q's strings.  *SOCK is moved to a number that Q does not
 * use.  To be called in the child, all signals blocked and all of the server's own descriptors closed. 0, or -1 with
 * one line in WHY: nothing of the script has run then. */
int executor_install(struct request *q, int *fds, int *sock, const struct origin *origin, struct prefork_call *call,
                     char *why, size_t why_size);

#endif
