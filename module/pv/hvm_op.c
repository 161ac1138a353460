// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_hvm_op.
 */
#include <linux/errno.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"

long hypercall_hvm_op(struct hypercall *call)
{
	return -ENOSYS;
}
