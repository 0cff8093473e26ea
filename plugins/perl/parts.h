/* What perl keeps elsewhere than in its values, and a module may change: tables and hooks, signals, open files. */
#ifndef PREFORK_PARTS_H
#define PREFORK_PARTS_H

#include "api.h"

#define PARTS_SWITCHES (G_WARN_ON | G_WARN_ALL_ON | G_WARN_ALL_OFF) /* of PL_dowarn: -w, -W, -X */

struct parts;

/* As they are now. */
struct parts *parts_note(pTHX);

/* What has changed since P was noted; *WHY is not NULL when it can't be taken back. */
struct parts *parts_changes(pTHX_ struct parts *p, const char **why);

/* Take it back; make it again, if it can be. */
void parts_undo(pTHX_ const struct parts *p);
int parts_can_redo(const struct parts *p);
void parts_redo(pTHX_ const struct parts *p);

#endif
