/* Reading decimal numbers: see number.h. */
#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int number_read(const char *text, long min, long max, long *number) {
	const char *digits = text[0] == '-' ? text + 1 : text;
	long v;

	if (!digits[0] || digits[strspn(digits, "0123456789")]) {
		errno = EINVAL;
		return -1;
	}
	errno = 0;
	v = strtol(text, NULL, 10);
	if (errno == ERANGE || v < min || v > max) {
		errno = ERANGE;
		return -1;
	}
	*number = v;
	return 0;
}
