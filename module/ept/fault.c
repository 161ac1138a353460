// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT violations: from a guest-physical address to a page of the owner.
 *
 * What lives here: finding the page and the size in which the host maps it,
 * and installing it.  Called by the exit handlers, through memory_fault(), and
 * by module/memory.c, which wants pages too.
 *
 * No page stays pinned: a reference is held from the look-up until the entry is
 * installed; from then on the MMU notifier tells when the page goes.  While a
 * page is looked up no lock is held, so that can take as long as it
 * likes (swap, userfaultfd) and stops nobody; what has changed meanwhile is
 * found out at the end by memory_is_stale().
 */
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>
#include <asm/pkru.h>
#include <asm/apicdef.h>

#include <phv.h>

#include "compat.h"
#include "domain.h"
#include "ept/ept.h"
#include "memory.h"
#include "pv/pv.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/vmx.h"

/*
 * The page at an address, if it is present with the rights that are wanted; @writable as
 * for memory_get_page(). Any context but NMI.
 */
static bool get_present_page(unsigned long hva, bool write, bool *writable, struct page **page)
{
	if (writable) {
		*writable = get_user_pages_fast_only(hva, 1, FOLL_WRITE, page) == 1;
		if (*writable)
			return true;
	}
	return !write && get_user_pages_fast_only(hva, 1, 0, page) == 1;
}

/**
 * memory_get_page - the page at an address of the owner, made present
 * @hva: the address; current is the owner
 * @write: it must be writable
 * @interruptible: the wait ends with any signal, not only with one that kills
 * @writable: where to say whether it is writable, or NULL when nobody wants to write
 * @page: set to the page, with a reference
 *
 * A page that the owner may write is not taken away from others (KSM, the zero page,
 * a forked child) before the guest writes to it.
 *
 * Return: 0; -EFAULT when the owner could not access it so, has a device mapped
 * there, or it is poisoned (then SIGBUS is sent, too); -EINTR; -ENOMEM.
 * Context: process; may sleep for long.
 */
int memory_get_page(unsigned long hva, bool write, bool interruptible, bool *writable,
		    struct page **page)
{
	unsigned int flags = FOLL_HWPOISON | PHV_FOLL_GUEST;
	struct page *better;
	long ret;

	if (get_present_page(hva, write, writable, page))
		return 0;

	if (write)
		flags |= FOLL_WRITE;
	if (interruptible)
		flags |= PHV_FOLL_INTERRUPTIBLE;
	ret = get_user_pages_unlocked(hva, 1, page, flags);
	switch (ret) {
	case 1:
		break;
	case -EINTR:
	case -ENOMEM:
		return ret;
	case -EHWPOISON:
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva, PAGE_SHIFT, current);
		return -EFAULT;
	default:
		return signal_pending(current) ? -EINTR : -EFAULT;
	}

	if (!writable)
		return 0;
	*writable = write;
	/* What came in for reading, from swap for example, is often writable, too. */
	if (!write && get_user_pages_fast_only(hva, 1, FOLL_WRITE, &better) == 1) {
		put_page(*page);
		*page = better;
		*writable = true;
	}
	return 0;
}

/*
 * The size in which the host maps a present address.  Interrupts off: page tables
 * are freed only after an IPI to, or an RCU grace period of, all CPUs
 * that may be walking them, as this one. The caller checks for staleness afterwards.
 */
static int host_level(struct mm_struct *mm, unsigned long hva)
{
	int level = EPT_4K;
	unsigned long flags;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		level = EPT_1G;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (pmd_present(pmd) && pmd_leaf(pmd))
		level = EPT_2M;
out:
	local_irq_restore(flags);
	return level;
}

/* Everything about one fault; fault_init() and fault_find() fill it in. */
struct fault {
	struct region region;		/* a copy, valid until memory_is_stale() */
	unsigned long sequence;
	u64 gfn;
	unsigned long hva;
	bool write;
	bool execute;
	bool atomic;			/* interrupts are off: don't wait for the lock */
	bool may_write;			/* the region allows it */
	bool host_writable;
	struct page *page;		/* the owner's, with a reference, or NULL */
	int level;			/* size to map it in */
};

/* Does the page of that level around the address belong to the region as a whole? */
static bool fits(const struct fault *fault, int level)
{
	const struct region *region = &fault->region;
	u64 mask = BIT_ULL(9 * (level - 1)) - 1;

	return !((fault->gfn ^ (fault->hva >> PAGE_SHIFT)) & mask) &&
	       (fault->gfn & ~mask) >= region->gfn &&
	       (fault->gfn | mask) < region->gfn + region->pages;
}

