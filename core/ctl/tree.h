/* Folders with all that is in them: copies, and how they are walked and removed. */
#ifndef PREFORK_TREE_H
#define PREFORK_TREE_H

#include "../launch/reason.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct tree_entry {
	const char *path; /* of the entry */
	const char *name; /* the same below the tree's root, without a slash before it; empty: the root */
	const struct stat *st;
	int leaving; /* a folder that was seen before, and all in it since */
};

/* What a visit returns of a folder in which nothing is to be visited. */
#define TREE_SKIP (-2)

/* Call VISIT for the root and all below it, folders before and after what is in them, links not followed, in the order
 * of the names.  0, or the first result that is neither 0 nor TREE_SKIP; -1 with errno where a folder can't be read. */
int tree_walk(const char *root, int (*visit)(void *context, const struct tree_entry *e), void *context);

/* Copy FROM to TO, which is not there yet: files, folders, links and pipes, with modes and times; of files not more
 * than MAX_ENTRIES and MAX_BYTES.  The folder that TO is in is left out, where it is below FROM.  0, or -1 with WHY,
 * and part of it there. */
int tree_copy(const char *from, const char *to, size_t max_entries, uint64_t max_bytes, struct reason *why);

/* Make of TO, a copy of FROM in which something has changed, what it was.  What has not changed is not touched.
 * 0, or -1 with WHY. */
int tree_restore(const char *from, const char *to, struct reason *why);

/* Remove it; what can't be removed is left. */
void tree_remove(const char *root);

#endif
