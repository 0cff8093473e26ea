/* How a command is executed plain and served: see command.h.
 *
 * A script that is not enabled is executed as it is for the plain run, and for the others the client as the kernel
 * would execute it.  Of one that is enabled, the plain run executes the interpreter.  A process that the kernel makes
 * of a script has the script's name; so has one that is executed by a link of that name. */
#define _GNU_SOURCE
#include "command.h"

#include "../client/interpreter.h"
#include "../wire/fd.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
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

/* Execute FIRST (COUNT words), then the script, then REST.  0, or -1 with WHY. */
static int set_words(struct invocation *i, char *const *first, int count, struct command *c, char **rest,
                     struct reason *why) {
	size_t n = 0, rest_count = 0;

	while (rest[rest_count])
		rest_count++;
	i->argv = calloc((size_t)count + rest_count + 2, sizeof *i->argv);
	if (!i->argv) {
		reason_errno(why, "remember", c->script);
		return -1;
	}
	while (n < (size_t)count) {
		i->argv[n] = first[n];
		n++;
	}
	i->argv[n++] = c->script;
	memcpy(i->argv + n, rest, rest_count * sizeof *rest);
	return 0;
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
	char *first[] = {c->program, c->argument};

	snprintf(c->argument, sizeof c->argument, "-- %s%s%s", l->program, l->argument[0] ? " " : "", l->argument);
	if (place_client(c->program, why) < 0 || link_to(c->served.path, links, c->script, c->program, why) < 0)
		return -1;
	return set_words(&c->served, first, 2, c, arguments, why);
}

/* The interpreter, as the client would execute it for a plain run. */
static int plain_by_interpreter(struct command *c, const struct line *l, char **arguments, const char *links,
                                struct reason *why) {
	char *argv[] = {c->program, c->argument, c->script, NULL};
	struct interpreter found;
	struct words *w = &c->words;

	snprintf(c->program, sizeof c->program, "%s", l->program);
	snprintf(c->argument, sizeof c->argument, "%s ", l->argument);
	if (words_parse(3, argv, w, why->text, sizeof why->text) < 0)
		return -1;
	words_keep_env(w);
	if (!w->interpreter || interpreter_find(w->interpreter, &found) < 0) {
		reason_errno(why, "find its interpreter", w->interpreter ? w->interpreter : c->script);
		return -1;
	}
	/* env(1) executes another program, which gets that one's name; so does a stand-in. */
	if (strcmp(strrchr(found.path, '/'), "/env") == 0 || found.is_script)
		memcpy(c->plain.path, found.path, sizeof c->plain.path);
	else if (link_to(c->plain.path, links, c->script, found.path, why) < 0)
		return -1;
	return set_words(&c->plain, &w->interpreter_arguments[-1], w->interpreter_argument_count + 1, c, arguments, why);
}

int command_find(struct command *c, char **words, const char *links, struct reason *why) {
	struct interpreter found;
	struct invocation *direct;
	struct line l;

	memset(c, 0, sizeof *c);
	if (interpreter_find(words[0], &found) < 0) {
		reason_set(why, "%s: %s", words[0], strerror(errno));
		return -1;
	}
	memcpy(c->script, found.path, sizeof c->script);
	if (read_line(c->script, &l, why) < 0)
		return -1;
	direct = l.enabled ? &c->served : &c->plain;
	memcpy(direct->path, c->script, sizeof direct->path);
	if (set_words(direct, NULL, 0, c, words + 1, why) < 0)
		return -1;
	return (l.enabled ? plain_by_interpreter : served_by_client)(c, &l, words + 1, links, why);
}

void command_free(struct command *c) {
	free(c->plain.argv);
	free(c->served.argv);
	free(c->words.all);
	free(c->words.text);
	memset(c, 0, sizeof *c);
}
