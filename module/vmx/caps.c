// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the CPUs of this host can do.
 *
 * What lives here: reading the VMX capability MSRs, turning them into PHV_CAP_*
 * bits, and the decision whether phv can run on such CPUs at all.  Called at
 * module load and when a CPU comes online; everybody reads vmx_caps.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/cpu.h>
#include <linux/kernel.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/vmx.h>
#include <asm/vmxfeatures.h>

#include <phv.h>

#include "compat.h"
#include "vmx/vmx.h"

/* The host's CPUs, all alike; written at module load only. */
struct vmx_caps vmx_caps __ro_after_init;

const u64 vmx_required =
	PHV_CAP_VMX | PHV_CAP_FEATURE_CONTROL | PHV_CAP_SECONDARY_CONTROLS |
	PHV_CAP_MSR_BITMAPS | PHV_CAP_LOAD_EFER | PHV_CAP_LOAD_PAT |
	PHV_CAP_VIRTUAL_NMIS | PHV_CAP_TPR_SHADOW | PHV_CAP_EPT |
	PHV_CAP_UNRESTRICTED_GUEST;

/* One value of struct vmx_caps and the MSR it is read from. */
struct caps_msr {
	const char *name;
	u32 msr;
	u16 offset;		/* in struct vmx_caps */
};

