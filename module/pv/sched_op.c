// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_sched_op: how vCPUs wait, and how the domain ends.
 *
 * What lives here: yield, block and poll; shutdown for every reason, and going on after
 * a suspend; the two watchdogs.
 *
 * A wait is a state of the thread only, nothing of it is in the vCPU: when a signal ends
 * it, the guest repeats the hypercall. All waits have conditions that stay true, and
 * deadlines that are absolute, so none is longer for that.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <xen/interface/xen.h>
#include <xen/interface/event_channel.h>
#include <xen/interface/sched.h>
#include <xen/interface/vcpu.h>

#include "compat.h"
#include "domain.h"
#include "pv/evtchn.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"
#include "vmx/run.h"

/* As in Xen. */
#define POLL_PORTS_MAX	128

/* sched_op_domain.shutdown: why, and in the upper bits the vCPU that asked for it, if one did. */
#define SHUTDOWN_BY(reason, vcpu)	((reason) | (int)(vcpu) << 8)
#define SHUTDOWN_REASON(shutdown)	((shutdown) & 0xff)
#define SHUTDOWN_VCPU(shutdown)		((shutdown) >> 8)

/* struct sched_poll of 32-bit guests. */
struct compat_sched_poll {
	u32 ports;
	u32 nr_ports;
	u64 timeout;
} __packed;

/*
 * Waiting
 */

/*
 * Wait until @done says so, or for a while: 0; or HYPERCALL_AGAIN when the outer loop has
 * something to see to first.
 */
static long wait(struct phv_vcpu *vcpu, bool (*done)(struct phv_vcpu *vcpu))
{
	for (;;) {
		clear_bit(VCPU_REQ_EVENT, &vcpu->requests);
		smp_mb__after_atomic();	/* whatever came with it is seen by @done */
		if (done(vcpu))
			return 0;
		if ((READ_ONCE(vcpu->requests) & ~BIT(VCPU_REQ_EVENT)) || vcpu_thread_has_work())
			return HYPERCALL_AGAIN;
		if (vcpu_wait(vcpu, done, RUNSTATE_blocked) < 0)
			return HYPERCALL_AGAIN;
	}
}

/* SCHEDOP_block is for an event to come, whatever the interrupt flag. */
static bool block_done(struct phv_vcpu *vcpu)
{
	return evtchn_upcall_pending(vcpu) || lapic_pending(vcpu) >= 0 ||
	       atomic_read(&vcpu->nmi_pending);
}

static long block(struct hypercall *call)
{
	/* As Xen: upcalls are enabled. HVM guests do not use the mask otherwise. */
	WRITE_ONCE(READ_ONCE(call->vcpu->pv.info)->evtchn_upcall_mask, 0);
	return wait(call->vcpu, block_done);
}

static bool poll_done(struct phv_vcpu *vcpu)
{
	return evtchn_poll_done(vcpu) || event_deliverable(vcpu);
}

static bool poll_done_or_late(struct phv_vcpu *vcpu)
{
	lapic_pending(vcpu);	/* looks at timers, also at the one that ends the wait */
	return poll_done(vcpu) || !vcpu->pv.time.poll;
}

static long poll_until(struct phv_vcpu *vcpu, u64 deadline)
{
	long ret;

	if (!deadline)
		return wait(vcpu, poll_done);
	/* Xen's times are signed: what has the highest bit is long past. */
	if ((s64)deadline <= (s64)time_now(vcpu->domain))
		return 0;
	time_set_poll(vcpu, deadline);
	ret = wait(vcpu, poll_done_or_late);
	time_set_poll(vcpu, 0);
	return ret;
}

static int read_poll(struct hypercall *call, struct sched_poll *poll, u64 *ports)
{
	struct compat_sched_poll compat;
	int ret;

	if (!call->compat) {
		ret = hypercall_read(call, poll, call->arg[1], sizeof(*poll));
		*ports = (u64)poll->ports;
		return ret;
	}
	ret = hypercall_read(call, &compat, call->arg[1], sizeof(compat));
	*ports = compat.ports;
	poll->nr_ports = compat.nr_ports;
	poll->timeout = compat.timeout;
	return ret;
}

