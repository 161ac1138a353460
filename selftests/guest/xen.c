// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen domains for tests. The interface is xen.h.
 */
#include <string.h>

#include "xen.h"

#define PAGE_SIZE	0x1000UL

struct phv_xen_setup xen_setup;
struct shared_info *xen_shared;
u8 *xen_grants;

void xen_setup_vm(struct vm *vm, u32 flags)
{
	u8 *frames;

	frames = vm_alloc(PHV_XEN_FRAMES(XEN_GRANT_FRAMES) * PAGE_SIZE, PAGE_SIZE);
	xen_setup = (struct phv_xen_setup) {
		.frames_addr	= (u64)frames,
		.grant_frames	= XEN_GRANT_FRAMES,
		.flags		= flags,
		.max_pages	= XEN_MAX_PAGES,
	};
	check_eq(vm_ioctl(vm, PHV_XEN_SETUP, &xen_setup), 0);
	xen_shared = (struct shared_info *)frames;
	xen_grants = frames + PAGE_SIZE;
}

struct vm *xen_create_flags(u32 flags)
{
	struct vm *vm;

	need_phv();
	vm = vm_create();
	xen_setup_vm(vm, flags);
	return vm;
}

void xen_set_param(struct vm *vm, u32 index, u64 value)
{
	const struct phv_xen_param arg = { .index = index, .value = value };

	check_eq(vm_ioctl(vm, PHV_XEN_SET_PARAM, &arg), 0);
}

u64 xen_get_param(struct vm *vm, u32 index)
{
	struct phv_xen_param arg = { .index = index };

	check_eq(vm_ioctl(vm, PHV_XEN_GET_PARAM, &arg), 0);
	return arg.value;
}

/* Guest code */

long xen_hvm_get_param(u32 index, u64 *value)
{
	struct xen_hvm_param arg = { .domid = DOMID_SELF, .index = index };
	long ret = xen_hvm_op(HVMOP_get_param, &arg);

	*value = arg.value;
	return ret;
}

long xen_hvm_set_param(u32 index, u64 value)
{
	struct xen_hvm_param arg = {
		.domid = DOMID_SELF, .index = index, .value = value,
	};

	return xen_hvm_op(HVMOP_set_param, &arg);
}
