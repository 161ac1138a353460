// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inter-processor interrupts (SDM volume 3, 11.6 and 11.12.9).
 *
 * What lives here: which vCPUs a write to the interrupt command register is for, and
 * what it does to them. Called by lapic.c, with interrupts on or off; it looks
 * at other vCPUs' registers while they run, and takes no lock.
 */
#include <linux/minmax.h>

#include "domain.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/lapic_internal.h"

#define ICR_SHORTHAND		0xc0000

#define BROADCAST_XAPIC		0xff
#define BROADCAST_X2APIC	0xffffffff

/* An interrupt message as it goes from one APIC to others. */
struct ipi {
	struct phv_vcpu *from;
	u32 icr;		/* low half of ICR */
	u32 dest;		/* 8 bits of xAPIC, 32 of x2APIC */
	bool x2apic;
};

static void ipi_accept(const struct ipi *ipi, struct phv_vcpu *to)
{
	u8 vector = ipi->icr & APIC_VECTOR_MASK;

	if (!lapic_is_on(&to->lapic))
		return;

	switch (ipi->icr & APIC_DM_FIXED_MASK) {
	case APIC_DM_FIXED:
	case APIC_DM_LOWEST:
		lapic_deliver(to, vector);
		break;
	case APIC_DM_NMI:
		vcpu_nmi(to);
		break;
	case APIC_DM_INIT:
		/* "INIT level de-assert" synchronises arbitration of old; no more. */
		if ((ipi->icr & (APIC_INT_LEVELTRIG | APIC_INT_ASSERT)) != APIC_INT_LEVELTRIG)
			vcpu_init_signal(to);
		break;
	case APIC_DM_STARTUP:
		vcpu_sipi(to, vector);
		break;
	default:
		break;	/* SMI: there is no SMM; the others are reserved */
	}
}

/* Logical destination of xAPIC mode: flat or clusters of four (11.6.2.2). */
static bool ipi_matches_xapic_logical(u8 dest, const struct lapic *lapic)
{
	u8 id = GET_APIC_LOGICAL_ID(lapic_reg(lapic, APIC_LDR));

	if ((lapic_reg(lapic, APIC_DFR) >> 28) == 0xf)
		return dest & id;
	if (dest != BROADCAST_XAPIC && (dest >> 4) != (id >> 4))
		return false;
	return dest & id & 0xf;
}

static bool ipi_matches(const struct ipi *ipi, const struct phv_vcpu *to)
{
	const struct lapic *lapic = &to->lapic;
	u32 broadcast = ipi->x2apic ? BROADCAST_X2APIC : BROADCAST_XAPIC;
	u32 ldr;

	switch (ipi->icr & ICR_SHORTHAND) {
	case APIC_DEST_ALLINC:
		return true;
	case APIC_DEST_ALLBUT:
		return to != ipi->from;
	}
	if (!(ipi->icr & APIC_DEST_LOGICAL))
		return ipi->dest == broadcast || ipi->dest == to->id;
	if (!lapic_is_x2apic(lapic))
		return ipi_matches_xapic_logical(ipi->dest, lapic);

	ldr = lapic_x2apic_ldr(to->id);
	return ipi->dest == broadcast ||
	       (ipi->dest >> 16 == ldr >> 16 && (ipi->dest & ldr & 0xffff));
}

/* The vCPUs that can match: one, a cluster, or all. */
static void ipi_range(const struct ipi *ipi, u32 *first, u32 *end)
{
	*first = 0;
	*end = PHV_MAX_VCPUS;
	if (!ipi->x2apic || (ipi->icr & ICR_SHORTHAND) || ipi->dest == BROADCAST_X2APIC)
		return;
	if (!(ipi->icr & APIC_DEST_LOGICAL)) {
		*first = min_t(u32, ipi->dest, PHV_MAX_VCPUS);
		*end = min_t(u32, *first + 1, PHV_MAX_VCPUS);
	} else {
		*first = min_t(u32, (ipi->dest >> 16) << 4, PHV_MAX_VCPUS);
		*end = min_t(u32, *first + 16, PHV_MAX_VCPUS);
	}
}

/*
 * Sends to all that match; with lowest-priority delivery to one of them, whose
 * TPR is lowest. Bounded by PHV_MAX_VCPUS.
 */
static void ipi_send(const struct ipi *ipi)
{
	bool one = (ipi->icr & APIC_DM_FIXED_MASK) == APIC_DM_LOWEST;
	struct phv_vcpu *to, *best = NULL;
	u32 i, end;

	trace_phv_lapic_ipi(ipi->from, ipi->icr, ipi->dest);
	for (ipi_range(ipi, &i, &end); i < end; i++) {
		to = domain_vcpu(ipi->from->domain, i);
		if (!to || !ipi_matches(ipi, to))
			continue;
		if (!one)
			ipi_accept(ipi, to);
		else if (lapic_is_enabled(&to->lapic) &&
			 (!best || lapic_reg(&to->lapic, APIC_TASKPRI) <
				   lapic_reg(&best->lapic, APIC_TASKPRI)))
			best = to;
	}
	if (best)
		ipi_accept(ipi, best);
}

/**
 * lapic_send_ipi - ICR was written
 * @vcpu: the vCPU
 * @icr: its low half
 * @dest: the destination, as wide as the mode has it
 *
 * Context: the vCPU's thread; interrupts may be off.
 */
void lapic_send_ipi(struct phv_vcpu *vcpu, u32 icr, u32 dest)
{
	const struct ipi ipi = {
		.from	= vcpu,
		.icr	= icr,
		.dest	= dest,
		.x2apic	= lapic_is_x2apic(&vcpu->lapic),
	};
	u32 mode = icr & APIC_DM_FIXED_MASK;

	if ((mode == APIC_DM_FIXED || mode == APIC_DM_LOWEST) &&
	    (icr & APIC_VECTOR_MASK) < 16)
		lapic_error(vcpu, APIC_ESR_SENDILL);
	else if ((icr & ICR_SHORTHAND) == APIC_DEST_SELF)
		ipi_accept(&ipi, vcpu);
	else
		ipi_send(&ipi);
}
