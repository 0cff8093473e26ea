/* Taking changes back, and making them again: see changes.h. */
#include "api.h"
#include "changes.h"
#include "heap.h"

#include <string.h>

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

/* The elements' references go with them; those of what was there are somebody else's already. */
static void set_items(pTHX_ AV *av, SV *const *items, size_t count) {
	for (SSize_t i = 0; i <= AvFILLp(av); i++)
		AvARRAY(av)[i] = NULL;
	av_extend(av, (SSize_t)count);
	for (size_t i = 0; i < count; i++)
		AvARRAY(av)[i] = items[i];
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
		*heap_slot(GvGP((GV *)change->sv), change->slot) = change->before;
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

/* Perl finds out anew what the parents of this class are. */
static void forget_parents(pTHX_ HV *class) {
	struct mro_meta *meta = SvOOK(class) ? HvAUX(class)->xhv_mro_meta : NULL;

	if (!meta)
		return;
	/* With all of them it has the current one; else that is a value of its own. */
	SvREFCNT_dec(meta->mro_linear_all ? MUTABLE_SV(meta->mro_linear_all) : meta->mro_linear_current);
	meta->mro_linear_all = NULL;
	meta->mro_linear_current = NULL;
	SvREFCNT_dec(MUTABLE_SV(meta->isa));
	meta->isa = NULL;
	meta->cache_gen++;
}

/* The class whose parents are changed. */
static HV *class_of(const struct change *change) {
	const GV *gv = (const GV *)change->sv;

	if (change->what == ENTRY && HeKLEN(change->entry) == 3 && strEQ(HeKEY(change->entry), "ISA"))
		return MUTABLE_HV(change->sv);
	return change->what == SLOT && GvNAMELEN(gv) == 3 && strEQ(GvNAME(gv), "ISA") ? GvSTASH(gv) : NULL;
}

/* And of those that inherit from it. */
static void forget_parents_of(pTHX_ HV *class) {
	HEK *name = SvOOK(class) ? HvENAME_HEK(class) : NULL;
	HE *entry = NULL;
	HV *below;

	forget_parents(aTHX_ class);
	if (name && PL_isarev)
		entry = hv_common(PL_isarev, NULL, HEK_KEY(name), (STRLEN)HEK_LEN(name), HEK_UTF8(name) ? HVhek_UTF8 : 0, 0,
		                  NULL, HEK_HASH(name));
	if (!entry || SvTYPE(HeVAL(entry)) != SVt_PVHV)
		return;
	below = MUTABLE_HV(HeVAL(entry));
	hv_iterinit(below);
	while ((entry = hv_iternext(below))) {
		HV *other = gv_stashpvn(HeKEY(entry), (U32)HeKLEN(entry), HeKUTF8(entry) ? SVf_UTF8 : 0);

		if (other)
			forget_parents(aTHX_ other);
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
	for (size_t i = 0; i < c->count; i++)
		if (class_of(&c->all[i]))
			forget_parents_of(aTHX_ class_of(&c->all[i]));
}

/* ---- making them again ---- */

static int is_same_scalar(SV *a, SV *b) {
	return heap_look(a).sum == heap_look(b).sum;
}

/* What perl has made when the name was compiled or asked for. */
static int is_empty(const SV *sv) {
	if (SvREFCNT(sv) != 1 || SvMAGICAL(sv))
		return 0;
	switch (heap_look((SV *)sv).kind) {
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
	s = heap_symbol((GV *)sv);
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
		same = same_entry(aTHX_ hv, change->entry);
		return same && same == change->entry && HeVAL(same) == change->before && !isGV_with_GP(change->before);
	case SLOT:
		gv = (GV *)change->sv;
		if (!isGV_with_GP(gv) || !GvGP(gv))
			return 0;
		slot = *heap_slot(GvGP(gv), change->slot);
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
		slot = heap_slot(GvGP((GV *)change->sv), change->slot);
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
