// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: from the exit to the handler.
 */
#include <linux/errno.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"
#include "vmx/exit.h"

int hypercall_read(struct hypercall *call, void *buf, u64 gva, size_t size)
{
	return -EFAULT;
}

int hypercall_write(struct hypercall *call, u64 gva, const void *buf, size_t size)
{
	return -EFAULT;
}

/*
 * A hypercall of Xen's interface: number in RAX, result there. There are none yet,
 * and the guest's user space may not call any.
 */
int hypercall_exit_fast(struct phv_vcpu *vcpu)
{
	vcpu->gpr[GPR_RAX] = vmx_cpl(vcpu) ? -EPERM : -ENOSYS;
	vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}

int hypercall_exit_slow(struct phv_vcpu *vcpu)
{
	return VMX_RESUME;
}

int hypercall_page_write(struct phv_vcpu *vcpu, u64 value, bool fast)
{
	return -EINVAL;
}
