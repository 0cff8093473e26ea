/* What calls must have alike: see dependency.h. */
#define _GNU_SOURCE
#include "dependency.h"

#include "../wire/wire.h"
#include "environment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern char **environ;

/* Shells keep these for themselves, a stand-in for the interpreter too; nobody makes a value of them. */
static int is_shells(const char *variable) {
	static const char *const names[] = {"_", "PWD", "OLDPWD", "SHLVL"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (environment_is(variable, names[i]))
			return 1;
	return 0;
}

/* What is found out after the first call: setup, whose environment this process still has, had the first caller's
 * values, and those that it changed hold for that caller alone anyway. */
static int learn_late(struct dependency *d) {
	const char *value = environ ? environment_find(environ, d->names[d->count]) : NULL;
	char **values = realloc(d->values, (d->count + 2) * sizeof *values);

	if (!values)
		return -1;
	d->values = values;
	values[d->count] = value ? strdup(value) : NULL;
	return value && !values[d->count] ? -1 : 0;
}

int dependency_add(struct dependency *d, const char *variable) {
	char **names, *name;

	if (is_shells(variable))
		return 0;
	for (size_t i = 0; i < d->count; i++)
		if (environment_is(variable, d->names[i]))
			return 0;
	names = realloc(d->names, (d->count + 1) * sizeof *names);
	if (!names)
		return -1;
	d->names = names;
	name = strndup(variable, strcspn(variable, "="));
	if (!name)
		return -1;
	names[d->count] = name;
	if (d->values && learn_late(d) < 0) {
		free(name);
		return -1;
	}
	d->count++;
	return 0;
}

int dependency_learn(struct dependency *d, const struct request *first, int directory) {
	char **before = request_array(&first->environment);
	struct stat st;

	d->umask = (mode_t)first->umask;

	d->values = calloc(d->count + 1, sizeof *d->values);
	for (size_t i = 0; before && d->values && i < d->count; i++) {
		const char *value = environment_find(before, d->names[i]);

		d->values[i] = value ? strdup(value) : NULL;
		if (value && !d->values[i]) {
			free(before);
			return -1;
		}
	}
	free(before);
	if (directory >= 0 && fstat(directory, &st) == 0) {
		d->device = st.st_dev;
		d->inode = st.st_ino;
	}
	return before && d->values ? 0 : -1;
}

const char *dependency_differs(const struct dependency *d, const struct request *caller, int directory) {
	char **now = d->count > 0 ? request_array(&caller->environment) : NULL;
	const char *differs = d->count > 0 && !now ? d->names[0] : NULL;
	struct stat st;

	for (size_t i = 0; now && i < d->count && !differs; i++) {
		const char *value = environment_find(now, d->names[i]), *was = d->values[i];

		if (!value != !was || (value && strcmp(value, was) != 0))
			differs = d->names[i];
	}
	free(now);
	if (!differs && d->on_directory && directory >= 0 &&
	    (fstat(directory, &st) < 0 || st.st_dev != d->device || st.st_ino != d->inode))
		differs = WIRE_DIFFERS_DIRECTORY;
	/* A protocol 1 request says nothing of the umask. */
	if (!differs && d->on_umask && caller->script && (mode_t)caller->umask != d->umask)
		differs = WIRE_DIFFERS_UMASK;
	return differs;
}

void dependency_put(const struct dependency *d, struct buf *b) {
	for (size_t i = 0; i < d->count; i++)
		buf_put_string(b, d->names[i]);
	if (d->on_directory)
		buf_put_string(b, WIRE_DIFFERS_DIRECTORY);
	if (d->on_umask)
		buf_put_string(b, WIRE_DIFFERS_UMASK);
}
