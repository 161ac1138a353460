// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks that VM entry makes of guest state: SDM volume 3, 27.3.1.
 */
#include "vmcs_internal.h"

/* Access rights */
#define ACCESS_TYPE		0xf
#define ACCESS_S		BIT(4)
#define ACCESS_DPL(access)	vmcs_bits(access, 6, 5)
#define ACCESS_P		BIT(7)
#define ACCESS_L		BIT(13)
#define ACCESS_D		BIT(14)
#define ACCESS_G		BIT(15)
#define ACCESS_UNUSABLE		BIT(16)
#define ACCESS_RESERVED		0xfffe0f00

#define RFLAGS_TF		BIT_ULL(8)
#define RFLAGS_IF		BIT_ULL(9)
#define RFLAGS_VM		BIT_ULL(17)
#define RFLAGS_MUST_BE_0	0xffffffffffc08028ULL

#define DEBUGCTL_BTF		BIT_ULL(1)

#define BLOCKED_STI		BIT(0)
#define BLOCKED_MOV_SS		BIT(1)
#define BLOCKED_SMI		BIT(2)
#define BLOCKED_NMI		BIT(3)
#define BLOCKED_MUST_BE_0	0xffffffe0

#define PENDING_BS		BIT_ULL(14)
#define PENDING_RTM		BIT_ULL(16)
#define PENDING_MUST_BE_0	0xfffffffffffeaff0ULL

enum { ACTIVE, HLT, SHUTDOWN, WAIT_FOR_SIPI };

static const char *const names[] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };

/* A segment, and what else its checks depend on */
struct segment {
	const char *name;
	unsigned int n;
	__u16 selector;
	__u32 limit;
	__u32 access;
	__u64 base;
};

static struct segment get_segment(const struct vmcs_checks *c, unsigned int n)
{
	return (struct segment){
		.name = names[n], .n = n,
		.selector = field(c, VMCS_SEGMENT(VMCS_GUEST_SELECTOR, n)),
		.limit = field(c, VMCS_SEGMENT(VMCS_GUEST_LIMIT, n)),
		.access = field(c, VMCS_SEGMENT(VMCS_GUEST_ACCESS, n)),
		.base = field(c, VMCS_SEGMENT(VMCS_GUEST_BASE, n)),
	};
}

static __u32 access_of(const struct vmcs_checks *c, unsigned int n)
{
	return field(c, VMCS_SEGMENT(VMCS_GUEST_ACCESS, n));
}

static bool is_ia32e(const struct vmcs_checks *c)
{
	return field(c, VMCS_ENTRY) & ENTRY_IA32E;
}

static bool is_unrestricted(const struct vmcs_checks *c)
{
	return vmcs_secondary(c) & PROC2_UNRESTRICTED;
}

static bool is_v8086(const struct vmcs_checks *c)
{
	return field(c, VMCS_GUEST_RFLAGS) & RFLAGS_VM;
}

/* 27.3.1.1 */

static void check_cr0(struct vmcs_checks *c)
{
	const struct phv_caps *caps = &c->cpu->caps;
	__u64 cr0 = field(c, VMCS_GUEST_CR0);
	__u64 unchecked = CR0_CD | CR0_NW, missing;

	if (is_unrestricted(c))
		unchecked |= CR0_PE | CR0_PG;
	missing = caps->cr0_fixed0 & ~cr0 & ~unchecked;
	if (missing)
		vmcs_fail(c, "CR0: bits %#llx must be 1", missing);
	if (cr0 & ~caps->cr0_fixed1 & ~unchecked)
		vmcs_fail(c, "CR0: bits %#llx must be 0", cr0 & ~caps->cr0_fixed1 & ~unchecked);
	if (cr0 & CR0_PG && !(cr0 & CR0_PE))
		vmcs_fail(c, "CR0: PG without PE");
}

