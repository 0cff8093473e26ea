/* One call, from its connection to its status: see call.h. */
#define _GNU_SOURCE
#include "call.h"

#include "../wire/fd.h"
#include "../wire/message.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

/* Milliseconds. */
#define QUEUEING_TIME 200
#define FIRST_TIME 5000 /* for the first caller's request, without which no other can be served */
#define REQUEST_TIME 30000
#define GRACE_TIME 2000

#define SIGNAL_BIT(n) (1ull << ((n)-1))
#define LAST_SIGNAL 64

/* A caller that is asked to end by one of these is mostly asked together with its whole process group. */
#define ENDS_GROUP (SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGTERM))

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
	free(c);
}

/* The call is over; what was counted is counted back. */
static void finish(struct server *s, struct call *c) {
	if (c->state == CALL_GREETED || c->state == CALL_RUNNING)
		s->running--;
	c->state = CALL_DONE;
	c->deadline = -1;
	fd_close(&c->sock);
	/* Without its request it is not known what setup changed in the environment. */
	if (c->first && !s->origin.learned)
		server_drain(s, "the first caller has gone");
}

/* Our messages fit into any socket buffer; a client that has gone is noticed by its hang-up. */
static void send_buf(struct call *c, struct buf *b) {
	if (!b->failed)
		(void)send(c->sock, b->data, b->length, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(b);
}

static void send_reason(struct call *c, enum wire_message type, const char *reason) {
	struct buf b;
	size_t began;

	buf_init(&b, WIRE_MAX_SMALL);
	began = message_begin(&b, type);
	message_field_bytes(&b, WIRE_REASON, reason, strnlen(reason, WIRE_MAX_REASON));
	message_end(&b, began);
	send_buf(c, &b);
}

static void send_number(struct call *c, enum wire_message type, enum wire_field tag, uint32_t v) {
	struct buf b;
	size_t began;

	buf_init(&b, WIRE_MAX_SMALL);
	began = message_begin(&b, type);
	message_field_u32(&b, tag, v);
	message_end(&b, began);
	send_buf(c, &b);
}

static void send_report(struct server *s, struct call *c) {
	/* This call is among the running ones, and is none. */
	unsigned running = s->running - 1;
	struct buf b;
	size_t began;

	buf_init(&b, WIRE_MAX_SMALL);
	began = message_begin(&b, WIRE_REPORT);
	message_field_u32(&b, WIRE_PID, (uint32_t)getpid());
	message_field_u32(&b, WIRE_RUNNING, running);
	message_field_u64(&b, WIRE_SERVED, s->served);
	message_field_u64(&b, WIRE_IDLE_MS, running ? 0 : (uint64_t)(clock_ms() - s->idle_since));
	message_end(&b, began);
	send_buf(c, &b);
}

static void send_status(struct call *c, int wait_status) {
	struct buf b;

	if (c->receiver.protocol == 2) {
		send_number(c, WIRE_STATUS, WIRE_WAITSTATUS, (uint32_t)wait_status);
		return;
	}
	buf_init(&b, WIRE_MAX_SMALL);
	buf_put_u32(&b, (uint32_t)wait_status);
	send_buf(c, &b);
}

/* Nothing has run and nothing will.  Protocol 1 has no message for that: its client sees the hang-up. */
static void decline(struct server *s, struct call *c, const char *reason) {
	if (c->receiver.protocol == 2)
		send_reason(c, WIRE_DECLINED, reason);
	finish(s, c);
}

static void send_greeting(struct server *s, struct call *c) {
	struct buf b;

	buf_init(&b, WIRE_MAX_SMALL);
	message_greeting(&b, s->handshake.protocol2);
	send_buf(c, &b);
}

void call_greet(struct server *s, struct call *c) {
	send_greeting(s, c);
	c->state = CALL_GREETED;
	c->deadline = clock_ms() + REQUEST_TIME;
	s->running++;
}

void call_drop(struct server *s, struct call *c) {
	finish(s, c);
}

/* In the child: close what is the server's own, and every other call's. */
static void close_servers_own(struct server *s, struct call *mine) {
	fd_close(&s->handshake.listen_fd);
	fd_close(&s->handshake.watch_error_fd);
	fd_close(&s->handshake.watch_sentinel_fd);
	fd_close(&s->signal_fd);
	for (struct call *c = s->calls; c; c = c->next) {
		if (c == mine)
			continue;
		fd_close(&c->sock);
		fd_close_all(c->receiver.fds, c->receiver.fd_count);
	}
}

/* In the child: become the executor.  Where that fails nothing has run yet, so the client can still go elsewhere. */
static int become_executor(struct server *s, struct call *c, pid_t server, const struct request *q,
                           struct prefork_call *result) {
	char why[WIRE_MAX_REASON];

	/* The server's end, however it ends, is not to leave a call behind that nobody hears of. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != server)
		_exit(127);
	setpgid(0, 0);
	close_servers_own(s, c);
	if (executor_install(q, c->receiver.fds, &c->sock, &s->origin, result, why, sizeof why) < 0) {
		if (c->receiver.protocol == 2) {
			send_reason(c, WIRE_DECLINED, why);
			/* No status may follow. */
			shutdown(c->sock, SHUT_RDWR);
		}
		_exit(127);
	}
	c->receiver.fd_count = 0;
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
	int directory = -1;

	if (q->script)
		log_open(s->options.log_facility, q->script);
	for (size_t i = 0; i < q->descriptor_count; i++)
		if (q->descriptor_number[i] == WIRE_FD_CWD)
			directory = c->receiver.fds[i];
	return origin_learn(&s->origin, q, directory);
}

