/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's grants to its backends: from a reference to memory in this process.
 *
 * Nothing is mapped for that, all of the guest's memory is here already: a grant is looked up in
 * the table, which is shared with the guest, and checked. What the guest writes there
 * meanwhile does it no good: an entry is read once, and nothing is reached but the
 * guest's own memory, and that for reading only where it says so.
 *
 * A grant that is in use for longer than the guest waits for, a ring for example, is
 * to be marked so, as guests look at that before they use its page for something else.
 * One user at a time marks a grant.
 */
#ifndef _GRANT_H
#define _GRANT_H

#include <stdbool.h>
#include <linux/types.h>

struct guest_memory;

/**
 * struct grant_table - a grant table, as a backend sees it
 * @frames: its first frame in this process: the second of phv_xen_setup.frames_addr
 * @max_frames: phv_xen_setup.grant_frames; the frames of status come after them
 * @version: 1 or 2, see grant_table_update()
 * @memory: the guest's
 */
struct grant_table {
	void *frames;
	unsigned int max_frames;
	unsigned int version;
	const struct guest_memory *memory;
};

/**
 * struct grant_page - memory that was granted
 * @data: the first byte of it in this process
 * @offset: where that is in the guest's page: 0, but for grants of a part
 * @length: bytes
 * @gfn: the guest frame
 */
struct grant_page {
	void *data;
	unsigned int offset;
	unsigned int length;
	__u64 gfn;
};

/**
 * grant_table_update - find out which version the guest's table has
 * @table: the table
 * @domain: descriptor of the domain
 *
 * To be called when a guest connects: it does not change the version with grants in use.
 *
 * Return: 0 or a negative errno
 */
int grant_table_update(struct grant_table *table, int domain);

/**
 * grant_find - look a grant to domain 0 up
 * @table: the table
 * @ref: the reference, from wherever
 * @write: it will be written
 * @page: set to what was granted
 *
 * Any thread. The memory may be what the guest has given back to the host: it reads as
 * zeroes then.
 *
 * Return: 0; -EINVAL for a reference that there is not; -EACCES when it is no grant of
 * access to domain 0, or not for writing; -EFAULT when there is no such memory
 */
int grant_find(const struct grant_table *table, __u32 ref, bool write, struct grant_page *page);

/**
 * grant_get - look a grant up, and mark it as in use
 *
 * Otherwise as grant_find(); -EAGAIN when the guest changes it over and over.
 */
int grant_get(const struct grant_table *table, __u32 ref, bool write, struct grant_page *page);

/* It is not in use any more. */
void grant_put(const struct grant_table *table, __u32 ref);

#endif /* _GRANT_H */
