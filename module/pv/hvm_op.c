// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_hvm_op: HVM parameters, upcall vectors, and small things.
 *
 * What lives here: the parameters of a domain, which guest and user space talk to each other
 * by, with Xen's rules of what a guest may get and set; and the other operations that
 * Xen has for guests themselves. Those for device models are -ENOSYS.
 */
#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <xen/interface/xen.h>
#include <xen/interface/hvm/hvm_op.h>
#include <xen/interface/hvm/params.h>

#include <phv.h>

#include "domain.h"
#include "ept/ept.h"
#include "memory.h"
#include "pv/evtchn.h"
#include "pv/hvm_op.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"

/* Xen's numbers that are not in the kernel's headers. */
#define HVMOP_flush_tlbs	5
#define HVMOP_get_time		10

#define HVM_PARAM_DM_DOMAIN_OLD			13
#define HVM_PARAM_ACPI_IOPORTS_LOCATION		19
#define HVM_PARAM_BUFIOREQ_EVTCHN		26
#define HVM_PARAM_VM_GENERATION_ID_ADDR		34
#define HVM_PARAM_ALTP2M			35
#define HVM_PARAM_X87_FIP_WIDTH			36
#define HVM_PARAM_VM86_TSS_SIZED		37

/* Parameters */

int hvm_get_param(struct phv_domain *domain, u32 index, u64 *value)
{
	struct pv_domain *pv = domain->pv;

	if (index >= PV_PARAMS)
		return -EINVAL;
	index = array_index_nospec(index, PV_PARAMS);
	mutex_lock(&pv->mutex);
	*value = pv->param[index];
	mutex_unlock(&pv->mutex);
	return 0;
}

int hvm_set_param(struct phv_domain *domain, u32 index, u64 value)
{
	struct pv_domain *pv = domain->pv;
	int ret = 0;

	if (index >= PV_PARAMS)
		return -EINVAL;
	index = array_index_nospec(index, PV_PARAMS);
	mutex_lock(&pv->mutex);
	if (index == HVM_PARAM_CALLBACK_IRQ)
		ret = evtchn_set_callback(domain, value);
	if (!ret)
		pv->param[index] = value;
	mutex_unlock(&pv->mutex);
	return ret;
}

/* Xen's hvm_allow_set_param(), for a guest on itself. */
static int may_set(u32 index)
{
	switch (index) {
	case HVM_PARAM_CALLBACK_IRQ:
	case HVM_PARAM_VM86_TSS:
	case HVM_PARAM_VM86_TSS_SIZED:
	case HVM_PARAM_VM_GENERATION_ID_ADDR:
	case HVM_PARAM_STORE_EVTCHN:
	case HVM_PARAM_CONSOLE_EVTCHN:
	case HVM_PARAM_X87_FIP_WIDTH:
		return 0;
	case HVM_PARAM_ACPI_IOPORTS_LOCATION:
		return -ENODEV;		/* there is no PM timer to be moved */
	default:
		return -EPERM;
	}
}

/* Xen's hvm_allow_get_param(), likewise. */
static int may_get(u32 index)
{
	switch (index) {
	case HVM_PARAM_CALLBACK_IRQ:
	case HVM_PARAM_VM86_TSS:
	case HVM_PARAM_VM86_TSS_SIZED:
	case HVM_PARAM_ACPI_IOPORTS_LOCATION:
	case HVM_PARAM_VM_GENERATION_ID_ADDR:
	case HVM_PARAM_STORE_PFN:
	case HVM_PARAM_STORE_EVTCHN:
	case HVM_PARAM_CONSOLE_PFN:
	case HVM_PARAM_CONSOLE_EVTCHN:
	case HVM_PARAM_ALTP2M:
	case HVM_PARAM_X87_FIP_WIDTH:
		return 0;
	case HVM_PARAM_DM_DOMAIN_OLD:
	case HVM_PARAM_BUFIOREQ_EVTCHN:
		return -ENODATA;	/* of device models, in old times */
	default:
		return -EPERM;
	}
}

