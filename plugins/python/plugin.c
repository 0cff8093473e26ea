/* The Python plugin: which invocations can be served, and how setup is executed. */
#include "prefork-plugin.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In setup's environment beside the handshake: the PYTHONPATH that the caller has, "=VALUE" or, where it has none, "".
 * prefork_interp/__init__.py takes it out and puts that value back. */
#define ORIGINAL_PATH_VARIABLE "PREFORK_INTERP_PYTHONPATH"

/* There too: "1" where the script's own first lines are to run ahead of its calls. */
#define SPLIT_VARIABLE "PREFORK_INTERP_SPLIT"

/* Below the runtime's folder. */
#define EARLY_FOLDER "/prefork_interp/early"

/* What the interpreter's options, read as Python's main() reads them, come to. */
struct options {
	int ignore_environment; /* -E or -I: no PYTHON* variable counts */
	int no_site;            /* -S: modules that the runtime needs are not there yet */
	int skip_line;          /* -x: the script is a part of its file */
};

/* What runs instead of a script that does not mark its initialisation's end: its place below the runtime's folder. */
#define BOOTSTRAP "/prefork_interp/_bootstrap.py"

/* What runs it, if it marks that. */
#define MARKED_BOOTSTRAP "/prefork_interp/_marked.py"

/* By these a script marks its initialisation's end itself: the module that it imports, and what it calls there. */
#define MODULE "prefork_interp"
#define MARK "initialisation_complete"

/* Options that take no value and leave the script a script. */
static const char flags[] = "bBdEIOPqRsStux";

static const struct {
	char letter;
	const char *why;
} refused[] = {
	{'c', "-c: there is no script file"},
	{'m', "-m: there is no script file"},
	{'i', "-i: the interpreter becomes interactive after the script"},
	{'v', "-v: every import is reported as it happens"},
	{'V', "-V: the interpreter prints its version"},
	{'h', "-h: the interpreter prints its help"},
	{'?', "-?: the interpreter prints its help"},
};

/* Variables that make the interpreter do what a refused option does. */
static const struct {
	const char *name;
	const char *why;
} refused_variables[] = {
	{"PYTHONINSPECT", "PYTHONINSPECT: the interpreter becomes interactive after the script"},
	{"PYTHONVERBOSE", "PYTHONVERBOSE: every import is reported as it happens"},
	{"PYTHONPROFILEIMPORTTIME", "PYTHONPROFILEIMPORTTIME: every import is timed"},
};

struct reason {
	char *text;
	size_t size;
};

/* All refusals go through here; always 0, which is "no" to the callers. */
static int refuse(struct reason *why, const char *text, const char *word) {
	snprintf(why->text, why->size, "%s%s%s", text, word ? ": " : "", word ? word : "");
	return 0;
}

/* "python", "python3", "python3.N" */
static int is_python(const char *name) {
	if (strncmp(name, "python", 6) != 0)
		return 0;
	name += 6;
	if (strcmp(name, "") == 0 || strcmp(name, "3") == 0)
		return 1;
	if (strncmp(name, "3.", 2) != 0 || !name[2])
		return 0;
	return name[2 + strspn(name + 2, "0123456789")] == '\0';
}

/* Before 3.8 the runtime can't be loaded.  Where the name doesn't tell, setup does. */
static int is_too_old(const char *name) {
	return strncmp(name, "python3.", 8) == 0 && strtol(name + 8, NULL, 10) < 8;
}

/* The value of -W or -X: the rest of its word, or the next word, on which *AT then stands. */
static const char *option_value(const char *rest, const char *const **at) {
	if (*rest)
		return rest;
	return (*at)[1] ? *++*at : NULL;
}

/* One word of clustered short options, without its dash; *AT is the word's place. */
static int short_options(const char *letters, const char *const **at, struct options *options, struct reason *why) {
	for (; *letters; letters++) {
		for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
			if (*letters == refused[i].letter)
				return refuse(why, refused[i].why, NULL);
		if (*letters == 'W' || *letters == 'X') {
			const char *value = option_value(letters + 1, at);

			if (!value)
				return refuse(why, "the word after the option is its value, not a script", **at);
			if (*letters == 'X' && strncmp(value, "importtime", 10) == 0)
				return refuse(why, "-X importtime: every import is timed", NULL);
			return 1;
		}
		if (!strchr(flags, *letters))
			return refuse(why, "python has no such option", **at);
		options->ignore_environment |= *letters == 'E' || *letters == 'I';
		options->no_site |= *letters == 'S';
		options->skip_line |= *letters == 'x';
	}
	return 1;
}

static int long_option(const char *const **at, struct reason *why) {
	const char *name = **at + 2;

	if (strncmp(name, "help", 4) == 0 || strcmp(name, "version") == 0)
		return refuse(why, "the interpreter prints about itself", **at);
	if (strcmp(name, "check-hash-based-pycs") != 0)
		return refuse(why, "python has no such option", **at);
	if (!(*at)[1])
		return refuse(why, "the word after the option is its value, not a script", **at);
	++*at;
	return 1;
}

