/* The library's entry points: from the handshake, through the forked server, to the executor. */
#define _GNU_SOURCE
#include "server.h"

#include "../wire/fd.h"
#include "again.h"
#include "error.h"
#include "gate.h"
#include "improve.h"
#include "log.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* Seconds of processor time. */
#define CPU_LEAST 10

/* One process is at most one server. */
static struct server server = {.signal_fd = -1, .leader_fd = -1, .improved_fd = -1};
static enum { UNKNOWN, STANDALONE, ADOPTED, MALFORMED, SERVED } adopted;

static int close_on_exec(struct handshake *h, struct prefork_error *error) {
	int fds[] = {h->listen_fd, h->call_fd, h->watch_error_fd, h->watch_sentinel_fd};

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fd_set_cloexec(fds[i], 1) < 0)
			return error_set(error, "%s: descriptor %d: %s", HANDSHAKE_VARIABLE, fds[i], strerror(errno));
	return 0;
}

int prefork_server_adopt(struct prefork_error *error) {
	const char *value = getenv(HANDSHAKE_VARIABLE);
	int r;

	if (adopted == MALFORMED)
		return error_set(error, "%s: malformed", HANDSHAKE_VARIABLE);
	if (adopted != UNKNOWN)
		return adopted != STANDALONE;
	adopted = STANDALONE;
	if (!value)
		return 0;
	r = handshake_parse(value, &server.handshake);
	unsetenv(HANDSHAKE_VARIABLE);
	adopted = MALFORMED;
	if (r < 0)
		return error_set(error, "%s: malformed", HANDSHAKE_VARIABLE);
	if (close_on_exec(&server.handshake, error) < 0)
		return -1;
	options_default(&server.options);
	origin_adopt(&server.origin);
	learned_find(&server.learned, &server.handshake);
	if (!server.reads.block) /* else they are noted already */
		reads_begin(&server.reads);
	adopted = ADOPTED;
	return 1;
}

int prefork_server_option(const char *name, const char *value, struct prefork_error *error) {
	struct server_options checked;

	/* Standalone too, so that a wrong option is not first found by the first user. */
	options_default(&checked);
	return options_set(adopted == ADOPTED ? &server.options : &checked, name, value, error);
}

int prefork_server_watch_file(const char *path, struct prefork_error *error) {
	if (adopted != ADOPTED)
		return 0;
	if (files_add(&server.files, path) < 0)
		return error_set(error, "%s: %s", path, strerror(errno));
	return 0;
}

int prefork_server_watch_directory(const char *path, struct prefork_error *error) {
	if (adopted != ADOPTED)
		return 0;
	if (files_add_identity(&server.files, path) < 0)
		return error_set(error, "%s: %s", path, strerror(errno));
	return 0;
}

int prefork_server_depend_on_variable(const char *name, struct prefork_error *error) {
	if (adopted == ADOPTED && dependency_add(&server.origin.dependency, name) < 0)
		return error_set(error, "%s: %s", name, strerror(errno));
	return 0;
}

void prefork_server_begin_reads(void) {
	if (adopted == ADOPTED || adopted == UNKNOWN)
		reads_begin(&server.reads);
}

int prefork_server_end_reads(struct prefork_error *error) {
	if (reads_end(&server.reads, &server.origin.dependency) < 0)
		return error_set(error, "environment: %s", strerror(errno));
	return 0;
}

void prefork_server_depend_on_directory(void) {
	server.origin.dependency.on_directory = 1;
}

void prefork_server_depend_on_umask(void) {
	server.origin.dependency.on_umask = 1;
}

/* A soft limit is each call's own; the server, which lives long and serves many, has the hard one.  Of processor time
 * it takes half, so that SIGXCPU tells it to go before the kernel ends it. */
