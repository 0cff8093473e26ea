/* Loading language plugins: see plugin.h. */
#define _GNU_SOURCE
#include "plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int plugin_directory(char path[PATH_MAX], const char *relative, struct reason *why) {
	char self[PATH_MAX], joined[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n < 0) {
		reason_errno(why, "find our own directory", "/proc/self/exe");
		return -1;
	}
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	snprintf(joined, sizeof joined, "%s/%s", self, relative);
	if (realpath(joined, path))
		return 0;
	reason_errno(why, "find plugins", joined);
	return -1;
}

/* NULL, or what is wrong with this object as a plugin.  The ABI's number decides whether the rest means what it says
 * here. */
static const char *unfit(const struct prefork_plugin *entry, char *text, size_t size) {
	if (!entry)
		return "it has no symbol " PREFORK_PLUGIN_SYMBOL;
	if (entry->abi != PREFORK_PLUGIN_ABI) {
		snprintf(text, size, "its ABI is %lu, this launcher's %u", (unsigned long)entry->abi, PREFORK_PLUGIN_ABI);
		return text;
	}
	if (entry->size != sizeof *entry) {
		snprintf(text, size, "its struct has %lu bytes instead of %zu", (unsigned long)entry->size, sizeof *entry);
		return text;
	}
	if (!entry->language || !entry->language[0] || entry->language[0] == '.' || strchr(entry->language, '/'))
		return "it names no language";
	if (!entry->accepts || !entry->prepare)
		return "it lacks a function";
	return NULL;
}

static int load(struct plugin *p, const char *path) {
	const char *wrong;
	char text[128];

	p->entry = NULL;
	p->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!p->handle) {
		wrong = dlerror();
		reason_say("load plugin", "%s: %s", path, wrong ? wrong : "unknown reason");
		return -1;
	}
	p->entry = dlsym(p->handle, PREFORK_PLUGIN_SYMBOL);
	wrong = unfit(p->entry, text, sizeof text);
	if (!wrong)
		return 0;
	reason_say("load plugin", "%s: %s", path, wrong);
	plugin_close(p);
	return -1;
}

/* Runtimes lie in a folder beside the plugins' folder. */
static int find_runtime(struct plugin *p, const char *directory) {
	const char *slash = strrchr(directory, '/');
	int n = snprintf(p->runtime_directory, sizeof p->runtime_directory, "%.*s/runtime/%s", (int)(slash - directory),
	                 directory, p->entry->language);

	return n > 0 && (size_t)n < sizeof p->runtime_directory ? 0 : -1;
}

static enum prefork_answer ask(struct plugin *p, const char *directory, const char *name,
                               struct prefork_invocation *invocation, struct reason *why) {
	enum prefork_answer answer = PREFORK_NOT_MINE;
	char path[PATH_MAX], text[sizeof why->text] = "";
	int n = snprintf(path, sizeof path, "%s/%s", directory, name);

	if (n < 0 || (size_t)n >= sizeof path || load(p, path) < 0)
		return PREFORK_NOT_MINE;
	if (find_runtime(p, directory) == 0) {
		invocation->runtime_directory = p->runtime_directory;
		answer = p->entry->accepts(invocation, text, sizeof text);
	}
	if (answer == PREFORK_ACCEPT)
		return PREFORK_ACCEPT;
	text[sizeof text - 1] = '\0';
	if (answer == PREFORK_REFUSE)
		reason_set(why, "%s: %s", p->entry->language, text[0] ? text : "the plugin refuses it");
	plugin_close(p);
	return answer == PREFORK_REFUSE ? PREFORK_REFUSE : PREFORK_NOT_MINE;
}

static int is_plugin(const struct dirent *entry) {
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 3 && strcmp(entry->d_name + n - 3, ".so") == 0;
}

/* Whatever the locale: the same order for every caller. */
static int by_name(const struct dirent **a, const struct dirent **b) {
	return strcmp((*a)->d_name, (*b)->d_name);
}

enum prefork_answer plugin_find(struct plugin *p, const char *directory, struct prefork_invocation *invocation,
                                struct reason *why) {
	enum prefork_answer answer = PREFORK_NOT_MINE;
	struct dirent **names = NULL;
	int count = scandir(directory, &names, is_plugin, by_name);

	memset(p, 0, sizeof *p);
	if (count < 0) {
		reason_errno(why, "read plugin directory", directory);
		return PREFORK_NOT_MINE;
	}
	reason_set(why, "no plugin in %s serves %s", directory, invocation->interpreter);
	for (int i = 0; i < count; i++) {
		if (answer == PREFORK_NOT_MINE)
			answer = ask(p, directory, names[i]->d_name, invocation, why);
		free(names[i]);
	}
	free(names);
	return answer;
}

void plugin_close(struct plugin *p) {
	if (p->handle)
		dlclose(p->handle);
	p->handle = NULL;
	p->entry = NULL;
}
