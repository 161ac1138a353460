// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests; see blk_request.h.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

#include "blk_chain.h"
#include "blk_request.h"

static void step_barrier(struct blk_disk *disk);

/* Answers a request and forgets it. */
static void answer(struct blk_request *request)
{
	struct blk_disk *disk = request->queue->disk;

	if (!disk->device.failed)
		blk_ring_answer(&request->queue->ring, request->id, request->op,
				request->status);
	if (disk->barrier == request)
		disk->barrier = NULL;
	disk->under_way--;
	free(request);
}

/**
 * blk_request_finish - a request, or a part of one, is done
 * @request: it, with its status; it is answered, or goes on if it is a barrier
 */
void blk_request_finish(struct blk_request *request)
{
	struct blk_request *parent = request->parent;

	if (!parent) {
		if (request == request->queue->disk->barrier)
			step_barrier(request->queue->disk);
		else
			answer(request);
		return;
	}
	if (request->status)
		parent->status = request->status;
	free(request);
	if (!--parent->parts)
		blk_request_finish(parent);
}

/* Makes a part of a request; NULL without memory. */
static struct blk_request *new_part(struct blk_request *parent, __u8 op,
				    const struct blk_extent *extent)
{
	struct blk_request *part = calloc(1, sizeof(*part) + parent->count * sizeof(*part->iov));

	if (!part) {
		parent->status = BLKIF_RSP_ERROR;
		return NULL;
	}
	part->queue = parent->queue;
	part->parent = parent;
	part->op = op;
	part->fd = extent->fd;
	part->in_memory = extent->in_memory;
	part->memory = part->iov;
	parent->parts++;
	return part;
}

/* Moves the first @bytes of @from's memory to @to, which has none. */
static void move_memory(struct blk_request *to, struct blk_request *from, __u64 bytes)
{
	while (bytes && from->count) {
		__u64 size = from->memory->iov_len < bytes ? from->memory->iov_len : bytes;

		to->memory[to->count++] = (struct iovec){ from->memory->iov_base, size };
		from->memory->iov_base = (char *)from->memory->iov_base + size;
		from->memory->iov_len -= size;
		if (!from->memory->iov_len) {
			from->memory++;
			from->count--;
		}
		bytes -= size;
	}
}

/* A request in several extents, or of a barrier: parts, which go into the batch. */
static void split(struct blk_disk *disk, struct blk_request *request, __u8 op, __u64 sector,
		  __u64 sectors)
{
	/* Until all are there, so that none is the last one. */
	request->parts = 1;
	while (sectors) {
		const struct blk_extent *extent = blk_table_find(&disk->table, sector);
		__u64 some = extent->first + extent->sectors - sector;
		struct blk_request *part = new_part(request, op, extent);

		if (!part)
			break;
		if (some > sectors)
			some = sectors;
		part->offset = extent->offset + (sector - extent->first) * BLK_SECTOR;
		part->bytes = some * BLK_SECTOR;
		move_memory(part, request, part->bytes);
		blk_chain_add(disk, part);
		sector += some;
		sectors -= some;
	}
	if (!--request->parts)
		blk_request_finish(request);
}

/* Flushes all files of a disk. */
static void flush(struct blk_disk *disk, struct blk_request *request)
{
	struct blk_request *part;
	unsigned int i;

	request->parts = 1;
	for (i = 0; i < disk->table.count; i++) {
		if (disk->table.extent[i].read_only)
			continue;
		part = new_part(request, BLKIF_OP_FLUSH_DISKCACHE, &disk->table.extent[i]);
		if (!part)
			break;
		blk_chain_add(disk, part);
	}
	if (!--request->parts)
		blk_request_finish(request);
}

/* Does the disk have these sectors, and may they be written? 0 or a negative errno. */
static int check_range(const struct blk_disk *disk, __u8 op, __u64 sector, __u64 left)
{
	if (sector > disk->table.sectors || left > disk->table.sectors - sector)
		return -ENXIO;
	while (left && op != BLKIF_OP_READ) {
		const struct blk_extent *extent = blk_table_find(&disk->table, sector);
		__u64 some = extent->first + extent->sectors - sector;

		if (extent->read_only)
			return -EROFS;
		if (some > left)
			some = left;
		sector += some;
		left -= some;
	}
	return 0;
}

/* A barrier's data. The disk may have become smaller while it waited. */
static void write_barrier(struct blk_disk *disk, struct blk_request *request)
{
	__u64 sector = request->offset / BLK_SECTOR, sectors = request->bytes / BLK_SECTOR;

	if (check_range(disk, BLKIF_OP_WRITE, sector, sectors)) {
		request->status = BLKIF_RSP_ERROR;
		blk_request_finish(request);
		return;
	}
	split(disk, request, BLKIF_OP_WRITE, sector, sectors);
}

/*
 * A barrier: when all that came before it is done, what was written is flushed, its own
 * data are written, and flushed. Nothing else is taken meanwhile.
 */
static void step_barrier(struct blk_disk *disk)
{
	struct blk_request *request = disk->barrier;

	if (request->status)
		request->step = 3;
	switch (request->step++) {
	case 0:
	case 2:
		flush(disk, request);
		break;
	case 1:
		write_barrier(disk, request);
		break;
	default:
		answer(request);
	}
}

