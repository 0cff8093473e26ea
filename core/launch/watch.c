/* The watcher: see watch.h.
 *
 * Forked twice, so that init adopts it: the launcher waits for the process between, which has closed by then all that
 * is not the watcher's. */
#define _GNU_SOURCE
#include "watch.h"

#include "../wire/fd.h"
#include "child.h"
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 10000 /* between two looks where the kernel does not notify */

/* The watcher's descriptors. */
enum { WATCHER_SENTINEL = 3, WATCHER_DIRECTORY, WATCHER_INOTIFY, WATCHER_DESCRIPTORS };

struct place {
	char directory[PATH_MAX];
	char name[RUNDIR_KEY_LENGTH + 2];
	dev_t directory_device, device;
	ino_t directory_inode, inode;
	int notify_error; /* why there is no inotify; 0 when there is */
};

/* NULL while the socket is in its place; or "" when it was removed or replaced, as launchers do, or what else is wrong:
 * a directory that was moved still holds the socket, but nobody finds it there. */
static const char *look(const struct place *p, int directory_fd) {
	struct stat st;

	if (fstatat(directory_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? "" : strerror(errno);
	/* The kernel tells of an unlink when the link count has dropped, and only then takes the name away. */
	if (st.st_dev != p->device || st.st_ino != p->inode || st.st_nlink == 0)
		return "";
	if (lstat(p->directory, &st) < 0)
		return strerror(errno);
	if (st.st_dev != p->directory_device || st.st_ino != p->directory_inode)
		return "another directory has its place";
	return NULL;
}

static int remember_place(struct place *p, const struct rundir *d, const char *key) {
	struct stat directory, sock;

	memcpy(p->directory, d->path, sizeof p->directory);
	rundir_name(p->name, RUNDIR_SOCKET, key);
	if (fstat(d->fd, &directory) < 0 || fstatat(d->fd, p->name, &sock, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	p->directory_device = directory.st_dev;
	p->directory_inode = directory.st_ino;
	p->device = sock.st_dev;
	p->inode = sock.st_ino;
	p->notify_error = 0;
	return 0;
}

/* An inotify descriptor, or -1 with errno.  By way of the directory's descriptor no path is too long. */
static int notify(const struct place *p, const struct rundir *d) {
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[sizeof p->name + 64];

	if (fd < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", d->fd);
	if (inotify_add_watch(fd, path, IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR) < 0)
		goto out;
	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", d->fd, p->name);
	/* An open socket that is unlinked gives IN_ATTRIB (its link count), IN_DELETE_SELF only when it is closed. */
	if (inotify_add_watch(fd, path, IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW) < 0)
		goto out;
	return fd;
out:
	fd_close(&fd);
	return -1;
}

static void drop_events(void) {
	char events[4096];

	while (read(WATCHER_INOTIFY, events, sizeof events) > 0)
		continue;
}

/* The server has gone, or soon will: leave nothing of it, unless a launcher is at work with the key. */
static void remove_entries(const struct place *p) {
	struct rundir d = {.fd = WATCHER_DIRECTORY};
	const char *key = p->name + 1;
	int lock = lock_try(&d, key);

	if (lock < 0)
		return;
	if (!look(p, d.fd))
		unlinkat(d.fd, p->name, 0);
	/* A socket that is there now is another server's. */
	if (faccessat(d.fd, p->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		lock_remove(&d, key, &lock);
	lock_release(&lock);
}

/* The watcher's life.  What an event says does not matter: only whether the socket is still in its place. */
static void watch(const struct place *p) {
	struct pollfd polled[] = {{.fd = WATCHER_SENTINEL}, {.fd = WATCHER_INOTIFY, .events = POLLIN}};
	const char *gone;

	if (p->notify_error) {
		dprintf(STDERR_FILENO, "watch socket: %s/%s: %s; looking every %d seconds\n", p->directory, p->name,
		        strerror(p->notify_error), LOOK_MS / 1000);
		polled[1].fd = -1;
	}
	while (!(gone = look(p, WATCHER_DIRECTORY))) {
		if (poll(polled, 2, p->notify_error ? LOOK_MS : -1) < 0 && errno != EINTR)
			gone = strerror(errno);
		if (polled[0].revents) {
			remove_entries(p);
			return;
		}
		if (gone)
			break;
		drop_events();
	}
	if (*gone)
		dprintf(STDERR_FILENO, "watch run directory: %s: %s\n", p->directory, gone);
	else
		remove_entries(p);
}

/* The process between launcher and watcher. */
static void become_watcher(const struct place *p, const int *fds, char **argv) {
	char title[sizeof p->directory + sizeof p->name + 32];
	pid_t pid;

	child_reset_signals();
	setsid();
	if (chdir("/") < 0 || child_keep(fds, WATCHER_DESCRIPTORS) < 0)
		_exit(1);
	pid = fork();
	if (pid != 0)
		_exit(pid < 0 ? 1 : 0);
	prctl(PR_SET_NAME, "prefork-watch");
	snprintf(title, sizeof title, "prefork-watch %s/%s", p->directory, p->name);
	child_set_title(argv, title);
	watch(p);
	_exit(0);
}

/* 0 once the watcher has been forked, -1 with errno. */
static int run_watcher(const struct place *p, const int *fds, char **argv) {
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid == 0)
		become_watcher(p, fds, argv);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	errno = EAGAIN;
	return -1;
}

int watch_start(struct watch *w, const struct rundir *d, const char *key, char **argv, struct reason *why) {
	int messages[2] = {-1, -1}, sentinel[2] = {-1, -1}, inotify = -1, null = -1, result = -1;
	struct place p;

	w->error_fd = w->sentinel_fd = -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || remember_place(&p, d, key) < 0 || pipe2(messages, O_CLOEXEC) < 0 ||
	    pipe2(sentinel, O_CLOEXEC) < 0 || fd_set_nonblocking(messages[0], 1) < 0)
		goto out;
	inotify = notify(&p, d);
	if (inotify < 0)
		p.notify_error = errno;
	if (run_watcher(&p, (int[WATCHER_DESCRIPTORS]){null, null, messages[1], sentinel[0], d->fd, inotify}, argv) < 0)
		goto out;
	w->error_fd = messages[0];
	w->sentinel_fd = sentinel[1];
	messages[0] = sentinel[1] = -1;
	result = 0;
out:
	if (result < 0)
		reason_errno(why, "start the watcher", d->path);
	fd_close(&inotify);
	fd_close_all(sentinel, 2);
	fd_close_all(messages, 2);
	fd_close(&null);
	return result;
}

void watch_close(struct watch *w) {
	fd_close(&w->error_fd);
	fd_close(&w->sentinel_fd);
}
