// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time for guests of Xen's interface: system time, wall clock, and the timers that
 * raise VIRQ_TIMER.
 */
#include <sys/ioctl.h>
#include <time.h>

#include "xen_time.h"

struct event_log event_log;

static u64 guest_ns;

static u64 host_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void host_spin(u64 ns)
{
	u64 end = host_ns(CLOCK_MONOTONIC_RAW) + ns;

	while (host_ns(CLOCK_MONOTONIC_RAW) < end)
		cpu_relax();
}

/* System time */

static void guest_clock(void)
{
	for (;;) {
		WRITE_ONCE(guest_ns, now());
		guest_sync(0);
	}
}

/* One reading of a guest's clock, and of the host's around it. */
struct reading {
	u64 before, guest, after;
};

static struct reading read_clock(struct vcpu *vcpu)
{
	struct reading r = { .before = host_ns(CLOCK_MONOTONIC_RAW) };

	vcpu_expect(vcpu, VCPU_SYNC);
	r.after = host_ns(CLOCK_MONOTONIC_RAW);
	r.guest = READ_ONCE(guest_ns);
	return r;
}

/* The clocks may differ by a part in 2000, and by what rounding gives. */
static void check_rate(struct vcpu *vcpu)
{
	struct reading x = read_clock(vcpu), y;
	u64 elapsed;

	host_spin(5 * NS_PER_MS);
	y = read_clock(vcpu);
	elapsed = y.guest - x.guest;
	check(elapsed >= (y.before - x.after) * 1999 / 2000);
	check(elapsed <= (y.after - x.before) * 2001 / 2000 + 1000);
}

static void system_time(void)
{
	check_rate(xen_with_guest(guest_clock));
}

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

static void scaled(void)
{
	static const struct { u32 mul, div; } ratios[] = { { 2, 1 }, { 1, 4 }, { 7, 5 } };
	struct vm *vm;
	u32 i;

	need_caps(PHV_CAP_TSC_SCALING);
	for (i = 0; i < ARRAY_SIZE(ratios); i++) {
		vm = vm_create();
		check_eq(vm_ioctl(vm, PHV_SET_TSC_KHZ,
				  default_khz(vm) * (u64)ratios[i].mul / ratios[i].div), 0);
		xen_setup_vm(vm, 0);
		check_rate(vm_add_guest(vm, 0, guest_clock));
	}
}

/* System time goes on when the guest or user space moves the TSC. */
static void guest_tsc_moves(void)
{
	struct vcpu_time_info *info = &xen_vcpu_info()->time;
	u64 before = now(), value;
	u32 version = READ_ONCE(info->version);

	guest_assert(version && !(version & 1));
	wrmsr(MSR_TSC, 0x123400000000UL);
	guest_assert(READ_ONCE(info->version) != version);
	value = now();
	guest_assert(value > before && value - before < 50 * NS_PER_MS);
	wrmsr(MSR_TSC_ADJUST, 0x5600000000UL);
	before = now();
	guest_assert(before >= value && before - value < 50 * NS_PER_MS);
	guest_sync(0);
	value = now();
	guest_assert(value >= before && value - before < 500 * NS_PER_MS);
}

static void tsc_moves(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_tsc_moves);

	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_set_msr(vcpu, MSR_TSC, 0x700000000000UL);
	vcpu_finish(vcpu);
}

/* vCPUs in turns: each must find its clock not before the other's. */
static u64 turn, last_time;

#define TURNS 2000

static void guest_in_turns(u64 id)
{
	u64 time;

	/* The TSCs may be different. */
	if (id)
		wrmsr(MSR_TSC, rdtsc() + 0x77777777777UL);
	while (READ_ONCE(turn) < TURNS) {
		if (READ_ONCE(turn) % 2 != id) {
			cpu_relax();
			continue;
		}
		time = now();
		guest_assert(time >= last_time);
		last_time = time;
		__atomic_store_n(&turn, turn + 1, __ATOMIC_RELEASE);
	}
}

