/* What setup has looked at and what it has made of it: a call must have it as the first caller had. */
#ifndef PREFORK_DEPENDENCY_H
#define PREFORK_DEPENDENCY_H

#include "../wire/buf.h"
#include "../wire/request.h"

#include <sys/types.h>

struct dependency {
	char **names;  /* of variables; ours */
	char **values; /* "NAME=value" of the first caller, each NULL where it had none; NULL until learned */
	size_t count;
	int on_directory, on_umask;
	mode_t umask; /* the first caller's */
	dev_t device; /* the first caller's directory */
	ino_t inode;
};

/* Depend on a variable ("NAME", or "NAME=..."); a second time is as once, and variables that shells keep for themselves
 * are nobody's to depend on.  0, or -1 with errno. */
int dependency_add(struct dependency *d, const char *variable);

/* Learn the first caller's values; DIRECTORY is a descriptor of its directory, -1 where it is not known.
 * 0, or -1 with errno. */
int dependency_learn(struct dependency *d, const struct request *first, int directory);

/* What of it is another with this caller?  A name, WIRE_DIFFERS_..., or NULL. */
const char *dependency_differs(const struct dependency *d, const struct request *caller, int directory);

/* Append all of it, as WIRE_DIFFERS has it. */
void dependency_put(const struct dependency *d, struct buf *b);

#endif
