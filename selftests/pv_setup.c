// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen domains: PHV_XEN_SETUP and the other ioctls about them, as far as no guest is needed.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/xen.h"

#define PAGE_SIZE	0x1000UL
#define FRAMES		PHV_XEN_FRAMES(XEN_GRANT_FRAMES)

static u8 *alloc_frames(void)
{
	return vm_alloc(FRAMES * PAGE_SIZE, PAGE_SIZE);
}

/* PHV_XEN_SETUP that differs from a good one in this. */
#define setup(vm, ...) ({						\
	const struct phv_xen_setup setup_ = {				\
		.frames_addr	= (u64)frames,				\
		.grant_frames	= XEN_GRANT_FRAMES,			\
		.max_pages	= XEN_MAX_PAGES,			\
		__VA_ARGS__						\
	};								\
									\
	vm_ioctl(vm, PHV_XEN_SETUP, &setup_);				\
})

#pragma GCC diagnostic ignored "-Woverride-init"

static void bad_setup(void)
{
	u8 *frames = alloc_frames();
	struct vm *vm;

	need_phv();
	vm = vm_create();
	check_eq(setup(vm, .frames_addr = 0), -EINVAL);
	check_eq(setup(vm, .frames_addr = (u64)frames + 8), -EINVAL);
	check_eq(setup(vm, .frames_addr = -PAGE_SIZE), -EINVAL);
	check_eq(setup(vm, .frames_addr = BIT(47) - PAGE_SIZE), -EINVAL);
	check_eq(setup(vm, .frames_addr = BIT(47)), -EINVAL);
	check_eq(setup(vm, .grant_frames = 0), -EINVAL);
	check_eq(setup(vm, .grant_frames = PHV_XEN_MAX_GRANT_FRAMES + 1), -EINVAL);
	check_eq(setup(vm, .grant_frames = ~0), -EINVAL);
	check_eq(setup(vm, .flags = 16), -EINVAL);
	check_eq(setup(vm, .max_pages = 0), -EINVAL);
	check_eq(setup(vm, .reserved = { 1 }), -EINVAL);
	check_eq(setup(vm, .reserved = { 0, 0, 0, 1 }), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_XEN_SETUP, 0), -EFAULT);
	/* None of these has made it a Xen domain. */
	check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, 1), -ENXIO);
	check_eq(setup(vm, .flags = 0), 0);
	check_eq(setup(vm, .flags = 0), -EBUSY);
}

