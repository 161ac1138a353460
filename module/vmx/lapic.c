// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's local APIC: its registers, modes and priorities.
 *
 * What lives here: what each register reads and what a write to it does, in
 * xAPIC and x2APIC mode; the modes; which vector is next. What goes to other
 * APICs is in lapic_ipi.c, the timer in lapic_timer.c, interrupts from outside and
 * what the processor does by itself in posted.c, the memory-mapped way to the
 * registers in apic_mmio.c. References are to the SDM, volume 3.
 *
 * Registers belong to the vCPU's own thread; other vCPUs read those that say
 * whether an IPI is for it, and post. So nothing here takes a lock, and all of it
 * may run with interrupts off, in the inner loop.
 */
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "domain.h"
#include "pv/evtchn.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/lapic_internal.h"
#include "vmx/vmx.h"

/* "Integrated", with the six LVT entries 0 to 5 (11.4.8). */
#define LAPIC_VERSION	(0x15 | 5 << 16)

#define LAPIC_REGS	0x40			/* from offset 0 to 0x3f0 */
#define REG(reg)	BIT_ULL((reg) >> 4)
#define REGS(reg, n)	((BIT_ULL(n) - 1) << ((reg) >> 4))

/* What exists, by mode (table 11-1 and 11-6). EOI of xAPIC mode reads as 0. */
#define READABLE	(REG(APIC_ID) | REG(APIC_LVR) | REG(APIC_TASKPRI) |	\
			 REG(APIC_PROCPRI) | REG(APIC_LDR) | REG(APIC_SPIV) |	\
			 REGS(APIC_ISR, 8) | REGS(APIC_TMR, 8) |		\
			 REGS(APIC_IRR, 8) | REG(APIC_ESR) | REG(APIC_ICR) |	\
			 REGS(APIC_LVTT, 6) | REG(APIC_TMICT) |			\
			 REG(APIC_TMCCT) | REG(APIC_TDCR))
#define WRITABLE	(REG(APIC_TASKPRI) | REG(APIC_EOI) | REG(APIC_SPIV) |	\
			 REG(APIC_ESR) | REG(APIC_ICR) | REGS(APIC_LVTT, 6) |	\
			 REG(APIC_TMICT) | REG(APIC_TDCR))
#define XAPIC_READABLE	(READABLE | REG(APIC_EOI) | REG(APIC_DFR) | REG(APIC_ICR2))
#define XAPIC_WRITABLE	(WRITABLE | REG(APIC_ID) | REG(APIC_LDR) |		\
			 REG(APIC_DFR) | REG(APIC_ICR2))
#define X2APIC_READABLE	READABLE
#define X2APIC_WRITABLE	(WRITABLE | REG(APIC_SELF_IPI))

/* Bits that exist in the registers that software writes. */
static const u32 reg_bits[LAPIC_REGS] = {
	[APIC_TASKPRI >> 4]	= 0xff,
	[APIC_LDR >> 4]		= APIC_LDR_MASK,
	[APIC_DFR >> 4]		= 0xf0000000,
	[APIC_SPIV >> 4]	= 0x3ff,
	[APIC_ICR >> 4]		= 0xcdfff,
	[APIC_ICR2 >> 4]	= 0xff000000,
	[APIC_LVTT >> 4]	= 0x710ff,
	[APIC_LVTTHMR >> 4]	= 0x117ff,
	[APIC_LVTPC >> 4]	= 0x117ff,
	[APIC_LVT0 >> 4]	= 0x1f7ff,
	[APIC_LVT1 >> 4]	= 0x1f7ff,
	[APIC_LVTERR >> 4]	= 0x110ff,
	[APIC_TMICT >> 4]	= 0xffffffff,
	[APIC_TDCR >> 4]	= 0xb,
	[APIC_SELF_IPI >> 4]	= 0xff,
};

/* Of them, these are read-only: writes are ignored, also in x2APIC mode. */
#define LVT_READ_ONLY	(APIC_SEND_PENDING | APIC_LVT_REMOTE_IRR)
#define ICR_READ_ONLY	APIC_ICR_BUSY

/* Processor priority is compared by class, bits 7:4 (11.8.3.1). */
static u8 priority_class(u8 vector)
{
	return vector & 0xf0;
}