static void raise_limits(void) {
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (getrlimit(RLIMIT_CPU, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? limit.rlim_max : limit.rlim_max / 2;
		setrlimit(RLIMIT_CPU, &limit);
	}
}

/* Is there processor time enough for a server to be worth its start? */
static int enough_time(struct prefork_error *error) {
	struct rlimit limit;

	if (getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_max < CPU_LEAST)
		return error_set(error, "the hard limit of processor time is too low for a server");
	return 0;
}

/* A background process group of the callers' session, for as long as its leader lives; or a session of its own. */
static int enter_session(struct server *s) {
	s->group = getpid();
	if (!s->handshake.own_session) {
		setsid();
		return 0;
	}
	if (setpgid(0, 0) < 0)
		return -1;
	s->leader_fd = (int)syscall(SYS_pidfd_open, getsid(0), 0);
	return s->leader_fd < 0 ? -1 : 0;
}

/* In the server: leave the caller's session or process group, directory, descriptors and name. */
static int daemonise(struct server *s) {
	sigset_t all;
	int null;

	if (enter_session(s) < 0)
		return -1;
	appearance_server(&s->origin.appearance, s->handshake.listen_fd);
	/* A protocol 1 client says neither where it is nor what its limits are: its call has setup's. */
	if (s->handshake.protocol2) {
		raise_limits();
		if (chdir("/") < 0)
			return -1;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -1;
	for (int i = 0; i <= STDERR_FILENO; i++)
		if (null != i && dup2(null, i) < 0)
			return -1;
	if (null > STDERR_FILENO)
		fd_close(&null);
	/* Without this the kernel would reap executors itself where the script ignores SIGCHLD, and their status be lost.
	 */
	sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, &s->origin.on_child);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	sigaddset(&all, SIGHUP);
	sigaddset(&all, SIGINT);
	sigaddset(&all, SIGTERM);
	sigaddset(&all, SIGXCPU);
	s->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? -1 : 0;
}

/* In the child that becomes the server.  Returns in executors only. */
static void serve(struct server *s, struct prefork_call *call) {
	log_open(s->options.log_facility, "setup");
	if (daemonise(s) < 0) {
		log_message(LOG_ERR, "daemonise: %s", strerror(errno));
		_exit(1);
	}
	if (loop_run(s, call) == 0)
		_exit(0);
	adopted = SERVED;
}

static int prepare(struct server *s, struct prefork_error *error) {
	const char *executed = (const char *)getauxval(AT_EXECFN);

	/* First: what comes next reads all of them. */
	if (prefork_server_end_reads(error) < 0 || enough_time(error) < 0 ||
	    origin_note(&s->origin, &s->handshake, &s->files, error) < 0)
		return -1;
	if (s->handshake.options[0] && options_set_list(&s->options, s->handshake.options, error) < 0)
		return -1;
	/* The path by which the interpreter was executed, too: a link may come to lead elsewhere. */
	if (files_add_mapped(&s->files) < 0 || (executed && files_add(&s->files, executed) < 0))
		return error_set(error, "interpreter and libraries: %s", strerror(errno));
	if (s->files.shared_memory)
		return error_set(error, "initialisation has mapped memory that other processes share: all calls would");
	return 0;
}

/* In setup, when the fork that is to serve has been made: is the server there as a whole?  Threads are not forked; some
 * libraries end theirs when the process forks, so that it is clear only now. */
static int let_serve(pid_t child, int *go, struct prefork_error *error) {
	int r = gate_threads(error);

	if (r == 0 && write(*go, "", 1) != 1)
		r = error_set(error, "the server: %s", strerror(errno));
	fd_close(go);
	if (r < 0)
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	return r;
}

/* In the child: wait for that. */
static void wait_for_go(int *going) {
	char byte;

	if (read(*going, &byte, 1) != 1)
		_exit(1);
	fd_close(going);
}

int prefork_server_run(const struct prefork_language *language, struct prefork_call *call,
                       struct prefork_error *error) {
	int go[2];
	sigset_t all;
	pid_t child;

	if (adopted != ADOPTED)
		return 0;
	if (prepare(&server, error) < 0)
		return -1;
	if (pipe2(go, O_CLOEXEC) < 0)
		return error_set(error, "pipe: %s", strerror(errno));
	server.language = language;
	worth_saves(&server.worth, server.handshake.used_ms);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &server.origin.mask);
	child = language->fork(language->context);
	fd_close(&go[child == 0]);
	if (child == 0) {
		wait_for_go(&go[0]);
		serve(&server, call);
		return 1;
	}
	if (child < 0)
		error_set(error, "fork: %s", strerror(errno));
	else if (let_serve(child, &go[1], error) == 0)
		/* Setup's work is done; no exit handler may run here, they belong to the executors. */
		_exit(0);
	fd_close(&go[1]);
	sigprocmask(SIG_SETMASK, &server.origin.mask, NULL);
	return -1;
}

int prefork_server_start_again(const char *variable) {
	return again_start(&server.handshake, variable);
}

char *prefork_server_learned(size_t *length) {
	return learned_read(&server.learned, length);
}

int prefork_server_learn(const char *bytes, size_t length) {
	return learned_write(&server.learned, bytes, length);
}

int prefork_server_gate(struct prefork_error *error) {
	return improve_gate(&server, error);
}

void prefork_server_unblock(const struct prefork_call *call) {
	static const int timers[ORIGIN_TIMERS] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

	for (size_t i = 0; i < ORIGIN_TIMERS; i++)
		if (call->timers[i].it_value.tv_sec || call->timers[i].it_value.tv_usec)
			setitimer(timers[i], &call->timers[i], NULL);
	parting_wait(&server.parting);
	sigprocmask(SIG_SETMASK, &call->mask, NULL);
}
