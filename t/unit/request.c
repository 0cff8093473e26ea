/* Requests of both protocols: encoded, decoded again, refused in every way in which they can be malformed. */
#include "core/wire/request.h"

#include "core/wire/message.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>

static char *words[] = {"python3", "-u", NULL};
static char *arguments[] = {"one", "", "t\xff\n", NULL};
static char *environment[] = {"A=1", "SKIP=no", "B=", "NAME", "SKIPPED=yes", NULL};

static struct request example(void) {
	struct request q;

	memset(&q, 0, sizeof q);
	q.script = "./script";
	strcpy(q.name, "script-of-15-by");
	q.umask = 027;
	q.sigmask = 1ull << 63;
	q.sigignored = 1ull << 16;
	q.pending = 1ull << 9;
	q.limit_count = 2;
	q.limit_resource[1] = 7;
	q.limit_soft[0] = ~0ull;
	q.limit_soft[1] = 1024;
	q.descriptor_count = 4;
	q.descriptor_number[0] = 2;
	q.descriptor_number[1] = 0;
	q.descriptor_number[2] = WIRE_FD_CWD;
	q.descriptor_number[3] = 65535;
	return q;
}

static int decode(const struct buf *b, struct request *q) {
	const char *why = NULL;
	int result = request_decode(b->data + WIRE_MESSAGE_HEAD, b->length - WIRE_MESSAGE_HEAD, q, &why);

	if (result < 0)
		ok(why && why[0] && !strchr(why, '\n'), "says why: %s", why ? why : "");
	return result;
}

static void round_trip(void) {
	struct request in = example(), out;
	struct message_head h = {0};
	struct buf b;
	char **array;

	buf_init(&b, WIRE_MAX_MESSAGE);
	request_encode(&b, &in, &(struct request_strings){words, arguments, environment, "SKIP="});
	ok(!b.failed && message_head(b.data, WIRE_MAX_MESSAGE, &h) == 0 && h.type == WIRE_REQUEST, "encoded");
	ok(h.length == b.length - WIRE_MESSAGE_HEAD, "length");
	ok(decode(&b, &out) == 0, "decoded");
	is_string(out.script, "./script", "script");
	is_string(out.name, "script-of-15-by", "name");
	ok(out.words.count == 2, "the interpreter's words");
	is_string(out.words.bytes + strlen("python3") + 1, "-u", "the last of them");
	ok(out.umask == in.umask && out.sigmask == in.sigmask && out.sigignored == in.sigignored &&
	       out.pending == in.pending,
	   "umask and signals");
	ok(out.limit_count == 2 && memcmp(out.limit_soft, in.limit_soft, 16) == 0 && out.limit_resource[1] == 7, "limits");
	ok(out.descriptor_count == 4 && memcmp(out.descriptor_number, in.descriptor_number, 16) == 0, "descriptors");
	ok(out.arguments.count == 3 && out.environment.count == 4, "counts");
	array = request_array(&out.arguments);
	for (int i = 0; i < 4; i++)
		ok(arguments[i] ? strcmp(array[i], arguments[i]) == 0 : !array[i], "argument %d", i);
	free(array);
	array = request_array(&out.environment);
	ok(strcmp(array[0], "A=1") == 0 && strcmp(array[1], "B=") == 0 && strcmp(array[2], "NAME") == 0,
	   "environment, one left out");
	ok(strcmp(array[3], "SKIPPED=yes") == 0 && !array[4], "of which only the very name is left out");
	free(array);
	buf_free(&b);
	buf_init(&b, 100);
	request_encode(&b, &in, &(struct request_strings){words, arguments, environment, NULL});
	ok(b.failed == EMSGSIZE, "no room");
	buf_free(&b);
}

/* Encode the example with one field replaced by N bytes of VALUE (NULL: left out), or with a field more. */
static int decode_with(unsigned tag, const void *value, size_t n) {
	struct request q = example(), out;
	struct reader r, v;
	struct buf whole, b;
	uint16_t at;
	int result, seen = 0;
	size_t m;

	buf_init(&whole, WIRE_MAX_MESSAGE);
	buf_init(&b, WIRE_MAX_MESSAGE);
	request_encode(&whole, &q, &(struct request_strings){words, arguments, environment, NULL});
	m = message_begin(&b, WIRE_REQUEST);
	reader_init(&r, whole.data + WIRE_MESSAGE_HEAD, whole.length - WIRE_MESSAGE_HEAD);
	while (message_field(&r, &at, &v) == 1) {
		if (at != tag)
			message_field_bytes(&b, (enum wire_field)at, v.at, (size_t)(v.end - v.at));
		else if (value)
			message_field_bytes(&b, (enum wire_field)at, value, n);
		seen |= at == tag;
	}
	if (!seen)
		message_field_bytes(&b, (enum wire_field)tag, value, n);
	message_end(&b, m);
	result = decode(&b, &out);
	buf_free(&whole);
	buf_free(&b);
	return result;
}

