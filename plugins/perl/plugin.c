/* The Perl plugin: which invocations can be served, and how setup is executed. */
#define MODULE "Proc::Prefork::Interp"
#define MARK "prefork_initialisation_complete"
#define _GNU_SOURCE
#include "prefork-plugin.h"

#include <ctype.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As much of a script's #! line as we read; the kernel takes 256 bytes. */
#define LINE_MAX_READ 4096

#define INCLUDE_OPTION "-I"
/* Loaded before the script is compiled, to see what it looks at; where it marks no boundary, to find one. */
#define MARKED_OPTION "-m" MODULE "::Runtime"
#define SPLIT_VARIABLE "PREFORK_INTERP_PERL_SPLIT" /* modules that calls load are loaded ahead too */
#define UNMARKED_OPTION "-m" MODULE "::Unmarked"

/* Options that take no value and leave the script a script. */
static const char flags[] = "fgtTUwWX";

static const struct {
	char letter;
	const char *why;
} refused[] = {
	{'a', "-a: the script is run for each line of its input"},
	{'c', "-c: the script is only checked"},
	{'d', "-d: the script runs under a debugger"},
	{'D', "-D: the interpreter reports as it works"},
	{'e', "-e: there is no script file"},
	{'E', "-E: there is no script file"},
	{'F', "-F: the script is run for each line of its input"},
	{'h', "-h: the interpreter prints its help"},
	{'i', "-i: the script edits the files that it is given"},
	{'n', "-n: the script is run for each line of its input"},
	{'p', "-p: the script is run for each line of its input"},
	{'s', "-s: the interpreter reads options among the script's arguments"},
	{'S', "-S: the script is looked for in PATH"},
	{'u', "-u: the interpreter dumps core"},
	{'v', "-v: the interpreter prints its version"},
	{'V', "-V: the interpreter prints its configuration"},
	{'x', "-x: the script is a part of its file"},
};

struct question {
	const struct prefork_invocation *invocation;
	char *why;
	size_t why_size;
};

/* All refusals go through here; always 0, which is "no" to the callers. */
static int refuse(const struct question *q, const char *text, const char *word) {
	snprintf(q->why, q->why_size, "%s%s%s", text, word ? ": " : "", word ? word : "");
	return 0;
}

/* What is named from the working directory is something else for each caller; but callers who name the script from
 * there share a server only when they are in one directory. */
static int is_one_directory(const struct question *q) {
	return q->invocation->script[0] != '/';
}

/* "perl", "perl5", "perl5.36.0", and with what the packager adds: "perl5.36-x86_64-linux-gnu" */
static int is_perl(const char *name) {
	if (strncmp(name, "perl", 4) != 0)
		return 0;
	name += 4;
	if (!*name)
		return 1;
	if (*name != '5')
		return 0;
	name += strspn(name, "0123456789.");
	return !*name || *name == '-';
}

/* The length of what follows -0: octal digits, or x and hexadecimal ones. */
static size_t record_separator(const char *digits) {
	if (*digits == 'x' || *digits == 'X')
		return 1 + strspn(digits + 1, "0123456789abcdefABCDEF");
	return strspn(digits, "01234567");
}

static int include_option(const char *directory, const struct question *q) {
	if (!*directory)
		return refuse(q, "-I: the next word is its value, not a script", NULL);
	if (*directory == '/' || is_one_directory(q))
		return 1;
	return refuse(q, "-I depends on the working directory", directory);
}

/* One word of clustered options, LETTERS after its dash. */
static int short_options(const char *letters, const struct question *q) {
	const char *word = letters;

	while (*letters) {
		char letter = *letters++;

		for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
			if (letter == refused[i].letter)
				return refuse(q, refused[i].why, NULL);
		switch (letter) {
		case '0':
			letters += record_separator(letters);
			break;
		case 'l':
			letters += strspn(letters, "01234567");
			break;
		case ' ': /* of "-w -T" the kernel makes one word; perl reads on behind the next dash */
			letters += strspn(letters, " ");
			if (*letters++ != '-')
				return refuse(q, "perl has no such option", word);
			break;
		case 'C': /* this and the next ones take all that is left of the word */
			return 1;
		case 'I':
			return include_option(letters, q);
		case 'm':
		case 'M':
			return *letters ? 1 : refuse(q, "-M names no module", NULL);
		default:
			if (!strchr(flags, letter))
				return refuse(q, "perl has no such option", word);
		}
	}
	return 1;
}

