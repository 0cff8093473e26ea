/* A bounded buffer that grows, and a bounds-checked reader over bytes.
 *
 * Errors stick: after a failed put or get every further one fails too, so that a chain of calls needs one check
 * at its end. */
#ifndef PREFORK_BUF_H
#define PREFORK_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	unsigned char *data;
	size_t length;
	size_t capacity;
	size_t limit; /* never more than this many bytes */
	int failed;   /* 0, or the errno of the first failure: ENOMEM, EMSGSIZE */
};

/* An empty buffer that may grow to LIMIT bytes.  Allocates nothing yet. */
void buf_init(struct buf *b, size_t limit);
/* Release the memory; the buffer is then as after buf_init. */
void buf_free(struct buf *b);

/* Room for N more bytes at the end, without changing the length: the place to write to, or NULL. */
unsigned char *buf_reserve(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *bytes, size_t n);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* The string with its terminating NUL. */
void buf_put_string(struct buf *b, const char *s);
/* Overwrite four bytes at OFFSET, which must lie within the length. */
void buf_patch_u32(struct buf *b, size_t offset, uint32_t v);

struct reader {
	const unsigned char *at;
	const unsigned char *end;
	int failed; /* 1 after the first read past the end or malformed item */
};

void reader_init(struct reader *r, const void *bytes, size_t n);
/* 1 when all was read and nothing failed. */
int reader_done(const struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* The next N bytes in place, or NULL. */
const unsigned char *reader_bytes(struct reader *r, size_t n);
/* The next NUL-terminated string in place, or NULL where no NUL is left. */
const char *reader_string(struct reader *r);

#endif