static void check_cr4(struct vmcs_checks *c)
{
	const struct phv_caps *caps = &c->cpu->caps;
	__u64 cr0 = field(c, VMCS_GUEST_CR0), cr4 = field(c, VMCS_GUEST_CR4);

	if (caps->cr4_fixed0 & ~cr4)
		vmcs_fail(c, "CR4: bits %#llx must be 1", caps->cr4_fixed0 & ~cr4);
	if (cr4 & ~caps->cr4_fixed1)
		vmcs_fail(c, "CR4: bits %#llx must be 0", cr4 & ~caps->cr4_fixed1);
	if (cr4 & CR4_CET && !(cr0 & CR0_WP))
		vmcs_fail(c, "CR4: CET without CR0.WP");
	if (!is_ia32e(c)) {
		if (cr4 & CR4_PCIDE)
			vmcs_fail(c, "CR4: PCIDE outside of IA-32e mode");
		return;
	}
	if (!(cr0 & CR0_PG))
		vmcs_fail(c, "CR0: IA-32e mode without PG");
	if (!(cr4 & CR4_PAE))
		vmcs_fail(c, "CR4: IA-32e mode without PAE");
}

static void check_efer(struct vmcs_checks *c)
{
	__u64 efer = field(c, VMCS_GUEST_EFER);
	bool lme = efer & EFER_LME, lma = efer & EFER_LMA;

	if (!(field(c, VMCS_ENTRY) & ENTRY_LOAD_EFER))
		return;
	if (efer & ~c->cpu->efer)
		vmcs_fail(c, "IA32_EFER: bits %#llx are reserved", efer & ~c->cpu->efer);
	if (lma != is_ia32e(c))
		vmcs_fail(c, "IA32_EFER: LMA is not as the IA-32e mode control");
	if (field(c, VMCS_GUEST_CR0) & CR0_PG && lma != lme)
		vmcs_fail(c, "IA32_EFER: %s with paging",
			  lma ? "LMA without LME" : "LME without LMA");
}

static void check_control_registers(struct vmcs_checks *c)
{
	__u32 entry = field(c, VMCS_ENTRY);

	check_cr0(c);
	check_cr4(c);
	if (!vmcs_is_physical(c, field(c, VMCS_GUEST_CR3)))
		vmcs_fail(c, "CR3: %#llx is wider than physical addresses",
			  field(c, VMCS_GUEST_CR3));
	if (entry & ENTRY_LOAD_DEBUG && field(c, VMCS_GUEST_DR7) >> 32)
		vmcs_fail(c, "DR7: bits 63:32 must be 0");
	if (!vmcs_is_canonical(c, field(c, VMCS_GUEST_SYSENTER_ESP)))
		vmcs_fail(c, "IA32_SYSENTER_ESP: is not canonical");
	if (!vmcs_is_canonical(c, field(c, VMCS_GUEST_SYSENTER_EIP)))
		vmcs_fail(c, "IA32_SYSENTER_EIP: is not canonical");
	if (entry & ENTRY_LOAD_PAT && !vmcs_is_pat(field(c, VMCS_GUEST_PAT)))
		vmcs_fail(c, "IA32_PAT: has a memory type that is none");
	check_efer(c);
	if (entry & ENTRY_LOAD_BNDCFGS && (field(c, VMCS_GUEST_BNDCFGS) & 0xffc ||
					   !vmcs_is_canonical(c, field(c, VMCS_GUEST_BNDCFGS))))
		vmcs_fail(c, "IA32_BNDCFGS: has reserved bits");
}

/* 27.3.1.2 */

