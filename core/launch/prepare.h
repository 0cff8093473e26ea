/* What setup is executed with: the argument and environment vectors that a plugin's prepare() fills. */
#ifndef PREFORK_PREPARE_H
#define PREFORK_PREPARE_H

#include "../prefork-plugin.h"

#include <stddef.h>

/* Strings of our own, NULL-terminated. */
struct words {
	char **at;
	size_t count;
};

struct preparation {
	struct words arguments;
	struct words environment;
};

/* What a plugin is given, with a struct preparation as its SETUP. */
extern const struct prefork_host prepare_host;

/* Begin with NAME as argv[0] and a copy of ENVIRONMENT.  0, or -1 with errno ENOMEM (nothing to release then). */
int prepare_begin(struct preparation *p, const char *name, char *const *environment);
void prepare_free(struct preparation *p);

#endif
