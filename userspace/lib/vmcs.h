/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmcs - a vCPU's VMCS, decoded, and the checks that VM entry makes of it.
 *
 * vmcs.c reads it and knows the fields, vmcs_controls.c and vmcs_guest.c have the checks
 * in the order of SDM volume 3, 27.2 and 27.3 (26 in older editions), by which a
 * processor may refuse an entry: what fails is named. vmcs_text.c has values in words.
 */
#ifndef _VMCS_H
#define _VMCS_H

#include <stdbool.h>
#include <stddef.h>

#include <phv.h>

#include "compiler.h"

/* Encodings, as far as somebody names them; segments are in the order of PHV_SEG_*. */
enum {
	VMCS_VPID			= 0x0000,
	VMCS_POSTED_VECTOR		= 0x0002,
	VMCS_GUEST_SELECTOR		= 0x0800,
	VMCS_HOST_ES_SELECTOR		= 0x0c00,
	VMCS_HOST_CS_SELECTOR		= 0x0c02,
	VMCS_HOST_SS_SELECTOR		= 0x0c04,
	VMCS_HOST_TR_SELECTOR		= 0x0c0c,
	VMCS_IO_BITMAP_A		= 0x2000,
	VMCS_IO_BITMAP_B		= 0x2002,
	VMCS_MSR_BITMAP			= 0x2004,
	VMCS_EXIT_MSR_STORE		= 0x2006,
	VMCS_EXIT_MSR_LOAD		= 0x2008,
	VMCS_ENTRY_MSR_LOAD		= 0x200a,
	VMCS_PML_ADDRESS		= 0x200e,
	VMCS_VIRTUAL_APIC		= 0x2012,
	VMCS_APIC_ACCESS		= 0x2014,
	VMCS_POSTED_DESCRIPTOR		= 0x2016,
	VMCS_VM_FUNCTIONS		= 0x2018,
	VMCS_EPTP			= 0x201a,
	VMCS_VMREAD_BITMAP		= 0x2026,
	VMCS_VMWRITE_BITMAP		= 0x2028,
	VMCS_VE_INFORMATION		= 0x202a,
	VMCS_TSC_MULTIPLIER		= 0x2032,
	VMCS_PROC3			= 0x2034,
	VMCS_LINK_POINTER		= 0x2800,
	VMCS_GUEST_DEBUGCTL		= 0x2802,
	VMCS_GUEST_PAT			= 0x2804,
	VMCS_GUEST_EFER			= 0x2806,
	VMCS_GUEST_PDPTE		= 0x280a,
	VMCS_GUEST_BNDCFGS		= 0x2812,
	VMCS_HOST_PAT			= 0x2c00,
	VMCS_HOST_EFER			= 0x2c02,
	VMCS_PIN			= 0x4000,
	VMCS_PROC			= 0x4002,
	VMCS_CR3_TARGETS		= 0x400a,
	VMCS_EXIT			= 0x400c,
	VMCS_EXIT_MSR_STORE_COUNT	= 0x400e,
	VMCS_EXIT_MSR_LOAD_COUNT	= 0x4010,
	VMCS_ENTRY			= 0x4012,
	VMCS_ENTRY_MSR_LOAD_COUNT	= 0x4014,
	VMCS_ENTRY_EVENT		= 0x4016,
	VMCS_ENTRY_ERROR_CODE		= 0x4018,
	VMCS_ENTRY_LENGTH		= 0x401a,
	VMCS_TPR_THRESHOLD		= 0x401c,
	VMCS_PROC2			= 0x401e,
	VMCS_INSTRUCTION_ERROR		= 0x4400,
	VMCS_EXIT_REASON		= 0x4402,
	VMCS_EXIT_EVENT			= 0x4404,
	VMCS_VECTORING			= 0x4408,
	VMCS_GUEST_LIMIT		= 0x4800,
	VMCS_GUEST_GDTR_LIMIT		= 0x4810,
	VMCS_GUEST_IDTR_LIMIT		= 0x4812,
	VMCS_GUEST_ACCESS		= 0x4814,
	VMCS_INTERRUPTIBILITY		= 0x4824,
	VMCS_ACTIVITY			= 0x4826,
	VMCS_EXIT_QUALIFICATION		= 0x6400,
	VMCS_GUEST_CR0			= 0x6800,
	VMCS_GUEST_CR3			= 0x6802,
	VMCS_GUEST_CR4			= 0x6804,
	VMCS_GUEST_BASE			= 0x6806,
	VMCS_GUEST_GDTR_BASE		= 0x6816,
	VMCS_GUEST_IDTR_BASE		= 0x6818,
	VMCS_GUEST_DR7			= 0x681a,
	VMCS_GUEST_RSP			= 0x681c,
	VMCS_GUEST_RIP			= 0x681e,
	VMCS_GUEST_RFLAGS		= 0x6820,
	VMCS_PENDING_DEBUG		= 0x6822,
	VMCS_GUEST_SYSENTER_ESP		= 0x6824,
	VMCS_GUEST_SYSENTER_EIP		= 0x6826,
	VMCS_HOST_CR0			= 0x6c00,
	VMCS_HOST_CR3			= 0x6c02,
	VMCS_HOST_CR4			= 0x6c04,
	VMCS_HOST_FS_BASE		= 0x6c06,
	VMCS_HOST_GS_BASE		= 0x6c08,
	VMCS_HOST_TR_BASE		= 0x6c0a,
	VMCS_HOST_GDTR_BASE		= 0x6c0c,
	VMCS_HOST_IDTR_BASE		= 0x6c0e,
	VMCS_HOST_SYSENTER_ESP		= 0x6c10,
	VMCS_HOST_SYSENTER_EIP		= 0x6c12,
	VMCS_HOST_RIP			= 0x6c16,
};

