// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC in xAPIC mode: registers in memory, for guests that want it so.
 */
#include <string.h>

#include "lapic.h"

/* lapic_xapic.S */
GUEST_ASM(mov32);
u64 mov_forms(void);

#define XAPIC		(BASE_ADDRESS | BASE_ENABLE)
#define VCPUS		4

static u32 taken[VCPUS];
static u32 ready;
static bool over;

/* Registers are numbered as in x2APIC mode. */
static u32 *xapic_reg(u32 reg)
{
	return (u32 *)(BASE_ADDRESS + reg * 16);
}

static u32 xapic_read(u32 reg)
{
	u32 value;

	asm volatile("movl (%1), %0" : "=r" (value) : "r" (xapic_reg(reg)) : "memory");
	return value;
}

static void xapic_write(u32 reg, u32 value)
{
	asm volatile("movl %0, (%1)" : : "r" (value), "r" (xapic_reg(reg)) : "memory");
}

static void xapic_ipi(u8 dest, u32 command)
{
	xapic_write(X2APIC_ICR2, (u32)dest << 24);
	xapic_write(X2APIC_ICR, command);
}

static bool xapic_bit(u32 base, u8 vector)
{
	return xapic_read(base + vector / 32) & BIT(vector % 32);
}

static void count_interrupt(struct guest_frame *frame __maybe_unused)
{
	u32 *count = &taken[this_cpu()->id];

	WRITE_ONCE(*count, *count + 1);
	xapic_write(X2APIC_EOI, 0);
}

/* From x2APIC mode there is only the way through "off". */
static void enter_xapic(void)
{
	u64 bsp = rdmsr(MSR_APIC_BASE) & BASE_BSP;

	wrmsr(MSR_APIC_BASE, BASE_ADDRESS | bsp);
	wrmsr(MSR_APIC_BASE, XAPIC | bsp);
	xapic_write(X2APIC_SVR, 0x1ff);
}

static void guest_registers(void)
{
	u32 i;

	enter_xapic();
	guest_assert_eq(xapic_read(X2APIC_ID), this_cpu()->id << 24);
	guest_assert_eq(xapic_read(X2APIC_VERSION) & 0xf0, 0x10);
	guest_assert_eq(xapic_read(X2APIC_LDR), 0);
	guest_assert_eq(xapic_read(X2APIC_DFR), 0xffffffff);
	guest_assert_eq(xapic_read(X2APIC_SVR), 0x1ff);
	guest_assert_eq(xapic_read(X2APIC_EOI), 0);
	for (i = X2APIC_ISR; i < X2APIC_ESR; i++)
		guest_assert_eq(xapic_read(i), 0);
	for (i = X2APIC_LVT_TIMER; i <= X2APIC_LVT_ERROR; i++)
		guest_assert_eq(xapic_read(i), LVT_MASKED);

	/* Bits that there are not are not kept; some registers can't be written. */
	xapic_write(X2APIC_TPR, 0xffffff23);
	guest_assert_eq(xapic_read(X2APIC_TPR), 0x23);
	guest_assert_eq(xapic_read(X2APIC_PPR), 0x23);
	guest_assert_eq(read_cr8(), 2);
	xapic_write(X2APIC_ID, 0x55000000);
	guest_assert_eq(xapic_read(X2APIC_ID), this_cpu()->id << 24);
	xapic_write(X2APIC_LDR, 0x12345678);
	guest_assert_eq(xapic_read(X2APIC_LDR), 0x12000000);
	xapic_write(X2APIC_DFR, 0x00000000);
	guest_assert_eq(xapic_read(X2APIC_DFR), 0x0fffffff);
	xapic_write(X2APIC_ICR2, 0xffffffff);
	guest_assert_eq(xapic_read(X2APIC_ICR2), 0xff000000);
	xapic_write(X2APIC_LVT_ERROR, 0xffffffff);
	guest_assert_eq(xapic_read(X2APIC_LVT_ERROR), LVT_MASKED | 0xff);
	xapic_write(X2APIC_LVT_TIMER, 0xfffbf040 & ~LVT_MASKED);
	guest_assert_eq(xapic_read(X2APIC_LVT_TIMER) & ~0xe0000, 0x40);
	xapic_write(X2APIC_DIVIDE, 0xffffffff);
	guest_assert_eq(xapic_read(X2APIC_DIVIDE), 0xb);
	xapic_write(X2APIC_SVR, 0xfffff1ff);
	guest_assert_eq(xapic_read(X2APIC_SVR) & ~BIT(9), 0x1ff);
}