/* Read all words before the script.  1, or 0 with WHY when what follows them is not the script, or is not all. */
static int read_options(const char *const *at, const struct question *q) {
	for (; *at; at++) {
		const char *word = *at;

		if (word[0] != '-')
			return refuse(q, "perl takes this word for the script", word);
		if (!word[1])
			return refuse(q, "-: the script comes from standard input", NULL);
		if (strcmp(word, "--") == 0)
			return at[1] ? refuse(q, "perl takes this word for the script", at[1]) : 1;
		if (!short_options(word + 1, q))
			return 0;
	}
	return 1;
}

/* Perl reads the script's own #! line, too: options behind the word "perl", or, where that is missing, another program
 * that gets the script. */
static int read_hash_bang(char *line, const struct question *q) {
	char *at, *word;

	if (strncmp(line, "#!", 2) != 0)
		return 1;
	at = strstr(line, "perl -");
	if (!at)
		at = strstr(line, "perl");
	if (!at)
		return refuse(q, "perl hands the script to the program on its #! line", NULL);
	strsep(&at, " \t\r\n");
	while ((word = strsep(&at, " \t\r\n"))) {
		if (!*word)
			continue;
		if (word[0] != '-' || word[1] == '-') /* here perl takes no notice of long options */
			break;
		if (!short_options(word + 1, q))
			return 0;
	}
	return 1;
}

static int check_script(const char *script, const struct question *q) {
	char line[LINE_MAX_READ];
	FILE *file;
	int answer = 1;

	if (script[0] == '-')
		return refuse(q, "perl takes the script for an option", script);
	file = fopen(script, "re");
	if (!file)
		return 1; /* perl says so itself, and the plain one then too */
	if (fgets(line, sizeof line, file))
		answer = read_hash_bang(line, q);
	fclose(file);
	return answer;
}

/* Empty entries are none. */
static int check_path(const char *variable, const struct question *q) {
	const char *path = getenv(variable);

	for (; path && *path; path += strcspn(path, ":")) {
		path += strspn(path, ":");
		if (*path && *path != '/' && !is_one_directory(q))
			return refuse(q, "a library path depends on the working directory", variable);
	}
	return 1;
}

static int is_set(const char *variable) {
	const char *value = getenv(variable);

	return value && *value && strcmp(value, "0") != 0;
}

/* Perl warns at every start of a locale that the machine does not have. */
static int check_locale(const struct question *q) {
	locale_t locale = newlocale(LC_ALL_MASK, "", (locale_t)0);
	const char *quiet = getenv("PERL_BADLANG");

	if (!locale)
		return (quiet && !is_set("PERL_BADLANG")) ? 1 : refuse(q, "perl warns of the locale at every start", NULL);
	freelocale(locale);
	return 1;
}

/* Options from the environment: with or without dashes. */
static int check_environment_options(const struct question *q) {
	const char *value = getenv("PERL5OPT");
	char *copy = strdup(value ? value : ""), *rest = copy, *word;
	int answer = 1;

	if (!copy)
		return refuse(q, "out of memory", NULL);
	while (answer && (word = strsep(&rest, " \t\r\n")))
		answer = short_options(word + (word[0] == '-'), q);
	free(copy);
	return answer;
}

/* The plugin runs in the launcher, whose environment is the caller's. */
static int check_environment(const struct question *q) {
	const char *signals = getenv("PERL_SIGNALS");

	if (signals && strcmp(signals, "unsafe") == 0)
		return refuse(q, "PERL_SIGNALS=unsafe: the script's signal handlers would run in the server", NULL);
	if (getenv("PERL_HASH_SEED"))
		return refuse(q, "PERL_HASH_SEED: the order of keys would depend on what setup has put into hashes", NULL);
	if (is_set("PERL_HASH_SEED_DEBUG"))
		return refuse(q, "PERL_HASH_SEED_DEBUG: the interpreter reports at every start", NULL);
	if (is_set("PERL_USE_UNSAFE_INC") && !is_one_directory(q))
		return refuse(q, "PERL_USE_UNSAFE_INC: modules are looked for in the working directory", NULL);
	return check_path("PERL5LIB", q) && check_path("PERLLIB", q) && check_environment_options(q) && check_locale(q);
}

