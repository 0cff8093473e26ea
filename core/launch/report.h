/* Asking running servers how busy they are: a WIRE_CONTROL message of protocol 2. */
#ifndef PREFORK_REPORT_H
#define PREFORK_REPORT_H

#include "../wire/message.h"

/* Read the greeting on a socket that rundir_connect() gave, and send this verb.  0, or -1 as below. */
int report_send(int sock, enum wire_verb verb, long long deadline_ms);

/* Read the greeting on a socket that rundir_connect() gave, and ask.  0, or -1: the server did not greet until
 * DEADLINE_MS on clock_ms(), or speaks protocol 1. */
int report_ask(int sock, long long deadline_ms);

/* Read what it answers.  0 with *A filled, or -1. */
int report_answer(int sock, long long deadline_ms, struct answer *a);

#endif