static void guest_errors(void)
{
	enter_xapic();
	xapic_write(X2APIC_ESR, 0);
	xapic_write(X2APIC_ESR, 0);
	guest_assert_eq(xapic_read(X2APIC_ESR), 0);
	guest_assert_eq(xapic_read(0x00), 0);
	xapic_write(X2APIC_ESR, 0);
	guest_assert_eq(xapic_read(X2APIC_ESR), ESR_ILLEGAL_REGISTER);
	xapic_write(0x3d, 1);
	xapic_write(X2APIC_ESR, 0xffffffff);
	guest_assert_eq(xapic_read(X2APIC_ESR), ESR_ILLEGAL_REGISTER);
	xapic_write(X2APIC_VERSION, 0);
	xapic_write(X2APIC_ESR, 0);
	guest_assert_eq(xapic_read(X2APIC_ESR), ESR_ILLEGAL_REGISTER);
	guest_assert_eq(xapic_read(0x80), 0);
	xapic_write(X2APIC_ESR, 0);
	guest_assert_eq(xapic_read(X2APIC_ESR), ESR_ILLEGAL_REGISTER);
	xapic_ipi(0, 3);
	xapic_write(X2APIC_ESR, 0);
	guest_assert_eq(xapic_read(X2APIC_ESR), ESR_SEND_ILLEGAL);
}

static void guest_forms(void)
{
	enter_xapic();
	guest_assert_eq(mov_forms(), 0);
}

/* An instruction that goes on in the next page, which may be anywhere. */
static u8 crossing[0x2000] __aligned(0x1000);

static void guest_crossing(void)
{
	static const u8 store[] = { 0xc7, 0x02, 0x34, 0x00, 0x00, 0x00, 0xc3 };
	u32 i;

	enter_xapic();
	for (i = 0; i < sizeof(store); i++) {
		u8 *at = crossing + 0x1000 - i;

		memcpy(at, store, sizeof(store));
		xapic_write(X2APIC_TPR, 0);
		asm volatile("call *%0" : : "r" (at), "d" (xapic_reg(X2APIC_TPR)) : "memory");
		guest_assert_eq(xapic_read(X2APIC_TPR), 0x34);
	}
}

/* The instruction is found through the guest's page tables, of whatever kind. */
static void code32_in(enum vm_mode mode)
{
	struct vcpu *vcpu = vm_with_guest(guest_done);
	struct phv_control control;

	need_phv();
	vcpu_enter(vcpu, mode, (u64)mov32_start);
	vcpu_get_control(vcpu, &control);
	control.apic_base = XAPIC | BASE_BSP;
	vcpu_set_control(vcpu, &control);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, 0);
}

static void code32(void)
{
	code32_in(VM_PROTECTED);
}

static void code32_paged(void)
{
	code32_in(VM_PAGED);
}

static void code32_pae(void)
{
	code32_in(VM_PAE);
}

static void forms57(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_forms);
	struct phv_control control;

	if (!(cpuid(7, 0).ecx & BIT(16)))
		test_skip("no 5-level paging");
	vcpu_get_control(vcpu, &control);
	control.cr3 = vm_page_tables(VM_LONG57);
	control.cr4 |= CR4_LA57;
	vcpu_set_control(vcpu, &control);
	vcpu_finish(vcpu);
}

/* A single step over the MOV traps behind it; STI's shadow ends with it. */
static u64 trap_rip;

static void on_step(struct guest_frame *frame)
{
	WRITE_ONCE(trap_rip, frame->rip);
	frame->rflags &= ~RFLAGS_TF;
}

static void guest_single_step(void)
{
	u64 after;

	guest_handle(VEC_DB, on_step);
	enter_xapic();
	asm volatile("pushf; orl %2, (%%rsp); popf; movl $0x30, (%1); 1: nop; lea 1b(%%rip), %0"
		     : "=r" (after) : "r" (xapic_reg(X2APIC_TPR)), "i" (RFLAGS_TF) : "memory");
	guest_assert_eq(READ_ONCE(trap_rip), after);
	guest_assert_eq(xapic_read(X2APIC_TPR), 0x30);
}

