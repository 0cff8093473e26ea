/* Taking and leaving a key's lock: see lock.h. */
#define _GNU_SOURCE
#include "lock.h"

#include "../wire/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* The timer repeats: a signal that comes just before flock(2) sleeps interrupts nothing, the next one does. */
#define TICK_MS 500

/* Nothing is to be done: that flock(2) returns is all. */
static void on_tick(int signal_number) {
	(void)signal_number;
}

struct ticking {
	struct sigaction action;
	sigset_t mask;
};

static void start_ticking(struct ticking *before) {
	struct sigaction action = {.sa_handler = on_tick}; /* without SA_RESTART */
	struct itimerval every = {{0, TICK_MS * 1000}, {0, TICK_MS * 1000}};
	sigset_t alarm;

	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, &before->action);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm, &before->mask);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void stop_ticking(const struct ticking *before) {
	struct itimerval never = {{0, 0}, {0, 0}};
	int saved = errno;

	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before->action, NULL);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
	errno = saved;
}

static int hung_up(int call) {
	struct pollfd p = {.fd = call};

	return poll(&p, 1, 0) == 1;
}

/* 0, or -1 with errno. */
static int wait_for_lock(int fd, int call, long long deadline_ms) {
	struct ticking before;
	int result;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -1;
	start_ticking(&before);
	while ((result = flock(fd, LOCK_EX)) < 0 && errno == EINTR) {
		errno = hung_up(call) ? ECANCELED : clock_ms() >= deadline_ms ? ETIMEDOUT : 0;
		if (errno)
			break;
	}
	stop_ticking(&before);
	return result;
}

static int open_lock(const struct rundir *d, const char *name) {
	return openat(d->fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Whoever had the lock may have removed the file: then it is another file that counts. */
static int still_named(const struct rundir *d, const char *name, int fd) {
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && fstatat(d->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

int lock_take(const struct rundir *d, const char *key, int call, long long limit_ms) {
	char name[RUNDIR_KEY_LENGTH + 2];
	long long deadline_ms = clock_ms() + limit_ms;
	int fd;

	rundir_name(name, RUNDIR_LOCK, key);
	for (;;) {
		fd = open_lock(d, name);
		if (fd < 0)
			return -1;
		if (wait_for_lock(fd, call, deadline_ms) < 0)
			break;
		if (still_named(d, name, fd))
			return fd;
		fd_close(&fd);
	}
	fd_close(&fd);
	return -1;
}

int lock_try(const struct rundir *d, const char *key) {
	char name[RUNDIR_KEY_LENGTH + 2];
	int fd;

	rundir_name(name, RUNDIR_LOCK, key);
	fd = open_lock(d, name);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		if (still_named(d, name, fd))
			return fd;
		errno = EWOULDBLOCK;
	}
	fd_close(&fd);
	return -1;
}

void lock_note(int fd, const char *base) {
	/* Without it --kill overlooks a server. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, base, RUNDIR_KEY_LENGTH, 0);
}

int lock_is_of(const struct rundir *d, const char *key, const char *base) {
	char name[RUNDIR_KEY_LENGTH + 2], noted[RUNDIR_KEY_LENGTH];
	ssize_t n;
	int fd;

	rundir_name(name, RUNDIR_LOCK, key);
	fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, noted, sizeof noted, 0);
	fd_close(&fd);
	return n == sizeof noted && memcmp(noted, base, sizeof noted) == 0;
}

void lock_release(int *fd) {
	if (*fd >= 0)
		flock(*fd, LOCK_UN);
	fd_close(fd);
}

void lock_remove(const struct rundir *d, const char *key, int *fd) {
	char name[RUNDIR_KEY_LENGTH + 2];

	rundir_name(name, RUNDIR_LOCK, key);
	if (*fd >= 0)
		unlinkat(d->fd, name, 0);
	lock_release(fd);
}
