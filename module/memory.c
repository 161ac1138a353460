// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain's regions of memory.
 *
 * What lives here: adding, changing and removing regions, finding them, and
 * copying from and to guest-physical memory.  Called for the ioctls of a
 * domain, and by everything that reads what a guest points to.
 *
 * The table of regions is replaced as a whole and read under RCU.  Replacing it
 * makes faults under way stale, so that after the zap that follows no vCPU has the old
 * region's memory; and the grace period after that lasts until the last copy is
 * done.  Nobody waits for a fault or a copy that sleeps.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/apicdef.h>
#include <asm/processor.h>

#include <phv.h>

#include "domain.h"
#include "ept/ept.h"
#include "memory.h"

static const u32 known_flags = PHV_MEMORY_READONLY | PHV_MEMORY_LOG_DIRTY;

/* The table */

static struct regions *regions_alloc(unsigned int count)
{
	struct regions *regions;

	regions = kvzalloc(struct_size(regions, region, count), GFP_KERNEL_ACCOUNT);
	if (regions)
		regions->count = count;
	return regions;
}

/* For the ioctls: memory.mutex held. */
static struct regions *regions_of(struct memory *memory)
{
	return rcu_dereference_protected(memory->regions, lockdep_is_held(&memory->mutex));
}

/* The index of the first region that ends after @gfn. */
static unsigned int regions_search(const struct regions *regions, u64 gfn)
{
	unsigned int low = 0, high = regions->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;
		const struct region *region = &regions->region[middle];

		if (gfn < region->gfn + region->pages)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/**
 * memory_find - the region with a guest frame
 * @memory: the domain's
 * @gfn: guest frame
 *
 * Return: NULL when there is none.  Context: RCU read lock held.
 */
const struct region *memory_find(const struct memory *memory, u64 gfn)
{
	const struct regions *regions = rcu_dereference(memory->regions);
	unsigned int i = regions_search(regions, gfn);

	if (i == regions->count || gfn < regions->region[i].gfn)
		return NULL;
	return &regions->region[i];
}

u64 memory_size(const struct memory *memory)
{
	const struct regions *regions;
	unsigned int i;
	u64 pages = 0;

	rcu_read_lock();
	regions = rcu_dereference(memory->regions);
	for (i = 0; i < regions->count; i++)
		pages += regions->region[i].pages;
	rcu_read_unlock();
	return pages << PAGE_SHIFT;
}

/**
 * memory_log - a guest frame was written
 * @region: its region
 * @gfn: guest frame
 *
 * Context: any; RCU read lock or what else keeps the region.
 */
void memory_log(const struct region *region, u64 gfn)
{
	u64 page = gfn - region->gfn;

	/* Most are known already: leave the cache line to all who read it. */
	if (region->dirty && !test_bit(page, region->dirty))
		set_bit(page, region->dirty);
}

int memory_hva(struct phv_domain *domain, u64 gfn, bool write, unsigned long *hva)
{
	struct region region;
	int ret = 0;

	rcu_read_lock();
	if (!memory_lookup(&domain->memory, gfn, &region))
		ret = -ENXIO;
	else if (write && (region.flags & PHV_MEMORY_READONLY))
		ret = -EACCES;
	else
		*hva = region_hva(&region, gfn);
	rcu_read_unlock();
	return ret;
}

void memory_log_hva(struct phv_domain *domain, unsigned long hva)
{
	const struct regions *regions;
	unsigned int i;

	rcu_read_lock();
	regions = rcu_dereference(domain->memory.regions);
	for (i = 0; i < regions->count; i++) {
		const struct region *region = &regions->region[i];

		if (hva >= region->hva && hva - region->hva < region->pages << PAGE_SHIFT)
			memory_log(region, region->gfn + ((hva - region->hva) >> PAGE_SHIFT));
	}
	rcu_read_unlock();
}

/*
 * Take @new as the table of regions; faults under way start again.  What @zap
 * maps, if it is not NULL, is unmapped in the same step: from here on the MMU
 * notifier may know nothing of it.
 */
static void regions_replace(struct phv_domain *domain, struct regions *new,
			    const struct region *zap)
{
	struct memory *memory = &domain->memory;
	struct regions *old = regions_of(memory);
	struct ept *ept = &domain->ept;
	LIST_HEAD(tables);

	write_lock(&ept->lock);
	rcu_assign_pointer(memory->regions, new);
	memory_moved(memory);
	if (zap)
		ept_zap(ept, zap->gfn, zap->gfn + zap->pages, &tables);
	write_unlock(&ept->lock);

	ept_flush(ept);
	ept_free_tables(&tables, true);
	kvfree_rcu(old, rcu);
}

/* Creation */

int memory_create(struct phv_domain *domain)
{
	struct memory *memory = &domain->memory;
	struct regions *regions;
	int ret;

	mutex_init(&memory->mutex);
	regions = regions_alloc(0);
	if (!regions)
		return -ENOMEM;
	RCU_INIT_POINTER(memory->regions, regions);
	ret = ept_create(&domain->ept);
	if (ret)
		goto free_regions;
	mmgrab(current->mm);
	memory->mm = current->mm;
	ret = memory_watch(domain);
	if (ret)
		goto drop_mm;
	return 0;

drop_mm:
	mmdrop(memory->mm);
	ept_destroy(&domain->ept);
free_regions:
	kvfree(regions);
	return ret;
}

void memory_destroy(struct phv_domain *domain)
{
	struct regions *regions = rcu_dereference_protected(domain->memory.regions, true);
	unsigned int i;

	memory_unwatch(domain);
	mmdrop(domain->memory.mm);
	ept_destroy(&domain->ept);
	for (i = 0; i < regions->count; i++) {
		kvfree(regions->region[i].dirty);
		kvfree(regions->region[i].holes);
	}
	kvfree(regions);
	memory_free_overlays(&domain->memory);
}

/* Ioctls */

/* Guest-physical addresses are as wide as the host's, as far as the tables reach. */
static unsigned int address_bits(void)
{
	return min_t(unsigned int, boot_cpu_data.x86_phys_bits, EPT_ADDRESS_BITS);
}

/* The frame after the last that there can be. */
u64 memory_frames_limit(void)
{
	return BIT_ULL(address_bits() - PAGE_SHIFT);
}

static int memory_arg(struct phv_domain *domain, const void __user *uarg,
		      struct phv_memory *arg)
{
	u64 limit = BIT_ULL(address_bits());

	if (!memory_is_owner(domain))
		return -EPERM;
	if (copy_from_user(arg, uarg, sizeof(*arg)))
		return -EFAULT;
	if (arg->reserved || arg->flags & ~known_flags || !arg->size ||
	    !PAGE_ALIGNED(arg->guest_addr | arg->size | arg->user_addr))
		return -EINVAL;
	if (arg->size > limit || arg->guest_addr > limit - arg->size)
		return -EINVAL;
	/* Memory there would hide the local APICs from guests in xAPIC mode. */
	if (arg->guest_addr <= APIC_DEFAULT_PHYS_BASE &&
	    arg->size > APIC_DEFAULT_PHYS_BASE - arg->guest_addr)
		return -EINVAL;
	/* No tagged addresses: the MMU notifier speaks of plain ones. */
	if (arg->size > TASK_SIZE_MAX || arg->user_addr > TASK_SIZE_MAX - arg->size)
		return -EINVAL;
	return 0;
}

/* The region has a log from here on when its flags say so. */
static int region_set_flags(struct region *region, u32 flags)
{
	bool log = flags & PHV_MEMORY_LOG_DIRTY;

	region->flags = flags;
	if (!log) {
		region->dirty = NULL;
	} else if (!region->dirty) {
		region->dirty = kvcalloc(BITS_TO_LONGS(region->pages), sizeof(long),
					 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!region->dirty)
			return -ENOMEM;
	}
	return 0;
}

/* Is @arg the region with this index, as it was added? */
static bool is_region(const struct regions *regions, unsigned int i,
		      const struct phv_memory *arg)
{
	const struct region *region = &regions->region[i];

	return i < regions->count && region->gfn == arg->guest_addr >> PAGE_SHIFT &&
	       region->pages == arg->size >> PAGE_SHIFT && region->hva == arg->user_addr;
}

static int add_region(struct phv_domain *domain, const struct phv_memory *arg)
{
	struct regions *old = regions_of(&domain->memory);
	struct region region = {
		.gfn	= arg->guest_addr >> PAGE_SHIFT,
		.pages	= arg->size >> PAGE_SHIFT,
		.hva	= arg->user_addr,
	};
	unsigned int i = regions_search(old, region.gfn);
	struct regions *new;

	if (i < old->count && old->region[i].gfn < region.gfn + region.pages)
		return -EEXIST;
	if (old->count == PHV_MAX_REGIONS)
		return -ENOSPC;

	new = regions_alloc(old->count + 1);
	if (!new)
		return -ENOMEM;
	if (region_set_flags(&region, arg->flags)) {
		kvfree(new);
		return -ENOMEM;
	}
	memcpy(new->region, old->region, i * sizeof(region));
	new->region[i] = region;
	memcpy(new->region + i + 1, old->region + i, (old->count - i) * sizeof(region));

	if (region.dirty)
		atomic_inc(&domain->ept.logged);
	regions_replace(domain, new, NULL);
	return 0;
}

static int remove_region(struct phv_domain *domain, const struct phv_memory *arg)
{
	struct regions *old = regions_of(&domain->memory);
	unsigned int i = regions_search(old, arg->guest_addr >> PAGE_SHIFT);
	struct region region;
	struct regions *new;

	if (arg->flags)
		return -EINVAL;
	if (!is_region(old, i, arg))
		return -ENOENT;
	region = old->region[i];
	if (memory_drop_aliases(domain, region.gfn, region.pages))
		return -ENOMEM;
	new = regions_alloc(old->count - 1);
	if (!new)
		return -ENOMEM;
	memcpy(new->region, old->region, i * sizeof(region));
	memcpy(new->region + i, old->region + i + 1, (new->count - i) * sizeof(region));

	regions_replace(domain, new, &region);
	/* Copies end, and readers of the log. */
	synchronize_rcu_expedited();
	if (region.dirty)
		atomic_dec(&domain->ept.logged);
	kvfree(region.dirty);
	kvfree(region.holes);
	return 0;
}

/* Take away what the flags in @set, new to the table, don't allow any more. */
static void apply_flags(struct phv_domain *domain, const struct region *region, u32 set)
{
	u64 start = region->gfn, end = start + region->pages;

	if (set & PHV_MEMORY_READONLY)
		ept_write_protect(&domain->ept, start, end);
	if (set & PHV_MEMORY_LOG_DIRTY)
		ept_log_writes(&domain->ept, start, end);
	ept_flush(&domain->ept);
}

/*
 * What is mapped with fewer rights than it may have from now on is left to faults.
 * But when a log ends, all is unmapped, so that large pages are mapped again.
 */
static int change_region(struct phv_domain *domain, const struct phv_memory *arg)
{
	struct regions *old = regions_of(&domain->memory);
	unsigned int i = regions_search(old, arg->guest_addr >> PAGE_SHIFT);
	struct region region;
	struct regions *new;
	bool logged, log;

	if (!is_region(old, i, arg))
		return -ENOENT;
	region = old->region[i];
	logged = region.flags & PHV_MEMORY_LOG_DIRTY;
	log = arg->flags & PHV_MEMORY_LOG_DIRTY;
	if (arg->flags & PHV_MEMORY_READONLY &&
	    memory_drop_aliases(domain, region.gfn, region.pages))
		return -ENOMEM;
	new = regions_alloc(old->count);
	if (!new)
		return -ENOMEM;
	memcpy(new->region, old->region, old->count * sizeof(region));
	if (region_set_flags(&new->region[i], arg->flags)) {
		kvfree(new);
		return -ENOMEM;
	}

	if (log && !logged)
		atomic_inc(&domain->ept.logged);
	regions_replace(domain, new, logged && !log ? &region : NULL);
	apply_flags(domain, &new->region[i], arg->flags & ~region.flags);
	/* Copies to memory that is read-only now end, and users of a log that is gone. */
	synchronize_rcu_expedited();
	if (logged && !log) {
		atomic_dec(&domain->ept.logged);
		kvfree(region.dirty);
	}
	return 0;
}

static struct holes *holes_alloc(u64 pages)
{
	struct holes *holes;

	return kvzalloc(struct_size(holes, bit, BITS_TO_LONGS(pages)),
			GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

/**
 * memory_make_hole_maps - have a place to note holes in
 * @domain: the domain
 * @gfn: first guest frame
 * @pages: frames that may become holes
 *
 * Return: 0 or -ENOMEM.  Context: process; memory.mutex held.
 */
int memory_make_hole_maps(struct phv_domain *domain, u64 gfn, u64 pages)
{
	struct regions *old = regions_of(&domain->memory);
	unsigned int i = regions_search(old, gfn);
	struct regions *new;

	for (; i < old->count && old->region[i].gfn < gfn + pages; i++) {
		if (old->region[i].holes)
			continue;
		new = regions_alloc(old->count);
		if (!new)
			return -ENOMEM;
		memcpy(new->region, old->region, old->count * sizeof(*new->region));
		new->region[i].holes = holes_alloc(new->region[i].pages);
		if (!new->region[i].holes) {
			kvfree(new);
			return -ENOMEM;
		}
		regions_replace(domain, new, NULL);
		old = new;
	}
	return 0;
}

static int change_regions(struct phv_domain *domain, const void __user *uarg,
			  int (*change)(struct phv_domain *domain, const struct phv_memory *arg))
{
	struct phv_memory arg;
	int ret;

	ret = memory_arg(domain, uarg, &arg);
	if (ret)
		return ret;
	mutex_lock(&domain->memory.mutex);
	ret = change(domain, &arg);
	mutex_unlock(&domain->memory.mutex);
	return ret;
}

/**
 * memory_add_ioctl - PHV_ADD_MEMORY
 * @domain: the domain
 * @uarg: struct phv_memory in user memory
 *
 * Return: 0 or an errno as <phv.h> lists them; the two below likewise.
 */
int memory_add_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	return change_regions(domain, uarg, add_region);
}

/* PHV_CHANGE_MEMORY */
int memory_change_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	return change_regions(domain, uarg, change_region);
}

/* PHV_REMOVE_MEMORY */
int memory_remove_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	return change_regions(domain, uarg, remove_region);
}

