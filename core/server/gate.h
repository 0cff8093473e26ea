/* What a process must not have, or have changed, for its forks to be calls. */
#ifndef PREFORK_GATE_H
#define PREFORK_GATE_H

#include "origin.h"

/* More than one thread; a child that was not waited for.  0, or -1 with *ERROR. */
int gate_threads(struct prefork_error *error);
int gate_children(struct prefork_error *error);

/* The process before something was loaded. */
struct gate;

/* Look at the process; NULL with errno. */
struct gate *gate_new(void);
void gate_free(struct gate *g);

/* Has the process changed, since G was made, in what a fork shares or a call would have to have too?  STANDARD is the
 * server's.  0, or -1 with *ERROR. */
int gate_check(const struct gate *g, const struct standard *standard, struct prefork_error *error);

/* Add the descriptors that were opened since to those that the script has.  0, or -1 with errno. */
int gate_commit(const struct gate *g, struct origin *o);

#endif
