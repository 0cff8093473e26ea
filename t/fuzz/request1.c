/* Fuzzes request_decode1(): what it takes is, encoded again, the very same bytes. */
#include "core/wire/request.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
	struct request q;
	const char *why = NULL;
	char **arguments, **environment;
	struct buf b;

	if (request_decode1(bytes, n, &q, &why) < 0) {
		if (!why)
			abort();
		return 0;
	}
	arguments = request_array(&q.arguments);
	environment = request_array(&q.environment);
	buf_init(&b, n + 4);
	request_encode1(&b, &(struct request_strings){NULL, arguments, environment, NULL});
	if (b.failed || b.length != n + 4 || memcmp(b.data + 4, bytes, n) != 0)
		abort();
	buf_free(&b);
	free(arguments);
	free(environment);
	return 0;
}

int fuzz_seed(size_t i, unsigned char *bytes, size_t size, size_t *n) {
	static const char *const seeds[] = {"A=1\0B=\0\0one\0\0three", "", "\0x"};
	static const size_t lengths[] = {19, 1, 3};

	if (i >= sizeof seeds / sizeof *seeds || lengths[i] > size)
		return 0;
	*n = lengths[i];
	memcpy(bytes, seeds[i], *n);
	return 1;
}
