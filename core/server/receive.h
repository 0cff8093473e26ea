/* Receiving one message at a time from a client, without waiting: both protocols. */
#ifndef PREFORK_RECEIVE_H
#define PREFORK_RECEIVE_H

#include "../wire/buf.h"
#include "../wire/wire.h"

enum receive_result {
	RECEIVE_MORE,    /* nothing complete yet */
	RECEIVE_MESSAGE, /* one message is complete */
	RECEIVE_END,     /* the client hung up */
	RECEIVE_BAD,     /* not what the protocol allows; see why */
};

struct receiver {
	int protocol;    /* 1 or 2 */
	int request_due; /* the next message may carry descriptors and be as long as a request */
	struct buf bytes;
	int fds[WIRE_MAX_DESCRIPTORS];
	size_t fd_count;
	const char *why; /* for RECEIVE_BAD: a constant string */
};

void receive_init(struct receiver *r, int protocol);
/* Release the memory and close the descriptors. */
void receive_free(struct receiver *r);

/* Read from the non-blocking use of SOCK what belongs to the present message, never beyond it. */
enum receive_result receive_step(struct receiver *r, int sock);

/* The complete message: its type (WIRE_REQUEST for protocol 1's) and payload, valid until receive_next(). */
uint32_t receive_type(const struct receiver *r);
const unsigned char *receive_payload(const struct receiver *r, size_t *n);

/* Forget the message and wait for a next one, which carries no descriptors. */
void receive_next(struct receiver *r);

#endif
