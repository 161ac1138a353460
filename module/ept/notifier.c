// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner's address space changes, and the EPT follows.
 *
 * What lives here: the callbacks of the MMU notifier, and the test that tells a
 * fault that what it found out is out of date.  Called by the kernel's memory
 * management, and by ept/fault.c.
 *
 * The rule: no page is mapped in the EPT that the owner's tables do not map with
 * the same rights, but for the time between the two ends of an invalidation,
 * when only the EPT's entry is gone already.  A fault reads memory.sequence,
 * looks the page up, takes the lock, and starts again when the sequence
 * has moved or an invalidation of the address is under way.
 */
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mmu_notifier.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include <phv.h>

#include "domain.h"
#include "ept/ept.h"
#include "memory.h"
#include "trace.h"
#include "vmx/vmx.h"

static struct phv_domain *domain_of(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct phv_domain, memory.notifier);
}

/* The guest frames of a region that are made of a range of the owner's addresses. */
static bool frames_of(const struct region *region, unsigned long start,
		      unsigned long end, u64 *first, u64 *last)
{
	unsigned long limit = region->hva + (region->pages << PAGE_SHIFT);

	start = max(start, region->hva);
	end = min(end, limit);
	if (start >= end)
		return false;
	*first = region->gfn + ((start - region->hva) >> PAGE_SHIFT);
	*last = region->gfn + ((end - 1 - region->hva) >> PAGE_SHIFT);
	return true;
}

static void zap_overlay(struct phv_domain *domain, u64 gfn, void *tables)
{
	ept_zap(&domain->ept, gfn, gfn + 1, tables);
}

/* Write half of ept.lock held. */
static void zap_owner_range(struct phv_domain *domain, unsigned long start,
			    unsigned long end, struct list_head *tables)
{
	const struct regions *regions =
		rcu_dereference_protected(domain->memory.regions,
					  lockdep_is_held(&domain->ept.lock));
	unsigned int i;
	u64 first, last;

	for (i = 0; i < regions->count; i++)
		if (frames_of(&regions->region[i], start, end, &first, &last))
			ept_zap(&domain->ept, first, last + 1, tables);
	memory_for_overlays(domain, start, end, zap_overlay, tables);
}

static int invalidate_start(struct mmu_notifier *notifier,
			    const struct mmu_notifier_range *range)
{
	struct phv_domain *domain = domain_of(notifier);
	struct memory *memory = &domain->memory;
	LIST_HEAD(tables);

	trace_phv_memory_invalidate(domain, range->start, range->end);
	write_lock(&domain->ept.lock);
	if (!memory->invalidating++) {
		memory->invalid_start = range->start;
		memory->invalid_end = range->end;
	} else {
		/* What lies between is none of it, but there is no harm in waiting. */
		memory->invalid_start = min(memory->invalid_start, range->start);
		memory->invalid_end = max(memory->invalid_end, range->end);
	}
	zap_owner_range(domain, range->start, range->end, &tables);
	write_unlock(&domain->ept.lock);

	ept_flush(&domain->ept);
	ept_free_tables(&tables, mmu_notifier_range_blockable(range));
	return 0;
}

static void invalidate_end(struct mmu_notifier *notifier,
			   const struct mmu_notifier_range *range)
{
	struct phv_domain *domain = domain_of(notifier);

	write_lock(&domain->ept.lock);
	memory_moved(&domain->memory);
	domain->memory.invalidating--;
	write_unlock(&domain->ept.lock);
}

/**
 * memory_is_stale - must a fault start again?
 * @memory: the domain's; either half of ept.lock is held
 * @sequence: memory.sequence from before the fault looked at anything
 * @hva: the owner's address that it looked at
 */
bool memory_is_stale(const struct memory *memory, unsigned long sequence, unsigned long hva)
{
	if (memory->sequence != sequence)
		return true;
	return memory->invalidating && hva >= memory->invalid_start &&
	       hva < memory->invalid_end;
}

/* Without accessed bits the only way to see the next access is to unmap. */
static bool age_by_zapping(struct phv_domain *domain, unsigned long start, unsigned long end)
{
	LIST_HEAD(tables);
	s64 generation;
	bool young;

	write_lock(&domain->ept.lock);
	generation = atomic64_read(&domain->ept.generation);
	zap_owner_range(domain, start, end, &tables);
	young = atomic64_read(&domain->ept.generation) != generation;
	write_unlock(&domain->ept.lock);

	ept_flush(&domain->ept);
	ept_free_tables(&tables, false);
	return young;
}

/* How pages are aged: what ept_test_young() is asked, and what it has said. */
struct age {
	bool clear;
	bool young;
};

static void age_overlay(struct phv_domain *domain, u64 gfn, void *arg)
{
	struct age *age = arg;

	age->young |= ept_test_young(&domain->ept, gfn, gfn + 1, age->clear);
}

static int age_range(struct phv_domain *domain, unsigned long start, unsigned long end, bool clear)
{
	struct age age = { .clear = clear };
	const struct regions *regions;
	u64 first, last;
	unsigned int i;

	if (clear && !vmx_has(PHV_CAP_EPT_AD))
		return age_by_zapping(domain, start, end);

	read_lock(&domain->ept.lock);
	regions = rcu_dereference_protected(domain->memory.regions,
					    lockdep_is_held(&domain->ept.lock));
	for (i = 0; i < regions->count; i++)
		if (frames_of(&regions->region[i], start, end, &first, &last))
			age.young |= ept_test_young(&domain->ept, first, last + 1, clear);
	memory_for_overlays(domain, start, end, age_overlay, &age);
	read_unlock(&domain->ept.lock);
	return age.young;
}

static int clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
		       unsigned long start, unsigned long end)
{
	return age_range(domain_of(notifier), start, end, true);
}

static int test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
		      unsigned long address)
{
	return age_range(domain_of(notifier), address, address + PAGE_SIZE, false);
}

/* The owner's address space ends, or memory_unwatch(): no vCPU runs any more. */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct phv_domain *domain = domain_of(notifier);
	LIST_HEAD(tables);

	write_lock(&domain->ept.lock);
	memory_moved(&domain->memory);
	ept_zap(&domain->ept, 0, BIT_ULL(EPT_ADDRESS_BITS - PAGE_SHIFT), &tables);
	write_unlock(&domain->ept.lock);

	ept_flush(&domain->ept);
	ept_free_tables(&tables, true);
}

/*
 * change_pte, of kernels that have it, is left out on purpose: the invalidation
 * that surrounds it does all that is needed.
 */
static const struct mmu_notifier_ops notifier_ops = {
	.release		= release,
	.clear_flush_young	= clear_young,
	.clear_young		= clear_young,
	.test_young		= test_young,
	.invalidate_range_start	= invalidate_start,
	.invalidate_range_end	= invalidate_end,
};

/**
 * memory_watch - follow what happens to current->mm from now on
 * @domain: has an EPT and a table of regions
 *
 * Return: 0 or -ENOMEM; -ERESTARTNOINTR when a signal is pending: the system call starts again
 * behind that, and user space does not notice.
 */
int memory_watch(struct phv_domain *domain)
{
	int ret;

	domain->memory.notifier.ops = &notifier_ops;
	ret = mmu_notifier_register(&domain->memory.notifier, current->mm);
	return ret == -EINTR ? -ERESTARTNOINTR : ret;
}

/* Undo memory_watch(): on return no callback runs, and none will. */
void memory_unwatch(struct phv_domain *domain)
{
	mmu_notifier_unregister(&domain->memory.notifier, domain->memory.mm);
}
