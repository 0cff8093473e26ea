/* Reading the launcher's command line: see arguments.h. */
#define _GNU_SOURCE
#include "arguments.h"

#include "../run/launch.h"
#include "../run/rundir.h"
#include "../wire/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const no_words[] = {NULL};

/* A number of decimal digits alone, or -1. */
static long read_number(const char *word) {
	char *end;
	long n;

	if (word[0] < '0' || word[0] > '9')
		return -1;
	errno = 0;
	n = strtol(word, &end, 10);
	return errno || *end ? -1 : n;
}

static int read_mode(struct arguments *a, const char *word, int *unlaundered) {
	a->kill = strcmp(word, LAUNCH_MODE_KILL) == 0;
	*unlaundered = strcmp(word, LAUNCH_MODE_START_UNLAUNDERED) == 0 || strcmp(word, LAUNCH_MODE_FRESH_UNLAUNDERED) == 0;
	a->fresh = strcmp(word, LAUNCH_MODE_FRESH) == 0 || strcmp(word, LAUNCH_MODE_FRESH_UNLAUNDERED) == 0;
	return a->kill || a->fresh || *unlaundered || strcmp(word, LAUNCH_MODE_START) == 0 ? 0 : -1;
}

static int read_session(struct arguments *a, const char *word) {
	a->own_session = strcmp(word, LAUNCH_SESSION_OWN) == 0;
	return a->own_session || strcmp(word, LAUNCH_SESSION_SHARED) == 0 ? 0 : -1;
}

/* A caller may have closed any of 0, 1 and 2, and the call socket have got such a number: it moves, then they are
 * filled, so that nothing which is opened from here on gets one. */
static int take_call(struct arguments *a, const char *word) {
	long number = read_number(word);
	struct stat st;
	int fd;

	a->call = -1;
	if (!a->kill) {
		if (number < 0 || number > 0xffff || fstat((int)number, &st) < 0 || !S_ISSOCK(st.st_mode))
			return -1;
		a->call = fcntl((int)number, F_DUPFD_CLOEXEC, 3);
		if (a->call < 0)
			return -1;
		close((int)number);
	}
	while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= 2)
		continue;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int read_words(struct arguments *a, long count, char **words, int unlaundered) {
	const char **own = calloc((size_t)count + 1, sizeof *own);

	if (!own)
		return -1;
	for (long i = 0; i < count; i++)
		own[i] = words[i];
	a->invocation.arguments = own;
	a->invocation.script = words[count];
	a->invocation.script_arguments = unlaundered ? (const char *const *)words + count + 1 : no_words;
	return 0;
}

static int is_key(const char *word) {
	return strlen(word) == RUNDIR_KEY_LENGTH && strspn(word, "0123456789abcdef") == RUNDIR_KEY_LENGTH;
}

int arguments_read(struct arguments *a, int argc, char **argv, struct reason *why) {
	int unlaundered;
	long count;

	memset(a, 0, sizeof *a);
	a->call = -1;
	reason_set(why, "the launcher is run by prefork-interp, not by hand");
	if (argc < 2)
		return -1;
	reason_set(why, "the launcher is of version %s, the client of %s", PACKAGE_VERSION, argv[LAUNCH_VERSION]);
	if (strcmp(argv[LAUNCH_VERSION], PACKAGE_VERSION) != 0)
		return -1;
	reason_set(why, "the launcher does not understand its arguments");
	if (argc <= LAUNCH_NAME || read_mode(a, argv[LAUNCH_MODE], &unlaundered) < 0 || !is_key(argv[LAUNCH_KEY]) ||
	    !is_key(argv[LAUNCH_BASE]) || !is_key(argv[LAUNCH_LEARNED]) || read_session(a, argv[LAUNCH_SESSION]) < 0)
		return -1;
	count = read_number(argv[LAUNCH_COUNT]);
	if (count < 0 || count >= argc - LAUNCH_NAME - 1 || argv[LAUNCH_INTERPRETER][0] != '/')
		return -1;
	reason_set(why, "the launcher got no call socket");
	if (take_call(a, argv[LAUNCH_CALL]) < 0)
		return -1;
	a->key = argv[LAUNCH_KEY];
	a->base = argv[LAUNCH_BASE];
	a->learned = argv[LAUNCH_LEARNED];
	a->options = argv[LAUNCH_OPTIONS];
	a->invocation.split = strcmp(argv[LAUNCH_BOUNDARY], LAUNCH_BOUNDARY_SPLIT) == 0;
	a->invocation.interpreter = argv[LAUNCH_INTERPRETER];
	a->invocation.name = argv[LAUNCH_NAME];
	reason_set(why, "out of memory");
	return read_words(a, count, argv + LAUNCH_NAME + 1, unlaundered);
}

void arguments_free(struct arguments *a) {
	free((void *)(uintptr_t)a->invocation.arguments);
	a->invocation.arguments = NULL;
	fd_close(&a->call);
}
