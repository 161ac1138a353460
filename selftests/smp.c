// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many vCPUs: on as many and on fewer CPUs, that move, that wait for each other,
 * and whose CPU goes away.
 */
#include <sched.h>
#include <unistd.h>

#include "phvtest.h"
#include "vm.h"

#define VCPUS	8

static struct vcpu *vcpus[PHV_MAX_VCPUS];

static void start_all(struct vm *vm, unsigned int count, void (*guest)(u64))
{
	unsigned int i;

	for (i = 0; i < count; i++)
		vcpus[i] = vm_add_guest(vm, i, guest, i);
	for (i = 0; i < count; i++)
		vcpu_start(vcpus[i]);
}

static void join_all(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		vcpu_join(vcpus[i]);
}

static u64 sum;

#define ADDITIONS 2000

static void guest_add(u64 id)
{
	unsigned int i;

	for (i = 0; i < ADDITIONS; i++) {
		__atomic_add_fetch(&sum, 1, __ATOMIC_SEQ_CST);
		if (i % 64 == id)
			cpuid(0, 0);
	}
}

static void atomics(void)
{
	start_all(vm_create(), VCPUS, guest_add);
	join_all(VCPUS);
	check_eq(sum, VCPUS * ADDITIONS);
}

/*
 * A ticket lock is the worst there is on a shared CPU: the next owner is
 * certain, and may not be running.
 */
static u32 next_ticket, owner;
static u64 guarded;

#define SECTIONS 40

static void guest_lock(u64 id)
{
	unsigned int i;

	(void)id;
	for (i = 0; i < SECTIONS; i++) {
		u32 ticket = __atomic_fetch_add(&next_ticket, 1, __ATOMIC_SEQ_CST);
		u64 before;

		wait_until(__atomic_load_n(&owner, __ATOMIC_ACQUIRE) == ticket);
		before = READ_ONCE(guarded);
		cpuid(0, 0);
		guest_assert_eq(READ_ONCE(guarded), before);
		WRITE_ONCE(guarded, before + 1);
		__atomic_store_n(&owner, ticket + 1, __ATOMIC_RELEASE);
	}
}

static void ticket_lock(void)
{
	test_limit(3 * TEST_LIMIT);
	start_all(vm_create(), VCPUS, guest_lock);
	join_all(VCPUS);
	check_eq(guarded, VCPUS * SECTIONS);
}

#define EXIT_REASON_PAUSE	40

static void guest_pause_for_other(u64 id)
{
	u64 end = rdtsc() + 20000000;

	if (id) {
		while (rdtsc() < end)
			;
		WRITE_ONCE(owner, 1);
	} else {
		wait_until(READ_ONCE(owner));
	}
}

static void pause_loop(void)
{
	struct phv_counters counters;

	need_caps(PHV_CAP_PAUSE_LOOP_EXITING);
	pin_to_cpu(0);
	start_all(vm_create(), 2, guest_pause_for_other);
	join_all(2);
	vcpu_get_counters(vcpus[0], &counters);
	check(counters.exits[EXIT_REASON_PAUSE]);
}

/* As many as there can be; each runs. */
static u32 present[PHV_MAX_VCPUS];

static void guest_present(u64 id)
{
	guest_assert_eq(this_cpu()->id, id);
	guest_assert_eq(x2apic_read(X2APIC_ID), id);
	WRITE_ONCE(present[id], present[id] + 1);
}

static void all_there_can_be(void)
{
	struct vm *vm;
	unsigned int i;

	need_phv();
	vm = vm_create();
	start_all(vm, PHV_MAX_VCPUS, guest_present);
	join_all(PHV_MAX_VCPUS);
	for (i = 0; i < PHV_MAX_VCPUS; i++)
		check_eq(present[i], 1);
}

/* A ball goes round: each vCPU halts until it comes, and sends it on. */
#define VEC_BALL	0x60
#define ROUNDS		20

static u64 thrown;
static u32 caught[VCPUS];

static void on_ball(struct guest_frame *frame)
{
	u64 next = (this_cpu()->id + 1) % VCPUS;

	(void)frame;
	caught[this_cpu()->id]++;
	WRITE_ONCE(thrown, thrown + 1);
	x2apic_eoi();
	if (thrown < ROUNDS * VCPUS)
		x2apic_ipi(next, VEC_BALL);
}

static u32 ready;

static void guest_ball(u64 id)
{
	guest_handle(VEC_BALL, on_ball);
	x2apic_enable();
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	if (!id) {
		wait_until(READ_ONCE(ready) == VCPUS);
		x2apic_ipi(1, VEC_BALL);
	}
	/* it changes between STI and CLI only, by any number */
	while (READ_ONCE(caught[id]) < ROUNDS)
		sti_hlt();
}

static void ball(void)
{
	test_limit(2 * TEST_LIMIT);
	start_all(vm_create(), VCPUS, guest_ball);
	join_all(VCPUS);
	check_eq(thrown, ROUNDS * VCPUS);
}

