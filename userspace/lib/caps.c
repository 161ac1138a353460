// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor features: the one table that ties a PHV_CAP_* bit to its name,
 * its purpose, and the bits of the capability MSRs that show it; and the table
 * of these MSRs.  A new feature is a new line here.
 *
 * SDM volume 3, appendix A, "VMX Capability Reporting Facility".
 */
#include "libphv.h"

#define BIT(n)		(1ULL << (n))
/* A control that may be 1: in the high half of its capability MSR. */
#define MAY(n)		BIT(32 + (n))
#define BASIC_TRUE_CONTROLS	BIT(55)

#define IN(_member, _bits) \
	{ .member = offsetof(struct phv_caps, _member), .bits = (_bits) }

#define NEWER_CPU(since) \
	"this processor does not have it; Intel's have it since " since
#define NESTED_CPU \
	"this processor, or the hypervisor above this machine, does not offer it"

const struct caps_feature caps_features[] = {
	{
		.bit = PHV_CAP_VMX, .name = "vmx", .required = true,
		.why = "hardware virtualisation",
		.cure = "phv needs an Intel CPU with VT-x, in a virtual machine nested VMX",
	}, {
		.bit = PHV_CAP_FEATURE_CONTROL, .name = "feature_control",
		.required = true,
		.why = "firmware lets VMX be turned on",
		.cure = "turn on virtualization (VT-x) in firmware setup, then power-cycle",
		.evidence = { IN(feature_control, BIT(0) | BIT(2)) },
	}, {
		.bit = PHV_CAP_TRUE_CONTROLS, .name = "true_controls",
		.why = "default-1 controls can be turned off",
		.evidence = { IN(basic, BASIC_TRUE_CONTROLS) },
	}, {
		.bit = PHV_CAP_SECONDARY_CONTROLS, .name = "secondary_controls",
		.required = true,
		.why = "the controls of EPT, VPID and most others",
		.cure = NESTED_CPU,
		.evidence = { IN(proc, MAY(31)) },
	}, {
		.bit = PHV_CAP_TERTIARY_CONTROLS, .name = "tertiary_controls",
		.why = "the control of IPI virtualisation",
		.evidence = { IN(proc, MAY(17)) },
	}, {
		.bit = PHV_CAP_MSR_BITMAPS, .name = "msr_bitmaps",
		.required = true,
		.why = "guests use their own MSRs without an exit",
		.cure = NESTED_CPU,
		.evidence = { IN(proc, MAY(28)) },
	}, {
		.bit = PHV_CAP_LOAD_EFER, .name = "load_efer",
		.required = true,
		.why = "EFER switches with entry and exit",
		.cure = NEWER_CPU("2008 (Nehalem)"),
		.evidence = { IN(exit, MAY(20) | MAY(21)),
			      IN(entry, MAY(15)) },
	}, {
		.bit = PHV_CAP_LOAD_PAT, .name = "load_pat",
		.required = true,
		.why = "PAT switches with entry and exit",
		.cure = NEWER_CPU("2008 (Nehalem)"),
		.evidence = { IN(exit, MAY(18) | MAY(19)),
			      IN(entry, MAY(14)) },
	}, {
		.bit = PHV_CAP_VIRTUAL_NMIS, .name = "virtual_nmis",
		.required = true,
		.why = "NMI blocking is tracked for the guest",
		.cure = NESTED_CPU,
		.evidence = { IN(pin, MAY(5)), IN(proc, MAY(22)) },
	}, {
		.bit = PHV_CAP_UNRESTRICTED_GUEST, .name = "unrestricted_guest",
		.required = true,
		.why = "real mode and paging-off run without an emulator",
		.cure = NEWER_CPU("2010 (Westmere)"),
		.evidence = { IN(proc2, MAY(7)) },
	}, {
		.bit = PHV_CAP_PREEMPTION_TIMER, .name = "preemption_timer",
		.why = "guest timers without a host timer each",
		.evidence = { IN(pin, MAY(6)) },
	}, {
		.bit = PHV_CAP_PAUSE_LOOP_EXITING, .name = "pause_loop_exiting",
		.why = "a vCPU that spins yields its CPU",
		.evidence = { IN(proc2, MAY(10)) },
	}, {
		.bit = PHV_CAP_TSC_SCALING, .name = "tsc_scaling",
		.why = "a guest keeps its TSC frequency on another host",
		.evidence = { IN(proc2, MAY(25)) },
	}, {
		.bit = PHV_CAP_SHADOW_VMCS, .name = "shadow_vmcs",
		.why = "guest hypervisors exit less often",
		.evidence = { IN(proc2, MAY(14)) },
	}, {
		.bit = PHV_CAP_XSAVES, .name = "xsaves",
		.why = "guests may use XSAVES and XRSTORS",
		.evidence = { IN(proc2, MAY(20)) },
	}, {
		.bit = PHV_CAP_VMFUNC, .name = "vmfunc",
		.why = "guests switch EPT views without an exit",
		.evidence = { IN(proc2, MAY(13)) },
	}, {
		.bit = PHV_CAP_MODE_BASED_EXEC, .name = "mode_based_exec",
		.why = "EPT execute rights by guest mode",
		.evidence = { IN(proc2, MAY(22)) },
	}, {
		.bit = PHV_CAP_LOAD_CET, .name = "load_cet",
		.why = "CET state switches with entry and exit",
		.evidence = { IN(exit, MAY(28)), IN(entry, MAY(20)) },
	}, {
		.bit = PHV_CAP_EPT, .name = "ept", .required = true,
		.why = "guest memory is translated by hardware",
		.cure = NEWER_CPU("2008 (Nehalem)"),
		/* 4 levels, write-back, INVEPT of all contexts */
		.evidence = { IN(proc2, MAY(1)),
			      IN(ept_vpid, BIT(6) | BIT(14) | BIT(20) | BIT(26)) },
	}, {
		.bit = PHV_CAP_EPT_2M, .name = "ept_2m",
		.why = "large pages for guest memory",
		.evidence = { IN(ept_vpid, BIT(16)) },
	}, {
		.bit = PHV_CAP_EPT_1G, .name = "ept_1g",
		.why = "huge pages for guest memory",
		.evidence = { IN(ept_vpid, BIT(17)) },
	}, {
		.bit = PHV_CAP_EPT_EXEC_ONLY, .name = "ept_exec_only",
		.why = "execute-only guest memory",
		.evidence = { IN(ept_vpid, BIT(0)) },
	}, {
		.bit = PHV_CAP_EPT_5LEVEL, .name = "ept_5level",
		.why = "guest-physical addresses above 256 TiB",
		.evidence = { IN(ept_vpid, BIT(7)) },
	}, {
		.bit = PHV_CAP_EPT_AD, .name = "ept_ad",
		.why = "idle and dirty guest pages are found cheaply",
		.evidence = { IN(ept_vpid, BIT(21)) },
	}, {
		.bit = PHV_CAP_PML, .name = "pml",
		.why = "dirty pages are logged by hardware",
		.evidence = { IN(proc2, MAY(17)), IN(ept_vpid, BIT(21)) },
	}, {
		.bit = PHV_CAP_INVEPT_SINGLE, .name = "invept_single",
		.why = "one domain's translations flushed alone",
		.evidence = { IN(ept_vpid, BIT(20) | BIT(25)) },
	}, {
		.bit = PHV_CAP_EPT_VE, .name = "ept_ve",
		.why = "guests handle EPT violations themselves",
		.evidence = { IN(proc2, MAY(18)) },
	}, {
		.bit = PHV_CAP_VPID, .name = "vpid",
		.why = "TLB entries survive entry and exit",
		.evidence = { IN(proc2, MAY(5)), IN(ept_vpid, BIT(32)) },
	}, {
		.bit = PHV_CAP_INVVPID_ADDRESS, .name = "invvpid_address",
		.why = "one address of a vCPU flushed alone",
		.evidence = { IN(ept_vpid, BIT(32) | BIT(40)) },
	}, {
		.bit = PHV_CAP_INVVPID_SINGLE, .name = "invvpid_single",
		.why = "one vCPU's translations flushed alone",
		.evidence = { IN(ept_vpid, BIT(32) | BIT(41)) },
	}, {
		.bit = PHV_CAP_INVVPID_GLOBAL, .name = "invvpid_global",
		.why = "the same, global pages retained",
		.evidence = { IN(ept_vpid, BIT(32) | BIT(43)) },
	}, {
		.bit = PHV_CAP_TPR_SHADOW, .name = "tpr_shadow",
		.required = true,
		.why = "guests change their TPR without an exit",
		.cure = NESTED_CPU,
		.evidence = { IN(proc, MAY(21)) },
	}, {
		.bit = PHV_CAP_APIC_ACCESS, .name = "apic_access",
		.why = "guests in xAPIC mode without an emulator",
		.evidence = { IN(proc2, MAY(0)) },
	}, {
		.bit = PHV_CAP_X2APIC, .name = "x2apic",
		.why = "guests in x2APIC mode exit less often",
		.evidence = { IN(proc2, MAY(4)) },
	}, {
		.bit = PHV_CAP_APIC_REGISTERS, .name = "apic_registers",
		.why = "guests read their APIC without an exit",
		.evidence = { IN(proc2, MAY(8)) },
	}, {
		.bit = PHV_CAP_VIRTUAL_INTERRUPTS, .name = "virtual_interrupts",
		.why = "interrupts delivered and ended without an exit",
		.evidence = { IN(proc2, MAY(9)) },
	}, {
		.bit = PHV_CAP_POSTED_INTERRUPTS, .name = "posted_interrupts",
		.why = "interrupts reach a running vCPU without an exit",
		.evidence = { IN(pin, MAY(7)), IN(exit, MAY(15)) },
	}, {
		.bit = PHV_CAP_IPI_VIRTUALIZATION, .name = "ipi_virtualization",
		.why = "vCPUs interrupt each other without an exit",
		/* 64 allowed-1 bits: there is nothing that must be 1 */
		.evidence = { IN(proc3, BIT(4)) },
	},
	{ .name = NULL }
};

