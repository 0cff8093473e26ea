/* Reading a server's side of the conversation from a socket: for client, launcher and control programs. */
#ifndef PREFORK_TALK_H
#define PREFORK_TALK_H

#include "message.h"

/* Wait for the greeting until DEADLINE_MS on clock_ms().
 * The protocol to speak (1 or 2), 0 when the server hung up instead, -1 with errno (ETIMEDOUT; EPROTO: garbled). */
int talk_greeting(int sock, long long deadline_ms);

/* Read one message of the server's, waiting until DEADLINE_MS (negative: for ever).
 * Its type with *A filled, 0 when the server hung up, -1 with errno (ETIMEDOUT; EPROTO: garbled). */
int talk_answer(int sock, long long deadline_ms, struct answer *a);

#endif
