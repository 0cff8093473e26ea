/* The call itself: see call.h. */
#define _GNU_SOURCE
#include "call.h"

#include "../wire/fd.h"
#include "../wire/handshake.h"
#include "../wire/talk.h"
#include "signals.h"
#include "title.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* Never passed on: a script that sees it would take itself for setup. */
#define SKIP HANDSHAKE_VARIABLE "="

/* Protocol 1: a byte, three descriptors, then environment and arguments.  The reply is the wait status; our death is
 * the hang-up that ends the call, so signals keep their dispositions. */
static enum call_end call_protocol1(struct connection *c, const struct words *w, int *status, char *why,
                                    size_t why_size) {
	unsigned char reply[4];
	struct reader r;
	struct buf b;
	int failed = fd_send(c->sock, "", 1, NULL, 0, -1) < 0;

	for (int fd = 0; fd <= STDERR_FILENO && !failed; fd++)
		failed = fd_send(c->sock, "", 1, &fd, 1, -1) < 0;
	buf_init(&b, WIRE_MAX_MESSAGE);
	request_encode1(&b, &(struct request_strings){NULL, w->arguments, environ, SKIP});
	failed = failed || b.failed || fd_send(c->sock, b.data, b.length, NULL, 0, -1) < 0;
	buf_free(&b);
	snprintf(why, why_size, "the request could not be sent: %s", strerror(errno));
	/* What arrived is no whole request, so nothing has run. */
	if (failed)
		return CALL_DECLINED;
	snprintf(why, why_size, "the server vanished before it told the exit status");
	if (fd_read_full(c->sock, reply, sizeof reply, -1) != 1)
		return CALL_LOST;
	reader_init(&r, reply, sizeof reply);
	*status = (int)reader_u32(&r);
	why[0] = '\0';
	return CALL_ENDED;
}

/* The interpreter and its own arguments; malloc'ed. */
static char **interpreter_words(const struct words *w) {
	size_t n = (size_t)w->interpreter_argument_count;
	char **v = calloc(n + 2, sizeof *v);

	if (v) {
		v[0] = w->interpreter;
		memcpy(v + 1, w->interpreter_arguments, n * sizeof *v);
	}
	return v;
}

/* A signal that comes while there is no room for all of it finds nothing committed: it ends the sending. */
static int send_request(struct connection *c, struct context *context, const struct words *w, int signals) {
	char **words = interpreter_words(w);
	struct buf b;
	int r;

	if (!words)
		return -1;
	buf_init(&b, (size_t)WIRE_MAX_MESSAGE + WIRE_MESSAGE_HEAD);
	context->request.script = w->script;
	request_encode(&b, &context->request, &(struct request_strings){words, w->arguments, environ, SKIP});
	free(words);
	errno = b.failed;
	r = b.failed ? -1 : fd_send(c->sock, b.data, b.length, context->fds, context->request.descriptor_count, signals);
	buf_free(&b);
	return r;
}

static void send_signal(struct connection *c, const struct signalfd_siginfo *info) {
	struct buf b;
	size_t began;

	buf_init(&b, WIRE_MAX_SMALL);
	began = message_begin(&b, WIRE_SIGNAL);
	message_field_u32(&b, WIRE_SIGNUMBER, info->ssi_signo);
	/* What the terminal sends it sends to the whole process group. */
	if (info->ssi_code == SI_KERNEL)
		message_field_u32(&b, WIRE_GROUP, 1);
	message_end(&b, began);
	/* A server that has gone is noticed where its answer is read. */
	if (!b.failed)
		(void)fd_send(c->sock, b.data, b.length, NULL, 0, -1);
	buf_free(&b);
}

/* A message that its type alone says: AWAKE, PARTED. */
static void send_word(struct connection *c, enum wire_message type) {
	struct buf b;

	buf_init(&b, WIRE_MAX_SMALL);
	message_end(&b, message_begin(&b, type));
	if (!b.failed)
		(void)fd_send(c->sock, b.data, b.length, NULL, 0, -1);
	buf_free(&b);
}

/* What has become of the caller's signals, and of our place among its processes. */
struct relay {
	uint32_t server;  /* the server's process id, 0 while it is not known: a SIGCONT of its own only wakes us up */
	uint64_t relayed; /* bit N-1: signal N was passed on */
	int to_continue;  /* a SIGCONT was passed on, and the executor has not been seen to go on since */
	int together;     /* the executor is in our process group: it gets by itself what the terminal sends */
	pid_t home;       /* the process group that we have left to the executor; 0: we have not */
};

/* Pass on what has come. */
static void relay_signals(struct connection *c, int signals, struct relay *r) {
	struct signalfd_siginfo info;

	while (signals_next(signals, &info)) {
		if (info.ssi_signo == SIGCONT && r->server && info.ssi_pid == r->server)
			continue;
		if (r->together && info.ssi_code == SI_KERNEL)
			continue;
		send_signal(c, &info);
		r->relayed |= SIGNALS_BIT(info.ssi_signo);
		if (info.ssi_signo == SIGCONT)
			r->to_continue = 1;
		else if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGTTIN || info.ssi_signo == SIGTTOU)
			r->to_continue = 0;
	}
}

/* The executor is in our process group: leave it the group, so that what is sent there reaches it once.  The leader of
 * a session can't; but no session leader has a server in its session.  The executor has its signals blocked until it is
 * told so: what came to both of us meanwhile is passed on before, and is one signal there. */
static void make_way(struct connection *c, int signals, struct relay *r, pid_t group) {
	pid_t home = getpgrp();

	if (setpgid(0, group) == 0)
		r->home = home;
	relay_signals(c, signals, r);
	r->together = !r->home;
	send_word(c, WIRE_PARTED);
}