/* The highest vector of IRR or ISR, or -1. */
int lapic_highest(const struct lapic *lapic, u32 base)
{
	int i;

	for (i = 7; i >= 0; i--) {
		u32 bits = lapic_reg(lapic, base + i * 0x10);

		if (bits)
			return i * 32 + __fls(bits);
	}
	return -1;
}

/* PPR follows from TPR and ISR (11.8.3.1). */
static u8 lapic_ppr(const struct lapic *lapic)
{
	u8 tpr = lapic_reg(lapic, APIC_TASKPRI);
	int isr = lapic_highest(lapic, APIC_ISR);

	if (isr >= 0 && priority_class(isr) > priority_class(tpr))
		return priority_class(isr);
	return tpr;
}

u8 lapic_cr8(const struct phv_vcpu *vcpu)
{
	return (lapic_reg(&vcpu->lapic, APIC_TASKPRI) & 0xf0) >> 4;
}

void lapic_set_cr8(struct phv_vcpu *vcpu, u8 cr8)
{
	lapic_set_reg(&vcpu->lapic, APIC_TASKPRI, (cr8 & 0xf) << 4);
}

/*
 * Interrupts for this vCPU
 */

/* What vCPU's own thread has found: into IRR at once. */
void lapic_interrupt_self(struct phv_vcpu *vcpu, u8 vector)
{
	if (vector < 16) {
		lapic_error(vcpu, APIC_ESR_RECVILL);
		return;
	}
	lapic_set_vector(&vcpu->lapic, APIC_IRR, vector);
	vcpu->lapic.irr_changed = true;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/**
 * lapic_error - note an error for ESR, and interrupt if that is wanted
 * @vcpu: whose APIC detects it
 * @error: APIC_ESR_*
 *
 * Context: any.
 */
void lapic_error(struct phv_vcpu *vcpu, u32 error)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 lvt = lapic_reg(lapic, APIC_LVTERR);

	set_bit(__ffs(error), &lapic->errors);
	if (lvt & APIC_LVT_MASKED)
		return;
	if ((lvt & APIC_VECTOR_MASK) < 16)
		set_bit(__ffs(APIC_ESR_RECVILL), &lapic->errors);
	else
		posted_post(vcpu, lvt & APIC_VECTOR_MASK);
}

void lapic_deliver(struct phv_vcpu *vcpu, u8 vector)
{
	if (!lapic_is_enabled(&vcpu->lapic))
		return;
	trace_phv_lapic_deliver(vcpu, vector);
	if (vector < 16)
		lapic_error(vcpu, APIC_ESR_RECVILL);
	else
		posted_post(vcpu, vector);
}

int lapic_pending(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;
	int vector;

	lapic_timer_poll(vcpu);
	posted_sync(lapic);
	vector = lapic_highest(lapic, APIC_IRR);
	if (vector < 0 || !lapic_is_on(lapic) ||
	    priority_class(vector) <= priority_class(lapic_ppr(lapic)))
		return -1;
	return vector;
}

void lapic_accept(struct phv_vcpu *vcpu, u8 vector)
{
	trace_phv_lapic_accept(vcpu, vector);
	lapic_clear_vector(&vcpu->lapic, APIC_IRR, vector);
	lapic_set_vector(&vcpu->lapic, APIC_ISR, vector);
}

/*
 * Without virtual-interrupt delivery, the guest must exit when it lowers TPR
 * enough for what is pending (30.1.2). MOV to CR8 does not exit otherwise.
 */
static void lapic_update_tpr_threshold(struct lapic *lapic)
{
	int vector = lapic_highest(lapic, APIC_IRR);
	u8 tpr = lapic_reg(lapic, APIC_TASKPRI);
	u8 threshold = 0;

	if (vector >= 0 && priority_class(vector) <= priority_class(tpr))
		threshold = vector >> 4;
	if (threshold != lapic->tpr_threshold) {
		lapic->tpr_threshold = threshold;
		vmcs_write(TPR_THRESHOLD, threshold);
	}
}

void lapic_before_entry(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	lapic_timer_poll(vcpu);
	posted_sync(lapic);
	if (!lapic->apicv)
		lapic_update_tpr_threshold(lapic);
	else if (lapic->irr_changed)
		posted_update_status(vcpu);
	lapic->irr_changed = false;
	lapic_timer_program(vcpu);
}

