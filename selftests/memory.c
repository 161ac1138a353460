// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of guest memory: adding, changing and removing them, what a guest
 * finds in them and where there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"

static int set(struct vm *vm, unsigned long request, u64 gpa, u64 size, const void *addr,
	       u32 flags)
{
	const struct phv_memory memory = {
		.guest_addr = gpa, .size = size, .user_addr = (u64)addr, .flags = flags,
	};

	return vm_ioctl(vm, request, &memory);
}

static int change(struct vcpu *vcpu, void *addr, u64 size, u32 flags)
{
	return set(vcpu->vm, PHV_CHANGE_MEMORY, AREA, size, addr, flags);
}

static int remove_area(struct vcpu *vcpu, void *addr, u64 size)
{
	return set(vcpu->vm, PHV_REMOVE_MEMORY, AREA, size, addr, 0);
}

/* Arguments */

/* What the guest's physical addresses can have, see SDM volume 3, 29.3.2. */
static u64 address_limit(void)
{
	unsigned int bits = cpuid(0x80000008, 0).eax & 0xff;

	return BIT(bits < 48 ? bits : 48);
}

#define APIC_PAGE	0xfee00000UL

static void bad_arguments(void)
{
	const u64 top = address_limit();
	u8 *p = small_pages(4 * PAGE);
	const struct {
		struct phv_memory arg;
		int error;
	} cases[] = {
		{ { AREA + 1, PAGE, (u64)p, 0, 0 }, -EINVAL },
		{ { AREA + 0x800, PAGE, (u64)p, 0, 0 }, -EINVAL },
		{ { AREA, PAGE + 1, (u64)p, 0, 0 }, -EINVAL },
		{ { AREA, PAGE / 2, (u64)p, 0, 0 }, -EINVAL },
		{ { AREA, 0, (u64)p, 0, 0 }, -EINVAL },
		{ { AREA, PAGE, (u64)p + 8, 0, 0 }, -EINVAL },
		{ { AREA, PAGE, (u64)p, BIT(2), 0 }, -EINVAL },
		{ { AREA, PAGE, (u64)p, BIT(31), 0 }, -EINVAL },
		{ { AREA, PAGE, (u64)p, 0, 1 }, -EINVAL },
		{ { AREA, PAGE, (u64)p, 0, BIT(31) }, -EINVAL },
		/* around the end of the guest's addresses */
		{ { top, PAGE, (u64)p, 0, 0 }, -EINVAL },
		{ { top - PAGE, 2 * PAGE, (u64)p, 0, 0 }, -EINVAL },
		{ { -PAGE, PAGE, (u64)p, 0, 0 }, -EINVAL },
		{ { -PAGE, 2 * PAGE, (u64)p, 0, 0 }, -EINVAL },
		{ { AREA, -PAGE, (u64)p, 0, 0 }, -EINVAL },
		{ { AREA, top, (u64)p, 0, 0 }, -EINVAL },
		{ { BIT(63), PAGE, (u64)p, 0, 0 }, -EINVAL },
		/* around the local APICs */
		{ { APIC_PAGE, PAGE, (u64)p, 0, 0 }, -EINVAL },
		{ { APIC_PAGE - PAGE, 2 * PAGE, (u64)p, 0, 0 }, -EINVAL },
		{ { APIC_PAGE - PAGE, 3 * PAGE, (u64)p, 0, 0 }, -EINVAL },
		/* around the end of the owner's */
		{ { AREA, PAGE, BIT(63), 0, 0 }, -EINVAL },
		{ { AREA, PAGE, -PAGE, 0, 0 }, -EINVAL },
		{ { AREA, PAGE, 0xffffffff80000000, 0, 0 }, -EINVAL },
		{ { AREA, PAGE, BIT(57) | (u64)p, 0, 0 }, -EINVAL },
		{ { AREA, PAGE, BIT(62) | (u64)p, 0, 0 }, -EINVAL },
		{ { AREA, BIT(38), BIT(47) - BIT(37), 0, 0 }, -EINVAL },
	};
	struct vm *vm = vm_create();
	unsigned int i;
	int ret;

	need_phv();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = vm_ioctl(vm, PHV_ADD_MEMORY, &cases[i].arg);
		if (ret != cases[i].error)
			test_fail("case %u: %d, not %d", i, ret, cases[i].error);
		ret = vm_ioctl(vm, PHV_CHANGE_MEMORY, &cases[i].arg);
		check_eq(ret, cases[i].error);
		ret = vm_ioctl(vm, PHV_REMOVE_MEMORY, &cases[i].arg);
		check_eq(ret, cases[i].error);
	}
	check_eq(vm_ioctl(vm, PHV_ADD_MEMORY, NULL), -EFAULT);
	check_eq(vm_ioctl(vm, PHV_ADD_MEMORY, -1L), -EFAULT);
	/* The last byte of the argument is not there. */
	check_eq(munmap(p + PAGE, PAGE), 0);
	check_eq(vm_ioctl(vm, PHV_ADD_MEMORY,
			  p + PAGE - sizeof(struct phv_memory) + 1), -EFAULT);
	/* And up to the ends all is well. */
	check_eq(set(vm, PHV_ADD_MEMORY, top - PAGE, PAGE, p, 0), 0);
	check_eq(set(vm, PHV_REMOVE_MEMORY, top - PAGE, PAGE, p, 0), 0);
}

