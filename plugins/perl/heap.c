/* What is in memory, and changes of it: see heap.h.
 *
 * Perl keeps the heads of all its values in arenas, which can be walked.  Of each value that is noted one reference is
 * held, so that none is freed, and no other one gets its place, before the changes are found. */
#include "heap.h"

#include "api.h"
#include "tripwire.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer strings, arrays and hashes can be told from others, but not be put back. */
#define MOST_BYTES 512
#define MOST_ITEMS 32768

/* ---- sets of addresses ---- */

struct set {
	const void **slots;
	size_t size, count; /* a power of 2 */
};

static size_t place(const struct set *s, const void *p) {
	size_t at = ((uintptr_t)p >> 3) * 0x9E3779B97F4A7C15ull >> 20 & (s->size - 1);

	while (s->slots[at] && s->slots[at] != p)
		at = (at + 1) & (s->size - 1);
	return at;
}

static int set_has(const struct set *s, const void *p) {
	return s->size > 0 && s->slots[place(s, p)] == p;
}

static void set_add(struct set *s, const void *p) {
	if (!p || set_has(s, p))
		return;
	if (s->count * 2 >= s->size) {
		struct set more = {.size = s->size ? s->size * 2 : 1024};

		Newxz(more.slots, more.size, const void *);
		for (size_t i = 0; i < s->size; i++)
			if (s->slots[i])
				more.slots[place(&more, s->slots[i])] = s->slots[i];
		more.count = s->count;
		Safefree(s->slots);
		*s = more;
	}
	s->slots[place(s, p)] = p;
	s->count++;
}

/* ---- what is noted of a value ---- */

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

/* Copies are kept apart from what perl allocates meanwhile, so that no holes stay when they go. */
#define CHUNK (1u << 20)

struct chunk {
	struct chunk *next;
	size_t used;
	char bytes[CHUNK];
};

static void *keep(struct heap *h, size_t size) {
	struct chunk *c = h->chunks;

	size = (size + 15) & ~(size_t)15;
	if (!c || c->used + size > CHUNK) {
		c = malloc(sizeof *c);
		if (!c || size > CHUNK)
			abort();
		c->next = h->chunks;
		c->used = 0;
		h->chunks = c;
	}
	c->used += size;
	return c->bytes + c->used - size;
}

static uint64_t mix(uint64_t sum, uint64_t value) {
	sum = (sum ^ value) * 0x9E3779B97F4A7C15ull;
	return sum ^ sum >> 29;
}

static uint64_t mix_bytes(uint64_t sum, const char *bytes, size_t n) {
	uint64_t word;

	for (; n >= sizeof word; bytes += sizeof word, n -= sizeof word) {
		memcpy(&word, bytes, sizeof word);
		sum = mix(sum, word);
	}
	word = n;
	memcpy((char *)&word + 1, bytes, n < 7 ? n : 7);
	return mix(sum, word);
}

static uint64_t mix_pointer(uint64_t sum, const void *p) {
	return mix(sum, (uintptr_t)p);
}

static int kind_of(const SV *sv) {
	switch (SvTYPE(sv)) {
	case SVt_PVAV: /* stacks, and @_, do not own what is in them */
		return AvREAL((const AV *)sv) ? ARRAY : NOTHING;
	case SVt_PVHV:
		return HASH;
	case SVt_PVGV:
		return isGV_with_GP(sv) ? SYMBOL : NOTHING;
	case SVt_PVCV:
		return CODE;
	case SVt_PVIO:
		return HANDLE;
	case SVt_NULL:
	case SVt_IV:
	case SVt_NV:
	case SVt_PV:
	case SVt_PVIV:
	case SVt_PVNV:
	case SVt_PVMG:
		return SCALAR;
	default:
		return NOTHING;
	}
}

/* A number that was once asked for as a string has both; what counts is the string. */
static void look_at_scalar(struct noted *n, const SV *sv) {
	if (SvROK(sv)) {
		n->referent = SvRV(sv);
		n->sum = mix_pointer(n->sum, n->referent);
	} else if (SvPOK(sv)) {
		n->count = SvCUR(sv);
		n->contents = SvPVX(sv);
		n->sum = mix_bytes(mix(n->sum, SvUTF8(sv) ? 3 : 4), SvPVX(sv), SvCUR(sv));
	} else if (SvNOK(sv)) {
		n->number = SvNVX(sv);
		n->sum = mix_bytes(mix(n->sum, 5), (const char *)&n->number, sizeof n->number);
	} else if (SvIOK(sv)) {
		n->integer = SvIVX(sv);
		n->sum = mix(mix(n->sum, 6 + !!SvIsUV(sv)), (uint64_t)n->integer);
	}
}