#define CAPS_MSR(field, number) \
	{ #number, number, offsetof(struct vmx_caps, field) }

static const struct caps_msr caps_msrs[] = {
	CAPS_MSR(basic,		MSR_IA32_VMX_BASIC),
	CAPS_MSR(pin,		MSR_IA32_VMX_PINBASED_CTLS),
	CAPS_MSR(proc,		MSR_IA32_VMX_PROCBASED_CTLS),
	CAPS_MSR(exit,		MSR_IA32_VMX_EXIT_CTLS),
	CAPS_MSR(entry,		MSR_IA32_VMX_ENTRY_CTLS),
	CAPS_MSR(misc,		MSR_IA32_VMX_MISC),
	CAPS_MSR(cr0_fixed0,	MSR_IA32_VMX_CR0_FIXED0),
	CAPS_MSR(cr0_fixed1,	MSR_IA32_VMX_CR0_FIXED1),
	CAPS_MSR(cr4_fixed0,	MSR_IA32_VMX_CR4_FIXED0),
	CAPS_MSR(cr4_fixed1,	MSR_IA32_VMX_CR4_FIXED1),
};

/* They replace the above on a CPU that has them (SDM volume 3, A.2). */
static const struct caps_msr caps_true_msrs[] = {
	CAPS_MSR(pin,		MSR_IA32_VMX_TRUE_PINBASED_CTLS),
	CAPS_MSR(proc,		MSR_IA32_VMX_TRUE_PROCBASED_CTLS),
	CAPS_MSR(exit,		MSR_IA32_VMX_TRUE_EXIT_CTLS),
	CAPS_MSR(entry,		MSR_IA32_VMX_TRUE_ENTRY_CTLS),
};

#define BASIC_TRUE_CTLS		BIT_ULL(55)

static u64 *caps_field(struct vmx_caps *caps, const struct caps_msr *m)
{
	return (void *)caps + m->offset;
}

static int caps_read_msrs(struct vmx_caps *caps, const struct caps_msr *msrs,
			  unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (rdmsrq_safe(msrs[i].msr, caps_field(caps, &msrs[i])))
			return -EIO;
	return 0;
}

/* A capability MSR allows a control to be 1 in its high half. */
static bool may_be_1(u64 msr, u32 bits)
{
	return ((msr >> 32) & bits) == bits;
}

/* Which part of struct vmx_caps shows a feature, and how. */
struct caps_rule {
	u64 feature;
	u16 offset;
	bool raw;		/* bits of the MSR itself, not of allowed-1 */
	u64 bits;		/* all of them */
};

#define RULE_CTL(feature, field, bits) \
	{ feature, offsetof(struct vmx_caps, field), false, bits }
#define RULE_RAW(feature, field, bits) \
	{ feature, offsetof(struct vmx_caps, field), true, bits }

#define EXIT_LOAD_SAVE_EFER	(VM_EXIT_LOAD_IA32_EFER | VM_EXIT_SAVE_IA32_EFER)
#define EXIT_LOAD_SAVE_PAT	(VM_EXIT_LOAD_IA32_PAT | VM_EXIT_SAVE_IA32_PAT)

/* Two bits that <asm/vmx.h> has no names for yet (SDM volume 3, A.4, A.5). */
#define EXIT_LOAD_CET		BIT(28)
#define ENTRY_LOAD_CET		BIT(20)
#define ENABLE_EPT_VE		BIT(18)

/* A feature with several rules needs all of them. */
static const struct caps_rule caps_rules[] = {
	RULE_RAW(PHV_CAP_TRUE_CONTROLS,		basic,	BASIC_TRUE_CTLS),
	RULE_CTL(PHV_CAP_SECONDARY_CONTROLS,	proc,	CPU_BASED_ACTIVATE_SECONDARY_CONTROLS),
	RULE_CTL(PHV_CAP_TERTIARY_CONTROLS,	proc,	BIT(17)),
	RULE_CTL(PHV_CAP_MSR_BITMAPS,		proc,	CPU_BASED_USE_MSR_BITMAPS),
	RULE_CTL(PHV_CAP_LOAD_EFER,		exit,	EXIT_LOAD_SAVE_EFER),
	RULE_CTL(PHV_CAP_LOAD_EFER,		entry,	VM_ENTRY_LOAD_IA32_EFER),
	RULE_CTL(PHV_CAP_LOAD_PAT,		exit,	EXIT_LOAD_SAVE_PAT),
	RULE_CTL(PHV_CAP_LOAD_PAT,		entry,	VM_ENTRY_LOAD_IA32_PAT),
	RULE_CTL(PHV_CAP_LOAD_CET,		exit,	EXIT_LOAD_CET),
	RULE_CTL(PHV_CAP_LOAD_CET,		entry,	ENTRY_LOAD_CET),
	RULE_CTL(PHV_CAP_VIRTUAL_NMIS,		pin,	PIN_BASED_VIRTUAL_NMIS),
	RULE_CTL(PHV_CAP_VIRTUAL_NMIS,		proc,	CPU_BASED_NMI_WINDOW_EXITING),
	RULE_CTL(PHV_CAP_PREEMPTION_TIMER,	pin,	PIN_BASED_VMX_PREEMPTION_TIMER),
	RULE_CTL(PHV_CAP_POSTED_INTERRUPTS,	pin,	PIN_BASED_POSTED_INTR),
	RULE_CTL(PHV_CAP_POSTED_INTERRUPTS,	exit,	VM_EXIT_ACK_INTR_ON_EXIT),
	RULE_CTL(PHV_CAP_TPR_SHADOW,		proc,	CPU_BASED_TPR_SHADOW),
	RULE_CTL(PHV_CAP_UNRESTRICTED_GUEST,	proc2,	SECONDARY_EXEC_UNRESTRICTED_GUEST),
	RULE_CTL(PHV_CAP_PAUSE_LOOP_EXITING,	proc2,	SECONDARY_EXEC_PAUSE_LOOP_EXITING),
	RULE_CTL(PHV_CAP_TSC_SCALING,		proc2,	SECONDARY_EXEC_TSC_SCALING),
	RULE_CTL(PHV_CAP_SHADOW_VMCS,		proc2,	SECONDARY_EXEC_SHADOW_VMCS),
	RULE_CTL(PHV_CAP_XSAVES,		proc2,	SECONDARY_EXEC_ENABLE_XSAVES),
	RULE_CTL(PHV_CAP_VMFUNC,		proc2,	SECONDARY_EXEC_ENABLE_VMFUNC),
	RULE_CTL(PHV_CAP_MODE_BASED_EXEC,	proc2,	SECONDARY_EXEC_MODE_BASED_EPT_EXEC),
	RULE_CTL(PHV_CAP_EPT_VE,		proc2,	ENABLE_EPT_VE),
	RULE_CTL(PHV_CAP_PML,			proc2,	SECONDARY_EXEC_ENABLE_PML),
	RULE_CTL(PHV_CAP_APIC_ACCESS,		proc2,	SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES),
	RULE_CTL(PHV_CAP_X2APIC,		proc2,	SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE),
	RULE_CTL(PHV_CAP_APIC_REGISTERS,	proc2,	SECONDARY_EXEC_APIC_REGISTER_VIRT),
	RULE_CTL(PHV_CAP_VIRTUAL_INTERRUPTS,	proc2,	SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY),
	RULE_CTL(PHV_CAP_EPT,			proc2,	SECONDARY_EXEC_ENABLE_EPT),
	RULE_RAW(PHV_CAP_EPT,			ept_vpid, VMX_EPT_PAGE_WALK_4_BIT |
							  VMX_EPTP_WB_BIT |
							  VMX_EPT_INVEPT_BIT |
							  VMX_EPT_EXTENT_GLOBAL_BIT),
	RULE_RAW(PHV_CAP_EPT_2M,		ept_vpid, VMX_EPT_2MB_PAGE_BIT),
	RULE_RAW(PHV_CAP_EPT_1G,		ept_vpid, VMX_EPT_1GB_PAGE_BIT),
	RULE_RAW(PHV_CAP_EPT_EXEC_ONLY,		ept_vpid, VMX_EPT_EXECUTE_ONLY_BIT),
	RULE_RAW(PHV_CAP_EPT_5LEVEL,		ept_vpid, VMX_EPT_PAGE_WALK_5_BIT),
	RULE_RAW(PHV_CAP_EPT_AD,		ept_vpid, VMX_EPT_AD_BIT),
	RULE_RAW(PHV_CAP_PML,			ept_vpid, VMX_EPT_AD_BIT),
	RULE_RAW(PHV_CAP_INVEPT_SINGLE,		ept_vpid, VMX_EPT_INVEPT_BIT |
							  VMX_EPT_EXTENT_CONTEXT_BIT),
	RULE_CTL(PHV_CAP_VPID,			proc2,	SECONDARY_EXEC_ENABLE_VPID),
	RULE_RAW(PHV_CAP_VPID,			ept_vpid, VMX_VPID_INVVPID_BIT),
	RULE_RAW(PHV_CAP_INVVPID_ADDRESS,	ept_vpid, VMX_VPID_INVVPID_BIT |
							  BIT_ULL(40)),
	RULE_RAW(PHV_CAP_INVVPID_SINGLE,	ept_vpid, VMX_VPID_INVVPID_BIT |
							  BIT_ULL(41)),
	RULE_RAW(PHV_CAP_INVVPID_GLOBAL,	ept_vpid, VMX_VPID_INVVPID_BIT |
							  BIT_ULL(43)),
	RULE_RAW(PHV_CAP_IPI_VIRTUALIZATION,	proc3,	BIT_ULL(4)),
};

static u64 caps_features(const struct vmx_caps *caps)
{
	u64 have = 0, lacking = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps_rules); i++) {
		const struct caps_rule *rule = &caps_rules[i];
		u64 value = *(const u64 *)((const void *)caps + rule->offset);

		if (rule->raw ? (value & rule->bits) == rule->bits
			      : may_be_1(value, rule->bits))
			have |= rule->feature;
		else
			lacking |= rule->feature;
	}
	return have & ~lacking;
}

