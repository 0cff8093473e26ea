/* Copying a file's attributes: see attributes.h. */
#define _GNU_SOURCE
#include "attributes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The names of FD's extended attributes, each with its NUL: malloc'ed, *LENGTH bytes; or NULL with errno. */
static char *list_names(int fd, size_t *length) {
	ssize_t n = flistxattr(fd, NULL, 0);
	char *names = n < 0 && errno != ENOTSUP ? NULL : malloc(n > 0 ? (size_t)n : 1);

	*length = 0;
	if (!names || n <= 0)
		return names;
	n = flistxattr(fd, names, (size_t)n);
	if (n < 0) {
		free(names);
		return NULL;
	}
	*length = (size_t)n;
	return names;
}

/* An attribute's value: malloc'ed, *LENGTH bytes; or NULL with errno. */
static char *value_of(int fd, const char *name, size_t *length) {
	ssize_t n = fgetxattr(fd, name, NULL, 0);
	char *value = n < 0 ? NULL : malloc((size_t)n + 1);

	n = value ? fgetxattr(fd, name, value, (size_t)n) : -1;
	if (n < 0) {
		free(value);
		return NULL;
	}
	*length = (size_t)n;
	return value;
}

/* What is alike already, such as a label that the system gives, need not be permitted to us. */
static int copy_value(int from, int to, const char *name) {
	size_t length, present_length = 0;
	char *value = value_of(from, name, &length), *present = value_of(to, name, &present_length);
	int r = value ? 0 : -1;

	if (value && !(present && present_length == length && memcmp(present, value, length) == 0))
		r = fsetxattr(to, name, value, length, 0);
	free(present);
	free(value);
	return r;
}

static int has_name(const char *names, size_t length, const char *wanted) {
	for (const char *name = names; name < names + length; name += strlen(name) + 1)
		if (strcmp(name, wanted) == 0)
			return 1;
	return 0;
}

/* Give TO the attributes NAMES of FROM and, of those that a new file gets from its folder, no others. */
static int copy_values(int from, int to, const char *names, size_t length, struct reason *why) {
	size_t present_length;
	char *present = list_names(to, &present_length);
	int r = 0;

	for (const char *name = names; r == 0 && name < names + length; name += strlen(name) + 1) {
		r = copy_value(from, to, name);
		if (r < 0)
			reason_errno(why, "keep its attribute", name);
	}
	for (const char *name = present; r == 0 && name && name < present + present_length; name += strlen(name) + 1) {
		if (has_name(names, length, name))
			continue;
		r = fremovexattr(to, name);
		if (r < 0)
			reason_errno(why, "keep it without the attribute", name);
	}
	free(present);
	return r;
}

static int copy_extended(int from, int to, struct reason *why) {
	size_t length;
	char *names = list_names(from, &length);
	int r;

	if (!names) {
		reason_errno(why, "keep", "its extended attributes");
		return -1;
	}
	r = copy_values(from, to, names, length, why);
	free(names);
	return r;
}

int attributes_copy(int from, int to, const struct stat *st, struct reason *why) {
	struct stat now;

	if (fstat(to, &now) < 0 ||
	    ((now.st_uid != st->st_uid || now.st_gid != st->st_gid) && fchown(to, st->st_uid, st->st_gid) < 0)) {
		reason_errno(why, "keep", "its owner and group");
		return -1;
	}
	/* An access list sets the mode's bits too; they are the same in the end. */
	if (copy_extended(from, to, why) < 0)
		return -1;
	if (fchmod(to, st->st_mode & 07777) < 0) {
		reason_errno(why, "keep", "its mode");
		return -1;
	}
	if (futimens(to, (struct timespec[]){st->st_atim, st->st_mtim}) == 0)
		return 0;
	reason_errno(why, "keep", "its times");
	return -1;
}