/* Frames that are not there, or not to be written; all that was pinned is given back. */
static void bad_frames(void)
{
	u8 *frames = mmap(NULL, FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vm *vm;

	need_phv();
	vm = vm_create();
	check(frames != MAP_FAILED);
	check_eq(mprotect(frames + (FRAMES - 1) * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
	check_eq(setup(vm, .flags = 0), -EFAULT);
	check_eq(munmap(frames + (FRAMES - 1) * PAGE_SIZE, PAGE_SIZE), 0);
	check_eq(setup(vm, .flags = 0), -EFAULT);
	check_eq(mprotect(frames, PAGE_SIZE, PROT_NONE), 0);
	check_eq(setup(vm, .flags = 0), -EFAULT);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, 1), -ENXIO);
	check_eq(mprotect(frames, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	check_eq(setup(vm, .grant_frames = 1), 0);
}

static void order(void)
{
	u8 *frames = alloc_frames();
	struct vm *vm;

	need_phv();
	vm = vm_create();
	vcpu_create(vm, 0);
	check_eq(setup(vm, .flags = 0), -EBUSY);

	vm = xen_create();
	check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, 1000000), -EBUSY);
	vcpu_create(vm, 0);
	check_eq(setup(vm, .flags = 0), -EBUSY);
}

static const unsigned long xen_ioctls[] = {
	PHV_XEN_GET_PARAM, PHV_XEN_SET_PARAM, PHV_XEN_SET_MEMORY_MAP, PHV_EVTCHN_ALLOC,
	PHV_EVTCHN_BIND, PHV_EVTCHN_UNBIND, PHV_EVTCHN_SEND, PHV_XEN_RESUME,
};

static void not_xen(void)
{
	struct vm *vm;
	unsigned int i;

	need_phv();
	vm = vm_create();
	for (i = 0; i < ARRAY_SIZE(xen_ioctls); i++)
		check_eq(vm_ioctl(vm, xen_ioctls[i], 0), -ENXIO);
}

/* Another address space may do nothing, and is told so first. */
static void not_owner(void)
{
	struct vm *vm = xen_create();
	unsigned int i;
	int status;
	pid_t pid = fork();

	if (!pid) {
		for (i = 0; i < ARRAY_SIZE(xen_ioctls); i++)
			if (ioctl(vm->fd, xen_ioctls[i], 0) != -1 || errno != EPERM)
				_exit(1 + i);
		_exit(ioctl(vm->fd, PHV_XEN_SETUP, &xen_setup) != -1 || errno != EPERM);
	}
	check(pid > 0);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
}

static void params(void)
{
	struct vm *vm = xen_create();
	struct phv_xen_param arg = { .index = HVM_NR_PARAMS };
	u32 i;

	for (i = 0; i < 39; i++)
		check_eq(xen_get_param(vm, i), 0);
	for (i = 1; i < 39; i++)
		xen_set_param(vm, i, 0x1234567800000000 + i);
	for (i = 1; i < 39; i++)
		check_eq(xen_get_param(vm, i), 0x1234567800000000 + i);
	for (i = 0; i < 3; i++) {
		static const u32 bad[] = { 39, 64, ~0U };

		arg = (struct phv_xen_param) { .index = bad[i] };
		check_eq(vm_ioctl(vm, PHV_XEN_GET_PARAM, &arg), -EINVAL);
		check_eq(vm_ioctl(vm, PHV_XEN_SET_PARAM, &arg), -EINVAL);
	}
	arg = (struct phv_xen_param) { .index = 1, .reserved = 1 };
	check_eq(vm_ioctl(vm, PHV_XEN_GET_PARAM, &arg), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_XEN_SET_PARAM, &arg), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_XEN_GET_PARAM, 0), -EFAULT);
	check_eq(vm_ioctl(vm, PHV_XEN_SET_PARAM, 0), -EFAULT);
}

/* A CPUID table of one's own: Xen's leaves take the place of equal ones, and need room. */
static struct phv_cpuid_entry leaves[PHV_MAX_CPUID];

static long set_cpuid(struct vm *vm, u32 count)
{
	const struct phv_cpuid arg = { .count = count, .entries = (u64)leaves };

	return vm_ioctl(vm, PHV_SET_CPUID, &arg);
}

static u32 get_cpuid(struct vm *vm)
{
	struct phv_cpuid arg = { .count = PHV_MAX_CPUID, .entries = (u64)leaves };

	check_eq(vm_ioctl(vm, PHV_GET_CPUID, &arg), 0);
	return arg.count;
}

static const struct phv_cpuid_entry *find_leaf(u32 count, u32 leaf, u32 subleaf)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf)
			return &leaves[i];
	test_fail("no leaf %#x.%u", leaf, subleaf);
}

static void cpuid_table(void)
{
	u8 *frames = alloc_frames();
	struct vm *vm;
	u32 i, count;

	need_phv();
	vm = vm_create();
	for (i = 0; i < PHV_MAX_CPUID; i++)
		leaves[i] = (struct phv_cpuid_entry) { .leaf = 0x1000 + i };
	check_eq(set_cpuid(vm, PHV_MAX_CPUID), 0);
	check_eq(setup(vm, .flags = 0), -ENOSPC);
	/* It can be had another time. */
	leaves[0] = (struct phv_cpuid_entry) { .leaf = 1, .eax = 0x306f2 };
	for (i = 0; i < 6; i++)
		leaves[1 + i] = (struct phv_cpuid_entry) { .leaf = 0x40000000 + i, .eax = 1 };
	check_eq(set_cpuid(vm, 8), 0);
	check_eq(setup(vm, .flags = PHV_XEN_NO_UPCALL_VECTOR), 0);

	count = get_cpuid(vm);
	check_eq(count, 2 + 7);
	check_eq(find_leaf(count, 1, 0)->ecx, BIT(31));
	check_eq(find_leaf(count, 0x40000000, 0)->ebx, 0x566e6558);
	check_eq(find_leaf(count, 0x40000003, 1)->flags, PHV_CPUID_SUBLEAF);
	check_eq(find_leaf(count, 0x40000004, 0)->eax & BIT(6), 0);
	check_eq(find_leaf(count, 0x40000004, 0)->ecx, vm->id);
	check_eq(find_leaf(count, 0x40000003, 0)->ebx, 0);

	/* A TSC that nothing says to be invariant is not the guest's clock; one that is can be. */
	vm = vm_create();
	leaves[0] = (struct phv_cpuid_entry) { .leaf = 1, .eax = 0x306f2 };
	leaves[1] = (struct phv_cpuid_entry) { .leaf = 0x80000007 };
	check_eq(set_cpuid(vm, 2), 0);
	check_eq(setup(vm, .flags = PHV_XEN_NATIVE_TSC), 0);
	check_eq(find_leaf(get_cpuid(vm), 0x40000003, 0)->ebx, 0);
	vm = vm_create();
	leaves[0] = (struct phv_cpuid_entry) { .leaf = 1, .eax = 0x306f2 };
	leaves[1] = (struct phv_cpuid_entry) { .leaf = 0x80000007, .edx = BIT(8) };
	check_eq(set_cpuid(vm, 2), 0);
	check_eq(setup(vm, .flags = PHV_XEN_NATIVE_TSC), 0);
	check_eq(find_leaf(get_cpuid(vm), 0x40000003, 0)->ebx, 2);
}

