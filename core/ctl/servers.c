/* Servers of a run directory of our own: see servers.h. */
#define _GNU_SOURCE
#include "servers.h"

#include "../launch/report.h"
#include "../run/procstat.h"
#include "../wire/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 1000 /* for a server to answer a question */
#define LOOK_MS 10     /* between two looks at what no descriptor tells */
#define END_MS 10000   /* for all to be gone by themselves; more than calls get between TERM and KILL */
#define OUR_NAMES "prefork-"

/* Call EACH for the key of every entry of this kind. */
static void for_each(const struct rundir *d, char kind, void (*each)(const struct rundir *, const char *key, void *),
                     void *context) {
	DIR *directory = opendir(d->path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] == kind && strlen(entry->d_name) == RUNDIR_KEY_LENGTH + 1)
			each(d, entry->d_name + 1, context);
	if (directory)
		closedir(directory);
}

static void ask(const struct rundir *d, const char *key, void *context) {
	long long deadline = clock_ms() + ANSWER_MS;
	int *busy = context, sock = rundir_connect(d, key);
	struct answer a;

	/* One that does not answer is at its limit, or about to go. */
	if (sock >= 0)
		*busy |= report_ask(sock, deadline) < 0 || report_answer(sock, deadline, &a) < 0 || a.running > 0 || a.learning;
	fd_close(&sock);
}

void servers_settle(const struct rundir *d, long long deadline_ms, int interrupt) {
	struct pollfd p = {.fd = interrupt, .events = POLLIN};
	int busy;

	do {
		busy = 0;
		for_each(d, RUNDIR_SOCKET, ask, &busy);
	} while (busy && clock_ms() < deadline_ms && poll(&p, 1, LOOK_MS) == 0);
}

static void end_server(const struct rundir *d, const char *key, void *context) {
	int sock = rundir_connect(d, key);
	char name[RUNDIR_KEY_LENGTH + 2];

	(void)context;
	if (sock >= 0)
		(void)report_send(sock, WIRE_VERB_QUIT, clock_ms() + ANSWER_MS);
	fd_close(&sock);
	/* Its watcher hears of this, and tells one that does not answer. */
	rundir_name(name, RUNDIR_SOCKET, key);
	(void)unlinkat(d->fd, name, 0);
}

static int is_ours(pid_t pid) {
	unsigned long long numbers[PROCSTAT_FIELDS];
	char path[64], name[sizeof OUR_NAMES] = "";
	int fd;

	if (procstat_read(pid, numbers) < 0 || numbers[PROCSTAT_PARENT] != (unsigned long long)getpid())
		return 0;
	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, name, sizeof name - 1) < 0)
		name[0] = '\0';
	fd_close(&fd);
	return strcmp(name, OUR_NAMES) == 0;
}

/* How many children of ours are processes of prefork-interp; each gets SIGNAL, if that is not 0.  A child's number is
 * its own until we reap it. */
static int count_children(int signal_number) {
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	while (directory && (entry = readdir(directory))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || !is_ours(pid))
			continue;
		count++;
		if (signal_number)
			kill(pid, signal_number);
	}
	if (directory)
		closedir(directory);
	return count;
}

void servers_end(const struct rundir *d) {
	long long deadline = clock_ms() + END_MS;

	/* A launcher may still be making one. */
	for (;;) {
		for_each(d, RUNDIR_SOCKET, end_server, NULL);
		if (count_children(clock_ms() < deadline ? 0 : SIGKILL) == 0)
			return;
		poll(NULL, 0, LOOK_MS);
	}
}

struct refusal {
	char *why;
	size_t size;
	int found;
};

static void read_refusal(const struct rundir *d, const char *key, void *context) {
	static const char mark[] = "\nreason: ";
	struct refusal *r = context;
	char name[RUNDIR_KEY_LENGTH + 2], text[2048];
	ssize_t n;
	char *at;
	int fd;

	rundir_name(name, RUNDIR_REFUSAL, key);
	fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	fd_close(&fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, mark);
	if (!at)
		return;
	at += sizeof mark - 1;
	at[strcspn(at, "\n")] = '\0';
	snprintf(r->why, r->size, "%s", at);
	r->found = 1;
}

int servers_refusal(const struct rundir *d, char *why, size_t why_size) {
	struct refusal r = {why, why_size, 0};

	for_each(d, RUNDIR_REFUSAL, read_refusal, &r);
	return r.found ? 0 : -1;
}
