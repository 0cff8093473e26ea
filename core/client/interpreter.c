/* Finding the interpreter: see interpreter.h. */
#define _GNU_SOURCE
#include "interpreter.h"

#include "../wire/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* DIRECTORY (LENGTH bytes; none: the present one) and NAME, absolute.  0, or -1 with errno. */
static int join(char path[PATH_MAX], const char *directory, size_t length, const char *name) {
	char present[PATH_MAX];
	int n;

	if (length > 0 && directory[0] == '/') {
		n = snprintf(path, PATH_MAX, "%.*s/%s", (int)length, directory, name);
	} else {
		if (!getcwd(present, sizeof present))
			return -1;
		n = snprintf(path, PATH_MAX, "%s/%.*s%s%s", present, (int)length, directory, length ? "/" : "", name);
	}
	if (n >= 0 && n < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int is_executable(const char *path) {
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode) && access(path, X_OK) == 0)
		return 1;
	errno = EACCES;
	return 0;
}

/* Find NAME as execvp(3) would: 0, or -1 with errno. */
static int find_path(const char *name, char path[PATH_MAX]) {
	const char *search = getenv("PATH");
	int denied = 0;

	if (strchr(name, '/')) {
		if (name[0] != '/')
			return join(path, "", 0, name) < 0 || !is_executable(path) ? -1 : 0;
		if (strlen(name) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(path, name, strlen(name) + 1);
		return is_executable(path) ? 0 : -1;
	}
	if (!search)
		search = "/bin:/usr/bin";
	for (;;) {
		size_t n = strcspn(search, ":");

		if (join(path, search, n, name) == 0 && is_executable(path))
			return 0;
		denied |= errno == EACCES;
		if (!search[n])
			break;
		search += n + 1;
	}
	errno = denied ? EACCES : ENOENT;
	return -1;
}

/* Does the #! line LINE name the program that we are, and nothing but perhaps one option besides?  Of more words the
 * kernel makes one argument, in which an interpreter is then looked for. */
static int runs_us_alone(char *line) {
	struct stat named, us;
	char *path = line + 2 + strspn(line + 2, " \t"), *rest = path + strcspn(path, " \t\n");
	char *word = rest + strspn(rest, " \t");

	if (*word && *word != '\n') {
		const char *end = word + strcspn(word, " \t\n");

		end += strspn(end, " \t");
		if (*word != '-' || (*end && *end != '\n'))
			return 0;
	}
	*rest = '\0';
	return stat(path, &named) == 0 && stat("/proc/self/exe", &us) == 0 && named.st_dev == us.st_dev &&
	       named.st_ino == us.st_ino;
}

int interpreter_find(const char *name, struct interpreter *i) {
	char line[INTERPRETER_LINE + 1];
	ssize_t n;
	int fd;

	if (find_path(name, i->path) < 0)
		return -1;
	/* One that may be executed but not read is no script: the kernel could not read its first line's program either. */
	fd = open(i->path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, line, INTERPRETER_LINE);
	fd_close(&fd);
	line[n > 0 ? n : 0] = '\0';
	i->is_script = strncmp(line, "#!", 2) == 0;
	i->loops = i->is_script && runs_us_alone(line);
	return 0;
}
