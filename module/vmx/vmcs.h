/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMX instructions (SDM volume 3, chapter 31), and a vCPU's VMCS.
 *
 * vmcs_read() and vmcs_write() act on the current VMCS: use them between
 * vcpu_load() and vcpu_put() only.  The width of a field is in its encoding.
 */
#ifndef PHV_VMCS_H
#define PHV_VMCS_H

#include <linux/types.h>
#include <asm/asm.h>
#include <asm/vmx.h>

struct phv_vcpu;

void vmx_instruction_failed(const char *name, unsigned long operand);

/*
 * Only fields that the capability MSRs promise are read, so VMREAD fails in one
 * case: VMX was switched off under us, in a reboot or a panic, and the
 * instruction faults.  The value is 0 then, and no guest will be entered any more.
 */
static __always_inline unsigned long vmcs_read(unsigned long field)
{
	unsigned long value;

	asm volatile("1: vmread %[field], %[value]\n"
		     "2:\n\t"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %[value])
		     : [value] "=r" (value) : [field] "r" (field) : "cc");
	return value;
}

static __always_inline void vmcs_write(unsigned long field, unsigned long value)
{
	asm goto("1: vmwrite %[value], %[field]\n\t"
		 "jna %l[fail]\n\t"
		 _ASM_EXTABLE(1b, %l[fail])
		 : : [field] "r" (field), [value] "rm" (value)
		 : "cc" : fail);
	return;
fail:
	vmx_instruction_failed("VMWRITE", field);
}

static inline void vmcs_set_bits(unsigned long field, unsigned long bits)
{
	vmcs_write(field, vmcs_read(field) | bits);
}

static inline void vmcs_clear_bits(unsigned long field, unsigned long bits)
{
	vmcs_write(field, vmcs_read(field) & ~bits);
}

static inline void invept(unsigned long type, u64 eptp)
{
	const struct {
		u64 eptp;
		u64 reserved;
	} descriptor = { eptp, 0 };

	asm goto("1: invept %[descriptor], %[type]\n\t"
		 "jna %l[fail]\n\t"
		 _ASM_EXTABLE(1b, %l[fail])
		 : : [type] "r" (type), [descriptor] "m" (descriptor)
		 : "cc", "memory" : fail);
	return;
fail:
	vmx_instruction_failed("INVEPT", type);
}

static inline void invvpid(unsigned long type, u16 vpid, u64 address)
{
	const struct {
		u64 vpid;
		u64 address;
	} descriptor = { vpid, address };

	asm goto("1: invvpid %[descriptor], %[type]\n\t"
		 "jna %l[fail]\n\t"
		 _ASM_EXTABLE(1b, %l[fail])
		 : : [type] "r" (type), [descriptor] "m" (descriptor)
		 : "cc", "memory" : fail);
	return;
fail:
	vmx_instruction_failed("INVVPID", type);
}

/**
 * struct vmcs - a VMCS region, a page (SDM volume 3, 25.2)
 * @revision: IA32_VMX_BASIC bits 30:0
 * @abort: VMX-abort indicator
 */
struct vmcs {
	u32 revision;
	u32 abort;
};

/* PAUSE-loop exiting, in TSC ticks: KVM's values, which suit Linux's spinlocks. */
#define PLE_GAP_TSC	128
#define PLE_WINDOW_TSC	4096

/* vmx/vmcs.c */
void vmcs_module_init(void);
int vmcs_create(struct phv_vcpu *vcpu);
void vmcs_destroy(struct phv_vcpu *vcpu);
void vmcs_init(struct phv_vcpu *vcpu);
int vmcs_load(struct phv_vcpu *vcpu);
void vmcs_clear_all(void);
void vmcs_write_rare(unsigned long field, unsigned long value);
void vmcs_set_proc(struct phv_vcpu *vcpu, u32 set, u32 clear);
void vmcs_set_proc2(struct phv_vcpu *vcpu, u32 set, u32 clear);
void vmcs_msr_intercept(struct phv_vcpu *vcpu, u32 msr, bool read, bool write);

#endif /* PHV_VMCS_H */
