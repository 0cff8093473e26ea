/* What is in memory: see heap.h.
 *
 * Perl keeps the heads of all its values in arenas, which can be walked.  Of each value that is noted one reference is
 * held, so that none is freed, and no other one gets its place, before the changes are found. */
#include "heap.h"

#include "api.h"
#include "tripwire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Longer strings, arrays and hashes can be told from others, but not be put back. */
#define MOST_BYTES 512
#define MOST_ITEMS 32768

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

void heap_each_entry(HV *hv, void (*visit)(HE *entry, void *context), void *context) {
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

SV **heap_slot(GP *gp, enum slot slot) {
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

struct symbol heap_symbol(GV *gv) {
	struct symbol s = {.gp = GvGP(gv)};

	for (enum slot slot = 0; s.gp && slot < SLOTS; slot++)
		s.slots[slot] = *heap_slot(GvGP(gv), slot);
	s.generation = s.gp ? s.gp->gp_cvgen : 0;
	return s;
}

static void look_at_symbol(struct noted *n, GV *gv) {
	const struct symbol s = heap_symbol(gv);

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
struct noted heap_look(SV *sv) {
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
		heap_each_entry(MUTABLE_HV(sv), sum_entry, &n);
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

void heap_each(pTHX_ void (*visit)(pTHX_ SV *sv, void *context), void *context) {
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

int heap_is_skipped(const struct heap *h, const SV *sv) {
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
		heap_each_entry(MUTABLE_HV(n->sv), copy_entry, &at);
		return;
	}
	if (n->kind == SYMBOL) {
		struct symbol *symbol = keep(h, sizeof *symbol);

		*symbol = heap_symbol((GV *)n->sv);
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
	if (heap_is_skipped(h, sv))
		return;
	if (h->count == n->capacity) {
		n->capacity = n->capacity ? n->capacity * 2 : 65536;
		Renew(h->all, n->capacity, struct noted);
	}
	noted = heap_look(sv);
	if (noted.kind == HASH)
		noted.contents = NULL;
	keep_contents(h, &noted);
	h->all[h->count++] = noted;
}

struct heap *heap_note(pTHX) {
	struct noting n = {0};

	Newxz(n.heap, 1, struct heap);
	heap_each(aTHX_ skip_value, &n);
	skip_own(aTHX_ & n.heap->own);
	heap_each(aTHX_ note_value, &n);
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
	set_free(&h->there);
	set_free(&h->own);
	set_free(&h->captured);
	Safefree(h);
}