static void monotonic(void)
{
	struct vm *vm = xen_create();
	struct vcpu *a = vm_add_guest(vm, 0, guest_in_turns, 0);
	struct vcpu *b = vm_add_guest(vm, 1, guest_in_turns, 1);

	need_cpus(2);
	vcpu_start(a);
	vcpu_start(b);
	vcpu_join(a);
	vcpu_join(b);
}

/* Wall clock */

static void wallclock(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_clock);
	u64 before, after, wall;

	check(xen_shared->wc_version && !(xen_shared->wc_version & 1));
	before = host_ns(CLOCK_REALTIME);
	vcpu_expect(vcpu, VCPU_SYNC);
	after = host_ns(CLOCK_REALTIME);
	wall = ((u64)xen_shared->wc_sec_hi << 32 | xen_shared->wc_sec) * NS_PER_S +
	       xen_shared->wc_nsec + guest_ns;
	check(xen_shared->wc_nsec < NS_PER_S);
	check(wall >= before - NS_PER_MS);
	check(wall <= after + NS_PER_MS);
}

/* A second vcpu_time_info */

#define AREA_SIZE	sizeof(struct vcpu_time_info)

static u8 *area_pages;

static long register_area(u32 op, u32 vcpu, u64 address)
{
	return xen_vcpu_op(op, vcpu, &address);
}

static void guest_area_follows(u64 offset)
{
	struct vcpu_time_info *info = &xen_vcpu_info()->time;
	struct vcpu_time_info *area = (void *)(area_pages + offset);
	struct vcpu_time_info copy;
	u64 time;

	guest_assert_eq(register_area(VCPUOP_register_vcpu_time_memory_area, 0, (u64)area), 0);
	guest_assert(!memcmp(area, info, AREA_SIZE));
	wrmsr(MSR_TSC, 0x1000);
	guest_assert(!memcmp(area, info, AREA_SIZE));
	time = now();
	guest_assert(time_of(area) - time < 10 * NS_PER_MS);

	/* 0 is for no area. */
	guest_assert_eq(register_area(VCPUOP_register_vcpu_time_memory_area, 0, 0), 0);
	copy = *area;
	wrmsr(MSR_TSC, 0x2000);
	guest_assert(!memcmp(&copy, area, AREA_SIZE));
	guest_assert(memcmp(&copy, info, AREA_SIZE));
}

static void area_follows(void)
{
	static const u16 offsets[] = { 0, 64, 0x1000 - 8, 0x1000 - 24, 0x1000 - 3, 0x1000 - 32 };
	u32 i;

	area_pages = vm_alloc(0x2000, 0x1000);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		memset(area_pages, 0xcc, 0x2000);
		vcpu_finish(xen_with_guest(guest_area_follows, offsets[i]));
		check_eq(area_pages[offsets[i] + AREA_SIZE], 0xcc);
		check(!offsets[i] || area_pages[offsets[i] - 1] == 0xcc);
	}
}

static void guest_area_physical(void)
{
	struct vcpu_time_info *info = &xen_vcpu_info()->time;
	u64 area = (u64)area_pages;
	const u32 op = VCPUOP_register_vcpu_time_phys_area;
	struct vcpu_time_info copy;

	guest_assert_eq(register_area(op, 0, area + 0x1000 - 8), -ENXIO);
	guest_assert_eq(register_area(op, 0, area + 4), -ENXIO);
	guest_assert_eq(register_area(op, 0, XEN_HOLE), -EINVAL);
	guest_assert_eq(register_area(op, 0, 1UL << 60), -EINVAL);
	guest_assert_eq(register_area(op, 1, area), -ENOENT);
	guest_assert_eq(register_area(op, 0, area + 8), 0);
	guest_assert(!memcmp((void *)(area + 8), info, AREA_SIZE));
	wrmsr(MSR_TSC, 0x3000);
	guest_assert(!memcmp((void *)(area + 8), info, AREA_SIZE));
	guest_assert_eq(register_area(op, 0, ~0UL), 0);
	memcpy(&copy, (void *)(area + 8), AREA_SIZE);
	wrmsr(MSR_TSC, 0x4000);
	guest_assert(!memcmp(&copy, (void *)(area + 8), AREA_SIZE));
}

