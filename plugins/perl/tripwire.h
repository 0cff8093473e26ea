/* Notices when setup looks at what may differ from call to call, which is then a part of its state.
 *
 * For an environment variable or the working directory the server depends on it: calls with another have another
 * server. For all else the script is not served. */
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

/* From here on.  To be called before the script is compiled: what is compiled before is not noticed in full. */
void tripwire_arm(pTHX);

/* No longer.  What setup has looked at, as one line, or NULL; fills *SETTINGS. */
const char *tripwire_disarm(pTHX_ struct tripwire_settings *settings);

/* Afterwards: tell the server library what it depends on.  0, or -1. */
int tripwire_depend(pTHX_ struct prefork_error *error);

/* And this, for prefork_language. */
const char *tripwire_declines(void *context, const struct prefork_caller *caller);

/* Is this one of descriptors 0 to 2, or a duplicate of one? */
int tripwire_is_standard(int fd);

/* ---- for its parts ---- */

extern struct tripwire_settings tripwire_settings;

/* Setup looks at WHAT; or at a variable of its environment, its working directory, its umask, which year it is, what a
 * signal (negative: none) does. */
void tripwire_trip(pTHX_ const char *what);
void tripwire_variable(pTHX_ const char *name);
void tripwire_directory(void);

/* Setup reads a file or folder, writes a file, or asks whether it is there: it is to be as it was, but for what setup
 * has written itself. */
enum { TRIPWIRE_READ, TRIPWIRE_WRITE, TRIPWIRE_TEST };
void tripwire_file(pTHX_ const char *path, int how);
void tripwire_umask(void);
void tripwire_year(void);
void tripwire_signal(int number);

/* Perl's operations, functions of extensions, %ENV and %SIG. */
void operations_arm(void);
void operations_disarm(void);
void functions_arm(pTHX);
void functions_disarm(pTHX);
void variables_arm(pTHX);
void variables_disarm(pTHX);

#endif
