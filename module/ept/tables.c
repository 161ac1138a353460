// SPDX-License-Identifier: GPL-2.0-only
/*
 * The EPT paging structures (SDM volume 3, 29.3.2).
 *
 * What lives here: the layout of entries, walking, mapping, taking rights away,
 * aging, and the pages that tables are made of.  Nothing here knows regions or
 * the owner's addresses, and nothing but the two functions that say so takes a
 * lock.  Called by module/memory.c and the other rooms of module/ept/.
 *
 * Entries change under our feet in one way only: the processor sets accessed
 * and dirty bits.  Under the read half of ept.lock entries gain rights, by
 * cmpxchg(), so that faults of many vCPUs proceed side by side; a table that is
 * linked stays.  All else wants the write half.
 *
 * Whoever takes a right away moves ept.generation; his caller calls
 * ept_flush() after dropping the lock and before he reports success.
 */
#include <linux/bitops.h>
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/vmstat.h>
#include <asm/cpufeature.h>
#include <asm/vmx.h>

#include <phv.h>

#include "domain.h"
#include "ept/ept.h"
#include "vmx/vmx.h"

/*
 * Bits of entries beside those of <asm/vmx.h>.  The software bit is one that the
 * processor ignores in every kind of entry.
 */
#define EPT_LARGE		BIT_ULL(7)	/* maps a page above level 1 */
#define EPT_HOST_WRITABLE	BIT_ULL(11)	/* software: the owner may write the page */

#define EPT_ADDRESS		GENMASK_ULL(51, 12)

/*
 * Memory is write-back, whatever the guest's PAT says (IPAT), as under KVM
 * without devices that bypass the caches: there are no such devices here, and
 * guests that mark memory UC or WC would only slow themselves down and give the
 * same page two memory types, the host's and theirs.
 */
#define EPT_MEMORY_TYPE		(((u64)VMX_EPTP_MT_WB << VMX_EPT_MT_EPTE_SHIFT) | \
				 VMX_EPT_IPAT_BIT)

#define EPT_ENTRIES		(PAGE_SIZE / sizeof(u64))

/*
 * Leaves that one hold of the write lock may look at, in frames: a table of 4 KiB
 * entries for each 2 MiB, 16 tables.
 */
#define EPT_CHUNK		((u64)16 * EPT_ENTRIES)

static unsigned int level_shift(int level)
{
	return 9 * (level - 1);
}

/* Frames that an entry covers. */
static u64 level_pages(int level)
{
	return 1ULL << level_shift(level);
}

/* The frame after what the entry for @gfn covers. */
static u64 level_next(u64 gfn, int level)
{
	return (gfn | (level_pages(level) - 1)) + 1;
}

static u64 *entry_of(u64 *table, u64 gfn, int level)
{
	return &table[(gfn >> level_shift(level)) % EPT_ENTRIES];
}

/* Every entry that is in use can be read through. */
static bool is_present(u64 entry)
{
	return entry & VMX_EPT_READABLE_MASK;
}

static bool is_table(u64 entry, int level)
{
	return is_present(entry) && level > EPT_4K && !(entry & EPT_LARGE);
}

static u64 *table_of(u64 entry)
{
	return __va(entry & EPT_ADDRESS);
}

static u64 table_entry(const u64 *table)
{
	return __pa(table) | VMX_EPT_RWX_MASK;
}

/*
 * The largest page that guests execute from, set by ept_create().  A fetch
 * through a page that changes its size at the same time can stop the whole machine
 * on some processors (iTLB multihit): where the host guards against that,
 * large pages are not executable, and the first fetch splits them.
 */
static int exec_level;

static int find_exec_level(void)
{
	if (boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off())
		return EPT_4K;
	return EPT_1G;
}

/**
 * ept_max_level - the largest page to map for an access
 * @execute: it is an instruction fetch
 */
int ept_max_level(bool execute)
{
	if (execute && exec_level == EPT_4K)
		return EPT_4K;
	if (vmx_has(PHV_CAP_EPT_2M | PHV_CAP_EPT_1G))
		return EPT_1G;
	return vmx_has(PHV_CAP_EPT_2M) ? EPT_2M : EPT_4K;
}

/* Tables */

static u64 *table_alloc(void)
{
	u64 *table = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

	if (table)
		mod_lruvec_page_state(virt_to_page(table), NR_SECONDARY_PAGETABLE, 1);
	return table;
}

static void table_free(u64 *table)
{
	mod_lruvec_page_state(virt_to_page(table), NR_SECONDARY_PAGETABLE, -1);
	free_page((unsigned long)table);
}

