/* Remembering why a key is not served: see refusal.h. */
#define _GNU_SOURCE
#include "refusal.h"

#include "../wire/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOLDS "holds: " /* in seconds */
#define REASON "\nreason: "
#define REASON_MAX 512 /* bytes that are kept of it, NUL included */
#define TEXT_MAX (sizeof((struct refusal_subject *)0)->lines + 64 + REASON_MAX)

struct names {
	char name[RUNDIR_KEY_LENGTH + 2];
	char new[RUNDIR_KEY_LENGTH + 2];
};

static void refusal_names(struct names *n, const char *key) {
	rundir_name(n->name, RUNDIR_REFUSAL, key);
	rundir_name(n->new, REFUSAL_NEW, key);
}

int refusal_identify(struct refusal_subject *subject, const char *script, const char *plugins) {
	struct stat s, p;
	int n;

	if (stat(script, &s) < 0 || stat(plugins, &p) < 0)
		return -1;
	n = snprintf(subject->lines, sizeof subject->lines,
	             "script: device %ju inode %ju size %jd modified %jd.%09ld changed %jd.%09ld\n"
	             "plugins: device %ju inode %ju modified %jd.%09ld\n",
	             (uintmax_t)s.st_dev, (uintmax_t)s.st_ino, (intmax_t)s.st_size, (intmax_t)s.st_mtim.tv_sec,
	             s.st_mtim.tv_nsec, (intmax_t)s.st_ctim.tv_sec, s.st_ctim.tv_nsec, (uintmax_t)p.st_dev,
	             (uintmax_t)p.st_ino, (intmax_t)p.st_mtim.tv_sec, p.st_mtim.tv_nsec);
	if (n > 0 && (size_t)n < sizeof subject->lines)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* The reason in TEXT, a refusal of that age, if it holds of SUBJECT; else NULL. */
static const char *reason_in(char *text, const struct refusal_subject *subject, long age) {
	size_t n = strlen(subject->lines);
	char *end;
	long holds;

	if (strncmp(text, subject->lines, n) != 0 || strncmp(text + n, HOLDS, strlen(HOLDS)) != 0)
		return NULL;
	holds = strtol(text + n + strlen(HOLDS), &end, 10);
	if (strncmp(end, REASON, strlen(REASON)) != 0 || labs(age) > holds)
		return NULL;
	end += strlen(REASON);
	end[strcspn(end, "\n")] = '\0';
	return end;
}

int refusal_find(const struct rundir *d, const char *key, const struct refusal_subject *subject, char *why,
                 size_t why_size) {
	char text[TEXT_MAX];
	const char *reason;
	struct names names;
	struct stat st;
	ssize_t got;
	int fd;

	refusal_names(&names, key);
	fd = openat(d->fd, names.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = read(fd, text, sizeof text - 1);
	text[got > 0 ? got : 0] = '\0';
	reason = fstat(fd, &st) == 0 ? reason_in(text, subject, (long)(time(NULL) - st.st_mtime)) : NULL;
	fd_close(&fd);
	if (!reason)
		return 0;
	snprintf(why, why_size, "%s", reason);
	return 1;
}

/* Written beside and renamed, so that a reader, who takes no lock, sees all of it or nothing. */
void refusal_remember(const struct rundir *d, const char *key, const struct refusal_subject *subject, const char *why,
                      long seconds) {
	char text[TEXT_MAX];
	struct names names;
	int fd,
		n = snprintf(text, sizeof text, "%s" HOLDS "%ld" REASON "%.*s\n", subject->lines, seconds, REASON_MAX - 1, why);

	refusal_names(&names, key);
	fd = openat(d->fd, names.new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, text, (size_t)n) != n || renameat(d->fd, names.new, d->fd, names.name) < 0)
		unlinkat(d->fd, names.new, 0);
	fd_close(&fd);
}

void refusal_forget(const struct rundir *d, const char *key) {
	struct names names;

	refusal_names(&names, key);
	unlinkat(d->fd, names.name, 0);
	unlinkat(d->fd, names.new, 0);
}
