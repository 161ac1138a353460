// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts between vCPUs, and from user space to vCPUs that run or wait:
 * destinations, NMI, INIT and start-up, storms, and what they cost.
 *
 * SDM volume 3, 11.6 and 11.12.9.
 */
#include <sched.h>
#include <sys/eventfd.h>

#include "lapic.h"

/* lapic_ipi.S */
GUEST_ASM(startup);

/* Who is there: two clusters, with gaps. */
static const u8 ids[] = { 0, 1, 2, 5, 15, 16, 18, 33 };

#define VCPUS	ARRAY_SIZE(ids)

static u32 taken[PHV_MAX_VCPUS];	/* interrupts, by vCPU */
static u32 nmis[PHV_MAX_VCPUS];
static u32 ready;
static bool over;

static void count_interrupt(struct guest_frame *frame __maybe_unused)
{
	u32 *count = &taken[this_cpu()->id];

	WRITE_ONCE(*count, *count + 1);
	x2apic_eoi();
}

static void end_interrupt(struct guest_frame *frame __maybe_unused)
{
	x2apic_eoi();
}

static void count_nmi(struct guest_frame *frame __maybe_unused)
{
	u32 *count = &nmis[this_cpu()->id];

	WRITE_ONCE(*count, *count + 1);
}

static void come_up(void)
{
	x2apic_enable();
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	wait_until(READ_ONCE(ready) == VCPUS);
}

/* The others: they wait in HLT, or look at memory all the time. */
static void guest_halting(void)
{
	come_up();
	while (!READ_ONCE(over))
		sti_hlt();
}

static void guest_spinning(void)
{
	come_up();
	sti();
	wait_until(READ_ONCE(over));
	cli();
}

static u32 known[VCPUS];

static void forget(void)
{
	u32 i;

	for (i = 0; i < VCPUS; i++)
		known[i] = READ_ONCE(taken[ids[i]]);
}

/* Bit i is set when ids[i] has taken an interrupt since forget(); two are too many. */
static u32 who(void)
{
	u32 i, count, set = 0;

	for (i = 0; i < VCPUS; i++) {
		count = READ_ONCE(taken[ids[i]]) - known[i];
		guest_assert(count <= 1);
		set |= count << i;
	}
	return set;
}

/* Send, wait until those have it that should, and see that no others have. */
static void send(u32 dest, u32 command, u32 expected)
{
	u32 i;

	forget();
	sti();
	x2apic_ipi(dest, command | 0x40);
	wait_until((who() & expected) == expected);
	for (i = 0; i < 100; i++)
		cpu_relax();
	cli();
	guest_assert_eq(who(), expected);
}

#define ALL	(BIT(VCPUS) - 1)

static void guest_destinations(void)
{
	u32 i;

	guest_handle(0x40, count_interrupt);
	come_up();
	for (i = 0; i < VCPUS; i++)
		send(ids[i], 0, BIT(i));
	send(0xffffffff, 0, ALL);
	send(7, 0, 0);
	send(0xff, 0, 0);
	send(PHV_MAX_VCPUS, 0, 0);

	/* Cluster 0: 0, 1, 2, 5, 15; cluster 1: 16, 18; cluster 2: 33. */
	for (i = 0; i < VCPUS; i++)
		send((ids[i] >> 4) << 16 | BIT(ids[i] & 15), ICR_LOGICAL, BIT(i));
	send(0x00000026, ICR_LOGICAL, BIT(1) | BIT(2) | BIT(3));
	send(0x0000ffff, ICR_LOGICAL, 0x1f);
	send(0x0001ffff, ICR_LOGICAL, BIT(5) | BIT(6));
	send(0x00010001, ICR_LOGICAL, BIT(5));
	send(0x00020003, ICR_LOGICAL, BIT(7));
	send(0x0003ffff, ICR_LOGICAL, 0);
	send(0x00080001, ICR_LOGICAL, 0);
	send(0xfffeffff, ICR_LOGICAL, 0);
	send(0xffffffff, ICR_LOGICAL, ALL);
	send(0, ICR_LOGICAL, 0);

	/* With a shorthand the destination says nothing. */
	send(5, ICR_SELF, BIT(0));
	send(5, ICR_ALL, ALL);
	send(5, ICR_OTHERS, ALL & ~BIT(0));
	send(2, ICR_ALL | ICR_LOGICAL, ALL);
	/* Level-triggered or not makes no difference (table 11-3). */
	send(1, ICR_LEVEL | ICR_ASSERT, BIT(1));
	WRITE_ONCE(over, true);
	x2apic_ipi(0, ICR_OTHERS | 0x40);
}