/* Does a statement begin here that loads the module? */
static int loads_module(const char *at) {
	size_t word;

	at += strspn(at, " \t");
	word = strncmp(at, "use", 3) == 0 ? 3 : strncmp(at, "require", 7) == 0 ? 7 : 0;
	if (!word || (at[word] != ' ' && at[word] != '\t'))
		return 0;
	for (at += word; *at && !strchr(";#\n", *at); at++)
		if (strncmp(at, MODULE, strlen(MODULE)) == 0 && strchr(" \t\"'(", at[-1]))
			return strchr(" \t\r\n;,\"')(", at[strlen(MODULE)]) != NULL;
	return 0;
}

/* The line behind documentation that begins at LINE. */
static const char *skip_documentation(const char *line) {
	const char *cut = strncmp(line, "=cut", 4) == 0 ? line : strstr(line, "\n=cut");

	cut = cut ? cut + 1 + strcspn(cut + 1, "\n") : line + strlen(line);
	return cut + (*cut == '\n');
}

/* Does it load the module, and call it?  That its comments or its documentation mention it means nothing: setup would
 * run the script to its end, and the plain run that follows run it again. */
static int is_marked(const char *line) {
	int loads = 0, calls = 0;

	while (*line && strncmp(line, "__END__", 7) != 0 && strncmp(line, "__DATA__", 8) != 0) {
		const char *end = line + strcspn(line, "\n"), *at = line;

		if (line[0] == '=' && isalpha((unsigned char)line[1])) {
			line = skip_documentation(line);
			continue;
		}
		for (; at < end && (*at != '#' || (at > line && !strchr(" \t;", at[-1]))); at++) {
			loads |= (at == line || strchr(";{}\"'", at[-1])) && loads_module(at);
			calls |= strncmp(at, MARK, strlen(MARK)) == 0;
		}
		line = end + (*end == '\n');
	}
	return loads && calls;
}

/* Does it mark its boundary?  It names the module in its text, or by -M. */
static int names_module(const struct prefork_invocation *invocation) {
	for (const char *const *at = invocation->arguments; *at; at++)
		if (strstr(*at, MODULE))
			return 1;
	return is_marked(invocation->script_text);
}

static enum prefork_answer perl_accepts(const struct prefork_invocation *invocation, char *text, size_t size) {
	const char *slash = strrchr(invocation->interpreter, '/');
	struct question q = {invocation, text, size};

	if (!is_perl(slash ? slash + 1 : invocation->interpreter))
		return PREFORK_NOT_MINE;
	if (!read_options(invocation->arguments, &q) || !check_script(invocation->script, &q) || !check_environment(&q))
		return PREFORK_REFUSE;
	return PREFORK_ACCEPT;
}

/* The runtime's folder, behind those of the caller's -I.  Not by PERL5LIB: under -T that does not count, where it is
 * set PERLLIB does not, and it can't name a folder with a colon. */
static int add_include(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	size_t size = sizeof INCLUDE_OPTION + strlen(invocation->runtime_directory);
	char *option = malloc(size);
	int result;

	if (!option)
		return -1;
	snprintf(option, size, "%s%s", INCLUDE_OPTION, invocation->runtime_directory);
	result = host->add_argument(setup, option);
	free(option);
	return result;
}

static int perl_prepare(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	const char *const *at;

	if (invocation->split && !names_module(invocation) && host->set_environment(setup, SPLIT_VARIABLE, "1") != 0)
		return -1;
	if (host->add_argument(setup, names_module(invocation) ? MARKED_OPTION : UNMARKED_OPTION) != 0)
		return -1;
	for (at = invocation->arguments; *at && strcmp(*at, "--") != 0; at++)
		if (host->add_argument(setup, *at) != 0)
			return -1;
	if (add_include(invocation, host, setup) != 0)
		return -1;
	if (*at && host->add_argument(setup, *at) != 0)
		return -1;
	if (host->add_argument(setup, invocation->script) != 0)
		return -1;
	for (at = invocation->script_arguments; *at; at++)
		if (host->add_argument(setup, *at) != 0)
			return -1;
	return 0;
}

__attribute__((visibility("default"))) const struct prefork_plugin prefork_plugin = {
	.abi = PREFORK_PLUGIN_ABI,
	.size = sizeof(struct prefork_plugin),
	.language = "perl",
	.accepts = perl_accepts,
	.prepare = perl_prepare,
};
