// SPDX-License-Identifier: GPL-2.0-only
/*
 * System time, wall clock and timers.
 */
#include <linux/errno.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"

int time_create(struct phv_domain *domain)
{
	return 0;
}

int time_create_vcpu(struct phv_vcpu *vcpu)
{
	return 0;
}

void time_destroy_vcpu(struct phv_vcpu *vcpu)
{
}

u64 time_now(const struct phv_domain *domain)
{
	return 0;
}

void time_update_vcpu(struct phv_vcpu *vcpu)
{
}

void time_update_wallclock(struct phv_domain *domain)
{
}

long hypercall_set_timer_op(struct hypercall *call)
{
	return -ENOSYS;
}
