/* The handshake's value: what is written is read again, and what is malformed is refused. */
#include "core/wire/handshake.h"

#include "tap.h"

#include <errno.h>

static const struct handshake example = {.start = {1764000000, 1234},
                                         .protocol2 = 1,
                                         .listen_fd = 5,
                                         .call_fd = 6,
                                         .watch_sentinel_fd = 7,
                                         .watch_error_fd = 8};

static void round_trip(void) {
	struct handshake in = example, out;
	char value[HANDSHAKE_MAX];

	ok(handshake_format(&in, value, sizeof value) == 0, "format");
	is_string(value, "v1,1764000000.000001234,p2 5,6,7,8", "its form");
	ok(handshake_parse(value, &out) == 0, "parse");
	ok(out.start.tv_sec == 1764000000 && out.start.tv_nsec == 1234 && out.protocol2 == 1, "time and protocol");
	ok(out.listen_fd == 5 && out.call_fd == 6 && out.watch_sentinel_fd == 7 && out.watch_error_fd == 8, "descriptors");
	is_string(out.options, "", "no options");
	in.own_session = 1;
	ok(handshake_format(&in, value, sizeof value) == 0, "format of a session's own");
	is_string(value, "v1,1764000000.000001234,p2,own 5,6,7,8", "its form");
	ok(!out.own_session && handshake_parse(value, &out) == 0 && out.own_session, "parse");
	strcpy(in.learned, "0123456789abcdef0123456789abcdef");
	ok(handshake_format(&in, value, sizeof value) == 0, "format of what was learned");
	is_string(value, "v1,1764000000.000001234,p2,own,learned=0123456789abcdef0123456789abcdef 5,6,7,8", "its form");
	ok(handshake_parse(value, &out) == 0, "parse");
	is_string(out.learned, in.learned, "its key");
	in.used_ms = 42;
	ok(handshake_format(&in, value, sizeof value) == 0, "format of a setup that was started again");
	is_string(value, "v1,1764000000.000001234,p2,own,learned=0123456789abcdef0123456789abcdef,used=42 5,6,7,8",
	          "its form");
	ok(handshake_parse(value, &out) == 0 && out.used_ms == 42, "what it has used before");
	ok(handshake_parse("v1,1764000000.000001234,used=x 5,6,7,8", &out) == 0 && out.used_ms == 0, "no number");
	in.used_ms = 0;
	in.learned[0] = '\0';
	in.own_session = 0;
	in.protocol2 = 0;
	strcpy(in.options, "idle_timeout=60,max_servers=-1");
	ok(handshake_format(&in, value, sizeof value) == 0, "format with options");
	is_string(value, "v1,1764000000.000001234 5,6,7,8 idle_timeout=60,max_servers=-1", "its form");
	ok(handshake_parse(value, &out) == 0 && !out.protocol2, "parse");
	is_string(out.options, in.options, "options");
	ok(handshake_format(&in, value, 20) < 0 && errno == ENAMETOOLONG, "no room");
	ok(handshake_format(&in, value, strlen("v1,1764000000.000001234 5,6,7,8 idle_timeout=60,max_servers=-1")) < 0,
	   "no room for the last byte");
}

static void tolerant(void) {
	struct handshake h;

	ok(handshake_parse("v1,1.000000000 1,2,3,4", &h) == 0, "the least");
	ok(handshake_parse("v1,0.000000000,x,p2,p22,zz=1 1,2,3,4", &h) == 0 && h.protocol2,
	   "extensions that are not known");
	ok(handshake_parse("v1,0.000000000,p22,xp2 1,2,3,4", &h) == 0 && !h.protocol2, "extensions that begin alike");
	ok(handshake_parse("v1,0.000000000 1,2,3,4,5,6", &h) == 0 && h.watch_error_fd == 4, "more descriptors");
	ok(handshake_parse("v1,0.000000000 1,2,3,4 a=b c d", &h) == 0, "more words");
	is_string(h.options, "a=b", "of which the first is options");
}

static void malformed(void) {
	static const char *const values[] = {
		"",
		"v1",
		"v1,",
		"v2,1.000000000 1,2,3,4",
		"v1 1,2,3,4",
		"v1,1 1,2,3,4",
		"v1,1. 1,2,3,4",
		"v1,1.5 1,2,3,4",
		"v1,.000000000 1,2,3,4",
		"v1,-1.000000000 1,2,3,4",
		"v1,1.0000000000 1,2,3,4",
		"v1,1.000000000",
		"v1,1.000000000 ",
		"v1,1.000000000 1",
		"v1,1.000000000 1,2,3",
		"v1,1.000000000 1,2,3,",
		"v1,1.000000000 1,,3,4",
		"v1,1.000000000 -1,2,3,4",
		"v1,1.000000000 a,2,3,4",
		"v1,1.000000000 1,2,3,4x",
		"v1,1.000000000 1,2,3,2147483648",
		"v1,1.000000000 99999999999999999999,2,3,4",
		"v1,99999999999999999999.000000000 1,2,3,4",
		"v1,1.000000000\t1,2,3,4",
		"xv1,1.000000000 1,2,3,4",
	};
	char value[1000] = "v1,1.000000000 1,2,3,4 ";
	struct handshake h;

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		ok(handshake_parse(values[i], &h) < 0, "refused: '%s'", values[i]);
	memset(value + strlen(value), 'x', sizeof h.options - 1);
	ok(handshake_parse(value, &h) == 0 && strlen(h.options) == sizeof h.options - 1, "options of the greatest length");
	value[strlen(value)] = 'x';
	ok(handshake_parse(value, &h) < 0, "options that are too long");
}

int main(void) {
	round_trip();
	tolerant();
	malformed();
	return tap_end();
}
