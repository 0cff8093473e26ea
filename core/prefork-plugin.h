/* The interface between prefork-launch and a language plugin: all that a plugin includes.
 *
 * A plugin is a shared object in the plugin directory that defines
 *
 *     const struct prefork_plugin prefork_plugin = { PREFORK_PLUGIN_ABI, sizeof(struct prefork_plugin), ... };
 *
 * The launcher loads it with dlopen(RTLD_NOW | RTLD_LOCAL) in a process of its own, before the interpreter is started;
 * a plugin needs no symbol of the launcher.  See prefork-plugin(7). */
#ifndef PREFORK_PLUGIN_H
#define PREFORK_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

/* Changed whenever anything below changes its meaning or layout; the launcher loads no plugin of another number. */
#define PREFORK_PLUGIN_ABI 3u
#define PREFORK_PLUGIN_SYMBOL "prefork_plugin"

/* One invocation, as the caller's #! line or command line has it.  All pointers stay valid while the plugin runs. */
struct prefork_invocation {
	const char *interpreter;             /* absolute path, found through PATH; not resolved further */
	const char *name;                    /* the interpreter as it was spelt: its argv[0] */
	const char *const *arguments;        /* the interpreter's own arguments before the script, NULL-terminated */
	const char *script;                  /* as the caller spelt it */
	const char *script_text;             /* the beginning of it, at most a mebibyte; NUL bytes in it are blanks */
	const char *const *script_arguments; /* NULL-terminated; empty unless the caller asked for unlaundered setup (-U) */
	int split;                           /* --split: more of the script may run ahead of its calls than usual */
	const char *runtime_directory;       /* where this language's runtime is installed: absolute */
};

/* What the launcher offers to prepare().  SETUP is the pointer that prepare() was given.
 * Each returns 0, or -1 with errno (ENOMEM) when it can't; strings are copied. */
struct prefork_host {
	/* Append one word to the arguments that the interpreter is executed with (argv[0] is already there). */
	int (*add_argument)(void *setup, const char *word);
	/* Set or (VALUE NULL) remove a variable in setup's environment, which starts as the caller's. */
	int (*set_environment)(void *setup, const char *name, const char *value);
	/* Read that environment: NULL where not set. */
	const char *(*get_environment)(void *setup, const char *name);
};

enum prefork_answer {
	PREFORK_NOT_MINE = 0, /* another language's interpreter: the next plugin is asked */
	PREFORK_ACCEPT = 1,
	PREFORK_REFUSE = 2, /* this language, but such an invocation can't be served: the plain interpreter runs */
};

struct prefork_plugin {
	uint32_t abi;  /* PREFORK_PLUGIN_ABI: read before anything else */
	uint32_t size; /* sizeof(struct prefork_plugin) */

	/* The language's name; the runtime is looked for in a folder of this name. */
	const char *language;

	/* Does this plugin serve the invocation?  With PREFORK_REFUSE one line that says why, without newline, is put
	 * into WHY (WHY_SIZE bytes, NUL included). */
	enum prefork_answer (*accepts)(const struct prefork_invocation *invocation, char *why, size_t why_size);

	/* Say how setup is executed: every argument after argv[0] (the script among them) and what changes in the
	 * environment so that the runtime is found.  0, or -1 with errno. */
	int (*prepare)(const struct prefork_invocation *invocation, const struct prefork_host *host, void *setup);
};

#endif
