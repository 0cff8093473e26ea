/* Fuzzes handshake_parse(): what it takes is, formatted and parsed again, the same. */
#include "core/wire/handshake.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
	struct handshake h, again;
	char value[HANDSHAKE_MAX], *text = malloc(n + 1);

	if (!text)
		abort();
	memcpy(text, bytes, n);
	text[n] = '\0';
	if (handshake_parse(text, &h) == 0) {
		if (h.listen_fd < 0 || h.call_fd < 0 || h.watch_error_fd < 0 || h.watch_sentinel_fd < 0)
			abort();
		if (handshake_format(&h, value, sizeof value) < 0 || handshake_parse(value, &again) < 0)
			abort();
		if (h.start.tv_sec != again.start.tv_sec || h.start.tv_nsec != again.start.tv_nsec ||
		    h.protocol2 != again.protocol2 || h.listen_fd != again.listen_fd ||
		    h.watch_error_fd != again.watch_error_fd || strcmp(h.options, again.options) != 0)
			abort();
	}
	free(text);
	return 0;
}

int fuzz_seed(size_t i, unsigned char *bytes, size_t size, size_t *n) {
	static const char *const seeds[] = {
		"v1,1764000000.000000000,p2 5,6,7,8 idle_timeout=60,max_servers=3",
		"v1,1.000000000 1,2,3,4",
		"v1,1.999999999,x,p2,y 10,20,30,40,50 a=b c d",
	};

	if (i >= sizeof seeds / sizeof *seeds || strlen(seeds[i]) > size)
		return 0;
	*n = strlen(seeds[i]);
	memcpy(bytes, seeds[i], *n);
	return 1;
}