/* A guest that would notice a mix-up of state when it moves between CPUs. */
static bool stop;

static void guest_moved(u64 id)
{
	wrmsr(MSR_LSTAR, id * 0x1000);
	wrmsr(MSR_KERNEL_GS_BASE, id * 0x2000);
	write_dr0(id * 0x3000);
	write_cr4(read_cr4() | CR4_OSFXSR);
	asm volatile("movq %0, %%xmm3" : : "r" (id * 0x4000));
	do {
		u64 xmm;

		guest_assert_eq(rdmsr(MSR_LSTAR), id * 0x1000);
		guest_assert_eq(rdmsr(MSR_KERNEL_GS_BASE), id * 0x2000);
		guest_assert_eq(read_dr0(), id * 0x3000);
		asm volatile("movq %%xmm3, %0" : "=r" (xmm));
		guest_assert_eq(xmm, id * 0x4000);
	} while (!READ_ONCE(stop));
}

static void move_to(struct vcpu *vcpu, unsigned int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(n, &set);
	check_eq(pthread_setaffinity_np(vcpu->thread, sizeof(set), &set), 0);
}

static bool has_moved(struct vcpu *vcpu)
{
	struct phv_counters counters;

	if (backend_default() != &backend_phv)
		return true;
	vcpu_get_counters(vcpu, &counters);
	return counters.migrations >= 10;
}

/* Where there is more to do than CPUs, a thread need not run each time that it is moved. */
static void moved(void)
{
	unsigned int i;

	need_cpus(2);
	start_all(vm_create(), 3, guest_moved);
	for (i = 0; i < 100 || !has_moved(vcpus[0]); i++) {
		move_to(vcpus[i % 3], i / 3 % 2);
		usleep(200);
	}
	WRITE_ONCE(stop, true);
	join_all(3);
}

/* The same in one thread, run by run. */
static void guest_steps(u64 id)
{
	unsigned int i;

	wrmsr(MSR_LSTAR, id);
	for (i = 0;; i++) {
		guest_assert_eq(rdmsr(MSR_LSTAR), id);
		guest_sync(i);
	}
}

static void run_here_and_there(void)
{
	struct vcpu *a = vm_with_guest(guest_steps, 0x1000);
	struct vcpu *b = vm_add_guest(a->vm, 1, guest_steps, 0x2000);
	unsigned int i;

	need_cpus(2);
	for (i = 0; i < 20; i++) {
		pin_to_cpu(i % 2);
		vcpu_expect(a, VCPU_SYNC);
		check_eq(a->run->io.data, i);
		if (i % 3 == 0)
			pin_to_cpu(1 - i % 2);
		vcpu_expect(b, VCPU_SYNC);
		check_eq(b->run->io.data, i);
	}
}

/* Its CPU goes offline under a running vCPU, and comes back. */
static void offline(void)
{
	unsigned int i;

	need_cpus(2);
	if (geteuid())
		test_skip("needs root");
	test_limit(3 * TEST_LIMIT);
	start_all(vm_create(), 2, guest_moved);
	for (i = 0; i < 5; i++) {
		move_to(vcpus[0], 1);
		usleep(1000);
		check_eq(cpu_set_online(1, false), 0);
		usleep(1000);
		check_eq(cpu_set_online(1, true), 0);
	}
	WRITE_ONCE(stop, true);
	join_all(2);
}

/* And under one that is halted. */
static void guest_wait_for_interrupt(void)
{
	guest_handle(VEC_BALL, on_ball);
	WRITE_ONCE(thrown, ROUNDS * VCPUS);
	x2apic_enable();
	sti_hlt();
	guest_assert_eq(READ_ONCE(thrown), ROUNDS * VCPUS + 1);
}

static void offline_halted(void)
{
	struct vcpu *vcpu;

	need_cpus(2);
	if (geteuid())
		test_skip("needs root");
	vcpu = vm_with_guest(guest_wait_for_interrupt);
	pin_to_cpu(1);
	vcpu_start(vcpu);
	vcpu_wait_blocked(vcpu);
	pin_to_cpu(0);
	check_eq(cpu_set_online(1, false), 0);
	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, VEC_BALL), 0);
	vcpu_join(vcpu);
	check_eq(cpu_set_online(1, true), 0);
}

static const struct test tests[] = {
	{ "atomic operations are", .host = atomics },
	{ "a fair lock makes progress with more vCPUs than CPUs",
	  .host = ticket_lock },
	{ "a loop of PAUSE exits", .host = pause_loop },
	{ "as many vCPUs as there can be", .host = all_there_can_be },
	{ "halted vCPUs wake each other", .host = ball },
	{ "a vCPU moves between CPUs while it runs", .host = moved },
	{ "and between runs", .host = run_here_and_there },
	{ "its CPU goes offline", .host = offline },
	{ "also while it is halted", .host = offline_halted },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
