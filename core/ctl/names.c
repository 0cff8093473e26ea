/* The names of what is in several folders: see names.h. */
#define _GNU_SOURCE
#include "names.h"

#include "tree.h"

#include <stdlib.h>
#include <string.h>

static int make_room(struct names *n) {
	size_t room = n->room ? 2 * n->room : 64;
	char **at;

	if (n->count < n->room)
		return 0;
	at = realloc(n->at, room * sizeof *at);
	if (!at)
		return -1;
	n->at = at;
	n->room = room;
	return 0;
}

static int add(void *context, const struct tree_entry *e) {
	struct names *n = context;

	if (e->leaving || !e->name[0])
		return 0;
	if (make_room(n) < 0)
		return -1;
	n->at[n->count] = strdup(e->name);
	return n->at[n->count] ? (n->count++, 0) : -1;
}

int names_add_tree(struct names *n, const char *root) {
	return tree_walk(root, add, n);
}

static int compare(const void *a, const void *b) {
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *n) {
	size_t kept = 0;

	if (n->count > 0)
		qsort(n->at, n->count, sizeof *n->at, compare);
	for (size_t i = 0; i < n->count; i++) {
		if (kept > 0 && strcmp(n->at[kept - 1], n->at[i]) == 0)
			free(n->at[i]);
		else
			n->at[kept++] = n->at[i];
	}
	n->count = kept;
}

void names_free(struct names *n) {
	for (size_t i = 0; i < n->count; i++)
		free(n->at[i]);
	free(n->at);
	*n = (struct names){0};
}
