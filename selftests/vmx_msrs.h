/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMX as the processor's own registers tell it: a decoder of the tests' own, so
 * that the module's and vmctl's can be held against it.  It reads CPUID and,
 * through the msr driver, the capability MSRs.
 */
#ifndef _VMX_MSRS_H
#define _VMX_MSRS_H

#include <stdbool.h>
#include <linux/types.h>

/**
 * struct vmx_msrs - the VMX capability MSRs of a CPU; 0 where it has not that MSR
 *
 * The members are named as those of struct phv_caps.
 */
struct vmx_msrs {
	__u64 feature_control, basic, pin, proc, exit, entry, proc2, proc3;
	__u64 misc, ept_vpid, vmfunc;
	__u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

/**
 * enum verdict - may phv.ko load on this machine?
 * @VERDICT_LOADS: it may
 * @VERDICT_NO_VMX: no, CPUID has no VMX
 * @VERDICT_LOCKED: no, firmware has locked VMX off
 * @VERDICT_NO_EPT: no, there is no EPT
 * @VERDICT_NO_UNRESTRICTED: no, there is no unrestricted guest
 * @VERDICT_NO_CONTROL: no, another required control is missing
 * @VERDICT_DIFFER: no, the CPUs online are not alike
 * @VERDICT_UNKNOWN: the MSRs can't be read
 */
enum verdict {
	VERDICT_LOADS,
	VERDICT_NO_VMX,
	VERDICT_LOCKED,
	VERDICT_NO_EPT,
	VERDICT_NO_UNRESTRICTED,
	VERDICT_NO_CONTROL,
	VERDICT_DIFFER,
	VERDICT_UNKNOWN,
};

int msr_read(unsigned int cpu, __u32 number, __u64 *value);
bool cpuid_has_vmx(void);
int vmx_msrs_read(unsigned int cpu, struct vmx_msrs *msrs);
__u64 vmx_msrs_features(const struct vmx_msrs *msrs);
enum verdict vmx_verdict(void);
const char *verdict_text(enum verdict verdict);

#endif /* _VMX_MSRS_H */
