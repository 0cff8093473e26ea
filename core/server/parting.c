/* Waiting for a client to leave its process group: see parting.h. */
#define _GNU_SOURCE
#include "parting.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void parting_begin(struct parting *p) {
	/* cppcheck-suppress invalidFunctionArg */
	void *page = mmap(NULL, sizeof *p->word, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	p->word = page == MAP_FAILED ? NULL : page;
	/* cppcheck-suppress memleak */
}

void parting_forget(struct parting *p) {
	if (p->word)
		munmap(p->word, sizeof *p->word);
	p->word = NULL;
}

void parting_end(struct parting *p) {
	if (!p->word)
		return;
	__atomic_store_n(p->word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, p->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	parting_forget(p);
}

void parting_wait(struct parting *p) {
	if (!p->word)
		return;
	while (!__atomic_load_n(p->word, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, p->word, FUTEX_WAIT, 0, NULL, NULL, 0);
	parting_forget(p);
}
