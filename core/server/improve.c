/* Improving a server: see improve.h. */
#define _GNU_SOURCE
#include "improve.h"

#include "../wire/fd.h"
#include "error.h"
#include "gate.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define IMPROVE_TIME 60 /* seconds of processor time, and of waiting for it */

static struct gate *gate; /* the process before anything was loaded */
static int output = -1;   /* what is written to standard output and error meanwhile */

int improve_gate(const struct server *s, struct prefork_error *error) {
	if (!gate)
		return error_set(error, "nothing is being loaded");
	if (lseek(output, 0, SEEK_CUR) > 0)
		return error_set(error, "something was printed");
	return gate_check(gate, &s->origin.standard, error);
}

/* In the fork: what the loading sees of the world. */
static int surround(void) {
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	output = memfd_create("prefork-improve", MFD_CLOEXEC);
	if (null < 0 || output < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		return -1;
	fd_close(&null);
	gate = gate_new();
	return gate ? 0 : -1;
}

static int back_to_nothing(void) {
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	gate_free(gate);
	gate = NULL;
	fd_close(&output);
	for (int i = 0; null >= 0 && i <= STDERR_FILENO; i++)
		if (dup2(null, i) < 0)
			return -1;
	if (null > STDERR_FILENO)
		fd_close(&null);
	return 0;
}

/* The end of what was printed, a line, as an error. */
static int printed_error(struct prefork_error *error) {
	char text[sizeof error->message];
	off_t end = lseek(output, 0, SEEK_END), start = end < (off_t)sizeof text ? 0 : end - (off_t)sizeof text + 1;
	ssize_t length = pread(output, text, sizeof text - 1, start);
	char *line;

	if (length > 0 && text[length - 1] == '\n')
		length--;
	text[length > 0 ? length : 0] = '\0';
	line = strrchr(text, '\n');
	return error_set(error, "loading what was learned: %s", line ? line + 1 : text);
}

/* Load, with signals as setup had them, so that what hangs can be ended. */
static int load(struct server *s, struct prefork_error *error) {
	struct timespec start;
	sigset_t all;
	int r;

	clock_gettime(CLOCK_REALTIME_COARSE, &start);
	sigprocmask(SIG_SETMASK, &s->origin.mask, NULL);
	if (surround() < 0)
		return error_set(error, "surroundings: %s", strerror(errno));
	reads_begin(&s->reads);
	alarm(IMPROVE_TIME);
	error_set(error, "what was learned could not be loaded");
	r = s->language->improve(s->language->context);
	alarm(0);
	if (r == -2) {
		printed_error(error);
		log_message(LOG_ERR, "%s", error->message);
	}
	if (r == 0)
		r = improve_gate(s, error);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (r < 0)
		return -1;
	worth_saves(&s->worth, 0);
	if (reads_end(&s->reads, &s->origin.dependency) < 0 || gate_commit(gate, &s->origin) < 0)
		return error_set(error, "memory: %s", strerror(errno));
	if (files_add_mapped(&s->files) < 0)
		return error_set(error, "libraries: %s", strerror(errno));
	if (s->files.shared_memory || files_newer_than(&s->files, s->files_known, &start))
		return error_set(error, "a file has changed, or memory is shared");
	return back_to_nothing();
}

/* In the fork: be the better server, or end. */
static void become_better(struct server *s, pid_t old, int ready) {
	struct prefork_error error;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != old)
		_exit(1);
	s->improving = 0;
	s->files_known = s->files.count;
	if (load(s, &error) < 0) {
		log_message(LOG_DEBUG, "not improved: %s", error.message);
		_exit(1);
	}
	prctl(PR_SET_PDEATHSIG, 0);
	if (write(ready, "", 1) != 1)
		_exit(1);
	fd_close(&ready);
	s->idle_since = clock_ms();
}

int improve_start(struct server *s) {
	pid_t old = getpid();
	int ready[2];

	s->look_for_news = 0;
	if (!s->language->improve || s->improving || !learned_is_new(&s->learned) || pipe2(ready, O_CLOEXEC) < 0)
		return 0;
	s->improving = s->language->fork(s->language->context);
	if (s->improving == 0) {
		fd_close(&ready[0]);
		become_better(s, old, ready[1]);
		return 1;
	}
	fd_close(&ready[1]);
	if (s->improving < 0) {
		fd_close(&ready[0]);
		s->improving = 0;
		return 0;
	}
	s->improved_fd = ready[0];
	return 0;
}

void improve_heard(struct server *s) {
	char byte;
	int better = read(s->improved_fd, &byte, 1) == 1;

	fd_close(&s->improved_fd);
	if (better) {
		s->improving = 0;
		server_hand_over(s);
		return;
	}
	while (waitpid(s->improving, NULL, 0) < 0 && errno == EINTR)
		;
	s->improving = 0;
	/* It may have learned what to leave out. */
	s->look_for_news = 1;
	s->idle_since = clock_ms();
}

void improve_abandon(struct server *s) {
	if (s->improving <= 0)
		return;
	kill(s->improving, SIGKILL);
	while (waitpid(s->improving, NULL, 0) < 0 && errno == EINTR)
		;
	s->improving = 0;
	fd_close(&s->improved_fd);
}
