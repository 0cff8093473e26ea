/* What setup made of its own process, so that its calls find it so: umask, directory, limits, timers, open files, name.
 *
 * The first caller's request tells what setup started with; what is different when initialisation is complete is
 * setup's own doing, and a fresh run would do it in each call. */
#ifndef PREFORK_ORIGIN_H
#define PREFORK_ORIGIN_H

#include "../wire/handshake.h"
#include "../wire/request.h"
#include "appearance.h"
#include "dependency.h"
#include "environment.h"
#include "files.h"
#include "prefork-server.h"
#include "standard.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#define ORIGIN_TIMERS 3

struct origin {
	/* At the end of initialisation. */
	sigset_t mask;
	struct sigaction on_child; /* disposition of SIGCHLD, which the server changes */
	mode_t umask;
	int directory; /* descriptor; -1: could not be opened, or is each caller's own */
	rlim_t limits[REQUEST_MAX_LIMITS];
	struct itimerval timers[ORIGIN_TIMERS]; /* a fork does not inherit them */
	int *occupied;                          /* descriptors that the script has opened, ascending */
	size_t occupied_count;
	struct environment environment;
	struct dependency dependency;
	struct standard standard;
	struct appearance appearance;

	/* Learned from the first request. */
	int learned;
	int umask_is_setups;
	int directory_is_setups;
	uint64_t limit_is_setups; /* bit N: soft limit of resource N */
};

/* When the runtime is loaded: note what setup may change from here on. */
void origin_adopt(struct origin *o);

/* Note the process as it is, H's descriptors apart, and the files that it has open among FILES.
 * 0, or -1 with *ERROR: a descriptor is open that calls can't share. */
int origin_note(struct origin *o, const struct handshake *h, struct file_list *files, struct prefork_error *error);

/* Learn what is setup's doing; DIRECTORY is a descriptor of the first caller's directory, -1 where it is not known. One
 * that calls depend on comes to FILES.  0, or -1 with errno. */
int origin_learn(struct origin *o, const struct request *first, int directory, struct file_list *files);

/* In the executor: give the files that setup opened for reading an offset of their own. */
void origin_reopen(const struct origin *o);

#endif
