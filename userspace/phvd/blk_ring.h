/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blk_ring - the ring over which a guest's block device talks: <xen/io/blkif.h>.
 *
 * What lives here: requests are copied out of the ring, once, and checked: what comes
 * out are numbers within bounds, and addresses of the guest's own memory, which it has
 * granted. No input or output, no globals. Used by blk.c, and by the fuzzer.
 *
 * A guest that breaks the protocol gets -EPROTO, and with it a text: it is served no
 * more. Whether a disk has such sectors, and may be written, is for the caller.
 */
#ifndef _BLK_RING_H
#define _BLK_RING_H

#include <stdbool.h>
#include <sys/uio.h>

#include <grant.h>
#include <guest_memory.h>

#include "backend_ring.h"

#define BLK_SECTOR		512
#define BLK_MAX_SEGMENTS	256

/* How the guest's compiler lays requests out. */
enum blk_abi { BLK_X86_64, BLK_X86_32 };

/**
 * struct blk_ring - a ring
 * @pages: its memory
 * @abi: its layout
 * @entries: how many, a power of two
 * @taken: requests that were taken, ever
 * @answered: answers that were written, ever
 * @shown: those that the guest was told of
 * @why: what the guest has done, if it broke the protocol
 */
struct blk_ring {
	struct backend_ring pages;
	enum blk_abi abi;
	__u32 entries;
	__u32 taken;
	__u32 answered;
	__u32 shown;
	const char *why;
};

/**
 * struct blk_command - a request
 * @op: BLKIF_OP_*, without BLKIF_OP_INDIRECT; what is unknown is as the guest has it
 * @id: the guest's number for it
 * @sector: the first one
 * @sectors: how many; 0 for BLKIF_OP_FLUSH_DISKCACHE and what is unknown
 * @secure: BLKIF_OP_DISCARD is to leave nothing
 * @count: parts of @iov in use
 * @iov: the guest's memory
 */
struct blk_command {
	__u8 op;
	__u64 id;
	__u64 sector;
	__u64 sectors;
	bool secure;
	unsigned int count;
	struct iovec iov[BLK_MAX_SEGMENTS];
};

void blk_ring_begin(struct blk_ring *ring, enum blk_abi abi);
int blk_ring_waiting(struct blk_ring *ring);
int blk_ring_take(struct blk_ring *ring, const struct grant_table *grants,
		  struct blk_command *command);
bool blk_ring_ask(struct blk_ring *ring);
void blk_ring_answer(struct blk_ring *ring, __u64 id, __u8 op, __s16 status);
bool blk_ring_show(struct blk_ring *ring);

#endif /* _BLK_RING_H */
