/* Setup: the interpreter that runs the script's initialisation, from fork to its end. */
#ifndef PREFORK_SETUP_H
#define PREFORK_SETUP_H

#include "prepare.h"
#include "reason.h"

#include <signal.h>
#include <sys/types.h>

#ifndef SETUP_LIMIT_MS
#define SETUP_LIMIT_MS 120000 /* setup must be complete */
#endif
#define SETUP_GRACE_MS 2000 /* between TERM and KILL */

struct setup {
	/* Given. */
	const char *interpreter;        /* what is executed */
	struct preparation preparation; /* its words and environment; the handshake is added */
	const char *script;             /* the caller's, as it is spelt */
	const char *learned, *options;  /* for the handshake */
	int own_session;                /* it stays in our session, else it gets one of its own */
	int listen_fd, call_fd, watch_error_fd, watch_sentinel_fd; /* stay the giver's */
	mode_t umask;

	/* Made by setup_open(), released by setup_close(). */
	int output_fd[2];  /* its standard output and standard error: see output.h */
	int signal_fd;     /* SIGCHLD, and the signals that ask the launcher to end */
	sigset_t mask;     /* as it was before */
	int exec_fd;       /* where an exec that failed says so */
	pid_t pid;         /* 0: none */
	int signal_number; /* with SETUP_SIGNALLED */
};

enum setup_end {
	SETUP_SUCCEEDED, /* it exited 0: there should be a server */
	SETUP_FAILED,    /* the script can't be set up */
	SETUP_ABANDONED, /* no fault of the script: it was not executed, or the caller has gone */
	SETUP_SIGNALLED, /* the launcher is to end by signal_number */
};

/* Block and collect the signals that are waited for.  From here to setup_close() they end nobody.
 * 0, or -1 with errno (nothing to release then). */
int setup_open(struct setup *s);

/* Start the interpreter and wait until it ends, by itself or by us: because it stops, takes too long, the call socket
 * hangs up, or one of the signals comes.  WHY for all but success; empty when the caller has gone.  Until
 * setup_finish() it is a zombie, which keeps its process group's number from being used again. */
enum setup_end setup_run(struct setup *s, struct reason *why);

/* Reap it; when FAILED, first end whatever is left of its process group. */
void setup_finish(struct setup *s, int failed);

void setup_close(struct setup *s);

#endif
