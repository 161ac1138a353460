/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain's guest-physical memory.
 *
 * Regions say which guest-physical addresses are which addresses of the owner,
 * the process that created the domain.  The EPT follows: filled by faults,
 * emptied by the MMU notifier.
 */
#ifndef PHV_MEMORY_H
#define PHV_MEMORY_H

#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct mm_struct;
struct page;
struct phv_domain;
struct phv_vcpu;

/**
 * struct region - guest frames backed by a range of the owner's addresses
 * @gfn: first guest frame
 * @pages: frames
 * @hva: first address of the owner
 * @flags: PHV_MEMORY_*
 * @dirty: a bit for each frame that was written, or NULL without PHV_MEMORY_LOG_DIRTY
 */
struct region {
	u64 gfn;
	u64 pages;
	unsigned long hva;
	u32 flags;
	unsigned long *dirty;
};

/* All regions of a domain, sorted by @gfn.  Replaced as a whole. */
struct regions {
	struct rcu_head rcu;
	unsigned int count;
	struct region region[];
};

/*
 * What protects a member:
 *	I	immutable after creation
 *	m	@mutex and the write half of ept.lock to change it, any of the
 *		two or RCU to read it
 *	l	the write half of ept.lock to change it, the lock to read it
 */
struct memory {
	struct mm_struct *mm;			/* I: the owner's, by mmgrab() */
	struct mmu_notifier notifier;		/* I */
	struct mutex mutex;			/* ioctls that change regions or their logs */
	struct regions __rcu *regions;		/* m */
	unsigned long sequence;			/* l: moves when a fault's findings get stale */
	unsigned int invalidating;		/* l: invalidations under way */
	unsigned long invalid_start;		/* l: owner's addresses that they are about */
	unsigned long invalid_end;		/* l */
};

/* With the domain. -ENOMEM, -EINTR. Binds it to current->mm. */
int memory_create(struct phv_domain *domain);
void memory_destroy(struct phv_domain *domain);

/* Is this the process that the domain belongs to? */
bool memory_is_owner(const struct phv_domain *domain);

int memory_add_ioctl(struct phv_domain *domain, const void __user *uarg);
int memory_change_ioctl(struct phv_domain *domain, const void __user *uarg);
int memory_remove_ioctl(struct phv_domain *domain, const void __user *uarg);
int memory_dirty_ioctl(struct phv_domain *domain, const void __user *uarg);

/**
 * memory_fault - a guest access found no, or not enough, rights in the EPT
 * @vcpu: the vCPU, loaded
 * @gpa: guest-physical address
 * @access: PHV_ACCESS_*
 *
 * Return: 1 when it can be tried again, 0 when there is no such memory (a hole,
 * or a write to read-only memory), -EFAULT when the owner has none there,
 * -EINTR, -ENOMEM. Process context, preemption on, owner's address space.
 */
int memory_fault(struct phv_vcpu *vcpu, u64 gpa, u32 access);

/**
 * memory_fault_fast - the same for what can be done without sleeping
 * @vcpu: the vCPU, in the inner loop
 * @gpa: guest-physical address
 * @access: PHV_ACCESS_*
 *
 * Return: true when the access can be tried again; false when memory_fault() is
 * to be called, from outside of the inner loop. Interrupts off, owner's address space.
 */
bool memory_fault_fast(struct phv_vcpu *vcpu, u64 gpa, u32 access);

/*
 * Copy from or to guest-physical memory. Process context, owner's address space. All, or
 * -EFAULT; writes to read-only regions fail; dirty logs know of writes.
 */
int memory_read(struct phv_domain *domain, u64 gpa, void *buf, size_t size);
int memory_write(struct phv_domain *domain, u64 gpa, const void *buf, size_t size);

/*
 * The rest is for module/memory.c and module/ept/ only.
 */

/* memory.c: RCU read lock held; the region lives as long as that is. */
const struct region *memory_find(const struct memory *memory, u64 gfn);
void memory_log(const struct region *region, u64 gfn);

static inline unsigned long region_hva(const struct region *region, u64 gfn)
{
	return region->hva + ((gfn - region->gfn) << PAGE_SHIFT);
}

/* ept/fault.c */
int memory_get_page(unsigned long hva, bool write, bool *writable, struct page **page);

/* ept/notifier.c */
int memory_watch(struct phv_domain *domain);
void memory_unwatch(struct phv_domain *domain);
bool memory_is_stale(const struct memory *memory, unsigned long sequence, unsigned long hva);

#endif /* PHV_MEMORY_H */
