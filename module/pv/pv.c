// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen domains: creation, destruction, and the ioctls about them.
 *
 * What lives here: PHV_XEN_SETUP, HVM parameters as user space sees them, and what vCPUs
 * of a Xen domain have more than others.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <xen/interface/xen.h>
#include <xen/interface/hvm/params.h>

#include <phv.h>

#include "domain.h"
#include "memory.h"
#include "pv/evtchn.h"
#include "pv/grant.h"
#include "pv/hvm_op.h"
#include "pv/memory_op.h"
#include "pv/pv.h"
#include "vcpu.h"
#include "vmx/cpuid.h"
#include "vmx/exit.h"

static const u32 known_flags = PHV_XEN_NO_FIFO | PHV_XEN_NO_UPCALL_VECTOR |
			       PHV_XEN_NATIVE_TSC | PHV_XEN_SCRATCH;

/* Creation */

static int check_setup(const struct phv_xen_setup *arg)
{
	u64 size;

	if (!arg->frames_addr || !PAGE_ALIGNED(arg->frames_addr) ||
	    !arg->grant_frames || arg->grant_frames > PHV_XEN_MAX_GRANT_FRAMES ||
	    arg->flags & ~known_flags || !arg->max_pages ||
	    memchr_inv(arg->reserved, 0, sizeof(arg->reserved)))
		return -EINVAL;
	size = (u64)PHV_XEN_FRAMES(arg->grant_frames) << PAGE_SHIFT;
	if (arg->frames_addr > TASK_SIZE_MAX - size)
		return -EINVAL;
	return 0;
}

/* The frames behind shared_info: of the grant table, and of its status. */
static unsigned int grant_pages(const struct pv_domain *pv)
{
	return PHV_XEN_FRAMES(pv->grant_frames) - 1;
}

static void unpin_frames(struct phv_domain *domain)
{
	struct pv_domain *pv = domain->pv;
	unsigned int i;

	for (i = 0; i < grant_pages(pv); i++)
		pv_page_unpin(domain, &pv->grant_page[i]);
	pv_page_unpin(domain, &pv->shared_info);
}

static int pin_frames(struct phv_domain *domain)
{
	struct pv_domain *pv = domain->pv;
	unsigned long hva = pv->frames_addr;
	unsigned int i;
	int ret;

	ret = pv_page_pin_user(domain, hva, &pv->shared_info);
	for (i = 0; i < grant_pages(pv) && !ret; i++)
		ret = pv_page_pin_user(domain, hva + (i + 1) * PAGE_SIZE, &pv->grant_page[i]);
	if (ret)
		unpin_frames(domain);
	return ret;
}

/* The rooms of pv/, in order; each cleans up after itself when it fails. */
static int create_rooms(struct phv_domain *domain, const struct phv_xen_setup *arg)
{
	int ret;

	ret = time_create(domain);
	if (ret)
		return ret;
	sched_create(domain);
	ret = evtchn_create(domain);
	if (ret)
		return ret;
	ret = memory_op_create(domain, arg->max_pages);
	if (ret)
		goto destroy_evtchn;
	ret = grant_create(domain);
	if (ret)
		goto destroy_memory;
	return 0;

destroy_memory:
	memory_op_destroy(domain);
destroy_evtchn:
	evtchn_destroy(domain);
	return ret;
}

static void destroy_rooms(struct phv_domain *domain)
{
	grant_destroy(domain);
	memory_op_destroy(domain);
	evtchn_destroy(domain);
}

static void free_pv(struct pv_domain *pv)
{
	free_page((unsigned long)pv->scratch);
	kvfree(pv->grant_page);
	kfree(pv);
}

static struct pv_domain *alloc_pv(const struct phv_xen_setup *arg)
{
	struct pv_domain *pv;

	pv = kzalloc(sizeof(*pv), GFP_KERNEL_ACCOUNT);
	if (!pv)
		return NULL;
	pv->grant_page = kvcalloc(PHV_XEN_FRAMES(arg->grant_frames) - 1,
				  sizeof(*pv->grant_page), GFP_KERNEL_ACCOUNT);
	if (arg->flags & PHV_XEN_SCRATCH)
		pv->scratch = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!pv->grant_page || (arg->flags & PHV_XEN_SCRATCH && !pv->scratch)) {
		free_pv(pv);
		return NULL;
	}
	if (pv->scratch)
		memset(pv->scratch, 0xff, PAGE_SIZE);
	mutex_init(&pv->mutex);
	mutex_init(&pv->pages_mutex);
	INIT_LIST_HEAD(&pv->pages);
	pv->flags = arg->flags;
	pv->frames_addr = arg->frames_addr;
	pv->grant_frames = arg->grant_frames;
	return pv;
}

