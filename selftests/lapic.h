/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC, as the tests of it see it: registers beyond those of guest.h, and a
 * log of the interrupts that a guest takes. Guest code but for need_apicv().
 */
#ifndef LAPIC_H
#define LAPIC_H

#include <stdio.h>

#include "vm.h"

#ifndef __maybe_unused
#define __maybe_unused	__attribute__((unused))
#endif

/* MSR numbers less 0x800; in xAPIC mode, offsets in the page are 16 times that. */
#define X2APIC_VERSION		0x03
#define X2APIC_PPR		0x0a
#define X2APIC_LDR		0x0d
#define X2APIC_DFR		0x0e		/* xAPIC mode only */
#define X2APIC_ISR		0x10
#define X2APIC_TMR		0x18
#define X2APIC_IRR		0x20
#define X2APIC_ESR		0x28
#define X2APIC_ICR2		0x31		/* xAPIC mode only */
#define X2APIC_LVT_TIMER	0x32
#define X2APIC_LVT_ERROR	0x37
#define X2APIC_INITIAL_COUNT	0x38
#define X2APIC_CURRENT_COUNT	0x39
#define X2APIC_DIVIDE		0x3e

#define LVT_MASKED		BIT(16)
#define TIMER_PERIODIC		BIT(17)
#define TIMER_TSC_DEADLINE	BIT(18)
#define DIVIDE_BY_1		0xb

#define ICR_LOWEST		0x100
#define ICR_NMI			0x400
#define ICR_INIT		0x500
#define ICR_STARTUP		0x600
#define ICR_LOGICAL		BIT(11)
#define ICR_ASSERT		BIT(14)
#define ICR_LEVEL		BIT(15)
#define ICR_SELF		BIT(18)
#define ICR_ALL			BIT(19)
#define ICR_OTHERS		(BIT(18) | BIT(19))

#define ESR_SEND_ILLEGAL	BIT(5)
#define ESR_RECEIVE_ILLEGAL	BIT(6)
#define ESR_ILLEGAL_REGISTER	BIT(7)

#define BASE_ADDRESS		0xfee00000UL
#define BASE_BSP		BIT(8)
#define BASE_X2APIC		BIT(10)
#define BASE_ENABLE		BIT(11)

static inline bool x2apic_bit(u32 base, u8 vector)
{
	return x2apic_read(base + vector / 32) & BIT(vector % 32);
}

/* Host: skip this test unless the processor virtualises local APICs, and is let. */
static inline void need_apicv(void)
{
	FILE *file;

	need_caps(PHV_CAP_APIC_ACCESS | PHV_CAP_X2APIC | PHV_CAP_APIC_REGISTERS |
		  PHV_CAP_VIRTUAL_INTERRUPTS | PHV_CAP_POSTED_INTERRUPTS);
	file = fopen("/sys/module/phv/parameters/apicv", "r");
	if (file && fgetc(file) == 'N')
		test_skip("the module was loaded with apicv=0");
}

/* Let what is pending in, and be sure that it was. */
static inline void take_interrupts(void)
{
	asm volatile("sti; nop; nop; cli" : : : "memory");
}

/* Interrupts that came, in their order; of one vCPU. */
struct interrupt_log {
	u32 count;
	u8 vector[64];
};

extern struct interrupt_log interrupt_log;

/* A handler that logs its interrupt and ends it. */
static inline void log_interrupt(struct guest_frame *frame)
{
	u32 count = READ_ONCE(interrupt_log.count);

	guest_assert(count < ARRAY_SIZE(interrupt_log.vector));
	interrupt_log.vector[count] = frame->vector;
	WRITE_ONCE(interrupt_log.count, count + 1);
	x2apic_eoi();
}

static inline void log_vectors(u8 first, u8 last)
{
	unsigned int vector;

	for (vector = first; vector <= last; vector++)
		guest_handle(vector, log_interrupt);
}

#endif /* LAPIC_H */