/* The executor has stopped: so do we, unless it is about to go on, or more has come about it already. */
static void stop_too(struct connection *c, int signals, struct relay *r, int number) {
	struct pollfd p = {.fd = c->sock, .events = POLLIN};

	relay_signals(c, signals, r);
	if (!r->to_continue && poll(&p, 1, 0) == 0)
		signals_stop(number);
	r->to_continue = 0;
}

/* Read one message of the server's: its type, or -1 with WHY. */
static int read_answer(struct connection *c, struct answer *a, char *why, size_t why_size) {
	int type = talk_answer(c->sock, -1, a);

	if (type > 0)
		return type;
	if (type == 0)
		snprintf(why, why_size, "the server vanished before it told the exit status");
	else
		snprintf(why, why_size, "the server's message: %s", strerror(errno));
	return -1;
}

/* What is told of a call: filled in as it goes. */
struct outcome {
	int *status;
	struct call_differs *differs;
	char *why;
	size_t why_size;
};

static void declined(const struct answer *a, const struct outcome *o) {
	snprintf(o->why, o->why_size, "the server declines: %s", a->reason);
	o->differs->length = a->differs_length;
	memcpy(o->differs->strings, a->differs, a->differs_length);
}

/* Signals out, events in, until the call is over. */
static enum call_end exchange(struct connection *c, int signals, struct relay *r, const struct outcome *o) {
	struct pollfd polls[] = {{.fd = c->sock, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct answer a;

	for (;;) {
		if (poll(polls, 2, -1) < 0)
			continue;
		/* First what the server says: a SIGCONT of its own comes after its word of whose it is. */
		if (!polls[0].revents) {
			relay_signals(c, signals, r);
			continue;
		}
		switch (read_answer(c, &a, o->why, o->why_size)) {
		case WIRE_STATUS:
			*o->status = (int)a.wait_status;
			snprintf(o->why, o->why_size, "%s", a.reason);
			return CALL_ENDED;
		case WIRE_DECLINED:
			declined(&a, o);
			return CALL_DECLINED;
		case WIRE_STARTED:
			make_way(c, signals, r, (pid_t)a.group);
			break;
		case WIRE_STOPPED:
			r->server = a.pid;
			stop_too(c, signals, r, (int)a.signal_number);
			break;
		case WIRE_CONTINUED:
			r->server = a.pid;
			r->to_continue = 0;
			send_word(c, WIRE_AWAKE);
			break;
		case -1:
			return CALL_LOST;
		default:
			snprintf(o->why, o->why_size, "the server sent a message that is not permitted here");
			return CALL_LOST;
		}
	}
}

/* What arrived is no whole request, so nothing has run; a server that has hung up may have said why. */
static void not_sent(struct connection *c, const struct outcome *o) {
	int error = errno;
	struct answer a;

	if ((error == EPIPE || error == ECONNRESET) && read_answer(c, &a, o->why, o->why_size) == WIRE_DECLINED)
		declined(&a, o);
	else
		snprintf(o->why, o->why_size, "the request could not be sent: %s", strerror(error));
}

/* What was passed on to a server that then declined has its effect here, where the plain interpreter is to run. */
static void take_back(uint64_t relayed) {
	for (int n = 1; n <= SIGNALS_LAST; n++)
		if (relayed & SIGNALS_BIT(n))
			kill(getpid(), n);
}

/* What has come before the request travels with it.  Bit N-1: signal N. */
static uint64_t take_pending(int signals) {
	struct signalfd_siginfo info;
	uint64_t pending = 0;

	while (signals_next(signals, &info))
		pending |= SIGNALS_BIT(info.ssi_signo);
	return pending;
}

static enum call_end call_protocol2(struct connection *c, struct context *context, const struct words *w,
                                    const struct outcome *o) {
	enum call_end end = CALL_DECLINED;
	struct relay r = {0};
	int signals;

	/* Before the request, so that each signal from then on is the executor's. */
	context->request.sigmask = signals_set_mask(~0ull);
	signals = signals_open();
	if (signals >= 0)
		r.relayed = context->request.pending = take_pending(signals);
	if (signals < 0)
		snprintf(o->why, o->why_size, "signalfd: %s", strerror(errno));
	else if (send_request(c, context, w, signals) < 0)
		not_sent(c, o);
	else {
		title_hide();
		end = exchange(c, signals, &r, o);
	}
	fd_close(&signals);
	/* Our end is to be what the group sees of the call's. */
	if (r.home)
		setpgid(0, r.home);
	/* What is pending has its effect when the mask is as before. */
	if (end != CALL_ENDED)
		title_show();
	if (end == CALL_DECLINED) {
		fd_close(&c->sock);
		take_back(r.relayed);
		signals_set_mask(context->request.sigmask);
	}
	return end;
}

enum call_end call_make(struct connection *c, struct context *context, const struct words *w, int *status,
                        struct call_differs *differs, char *why, size_t why_size) {
	const struct outcome o = {status, differs, why, why_size};
	enum call_end end;

	differs->length = 0;
	if (c->protocol == 2) {
		end = call_protocol2(c, context, w, &o);
	} else if (!context_has(context, 0) || !context_has(context, 1) || !context_has(context, 2)) {
		snprintf(why, why_size, "protocol 1 can't carry closed standard descriptors");
		end = CALL_DECLINED;
	} else {
		end = call_protocol1(c, w, status, why, why_size);
	}
	fd_close(&c->sock);
	return end;
}
