/* Fuzzes what the client reads: the greeting's capabilities and every answer. */
#include "core/wire/message.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
	int protocol = message_capabilities(bytes, n);
	struct message_head h;
	struct answer a;

	if (protocol != -1 && protocol != 1 && protocol != 2)
		abort();
	if (n >= WIRE_MESSAGE_HEAD && message_head(bytes, WIRE_MAX_SMALL, &h) == 0 && h.length > WIRE_MAX_SMALL)
		abort();
	for (uint32_t type = WIRE_SIGNAL; type <= WIRE_REPORT; type++)
		if (message_answer(type, bytes, n, &a) == 0 && !memchr(a.reason, '\0', sizeof a.reason))
			abort();
	return 0;
}

int fuzz_seed(size_t i, unsigned char *bytes, size_t size, size_t *n) {
	struct buf b;

	if (i > 1)
		return 0;
	buf_init(&b, size);
	if (i == 0) {
		message_field_u32(&b, WIRE_CAP_PROTOCOL, 2);
	} else {
		message_field_u32(&b, WIRE_WAITSTATUS, 0x300);
		message_field_u32(&b, WIRE_SIGNUMBER, 19);
		message_field_u64(&b, WIRE_SERVED, 7);
		message_field_bytes(&b, WIRE_REASON, "because", 7);
	}
	*n = b.length;
	memcpy(bytes, b.data, *n);
	buf_free(&b);
	return 1;
}
