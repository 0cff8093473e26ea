/* Which of a script's first commands only define: what may run ahead of its calls. */
#ifndef PREFORK_TCL_PREFIX_H
#define PREFORK_TCL_PREFIX_H

#include <tcl.h>

struct prefix {
	int count;          /* of commands */
	Tcl_Obj **commands; /* their text, as it stands in the script */
	int package_count;  /* of packages that the script requires later, whatever its caller wants */
	Tcl_Obj **packages; /* the commands that do, in the script's order: lists of literal words */
};

/* Read the script's text as the Tcl parser does.  The memory of P is never freed: one process has one script. */
void prefix_find(struct prefix *p, const char *text, int length);

#endif