/* One of those that match. */
static void guest_lowest_priority(void)
{
	u32 i, set;

	guest_handle(0x40, count_interrupt);
	come_up();
	sti();
	for (i = 0; i < 20; i++) {
		forget();
		x2apic_ipi(0x00000007, ICR_LOGICAL | ICR_LOWEST | 0x40);
		wait_until(who());
		set = who();
		guest_assert(!(set & (set - 1)) && set <= 4);
	}
	/* Not this one, whose priority is high. */
	cli();
	write_cr8(15);
	for (i = 0; i < 20; i++) {
		forget();
		x2apic_ipi(0x00000003, ICR_LOGICAL | ICR_LOWEST | 0x40);
		wait_until(who());
		guest_assert_eq(who(), BIT(1));
	}
	write_cr8(0);
	WRITE_ONCE(over, true);
	x2apic_ipi(0, ICR_OTHERS | 0x40);
}

static void guest_send_nmis(void)
{
	u32 i;

	guest_handle(VEC_NMI, count_nmi);
	guest_handle(0x40, count_interrupt);
	come_up();
	for (i = 1; i <= 20; i++) {
		x2apic_ipi(1, ICR_NMI | ICR_ASSERT);
		wait_until(READ_ONCE(nmis[1]) == i);
	}
	x2apic_ipi(0, ICR_OTHERS | ICR_NMI | ICR_ASSERT | 0x40);
	for (i = 1; i < VCPUS; i++)
		wait_until(READ_ONCE(nmis[ids[i]]) == (ids[i] == 1 ? 21 : 1));
	guest_assert_eq(nmis[0], 0);
	x2apic_ipi(0, ICR_NMI | ICR_ASSERT);
	wait_until(READ_ONCE(nmis[0]) == 1);
	for (i = 0; i < VCPUS; i++)
		guest_assert_eq(taken[ids[i]], 0);
	WRITE_ONCE(over, true);
	x2apic_ipi(0, ICR_OTHERS | 0x40);
}

static void with_others(void (*guest)(void), void (*others)(void))
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu[VCPUS];
	unsigned int i;

	guest_handle(0x40, count_interrupt);
	for (i = 0; i < VCPUS; i++)
		vcpu[i] = vm_add_guest(vm, ids[i], i ? others : guest);
	for (i = 0; i < VCPUS; i++)
		vcpu_start(vcpu[i]);
	for (i = 0; i < VCPUS; i++)
		vcpu_join(vcpu[i]);
}

static void destinations_halted(void)
{
	with_others(guest_destinations, guest_halting);
}

static void destinations_spinning(void)
{
	with_others(guest_destinations, guest_spinning);
}

static void lowest_priority(void)
{
	with_others(guest_lowest_priority, guest_spinning);
}

static void nmis_halted(void)
{
	with_others(guest_send_nmis, guest_halting);
}

static void nmis_spinning(void)
{
	with_others(guest_send_nmis, guest_spinning);
}

/*
 * Storms: everyone sends to everyone. A vector is used again when it has arrived, so
 * that none merge, and each can be counted.
 */

#define STORM_ROUNDS	40
#define STORM_VECTOR	0x50		/* plus the sender's index */