static void overlaps(void)
{
	static const struct {
		unsigned int first, pages;
	} overlapping[] = {
		{ 4, 4 }, { 4, 1 }, { 7, 1 }, { 5, 2 }, { 3, 2 }, { 7, 2 }, { 0, 16 }, { 3, 6 },
	};
	struct vm *vm = vm_create();
	u8 *p = small_pages(16 * PAGE);
	unsigned int i;

	need_phv();
	check_eq(set(vm, PHV_ADD_MEMORY, AREA + 4 * PAGE, 4 * PAGE, p, 0), 0);
	for (i = 0; i < ARRAY_SIZE(overlapping); i++)
		check_eq(set(vm, PHV_ADD_MEMORY, AREA + overlapping[i].first * PAGE,
			     overlapping[i].pages * PAGE, p, 0), -EEXIST);
	check_eq(set(vm, PHV_ADD_MEMORY, AREA, 4 * PAGE, p, 0), 0);
	check_eq(set(vm, PHV_ADD_MEMORY, AREA + 8 * PAGE, 4 * PAGE, p, 0), 0);
}

static void not_that_region(void)
{
	static const unsigned long requests[] = { PHV_CHANGE_MEMORY, PHV_REMOVE_MEMORY };
	struct vm *vm = vm_create();
	u8 *p = small_pages(4 * PAGE);
	unsigned int i;

	need_phv();
	check_eq(set(vm, PHV_ADD_MEMORY, AREA, 2 * PAGE, p, 0), 0);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		check_eq(set(vm, requests[i], AREA, PAGE, p, 0), -ENOENT);
		check_eq(set(vm, requests[i], AREA, 3 * PAGE, p, 0), -ENOENT);
		check_eq(set(vm, requests[i], AREA + PAGE, PAGE, p + PAGE, 0), -ENOENT);
		check_eq(set(vm, requests[i], AREA - PAGE, 2 * PAGE, p, 0), -ENOENT);
		check_eq(set(vm, requests[i], AREA, 2 * PAGE, p + PAGE, 0), -ENOENT);
		check_eq(set(vm, requests[i], AREA + LARGE, 2 * PAGE, p, 0), -ENOENT);
	}
	check_eq(set(vm, PHV_REMOVE_MEMORY, AREA, 2 * PAGE, p, PHV_MEMORY_READONLY), -EINVAL);
	check_eq(set(vm, PHV_REMOVE_MEMORY, AREA, 2 * PAGE, p, 0), 0);
	check_eq(set(vm, PHV_REMOVE_MEMORY, AREA, 2 * PAGE, p, 0), -ENOENT);
}

static void no_more_regions(void)
{
	struct vm *vm = vm_create_empty();
	u8 *p = small_pages(PAGE);
	unsigned int i;

	need_phv();
	for (i = 0; i < PHV_MAX_REGIONS; i++)
		check_eq(set(vm, PHV_ADD_MEMORY, AREA + 2 * i * PAGE, PAGE, p, 0), 0);
	check_eq(set(vm, PHV_ADD_MEMORY, AREA - PAGE, PAGE, p, 0), -ENOSPC);
	check_eq(set(vm, PHV_ADD_MEMORY, AREA, PAGE, p, 0), -EEXIST);
	check_eq(set(vm, PHV_REMOVE_MEMORY, AREA + 200 * PAGE, PAGE, p, 0), 0);
	check_eq(set(vm, PHV_ADD_MEMORY, AREA - PAGE, PAGE, p, 0), 0);
}

