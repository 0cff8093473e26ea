/* What commands may do ahead of the calls. */
#ifndef PREFORK_TCL_RULES_H
#define PREFORK_TCL_RULES_H

#include <tcl.h>

/* A command that is about to be executed.  WORDS[0] is the command, or an ensemble's subcommand. */
struct use {
	Tcl_Interp *interp;
	const struct rule *rule;
	int count;
	Tcl_Obj *const *words;
};

/* Note what it depends on, or trip. */
typedef void rule_check(const struct use *u);

struct rule {
	const char *name;
	rule_check *marked;   /* in a script that says where its calls begin; or NULL */
	rule_check *unmarked; /* in one that does not; or NULL */
};

/* By the commands' names; the last one has none. */
extern const struct rule rules_table[];

/* Of the commands by which other interpreters are reached. */
const struct rule *rules_of_interpreters(void);

/* notes.c: what has to be done again in each call. */
rule_check note_after, note_cd, note_fconfigure, note_in_tcl, note_srand;

#endif
