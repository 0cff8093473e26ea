/* Open descriptors: see descriptors.h. */
#define _GNU_SOURCE
#include "descriptors.h"

#include "../run/number.h"
#include "../wire/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int *descriptors_list(size_t *count) {
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	int *fds = NULL;
	size_t capacity = 0;
	long fd;

	*count = 0;
	while (directory && (entry = readdir(directory))) {
		if (number_read(entry->d_name, 0, INT_MAX, &fd) < 0 || fd == dirfd(directory))
			continue;
		if (*count == capacity) {
			int *more = realloc(fds, (capacity = capacity * 2 + 16) * sizeof *fds);

			if (!more) {
				free(fds);
				closedir(directory);
				return NULL;
			}
			fds = more;
		}
		fds[(*count)++] = (int)fd;
	}
	if (directory)
		closedir(directory);
	return fds;
}

/* A lock that setup holds would be the server's for as long as it lives. */
static int is_locked(int fd) {
	char path[64], text[4096];
	ssize_t n;
	int info;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? 0 : read(info, text, sizeof text - 1);
	fd_close(&info);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "\nlock:") != NULL;
}

static int is_before(const struct timespec *a, const struct timespec *b) {
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

const char *descriptors_unshareable(int fd, const struct standard *standard, const struct timespec *since) {
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &st) < 0)
		return strerror(errno);
	if (flags & O_PATH)
		return NULL;
	if (isatty(fd))
		return "a terminal, which is the first caller's";
	if (is_locked(fd))
		return "a lock is held on it";
	if (S_ISDIR(st.st_mode) || S_ISCHR(st.st_mode))
		return NULL;
	if (standard_is_reopened(standard, fd))
		return "standard input, output or error opened anew, which is setup's";
	if (S_ISREG(st.st_mode) && (flags & O_ACCMODE) == O_RDONLY)
		return NULL;
	if (S_ISREG(st.st_mode) && flags & O_APPEND)
		return st.st_size == 0 || is_before(&st.st_mtim, since) ? NULL : "a file that was written to";
	return S_ISREG(st.st_mode) ? "a file open for writing" : "a socket, pipe or the like";
}