static void area_physical(void)
{
	area_pages = vm_alloc(0x2000, 0x1000);
	vcpu_finish(xen_with_guest(guest_area_physical));
}

static void guest_area_errors(void)
{
	const u32 op = VCPUOP_register_vcpu_time_memory_area;
	u64 area = (u64)area_pages;

	guest_assert_eq(register_area(op, 0, XEN_HOLE), -EFAULT);
	guest_assert_eq(register_area(op, 0, BIT(40)), -EFAULT);
	guest_assert_eq(register_area(op, 0, BIT(63)), -EFAULT);
	guest_assert_eq(register_area(op, 0, VM_RAM + VM_RAM_SIZE - 8), -EFAULT);
	guest_assert_eq(register_area(op, 7, area), -ENOENT);
	guest_assert_eq(xen_vcpu_op(op, 0, (void *)BIT(40)), -EFAULT);
	guest_assert_eq(xen_vcpu_op(op, ~0u, (void *)BIT(40)), -ENOENT);
}

static void area_errors(void)
{
	area_pages = vm_alloc(0x2000, 0x1000);
	vcpu_finish(xen_with_guest(guest_area_errors));
}

/* Timers */

/*
 * Interrupts are off but in one of these: one that came between a look at the events and
 * HLT would not end that.
 */
static void spin(void)
{
	sti();
	cpu_relax();
	cli();
}

static void exit_often(void)
{
	sti();
	cpuid(0, 0);
	cli();
}

static void (*wait_a_bit)(void);

/* The event comes once, and not before its time. */
static void expect_timer(u32 port, u64 deadline)
{
	u32 before = events(port);

	while (events(port) == before)
		wait_a_bit();
	guest_assert_eq(events(port), before + 1);
	guest_assert(event_log.time[port] >= deadline);
	guest_assert(event_log.time[port] - deadline < NS_PER_S);
}

static bool comes_within(u32 port, u64 ns)
{
	u32 before = events(port);
	u64 end = now() + ns;

	sti();
	while (events(port) == before && now() < end)
		cpu_relax();
	cli();
	return events(port) != before;
}

static void guest_singleshot(void)
{
	u32 port, i;
	u64 deadline;

	take_events();
	port = bind_timer();
	for (i = 0; i < 8; i++) {
		/* Once it must not be over before it is set. */
		deadline = now() + (i ? 300 * NS_PER_US : 150 * NS_PER_MS);
		guest_assert_eq(set_singleshot(deadline, i ? 0 : VCPU_SSHOTTMR_future), 0);
		expect_timer(port, deadline);
	}
	guest_assert(!comes_within(port, 500 * NS_PER_US));

	/* A later one replaces the one there is; stopped is stopped. */
	guest_assert_eq(set_singleshot(now() + 150 * NS_PER_MS, 0), 0);
	deadline = now() + 200 * NS_PER_MS;
	guest_assert_eq(set_singleshot(deadline, 0), 0);
	expect_timer(port, deadline);
	guest_assert_eq(set_singleshot(now() + 150 * NS_PER_MS, 0), 0);
	guest_assert_eq(xen_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0);
	guest_assert(!comes_within(port, 200 * NS_PER_MS));
}

static void singleshot(void)
{
	static void (*const ways[])(void) = { spin, exit_often, sti_hlt };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		wait_a_bit = ways[i];
		vcpu_finish(xen_with_guest(guest_singleshot));
	}
}

/* It is pending when the hypercall is over. */
static void expect_at_once(u32 port)
{
	u32 before = events(port);

	asm volatile("sti; nop; nop; cli" : : : "memory");
	guest_assert_eq(events(port), before + 1);
}

/*
 * By the domain's vector: the event must not wait for the next exit. What the host does
 * meanwhile may make one late, but not all.
 */
