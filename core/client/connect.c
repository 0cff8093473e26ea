/* From a key to a connection: see connect.h. */
#define _GNU_SOURCE
#include "connect.h"

#include "../run/launch.h"
#include "../run/refusal.h"
#include "../wire/fd.h"
#include "../wire/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define GREETING_TIME 10000 /* milliseconds */
#define MAX_ROUNDS 3

enum greeting { GREETED, HUNG_UP, SILENT, UNUSABLE };

static enum greeting read_greeting(struct connection *c, char *why, size_t why_size) {
	c->protocol = talk_greeting(c->sock, clock_ms() + GREETING_TIME);
	if (c->protocol > 0)
		return GREETED;
	snprintf(why, why_size, "the server's greeting: %s", c->protocol == 0 ? "none" : strerror(errno));
	if (c->protocol == 0)
		return HUNG_UP;
	return errno == ETIMEDOUT ? SILENT : UNUSABLE;
}

/* The path that is RELATIVE to our own executable's folder, so that an installed tree may be moved.  0, or -1. */
static int own_path(char path[PATH_MAX], const char *relative) {
	char own[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
	char *slash;
	int length;

	if (n <= 0)
		return -1;
	own[n] = '\0';
	slash = strrchr(own, '/');
	if (!slash)
		return -1;
	*slash = '\0';
	length = snprintf(path, PATH_MAX, "%s/%s", own, relative);
	return length < 0 || length >= PATH_MAX ? -1 : 0;
}

static const char *launch_mode(const struct words *w, int fresh) {
	if (w->mode == WORDS_KILL)
		return LAUNCH_MODE_KILL;
	if (fresh)
		return w->unlaundered ? LAUNCH_MODE_FRESH_UNLAUNDERED : LAUNCH_MODE_FRESH;
	return w->unlaundered ? LAUNCH_MODE_START_UNLAUNDERED : LAUNCH_MODE_START;
}

/* The words of core/run/launch.h; malloc'ed, the strings are borrowed. */
static const char **launcher_arguments(const struct server_wanted *s, const char *mode, const char *call,
                                       const char *options, const char *count) {
	const struct words *w = s->words;
	size_t arguments = 0, n = LAUNCH_NAME;
	const char **v;

	while (w->arguments[arguments])
		arguments++;
	v = calloc(LAUNCH_NAME + 3 + (size_t)w->interpreter_argument_count + arguments, sizeof *v);
	if (!v)
		return NULL;
	v[0] = "prefork-launch";
	v[LAUNCH_VERSION] = PACKAGE_VERSION;
	v[LAUNCH_MODE] = mode;
	v[LAUNCH_CALL] = call;
	v[LAUNCH_KEY] = s->key;
	v[LAUNCH_BASE] = s->base;
	v[LAUNCH_LEARNED] = s->learned;
	v[LAUNCH_SESSION] = s->session->own ? LAUNCH_SESSION_OWN : LAUNCH_SESSION_SHARED;
	v[LAUNCH_BOUNDARY] = w->split ? LAUNCH_BOUNDARY_SPLIT : LAUNCH_BOUNDARY_USUAL;
	v[LAUNCH_OPTIONS] = options;
	v[LAUNCH_COUNT] = count;
	v[LAUNCH_INTERPRETER] = s->interpreter;
	v[n++] = w->interpreter;
	for (int i = 0; i < w->interpreter_argument_count; i++)
		v[n++] = w->interpreter_arguments[i];
	v[n++] = w->script;
	memcpy(v + n, w->arguments, arguments * sizeof *v);
	return v;
}

static void server_options(const struct words *w, char *text, size_t size) {
	const struct {
		const char *name, *value;
	} options[] = {{"idle_timeout", w->idle_timeout}, {"max_servers", w->max_servers}, {"min_gain", w->min_gain}};
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (options[i].value && n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%s=%s", n ? "," : "", options[i].name, options[i].value);
}

/* Run PROGRAM with V, CALL (unless -1) inherited; its wait status, or -1 with errno. */
static int run_program(const char *program, const char *const *v, int call) {
	struct sigaction before, standard = {.sa_handler = SIG_DFL};
	int status = -1, got;
	pid_t child;

	/* A caller that ignores SIGCHLD has passed that on to us, and the status would be lost. */
	sigaction(SIGCHLD, &standard, &before);
	child = vfork();
	if (child == 0) {
		if (call >= 0)
			fcntl(call, F_SETFD, 0);
		sigaction(SIGCHLD, &before, NULL);
		execve(program, (char *const *)(uintptr_t)v, environ);
		_exit(127);
	}
	if (child > 0) {
		do
			got = waitpid(child, &status, 0);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			status = -1;
	}
	sigaction(SIGCHLD, &before, NULL);
	return status;
}

/* Run the launcher, with CALL or -1.  Its exit status, or -1 with one line in WHY. */
static int launch(const struct server_wanted *s, const char *mode, int call, char *why, size_t why_size) {
	char path[PATH_MAX], number[16] = "-", count[16], options[128];
	const char **v;
	int status;

	if (own_path(path, PREFORK_RELATIVE_LAUNCHER) < 0) {
		snprintf(why, why_size, "/proc/self/exe: the launcher can't be found");
		return -1;
	}
	if (call >= 0)
		snprintf(number, sizeof number, "%d", call);
	snprintf(count, sizeof count, "%d", s->words->interpreter_argument_count);
	server_options(s->words, options, sizeof options);
	v = launcher_arguments(s, mode, number, options, count);
	status = v ? run_program(path, v, call) : -1;
	free(v);
	snprintf(why, why_size, "%s: %s", path, status < 0 ? strerror(errno) : "failed");
	status = status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	/* The launcher has said itself why not (PREFORK_INTERP_DEBUG). */
	if (status == LAUNCH_PLAIN || status == LAUNCH_NOT_KILLED)
		why[0] = '\0';
	return status;
}

/* Start a server and make the call over a socketpair: HUNG_UP when another launcher was first. */
static enum greeting first_call(struct connection *c, const struct server_wanted *s, const char *mode, char *why,
                                size_t why_size) {
	int pair[2], status;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		snprintf(why, why_size, "socketpair: %s", strerror(errno));
		return UNUSABLE;
	}
	status = launch(s, mode, pair[1], why, why_size);
	fd_close(&pair[1]);
	c->sock = pair[0];
	if (status == LAUNCH_SERVED)
		return read_greeting(c, why, why_size);
	return status == LAUNCH_CONNECT ? HUNG_UP : UNUSABLE;
}

/* What a refusal is true of. */
static int identify(const struct server_wanted *s, struct refusal_subject *subject) {
	char plugins[PATH_MAX], *slash;

	/* Where the launcher finds them: from its own folder. */
	if (own_path(plugins, PREFORK_RELATIVE_LAUNCHER) < 0 || !(slash = strrchr(plugins, '/')))
		return -1;
	if (slash + 1 - plugins + sizeof PREFORK_RELATIVE_PLUGINS > sizeof plugins)
		return -1;
	memcpy(slash + 1, PREFORK_RELATIVE_PLUGINS, sizeof PREFORK_RELATIVE_PLUGINS);
	return refusal_identify(subject, s->words->script, plugins);
}

/* Is it known that no server can be had?  The launcher would find out too, but costs more than the interpreter's start
 * may. */
static int is_refused(const struct rundir *d, const struct server_wanted *s, char *why, size_t why_size) {
	struct refusal_subject subject;

	return !s->words->fresh && identify(s, &subject) == 0 && refusal_find(d, s->key, &subject, why, why_size);
}

static enum greeting existing_server(struct connection *c, const struct server_wanted *s, char *why, size_t why_size) {
	enum greeting nobody = HUNG_UP;
	struct rundir d;
	int saved;

	if (rundir_open(&d, 0, why, why_size) < 0)
		return errno == ENOENT ? HUNG_UP : UNUSABLE;
	c->sock = rundir_connect(&d, s->key);
	saved = errno;
	snprintf(why, why_size, "%s/%c%s: %s", d.path, RUNDIR_SOCKET, s->key, strerror(saved));
	if (c->sock < 0 && ((saved != ENOENT && saved != ECONNREFUSED) || is_refused(&d, s, why, why_size)))
		nobody = UNUSABLE;
	rundir_close(&d);
	return c->sock >= 0 ? read_greeting(c, why, why_size) : nobody;
}

int connect_server(struct connection *c, const struct server_wanted *s, char *why, size_t why_size) {
	int fresh = s->words->fresh;

	c->sock = -1;
	for (int round = 0; round < MAX_ROUNDS; round++) {
		enum greeting g = fresh ? HUNG_UP : existing_server(c, s, why, why_size);

		/* A server that is stopped, or that only a stray child of setup keeps listening: put it aside, once. */
		fresh |= g == SILENT;
		if (g == HUNG_UP || g == SILENT) {
			fd_close(&c->sock);
			g = first_call(c, s, launch_mode(s->words, fresh), why, why_size);
			fresh = 0;
		}
		if (g == GREETED)
			return 0;
		fd_close(&c->sock);
		if (g != HUNG_UP)
			return -1;
	}
	snprintf(why, why_size, "no server stays until it has greeted");
	return -1;
}

void connect_refuse(const struct server_wanted *s, const char *why) {
	struct refusal_subject subject;
	char ignored[64];
	struct rundir d;

	if (rundir_open(&d, 0, ignored, sizeof ignored) < 0)
		return;
	if (identify(s, &subject) == 0)
		refusal_remember(&d, s->key, &subject, why, REFUSAL_TIME_GAIN);
	rundir_close(&d);
}

int connect_kill(const struct server_wanted *s, char *why, size_t why_size) {
	return launch(s, launch_mode(s->words, 0), -1, why, why_size) == LAUNCH_KILLED ? 0 : -1;
}
