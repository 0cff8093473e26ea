/* One call, from its connection to its status: see call.h. */
#define _GNU_SOURCE
#include "call.h"

#include "../wire/fd.h"
#include "../wire/message.h"
#include "log.h"
#include "monitor.h"
#include "reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds. */
#define QUEUEING_TIME 200
#define FIRST_TIME 5000 /* for the first caller's request, without which no other can be served */
#define REQUEST_TIME 30000

struct call *call_new(struct server *s, int sock) {
	struct call *c = calloc(1, sizeof *c);

	if (!c) {
		fd_close(&sock);
		return NULL;
	}
	c->state = CALL_QUEUED;
	c->sock = sock;
	c->deadline = -1;
	if (s->handshake.protocol2)
		c->deadline = clock_ms() + (s->origin.learned ? QUEUEING_TIME : FIRST_TIME);
	receive_init(&c->receiver, s->handshake.protocol2 ? 2 : 1);
	c->next = s->calls;
	s->calls = c;
	return c;
}

void call_free(struct call *c) {
	fd_close(&c->sock);
	receive_free(&c->receiver);
	parting_end(&c->parting);
	free(c);
}

void call_finish(struct server *s, struct call *c) {
	if (c->state == CALL_GREETED || c->state == CALL_RUNNING)
		s->running--;
	c->state = CALL_DONE;
	c->deadline = -1;
	fd_close(&c->sock);
	/* Without its request it is not known what setup changed in the environment. */
	if (c->first && !s->origin.learned)
		server_drain(s, "the first caller has gone");
}

static void decline(struct server *s, struct call *c, const char *reason) {
	reply_declined(c, reason, NULL);
	call_finish(s, c);
}

void call_greet(struct server *s, struct call *c) {
	reply_greeting(s, c);
	c->state = CALL_GREETED;
	c->deadline = clock_ms() + REQUEST_TIME;
	s->running++;
}

void call_drop(struct server *s, struct call *c) {
	call_finish(s, c);
}

/* In the child: close what is the server's own, and every other call's. */
static void close_servers_own(struct server *s, struct call *mine) {
	fd_close(&s->handshake.listen_fd);
	fd_close(&s->handshake.watch_error_fd);
	fd_close(&s->handshake.watch_sentinel_fd);
	fd_close(&s->signal_fd);
	fd_close(&s->leader_fd);
	fd_close(&s->improved_fd);
	for (struct call *c = s->calls; c; c = c->next) {
		if (c == mine)
			continue;
		fd_close(&c->sock);
		fd_close_all(c->receiver.fds, c->receiver.fd_count);
		parting_forget(&c->parting);
	}
}

/* In the child: become the executor.  Where that fails nothing has run yet, so the client can still go elsewhere. */
static int become_executor(struct server *s, struct call *c, pid_t server, struct request *q,
                           struct prefork_call *result) {
	char why[WIRE_MAX_REASON];

	/* The server's end, however it ends, is not to leave a call behind that nobody hears of. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != server)
		_exit(127);
	close_servers_own(s, c);
	snprintf(why, sizeof why, "the caller's process group can't be joined");
	if (setpgid(0, c->group) < 0 ||
	    executor_install(q, c->receiver.fds, &c->sock, &s->origin, result, why, sizeof why) < 0) {
		reply_declined(c, why, NULL);
		/* No status may follow. */
		if (c->receiver.protocol == 2)
			shutdown(c->sock, SHUT_RDWR);
		_exit(127);
	}
	c->receiver.fd_count = 0;
	s->parting = c->parting;
	if (s->handshake.own_session)
		reply_started(c, s->group);
	fd_close(&c->sock);
	return 1;
}

/* Decode what came; the descriptors' numbers in protocol 1 are implied by their order. */
static int decode(struct call *c, struct request *q, const char **why) {
	size_t n;
	const unsigned char *payload = receive_payload(&c->receiver, &n);

	if (c->receiver.protocol == 2) {
		if (request_decode(payload, n, q, why) < 0)
			return -1;
	} else {
		if (request_decode1(payload, n, q, why) < 0)
			return -1;
		for (q->descriptor_count = 0; q->descriptor_count < 3; q->descriptor_count++)
			q->descriptor_number[q->descriptor_count] = (uint32_t)q->descriptor_count;
	}
	*why = "another number of descriptors than announced";
	return q->descriptor_count == c->receiver.fd_count ? 0 : -1;
}

