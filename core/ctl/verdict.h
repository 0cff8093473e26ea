/* What differs between the runs of a trial, as text. */
#ifndef PREFORK_VERDICT_H
#define PREFORK_VERDICT_H

#include "trial.h"

#include <stdio.h>

/* Compare the runs that are not named PLAIN with those that are; pointers are compared.  Writes each difference,
 * and what could not be compared because the plain runs differ too.  How many differences there are, or -1 with WHY. */
int verdict(const struct trial *t, const char *plain, FILE *out, struct reason *why);

#endif
