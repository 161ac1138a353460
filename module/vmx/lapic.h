/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's local APIC (SDM volume 3, chapters 11 and 30).
 *
 * One guest-visible behaviour, two ways to it: with APIC-register
 * virtualization, virtual-interrupt delivery and posted interrupts the
 * processor does the frequent things without exits; without them they are
 * done here, on exits.
 */
#ifndef PHV_LAPIC_H
#define PHV_LAPIC_H

#include <linux/hrtimer.h>
#include <linux/types.h>

struct phv_domain;
struct phv_lapic;
struct phv_vcpu;

/*
 * Posted-interrupt descriptor (SDM volume 3, table 30-1). Of @control the processor uses
 * bit 0 only. The rest (SN, NV, NDST) is for devices and IPI virtualization,
 * of which there is neither here: it stays 0.
 */
struct posted_desc {
	unsigned long pir[4];
	unsigned long control;
	unsigned long reserved[3];
} __aligned(64);

#define POSTED_ON	0		/* bit of @control: outstanding notification */

/*
 * What protects a member: letters as in vcpu.h. What is m here is also read, a
 * word at a time, by vCPUs that look for the destinations of an interrupt.
 */
struct lapic {
	void *regs;			/* m: the virtual-APIC page */
	struct posted_desc *posted;	/* a: interrupts from outside, with or without APICv */
	u64 base;			/* m: IA32_APIC_BASE */
	bool apicv;			/* I: the processor virtualises this APIC */
	bool irr_changed;		/* m: by us: RVI is to be computed again */
	u8 tpr_threshold;		/* m: as in the VMCS */
	unsigned long errors;		/* a: errors since ESR was last written */

	/* The timer, see lapic_timer.c. */
	u32 lvtt;			/* m: timer LVT; in @regs the guest may have changed it */
	u32 divide;			/* m: 1 to 128, as a shift */
	u64 tsc_deadline;		/* m: guest's TSC, 0 when disarmed */
	u64 period;			/* m: ticks of the host's TSC */
	u64 deadline;			/* m: host's TSC, 0 when disarmed; in all three modes */
	u64 xen_deadline;		/* m: of pv/time.c, host's TSC, 0 for none */
	u64 alarm;			/* m: the earlier of both, 0 for none */
	struct hrtimer timer;		/* m: wakes the vCPU at @alarm where VMX does not */
};

/* Creation, destruction; the rest of the room is called for a live vCPU only. */
int lapic_create(struct phv_vcpu *vcpu);
void lapic_destroy(struct phv_vcpu *vcpu);

/* INIT or power-up (@init false): registers as SDM volume 3, 11.4.7 says. VMCS loaded. */
void lapic_reset(struct phv_vcpu *vcpu, bool init);

/*
 * The APIC's part of the VMCS: controls, addresses, MSR bitmap, for the mode that
 * lapic.base says. Called by vmcs_init() and by the room itself. VMCS loaded.
 */
void lapic_setup_vmcs(struct phv_vcpu *vcpu);

/*
 * Before an entry, interrupts off, VMCS current, vcpu->mode already VCPU_IN_GUEST: take
 * in what was posted, and tell the processor (RVI, TPR threshold, preemption
 * timer) what may be delivered and when the timer is due. On every way into the
 * inner loop, and again from it when VCPU_REQ_EVENT is set.
 */
void lapic_before_entry(struct phv_vcpu *vcpu);

/*
 * Before each entry as long as lapic.alarm is not 0: the VMX-preemption timer starts
 * anew with every entry. lapic_before_entry() includes it. Interrupts off, VMCS current.
 */
void lapic_timer_program(struct phv_vcpu *vcpu);

/*
 * Have time_expire() called when the host's TSC is @deadline; 0 for never. The vCPU's own
 * thread; the VMCS need not be loaded.
 */
void lapic_timer_set_xen(struct phv_vcpu *vcpu, u64 deadline);

/* Has something been posted that lapic_before_entry() has not seen? */
static inline bool lapic_has_posted(const struct lapic *lapic)
{
	return test_bit(POSTED_ON, &lapic->posted->control);
}

/* Highest deliverable vector (above PPR), or -1. For HLT, and for injection without APICv. */
int lapic_pending(struct phv_vcpu *vcpu);

/* Without APICv: the vector that lapic_pending() gave is injected now, and goes from IRR to ISR. */
void lapic_accept(struct phv_vcpu *vcpu, u8 vector);

/* A fixed, edge-triggered interrupt for this vCPU, from any context and CPU. */
void lapic_deliver(struct phv_vcpu *vcpu, u8 vector);

/* CR8, and where it lives: bits 7:4 of TPR. */
u8 lapic_cr8(const struct phv_vcpu *vcpu);
void lapic_set_cr8(struct phv_vcpu *vcpu, u8 cr8);

/*
 * IA32_APIC_BASE, as user space may set it: from any mode to any mode. 0, or -EINVAL
 * for a value that is never valid. VMCS loaded.
 */
int lapic_set_base(struct phv_vcpu *vcpu, u64 base);

/* The guest's TSC jumped: vcpu->tsc_offset is new. */
void lapic_tsc_changed(struct phv_vcpu *vcpu);

/*
 * RDMSR and WRMSR of 0x800-0x8ff, IA32_APIC_BASE, IA32_TSC_DEADLINE. Process context or
 * interrupts off, VMCS loaded. 0, or -EINVAL for #GP.
 */
int lapic_read_msr(struct phv_vcpu *vcpu, u32 msr, u64 *value);
int lapic_write_msr(struct phv_vcpu *vcpu, u32 msr, u64 value);

/* Exits that belong to the APIC; results as those of all handlers, see exit.c. */
int lapic_exit_apic_access(struct phv_vcpu *vcpu);
int lapic_exit_apic_write(struct phv_vcpu *vcpu);
int lapic_exit_eoi(struct phv_vcpu *vcpu);
int lapic_exit_tpr(struct phv_vcpu *vcpu);
int lapic_exit_preemption_timer(struct phv_vcpu *vcpu);

/*
 * EPT violation: 1 when it was at the APIC page of a guest in xAPIC mode and is done,
 * 0 when it was not or can't be done, -ENOMEM. Process context, preemption on.
 */
int lapic_mmio(struct phv_vcpu *vcpu, u64 gpa, bool write);

/* The vCPU blocks in HLT: the timer must wake it; and goes on. Preemption on. */
void lapic_block(struct phv_vcpu *vcpu);
void lapic_unblock(struct phv_vcpu *vcpu);

/* PHV_GET_LAPIC, PHV_SET_LAPIC; @state is in kernel memory. VMCS loaded. */
void lapic_get_state(struct phv_vcpu *vcpu, struct phv_lapic *state);
int lapic_set_state(struct phv_vcpu *vcpu, const struct phv_lapic *state);

/* Module load: 0, or -ENODEV when the host has no TSC to tell the time by. */
int lapic_module_init(void);

#endif /* PHV_LAPIC_H */
