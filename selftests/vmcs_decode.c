// SPDX-License-Identifier: GPL-2.0-only
/*
 * libphv's checks of a VMCS: one violation of each, and nothing but that is found. Needs
 * neither VMX nor root; raw_guest holds the same checks against the processor's.
 */
#include <stdio.h>
#include <string.h>

#include <vmcs.h>

#include "kselftest.h"

#define UNRESTRICTED	(PROC2_EPT | PROC2_UNRESTRICTED | PROC2_VPID)
#define EVENT(type, vector)	(1U << 31 | (type) << 8 | (vector))
#define ERROR_CODE		0x800
#define SEG(field, name)	VMCS_SEGMENT(VMCS_GUEST_##field, PHV_SEG_##name)

static const struct vmcs_cpu cpu = {
	.caps = {
		.basic = 0, .pin = 0xff00000016ULL, .proc = 0xfff9fffe0401e172ULL,
		.exit = 0x3ffffff00036dffULL, .entry = 0x3ffff000011ffULL,
		.proc2 = 0xffffffff00000000ULL, .misc = 0x401c0ULL,
		.ept_vpid = 0xf0106134141ULL, .vmfunc = 1,
		.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
		.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x772fff,
	},
	.physical_width = 39, .linear_width = 48, .efer = 0xd01,
};

/* A 64-bit guest of a 64-bit host; segments below. */
static const struct setting {
	__u32 field;
	__u64 value;
} good[] = {
	{ VMCS_PIN, 0x16 | PIN_EXTERNAL_INTERRUPTS | PIN_NMI | PIN_VIRTUAL_NMIS },
	{ VMCS_PROC, 0x401e172 | PROC_TPR_SHADOW | PROC_MSR_BITMAPS | PROC_SECONDARY },
	{ VMCS_PROC2, UNRESTRICTED },
	{ VMCS_EXIT, 0x36dff | EXIT_HOST_64 | EXIT_LOAD_PAT | EXIT_LOAD_EFER |
		     EXIT_ACKNOWLEDGE },
	{ VMCS_ENTRY, 0x11ff | ENTRY_IA32E | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER },
	{ VMCS_VPID, 1 },
	{ VMCS_EPTP, 0x10000000 | 3 << 3 | 6 },
	{ VMCS_MSR_BITMAP, 0x1000 },
	{ VMCS_VIRTUAL_APIC, 0x2000 },
	{ VMCS_LINK_POINTER, ~0ULL },
	{ VMCS_GUEST_CR0, 0x80000031 },
	{ VMCS_GUEST_CR4, 0x2020 },
	{ VMCS_GUEST_EFER, 0xd00 },
	{ VMCS_GUEST_PAT, 0x0007040600070406ULL },
	{ VMCS_GUEST_RFLAGS, 0x202 },
	{ VMCS_GUEST_RIP, 0x100000 },
	{ SEG(ACCESS, ES), 0xc093 }, { SEG(LIMIT, ES), ~0U },
	{ SEG(ACCESS, CS), 0xa09b }, { SEG(LIMIT, CS), ~0U },
	{ SEG(ACCESS, SS), 0xc093 }, { SEG(LIMIT, SS), ~0U },
	{ SEG(ACCESS, DS), 0xc093 }, { SEG(LIMIT, DS), ~0U },
	{ SEG(ACCESS, FS), 0xc093 }, { SEG(LIMIT, FS), ~0U },
	{ SEG(ACCESS, GS), 0xc093 }, { SEG(LIMIT, GS), ~0U },
	{ SEG(ACCESS, LDTR), 0x82 }, { SEG(LIMIT, LDTR), 0xffff },
	{ SEG(ACCESS, TR), 0x8b }, { SEG(LIMIT, TR), 0x67 },
	{ VMCS_HOST_CR0, 0x80050033 },
	{ VMCS_HOST_CR4, 0x2020 },
	{ VMCS_HOST_EFER, 0xd01 },
	{ VMCS_HOST_PAT, 0x0007040600070406ULL },
	{ VMCS_HOST_CS_SELECTOR, 0x10 }, { VMCS_HOST_TR_SELECTOR, 0x40 },
	{ VMCS_HOST_RIP, 0xffffffff81000000ULL },
};

