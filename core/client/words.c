/* The words of an invocation: see words.h. */
#define _GNU_SOURCE
#include "words.h"

#include "../run/number.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel reads this many bytes of a script's first line (BINPRM_BUF_SIZE) and cuts the rest off without a word. */
#define SHEBANG_SIZE 256

const char words_usage[] =
	"usage: #!/usr/bin/prefork-interp [OPTIONS] [--] INTERPRETER [ARGUMENTS]\n"
	"       prefork-interp [OPTIONS] [--] INTERPRETER [ARGUMENTS] SCRIPT [SCRIPT-ARGUMENTS]\n"
	"\n"
	"  -U                   the script's initialisation sees the first call's arguments\n"
	"  -f                   start a fresh server\n"
	"  --kill               put the server aside, run nothing\n"
	"  -E VAR               the environment variable VAR tells servers apart\n"
	"  -G STRING            STRING tells servers apart\n"
	"  -g NAME              NAME alone tells servers apart\n"
	"  --idle-timeout=SECS  the server goes after so long without a call; negative: never\n"
	"  --max-servers=N      how many calls run at once; negative: no limit\n"
	"  --min-gain=MS        a script as it is runs plain where a server saves less of\n"
	"                       each call; negative: never\n"
	"  --session=WHICH      own: a server in the caller's session; shared: a daemon;\n"
	"                       auto (default): own where there is a controlling terminal\n"
	"  --split              run more of a script as it is ahead of its calls\n"
	"  --help, --version\n"
	"\n"
	"Environment: PREFORK_INTERP_DISABLE, PREFORK_INTERP_DEBUG, PREFORK_INTERP_RUNDIR.  See prefork-interp(1).\n";

enum {
	OPTION_KILL = 256,
	OPTION_IDLE,
	OPTION_MAX,
	OPTION_GAIN,
	OPTION_SESSION,
	OPTION_SPLIT,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{"kill", no_argument, NULL, OPTION_KILL},
	{"idle-timeout", required_argument, NULL, OPTION_IDLE},
	{"max-servers", required_argument, NULL, OPTION_MAX},
	{"min-gain", required_argument, NULL, OPTION_GAIN},
	{"session", required_argument, NULL, OPTION_SESSION},
	{"split", no_argument, NULL, OPTION_SPLIT},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static int take_number(const char **to, const char *option, int zero, char *why, size_t why_size) {
	long number;

	if (number_read(optarg, INT_MIN, INT_MAX, &number) < 0) {
		snprintf(why, why_size, "%s: %s: %s", option, optarg, errno == ERANGE ? "out of range" : "not a whole number");
		return -1;
	}
	if (!zero && number == 0) {
		snprintf(why, why_size, "%s: 0: no call could ever be served", option);
		return -1;
	}
	*to = optarg;
	return 0;
}

static int take_session(struct words *w, char *why, size_t why_size) {
	static const char *const names[] = {"auto", "own", "shared"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(optarg, names[i]) == 0) {
			w->session = (enum words_session)i;
			return 0;
		}
	}
	snprintf(why, why_size, "--session: %s: not auto, own or shared", optarg);
	return -1;
}

static int take_extra(struct words *w, const char *kind, char *why, size_t why_size) {
	if (w->extra_count == sizeof w->extra / sizeof *w->extra) {
		snprintf(why, why_size, "-%s: more than %d of them", kind, WORDS_MAX_EXTRA);
		return -1;
	}
	w->extra[w->extra_count++] = kind;
	w->extra[w->extra_count++] = optarg;
	return 0;
}

/* One option that getopt found. */
static int take_option(struct words *w, int option, char **argv, char *why, size_t why_size) {
	switch (option) {
	case 'U':
		w->unlaundered = 1;
		return 0;
	case 'f':
		w->fresh = 1;
		return 0;
	case 'E':
		return take_extra(w, "E", why, why_size);
	case 'G':
		return take_extra(w, "G", why, why_size);
	case 'g':
		w->key_name = optarg;
		return 0;
	case OPTION_KILL:
		w->mode = WORDS_KILL;
		return 0;
	case OPTION_IDLE:
		return take_number(&w->idle_timeout, "--idle-timeout", 1, why, why_size);
	case OPTION_MAX:
		return take_number(&w->max_servers, "--max-servers", 0, why, why_size);
	case OPTION_GAIN:
		return take_number(&w->min_gain, "--min-gain", 1, why, why_size);
	case OPTION_SPLIT:
		w->split = 1;
		return 0;
	case OPTION_SESSION:
		return take_session(w, why, why_size);
	case OPTION_HELP:
		w->mode = WORDS_HELP;
		return 0;
	case OPTION_VERSION:
		w->mode = WORDS_VERSION;
		return 0;
	default:
		if (optopt > 0 && optopt < OPTION_KILL)
			snprintf(why, why_size, "option -%c: %s", optopt, option == ':' ? "needs a value" : "not known");
		else
			snprintf(why, why_size, "option %s: %s", argv[optind - 1], option == ':' ? "needs a value" : "not known");
		return -1;
	}
}