/* With all tables below it.  It is not in use, so there is no need for locks. */
static void table_free_tree(u64 *table, int level, bool may_sleep)
{
	unsigned int i;

	for (i = 0; level > EPT_4K && i < EPT_ENTRIES; i++)
		if (is_table(table[i], level))
			table_free_tree(table_of(table[i]), level - 1, may_sleep);
	table_free(table);
	if (may_sleep)
		cond_resched();
}

/**
 * ept_create - an EPT that maps nothing
 * @ept: zeroed
 *
 * Return: 0 or -ENOMEM.
 */
int ept_create(struct ept *ept)
{
	int ret;

	exec_level = find_exec_level();
	rwlock_init(&ept->lock);
	ret = ept_flush_create(ept);
	if (ret)
		return ret;
	ept->root = table_alloc();
	if (!ept->root)
		goto destroy_flush;
	if (vmx_has(PHV_CAP_APIC_ACCESS)) {
		ept->apic_page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!ept->apic_page)
			goto free_root;
	}
	return 0;

free_root:
	table_free(ept->root);
destroy_flush:
	ept_flush_destroy(ept);
	return -ENOMEM;
}

/**
 * ept_destroy - undo ept_create()
 * @ept: used by no vCPU any more
 *
 * Leaves translations behind in CPUs, of no use to anyone: ept_load() drops
 * them before an EPT with the same root can be used.
 */
void ept_destroy(struct ept *ept)
{
	table_free_tree(ept->root, EPT_ROOT, true);
	free_page((unsigned long)ept->apic_page);
	ept_flush_destroy(ept);
}

u64 ept_pointer(const struct phv_domain *domain)
{
	u64 eptp = __pa(domain->ept.root) | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4;

	if (vmx_has(PHV_CAP_EPT_AD))
		eptp |= VMX_EPTP_AD_ENABLE_BIT;
	return eptp;
}

/**
 * ept_spare_tables - have what the next ept_map() may need
 * @vcpu: part of the calling vCPU
 *
 * Return: 0 or -ENOMEM.  Context: process; no lock held.
 */
int ept_spare_tables(struct ept_vcpu *vcpu)
{
	while (vcpu->spares < EPT_SPARE_TABLES) {
		u64 *table = table_alloc();

		if (!table)
			return -ENOMEM;
		vcpu->spare[vcpu->spares++] = table;
	}
	return 0;
}

void ept_free_spare_tables(struct ept_vcpu *vcpu)
{
	while (vcpu->spares)
		table_free(vcpu->spare[--vcpu->spares]);
}

/* Mapping: the read half of the lock is held */

static u64 leaf_entry(const struct ept_page *page, int level)
{
	u64 pfn = page->pfn & ~(level_pages(level) - 1);
	u64 entry = (pfn << PAGE_SHIFT) | EPT_MEMORY_TYPE |
		    VMX_EPT_READABLE_MASK | VMX_EPT_ACCESS_BIT;

	if (level > EPT_4K)
		entry |= EPT_LARGE;
	if (level <= exec_level)
		entry |= VMX_EPT_EXECUTABLE_MASK;
	if (page->host_writable)
		entry |= EPT_HOST_WRITABLE;
	if (page->writable)
		entry |= VMX_EPT_WRITABLE_MASK;
	if (page->dirty)
		entry |= VMX_EPT_DIRTY_BIT;
	return entry;
}

/* Fill @table with what the large page @entry of @level maps. */
static void split(u64 *table, u64 entry, int level)
{
	u64 size = level_pages(level - 1) << PAGE_SHIFT;
	unsigned int i;

	if (level - 1 == EPT_4K)
		entry &= ~EPT_LARGE;
	if (level - 1 <= exec_level)
		entry |= VMX_EPT_EXECUTABLE_MASK;
	for (i = 0; i < EPT_ENTRIES; i++)
		table[i] = entry + i * size;
}

/*
 * Put a new table in the place of @old, which is no table: absent, or a large
 * page, whose parts the table maps as the page did. No translation loses rights
 * by that, so it wants no flush.
 */
static bool link_table(struct ept_vcpu *vcpu, u64 *slot, u64 old, int level)
{
	u64 *table = vcpu->spare[vcpu->spares - 1];

	if (is_present(old))
		split(table, old, level);
	if (try_cmpxchg64(slot, &old, table_entry(table))) {
		vcpu->spares--;
		return true;
	}
	clear_page(table);
	return false;
}