static u32 arrived[VCPUS][VCPUS];	/* [receiver][sender] */
static bool storm_halts;

static u32 my_index(void)
{
	u32 i = 0;

	while (ids[i] != this_cpu()->id)
		i++;
	return i;
}

static void on_storm(struct guest_frame *frame)
{
	u32 *count = &arrived[my_index()][frame->vector - STORM_VECTOR];

	WRITE_ONCE(*count, *count + 1);
	x2apic_eoi();
}

static void storm_wait(u32 receiver, u32 sender, u32 count)
{
	sti();
	while (READ_ONCE(arrived[receiver][sender]) != count)
		cpu_relax();
	cli();
}

static void guest_storm(void)
{
	u32 me = my_index(), round, i;

	come_up();
	sti();
	for (round = 1; round <= STORM_ROUNDS; round++) {
		for (i = 0; i < VCPUS; i++)
			x2apic_ipi(ids[i], STORM_VECTOR + me);
		for (i = 0; i < VCPUS; i++)
			storm_wait(i, me, round);
		sti();
	}
	/* The rest of the others' come while this one halts, or spins. */
	for (i = 0; i < VCPUS; i++) {
		cli();
		while (READ_ONCE(arrived[me][i]) != STORM_ROUNDS) {
			if (READ_ONCE(storm_halts)) {
				sti_hlt();
			} else {
				sti();
				cpu_relax();
				cli();
			}
		}
	}
}

static void storm(void)
{
	unsigned int i;

	for (i = 0; i < VCPUS; i++)
		guest_handle(STORM_VECTOR + i, on_storm);
	with_others(guest_storm, guest_storm);
}

static void storm_halting(void)
{
	storm_halts = true;
	storm();
}

/*
 * A token goes round; whoever has not got it halts. A wake-up that is lost stops it all.
 */
#define TOKEN_ROUNDS	100

static u32 token;

static void guest_token(void)
{
	u32 me = my_index();

	guest_handle(0x40, count_interrupt);
	come_up();
	for (;;) {
		while (READ_ONCE(token) % VCPUS != me && READ_ONCE(token) < TOKEN_ROUNDS * VCPUS)
			sti_hlt();
		if (READ_ONCE(token) >= TOKEN_ROUNDS * VCPUS)
			break;
		WRITE_ONCE(token, READ_ONCE(token) + 1);
		x2apic_ipi(ids[(me + 1) % VCPUS], 0x40);
	}
	x2apic_ipi(0, ICR_OTHERS | 0x40);
}

static void token_ring(void)
{
	with_others(guest_token, guest_token);
}

/*
 * INIT and start-up
 */

#define STARTUP_PAGE	8

/* What lapic_ipi.S writes at the start of low memory. */
struct startup_report {
	u16 count;
	u16 cs;
	u16 ip;
};

#define STARTUP_PAGE	8		/* and the next */

/* In low memory, as lapic_ipi.S knows it. */
struct startup {
	u16 count;
	u16 cs;
	u16 command;
	u16 beat;
};

#define STARTUP		((struct startup *)0x7000)
#define STARTUP_HALT	0
#define STARTUP_SPIN	1
#define STARTUP_DONE	2

static void pause_a_while(void)
{
	u32 i;

	for (i = 0; i < 2000; i++)
		cpu_relax();
}

/* One start-up IPI starts it, the next is ignored. */
static void start_up(u8 page, u16 command)
{
	u16 count = READ_ONCE(STARTUP->count) + 1;

	WRITE_ONCE(STARTUP->command, command);
	x2apic_ipi(1, ICR_INIT | ICR_ASSERT | ICR_LEVEL);
	x2apic_ipi(1, ICR_INIT | ICR_LEVEL);
	x2apic_ipi(1, ICR_STARTUP | page);
	wait_until(READ_ONCE(STARTUP->count) == count);
	guest_assert_eq(READ_ONCE(STARTUP->cs), page << 8);
	x2apic_ipi(1, ICR_STARTUP | (page ^ 1));
	pause_a_while();
	guest_assert_eq(READ_ONCE(STARTUP->count), count);
	guest_assert_eq(READ_ONCE(STARTUP->cs), page << 8);
}

