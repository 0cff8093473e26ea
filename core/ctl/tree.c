/* Folders with all that is in them: see tree.h. */
#define _GNU_SOURCE
#include "tree.h"

#include "../wire/fd.h"
#include "copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct walk {
	char path[PATH_MAX];
	size_t root; /* length of the root's path */
	int (*visit)(void *context, const struct tree_entry *e);
	void *context;
};

static int is_real(const struct dirent *entry) {
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk(struct walk *w, size_t length);

static int walk_below(struct walk *w, size_t length, const char *name) {
	int r, n = snprintf(w->path + length, sizeof w->path - length, "/%s", name);

	if ((size_t)n >= sizeof w->path - length) {
		errno = ENAMETOOLONG;
		r = -1;
	} else {
		r = walk(w, length + (size_t)n);
	}
	w->path[length] = '\0';
	return r;
}

static int walk_folder(struct walk *w, size_t length) {
	struct dirent **entries = NULL;
	int r = 0, count = scandir(w->path, &entries, is_real, by_name);

	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = walk_below(w, length, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return count < 0 ? -1 : r;
}

/* The entry at w->path, which is LENGTH bytes. */
static int walk(struct walk *w, size_t length) {
	struct stat st;
	struct tree_entry e = {.path = w->path, .name = w->path + w->root + (length > w->root), .st = &st};
	int r;

	/* What has gone since its folder was read is not in it. */
	if (lstat(w->path, &st) < 0)
		return errno == ENOENT && length > w->root ? 0 : -1;
	r = w->visit(w->context, &e);
	if (r == TREE_SKIP)
		return 0;
	if (r != 0 || !S_ISDIR(st.st_mode))
		return r;
	r = walk_folder(w, length);
	if (r != 0)
		return r;
	e.leaving = 1;
	return w->visit(w->context, &e);
}

int tree_walk(const char *root, int (*visit)(void *context, const struct tree_entry *e), void *context) {
	struct walk w = {.root = strlen(root), .visit = visit, .context = context};

	if (w.root >= sizeof w.path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(w.path, root, w.root + 1);
	return walk(&w, w.root);
}

/* ---- copying */

struct copying {
	const char *to;
	struct stat around; /* the folder that TO is in */
	size_t entries;     /* that may still come */
	uint64_t bytes;
	struct reason *why;
};

/* Owner, mode and times.  Somebody else's file becomes ours, unless we may give it away. */
static int finish(int fd, const struct stat *st) {
	if (geteuid() == 0 && fchown(fd, st->st_uid, st->st_gid) < 0)
		return -1;
	if (fchmod(fd, st->st_mode & 07777) < 0)
		return -1;
	return futimens(fd, (struct timespec[]){st->st_atim, st->st_mtim});
}

static int copy_file(const char *from, const char *to, const struct stat *st) {
	int in = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = out < 0 || copy_range(out, in, 0, st->st_size) < 0 ? -1 : finish(out, st);

	fd_close(&in);
	fd_close(&out);
	return r;
}

static int copy_link(const char *from, const char *to) {
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof target - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	return symlink(target, to);
}

static int copy_folder(const char *to, const struct tree_entry *e) {
	int fd, r;

	if (!e->leaving)
		return mkdir(to, 0700);
	fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -1 : finish(fd, e->st);
	fd_close(&fd);
	return r;
}

static int copy_entry(const char *to, const struct tree_entry *e) {
	switch (e->st->st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_folder(to, e);
	case S_IFREG:
		return copy_file(e->path, to, e->st);
	case S_IFLNK:
		return copy_link(e->path, to);
	case S_IFIFO:
		return mkfifo(to, e->st->st_mode & 07777);
	default:
		return 0; /* sockets belong to processes, devices to /dev */
	}
}

static int copy_visit(void *context, const struct tree_entry *e) {
	struct copying *c = context;
	char to[PATH_MAX];
	int n = snprintf(to, sizeof to, "%s%s%s", c->to, e->name[0] ? "/" : "", e->name);
	uint64_t bytes = S_ISREG(e->st->st_mode) ? (uint64_t)e->st->st_size : 0;

	if (e->st->st_dev == c->around.st_dev && e->st->st_ino == c->around.st_ino)
		return TREE_SKIP;
	if (!e->leaving && (c->entries == 0 || bytes > c->bytes)) {
		reason_set(c->why, "there is too much in it");
		return 1;
	}
	if (!e->leaving) {
		c->entries--;
		c->bytes -= bytes;
	}
	if (n > 0 && (size_t)n < sizeof to && copy_entry(to, e) == 0)
		return 0;
	reason_errno(c->why, "copy", e->path);
	return 1;
}

int tree_copy(const char *from, const char *to, size_t max_entries, uint64_t max_bytes, struct reason *why) {
	struct copying c = {.to = to, .entries = max_entries, .bytes = max_bytes, .why = why};
	char around[PATH_MAX];
	int r;

	snprintf(around, sizeof around, "%.*s", (int)(strrchr(to, '/') - to), to);
	r = stat(around, &c.around) < 0 ? -1 : tree_walk(from, copy_visit, &c);

	if (r < 0)
		reason_errno(why, "read", from);
	return r ? -1 : 0;
}

/* ---- removing */

static int remove_visit(void *context, const struct tree_entry *e) {
	(void)context;
	if (!S_ISDIR(e->st->st_mode))
		(void)unlink(e->path);
	else if (e->leaving)
		(void)rmdir(e->path);
	else
		/* A script may have closed it to itself. */
		(void)chmod(e->path, 0700);
	return 0;
}

void tree_remove(const char *root) {
	(void)tree_walk(root, remove_visit, NULL);
}

/* ---- restoring */

struct restoring {
	const char *from, *to;
};

/* The path of what E is in the other tree, whose root is ROOT.  0, or -1 with errno. */
static int counterpart(char path[PATH_MAX], const char *root, const struct tree_entry *e) {
	int n = snprintf(path, PATH_MAX, "%s%s%s", root, e->name[0] ? "/" : "", e->name);

	if (n < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int is_same_link(const char *a, const char *b) {
	char one[PATH_MAX], other[PATH_MAX];
	ssize_t n = readlink(a, one, sizeof one), m = readlink(b, other, sizeof other);

	return n > 0 && n == m && memcmp(one, other, (size_t)n) == 0;
}

/* Whoever writes to a file changes the time that it got when it was copied. */
static int is_unchanged(const struct stat *a, const struct stat *b) {
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Of the changed tree: what was not there, or was something else, goes. */
static int restore_remove(void *context, const struct tree_entry *e) {
	struct restoring *r = context;
	char original[PATH_MAX];
	struct stat st;
	int same;

	if (e->leaving)
		return 0;
	if (counterpart(original, r->from, e) < 0)
		return -1;
	same = lstat(original, &st) == 0 && (st.st_mode & S_IFMT) == (e->st->st_mode & S_IFMT);
	if (same && S_ISREG(st.st_mode))
		same = st.st_size == e->st->st_size && is_unchanged(&st, e->st);
	else if (same && S_ISLNK(st.st_mode))
		same = is_same_link(original, e->path);
	if (!same)
		tree_remove(e->path);
	return same ? 0 : TREE_SKIP;
}

/* Of the original: what is missing comes back, and each folder is given its mode and times again. */
static int restore_add(void *context, const struct tree_entry *e) {
	struct restoring *r = context;
	char changed[PATH_MAX];
	struct stat st;

	if (counterpart(changed, r->to, e) < 0)
		return -1;
	if (lstat(changed, &st) == 0) {
		if (!S_ISDIR(st.st_mode) || is_unchanged(&st, e->st))
			return 0;
		/* To be written in first, perhaps. */
		return e->leaving ? copy_folder(changed, e) : chmod(changed, 0700);
	}
	return copy_entry(changed, e);
}

int tree_restore(const char *from, const char *to, struct reason *why) {
	struct restoring r = {from, to};

	if (tree_walk(to, restore_remove, &r) == 0 && tree_walk(from, restore_add, &r) == 0)
		return 0;
	reason_errno(why, "restore", to);
	return -1;
}
