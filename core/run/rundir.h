/* The run directory: where sockets, locks and refusals are, and how their paths are reached. */
#ifndef PREFORK_RUNDIR_H
#define PREFORK_RUNDIR_H

#include <limits.h>
#include <stddef.h>

#define RUNDIR_KEY_LENGTH 32 /* hexadecimal digits of a key */
#define RUNDIR_SOCKET 's'    /* first letter of the names in the directory, the key follows */
#define RUNDIR_LOCK 'l'
#define RUNDIR_REFUSAL 'n'
#define RUNDIR_LEARNED 'k'     /* what calls of a script have learned: see core/server/learned.h */
#define RUNDIR_LEARNED_NEW 'w' /* the same while it is written */

struct rundir {
	int fd;              /* O_PATH: for the *at() calls */
	char path[PATH_MAX]; /* absolute */
};

/* Find the run directory: the first candidate that is a directory, not a link, ours, and closed to others.
 * PREFORK_INTERP_RUNDIR, where set, is the only candidate.  With CREATE a missing one is made, mode 0700.
 *
 * 0 with *D filled; or -1 with D->fd -1 and one line in WHY: also when it does not exist yet and CREATE is 0
 * (errno is ENOENT then). */
int rundir_open(struct rundir *d, int create, char *why, size_t why_size);
void rundir_close(struct rundir *d);

/* "sKEY" and the like. NAME has room for RUNDIR_KEY_LENGTH + 2 bytes. */
void rundir_name(char *name, char kind, const char *key);

/* A close-on-exec, non-blocking stream socket connected to sKEY, whose peer is of our uid; or -1 with errno
 * (ENOENT, ECONNREFUSED: nobody there; EAGAIN: its queue is full; EPERM: somebody else's).  Never waits. */
int rundir_connect(const struct rundir *d, const char *key);

/* A close-on-exec, non-blocking stream socket bound to sKEY, mode 0600, and listening; or -1 with errno. */
int rundir_listen(const struct rundir *d, const char *key);

#endif