static bool is_running(void)
{
	u16 beat = READ_ONCE(STARTUP->beat);
	u32 i;

	for (i = 0; i < 20 && READ_ONCE(STARTUP->beat) == beat; i++)
		pause_a_while();
	return READ_ONCE(STARTUP->beat) != beat;
}

static void guest_start_up(void)
{
	x2apic_enable();
	/* It waits; nothing else starts it. */
	x2apic_ipi(1, 0x40);
	x2apic_ipi(1, ICR_NMI);
	pause_a_while();
	guest_assert_eq(READ_ONCE(STARTUP->count), 0);

	start_up(STARTUP_PAGE, STARTUP_HALT);
	start_up(STARTUP_PAGE + 1, STARTUP_HALT);
	start_up(STARTUP_PAGE, STARTUP_SPIN);
	wait_until(is_running());

	/* INIT stops it. */
	x2apic_ipi(1, ICR_INIT | ICR_ASSERT);
	wait_until(!is_running());
	start_up(STARTUP_PAGE, STARTUP_SPIN);
	wait_until(is_running());
	start_up(STARTUP_PAGE + 1, STARTUP_DONE);
}

static void start(void)
{
	struct vm *vm = vm_create();
	struct vcpu *bsp = vm_add_guest(vm, 0, guest_start_up);
	struct vcpu *ap = vcpu_create(vm, 1);
	struct phv_events events;

	vm_load_low(vm, STARTUP_PAGE << 12, startup_start, startup_end);
	vm_load_low(vm, (STARTUP_PAGE + 1) << 12, startup_start, startup_end);
	vcpu_start(ap);
	vcpu_start(bsp);
	vcpu_join(bsp);
	vcpu_join(ap);
	vcpu_get_events(ap, &events);
	check_eq(events.activity, PHV_ACTIVE);
}

/* What INIT does to the APIC: a reset, but mode and identifier stay. */
static void guest_before_init(void)
{
	x2apic_enable();
	x2apic_write(X2APIC_TPR, 0x50);
	x2apic_write(X2APIC_LVT_TIMER, TIMER_TSC_DEADLINE | 0x60);
	wrmsr(MSR_TSC_DEADLINE, ~0ULL);
	x2apic_write(X2APIC_SELF_IPI, 0x44);
	WRITE_ONCE(ready, 1);
	for (;;)
		cpu_relax();
}

static void guest_send_init(void)
{
	wait_until(READ_ONCE(ready));
	x2apic_ipi(1, ICR_INIT | ICR_ASSERT);
	pause_a_while();
	WRITE_ONCE(STARTUP->command, STARTUP_DONE);
	x2apic_ipi(1, ICR_STARTUP | STARTUP_PAGE);
}

static void init_resets(void)
{
	struct vm *vm = vm_create();
	struct vcpu *bsp = vm_add_guest(vm, 0, guest_send_init);
	struct vcpu *ap = vm_add_guest(vm, 1, guest_before_init);
	struct phv_control control;
	struct phv_lapic lapic;

	need_phv();
	vm_load_low(vm, STARTUP_PAGE << 12, startup_start, startup_end);
	vcpu_start(ap);
	vcpu_start(bsp);
	vcpu_join(bsp);
	vcpu_join(ap);
	vcpu_get_control(ap, &control);
	check_eq(control.apic_base, BASE_ADDRESS | BASE_ENABLE | BASE_X2APIC);
	check_eq(control.cr8, 0);
	check_eq(vcpu_ioctl(ap, PHV_GET_LAPIC, &lapic), 0);
	check_eq(lapic.regs[X2APIC_ID * 4], 1);
	check_eq(lapic.regs[X2APIC_SVR * 4], 0xff);
	check_eq(lapic.regs[X2APIC_LVT_TIMER * 4], LVT_MASKED);
	check_eq(lapic.regs[(X2APIC_IRR + 2) * 4], 0);
	check_eq(lapic.tsc_deadline, 0);
}

