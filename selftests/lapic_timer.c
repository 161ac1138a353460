// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer: its three modes, with the guest spinning, halted and
 * exiting all the time. SDM volume 3, 11.5.4.
 *
 * The timer counts nanoseconds, and the guest's TSC has the frequency that
 * user space knows: so one can be held against the other.
 */
#include <time.h>

#include "lapic.h"

#define TIMER_VECTOR	0x60

struct interrupt_log interrupt_log;

/* TSC ticks per millisecond, from the host's side. */
static u64 tsc_khz;

static u64 tsc_of_last;

static void on_timer(struct guest_frame *frame)
{
	WRITE_ONCE(tsc_of_last, rdtsc());
	log_interrupt(frame);
}

static u32 ticks(void)
{
	return READ_ONCE(interrupt_log.count);
}

static u64 us(u64 microseconds)
{
	return microseconds * READ_ONCE(tsc_khz) / 1000;
}

static void start_in(u64 mode)
{
	guest_handle(TIMER_VECTOR, on_timer);
	x2apic_enable();
	x2apic_write(X2APIC_DIVIDE, DIVIDE_BY_1);
	x2apic_write(X2APIC_LVT_TIMER, mode | TIMER_VECTOR);
	WRITE_ONCE(interrupt_log.count, 0);
}

/* Ways to wait that treat the hypervisor differently. */
static void spin(void)
{
	cpu_relax();
}

static void exit_often(void)
{
	cpuid(0, 0);
}

static void halt(void)
{
	sti_hlt();
	sti();
}

static void (*wait_a_bit)(void);

/* Wait for the next tick; it must not have been early. */
static void wait_tick(u64 not_before)
{
	u32 before = ticks();

	sti();
	while (ticks() == before)
		wait_a_bit();
	cli();
	guest_assert_eq(ticks(), before + 1);
	guest_assert(READ_ONCE(tsc_of_last) >= not_before);
}

static bool comes_within(u64 duration)
{
	u64 start = rdtsc();
	u32 before = ticks();

	sti();
	while (ticks() == before && rdtsc() - start < duration)
		cpu_relax();
	cli();
	return ticks() != before;
}

/* TSC-deadline mode */

static void guest_deadline(void)
{
	u64 deadline;
	u32 i;

	start_in(TIMER_TSC_DEADLINE);
	guest_assert_eq(rdmsr(MSR_TSC_DEADLINE), 0);
	for (i = 0; i < 10; i++) {
		deadline = rdtsc() + us(500);
		wrmsr(MSR_TSC_DEADLINE, deadline);
		guest_assert_eq(rdmsr(MSR_TSC_DEADLINE), deadline);
		wait_tick(deadline);
		guest_assert_eq(rdmsr(MSR_TSC_DEADLINE), 0);
	}
	guest_assert(!comes_within(us(200)));
}

static void guest_deadline_past(void)
{
	start_in(TIMER_TSC_DEADLINE);
	wrmsr(MSR_TSC_DEADLINE, 1);
	take_interrupts();
	guest_assert_eq(ticks(), 1);
	wrmsr(MSR_TSC_DEADLINE, rdtsc());
	take_interrupts();
	guest_assert_eq(ticks(), 2);
	guest_assert_eq(rdmsr(MSR_TSC_DEADLINE), 0);
}

static void guest_deadline_changes(void)
{
	u64 deadline;

	start_in(TIMER_TSC_DEADLINE);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(2000));
	wrmsr(MSR_TSC_DEADLINE, 0);
	guest_assert(!comes_within(us(3000)));

	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(2000));
	deadline = rdtsc() + us(4000);
	wrmsr(MSR_TSC_DEADLINE, deadline);
	wait_tick(deadline);

	/* Far, farther than time goes on; then near again. */
	wrmsr(MSR_TSC_DEADLINE, ~0ULL);
	guest_assert_eq(rdmsr(MSR_TSC_DEADLINE), ~0ULL);
	guest_assert(!comes_within(us(100)));
	wrmsr(MSR_TSC_DEADLINE, BIT(63));
	guest_assert(!comes_within(us(100)));
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(20));
	guest_assert(comes_within(us(100000)));
}

