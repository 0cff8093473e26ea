/* Feeds a fuzzer's LLVMFuzzerTestOneInput without libFuzzer: its seeds, whole and mutated.
 *
 *     FUZZER [-r ROUNDS] [-s SEED] [FILE...]
 *
 * The seed of the random numbers is printed, so that a failure can be had again; FILEs are run as they are. */
#include "fuzz.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_INPUT 8192
#define DEFAULT_ROUNDS 20000

static uint64_t state;

/* xorshift64*: the same numbers on every machine. */
static uint64_t next_random(void) {
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static size_t below(size_t n) {
	return n ? (size_t)(next_random() % n) : 0;
}

static size_t remove_piece(unsigned char *bytes, size_t n) {
	size_t from = below(n), count = below(n - from + 1);

	memmove(bytes + from, bytes + from + count, n - from - count);
	return n - count;
}

static size_t double_piece(unsigned char *bytes, size_t n) {
	size_t from = below(n), count = below(n - from + 1), to = below(n + 1);
	unsigned char piece[MAX_INPUT];

	if (n + count > MAX_INPUT)
		return n;
	memcpy(piece, bytes + from, count);
	memmove(bytes + to + count, bytes + to, n - to);
	memcpy(bytes + to, piece, count);
	return n + count;
}

static size_t mutate_once(unsigned char *bytes, size_t n) {
	static const unsigned char telling[] = {0, 1, 0x7f, 0x80, 0xff, ',', ' ', '.', '9', '='};

	if (n == 0) {
		bytes[0] = (unsigned char)next_random();
		return 1;
	}
	switch (below(6)) {
	case 0:
		bytes[below(n)] ^= (unsigned char)(1u << below(8));
		return n;
	case 1:
		bytes[below(n)] = telling[below(sizeof telling)];
		return n;
	case 2:
		bytes[below(n)] = (unsigned char)next_random();
		return n;
	case 3:
		return below(n + 1);
	case 4:
		return remove_piece(bytes, n);
	default:
		return double_piece(bytes, n);
	}
}

/* A copy that ends where the memory does, so that a sanitizer sees a read past it. */
static void run(const unsigned char *bytes, size_t n) {
	unsigned char *exact = malloc(n ? n : 1);

	if (!exact)
		abort();
	memcpy(exact, bytes, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static void run_file(const char *path) {
	unsigned char bytes[MAX_INPUT];
	FILE *f = fopen(path, "rb");

	if (!f) {
		perror(path);
		exit(2);
	}
	run(bytes, fread(bytes, 1, sizeof bytes, f));
	fclose(f);
}

static void run_seeds(long rounds) {
	unsigned char bytes[MAX_INPUT];
	size_t n;

	for (size_t i = 0; fuzz_seed(i, bytes, sizeof bytes, &n); i++) {
		run(bytes, n);
		for (size_t cut = 0; cut < n; cut++)
			run(bytes, cut);
		for (long round = 0; round < rounds; round++) {
			size_t mutated;

			fuzz_seed(i, bytes, sizeof bytes, &mutated);
			for (size_t k = 1 + below(8); k > 0; k--)
				mutated = mutate_once(bytes, mutated);
			run(bytes, mutated);
		}
	}
}

int main(int argc, char **argv) {
	unsigned long long seed = 20261123;
	long rounds = DEFAULT_ROUNDS;
	int option;

	while ((option = getopt(argc, argv, "r:s:")) != -1) {
		if (option == 'r')
			rounds = strtol(optarg, NULL, 0);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	state = seed ? seed : 1;
	printf("seed %llu, %ld rounds\n", seed, rounds);
	fflush(stdout);
	if (optind < argc)
		for (int i = optind; i < argc; i++)
			run_file(argv[i]);
	else
		run_seeds(rounds);
	return 0;
}
