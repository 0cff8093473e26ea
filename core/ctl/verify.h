/* preforkctl verify. */
#ifndef PREFORK_VERIFY_H
#define PREFORK_VERIFY_H

/* Run this command plain and served, and show what differs.  An exit status: 0 nothing, 1 something, 2 it could not be
 * found out. */
int verify_command(char **command, int count);

#endif