static void others_may_not(void)
{
	struct vm *vm = vm_create();
	u8 *p = small_pages(PAGE);
	int status;
	pid_t pid;

	need_phv();
	check_eq(set(vm, PHV_ADD_MEMORY, AREA, PAGE, p, 0), 0);
	pid = fork();
	if (!pid) {
		check_eq(set(vm, PHV_ADD_MEMORY, AREA + PAGE, PAGE, p, 0), -EPERM);
		check_eq(set(vm, PHV_CHANGE_MEMORY, AREA, PAGE, p, 1), -EPERM);
		check_eq(set(vm, PHV_REMOVE_MEMORY, AREA, PAGE, p, 0), -EPERM);
		_exit(0);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
}

/* More than any machine has: no warning in the kernel log, just no. */
static void huge_log(void)
{
	struct vm *vm = vm_create();
	int ret;

	need_phv();
	ret = set(vm, PHV_ADD_MEMORY, BIT(32), BIT(46) - BIT(32), (void *)BIT(30),
		  PHV_MEMORY_LOG_DIRTY);
	if (address_limit() < BIT(46))
		check_eq(ret, -EINVAL);
	else
		check_eq(ret, -ENOMEM);
}

/* Holes */

static void hole(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(2 * PAGE);

	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, AREA + 0x18, PHV_ACCESS_READ);
	/* And again: the instruction is still to be done. */
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr, AREA + 0x18);
	*(u64 *)(p + 0x18) = 4711;
	add_area(vcpu, p, PAGE, 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(command.value, 4711);

	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_WRITE, AREA + PAGE, PHV_ACCESS_WRITE);
	check_eq(vm_add_memory(vcpu->vm, AREA + PAGE, PAGE, p + PAGE, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);

	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_EXECUTE, AREA + 2 * PAGE, PHV_ACCESS_EXECUTE);
}

/* An access across the end of the memory: the second half is at fault, nothing is written. */
static void hole_across_pages(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(2 * PAGE);

	add_area(vcpu, p, PAGE, 0);
	tell(OP_WRITE, AREA + PAGE - 4, -1, 0, 0);
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr & -PAGE, AREA + PAGE);
	check_eq(*(u32 *)(p + PAGE - 4), 0);
	check_eq(vm_add_memory(vcpu->vm, AREA + PAGE, PAGE, p + PAGE, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(*(u64 *)(p + PAGE - 4), -1UL);
}

static void execute(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(PAGE);

	p[0x10] = 0xc3;		/* ret */
	add_area(vcpu, p, PAGE, PHV_MEMORY_READONLY);
	tell(OP_EXECUTE, AREA + 0x10, 0, 0, 0);
	vcpu_expect(vcpu, VCPU_SYNC);
}

/* Every region its own page, in any order. */
static void many_regions(void)
{
	enum { COUNT = 300 };
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(COUNT * PAGE);
	unsigned int i, j;

	for (i = 0; i < COUNT; i++) {
		j = i * 7 % COUNT;
		*(u64 *)(p + j * PAGE) = j + 1;
		check_eq(vm_add_memory(vcpu->vm, AREA + j * PAGE, PAGE, p + j * PAGE, 0), 0);
	}
	check_eq(guest_sum(vcpu, AREA, COUNT), COUNT * (COUNT + 1) / 2);
	for (i = 0; i < COUNT; i += 2)
		check_eq(vm_remove_memory(vcpu->vm, AREA + i * PAGE, PAGE, p + i * PAGE), 0);
	for (i = 0; i < COUNT; i += 50) {
		expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, AREA + i * PAGE, PHV_ACCESS_READ);
		start_over(vcpu);
	}
	for (i = 1; i < COUNT; i += 50)
		check_eq(guest_read(vcpu, AREA + i * PAGE), i + 1);
}

