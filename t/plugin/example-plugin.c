/* A plugin for Ruby: which invocations it takes, and how setup finds its runtime.  Printed in prefork-plugin(7). */
#include <prefork-plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "ruby", "ruby3.1" */
static int is_ruby(const char *interpreter) {
	const char *name = strrchr(interpreter, '/') + 1;

	if (strncmp(name, "ruby", 4) != 0)
		return 0;
	name += 4;
	return name[strspn(name, "0123456789.")] == '\0';
}

static enum prefork_answer ruby_accepts(const struct prefork_invocation *invocation, char *why, size_t why_size) {
	if (!is_ruby(invocation->interpreter))
		return PREFORK_NOT_MINE;
	for (const char *const *word = invocation->arguments; *word; word++) {
		if (strcmp(*word, "-w") == 0)
			continue;
		snprintf(why, why_size, "%s: not an option that can be served", *word);
		return PREFORK_REFUSE;
	}
	return PREFORK_ACCEPT;
}

/* RUBYLIB as setup is to have it: the caller's, then ours.  To be released with free(); NULL with errno. */
static char *search_path(const char *callers, const char *ours) {
	int has = callers && *callers;
	size_t size = (has ? strlen(callers) : 0) + strlen(ours) + 2;
	char *path = malloc(size);

	if (path)
		snprintf(path, size, "%s%s%s", has ? callers : "", has ? ":" : "", ours);
	return path;
}

static int add_all(const char *const *words, const struct prefork_host *host, void *setup) {
	for (; *words; words++)
		if (host->add_argument(setup, *words) < 0)
			return -1;
	return 0;
}

static int ruby_prepare(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup) {
	char *path = search_path(host->get_environment(setup, "RUBYLIB"), invocation->runtime_directory);
	int result = path ? host->set_environment(setup, "RUBYLIB", path) : -1;

	free(path);
	if (result < 0 || add_all(invocation->arguments, host, setup) < 0)
		return -1;
	if (host->add_argument(setup, invocation->script) < 0)
		return -1;
	return add_all(invocation->script_arguments, host, setup);
}

__attribute__((visibility("default"))) const struct prefork_plugin prefork_plugin = {
	.abi = PREFORK_PLUGIN_ABI,
	.size = sizeof(struct prefork_plugin),
	.language = "ruby",
	.accepts = ruby_accepts,
	.prepare = ruby_prepare,
};
