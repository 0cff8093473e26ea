/* The server's messages: see log.h. */
#define _GNU_SOURCE
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

static int log_facility = -1;
static char log_name[128];

void log_open(int facility, const char *name) {
	const char *slash = strrchr(name, '/');

	log_facility = facility;
	snprintf(log_name, sizeof log_name, "prefork-interp: %s", slash ? slash + 1 : name);
}

/* openlog(3) changes process-wide state that every executor would inherit and that the script may use for itself, so
 * a child of its own does the talking.  It also keeps a log daemon that hangs from holding up the server. */
void log_message(int priority, const char *format, ...) {
	char text[1024];
	int saved = errno;
	va_list args;
	pid_t child;

	if (log_facility < 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	child = fork();
	if (child == 0) {
		/* What is open here is somebody's to see the end of. */
		syscall(SYS_close_range, 3u, ~0u, 0);
		/* A grandchild writes, so that the server waits for no more than a fork. */
		if (fork() == 0) {
			sigset_t alarm_only;

			signal(SIGALRM, SIG_DFL);
			sigemptyset(&alarm_only);
			sigaddset(&alarm_only, SIGALRM);
			sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
			alarm(10);
			openlog(log_name, LOG_PID | LOG_NDELAY, log_facility);
			syslog(priority, "%s", text);
		}
		_exit(0);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	errno = saved;
}
