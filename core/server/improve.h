/* Improving a server by what its calls have learned: a fork of it loads that and takes its place.
 *
 * The fork has the listening socket, the watcher's pipes and everything else that makes a server.  It waits for no call
 * before it has said that it is ready; then the old server accepts no more, and goes when its calls have ended. */
#ifndef PREFORK_IMPROVE_H
#define PREFORK_IMPROVE_H

#include "server.h"

/* Milliseconds without a call before it is tried; and after which it is tried between two calls, if they follow each
 * other without such a pause. */
#define IMPROVE_DELAY 20
#define IMPROVE_PATIENCE 500

/* What prefork_server_gate() says. */
int improve_gate(const struct server *s, struct prefork_error *error);

/* When no call runs: has something been learned that is not loaded?  Then fork.  1 in the fork, which is the server
 * from here on; 0 in the server. */
int improve_start(struct server *s);

/* In the old server: the fork has said that it is ready, or has ended. */
void improve_heard(struct server *s);

/* The server goes: its fork is not to outlive it. */
void improve_abandon(struct server *s);

#endif
