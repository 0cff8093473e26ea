/* How a command is executed plain and served: see command.h.
 *
 * A script that is not enabled is executed as it is for the plain run, and for the others the client as the kernel
 * would execute it.  Of one that is enabled, the plain run executes the interpreter.  A process that the kernel makes
 * of a script has the script's name; so has one that is executed by a link of that name. */
#define _GNU_SOURCE
#include "command.h"

#include "../client/interpreter.h"
#include "../client/words.h"
#include "../wire/fd.h"
#include "line.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_line(const char *path, struct line *l, struct reason *why) {
	char bytes[LINE_MAX_BYTES + 1];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
	const char *wrong = NULL;

	if (n < 0)
		reason_errno(why, "read", path);
	else if (line_read(l, bytes, (size_t)n, &wrong) < 0)
		reason_set(why, "%s: %s", path, wrong);
	fd_close(&fd);
	return n < 0 || wrong ? -1 : 0;
}

/* FIRST (FIRST_COUNT words), then SCRIPT, then REST: malloc'ed, or NULL with WHY. */
static char **join(char *const *first, int first_count, char *script, char **rest, struct reason *why) {
	size_t n = (size_t)first_count, count = 0;
	char **v;

	while (rest[count])
		count++;
	v = calloc(n + count + 2, sizeof *v);
	if (!v) {
		reason_errno(why, "remember", script);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		v[i] = first[i];
	v[n] = script;
	memcpy(v + n + 1, rest, count * sizeof *v);
	return v;
}

/* The path in LINKS by which TARGET is executed in the script's name. */
static int link_to(char path[PATH_MAX], const char *links, const char *script, const char *target, struct reason *why) {
	int n = snprintf(path, PATH_MAX, "%s%s", links, strrchr(script, '/'));

	if (n < PATH_MAX && symlink(target, path) == 0)
		return 0;
	reason_errno(why, "make", path);
	return -1;
}

/* The client, as the kernel would execute it for an enabled script. */
static int served_by_client(struct command *c, const struct line *l, char **arguments, const char *links,
                            struct reason *why) {
	char client[PATH_MAX], text[2 * sizeof l->program + sizeof "-- "], *first[2];

	snprintf(text, sizeof text, "-- %s%s%s", l->program, l->argument[0] ? " " : "", l->argument);
	if (place_client(client, why) < 0 || link_to(c->served.path, links, c->script, client, why) < 0)
		return -1;
	first[0] = strdup(client);
	first[1] = strdup(text);
	c->served.argv = first[0] && first[1] ? join(first, 2, c->script, arguments, why) : NULL;
	return c->served.argv ? 0 : -1;
}

/* The interpreter, as the client would execute it for a plain run. */
static int plain_by_interpreter(struct command *c, const struct line *l, char **arguments, const char *links,
                                struct reason *why) {
	char *argv[] = {strdup(l->program), strdup(l->argument), c->script, NULL};
	struct interpreter found;
	struct words w;

	if (!argv[0] || !argv[1] || words_parse(3, argv, &w, why->text, sizeof why->text) < 0)
		return -1;
	words_keep_env(&w);
	if (!w.hash_bang || interpreter_find(w.interpreter, &found) < 0) {
		reason_errno(why, "find its interpreter", w.interpreter);
		return -1;
	}
	/* env(1) executes another program, which gets that one's name; so does a stand-in. */
	if (strcmp(strrchr(found.path, '/'), "/env") == 0 || found.is_script)
		memcpy(c->plain.path, found.path, sizeof c->plain.path);
	else if (link_to(c->plain.path, links, c->script, found.path, why) < 0)
		return -1;
	c->plain.argv = join(&w.interpreter_arguments[-1], w.interpreter_argument_count + 1, c->script, arguments, why);
	return c->plain.argv ? 0 : -1;
}

static void as_it_is(struct invocation *i, struct command *c, char **argv) {
	memcpy(i->path, c->script, sizeof i->path);
	i->argv = argv;
}

int command_find(struct command *c, char **words, int count, const char *links, struct reason *why) {
	struct interpreter found;
	char **direct;
	struct line l;

	if (interpreter_find(words[0], &found) < 0) {
		reason_set(why, "%s: %s", words[0], strerror(errno));
		return -1;
	}
	memcpy(c->script, found.path, sizeof c->script);
	direct = count > 0 ? join(NULL, 0, c->script, words + 1, why) : NULL;
	if (!direct || read_line(c->script, &l, why) < 0)
		return -1;
	as_it_is(l.enabled ? &c->served : &c->plain, c, direct);
	return (l.enabled ? plain_by_interpreter : served_by_client)(c, &l, words + 1, links, why);
}
