// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host suspends to RAM while a guest runs, and resumes: VMX is on again where
 * it was, and the guest goes on.
 *
 * A machine that does not wake up by itself would be lost, so this is skipped
 * without PHV_SUSPEND in the environment.  A test host's firmware resumes at once.
 */
#include <fcntl.h>
#include <unistd.h>

#include "lapic.h"
#include "phvtest.h"
#include "vm.h"

static u64 turns;

/* Its clock is not put back. */
static void guest_spin(void)
{
	u64 last = rdtsc();

	for (;;) {
		u64 now = rdtsc();

		guest_assert(now >= last);
		last = now;
		WRITE_ONCE(turns, turns + 1);
	}
}

/* A timer that is for after the suspend comes. */
#define VEC_TIMER	0x61
#define TIMER_TICKS	(100 * 1000 * 1000)

static u64 timers;

static void on_timer(struct guest_frame *frame)
{
	(void)frame;
	WRITE_ONCE(timers, timers + 1);
	x2apic_eoi();
}

static void guest_wait_for_timer(void)
{
	guest_handle(VEC_TIMER, on_timer);
	x2apic_enable();
	x2apic_write(X2APIC_LVT_TIMER, BIT(18) | VEC_TIMER);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + TIMER_TICKS);
	WRITE_ONCE(turns, 1);
	while (!READ_ONCE(timers))
		sti_hlt();
}

static bool suspend_to_ram(void)
{
	int fd = open("/sys/power/state", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "mem", 3) == 3;

	if (fd >= 0)
		close(fd);
	return done;
}

static void need_test_host(void)
{
	if (!getenv("PHV_SUSPEND"))
		test_skip("only if PHV_SUSPEND is set: the machine may not wake up");
	if (!vmx_cpus_known())
		test_skip("needs a test host");
	if (access("/sys/power/state", W_OK))
		test_skip("the kernel cannot suspend");
}

static void without_domain(void)
{
	need_test_host();
	check(suspend_to_ram());
	check_eq(vmx_cpus(), 0);
}

static void with_domain(void)
{
	struct vm *vm;

	need_test_host();
	vm = vm_create();
	check_eq(vmx_cpus(), cpus_online());
	check(suspend_to_ram());
	check_eq(vmx_cpus(), cpus_online());
	vm_destroy(vm);
	check_eq(vmx_cpus(), 0);
}

static void with_guest(void)
{
	unsigned int tries = 500;
	struct vcpu *vcpu;
	u64 before;

	need_test_host();
	vcpu = vm_with_guest(guest_spin);
	vcpu_start(vcpu);
	while (!READ_ONCE(turns) && tries--)
		usleep(10000);
	check(suspend_to_ram());
	before = READ_ONCE(turns);
	for (tries = 500; READ_ONCE(turns) == before && tries; tries--)
		usleep(10000);
	check(READ_ONCE(turns) != before);
	check_eq(vmx_cpus(), cpus_online());
}

static void with_timer(void)
{
	unsigned int tries = 500;
	struct vcpu *vcpu;

	need_test_host();
	vcpu = vm_with_guest(guest_wait_for_timer);
	vcpu_start(vcpu);
	while (!READ_ONCE(turns) && tries--)
		usleep(10000);
	check(suspend_to_ram());
	vcpu_join(vcpu);
	check_eq(timers, 1);
}

static const struct test tests[] = {
	{ .name = "suspend without a domain", .host = without_domain },
	{ .name = "VMX is on again after a suspend with a domain", .host = with_domain },
	{ .name = "a guest goes on after a suspend", .host = with_guest },
	{ .name = "so does its timer", .host = with_timer },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
