// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of a vCPU's local APIC (SDM volume 3, 11.5.4).
 *
 * What lives here: the LVT timer register's modes, counting, and getting the
 * vCPU's attention when the timer is due.
 *
 * In all three modes there is one deadline, in ticks of the host's TSC. The
 * vCPU's own thread compares it with the clock when it is about to enter the
 * guest, or to block (lapic_timer_poll()), and is the only one who changes
 * anything. What makes it look is, in the guest, the VMX-preemption timer, and
 * where the CPU has none, or while the vCPU blocks, an hrtimer that does no more
 * than kick. A vCPU that is preempted needs neither: it will look.
 *
 * The timers of Xen's interface (pv/time.c) come the same way: they have a deadline
 * here, and the earlier of both is the alarm.
 *
 * The APIC's clock is 1 GHz: a count of 1 with a divisor of 1 is a nanosecond.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/printk.h>
#include <asm/tsc.h>

#include "compat.h"
#include "domain.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/lapic_internal.h"
#include "vmx/vmx.h"

/*
 * A periodic timer does not interrupt more often than this. A guest could ask for a
 * nanosecond, and would get nothing done but exits.
 */
#define PERIOD_MIN_NS	100000

/* Longer times are cut: so many ticks times 10^6 are below 2^64. */
#define TICKS_MAX	BIT_ULL(43)

#define LVTT_MODE	(APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSCDEADLINE)

/* TSC scaling's multiplier has 48 bits after the point (SDM volume 3, 26.3). */
#define TSC_FRACTION	48

/* The preemption timer counts down by one when this bit of the TSC changes. */
static unsigned int preemption_shift __ro_after_init;
static bool has_preemption_timer __ro_after_init;

static u64 ns_to_ticks(u64 ns)
{
	return mul_u64_u32_div(ns, tsc_khz, NSEC_PER_MSEC);
}

static u64 ticks_to_ns(u64 ticks)
{
	return mul_u64_u32_div(min(ticks, TICKS_MAX), NSEC_PER_MSEC, tsc_khz);
}

static bool in_mode(const struct lapic *lapic, u32 mode)
{
	return (lapic->lvtt & LVTT_MODE) == mode;
}

/* One-shot or periodic: the modes with a count. */
static bool is_counter(const struct lapic *lapic)
{
	return !(lapic->lvtt & APIC_LVT_TIMER_TSCDEADLINE);
}

/* Guest ticks as ticks of the host, or U64_MAX for what does not fit. */
static u64 host_ticks(const struct phv_vcpu *vcpu, u64 ticks)
{
	u64 multiplier = vcpu->domain->tsc_multiplier;

	if (!multiplier)
		return ticks;
	if (ticks >> (64 - TSC_FRACTION) >= multiplier)
		return U64_MAX;
	return mul_u64_u64_div_u64(ticks, BIT_ULL(TSC_FRACTION), multiplier);
}

/*
 * Hard interrupt. It may be early, for the clocks differ a little and the time
 * may have been cut: wait for the rest.
 */
static enum hrtimer_restart lapic_timer_fire(struct hrtimer *timer)
{
	struct phv_vcpu *vcpu = container_of(timer, struct phv_vcpu, lapic.timer);
	u64 alarm = READ_ONCE(vcpu->lapic.alarm);
	u64 now = vmx_tsc();

	if (!alarm)
		return HRTIMER_NORESTART;
	if (now < alarm) {
		hrtimer_forward_now(timer, ns_to_ktime(ticks_to_ns(alarm - now)));
		return HRTIMER_RESTART;
	}
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	vcpu_kick(vcpu);
	return HRTIMER_NORESTART;
}

/*
 * The hrtimer is cancelled first: its handler may be running on another CPU. The
 * handler waits for nothing, so this is fine with interrupts off.
 */
static void hrtimer_arm(struct lapic *lapic)
{
	u64 alarm = lapic->alarm, now = vmx_tsc();
	u64 ns = alarm > now ? ticks_to_ns(alarm - now) : 0;

	hrtimer_cancel(&lapic->timer);
	if (alarm)
		hrtimer_start(&lapic->timer, ns_to_ktime(ns), HRTIMER_MODE_REL_HARD);
}

/* A deadline is new: so may be the alarm. */
static void update_alarm(struct lapic *lapic)
{
	u64 alarm = lapic->deadline;

	if (!alarm || (lapic->xen_deadline && lapic->xen_deadline < alarm))
		alarm = lapic->xen_deadline;
	if (alarm == lapic->alarm)
		return;
	WRITE_ONCE(lapic->alarm, alarm);
	if (!has_preemption_timer)
		hrtimer_arm(lapic);
}

