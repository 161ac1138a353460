// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC of one vCPU: registers, priorities, modes, and what user space
 * sees of it. SDM volume 3, chapter 11; the tables' numbers are its.
 */
#include <errno.h>
#include <string.h>

#include "lapic.h"

struct interrupt_log interrupt_log;

#define BASE_RESET	(BASE_ADDRESS | BASE_ENABLE | BASE_X2APIC)

static void guest_reset_state(void)
{
	u32 i;

	guest_assert_eq(rdmsr(MSR_APIC_BASE), BASE_RESET | BASE_BSP);
	guest_assert_eq(x2apic_read(X2APIC_ID), 0);
	guest_assert_eq(x2apic_read(X2APIC_VERSION) & 0xf0, 0x10);
	guest_assert_eq(x2apic_read(X2APIC_VERSION) >> 16 & 0xff, 5);
	guest_assert_eq(x2apic_read(X2APIC_TPR), 0);
	guest_assert_eq(x2apic_read(X2APIC_PPR), 0);
	guest_assert_eq(x2apic_read(X2APIC_LDR), 1);
	guest_assert_eq(x2apic_read(X2APIC_SVR), 0xff);
	for (i = X2APIC_ISR; i < X2APIC_ESR; i++)
		guest_assert_eq(x2apic_read(i), 0);
	guest_assert_eq(x2apic_read(X2APIC_ESR), 0);
	guest_assert_eq(x2apic_read(X2APIC_ICR), 0);
	for (i = X2APIC_LVT_TIMER; i <= X2APIC_LVT_ERROR; i++)
		guest_assert_eq(x2apic_read(i), LVT_MASKED);
	guest_assert_eq(x2apic_read(X2APIC_INITIAL_COUNT), 0);
	guest_assert_eq(x2apic_read(X2APIC_CURRENT_COUNT), 0);
	guest_assert_eq(x2apic_read(X2APIC_DIVIDE), 0);
}

static void guest_identifiers(void)
{
	u32 id = this_cpu()->id;

	guest_assert_eq(rdmsr(MSR_APIC_BASE), BASE_RESET);
	guest_assert_eq(x2apic_read(X2APIC_ID), id);
	guest_assert_eq(x2apic_read(X2APIC_LDR), (id >> 4) << 16 | BIT(id & 15));
}

static void identifiers(void)
{
	static const u32 ids[] = { 1, 15, 16, 77, PHV_MAX_VCPUS - 1 };
	struct vm *vm = vm_create();
	unsigned int i;

	need_phv();
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		vcpu_finish(vm_add_guest(vm, ids[i], guest_identifiers));
}

/* Table 11-6. */
static bool can_read(u32 reg)
{
	switch (reg) {
	case 0x02: case 0x03: case 0x08: case 0x0a: case 0x0d: case 0x0f:
	case 0x10 ... 0x28: case 0x30: case 0x32 ... 0x39: case 0x3e:
		return true;
	}
	return false;
}

/* 0 can be written to all that can be written. */
static bool can_write(u32 reg)
{
	switch (reg) {
	case 0x08: case 0x0b: case 0x0f: case 0x28: case 0x32 ... 0x38: case 0x3e:
	case 0x3f:
		return true;
	}
	return false;
}

static void guest_msrs_exist(void)
{
	u64 value;
	u32 reg;

	for (reg = 0; reg < 0x100; reg++) {
		guest_assert_eq(reg << 8 | (u8)rdmsr_fault(0x800 + reg, &value),
				reg << 8 | (u8)(can_read(reg) ? NO_FAULT : VEC_GP));
		if (reg == X2APIC_ICR)
			continue;
		guest_assert_eq(reg << 8 | (u8)wrmsr_fault(0x800 + reg, 0),
				reg << 8 | (u8)(can_write(reg) ? NO_FAULT : VEC_GP));
	}
}

/* Which bits of a register can be set, found by trying. */
static u32 bits_of(u32 reg, u64 base)
{
	u32 bits = 0, i;

	for (i = 0; i < 64; i++) {
		if (wrmsr_fault(0x800 + reg, base | BIT(i)) != NO_FAULT)
			continue;
		guest_assert(i < 32);
		bits |= BIT(i);
	}
	return bits;
}

