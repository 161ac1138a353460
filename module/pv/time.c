// SPDX-License-Identifier: GPL-2.0-only
/*
 * System time, wall clock and timers.
 *
 * What lives here: system time from the TSC, vcpu_time_info and the wall clock that tell
 * the guest, and the three timers of a vCPU: singleshot, periodic, and the end of a wait.
 *
 * Singleshot timer and wait belong to the vCPU's own thread, as the local APIC's timer
 * does, and use its means to get attention (vmx/lapic_timer.c): the VMX-preemption timer
 * in the guest, an hrtimer while the vCPU blocks. Arming one in the inner loop costs no
 * more than a write to the VMCS. The periodic timer, which others may set and hardly
 * anybody uses, is an hrtimer.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <asm/cpufeature.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>
#include <xen/interface/xen.h>

#include "compat.h"
#include "domain.h"
#include "pv/area.h"
#include "pv/evtchn.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"
#include "vmx/vmx.h"

/* What is further away than this, in ns, is looked at again when that has passed. */
#define ALARM_MAX	BIT_ULL(50)

/* set_timer_op: so far in the future is not meant, see there. */
#define TIMER_OP_MAX	BIT_ULL(50)
#define TIMER_OP_WRAPPED	(100 * NSEC_PER_MSEC)

/* The wall clock in shared_info; its 64-bit layout, and that of 32-bit guests. */
#define WALLCLOCK		offsetof(struct shared_info, wc)
#define WALLCLOCK_HI		offsetof(struct shared_info, wc_sec_hi)
#define WALLCLOCK_COMPAT	0x900
#define WALLCLOCK_HI_COMPAT	0x924

/* A guest's TSC, but for its vCPU's offset. */
static u64 guest_ticks(const struct phv_domain *domain, u64 host_tsc)
{
	if (domain->tsc_multiplier)
		return mul_u64_u64_shr(host_tsc, domain->tsc_multiplier, 48);
	return host_tsc;
}

static u64 time_at(const struct phv_domain *domain, u64 host_tsc)
{
	const struct time_domain *time = &domain->pv->time;
	u64 delta = guest_ticks(domain, host_tsc) - time->tsc_start;

	if (time->tsc_shift < 0)
		delta >>= -time->tsc_shift;
	else
		delta <<= time->tsc_shift;
	return mul_u64_u32_shr(delta, time->tsc_to_system_mul, 32);
}

u64 time_now(const struct phv_domain *domain)
{
	return time_at(domain, vmx_tsc());
}

/* Ticks that are shifted left by tsc_shift and multiplied by mul / 2^32 are ns. */
static void set_scale(struct phv_domain *domain)
{
	struct time_domain *time = &domain->pv->time;
	u64 hz = domain->tsc_khz * 1000ULL;
	unsigned int up = 0, down = 0;

	while (hz >> down > 2 * NSEC_PER_SEC)
		down++;
	while (!down && hz << up <= NSEC_PER_SEC)
		up++;
	time->tsc_to_system_mul =
		mul_u64_u64_div_u64((u64)NSEC_PER_SEC << 32, BIT_ULL(down), hz << up);
	time->tsc_shift = up - down;
	time->tsc_start = guest_ticks(domain, domain->tsc_start);
	time->flags = boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && !check_tsc_unstable() ?
		      PVCLOCK_TSC_STABLE_BIT : 0;
}

/*
 * vcpu_time_info
 */

#define INFO_REST	offsetofend(struct pvclock_vcpu_time_info, version)

/* The guest writes there, too, if it likes: nothing is read back. */
static void write_info(struct pvclock_vcpu_time_info *to,
		       const struct pvclock_vcpu_time_info *from)
{
	WRITE_ONCE(to->version, from->version + 1);
	smp_wmb();		/* odd, then contents */
	memcpy((u8 *)to + INFO_REST, (const u8 *)from + INFO_REST, sizeof(*to) - INFO_REST);
	smp_wmb();		/* contents, then even */
	WRITE_ONCE(to->version, from->version + 2);
}

