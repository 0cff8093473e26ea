/* Which environment variables are read: see reads.h. */
#define _GNU_SOURCE
#include "reads.h"

#include "../wire/fd.h"
#include "../wire/handshake.h"
#include "environment.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define AROUND 65536 /* what the kernel maps around a page, at most: Documentation/filesystems, fault_around_bytes */
#define PRESENT (1ull << 63)
#define MOST 4096 /* variables */

extern char **environ;

static size_t count_of(char *const *v) {
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static size_t name_size(const char *variable) {
	return strcspn(variable, "=") + 1;
}

static size_t rounded(size_t n) {
	return (n + AROUND - 1) / AROUND * AROUND;
}

/* A name ends where a stretch of its own does; the value begins the next one.  0 for what is no variable, or has no
 * name: getenv(3) reads two bytes of each. */
static size_t room(const char *variable) {
	return variable[0] != '=' && strchr(variable, '=') ? rounded(name_size(variable)) + rounded(strlen(variable)) : 0;
}

/* SIZE bytes of the file, each page of which is absent until it is read; NULL when that can't be had. */
static char *map(int file, size_t size) {
	/* cppcheck-suppress invalidFunctionArg */
	char *all = mmap(NULL, size + AROUND, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *block;

	if (all == MAP_FAILED)
		return NULL;
	block = (char *)rounded((uintptr_t)all);
	munmap(all, (size_t)(block - all));
	munmap(block + size, (size_t)(all + AROUND - block));
	/* cppcheck-suppress leakReturnValNotUsed */
	if (mmap(block, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0) != MAP_FAILED)
		return block;
	munmap(block, size);
	return NULL;
}

/* Write each variable to its place in FILE, and note that place in R, relative to the block. */
static int write_all(struct reads *r, int file) {
	size_t at = 0;

	for (size_t i = 0; i < r->count; i++) {
		const char *variable = environ[i];
		size_t n = strlen(variable) + 1, from = at + rounded(name_size(variable)) - name_size(variable);

		r->strings[i] = room(variable) ? (char *)from : NULL;
		if (room(variable) && pwrite(file, variable, n, (off_t)from) != (ssize_t)n)
			return -1;
		at += room(variable);
	}
	return 0;
}

static void forget(struct reads *r) {
	free(r->strings);
	*r = (struct reads){0};
}

/* May a file have that size?  Else a signal would end setup. */
static int may_have(size_t size) {
	struct rlimit largest;

	return getrlimit(RLIMIT_FSIZE, &largest) < 0 || size <= largest.rlim_cur;
}

void reads_begin(struct reads *r) {
	size_t size = 0;
	char **own;
	int file;

	forget(r);
	r->count = count_of(environ);
	own = calloc(r->count + 1, sizeof *own);
	r->strings = calloc(r->count + 1, sizeof *r->strings);
	file = memfd_create("prefork-environment", MFD_CLOEXEC);
	for (size_t i = 0; i < r->count; i++)
		size += room(environ[i]);
	if (own && r->strings && r->count <= MOST && size > 0 && file >= 0 && may_have(size) &&
	    ftruncate(file, (off_t)size) == 0 && write_all(r, file) == 0)
		r->block = map(file, size);
	fd_close(&file);
	if (!own || !r->strings || !r->block) {
		free(own);
		forget(r);
		return;
	}
	for (size_t i = 0; i < r->count; i++) {
		if (r->strings[i])
			r->strings[i] = r->block + (uintptr_t)r->strings[i];
		own[i] = r->strings[i] ? r->strings[i] : environ[i];
	}
	environ = own;
}

/* Is there a page table entry for this page? */
static int is_present(int pagemap, const char *address) {
	uint64_t entry = 0;
	off_t at = (off_t)((uintptr_t)address / (size_t)sysconf(_SC_PAGESIZE) * sizeof entry);

	return pread(pagemap, &entry, sizeof entry, at) == sizeof entry && (entry & PRESENT);
}

/* The C library looks at this one again whenever it is asked for local time. */
static int is_looked_at_anew(const char *variable) {
	return environment_is(variable, "TZ");
}

/* Setup alone has it. */
static int is_handshake(const char *variable) {
	return environment_is(variable, HANDSHAKE_VARIABLE);
}

int reads_end(struct reads *r, struct dependency *d) {
	int pagemap = r->block ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1, result = 0;
	size_t known = 0, read = 0;

	for (size_t i = 0; pagemap >= 0 && i < r->count; i++) {
		known += r->strings[i] != NULL;
		if (r->strings[i] && !is_present(pagemap, r->strings[i] + name_size(r->strings[i])))
			r->strings[i] = NULL;
		read += r->strings[i] != NULL;
	}
	/* Who reads all of them is a new program's start. */
	for (size_t i = 0; pagemap >= 0 && read < known && result == 0 && i < r->count; i++)
		if (r->strings[i] && !is_looked_at_anew(r->strings[i]) && !is_handshake(r->strings[i]))
			result = dependency_add(d, r->strings[i]);
	fd_close(&pagemap);
	forget(r);
	return result;
}
