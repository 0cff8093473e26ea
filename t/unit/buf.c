/* The buffer that grows within its limit, and the reader that never reads past its end. */
#include "core/wire/buf.h"

#include "tap.h"

#include <errno.h>

static void numbers_and_strings(void) {
	struct buf b;
	struct reader r;

	buf_init(&b, 1000);
	buf_put_u16(&b, 0x1234);
	buf_put_u32(&b, 0x89abcdefu);
	buf_put_u64(&b, 0x0123456789abcdefull);
	buf_put_string(&b, "text");
	buf_put(&b, "xyz", 3);
	ok(!b.failed && b.length == 2 + 4 + 8 + 5 + 3, "length");
	ok(memcmp(b.data, "\x12\x34\x89\xab\xcd\xef\x01", 7) == 0, "big-endian");
	reader_init(&r, b.data, b.length);
	ok(reader_u16(&r) == 0x1234, "u16");
	ok(reader_u32(&r) == 0x89abcdefu, "u32");
	ok(reader_u64(&r) == 0x0123456789abcdefull, "u64");
	is_string(reader_string(&r), "text", "string");
	ok(!reader_done(&r), "not all is read");
	ok(memcmp(reader_bytes(&r, 3), "xyz", 3) == 0, "bytes");
	ok(reader_done(&r), "all is read");
	buf_patch_u32(&b, 2, 7);
	reader_init(&r, b.data + 2, 4);
	ok(reader_u32(&r) == 7, "patched");
	buf_free(&b);
	ok(b.length == 0 && b.data == NULL && b.limit == 1000, "freed: as after init");
	buf_put_u16(&b, 1);
	ok(b.length == 2, "and usable");
	buf_free(&b);
}

static void limit(void) {
	struct buf b;

	buf_init(&b, 10);
	buf_put(&b, "12345678", 8);
	buf_put_u16(&b, 1);
	ok(b.length == 10 && !b.failed, "up to the limit");
	buf_put(&b, "x", 1);
	ok(b.failed == EMSGSIZE && b.length == 10, "one byte more fails");
	buf_free(&b);
	buf_init(&b, 10);
	buf_put(&b, "12345678", 8);
	buf_put_u32(&b, 1);
	ok(b.failed == EMSGSIZE && b.length == 8, "nothing is put by halves");
	buf_put(&b, "", 0);
	buf_put(&b, "9", 1);
	ok(b.failed == EMSGSIZE && b.length == 8, "failure sticks");
	ok(buf_reserve(&b, 1) == NULL, "no more room is given");
	buf_free(&b);
	buf_init(&b, SIZE_MAX);
	buf_put(&b, "x", 1);
	ok(buf_reserve(&b, SIZE_MAX) == NULL && b.failed, "a length that overflows");
	buf_free(&b);
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 1 << 18; i++)
		buf_put_u32(&b, (uint32_t)i);
	ok(!b.failed && b.length == 1 << 20, "a megabyte in small pieces");
	buf_free(&b);
}

static void past_the_end(void) {
	struct reader r;

	reader_init(&r, "\0\1\2", 3);
	ok(reader_u32(&r) == 0 && r.failed, "u32 of three bytes");
	ok(reader_u16(&r) == 0 && !reader_done(&r), "failure sticks");
	reader_init(&r, "\0\1\2", 3);
	ok(reader_bytes(&r, 4) == NULL && r.failed, "four of three bytes");
	reader_init(&r, "\0\1\2", 3);
	ok(reader_bytes(&r, SIZE_MAX) == NULL && r.failed, "a huge number of bytes");
	reader_init(&r, "abc", 3);
	ok(reader_string(&r) == NULL && r.failed, "a string without its end");
	reader_init(&r, "abc", 4);
	is_string(reader_string(&r), "abc", "a string with it");
	ok(reader_done(&r), "is all");
	reader_init(&r, "", 0);
	ok(reader_done(&r), "nothing is all read");
	ok(reader_string(&r) == NULL && r.failed, "nothing has no string");
	reader_init(&r, NULL, 0);
	ok(reader_done(&r), "no bytes at all");
	ok(reader_u64(&r) == 0 && r.failed, "have no number");
}

int main(void) {
	numbers_and_strings();
	limit();
	past_the_end();
	return tap_end();
}
