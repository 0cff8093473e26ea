/* What setup changed in its environment: see environment.h. */
#define _GNU_SOURCE
#include "environment.h"

#include <stdlib.h>
#include <string.h>

static size_t count(char *const *v) {
	size_t n = 0;

	while (v[n])
		n++;
	return n;
}

static size_t name_length(const char *variable) {
	return strcspn(variable, "=");
}

int environment_is(const char *variable, const char *name) {
	size_t n = name_length(name);

	return name_length(variable) == n && strncmp(variable, name, n) == 0;
}

const char *environment_find(char *const *v, const char *variable) {
	size_t n = name_length(variable);

	for (; *v; v++)
		if (strncmp(*v, variable, n) == 0 && (*v)[n] == '=')
			return *v;
	return NULL;
}

int environment_note(struct environment *e, char *const *now) {
	/* clearenv(3) leaves no array. */
	size_t n = now ? count(now) : 0;

	e->changed = NULL;
	e->after = calloc(n + 1, sizeof *e->after);
	if (!e->after)
		return -1;
	for (size_t i = 0; i < n; i++) {
		e->after[i] = strdup(now[i]);
		if (!e->after[i])
			return -1;
	}
	return 0;
}

int environment_learn(struct environment *e, const struct strings *before) {
	size_t n = 0, most = count(e->after) + before->count + 1;
	char **old = request_array(before), *variable;
	int r = 0;

	e->changed = calloc(most, sizeof *e->changed);
	if (!old || !e->changed)
		r = -1;
	/* Of several with one name the first counts. */
	for (char **v = e->after; r == 0 && (variable = *v); v++) {
		const char *was = environment_find(old, variable);

		if (strchr(variable, '=') && environment_find(e->after, variable) == variable &&
		    (!was || strcmp(was, variable) != 0))
			e->changed[n++] = variable;
	}
	for (char **v = old; r == 0 && (variable = *v); v++) {
		if (!strchr(variable, '=') || environment_find(e->after, variable) ||
		    environment_find(old, variable) != variable)
			continue;
		e->changed[n] = strndup(variable, name_length(variable));
		r = e->changed[n++] ? 0 : -1;
	}
	free(old);
	return r;
}

/* What CHANGED has to say of VARIABLE, a caller's: an entry of it, or NULL. */
static char *change_of(const struct environment *e, const char *variable) {
	for (char **c = e->changed; *c; c++)
		if (environment_is(variable, *c))
			return *c;
	return NULL;
}

char **environment_apply(const struct environment *e, const struct strings *caller) {
	char **from = request_array(caller), **v = NULL, *change;
	size_t n = 0;

	if (from)
		v = calloc(caller->count + count(e->changed) + 1, sizeof *v);
	/* As setenv(3) does: in its place the first of a name that is there already, at the end one that is not. */
	for (char **f = from; v && *f; f++) {
		change = change_of(e, *f);
		if (!change)
			v[n++] = *f;
		else if (strchr(change, '=') && environment_find(from, change) == *f)
			v[n++] = change;
	}
	for (char **c = e->changed; v && *c; c++)
		if (strchr(*c, '=') && !environment_find(from, *c))
			v[n++] = *c;
	free(from);
	return v;
}