static int setup(struct phv_domain *domain, const struct phv_xen_setup *arg)
{
	int ret;

	if (domain->pv || domain->vcpu_count)
		return -EBUSY;
	domain->pv = alloc_pv(arg);
	if (!domain->pv)
		return -ENOMEM;
	ret = pin_frames(domain);
	if (ret)
		goto free;
	ret = create_rooms(domain, arg);
	if (ret)
		goto unpin;
	ret = cpuid_add_xen(domain);
	if (ret)
		goto destroy_rooms;
	/* Other ioctls may use it from here on. */
	smp_store_release(&domain->pv_ready, true);
	return 0;

destroy_rooms:
	destroy_rooms(domain);
unpin:
	unpin_frames(domain);
free:
	free_pv(domain->pv);
	domain->pv = NULL;
	return ret;
}

/* PHV_XEN_SETUP */
static int setup_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	struct phv_xen_setup arg;
	int ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	ret = check_setup(&arg);
	if (ret)
		return ret;
	mutex_lock(&domain->mutex);
	ret = setup(domain, &arg);
	mutex_unlock(&domain->mutex);
	return ret;
}

void pv_destroy(struct phv_domain *domain)
{
	if (!domain->pv)
		return;
	destroy_rooms(domain);
	unpin_frames(domain);
	free_pv(domain->pv);
	domain->pv = NULL;
}

/* vCPUs */

int pv_create_vcpu(struct phv_vcpu *vcpu)
{
	struct pv_domain *pv = vcpu->domain->pv;
	struct shared_info *shared;
	int ret;

	if (!pv)
		return 0;
	shared = pv->shared_info.addr;
	if (vcpu->id < ARRAY_SIZE(shared->vcpu_info)) {
		vcpu->pv.info = &shared->vcpu_info[vcpu->id];
	} else {
		vcpu->pv.own_info = kzalloc(sizeof(*vcpu->pv.own_info), GFP_KERNEL_ACCOUNT);
		if (!vcpu->pv.own_info)
			return -ENOMEM;
		vcpu->pv.info = vcpu->pv.own_info;
	}
	ret = evtchn_create_vcpu(vcpu);
	if (ret)
		goto free;
	ret = time_create_vcpu(vcpu);
	if (ret)
		goto destroy_evtchn;
	return 0;

destroy_evtchn:
	evtchn_destroy_vcpu(vcpu);
free:
	kfree(vcpu->pv.own_info);
	return ret;
}

void pv_destroy_vcpu(struct phv_vcpu *vcpu)
{
	if (!vcpu->domain->pv)
		return;
	vcpu_op_destroy(vcpu);
	time_destroy_vcpu(vcpu);
	evtchn_destroy_vcpu(vcpu);
	pv_page_unpin(vcpu->domain, &vcpu->pv.info_page);
	kfree(vcpu->pv.own_info);
}

void pv_latch_layout(struct phv_vcpu *vcpu)
{
	struct pv_domain *pv = vcpu->domain->pv;
	bool compat = !vmx_in_64bit_mode(vcpu);

	if (READ_ONCE(pv->compat_shared) == compat)
		return;
	WRITE_ONCE(pv->compat_shared, compat);
	time_update_wallclock(vcpu->domain);
}

/* PHV_XEN_GET_PARAM, PHV_XEN_SET_PARAM */
static int param_ioctl(struct phv_domain *domain, void __user *uarg, bool set)
{
	struct phv_xen_param arg;
	int ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved)
		return -EINVAL;
	if (set)
		return hvm_set_param(domain, arg.index, arg.value);
	ret = hvm_get_param(domain, arg.index, &arg.value);
	if (!ret && copy_to_user(uarg, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static long xen_ioctl(struct phv_domain *domain, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case PHV_XEN_GET_PARAM:
		return param_ioctl(domain, uarg, false);
	case PHV_XEN_SET_PARAM:
		return param_ioctl(domain, uarg, true);
	case PHV_XEN_SET_MEMORY_MAP:
		return memory_op_map_ioctl(domain, uarg);
	case PHV_XEN_RESUME:
		return sched_resume(domain, arg);
	case PHV_XEN_GET_GRANTS:
		return grant_get_ioctl(domain, uarg);
	default:
		return evtchn_ioctl(domain, cmd, arg);
	}
}

/**
 * pv_ioctl - what is for Xen domains
 * @domain: the domain
 * @cmd: PHV_XEN_* or PHV_EVTCHN_*
 * @arg: its argument
 *
 * Return: as <phv.h> says; -ENOTTY for other numbers.
 */
long pv_ioctl(struct phv_domain *domain, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case PHV_XEN_SETUP:
	case PHV_XEN_GET_PARAM:
	case PHV_XEN_SET_PARAM:
	case PHV_XEN_SET_MEMORY_MAP:
	case PHV_XEN_RESUME:
	case PHV_XEN_GET_GRANTS:
	case PHV_EVTCHN_ALLOC:
	case PHV_EVTCHN_BIND:
	case PHV_EVTCHN_UNBIND:
	case PHV_EVTCHN_SEND:
		break;
	default:
		return -ENOTTY;
	}
	if (!memory_is_owner(domain))
		return -EPERM;
	if (cmd == PHV_XEN_SETUP)
		return setup_ioctl(domain, (const void __user *)arg);
	/* Pairs with setup(). */
	if (!smp_load_acquire(&domain->pv_ready))
		return -ENXIO;
	return xen_ioctl(domain, cmd, arg);
}
