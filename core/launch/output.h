/* What setup reads and writes: nothing, and what is kept in memory until it is known whether the caller shall see it.
 *
 * A file in memory of a fixed greatest size: setup's writes beyond that fail, and so does whatever would make its size
 * another (O_TRUNC, O_APPEND through /dev/stderr), so that a setup which does such things ends in a plain run. */
#ifndef PREFORK_OUTPUT_H
#define PREFORK_OUTPUT_H

#include <stddef.h>

#define OUTPUT_MAX (16 << 20) /* bytes */

/* A close-on-exec descriptor to be setup's standard input: an empty file that nobody else has, whose access time tells
 * whether it was read (LAUNCH_UNREAD: it was not); or -1 with errno. */
int output_open_input(void);

/* A close-on-exec descriptor to be setup's standard output or standard error; or -1 with errno. */
int output_open(void);

/* Copy to standard error what was written through FD and its duplicates: what lies before their common place.  The
 * server library goes back to the beginning when it takes that over. */
void output_show(int fd);

/* The last line that was written, without its newline, at most SIZE - 1 bytes of it; empty when nothing was. */
void output_last_line(int fd, char *line, size_t size);

#endif
