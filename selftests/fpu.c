// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU, SSE, AVX, AVX-512 and PKRU: kept for the guest, kept for the host, and
 * XCR0, which says what there is.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "fpu.h"
#include "vm.h"

#define XCR0_X87	BIT(0)
#define XCR0_SSE	BIT(1)
#define XCR0_AVX	BIT(2)
#define XCR0_AVX512	(BIT(5) | BIT(6) | BIT(7))
#define XCR0_PKRU	BIT(9)

#define AREA_SIZE	4096

/* Sets of registers, each contains the one before but for x87. */
enum { X87, SSE, AVX, AVX512, SETS };

static const struct register_set {
	const char *name;
	u64 xcr0;
	u32 size;
	void (*load)(const void *area);
	void (*store)(void *area);
} sets[SETS] = {
	[X87]	 = { "x87", XCR0_X87, 72, x87_load, x87_store },
	[SSE]	 = { "SSE", XCR0_X87 | XCR0_SSE, 256, sse_load, sse_store },
	[AVX]	 = { "AVX", XCR0_X87 | XCR0_SSE | XCR0_AVX, 512, avx_load,
		     avx_store },
	[AVX512] = { "AVX-512", XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512,
		     64 * 32 + 16, avx512_load, avx512_store },
};

/* XCR0 of this program's CPU, as the host's kernel has it. */
static u64 host_xcr0(void)
{
	return cpuid(1, 0).ecx & BIT(27) ? xgetbv(0) : XCR0_X87 | XCR0_SSE;
}

static bool host_has(const struct register_set *set)
{
	return !(set->xcr0 & ~host_xcr0());
}

static void need_set(unsigned int which)
{
	if (!host_has(&sets[which]))
		test_skip("no %s", sets[which].name);
}

/* Contents that are different for each @seed, and valid in all formats. */
static void fill(const struct register_set *set, u8 *area, u64 seed)
{
	u64 *word = (u64 *)area;
	u32 i;

	memset(area, 0, AREA_SIZE);
	for (i = 0; i < set->size / 8; i++)
		word[i] = 0x4000000000000000UL + (seed << 32) + i;
	if (set == &sets[X87])
		word[8] = seed & 1 ? 0x27f : 0x37f;	/* control word */
}

static void guest_enable(const struct register_set *set)
{
	write_cr0((read_cr0() | CR0_MP) & ~(CR0_TS | CR0_EM));
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	if (!(cpuid(1, 0).ecx & BIT(26)))
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	guest_assert_eq(xsetbv_fault(0, set->xcr0), NO_FAULT);
}

/* Contents and what was found in their place, for each vCPU. */
static u8 wanted[4][AREA_SIZE] __aligned(64);
static u8 found[4][AREA_SIZE] __aligned(64);

static void guest_compare(const struct register_set *set)
{
	u32 id = this_cpu()->id, i;

	set->store(found[id]);
	for (i = 0; i < set->size; i++)
		guest_assert_eq(found[id][i], wanted[id][i]);
	set->load(wanted[id]);
}

static void guest_keep(u64 which)
{
	const struct register_set *set = &sets[which];
	u32 id = this_cpu()->id, i;

	guest_enable(set);
	fill(set, wanted[id], id + 1);
	set->load(wanted[id]);
	cpuid(0, 0);
	guest_compare(set);
	for (i = 0; i < 3; i++) {
		guest_sync(0);
		guest_compare(set);
	}
}

/* The largest set, with the host's contents around each return to the guest. */
static void host_run(struct vcpu *vcpu, u64 seed)
{
	static u8 before[AREA_SIZE] __aligned(64), after[AREA_SIZE] __aligned(64);
	const struct register_set *set = &sets[SETS - 1];
	long ret;

	while (!host_has(set))
		set--;
	fill(set, before, seed);
	memset(after, 0, AREA_SIZE);
	do {
		set->load(before);
		ret = vcpu_ioctl(vcpu, PHV_RUN, 0);
		set->store(after);
		check(!memcmp(before, after, set->size));
	} while (ret == -EINTR);
	check_eq(ret, 0);
	check_eq(vcpu->run->io.port, GUEST_PORT_SYNC);
}

static void keep(unsigned int which)
{
	struct vcpu *vcpu;
	u64 i;

	need_set(which);
	vcpu = vm_with_guest(guest_keep, which);
	for (i = 0; i < 3; i++)
		host_run(vcpu, 0x100 + i);
	vcpu_finish(vcpu);
}

static void keep_x87(void)
{
	keep(X87);
}

static void keep_sse(void)
{
	keep(SSE);
}

static void keep_avx(void)
{
	keep(AVX);
}

static void keep_avx512(void)
{
	keep(AVX512);
}

/* vCPUs with different contents and XCR0 in turns in one thread. */
static void in_one_thread(void)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu[SETS];
	u64 i, turn;

	for (i = 0; i < SETS; i++)
		vcpu[i] = host_has(&sets[i]) ?
			  vm_add_guest(vm, i, guest_keep, i) : NULL;
	for (turn = 0; turn < 3; turn++)
		for (i = 0; i < SETS; i++)
			if (vcpu[i])
				host_run(vcpu[i], turn);
	for (i = 0; i < SETS; i++)
		if (vcpu[i])
			vcpu_finish(vcpu[i]);
}

