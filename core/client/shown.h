/* What PREFORK_INTERP_DEBUG=2 shows of a call that was served. */
#ifndef PREFORK_SHOWN_H
#define PREFORK_SHOWN_H

#include "connect.h"

/* On standard error: that the call was served, and what is known of its script from the calls so far. */
void shown_served(const struct server_wanted *s);

#endif
