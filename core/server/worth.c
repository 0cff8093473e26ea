/* Is a server worth having?  See worth.h. */
#define _GNU_SOURCE
#include "worth.h"

#include <stdio.h>

#define POOR_CALLS 3
#define CLIENT_US 1000 /* the client's start, and what it and the server have to tell each other */
#define FAULT_US 1     /* a page that is copied, or found again */

static long long time_us(const struct rusage *r) {
	return (r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1000000LL + r->ru_utime.tv_usec + r->ru_stime.tv_usec;
}

static long long used_us(void) {
	static const int who[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
	struct rusage used;
	long long sum = 0;

	for (size_t i = 0; i < sizeof who / sizeof *who; i++)
		if (getrusage(who[i], &used) == 0)
			sum += time_us(&used);
	return sum;
}

unsigned worth_used_ms(void) {
	return (unsigned)(used_us() / 1000);
}

void worth_saves(struct worth *w, unsigned used_ms) {
	w->saved_us += used_us() - used_ms * 1000LL;
	w->poor = 0;
}

int worth_call(struct worth *w, long min_gain, long long fork_us, const struct rusage *used, char *why, size_t size) {
	long long cost_us = CLIENT_US + fork_us + FAULT_US * used->ru_minflt;

	if (w->saved_us - cost_us >= min_gain * 1000LL) {
		w->poor = 0;
		return 0;
	}
	if (++w->poor < POOR_CALLS)
		return 0;
	snprintf(why, size, "a server saves too little: %lld.%lld ms of each call, and costs %lld.%lld ms",
	         w->saved_us / 1000, w->saved_us % 1000 / 100, cost_us / 1000, cost_us % 1000 / 100);
	return 1;
}
