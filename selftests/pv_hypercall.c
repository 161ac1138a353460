// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen's interface: how guests find it, how they call, who may call what.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/xen.h"

/* pv_hypercall.S */
GUEST_LABEL(calls32);
GUEST_ASM(call16);
GUEST_LABEL(call_registers);

#define PAGE_SIZE	0x1000UL
#define LOW_CODE	0x8000
#define NUMBERS		72		/* beyond the last that Xen ever had */

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
	guest_assert_eq(c.ebx, 0);
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
	guest_assert_eq(xen_version(XENVER_pagesize, &info), -EINVAL);
	guest_assert_eq(xen_version(~0u, NULL), -ENOSYS);
}

/* All of it is written, to the last byte, and no more; the rest is zeroes. */
static void expect_text(u32 cmd, const char *text, size_t size)
{
	static u8 answer[2048];
	size_t i;

	memset(answer, 0xff, sizeof(answer));
	guest_assert_eq(xen_version(cmd, answer), 0);
	for (i = 0; *text; i++)
		guest_assert_eq(answer[i], *text++);
	for (; i < size; i++)
		guest_assert_eq(answer[i], 0);
	guest_assert_eq(answer[size], 0xff);
	guest_assert_eq(xen_version(cmd, (void *)BIT(62)), -EFAULT);
}

/* Who built what is told to nobody; where the hypervisor is, as 0. */
static void guest_secrets(void)
{
	xen_build_id_t id = { .len = 0 };

	expect_text(XENVER_extraversion, ".0-phv", sizeof(xen_extraversion_t));
	expect_text(XENVER_compile_info, "", sizeof(xen_compile_info_t));
	expect_text(XENVER_capabilities, "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ",
		    sizeof(xen_capabilities_info_t));
	expect_text(XENVER_changeset, "unavailable", sizeof(xen_changeset_info_t));
	expect_text(XENVER_platform_parameters, "", sizeof(xen_platform_parameters_t));
	expect_text(XENVER_guest_handle, "", sizeof(xen_domain_handle_t));
	expect_text(XENVER_commandline, "<denied>", sizeof("<denied>"));
	guest_assert_eq(xen_version(XENVER_build_id, &id), -EPERM);
}

static void secrets(void)
{
	vcpu_finish(xen_with_guest(guest_secrets));
}

/* What Xen's header has as an unsigned long is the guest's: 4 bytes for 32-bit code. */
static void guest_narrow_parameters(void)
{
	static u32 answer[2];

	answer[0] = ~0;
	answer[1] = ~0;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_xen_version, XENVER_platform_parameters,
					(u64)answer, 0), 0);
	guest_assert_eq(answer[0], 0);
	guest_assert_eq(answer[1], ~0U);
}

static void narrow_parameters(void)
{
	vcpu_finish(xen_with_guest(guest_narrow_parameters));
}

static void version(void)
{
	vcpu_finish(xen_with_guest(guest_version));
}

static long expected(u64 nr)
{
	return is_privileged(nr) ? -EPERM : -ENOSYS;
}

static void guest_numbers(void)
{
	u64 nr;

	for (nr = 0; nr < NUMBERS; nr++)
		if (!is_implemented(nr))
			guest_assert_eq(nr << 32 | (u32)xen_call(nr, ~0, ~0, ~0, ~0, ~0, ~0),
					nr << 32 | (u32)expected(nr));
	guest_assert_eq(xen_call(BIT(32) | __HYPERVISOR_xen_version, 0, 0, 0, 0, 0, 0), -ENOSYS);
	guest_assert_eq(xen_call(~0UL, 0, 0, 0, 0, 0, 0), -ENOSYS);
	guest_assert_eq(xen_call(BIT(63), 0, 0, 0, 0, 0, 0), -ENOSYS);
}

