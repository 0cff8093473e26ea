/* An unmarked script: it is compiled ahead of the calls, as far as nothing in it can tell one call from another.
 *
 * Perl compiles a script and, by `use`, its modules, and runs their BEGIN blocks, before the script's first statement
 * runs.  All this happens in setup under tripwires.  When one is touched, before the operation that touches it is
 * executed, or at the latest when the first INIT block would run, this process becomes the server; each call goes on
 * from there.
 *
 * Some are touched too late for that, and some servers can't be made at such a place.  Then setup is started again and
 * serves before the script's first word is compiled. */
#include "unmarked.h"

#include "ahead.h"
#include "api.h"
#include "serve.h"
#include "server/learning.h"
#include "server/prefork-server.h"
#include "tripwire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the environment of a setup that was started again; and of one whose modules are to be loaded ahead. */
#define FIRST_VARIABLE "PREFORK_INTERP_PERL_FIRST"
#define SPLIT_VARIABLE "PREFORK_INTERP_PERL_SPLIT"

/* What is learned: where the boundary is, and why there. */
#define BOUNDARY "boundary"
#define FIRST "first" /* before the first word */

static enum { NONE, AHEAD, SERVED } state;
static int serves_first, loads_ahead;
static char *script;
static const char *own_folder;
static Perl_keyword_plugin_t next_plugin;

int unmarked_is_served(void) {
	return state != NONE;
}

static _Noreturn void give_up(const char *why) {
	dprintf(STDERR_FILENO, "prefork-interp: %s\n", why);
	_exit(1);
}

static void start_again(pTHX_ const char *why) {
	PERL_UNUSED_CONTEXT;
	if (serves_first)
		give_up(why);
	learning_set(BOUNDARY, FIRST, why);
	prefork_server_start_again(FIRST_VARIABLE "=1");
	give_up(strerror(errno));
}

/* ---- the boundary ---- */

static int has_own_name(pTHX) {
	SV *name = get_sv("0", 0);

	return name && SvPOK(name) && strNE(SvPVX(name), script);
}

static void serve_here(pTHX) {
	struct tripwire_settings settings = {0};
	struct prefork_error error;
	const char *why = NULL;

	state = SERVED;
	if (!serves_first) {
		tripwire_file(aTHX_ script, TRIPWIRE_READ);
		tripwire_watch_modules(aTHX);
		why = tripwire_disarm(aTHX_ & settings);
	}
	if (why)
		start_again(aTHX_ why);
	if (serves_first && prefork_server_watch_file(script, &error) < 0)
		give_up(error.message);
	if (serve(aTHX_ & settings, has_own_name(aTHX), loads_ahead ? ahead_improve : NULL, &error) < 0)
		start_again(aTHX_ error.message);
	if (loads_ahead)
		ahead_called(aTHX);
}

/* What is about to happen can't happen ahead. */
static void touched(pTHX_ const char *what) {
	dSAVE_ERRNO;

	if (state != AHEAD)
		return;
	learning_set(BOUNDARY, "compiling", what);
	serve_here(aTHX);
	RESTORE_ERRNO;
}

/* INIT blocks run in the order of their compilation: this is the first one's place. */
static void compiled(pTHX_ CV *cv) {
	dSAVE_ERRNO;

	PERL_UNUSED_ARG(cv);
	if (state == AHEAD) {
		learning_set(BOUNDARY, "running", "");
		serve_here(aTHX);
	}
	RESTORE_ERRNO;
}

/* ---- leaving no traces ---- */

static void forget_folder(pTHX) {
	AV *folders = GvAVn(PL_incgv);
	SSize_t from, to;

	for (from = to = 0; from <= AvFILLp(folders); from++) {
		SV *folder = AvARRAY(folders)[from];

		if (own_folder && SvPOK(folder) && strEQ(SvPVX(folder), own_folder)) {
			own_folder = NULL; /* another one is the script's */
			SvREFCNT_dec(folder);
			continue;
		}
		AvARRAY(folders)[to++] = folder;
	}
	AvFILLp(folders) = to - 1;
}

static void forget(pTHX_ HV *hash, const char *name) {
	(void)hv_delete(hash, name, (I32)strlen(name), G_DISCARD);
}

/* Take the names out of STASH that are OURS. */
static void forget_names(pTHX_ HV *stash, int (*ours)(const char *name)) {
	AV *names = newAV();
	HE *entry;

	hv_iterinit(stash);
	while ((entry = hv_iternext(stash)))
		if (ours(HeKEY(entry)))
			av_push(names, newSVpvn(HeKEY(entry), HeKLEN(entry)));
	for (SSize_t i = 0; i <= AvFILLp(names); i++)
		(void)hv_delete_ent(stash, AvARRAY(names)[i], G_DISCARD, 0);
	SvREFCNT_dec(names);
}

