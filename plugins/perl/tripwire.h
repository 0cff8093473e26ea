/* Notices when setup looks at what may differ from call to call, which is then a part of its state.
 *
 * For an environment variable or the working directory the server depends on it: calls with another have another
 * server.  For all else a script that marks its boundary is not served.  In one that does not, the boundary is where
 * that would happen, or where something would be done that each call has to do for itself. */
#ifndef PREFORK_TRIPWIRE_H
#define PREFORK_TRIPWIRE_H

#include "api.h"
#include "server/prefork-server.h"

/* What setup has set to a value that a call might come with by chance; it holds in every call all the same. */
struct tripwire_settings {
	int seeded;    /* srand was given a seed */
	int umask;     /* umask was given a value */
	int directory; /* chdir has been called */
	int base_time; /* $^T was assigned */
};

/* What is called in a script that marks no boundary. */
struct tripwire_ends {
	/* Setup is about to do WHAT, and has not begun to. */
	void (*before)(pTHX_ const char *what);
	/* It has been done.  Does not return. */
	void (*after)(pTHX_ const char *what);
	/* A server has been made already. */
	int serving;
};

/* From here on.  To be called before the script is compiled: what is compiled before is not noticed in full.  ENDS is
 * NULL for a script that marks its boundary. */
void tripwire_arm(pTHX_ const struct tripwire_ends *ends);

/* No longer.  What setup has looked at, as one line, or NULL; fills *SETTINGS. */
const char *tripwire_disarm(pTHX_ struct tripwire_settings *settings);

/* Afterwards: tell the server library what it depends on.  0, or -1. */
int tripwire_depend(pTHX_ struct prefork_error *error);

/* And this, for prefork_language. */
const char *tripwire_declines(void *context, const struct prefork_caller *caller);

/* Setup has looked for all modules that are loaded, and those that were asked for. */
void tripwire_watch_modules(pTHX);

/* The variables that were looked at, with their values as they are now; undef: not set. */
HV *tripwire_variables(pTHX);

/* Hashes of its own, as values in perl's memory: NUMBER 0 to 3. */
const SV *tripwire_set(int number);

/* Is this one of descriptors 0 to 2, or a duplicate of one? */
int tripwire_is_standard(int fd);

/* ---- for its parts ---- */

extern struct tripwire_settings tripwire_settings;

/* Does the script mark its boundary? */
int tripwire_is_marked(void);

/* Setup is about to do WHAT; in a script that marks its boundary that is its own business. */
void tripwire_act(pTHX_ const char *what);

/* Setup is about to look at WHAT, or, LATE, has done so. */
void tripwire_trip(pTHX_ const char *what);
void tripwire_late(pTHX_ const char *what);

/* Or at a variable of its environment, its working directory, its umask, which year it is, what a signal (negative:
 * none) does, whether a descriptor is a terminal. */
void tripwire_variable(pTHX_ const char *name);
void tripwire_directory(pTHX);

/* Setup reads a file or folder, writes a file, or asks whether it is there: it is to be as it was, but for what setup
 * has written itself.  Or it asks for a module. */
enum { TRIPWIRE_READ, TRIPWIRE_WRITE, TRIPWIRE_TEST };
void tripwire_file(pTHX_ const char *path, int how);
void tripwire_module(pTHX_ const char *name);
void tripwire_umask(pTHX);
void tripwire_year(void);
void tripwire_signal(pTHX_ int number);
void tripwire_terminal(pTHX_ int fd);

/* The names of modules that were asked for; NULL: none. */
HV *tripwire_modules(void);

/* Perl's operations, functions of extensions, %ENV and %SIG. */
void operations_arm(void);
void operations_disarm(void);
void functions_arm(pTHX);
void functions_disarm(pTHX);
void variables_arm(pTHX);
void variables_disarm(pTHX);

#endif