/* The deadline is of the TSC, wherever that is. */
static void guest_deadline_and_tsc(void)
{
	u64 start;

	start_in(TIMER_TSC_DEADLINE);
	start = rdtsc();
	wrmsr(MSR_TSC_DEADLINE, start + us(5000000));
	guest_assert(!comes_within(us(100)));
	wrmsr(MSR_TSC, start + us(4999900));
	wait_tick(start + us(5000000));
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(100));
	wrmsr(MSR_TSC_ADJUST, rdmsr(MSR_TSC_ADJUST) - us(1000));
	guest_assert(!comes_within(us(500)));
	guest_assert(comes_within(us(100000)));
}

/* In the other modes the MSR reads 0, and writes do nothing. */
static void guest_deadline_mode_only(void)
{
	start_in(0);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(50));
	guest_assert_eq(rdmsr(MSR_TSC_DEADLINE), 0);
	guest_assert(!comes_within(us(200)));
	/* And in this mode the count does nothing. */
	start_in(TIMER_TSC_DEADLINE);
	x2apic_write(X2APIC_INITIAL_COUNT, 50000);
	guest_assert_eq(x2apic_read(X2APIC_CURRENT_COUNT), 0);
	guest_assert(!comes_within(us(200)));
	/* Coming and going disarms. */
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(2000));
	start_in(0);
	start_in(TIMER_TSC_DEADLINE);
	guest_assert_eq(rdmsr(MSR_TSC_DEADLINE), 0);
	guest_assert(!comes_within(us(3000)));
}

/* Modes with a count */

static void guest_one_shot(void)
{
	u32 i, count, before;
	u64 start;

	start_in(0);
	for (i = 0; i < 5; i++) {
		start = rdtsc();
		x2apic_write(X2APIC_INITIAL_COUNT, 1000000);
		before = x2apic_read(X2APIC_CURRENT_COUNT);
		guest_assert(before > 0 && before <= 1000000);
		count = x2apic_read(X2APIC_CURRENT_COUNT);
		guest_assert(count < before);
		wait_tick(start + us(990));
		guest_assert_eq(x2apic_read(X2APIC_CURRENT_COUNT), 0);
		guest_assert_eq(x2apic_read(X2APIC_INITIAL_COUNT), 1000000);
	}
	guest_assert(!comes_within(us(1500)));

	x2apic_write(X2APIC_INITIAL_COUNT, 1000000);
	x2apic_write(X2APIC_INITIAL_COUNT, 0);
	guest_assert_eq(x2apic_read(X2APIC_CURRENT_COUNT), 0);
	guest_assert(!comes_within(us(1500)));
}

static void guest_periodic(void)
{
	u32 i, count;
	u64 start;

	start_in(TIMER_PERIODIC);
	start = rdtsc();
	x2apic_write(X2APIC_INITIAL_COUNT, 200000);
	for (i = 1; i <= 10; i++)
		wait_tick(start + i * us(198));		/* the host's clock is another */
	count = x2apic_read(X2APIC_CURRENT_COUNT);
	guest_assert(count > 0 && count <= 200000);

	/* Masked, it goes on counting; missed ticks are not made up for. */
	x2apic_write(X2APIC_LVT_TIMER, LVT_MASKED | TIMER_PERIODIC | TIMER_VECTOR);
	guest_assert(!comes_within(us(1000)));
	guest_assert(x2apic_read(X2APIC_CURRENT_COUNT) != 0);
	x2apic_write(X2APIC_LVT_TIMER, TIMER_PERIODIC | TIMER_VECTOR);
	guest_assert(comes_within(us(100000)));

	x2apic_write(X2APIC_INITIAL_COUNT, 0);
	take_interrupts();
	guest_assert(!comes_within(us(500)));
}

/* A period too short to live with is made longer; the guest goes on. */
static void guest_period_minimum(void)
{
	u64 start;
	u32 count;

	start_in(TIMER_PERIODIC);
	x2apic_write(X2APIC_INITIAL_COUNT, 1);
	start = rdtsc();
	guest_assert(comes_within(us(100000)));
	WRITE_ONCE(interrupt_log.count, 0);
	start = rdtsc();
	sti();
	while (rdtsc() - start < us(2000))
		cpu_relax();
	cli();
	count = ticks();
	guest_assert(count >= 1 && count <= 30);
	x2apic_write(X2APIC_INITIAL_COUNT, 0);
}