#define MEMBER(_member)	.member = offsetof(struct phv_caps, _member)

/* In the order in which they must be read: each may tell if a later exists. */
const struct caps_msr caps_msrs[] = {
	{ .name = "IA32_FEATURE_CONTROL", .number = 0x3a,
	  MEMBER(feature_control) },
	{ .name = "IA32_VMX_BASIC", .number = 0x480, MEMBER(basic) },
	{ .name = "IA32_VMX_PINBASED_CTLS", .number = 0x481,
	  .true_name = "IA32_VMX_TRUE_PINBASED_CTLS", .true_number = 0x48d,
	  MEMBER(pin) },
	{ .name = "IA32_VMX_PROCBASED_CTLS", .number = 0x482,
	  .true_name = "IA32_VMX_TRUE_PROCBASED_CTLS", .true_number = 0x48e,
	  MEMBER(proc) },
	{ .name = "IA32_VMX_EXIT_CTLS", .number = 0x483,
	  .true_name = "IA32_VMX_TRUE_EXIT_CTLS", .true_number = 0x48f,
	  MEMBER(exit) },
	{ .name = "IA32_VMX_ENTRY_CTLS", .number = 0x484,
	  .true_name = "IA32_VMX_TRUE_ENTRY_CTLS", .true_number = 0x490,
	  MEMBER(entry) },
	{ .name = "IA32_VMX_MISC", .number = 0x485, MEMBER(misc) },
	{ .name = "IA32_VMX_CR0_FIXED0", .number = 0x486, MEMBER(cr0_fixed0) },
	{ .name = "IA32_VMX_CR0_FIXED1", .number = 0x487, MEMBER(cr0_fixed1) },
	{ .name = "IA32_VMX_CR4_FIXED0", .number = 0x488, MEMBER(cr4_fixed0) },
	{ .name = "IA32_VMX_CR4_FIXED1", .number = 0x489, MEMBER(cr4_fixed1) },
	{ .name = "IA32_VMX_PROCBASED_CTLS2", .number = 0x48b, MEMBER(proc2),
	  .needs = IN(proc, MAY(31)) },
	{ .name = "IA32_VMX_PROCBASED_CTLS3", .number = 0x492, MEMBER(proc3),
	  .needs = IN(proc, MAY(17)) },
	{ .name = "IA32_VMX_EPT_VPID_CAP", .number = 0x48c, MEMBER(ept_vpid),
	  .needs = IN(proc2, MAY(1) | MAY(5)) },
	{ .name = "IA32_VMX_VMFUNC", .number = 0x491, MEMBER(vmfunc),
	  .needs = IN(proc2, MAY(13)) },
	{ .name = NULL }
};

