// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runstate: what vCPUs of a Xen domain did with their time, as guests are told. Steal
 * time is what of it was neither running nor blocked.
 */
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "xen_time.h"

struct event_log event_log;

#define INFO_SIZE	sizeof(struct vcpu_runstate_info)

static u8 *area_pages;

static long get(u32 vcpu, struct vcpu_runstate_info *info)
{
	return xen_vcpu_op(VCPUOP_get_runstate_info, vcpu, info);
}

static long register_area(u32 op, u32 vcpu, u64 address)
{
	return xen_vcpu_op(op, vcpu, &address);
}

static u64 sum(const struct vcpu_runstate_info *info)
{
	return info->time[0] + info->time[1] + info->time[2] + info->time[3];
}

static u64 stolen(const struct vcpu_runstate_info *info)
{
	return info->time[RUNSTATE_runnable] + info->time[RUNSTATE_offline];
}

/* Every nanosecond is in one of the states. */
static void guest_sums(void)
{
	struct vcpu_runstate_info a, b;
	u64 before_a, after_a, before_b, after_b;
	u32 i;

	for (i = 0; i < 20; i++) {
		before_a = now();
		guest_assert_eq(get(0, &a), 0);
		after_a = now();
		guest_assert_eq(a.state, RUNSTATE_running);
		guest_assert(a.state_entry_time <= before_a);
		spin_for(50 * NS_PER_US);
		if (i % 4 == 1)
			guest_sync(0);
		before_b = now();
		guest_assert_eq(get(0, &b), 0);
		after_b = now();
		guest_assert(sum(&b) - sum(&a) >= before_b - after_a);
		guest_assert(sum(&b) - sum(&a) <= after_b - before_a);
	}
}

static void sums(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_sums);
	u32 i;

	for (i = 0; i < 5; i++)
		vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_finish(vcpu);
}

/* The area is what the hypercall says, at the time of the last change. */
static void check_area(const struct vcpu_runstate_info *area, u64 from)
{
	struct vcpu_runstate_info copy, info;
	u64 time;

	do {
		memcpy(&copy, area, sizeof(copy));
		time = now();
		guest_assert_eq(get(0, &info), 0);
	} while (memcmp(&copy, area, sizeof(copy)));
	guest_assert_eq(copy.state, RUNSTATE_running);
	guest_assert_eq(copy.state_entry_time, info.state_entry_time);
	guest_assert(copy.state_entry_time >= from && copy.state_entry_time <= time);
	guest_assert_eq(sum(&copy) - sum(&info) + info.time[0] - copy.time[0], 0);
	guest_assert(info.time[0] - copy.time[0] >= time - copy.state_entry_time);
}

static void guest_area(u64 offset)
{
	struct vcpu_runstate_info *area = (void *)(area_pages + offset);
	const u32 op = VCPUOP_register_runstate_memory_area;
	struct vcpu_runstate_info copy;
	u64 from;

	guest_assert_eq(register_area(op, 0, (u64)area), 0);
	check_area(area, 0);
	from = now();
	guest_sync(0);
	check_area(area, from);

	/* 0 is for no area. */
	guest_assert_eq(register_area(op, 0, 0), 0);
	memcpy(&copy, area, sizeof(copy));
	guest_sync(0);
	guest_assert(!memcmp(&copy, area, sizeof(copy)));
}

static void area(void)
{
	static const u16 offsets[] = { 0, 8, 0x1000 - 8, 0x1000 - 13, 0x1000 - 16, 0x1000 - 48 };
	u32 i;

	area_pages = vm_alloc(0x2000, 0x1000);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct vcpu *vcpu = xen_with_guest(guest_area, offsets[i]);

		memset(area_pages, 0xcc, 0x2000);
		vcpu_expect(vcpu, VCPU_SYNC);
		vcpu_expect(vcpu, VCPU_SYNC);
		vcpu_finish(vcpu);
		check_eq(area_pages[offsets[i] + INFO_SIZE], 0xcc);
		check(!offsets[i] || area_pages[offsets[i] - 1] == 0xcc);
	}
}

