// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a domain's CPUID instruction returns.
 *
 * What lives here: the table that says what of the host's CPUID a guest can
 * have, a domain's own table, and the exit. What is not in the table is 0.
 */
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>
#include <asm/tsc.h>
#include <asm/vmx.h>
#include <asm/xen/cpuid.h>

#include "domain.h"
#include "pv/pv.h"
#include "vcpu.h"
#include "vmx/cpuid.h"
#include "vmx/exit.h"
#include "vmx/lapic_internal.h"
#include "vmx/run.h"
#include "vmx/vmx.h"

/*
 * The features guests may have, as masks over the host's registers; each word
 * is followed by what is missing from it and why.
 */

/* No DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, CNXT-ID, SDBG, xTPR, PDCM, DCA, OSXSAVE. */
#define LEAF_1_ECX	(BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(17) | BIT(19) | \
			 BIT(20) | BIT(22) | BIT(23) | BIT(25) | BIT(26) | BIT(28) | \
			 BIT(29) | BIT(30))
/* No PSN, DS, ACPI, TM, IA-64, PBE. */
#define LEAF_1_EDX	(GENMASK(6, 0) | BIT(7) | GENMASK(9, 8) | GENMASK(17, 11) | BIT(19) | \
			 GENMASK(27, 23))
/* No SGX, HLE, PQM, MPX, RDT, RTM, PT. */
#define LEAF_7_EBX	(BIT(0) | BIT(3) | BIT(5) | GENMASK(10, 7) | BIT(13) | GENMASK(21, 16) | \
			 BIT(23) | BIT(24) | GENMASK(31, 26))
/* No WAITPKG, CET, TME, KL, bus lock, ENQCMD, SGX_LC, PKS, OSPKE. */
#define LEAF_7_ECX	(BIT(1) | BIT(2) | BIT(3) | BIT(6) | GENMASK(12, 8) | BIT(14) | BIT(16) | \
			 BIT(22) | BIT(25) | BIT(27) | BIT(28))
/* No hybrid, PCONFIG, LBR, CET, AMX, L1D_FLUSH, core capabilities. */
#define LEAF_7_EDX	(BIT(2) | BIT(3) | BIT(4) | BIT(8) | BIT(10) | BIT(14) | BIT(23) | \
			 BIT(26) | BIT(27) | BIT(29) | BIT(31))
/* AVX-VNNI, AVX512-BF16, fast REP forms, AVX-IFMA. */
#define LEAF_7_1_EAX	(BIT(4) | BIT(5) | BIT(10) | BIT(11) | BIT(12) | BIT(23))
/* LAHF, LZCNT, PREFETCHW. */
#define LEAF_81_ECX	(BIT(0) | BIT(5) | BIT(8))
/* SYSCALL, NX, 1 GiB pages, RDTSCP, LM. */
#define LEAF_81_EDX	(BIT(11) | BIT(20) | BIT(26) | BIT(27) | BIT(29))
/* XSAVEOPT, XSAVEC, XGETBV with ECX 1, XSAVES; no XFD. */
#define LEAF_D_1_EAX	GENMASK(3, 0)

#define ALL		(~0U)

/* A leaf that is passed on, less what the masks lack. */
struct cpuid_rule {
	u32 leaf;
	u32 subleaf;
	bool has_subleaf;
	u32 mask[4];			/* EAX, EBX, ECX, EDX */
};

static const struct cpuid_rule cpuid_rules[] = {
	{ 0x0,	0, false, { ALL, ALL, ALL, ALL } },
	{ 0x1,	0, false, { ALL, 0xff00, LEAF_1_ECX, LEAF_1_EDX } },
	{ 0x2,	0, false, { ALL, ALL, ALL, ALL } },
	{ 0x4,	0, true,  { 0x3fff & ALL, ALL, ALL, ALL } },
	{ 0x4,	1, true,  { 0x3fff & ALL, ALL, ALL, ALL } },
	{ 0x4,	2, true,  { 0x3fff & ALL, ALL, ALL, ALL } },
	{ 0x4,	3, true,  { 0x3fff & ALL, ALL, ALL, ALL } },
	{ 0x6,	0, false, { BIT(2), 0, 0, 0 } },	/* ARAT */
	{ 0x7,	0, true,  { ALL, LEAF_7_EBX, LEAF_7_ECX, LEAF_7_EDX } },
	{ 0x7,	1, true,  { LEAF_7_1_EAX, 0, 0, 0 } },
	{ 0xd,	0, true,  { ALL, ALL, ALL, 0 } },
	{ 0xd,	1, true,  { LEAF_D_1_EAX, ALL, 0, 0 } },
	{ 0x80000000, 0, false, { ALL, 0, 0, 0 } },
	{ 0x80000001, 0, false, { 0, 0, LEAF_81_ECX, LEAF_81_EDX } },
	{ 0x80000002, 0, false, { ALL, ALL, ALL, ALL } },
	{ 0x80000003, 0, false, { ALL, ALL, ALL, ALL } },
	{ 0x80000004, 0, false, { ALL, ALL, ALL, ALL } },
	{ 0x80000006, 0, false, { 0, 0, ALL, 0 } },
	{ 0x80000007, 0, false, { 0, 0, 0, BIT(8) } },	/* invariant TSC */
	{ 0x80000008, 0, false, { 0xffff, 0, 0, 0 } },
};

