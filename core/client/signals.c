/* The client's signals: see signals.h. */
#define _GNU_SOURCE
#include "signals.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What rt_sigaction(2) takes: the handler comes first everywhere but on MIPS, and all the rest is zero here. */
struct kernel_action {
	void *handler;
	unsigned long rest[7];
};

uint64_t signals_ignored(void) {
	uint64_t ignored = 0;

	for (int n = 1; n <= SIGNALS_LAST; n++) {
		struct kernel_action now;

		memset(&now, 0, sizeof now);
		if (syscall(SYS_rt_sigaction, n, NULL, &now, sizeof ignored) == 0 && now.handler == (void *)SIG_IGN)
			ignored |= SIGNALS_BIT(n);
	}
	return ignored;
}

uint64_t signals_set_mask(uint64_t mask) {
	uint64_t before = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof mask);
	return before;
}

int signals_open(void) {
	uint64_t all = ~(SIGNALS_BIT(SIGCHLD));

	return (int)syscall(SYS_signalfd4, -1, &all, sizeof all, SFD_CLOEXEC | SFD_NONBLOCK);
}

int signals_next(int fd, struct signalfd_siginfo *info) {
	return read(fd, info, sizeof *info) == sizeof *info;
}

void signals_reset(int n, int ignore) {
	struct kernel_action action;

	memset(&action, 0, sizeof action);
	action.handler = ignore ? (void *)SIG_IGN : (void *)SIG_DFL;
	syscall(SYS_rt_sigaction, n, &action, NULL, sizeof(uint64_t));
}

static int is_pending(int n) {
	uint64_t pending = 0;

	syscall(SYS_rt_sigpending, &pending, sizeof pending);
	return (pending & SIGNALS_BIT(n)) != 0;
}

void signals_stop(int n) {
	if (n == SIGTSTP || n == SIGTTIN || n == SIGTTOU) {
		uint64_t mask;

		signals_reset(n, 0);
		kill(getpid(), n);
		mask = signals_set_mask(~SIGNALS_BIT(n));
		signals_set_mask(mask);
		/* What has ended a stop, and is there only then: a process group without a shell is not stopped by these. */
		if (is_pending(SIGCONT))
			return;
	}
	kill(getpid(), SIGSTOP);
}

void signals_die(int n) {
	struct rlimit none;

	/* The executor has left the core file already, if any was to be. */
	if (getrlimit(RLIMIT_CORE, &none) == 0) {
		none.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &none);
	}
	signals_reset(n, 0);
	kill(getpid(), n);
	signals_set_mask(~SIGNALS_BIT(n));
}