/*
 * Registers
 */

/* What one is without having been written (11.4.7.1). */
static void lapic_reset_regs(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 reg;

	memset(lapic->regs, 0, PAGE_SIZE);
	posted_discard(lapic);
	xchg(&lapic->errors, 0);
	lapic_set_reg(lapic, APIC_LVR, LAPIC_VERSION);
	lapic_set_reg(lapic, APIC_DFR, APIC_DFR_FLAT);
	lapic_set_reg(lapic, APIC_SPIV, 0xff);
	for (reg = APIC_LVTT; reg <= APIC_LVTERR; reg += 0x10)
		lapic_set_reg(lapic, reg, APIC_LVT_MASKED);
	lapic_timer_reset(vcpu);
	lapic->irr_changed = true;
}

/* The registers that follow from identifier and mode. */
static void lapic_set_ids(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	if (lapic_is_x2apic(lapic)) {
		lapic_set_reg(lapic, APIC_ID, vcpu->id);
		lapic_set_reg(lapic, APIC_LDR, lapic_x2apic_ldr(vcpu->id));
	} else {
		lapic_set_reg(lapic, APIC_ID, vcpu->id << 24);
	}
}

/* ICR's high half: beside the low one in x2APIC mode, for 64-bit reads. */
static u32 lapic_icr2(const struct lapic *lapic)
{
	return lapic_is_x2apic(lapic) ? APIC_ICR + 4 : APIC_ICR2;
}

static void lapic_eoi(struct lapic *lapic)
{
	int vector = lapic_highest(lapic, APIC_ISR);

	if (vector >= 0)
		lapic_clear_vector(lapic, APIC_ISR, vector);
	lapic->irr_changed = true;	/* SVI, if the processor minds */
}

static void lapic_write_lvt(struct phv_vcpu *vcpu, u32 reg, u32 value)
{
	struct lapic *lapic = &vcpu->lapic;

	value &= ~LVT_READ_ONLY;
	/* Mask bits can't be cleared as long as this lasts (11.4.7.2). */
	if (!(lapic_reg(lapic, APIC_SPIV) & APIC_SPIV_APIC_ENABLED))
		value |= APIC_LVT_MASKED;
	lapic_set_reg(lapic, reg, value);
	if (reg == APIC_LVTT)
		lapic_timer_set_lvt(vcpu, value);
}

static void lapic_write_spiv(struct phv_vcpu *vcpu, u32 value)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 reg;

	lapic_set_reg(lapic, APIC_SPIV, value);
	for (reg = APIC_LVTT; reg <= APIC_LVTERR; reg += 0x10)
		lapic_write_lvt(vcpu, reg, lapic_reg(lapic, reg));
	if (lapic->apicv)
		posted_setup_msrs(vcpu);
	if (value & APIC_SPIV_APIC_ENABLED)
		evtchn_lapic_enabled(vcpu);
}

/**
 * lapic_write_reg - software wrote a register
 * @vcpu: the vCPU, loaded
 * @reg: offset of a register that can be written in the present mode
 * @value: with no bits that the register does not have
 *
 * The register's word may have the new value already, or even one with bits that
 * it can't have: the processor writes first and exits then (30.4.3.2).
 *
 * Context: the vCPU's thread; interrupts may be off.
 */
