/* Modules that are loaded ahead: see ahead.h.
 *
 * A call notes, in the order in which it asks for them, the modules that it loads itself; what these load in turn comes
 * with them.  When no call runs, a fork of the server loads each of them as the call did, finds out what that has
 * changed in memory, and takes it back: then nothing of a module is to be seen.  When a call asks for the module the
 * changes are made again, if everything that they change is as it was.  Otherwise perl loads the module.
 *
 * A module whose loading does what a call must do for itself, or changes what can't be taken back, is left out. */
#include "ahead.h"

#include "api.h"
#include "changes.h"
#include "heap.h"
#include "makers.h"
#include "parts.h"
#include "serve.h"
#include "server/learning.h"
#include "server/prefork-server.h"
#include "tripwire.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE "module"
#define WITHOUT "without"

#define MOST_NOTED 1000
#define LOADING_TIME 20 /* seconds for one module */

struct module {
	char *name; /* as in %INC */
	struct changes *changes;
	SV *value;            /* what the file returned */
	U32 evals;            /* how many strings it compiled */
	U8 warned;            /* what it has added to PL_dowarn */
	int error;            /* errno */
	AV *needed;           /* the files it asked for that were there already */
	AV *files;            /* those that it loaded: name and path of each */
	struct module **uses; /* those that made what it concerns */
	size_t use_count;
	struct parts *parts;
	int shown;
};

static enum { SETUP, LOADING, CALL } state;
static SV *loader;
static Perl_ppaddr_t original;
static struct module **modules;
static size_t module_count;
static struct module *loading;
static struct makers *makers;

/* When the modules were loaded. */
static AV *folders;
static HV *variables; /* those that were looked at */
static U8 switches;
static const SV *handlers[2]; /* of warnings and errors: loading may call them */
static IV overrides;          /* of perl's functions: what is compiled calls them */

static pid_t executor;
static char *noted[MOST_NOTED + 1];
static size_t noted_count;
static int outside; /* how many files are being loaded around those of the call itself */

/* ---- asking for a module ---- */

static struct module *find(const char *name) {
	for (size_t i = 0; i < module_count; i++)
		if (strEQ(modules[i]->name, name))
			return modules[i];
	return NULL;
}

static int is_loaded(pTHX_ const char *name) {
	return hv_exists(GvHVn(PL_incgv), name, (I32)strlen(name));
}

static int is_same_path(pTHX) {
	const AV *now = GvAVn(PL_incgv);

	if (!folders || AvFILLp(now) != AvFILLp(folders))
		return 0;
	for (SSize_t i = 0; i <= AvFILLp(now); i++) {
		SV *a = AvARRAY(now)[i], *b = AvARRAY(folders)[i];

		if (!a || !SvPOK(a) || SvROK(a) || !sv_eq(a, b))
			return 0;
	}
	return 1;
}

/* The file that perl would find now. */
static int finds(pTHX_ const char *name, const char *file) {
	AV *now = GvAVn(PL_incgv);
	char path[PATH_MAX];

	for (SSize_t i = 0; i <= AvFILLp(now); i++) {
		SV *folder = AvARRAY(now)[i];

		if (!folder || !SvPOK(folder) || SvROK(folder) ||
		    (size_t)snprintf(path, sizeof path, "%s/%s", SvPVX(folder), name) >= sizeof path)
			return 0;
		if (strEQ(path, file))
			return 1;
		if (access(path, F_OK) == 0)
			return 0;
	}
	return 0;
}

static int finds_all(pTHX_ const struct module *m) {
	for (SSize_t i = 0; i < AvFILLp(m->files); i += 2)
		if (!finds(aTHX_ SvPVX(AvARRAY(m->files)[i]), SvPVX(AvARRAY(m->files)[i + 1])))
			return 0;
	return 1;
}

static int is_same_environment(pTHX) {
	HE *entry;

	hv_iterinit(variables);
	while ((entry = hv_iternext(variables))) {
		const char *value = getenv(HeKEY(entry));

		if (SvOK(HeVAL(entry)) ? !value || strNE(value, SvPVX(HeVAL(entry))) : value != NULL)
			return 0;
	}
	return 1;
}

static int has_needed(pTHX_ const struct module *m) {
	for (SSize_t i = 0; i <= AvFILLp(m->needed); i++)
		if (!is_loaded(aTHX_ SvPVX(AvARRAY(m->needed)[i])))
			return 0;
	return 1;
}

static int is_known_in_full(const struct module *m) {
	for (size_t i = 0; i < m->use_count; i++)
		if (!m->uses[i]->shown)
			return 0;
	return 1;
}

static IV count_overrides(pTHX) {
	HV *stash = gv_stashpvs("CORE::GLOBAL", 0);

	return stash ? (IV)HvUSEDKEYS(stash) : 0;
}

static int is_same_perl(pTHX) {
	return switches == (PL_dowarn & PARTS_SWITCHES) && handlers[0] == PL_warnhook && handlers[1] == PL_diehook &&
	       overrides == count_overrides(aTHX);
}