/* And is none of it hidden by an overlay, or a hole? */
static bool is_whole(const struct memory *memory, const struct fault *fault, int level)
{
	u64 pages = BIT_ULL(9 * (level - 1));
	bool whole;

	rcu_read_lock();
	whole = memory_is_whole(memory, fault->gfn & ~(pages - 1), pages);
	rcu_read_unlock();
	return whole;
}

static int fault_level(const struct memory *memory, const struct fault *fault)
{
	int level = ept_max_level(fault->execute);

	if (fault->region.dirty)
		return EPT_4K;
	while (level > EPT_4K && !fits(fault, level))
		level--;
	if (level == EPT_4K)
		return level;
	level = min(level, host_level(current->mm, fault->hva));
	while (level > EPT_4K && !is_whole(memory, fault, level))
		level--;
	return level;
}

/* False when the address is no memory that could be so accessed. */
static bool fault_find(const struct memory *memory, struct fault *fault)
{
	bool found;

	/* Read before anything else is looked at. */
	fault->sequence = smp_load_acquire(&memory->sequence);

	rcu_read_lock();
	found = memory_lookup(memory, fault->gfn, &fault->region);
	rcu_read_unlock();
	if (!found)
		return false;

	fault->hva = region_hva(&fault->region, fault->gfn);
	fault->may_write = !(fault->region.flags & PHV_MEMORY_READONLY);
	return fault->may_write || !fault->write;
}

/* The guest writes to it from now on.  Read half of the lock held. */
static void note_write(const struct fault *fault, u64 pfn)
{
	/*
	 * Only the flag: the owner's entry is writable, so the file system, if
	 * there is one, has been told.  When it wants to write the page back,
	 * it protects the owner's entry, and the notifier ours.
	 */
	folio_set_dirty(page_folio(pfn_to_page(pfn)));
	if (fault->write && fault->region.dirty)
		memory_log(&fault->region, fault->gfn);
}

/* A write to a page that is mapped, and read-only just for the sake of the log? */
static bool fault_upgrade(struct ept *ept, const struct fault *fault)
{
	u64 pfn;

	if (!ept_make_writable(ept, fault->gfn, &pfn))
		return false;
	note_write(fault, pfn);
	return true;
}

/*
 * With a dirty log a page becomes writable by its first write; but where the
 * processor logs writes by itself, it is writable at once, and not dirty.
 */
static void fault_map(struct ept *ept, struct ept_vcpu *vcpu, const struct fault *fault)
{
	bool unlogged = fault->write || !fault->region.dirty;
	struct ept_page page = {
		.gfn		= fault->gfn,
		.pfn		= page_to_pfn(fault->page),
		.level		= fault->level,
		.host_writable	= fault->host_writable,
		.writable	= fault->host_writable && (unlogged || vmx_has(PHV_CAP_PML)),
		.dirty		= fault->host_writable && unlogged,
	};

	ept_map(ept, vcpu, &page);
	if (page.writable)
		note_write(fault, page.pfn);
}

/*
 * Change the EPT: map fault->page, or without one give more rights to what is
 * mapped.  False when it can't be so, or the fault must start again.
 */
static bool fault_apply(struct phv_vcpu *vcpu, const struct fault *fault)
{
	struct phv_domain *domain = vcpu->domain;
	struct ept *ept = &domain->ept;
	bool done = false;

	/*
	 * Whoever holds the lock may be interrupted by something that waits for
	 * this CPU: with interrupts off don't wait for the lock.
	 */
	if (!fault->atomic)
		read_lock(&ept->lock);
	else if (!read_trylock(&ept->lock))
		return false;
	if (memory_is_stale(&domain->memory, fault->sequence, fault->hva)) {
		/* The page was not what it is now. */
	} else if (!fault->page) {
		done = fault_upgrade(ept, fault);
	} else {
		fault_map(ept, &vcpu->ept, fault);
		done = true;
	}
	read_unlock(&ept->lock);
	if (done)
		trace_phv_ept_fault(vcpu, fault->gfn, fault->write, fault->execute,
				    fault->page ? fault->level : 0);
	return done;
}

static void fault_init(struct fault *fault, u64 gpa, u32 access, bool atomic)
{
	fault->gfn = gpa >> PAGE_SHIFT;
	fault->write = access & PHV_ACCESS_WRITE;
	fault->execute = access & PHV_ACCESS_EXECUTE;
	fault->atomic = atomic;
	fault->host_writable = false;
	fault->page = NULL;
}

