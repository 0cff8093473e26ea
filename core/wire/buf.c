/* The bounded buffer and reader: see buf.h. */
#include "buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t limit) {
	*b = (struct buf){.limit = limit};
}

void buf_free(struct buf *b) {
	free(b->data);
	buf_init(b, b->limit);
}

unsigned char *buf_reserve(struct buf *b, size_t n) {
	size_t capacity = b->capacity ? b->capacity : 1024;
	unsigned char *data;

	if (b->failed)
		return NULL;
	if (n > b->limit - b->length) {
		b->failed = EMSGSIZE;
		return NULL;
	}
	if (n <= b->capacity - b->length)
		return b->data + b->length;
	while (capacity - b->length < n)
		capacity *= 2;
	data = realloc(b->data, capacity);
	if (!data) {
		b->failed = ENOMEM;
		return NULL;
	}
	b->data = data;
	b->capacity = capacity;
	return b->data + b->length;
}

void buf_put(struct buf *b, const void *bytes, size_t n) {
	unsigned char *to = buf_reserve(b, n);

	if (!to || n == 0)
		return;
	memcpy(to, bytes, n);
	b->length += n;
}

static void put_integer(struct buf *b, uint64_t v, size_t n) {
	unsigned char bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(v >> (8 * (n - 1 - i)));
	buf_put(b, bytes, n);
}

void buf_put_u16(struct buf *b, uint16_t v) {
	put_integer(b, v, 2);
}

void buf_put_u32(struct buf *b, uint32_t v) {
	put_integer(b, v, 4);
}

void buf_put_u64(struct buf *b, uint64_t v) {
	put_integer(b, v, 8);
}

void buf_put_string(struct buf *b, const char *s) {
	buf_put(b, s, strlen(s) + 1);
}

void buf_patch_u32(struct buf *b, size_t offset, uint32_t v) {
	if (b->failed)
		return;
	for (size_t i = 0; i < 4; i++)
		b->data[offset + i] = (unsigned char)(v >> (8 * (3 - i)));
}

void reader_init(struct reader *r, const void *bytes, size_t n) {
	static const unsigned char none[1];

	r->at = bytes ? bytes : none;
	r->end = r->at + n;
	r->failed = 0;
}

int reader_done(const struct reader *r) {
	return !r->failed && r->at == r->end;
}

const unsigned char *reader_bytes(struct reader *r, size_t n) {
	const unsigned char *p = r->at;

	if (r->failed || n > (size_t)(r->end - r->at)) {
		r->failed = 1;
		return NULL;
	}
	r->at += n;
	return p;
}

static uint64_t get_integer(struct reader *r, size_t n) {
	const unsigned char *p = reader_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint16_t reader_u16(struct reader *r) {
	return (uint16_t)get_integer(r, 2);
}

uint32_t reader_u32(struct reader *r) {
	return (uint32_t)get_integer(r, 4);
}

uint64_t reader_u64(struct reader *r) {
	return get_integer(r, 8);
}

const char *reader_string(struct reader *r) {
	const unsigned char *nul = r->failed ? NULL : memchr(r->at, 0, (size_t)(r->end - r->at));

	if (!nul) {
		r->failed = 1;
		return NULL;
	}
	return (const char *)reader_bytes(r, (size_t)(nul - r->at) + 1);
}
