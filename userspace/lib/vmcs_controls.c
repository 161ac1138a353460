// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks that VM entry makes of controls and host state: SDM volume 3, 27.2. Addresses
 * and host state are checked where they are known: they are not for everybody.
 */
#include "vmcs_internal.h"

/* A field the capability MSR of which has bits that must and that may be 1. */
static void check_capability(struct vmcs_checks *c, __u32 encoding, __u64 capability,
			     const char *name)
{
	__u32 value = field(c, encoding), must = capability, may = capability >> 32;

	if (must & ~value)
		vmcs_fail(c, "%s: bits %#x must be 1", name, must & ~value);
	if (value & ~may)
		vmcs_fail(c, "%s: bits %#x must be 0", name, value & ~may);
}

/* An address that is used if @used, of something so aligned. */
static void check_address(struct vmcs_checks *c, bool used, __u32 encoding,
			  unsigned int align, const char *name)
{
	__u64 address = field(c, encoding);

	if (!used || !vmcs_known(c->vmcs, encoding))
		return;
	if (address & (align - 1))
		vmcs_fail(c, "%s: %#llx is not aligned to %u", name, address, align);
	if (!vmcs_is_physical(c, address))
		vmcs_fail(c, "%s: %#llx is wider than physical addresses", name, address);
}

static void check_nmis(struct vmcs_checks *c, __u32 pin, __u32 proc)
{
	if (pin & PIN_VIRTUAL_NMIS && !(pin & PIN_NMI))
		vmcs_fail(c, "pin-based controls: virtual NMIs without NMI exiting");
	if (proc & PROC_NMI_WINDOW && !(pin & PIN_VIRTUAL_NMIS))
		vmcs_fail(c, "primary controls: NMI-window exiting without virtual NMIs");
}

static void check_apic(struct vmcs_checks *c, __u32 pin, __u32 proc, __u32 proc2)
{
	bool shadow = proc & PROC_TPR_SHADOW;

	check_address(c, shadow, VMCS_VIRTUAL_APIC, 4096, "virtual-APIC address");
	check_address(c, proc2 & PROC2_APIC_ACCESSES, VMCS_APIC_ACCESS, 4096,
		      "APIC-access address");
	if (shadow && !(proc2 & PROC2_VIRTUAL_INTERRUPTS) &&
	    field(c, VMCS_TPR_THRESHOLD) & ~15ULL)
		vmcs_fail(c, "TPR threshold: bits 31:4 must be 0");
	if (!shadow && proc2 & (PROC2_X2APIC | PROC2_APIC_REGISTERS |
				PROC2_VIRTUAL_INTERRUPTS))
		vmcs_fail(c, "secondary controls: APIC virtualization without TPR shadow");
	if (proc2 & PROC2_X2APIC && proc2 & PROC2_APIC_ACCESSES)
		vmcs_fail(c, "secondary controls: x2APIC mode and APIC accesses at once");
	if (proc2 & PROC2_VIRTUAL_INTERRUPTS && !(pin & PIN_EXTERNAL_INTERRUPTS))
		vmcs_fail(c, "secondary controls: interrupts are delivered, not exited for");
}

static void check_posted(struct vmcs_checks *c, __u32 pin, __u32 proc2)
{
	bool posted = pin & PIN_POSTED_INTERRUPTS;

	if (!posted)
		return;
	if (!(proc2 & PROC2_VIRTUAL_INTERRUPTS))
		vmcs_fail(c, "pin-based controls: posted interrupts without virtual delivery");
	if (!(field(c, VMCS_EXIT) & EXIT_ACKNOWLEDGE))
		vmcs_fail(c, "VM-exit controls: posted interrupts without acknowledge on exit");
	if (field(c, VMCS_POSTED_VECTOR) > 255)
		vmcs_fail(c, "posted-interrupt notification vector: is above 255");
	check_address(c, posted, VMCS_POSTED_DESCRIPTOR, 64, "posted-interrupt descriptor");
}

