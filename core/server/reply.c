/* What the server says to a call's client: see reply.h. */
#define _GNU_SOURCE
#include "reply.h"

#include "../wire/fd.h"
#include "../wire/message.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Our messages fit into any socket buffer; a client that has gone is noticed by its hang-up. */
static void send_buf(const struct call *c, struct buf *b) {
	if (!b->failed)
		(void)send(c->sock, b->data, b->length, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(b);
}

void reply_greeting(const struct server *s, const struct call *c) {
	struct buf b;

	buf_init(&b, WIRE_MAX_SMALL);
	message_greeting(&b, s->handshake.protocol2);
	send_buf(c, &b);
}

void reply_declined(const struct call *c, const char *reason, const struct dependency *differs) {
	struct buf b;
	size_t began, field;

	if (c->receiver.protocol != 2)
		return;
	buf_init(&b, WIRE_MAX_SMALL);
	began = message_begin(&b, WIRE_DECLINED);
	message_field_bytes(&b, WIRE_REASON, reason, strnlen(reason, WIRE_MAX_REASON));
	if (differs) {
		field = message_field_begin(&b, WIRE_DIFFERS);
		dependency_put(differs, &b);
		message_field_end(&b, field);
	}
	message_end(&b, began);
	/* Too many names for a message: then no other server will do. */
	if (b.failed && differs) {
		buf_free(&b);
		reply_declined(c, reason, NULL);
		return;
	}
	send_buf(c, &b);
}

static void send_number(const struct call *c, enum wire_message type, enum wire_field tag, uint32_t v) {
	struct buf b;
	size_t began;

	buf_init(&b, WIRE_MAX_SMALL);
	began = message_begin(&b, type);
	message_field_u32(&b, tag, v);
	message_end(&b, began);
	send_buf(c, &b);
}

void reply_started(const struct call *c, pid_t group) {
	send_number(c, WIRE_STARTED, WIRE_GROUP, (uint32_t)group);
}

void reply_stopped(const struct call *c, int number) {
	struct buf b;
	size_t began;

	buf_init(&b, WIRE_MAX_SMALL);
	began = message_begin(&b, WIRE_STOPPED);
	message_field_u32(&b, WIRE_SIGNUMBER, (uint32_t)number);
	message_field_u32(&b, WIRE_PID, (uint32_t)getpid());
	message_end(&b, began);
	send_buf(c, &b);
}

void reply_continued(const struct call *c) {
	send_number(c, WIRE_CONTINUED, WIRE_PID, (uint32_t)getpid());
}

void reply_status(const struct call *c, int wait_status, const char *plain) {
	struct buf b;
	size_t began;

	buf_init(&b, WIRE_MAX_SMALL);
	if (c->receiver.protocol == 2) {
		began = message_begin(&b, WIRE_STATUS);
		message_field_u32(&b, WIRE_WAITSTATUS, (uint32_t)wait_status);
		if (plain)
			message_field_bytes(&b, WIRE_REASON, plain, strlen(plain));
		message_end(&b, began);
	} else {
		buf_put_u32(&b, (uint32_t)wait_status);
	}
	send_buf(c, &b);
}

void reply_report(const struct server *s, const struct call *c) {
	/* This call is among the running ones, and is none. */
	unsigned running = s->running - 1;
	struct buf b;
	size_t began;

	buf_init(&b, WIRE_MAX_SMALL);
	began = message_begin(&b, WIRE_REPORT);
	message_field_u32(&b, WIRE_PID, (uint32_t)getpid());
	message_field_u32(&b, WIRE_RUNNING, running);
	message_field_u64(&b, WIRE_SERVED, s->served);
	message_field_u32(&b, WIRE_LEARNING, s->language->improve && (s->look_for_news || s->improving));
	message_field_u64(&b, WIRE_IDLE_MS, running ? 0 : (uint64_t)(clock_ms() - s->idle_since));
	message_end(&b, began);
	send_buf(c, &b);
}