static void look_at_array(struct noted *n, AV *av) {
	n->count = (size_t)(AvFILLp(av) + 1);
	n->contents = AvARRAY(av);
	for (size_t i = 0; i < n->count; i++)
		n->sum = mix_pointer(n->sum, AvARRAY(av)[i]);
}

static void each_entry(HV *hv, void (*visit)(HE *entry, void *context), void *context) {
	for (STRLEN i = 0; HvARRAY(hv) && i <= HvMAX(hv); i++)
		for (HE *entry = HvARRAY(hv)[i]; entry; entry = HeNEXT(entry))
			visit(entry, context);
}

/* Their order is changed when the hash grows. */
static void sum_entry(HE *entry, void *context) {
	struct noted *n = context;

	n->sum += mix_pointer(mix_pointer(0, entry), HeVAL(entry));
	n->count++;
}

static SV **slot_of(GP *gp, enum slot slot) {
	switch (slot) {
	case SLOT_SV:
		return &gp->gp_sv;
	case SLOT_AV:
		return (SV **)&gp->gp_av;
	case SLOT_HV:
		return (SV **)&gp->gp_hv;
	case SLOT_CV:
		return (SV **)&gp->gp_cv;
	case SLOT_IO:
		return (SV **)&gp->gp_io;
	default:
		return (SV **)&gp->gp_form;
	}
}

static struct symbol symbol_now(GV *gv) {
	struct symbol s = {.gp = GvGP(gv)};

	for (enum slot slot = 0; s.gp && slot < SLOTS; slot++)
		s.slots[slot] = *slot_of(GvGP(gv), slot);
	s.generation = s.gp ? s.gp->gp_cvgen : 0;
	return s;
}

#define SYMBOL_FLAGS (GVf_IMPORTED | GVf_MULTI)

static void look_at_symbol(struct noted *n, GV *gv) {
	const struct symbol s = symbol_now(gv);

	n->flags = GvFLAGS(gv) & SYMBOL_FLAGS;
	n->sum = mix_pointer(mix(n->flags, s.generation), s.gp);
	for (enum slot slot = 0; slot < SLOTS; slot++)
		n->sum = mix_pointer(n->sum, s.slots[slot]);
}

static void look_at_code(struct noted *n, const CV *cv) {
	n->sum = mix(0, CvFLAGS(cv) & (CVf_ISXSUB | CVf_CONST | CVf_LVALUE | CVf_METHOD));
	n->sum = mix_pointer(n->sum, CvISXSUB(cv) ? CvXSUBANY(cv).any_ptr : (void *)CvROOT(cv));
}

static void look_at_handle(struct noted *n, IO *io) {
	n->sum = mix_pointer(mix_pointer(0, IoIFP(io)), IoOFP(io));
	n->sum = mix(mix(n->sum, IoFLAGS(io)), (uint64_t)IoTYPE(io));
}

/* The value as it is now; its contents are where they are. */
static struct noted look(SV *sv) {
	struct noted n = {.sv = sv, .kind = kind_of(sv), .flags = SvFLAGS(sv)};

	switch (n.kind) {
	case SCALAR:
		/* What is computed when it is read has no value of its own. */
		if (SvGMAGICAL(sv))
			n.kind = NOTHING;
		else
			look_at_scalar(&n, sv);
		break;
	case ARRAY:
		look_at_array(&n, MUTABLE_AV(sv));
		break;
	case HASH:
		each_entry(MUTABLE_HV(sv), sum_entry, &n);
		break;
	case SYMBOL:
		look_at_symbol(&n, (GV *)sv);
		break;
	case CODE:
		look_at_code(&n, (CV *)sv);
		break;
	case HANDLE:
		look_at_handle(&n, (IO *)sv);
		break;
	}
	return n;
}

/* ---- what is not looked at ---- */

/* The pads of a sub, and the variables in them that are its own: they last as long as it runs.  In CAPTURED are those
 * that it has from around it, or keeps. */
static void skip_pads(const CV *cv, struct set *own, struct set *captured) {
	PADLIST *pads = CvISXSUB(cv) ? NULL : CvPADLIST(cv);
	const PADNAMELIST *names;

	if (!pads)
		return;
	names = PadlistNAMES(pads);
	for (SSize_t depth = 1; depth <= PadlistMAX(pads); depth++) {
		PAD *pad = PadlistARRAY(pads)[depth];

		if (!pad)
			continue;
		set_add(own, pad);
		for (SSize_t i = 0; i <= AvFILLp(pad); i++) {
			SV *sv = AvARRAY(pad)[i];
			const PADNAME *name = i <= PadnamelistMAX(names) ? PadnamelistARRAY(names)[i] : NULL;

			if (!sv)
				continue;
			if (name && PadnameLEN(name) > 0)
				set_add(PadnameOUTER(name) || PadnameIsSTATE(name) ? captured : own, sv);
			else if (SvPADTMP(sv))
				set_add(own, sv);
		}
	}
}

