/* Reading /proc/PID/stat: see procstat.h. */
#include "procstat.h"

#include "../wire/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_NUMBER 4 /* behind pid, name and state */

int procstat_read(pid_t pid, unsigned long long numbers[PROCSTAT_FIELDS]) {
	char path[32], text[2048], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, pid ? "/proc/%ld/stat" : "/proc/self/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	fd_close(&fd);
	if (n < 0)
		return -1;
	text[n] = '\0';
	/* The name may hold anything, blanks and parentheses too. */
	at = strrchr(text, ')');
	if (!at || strlen(at) < 4) {
		errno = EPROTO;
		return -1;
	}
	memset(numbers, 0, PROCSTAT_FIELDS * sizeof *numbers);
	at += 3;
	for (int i = FIRST_NUMBER; i < PROCSTAT_FIELDS && *at == ' '; i++) {
		at++;
		numbers[i] = *at == '-' ? (unsigned long long)strtoll(at, &at, 10) : strtoull(at, &at, 10);
	}
	return 0;
}
