/* Which environment variables are read, also by code that is none of the language's, such as a C library's getenv(3).
 *
 * Each value gets pages of its own, from a file in memory, that no page table entry is made for before somebody reads
 * them; /proc/self/pagemap tells where there is one (proc(5), bit 63).  A name is on another page than its value, and
 * so far from it that the kernel, which maps pages around the one that was read (by 64 KiB), does not map the value
 * too.
 *
 * A variable that was looked for and is not there leaves no trace; nor does anything where a child has been given the
 * whole environment by vfork(2), which reads all. */
#ifndef PREFORK_READS_H
#define PREFORK_READS_H

#include "dependency.h"

struct reads {
	char *block;    /* NULL: nothing is noted */
	char **strings; /* "NAME=value", the value at a boundary of pages */
	size_t count;
};

/* Note reads from here on: `environ` is replaced by a copy, which stays as long as the process.  Where that can't be
 * had nothing is noted. */
void reads_begin(struct reads *r);

/* Depend on the variables that were read since.  0, or -1 with errno. */
int reads_end(struct reads *r, struct dependency *d);

#endif
