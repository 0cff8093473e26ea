/* Running a command plain, cold and warm: see verify.h. */
#define _GNU_SOURCE
#include "verify.h"

#include "../wire/fd.h"
#include "command.h"
#include "servers.h"
#include "trial.h"
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>

#define EXIT_DIFFERS 1
#define EXIT_TROUBLE 2

#define PLAIN_RUNS 2 /* before the others */
#define WARM_RUNS 2
#define MORE_PLAIN_RUNS 3 /* where there is a difference */
#define SETTLE_MS 60000   /* for a server to load what its calls have learned */
/* A served run may take this many times as long as the longest plain run, and this much more. */
#define PATIENCE_FACTOR 10
#define PATIENCE_MS 60000

static const char plain[] = "plain", cold[] = "cold", *const warm[WARM_RUNS] = {"warm", "warm again"};

struct verification {
	struct trial trial;
	struct command command;
	long long longest_ms; /* of the plain runs */
	int served;           /* calls so far */
};

static int run_plain(struct verification *v, struct reason *why) {
	long long began = clock_ms(), took;
	int r = trial_run(&v->trial, &v->command.plain, plain, -1, why);

	took = clock_ms() - began;
	if (took > v->longest_ms)
		v->longest_ms = took;
	return r;
}

/* One call, and all that a server does by itself when it has ended: the next call finds what this one has taught it. */
static int run_served(struct verification *v, const char *name, struct reason *why) {
	if (trial_run(&v->trial, &v->command.served, name, PATIENCE_FACTOR * v->longest_ms + PATIENCE_MS, why) < 0)
		return -1;
	v->served += v->trial.runs[v->trial.count - 1].served;
	servers_settle(&v->trial.rundir, clock_ms() + SETTLE_MS, v->trial.signals);
	return 0;
}

/* The plain runs come before and after: what differs by itself, such as the time, differs between them. */
static int run_all(struct verification *v, struct reason *why) {
	for (int i = 0; i < PLAIN_RUNS; i++)
		if (run_plain(v, why) < 0)
			return -1;
	if (run_served(v, cold, why) < 0)
		return -1;
	for (int i = 0; i < WARM_RUNS; i++)
		if (run_served(v, warm[i], why) < 0)
			return -1;
	return run_plain(v, why);
}

static void show_served(const struct verification *v) {
	int plain_calls = WARM_RUNS + 1 - v->served;
	char text[512];

	printf("%d of %d calls were served", v->served, WARM_RUNS + 1);
	if (plain_calls && servers_refusal(&v->trial.rundir, text, sizeof text) == 0)
		printf(": %s", text);
	else if (plain_calls)
		printf("; PREFORK_INTERP_DEBUG=1 says why a call is not");
	printf("\n");
}

/* The verdict's text: malloc'ed, or NULL with WHY. */
static char *compare(const struct verification *v, int *differences, struct reason *why) {
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		reason_errno(why, "compare", "memory");
		return NULL;
	}
	*differences = verdict(&v->trial, plain, out, why);
	if (fclose(out) == 0 && *differences >= 0)
		return text;
	free(text);
	return NULL;
}

static int show(const struct verification *v, int *differences, struct reason *why) {
	char *text = compare(v, differences, why);

	if (!text)
		return -1;
	show_served(v);
	if (!v->trial.copied)
		printf("files are not compared, all runs were in the working directory itself: %s\n", v->trial.whole.text);
	fputs(text, stdout);
	free(text);
	if (*differences == 0)
		printf("same: status, stdout, stderr%s\n", v->trial.copied ? ", files" : "");
	return 0;
}

/* Where there is a difference, look at more plain runs: what has one of two values by chance may have had the same one
 * in all plain runs so far. */
static int look_closer(struct verification *v, struct reason *why) {
	int differences = 0;
	char *text = compare(v, &differences, why);

	for (int i = 0; text && differences > 0 && i < MORE_PLAIN_RUNS; i++)
		if (run_plain(v, why) < 0)
			differences = -1;
	free(text);
	return text && differences >= 0 ? 0 : -1;
}

static int verify(struct verification *v, char **words, struct reason *why) {
	int differences;

	if (trial_open(&v->trial, why) < 0 || command_find(&v->command, words, v->trial.links, why) < 0 ||
	    run_all(v, why) < 0 || look_closer(v, why) < 0 || show(v, &differences, why) < 0)
		return EXIT_TROUBLE;
	return differences ? EXIT_DIFFERS : 0;
}

int verify_command(char **words, int count) {
	struct verification v = {.longest_ms = 0};
	struct reason why = {""};
	int status;

	(void)count;
	status = verify(&v, words, &why);
	if (status == EXIT_TROUBLE)
		fprintf(stderr, "preforkctl: verify: %s\n", why.text);
	if (fflush(stdout) != 0)
		status = EXIT_TROUBLE;
	command_free(&v.command);
	trial_close(&v.trial);
	return status;
}
