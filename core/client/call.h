/* The call itself: request, signals, events, status. */
#ifndef PREFORK_CLIENT_CALL_H
#define PREFORK_CLIENT_CALL_H

#include "connect.h"
#include "context.h"
#include "words.h"

enum call_end {
	CALL_ENDED, /* *STATUS is the executor's wait status; WHY is empty, or says why no further call is to be served */
	CALL_DECLINED, /* nothing has run; why is in WHY, and in *DIFFERS whether another server would do */
	CALL_LOST,     /* the server vanished or broke the protocol after the commitment; why is in WHY */
};

/* What a server that declined says it has another value of: strings, as WIRE_DIFFERS has them. */
struct call_differs {
	size_t length;
	char strings[WIRE_MAX_SMALL];
};

/* Make the call over a connection that has been greeted (closed in any case).  With CALL_DECLINED the signal mask is as
 * before, and the plain interpreter may run. */
enum call_end call_make(struct connection *c, struct context *context, const struct words *w, int *status,
                        struct call_differs *differs, char *why, size_t why_size);

#endif
