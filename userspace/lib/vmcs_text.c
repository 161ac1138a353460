// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values of a VMCS in words: for people who look at one; see vmcs.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmcs_internal.h"

const char *const vmcs_area_names[] = {
	[VMCS_CONTROLS] = "controls",
	[VMCS_HOST_STATE] = "host state",
	[VMCS_GUEST_STATE] = "guest state",
};

/* SDM volume 3, appendix C */
static const char *const exit_names[] = {
	[0] = "exception or NMI", [1] = "external interrupt", [2] = "triple fault",
	[3] = "INIT", [4] = "start-up IPI", [7] = "interrupt window", [8] = "NMI window",
	[9] = "task switch", [10] = "CPUID", [12] = "HLT", [13] = "INVD", [14] = "INVLPG",
	[15] = "RDPMC", [16] = "RDTSC", [18] = "VMCALL", [19] = "VMCLEAR",
	[20] = "VMLAUNCH", [21] = "VMPTRLD", [22] = "VMPTRST", [23] = "VMREAD",
	[24] = "VMRESUME", [25] = "VMWRITE", [26] = "VMXOFF", [27] = "VMXON",
	[28] = "control-register access", [29] = "MOV DR", [30] = "I/O instruction",
	[31] = "RDMSR", [32] = "WRMSR", [33] = "entry failed: guest state",
	[34] = "entry failed: MSR loading", [36] = "MWAIT", [37] = "monitor trap flag",
	[39] = "MONITOR", [40] = "PAUSE", [41] = "entry failed: machine check",
	[43] = "TPR below threshold", [44] = "APIC access", [45] = "virtualized EOI",
	[46] = "GDTR or IDTR access", [47] = "LDTR or TR access", [48] = "EPT violation",
	[49] = "EPT misconfiguration", [50] = "INVEPT", [51] = "RDTSCP",
	[52] = "VMX-preemption timer", [53] = "INVVPID", [54] = "WBINVD", [55] = "XSETBV",
	[56] = "APIC write", [57] = "RDRAND", [58] = "INVPCID", [59] = "VMFUNC",
	[60] = "ENCLS", [61] = "RDSEED", [62] = "PML full", [63] = "XSAVES",
	[64] = "XRSTORS", [67] = "UMWAIT", [68] = "TPAUSE",
};

/* The name of an exit reason; the upper half of @reason is not looked at. */
const char *vmcs_exit_name(__u32 reason)
{
	reason &= 0xffff;
	return reason < ARRAY_SIZE(exit_names) && exit_names[reason] ? exit_names[reason] :
								       "unknown";
}

/* The bits that have names; without a name, the number is shown. */
struct bit_names {
	__u32 encoding;
	struct {
		__u8 bit;
		const char *name;
	} bit[28];
};

static const struct bit_names bit_names[] = {
	{ VMCS_PIN, { { 0, "external-interrupt" }, { 3, "NMI" }, { 5, "virtual-NMIs" },
		      { 6, "preemption-timer" }, { 7, "posted-interrupts" } } },
	{ VMCS_PROC, { { 2, "interrupt-window" }, { 3, "TSC-offsetting" }, { 7, "HLT" },
		       { 9, "INVLPG" }, { 10, "MWAIT" }, { 11, "RDPMC" }, { 12, "RDTSC" },
		       { 15, "CR3-load" }, { 16, "CR3-store" }, { 17, "tertiary" },
		       { 19, "CR8-load" }, { 20, "CR8-store" }, { 21, "TPR-shadow" },
		       { 22, "NMI-window" }, { 23, "MOV-DR" }, { 24, "I/O" },
		       { 25, "I/O-bitmaps" }, { 27, "monitor-trap" }, { 28, "MSR-bitmaps" },
		       { 29, "MONITOR" }, { 30, "PAUSE" }, { 31, "secondary" } } },
	{ VMCS_PROC2, { { 0, "APIC-accesses" }, { 1, "EPT" }, { 2, "descriptor-table" },
			{ 3, "RDTSCP" }, { 4, "x2APIC" }, { 5, "VPID" }, { 6, "WBINVD" },
			{ 7, "unrestricted" }, { 8, "APIC-registers" },
			{ 9, "virtual-interrupts" }, { 10, "PAUSE-loop" }, { 11, "RDRAND" },
			{ 12, "INVPCID" }, { 13, "VM-functions" }, { 14, "VMCS-shadowing" },
			{ 15, "ENCLS" }, { 16, "RDSEED" }, { 17, "PML" }, { 18, "EPT-#VE" },
			{ 19, "conceal-PT" }, { 20, "XSAVES" }, { 22, "mode-based-execute" },
			{ 25, "TSC-scaling" }, { 26, "user-wait" } } },
	{ VMCS_EXIT, { { 2, "save-debug" }, { 9, "64-bit-host" }, { 12, "PERF_GLOBAL_CTRL" },
		       { 15, "acknowledge" }, { 18, "save-PAT" }, { 19, "load-PAT" },
		       { 20, "save-EFER" }, { 21, "load-EFER" },
		       { 22, "save-preemption-timer" }, { 23, "clear-BNDCFGS" },
		       { 24, "conceal-PT" }, { 28, "load-CET" } } },
	{ VMCS_ENTRY, { { 2, "load-debug" }, { 9, "IA-32e" }, { 10, "SMM" },
			{ 13, "PERF_GLOBAL_CTRL" }, { 14, "load-PAT" }, { 15, "load-EFER" },
			{ 16, "load-BNDCFGS" }, { 17, "conceal-PT" }, { 20, "load-CET" } } },
	{ VMCS_GUEST_CR0, { { 0, "PE" }, { 1, "MP" }, { 2, "EM" }, { 3, "TS" }, { 4, "ET" },
			    { 5, "NE" }, { 16, "WP" }, { 18, "AM" }, { 29, "NW" },
			    { 30, "CD" }, { 31, "PG" } } },
	{ VMCS_GUEST_CR4, { { 0, "VME" }, { 1, "PVI" }, { 2, "TSD" }, { 3, "DE" },
			    { 4, "PSE" }, { 5, "PAE" }, { 6, "MCE" }, { 7, "PGE" },
			    { 8, "PCE" }, { 9, "OSFXSR" }, { 10, "OSXMMEXCPT" },
			    { 11, "UMIP" }, { 12, "LA57" }, { 13, "VMXE" }, { 14, "SMXE" },
			    { 16, "FSGSBASE" }, { 17, "PCIDE" }, { 18, "OSXSAVE" },
			    { 20, "SMEP" }, { 21, "SMAP" }, { 22, "PKE" }, { 23, "CET" },
			    { 24, "PKS" } } },
	{ VMCS_GUEST_EFER, { { 0, "SCE" }, { 8, "LME" }, { 10, "LMA" }, { 11, "NXE" } } },
	{ VMCS_GUEST_RFLAGS, { { 0, "CF" }, { 2, "PF" }, { 4, "AF" }, { 6, "ZF" }, { 7, "SF" },
			       { 8, "TF" }, { 9, "IF" }, { 10, "DF" }, { 11, "OF" },
			       { 14, "NT" }, { 16, "RF" }, { 17, "VM" }, { 18, "AC" },
			       { 19, "VIF" }, { 20, "VIP" }, { 21, "ID" } } },
	{ VMCS_INTERRUPTIBILITY, { { 0, "STI" }, { 1, "MOV-SS" }, { 2, "SMI" }, { 3, "NMI" },
				   { 4, "enclave" } } },
	{ VMCS_PENDING_DEBUG, { { 0, "B0" }, { 1, "B1" }, { 2, "B2" }, { 3, "B3" },
				{ 12, "enabled" }, { 14, "BS" }, { 16, "RTM" } } },
};