/* May the write be done without looking at the owner's page? */
static bool fault_is_logged_write(const struct fault *fault)
{
	return fault->write && fault->region.dirty;
}

static bool fault_install(struct phv_vcpu *vcpu, struct fault *fault)
{
	bool done;

	fault->level = fault_level(&vcpu->domain->memory, fault);
	done = fault_apply(vcpu, fault);
	folio_mark_accessed(page_folio(fault->page));
	put_page(fault->page);
	return done;
}

int memory_fault(struct phv_vcpu *vcpu, u64 gpa, u32 access)
{
	struct phv_domain *domain = vcpu->domain;
	struct fault fault;
	int ret;

	fault_init(&fault, gpa, access, false);
	if (!fault_find(&domain->memory, &fault))
		return 0;
	if (fault_is_logged_write(&fault) && fault_apply(vcpu, &fault))
		return 1;
	ret = ept_spare_tables(&vcpu->ept);
	if (ret)
		return ret;
	ret = memory_get_page(fault.hva, fault.write, true,
			      fault.may_write ? &fault.host_writable : NULL, &fault.page);
	if (ret)
		return ret;
	fault_install(vcpu, &fault);
	/* For ept_map()'s sake; almost always there is nothing to do. */
	ept_flush(&domain->ept);
	return 1;
}

/* In the inner loop PKRU is the guest's, but for the thread's memory the thread's counts. */
static bool fault_get_present_page(struct phv_vcpu *vcpu, struct fault *fault)
{
	bool *writable = fault->may_write ? &fault->host_writable : NULL;
	u32 pkru = read_pkru();
	bool found;

	write_pkru(vcpu->host_pkru);
	found = get_present_page(fault->hva, fault->write, writable, &fault->page);
	write_pkru(pkru);
	return found;
}

bool memory_fault_fast(struct phv_vcpu *vcpu, u64 gpa, u32 access)
{
	struct phv_domain *domain = vcpu->domain;
	struct fault fault;

	fault_init(&fault, gpa, access, true);
	if (!fault_find(&domain->memory, &fault))
		return false;
	if (fault_is_logged_write(&fault) && fault_apply(vcpu, &fault))
		return true;
	if (!ept_has_spare_tables(&vcpu->ept) || !fault_get_present_page(vcpu, &fault))
		return false;
	return fault_install(vcpu, &fault) && !ept_needs_flush(&domain->ept);
}

/* Is there nothing, in the midst of a region? */
static bool is_hole(const struct memory *memory, u64 gfn)
{
	struct region region;
	bool hole;

	rcu_read_lock();
	hole = !memory_lookup(memory, gfn, &region) && memory_find(memory, gfn);
	rcu_read_unlock();
	return hole;
}

/*
 * The page belongs to the domain, not to the owner: an entry of its own kind, which no
 * notifier knows. Returns 1, or 0 when it is for holes, and there is none; -ENOMEM.
 */
static int map_own_page(struct phv_vcpu *vcpu, u64 gfn, void *addr, bool for_hole)
{
	struct ept *ept = &vcpu->domain->ept;
	const struct ept_page page = {
		.gfn		= gfn,
		.pfn		= PHYS_PFN(virt_to_phys(addr)),
		.level		= EPT_4K,
		.host_writable	= true,
		.writable	= true,
		.dirty		= true,
	};
	int ret;

	ret = ept_spare_tables(&vcpu->ept);
	if (ret)
		return ret;
	read_lock(&ept->lock);
	ret = !for_hole || is_hole(&vcpu->domain->memory, gfn);
	if (ret)
		ept_map(ept, &vcpu->ept, &page);
	read_unlock(&ept->lock);
	ept_flush(ept);
	return ret;
}

/* A vCPU that is not in xAPIC mode finds it to be memory. */
int ept_map_apic(struct phv_vcpu *vcpu)
{
	return map_own_page(vcpu, PHYS_PFN(APIC_DEFAULT_PHYS_BASE),
			    vcpu->domain->ept.apic_page, false);
}

/* It goes like all that is mapped there when the hole becomes memory again. */
int ept_map_hole(struct phv_vcpu *vcpu, u64 gpa)
{
	const struct pv_domain *pv = vcpu->domain->pv;

	if (!pv || !pv->scratch)
		return 0;
	return map_own_page(vcpu, PHYS_PFN(gpa), pv->scratch, true);
}
