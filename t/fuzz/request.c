/* Fuzzes request_decode(): whatever it takes can be walked, and says the same when it is encoded and decoded again. */
#include "core/wire/request.h"

#include "core/wire/message.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check(int good) {
	if (!good)
		abort();
}

static int same_strings(const struct strings *a, const struct strings *b) {
	const char *s = a->bytes, *t = b->bytes;

	if (a->count != b->count)
		return 0;
	for (size_t i = 0; i < a->count; i++, s += strlen(s) + 1, t += strlen(t) + 1)
		if (strcmp(s, t) != 0)
			return 0;
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
	struct request q, again;
	const char *why = NULL;
	char **words, **arguments, **environment;
	struct buf b;

	if (request_decode(bytes, n, &q, &why) < 0) {
		check(why != NULL);
		return 0;
	}
	words = request_array(&q.words);
	arguments = request_array(&q.arguments);
	environment = request_array(&q.environment);
	buf_init(&b, (size_t)WIRE_MAX_MESSAGE + WIRE_MESSAGE_HEAD);
	request_encode(&b, &q, &(struct request_strings){words, arguments, environment, NULL});
	check(!b.failed);
	check(request_decode(b.data + WIRE_MESSAGE_HEAD, b.length - WIRE_MESSAGE_HEAD, &again, &why) == 0);
	check(strcmp(q.script, again.script) == 0 && q.umask == again.umask && q.sigmask == again.sigmask);
	check(q.sigignored == again.sigignored && q.limit_count == again.limit_count);
	check(q.limit_count <= REQUEST_MAX_LIMITS && q.descriptor_count <= WIRE_MAX_DESCRIPTORS);
	check(q.descriptor_count == again.descriptor_count);
	check(strcmp(q.name, again.name) == 0 && same_strings(&q.words, &again.words));
	check(same_strings(&q.arguments, &again.arguments) && same_strings(&q.environment, &again.environment));
	buf_free(&b);
	free(words);
	free(arguments);
	free(environment);
	return 0;
}

int fuzz_seed(size_t i, unsigned char *bytes, size_t size, size_t *n) {
	char *arguments[] = {"one", "", "three", NULL}, *environment[] = {"A=1", "B=", NULL}, *nothing[] = {NULL};
	struct request q = {
		.script = "/a/script", .umask = 022, .descriptor_count = 4, .descriptor_number = {0, 1, 2, WIRE_FD_CWD}};
	struct buf b;

	if (i > 1)
		return 0;
	if (i == 1) {
		strcpy(q.name, "script");
		q.limit_count = 2;
		q.limit_resource[1] = 7;
		q.limit_soft[0] = 1024;
	}
	buf_init(&b, size);
	request_encode(
		&b, &q,
		&(struct request_strings){i ? arguments : nothing, i ? arguments : nothing, i ? environment : nothing, NULL});
	*n = b.length - WIRE_MESSAGE_HEAD;
	memcpy(bytes, b.data + WIRE_MESSAGE_HEAD, *n);
	buf_free(&b);
	return 1;
}