/* From here on @bits are those that are changed, from 0 or 1. */
struct violation {
	enum vmcs_area area;
	const char *text;		/* how the failure begins */
	struct setting change[5];	/* bits that are flipped */
};

#define C VMCS_CONTROLS
#define H VMCS_HOST_STATE
#define G VMCS_GUEST_STATE

static const struct violation violations[] = {
	{ C, "pin-based controls: bits 0x2 must be 1", { { VMCS_PIN, 2 } } },
	{ C, "pin-based controls: bits 0x100 must be 0", { { VMCS_PIN, 0x100 } } },
	{ C, "primary controls: bits 0x2 must be 1", { { VMCS_PROC, 2 } } },
	{ C, "primary controls: bits 0x20000 must be 0", { { VMCS_PROC, 0x20000 } } },
	{ C, "VM-exit controls: bits 0x1 must be 1", { { VMCS_EXIT, 1 } } },
	{ C, "VM-exit controls: bits 0x80000000 must be 0", { { VMCS_EXIT, 0x80000000 } } },
	{ C, "VM-entry controls: bits 0x1 must be 1", { { VMCS_ENTRY, 1 } } },
	{ C, "VM-entry controls: bits 0x80000000 must be 0", { { VMCS_ENTRY, 0x80000000 } } },
	{ C, "CR3-target count", { { VMCS_CR3_TARGETS, 5 } } },
	{ C, "I/O bitmap A", { { VMCS_PROC, PROC_IO_BITMAPS }, { VMCS_IO_BITMAP_A, 8 } } },
	{ C, "I/O bitmap B", { { VMCS_PROC, PROC_IO_BITMAPS }, { VMCS_IO_BITMAP_B, 1ULL << 40 } } },
	{ C, "MSR bitmaps: 0x1800 is not aligned", { { VMCS_MSR_BITMAP, 0x800 } } },
	{ C, "MSR bitmaps: 0x8000001000 is wider", { { VMCS_MSR_BITMAP, 1ULL << 39 } } },
	{ C, "virtual-APIC address", { { VMCS_VIRTUAL_APIC, 1 } } },
	{ C, "TPR threshold", { { VMCS_TPR_THRESHOLD, 0x10 } } },
	{ C, "APIC-access address", { { VMCS_PROC2, PROC2_APIC_ACCESSES },
				      { VMCS_APIC_ACCESS, 0x10 } } },
	{ C, "secondary controls: APIC virtualization without TPR",
	  { { VMCS_PROC, PROC_TPR_SHADOW }, { VMCS_PROC2, PROC2_X2APIC } } },
	{ C, "secondary controls: x2APIC mode and",
	  { { VMCS_PROC2, PROC2_X2APIC | PROC2_APIC_ACCESSES } } },
	{ C, "secondary controls: interrupts are delivered",
	  { { VMCS_PROC2, PROC2_VIRTUAL_INTERRUPTS }, { VMCS_PIN, PIN_EXTERNAL_INTERRUPTS } } },
	{ C, "pin-based controls: virtual NMIs", { { VMCS_PIN, PIN_NMI } } },
	{ C, "primary controls: NMI-window", { { VMCS_PIN, PIN_VIRTUAL_NMIS },
					       { VMCS_PROC, PROC_NMI_WINDOW } } },
	{ C, "pin-based controls: posted", { { VMCS_PIN, PIN_POSTED_INTERRUPTS } } },
	{ C, "VM-exit controls: posted", { { VMCS_PIN, PIN_POSTED_INTERRUPTS },
					   { VMCS_PROC2, PROC2_VIRTUAL_INTERRUPTS },
					   { VMCS_EXIT, EXIT_ACKNOWLEDGE } } },
	{ C, "posted-interrupt notification", { { VMCS_PIN, PIN_POSTED_INTERRUPTS },
						{ VMCS_PROC2, PROC2_VIRTUAL_INTERRUPTS },
						{ VMCS_POSTED_VECTOR, 256 } } },
	{ C, "posted-interrupt descriptor", { { VMCS_PIN, PIN_POSTED_INTERRUPTS },
					      { VMCS_PROC2, PROC2_VIRTUAL_INTERRUPTS },
					      { VMCS_POSTED_DESCRIPTOR, 32 } } },
	{ C, "VPID", { { VMCS_VPID, 1 } } },
	{ C, "EPT pointer: memory type 7", { { VMCS_EPTP, 1 } } },
	{ C, "EPT pointer: page-walk length 5", { { VMCS_EPTP, 7 << 3 } } },
	{ C, "EPT pointer: accessed and dirty", { { VMCS_EPTP, 1 << 6 } } },
	{ C, "EPT pointer: 0x1000081e has reserved", { { VMCS_EPTP, 1 << 11 } } },
	{ C, "secondary controls: what needs EPT", { { VMCS_PROC2, PROC2_EPT } } },
	{ C, "PML address", { { VMCS_PROC2, PROC2_PML }, { VMCS_PML_ADDRESS, 8 } } },
	{ C, "virtualization-exception", { { VMCS_PROC2, PROC2_EPT_VE },
					   { VMCS_VE_INFORMATION, 8 } } },
	{ C, "VM-function controls", { { VMCS_PROC2, PROC2_VM_FUNCTIONS },
				       { VMCS_VM_FUNCTIONS, 2 } } },
	{ C, "VMREAD bitmap", { { VMCS_PROC2, PROC2_VMCS_SHADOWING },
				{ VMCS_VMREAD_BITMAP, 8 } } },
	{ C, "VMWRITE bitmap", { { VMCS_PROC2, PROC2_VMCS_SHADOWING },
				 { VMCS_VMWRITE_BITMAP, 8 } } },
	{ C, "TSC multiplier", { { VMCS_PROC2, PROC2_TSC_SCALING },
				 { VMCS_TSC_MULTIPLIER, 0 } } },
	{ C, "VM-exit controls: save VMX-preemption",
	  { { VMCS_EXIT, EXIT_SAVE_PREEMPTION_TIMER } } },
	{ C, "VM-exit MSR-store",
	  { { VMCS_EXIT_MSR_STORE_COUNT, 1 }, { VMCS_EXIT_MSR_STORE, 8 } } },
	{ C, "VM-exit MSR-load", { { VMCS_EXIT_MSR_LOAD_COUNT, 1 }, { VMCS_EXIT_MSR_LOAD, 8 } } },
	{ C, "VM-entry MSR-load",
	  { { VMCS_ENTRY_MSR_LOAD_COUNT, 1 }, { VMCS_ENTRY_MSR_LOAD, 8 } } },
	{ C, "VM-entry controls: of SMM's", { { VMCS_ENTRY, ENTRY_SMM } } },
	{ C, "VM-entry interruption information: type 1", { { VMCS_ENTRY_EVENT, EVENT(1, 0) } } },
	{ C, "VM-entry interruption information: vector 3", { { VMCS_ENTRY_EVENT, EVENT(2, 3) } } },
	{ C, "VM-entry interruption information: vector 32",
	  { { VMCS_ENTRY_EVENT, EVENT(3, 32) } } },
	{ C, "VM-entry interruption information: vector 1", { { VMCS_ENTRY_EVENT, EVENT(7, 1) } } },
	{ C, "VM-entry interruption information: bits 30:12",
	  { { VMCS_ENTRY_EVENT, EVENT(3, 6) | 0x1000 } } },
	{ C, "VM-entry interruption information: a needless error code",
	  { { VMCS_ENTRY_EVENT, EVENT(3, 6) | ERROR_CODE } } },
	{ C, "VM-entry interruption information: no error code",
	  { { VMCS_ENTRY_EVENT, EVENT(3, 14) } } },
	{ C, "VM-entry exception error code",
	  { { VMCS_ENTRY_EVENT, EVENT(3, 14) | ERROR_CODE }, { VMCS_ENTRY_ERROR_CODE, 0x10000 } } },
	{ C, "VM-entry instruction length: 0", { { VMCS_ENTRY_EVENT, EVENT(4, 80) } } },
	{ C, "VM-entry instruction length: 16", { { VMCS_ENTRY_EVENT, EVENT(6, 3) },
						  { VMCS_ENTRY_LENGTH, 16 } } },

	{ H, "CR0", { { VMCS_HOST_CR0, 0x20 } } },
	{ H, "CR4: 0x20", { { VMCS_HOST_CR4, 0x2000 } } },
	{ H, "CR3", { { VMCS_HOST_CR3, 1ULL << 39 } } },
	{ H, "CR4: PAE", { { VMCS_HOST_CR4, 0x20 } } },
	{ H, "IA32_PAT", { { VMCS_HOST_PAT, 4 } } },
	{ H, "IA32_EFER: has reserved", { { VMCS_HOST_EFER, 2 } } },
	{ H, "IA32_EFER: LMA", { { VMCS_HOST_EFER, 0x100 } } },
	{ H, "selector 0xc0c", { { VMCS_HOST_TR_SELECTOR, 4 } } },
	{ H, "CS, TR", { { VMCS_HOST_CS_SELECTOR, 0x10 } } },
	{ H, "address 0x6c16", { { VMCS_HOST_RIP, 1ULL << 63 } } },
	{ H, "address 0x6c06", { { VMCS_HOST_FS_BASE, 1ULL << 47 } } },

	{ G, "CR0: bits 0x20 must be 1", { { VMCS_GUEST_CR0, 0x20 } } },
	{ G, "CR0: bits 0x100000000 must be 0", { { VMCS_GUEST_CR0, 1ULL << 32 } } },
	{ G, "CR0: PG without PE", { { VMCS_GUEST_CR0, 1 } } },
	{ G, "CR0: bits 0x80000001 must be 1",
	  { { VMCS_PROC2, PROC2_UNRESTRICTED }, { VMCS_GUEST_CR0, 0x80000001 },
	    { VMCS_ENTRY, ENTRY_IA32E }, { VMCS_GUEST_EFER, 0x500 } } },
	{ G, "CR4: bits 0x2000 must be 1", { { VMCS_GUEST_CR4, 0x2000 } } },
	{ G, "CR4: bits 0x1000000 must be 0", { { VMCS_GUEST_CR4, 0x1000000 } } },
	{ G, "CR4: PCIDE",
	  { { VMCS_GUEST_CR4, 0x20000 }, { VMCS_ENTRY, ENTRY_IA32E },
	    { VMCS_GUEST_EFER, 0x500 } } },
	{ G, "CR0: IA-32e mode without PG", { { VMCS_GUEST_CR0, 0x80000000 } } },
	{ G, "CR4: IA-32e mode without PAE", { { VMCS_GUEST_CR4, 0x20 } } },
	{ G, "CR3", { { VMCS_GUEST_CR3, 1ULL << 39 } } },
	{ G, "DR7", { { VMCS_GUEST_DR7, 1ULL << 32 } } },
	{ G, "IA32_SYSENTER_ESP", { { VMCS_GUEST_SYSENTER_ESP, 1ULL << 47 } } },
	{ G, "IA32_SYSENTER_EIP", { { VMCS_GUEST_SYSENTER_EIP, 1ULL << 62 } } },
	{ G, "IA32_PAT", { { VMCS_GUEST_PAT, 0x0800000000000000ULL } } },
	{ G, "IA32_EFER: bits 0x2", { { VMCS_GUEST_EFER, 2 } } },
	{ G, "IA32_EFER: LMA is not", { { VMCS_GUEST_EFER, 0x500 } } },
	{ G, "IA32_EFER: LMA without LME", { { VMCS_GUEST_EFER, 0x100 } } },
	{ G, "IA32_EFER: LME without LMA", { { VMCS_ENTRY, ENTRY_IA32E },
					     { VMCS_GUEST_EFER, 0x400 } } },
	{ G, "IA32_BNDCFGS", { { VMCS_ENTRY, ENTRY_LOAD_BNDCFGS }, { VMCS_GUEST_BNDCFGS, 4 } } },

	{ G, "TR: is in the LDT", { { SEG(SELECTOR, TR), 4 } } },
	{ G, "LDTR: is in the LDT", { { SEG(SELECTOR, LDTR), 4 } } },
	{ G, "SS: RPL is not", { { VMCS_PROC2, PROC2_UNRESTRICTED }, { SEG(SELECTOR, CS), 1 } } },
	{ G, "CS: base", { { SEG(BASE, CS), 1ULL << 32 } } },
	{ G, "CS: S must be 1", { { SEG(ACCESS, CS), 0x10 } } },
	{ G, "CS: is not present", { { SEG(ACCESS, CS), 0x80 } } },
	{ G, "CS: access rights", { { SEG(ACCESS, CS), 0x100 } } },
	{ G, "CS: limit 0xfffff0ff does not go", { { SEG(LIMIT, CS), 0xf00 } } },
	{ G, "CS: limit 0xffffffff does not go", { { SEG(ACCESS, CS), 0x8000 } } },
	{ G, "CS: type 3", { { VMCS_PROC2, PROC2_UNRESTRICTED }, { SEG(ACCESS, CS), 8 } } },
	{ G, "CS: DPL 1 with type 3", { { SEG(ACCESS, CS), 0x28 } } },
	{ G, "CS: DPL 1 is not SS's", { { SEG(ACCESS, CS), 0x20 } } },
	{ G, "CS: DPL 1 is above", { { SEG(ACCESS, CS), 0x24 } } },
	{ G, "CS: type 10", { { SEG(ACCESS, CS), 1 } } },
	{ G, "CS: L and D", { { SEG(ACCESS, CS), 0x4000 } } },
	{ G, "SS: DPL 3 is not its RPL", { { VMCS_PROC2, PROC2_UNRESTRICTED },
					   { SEG(ACCESS, SS), 0x60 }, { SEG(ACCESS, CS), 0x60 } } },
	{ G, "SS: DPL 3 in real mode", { { SEG(ACCESS, SS), 0x60 }, { SEG(ACCESS, CS), 8 } } },
	{ G, "SS: base", { { SEG(BASE, SS), 1ULL << 32 } } },
	{ G, "SS: type 2", { { SEG(ACCESS, SS), 1 } } },
	{ G, "SS: S must", { { SEG(ACCESS, SS), 0x10 } } },
	{ G, "DS: base", { { SEG(BASE, DS), 1ULL << 32 } } },
	{ G, "DS: type 2 (not accessed)", { { SEG(ACCESS, DS), 1 } } },
	{ G, "DS: type 9 (code", { { SEG(ACCESS, DS), 10 } } },
	{ G, "ES: DPL is below", { { VMCS_PROC2, PROC2_UNRESTRICTED }, { SEG(SELECTOR, ES), 3 } } },
	{ G, "ES: is not present", { { SEG(ACCESS, ES), 0x80 } } },
	{ G, "FS: base", { { SEG(BASE, FS), 1ULL << 47 } } },
	{ G, "GS: base", { { SEG(BASE, GS), 1ULL << 63 }, { SEG(ACCESS, GS), 0x10000 } } },
	{ G, "TR: base", { { SEG(BASE, TR), 1ULL << 47 } } },
	{ G, "TR: is unusable", { { SEG(ACCESS, TR), 0x10000 } } },
	{ G, "TR: type 9", { { SEG(ACCESS, TR), 2 } } },
	{ G, "TR: type 3", { { SEG(ACCESS, TR), 8 } } },
	{ G, "TR: S must be 0", { { SEG(ACCESS, TR), 0x10 } } },
	{ G, "LDTR: base", { { SEG(BASE, LDTR), 1ULL << 47 } } },
	{ G, "LDTR: type 3", { { SEG(ACCESS, LDTR), 1 } } },
	{ G, "LDTR: is not present", { { SEG(ACCESS, LDTR), 0x80 } } },

	{ G, "GDTR: base", { { VMCS_GUEST_GDTR_BASE, 1ULL << 47 } } },
	{ G, "IDTR: base", { { VMCS_GUEST_IDTR_BASE, 1ULL << 47 } } },
	{ G, "GDTR: limit", { { VMCS_GUEST_GDTR_LIMIT, 0x10000 } } },
	{ G, "IDTR: limit", { { VMCS_GUEST_IDTR_LIMIT, 0x10000 } } },

	{ G, "RIP: 0x100100000 has more", { { VMCS_GUEST_RIP, 1ULL << 32 },
					    { SEG(ACCESS, CS), 0x2000 } } },
	{ G, "RIP: 0x4000000000100000 is wider", { { VMCS_GUEST_RIP, 1ULL << 62 } } },
	{ G, "RFLAGS: bits 0x8000", { { VMCS_GUEST_RFLAGS, 0x8000 } } },
	{ G, "RFLAGS: bit 1", { { VMCS_GUEST_RFLAGS, 2 } } },
	{ G, "RFLAGS: an external", { { VMCS_ENTRY_EVENT, EVENT(0, 80) },
				      { VMCS_GUEST_RFLAGS, 0x200 } } },

	{ G, "activity state: 4", { { VMCS_ACTIVITY, 4 } } },
	{ G, "activity state: HLT with", { { VMCS_ACTIVITY, 1 }, { SEG(ACCESS, SS), 0x60 },
					   { SEG(ACCESS, CS), 0x60 } } },
	{ G, "activity state: not active", { { VMCS_ACTIVITY, 3 }, { VMCS_INTERRUPTIBILITY, 1 } } },
	{ G, "activity state: what is injected", { { VMCS_ACTIVITY, 1 },
						   { VMCS_ENTRY_EVENT, EVENT(3, 6) } } },
	{ G, "interruptibility: bits 0x20", { { VMCS_INTERRUPTIBILITY, 0x20 } } },
	{ G, "interruptibility: blocked by STI and", { { VMCS_INTERRUPTIBILITY, 3 } } },
	{ G, "interruptibility: blocked by STI without", { { VMCS_INTERRUPTIBILITY, 1 },
							   { VMCS_GUEST_RFLAGS, 0x200 } } },
	{ G, "interruptibility: blocked by SMI", { { VMCS_INTERRUPTIBILITY, 4 } } },
	{ G, "interruptibility: an interrupt", { { VMCS_INTERRUPTIBILITY, 2 },
						 { VMCS_ENTRY_EVENT, EVENT(0, 80) } } },
	{ G, "interruptibility: an NMI is injected while MOV",
	  { { VMCS_INTERRUPTIBILITY, 2 }, { VMCS_ENTRY_EVENT, EVENT(2, 2) } } },
	{ G, "interruptibility: an NMI is injected while STI",
	  { { VMCS_INTERRUPTIBILITY, 1 }, { VMCS_ENTRY_EVENT, EVENT(2, 2) } } },
	{ G, "interruptibility: an NMI is injected while an",
	  { { VMCS_INTERRUPTIBILITY, 8 }, { VMCS_ENTRY_EVENT, EVENT(2, 2) } } },
	{ G, "pending debug exceptions: bits 0x10", { { VMCS_PENDING_DEBUG, 0x10 } } },
	{ G, "pending debug exceptions: BS must be 1", { { VMCS_INTERRUPTIBILITY, 2 },
							 { VMCS_GUEST_RFLAGS, 0x100 } } },
	{ G, "pending debug exceptions: BS must be 0", { { VMCS_INTERRUPTIBILITY, 1 },
							 { VMCS_PENDING_DEBUG, 0x4000 } } },
	{ G, "VMCS link pointer", { { VMCS_LINK_POINTER, 1 } } },
	{ G, "PDPTE2",
	  { { VMCS_ENTRY, ENTRY_IA32E }, { VMCS_GUEST_EFER, 0x500 },
	    { VMCS_GUEST_PDPTE + 4, 3 } } },
};

