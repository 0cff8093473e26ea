/* The run directory: which one is taken, which is refused and why, and its sockets under paths of any length. */
#define _GNU_SOURCE
#include "core/run/rundir.h"

#include "core/run/launch.h"
#include "core/wire/fd.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char key[] = "0123456789abcdef0123456789abcdef";
static char base[] = "/tmp/prefork-unit-XXXXXX";

static int try(const char *path, int create, struct rundir *d, char *why) {
	setenv(PREFORK_ENV_RUNDIR, path, 1);
	errno = 0;
	why[0] = '\0';
	return rundir_open(d, create, why, 512);
}

static const char *in_base(const char *name) {
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", base, name);
	return path;
}

static void refused(const char *path, const char *word) {
	struct rundir d;
	char why[512];

	ok(try(path, 1, &d, why) < 0 && d.fd == -1, "refused: %s", path);
	ok(strstr(why, word) && !strchr(why, '\n'), "why: %s", why);
}

static void choice(void) {
	struct rundir d;
	struct stat st;
	char why[512];

	ok(try(in_base("new"), 0, &d, why) < 0 && errno == ENOENT, "one that is not there");
	ok(try(in_base("new"), 1, &d, why) == 0, "is made");
	ok(fstat(d.fd, &st) == 0 && (st.st_mode & 07777) == 0700, "private");
	is_string(d.path, in_base("new"), "path");
	ok(fcntl(d.fd, F_GETFD) == FD_CLOEXEC, "close-on-exec");
	rundir_close(&d);
	ok(d.fd == -1, "closed");
	ok(try(in_base("new"), 0, &d, why) == 0, "and found again");
	rundir_close(&d);
	refused("relative", "absolute");
	refused("/no/such/place", "No such file");
	mkdir(in_base("open"), 0700);
	chmod(in_base("open"), 0750);
	refused(in_base("open"), "open to others");
	close(open(in_base("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	refused(in_base("file"), "ot a directory");
	ok(symlink("new", in_base("link")) == 0, "a link");
	refused(in_base("link"), "");
	if (geteuid() == 0) {
		mkdir(in_base("other"), 0700);
		ok(chown(in_base("other"), 12345, 12345) == 0, "another user's");
		refused(in_base("other"), "not owned");
	} else {
		ok(1, "another user's # SKIP not root");
	}
}

static void sockets_in(const char *path, const char *what) {
	struct rundir d;
	struct stat st;
	char why[512], name[RUNDIR_KEY_LENGTH + 2];
	int listener, client;

	ok(try(path, 1, &d, why) == 0, "%s: open", what);
	ok(rundir_connect(&d, key) < 0 && errno == ENOENT, "%s: nobody there", what);
	listener = rundir_listen(&d, key);
	ok(listener >= 0, "%s: listening", what);
	ok(fcntl(listener, F_GETFL) & O_NONBLOCK && fcntl(listener, F_GETFD) == FD_CLOEXEC,
	   "%s: non-blocking, close-on-exec", what);
	rundir_name(name, RUNDIR_SOCKET, key);
	ok(fstatat(d.fd, name, &st, 0) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600, "%s: its mode", what);
	ok(rundir_listen(&d, key) < 0 && errno == EADDRINUSE, "%s: one only", what);
	client = rundir_connect(&d, key);
	ok(client >= 0 && fcntl(client, F_GETFL) & O_NONBLOCK && fcntl(client, F_GETFD) == FD_CLOEXEC, "%s: connected",
	   what);
	fd_close(&client);
	fd_close(&listener);
	ok(rundir_connect(&d, key) < 0 && errno == ECONNREFUSED, "%s: nobody listens", what);
	unlinkat(d.fd, name, 0);
	rundir_close(&d);
}

static void long_path(char *path) {
	for (int i = 0; i < 10; i++) {
		size_t n = strlen(path);

		path[n] = '/';
		memset(path + n + 1, 'l', 50);
		path[n + 51] = '\0';
		mkdir(path, 0700);
	}
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where) {
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

int main(void) {
	char path[PATH_MAX] = "", name[RUNDIR_KEY_LENGTH + 2];

	if (!mkdtemp(base))
		return 1;
	rundir_name(name, RUNDIR_LOCK, key);
	is_string(name, "l0123456789abcdef0123456789abcdef", "name");
	choice();
	sockets_in(in_base("new"), "short path");
	snprintf(path, sizeof path, "%s", base);
	umask(0777);
	sockets_in(path, "umask 0777");
	umask(077);
	long_path(path);
	sockets_in(path, "long path");
	nftw(base, remove_entry, 20, FTW_DEPTH | FTW_PHYS);
	return tap_end();
}
