// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grant table, and HYPERVISOR_grant_table_op.
 *
 * What lives here: the table's size and version, its frames, and what a guest does with
 * grants of its own: copy, map and swap. Called by hypercall.c, by memory_op.c for the frames,
 * and by pv.c. Grants to backends are none of the module's business: these are in the
 * owner's process, where they read the table in their own memory.
 *
 * So the only grants that the module uses are those of the guest to itself. Other domains
 * have no table that this guest could name: GNTST_bad_domain.
 *
 * Entries are in memory that the guest and backends write at any time: each is read once, and
 * what the copy says is checked. Errors are Xen's, in the order in which Xen finds them.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/gfp.h>
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
#include "pv/hypercall.h"
#include "pv/memory_op.h"
#include "pv/pv.h"
#include "vcpu.h"
#include "vmx/run.h"

/* As Xen's <public/memory.h> has it: a frame of status, not of grants. */
#define XENMAPIDX_grant_table_status	0x80000000UL

#define ENTRIES_V1	(PAGE_SIZE / sizeof(struct grant_entry_v1))
#define ENTRIES_V2	(PAGE_SIZE / sizeof(union grant_entry_v2))
#define STATUS_ENTRIES	(PAGE_SIZE / sizeof(grant_status_t))

#define STATUS_BITS	(GTF_reading | GTF_writing)

/* Grants that a guest can have mapped at a time. */
#define MAPS_MAX	256

/* Entries of a list to do before others have their turn. */
#define PART_ENTRIES	32

/**
 * struct grant_map - a grant that is mapped
 * @used: there is one
 * @readonly: for reading only
 * @ref: the grant
 * @gfn: where it is mapped
 * @hva: the owner's address of the memory
 */
struct grant_map {
	bool used;
	bool readonly;
	grant_ref_t ref;
	u64 gfn;
	unsigned long hva;
};

struct grant_domain {
	struct mutex mutex;		/* the rest; outside of memory.mutex */
	unsigned int version;
	unsigned int frames;		/* of grants; those of status follow from it */
	struct grant_map map[MAPS_MAX];
};

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

/* User space is waited for by nobody who cannot be killed. */
static bool lock_grants(struct phv_domain *domain)
{
	return !mutex_lock_interruptible(&domain->pv->grant->mutex);
}

static void unlock_grants(struct phv_domain *domain)
{
	mutex_unlock(&domain->pv->grant->mutex);
}

/* The table; grant.mutex held */

static void *shared_frame(const struct pv_domain *pv, unsigned int i)
{
	return pv->grant_page[i].addr;
}

static void *status_frame(const struct pv_domain *pv, unsigned int i)
{
	return pv->grant_page[pv->grant_frames + i].addr;
}

static unsigned int status_frames(const struct grant_domain *grant)
{
	return grant->version == 2 ? PHV_XEN_STATUS_FRAMES(grant->frames) : 0;
}

/* The owner's address of a frame, counted as grant_page is. */
static unsigned long frame_hva(const struct pv_domain *pv, unsigned int i)
{
	return pv->frames_addr + ((1UL + i) << PAGE_SHIFT);
}

static unsigned int entry_count(const struct grant_domain *grant)
{
	return grant->frames * (grant->version == 1 ? ENTRIES_V1 : ENTRIES_V2);
}

/* References are below entry_count(). */
static struct grant_entry_v1 *entry_v1(const struct pv_domain *pv, grant_ref_t ref)
{
	struct grant_entry_v1 *frame = shared_frame(pv, ref / ENTRIES_V1);

	return &frame[ref % ENTRIES_V1];
}

static union grant_entry_v2 *entry_v2(const struct pv_domain *pv, grant_ref_t ref)
{
	union grant_entry_v2 *frame = shared_frame(pv, ref / ENTRIES_V2);

	return &frame[ref % ENTRIES_V2];
}