/*
 * What an interrupt costs its target
 */

#define POSTS	200

/* Without PAUSE, which exits now and then. */
static void guest_target(void)
{
	x2apic_enable();
	sti();
	x2apic_write(X2APIC_SELF_IPI, 0x41);	/* the handler's memory is there */
	WRITE_ONCE(ready, 1);
	while (!READ_ONCE(over))
		barrier();
	cli();
}

static void guest_sender(void)
{
	u32 i;

	x2apic_enable();
	wait_until(READ_ONCE(ready));
	for (i = 1; i <= POSTS; i++) {
		x2apic_ipi(0, 0x40);
		wait_until(READ_ONCE(taken[0]) == i);
	}
}

static u64 exits_but(const struct phv_counters *counters, unsigned int reason)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counters->exits); i++)
		if (i != reason)
			sum += counters->exits[i];
	return sum;
}

#define EXTERNAL_INTERRUPT	1	/* exit reason: the host's own */

static void check_no_exits(const struct phv_counters *before,
			   const struct phv_counters *after)
{
	u64 own = after->exits[EXTERNAL_INTERRUPT] - before->exits[EXTERNAL_INTERRUPT];

	check_eq(exits_but(after, EXTERNAL_INTERRUPT) - exits_but(before, EXTERNAL_INTERRUPT), 0);
	check_eq(after->interrupts - before->interrupts, 0);
	check_eq(after->user_exits - before->user_exits, 0);
	check(own < POSTS / 4);
	/* One that comes while the target is out, for the host's sake, needs none. */
	check(after->posted - before->posted >= POSTS - own);
}

static struct vcpu *start_target(struct vm *vm)
{
	struct vcpu *target = vm_add_guest(vm, 0, guest_target);

	guest_handle(0x40, count_interrupt);
	guest_handle(0x41, end_interrupt);
	pin_to_cpu(0);
	vcpu_start(target);
	pin_to_cpu(1);
	wait_until(READ_ONCE(ready));
	return target;
}

static void finish_target(struct vcpu *target)
{
	WRITE_ONCE(over, true);
	vcpu_join(target);
}

static void posted_by_user(void)
{
	struct phv_counters before, after;
	struct vcpu *target;
	unsigned int i;

	need_apicv();
	need_cpus(2);
	target = start_target(vm_create());
	vcpu_get_counters(target, &before);
	for (i = 1; i <= POSTS; i++) {
		check_eq(vcpu_ioctl(target, PHV_INTERRUPT, 0x40), 0);
		wait_until(READ_ONCE(taken[0]) == i);
	}
	vcpu_get_counters(target, &after);
	finish_target(target);
	check_no_exits(&before, &after);
}

static void posted_by_vcpu(void)
{
	struct phv_counters before, after;
	struct vm *vm = vm_create();
	struct vcpu *target;

	need_apicv();
	need_cpus(2);
	target = start_target(vm);
	vcpu_get_counters(target, &before);
	vcpu_finish(vm_add_guest(vm, 1, guest_sender));
	vcpu_get_counters(target, &after);
	finish_target(target);
	check_no_exits(&before, &after);
}

/* EOI, TPR and interrupts to oneself: nothing of that exits, nor do reads. */
static void guest_busy_alone(void)
{
	u32 i;

	x2apic_enable();
	guest_sync(0);
	sti();
	for (i = 1; i <= POSTS; i++) {
		x2apic_write(X2APIC_SELF_IPI, 0x40);
		wait_until(READ_ONCE(taken[0]) == i);
		x2apic_write(X2APIC_TPR, i & 0x3f);
		guest_assert_eq(x2apic_read(X2APIC_TPR), i & 0x3f);
		x2apic_read(X2APIC_PPR);
		x2apic_read(X2APIC_IRR);
		x2apic_read(X2APIC_ICR);
	}
	cli();
}

