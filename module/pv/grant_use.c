// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest does with grants to itself: copies and maps.
 *
 * What lives here: the operations of grant.c's lists that use memory by its grant, and what
 * it takes to use one: the check of its entry, the marks in it while it is in use, and memory at
 * a second frame.
 *
 * The module uses no other grants. Those to backends are used in the owner's process, and other
 * domains have no table that this guest could name: GNTST_bad_domain.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>

#include <phv.h>

#include "memory.h"
#include "pv/grant_internal.h"
#include "pv/memory_op.h"

/* Entries; grant.mutex held */

/**
 * struct grant - what a grant of the guest to itself gives
 * @gfn: guest frame
 * @start: first byte in it
 * @length: bytes
 * @whole: it is a whole page
 */
struct grant {
	u64 gfn;
	unsigned int start;
	unsigned int length;
	bool whole;
};

/* A grant's flags, and to whom it is: 32 bits that are read and changed as one. */
union header {
	struct grant_entry_header entry;
	u32 raw;
};

/* Is it an access that the guest may have, and grants itself? */
static int check_header(const struct phv_domain *domain, const struct grant_entry_header *entry,
			bool write)
{
	if ((entry->flags & GTF_type_mask) != GTF_permit_access ||
	    entry->domid != domain->id || (write && entry->flags & GTF_readonly))
		return GNTST_general_error;
	return GNTST_okay;
}

/* How often a guest may change an entry while it is looked at: once is no accident. */
#define HEADER_TRIES	5

static u16 use_bits(bool write)
{
	return write ? GTF_reading | GTF_writing : GTF_reading;
}

/* Version 1 has what is in use in the entry itself: flags are set as they are checked. */
static int use_v1(const struct phv_domain *domain, grant_ref_t ref, bool write,
		  struct grant *found)
{
	struct grant_entry_v1 *entry = entry_v1(domain->pv, ref);
	u32 *raw = (u32 *)entry;
	union header old, new;
	unsigned int tries;
	int ret;

	old.raw = READ_ONCE(*raw);
	for (tries = 0; tries < HEADER_TRIES; tries++) {
		ret = check_header(domain, &old.entry, write);
		if (ret)
			return ret;
		new = old;
		new.entry.flags |= use_bits(write);
		if (!try_cmpxchg(raw, &old.raw, new.raw))
			continue;
		found->gfn = READ_ONCE(entry->frame);
		found->start = 0;
		found->length = PAGE_SIZE;
		found->whole = true;
		return GNTST_okay;
	}
	return GNTST_general_error;
}

/* A 16-bit word that the guest and backends change, too. */
static void change_status(u16 *word, u16 set, u16 clear)
{
	u16 old = READ_ONCE(*word);

	while (!try_cmpxchg(word, &old, (old | set) & ~clear))
		;
}

/* Version 2 has them apart: they are set first, then the entry must still be as it was. */
static int use_v2(const struct phv_domain *domain, grant_ref_t ref, bool write,
		  struct grant *found)
{
	union grant_entry_v2 *entry = entry_v2(domain->pv, ref);
	grant_status_t *status = entry_status(domain->pv, ref);
	u32 *raw = (u32 *)entry;
	union header header;
	int ret;

	header.raw = READ_ONCE(*raw);
	ret = check_header(domain, &header.entry, write);
	if (ret)
		return ret;
	change_status(status, use_bits(write), 0);
	smp_mb();	/* The guest clears the header, and then looks at the status. */
	if (READ_ONCE(*raw) != header.raw) {
		change_status(status, 0, STATUS_BITS);
		return GNTST_general_error;
	}

	found->whole = !(header.entry.flags & GTF_sub_page);
	found->start = 0;
	found->length = PAGE_SIZE;
	if (found->whole) {
		found->gfn = READ_ONCE(entry->full_page.frame);
	} else {
		found->gfn = READ_ONCE(entry->sub_page.frame);
		found->start = READ_ONCE(entry->sub_page.page_off);
		found->length = READ_ONCE(entry->sub_page.length);
	}
	return GNTST_okay;
}

/* Begin to use a grant. */
static int use_grant(const struct phv_domain *domain, grant_ref_t ref, bool write,
		     struct grant *found)
{
	const struct grant_domain *grant = domain->pv->grant;

	if (ref >= entry_count(grant))
		return GNTST_bad_gntref;
	ref = array_index_nospec(ref, entry_count(grant));
	if (grant->version == 1)
		return use_v1(domain, ref, write, found);
	return use_v2(domain, ref, write, found);
}

