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

struct holes;
struct list_head;
struct mm_struct;
struct overlays;
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
 * @holes: frames that the guest has given back, or NULL while there was none
 */
struct region {
	u64 gfn;
	u64 pages;
	unsigned long hva;
	u32 flags;
	unsigned long *dirty;
	struct holes *holes;
};

/* Changed under memory.mutex and the write half of ept.lock, read under any of them; bits: RCU. */
struct holes {
	u64 count;
	unsigned long bit[];
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
	struct overlays __rcu *overlays;	/* m: see physmap.c; NULL for none */
	unsigned long sequence;			/* l, a to read: moves when findings get stale */
	unsigned int invalidating;		/* l: invalidations under way */
	unsigned long invalid_start;		/* l: owner's addresses that they are about */
	unsigned long invalid_end;		/* l */
};

/* Where a vCPU has last seen frames of the guest, see memory_fast.c; @pages 0 for none. */
struct memory_window {
	u64 gfn;
	u64 pages;
	unsigned long hva;
	bool writable;
};

#define MEMORY_WINDOWS	16

struct memory_cache {
	unsigned long sequence;		/* memory.sequence that all of it is from */
	struct memory_window window[MEMORY_WINDOWS];
};

/* With the domain. -ENOMEM, -EINTR. Binds it to current->mm. */
int memory_create(struct phv_domain *domain);
void memory_destroy(struct phv_domain *domain);

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
 * The same for what can be done without sleeping: 0, -EFAULT, or -EAGAIN when it has to be
 * tried otherwise. Within a page; owner's address space. The first two in any context but NMI,
 * the others, in memory_fast.c, in the inner loop: they are the quick ones. Who calls
 * them there keeps CR2 and PKRU, and disables page faults.
 */
int memory_try_read(struct phv_domain *domain, u64 gpa, void *buf, size_t size);
int memory_try_write(struct phv_domain *domain, u64 gpa, const void *buf, size_t size);
int memory_read_nofault(struct phv_vcpu *vcpu, u64 gpa, void *buf, size_t size);
int memory_read64_nofault(struct phv_vcpu *vcpu, u64 gpa, u64 *value);
int memory_write_nofault(struct phv_vcpu *vcpu, u64 gpa, const void *buf, size_t size);

/*
 * The owner's address of a guest frame at this moment: 0, -ENXIO when there is no memory,
 * -EACCES for @write when it is read-only. Any context.
 */
int memory_hva(struct phv_domain *domain, u64 gfn, bool write, unsigned long *hva);

/* Somebody wrote to the owner's page: the logs of all regions that have it know. Any context. */
void memory_log_hva(struct phv_domain *domain, unsigned long hva);

/*
 * What the guest does to its own map, see physmap.c: overlays, pages of the owner that are
 * seen at a guest frame, whatever is there, and holes, frames that it has given back.
 */

#define MEMORY_NO_FRAME		(~0ULL)

/**
 * memory_put_overlay - show a page of the owner at a guest frame
 * @domain: the domain
 * @gfn: guest frame
 * @hva: the page's address, of the owner
 *
 * Another overlay there is gone. The page is seen at one frame at a time.
 *
 * Return: 0; -EINVAL for a frame that is none; -ENOSPC, -ENOMEM. Context: process.
 */
int memory_put_overlay(struct phv_domain *domain, u64 gfn, unsigned long hva);

/**
 * memory_put_alias - show memory of the guest at a second frame
 * @domain: the domain
 * @gfn: where
 * @of: guest frame with the memory
 * @readonly: not to be written there
 * @hva: set to the owner's address of the memory
 *
 * While it is so, the guest cannot give the memory back.
 *
 * Return: as memory_put_overlay(); -ENOENT when @of is not memory, or read-only, or has
 * an overlay.
 */
int memory_put_alias(struct phv_domain *domain, u64 gfn, u64 of, bool readonly,
		     unsigned long *hva);

/**
 * memory_remove_overlay - show what was below an overlay, or alias
 * @domain: the domain
 * @gfn: guest frame
 * @hva: only if it is this page; 0 for any
 *
 * Return: 0; -ENOENT when there is none; -ENOMEM. Context: process.
 */