static void make_good(struct vmcs *vmcs)
{
	size_t i;

	memset(vmcs, 0, sizeof(*vmcs));
	for (i = 0; i < ARRAY_SIZE(good); i++)
		vmcs_set(vmcs, good[i].field, good[i].value);
}

/* A field that is not among the good ones is known from now on. */
static void apply(struct vmcs *vmcs, const struct setting *change)
{
	vmcs_set(vmcs, change->field, vmcs_get(vmcs, change->field) ^ change->value);
}

static void show(const struct vmcs_verdict *verdict)
{
	unsigned int i;

	for (i = 0; i < verdict->count; i++)
		ksft_print_msg("%s: %s\n", vmcs_area_names[verdict->failure[i].area],
			       verdict->failure[i].text);
}

static bool is_found(const struct violation *v)
{
	static struct vmcs vmcs;
	static struct vmcs_verdict verdict;
	size_t i;

	make_good(&vmcs);
	for (i = 0; i < ARRAY_SIZE(v->change) && v->change[i].field + v->change[i].value; i++)
		apply(&vmcs, &v->change[i]);
	vmcs_check(&vmcs, &cpu, &verdict);
	if (verdict.count == 1 && verdict.failure[0].area == v->area &&
	    !strncmp(verdict.failure[0].text, v->text, strlen(v->text)))
		return true;
	ksft_print_msg("wanted: %s; found:\n", v->text);
	show(&verdict);
	return false;
}

