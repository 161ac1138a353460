/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xs_ring - the ring over which a guest talks to its store.
 *
 * Requests are taken out of the ring and handed to xs_request(); answers and
 * events wait until the guest has room for them.  A guest that takes no answers
 * is served no requests.  One that asks on and on is served some at a time, so that
 * others get their turn.  One that breaks the protocol is served no more, and the
 * ring's error member says so.
 *
 * Used by the worker's main thread (store.c).
 */
#ifndef _XS_RING_H
#define _XS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#include "xenstore.h"

struct xs_ring_message;

/**
 * struct xs_ring - a ring
 * @page: the ring, which the guest can write at any time
 * @xs: the store
 * @broken: the guest is served no more
 * @in: a request, as far as it has come: header and payload
 * @in_size: bytes of it
 * @first: answers and events that wait
 * @last: the end of that list
 * @queued: bytes in it
 * @more: the last xs_ring_serve() has left something undone
 */
struct xs_ring {
	struct xenstore_domain_interface *page;
	struct xs *xs;
	bool broken;
	char in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
	size_t in_size;
	struct xs_ring_message *first, *last;
	size_t queued;
	bool more;
};

xs_send_fn xs_ring_send;
void xs_ring_init(struct xs_ring *ring, void *page);
bool xs_ring_serve(struct xs_ring *ring);
void xs_ring_free(struct xs_ring *ring);

#endif /* _XS_RING_H */
