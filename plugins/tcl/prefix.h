/* Which of a script's first commands only define: what may run ahead of its calls. */
#ifndef PREFORK_TCL_PREFIX_H
#define PREFORK_TCL_PREFIX_H

#include <tcl.h>

struct prefix {
	Tcl_Obj *text;      /* the script's */
	int count;          /* of commands */
	Tcl_Obj **commands; /* their text, as it stands in the script */
	int *ends;          /* where each of them ends in the script */
	/* Packages that the script requires later, whatever its caller wants, in its order: */
	int package_count;
	Tcl_Obj **packages; /* the commands that do, as lists of literal words */
	int *starts;        /* where each of them begins */
};

/* Read the script's TEXT as the Tcl parser does.  It stays, and the memory of P is never freed: one process has one
 * script. */
void prefix_find(struct prefix *p, Tcl_Obj *text);

/* The words of the command at FROM, where it is a `package require` of literal words; else NULL. */
Tcl_Obj *prefix_requirement(const struct prefix *p, int from);

/* Is NAMESPACE named where the script's text lies FROM..TO? */
int prefix_names(const struct prefix *p, int from, int to, const char *name_space);

#endif