/* Split TEXT in place at any of SEPARATORS, appending the words to V at N; how many there are then. */
static int split(char *text, const char *separators, char **v, int n) {
	char *word;

	while ((word = strsep(&text, separators)))
		if (*word)
			v[n++] = word;
	return n;
}

/* Does the first word hold several, `-U,perl`?  A long option's value may have commas of its own. */
static int has_commas(const char *text) {
	size_t first = strcspn(text, " \t");

	return text[0] == '-' && text[1] != '-' && memchr(text, ',', first);
}

/* Split the first word at its commas, the rest at blanks. */
static int split_first(char *text, char **v, int n) {
	char *rest = strpbrk(text, " \t");

	if (rest)
		*rest++ = '\0';
	n = split(text, ",", v, n);
	return rest ? split(rest, " \t", v, n) : n;
}

/* Make W->all the words that argv[1] stands for, followed by the rest of argv; how many, or -1 with errno.  *SHEBANG is
 * how many come before the rest (program name included), or 0 when the words are a command line's. */
static int expand(struct words *w, int argc, char **argv, int *shebang) {
	int n = 0;

	*shebang = 0;
	w->all = calloc((size_t)argc + (argc > 1 ? strlen(argv[1]) : 0) + 2, sizeof *w->all);
	w->text = strdup(argc > 1 ? argv[1] : "");
	if (!w->all || !w->text)
		return -1;
	w->all[n++] = argv[0];
	if (has_commas(w->text))
		*shebang = n = split_first(w->text, w->all, n);
	else if (strpbrk(w->text, " \t"))
		*shebang = n = split(w->text, " \t", w->all, n);
	else if (argc > 1)
		w->all[n++] = w->text;
	for (int i = 2; i < argc; i++)
		w->all[n++] = argv[i];
	return n;
}

/* Was the script's #! line longer than what the kernel reads, so that words are missing from it? */
static int is_cut(const char *program, const char *words, const char *script) {
	char line[SHEBANG_SIZE + 1];
	ssize_t n;
	int fd;

	/* "#!", program, a blank, words: anything that could have been cut is nearly this long. */
	if (strlen(program) + strlen(words) + 8 < SHEBANG_SIZE / 2)
		return 0;
	fd = open(script, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, line, SHEBANG_SIZE);
	close(fd);
	return n == SHEBANG_SIZE && line[0] == '#' && line[1] == '!' && !memchr(line, '\n', SHEBANG_SIZE - 1);
}

int words_of_env(char *const *v, int count) {
	const char *slash = count > 1 ? strrchr(v[0], '/') : NULL;
	int at;

	if (!slash || strcmp(slash + 1, "env") != 0)
		return 0;
	at = strcmp(v[1], "-S") == 0 ? 2 : 1;
	/* Without -S it is given one word, in which it would look for no others. */
	if (at >= count || (at == 1 && count > 2))
		return 0;
	/* Its own options, variables that it sets, and what -S replaces. */
	if (v[at][0] == '-' || strchr(v[at], '='))
		return 0;
	for (int i = at; at == 2 && i < count; i++)
		if (strpbrk(v[i], "'\"\\$") || v[i][0] == '#')
			return 0;
	return at;
}

void words_keep_env(struct words *w) {
	w->interpreter_arguments -= w->env_words;
	w->interpreter_argument_count += w->env_words;
	if (w->env_words)
		w->interpreter = w->interpreter_arguments[-1];
	w->env_words = 0;
}

/* After the options: interpreter, its arguments, script, its arguments. */
static int take_operands(struct words *w, char **v, int count, int shebang, char *why, size_t why_size) {
	int at = optind, end = shebang ? shebang : count;

	if (w->mode == WORDS_HELP || w->mode == WORDS_VERSION)
		return 0;
	if (at >= end) {
		snprintf(why, why_size, "no interpreter is named");
		return -1;
	}
	if (shebang)
		w->env_words = words_of_env(v + at, end - at);
	at += w->env_words;
	w->interpreter = v[at++];
	w->interpreter_arguments = v + at;
	if (shebang)
		at = shebang;
	else
		while (at < count && v[at][0] == '-' && v[at][1])
			at++;
	w->interpreter_argument_count = (int)(v + at - w->interpreter_arguments);
	w->script = at < count ? v[at++] : NULL;
	w->arguments = v + (at < count ? at : count);
	return 0;
}

int words_parse(int argc, char **argv, struct words *w, char *why, size_t why_size) {
	int option, count, shebang;

	memset(w, 0, sizeof *w);
	count = expand(w, argc, argv, &shebang);
	if (count < 0) {
		snprintf(why, why_size, "arguments: %s", strerror(errno));
		return -1;
	}
	w->hash_bang = shebang > 0;
	if (shebang && argc > 2 && is_cut(argv[0], argv[1], argv[2])) {
		snprintf(why, why_size, "%s: its #! line is longer than the %d bytes that the kernel reads", argv[2],
		         SHEBANG_SIZE - 1);
		return -1;
	}
	opterr = 0;
	while ((option = getopt_long(shebang ? shebang : count, w->all, "+:UfE:G:g:", long_options, NULL)) != -1)
		if (take_option(w, option, w->all, why, why_size) < 0)
			return -1;
	return take_operands(w, w->all, count, shebang, why, why_size);
}
