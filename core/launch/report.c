/* Control requests to servers: see report.h. */
#include "report.h"

#include "../wire/fd.h"

#include <string.h>

/* The protocol that the server speaks, or -1. */
static int read_greeting(int sock, long long deadline_ms) {
	unsigned char head[WIRE_GREETING_HEAD], data[WIRE_MAX_GREETING];
	struct reader r;
	uint32_t length;

	if (fd_read_full(sock, head, sizeof head, deadline_ms) != 1 || memcmp(head, WIRE_BANNER, WIRE_BANNER_LEN) != 0)
		return -1;
	reader_init(&r, head + WIRE_BANNER_LEN, sizeof head - WIRE_BANNER_LEN);
	length = reader_u32(&r);
	if (length > sizeof data || (length && fd_read_full(sock, data, length, deadline_ms) != 1))
		return -1;
	return message_capabilities(data, length);
}

int report_ask(int sock, long long deadline_ms) {
	struct buf b;
	size_t message;
	int result = -1;

	if (read_greeting(sock, deadline_ms) != 2)
		return -1;
	buf_init(&b, WIRE_MAX_SMALL);
	message = message_begin(&b, WIRE_CONTROL);
	message_field_u32(&b, WIRE_VERB, WIRE_VERB_REPORT);
	message_end(&b, message);
	/* So few bytes always find room in a socket on which nothing was sent before. */
	if (!b.failed)
		result = fd_send(sock, b.data, b.length, NULL, 0);
	buf_free(&b);
	return result;
}

int report_answer(int sock, long long deadline_ms, struct answer *a) {
	unsigned char head[WIRE_MESSAGE_HEAD], payload[WIRE_MAX_SMALL];
	struct message_head h;

	if (fd_read_full(sock, head, sizeof head, deadline_ms) != 1 || message_head(head, sizeof payload, &h) < 0)
		return -1;
	if (h.type != WIRE_REPORT || (h.length && fd_read_full(sock, payload, h.length, deadline_ms) != 1))
		return -1;
	return message_answer(payload, h.length, a);
}