/* And in threads that share a CPU, switched by the kernel's timer. */
static void guest_spin(u64 which)
{
	const struct register_set *set = &sets[which];
	u64 end = rdtsc() + 20000000;
	u32 id = this_cpu()->id;

	guest_enable(set);
	fill(set, wanted[id], id + 7);
	set->load(wanted[id]);
	while (rdtsc() < end) {
		u64 next = rdtsc() + 100000;

		while (rdtsc() < next)
			cpu_relax();
		guest_compare(set);
	}
}

static void in_threads(void)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu[SETS];
	u64 i;

	pin_to_cpu(0);
	for (i = 0; i < SETS; i++) {
		vcpu[i] = NULL;
		if (!host_has(&sets[i]))
			continue;
		vcpu[i] = vm_add_guest(vm, i, guest_spin, i);
		vcpu_start(vcpu[i]);
	}
	for (i = 0; i < SETS; i++)
		if (vcpu[i])
			vcpu_join(vcpu[i]);
}

/* After a reset the registers are zero, whatever the host has in them. */
static void guest_initial(u64 which)
{
	const struct register_set *set = &sets[which];
	u32 mxcsr, i;
	u16 fcw;

	guest_enable(set);
	set->store(found[0]);
	for (i = 0; i < set->size; i++)
		guest_assert_eq(found[0][i], 0);
	asm volatile("stmxcsr %0; fnstcw %1" : "=m" (mxcsr), "=m" (fcw));
	guest_assert_eq(mxcsr, 0x1f80);
	guest_assert_eq(fcw, 0x40);
	guest_sync(0);
	guest_done();
}

static void initial(void)
{
	unsigned int which = SETS - 1;

	while (!host_has(&sets[which]))
		which--;
	host_run(vm_with_guest(guest_initial, which), 0x5a);
}

/* XCR0 */

static void guest_xcr0(void)
{
	static const u64 invalid[] = {
		0, XCR0_SSE, XCR0_X87 | XCR0_AVX,
		XCR0_X87 | XCR0_SSE | XCR0_AVX512,
		XCR0_X87 | XCR0_SSE | XCR0_AVX | BIT(5),
		XCR0_X87 | BIT(8), XCR0_X87 | BIT(10), XCR0_X87 | BIT(11),
		XCR0_X87 | BIT(17), XCR0_X87 | BIT(18), XCR0_X87 | BIT(62), ~0UL,
	};
	u64 all = cpuid(0xd, 0).eax | (u64)cpuid(0xd, 0).edx << 32;
	unsigned int i;

	guest_assert_eq(xsetbv_fault(0, 1), VEC_UD);	/* without OSXSAVE */
	write_cr4(read_cr4() | CR4_OSXSAVE | CR4_OSFXSR);
	guest_assert_eq(xgetbv(0), 1);
	for (i = 0; i < ARRAY_SIZE(invalid); i++) {
		guest_assert_eq(xsetbv_fault(0, invalid[i]), VEC_GP);
		guest_assert_eq(xgetbv(0), 1);
	}
	guest_assert_eq(xsetbv_fault(1, 1), VEC_GP);
	guest_assert_eq(xsetbv_fault(0xffffffff, 1), VEC_GP);
	guest_assert_eq(xsetbv_fault(0, all), NO_FAULT);
	guest_assert_eq(xgetbv(0), all);
	cpuid(0, 0);
	guest_sync(0);
	guest_assert_eq(xgetbv(0), all);
	guest_assert_eq(xsetbv_fault(0, 3), NO_FAULT);
	guest_assert_eq(guest_try("vmovups %%ymm0, %%ymm1", :), VEC_UD);
	guest_assert_eq(guest_try("movups %%xmm0, %%xmm1", :), NO_FAULT);
	write_cr4(read_cr4() & ~CR4_OSFXSR);
	guest_assert_eq(guest_try("movups %%xmm0, %%xmm1", :), VEC_UD);
}

