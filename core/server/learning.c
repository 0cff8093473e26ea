/* What is known of a script from its earlier runs: see learning.h. */
#define _GNU_SOURCE
#include "learning.h"

#include "prefork-server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char head[100]; /* the first line */

void learning_open(const char *script) {
	struct stat st;

	if (stat(script, &st) < 0)
		st = (struct stat){0};
	snprintf(head, sizeof head, "script %lld %lld.%09ld\n", (long long)st.st_size, (long long)st.st_mtim.tv_sec,
	         st.st_mtim.tv_nsec);
}

/* All lines, malloc'ed; at least the first one. */
static char *read_all(void) {
	size_t length;
	char *bytes = prefork_server_learned(&length);

	if (bytes && strncmp(bytes, head, strlen(head)) == 0)
		return bytes;
	free(bytes);
	return strdup(head);
}

/* Where a line that begins with these two words has its third. */
static const char *find(const char *bytes, const char *kind, const char *name) {
	size_t k = strlen(kind), n = strlen(name);

	for (const char *at = strchr(bytes, '\n'); at && at[1]; at = strchr(at + 1, '\n')) {
		const char *line = at + 1;

		if (strncmp(line, kind, k) == 0 && line[k] == ' ' && strncmp(line + k + 1, name, n) == 0 &&
		    strchr(" \n", line[k + 1 + n]))
			return line + k + 1 + n;
	}
	return NULL;
}

int learning_number(const char *kind) {
	char *bytes = read_all();
	size_t k = strlen(kind);
	int number = -1;

	for (const char *at = bytes ? strchr(bytes, '\n') : NULL; at && at[1] && number < 0; at = strchr(at + 1, '\n'))
		if (strncmp(at + 1, kind, k) == 0 && at[1 + k] == ' ')
			number = (int)strtol(at + 1 + k, NULL, 10);
	free(bytes);
	return number;
}

int learning_has(const char *kind, const char *name) {
	char *bytes = read_all();
	int found = bytes && find(bytes, kind, name);

	free(bytes);
	return found;
}

void learning_add(const char *kind, const char *name, const char *text) {
	char *bytes = read_all(), *more;
	int n;

	if (!bytes || find(bytes, kind, name)) {
		free(bytes);
		return;
	}
	n = asprintf(&more, "%s%s %s%s%.*s\n", bytes, kind, name, *text ? " " : "", (int)strcspn(text, "\n"), text);
	free(bytes);
	if (n < 0)
		return;
	prefork_server_learn(more, (size_t)n);
	free(more);
}

void learning_add_names(const char *kind, char *const *names) {
	char *bytes = read_all();
	size_t length = bytes ? strlen(bytes) : 0, before = length;

	for (; bytes && *names; names++) {
		size_t size = strlen(kind) + strlen(*names) + 3;
		char *more = find(bytes, kind, *names) ? NULL : realloc(bytes, length + size);

		if (!more)
			continue;
		bytes = more;
		length += (size_t)snprintf(bytes + length, size, "%s %s\n", kind, *names);
	}
	if (length > before)
		prefork_server_learn(bytes, length);
	free(bytes);
}

void learning_each(const char *kind, void (*visit)(const char *name, void *context), void *context) {
	char *bytes = read_all(), *rest = bytes, *line;
	size_t k = strlen(kind);

	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, kind, k) != 0 || line[k] != ' ')
			continue;
		line += k + 1;
		line[strcspn(line, " ")] = '\0';
		visit(line, context);
	}
	free(bytes);
}

/* Take the lines of this kind out. */
static void remove_kind(char *bytes, const char *kind) {
	size_t k = strlen(kind);
	char *line = strchr(bytes, '\n') + 1;

	while (*line) {
		char *next = line + strcspn(line, "\n");

		next += *next == '\n';
		if (strncmp(line, kind, k) == 0 && line[k] == ' ')
			memmove(line, next, strlen(next) + 1);
		else
			line = next;
	}
}

void learning_set(const char *kind, const char *name, const char *text) {
	char *bytes = read_all(), *before = bytes ? strdup(bytes) : NULL, *more = NULL;
	int n = -1;

	if (before) {
		remove_kind(bytes, kind);
		n = asprintf(&more, "%s%s %s%s%.*s\n", bytes, kind, name, *text ? " " : "", (int)strcspn(text, "\n"), text);
	}
	if (n >= 0 && strcmp(before, more) != 0)
		prefork_server_learn(more, (size_t)n);
	if (n >= 0)
		free(more);
	free(before);
	free(bytes);
}
