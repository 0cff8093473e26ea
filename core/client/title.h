/* What ps(1), pgrep(1) and the like see of the client.
 *
 * While a call is under way the script's name and arguments are the executor's to show, once, as in a fresh run: a
 * script that looks whether another of its name is running must not find its own client. */
#ifndef PREFORK_TITLE_H
#define PREFORK_TITLE_H

/* Remember where the process's arguments are: ARGV as main() got it. */
void title_note(char **argv);

/* Be called "prefork-interp", with no arguments.  Strings of argv are not to be read until title_show(). */
void title_hide(void);

/* Be as before. */
void title_show(void);

#endif