/* From one-shot to periodic and back, the count goes on. */
static void guest_one_shot_or_periodic(void)
{
	start_in(0);
	x2apic_write(X2APIC_INITIAL_COUNT, 200000);
	x2apic_write(X2APIC_LVT_TIMER, TIMER_PERIODIC | TIMER_VECTOR);
	guest_assert(comes_within(us(100000)));
	guest_assert(comes_within(us(100000)));
	x2apic_write(X2APIC_LVT_TIMER, TIMER_VECTOR);
	guest_assert(comes_within(us(100000)));
	guest_assert(!comes_within(us(500)));
}

static void guest_divide(void)
{
	static const u8 configuration[] = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };
	u32 i;
	u64 start;

	start_in(0);
	for (i = 0; i < ARRAY_SIZE(configuration); i++) {
		x2apic_write(X2APIC_DIVIDE, configuration[i]);
		start = rdtsc();
		x2apic_write(X2APIC_INITIAL_COUNT, 200000 >> i);
		guest_assert(x2apic_read(X2APIC_CURRENT_COUNT) <= 200000U >> i);
		wait_tick(start + us(198));
		guest_assert(READ_ONCE(tsc_of_last) - start < us(100000));
	}
	/* Changed under way, it holds for the rest. */
	x2apic_write(X2APIC_DIVIDE, DIVIDE_BY_1);
	start = rdtsc();
	x2apic_write(X2APIC_INITIAL_COUNT, 400000);
	x2apic_write(X2APIC_DIVIDE, 0x1);
	guest_assert(!comes_within(us(500)));
	guest_assert(comes_within(us(100000)));
}

static void guest_masked(void)
{
	start_in(LVT_MASKED);
	x2apic_write(X2APIC_INITIAL_COUNT, 10000);
	guest_assert(!comes_within(us(200)));
	guest_assert(!x2apic_bit(X2APIC_IRR, TIMER_VECTOR));
	guest_assert_eq(x2apic_read(X2APIC_CURRENT_COUNT), 0);
	start_in(LVT_MASKED | TIMER_TSC_DEADLINE);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(10));
	guest_assert(!comes_within(us(200)));
	guest_assert_eq(rdmsr(MSR_TSC_DEADLINE), 0);
}

static void guest_illegal_vector(void)
{
	start_in(0);
	x2apic_write(X2APIC_LVT_TIMER, 9);
	x2apic_write(X2APIC_INITIAL_COUNT, 10000);
	guest_assert(!comes_within(us(200)));
	x2apic_write(X2APIC_ESR, 0);
	guest_assert_eq(x2apic_read(X2APIC_ESR), ESR_RECEIVE_ILLEGAL);
}

/* A tick that TPR holds back does not end the wait. */
static void guest_halt_held_back(void)
{
	wait_a_bit = halt;
	start_in(TIMER_TSC_DEADLINE);
	guest_handle(0x90, on_timer);
	write_cr8(7);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(50));
	while (!x2apic_bit(X2APIC_IRR, TIMER_VECTOR))
		cpu_relax();
	x2apic_write(X2APIC_LVT_TIMER, TIMER_TSC_DEADLINE | 0x90);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(50));
	sti_hlt();
	guest_assert_eq(ticks(), 1);
	guest_assert_eq(interrupt_log.vector[0], 0x90);
	write_cr8(0);
	take_interrupts();
	guest_assert_eq(ticks(), 2);
}

/*
 * The host
 */

/* Never more than it is, whatever comes between reading the one clock and the other. */
static u64 host_tsc_khz(void)
{
	struct timespec start, now;
	u64 tsc, end, ns;

	clock_gettime(CLOCK_MONOTONIC, &start);
	tsc = rdtsc();
	do {
		end = rdtsc();
		clock_gettime(CLOCK_MONOTONIC, &now);
		ns = (now.tv_sec - start.tv_sec) * 1000000000UL + now.tv_nsec - start.tv_nsec;
	} while (ns < 5000000);
	return (end - tsc) * 1000000 / ns;
}

static void run_with(void (*wait)(void), void (*guest)(void))
{
	need_phv();
	tsc_khz = host_tsc_khz();
	wait_a_bit = wait;
	vcpu_finish(vm_with_guest(guest));
}