static void malformed(void) {
	static const unsigned tags[] = {WIRE_DESCRIPTORS, WIRE_SCRIPT, WIRE_ARGUMENTS, WIRE_ENVIRONMENT,
	                                WIRE_UMASK,       WIRE_LIMITS, WIRE_SIGMASK,   WIRE_SIGIGNORED};
	static const unsigned char zeros[33 * 12];
	unsigned char many[(WIRE_MAX_DESCRIPTORS + 1) * 4];

	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		ok(decode_with(tags[i], NULL, 0) < 0, "refused without field %u", tags[i] & ~WIRE_MANDATORY);
	ok(decode_with(WIRE_DESCRIPTORS, "", 0) == 0, "no descriptors");
	ok(decode_with(WIRE_DESCRIPTORS, "\0\0\0\1\0\0\0\1", 8) < 0, "a number twice");
	ok(decode_with(WIRE_DESCRIPTORS, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) < 0, "the directory twice");
	ok(decode_with(WIRE_DESCRIPTORS, "\0\1\0\0", 4) < 0, "a number that is too high");
	ok(decode_with(WIRE_DESCRIPTORS, "\0\0\0\1\0", 5) < 0, "half a number");
	for (size_t i = 0; i < sizeof many / 4; i++)
		memcpy(many + 4 * i, (unsigned char[]){0, 0, (unsigned char)(i >> 8), (unsigned char)i}, 4);
	ok(decode_with(WIRE_DESCRIPTORS, many, sizeof many - 4) == 0, "as many as there may be");
	ok(decode_with(WIRE_DESCRIPTORS, many, sizeof many) < 0, "one more");
	ok(decode_with(WIRE_SCRIPT, "", 0) < 0, "no string as script");
	ok(decode_with(WIRE_SCRIPT, "abc", 3) < 0, "a script without end");
	ok(decode_with(WIRE_SCRIPT, "a\0b", 4) < 0, "two scripts");
	ok(decode_with(WIRE_SCRIPT, "", 1) == 0, "an empty script");
	ok(decode_with(WIRE_ARGUMENTS, "", 0) == 0, "no arguments");
	ok(decode_with(WIRE_ARGUMENTS, "a\0b", 3) < 0, "an argument without end");
	ok(decode_with(WIRE_ENVIRONMENT, "", 0) == 0, "no environment");
	ok(decode_with(WIRE_ENVIRONMENT, "A=b", 3) < 0, "a variable without end");
	ok(decode_with(WIRE_UMASK, zeros, 3) < 0, "a umask of three bytes");
	ok(decode_with(WIRE_UMASK, zeros, 5) < 0, "a umask of five bytes");
	ok(decode_with(WIRE_SIGMASK, zeros, 7) < 0, "a mask of seven bytes");
	ok(decode_with(WIRE_SIGIGNORED, zeros, 9) < 0, "a mask of nine bytes");
	ok(decode_with(WIRE_LIMITS, zeros, 0) == 0, "no limits");
	ok(decode_with(WIRE_LIMITS, zeros, 11) < 0, "less than a limit");
	ok(decode_with(WIRE_LIMITS, zeros, 32 * 12) == 0, "as many limits as there may be");
	ok(decode_with(WIRE_LIMITS, zeros, 33 * 12) < 0, "one more");
	ok(decode_with(WIRE_NAME, "", 0) == 0, "an empty name");
	ok(decode_with(WIRE_NAME, "sixteen letters!", 16) < 0, "a name that is too long");
	ok(decode_with(WIRE_NAME, "a", 2) < 0, "a name with its NUL");
	ok(decode_with(WIRE_WORDS, "", 0) == 0, "no words");
	ok(decode_with(WIRE_WORDS, "python3", 7) < 0, "a word without end");
	ok(decode_with(WIRE_SCRIPT & ~WIRE_MANDATORY, "", 0) == 0, "the number of a mandatory field as an optional one");
	ok(decode_with(27, "x", 1) == 0, "an optional field that is not known");
	ok(decode_with(27 | WIRE_MANDATORY, "x", 1) < 0, "a mandatory field that is not known");
	ok(decode_with(WIRE_WAITSTATUS, zeros, 4) < 0, "a field of another message");
	ok(decode_with(15 | WIRE_MANDATORY, "", 0) < 0, "a mandatory field just below the known ones");
}

static void doubled(void) {
	struct request q = example(), out;
	struct buf b;
	const char *why;

	buf_init(&b, WIRE_MAX_MESSAGE);
	request_encode(&b, &q, &(struct request_strings){words, arguments, environment, NULL});
	message_field_u32(&b, WIRE_UMASK, 0);
	ok(decode(&b, &out) < 0, "a field twice");
	buf_free(&b);
	request_encode(&b, &q, &(struct request_strings){words, arguments, environment, NULL});
	for (size_t n = 0; n < b.length - WIRE_MESSAGE_HEAD; n++)
		if (request_decode(b.data + WIRE_MESSAGE_HEAD, n, &out, &why) == 0)
			ok(0, "cut to %zu bytes it is still taken", n);
	ok(1, "cut at any place it is refused");
	buf_free(&b);
}

static void protocol1(void) {
	struct request q;
	struct buf b;
	const char *why = NULL;

	buf_init(&b, WIRE_MAX_MESSAGE);
	request_encode1(&b, &(struct request_strings){NULL, arguments, environment, "SKIP="});
	ok(b.length == 4 + 4 + 3 + 5 + 12 + 1 + 4 + 1 + 4 && b.data[3] == b.length - 4, "protocol 1: encoded");
	ok(request_decode1(b.data + 4, b.length - 4, &q, &why) == 0, "decoded");
	ok(q.script == NULL && q.arguments.count == 3 && q.environment.count == 4, "counts");
	is_string(q.environment.bytes, "A=1", "environment");
	is_string(q.arguments.bytes, "one", "arguments");
	ok(request_decode1(b.data + 4, b.length - 5, &q, &why) < 0 && why, "without its last byte");
	ok(request_decode1(b.data + 4, 10, &q, &why) < 0, "without the end of the environment");
	ok(request_decode1("", 0, &q, &why) < 0, "nothing");
	ok(request_decode1("", 1, &q, &why) == 0 && q.arguments.count == 0 && q.environment.count == 0,
	   "neither this nor that");
	ok(request_decode1("\0\0", 2, &q, &why) == 0 && q.arguments.count == 1, "an empty argument");
	buf_free(&b);
}

int main(void) {
	round_trip();
	malformed();
	doubled();
	protocol1();
	return tap_end();
}