static void guest_interrupts(void)
{
	guest_handle(0x44, count_interrupt);
	guest_handle(0x66, count_interrupt);
	enter_xapic();

	write_cr8(5);
	xapic_ipi(0, 0x44);
	xapic_ipi(0, ICR_SELF | 0x66);
	guest_assert(xapic_bit(X2APIC_IRR, 0x44));
	guest_assert(xapic_bit(X2APIC_IRR, 0x66));
	take_interrupts();
	guest_assert_eq(READ_ONCE(taken[0]), 1);
	sti();
	xapic_write(X2APIC_TPR, 0x3f);
	asm volatile("nop");
	cli();
	guest_assert_eq(READ_ONCE(taken[0]), 2);
	guest_assert_eq(xapic_read(X2APIC_PPR), 0x3f);

	xapic_write(X2APIC_TPR, 0);
	xapic_ipi(0, ICR_SELF | 0x44);
	sti_hlt();
	guest_assert_eq(READ_ONCE(taken[0]), 3);
}

static void guest_timer(void)
{
	u32 count;

	guest_handle(0x44, count_interrupt);
	enter_xapic();
	xapic_write(X2APIC_DIVIDE, DIVIDE_BY_1);
	xapic_write(X2APIC_LVT_TIMER, 0x44);
	xapic_write(X2APIC_INITIAL_COUNT, 2000000);
	count = xapic_read(X2APIC_CURRENT_COUNT);
	guest_assert(count && count <= 2000000);
	guest_assert(xapic_read(X2APIC_CURRENT_COUNT) < count);
	sti_hlt();
	guest_assert_eq(READ_ONCE(taken[0]), 1);

	xapic_write(X2APIC_LVT_TIMER, TIMER_TSC_DEADLINE | 0x44);
	guest_assert_eq(xapic_read(X2APIC_INITIAL_COUNT), 0);
	xapic_write(X2APIC_INITIAL_COUNT, 1000);
	guest_assert_eq(xapic_read(X2APIC_INITIAL_COUNT), 0);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + 1000);
	sti_hlt();
	guest_assert_eq(READ_ONCE(taken[0]), 2);
}

/* Going on to x2APIC mode keeps everything but the identifiers (11.12.5.1). */
static void guest_to_x2apic(void)
{
	guest_handle(0x44, count_interrupt);
	enter_xapic();
	xapic_write(X2APIC_LDR, 0x80000000);
	xapic_write(X2APIC_TPR, 0x50);
	xapic_write(X2APIC_LVT_ERROR, 0x77);
	xapic_ipi(0, ICR_SELF | 0x66);
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | BASE_X2APIC);
	guest_assert_eq(x2apic_read(X2APIC_ID), 0);
	guest_assert_eq(x2apic_read(X2APIC_LDR), 1);
	guest_assert_eq(x2apic_read(X2APIC_TPR), 0x50);
	guest_assert_eq(x2apic_read(X2APIC_SVR), 0x1ff);
	guest_assert_eq(x2apic_read(X2APIC_LVT_ERROR), 0x77);
	guest_assert(x2apic_bit(X2APIC_IRR, 0x66));
}

/*
 * Destinations
 */

static void come_up(void)
{
	enter_xapic();
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	wait_until(READ_ONCE(ready) == VCPUS);
}

static void guest_other(void)
{
	come_up();
	while (!READ_ONCE(over))
		sti_hlt();
}

static void send(u8 dest, u32 command, u32 expected)
{
	u32 before[VCPUS], set, i;

	for (i = 0; i < VCPUS; i++)
		before[i] = READ_ONCE(taken[i]);
	sti();
	xapic_ipi(dest, command | 0x44);
	do {
		for (set = 0, i = 0; i < VCPUS; i++)
			set |= (READ_ONCE(taken[i]) - before[i]) << i;
	} while ((set & expected) != expected);
	for (i = 0; i < 100; i++)
		cpu_relax();
	cli();
	for (set = 0, i = 0; i < VCPUS; i++)
		set |= (READ_ONCE(taken[i]) - before[i]) << i;
	guest_assert_eq(set, expected);
}

/* The logical identifier of each vCPU is set by itself, on its next interrupt. */
static u32 next_ldr[VCPUS], next_dfr;