/* A field of a segment: the encoding for ES, and which segment. */
#define VMCS_SEGMENT(field, n)	((field) + 2 * (n))

/* Bits of the controls */
#define PIN_EXTERNAL_INTERRUPTS		BIT(0)
#define PIN_NMI				BIT(3)
#define PIN_VIRTUAL_NMIS		BIT(5)
#define PIN_PREEMPTION_TIMER		BIT(6)
#define PIN_POSTED_INTERRUPTS		BIT(7)

#define PROC_TERTIARY			BIT(17)
#define PROC_TPR_SHADOW			BIT(21)
#define PROC_NMI_WINDOW			BIT(22)
#define PROC_IO_BITMAPS			BIT(25)
#define PROC_MONITOR_TRAP		BIT(27)
#define PROC_MSR_BITMAPS		BIT(28)
#define PROC_SECONDARY			BIT(31)

#define PROC2_APIC_ACCESSES		BIT(0)
#define PROC2_EPT			BIT(1)
#define PROC2_X2APIC			BIT(4)
#define PROC2_VPID			BIT(5)
#define PROC2_UNRESTRICTED		BIT(7)
#define PROC2_APIC_REGISTERS		BIT(8)
#define PROC2_VIRTUAL_INTERRUPTS	BIT(9)
#define PROC2_VM_FUNCTIONS		BIT(13)
#define PROC2_VMCS_SHADOWING		BIT(14)
#define PROC2_PML			BIT(17)
#define PROC2_EPT_VE			BIT(18)
#define PROC2_MODE_BASED_EXECUTE	BIT(22)
#define PROC2_TSC_SCALING		BIT(25)

#define EXIT_HOST_64			BIT(9)
#define EXIT_ACKNOWLEDGE		BIT(15)
#define EXIT_LOAD_PAT			BIT(19)
#define EXIT_LOAD_EFER			BIT(21)
#define EXIT_SAVE_PREEMPTION_TIMER	BIT(22)

#define ENTRY_LOAD_DEBUG		BIT(2)
#define ENTRY_IA32E			BIT(9)
#define ENTRY_SMM			BIT(10)
#define ENTRY_DUAL_MONITOR		BIT(11)
#define ENTRY_LOAD_PAT			BIT(14)
#define ENTRY_LOAD_EFER			BIT(15)
#define ENTRY_LOAD_BNDCFGS		BIT(16)

/**
 * struct vmcs_field - a field
 * @encoding: its encoding
 * @name: its name, about the SDM's
 */
struct vmcs_field {
	__u32 encoding;
	const char *name;
};

/* Those known, by their encodings; ends with one without a name. */
extern const struct vmcs_field vmcs_fields[];

#define VMCS_SLOTS	1024

/**
 * struct vmcs - values of fields; all zero: none is known
 * @value: by slot, which vmcs_get() and vmcs_set() know
 * @known: there is a value
 */
struct vmcs {
	__u64 value[VMCS_SLOTS];
	bool known[VMCS_SLOTS];
};

/**
 * struct vmcs_cpu - what a processor supports, by which it checks
 * @caps: the VMX capability MSRs
 * @physical_width: bits of a physical address
 * @linear_width: bits of a linear address, at most
 * @efer: bits of IA32_EFER that there are
 */
struct vmcs_cpu {
	struct phv_caps caps;
	unsigned int physical_width;
	unsigned int linear_width;
	__u64 efer;
};

/* Which part of the VMCS a check is about, by which the failure shows. */
enum vmcs_area {
	VMCS_CONTROLS,		/* VM-instruction error 7 */
	VMCS_HOST_STATE,	/* VM-instruction error 8 */
	VMCS_GUEST_STATE,	/* exit reason 33 */
};

#define VMCS_TEXT_MAX	120

/**
 * struct vmcs_failure - a check that a VMCS does not pass
 * @area: what it is about
 * @optional: processors may or may not check this
 * @text: the field, and what is wrong
 */
struct vmcs_failure {
	enum vmcs_area area;
	bool optional;
	char text[VMCS_TEXT_MAX];
};

#define VMCS_FAILURES_MAX	32

/**
 * struct vmcs_verdict - what vmcs_check() finds
 * @count: entries of @failure, the first of which are the controls'
 * @failure: the checks that fail
 */
struct vmcs_verdict {
	unsigned int count;
	struct vmcs_failure failure[VMCS_FAILURES_MAX];
};

/* vmcs.c */
bool vmcs_known(const struct vmcs *vmcs, __u32 encoding);
__u64 vmcs_get(const struct vmcs *vmcs, __u32 encoding);
void vmcs_set(struct vmcs *vmcs, __u32 encoding, __u64 value);
int vmcs_read(int vcpu, struct vmcs *vmcs);
int vmcs_this_cpu(int device, struct vmcs_cpu *cpu);
void vmcs_check(const struct vmcs *vmcs, const struct vmcs_cpu *cpu,
		struct vmcs_verdict *verdict);
const struct vmcs_failure *vmcs_explain(const struct vmcs_verdict *verdict,
					__u32 reason, __u32 error);

/* vmcs_text.c */
extern const char *const vmcs_area_names[];
const char *vmcs_exit_name(__u32 reason);
void vmcs_describe(__u32 encoding, __u64 value, char *text, size_t size);

#endif /* _VMCS_H */
