/* The lock of a key: whoever holds lKEY may make and remove that key's entries in the run directory.
 *
 * flock(2) on a close-on-exec descriptor: the kernel lets go of it when the launcher ends, however it ends. */
#ifndef PREFORK_LOCK_H
#define PREFORK_LOCK_H

#include "../run/rundir.h"

/* Take the lock, waiting at most LIMIT_MS.  CALL is a socket whose hanging up ends the wait (-1: none).
 * The descriptor, or -1 with errno: ETIMEDOUT, ECANCELED when CALL hung up. */
int lock_take(const struct rundir *d, const char *key, int call, long long limit_ms);

/* Take the lock if nobody has it.  The descriptor, or -1 with errno: EWOULDBLOCK when somebody has. */
int lock_try(const struct rundir *d, const char *key);

/* Note in the lock's file, while it is held, what the key is made of: BASE, the key of the server that the script's
 * callers ask first, and what that depends on.  lock_is_of() tells whether it is so of another key's. */
void lock_note(int fd, const char *base);
int lock_is_of(const struct rundir *d, const char *key, const char *base);

/* Let go, and make *FD -1. */
void lock_release(int *fd);

/* The same, and remove lKEY: when the key has no socket. */
void lock_remove(const struct rundir *d, const char *key, int *fd);

#endif