static int start(struct server *s, struct call *c, struct prefork_call *result) {
	char reason[WIRE_MAX_REASON];
	const char *why;
	pid_t child, server = getpid();
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
	if (executor_check(&q, &s->origin, reason, sizeof reason) < 0) {
		decline(s, c, reason);
		return 0;
	}
	child = s->language->fork(s->language->context);
	if (child == 0)
		return become_executor(s, c, server, &q, result);
	if (child < 0) {
		server_error(s, "fork: %s", strerror(errno));
		decline(s, c, "the server can't fork");
		return 0;
	}
	/* Here too, so that the group exists before anything is sent to it; the child may have been first. */
	setpgid(child, child);
	c->executor = child;
	c->state = CALL_RUNNING;
	c->deadline = -1;
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
	send_report(s, c);
	finish(s, c);
	if (a.verb == WIRE_VERB_QUIT)
		for (struct call *other = s->calls; other; other = other->next)
			call_end(s, other);
}

static void relay(struct server *s, struct call *c) {
	struct answer a;
	size_t n;
	const unsigned char *bytes = receive_payload(&c->receiver, &n);
	int number;

	if (message_answer(receive_type(&c->receiver), bytes, n, &a) < 0 || a.signal_number < 1 ||
	    a.signal_number > LAST_SIGNAL) {
		server_error(s, "signal message: malformed");
		return;
	}
	number = (int)a.signal_number;
	/* A terminal stops a whole group, a shell continues it; that the shell's signal was meant so can't be seen. */
	if (kill(a.group || number == SIGCONT ? -c->executor : c->executor, number) == 0)
		c->relayed |= SIGNAL_BIT(number);
}

/* Which messages are permitted in which state: one switch. */
static int dispatch(struct server *s, struct call *c, struct prefork_call *result) {
	uint32_t type = receive_type(&c->receiver);

	if (c->state == CALL_GREETED && type == WIRE_REQUEST)
		return start(s, c, result);
	if (c->state == CALL_GREETED && type == WIRE_CONTROL && c->receiver.fd_count == 0) {
		control(s, c);
	} else if (c->state == CALL_RUNNING && type == WIRE_SIGNAL) {
		relay(s, c);
		receive_next(&c->receiver);
	} else {
		server_error(s, "message %u is not permitted in this state", type);
		if (c->state == CALL_RUNNING)
			call_end(s, c);
		else
			decline(s, c, "message not permitted in this state");
	}
	return 0;
}

/* The client has hung up, or broken the protocol. */
static void lost_client(struct server *s, struct call *c) {
	if (c->state == CALL_RUNNING)
		call_end(s, c);
	else if (c->state != CALL_ENDING)
		finish(s, c);
}

