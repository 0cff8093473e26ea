/* What a process must not have, or have changed: see gate.h. */
#define _GNU_SOURCE
#include "gate.h"

#include "../wire/fd.h"
#include "descriptors.h"
#include "error.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds for threads that have been joined to be gone. */
#define THREAD_TIME 100

extern char **environ;

static const int timers[ORIGIN_TIMERS] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

struct gate {
	struct timespec begun; /* CLOCK_REALTIME_COARSE */
	int *fds;
	size_t fd_count;
	struct environment environment;
	mode_t umask;
	struct stat directory;
	sigset_t mask;
	rlim_t limits[REQUEST_MAX_LIMITS];
	int timer_runs[ORIGIN_TIMERS];
};

/* A thread that was joined is counted until the kernel is done with it, and nothing tells when that is. */
int gate_threads(struct prefork_error *error) {
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

int gate_children(struct prefork_error *error) {
	siginfo_t info;

	/* A child can be waited for by its parent alone, and that is to be gone. */
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0;
	return error_set(error, "a child process of initialisation has not been waited for");
}

static void look(struct gate *g) {
	struct itimerval timer;
	struct rlimit limit;

	g->umask = umask(0);
	umask(g->umask);
	if (stat(".", &g->directory) < 0)
		memset(&g->directory, 0, sizeof g->directory);
	sigprocmask(SIG_SETMASK, NULL, &g->mask);
	for (int r = 0; r < REQUEST_MAX_LIMITS; r++)
		g->limits[r] = getrlimit(r, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
	for (int i = 0; i < ORIGIN_TIMERS; i++)
		g->timer_runs[i] = getitimer(timers[i], &timer) == 0 && (timer.it_value.tv_sec || timer.it_value.tv_usec);
}

struct gate *gate_new(void) {
	struct gate *g = calloc(1, sizeof *g);

	if (!g)
		return NULL;
	clock_gettime(CLOCK_REALTIME_COARSE, &g->begun);
	look(g);
	g->fds = descriptors_list(&g->fd_count);
	if (g->fds && environment_note(&g->environment, environ) == 0)
		return g;
	gate_free(g);
	return NULL;
}

void gate_free(struct gate *g) {
	if (!g)
		return;
	for (char **v = g->environment.after; v && *v; v++)
		free(*v);
	free(g->environment.after);
	free(g->fds);
	free(g);
}

static int was_open(const struct gate *g, int fd) {
	for (size_t i = 0; i < g->fd_count; i++)
		if (g->fds[i] == fd)
			return 1;
	return 0;
}

static int check_descriptors(const struct gate *g, const struct standard *standard, struct prefork_error *error) {
	size_t count;
	int *fds = descriptors_list(&count), r = 0;

	if (!fds)
		return error_set(error, "/proc/self/fd: %s", strerror(errno));
	for (size_t i = 0; i < count && r == 0; i++) {
		const char *why = was_open(g, fds[i]) ? NULL : descriptors_unshareable(fds[i], standard, &g->begun);

		if (why)
			r = error_set(error, "descriptor %d can't be shared: %s", fds[i], why);
	}
	free(fds);
	return r;
}

static int same_environment(const struct gate *g) {
	char **a = g->environment.after, **b = environ;

	while (*a && b && *b && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return !*a && (!b || !*b);
}

int gate_check(const struct gate *g, const struct standard *standard, struct prefork_error *error) {
	struct gate now = {0};

	if (gate_threads(error) < 0 || gate_children(error) < 0 || check_descriptors(g, standard, error) < 0)
		return -1;
	if (!same_environment(g))
		return error_set(error, "the environment was changed");
	look(&now);
	if (now.umask != g->umask || now.directory.st_dev != g->directory.st_dev ||
	    now.directory.st_ino != g->directory.st_ino)
		return error_set(error, "umask or directory were changed");
	if (memcmp(now.limits, g->limits, sizeof now.limits) != 0 || memcmp(&now.mask, &g->mask, sizeof now.mask) != 0)
		return error_set(error, "limits or blocked signals were changed");
	/* Of the alarm that ends a loading which hangs nothing is to be told. */
	if (memcmp(now.timer_runs + 1, g->timer_runs + 1, sizeof now.timer_runs - sizeof now.timer_runs[0]) != 0)
		return error_set(error, "a timer was started");
	return 0;
}

int gate_commit(const struct gate *g, struct origin *o) {
	size_t count;
	int *fds = descriptors_list(&count), *more = NULL;

	if (fds)
		more = realloc(o->occupied, (o->occupied_count + count) * sizeof *more);
	for (size_t i = 0; more && i < count; i++)
		if (!was_open(g, fds[i]))
			more[o->occupied_count++] = fds[i];
	if (more)
		o->occupied = more;
	free(fds);
	return more ? 0 : -1;
}