void lapic_write_reg(struct phv_vcpu *vcpu, u32 reg, u32 value)
{
	struct lapic *lapic = &vcpu->lapic;

	switch (reg) {
	case APIC_ID:		/* read-only here, as 11.4.6 allows */
		lapic_set_ids(vcpu);
		break;
	case APIC_EOI:
		lapic_eoi(lapic);
		break;
	case APIC_DFR:
		lapic_set_reg(lapic, reg, value | ~reg_bits[APIC_DFR >> 4]);
		break;
	case APIC_SPIV:
		lapic_write_spiv(vcpu, value);
		break;
	case APIC_ESR:
		lapic_set_reg(lapic, reg, xchg(&lapic->errors, 0));
		break;
	case APIC_ICR:
		value &= ~ICR_READ_ONLY;
		lapic_set_reg(lapic, reg, value);
		lapic_send_ipi(vcpu, value, lapic_reg(lapic, APIC_ICR2) >> 24);
		break;
	case APIC_LVTT ... APIC_LVTERR:
		lapic_write_lvt(vcpu, reg, value);
		break;
	case APIC_TMICT:
		lapic_timer_start(vcpu, value);
		break;
	case APIC_TDCR:
		lapic_timer_set_divide(vcpu, value);
		break;
	case APIC_SELF_IPI:
		lapic_send_ipi(vcpu, APIC_DEST_SELF | value, 0);
		break;
	default:		/* TPR, LDR, ICR's high half */
		lapic_set_reg(lapic, reg, value);
		break;
	}
	/* Without the processor's help, a lower priority lets interrupts through. */
	if (!lapic->apicv || lapic->irr_changed)
		vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/* A register that is not just a word. */
static u32 lapic_read_reg(struct phv_vcpu *vcpu, u32 reg)
{
	struct lapic *lapic = &vcpu->lapic;

	switch (reg) {
	case APIC_PROCPRI:
		return lapic_ppr(lapic);
	case APIC_TMCCT:
		return lapic_timer_count(vcpu);
	case APIC_IRR ... APIC_IRR + 0x70:
		posted_sync(lapic);
		return lapic_reg(lapic, reg);
	default:
		return lapic_reg(lapic, reg);
	}
}

/*
 * xAPIC mode: reserved registers read as 0 and are errors, reserved bits are ignored.
 * @reg is a multiple of 16 below a page.
 */
u32 lapic_read_xapic(struct phv_vcpu *vcpu, u32 reg)
{
	if (reg >> 4 < LAPIC_REGS && (XAPIC_READABLE & REG(reg)))
		return lapic_read_reg(vcpu, reg);
	lapic_error(vcpu, APIC_ESR_ILLREGA);
	return 0;
}

void lapic_write_xapic(struct phv_vcpu *vcpu, u32 reg, u32 value)
{
	if (reg >> 4 < LAPIC_REGS && (XAPIC_WRITABLE & REG(reg)))
		lapic_write_reg(vcpu, reg, value & reg_bits[reg >> 4]);
	else
		lapic_error(vcpu, APIC_ESR_ILLREGA);
}

/*
 * x2APIC mode: MSRs (11.12.1.2)
 */

/* Can the register at this offset be read in x2APIC mode? */
bool lapic_x2apic_readable(u32 reg)
{
	return reg >> 4 < LAPIC_REGS && (X2APIC_READABLE & REG(reg));
}

static bool x2apic_msr_exists(const struct lapic *lapic, u32 msr, u64 regs)
{
	u32 index = msr - APIC_BASE_MSR;

	return lapic_is_x2apic(lapic) && index < LAPIC_REGS && (regs & BIT_ULL(index));
}

static int lapic_read_x2apic(struct phv_vcpu *vcpu, u32 msr, u64 *value)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 reg = (msr - APIC_BASE_MSR) << 4;

	if (!x2apic_msr_exists(lapic, msr, X2APIC_READABLE))
		return -EINVAL;
	*value = lapic_read_reg(vcpu, reg);
	if (reg == APIC_ICR)
		*value |= (u64)lapic_reg(lapic, lapic_icr2(lapic)) << 32;
	return 0;
}

static int lapic_write_x2apic(struct phv_vcpu *vcpu, u32 msr, u64 value)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 reg = (msr - APIC_BASE_MSR) << 4;
	u32 high = value >> 32;

	if (!x2apic_msr_exists(lapic, msr, X2APIC_WRITABLE) ||
	    ((u32)value & ~reg_bits[reg >> 4]))
		return -EINVAL;
	if (reg == APIC_ICR) {
		value &= ~ICR_READ_ONLY;
		lapic_set_reg(lapic, APIC_ICR, value);
		lapic_set_reg(lapic, lapic_icr2(lapic), high);
		lapic_send_ipi(vcpu, value, high);
		return 0;
	}
	if (high)
		return -EINVAL;
	lapic_write_reg(vcpu, reg, value);
	return 0;
}

/*
 * Modes (11.12.5)
 */

#define BASE_MODE	(MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE)

/* The page can't be moved: in EPT it is one for the whole domain. */
static bool base_is_valid(u64 base)
{
	return (base & ~(BASE_MODE | MSR_IA32_APICBASE_BSP)) == APIC_DEFAULT_PHYS_BASE &&
	       (base & BASE_MODE) != X2APIC_ENABLE;
}