static void check_selectors(struct vmcs_checks *c)
{
	__u64 cs = field(c, VMCS_SEGMENT(VMCS_GUEST_SELECTOR, PHV_SEG_CS));
	__u64 ss = field(c, VMCS_SEGMENT(VMCS_GUEST_SELECTOR, PHV_SEG_SS));

	if (field(c, VMCS_SEGMENT(VMCS_GUEST_SELECTOR, PHV_SEG_TR)) & 4)
		vmcs_fail(c, "TR: is in the LDT");
	if (!(access_of(c, PHV_SEG_LDTR) & ACCESS_UNUSABLE) &&
	    field(c, VMCS_SEGMENT(VMCS_GUEST_SELECTOR, PHV_SEG_LDTR)) & 4)
		vmcs_fail(c, "LDTR: is in the LDT");
	if (!is_v8086(c) && !is_unrestricted(c) && (cs & 3) != (ss & 3))
		vmcs_fail(c, "SS: RPL is not that of CS");
}

static void check_v8086_segment(struct vmcs_checks *c, const struct segment *s)
{
	if (s->base != (__u64)s->selector << 4)
		vmcs_fail(c, "%s: base %#llx is not its selector's, in virtual-8086 mode",
			  s->name, s->base);
	if (s->limit != 0xffff)
		vmcs_fail(c, "%s: limit %#x is not 0xffff, in virtual-8086 mode", s->name,
			  s->limit);
	if (s->access != 0xf3)
		vmcs_fail(c, "%s: access rights %#x are not 0xf3, in virtual-8086 mode",
			  s->name, s->access);
}

/* Of segments that are usable, and of CS and TR */
static void check_common_access(struct vmcs_checks *c, const struct segment *s, bool system)
{
	if (!(s->access & ACCESS_S) != system)
		vmcs_fail(c, "%s: S must be %u", s->name, !system);
	if (!(s->access & ACCESS_P))
		vmcs_fail(c, "%s: is not present", s->name);
	if (s->access & ACCESS_RESERVED)
		vmcs_fail(c, "%s: access rights %#x have reserved bits", s->name, s->access);
	if (s->access & ACCESS_G ? (s->limit & 0xfff) != 0xfff : s->limit >> 20)
		vmcs_fail(c, "%s: limit %#x does not go with G", s->name, s->limit);
}

static void check_cs(struct vmcs_checks *c, const struct segment *s)
{
	unsigned int type = s->access & ACCESS_TYPE, dpl = ACCESS_DPL(s->access);
	unsigned int ss_dpl = ACCESS_DPL(access_of(c, PHV_SEG_SS));

	if (s->base >> 32)
		vmcs_fail(c, "CS: base %#llx has more than 32 bits", s->base);
	check_common_access(c, s, false);
	switch (type) {
	case 3:
		if (!is_unrestricted(c))
			vmcs_fail(c, "CS: type 3 (data)");
		else if (dpl)
			vmcs_fail(c, "CS: DPL %u with type 3 (data)", dpl);
		break;
	case 9:
	case 11:
		if (dpl != ss_dpl)
			vmcs_fail(c, "CS: DPL %u is not SS's, %u", dpl, ss_dpl);
		break;
	case 13:
	case 15:
		if (dpl > ss_dpl)
			vmcs_fail(c, "CS: DPL %u is above SS's, %u (conforming)", dpl, ss_dpl);
		break;
	default:
		vmcs_fail(c, "CS: type %u", type);
	}
	if (is_ia32e(c) && s->access & ACCESS_L && s->access & ACCESS_D)
		vmcs_fail(c, "CS: L and D at once");
}

static void check_ss(struct vmcs_checks *c, const struct segment *s)
{
	unsigned int type = s->access & ACCESS_TYPE, dpl = ACCESS_DPL(s->access);

	if (!is_unrestricted(c) && dpl != (s->selector & 3))
		vmcs_fail(c, "SS: DPL %u is not its RPL", dpl);
	if (dpl && ((access_of(c, PHV_SEG_CS) & ACCESS_TYPE) == 3 ||
		    !(field(c, VMCS_GUEST_CR0) & CR0_PE)))
		vmcs_fail(c, "SS: DPL %u in real mode, or with CS of type 3", dpl);
	if (s->access & ACCESS_UNUSABLE)
		return;
	if (s->base >> 32)
		vmcs_fail(c, "SS: base %#llx has more than 32 bits", s->base);
	if (type != 3 && type != 7)
		vmcs_fail(c, "SS: type %u", type);
	check_common_access(c, s, false);
}