static __u64 member(const struct phv_caps *caps, size_t offset)
{
	return *(const __u64 *)((const char *)caps + offset);
}

static bool is_shown(const struct caps_feature *feature,
		     const struct phv_caps *caps)
{
	const struct caps_evidence *e = feature->evidence;
	size_t i;

	for (i = 0; i < CAPS_MAX_EVIDENCE && e[i].bits; i++)
		if ((member(caps, e[i].member) & e[i].bits) != e[i].bits)
			return false;
	return i > 0;
}

/**
 * caps_decode - find the features that the capability MSRs show
 * @caps: the MSRs' values; MSRs that don't exist, or are not read yet, are 0
 *
 * Return: PHV_CAP_* bits; without PHV_CAP_VMX, which no MSR shows
 */
__u64 caps_decode(const struct phv_caps *caps)
{
	const struct caps_feature *feature;
	__u64 features = 0;

	for (feature = caps_features; feature->name; feature++)
		if (is_shown(feature, caps))
			features |= feature->bit;
	return features;
}

/**
 * caps_has_msr - does a CPU with VMX have this capability MSR?
 * @msr: the MSR
 * @caps: values of the MSRs that stand before it in the table
 *
 * Return: true if it has, false if reading it would fault
 */
bool caps_has_msr(const struct caps_msr *msr, const struct phv_caps *caps)
{
	return !msr->needs.bits ||
	       (member(caps, msr->needs.member) & msr->needs.bits);
}

/**
 * caps_has_true_msr - is the TRUE variant of this MSR to be read?
 * @msr: the MSR
 * @caps: values of the MSRs that stand before it in the table
 *
 * Return: true if the CPU has it, and it is the one kept in struct phv_caps
 */
bool caps_has_true_msr(const struct caps_msr *msr, const struct phv_caps *caps)
{
	return msr->true_name && (caps->basic & BASIC_TRUE_CONTROLS);
}

/**
 * caps_msr_value - where the value of an MSR is kept
 * @msr: the MSR
 * @caps: the values
 *
 * Return: pointer to the member of @caps
 */
__u64 *caps_msr_value(const struct caps_msr *msr, struct phv_caps *caps)
{
	return (__u64 *)((char *)caps + msr->member);
}
