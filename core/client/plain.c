/* The plain run: see plain.h. */
#define _GNU_SOURCE
#include "plain.h"

#include "../wire/handshake.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

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
