/* The vectors that setup is executed with: see prepare.h. */
#define _GNU_SOURCE
#include "prepare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Append WORD, which becomes the vector's.  Takes NULL for memory that could not be had. */
static int words_add(struct words *w, char *word) {
	char **at = word ? realloc(w->at, (w->count + 2) * sizeof *at) : NULL;

	if (!at) {
		free(word);
		errno = ENOMEM;
		return -1;
	}
	w->at = at;
	at[w->count++] = word;
	at[w->count] = NULL;
	return 0;
}

static void words_remove(struct words *w, size_t i) {
	free(w->at[i]);
	memmove(w->at + i, w->at + i + 1, (w->count - i) * sizeof *w->at);
	w->count--;
}

static void words_free(struct words *w) {
	for (size_t i = 0; i < w->count; i++)
		free(w->at[i]);
	free(w->at);
	*w = (struct words){NULL, 0};
}

/* The value, when this is the variable of that name; or NULL. */
static const char *value_of(const char *variable, const char *name, size_t length) {
	return strncmp(variable, name, length) == 0 && variable[length] == '=' ? variable + length + 1 : NULL;
}

static int add_argument(void *setup, const char *word) {
	struct preparation *p = setup;

	return words_add(&p->arguments, strdup(word));
}

static const char *get_environment(void *setup, const char *name) {
	const struct preparation *p = setup;
	size_t length = strlen(name);

	for (size_t i = 0; i < p->environment.count; i++) {
		const char *value = value_of(p->environment.at[i], name, length);

		if (value)
			return value;
	}
	return NULL;
}

static int set_environment(void *setup, const char *name, const char *value) {
	struct words *environment = &((struct preparation *)setup)->environment;
	size_t length = strlen(name), size;
	char *variable;

	if (!length || strchr(name, '=')) {
		errno = EINVAL;
		return -1;
	}
	/* VALUE may be what get_environment() gave: it is copied before anything goes. */
	size = value ? length + strlen(value) + 2 : 0;
	variable = value ? malloc(size) : NULL;
	if (value && !variable)
		return -1;
	if (value)
		snprintf(variable, size, "%s=%s", name, value);
	for (size_t i = environment->count; i-- > 0;)
		if (value_of(environment->at[i], name, length))
			words_remove(environment, i);
	return value ? words_add(environment, variable) : 0;
}

const struct prefork_host prepare_host = {add_argument, set_environment, get_environment};

int prepare_begin(struct preparation *p, const char *name, char *const *environment) {
	int failed;

	memset(p, 0, sizeof *p);
	failed = words_add(&p->arguments, strdup(name));
	for (; !failed && *environment; environment++)
		failed = words_add(&p->environment, strdup(*environment));
	if (failed)
		prepare_free(p);
	return failed ? -1 : 0;
}

void prepare_free(struct preparation *p) {
	words_free(&p->arguments);
	words_free(&p->environment);
}