static void guest_reserved_bits(void)
{
	guest_assert_eq(bits_of(X2APIC_TPR, 0), 0xff);
	x2apic_write(X2APIC_TPR, 0);
	guest_assert_eq(bits_of(X2APIC_EOI, 0), 0);
	guest_assert_eq(bits_of(X2APIC_ESR, 0), 0);
	guest_assert_eq(bits_of(X2APIC_SVR, 0) & ~BIT(9), 0x1ff);
	guest_assert_eq(bits_of(X2APIC_LVT_TIMER, LVT_MASKED) & ~BIT(12), 0x700ff);
	guest_assert_eq(bits_of(X2APIC_LVT_ERROR, LVT_MASKED) & ~BIT(12), 0x100ff);
	guest_assert_eq(bits_of(0x35, LVT_MASKED) & ~(BIT(12) | BIT(14)), 0x1a7ff);
	guest_assert_eq(bits_of(X2APIC_DIVIDE, 0), 0xb);
	guest_assert_eq(bits_of(X2APIC_INITIAL_COUNT, 0), 0xffffffff);
	x2apic_write(X2APIC_INITIAL_COUNT, 0);
	guest_assert_eq(bits_of(X2APIC_SELF_IPI, 0xf0) & 0xf0, 0xf0);
	guest_assert_eq(wrmsr_fault(0x83f, BIT(8)), VEC_GP);
	/* To nobody, so that nothing happens: */
	guest_assert_eq(wrmsr_fault(0x830, 0x7f00000000 | BIT(13) | 0x40), VEC_GP);
	guest_assert_eq(wrmsr_fault(0x830, 0x7f00000000 | BIT(16) | 0x40), VEC_GP);
	guest_assert_eq(wrmsr_fault(0x830, 0x7f00000000 | BIT(20) | 0x40), VEC_GP);
	guest_assert_eq(wrmsr_fault(0x830, 0x7f00000000 | BIT(31) | 0x40), VEC_GP);
	guest_assert_eq(wrmsr_fault(0x830, 0x7f00005040), NO_FAULT);
	guest_assert_eq(x2apic_read(X2APIC_ICR), 0x7f00004040);
}

static void guest_registers_keep(void)
{
	u32 reg;

	x2apic_enable();
	for (reg = X2APIC_LVT_TIMER; reg <= X2APIC_LVT_ERROR; reg++) {
		x2apic_write(reg, LVT_MASKED | (0x40 + reg));
		guest_assert_eq(x2apic_read(reg), LVT_MASKED | (0x40 + reg));
	}
	x2apic_write(X2APIC_DIVIDE, 0xa);
	guest_assert_eq(x2apic_read(X2APIC_DIVIDE), 0xa);
	/* Read-only bits. */
	x2apic_write(0x35, LVT_MASKED | BIT(12) | BIT(14) | 0x50);
	guest_assert_eq(x2apic_read(0x35), LVT_MASKED | 0x50);
}

/* While it is software-disabled, it masks its LVT and takes no interrupts (11.4.7.2). */
static void guest_software_disabled(void)
{
	log_vectors(0x40, 0x4f);
	x2apic_enable();
	x2apic_write(X2APIC_LVT_ERROR, 0x41);
	x2apic_write(X2APIC_SELF_IPI, 0x42);
	guest_assert(x2apic_bit(X2APIC_IRR, 0x42));

	x2apic_write(X2APIC_SVR, 0xff);
	guest_assert_eq(x2apic_read(X2APIC_LVT_ERROR), LVT_MASKED | 0x41);
	x2apic_write(X2APIC_LVT_ERROR, 0x41);
	guest_assert_eq(x2apic_read(X2APIC_LVT_ERROR), LVT_MASKED | 0x41);
	x2apic_ipi(0, 0x43);
	guest_assert(!x2apic_bit(X2APIC_IRR, 0x43));
	x2apic_write(X2APIC_SELF_IPI, 0x44);
	guest_assert(!x2apic_bit(X2APIC_IRR, 0x44));
	/* What is in IRR stays, and gets in. */
	guest_assert(x2apic_bit(X2APIC_IRR, 0x42));
	take_interrupts();
	guest_assert_eq(READ_ONCE(interrupt_log.count), 1);
	guest_assert_eq(interrupt_log.vector[0], 0x42);

	x2apic_enable();
	guest_assert_eq(x2apic_read(X2APIC_LVT_ERROR), LVT_MASKED | 0x41);
	take_interrupts();
	guest_assert_eq(READ_ONCE(interrupt_log.count), 1);
}

