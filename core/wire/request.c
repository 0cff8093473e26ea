/* Encoding and decoding of requests: see request.h. */
#include "request.h"

#include "message.h"

#include <stdlib.h>
#include <string.h>

static void put_strings(struct buf *b, char *const *strings, const char *skip) {
	size_t skip_length = skip ? strlen(skip) : 0;

	for (; *strings; strings++)
		if (!skip || strncmp(*strings, skip, skip_length) != 0)
			buf_put_string(b, *strings);
}

static void field_strings(struct buf *b, enum wire_field tag, char *const *strings, const char *skip) {
	size_t began = message_field_begin(b, tag);

	put_strings(b, strings, skip);
	message_field_end(b, began);
}

void request_encode(struct buf *b, const struct request *q, const struct request_strings *s) {
	size_t message = message_begin(b, WIRE_REQUEST), field;

	field = message_field_begin(b, WIRE_DESCRIPTORS);
	for (size_t i = 0; i < q->descriptor_count; i++)
		buf_put_u32(b, q->descriptor_number[i]);
	message_field_end(b, field);
	message_field_bytes(b, WIRE_SCRIPT, q->script, strlen(q->script) + 1);
	if (q->pending)
		message_field_u64(b, WIRE_PENDING, q->pending);
	if (q->name[0])
		message_field_bytes(b, WIRE_NAME, q->name, strlen(q->name));
	message_field_u32(b, WIRE_UMASK, q->umask);
	message_field_u64(b, WIRE_SIGMASK, q->sigmask);
	message_field_u64(b, WIRE_SIGIGNORED, q->sigignored);
	field = message_field_begin(b, WIRE_LIMITS);
	for (size_t i = 0; i < q->limit_count; i++) {
		buf_put_u32(b, q->limit_resource[i]);
		buf_put_u64(b, q->limit_soft[i]);
	}
	message_field_end(b, field);
	field_strings(b, WIRE_WORDS, s->words, NULL);
	field_strings(b, WIRE_ARGUMENTS, s->arguments, NULL);
	field_strings(b, WIRE_ENVIRONMENT, s->environment, s->skip);
	message_end(b, message);
}

void request_encode1(struct buf *b, const struct request_strings *s) {
	size_t began;

	buf_put_u32(b, 0);
	began = b->length;
	put_strings(b, s->environment, s->skip);
	buf_put_string(b, "");
	put_strings(b, s->arguments, NULL);
	buf_patch_u32(b, began - 4, (uint32_t)(b->length - began));
}

/* Check that the value is whole strings, and count them. */
static int get_strings(struct reader *value, struct strings *s) {
	s->bytes = (const char *)value->at;
	for (s->count = 0; !reader_done(value); s->count++)
		if (!reader_string(value))
			return -1;
	return 0;
}

static int get_descriptors(struct reader *value, struct request *q) {
	while (!reader_done(value)) {
		uint32_t number = reader_u32(value);

		if (value->failed || q->descriptor_count == WIRE_MAX_DESCRIPTORS)
			return -1;
		if (number != WIRE_FD_CWD && number > WIRE_MAX_FD_NUMBER)
			return -1;
		for (size_t i = 0; i < q->descriptor_count; i++)
			if (q->descriptor_number[i] == number)
				return -1;
		q->descriptor_number[q->descriptor_count++] = number;
	}
	return 0;
}

static int get_limits(struct reader *value, struct request *q) {
	while (!reader_done(value)) {
		if (q->limit_count == REQUEST_MAX_LIMITS)
			return -1;
		q->limit_resource[q->limit_count] = reader_u32(value);
		q->limit_soft[q->limit_count++] = reader_u64(value);
		if (value->failed)
			return -1;
	}
	return 0;
}

static int get_script(struct reader *value, struct request *q) {
	q->script = reader_string(value);
	return q->script && reader_done(value) ? 0 : -1;
}

