/* Running setup: see setup.h. */
#define _GNU_SOURCE
#include "setup.h"

#include "../wire/fd.h"
#include "../wire/handshake.h"
#include "child.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Setup's descriptors, beside 0, 1 and 2; the last one closes when the interpreter is executed.  The others are then
 * moved up by handshake_offset(), so that the first file which the script opens gets number 3, as in a plain run. */
enum { SETUP_LISTEN = 3, SETUP_CALL, SETUP_WATCH_ERROR, SETUP_WATCH_SENTINEL, SETUP_EXEC, SETUP_DESCRIPTORS };
#define HIGHEST_NUMBER 1023 /* select(2) takes no higher one, and somebody may look at the handshake with it */

static int handshake_offset(void) {
	struct rlimit limit;
	long long highest = HIGHEST_NUMBER;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= HIGHEST_NUMBER)
		highest = (long long)limit.rlim_cur - 1;
	return highest - SETUP_WATCH_SENTINEL > SETUP_DESCRIPTORS ? (int)highest - SETUP_WATCH_SENTINEL : 0;
}

/* 0, or -1 with errno. */
static int move_handshake(int offset) {
	for (int fd = SETUP_LISTEN; offset > 0 && fd <= SETUP_WATCH_SENTINEL; fd++)
		if (dup2(fd, fd + offset) < 0 || close(fd) < 0)
			return -1;
	return 0;
}

/* Those by which users and systems end programs: not where the caller ignores or blocks them. */
static void wanted_signals(sigset_t *wanted) {
	static const int enders[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	struct sigaction action;
	sigset_t blocked;

	sigemptyset(wanted);
	sigaddset(wanted, SIGCHLD);
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (size_t i = 0; i < sizeof enders / sizeof *enders; i++)
		if (!sigismember(&blocked, enders[i]) && sigaction(enders[i], NULL, &action) == 0 &&
		    action.sa_handler == SIG_DFL)
			sigaddset(wanted, enders[i]);
}

int setup_open(struct setup *s) {
	sigset_t wanted;

	s->output_fd[0] = s->output_fd[1] = s->signal_fd = s->exec_fd = -1;
	s->pid = 0;
	wanted_signals(&wanted);
	signal(SIGCHLD, SIG_DFL); /* were it ignored, children would reap themselves */
	sigprocmask(SIG_BLOCK, &wanted, &s->mask);
	s->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	s->output_fd[0] = output_open();
	s->output_fd[1] = output_open();
	if (s->signal_fd >= 0 && s->output_fd[0] >= 0 && s->output_fd[1] >= 0)
		return 0;
	setup_close(s);
	return -1;
}

void setup_close(struct setup *s) {
	fd_close(&s->exec_fd);
	fd_close_all(s->output_fd, 2);
	fd_close(&s->signal_fd);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

static int at_or_after(const struct timespec *a, const struct timespec *b) {
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec >= b->tv_nsec);
}

/* The time by the clock of file times: a file that is not older is held to have changed since, and its server for
 * stale. A script that was written within the clock's present tick would be taken for that: the next tick is waited
 * for. */
static void start_time(const char *script, struct timespec *start) {
	struct timespec tick, soon;
	struct stat st;

	clock_gettime(CLOCK_REALTIME_COARSE, start);
	clock_getres(CLOCK_REALTIME_COARSE, &tick);
	soon = (struct timespec){start->tv_sec, start->tv_nsec + tick.tv_nsec};
	if (soon.tv_nsec >= 1000000000)
		soon = (struct timespec){soon.tv_sec + 1, soon.tv_nsec - 1000000000};
	/* A link that leads to it counts as it does. */
	for (int itself = 0; itself <= 1; itself++) {
		if ((itself ? lstat(script, &st) : stat(script, &st)) < 0 || !at_or_after(&st.st_ctim, start) ||
		    at_or_after(&st.st_ctim, &soon))
			continue;
		nanosleep(&tick, NULL);
		clock_gettime(CLOCK_REALTIME_COARSE, start);
		return;
	}
}

static int add_handshake(struct setup *s) {
	int offset = handshake_offset();
	struct handshake h = {
		.protocol2 = 1,
		.own_session = s->own_session,
		.listen_fd = SETUP_LISTEN + offset,
		.call_fd = SETUP_CALL + offset,
		.watch_error_fd = SETUP_WATCH_ERROR + offset,
		.watch_sentinel_fd = SETUP_WATCH_SENTINEL + offset,
	};
	char value[HANDSHAKE_MAX];

	if (strlen(s->options) >= sizeof h.options) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(h.learned, s->learned, sizeof h.learned);
	memcpy(h.options, s->options, strlen(s->options) + 1);
	start_time(s->script, &h.start);
	if (handshake_format(&h, value, sizeof value) < 0)
		return -1;
	return prepare_host.set_environment(&s->preparation, HANDSHAKE_VARIABLE, value);
}

/* In the child.  Returns only when it can't, with errno; *EXEC_FD is then the number under which to say so. */
static void execute(struct setup *s, int input, int *exec_fd) {
	const int fds[SETUP_DESCRIPTORS] = {input,      s->output_fd[0],   s->output_fd[1],      s->listen_fd,
	                                    s->call_fd, s->watch_error_fd, s->watch_sentinel_fd, *exec_fd};

	/* In a session of its own it has no terminal to look at, as its calls will have none. */
	if (s->own_session)
		setpgid(0, 0);
	else
		setsid();
	child_reset_signals();
	umask(s->umask);
	if (child_keep(fds, SETUP_DESCRIPTORS) < 0)
		return;
	*exec_fd = SETUP_EXEC;
	if (fd_set_cloexec(SETUP_EXEC, 1) < 0 || move_handshake(handshake_offset()) < 0)
		return;
	execve(s->interpreter, s->preparation.arguments.at, s->preparation.environment.at);
}

static void run_child(struct setup *s, int input, int exec_fd, pid_t launcher) {
	int error;

	/* A launcher that is killed can clean up nothing; at least setup doesn't outlive it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != launcher)
		_exit(127);
	execute(s, input, &exec_fd);
	error = errno;
	_exit(write(exec_fd, &error, sizeof error) < 0 ? 126 : 127);
}

static int start(struct setup *s) {
	int input = output_open_input(), pipe_fds[2] = {-1, -1};
	pid_t launcher = getpid();

	if (input >= 0 && pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0 && add_handshake(s) == 0) {
		s->pid = fork();
		if (s->pid == 0)
			run_child(s, input, pipe_fds[1], launcher);
		if (s->pid > 0 && s->own_session)
			setpgid(s->pid, s->pid); /* here too: whoever is first */
	} else {
		s->pid = -1;
	}
	fd_close(&input);
	fd_close(&pipe_fds[1]);
	s->exec_fd = pipe_fds[0];
	if (s->pid > 0)
		return 0;
	s->pid = 0;
	return -1;
}

