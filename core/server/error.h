/* Filling in a struct prefork_error. */
#ifndef PREFORK_ERROR_H
#define PREFORK_ERROR_H

#include "prefork-server.h"

/* Put the message; returns -1, so that a function can end with `return error_set(...)`. */
int error_set(struct prefork_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
