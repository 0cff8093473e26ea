/* Tidying the run directory: see tidy.h. */
#define _GNU_SOURCE
#include "tidy.h"

#include "../run/refusal.h"
#include "../wire/fd.h"
#include "lock.h"
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_KEYS 4096 /* looked at in one go; more are left to the next launcher */
/* Servers answer at once.  One that hangs takes the time of all, but not so much that it speaks for those behind it. */
#define ANSWER_MS 1000
#define ANSWER_LEAST_MS 50

enum { HAS_SOCKET = 1, HAS_LOCK = 2, HAS_REFUSAL = 4, HAS_REFUSAL_NEW = 8 };

struct key {
	char name[RUNDIR_KEY_LENGTH + 1];
	unsigned has;
	struct timespec refused; /* when it was refused */
	int idle;                /* the server said that it runs nothing */
	uint64_t idle_ms;
};

struct keys {
	struct key *at;
	size_t count;
};

static unsigned kind_of(char letter) {
	switch (letter) {
	case RUNDIR_SOCKET:
		return HAS_SOCKET;
	case RUNDIR_LOCK:
		return HAS_LOCK;
	case RUNDIR_REFUSAL:
		return HAS_REFUSAL;
	case REFUSAL_NEW:
		return HAS_REFUSAL_NEW;
	default:
		return 0;
	}
}

static void remove_name(const struct rundir *d, char kind, const char *key) {
	char name[RUNDIR_KEY_LENGTH + 2];

	rundir_name(name, kind, key);
	unlinkat(d->fd, name, 0);
}

/* The key's entry, a new one where there is none yet, or NULL. */
static struct key *find_key(struct keys *keys, const char *name) {
	struct key *k;

	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->at[i].name, name) == 0)
			return &keys->at[i];
	if (keys->count == MAX_KEYS)
		return NULL;
	k = realloc(keys->at, (keys->count + 1) * sizeof *k);
	if (!k)
		return NULL;
	keys->at = k;
	k += keys->count++;
	memset(k, 0, sizeof *k);
	memcpy(k->name, name, sizeof k->name);
	return k;
}

