/* What the client asks of the launcher: its command line, read into a struct (see core/run/launch.h). */
#ifndef PREFORK_ARGUMENTS_H
#define PREFORK_ARGUMENTS_H

#include "../prefork-plugin.h"
#include "reason.h"

struct arguments {
	int kill;                             /* put the server aside, start none */
	int fresh;                            /* put the server aside first */
	int own_session;                      /* the server is to stay in the caller's session */
	int call;                             /* the call socket's server end: close-on-exec, above 2; -1 with kill */
	const char *key;                      /* RUNDIR_KEY_LENGTH hexadecimal digits */
	const char *base;                     /* the key of the server that is asked first, likewise */
	const char *learned;                  /* the key of what was learned, likewise */
	const char *options;                  /* for the handshake */
	struct prefork_invocation invocation; /* without the runtime directory, which is the plugin's */
};

/* Read ARGV, take the call socket out of the inherited descriptors, and open what is missing of 0, 1 and 2 on
 * /dev/null. The result points into ARGV; arguments_free() releases what was made.  0, or -1 with WHY. */
int arguments_read(struct arguments *a, int argc, char **argv, struct reason *why);
void arguments_free(struct arguments *a);

#endif
