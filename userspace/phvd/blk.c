// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block devices: their side of xenstore, of the event loop, and what the parent asks;
 * see blk.h. What becomes of requests is in blk_request.c.
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
#include "blk_request.h"
#include "phvd.h"

#define RING_ORDER_MAX	4

/* Device numbers of xvda: those of 16 minors each, and those beyond. */
#define XVD_MAJOR	202
#define XVD_EXTENDED	0x10000000
#define NAMES		26

static const struct backend_ops blk_ops;

/* In the event loop: queues that are held. */
static sd_event_source *work;

static struct blk_disk *disk_of(struct backend_device *device)
{
	return (struct blk_disk *)device;
}

/* Requests wait, and it is somebody else's turn: they are served from the event loop. */
static void hold(void)
{
	sd_event_source_set_enabled(work, SD_EVENT_ONESHOT);
}

static void on_kick(struct backend_channel *channel)
{
	if (blk_serve((struct blk_queue *)channel))
		hold();
	aio_submit();
}

static void on_idle(void *data)
{
	const struct backend *backend = data;
	struct backend_device *device;

	for (device = backend->devices; device; device = device->next)
		if (device->ops == &blk_ops && blk_settle(disk_of(device)))
			hold();
}

/* Queues that were held. */
static int on_work(sd_event_source *source, void *data)
{
	const struct backend *backend = data;
	struct backend_device *device;
	unsigned int i;

	(void)source;
	for (device = backend->devices; device; device = device->next) {
		struct blk_disk *disk = disk_of(device);

		for (i = 0; device->ops == &blk_ops && i < disk->queues; i++)
			if (disk->queue[i].held && blk_serve(&disk->queue[i]))
				hold();
	}
	aio_submit();
	return 0;
}

/* The device's side of xenstore. */

static void write_size(struct blk_disk *disk)
{
	backend_write(&disk->device, "sectors", "%llu",
		      (unsigned long long)disk->table.sectors);
}

static int fill(struct backend_device *device)
{
	struct blk_disk *disk = disk_of(device);
	int err;

	err = backend_write_front(device, "virtual-device", "%u", device->handle);
	err = err ?: backend_write_front(device, "device-type", "disk");
	err = err ?: backend_write(device, "dev", "xvd%c", 'a' + disk->letter);
	err = err ?: backend_write(device, "mode", disk->table.read_only ? "r" : "w");
	err = err ?: backend_write(device, "feature-flush-cache", "1");
	err = err ?: backend_write(device, "feature-barrier", "1");
	err = err ?: backend_write(device, "feature-max-indirect-segments", "%u",
				   BLK_MAX_SEGMENTS);
	err = err ?: backend_write(device, "multi-queue-max-queues", "%u", BLK_QUEUES_MAX);
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

static int connect_queue(struct blk_disk *disk, unsigned int number, unsigned int queues,
			 unsigned int pages, enum blk_abi abi)
{
	struct backend_device *device = &disk->device;
	struct blk_queue *queue = &disk->queue[number];
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
	struct blk_disk *disk = disk_of(device);
	__u32 queues, order, pages = 1;
	enum blk_abi abi = BLK_X86_64;
	unsigned int i;
	int err;

	err = read_abi(device, &abi);
	err = err ?: read_optional(device, "multi-queue-num-queues", BLK_QUEUES_MAX, 1, &queues);
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
	struct blk_disk *disk = disk_of(device);
	unsigned int i;

	if (!blk_drain(disk, wait))
		return false;
	for (i = 0; i < disk->queues; i++) {
		backend_close_channel(&disk->queue[i].channel);
		backend_close_ring(device, &disk->queue[i].ring.pages);
	}
	disk->queues = 0;
	disk->stopping = false;
	return true;
}

static void free_disk(struct backend_device *device)
{
	struct blk_disk *disk = disk_of(device);

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

static const char *take_disk(struct blk_disk *disk, const struct backend *backend,
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
	struct blk_disk *disk;
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
static struct blk_disk *find(struct backend *backend, struct proto_message *message,
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
	struct blk_disk *disk = find(backend, message, &refusal);
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
	struct blk_disk *disk = find(backend, message, &refusal);
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
	const struct blk_disk *disk;
	char name[8];

	for (device = backend->devices; device; device = device->next) {
		if (device->ops != &blk_ops)
			continue;
		disk = (const struct blk_disk *)device;
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
