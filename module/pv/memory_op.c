// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_memory_op, and what a domain's reservation is.
 *
 * What lives here: the operations of Xen's <public/memory.h>, as a PVH guest without
 * privileges has them; errors are Xen's, which for some operations are counts. Called by
 * hypercall.c, and by pv.c for the memory map. Frames are moved, given back and
 * populated by module/physmap.c.
 *
 * Long lists are done in parts: the command's upper bits are the first entry that is left,
 * in Xen's own encoding. Every part reads the arguments again, and believes none of the last.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <xen/interface/xen.h>
#include <xen/interface/memory.h>

#include <phv.h>

#include "domain.h"
#include "memory.h"
#include "pv/grant.h"
#include "pv/hypercall.h"
#include "pv/memory_op.h"
#include "pv/pv.h"
#include "pv/time.h"
#include "vcpu.h"
#include "vmx/run.h"

/* Operations that the kernel's header has not: a domain without privileges needs no more. */
#define XENMEM_set_memory_map		13
#define XENMEM_maximum_gpfn		14
#define XENMEM_set_pod_target		16
#define XENMEM_get_pod_target		17
#define XENMEM_paging_op		20
#define XENMEM_access_op		21
#define XENMEM_sharing_op		22
#define XENMEM_claim_pages		24
#define XENMEM_get_vnumainfo		26

/* The command: operation, and from bit 6 on the first entry to do. */
#define COMMAND_SHIFT	6
#define COMMAND_MASK	(BIT(COMMAND_SHIFT) - 1)

/* The longest list that can be done in parts by that. */
#define MAX_EXTENTS	(UINT_MAX >> COMMAND_SHIFT)

/* Guests may handle extents of up to 2 MiB. */
#define MAX_ORDER_GUEST	9

/* Frames and entries to do before others have their turn, as far as one can stop there. */
#define PART_FRAMES	1024
#define PART_ENTRIES	32

struct memory_op_domain {
	u64 max_pages;			/* I */
	/* pv_domain.mutex: */
	unsigned int map_count;
	struct phv_xen_memory_entry map[PHV_XEN_MAX_MEMORY_MAP];
};

/* What a part of a list looks at: the arguments, and where it is. */
struct part {
	struct hypercall *call;
	unsigned int op;
	u64 start;
	u64 arg;
};

int memory_op_create(struct phv_domain *domain, u64 max_pages)
{
	struct memory_op_domain *memory;

	memory = kvzalloc(sizeof(*memory), GFP_KERNEL_ACCOUNT);
	if (!memory)
		return -ENOMEM;
	memory->max_pages = max_pages;
	domain->pv->memory = memory;
	return 0;
}

u64 memory_op_max_pages(const struct phv_domain *domain)
{
	return domain->pv->memory->max_pages;
}

void memory_op_destroy(struct phv_domain *domain)
{
	kvfree(domain->pv->memory);
}

int memory_op_domid(const struct phv_domain *domain, u16 domid)
{
	if (domid == DOMID_SELF || domid == domain->id)
		return 0;
	return domid ? -ESRCH : -EPERM;
}

static struct phv_domain *domain_of(const struct part *part)
{
	return part->call->vcpu->domain;
}

/* The list goes on at @next: the guest repeats the call with this command. */
static long again(const struct part *part, u64 next)
{
	part->call->arg[0] = part->op | next << COMMAND_SHIFT;
	return HYPERCALL_AGAIN;
}

/* User space is waited for by nobody who cannot be killed. */
static bool lock_memory(struct phv_domain *domain)
{
	return !mutex_lock_interruptible(&domain->memory.mutex);
}

/* The memory map */

static int check_map(const struct phv_xen_memory_entry *map, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (map[i].reserved)
			return -EINVAL;
	return 0;
}

/* Takes @map over. */
static void set_map(struct phv_domain *domain, const struct phv_xen_memory_entry *map,
		    unsigned int count)
{
	struct memory_op_domain *memory = domain->pv->memory;

	mutex_lock(&domain->pv->mutex);
	memcpy(memory->map, map, count * sizeof(*map));
	memory->map_count = count;
	mutex_unlock(&domain->pv->mutex);
}

/**
 * memory_op_map_ioctl - PHV_XEN_SET_MEMORY_MAP
 * @domain: a Xen domain
 * @uarg: struct phv_xen_memory_map in user memory
 *
 * Return: 0 or an errno as <phv.h> lists them.
 */
