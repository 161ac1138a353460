// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upcalls: how a vCPU is told that an event is pending.
 *
 * A byte of its vcpu_info says so. When it becomes true the vCPU is interrupted, by one of
 *
 *  - a vector of its own: an interrupt of its local APIC, which needs no exit where
 *    interrupts can be posted. While the APIC is disabled none can be had: it is made
 *    up for when the guest enables it;
 *  - the domain's vector: injected like an interrupt of the old controllers, that is,
 *    whenever the byte is set and the vCPU would take an interrupt; without APIC;
 *  - nothing, when the guest has not said what it wants: it looks by itself.
 *
 * What else is here: where vcpu_info is, and SCHEDOP_poll.
 */
#include <linux/atomic.h>
#include <linux/rcuwait.h>
#include <linux/string.h>

#include "pv/evtchn_internal.h"

/* The vCPU's place in shared_info: the first have one. */
static struct vcpu_info *shared_vcpu_info(const struct phv_domain *domain, unsigned int vcpu)
{
	struct shared_info *shared = domain->pv->shared_info.addr;

	return &shared->vcpu_info[vcpu];
}

/**
 * upcall_info - a vCPU's vcpu_info
 * @domain: the domain
 * @vcpu: number of the vCPU; there may be no such vCPU yet, if it is number 0
 */
struct vcpu_info *upcall_info(const struct phv_domain *domain, unsigned int vcpu)
{
	struct phv_vcpu *target = domain_vcpu(domain, vcpu);

	return likely(target) ? READ_ONCE(target->pv.info) : shared_vcpu_info(domain, vcpu);
}

/* The byte is set: interrupt. */
static void upcall_interrupt(struct phv_vcpu *vcpu)
{
	u8 vector = READ_ONCE(vcpu->pv.evtchn->upcall_vector);

	if (vector) {
		lapic_deliver(vcpu, vector);
	} else if (READ_ONCE(evtchn_of(vcpu)->callback)) {
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		vcpu_kick(vcpu);
	} else {
		rcuwait_wake_up(&vcpu->wait);	/* it may be in SCHEDOP_block */
	}
}

bool evtchn_upcall_pending(const struct phv_vcpu *vcpu)
{
	return READ_ONCE(READ_ONCE(vcpu->pv.info)->evtchn_upcall_pending);
}

/**
 * upcall_raise - tell a vCPU that there are events for it
 * @domain: the domain
 * @vcpu: number of the vCPU
 *
 * Context: any; after what says which events, and that was a full barrier.
 */
void upcall_raise(const struct phv_domain *domain, unsigned int vcpu)
{
	struct phv_vcpu *target = domain_vcpu(domain, vcpu);

	if (!xchg(&upcall_info(domain, vcpu)->evtchn_upcall_pending, 1) && target)
		upcall_interrupt(target);
}

int evtchn_set_upcall_vector(struct phv_vcpu *vcpu, u8 vector)
{
	if (vcpu->domain->pv->flags & PHV_XEN_NO_UPCALL_VECTOR)
		return -ENOSYS;
	if (vector < 16)
		return -EINVAL;
	/* Who sets the byte from now on sees the vector. */
	smp_store_mb(vcpu->pv.evtchn->upcall_vector, vector);
	if (evtchn_upcall_pending(vcpu))
		upcall_interrupt(vcpu);
	return 0;
}

void evtchn_lapic_enabled(struct phv_vcpu *vcpu)
{
	if (!vcpu->domain->pv)
		return;
	smp_mb();	/* the APIC's register is written; pairs with xchg() in upcall_raise() */
	if (READ_ONCE(vcpu->pv.evtchn->upcall_vector) && evtchn_upcall_pending(vcpu))
		upcall_interrupt(vcpu);
}

/* HVM_PARAM_CALLBACK_IRQ: the type is in the highest byte. */
#define CALLBACK_TYPE(via)	((via) >> 56)
#define CALLBACK_VECTOR		2

int evtchn_set_callback(struct phv_domain *domain, u64 via)
{
	u8 vector = CALLBACK_TYPE(via) == CALLBACK_VECTOR ? via : 0;
	unsigned int i;

	if (CALLBACK_TYPE(via) > CALLBACK_VECTOR)
		return -EINVAL;
	smp_store_mb(domain->pv->evtchn->callback, vector);	/* as above */
	for (i = 0; vector && i < PHV_MAX_VCPUS; i++) {
		struct phv_vcpu *vcpu = domain_vcpu(domain, i);

		if (vcpu && evtchn_upcall_pending(vcpu))
			upcall_interrupt(vcpu);
	}
	return 0;
}

