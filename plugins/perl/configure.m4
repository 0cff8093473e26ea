dnl How configure finds Perl: it is asked for its own flags.
PREFORK_LANGUAGE([perl], [perl], [
PREFORK_PROGRAM([PERL], ["${with_perl:-perl}"])
AS_IF([test -z "$PERL"],
	[prefork_why="${with_perl:-perl} not found (package perl)"],
	[! "$PERL" -e 'require 5.030' 2>/dev/null],
	[prefork_why="$PERL is older than 5.30"],
	[! "$PERL" -MExtUtils::ParseXS -e 1 2>/dev/null],
	[prefork_why="$PERL has no ExtUtils::ParseXS (package perl)"],
	[PERL_CPPFLAGS=`"$PERL" -MConfig -e 'print "$Config{ccflags} -isystem $Config{archlibexp}/CORE"'`
	PERL_SITE=`"$PERL" -MConfig -e 'print $Config{sitearchexp}'`
	prefork_found="$PERL "`"$PERL" -e 'printf "%vd", $^V'`
	PREFORK_TRY([perl.h], [$PERL_CPPFLAGS], [], [AC_LANG_PROGRAM([[
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"
]])], [the headers of $PERL can't be used (package libperl-dev)])])
AC_SUBST([PERL_CPPFLAGS])
AC_SUBST([PERL_SITE])
])
