/* prefork-interp: the client.  Reads its words, makes the call or runs the plain interpreter, leaves as the script did.
 */
#define _GNU_SOURCE
#include "../run/launch.h"
#include "../wire/fd.h"
#include "../wire/handshake.h"
#include "call.h"
#include "connect.h"
#include "context.h"
#include "interpreter.h"
#include "key.h"
#include "plain.h"
#include "session.h"
#include "shown.h"
#include "signals.h"
#include "title.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define EXIT_OWN_FAILURE 127 /* as of a command that can't be executed */
#define WHY_SIZE 512
#define DEBUG_ALL "2"
#define MAX_SERVERS 4 /* that are asked for one call */

static int fail(const char *what, const char *why) {
	dprintf(STDERR_FILENO, "prefork-interp: %s%s%s\n", what, what[0] ? ": " : "", why);
	return EXIT_OWN_FAILURE;
}

static int is_set(const char *variable) {
	const char *value = getenv(variable);

	return value && value[0];
}

static int debug_is(const char *value) {
	const char *debug = getenv(PREFORK_ENV_DEBUG);

	return debug && strcmp(debug, value) == 0;
}

/* Leave as the executor did.  A wait status has 16 bits, and of an exit status the lower 8 are 0. */
static int leave(const struct words *w, int status) {
	if (WIFEXITED(status) && (status & ~0xff00) == 0)
		return WEXITSTATUS(status);
	if (WIFSIGNALED(status) && (status & ~0xff) == 0)
		signals_die(WTERMSIG(status));
	title_show();
	dprintf(STDERR_FILENO, "prefork-interp: %s: wait status 0x%x can't be reproduced\n", w->script, status);
	return EXIT_OWN_FAILURE;
}

/* Why this call can't be served, if that is clear without asking a server; else NULL. */
static const char *unservable(const struct words *w) {
	/* The caller has got privileges by a program of its own, whose ids are not to mix with others'. */
	if (getauxval(AT_SECURE))
		return "real and effective ids differ";
	if (is_set(PREFORK_ENV_DISABLE))
		return PREFORK_ENV_DISABLE " is set";
	if (!w->script)
		return "no script is named";
	/* Such a path means another file to another process. */
	if (strncmp(w->script, "/proc/", 6) == 0 || strncmp(w->script, "/dev/fd/", 8) == 0)
		return "the script's path is this process's alone";
	return NULL;
}

/* The keys of these ingredients, which are listed here if INGREDIENTS is empty yet, and of what DIFFERS names. */
static int compute_key(struct server_wanted *s, struct buf *ingredients, const struct interpreter *interpreter,
                       const struct call_differs *differs, char *why) {
	int r = 0;

	if (ingredients->length == 0) {
		r = key_ingredients(ingredients, s->words, interpreter);
		if (r == 0)
			key_hash(ingredients->data, ingredients->length, s->learned);
		key_session(ingredients, s->session);
		if (r == 0)
			key_hash(ingredients->data, ingredients->length, s->base);
	}
	if (r == 0)
		r = key_differs(ingredients, differs->strings, differs->length);
	if (r == 0)
		key_hash(ingredients->data, ingredients->length, s->key);
	else
		snprintf(why, WHY_SIZE, "key: %s", strerror(errno));
	return r;
}

/* Make the call, by another server where the first one's setup looked at something that is another here. */
static enum call_end call_one_of(struct server_wanted *s, const struct interpreter *interpreter,
                                 struct context *context, int *wait_status, char *why) {
	struct call_differs differs = {0};
	struct connection c;
	enum call_end end = CALL_DECLINED;
	struct buf ingredients;

	buf_init(&ingredients, WIRE_MAX_MESSAGE);
	for (int round = 0; round < MAX_SERVERS && (round == 0 || differs.length > 0); round++) {
		if (compute_key(s, &ingredients, interpreter, &differs, why) < 0 || connect_server(&c, s, why, WHY_SIZE) < 0)
			break;
		end = call_make(&c, context, s->words, wait_status, &differs, why, WHY_SIZE);
		if (end != CALL_DECLINED)
			break;
	}
	buf_free(&ingredients);
	return end;
}

/* Try to make the call.  1 with *STATUS (an exit status for main) when it was made or nothing may run any more,
 * 0 with WHY when the plain interpreter is to run. */