/* Highest leaves that the rules, and what is made up below, go to. */
#define MAX_BASIC	0x1f
#define MAX_EXTENDED	0x80000008

static int compare_entries(const void *a, const void *b)
{
	const struct phv_cpuid_entry *x = a, *y = b;

	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	if (x->subleaf != y->subleaf)
		return x->subleaf < y->subleaf ? -1 : 1;
	return 0;
}

/* Is this one of the leaves that are looked up without a search? */
static __always_inline bool is_direct(u32 leaf)
{
	return (leaf & 0x3fffffff) < CPUID_DIRECT;
}

/* Xen's */
#define XEN_VERSION_LEAF	XEN_CPUID_LEAF(1)
#define XEN_TSC_LEAF		XEN_CPUID_LEAF(3)
#define XEN_HVM_LEAF		XEN_CPUID_LEAF(4)

/* Leaves with something of the vCPU's own, besides 1: 7, 0xB, 0xD, 0x1F, and one of Xen's. */
#define VCPU_LEAVES	(BIT(0x7) | BIT(0xb) | BIT(0xd) | BIT(0x1f))

static bool is_vcpu_leaf(u32 leaf)
{
	return (leaf < 0x20 && (BIT(leaf) & VCPU_LEAVES)) || leaf == XEN_HVM_LEAF;
}

static void index_policy(struct cpuid_policy *policy)
{
	unsigned int i;

	sort(&policy->entry[1], policy->count, sizeof(policy->entry[0]), compare_entries, NULL);
	memset(policy->first, 0, sizeof(policy->first));
	memset(policy->constant, 0, sizeof(policy->constant));
	for (i = policy->count; i > 0; i--) {
		u32 leaf = policy->entry[i].leaf;

		if (!is_direct(leaf))
			continue;
		policy->first[leaf >> 30][leaf % CPUID_DIRECT] = i;
		if (!(policy->entry[i].flags & PHV_CPUID_SUBLEAF) && !is_vcpu_leaf(leaf))
			policy->constant[leaf >> 30][leaf % CPUID_DIRECT] = i;
	}
}

/* From entry @i on, the first of the leaf. */
static noinline const struct phv_cpuid_entry *
find_subleaf(const struct cpuid_policy *policy, u32 i, u32 leaf, u32 subleaf)
{
	for (; i <= policy->count && policy->entry[i].leaf == leaf; i++) {
		const struct phv_cpuid_entry *entry = &policy->entry[i];

		if (!(entry->flags & PHV_CPUID_SUBLEAF) || entry->subleaf == subleaf)
			return entry;
	}
	return &policy->entry[0];
}

static noinline const struct phv_cpuid_entry *
find_by_search(const struct cpuid_policy *policy, u32 leaf, u32 subleaf)
{
	u32 i = 1;

	while (i <= policy->count && policy->entry[i].leaf != leaf)
		i++;
	return find_subleaf(policy, i, leaf, subleaf);
}

static __always_inline const struct phv_cpuid_entry *
find(const struct cpuid_policy *policy, u32 leaf, u32 subleaf)
{
	const struct phv_cpuid_entry *entry;
	u32 i;

	if (unlikely(!is_direct(leaf)))
		return find_by_search(policy, leaf, subleaf);
	i = policy->first[leaf >> 30][leaf % CPUID_DIRECT];
	entry = &policy->entry[i];
	if (unlikely(entry->flags & PHV_CPUID_SUBLEAF))
		return find_subleaf(policy, i, leaf, subleaf);
	return entry;
}

