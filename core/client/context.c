/* What of the caller's process travels with the call: see context.h. */
#define _GNU_SOURCE
#include "context.h"

#include "../run/number.h"
#include "signals.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static int add(struct context *c, int fd, uint32_t number) {
	if (c->request.descriptor_count == WIRE_MAX_DESCRIPTORS)
		return -1;
	c->fds[c->request.descriptor_count] = fd;
	c->request.descriptor_number[c->request.descriptor_count++] = number;
	return 0;
}

/* Everything that is open when this program starts was meant to be inherited. */
static int add_inherited(struct context *c, DIR *directory, char *why, size_t why_size) {
	struct dirent *entry;

	while ((entry = readdir(directory))) {
		long fd;

		if (number_read(entry->d_name, 0, INT_MAX, &fd) < 0 || fd == dirfd(directory))
			continue;
		/* One place is the working directory's. */
		if (fd > WIRE_MAX_FD_NUMBER || c->request.descriptor_count == WIRE_MAX_DESCRIPTORS - 1) {
			snprintf(why, why_size, "descriptor %ld can't be carried", fd);
			return -1;
		}
		add(c, (int)fd, (uint32_t)fd);
	}
	return 0;
}

int context_early(struct context *c, int hash_bang, char *why, size_t why_size) {
	DIR *directory;
	int r;

	memset(c, 0, sizeof *c);
	c->cwd = -1;
	c->request.sigignored = signals_ignored();
	/* The script's, by whose name the kernel was asked to run it. */
	if (hash_bang)
		prctl(PR_GET_NAME, c->request.name, 0, 0, 0);
	/* Reading the directory takes the lowest free number for itself: 0, 1 or 2 where one is closed. */
	directory = opendir("/proc/self/fd");
	if (!directory) {
		snprintf(why, why_size, "/proc/self/fd: %s", strerror(errno));
		return -1;
	}
	r = add_inherited(c, directory, why, why_size);
	closedir(directory);
	return r;
}

int context_late(struct context *c, char *why, size_t why_size) {
	struct itimerval timer;
	struct rlimit limit;
	mode_t mask;

	/* An alarm(2) of before exec is the script's to cancel. */
	if (getitimer(ITIMER_REAL, &timer) == 0 && (timer.it_value.tv_sec || timer.it_value.tv_usec)) {
		snprintf(why, why_size, "a timer is running");
		return -1;
	}

	c->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->cwd < 0) {
		snprintf(why, why_size, "working directory: %s", strerror(errno));
		return -1;
	}
	add(c, c->cwd, WIRE_FD_CWD);
	mask = umask(0);
	umask(mask);
	c->request.umask = mask;
	for (unsigned r = 0; r < RLIM_NLIMITS && r < REQUEST_MAX_LIMITS; r++) {
		if (getrlimit((int)r, &limit) < 0)
			continue;
		c->request.limit_resource[c->request.limit_count] = r;
		c->request.limit_soft[c->request.limit_count++] = limit.rlim_cur;
	}
	return 0;
}

int context_has(const struct context *c, uint32_t n) {
	for (size_t i = 0; i < c->request.descriptor_count; i++)
		if (c->request.descriptor_number[i] == n)
			return 1;
	return 0;
}
