/* Is a server worth having?  What a call of its own saves, against what it costs.
 *
 * A call is spared the processor time that setup took, and the loading of what was learned.  It pays for the fork, for
 * the pages that it then has of its own, and for a client beside the interpreter.  Where a script's boundary was found
 * for it, and nothing is gained by it, the script is better left plain. */
#ifndef PREFORK_WORTH_H
#define PREFORK_WORTH_H

#include <stddef.h>
#include <sys/resource.h>

struct worth {
	long long saved_us; /* processor time that no call spends any more */
	unsigned poor;      /* calls in a row that gained too little */
};

/* What this process has used so far is saved from now on: at the end of setup, and of loading.  USED_MS of it are not,
 * which it used for something else. */
void worth_saves(struct worth *w, unsigned used_ms);

/* Milliseconds of processor time that this process, and its children that have ended, have used. */
unsigned worth_used_ms(void);

/* A call has ended: FORK_US microseconds of processor time to fork it, USED by its executor.  1 when so many calls in a
 * row have gained less than MIN_GAIN milliseconds that the server should go, with one line in WHY; else 0. */
int worth_call(struct worth *w, long min_gain, long long fork_us, const struct rusage *used, char *why, size_t size);

#endif
