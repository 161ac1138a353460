// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations, alone and in chains; see blk_chain.h.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

#include "blk_chain.h"

/* What one operation may be at most, when requests are chained. */
#define CHAIN_BYTES	1048576
#define CHAIN_PARTS	512

/* How often an operation is begun again that the kernel could not do just now */
#define AGAIN_MAX	16

static void begin(struct blk_request *request);

static void fail(struct blk_request *request, int result)
{
	request->status = result == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
	blk_request_finish(request);
}

/* Those that were done with this one are done, or are to be done alone. */
static void unchain(struct blk_request *request, bool done)
{
	struct blk_request *next = request->chained ? request->next : NULL;
	struct blk_request *last = request->chained;

	free(request->chain);
	request->chain = NULL;
	request->chained = NULL;
	request->next = NULL;
	while (next) {
		struct blk_request *other = next;

		next = other == last ? NULL : other->next;
		other->next = NULL;
		if (done)
			blk_request_finish(other);
		else
			begin(other);
	}
	if (done)
		blk_request_finish(request);
	else
		begin(request);
}

/* So much was done of a request: the rest is to follow. */
static void advance(struct blk_request *request, unsigned int bytes)
{
	request->offset += bytes;
	request->bytes -= bytes;
	while (bytes && bytes >= request->memory->iov_len) {
		bytes -= request->memory->iov_len;
		request->memory++;
		request->count--;
	}
	if (bytes) {
		request->memory->iov_base = (char *)request->memory->iov_base + bytes;
		request->memory->iov_len -= bytes;
	}
}

static void on_done(struct aio *aio, int result)
{
	struct blk_request *request = (struct blk_request *)aio;
	__u64 wanted = request->chained ? request->chain_bytes : request->bytes;
	bool moves = request->op == BLKIF_OP_READ || request->op == BLKIF_OP_WRITE;

	if (result >= 0 && (!moves || (__u64)result == wanted)) {
		unchain(request, true);
	} else if ((result == -EINTR || result == -EAGAIN) && request->step++ < AGAIN_MAX) {
		begin(request);
	} else if (request->chained) {
		unchain(request, false);
	} else if (result <= 0) {
		/* Nothing at all is the file's end: it has been made shorter */
		fail(request, result);
	} else {
		advance(request, (unsigned int)result);
		begin(request);
	}
}

/*
 * Does an operation on a file in memory at once; false for what is not of this kind. There
 * is nothing that a flush could do to such a file.
 */
static bool do_now(struct blk_request *request, const struct iovec *memory, unsigned int count)
{
	ssize_t n = 0;

	if (!request->in_memory)
		return false;
	switch (request->op) {
	case BLKIF_OP_READ:
		n = preadv(request->fd, memory, (int)count, (off_t)request->offset);
		break;
	case BLKIF_OP_WRITE:
		n = pwritev(request->fd, memory, (int)count, (off_t)request->offset);
		break;
	case BLKIF_OP_FLUSH_DISKCACHE:
		break;
	default:
		return false;
	}
	on_done(&request->aio, n < 0 ? -errno : (int)n);
	return true;
}

/* The memory of all that is done at once, in a row; false without memory for that. */
static bool gather(struct blk_request *request)
{
	struct iovec *to = malloc(request->chain_parts * sizeof(*to));
	struct blk_request *part = request;

	request->chain = to;
	while (to) {
		memcpy(to, part->memory, part->count * sizeof(*to));
		to += part->count;
		if (part == request->chained)
			return true;
		part = part->next;
	}
	return false;
}

/* Begins an operation; with its chain, which was not begun. */
static void begin(struct blk_request *request)
{
	const struct iovec *memory = request->memory;
	unsigned int count = request->count;

	if (request->chained) {
		if (!request->chain && !gather(request)) {
			unchain(request, false);
			return;
		}
		memory = request->chain;
		count = request->chain_parts;
	}
	request->queue->disk->operations++;
	if (do_now(request, memory, count))
		return;
	request->aio.done = on_done;
	switch (request->op) {
	case BLKIF_OP_READ:
		aio_readv(&request->aio, request->fd, memory, count, request->offset);
		break;
	case BLKIF_OP_WRITE:
		aio_writev(&request->aio, request->fd, memory, count, request->offset);
		break;
	case BLKIF_OP_FLUSH_DISKCACHE:
		aio_flush(&request->aio, request->fd);
		break;
	case BLKIF_OP_DISCARD:
		aio_punch(&request->aio, request->fd, request->offset, request->bytes);
		break;
	}
}

/* Is it to be done with the last one of the batch, as it follows on it? */
static bool chain(struct blk_request *leader, struct blk_request *request)
{
	if (!leader || leader->op != request->op || leader->fd != request->fd ||
	    (request->op != BLKIF_OP_READ && request->op != BLKIF_OP_WRITE) ||
	    leader->offset + leader->chain_bytes != request->offset ||
	    leader->chain_bytes + request->bytes > CHAIN_BYTES ||
	    leader->chain_parts + request->count > CHAIN_PARTS)
		return false;
	(leader->chained ?: leader)->next = request;
	leader->chained = request;
	leader->chain_bytes += request->bytes;
	leader->chain_parts += request->count;
	return true;
}

/**
 * blk_chain_add - put an operation into the batch
 * @disk: whose
 * @request: a request that is in one file, or a part of one
 */
void blk_chain_add(struct blk_disk *disk, struct blk_request *request)
{
	request->chain_bytes = request->bytes;
	request->chain_parts = request->count;
	if (chain(disk->last, request))
		return;
	if (disk->last)
		(disk->last->chained ?: disk->last)->next = request;
	else
		disk->first = request;
	disk->last = request;
}

/* Begins the batch, as it is now. */
static void begin_batch(struct blk_disk *disk)
{
	struct blk_request *request = disk->first, *next;

	disk->first = NULL;
	disk->last = NULL;
	for (; request; request = next) {
		struct blk_request *end = request->chained ?: request;

		next = end->next;
		end->next = NULL;
		begin(request);
	}
}

/**
 * blk_chain_begin - begin the batch
 * @disk: the disk; its batch is empty then
 */
void blk_chain_begin(struct blk_disk *disk)
{
	/* What is done at once may have a barrier go on, which has four steps. */
	while (disk->first)
		begin_batch(disk);
}