static void alias(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = large_pages(LARGE);

	add_area(vcpu, p, LARGE, 0);
	check_eq(vm_add_memory(vcpu->vm, AREA + 2 * LARGE + PAGE, PAGE, p, 0), 0);
	guest_write(vcpu, AREA, 17);
	check_eq(guest_read(vcpu, AREA + 2 * LARGE + PAGE), 17);
	guest_write(vcpu, AREA + 2 * LARGE + PAGE, 18);
	check_eq(guest_read(vcpu, AREA), 18);
	check_eq(madvise(p, PAGE, MADV_DONTNEED), 0);
	check_eq(guest_read(vcpu, AREA), 0);
	check_eq(guest_read(vcpu, AREA + 2 * LARGE + PAGE), 0);
}

/* Read-only */

static void read_only(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(2 * PAGE);

	*(u64 *)p = 1;
	add_area(vcpu, p, 2 * PAGE, PHV_MEMORY_READONLY);
	check_eq(guest_read(vcpu, AREA), 1);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_WRITE, AREA, PHV_ACCESS_WRITE);
	check_eq(*(u64 *)p, 1);
	start_over(vcpu);
	/* A page that was not read before. */
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_WRITE, AREA + PAGE, PHV_ACCESS_WRITE);
	start_over(vcpu);
	check_eq(guest_read(vcpu, AREA), 1);
}

