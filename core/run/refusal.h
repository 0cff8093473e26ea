/* Refusals: what is remembered in nKEY of a key that can't be served, so that it pays for the attempt only once.  The
 * client looks, before it runs a launcher; the launcher does, and remembers.
 *
 * The file is text: lines that identify the script and the plugin directory as they were, for how long it holds, then
 * the reason.  It holds while both are the same, and no longer: what made setup fail may have been passing, or lie
 * elsewhere. */
#ifndef PREFORK_REFUSAL_H
#define PREFORK_REFUSAL_H

#include "rundir.h"

#define REFUSAL_TIME 600        /* seconds that hold what went wrong */
#define REFUSAL_TIME_GAIN 86400 /* that a server saved too little */
#define REFUSAL_NEW 'm'         /* first letter of the name that a refusal has while it is written */

/* What a refusal is true of; plain data. */
struct refusal_subject {
	char lines[512];
};

/* Look at SCRIPT and PLUGINS now, before anything is tried with them.  0, or -1 with errno. */
int refusal_identify(struct refusal_subject *subject, const char *script, const char *plugins);

/* Is there a refusal that holds?  1 with the reason in WHY, or 0. */
int refusal_find(const struct rundir *d, const char *key, const struct refusal_subject *subject, char *why,
                 size_t why_size);

/* Both under the lock; the first also without it, where the server has gone.  WHY is one line.  Failing to remember
 * only costs time: nothing is returned. */
void refusal_remember(const struct rundir *d, const char *key, const struct refusal_subject *subject, const char *why,
                      long seconds);
void refusal_forget(const struct rundir *d, const char *key);

#endif
