/* The client's signals.
 *
 * By raw system calls: C libraries keep some signals to themselves and leave them out of their sets, but a script may
 * be sent those too. */
#ifndef PREFORK_SIGNALS_H
#define PREFORK_SIGNALS_H

#include <stdint.h>
#include <sys/signalfd.h>

#define SIGNALS_LAST 64
#define SIGNALS_BIT(n) (1ull << ((n)-1))

/* Bit N-1: signal N is ignored. */
uint64_t signals_ignored(void);

/* Replace the mask, bit N-1 for signal N; what can't be blocked is not.  Returns the former one. */
uint64_t signals_set_mask(uint64_t mask);

/* A non-blocking descriptor from which the blocked signals are read; or -1 with errno. */
int signals_open(void);

/* The next signal: 1 with *INFO, 0 where none is pending. */
int signals_next(int fd, struct signalfd_siginfo *info);

/* Make signal N's disposition the default one or (IGNORE) to ignore. */
void signals_reset(int n, int ignore);

/* Stop this process by N, one of the signals that stop; by SIGSTOP where N does not.  Returns when it is continued. */
void signals_stop(int n);

/* End this process by signal N, without a core file.  Returns when that does not end it. */
void signals_die(int n);

#endif
