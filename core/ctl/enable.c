/* Rewriting the first lines of scripts, one after the other: see enable.h. */
#define _GNU_SOURCE
#include "enable.h"

#include "../client/interpreter.h"
#include "../client/words.h"
#include "../launch/plugin.h"
#include "../wire/fd.h"
#include "place.h"
#include "target.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT_TEXT (1u << 20) /* bytes of it that plugins may look at */

struct enabling {
	char client[PATH_MAX];
	char plugins[PATH_MAX];
};

/* One file's work: 0 with what to tell in WHAT, or -1 with WHY. */
typedef int work(const struct enabling *, struct target *, struct reason *what, struct reason *why);

static int read_line(const struct target *t, struct line *l, struct reason *why) {
	char bytes[LINE_MAX_BYTES + 1];
	ssize_t n = pread(t->fd, bytes, sizeof bytes, 0);
	const char *wrong;

	if (n < 0) {
		reason_errno(why, "read", t->path);
		return -1;
	}
	if (line_read(l, bytes, (size_t)n, &wrong) == 0)
		return 0;
	reason_set(why, "%s", wrong);
	return -1;
}

/* The beginning of the script as plugins look at it: malloc'ed, or NULL with WHY: a #! line may stand before anything.
 */
static char *read_text(const struct target *t, struct reason *why) {
	char *text = malloc(SCRIPT_TEXT + 1);
	ssize_t n = text ? pread(t->fd, text, SCRIPT_TEXT, 0) : -1;

	if (n < 0)
		reason_errno(why, "read", t->path);
	else if (memchr(text, '\0', (size_t)n))
		reason_set(why, "it is no text: it has NUL bytes in it");
	else {
		text[n] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

static enum prefork_answer ask(const struct enabling *e, const struct target *t, const char *interpreter,
                               char *const *words, const char *text, struct reason *why) {
	static const char *const no_words[] = {NULL};
	struct interpreter found;
	struct plugin plugin;
	struct prefork_invocation invocation = {
		.interpreter = found.path,
		.name = interpreter,
		.arguments = (const char *const *)words,
		.script = t->path,
		.script_text = text,
		.script_arguments = no_words,
	};
	enum prefork_answer answer;

	if (interpreter_find(interpreter, &found) < 0) {
		reason_set(why, "its interpreter can't be found: %s: %s", interpreter, strerror(errno));
		return PREFORK_NOT_MINE;
	}
	answer = plugin_find(&plugin, e->plugins, &invocation, why);
	plugin_close(&plugin);
	return answer;
}

/* The kernel has given the interpreter these words as one, the client will give them one by one.  Is that the same? */
static int can_be_split(const struct enabling *e, const struct target *t, const struct line *l, char *const *words,
                        const char *text, enum prefork_answer answer) {
	char *one[] = {(char *)(uintptr_t)l->argument, NULL};
	struct reason unused;

	if (!words[0] || !words[1])
		return 1;
	for (char *const *word = words; *word; word++)
		if (**word != '-')
			return 0;
	return ask(e, t, l->program, one, text, &unused) == answer;
}

/* Would this installation serve it?  PREFORK_NOT_MINE: it must not be enabled. */
static enum prefork_answer judge(const struct enabling *e, const struct target *t, const struct line *l,
                                 const char *text, struct reason *why) {
	char storage[2 * sizeof l->program], *words[LINE_WORDS + 1];
	int env = words_of_env(words, line_words(l, storage, words));
	enum prefork_answer answer = ask(e, t, words[env], words + env + 1, text, why);

	if (answer != PREFORK_NOT_MINE && env == 0 && !can_be_split(e, t, l, words + 1, text, answer)) {
		reason_set(why, "the kernel gives \"%s\" to its interpreter as one word, prefork-interp would as several",
		           l->argument);
		return PREFORK_NOT_MINE;
	}
	return answer;
}

static int enable(const struct enabling *e, struct target *t, struct reason *what, struct reason *why) {
	struct line line;
	struct line_edit edit;
	enum prefork_answer answer;
	const char *wrong;
	char *text;

	if (read_line(t, &line, why) < 0)
		return -1;
	if (line.enabled) {
		reason_set(what, "is enabled already");
		return 0;
	}
	text = read_text(t, why);
	if (!text)
		return -1;
	answer = judge(e, t, &line, text, why);
	free(text);
	if (answer == PREFORK_NOT_MINE)
		return -1;
	if (line_enable(&line, e->client, &edit, &wrong) < 0) {
		reason_set(why, "%s", wrong);
		return -1;
	}
	if (answer == PREFORK_REFUSE)
		reason_set(what, "enabled, but it will run plain: %.400s", why->text);
	else
		reason_set(what, "enabled");
	return target_replace(t, &edit, why);
}

static int disable(const struct enabling *e, struct target *t, struct reason *what, struct reason *why) {
	struct line line;
	struct line_edit edit;
	const char *wrong;

	(void)e;
	if (read_line(t, &line, why) < 0)
		return -1;
	if (!line.enabled) {
		reason_set(what, "is not enabled");
		return 0;
	}
	if (line_disable(&line, &edit, &wrong) < 0) {
		reason_set(why, "%s", wrong);
		return -1;
	}
	reason_set(what, "disabled");
	return target_replace(t, &edit, why);
}

/* 0, or 1 when it failed. */
static int do_file(const struct enabling *e, const char *file, work *do_it) {
	struct reason what, why;
	struct target t;
	int r;

	r = target_open(&t, file, &why);
	if (r == 0)
		r = do_it(e, &t, &what, &why);
	target_close(&t);
	if (r == 0)
		printf("%s: %s\n", file, what.text);
	else
		fprintf(stderr, "preforkctl: %s: %s\n", file, why.text);
	return r < 0;
}

static int do_files(const struct enabling *e, char **files, int count, work *do_it) {
	int failed = 0;

	/* A file that gets too long is told of like any other failure. */
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < count; i++)
		failed |= do_file(e, files[i], do_it);
	return failed || fflush(stdout) != 0;
}

int enable_files(char **files, int count) {
	struct enabling e;
	struct reason why;

	if (place_client(e.client, &why) == 0 && plugin_directory(e.plugins, PREFORK_RELATIVE_PLUGINS_OF_BINDIR, &why) == 0)
		return do_files(&e, files, count, enable);
	fprintf(stderr, "preforkctl: %s\n", why.text);
	return 1;
}

int disable_files(char **files, int count) {
	return do_files(NULL, files, count, disable);
}
