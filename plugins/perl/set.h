/* Sets of addresses. */
#ifndef PREFORK_SET_H
#define PREFORK_SET_H

#include "api.h"

/* Zeros: an empty one. */
struct set {
	const void **slots;
	size_t size, count; /* a power of 2 */
};

/* The slot that P has, or would have. */
size_t set_place(const struct set *s, const void *p);

int set_has(const struct set *s, const void *p);
void set_add(struct set *s, const void *p);
void set_free(struct set *s);

#endif
