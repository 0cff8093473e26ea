/* The watcher: a daemon that tells a server when its socket is no longer reachable under its path.
 *
 * It ends when the path is gone or names another file, and when the sentinel's write end is closed everywhere.  What it
 * has to say it writes as lines into its messages pipe, whose end is its own end. */
#ifndef PREFORK_WATCH_H
#define PREFORK_WATCH_H

#include "../run/rundir.h"
#include "reason.h"

struct watch {
	int error_fd;    /* read end of the messages, non-blocking */
	int sentinel_fd; /* write end of the sentinel */
};

/* Watch KEY's socket, which exists, and leave the rest to a new watcher process: from the return on no change is
 * missed. 0 with both descriptors close-on-exec, or -1 with WHY and both -1. */
int watch_start(struct watch *w, const struct rundir *d, const char *key, char **argv, struct reason *why);
void watch_close(struct watch *w);

#endif