/* Does the module come as perl would load it now? */
static int hand_out(pTHX_ struct module *m) {
	if (m->shown || !is_known_in_full(m) || !parts_can_redo(m->parts) || !is_same_perl(aTHX) ||
	    (!is_same_path(aTHX) && !finds_all(aTHX_ m)) || !has_needed(aTHX_ m) || !is_same_environment(aTHX) ||
	    !changes_redo(aTHX_ m->changes))
		return 0;
	parts_redo(aTHX_ m->parts);
	m->shown = 1;
	PL_evalseq += m->evals;
	PL_dowarn |= m->warned;
	CLEAR_ERRSV();
	errno = m->error;
	return 1;
}

static int files_being_loaded(pTHX) {
	int count = 0;

	for (const PERL_SI *si = PL_curstackinfo; si; si = si->si_prev)
		for (I32 i = si->si_cxix; i >= 0; i--)
			if (CxTYPE(&si->si_cxstack[i]) == CXt_EVAL && CxOLD_OP_TYPE(&si->si_cxstack[i]) == OP_REQUIRE)
				count++;
	return count;
}

static void note(pTHX_ const char *name) {
	int depth = files_being_loaded(aTHX);

	if (depth < outside)
		outside = depth;
	if (depth == outside && noted_count < MOST_NOTED && !strpbrk(name, " \t\n"))
		noted[noted_count++] = strdup(name);
}

static OP *require(pTHX) {
	SV *operand = *PL_stack_sp;
	const char *name = SvPOK(operand) && !SvVOK(operand) ? SvPVX(operand) : NULL;
	struct module *m;

	if (!name || *name == '/' || *name == '.')
		return original(aTHX);
	if (state == LOADING && loading && is_loaded(aTHX_ name)) {
		av_push(loading->needed, newSVpv(name, 0));
	} else if (state == CALL && !is_loaded(aTHX_ name)) {
		m = find(name);
		if (m && hand_out(aTHX_ m)) {
			*PL_stack_sp = sv_2mortal(newSVsv(m->value));
			return NORMAL;
		}
		if (!m && getpid() == executor)
			note(aTHX_ name);
	}
	return original(aTHX);
}

void ahead_adopt(pTHX_ SV *with) {
	loader = newSVsv(with);
	original = PL_ppaddr[OP_REQUIRE];
	PL_ppaddr[OP_REQUIRE] = require;
}

/* ---- what a call learns ---- */

static void learn(pTHX_ void *unused) {
	char *names[MOST_NOTED + 1];
	size_t count = 0;

	PERL_UNUSED_ARG(unused);
	if (getpid() != executor)
		return;
	for (size_t i = 0; i < noted_count; i++)
		if (is_loaded(aTHX_ noted[i]))
			names[count++] = noted[i];
	names[count] = NULL;
	learning_add_names(MODULE, names);
}

void ahead_called(pTHX) {
	state = CALL;
	executor = getpid();
	outside = files_being_loaded(aTHX);
	call_atexit(learn, NULL);
}

/* ---- loading ahead ---- */

static _Noreturn void leave_out(pTHX_ const char *why) {
	PERL_UNUSED_CONTEXT;
	learning_add(WITHOUT, loading ? loading->name : "-", why);
	_exit(1);
}

/* On a stack of its own: the operation at the boundary has its operands on the other. */
static void call_loader(pTHX_ struct module *m) {
	dSP;

	PUSHSTACKi(PERLSI_REQUIRE);
	ENTER;
	SAVETMPS;
	PUSHMARK(SP);
	XPUSHs(sv_2mortal(newSVpv(m->name, 0)));
	PUTBACK;
	errno = 0;
	call_sv(loader, G_SCALAR | G_EVAL);
	m->error = errno;
	SPAGAIN;
	m->value = newSVsv(POPs);
	PUTBACK;
	FREETMPS;
	LEAVE;
	POPSTACK;
}

/* Load it, after H was noted.  NULL, or why it can't be loaded ahead. */
static const char *load(pTHX_ struct module *m, struct heap *h) {
	static struct prefork_error error;
	struct parts *parts = parts_note(aTHX);
	U32 evals = PL_evalseq;
	const U8 warned = PL_dowarn;
	const char *why, *class;

	loading = m;
	call_loader(aTHX_ m);
	loading = NULL;
	m->evals = PL_evalseq - evals;
	m->warned = (U8)(PL_dowarn & ~warned);
	if (SvTRUE(ERRSV))
		return SvPV_nolen(ERRSV);
	if (!is_loaded(aTHX_ m->name))
		return "is not there when it is loaded";
	m->parts = parts_changes(aTHX_ parts, &why);
	if (why)
		return why;
	m->changes = changes_find(aTHX_ h, &why);
	if (why)
		return why;
	class = makers_destroys(aTHX_ h);
	if (class) {
		snprintf(error.message, sizeof error.message, "makes objects that have something to do at their end: %s",
		         class);
		return error.message;
	}
	return prefork_server_gate(&error) < 0 ? error.message : NULL;
}