static void read_only_changes(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(LARGE);

	need_phv();
	add_area(vcpu, p, LARGE, 0);
	guest_write(vcpu, AREA + 8, 1);
	check_eq(change(vcpu, p, LARGE, PHV_MEMORY_READONLY), 0);
	check_eq(change(vcpu, p, LARGE, PHV_MEMORY_READONLY), 0);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_WRITE, AREA + 8, PHV_ACCESS_WRITE);
	check_eq(*(u64 *)(p + 8), 1);
	check_eq(change(vcpu, p, LARGE, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(*(u64 *)(p + 8), 0);
}

/* A 2 MiB page. */
static void read_only_large(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = large_pages(LARGE);

	need_phv();
	add_area(vcpu, p, LARGE, 0);
	guest_write(vcpu, AREA + 8, 1);
	check_eq(change(vcpu, p, LARGE, PHV_MEMORY_READONLY), 0);
	check_eq(guest_read(vcpu, AREA + 8), 1);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_WRITE, AREA + LARGE - 8, PHV_ACCESS_WRITE);
	check_eq(change(vcpu, p, LARGE, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
}

/* While the guest runs */

static u64 progress;

static void guest_writer(u64 address)
{
	u64 *word = (u64 *)address;

	for (;;) {
		WRITE_ONCE(*word, READ_ONCE(*word) + 1);
		WRITE_ONCE(progress, progress + 1);
	}
}

/* Runs the guest until it does not get on; the reason is the result. */
static void *runner(void *vcpu)
{
	return (void *)(long)vcpu_run(vcpu);
}

static void wait_for_progress(void)
{
	u64 before = READ_ONCE(progress);

	while (READ_ONCE(progress) - before < 3)
		usleep(100);
}

static struct vcpu *start_writer(u8 *p, u64 size, pthread_t *thread)
{
	struct vcpu *vcpu = vm_with_guest(guest_writer, AREA);

	add_area(vcpu, p, size, 0);
	check_eq(pthread_create(thread, NULL, runner, vcpu), 0);
	wait_for_progress();
	return vcpu;
}

/* From the ioctl on the guest has not written; and it ends where it tried to. */
static void expect_end(struct vcpu *vcpu, pthread_t thread, u8 *p)
{
	u64 value = READ_ONCE(*(u64 *)p);
	void *reason;

	check_eq(pthread_join(thread, &reason), 0);
	check_eq((long)reason, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr, AREA);
	check_eq(*(u64 *)p, value);
	check(value);
}

static void remove_under_way(void)
{
	unsigned int i;

	need_phv();
	for (i = 0; i < 10; i++) {
		u8 *p = small_pages(LARGE);
		struct vcpu *vcpu;
		pthread_t thread;

		vcpu = start_writer(p, LARGE, &thread);
		check_eq(remove_area(vcpu, p, LARGE), 0);
		expect_end(vcpu, thread, p);
		vm_destroy(vcpu->vm);
	}
}

static void read_only_under_way(void)
{
	u8 *p = large_pages(LARGE);
	struct vcpu *vcpu;
	pthread_t thread;

	need_phv();
	vcpu = start_writer(p, LARGE, &thread);
	check_eq(change(vcpu, p, LARGE, PHV_MEMORY_READONLY), 0);
	expect_end(vcpu, thread, p);
}

/* Regions come and go beside the one in use, and that one too. */
static void table_under_way(void)
{
	u8 *p = small_pages(LARGE);
	struct vcpu *vcpu;
	pthread_t thread;
	unsigned int i;

	need_phv();
	vcpu = start_writer(p, LARGE, &thread);
	for (i = 0; i < 50; i++) {
		check_eq(vm_add_memory(vcpu->vm, AREA - PAGE, PAGE, p + PAGE, 0), 0);
		check_eq(change(vcpu, p, LARGE, i & 1 ? 0 : PHV_MEMORY_LOG_DIRTY), 0);
		check_eq(vm_remove_memory(vcpu->vm, AREA - PAGE, PAGE, p + PAGE), 0);
		if (!(i % 10))
			wait_for_progress();
	}
	wait_for_progress();
	check_eq(remove_area(vcpu, p, LARGE), 0);
	expect_end(vcpu, thread, p);
}

/* Sizes of pages */

/* EPT violations for writing to each page of 2 MiB. */
static u64 faults_for(struct vcpu *vcpu, u64 gpa)
{
	u64 before = faults(vcpu);

	guest_fill(vcpu, gpa, 1, LARGE / PAGE);
	return faults(vcpu) - before;
}

static void small_page_faults(void)
{
	struct vcpu *vcpu = servant();

	need_phv();
	add_area(vcpu, small_pages(LARGE), LARGE, 0);
	check_eq(faults_for(vcpu, AREA), LARGE / PAGE);
	check_eq(faults_for(vcpu, AREA), 0);
}

static void large_page_faults(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = large_pages(2 * LARGE);

	need_phv();
	need_caps(PHV_CAP_EPT_2M);
	add_area(vcpu, p, 2 * LARGE, 0);
	check_eq(faults_for(vcpu, AREA), 1);
	check_eq(*(u64 *)(p + LARGE - PAGE), LARGE / PAGE);

	/* The host has it already. */
	memset(p + LARGE, 1, LARGE);
	check_eq(faults_for(vcpu, AREA + LARGE), 1);
	check_eq(faults_for(vcpu, AREA), 0);
}

/* Large pages do not fit where addresses do not match, or the region ends before the page. */
static void large_page_does_not_fit(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = large_pages(4 * LARGE);

	need_phv();
	memset(p, 1, 4 * LARGE);
	add_area(vcpu, p + PAGE, LARGE, 0);
	check_eq(faults_for(vcpu, AREA), LARGE / PAGE);
	check_eq(vm_add_memory(vcpu->vm, AREA + 2 * LARGE + PAGE, 2 * LARGE - PAGE,
			       p + LARGE + PAGE, 0), 0);
	check_eq(faults_for(vcpu, AREA + 2 * LARGE + PAGE), LARGE / PAGE);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, AREA + 2 * LARGE, PHV_ACCESS_READ);
}

/* An instruction fetch may split it; what it maps stays. */
static void execute_large(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = large_pages(LARGE);
	unsigned int i;

	add_area(vcpu, p, LARGE, 0);
	guest_fill(vcpu, AREA, 1, LARGE / PAGE);
	for (i = 8; i < LARGE; i += 77 * PAGE) {
		p[i] = 0xc3;		/* ret */
		tell(OP_EXECUTE, AREA + i, 0, 0, 0);
		vcpu_expect(vcpu, VCPU_SYNC);
	}
	check_eq(guest_sum(vcpu, AREA, LARGE / PAGE), LARGE / PAGE * (LARGE / PAGE + 1) / 2);
	guest_fill(vcpu, AREA, 2, LARGE / PAGE);
	check_eq(*(u64 *)(p + LARGE - PAGE), LARGE / PAGE + 1);
}

/* The highest addresses that a guest can have: all levels of the tables count. */
static void high_addresses(void)
{
	const u64 linear = BIT(40), gpa = address_limit() - 2 * LARGE;
	struct vcpu *vcpu = servant();
	u8 *p = large_pages(2 * LARGE);
	struct phv_control control;

	need_phv();
	check_eq(vm_add_memory(vcpu->vm, gpa, 2 * LARGE, p, 0), 0);
	vcpu_get_control(vcpu, &control);
	vm_map(VM_LONG, control.cr3, linear, gpa, LARGE, PTE_PRESENT | PTE_WRITE);
	vm_map(VM_LONG, control.cr3, linear + LARGE, gpa + LARGE, LARGE,
	       PTE_PRESENT | PTE_WRITE);
	guest_fill(vcpu, linear, 1, 2 * LARGE / PAGE);
	check_eq(*(u64 *)(p + 2 * LARGE - PAGE), 2 * LARGE / PAGE);
	check_eq(*(u64 *)p, 1);
}

/* What the owner has not */

static void unmapped(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(4 * PAGE);

	add_area(vcpu, p, 4 * PAGE, 0);
	guest_write(vcpu, AREA + PAGE, 1);
	check_eq(munmap(p + PAGE, PAGE), 0);
	expect_refusal(vcpu, -EFAULT, OP_READ, AREA + PAGE, PHV_ACCESS_READ);
	start_over(vcpu);
	check_eq(guest_read(vcpu, AREA), 0);
	expect_refusal(vcpu, -EFAULT, OP_WRITE, AREA + PAGE, PHV_ACCESS_WRITE);
	check(mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + PAGE);
	vcpu_expect(vcpu, VCPU_SYNC);
}

static void protection(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(LARGE);

	add_area(vcpu, p, LARGE, 0);
	guest_write(vcpu, AREA, 1);
	check_eq(mprotect(p, LARGE, PROT_READ), 0);
	expect_refusal(vcpu, -EFAULT, OP_WRITE, AREA, PHV_ACCESS_WRITE);
	start_over(vcpu);
	check_eq(guest_read(vcpu, AREA), 1);
	check_eq(mprotect(p, LARGE, PROT_NONE), 0);
	expect_refusal(vcpu, -EFAULT, OP_READ, AREA, PHV_ACCESS_READ);
	start_over(vcpu);
	check_eq(mprotect(p, LARGE, PROT_READ | PROT_WRITE), 0);
	check_eq(guest_read(vcpu, AREA), 1);
	guest_write(vcpu, AREA, 2);
	check_eq(*(u64 *)p, 2);
}

/* Device memory has no pages that could be followed. */
static void device_memory(void)
{
	struct vcpu *vcpu = servant();
	int fd = open("/dev/mem", O_RDWR);
	void *p;

	need_phv();
	if (fd < 0)
		test_skip("/dev/mem: %m");
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0xf0000);
	if (p == MAP_FAILED)
		test_skip("/dev/mem: mmap: %m");
	add_area(vcpu, p, PAGE, 0);
	expect_refusal(vcpu, -EFAULT, OP_READ, AREA, PHV_ACCESS_READ);
}

