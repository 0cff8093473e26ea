/* Between fork and exec: see child.h. */
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void child_reset_signals(void) {
	sigset_t none;

	for (int n = 1; n <= SIGRTMAX; n++)
		signal(n, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int child_keep(const int *fds, size_t n) {
	int copies[CHILD_MAX_DESCRIPTORS];

	if (n > CHILD_MAX_DESCRIPTORS) {
		errno = EINVAL;
		return -1;
	}
	/* First out of the way of the numbers that they will get. */
	for (size_t i = 0; i < n; i++) {
		copies[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, (int)n);
		if (fds[i] >= 0 && copies[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (copies[i] < 0)
			close((int)i);
		else if (dup2(copies[i], (int)i) < 0)
			return -1;
	}
	return (int)syscall(SYS_close_range, (unsigned)n, UINT_MAX, 0);
}

void child_set_title(char **argv, const char *text) {
	char *start = argv[0], *end = start;
	size_t size;

	/* The kernel puts them one behind the other. */
	for (; *argv == end; argv++)
		end += strlen(end) + 1;
	size = (size_t)(end - start);
	memset(start, 0, size);
	snprintf(start, size, "%s", text);
}
