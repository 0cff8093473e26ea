/* The Tcl plugin: which invocations can be served, and how setup is executed. */
#include "prefork-plugin.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By these a script marks its initialisation's end itself. */
#define PACKAGE "prefork_interp"
#define MARK "initialisation_complete"

struct reason {
	char *text;
	size_t size;
};

/* All refusals go through here; always 0, which is "no" to the callers. */
static int refuse(struct reason *why, const char *text, const char *word) {
	snprintf(why->text, why->size, "%s%s%s", text, word ? ": " : "", word ? word : "");
	return 0;
}

/* "tclsh", "tclshN", "tclshN.N": the version, "" where the name has none, or NULL. */
static const char *tclsh_version(const char *name) {
	if (strncmp(name, "tclsh", 5) != 0)
		return NULL;
	name += 5;
	return name[strspn(name, "0123456789.")] ? NULL : name;
}

/* The invocation as Tcl_Main() reads it: "-encoding NAME" or nothing before the script, which can't begin with a dash.
 * All else makes tclsh read commands from standard input. */
static int check_words(const struct prefork_invocation *invocation, struct reason *why) {
	const char *const *words = invocation->arguments;

	if (words[0] && strcmp(words[0], "-encoding") == 0) {
		if (!words[1])
			return refuse(why, "the word after -encoding is its value, not a script", invocation->script);
		words += 2;
	}
	if (words[0])
		return refuse(why, words[0][0] == '-' ? "tclsh has no such option" : "tclsh takes this word for the script",
		              words[0]);
	if (invocation->script[0] == '-')
		return refuse(why, "tclsh takes no word with a dash for a script", invocation->script);
	return 1;
}

/* The end of the list element that begins at AT, or NULL when it is not a list's. */
static const char *element_end(const char *at) {
	int depth = 0, braced = *at == '{';

	for (; *at && (depth > 0 || !isspace((unsigned char)*at)); at++) {
		if (*at == '\\' && at[1])
			at++;
		else if (braced)
			depth += *at == '{' ? 1 : *at == '}' ? -1 : 0;
	}
	return depth ? NULL : at;
}

/* Relative elements of TCLLIBPATH mean another folder in each caller's directory.  Quotes are taken for relative. */
static int path_is_absolute(const char *list) {
	while (list && *list) {
		if (isspace((unsigned char)*list)) {
			list++;
			continue;
		}
		if (!strchr("/~", list[*list == '{']))
			return 0;
		list = element_end(list);
	}
	return list != NULL;
}

/* The plugin runs in the launcher, whose environment is the caller's. */
static int check_environment(struct reason *why) {
	const char *path = getenv("TCLLIBPATH"), *library = getenv("TCL_LIBRARY");

	if (library)
		return refuse(why, "the variable is needed for something else", "TCL_LIBRARY");
	if (path && !path_is_absolute(path))
		return refuse(why, "TCLLIBPATH depends on the working directory", path);
	return 1;
}

/* Does a command that loads our package begin here?  As code has it: one blank between words, or several. */
static int loads_package(const char *at) {
	static const char *const words[] = {"package", "require", PACKAGE};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		at += strspn(at, " \t");
		if (strncmp(at, words[i], strlen(words[i])) != 0)
			return 0;
		at += strlen(words[i]);
		if (*at && !strchr(" \t\r\n;]}", *at))
			return 0;
	}
	return 1;
}

/* A script that loads our package and calls it says itself where its initialisation ends; any other is run by
 * bootstrap.tcl.  That a comment mentions it means nothing: setup would run the script to its end, and the plain run
 * that follows run it again. */
static int is_marked(const struct prefork_invocation *invocation) {
	const char *line = invocation->script_text;
	int loads = 0, calls = 0;

	for (; *line; line += *line == '\n') {
		const char *end = line + strcspn(line, "\n"), *start = line + strspn(line, " \t");

		if (*start != '#')
			for (const char *at = line; at < end; at++) {
				loads |= (at == line || strchr(";{[\"", at[-1])) && loads_package(at);
				calls |= strncmp(at, MARK, strlen(MARK)) == 0;
			}
		line = end;
	}
	return loads && calls;
}

static enum prefork_answer tcl_accepts(const struct prefork_invocation *invocation, char *text, size_t size) {
	const char *slash = strrchr(invocation->interpreter, '/');
	const char *version = tclsh_version(slash ? slash + 1 : invocation->interpreter);
	struct reason why = {text, size};

	if (!version)
		return PREFORK_NOT_MINE;
	/* Where the name doesn't tell, setup does. */
	if (*version && strcmp(version, "8.6") != 0 && strcmp(version, "86") != 0) {
		refuse(&why, "only Tcl 8.6 is served, this is", version);
		return PREFORK_REFUSE;
	}
	return check_words(invocation, &why) && check_environment(&why) ? PREFORK_ACCEPT : PREFORK_REFUSE;
}

/* The path of NAME in the runtime's directory, malloc'ed, or NULL with errno. */
static char *runtime_path(const struct prefork_invocation *invocation, const char *name) {
	size_t size = strlen(invocation->runtime_directory) + strlen(name) + 2;
	char *path = malloc(size);

	if (path)
		snprintf(path, size, "%s/%s", invocation->runtime_directory, name);
	return path;
}

/* Tcl reads init.tcl in this directory before the script.  Ours hands on to the library's. */
static int set_library(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	char *directory = runtime_path(invocation, "prefork_interp");
	int result = directory ? host->set_environment(setup, "TCL_LIBRARY", directory) : -1;

	free(directory);
	return result;
}

static int add_all(const char *const *words, const struct prefork_host *host, void *setup) {
	for (; *words; words++)
		if (host->add_argument(setup, *words) != 0)
			return -1;
	return 0;
}

static int add_bootstrap(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	char *path = runtime_path(invocation, "prefork_interp/bootstrap.tcl");
	int result = path ? host->add_argument(setup, path) : -1;

	free(path);
	return result;
}

static int tcl_prepare(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	int marked = is_marked(invocation);

	if ((marked ? set_library(invocation, host, setup) : add_bootstrap(invocation, host, setup)) != 0)
		return -1;
	if (add_all(invocation->arguments, host, setup) != 0 || host->add_argument(setup, invocation->script) != 0)
		return -1;
	return add_all(invocation->script_arguments, host, setup);
}

__attribute__((visibility("default"))) const struct prefork_plugin prefork_plugin = {
	.abi = PREFORK_PLUGIN_ABI,
	.size = sizeof(struct prefork_plugin),
	.language = "tcl",
	.accepts = tcl_accepts,
	.prepare = tcl_prepare,
};
