// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls with arguments at random, while another vCPU scribbles over what they point to.
 *
 * Whatever the guest does to itself that way is its own affair: it may stop, lose memory,
 * shut down or hang, and then the test is over. It passes when the host is none the worse:
 * the vCPUs come back, the domain goes, and the kernel's log is clean (the test host looks
 * at that). What is random follows from a seed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/xen.h"

#define PAGE_SIZE	0x1000UL
#define CALLS		600
#define SECONDS		6		/* longest time of a test; a guest may hang */

/* What pointers point to, and frames that the guest can well lose, as those around it. */
#define ARENA_SIZE	(8 * PAGE_SIZE)
#define ARENA_MARGIN	0x200000UL
static u8 *arena;

static u64 seed;
static bool stop;

/* Guest code */

static u64 next(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}


/* A pointer: mostly good, often near the end of a page, now and then to nothing. */
static u64 random_pointer(u64 *state)
{
	static const u64 bad[] = {
		0, XEN_HOLE, BIT(47), BIT(62), -8UL, -1UL, 0xfffffffc, 0xffffffff,
	};
	u64 offset = next(state) % ARENA_SIZE & -4UL;

	switch (next(state) % 8) {
	case 0:
		return bad[next(state) % ARRAY_SIZE(bad)];
	case 1:
		return (u64)arena + (offset | 0xff0);
	default:
		return (u64)arena + offset / 8;
	}
}

/* A value that means something to somebody. */
static u64 random_value(u64 *state)
{
	static const u64 values[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 31, 32, 63, 64, 127, 128, 255,
		511, 1023, 4095, 4096, 0x1ffff, 0x20000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x7fffffffffffffff, 0x8000000000000000, ~0UL, DOMID_SELF, DOMID_IO,
		DOMID_INVALID, BIT(56) | 0x20, BIT(57) | 0xf3, BIT(52), BIT(40), BIT(20),
		XEN_HOLE / PAGE_SIZE, XEN_HOLE / PAGE_SIZE + 1,
	};

	switch (next(state) % 8) {
	case 0:
		return next(state);
	case 1:
		return random_pointer(state);
	case 2:
		return (u64)arena / PAGE_SIZE + next(state) % 8;
	case 3:
		return next(state) % 16 | (next(state) % 16) << 32;
	case 4:
		return DOMID_SELF | (next(state) % 8) << 16 | (next(state) % 8) << 32;
	default:
		return values[next(state) % ARRAY_SIZE(values)];
	}
}

static void scribble(u64 *state, unsigned int count)
{
	while (count--)
		WRITE_ONCE(*(u64 *)(arena + (next(state) % ARENA_SIZE & -8UL)),
			   random_value(state));
}

/* Hypercalls, how often relative to each other, and about how many sub-operations they have. */
static const struct {
	u8 nr;
	u8 ops;
} hypercalls[] = {
	{ __HYPERVISOR_memory_op, 24 },
	{ __HYPERVISOR_memory_op, 24 },
	{ __HYPERVISOR_memory_op, 10 },
	{ __HYPERVISOR_multicall, 1 },
	{ __HYPERVISOR_set_timer_op, 1 },
	{ __HYPERVISOR_xen_version, 11 },
	{ __HYPERVISOR_console_io, 2 },
	{ __HYPERVISOR_grant_table_op, 12 },
	{ __HYPERVISOR_grant_table_op, 12 },
	{ __HYPERVISOR_vm_assist, 2 },
	{ __HYPERVISOR_vcpu_op, 16 },
	{ __HYPERVISOR_vcpu_op, 16 },
	{ __HYPERVISOR_sched_op, 8 },
	{ __HYPERVISOR_event_channel_op, 15 },
	{ __HYPERVISOR_event_channel_op, 15 },
	{ __HYPERVISOR_event_channel_op, 15 },
	{ __HYPERVISOR_hvm_op, 26 },
	{ __HYPERVISOR_hvm_op, 2 },
};

static bool one_in(u64 *state, unsigned int n)
{
	return !(next(state) % n);
}

/* A list of calls that there are, for the most part; in the arena, so not for long. */
static u64 random_list(u64 *state)
{
	struct multicall_entry *list = (void *)arena;
	unsigned int i, j;

	for (i = 0; i < 40; i++) {
		unsigned int pick = next(state) % ARRAY_SIZE(hypercalls);

		WRITE_ONCE(list[i].op, one_in(state, 8) ? random_value(state) :
					hypercalls[pick].nr);
		WRITE_ONCE(list[i].args[0], next(state) % hypercalls[pick].ops);
		for (j = 1; j < 5; j++)
			WRITE_ONCE(list[i].args[j], random_value(state));
		if (list[i].op == __HYPERVISOR_sched_op)
			WRITE_ONCE(list[i].op, __HYPERVISOR_event_channel_op);
	}
	return one_in(state, 4) ? random_pointer(state) : (u64)list;
}

