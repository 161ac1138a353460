/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RDMSR and WRMSR of guests.
 */
#ifndef PHV_MSR_H
#define PHV_MSR_H

#include <linux/types.h>

#include <phv.h>

struct phv_domain;
struct phv_vcpu;

#define MSR_MAX_RULES	64

/**
 * struct msr_policy - how a domain departs from the module's way with MSRs
 * @count: rules used
 * @rule: in the order they were made
 */
struct msr_policy {
	u32 count;
	struct phv_msr_policy rule[MSR_MAX_RULES];
};

int msr_policy_ioctl(struct phv_domain *domain, const void __user *uarg);

/* Lets the guest at the MSRs that need no exit. VMCS loaded. */
void msr_setup_vmcs(struct phv_vcpu *vcpu);

/*
 * What the guest would read or write: 0, or -EINVAL for #GP; from the inner loop writes also
 * -EAGAIN, when they have to be done outside. VMCS loaded.
 * @host is a request of user space, which may write what the guest may not.
 */
int msr_read(struct phv_vcpu *vcpu, u32 msr, u64 *value);
int msr_write(struct phv_vcpu *vcpu, u32 msr, u64 value, bool host);

/* Have the processor add vcpu->tsc_offset. VMCS current. */
void msr_write_tsc_offset(struct phv_vcpu *vcpu);

/* The guest's TSC at a value of the host's, that is, of vmx_tsc(). */
u64 msr_guest_tsc(const struct phv_vcpu *vcpu, u64 host_tsc);

/* Exits; the first two fast, for the MSRs worth it. */
int vmx_exit_rdmsr(struct phv_vcpu *vcpu);
int vmx_exit_wrmsr(struct phv_vcpu *vcpu);

#endif /* PHV_MSR_H */