/* A text that grows as far as there is room. */
struct text {
	char *at;
	size_t room;
};

static __printf(2, 3) void put(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text->at, text->room, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= text->room)
		length = text->room ? text->room - 1 : 0;
	text->at += length;
	text->room -= length;
}

static void put_bits(struct text *text, const struct bit_names *names, __u64 value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names->bit) && names->bit[i].name; i++)
		if (value >> names->bit[i].bit & 1)
			put(text, " %s", names->bit[i].name);
}

static void put_access(struct text *text, __u64 access)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} flags[] = { { 7, "P" }, { 12, "AVL" }, { 13, "L" }, { 14, "D" }, { 15, "G" } };
	size_t i;

	if (access & 1U << 16) {
		put(text, " unusable");
		return;
	}
	put(text, " type %llu %s DPL %llu", vmcs_bits(access, 3, 0),
	    !(access & 1U << 4) ? "system" : access & 8 ? "code" : "data",
	    vmcs_bits(access, 6, 5));
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (access >> flags[i].bit & 1)
			put(text, " %s", flags[i].name);
}

static void put_event(struct text *text, __u64 event)
{
	static const char *const types[] = {
		"external interrupt", "reserved", "NMI", "hardware exception",
		"software interrupt", "privileged software exception",
		"software exception", "other event",
	};

	if (event & EVENT_VALID)
		put(text, " %s, vector %llu%s", types[event_type(event)], event & 0xff,
		    event & EVENT_ERROR_CODE ? ", error code" : "");
}

static void put_activity(struct text *text, __u64 activity)
{
	static const char *const names[] = { "active", "HLT", "shutdown", "wait-for-SIPI" };

	if (activity < ARRAY_SIZE(names))
		put(text, " %s", names[activity]);
}

/**
 * vmcs_describe - put the value of a field into words
 * @encoding: the field
 * @value: the value
 * @text: the words are put here, with a space before each; empty without any
 * @size: its size
 */
void vmcs_describe(__u32 encoding, __u64 value, char *text, size_t size)
{
	struct text words = { text, size };
	size_t i;

	*text = '\0';
	for (i = 0; i < ARRAY_SIZE(bit_names); i++)
		if (bit_names[i].encoding == encoding)
			put_bits(&words, &bit_names[i], value);
	if (encoding >= VMCS_GUEST_ACCESS &&
	    encoding <= VMCS_SEGMENT(VMCS_GUEST_ACCESS, PHV_SEG_TR))
		put_access(&words, value);
	switch (encoding) {
	case VMCS_ENTRY_EVENT:
	case VMCS_EXIT_EVENT:
	case VMCS_VECTORING:
		put_event(&words, value);
		break;
	case VMCS_ACTIVITY:
		put_activity(&words, value);
		break;
	case VMCS_EXIT_REASON:
		put(&words, " %s", vmcs_exit_name(value));
		break;
	}
}
