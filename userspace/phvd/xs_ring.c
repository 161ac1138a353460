// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring over which a guest talks to its store; see xs_ring.h.
 */
#include <stdlib.h>
#include <string.h>

#include "xs_ring.h"

/* With so much waiting for the guest, no request of its is served. */
#define QUEUE_FULL	65536
/* With so much, it is not going to take anything any more. */
#define QUEUE_MAX	1048576
/* So many requests are served at a time. */
#define BATCH_MAX	64

/**
 * struct xs_ring_message - something that waits for room in the ring
 * @next: the next one
 * @size: bytes
 * @done: of which are in the ring
 * @data: header and payload
 */
struct xs_ring_message {
	struct xs_ring_message *next;
	size_t size;
	size_t done;
	char data[];
};

static void give_up(struct xs_ring *ring, __u32 why)
{
	ring->broken = true;
	__atomic_store_n(&ring->page->error, why, __ATOMIC_RELEASE);
}

/**
 * xs_ring_send - send a message to the guest, as xs_new() wants it
 * @data: the ring
 * @type: XS_*
 * @req_id: of the request
 * @tx_id: of the request
 * @payload: what it says
 * @size: bytes of that
 *
 * It goes into the ring with the next xs_ring_serve().
 */
void xs_ring_send(void *data, __u32 type, __u32 req_id, __u32 tx_id,
		  const void *payload, size_t size)
{
	const struct xsd_sockmsg header = {
		.type = type, .req_id = req_id, .tx_id = tx_id, .len = (__u32)size,
	};
	struct xs_ring *ring = data;
	struct xs_ring_message *message;

	if (ring->broken)
		return;
	message = ring->queued < QUEUE_MAX ?
		  malloc(sizeof(*message) + sizeof(header) + size) : NULL;
	if (!message) {
		give_up(ring, XENSTORE_ERROR_COMM);
		return;
	}
	message->next = NULL;
	message->size = sizeof(header) + size;
	message->done = 0;
	memcpy(message->data, &header, sizeof(header));
	memcpy(message->data + sizeof(header), payload, size);
	if (ring->last)
		ring->last->next = message;
	else
		ring->first = message;
	ring->last = message;
	ring->queued += message->size;
}

static void drop_first(struct xs_ring *ring)
{
	struct xs_ring_message *message = ring->first;

	ring->first = message->next;
	if (!ring->first)
		ring->last = NULL;
	ring->queued -= message->size;
	free(message);
}

/* Copies requests out of the ring: at most as much as fits; true if some came. */
static bool take(struct xs_ring *ring, size_t wanted)
{
	struct xenstore_domain_interface *page = ring->page;
	XENSTORE_RING_IDX prod = __atomic_load_n(&page->req_prod, __ATOMIC_ACQUIRE);
	XENSTORE_RING_IDX cons = __atomic_load_n(&page->req_cons, __ATOMIC_RELAXED);
	XENSTORE_RING_IDX size = prod - cons, begin = cons;

	if (size > XENSTORE_RING_SIZE) {
		give_up(ring, XENSTORE_ERROR_RINGIDX);
		return false;
	}
	for (; size && wanted; size--, wanted--)
		ring->in[ring->in_size++] = page->req[MASK_XENSTORE_IDX(cons++)];
	__atomic_store_n(&page->req_cons, cons, __ATOMIC_RELEASE);
	return cons != begin;
}

/* How many bytes of the current request are still to come. */
static size_t missing(const struct xs_ring *ring)
{
	struct xsd_sockmsg header;

	if (ring->in_size < sizeof(header))
		return sizeof(header) - ring->in_size;
	memcpy(&header, ring->in, sizeof(header));
	return sizeof(header) + header.len - ring->in_size;
}

/* Looks at the header as soon as it is there; false if it is too much. */
static bool is_acceptable(const struct xs_ring *ring)
{
	struct xsd_sockmsg header;

	if (ring->in_size < sizeof(header))
		return true;
	memcpy(&header, ring->in, sizeof(header));
	return header.len <= XENSTORE_PAYLOAD_MAX;
}

