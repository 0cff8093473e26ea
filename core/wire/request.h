/* The request: everything that travels with a call, in both protocols.  Encoding and decoding are pure functions. */
#ifndef PREFORK_REQUEST_H
#define PREFORK_REQUEST_H

#include "buf.h"
#include "wire.h"

#include <stddef.h>
#include <stdint.h>

#define REQUEST_MAX_LIMITS 32 /* resources; Linux has 16 */

/* A run of NUL-terminated strings. */
struct strings {
	const char *bytes; /* the first string; NULL where there is none */
	size_t count;
};

struct request {
	const char *script;           /* NULL in protocol 1 */
	char name[WIRE_MAX_NAME + 1]; /* empty: none is given */
	struct strings words;         /* the interpreter and its own arguments; none in protocol 1 */
	struct strings arguments;
	struct strings environment;
	uint32_t umask;
	uint64_t sigmask;
	uint64_t sigignored;
	uint64_t pending; /* signals that came before the call, for the script */
	size_t limit_count;
	uint32_t limit_resource[REQUEST_MAX_LIMITS];
	uint64_t limit_soft[REQUEST_MAX_LIMITS];
	/* For each descriptor sent, in order: the number it is to have, or WIRE_FD_CWD. */
	size_t descriptor_count;
	uint32_t descriptor_number[WIRE_MAX_DESCRIPTORS];
};

/* What a client has as vectors, used in place of the request's own runs of strings; each NULL-terminated. */
struct request_strings {
	char *const *words;
	char *const *arguments;
	char *const *environment;
	const char *skip; /* "NAME=": entries of ENVIRONMENT that set it are left out */
};

/* Append a protocol 2 request message.  Failure sticks in the buffer. */
void request_encode(struct buf *b, const struct request *q, const struct request_strings *s);

/* Append a protocol 1 request, as it follows the three descriptors. */
void request_encode1(struct buf *b, const struct request_strings *s);

/* Read the payload of a WIRE_REQUEST; the result points into it.
 * 0, or -1 with one line in *WHY (a constant string): malformed, a number twice, mandatory field missing or unknown. */
int request_decode(const void *payload, size_t n, struct request *q, const char **why);

/* Read the N bytes after the length word of a protocol 1 request. The same result. */
int request_decode1(const void *bytes, size_t n, struct request *q, const char **why);

/* Make a NULL-terminated array of the strings; to be released with free() (the strings stay where they are).
 * NULL with errno ENOMEM. */
char **request_array(const struct strings *s);

#endif