/* Those with sub-operations say -ENOSYS for one that there is not. */
static void guest_sub_operations(void)
{
	static const u64 nrs[] = {
		__HYPERVISOR_memory_op, __HYPERVISOR_xen_version, __HYPERVISOR_console_io,
		__HYPERVISOR_grant_table_op, __HYPERVISOR_vcpu_op, __HYPERVISOR_sched_op,
		__HYPERVISOR_event_channel_op, __HYPERVISOR_hvm_op,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nrs); i++)
		guest_assert_eq(nrs[i] << 32 | (u32)xen_call(nrs[i], 63, 0, 0, 0, 0, 0),
				nrs[i] << 32 | (u32)-ENOSYS);
}

static void numbers(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_numbers);
	struct phv_counters counters;
	u64 nr, refused = 0, all = 0;

	vcpu_finish(vcpu);
	vcpu_get_counters(vcpu, &counters);
	for (nr = 0; nr < ARRAY_SIZE(counters.hypercalls); nr++)
		all += counters.hypercalls[nr];
	for (nr = 0; nr < NUMBERS; nr++)
		refused += is_privileged(nr);
	check_eq(counters.hypercalls_refused, refused);
	check_eq(counters.hypercalls_refused + counters.hypercalls_unknown, all);
	check_eq(counters.hypercalls[__HYPERVISOR_domctl], 1);
	check_eq(counters.hypercalls[63], NUMBERS - 63 + 3);
}

static void sub_operations(void)
{
	vcpu_finish(xen_with_guest(guest_sub_operations));
}

static void user_numbers(void)
{
	u64 nr;

	for (nr = 0; nr < NUMBERS; nr++)
		guest_assert_eq(nr << 32 | (u32)xen_call(nr, 0, 0, 0, 0, 0, 0),
				nr << 32 | (u32)-EPERM);
	guest_assert_eq(xen_call(~0UL, 0, 0, 0, 0, 0, 0), -EPERM);
}

static void guest_ring3(void)
{
	guest_user(user_numbers);
}

static void ring3(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_ring3);
	struct phv_counters counters;

	vcpu_finish(vcpu);
	vcpu_get_counters(vcpu, &counters);
	check_eq(counters.hypercalls_refused, NUMBERS + 1);
	check_eq(counters.hypercalls_unknown, 0);
}

/* For all domains that are not Xen's there is nothing to call. */
static void guest_no_xen(void)
{
	u64 value;

	guest_assert_eq(cpuid(0x40000000, 0).ebx, 0);
	guest_assert_eq(xen_version(XENVER_version, NULL), -ENOSYS);
	guest_assert_eq(xen_call(__HYPERVISOR_domctl, 0, 0, 0, 0, 0, 0), -ENOSYS);
	guest_assert_eq(rdmsr_fault(MSR_HYPERCALL, &value), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_HYPERCALL, 0x5000), VEC_GP);
}

static void no_xen(void)
{
	need_phv();
	vcpu_finish(vm_with_guest(guest_no_xen));
}

/* Modes */

struct xen_call32 calls[NUMBERS];
u32 calls_next, calls_left;

/* Calls from one of the modes without 64-bit mode. */
static void run_calls32(enum vm_mode mode, unsigned int count)
{
	struct vcpu *vcpu = vcpu_create(xen_create(), 0);

	calls_next = (u64)calls;
	calls_left = count;
	vcpu_enter(vcpu, mode, (u64)calls32);
	vcpu_finish(vcpu);
}

static void numbers32(enum vm_mode mode)
{
	struct xen_feature_info info = { .submap_idx = 0 };
	static struct xen_feature_info shared_info;
	u32 nr, count = 0;

	for (nr = 0; nr < NUMBERS; nr++)
		if (!is_implemented(nr))
			calls[count++] = (struct xen_call32) { .nr = nr };
	calls[count++] = (struct xen_call32) {
		.nr = __HYPERVISOR_xen_version,
		.arg = { XENVER_get_features, (u64)&shared_info },
	};
	shared_info = info;
	run_calls32(mode, count);
	for (nr = 0; nr < count - 1; nr++)
		check_eq((u64)calls[nr].nr << 32 | calls[nr].result,
			 (u64)calls[nr].nr << 32 | (u32)expected(calls[nr].nr));
	check_eq(calls[nr].result, 0);
	check_eq(shared_info.submap & 0x705, 0x305);
}