/* Takes requests and serves them, @batch at most; true if the ring was touched. */
static bool take_requests(struct xs_ring *ring, unsigned int *batch)
{
	struct xsd_sockmsg header;
	bool moved = false;

	while (*batch && !ring->broken && ring->queued < QUEUE_FULL &&
	       take(ring, missing(ring))) {
		moved = true;
		if (!is_acceptable(ring)) {
			give_up(ring, XENSTORE_ERROR_PROTO);
			break;
		}
		if (ring->in_size < sizeof(header) || missing(ring))
			continue;
		memcpy(&header, ring->in, sizeof(header));
		xs_request(ring->xs, header.type, header.req_id, header.tx_id,
			   ring->in + sizeof(header), header.len);
		ring->in_size = 0;
		--*batch;
	}
	return moved;
}

/* Puts into the ring what waits; true if something went. */
static bool give_answers(struct xs_ring *ring)
{
	struct xenstore_domain_interface *page = ring->page;
	XENSTORE_RING_IDX cons = __atomic_load_n(&page->rsp_cons, __ATOMIC_ACQUIRE);
	XENSTORE_RING_IDX prod = __atomic_load_n(&page->rsp_prod, __ATOMIC_RELAXED);
	XENSTORE_RING_IDX used = prod - cons, begin = prod;
	struct xs_ring_message *message;

	if (used > XENSTORE_RING_SIZE) {
		give_up(ring, XENSTORE_ERROR_RINGIDX);
		return false;
	}
	while (used < XENSTORE_RING_SIZE && (message = ring->first)) {
		page->rsp[MASK_XENSTORE_IDX(prod++)] = message->data[message->done++];
		used++;
		if (message->done == message->size)
			drop_first(ring);
	}
	__atomic_store_n(&page->rsp_prod, prod, __ATOMIC_RELEASE);
	return prod != begin;
}

/* The guest begins anew, as after kexec: nothing of before counts. */
static void reconnect(struct xs_ring *ring)
{
	struct xenstore_domain_interface *page = ring->page;

	while (ring->first)
		drop_first(ring);
	ring->in_size = 0;
	ring->broken = false;
	xs_reset_guest(ring->xs);
	page->req_cons = 0;
	page->req_prod = 0;
	page->rsp_cons = 0;
	page->rsp_prod = 0;
	page->error = XENSTORE_ERROR_NONE;
	__atomic_store_n(&page->connection, XENSTORE_CONNECTED, __ATOMIC_RELEASE);
}

/**
 * xs_ring_serve - do what can be done now, but no more than some
 * @ring: the ring; its @more tells whether it is to be called again
 *
 * Return: true if the guest is to be told to look
 */
bool xs_ring_serve(struct xs_ring *ring)
{
	unsigned int batch = BATCH_MAX;
	bool moved = false, more;

	ring->more = false;
	if (__atomic_load_n(&ring->page->connection, __ATOMIC_ACQUIRE) ==
	    XENSTORE_RECONNECT) {
		reconnect(ring);
		moved = true;
	}
	do {
		if (ring->broken)
			return moved;
		more = take_requests(ring, &batch);
		more |= give_answers(ring);
		moved |= more;
	} while (batch && more && ring->first && !ring->broken);
	ring->more = !batch && !ring->broken;
	return moved;
}

/**
 * xs_ring_init - begin to use a ring
 * @ring: it
 * @page: the page, which is made ready for the guest
 *
 * The caller sets @xs.
 */
void xs_ring_init(struct xs_ring *ring, void *page)
{
	*ring = (struct xs_ring){ .page = page };
	ring->page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION |
				      XENSTORE_SERVER_FEATURE_ERROR;
	ring->page->connection = XENSTORE_CONNECTED;
}

/**
 * xs_ring_free - stop using a ring
 * @ring: it; all zero is fine
 */
void xs_ring_free(struct xs_ring *ring)
{
	while (ring->first)
		drop_first(ring);
}
