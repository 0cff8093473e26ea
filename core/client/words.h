/* The words of an invocation: from a #! line or a command line. */
#ifndef PREFORK_WORDS_H
#define PREFORK_WORDS_H

#include <stddef.h>

#define WORDS_MAX_EXTRA 64 /* of each of -E and -G */

enum words_session { WORDS_SESSION_AUTO, WORDS_SESSION_OWN, WORDS_SESSION_SHARED };
enum words_mode { WORDS_RUN, WORDS_KILL, WORDS_HELP, WORDS_VERSION };

struct words {
	char **all; /* what the pointers below point into */
	char *text;
	enum words_mode mode;
	int hash_bang;                          /* the words are those of a #! line */
	enum words_session session;             /* --session */
	int unlaundered;                        /* -U */
	int fresh;                              /* -f */
	int split;                              /* --split */
	const char *key_name;                   /* -g, or NULL */
	const char *extra[2 * WORDS_MAX_EXTRA]; /* -E and -G in their order, each as "E" or "G" and what follows it */
	size_t extra_count;
	const char *idle_timeout; /* as spelt, checked to be a number; or NULL */
	const char *max_servers;
	const char *min_gain;
	char *interpreter; /* as spelt; NULL where none is named (--help, --version) */
	char **interpreter_arguments;
	int interpreter_argument_count;
	int env_words;    /* how many words of env(1) come before the interpreter, which it would look for in PATH */
	char *script;     /* as spelt; NULL where there is none */
	char **arguments; /* the script's, NULL-terminated */
};

/* Read argv.  A first argument with blanks in it is what the kernel makes of a #! line, and is split into words; commas
 * separate words in a first word that begins with `-`.  The result points into ARGV and into memory
 * that lives as long as the process.  0, or -1 with one line in WHY. */
int words_parse(int argc, char **argv, struct words *w, char *why, size_t why_size);

/* How many of the COUNT words of a #! line are env(1)'s own, before the interpreter that it would execute: 1 as in
 * "/usr/bin/env python3", 2 as in "/usr/bin/env -S python3 -u", else 0: no env, or one that would do more than that. */
int words_of_env(char *const *v, int count);

/* Make env(1) the interpreter again, where env_words says that there is one. */
void words_keep_env(struct words *w);

/* What --help prints. */
extern const char words_usage[];

#endif
