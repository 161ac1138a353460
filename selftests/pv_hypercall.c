// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen's interface: how guests find it, how they call, who may call what.
 */
#include <string.h>

#include "guest/xen.h"

/* What is 0 to 63 and has a handler; sub-operation ~0 is one that there is not. */
static bool is_implemented(u64 nr)
{
	switch (nr) {
	case __HYPERVISOR_memory_op:
	case __HYPERVISOR_multicall:
	case __HYPERVISOR_set_timer_op:
	case __HYPERVISOR_xen_version:
	case __HYPERVISOR_console_io:
	case __HYPERVISOR_grant_table_op:
	case __HYPERVISOR_vm_assist:
	case __HYPERVISOR_vcpu_op:
	case __HYPERVISOR_sched_op:
	case __HYPERVISOR_event_channel_op:
	case __HYPERVISOR_hvm_op:
		return true;
	}
	return false;
}

static bool is_privileged(u64 nr)
{
	return nr == __HYPERVISOR_platform_op || nr == __HYPERVISOR_sysctl ||
	       nr == __HYPERVISOR_domctl;
}

static void guest_cpuid(void)
{
	struct cpuid c = cpuid(0x40000000, 0);

	guest_assert(c.eax >= 0x40000004);
	guest_assert_eq(c.ebx, 0x566e6558);
	guest_assert_eq(c.ecx, 0x65584d4d);
	guest_assert_eq(c.edx, 0x4d4d566e);
	c = cpuid(0x40000001, 0);
	guest_assert_eq(c.eax, 4 << 16 | 17);
	c = cpuid(0x40000002, 0);
	guest_assert_eq(c.eax, 1);
	guest_assert_eq(c.ebx, 0x40000000);
	guest_assert_eq(c.ecx | c.edx, 0);
	c = cpuid(0x40000003, 0);
	guest_assert_eq(c.ebx, cpuid(0x80000007, 0).edx & BIT(8) ? 2 : 0);
	guest_assert(c.ecx);
	c = cpuid(0x40000004, 0);
	guest_assert_eq(c.eax & 0x58, 0x58);
	guest_assert_eq(c.ebx, this_cpu()->id);
	guest_assert(c.ecx > 0 && c.ecx < DOMID_FIRST_RESERVED);
	guest_assert(cpuid(1, 0).ecx & BIT(31));
}

static void cpuid_leaves(void)
{
	struct vm *vm = xen_create();

	vcpu_finish(vm_add_guest(vm, 0, guest_cpuid));
	vcpu_finish(vm_add_guest(vm, 77, guest_cpuid));
}

static void guest_version(void)
{
	struct xen_feature_info info = { .submap_idx = 0 };
	xen_extraversion_t extra;

	guest_assert_eq(xen_version(XENVER_version, NULL), 4 << 16 | 17);
	memset(extra, 0xff, sizeof(extra));
	guest_assert_eq(xen_version(XENVER_extraversion, extra), 0);
	guest_assert_eq(extra[0], '.');
	guest_assert_eq(extra[15], 0);
	guest_assert_eq(xen_version(XENVER_get_features, &info), 0);
	guest_assert_eq(info.submap & 0x705, 0x305);
	info.submap_idx = 1;
	guest_assert_eq(xen_version(XENVER_get_features, &info), -EINVAL);
	guest_assert_eq(xen_version(XENVER_pagesize, NULL), 4096);
	guest_assert_eq(xen_version(~0u, NULL), -ENOSYS);
}

static void version(void)
{
	vcpu_finish(xen_with_guest(guest_version));
}

static void guest_numbers(void)
{
	u64 nr;

	for (nr = 0; nr < 64; nr++) {
		long expected = is_privileged(nr) ? -EPERM : -ENOSYS;

		if (is_implemented(nr))
			continue;
		guest_assert_eq(nr << 32 | (u32)xen_call(nr, ~0, ~0, ~0, ~0, ~0, ~0),
				nr << 32 | (u32)expected);
	}
	guest_assert_eq(xen_call(64, 0, 0, 0, 0, 0, 0), -ENOSYS);
	guest_assert_eq(xen_call(BIT(32) | __HYPERVISOR_xen_version, 0, 0, 0, 0, 0, 0), -ENOSYS);
	guest_assert_eq(xen_call(~0UL, 0, 0, 0, 0, 0, 0), -ENOSYS);
}

static void numbers(void)
{
	vcpu_finish(xen_with_guest(guest_numbers));
}

static const struct test tests[] = {
	{ "CPUID tells guests of Xen", .host = cpuid_leaves },
	{ "xen_version tells the same", .host = version },
	{ "numbers without a hypercall answer -ENOSYS, privileged ones -EPERM", .host = numbers },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