static void guest_area_physical(void)
{
	const u32 op = VCPUOP_register_runstate_phys_area;
	u64 area = (u64)area_pages;

	guest_assert_eq(register_area(op, 0, area + 0x1000 - 40), -ENXIO);
	guest_assert_eq(register_area(op, 0, area + 1), -ENXIO);
	guest_assert_eq(register_area(op, 0, XEN_HOLE), -EINVAL);
	guest_assert_eq(register_area(op, 0, area + 16), 0);
	check_area((void *)(area + 16), 0);
	guest_sync(0);
	check_area((void *)(area + 16), 0);
	guest_assert_eq(register_area(op, 0, ~0UL), 0);
}

static void area_physical(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_area_physical);

	area_pages = vm_alloc(0x2000, 0x1000);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_finish(vcpu);
}

static void guest_errors(void)
{
	const u32 op = VCPUOP_register_runstate_memory_area;

	guest_assert_eq(register_area(op, 0, XEN_HOLE), -EFAULT);
	guest_assert_eq(register_area(op, 0, BIT(40)), -EFAULT);
	guest_assert_eq(register_area(op, 0, BIT(63)), -EFAULT);
	guest_assert_eq(register_area(op, 0, VM_RAM + VM_RAM_SIZE - 8), -EFAULT);
	guest_assert_eq(register_area(op, 1, (u64)area_pages), -ENOENT);
	guest_assert_eq(get(1, (void *)area_pages), -ENOENT);
	guest_assert_eq(get(0, (void *)BIT(40)), -EFAULT);

	guest_assert_eq(xen_vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0);
	guest_assert_eq(xen_vm_assist(VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag), 0);
	guest_assert_eq(xen_vm_assist(2, VMASST_TYPE_runstate_update_flag), -ENOSYS);
	guest_assert_eq(xen_vm_assist(VMASST_CMD_enable, VMASST_TYPE_4gb_segments), -EINVAL);
	guest_assert_eq(xen_vm_assist(VMASST_CMD_enable, 64), -EINVAL);
	guest_assert_eq(xen_vm_assist(VMASST_CMD_enable, ~0u), -EINVAL);
}

static void errors(void)
{
	area_pages = vm_alloc(0x2000, 0x1000);
	vcpu_finish(xen_with_guest(guest_errors));
}

/* 32-bit guests have 64-bit members where they come. */
struct runstate_info32 {
	u32 state;
	u64 state_entry_time;
	u64 time[4];
} __packed;

static void guest_layouts32(void)
{
	struct runstate_info32 *area = (void *)area_pages, *info = area + 1;
	u32 *address = (u32 *)(info + 1);
	struct vcpu_runstate_info after;

	memset(area_pages, 0xcc, 0x1000);
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0,
					(u64)info), 0);
	guest_assert_eq(*address, 0xcccccccc);
	guest_assert_eq(get(0, &after), 0);
	guest_assert_eq(info->state, RUNSTATE_running);
	guest_assert(info->time[0] <= after.time[0]);
	guest_assert(info->time[3] == after.time[3] || info->time[3] < after.time[3]);
	guest_assert(info->state_entry_time <= after.state_entry_time);

	*address = (u64)area;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_vcpu_op,
					VCPUOP_register_runstate_memory_area, 0,
					(u64)address), 0);
	guest_sync(0);
	guest_assert_eq(get(0, &after), 0);
	guest_assert_eq(area->state, RUNSTATE_running);
	guest_assert(area->state_entry_time > info->state_entry_time);
	guest_assert(area->time[RUNSTATE_offline] > info->time[RUNSTATE_offline]);
	guest_assert(area->time[RUNSTATE_offline] <= after.time[RUNSTATE_offline]);
}

static void layouts32(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_layouts32);

	area_pages = vm_alloc(0x2000, 0x1000);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_finish(vcpu);
}

/* The owner takes away what the guest has registered: the module has it still. */
static void guest_area_goes(u64 address)
{
	guest_assert_eq(register_area(VCPUOP_register_runstate_memory_area, 0, address), 0);
	guest_assert_eq(register_area(VCPUOP_register_vcpu_time_memory_area, 0, address + 64), 0);
	guest_sync(0);
	wrmsr(MSR_TSC, 0x1234567);
	guest_sync(0);
	guest_assert_eq(register_area(VCPUOP_register_runstate_memory_area, 0, 0), 0);
	guest_assert_eq(register_area(VCPUOP_register_vcpu_time_memory_area, 0, 0), 0);
}

