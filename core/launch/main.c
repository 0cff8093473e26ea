/* prefork-launch: makes a server for a client that found none.
 *
 * Read from serve() on: the steps stand there in their order, each the business of one module.  What the exit status
 * says is in core/run/launch.h. */
#define _GNU_SOURCE
#include "../run/launch.h"
#include "../run/refusal.h"

#include "../wire/fd.h"
#include "../wire/handshake.h"
#include "arguments.h"
#include "lock.h"
#include "output.h"
#include "plugin.h"
#include "setup.h"
#include "tidy.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_LIMIT_MS 30000
#define EXIT_BROKEN 127
#define SCRIPT_TEXT (1u << 20) /* bytes of it that plugins may look at */

struct launch {
	char **argv;
	struct arguments arguments;
	struct rundir rundir;
	struct refusal_subject subject;
	char plugins[PATH_MAX];
	char *text; /* of the script, its beginning */
	mode_t umask;
	int ender; /* signal that we are to die of, when all is released */
};

/* Remember the refusal, and be plain. */
static enum launch_status refuse(struct launch *l, const struct reason *why) {
	refusal_remember(&l->rundir, l->arguments.key, &l->subject, why->text, REFUSAL_TIME);
	return LAUNCH_PLAIN;
}

/* After setup exited 0: did it leave a server?  Our own descriptors of the listening socket are closed: if it can be
 * connected to, somebody else holds it.  A server that found a file changed accepts no calls but the first: its
 * greeting was sent before it stopped listening, and lies unread in the client's queue.  A socket that somebody has
 * taken away tells nothing: the client judges by the greeting. */
static int server_is_there(const struct launch *l, struct reason *why) {
	int unread = 0, sock = rundir_connect(&l->rundir, l->arguments.key);

	if (sock >= 0) {
		fd_close(&sock);
		return 1;
	}
	if (errno == ENOENT)
		return 1;
	if (errno != ECONNREFUSED) {
		reason_errno(why, "connect to the new server", l->rundir.path);
		return 0;
	}
	reason_set(why, "setup exited with status 0 before initialisation was complete");
	return ioctl(l->arguments.call, SIOCOUTQ, &unread) == 0 && unread > 0;
}

/* Run setup with all that it needs being there; S->listen_fd is closed on return. */
static enum launch_status run_setup(struct launch *l, struct setup *s, struct reason *why) {
	enum setup_end end = setup_run(s, why);

	fd_close(&s->listen_fd);
	if (end == SETUP_SUCCEEDED && !server_is_there(l, why))
		end = SETUP_FAILED;
	setup_finish(s, end != SETUP_SUCCEEDED);
	if (end == SETUP_SIGNALLED)
		l->ender = s->signal_number;
	/* A runtime of ours has taken over what a successful setup has written: each call shows it. */
	if (end == SETUP_SUCCEEDED || reason_wanted()) {
		output_show(s->output_fd[0]);
		output_show(s->output_fd[1]);
	}
	if (end == SETUP_SUCCEEDED)
		return LAUNCH_SERVED;
	return end == SETUP_FAILED ? refuse(l, why) : LAUNCH_PLAIN;
}

/* Socket, watcher, setup.  Unless a server came of it, nothing stays. */
static enum launch_status start_server(struct launch *l, struct setup *s, struct reason *why) {
	enum launch_status status = LAUNCH_PLAIN;
	struct watch watch = {-1, -1};

	/* What is still there under this name answers nobody. */
	tidy_put_aside(&l->rundir, l->arguments.key);
	s->listen_fd = rundir_listen(&l->rundir, l->arguments.key);
	if (s->listen_fd < 0) {
		reason_errno(why, "make socket", l->rundir.path);
	} else if (watch_start(&watch, &l->rundir, l->arguments.key, l->argv, why) == 0) {
		s->watch_error_fd = watch.error_fd;
		s->watch_sentinel_fd = watch.sentinel_fd;
		status = run_setup(l, s, why);
	}
	if (status != LAUNCH_SERVED)
		tidy_put_aside(&l->rundir, l->arguments.key);
	fd_close(&s->listen_fd);
	watch_close(&watch);
	return status;
}