static void set_deadline(struct lapic *lapic, u64 deadline)
{
	lapic->deadline = deadline;
	update_alarm(lapic);
}

void lapic_timer_set_xen(struct phv_vcpu *vcpu, u64 deadline)
{
	vcpu->lapic.xen_deadline = deadline;
	update_alarm(&vcpu->lapic);
}

/* The timer is due @ticks of the host from now. */
static void set_deadline_in(struct phv_vcpu *vcpu, u64 ticks)
{
	u64 now = vmx_tsc();

	set_deadline(&vcpu->lapic, ticks < U64_MAX - now ? now + ticks : U64_MAX);
	if (!ticks)
		vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/* The APIC's own timer is due since @late ticks. */
static void timer_is_due(struct phv_vcpu *vcpu, u64 now, u64 late)
{
	struct lapic *lapic = &vcpu->lapic;

	if (in_mode(lapic, APIC_LVT_TIMER_PERIODIC)) {
		/* Periods that were missed are one interrupt, as they would be in IRR. */
		set_deadline(lapic, now + lapic->period - late % lapic->period);
	} else {
		lapic->tsc_deadline = 0;
		set_deadline(lapic, 0);
	}
	if (lapic->lvtt & APIC_LVT_MASKED)
		return;
	trace_phv_lapic_timer(vcpu, lapic->lvtt & APIC_VECTOR_MASK);
	lapic_interrupt_self(vcpu, lapic->lvtt & APIC_VECTOR_MASK);
}

/**
 * lapic_timer_poll - if a timer is due, interrupt and go on to the next period
 * @vcpu: the vCPU
 *
 * Context: its thread; the VMCS need not be loaded.
 */
void lapic_timer_poll(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;
	u64 now;

	if (!lapic->alarm)
		return;
	now = vmx_tsc();
	if (now < lapic->alarm)
		return;
	if (lapic->deadline && now >= lapic->deadline)
		timer_is_due(vcpu, now, now - lapic->deadline);
	if (lapic->xen_deadline && now >= lapic->xen_deadline)
		time_expire(vcpu);
}

/**
 * lapic_timer_program - set the VMX-preemption timer for the deadline there is
 * @vcpu: the vCPU
 *
 * Each entry starts it from the value in the VMCS again, so this must be done
 * before each entry as long as lapic.alarm is not 0. A timer that is not
 * wanted runs with the largest value, for as long as a guest hardly ever stays.
 *
 * Context: interrupts off, before an entry; VMCS current.
 */
void lapic_timer_program(struct phv_vcpu *vcpu)
{
	u64 alarm = vcpu->lapic.alarm;
	u64 value = U32_MAX, now;

	if (!has_preemption_timer)
		return;
	if (alarm) {
		now = vmx_tsc();
		/* One more, for the first step may come at once. */
		value = now < alarm ? ((alarm - now) >> preemption_shift) + 1 : 0;
	}
	vmcs_write(VMX_PREEMPTION_TIMER_VALUE, min_t(u64, value, U32_MAX));
}

/* It may have been early by a step or two: then this goes round once more. */
int lapic_exit_preemption_timer(struct phv_vcpu *vcpu)
{
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 1;
}

/* With interrupts off nobody else looks, and a timer that is due would be due for ever. */
void lapic_block(struct phv_vcpu *vcpu)
{
	lapic_timer_poll(vcpu);
	if (has_preemption_timer)
		hrtimer_arm(&vcpu->lapic);
}

void lapic_unblock(struct phv_vcpu *vcpu)
{
	if (has_preemption_timer)
		hrtimer_cancel(&vcpu->lapic.timer);
}

/*
 * Registers
 */

/* A count, in the units of the divide configuration, as ticks of the host. */
static u64 count_to_ticks(const struct lapic *lapic, u32 count)
{
	return ns_to_ticks((u64)count << lapic->divide);
}

/* The counter starts from @count; the period is that of the initial count. */
static void start_counter(struct phv_vcpu *vcpu, u32 count)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 initial = lapic_reg(lapic, APIC_TMICT);

	if (!count || !initial) {
		set_deadline(lapic, 0);
		return;
	}
	lapic->period = max(count_to_ticks(lapic, initial), ns_to_ticks(PERIOD_MIN_NS));
	set_deadline_in(vcpu, count_to_ticks(lapic, count));
}