/* Has setup ended (1) or stopped (2)?  It stays to be waited for. */
static int look(const struct setup *s, siginfo_t *info) {
	info->si_pid = 0;
	if (waitid(P_PID, (id_t)s->pid, info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0 || info->si_pid == 0)
		return 0;
	return info->si_code == CLD_STOPPED || info->si_code == CLD_TRAPPED ? 2 : 1;
}

static enum setup_end judge(struct setup *s, const siginfo_t *info, struct reason *why) {
	char line[256];
	int error;

	if (read(s->exec_fd, &error, sizeof error) == sizeof error) {
		errno = error;
		reason_errno(why, "execute", s->interpreter);
		return SETUP_ABANDONED;
	}
	if (info->si_code == CLD_EXITED && info->si_status == 0)
		return SETUP_SUCCEEDED;
	output_last_line(s->output_fd[1], line, sizeof line);
	if (info->si_code == CLD_EXITED)
		reason_set(why, "setup exited with status %d%s%s", info->si_status, line[0] ? ": " : "", line);
	else
		reason_set(why, "setup was killed by signal %d (%s)", info->si_status, strsignal(info->si_status));
	return SETUP_FAILED;
}

/* The next signal of those that ask us to end, or 0. */
static int next_ender(struct setup *s) {
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof info) == sizeof info)
		if (info.ssi_signo != SIGCHLD)
			return (int)info.ssi_signo;
	return 0;
}

static enum setup_end wait_for_end(struct setup *s, struct reason *why) {
	struct pollfd polled[] = {{.fd = s->signal_fd, .events = POLLIN}, {.fd = s->call_fd}};
	long long deadline_ms = clock_ms() + SETUP_LIMIT_MS;
	siginfo_t info;

	for (;;) {
		long long left_ms = deadline_ms - clock_ms();
		int found;

		s->signal_number = next_ender(s);
		found = look(s, &info);
		if (found == 1)
			return judge(s, &info, why);
		reason_set(why, "signal %d", s->signal_number);
		if (s->signal_number)
			return SETUP_SIGNALLED;
		reason_set(why, "setup was stopped by signal %d (%s)", info.si_status, strsignal(info.si_status));
		if (found == 2)
			return SETUP_FAILED;
		why->text[0] = '\0';
		if (polled[1].revents)
			return SETUP_ABANDONED;
		reason_set(why, "setup was not complete after %d seconds", SETUP_LIMIT_MS / 1000);
		if (left_ms <= 0)
			return SETUP_FAILED;
		poll(polled, 2, (int)left_ms);
	}
}

enum setup_end setup_run(struct setup *s, struct reason *why) {
	if (start(s) == 0)
		return wait_for_end(s, why);
	reason_errno(why, "start setup", s->interpreter);
	return SETUP_ABANDONED;
}

/* Ask the process group to end, and give its leader time for that. */
static void end_gently(struct setup *s) {
	struct pollfd polled = {.fd = s->signal_fd, .events = POLLIN};
	long long deadline_ms = clock_ms() + SETUP_GRACE_MS, left_ms;
	siginfo_t info;

	kill(-s->pid, SIGTERM);
	kill(-s->pid, SIGCONT);
	while (look(s, &info) != 1 && (left_ms = deadline_ms - clock_ms()) > 0) {
		poll(&polled, 1, (int)left_ms);
		next_ender(s);
	}
}

void setup_finish(struct setup *s, int failed) {
	if (s->pid <= 0)
		return;
	if (failed) {
		end_gently(s);
		kill(-s->pid, SIGKILL);
	}
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	s->pid = 0;
}
