/* What commands may do ahead of the calls. */
#ifndef PREFORK_TCL_RULES_H
#define PREFORK_TCL_RULES_H

#include <tcl.h>

struct rule {
	const char *name;
	/* The command is about to be executed: note what it depends on, or trip.  WORDS[0] is the command, or an ensemble's
	 * subcommand. */
	void (*check)(Tcl_Interp *interp, const struct rule *rule, int count, Tcl_Obj *const words[]);
};

/* By the commands' names; the last one has none. */
extern const struct rule rules_table[];

/* Of the commands by which other interpreters are reached. */
const struct rule *rules_of_interpreters(void);

#endif