/* Read all words before the script.  1, or 0 with WHY when what follows them is not the script, or is not all. */
static int read_options(const char *const *at, struct options *options, struct reason *why) {
	for (; *at; at++) {
		const char *word = *at;

		if (word[0] != '-')
			return refuse(why, "python takes this word for the script", word);
		if (!word[1])
			return refuse(why, "-: the script comes from standard input", NULL);
		if (strcmp(word, "--") == 0)
			return at[1] ? refuse(why, "python takes this word for the script", at[1]) : 1;
		if (!(word[1] == '-' ? long_option(&at, why) : short_options(word + 1, &at, options, why)))
			return 0;
	}
	return 1;
}

/* Entries of PYTHONPATH that are not absolute, empty ones included, mean another folder in each caller's directory. */
static int path_is_absolute(const char *path) {
	for (;;) {
		if (*path != '/')
			return 0;
		path = strchr(path, ':');
		if (!path)
			return 1;
		path++;
	}
}

/* The plugin runs in the launcher, whose environment is the caller's. */
static int check_environment(struct reason *why) {
	const char *path = getenv("PYTHONPATH");

	for (size_t i = 0; i < sizeof refused_variables / sizeof *refused_variables; i++) {
		const char *value = getenv(refused_variables[i].name);

		if (value && *value)
			return refuse(why, refused_variables[i].why, NULL);
	}
	if (path && *path && !path_is_absolute(path))
		return refuse(why, "PYTHONPATH depends on the working directory", path);
	return 1;
}

/* A word or a sign of the script, or what stands in a literal. */
struct token {
	enum { END, NAME, LITERAL, SIGN } kind;
	const char *start;
	size_t length;
};

static int is(const struct token *token, int kind, const char *text) {
	return (int)token->kind == kind && token->length == strlen(text) && strncmp(token->start, text, token->length) == 0;
}

