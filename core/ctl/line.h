/* The first line of a script: what the kernel reads of it, and what enabling and disabling change in it.  Pure. */
#ifndef PREFORK_LINE_H
#define PREFORK_LINE_H

#include <stddef.h>

/* Bytes of a #! line, its newline included, that the kernel reads and the client takes. */
#define LINE_MAX_BYTES 255
#define LINE_WORDS (LINE_MAX_BYTES / 2)

struct line {
	char program[LINE_MAX_BYTES + 1];  /* what the kernel executes */
	char argument[LINE_MAX_BYTES + 1]; /* what it gives to that, as one argument; empty: none */
	size_t at;                         /* where the program's path begins */
	size_t argument_at;
	size_t length; /* newline not included */
	int enabled;   /* the program is a prefork-interp */
};

/* Read the line at the beginning of these N bytes of a file.  0, or -1 with *WHY: it is no #! line, or none that could
 * be rewritten. */
int line_read(struct line *l, const char *bytes, size_t n, const char **why);

/* Program and argument, split at blanks.  WORDS has LINE_WORDS + 1 places, the last one used is NULL; they point into
 * TEXT, which has twice the room of a line.  How many. */
int line_words(const struct line *l, char *text, char **words);

/* A change of the file: REMOVE bytes at AT become INSERT. */
struct line_edit {
	size_t at;
	size_t remove;
	char insert[LINE_MAX_BYTES + 1];
};

/* Enabling puts CLIENT and "--" in front of the program, so that disabling finds all that was there, blanks included.
 * 0, or -1 with *WHY. */
int line_enable(const struct line *l, const char *client, struct line_edit *e, const char **why);
int line_disable(const struct line *l, struct line_edit *e, const char **why);

#endif