/*
 * The kernel has locked IA32_FEATURE_CONTROL with VMX on, unless firmware had
 * locked it without: then it clears X86_FEATURE_VMX (see init_ia32_feat_ctl()).
 */
static bool caps_vmxon_allowed(u64 feature_control)
{
	return (feature_control & FEAT_CTL_LOCKED) &&
	       (feature_control & (FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX |
				   FEAT_CTL_VMX_ENABLED_INSIDE_SMX)) &&
	       boot_cpu_has(X86_FEATURE_VMX);
}

/* Reads the capabilities of the CPU it runs on; bits are missing, not guessed. */
static void caps_read(struct vmx_caps *caps)
{
	memset(caps, 0, sizeof(*caps));
	if (!(cpuid_ecx(1) & BIT(X86_FEATURE_VMX & 31)))
		return;
	caps->features = PHV_CAP_VMX;

	if (rdmsrq_safe(MSR_IA32_FEAT_CTL, &caps->feature_control) ||
	    caps_read_msrs(caps, caps_msrs, ARRAY_SIZE(caps_msrs)))
		return;
	if (caps_vmxon_allowed(caps->feature_control))
		caps->features |= PHV_CAP_FEATURE_CONTROL;
	if ((caps->basic & BASIC_TRUE_CTLS) &&
	    caps_read_msrs(caps, caps_true_msrs, ARRAY_SIZE(caps_true_msrs)))
		return;

	if (may_be_1(caps->proc, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS))
		rdmsrq_safe(MSR_IA32_VMX_PROCBASED_CTLS2, &caps->proc2);
	if (may_be_1(caps->proc, BIT(17)))
		rdmsrq_safe(MSR_IA32_VMX_PROCBASED_CTLS3, &caps->proc3);
	if ((caps->proc2 >> 32) & (SECONDARY_EXEC_ENABLE_EPT |
				   SECONDARY_EXEC_ENABLE_VPID))
		rdmsrq_safe(MSR_IA32_VMX_EPT_VPID_CAP, &caps->ept_vpid);
	if (may_be_1(caps->proc2, SECONDARY_EXEC_ENABLE_VMFUNC))
		rdmsrq_safe(MSR_IA32_VMX_VMFUNC, &caps->vmfunc);

	caps->features |= caps_features(caps);
}

