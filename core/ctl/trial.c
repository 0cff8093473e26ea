/* Runs for comparison: see trial.h. */
#define _GNU_SOURCE
#include "trial.h"

#include "../run/launch.h"
#include "../wire/fd.h"
#include "../wire/handshake.h"
#include "copy.h"
#include "servers.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER "preforkctl-XXXXXX"
#define MAX_ENTRIES 10000
#define MAX_BYTES (64u << 20)
#define GRACE_MS 3000 /* between TERM and KILL */
#define INPUT_SIZE 65536
#define CLIENT_NAME "prefork-interp" /* of its process, while it waits for a call */

static void path_in(const struct trial *t, char path[PATH_MAX], const char *name) {
	snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 64, t->folder, name);
}

void trial_path(const struct trial *t, char path[PATH_MAX], const char *what, size_t n) {
	char name[32];

	snprintf(name, sizeof name, "%s%zu", what, n);
	path_in(t, path, name);
}

/* ---- preparation */

static int make_folder(struct trial *t) {
	const char *temporary = getenv("TMPDIR");
	char run[PATH_MAX];

	/* An absolute one, and no longer than what leaves room for a socket's name. */
	if (!temporary || temporary[0] != '/' || strlen(temporary) > 40)
		temporary = "/tmp";
	snprintf(t->folder, sizeof t->folder, "%s/" FOLDER, temporary);
	if (!mkdtemp(t->folder)) {
		t->folder[0] = '\0';
		return -1;
	}
	path_in(t, t->links, "links");
	path_in(t, run, "run");
	return mkdir(t->links, 0700) < 0 || mkdir(run, 0700) < 0 || setenv(PREFORK_ENV_RUNDIR, run, 1) < 0 ? -1 : 0;
}

/* Has a signal come that ends us? */
static int is_interrupted(struct trial *t) {
	struct signalfd_siginfo info;

	if (!t->ender && read(t->signals, &info, sizeof info) == sizeof info)
		t->ender = (int)info.ssi_signo;
	return t->ender != 0;
}

/* As read(2), but a signal interrupts it. */
static ssize_t read_input(struct trial *t, char *bytes, size_t n) {
	struct pollfd polls[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = t->signals, .events = POLLIN}};

	if (poll(polls, 2, -1) < 0 || is_interrupted(t)) {
		errno = EINTR;
		return -1;
	}
	return read(STDIN_FILENO, bytes, n);
}

/* Standard input for all runs: a file, or where it is a terminal, which can't be read several times, nothing.
 * 0, or -1 with errno. */
static int keep_input(struct trial *t) {
	char path[PATH_MAX], bytes[INPUT_SIZE];
	ssize_t n = 0;
	int to, r = 0;

	t->has_input = !isatty(STDIN_FILENO);
	if (!t->has_input)
		return 0;
	path_in(t, path, "stdin");
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return -1;
	while (r == 0 && (n = read_input(t, bytes, sizeof bytes)) > 0)
		r = copy_bytes(to, bytes, (size_t)n);
	fd_close(&to);
	return r < 0 || n < 0 ? -1 : 0;
}

/* The working directory as it is now, and the copy of it that the runs are in. */
static void keep_directory(struct trial *t) {
	char here[PATH_MAX], start[PATH_MAX], work[PATH_MAX];

	path_in(t, start, "start");
	path_in(t, work, "work");
	if (!getcwd(here, sizeof here)) {
		reason_errno(&t->whole, "find", "the working directory");
		return;
	}
	t->copied = tree_copy(here, start, MAX_ENTRIES, MAX_BYTES, &t->whole) == 0 &&
	            tree_copy(start, work, MAX_ENTRIES, MAX_BYTES, &t->whole) == 0;
	if (t->copied)
		setenv("PWD", work, 1);
}

/* Keep what the last run has made of its directory, and give that back to the next one as it was: what a server knows
 * of files there goes on being true, as long as the script does not change them. */
static int keep_files(const struct trial *t, struct reason *why) {
	char files[PATH_MAX], start[PATH_MAX], work[PATH_MAX];

	if (!t->copied)
		return 0;
	trial_path(t, files, "files", t->count);
	path_in(t, start, "start");
	path_in(t, work, "work");
	return tree_copy(work, files, SIZE_MAX, UINT64_MAX, why) < 0 ? -1 : tree_restore(start, work, why);
}

static int hold_signals(struct trial *t) {
	sigset_t set, blocked;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	blocked = set;
	/* These end us too, but not before all is tidied up. */
	sigaddset(&blocked, SIGPIPE);
	sigaddset(&blocked, SIGXFSZ);
	if (sigprocmask(SIG_BLOCK, &blocked, &t->mask) < 0)
		return -1;
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return t->signals < 0 ? -1 : 0;
}

int trial_open(struct trial *t, struct reason *why) {
	char text[256];

	memset(t, 0, sizeof *t);
	t->signals = t->rundir.fd = -1;
	unsetenv(PREFORK_ENV_DISABLE);
	unsetenv(PREFORK_ENV_DEBUG);
	unsetenv(HANDSHAKE_VARIABLE);
	/* Servers and launchers are nobody's children but ours. */
	if (hold_signals(t) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || make_folder(t) < 0) {
		reason_errno(why, "make", "a private folder");
		return -1;
	}
	if (keep_input(t) < 0) {
		reason_errno(why, "read", "standard input");
		return -1;
	}
	if (rundir_open(&t->rundir, 0, text, sizeof text) < 0) {
		reason_set(why, "%s", text);
		return -1;
	}
	keep_directory(t);
	return 0;
}

