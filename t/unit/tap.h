/* TAP for the unit programs: one assertion a line, the plan at the end.
 *
 *     int main(void) {
 *             ok(1 + 1 == 2, "addition");
 *             return tap_end();
 *     } */
#ifndef PREFORK_TAP_H
#define PREFORK_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5))) static inline int tap_ok(int good, const char *file, int line, const char *name,
                                                               ...) {
	va_list args;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	if (!good) {
		tap_failed++;
		fflush(stdout);
		fprintf(stderr, "# failed at %s:%d\n", file, line);
	}
	return good;
}

/* CONDITION holds; what follows is the assertion's name, as for printf. */
#define ok(condition, ...) tap_ok((condition) != 0, __FILE__, __LINE__, __VA_ARGS__)
/* Two strings are equal. */
#define is_string(got, expected, ...) ok(strcmp(got, expected) == 0, __VA_ARGS__)

/* Print the plan: the program's exit status. */
static inline int tap_end(void) {
	printf("1..%d\n", tap_count);
	return tap_failed > 0;
}

#endif