static long poll(struct hypercall *call)
{
	struct phv_vcpu *vcpu = call->vcpu;
	u32 ports[POLL_PORTS_MAX];
	struct sched_poll poll;
	u64 gva;
	long ret;

	ret = read_poll(call, &poll, &gva);
	if (ret)
		return ret;
	if (poll.nr_ports > POLL_PORTS_MAX)
		return -EINVAL;
	ret = hypercall_read(call, ports, gva, poll.nr_ports * sizeof(ports[0]));
	if (ret)
		return ret;

	ret = evtchn_poll_begin(vcpu, ports, poll.nr_ports);
	if (ret)
		return min(ret, 0L);
	ret = poll_until(vcpu, poll.timeout);
	evtchn_poll_end(vcpu);
	return ret;
}

/*
 * The end
 */

void sched_shutdown(struct phv_domain *domain, u8 reason, u32 id)
{
	struct sched_op_domain *sched = &domain->pv->sched;
	int code = READ_ONCE(sched->code);
	unsigned int i;

	if (code < 0)
		code = reason;
	if (cmpxchg(&sched->shutdown, -1, SHUTDOWN_BY(code, id)) != -1)
		return;
	for (i = 0; i < PHV_MAX_VCPUS; i++) {
		struct phv_vcpu *vcpu = domain_vcpu(domain, i);

		if (!vcpu)
			continue;
		vcpu_request(vcpu, VCPU_REQ_STOP);
		vcpu_kick(vcpu);
	}
}

bool sched_is_shut_down(struct phv_vcpu *vcpu)
{
	int shutdown = READ_ONCE(vcpu->domain->pv->sched.shutdown);
	struct phv_run *run = vcpu->run;

	if (likely(shutdown < 0))
		return false;
	run->exit_reason = PHV_EXIT_XEN_SHUTDOWN;
	run->shutdown.reason = SHUTDOWN_REASON(shutdown);
	run->shutdown.reserved = 0;
	domain_end(vcpu->domain, SHUTDOWN_REASON(shutdown));
	return true;
}

/*
 * The hypercall is over, with 0, before user space gets to see that the domain has
 * stopped: that is the result after a restore, and a saved state has it. A watchdog
 * whose reason the guest has made SHUTDOWN_suspend was no hypercall.
 */
int sched_resume(struct phv_domain *domain, unsigned long result)
{
	struct sched_op_domain *sched = &domain->pv->sched;
	int shutdown = READ_ONCE(sched->shutdown);
	struct phv_vcpu *vcpu;
	int ret = -EINVAL;

	if (result > 1 || shutdown < 0 || SHUTDOWN_REASON(shutdown) != SHUTDOWN_suspend)
		return -EINVAL;
	vcpu = domain_vcpu(domain, SHUTDOWN_VCPU(shutdown));
	if (vcpu && mutex_lock_interruptible(&vcpu->mutex))
		return -EINTR;
	/* Another may have been quicker, and the vCPU be about something else. */
	if (READ_ONCE(sched->shutdown) == shutdown) {
		if (vcpu)
			vcpu->gpr[GPR_RAX] = result;
		time_update_wallclock(domain);
		WRITE_ONCE(sched->code, -1);
		domain_go_on(domain);
		WRITE_ONCE(sched->shutdown, -1);
		ret = 0;
	}
	if (vcpu)
		mutex_unlock(&vcpu->mutex);
	return ret;
}

static int read_reason(struct hypercall *call, u8 *reason)
{
	struct sched_shutdown arg;
	int ret = hypercall_read(call, &arg, call->arg[1], sizeof(arg));

	*reason = arg.reason;
	return ret;
}

static long shutdown(struct hypercall *call)
{
	u8 reason;
	int ret;

	ret = read_reason(call, &reason);
	if (!ret)
		sched_shutdown(call->vcpu->domain, reason, call->vcpu->id);
	return ret;
}

static long shutdown_code(struct hypercall *call)
{
	u8 reason;
	int ret;

	ret = read_reason(call, &reason);
	if (!ret)
		cmpxchg(&call->vcpu->domain->pv->sched.code, -1, reason);
	return ret;
}

/* No guest has power over another, or knows of it. */
static long remote_shutdown(struct hypercall *call)
{
	struct sched_remote_shutdown arg;
	int ret;

	ret = hypercall_read(call, &arg, call->arg[1], sizeof(arg));
	if (ret)
		return ret;
	return arg.domain_id && arg.domain_id != call->vcpu->domain->id ? -ESRCH : -EPERM;
}

