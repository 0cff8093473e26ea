/* Finding out about session and terminal: see session.h. */
#define _GNU_SOURCE
#include "session.h"

#include "../run/procstat.h"
#include "../wire/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int has_terminal(void) {
	unsigned long long numbers[PROCSTAT_FIELDS];
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		fd_close(&fd);
		return 1;
	}
	/* The one answer that says "none"; all else may be the device file's fault. */
	if (errno == ENXIO)
		return 0;
	return procstat_read(0, numbers) == 0 && numbers[PROCSTAT_TERMINAL] != 0;
}

int session_find(struct session *s, enum words_session wanted, char *why, size_t why_size) {
	unsigned long long numbers[PROCSTAT_FIELDS];

	memset(s, 0, sizeof *s);
	s->own = wanted == WORDS_SESSION_OWN || (wanted == WORDS_SESSION_AUTO && has_terminal());
	if (!s->own)
		return 0;
	s->id = getsid(0);
	/* Its session ends with it, and a server there would never see a second call. */
	if (s->id == getpid()) {
		snprintf(why, why_size, "this process leads its session");
		return -1;
	}
	if (s->id <= 0 || procstat_read(s->id, numbers) < 0) {
		snprintf(why, why_size, "the leader of this session can't be seen");
		return -1;
	}
	s->leader_start = numbers[PROCSTAT_START_TIME];
	return 0;
}
