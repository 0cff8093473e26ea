/* The descriptors that setup, or what was loaded later, has opened. */
#ifndef PREFORK_DESCRIPTORS_H
#define PREFORK_DESCRIPTORS_H

#include "standard.h"

#include <stddef.h>
#include <time.h>

/* The open descriptors in ascending order; malloc'ed, their number in *COUNT; NULL with errno. */
int *descriptors_list(size_t *count);

/* May calls have this descriptor, each as if it had opened it itself?  NULL, or why not.  A file that is appended to
 * may be, unless it was written to at or after SINCE (by the clock of file times): a fresh run would write that each
 * time. */
const char *descriptors_unshareable(int fd, const struct standard *standard, const struct timespec *since);

#endif
