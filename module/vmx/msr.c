// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR of guests.
 *
 * What lives here: which MSRs the guest has for itself, which are emulated and
 * how, and what a domain's rules change about it. What is not known is #GP.
 */
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/tsc.h>
#include <asm/vmx.h>

#include "compat.h"
#include "domain.h"
#include "pv/hypercall.h"
#include "vcpu.h"
#include "vmx/cr.h"
#include "vmx/entry.h"
#include "vmx/exit.h"
#include "vmx/msr.h"
#include "vmx/run.h"
#include "vmx/vmx.h"

/* MSRs in the VMCS, loaded and saved by the processor: guest and field. */
static const struct {
	u32 msr;
	u32 field;
} vmcs_msrs[] = {
	{ MSR_FS_BASE,			GUEST_FS_BASE },
	{ MSR_GS_BASE,			GUEST_GS_BASE },
	{ MSR_IA32_SYSENTER_CS,		GUEST_SYSENTER_CS },
	{ MSR_IA32_SYSENTER_ESP,	GUEST_SYSENTER_ESP },
	{ MSR_IA32_SYSENTER_EIP,	GUEST_SYSENTER_EIP },
	{ MSR_IA32_CR_PAT,		GUEST_IA32_PAT },
	{ MSR_EFER,			GUEST_IA32_EFER },
};

/* MSRs that software switches: index in shared_msr[], or -1. */
static int shared_index(u32 msr)
{
	switch (msr) {
	case MSR_STAR:
		return SHARED_STAR;
	case MSR_LSTAR:
		return SHARED_LSTAR;
	case MSR_SYSCALL_MASK:
		return SHARED_FMASK;
	case MSR_KERNEL_GS_BASE:
		return SHARED_KERNEL_GS_BASE;
	case MSR_TSC_AUX:
		return SHARED_TSC_AUX;
	default:
		return -1;
	}
}

static bool has_tsc_aux(const struct phv_domain *domain)
{
	return (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID)) &&
	       (cpuid_has(domain, 0x80000001, CPUID_EDX, BIT(27)) ||
		cpuid_has(domain, 7, CPUID_ECX, BIT(22)));
}

static bool has_spec_ctrl(const struct phv_domain *domain)
{
	return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) &&
	       cpuid_has(domain, 7, CPUID_EDX, BIT(26) | BIT(27) | BIT(31));
}

/*
 * Bits of IA32_SPEC_CTRL that the domain's CPUID promises, IBRS, STIBP and SSBD, as far as the
 * processor has them: entries write them, and must not fault.
 */
static u64 spec_ctrl_allowed(const struct phv_domain *domain)
{
	u64 allowed = 0;

	if (cpuid_has(domain, 7, CPUID_EDX, BIT(26)) && boot_cpu_has(X86_FEATURE_SPEC_CTRL))
		allowed |= SPEC_CTRL_IBRS;
	if (cpuid_has(domain, 7, CPUID_EDX, BIT(27)) && boot_cpu_has(X86_FEATURE_INTEL_STIBP))
		allowed |= SPEC_CTRL_STIBP;
	if (cpuid_has(domain, 7, CPUID_EDX, BIT(31)) &&
	    boot_cpu_has(X86_FEATURE_SPEC_CTRL_SSBD))
		allowed |= SPEC_CTRL_SSBD;
	return allowed;
}

void msr_setup_vmcs(struct phv_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmcs_msrs); i++)
		vmcs_msr_intercept(vcpu, vmcs_msrs[i].msr, false, false);
	/* With offset and scaling the processor answers; writes move the offset. */
	vmcs_msr_intercept(vcpu, MSR_IA32_TSC, false, true);
	/* Read often, written once: so the values are known without reading them back. */
	vmcs_msr_intercept(vcpu, MSR_STAR, false, true);
	vmcs_msr_intercept(vcpu, MSR_LSTAR, false, true);
	vmcs_msr_intercept(vcpu, MSR_SYSCALL_MASK, false, true);
	/* SWAPGS writes it too. */
	vmcs_msr_intercept(vcpu, MSR_KERNEL_GS_BASE, false, false);
	if (has_tsc_aux(vcpu->domain))
		vmcs_msr_intercept(vcpu, MSR_TSC_AUX, false, true);
}