/* Ask the plugins how the interpreter is to be executed; they are not needed after that, nor kept in the watcher.
 * LAUNCH_SERVED to go on, with S->preparation. */
static enum launch_status prepare(struct launch *l, struct setup *s, struct reason *why) {
	struct plugin plugin;
	int result;

	if (plugin_find(&plugin, l->plugins, &l->arguments.invocation, why) != PREFORK_ACCEPT)
		return refuse(l, why);
	result = prepare_begin(&s->preparation, l->arguments.invocation.name, environ);
	if (result == 0) {
		result = plugin.entry->prepare(&l->arguments.invocation, &prepare_host, &s->preparation);
		if (result < 0)
			prepare_free(&s->preparation);
	}
	if (result < 0)
		reason_errno(why, "prepare", plugin.entry->language);
	plugin_close(&plugin);
	return result < 0 ? LAUNCH_PLAIN : LAUNCH_SERVED;
}

static enum launch_status make_server(struct launch *l, struct reason *why) {
	struct setup s = {
		.interpreter = l->arguments.invocation.interpreter,
		.script = l->arguments.invocation.script,
		.learned = l->arguments.learned,
		.options = l->arguments.options,
		.own_session = l->arguments.own_session,
		.call_fd = l->arguments.call,
		.umask = l->umask,
	};
	enum launch_status status = prepare(l, &s, why);

	if (status != LAUNCH_SERVED)
		return status;
	if (setup_open(&s) == 0) {
		status = start_server(l, &s, why);
		setup_close(&s);
	} else {
		reason_errno(why, "prepare", "setup's output");
		status = LAUNCH_PLAIN;
	}
	prepare_free(&s.preparation);
	return status;
}

static int is_refused(const struct launch *l, struct reason *why) {
	return refusal_find(&l->rundir, l->arguments.key, &l->subject, why->text, sizeof why->text);
}

/* Under the lock: has another launcher been here while we waited for it? */
static enum launch_status look_again(struct launch *l, struct reason *why) {
	int sock = rundir_connect(&l->rundir, l->arguments.key);

	if (sock >= 0 || errno == EAGAIN) {
		fd_close(&sock);
		return LAUNCH_CONNECT;
	}
	if (errno != ENOENT && errno != ECONNREFUSED) {
		reason_errno(why, "connect", l->rundir.path);
		return LAUNCH_PLAIN;
	}
	return is_refused(l, why) ? LAUNCH_PLAIN : LAUNCH_SERVED;
}

static void put_aside(const struct launch *l) {
	tidy_put_aside(&l->rundir, l->arguments.key);
	refusal_forget(&l->rundir, l->arguments.key);
}

/* Neither is remembered: the plain interpreter says what is wrong with such a script, and both are soon seen again. */
static int check_script(struct launch *l, struct reason *why) {
	const char *script = l->arguments.invocation.script;
	struct stat st;
	ssize_t n = -1;
	int fd;

	/* Not opened before that is known: a pipe would lose what is in it. */
	reason_set(why, "the script is not a regular file");
	if (stat(script, &st) == 0 && !S_ISREG(st.st_mode))
		return -1;
	fd = open(script, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		reason_errno(why, "read", "the script");
		fd_close(&fd);
		return -1;
	}
	if (S_ISREG(st.st_mode)) {
		l->text = malloc(SCRIPT_TEXT + 1);
		n = l->text ? read(fd, l->text, SCRIPT_TEXT) : -1;
		reason_set(why, "the script can't be read");
	}
	fd_close(&fd);
	if (n < 0)
		return -1;
	for (ssize_t i = 0; i < n; i++)
		if (!l->text[i])
			l->text[i] = ' ';
	l->text[n] = '\0';
	l->arguments.invocation.script_text = l->text;
	return 0;
}

