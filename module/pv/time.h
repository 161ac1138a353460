/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Xen guest's time: system time (virtual), wall clock, timers, and what its vCPUs
 * did with it (runstate).
 *
 * System time is nanoseconds since the domain was made, and follows from the TSC alone:
 * time.c computes it just as guests do from their vcpu_time_info, to the last bit. So
 * neither side is ever ahead of the other.
 */
#ifndef PHV_PV_TIME_H
#define PHV_PV_TIME_H

#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct hypercall;
struct phv_domain;
struct phv_vcpu;
struct pv_area;

/* Letters as in vcpu.h and domain.h. */
struct time_domain {
	u32 tsc_to_system_mul;		/* I: guest's TSC to ns, with @tsc_shift */
	s8 tsc_shift;			/* I */
	u8 flags;			/* I: of vcpu_time_info */
	u64 tsc_start;			/* I: guest's TSC, without offset, where system time is 0 */
	u32 wallclock_version;		/* @wallclock_lock */
	raw_spinlock_t wallclock_lock;
	unsigned long vm_assist;	/* a: VMASST_TYPE_* that are on */
};

/*
 * And
 *	T	@lock, a leaf: it is taken with a run queue's lock held
 */
struct time_vcpu {
	raw_spinlock_t lock;
	u32 version;			/* T: of vcpu_time_info, even */
	struct pv_area *area;		/* T: a second vcpu_time_info */
	u64 singleshot;			/* m: raises VIRQ_TIMER then; ns, 0 for none */
	u64 poll;			/* m: the wait ends then; ns, 0 for none */
	struct hrtimer periodic;	/* raises VIRQ_TIMER */
	u64 period;			/* while @periodic is stopped, P of pv.h: ns */
};

struct runstate_vcpu {
	u32 state;			/* T: RUNSTATE_* */
	bool compat;			/* T: @area has the 32-bit layout */
	struct pv_area *area;		/* T: the guest's vcpu_runstate_info */
	u64 entered;			/* T: system time */
	u64 time[4];			/* T: in each of the states until then */
	u64 run_delay;			/* T: of the thread, when it blocked */
};

/*
 * With PHV_XEN_SETUP, when shared_info is pinned and the TSC's frequency settled; and with
 * each vCPU from then on. 0 or -ENOMEM.
 */
int time_create(struct phv_domain *domain);
int time_create_vcpu(struct phv_vcpu *vcpu);
void time_destroy_vcpu(struct phv_vcpu *vcpu);

/* System time, ns: 0 when the domain was made. Any context. */
u64 time_now(const struct phv_domain *domain);

/*
 * pv_vcpu.info is somewhere else now, or the TSC's offset has changed: write its
 * vcpu_time_info. Any context; nothing to do for domains that are not Xen's.
 */
void time_update_vcpu(struct phv_vcpu *vcpu);

/*
 * shared_info is visible, or its layout is new: the wall clock is in it from now on. Any
 * context.
 */
void time_update_wallclock(struct phv_domain *domain);

/*
 * Timers of a vCPU, for its own thread, also in the inner loop. A deadline is system
 * time; what is past fires at once. 0 for a wait that has no end.
 */
void time_set_singleshot(struct phv_vcpu *vcpu, u64 deadline);
void time_stop_singleshot(struct phv_vcpu *vcpu);
void time_set_poll(struct phv_vcpu *vcpu, u64 deadline);

/* The deadline that lapic_timer_set_xen() has been given is there. The vCPU's thread. */
void time_expire(struct phv_vcpu *vcpu);

/* VIRQ_TIMER every @period ns, at least TIME_PERIOD_MIN; 0 for never again. Process context. */
#define TIME_PERIOD_MIN	NSEC_PER_MSEC
void time_set_periodic(struct phv_vcpu *vcpu, u64 period);

/*
 * VCPUOP_register_vcpu_time_memory_area and _phys_area: @area is taken over, and may be
 * NULL. Process context.
 */
void time_set_area(struct phv_vcpu *vcpu, struct pv_area *area);

/*
 * What the vCPU does from now on: RUNSTATE_running, _runnable, _blocked, _offline. Its own
 * thread, also with preemption off (scheduler's notifier).
 */
void runstate_change(struct phv_vcpu *vcpu, u32 state);

/* The thread loses the CPU, though it wants to run, or has it back. Scheduler's notifier. */
void runstate_preempted(struct phv_vcpu *vcpu);
void runstate_scheduled(struct phv_vcpu *vcpu);

/*
 * VCPUOP_get_runstate_info: fill in a struct vcpu_runstate_info as the call's mode has it.
 * Return: its size. Any context.
 */
#define RUNSTATE_INFO_MAX	48
unsigned int runstate_get(struct phv_vcpu *vcpu, bool compat, void *info);
unsigned int runstate_size(bool compat);

/* VCPUOP_register_runstate_memory_area and _phys_area, as time_set_area(). */
void runstate_set_area(struct phv_vcpu *vcpu, struct pv_area *area, bool compat);

/* With the vCPU. */
void runstate_create(struct phv_vcpu *vcpu);
void runstate_destroy(struct phv_vcpu *vcpu);

#endif /* PHV_PV_TIME_H */
