// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts that come to a vCPU from outside, and APICv: what the processor does
 * with them by itself (SDM volume 3, chapter 30).
 *
 * What lives here: posting, with and without APICv; taking in what was posted; the
 * VMCS fields of APIC-register virtualization, virtual-interrupt delivery and
 * posted interrupts. Posting is for any context, all else for the vCPU's own thread.
 *
 * A post is, in this order: a bit in PIR; ON; a look at vcpu->mode; a notification.
 * The vCPU's thread, in this order: sets vcpu->mode; looks at ON; takes PIR; enters. So one
 * of the two sees the other, and:
 *
 *  - mode was IN_GUEST: the thread may have looked at ON already. The notification
 *    vector makes the processor take PIR by itself, in the guest; if it comes
 *    between an exit and the next entry it is pending until then, for
 *    interrupts are off. If it comes when the thread has left, it does nothing, and PIR
 *    is taken before the next entry.
 *  - mode was OUTSIDE: the thread will look. If it blocks, it is woken, and looks.
 *
 * Who finds ON set already need not notify a running vCPU: whoever set it has
 * done so, or it was set before the thread looked.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/moduleparam.h>
#include <linux/rcuwait.h>
#include <linux/smp.h>

#include "compat.h"
#include "domain.h"
#include "vcpu.h"
#include "vmx/lapic_internal.h"
#include "vmx/vmx.h"

static bool apicv = true;
module_param(apicv, bool, 0444);
MODULE_PARM_DESC(apicv, "let the processor virtualise local APICs, where it can (default: Y)");

/* All of it or nothing: less is not worth another way of doing things. */
#define APICV_CAPS	(PHV_CAP_APIC_ACCESS | PHV_CAP_X2APIC | PHV_CAP_APIC_REGISTERS | \
			 PHV_CAP_VIRTUAL_INTERRUPTS | PHV_CAP_POSTED_INTERRUPTS)

bool posted_available(void)
{
	return apicv && vmx_has(APICV_CAPS) && PHV_POSTED_VECTOR;
}

/* Tell a vCPU that runs in the guest, or is about to. */
static void posted_notify(struct phv_vcpu *vcpu)
{
	int cpu = READ_ONCE(vcpu->held_cpu);

	/* It has left meanwhile, and is nowhere: it will look. */
	if (cpu < 0)
		return;
	/* This is its thread, or an interrupt on top of it: it goes on in the loop. */
	if (cpu == raw_smp_processor_id()) {
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		return;
	}
	phv_send_ipi(cpu, PHV_POSTED_VECTOR);
	/* The one counter that is not the thread's own. */
	atomic64_inc((atomic64_t *)&vcpu->counters->posted);
}

/**
 * posted_post - a fixed, edge-triggered interrupt from outside
 * @vcpu: who gets it
 * @vector: 16 to 255
 *
 * Context: any.
 */
void posted_post(struct phv_vcpu *vcpu, u8 vector)
{
	struct posted_desc *posted = vcpu->lapic.posted;
	bool was_on;

	set_bit(vector, posted->pir);
	was_on = test_and_set_bit(POSTED_ON, &posted->control);

	if (!vcpu->lapic.apicv) {
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		vcpu_kick(vcpu);
	} else if (READ_ONCE(vcpu->mode) != VCPU_IN_GUEST) {
		/* Whatever ON was: what was posted before may not have been worth waking for. */
		rcuwait_wake_up(&vcpu->wait);
	} else if (!was_on) {
		posted_notify(vcpu);
	}
}

/**
 * posted_sync - take in what was posted
 * @lapic: the local APIC
 *
 * Context: the vCPU's thread; the VMCS need not be loaded.
 */