/* One requirement: the errno of its lack, and what to tell the administrator. */
struct caps_requirement {
	u64 feature;
	int error;
	const char *text;
};

static const struct caps_requirement caps_requirements[] = {
	{ PHV_CAP_VMX, -ENODEV,
	  "the CPU has no VMX; in a virtual machine, enable nested virtualization in its host" },
	{ PHV_CAP_FEATURE_CONTROL, -EACCES,
	  "VMX is locked off by firmware; enable virtualization (VT-x) in its setup and power-cycle" },
	{ PHV_CAP_EPT, -EOPNOTSUPP,
	  "the CPU has no EPT (4-level, write-back); phv needs a CPU that has" },
	{ PHV_CAP_UNRESTRICTED_GUEST, -EOPNOTSUPP,
	  "the CPU has no unrestricted guest mode; phv needs a CPU that has (Westmere or newer)" },
	{ PHV_CAP_LOAD_EFER | PHV_CAP_LOAD_PAT, -EOPNOTSUPP,
	  "the CPU cannot switch IA32_EFER and IA32_PAT at VM entry and exit; phv needs a CPU that can" },
	{ ~0ULL, -EOPNOTSUPP,
	  "the CPU lacks MSR bitmaps, the TPR shadow or virtual NMIs; phv needs a CPU that has them" },
};

/* Returns 0 when phv can run on such a CPU, else an errno; says why not. */
static int caps_check(const struct vmx_caps *caps)
{
	u64 lacking = vmx_required & ~caps->features;
	unsigned int i;

	for (i = 0; lacking && i < ARRAY_SIZE(caps_requirements); i++) {
		const struct caps_requirement *need = &caps_requirements[i];

		if (!(lacking & need->feature))
			continue;
		pr_err("not loaded: %s\n", need->text);
		return need->error;
	}
	return 0;
}

/* Names the first difference between this host's capabilities and another CPU's. */
static void caps_report_difference(const struct vmx_caps *caps, unsigned int cpu)
{
	const struct caps_msr extra[] = {
		CAPS_MSR(proc2,		MSR_IA32_VMX_PROCBASED_CTLS2),
		CAPS_MSR(proc3,		MSR_IA32_VMX_PROCBASED_CTLS3),
		CAPS_MSR(ept_vpid,	MSR_IA32_VMX_EPT_VPID_CAP),
		CAPS_MSR(vmfunc,	MSR_IA32_VMX_VMFUNC),
		CAPS_MSR(feature_control, MSR_IA32_FEAT_CTL),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps_msrs) + ARRAY_SIZE(extra); i++) {
		const struct caps_msr *m = i < ARRAY_SIZE(caps_msrs) ?
			&caps_msrs[i] : &extra[i - ARRAY_SIZE(caps_msrs)];
		u64 mine = *caps_field(&vmx_caps, m);
		u64 other = *(const u64 *)((const void *)caps + m->offset);

		if (mine == other)
			continue;
		pr_err("CPU %u differs from the others in %s: %#llx, not %#llx; phv needs CPUs that are alike\n",
		       cpu, m->name, other, mine);
		return;
	}
	pr_err("CPU %u differs from the others: its VMX is not usable\n", cpu);
}

/**
 * vmx_caps_match - is the CPU this runs on like the others?
 *
 * Return: 0, or -EXDEV when it is not; the kernel log says in what.
 * Context: any that cannot move to another CPU.
 */
int vmx_caps_match(void)
{
	struct vmx_caps caps;

	caps_read(&caps);
	if (!memcmp(&caps, &vmx_caps, sizeof(caps)))
		return 0;
	caps_report_difference(&caps, smp_processor_id());
	return -EXDEV;
}

static void caps_match_on_cpu(void *result)
{
	if (vmx_caps_match())
		*(int *)result = -EXDEV;
}

/**
 * vmx_caps_probe - fill vmx_caps, and decide whether phv can run here
 *
 * Return: 0; -ENODEV without VMX, -EACCES with VMX locked off by firmware,
 * -EOPNOTSUPP when something else that is required is missing or FRED is on, -EXDEV when the
 * CPUs differ.  One line in the kernel log says which.
 * Context: module load; the caller holds cpus_read_lock().
 */
int vmx_caps_probe(void)
{
	int ret;

	preempt_disable();
	caps_read(&vmx_caps);
	preempt_enable();
	ret = caps_check(&vmx_caps);
	if (ret)
		return ret;
	if (phv_has_fred()) {
		pr_err("not loaded: the kernel uses FRED, which phv does not know yet; boot with fred=off\n");
		return -EOPNOTSUPP;
	}
	on_each_cpu(caps_match_on_cpu, &ret, 1);
	return ret;
}
