/* The running call: see monitor.h. */
#define _GNU_SOURCE
#include "monitor.h"

#include "../wire/fd.h"
#include "../wire/message.h"
#include "reply.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Milliseconds. */
#define GRACE_TIME 2000
#define LEAVING_TIME 2000
#define WAKING_TIME 20 /* between two tries to continue the client */
#define WAKING_TRIES 100

#define SIGNAL_BIT(n) (1ull << ((n)-1))
#define LAST_SIGNAL 64

/* An executor that has changed: how, and what it has used. */
struct change {
	siginfo_t how;
	struct rusage used;
};

/* A caller that is asked to end by one of these is mostly asked together with its whole process group. */
#define ENDS_GROUP (SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGTERM))

pid_t monitor_client(const struct call *c) {
	struct ucred peer;
	socklen_t length = sizeof peer;

	return getsockopt(c->sock, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ? 0 : peer.pid;
}

void monitor_begin(struct call *c, pid_t executor) {
	c->executor = executor;
	if (!c->group)
		c->group = executor;
	c->state = CALL_RUNNING;
	c->deadline = -1;
}

/* To the executor's process group where that is its alone; the one that it shares with its caller is the caller's. */
static void signal_group(const struct server *s, const struct call *c, int number) {
	kill(s->handshake.own_session ? c->executor : -c->group, number);
}

void monitor_relay(struct server *s, struct call *c) {
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
	if (a.group || number == SIGCONT)
		signal_group(s, c, number);
	else
		kill(c->executor, number);
	c->relayed |= SIGNAL_BIT(number);
}

/* The client stops itself when it is told that its executor has; stopped, it can be told nothing, so it is continued. A
 * stop that is just under way undoes that: until the client shows that it runs this is tried again. */
static void continue_client(struct call *c) {
	struct pollfd p = {.fd = c->sock};
	pid_t client = monitor_client(c);
	int fd = client > 0 ? (int)syscall(SYS_pidfd_open, client, 0) : -1;

	/* While it holds its end of the socket the number is still its own. */
	if (fd >= 0 && poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR)))
		syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0);
	fd_close(&fd);
	c->deadline = clock_ms() + WAKING_TIME;
}

static void wake_client(struct call *c) {
	if (!c->stopped_client)
		return;
	c->stopped_client = 0;
	c->waking = WAKING_TRIES;
	continue_client(c);
}

void monitor_awake(struct call *c) {
	c->waking = 0;
	c->deadline = -1;
}

static void wait_for_executor(struct call *c) {
	while (waitpid(c->executor, NULL, 0) < 0 && errno == EINTR)
		;
	c->executor = 0;
}

static void reap(struct server *s, struct call *c) {
	wait_for_executor(c);
	call_finish(s, c);
}

/* As waitid(2), and with the processor time used so far, of which its C function does not tell.  The number of the
 * change's process, 0 for none. */
static pid_t look_at(pid_t executor, struct change *change, int options) {
	memset(change, 0, sizeof *change);
	if (syscall(SYS_waitid, P_PID, executor, &change->how, options, &change->used) < 0)
		return 0;
	return change->how.si_pid;
}