/* What is in %INC now and was not in BEFORE. */
static void note_files(pTHX_ struct module *m, HV *before) {
	HV *now = GvHVn(PL_incgv);
	HE *entry;

	hv_iterinit(now);
	while ((entry = hv_iternext(now))) {
		if (hv_exists_ent(before, HeSVKEY_force(entry), 0))
			continue;
		av_push(m->files, newSVpvn(HeKEY(entry), HeKLEN(entry)));
		av_push(m->files, newSVsv(HeVAL(entry)));
	}
}

/* Try it in a child, which learns what is wrong. */
static int try(pTHX_ struct module *m, struct heap *h) {
	const char *why;
	int status;
	pid_t child = fork();

	if (child == 0) {
		alarm(LOADING_TIME);
		why = load(aTHX_ m, h);
		loading = m;
		if (!why)
			why = tripwire_disarm(aTHX_ & (struct tripwire_settings){0});
		if (why)
			leave_out(aTHX_ why);
		_exit(0);
	}
	if (child < 0)
		return 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	/* What it has printed is on no account of the next one's. */
	lseek(STDOUT_FILENO, 0, SEEK_SET);
	if (WIFSIGNALED(status))
		learning_add(WITHOUT, m->name, "can't be loaded: a signal");
	return status == 0;
}

static void uses(int other, void *context) {
	struct module *m = context, **more;

	for (size_t i = 0; i < m->use_count; i++)
		if (m->uses[i] == modules[other])
			return;
	more = realloc(m->uses, (m->use_count + 1) * sizeof(struct module *));
	if (!more)
		_exit(1);
	m->uses = more;
	m->uses[m->use_count++] = modules[other];
}

static void load_ahead(pTHX_ const char *name) {
	struct module *m;
	struct heap *h;
	HV *before;

	Newxz(m, 1, struct module);
	Renew(modules, module_count + 1, struct module *);
	m->name = strdup(name);
	m->needed = newAV();
	m->files = newAV();
	before = newHVhv(GvHVn(PL_incgv));
	h = heap_note(aTHX);
	if (try(aTHX_ m, h)) {
		if (load(aTHX_ m, h))
			_exit(1); /* it was right just now */
		modules[module_count++] = m;
		note_files(aTHX_ m, before);
		makers_add(aTHX_ makers, h, m->changes, (int)module_count - 1, uses, m);
	}
	heap_free(aTHX_ h);
	SvREFCNT_dec(before);
}

static void note_surroundings(pTHX) {
	AV *now = GvAVn(PL_incgv);

	folders = newAV();
	for (SSize_t i = 0; i <= AvFILLp(now); i++)
		av_push(folders, newSVsv(AvARRAY(now)[i]));
	variables = tripwire_variables(aTHX);
	switches = PL_dowarn & PARTS_SWITCHES;
	handlers[0] = PL_warnhook;
	handlers[1] = PL_diehook;
	overrides = count_overrides(aTHX);
}

struct wanted {
	char **names;
	size_t count;
};

static void want(const char *name, void *context) {
	struct wanted *w = context;
	char **more = realloc(w->names, (w->count + 1) * sizeof *more);

	if (!more)
		return;
	w->names = more;
	w->names[w->count++] = strdup(name);
}

static int load_wanted(pTHX) {
	struct wanted w = {0};
	size_t before = module_count;

	learning_each(MODULE, want, &w);
	for (size_t i = 0; i < w.count; i++)
		if (!is_loaded(aTHX_ w.names[i]) && !find(w.names[i]) && !learning_has(WITHOUT, w.names[i]))
			load_ahead(aTHX_ w.names[i]);
	for (size_t i = 0; i < w.count; i++)
		free(w.names[i]);
	free(w.names);
	return module_count > before;
}

/* Those that are hidden are shown, as the new ones come behind them; then all are hidden. */
int ahead_improve(void *context) {
	static const struct tripwire_ends ends = {leave_out, leave_out, 1};
	dTHXa(context);
	SV *message;
	U32 evals = PL_evalseq;
	const U8 warned = PL_dowarn;
	struct prefork_error error = {{0}};
	int better, saved = errno;

	if (PL_tainting)
		return -1;
	serve_take_environment(aTHX);
	message = newSVsv(ERRSV);
	for (size_t i = 0; i < module_count; i++) {
		if (!changes_redo(aTHX_ modules[i]->changes))
			_exit(1);
		parts_redo(aTHX_ modules[i]->parts);
	}
	if (!makers)
		makers = makers_new();
	state = LOADING;
	tripwire_arm(aTHX_ & ends);
	better = load_wanted(aTHX);
	tripwire_watch_modules(aTHX);
	if (tripwire_disarm(aTHX_ & (struct tripwire_settings){0}) || tripwire_depend(aTHX_ & error) < 0)
		_exit(1);
	for (size_t i = module_count; i-- > 0;) {
		changes_undo(aTHX_ modules[i]->changes);
		parts_undo(aTHX_ modules[i]->parts);
	}
	note_surroundings(aTHX);
	state = SETUP;
	PL_evalseq = evals;
	PL_dowarn = warned;
	sv_setsv(ERRSV, message);
	SvREFCNT_dec(message);
	errno = saved;
	return better ? 0 : -1;
}