static int is_name_character(char c) {
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Skip blanks, comments and joined lines. */
static const char *skip_blanks(const char *at) {
	for (;;) {
		at += strspn(at, " \t\r\f");
		if (*at == '#')
			at += strcspn(at, "\n");
		else if (at[0] == '\\' && at[1] == '\n')
			at += 2;
		else
			return at;
	}
}

/* *AT is a quote. */
static struct token take_literal(const char **at) {
	size_t quotes = strncmp(*at, "\"\"\"", 3) == 0 || strncmp(*at, "'''", 3) == 0 ? 3 : 1;
	const char *opening = *at, *end = *at + quotes;
	struct token token = {LITERAL, end, 0};

	while (*end && strncmp(end, opening, quotes) != 0 && (quotes == 3 || *end != '\n'))
		end += end[0] == '\\' && end[1] ? 2 : 1;
	token.length = (size_t)(end - token.start);
	*at = *end && *end != '\n' ? end + quotes : end;
	return token;
}

static struct token next_token(const char **at) {
	struct token token;

	token.start = *at = skip_blanks(*at);
	if (**at == '"' || **at == '\'')
		return take_literal(at);
	while (is_name_character(**at))
		++*at;
	token.kind = *at > token.start ? NAME : **at ? SIGN : END;
	if (token.kind == SIGN)
		++*at;
	token.length = (size_t)(*at - token.start);
	return token;
}

/* Does the script itself say where its initialisation ends?  It imports the module and calls it: that it is mentioned
 * in a comment or in a text means nothing.  Where this is missed, all of the script runs in each call, which is right
 * too; where it is taken for what it is not, setup would run the script and the plain run that follows run it again. */
static int is_marked(const struct prefork_invocation *invocation) {
	const char *at = invocation->script_text;
	struct token token = {END, at, 0}, last = token, second = token;
	int imports = 0, calls = 0;
	enum { OTHER, IMPORT, FROM } statement = OTHER;

	for (; token = next_token(&at), token.kind != END; second = last, last = token) {
		if (is(&token, SIGN, "\n") || is(&token, SIGN, ";") || is(&token, SIGN, ":"))
			statement = OTHER;
		else if (is(&token, NAME, "from"))
			statement = FROM;
		else if (is(&token, NAME, "import"))
			statement = statement == FROM ? OTHER : IMPORT;
		else if (is(&token, NAME, MARK))
			calls = 1;
		else if (is(&token, NAME, MODULE))
			imports |= (statement == IMPORT && (is(&last, NAME, "import") || is(&last, SIGN, ","))) ||
			           (statement == FROM && is(&last, NAME, "from"));
		else if (is(&token, LITERAL, MODULE))
			imports |= is(&last, SIGN, "(") && (is(&second, NAME, "__import__") || is(&second, NAME, "import_module"));
	}
	return imports && calls;
}

static int check_marked(const struct prefork_invocation *invocation, const struct options *options,
                        struct reason *why) {
	if (options->ignore_environment)
		return 1;
	if (strchr(invocation->runtime_directory, ':'))
		return refuse(why, "PYTHONPATH can't name a folder with a colon", invocation->runtime_directory);
	return check_environment(why);
}

static int check_unmarked(const struct prefork_invocation *invocation, const struct options *options,
                          struct reason *why) {
	(void)invocation;
	if (options->no_site)
		return refuse(why, "-S: the interpreter starts without the modules that the runtime needs", NULL);
	if (options->skip_line)
		return refuse(why, "-x: the script is a part of its file", NULL);
	return options->ignore_environment || check_environment(why);
}

static enum prefork_answer python_accepts(const struct prefork_invocation *invocation, char *text, size_t size) {
	const char *slash = strrchr(invocation->interpreter, '/');
	const char *name = slash ? slash + 1 : invocation->interpreter;
	struct options options = {0};
	struct reason why = {text, size};
	int served;

	if (!is_python(name))
		return PREFORK_NOT_MINE;
	if (is_too_old(name)) {
		refuse(&why, "Python before 3.8", name);
		return PREFORK_REFUSE;
	}
	served = read_options(invocation->arguments, &options, &why) &&
	         (is_marked(invocation) ? check_marked : check_unmarked)(invocation, &options, &why);
	return served ? PREFORK_ACCEPT : PREFORK_REFUSE;
}

/* A string of the parts, or NULL with errno. */
static char *join(const char *first, const char *second, const char *third) {
	size_t size = strlen(first) + strlen(second) + strlen(third) + 1;
	char *joined = malloc(size);

	if (joined)
		snprintf(joined, size, "%s%s%s", first, second, third);
	return joined;
}

/* The runtime's folder goes to the end, behind all that the caller's PYTHONPATH names; so does that of the module which
 * the interpreter loads at its start, to note what setup looks at. */
static int extend_path(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	const char *original = host->get_environment(setup, "PYTHONPATH");
	const char *directory = invocation->runtime_directory;
	char *note = original ? join("=", original, "") : join("", "", "");
	char *early = join(directory, ":", directory), *ours = early ? join(early, EARLY_FOLDER, "") : NULL;
	char *path = ours && original && *original ? join(original, ":", ours) : ours ? join(ours, "", "") : NULL;
	int result = -1;

	if (note && path && host->set_environment(setup, ORIGINAL_PATH_VARIABLE, note) == 0)
		result = host->set_environment(setup, "PYTHONPATH", path);
	free(note);
	free(path);
	free(ours);
	free(early);
	return result;
}

static int add_all(const char *const *words, const struct prefork_host *host, void *setup) {
	for (; *words; words++)
		if (host->add_argument(setup, *words) != 0)
			return -1;
	return 0;
}

/* A marked script that can't be run by the bootstrap is run by the interpreter itself. */
static const char *choose_bootstrap(const struct prefork_invocation *invocation, const struct options *options) {
	if (!is_marked(invocation))
		return BOOTSTRAP;
	if (options->ignore_environment || options->no_site || options->skip_line)
		return NULL;
	return MARKED_BOOTSTRAP;
}

static int add_bootstrap(const struct prefork_invocation *invocation, const char *name, const struct prefork_host *host,
                         void *setup) {
	char *path = join(invocation->runtime_directory, name, "");
	int result = path ? host->add_argument(setup, path) : -1;

	free(path);
	return result;
}

static int python_prepare(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	struct options options = {0};
	char unused[1];
	struct reason why = {unused, sizeof unused};
	const char *bootstrap;

	if (!read_options(invocation->arguments, &options, &why)) {
		errno = EINVAL;
		return -1;
	}
	if (add_all(invocation->arguments, host, setup) != 0)
		return -1;
	/* Where the environment is ignored only an interpreter that has the runtime in its site directory finds it. */
	if (is_marked(invocation) && !options.ignore_environment && extend_path(invocation, host, setup) != 0)
		return -1;
	bootstrap = choose_bootstrap(invocation, &options);
	if (bootstrap && add_bootstrap(invocation, bootstrap, host, setup) != 0)
		return -1;
	if (!is_marked(invocation) && invocation->split && host->set_environment(setup, SPLIT_VARIABLE, "1") != 0)
		return -1;
	if (host->add_argument(setup, invocation->script) != 0)
		return -1;
	return add_all(invocation->script_arguments, host, setup);
}

__attribute__((visibility("default"))) const struct prefork_plugin prefork_plugin = {
	.abi = PREFORK_PLUGIN_ABI,
	.size = sizeof(struct prefork_plugin),
	.language = "python",
	.accepts = python_accepts,
	.prepare = python_prepare,
};