static void add_name(const struct rundir *d, struct keys *keys, const char *name) {
	struct key *k = find_key(keys, name + 1);
	struct stat st;

	if (!k)
		return;
	k->has |= kind_of(name[0]);
	if (name[0] == RUNDIR_REFUSAL && fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		k->refused = st.st_mtim;
}

static int is_entry(const struct dirent *entry) {
	return kind_of(entry->d_name[0]) && strlen(entry->d_name) == RUNDIR_KEY_LENGTH + 1;
}

static void list_keys(const struct rundir *d, struct keys *keys, const char *except) {
	struct dirent **entries = NULL;
	int count = scandirat(d->fd, ".", &entries, is_entry, NULL);

	for (int i = 0; i < count; i++) {
		if (strcmp(entries[i]->d_name + 1, except) != 0)
			add_name(d, keys, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* Does nobody listen on the key's socket, or is there none? */
static int nobody_there(const struct rundir *d, const char *key) {
	int sock = rundir_connect(d, key);
	int nobody = sock < 0 && (errno == ECONNREFUSED || errno == ENOENT);

	fd_close(&sock);
	return nobody;
}

/* Leave of one key what somebody stands behind. */
static void settle(const struct rundir *d, struct key *k) {
	int lock;

	if (!(k->has & ~(unsigned)HAS_REFUSAL))
		return;
	lock = lock_try(d, k->name);
	if (lock < 0)
		return;
	if (k->has & HAS_REFUSAL_NEW)
		remove_name(d, REFUSAL_NEW, k->name);
	if (nobody_there(d, k->name)) {
		remove_name(d, RUNDIR_SOCKET, k->name);
		k->has &= ~(unsigned)HAS_SOCKET;
		lock_remove(d, k->name, &lock);
	} else {
		lock_release(&lock);
	}
}

/* In the order in which they are to go. */
static int by_refusal(const void *a, const void *b) {
	const struct timespec *s = &((const struct key *)a)->refused, *t = &((const struct key *)b)->refused;

	if (s->tv_sec != t->tv_sec)
		return s->tv_sec < t->tv_sec ? -1 : 1;
	return s->tv_nsec < t->tv_nsec ? -1 : s->tv_nsec > t->tv_nsec;
}

static int by_idleness(const void *a, const void *b) {
	const struct key *s = a, *t = b;

	if (s->idle != t->idle)
		return t->idle - s->idle;
	return s->idle_ms > t->idle_ms ? -1 : s->idle_ms < t->idle_ms;
}

static void forget_refusals(const struct rundir *d, struct keys *keys) {
	size_t count = 0;

	for (size_t i = 0; i < keys->count; i++)
		count += (keys->at[i].has & HAS_REFUSAL) != 0;
	if (count <= TIDY_MAX_REFUSALS)
		return;
	qsort(keys->at, keys->count, sizeof *keys->at, by_refusal);
	for (size_t i = 0; i < keys->count && count > TIDY_MAX_REFUSALS; i++) {
		int lock;

		if (!(keys->at[i].has & HAS_REFUSAL) || (lock = lock_try(d, keys->at[i].name)) < 0)
			continue;
		refusal_forget(d, keys->at[i].name);
		count--;
		if (nobody_there(d, keys->at[i].name))
			lock_remove(d, keys->at[i].name, &lock);
		lock_release(&lock);
	}
}

static void ask_server(const struct rundir *d, struct key *k, long long deadline_ms) {
	int sock = rundir_connect(d, k->name);
	struct answer a;

	if (sock >= 0 && report_ask(sock, deadline_ms) == 0 && report_answer(sock, deadline_ms, &a) == 0) {
		k->idle = a.running == 0;
		k->idle_ms = a.idle_ms;
	}
	fd_close(&sock);
}

static void ask_servers(const struct rundir *d, struct keys *keys) {
	long long common_ms = clock_ms() + ANSWER_MS;

	for (size_t i = 0; i < keys->count; i++) {
		long long least_ms = clock_ms() + ANSWER_LEAST_MS;

		if (keys->at[i].has & HAS_SOCKET)
			ask_server(d, &keys->at[i], least_ms > common_ms ? least_ms : common_ms);
	}
}

static void bound_servers(const struct rundir *d, struct keys *keys) {
	size_t count = 1;

	for (size_t i = 0; i < keys->count; i++)
		count += (keys->at[i].has & HAS_SOCKET) != 0;
	if (count <= TIDY_MAX_SERVERS)
		return;
	ask_servers(d, keys);
	qsort(keys->at, keys->count, sizeof *keys->at, by_idleness);
	for (size_t i = 0; i < keys->count && keys->at[i].idle && count > TIDY_MAX_SERVERS; i++) {
		int lock = lock_try(d, keys->at[i].name);

		if (lock < 0)
			continue;
		remove_name(d, RUNDIR_SOCKET, keys->at[i].name);
		lock_remove(d, keys->at[i].name, &lock);
		count--;
	}
}

static int is_learned(const struct dirent *entry) {
	char letter = entry->d_name[0];

	return (letter == RUNDIR_LEARNED || letter == RUNDIR_LEARNED_NEW) && strlen(entry->d_name) == RUNDIR_KEY_LENGTH + 1;
}

struct learned {
	char name[RUNDIR_KEY_LENGTH + 2];
	time_t changed;
};

static int by_change(const void *a, const void *b) {
	const struct learned *s = a, *t = b;

	return s->changed < t->changed ? -1 : s->changed > t->changed;
}

/* What is used is written again now and then: the oldest is of scripts that nobody calls. */
static void forget_learned(const struct rundir *d) {
	struct dirent **entries = NULL;
	int count = scandirat(d->fd, ".", &entries, is_learned, NULL);
	struct learned *all = count > TIDY_MAX_LEARNED ? calloc((size_t)count, sizeof *all) : NULL;

	for (int i = 0; i < count; i++) {
		struct stat st;

		if (all) {
			memcpy(all[i].name, entries[i]->d_name, sizeof all[i].name);
			if (fstatat(d->fd, all[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0)
				all[i].changed = st.st_mtime;
		}
		free(entries[i]);
	}
	free(entries);
	if (!all)
		return;
	qsort(all, (size_t)count, sizeof *all, by_change);
	for (int i = 0; i < count - TIDY_MAX_LEARNED; i++)
		unlinkat(d->fd, all[i].name, 0);
	free(all);
}

void tidy_others(const struct rundir *d, const char *key) {
	struct keys keys = {NULL, 0};

	list_keys(d, &keys, key);
	for (size_t i = 0; i < keys.count; i++)
		settle(d, &keys.at[i]);
	forget_refusals(d, &keys);
	bound_servers(d, &keys);
	forget_learned(d);
	free(keys.at);
}

void tidy_put_aside(const struct rundir *d, const char *key) {
	remove_name(d, RUNDIR_SOCKET, key);
}

void tidy_put_family_aside(const struct rundir *d, const char *base) {
	struct keys keys = {NULL, 0};

	list_keys(d, &keys, base);
	for (size_t i = 0; i < keys.count; i++) {
		const char *key = keys.at[i].name;
		int lock = lock_is_of(d, key, base) ? lock_try(d, key) : -1;

		/* Who holds it is about to start another one. */
		if (lock < 0)
			continue;
		tidy_put_aside(d, key);
		refusal_forget(d, key);
		lock_remove(d, key, &lock);
	}
	free(keys.at);
}