static void numbers_pae(void)
{
	numbers32(VM_PAE);
}

static void numbers_paged(void)
{
	numbers32(VM_PAGED);
}

static void numbers_protected(void)
{
	numbers32(VM_PROTECTED);
}

static void guest_compat(void)
{
	static struct xen_feature_info info;
	static struct xen_call32 call = {
		.nr = __HYPERVISOR_xen_version, .arg = { XENVER_get_features, 0, 3, 4, 5, 6 },
	};

	call.arg[1] = (u64)&info;
	guest_assert_eq(xen_call32(&call), 0);
	guest_assert_eq(info.submap & 0x705, 0x305);
	guest_assert_eq(call.arg[0], XENVER_get_features);
	guest_assert_eq(call.arg[1], (u64)&info);
	guest_assert_eq(call.arg[5], 6);
	guest_assert_eq(xen_hypercall32(63), -ENOSYS);
	/* The page's end is the address space's, and nothing is there. */
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_xen_version, XENVER_get_features,
					0xfffffffc), -EFAULT);
}

static void compatibility_mode(void)
{
	vcpu_finish(xen_with_guest(guest_compat));
}

static void real_mode(void)
{
	struct vm *vm = xen_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);
	struct phv_regs regs;

	vm_load_low(vm, LOW_CODE, call16_start, call16_end);
	vcpu_enter(vcpu, VM_REAL, LOW_CODE);
	vcpu_finish(vcpu);
	vcpu_get_regs(vcpu, &regs);
	check_eq(regs.gpr[RAX], (u32)-EPERM);
}

static void guest_registers(void)
{
	u64 regs[16], i;

	for (i = 0; i < 16; i++)
		regs[i] = 0x0101010101010101 * (i + 1);
	regs[RAX] = __HYPERVISOR_xen_version;
	regs[RDI] = XENVER_version;
	((void (*)(u64 *))call_registers)(regs);
	guest_assert_eq(regs[RAX], 4 << 16 | 17);
	for (i = 1; i < 16; i++)
		if (i != RDI && i != RSP)
			guest_assert_eq(regs[i], 0x0101010101010101 * (i + 1));
	guest_assert_eq(regs[RDI], XENVER_version);
}

static void registers(void)
{
	vcpu_finish(xen_with_guest(guest_registers));
}

/* The hypercall page */

static u8 page[PAGE_SIZE] __aligned(PAGE_SIZE);

static void check_stub(u32 nr)
{
	static const u8 iret[] = { 0x0f, 0x0b };
	u8 stub[] = { 0xb8, nr, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3 };

	if (nr == 23)
		guest_assert(!memcmp(page + 32 * nr, iret, sizeof(iret)));
	else
		guest_assert(!memcmp(page + 32 * nr, stub, sizeof(stub)));
	guest_assert_eq(page[32 * nr + 31], 0xcc);
}

static long call_page(u32 nr, u64 a, u64 b)
{
	long ret;

	asm volatile("call *%[stub]"
		     : "=a" (ret), "+D" (a), "+S" (b)
		     : [stub] "r" (page + 32 * nr)
		     : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
	return ret;
}

#define READONLY	0x60000000UL	/* guest-physical: a read-only region */

static void guest_page(void)
{
	u64 value;
	u32 nr;

	wrmsr(MSR_HYPERCALL, (u64)page);
	for (nr = 0; nr < PAGE_SIZE / 32; nr++)
		check_stub(nr);
	guest_assert_eq(call_page(__HYPERVISOR_xen_version, XENVER_version, 0), 4 << 16 | 17);
	guest_assert_eq(call_page(127, 0, 0), -ENOSYS);
	guest_assert_eq(rdmsr_fault(MSR_HYPERCALL, &value), NO_FAULT);
	guest_assert_eq(value, 0);

	guest_assert_eq(wrmsr_fault(MSR_HYPERCALL, (u64)page | 1), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_HYPERCALL, (u64)page | 0xfff), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_HYPERCALL, XEN_HOLE), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_HYPERCALL, READONLY), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_HYPERCALL, BIT(52)), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_HYPERCALL, -PAGE_SIZE), VEC_GP);
	guest_assert_eq(rdmsr_fault(MSR_HYPERCALL + 1, &value), VEC_GP);
}