static void guest_callback(void)
{
	u64 deadline, least = ~0UL;
	u32 port, i;

	guest_handle(UPCALL_VECTOR, on_callback);
	guest_assert_eq(xen_hvm_set_param(HVM_PARAM_CALLBACK_IRQ, 2UL << 56 | UPCALL_VECTOR), 0);
	port = bind_timer();
	wait_a_bit = spin;
	for (i = 0; i < 8; i++) {
		deadline = now() + 300 * NS_PER_US;
		guest_assert_eq(set_singleshot(deadline, 0), 0);
		expect_timer(port, deadline);
		if (event_log.time[port] - deadline < least)
			least = event_log.time[port] - deadline;
	}
	guest_assert(least < 200 * NS_PER_US);
	guest_assert_eq(set_singleshot(1, 0), 0);
	i = events(port);
	asm volatile("sti; nop; nop; cli" : : : "memory");
	guest_assert_eq(events(port), i + 1);
}

static void callback(void)
{
	vcpu_finish(xen_with_guest(guest_callback));
}

static void guest_past(void)
{
	u32 port, before;

	take_events();
	port = bind_timer();
	guest_assert_eq(set_singleshot(0, 0), 0);
	expect_at_once(port);
	guest_assert_eq(set_singleshot(now(), 0), 0);
	expect_at_once(port);
	guest_assert_eq(set_singleshot(~0UL, 0), 0);
	expect_at_once(port);
	guest_assert_eq(set_singleshot(BIT(63), 0), 0);
	expect_at_once(port);

	before = events(port);
	guest_assert_eq(set_singleshot(now() - 1, VCPU_SSHOTTMR_future), -ETIME);
	guest_assert_eq(set_singleshot(1, VCPU_SSHOTTMR_future), -ETIME);
	sti();
	spin_for(100 * NS_PER_US);
	guest_assert_eq(events(port), before);

	/* Far ahead is not now, and not an error. */
	guest_assert_eq(set_singleshot(BIT(62), 0), 0);
	guest_assert(!comes_within(port, 300 * NS_PER_US));
}

static void past(void)
{
	vcpu_finish(xen_with_guest(guest_past));
}

static void guest_timer_op(void)
{
	u64 deadline, start;
	u32 port;

	take_events();
	port = bind_timer();
	wait_a_bit = sti_hlt;
	deadline = now() + 300 * NS_PER_US;
	guest_assert_eq(xen_set_timer(deadline), 0);
	expect_timer(port, deadline);
	guest_assert_eq(xen_set_timer(1), 0);
	expect_at_once(port);
	guest_assert_eq(xen_set_timer(now() + 300 * NS_PER_US), 0);
	guest_assert_eq(xen_set_timer(0), 0);
	guest_assert(!comes_within(port, 600 * NS_PER_US));

	/* What has wrapped, or is absurd, is in 100 ms. */
	start = now();
	guest_assert_eq(xen_set_timer(~0UL), 0);
	expect_timer(port, start + 100 * NS_PER_MS);
	start = now();
	guest_assert_eq(xen_set_timer(start + BIT(51)), 0);
	expect_timer(port, start + 100 * NS_PER_MS);
}

static void timer_op(void)
{
	vcpu_finish(xen_with_guest(guest_timer_op));
}

static long set_periodic(u32 vcpu, u64 period)
{
	struct vcpu_set_periodic_timer arg = { .period_ns = period };

	return xen_vcpu_op(VCPUOP_set_periodic_timer, vcpu, &arg);
}

