// SPDX-License-Identifier: GPL-2.0-only
/* The guest's TSC: offset, adjustment, frequency, and the same on all vCPUs. */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "vm.h"

static u64 guest_tsc;

static void guest_read(void)
{
	for (;;) {
		WRITE_ONCE(guest_tsc, rdtsc());
		guest_sync(0);
	}
}

/* One reading of a guest's TSC, and of the host's around it. */
struct reading {
	u64 before, guest, after;
};

static struct reading read_tsc(struct vcpu *vcpu)
{
	struct reading r = { .before = rdtsc() };

	vcpu_expect(vcpu, VCPU_SYNC);
	r.after = rdtsc();
	r.guest = READ_ONCE(guest_tsc);
	return r;
}

static void spin(u64 ticks)
{
	u64 end = rdtsc() + ticks;

	while (rdtsc() < end)
		cpu_relax();
}

static void same_on_all(void)
{
	struct vcpu *a = vm_with_guest(guest_read), *b;
	struct reading x, y;

	x = read_tsc(a);
	spin(1000000);
	b = vm_add_guest(a->vm, 1, guest_read);
	y = read_tsc(b);

	/* guest - host lies between these for a, and must for b */
	check((long long)(y.guest - y.after) <= (long long)(x.guest - x.before));
	check((long long)(y.guest - y.before) >= (long long)(x.guest - x.after));
}

static void guest_runs(void)
{
	u64 last = rdtsc(), now;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		if (!(i % 10))
			cpuid(0, 0);
		now = rdtsc();
		guest_assert(now > last);
		last = now;
	}
}

/* Two vCPUs in turns, each of them must find its TSC later than the other's. */
static u64 turn, last_tsc;

#define TURNS 2000

static void guest_in_turns(u64 id)
{
	u64 now;

	while (READ_ONCE(turn) < TURNS) {
		if (READ_ONCE(turn) % 2 != id) {
			cpu_relax();
			continue;
		}
		now = rdtsc();
		guest_assert(now >= last_tsc);
		last_tsc = now;
		__atomic_store_n(&turn, turn + 1, __ATOMIC_RELEASE);
	}
}

static void monotonic(void)
{
	struct vm *vm = vm_create();
	struct vcpu *a = vm_add_guest(vm, 0, guest_in_turns, 0);
	struct vcpu *b = vm_add_guest(vm, 1, guest_in_turns, 1);

	need_cpus(2);
	vcpu_start(a);
	vcpu_start(b);
	vcpu_join(a);
	vcpu_join(b);
}

static bool is_near(u64 value, u64 wanted)
{
	return value - wanted < 10000000;
}

static void guest_write(void)
{
	u64 adjust = rdmsr(MSR_TSC_ADJUST), before, after;

	guest_assert_eq(adjust, 0);
	before = rdtsc();
	wrmsr(MSR_TSC, 0x123400000000UL);
	after = rdtsc();
	guest_assert(is_near(after, 0x123400000000UL));
	adjust = rdmsr(MSR_TSC_ADJUST);
	guest_assert(is_near(before, 0x123400000000UL - adjust) ||
		     is_near(0x123400000000UL - adjust, before));
	guest_assert(is_near(rdmsr(MSR_TSC), 0x123400000000UL));

	wrmsr(MSR_TSC_ADJUST, adjust + 0x100000000UL);
	guest_assert_eq(rdmsr(MSR_TSC_ADJUST), adjust + 0x100000000UL);
	guest_assert(is_near(rdtsc(), 0x123500000000UL));

	wrmsr(MSR_TSC_ADJUST, 0);
	guest_assert(is_near(rdtsc(), before));
}

/* User space moves the TSC, and says what IA32_TSC_ADJUST is. */
static void guest_moved(void)
{
	guest_sync(0);
	guest_assert(is_near(rdtsc(), 0x700000000000UL));
	guest_assert_eq(rdmsr(MSR_TSC_ADJUST), 0x55);
}

static void moved(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_moved);

	need_phv();
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_set_msr(vcpu, MSR_TSC_ADJUST, 0x55);
	vcpu_set_msr(vcpu, MSR_TSC, 0x700000000000UL);
	check_eq(vcpu_get_msr(vcpu, MSR_TSC_ADJUST), 0x55);
	check(is_near(vcpu_get_msr(vcpu, MSR_TSC), 0x700000000000UL));
	vcpu_finish(vcpu);
}