static void *add_readonly(struct vm *vm)
{
	u8 *memory = vm_alloc(PAGE_SIZE, PAGE_SIZE);

	check_eq(vm_add_memory(vm, READONLY, PAGE_SIZE, memory, PHV_MEMORY_READONLY), 0);
	return memory;
}

static void hypercall_page(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_page);
	u64 *readonly = add_readonly(vcpu->vm);
	u8 low = vcpu->vm->low[0];

	vcpu_finish(vcpu);
	check_eq(*readonly, 0);
	/* User space gives back what it has read: nothing happens at address 0. */
	check_eq(vcpu_get_msr(vcpu, MSR_HYPERCALL), 0);
	vcpu_set_msr(vcpu, MSR_HYPERCALL, 0);
	check_eq(vcpu->vm->low[0], low);
}

/* Pointers */

#define FAR		0x5000000000UL	/* linear: what follows; the rest is not mapped */
#define FAR_PAGE	(FAR + 0 * PAGE_SIZE)
#define FAR_PAGE2	(FAR + 1 * PAGE_SIZE)
#define FAR_NOTHING	(FAR + 2 * PAGE_SIZE)
#define FAR_READONLY	(FAR + 3 * PAGE_SIZE)
#define FAR_HOLE	(FAR + 4 * PAGE_SIZE)
#define FAR_ROM		(FAR + 5 * PAGE_SIZE)
#define FAR_RESERVED	(FAR + 6 * PAGE_SIZE)

static u8 target[2 * PAGE_SIZE] __aligned(PAGE_SIZE);

static struct vcpu *with_tables(void (*guest)(void))
{
	const u64 rw = PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;
	struct vcpu *vcpu = vm_add_guest(xen_create(), 0, guest);
	u64 cr3 = vm_page_tables(VM_LONG);
	struct phv_control control;

	vm_map(VM_LONG, cr3, FAR_PAGE, (u64)target, PAGE_SIZE, rw);
	vm_map(VM_LONG, cr3, FAR_PAGE2, (u64)target + PAGE_SIZE, PAGE_SIZE, rw);
	vm_map(VM_LONG, cr3, FAR_READONLY, (u64)target, PAGE_SIZE, rw & ~PTE_WRITE);
	vm_map(VM_LONG, cr3, FAR_HOLE, XEN_HOLE, PAGE_SIZE, rw);
	vm_map(VM_LONG, cr3, FAR_ROM, READONLY, PAGE_SIZE, rw);
	/* Without EFER.NXE */
	vm_map(VM_LONG, cr3, FAR_RESERVED, (u64)target, PAGE_SIZE, rw | PTE_NX);
	add_readonly(vcpu->vm);
	vcpu_get_control(vcpu, &control);
	control.cr3 = cr3;
	vcpu_set_control(vcpu, &control);
	return vcpu;
}

static long get_features(u64 address)
{
	return xen_call(__HYPERVISOR_xen_version, XENVER_get_features, address, 0, 0, 0, 0);
}

static void expect_features(u64 address)
{
	struct xen_feature_info *info = (void *)address;

	memset(info, 0, sizeof(*info));
	guest_assert_eq(get_features(address), 0);
	guest_assert_eq(info->submap & 0x705, 0x305);
}

