/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a domain's CPUID instruction returns.
 */
#ifndef PHV_CPUID_H
#define PHV_CPUID_H

#include <linux/types.h>

#include <phv.h>

struct phv_domain;
struct phv_vcpu;

/* Leaves below this are found without a search, in each of the four ranges. */
#define CPUID_DIRECT	0x20

/**
 * struct cpuid_policy - a domain's CPUID table
 * @count: entries used
 * @entry: from 1 on, sorted by leaf and subleaf; entry 0 is all zeroes
 * @first: for the leaves 0 + n, 0x40000000 + n, 0x80000000 + n and 0xc0000000 + n
 *	the index of the leaf's first entry, or 0 when there is none
 * @constant: the same for leaf 1 and those that are alike for every subleaf and vCPU,
 *	else 0
 */
struct cpuid_policy {
	u32 count;
	u8 first[4][CPUID_DIRECT];
	u8 constant[4][CPUID_DIRECT];
	struct phv_cpuid_entry entry[1 + PHV_MAX_CPUID];
};

void cpuid_default(struct cpuid_policy *policy);
int cpuid_add_xen(struct phv_domain *domain);
void cpuid_set_tsc_khz(struct cpuid_policy *policy, u32 khz);
const struct phv_cpuid_entry *cpuid_find(const struct cpuid_policy *policy,
					 u32 leaf, u32 subleaf);
u64 cpuid_xcr0(const struct phv_domain *domain);
u64 cpuid_cr4(const struct phv_domain *domain);
bool cpuid_has(const struct phv_domain *domain, u32 leaf, unsigned int reg, u32 bit);

int cpuid_get_ioctl(struct phv_domain *domain, void __user *uarg);
int cpuid_set_ioctl(struct phv_domain *domain, const void __user *uarg);

/* Exit: CPUID. Fast. */
int vmx_exit_cpuid(struct phv_vcpu *vcpu);

#endif /* PHV_CPUID_H */
