// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_xen_version: what guests are told about the hypervisor.
 *
 * The interface is that of the version told; who built what, where, is nobody's business.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <xen/interface/xen.h>
#include <xen/interface/version.h>

#include "pv/hypercall.h"
#include "pv/pv.h"

/* Guests get these with all the zeroes behind the text. */
static const struct xen_extraversion extraversion = { ".0-phv" };
static const struct xen_compile_info compile_info = {};
static const struct xen_capabilities_info capabilities = {
	"hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 "
};

static const struct xen_changeset_info changeset = { "unavailable" };
static const char denied[] = "<denied>";
static const u8 handle[16] = {};

/* Not in the kernel's header: vcpu_op can register areas by guest-physical address. */
#ifndef XENFEAT_runstate_phys_area
#define XENFEAT_runstate_phys_area	18
#define XENFEAT_vcpu_time_phys_area	19
#endif

/* Feature bits are promises: see <xen/interface/features.h>. */
static const u32 features = BIT(XENFEAT_writable_page_tables) |
			    BIT(XENFEAT_auto_translated_physmap) |
			    BIT(XENFEAT_hvm_callback_vector) |
			    BIT(XENFEAT_hvm_safe_pvclock) |
			    BIT(XENFEAT_not_direct_mapped) |
			    BIT(XENFEAT_runstate_phys_area) |
			    BIT(XENFEAT_vcpu_time_phys_area);

static long get_features(struct hypercall *call)
{
	struct xen_feature_info info;
	int ret;

	ret = hypercall_read(call, &info, call->arg[1], sizeof(info));
	if (ret)
		return ret;
	if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
		return -EINVAL;
	info.submap = features;
	return hypercall_write(call, call->arg[1], &info, sizeof(info));
}

/* Where the hypervisor is in the guest's address space, as the guest's unsigned long: nowhere. */
static long platform_parameters(struct hypercall *call)
{
	const u64 virt_start = 0;

	return hypercall_write(call, call->arg[1], &virt_start,
			       call->compat ? sizeof(u32) : sizeof(u64));
}

long hypercall_xen_version(struct hypercall *call)
{
	u64 to = call->arg[1];

	switch (lower_32_bits(call->arg[0])) {
	case XENVER_version:
		return XEN_VERSION;
	case XENVER_extraversion:
		return hypercall_write(call, to, &extraversion, sizeof(extraversion));
	case XENVER_compile_info:
		return hypercall_write(call, to, &compile_info, sizeof(compile_info));
	case XENVER_capabilities:
		return hypercall_write(call, to, &capabilities, sizeof(capabilities));
	case XENVER_changeset:
		return hypercall_write(call, to, &changeset, sizeof(changeset));
	case XENVER_platform_parameters:
		return platform_parameters(call);
	case XENVER_get_features:
		return get_features(call);
	case XENVER_pagesize:
		return to ? -EINVAL : PAGE_SIZE;
	case XENVER_guest_handle:
		return hypercall_write(call, to, handle, sizeof(handle));
	case XENVER_commandline:
		return hypercall_write(call, to, denied, sizeof(denied));
	case XENVER_build_id:
		return -EPERM;
	default:
		return -ENOSYS;
	}
}