int evtchn_callback_vector(struct phv_vcpu *vcpu)
{
	u8 vector;

	if (!vcpu->domain->pv || READ_ONCE(vcpu->pv.evtchn->upcall_vector))
		return -1;
	vector = READ_ONCE(evtchn_of(vcpu)->callback);
	return vector && evtchn_upcall_pending(vcpu) ? vector : -1;
}

/*
 * vcpu_info
 */

static void mark_all(struct phv_vcpu *vcpu)
{
	struct vcpu_info *info = vcpu->pv.info;

	if (READ_ONCE(vcpu->domain->pv->compat_shared))
		WRITE_ONCE(((u32 *)info)[1], ~0U);
	else
		WRITE_ONCE(info->evtchn_pending_sel, ~0UL);
	smp_mb();	/* as upcall_raise() wants it */
	upcall_raise(vcpu->domain, vcpu->id);
}

int evtchn_register_vcpu_info(struct phv_vcpu *vcpu, u64 gfn, u32 offset)
{
	/* As a word of the guest's is. */
	unsigned int align = READ_ONCE(vcpu->domain->pv->compat_shared) ? 4 : 8;
	struct evtchn_domain *ed = evtchn_of(vcpu);
	struct vcpu_info *info;
	int ret = -EINVAL;

	if (offset > PAGE_SIZE - sizeof(*info) || offset % align)
		return -EINVAL;
	mutex_lock(&ed->mutex);
	if (vcpu->pv.info_page.addr)
		goto unlock;
	ret = pv_page_pin(vcpu->domain, gfn, &vcpu->pv.info_page);
	if (ret)
		goto unlock;
	info = vcpu->pv.info_page.addr + offset;
	memcpy(info, vcpu->pv.info, sizeof(*info));
	info->evtchn_upcall_pending = 0;
	/*
	 * Who looked for it before has said in shared_info, or in the event array, what is
	 * pending, and the guest is told now to look at all of it.
	 */
	smp_store_mb(vcpu->pv.info, info);
	time_update_vcpu(vcpu);
	mark_all(vcpu);
unlock:
	mutex_unlock(&ed->mutex);
	return ret;
}

/*
 * SCHEDOP_poll. A bit for the vCPU, a full barrier, a look at the ports; and on
 * the other side, the port, a full barrier, a look at the bits.
 */

int evtchn_poll_begin(struct phv_vcpu *vcpu, const u32 *ports, unsigned int count)
{
	struct evtchn_domain *ed = evtchn_of(vcpu);
	struct evtchn_vcpu *ev = vcpu->pv.evtchn;
	unsigned int i;
	int ret = 0;

	WRITE_ONCE(ev->poll_hit, false);
	WRITE_ONCE(ev->poll_port, count == 1 ? ports[0] : -1);
	smp_mb__before_atomic();	/* what is above is for those who find the bit */
	set_bit(vcpu->id, ed->pollers);
	smp_mb__after_atomic();		/* then look; pairs with evtchn_raise() */

	for (i = 0; i < count && !ret; i++)
		ret = evtchn_is_pending(ed, ports[i]);
	if (ret)
		evtchn_poll_end(vcpu);
	return ret;
}

bool evtchn_poll_done(struct phv_vcpu *vcpu)
{
	return vcpu->domain->pv && READ_ONCE(vcpu->pv.evtchn->poll_hit);
}

void evtchn_poll_end(struct phv_vcpu *vcpu)
{
	clear_bit(vcpu->id, evtchn_of(vcpu)->pollers);
	WRITE_ONCE(vcpu->pv.evtchn->poll_hit, false);
}

/**
 * upcall_wake_pollers - a port was raised: who polls for it?
 * @ed: event channels
 * @port: the port
 *
 * Context: any; the port is pending, and that was a full barrier.
 */
void upcall_wake_pollers(struct evtchn_domain *ed, u32 port)
{
	unsigned int id;

	for_each_set_bit(id, ed->pollers, PHV_MAX_VCPUS) {
		struct phv_vcpu *vcpu = domain_vcpu(ed->domain, id);
		s32 only = READ_ONCE(vcpu->pv.evtchn->poll_port);

		if (only >= 0 && only != (s32)port)
			continue;
		WRITE_ONCE(vcpu->pv.evtchn->poll_hit, true);
		vcpu_kick(vcpu);
	}
}
