/* Making the forked child the executor of a call: see executor.h. */
#define _GNU_SOURCE
#include "executor.h"

#include "../wire/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

#define LAST_SIGNAL 64

static long long highest_number(const struct request *q) {
	long long highest = STANDARD_DESCRIPTORS - 1;

	for (size_t i = 0; i < q->descriptor_count; i++)
		if (q->descriptor_number[i] != WIRE_FD_CWD && q->descriptor_number[i] > highest)
			highest = q->descriptor_number[i];
	return highest;
}

static int is_occupied(const struct origin *o, uint32_t number) {
	for (size_t i = 0; i < o->occupied_count; i++)
		if (number == (uint32_t)o->occupied[i])
			return 1;
	return 0;
}

int executor_directory(const struct request *q, const int *fds) {
	for (size_t i = 0; i < q->descriptor_count; i++)
		if (q->descriptor_number[i] == WIRE_FD_CWD)
			return fds[i];
	return -1;
}

static void say_differs(const char *differs, char *why, size_t why_size) {
	const char *what = "the variable ";

	if (strcmp(differs, WIRE_DIFFERS_DIRECTORY) == 0)
		what = "the working directory";
	if (strcmp(differs, WIRE_DIFFERS_UMASK) == 0)
		what = "the umask";
	snprintf(why, why_size, "initialisation depends on %s%s, and this caller's differs from the first's", what,
	         what[strlen(what) - 1] == ' ' ? differs : "");
}

