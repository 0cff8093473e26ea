/* Serving: forks as Perl does, and renews in each executor what a fresh interpreter would have. */
#include "serve.h"

#include "api.h"
#include "handles.h"
#include "tripwire.h"
#include "unmarked.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Perl's headers may have put names of their own before these. */
#undef environ
extern char **environ;

/* Bits of ${^UNICODE}: arguments are UTF-8; only where the locale says so. */
#define UNICODE_ARGUMENTS 32
#define UNICODE_LOCALE 64

/* What setup has set, and then: its umask and directory. */
static struct tripwire_settings settings;
static mode_t setups_umask;
static char setups_directory[PATH_MAX];

/* ---- forking ---- */

/* What fork() in a Perl script does, but for the flushing: prefork_server_run's caller did that once, and nothing
 * that runs in the server fills a buffer. */
static pid_t fork_perl(void *context) {
	pid_t pid = PerlProc_fork();

	PERL_UNUSED_ARG(context);
	if (pid == 0) {
		dTHX;

		PL_sig_pending = 0;
		if (PL_psig_pend)
			Zero(PL_psig_pend, SIG_SIZE, int);
#ifdef PERL_USES_PL_PIDSTATUS
		hv_clear(PL_pidstatus);
#endif
	}
	return pid;
}

/* Perl takes an environ that is not the one of its start for memory of its own, and frees it, or a string of it when a
 * variable is set.  Ours it is to copy before. */
void serve_take_environment(pTHX) {
	PL_origenviron = environ;
}

/* Also when the interpreter ends. */
static void keep_environment(pTHX_ void *unused) {
	PERL_UNUSED_ARG(unused);
	serve_take_environment(aTHX);
}

int serve_adopt(pTHX_ struct prefork_error *error) {
	int adopted = prefork_server_adopt(error);

	if (adopted > 0) {
		serve_take_environment(aTHX);
		call_atexit(keep_environment, NULL);
	}
	return adopted;
}

void serve_note_reads(pTHX) {
	prefork_server_begin_reads();
	serve_take_environment(aTHX);
}

/* ---- environment, arguments, name ---- */

/* Perl keeps the first of several variables of one name, and takes the others out of what its children get.
 * C's environ is the caller's already: the values are stored beside %ENV's magic, which would write them there. */
static void renew_environment(pTHX) {
	HV *hv = GvHVn(PL_envgv);
	char **from, **to;

	SvMAGICAL_off(MUTABLE_SV(hv));
	hv_clear(hv);
	mg_magical(MUTABLE_SV(hv));
	for (from = to = environ; *from; from++) {
		const char *equals = strchr(*from, '=');
		SV *value;

		if (equals && equals != *from) {
			I32 length = (I32)(equals - *from);

			if (hv_exists(hv, *from, length))
				continue;
			value = newSVpv(equals + 1, 0);
			if (!hv_store(hv, *from, length, value, 0))
				SvREFCNT_dec(value);
		}
		*to++ = *from;
	}
	*to = NULL;
	serve_take_environment(aTHX);
	tzset();
}

static void renew_arguments(pTHX_ const struct prefork_call *call) {
	AV *av = GvAVn(PL_argvgv);
	int utf8 = (PL_unicode & UNICODE_ARGUMENTS) && (!(PL_unicode & UNICODE_LOCALE) || PL_utf8locale);

	av_clear(av);
	for (int i = 0; i < call->argument_count; i++) {
		SV *argument = newSVpv(call->arguments[i], 0);

		if (utf8)
			SvUTF8_on(argument);
		av_push(av, argument);
	}
}

/* Where $0 is written to, for ps(1) to see: over the arguments, and the environment's strings behind them.  Before that
 * environ gets strings of its own, as when perl starts. */
static void renew_command_line(pTHX_ const struct prefork_call *call) {
	static char *start;

	if (!call->command_line)
		return;
	for (char **e = environ; *e; e++)
		*e = savesharedpv(*e);
	start = call->command_line;
	PL_origargv = &start;
	PL_origargc = 1;
	PL_origalen = (U32)call->command_area_length;
}

/* With a name of setup's own its magic is used, for ps to see; else it would write over what is shown there. */
static void renew_name(pTHX_ const struct prefork_call *call, int keep_name) {
	SV *sv = get_sv("0", GV_ADD);

	if (keep_name)
		SvSETMAGIC(sv);
	else if (call->script)
		sv_setpv(sv, call->script);
}

/* ---- signals, random numbers ---- */

/* %SIG remembers what it once read: let it look again.  A default that the script asked for is to stay one, though its
 * caller ignores the signal. */
static void renew_signals(pTHX_ uint64_t ignored) {
	/* There are no such memories where %SIG has never been named. */
	for (int number = 1; PL_psig_ptr && number < SIG_SIZE && number <= 64; number++) {
		SV *known = PL_psig_ptr[number];

		if (!known)
			continue;
		if (!SvOK(known)) {
			PL_psig_ptr[number] = NULL;
			SvREFCNT_dec(known);
		} else if ((ignored >> (number - 1) & 1) && SvPOK(known) && strEQ(SvPVX(known), "DEFAULT")) {
			rsignal(number, (Sighandler_t)SIG_DFL);
		}
	}
	/* Perl does not inherit that this one is ignored. */
	if ((ignored >> (SIGCHLD - 1) & 1) && !(PL_psig_ptr && PL_psig_ptr[SIGCHLD]))
		rsignal(SIGCHLD, (Sighandler_t)SIG_DFL);
}

/* ---- the whole of it ---- */

static void note_settings(void) {
	setups_umask = umask(0);
	umask(setups_umask);
	if (!getcwd(setups_directory, sizeof setups_directory))
		settings.directory = 0;
}

/* What setup has set is the library's to carry where it can tell; a value that the first caller came with it can't. */
static void repeat_settings(void) {
	if (settings.umask)
		umask(setups_umask);
	if (settings.directory && chdir(setups_directory) < 0)
		settings.directory = 0; /* gone since; the library has done what can be done */
}

static void install(pTHX_ const struct prefork_call *call, int keep_name) {
	const bool tainted = TAINT_get;

	repeat_settings();
	handles_renew(aTHX_ call);
	TAINT; /* under -T: all values that are made from here on */
	renew_command_line(aTHX_ call);
	renew_environment(aTHX);
	renew_arguments(aTHX_ call);
	renew_name(aTHX_ call, keep_name);
	TAINT_set(tainted);
	renew_signals(aTHX_ call->ignored);
	if (!settings.base_time)
		PL_basetime = time(NULL);
	if (!settings.seeded)
		PL_srand_called = FALSE; /* the next rand() takes a seed */
	prefork_server_unblock(call);
}

int serve(pTHX_ const struct tripwire_settings *setups, int keep_name, int (*improve)(void *context),
          struct prefork_error *error) {
	static struct prefork_language language = {.fork = fork_perl, .declines = tripwire_declines};
	static struct prefork_call call;
	int result;

	language.found_boundary = unmarked_is_served();
	language.improve = improve;
#ifdef MULTIPLICITY
	language.context = aTHX;
#endif
	settings = *setups;
	PERL_FLUSHALL_FOR_CHILD;
	tzset(); /* for the server: executors in the same time zone need not read it again */
	note_settings();
	handles_note(aTHX);
	result = tripwire_depend(aTHX_ error);
	if (result == 0)
		result = prefork_server_run(&language, &call, error);
	if (result > 0)
		install(aTHX_ & call, keep_name);
	return result;
}
