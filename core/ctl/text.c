/* Comparing texts line by line: see text.h. */
#define _GNU_SOURCE
#include "text.h"

#include "../wire/fd.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int text_open(struct text *t, const char *path) {
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	void *bytes = MAP_FAILED;
	struct stat st;

	*t = (struct text){"", 0};
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	else if (fd >= 0)
		bytes = NULL;
	fd_close(&fd);
	if (bytes == MAP_FAILED)
		return -1;
	if (bytes)
		*t = (struct text){bytes, (size_t)st.st_size};
	return 0;
}

void text_close(struct text *t) {
	if (t->length > 0)
		munmap((void *)(uintptr_t)t->bytes, t->length);
	*t = (struct text){"", 0};
}

/* The line that begins at AT, its newline included, so that a last line without one is another line; empty: none. */
static struct text line_at(const struct text *t, size_t at) {
	const char *end = at < t->length ? memchr(t->bytes + at, '\n', t->length - at) : NULL;

	return (struct text){t->bytes + at, end ? (size_t)(end + 1 - t->bytes) - at : t->length - at};
}

static int is_same(struct text a, struct text b) {
	return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

/* The next line of each of COUNT texts, at *AT, which moves on.  How many of them have one. */
static size_t next_lines(const struct text *texts, size_t count, size_t *at, struct text *lines) {
	size_t there = 0;

	for (size_t i = 0; i < count; i++) {
		lines[i] = line_at(&texts[i], at[i]);
		at[i] += lines[i].length;
		there += lines[i].length > 0;
	}
	return there;
}

static int all_same(const struct text *lines, size_t count) {
	for (size_t i = 1; i < count; i++)
		if (!is_same(lines[0], lines[i]))
			return 0;
	return 1;
}

enum text_noise text_noise(const struct text *plain, size_t count, size_t *lines) {
	struct text line[TEXT_MOST] = {{0}};
	size_t at[TEXT_MOST] = {0}, there;

	*lines = 0;
	while ((there = next_lines(plain, count, at, line)) == count)
		*lines += !all_same(line, count);
	if (there > 0)
		return TEXT_COUNT_DIFFERS;
	return *lines ? TEXT_LINES_DIFFER : TEXT_SAME;
}

static void add(struct text_difference *d, size_t number, struct text expected, struct text got) {
	if (d->count < TEXT_SHOWN) {
		d->shown[d->count].number = number;
		d->shown[d->count].expected = expected;
		d->shown[d->count].got = got;
	}
	d->count++;
}

size_t text_compare(const struct text *plain, size_t count, const struct text *got, struct text_difference *d) {
	struct text line[TEXT_MOST] = {{0}}, mine;
	size_t at[TEXT_MOST] = {0}, mine_at = 0, lines;

	memset(d, 0, sizeof *d);
	if (text_noise(plain, count, &lines) == TEXT_COUNT_DIFFERS)
		return 0;
	for (size_t number = 1;; number++) {
		size_t there = next_lines(plain, count, at, line) + next_lines(got, 1, &mine_at, &mine);

		if (there == 0)
			return d->count;
		if (there <= count || (all_same(line, count) && !is_same(line[0], mine)))
			add(d, number, line[0], mine);
	}
}