/* What the module can write to at any time is always reported. */
static void dirty_log(void)
{
	struct vm *vm = xen_create();
	const struct phv_memory memory = {
		.guest_addr = VM_RAM, .size = VM_RAM_SIZE, .user_addr = VM_RAM,
		.flags = PHV_MEMORY_LOG_DIRTY,
	};
	u64 bitmap[VM_RAM_SIZE / PAGE_SIZE / 64];
	struct phv_dirty dirty = {
		.guest_addr = VM_RAM, .size = VM_RAM_SIZE, .bitmap = (u64)bitmap,
	};
	u64 first = (xen_setup.frames_addr - VM_RAM) / PAGE_SIZE, page;
	unsigned int i;

	check_eq(vm_ioctl(vm, PHV_CHANGE_MEMORY, &memory), 0);
	for (i = 0; i < 3; i++) {
		check_eq(vm_ioctl(vm, PHV_GET_DIRTY, &dirty), 0);
		for (page = 0; page < VM_RAM_SIZE / PAGE_SIZE; page++)
			check_eq(bitmap[page / 64] >> (page % 64) & 1,
				 page >= first && page < first + FRAMES);
	}
}

/* The owner's memory may go away: the domain keeps the pages, and nothing happens. */
static void frames_unmapped(void)
{
	u8 *frames = mmap(NULL, FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vm *vm;

	need_phv();
	vm = vm_create();
	check(frames != MAP_FAILED);
	check_eq(setup(vm, .flags = 0), 0);
	check_eq(munmap(frames, FRAMES * PAGE_SIZE), 0);
	vcpu_create(vm, 0);
	vcpu_create(vm, PHV_MAX_VCPUS - 1);
	vm_destroy(vm);
}

static void guest_nothing(void)
{
	guest_assert_eq(xen_version(XENVER_version, NULL), 4 << 16 | 17);
}

/* More vCPUs than shared_info has places for. */
static void many_vcpus(void)
{
	static const u32 ids[] = { 0, 31, 32, 33, PHV_MAX_VCPUS - 1 };
	struct vm *vm = xen_create();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		vcpu_finish(vm_add_guest(vm, ids[i], guest_nothing));
}

static void resume(void)
{
	struct vm *vm = xen_create();

	check_eq(vm_ioctl(vm, PHV_XEN_RESUME, 0), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_XEN_RESUME, 1), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_XEN_RESUME, 2), -EINVAL);
}

static const struct test tests[] = {
	{ "bad arguments are refused", .host = bad_setup },
	{ "frames have to be memory", .host = bad_frames },
	{ "a domain becomes Xen's once, before its first vCPU", .host = order },
	{ "domains that are not Xen's have none of its ioctls", .host = not_xen },
	{ "other address spaces have none of its ioctls", .host = not_owner },
	{ "HVM parameters keep their values", .host = params },
	{ "CPUID gets Xen's leaves", .host = cpuid_table },
	{ "special frames are always dirty", .host = dirty_log },
	{ "the frames' memory may be unmapped", .host = frames_unmapped },
	{ "vCPUs beyond those that shared_info knows", .host = many_vcpus },
	{ "without a suspend there is no resume", .host = resume },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
