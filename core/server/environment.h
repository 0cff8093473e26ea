/* What setup changed in its environment: carried over into every call.
 *
 * Setup starts with the first caller's environment.  What differs at the end of initialisation is the work of the
 * script, of the interpreter's start (C locale coercion) or of a stand-in for the interpreter (version managers): a
 * fresh run would do it in each call. */
#ifndef PREFORK_ENVIRONMENT_H
#define PREFORK_ENVIRONMENT_H

#include "../wire/request.h"

struct environment {
	char **after;   /* at the end of initialisation: copies, NULL-terminated */
	char **changed; /* NULL-terminated: "NAME=value" was set, "NAME" was removed; NULL until learned */
	char **before;  /* for each of CHANGED, "NAME=value" of the first caller, or NULL where it had none */
};

/* Remember the environment as it is now.  0, or -1 with errno. */
int environment_note(struct environment *e, char *const *now);

/* Learn the changes, BEFORE being the first caller's environment.  0, or -1 with errno. */
int environment_learn(struct environment *e, const struct strings *before);

/* Does this caller's environment differ from the first one's in a variable that setup changed, and may have made its
 * own value from?  What setup would have made of this one is not known then.  The variable of CHANGED, or NULL. */
const char *environment_conflict(const struct environment *e, const struct strings *caller);

/* A call's environment with the changes made to it: a NULL-terminated array, to be released with free(), whose strings
 * stay where they are.  NULL with errno. */
char **environment_apply(const struct environment *e, const struct strings *caller);

#endif