/* DS, ES, FS and GS */
static void check_data(struct vmcs_checks *c, const struct segment *s)
{
	unsigned int type = s->access & ACCESS_TYPE;

	if ((s->n == PHV_SEG_FS || s->n == PHV_SEG_GS) && !vmcs_is_canonical(c, s->base))
		vmcs_fail(c, "%s: base %#llx is not canonical", s->name, s->base);
	if (s->access & ACCESS_UNUSABLE)
		return;
	if (s->n != PHV_SEG_FS && s->n != PHV_SEG_GS && s->base >> 32)
		vmcs_fail(c, "%s: base %#llx has more than 32 bits", s->name, s->base);
	if (!(type & 1))
		vmcs_fail(c, "%s: type %u (not accessed)", s->name, type);
	if (type & 8 && !(type & 2))
		vmcs_fail(c, "%s: type %u (code that is not readable)", s->name, type);
	if (!is_unrestricted(c) && type < 12 &&
	    ACCESS_DPL(s->access) < (__u64)(s->selector & 3))
		vmcs_fail(c, "%s: DPL is below RPL", s->name);
	check_common_access(c, s, false);
}

static void check_tr(struct vmcs_checks *c)
{
	const struct segment s = get_segment(c, PHV_SEG_TR);
	unsigned int type = s.access & ACCESS_TYPE;

	if (!vmcs_is_canonical(c, s.base))
		vmcs_fail(c, "TR: base %#llx is not canonical", s.base);
	if (s.access & ACCESS_UNUSABLE)
		vmcs_fail(c, "TR: is unusable");
	if (type != 11 && (type != 3 || is_ia32e(c)))
		vmcs_fail(c, "TR: type %u", type);
	check_common_access(c, &s, true);
}

static void check_ldtr(struct vmcs_checks *c)
{
	const struct segment s = get_segment(c, PHV_SEG_LDTR);

	if (s.access & ACCESS_UNUSABLE)
		return;
	if (!vmcs_is_canonical(c, s.base))
		vmcs_fail(c, "LDTR: base %#llx is not canonical", s.base);
	if ((s.access & ACCESS_TYPE) != 2)
		vmcs_fail(c, "LDTR: type %u", s.access & ACCESS_TYPE);
	check_common_access(c, &s, true);
}

static void check_segments(struct vmcs_checks *c)
{
	unsigned int n;

	check_selectors(c);
	for (n = PHV_SEG_ES; n <= PHV_SEG_GS; n++) {
		const struct segment s = get_segment(c, n);

		if (is_v8086(c))
			check_v8086_segment(c, &s);
		else if (n == PHV_SEG_CS)
			check_cs(c, &s);
		else if (n == PHV_SEG_SS)
			check_ss(c, &s);
		else
			check_data(c, &s);
	}
	check_ldtr(c);
	check_tr(c);
}

/* 27.3.1.3 */
static void check_tables(struct vmcs_checks *c)
{
	if (!vmcs_is_canonical(c, field(c, VMCS_GUEST_GDTR_BASE)))
		vmcs_fail(c, "GDTR: base is not canonical");
	if (!vmcs_is_canonical(c, field(c, VMCS_GUEST_IDTR_BASE)))
		vmcs_fail(c, "IDTR: base is not canonical");
	if (field(c, VMCS_GUEST_GDTR_LIMIT) >> 16)
		vmcs_fail(c, "GDTR: limit has more than 16 bits");
	if (field(c, VMCS_GUEST_IDTR_LIMIT) >> 16)
		vmcs_fail(c, "IDTR: limit has more than 16 bits");
}

