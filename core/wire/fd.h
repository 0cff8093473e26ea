/* Descriptors: closing them once, and passing them over a socket. */
#ifndef PREFORK_FD_H
#define PREFORK_FD_H

#include <stddef.h>
#include <sys/types.h>

/* Close *FD unless it is -1, and make it -1.  Keeps errno. */
void fd_close(int *fd);
void fd_close_all(int *fds, size_t n);

/* Set (ON) or clear close-on-exec.  0, or -1 with errno. */
int fd_set_cloexec(int fd, int on);
int fd_set_nonblocking(int fd, int on);

/* Send N bytes, with NFDS descriptors attached to the first of them (at most WIRE_MAX_DESCRIPTORS + 1).
 * Waits for room, until INTERRUPT (-1: none) is readable; never raises SIGPIPE.
 * 0, or -1 with errno: EINTR when interrupted, with part of it sent. */
int fd_send(int sock, const void *bytes, size_t n, const int *fds, size_t nfds, int interrupt);

/* Receive up to N bytes and up to MAX descriptors in one recvmsg(2) with FLAGS.
 * The descriptors are close-on-exec and the caller's; *COUNT says how many.  Returns the bytes received, 0 at the end;
 * or -1 with errno: EPROTO when other ancillary data or more than MAX descriptors came (all are closed then). */
ssize_t fd_recv(int sock, void *bytes, size_t n, int *fds, size_t max, size_t *count, int flags);

/* Read exactly N bytes from a socket, waiting at most until DEADLINE_MS on clock_ms() (negative: for ever).
 * 1, 0 at an end before the Nth byte, -1 with errno (ETIMEDOUT). */
int fd_read_full(int sock, void *bytes, size_t n, long long deadline_ms);

/* Milliseconds on CLOCK_MONOTONIC. */
long long clock_ms(void);

/* Is the process at the other end of this connected Unix socket of our effective uid?  1, 0, or -1 with errno. */
int fd_peer_is_us(int sock);

#endif