static bool all_are_found(enum vmcs_area area)
{
	bool ok = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(violations); i++)
		if (violations[i].area == area)
			ok &= is_found(&violations[i]);
	return ok;
}

/* Segments of virtual-8086 mode, all right and each of them wrong */
static bool v8086(void)
{
	static const struct setting wrong[] = {
		{ VMCS_GUEST_BASE, 0x10 }, { VMCS_GUEST_LIMIT, 1 }, { VMCS_GUEST_ACCESS, 1 },
	};
	static struct vmcs vmcs;
	static struct vmcs_verdict verdict;
	unsigned int n, i;
	bool ok;

	make_good(&vmcs);
	vmcs_set(&vmcs, VMCS_ENTRY, vmcs_get(&vmcs, VMCS_ENTRY) & ~ENTRY_IA32E);
	vmcs_set(&vmcs, VMCS_GUEST_EFER, 0);
	vmcs_set(&vmcs, VMCS_GUEST_RFLAGS, 0x20202);
	for (n = PHV_SEG_ES; n <= PHV_SEG_GS; n++) {
		vmcs_set(&vmcs, VMCS_SEGMENT(VMCS_GUEST_SELECTOR, n), 0x1234);
		vmcs_set(&vmcs, VMCS_SEGMENT(VMCS_GUEST_BASE, n), 0x12340);
		vmcs_set(&vmcs, VMCS_SEGMENT(VMCS_GUEST_LIMIT, n), 0xffff);
		vmcs_set(&vmcs, VMCS_SEGMENT(VMCS_GUEST_ACCESS, n), 0xf3);
	}
	vmcs_check(&vmcs, &cpu, &verdict);
	show(&verdict);
	ok = !verdict.count;
	for (n = PHV_SEG_ES; n <= PHV_SEG_GS; n++) {
		for (i = 0; i < ARRAY_SIZE(wrong); i++) {
			struct setting change = wrong[i];

			change.field = VMCS_SEGMENT(change.field, n);
			apply(&vmcs, &change);
			vmcs_check(&vmcs, &cpu, &verdict);
			ok &= verdict.count == 1 && strstr(verdict.failure[0].text, "8086");
			apply(&vmcs, &change);
		}
	}
	vmcs_set(&vmcs, VMCS_GUEST_CR0, 0x30);
	vmcs_check(&vmcs, &cpu, &verdict);
	return ok && verdict.count == 1 && strstr(verdict.failure[0].text, "VM in real mode");
}

