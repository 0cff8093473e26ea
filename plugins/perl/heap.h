/* Everything that Perl has in memory, as scalars, arrays, hashes, symbols: what loading a module has changed there, how
 * to take that back, and how to make it happen again. */
#ifndef PREFORK_HEAP_H
#define PREFORK_HEAP_H

#include "api.h"

/* All of it as it is now.  While it is noted nothing of it is freed. */
struct heap;
struct heap *heap_note(pTHX);
void heap_free(pTHX_ struct heap *h);

/* Changes, which have happened or are taken back. */
struct changes;

/* What has changed since H was noted; NULL with *WHY when there is something that can't be taken back. */
struct changes *heap_changes(pTHX_ struct heap *h, const char **why);

/* Take them back; the last ones first. */
void changes_undo(pTHX_ struct changes *c);

/* Make them again: 1; or 0, with nothing done, where something else has been done meanwhile. */
int changes_redo(pTHX_ struct changes *c);

/* Which of several changes made what is in memory. */
struct makers;
struct makers *makers_new(void);
void makers_free(struct makers *m);

/* What was not there when H was noted was made by NUMBER.  Calls USES for each that made something which NUMBER's
 * changes concern or lead to; a number may come often. */
void makers_add(pTHX_ struct makers *m, const struct heap *h, const struct changes *c, int number,
                void (*uses)(int other, void *context), void *context);

#endif