/* May the disk do it? 0 or a negative errno. */
static int check(const struct blk_disk *disk, const struct blk_command *command)
{
	switch (command->op) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
	case BLKIF_OP_WRITE_BARRIER:
	case BLKIF_OP_DISCARD:
		if (command->op == BLKIF_OP_DISCARD && command->secure)
			return -EOPNOTSUPP;
		return check_range(disk, command->op, command->sector, command->sectors);
	case BLKIF_OP_FLUSH_DISKCACHE:
		return 0;
	}
	return -EOPNOTSUPP;
}

static struct blk_request *new_request(struct blk_queue *queue,
				       const struct blk_command *command)
{
	size_t memory = command->count * sizeof(struct iovec);
	struct blk_request *request = malloc(sizeof(*request) + memory);

	if (!request)
		return NULL;
	*request = (struct blk_request){
		.queue = queue, .id = command->id, .op = command->op,
		.bytes = command->sectors * BLK_SECTOR, .count = command->count,
	};
	request->memory = request->iov;
	memcpy(request->iov, command->iov, memory);
	queue->disk->under_way++;
	queue->disk->requests++;
	return request;
}

/* Does what the guest wants, or begins to. */
static void start(struct blk_queue *queue, const struct blk_command *command)
{
	struct blk_request *request = new_request(queue, command);
	struct blk_disk *disk = queue->disk;
	const struct blk_extent *extent;
	int err = request ? check(disk, command) : -ENOMEM;

	if (!request) {
		blk_ring_answer(&queue->ring, command->id, command->op, BLKIF_RSP_ERROR);
		return;
	}
	if (err) {
		request->status = err == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
		blk_request_finish(request);
		return;
	}
	if (command->op == BLKIF_OP_WRITE_BARRIER) {
		request->offset = command->sector * BLK_SECTOR;
		disk->barrier = request;
		return;
	}
	if (command->op == BLKIF_OP_FLUSH_DISKCACHE) {
		flush(disk, request);
		return;
	}
	if (!command->sectors) {
		blk_request_finish(request);
		return;
	}
	extent = blk_table_find(&disk->table, command->sector);
	if (command->sector + command->sectors > extent->first + extent->sectors) {
		split(disk, request, command->op, command->sector, command->sectors);
		return;
	}
	request->fd = extent->fd;
	request->in_memory = extent->in_memory;
	request->offset = extent->offset + (command->sector - extent->first) * BLK_SECTOR;
	blk_chain_add(disk, request);
}

/*
 * Takes what waits in a ring, but not without end: what is new by then is signalled, or
 * comes with the next look.
 */
static void take(struct blk_queue *queue)
{
	static struct blk_command command;
	struct backend_device *device = &queue->disk->device;
	int waiting = blk_ring_waiting(&queue->ring);

	while (waiting > 0 && !queue->disk->barrier) {
		if (blk_ring_take(&queue->ring, &device->backend->grants, &command)) {
			waiting = -EPROTO;
			break;
		}
		waiting--;
		start(queue, &command);
	}
	queue->held = waiting > 0;
	if (waiting < 0)
		backend_fail(device, waiting, "%s", queue->ring.why);
}

/* Shows answers, and has the guest signalled once for all of a ring. */
static void show(struct blk_queue *queue)
{
	if (!blk_ring_show(&queue->ring))
		return;
	queue->disk->signals++;
	backend_notify(&queue->channel);
}

/**
 * blk_serve - take requests, and what comes meanwhile, but not without end
 * @queue: the queue; aio_submit() is due then
 *
 * Return: true if requests wait, and it is somebody else's turn: call it again
 */
bool blk_serve(struct blk_queue *queue)
{
	struct blk_disk *disk = queue->disk;
	unsigned int rounds;

	for (rounds = 0; rounds < 2; rounds++) {
		if (disk->stopping || disk->device.failed)
			return false;
		take(queue);
		blk_chain_begin(disk);
		if (disk->device.failed || queue->held || !blk_ring_ask(&queue->ring))
			return false;
	}
	queue->held = true;
	return true;
}

/* A barrier begins when it is the only one, and goes on when a step of it is done. */
static void begin_barrier(struct blk_disk *disk)
{
	if (!disk->barrier)
		return;
	if (disk->under_way == 1 && !disk->barrier->step)
		step_barrier(disk);
	blk_chain_begin(disk);
}

/**
 * blk_settle - what was done has been told: the guest hears of it
 * @disk: the disk
 *
 * Return: true if there are queues with @held, which can go on now: call blk_serve()
 */
bool blk_settle(struct blk_disk *disk)
{
	bool more = false;
	unsigned int i;

	begin_barrier(disk);
	if (disk->stopping || disk->device.failed) {
		if (!disk->under_way && disk->device.connected)
			backend_stopped(&disk->device);
		return false;
	}
	for (i = 0; i < disk->queues; i++) {
		show(&disk->queue[i]);
		more |= disk->queue[i].held && !disk->barrier;
	}
	return more;
}

/**
 * blk_drain - take no more requests, until @stopping is false again
 * @disk: the disk
 * @wait: for what is under way
 *
 * Return: true if nothing is under way, and the guest has heard of all
 */
bool blk_drain(struct blk_disk *disk, bool wait)
{
	unsigned int i;

	disk->stopping = true;
	begin_barrier(disk);
	aio_submit();
	while (wait && disk->under_way)
		aio_wait();
	if (disk->under_way)
		return false;
	for (i = 0; i < disk->queues; i++)
		if (disk->queue[i].channel.source && !disk->device.failed)
			show(&disk->queue[i]);
	return true;
}