/* SDM volume 4: what an MSR of the architecture reads on this processor without the feature. */
static const struct {
	u32 first;
	u32 last;
	u64 value;
	bool write_ignored;
} constant_msrs[] = {
	{ MSR_IA32_PLATFORM_ID,	MSR_IA32_PLATFORM_ID,	0, false },
	{ MSR_IA32_EBL_CR_POWERON, MSR_IA32_EBL_CR_POWERON, 0, true },
	{ MSR_IA32_FEAT_CTL,	MSR_IA32_FEAT_CTL,	FEAT_CTL_LOCKED, false },
	{ MSR_SMI_COUNT,	MSR_SMI_COUNT,		0, false },
	{ MSR_PLATFORM_INFO,	MSR_PLATFORM_INFO,	0, false },
	{ MSR_MTRRcap,		MSR_MTRRcap,		0, false },
	{ MSR_IA32_MCG_CAP,	MSR_IA32_MCG_STATUS,	0, true },
	{ MSR_IA32_PERF_STATUS,	MSR_IA32_PERF_CTL,	0, true },
	{ MSR_MTRRfix64K_00000,	MSR_MTRRfix64K_00000,	0x0606060606060606ULL, true },
	{ MSR_MTRRfix16K_80000,	MSR_MTRRfix16K_A0000,	0x0606060606060606ULL, true },
	{ MSR_MTRRfix4K_C0000,	MSR_MTRRfix4K_F8000,	0x0606060606060606ULL, true },
	/* Enabled, write-back, as the EPT says whatever the guest does. */
	{ MSR_MTRRdefType,	MSR_MTRRdefType,	0x806, true },
	{ MSR_MISC_FEATURES_ENABLES, MSR_MISC_FEATURES_ENABLES, 0, false },
	{ 0x140,		0x140,			0, false },
};

static const struct phv_msr_policy *find_rule(const struct phv_domain *domain, u32 msr)
{
	unsigned int i;

	for (i = domain->msrs.count; i-- > 0; )
		if (domain->msrs.rule[i].index == msr)
			return &domain->msrs.rule[i];
	return NULL;
}

static int constant_read(u32 msr, u64 *value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(constant_msrs); i++) {
		if (msr < constant_msrs[i].first || msr > constant_msrs[i].last)
			continue;
		*value = constant_msrs[i].value;
		return 0;
	}
	return -EINVAL;
}

static int constant_write(u32 msr, u64 value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(constant_msrs); i++) {
		if (msr < constant_msrs[i].first || msr > constant_msrs[i].last)
			continue;
		if (constant_msrs[i].write_ignored || value == constant_msrs[i].value)
			return 0;
	}
	return -EINVAL;
}

static bool is_lapic_msr(u32 msr)
{
	return (msr >= 0x800 && msr <= 0x8ff) || msr == MSR_IA32_APICBASE ||
	       msr == MSR_IA32_TSC_DEADLINE;
}

static u64 scale_tsc(const struct phv_vcpu *vcpu, u64 ticks)
{
	if (vcpu->domain->tsc_multiplier)
		ticks = mul_u64_u64_shr(ticks, vcpu->domain->tsc_multiplier, 48);
	return ticks;
}

/* The guest's TSC for a value of the host's. */
u64 msr_guest_tsc(const struct phv_vcpu *vcpu, u64 host_tsc)
{
	return scale_tsc(vcpu, host_tsc) + vcpu->tsc_offset;
}

void msr_write_tsc_offset(struct phv_vcpu *vcpu)
{
	vmcs_write(TSC_OFFSET, vcpu->tsc_offset + scale_tsc(vcpu, vmx_tsc_lost));
}

static void set_tsc_offset(struct phv_vcpu *vcpu, u64 offset)
{
	WRITE_ONCE(vcpu->tsc_offset, offset);
	msr_write_tsc_offset(vcpu);
	lapic_tsc_changed(vcpu);
	time_update_vcpu(vcpu);
}

