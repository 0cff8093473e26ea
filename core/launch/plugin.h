/* Language plugins: finding the one that serves an invocation (see core/prefork-plugin.h). */
#ifndef PREFORK_LAUNCH_PLUGIN_H
#define PREFORK_LAUNCH_PLUGIN_H

#include "../prefork-plugin.h"
#include "reason.h"

#include <limits.h>

/* The plugin directory, by its path RELATIVE to the folder of the program that asks.  0, or -1 with WHY. */
int plugin_directory(char path[PATH_MAX], const char *relative, struct reason *why);

/* A loaded plugin. */
struct plugin {
	void *handle;
	const struct prefork_plugin *entry;
	char runtime_directory[PATH_MAX];
};

/* Ask the plugins of DIRECTORY, in the order of their names, until one does not say that the invocation isn't its own.
 * One that can't be loaded is passed over; with PREFORK_INTERP_DEBUG a line says why. INVOCATION->runtime_directory is
 * set, and points into *P from then on.
 *
 * PREFORK_ACCEPT with *P filled, PREFORK_REFUSE or PREFORK_NOT_MINE (none takes it) with WHY. */
enum prefork_answer plugin_find(struct plugin *p, const char *directory, struct prefork_invocation *invocation,
                                struct reason *why);
void plugin_close(struct plugin *p);

#endif
