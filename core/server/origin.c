/* What setup made of its own process: see origin.h. */
#define _GNU_SOURCE
#include "origin.h"

#include "../wire/fd.h"
#include "descriptors.h"
#include "error.h"
#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static const int timers[ORIGIN_TIMERS] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

static int same_file(const struct stat *a, const struct stat *b) {
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A fresh run opens by name: where another file has the name then, what is open here is not what it would have. */
static int has_path(int fd) {
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static int note_descriptors(struct origin *o, const struct handshake *h, struct file_list *files,
                            struct prefork_error *error) {
	size_t count;
	int *fds = descriptors_list(&count);

	if (!fds)
		return error_set(error, "/proc/self/fd: %s", strerror(errno));
	o->occupied = fds;
	o->occupied_count = 0;
	for (size_t i = 0; i < count; i++) {
		const char *why = NULL;
		int fd = fds[i], duplicate;

		if (fd <= STDERR_FILENO || fd == h->listen_fd || fd == h->call_fd || fd == h->watch_error_fd ||
		    fd == h->watch_sentinel_fd)
			continue;
		duplicate = h->protocol2 ? standard_add_duplicate(&o->standard, fd) : 0;
		if (duplicate < 0)
			return error_set(error, "memory: %s", strerror(errno));
		if (!duplicate)
			why = descriptors_unshareable(fd, &o->standard, &h->start);
		if (why)
			return error_set(error, "descriptor %d, opened during initialisation, can't be shared: %s", fd, why);
		if (!duplicate && has_path(fd) && files_add_open(files, fd) < 0)
			return error_set(error, "descriptor %d, opened during initialisation: the file's path: %s", fd,
			                 strerror(errno));
		o->occupied[o->occupied_count++] = fd;
	}
	return 0;
}

/* Kept out of the way of the numbers that the script's files get, beside the handshake's; these may be above the soft
 * limit that setup has left. */
static void note_directory(struct origin *o, const struct handshake *h) {
	int fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct rlimit own, most;

	o->directory = -1;
	if (fd >= 0 && getrlimit(RLIMIT_NOFILE, &own) == 0) {
		most = (struct rlimit){.rlim_cur = own.rlim_max, .rlim_max = own.rlim_max};
		setrlimit(RLIMIT_NOFILE, &most);
		o->directory = fcntl(fd, F_DUPFD_CLOEXEC, h->listen_fd);
		setrlimit(RLIMIT_NOFILE, &own);
	}
	fd_close(&fd);
}

void origin_adopt(struct origin *o) {
	standard_adopt(&o->standard);
	appearance_adopt(&o->appearance);
}

int origin_note(struct origin *o, const struct handshake *h, struct file_list *files, struct prefork_error *error) {
	struct rlimit limit;

	if (gate_children(error) < 0)
		return -1;
	appearance_note(&o->appearance);
	/* Another launcher's setup has its caller's. */
	if (h->protocol2 && standard_take(&o->standard, error) < 0)
		return -1;
	o->umask = umask(0);
	umask(o->umask);
	for (int r = 0; r < REQUEST_MAX_LIMITS; r++)
		o->limits[r] = getrlimit(r, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
	for (int i = 0; i < ORIGIN_TIMERS; i++)
		getitimer(timers[i], &o->timers[i]);
	if (note_descriptors(o, h, files, error) < 0)
		return -1;
	note_directory(o, h);
	if (environment_note(&o->environment, environ) < 0)
		return error_set(error, "environment: %s", strerror(errno));
	return 0;
}

int origin_learn(struct origin *o, const struct request *first, int directory, struct file_list *files) {
	struct stat setups, callers;

	if (environment_learn(&o->environment, &first->environment) < 0)
		return -1;
	for (char **changed = o->environment.changed; *changed; changed++)
		if (dependency_add(&o->dependency, *changed) < 0)
			return -1;
	if (dependency_learn(&o->dependency, first, directory) < 0)
		return -1;
	/* When another one has its place this server can't be anybody's. */
	if (o->dependency.on_directory && directory >= 0)
		(void)files_add_open(files, directory);
	o->learned = 1;
	/* A protocol 1 request says no more than that. */
	if (!first->script) {
		fd_close(&o->directory);
		return 0;
	}
	o->umask_is_setups = o->umask != (mode_t)first->umask;
	for (size_t i = 0; i < first->limit_count; i++) {
		uint32_t r = first->limit_resource[i];

		if (r < REQUEST_MAX_LIMITS && o->limits[r] != first->limit_soft[i])
			o->limit_is_setups |= 1ull << r;
	}
	o->directory_is_setups = directory >= 0 && fstat(directory, &callers) == 0 && o->directory >= 0 &&
	                         fstat(o->directory, &setups) == 0 && !same_file(&setups, &callers);
	if (!o->directory_is_setups)
		fd_close(&o->directory);
	return 0;
}

/* Forked processes share an open file, and so the place in it up to which was read. */
static void reopen(int fd) {
	char path[64], entries[1024];
	struct stat st;
	int own, flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_PATH || (flags & O_ACCMODE) != O_RDONLY || fstat(fd, &st) < 0 ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	own = open(path, (flags & (O_NONBLOCK | O_NOATIME | O_DIRECT)) | O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return;
	/* ext4 takes the place of a folder's first reading for the beginning, as long as it has read nothing. */
	if (S_ISDIR(st.st_mode))
		syscall(SYS_getdents64, own, entries, sizeof entries);
	if (lseek(own, lseek(fd, 0, SEEK_CUR), SEEK_SET) >= 0)
		dup3(own, fd, fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0);
	close(own);
}

void origin_reopen(const struct origin *o) {
	for (size_t i = 0; i < o->occupied_count; i++)
		reopen(o->occupied[i]);
}
