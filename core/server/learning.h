/* What is known of a script from its earlier runs, as lines of text: what prefork_server_learned() keeps.
 *
 *     script SIZE MTIME      whose script they are true of; a script that has changed has no others
 *     KIND NAME [TEXT]       a runtime's own; NAME is one word */
#ifndef PREFORK_LEARNING_H
#define PREFORK_LEARNING_H

/* Whose it is: SCRIPT is a path. */
void learning_open(const char *script);

/* The first NAME of this kind, as a number, or -1. */
int learning_number(const char *kind);

/* Is there such a line? */
int learning_has(const char *kind, const char *name);

/* Add a line to what is known by now.  TEXT may be "". */
void learning_add(const char *kind, const char *name, const char *text);

/* Add a line for each of NAMES, NULL-terminated, that has none. */
void learning_add_names(const char *kind, char *const *names);

/* Call VISIT for each line of this kind. */
void learning_each(const char *kind, void (*visit)(const char *name, void *context), void *context);

/* As learning_add(), in place of all lines of this kind. */
void learning_set(const char *kind, const char *name, const char *text);

#endif
