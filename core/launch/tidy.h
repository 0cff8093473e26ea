/* Tidying the run directory: entries that nobody stands behind go, and there are never more than so many. */
#ifndef PREFORK_TIDY_H
#define PREFORK_TIDY_H

#include "../run/rundir.h"

#define TIDY_MAX_SERVERS 64 /* in a run directory, the one that is about to be started among them */
#define TIDY_MAX_REFUSALS 64
#define TIDY_MAX_LEARNED 256

/* Remove, of every other key than KEY: the socket where nobody listens, the lock where there is no socket, half-written
 * refusals; and refusals and what was learned beyond their bounds, the oldest first.  Where there are too many servers
 * put those aside that have been idle for longest, never one that runs a call or doesn't say.  Each under its key's
 * lock; keys whose lock is taken are left alone. */
void tidy_others(const struct rundir *d, const char *key);

/* Put KEY's server aside, if there is one: remove its socket, of which its watcher tells it.  Under the lock. */
void tidy_put_aside(const struct rundir *d, const char *key);

/* Put aside, and forget the refusals of, every server whose key is made of BASE and of more: see lock_note(). */
void tidy_put_family_aside(const struct rundir *d, const char *base);

#endif