static int find_places(struct launch *l, struct reason *why) {
	if (check_script(l, why) < 0 || plugin_directory(l->plugins, PREFORK_RELATIVE_PLUGINS, why) < 0)
		return -1;
	if (refusal_identify(&l->subject, l->arguments.invocation.script, l->plugins) < 0) {
		reason_errno(why, "examine", "the script");
		return -1;
	}
	return rundir_open(&l->rundir, 1, why->text, sizeof why->text);
}

static int take_lock(struct launch *l, struct reason *why) {
	int lock = lock_take(&l->rundir, l->arguments.key, l->arguments.call, LOCK_LIMIT_MS);

	if (lock < 0)
		reason_errno(why, "lock", l->rundir.path);
	if (lock < 0 && errno == ECANCELED)
		why->text[0] = '\0';
	return lock;
}

static enum launch_status serve(struct launch *l, struct reason *why) {
	enum launch_status status = LAUNCH_SERVED;
	int lock, fresh = l->arguments.fresh;

	if (find_places(l, why) < 0)
		return LAUNCH_PLAIN;
	if (!fresh && is_refused(l, why))
		return LAUNCH_PLAIN;
	lock = take_lock(l, why);
	if (lock < 0)
		return LAUNCH_PLAIN;
	if (fresh)
		put_aside(l);
	else
		status = look_again(l, why);
	if (status == LAUNCH_SERVED) {
		tidy_others(&l->rundir, l->arguments.key);
		lock_note(lock, l->arguments.base);
		status = make_server(l, why);
	}
	/* Without a server nothing needs the lock file; who waits for it finds that out, and makes another. */
	if (status == LAUNCH_PLAIN)
		lock_remove(&l->rundir, l->arguments.key, &lock);
	lock_release(&lock);
	return status;
}

/* --kill was asked for by itself: what prevents it is told. */
static int kill_server(struct launch *l, struct reason *why) {
	int lock;

	if (rundir_open(&l->rundir, 0, why->text, sizeof why->text) < 0) {
		if (errno == ENOENT)
			return LAUNCH_KILLED;
	} else if ((lock = take_lock(l, why)) >= 0) {
		put_aside(l);
		tidy_put_family_aside(&l->rundir, l->arguments.base);
		lock_remove(&l->rundir, l->arguments.key, &lock);
		return LAUNCH_KILLED;
	}
	fprintf(stderr, "prefork-interp: %s: --kill: %s\n", l->arguments.invocation.script, why->text);
	return LAUNCH_NOT_KILLED;
}

/* As if the signal had not been caught, but for a core file, which would be ours. */
static void die(int signal_number) {
	prctl(PR_SET_DUMPABLE, 0);
	raise(signal_number);
}

int main(int argc, char **argv) {
	struct launch l = {.argv = argv, .rundir = {.fd = -1}};
	struct reason why = {""};
	int status;

	/* What we make in the run directory is ours alone; setup gets the caller's mask. */
	l.umask = umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	unsetenv(HANDSHAKE_VARIABLE);
	if (arguments_read(&l.arguments, argc, argv, &why) < 0) {
		/* A client whose launcher does not suit it runs plain, and says no more than that. */
		if (argc < 2 || reason_wanted())
			fprintf(stderr, "prefork-launch: %s\n", why.text);
		return EXIT_BROKEN;
	}
	status = l.arguments.kill ? kill_server(&l, &why) : (int)serve(&l, &why);
	/* Without a reason the caller has gone: nothing will run. */
	if (status == LAUNCH_PLAIN && !l.ender && why.text[0])
		reason_say(l.arguments.invocation.script, "plain run: %s", why.text);
	rundir_close(&l.rundir);
	arguments_free(&l.arguments);
	free(l.text);
	if (l.ender)
		die(l.ender);
	return status;
}
