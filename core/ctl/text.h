/* Texts of several runs: which lines of them differ, where those are left out that differ between plain runs too. */
#ifndef PREFORK_TEXT_H
#define PREFORK_TEXT_H

#include <stddef.h>

#define TEXT_MOST 8 /* texts of plain runs */

struct text {
	const char *bytes;
	size_t length;
};

/* A file's bytes, mapped.  0, or -1 with errno; an empty text then. */
int text_open(struct text *t, const char *path);
void text_close(struct text *t);

enum text_noise {
	TEXT_SAME,          /* the plain runs agree */
	TEXT_LINES_DIFFER,  /* in some lines, which are compared with nothing */
	TEXT_COUNT_DIFFERS, /* in how many lines there are: nothing can be compared */
};

/* Do these COUNT texts of plain runs agree?  *LINES: the number of lines that differ. */
enum text_noise text_noise(const struct text *plain, size_t count, size_t *lines);

#define TEXT_SHOWN 3 /* differing lines of which more is known than that there are such */

struct text_difference {
	size_t count;
	struct {
		size_t number;             /* of the line, from 1 */
		struct text expected, got; /* newline included; empty: the text has ended before it */
	} shown[TEXT_SHOWN];
};

/* Compare a text with those of plain runs.  How many lines differ, with D filled. */
size_t text_compare(const struct text *plain, size_t count, const struct text *got, struct text_difference *d);

#endif
