/* Seeing what is done ahead of the calls: what depends on the caller is noted, what may not be done is told.
 *
 * All commands of the interpreters are seen before they are executed, by their identity and not by their name, and the
 * variables that hold what is the caller's. */
#ifndef PREFORK_TCL_TRIPWIRE_H
#define PREFORK_TCL_TRIPWIRE_H

#include "runtime.h"

struct tripwire {
	/* WHAT, a few words, can't be done ahead, and is about to be.  Returns in a marked script. */
	void (*tripped)(const char *what);
	/* A command is about to be executed; or NULL. */
	void (*command)(Tcl_Interp *interp, int level, const char *text);
	/* The script says itself where its calls begin. */
	int marked;
	/* The server serves already, and is no longer in its first caller's directory. */
	int serving;
};

/* Before anything of the script's has run: learn the commands' identities. */
void tripwire_adopt(Tcl_Interp *interp);

/* W stays.  Commands that Tcl would compile in place are not, between the two, where there is a rule for them. */
void tripwire_start(const struct tripwire *w);
void tripwire_stop(void);

/* At the boundary: let the server depend on the variables, and on the directory, that were looked at.  0, or -1. */
int tripwire_depend(struct prefork_error *error);

/* All interpreters, each before its children; the memory is the caller's, by ckalloc(). */
void tripwire_interpreters(struct interpreters *list);

/* For the rules.  CHILD, which the script has just made, is seen too; its maker's result stays. */
void tripwire_watch(Tcl_Interp *child);

/* WHAT, and if it is not NULL WHICH, can't be done ahead. */
void tripwire_trip(const char *what, const char *which);

/* The working directory is looked at. */
void tripwire_directory(void);

/* An element of env is looked at. */
void tripwire_variable(const char *name);

/* Has the script looked whether it is run in a setup? */
int tripwire_asked_for_setup(void);

/* Is a package being searched for? */
int tripwire_searching(void);

/* TEXT as the system has it. */
const char *tripwire_native(const char *text, Tcl_DString *buffer);

#endif
