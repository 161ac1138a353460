// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log.
 *
 * What lives here: page-modification logging (SDM volume 3, 29.3.6), and
 * fetching the log.  Called by the run loop, by ept/flush.c, and for PHV_GET_DIRTY.
 *
 * The log is a bitmap per region, and there are three ways into it.  A fault
 * that makes a page writable for a write sets the page's bit.  Where the
 * processor has PML, pages are writable but not dirty: it writes their addresses
 * into the vCPU's buffer when it sets their dirty bits, and the buffer is emptied when it is
 * full, when the vCPU leaves the CPU and when somebody fetches the log.  And
 * memory_write() sets the bits of what it has written to; frames that the module
 * has pinned to write to them (pv/page.c) are reported each time.
 *
 * Fetching clears bits of the log and takes the right to write (or, with PML, the
 * dirty bit) away from those pages, as one step for faults, which want the lock.
 * A write through a translation that was cached before is not noticed again until the
 * flush at the end: so it has happened before PHV_GET_DIRTY returns, and who
 * reads a page after that reads what was written.
 */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/vmx.h>

#include <phv.h>

#include "domain.h"
#include "ept/ept.h"
#include "memory.h"
#include "pv/page.h"
#include "vcpu.h"
#include "vmx/vmcs.h"
#include "vmx/vmx.h"

/* Entries of a page-modification log; it is filled from the last to the first. */
#define PML_ENTRIES	(PAGE_SIZE / sizeof(u64))

int ept_create_vcpu(struct phv_vcpu *vcpu)
{
	if (!vmx_has(PHV_CAP_PML))
		return 0;
	vcpu->ept.log = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vcpu->ept.log ? 0 : -ENOMEM;
}

void ept_destroy_vcpu(struct phv_vcpu *vcpu)
{
	ept_free_spare_tables(&vcpu->ept);
	free_page((unsigned long)vcpu->ept.log);
	vcpu->ept.log = NULL;
}

/*
 * PML is always on where there is PML: pages that nobody logs are mapped as
 * dirty, and a dirty page is not logged.
 */
void ept_setup_vmcs(struct phv_vcpu *vcpu)
{
	vmcs_write(EPT_POINTER, ept_pointer(vcpu->domain));
	if (!vcpu->ept.log)
		return;
	vmcs_write(PML_ADDRESS, __pa(vcpu->ept.log));
	vmcs_write(GUEST_PML_INDEX, PML_ENTRIES - 1);
	vmcs_set_proc2(vcpu, SECONDARY_EXEC_ENABLE_PML, 0);
}

/**
 * ept_drain_log - move a vCPU's page-modification log to those of the regions
 * @vcpu: loaded on this CPU
 *
 * Context: interrupts off.
 */
void ept_drain_log(struct phv_vcpu *vcpu)
{
	const struct region *region;
	unsigned int i;
	u16 index;

	if (!vcpu->ept.log)
		return;
	index = vmcs_read(GUEST_PML_INDEX);
	if (index == PML_ENTRIES - 1)
		return;

	/* The index is that of the next entry to be written; 0xffff when full. */
	rcu_read_lock();
	for (i = (u16)(index + 1); i < PML_ENTRIES; i++) {
		u64 gfn = vcpu->ept.log[i] >> PAGE_SHIFT;

		region = memory_find(&vcpu->domain->memory, gfn);
		if (region)
			memory_log(region, gfn);
	}
	rcu_read_unlock();
	vmcs_write(GUEST_PML_INDEX, PML_ENTRIES - 1);
}

int ept_exit_pml_full(struct phv_vcpu *vcpu)
{
	ept_drain_log(vcpu);
	return 1;
}

/* Clear the bits of a mask; return those that were set. */
static unsigned long take_word(unsigned long *word, unsigned long mask)
{
	if (!(READ_ONCE(*word) & mask))
		return 0;
	return atomic_long_fetch_andnot(mask, (atomic_long_t *)word) & mask;
}

