// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest-virtual addresses.
 *
 * What lives here: a walk through the guest's own page tables, in every paging mode
 * (SDM volume 3, chapter 4), and copying to and from linear addresses. The walk
 * is read-only. It is used where the guest hands us a linear address: by the
 * decoder of apic_mmio.c, for the instruction, and for the arguments of hypercalls.
 *
 * The tables are the guest's, and other vCPUs may change them meanwhile: each entry is
 * read once, and what it says is trusted for nothing but where to look next.
 */
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "domain.h"
#include "vcpu.h"
#include "vmx/gva.h"

/* Bits of an entry, in all modes. */
#define PTE_PRESENT	BIT_ULL(0)
#define PTE_WRITE	BIT_ULL(1)
#define PTE_USER	BIT_ULL(2)
#define PTE_LARGE	BIT_ULL(7)
#define PTE_NX		BIT_ULL(63)
#define PTE_RIGHTS	(PTE_WRITE | PTE_USER)
#define PTE_ADDRESS	GENMASK_ULL(51, 12)

#define PAGE_4K		12	/* shift */

/* How the vCPU translates at present. */
struct paging {
	unsigned long cr0, cr4;
	u64 efer;
	bool on;
	bool long_mode;
	unsigned int levels;	/* below the PDPTE registers in PAE mode */
	unsigned int bits;	/* of the address per level */
};

static void paging_read(struct paging *paging)
{
	paging->cr0 = vmcs_read(GUEST_CR0);
	paging->cr4 = vmcs_read(GUEST_CR4);
	paging->efer = vmcs_read(GUEST_IA32_EFER);
	paging->on = paging->cr0 & X86_CR0_PG;
	paging->long_mode = paging->on && (paging->efer & EFER_LMA);
	paging->bits = paging->cr4 & X86_CR4_PAE ? 9 : 10;
	paging->levels = 2;
	if (paging->long_mode)
		paging->levels = paging->cr4 & X86_CR4_LA57 ? 5 : 4;
}

static unsigned int level_shift(const struct paging *paging, unsigned int level)
{
	return PAGE_4K + (level - 1) * paging->bits;
}

static bool is_canonical(const struct paging *paging, u64 gva)
{
	unsigned int unused = 64 - level_shift(paging, paging->levels + 1);

	return (u64)((s64)(gva << unused) >> unused) == gva;
}

/* The table to begin with; in PAE mode the four PDPTEs are registers (4.4.1). */
static int first_table(const struct paging *paging, u64 gva, u64 *table)
{
	u64 pdpte;

	if (paging->long_mode) {
		*table = vmcs_read(GUEST_CR3) & PTE_ADDRESS;
		return 0;
	}
	if (!(paging->cr4 & X86_CR4_PAE)) {
		*table = vmcs_read(GUEST_CR3) & GENMASK_ULL(31, 12);
		return 0;
	}
	pdpte = vmcs_read(GUEST_PDPTR0 + 2 * (gva >> 30 & 3));
	*table = pdpte & PTE_ADDRESS;
	return pdpte & PTE_PRESENT ? 0 : -EFAULT;
}

/* Within a page. Without memory there -ENXIO. */
static int read_guest(struct phv_vcpu *vcpu, u64 gpa, void *buf, size_t size, u32 access)
{
	int ret;

	if (access & GVA_NOFAULT)
		ret = memory_read_nofault(vcpu, gpa, buf, size);
	else
		ret = memory_read(vcpu->domain, gpa, buf, size);
	return ret && ret != -EAGAIN ? -ENXIO : ret;
}

static int write_guest(struct phv_vcpu *vcpu, u64 gpa, const void *buf, size_t size, u32 access)
{
	int ret;

	if (access & GVA_NOFAULT)
		ret = memory_write_nofault(vcpu, gpa, buf, size);
	else
		ret = memory_write(vcpu->domain, gpa, buf, size);
	return ret && ret != -EAGAIN ? -ENXIO : ret;
}

static int read_entry(struct phv_vcpu *vcpu, const struct paging *paging,
		      u64 table, unsigned int index, u32 access, u64 *entry)
{
	int ret;

	if (unlikely(paging->bits != 9)) {
		*entry = 0;
		return read_guest(vcpu, table + index * sizeof(u32), entry, sizeof(u32), access);
	}
	if (!(access & GVA_NOFAULT))
		return read_guest(vcpu, table + index * sizeof(u64), entry, sizeof(u64), access);
	ret = memory_read64_nofault(vcpu, table + index * sizeof(u64), entry);
	return unlikely(ret) && ret != -EAGAIN ? -ENXIO : ret;
}

/* Does an entry of this level map a page? */
static bool is_leaf(const struct paging *paging, unsigned int level, u64 entry)
{
	if (level == 1)
		return true;
	if (!(entry & PTE_LARGE))
		return false;
	if (paging->bits == 10)
		return paging->cr4 & X86_CR4_PSE;
	return true;
}