static void set_ldr(struct guest_frame *frame)
{
	xapic_write(X2APIC_DFR, READ_ONCE(next_dfr));
	xapic_write(X2APIC_LDR, READ_ONCE(next_ldr[this_cpu()->id]));
	count_interrupt(frame);
}

static void set_logical(u32 dfr, u32 a, u32 b, u32 c, u32 d)
{
	const u32 ldr[VCPUS] = { a, b, c, d };
	u32 i;

	WRITE_ONCE(next_dfr, dfr);
	for (i = 0; i < VCPUS; i++)
		WRITE_ONCE(next_ldr[i], ldr[i] << 24);
	send(0, ICR_ALL, 0xf);
}

static void guest_destinations(void)
{
	u32 i;

	come_up();
	for (i = 0; i < VCPUS; i++)
		send(i, 0, BIT(i));
	send(0xff, 0, 0xf);
	send(7, 0, 0);
	send(3, ICR_ALL, 0xf);
	send(3, ICR_OTHERS, 0xe);

	/* Flat: a bit each, and one with none. */
	set_logical(0xffffffff, 0x01, 0x02, 0x80, 0x00);
	send(0x01, ICR_LOGICAL, 0x1);
	send(0x83, ICR_LOGICAL, 0x7);
	send(0x7c, ICR_LOGICAL, 0x0);
	send(0xff, ICR_LOGICAL, 0x7);

	/* Clusters 1 and 2. */
	set_logical(0x0fffffff, 0x11, 0x12, 0x21, 0x28);
	send(0x11, ICR_LOGICAL, 0x1);
	send(0x13, ICR_LOGICAL, 0x3);
	send(0x29, ICR_LOGICAL, 0xc);
	send(0x2f, ICR_LOGICAL, 0xc);
	send(0x3f, ICR_LOGICAL, 0x0);
	send(0x10, ICR_LOGICAL, 0x0);
	send(0xff, ICR_LOGICAL, 0xf);

	WRITE_ONCE(over, true);
	xapic_ipi(0, ICR_OTHERS | 0x44);
}

static void destinations(void)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu[VCPUS];
	unsigned int i;

	guest_handle(0x44, set_ldr);
	next_dfr = 0xffffffff;
	for (i = 0; i < VCPUS; i++)
		vcpu[i] = vm_add_guest(vm, i, i ? guest_other : guest_destinations);
	for (i = 0; i < VCPUS; i++)
		vcpu_start(vcpu[i]);
	for (i = 0; i < VCPUS; i++)
		vcpu_join(vcpu[i]);
}

/*
 * What is no MOV of a register goes to user space, and nothing has happened.
 */

static void guest_strange(void)
{
	enter_xapic();
	guest_sync(0);
	asm volatile("mov (%0), %%eax" : : "r" (BASE_ADDRESS + 0x84) : "rax", "memory");
	guest_done();
}

static void guest_wide(void)
{
	enter_xapic();
	guest_sync(0);
	asm volatile("mov %%rax, (%0)" : : "r" (BASE_ADDRESS + 0x80) : "memory");
	guest_done();
}

static void guest_jump(void)
{
	enter_xapic();
	guest_sync(0);
	((void (*)(void))(BASE_ADDRESS + 0x80))();
}

static void strange(void (*guest)(void), u32 offset, u32 access)
{
	struct vcpu *vcpu = vm_with_guest(guest);
	struct phv_regs before, after;

	need_phv();
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr, BASE_ADDRESS + offset);
	check_eq(vcpu->run->memory.access & access, access);
	vcpu_get_regs(vcpu, &before);
	/* Again and again. */
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	vcpu_get_regs(vcpu, &after);
	check_eq(before.rip, after.rip);
	check_eq(before.gpr[RAX], after.gpr[RAX]);
}

static void strange_offset(void)
{
	strange(guest_strange, 0x84, PHV_ACCESS_READ);
}

static void strange_size(void)
{
	strange(guest_wide, 0x80, PHV_ACCESS_WRITE);
}

static void strange_fetch(void)
{
	strange(guest_jump, 0x80, PHV_ACCESS_EXECUTE);
}

/* In x2APIC mode, and with the APIC off, there is no such page. */
static void guest_no_page(void)
{
	asm volatile("mov (%0), %%eax" : : "r" (BASE_ADDRESS + 0x20) : "rax", "memory");
}

