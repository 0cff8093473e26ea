/* The running call: signals to the executor, its stops and its end, and the client's end. */
#ifndef PREFORK_MONITOR_H
#define PREFORK_MONITOR_H

#include "call.h"

/* The client's process id, as the kernel knows it; 0 where it can't be told. */
pid_t monitor_client(const struct call *c);

/* The executor was forked, and is in its process group (C->group; 0: one that it leads). */
void monitor_begin(struct call *c, pid_t executor);

/* Messages of the client's: WIRE_SIGNAL, which lies in C's receiver, and WIRE_AWAKE. */
void monitor_relay(struct server *s, struct call *c);
void monitor_awake(struct call *c);

/* A child changed state: this call's executor, perhaps. */
void monitor_child_changed(struct server *s, struct call *c);

/* The client has hung up, or broken the protocol. */
void monitor_lost_client(struct server *s, struct call *c);

/* In the state LEAVING: something came from the client. */
void monitor_leaving(struct server *s, struct call *c);

/* The deadline of a running, leaving or ending call has passed; it is -1 already. */
void monitor_expired(struct server *s, struct call *c);

/* End the executor though its client is there. */
void monitor_end(struct server *s, struct call *c);

#endif
