/* From a key to a connection with a server that has greeted. */
#ifndef PREFORK_CONNECT_H
#define PREFORK_CONNECT_H

#include "../run/rundir.h"
#include "words.h"

#include <stddef.h>

struct connection {
	int sock;     /* greeted, nothing sent yet */
	int protocol; /* 1 or 2 */
};

/* Connect to the server of KEY, starting one where there is none.  INTERPRETER is its absolute path.
 * 0 with *C filled; or -1 with one line in WHY: the plain interpreter has to run (empty: the launcher has said it). */
int connect_server(struct connection *c, const struct words *w, const char *interpreter, const char *key, char *why,
                   size_t why_size);

/* --kill: put the server of KEY aside.  0, or -1 with one line in WHY (empty: the launcher has said it). */
int connect_kill(const struct words *w, const char *interpreter, const char *key, char *why, size_t why_size);

#endif
