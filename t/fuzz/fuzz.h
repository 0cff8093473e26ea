/* What each fuzzer defines: its target, and valid inputs to begin with. */
#ifndef PREFORK_FUZZ_H
#define PREFORK_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Run the target once; aborts when what it promises does not hold. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Fill BYTES (at most SIZE) with valid input number I and set *N: 1, or 0 where there are no more. */
int fuzz_seed(size_t i, unsigned char *bytes, size_t size, size_t *n);

#endif