/*
 * Make @slot the leaf for @page.  Rights that it has already stay: whoever wanted
 * to take them away has the write lock, and makes the caller's findings stale.
 */
static bool set_leaf(struct ept *ept, u64 *slot, u64 old,
		     const struct ept_page *page, int level)
{
	u64 new = leaf_entry(page, level);
	bool same = !((old ^ new) & EPT_ADDRESS);

	if (is_present(old) && same)
		new |= old;
	if (new == old)
		return true;
	if (!try_cmpxchg64(slot, &old, new))
		return false;
	/*
	 * The notifier tells before the owner's page changes, so this does not
	 * happen; if it should, don't let CPUs see the old page.
	 */
	if (is_present(old) && !same)
		atomic64_inc(&ept->generation);
	return true;
}

/**
 * ept_map - map a page, or give more rights to it
 * @ept: the domain's; read half of the lock held
 * @vcpu: has spare tables, see ept_spare_tables()
 * @page: what to map
 *
 * A large page is mapped in smaller parts where there is a table already.
 */
void ept_map(struct ept *ept, struct ept_vcpu *vcpu, const struct ept_page *page)
{
	u64 *table = ept->root;
	int level = EPT_ROOT;

	lockdep_assert_held_read(&ept->lock);
	for (;;) {
		u64 *slot = entry_of(table, page->gfn, level);
		u64 old = READ_ONCE(*slot);

		if (is_table(old, level)) {
			table = table_of(old);
			level--;
		} else if (level > page->level) {
			link_table(vcpu, slot, old, level);
		} else if (set_leaf(ept, slot, old, page, level)) {
			return;
		}
	}
}

/* The first page mapped at or after *@gfn, before @end; *@gfn moves behind it. */
static u64 *next_leaf(struct ept *ept, u64 *gfn, u64 end, int *level)
{
	while (*gfn < end) {
		u64 *table = ept->root;
		u64 *slot;
		u64 entry;
		int l;

		for (l = EPT_ROOT; ; l--) {
			slot = entry_of(table, *gfn, l);
			entry = READ_ONCE(*slot);
			if (!is_table(entry, l))
				break;
			table = table_of(entry);
		}
		*gfn = level_next(*gfn, l);
		*level = l;
		if (is_present(entry))
			return slot;
	}
	return NULL;
}

/**
 * ept_make_writable - give back a write right that only we had taken away
 * @ept: the domain's; read half of the lock held
 * @gfn: guest frame
 * @pfn: set to the host frame
 *
 * Return: whether the guest may write the frame now; no for large pages, which are
 * to be split.
 */
bool ept_make_writable(struct ept *ept, u64 gfn, u64 *pfn)
{
	u64 next = gfn;
	u64 entry, new;
	u64 *slot;
	int level;

	lockdep_assert_held_read(&ept->lock);
	slot = next_leaf(ept, &next, gfn + 1, &level);
	if (!slot || level > EPT_4K)
		return false;
	entry = READ_ONCE(*slot);
	do {
		if (!(entry & EPT_HOST_WRITABLE))
			return false;
		new = entry | VMX_EPT_WRITABLE_MASK | VMX_EPT_DIRTY_BIT |
		      VMX_EPT_ACCESS_BIT;
	} while (new != entry && !try_cmpxchg64(slot, &entry, new));
	*pfn = (entry & EPT_ADDRESS) >> PAGE_SHIFT;
	return true;
}

/**
 * ept_test_young - was any page of a range accessed?
 * @ept: the domain's, with accessed bits; read half of the lock held
 * @start: first guest frame
 * @end: frame after the last
 * @clear: and forget that
 *
 * CPUs are not flushed, so they may go on for a while without setting the
 * bit again: as with the host's own tables, better an error in the age of a
 * page than an interrupt for each.
 */
bool ept_test_young(struct ept *ept, u64 start, u64 end, bool clear)
{
	bool young = false;
	u64 *slot;
	int level;

	lockdep_assert_held_read(&ept->lock);
	while ((slot = next_leaf(ept, &start, end, &level))) {
		if (!(READ_ONCE(*slot) & VMX_EPT_ACCESS_BIT))
			continue;
		young = true;
		if (!clear)
			break;
		clear_bit(ilog2(VMX_EPT_ACCESS_BIT), (unsigned long *)slot);
	}
	return young;
}

/* Taking away: the write half of the lock is held */

/**
 * ept_zap - unmap a range
 * @ept: the domain's; write half of the lock held
 * @start: first guest frame
 * @end: frame after the last
 * @tables: the tables that go with it; for ept_free_tables(), after ept_flush()
 *
 * What a table maps goes at once with the table, so this takes at most some
 * thousand steps, for the two ends of the range, however large it is.  Large
 * pages go as a whole.
 */