static void area_goes(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_area_goes, XEN_HOLE);
	void *memory = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED);
	check_eq(vm_add_memory(vcpu->vm, XEN_HOLE, 0x1000, memory, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vm_remove_memory(vcpu->vm, XEN_HOLE, 0x1000, memory), 0);
	check_eq(munmap(memory, 0x1000), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_finish(vcpu);
}

/* One vCPU moves another's areas about, which has others of its own all the time. */
static void guest_moves(u64 id)
{
	u32 i;

	for (i = 0; i < 300; i++) {
		u64 address = i % 3 ? (u64)area_pages + i * 7 + id * 0x800 : 0;

		guest_assert_eq(register_area(VCPUOP_register_runstate_memory_area, i & 1,
					      address), 0);
		guest_assert_eq(register_area(VCPUOP_register_vcpu_time_memory_area, i & 1,
					      address), 0);
		if (!(i % 8))
			wrmsr(MSR_TSC, i);
	}
}

static void moves(void)
{
	struct vm *vm = xen_create();
	struct vcpu *a = vm_add_guest(vm, 0, guest_moves, 0);
	struct vcpu *b = vm_add_guest(vm, 1, guest_moves, 1);

	area_pages = vm_alloc(0x2000, 0x1000);
	vcpu_start(a);
	vcpu_start(b);
	vcpu_join(a);
	vcpu_join(b);
}

/* One vCPU is made to change its state all the time, another reads what it says. */
static u64 stop;

static void guest_changes(void)
{
	while (!READ_ONCE(stop))
		guest_sync(0);
}

static void guest_reads(void)
{
	volatile struct vcpu_runstate_info *area = (void *)area_pages;
	struct vcpu_runstate_info copy;
	u64 last = 0, entered;
	u32 i, seen = 0;

	guest_assert_eq(xen_vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0);
	guest_assert_eq(register_area(VCPUOP_register_runstate_memory_area, 1, (u64)area_pages), 0);
	for (i = 0; i < 2000; i++) {
		do {
			do {
				entered = area->state_entry_time;
			} while (entered & XEN_RUNSTATE_UPDATE);
			barrier();
			memcpy(&copy, area_pages, sizeof(copy));
			barrier();
		} while (area->state_entry_time != entered || copy.state_entry_time != entered);
		/* What came before the state began is in the sum, and nothing else. */
		if (!last)
			last = sum(&copy) - entered;
		guest_assert_eq(sum(&copy) - entered, last);
		seen |= BIT(copy.state);
	}
	guest_assert(seen & BIT(RUNSTATE_running));
	WRITE_ONCE(stop, 1);
}

static void *run_changes(void *arg)
{
	struct vcpu *vcpu = arg;

	while (vcpu_run(vcpu) == VCPU_SYNC)
		;
	return NULL;
}

static void update_flag(void)
{
	struct vm *vm = xen_create();
	struct vcpu *reader = vm_add_guest(vm, 0, guest_reads);
	struct vcpu *writer = vm_add_guest(vm, 1, guest_changes);
	pthread_t thread;

	need_cpus(2);
	area_pages = vm_alloc(0x2000, 0x1000);
	check_eq(pthread_create(&thread, NULL, run_changes, writer), 0);
	vcpu_finish(reader);
	pthread_join(thread, NULL);
}

/* Where the time goes */

static void guest_blocks(void)
{
	struct vcpu_runstate_info a, b;
	u64 start, slept;
	u32 port;

	take_events();
	port = bind_timer();
	get(0, &a);
	start = now();
	guest_assert_eq(set_singleshot(start + NS_PER_S, 0), 0);
	while (!events(port))
		sti_hlt();
	slept = now() - start;
	get(0, &b);
	guest_assert(b.time[RUNSTATE_blocked] - a.time[RUNSTATE_blocked] > NS_PER_S / 2);
	guest_assert(b.time[RUNSTATE_blocked] - a.time[RUNSTATE_blocked] <= slept);
	guest_assert(b.time[RUNSTATE_running] - a.time[RUNSTATE_running] < NS_PER_S / 2);
}

static void blocks(void)
{
	vcpu_finish(xen_with_guest(guest_blocks));
}

static u64 host_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void host_spin(u64 ns)
{
	u64 end = host_ns() + ns;

	while (host_ns() < end)
		cpu_relax();
}

/* User space has it: offline, and so is what waits for a start-up IPI, in PHV_RUN or not. */
static void guest_paused(void)
{
	struct vcpu_runstate_info a, b;

	get(0, &a);
	guest_sync(0);
	get(0, &b);
	guest_assert(b.time[RUNSTATE_offline] - a.time[RUNSTATE_offline] >= 2 * NS_PER_MS);
	get(1, &b);
	guest_assert_eq(b.state, RUNSTATE_offline);
	guest_assert_eq(b.time[RUNSTATE_offline], sum(&b));
}

static void paused(void)
{
	struct vm *vm = xen_create();
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_paused);

	vcpu_create(vm, 1);
	vcpu_expect(vcpu, VCPU_SYNC);
	host_spin(2 * NS_PER_MS);
	vcpu_finish(vcpu);
}