/* Whom a guest may ask about: itself. */
static int check_domid(const struct phv_domain *domain, domid_t domid)
{
	if (domid == DOMID_SELF || domid == domain->id)
		return 0;
	return domid ? -ESRCH : -EPERM;
}

static int read_param(struct hypercall *call, struct xen_hvm_param *param)
{
	if (hypercall_read(call, param, call->arg[1], sizeof(*param)))
		return -EFAULT;
	if (param->index >= PV_PARAMS)
		return -EINVAL;
	return check_domid(call->vcpu->domain, param->domid);
}

/* A sensible point to look at how wide the guest is, says Xen of the callback. */
static long set_param(struct hypercall *call)
{
	struct phv_vcpu *vcpu = call->vcpu;
	struct xen_hvm_param param;
	int ret;

	ret = read_param(call, &param);
	if (!ret)
		ret = may_set(param.index);
	if (!ret)
		ret = hvm_set_param(vcpu->domain, param.index, param.value);
	if (!ret && param.index == HVM_PARAM_CALLBACK_IRQ)
		pv_latch_layout(vcpu);
	return ret;
}

static long get_param(struct hypercall *call)
{
	struct xen_hvm_param param;
	int ret;

	ret = read_param(call, &param);
	if (!ret)
		ret = may_get(param.index);
	if (!ret)
		ret = hvm_get_param(call->vcpu->domain, param.index, &param.value);
	if (!ret)
		ret = hypercall_write(call, call->arg[1], &param, sizeof(param));
	return ret;
}

/* The rest */

static long set_upcall_vector(struct hypercall *call)
{
	struct phv_domain *domain = call->vcpu->domain;
	struct xen_hvm_evtchn_upcall_vector arg;
	struct phv_vcpu *vcpu;

	if (domain->pv->flags & PHV_XEN_NO_UPCALL_VECTOR)
		return -ENOSYS;
	if (hypercall_read(call, &arg, call->arg[1], sizeof(arg)))
		return -EFAULT;
	if (arg.vector < 16)
		return -EINVAL;
	vcpu = domain_vcpu(domain, arg.vcpu);
	return vcpu ? evtchn_set_upcall_vector(vcpu, arg.vector) : -ENOENT;
}

/* Of all vCPUs, and done when it returns. */
static long flush_tlbs(struct hypercall *call)
{
	if (call->arg[1])
		return -EINVAL;
	ept_flush_all(&call->vcpu->domain->ept);
	return 0;
}

static long get_mem_type(struct hypercall *call)
{
	struct phv_domain *domain = call->vcpu->domain;
	struct xen_hvm_get_mem_type arg;
	unsigned long hva;
	int ret;

	if (hypercall_read(call, &arg, call->arg[1], sizeof(arg)))
		return -EFAULT;
	ret = check_domid(domain, arg.domid);
	if (ret)
		return ret;
	switch (memory_hva(domain, arg.pfn, true, &hva)) {
	case 0:
		arg.mem_type = HVMMEM_ram_rw;
		break;
	case -EACCES:
		arg.mem_type = HVMMEM_ram_ro;
		break;
	default:
		arg.mem_type = HVMMEM_mmio_dm;
		break;
	}
	return hypercall_write(call, call->arg[1], &arg, sizeof(arg));
}

static long get_time(struct hypercall *call)
{
	u64 now = time_now(call->vcpu->domain);

	return hypercall_write(call, call->arg[1], &now, sizeof(now));
}

long hypercall_hvm_op(struct hypercall *call)
{
	switch (call->arg[0]) {
	case HVMOP_set_param:
		return set_param(call);
	case HVMOP_get_param:
		return get_param(call);
	case HVMOP_flush_tlbs:
		return flush_tlbs(call);
	case HVMOP_pagetable_dying:
		return -EINVAL;		/* of use with shadow page tables only */
	case HVMOP_get_time:
		return get_time(call);
	case HVMOP_get_mem_type:
		return get_mem_type(call);
	case HVMOP_set_evtchn_upcall_vector:
		return set_upcall_vector(call);
	default:
		return -ENOSYS;
	}
}
