/* The first line of a script: see line.h. */
#define _GNU_SOURCE
#include "line.h"

#include <stdio.h>
#include <string.h>

#define BLANKS " \t"
#define CLIENT_NAME "prefork-interp"
#define SEPARATOR "--"
#define ENV "/usr/bin/env "

static int refuse(const char **why, const char *text) {
	*why = text;
	return -1;
}

static int is_client(const char *program) {
	const char *slash = strrchr(program, '/');

	return slash && strcmp(slash + 1, CLIENT_NAME) == 0;
}

static const char *check_bytes(const char *text, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 127)
			return "its #! line holds a control character";
	return NULL;
}

int line_read(struct line *l, const char *bytes, size_t n, const char **why) {
	const char *newline = memchr(bytes, '\n', n);
	char text[LINE_MAX_BYTES + 1];
	size_t program;

	memset(l, 0, sizeof *l);
	if (n < 2 || bytes[0] != '#' || bytes[1] != '!')
		return refuse(why, "it has no #! line");
	l->length = newline ? (size_t)(newline - bytes) : n;
	if (l->length >= LINE_MAX_BYTES)
		return refuse(why, "its #! line is longer than what the kernel reads");
	*why = check_bytes(bytes, l->length);
	if (*why)
		return -1;
	memcpy(text, bytes, l->length);
	for (n = l->length; n > 2 && strchr(BLANKS, text[n - 1]); n--)
		continue;
	text[n] = '\0';
	l->at = 2 + strspn(text + 2, BLANKS);
	program = strcspn(text + l->at, BLANKS);
	if (text[l->at] != '/')
		return refuse(why, text[l->at] ? "its #! line names no absolute path" : "its #! line names no program");
	memcpy(l->program, text + l->at, program);
	l->argument_at = l->at + program + strspn(text + l->at + program, BLANKS);
	memcpy(l->argument, text + l->argument_at, n - l->argument_at);
	l->enabled = is_client(l->program);
	return 0;
}

int line_words(const struct line *l, char *text, char **words) {
	char *word;
	int n = 0;

	snprintf(text, 2 * sizeof l->program, "%s %s", l->program, l->argument);
	while ((word = strsep(&text, BLANKS)))
		if (*word)
			words[n++] = word;
	words[n] = NULL;
	return n;
}

int line_enable(const struct line *l, const char *client, struct line_edit *e, const char **why) {
	size_t n = strlen(client);

	if (client[strcspn(client, BLANKS)] || check_bytes(client, n))
		return refuse(why, "the path of prefork-interp has a blank in it, which a #! line can't have");
	if (n + sizeof SEPARATOR + 1 + l->length >= LINE_MAX_BYTES)
		return refuse(why, "its #! line would be longer than the 255 bytes that the kernel reads");
	e->at = l->at;
	e->remove = 0;
	snprintf(e->insert, sizeof e->insert, "%s " SEPARATOR " ", client);
	return 0;
}

int line_disable(const struct line *l, struct line_edit *e, const char **why) {
	const char *rest = l->argument + sizeof SEPARATOR;

	if (strncmp(l->argument, SEPARATOR " ", sizeof SEPARATOR) != 0)
		return refuse(why, "its #! line was written by hand, with options or without --: edit it by hand");
	rest += strspn(rest, BLANKS);
	e->at = l->at;
	e->remove = l->argument_at + (size_t)(rest - l->argument) - l->at;
	e->insert[0] = '\0';
	/* By hand too: such an interpreter was looked for in PATH. */
	if (*rest != '/')
		snprintf(e->insert, sizeof e->insert, ENV "%s", rest[strcspn(rest, BLANKS)] ? "-S " : "");
	return 0;
}
