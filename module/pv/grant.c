// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grant table, and HYPERVISOR_grant_table_op.
 *
 * What lives here: the table's size and version, its frames, swaps of its entries, and
 * lists of operations; what uses memory by a grant is in grant_use.c. Called by hypercall.c, by
 * memory_op.c for the frames, and by pv.c. Grants to backends are none of the module's
 * business: these are in the owner's process, where they read the table in their own memory.
 *
 * Entries are in memory that the guest and backends write at any time: each is read once, and
 * what the copy says is checked. Errors are Xen's, in the order in which Xen finds them.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <xen/interface/xen.h>
#include <xen/interface/grant_table.h>

#include <phv.h>

#include "domain.h"
#include "memory.h"
#include "pv/grant.h"
#include "pv/grant_internal.h"
#include "pv/hypercall.h"
#include "pv/memory_op.h"
#include "pv/pv.h"
#include "vcpu.h"
#include "vmx/run.h"

/* As Xen's <public/memory.h> has it: a frame of status, not of grants. */
#define XENMAPIDX_grant_table_status	0x80000000UL

/* Entries of a list to do before others have their turn. */
#define PART_ENTRIES	32

/* Creation */

int grant_create(struct phv_domain *domain)
{
	struct grant_domain *grant;

	grant = kvzalloc(sizeof(*grant), GFP_KERNEL_ACCOUNT);
	if (!grant)
		return -ENOMEM;
	mutex_init(&grant->mutex);
	grant->version = 1;
	grant->frames = 1;
	domain->pv->grant = grant;
	return 0;
}

void grant_destroy(struct phv_domain *domain)
{
	kvfree(domain->pv->grant);
}

/* The table; grant.mutex held */

static unsigned int status_frames(const struct grant_domain *grant)
{
	return grant->version == 2 ? PHV_XEN_STATUS_FRAMES(grant->frames) : 0;
}

/* The owner's address of a frame, counted as grant_page is. */
static unsigned long frame_hva(const struct pv_domain *pv, unsigned int i)
{
	return pv->frames_addr + ((1UL + i) << PAGE_SHIFT);
}

/* The new frames are empty; of the first, user space has filled in some entries. */
static void grow(struct pv_domain *pv, unsigned int frames)
{
	struct grant_domain *grant = pv->grant;
	unsigned int i, old = status_frames(grant);

	for (i = grant->frames; i < frames; i++)
		clear_page(shared_frame(pv, i));
	grant->frames = max(grant->frames, frames);
	for (i = old; i < status_frames(grant); i++)
		clear_page(status_frame(pv, i));
}

/* The frame's place in grant_page, or -EINVAL. */
static int find_frame(struct pv_domain *pv, u64 index)
{
	struct grant_domain *grant = pv->grant;
	bool status = grant->version == 2 && index & XENMAPIDX_grant_table_status;

	if (status) {
		index &= ~XENMAPIDX_grant_table_status;
		if (index >= PHV_XEN_STATUS_FRAMES(pv->grant_frames))
			return -EINVAL;
		/* As many frames of grants as that many of status are for. */
		if (index >= status_frames(grant))
			grow(pv, min_t(u64, (index + 1) * 8, pv->grant_frames));
		return pv->grant_frames + index;
	}
	if (index >= pv->grant_frames)
		return -EINVAL;
	grow(pv, index + 1);
	return index;
}

int grant_frame(struct phv_domain *domain, u64 index, unsigned long *hva)
{
	struct pv_domain *pv = domain->pv;
	int frame;

	mutex_lock(&pv->grant->mutex);
	frame = find_frame(pv, index);
	mutex_unlock(&pv->grant->mutex);
	if (frame < 0)
		return frame;
	*hva = frame_hva(pv, frame);
	return 0;
}

int grant_get_ioctl(struct phv_domain *domain, void __user *uarg)
{
	struct grant_domain *grant = domain->pv->grant;
	struct phv_xen_grants arg = {};

	mutex_lock(&grant->mutex);
	arg.version = grant->version;
	arg.frames = grant->frames;
	mutex_unlock(&grant->mutex);
	return copy_to_user(uarg, &arg, sizeof(arg)) ? -EFAULT : 0;
}

/* Lists of operations */

/* The list goes on, at this operation. */
static long again(struct grant_list *list, u32 left)
{
	list->call->arg[1] = list->gva;
	list->call->arg[2] = left;
	return HYPERCALL_AGAIN;
}

/* -EINTR: a signal is there, this operation was not begun. Others end the call. */
typedef int (*operation)(struct grant_list *list);

