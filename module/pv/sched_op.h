/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a Xen domain's vCPUs wait, and how the domain ends.
 */
#ifndef PHV_SCHED_OP_H
#define PHV_SCHED_OP_H

#include <linux/hrtimer.h>
#include <linux/types.h>

struct phv_domain;
struct phv_vcpu;

#define SCHED_WATCHDOGS	2

struct sched_watchdog_timer {
	struct hrtimer timer;
	struct phv_domain *domain;
};

/* Letters as in domain.h; P is pv_domain.mutex. */
struct sched_op_domain {
	struct sched_watchdog_timer watchdog[SCHED_WATCHDOGS];	/* P */
	unsigned long watchdogs;	/* P: those in use */
	int code;			/* a: SCHEDOP_shutdown_code's, or -1 */
	int shutdown;			/* a: -1 while the domain runs, see sched_op.c */
};

/* With PHV_XEN_SETUP. */
void sched_create(struct phv_domain *domain);

/* The watchdogs stop, before the vCPUs go that they would tell. For all domains. */
void sched_disconnect(struct phv_domain *domain);

/*
 * The domain stops: every vCPU's PHV_RUN returns PHV_EXIT_XEN_SHUTDOWN. The first
 * reason counts. @id is the vCPU that asked for it, or PHV_MAX_VCPUS. Any context.
 */
void sched_shutdown(struct phv_domain *domain, u8 reason, u32 id);

/* Has it? Then the run page says so. The vCPU's thread. */
bool sched_is_shut_down(struct phv_vcpu *vcpu);

/**
 * sched_resume - PHV_XEN_RESUME
 * @domain: the domain
 * @result: what SCHEDOP_shutdown returns in the guest, 0 or 1
 *
 * Return: 0; -EINVAL for another result, or when the domain is not in SHUTDOWN_suspend;
 * -EINTR. Context: process, no locks held.
 */
int sched_resume(struct phv_domain *domain, unsigned long result);

#endif /* PHV_SCHED_OP_H */
