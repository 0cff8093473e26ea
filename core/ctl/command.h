/* A command that is to be verified: how it is executed plain, and how served. */
#ifndef PREFORK_COMMAND_H
#define PREFORK_COMMAND_H

#include "../launch/reason.h"

#include <limits.h>

struct invocation {
	char path[PATH_MAX]; /* what is executed */
	char **argv;
};

struct command {
	char script[PATH_MAX]; /* absolute */
	struct invocation plain;
	struct invocation served;
};

/* Find the script that WORDS (COUNT of them, NULL-terminated) name, in PATH where its name has no slash.  LINKS is an
 * empty folder for links that give a process the name that the kernel would give it.
 * 0, or -1 with WHY: there is none, or it is no script.  What *C points to lives as long as the process. */
int command_find(struct command *c, char **words, int count, const char *links, struct reason *why);

#endif