/* Take the bits of up to 64 pages from the log. */
static unsigned long take_bits(unsigned long *dirty, u64 page, unsigned int count)
{
	unsigned long *word = dirty + page / BITS_PER_LONG;
	unsigned int shift = page % BITS_PER_LONG;
	unsigned long mask = GENMASK(count - 1, 0);
	unsigned long bits;

	bits = take_word(word, mask << shift) >> shift;
	if (shift + count > BITS_PER_LONG)
		bits |= take_word(word + 1, mask >> (BITS_PER_LONG - shift))
			<< (BITS_PER_LONG - shift);
	return bits;
}

/* A part of the log, as large as the buffer for it. */
#define CHUNK_WORDS	(PAGE_SIZE / sizeof(unsigned long))
#define CHUNK_PAGES	((u64)CHUNK_WORDS * BITS_PER_LONG)

/* Take the log of @pages frames from @gfn on, at most CHUNK_PAGES, into @buf. */
static void take_chunk(struct ept *ept, const struct region *region, u64 gfn,
		       u64 pages, unsigned long *buf)
{
	u64 page = gfn - region->gfn;

	write_lock(&ept->lock);
	while (pages) {
		unsigned int count = min_t(u64, pages, BITS_PER_LONG);

		*buf = take_bits(region->dirty, page, count);
		if (*buf)
			ept_log_again(ept, region->gfn + page, *buf);
		buf++;
		page += count;
		pages -= count;
	}
	write_unlock(&ept->lock);
}

/* The caller does not get what was taken for him, so all of it may be news. */
static void give_back(const struct region *region, u64 start, u64 end)
{
	u64 gfn;

	for (gfn = start; gfn < end; gfn++) {
		memory_log(region, gfn);
		if (!(gfn % CHUNK_PAGES))
			cond_resched();
	}
}

/* memory.mutex held, so the region stays. */
static int fetch_log(struct phv_domain *domain, const struct region *region,
		     u64 start, u64 end, u64 __user *bitmap, unsigned long *buf)
{
	struct ept *ept = &domain->ept;
	u64 gfn;
	int ret = 0;

	if (vmx_has(PHV_CAP_PML))
		ept_drain_logs(ept);
	pv_pages_log(domain);
	for (gfn = start; gfn < end && !ret; gfn += CHUNK_PAGES) {
		u64 pages = min(end - gfn, CHUNK_PAGES);
		size_t size = DIV_ROUND_UP_ULL(pages, BITS_PER_LONG) * sizeof(*buf);

		take_chunk(ept, region, gfn, pages, buf);
		if (copy_to_user(bitmap, buf, size)) {
			give_back(region, start, gfn + pages);
			ret = -EFAULT;
		}
		bitmap += CHUNK_WORDS;
		cond_resched();
	}
	ept_flush(ept);
	return ret;
}

/**
 * memory_dirty_ioctl - PHV_GET_DIRTY
 * @domain: the domain
 * @uarg: struct phv_dirty in user memory
 *
 * Return: 0 or an errno as <phv.h> lists them.  After -EFAULT the log says of
 * every page in the range that it may have been written.
 */
int memory_dirty_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	struct memory *memory = &domain->memory;
	const struct region *region;
	struct phv_dirty arg;
	unsigned long *buf;
	u64 start, end;
	int ret;

	if (!memory_is_owner(domain))
		return -EPERM;
	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved || !arg.size || !PAGE_ALIGNED(arg.guest_addr | arg.size) ||
	    arg.guest_addr + arg.size < arg.guest_addr)
		return -EINVAL;
	start = arg.guest_addr >> PAGE_SHIFT;
	end = start + (arg.size >> PAGE_SHIFT);

	buf = (unsigned long *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	mutex_lock(&memory->mutex);
	rcu_read_lock();
	region = memory_find(memory, start);
	memory_log_aliases(memory);
	rcu_read_unlock();
	if (region && region->dirty && end <= region->gfn + region->pages)
		ret = fetch_log(domain, region, start, end, u64_to_user_ptr(arg.bitmap), buf);
	else
		ret = -ENOENT;
	mutex_unlock(&memory->mutex);
	free_page((unsigned long)buf);
	return ret;
}
