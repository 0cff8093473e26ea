/* Everything that Perl has in memory, as scalars, arrays, hashes, symbols, subs and handles. */
#ifndef PREFORK_HEAP_H
#define PREFORK_HEAP_H

#include "api.h"
#include "set.h"

#include <stdint.h>

enum { NOTHING, SCALAR, ARRAY, HASH, SYMBOL, CODE, HANDLE };

struct pair {
	HE *entry;
	SV *value;
};

enum slot { SLOT_SV, SLOT_AV, SLOT_HV, SLOT_CV, SLOT_IO, SLOT_FORM, SLOTS };

struct symbol {
	const GP *gp;
	SV *slots[SLOTS];
	U32 generation; /* not 0: its sub is a method that was found in another class */
};

struct noted {
	SV *sv;
	int kind;
	U32 flags;      /* of the head; of a symbol: of the GV */
	uint64_t sum;   /* of all that is looked at */
	size_t count;   /* bytes, elements, pairs */
	void *contents; /* copies: char *, SV **, struct pair *, struct symbol *; NULL: none is kept */
	NV number;
	IV integer;
	SV *referent;
};

struct heap {
	struct noted *all;
	size_t count;
	struct set there; /* those that are not looked at, too */
	struct set own;   /* pads, and what lasts as long as a sub runs; but for: */
	struct set captured;
	struct chunk *chunks;
};

#define SYMBOL_FLAGS (GVf_IMPORTED | GVf_MULTI) /* of a GV, those that are noted */

/* All of it as it is now.  While it is noted nothing of it is freed. */
struct heap *heap_note(pTHX);
void heap_free(pTHX_ struct heap *h);

/* Does it last only as long as a sub runs? */
int heap_is_skipped(const struct heap *h, const SV *sv);

/* One value as it is now; CONTENTS are where they are. */
struct noted heap_look(SV *sv);
struct symbol heap_symbol(GV *gv);
SV **heap_slot(GP *gp, enum slot slot);

/* Visit all values, or all entries of a hash. */
void heap_each(pTHX_ void (*visit)(pTHX_ SV *sv, void *context), void *context);
void heap_each_entry(HV *hv, void (*visit)(HE *entry, void *context), void *context);

#endif
