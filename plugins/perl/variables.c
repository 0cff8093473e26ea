/* Tripwires on %ENV and %SIG, and on @ARGV: see tripwire.h.
 *
 * Whether a variable is there is looked at too, so its value alone can't tell.  In everything that is compiled while
 * the tripwires are armed, the operations that name %ENV get our function, which looks at the keys and goes on to
 * perl's; so with those that name @ARGV. */
#include "api.h"
#include "tripwire.h"

/* Perl's own macro for this has a stray semicolon. */
#ifdef USE_ITHREADS
#define ITEM(item) PAD_SVl((item)->pad_offset)
#else
#define ITEM(item) ((item)->sv)
#endif

/* The hash that a function below is about. */
enum { ENVIRONMENT, SIGNALS, HASHES };

static int armed;
static peep_t original_peep;

/* ---- when it runs ---- */

static OP *go_on(pTHX) {
	return PL_ppaddr[PL_op->op_type](aTHX);
}

static void look_at_key(pTHX_ int hash, SV *key) {
	const char *name = SvPOK(key) ? SvPVX(key) : SvOK(key) ? SvPV_nolen(key) : NULL;

	if (!name)
		return;
	if (hash == ENVIRONMENT)
		tripwire_variable(aTHX_ name);
	else if (!(PL_op->op_flags & OPf_MOD)) /* what is only set is not looked at */
		tripwire_signal(aTHX_ whichsig_pv(name));
}

static OP *look_element(pTHX_ int hash) {
	if (armed)
		look_at_key(aTHX_ hash, *PL_stack_sp);
	return go_on(aTHX);
}

/* The keys, and the hash above them. */
static OP *look_slice(pTHX_ int hash) {
	for (SV **key = PL_stack_base + TOPMARK + 1; armed && key < PL_stack_sp; key++)
		look_at_key(aTHX_ hash, *key);
	return go_on(aTHX);
}

static OP *look_all(pTHX_ int hash) {
	if (armed && hash == ENVIRONMENT)
		tripwire_trip(aTHX_ "all of its environment");
	for (int n = 1; armed && hash == SIGNALS && n < SIG_SIZE; n++)
		tripwire_signal(aTHX_ n);
	return go_on(aTHX);
}

/* Steps of an access in one operation: the hash is the first one's. */
static OP *look_steps(pTHX_ int hash) {
	const UNOP_AUX_item *item = cUNOP_AUX->op_aux;
	const UV step = item->uv;

	if (!armed)
		return go_on(aTHX);
	item += 2; /* the steps, the hash */
	switch (step & MDEREF_INDEX_MASK) {
	case MDEREF_INDEX_const:
		look_at_key(aTHX_ hash, ITEM(item));
		break;
	case MDEREF_INDEX_padsv:
		look_at_key(aTHX_ hash, PAD_SVl(item->pad_offset));
		break;
	case MDEREF_INDEX_gvsv:
		look_at_key(aTHX_ hash, GvSVn((GV *)ITEM(item)));
		break;
	default:
		return look_all(aTHX_ hash);
	}
	return go_on(aTHX);
}

static OP *look_arguments(pTHX) {
	if (armed && !tripwire_is_marked())
		tripwire_trip(aTHX_ "its arguments");
	return go_on(aTHX);
}

/* What stands in an operation has no room for the hash. */
#define OF(look, name, hash)                                                                                           \
	static OP *look##_##name(pTHX) {                                                                                   \
		return look(aTHX_ hash);                                                                                       \
	}
OF(look_element, environment, ENVIRONMENT)
OF(look_element, signals, SIGNALS)
OF(look_slice, environment, ENVIRONMENT)
OF(look_slice, signals, SIGNALS)
OF(look_all, environment, ENVIRONMENT)
OF(look_all, signals, SIGNALS)
OF(look_steps, environment, ENVIRONMENT)
OF(look_steps, signals, SIGNALS)

