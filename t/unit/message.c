/* Messages, fields, greeting and answers: written, read again, refused where malformed. */
#include "core/wire/message.h"

#include "tap.h"

static void framing(void) {
	struct buf b;
	struct reader r, value;
	struct message_head h;
	uint16_t tag;
	size_t m;

	buf_init(&b, WIRE_MAX_SMALL);
	m = message_begin(&b, WIRE_STATUS);
	message_field_u32(&b, WIRE_WAITSTATUS, 0x100);
	message_field_bytes(&b, WIRE_REASON, "why", 3);
	message_field_u64(&b, WIRE_SERVED, 5);
	message_end(&b, m);
	ok(message_head(b.data, WIRE_MAX_SMALL, &h) == 0 && h.type == WIRE_STATUS, "type");
	ok(h.length == b.length - WIRE_MESSAGE_HEAD && h.length == 12 + 11 + 16, "length");
	ok(message_head(b.data, h.length, &h) == 0, "as long as may be");
	ok(message_head(b.data, h.length - 1, &h) < 0, "longer than may be");
	reader_init(&r, b.data + WIRE_MESSAGE_HEAD, h.length);
	ok(message_field(&r, &tag, &value) == 1 && tag == WIRE_WAITSTATUS && reader_u32(&value) == 0x100, "first field");
	ok(reader_done(&value), "is all of it");
	ok(message_field(&r, &tag, &value) == 1 && tag == WIRE_REASON && value.end - value.at == 3, "second field");
	ok(message_field(&r, &tag, &value) == 1 && tag == WIRE_SERVED && reader_u64(&value) == 5, "third field");
	ok(message_field(&r, &tag, &value) == 0, "end");
	buf_free(&b);
}

/* What message_field says to the payload's last field. */
static int field_of(const void *bytes, size_t n) {
	struct reader r, value;
	uint16_t tag;
	int got;

	reader_init(&r, bytes, n);
	while ((got = message_field(&r, &tag, &value)) == 1)
		;
	return got;
}

static void malformed_fields(void) {
	ok(field_of("", 0) == 0, "no field");
	ok(field_of("\0\1\0\0\0\0\0\0", 8) == 0, "an empty field");
	for (size_t n = 1; n < 8; n++)
		ok(field_of("\0\1\0\0\0\0\0\0", n) < 0, "%zu bytes of a field's head", n);
	ok(field_of("\0\1\0\0\0\0\0\1", 8) < 0, "a value that is missing");
	ok(field_of("\0\1\0\0\xff\xff\xff\xffx", 9) < 0, "a value that is too long");
	ok(field_of("\0\1\0\1\0\0\0\0", 8) < 0, "bytes that are not zero");
	ok(field_of("\0\1\0\0\0\0\0\1x\0", 10) < 0, "a byte behind the last field");
}

static void greeting(void) {
	struct buf b;

	buf_init(&b, WIRE_MAX_SMALL);
	message_greeting(&b, 0);
	ok(b.length == 8 && memcmp(b.data, "PFI\n\0\0\0\0", 8) == 0, "greeting of protocol 1");
	buf_free(&b);
	message_greeting(&b, 1);
	ok(b.length == 20 && memcmp(b.data, "PFI\n\0\0\0\014\0\1\0\0\0\0\0\4\0\0\0\2", 20) == 0, "greeting of protocol 2");
	ok(message_capabilities(b.data + 8, b.length - 8) == 2, "says protocol 2");
	buf_free(&b);
	ok(message_capabilities("", 0) == 1, "nothing says protocol 1");
	ok(message_capabilities("\0\1\0\0\0\0\0\4\0\0\0\1", 12) == 1, "protocol 1 in words");
	ok(message_capabilities("\0\1\0\0\0\0\0\4\0\0\1\0", 12) == 2, "a later protocol: ours is spoken");
	ok(message_capabilities("\0\x77\0\0\0\0\0\1x", 9) == 1, "an optional capability is skipped");
	ok(message_capabilities("\x80\x77\0\0\0\0\0\1x", 9) < 0, "a mandatory one is refused");
	ok(message_capabilities("\0\1\0\0\0\0\0\3\0\0\2", 11) < 0, "a number that is too short");
	ok(message_capabilities("\0\1\0\0\0\0\0\5\0\0\0\2\0", 13) < 0, "a number that is too long");
	ok(message_capabilities("\0\1\0\0\0\0\0\4\0\0\0", 11) < 0, "a field that is cut");
}

