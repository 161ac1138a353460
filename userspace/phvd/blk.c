// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block devices; see blk.h.
 *
 * A request is taken from a ring, becomes one operation or, where its sectors are in
 * several extents, several, which have it as their parent. Operations of a batch
 * that follow on one another are chained: the first one does the work of all. If that
 * goes wrong they are done one by one, so that each gets its own result.
 *
 * A request of the guest's lives from the ring to the answer: there are never more than
 * its rings have room for.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>
#include <xen/io/xenbus.h>

#include "aio.h"
#include "blk.h"
#include "blk_ring.h"
#include "blk_table.h"
#include "phvd.h"

#define QUEUES_MAX	8
#define RING_ORDER_MAX	4

/* What one operation may be at most, when requests are chained. */
#define CHAIN_BYTES	1048576
#define CHAIN_PARTS	512

/* How often an operation is begun again that the kernel could not do just now */
#define AGAIN_MAX	16

/* Device numbers of xvda: those of 16 minors each, and those beyond. */
#define XVD_MAJOR	202
#define XVD_EXTENDED	0x10000000
#define NAMES		26

struct disk;

/**
 * struct queue - a ring of a disk's
 * @channel: its event channel
 * @ring: the ring
 * @disk: the disk
 * @held: requests wait in it for the end of a barrier
 */
struct queue {
	struct backend_channel channel;
	struct blk_ring ring;
	struct disk *disk;
	bool held;
};

/**
 * struct request - something to be done
 * @aio: the operation
 * @queue: where it is to be answered
 * @parent: what it is a part of, or NULL
 * @parts: how many parts of it are not done
 * @id: the guest's number for it
 * @op: BLKIF_OP_*
 * @status: BLKIF_RSP_*
 * @step: of a barrier: what is under way; else how often it was begun again
 * @fd: the file
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
struct request {
	struct aio aio;
	struct queue *queue;
	struct request *parent;
	unsigned int parts;
	__u64 id;
	__u8 op;
	__s16 status;
	unsigned int step;
	int fd;
	__u64 offset;
	__u64 bytes;
	struct request *next;
	struct request *chained;
	__u64 chain_bytes;
	unsigned int chain_parts;
	struct iovec *chain;
	struct iovec *memory;
	unsigned int count;
	struct iovec iov[];
};

/**
 * struct disk - a disk
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
struct disk {
	struct backend_device device;
	struct blk_table table;
	unsigned int letter;
	unsigned int physical;
	struct queue queue[QUEUES_MAX];
	unsigned int queues;
	unsigned int under_way;
	struct request *barrier;
	struct request *first, *last;
	bool stopping;
	__u64 requests;
	__u64 operations;
	__u64 signals;
};

static const struct backend_ops blk_ops;

/* In the event loop: queues that are held. */
static sd_event_source *work;

static struct disk *disk_of(struct backend_device *device)
{
	return (struct disk *)device;
}

static void begin(struct request *request);
static void step_barrier(struct disk *disk);

/* Answers a request and forgets it. */
static void answer(struct request *request)
{
	struct disk *disk = request->queue->disk;

	if (!disk->device.failed)
		blk_ring_answer(&request->queue->ring, request->id, request->op,
				request->status);
	if (disk->barrier == request)
		disk->barrier = NULL;
	disk->under_way--;
	free(request);
}

