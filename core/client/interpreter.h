/* Finding the interpreter that a #! line or command line names. */
#ifndef PREFORK_INTERPRETER_H
#define PREFORK_INTERPRETER_H

#include <limits.h>

#define INTERPRETER_LINE 256 /* bytes of a file's beginning that are looked at */

struct interpreter {
	char path[PATH_MAX]; /* absolute, not resolved further */
	int is_script;       /* a stand-in: a version manager's, for example */
	int loops; /* a script whose #! line names this program, and no interpreter: to execute it would never end */
};

/* Find NAME as execvp(3) would.  0, or -1 with errno. */
int interpreter_find(const char *name, struct interpreter *i);

#endif