static void write_area(struct pv_area *area, const struct pvclock_vcpu_time_info *from)
{
	u32 version = from->version + 1;

	pv_area_write(area, 0, &version, sizeof(version));
	smp_wmb();		/* as above */
	pv_area_write(area, INFO_REST, (const u8 *)from + INFO_REST, sizeof(*from) - INFO_REST);
	smp_wmb();		/* as above */
	version++;
	pv_area_write(area, 0, &version, sizeof(version));
}

void time_update_vcpu(struct phv_vcpu *vcpu)
{
	struct time_vcpu *time = &vcpu->pv.time;
	struct pvclock_vcpu_time_info info = { 0 };
	const struct time_domain *domain;
	unsigned long flags;

	if (!vcpu->domain->pv)
		return;
	domain = &vcpu->domain->pv->time;
	info.tsc_to_system_mul = domain->tsc_to_system_mul;
	info.tsc_shift = domain->tsc_shift;
	info.flags = domain->flags;

	raw_spin_lock_irqsave(&time->lock, flags);
	info.version = time->version;
	info.tsc_timestamp = domain->tsc_start + READ_ONCE(vcpu->tsc_offset);
	write_info(&READ_ONCE(vcpu->pv.info)->time, &info);
	if (time->area)
		write_area(time->area, &info);
	time->version += 2;
	raw_spin_unlock_irqrestore(&time->lock, flags);
}

void time_set_area(struct phv_vcpu *vcpu, struct pv_area *area)
{
	struct time_vcpu *time = &vcpu->pv.time;
	unsigned long flags;

	raw_spin_lock_irqsave(&time->lock, flags);
	swap(time->area, area);
	raw_spin_unlock_irqrestore(&time->lock, flags);
	time_update_vcpu(vcpu);
	pv_area_unpin(vcpu->domain, area);
}

void time_update_wallclock(struct phv_domain *domain)
{
	struct time_domain *time = &domain->pv->time;
	void *shared = domain->pv->shared_info.addr;
	bool compat = READ_ONCE(domain->pv->compat_shared);
	struct pvclock_wall_clock *wc = shared + (compat ? WALLCLOCK_COMPAT : WALLCLOCK);
	u32 *high = shared + (compat ? WALLCLOCK_HI_COMPAT : WALLCLOCK_HI);
	unsigned long flags;
	u64 sec;
	u32 ns;

	raw_spin_lock_irqsave(&time->wallclock_lock, flags);
	sec = div_u64_rem(ktime_get_real_fast_ns() - time_now(domain), NSEC_PER_SEC, &ns);
	WRITE_ONCE(wc->version, time->wallclock_version + 1);
	smp_wmb();		/* odd, then contents */
	WRITE_ONCE(wc->sec, sec);
	WRITE_ONCE(wc->nsec, ns);
	WRITE_ONCE(*high, upper_32_bits(sec));
	smp_wmb();		/* contents, then even */
	time->wallclock_version += 2;
	WRITE_ONCE(wc->version, time->wallclock_version);
	raw_spin_unlock_irqrestore(&time->wallclock_lock, flags);
}

/*
 * Timers
 */

/* At @now, which is @tsc of the host: the first of the deadlines; rather early than late. */
static void set_alarm_at(struct phv_vcpu *vcpu, u64 tsc, u64 now)
{
	const struct time_vcpu *time = &vcpu->pv.time;
	u64 deadline = time->singleshot;
	u64 ns;

	if (!deadline || (time->poll && time->poll < deadline))
		deadline = time->poll;
	if (!deadline) {
		lapic_timer_set_xen(vcpu, 0);
		return;
	}
	ns = deadline > now ? min(deadline - now, ALARM_MAX) : 0;
	lapic_timer_set_xen(vcpu, tsc + mul_u64_u32_div(ns, tsc_khz, NSEC_PER_MSEC) + 1);
}

static void set_alarm(struct phv_vcpu *vcpu)
{
	u64 tsc = vmx_tsc();

	set_alarm_at(vcpu, tsc, time_at(vcpu->domain, tsc));
}