static void guest_periodic(void)
{
	u64 start;
	u32 port, i, before;

	take_events();
	port = bind_timer();
	guest_assert_eq(set_periodic(0, NS_PER_MS - 1), -EINVAL);
	guest_assert_eq(set_periodic(0, BIT(63)), -EINVAL);
	guest_assert_eq(set_periodic(3, NS_PER_MS), -ENOENT);
	start = now();
	guest_assert_eq(set_periodic(0, NS_PER_MS), 0);
	for (i = 1; i <= 5; i++) {
		before = events(port);
		while (events(port) == before)
			sti_hlt();
		/* Both clocks count the same ns, but for a part in 2000. */
		guest_assert(event_log.time[port] >= start + i * (NS_PER_MS - 500));
	}
	guest_assert_eq(xen_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
	take_events();
	asm volatile("sti; nop; nop; cli" : : : "memory");
	guest_assert(!comes_within(port, 3 * NS_PER_MS));
}

static void periodic(void)
{
	vcpu_finish(xen_with_guest(guest_periodic));
}

/* 32-bit code: a deadline is two arguments, structures have no padding, pointers 4 bytes. */
static struct {
	u64 deadline;
	u32 flags;
	u32 behind;
} __packed singleshot32;

static struct {
	u32 address;
	u32 behind;
} area32;

static void guest_layouts32(void)
{
	struct vcpu_time_info *info = &xen_vcpu_info()->time;
	u64 deadline;
	u32 port;

	take_events();
	port = bind_timer();
	wait_a_bit = sti_hlt;
	deadline = now() + 300 * NS_PER_US;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_set_timer_op, (u32)deadline,
					deadline >> 32), 0);
	expect_timer(port, deadline);
	/* The high half counts: this is 4 s from now. */
	deadline = now() + BIT(32);
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_set_timer_op, (u32)deadline,
					deadline >> 32), 0);
	guest_assert(!comes_within(port, 500 * NS_PER_US));

	/* Far enough not to be over before it is set. */
	singleshot32.deadline = now() + NS_PER_S;
	singleshot32.flags = VCPU_SSHOTTMR_future;
	singleshot32.behind = ~0u;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0,
					(u64)&singleshot32), 0);
	expect_timer(port, singleshot32.deadline);
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0,
					(u64)&singleshot32), -ETIME);

	area32.address = (u64)area_pages;
	area32.behind = ~0u;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_vcpu_op,
					VCPUOP_register_vcpu_time_memory_area, 0,
					(u64)&area32), 0);
	guest_assert(!memcmp(area_pages, info, AREA_SIZE));
}

static void layouts32(void)
{
	area_pages = vm_alloc(0x2000, 0x1000);
	vcpu_finish(xen_with_guest(guest_layouts32));
}

/* The wall clock is where the guest's layout has it. */
static void guest_latches32(void)
{
	struct xen_hvm_param *arg = (void *)area_pages;

	memset(arg, 0, sizeof(*arg));
	arg->domid = DOMID_SELF;
	arg->index = HVM_PARAM_CALLBACK_IRQ;
	arg->value = 2UL << 56 | UPCALL_VECTOR;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_hvm_op, HVMOP_set_param, (u64)arg), 0);
}

static void wallclock32(void)
{
	u32 *wc, *high;

	area_pages = vm_alloc(0x2000, 0x1000);
	vcpu_finish(xen_with_guest(guest_latches32));
	wc = (u32 *)((u8 *)xen_shared + 0x900);
	high = (u32 *)((u8 *)xen_shared + 0x924);
	check(wc[0] && !(wc[0] & 1));
	check(((u64)*high << 32 | wc[1]) - host_ns(CLOCK_REALTIME) / NS_PER_S + 60 <= 60);
	check(wc[2] < NS_PER_S);
}

/* An idle vCPU's own timers are its own affair, but the periodic one may be set by any. */
static void guest_others(void)
{
	struct vcpu_set_singleshot_timer arg = { .timeout_abs_ns = 1 };

	guest_assert_eq(xen_vcpu_op(VCPUOP_set_singleshot_timer, 1, &arg), -EINVAL);
	guest_assert_eq(xen_vcpu_op(VCPUOP_stop_singleshot_timer, 1, NULL), -EINVAL);
	guest_assert_eq(xen_vcpu_op(VCPUOP_set_singleshot_timer, 2, &arg), -ENOENT);
	guest_assert_eq(xen_vcpu_op(VCPUOP_set_singleshot_timer, 0, (void *)BIT(40)), -EFAULT);
	guest_assert_eq(xen_vcpu_op(VCPUOP_set_periodic_timer, 0, (void *)BIT(40)), -EFAULT);
	guest_assert_eq(set_periodic(1, NS_PER_MS), 0);
	guest_assert_eq(xen_vcpu_op(VCPUOP_stop_periodic_timer, 1, NULL), 0);
	guest_assert_eq(xen_vcpu_op(VCPUOP_get_physid, 0, NULL), -EINVAL);
	guest_assert_eq(xen_vcpu_op(~0u, 0, NULL), -ENOSYS);
	guest_assert_eq(xen_call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, BIT(32), 0, 0, 0, 0), -ENOENT);
}