static long do_list(struct hypercall *call, size_t size, operation operation)
{
	struct grant_list list = { .call = call, .gva = call->arg[1] };
	u32 i, count = call->arg[2];
	int ret;

	for (i = 0; i < count; i++, list.gva += size) {
		if (i == PART_ENTRIES || (i && vcpu_thread_has_work()))
			return again(&list, count - i);
		ret = operation(&list);
		if (ret == -EINTR)
			return again(&list, count - i);
		if (ret)
			return ret;
	}
	return 0;
}

/* Operations on one domain, in its own status: the guest's own domain, or no other. */
static s16 check_domid(const struct phv_domain *domain, u16 domid)
{
	switch (memory_op_domid(domain, domid)) {
	case 0:
		return GNTST_okay;
	case -EPERM:
		return GNTST_permission_denied;
	default:
		return GNTST_bad_domain;
	}
}

/* Size and version */

static int query_size(struct grant_list *list)
{
	struct phv_domain *domain = grant_list_domain(list);
	struct gnttab_query_size op;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	op.status = check_domid(domain, op.dom);
	if (!op.status) {
		op.nr_frames = READ_ONCE(domain->pv->grant->frames);
		op.max_nr_frames = domain->pv->grant_frames;
	}
	return hypercall_write(list->call, list->gva, &op, sizeof(op));
}

/* Where the guest has put some frames; one that is nowhere reads as all ones. */
static s16 write_frames(struct grant_list *list, u64 gva, unsigned int first, unsigned int count,
			size_t size)
{
	struct phv_domain *domain = grant_list_domain(list);
	s16 status = GNTST_okay;
	unsigned int i;
	u64 gfn;

	for (i = 0; i < count; i++, gva += size) {
		gfn = memory_overlay_frame(domain, frame_hva(domain->pv, first + i));
		if (hypercall_write(list->call, gva, &gfn, size))
			status = GNTST_bad_virt_addr;
	}
	return status;
}

struct compat_setup_table {
	domid_t dom;
	u32 nr_frames;
	s16 status;
	u32 frame_list;
};

static int setup_table(struct grant_list *list)
{
	struct phv_domain *domain = grant_list_domain(list);
	struct pv_domain *pv = domain->pv;
	struct hypercall *call = list->call;
	size_t width = call->compat ? sizeof(u32) : sizeof(u64);
	struct compat_setup_table compat;
	struct gnttab_setup_table op;

	if (call->compat) {
		if (hypercall_read(call, &compat, list->gva, sizeof(compat)))
			return -EFAULT;
		op.dom = compat.dom;
		op.nr_frames = compat.nr_frames;
		op.frame_list = (void *)(unsigned long)compat.frame_list;
	} else if (hypercall_read(call, &op, list->gva, sizeof(op))) {
		return -EFAULT;
	}

	op.status = check_domid(domain, op.dom);
	if (!op.status && op.nr_frames > pv->grant_frames)
		op.status = GNTST_general_error;
	if (!op.status) {
		if (!grant_lock(domain))
			return -EINTR;
		grow(pv, op.nr_frames);
		grant_unlock(domain);
		op.status = write_frames(list, (unsigned long)op.frame_list, 0, op.nr_frames,
					 width);
	}
	/* At the same place for both widths. */
	return hypercall_write(call, list->gva + offsetof(struct gnttab_setup_table, status),
			       &op.status, sizeof(op.status));
}

struct compat_get_status_frames {
	u32 nr_frames;
	domid_t dom;
	s16 status;
	u32 frame_list;
};

static int get_status_frames(struct grant_list *list)
{
	struct phv_domain *domain = grant_list_domain(list);
	struct pv_domain *pv = domain->pv;
	struct hypercall *call = list->call;
	struct compat_get_status_frames compat;
	struct gnttab_get_status_frames op;
	unsigned int frames;

	if (call->compat) {
		if (hypercall_read(call, &compat, list->gva, sizeof(compat)))
			return -EFAULT;
		op.nr_frames = compat.nr_frames;
		op.dom = compat.dom;
		op.frame_list = (void *)(unsigned long)compat.frame_list;
	} else if (hypercall_read(call, &op, list->gva, sizeof(op))) {
		return -EFAULT;
	}

	op.status = check_domid(domain, op.dom);
	if (!op.status) {
		if (!grant_lock(domain))
			return -EINTR;
		frames = status_frames(pv->grant);
		grant_unlock(domain);
		if (op.nr_frames > frames)
			op.status = GNTST_general_error;
	}
	if (!op.status)
		op.status = write_frames(list, (unsigned long)op.frame_list, pv->grant_frames,
					 op.nr_frames, sizeof(u64));
	return hypercall_write(call,
			       list->gva + offsetof(struct gnttab_get_status_frames, status),
			       &op.status, sizeof(op.status));
}

