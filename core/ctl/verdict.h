/* What differs between the runs of a trial, shown on standard output. */
#ifndef PREFORK_VERDICT_H
#define PREFORK_VERDICT_H

#include "trial.h"

/* Compare the runs that are not named PLAIN with those that are; pointers are compared.  Prints each difference,
 * and what could not be compared because the plain runs differ too.  How many differences there are, or -1 with WHY. */
int verdict(const struct trial *t, const char *plain, struct reason *why);

#endif
