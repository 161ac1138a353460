/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blk - block devices: what becomes of requests that blk_ring.c takes from the guest.
 *
 * Data goes from files to the guest's pages and back without a copy, by the operations
 * of aio.h. Requests that follow one another are done as one; what is done
 * is told to the guest once for a batch. For the worker's main thread.
 */
#ifndef _BLK_H
#define _BLK_H

#include "backend.h"
#include "proto.h"

/* Each answers a request of the parent's: an object, see proto_ok() and proto_error(). */
struct json_object *blk_attach(struct backend *backend, struct proto_message *message);
struct json_object *blk_detach(struct backend *backend, struct proto_message *message);
struct json_object *blk_resize(struct backend *backend, struct proto_message *message);

struct json_object *blk_describe(const struct backend *backend);

#endif /* _BLK_H */