/*
 * Watchdogs
 */

static enum hrtimer_restart watchdog_fire(struct hrtimer *timer)
{
	struct sched_watchdog_timer *watchdog =
		container_of(timer, struct sched_watchdog_timer, timer);

	sched_shutdown(watchdog->domain, SHUTDOWN_watchdog, PHV_MAX_VCPUS);
	return HRTIMER_NORESTART;
}

static void watchdog_start(struct sched_watchdog_timer *watchdog, u32 seconds)
{
	hrtimer_start(&watchdog->timer, ktime_set(seconds, 0), HRTIMER_MODE_REL_HARD);
}

/* A new one: its number from 1 on, or -ENOSPC. */
static long watchdog_new(struct sched_op_domain *sched, u32 seconds)
{
	unsigned int i = find_first_zero_bit(&sched->watchdogs, SCHED_WATCHDOGS);

	if (i == SCHED_WATCHDOGS)
		return -ENOSPC;
	__set_bit(i, &sched->watchdogs);
	watchdog_start(&sched->watchdog[i], seconds);
	return i + 1;
}

static long watchdog_set(struct sched_op_domain *sched, unsigned int i, u32 seconds)
{
	if (!test_bit(i, &sched->watchdogs))
		return -EINVAL;
	if (seconds) {
		watchdog_start(&sched->watchdog[i], seconds);
	} else {
		__clear_bit(i, &sched->watchdogs);
		hrtimer_cancel(&sched->watchdog[i].timer);
	}
	return 0;
}

static long watchdog(struct hypercall *call)
{
	struct pv_domain *pv = call->vcpu->domain->pv;
	struct sched_watchdog arg;
	long ret;

	ret = hypercall_read(call, &arg, call->arg[1], sizeof(arg));
	if (ret)
		return ret;
	if (arg.id > SCHED_WATCHDOGS)
		return -EINVAL;
	mutex_lock(&pv->mutex);
	if (!arg.id)
		ret = watchdog_new(&pv->sched, arg.timeout);
	else
		ret = watchdog_set(&pv->sched, arg.id - 1, arg.timeout);
	mutex_unlock(&pv->mutex);
	return ret;
}

void sched_create(struct phv_domain *domain)
{
	struct sched_op_domain *sched = &domain->pv->sched;
	unsigned int i;

	sched->code = -1;
	sched->shutdown = -1;
	for (i = 0; i < SCHED_WATCHDOGS; i++) {
		sched->watchdog[i].domain = domain;
		hrtimer_setup(&sched->watchdog[i].timer, watchdog_fire, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_HARD);
	}
}

void sched_disconnect(struct phv_domain *domain)
{
	unsigned int i;

	if (!domain->pv)
		return;
	for (i = 0; i < SCHED_WATCHDOGS; i++)
		hrtimer_cancel(&domain->pv->sched.watchdog[i].timer);
}

/**
 * hypercall_sched_op - HYPERVISOR_sched_op
 * @call: SCHEDOP_*, pointer to its structure
 *
 * Return: 0, a watchdog's number, or -EFAULT; -EINVAL for too many ports, ports that there
 * are not, a watchdog that there is not; -ENOSPC when all watchdogs are in use; -EPERM,
 * -ESRCH for what is another domain's or the host's; -ENOSYS.
 * Context: process.
 */
long hypercall_sched_op(struct hypercall *call)
{
	if (call->fast)
		return HYPERCALL_SLOW;
	switch ((u32)call->arg[0]) {
	case SCHEDOP_yield:
		vcpu_yield(call->vcpu);
		return 0;
	case SCHEDOP_block:
		return block(call);
	case SCHEDOP_shutdown:
		return shutdown(call);
	case SCHEDOP_poll:
		return poll(call);
	case SCHEDOP_remote_shutdown:
		return remote_shutdown(call);
	case SCHEDOP_shutdown_code:
		return shutdown_code(call);
	case SCHEDOP_watchdog:
		return watchdog(call);
	case SCHEDOP_pin_override:
		return -EPERM;
	default:
		return -ENOSYS;
	}
}