static void expect_log(const u8 *vector, u32 count)
{
	u32 i;

	guest_assert_eq(READ_ONCE(interrupt_log.count), count);
	for (i = 0; i < count; i++)
		guest_assert_eq(interrupt_log.vector[i], vector[i]);
	WRITE_ONCE(interrupt_log.count, 0);
}

#define EXPECT_LOG(...) do {						\
	static const u8 expected_[] = { __VA_ARGS__ };			\
									\
	expect_log(expected_, sizeof(expected_));			\
} while (0)

static void guest_order(void)
{
	static const u8 sent[] = { 0x31, 0x53, 0x42, 0xff, 0x41, 0x10 };
	u32 i;

	log_vectors(0x10, 0xff);
	x2apic_enable();
	for (i = 0; i < ARRAY_SIZE(sent); i++) {
		x2apic_write(X2APIC_SELF_IPI, sent[i]);
		x2apic_write(X2APIC_SELF_IPI, sent[i]);		/* is the same one */
		guest_assert(x2apic_bit(X2APIC_IRR, sent[i]));
		guest_assert(!x2apic_bit(X2APIC_TMR, sent[i]));
	}
	take_interrupts();
	EXPECT_LOG(0xff, 0x53, 0x42, 0x41, 0x31, 0x10);
	for (i = X2APIC_ISR; i < X2APIC_ESR; i++)
		guest_assert_eq(x2apic_read(i), 0);
	/* There is no end of what has not begun. */
	x2apic_eoi();
}

/* In the service of 0x51: the same class waits, a higher one nests. */
static void nest(struct guest_frame *frame)
{
	guest_assert_eq(frame->vector, 0x51);
	guest_assert(x2apic_bit(X2APIC_ISR, 0x51));
	guest_assert(!x2apic_bit(X2APIC_IRR, 0x51));
	guest_assert_eq(x2apic_read(X2APIC_PPR), 0x50);

	x2apic_write(X2APIC_SELF_IPI, 0x5f);
	x2apic_write(X2APIC_SELF_IPI, 0x42);
	take_interrupts();
	guest_assert_eq(READ_ONCE(interrupt_log.count), 0);
	x2apic_write(X2APIC_SELF_IPI, 0x60);
	take_interrupts();
	EXPECT_LOG(0x60);
	guest_assert_eq(x2apic_read(X2APIC_PPR), 0x50);
	x2apic_eoi();
	guest_assert_eq(x2apic_read(X2APIC_PPR), 0);
	take_interrupts();
	EXPECT_LOG(0x5f, 0x42);
	log_interrupt(frame);
}

static void guest_nesting(void)
{
	log_vectors(0x40, 0x6f);
	guest_handle(0x51, nest);
	x2apic_enable();
	x2apic_write(X2APIC_SELF_IPI, 0x51);
	take_interrupts();
	EXPECT_LOG(0x51);
}

