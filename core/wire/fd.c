/* Closing and passing descriptors: see fd.h. */
#define _GNU_SOURCE
#include "fd.h"

#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One more than a request carries, so that "too many" is seen rather than truncated. */
#define CONTROL_DESCRIPTORS (WIRE_MAX_DESCRIPTORS + 2)

union control {
	struct cmsghdr align;
	unsigned char bytes[CMSG_SPACE(CONTROL_DESCRIPTORS * sizeof(int))];
};

void fd_close(int *fd) {
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void fd_close_all(int *fds, size_t n) {
	for (size_t i = 0; i < n; i++)
		fd_close(&fds[i]);
}

int fd_set_cloexec(int fd, int on) {
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC);
}

int fd_set_nonblocking(int fd, int on) {
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

long long clock_ms(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Wait until SOCK is writable: 0, or -1 with errno (EINTR: INTERRUPT is readable). */
static int wait_writable(int sock, int interrupt) {
	struct pollfd p[] = {{.fd = sock, .events = POLLOUT}, {.fd = interrupt, .events = POLLIN}};

	if (poll(p, 2, -1) < 0)
		return errno == EINTR ? 0 : -1;
	if (!p[1].revents)
		return 0;
	errno = EINTR;
	return -1;
}

int fd_send(int sock, const void *bytes, size_t n, const int *fds, size_t nfds, int interrupt) {
	const unsigned char *at = bytes;
	union control control;
	struct iovec io;
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
	ssize_t sent;

	if (nfds > CONTROL_DESCRIPTORS) {
		errno = EINVAL;
		return -1;
	}
	if (nfds > 0) {
		struct cmsghdr *c;

		memset(&control, 0, CMSG_SPACE(nfds * sizeof(int)));
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	while (n > 0) {
		io = (struct iovec){.iov_base = (void *)(uintptr_t)at, .iov_len = n};
		sent = sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno != EAGAIN || wait_writable(sock, interrupt) < 0))
			return -1;
		if (sent < 0)
			continue;
		/* What was attached went with the first byte. */
		m.msg_control = NULL;
		m.msg_controllen = 0;
		at += sent;
		n -= (size_t)sent;
	}
	return 0;
}

/* Take the descriptors out of M; 0, or -1 when there is anything that was not expected (taken ones stay in FDS). */
static int take_descriptors(struct msghdr *m, int *fds, size_t max, size_t *count) {
	int bad = (m->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			bad = 1;
			continue;
		}
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
			if (*count < max) {
				fds[(*count)++] = fd;
			} else {
				bad = 1;
				close(fd);
			}
		}
	}
	return bad ? -1 : 0;
}

ssize_t fd_recv(int sock, void *bytes, size_t n, int *fds, size_t max, size_t *count, int flags) {
	union control control;
	struct iovec io = {.iov_base = bytes, .iov_len = n};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
	ssize_t got;

	*count = 0;
	m.msg_control = control.bytes;
	m.msg_controllen = sizeof control.bytes;
	do
		got = recvmsg(sock, &m, flags | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	if (take_descriptors(&m, fds, max, count) < 0) {
		fd_close_all(fds, *count);
		*count = 0;
		errno = EPROTO;
		return -1;
	}
	return got;
}

/* Wait until FD is readable: 0, or -1 with errno. */
static int wait_readable(int fd, long long deadline_ms) {
	struct pollfd p = {.fd = fd, .events = POLLIN};
	long long left = deadline_ms < 0 ? -1 : deadline_ms - clock_ms();

	if (deadline_ms >= 0 && left <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return poll(&p, 1, (int)left) < 0 && errno != EINTR ? -1 : 0;
}

int fd_read_full(int sock, void *bytes, size_t n, long long deadline_ms) {
	unsigned char *at = bytes;

	while (n > 0) {
		ssize_t got = recv(sock, at, n, MSG_DONTWAIT);

		if (got == 0)
			return 0;
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_readable(sock, deadline_ms) < 0)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 1;
}

int fd_peer_is_us(int sock) {
	struct ucred peer;
	socklen_t length = sizeof peer;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -1;
	return peer.uid == geteuid();
}