static void guest_pointers(void)
{
	static const u64 bad[] = {
		0x5000, FAR_NOTHING, FAR_NOTHING + PAGE_SIZE - 4, FAR_PAGE2 + PAGE_SIZE - 1,
		FAR_PAGE2 + PAGE_SIZE - 4, FAR_HOLE, FAR_HOLE - 4, FAR_ROM, FAR_RESERVED,
		FAR_PAGE - 1, FAR_PAGE - 4, XEN_HOLE, READONLY, READONLY - 4, BIT(47), BIT(62),
		BIT(63), -BIT(47) - 4, -BIT(47), -8UL, -4UL, -1UL, BIT(47) - 4, BIT(47) - 8,
	};
	unsigned int i;

	write_cr2(0x1234567);
	/* An address that is memory, to begin with */
	for (i = 1; i < ARRAY_SIZE(bad); i++)
		guest_assert_eq((u64)i << 32 | (u32)get_features(bad[i]),
				(u64)i << 32 | (u32)-EFAULT);
	expect_features(bad[0]);
	expect_features(FAR_PAGE);
	for (i = 1; i < sizeof(struct xen_feature_info); i++)
		expect_features(FAR_PAGE + PAGE_SIZE - i);
	guest_assert(!memcmp((void *)(FAR_PAGE + PAGE_SIZE - 16), target + PAGE_SIZE - 16, 32));

	/* Read-only: for ring 0 only with CR0.WP */
	guest_assert_eq(get_features(FAR_READONLY), 0);
	write_cr0(read_cr0() | CR0_WP);
	guest_assert_eq(get_features(FAR_READONLY), -EFAULT);
	write_cr0(read_cr0() & ~CR0_WP);
	guest_assert_eq(read_cr2(), 0x1234567);
}

static void pointers(void)
{
	struct vcpu *vcpu = with_tables(guest_pointers);

	vcpu_finish(vcpu);
}

/* Supervisor-mode access prevention: user pages only with RFLAGS.AC, as everywhere. */
static void guest_smap(void)
{
	static struct xen_feature_info info;
	u64 ret = __HYPERVISOR_xen_version;

	if (!(cpuid(7, 0).ebx & BIT(20)))
		return;
	asm volatile("stac" : : : "memory", "cc");
	write_cr4(read_cr4() | CR4_SMAP);
	asm volatile("clac; vmcall; stac"
		     : "+a" (ret) : "D" (XENVER_get_features), "S" (&info) : "memory");
	guest_assert_eq(ret, -EFAULT);
	guest_assert_eq(get_features((u64)&info), 0);
	write_cr4(read_cr4() & ~CR4_SMAP);
	asm volatile("clac" : : : "memory", "cc");
}

static void smap(void)
{
	vcpu_finish(xen_with_guest(guest_smap));
}

/* What the owner has not in memory comes when it is wanted, and CR2 is not the place to see it. */
static void guest_absent(void)
{
	unsigned int i;

	write_cr2(0x7654321);
	for (i = 0; i < 3; i++) {
		guest_sync(i);
		guest_assert_eq(get_features((u64)target + PAGE_SIZE - 4), 0);
		guest_assert_eq(read_cr2(), 0x7654321);
	}
	/* The same for what is written, and not read before. */
	for (i = 0; i < 3; i++) {
		guest_sync(i);
		guest_assert_eq(xen_version(XENVER_extraversion, target + PAGE_SIZE - 4), 0);
		guest_assert_eq(read_cr2(), 0x7654321);
		guest_assert_eq(*(u32 *)(target + PAGE_SIZE - 4), 0x702d302e);	/* ".0-p" */
		guest_assert_eq(*(u32 *)(target + PAGE_SIZE), 0x7668);		/* "hv" */
	}
}

static void absent(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_absent);
	unsigned int i;

	for (i = 0; i < 6; i++) {
		vcpu_expect(vcpu, VCPU_SYNC);
		/* Of the image: a private mapping of a file, or nothing at all. */
		check_eq(madvise(target, i % 3 < 2 ? sizeof(target) : PAGE_SIZE, MADV_DONTNEED),
			 0);
	}
	vcpu_finish(vcpu);
}

