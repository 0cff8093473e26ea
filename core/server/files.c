/* The files that made a server: see files.h. */
#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Memory that no longer has its file: the library was replaced after it was mapped. */
#define DELETED_SUFFIX " (deleted)"

static char *absolute(const char *path) {
	char directory[PATH_MAX], *joined;

	if (path[0] == '/')
		return strdup(path);
	if (!getcwd(directory, sizeof directory) || asprintf(&joined, "%s/%s", directory, path) < 0)
		return NULL;
	return joined;
}

static int is_known(const struct file_list *l, const char *path) {
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->files[i].path, path) == 0)
			return 1;
	return 0;
}

static struct file *append(struct file_list *l) {
	if (l->count == l->capacity) {
		size_t capacity = l->capacity ? l->capacity * 2 : 64;
		struct file *files = realloc(l->files, capacity * sizeof *files);

		if (!files)
			return NULL;
		l->files = files;
		l->capacity = capacity;
	}
	return &l->files[l->count];
}

static void note(struct file *f, const struct stat *st) {
	f->present = 1;
	f->device = st->st_dev;
	f->inode = st->st_ino;
	f->size = st->st_size;
	f->mtime = st->st_mtim;
	f->ctime = st->st_ctim;
}

int files_add(struct file_list *l, const char *path) {
	struct stat st;
	struct file *f;
	char *full = absolute(path);
	int found;

	if (!full)
		return -1;
	if (is_known(l, full)) {
		free(full);
		return 0;
	}
	found = stat(full, &st) == 0;
	f = found || errno == ENOENT || errno == ENOTDIR ? append(l) : NULL;
	if (!f) {
		int saved = errno;

		free(full);
		errno = saved;
		return -1;
	}
	*f = (struct file){.path = full};
	if (found)
		note(f, &st);
	l->count++;
	return 0;
}

int files_add_identity(struct file_list *l, const char *path) {
	size_t known = l->count;

	if (files_add(l, path) < 0)
		return -1;
	if (l->count > known)
		l->files[known].identity = 1;
	return 0;
}

int files_add_open(struct file_list *l, int fd) {
	char link[64], path[PATH_MAX];
	struct stat open_file, named;
	int flags = fcntl(fd, F_GETFL);
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0 || flags < 0 || fstat(fd, &open_file) < 0)
		return -1;
	path[n] = '\0';
	/* What the kernel makes up is of the process that looks. */
	if (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0)
		return 0;
	if (path[0] != '/' || stat(path, &named) < 0 || named.st_dev != open_file.st_dev ||
	    named.st_ino != open_file.st_ino) {
		errno = ENOENT;
		return -1;
	}
	if (S_ISREG(open_file.st_mode) && (flags & O_ACCMODE) == O_RDONLY)
		return files_add(l, path);
	return files_add_identity(l, path);
}

/* "FROM-TO rw-s ...": memory that a fork does not give a copy of. */
static int is_shared_memory(const char *line) {
	const char *permissions = strchr(line, ' ');

	return permissions && permissions[2] == 'w' && permissions[4] == 's';
}

/* The path of a line of /proc/self/maps that shows a file, or NULL. */
static char *mapped_path(char *line) {
	char *path = strchr(line, '/');

	if (!path || strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/memfd:", 7) == 0 || strncmp(path, "/SYSV", 5) == 0)
		return NULL;
	path[strcspn(path, "\n")] = '\0';
	return path;
}

int files_add_mapped(struct file_list *l) {
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	if (!maps)
		return -1;
	while (r == 0 && getline(&line, &size, maps) > 0) {
		int shared = is_shared_memory(line);
		char *path = mapped_path(line);
		size_t n = path ? strlen(path) : 0;

		l->shared_memory |= shared;
		if (!path)
			continue;
		if (n > strlen(DELETED_SUFFIX) && strcmp(path + n - strlen(DELETED_SUFFIX), DELETED_SUFFIX) == 0)
			l->born_stale = 1;
		else
			r = files_add(l, path);
	}
	free(line);
	fclose(maps);
	return r;
}

static int at_or_after(const struct timespec *a, const struct timespec *b) {
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec >= b->tv_nsec;
}

/* Was a link, or a folder that was put in another's place, on the way to the file changed at or after START?  What was
 * loaded may then have been another file. */
static int way_newer(const char *path, const struct timespec *start) {
	char prefix[PATH_MAX];
	struct stat st;

	for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		size_t n = slash ? (size_t)(slash - path) : strlen(path);

		if (n >= sizeof prefix)
			return 0;
		memcpy(prefix, path, n);
		prefix[n] = '\0';
		if (lstat(prefix, &st) == 0 && at_or_after(&st.st_ctim, start)) {
			if (S_ISLNK(st.st_mode))
				return 1;
			/* Renaming changes a folder's ctime alone; what is put into it changes both. */
			if (S_ISDIR(st.st_mode) && !at_or_after(&st.st_mtim, start))
				return 1;
		}
		if (!slash)
			return 0;
	}
}

const char *files_newer(const struct file_list *l, const struct timespec *start) {
	return files_newer_than(l, 0, start);
}

const char *files_newer_than(const struct file_list *l, size_t known, const struct timespec *start) {
	for (size_t i = known; i < l->count; i++) {
		const struct file *f = &l->files[i];

		/* ctime counts, not mtime: it can't be set back, and an mtime in the future says nothing about the loading. */
		if ((f->present && !f->identity && at_or_after(&f->ctime, start)) || way_newer(f->path, start))
			return f->path;
	}
	return l->born_stale ? "a mapped file" : NULL;
}

static int same_time(const struct timespec *a, const struct timespec *b) {
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int unchanged(const struct file *f) {
	struct stat st;

	if (stat(f->path, &st) < 0)
		return !f->present && (errno == ENOENT || errno == ENOTDIR);
	if (f->identity)
		return f->present && st.st_dev == f->device && st.st_ino == f->inode;
	return f->present && st.st_dev == f->device && st.st_ino == f->inode && st.st_size == f->size &&
	       same_time(&st.st_mtim, &f->mtime) && same_time(&st.st_ctim, &f->ctime);
}

const char *files_changed(const struct file_list *l) {
	for (size_t i = 0; i < l->count; i++)
		if (!unchanged(&l->files[i]))
			return l->files[i].path;
	return NULL;
}