static void guest_tpr(void)
{
	log_vectors(0x40, 0x7f);
	x2apic_enable();

	write_cr8(5);
	guest_assert_eq(x2apic_read(X2APIC_TPR), 0x50);
	guest_assert_eq(x2apic_read(X2APIC_PPR), 0x50);
	x2apic_write(X2APIC_TPR, 0x67);
	guest_assert_eq(read_cr8(), 6);
	guest_assert_eq(x2apic_read(X2APIC_PPR), 0x67);
	guest_assert_eq(write_cr8_fault(16), VEC_GP);

	sti();
	x2apic_write(X2APIC_SELF_IPI, 0x6f);
	guest_assert_eq(READ_ONCE(interrupt_log.count), 0);
	x2apic_write(X2APIC_SELF_IPI, 0x70);
	asm volatile("nop");
	EXPECT_LOG(0x70);
	write_cr8(5);
	asm volatile("nop");
	EXPECT_LOG(0x6f);

	/* Lower, but not low enough; then by the MSR. */
	x2apic_write(X2APIC_SELF_IPI, 0x41);
	x2apic_write(X2APIC_SELF_IPI, 0x52);
	write_cr8(5);
	asm volatile("nop");
	guest_assert_eq(READ_ONCE(interrupt_log.count), 0);
	write_cr8(4);
	asm volatile("nop");
	EXPECT_LOG(0x52);
	x2apic_write(X2APIC_TPR, 0x3f);
	asm volatile("nop");
	EXPECT_LOG(0x41);
	cli();

	/* The highest lets nothing in. */
	write_cr8(15);
	x2apic_write(X2APIC_SELF_IPI, 0x7f);
	take_interrupts();
	guest_assert_eq(READ_ONCE(interrupt_log.count), 0);
	write_cr8(0);
	take_interrupts();
	EXPECT_LOG(0x7f);
}

/* The handler of 0x70 lowers TPR to let in what CR8 had kept out. */
static void lower(struct guest_frame *frame)
{
	write_cr8(0);
	take_interrupts();
	guest_assert_eq(READ_ONCE(interrupt_log.count), 0);	/* PPR is 0x70 still */
	log_interrupt(frame);
}

static void guest_tpr_and_service(void)
{
	log_vectors(0x40, 0x7f);
	guest_handle(0x70, lower);
	x2apic_enable();
	write_cr8(6);
	x2apic_write(X2APIC_SELF_IPI, 0x44);
	x2apic_write(X2APIC_SELF_IPI, 0x70);
	take_interrupts();
	take_interrupts();
	EXPECT_LOG(0x70, 0x44);
}

static void guest_errors(void)
{
	log_vectors(0x40, 0x4f);
	x2apic_enable();

	x2apic_write(X2APIC_SELF_IPI, 5);
	guest_assert_eq(x2apic_read(X2APIC_ESR), 0);
	x2apic_write(X2APIC_ESR, 0);
	guest_assert(x2apic_read(X2APIC_ESR) & ESR_SEND_ILLEGAL);
	x2apic_write(X2APIC_ESR, 0);
	guest_assert_eq(x2apic_read(X2APIC_ESR), 0);

	x2apic_write(X2APIC_LVT_ERROR, 0x47);
	x2apic_ipi(0, 15);
	take_interrupts();
	EXPECT_LOG(0x47);
	x2apic_write(X2APIC_ESR, 0);
	guest_assert(x2apic_read(X2APIC_ESR) & ESR_SEND_ILLEGAL);

	/* An illegal vector for errors is one more, and no more. */
	x2apic_write(X2APIC_LVT_ERROR, 7);
	x2apic_ipi(0, 0);
	take_interrupts();
	guest_assert_eq(READ_ONCE(interrupt_log.count), 0);
	x2apic_write(X2APIC_ESR, 0);
	guest_assert_eq(x2apic_read(X2APIC_ESR), ESR_SEND_ILLEGAL | ESR_RECEIVE_ILLEGAL);
}

/* An interrupt after STI; HLT with one pending does not wait (SDM volume 2, STI). */
static void guest_halt(void)
{
	log_vectors(0x40, 0x4f);
	x2apic_enable();
	x2apic_write(X2APIC_SELF_IPI, 0x40);
	sti_hlt();
	EXPECT_LOG(0x40);
}

/* Figure 11-27: what the guest may do to IA32_APIC_BASE, from each mode. */
#define BASE_OFF	BASE_ADDRESS
#define BASE_XAPIC	(BASE_ADDRESS | BASE_ENABLE)
#define BASE_X2		(BASE_ADDRESS | BASE_ENABLE | BASE_X2APIC)
#define BASE_INVALID	(BASE_ADDRESS | BASE_X2APIC)

static int set_base(u64 base)
{
	int fault = wrmsr_fault(MSR_APIC_BASE, base | BASE_BSP);

	if (fault == NO_FAULT)
		guest_assert_eq(rdmsr(MSR_APIC_BASE), base | BASE_BSP);
	return fault;
}