static void no_page(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_no_page);
	struct phv_control control;

	need_phv();
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr, BASE_ADDRESS + 0x20);
	vcpu_get_control(vcpu, &control);
	control.apic_base = BASE_ADDRESS;
	vcpu_set_control(vcpu, &control);
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr, BASE_ADDRESS + 0x20);
}

/*
 * One vCPU is in xAPIC mode, the other is not: what is the page to one is never the
 * registers of the other.
 */
static u32 foreign;

static void guest_in_x2apic(void)
{
	x2apic_write(X2APIC_TPR, 0x20);
	WRITE_ONCE(foreign, READ_ONCE(*(u32 *)(BASE_ADDRESS + 0x80)));
	WRITE_ONCE(*(u32 *)(BASE_ADDRESS + 0x80), 0x77);
	guest_assert_eq(x2apic_read(X2APIC_TPR), 0x20);
}

static void guest_in_xapic(void)
{
	enter_xapic();
	xapic_write(X2APIC_TPR, 0x40);
	guest_sync(0);
	guest_assert_eq(xapic_read(X2APIC_TPR), 0x40);
}

static void both_modes(void)
{
	struct vm *vm = vm_create();
	struct vcpu *xapic = vm_add_guest(vm, 0, guest_in_xapic);
	struct vcpu *x2apic = vm_add_guest(vm, 1, guest_in_x2apic);
	int ret;

	need_phv();
	vcpu_expect(xapic, VCPU_SYNC);
	/* A hole, or what the processor needs there to make a page of it. */
	ret = vcpu_run(x2apic);
	check(ret == PHV_EXIT_MEMORY || ret == VCPU_DONE);
	check(foreign != 0x40);
	vcpu_finish(xapic);
}

/* With APIC-register virtualization the usual accesses do not exit. */
static void guest_busy(void)
{
	u32 i;

	guest_handle(0x44, count_interrupt);
	enter_xapic();
	xapic_ipi(0, ICR_SELF | 0x44);
	take_interrupts();
	guest_sync(0);
	sti();
	for (i = 0; i < 200; i++) {
		xapic_write(X2APIC_ICR, ICR_SELF | 0x44);
		xapic_write(X2APIC_TPR, i & 0x3f);
		guest_assert_eq(xapic_read(X2APIC_TPR), i & 0x3f);
		xapic_read(X2APIC_IRR);
		xapic_read(X2APIC_ICR);
	}
	cli();
	guest_assert_eq(READ_ONCE(taken[0]), 201);
}

static void busy(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_busy);
	struct phv_counters before, after;

	need_apicv();
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_counters(vcpu, &before);
	vcpu_finish(vcpu);
	vcpu_get_counters(vcpu, &after);
	check_eq(after.exits[44] - before.exits[44], 0);	/* APIC access */
	check_eq(after.exits[56] - before.exits[56], 0);	/* APIC write */
	check(after.exits[48] - before.exits[48] < 5);		/* EPT violation */
}

static const struct test tests[] = {
	{ "registers in memory", .guest = guest_registers },
	{ "errors", .guest = guest_errors },
	{ "all forms of MOV", .guest = guest_forms },
	{ "MOV across a page", .guest = guest_crossing },
	{ "MOV in 32-bit code", .host = code32 },
	{ "MOV in 32-bit code, with 32-bit paging", .host = code32_paged },
	{ "MOV in 32-bit code, with PAE paging", .host = code32_pae },
	{ "all forms of MOV, with 5-level paging", .host = forms57 },
	{ "single steps", .guest = guest_single_step },
	{ "interrupts, TPR and EOI", .guest = guest_interrupts },
	{ "the timer", .guest = guest_timer },
	{ "from xAPIC to x2APIC mode", .guest = guest_to_x2apic },
	{ "destinations: physical, flat, clusters", .host = destinations },
	{ "between registers there is nothing", .host = strange_offset },
	{ "registers are not 64 bits wide", .host = strange_size },
	{ "instructions are not fetched from it", .host = strange_fetch },
	{ "in other modes there is no page", .host = no_page },
	{ "vCPUs in both modes", .host = both_modes },
	{ "the usual does not exit", .host = busy },
};

int main(int argc, char **argv)
{
	test_keep_translations();
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
