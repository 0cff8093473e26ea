/* Protocol 2 framing: see message.h. */
#include "message.h"

#include <string.h>

size_t message_begin(struct buf *b, enum wire_message type) {
	buf_put_u32(b, (uint32_t)type);
	buf_put_u32(b, 0);
	return b->length;
}

void message_end(struct buf *b, size_t began) {
	buf_patch_u32(b, began - 4, (uint32_t)(b->length - began));
}

size_t message_field_begin(struct buf *b, enum wire_field tag) {
	buf_put_u16(b, (uint16_t)tag);
	buf_put_u16(b, 0);
	buf_put_u32(b, 0);
	return b->length;
}

void message_field_end(struct buf *b, size_t began) {
	buf_patch_u32(b, began - 4, (uint32_t)(b->length - began));
}

void message_field_u32(struct buf *b, enum wire_field tag, uint32_t v) {
	size_t began = message_field_begin(b, tag);

	buf_put_u32(b, v);
	message_field_end(b, began);
}

void message_field_u64(struct buf *b, enum wire_field tag, uint64_t v) {
	size_t began = message_field_begin(b, tag);

	buf_put_u64(b, v);
	message_field_end(b, began);
}

void message_field_bytes(struct buf *b, enum wire_field tag, const void *bytes, size_t n) {
	size_t began = message_field_begin(b, tag);

	buf_put(b, bytes, n);
	message_field_end(b, began);
}

int message_head(const void *bytes, uint32_t max, struct message_head *h) {
	struct reader r;

	reader_init(&r, bytes, WIRE_MESSAGE_HEAD);
	h->type = reader_u32(&r);
	h->length = reader_u32(&r);
	return h->length > max ? -1 : 0;
}

int message_field(struct reader *payload, uint16_t *tag, struct reader *value) {
	const unsigned char *bytes;
	uint32_t n;

	if (reader_done(payload))
		return 0;
	*tag = reader_u16(payload);
	if (reader_u16(payload) != 0)
		return -1;
	n = reader_u32(payload);
	bytes = reader_bytes(payload, n);
	if (!bytes)
		return -1;
	reader_init(value, bytes, n);
	return 1;
}

void message_greeting(struct buf *b, int protocol2) {
	size_t began;

	buf_put(b, WIRE_BANNER, WIRE_BANNER_LEN);
	buf_put_u32(b, 0);
	began = b->length;
	if (protocol2)
		message_field_u32(b, WIRE_CAP_PROTOCOL, 2);
	buf_patch_u32(b, began - 4, (uint32_t)(b->length - began));
}

int message_capabilities(const void *data, size_t n) {
	struct reader payload, value;
	uint16_t tag;
	int got, protocol = 1;

	reader_init(&payload, data, n);
	while ((got = message_field(&payload, &tag, &value)) == 1) {
		if (tag == WIRE_CAP_PROTOCOL) {
			if (reader_u32(&value) >= 2)
				protocol = 2;
			if (!reader_done(&value))
				return -1;
		} else if (tag & WIRE_MANDATORY) {
			return -1;
		}
	}
	return got < 0 ? -1 : protocol;
}

static void answer_reason(struct answer *a, struct reader *value) {
	size_t n = (size_t)(value->end - value->at);
	const unsigned char *bytes = reader_bytes(value, n);

	if (n >= sizeof a->reason)
		n = sizeof a->reason - 1;
	if (bytes)
		memcpy(a->reason, bytes, n);
	a->reason[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)a->reason[i] < ' ' || a->reason[i] == 0x7f)
			a->reason[i] = '?';
}

static void answer_differs(struct answer *a, struct reader *value) {
	const char *from = (const char *)value->at;

	/* All of them are whole, or there are none. */
	while (!reader_done(value) && reader_string(value))
		continue;
	a->differs_length = value->failed ? 0 : (size_t)((const char *)value->at - from);
	if (a->differs_length > 0)
		memcpy(a->differs, from, a->differs_length);
}

static int answer_field(struct answer *a, uint16_t tag, struct reader *value) {
	switch (tag) {
	case WIRE_VERB:
		a->verb = reader_u32(value);
		break;
	case WIRE_WAITSTATUS:
		a->wait_status = reader_u32(value);
		break;
	case WIRE_SIGNUMBER:
		a->signal_number = reader_u32(value);
		break;
	case WIRE_GROUP:
		a->group = reader_u32(value);
		break;
	case WIRE_PID:
		a->pid = reader_u32(value);
		break;
	case WIRE_RUNNING:
		a->running = reader_u32(value);
		break;
	case WIRE_SERVED:
		a->served = reader_u64(value);
		break;
	case WIRE_IDLE_MS:
		a->idle_ms = reader_u64(value);
		break;
	case WIRE_LEARNING:
		a->learning = reader_u32(value);
		break;
	case WIRE_REASON:
		answer_reason(a, value);
		break;
	case WIRE_DIFFERS:
		answer_differs(a, value);
		break;
	default:
		return tag & WIRE_MANDATORY ? -1 : 0;
	}
	return reader_done(value) ? 0 : -1;
}

/* The field without which a message of this type says nothing; 0 where there is none. */
static uint16_t required_field(uint32_t type) {
	switch (type) {
	case WIRE_SIGNAL:
	case WIRE_STOPPED:
		return WIRE_SIGNUMBER;
	case WIRE_CONTROL:
		return WIRE_VERB;
	case WIRE_STATUS:
		return WIRE_WAITSTATUS;
	default:
		return 0;
	}
}

int message_answer(uint32_t type, const void *payload, size_t n, struct answer *a) {
	uint16_t tag, required = required_field(type);
	struct reader r, value;
	int got, complete = required == 0;

	memset(a, 0, sizeof *a);
	reader_init(&r, payload, n);
	while ((got = message_field(&r, &tag, &value)) == 1) {
		if (answer_field(a, tag, &value) < 0)
			return -1;
		complete |= tag == required;
	}
	return got < 0 || !complete ? -1 : 0;
}
