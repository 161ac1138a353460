/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vmx/entry.S and C know of each other.
 */
#ifndef PHV_ENTRY_H
#define PHV_ENTRY_H

/* Offsets in struct phv_vcpu; vmx/run.c checks them. */
#define VCPU_GPR(n)		((n) * 8)
#define VCPU_HOST_RSP		(16 * 8)
#define VCPU_SPEC_CTRL		(17 * 8)
#define VCPU_ENTER_FLAGS	(18 * 8)

/* VMCS field HOST_RSP, as <asm/vmx.h> has it for C. */
#define VMCS_HOST_RSP		0x6c14

/* phv_vcpu.enter_flags. */
#define VMX_ENTER_RESUME_BIT	0
#define VMX_ENTER_RESUME	1	/* VMRESUME, not VMLAUNCH */
#define VMX_ENTER_SPEC_CTRL	2	/* the CPU has IA32_SPEC_CTRL: switch it */
#define VMX_ENTER_SAVE_SPEC_CTRL 4	/* the guest writes it without an exit */
#define VMX_ENTER_ALWAYS_IBRS	8	/* host needs it written after each exit */

#ifndef __ASSEMBLY__

struct phv_vcpu;

unsigned int vmx_enter(struct phv_vcpu *vcpu);
void vmx_call_gate(unsigned long handler);
extern const char vmx_exit[];

#endif /* !__ASSEMBLY__ */

#endif /* PHV_ENTRY_H */