int lapic_set_base(struct phv_vcpu *vcpu, u64 base)
{
	struct lapic *lapic = &vcpu->lapic;
	u64 old = lapic->base;

	if (!base_is_valid(base))
		return -EINVAL;
	WRITE_ONCE(lapic->base, base);
	if (!((base ^ old) & BASE_MODE))
		return 0;
	/* What was there is lost when it is switched off; identifiers are new in any mode. */
	if (!(base & MSR_IA32_APICBASE_ENABLE))
		lapic_reset_regs(vcpu);
	lapic_set_reg(lapic, APIC_LDR, 0);
	lapic_set_reg(lapic, lapic_icr2(lapic), 0);
	lapic_set_ids(vcpu);
	lapic_setup_vmcs(vcpu);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

/* The guest may go x2APIC -> off -> xAPIC -> x2APIC, and from xAPIC to off (figure 11-27). */
static int lapic_write_base(struct phv_vcpu *vcpu, u64 base)
{
	u64 from = vcpu->lapic.base & BASE_MODE;
	u64 to = base & BASE_MODE;

	if ((from == BASE_MODE && to == MSR_IA32_APICBASE_ENABLE) ||
	    (!from && to == BASE_MODE))
		return -EINVAL;
	return lapic_set_base(vcpu, base);
}

int lapic_read_msr(struct phv_vcpu *vcpu, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_IA32_APICBASE:
		*value = vcpu->lapic.base;
		return 0;
	case MSR_IA32_TSC_DEADLINE:
		*value = lapic_timer_tsc_deadline(vcpu);
		return 0;
	default:
		return lapic_read_x2apic(vcpu, msr, value);
	}
}

int lapic_write_msr(struct phv_vcpu *vcpu, u32 msr, u64 value)
{
	switch (msr) {
	case MSR_IA32_APICBASE:
		return lapic_write_base(vcpu, value);
	case MSR_IA32_TSC_DEADLINE:
		lapic_timer_set_tsc_deadline(vcpu, value);
		return 0;
	default:
		return lapic_write_x2apic(vcpu, msr, value);
	}
}

/*
 * Exits
 */

/* APIC-register virtualization: the register has been written, here is the rest. */
int lapic_exit_apic_write(struct phv_vcpu *vcpu)
{
	u32 reg = vmcs_read(EXIT_QUALIFICATION) & 0xff0;
	u32 value = lapic_reg(&vcpu->lapic, reg);

	if (reg == APIC_SELF_IPI)
		lapic_write_reg(vcpu, reg, value & APIC_VECTOR_MASK);
	else
		lapic_write_xapic(vcpu, reg, value);
	return 1;
}

/* No vector is in the EOI-exit bitmaps: nothing here is level-triggered. */
int lapic_exit_eoi(struct phv_vcpu *vcpu)
{
	return 1;
}

/* TPR is low enough for something now. */
int lapic_exit_tpr(struct phv_vcpu *vcpu)
{
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 1;
}

/*
 * State for user space
 */

void lapic_get_state(struct phv_vcpu *vcpu, struct phv_lapic *state)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 index;

	memset(state, 0, sizeof(*state));
	lapic_timer_poll(vcpu);
	for (index = 0; index < LAPIC_REGS; index++)
		if (XAPIC_READABLE & BIT_ULL(index))
			state->regs[index * 4] = lapic_read_reg(vcpu, index << 4);
	state->regs[APIC_ICR2 / 4] = lapic_reg(lapic, lapic_icr2(lapic));
	state->tsc_deadline = lapic_timer_tsc_deadline(vcpu);
}

/* Bits that user space may give a register, beyond those the guest could. */
static u32 state_bits(const struct phv_vcpu *vcpu, u32 reg)
{
	switch (reg) {
	case APIC_ISR:
	case APIC_IRR:
		return 0xffff0000;
	case APIC_ISR + 0x10 ... APIC_ISR + 0x70:
	case APIC_IRR + 0x10 ... APIC_IRR + 0x70:
	case APIC_TMCCT:
		return 0xffffffff;
	case APIC_PROCPRI:
		return 0xff;
	case APIC_DFR:
		return 0xffffffff;
	case APIC_ESR:
		return 0xff;
	case APIC_ID:
	case APIC_LVR:
		return lapic_reg(&vcpu->lapic, reg);
	case APIC_LDR:
		return lapic_is_x2apic(&vcpu->lapic) ? lapic_reg(&vcpu->lapic, reg) :
						       APIC_LDR_MASK;
	case APIC_ICR2:
		return lapic_is_x2apic(&vcpu->lapic) ? 0xffffffff : 0xff000000;
	case APIC_SELF_IPI:
		return 0;
	default:
		return reg_bits[reg >> 4];
	}
}