/* As waitpid(2) would tell it. */
static int wait_status(const siginfo_t *how) {
	if (how->si_code == CLD_EXITED)
		return (how->si_status & 0xff) << 8;
	return how->si_status | (how->si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

/* The server goes, and its script runs plain from now on, when it gains too little.  While something may still be
 * learned that is not known. */
static int gains_too_little(struct server *s, const struct call *c, const struct rusage *used, char *why, size_t size) {
	int learns = s->language->improve && (s->look_for_news || s->improving);

	return s->language->found_boundary && s->options.min_gain >= 0 && !s->draining && !learns &&
	       worth_call(&s->worth, s->options.min_gain, c->fork_us, used, why, size);
}

/* Tell the status.  Where more than that depends on it, the executor's end is not complete before the client's is: its
 * zombie keeps the process group there that both are of, and a client that is stopped has to go on first. */
static void executor_gone(struct server *s, struct call *c, const struct change *change) {
	char why[WIRE_MAX_REASON];
	int poor = gains_too_little(s, c, &change->used, why, sizeof why);
	int linger = c->sock >= 0 && c->state == CALL_RUNNING && (s->handshake.own_session || c->stopped_client);

	s->served++;
	s->idle_since = clock_ms();
	if (!s->look_for_news)
		s->news_since = s->idle_since;
	s->look_for_news = 1;
	/* Who hears of the end finds nothing left. */
	if (!linger)
		wait_for_executor(c);
	if (c->sock >= 0)
		reply_status(c, wait_status(&change->how), poor ? why : NULL);
	if (poor)
		server_drain(s, why);
	if (!linger) {
		call_finish(s, c);
		return;
	}
	c->state = CALL_LEAVING;
	s->running--;
	c->deadline = clock_ms() + LEAVING_TIME;
	c->waking = 0;
	wake_client(c);
}

/* The executor has ended.  Until it is reaped its number can't become another group's, so whatever is sent to
 * the group goes before; while its client is gone the group has its grace time. */
static void executor_ended(struct server *s, struct call *c, const struct change *change) {
	const siginfo_t *how = &change->how;
	int killed = how->si_code == CLD_KILLED || how->si_code == CLD_DUMPED;

	if (c->state == CALL_ENDING && c->deadline >= 0 && !s->handshake.own_session)
		return;
	if (killed && !s->handshake.own_session && (SIGNAL_BIT(how->si_status) & c->relayed & ENDS_GROUP))
		signal_group(s, c, SIGTERM);
	executor_gone(s, c, change);
}

static void executor_stopped(struct call *c, int number) {
	c->waking = 0;
	c->deadline = -1;
	reply_stopped(c, number);
	c->stopped_client = 1;
}

static void executor_continued(struct call *c) {
	reply_continued(c);
	wake_client(c);
}

void monitor_child_changed(struct server *s, struct call *c) {
	int consume = WSTOPPED | WCONTINUED | WNOHANG;
	struct change change;
	const siginfo_t *how = &change.how;

	while (c->executor > 0 && c->state != CALL_LEAVING) {
		if (!look_at(c->executor, &change, WEXITED | consume | WNOWAIT))
			return;
		if (how->si_code != CLD_STOPPED && how->si_code != CLD_CONTINUED) {
			executor_ended(s, c, &change);
			return;
		}
		/* Consume it, or it would be seen for ever. */
		if (!look_at(c->executor, &change, consume))
			return;
		if (c->state != CALL_RUNNING || c->receiver.protocol != 2)
			continue;
		if (how->si_code == CLD_STOPPED)
			executor_stopped(c, how->si_status);
		else
			executor_continued(c);
	}
}

static void begin_ending(struct server *s, struct call *c, int number, long long deadline) {
	signal_group(s, c, number);
	/* A stopped group would not notice. */
	signal_group(s, c, SIGCONT);
	c->state = CALL_ENDING;
	c->waking = 0;
	s->running--;
	c->deadline = deadline;
}

void monitor_end(struct server *s, struct call *c) {
	if (c->state == CALL_RUNNING)
		begin_ending(s, c, SIGTERM, clock_ms() + GRACE_TIME);
}

void monitor_lost_client(struct server *s, struct call *c) {
	if (c->state == CALL_RUNNING && s->handshake.own_session)
		/* Only SIGKILL can have ended it, and would have ended the plain interpreter and nobody else. */
		begin_ending(s, c, SIGKILL, -1);
	else if (c->state == CALL_RUNNING)
		monitor_end(s, c);
	else if (c->state != CALL_ENDING)
		call_finish(s, c);
}

void monitor_leaving(struct server *s, struct call *c) {
	char bytes[512];
	ssize_t n;

	/* What it sent before it knew. */
	while ((n = recv(c->sock, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		continue;
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		reap(s, c);
}

void monitor_expired(struct server *s, struct call *c) {
	if (c->waking > 0 && --c->waking > 0) {
		continue_client(c);
		return;
	}
	if (c->state == CALL_LEAVING) {
		reap(s, c);
	} else if (c->state == CALL_ENDING) {
		signal_group(s, c, SIGKILL);
		/* It may have left its group.  It is waited for by SIGCHLD: not every process can be killed. */
		kill(c->executor, SIGKILL);
		monitor_child_changed(s, c);
	}
}
