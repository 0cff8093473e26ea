/* Filling in a struct prefork_error: see error.h. */
#define _GNU_SOURCE
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct prefork_error *error, const char *format, ...) {
	va_list args;

	va_start(args, format);
	vsnprintf(error->message, sizeof error->message, format, args);
	va_end(args);
	return -1;
}