/* The only clients that speak protocol 1 to us put interpreter and script before the arguments. */
static void drop_peers_words(struct request *q) {
	for (int i = 0; i < 2 && q->arguments.count > 0; i++) {
		q->arguments.bytes += strlen(q->arguments.bytes) + 1;
		q->arguments.count--;
	}
}

/* What the first call tells about setup: what it started with, and the script's name. */
static int learn(struct server *s, struct call *c, const struct request *q) {
	if (q->script)
		log_open(s->options.log_facility, q->script);
	return origin_learn(&s->origin, q, executor_directory(q, c->receiver.fds), &s->files);
}

/* A process group without its leader: a process that does not lead one may begin a session, one that does may not. It
 * is there as long as the leader, which has ended, is not waited for, or another is in it.  The leader, or -1. */
static pid_t leaderless_group(void) {
	/* In a process that holds an interpreter this costs a hundredth of a fork, and runs none of its hooks. */
	pid_t leader = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	if (leader == 0) {
		setpgid(0, 0);
		_exit(0);
	}
	return leader;
}

/* Where the executor is to be: in the client's group if we are in its session; else in one of its own, which it leads
 * if the client leads its own.  Returns a process to be waited for when the executor is there, or 0. */
static pid_t choose_group(const struct server *s, struct call *c) {
	pid_t client = c->receiver.protocol == 2 ? monitor_client(c) : 0, group = client > 0 ? getpgid(client) : -1, leader;

	c->group = s->handshake.own_session ? group : 0;
	if (s->handshake.own_session || group < 0 || group == client)
		return 0;
	leader = leaderless_group();
	c->group = leader > 0 ? leader : 0;
	return c->group;
}

/* Which of the standard descriptors are terminals: see prefork_caller. */
static unsigned terminals(const struct request *q, const int *fds) {
	unsigned bits = 0;

	for (size_t i = 0; i < q->descriptor_count; i++)
		if (q->descriptor_number[i] <= STDERR_FILENO && isatty(fds[i]))
			bits |= 1u << q->descriptor_number[i];
	return bits;
}

/* As executor_check(), and the runtime is asked. */
static enum executor_verdict check(const struct server *s, const struct call *c, const struct request *q, char *reason,
                                   size_t size) {
	struct prefork_caller caller = {.umask = (mode_t)q->umask, .ignored = q->sigignored};
	enum executor_verdict verdict = executor_check(q, c->receiver.fds, &s->origin, reason, size);
	const char *why;

	/* A protocol 1 request says nothing of this. */
	if (verdict != EXECUTOR_FIT || !q->script || !s->language->declines)
		return verdict;
	caller.terminals = terminals(q, c->receiver.fds);
	why = s->language->declines(s->language->context, &caller);
	if (!why)
		return EXECUTOR_FIT;
	snprintf(reason, size, "%s", why);
	return EXECUTOR_UNFIT;
}

/* Processor time of the server, in microseconds. */
static long long used_us(void) {
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1000000LL + used.tv_nsec / 1000;
}

static int start(struct server *s, struct call *c, struct prefork_call *result) {
	char reason[WIRE_MAX_REASON];
	const char *why;
	enum executor_verdict verdict;
	pid_t child, leader, server = getpid();
	long long began_us;
	struct request q;

	if (decode(c, &q, &why) < 0) {
		server_error(s, "request: %s", why);
		decline(s, c, why);
		return 0;
	}
	if (c->receiver.protocol == 1)
		drop_peers_words(&q);
	if (c->first && learn(s, c, &q) < 0) {
		decline(s, c, "no memory");
		return 0;
	}
	verdict = check(s, c, &q, reason, sizeof reason);
	if (verdict != EXECUTOR_FIT) {
		reply_declined(c, reason, verdict == EXECUTOR_ELSEWHERE ? &s->origin.dependency : NULL);
		call_finish(s, c);
		return 0;
	}
	leader = choose_group(s, c);
	if (s->handshake.own_session)
		parting_begin(&c->parting);
	began_us = used_us();
	child = s->language->fork(s->language->context);
	c->fork_us = used_us() - began_us;
	if (child == 0)
		return become_executor(s, c, server, &q, result);
	/* Here too, so that it is there before anything is sent to its group; the child may have been first. */
	if (child > 0)
		setpgid(child, c->group);
	if (leader > 0)
		waitpid(leader, NULL, 0);
	if (child < 0) {
		server_error(s, "fork: %s", strerror(errno));
		decline(s, c, "the server can't fork");
		return 0;
	}
	monitor_begin(c, child);
	fd_close_all(c->receiver.fds, c->receiver.fd_count);
	c->receiver.fd_count = 0;
	buf_free(&c->receiver.bytes);
	receive_next(&c->receiver);
	return 0;
}