/* Perl's own, and ours. */
static void skip_own(pTHX_ struct set *own) {
	set_add(own, PL_strtab);
	set_add(own, PL_stashcache);
#ifdef USE_ITHREADS
	set_add(own, PL_regex_padav);
#endif
	set_add(own, PL_errgv ? GvSV(PL_errgv) : NULL);
	set_add(own, PL_hintgv); /* %^H is another one in each scope */
	set_add(own, PL_hintgv ? GvHV(PL_hintgv) : NULL);
	set_add(own, PL_curstname);
	set_add(own, PL_subname);
	set_add(own, PL_rs);
	for (int i = 0; i < 4; i++)
		set_add(own, tripwire_set(i));
}

static void each_value(pTHX_ void (*visit)(pTHX_ SV *sv, void *context), void *context) {
	for (SV *arena = PL_sv_arenaroot; arena; arena = MUTABLE_SV(SvANY(arena))) {
		const SV *end = arena + SvREFCNT(arena);

		for (SV *sv = arena + 1; sv < end; sv++)
			if ((U32)SvTYPE(sv) != (U32)SVTYPEMASK && SvREFCNT(sv))
				visit(aTHX_ sv, context);
	}
}

/* ---- noting ---- */

struct noting {
	struct heap *heap;
	size_t capacity;
};

static int is_skipped(const struct heap *h, const SV *sv) {
	return set_has(&h->own, sv) && !set_has(&h->captured, sv);
}

static void skip_value(pTHX_ SV *sv, void *context) {
	struct noting *n = context;

	PERL_UNUSED_CONTEXT;
	if (SvTYPE(sv) == SVt_PVCV)
		skip_pads((CV *)sv, &n->heap->own, &n->heap->captured);
}

static void copy_entry(HE *entry, void *context) {
	struct pair **at = context;

	*(*at)++ = (struct pair){entry, HeVAL(entry)};
}

static void keep_contents(struct heap *h, struct noted *n) {
	size_t size = n->kind == SCALAR ? n->count : n->count * sizeof(SV *);
	char *copy = NULL;

	if (n->kind == HASH && n->count > 0) {
		struct pair *pairs, *at;

		pairs = n->count <= MOST_ITEMS ? keep(h, n->count * sizeof *pairs) : NULL;
		n->contents = pairs;
		if (!pairs)
			return;
		at = pairs;
		each_entry(MUTABLE_HV(n->sv), copy_entry, &at);
		return;
	}
	if (n->kind == SYMBOL) {
		struct symbol *symbol = keep(h, sizeof *symbol);

		*symbol = symbol_now((GV *)n->sv);
		n->contents = symbol;
		return;
	}
	if (n->kind != SCALAR && n->kind != ARRAY)
		return;
	if (n->contents && size > 0 && (n->kind == SCALAR ? size <= MOST_BYTES : n->count <= MOST_ITEMS)) {
		copy = keep(h, size);
		memcpy(copy, n->contents, size);
	}
	n->contents = copy;
}

static void note_value(pTHX_ SV *sv, void *context) {
	struct noting *n = context;
	struct heap *h = n->heap;
	struct noted noted;

	PERL_UNUSED_CONTEXT;
	set_add(&h->there, sv);
	if (is_skipped(h, sv))
		return;
	if (h->count == n->capacity) {
		n->capacity = n->capacity ? n->capacity * 2 : 65536;
		Renew(h->all, n->capacity, struct noted);
	}
	noted = look(sv);
	if (noted.kind == HASH)
		noted.contents = NULL;
	keep_contents(h, &noted);
	h->all[h->count++] = noted;
}

struct heap *heap_note(pTHX) {
	struct noting n = {0};

	Newxz(n.heap, 1, struct heap);
	each_value(aTHX_ skip_value, &n);
	skip_own(aTHX_ & n.heap->own);
	each_value(aTHX_ note_value, &n);
	for (size_t i = 0; i < n.heap->count; i++)
		SvREFCNT_inc_simple_void_NN(n.heap->all[i].sv);
	return n.heap;
}

void heap_free(pTHX_ struct heap *h) {
	for (size_t i = 0; h && i < h->count; i++)
		SvREFCNT_dec_NN(h->all[i].sv);
	if (!h)
		return;
	while (h->chunks) {
		struct chunk *next = h->chunks->next;

		free(h->chunks);
		h->chunks = next;
	}
	Safefree(h->all);
	Safefree(h->there.slots);
	Safefree(h->own.slots);
	Safefree(h->captured.slots);
	Safefree(h);
}

/* ---- changes ---- */

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

static struct change *add_change(struct changes *c, enum what what, SV *sv) {
	if (c->count == c->capacity) {
		c->capacity = c->capacity ? c->capacity * 2 : 64;
		Renew(c->all, c->capacity, struct change);
	}
	c->all[c->count] = (struct change){.what = what, .sv = SvREFCNT_inc_simple_NN(sv)};
	return &c->all[c->count++];
}