static void answers(void) {
	struct answer a;
	struct buf b;
	char longer[2 * WIRE_MAX_REASON];

	buf_init(&b, WIRE_MAX_SMALL);
	message_field_u32(&b, WIRE_WAITSTATUS, 0x8b);
	message_field_u32(&b, WIRE_SIGNUMBER, 19);
	message_field_u32(&b, WIRE_PID, 4711);
	message_field_u32(&b, WIRE_RUNNING, 3);
	message_field_u64(&b, WIRE_SERVED, 1ull << 40);
	message_field_u64(&b, WIRE_IDLE_MS, 77);
	message_field_u32(&b, WIRE_LEARNING, 1);
	message_field_bytes(&b, WIRE_REASON, "because", 7);
	message_field_bytes(&b, (enum wire_field)0x70, "unknown", 7);
	ok(message_answer(WIRE_REPORT, b.data, b.length, &a) == 0, "an answer of every field");
	ok(a.wait_status == 0x8b && a.signal_number == 19 && a.pid == 4711 && a.running == 3 && a.learning == 1, "numbers");
	ok(a.served == 1ull << 40 && a.idle_ms == 77, "large numbers");
	is_string(a.reason, "because", "reason");
	message_field_bytes(&b, (enum wire_field)(0x70 | WIRE_MANDATORY), "", 0);
	ok(message_answer(WIRE_REPORT, b.data, b.length, &a) < 0, "a mandatory field that is not known");
	buf_free(&b);
	memset(longer, 'x', sizeof longer);
	message_field_bytes(&b, WIRE_REASON, longer, sizeof longer);
	ok(message_answer(WIRE_REPORT, b.data, b.length, &a) == 0 && strlen(a.reason) == WIRE_MAX_REASON - 1,
	   "a long reason is cut");
	buf_free(&b);
	message_field_bytes(&b, WIRE_WAITSTATUS, "\0\0\0", 3);
	ok(message_answer(WIRE_REPORT, b.data, b.length, &a) < 0, "a number that is too short");
	buf_free(&b);
	message_field_bytes(&b, WIRE_SERVED, "\0\0\0\0\0\0\0\0", 9);
	ok(message_answer(WIRE_REPORT, b.data, b.length, &a) < 0, "a number that is too long");
	buf_free(&b);
	buf_free(&b);
	ok(message_answer(WIRE_REPORT, "", 0, &a) == 0 && a.pid == 0 && a.reason[0] == '\0', "no field");
	ok(message_answer(WIRE_DECLINED, "", 0, &a) == 0, "no reason");
	ok(message_answer(WIRE_STATUS, "", 0, &a) < 0, "a status without its field");
	ok(message_answer(WIRE_STOPPED, "", 0, &a) < 0, "a stop without its field");
	ok(message_answer(WIRE_SIGNAL, "", 0, &a) < 0, "a signal without its field");
	ok(message_answer(WIRE_CONTROL, "", 0, &a) < 0, "a control without its field");
	message_field_bytes(&b, WIRE_REASON, "a\nb\033[1m\0c", 9);
	ok(message_answer(WIRE_DECLINED, b.data, b.length, &a) == 0 && !strpbrk(a.reason, "\n\033"),
	   "a reason is one harmless line");
	buf_free(&b);
	message_field_u32(&b, WIRE_VERB, 2);
	ok(message_answer(WIRE_CONTROL, b.data, b.length, &a) == 0 && a.verb == 2, "a verb");
	buf_free(&b);
}

int main(void) {
	framing();
	malformed_fields();
	greeting();
	answers();
	return tap_end();
}
