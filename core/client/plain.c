/* The plain run: see plain.h. */
#define _GNU_SOURCE
#include "plain.h"

#include "../wire/handshake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* DIRECTORY (LENGTH bytes; none: the present one) and NAME, absolute.  0, or -1 with errno. */
static int join(char path[PATH_MAX], const char *directory, size_t length, const char *name) {
	char present[PATH_MAX];
	int n;

	if (length > 0 && directory[0] == '/') {
		n = snprintf(path, PATH_MAX, "%.*s/%s", (int)length, directory, name);
	} else {
		if (!getcwd(present, sizeof present))
			return -1;
		n = snprintf(path, PATH_MAX, "%s/%.*s%s%s", present, (int)length, directory, length ? "/" : "", name);
	}
	if (n >= 0 && n < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int is_executable(const char *path) {
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode) && access(path, X_OK) == 0)
		return 1;
	errno = EACCES;
	return 0;
}

int plain_find(const char *name, char path[PATH_MAX]) {
	const char *search = getenv("PATH");
	int denied = 0;

	if (strchr(name, '/')) {
		if (name[0] != '/')
			return join(path, "", 0, name) < 0 || !is_executable(path) ? -1 : 0;
		if (strlen(name) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(path, name, strlen(name) + 1);
		return is_executable(path) ? 0 : -1;
	}
	if (!search)
		search = "/bin:/usr/bin";
	for (;;) {
		size_t n = strcspn(search, ":");

		if (join(path, search, n, name) == 0 && is_executable(path))
			return 0;
		denied |= errno == EACCES;
		if (!search[n])
			break;
		search += n + 1;
	}
	errno = denied ? EACCES : ENOENT;
	return -1;
}

void plain_exec(const struct words *w, const char *path) {
	size_t arguments = 0, n = 0;
	char **v;

	while (w->arguments[arguments])
		arguments++;
	v = calloc((size_t)w->interpreter_argument_count + arguments + 3, sizeof *v);
	if (!v)
		return;
	v[n++] = w->interpreter;
	for (int i = 0; i < w->interpreter_argument_count; i++)
		v[n++] = w->interpreter_arguments[i];
	if (w->script)
		v[n++] = w->script;
	memcpy(v + n, w->arguments, arguments * sizeof *v);
	/* A client started by somebody's setup would else make the interpreter believe that it is setup. */
	unsetenv(HANDSHAKE_VARIABLE);
	execve(path, v, environ);
	free(v);
}
