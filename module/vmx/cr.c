// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers, debug registers and XCR0.
 *
 * What lives here: which bits of CR0 and CR4 are the host's, and the exits that
 * follow. All others belong to the guest: it changes paging mode, long mode and
 * the like without an exit, and the processor checks what it does (unrestricted
 * guest, SDM volume 3, 27.3.1.1).
 */
#include <linux/mm.h>
#include <asm/fpu/types.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "domain.h"
#include "vcpu.h"
#include "vmx/cr.h"
#include "vmx/exit.h"
#include "vmx/run.h"
#include "vmx/vmx.h"

/*
 * NE must be 1 in VMX operation. CD and NW survive VM exits, so a guest that set
 * them would have the host run without caches.
 */
#define CR0_HOST	(X86_CR0_NE | X86_CR0_CD | X86_CR0_NW)

#define CR0_DEFINED	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
			 X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | \
			 X86_CR0_PG)

/* What the guest sees of a register: the host's bits come from the read shadow. */
u64 cr0_read(void)
{
	return (vmcs_read(GUEST_CR0) & ~CR0_HOST) | (vmcs_read(CR0_READ_SHADOW) & CR0_HOST);
}

u64 cr4_read(struct phv_vcpu *vcpu)
{
	u64 mask = vmcs_read(CR4_GUEST_HOST_MASK);

	return (vmcs_read(GUEST_CR4) & ~mask) | (vmcs_read(CR4_READ_SHADOW) & mask);
}

/**
 * cr0_write - set CR0 as the guest sees it
 * @vcpu: the vCPU, loaded
 * @value: checked by cr0_is_valid()
 */
void cr0_write(struct phv_vcpu *vcpu, u64 value)
{
	vmcs_write(CR0_GUEST_HOST_MASK, CR0_HOST);
	vmcs_write(CR0_READ_SHADOW, value);
	vmcs_write(GUEST_CR0, (value & ~CR0_HOST) | X86_CR0_NE | X86_CR0_ET);
}

/* CR4.MCE stays 1: with 0 a machine check in the guest would shut the host down. */
static u64 cr4_host(struct phv_vcpu *vcpu)
{
	return ~cr4_allowed(vcpu) | X86_CR4_MCE;
}

/* The bits of CR4 that the domain's CPUID promises and VMX permits. */
u64 cr4_allowed(struct phv_vcpu *vcpu)
{
	return cpuid_cr4(vcpu->domain) & vmx_caps.cr4_fixed1 & ~X86_CR4_VMXE;
}

/**
 * cr4_write - set CR4 as the guest sees it
 * @vcpu: the vCPU, loaded
 * @value: a subset of cr4_allowed()
 */
void cr4_write(struct phv_vcpu *vcpu, u64 value)
{
	u64 host = cr4_host(vcpu);

	vmcs_write(CR4_GUEST_HOST_MASK, host);
	vmcs_write(CR4_READ_SHADOW, value);
	vmcs_write(GUEST_CR4, (value & ~host) | X86_CR4_VMXE | X86_CR4_MCE);
}

bool cr0_is_valid(u64 value)
{
	if (value & ~(u64)CR0_DEFINED)
		return false;
	if ((value & X86_CR0_PG) && !(value & X86_CR0_PE))
		return false;
	return !(value & X86_CR0_NW) || (value & X86_CR0_CD);
}

bool efer_is_valid(u64 value)
{
	return !(value & ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX));
}

/**
 * efer_write - set IA32_EFER for user space; the guest does without an exit
 * @vcpu: the vCPU, loaded
 * @value: the new value
 *
 * Return: 0, or -EINVAL when the vCPU cannot have such a value.
 */
int efer_write(struct phv_vcpu *vcpu, u64 value)
{
	if (!efer_is_valid(value))
		return -EINVAL;
	vmcs_write(GUEST_IA32_EFER, value);
	vcpu->vpid_flush = true;
	if (value & EFER_LMA)
		vmcs_set_bits(VM_ENTRY_CONTROLS, VM_ENTRY_IA32E_MODE);
	else
		vmcs_clear_bits(VM_ENTRY_CONTROLS, VM_ENTRY_IA32E_MODE);
	return 0;
}

/*
 * The instruction would change bits that are the host's. Have the read shadow
 * say so and let the processor do it again: now it changes the guest's bits
 * alone, with all the checks and side effects that has.
 */
static int mov_to_cr0(struct phv_vcpu *vcpu, u64 value)
{
	if (upper_32_bits(value) ||
	    ((value & X86_CR0_NW) && !(value & X86_CR0_CD))) {
		event_gp(vcpu);
		return VMX_RESUME;
	}
	vmcs_write(CR0_READ_SHADOW,
		   (vmcs_read(CR0_READ_SHADOW) & ~CR0_HOST) | (value & CR0_HOST));
	return VMX_RESUME;
}

static int mov_to_cr4(struct phv_vcpu *vcpu, u64 value)
{
	if (value & ~cr4_allowed(vcpu)) {
		event_gp(vcpu);
		return VMX_RESUME;
	}
	vmcs_write(CR4_READ_SHADOW,
		   (vmcs_read(CR4_READ_SHADOW) & ~X86_CR4_MCE) | (value & X86_CR4_MCE));
	return VMX_RESUME;
}

/* Exit: MOV to CR0 or CR4 that touches the host's bits. CLTS and LMSW can't. */
int vmx_exit_cr(struct phv_vcpu *vcpu)
{
	u64 qualification = vmcs_read(EXIT_QUALIFICATION);
	unsigned int cr = qualification & CONTROL_REG_ACCESS_NUM;
	u64 value = vcpu_gpr(vcpu, (qualification & CONTROL_REG_ACCESS_REG) >> 8);

	if (!vmx_in_64bit_mode(vcpu))
		value = lower_32_bits(value);
	if (qualification & CONTROL_REG_ACCESS_TYPE)
		return vmx_to_user_unhandled(vcpu);
	switch (cr) {
	case 0:
		return mov_to_cr0(vcpu, value);
	case 4:
		return mov_to_cr4(vcpu, value);
	default:
		return vmx_to_user_unhandled(vcpu);
	}
}

/*
 * Exit: MOV DR. From now on and until the loop ends without breakpoints set, the
 * guest's debug registers are in the processor; the instruction is done again.
 */
int vmx_exit_dr(struct phv_vcpu *vcpu)
{
	vmx_load_dr(vcpu);
	return VMX_RESUME;
}

/* SDM volume 1, 13.3: which values XCR0 can have. */
bool xcr0_is_valid(struct phv_vcpu *vcpu, u64 xcr0)
{
	u64 avx512 = xcr0 & XFEATURE_MASK_AVX512;

	if (xcr0 & ~cpuid_xcr0(vcpu->domain))
		return false;
	if (!(xcr0 & XFEATURE_MASK_FP))
		return false;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	return !avx512 || (avx512 == XFEATURE_MASK_AVX512 && (xcr0 & XFEATURE_MASK_YMM));
}

/* Exit: XSETBV. The processor has checked CR4.OSXSAVE before. */
int vmx_exit_xsetbv(struct phv_vcpu *vcpu)
{
	u64 xcr0 = (u32)vcpu->gpr[GPR_RAX] | vcpu->gpr[GPR_RDX] << 32;

	if (vmx_cpl(vcpu) || (u32)vcpu->gpr[GPR_RCX] || !xcr0_is_valid(vcpu, xcr0)) {
		event_gp(vcpu);
		return VMX_RESUME;
	}
	vmx_set_xcr0(vcpu, xcr0);
	vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}
