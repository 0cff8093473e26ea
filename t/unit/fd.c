/* Passing descriptors: all or none, close-on-exec from birth, and nothing leaks when too many come. */
#define _GNU_SOURCE
#include "core/wire/fd.h"

#include "core/wire/wire.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_count(void) {
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void passing(void) {
	int s[2], sent[3] = {0, 1, 2}, got[3];
	size_t count;
	char bytes[10];

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s);
	ok(fd_send(s[0], "hello", 5, sent, 3, -1) == 0, "three are sent");
	ok(fd_recv(s[1], bytes, sizeof bytes, got, 3, &count, 0) == 5 && count == 3, "three come");
	ok(memcmp(bytes, "hello", 5) == 0, "and the bytes");
	ok(fcntl(got[0], F_GETFD) == FD_CLOEXEC && fcntl(got[2], F_GETFD) == FD_CLOEXEC, "close-on-exec");
	fd_close_all(got, 3);
	ok(got[0] == -1 && got[1] == -1 && got[2] == -1, "closed");
	ok(fd_send(s[0], "x", 1, NULL, 0, -1) == 0 && fd_recv(s[1], bytes, sizeof bytes, got, 3, &count, 0) == 1 &&
	       count == 0,
	   "none");
	fd_close(&s[0]);
	ok(fd_recv(s[1], bytes, sizeof bytes, got, 3, &count, 0) == 0, "the end");
	ok(fd_send(s[1], "x", 1, NULL, 0, -1) < 0 && errno == EPIPE, "nobody there: no signal");
	fd_close(&s[1]);
}

static void too_many(void) {
	int s[2], sent[WIRE_MAX_DESCRIPTORS + 1], got[WIRE_MAX_DESCRIPTORS], before;
	size_t count;
	char byte;

	for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
		sent[i] = 0;
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s);
	before = open_count();
	ok(fd_send(s[0], "x", 1, sent, WIRE_MAX_DESCRIPTORS, -1) == 0, "as many as there may be");
	ok(fd_recv(s[1], &byte, 1, got, WIRE_MAX_DESCRIPTORS, &count, 0) == 1 && count == WIRE_MAX_DESCRIPTORS, "come");
	fd_close_all(got, count);
	ok(fd_send(s[0], "x", 1, sent, WIRE_MAX_DESCRIPTORS + 1, -1) == 0, "one more");
	ok(fd_recv(s[1], &byte, 1, got, WIRE_MAX_DESCRIPTORS, &count, 0) < 0 && errno == EPROTO && count == 0,
	   "is refused");
	ok(fd_send(s[0], "x", 1, sent, 2, -1) == 0, "two");
	ok(fd_recv(s[1], &byte, 1, got, 1, &count, 0) < 0 && errno == EPROTO, "where one may be");
	ok(fd_send(s[0], "x", 1, sent, 1, -1) == 0, "one");
	ok(fd_recv(s[1], &byte, 1, NULL, 0, &count, 0) < 0 && errno == EPROTO, "where none may be");
	ok(open_count() == before, "none is leaked");
	fd_close_all(s, 2);
}

/* More than a socket holds, to a reader that is slow, over a non-blocking socket. */
static void large(void) {
	size_t n = 4 << 20;
	char *bytes = calloc(1, n);
	int s[2], status;
	pid_t child;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s);
	child = fork();
	if (child == 0) {
		close(s[0]);
		_exit(fd_read_full(s[1], bytes, n, -1) == 1 && bytes[n - 1] == 'e' ? 0 : 1);
	}
	fd_close(&s[1]);
	bytes[n - 1] = 'e';
	ok(fd_set_nonblocking(s[0], 1) == 0 && fd_send(s[0], bytes, n, (int[]){0}, 1, -1) == 0, "four megabytes are sent");
	waitpid(child, &status, 0);
	ok(status == 0, "and read");
	fd_close(&s[0]);
	free(bytes);
}

static void reading(void) {
	int p[2];
	char bytes[10];
	long long began = clock_ms();

	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) == 0 && write(p[1], "abc", 3) == 3, "a socket");
	ok(fd_read_full(p[0], bytes, 3, -1) == 1, "all that was asked for");
	ok(fd_read_full(p[0], bytes, 3, clock_ms() + 30) < 0 && errno == ETIMEDOUT, "nothing comes in time");
	ok(clock_ms() - began >= 30, "which it waited for");
	ok(write(p[1], "a", 1) == 1, "a byte");
	fd_close(&p[1]);
	ok(fd_read_full(p[0], bytes, 3, -1) == 0, "an end that is too early");
	ok(fd_set_cloexec(p[0], 0) == 0 && fcntl(p[0], F_GETFD) == 0, "not close-on-exec");
	ok(fd_set_cloexec(p[0], 1) == 0 && fcntl(p[0], F_GETFD) == FD_CLOEXEC, "close-on-exec");
	fd_close(&p[0]);
	ok(fd_set_cloexec(p[0], 1) < 0 && errno == EBADF, "of no descriptor");
	errno = 4711;
	fd_close(&p[0]);
	ok(errno == 4711, "closing none keeps errno");
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p);
	ok(fd_peer_is_us(p[0]) == 1, "our own peer");
	fd_close_all(p, 2);
}

int main(void) {
	passing();
	too_many();
	large();
	reading();
	return tap_end();
}
