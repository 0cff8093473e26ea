/* Who made what: see makers.h. */
#include "makers.h"

#include "api.h"
#include "changes.h"
#include "heap.h"
#include "set.h"

#include <stdlib.h>

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

static void use(const struct making *m, const void *value) {
	int number;

	if (!value || !set_has(&m->makers->made, value))
		return;
	number = m->makers->numbers[set_place(&m->makers->made, value)];
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
		heap_each_entry(MUTABLE_HV(sv), use_entry, (void *)m);
		break;
	case SVt_PVCV:
		use(m, CvSTASH((CV *)sv));
		use(m, CvOUTSIDE((CV *)sv));
		break;
	default:
		if (isGV_with_GP(sv)) {
			const struct symbol s = heap_symbol((GV *)sv);

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
			if (!before.slots[i] || !numbers)
				continue;
			m->made.slots[set_place(&m->made, before.slots[i])] = before.slots[i];
			m->numbers[set_place(&m->made, before.slots[i])] = numbers[i];
		}
		Safefree(before.slots);
		free(numbers);
	}
	m->numbers[set_place(&m->made, sv)] = number;
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
	heap_each(aTHX_ use_new, &m);
	heap_each(aTHX_ make_new, &m);
}

/* ---- objects ---- */

struct destroying {
	const struct set *old;
	const char *found; /* the class */
};

/* A destructor that perl does not call, for there is nothing in it. */
static int is_empty_sub(const CV *cv) {
	return CvCONST(cv) || (!CvISXSUB(cv) && CvSTART(cv) && CvSTART(cv)->op_next->op_type == OP_LEAVESUB);
}

/* All objects are destroyed at the end of perl, those too that nobody has seen.  Handles and patterns have nothing to
 * do then. */
static void find_destroyed(pTHX_ SV *sv, void *context) {
	struct destroying *d = context;
	const GV *gv;

	if (d->found || set_has(d->old, sv) || SvTYPE(sv) < SVt_PVMG || SvTYPE(sv) == SVt_PVIO ||
	    SvTYPE(sv) == SVt_REGEXP || isGV_with_GP(sv) || !SvOBJECT(sv))
		return;
	gv = gv_fetchmethod_autoload(SvSTASH(sv), "DESTROY", TRUE);
	if (gv && !is_empty_sub(GvCV(gv)))
		d->found = HvENAME_HEK(SvSTASH(sv)) ? HEK_KEY(HvENAME_HEK(SvSTASH(sv))) : "?";
}

const char *makers_destroys(pTHX_ const struct heap *h) {
	struct destroying d = {&h->there, NULL};

	heap_each(aTHX_ find_destroyed, &d);
	return d.found;
}