int call_readable(struct server *s, struct call *c, struct prefork_call *result) {
	while (c->state == CALL_QUEUED || c->state == CALL_GREETED || c->state == CALL_RUNNING) {
		enum receive_result got;

		/* Nothing is due before the greeting: only a hang-up can have woken us. */
		if (c->state == CALL_QUEUED) {
			finish(s, c);
			break;
		}
		/* Protocol 1 has no messages after the request. */
		if (c->state == CALL_RUNNING && c->receiver.protocol == 1) {
			char byte;

			if (recv(c->sock, &byte, 1, MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EINTR))
				lost_client(s, c);
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
			lost_client(s, c);
		else if (dispatch(s, c, result) == 1)
			return 1;
	}
	return 0;
}

void call_end(struct server *s, struct call *c) {
	if (c->state != CALL_RUNNING)
		return;
	kill(-c->executor, SIGTERM);
	/* A stopped group would not notice. */
	kill(-c->executor, SIGCONT);
	c->state = CALL_ENDING;
	s->running--;
	c->deadline = clock_ms() + GRACE_TIME;
}

/* The client stops itself when it is told that its executor has; stopped, it can be told nothing, so it is continued.
 */
static void continue_client(struct call *c) {
	struct pollfd p = {.fd = c->sock};
	struct ucred peer;
	socklen_t length = sizeof peer;
	int fd;

	if (!c->stopped_client)
		return;
	c->stopped_client = 0;
	if (getsockopt(c->sock, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.pid <= 0)
		return;
	fd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	/* While it holds its end of the socket the number is still its own. */
	if (fd >= 0 && poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR)))
		syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0);
	fd_close(&fd);
}

static void reap(struct server *s, struct call *c) {
	int status;

	while (waitpid(c->executor, &status, 0) < 0 && errno == EINTR)
		;
	c->executor = 0;
	s->served++;
	s->idle_since = clock_ms();
	if (c->sock >= 0) {
		send_status(c, status);
		continue_client(c);
	}
	finish(s, c);
}

void call_expired(struct server *s, struct call *c) {
	c->deadline = -1;
	switch (c->state) {
	case CALL_QUEUED:
		send_greeting(s, c);
		decline(s, c, "the server is at its limit of concurrent calls");
		break;
	case CALL_GREETED:
		server_error(s, "the request did not come in time");
		decline(s, c, "the request did not come in time");
		break;
	case CALL_ENDING:
		kill(-c->executor, SIGKILL);
		/* It may have left its group.  It is waited for by SIGCHLD: not every process can be killed. */
		kill(c->executor, SIGKILL);
		call_child_changed(s, c);
		break;
	case CALL_RUNNING:
	case CALL_DONE:
		break;
	}
}

/* The executor has ended.  Until it is reaped its number can't become another group's, so whatever is sent to
 * the group goes before; while its client is gone the group has its grace time. */
static void executor_ended(struct server *s, struct call *c, const siginfo_t *how) {
	int killed = how->si_code == CLD_KILLED || how->si_code == CLD_DUMPED;

	if (c->state == CALL_ENDING && c->deadline >= 0)
		return;
	if (killed && (SIGNAL_BIT(how->si_status) & c->relayed & ENDS_GROUP))
		kill(-c->executor, SIGTERM);
	reap(s, c);
}

static void executor_stopped(struct call *c, int number) {
	struct buf b;
	size_t began;

	buf_init(&b, WIRE_MAX_SMALL);
	began = message_begin(&b, WIRE_STOPPED);
	message_field_u32(&b, WIRE_SIGNUMBER, (uint32_t)number);
	message_field_u32(&b, WIRE_PID, (uint32_t)getpid());
	message_end(&b, began);
	send_buf(c, &b);
	c->stopped_client = 1;
}

static void executor_continued(struct call *c) {
	send_number(c, WIRE_CONTINUED, WIRE_PID, (uint32_t)getpid());
	continue_client(c);
}

void call_child_changed(struct server *s, struct call *c) {
	int consume = WSTOPPED | WCONTINUED | WNOHANG;
	siginfo_t how;

	while (c->executor > 0) {
		memset(&how, 0, sizeof how);
		if (waitid(P_PID, (id_t)c->executor, &how, WEXITED | consume | WNOWAIT) < 0 || how.si_pid == 0)
			return;
		if (how.si_code != CLD_STOPPED && how.si_code != CLD_CONTINUED) {
			executor_ended(s, c, &how);
			return;
		}
		/* Consume it, or it would be seen for ever. */
		if (waitid(P_PID, (id_t)c->executor, &how, consume) < 0)
			return;
		if (c->state != CALL_RUNNING || c->receiver.protocol != 2)
			continue;
		if (how.si_code == CLD_STOPPED)
			executor_stopped(c, how.si_status);
		else
			executor_continued(c);
	}
}