void ept_zap(struct ept *ept, u64 start, u64 end, struct list_head *tables)
{
	bool zapped = false;
	u64 gfn = start;

	lockdep_assert_held_write(&ept->lock);
	while (gfn < end) {
		u64 *table = ept->root;
		int level = EPT_ROOT;
		u64 entry;
		u64 *slot;

		for (;;) {
			slot = entry_of(table, gfn, level);
			entry = READ_ONCE(*slot);
			if (!is_table(entry, level) ||
			    (!(gfn % level_pages(level)) && level_next(gfn, level) <= end))
				break;
			table = table_of(entry);
			level--;
		}
		if (is_present(entry)) {
			WRITE_ONCE(*slot, 0);
			zapped = true;
		}
		if (is_table(entry, level)) {
			struct page *page = virt_to_page(table_of(entry));

			set_page_private(page, level - 1);
			list_add(&page->lru, tables);
		}
		gfn = level_next(gfn, level);
	}
	if (zapped)
		atomic64_inc(&ept->generation);
}

/**
 * ept_free_tables - free what ept_zap() has taken out
 * @tables: its list
 * @may_sleep: there may be many of them, and the caller may sleep
 *
 * Context: after ept_flush(), no lock needed.
 */
void ept_free_tables(struct list_head *tables, bool may_sleep)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, tables, lru) {
		int level = page_private(page);

		list_del(&page->lru);
		set_page_private(page, 0);
		table_free_tree(page_address(page), level, may_sleep);
	}
}

/* Clear bits that the processor may be setting others beside. */
static bool clear_rights(u64 *slot, u64 bits)
{
	u64 entry = READ_ONCE(*slot);

	if (!(entry & bits))
		return false;
	while (!try_cmpxchg64(slot, &entry, entry & ~bits))
		;
	return true;
}

/*
 * What must go so that the next write to a page is noticed. With page-modification
 * logging that is the dirty bit, but the log has 4 KiB addresses only,
 * and one of them for each time that a dirty bit is set: large pages lose the
 * right to write, and are split by the first write.
 */
static u64 log_rights(int level)
{
	if (level == EPT_4K && vmx_has(PHV_CAP_PML))
		return VMX_EPT_DIRTY_BIT;
	return VMX_EPT_WRITABLE_MASK;
}

/* Takes the lock itself, and drops it often: the range may be large and full. */
static void take_rights(struct ept *ept, u64 start, u64 end, bool log)
{
	while (start < end) {
		u64 stop = min(end, round_down(start, EPT_CHUNK) + EPT_CHUNK);
		bool taken = false;
		u64 *slot;
		int level;

		write_lock(&ept->lock);
		while ((slot = next_leaf(ept, &start, stop, &level)))
			taken |= clear_rights(slot, log ? log_rights(level) :
						    VMX_EPT_WRITABLE_MASK);
		if (taken)
			atomic64_inc(&ept->generation);
		write_unlock(&ept->lock);
		cond_resched();
	}
}

/**
 * ept_write_protect - take away the right to write a range
 * @ept: the domain's
 * @start: first guest frame
 * @end: frame after the last
 *
 * Context: process, no lock held; may take long.
 */
void ept_write_protect(struct ept *ept, u64 start, u64 end)
{
	take_rights(ept, start, end, false);
}

/**
 * ept_log_writes - have the first write to each page of a range noticed
 * @ept: the domain's
 * @start: first guest frame
 * @end: frame after the last
 *
 * Context: as ept_write_protect().
 */
void ept_log_writes(struct ept *ept, u64 start, u64 end)
{
	take_rights(ept, start, end, true);
}

/**
 * ept_log_again - have the next write to some pages noticed again
 * @ept: the domain's; write half of the lock held
 * @gfn: guest frame that bit 0 of @pages stands for
 * @pages: which of 64 pages
 */
void ept_log_again(struct ept *ept, u64 gfn, unsigned long pages)
{
	bool taken = false;
	unsigned int bit;

	lockdep_assert_held_write(&ept->lock);
	for_each_set_bit(bit, &pages, BITS_PER_LONG) {
		u64 next = gfn + bit;
		u64 *slot;
		int level;

		slot = next_leaf(ept, &next, next + 1, &level);
		if (slot)
			taken |= clear_rights(slot, log_rights(level));
	}
	if (taken)
		atomic64_inc(&ept->generation);
}