/* Stop: flags stay as far as the grant is mapped. */
static void unuse_grant(const struct phv_domain *domain, grant_ref_t ref)
{
	const struct grant_domain *grant = domain->pv->grant;
	u16 clear = STATUS_BITS;
	u16 *status;
	unsigned int i;

	for (i = 0; i < MAPS_MAX; i++)
		if (grant->map[i].used && grant->map[i].ref == ref)
			clear &= ~use_bits(!grant->map[i].readonly);
	if (grant->version == 1)
		status = &entry_v1(domain->pv, ref)->flags;
	else
		status = entry_status(domain->pv, ref);
	change_status(status, 0, clear);
}

/* Copies */

struct compat_copy_ptr {
	u32 frame;
	domid_t domid;
	u16 offset;
};

struct compat_copy {
	struct compat_copy_ptr source, dest;
	u16 len;
	u16 flags;
	s16 status;
};

/**
 * struct copy_end - one end of a copy
 * @ptr: as the guest has it
 * @is_grant: it names a grant, not a frame
 * @write: this is where the bytes go to
 * @grant: the memory
 * @in_use: it is a grant, and in use
 */
struct copy_end {
	struct gnttab_copy_ptr ptr;
	bool is_grant;
	bool write;
	struct grant grant;
	bool in_use;
};

static int check_copy_domain(const struct phv_domain *domain, const struct copy_end *end)
{
	/* Only the guest's own memory can be named without a grant. */
	if (end->ptr.domid != DOMID_SELF && !end->is_grant)
		return GNTST_permission_denied;
	return memory_op_domid(domain, end->ptr.domid) ? GNTST_bad_domain : GNTST_okay;
}

/* Is there memory that can be read, or written? */
static int check_frame(const struct phv_domain *domain, u64 gfn, bool write)
{
	struct region region;
	int ret = GNTST_bad_page;

	rcu_read_lock();
	if (memory_lookup(&domain->memory, gfn, &region) &&
	    !(write && region.flags & PHV_MEMORY_READONLY))
		ret = GNTST_okay;
	rcu_read_unlock();
	return ret;
}

static int claim_end(const struct phv_domain *domain, struct copy_end *end)
{
	int ret;

	if (end->is_grant) {
		ret = use_grant(domain, end->ptr.u.ref, end->write, &end->grant);
		if (ret)
			return ret;
		end->in_use = true;
	} else {
		end->grant.gfn = end->ptr.u.gmfn;
		end->grant.start = 0;
		end->grant.length = PAGE_SIZE;
	}
	return check_frame(domain, end->grant.gfn, end->write);
}

static void release_end(const struct phv_domain *domain, const struct copy_end *end)
{
	if (end->in_use)
		unuse_grant(domain, end->ptr.u.ref);
}

static bool is_within(const struct copy_end *end, unsigned int length)
{
	return end->ptr.offset >= end->grant.start &&
	       end->ptr.offset + length <= end->grant.start + end->grant.length;
}

static u64 copy_address(const struct copy_end *end)
{
	return (end->grant.gfn << PAGE_SHIFT) + end->ptr.offset;
}

/* Frames that were checked may have gone since: then copies fail. */
static int copy_bytes(struct phv_domain *domain, const struct copy_end *source,
		      const struct copy_end *dest, unsigned int length)
{
	void *buf;
	int ret = GNTST_okay;

	if (source->ptr.offset + length > PAGE_SIZE || dest->ptr.offset + length > PAGE_SIZE)
		return GNTST_bad_copy_arg;
	if (!is_within(source, length) || !is_within(dest, length))
		return GNTST_general_error;
	buf = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!buf)
		return GNTST_general_error;
	if (memory_read(domain, copy_address(source), buf, length) ||
	    memory_write(domain, copy_address(dest), buf, length))
		ret = GNTST_bad_page;
	free_page((unsigned long)buf);
	return ret;
}

/* The memory may take its time to come: meanwhile only other grants wait. */
static int copy_locked(struct phv_domain *domain, struct copy_end *source,
		       struct copy_end *dest, unsigned int length)
{
	int ret;

	ret = check_copy_domain(domain, source);
	if (!ret)
		ret = check_copy_domain(domain, dest);
	if (ret)
		return ret;
	ret = claim_end(domain, source);
	if (!ret)
		ret = claim_end(domain, dest);
	if (!ret)
		ret = copy_bytes(domain, source, dest, length);
	release_end(domain, dest);
	release_end(domain, source);
	return ret;
}

static int read_copy(struct grant_list *list, struct gnttab_copy *op)
{
	struct compat_copy compat;

	if (!list->call->compat)
		return hypercall_read(list->call, op, list->gva, sizeof(*op));
	if (hypercall_read(list->call, &compat, list->gva, sizeof(compat)))
		return -EFAULT;
	/* A reference is the lower half of the union, a frame all of it. */
	op->source.u.gmfn = compat.source.frame;
	op->source.domid = compat.source.domid;
	op->source.offset = compat.source.offset;
	op->dest.u.gmfn = compat.dest.frame;
	op->dest.domid = compat.dest.domid;
	op->dest.offset = compat.dest.offset;
	op->len = compat.len;
	op->flags = compat.flags;
	return 0;
}

