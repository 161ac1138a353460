/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenstore - a store for one guest and its backends.
 *
 * What lives here: the nodes, their permissions, transactions, watches, quotas, and
 * the requests of <xen/io/xs_wire.h>.  No input or output, no globals, no threads:
 * what is to be sent to the guest is handed to a function of the caller's.  The
 * guest's requests are hostile; those who call the other functions are trusted.
 *
 * Used by the worker (store.c) and by tests.
 */
#ifndef _XENSTORE_H
#define _XENSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct xs;

/* What the guest may have. */
#define XS_MAX_NODES		1000	/* that it owns */
#define XS_MAX_WATCHES		128
#define XS_MAX_TRANSACTIONS	10
#define XS_MAX_CHANGES		1000	/* in a transaction */
#define XS_MAX_HELD		1000	/* nodes that it has removed, in a transaction */
#define XS_MAX_VALUE		2048	/* bytes in a node */
#define XS_MAX_PERMS		5	/* entries of a node's permissions */

/**
 * typedef xs_send_fn - sends a message to the guest
 * @data: as given to xs_new()
 * @type: XS_*
 * @req_id: as in the request; 0 for a watch event
 * @tx_id: as in the request; 0 for a watch event
 * @payload: what it says
 * @size: bytes of that, at most XENSTORE_PAYLOAD_MAX
 */
typedef void xs_send_fn(void *data, __u32 type, __u32 req_id, __u32 tx_id,
			const void *payload, size_t size);

/**
 * typedef xs_watch_fn - is told that something has changed
 * @data: as given to xs_watch()
 * @path: what
 */
typedef void xs_watch_fn(void *data, const char *path);

struct xs *xs_new(unsigned int domain, xs_send_fn *send, void *data);
void xs_free(struct xs *xs);

void xs_request(struct xs *xs, __u32 type, __u32 req_id, __u32 tx_id,
		const void *payload, size_t size);
void xs_reset_guest(struct xs *xs);

int xs_write(struct xs *xs, const char *path, const char *value);
int xs_read(struct xs *xs, const char *path, char *value, size_t size);
int xs_remove(struct xs *xs, const char *path);
int xs_give(struct xs *xs, const char *path, char others);
int xs_watch(struct xs *xs, const char *path, xs_watch_fn *fn, void *data);

#endif /* _XENSTORE_H */
