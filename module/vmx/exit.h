/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VM exits, and their handlers elsewhere in vmx/.
 */
#ifndef PHV_EXIT_H
#define PHV_EXIT_H

#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "vcpu.h"

/*
 * What a handler returns: VMX_RESUME, VMX_TO_USER with the run page filled in,
 * a negative errno for PHV_RUN to return, and from a fast handler also
 * VMX_SLOW: the exit's slow handler is to do it.
 */
#define VMX_TO_USER	0
#define VMX_RESUME	1
#define VMX_SLOW	2

/* Basic exit reasons that there may be one day; struct phv_counters has as many. */
#define VMX_EXIT_REASONS_COUNT	80

typedef int (*vmx_exit_handler)(struct phv_vcpu *vcpu);
extern const vmx_exit_handler vmx_fast_handlers[VMX_EXIT_REASONS_COUNT];

int vmx_to_user_unhandled(struct phv_vcpu *vcpu);
int vmx_handle_slow(struct phv_vcpu *vcpu);

/* @reason is less than VMX_EXIT_REASONS_COUNT. */
static __always_inline int vmx_handle_fast(struct phv_vcpu *vcpu, u32 reason)
{
	vmx_exit_handler handler = vmx_fast_handlers[reason];

	return likely(handler) ? handler(vcpu) : vmx_to_user_unhandled(vcpu);
}

/* What the guest is at. The VMCS is loaded for these, and for all below. */
static inline bool vmx_in_64bit_mode(struct phv_vcpu *vcpu)
{
	return (vmcs_read(GUEST_IA32_EFER) & EFER_LMA) &&
	       (vmcs_read(GUEST_CS_AR_BYTES) & VMX_AR_L_MASK);
}

static inline unsigned int vmx_cpl(struct phv_vcpu *vcpu)
{
	return VMX_AR_DPL(vmcs_read(GUEST_SS_AR_BYTES));
}

void vmx_end_instruction(struct phv_vcpu *vcpu, u32 blocking, unsigned long rflags);

/**
 * vmx_skip_bytes - leave an instruction of known length behind
 * @vcpu: the vCPU, loaded
 * @length: bytes
 *
 * And with it what the processor would have ended at its boundary: blocking by
 * STI and by MOV SS; and a single step is over (SDM volume 3, 17.3.1.4 and 25.4.2).
 */
static __always_inline void vmx_skip_bytes(struct phv_vcpu *vcpu, unsigned int length)
{
	u32 blocking = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	unsigned long rflags = vmcs_read(GUEST_RFLAGS);
	unsigned long rip = vmcs_read(GUEST_RIP) + length;

	/* Outside 64-bit mode RIP is 32 bits wide. */
	if (upper_32_bits(rip) && !vmx_in_64bit_mode(vcpu))
		rip = lower_32_bits(rip);
	vmcs_write(GUEST_RIP, rip);
	if (unlikely((blocking & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)) ||
		     (rflags & X86_EFLAGS_TF)))
		vmx_end_instruction(vcpu, blocking, rflags);
}

/* The same for the instruction that caused the exit, where the processor gives its length. */
static __always_inline void vmx_skip_instruction(struct phv_vcpu *vcpu)
{
	vmx_skip_bytes(vcpu, vmcs_read(VM_EXIT_INSTRUCTION_LEN));
}

/* vmx/cr.c */
int vmx_exit_cr(struct phv_vcpu *vcpu);
int vmx_exit_dr(struct phv_vcpu *vcpu);
int vmx_exit_xsetbv(struct phv_vcpu *vcpu);

/* vmx/event.c */
int vmx_exit_exception(struct phv_vcpu *vcpu);
int vmx_exit_exception_slow(struct phv_vcpu *vcpu);
int vmx_exit_interrupt_window(struct phv_vcpu *vcpu);
int vmx_exit_nmi_window(struct phv_vcpu *vcpu);

#endif /* PHV_EXIT_H */