static void check_eptp(struct vmcs_checks *c)
{
	__u64 eptp = field(c, VMCS_EPTP), has = c->cpu->caps.ept_vpid;
	unsigned int type = eptp & 7, levels = vmcs_bits(eptp, 5, 3) + 1;

	if (!vmcs_known(c->vmcs, VMCS_EPTP))
		return;
	if (!(type == 0 && has & BIT_ULL(8)) && !(type == 6 && has & BIT_ULL(14)))
		vmcs_fail(c, "EPT pointer: memory type %u", type);
	if (!(levels == 4 && has & BIT_ULL(6)) && !(levels == 5 && has & BIT_ULL(7)))
		vmcs_fail(c, "EPT pointer: page-walk length %u", levels);
	if (eptp & BIT_ULL(6) && !(has & BIT_ULL(21)))
		vmcs_fail(c, "EPT pointer: accessed and dirty flags, which there are not");
	if (eptp & 0xf80 & ~(has & BIT_ULL(23) ? BIT_ULL(7) : 0) || !vmcs_is_physical(c, eptp))
		vmcs_fail(c, "EPT pointer: %#llx has reserved bits", eptp);
}

static void check_ept(struct vmcs_checks *c, __u32 proc2)
{
	if (proc2 & PROC2_EPT)
		check_eptp(c);
	else if (proc2 & (PROC2_UNRESTRICTED | PROC2_PML | PROC2_MODE_BASED_EXECUTE))
		vmcs_fail(c, "secondary controls: what needs EPT, without it");
	check_address(c, proc2 & PROC2_PML, VMCS_PML_ADDRESS, 4096, "PML address");
	check_address(c, proc2 & PROC2_EPT_VE, VMCS_VE_INFORMATION, 4096,
		      "virtualization-exception information");
}

static void check_execution(struct vmcs_checks *c)
{
	const struct phv_caps *caps = &c->cpu->caps;
	__u32 pin = field(c, VMCS_PIN), proc = field(c, VMCS_PROC);
	__u32 proc2 = vmcs_secondary(c);

	check_capability(c, VMCS_PIN, caps->pin, "pin-based controls");
	check_capability(c, VMCS_PROC, caps->proc, "primary controls");
	if (proc & PROC_SECONDARY)
		check_capability(c, VMCS_PROC2, caps->proc2, "secondary controls");
	if (proc & PROC_TERTIARY && field(c, VMCS_PROC3) & ~caps->proc3)
		vmcs_fail(c, "tertiary controls: bits %#llx must be 0",
			  field(c, VMCS_PROC3) & ~caps->proc3);
	if (field(c, VMCS_CR3_TARGETS) > vmcs_bits(caps->misc, 24, 16))
		vmcs_fail(c, "CR3-target count: is above %llu",
			  vmcs_bits(caps->misc, 24, 16));
	check_address(c, proc & PROC_IO_BITMAPS, VMCS_IO_BITMAP_A, 4096, "I/O bitmap A");
	check_address(c, proc & PROC_IO_BITMAPS, VMCS_IO_BITMAP_B, 4096, "I/O bitmap B");
	check_address(c, proc & PROC_MSR_BITMAPS, VMCS_MSR_BITMAP, 4096, "MSR bitmaps");
	check_apic(c, pin, proc, proc2);
	check_nmis(c, pin, proc);
	check_posted(c, pin, proc2);
	if (proc2 & PROC2_VPID && !field(c, VMCS_VPID))
		vmcs_fail(c, "VPID: must not be 0");
	check_ept(c, proc2);
	if (proc2 & PROC2_VM_FUNCTIONS && field(c, VMCS_VM_FUNCTIONS) & ~caps->vmfunc)
		vmcs_fail(c, "VM-function controls: bits %#llx must be 0",
			  field(c, VMCS_VM_FUNCTIONS) & ~caps->vmfunc);
	check_address(c, proc2 & PROC2_VMCS_SHADOWING, VMCS_VMREAD_BITMAP, 4096,
		      "VMREAD bitmap");
	check_address(c, proc2 & PROC2_VMCS_SHADOWING, VMCS_VMWRITE_BITMAP, 4096,
		      "VMWRITE bitmap");
	if (proc2 & PROC2_TSC_SCALING && vmcs_known(c->vmcs, VMCS_TSC_MULTIPLIER) &&
	    !field(c, VMCS_TSC_MULTIPLIER))
		vmcs_fail(c, "TSC multiplier: must not be 0");
}

