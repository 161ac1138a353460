/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blk_request - a disk's requests, from its rings to their answers.
 *
 * A request is taken from a ring, becomes one operation (blk_chain.h) or, where its
 * sectors are in several extents, several, which have it as their parent. It lives until
 * it is answered: there are never more than its rings have room for.
 *
 * Used by blk.c, which has the device's side of xenstore and the event loop, and by
 * tests. For one thread.
 */
#ifndef _BLK_REQUEST_H
#define _BLK_REQUEST_H

#include <stdbool.h>

#include "aio.h"
#include "backend.h"
#include "blk_ring.h"
#include "blk_table.h"

#define BLK_QUEUES_MAX	8

struct blk_disk;
struct blk_request;

/**
 * struct blk_queue - a ring of a disk's
 * @channel: its event channel
 * @ring: the ring
 * @disk: the disk
 * @held: requests wait in it: for the end of a barrier, or for others to have their turn
 */
struct blk_queue {
	struct backend_channel channel;
	struct blk_ring ring;
	struct blk_disk *disk;
	bool held;
};

/**
 * struct blk_disk - a disk
 * @device: the device
 * @table: where its sectors are
 * @letter: of its name: xvda is 0
 * @physical: bytes that are written at once
 * @queue: its rings
 * @queues: how many; 0: it is not connected
 * @under_way: requests that were taken and not answered
 * @barrier: one that all others wait for, or NULL
 * @first: what is to be begun, with the next batch
 * @last: the end of that
 * @stopping: no more requests are taken
 * @requests: taken, ever
 * @operations: begun, ever
 * @signals: sent to the guest, ever
 */
struct blk_disk {
	struct backend_device device;
	struct blk_table table;
	unsigned int letter;
	unsigned int physical;
	struct blk_queue queue[BLK_QUEUES_MAX];
	unsigned int queues;
	unsigned int under_way;
	struct blk_request *barrier;
	struct blk_request *first, *last;
	bool stopping;
	__u64 requests;
	__u64 operations;
	__u64 signals;
};

bool blk_serve(struct blk_queue *queue);
bool blk_settle(struct blk_disk *disk);
bool blk_drain(struct blk_disk *disk, bool wait);

/* For blk_chain.c: a request, or a part of one, is done; its status is set. */
void blk_request_finish(struct blk_request *request);

#endif /* _BLK_REQUEST_H */