static const struct test tests[] = {
	{ "bad arguments are refused", .host = bad_arguments },
	{ "regions must not overlap", .host = overlaps },
	{ "a region is changed and removed as it was added", .host = not_that_region },
	{ "there is a limit to regions", .host = no_more_regions },
	{ "another process is refused", .host = others_may_not },
	{ "a dirty log too large to have is refused", .host = huge_log },
	{ "a hole goes to user space", .host = hole },
	{ "an access to memory and a hole does nothing", .host = hole_across_pages },
	{ "memory is executable", .host = execute },
	{ "many regions are told apart", .host = many_regions },
	{ "memory may be at two addresses", .host = alias },
	{ "a write to a read-only region goes to user space", .host = read_only },
	{ "a region becomes read-only and writable again", .host = read_only_changes },
	{ "so does one of large pages", .host = read_only_large },
	{ "a region is removed from a running guest", .host = remove_under_way },
	{ "a region becomes read-only for a running guest", .host = read_only_under_way },
	{ "regions come and go under a running guest", .host = table_under_way },
	{ "small pages are mapped one by one", .host = small_page_faults },
	{ "large pages are mapped by one fault", .host = large_page_faults },
	{ "large pages are mapped only where they fit", .host = large_page_does_not_fit },
	{ "large pages are executable", .host = execute_large },
	{ "memory at the highest addresses works", .host = high_addresses },
	{ "what the owner does not map is an error", .host = unmapped },
	{ "what the owner may not access is an error", .host = protection },
	{ "device memory is an error", .host = device_memory },
};

int main(int argc, char **argv)
{
	test_keep_translations();
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