void posted_sync(struct lapic *lapic)
{
	struct posted_desc *posted = lapic->posted;
	unsigned int i, vector;
	unsigned long bits;

	if (!test_bit(POSTED_ON, &posted->control))
		return;
	/* ON first: who posts from now on sets it again. */
	clear_bit(POSTED_ON, &posted->control);
	smp_mb__after_atomic();	/* pairs with test_and_set_bit() in posted_post() */

	for (i = 0; i < ARRAY_SIZE(posted->pir); i++) {
		if (!READ_ONCE(posted->pir[i]))
			continue;
		bits = xchg(&posted->pir[i], 0);
		for_each_set_bit(vector, &bits, BITS_PER_LONG)
			lapic_set_vector(lapic, APIC_IRR, i * BITS_PER_LONG + vector);
		lapic->irr_changed = true;
	}
}

/* The APIC is reset: what was posted before is gone with IRR. */
void posted_discard(struct lapic *lapic)
{
	u32 reg;

	posted_sync(lapic);
	for (reg = APIC_IRR; reg <= APIC_IRR + 0x70; reg += 0x10)
		lapic_set_reg(lapic, reg, 0);
}

/**
 * posted_update_status - RVI and SVI, as follow from IRR and ISR
 * @vcpu: the vCPU, VMCS current; with APICv
 *
 * The processor keeps them when it changes IRR and ISR; this is for when we do.
 */
void posted_update_status(struct phv_vcpu *vcpu)
{
	int rvi = lapic_highest(&vcpu->lapic, APIC_IRR);
	int svi = lapic_highest(&vcpu->lapic, APIC_ISR);
	u16 status = max(rvi, 0) | max(svi, 0) << 8;

	if (vmcs_read(GUEST_INTR_STATUS) != status)
		vmcs_write(GUEST_INTR_STATUS, status);
}

/**
 * posted_setup_msrs - let the guest at the x2APIC MSRs that need no exit
 * @vcpu: the vCPU, with APICv
 *
 * All registers but the current count can be read from the virtual-APIC page. The
 * processor virtualises three that are written (30.5); a self-IPI also while the
 * APIC is software-disabled, when there is none to be had.
 */
void posted_setup_msrs(struct phv_vcpu *vcpu)
{
	const struct lapic *lapic = &vcpu->lapic;
	bool x2apic = lapic_is_x2apic(lapic);
	u32 reg;

	for (reg = 0; reg <= APIC_SELF_IPI; reg += 0x10) {
		bool read = lapic_x2apic_readable(reg) && reg != APIC_TMCCT;
		bool write = reg == APIC_TASKPRI || reg == APIC_EOI ||
			     (reg == APIC_SELF_IPI && lapic_is_enabled(lapic));

		vmcs_msr_intercept(vcpu, APIC_BASE_MSR + (reg >> 4),
				   !(x2apic && read), !(x2apic && write));
	}
}

#define APICV_CONTROLS	(SECONDARY_EXEC_APIC_REGISTER_VIRT | \
			 SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)

#define APICV_MODES	(SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | \
			 SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)

/* Whether an address leads to the APIC-access page is part of translations (30.4). */
static void posted_setup_mode(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 was = vcpu->proc2_controls;
	u32 mode = 0;

	if (lapic_is_x2apic(lapic))
		mode = SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	else if (lapic_is_on(lapic))
		mode = SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
	vmcs_set_proc2(vcpu, APICV_CONTROLS | mode, APICV_MODES & ~mode);
	if ((was ^ vcpu->proc2_controls) & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)
		ept_flush_vcpu(vcpu);
}

void posted_setup_vmcs(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	vmcs_set_bits(PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_POSTED_INTR);
	vmcs_write(POSTED_INTR_NV, PHV_POSTED_VECTOR);
	vmcs_write(POSTED_INTR_DESC_ADDR, __pa(lapic->posted));
	vmcs_write(APIC_ACCESS_ADDR, __pa(vcpu->domain->ept.apic_page));
	vmcs_write(EOI_EXIT_BITMAP0, 0);
	vmcs_write(EOI_EXIT_BITMAP1, 0);
	vmcs_write(EOI_EXIT_BITMAP2, 0);
	vmcs_write(EOI_EXIT_BITMAP3, 0);
	lapic->irr_changed = true;

	posted_setup_mode(vcpu);
	posted_setup_msrs(vcpu);
}