#define WAYS(name)							\
static void name##_spinning(void)					\
{									\
	run_with(spin, guest_##name);					\
}									\
static void name##_exiting(void)					\
{									\
	run_with(exit_often, guest_##name);				\
}									\
static void name##_halted(void)						\
{									\
	run_with(halt, guest_##name);					\
}

WAYS(deadline)
WAYS(one_shot)
WAYS(periodic)

#define SPINNING(name)							\
static void name(void)							\
{									\
	run_with(spin, guest_##name);					\
}

SPINNING(deadline_past)
SPINNING(deadline_changes)
SPINNING(deadline_and_tsc)
SPINNING(deadline_mode_only)
SPINNING(period_minimum)
SPINNING(one_shot_or_periodic)
SPINNING(divide)
SPINNING(masked)
SPINNING(illegal_vector)
SPINNING(halt_held_back)

/* The same with the guest's TSC at another frequency. */
static void scaled(void)
{
	struct vm *vm = vm_create();
	u64 khz = host_tsc_khz() * 3 / 2;

	need_caps(PHV_CAP_TSC_SCALING);
	check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, khz), 0);
	tsc_khz = khz;
	wait_a_bit = spin;
	vcpu_finish(vm_add_guest(vm, 0, guest_deadline));
	vcpu_finish(vm_add_guest(vm, 1, guest_deadline_and_tsc));
	wait_a_bit = halt;
	vcpu_finish(vm_add_guest(vm, 2, guest_one_shot));
	vcpu_finish(vm_add_guest(vm, 3, guest_deadline));
}

/* An armed timer moves with the state; it is due in a vCPU that has not run yet. */
static void guest_arm_and_stop(void)
{
	start_in(TIMER_TSC_DEADLINE);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + us(2000));
	guest_sync(0);
	guest_assert(comes_within(us(100000)));
	start_in(TIMER_PERIODIC);
	x2apic_write(X2APIC_INITIAL_COUNT, 2000000);
	guest_sync(1);
	guest_assert(comes_within(us(100000)));
	guest_assert(comes_within(us(100000)));
}

static void state(void)
{
	struct vcpu *vcpu;
	struct phv_lapic lapic;
	u32 count;

	need_phv();
	tsc_khz = host_tsc_khz();
	vcpu = vm_with_guest(guest_arm_and_stop);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_LAPIC, &lapic), 0);
	check(lapic.tsc_deadline);
	check_eq(vcpu_get_msr(vcpu, MSR_TSC_DEADLINE), lapic.tsc_deadline);
	lapic.tsc_deadline += tsc_khz;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_LAPIC, &lapic), 0);
	check_eq(vcpu_get_msr(vcpu, MSR_TSC_DEADLINE), lapic.tsc_deadline);

	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_LAPIC, &lapic), 0);
	count = lapic.regs[X2APIC_CURRENT_COUNT * 4];
	check_eq(lapic.regs[X2APIC_INITIAL_COUNT * 4], 2000000);
	check(count && count <= 2000000);
	lapic.regs[X2APIC_CURRENT_COUNT * 4] = count / 2;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_LAPIC, &lapic), 0);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_LAPIC, &lapic), 0);
	check(lapic.regs[X2APIC_CURRENT_COUNT * 4] <= count / 2);
	vcpu_finish(vcpu);
}

static const struct test tests[] = {
	{ "deadlines, guest spinning", .host = deadline_spinning },
	{ "deadlines, guest exiting", .host = deadline_exiting },
	{ "deadlines, guest halted", .host = deadline_halted },
	{ "a deadline that has passed is due at once", .host = deadline_past },
	{ "deadlines are moved and dropped", .host = deadline_changes },
	{ "a deadline is of the TSC", .host = deadline_and_tsc },
	{ "modes do not share deadlines", .host = deadline_mode_only },
	{ "one-shot, guest spinning", .host = one_shot_spinning },
	{ "one-shot, guest exiting", .host = one_shot_exiting },
	{ "one-shot, guest halted", .host = one_shot_halted },
	{ "periodic, guest spinning", .host = periodic_spinning },
	{ "periodic, guest exiting", .host = periodic_exiting },
	{ "periodic, guest halted", .host = periodic_halted },
	{ "a period has a minimum", .host = period_minimum },
	{ "one-shot and periodic share a count", .host = one_shot_or_periodic },
	{ "the divide configuration divides", .host = divide },
	{ "a masked timer does not interrupt", .host = masked },
	{ "an illegal vector is an error", .host = illegal_vector },
	{ "TPR holds a tick back, HLT goes on", .host = halt_held_back },
	{ "the timer goes right with a scaled TSC", .host = scaled },
	{ "an armed timer is part of the state", .host = state },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