/**
 * cpuid_find - what a domain's table has for a leaf
 * @policy: the table
 * @leaf: EAX
 * @subleaf: ECX
 *
 * Return: the entry, or one that is all zeroes.
 */
const struct phv_cpuid_entry *cpuid_find(const struct cpuid_policy *policy, u32 leaf, u32 subleaf)
{
	return find(policy, leaf, subleaf);
}

static u32 entry_reg(const struct phv_cpuid_entry *entry, unsigned int reg)
{
	switch (reg) {
	case CPUID_EAX:
		return entry->eax;
	case CPUID_EBX:
		return entry->ebx;
	case CPUID_ECX:
		return entry->ecx;
	default:
		return entry->edx;
	}
}

/* Does the domain's CPUID have this bit (subleaf 0, or for leaf 0xD subleaf 1)? */
bool cpuid_has(const struct phv_domain *domain, u32 leaf, unsigned int reg, u32 bit)
{
	const struct phv_cpuid_entry *entry;

	entry = cpuid_find(&domain->cpuid, leaf, leaf == 0xd);
	return entry_reg(entry, reg) & bit;
}

/* XCR0 bits that guests of this domain may set; 0 without XSAVE. */
u64 cpuid_xcr0(const struct phv_domain *domain)
{
	const struct phv_cpuid_entry *entry = cpuid_find(&domain->cpuid, 0xd, 0);

	if (!cpuid_has(domain, 1, CPUID_ECX, BIT(26)))
		return 0;
	return entry->eax | (u64)entry->edx << 32;
}

/* One bit of CR4 and the CPUID bit that says the guest may set it. */
static const struct {
	u64 cr4;
	u32 leaf;
	unsigned int reg;
	u32 bit;
} cr4_features[] = {
	{ X86_CR4_VME | X86_CR4_PVI,	1, CPUID_EDX, BIT(1) },
	{ X86_CR4_DE,			1, CPUID_EDX, BIT(2) },
	{ X86_CR4_PSE,			1, CPUID_EDX, BIT(3) },
	{ X86_CR4_TSD,			1, CPUID_EDX, BIT(4) },
	{ X86_CR4_PAE,			1, CPUID_EDX, BIT(6) },
	{ X86_CR4_MCE,			1, CPUID_EDX, BIT(7) },
	{ X86_CR4_PGE,			1, CPUID_EDX, BIT(13) },
	{ X86_CR4_OSFXSR,		1, CPUID_EDX, BIT(24) },
	{ X86_CR4_OSXMMEXCPT,		1, CPUID_EDX, BIT(25) },
	{ X86_CR4_PCIDE,		1, CPUID_ECX, BIT(17) },
	{ X86_CR4_OSXSAVE,		1, CPUID_ECX, BIT(26) },
	{ X86_CR4_FSGSBASE,		7, CPUID_EBX, BIT(0) },
	{ X86_CR4_SMEP,			7, CPUID_EBX, BIT(7) },
	{ X86_CR4_SMAP,			7, CPUID_EBX, BIT(20) },
	{ X86_CR4_UMIP,			7, CPUID_ECX, BIT(2) },
	{ X86_CR4_PKE,			7, CPUID_ECX, BIT(3) },
	{ X86_CR4_LA57,			7, CPUID_ECX, BIT(16) },
};

/* CR4 bits that the domain's CPUID promises. PCE is there on all CPUs. */
u64 cpuid_cr4(const struct phv_domain *domain)
{
	u64 cr4 = X86_CR4_PCE;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (cpuid_has(domain, cr4_features[i].leaf, cr4_features[i].reg,
			      cr4_features[i].bit))
			cr4 |= cr4_features[i].cr4;
	return cr4;
}

static struct phv_cpuid_entry *add_entry(struct cpuid_policy *policy, u32 leaf,
					 u32 subleaf, bool has_subleaf)
{
	struct phv_cpuid_entry *entry = &policy->entry[++policy->count];

	*entry = (struct phv_cpuid_entry) {
		.leaf		= leaf,
		.subleaf	= subleaf,
		.flags		= has_subleaf ? PHV_CPUID_SUBLEAF : 0,
	};
	return entry;
}