static SV *scalar_before(pTHX_ const struct noted *n) {
	SV *sv;

	if (n->referent || (n->count > 0 && !n->contents))
		return NULL;
	if (n->flags & SVf_POK) {
		sv = newSVpvn(n->contents ? n->contents : "", n->count);
		if (n->flags & SVf_UTF8)
			SvUTF8_on(sv);
		return sv;
	}
	if (n->flags & SVf_NOK)
		return newSVnv(n->number);
	if (n->flags & SVf_IOK)
		return n->flags & SVf_IVisUV ? newSVuv((UV)n->integer) : newSViv(n->integer);
	return newSV(0);
}

struct reaching {
	const struct heap *heap;
	const SV *to;
	int found;
};

static void reach_entry(HE *entry, void *context) {
	struct reaching *r = context;

	r->found |= HeVAL(entry) == r->to;
}

static void reach(pTHX_ SV *sv, void *context) {
	struct reaching *r = context;

	PERL_UNUSED_CONTEXT;
	switch (SvTYPE(sv)) {
	case SVt_PVAV:
		for (SSize_t i = 0; !is_skipped(r->heap, sv) && i <= AvFILLp((AV *)sv); i++)
			r->found |= AvARRAY((AV *)sv)[i] == r->to;
		break;
	case SVt_PVHV:
		each_entry(MUTABLE_HV(sv), reach_entry, r);
		break;
	case SVt_PVCV:
		break;
	default:
		if (isGV_with_GP(sv))
			r->found |= GvGP((GV *)sv) && GvSV((GV *)sv) == r->to;
		else if (SvROK(sv))
			r->found |= SvRV(sv) == r->to;
	}
}

/* Does anything lead to it?  Perl has scalars of its own for a while. */
static int is_reached(pTHX_ const struct heap *h, const SV *sv) {
	struct reaching r = {h, sv, set_has(&h->captured, sv)};

	if (!r.found)
		each_value(aTHX_ reach, &r);
	return r.found;
}

static const char *scalar_changes(pTHX_ struct changes *c, const struct noted *was) {
	SV *before = SvREADONLY(was->sv) || SvMAGICAL(was->sv) ? NULL : scalar_before(aTHX_ was);
	struct change *change;

	if (!before)
		return "changes a variable that is not its own";
	change = add_change(c, VALUE, was->sv);
	change->before = before;
	change->after = newSVsv(was->sv);
	return NULL;
}

static SV **copy_items(SV *const *items, size_t count) {
	SV **copy;

	Newx(copy, count + 1, SV *);
	memcpy(copy, items, count * sizeof *items);
	return copy;
}

static const char *array_changes(struct changes *c, const struct noted *was, const struct noted *now) {
	SV *const *old = was->contents, *const *all = now->contents;
	size_t more = now->count - was->count, size = was->count * sizeof *old;
	struct change *change;

	if ((was->count > 0 && !old) || SvMAGICAL(was->sv))
		return "changes a list that is not its own";
	change = add_change(c, REPLACED, was->sv);
	change->old_count = was->count;
	if (now->count > was->count && memcmp(all, old ? old : all, size) == 0)
		change->what = APPENDED;
	else if (now->count > was->count && memcmp(all + more, old ? old : all, size) == 0)
		change->what = PREPENDED;
	if (change->what == REPLACED) {
		change->count = now->count;
		change->items = copy_items(all, now->count);
		change->old_items = copy_items(old, was->count);
		for (size_t i = 0; i < was->count; i++)
			SvREFCNT_inc_simple_void(old[i]);
		return NULL;
	}
	change->count = more;
	change->items = copy_items(change->what == APPENDED ? all + was->count : all, more);
	return NULL;
}

