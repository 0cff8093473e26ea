/* The C half of Perl's runtime, as Perl sees it. */
#include "api.h"

#include "serve.h"
#include "server/prefork-server.h"
#include "tripwire.h"
#include "unmarked.h"

/* What setup has set. */
static struct tripwire_settings settings;

/* The message, or undef where there was no error. */
static SV *error_message(pTHX_ int result, const struct prefork_error *error) {
	return result < 0 ? newSVpv(error->message, 0) : newSV(0);
}

MODULE = Proc::Prefork::Interp  PACKAGE = Proc::Prefork::Interp
PROTOTYPES: DISABLE

# To be called as early as can be.
void
_arm()
  CODE:
	tripwire_arm(aTHX_ NULL);

# What setup has looked at and should not have; or undef.
SV *
_disarm()
  PREINIT:
	const char *why;
  CODE:
	why = tripwire_disarm(aTHX_ &settings);
	RETVAL = why ? newSVpv(why, 0) : newSV(0);
  OUTPUT:
	RETVAL

# $!, as a number, without its name; sets it where there is an argument.
int
_errno(...)
  CODE:
	RETVAL = errno;
	if (items > 0)
		errno = (int)SvIV(ST(0));
  OUTPUT:
	RETVAL

# 1 when started by prefork-interp, 0 when not; dies when what the launcher says makes no sense.
int
_adopt()
  PREINIT:
	struct prefork_error error;
  CODE:
	RETVAL = unmarked_is_served() ? 0 : serve_adopt(aTHX_ &error);
	if (RETVAL < 0)
		croak("Proc::Prefork::Interp: %s", error.message);
  OUTPUT:
	RETVAL

void
_note_reads()
  CODE:
	serve_note_reads(aTHX);

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
	struct prefork_error error;
  CODE:
	RETVAL = error_message(aTHX_ serve(aTHX_ &settings, keep_name, NULL, &error), &error);
  OUTPUT:
	RETVAL

# The script is one that marks no boundary.
void
_begin_unmarked(folder, loader)
	const char *folder
	SV *loader
  CODE:
	unmarked_begin(aTHX_ folder, loader);
