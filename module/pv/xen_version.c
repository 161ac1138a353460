// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_xen_version.
 */
#include <linux/errno.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"

long hypercall_xen_version(struct hypercall *call)
{
	return -ENOSYS;
}
