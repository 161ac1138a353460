/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blk_chain - operations: what is read, written, flushed or given back at once.
 *
 * Operations of a batch that follow on one another in a file are chained: the first one
 * does the work of all. If that goes wrong they are done one by one, so that each
 * gets its own result.
 *
 * What comes of each is told to blk_request_finish(). Used by blk_request.c.
 */
#ifndef _BLK_CHAIN_H
#define _BLK_CHAIN_H

#include "blk_request.h"

/**
 * struct blk_request - something to be done
 * @aio: the operation
 * @queue: where it is to be answered
 * @parent: what it is a part of, or NULL
 * @parts: how many parts of it are not done
 * @id: the guest's number for it
 * @op: BLKIF_OP_*
 * @status: BLKIF_RSP_*
 * @step: of a barrier: what is under way; else how often it was begun again
 * @fd: the file
 * @in_memory: it is a file in memory
 * @offset: where in it
 * @bytes: how many
 * @next: the next one in the batch, or one that is done with this one
 * @chained: the last one that is done with this one, or NULL
 * @chain_bytes: of all of them
 * @chain_parts: of all of them
 * @chain: the memory of all of them, or NULL
 * @memory: its memory, as far as not done
 * @count: parts of that
 * @iov: the memory of a request that is nobody's part
 */
struct blk_request {
	struct aio aio;
	struct blk_queue *queue;
	struct blk_request *parent;
	unsigned int parts;
	__u64 id;
	__u8 op;
	__s16 status;
	unsigned int step;
	int fd;
	bool in_memory;
	__u64 offset;
	__u64 bytes;
	struct blk_request *next;
	struct blk_request *chained;
	__u64 chain_bytes;
	unsigned int chain_parts;
	struct iovec *chain;
	struct iovec *memory;
	unsigned int count;
	struct iovec iov[];
};

void blk_chain_add(struct blk_disk *disk, struct blk_request *request);
void blk_chain_begin(struct blk_disk *disk);

#endif /* _BLK_CHAIN_H */
