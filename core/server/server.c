/* The library's entry points: from the handshake, through the forked server, to the executor. */
#define _GNU_SOURCE
#include "server.h"

#include "../run/number.h"
#include "../wire/fd.h"
#include "error.h"
#include "log.h"
#include "loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds for threads that have been joined to be gone. */
#define THREAD_TIME 100

extern char **environ;

/* One process is at most one server. */
static struct server server = {.signal_fd = -1};
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

/* Entries of /proc/self/NAME whose name is a number, in ascending order; malloc'ed, count in *COUNT; NULL with errno.
 */
static int *list_numbers(const char *name, size_t *count, int *own) {
	DIR *directory = opendir(name);
	struct dirent *entry;
	int *numbers = NULL;
	size_t capacity = 0;

	*count = 0;
	if (!directory)
		return NULL;
	*own = dirfd(directory);
	while ((entry = readdir(directory))) {
		long number;

		if (number_read(entry->d_name, 0, INT_MAX, &number) < 0)
			continue;
		if (*count == capacity) {
			int *more = realloc(numbers, (capacity = capacity * 2 + 16) * sizeof *numbers);

			if (!more) {
				free(numbers);
				closedir(directory);
				return NULL;
			}
			numbers = more;
		}
		numbers[(*count)++] = (int)number;
	}
	closedir(directory);
	return numbers;
}

/* A thread that was joined is counted until the kernel is done with it, and nothing tells when that is. */
static int single_threaded(struct prefork_error *error) {
	const struct timespec moment = {.tv_nsec = 1000000};
	long long deadline = clock_ms() + THREAD_TIME;
	struct stat tasks;

	for (;;) {
		/* Its links are "." and "..", and one to each thread's folder. */
		if (stat("/proc/self/task", &tasks) < 0)
			return error_set(error, "/proc/self/task: %s", strerror(errno));
		if (tasks.st_nlink == 3)
			return 0;
		if (clock_ms() >= deadline)
			break;
		nanosleep(&moment, NULL);
	}
	return error_set(error, "%lu threads are running at the end of initialisation: they would be lost",
	                 (unsigned long)tasks.st_nlink - 2);
}

/* Note which descriptors the script has opened: a caller's of the same number can't be put in place. */
static int note_occupied(struct server *s, struct prefork_error *error) {
	size_t count, kept = 0;
	int own, *fds = list_numbers("/proc/self/fd", &count, &own);
	const struct handshake *h = &s->handshake;

	if (!fds)
		return error_set(error, "/proc/self/fd: %s", strerror(errno));
	for (size_t i = 0; i < count; i++) {
		int fd = fds[i];

		if (fd > STDERR_FILENO && fd != own && fd != h->listen_fd && fd != h->call_fd && fd != h->watch_error_fd &&
		    fd != h->watch_sentinel_fd)
			fds[kept++] = fd;
	}
	s->occupied = fds;
	s->occupied_count = kept;
	return 0;
}

/* A soft limit is each call's own; the server, which lives long and serves many, has the hard one. */
static void raise_limits(void) {
	static const int resources[] = {RLIMIT_CPU, RLIMIT_NOFILE};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		if (getrlimit(resources[i], &limit) < 0)
			continue;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(resources[i], &limit);
	}
}

/* In the server: leave the caller's session, directory and descriptors. */
static int daemonise(struct server *s) {
	sigset_t all;
	int null;

	setsid();
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

	if (single_threaded(error) < 0 || note_occupied(s, error) < 0)
		return -1;
	if (s->handshake.options[0] && options_set_list(&s->options, s->handshake.options, error) < 0)
		return -1;
	/* The path by which the interpreter was executed, too: a link may come to lead elsewhere. */
	if (files_add_mapped(&s->files) < 0 || (executed && files_add(&s->files, executed) < 0))
		return error_set(error, "interpreter and libraries: %s", strerror(errno));
	s->origin.environment = &s->environment;
	if (environment_note(&s->environment, environ) < 0)
		return error_set(error, "environment: %s", strerror(errno));
	return 0;
}

int prefork_server_run(const struct prefork_language *language, struct prefork_call *call,
                       struct prefork_error *error) {
	sigset_t all;
	pid_t child;

	if (adopted != ADOPTED)
		return 0;
	if (prepare(&server, error) < 0)
		return -1;
	server.language = language;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &server.origin.mask);
	child = language->fork(language->context);
	if (child < 0) {
		sigprocmask(SIG_SETMASK, &server.origin.mask, NULL);
		return error_set(error, "fork: %s", strerror(errno));
	}
	/* Setup's work is done; no exit handler may run here, they belong to the executors. */
	if (child > 0)
		_exit(0);
	serve(&server, call);
	return 1;
}

void prefork_server_unblock(const struct prefork_call *call) {
	sigprocmask(SIG_SETMASK, &call->mask, NULL);
}
