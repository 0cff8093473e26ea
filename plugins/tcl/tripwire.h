/* Seeing what is done ahead of the calls: what depends on the caller is noted, what may not be done ends it.
 *
 * All commands of the interpreter are seen before they are executed, by their identity and not by their name, and the
 * variables that hold what is the caller's. */
#ifndef PREFORK_TCL_TRIPWIRE_H
#define PREFORK_TCL_TRIPWIRE_H

#include "runtime.h"

struct tripwire {
	/* What was about to be done can't be done ahead; WHAT says what in a few words.  Does not return. */
	void (*tripped)(const char *what);
	/* A command is about to be executed; or NULL. */
	void (*command)(Tcl_Interp *interp, int level, const char *text);
	/* The server serves already, so it can't begin to depend on something. */
	int serving;
};

/* Before anything of the script's has run: learn the commands' identities. */
void tripwire_adopt(Tcl_Interp *interp);

/* W stays.  Between the two, commands are not compiled in place. */
void tripwire_start(const struct tripwire *w);
void tripwire_stop(void);

/* All interpreters, each before its children; the memory is the caller's, by ckalloc(). */
void tripwire_interpreters(struct interpreters *list);

/* For the rules.  CHILD, which the script has just made, is seen too; its maker's result stays. */
void tripwire_watch(Tcl_Interp *child);

/* WHAT, and if it is not NULL WHICH, can't be done ahead. */
void tripwire_trip(const char *what, const char *which);

/* The working directory is looked at. */
void tripwire_directory(void);

/* Is a package being searched for? */
int tripwire_searching(void);

/* TEXT as the system has it. */
const char *tripwire_native(const char *text, Tcl_DString *buffer);

#endif
