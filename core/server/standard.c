/* Setup's standard descriptors: see standard.h. */
#define _GNU_SOURCE
#include "standard.h"

#include "../run/launch.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const names[STANDARD_DESCRIPTORS] = {"standard input", "standard output", "standard error"};

void standard_adopt(struct standard *s) {
	struct stat st;

	for (int i = 0; i < STANDARD_DESCRIPTORS; i++) {
		s->inode[i] = 0;
		if (fstat(i, &st) < 0)
			continue;
		s->device[i] = st.st_dev;
		s->inode[i] = st.st_ino;
	}
}

static int is_file(const struct standard *s, int standard, const struct stat *st) {
	return s->inode[standard] && st->st_dev == s->device[standard] && st->st_ino == s->inode[standard];
}

/* Is it still the file that the launcher has put there?  Outputs are sealed, which no file of a script's is. */
static int is_unchanged(const struct standard *s, int standard) {
	struct stat st;

	if (fstat(standard, &st) < 0 || !is_file(s, standard, &st))
		return 0;
	return standard == STDIN_FILENO || fcntl(standard, F_GET_SEALS) > 0;
}

/* There was nothing to read in it, where a fresh run would have found what its caller has. */
static int was_read(void) {
	struct stat st;

	return fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_atim.tv_sec != LAUNCH_UNREAD;
}

/* Read what lies before the place up to which was written; all duplicates have that in common. */
static int take_output(struct standard *s, int standard, struct prefork_error *error) {
	off_t end = lseek(standard, 0, SEEK_CUR);
	char *bytes;

	s->output[standard] = NULL;
	s->output_length[standard] = 0;
	if (end <= 0)
		return 0;
	if (end > STANDARD_MAX_OUTPUT)
		return error_set(error, "%s: initialisation wrote more than %u bytes", names[standard], STANDARD_MAX_OUTPUT);
	bytes = malloc((size_t)end);
	if (!bytes || pread(standard, bytes, (size_t)end, 0) != end || lseek(standard, 0, SEEK_SET) < 0) {
		free(bytes);
		return error_set(error, "%s: what initialisation wrote can't be read again", names[standard]);
	}
	s->output[standard] = bytes;
	s->output_length[standard] = (size_t)end;
	return 0;
}

int standard_take(struct standard *s, struct prefork_error *error) {
	for (int i = 0; i < STANDARD_DESCRIPTORS; i++)
		if (!is_unchanged(s, i) || (i == STDERR_FILENO && s->inode[i] == s->inode[STDOUT_FILENO]))
			return error_set(error, "initialisation has closed %s, or put another file in its place", names[i]);
	if (was_read())
		return error_set(error, "initialisation has read standard input, which is the caller's");
	for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++)
		if (take_output(s, i, error) < 0)
			return -1;
	return 0;
}

/* Are they one open file?  Where the kernel does not tell they are known by their inode, which is nobody else's. */
static int is_duplicate(const struct standard *s, int standard, int fd) {
	long differ = syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, standard, fd);
	struct stat st;

	if (differ >= 0)
		return differ == 0;
	return fstat(fd, &st) == 0 && is_file(s, standard, &st);
}

int standard_add_duplicate(struct standard *s, int fd) {
	struct duplicate *more;
	int of = 0;

	while (of < STANDARD_DESCRIPTORS && !is_duplicate(s, of, fd))
		of++;
	if (of == STANDARD_DESCRIPTORS)
		return 0;
	more = realloc(s->duplicates, (s->duplicate_count + 1) * sizeof *more);
	if (!more)
		return -1;
	s->duplicates = more;
	more[s->duplicate_count++] = (struct duplicate){fd, of};
	return 1;
}

int standard_is_reopened(const struct standard *s, int fd) {
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (is_file(s, STDIN_FILENO, &st) || is_file(s, STDOUT_FILENO, &st) || is_file(s, STDERR_FILENO, &st));
}

/* The caller's descriptor NUMBER, or -1. */
static int callers(const struct request *q, const int *fds, uint32_t number) {
	for (size_t i = 0; i < q->descriptor_count; i++)
		if (q->descriptor_number[i] == number)
			return fds[i];
	return -1;
}

static int are_one_file(int a, int b) {
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino &&
	       x.st_rdev == y.st_rdev;
}

int standard_check(const struct standard *s, const struct request *q, const int *fds, char *why, size_t why_size) {
	int out = callers(q, fds, STDOUT_FILENO), err = callers(q, fds, STDERR_FILENO);

	for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++) {
		if (s->output_length[i] && callers(q, fds, (uint32_t)i) < 0) {
			snprintf(why, why_size, "initialisation wrote to %s, which this caller has closed", names[i]);
			return -1;
		}
	}
	if (s->output_length[STDOUT_FILENO] && s->output_length[STDERR_FILENO] && are_one_file(out, err)) {
		snprintf(why, why_size, "initialisation wrote to standard output and error, and in which order is not known");
		return -1;
	}
	for (size_t i = 0; i < s->duplicate_count; i++) {
		int of = s->duplicates[i].of, fd = callers(q, fds, (uint32_t)of);

		/* Languages look when they make a stream of it, and remember what they saw. */
		if (fd >= 0 && !isatty(fd))
			continue;
		snprintf(why, why_size, "initialisation has duplicated %s, and this caller's is %s", names[of],
		         fd < 0 ? "closed" : "a terminal");
		return -1;
	}
	return 0;
}

static void write_all(int fd, const char *bytes, size_t n) {
	while (n > 0) {
		ssize_t written = write(fd, bytes, n);

		if (written < 0 && errno == EINTR)
			continue;
		/* The script would not have heard of it either. */
		if (written < 0)
			return;
		bytes += written;
		n -= (size_t)written;
	}
}

int standard_install(const struct standard *s) {
	for (size_t i = 0; i < s->duplicate_count; i++) {
		const struct duplicate *d = &s->duplicates[i];

		if (dup3(d->of, d->fd, fcntl(d->fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
			return -1;
	}
	write_all(STDERR_FILENO, s->output[STDERR_FILENO], s->output_length[STDERR_FILENO]);
	return 0;
}
