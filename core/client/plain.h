/* The plain run: what the #! line would have done without us. */
#ifndef PREFORK_PLAIN_H
#define PREFORK_PLAIN_H

#include "words.h"

/* Execute the interpreter at PATH with its arguments, the script and the script's.  Returns only on failure, with
 * errno. */
void plain_exec(const struct words *w, const char *path);

#endif