static void control(struct server *s, struct call *c) {
	struct answer a;
	size_t n;
	const unsigned char *bytes = receive_payload(&c->receiver, &n);

	if (message_answer(receive_type(&c->receiver), bytes, n, &a) < 0 || a.verb < WIRE_VERB_REPORT ||
	    a.verb > WIRE_VERB_QUIT) {
		decline(s, c, "control message not understood");
		return;
	}
	if (a.verb != WIRE_VERB_REPORT)
		server_drain(s, "asked to");
	reply_report(s, c);
	call_finish(s, c);
	if (a.verb == WIRE_VERB_QUIT)
		for (struct call *other = s->calls; other; other = other->next)
			monitor_end(s, other);
}

/* Which messages are permitted in which state: one switch. */
static int dispatch(struct server *s, struct call *c, struct prefork_call *result) {
	uint32_t type = receive_type(&c->receiver);

	if (c->state == CALL_GREETED && type == WIRE_REQUEST)
		return start(s, c, result);
	if (c->state == CALL_GREETED && type == WIRE_CONTROL && c->receiver.fd_count == 0) {
		control(s, c);
	} else if (c->state == CALL_RUNNING && (type == WIRE_SIGNAL || type == WIRE_AWAKE || type == WIRE_PARTED)) {
		if (type == WIRE_SIGNAL)
			monitor_relay(s, c);
		else if (type == WIRE_AWAKE)
			monitor_awake(c);
		else
			parting_end(&c->parting);
		receive_next(&c->receiver);
	} else {
		server_error(s, "message %u is not permitted in this state", type);
		if (c->state == CALL_RUNNING)
			monitor_lost_client(s, c);
		else
			decline(s, c, "message not permitted in this state");
	}
	return 0;
}

int call_readable(struct server *s, struct call *c, struct prefork_call *result) {
	if (c->state == CALL_LEAVING)
		monitor_leaving(s, c);
	while (c->state == CALL_QUEUED || c->state == CALL_GREETED || c->state == CALL_RUNNING) {
		enum receive_result got;

		/* Nothing is due before the greeting: only a hang-up can have woken us. */
		if (c->state == CALL_QUEUED) {
			call_finish(s, c);
			break;
		}
		/* Protocol 1 has no messages after the request. */
		if (c->state == CALL_RUNNING && c->receiver.protocol == 1) {
			char byte;

			if (recv(c->sock, &byte, 1, MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EINTR))
				monitor_lost_client(s, c);
			break;
		}
		got = receive_step(&c->receiver, c->sock);
		if (got == RECEIVE_MORE)
			break;
		if (got == RECEIVE_BAD) {
			server_error(s, "message: %s", c->receiver.why);
			if (c->state == CALL_GREETED)
				decline(s, c, c->receiver.why);
		}
		if (got != RECEIVE_MESSAGE)
			monitor_lost_client(s, c);
		else if (dispatch(s, c, result) == 1)
			return 1;
	}
	return 0;
}

void call_expired(struct server *s, struct call *c) {
	c->deadline = -1;
	switch (c->state) {
	case CALL_QUEUED:
		reply_greeting(s, c);
		decline(s, c, "the server is at its limit of concurrent calls");
		break;
	case CALL_GREETED:
		server_error(s, "the request did not come in time");
		decline(s, c, "the request did not come in time");
		break;
	case CALL_RUNNING:
	case CALL_LEAVING:
	case CALL_ENDING:
		monitor_expired(s, c);
		break;
	case CALL_DONE:
		break;
	}
}
