/* Receiving messages from a client: see receive.h. */
#include "receive.h"

#include "../wire/fd.h"
#include "../wire/message.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

/* Protocol 1: a bare byte, three bytes with a descriptor each, then a be32 length. */
#define PROTOCOL1_DESCRIPTORS 3
#define PROTOCOL1_BYTES (1 + PROTOCOL1_DESCRIPTORS)
#define PROTOCOL1_HEAD (PROTOCOL1_BYTES + 4)
#define READ_AT_ONCE 65536

void receive_init(struct receiver *r, int protocol) {
	r->protocol = protocol;
	r->request_due = 1;
	buf_init(&r->bytes, (size_t)WIRE_MAX_MESSAGE + WIRE_MESSAGE_HEAD);
	r->fd_count = 0;
	r->why = "";
}

void receive_free(struct receiver *r) {
	fd_close_all(r->fds, r->fd_count);
	r->fd_count = 0;
	buf_free(&r->bytes);
}

static size_t head_length(const struct receiver *r) {
	return r->protocol == 1 ? PROTOCOL1_HEAD : WIRE_MESSAGE_HEAD;
}

/* How many bytes the message has in all, as far as it is known: 0 while its head is incomplete, -1 when too many. */
static long long whole_length(const struct receiver *r) {
	struct message_head head = {.type = WIRE_REQUEST};

	if (r->bytes.length < head_length(r))
		return 0;
	if (r->protocol == 1) {
		struct reader length;

		reader_init(&length, r->bytes.data + PROTOCOL1_BYTES, 4);
		head.length = reader_u32(&length);
	} else {
		(void)message_head(r->bytes.data, UINT32_MAX, &head);
	}
	if (head.length > (r->request_due && head.type == WIRE_REQUEST ? WIRE_MAX_MESSAGE : WIRE_MAX_SMALL))
		return -1;
	return (long long)head_length(r) + head.length;
}

/* How many bytes to ask for next.  Protocol 1's first ones come one by one, so that each keeps its descriptor. */
static size_t wanted(const struct receiver *r, long long whole) {
	size_t left;

	if (r->protocol == 1 && r->bytes.length < PROTOCOL1_BYTES)
		return 1;
	left = (whole ? (size_t)whole : head_length(r)) - r->bytes.length;
	return left < READ_AT_ONCE ? left : READ_AT_ONCE;
}

/* Descriptors may come with the first byte of a request only; in protocol 1 one with each of three. */
static size_t descriptors_allowed(const struct receiver *r) {
	if (!r->request_due)
		return 0;
	if (r->protocol == 1)
		return r->bytes.length >= 1 && r->bytes.length < PROTOCOL1_BYTES;
	return r->bytes.length == 0 ? WIRE_MAX_DESCRIPTORS : 0;
}

static enum receive_result bad(struct receiver *r, const char *why) {
	r->why = why;
	return RECEIVE_BAD;
}

static enum receive_result receive_some(struct receiver *r, int sock, size_t n) {
	unsigned char *to = buf_reserve(&r->bytes, n);
	size_t allowed = descriptors_allowed(r), count = 0;
	ssize_t got;

	if (!to)
		return bad(r, "no memory");
	got = fd_recv(sock, to, n, r->fds + r->fd_count, allowed, &count, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return RECEIVE_MORE;
	if (got < 0)
		return errno == EPROTO ? bad(r, "descriptors where none may be") : RECEIVE_END;
	r->fd_count += count;
	if (got == 0)
		return RECEIVE_END;
	if (r->protocol == 1 && r->bytes.length < PROTOCOL1_BYTES && (count != allowed || *to != 0))
		return bad(r, "no descriptor where one must be");
	r->bytes.length += (size_t)got;
	return RECEIVE_MESSAGE;
}

enum receive_result receive_step(struct receiver *r, int sock) {
	for (;;) {
		long long whole = whole_length(r);
		enum receive_result some;

		if (whole < 0)
			return bad(r, "longer than the protocol allows");
		if (whole > 0 && r->bytes.length == (size_t)whole)
			return RECEIVE_MESSAGE;
		some = receive_some(r, sock, wanted(r, whole));
		if (some != RECEIVE_MESSAGE)
			return some;
	}
}

uint32_t receive_type(const struct receiver *r) {
	struct message_head head;

	if (r->protocol == 1)
		return WIRE_REQUEST;
	(void)message_head(r->bytes.data, WIRE_MAX_MESSAGE, &head);
	return head.type;
}

const unsigned char *receive_payload(const struct receiver *r, size_t *n) {
	*n = r->bytes.length - head_length(r);
	return r->bytes.data + head_length(r);
}

void receive_next(struct receiver *r) {
	r->bytes.length = 0;
	r->request_due = 0;
}