/*
 * What was known of the memory a moment ago does not count: it moves, becomes read-only, goes
 * away, and has a dirty log, between calls that go to the same address.
 */
#define MOVING		0x70000000UL	/* guest-physical */

static void guest_moving(void)
{
	guest_sync(get_features(MOVING));
	guest_sync(get_features(MOVING));
	guest_sync(get_features(MOVING));
	guest_sync(get_features(MOVING));
	guest_sync(get_features(MOVING));
	guest_sync(get_features(MOVING));
}

static void next_call(struct vcpu *vcpu, long result)
{
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq((int)vcpu->run->io.data, result);
}

static void check_moved(struct vcpu *vcpu, struct xen_feature_info *info)
{
	info->submap = 0;
	next_call(vcpu, 0);
	check_eq(info->submap & 0x705, 0x305);
}

static u64 dirty_moving(struct vm *vm)
{
	u64 bitmap = 0;
	struct phv_dirty dirty = {
		.guest_addr = MOVING, .size = PAGE_SIZE, .bitmap = (u64)&bitmap,
	};

	check_eq(vm_ioctl(vm, PHV_GET_DIRTY, &dirty), 0);
	return bitmap;
}

static void moving(void)
{
	struct xen_feature_info *first = vm_alloc(PAGE_SIZE, PAGE_SIZE);
	struct xen_feature_info *second = vm_alloc(PAGE_SIZE, PAGE_SIZE);
	struct phv_memory memory = {
		.guest_addr = MOVING, .size = PAGE_SIZE, .user_addr = (u64)second,
	};
	struct vcpu *vcpu = xen_with_guest(guest_moving);
	struct vm *vm = vcpu->vm;

	check_eq(vm_add_memory(vm, MOVING, PAGE_SIZE, first, 0), 0);
	check_moved(vcpu, first);
	check_eq(vm_remove_memory(vm, MOVING, PAGE_SIZE, first), 0);
	check_eq(vm_add_memory(vm, MOVING, PAGE_SIZE, second, 0), 0);
	first->submap = 0;
	check_moved(vcpu, second);
	check_eq(first->submap, 0);

	memory.flags = PHV_MEMORY_LOG_DIRTY;
	check_eq(vm_ioctl(vm, PHV_CHANGE_MEMORY, &memory), 0);
	check_eq(dirty_moving(vm), 0);
	check_moved(vcpu, second);
	check_eq(dirty_moving(vm), 1);
	check_eq(dirty_moving(vm), 0);
	check_moved(vcpu, second);
	check_eq(dirty_moving(vm), 1);

	memory.flags = PHV_MEMORY_READONLY;
	check_eq(vm_ioctl(vm, PHV_CHANGE_MEMORY, &memory), 0);
	next_call(vcpu, -EFAULT);
	check_eq(vm_remove_memory(vm, MOVING, PAGE_SIZE, second), 0);
	next_call(vcpu, -EFAULT);
}

/* Multicalls */

#define ENTRIES	1000
static struct multicall_entry entries[ENTRIES];

static void set_entry(unsigned int i, u64 op, u64 a, u64 b)
{
	entries[i] = (struct multicall_entry) { .op = op, .result = 0x5a, .args = { a, b } };
}

