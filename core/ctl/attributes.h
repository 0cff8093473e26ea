/* What a file has besides its bytes: owner, group, mode, access lists and other extended attributes, times. */
#ifndef PREFORK_ATTRIBUTES_H
#define PREFORK_ATTRIBUTES_H

#include "../launch/reason.h"

#include <sys/stat.h>

/* Give TO all that FROM has, its times being those of ST.  To be called when TO is written.  0, or -1 with WHY. */
int attributes_copy(int from, int to, const struct stat *st, struct reason *why);

#endif