static const struct {
	Perl_ppaddr_t element, slice, all, steps;
} looks[HASHES] = {
	{look_element_environment, look_slice_environment, look_all_environment, look_steps_environment},
	{look_element_signals, look_slice_signals, look_all_signals, look_steps_signals},
};

/* ---- when it is compiled ---- */

/* The hash that this symbol has; -1: another one. */
static int hash_of(pTHX_ const GV *gv) {
	if (gv == PL_envgv)
		return ENVIRONMENT;
	return gv == gv_fetchpvs("SIG", 0, SVt_PVHV) ? SIGNALS : -1;
}

/* The hash that O is or takes an element from; -1: none of these. */
static int hash_named(pTHX_ OP *o) {
	if (o->op_type == OP_MULTIDEREF) {
		const UNOP_AUX_item *item = cUNOP_AUXo->op_aux;

		return (item->uv & MDEREF_ACTION_MASK) == MDEREF_HV_gvhv_helem ? hash_of(aTHX_(GV *) ITEM(item + 1)) : -1;
	}
	if (o->op_type != OP_RV2HV || !(o->op_flags & OPf_KIDS))
		return -1;
	o = cUNOPo->op_first;
	return o->op_type == OP_GV ? hash_of(aTHX_ cGVOPo_gv) : -1;
}

/* Is O the array of arguments, or an element of it? */
static int names_arguments(pTHX_ OP *o) {
	const UNOP_AUX_item *item;

	switch (o->op_type) {
	case OP_AELEMFAST:
		return cGVOPo_gv == PL_argvgv;
	case OP_MULTIDEREF:
		item = cUNOP_AUXo->op_aux;
		return (item->uv & MDEREF_ACTION_MASK) == MDEREF_AV_gvav_aelem && (GV *)ITEM(item + 1) == PL_argvgv;
	case OP_RV2AV:
		o = o->op_flags & OPf_KIDS ? cUNOPo->op_first : o;
		return o->op_type == OP_GV && cGVOPo_gv == PL_argvgv;
	default:
		return 0;
	}
}

/* O is a hash as a whole; what stands around it may take elements out of it. */
static void watch_hash(OP *o, int hash) {
	OP *around = op_parent(o);

	while (around && around->op_type == OP_NULL)
		around = op_parent(around);
	switch (around ? around->op_type : OP_NULL) {
	case OP_DELETE:
		around->op_ppaddr = around->op_private & (OPpSLICE | OPpKVSLICE) ? looks[hash].slice : looks[hash].element;
		break;
	case OP_HELEM:
	case OP_EXISTS:
		around->op_ppaddr = looks[hash].element;
		break;
	case OP_HSLICE:
	case OP_KVHSLICE:
		around->op_ppaddr = looks[hash].slice;
		break;
	default:
		o->op_ppaddr = looks[hash].all;
	}
}

/* The next one of the tree below ROOT, those below O before those beside it. */
static OP *next_of_tree(OP *o, const OP *root) {
	if (o->op_flags & OPf_KIDS && cUNOPo->op_first)
		return cUNOPo->op_first;
	while (o != root && !OpHAS_SIBLING(o))
		o = op_parent(o);
	return o == root ? NULL : OpSIBLING(o);
}

/* Called for each sub, file and eval that has been compiled, with the first operation that will run. */
static void watch_tree(pTHX_ OP *start) {
	OP *root = start, *above;

	original_peep(aTHX_ start);
	while (root && (above = op_parent(root)))
		root = above;
	for (OP *o = root; o; o = next_of_tree(o, root)) {
		int hash = hash_named(aTHX_ o);

		if (hash >= 0 && o->op_type == OP_MULTIDEREF)
			o->op_ppaddr = looks[hash].steps;
		else if (hash >= 0)
			watch_hash(o, hash);
		else if (names_arguments(aTHX_ o))
			o->op_ppaddr = look_arguments;
	}
}

void variables_arm(pTHX) {
	armed = 1;
	original_peep = PL_peepp;
	PL_peepp = watch_tree;
}

void variables_disarm(pTHX) {
	armed = 0;
	if (PL_peepp == watch_tree)
		PL_peepp = original_peep;
}