static int get_name(struct reader *value, struct request *q) {
	size_t n = (size_t)(value->end - value->at);
	const unsigned char *bytes = reader_bytes(value, n);

	if (!bytes || n > WIRE_MAX_NAME || memchr(bytes, '\0', n))
		return -1;
	memcpy(q->name, bytes, n);
	q->name[n] = '\0';
	return 0;
}

/* The fields that a request can have: a bit each, in the order of their tags; those up to REQUIRED_LAST it must have.
 */
#define FIELD_NUMBER(tag) ((unsigned)(tag) & ~WIRE_MANDATORY)
#define FIELD_FIRST FIELD_NUMBER(WIRE_DESCRIPTORS)
#define REQUIRED_LAST FIELD_NUMBER(WIRE_SIGIGNORED)
#define FIELD_LAST FIELD_NUMBER(WIRE_PENDING)
#define REQUIRED_ALL ((1u << (REQUIRED_LAST - FIELD_FIRST + 1)) - 1)

static int get_field(struct request *q, uint16_t tag, struct reader *value) {
	switch (tag) {
	case WIRE_DESCRIPTORS:
		return get_descriptors(value, q);
	case WIRE_SCRIPT:
		return get_script(value, q);
	case WIRE_PENDING:
		q->pending = reader_u64(value);
		break;
	case WIRE_NAME:
		return get_name(value, q);
	case WIRE_WORDS:
		return get_strings(value, &q->words);
	case WIRE_ARGUMENTS:
		return get_strings(value, &q->arguments);
	case WIRE_ENVIRONMENT:
		return get_strings(value, &q->environment);
	case WIRE_UMASK:
		q->umask = reader_u32(value);
		break;
	case WIRE_LIMITS:
		return get_limits(value, q);
	case WIRE_SIGMASK:
		q->sigmask = reader_u64(value);
		break;
	case WIRE_SIGIGNORED:
		q->sigignored = reader_u64(value);
		break;
	default:
		return -1;
	}
	return reader_done(value) ? 0 : -1;
}

int request_decode(const void *payload, size_t n, struct request *q, const char **why) {
	struct reader r, value;
	unsigned seen = 0;
	uint16_t tag;
	int got;

	memset(q, 0, sizeof *q);
	reader_init(&r, payload, n);
	while ((got = message_field(&r, &tag, &value)) == 1) {
		unsigned at = FIELD_NUMBER(tag) - FIELD_FIRST;
		int known = at <= FIELD_LAST - FIELD_FIRST && !(tag & WIRE_MANDATORY) == (FIELD_NUMBER(tag) > REQUIRED_LAST);

		if (!known && !(tag & WIRE_MANDATORY))
			continue;
		*why = "a mandatory field is not known";
		if (!known)
			return -1;
		*why = "a field comes twice";
		if (seen & 1u << at)
			return -1;
		*why = "a field is malformed";
		if (get_field(q, tag, &value) < 0)
			return -1;
		seen |= 1u << at;
	}
	*why = got < 0 ? "malformed" : "a mandatory field is missing";
	return got < 0 || (seen & REQUIRED_ALL) != REQUIRED_ALL ? -1 : 0;
}

int request_decode1(const void *bytes, size_t n, struct request *q, const char **why) {
	struct reader r;
	const char *s;

	memset(q, 0, sizeof *q);
	reader_init(&r, bytes, n);
	q->environment.bytes = bytes;
	*why = "no empty string ends the environment";
	while ((s = reader_string(&r)) && *s)
		q->environment.count++;
	if (!s)
		return -1;
	*why = "the last argument has no end";
	return get_strings(&r, &q->arguments);
}

char **request_array(const struct strings *s) {
	char **array = calloc(s->count + 1, sizeof *array);
	/* The array's type is that of argv and environ, which the language may write to; the bytes are ours. */
	char *at = (char *)(uintptr_t)s->bytes;

	for (size_t i = 0; array && i < s->count; i++) {
		array[i] = at;
		at += strlen(at) + 1;
	}
	return array;
}
