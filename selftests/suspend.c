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

#include "phvtest.h"
#include "vm.h"

static u64 turns;

static void guest_spin(void)
{
	for (;;)
		WRITE_ONCE(turns, turns + 1);
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

static const struct test tests[] = {
	{ .name = "suspend without a domain", .host = without_domain },
	{ .name = "VMX is on again after a suspend with a domain", .host = with_domain },
	{ .name = "a guest goes on after a suspend", .host = with_guest },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
