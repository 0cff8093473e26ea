/* What is shown of a call that was served: see shown.h. */
#define _GNU_SOURCE
#include "shown.h"

#include "../wire/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void copy(int from, int to) {
	char bytes[4096];
	ssize_t n;

	while ((n = read(from, bytes, sizeof bytes)) > 0)
		if (write(to, bytes, (size_t)n) != n)
			return;
}

void shown_served(const struct server_wanted *s) {
	char why[128], name[RUNDIR_KEY_LENGTH + 2];
	struct rundir d;
	int fd;

	if (rundir_open(&d, 0, why, sizeof why) < 0)
		return;
	rundir_name(name, RUNDIR_LEARNED, s->learned);
	fd = openat(d.fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	dprintf(STDERR_FILENO, "prefork-interp: %s: served by %s/%c%s%s\n", s->words->script, d.path, RUNDIR_SOCKET, s->key,
	        fd < 0 ? "" : "; what is known of it:");
	if (fd >= 0)
		copy(fd, STDERR_FILENO);
	fd_close(&fd);
	rundir_close(&d);
}
