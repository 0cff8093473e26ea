/* From a key to a connection with a server that has greeted. */
#ifndef PREFORK_CONNECT_H
#define PREFORK_CONNECT_H

#include "../run/rundir.h"
#include "session.h"
#include "words.h"

#include <stddef.h>

struct connection {
	int sock;     /* greeted, nothing sent yet */
	int protocol; /* 1 or 2 */
};

/* Which server is meant, and how it is started where there is none. */
struct server_wanted {
	const struct words *words;
	const char *interpreter; /* its absolute path */
	const struct session *session;
	char key[RUNDIR_KEY_LENGTH + 1];
	char base[RUNDIR_KEY_LENGTH + 1];    /* the key of the server that is asked first */
	char learned[RUNDIR_KEY_LENGTH + 1]; /* the key by which what was learned is kept: every session's */
};

/* Connect to the server, starting one where there is none.
 * 0 with *C filled; or -1 with one line in WHY: the plain interpreter has to run (empty: the launcher has said it). */
int connect_server(struct connection *c, const struct server_wanted *s, char *why, size_t why_size);

/* The server has gone, as it says that it saves too little: let the calls of its key be plain for a while. */
void connect_refuse(const struct server_wanted *s, const char *why);

/* --kill: put the server aside.  0, or -1 with one line in WHY (empty: the launcher has said it). */
int connect_kill(const struct server_wanted *s, char *why, size_t why_size);

#endif