static bool state_is_valid(const struct phv_vcpu *vcpu, const struct phv_lapic *state)
{
	u32 i;

	if (memchr_inv(state->reserved, 0, sizeof(state->reserved)))
		return false;
	for (i = 0; i < ARRAY_SIZE(state->regs); i++) {
		u32 bits = i % 4 || i / 4 >= LAPIC_REGS ? 0 : state_bits(vcpu, i << 2);

		if (state->regs[i] & ~bits)
			return false;
	}
	return state->regs[APIC_ID / 4] == lapic_reg(&vcpu->lapic, APIC_ID);
}

int lapic_set_state(struct phv_vcpu *vcpu, const struct phv_lapic *state)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 reg;

	if (!state_is_valid(vcpu, state))
		return -EINVAL;

	lapic_reset_regs(vcpu);
	for (reg = 0; reg < LAPIC_REGS << 4; reg += 0x10)
		if (XAPIC_READABLE & REG(reg))
			lapic_set_reg(lapic, reg, state->regs[reg / 4]);
	lapic_set_reg(lapic, APIC_LVR, LAPIC_VERSION);
	lapic_set_ids(vcpu);
	lapic_set_reg(lapic, APIC_ICR, state->regs[APIC_ICR / 4] & ~ICR_READ_ONLY);
	lapic_set_reg(lapic, APIC_ICR2, 0);
	lapic_set_reg(lapic, lapic_icr2(lapic), state->regs[APIC_ICR2 / 4]);
	lapic_set_reg(lapic, APIC_DFR, state->regs[APIC_DFR / 4] | ~reg_bits[APIC_DFR >> 4]);

	/* This sets the whole LVT; and then the timer goes on. */
	lapic_write_spiv(vcpu, state->regs[APIC_SPIV / 4]);
	lapic_timer_set_divide(vcpu, state->regs[APIC_TDCR / 4]);
	lapic_timer_restore(vcpu, state->regs[APIC_TMCCT / 4]);
	lapic_timer_set_tsc_deadline(vcpu, state->tsc_deadline);
	return 0;
}

/*
 * Life
 */

void lapic_setup_vmcs(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	vmcs_write(VIRTUAL_APIC_PAGE_ADDR, __pa(lapic->regs));
	lapic->tpr_threshold = 0;
	vmcs_write(TPR_THRESHOLD, 0);
	lapic_timer_setup_vmcs(vcpu);
	if (lapic->apicv)
		posted_setup_vmcs(vcpu);
}

void lapic_reset(struct phv_vcpu *vcpu, bool init)
{
	struct lapic *lapic = &vcpu->lapic;

	if (!init)
		WRITE_ONCE(lapic->base, APIC_DEFAULT_PHYS_BASE | BASE_MODE |
			   (vcpu->id ? 0 : MSR_IA32_APICBASE_BSP));
	lapic_reset_regs(vcpu);
	lapic_set_ids(vcpu);
	lapic_setup_vmcs(vcpu);
}

/**
 * lapic_create - memory for a vCPU's local APIC
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int lapic_create(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	lapic->regs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	/* A power of two: aligned to its size, as the processor wants it. */
	lapic->posted = kzalloc(sizeof(*lapic->posted), GFP_KERNEL_ACCOUNT);
	if (!lapic->regs || !lapic->posted) {
		kfree(lapic->posted);
		free_page((unsigned long)lapic->regs);
		return -ENOMEM;
	}
	lapic->apicv = posted_available();
	lapic_timer_create(vcpu);
	return 0;
}

void lapic_destroy(struct phv_vcpu *vcpu)
{
	lapic_timer_destroy(vcpu);
	kfree(vcpu->lapic.posted);
	free_page((unsigned long)vcpu->lapic.regs);
}

int lapic_module_init(void)
{
	return lapic_timer_module_init();
}
