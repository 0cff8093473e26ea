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

/* The first variable of V with the same name as VARIABLE ("NAME=value" or "NAME"), or NULL. */
static const char *find(char *const *v, const char *variable) {
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

static char *copy_or_null(const char *s) {
	return s ? strdup(s) : NULL;
}

/* Append a change: VARIABLE, which was WAS (NULL: not set) in the first caller's environment.  0, or -1 with errno. */
static int add_change(struct environment *e, size_t *n, char *variable, const char *was) {
	e->before[*n] = copy_or_null(was);
	if (was && !e->before[*n])
		return -1;
	e->changed[(*n)++] = variable;
	return 0;
}

static int add_removed(struct environment *e, size_t *n, const char *was) {
	char *name = strndup(was, name_length(was));

	if (name && add_change(e, n, name, was) == 0)
		return 0;
	free(name);
	return -1;
}

int environment_learn(struct environment *e, const struct strings *before) {
	size_t n = 0, most = count(e->after) + before->count + 1;
	char **old = request_array(before), *variable;
	int r = 0;

	e->changed = calloc(most, sizeof *e->changed);
	e->before = calloc(most, sizeof *e->before);
	if (!old || !e->changed || !e->before)
		r = -1;
	/* Of several with one name the first counts. */
	for (char **v = e->after; r == 0 && (variable = *v); v++) {
		const char *was = find(old, variable);

		if (strchr(variable, '=') && find(e->after, variable) == variable && (!was || strcmp(was, variable) != 0))
			r = add_change(e, &n, variable, was);
	}
	for (char **v = old; r == 0 && (variable = *v); v++)
		if (strchr(variable, '=') && !find(e->after, variable) && find(old, variable) == variable)
			r = add_removed(e, &n, variable);
	free(old);
	return r;
}

/* Shells keep these for themselves, a stand-in for the interpreter too; nobody makes a value of them. */
static int is_shells(const char *variable) {
	static const char *const names[] = {"_", "PWD", "OLDPWD", "SHLVL"};
	size_t n = name_length(variable);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n && strncmp(names[i], variable, n) == 0)
			return 1;
	return 0;
}

const char *environment_conflict(const struct environment *e, const struct strings *caller) {
	char **v = request_array(caller);
	const char *conflict = v ? NULL : "memory";

	for (size_t i = 0; v && e->changed[i] && !conflict; i++) {
		const char *now = find(v, e->changed[i]), *was = e->before[i];

		if (is_shells(e->changed[i]))
			continue;
		if (!now != !was || (now && strcmp(now, was) != 0))
			conflict = e->changed[i];
	}
	free(v);
	return conflict;
}

/* Is VARIABLE, a caller's, among the changed ones? */
static int is_changed(const struct environment *e, const char *variable) {
	size_t n = name_length(variable);

	for (char **c = e->changed; *c; c++)
		if (name_length(*c) == n && strncmp(*c, variable, n) == 0)
			return 1;
	return 0;
}

char **environment_apply(const struct environment *e, const struct strings *caller) {
	char **from = request_array(caller), **v = NULL;
	size_t n = 0;

	if (from)
		v = calloc(caller->count + count(e->changed) + 1, sizeof *v);
	for (char **f = from; v && *f; f++)
		if (!is_changed(e, *f))
			v[n++] = *f;
	for (char **c = e->changed; v && *c; c++)
		if (strchr(*c, '='))
			v[n++] = *c;
	free(from);
	return v;
}
