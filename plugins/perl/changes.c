/* Finding changes: see changes.h. */
#include "changes.h"

#include "api.h"
#include "heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		for (SSize_t i = 0; !heap_is_skipped(r->heap, sv) && i <= AvFILLp((AV *)sv); i++)
			r->found |= AvARRAY((AV *)sv)[i] == r->to;
		break;
	case SVt_PVHV:
		heap_each_entry(MUTABLE_HV(sv), reach_entry, r);
		break;
	case SVt_PVCV:
		break;
	default:
		if (isGV_with_GP(sv)) {
			const struct symbol s = heap_symbol((GV *)sv);

			for (enum slot slot = 0; slot < SLOTS; slot++)
				r->found |= s.slots[slot] == r->to;
		} else if (SvROK(sv)) {
			r->found |= SvRV(sv) == r->to;
		}
	}
}

/* Does anything lead to it?  Perl has scalars and lists of its own. */
static int is_reached(pTHX_ const struct heap *h, const SV *sv) {
	struct reaching r = {h, sv, set_has(&h->captured, sv)};

	if (!r.found)
		heap_each(aTHX_ reach, &r);
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
	heap_each_entry(MUTABLE_HV(was->sv), add_entry, &a);
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
	struct symbol new = heap_symbol(gv);
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
	const struct symbol s = heap_symbol((GV *)was->sv);

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
	const struct noted now = heap_look(was->sv);

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
		if (was->sv != MUTABLE_SV(PL_endav) && !is_reached(aTHX_ h, was->sv))
			return NULL;
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

struct changes *changes_find(pTHX_ struct heap *h, const char **why) {
	struct changes *c;

	Newxz(c, 1, struct changes);
	*why = NULL;
	for (size_t i = 0; i < h->count && !*why; i++)
		*why = changes_of(aTHX_ c, h, &h->all[i]);
	return *why ? NULL : c;
}