/* 27.3.1.4 */

/* All bits from the width on are the same; the one below may differ. */
static bool fits_linear(const struct vmcs_checks *c, __u64 rip)
{
	__u64 above = rip >> c->cpu->linear_width;

	return !above || above == ~0ULL >> c->cpu->linear_width;
}

static void check_rip_and_rflags(struct vmcs_checks *c)
{
	__u64 rip = field(c, VMCS_GUEST_RIP), rflags = field(c, VMCS_GUEST_RFLAGS);
	__u32 event = field(c, VMCS_ENTRY_EVENT);

	if (!is_ia32e(c) || !(access_of(c, PHV_SEG_CS) & ACCESS_L)) {
		if (rip >> 32)
			vmcs_fail(c, "RIP: %#llx has more than 32 bits", rip);
	} else if (!fits_linear(c, rip)) {
		vmcs_fail(c, "RIP: %#llx is wider than linear addresses", rip);
	}
	if (rflags & RFLAGS_MUST_BE_0)
		vmcs_fail(c, "RFLAGS: bits %#llx must be 0", rflags & RFLAGS_MUST_BE_0);
	if (!(rflags & 2))
		vmcs_fail(c, "RFLAGS: bit 1 must be 1");
	if (rflags & RFLAGS_VM && is_ia32e(c))
		vmcs_fail(c, "RFLAGS: VM in IA-32e mode");
	if (rflags & RFLAGS_VM && !(field(c, VMCS_GUEST_CR0) & CR0_PE))
		vmcs_fail(c, "RFLAGS: VM in real mode");
	if (event & EVENT_VALID && event_type(event) == EVENT_EXTERNAL && !(rflags & RFLAGS_IF))
		vmcs_fail(c, "RFLAGS: an external interrupt is injected without IF");
}

/* 27.3.1.5 */

/* HLT takes what would wake it; the others next to nothing. */
static bool may_inject(unsigned int activity, __u32 event)
{
	unsigned int vector = event & 0xff;

	switch (activity) {
	case HLT:
		switch (event_type(event)) {
		case EVENT_EXTERNAL:
		case EVENT_NMI:
			return true;
		case EVENT_HARD:
			return vector == 1 || vector == 18;
		case EVENT_OTHER:
			return !vector;
		}
		return false;
	case SHUTDOWN:
		return event_type(event) == EVENT_NMI ||
		       (event_type(event) == EVENT_HARD && vector == 18);
	default:
		return activity == ACTIVE;
	}
}

static void check_activity(struct vmcs_checks *c)
{
	unsigned int activity = field(c, VMCS_ACTIVITY);
	__u32 event = field(c, VMCS_ENTRY_EVENT);

	/* IA32_VMX_MISC bits 8:6 say which there are beside the active state. */
	if (activity > WAIT_FOR_SIPI ||
	    (activity && !(c->cpu->caps.misc >> (5 + activity) & 1))) {
		vmcs_fail(c, "activity state: %u", activity);
		return;
	}
	if (activity == HLT && ACCESS_DPL(access_of(c, PHV_SEG_SS)))
		vmcs_fail(c, "activity state: HLT with SS's DPL not 0");
	if (activity != ACTIVE && field(c, VMCS_INTERRUPTIBILITY) & (BLOCKED_STI | BLOCKED_MOV_SS))
		vmcs_fail(c, "activity state: not active while STI or MOV SS blocks");
	if (event & EVENT_VALID && !may_inject(activity, event))
		vmcs_fail(c, "activity state: what is injected has no way into state %u",
			  activity);
}