static void start_tsc_deadline(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;
	u64 now = msr_guest_tsc(vcpu, vmx_tsc());
	u64 deadline = lapic->tsc_deadline;

	if (!deadline)
		set_deadline(lapic, 0);
	else
		set_deadline_in(vcpu, deadline > now ? host_ticks(vcpu, deadline - now) : 0);
}

/* Write of the initial count: starts, restarts or stops the timer. */
void lapic_timer_start(struct phv_vcpu *vcpu, u32 count)
{
	struct lapic *lapic = &vcpu->lapic;

	if (!is_counter(lapic)) {
		lapic_set_reg(lapic, APIC_TMICT, 0);
		return;
	}
	lapic_set_reg(lapic, APIC_TMICT, count);
	start_counter(vcpu, count);
}

/* User space sets a current count; the other registers have been set. */
void lapic_timer_restore(struct phv_vcpu *vcpu, u32 count)
{
	if (is_counter(&vcpu->lapic))
		start_counter(vcpu, count);
}

/* The current count. */
u32 lapic_timer_count(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;
	u64 now, count;

	lapic_timer_poll(vcpu);
	if (!is_counter(lapic) || !lapic->deadline)
		return 0;
	now = vmx_tsc();
	if (now >= lapic->deadline)
		return 0;
	count = ticks_to_ns(lapic->deadline - now) >> lapic->divide;
	return min_t(u64, count, lapic_reg(lapic, APIC_TMICT));
}

/* The divide configuration is bits 3, 1 and 0: 2, 4, … 128, 1 (figure 11-10). */
void lapic_timer_set_divide(struct phv_vcpu *vcpu, u32 value)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 count = lapic_timer_count(vcpu);

	lapic_set_reg(lapic, APIC_TDCR, value);
	lapic->divide = (((value & 3) | (value & 8) >> 1) + 1) & 7;
	if (is_counter(lapic) && lapic->deadline)
		start_counter(vcpu, count ? count : 1);
}

/* Going into and out of TSC-deadline mode disarms the timer (11.5.4.1). */
void lapic_timer_set_lvt(struct phv_vcpu *vcpu, u32 lvtt)
{
	struct lapic *lapic = &vcpu->lapic;
	u32 changed = lapic->lvtt ^ lvtt;

	lapic_timer_poll(vcpu);
	lapic->lvtt = lvtt;
	if (changed & APIC_LVT_TIMER_TSCDEADLINE) {
		lapic_set_reg(lapic, APIC_TMICT, 0);
		lapic->tsc_deadline = 0;
		set_deadline(lapic, 0);
	}
}

u64 lapic_timer_tsc_deadline(struct phv_vcpu *vcpu)
{
	lapic_timer_poll(vcpu);
	return vcpu->lapic.tsc_deadline;
}

/* Write of IA32_TSC_DEADLINE; in the other modes it is ignored. */
void lapic_timer_set_tsc_deadline(struct phv_vcpu *vcpu, u64 deadline)
{
	struct lapic *lapic = &vcpu->lapic;

	if (!in_mode(lapic, APIC_LVT_TIMER_TSCDEADLINE))
		return;
	lapic->tsc_deadline = deadline;
	start_tsc_deadline(vcpu);
}

void lapic_tsc_changed(struct phv_vcpu *vcpu)
{
	if (vcpu->lapic.tsc_deadline)
		start_tsc_deadline(vcpu);
}

/*
 * Life
 */

void lapic_timer_reset(struct phv_vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	lapic->lvtt = APIC_LVT_MASKED;
	lapic->divide = 1;
	lapic->tsc_deadline = 0;
	set_deadline(lapic, 0);
}

void lapic_timer_setup_vmcs(struct phv_vcpu *vcpu)
{
	if (!has_preemption_timer)
		return;
	vmcs_set_bits(PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_VMX_PREEMPTION_TIMER);
	vmcs_write(VMX_PREEMPTION_TIMER_VALUE, U32_MAX);
}

void lapic_timer_create(struct phv_vcpu *vcpu)
{
	hrtimer_setup(&vcpu->lapic.timer, lapic_timer_fire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
}

void lapic_timer_destroy(struct phv_vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->lapic.timer);
}

int lapic_timer_module_init(void)
{
	if (!tsc_khz) {
		pr_err("not loaded: the kernel does not know the frequency of the CPU's TSC\n");
		return -ENODEV;
	}
	has_preemption_timer = vmx_has(PHV_CAP_PREEMPTION_TIMER);
	preemption_shift = vmx_caps.misc & VMX_MISC_PREEMPTION_TIMER_RATE_MASK;
	return 0;
}