size_t grant_copy_size(const struct hypercall *call)
{
	return call->compat ? sizeof(struct compat_copy) : sizeof(struct gnttab_copy);
}

int grant_copy(struct grant_list *list)
{
	u64 status_at = list->call->compat ? offsetof(struct compat_copy, status) :
					     offsetof(struct gnttab_copy, status);
	struct phv_domain *domain = grant_list_domain(list);
	struct copy_end source = {}, dest = { .write = true };
	struct gnttab_copy op;
	s16 status;

	if (read_copy(list, &op))
		return -EFAULT;
	source.ptr = op.source;
	source.is_grant = op.flags & GNTCOPY_source_gref;
	dest.ptr = op.dest;
	dest.is_grant = op.flags & GNTCOPY_dest_gref;
	if (!grant_lock(domain))
		return -EINTR;
	status = copy_locked(domain, &source, &dest, op.len);
	grant_unlock(domain);
	return hypercall_write(list->call, list->gva + status_at, &status, sizeof(status));
}

/* Maps; grant.mutex held */

static struct grant_map *free_map(struct grant_domain *grant)
{
	unsigned int i;

	for (i = 0; i < MAPS_MAX; i++)
		if (!grant->map[i].used)
			return &grant->map[i];
	return NULL;
}

/* Where a PVH guest can have something mapped: at a frame of its own, for its CPUs. */
static int check_map(const struct phv_domain *domain, const struct gnttab_map_grant_ref *op)
{
	if (!(op->flags & (GNTMAP_device_map | GNTMAP_host_map)))
		return GNTST_bad_gntref;
	if (op->flags & (GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte))
		return GNTST_general_error;
	return memory_op_domid(domain, op->dom) ? GNTST_bad_domain : GNTST_okay;
}

static int map_locked(struct phv_domain *domain, struct gnttab_map_grant_ref *op)
{
	struct grant_domain *grant = domain->pv->grant;
	bool readonly = op->flags & GNTMAP_readonly;
	u64 gfn = op->host_addr >> PAGE_SHIFT;
	struct grant_map *map;
	struct grant found;
	unsigned long hva;
	int ret;

	ret = check_map(domain, op);
	if (ret)
		return ret;
	map = free_map(grant);
	if (!map)
		return GNTST_no_device_space;
	ret = use_grant(domain, op->ref, !readonly, &found);
	if (ret)
		return ret;
	ret = GNTST_general_error;
	if (!found.whole)
		goto unuse;
	switch (memory_put_alias(domain, gfn, found.gfn, readonly, &hva)) {
	case 0:
		break;
	case -ENOENT:
		ret = GNTST_bad_page;
		goto unuse;
	default:
		goto unuse;
	}
	map->used = true;
	map->readonly = readonly;
	map->ref = op->ref;
	map->gfn = gfn;
	map->hva = hva;
	op->handle = map - grant->map;
	op->dev_bus_addr = found.gfn << PAGE_SHIFT;
	return GNTST_okay;

unuse:
	unuse_grant(domain, op->ref);
	return ret;
}

int grant_map(struct grant_list *list)
{
	struct phv_domain *domain = grant_list_domain(list);
	struct gnttab_map_grant_ref op;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	if (!grant_lock(domain))
		return -EINTR;
	op.status = map_locked(domain, &op);
	grant_unlock(domain);
	return hypercall_write(list->call, list->gva, &op, sizeof(op));
}

/* What the guest has put there since stays. */
static int unmap_locked(struct phv_domain *domain, const struct gnttab_unmap_grant_ref *op)
{
	struct grant_map *map;
	int ret;

	if (op->handle >= MAPS_MAX)
		return GNTST_bad_handle;
	map = &domain->pv->grant->map[array_index_nospec(op->handle, MAPS_MAX)];
	if (!map->used)
		return GNTST_bad_handle;
	if (op->host_addr >> PAGE_SHIFT != map->gfn)
		return GNTST_general_error;
	ret = memory_remove_overlay(domain, map->gfn, map->hva);
	if (ret && ret != -ENOENT)
		return GNTST_general_error;
	map->used = false;
	unuse_grant(domain, map->ref);
	return GNTST_okay;
}

int grant_unmap(struct grant_list *list)
{
	struct phv_domain *domain = grant_list_domain(list);
	struct gnttab_unmap_grant_ref op;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	if (!grant_lock(domain))
		return -EINTR;
	op.status = unmap_locked(domain, &op);
	grant_unlock(domain);
	return hypercall_write(list->call,
			       list->gva + offsetof(struct gnttab_unmap_grant_ref, status),
			       &op.status, sizeof(op.status));
}
