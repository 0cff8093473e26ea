dnl How configure finds Tcl: tclsh is asked where it is installed, and the tclConfig.sh there for the flags.
PREFORK_LANGUAGE([tcl], [tclsh], [
PREFORK_PROGRAM([TCLSH], ["${with_tclsh:-tclsh}" "${with_tclsh:-tclsh8.6}"])
AS_IF([test -z "$TCLSH"],
	[prefork_why="${with_tclsh:-tclsh} not found (package tcl)"],
	[prefork_version=`echo 'puts $tcl_patchLevel' | "$TCLSH"`
	prefork_found="$TCLSH $prefork_version"
	AS_CASE([$prefork_version], [8.6.*], [], [prefork_why="$TCLSH is not Tcl 8.6 but ${prefork_version:-something else}"])])
AS_IF([test -z "$prefork_why"], [
	AC_MSG_CHECKING([for tclConfig.sh of $TCLSH])
	prefork_libdir=`echo 'puts @<:@::tcl::pkgconfig get libdir,install@:>@' | "$TCLSH"`
	TCL_CONFIG=
	for prefork_candidate in "$prefork_libdir/tcl8.6/tclConfig.sh" "$prefork_libdir/tclConfig.sh"; do
		AS_IF([test -z "$TCL_CONFIG" && test -r "$prefork_candidate"], [TCL_CONFIG=$prefork_candidate])
	done
	AC_MSG_RESULT([${TCL_CONFIG:-no}])
	AS_IF([test -z "$TCL_CONFIG"], [prefork_why="$TCLSH has no tclConfig.sh (package tcl-dev)"])])
AS_IF([test -z "$prefork_why"], [
	. "$TCL_CONFIG"
	TCL_CPPFLAGS="`AS_ECHO(["$TCL_INCLUDE_SPEC"]) | sed 's/-I/-isystem /g'` -DUSE_TCL_STUBS"
	TCL_SITE=`echo 'puts $tcl_pkgPath' | "$TCLSH"`
	PREFORK_TRY([tcl.h and its stubs], [$TCL_CPPFLAGS], [$TCL_STUB_LIB_SPEC],
		[AC_LANG_PROGRAM([[#include <tcl.h>]], [[return !Tcl_InitStubs(0, "8.6", 0);]])],
		[the headers of $TCLSH can't be used (package tcl-dev)])])
AC_SUBST([TCL_CPPFLAGS])
AC_SUBST([TCL_STUB_LIB_SPEC])
AC_SUBST([TCL_SITE])
])