static int get_version(struct grant_list *list)
{
	struct phv_domain *domain = grant_list_domain(list);
	struct gnttab_get_version op;
	int ret;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	ret = memory_op_domid(domain, op.dom);
	if (ret)
		return ret;
	op.version = READ_ONCE(domain->pv->grant->version);
	return hypercall_write(list->call, list->gva, &op, sizeof(op));
}

/* The first grants survive a change of the version: user space may have them in use. */
struct reserved_grants {
	struct grant_entry_v1 entry[GNTTAB_NR_RESERVED_ENTRIES];
};

/* -ERANGE when version 1 cannot say it. */
static int reserved_from_v2(const struct pv_domain *pv, grant_ref_t ref,
			    struct grant_entry_v1 *saved)
{
	union grant_entry_v2 *entry = entry_v2(pv, ref);
	u16 flags = READ_ONCE(entry->hdr.flags);
	u64 frame;

	memset(saved, 0, sizeof(*saved));
	switch (flags & GTF_type_mask) {
	case GTF_permit_access:
		frame = READ_ONCE(entry->full_page.frame);
		if (frame >> 32)
			return -ERANGE;
		saved->flags = flags | (READ_ONCE(*entry_status(pv, ref)) & STATUS_BITS);
		saved->domid = READ_ONCE(entry->hdr.domid);
		saved->frame = frame;
		return 0;
	case GTF_transitive:
		return -ERANGE;
	default:
		return 0;
	}
}

static int save_reserved(const struct pv_domain *pv, struct reserved_grants *saved)
{
	unsigned int i;
	int ret = 0;

	if (pv->grant->version == 1) {
		memcpy(saved, shared_frame(pv, 0), sizeof(*saved));
		return 0;
	}
	for (i = 0; i < GNTTAB_NR_RESERVED_ENTRIES && !ret; i++)
		ret = reserved_from_v2(pv, i, &saved->entry[i]);
	return ret;
}

static void restore_reserved(const struct pv_domain *pv, const struct reserved_grants *saved)
{
	unsigned int i;

	if (pv->grant->version == 1) {
		memcpy(shared_frame(pv, 0), saved, sizeof(*saved));
		return;
	}
	for (i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
		union grant_entry_v2 *entry = entry_v2(pv, i);

		*entry_status(pv, i) = saved->entry[i].flags & STATUS_BITS;
		entry->full_page.frame = saved->entry[i].frame;
		entry->full_page.hdr.domid = saved->entry[i].domid;
		entry->full_page.hdr.flags = saved->entry[i].flags & ~STATUS_BITS;
	}
}

/* Of frames of status nothing is left to be seen. */
static int hide_status(struct phv_domain *domain)
{
	struct pv_domain *pv = domain->pv;
	unsigned int i;
	int ret;

	for (i = 0; i < PHV_XEN_STATUS_FRAMES(pv->grant_frames); i++) {
		unsigned long hva = frame_hva(pv, pv->grant_frames + i);
		u64 gfn = memory_overlay_frame(domain, hva);

		if (gfn == MEMORY_NO_FRAME)
			continue;
		ret = memory_remove_overlay(domain, gfn, hva);
		if (ret && ret != -ENOENT)
			return ret;
	}
	return 0;
}

/*
 * Does anything use a grant that the other version may not have? The guest can take back what
 * its table says of that, but not what is mapped.
 */
static bool is_in_use(const struct pv_domain *pv)
{
	const struct grant_domain *grant = pv->grant;
	unsigned int i;

	for (i = 0; i < MAPS_MAX; i++)
		if (grant->map[i].used && grant->map[i].ref >= GNTTAB_NR_RESERVED_ENTRIES)
			return true;
	for (i = GNTTAB_NR_RESERVED_ENTRIES; i < entry_count(grant); i++)
		if (grant_is_in_use(pv, i))
			return true;
	return false;
}

static int change_version(struct phv_domain *domain, unsigned int version)
{
	struct pv_domain *pv = domain->pv;
	struct grant_domain *grant = pv->grant;
	struct reserved_grants saved;
	unsigned int i;
	int ret;

	if (is_in_use(pv))
		return -EBUSY;
	ret = save_reserved(pv, &saved);
	if (!ret && version == 1)
		ret = hide_status(domain);
	if (ret)
		return ret;

	for (i = 0; i < grant->frames; i++)
		clear_page(shared_frame(pv, i));
	WRITE_ONCE(grant->version, version);
	for (i = 0; i < status_frames(grant); i++)
		clear_page(status_frame(pv, i));
	restore_reserved(pv, &saved);
	return 0;
}

