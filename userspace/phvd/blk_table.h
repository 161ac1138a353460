/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blk_table - where a virtual disk's sectors are.
 *
 * A disk is a table: from a sector on, so many are in that file, from that offset on,
 * and may be written or not. What a request of the guest's leads to is looked up here
 * and nowhere else. Used by blk.c.
 */
#ifndef _BLK_TABLE_H
#define _BLK_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "proto.h"

#define BLK_EXTENTS_MAX	PROTO_FDS_MAX

/**
 * struct blk_extent - a stretch of a disk
 * @first: its first sector
 * @sectors: how many
 * @fd: the file
 * @offset: where it begins there, bytes
 * @size: bytes that it is to have; 0: what the file has
 * @read_only: it may not be written
 * @in_memory: the file is nowhere else: who reads or writes it need not wait
 */
struct blk_extent {
	__u64 first;
	__u64 sectors;
	int fd;
	__u64 offset;
	__u64 size;
	bool read_only;
	bool in_memory;
};

/**
 * struct blk_table - a disk
 * @extent: by rising sector, without gaps
 * @count: how many
 * @sectors: of all
 * @sector_size: bytes that the guest takes as one sector; elsewhere it is always 512
 * @read_only: none of it may be written
 */
struct blk_table {
	struct blk_extent extent[BLK_EXTENTS_MAX];
	unsigned int count;
	__u64 sectors;
	unsigned int sector_size;
	bool read_only;
};

int blk_table_from_json(struct blk_table *table, struct json_object *extents,
			struct proto_message *message, const char **why);
int blk_table_measure(struct blk_table *table, const char **why);
void blk_table_close(struct blk_table *table);
const struct blk_extent *blk_table_find(const struct blk_table *table, __u64 sector);

#endif /* _BLK_TABLE_H */
