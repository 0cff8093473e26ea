/* What is known of an unmarked script from its earlier runs, kept by the server library.  Lines of text:
 *
 *     script SIZE MTIME      whose script they are true of; a script that has changed has no others
 *     prefix COUNT REASON    no more than this many of its first commands can run ahead, and why
 *     package NAME           calls load it, after the boundary
 *     without NAME REASON    it can't be loaded ahead, and why */
#ifndef PREFORK_TCL_LEARNING_H
#define PREFORK_TCL_LEARNING_H

/* Whose it is: SCRIPT is a path. */
void learning_open(const char *script);

/* The COUNT of a prefix line, or -1. */
int learning_prefix(void);

/* Is there such a line? */
int learning_has(const char *kind, const char *name);

/* Add a line to what is known by now.  TEXT may be "". */
void learning_add(const char *kind, const char *name, const char *text);

#endif