static int by_entry(const void *a, const void *b) {
	const struct pair *x = a, *y = b;

	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

struct adding {
	struct changes *changes;
	const struct noted *was;
	size_t known;
	int replaced;
};

static void add_entry(HE *entry, void *context) {
	struct adding *a = context;
	struct pair key = {entry, NULL};
	const struct pair *old =
		a->was->count ? bsearch(&key, a->was->contents, a->was->count, sizeof key, by_entry) : NULL;

	if (!old) {
		add_change(a->changes, ENTRY, a->was->sv)->entry = entry;
		return;
	}
	a->known++;
	a->replaced |= old->value != HeVAL(entry);
}

static const char *hash_changes(struct changes *c, const struct noted *was) {
	struct adding a = {c, was, 0, 0};

	if (was->count > 0 && !was->contents)
		return "changes a hash that is not its own";
	if (was->count > 0)
		qsort(was->contents, was->count, sizeof(struct pair), by_entry);
	each_entry(MUTABLE_HV(was->sv), add_entry, &a);
	if (a.known != was->count || a.replaced)
		return "changes a hash that is not its own";
	return NULL;
}

/* A method that was found in another class is found again. */
static void forget_method(pTHX_ GV *gv) {
	GP *gp = GvGP(gv);

	SvREFCNT_dec(MUTABLE_SV(gp->gp_cv));
	gp->gp_cv = NULL;
	gp->gp_cvgen = 0;
}

static const char *symbol_changes(pTHX_ struct changes *c, const struct noted *was, const struct noted *now) {
	static char why[200];
	const struct symbol *old = was->contents;
	GV *gv = (GV *)was->sv;
	struct symbol new = symbol_now(gv);
	struct change *change;
	const char *stash;

	stash = GvSTASH(gv) ? HvENAME_get(GvSTASH(gv)) : NULL;
	snprintf(why, sizeof why, "changes what *%s::%s is", stash ? stash : "", GvNAME(gv));
	if (new.gp != old->gp || !new.gp)
		return why;
	if (old->generation || new.generation) {
		if (new.slots[SLOT_CV] && !new.generation)
			return why;
		forget_method(aTHX_ gv);
		new.slots[SLOT_CV] = old->slots[SLOT_CV];
	}
	for (enum slot slot = 0; slot < SLOTS; slot++) {
		if (new.slots[slot] == old->slots[slot])
			continue;
		if (old->slots[slot] && !new.slots[slot])
			return why;
		change = add_change(c, SLOT, was->sv);
		change->slot = slot;
		change->before = SvREFCNT_inc(old->slots[slot]);
		change->after = new.slots[slot];
	}
	if (was->flags != now->flags) {
		change = add_change(c, FLAGS, was->sv);
		change->old_flags = was->flags;
		change->flags = now->flags;
	}
	return NULL;
}

static const char *code_changes(pTHX_ const struct noted *was) {
	static char why[200];
	const GV *gv = CvNAMED((CV *)was->sv) ? NULL : CvGV((CV *)was->sv);

	snprintf(why, sizeof why, "changes the sub %s", gv ? GvNAME(gv) : "");
	return why;
}

/* A name that has nothing but a sub is kept as a reference to it until somebody asks for the symbol. */
static int is_spelt_out(const struct noted *was) {
	const struct symbol s = symbol_now((GV *)was->sv);

	return was->referent && s.slots[SLOT_CV] && !s.slots[SLOT_AV] && !s.slots[SLOT_HV] && !s.slots[SLOT_IO] &&
	       !s.slots[SLOT_FORM];
}

/* What stood for a sub that was declared only, a string or a number, is a symbol now. */
static const char *declaration_changes(pTHX_ struct changes *c, const struct noted *was) {
	GV *gv = (GV *)was->sv;
	SV *before = scalar_before(aTHX_ was);
	struct change *change;
	HE *entry = NULL;

	if (is_spelt_out(was))
		return NULL;
	if (before && GvSTASH(gv))
		entry = hv_common(GvSTASH(gv), NULL, GvNAME(gv), GvNAMELEN(gv), GvNAMEUTF8(gv) ? HVhek_UTF8 : 0, 0, NULL, 0);
	if (!entry || HeVAL(entry) != was->sv)
		return "defines a sub that was declared before";
	change = add_change(c, STAND_IN, MUTABLE_SV(GvSTASH(gv)));
	change->entry = entry;
	change->before = before;
	change->after = was->sv;
	return NULL;
}

static const char *changes_of(pTHX_ struct changes *c, const struct heap *h, const struct noted *was) {
	const struct noted now = look(was->sv);

	if (now.kind == was->kind && now.sum == was->sum && now.count == was->count)
		return NULL;
	if (now.kind != was->kind && was->kind == SCALAR && now.kind == SYMBOL)
		return declaration_changes(aTHX_ c, was);
	if (now.kind != was->kind)
		return was->kind == NOTHING ? NULL : "changes what kind of thing a name is";
	switch (was->kind) {
	case SCALAR:
		return is_reached(aTHX_ h, was->sv) ? scalar_changes(aTHX_ c, was) : NULL;
	case ARRAY:
		return array_changes(c, was, &now);
	case HASH:
		return hash_changes(c, was);
	case SYMBOL:
		return symbol_changes(aTHX_ c, was, &now);
	case CODE:
		return code_changes(aTHX_ was);
	case HANDLE:
		return "changes a handle that is not its own";
	default:
		return NULL;
	}
}

struct changes *heap_changes(pTHX_ struct heap *h, const char **why) {
	struct changes *c;

	Newxz(c, 1, struct changes);
	*why = NULL;
	for (size_t i = 0; i < h->count && !*why; i++)
		*why = changes_of(aTHX_ c, h, &h->all[i]);
	return *why ? NULL : c;
}

/* ---- taking back ---- */

static void unlink_entry(pTHX_ HV *hv, const HE *entry) {
	HE **at = &HvARRAY(hv)[HeHASH(entry) & HvMAX(hv)];

	while (*at != entry)
		at = &HeNEXT(*at);
	*at = HeNEXT(entry);
	HvTOTALKEYS(hv)--;
	if (SvOOK(hv) && HvEITER_get(hv) == entry) {
		HvEITER_set(hv, NULL);
		HvRITER_set(hv, -1);
	}
}

static void link_entry(HV *hv, HE *entry) {
	HE **at = &HvARRAY(hv)[HeHASH(entry) & HvMAX(hv)];

	HeNEXT(entry) = *at;
	*at = entry;
	HvTOTALKEYS(hv)++;
}

/* The elements' references go with them. */
static void set_items(pTHX_ AV *av, SV *const *items, size_t count) {
	av_fill(av, (SSize_t)count); /* at least */
	for (SSize_t i = 0; i <= AvFILLp(av); i++)
		AvARRAY(av)[i] = (size_t)i < count ? items[i] : NULL;
	AvFILLp(av) = (SSize_t)count - 1;
}

/* Elements stay where they are noted; the list no longer has them. */
static void take_items(pTHX_ struct change *change) {
	AV *av = MUTABLE_AV(change->sv);

	if (change->what == REPLACED) {
		set_items(aTHX_ av, change->old_items, change->old_count);
		return;
	}
	if (change->what == APPENDED) {
		for (size_t i = 0; i < change->count; i++)
			AvARRAY(av)[change->old_count + i] = NULL;
		AvFILLp(av) = (SSize_t)change->old_count - 1;
		return;
	}
	for (size_t i = 0; i < change->count; i++)
		(void)av_shift(av);
}

static void put_items(pTHX_ const struct change *change) {
	AV *av = MUTABLE_AV(change->sv);

	if (change->what == REPLACED) {
		for (SSize_t i = 0; i <= AvFILLp(av); i++)
			SvREFCNT_dec(AvARRAY(av)[i]);
		set_items(aTHX_ av, change->items, change->count);
		return;
	}
	if (change->what == APPENDED) {
		for (size_t i = 0; i < change->count; i++)
			av_push(av, change->items[i]);
		return;
	}
	av_unshift(av, (SSize_t)change->count);
	for (size_t i = 0; i < change->count; i++)
		av_store(av, (SSize_t)i, change->items[i]);
}

static void undo(pTHX_ struct change *change) {
	switch (change->what) {
	case ENTRY:
		unlink_entry(aTHX_ MUTABLE_HV(change->sv), change->entry);
		break;
	case STAND_IN:
		HeVAL(change->entry) = change->before;
		break;
	case SLOT:
		*slot_of(GvGP((GV *)change->sv), change->slot) = change->before;
		break;
	case FLAGS:
		GvFLAGS((GV *)change->sv) = (GvFLAGS((GV *)change->sv) & ~SYMBOL_FLAGS) | change->old_flags;
		break;
	case VALUE:
		sv_setsv(change->sv, change->before);
		break;
	case APPENDED:
	case PREPENDED:
	case REPLACED:
		take_items(aTHX_ change);
		break;
	}
}

/* Methods and classes are looked for afresh. */
static void forget_lookups(pTHX) {
	PL_sub_generation++;
	if (PL_stashcache)
		hv_clear(PL_stashcache);
}

void changes_undo(pTHX_ struct changes *c) {
	for (size_t i = c->count; i-- > 0;)
		undo(aTHX_ & c->all[i]);
	forget_lookups(aTHX);
}

/* ---- making them again ---- */

static int is_same_scalar(SV *a, SV *b) {
	return look(a).sum == look(b).sum;
}

/* What perl has made when the name was compiled or asked for. */
static int is_empty(const SV *sv) {
	if (SvREFCNT(sv) != 1 || SvMAGICAL(sv))
		return 0;
	switch (kind_of(sv)) {
	case SCALAR:
		return !SvOK(sv);
	case ARRAY:
		return AvFILLp((const AV *)sv) < 0;
	case HASH:
		return HvTOTALKEYS((const HV *)sv) == 0 && !(SvOOK(sv) && HvAUX((HV *)sv)->xhv_name_u.xhvnameu_name);
	default:
		return 0;
	}
}

/* Where all are put behind what is there, whatever that is. */
static int is_of_any_length(pTHX_ const SV *sv) {
	static const char *const lists[] = {"DynaLoader::dl_librefs", "DynaLoader::dl_modules",
	                                    "DynaLoader::dl_shared_objects", "DynaLoader::dl_require_symbols"};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (sv == MUTABLE_SV(get_av(lists[i], 0)))
			return 1;
	return sv == MUTABLE_SV(PL_endav);
}

/* ---- two of one name ---- */

/* The entry of that name, or NULL. */
static HE *same_entry(pTHX_ HV *hv, const HE *entry) {
	if (!HvARRAY(hv))
		return NULL;
	return hv_common(hv, NULL, HeKEY(entry), (STRLEN)HeKLEN(entry), HeKUTF8(entry) ? HVhek_UTF8 : 0, 0, NULL,
	                 HeHASH(entry));
}

/* A symbol that was only named. */
static int is_only_named(const SV *sv) {
	struct symbol s;

	if (!isGV_with_GP(sv))
		return 0;
	s = symbol_now((GV *)sv);
	for (enum slot slot = 0; slot < SLOTS; slot++)
		if (s.slots[slot] && !is_empty(s.slots[slot]))
			return slot == SLOT_CV && s.generation;
	return s.gp && s.gp->gp_refcnt == 1;
}

/* Packages are not merged: code may have been compiled in both. */
static int can_merge(const HE *hidden, const HE *shown) {
	if (HeKLEN(hidden) > 2 && strnEQ(HeKEY(hidden) + HeKLEN(hidden) - 2, "::", 2))
		return 0;
	return is_only_named(HeVAL(shown)) || is_only_named(HeVAL(hidden));
}

/* The symbol of this entry, which may not have been asked for. */
static GV *symbol_of(pTHX_ HV *hv, HE *entry) {
	GV *gv = (GV *)HeVAL(entry);

	if (!isGV_with_GP(gv))
		gv_init_pvn(gv, hv, HeKEY(entry), (STRLEN)HeKLEN(entry), HeKUTF8(entry) ? SVf_UTF8 : 0);
	return gv;
}

/* Operations have the one symbol and the other: both come to have all that is behind the name. */
static void share(pTHX_ GV *to, GV *from) {
	/* What it had is empty, and stays, for somebody may look at it just now. */
	GvGP_set(to, gp_ref(GvGP(from)));
	GvFLAGS(to) |= GvFLAGS(from) & SYMBOL_FLAGS;
}

static void merge(pTHX_ HV *hv, HE *hidden, HE *shown) {
	GV *a = symbol_of(aTHX_ hv, hidden), *b = symbol_of(aTHX_ hv, shown);

	if (is_only_named(MUTABLE_SV(a)))
		share(aTHX_ a, b);
	else
		share(aTHX_ b, a);
}

static int may_redo(pTHX_ const struct change *change) {
	HV *hv;
	HE *same;
	GV *gv;
	const SV *slot;

	switch (change->what) {
	case ENTRY:
		hv = MUTABLE_HV(change->sv);
		same = same_entry(aTHX_ hv, change->entry);
		return HvARRAY(hv) && (!same || (HvENAME_HEK(hv) && can_merge(change->entry, same)));
	case STAND_IN:
		hv = MUTABLE_HV(change->sv);
		return same_entry(aTHX_ hv, change->entry) == change->entry && HeVAL(change->entry) == change->before &&
		       !isGV_with_GP(change->before);
	case SLOT:
		gv = (GV *)change->sv;
		if (!isGV_with_GP(gv) || !GvGP(gv))
			return 0;
		slot = *slot_of(GvGP(gv), change->slot);
		if (change->before)
			return slot == change->before;
		return !slot || (change->slot == SLOT_CV ? GvCVGEN(gv) != 0 : is_empty(slot));
	case FLAGS:
		return 1;
	case VALUE:
		return is_same_scalar(change->sv, change->before);
	case APPENDED:
	case PREPENDED:
	case REPLACED:
		if (is_of_any_length(aTHX_ change->sv))
			return 1;
		if ((size_t)(AvFILLp((AV *)change->sv) + 1) != change->old_count)
			return 0;
		return change->what != REPLACED ||
		       memcmp(AvARRAY((AV *)change->sv), change->old_items, change->old_count * sizeof(SV *)) == 0;
	}
	return 0;
}

static void redo(pTHX_ struct change *change) {
	HV *hv = MUTABLE_HV(change->sv);
	HE *same;
	SV **slot;

	switch (change->what) {
	case ENTRY:
		same = same_entry(aTHX_ hv, change->entry);
		if (same)
			merge(aTHX_ hv, change->entry, same);
		else
			link_entry(hv, change->entry);
		break;
	case STAND_IN:
		HeVAL(change->entry) = change->after;
		break;
	case SLOT:
		slot = slot_of(GvGP((GV *)change->sv), change->slot);
		if (!change->before)
			SvREFCNT_dec(*slot);
		*slot = change->after;
		if (change->slot == SLOT_CV)
			GvGP((GV *)change->sv)->gp_cvgen = 0;
		break;
	case FLAGS:
		GvFLAGS((GV *)change->sv) |= change->flags;
		break;
	case VALUE:
		sv_setsv(change->sv, change->after);
		break;
	case APPENDED:
	case PREPENDED:
	case REPLACED:
		put_items(aTHX_ change);
		break;
	}
}

/* Perl learns by its magic that a class has come to have parents. */
static void tell_parents(pTHX_ const struct change *change) {
	GV *gv = change->what == ENTRY ? (GV *)HeVAL(change->entry) : change->what == SLOT ? (GV *)change->sv : NULL;

	if (gv && isGV_with_GP(gv) && GvNAMELEN(gv) == 3 && strnEQ(GvNAME(gv), "ISA", 3) && GvAV(gv))
		mg_set(MUTABLE_SV(GvAV(gv)));
}

int changes_redo(pTHX_ struct changes *c) {
	for (size_t i = 0; i < c->count; i++)
		if (!may_redo(aTHX_ & c->all[i]))
			return 0;
	for (size_t i = 0; i < c->count; i++)
		redo(aTHX_ & c->all[i]);
	forget_lookups(aTHX);
	for (size_t i = 0; i < c->count; i++)
		tell_parents(aTHX_ & c->all[i]);
	return 1;
}

/* ---- who made what ---- */

struct makers {
	struct set made;
	int *numbers; /* of each slot of the set */
	size_t size;
};

struct making {
	struct makers *makers;
	const struct set *old;
	int number;
	void (*uses)(int other, void *context);
	void *context;
};

struct makers *makers_new(void) {
	return calloc(1, sizeof(struct makers));
}

void makers_free(struct makers *m) {
	if (!m)
		return;
	Safefree(m->made.slots);
	free(m->numbers);
	free(m);
}

static void use(const struct making *m, const void *value) {
	int number;

	if (!value || !set_has(&m->makers->made, value))
		return;
	number = m->makers->numbers[place(&m->makers->made, value)];
	if (number != m->number)
		m->uses(number, m->context);
}

static void use_entry(HE *entry, void *context) {
	use(context, HeVAL(entry));
}

/* All that SV leads to in one step; pads, by which operations do, are arrays. */
static void use_all_of(const struct making *m, SV *sv) {
	switch (SvTYPE(sv)) {
	case SVt_PVAV:
		for (SSize_t i = 0; i <= AvFILLp((AV *)sv); i++)
			use(m, AvARRAY((AV *)sv)[i]);
		break;
	case SVt_PVHV:
		each_entry(MUTABLE_HV(sv), use_entry, (void *)m);
		break;
	case SVt_PVCV:
		use(m, CvSTASH((CV *)sv));
		use(m, CvOUTSIDE((CV *)sv));
		break;
	default:
		if (isGV_with_GP(sv)) {
			const struct symbol s = symbol_now((GV *)sv);

			use(m, GvSTASH((GV *)sv));
			for (enum slot slot = 0; slot < SLOTS; slot++)
				use(m, s.slots[slot]);
		} else if (SvROK(sv)) {
			use(m, SvRV(sv));
		}
	}
	if (SvTYPE(sv) >= SVt_PVMG && !isGV_with_GP(sv) && SvOBJECT(sv))
		use(m, SvSTASH(sv));
}

static void use_new(pTHX_ SV *sv, void *context) {
	const struct making *m = context;

	PERL_UNUSED_CONTEXT;
	if (!set_has(m->old, sv))
		use_all_of(m, sv);
}

static void make(struct makers *m, const SV *sv, int number) {
	if (m->made.count * 2 >= m->made.size || !m->numbers) {
		struct set before = m->made;
		int *numbers = m->numbers;

		m->made = (struct set){.size = before.size ? before.size * 2 : 1024, .count = before.count};
		Newxz(m->made.slots, m->made.size, const void *);
		m->numbers = calloc(m->made.size, sizeof *m->numbers);
		if (!m->numbers)
			abort();
		for (size_t i = 0; i < before.size; i++) {
			if (!before.slots[i])
				continue;
			m->made.slots[place(&m->made, before.slots[i])] = before.slots[i];
			m->numbers[place(&m->made, before.slots[i])] = numbers[i];
		}
		Safefree(before.slots);
		free(numbers);
	}
	m->numbers[place(&m->made, sv)] = number;
	set_add(&m->made, sv);
}

static void make_new(pTHX_ SV *sv, void *context) {
	const struct making *m = context;

	PERL_UNUSED_CONTEXT;
	if (!set_has(m->old, sv))
		make(m->makers, sv, m->number);
}

void makers_add(pTHX_ struct makers *makers, const struct heap *h, const struct changes *c, int number,
                void (*uses)(int other, void *context), void *context) {
	struct making m = {makers, &h->there, number, uses, context};

	for (size_t i = 0; i < c->count; i++)
		use(&m, c->all[i].sv);
	each_value(aTHX_ use_new, &m);
	each_value(aTHX_ make_new, &m);
}
