/* Runs of one command for comparison: a private folder, a copy of the working directory for each run, and what came of
 * each. */
#ifndef PREFORK_TRIAL_H
#define PREFORK_TRIAL_H

#include "../launch/reason.h"
#include "../run/rundir.h"
#include "command.h"

#include <signal.h>

#define TRIAL_RUNS 9 /* at most */

struct run {
	const char *name; /* "plain", "cold", "warm" */
	int status;       /* as wait(2) gives it */
	int overdue;      /* it was ended, because it took too long */
	int served;       /* it was a call that a server took */
};

struct trial {
	char folder[PATH_MAX]; /* empty: none yet */
	char links[PATH_MAX];
	struct rundir rundir;
	int copied;          /* the runs are in a copy of the working directory, as it was for each */
	struct reason whole; /* why not, if not */
	int has_input;       /* standard input is kept in a file */
	int signals;         /* signalfd of those that end us */
	sigset_t mask;
	int ender; /* signal that has come; 0: none */
	struct run runs[TRIAL_RUNS];
	size_t count;
};

/* Make the folder, and put standard input there.  Signals are held back from here on.  0, or -1 with WHY. */
int trial_open(struct trial *t, struct reason *why);

/* Run the command once, for LIMIT_MS (negative: as long as it takes).  NAME lives as long as T.  0 with one run more in
 * T->runs, or -1 with WHY: it could not be executed, or a signal has come. */
int trial_run(struct trial *t, const struct invocation *i, const char *name, long long limit_ms, struct reason *why);

/* The path of what run N has left: "stdout", "stderr" or "files". */
void trial_path(const struct trial *t, char path[PATH_MAX], const char *what, size_t n);

/* End the servers, remove the folder, and die of the signal that has come, if one has. */
void trial_close(struct trial *t);

#endif
