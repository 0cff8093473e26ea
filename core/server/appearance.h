/* What ps(1), pgrep(1) and the like see of a process: its name, its arguments, its environment. */
#ifndef PREFORK_APPEARANCE_H
#define PREFORK_APPEARANCE_H

#include "../run/procstat.h"
#include "../wire/wire.h"

#include <stddef.h>

struct appearance {
	unsigned long long layout[PROCSTAT_FIELDS]; /* of the address space, where the kernel has put things */
	int layout_known;
	char name[WIRE_MAX_NAME + 1]; /* when the runtime was loaded; later, the one that the calls have */
	int name_is_setups;           /* setup has chosen it */
};

/* When the runtime is loaded, and at the end of initialisation. */
void appearance_adopt(struct appearance *a);
void appearance_note(struct appearance *a);

/* Be the server, of the socket LISTEN_FD. Not called as the script is: who looks whether one runs must not find it. */
void appearance_server(const struct appearance *a, int listen_fd);

/* Be called NAME, or as a fresh run where that is empty, unless setup has chosen a name. */
void appearance_set_name(const struct appearance *a, const char *name);

/* Let the N bytes at BLOCK, which stays, be the arguments (the first ARGUMENTS bytes of it: strings) and the
 * environment that the kernel shows.  0, or -1 with errno where it can't be had. */
int appearance_set_block(const struct appearance *a, const char *block, size_t arguments, size_t n);

#endif
