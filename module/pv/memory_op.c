// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_memory_op, and what a domain's reservation is.
 */
#include <linux/errno.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "pv/memory_op.h"
#include "vcpu.h"

int memory_op_create(struct phv_domain *domain, u64 max_pages)
{
	return 0;
}

void memory_op_destroy(struct phv_domain *domain)
{
}

int memory_op_map_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	return -ENXIO;
}

long hypercall_memory_op(struct hypercall *call)
{
	return -ENOSYS;
}
