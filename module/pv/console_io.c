// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_console_io: the hypervisor's console.
 *
 * What a guest writes goes to user space, a run page's worth at a time; there is nothing to read.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <xen/interface/xen.h>

#include <phv.h>

#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"

/*
 * Arguments: command, count, buffer. The last two advance with what user space has been
 * given; when nothing is left, the call is over.
 */
static long console_write(struct hypercall *call)
{
	struct phv_run *run = call->vcpu->run;
	u32 count = call->arg[1], part = min_t(u32, count, sizeof(run->console.data));
	u8 buf[sizeof(run->console.data)];

	if (count > INT_MAX)
		return -EINVAL;
	if (!count)
		return 0;
	if (hypercall_read(call, buf, call->arg[2], part))
		return -EFAULT;
	run->exit_reason = PHV_EXIT_XEN_CONSOLE;
	run->console.length = part;
	run->console.reserved = 0;
	memcpy(run->console.data, buf, part);
	call->arg[1] = count - part;
	call->arg[2] += part;
	return HYPERCALL_TO_USER;
}

long hypercall_console_io(struct hypercall *call)
{
	switch (lower_32_bits(call->arg[0])) {
	case CONSOLEIO_write:
		return console_write(call);
	case CONSOLEIO_read:
		return 0;
	default:
		return -ENOSYS;
	}
}
