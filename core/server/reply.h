/* What the server says to a call's client: one function a message.  Nothing waits, nothing fails: a client that has
 * gone is noticed by its hang-up. */
#ifndef PREFORK_REPLY_H
#define PREFORK_REPLY_H

#include "call.h"

void reply_greeting(const struct server *s, const struct call *c);
/* Nothing has run and nothing will, here; another server would do if DIFFERS, NULL or what this one depends on, allows.
 *  Protocol 1 has no message for that: its client sees the hang-up. */
void reply_declined(const struct call *c, const char *reason, const struct dependency *differs);
/* The executor has its place in the client's process group; the client is to have one in GROUP. */
void reply_started(const struct call *c, pid_t group);
void reply_stopped(const struct call *c, int number);
void reply_continued(const struct call *c);
/* PLAIN: why no further call is to be served, or NULL. */
void reply_status(const struct call *c, int wait_status, const char *plain);
void reply_report(const struct server *s, const struct call *c);

#endif