static int set_version(struct grant_list *list)
{
	struct phv_domain *domain = grant_list_domain(list);
	struct grant_domain *grant = domain->pv->grant;
	struct gnttab_set_version op;
	int ret = 0;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	if (!grant_lock(domain))
		return -EINTR;
	if (op.version != 1 && op.version != 2)
		ret = -EINVAL;
	else if (op.version != grant->version)
		ret = change_version(domain, op.version);
	op.version = grant->version;
	grant_unlock(domain);
	if (hypercall_write(list->call, list->gva, &op, sizeof(op)))
		return -EFAULT;
	return ret;
}

static void swap_entries(const struct pv_domain *pv, grant_ref_t a, grant_ref_t b)
{
	if (pv->grant->version == 1) {
		swap(*entry_v1(pv, a), *entry_v1(pv, b));
	} else {
		swap(*entry_v2(pv, a), *entry_v2(pv, b));
		swap(*entry_status(pv, a), *entry_status(pv, b));
	}
}

static int swap_grant_ref(struct grant_list *list)
{
	struct phv_domain *domain = grant_list_domain(list);
	struct pv_domain *pv = domain->pv;
	struct gnttab_swap_grant_ref op;
	unsigned int count;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	if (!grant_lock(domain))
		return -EINTR;
	count = entry_count(pv->grant);
	op.status = GNTST_okay;
	if (op.ref_a >= count || op.ref_b >= count)
		op.status = GNTST_bad_gntref;
	else if (op.ref_a == op.ref_b)
		;	/* and nothing to do */
	else if (grant_is_in_use(pv, array_index_nospec(op.ref_a, count)) ||
		 grant_is_in_use(pv, array_index_nospec(op.ref_b, count)))
		op.status = GNTST_eagain;
	else
		swap_entries(pv, array_index_nospec(op.ref_a, count),
			     array_index_nospec(op.ref_b, count));
	grant_unlock(domain);
	return hypercall_write(list->call,
			       list->gva + offsetof(struct gnttab_swap_grant_ref, status),
			       &op.status, sizeof(op.status));
}

/* An operation that comes alone. */
static long do_one(struct hypercall *call, operation operation)
{
	struct grant_list list = { .call = call, .gva = call->arg[1] };
	int ret;

	ret = operation(&list);
	return ret == -EINTR ? HYPERCALL_AGAIN : ret;
}

static long do_single(struct hypercall *call, operation operation)
{
	return (u32)call->arg[2] == 1 ? do_one(call, operation) : -EINVAL;
}

/**
 * hypercall_grant_table_op - HYPERVISOR_grant_table_op
 * @call: GNTTABOP_*, address of the operations, how many
 *
 * Any guest may call it, about its own table. What Xen does not have for HVM guests either
 * is -ENOSYS: GNTTABOP_dump_table, _transfer, _unmap_and_replace and _cache_flush.
 *
 * Return: 0, each operation has its GNTST_* status then; -EFAULT; -EINVAL for a number of
 * operations that cannot be. Context: process; takes grant_domain.mutex, and within it
 * memory.mutex.
 */
long hypercall_grant_table_op(struct hypercall *call)
{
	if (call->fast)
		return HYPERCALL_SLOW;
	if ((s32)call->arg[2] < 0)
		return -EINVAL;
	switch ((u32)call->arg[0]) {
	case GNTTABOP_map_grant_ref:
		return do_list(call, sizeof(struct gnttab_map_grant_ref), grant_map);
	case GNTTABOP_unmap_grant_ref:
		return do_list(call, sizeof(struct gnttab_unmap_grant_ref), grant_unmap);
	case GNTTABOP_copy:
		return do_list(call, grant_copy_size(call), grant_copy);
	case GNTTABOP_swap_grant_ref:
		return do_list(call, sizeof(struct gnttab_swap_grant_ref), swap_grant_ref);
	case GNTTABOP_setup_table:
		return do_single(call, setup_table);
	case GNTTABOP_query_size:
		return do_single(call, query_size);
	case GNTTABOP_get_status_frames:
		return do_single(call, get_status_frames);
	case GNTTABOP_set_version:
		return do_one(call, set_version);
	case GNTTABOP_get_version:
		return do_one(call, get_version);
	default:
		return -ENOSYS;
	}
}