static grant_status_t *entry_status(const struct pv_domain *pv, grant_ref_t ref)
{
	grant_status_t *frame = status_frame(pv, ref / STATUS_ENTRIES);

	return &frame[ref % STATUS_ENTRIES];
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

/* Is a grant in use, by the module or by a backend? */
static bool is_in_use(const struct pv_domain *pv, grant_ref_t ref)
{
	if (pv->grant->version == 1)
		return READ_ONCE(entry_v1(pv, ref)->flags) & STATUS_BITS;
	return READ_ONCE(*entry_status(pv, ref)) & STATUS_BITS;
}

/* Lists of operations */

/*
 * Operations have one layout for guests of both widths, but for copies and pointers to
 * lists of frames. One is done at a time, and its status written back.
 */
struct list {
	struct hypercall *call;
	u64 gva;		/* of the operation that is looked at */
	size_t size;
};

/* The list goes on, at this operation. */
static long again(struct list *list, u32 left)
{
	list->call->arg[1] = list->gva;
	list->call->arg[2] = left;
	return HYPERCALL_AGAIN;
}

/* -EINTR: a signal is there, this operation was not begun. Others end the call. */
typedef int (*operation)(struct list *list);

static long do_list(struct hypercall *call, size_t size, operation operation)
{
	struct list list = { .call = call, .gva = call->arg[1], .size = size };
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

static struct phv_domain *domain_of(const struct list *list)
{
	return list->call->vcpu->domain;
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

static int query_size(struct list *list)
{
	struct phv_domain *domain = domain_of(list);
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
static s16 write_frames(struct list *list, u64 gva, unsigned int first, unsigned int count,
			size_t size)
{
	struct phv_domain *domain = domain_of(list);
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

static int setup_table(struct list *list)
{
	struct phv_domain *domain = domain_of(list);
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
		if (!lock_grants(domain))
			return -EINTR;
		grow(pv, op.nr_frames);
		unlock_grants(domain);
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

static int get_status_frames(struct list *list)
{
	struct phv_domain *domain = domain_of(list);
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
		if (!lock_grants(domain))
			return -EINTR;
		frames = status_frames(pv->grant);
		unlock_grants(domain);
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

static int get_version(struct list *list)
{
	struct phv_domain *domain = domain_of(list);
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

static int change_version(struct phv_domain *domain, unsigned int version)
{
	struct pv_domain *pv = domain->pv;
	struct grant_domain *grant = pv->grant;
	struct reserved_grants saved;
	unsigned int i;
	int ret;

	for (i = GNTTAB_NR_RESERVED_ENTRIES; i < entry_count(grant); i++)
		if (is_in_use(pv, i))
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

static int set_version(struct list *list)
{
	struct phv_domain *domain = domain_of(list);
	struct grant_domain *grant = domain->pv->grant;
	struct gnttab_set_version op;
	int ret = 0;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	if (!lock_grants(domain))
		return -EINTR;
	if (op.version != 1 && op.version != 2)
		ret = -EINVAL;
	else if (op.version != grant->version)
		ret = change_version(domain, op.version);
	op.version = grant->version;
	unlock_grants(domain);
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

static int swap_grant_ref(struct list *list)
{
	struct phv_domain *domain = domain_of(list);
	struct pv_domain *pv = domain->pv;
	struct gnttab_swap_grant_ref op;
	unsigned int count;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	if (!lock_grants(domain))
		return -EINTR;
	count = entry_count(pv->grant);
	op.status = GNTST_okay;
	if (op.ref_a >= count || op.ref_b >= count)
		op.status = GNTST_bad_gntref;
	else if (op.ref_a == op.ref_b)
		;	/* and nothing to do */
	else if (is_in_use(pv, array_index_nospec(op.ref_a, count)) ||
		 is_in_use(pv, array_index_nospec(op.ref_b, count)))
		op.status = GNTST_eagain;
	else
		swap_entries(pv, array_index_nospec(op.ref_a, count),
			     array_index_nospec(op.ref_b, count));
	unlock_grants(domain);
	return hypercall_write(list->call,
			       list->gva + offsetof(struct gnttab_swap_grant_ref, status),
			       &op.status, sizeof(op.status));
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
	buf = (void *)__get_free_page(GFP_KERNEL);
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

static int read_copy(struct list *list, struct gnttab_copy *op)
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

static int copy(struct list *list)
{
	u64 status_at = list->call->compat ? offsetof(struct compat_copy, status) :
					     offsetof(struct gnttab_copy, status);
	struct phv_domain *domain = domain_of(list);
	struct copy_end source = {}, dest = { .write = true };
	struct gnttab_copy op;
	s16 status;

	if (read_copy(list, &op))
		return -EFAULT;
	source.ptr = op.source;
	source.is_grant = op.flags & GNTCOPY_source_gref;
	dest.ptr = op.dest;
	dest.is_grant = op.flags & GNTCOPY_dest_gref;
	if (!lock_grants(domain))
		return -EINTR;
	status = copy_locked(domain, &source, &dest, op.len);
	unlock_grants(domain);
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

static int map_grant_ref(struct list *list)
{
	struct phv_domain *domain = domain_of(list);
	struct gnttab_map_grant_ref op;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	if (!lock_grants(domain))
		return -EINTR;
	op.status = map_locked(domain, &op);
	unlock_grants(domain);
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

static int unmap_grant_ref(struct list *list)
{
	struct phv_domain *domain = domain_of(list);
	struct gnttab_unmap_grant_ref op;

	if (hypercall_read(list->call, &op, list->gva, sizeof(op)))
		return -EFAULT;
	if (!lock_grants(domain))
		return -EINTR;
	op.status = unmap_locked(domain, &op);
	unlock_grants(domain);
	return hypercall_write(list->call,
			       list->gva + offsetof(struct gnttab_unmap_grant_ref, status),
			       &op.status, sizeof(op.status));
}

/* An operation that comes alone. */
static long do_one(struct hypercall *call, operation operation)
{
	struct list list = { .call = call, .gva = call->arg[1] };
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
		return do_list(call, sizeof(struct gnttab_map_grant_ref), map_grant_ref);
	case GNTTABOP_unmap_grant_ref:
		return do_list(call, sizeof(struct gnttab_unmap_grant_ref), unmap_grant_ref);
	case GNTTABOP_copy:
		return do_list(call, call->compat ? sizeof(struct compat_copy) :
						    sizeof(struct gnttab_copy), copy);
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