/* Takes back what the kernel has found wanting, or keeps from its own processes. */
static void restrict_entry(struct phv_cpuid_entry *entry)
{
	switch (entry->leaf) {
	case 0x0:
		entry->eax = MAX_BASIC;
		break;
	case 0x1:
		if (!vmx_xfeatures())
			entry->ecx &= ~(BIT(26) | BIT(28) | BIT(12) | BIT(29));
		/* x2APIC, TSC deadline and "in a virtual machine" are our doing. */
		entry->ecx |= BIT(21) | BIT(24) | BIT(31);
		break;
	case 0x4:
		/* Every vCPU is a core of its own with its own caches. */
		entry->eax &= 0x3fff;
		break;
	case 0x7:
		if (entry->subleaf == 0) {
			entry->eax = 1;
			entry->ebx |= BIT(1);		/* TSC_ADJUST is emulated */
			if (!(vmx_xfeatures() & XFEATURE_MASK_PKRU))
				entry->ecx &= ~BIT(3);
			if (!(vmx_xfeatures() & XFEATURE_MASK_YMM))
				entry->ebx &= ~BIT(5);
			if (!(vmx_xfeatures() & XFEATURE_MASK_AVX512))
				entry->ebx &= ~(BIT(16) | BIT(17) | BIT(21) |
						GENMASK(28, 26) | BIT(30) | BIT(31));
		}
		break;
	case 0xd:
		if (entry->subleaf == 0) {
			entry->eax &= vmx_xfeatures();
			entry->edx = 0;
			entry->ecx = vmx_xsave_size();
		} else if (!vmx_has(PHV_CAP_XSAVES)) {
			entry->eax &= ~BIT(3);
		}
		break;
	case 0x80000000:
		entry->eax = MAX_EXTENDED;
		break;
	case 0x80000001:
		if (!boot_cpu_has(X86_FEATURE_RDTSCP))
			entry->edx &= ~BIT(27);
		break;
	}
}

static void add_host_leaves(struct cpuid_policy *policy)
{
	u32 max_basic = cpuid_eax(0), max_extended = cpuid_eax(0x80000000);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cpuid_rules); i++) {
		const struct cpuid_rule *rule = &cpuid_rules[i];
		struct phv_cpuid_entry *entry;

		if (rule->leaf > (rule->leaf & BIT(31) ? max_extended : max_basic))
			continue;
		if (rule->leaf == 0xd && !vmx_xfeatures())
			continue;
		entry = add_entry(policy, rule->leaf, rule->subleaf, rule->has_subleaf);
		cpuid_count(rule->leaf, rule->subleaf, &entry->eax, &entry->ebx,
			    &entry->ecx, &entry->edx);
		entry->eax &= rule->mask[0];
		entry->ebx &= rule->mask[1];
		entry->ecx &= rule->mask[2];
		entry->edx &= rule->mask[3];
		restrict_entry(entry);
	}
}

/* Sizes and offsets of the components beyond SSE. */
static void add_xsave_leaves(struct cpuid_policy *policy)
{
	u64 xfeatures = vmx_xfeatures();
	unsigned int i;

	for (i = 2; i < 64; i++) {
		struct phv_cpuid_entry *entry;

		if (!(xfeatures & BIT_ULL(i)))
			continue;
		entry = add_entry(policy, 0xd, i, true);
		cpuid_count(0xd, i, &entry->eax, &entry->ebx, &entry->ecx, &entry->edx);
		entry->ecx &= BIT(1);
		entry->edx = 0;
	}
}

/* Topology: one package of PHV_MAX_VCPUS cores of one thread. EDX is the vCPU's. */
static void add_topology_leaf(struct cpuid_policy *policy, u32 leaf)
{
	struct phv_cpuid_entry *entry;

	entry = add_entry(policy, leaf, 0, true);
	entry->ebx = 1;
	entry->ecx = 1 << 8;
	entry = add_entry(policy, leaf, 1, true);
	entry->eax = ilog2(PHV_MAX_VCPUS);
	entry->ebx = PHV_MAX_VCPUS;
	entry->ecx = 2 << 8 | 1;
	entry = add_entry(policy, leaf, 2, true);
	entry->ecx = 2;
}

/*
 * Time: the crystal is the local APIC timer's clock, 1 GHz; the TSC runs at
 * @tsc_khz / 1000000 of that. So no guest has to measure anything.
 */