static __s16 status_of(int result)
{
	return result == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

/* A request, or a part of one, is done. */
static void finish(struct request *request)
{
	struct request *parent = request->parent;

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
		finish(parent);
}

static void fail(struct request *request, int result)
{
	request->status = status_of(result);
	finish(request);
}

/* Those that were done with this one are done, or are to be done alone. */
static void unchain(struct request *request, bool done)
{
	struct request *next = request->chained ? request->next : NULL;
	struct request *last = request->chained;

	free(request->chain);
	request->chain = NULL;
	request->chained = NULL;
	request->next = NULL;
	while (next) {
		struct request *other = next;

		next = other == last ? NULL : other->next;
		other->next = NULL;
		if (done)
			finish(other);
		else
			begin(other);
	}
	if (done)
		finish(request);
	else
		begin(request);
}

/* So much was done of a request: the rest is to follow. */
static void advance(struct request *request, unsigned int bytes)
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
	struct request *request = (struct request *)aio;
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

/* The memory of all that is done at once, in a row; false without memory for that. */
static bool gather(struct request *request)
{
	struct iovec *to = malloc(request->chain_parts * sizeof(*to));
	struct request *part = request;

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
static void begin(struct request *request)
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

/* Begins the batch. */
static void begin_all(struct disk *disk)
{
	struct request *request = disk->first, *next;

	disk->first = NULL;
	disk->last = NULL;
	for (; request; request = next) {
		struct request *end = request->chained ?: request;

		next = end->next;
		end->next = NULL;
		begin(request);
	}
}

/* Is it to be done with the last one of the batch, as it follows on it? */
static bool chain(struct request *leader, struct request *request)
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

/* Puts an operation into the batch. */
static void add(struct disk *disk, struct request *request)
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

/* Makes a part of a request; NULL without memory. */
static struct request *new_part(struct request *parent, __u8 op, int fd)
{
	struct request *part = calloc(1, sizeof(*part) + parent->count * sizeof(*part->iov));

	if (!part) {
		parent->status = BLKIF_RSP_ERROR;
		return NULL;
	}
	part->queue = parent->queue;
	part->parent = parent;
	part->op = op;
	part->fd = fd;
	part->memory = part->iov;
	parent->parts++;
	return part;
}

/* Moves the first @bytes of @from's memory to @to, which has none. */
static void move_memory(struct request *to, struct request *from, __u64 bytes)
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
static void split(struct disk *disk, struct request *request, __u8 op, __u64 sector,
		  __u64 sectors)
{
	/* Until all are there, so that none is the last one. */
	request->parts = 1;
	while (sectors) {
		const struct blk_extent *extent = blk_table_find(&disk->table, sector);
		__u64 some = extent->first + extent->sectors - sector;
		struct request *part = new_part(request, op, extent->fd);

		if (!part)
			break;
		if (some > sectors)
			some = sectors;
		part->offset = extent->offset + (sector - extent->first) * BLK_SECTOR;
		part->bytes = some * BLK_SECTOR;
		move_memory(part, request, part->bytes);
		add(disk, part);
		sector += some;
		sectors -= some;
	}
	if (!--request->parts)
		finish(request);
}

/* Flushes all files of a disk. */
static void flush(struct disk *disk, struct request *request)
{
	struct request *part;
	unsigned int i;

	request->parts = 1;
	for (i = 0; i < disk->table.count; i++) {
		if (disk->table.extent[i].read_only)
			continue;
		part = new_part(request, BLKIF_OP_FLUSH_DISKCACHE, disk->table.extent[i].fd);
		if (!part)
			break;
		add(disk, part);
	}
	if (!--request->parts)
		finish(request);
}

/*
 * A barrier: when all that came before it is done, what was written is flushed, its own
 * data are written, and flushed. Nothing else is taken meanwhile.
 */
static void step_barrier(struct disk *disk)
{
	struct request *request = disk->barrier;

	if (request->status)
		request->step = 3;
	switch (request->step++) {
	case 0:
	case 2:
		flush(disk, request);
		break;
	case 1:
		split(disk, request, BLKIF_OP_WRITE, request->offset / BLK_SECTOR,
		      request->bytes / BLK_SECTOR);
		break;
	default:
		answer(request);
	}
}

/* May the disk do it? 0 or a negative errno. */
static int check(const struct disk *disk, const struct blk_command *command)
{
	__u64 sector = command->sector, left = command->sectors;

	if (command->op == BLKIF_OP_FLUSH_DISKCACHE)
		return 0;
	if (command->op != BLKIF_OP_READ && command->op != BLKIF_OP_WRITE &&
	    command->op != BLKIF_OP_WRITE_BARRIER && command->op != BLKIF_OP_DISCARD)
		return -EOPNOTSUPP;
	if (command->op == BLKIF_OP_DISCARD && command->secure)
		return -EOPNOTSUPP;
	if (sector > disk->table.sectors || left > disk->table.sectors - sector)
		return -ENXIO;
	while (left && command->op != BLKIF_OP_READ) {
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

static struct request *new_request(struct queue *queue, const struct blk_command *command)
{
	size_t memory = command->count * sizeof(struct iovec);
	struct request *request = malloc(sizeof(*request) + memory);

	if (!request)
		return NULL;
	*request = (struct request){
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
static void start(struct queue *queue, const struct blk_command *command)
{
	struct request *request = new_request(queue, command);
	struct disk *disk = queue->disk;
	const struct blk_extent *extent;
	int err = request ? check(disk, command) : -ENOMEM;

	if (!request) {
		blk_ring_answer(&queue->ring, command->id, command->op, BLKIF_RSP_ERROR);
		return;
	}
	if (err) {
		fail(request, err);
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
		finish(request);
		return;
	}
	extent = blk_table_find(&disk->table, command->sector);
	if (command->sector + command->sectors > extent->first + extent->sectors) {
		split(disk, request, command->op, command->sector, command->sectors);
		return;
	}
	request->fd = extent->fd;
	request->offset = extent->offset + (command->sector - extent->first) * BLK_SECTOR;
	add(disk, request);
}

/*
 * Takes what waits in a ring, but not without end: what is new by then is signalled, or
 * comes with the next look.
 */
static void take(struct queue *queue)
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
static void show(struct queue *queue)
{
	if (!blk_ring_show(&queue->ring))
		return;
	queue->disk->signals++;
	backend_notify(&queue->channel);
}

/* Requests wait, and it is somebody else's turn: they are served from the event loop. */
static void hold(struct queue *queue)
{
	queue->held = true;
	sd_event_source_set_enabled(work, SD_EVENT_ONESHOT);
}

/* Takes requests, and what comes meanwhile, but not without end. */
static void serve(struct queue *queue)
{
	struct disk *disk = queue->disk;
	unsigned int rounds;

	for (rounds = 0; rounds < 2; rounds++) {
		if (disk->stopping || disk->device.failed)
			return;
		take(queue);
		begin_all(disk);
		if (disk->device.failed || queue->held || !blk_ring_ask(&queue->ring))
			return;
	}
	hold(queue);
}

static void on_kick(struct backend_channel *channel)
{
	serve((struct queue *)channel);
	aio_submit();
}

/* A barrier begins when it is the only one. */
static void begin_barrier(struct disk *disk)
{
	if (!disk->barrier || disk->under_way > 1 || disk->barrier->step)
		return;
	step_barrier(disk);
	begin_all(disk);
}

/* What was done has been told: the guest hears of it, and those that waited go on. */
static void settle(struct disk *disk)
{
	unsigned int i;

	begin_barrier(disk);
	if (disk->stopping || disk->device.failed) {
		if (!disk->under_way && disk->device.connected)
			backend_stopped(&disk->device);
		return;
	}
	for (i = 0; i < disk->queues; i++) {
		show(&disk->queue[i]);
		if (disk->queue[i].held && !disk->barrier)
			hold(&disk->queue[i]);
	}
}

static void on_idle(void *data)
{
	const struct backend *backend = data;
	struct backend_device *device;

	for (device = backend->devices; device; device = device->next)
		if (device->ops == &blk_ops)
			settle(disk_of(device));
}

/* Queues that were held. */
static int on_work(sd_event_source *source, void *data)
{
	const struct backend *backend = data;
	struct backend_device *device;
	unsigned int i;

	(void)source;
	for (device = backend->devices; device; device = device->next) {
		struct disk *disk = disk_of(device);

		for (i = 0; device->ops == &blk_ops && i < disk->queues; i++)
			if (disk->queue[i].held)
				serve(&disk->queue[i]);
	}
	aio_submit();
	return 0;
}

/* The device's side of xenstore. */

static void write_size(struct disk *disk)
{
	backend_write(&disk->device, "sectors", "%llu",
		      (unsigned long long)disk->table.sectors);
}

static int fill(struct backend_device *device)
{
	struct disk *disk = disk_of(device);
	int err;

	err = backend_write_front(device, "virtual-device", "%u", device->handle);
	err = err ?: backend_write_front(device, "device-type", "disk");
	err = err ?: backend_write(device, "dev", "xvd%c", 'a' + disk->letter);
	err = err ?: backend_write(device, "mode", disk->table.read_only ? "r" : "w");
	err = err ?: backend_write(device, "feature-flush-cache", "1");
	err = err ?: backend_write(device, "feature-barrier", "1");
	err = err ?: backend_write(device, "feature-max-indirect-segments", "%u",
				   BLK_MAX_SEGMENTS);
	err = err ?: backend_write(device, "multi-queue-max-queues", "%u", QUEUES_MAX);
	err = err ?: backend_write(device, "max-ring-page-order", "%u", RING_ORDER_MAX);
	if (err || disk->table.read_only)
		return err;
	err = backend_write(device, "feature-discard", "1");
	err = err ?: backend_write(device, "discard-granularity", "%u", disk->physical);
	err = err ?: backend_write(device, "discard-alignment", "0");
	return err ?: backend_write(device, "discard-secure", "0");
}

/* A number that the frontend may leave out. */
static int read_optional(struct backend_device *device, const char *name, __u32 max,
			 __u32 fallback, __u32 *number)
{
	int err = backend_read_number(device, name, max, number);

	if (err != -ENOENT)
		return err ? backend_fail(device, err, "%s: %s", name, strerror(-err)) : 0;
	*number = fallback;
	return 0;
}

static int read_abi(struct backend_device *device, enum blk_abi *abi)
{
	char text[32];
	int err = backend_read(device, "protocol", text, sizeof(text));

	if (err == -ENOENT || (!err && !strcmp(text, "x86_64-abi")))
		*abi = BLK_X86_64;
	else if (!err && !strcmp(text, "x86_32-abi"))
		*abi = BLK_X86_32;
	else
		return backend_fail(device, -EINVAL, "protocol: unknown");
	return 0;
}

static int connect_queue(struct disk *disk, unsigned int number, unsigned int queues,
			 unsigned int pages, enum blk_abi abi)
{
	struct backend_device *device = &disk->device;
	struct queue *queue = &disk->queue[number];
	char prefix[24] = "", node[48];
	int err;

	if (queues > 1)
		snprintf(prefix, sizeof(prefix), "queue-%u/", number);
	queue->disk = disk;
	queue->held = false;
	disk->queues = number + 1;
	snprintf(node, sizeof(node), "%sring-ref", prefix);
	err = backend_open_ring(device, &queue->ring.pages, node, pages);
	if (err)
		return err;
	blk_ring_begin(&queue->ring, abi);
	snprintf(node, sizeof(node), "%sevent-channel", prefix);
	return backend_open_channel(device, &queue->channel, node, on_kick);
}

static int connect(struct backend_device *device)
{
	struct disk *disk = disk_of(device);
	__u32 queues, order, pages = 1;
	enum blk_abi abi = BLK_X86_64;
	unsigned int i;
	int err;

	err = read_abi(device, &abi);
	err = err ?: read_optional(device, "multi-queue-num-queues", QUEUES_MAX, 1, &queues);
	err = err ?: read_optional(device, "ring-page-order", RING_ORDER_MAX, ~0U, &order);
	if (!err && !queues)
		err = backend_fail(device, -EINVAL, "no queues");
	/* With an order, even of 0, the pages have numbers. */
	if (!err && order <= RING_ORDER_MAX)
		pages = order ? 1U << order : 0;
	for (i = 0; !err && i < queues; i++)
		err = connect_queue(disk, i, queues, pages, abi);
	if (err)
		return err;
	write_size(disk);
	backend_write(device, "info", "%u", disk->table.read_only ? VDISK_READONLY : 0);
	backend_write(device, "sector-size", "%u", disk->table.sector_size);
	return backend_write(device, "physical-sector-size", "%u", disk->physical);
}

static bool stop(struct backend_device *device, bool wait)
{
	struct disk *disk = disk_of(device);
	unsigned int i;

	disk->stopping = true;
	begin_barrier(disk);
	aio_submit();
	while (wait && disk->under_way)
		aio_wait();
	if (disk->under_way)
		return false;
	for (i = 0; i < disk->queues; i++) {
		struct queue *queue = &disk->queue[i];

		if (queue->channel.source && !device->failed)
			show(queue);
		backend_close_channel(&queue->channel);
		backend_close_ring(device, &queue->ring.pages);
	}
	disk->queues = 0;
	disk->stopping = false;
	return true;
}

static void free_disk(struct backend_device *device)
{
	struct disk *disk = disk_of(device);

	blk_table_close(&disk->table);
	free(disk);
}

static const struct backend_ops blk_ops = {
	.type = "vbd", .fill = fill, .connect = connect, .stop = stop, .free = free_disk,
};

/* What the parent asks. */

static unsigned int handle_of(unsigned int letter)
{
	return letter < 16 ? XVD_MAJOR << 8 | letter << 4 : XVD_EXTENDED | letter << 8;
}

/* Reads a name, or finds one that is free; false if there is none. */
static bool take_name(const struct backend *backend, struct json_object *json,
		      unsigned int *letter)
{
	const char *name;

	if (json_object_object_get_ex(json, "name", NULL)) {
		if (!json_get_text(json, "name", &name) || strncmp(name, "xvd", 3) ||
		    name[3] < 'a' || name[3] >= 'a' + NAMES || name[4])
			return false;
		*letter = (unsigned int)(name[3] - 'a');
		return true;
	}
	for (*letter = 0; *letter < NAMES; (*letter)++)
		if (!backend_find((struct backend *)backend, blk_ops.type, handle_of(*letter)))
			return true;
	return false;
}

/* Sectors are of a power of two bytes, from 512 to a page. */
static bool take_sector_size(struct json_object *json, const char *key, unsigned int *size)
{
	long long number;

	if (!json_object_object_get_ex(json, key, NULL))
		return true;
	if (!json_get_number(json, key, BLK_SECTOR, GUEST_PAGE_SIZE, &number) ||
	    number & (number - 1))
		return false;
	*size = (unsigned int)number;
	return true;
}

static const char *take_disk(struct disk *disk, const struct backend *backend,
			     struct json_object *json, struct proto_message *message)
{
	struct json_object *extents = NULL;
	const char *why = NULL;
	bool read_only = false;
	unsigned int i;

	disk->device.ops = &blk_ops;
	disk->table.sector_size = BLK_SECTOR;
	disk->physical = GUEST_PAGE_SIZE;
	if (!take_name(backend, json, &disk->letter))
		return "name: xvda to xvdz, and one that is free";
	disk->device.handle = handle_of(disk->letter);
	if (!take_sector_size(json, "sector-size", &disk->table.sector_size) ||
	    !take_sector_size(json, "physical-sector-size", &disk->physical))
		return "a sector has 512, 1024, 2048 or 4096 bytes";
	if (disk->physical < disk->table.sector_size)
		return "physical sectors that are smaller than sectors";
	json_object_object_get_ex(json, "extents", &extents);
	if (blk_table_from_json(&disk->table, extents, message, &why))
		return why;
	json_get_flag(json, "read-only", &read_only);
	for (i = 0; i < disk->table.count; i++)
		disk->table.extent[i].read_only |= read_only;
	disk->table.read_only |= read_only;
	return NULL;
}

static int init(struct backend *backend)
{
	int err;

	if (work)
		return 0;
	err = aio_start(backend->event, on_idle, backend);
	if (err)
		return err;
	err = sd_event_add_defer(backend->event, &work, on_work, backend);
	if (err >= 0)
		err = sd_event_source_set_enabled(work, SD_EVENT_OFF);
	return err < 0 ? err : 0;
}

/**
 * blk_attach - attach a disk
 * @backend: the domain's devices
 * @message: its member "disk" is an object: "name", "sector-size",
 *	"physical-sector-size", "read-only", which may be missing, and "extents", as
 *	blk_table_from_json() has it
 *
 * Return: the answer
 */
struct json_object *blk_attach(struct backend *backend, struct proto_message *message)
{
	struct json_object *json = NULL, *answer_json;
	struct disk *disk;
	const char *why;
	char name[8];
	int err;

	if (!json_object_object_get_ex(message->json, "disk", &json) ||
	    !json_object_is_type(json, json_type_object))
		return proto_error(PROTO_USAGE, -EINVAL, "disk: which one?");
	err = init(backend);
	if (err)
		return proto_error(PROTO_UNSUPPORTED, err, "disk: the host has no io_uring");
	disk = calloc(1, sizeof(*disk));
	if (!disk)
		return proto_error(PROTO_FAILED, -ENOMEM, "disk");
	why = take_disk(disk, backend, json, message);
	if (why) {
		free_disk(&disk->device);
		return proto_error(PROTO_FAILED, 0, "disk: %s", why);
	}
	snprintf(name, sizeof(name), "xvd%c", 'a' + disk->letter);
	err = backend_add(backend, &disk->device);
	if (err) {
		free_disk(&disk->device);
		return proto_error(PROTO_FAILED, err, "disk: %s", name);
	}
	answer_json = proto_ok();
	json_object_object_add(answer_json, "name", json_object_new_string(name));
	return answer_json;
}

/* The disk that a request names, or NULL, and then an answer. */
static struct disk *find(struct backend *backend, struct proto_message *message,
			 struct json_object **refusal)
{
	struct backend_device *device = NULL;
	unsigned int letter;

	if (json_object_object_get_ex(message->json, "name", NULL) &&
	    take_name(backend, message->json, &letter))
		device = backend_find(backend, blk_ops.type, handle_of(letter));
	if (!device)
		*refusal = proto_error(PROTO_FAILED, -ENOENT, "disk: there is none of this name");
	return device ? disk_of(device) : NULL;
}

/**
 * blk_detach - detach a disk: the guest is asked, and when it agrees, the disk goes
 * @backend: the domain's devices
 * @message: "name", and "force": do not ask
 *
 * Return: the answer, which does not wait for the guest
 */
struct json_object *blk_detach(struct backend *backend, struct proto_message *message)
{
	struct json_object *refusal;
	struct disk *disk = find(backend, message, &refusal);
	bool force = false;

	if (!disk)
		return refusal;
	json_get_flag(message->json, "force", &force);
	backend_remove(&disk->device, force);
	return proto_ok();
}

/**
 * blk_resize - a disk's file has changed its size, or the disk is to
 * @backend: the domain's devices
 * @message: "name"; and "size": bytes of the disk, if not those of the file
 *
 * Return: the answer
 */
struct json_object *blk_resize(struct backend *backend, struct proto_message *message)
{
	struct json_object *refusal;
	struct disk *disk = find(backend, message, &refusal);
	struct blk_extent *last;
	struct blk_table new;
	const char *why;
	long long size;

	if (!disk)
		return refusal;
	new = disk->table;
	last = &new.extent[new.count - 1];
	last->size = 0;
	if (json_object_object_get_ex(message->json, "size", NULL)) {
		if (!json_get_number(message->json, "size", 1, INT64_MAX, &size) ||
		    (__u64)size <= last->first * BLK_SECTOR)
			return proto_error(PROTO_FAILED, -EINVAL, "disk: size");
		last->size = (__u64)size - last->first * BLK_SECTOR;
	}
	if (blk_table_measure(&new, &why))
		return proto_error(PROTO_FAILED, 0, "disk: %s", why);
	new.read_only = disk->table.read_only;
	disk->table = new;
	write_size(disk);
	backend_changed(&disk->device);
	return proto_ok();
}

static void add_number(struct json_object *json, const char *key, __u64 number)
{
	json_object_object_add(json, key, json_object_new_int64((int64_t)number));
}

/**
 * blk_describe - all disks
 * @backend: the domain's devices
 *
 * Return: an array
 */
struct json_object *blk_describe(const struct backend *backend)
{
	struct json_object *list = json_object_new_array(), *json;
	const struct backend_device *device;
	const struct disk *disk;
	char name[8];

	for (device = backend->devices; device; device = device->next) {
		if (device->ops != &blk_ops)
			continue;
		disk = (const struct disk *)device;
		json = json_object_new_object();
		snprintf(name, sizeof(name), "xvd%c", 'a' + disk->letter);
		json_object_object_add(json, "name", json_object_new_string(name));
		json_object_object_add(json, "state",
				       json_object_new_string(backend_state(device)));
		json_object_object_add(json, "read-only",
				       json_object_new_boolean(disk->table.read_only));
		add_number(json, "size", disk->table.sectors * BLK_SECTOR);
		add_number(json, "queues", disk->queues);
		add_number(json, "requests", disk->requests);
		add_number(json, "operations", disk->operations);
		add_number(json, "signals", disk->signals);
		json_object_array_add(list, json);
	}
	return list;
}