/* WRMSR to the TSC shows in IA32_TSC_ADJUST, and the other way round (SDM volume 3, 18.17.3). */
static void write_tsc(struct phv_vcpu *vcpu, u64 value, bool host)
{
	u64 delta = value - msr_guest_tsc(vcpu, vmx_tsc());

	if (!host)
		vcpu->tsc_adjust += delta;
	set_tsc_offset(vcpu, vcpu->tsc_offset + delta);
}

static void write_tsc_adjust(struct phv_vcpu *vcpu, u64 value, bool host)
{
	if (!host)
		set_tsc_offset(vcpu, vcpu->tsc_offset + value - vcpu->tsc_adjust);
	vcpu->tsc_adjust = value;
}

static int shared_read(struct phv_vcpu *vcpu, u32 msr, u64 *value)
{
	int i = shared_index(msr);

	if (i < 0 || (i == SHARED_TSC_AUX && !has_tsc_aux(vcpu->domain)))
		return -EINVAL;
	if (i == SHARED_KERNEL_GS_BASE && vcpu->shared_loaded)
		rdmsrq(MSR_KERNEL_GS_BASE, *value);
	else
		*value = vcpu->shared_msr[i];
	return 0;
}

static bool is_canonical(struct phv_vcpu *vcpu, u64 value)
{
	unsigned int shift = vmcs_read(GUEST_CR4) & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(value << shift) >> shift) == value;
}

static int shared_write(struct phv_vcpu *vcpu, u32 msr, u64 value)
{
	int i = shared_index(msr);

	switch (i) {
	case SHARED_LSTAR:
	case SHARED_KERNEL_GS_BASE:
		if (!is_canonical(vcpu, value))
			return -EINVAL;
		break;
	case SHARED_FMASK:
		if (upper_32_bits(value))
			return -EINVAL;
		break;
	case SHARED_TSC_AUX:
		if (upper_32_bits(value) || !has_tsc_aux(vcpu->domain))
			return -EINVAL;
		break;
	case SHARED_STAR:
		break;
	default:
		return -EINVAL;
	}
	/* A thread that is preempted here has its values saved and loaded: do both at once. */
	preempt_disable();
	vcpu->shared_msr[i] = value;
	if (vcpu->shared_loaded)
		wrmsrq(msr, value);
	preempt_enable();
	return 0;
}

static int vmcs_msr_read(u32 msr, u64 *value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmcs_msrs); i++) {
		if (vmcs_msrs[i].msr != msr)
			continue;
		*value = vmcs_read(vmcs_msrs[i].field);
		return 0;
	}
	return -EINVAL;
}

static bool pat_is_valid(u64 pat)
{
	unsigned int i;

	for (i = 0; i < 8; i++, pat >>= 8)
		if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
			return false;
	return true;
}

/* User space only: the guest writes these without an exit, checked by the processor. */
static int vmcs_msr_write(struct phv_vcpu *vcpu, u32 msr, u64 value)
{
	unsigned int i;

	if (msr == MSR_EFER)
		return efer_write(vcpu, value);
	if (msr == MSR_IA32_CR_PAT ? !pat_is_valid(value) :
	    msr == MSR_IA32_SYSENTER_CS ? upper_32_bits(value) : !is_canonical(vcpu, value))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(vmcs_msrs); i++) {
		if (vmcs_msrs[i].msr != msr)
			continue;
		vmcs_write(vmcs_msrs[i].field, value);
		return 0;
	}
	return -EINVAL;
}

static u64 arch_capabilities(void)
{
	/* What the processor is not vulnerable to holds for its guests. */
	const u64 pass = ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SSB_NO |
			 ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO |
			 ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO |
			 ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | ARCH_CAP_BHI_NO | ARCH_CAP_RFDS_NO;
	u64 value = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrq(MSR_IA32_ARCH_CAPABILITIES, value);
	return (value & pass) | ARCH_CAP_SKIP_VMENTRY_L1DFLUSH;
}

