/* Writing and reading the handshake: see handshake.h. */
#include "handshake.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define LEARNED "learned="
#define USED "used="

int handshake_format(const struct handshake *h, char *value, size_t size) {
	char used[32] = "";
	int n;

	if (h->used_ms)
		snprintf(used, sizeof used, "," USED "%u", h->used_ms);
	n = snprintf(value, size, "v1,%lld.%09ld%s%s%s%s%s %d,%d,%d,%d%s%s", (long long)h->start.tv_sec, h->start.tv_nsec,
	             h->protocol2 ? ",p2" : "", h->own_session ? ",own" : "", h->learned[0] ? "," LEARNED : "", h->learned,
	             used, h->listen_fd, h->call_fd, h->watch_sentinel_fd, h->watch_error_fd, h->options[0] ? " " : "",
	             h->options);

	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* A run of at least one digit, not above MAX; moves *AT behind it.  The number, or -1. */
static long long parse_number(const char **at, long long max, int *digits) {
	long long v = 0;
	const char *from = *at;

	while (**at >= '0' && **at <= '9') {
		int digit = *(*at)++ - '0';

		if (v > (max - digit) / 10)
			return -1;
		v = v * 10 + digit;
	}
	if (digits)
		*digits = (int)(*at - from);
	return *at == from ? -1 : v;
}

static int parse_time(const char **at, struct timespec *t) {
	int digits;
	long long seconds = parse_number(at, LLONG_MAX / 10 - 1, NULL), nanoseconds;

	if (seconds < 0 || *(*at)++ != '.')
		return -1;
	nanoseconds = parse_number(at, 999999999, &digits);
	if (nanoseconds < 0 || digits != 9)
		return -1;
	t->tv_sec = (time_t)seconds;
	t->tv_nsec = (long)nanoseconds;
	return 0;
}

static unsigned parse_used(const char *text) {
	long long used = parse_number(&text, UINT_MAX, NULL);

	return used > 0 ? (unsigned)used : 0;
}

static void parse_extensions(const char **at, struct handshake *h) {
	while (**at == ',') {
		size_t n = strcspn(++*at, ", ");

		if (n == 2 && memcmp(*at, "p2", 2) == 0)
			h->protocol2 = 1;
		if (n == 3 && memcmp(*at, "own", 3) == 0)
			h->own_session = 1;
		if (n == strlen(LEARNED) + HANDSHAKE_LEARNED && memcmp(*at, LEARNED, strlen(LEARNED)) == 0)
			memcpy(h->learned, *at + strlen(LEARNED), HANDSHAKE_LEARNED);
		if (n > strlen(USED) && memcmp(*at, USED, strlen(USED)) == 0)
			h->used_ms = parse_used(*at + strlen(USED));
		*at += n;
	}
}

static int parse_descriptors(const char **at, struct handshake *h) {
	int *to[] = {&h->listen_fd, &h->call_fd, &h->watch_sentinel_fd, &h->watch_error_fd};

	for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
		long long fd;

		if (i > 0 && *(*at)++ != ',')
			return -1;
		fd = parse_number(at, INT_MAX, NULL);
		if (fd < 0)
			return -1;
		*to[i] = (int)fd;
	}
	if (**at == ',')
		*at += strcspn(*at, " ");
	return **at == ' ' || **at == '\0' ? 0 : -1;
}

int handshake_parse(const char *value, struct handshake *h) {
	const char *at = value;
	size_t n;

	memset(h, 0, sizeof *h);
	if (strncmp(at, "v1,", 3) != 0)
		return -1;
	at += 3;
	if (parse_time(&at, &h->start) < 0)
		return -1;
	parse_extensions(&at, h);
	if (*at++ != ' ' || parse_descriptors(&at, h) < 0)
		return -1;
	if (*at == ' ')
		at++;
	n = strcspn(at, " ");
	if (n >= sizeof h->options)
		return -1;
	memcpy(h->options, at, n);
	return 0;
}
