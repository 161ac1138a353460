// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a virtual disk's sectors are; see blk_table.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "blk_ring.h"
#include "blk_table.h"
#include "phvd.h"

/* What a file may be large, so that nothing overflows. */
#define SIZE_MAX_BYTES	(INT64_MAX / 2)

static int refuse(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

/* The kernel would have a thread of its own wait for what is there already. */
static bool is_in_memory(int fd)
{
	struct statfs status;

	return !fstatfs(fd, &status) && status.f_type == TMPFS_MAGIC &&
	       !(fcntl(fd, F_GETFL) & O_DIRECT);
}

/* An extent's descriptor is one that came with the request: nothing else is taken. */
static int take_extent(struct blk_table *table, struct json_object *json,
		       struct proto_message *message, const char **why)
{
	struct blk_extent *extent = &table->extent[table->count];
	long long fd, offset = 0, size = 0;
	struct stat status;

	if (!json_object_is_type(json, json_type_object) ||
	    !json_get_number(json, "fd", 0, PROTO_FDS_MAX - 1, &fd))
		return refuse(why, "an extent without a file");
	if (json_object_object_get_ex(json, "offset", NULL) &&
	    !json_get_number(json, "offset", 0, SIZE_MAX_BYTES, &offset))
		return refuse(why, "an offset that is none");
	if (json_object_object_get_ex(json, "size", NULL) &&
	    !json_get_number(json, "size", 1, SIZE_MAX_BYTES, &size))
		return refuse(why, "a size that is none");
	*extent = (struct blk_extent){ .fd = -1, .offset = offset, .size = size };
	json_get_flag(json, "read-only", &extent->read_only);
	if (extent->offset % BLK_SECTOR)
		return refuse(why, "an offset that is not a multiple of 512");
	extent->fd = proto_message_fd(message, (unsigned int)fd);
	if (extent->fd < 0)
		return refuse(why, "an extent without a file");
	/* What another user serves can't be looked at, but has a size if it is a file. */
	if (!fstat(extent->fd, &status) && !S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return refuse(why, "neither a file nor a block device");
	extent->in_memory = is_in_memory(extent->fd);
	switch (fcntl(extent->fd, F_GETFL) & O_ACCMODE) {
	case O_RDWR:
		break;
	case O_RDONLY:
		extent->read_only = true;
		break;
	default:
		return refuse(why, "a file that can't be read");
	}
	return 0;
}

/**
 * blk_table_from_json - make a disk
 * @table: filled; @sector_size is set
 * @extents: an array of objects: "fd", the number of a descriptor in @message;
 *	"offset" and "size" in bytes, and "read-only", which may be missing
 * @message: has the descriptors; those that are used are the table's then
 * @why: what is wrong, a text
 *
 * Return: 0, or -EINVAL; blk_table_close() is due in any case
 */
int blk_table_from_json(struct blk_table *table, struct json_object *extents,
			struct proto_message *message, const char **why)
{
	size_t i, count;
	int err;

	table->count = 0;
	if (!json_object_is_type(extents, json_type_array))
		return refuse(why, "no extents");
	count = json_object_array_length(extents);
	if (!count || count > BLK_EXTENTS_MAX)
		return refuse(why, "no extents, or too many");
	for (i = 0; i < count; i++) {
		err = take_extent(table, json_object_array_get_idx(extents, i), message, why);
		table->count += table->extent[table->count].fd >= 0;
		if (err)
			return err;
	}
	return blk_table_measure(table, why);
}

/**
 * blk_table_measure - find out how large the disk is
 * @table: the disk; unchanged if this fails
 * @why: what is wrong, a text
 *
 * Return: 0 or -EINVAL
 */
int blk_table_measure(struct blk_table *table, const char **why)
{
	struct blk_table new = *table;
	unsigned int i;

	new.sectors = 0;
	new.read_only = true;
	for (i = 0; i < new.count; i++) {
		struct blk_extent *extent = &new.extent[i];
		/* of a block device, too */
		off_t end = lseek(extent->fd, 0, SEEK_END);
		__u64 size, room;

		if (end < 0)
			return refuse(why, "a file that has no size");
		room = (__u64)end > extent->offset ? (__u64)end - extent->offset : 0;
		size = extent->size ?: room;
		if (!size || size > room)
			return refuse(why, "the file is smaller than the disk is to be");
		extent->first = new.sectors;
		extent->sectors = size / new.sector_size * (new.sector_size / BLK_SECTOR);
		new.sectors += extent->sectors;
		new.read_only &= extent->read_only;
		if (!extent->sectors || new.sectors > SIZE_MAX_BYTES / BLK_SECTOR)
			return refuse(why, "a size that no disk has");
	}
	*table = new;
	return 0;
}

/**
 * blk_table_close - close a disk's files
 * @table: the disk
 */
void blk_table_close(struct blk_table *table)
{
	while (table->count)
		close(table->extent[--table->count].fd);
}

/**
 * blk_table_find - where is a sector?
 * @table: the disk
 * @sector: one that it has
 *
 * Return: its extent
 */
const struct blk_extent *blk_table_find(const struct blk_table *table, __u64 sector)
{
	const struct blk_extent *extent = table->extent;

	while (sector >= extent->first + extent->sectors)
		extent++;
	return extent;
}
