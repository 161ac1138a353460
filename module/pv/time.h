/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Xen guest's time: system time (virtual), wall clock, and what its vCPUs did
 * with it (runstate).
 */
#ifndef PHV_PV_TIME_H
#define PHV_PV_TIME_H

#include <linux/hrtimer.h>
#include <linux/types.h>

#include "pv/page.h"

struct phv_domain;
struct phv_vcpu;

/* Letters as in vcpu.h and domain.h. */
struct time_domain {
	u32 tsc_to_system_mul;		/* I: guest's TSC to ns, with @tsc_shift */
	s8 tsc_shift;			/* I */
};

struct time_vcpu {
	struct hrtimer singleshot;	/* raises VIRQ_TIMER */
	struct pv_page area;		/* time_memory_area */
	unsigned int area_offset;
};

struct runstate_vcpu {
	u32 state;			/* RUNSTATE_* */
};

/* With PHV_XEN_SETUP, and with each vCPU from then on. 0 or -ENOMEM. */
int time_create(struct phv_domain *domain);
int time_create_vcpu(struct phv_vcpu *vcpu);
void time_destroy_vcpu(struct phv_vcpu *vcpu);

/* System time, ns: 0 when the domain was made. Any context. */
u64 time_now(const struct phv_domain *domain);

/* pv_vcpu.info is somewhere else now, or the TSC's offset has changed: write its vcpu_time_info. */
void time_update_vcpu(struct phv_vcpu *vcpu);

/* shared_info is visible: the wall clock is in it from now on. */
void time_update_wallclock(struct phv_domain *domain);

/*
 * What the vCPU does from now on: RUNSTATE_running, _runnable, _blocked, _offline. Its own
 * thread, also with preemption off (scheduler's notifier).
 */
void runstate_change(struct phv_vcpu *vcpu, u32 state);

#endif /* PHV_PV_TIME_H */
