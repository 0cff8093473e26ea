/* One call, from its connection to its status: the monitor's part of the server.
 *
 *     QUEUED ----> GREETED ----> RUNNING ----> LEAVING ----> (freed)
 *        |            |            |  |                          ^
 *        |            |            |  +---------------> ENDING --+
 *        +------------+------------+-----------------------------+
 *
 * QUEUED   at the limit: accepted, not greeted; declined at its deadline (protocol 2)
 * GREETED  the request, or a control message, is awaited
 * RUNNING  the executor runs; the client may send signals
 * LEAVING  the client has been told the status; until it hangs up, or the deadline, the executor stays a zombie
 * ENDING   the client has gone, and the executor is being ended; what is left is killed at the deadline, if there is
 * one */
#ifndef PREFORK_CALL_H
#define PREFORK_CALL_H

#include "parting.h"
#include "receive.h"
#include "server.h"

#include <poll.h>

enum call_state { CALL_QUEUED, CALL_GREETED, CALL_RUNNING, CALL_LEAVING, CALL_ENDING, CALL_DONE };

struct call {
	struct call *next;
	enum call_state state;
	int first; /* the call that setup was started for: its environment was setup's */
	int sock;
	struct receiver receiver;
	long long deadline; /* clock_ms(); -1 for none */
	pid_t executor;     /* 0 where there is none */
	pid_t group;        /* its process group: its own, unless the server is in its callers' session */
	long long fork_us;  /* processor time that forking it took */
	struct parting parting;
	uint64_t relayed;   /* bit N-1: signal N was passed on to the executor */
	int stopped_client; /* the client was told that the executor has stopped */
	int waking;         /* how often the client, told that it goes on, will still be sent SIGCONT */
};

/* A new call on SOCK (taken over also on failure), queued; NULL with errno. */
struct call *call_new(struct server *s, int sock);

/* Greet a queued call, or hang up on it without a word: its client goes elsewhere. */
void call_greet(struct server *s, struct call *c);
void call_drop(struct server *s, struct call *c);

/* Something happened on the call's socket, or its deadline has passed.
 * call_readable() returns 1 in the executor, with *RESULT filled; else 0.  A call that is over is CALL_DONE. */
int call_readable(struct server *s, struct call *c, struct prefork_call *result);
void call_expired(struct server *s, struct call *c);

/* The call is over: CALL_DONE from here on; what was counted is counted back. */
void call_finish(struct server *s, struct call *c);

/* Release a call that is CALL_DONE. */
void call_free(struct call *c);

#endif
