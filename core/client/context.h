/* What of the caller's process travels with the call. */
#ifndef PREFORK_CONTEXT_H
#define PREFORK_CONTEXT_H

#include "../wire/request.h"

struct context {
	struct request request; /* script, arguments and environment are the caller's business */
	int fds[WIRE_MAX_DESCRIPTORS];
	int cwd; /* ours; also the last of FDS */
};

/* Note which descriptors are open, signals and mask, and, with HASH_BANG, the process's name.  To be called before this
 * process opens anything or touches its signals.  0, or -1 with one line in WHY: the call can't be carried. */
int context_early(struct context *c, int hash_bang, char *why, size_t why_size);

/* The rest: directory, umask, limits.  0, or -1 with one line in WHY. */
int context_late(struct context *c, char *why, size_t why_size);

/* Is descriptor N (0 to 2) open? */
int context_has(const struct context *c, uint32_t n);

#endif