/* Copies */

/*
 * Copy within a page, in one RCU read-side section, which must not sleep: when the owner's
 * page is not there, -EAGAIN, and *@hva says where.
 */
static int try_copy(const struct memory *memory, u64 gpa, void *buf, size_t size,
		    bool write, unsigned long *hva)
{
	u64 gfn = gpa >> PAGE_SHIFT;
	struct region region;
	void __user *user;
	int ret = -EFAULT;

	rcu_read_lock();
	if (!memory_lookup(memory, gfn, &region) ||
	    (write && region.flags & PHV_MEMORY_READONLY))
		goto out;
	*hva = region_hva(&region, gfn) + offset_in_page(gpa);
	user = (void __user *)*hva;
	if (write)
		ret = copy_to_user_nofault(user, buf, size);
	else
		ret = copy_from_user_nofault(buf, user, size);
	if (ret)
		ret = -EAGAIN;
	else if (write)
		memory_log(&region, gfn);
out:
	rcu_read_unlock();
	return ret;
}

/* A page that comes and goes again is worth some tries. */
#define COPY_TRIES	16

static int copy_in_page(const struct memory *memory, u64 gpa, void *buf, size_t size, bool write)
{
	unsigned int tries;
	unsigned long hva;
	struct page *page;
	int ret;

	for (tries = 0; tries < COPY_TRIES; tries++) {
		ret = try_copy(memory, gpa, buf, size, write, &hva);
		if (ret != -EAGAIN)
			return ret;
		if (memory_get_page(hva, write, false, NULL, &page))
			return -EFAULT;
		put_page(page);
	}
	return -EFAULT;
}

static int copy_guest(struct phv_domain *domain, u64 gpa, void *buf, size_t size, bool write)
{
	int ret = 0;

	while (size && !ret) {
		size_t part = min_t(size_t, size, PAGE_SIZE - offset_in_page(gpa));

		ret = copy_in_page(&domain->memory, gpa, buf, part, write);
		gpa += part;
		buf += part;
		size -= part;
	}
	return ret;
}

int memory_read(struct phv_domain *domain, u64 gpa, void *buf, size_t size)
{
	return copy_guest(domain, gpa, buf, size, false);
}

int memory_write(struct phv_domain *domain, u64 gpa, const void *buf, size_t size)
{
	return copy_guest(domain, gpa, (void *)buf, size, true);
}

int memory_try_read(struct phv_domain *domain, u64 gpa, void *buf, size_t size)
{
	unsigned long hva;

	return try_copy(&domain->memory, gpa, buf, size, false, &hva);
}

int memory_try_write(struct phv_domain *domain, u64 gpa, const void *buf, size_t size)
{
	unsigned long hva;

	return try_copy(&domain->memory, gpa, (void *)buf, size, true, &hva);
}
