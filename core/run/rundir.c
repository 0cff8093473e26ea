/* Finding the run directory and the sockets in it: see rundir.h. */
#define _GNU_SOURCE
#include "rundir.h"

#include "../wire/fd.h"
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Is this descriptor's directory ours and closed to everyone else?  NULL, or what is wrong with it. */
static const char *unfit(int fd) {
	struct stat st;

	if (fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISDIR(st.st_mode))
		return "not a directory";
	if (st.st_uid != geteuid())
		return "not owned by this user";
	if (st.st_mode & 077)
		return "open to others";
	return NULL;
}

/* Try one candidate: 0, -1 with WHY filled (errno ENOENT when it is only missing). */
static int try_candidate(struct rundir *d, int create, char *why, size_t why_size) {
	const char *wrong;

	if (create && mkdir(d->path, 0700) < 0 && errno != EEXIST) {
		snprintf(why, why_size, "%s: %s", d->path, strerror(errno));
		errno = EACCES;
		return -1;
	}
	d->fd = open(d->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->fd < 0) {
		int saved = errno;

		snprintf(why, why_size, "%s: %s", d->path, strerror(errno));
		errno = saved;
		return -1;
	}
	wrong = unfit(d->fd);
	if (!wrong)
		return 0;
	snprintf(why, why_size, "%s: %s", d->path, wrong);
	fd_close(&d->fd);
	errno = EACCES;
	return -1;
}

static int user_directory(char *path, size_t size) {
	struct stat st;

	snprintf(path, size, "/run/user/%lu", (unsigned long)geteuid());
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return -1;
	snprintf(path, size, "/run/user/%lu/prefork-interp", (unsigned long)geteuid());
	return 0;
}

static int temporary_directory(char *path, size_t size) {
	snprintf(path, size, "/tmp/prefork-interp-%lu", (unsigned long)geteuid());
	return 0;
}

static int read_boot_id(char *id, size_t size) {
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, size - 1);

	fd_close(&fd);
	if (n <= 0)
		return -1;
	id[n] = '\0';
	id[strcspn(id, "\n")] = '\0';
	return 0;
}

/* The host and boot in the name keep apart machines that share a home, and sockets from before a reboot. */
static int home_directory(char *path, size_t size, int create) {
	const char *home = getenv("HOME");
	struct utsname host;
	char boot[64];
	int n;

	if (!home || home[0] != '/' || uname(&host) < 0 || read_boot_id(boot, sizeof boot) < 0 ||
	    strchr(host.nodename, '/'))
		return -1;
	n = snprintf(path, size, "%s/.prefork-interp", home);
	if (n < 0 || (size_t)n >= size)
		return -1;
	if (create && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -1;
	n = snprintf(path, size, "%s/.prefork-interp/%s-%s", home, host.nodename, boot);
	return n < 0 || (size_t)n >= size ? -1 : 0;
}

int rundir_open(struct rundir *d, int create, char *why, size_t why_size) {
	const char *given = getenv(PREFORK_ENV_RUNDIR);

	d->fd = -1;
	snprintf(why, why_size, "no place for a run directory");
	if (given && given[0]) {
		if (given[0] != '/' || strlen(given) >= sizeof d->path) {
			snprintf(why, why_size, "%s: not an absolute path", PREFORK_ENV_RUNDIR);
			errno = EINVAL;
			return -1;
		}
		memcpy(d->path, given, strlen(given) + 1);
		return try_candidate(d, create, why, why_size);
	}
	/* A candidate that is only missing is the right one: the launcher will make it. */
	if (user_directory(d->path, sizeof d->path) == 0 &&
	    (try_candidate(d, create, why, why_size) == 0 || errno == ENOENT))
		return d->fd < 0 ? -1 : 0;
	if (temporary_directory(d->path, sizeof d->path) == 0 &&
	    (try_candidate(d, create, why, why_size) == 0 || errno == ENOENT))
		return d->fd < 0 ? -1 : 0;
	if (home_directory(d->path, sizeof d->path, create) == 0)
		return try_candidate(d, create, why, why_size);
	errno = EACCES;
	return -1;
}

void rundir_close(struct rundir *d) {
	fd_close(&d->fd);
}

void rundir_name(char *name, char kind, const char *key) {
	name[0] = kind;
	memcpy(name + 1, key, RUNDIR_KEY_LENGTH);
	name[1 + RUNDIR_KEY_LENGTH] = '\0';
}

/* sun_path holds 108 bytes; a longer path is reached through the directory's descriptor. */
static void socket_address(const struct rundir *d, const char *key, struct sockaddr_un *a) {
	char name[RUNDIR_KEY_LENGTH + 2];
	int n;

	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	rundir_name(name, RUNDIR_SOCKET, key);
	n = snprintf(a->sun_path, sizeof a->sun_path, "%s/%s", d->path, name);
	if (n < 0 || (size_t)n >= sizeof a->sun_path)
		snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/%s", d->fd, name);
}

int rundir_connect(const struct rundir *d, const char *key) {
	struct sockaddr_un a;
	int saved, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	socket_address(d, key, &a);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
		if (fd_peer_is_us(fd) == 1)
			return fd;
		errno = EPERM;
	}
	saved = errno;
	fd_close(&fd);
	errno = saved;
	return -1;
}

int rundir_listen(const struct rundir *d, const char *key) {
	struct sockaddr_un a;
	int saved, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	socket_address(d, key, &a);
	/* The directory keeps others out; the socket's own mode only has to let us in, whatever the umask. */
	if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && chmod(a.sun_path, 0600) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	saved = errno;
	fd_close(&fd);
	errno = saved;
	return -1;
}