static void others(void)
{
	struct vm *vm = xen_create();
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_others);

	vcpu_create(vm, 1);
	vcpu_finish(vcpu);
}

/* The handler of the one that fires, and those who set it, are on different CPUs. */
static void guest_sets_others(u64 id)
{
	u64 end = now() + 10 * NS_PER_MS;

	do {
		guest_assert_eq(set_periodic(!id, NS_PER_MS), 0);
		guest_assert_eq(set_periodic(id, NS_PER_MS), 0);
	} while (now() < end);
	guest_assert_eq(xen_vcpu_op(VCPUOP_stop_periodic_timer, !id, NULL), 0);
}

static void sets_others(void)
{
	struct vm *vm = xen_create();
	struct vcpu *a = vm_add_guest(vm, 0, guest_sets_others, 0);
	struct vcpu *b = vm_add_guest(vm, 1, guest_sets_others, 1);

	vcpu_start(a);
	vcpu_start(b);
	vcpu_join(a);
	vcpu_join(b);
}

/* Timers go on while user space has the vCPU, and fire when it runs again. */
static void guest_late(void)
{
	u64 deadline;
	u32 port;

	take_events();
	port = bind_timer();
	deadline = now() + 200 * NS_PER_US;
	guest_assert_eq(set_singleshot(deadline, 0), 0);
	guest_sync(0);
	expect_at_once(port);
	guest_assert(event_log.time[port] >= deadline);
}

static void late(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_late);

	vcpu_expect(vcpu, VCPU_SYNC);
	host_spin(NS_PER_MS);
	vcpu_finish(vcpu);
}

/* Both of a vCPU's timers, Xen's and the local APIC's, in any order. */
#define APIC_VECTOR	0x60

static u32 apic_ticks;

static void on_apic(struct guest_frame *frame)
{
	(void)frame;
	WRITE_ONCE(apic_ticks, apic_ticks + 1);
	x2apic_eoi();
}

static void guest_both(void)
{
	u32 port, i, xen, apic;
	u64 first, second;

	take_events();
	port = bind_timer();
	guest_handle(APIC_VECTOR, on_apic);
	x2apic_write(0x3e, 0xb);		/* divide by 1: ns */
	x2apic_write(0x32, APIC_VECTOR);	/* one-shot */
	for (i = 0; i < 6; i++) {
		xen = events(port);
		apic = READ_ONCE(apic_ticks);
		first = i % 2 ? 200 * NS_PER_US : 500 * NS_PER_US;
		second = i % 2 ? 500 * NS_PER_US : 200 * NS_PER_US;
		guest_assert_eq(set_singleshot(now() + first, 0), 0);
		x2apic_write(0x38, second);
		while (events(port) == xen || READ_ONCE(apic_ticks) == apic)
			sti_hlt();
		guest_assert_eq(events(port), xen + 1);
		guest_assert_eq(READ_ONCE(apic_ticks), apic + 1);
	}
}

static void both(void)
{
	vcpu_finish(xen_with_guest(guest_both));
}

static const struct test tests[] = {
	{ "system time is the host's", .host = system_time },
	{ "also with a TSC of another frequency", .host = scaled },
	{ "also when the TSC is moved", .host = tsc_moves },
	{ "it never runs backwards from one vCPU to another", .host = monotonic },
	{ "the wall clock is the host's", .host = wallclock },
	{ "a second vcpu_time_info follows the first", .host = area_follows },
	{ "also by guest-physical address", .host = area_physical },
	{ "it must be in memory", .host = area_errors },
	{ "the singleshot timer fires once, and not early", .host = singleshot },
	{ "also by the domain's vector", .host = callback },
	{ "at once when it is past", .host = past },
	{ "set_timer_op", .host = timer_op },
	{ "the periodic timer", .host = periodic },
	{ "whose timers one may set", .host = others },
	{ "vCPUs set each other's periodic timers", .host = sets_others },
	{ "a timer that user space is in the way of", .host = late },
	{ "beside the local APIC's timer", .host = both },
	{ "timers and time for 32-bit guests", .host = layouts32 },
	{ "the wall clock for 32-bit guests", .host = wallclock32 },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
