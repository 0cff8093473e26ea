/* A script that marks no boundary of its own. */
#ifndef PREFORK_UNMARKED_H
#define PREFORK_UNMARKED_H

#include "api.h"

/* Before the script is compiled.  FOLDER is the runtime's. */
void unmarked_begin(pTHX_ const char *folder);

/* Has it been called? */
int unmarked_is_served(void);

#endif