static void check_exit(struct vmcs_checks *c)
{
	check_capability(c, VMCS_EXIT, c->cpu->caps.exit, "VM-exit controls");
	if (field(c, VMCS_EXIT) & EXIT_SAVE_PREEMPTION_TIMER &&
	    !(field(c, VMCS_PIN) & PIN_PREEMPTION_TIMER))
		vmcs_fail(c, "VM-exit controls: save VMX-preemption timer, which is not activated");
	check_address(c, field(c, VMCS_EXIT_MSR_STORE_COUNT), VMCS_EXIT_MSR_STORE, 16,
		      "VM-exit MSR-store address");
	check_address(c, field(c, VMCS_EXIT_MSR_LOAD_COUNT), VMCS_EXIT_MSR_LOAD, 16,
		      "VM-exit MSR-load address");
}

/* Does an exception push an error code? */
static bool pushes_error_code(unsigned int vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

static void check_error_code(struct vmcs_checks *c, __u32 event)
{
	bool has = event & EVENT_ERROR_CODE;
	bool can = event_type(event) == EVENT_HARD;
	/* A processor with CET leaves the vector out of it. */
	bool any_vector = c->cpu->caps.basic & BIT_ULL(56);
	bool must;

	if (vmcs_secondary(c) & PROC2_UNRESTRICTED && !(field(c, VMCS_GUEST_CR0) & CR0_PE))
		can = false;
	if (!any_vector)
		can = can && pushes_error_code(event & 0xff);
	must = can && !any_vector;
	if (has && !can)
		vmcs_fail(c, "VM-entry interruption information: a needless error code");
	if (!has && must)
		vmcs_fail(c, "VM-entry interruption information: no error code");
	if (has && field(c, VMCS_ENTRY_ERROR_CODE) >> 16)
		vmcs_fail(c, "VM-entry exception error code: bits 31:16 must be 0");
}

static void check_event_length(struct vmcs_checks *c, unsigned int type)
{
	__u64 length = field(c, VMCS_ENTRY_LENGTH);

	if (type != EVENT_SOFT_INTERRUPT && type != EVENT_PRIVILEGED && type != EVENT_SOFT)
		return;
	if (length > 15 || (!length && !(c->cpu->caps.misc & BIT_ULL(30))))
		vmcs_fail(c, "VM-entry instruction length: %llu", length);
}

static void check_event(struct vmcs_checks *c)
{
	__u32 event = field(c, VMCS_ENTRY_EVENT), vector = event & 0xff;
	bool has_mtf = c->cpu->caps.proc >> 32 & PROC_MONITOR_TRAP;
	unsigned int type = event_type(event);

	if (!(event & EVENT_VALID))
		return;
	if (type == EVENT_RESERVED || (type == EVENT_OTHER && !has_mtf))
		vmcs_fail(c, "VM-entry interruption information: type %u is reserved", type);
	else if ((type == EVENT_NMI && vector != 2) || (type == EVENT_HARD && vector > 31) ||
		 (type == EVENT_OTHER && vector))
		vmcs_fail(c, "VM-entry interruption information: vector %u is none of type %u",
			  vector, type);
	if (event & 0x7ffff000)
		vmcs_fail(c, "VM-entry interruption information: bits 30:12 must be 0");
	check_error_code(c, event);
	check_event_length(c, type);
}

static void check_entry(struct vmcs_checks *c)
{
	check_capability(c, VMCS_ENTRY, c->cpu->caps.entry, "VM-entry controls");
	check_event(c);
	check_address(c, field(c, VMCS_ENTRY_MSR_LOAD_COUNT), VMCS_ENTRY_MSR_LOAD, 16,
		      "VM-entry MSR-load address");
	if (field(c, VMCS_ENTRY) & (ENTRY_SMM | ENTRY_DUAL_MONITOR))
		vmcs_fail(c, "VM-entry controls: of SMM's, outside of it");
}

/* 27.2.1 */
void vmcs_check_controls(struct vmcs_checks *c)
{
	check_execution(c);
	check_exit(c);
	check_entry(c);
}

static void check_host_registers(struct vmcs_checks *c)
{
	const struct phv_caps *caps = &c->cpu->caps;
	__u64 cr0 = field(c, VMCS_HOST_CR0), cr4 = field(c, VMCS_HOST_CR4);
	__u64 efer = field(c, VMCS_HOST_EFER);
	__u32 exit = field(c, VMCS_EXIT);

	if (caps->cr0_fixed0 & ~cr0 || cr0 & ~caps->cr0_fixed1)
		vmcs_fail(c, "CR0: %#llx is none in VMX operation", cr0);
	if (caps->cr4_fixed0 & ~cr4 || cr4 & ~caps->cr4_fixed1)
		vmcs_fail(c, "CR4: %#llx is none in VMX operation", cr4);
	if (!vmcs_is_physical(c, field(c, VMCS_HOST_CR3)))
		vmcs_fail(c, "CR3: is wider than physical addresses");
	if (exit & EXIT_LOAD_PAT && !vmcs_is_pat(field(c, VMCS_HOST_PAT)))
		vmcs_fail(c, "IA32_PAT: has a memory type that is none");
	if (!(exit & EXIT_LOAD_EFER))
		return;
	if (efer & ~c->cpu->efer)
		vmcs_fail(c, "IA32_EFER: has reserved bits");
	if (!(efer & EFER_LMA) != !(exit & EXIT_HOST_64) ||
	    !(efer & EFER_LME) != !(exit & EXIT_HOST_64))
		vmcs_fail(c, "IA32_EFER: LMA and LME are not as the host's address-space size");
}

static void check_host_segments(struct vmcs_checks *c)
{
	__u32 encoding;

	for (encoding = VMCS_HOST_ES_SELECTOR; encoding <= VMCS_HOST_TR_SELECTOR; encoding += 2)
		if (field(c, encoding) & 7)
			vmcs_fail(c, "selector %#x: RPL and TI must be 0", encoding);
	if (!field(c, VMCS_HOST_CS_SELECTOR) || !field(c, VMCS_HOST_TR_SELECTOR))
		vmcs_fail(c, "CS, TR: must not be null");
	if (!field(c, VMCS_HOST_SS_SELECTOR) && !(field(c, VMCS_EXIT) & EXIT_HOST_64))
		vmcs_fail(c, "SS: must not be null");
}

static void check_host_addresses(struct vmcs_checks *c)
{
	static const __u32 fields[] = {
		VMCS_HOST_FS_BASE, VMCS_HOST_GS_BASE, VMCS_HOST_TR_BASE, VMCS_HOST_GDTR_BASE,
		VMCS_HOST_IDTR_BASE, VMCS_HOST_SYSENTER_ESP, VMCS_HOST_SYSENTER_EIP,
		VMCS_HOST_RIP,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (!vmcs_is_canonical(c, field(c, fields[i])))
			vmcs_fail(c, "address %#x: %#llx is not canonical", fields[i],
				  field(c, fields[i]));
}

/* 27.2.2 to 27.2.4 */
void vmcs_check_host(struct vmcs_checks *c)
{
	__u32 exit = field(c, VMCS_EXIT);

	if (!vmcs_known(c->vmcs, VMCS_HOST_RIP))
		return;
	check_host_registers(c);
	check_host_segments(c);
	check_host_addresses(c);
	if (!(exit & EXIT_HOST_64))
		vmcs_fail(c, "address-space size: a 64-bit host is left by 64-bit exits only");
	if (exit & EXIT_HOST_64 && !(field(c, VMCS_HOST_CR4) & CR4_PAE))
		vmcs_fail(c, "CR4: PAE must be 1");
}
