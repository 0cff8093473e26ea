/* What others see of a process: see appearance.h. */
#define _GNU_SOURCE
#include "appearance.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define SERVER_NAME "prefork-server"

void appearance_adopt(struct appearance *a) {
	prctl(PR_GET_NAME, a->name, 0, 0, 0);
}

void appearance_note(struct appearance *a) {
	char now[sizeof a->name] = "";

	prctl(PR_GET_NAME, now, 0, 0, 0);
	a->name_is_setups = strcmp(now, a->name) != 0;
	memcpy(a->name, now, sizeof a->name);
	a->layout_known = procstat_read(0, a->layout) == 0;
}

void appearance_server(const struct appearance *a, int listen_fd) {
	struct sockaddr_un address = {0};
	socklen_t length = sizeof address - 1;
	char *block;
	int n;

	prctl(PR_SET_NAME, SERVER_NAME, 0, 0, 0);
	if (getsockname(listen_fd, (struct sockaddr *)&address, &length) < 0)
		return;
	n = asprintf(&block, "prefork-interp [server] %s", address.sun_path);
	if (n > 0 && appearance_set_block(a, block, (size_t)n + 1, (size_t)n + 1) < 0)
		free(block);
}

void appearance_set_name(const struct appearance *a, const char *name) {
	prctl(PR_SET_NAME, name[0] && !a->name_is_setups ? name : a->name, 0, 0, 0);
}

/* PR_SET_MM_MAP, which needs no privilege, wants to be told everything; all but the two areas stays as it is.  The end
 * of the heap moves: the kernel is asked for it, a wrong one would be the allocator's undoing. */
int appearance_set_block(const struct appearance *a, const char *block, size_t arguments, size_t n) {
	const unsigned long long *l = a->layout;
	uint64_t start = (uintptr_t)block;
	struct prctl_mm_map map = {
		.start_code = l[PROCSTAT_START_CODE],
		.end_code = l[PROCSTAT_END_CODE],
		.start_data = l[PROCSTAT_START_DATA],
		.end_data = l[PROCSTAT_END_DATA],
		.start_brk = l[PROCSTAT_START_BRK],
		.brk = (uint64_t)syscall(SYS_brk, 0),
		.start_stack = l[PROCSTAT_START_STACK],
		.arg_start = start,
		.arg_end = start + arguments,
		.env_start = start + arguments,
		.env_end = start + n,
		.exe_fd = (uint32_t)-1,
	};

	if (!a->layout_known) {
		errno = ENOTSUP;
		return -1;
	}
	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}
