// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: ports and the hypercall.
 */
#include <linux/errno.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "pv/evtchn.h"
#include "vcpu.h"

int evtchn_create(struct phv_domain *domain)
{
	return 0;
}

void evtchn_destroy(struct phv_domain *domain)
{
}

int evtchn_create_vcpu(struct phv_vcpu *vcpu)
{
	return 0;
}

void evtchn_destroy_vcpu(struct phv_vcpu *vcpu)
{
}

long evtchn_ioctl(struct phv_domain *domain, unsigned int cmd, unsigned long arg)
{
	return -ENXIO;
}

void evtchn_raise_virq(struct phv_vcpu *vcpu, u32 virq)
{
}

int evtchn_register_vcpu_info(struct phv_vcpu *vcpu, u64 gfn, u32 offset)
{
	return -EINVAL;
}

int evtchn_set_upcall_vector(struct phv_vcpu *vcpu, u8 vector)
{
	return -EINVAL;
}

int evtchn_set_callback(struct phv_domain *domain, u64 via)
{
	return -EOPNOTSUPP;
}

int evtchn_callback_vector(struct phv_vcpu *vcpu)
{
	return -1;
}

bool evtchn_upcall_pending(struct phv_vcpu *vcpu)
{
	return false;
}

int evtchn_poll_begin(struct phv_vcpu *vcpu, const u32 *ports, unsigned int count)
{
	return -EINVAL;
}

bool evtchn_poll_done(struct phv_vcpu *vcpu)
{
	return true;
}

void evtchn_poll_end(struct phv_vcpu *vcpu)
{
}

void evtchn_reset(struct phv_domain *domain)
{
}

long hypercall_event_channel_op(struct hypercall *call)
{
	return -ENOSYS;
}
