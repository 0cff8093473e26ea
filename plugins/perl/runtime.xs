/* The C half of Perl's runtime: forks as Perl does, and renews in each executor what a fresh interpreter would have. */
#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"
#include "perliol.h"

#include "server/prefork-server.h"

#include <fcntl.h>
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

static int srand_by_script; /* the script gave srand a seed: its random numbers are meant to repeat */
static Perl_ppaddr_t perl_srand;

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

/* ---- standard handles ---- */

/* Where a standard descriptor is closed when perl starts, the first files that it reads take the number, and stay open at
 * their ends, as the standard handle holds the number too.  The first of them is the script. */
static void fill_closed(const struct prefork_call *call) {
	for (int fd = 0; call->script && fd <= STDERR_FILENO; fd++)
		if ((call->closed >> fd & 1) && open(call->script, O_RDONLY) == fd)
			lseek(fd, 0, SEEK_END);
}

/* What PerlIO found out about the descriptor when it opened the handle: terminal or not, and the place in the file. */
static void renew_handle(pTHX_ PerlIO *f, int fd) {
	PerlIOl **layer;
	Off_t place;

	if (!PerlIOValid(f) || PerlIO_fileno(f) != fd)
		return;
	place = lseek(fd, 0, SEEK_CUR);
	for (layer = f; *layer; layer = PerlIONext(layer)) {
		PerlIOBase(layer)->flags &= ~(U32)(PERLIO_F_EOF | PERLIO_F_ERROR | PERLIO_F_LINEBUF);
		if (!PerlIOBase(layer)->tab || !(PerlIOBase(layer)->tab->kind & PERLIO_K_BUFFERED))
			continue;
		PerlIOSelf(layer, PerlIOBuf)->posn = place < 0 ? 0 : place;
		if (isatty(fd))
			PerlIOBase(layer)->flags |= PERLIO_F_LINEBUF;
	}
}

static void renew_standard_handles(pTHX) {
	static const char *const names[] = {"STDIN", "STDOUT", "STDERR"};

	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		GV *gv = gv_fetchpv(names[fd], 0, SVt_PVIO);
		IO *io = gv ? GvIO(gv) : NULL;

		if (!io)
			continue;
		if (IoIFP(io))
			renew_handle(aTHX_ IoIFP(io), fd);
		if (IoOFP(io) && IoOFP(io) != IoIFP(io))
			renew_handle(aTHX_ IoOFP(io), fd);
	}
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
	/* Perl takes an environ that is not this one for memory of its own, and frees it. */
	PL_origenviron = environ;
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

/* Without the magic of $0, which would write over the process's argument area. */
static void renew_name(pTHX_ const char *script) {
	sv_setpv(get_sv("0", GV_ADD), script);
}

/* ---- signals, random numbers ---- */

/* %SIG remembers what it once read: let it look again.  A default that the script asked for is to stay one, though its
 * caller ignores the signal. */
static void renew_signals(pTHX_ uint64_t ignored) {
	for (int number = 1; number < SIG_SIZE && number <= 64; number++) {
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
	if ((ignored >> (SIGCHLD - 1) & 1) && !PL_psig_ptr[SIGCHLD])
		rsignal(SIGCHLD, (Sighandler_t)SIG_DFL);
}

static OP *watched_srand(pTHX) {
	if (MAXARG > 0)
		srand_by_script = 1;
	return perl_srand(aTHX);
}

static void install(pTHX_ const struct prefork_call *call, int keep_name) {
	fill_closed(call);
	renew_standard_handles(aTHX);
	TAINT; /* under -T: all values that are made from here on */
	renew_environment(aTHX);
	renew_arguments(aTHX_ call);
	if (call->script && !keep_name)
		renew_name(aTHX_ call->script);
	TAINT_NOT;
	renew_signals(aTHX_ call->ignored);
	PL_basetime = time(NULL);
	if (!srand_by_script)
		PL_srand_called = FALSE; /* the next rand() takes a seed */
	prefork_server_unblock(call);
}

/* The message, or undef where there was no error. */
static SV *error_message(pTHX_ int result, const struct prefork_error *error) {
	return result < 0 ? newSVpv(error->message, 0) : newSV(0);
}

MODULE = Proc::Prefork::Interp  PACKAGE = Proc::Prefork::Interp
PROTOTYPES: DISABLE

# 1 when started by prefork-interp, 0 when not; dies when what the launcher says makes no sense.
int
_adopt()
  PREINIT:
	struct prefork_error error;
  CODE:
	RETVAL = prefork_server_adopt(&error);
	if (RETVAL < 0)
		croak("Proc::Prefork::Interp: %s", error.message);
	if (RETVAL > 0 && !perl_srand) {
		perl_srand = PL_ppaddr[OP_SRAND];
		PL_ppaddr[OP_SRAND] = watched_srand;
	}
  OUTPUT:
	RETVAL

# The error message, or undef.
SV *
_option(name, value)
	const char *name
	const char *value
  PREINIT:
	struct prefork_error error;
  CODE:
	RETVAL = error_message(aTHX_ prefork_server_option(name, value, &error), &error);
  OUTPUT:
	RETVAL

# The error message, or undef.
SV *
_watch(path)
	const char *path
  PREINIT:
	struct prefork_error error;
  CODE:
	RETVAL = error_message(aTHX_ prefork_server_watch_file(path, &error), &error);
  OUTPUT:
	RETVAL

# Returns in each executor; the error message, or undef.
SV *
_serve(keep_name)
	int keep_name
  PREINIT:
	static const struct prefork_language language = {.fork = fork_perl};
	struct prefork_call call;
	struct prefork_error error;
	int result;
  CODE:
	PERL_FLUSHALL_FOR_CHILD;
	tzset(); /* for the server: executors in the same time zone need not read it again */
	result = prefork_server_run(&language, &call, &error);
	if (result > 0)
		install(aTHX_ &call, keep_name);
	RETVAL = error_message(aTHX_ result, &error);
  OUTPUT:
	RETVAL
