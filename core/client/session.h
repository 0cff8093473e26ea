/* Which server a call may have: one of the caller's own session, or the one that all without a terminal share. */
#ifndef PREFORK_SESSION_H
#define PREFORK_SESSION_H

#include "words.h"

#include <stddef.h>
#include <sys/types.h>

struct session {
	int own;                         /* the server is a process of the caller's session; 0: a daemon */
	pid_t id;                        /* then, the session's number, */
	unsigned long long leader_start; /* and its leader's start time: numbers are used again */
};

/* A process can join a process group of its own session only, and has that session's terminal: so a caller with a
 * controlling terminal has a server in its session, unless WANTED says otherwise.
 * 0, or -1 with one line in WHY: no server can serve this caller. */
int session_find(struct session *s, enum words_session wanted, char *why, size_t why_size);

#endif
