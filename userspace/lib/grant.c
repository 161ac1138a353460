// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grant table's two layouts. The interface is grant.h; what entries mean, Xen's
 * <xen/grant_table.h> says.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <phv.h>

/* From this version on the headers have version 2 of the table. */
#ifndef __XEN_INTERFACE_VERSION__
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#endif
#include <xen/xen.h>
#include <xen/grant_table.h>

#include "compiler.h"
#include "grant.h"
#include "guest_memory.h"

#define BACKEND_DOMID	0

#define ENTRIES_V1	(GUEST_PAGE_SIZE / sizeof(grant_entry_v1_t))
#define ENTRIES_V2	(GUEST_PAGE_SIZE / sizeof(grant_entry_v2_t))

#define IN_USE		(GTF_reading | GTF_writing)

/* How often a guest may change an entry while it is marked. */
#define MARK_TRIES	8

static_assert(sizeof(grant_entry_v1_t) == 8 && sizeof(grant_entry_v2_t) == 16,
	      "entries are of Xen's size");

/* Flags, and to whom it is: read and changed as one. */
union header {
	grant_entry_header_t entry;
	__u32 raw;
};

int grant_table_update(struct grant_table *table, int domain)
{
	struct phv_xen_grants grants;

	if (ioctl(domain, PHV_XEN_GET_GRANTS, &grants))
		return -errno;
	table->version = grants.version;
	return 0;
}

/* References are below entries(). */
static unsigned int entries(const struct grant_table *table)
{
	return table->max_frames * (table->version == 2 ? ENTRIES_V2 : ENTRIES_V1);
}

static __u32 *header_of(const struct grant_table *table, __u32 ref)
{
	if (table->version == 2)
		return (__u32 *)((grant_entry_v2_t *)table->frames + ref);
	return (__u32 *)((grant_entry_v1_t *)table->frames + ref);
}

/* Where a grant of version 2 is marked; @ref counts through all frames of status. */
static __u16 *status_of(const struct grant_table *table, __u32 ref)
{
	char *status = (char *)table->frames + table->max_frames * GUEST_PAGE_SIZE;

	return (__u16 *)status + ref;
}

static int check(union header header, bool write)
{
	if ((header.entry.flags & GTF_type_mask) != GTF_permit_access ||
	    header.entry.domid != BACKEND_DOMID)
		return -EACCES;
	return write && header.entry.flags & GTF_readonly ? -EACCES : 0;
}

/* The rest of an entry of version 2. */
static void read_v2(const grant_entry_v2_t *entry, union header header, struct grant_page *page)
{
	if (!(header.entry.flags & GTF_sub_page)) {
		page->gfn = __atomic_load_n(&entry->full_page.frame, __ATOMIC_RELAXED);
		return;
	}
	page->gfn = __atomic_load_n(&entry->sub_page.frame, __ATOMIC_RELAXED);
	page->offset = __atomic_load_n(&entry->sub_page.page_off, __ATOMIC_RELAXED);
	page->length = __atomic_load_n(&entry->sub_page.length, __ATOMIC_RELAXED);
}

static int find_memory(const struct grant_table *table, __u32 ref, union header header,
		       struct grant_page *page)
{
	char *data;

	page->offset = 0;
	page->length = GUEST_PAGE_SIZE;
	if (table->version == 2)
		read_v2((grant_entry_v2_t *)table->frames + ref, header, page);
	else
		page->gfn = __atomic_load_n(&((grant_entry_v1_t *)table->frames)[ref].frame,
					    __ATOMIC_RELAXED);

	if (!page->length || page->offset + page->length > GUEST_PAGE_SIZE ||
	    page->gfn > UINT64_MAX / GUEST_PAGE_SIZE)
		return -EFAULT;
	data = guest_memory_at(table->memory, page->gfn * GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
	if (!data)
		return -EFAULT;
	page->data = data + page->offset;
	return 0;
}

int grant_find(const struct grant_table *table, __u32 ref, bool write, struct grant_page *page)
{
	union header header;
	int ret;

	if (ref >= entries(table))
		return -EINVAL;
	header.raw = __atomic_load_n(header_of(table, ref), __ATOMIC_ACQUIRE);
	ret = check(header, write);
	return ret ? ret : find_memory(table, ref, header, page);
}

/* In version 1 the marks are flags of the entry: they are set as it is checked. */
static int mark_v1(const struct grant_table *table, __u32 ref, bool write, union header *header)
{
	__u32 *word = header_of(table, ref);
	unsigned int tries;
	union header new;
	int ret;

	header->raw = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	for (tries = 0; tries < MARK_TRIES; tries++) {
		ret = check(*header, write);
		if (ret)
			return ret;
		new = *header;
		new.entry.flags |= write ? IN_USE : GTF_reading;
		if (__atomic_compare_exchange_n(word, &header->raw, new.raw, false,
						__ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
			return 0;
	}
	return -EAGAIN;
}

/* In version 2 they are apart: the entry must be as it was when they are set. */
static int mark_v2(const struct grant_table *table, __u32 ref, bool write, union header *header)
{
	__u32 *word = header_of(table, ref);
	unsigned int tries;
	int ret;

	for (tries = 0; tries < MARK_TRIES; tries++) {
		header->raw = __atomic_load_n(word, __ATOMIC_ACQUIRE);
		ret = check(*header, write);
		if (ret)
			return ret;
		__atomic_fetch_or(status_of(table, ref), write ? IN_USE : GTF_reading,
				  __ATOMIC_SEQ_CST);
		if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == header->raw)
			return 0;
		grant_put(table, ref);
	}
	return -EAGAIN;
}

int grant_get(const struct grant_table *table, __u32 ref, bool write, struct grant_page *page)
{
	union header header;
	int ret;

	if (ref >= entries(table))
		return -EINVAL;
	if (table->version == 2)
		ret = mark_v2(table, ref, write, &header);
	else
		ret = mark_v1(table, ref, write, &header);
	if (ret)
		return ret;
	ret = find_memory(table, ref, header, page);
	if (ret)
		grant_put(table, ref);
	return ret;
}

void grant_put(const struct grant_table *table, __u32 ref)
{
	__u16 *marks;

	if (ref >= entries(table))
		return;
	if (table->version == 2)
		marks = status_of(table, ref);
	else
		marks = &((grant_entry_v1_t *)table->frames)[ref].flags;
	__atomic_fetch_and(marks, (__u16)~IN_USE, __ATOMIC_SEQ_CST);
}
