/* A script that marks no boundary of its own. */
#ifndef PREFORK_UNMARKED_H
#define PREFORK_UNMARKED_H

#include "api.h"

/* Before the script is compiled.  FOLDER is the runtime's, LOADER a sub that requires the file its argument names. */
void unmarked_begin(pTHX_ const char *folder, SV *loader);

/* Has it been called? */
int unmarked_is_served(void);

#endif
