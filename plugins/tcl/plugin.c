/* The Tcl plugin: which invocations can be served, and how setup is executed. */
#include "prefork-plugin.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In setup's environment beside the handshake: the TCLLIBPATH that the caller has, "=VALUE" or, where it has none, "".
 * runtime.c takes it out and puts that value back. */
#define ORIGINAL_PATH_VARIABLE "PREFORK_INTERP_TCLLIBPATH"

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
	const char *path = getenv("TCLLIBPATH");

	if (path && !path_is_absolute(path))
		return refuse(why, "TCLLIBPATH depends on the working directory", path);
	return 1;
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

/* Append WORD as one element of a Tcl list.  Returns where it ends; TO has room for twice WORD and a NUL. */
static char *quote(char *to, const char *word) {
	for (; *word; word++) {
		if (*word == '\n') { /* a backslash before it would make it a blank */
			*to++ = '\\';
			*to++ = 'n';
			continue;
		}
		/* A byte of a multi-byte character stays as it is. */
		if (!((unsigned char)*word & 0x80) && !isalnum((unsigned char)*word) && !strchr("/._-+", *word))
			*to++ = '\\';
		*to++ = *word;
	}
	*to = '\0';
	return to;
}

/* The runtime's folder goes to the end, behind all that the caller's TCLLIBPATH names. */
static int extend_path(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	const char *original = host->get_environment(setup, "TCLLIBPATH");
	const char *path = original ? original : "";
	char *note = malloc(strlen(path) + 2);
	char *extended = malloc(strlen(path) + 2 * strlen(invocation->runtime_directory) + 2);
	int result = -1;

	if (note && extended) {
		sprintf(note, "%s%s", original ? "=" : "", path);
		quote(extended + sprintf(extended, "%s%s", path, *path ? " " : ""), invocation->runtime_directory);
		if (host->set_environment(setup, ORIGINAL_PATH_VARIABLE, note) == 0)
			result = host->set_environment(setup, "TCLLIBPATH", extended);
	}
	free(note);
	free(extended);
	return result;
}

static int add_all(const char *const *words, const struct prefork_host *host, void *setup) {
	for (; *words; words++)
		if (host->add_argument(setup, *words) != 0)
			return -1;
	return 0;
}

/* A script that names our package says itself where its initialisation ends; any other is run by bootstrap.tcl. */
static int is_marked(const struct prefork_invocation *invocation) {
	return strstr(invocation->script_text, "prefork_interp") != NULL;
}

static int add_bootstrap(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	static const char name[] = "/prefork_interp/bootstrap.tcl";
	char *path = malloc(strlen(invocation->runtime_directory) + sizeof name);
	int result = -1;

	if (path) {
		sprintf(path, "%s%s", invocation->runtime_directory, name);
		result = host->add_argument(setup, path);
	}
	free(path);
	return result;
}

static int tcl_prepare(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	int marked = is_marked(invocation);

	if ((marked ? extend_path(invocation, host, setup) : add_bootstrap(invocation, host, setup)) != 0)
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