int msr_read(struct phv_vcpu *vcpu, u32 msr, u64 *value)
{
	if (is_lapic_msr(msr))
		return lapic_read_msr(vcpu, msr, value);
	switch (msr) {
	case MSR_IA32_TSC:
		*value = msr_guest_tsc(vcpu, vmx_tsc());
		return 0;
	case MSR_IA32_TSC_ADJUST:
		*value = vcpu->tsc_adjust;
		return 0;
	case MSR_IA32_MISC_ENABLE:
		*value = vcpu->misc_enable | MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
			 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
		return 0;
	case MSR_IA32_UCODE_REV:
		*value = vcpu->bios_sign;
		return 0;
	case MSR_CSTAR:
		*value = vcpu->cstar;
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		*value = vmcs_read(GUEST_IA32_DEBUGCTL);
		return 0;
	case MSR_IA32_SPEC_CTRL:
		/* What it may have set beside that, without an exit, it is not said to have. */
		*value = vcpu->spec_ctrl & spec_ctrl_allowed(vcpu->domain);
		return has_spec_ctrl(vcpu->domain) ? 0 : -EINVAL;
	case MSR_IA32_ARCH_CAPABILITIES:
		*value = arch_capabilities();
		return cpuid_has(vcpu->domain, 7, CPUID_EDX, BIT(29)) ? 0 : -EINVAL;
	case MSR_IA32_XSS:
		*value = 0;
		return cpuid_has(vcpu->domain, 0xd, CPUID_EAX, BIT(3)) ? 0 : -EINVAL;
	case XEN_MSR_HYPERCALL_PAGE:
		*value = 0;
		return vcpu->domain->pv ? 0 : -EINVAL;
	}
	if (!shared_read(vcpu, msr, value) || !vmcs_msr_read(msr, value))
		return 0;
	return constant_read(msr, value);
}

/* The first write shows that the guest uses it: from then on it has it for itself. */
static int write_spec_ctrl(struct phv_vcpu *vcpu, u64 value)
{
	if (!has_spec_ctrl(vcpu->domain) || (value & ~spec_ctrl_allowed(vcpu->domain)))
		return -EINVAL;
	vcpu->spec_ctrl = value;
	/* Only one that is to have all there was at first; exits undo whatever else it sets. */
	if (value && spec_ctrl_allowed(vcpu->domain) ==
	    (SPEC_CTRL_IBRS | SPEC_CTRL_STIBP | SPEC_CTRL_SSBD)) {
		vcpu->enter_flags |= VMX_ENTER_SAVE_SPEC_CTRL;
		vmcs_msr_intercept(vcpu, MSR_IA32_SPEC_CTRL, false, false);
	}
	return 0;
}

static int write_pred_cmd(struct phv_vcpu *vcpu, u64 value)
{
	if (!cpuid_has(vcpu->domain, 7, CPUID_EDX, BIT(26)) || (value & ~(u64)PRED_CMD_IBPB))
		return -EINVAL;
	if (value && boot_cpu_has(X86_FEATURE_IBPB))
		wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	return 0;
}

int msr_write(struct phv_vcpu *vcpu, u32 msr, u64 value, bool host)
{
	if (is_lapic_msr(msr))
		return lapic_write_msr(vcpu, msr, value);
	switch (msr) {
	case MSR_IA32_TSC:
		write_tsc(vcpu, value, host);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		write_tsc_adjust(vcpu, value, host);
		return 0;
	case MSR_IA32_MISC_ENABLE:
		vcpu->misc_enable = value & MSR_IA32_MISC_ENABLE_FAST_STRING;
		return 0;
	case MSR_IA32_UCODE_REV:
		/* Software writes 0 to find out with CPUID whether there is an update. */
		if (host)
			vcpu->bios_sign = value;
		return 0;
	case MSR_IA32_UCODE_WRITE:
		return 0;
	case MSR_CSTAR:
		if (!is_canonical(vcpu, value))
			return -EINVAL;
		vcpu->cstar = value;
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		/* Single steps on branches are the guest's; traces and counters it has not. */
		if (value & ~(u64)DEBUGCTLMSR_BTF)
			return -EINVAL;
		vmcs_write(GUEST_IA32_DEBUGCTL, value);
		return 0;
	case MSR_IA32_SPEC_CTRL:
		return write_spec_ctrl(vcpu, value);
	case MSR_IA32_PRED_CMD:
		return write_pred_cmd(vcpu, value);
	case XEN_MSR_HYPERCALL_PAGE:
		if (!vcpu->domain->pv)
			return -EINVAL;
		/* User space may give back what it has read. */
		return host && !value ? 0 : hypercall_page_write(vcpu, value);
	case MSR_IA32_XSS:
		return value || !cpuid_has(vcpu->domain, 0xd, CPUID_EAX, BIT(3)) ? -EINVAL : 0;
	}
	if (shared_index(msr) >= 0)
		return shared_write(vcpu, msr, value);
	if (host && !vmcs_msr_write(vcpu, msr, value))
		return 0;
	return constant_write(msr, value);
}

