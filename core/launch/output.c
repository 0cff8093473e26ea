/* Keeping setup's output: see output.h. */
#define _GNU_SOURCE
#include "output.h"

#include "../run/launch.h"
#include "../wire/fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open_input(void) {
	const struct timespec unread[2] = {{.tv_sec = LAUNCH_UNREAD}, {.tv_nsec = UTIME_OMIT}};
	int own = memfd_create("prefork-setup", MFD_CLOEXEC), fd = -1;
	char path[64];

	if (own < 0)
		return -1;
	/* Opened anew it can't be written to. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", own);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && futimens(own, unread) < 0)
		fd_close(&fd);
	fd_close(&own);
	return fd;
}

int output_open(void) {
	int fd = memfd_create("prefork-setup", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct rlimit largest;
	off_t size = OUTPUT_MAX;

	if (fd < 0)
		return -1;
	if (getrlimit(RLIMIT_FSIZE, &largest) == 0 && largest.rlim_cur < OUTPUT_MAX)
		size = (off_t)largest.rlim_cur;
	if (ftruncate(fd, size) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		fd_close(&fd);
	return fd;
}

/* 0, or -1 when standard error takes no more. */
static int show(const char *bytes, size_t n) {
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	while (n > 0) {
		ssize_t written = write(STDERR_FILENO, bytes, n);

		if (written < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0) {
			bytes += written;
			n -= (size_t)written;
		}
	}
	return 0;
}

void output_show(int fd) {
	off_t at = 0, end = lseek(fd, 0, SEEK_CUR); /* the offset is common to all duplicates */
	char bytes[8192];

	while (at < end) {
		size_t want = end - at < (off_t)sizeof bytes ? (size_t)(end - at) : sizeof bytes;
		ssize_t got = pread(fd, bytes, want, at);

		if (got <= 0 || show(bytes, (size_t)got) < 0)
			return;
		at += got;
	}
}

void output_last_line(int fd, char *line, size_t size) {
	off_t end = lseek(fd, 0, SEEK_CUR), from;
	char bytes[1024], *start;
	ssize_t n;

	from = end > (off_t)sizeof bytes - 1 ? end - ((off_t)sizeof bytes - 1) : 0;
	n = end > from ? pread(fd, bytes, (size_t)(end - from), from) : 0;
	while (n > 0 && isspace((unsigned char)bytes[n - 1]))
		n--;
	bytes[n > 0 ? n : 0] = '\0';
	start = strrchr(bytes, '\n');
	snprintf(line, size, "%s", start ? start + 1 : bytes);
}