static int try_call(const struct words *w, struct context *context, const struct interpreter *interpreter, int *status,
                    char *why) {
	struct session session;
	struct server_wanted server = {.words = w, .interpreter = interpreter->path, .session = &session};
	int wait_status;

	if (session_find(&session, w->session, why, WHY_SIZE) < 0 || context_late(context, why, WHY_SIZE) < 0)
		return 0;
	switch (call_one_of(&server, interpreter, context, &wait_status, why)) {
	case CALL_ENDED:
		if (why[0] || debug_is(DEBUG_ALL))
			title_show();
		if (why[0])
			connect_refuse(&server, why);
		if (debug_is(DEBUG_ALL))
			shown_served(&server);
		*status = leave(w, wait_status);
		return 1;
	case CALL_DECLINED:
		return 0;
	case CALL_LOST:
		break;
	}
	*status = fail(w->script, why);
	return 1;
}

static int kill_server(const struct words *w, const struct interpreter *interpreter) {
	struct session session;
	struct server_wanted server = {.words = w, .interpreter = interpreter->path, .session = &session};
	struct buf ingredients;
	char why[WHY_SIZE];
	int r;

	if (!w->script)
		return fail("--kill", "no script is named");
	/* Where no server can be of this session, the shared one is meant. */
	if (session_find(&session, w->session, why, sizeof why) < 0)
		session.own = 0;
	buf_init(&ingredients, WIRE_MAX_MESSAGE);
	r = compute_key(&server, &ingredients, interpreter, &(struct call_differs){0}, why);
	buf_free(&ingredients);
	if (r == 0 && connect_kill(&server, why, sizeof why) == 0)
		return 0;
	return why[0] ? fail(w->script, why) : EXIT_OWN_FAILURE;
}

/* Keep what we open off the numbers 0 to 2 where the caller has closed them. */
static void occupy_standard(void) {
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	fd_close(&fd);
}

/* An interpreter that env(1) would not find either: it says so in its own words. */
static int find_interpreter(struct words *w, struct interpreter *interpreter) {
	if (interpreter_find(w->interpreter, interpreter) == 0)
		return 0;
	if (!w->env_words)
		return -1;
	words_keep_env(w);
	return interpreter_find(w->interpreter, interpreter);
}

static int run(struct words *w) {
	char why[WHY_SIZE];
	const char *reason = unservable(w);
	struct interpreter interpreter;
	struct context context;
	int status, carried;

	/* Before anything else is opened. */
	carried = context_early(&context, w->hash_bang && !w->env_words, why, sizeof why);
	occupy_standard();
	if (find_interpreter(w, &interpreter) < 0)
		return fail(w->interpreter, strerror(errno));
	/* What the kernel makes of a #! line without words: we would run ourselves, again and again. */
	if (interpreter.loops)
		return fail(w->interpreter, "its #! line names no interpreter");
	if (w->mode == WORDS_KILL)
		return kill_server(w, &interpreter);
	if (!reason && carried == 0 && try_call(w, &context, &interpreter, &status, why) == 1)
		return status;
	fd_close(&context.cwd);
	if (is_set(PREFORK_ENV_DEBUG) && (reason || why[0]))
		dprintf(STDERR_FILENO, "prefork-interp: %s: plain run: %s\n", w->script ? w->script : w->interpreter,
		        reason ? reason : why);
	plain_exec(w, interpreter.path);
	return fail(interpreter.path, strerror(errno));
}

/* Does this program's file give privileges, by its mode or its capabilities? */
static int has_privileges(void) {
	struct stat st;

	return stat("/proc/self/exe", &st) < 0 || (st.st_mode & (S_ISUID | S_ISGID)) ||
	       getxattr("/proc/self/exe", "security.capability", NULL, 0) >= 0;
}

int main(int argc, char **argv) {
	char why[WHY_SIZE];
	struct words w;

	title_note(argv);
	if (getauxval(AT_SECURE) && has_privileges())
		return fail("", "set-user-id use is refused");
	if (words_parse(argc, argv, &w, why, sizeof why) < 0)
		return fail("", why);
	switch (w.mode) {
	case WORDS_HELP:
		return dprintf(STDOUT_FILENO, "%s", words_usage) < 0 ? EXIT_OWN_FAILURE : 0;
	case WORDS_VERSION:
		return dprintf(STDOUT_FILENO, "prefork-interp %s\n", PACKAGE_VERSION) < 0 ? EXIT_OWN_FAILURE : 0;
	case WORDS_RUN:
	case WORDS_KILL:
		break;
	}
	return run(&w);
}
