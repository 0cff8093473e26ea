/* Reading decimal numbers. */
#ifndef PREFORK_NUMBER_H
#define PREFORK_NUMBER_H

/* The number that TEXT is: an optional minus sign and digits, nothing else, between MIN and MAX.
 * 0 with *NUMBER, or -1 with errno: EINVAL, ERANGE. */
int number_read(const char *text, long min, long max, long *number);

#endif
