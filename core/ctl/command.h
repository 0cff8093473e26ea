/* A command that is to be verified: how it is executed plain, and how served. */
#ifndef PREFORK_COMMAND_H
#define PREFORK_COMMAND_H

#include "../client/words.h"
#include "../launch/reason.h"
#include "line.h"

#include <limits.h>

struct invocation {
	char path[PATH_MAX]; /* what is executed */
	char **argv;
};

struct command {
	char script[PATH_MAX]; /* absolute */
	struct invocation plain;
	struct invocation served;
	/* What their argv point into. */
	char program[PATH_MAX];
	char argument[2 * LINE_MAX_BYTES + 16];
	struct words words;
};

/* Find the script that WORDS (NULL-terminated) name, in PATH where its name has no slash.  LINKS is an
 * empty folder for links that give a process the name that the kernel would give it.
 * 0, or -1 with WHY: there is none, or it is no script.  To be freed in either case, and before it WORDS are needed. */
int command_find(struct command *c, char **words, const char *links, struct reason *why);
void command_free(struct command *c);

#endif
