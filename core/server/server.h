/* The state of a server: shared by its loop and its calls. */
#ifndef PREFORK_SERVER_STATE_H
#define PREFORK_SERVER_STATE_H

#include "../wire/handshake.h"
#include "executor.h"
#include "files.h"
#include "learned.h"
#include "options.h"
#include "origin.h"
#include "parting.h"
#include "prefork-server.h"
#include "reads.h"
#include "worth.h"

#include <stdint.h>

struct call;

struct server {
	struct handshake handshake; /* its descriptors become -1 as they are given up */
	struct server_options options;
	struct file_list files;
	size_t files_known; /* how many of them were there before what is being loaded now */
	const struct prefork_language *language;
	struct origin origin;
	pid_t group; /* the server's process group */
	int signal_fd;
	struct learned learned;
	struct parting parting; /* in an executor: its own call's */
	struct worth worth;
	struct reads reads;   /* of setup, or of what is being loaded */
	pid_t improving;      /* the process that may take our place; 0: none */
	int improved_fd;      /* where it says that it can */
	long long news_since; /* clock_ms() when it was first so */
	int look_for_news;    /* a call has ended since we last looked whether more was learned */
	int leader_fd;        /* pidfd of the leader of the callers' session; -1: the server is a daemon */

	struct call *calls;   /* every call that there is, in no order */
	unsigned running;     /* calls that have been greeted and not ended: what max_servers limits */
	uint64_t served;      /* executors that have ended */
	long errors;          /* of the server's own */
	long long idle_since; /* clock_ms() when the last call ended */
	int draining;         /* accept no more; go when the last call has ended */
};

/* Count and log an error of the server's own; at the limit the server drains. */
void server_error(struct server *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Accept no more calls. Those waiting in the queue are refused by the kernel, and their clients go elsewhere. */
void server_drain(struct server *s, const char *reason);

/* The same, but another process goes on with the listening socket. */
void server_hand_over(struct server *s);

#endif
