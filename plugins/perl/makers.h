/* Which of several modules made what is in memory, and which of them another one needs for that. */
#ifndef PREFORK_MAKERS_H
#define PREFORK_MAKERS_H

#include "api.h"
#include "changes.h"
#include "heap.h"

struct makers;
struct makers *makers_new(void);

/* What was not there when H was noted was made by NUMBER.  Calls USES for each that made something which NUMBER's
 * changes concern or lead to; a number may come often. */
void makers_add(pTHX_ struct makers *m, const struct heap *h, const struct changes *c, int number,
                void (*uses)(int other, void *context), void *context);

/* The class of an object that was not there when H was noted, if it has something to do at its end; or NULL. */
const char *makers_destroys(pTHX_ const struct heap *h);

#endif