static void guest_multicall(void)
{
	static struct xen_feature_info info;
	unsigned int i;

	guest_assert_eq(xen_multicall(NULL, 0), 0);
	guest_assert_eq(xen_multicall((void *)BIT(62), 1), -EFAULT);
	set_entry(0, __HYPERVISOR_xen_version, XENVER_get_features, (u64)&info);
	set_entry(1, __HYPERVISOR_xen_version, XENVER_version, 0);
	set_entry(2, 63, 0, 0);
	set_entry(3, __HYPERVISOR_multicall, (u64)entries, 1);
	set_entry(4, __HYPERVISOR_domctl, 0, 0);
	set_entry(5, BIT(32) | __HYPERVISOR_xen_version, 0, 0);
	set_entry(6, __HYPERVISOR_xen_version, XENVER_get_features, BIT(62));
	set_entry(7, __HYPERVISOR_xen_version, XENVER_version, 0);
	guest_assert_eq(xen_multicall(entries, 7), 0);
	guest_assert_eq(entries[0].result, 0);
	guest_assert_eq(info.submap & 0x705, 0x305);
	guest_assert_eq(entries[1].result, 4 << 16 | 17);
	guest_assert_eq(entries[2].result, -ENOSYS);
	guest_assert_eq(entries[3].result, -EINVAL);
	guest_assert_eq(entries[4].result, -EPERM);
	guest_assert_eq(entries[5].result, -ENOSYS);
	guest_assert_eq(entries[6].result, -EFAULT);
	guest_assert_eq(entries[7].result, 0x5a);

	for (i = 0; i < ENTRIES; i++)
		set_entry(i, __HYPERVISOR_xen_version, i % 2 ? XENVER_version : 99, 0);
	guest_assert_eq(xen_multicall(entries, ENTRIES), 0);
	for (i = 0; i < ENTRIES; i++)
		guest_assert_eq(entries[i].result, i % 2 ? 4 << 16 | 17 : -ENOSYS);
}

static void multicall(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_multicall);
	struct phv_counters counters;

	vcpu_finish(vcpu);
	vcpu_get_counters(vcpu, &counters);
	/* In the entries, too */
	check_eq(counters.hypercalls[__HYPERVISOR_xen_version], ENTRIES + 3);
	check_eq(counters.hypercalls[__HYPERVISOR_multicall], 5);
}

/* A list that ends where nothing is: what was before it is done. */
static void guest_multicall_end(void)
{
	struct multicall_entry *last = (void *)(FAR_PAGE2 + PAGE_SIZE - 2 * sizeof(*last));
	unsigned int i;

	for (i = 0; i < 2; i++)
		last[i] = (struct multicall_entry) {
			.op = __HYPERVISOR_xen_version, .args = { XENVER_version },
		};
	guest_assert_eq(xen_multicall(last, 3), -EFAULT);
	for (i = 0; i < 2; i++)
		guest_assert_eq(last[i].result, 4 << 16 | 17);
	/* Where a result can't be written, the call was made. */
	write_cr0(read_cr0() | CR0_WP);
	last = (void *)FAR_READONLY;
	guest_assert_eq(xen_multicall(last, 1), -EFAULT);
}

static void multicall_end(void)
{
	vcpu_finish(with_tables(guest_multicall_end));
}

struct entry32 {
	u32 op, result, args[6];
};

static void guest_multicall32(void)
{
	static struct entry32 list[100];
	static struct xen_feature_info info;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list); i++)
		list[i] = (struct entry32) { .op = __HYPERVISOR_xen_version, .args = { 0 } };
	list[1].op = 63;
	list[2].args[0] = XENVER_get_features;
	list[2].args[1] = (u64)&info;
	list[3].op = __HYPERVISOR_multicall;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_multicall, (u64)list, ARRAY_SIZE(list)), 0);
	guest_assert_eq((int)list[1].result, -ENOSYS);
	guest_assert_eq(list[2].result, 0);
	guest_assert_eq(info.submap & 0x705, 0x305);
	guest_assert_eq((int)list[3].result, -EINVAL);
	for (i = 4; i < ARRAY_SIZE(list); i++)
		guest_assert_eq(list[i].result, 4 << 16 | 17);
}

static void multicall32(void)
{
	vcpu_finish(xen_with_guest(guest_multicall32));
}

/* An entry that is done in several parts, each with the arguments that the last one left. */
static void guest_parts32(void)
{
	static struct gnttab_unmap_grant_ref ops[1000];
	static struct entry32 list[3];
	unsigned int i;

	list[0] = (struct entry32) {
		.op = __HYPERVISOR_grant_table_op,
		.args = { GNTTABOP_unmap_grant_ref, (u64)ops, ARRAY_SIZE(ops) },
	};
	list[1] = list[0];
	list[1].args[1] = XEN_HOLE;
	list[2] = (struct entry32) { .op = __HYPERVISOR_xen_version };
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_multicall, (u64)list, ARRAY_SIZE(list)), 0);
	guest_assert_eq(list[0].result, 0);
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		guest_assert_eq(ops[i].status, GNTST_bad_handle);
	guest_assert_eq((int)list[1].result, -EFAULT);
	guest_assert_eq(list[2].result, 4 << 16 | 17);
}