/* Frequency */

static u32 default_khz(struct vm *vm)
{
	struct phv_cpuid_entry entry[PHV_MAX_CPUID];
	struct phv_cpuid arg = { .count = PHV_MAX_CPUID, .entries = (u64)entry };
	u32 i;

	check_eq(vm_ioctl(vm, PHV_GET_CPUID, &arg), 0);
	for (i = 0; i < arg.count; i++)
		if (entry[i].leaf == 0x15)
			return entry[i].ebx;
	test_fail("no CPUID leaf 0x15");
}

static u64 leaf_khz;

static void guest_leaf(void)
{
	struct cpuid c = cpuid(0x15, 0);

	WRITE_ONCE(leaf_khz, (u64)c.ecx * c.ebx / c.eax / 1000);
}

static void scaled(void)
{
	struct reading x, y;
	struct vcpu *vcpu;
	struct vm *vm;
	u32 khz;

	need_caps(PHV_CAP_TSC_SCALING);
	vm = vm_create();
	khz = default_khz(vm);
	check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, 2UL * khz), 0);
	vcpu = vm_add_guest(vm, 0, guest_leaf);
	vcpu_finish(vcpu);
	check_eq(leaf_khz, 2UL * khz);

	vcpu_call(vcpu, guest_read);
	x = read_tsc(vcpu);
	spin(5000000);
	y = read_tsc(vcpu);
	check(y.guest - x.guest >= 2 * (y.before - x.after) - 2);
	check(y.guest - x.guest <= 2 * (y.after - x.before) + 2);

	/* IA32_TSC counts in the guest's time, too */
	vcpu_call(vcpu, guest_write);
	vcpu_finish(vcpu);
}

static void slower(void)
{
	struct reading x, y;
	struct vcpu *vcpu;
	struct vm *vm;

	need_caps(PHV_CAP_TSC_SCALING);
	vm = vm_create();
	check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, default_khz(vm) / 4), 0);
	vcpu = vm_add_guest(vm, 0, guest_read);
	x = read_tsc(vcpu);
	spin(5000000);
	y = read_tsc(vcpu);
	check((y.guest - x.guest) * 4 >= (y.before - x.after) - 8);
	check((y.guest - x.guest) * 4 <= (y.after - x.before) + 8);
}

/* The host's frequency is as good as any other, also behind another one. */
static void set_back(void)
{
	struct vm *vm;
	u32 khz;

	need_caps(PHV_CAP_TSC_SCALING);
	vm = vm_create();
	khz = default_khz(vm);
	check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, 2UL * khz), 0);
	check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, khz), 0);
	vcpu_finish(vm_add_guest(vm, 0, guest_leaf));
	check_eq(leaf_khz, khz);
}

static void frequency_errors(void)
{
	struct phv_caps caps;
	struct vm *vm;
	int device;
	u32 khz;

	need_phv();
	device = open(PHV_DEVICE, O_RDWR);
	check_eq(ioctl(device, PHV_GET_CAPS, &caps), 0);
	vm = vm_create();
	khz = default_khz(vm);
	check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, 0), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, khz), 0);
	if (caps.features & PHV_CAP_TSC_SCALING)
		check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, ~0UL), -EINVAL);
	else
		check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, khz + khz / 2),
			 -EOPNOTSUPP);
	vcpu_create(vm, 0);
	check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ, khz), -EBUSY);
}

static const struct test tests[] = {
	{ "the TSC runs, also across exits", .guest = guest_runs },
	{ "all vCPUs have the same", .host = same_on_all },
	{ "it never runs backwards from one vCPU to another",
	  .host = monotonic },
	{ "IA32_TSC and IA32_TSC_ADJUST", .guest = guest_write },
	{ "user space moves it", .host = moved },
	{ "a guest's TSC can be faster than the host's", .host = scaled },
	{ "and slower", .host = slower },
	{ "CPUID has the host's frequency when that is set again", .host = set_back },
	{ "PHV_SET_TSC_KHZ refuses bad arguments", .host = frequency_errors },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
