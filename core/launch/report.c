/* Control requests to servers: see report.h. */
#include "report.h"

#include "../wire/fd.h"
#include "../wire/talk.h"

int report_send(int sock, enum wire_verb verb, long long deadline_ms) {
	struct buf b;
	size_t message;
	int result = -1;

	if (talk_greeting(sock, deadline_ms) != 2)
		return -1;
	buf_init(&b, WIRE_MAX_SMALL);
	message = message_begin(&b, WIRE_CONTROL);
	message_field_u32(&b, WIRE_VERB, verb);
	message_end(&b, message);
	/* So few bytes always find room in a socket on which nothing was sent before. */
	if (!b.failed)
		result = fd_send(sock, b.data, b.length, NULL, 0, -1);
	buf_free(&b);
	return result;
}

int report_ask(int sock, long long deadline_ms) {
	return report_send(sock, WIRE_VERB_REPORT, deadline_ms);
}

int report_answer(int sock, long long deadline_ms, struct answer *a) {
	return talk_answer(sock, deadline_ms, a) == WIRE_REPORT ? 0 : -1;
}