static void parts32(void)
{
	vcpu_finish(xen_with_guest(guest_parts32));
}

/*
 * A long one does not keep the host from its work: it is done in many exits, and an
 * interrupt of the guest, whose handler makes calls of its own, comes in between.
 */
static u32 interrupts;

static void interrupt_handler(struct guest_frame *frame)
{
	(void)frame;
	guest_assert_eq(xen_version(XENVER_version, NULL), 4 << 16 | 17);
	WRITE_ONCE(interrupts, READ_ONCE(interrupts) + 1);
	x2apic_eoi();
}

static void guest_long_multicall(void)
{
	unsigned int i;

	guest_handle(0x40, interrupt_handler);
	x2apic_enable();
	for (i = 0; i < ENTRIES; i++)
		set_entry(i, __HYPERVISOR_xen_version, XENVER_version, 0);
	sti();
	guest_sync(0);
	guest_assert_eq(xen_multicall(entries, ENTRIES), 0);
	cli();
	for (i = 0; i < ENTRIES; i++)
		guest_assert_eq(entries[i].result, 4 << 16 | 17);
}

static void *interrupt_often(void *arg)
{
	struct vcpu *vcpu = arg;

	for (;;) {
		vcpu_ioctl(vcpu, PHV_INTERRUPT, 0x40);
		pthread_testcancel();
		usleep(100);
	}
	return NULL;
}

static void long_multicall(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_long_multicall);
	struct phv_counters before, after;
	pthread_t thread;

	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_counters(vcpu, &before);
	check_eq(pthread_create(&thread, NULL, interrupt_often, vcpu), 0);
	vcpu_finish(vcpu);
	check_eq(pthread_cancel(thread), 0);
	check_eq(pthread_join(thread, NULL), 0);
	vcpu_get_counters(vcpu, &after);
	check(after.exits[18] - before.exits[18] > ENTRIES / 64);
	check_eq(after.hypercalls[__HYPERVISOR_multicall], 1);
}

static const struct test tests[] = {
	{ "CPUID tells guests of Xen", .host = cpuid_leaves },
	{ "xen_version tells the same", .host = version },
	{ "xen_version tells no more than that", .host = secrets },
	{ "xen_version has 32-bit code's widths", .host = narrow_parameters },
	{ "numbers without a hypercall answer -ENOSYS, privileged ones -EPERM", .host = numbers },
	{ "unknown sub-operations answer -ENOSYS", .host = sub_operations },
	{ "ring 3 may call nothing", .host = ring3 },
	{ "without Xen there is no hypercall", .host = no_xen },
	{ "32-bit guests with PAE paging call", .host = numbers_pae },
	{ "32-bit guests with paging call", .host = numbers_paged },
	{ "32-bit guests without paging call", .host = numbers_protected },
	{ "code in compatibility mode calls", .host = compatibility_mode },
	{ "real mode may call nothing", .host = real_mode },
	{ "other registers are left alone", .host = registers },
	{ "the hypercall page", .host = hypercall_page },
	{ "pointers to what is not there are refused", .host = pointers },
	{ "pointers obey SMAP", .host = smap },
	{ "arguments that are not in memory come in", .host = absent },
	{ "arguments are where the memory is now", .host = moving },
	{ "multicalls", .host = multicall },
	{ "a multicall ends where its list does", .host = multicall_end },
	{ "multicalls of 32-bit code", .host = multicall32 },
	{ "a part of a multicall of 32-bit code goes on where it was left", .host = parts32 },
	{ "a long multicall can be interrupted", .host = long_multicall },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
