// SPDX-License-Identifier: GPL-2.0-only
/*
 * What vCPUs did with their time.
 *
 * What lives here: the four states and the time in each, and the area by which guests
 * follow it. From that they know how much was stolen from them: runnable plus offline.
 *
 *	running		the thread has a CPU, in the guest or for it
 *	runnable	it wants one: preempted, or woken and not there yet
 *	blocked		in HLT, SCHEDOP_block, SCHEDOP_poll
 *	offline		down, halted for good, or out of PHV_RUN: user space handles an exit,
 *			or lets the vCPU pause
 *
 * States change in the vCPU's own thread. It learns only afterwards how long it has waited
 * for a CPU after a wake-up, from the scheduler's own account.
 */
#include <linux/errno.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <xen/interface/xen.h>
#include <xen/interface/vcpu.h>

#include "compat.h"
#include "domain.h"
#include "pv/area.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"

/* struct vcpu_runstate_info, but for where 32-bit guests have 64-bit members. */
struct compat_runstate_info {
	u32 state;
	u64 state_entry_time;
	u64 time[4];
} __packed;

/* The byte with XEN_RUNSTATE_UPDATE, the highest bit of state_entry_time. */
#define UPDATE_BYTE	(sizeof(u64) - 1)
#define UPDATE_FLAG	((u8)(XEN_RUNSTATE_UPDATE >> 56))

static unsigned int entry_offset(bool compat)
{
	return compat ? offsetof(struct compat_runstate_info, state_entry_time) :
			offsetof(struct vcpu_runstate_info, state_entry_time);
}

unsigned int runstate_size(bool compat)
{
	BUILD_BUG_ON(sizeof(struct vcpu_runstate_info) != RUNSTATE_INFO_MAX);
	return compat ? sizeof(struct compat_runstate_info) : sizeof(struct vcpu_runstate_info);
}

static void pack(const struct runstate_vcpu *runstate, bool compat, void *info)
{
	struct compat_runstate_info *c = info;
	struct vcpu_runstate_info *n = info;

	memset(info, 0, runstate_size(compat));
	if (compat) {
		c->state = runstate->state;
		c->state_entry_time = runstate->entered;
		memcpy(c->time, runstate->time, sizeof(c->time));
	} else {
		n->state = runstate->state;
		n->state_entry_time = runstate->entered;
		memcpy(n->time, runstate->time, sizeof(n->time));
	}
}

/* With the update flag, a reader knows when to look again. Lock held. */
static void write_area(struct phv_vcpu *vcpu)
{
	struct runstate_vcpu *runstate = &vcpu->pv.runstate;
	bool flag = test_bit(VMASST_TYPE_runstate_update_flag, &vcpu->domain->pv->time.vm_assist);
	unsigned int at = entry_offset(runstate->compat) + UPDATE_BYTE;
	u8 info[RUNSTATE_INFO_MAX];
	u8 byte = UPDATE_FLAG;

	if (!runstate->area)
		return;
	pack(runstate, runstate->compat, info);
	if (flag) {
		pv_area_write(runstate->area, at, &byte, 1);
		smp_wmb();	/* flag, then contents */
		info[at] |= UPDATE_FLAG;
	}
	pv_area_write(runstate->area, 0, info, runstate_size(runstate->compat));
	if (flag) {
		byte = info[at] & ~UPDATE_FLAG;
		smp_wmb();	/* contents, then no flag */
		pv_area_write(runstate->area, at, &byte, 1);
	}
}

/* The state has lasted until now. Lock held. */
static void account(struct runstate_vcpu *runstate, u64 now)
{
	u64 delta = now > runstate->entered ? now - runstate->entered : 0;
	u64 waited = 0;

	if (runstate->state == RUNSTATE_blocked)
		waited = min(delta, phv_run_delay() - runstate->run_delay);
	runstate->time[RUNSTATE_runnable] += waited;
	runstate->time[runstate->state] += delta - waited;
	runstate->entered += delta;
}

void runstate_change(struct phv_vcpu *vcpu, u32 state)
{
	struct runstate_vcpu *runstate = &vcpu->pv.runstate;
	unsigned long flags;

	/* Preempted here, it is runnable for a while, and what it was when it goes on. */
	if (READ_ONCE(runstate->state) == state)
		return;
	raw_spin_lock_irqsave(&vcpu->pv.time.lock, flags);
	account(runstate, time_now(vcpu->domain));
	WRITE_ONCE(runstate->state, state);
	if (state == RUNSTATE_blocked)
		runstate->run_delay = phv_run_delay();
	write_area(vcpu);
	raw_spin_unlock_irqrestore(&vcpu->pv.time.lock, flags);
}

void runstate_preempted(struct phv_vcpu *vcpu)
{
	if (vcpu->pv.runstate.state == RUNSTATE_running)
		runstate_change(vcpu, RUNSTATE_runnable);
}

void runstate_scheduled(struct phv_vcpu *vcpu)
{
	if (vcpu->pv.runstate.state == RUNSTATE_runnable)
		runstate_change(vcpu, RUNSTATE_running);
}

unsigned int runstate_get(struct phv_vcpu *vcpu, bool compat, void *info)
{
	struct runstate_vcpu copy;
	unsigned long flags;
	u64 now;

	raw_spin_lock_irqsave(&vcpu->pv.time.lock, flags);
	copy = vcpu->pv.runstate;
	now = time_now(vcpu->domain);
	raw_spin_unlock_irqrestore(&vcpu->pv.time.lock, flags);

	/* As Xen has it: times until now, but when the state was entered. */
	if (now > copy.entered)
		copy.time[copy.state] += now - copy.entered;
	pack(&copy, compat, info);
	return runstate_size(compat);
}

void runstate_set_area(struct phv_vcpu *vcpu, struct pv_area *area, bool compat)
{
	struct runstate_vcpu *runstate = &vcpu->pv.runstate;
	unsigned long flags;

	raw_spin_lock_irqsave(&vcpu->pv.time.lock, flags);
	swap(runstate->area, area);
	runstate->compat = compat;
	write_area(vcpu);
	raw_spin_unlock_irqrestore(&vcpu->pv.time.lock, flags);
	pv_area_unpin(vcpu->domain, area);
}

void runstate_create(struct phv_vcpu *vcpu)
{
	vcpu->pv.runstate.state = RUNSTATE_offline;
	vcpu->pv.runstate.entered = time_now(vcpu->domain);
}

void runstate_destroy(struct phv_vcpu *vcpu)
{
	pv_area_unpin(vcpu->domain, vcpu->pv.runstate.area);
}

/**
 * hypercall_vm_assist - HYPERVISOR_vm_assist
 * @call: VMASST_CMD_*, VMASST_TYPE_*
 *
 * HVM guests have VMASST_TYPE_runstate_update_flag only.
 *
 * Return: 0; -EINVAL for another type; -ENOSYS for another command. Context: inner loop.
 */
long hypercall_vm_assist(struct hypercall *call)
{
	unsigned long *assist = &call->vcpu->domain->pv->time.vm_assist;

	if ((u32)call->arg[1] != VMASST_TYPE_runstate_update_flag)
		return -EINVAL;
	switch ((u32)call->arg[0]) {
	case VMASST_CMD_enable:
		set_bit(VMASST_TYPE_runstate_update_flag, assist);
		return 0;
	case VMASST_CMD_disable:
		clear_bit(VMASST_TYPE_runstate_update_flag, assist);
		return 0;
	default:
		return -ENOSYS;
	}
}