static u64 msr_value(struct phv_vcpu *vcpu)
{
	return (u32)vcpu->gpr[GPR_RAX] | vcpu->gpr[GPR_RDX] << 32;
}

/* Exit: RDMSR of an MSR that the guest does not have for itself. */
int vmx_exit_rdmsr(struct phv_vcpu *vcpu)
{
	u32 msr = vcpu->gpr[GPR_RCX];
	const struct phv_msr_policy *rule = find_rule(vcpu->domain, msr);
	u64 value;
	int ret;

	if (unlikely(rule)) {
		value = rule->value;
		ret = rule->action == PHV_MSR_FAULT ? -EINVAL : 0;
	} else {
		ret = msr_read(vcpu, msr, &value);
	}
	if (ret) {
		event_gp(vcpu);
		return VMX_RESUME;
	}
	vcpu->gpr[GPR_RAX] = lower_32_bits(value);
	vcpu->gpr[GPR_RDX] = upper_32_bits(value);
	vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}

/* Exit: WRMSR likewise. */
int vmx_exit_wrmsr(struct phv_vcpu *vcpu)
{
	u32 msr = vcpu->gpr[GPR_RCX];
	const struct phv_msr_policy *rule = find_rule(vcpu->domain, msr);
	int ret;

	if (unlikely(rule))
		ret = rule->action == PHV_MSR_FAULT ? -EINVAL : 0;
	else
		ret = msr_write(vcpu, msr, msr_value(vcpu), false);
	if (unlikely(ret == -EAGAIN))
		return VMX_SLOW;
	if (ret)
		event_gp(vcpu);
	else
		vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}

/* The processor itself, or the module with state behind it, answers for these. */
static bool is_fixed(u32 msr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmcs_msrs); i++)
		if (vmcs_msrs[i].msr == msr)
			return true;
	return shared_index(msr) >= 0 || is_lapic_msr(msr) || msr == MSR_IA32_TSC ||
	       msr == MSR_CSTAR || msr == MSR_IA32_SPEC_CTRL;
}

/**
 * msr_policy_ioctl - PHV_SET_MSR_POLICY
 * @domain: the domain
 * @uarg: struct phv_msr_policy in user memory
 *
 * Return: 0 or an errno as <phv.h> lists them.
 */
int msr_policy_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	struct phv_msr_policy arg, *rule;
	int ret = 0;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.action > PHV_MSR_IGNORE || is_fixed(arg.index) ||
	    (arg.value && arg.action != PHV_MSR_IGNORE) ||
	    memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;

	mutex_lock(&domain->mutex);
	rule = (struct phv_msr_policy *)find_rule(domain, arg.index);
	if (domain->vcpu_count)
		ret = -EBUSY;
	else if (rule && arg.action == PHV_MSR_DEFAULT)
		*rule = domain->msrs.rule[--domain->msrs.count];
	else if (rule)
		*rule = arg;
	else if (arg.action == PHV_MSR_DEFAULT)
		ret = 0;
	else if (domain->msrs.count == MSR_MAX_RULES)
		ret = -ENOSPC;
	else
		domain->msrs.rule[domain->msrs.count++] = arg;
	mutex_unlock(&domain->mutex);
	return ret;
}
