/* What calls of a script have learned for the next ones: bytes of the runtime's, in kKEY beside the sockets. */
#ifndef PREFORK_LEARNED_H
#define PREFORK_LEARNED_H

#include "../wire/handshake.h"

#include <limits.h>
#include <sys/stat.h>

struct learned {
	char path[PATH_MAX]; /* empty: nothing is kept */
	char new[PATH_MAX];
	struct timespec changed; /* of the file that was last loaded, or tried */
	ino_t inode;
};

/* Find the file by the listening socket's address and the handshake. */
void learned_find(struct learned *l, const struct handshake *h);

/* Is the file there, and another one than was noted last?  Notes it. */
int learned_is_new(struct learned *l);

/* Read it: malloc'ed, with a NUL behind the *LENGTH bytes; or NULL with errno (ENOENT: nothing is learned). */
char *learned_read(const struct learned *l, size_t *length);

/* Replace it, in one step.  0, or -1 with errno. */
int learned_write(const struct learned *l, const char *bytes, size_t length);

#endif