/* ---- a run */

struct places {
	char directory[PATH_MAX]; /* empty: the present one */
	int in, out, error;
	int failure[2]; /* a pipe for the errno of what could not be executed */
};

static int open_places(const struct trial *t, struct places *p, struct reason *why) {
	char path[PATH_MAX];

	path_in(t, path, "stdin");
	p->in = open(t->has_input ? path : "/dev/null", O_RDONLY | O_CLOEXEC);
	trial_path(t, path, "stdout", t->count);
	p->out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	trial_path(t, path, "stderr", t->count);
	p->error = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	p->directory[0] = '\0';
	if (p->in < 0 || p->out < 0 || p->error < 0 || pipe2(p->failure, O_CLOEXEC) < 0) {
		reason_errno(why, "make", path);
		return -1;
	}
	if (t->copied)
		path_in(t, p->directory, "work");
	return 0;
}

/* In the child.  Returns when it can't be executed. */
static void execute(const struct trial *t, const struct places *p, const struct invocation *i) {
	if ((p->directory[0] && chdir(p->directory) < 0) || dup2(p->in, STDIN_FILENO) < 0 ||
	    dup2(p->out, STDOUT_FILENO) < 0 || dup2(p->error, STDERR_FILENO) < 0 ||
	    sigprocmask(SIG_SETMASK, &t->mask, NULL) < 0)
		return;
	execve(i->path, i->argv, environ);
}

static pid_t start(const struct trial *t, struct places *p, const struct invocation *i, struct reason *why) {
	pid_t pid = fork();
	int error = errno;

	if (pid == 0) {
		execute(t, p, i);
		error = errno;
		(void)!write(p->failure[1], &error, sizeof error);
		_exit(127);
	}
	fd_close(&p->failure[1]);
	if (pid > 0 && read(p->failure[0], &error, sizeof error) <= 0)
		return pid;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	errno = error;
	reason_errno(why, "execute", i->path);
	return -1;
}

/* Wait for the end of PID or a signal to us, until DEADLINE_MS (negative: for ever).  1: it has ended. */
static int wait_for(struct trial *t, int pidfd, long long deadline_ms) {
	struct pollfd polls[] = {{.fd = pidfd, .events = POLLIN}, {.fd = t->ender ? -1 : t->signals, .events = POLLIN}};

	for (;;) {
		long long left = deadline_ms < 0 ? -1 : deadline_ms - clock_ms();

		if (deadline_ms >= 0 && left <= 0)
			return 0;
		if (poll(polls, 2, left > 1000000 ? 1000000 : (int)left) < 0 && errno != EINTR)
			return 0;
		if (polls[0].revents)
			return 1;
		if (polls[1].revents && is_interrupted(t))
			return 0;
	}
}

/* Of a process that has ended: was it the client to its end?  While it waits for a call it is called so, and for a
 * plain run it becomes another program. */
static int is_client(pid_t pid) {
	char path[64], name[sizeof CLIENT_NAME] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, name, sizeof name);
	fd_close(&fd);
	return n == sizeof name && memcmp(name, CLIENT_NAME "\n", sizeof name) == 0;
}

/* How PID has ended, in the end. */
static void finish(struct trial *t, pid_t pid, long long limit_ms, struct run *run) {
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	siginfo_t info;

	if (pidfd >= 0 && !wait_for(t, pidfd, limit_ms < 0 ? -1 : clock_ms() + limit_ms)) {
		run->overdue = 1;
		kill(pid, SIGTERM);
		if (!wait_for(t, pidfd, clock_ms() + GRACE_MS))
			kill(pid, SIGKILL);
	}
	fd_close(&pidfd);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		continue;
	run->served = is_client(pid);
	while (waitpid(pid, &run->status, 0) < 0 && errno == EINTR)
		continue;
}

static int run_in(struct trial *t, struct places *p, const struct invocation *i, const char *name, long long limit_ms,
                  struct reason *why) {
	pid_t pid = start(t, p, i, why);
	struct run *run = &t->runs[t->count];

	if (pid < 0)
		return -1;
	run->name = name;
	finish(t, pid, limit_ms, run);
	if (t->ender) {
		reason_set(why, "interrupted");
		return -1;
	}
	if (keep_files(t, why) < 0)
		return -1;
	t->count++;
	return 0;
}

int trial_run(struct trial *t, const struct invocation *i, const char *name, long long limit_ms, struct reason *why) {
	struct places p = {.in = -1, .out = -1, .error = -1, .failure = {-1, -1}};
	int r = -1;

	if (is_interrupted(t))
		reason_set(why, "interrupted");
	else
		r = open_places(t, &p, why);
	if (r == 0)
		r = run_in(t, &p, i, name, limit_ms, why);
	fd_close(&p.in);
	fd_close(&p.out);
	fd_close(&p.error);
	fd_close_all(p.failure, 2);
	return r;
}

void trial_close(struct trial *t) {
	if (t->rundir.fd >= 0)
		servers_end(&t->rundir);
	rundir_close(&t->rundir);
	if (t->folder[0])
		tree_remove(t->folder);
	fd_close(&t->signals);
	sigprocmask(SIG_SETMASK, &t->mask, NULL);
	if (t->ender)
		raise(t->ender);
}