static void guest_modes(void)
{
	u64 value;

	x2apic_enable();
	guest_assert_eq(set_base(BASE_X2), NO_FAULT);
	guest_assert_eq(set_base(BASE_XAPIC), VEC_GP);
	guest_assert_eq(set_base(BASE_INVALID), VEC_GP);
	guest_assert_eq(x2apic_read(X2APIC_SVR), 0x1ff);

	guest_assert_eq(set_base(BASE_OFF), NO_FAULT);
	guest_assert_eq(rdmsr_fault(0x802, &value), VEC_GP);
	guest_assert_eq(wrmsr_fault(0x80b, 0), VEC_GP);
	guest_assert_eq(wrmsr_fault(0x83f, 0x40), VEC_GP);
	guest_assert_eq(set_base(BASE_INVALID), VEC_GP);
	guest_assert_eq(set_base(BASE_X2), VEC_GP);

	guest_assert_eq(set_base(BASE_XAPIC), NO_FAULT);
	guest_assert_eq(set_base(BASE_INVALID), VEC_GP);
	guest_assert_eq(rdmsr_fault(0x802, &value), VEC_GP);
	guest_assert_eq(rdmsr_fault(0x808, &value), VEC_GP);
	guest_assert_eq(wrmsr_fault(0x808, 0), VEC_GP);
	guest_assert_eq(set_base(BASE_OFF), NO_FAULT);
	guest_assert_eq(set_base(BASE_XAPIC), NO_FAULT);

	guest_assert_eq(set_base(BASE_X2), NO_FAULT);
	guest_reset_state();
}

static void guest_base_is_fixed(void)
{
	guest_assert_eq(wrmsr_fault(MSR_APIC_BASE, 0xfec00000 | BASE_ENABLE |
				    BASE_X2APIC), VEC_GP);
	guest_assert_eq(set_base(BASE_X2 | BIT(0)), VEC_GP);
	guest_assert_eq(set_base(BASE_X2 | BIT(9)), VEC_GP);
	guest_assert_eq(set_base(BASE_X2 | BIT(52)), VEC_GP);
	guest_assert_eq(set_base(BASE_X2 | BIT(63)), VEC_GP);
}

/* Switched off, it takes nothing, and forgets what it had. */
static void guest_off_forgets(void)
{
	log_vectors(0x40, 0x4f);
	x2apic_enable();
	x2apic_write(X2APIC_SELF_IPI, 0x42);
	guest_assert_eq(set_base(BASE_OFF), NO_FAULT);
	take_interrupts();
	guest_assert_eq(READ_ONCE(interrupt_log.count), 0);
	guest_assert_eq(set_base(BASE_XAPIC), NO_FAULT);
	guest_assert_eq(set_base(BASE_X2), NO_FAULT);
	guest_assert(!x2apic_bit(X2APIC_IRR, 0x42));
	x2apic_enable();
	take_interrupts();
	guest_assert_eq(READ_ONCE(interrupt_log.count), 0);
}

/*
 * User space
 */

static void get_lapic(struct vcpu *vcpu, struct phv_lapic *lapic)
{
	check_eq(vcpu_ioctl(vcpu, PHV_GET_LAPIC, lapic), 0);
}

static void guest_with_state(void)
{
	log_vectors(0x40, 0x7f);
	x2apic_enable();
	x2apic_write(X2APIC_TPR, 0x52);
	x2apic_write(X2APIC_LVT_ERROR, 0x41);
	x2apic_write(X2APIC_DIVIDE, 0x9);
	x2apic_ipi(0x7f, 0x4040);
	x2apic_write(X2APIC_SELF_IPI, 0x45);
	guest_sync(0);
	write_cr8(0);
	take_interrupts();
	EXPECT_LOG(0x66, 0x45);
	guest_assert_eq(x2apic_read(X2APIC_ICR), 0x7f00004040);
	guest_assert_eq(x2apic_read(X2APIC_LVT_ERROR), 0x41);
}

