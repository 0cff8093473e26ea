/* The server's poll loop: see loop.h. */
#define _GNU_SOURCE
#include "loop.h"

#include "../wire/fd.h"
#include "call.h"
#include "improve.h"
#include "log.h"
#include "monitor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

/* Milliseconds without accepting after accept() failed for want of descriptors or memory, instead of spinning. */
#define ACCEPT_PAUSE 100

enum { POLL_SIGNAL, POLL_WATCHER, POLL_LEADER, POLL_IMPROVED, POLL_LISTEN, POLL_CALLS };

struct loop {
	struct server *server;
	struct pollfd *polls;
	size_t poll_capacity;
	struct call **polled; /* the call of each entry from POLL_CALLS on */
	size_t polled_count;
	long long accept_after; /* clock_ms(); no accepting before */
};

void server_error(struct server *s, const char *format, ...) {
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	log_message(LOG_ERR, "%s", text);
	if (++s->errors == s->options.max_errors)
		server_drain(s, "too many errors");
}

static void stop_accepting(struct server *s) {
	s->draining = 1;
	fd_close(&s->handshake.listen_fd);
	for (struct call *c = s->calls; c; c = c->next)
		if (c->state == CALL_QUEUED)
			call_drop(s, c);
}

void server_hand_over(struct server *s) {
	stop_accepting(s);
	/* The watcher is the other's from here on. */
	fd_close(&s->handshake.watch_error_fd);
	fd_close(&s->handshake.watch_sentinel_fd);
}

void server_drain(struct server *s, const char *reason) {
	if (s->draining)
		return;
	improve_abandon(s);
	/* First this, so that a client that sees its connection closed finds nobody listening; and by shutdown, so that a
	 * stray child of setup which holds the socket too does not listen for us. */
	if (s->handshake.listen_fd >= 0)
		shutdown(s->handshake.listen_fd, SHUT_RDWR);
	stop_accepting(s);
	log_message(LOG_INFO, "no more calls: %s", reason);
}

static int has_room(const struct server *s) {
	return s->options.max_servers < 0 || (long)s->running < s->options.max_servers;
}

/* Greet a call, or find that what we loaded is no longer what a fresh run would load. */
static void greet(struct server *s, struct call *c) {
	const char *changed = files_changed(&s->files);

	if (!changed) {
		call_greet(s, c);
		return;
	}
	log_message(LOG_DEBUG, "%s has changed", changed);
	server_drain(s, "a file has changed");
}

static void greet_waiting(struct server *s) {
	/* What setup changed in the environment is known when the first request is there. */
	while (!s->draining && has_room(s) && s->origin.learned) {
		struct call *first = NULL;

		/* New calls are put at the list's head, so the last of the queued is the oldest. */
		for (struct call *c = s->calls; c; c = c->next)
			if (c->state == CALL_QUEUED)
				first = c;
		if (!first)
			return;
		greet(s, first);
	}
}

static void accept_call(struct loop *l) {
	struct server *s = l->server;
	int sock = accept4(s->handshake.listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (sock < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		server_error(s, "accept: %s", strerror(errno));
		l->accept_after = clock_ms() + ACCEPT_PAUSE;
		return;
	}
	if (fd_peer_is_us(sock) != 1) {
		server_error(s, "a connection of another user was refused");
		fd_close(&sock);
		return;
	}
	if (!call_new(s, sock))
		server_error(s, "accept: %s", strerror(errno));
}

/* What the watcher has to say; its end means that the socket is gone. */
static void hear_watcher(struct server *s) {
	char text[512];
	ssize_t n = read(s->handshake.watch_error_fd, text, sizeof text - 1);
	char *rest = text, *line;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fd_close(&s->handshake.watch_error_fd);
		server_drain(s, "the watcher has ended");
		return;
	}
	text[n] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (*line)
			server_error(s, "watcher: %s", line);
}

static void take_signals(struct server *s) {
	struct signalfd_siginfo info;
	int child = 0;

	while (read(s->signal_fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGCHLD) {
			child = 1;
			continue;
		}
		/* Asked twice: the running calls have to end too. */
		if (s->draining && info.ssi_signo != SIGXCPU)
			for (struct call *c = s->calls; c; c = c->next)
				monitor_end(s, c);
		server_drain(s, strsignal((int)info.ssi_signo));
	}
	for (struct call *c = s->calls; child && c; c = c->next)
		monitor_child_changed(s, c);
}

static int reserve_polls(struct loop *l, size_t n) {
	struct pollfd *polls;
	struct call **polled;

	if (n <= l->poll_capacity)
		return 0;
	n *= 2;
	polls = realloc(l->polls, n * sizeof *polls);
	if (polls)
		l->polls = polls;
	polled = polls ? realloc(l->polled, n * sizeof *polled) : NULL;
	if (!polled)
		return -1;
	l->polled = polled;
	l->poll_capacity = n;
	return 0;
}

static int wants_connection(const struct loop *l) {
	const struct server *s = l->server;

	if (s->draining || clock_ms() < l->accept_after)
		return 0;
	/* A protocol 1 client waits in the kernel's queue: it could not be told that there is no room. */
	return s->handshake.protocol2 || has_room(s);
}

