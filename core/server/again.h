/* Starting setup again, from the beginning. */
#ifndef PREFORK_AGAIN_H
#define PREFORK_AGAIN_H

#include "../wire/handshake.h"

/* What prefork_server_start_again() does. */
int again_start(const struct handshake *h, const char *variable);

#endif