static void xcr0(void)
{
	struct vcpu *vcpu;
	u64 before;

	if (!(cpuid(1, 0).ecx & BIT(27)))
		test_skip("no XSAVE");
	before = xgetbv(0);
	vcpu = vm_with_guest(guest_xcr0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(xgetbv(0), before);
	vcpu_finish(vcpu);
	check_eq(xgetbv(0), before);
}

static int user_fault;

static void user_xsetbv(void)
{
	user_fault = xsetbv_fault(0, 1);
}

static void guest_user_xsetbv(void)
{
	if (!(cpuid(1, 0).ecx & BIT(26)))
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	guest_user(user_xsetbv);
	guest_assert_eq(READ_ONCE(user_fault), VEC_GP);
}

/* PKRU */

#define KEYED_PAGE	0x200000000UL
#define KEY_1		BIT(59)

static u32 rdpkru(void)
{
	u32 value;

	asm volatile("rdpkru" : "=a" (value) : "c" (0) : "rdx", "memory");
	return value;
}

static void wrpkru(u32 value)
{
	asm volatile("wrpkru" : : "a" (value), "c" (0), "d" (0) : "memory");
}

static void user_read_page(void)
{
	user_fault = guest_try("mov (%0), %%al", : "r" (KEYED_PAGE) : "rax");
}

static void guest_pkru(void)
{
	write_cr4(read_cr4() | CR4_PKE);
	wrpkru(4);			/* no access by key 1 */
	cpuid(0, 0);
	guest_sync(0);
	guest_assert_eq(rdpkru(), 4);
	guest_user(user_read_page);
	guest_assert_eq(READ_ONCE(user_fault), VEC_PF);
	guest_assert_eq(this_cpu()->fault_error & BIT(5), BIT(5));
	wrpkru(0);
	guest_user(user_read_page);
	guest_assert_eq(READ_ONCE(user_fault), NO_FAULT);
}

static void pkru(void)
{
	static u8 page[0x1000] __aligned(0x1000);
	struct phv_control control;
	struct vcpu *vcpu;

	if (!(cpuid(7, 0).ecx & BIT(4)))
		test_skip("no protection keys");
	vcpu = vm_with_guest(guest_pkru);
	vcpu_get_control(vcpu, &control);
	control.cr3 = vm_page_tables(VM_LONG);
	vm_map(VM_LONG, control.cr3, KEYED_PAGE, (u64)page, 0x1000,
	       PTE_PRESENT | PTE_WRITE | PTE_USER | KEY_1);
	vcpu_set_control(vcpu, &control);

	wrpkru(0xc00);			/* the host: nothing by key 5 */
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(rdpkru(), 0xc00);
	vcpu_finish(vcpu);
	check_eq(rdpkru(), 0xc00);
}

/* PHV_GET_XSAVE, PHV_SET_XSAVE */

static void guest_swap(void)
{
	guest_enable(&sets[SSE]);
	fill(&sets[SSE], wanted[0], 1);
	sse_load(wanted[0]);
	guest_sync(0);
	fill(&sets[SSE], wanted[0], 2);
	guest_compare(&sets[SSE]);
}

#define XMM_OFFSET	160	/* of the FXSAVE area */
#define MXCSR_OFFSET	24
#define HEADER_OFFSET	512

static void state(void)
{
	struct phv_xsave xsave = { .size = 0 };
	struct vcpu *vcpu;
	u8 *area;
	u64 *header;
	u32 size;

	need_phv();
	vcpu = vm_with_guest(guest_swap);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_XSAVE, &xsave), -E2BIG);
	size = xsave.size;
	check(size >= 512 && size <= AREA_SIZE);
	area = calloc(1, AREA_SIZE);
	header = (u64 *)(area + HEADER_OFFSET);
	xsave.area = (u64)area;
	check_eq(vcpu_ioctl(vcpu, PHV_GET_XSAVE, &xsave), 0);
	check(!memcmp(area + XMM_OFFSET, wanted[0], 256));

	fill(&sets[SSE], wanted[1], 2);
	memcpy(area + XMM_OFFSET, wanted[1], 256);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave), 0);

	/* what is refused changes nothing */
	memset(area + XMM_OFFSET, 0, 256);
	xsave.size = size - 1;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave), -EINVAL);
	xsave.size = size + 1;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave), -EINVAL);
	xsave.size = size;
	xsave.reserved = 1;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave), -EINVAL);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_XSAVE, &xsave), -EINVAL);
	xsave.reserved = 0;
	xsave.area = 8;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave), -EFAULT);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_XSAVE, &xsave), -EFAULT);
	xsave.area = (u64)area;
	area[MXCSR_OFFSET + 3] = 0x80;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave), -EINVAL);
	area[MXCSR_OFFSET + 3] = 0;
	if (size > 512) {
		header[0] |= BIT(62);
		check_eq(vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave), -EINVAL);
		header[0] &= ~BIT(62);
		header[1] = BIT(63);		/* compacted */
		check_eq(vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave), -EINVAL);
		header[1] = 0;
		header[7] = 1;
		check_eq(vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave), -EINVAL);
	}
	vcpu_finish(vcpu);
}

static const struct test tests[] = {
	{ "x87 registers are kept", .host = keep_x87 },
	{ "SSE registers are kept", .host = keep_sse },
	{ "AVX registers are kept", .host = keep_avx },
	{ "AVX-512 registers are kept", .host = keep_avx512 },
	{ "vCPUs in one thread have their own", .host = in_one_thread },
	{ "vCPUs that share a CPU have their own", .host = in_threads },
	{ "after a reset nothing of the host is in them", .host = initial },
	{ "XSETBV takes valid values only", .host = xcr0 },
	{ "XSETBV in ring 3 raises #GP", .guest = guest_user_xsetbv },
	{ "PKRU", .host = pkru },
	{ "PHV_GET_XSAVE and PHV_SET_XSAVE", .host = state },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