static void state(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_with_state);
	struct phv_lapic lapic, again;

	need_phv();
	vcpu_expect(vcpu, VCPU_SYNC);
	get_lapic(vcpu, &lapic);
	check_eq(lapic.regs[X2APIC_TPR * 4], 0x52);
	check_eq(lapic.regs[X2APIC_PPR * 4], 0x52);
	check_eq(lapic.regs[X2APIC_SVR * 4], 0x1ff);
	check_eq(lapic.regs[X2APIC_LVT_ERROR * 4], 0x41);
	check_eq(lapic.regs[X2APIC_DIVIDE * 4], 0x9);
	check_eq(lapic.regs[X2APIC_ICR * 4], 0x4040);
	check_eq(lapic.regs[X2APIC_ICR2 * 4], 0x7f);
	check_eq(lapic.regs[(X2APIC_IRR + 2) * 4], BIT(5));

	check_eq(vcpu_ioctl(vcpu, PHV_SET_LAPIC, &lapic), 0);
	get_lapic(vcpu, &again);
	check(!memcmp(&lapic, &again, sizeof(lapic)));

	lapic.regs[(X2APIC_IRR + 3) * 4] = BIT(6);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_LAPIC, &lapic), 0);
	vcpu_finish(vcpu);
}

static void interrupt_in_service(struct guest_frame *frame)
{
	guest_sync(0);
	guest_assert(x2apic_bit(X2APIC_ISR, 0x51));
	guest_assert_eq(x2apic_read(X2APIC_PPR), 0x50);
	log_interrupt(frame);
}

static void guest_state_in_service(void)
{
	log_vectors(0x40, 0x7f);
	guest_handle(0x51, interrupt_in_service);
	x2apic_enable();
	x2apic_write(X2APIC_SELF_IPI, 0x51);
	x2apic_write(X2APIC_SELF_IPI, 0x41);
	take_interrupts();
	EXPECT_LOG(0x51, 0x41);
}

/* An interrupt in service moves to another domain, in which it goes on. */
static void state_in_service(void)
{
	struct vcpu *from = vm_with_guest(guest_state_in_service);
	struct vcpu *to = vm_with_guest(guest_state_in_service);
	struct phv_control control;
	struct phv_lapic lapic;
	struct phv_regs regs;

	need_phv();
	vcpu_expect(from, VCPU_SYNC);
	vcpu_get_regs(from, &regs);
	vcpu_get_control(from, &control);
	get_lapic(from, &lapic);
	check_eq(lapic.regs[(X2APIC_ISR + 2) * 4], BIT(0x11));
	check_eq(lapic.regs[(X2APIC_IRR + 2) * 4], BIT(1));

	vcpu_set_control(to, &control);
	vcpu_set_regs(to, &regs);
	check_eq(vcpu_ioctl(to, PHV_SET_LAPIC, &lapic), 0);
	vcpu_finish(to);
}

static void bad_state_value(struct vcpu *vcpu, u32 index, u32 value)
{
	struct phv_lapic lapic;
	int ret;

	get_lapic(vcpu, &lapic);
	lapic.regs[index] = value;
	ret = vcpu_ioctl(vcpu, PHV_SET_LAPIC, &lapic);
	if (ret != -EINVAL)
		test_fail("register word %#x: %#x: %d", index, value, ret);
}

static void bad_state(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_done);
	struct phv_lapic lapic;

	need_phv();
	bad_state_value(vcpu, X2APIC_ID * 4, 1);
	bad_state_value(vcpu, X2APIC_VERSION * 4, 0xffffffff);
	bad_state_value(vcpu, X2APIC_TPR * 4, 0x100);
	bad_state_value(vcpu, X2APIC_SVR * 4, 0x1000);
	bad_state_value(vcpu, X2APIC_ISR * 4, 1);
	bad_state_value(vcpu, X2APIC_IRR * 4, 0x8000);
	bad_state_value(vcpu, X2APIC_TMR * 4 + 4, 1);
	bad_state_value(vcpu, X2APIC_LVT_TIMER * 4, BIT(31));
	bad_state_value(vcpu, X2APIC_LVT_ERROR * 4, BIT(17));
	bad_state_value(vcpu, X2APIC_ICR * 4, BIT(31));
	bad_state_value(vcpu, X2APIC_DIVIDE * 4, BIT(2));
	bad_state_value(vcpu, X2APIC_SELF_IPI * 4, 0x40);
	bad_state_value(vcpu, 0, 1);
	bad_state_value(vcpu, X2APIC_TPR * 4 + 1, 1);
	bad_state_value(vcpu, 0x100, 1);
	bad_state_value(vcpu, 1023, 1);

	get_lapic(vcpu, &lapic);
	lapic.reserved[2] = 1;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_LAPIC, &lapic), -EINVAL);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_LAPIC, NULL), -EFAULT);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_LAPIC, NULL), -EFAULT);
	vcpu_finish(vcpu);
}

