/* A script that is to be rewritten: whether that may be done, and doing it so that nobody sees half of it. */
#ifndef PREFORK_TARGET_H
#define PREFORK_TARGET_H

#include "../launch/reason.h"
#include "line.h"

#include <limits.h>
#include <sys/stat.h>

struct target {
	char path[PATH_MAX]; /* links resolved */
	int fd;
	struct stat st; /* as it was when it was opened */
};

/* Open FILE, or what it links to.  0, or -1 with WHY: it can't be read, or must not be rewritten (not a regular file,
 * another user's, privileges in its mode or capabilities, several names). */
int target_open(struct target *t, const char *file, struct reason *why);
void target_close(struct target *t);

/* Put a new file with this change, and all attributes of the old one, in its place, in one step.
 * 0, or -1 with WHY; the old one is untouched then. */
int target_replace(const struct target *t, const struct line_edit *e, struct reason *why);

#endif
