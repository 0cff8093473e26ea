/* Tripwires on %ENV: see tripwire.h.
 *
 * Whether a variable is there is looked at too, so its value alone can't tell.  In everything that is compiled while
 * the tripwires are armed, the operations that name %ENV get our function, which looks at the keys and goes on to
 * perl's. */
#include "api.h"
#include "tripwire.h"

/* Perl's own macro for this has a stray semicolon. */
#ifdef USE_ITHREADS
#define ITEM(item) PAD_SVl((item)->pad_offset)
#else
#define ITEM(item) ((item)->sv)
#endif

static int armed;
static peep_t original_peep;

/* ---- when it runs ---- */

static void look_at_key(pTHX_ SV *key) {
	if (SvPOK(key))
		tripwire_variable(aTHX_ SvPVX(key));
	else if (SvOK(key))
		tripwire_trip(aTHX_ "a variable of its environment");
}

static OP *look_element(pTHX) {
	if (armed)
		look_at_key(aTHX_ * PL_stack_sp);
	return PL_ppaddr[PL_op->op_type](aTHX);
}

/* The keys, and the hash above them. */
static OP *look_slice(pTHX) {
	for (SV **key = PL_stack_base + TOPMARK + 1; armed && key < PL_stack_sp; key++)
		look_at_key(aTHX_ * key);
	return PL_ppaddr[PL_op->op_type](aTHX);
}

static OP *look_all(pTHX) {
	if (armed)
		tripwire_trip(aTHX_ "all of its environment");
	return PL_ppaddr[PL_op->op_type](aTHX);
}

/* Steps of an access in one operation: the hash is the first one's. */
static OP *look_steps(pTHX) {
	const UNOP_AUX_item *item = cUNOP_AUX->op_aux;
	const UV step = item->uv;

	if (!armed)
		return PL_ppaddr[PL_op->op_type](aTHX);
	item += 2; /* the steps, the hash */
	switch (step & MDEREF_INDEX_MASK) {
	case MDEREF_INDEX_const:
		look_at_key(aTHX_ ITEM(item));
		break;
	case MDEREF_INDEX_padsv:
		look_at_key(aTHX_ PAD_SVl(item->pad_offset));
		break;
	case MDEREF_INDEX_gvsv:
		look_at_key(aTHX_ GvSVn((GV *)ITEM(item)));
		break;
	default:
		tripwire_trip(aTHX_ "a variable of its environment");
	}
	return PL_ppaddr[PL_op->op_type](aTHX);
}

/* ---- when it is compiled ---- */

static int names_environment(pTHX_ OP *o) {
	if (o->op_type == OP_MULTIDEREF) {
		const UNOP_AUX_item *item = cUNOP_AUXo->op_aux;

		return (item->uv & MDEREF_ACTION_MASK) == MDEREF_HV_gvhv_helem && (GV *)ITEM(item + 1) == PL_envgv;
	}
	if (o->op_type != OP_RV2HV || !(o->op_flags & OPf_KIDS))
		return 0;
	o = cUNOPo->op_first;
	return o->op_type == OP_GV && cGVOPo_gv == PL_envgv;
}

/* O is %ENV as a whole; what stands around it may take elements out of it. */
static void watch_hash(OP *o) {
	OP *around = op_parent(o);

	while (around && around->op_type == OP_NULL)
		around = op_parent(around);
	switch (around ? around->op_type : OP_NULL) {
	case OP_HELEM:
	case OP_EXISTS:
	case OP_DELETE:
		around->op_ppaddr =
			around->op_type == OP_DELETE && around->op_private & (OPpSLICE | OPpKVSLICE) ? look_slice : look_element;
		break;
	case OP_HSLICE:
	case OP_KVHSLICE:
		around->op_ppaddr = look_slice;
		break;
	default:
		o->op_ppaddr = look_all;
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
		if (!names_environment(aTHX_ o))
			continue;
		if (o->op_type == OP_MULTIDEREF)
			o->op_ppaddr = look_steps;
		else
			watch_hash(o);
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
