/* Setup's standard descriptors: what was written to them, and what was made of them, for every call to have alike.
 *
 * Setup has a file in memory each as standard input, output and error; the first is empty.  A fresh run would write
 * there in each call what setup wrote once, and its duplicates of them would be of the caller's. */
#ifndef PREFORK_STANDARD_H
#define PREFORK_STANDARD_H

#include "../wire/request.h"
#include "prefork-server.h"

#include <sys/types.h>

#define STANDARD_DESCRIPTORS 3
#define STANDARD_MAX_OUTPUT (1u << 20) /* bytes that are shown again in each call; what writes more is not served */

struct duplicate {
	int fd;
	int of; /* 0 to 2 */
};

struct standard {
	/* When the runtime was loaded. */
	dev_t device[STANDARD_DESCRIPTORS];
	ino_t inode[STANDARD_DESCRIPTORS]; /* 0: closed */

	/* At the end of initialisation. */
	char *output[STANDARD_DESCRIPTORS]; /* what was written; of standard input nothing */
	size_t output_length[STANDARD_DESCRIPTORS];
	struct duplicate *duplicates;
	size_t duplicate_count;
};

/* Note which files they are. */
void standard_adopt(struct standard *s);

/* Take over what was written, so that the launcher does not show it.
 * 0, or -1 with *ERROR: one of them is another file now, input was read, or too much was written. */
int standard_take(struct standard *s, struct prefork_error *error);

/* Is FD, above 2, a duplicate of one of them?  1 when it is, and is remembered; 0; or -1 with errno. */
int standard_add_duplicate(struct standard *s, int fd);

/* Is FD one of their files, though opened anew? */
int standard_is_reopened(const struct standard *s, int fd);

/* Can a call with these descriptors, FDS being as many as Q says, be given what setup left?
 * 0, or -1 with one line in WHY. */
int standard_check(const struct standard *s, const struct request *q, const int *fds, char *why, size_t why_size);

/* In the executor, whose descriptors 0 to 2 are the caller's: make duplicates of those, and write to standard error
 * what setup wrote there.  0, or -1 with errno. */
int standard_install(const struct standard *s);

#endif