/* The names of files that extensions were compiled from. */
static int is_file_of_ours(const char *name) {
	static const char *const files[] = {"/Proc/Prefork/Interp", "runtime.c", "DynaLoader.c"};

	for (size_t i = 0; strnEQ(name, "_<", 2) && i < sizeof files / sizeof *files; i++)
		if (strstr(name, files[i]))
			return 1;
	return 0;
}

/* Perl has the one function of DynaLoader that makes the others. */
static int is_made_by_loader(const char *name) {
	return strNE(name, "boot_DynaLoader");
}

static int by_address(const void *a, const void *b) {
	const SV *const x = *(SV *const *)a, *const y = *(SV *const *)b;

	return x < y ? -1 : x > y;
}

/* Perl destroys what global variables hold by the place of these in memory: the newest arena first, and in each the
 * lowest address.  Taken from a list of free places that is in order, they are created in that order, as in a perl
 * that has freed nothing yet. */
static void sort_free_list(pTHX) {
	size_t free_count = 0, from = 0;
	SV *list = NULL, *sv, **free_slots;

	for (sv = PL_sv_root; sv; sv = (SV *)SvANY(sv))
		free_count++;
	Newx(free_slots, free_count + 1, SV *);
	for (sv = PL_sv_root; sv; sv = (SV *)SvANY(sv))
		free_slots[from++] = sv;
	qsort(free_slots, free_count, sizeof(SV *), by_address);
	/* The list is built from its end: the newest arena, its highest address. */
	for (const SV *arena = PL_sv_arenaroot; arena; arena = (const SV *)SvANY(arena)) {
		const SV *end = arena + SvREFCNT(arena);

		for (size_t i = free_count; i-- > 0;) {
			if (free_slots[i] <= arena || free_slots[i] >= end)
				continue;
			SvANY(free_slots[i]) = (void *)list;
			list = free_slots[i];
		}
	}
	PL_sv_root = list;
	Safefree(free_slots);
}

static void forget_traces(pTHX) {
	forget_folder(aTHX);
	forget(aTHX_ GvHVn(PL_incgv), "Proc/Prefork/Interp/Runtime.pm");
	forget(aTHX_ GvHVn(PL_incgv), "Proc/Prefork/Interp/Unmarked.pm");
	forget(aTHX_ PL_defstash, "Proc::");
	forget(aTHX_ PL_defstash, "BEGIN"); /* what -m was compiled to */
	forget(aTHX_ PL_defstash, "__ANON__");
	forget_names(aTHX_ PL_defstash, is_file_of_ours);
	sort_free_list(aTHX);
}

/* The first word that perl sees after -m is compiled and gone: the next module's `use` in the arguments, or the
 * script's. */
static int first_word(pTHX_ char *word, STRLEN length, OP **op) {
	dSAVE_ERRNO;

	PL_keyword_plugin = next_plugin;
	forget_traces(aTHX);
	if (serves_first)
		serve_here(aTHX);
	RESTORE_ERRNO;
	return next_plugin(aTHX_ word, length, op);
}

/* ---- the beginning ---- */

/* Take one of our variables out of the environment: was it there? */
static int take_variable(pTHX_ const char *name) {
	int there = getenv(name) != NULL;

	if (there)
		(void)hv_delete(GvHVn(PL_envgv), name, (I32)strlen(name), G_DISCARD);
	return there;
}

static void add_boundary(pTHX) {
	if (!PL_initav)
		PL_initav = newAV();
	av_push(PL_initav, SvREFCNT_inc(MUTABLE_SV(newXS(NULL, compiled, "perl.c"))));
}

void unmarked_begin(pTHX_ const char *folder, SV *loader) {
	struct prefork_error error = {{0}};

	prefork_server_note_start();
	if (serve_adopt(aTHX_ & error) <= 0)
		give_up("not started by prefork-launch");
	(void)hv_deletes(GvHVn(PL_envgv), "PREFORK_INTERP", G_DISCARD);
	state = AHEAD;
	own_folder = strdup(folder);
	script = strdup(PL_origfilename);
	learning_open(script);
	forget_names(aTHX_ gv_stashpvs("DynaLoader", GV_ADD), is_made_by_loader);
	serves_first = take_variable(aTHX_ FIRST_VARIABLE);
	serves_first = learning_has(BOUNDARY, FIRST) || serves_first;
	/* What is loaded ahead is hidden by means that know how perl keeps its symbols: with the version on which that was
	 * tried. */
	loads_ahead = take_variable(aTHX_ SPLIT_VARIABLE) && PERL_VERSION == 36;
	serve_note_reads(aTHX);
	if (loads_ahead)
		ahead_adopt(aTHX_ loader);
	if (!serves_first)
		tripwire_arm(aTHX_ & (struct tripwire_ends){touched, start_again, 0});
	add_boundary(aTHX);
	next_plugin = PL_keyword_plugin;
	PL_keyword_plugin = first_word;
}
