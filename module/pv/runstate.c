// SPDX-License-Identifier: GPL-2.0-only
/*
 * What vCPUs did with their time.
 */
#include <linux/errno.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"

void runstate_change(struct phv_vcpu *vcpu, u32 state)
{
	vcpu->pv.runstate.state = state;
}

long hypercall_vm_assist(struct hypercall *call)
{
	return -ENOSYS;
}