int memory_remove_overlay(struct phv_domain *domain, u64 gfn, unsigned long hva);

/* The guest frame at which an overlay is, or MEMORY_NO_FRAME. */
u64 memory_overlay_frame(struct phv_domain *domain, unsigned long hva);

/**
 * memory_release - make frames holes
 * @domain: the domain; memory.mutex held
 * @gfn: first guest frame
 * @pages: frames
 * @tables: a list, for memory_release_end()
 *
 * Overlays in the range are gone. All or nothing.
 *
 * Return: 0; -EINVAL when a frame has neither memory that can be written nor an
 * overlay; -EBUSY when it has an alias; -ENOMEM. Context: process.
 */
int memory_release(struct phv_domain *domain, u64 gfn, u64 pages, struct list_head *tables);

/**
 * memory_populate - make holes memory again
 * @domain: the domain; memory.mutex held
 * @gfn: first guest frame
 * @pages: frames
 * @limit: the most memory_total() may be after that
 * @tables: a list, for memory_release_end()
 *
 * Overlays in the range are gone. What is memory already stays as it is. All or nothing.
 *
 * Return: 0; -EINVAL when a frame is not of a region that can be written; -ENOSPC; -ENOMEM.
 * Context: process.
 */
int memory_populate(struct phv_domain *domain, u64 gfn, u64 pages, u64 limit,
		    struct list_head *tables);

/* After any of these: no vCPU has the old pages from here on. Process context. */
void memory_release_end(struct phv_domain *domain, struct list_head *tables);

/* Frames with memory that can be written; memory.mutex held. */
u64 memory_total(const struct memory *memory);

/* The last frame that is something; memory.mutex held. */
u64 memory_last_frame(const struct memory *memory);

/**
 * memory_lookup - what is at a guest frame
 * @memory: the domain's
 * @gfn: guest frame
 * @region: set to its region, or to one that stands for the overlay there
 *
 * Return: false when it is a hole. Context: RCU read lock held; what @region points to
 * lives as long as that is, or until memory_is_stale().
 */
bool memory_lookup(const struct memory *memory, u64 gfn, struct region *region);

static inline unsigned long region_hva(const struct region *region, u64 gfn)
{
	return region->hva + ((gfn - region->gfn) << PAGE_SHIFT);
}

/* Bytes in all regions. Any context. */
u64 memory_size(const struct memory *memory);

/*
 * The rest is for module/memory.c, module/physmap.c and module/ept/ only.
 */

/* physmap.c */
bool memory_is_whole(const struct memory *memory, u64 gfn, u64 pages);
void memory_for_overlays(struct phv_domain *domain, unsigned long start, unsigned long end,
			 void (*function)(struct phv_domain *domain, u64 gfn, void *arg),
			 void *arg);
void memory_free_overlays(struct memory *memory);
int memory_drop_aliases(struct phv_domain *domain, u64 gfn, u64 pages);
void memory_log_aliases(const struct memory *memory);

/*
 * memory.c: RCU read lock held; the region lives as long as that is. It may have holes and
 * overlays: what is seen at a frame, memory_lookup() tells.
 */
const struct region *memory_find(const struct memory *memory, u64 gfn);
void memory_log(const struct region *region, u64 gfn);

u64 memory_frames_limit(void);
int memory_make_hole_maps(struct phv_domain *domain, u64 gfn, u64 pages);

/* ept/fault.c */
int memory_get_page(unsigned long hva, bool write, bool interruptible, bool *writable,
		    struct page **page);

/* What faults under way have found is out of date. Write half of ept.lock held. */
static inline void memory_moved(struct memory *memory)
{
	WRITE_ONCE(memory->sequence, memory->sequence + 1);
}

/* ept/notifier.c */
int memory_watch(struct phv_domain *domain);
void memory_unwatch(struct phv_domain *domain);
bool memory_is_stale(const struct memory *memory, unsigned long sequence, unsigned long hva);

#endif /* PHV_MEMORY_H */