/* Of a failed entry, the check that has the area of the failure */
static bool explanations(void)
{
	static struct vmcs vmcs;
	static struct vmcs_verdict verdict;
	const struct vmcs_failure *failure;

	make_good(&vmcs);
	vmcs_set(&vmcs, VMCS_VPID, 0);
	vmcs_set(&vmcs, VMCS_HOST_CR3, 1ULL << 50);
	vmcs_set(&vmcs, SEG(ACCESS, CS), 0xa092);
	vmcs_check(&vmcs, &cpu, &verdict);
	failure = vmcs_explain(&verdict, 0x80000000, 7);
	if (!failure || strncmp(failure->text, "VPID", 4))
		return false;
	failure = vmcs_explain(&verdict, 0x80000000, 8);
	if (!failure || strncmp(failure->text, "CR3", 3))
		return false;
	failure = vmcs_explain(&verdict, 0x80000021, 0);
	if (!failure || strncmp(failure->text, "CS: type 2", 10))
		return false;
	return !vmcs_explain(&verdict, 0x80000022, 0);
}

/* Without rights, host state and addresses are not known, and not complained of. */
static bool unknown_fields(void)
{
	static struct vmcs vmcs, some;
	static struct vmcs_verdict verdict;
	size_t i;

	make_good(&vmcs);
	vmcs_set(&vmcs, VMCS_HOST_CR3, 1ULL << 50);
	vmcs_set(&vmcs, VMCS_EPTP, 0);
	memset(&some, 0, sizeof(some));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		__u32 field = good[i].field;

		if ((field >> 10 & 3) != 3 && (field >> 10 & 0x1b) != 8)
			vmcs_set(&some, field, vmcs_get(&vmcs, field));
	}
	vmcs_check(&some, &cpu, &verdict);
	show(&verdict);
	return !verdict.count && vmcs_known(&some, VMCS_PIN) && !vmcs_known(&some, VMCS_EPTP);
}

