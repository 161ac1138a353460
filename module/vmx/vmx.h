/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What module/vmx/ offers to the rest of the module.
 */
#ifndef PHV_VMX_H
#define PHV_VMX_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/msr.h>
#include <asm/tsc.h>

/**
 * struct vmx_caps - VMX as one CPU reports it (SDM volume 3, appendix A)
 * @features: the PHV_CAP_* bits that follow from the rest
 * @feature_control: IA32_FEATURE_CONTROL
 * @basic: IA32_VMX_BASIC
 * @pin: pin-based controls (TRUE MSR where there is one, as below)
 * @proc: primary processor-based controls
 * @exit: VM-exit controls
 * @entry: VM-entry controls
 * @proc2: secondary processor-based controls, or 0
 * @proc3: tertiary processor-based controls, or 0
 * @misc: IA32_VMX_MISC
 * @ept_vpid: IA32_VMX_EPT_VPID_CAP, or 0
 * @vmfunc: IA32_VMX_VMFUNC, or 0
 * @cr0_fixed0: bits of CR0 that must be 1 in VMX operation
 * @cr0_fixed1: bits of CR0 that may be 1
 * @cr4_fixed0: bits of CR4 that must be 1
 * @cr4_fixed1: bits of CR4 that may be 1
 */
struct vmx_caps {
	u64 features;
	u64 feature_control;
	u64 basic;
	u64 pin;
	u64 proc;
	u64 exit;
	u64 entry;
	u64 proc2;
	u64 proc3;
	u64 misc;
	u64 ept_vpid;
	u64 vmfunc;
	u64 cr0_fixed0;
	u64 cr0_fixed1;
	u64 cr4_fixed0;
	u64 cr4_fixed1;
};

/* vmx/caps.c: what the CPUs can do. */
extern struct vmx_caps vmx_caps;
extern const u64 vmx_required;

int vmx_caps_probe(void);
int vmx_caps_match(void);

static inline bool vmx_has(u64 features)
{
	return (vmx_caps.features & features) == features;
}

/*
 * The host's TSC, but for what it lost while the host was suspended to RAM: guests' TSCs,
 * clocks and timers are made from it. Any context.
 */
extern u64 vmx_tsc_lost;

static inline u64 vmx_tsc(void)
{
	return rdtsc() + READ_ONCE(vmx_tsc_lost);
}

/* vmx/cpu.c: VMX operation of the host's CPUs. */
int vmx_cpu_init(void);
void vmx_cpu_exit(void);
int vmx_get(void);
void vmx_put(void);
bool vmx_is_on(void);
bool vmx_is_lost(void);
bool vmx_cpu_hold(void);
void vmx_cpu_hold_scheduled(void);
void vmx_cpu_release(int cpu);

#endif /* PHV_VMX_H */