/* Two vCPUs that want to run all the time, on one CPU. */
#define SHARE_NS	(80 * NS_PER_MS)

static u64 started;

static void guest_shares(u64 id)
{
	struct vcpu_runstate_info a, b;
	u64 start, elapsed, running, steal;

	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	while (READ_ONCE(started) < 2)
		cpu_relax();
	get(id, &a);
	start = now();
	spin_for(SHARE_NS);
	elapsed = now() - start;
	get(id, &b);
	running = b.time[RUNSTATE_running] - a.time[RUNSTATE_running];
	steal = stolen(&b) - stolen(&a);
	/* The other one has run half of the time, but for when it had not come or had gone. */
	guest_assert(steal >= elapsed / 5);
	guest_assert(running >= elapsed / 5);
	guest_assert(running + steal >= elapsed);
	guest_assert_eq(b.time[RUNSTATE_blocked] - a.time[RUNSTATE_blocked], 0);
}

static void shares(void)
{
	struct vm *vm = xen_create();
	struct vcpu *a = vm_add_guest(vm, 0, guest_shares, 0);
	struct vcpu *b = vm_add_guest(vm, 1, guest_shares, 1);

	pin_to_cpu(0);
	vcpu_start(a);
	vcpu_start(b);
	vcpu_join(a);
	vcpu_join(b);
}

/*
 * A vCPU that is woken while something else has its CPU waits: that is stolen, too. The
 * other thread is of a higher priority, so it does not give way before it wants to.
 */
static void guest_waits(void)
{
	struct vcpu_runstate_info a, b;
	u64 deadline, late;
	u32 port;

	take_events();
	port = bind_timer();
	get(0, &a);
	deadline = now() + 200 * NS_PER_MS;
	guest_assert_eq(set_singleshot(deadline, 0), 0);
	while (!events(port))
		sti_hlt();
	late = now() - deadline;
	get(0, &b);
	/* The thread that was in the way: 600 ms from when it saw that this one blocked. */
	guest_assert(late >= 100 * NS_PER_MS);
	guest_assert(stolen(&b) - stolen(&a) + 50 * NS_PER_MS >= late);
	guest_assert(b.time[RUNSTATE_blocked] - a.time[RUNSTATE_blocked] < 300 * NS_PER_MS);
}

static void *hog(void *arg)
{
	struct sched_param param = { .sched_priority = 1 };
	struct vcpu *vcpu = arg;

	vcpu_wait_blocked(vcpu);
	check_eq(sched_setscheduler(0, SCHED_FIFO, &param), 0);
	host_spin(600 * NS_PER_MS);
	return NULL;
}

static void waits(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_waits);
	pthread_t thread;

	pin_to_cpu(0);
	vcpu_start(vcpu);
	check_eq(pthread_create(&thread, NULL, hog, vcpu), 0);
	pthread_join(thread, NULL);
	vcpu_join(vcpu);
}

static const struct test tests[] = {
	{ "the times in all states are the time that has passed", .host = sums },
	{ "the area has what the hypercall says", .host = area },
	{ "also by guest-physical address", .host = area_physical },
	{ "bad arguments", .host = errors },
	{ "32-bit guests", .host = layouts32 },
	{ "memory goes that an area is in", .host = area_goes },
	{ "vCPUs move each other's areas", .host = moves },
	{ "the update flag keeps readers from what is half written", .host = update_flag },
	{ "HLT is blocked", .host = blocks },
	{ "user space's time is offline", .host = paused },
	{ "two vCPUs on one CPU steal from each other", .host = shares },
	{ "waiting for a CPU after a wake-up is stolen", .host = waits },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
