/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control registers as the guest sees them. The VMCS is loaded for all of these.
 */
#ifndef PHV_CR_H
#define PHV_CR_H

#include <linux/types.h>

struct phv_vcpu;

bool cr0_is_valid(u64 value);
u64 cr0_read(void);
void cr0_write(struct phv_vcpu *vcpu, u64 value);

u64 cr4_allowed(struct phv_vcpu *vcpu);
u64 cr4_read(struct phv_vcpu *vcpu);
void cr4_write(struct phv_vcpu *vcpu, u64 value);

bool efer_is_valid(u64 value);
int efer_write(struct phv_vcpu *vcpu, u64 value);

bool xcr0_is_valid(struct phv_vcpu *vcpu, u64 xcr0);

#endif /* PHV_CR_H */