static void one_call(u64 *state)
{
	unsigned int i = next(state) % ARRAY_SIZE(hypercalls);
	u64 nr = one_in(state, 32) ? next(state) % 80 : hypercalls[i].nr;
	u64 op = one_in(state, 16) ? random_value(state) : next(state) % hypercalls[i].ops;
	u64 a = one_in(state, 8) ? random_value(state) : random_pointer(state);
	u64 b = one_in(state, 2) ? random_value(state) : random_pointer(state);

	switch (nr) {
	case __HYPERVISOR_sched_op:
		/* The end would come too soon. */
		if (!one_in(state, 32))
			op = 0;
		break;
	case __HYPERVISOR_vcpu_op:
		b = a;
		a = next(state) % 3;
		break;
	case __HYPERVISOR_multicall:
		op = random_list(state);
		a = next(state) % 40;
		break;
	case __HYPERVISOR_grant_table_op:
		b = next(state) % 40;
		break;
	case __HYPERVISOR_console_io:
		a %= 1000;
		break;
	}
	if (one_in(state, 4))
		xen_hypercall32(nr, op, a, b, random_value(state), random_value(state));
	else
		xen_call(nr, op, a, b, random_value(state), random_value(state), 0);
}

/* There is no telling what comes; it has to be survived, not understood. */
static void ignore(struct guest_frame *frame)
{
	if (frame->vector >= 32)
		x2apic_eoi();
}

static void guest_caller(void)
{
	u64 state = READ_ONCE(seed);
	unsigned int i;

	x2apic_enable();
	sti();
	for (i = 0; i < CALLS; i++) {
		scribble(&state, 32);
		one_call(&state);
	}
}

static void guest_scribbler(void)
{
	u64 state = READ_ONCE(seed) ^ 0x123456789;

	while (!READ_ONCE(stop)) {
		scribble(&state, 64);
		/* The caller may have sent itself to sleep. */
		xen_vcpu_op(VCPUOP_up, 0, NULL);
	}
}

/* The host */

static void no_action(int signal)
{
	(void)signal;
}

/* Run until it is done, or something happens that is the guest's own fault. */
static void *run_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	long ret;

	do {
		ret = vcpu_ioctl(vcpu, PHV_RUN, 0);
		check(!ret || ret == -EINTR || ret == -EFAULT);
	} while (ret == -EINTR ? !READ_ONCE(vcpu->run->immediate_exit) :
		 !ret && (vcpu->run->exit_reason == PHV_EXIT_XEN_CONSOLE ||
			  vcpu->run->exit_reason == PHV_EXIT_XEN_RELEASE));
	WRITE_ONCE(*(bool *)&vcpu->private, true);
	return NULL;
}

static bool has_ended(struct vcpu *vcpu)
{
	return READ_ONCE(*(bool *)&vcpu->private);
}

static void end(struct vcpu *vcpu)
{
	WRITE_ONCE(vcpu->run->immediate_exit, 1);
	while (!has_ended(vcpu)) {
		pthread_kill(vcpu->thread, SIGUSR1);
		usleep(1000);
	}
	vcpu_join(vcpu);
}

/* NMIs end waits that nothing else would. */
static void wait_for(struct vcpu *caller, struct vcpu *scribbler)
{
	unsigned int i;

	for (i = 0; i < SECONDS * 200 && !has_ended(caller); i++) {
		vcpu_ioctl(caller, PHV_NMI, 0);
		vcpu_ioctl(scribbler, PHV_NMI, 0);
		usleep(5000);
	}
}

static void fuzz(u64 number)
{
	const struct sigaction action = { .sa_handler = no_action };
	struct vcpu *caller, *scribbler;
	unsigned int vector;
	struct vm *vm;

	seed = number * 0x9e3779b97f4a7c15;
	vm = xen_create();
	arena = vm_alloc(3 * ARENA_MARGIN, ARENA_MARGIN) + ARENA_MARGIN;
	guest_handle(VEC_NMI, ignore);
	for (vector = 32; vector < 256; vector++)
		guest_handle(vector, ignore);
	caller = vm_add_guest(vm, 0, guest_caller);
	scribbler = vm_add_guest(vm, 1, guest_scribbler);
	check_eq(sigaction(SIGUSR1, &action, NULL), 0);
	check_eq(pthread_create(&scribbler->thread, NULL, run_thread, scribbler), 0);
	check_eq(pthread_create(&caller->thread, NULL, run_thread, caller), 0);
	wait_for(caller, scribbler);
	WRITE_ONCE(stop, true);
	end(caller);
	end(scribbler);
	vm_destroy(vm);
}

#define FUZZ(number)							\
static void fuzz_##number(void)						\
{									\
	fuzz(number);							\
}

FUZZ(1)
FUZZ(2)
FUZZ(3)
FUZZ(4)
FUZZ(5)
FUZZ(6)
FUZZ(7)
FUZZ(8)

/* PHV_FUZZ_SEED: for those who look for more. */
static void fuzz_environment(void)
{
	const char *text = getenv("PHV_FUZZ_SEED");

	if (!text)
		test_skip("PHV_FUZZ_SEED is not set");
	fuzz(strtoull(text, NULL, 0));
}

static const struct test tests[] = {
	{ "seed 1", .host = fuzz_1 },
	{ "seed 2", .host = fuzz_2 },
	{ "seed 3", .host = fuzz_3 },
	{ "seed 4", .host = fuzz_4 },
	{ "seed 5", .host = fuzz_5 },
	{ "seed 6", .host = fuzz_6 },
	{ "seed 7", .host = fuzz_7 },
	{ "seed 8", .host = fuzz_8 },
	{ "the seed of the environment", .host = fuzz_environment },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
