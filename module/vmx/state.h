/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading and writing a vCPU's state from user space.
 */
#ifndef PHV_STATE_H
#define PHV_STATE_H

#include <asm/processor-flags.h>

struct phv_control;
struct phv_regs;
struct phv_vcpu;

/* The bits that RFLAGS has. */
#define STATE_RFLAGS	(X86_EFLAGS_CF | X86_EFLAGS_FIXED | X86_EFLAGS_PF | X86_EFLAGS_AF | \
			 X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_IF | \
			 X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | \
			 X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_VIF | \
			 X86_EFLAGS_VIP | X86_EFLAGS_ID)

/* PHV_GET_* and PHV_SET_* of a vCPU. With its mutex, not loaded. */
long vcpu_state_ioctl(struct phv_vcpu *vcpu, unsigned int cmd, void __user *uarg);

/* What these do, for the vCPU's own thread, loaded. 0 or -EINVAL. */
void state_get_control(struct phv_vcpu *vcpu, struct phv_control *control);
int state_set_control(struct phv_vcpu *vcpu, const struct phv_control *control);
int state_set_regs(struct phv_vcpu *vcpu, const struct phv_regs *regs);

#endif /* PHV_STATE_H */