static int fill_polls(struct loop *l) {
	struct server *s = l->server;
	size_t n = POLL_CALLS;

	for (struct call *c = s->calls; c; c = c->next)
		n++;
	if (reserve_polls(l, n) < 0)
		return -1;
	l->polls[POLL_SIGNAL] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
	l->polls[POLL_WATCHER] = (struct pollfd){.fd = s->handshake.watch_error_fd, .events = POLLIN};
	l->polls[POLL_LEADER] = (struct pollfd){.fd = s->leader_fd, .events = POLLIN};
	l->polls[POLL_IMPROVED] = (struct pollfd){.fd = s->improved_fd, .events = POLLIN};
	l->polls[POLL_LISTEN] = (struct pollfd){.fd = wants_connection(l) ? s->handshake.listen_fd : -1, .events = POLLIN};
	l->polled_count = 0;
	for (struct call *c = s->calls; c; c = c->next) {
		int listen_to = c->state != CALL_ENDING && c->state != CALL_DONE;

		l->polled[l->polled_count] = c;
		l->polls[POLL_CALLS + l->polled_count++] = (struct pollfd){.fd = listen_to ? c->sock : -1, .events = POLLIN};
	}
	return 0;
}

/* While a call runs nothing is loaded: that would cost the call. */
static int wants_news(const struct server *s) {
	return s->look_for_news && !s->calls && !s->draining && !s->improving && s->language->improve;
}

/* Calls that come one right after the other are not to keep it away for ever. */
static int is_time_for_news(const struct server *s) {
	long long now = clock_ms();

	return now >= s->idle_since + IMPROVE_DELAY || now >= s->news_since + IMPROVE_PATIENCE;
}

/* When something is next due: clock_ms(), or -1. */
static long long next_deadline(const struct loop *l) {
	const struct server *s = l->server;
	long long next = -1;

	for (struct call *c = s->calls; c; c = c->next)
		if (c->deadline >= 0 && (next < 0 || c->deadline < next))
			next = c->deadline;
	if (!s->calls && s->options.idle_timeout >= 0 && !s->draining) {
		long long idle = s->idle_since + s->options.idle_timeout * 1000LL;

		if (next < 0 || idle < next)
			next = idle;
	}
	if (wants_news(s) && (next < 0 || s->idle_since + IMPROVE_DELAY < next))
		next = s->idle_since + IMPROVE_DELAY;
	if (!s->draining && l->accept_after > clock_ms() && (next < 0 || l->accept_after < next))
		next = l->accept_after;
	return next;
}

static void wait_for_events(struct loop *l) {
	long long next = next_deadline(l), left = next < 0 ? -1 : next - clock_ms();

	if (next >= 0 && left < 0)
		left = 0;
	if (left > INT_MAX)
		left = INT_MAX;
	if (poll(l->polls, POLL_CALLS + l->polled_count, (int)left) < 0)
		for (size_t i = 0; i < POLL_CALLS + l->polled_count; i++)
			l->polls[i].revents = 0;
}

static void expire(struct server *s) {
	long long now = clock_ms();

	for (struct call *c = s->calls; c; c = c->next)
		if (c->deadline >= 0 && c->deadline <= now)
			call_expired(s, c);
	if (!s->calls && s->options.idle_timeout >= 0 && now - s->idle_since >= s->options.idle_timeout * 1000LL)
		server_drain(s, "idle");
}

static void free_done(struct server *s) {
	struct call **at = &s->calls;

	while (*at) {
		struct call *c = *at;

		if (c->state != CALL_DONE) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		call_free(c);
	}
}

/* One round; 1 in an executor. */
static int turn(struct loop *l, struct prefork_call *result) {
	struct server *s = l->server;

	if (l->polls[POLL_SIGNAL].revents)
		take_signals(s);
	if (l->polls[POLL_WATCHER].revents)
		hear_watcher(s);
	if (l->polls[POLL_LEADER].revents) {
		fd_close(&s->leader_fd);
		server_drain(s, "its session has ended");
	}
	if (l->polls[POLL_IMPROVED].revents)
		improve_heard(s);
	for (size_t i = 0; i < l->polled_count; i++)
		if (l->polls[POLL_CALLS + i].revents && call_readable(s, l->polled[i], result) == 1)
			return 1;
	if (l->polls[POLL_LISTEN].revents && !s->draining)
		accept_call(l);
	expire(s);
	greet_waiting(s);
	free_done(s);
	if (wants_news(s) && is_time_for_news(s))
		improve_start(s);
	return 0;
}

int loop_run(struct server *s, struct prefork_call *result) {
	struct loop l = {.server = s};
	const char *newer = files_newer(&s->files, &s->handshake.start);
	struct call *first = call_new(s, s->handshake.call_fd);
	int executor = 0;

	s->handshake.call_fd = -1;
	s->idle_since = clock_ms();
	/* The first call gets what a fresh run started at that moment would have got, changed or not. */
	if (first) {
		first->first = 1;
		call_greet(s, first);
	} else {
		server_drain(s, "no memory");
	}
	if (newer) {
		log_message(LOG_DEBUG, "%s changed during initialisation", newer);
		server_drain(s, "a file has changed");
	}
	while (!executor && (s->calls || !s->draining)) {
		if (fill_polls(&l) < 0) {
			/* Without memory for polling there is no way to go on, nor to end the calls well. */
			log_message(LOG_CRIT, "poll: %s", strerror(ENOMEM));
			break;
		}
		wait_for_events(&l);
		executor = turn(&l, result);
	}
	free(l.polls);
	free(l.polled);
	return executor;
}
