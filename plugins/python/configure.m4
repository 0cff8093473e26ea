dnl How configure finds Python: it is asked for its own flags.
PREFORK_LANGUAGE([python], [python], [
dnl The first that is new enough and has its headers.  A python3 in PATH may be a wrapper: it is asked for its real path.
prefork_why="${with_python:-python3} not found (package python3)" PYTHON=
for prefork_candidate in "${with_python:-python3}" ${with_python:-/usr/bin/python3}; do
	AS_IF([test -n "$PYTHON"], [continue])
	AC_MSG_CHECKING([for a Python at $prefork_candidate])
	PYTHON=`"$prefork_candidate" -c 'import sys; print(sys.executable)' 2>/dev/null`
	AC_MSG_RESULT([${PYTHON:-no}])
	AS_IF([test -z "$PYTHON"], [continue])
	prefork_why=
	AS_IF([! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null],
		[prefork_why="$PYTHON is older than 3.8"],
		[PYTHON_CPPFLAGS=`"$PYTHON" -c 'import sysconfig
print(" ".join("-isystem " + sysconfig.get_path(p) for p in ("include", "platinclude")))'`
		PREFORK_TRY([Python.h of $PYTHON], [$PYTHON_CPPFLAGS -DPy_LIMITED_API=0x03080000], [],
			[AC_LANG_PROGRAM([[
#include <Python.h>
]])], [the headers of $PYTHON can't be used (package python3-dev)])])
	AS_IF([test -n "$prefork_why"], [prefork_first_why=${prefork_first_why-$prefork_why} PYTHON=])
done
AS_IF([test -z "$PYTHON"],
	[prefork_why=${prefork_first_why-$prefork_why}],
	[PYTHON_SITE=`"$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("platlib"))'`
	prefork_found="$PYTHON "`"$PYTHON" -c 'import platform; print(platform.python_version())'`])
AC_SUBST([PYTHON])
AC_SUBST([PYTHON_CPPFLAGS])
AC_SUBST([PYTHON_SITE])
])
