/* What is known of an unmarked script: see learning.h. */
#define _GNU_SOURCE
#include "learning.h"

#include "server/prefork-server.h"

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

int learning_prefix(void) {
	char *bytes = read_all();
	const char *line = bytes ? strstr(bytes, "\nprefix ") : NULL;
	int count = line ? (int)strtol(line + strlen("\nprefix "), NULL, 10) : -1;

	free(bytes);
	return count;
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
