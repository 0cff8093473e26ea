/* Keeping what was learned: see learned.h. */
#define _GNU_SOURCE
#include "learned.h"

#include "../run/rundir.h"
#include "../wire/fd.h"
#include "prefork-server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WRITING_TIME 10 /* seconds that nobody takes for it */

void learned_find(struct learned *l, const struct handshake *h) {
	struct sockaddr_un address = {0};
	socklen_t length = sizeof address - 1;
	char *slash;

	l->path[0] = '\0';
	if (!h->learned[0] || getsockname(h->listen_fd, (struct sockaddr *)&address, &length) < 0)
		return;
	slash = strrchr(address.sun_path, '/');
	/* A directory whose path is too long is reached through a descriptor, which is the launcher's. */
	if (!slash || address.sun_path[0] != '/' || strncmp(address.sun_path, "/proc/", 6) == 0)
		return;
	*slash = '\0';
	snprintf(l->path, sizeof l->path, "%s/%c%s", address.sun_path, RUNDIR_LEARNED, h->learned);
	snprintf(l->new, sizeof l->new, "%s/%c%s", address.sun_path, RUNDIR_LEARNED_NEW, h->learned);
}

int learned_is_new(struct learned *l) {
	struct stat st;

	if (!l->path[0] || lstat(l->path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (st.st_ino == l->inode && st.st_ctim.tv_sec == l->changed.tv_sec && st.st_ctim.tv_nsec == l->changed.tv_nsec)
		return 0;
	l->inode = st.st_ino;
	l->changed = st.st_ctim;
	return 1;
}

char *learned_read(const struct learned *l, size_t *length) {
	int fd = l->path[0] ? open(l->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	char *bytes = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd < 0) {
		errno = ENOENT;
		return NULL;
	}
	if (fstat(fd, &st) == 0 && st.st_size <= PREFORK_LEARNED_MAX) {
		bytes = malloc((size_t)st.st_size + 1);
		n = bytes ? pread(fd, bytes, (size_t)st.st_size, 0) : -1;
	}
	fd_close(&fd);
	if (n < 0) {
		free(bytes);
		errno = EIO;
		return NULL;
	}
	bytes[n] = '\0';
	*length = (size_t)n;
	return bytes;
}

/* One writes at a time; what another does not get to write is learned again.  Who was killed while writing does not
 * keep all others from it. */
static int open_new(const struct learned *l) {
	int fd = open(l->new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 && errno == EEXIST && lstat(l->new, &st) == 0 && time(NULL) - st.st_mtime > WRITING_TIME) {
		unlink(l->new);
		fd = open(l->new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	return fd;
}

/* A caller's limit of file sizes ends nobody that only learns. */
static ssize_t write_within_limit(int fd, const char *bytes, size_t length) {
	struct sigaction ignore = {.sa_handler = SIG_IGN}, was;
	ssize_t n;

	sigaction(SIGXFSZ, &ignore, &was);
	n = write(fd, bytes, length);
	sigaction(SIGXFSZ, &was, NULL);
	return n;
}

int learned_write(const struct learned *l, const char *bytes, size_t length) {
	int fd, saved, r = -1;

	if (!l->path[0] || length > PREFORK_LEARNED_MAX) {
		errno = l->path[0] ? EFBIG : ENOENT;
		return -1;
	}
	fd = open_new(l);
	if (fd < 0)
		return -1;
	if (write_within_limit(fd, bytes, length) == (ssize_t)length && fchmod(fd, 0600) == 0)
		r = rename(l->new, l->path);
	saved = errno;
	if (r < 0)
		unlink(l->new);
	fd_close(&fd);
	errno = saved;
	return r;
}
