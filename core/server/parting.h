/* Waiting for a client to leave its process group to its executor.
 *
 * From the executor's joining to the client's leaving both are in the group, and what is sent to it comes to both; the
 * client passes its one on.  As long as the executor has its signals blocked the two are one: it waits here before it
 * unblocks them.  A word in memory that server and executor share; no descriptor, whose number could be the script's.
 */
#ifndef PREFORK_PARTING_H
#define PREFORK_PARTING_H

#include <stdint.h>

struct parting {
	uint32_t *word; /* NULL: nobody waits */
};

/* In the server, before the fork.  Where there is no memory nobody will wait. */
void parting_begin(struct parting *p);

/* In the server: the client has left, or will not.  A second time does nothing. */
void parting_end(struct parting *p);

/* In an executor: wait for that; or, where it is another call's, have no part in it. */
void parting_wait(struct parting *p);
void parting_forget(struct parting *p);

#endif