enum executor_verdict executor_check(const struct request *q, const int *fds, const struct origin *origin, char *why,
                                     size_t why_size) {
	const char *differs = dependency_differs(&origin->dependency, q, executor_directory(q, fds));
	struct rlimit limit;

	if (differs) {
		say_differs(differs, why, why_size);
		return EXECUTOR_ELSEWHERE;
	}
	for (size_t i = 0; i < q->descriptor_count; i++) {
		uint32_t number = q->descriptor_number[i];

		if (number >= STANDARD_DESCRIPTORS && is_occupied(origin, number)) {
			snprintf(why, why_size, "descriptor %u is in use since the script's initialisation", number);
			return EXECUTOR_UNFIT;
		}
	}
	/* executor_install() moves all of them, and the call's socket, above the highest number first. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    (rlim_t)(highest_number(q) + 1) + q->descriptor_count + 1 > limit.rlim_cur) {
		snprintf(why, why_size, "descriptor %lld is above the server's limit", highest_number(q));
		return EXECUTOR_UNFIT;
	}
	for (size_t i = 0; i < q->limit_count; i++) {
		if (getrlimit((int)q->limit_resource[i], &limit) == 0 && q->limit_soft[i] > limit.rlim_max) {
			snprintf(why, why_size, "soft limit %u is above the server's hard limit", q->limit_resource[i]);
			return EXECUTOR_UNFIT;
		}
	}
	return standard_check(&origin->standard, q, fds, why, why_size) < 0 ? EXECUTOR_UNFIT : EXECUTOR_FIT;
}

static int move_up(int *fd, int base) {
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, base);

	if (moved < 0)
		return -1;
	fd_close(fd);
	*fd = moved;
	return 0;
}

/* Put the descriptors to their numbers.  They are moved out of the way first, as one's place may be another's number;
 * so is the socket. */
static int install_descriptors(const struct request *q, const struct origin *o, int *fds, int *sock) {
	int base = (int)highest_number(q) + 1, cwd = -1;

	if (move_up(sock, base) < 0)
		return -1;
	for (size_t i = 0; i < q->descriptor_count; i++)
		if (move_up(&fds[i], base) < 0)
			return -1;
	for (int i = 0; i < STANDARD_DESCRIPTORS; i++)
		close(i);
	for (size_t i = 0; i < q->descriptor_count; i++) {
		if (q->descriptor_number[i] == WIRE_FD_CWD) {
			cwd = fds[i];
			fds[i] = -1;
			continue;
		}
		/* dup2 leaves the copy without close-on-exec, as an inherited descriptor is. */
		if (dup2(fds[i], (int)q->descriptor_number[i]) < 0)
			return -1;
		fd_close(&fds[i]);
	}
	if (cwd >= 0 && !o->directory_is_setups && fchdir(cwd) < 0) {
		fd_close(&cwd);
		return -1;
	}
	fd_close(&cwd);
	return 0;
}

/* Before a caller's descriptor gets the number of setup's directory. */
static int enter_setups_directory(const struct origin *o) {
	int fd = o->directory;

	if (fd < 0)
		return 0;
	if (o->directory_is_setups && fchdir(fd) < 0)
		return -1;
	fd_close(&fd);
	return 0;
}

static int install_limits(const struct request *q, const struct origin *o) {
	struct rlimit limit;

	for (size_t i = 0; i < q->limit_count; i++) {
		uint32_t resource = q->limit_resource[i];
		rlim_t soft = q->limit_soft[i];

		if (resource < REQUEST_MAX_LIMITS && o->limit_is_setups >> resource & 1)
			soft = o->limits[resource];
		/* A resource that this kernel does not know can't differ. */
		if (getrlimit((int)resource, &limit) < 0 || limit.rlim_cur == soft)
			continue;
		limit.rlim_cur = soft;
		if (setrlimit((int)resource, &limit) < 0)
			return -1;
	}
	return 0;
}

/* Signals ignored by the caller are ignored here, as exec would have left them, unless setup has its own mind. */
static void install_ignored(uint64_t ignored) {
	struct sigaction now;

	for (int s = 1; s <= LAST_SIGNAL; s++) {
		if (!(ignored >> (s - 1) & 1) || sigaction(s, NULL, &now) < 0 || now.sa_handler != SIG_DFL)
			continue;
		now.sa_handler = SIG_IGN;
		sigaction(s, &now, NULL);
	}
}

/* Add the signals of MASK to SET. */
static void add_mask(sigset_t *set, uint64_t mask) {
	for (int s = 1; s <= LAST_SIGNAL; s++)
		if (mask >> (s - 1) & 1)
			sigaddset(set, s);
}

static size_t strings_size(const struct strings *s) {
	const char *at = s->bytes;

	for (size_t i = 0; i < s->count; i++)
		at += strlen(at) + 1;
	return (size_t)(at - s->bytes);
}

/* Move a run of strings to *AT, and *AT behind it. */
static void move_strings(struct strings *s, char **at) {
	size_t n = strings_size(s);

	if (s->bytes && n > 0)
		memcpy(*at, s->bytes, n);
	s->bytes = *at;
	*at += n;
}

/* Lay arguments and environment out as the kernel does for a fresh run, one string behind the other, and have the
 * kernel show them.  Q then points there. */
static int lay_out(struct request *q, const struct origin *o, struct prefork_call *call) {
	struct strings script = {q->script, q->script ? 1 : 0};
	size_t arguments = strings_size(&q->words) + strings_size(&script) + strings_size(&q->arguments);
	size_t n = arguments + strings_size(&q->environment);
	char *block = malloc(n ? n : 1), *at = block;

	if (!block)
		return -1;
	move_strings(&q->words, &at);
	move_strings(&script, &at);
	move_strings(&q->arguments, &at);
	move_strings(&q->environment, &at);
	if (q->script)
		q->script = script.bytes;
	/* A protocol 1 request has no words of the interpreter. */
	if (q->words.count > 0 && appearance_set_block(&o->appearance, block, arguments, n) == 0) {
		call->command_line = block;
		call->command_line_length = arguments;
		call->command_area_length = n;
	}
	return 0;
}

static int install_strings(struct request *q, const struct origin *o, struct prefork_call *call) {
	if (lay_out(q, o, call) < 0)
		return -1;
	call->script = q->script;
	call->argument_count = (int)q->arguments.count;
	call->arguments = request_array(&q->arguments);
	call->environment = environment_apply(&o->environment, &q->environment);
	if (!call->arguments || !call->environment)
		return -1;
	environ = call->environment;
	return 0;
}

static unsigned closed_standard(const struct request *q) {
	unsigned closed = (1u << STANDARD_DESCRIPTORS) - 1;

	for (size_t i = 0; i < q->descriptor_count; i++)
		if (q->descriptor_number[i] < STANDARD_DESCRIPTORS)
			closed &= ~(1u << q->descriptor_number[i]);
	return closed;
}

static int failed(const char *what, char *why, size_t why_size) {
	snprintf(why, why_size, "%s: %s", what, strerror(errno));
	return -1;
}

int executor_install(struct request *q, int *fds, int *sock, const struct origin *origin, struct prefork_call *call,
                     char *why, size_t why_size) {
	memset(call, 0, sizeof *call);
	call->closed = closed_standard(q);
	call->ignored = q->sigignored;
	if (enter_setups_directory(origin) < 0 || install_descriptors(q, origin, fds, sock) < 0)
		return failed("descriptors and directory", why, why_size);
	origin_reopen(origin);
	if (standard_install(&origin->standard) < 0)
		return failed("duplicates of standard descriptors", why, why_size);
	call->setup_output = origin->standard.output[STDOUT_FILENO];
	call->setup_output_length = origin->standard.output_length[STDOUT_FILENO];
	if (q->script && !origin->umask_is_setups)
		umask((mode_t)q->umask);
	/* Before the limit of data, which the kernel compares with it. */
	if (install_strings(q, origin, call) < 0)
		return failed("arguments and environment", why, why_size);
	appearance_set_name(&origin->appearance, q->name);
	if (install_limits(q, origin) < 0)
		return failed("limits", why, why_size);
	sigaction(SIGCHLD, &origin->on_child, NULL);
	install_ignored(q->sigignored);
	/* Setup started with none blocked: what it blocked stays so. */
	call->mask = origin->mask;
	add_mask(&call->mask, q->sigmask);
	call->timers = origin->timers;
	for (int s = 1; s <= LAST_SIGNAL; s++)
		if (q->pending >> (s - 1) & 1)
			kill(getpid(), s);
	return 0;
}