/* User space may set any mode, but no invalid one. */
static void base_of_user(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_done);
	struct phv_control control;
	struct phv_lapic lapic;

	need_phv();
	vcpu_get_control(vcpu, &control);
	check_eq(control.apic_base, BASE_X2 | BASE_BSP);
	control.apic_base = BASE_XAPIC;
	vcpu_set_control(vcpu, &control);
	get_lapic(vcpu, &lapic);
	check_eq(lapic.regs[X2APIC_DFR * 4], 0xffffffff);
	check_eq(lapic.regs[X2APIC_LDR * 4], 0);
	lapic.regs[X2APIC_LDR * 4] = 0x05000000;
	lapic.regs[X2APIC_DFR * 4] = 0x0fffffff;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_LAPIC, &lapic), 0);
	get_lapic(vcpu, &lapic);
	check_eq(lapic.regs[X2APIC_LDR * 4], 0x05000000);
	check_eq(lapic.regs[X2APIC_DFR * 4], 0x0fffffff);

	control.apic_base = BASE_X2 | BASE_BSP;
	vcpu_set_control(vcpu, &control);
	control.apic_base = BASE_INVALID;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_CONTROL, &control), -EINVAL);
	control.apic_base = 0xfed00000 | BASE_ENABLE;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_CONTROL, &control), -EINVAL);
	vcpu_finish(vcpu);
}

/* PHV_INTERRUPT: before the vCPU runs, in HLT, and for vectors that there are not. */
static void guest_wait_for_user(void)
{
	log_vectors(0x40, 0x4f);
	x2apic_enable();
	guest_sync(0);
	take_interrupts();
	EXPECT_LOG(0x4f, 0x40);
	sti_hlt();
	EXPECT_LOG(0x41);
}

static void interrupt_by_user(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_wait_for_user);

	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, 15), -EINVAL);
	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, 256), -EINVAL);
	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, -1), -EINVAL);
	/* Not enabled yet: dropped. */
	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, 0x43), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, 0x40), 0);
	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, 0x4f), 0);
	vcpu_start(vcpu);
	vcpu_wait_blocked(vcpu);
	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, 0x41), 0);
	vcpu_join(vcpu);
}

static const struct test tests[] = {
	{ "a new APIC is in x2APIC mode, with the values of a reset",
	  .guest = guest_reset_state },
	{ "identifiers follow from the vCPU's number", .host = identifiers },
	{ "the MSRs of table 11-6 exist, and no others", .guest = guest_msrs_exist },
	{ "reserved bits fault", .guest = guest_reserved_bits },
	{ "registers keep what is written", .guest = guest_registers_keep },
	{ "a software-disabled APIC masks and drops", .guest = guest_software_disabled },
	{ "interrupts come in order of priority", .guest = guest_order },
	{ "interrupts nest by class, and go on at EOI", .guest = guest_nesting },
	{ "TPR and CR8 are one, and hold interrupts back", .guest = guest_tpr },
	{ "TPR is lowered in the service of an interrupt", .guest = guest_tpr_and_service },
	{ "errors are in ESR, and interrupt", .guest = guest_errors },
	{ "HLT after STI takes what is pending", .guest = guest_halt },
	{ "modes change as they may", .guest = guest_modes },
	{ "IA32_APIC_BASE has reserved bits, and an address that stays",
	  .guest = guest_base_is_fixed },
	{ "switched off, it forgets", .guest = guest_off_forgets },
	{ "user space reads and writes it all", .host = state },
	{ "an interrupt in service moves to another domain", .host = state_in_service },
	{ "user space can't write what can't be", .host = bad_state },
	{ "user space sets any mode", .host = base_of_user },
	{ "PHV_INTERRUPT interrupts", .host = interrupt_by_user },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