static void add_time_leaves(struct cpuid_policy *policy)
{
	struct phv_cpuid_entry *entry;

	entry = add_entry(policy, 0x15, 0, false);
	entry->eax = 1000000;
	entry->ecx = NSEC_PER_SEC;
	entry = add_entry(policy, 0x16, 0, false);
	entry->ecx = 100;
}

/**
 * cpuid_set_tsc_khz - have leaves 0x15 and 0x16, where there are any, say this
 * @policy: a domain's table
 * @khz: frequency of the guest's TSC
 */
void cpuid_set_tsc_khz(struct cpuid_policy *policy, u32 khz)
{
	u32 i;

	for (i = 1; i <= policy->count; i++) {
		struct phv_cpuid_entry *entry = &policy->entry[i];

		if (entry->leaf == 0x15) {
			entry->ebx = khz;
		} else if (entry->leaf == 0x16) {
			entry->eax = khz / 1000;
			entry->ebx = khz / 1000;
		}
	}
}

/**
 * cpuid_default - fill in a new domain's table
 * @policy: all zeroes
 */
void cpuid_default(struct cpuid_policy *policy)
{
	add_host_leaves(policy);
	add_xsave_leaves(policy);
	add_topology_leaf(policy, 0xb);
	add_topology_leaf(policy, 0x1f);
	add_time_leaves(policy);
	index_policy(policy);
	cpuid_set_tsc_khz(policy, tsc_khz);
}

/* Xen's leaves */

/* Not in the kernel's header, or not in that of every kernel. */
#define XEN_TSC_HOST_RELIABLE	BIT(1)
#define XEN_TSC_RDTSCP		BIT(2)
#define XEN_TSC_NEVER_EMULATE	2
#define XEN_HVM_DOMID_PRESENT	BIT(4)
#define XEN_HVM_UPCALL_VECTOR	BIT(6)

#define XEN_LEAVES		7	/* entries that cpuid_add_xen() makes */

static bool is_xen_leaf(u32 leaf)
{
	return leaf >= XEN_CPUID_LEAF(0) && leaf <= XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES);
}

/* Of the table's own leaves, those that Xen's take the place of. */
static void remove_xen_leaves(struct cpuid_policy *policy)
{
	u32 i, kept = 0;

	for (i = 1; i <= policy->count; i++)
		if (!is_xen_leaf(policy->entry[i].leaf))
			policy->entry[++kept] = policy->entry[i];
	policy->count = kept;
}

/*
 * Guests take their clock from system time, which goes on when the domain does elsewhere;
 * where user space wants it and the TSC is invariant, from the TSC itself.
 */
static void add_xen_tsc_leaves(struct phv_domain *domain, struct cpuid_policy *policy)
{
	const struct time_domain *time = &domain->pv->time;
	struct phv_cpuid_entry *entry;

	entry = add_entry(policy, XEN_TSC_LEAF, 0, true);
	entry->eax = XEN_TSC_HOST_RELIABLE;
	if (cpuid_has(domain, 0x80000001, CPUID_EDX, BIT(27)))
		entry->eax |= XEN_TSC_RDTSCP;
	if (domain->pv->flags & PHV_XEN_NATIVE_TSC &&
	    cpuid_has(domain, 0x80000007, CPUID_EDX, BIT(8)))
		entry->ebx = XEN_TSC_NEVER_EMULATE;
	entry->ecx = domain->tsc_khz;
	entry = add_entry(policy, XEN_TSC_LEAF, 1, true);
	entry->ecx = time->tsc_to_system_mul;
	entry->edx = time->tsc_shift;
	entry = add_entry(policy, XEN_TSC_LEAF, 2, true);
	entry->eax = tsc_khz;
}

/* EBX, the vCPU's number, is filled in by add_vcpu_bits(). */
static void add_xen_hvm_leaf(struct phv_domain *domain, struct cpuid_policy *policy)
{
	struct phv_cpuid_entry *entry = add_entry(policy, XEN_HVM_LEAF, 0, false);

	entry->eax = XEN_HVM_CPUID_VCPU_ID_PRESENT | XEN_HVM_DOMID_PRESENT;
	entry->ecx = domain->id;
	if (posted_available())
		entry->eax |= XEN_HVM_CPUID_APIC_ACCESS_VIRT | XEN_HVM_CPUID_X2APIC_VIRT;
	if (!(domain->pv->flags & PHV_XEN_NO_UPCALL_VECTOR))
		entry->eax |= XEN_HVM_UPCALL_VECTOR;
}

