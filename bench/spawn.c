/* Measure how long commands take from posix_spawn to wait, costing next to nothing itself.
 *
 *     spawn REPORT ROUNDS BURST GAP_MS , EVERY COMMAND [ARGUMENT...] , EVERY COMMAND [ARGUMENT...] ...
 *
 * Each round goes through the commands in turn, so that all of them meet the same weather: a pause of GAP_MS
 * milliseconds, then BURST runs of the command, back to back.  A command takes part in every EVERYth round only,
 * counted from the first: slow ones need not hold up the rest.  The commands inherit standard input, output and error;
 * PATH is not searched.  For each run one line is written to the file REPORT: the command's number (from 0),
 * nanoseconds, and the wait status.  What a status should be is the caller's to judge.
 *
 * Exits 0; 2 when something could not be measured, said in one line on standard error. */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

struct command {
	char **words; /* NULL: the end of an array of commands */
	long every;
};

struct run {
	long long nanoseconds;
	int command;
	int status;
};

static void fail(const char *what, const char *on_what, int error) {
	fprintf(stderr, "spawn: %s: %s: %s\n", what, on_what, strerror(error));
	exit(2);
}

static long number(const char *name, const char *text, long least) {
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < least || value > 1000000)
		fail(name, text, EINVAL);
	return value;
}

/* Split WORDS at each "," into commands, terminating them in place.  Returns an array that ends with an empty one. */
static struct command *split_commands(char **words) {
	size_t count = 0;
	struct command *commands;

	for (char **word = words; *word; word++)
		count += strcmp(*word, ",") == 0;
	commands = calloc(count + 1, sizeof *commands);
	if (!commands)
		fail("memory", "commands", ENOMEM);
	count = 0;
	for (char **word = words; *word; word++) {
		if (strcmp(*word, ",") != 0)
			continue;
		*word = NULL;
		if (!word[1] || !word[2] || strcmp(word[2], ",") == 0)
			fail("command", ",", EINVAL);
		commands[count].every = number("every", word[1], 1);
		commands[count++].words = word + 2;
	}
	return commands;
}

static long long now(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void pause_for(long milliseconds) {
	struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	while (nanosleep(&t, &t) == -1 && errno == EINTR)
		;
}

static struct run measure(char **command, int index) {
	struct run run = {.command = index};
	long long start = now();
	pid_t pid;
	int error = posix_spawn(&pid, command[0], NULL, NULL, command, environ);

	if (error)
		fail("can't run", command[0], error);
	while (waitpid(pid, &run.status, 0) == -1)
		if (errno != EINTR)
			fail("can't wait for", command[0], errno);
	run.nanoseconds = now() - start;
	return run;
}

static void write_report(const char *path, const struct run *runs, size_t count) {
	FILE *file = fopen(path, "we");

	if (!file)
		fail("can't write", path, errno);
	for (size_t i = 0; i < count; i++)
		fprintf(file, "%d %lld %d\n", runs[i].command, runs[i].nanoseconds, runs[i].status);
	if (fclose(file) == EOF)
		fail("can't write", path, errno);
}

static size_t measure_rounds(const struct command *commands, long rounds, long burst, long gap, struct run *runs) {
	size_t done = 0;

	for (long round = 0; round < rounds; round++) {
		for (int c = 0; commands[c].words; c++) {
			if (round % commands[c].every != 0)
				continue;
			pause_for(gap);
			for (long b = 0; b < burst; b++)
				runs[done++] = measure(commands[c].words, c);
		}
	}
	return done;
}

int main(int argc, char **argv) {
	size_t count = 0;
	long rounds, burst, gap;
	struct command *commands;
	struct run *runs;

	if (argc < 8 || strcmp(argv[5], ",") != 0) {
		fputs("usage: spawn REPORT ROUNDS BURST GAP_MS , EVERY COMMAND [ARGUMENT...] , ...\n", stderr);
		return 2;
	}
	rounds = number("rounds", argv[2], 1);
	burst = number("burst", argv[3], 1);
	gap = number("gap", argv[4], 0);
	commands = split_commands(argv + 5);
	while (commands[count].words)
		count++;
	runs = count > 0 ? calloc((size_t)rounds * (size_t)burst * count, sizeof *runs) : NULL;
	if (!runs)
		fail("memory", "results", ENOMEM);
	write_report(argv[1], runs, measure_rounds(commands, rounds, burst, gap, runs));
	free(runs);
	free(commands);
	return 0;
}