static void check_blocking(struct vmcs_checks *c)
{
	__u32 blocked = field(c, VMCS_INTERRUPTIBILITY), event = field(c, VMCS_ENTRY_EVENT);

	if (blocked & BLOCKED_MUST_BE_0)
		vmcs_fail(c, "interruptibility: bits %#x must be 0", blocked & BLOCKED_MUST_BE_0);
	if (blocked & BLOCKED_STI && blocked & BLOCKED_MOV_SS)
		vmcs_fail(c, "interruptibility: blocked by STI and MOV SS at once");
	if (blocked & BLOCKED_STI && !(field(c, VMCS_GUEST_RFLAGS) & RFLAGS_IF))
		vmcs_fail(c, "interruptibility: blocked by STI without RFLAGS.IF");
	if (blocked & BLOCKED_SMI)
		vmcs_fail(c, "interruptibility: blocked by SMI outside of SMM");
	if (!(event & EVENT_VALID))
		return;
	if (event_type(event) == EVENT_EXTERNAL && blocked & (BLOCKED_STI | BLOCKED_MOV_SS))
		vmcs_fail(c, "interruptibility: an interrupt is injected while blocked");
	if (event_type(event) != EVENT_NMI)
		return;
	if (blocked & BLOCKED_MOV_SS)
		vmcs_fail(c, "interruptibility: an NMI is injected while MOV SS blocks");
	if (blocked & BLOCKED_STI)
		vmcs_may_fail(c, "interruptibility: an NMI is injected while STI blocks");
	if (blocked & BLOCKED_NMI && field(c, VMCS_PIN) & PIN_VIRTUAL_NMIS)
		vmcs_fail(c, "interruptibility: an NMI is injected while an NMI blocks");
}

static void check_pending_debug(struct vmcs_checks *c)
{
	__u64 pending = field(c, VMCS_PENDING_DEBUG);
	bool steps = field(c, VMCS_GUEST_RFLAGS) & RFLAGS_TF &&
		     !(field(c, VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF);
	bool held = field(c, VMCS_INTERRUPTIBILITY) & (BLOCKED_STI | BLOCKED_MOV_SS) ||
		    field(c, VMCS_ACTIVITY) == HLT;

	if (pending & PENDING_MUST_BE_0)
		vmcs_fail(c, "pending debug exceptions: bits %#llx must be 0",
			  pending & PENDING_MUST_BE_0);
	if (!held)
		return;
	if (steps && !(pending & PENDING_BS))
		vmcs_fail(c, "pending debug exceptions: BS must be 1 with TF, while blocked");
	if (!steps && pending & PENDING_BS)
		vmcs_fail(c, "pending debug exceptions: BS must be 0 without TF, while blocked");
}

static void check_other(struct vmcs_checks *c)
{
	__u64 link = field(c, VMCS_LINK_POINTER);

	check_activity(c);
	check_blocking(c);
	check_pending_debug(c);
	if (vmcs_known(c->vmcs, VMCS_LINK_POINTER) && link != ~0ULL &&
	    (link & 0xfff || !vmcs_is_physical(c, link)))
		vmcs_fail(c, "VMCS link pointer: %#llx", link);
}

/* 27.3.1.6 */
static void check_pdptes(struct vmcs_checks *c)
{
	__u64 reserved = 0x1e6 | ~0ULL << c->cpu->physical_width, pdpte;
	unsigned int i;

	if (is_ia32e(c) || !(field(c, VMCS_GUEST_CR0) & CR0_PG) ||
	    !(field(c, VMCS_GUEST_CR4) & CR4_PAE) || !(vmcs_secondary(c) & PROC2_EPT))
		return;
	for (i = 0; i < 4; i++) {
		pdpte = field(c, VMCS_GUEST_PDPTE + 2 * i);
		if (pdpte & 1 && pdpte & reserved)
			vmcs_fail(c, "PDPTE%u: %#llx has reserved bits", i, pdpte);
	}
}

void vmcs_check_guest(struct vmcs_checks *c)
{
	check_control_registers(c);
	check_segments(c);
	check_tables(c);
	check_rip_and_rflags(c);
	check_other(c);
	check_pdptes(c);
}