/**
 * cpuid_add_xen - what Xen tells HVM guests (<xen/arch-x86/cpuid.h>)
 * @domain: one that is about to be a Xen domain; without vCPUs, domain.mutex held
 *
 * Return: 0, or -ENOSPC when the table has no room.
 */
int cpuid_add_xen(struct phv_domain *domain)
{
	struct cpuid_policy *policy = &domain->cpuid;
	struct phv_cpuid_entry *entry;
	u32 i, others = 0;

	for (i = 1; i <= policy->count; i++)
		others += !is_xen_leaf(policy->entry[i].leaf);
	if (others > PHV_MAX_CPUID - XEN_LEAVES)
		return -ENOSPC;

	remove_xen_leaves(policy);
	/* New entries are beyond those that the index knows, and cpuid_has() goes by it. */
	index_policy(policy);
	entry = add_entry(policy, XEN_CPUID_LEAF(0), 0, false);
	entry->eax = XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES);
	entry->ebx = XEN_CPUID_SIGNATURE_EBX;
	entry->ecx = XEN_CPUID_SIGNATURE_ECX;
	entry->edx = XEN_CPUID_SIGNATURE_EDX;
	entry = add_entry(policy, XEN_VERSION_LEAF, 0, false);
	entry->eax = XEN_VERSION;
	entry = add_entry(policy, XEN_CPUID_LEAF(2), 0, false);
	entry->eax = 1;
	entry->ebx = XEN_MSR_HYPERCALL_PAGE;
	add_xen_tsc_leaves(domain, policy);
	add_xen_hvm_leaf(domain, policy);
	index_policy(policy);

	entry = (struct phv_cpuid_entry *)cpuid_find(policy, 1, 0);
	if (entry != &policy->entry[0])
		entry->ecx |= BIT(31);
	return 0;
}

/* Size of the XSAVE area for these components; compacted or not (SDM volume 1, 13.4). */
static u32 xsave_area_size(const struct cpuid_policy *policy, u64 xcr0, bool compacted)
{
	const struct phv_cpuid_entry *entry;
	u32 size = 512 + 64, i;

	for (i = 2; i < 64; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		entry = cpuid_find(policy, 0xd, i);
		if (!compacted)
			size = max(size, entry->eax + entry->ebx);
		else if (entry->ecx & BIT(1))
			size = ALIGN(size, 64) + entry->eax;
		else
			size += entry->eax;
	}
	return size;
}

static __always_inline void add_leaf_1_bits(struct phv_vcpu *vcpu)
{
	unsigned long *gpr = vcpu->gpr;

	gpr[GPR_RBX] = (u32)(gpr[GPR_RBX] | vcpu->id << 24 | PHV_MAX_VCPUS << 16);
	gpr[GPR_RDX] |= BIT(28);
	if (vmcs_read(GUEST_CR4) & X86_CR4_OSXSAVE)
		gpr[GPR_RCX] |= BIT(27);
	if (!(vcpu->lapic.base & MSR_IA32_APICBASE_ENABLE))
		gpr[GPR_RDX] &= ~BIT(9);
}

/* The bits that are the vCPU's and not the domain's. */
static noinline void add_vcpu_bits(struct phv_vcpu *vcpu, u32 leaf, u32 subleaf)
{
	const struct cpuid_policy *policy = &vcpu->domain->cpuid;
	unsigned long *gpr = vcpu->gpr;

	switch (leaf) {
	case 0x7:
		if (!subleaf && (vmcs_read(GUEST_CR4) & X86_CR4_PKE))
			gpr[GPR_RCX] |= BIT(4);
		break;
	case 0xb:
	case 0x1f:
		/* ECX bits 7:0 are the input, also beyond the last level. */
		gpr[GPR_RCX] |= (u8)subleaf;
		gpr[GPR_RDX] = vcpu->id;
		break;
	case 0xd:
		if (subleaf == 0 && gpr[GPR_RAX])
			gpr[GPR_RBX] = xsave_area_size(policy, vcpu->xcr0, false);
		else if (subleaf == 1 && (gpr[GPR_RAX] & (BIT(1) | BIT(3))))
			gpr[GPR_RBX] = xsave_area_size(policy, vcpu->xcr0, true);
		break;
	case XEN_HVM_LEAF:
		if (vcpu->domain->pv)
			gpr[GPR_RBX] = vcpu->id;
		break;
	}
}

