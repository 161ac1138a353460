/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the local APIC know of each other: lapic.c, lapic_ipi.c,
 * lapic_timer.c, posted.c, apic_mmio.c. Nobody else includes this.
 */
#ifndef PHV_LAPIC_INTERNAL_H
#define PHV_LAPIC_INTERNAL_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "vcpu.h"

/* Registers are words, 16 bytes apart; others may look at any time. */
static inline u32 lapic_reg(const struct lapic *lapic, u32 reg)
{
	return READ_ONCE(*(const u32 *)(lapic->regs + reg));
}

static inline void lapic_set_reg(struct lapic *lapic, u32 reg, u32 value)
{
	WRITE_ONCE(*(u32 *)(lapic->regs + reg), value);
}

static inline bool lapic_is_on(const struct lapic *lapic)
{
	return READ_ONCE(lapic->base) & MSR_IA32_APICBASE_ENABLE;
}

static inline bool lapic_is_x2apic(const struct lapic *lapic)
{
	return READ_ONCE(lapic->base) & X2APIC_ENABLE;
}

/* Does it take fixed interrupts, or only NMI, INIT and start-up IPIs? */
static inline bool lapic_is_enabled(const struct lapic *lapic)
{
	return lapic_is_on(lapic) &&
	       (lapic_reg(lapic, APIC_SPIV) & APIC_SPIV_APIC_ENABLED);
}

/* IRR, ISR and TMR: 256 bits in 8 registers. */
static inline u32 lapic_vector_reg(u32 base, u8 vector)
{
	return base + (vector / 32) * 0x10;
}

static inline void lapic_set_vector(struct lapic *lapic, u32 base, u8 vector)
{
	u32 reg = lapic_vector_reg(base, vector);

	lapic_set_reg(lapic, reg, lapic_reg(lapic, reg) | BIT(vector % 32));
}

static inline void lapic_clear_vector(struct lapic *lapic, u32 base, u8 vector)
{
	u32 reg = lapic_vector_reg(base, vector);

	lapic_set_reg(lapic, reg, lapic_reg(lapic, reg) & ~BIT(vector % 32));
}

/* Logical x2APIC identifier: cluster in the high half, bit in the low (11.12.10.2). */
static inline u32 lapic_x2apic_ldr(u32 id)
{
	return (id >> 4) << 16 | BIT(id & 0xf);
}

/* lapic.c; the first from any context, the rest for the vCPU's own thread */
void lapic_error(struct phv_vcpu *vcpu, u32 error);
int lapic_highest(const struct lapic *lapic, u32 base);
bool lapic_x2apic_readable(u32 reg);
void lapic_interrupt_self(struct phv_vcpu *vcpu, u8 vector);
u32 lapic_read_xapic(struct phv_vcpu *vcpu, u32 reg);
void lapic_write_xapic(struct phv_vcpu *vcpu, u32 reg, u32 value);
void lapic_write_reg(struct phv_vcpu *vcpu, u32 reg, u32 value);

/* lapic_ipi.c */
void lapic_send_ipi(struct phv_vcpu *vcpu, u32 icr, u32 dest);

/* lapic_timer.c */
int lapic_timer_module_init(void);
void lapic_timer_create(struct phv_vcpu *vcpu);
void lapic_timer_destroy(struct phv_vcpu *vcpu);
void lapic_timer_reset(struct phv_vcpu *vcpu);
void lapic_timer_setup_vmcs(struct phv_vcpu *vcpu);
void lapic_timer_poll(struct phv_vcpu *vcpu);
void lapic_timer_set_lvt(struct phv_vcpu *vcpu, u32 lvtt);
void lapic_timer_set_divide(struct phv_vcpu *vcpu, u32 divide);
void lapic_timer_start(struct phv_vcpu *vcpu, u32 count);
void lapic_timer_restore(struct phv_vcpu *vcpu, u32 count);
u32 lapic_timer_count(struct phv_vcpu *vcpu);
u64 lapic_timer_tsc_deadline(struct phv_vcpu *vcpu);
void lapic_timer_set_tsc_deadline(struct phv_vcpu *vcpu, u64 deadline);

/* posted.c; posting from any context, the rest for the vCPU's own thread */
bool posted_available(void);
void posted_post(struct phv_vcpu *vcpu, u8 vector);
void posted_sync(struct lapic *lapic);
void posted_discard(struct lapic *lapic);
void posted_setup_vmcs(struct phv_vcpu *vcpu);
void posted_setup_msrs(struct phv_vcpu *vcpu);
void posted_update_status(struct phv_vcpu *vcpu);

#endif /* PHV_LAPIC_INTERNAL_H */
