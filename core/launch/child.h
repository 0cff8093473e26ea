/* What both of the launcher's children, watcher and setup, do between fork and what they are for. */
#ifndef PREFORK_CHILD_H
#define PREFORK_CHILD_H

#include <stddef.h>

#define CHILD_MAX_DESCRIPTORS 16

/* Every signal at its default, none blocked. */
void child_reset_signals(void);

/* Make FDS[I] descriptor I (closed where it is -1) for every I below N, not close-on-exec, and close all others.
 * None of FDS may be below 3 but -1.  0, or -1 with errno: FDS are still open then. */
int child_keep(const int *fds, size_t n);

/* Overwrite the process's arguments with TEXT, cut to their length: what ps(1) shows.  ARGV as main() got it. */
void child_set_title(char **argv, const char *text);

#endif