static void busy_alone(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_busy_alone);
	struct phv_counters before, after;

	need_apicv();
	guest_handle(0x40, count_interrupt);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_counters(vcpu, &before);
	vcpu_finish(vcpu);
	vcpu_get_counters(vcpu, &after);
	/* The last is the OUT by which it is done; memory comes in now and then. */
	check(exits_but(&after, EXTERNAL_INTERRUPT) -
	      exits_but(&before, EXTERNAL_INTERRUPT) < 10);
}

/* An eventfd wakes a halted vCPU, each time. */
static void guest_wait_for_eventfd(void)
{
	u32 i;

	x2apic_enable();
	WRITE_ONCE(ready, 1);
	for (i = 1; i <= POSTS; i++)
		while (READ_ONCE(taken[0]) < i)
			sti_hlt();
}

static void by_eventfd(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_wait_for_eventfd);
	struct phv_irqfd irqfd = { .vector = 0x40 };
	unsigned int i;

	need_phv();
	guest_handle(0x40, count_interrupt);
	irqfd.eventfd = eventfd(0, EFD_CLOEXEC);
	check_eq(vm_ioctl(vcpu->vm, PHV_SET_IRQFD, &irqfd), 0);
	vcpu_start(vcpu);
	wait_until(READ_ONCE(ready));
	for (i = 1; i <= POSTS; i++) {
		eventfd_write(irqfd.eventfd, 1);
		while (READ_ONCE(taken[0]) != i)
			sched_yield();
	}
	vcpu_join(vcpu);
}

/*
 * Interrupts come while threads move between CPUs: the notification goes to
 * where the vCPU is, or it looks when it comes.
 */
static void *move_about(void *arg)
{
	struct vcpu *vcpu = arg;
	unsigned int i;

	for (i = 0; !READ_ONCE(over); i++) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(i & 1, &one);
		pthread_setaffinity_np(vcpu->thread, sizeof(one), &one);
		sched_yield();
	}
	return NULL;
}

static void posted_to_moving(void)
{
	struct vcpu *target;
	pthread_t mover;
	unsigned int i;

	need_cpus(2);
	target = start_target(vm_create());
	check_eq(pthread_create(&mover, NULL, move_about, target), 0);
	for (i = 1; i <= POSTS; i++) {
		check_eq(vcpu_ioctl(target, PHV_INTERRUPT, 0x40), 0);
		while (READ_ONCE(taken[0]) != i)
			sched_yield();
	}
	finish_target(target);
	pthread_join(mover, NULL);
}

static const struct test tests[] = {
	{ "IPIs reach their destinations, in HLT", .host = destinations_halted },
	{ "IPIs reach their destinations, running", .host = destinations_spinning },
	{ "lowest priority is one of them", .host = lowest_priority },
	{ "NMIs are sent, to halted vCPUs", .host = nmis_halted },
	{ "NMIs are sent, to running vCPUs", .host = nmis_spinning },
	{ "INIT and start-up IPIs start vCPUs", .host = start },
	{ "INIT resets the APIC, but not its mode", .host = init_resets },
	{ "no IPI is lost in a storm", .host = storm },
	{ "no IPI is lost in a storm with HLT", .host = storm_halting },
	{ "no wake-up is lost", .host = token_ring },
	{ "an eventfd interrupts", .host = by_eventfd },
	{ "interrupts find a vCPU that moves", .host = posted_to_moving },
	{ "EOI, TPR and self-IPI do not exit", .host = busy_alone },
	{ "a posted interrupt does not exit", .host = posted_by_user },
	{ "an IPI to a running vCPU costs it no exit", .host = posted_by_vcpu },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
