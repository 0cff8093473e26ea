/* Copying bytes into files. */
#ifndef PREFORK_COPY_H
#define PREFORK_COPY_H

#include <sys/types.h>

/* Write all of these bytes to TO.  0, or -1 with errno. */
int copy_bytes(int to, const char *bytes, size_t n);

/* Write what the file FD has from FROM to END to TO.  0, or -1 with errno (EIO: it is shorter). */
int copy_range(int to, int fd, off_t from, off_t end);

#endif
