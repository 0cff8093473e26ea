/* Rewriting a script in one step: see target.h. */
#define _GNU_SOURCE
#include "target.h"

#include "../wire/fd.h"
#include "attributes.h"
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TEMPORARY ".preforkctl-XXXXXX"

/* NULL, or why a file like this is left alone. */
static const char *unfit(const struct stat *st, char *text, size_t size) {
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if (st->st_uid != geteuid()) {
		/* For root too: in a folder of somebody else's, names change their meaning at any time. */
		snprintf(text, size, "it belongs to user %lu, not to you", (unsigned long)st->st_uid);
		return text;
	}
	if (st->st_mode & (S_ISUID | S_ISGID))
		return "it is set-user-id or set-group-id";
	/* The others would go on naming the old file. */
	if (st->st_nlink > 1)
		return "it has several names (hard links)";
	return NULL;
}

static int check(struct target *t, struct reason *why) {
	char text[64];
	const char *wrong = unfit(&t->st, text, sizeof text);

	if (!wrong && t->fd >= 0 && fgetxattr(t->fd, "security.capability", NULL, 0) >= 0)
		wrong = "it has capabilities";
	if (!wrong)
		return 0;
	reason_set(why, "%s", wrong);
	return -1;
}

static int is_same(const struct stat *a, const struct stat *b) {
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int target_open(struct target *t, const char *file, struct reason *why) {
	t->fd = -1;
	/* What must not be opened, such as a device, is seen before it is. */
	if (!realpath(file, t->path) || lstat(t->path, &t->st) < 0) {
		reason_set(why, "%s", strerror(errno));
		return -1;
	}
	if (check(t, why) < 0)
		return -1;
	t->fd = open(t->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (t->fd < 0 || fstat(t->fd, &t->st) < 0)
		reason_errno(why, "read", t->path);
	else if (check(t, why) == 0)
		return 0;
	target_close(t);
	return -1;
}

void target_close(struct target *t) {
	fd_close(&t->fd);
}

static int write_content(const struct target *t, int to, const struct line_edit *e) {
	off_t at = (off_t)e->at;

	if (copy_range(to, t->fd, 0, at) < 0 || copy_bytes(to, e->insert, strlen(e->insert)) < 0)
		return -1;
	return copy_range(to, t->fd, at + (off_t)e->remove, t->st.st_size);
}

/* The new file is complete and on the disk. */
static int fill(const struct target *t, int to, const struct line_edit *e, struct reason *why) {
	if (write_content(t, to, e) < 0) {
		reason_errno(why, "write a new file", t->path);
		return -1;
	}
	if (attributes_copy(t->fd, to, &t->st, why) < 0)
		return -1;
	if (fsync(to) == 0)
		return 0;
	reason_errno(why, "write a new file", t->path);
	return -1;
}

/* The name goes over to the new file, if it still names the old one. */
static int take_place(const struct target *t, const char *temporary, struct reason *why) {
	struct stat now;

	if (lstat(t->path, &now) < 0 || !is_same(&now, &t->st)) {
		reason_set(why, "it has changed meanwhile");
		return -1;
	}
	if (rename(temporary, t->path) == 0)
		return 0;
	reason_errno(why, "replace", t->path);
	return -1;
}

/* The name itself is to survive a loss of power; where the folder can't be opened that is all there is to do. */
static void sync_folder(const char *path, size_t length) {
	char folder[PATH_MAX];
	int fd;

	snprintf(folder, sizeof folder, "%.*s", (int)length, path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
	fd_close(&fd);
}

static int replace(const struct target *t, const struct line_edit *e, struct reason *why) {
	size_t folder = (size_t)(strrchr(t->path, '/') - t->path) + 1;
	char temporary[PATH_MAX + sizeof TEMPORARY];
	int r, fd;

	snprintf(temporary, sizeof temporary, "%.*s" TEMPORARY, (int)folder, t->path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		reason_errno(why, "make a new file beside it", t->path);
		return -1;
	}
	r = fill(t, fd, e, why);
	fd_close(&fd);
	if (r == 0)
		r = take_place(t, temporary, why);
	if (r == 0)
		sync_folder(t->path, folder);
	else
		unlink(temporary);
	return r;
}

int target_replace(const struct target *t, const struct line_edit *e, struct reason *why) {
	sigset_t all, old;
	int r;

	/* Who interrupts us gets a whole file, and none beside it. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	r = replace(t, e, why);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
