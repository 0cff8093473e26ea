/* Perl's handles on descriptors, and what PerlIO remembers of these. */
#ifndef PREFORK_HANDLES_H
#define PREFORK_HANDLES_H

#include "api.h"
#include "server/prefork-server.h"

/* Call VISIT for each open stream of each handle that there is. */
void handles_each(pTHX_ void (*visit)(pTHX_ PerlIO *f));

/* At the end of initialisation: note the streams on descriptors 0 to 2 and their duplicates. */
void handles_note(pTHX);

/* In the executor: make these what they would be if they had been opened on this caller's descriptors, and write to
 * standard output what setup has written there. */
void handles_renew(pTHX_ const struct prefork_call *call);

#endif
