// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_console_io.
 */
#include <linux/errno.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"

long hypercall_console_io(struct hypercall *call)
{
	return -ENOSYS;
}
