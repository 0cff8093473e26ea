/* What loading a module has changed in memory, how to take that back, and how to make it happen again. */
#ifndef PREFORK_CHANGES_H
#define PREFORK_CHANGES_H

#include "api.h"
#include "heap.h"

/* An entry was added to a hash; a symbol came in the place of what stood for a sub that was declared; a slot of a
 * symbol was filled, its flags were set; a scalar got a value; a list got more elements, or others. */
enum what { ENTRY, STAND_IN, SLOT, FLAGS, VALUE, APPENDED, PREPENDED, REPLACED };

struct change {
	enum what what;
	enum slot slot;
	SV *sv;             /* what is changed */
	HE *entry;          /* ENTRY, STAND_IN */
	SV *before, *after; /* VALUE, STAND_IN, SLOT */
	SV **items;         /* APPENDED, PREPENDED, REPLACED */
	SV **old_items;     /* REPLACED */
	size_t count, old_count;
	U32 old_flags, flags; /* FLAGS */
};

struct changes {
	struct change *all;
	size_t count, capacity;
};

/* What has changed since H was noted; NULL with *WHY when there is something that can't be taken back. */
struct changes *changes_find(pTHX_ struct heap *h, const char **why);

/* Take them back; the last ones first. */
void changes_undo(pTHX_ struct changes *c);

/* Make them again: 1; or 0, with nothing done, where something else has been done meanwhile. */
int changes_redo(pTHX_ struct changes *c);

#endif