/* Entries that can't be: too large a page, address bits below its size, NX without EFER.NXE. */
static bool is_reserved(const struct paging *paging, unsigned int level, u64 entry)
{
	if (paging->bits == 10)
		return false;
	if ((entry & PTE_NX) && !(paging->efer & EFER_NX))
		return true;
	if (level == 1 || !(entry & PTE_LARGE))
		return false;
	return level > 3 || (entry & GENMASK_ULL(level_shift(paging, level) - 1, 13));
}

static u64 leaf_address(const struct paging *paging, unsigned int level, u64 entry)
{
	u64 base = entry & PTE_ADDRESS & ~(BIT_ULL(level_shift(paging, level)) - 1);

	/* 4 MiB pages have address bits 39:32 in 20:13 (table 4-4). */
	if (paging->bits == 10 && level == 2)
		base |= (entry & GENMASK_ULL(20, 13)) << (32 - 13);
	return base;
}

/* @rights: PTE_RIGHTS that all entries on the way have, and PTE_NX if any has it (4.6). */
static bool is_allowed(const struct paging *paging, u64 rights, u32 access)
{
	bool user_page = rights & PTE_USER;

	if (access & GVA_USER) {
		if (!user_page)
			return false;
	} else if (user_page) {
		if ((access & GVA_FETCH) && (paging->cr4 & X86_CR4_SMEP))
			return false;
		if (!(access & GVA_FETCH) && (paging->cr4 & X86_CR4_SMAP) &&
		    !(vmcs_read(GUEST_RFLAGS) & X86_EFLAGS_AC))
			return false;
	}
	if ((access & GVA_WRITE) && !(rights & PTE_WRITE) &&
	    ((access & GVA_USER) || (paging->cr0 & X86_CR0_WP)))
		return false;
	return !(access & GVA_FETCH) || !(rights & PTE_NX);
}

/* Fetches are told from reads only where that makes a difference (4.7). */
static int page_fault(const struct paging *paging, u64 gva, u32 access, u32 why,
		      struct gva_fault *fault)
{
	bool nx = paging->bits == 9 && (paging->efer & EFER_NX);

	access &= ~GVA_NOFAULT;
	if (!nx && !(paging->cr4 & X86_CR4_SMEP))
		access &= ~GVA_FETCH;
	fault->address = gva;
	fault->error = access | why;
	return -EFAULT;
}

int gva_to_gpa(struct phv_vcpu *vcpu, u64 gva, u32 access, u64 *gpa,
	       u64 *page_size, struct gva_fault *fault)
{
	u64 table, entry, rights = PTE_RIGHTS;
	struct paging paging;
	unsigned int level, shift;
	int ret;

	paging_read(&paging);
	if (!paging.long_mode)
		gva = lower_32_bits(gva);
	else if (!is_canonical(&paging, gva))
		return -EINVAL;
	if (!paging.on) {
		*gpa = gva;
		shift = PAGE_4K;
		goto out;
	}

	if (first_table(&paging, gva, &table))
		return page_fault(&paging, gva, access, 0, fault);
	for (level = paging.levels; ; level--) {
		shift = level_shift(&paging, level);
		ret = read_entry(vcpu, &paging, table,
				 gva >> shift & (BIT(paging.bits) - 1), access, &entry);
		if (ret)
			return ret;
		if (!(entry & PTE_PRESENT))
			return page_fault(&paging, gva, access, 0, fault);
		if (is_reserved(&paging, level, entry))
			return page_fault(&paging, gva, access,
					  GVA_PRESENT | GVA_RESERVED, fault);
		rights = (rights & (entry | ~PTE_RIGHTS)) | (entry & PTE_NX);
		if (is_leaf(&paging, level, entry))
			break;
		table = entry & PTE_ADDRESS;
	}
	if (!is_allowed(&paging, rights, access))
		return page_fault(&paging, gva, access, GVA_PRESENT, fault);
	*gpa = leaf_address(&paging, level, entry) | (gva & (BIT_ULL(shift) - 1));
out:
	if (page_size)
		*page_size = BIT_ULL(shift);
	return 0;
}

/* One page at a time: the next may be anywhere, or nowhere. */
static int gva_copy(struct phv_vcpu *vcpu, u64 gva, void *buf, size_t size, u32 access,
		    struct gva_fault *fault)
{
	u64 gpa;
	int ret;

	while (size) {
		size_t part = min_t(size_t, size, PAGE_SIZE - offset_in_page(gva));

		ret = gva_to_gpa(vcpu, gva, access, &gpa, NULL, fault);
		if (ret)
			return ret;
		if (access & GVA_WRITE)
			ret = write_guest(vcpu, gpa, buf, part, access);
		else
			ret = read_guest(vcpu, gpa, buf, part, access);
		if (ret)
			return ret;
		gva += part;
		buf += part;
		size -= part;
	}
	return 0;
}

int gva_read(struct phv_vcpu *vcpu, u64 gva, void *buf, size_t size, u32 access,
	     struct gva_fault *fault)
{
	return gva_copy(vcpu, gva, buf, size, access & ~GVA_WRITE, fault);
}

int gva_write(struct phv_vcpu *vcpu, u64 gva, const void *buf, size_t size, u32 access,
	      struct gva_fault *fault)
{
	return gva_copy(vcpu, gva, (void *)buf, size, access | GVA_WRITE, fault);
}
