/* The files that made a server: what they were, and whether they still are. */
#ifndef PREFORK_FILES_H
#define PREFORK_FILES_H

#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

struct file {
	char *path; /* absolute, ours */
	int present;
	int identity; /* only which file it is counts, not what is in it */
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec mtime;
	struct timespec ctime;
};

struct file_list {
	struct file *files;
	size_t count;
	size_t capacity;
	int shared_memory; /* memory that other processes see is mapped for writing */
	int born_stale;    /* a mapped file had been replaced while it was loaded */
};

/* Remember PATH (relative ones from the present directory) as it is now; a second time is as once.
 * 0, or -1 with errno; a file that does not exist is remembered as absent. */
int files_add(struct file_list *l, const char *path);

/* Remember which file has the path, whatever is written to it: one that is appended to, a directory.  The same result.
 */
int files_add_identity(struct file_list *l, const char *path);

/* Remember the file that is open as FD by the path that it has; as files_add() when it was opened for reading, else as
 * files_add_identity().  0, or -1 with errno: ENOENT when no path leads to it any more. */
int files_add_open(struct file_list *l, int fd);

/* Remember every file that is mapped into this process: interpreter, libraries, extensions.  0, or -1 with errno. */
int files_add_mapped(struct file_list *l);

/* Was any file changed at or after START (CLOCK_REALTIME_COARSE), so that what was loaded may be older than
 * what is remembered?  The path of the first, or NULL. */
const char *files_newer(const struct file_list *l, const struct timespec *start);

/* The same of those alone that were added after the first KNOWN. */
const char *files_newer_than(const struct file_list *l, size_t known, const struct timespec *start);

/* Does any file differ now from what is remembered (device, inode, size, mtime, ctime)?  The path of the first, or
 * NULL. */
const char *files_changed(const struct file_list *l);

#endif
