/* The names of what is in several folders. */
#ifndef PREFORK_NAMES_H
#define PREFORK_NAMES_H

#include <stddef.h>

struct names {
	char **at;
	size_t count, room;
};

/* Add the names, seen from ROOT, of all that is below it.  0, or -1 with errno. */
int names_add_tree(struct names *n, const char *root);

/* In order, each of them once. */
void names_sort(struct names *n);
void names_free(struct names *n);

#endif
