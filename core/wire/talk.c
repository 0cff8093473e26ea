/* Reading a server's side of the conversation: see talk.h. */
#include "talk.h"

#include "fd.h"

#include <errno.h>
#include <string.h>

/* As fd_read_full, a reset connection being a hang-up. */
static int read_full(int sock, void *bytes, size_t n, long long deadline_ms) {
	int got = fd_read_full(sock, bytes, n, deadline_ms);

	return got < 0 && errno == ECONNRESET ? 0 : got;
}

static int garbled(void) {
	errno = EPROTO;
	return -1;
}

int talk_greeting(int sock, long long deadline_ms) {
	unsigned char head[WIRE_GREETING_HEAD], data[WIRE_MAX_GREETING];
	struct reader r;
	uint32_t length;
	int protocol, got = read_full(sock, head, sizeof head, deadline_ms);

	if (got <= 0)
		return got;
	reader_init(&r, head + WIRE_BANNER_LEN, sizeof head - WIRE_BANNER_LEN);
	length = reader_u32(&r);
	if (memcmp(head, WIRE_BANNER, WIRE_BANNER_LEN) != 0 || length > sizeof data)
		return garbled();
	if (length == 0)
		return 1;
	got = read_full(sock, data, length, deadline_ms);
	if (got <= 0)
		return got;
	protocol = message_capabilities(data, length);
	return protocol < 0 ? garbled() : protocol;
}

int talk_answer(int sock, long long deadline_ms, struct answer *a) {
	unsigned char head_bytes[WIRE_MESSAGE_HEAD], payload[WIRE_MAX_SMALL];
	struct message_head head;
	int got = read_full(sock, head_bytes, sizeof head_bytes, deadline_ms);

	if (got <= 0)
		return got;
	/* 0 is what hanging up is told by. */
	if (message_head(head_bytes, sizeof payload, &head) < 0 || head.type == 0)
		return garbled();
	got = head.length ? read_full(sock, payload, head.length, deadline_ms) : 1;
	if (got <= 0)
		return got;
	return message_answer(head.type, payload, head.length, a) < 0 ? garbled() : (int)head.type;
}
