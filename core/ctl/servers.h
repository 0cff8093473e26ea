/* The servers of a run directory that is all our own: waiting for them, and ending them. */
#ifndef PREFORK_SERVERS_H
#define PREFORK_SERVERS_H

#include "../run/rundir.h"

#include <stddef.h>

/* Wait until no call runs and everything is loaded that calls have learned, for as long as DEADLINE_MS on clock_ms()
 * and until INTERRUPT is readable. */
void servers_settle(const struct rundir *d, long long deadline_ms, int interrupt);

/* End all servers, their watchers and launchers, and wait for that.  This process has to be the one that gets their
 * orphans (PR_SET_CHILD_SUBREAPER). */
void servers_end(const struct rundir *d);

/* Why no server came of a call, as it is remembered there: 0 with WHY, or -1. */
int servers_refusal(const struct rundir *d, char *why, size_t why_size);

#endif