static bool is_described(__u32 field, __u64 value, const char *words)
{
	char text[VMCS_TEXT_MAX];

	vmcs_describe(field, value, text, sizeof(text));
	if (!strcmp(text, words))
		return true;
	ksft_print_msg("%#x %#llx: \"%s\"\n", field, value, text);
	return false;
}

static bool descriptions(void)
{
	char small[8];

	vmcs_describe(VMCS_GUEST_CR4, ~0ULL, small, sizeof(small));
	return strlen(small) == sizeof(small) - 1 &&
	       is_described(VMCS_GUEST_CR0, 0x80000031, " PE ET NE PG") &&
	       is_described(SEG(ACCESS, CS), 0xa09b, " type 11 code DPL 0 P L G") &&
	       is_described(SEG(ACCESS, FS), 0x10000, " unusable") &&
	       is_described(VMCS_ENTRY_EVENT, EVENT(3, 14) | ERROR_CODE,
			    " hardware exception, vector 14, error code") &&
	       is_described(VMCS_EXIT_REASON, 0x80000021, " entry failed: guest state") &&
	       is_described(VMCS_GUEST_RSP, 1, "");
}

int main(void)
{
	static struct vmcs vmcs;
	static struct vmcs_verdict verdict;

	ksft_print_header();
	ksft_set_plan(8);
	make_good(&vmcs);
	vmcs_check(&vmcs, &cpu, &verdict);
	show(&verdict);
	ksft_test_result(!verdict.count, "state that is right\n");
	ksft_test_result(all_are_found(VMCS_CONTROLS), "violations in the controls\n");
	ksft_test_result(all_are_found(VMCS_HOST_STATE), "violations in the host's state\n");
	ksft_test_result(all_are_found(VMCS_GUEST_STATE), "violations in the guest's state\n");
	ksft_test_result(v8086(), "virtual-8086 mode\n");
	ksft_test_result(explanations(), "a failed entry is explained\n");
	ksft_test_result(unknown_fields(), "what is not known is not checked\n");
	ksft_test_result(descriptions(), "values in words\n");
	ksft_finished();
}
