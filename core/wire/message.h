/* Protocol 2 framing: messages and their fields, written into a buf and read from bytes. */
#ifndef PREFORK_MESSAGE_H
#define PREFORK_MESSAGE_H

#include "buf.h"
#include "wire.h"

/* Write: begin a message, put its fields, end it.  Begin returns what end needs. */
size_t message_begin(struct buf *b, enum wire_message type);
void message_end(struct buf *b, size_t began);

size_t message_field_begin(struct buf *b, enum wire_field tag);
void message_field_end(struct buf *b, size_t began);
void message_field_u32(struct buf *b, enum wire_field tag, uint32_t v);
void message_field_u64(struct buf *b, enum wire_field tag, uint64_t v);
void message_field_bytes(struct buf *b, enum wire_field tag, const void *bytes, size_t n);

struct message_head {
	uint32_t type;
	uint32_t length; /* of the payload, checked against MAX */
};

/* Read the WIRE_MESSAGE_HEAD bytes at BYTES.  0, or -1 when the payload is longer than MAX allows. */
int message_head(const void *bytes, uint32_t max, struct message_head *h);

/* The next field of a payload: 1 with *TAG and *VALUE, 0 at the payload's end, -1 when malformed. */
int message_field(struct reader *payload, uint16_t *tag, struct reader *value);

/* The greeting that this library sends: protocol 1's (no data), or with the capability to speak protocol 2. */
void message_greeting(struct buf *b, int protocol2);

/* What the greeting's capability data say: the highest protocol both sides speak (1 or 2), or -1 when malformed. */
int message_capabilities(const void *data, size_t n);

/* The content of any message but a request; what the message did not carry is 0 or empty. */
struct answer {
	uint32_t verb;
	uint32_t wait_status;
	uint32_t signal_number;
	uint32_t group;
	uint32_t pid;
	uint32_t running;
	uint64_t served;
	uint64_t idle_ms;
	uint32_t learning;
	char reason[WIRE_MAX_REASON];
	size_t differs_length;        /* of the strings below */
	char differs[WIRE_MAX_SMALL]; /* what the call has another value of than the server */
};

/* Read the payload of a message of TYPE, any but a request.  0, or -1 when it is malformed, has a mandatory field that
 * is not known, or lacks the one that its type must have.  Bytes of the reason that could steer a terminal become '?'.
 */
int message_answer(uint32_t type, const void *payload, size_t n, struct answer *a);

#endif