int memory_op_map_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	struct phv_xen_memory_entry *map;
	struct phv_xen_memory_map arg;
	int ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved || !arg.count || arg.count > PHV_XEN_MAX_MEMORY_MAP)
		return -EINVAL;
	map = memdup_user(u64_to_user_ptr(arg.entries), arg.count * sizeof(*map));
	if (IS_ERR(map))
		return PTR_ERR(map);
	ret = check_map(map, arg.count);
	if (!ret)
		set_map(domain, map, arg.count);
	kfree(map);
	return ret;
}

/* An entry as the guest has it, with both widths. */
struct e820_entry {
	u64 addr;
	u64 size;
	u32 type;
} __packed;

struct compat_memory_map {
	u32 nr_entries;
	u32 buffer;
};

static int read_map_arg(struct hypercall *call, u64 gva, struct xen_memory_map *arg)
{
	struct compat_memory_map compat;
	int ret;

	if (!call->compat)
		return hypercall_read(call, arg, gva, sizeof(*arg));
	ret = hypercall_read(call, &compat, gva, sizeof(compat));
	arg->nr_entries = compat.nr_entries;
	arg->buffer = (void *)(unsigned long)compat.buffer;
	return ret;
}

static long get_memory_map(struct part *part)
{
	struct memory_op_domain *memory = domain_of(part)->pv->memory;
	struct pv_domain *pv = domain_of(part)->pv;
	struct hypercall *call = part->call;
	struct e820_entry *entries;
	struct xen_memory_map arg;
	unsigned int i, count;
	u32 answer;
	long ret;

	if (read_map_arg(call, part->arg, &arg))
		return -EFAULT;
	entries = kcalloc(PHV_XEN_MAX_MEMORY_MAP, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	mutex_lock(&pv->mutex);
	count = memory->map_count;
	for (i = 0; i < count; i++) {
		entries[i].addr = memory->map[i].addr;
		entries[i].size = memory->map[i].size;
		entries[i].type = memory->map[i].type;
	}
	mutex_unlock(&pv->mutex);

	ret = -ENOSYS;
	if (count) {
		answer = min(count, arg.nr_entries);
		ret = hypercall_write(call, (unsigned long)arg.buffer, entries,
				      answer * sizeof(*entries));
		/* The count is the first member. */
		if (!ret)
			ret = hypercall_write(call, part->arg, &answer, sizeof(answer));
	}
	kfree(entries);
	return ret;
}

/* For the next who asks; Linux does it, before a kexec for example. */
static long set_memory_map(struct part *part)
{
	struct hypercall *call = part->call;
	u64 at = part->arg + (call->compat ? 4 : 8);
	struct phv_xen_memory_entry *map = NULL;
	struct e820_entry *entries = NULL;
	struct xen_memory_map arg;
	unsigned int i;
	u16 domid;
	long ret;

	if (hypercall_read(call, &domid, part->arg, sizeof(domid)) ||
	    read_map_arg(call, at, &arg))
		return -EFAULT;
	if (arg.nr_entries > PHV_XEN_MAX_MEMORY_MAP)
		return -EINVAL;
	ret = memory_op_domid(domain_of(part), domid);
	if (ret)
		return ret;

	ret = -ENOMEM;
	entries = kcalloc(PHV_XEN_MAX_MEMORY_MAP, sizeof(*entries), GFP_KERNEL);
	map = kcalloc(PHV_XEN_MAX_MEMORY_MAP, sizeof(*map), GFP_KERNEL);
	if (!entries || !map)
		goto free;
	ret = hypercall_read(call, entries, (unsigned long)arg.buffer,
			     arg.nr_entries * sizeof(*entries));
	if (ret)
		goto free;
	for (i = 0; i < arg.nr_entries; i++) {
		map[i].addr = entries[i].addr;
		map[i].size = entries[i].size;
		map[i].type = entries[i].type;
	}
	set_map(domain_of(part), map, arg.nr_entries);
free:
	kfree(map);
	kfree(entries);
	return ret;
}

/* The reservation */

struct compat_reservation {
	u32 extent_start;
	u32 nr_extents;
	u32 extent_order;
	u32 mem_flags;
	u16 domid;
};

static int read_reservation(struct hypercall *call, u64 gva,
			    struct xen_memory_reservation *reservation)
{
	struct compat_reservation compat;
	int ret;

	if (!call->compat)
		return hypercall_read(call, reservation, gva, sizeof(*reservation));
	ret = hypercall_read(call, &compat, gva, sizeof(compat));
	reservation->extent_start = (void *)(unsigned long)compat.extent_start;
	reservation->nr_extents = compat.nr_extents;
	reservation->extent_order = compat.extent_order;
	reservation->address_bits = compat.mem_flags;
	reservation->domid = compat.domid;
	return ret;
}

/* Entries of a list that are read at once; on the stack. */
#define LIST_ENTRIES	32

/**
 * struct frame_list - a list of frames, in guest memory
 * @call: the hypercall
 * @gva: where it begins
 * @length: entries
 * @first: which of them @frame begins with
 * @count: entries of @frame that are there
 * @frame: copies, read once
 */
struct frame_list {
	struct hypercall *call;
	u64 gva;
	u64 length;
	u64 first;
	unsigned int count;
	u64 frame[LIST_ENTRIES];
};

/* Up to @max entries from entry @i on, as many as lie in its page: so what can be read is. */
static int list_fill(struct frame_list *list, u64 i, unsigned int max)
{
	size_t size = list->call->compat ? sizeof(u32) : sizeof(u64);
	u64 gva = list->gva + i * size;
	u64 in_page = (PAGE_SIZE - offset_in_page(gva)) / size;
	unsigned int n = clamp_t(u64, in_page, 1, max);
	u32 *narrow = (u32 *)list->frame;

	n = min_t(u64, n, list->length - i);
	list->count = 0;
	if (hypercall_read(list->call, list->frame, gva, n * size))
		return -EFAULT;
	list->first = i;
	list->count = n;
	/* In place, from the last to the first. */
	while (list->call->compat && n--)
		list->frame[n] = narrow[n];
	return 0;
}

static int list_get(struct frame_list *list, u64 i, u64 *frame)
{
	if ((!list->count || i < list->first || i >= list->first + list->count) &&
	    list_fill(list, i, LIST_ENTRIES))
		return -EFAULT;
	*frame = list->frame[i - list->first];
	return 0;
}

/* Frames that go back to user space, in the run page: see PHV_EXIT_XEN_RELEASE. */
struct release {
	unsigned int count;
	struct {
		u64 gfn;
		u64 pages;
	} extent[ARRAY_SIZE(((struct phv_run *)0)->release.extent)];
};

static bool release_is_full(const struct release *release)
{
	return release->count == ARRAY_SIZE(release->extent);
}

/* It is not full. Lists go up or down mostly, so what is added is often next to the last. */
static void release_add(struct release *release, u64 gfn, u64 pages)
{
	unsigned int last = release->count - 1;

	if (release->count && release->extent[last].gfn + release->extent[last].pages == gfn) {
		release->extent[last].pages += pages;
	} else if (release->count && gfn + pages == release->extent[last].gfn) {
		release->extent[last].gfn = gfn;
		release->extent[last].pages += pages;
	} else {
		release->extent[release->count].gfn = gfn;
		release->extent[release->count].pages = pages;
		release->count++;
	}
}

static long release_to_user(struct hypercall *call, const struct release *release)
{
	struct phv_run *run = call->vcpu->run;
	unsigned int i;

	run->exit_reason = PHV_EXIT_XEN_RELEASE;
	run->release.count = release->count;
	run->release.reserved = 0;
	for (i = 0; i < release->count; i++) {
		run->release.extent[i].gfn = release->extent[i].gfn;
		run->release.extent[i].pages = release->extent[i].pages;
	}
	return HYPERCALL_TO_USER;
}

/* memory.mutex held. */
static int change_extent(struct part *part, u64 gfn, u64 pages, struct release *release,
			 struct list_head *tables)
{
	struct phv_domain *domain = domain_of(part);
	int ret;

	if (part->op == XENMEM_populate_physmap)
		return memory_populate(domain, gfn, pages, domain->pv->memory->max_pages, tables);
	ret = memory_release(domain, gfn, pages, tables);
	if (!ret)
		release_add(release, gfn, pages);
	return ret;
}

/* The extents that @list has copies of: how many of them are done; -EINTR for a signal. */
static int change_extents(struct part *part, const struct frame_list *list, u64 pages,
			  struct release *release)
{
	struct phv_domain *domain = domain_of(part);
	LIST_HEAD(tables);
	unsigned int i;

	if (!lock_memory(domain))
		return -EINTR;
	for (i = 0; i < list->count && !release_is_full(release); i++)
		if (change_extent(part, list->frame[i], pages, release, &tables))
			break;
	memory_release_end(domain, &tables);
	mutex_unlock(&domain->memory.mutex);
	return i;
}

/*
 * A part of the list: until one extent cannot be done, which ends it all, or enough is done
 * for now. User space hears of what was given back before anything else happens; the next
 * part finds out again what cannot be done.
 */
static long change_list(struct part *part, struct frame_list *list, unsigned int order)
{
	unsigned int max = clamp(PART_FRAMES >> order, 1, LIST_ENTRIES);
	struct release release = {};
	u64 i = part->start;
	bool over = false;
	int done;

	do {
		over = i == list->length || list_fill(list, i, max);
		if (over)
			break;
		done = change_extents(part, list, BIT_ULL(order), &release);
		if (done < 0)
			break;
		i += done;
		over = done < list->count && !release_is_full(&release);
	} while (!over && !release_is_full(&release) && !vcpu_thread_has_work() &&
		 (i - part->start) << order < PART_FRAMES);

	if (release.count) {
		again(part, i);
		return release_to_user(part->call, &release);
	}
	return over ? i : again(part, i);
}

/*
 * What all three return is how many extents have been done, from the first call on: errors
 * too, so that a guest finds nothing done.
 */
static long change_reservation(struct part *part)
{
	struct xen_memory_reservation arg;
	struct frame_list list = { .call = part->call };

	if (read_reservation(part->call, part->arg, &arg))
		return part->start;
	if (arg.nr_extents > MAX_EXTENTS || part->start >= arg.nr_extents ||
	    arg.extent_order > MAX_ORDER_GUEST ||
	    memory_op_domid(domain_of(part), arg.domid))
		return part->start;
	list.gva = (unsigned long)arg.extent_start;
	list.length = arg.nr_extents;

	/* Memory without a frame: there is none. */
	if (part->op == XENMEM_increase_reservation)
		return part->start;
	return change_list(part, &list, arg.extent_order);
}

static long get_reservation(struct part *part)
{
	struct phv_domain *domain = domain_of(part);
	u16 domid;
	long ret;

	if (part->start)
		return -EINVAL;
	if (hypercall_read(part->call, &domid, part->arg, sizeof(domid)))
		return -EFAULT;
	ret = memory_op_domid(domain, domid);
	if (ret)
		return ret;
	if (part->op == XENMEM_maximum_reservation)
		return domain->pv->memory->max_pages;
	if (!lock_memory(domain))
		return again(part, 0);
	if (part->op == XENMEM_maximum_gpfn)
		ret = memory_last_frame(&domain->memory);
	else
		ret = memory_total(&domain->memory);
	mutex_unlock(&domain->memory.mutex);
	return ret;
}

/* There is no machine address that a guest could use: the end of what it has is as good. */
static long maximum_ram_page(struct part *part)
{
	struct phv_domain *domain = domain_of(part);
	long ret;

	if (part->start)
		return -EINVAL;
	if (!lock_memory(domain))
		return again(part, 0);
	ret = memory_last_frame(&domain->memory) + 1;
	mutex_unlock(&domain->memory.mutex);
	return ret;
}

/* Frames that move */

struct compat_add_to_physmap {
	u16 domid;
	u16 size;
	u32 space;
	u32 idx;
	u32 gpfn;
};

struct compat_add_to_physmap_range {
	u16 domid;
	u16 space;
	u16 size;
	u16 foreign_domid;
	u32 idxs;
	u32 gpfns;
	u32 errs;
};

struct compat_remove_from_physmap {
	u16 domid;
	u32 gpfn;
};

/* Of all other spaces Xen has, too, that they are not for every guest. */
static int check_space(unsigned int space)
{
	switch (space) {
	case XENMAPSPACE_gmfn:
	case XENMAPSPACE_gmfn_range:
		return -EOPNOTSUPP;
	case XENMAPSPACE_dev_mmio:
		return -EACCES;
	default:
		return 0;
	}
}

static int map_shared_info(struct phv_domain *domain, u64 idx, u64 gfn)
{
	int ret;

	if (idx)
		return -EINVAL;
	ret = memory_put_overlay(domain, gfn, domain->pv->frames_addr);
	if (!ret)
		time_update_wallclock(domain);
	return ret;
}

static int add_frame(struct phv_domain *domain, unsigned int space, u64 idx, u64 gfn)
{
	unsigned long hva;
	int ret;

	switch (space) {
	case XENMAPSPACE_shared_info:
		return map_shared_info(domain, idx, gfn);
	case XENMAPSPACE_grant_table:
		ret = grant_frame(domain, idx, &hva);
		return ret ? ret : memory_put_overlay(domain, gfn, hva);
	default:
		return -EINVAL;
	}
}

static int read_add(struct hypercall *call, u64 gva, struct xen_add_to_physmap *arg)
{
	struct compat_add_to_physmap compat;
	int ret;

	if (!call->compat)
		return hypercall_read(call, arg, gva, sizeof(*arg));
	ret = hypercall_read(call, &compat, gva, sizeof(compat));
	arg->domid = compat.domid;
	arg->size = compat.size;
	arg->space = compat.space;
	arg->idx = compat.idx;
	arg->gpfn = compat.gpfn;
	return ret;
}

static long add_to_physmap(struct part *part)
{
	struct xen_add_to_physmap arg;
	long ret;

	if (part->start > U16_MAX)
		return -EDOM;
	if (read_add(part->call, part->arg, &arg))
		return -EFAULT;
	if (arg.space == XENMAPSPACE_gmfn_foreign)
		return -ENOSYS;
	ret = memory_op_domid(domain_of(part), arg.domid);
	if (!ret)
		ret = check_space(arg.space);
	if (!ret)
		ret = add_frame(domain_of(part), arg.space, arg.idx, arg.gpfn);
	return ret;
}

static int read_add_range(struct hypercall *call, u64 gva, struct xen_add_to_physmap_range *arg)
{
	struct compat_add_to_physmap_range compat;
	int ret;

	if (!call->compat)
		return hypercall_read(call, arg, gva, sizeof(*arg));
	ret = hypercall_read(call, &compat, gva, sizeof(compat));
	arg->domid = compat.domid;
	arg->space = compat.space;
	arg->size = compat.size;
	arg->foreign_domid = compat.foreign_domid;
	arg->idxs = (void *)(unsigned long)compat.idxs;
	arg->gpfns = (void *)(unsigned long)compat.gpfns;
	arg->errs = (void *)(unsigned long)compat.errs;
	return ret;
}

/* Memory of another domain is not to be had; which error says whether there could be. */
static int add_range_frame(struct phv_domain *domain, const struct xen_add_to_physmap_range *arg,
			   u64 idx, u64 gfn)
{
	int ret;

	if (arg->space != XENMAPSPACE_gmfn_foreign)
		return add_frame(domain, arg->space, idx, gfn);
	ret = memory_op_domid(domain, arg->foreign_domid);
	return ret ? ret : -EINVAL;
}

static long add_to_physmap_range(struct part *part)
{
	struct hypercall *call = part->call;
	struct frame_list idxs = { .call = call };
	struct frame_list gpfns = { .call = call };
	struct xen_add_to_physmap_range arg;
	u64 idx, gfn, i;
	s32 err;
	long ret;

	if (part->start > U16_MAX)
		return -EDOM;
	if (read_add_range(call, part->arg, &arg))
		return -EFAULT;
	if (arg.space == XENMAPSPACE_gmfn_range)
		return -EOPNOTSUPP;
	ret = memory_op_domid(domain_of(part), arg.domid);
	if (!ret)
		ret = check_space(arg.space);
	if (ret)
		return ret;
	if (arg.size < part->start)
		return -EILSEQ;

	idxs.gva = (unsigned long)arg.idxs;
	gpfns.gva = (unsigned long)arg.gpfns;
	idxs.length = arg.size;
	gpfns.length = arg.size;
	for (i = part->start; i < arg.size; i++) {
		if (i - part->start >= PART_ENTRIES || vcpu_thread_has_work())
			return again(part, i);
		if (list_get(&idxs, i, &idx) || list_get(&gpfns, i, &gfn))
			return -EFAULT;
		err = add_range_frame(domain_of(part), &arg, idx, gfn);
		if (hypercall_write(call, (unsigned long)arg.errs + i * sizeof(err), &err,
				    sizeof(err)))
			return -EFAULT;
	}
	return 0;
}

static int read_remove(struct hypercall *call, u64 gva, struct xen_remove_from_physmap *arg)
{
	struct compat_remove_from_physmap compat;
	int ret;

	if (!call->compat)
		return hypercall_read(call, arg, gva, sizeof(*arg));
	ret = hypercall_read(call, &compat, gva, sizeof(compat));
	arg->domid = compat.domid;
	arg->gpfn = compat.gpfn;
	return ret;
}

/* Memory that goes without being counted as given back would be lost: it is given back. */
static long give_back(struct part *part, u64 gfn)
{
	struct phv_domain *domain = domain_of(part);
	struct release release = {};
	LIST_HEAD(tables);
	int ret;

	if (!lock_memory(domain))
		return again(part, 0);
	ret = memory_release(domain, gfn, 1, &tables);
	memory_release_end(domain, &tables);
	mutex_unlock(&domain->memory.mutex);
	if (ret)
		return ret == -EINVAL ? -ENOENT : ret;
	release_add(&release, gfn, 1);
	again(part, 1);
	return release_to_user(part->call, &release);
}

/* What was below an overlay is there again. */
static long remove_from_physmap(struct part *part)
{
	struct xen_remove_from_physmap arg;
	long ret;

	/* User space has seen it: see above. */
	if (part->start == 1)
		return 0;
	if (part->start)
		return -EINVAL;
	if (read_remove(part->call, part->arg, &arg))
		return -EFAULT;
	ret = memory_op_domid(domain_of(part), arg.domid);
	if (ret)
		return ret;
	ret = memory_remove_overlay(domain_of(part), arg.gpfn, 0);
	return ret == -ENOENT ? give_back(part, arg.gpfn) : ret;
}

/* Nobody has told a topology. */
static long get_vnumainfo(struct part *part)
{
	struct {
		u16 domid;
		u16 pad;
	} arg;
	long ret;

	if (part->start)
		return -EINVAL;
	if (hypercall_read(part->call, &arg, part->arg, sizeof(arg)))
		return -EFAULT;
	if (arg.pad)
		return -EINVAL;
	ret = memory_op_domid(domain_of(part), arg.domid);
	return ret ? ret : -EOPNOTSUPP;
}

/**
 * hypercall_memory_op - HYPERVISOR_memory_op
 * @call: command with first entry, address of the argument
 *
 * Any guest may call it, about itself. Return: as Xen's <public/memory.h> says, -ENOSYS for
 * operations that a domain without privileges and without another's memory has no use for,
 * -EPERM for those that need privileges. Context: process; takes pv_domain.mutex and
 * memory.mutex, one after the other.
 */
long hypercall_memory_op(struct hypercall *call)
{
	struct part part = {
		.call	= call,
		.op	= call->arg[0] & COMMAND_MASK,
		.start	= call->arg[0] >> COMMAND_SHIFT,
		.arg	= call->arg[1],
	};

	if (call->fast)
		return HYPERCALL_SLOW;
	switch (part.op) {
	case XENMEM_increase_reservation:
	case XENMEM_decrease_reservation:
	case XENMEM_populate_physmap:
		return change_reservation(&part);
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
	case XENMEM_maximum_gpfn:
		return get_reservation(&part);
	case XENMEM_maximum_ram_page:
		return maximum_ram_page(&part);
	case XENMEM_add_to_physmap:
		return add_to_physmap(&part);
	case XENMEM_add_to_physmap_range:
		return add_to_physmap_range(&part);
	case XENMEM_remove_from_physmap:
		return remove_from_physmap(&part);
	case XENMEM_memory_map:
		return get_memory_map(&part);
	case XENMEM_set_memory_map:
		return set_memory_map(&part);
	case XENMEM_get_vnumainfo:
		return get_vnumainfo(&part);
	case XENMEM_machine_memory_map:
	case XENMEM_set_pod_target:
	case XENMEM_get_pod_target:
	case XENMEM_paging_op:
	case XENMEM_access_op:
	case XENMEM_sharing_op:
	case XENMEM_claim_pages:
	case XENMEM_acquire_resource:
		return -EPERM;
	default:
		return -ENOSYS;
	}
}