static __always_inline void answer(struct phv_vcpu *vcpu, const struct phv_cpuid_entry *entry)
{
	unsigned long *gpr = vcpu->gpr;

	gpr[GPR_RAX] = entry->eax;
	gpr[GPR_RBX] = entry->ebx;
	gpr[GPR_RCX] = entry->ecx;
	gpr[GPR_RDX] = entry->edx;
}

static noinline int exit_cpuid_any(struct phv_vcpu *vcpu)
{
	u32 leaf = vcpu->gpr[GPR_RAX], subleaf = vcpu->gpr[GPR_RCX];

	answer(vcpu, find(&vcpu->domain->cpuid, leaf, subleaf));
	if (leaf == 1)
		add_leaf_1_bits(vcpu);
	else if (is_vcpu_leaf(leaf))
		add_vcpu_bits(vcpu, leaf, subleaf);
	vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}

/* Without calls: this is what an exit costs at least. */
int vmx_exit_cpuid(struct phv_vcpu *vcpu)
{
	const struct cpuid_policy *policy = &vcpu->domain->cpuid;
	u32 leaf = vcpu->gpr[GPR_RAX];
	unsigned int i = 0;

	if (is_direct(leaf))
		i = policy->constant[leaf >> 30][leaf % CPUID_DIRECT];
	if (!i)
		return exit_cpuid_any(vcpu);
	answer(vcpu, &policy->entry[i]);
	if (leaf == 1)
		add_leaf_1_bits(vcpu);
	vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}

/**
 * cpuid_get_ioctl - PHV_GET_CPUID
 * @domain: the domain
 * @uarg: struct phv_cpuid in user memory
 *
 * Return: 0 or an errno as <phv.h> lists them.
 */
int cpuid_get_ioctl(struct phv_domain *domain, void __user *uarg)
{
	const struct cpuid_policy *policy = &domain->cpuid;
	struct phv_cpuid arg;
	u32 room;
	int ret = 0;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved)
		return -EINVAL;
	room = arg.count;

	mutex_lock(&domain->mutex);
	arg.count = policy->count;
	if (room < policy->count)
		ret = -E2BIG;
	else if (copy_to_user(u64_to_user_ptr(arg.entries), &policy->entry[1],
			      policy->count * sizeof(policy->entry[0])))
		ret = -EFAULT;
	mutex_unlock(&domain->mutex);
	if (ret != -EFAULT && copy_to_user(uarg, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

/* Sorted: an entry twice stands side by side. */
static int check_policy(const struct cpuid_policy *policy)
{
	const struct phv_cpuid_entry *entry = policy->entry;
	u32 i;

	for (i = 1; i <= policy->count; i++) {
		if (entry[i].flags & ~PHV_CPUID_SUBLEAF || entry[i].reserved)
			return -EINVAL;
		if (!(entry[i].flags & PHV_CPUID_SUBLEAF) && entry[i].subleaf)
			return -EINVAL;
		if (i > 1 && !compare_entries(&entry[i - 1], &entry[i]))
			return -EINVAL;
		if (entry[i].leaf == 0xd && !entry[i].subleaf &&
		    ((entry[i].eax & ~vmx_xfeatures()) || entry[i].edx))
			return -EINVAL;
	}
	return 0;
}

/**
 * cpuid_set_ioctl - PHV_SET_CPUID
 * @domain: the domain
 * @uarg: struct phv_cpuid in user memory
 *
 * Return: 0 or an errno as <phv.h> lists them.
 */
int cpuid_set_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	struct cpuid_policy *policy;
	struct phv_cpuid arg;
	int ret = -EFAULT;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved || arg.count > PHV_MAX_CPUID)
		return -EINVAL;
	policy = kzalloc(sizeof(*policy), GFP_KERNEL_ACCOUNT);
	if (!policy)
		return -ENOMEM;
	policy->count = arg.count;
	if (copy_from_user(&policy->entry[1], u64_to_user_ptr(arg.entries),
			   arg.count * sizeof(policy->entry[0])))
		goto free;
	index_policy(policy);
	ret = check_policy(policy);
	if (ret)
		goto free;

	mutex_lock(&domain->mutex);
	if (domain->vcpu_count)
		ret = -EBUSY;
	else
		domain->cpuid = *policy;
	mutex_unlock(&domain->mutex);
free:
	kfree(policy);
	return ret;
}
