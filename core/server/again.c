/* Starting setup again: see prefork-server.h. */
#define _GNU_SOURCE
#include "again.h"

#include "../wire/fd.h"
#include "environment.h"
#include "prefork-server.h"
#include "worth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

static char **arguments, **variables; /* as the launcher gave them */

static char **copy(char *const *strings) {
	size_t count = 0;
	char **all;

	while (strings[count])
		count++;
	all = calloc(count + 2, sizeof *all); /* room for one more */
	for (size_t i = 0; all && i < count; i++)
		all[i] = strdup(strings[i]);
	return all;
}

static char **command_line(void) {
	char *text = NULL, **words = NULL;
	FILE *file = fopen("/proc/self/cmdline", "re");
	size_t size = 0, count = 0;

	while (file && getdelim(&text, &size, '\0', file) > 0) {
		char **more = realloc(words, (count + 2) * sizeof *words);

		if (!more)
			break;
		words = more;
		words[count++] = strdup(text);
		words[count] = NULL;
	}
	if (file)
		fclose(file);
	free(text);
	return words;
}

void prefork_server_note_start(void) {
	variables = environ ? copy(environ) : NULL;
	arguments = command_line();
}

/* What setup has written is what lies before the place that the next byte would have.  Outputs are sealed, which no
 * file of anybody else's is. */
static void forget_output(int fd) {
	if (fcntl(fd, F_GET_SEALS) > 0)
		lseek(fd, 0, SEEK_SET);
}

/* Put a variable in the place of one of its name, or at the end. */
static void set(const char *variable) {
	size_t at = 0;

	while (variables[at] && !environment_is(variables[at], variable))
		at++;
	variables[at] = strdup(variable);
}

/* The handshake again, with what was used in vain. */
static void set_handshake(const struct handshake *old) {
	char text[sizeof HANDSHAKE_VARIABLE + HANDSHAKE_MAX] = HANDSHAKE_VARIABLE "=";
	struct handshake h = *old;

	h.used_ms = worth_used_ms();
	if (handshake_format(&h, text + sizeof HANDSHAKE_VARIABLE, sizeof text - sizeof HANDSHAKE_VARIABLE) == 0)
		set(text);
}

int again_start(const struct handshake *h, const char *variable) {
	const int fds[] = {h->listen_fd, h->call_fd, h->watch_error_fd, h->watch_sentinel_fd};

	if (!arguments || !variables) {
		errno = ENOMEM;
		return -1;
	}
	set_handshake(h);
	set(variable);
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		fd_set_cloexec(fds[i], 0);
	forget_output(STDOUT_FILENO);
	forget_output(STDERR_FILENO);
	/* By this name: the server watches the file by it too. */
	execve((const char *)getauxval(AT_EXECFN), arguments, variables); /* NOLINT: it is a pointer */
	return -1;
}