void time_expire(struct phv_vcpu *vcpu)
{
	struct time_vcpu *time = &vcpu->pv.time;
	u64 now = time_now(vcpu->domain);
	bool due = time->singleshot && now >= time->singleshot;

	if (due)
		time->singleshot = 0;
	if (time->poll && now >= time->poll)
		time->poll = 0;
	set_alarm(vcpu);
	if (due)
		evtchn_raise_virq(vcpu, VIRQ_TIMER);
}

/* Xen's times are signed: what has the highest bit is long past. */
void time_set_singleshot(struct phv_vcpu *vcpu, u64 deadline)
{
	u64 tsc = vmx_tsc(), now = time_at(vcpu->domain, tsc);
	bool due = (s64)deadline <= (s64)now;

	vcpu->pv.time.singleshot = due ? 0 : deadline;
	set_alarm_at(vcpu, tsc, now);
	if (due)
		evtchn_raise_virq(vcpu, VIRQ_TIMER);
}

void time_stop_singleshot(struct phv_vcpu *vcpu)
{
	vcpu->pv.time.singleshot = 0;
	set_alarm(vcpu);
}

/* A wait: what is past is not set at all, see sched_op.c. */
void time_set_poll(struct phv_vcpu *vcpu, u64 deadline)
{
	vcpu->pv.time.poll = deadline;
	set_alarm(vcpu);
}

static enum hrtimer_restart periodic_fire(struct hrtimer *timer)
{
	struct phv_vcpu *vcpu = container_of(timer, struct phv_vcpu, pv.time.periodic);

	evtchn_raise_virq(vcpu, VIRQ_TIMER);
	hrtimer_forward_now(timer, ns_to_ktime(vcpu->pv.time.period));
	return HRTIMER_RESTART;
}

void time_set_periodic(struct phv_vcpu *vcpu, u64 period)
{
	struct time_vcpu *time = &vcpu->pv.time;

	/* The handler moves the timer on: nobody may start it meanwhile. */
	mutex_lock(&vcpu->domain->pv->mutex);
	hrtimer_cancel(&time->periodic);
	time->period = period;
	if (period)
		hrtimer_start(&time->periodic, ns_to_ktime(period), HRTIMER_MODE_REL_HARD);
	mutex_unlock(&vcpu->domain->pv->mutex);
}

/**
 * hypercall_set_timer_op - HYPERVISOR_set_timer_op
 * @call: a deadline in system time; outside 64-bit mode low and high half. 0 stops the timer
 *
 * The singleshot timer of the caller. A deadline that has wrapped or is more than 13 days
 * ahead comes from old guests that have lost count, or have nothing to wait for: as in
 * Xen, it is 100 ms from now.
 *
 * Return: 0. Context: inner loop.
 */
long hypercall_set_timer_op(struct hypercall *call)
{
	struct phv_vcpu *vcpu = call->vcpu;
	u64 deadline = call->arg[0];
	u64 now = time_now(vcpu->domain);

	if (call->compat)
		deadline = (u32)deadline | call->arg[1] << 32;
	if (!deadline) {
		time_stop_singleshot(vcpu);
		return 0;
	}
	if ((s64)deadline < 0 || (deadline > now && deadline - now >= TIMER_OP_MAX))
		deadline = now + TIMER_OP_WRAPPED;
	time_set_singleshot(vcpu, deadline);
	return 0;
}

/*
 * Life
 */

int time_create(struct phv_domain *domain)
{
	raw_spin_lock_init(&domain->pv->time.wallclock_lock);
	set_scale(domain);
	time_update_wallclock(domain);
	return 0;
}

int time_create_vcpu(struct phv_vcpu *vcpu)
{
	raw_spin_lock_init(&vcpu->pv.time.lock);
	hrtimer_setup(&vcpu->pv.time.periodic, periodic_fire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	runstate_create(vcpu);
	return 0;
}

void time_destroy_vcpu(struct phv_vcpu *vcpu)
{
	time_set_periodic(vcpu, 0);
	pv_area_unpin(vcpu->domain, vcpu->pv.time.area);
	runstate_destroy(vcpu);
}
