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
};

/* Is this the variable ("NAME=value" or "NAME") of that name ("NAME" or "NAME=...")? */
int environment_is(const char *variable, const char *name);

/* The first variable of V, NULL-terminated, with the same name as VARIABLE ("NAME=value" or "NAME"), or NULL. */
const char *environment_find(char *const *v, const char *variable);

/* Remember the environment as it is now.  0, or -1 with errno. */
int environment_note(struct environment *e, char *const *now);

/* Learn the changes, BEFORE being the first caller's environment.  What setup would have made of another value of one
 * of these variables is not known: calls depend on them.  0, or -1 with errno. */
int environment_learn(struct environment *e, const struct strings *before);

/* A call's environment with the changes made to it: a NULL-terminated array, to be released with free(), whose strings
 * stay where they are.  NULL with errno. */
char **environment_apply(const struct environment *e, const struct strings *caller);

#endif
