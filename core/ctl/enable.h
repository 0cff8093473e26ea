/* preforkctl enable and disable. */
#ifndef PREFORK_ENABLE_H
#define PREFORK_ENABLE_H

/* Rewrite the first lines of these COUNT files; each is told of, and those after one that fails are done too.
 * An exit status: 0, 1 when one of them failed. */
int enable_files(char **files, int count);
int disable_files(char **files, int count);

#endif
