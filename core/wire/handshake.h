/* The handshake between launcher and runtime: the value of the environment variable PREFORK_INTERP.
 *
 *     v1,SECS.NSECS[,EXT...] LISTEN,CALL,SENTINEL,ERRORS[,FD...] [OPTIONS...]
 *
 * Unknown extensions, further descriptors and further words are ignored. */
#ifndef PREFORK_HANDSHAKE_H
#define PREFORK_HANDSHAKE_H

#include <stddef.h>
#include <time.h>

#define HANDSHAKE_VARIABLE "PREFORK_INTERP"
#define HANDSHAKE_LEARNED 32 /* digits */
#define HANDSHAKE_MAX 512    /* bytes of a value that we write, NUL included */

struct handshake {
	struct timespec start; /* CLOCK_REALTIME_COARSE (the clock of file times) just before the script was started */
	int protocol2;         /* extension "p2": every client of this socket speaks protocol 2 */
	int own_session;       /* extension "own": the server stays in its callers' session */
	int listen_fd;         /* listening socket, non-blocking */
	int call_fd;           /* the first call's socket */
	int watch_sentinel_fd; /* write end, kept open: its end tells the watcher to go */
	int watch_error_fd;    /* read end: the watcher's messages; its end is the watcher's */
	char learned[HANDSHAKE_LEARNED + 1]; /* extension "learned=KEY": of what was learned; empty without it */
	unsigned used_ms;                    /* extension "used=N": processor time of what this setup was before */
	char options[256];                   /* "name=value,name=value", empty when there is none */
};

/* Write the value; 0, or -1 with errno ENAMETOOLONG. */
int handshake_format(const struct handshake *h, char *value, size_t size);

/* Read a value; 0, or -1 when it is not of the form above. */
int handshake_parse(const char *value, struct handshake *h);

#endif
