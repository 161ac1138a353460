// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_sched_op, and the vCPUs' ups and downs: how vCPUs of a Xen domain wait, start
 * and stop, and how the domain ends.
 */
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "xen_time.h"

#include <xen/hvm/hvm_vcpu.h>

struct event_log event_log;

static void expect_shutdown(struct vcpu *vcpu, u32 reason)
{
	vcpu_expect(vcpu, PHV_EXIT_XEN_SHUTDOWN);
	check_eq(vcpu->run->shutdown.reason, reason);
}

static long shutdown_with(u32 reason)
{
	struct sched_shutdown arg = { .reason = reason };

	return xen_sched_op(SCHEDOP_shutdown, &arg);
}

/* The end */

static u64 running;

static void guest_shuts_down(u64 reason)
{
	wait_until(READ_ONCE(running) == 2);
	shutdown_with(reason);
	guest_sync(1);
}

static void guest_spins(void)
{
	__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
	for (;;)
		cpu_relax();
}

static void guest_halts(void)
{
	x2apic_enable();
	__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
	for (;;)
		sti_hlt();
}

static void *run_to_shutdown(void *arg)
{
	vcpu_expect(arg, PHV_EXIT_XEN_SHUTDOWN);
	return NULL;
}

/* All stop: one that runs, one that is halted, and one that waits for its start-up IPI. */
static void stops_with(u32 reason, u32 expected)
{
	struct vm *vm = xen_create();
	struct vcpu *vcpus[4];
	pthread_t threads[3];
	u32 i;

	WRITE_ONCE(running, 0);
	vcpus[0] = vm_add_guest(vm, 0, guest_shuts_down, reason);
	vcpus[1] = vm_add_guest(vm, 1, guest_spins);
	vcpus[2] = vm_add_guest(vm, 2, guest_halts);
	vcpus[3] = vcpu_create(vm, 3);
	for (i = 0; i < 3; i++)
		check_eq(pthread_create(&threads[i], NULL, run_to_shutdown, vcpus[i + 1]), 0);
	expect_shutdown(vcpus[0], expected);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	/* And stay so. */
	for (i = 0; i < 4; i++) {
		expect_shutdown(vcpus[i], expected);
		expect_shutdown(vcpus[i], expected);
	}
	if (expected != SHUTDOWN_suspend) {
		check_eq(vm_ioctl(vm, PHV_XEN_RESUME, 0), -EINVAL);
		expect_shutdown(vcpus[2], expected);
	}
	vm_destroy(vm);
}

static void reasons(void)
{
	static const u32 all[] = {
		SHUTDOWN_poweroff, SHUTDOWN_reboot, SHUTDOWN_crash, SHUTDOWN_watchdog,
		SHUTDOWN_soft_reset, 6, 255,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		stops_with(all[i], all[i]);
	/* 8 bits count. */
	stops_with(0x101, 1);
}

static long result;

static void guest_suspends(void)
{
	WRITE_ONCE(result, -1);
	WRITE_ONCE(result, shutdown_with(SHUTDOWN_suspend));
}

static u64 beats;

static void guest_beats(void)
{
	for (;;)
		WRITE_ONCE(beats, READ_ONCE(beats) + 1);
}

static void *run_beats(void *arg)
{
	struct vcpu *vcpu = arg;

	while (vcpu_run(vcpu) == PHV_EXIT_XEN_SHUTDOWN)
		usleep(1000);
	return NULL;
}

static void suspend(void)
{
	struct vm *vm = xen_create();
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_suspends);
	struct vcpu *other = vm_add_guest(vm, 1, guest_beats);
	struct phv_regs regs;
	pthread_t thread;
	u64 before;
	long i;

	check_eq(vm_ioctl(vm, PHV_XEN_RESUME, 1), -EINVAL);
	check_eq(pthread_create(&thread, NULL, run_beats, other), 0);
	for (i = 0; i < 2; i++) {
		expect_shutdown(vcpu, SHUTDOWN_suspend);
		/* A state that is saved now has the result of a restore. */
		vcpu_get_regs(vcpu, &regs);
		check_eq(regs.gpr[RAX], 0);
		check_eq(vm_ioctl(vm, PHV_XEN_RESUME, 2), -EINVAL);
		check_eq(vm_ioctl(vm, PHV_XEN_RESUME, i), 0);
		check_eq(vm_ioctl(vm, PHV_XEN_RESUME, i), -EINVAL);
		vcpu_finish(vcpu);
		check_eq(result, i);
		vcpu_call(vcpu, guest_suspends);
		before = READ_ONCE(beats);
		while (READ_ONCE(beats) - before < 1000)
			usleep(100);
	}
}

static void guest_latched(void)
{
	struct sched_shutdown arg = { .reason = SHUTDOWN_crash };

	guest_assert_eq(xen_sched_op(SCHEDOP_shutdown_code, &arg), 0);
	arg.reason = SHUTDOWN_reboot;
	guest_assert_eq(xen_sched_op(SCHEDOP_shutdown_code, &arg), 0);
	shutdown_with(SHUTDOWN_poweroff);
}

static void latched(void)
{
	expect_shutdown(xen_with_guest(guest_latched), SHUTDOWN_crash);
}

/* Watchdogs */

static long watchdog(u32 id, u32 timeout)
{
	struct sched_watchdog arg = { .id = id, .timeout = timeout };

	return xen_sched_op(SCHEDOP_watchdog, &arg);
}

static void guest_watchdogs(void)
{
	guest_assert_eq(watchdog(3, 100), -EINVAL);
	guest_assert_eq(watchdog(~0u, 100), -EINVAL);
	guest_assert_eq(watchdog(1, 100), -EINVAL);
	guest_assert_eq(watchdog(0, 100), 1);
	guest_assert_eq(watchdog(0, ~0u), 2);
	guest_assert_eq(watchdog(0, 100), -ENOSPC);
	guest_assert_eq(watchdog(1, 0), 0);
	guest_assert_eq(watchdog(1, 0), -EINVAL);
	guest_assert_eq(watchdog(0, 100), 1);
	guest_assert_eq(watchdog(2, 0), 0);
	guest_assert_eq(watchdog(1, 1), 0);
	/* Not early, not with those that were stopped. */
	spin_for(NS_PER_MS);
	guest_assert_eq(watchdog(1, 1), 0);
	WRITE_ONCE(result, now());
	x2apic_enable();
	for (;;)
		sti_hlt();
}

static void watchdogs(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_watchdogs);
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	expect_shutdown(vcpu, SHUTDOWN_watchdog);
	clock_gettime(CLOCK_MONOTONIC, &after);
	check((u64)(after.tv_sec - before.tv_sec) * NS_PER_S + after.tv_nsec >=
	      NS_PER_S + before.tv_nsec);
}

/* The domain goes with its watchdog set. */
static void guest_sets_watchdog(void)
{
	guest_assert_eq(watchdog(0, 1), 1);
}

static void watchdog_stays(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_sets_watchdog);

	vcpu_finish(vcpu);
	vm_destroy(vcpu->vm);
	usleep(1100000);
}

/*
 * It fires while the domain goes: with many vCPUs, which are told, that takes a while. What it
 * then writes to is memory that was freed, as a kernel with KASAN says.
 */
static u64 set_at;

static void guest_sets_watchdog_now(void)
{
	guest_assert_eq(watchdog(0, 1), 1);
	WRITE_ONCE(set_at, 1);
}

static void watchdog_fires_at_the_end(void)
{
	enum { ROUNDS = 16, VCPUS = 64 };
	struct timespec set, at;
	struct vcpu *vcpu;
	unsigned int i, round;

	need_phv();
	need_cpus(2);
	test_limit(200);
	for (round = 0; round < ROUNDS; round++) {
		vcpu = xen_with_guest(guest_sets_watchdog_now);
		for (i = 1; i < VCPUS; i++)
			close(vm_ioctl(vcpu->vm, PHV_CREATE_VCPU, i));
		clock_gettime(CLOCK_MONOTONIC, &set);
		vcpu_finish(vcpu);
		at = set;
		at.tv_sec++;
		at.tv_nsec -= 100000 * round;
		if (at.tv_nsec < 0) {
			at.tv_nsec += NS_PER_S;
			at.tv_sec--;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		vm_destroy(vcpu->vm);
	}
}

/* A reason that the guest has latched: no vCPU waits for an answer, and there may be no vCPU 0. */
static void guest_is_suspended(void)
{
	struct sched_shutdown arg = { .reason = SHUTDOWN_suspend };

	guest_assert_eq(xen_sched_op(SCHEDOP_shutdown_code, &arg), 0);
	guest_assert_eq(watchdog(0, 1), 1);
	for (;;)
		cpu_relax();
}

static u64 rax_lost;

static void guest_keeps_rax(void)
{
	asm volatile("1:	mov $0x12345678, %%eax\n"
		     "	mov $1000, %%ecx\n"
		     "2:	cmp $0x12345678, %%eax\n"
		     "	jne 3f\n"
		     "	loop 2b\n"
		     "	jmp 1b\n"
		     "3:" : : : "rax", "rcx", "cc");
	WRITE_ONCE(rax_lost, 1);
}

static void suspended_by_watchdog(void)
{
	const struct phv_events events = { .activity = PHV_ACTIVE };
	struct vm *vm = xen_create();
	struct vcpu *vcpu, *other;
	pthread_t thread;

	vcpu = vm_add_guest(vm, 1, guest_is_suspended);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_EVENTS, &events), 0);
	expect_shutdown(vcpu, SHUTDOWN_suspend);
	check_eq(vm_ioctl(vm, PHV_XEN_RESUME, 0), 0);
	vm_destroy(vm);

	vm = xen_create();
	other = vm_add_guest(vm, 0, guest_keeps_rax);
	vcpu = vm_add_guest(vm, 1, guest_is_suspended);
	check_eq(pthread_create(&thread, NULL, run_to_shutdown, other), 0);
	expect_shutdown(vcpu, SHUTDOWN_suspend);
	pthread_join(thread, NULL);
	check_eq(vm_ioctl(vm, PHV_XEN_RESUME, 1), 0);
	WRITE_ONCE(running, 2);
	vcpu_call(vcpu, guest_shuts_down, SHUTDOWN_poweroff);
	check_eq(pthread_create(&thread, NULL, run_to_shutdown, other), 0);
	usleep(10000);
	expect_shutdown(vcpu, SHUTDOWN_poweroff);
	pthread_join(thread, NULL);
	check_eq(READ_ONCE(rax_lost), 0);
}

/* What else there is */

static void guest_others(void)
{
	struct sched_remote_shutdown remote = { .domain_id = 0 };
	struct sched_pin_override pin = { .pcpu = 0 };
	void *const bad = (void *)BIT(40);
	u32 op;

	guest_assert_eq(xen_sched_op(SCHEDOP_yield, NULL), 0);
	guest_assert_eq(xen_sched_op(SCHEDOP_remote_shutdown, &remote), -EPERM);
	remote.domain_id = 32000;
	guest_assert_eq(xen_sched_op(SCHEDOP_remote_shutdown, &remote), -ESRCH);
	remote.domain_id = DOMID_SELF;
	guest_assert_eq(xen_sched_op(SCHEDOP_remote_shutdown, &remote), -ESRCH);
	remote.domain_id = cpuid(0x40000004, 0).ecx;
	guest_assert_eq(xen_sched_op(SCHEDOP_remote_shutdown, &remote), -EPERM);
	guest_assert_eq(xen_sched_op(SCHEDOP_pin_override, &pin), -EPERM);
	for (op = SCHEDOP_shutdown; op < SCHEDOP_pin_override; op++)
		guest_assert_eq(xen_sched_op(op, bad), -EFAULT);
	guest_assert_eq(xen_sched_op(SCHEDOP_pin_override + 1, NULL), -ENOSYS);
	guest_assert_eq(xen_sched_op(~0u, NULL), -ENOSYS);
}

static void others(void)
{
	vcpu_finish(xen_with_guest(guest_others));
}

/* SCHEDOP_poll */

static long poll(evtchn_port_t *ports, u32 count, u64 timeout)
{
	struct sched_poll arg = { .nr_ports = count, .timeout = timeout };

	set_xen_guest_handle(arg.ports, ports);
	return xen_sched_op(SCHEDOP_poll, &arg);
}

/* An event channel from this vCPU to another, or itself. */
static u32 bind_ipi(u32 vcpu)
{
	struct evtchn_bind_ipi arg = { .vcpu = vcpu };

	guest_assert_eq(xen_evtchn_op(EVTCHNOP_bind_ipi, &arg), 0);
	return arg.port;
}

static void send(u32 port)
{
	struct evtchn_send arg = { .port = port };

	guest_assert_eq(xen_evtchn_op(EVTCHNOP_send, &arg), 0);
}

static void guest_polls(void)
{
	evtchn_port_t ports[130] = { 0 };
	u64 start, timeout;
	u32 i;

	ports[0] = bind_ipi(0);
	ports[1] = bind_ipi(0);
	mask(ports[0]);
	mask(ports[1]);

	/* It is pending, though masked: before, and after others. */
	send(ports[1]);
	guest_assert(is_pending(ports[1]));
	guest_assert_eq(poll(ports, 2, 0), 0);
	guest_assert_eq(poll(ports + 1, 1, 0), 0);
	guest_assert(is_pending(ports[1]));
	clear_pending(ports[1]);

	/* Nothing is: until the time is over, and not before. */
	for (i = 0; i < 5; i++) {
		start = now();
		timeout = start + 300 * NS_PER_US;
		guest_assert_eq(poll(ports, 2, timeout), 0);
		guest_assert(now() >= timeout);
		guest_assert(now() - timeout < NS_PER_S);
	}
	guest_assert_eq(poll(ports, 0, now() + 200 * NS_PER_US), 0);
	guest_assert_eq(poll(NULL, 0, 1), 0);
	guest_assert_eq(poll(ports, 2, 1), 0);
	guest_assert_eq(poll(ports, 2, now()), 0);
	guest_assert_eq(poll(ports, 2, ~0UL), 0);

	/* A timer that is due meanwhile stays pending; the wait is not longer for it. */
	timeout = now() + 600 * NS_PER_US;
	ports[2] = bind_timer();
	mask(ports[2]);
	guest_assert_eq(set_singleshot(now() + 200 * NS_PER_US, 0), 0);
	guest_assert_eq(poll(ports, 1, timeout), 0);
	guest_assert(now() >= timeout);
	guest_assert(is_pending(ports[2]));
	clear_pending(ports[2]);
	start = now();
	guest_assert_eq(set_singleshot(start + 200 * NS_PER_US, 0), 0);
	guest_assert_eq(poll(ports, 3, 0), 0);
	guest_assert(is_pending(ports[2]));
	guest_assert(now() >= start + 200 * NS_PER_US);

	guest_assert_eq(poll(ports, 129, 1), -EINVAL);
	guest_assert_eq(poll(ports, ~0u, 1), -EINVAL);
	guest_assert_eq(poll((void *)BIT(40), 1, 1), -EFAULT);
	clear_pending(ports[2]);
	ports[1] = ~0u;
	guest_assert_eq(poll(ports, 2, now() + NS_PER_MS), -EINVAL);
}

static void polls(void)
{
	vcpu_finish(xen_with_guest(guest_polls));
}

/* 32-bit code's pointer is 4 bytes, and the time comes right after the count. */
static struct {
	u32 ports;
	u32 count;
	u64 timeout;
} __packed poll32;

static evtchn_port_t poll_port;

static void guest_polls32(void)
{
	poll_port = bind_ipi(0);
	mask(poll_port);
	poll32.ports = (u64)&poll_port;
	poll32.count = 1;
	poll32.timeout = now() + 300 * NS_PER_US;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_sched_op, SCHEDOP_poll, (u64)&poll32), 0);
	guest_assert(now() >= poll32.timeout);
	send(poll_port);
	poll32.timeout = 0;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_sched_op, SCHEDOP_poll, (u64)&poll32), 0);
	poll32.count = 129;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_sched_op, SCHEDOP_poll, (u64)&poll32),
			-EINVAL);
}

static void polls32(void)
{
	vcpu_finish(xen_with_guest(guest_polls32));
}

/* Interrupts that can be taken end a poll, others do not. */
static void guest_poll_interrupted(void)
{
	evtchn_port_t ports[2];
	u32 tries = 0;
	u64 timeout;

	take_events();
	ports[0] = bind_ipi(0);
	mask(ports[0]);
	ports[1] = bind_timer();

	timeout = now() + NS_PER_MS;
	guest_assert_eq(set_singleshot(now() + 200 * NS_PER_US, 0), 0);
	guest_assert_eq(poll(ports, 1, timeout), 0);
	guest_assert(now() >= timeout);
	guest_assert_eq(events(ports[1]), 0);

	sti();
	guest_assert_eq(events(ports[1]), 1);
	do {	/* the timer may have been faster than the poll */
		timeout = now() + NS_PER_S;
		guest_assert_eq(set_singleshot(now() + 5 * NS_PER_MS, 0), 0);
		guest_assert_eq(poll(ports, 1, timeout), 0);
		tries++;
	} while (now() >= timeout && tries < 5);
	cli();
	guest_assert(now() < timeout);
	guest_assert_eq(events(ports[1]), 1 + tries);
}

static void poll_interrupted(void)
{
	vcpu_finish(xen_with_guest(guest_poll_interrupted));
}

/* Ping and pong: a wait that misses its wake-up never ends. */
#define ROUNDS	200

static u32 pong_port[2];

static void guest_pings(u64 id)
{
	evtchn_port_t port = bind_ipi(id);
	u32 i;

	mask(port);
	WRITE_ONCE(pong_port[id], port);
	wait_until(READ_ONCE(pong_port[!id]));
	if (!id)
		send(pong_port[1]);
	for (i = 0; i < ROUNDS; i++) {
		while (!is_pending(port))
			guest_assert_eq(poll(&port, 1, 0), 0);
		clear_pending(port);
		send(pong_port[!id]);
	}
}

static void pings(void)
{
	struct vm *vm = xen_create();
	struct vcpu *a = vm_add_guest(vm, 0, guest_pings, 0);
	struct vcpu *b = vm_add_guest(vm, 1, guest_pings, 1);

	vcpu_start(a);
	vcpu_start(b);
	vcpu_join(a);
	vcpu_join(b);
}

/* A signal ends PHV_RUN, but not the guest's wait. */
static void guest_poll_signal(void)
{
	evtchn_port_t port = bind_ipi(0);
	u64 timeout = now() + 30 * NS_PER_MS;

	mask(port);
	guest_assert_eq(poll(&port, 1, timeout), 0);
	guest_assert(now() >= timeout);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void poll_signal(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct vcpu *vcpu = xen_with_guest(guest_poll_signal);
	u32 i;

	sigaction(SIGUSR1, &action, NULL);
	vcpu_start(vcpu);
	for (i = 0; i < 10; i++) {
		vcpu_wait_blocked(vcpu);
		pthread_kill(vcpu->thread, SIGUSR1);
		usleep(1000);
	}
	vcpu_join(vcpu);
}

/* SCHEDOP_block */

static void guest_blocks(void)
{
	u32 port;

	take_events();
	port = bind_timer();

	/* With interrupts on, it is like HLT. */
	sti();
	guest_assert_eq(set_singleshot(now() + 300 * NS_PER_US, 0), 0);
	while (!events(port))
		guest_assert_eq(xen_sched_op(SCHEDOP_block, NULL), 0);
	cli();
	guest_assert_eq(events(port), 1);

	/* With interrupts off, the event ends it and stays pending. */
	guest_assert_eq(set_singleshot(now() + 300 * NS_PER_US, 0), 0);
	while (!is_pending(port))
		guest_assert_eq(xen_sched_op(SCHEDOP_block, NULL), 0);
	guest_assert_eq(events(port), 1);
	/* And once more at once. */
	guest_assert_eq(xen_sched_op(SCHEDOP_block, NULL), 0);
	asm volatile("sti; nop; nop; cli" : : : "memory");
	guest_assert_eq(events(port), 2);
}

static void blocks(void)
{
	vcpu_finish(xen_with_guest(guest_blocks));
}

/* HLT with interrupts off is the end, whatever is pending and whatever timer is set. */
static void guest_powers_off(void)
{
	take_events();
	bind_timer();
	guest_assert_eq(set_singleshot(now() + 100 * NS_PER_US, 0), 0);
	spin_for(200 * NS_PER_US);
	guest_assert(READ_ONCE(xen_vcpu_info()->evtchn_upcall_pending));
	guest_assert_eq(set_singleshot(now() + 100 * NS_PER_US, 0), 0);
	asm volatile("cli; hlt");
}

static void powers_off(void)
{
	struct vm *vm = xen_create();
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_powers_off);

	vcpu_create(vm, 1);
	vcpu_expect(vcpu, PHV_EXIT_HALTED);
}

/* Up and down */

static struct vcpu_hvm_context context;
static u64 ap_arrived;

static void ap_main(u64 value)
{
	WRITE_ONCE(ap_arrived, value);
	for (;;)
		WRITE_ONCE(beats, READ_ONCE(beats) + 1);
}

static long initialise(u32 vcpu)
{
	return xen_vcpu_op(VCPUOP_initialise, vcpu, &context);
}

static void fill_context(void *stack)
{
	struct vcpu_hvm_x86_64 *regs = &context.cpu_regs.x86_64;

	memset(&context, 0, sizeof(context));
	context.mode = VCPU_HVM_MODE_64B;
	regs->rip = (u64)ap_main;
	regs->rsp = (u64)stack;
	regs->rdi = 0x1234567890abcdef;
	regs->rflags = 2;
	regs->cr0 = read_cr0();
	regs->cr3 = read_cr3();
	regs->cr4 = read_cr4();
	regs->efer = rdmsr(MSR_EFER);
}

static void guest_up_errors(void)
{
	guest_assert_eq(xen_vcpu_op(VCPUOP_up, 1, NULL), -EINVAL);
	guest_assert_eq(xen_vcpu_op(VCPUOP_initialise, 1, (void *)BIT(40)), -EFAULT);
	guest_assert_eq(initialise(2), -ENOENT);
	guest_assert_eq(initialise(0), -EEXIST);
	context.mode = 2;
	guest_assert_eq(initialise(1), -EINVAL);
	context.mode = VCPU_HVM_MODE_64B;
	context.pad = 1;
	guest_assert_eq(initialise(1), -EINVAL);
	context.pad = 0;
	context.cpu_regs.x86_64.cr4 |= CR4_VMXE;
	guest_assert_eq(initialise(1), -EINVAL);
	context.cpu_regs.x86_64.cr4 &= ~CR4_VMXE;
	context.cpu_regs.x86_64.cr0 |= BIT(40);
	guest_assert_eq(initialise(1), -EINVAL);
	context.cpu_regs.x86_64.cr0 &= ~BIT(40);
	context.cpu_regs.x86_64.efer |= BIT(20);
	guest_assert_eq(initialise(1), -EINVAL);
	context.cpu_regs.x86_64.efer &= ~BIT(20);
	context.mode = VCPU_HVM_MODE_32B;
	context.cpu_regs.x86_32.pad1 = 1;
	guest_assert_eq(initialise(1), -EINVAL);
}

static u64 beats_now(void)
{
	return READ_ONCE(beats);
}

static void guest_up_and_down(u64 stack)
{
	u64 before;
	u32 i;

	fill_context((void *)stack);
	guest_up_errors();
	fill_context((void *)stack);
	guest_assert_eq(xen_vcpu_op(VCPUOP_is_up, 0, NULL), 1);
	guest_assert_eq(xen_vcpu_op(VCPUOP_is_up, 1, NULL), 0);
	guest_assert_eq(initialise(1), 0);
	guest_assert_eq(initialise(1), -EEXIST);
	guest_assert_eq(xen_vcpu_op(VCPUOP_is_up, 1, NULL), 0);
	guest_assert_eq(xen_vcpu_op(VCPUOP_up, 1, NULL), 0);
	wait_until(READ_ONCE(ap_arrived));
	guest_assert_eq(ap_arrived, 0x1234567890abcdef);
	guest_assert_eq(xen_vcpu_op(VCPUOP_is_up, 1, NULL), 1);
	guest_assert_eq(initialise(1), -EEXIST);

	for (i = 0; i < 3; i++) {
		before = beats_now();
		wait_until(beats_now() - before > 100);
		guest_assert_eq(xen_vcpu_op(VCPUOP_down, 1, NULL), 0);
		guest_assert_eq(xen_vcpu_op(VCPUOP_is_up, 1, NULL), 0);
		spin_for(2 * NS_PER_MS);
		before = beats_now();
		spin_for(NS_PER_MS);
		guest_assert_eq(beats_now(), before);
		guest_assert_eq(xen_vcpu_op(VCPUOP_up, 1, NULL), 0);
		guest_assert_eq(xen_vcpu_op(VCPUOP_is_up, 1, NULL), 1);
	}
	guest_assert_eq(xen_vcpu_op(VCPUOP_down, 1, NULL), 0);
	guest_assert_eq(xen_vcpu_op(VCPUOP_down, 0, NULL), 0);
	guest_sync(0);
}

/* When the last is down, the domain is off. */
static void up_and_down(void)
{
	u8 *stack = vm_alloc(GUEST_CPU_SIZE, GUEST_CPU_SIZE);
	struct vm *vm = xen_create();
	struct vcpu *vcpu, *ap;
	pthread_t thread;

	need_cpus(2);
	vcpu = vm_add_guest(vm, 0, guest_up_and_down, (u64)stack + GUEST_CPU_SIZE - 8);
	ap = vcpu_create(vm, 1);
	check_eq(pthread_create(&thread, NULL, run_to_shutdown, ap), 0);
	expect_shutdown(vcpu, SHUTDOWN_poweroff);
	pthread_join(thread, NULL);
	expect_shutdown(ap, SHUTDOWN_poweroff);
}

/* In 32-bit mode, with PAE paging: all that it needs is in the context, and in memory. */
static u8 pae_code[12];
static u32 pae_value;

static void fill_pae_context(void)
{
	struct vcpu_hvm_x86_32 *regs = &context.cpu_regs.x86_32;
	const u32 to = (u64)&pae_value;

	memcpy(pae_code, "\xc7\x05....\x78\x56\x34\x12\x0f\x0b", sizeof(pae_code));
	memcpy(pae_code + 2, &to, sizeof(to));	/* movl $0x12345678, pae_value; ud2 */
	memset(&context, 0, sizeof(context));
	context.mode = VCPU_HVM_MODE_32B;
	regs->eip = (u64)pae_code;
	regs->eflags = 2;
	regs->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	regs->cr3 = vm_page_tables(VM_PAE);
	regs->cr4 = CR4_PAE;
	regs->cs_limit = ~0U;
	regs->ds_limit = ~0U;
	regs->ss_limit = ~0U;
	regs->es_limit = ~0U;
	regs->tr_limit = 0x67;
	regs->cs_ar = 0xc9b;
	regs->ds_ar = 0xc93;
	regs->ss_ar = 0xc93;
	regs->es_ar = 0xc93;
	regs->tr_ar = 0x8b;
}

static void guest_starts_another(void)
{
	guest_assert_eq(initialise(1), 0);
	guest_assert_eq(xen_vcpu_op(VCPUOP_up, 1, NULL), 0);
}

static void up_pae(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_starts_another);
	struct vcpu *ap = vcpu_create(vcpu->vm, 1);

	fill_pae_context();
	vcpu_finish(vcpu);
	/* Without an IDT, UD2 is the end. */
	vcpu_expect(ap, PHV_EXIT_SHUTDOWN);
	check_eq(pae_value, 0x12345678);
}

/* All are down or halted for good: that is known without the last one saying so. */
static void guest_down_and_halt(void)
{
	guest_assert_eq(xen_vcpu_op(VCPUOP_down, 0, NULL), 0);
	guest_sync(0);
}

static void guest_halts_for_good(void)
{
	asm volatile("cli; hlt");
}

static void *run_to_halted(void *arg)
{
	vcpu_expect(arg, PHV_EXIT_HALTED);
	return NULL;
}

static void down_and_halted(void)
{
	struct vm *vm = xen_create();
	struct vcpu *a = vm_add_guest(vm, 0, guest_down_and_halt);
	struct vcpu *b = vm_add_guest(vm, 1, guest_halts_for_good);
	pthread_t thread;

	check_eq(pthread_create(&thread, NULL, run_to_halted, a), 0);
	vcpu_wait_blocked(a);
	vcpu_expect(b, PHV_EXIT_HALTED);
	pthread_join(thread, NULL);
}

static u32 nmis;

static void on_nmi(struct guest_frame *frame)
{
	(void)frame;
	nmis++;
}

static void guest_nmi(void)
{
	guest_handle(VEC_NMI, on_nmi);
	guest_assert_eq(xen_vcpu_op(VCPUOP_send_nmi, 0, (void *)8), -EINVAL);
	guest_assert_eq(READ_ONCE(nmis), 0);
	guest_assert_eq(xen_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
	guest_assert_eq(READ_ONCE(nmis), 1);
	guest_assert_eq(xen_vcpu_op(VCPUOP_send_nmi, 1, NULL), -ENOENT);
}

static void nmi(void)
{
	vcpu_finish(xen_with_guest(guest_nmi));
}

static void resume_elsewhere(void)
{
	struct vm *vm;

	need_phv();
	vm = vm_create();
	check_eq(vm_ioctl(vm, PHV_XEN_RESUME, 0), -ENXIO);
}

static const struct test tests[] = {
	{ "shutdown stops all vCPUs, whatever the reason", .host = reasons },
	{ "suspend, and going on", .host = suspend },
	{ "PHV_XEN_RESUME is for Xen domains", .host = resume_elsewhere },
	{ "the reason that was latched counts", .host = latched },
	{ "watchdogs", .host = watchdogs },
	{ "a domain goes with its watchdog set", .host = watchdog_stays },
	{ "a watchdog fires while its domain goes", .host = watchdog_fires_at_the_end },
	{ "a watchdog suspends, and no vCPU gets an answer", .host = suspended_by_watchdog },
	{ "what is the host's, bad pointers, unknown operations", .host = others },
	{ "poll waits for ports, masked or not, or a time", .host = polls },
	{ "polls of 32-bit guests", .host = polls32 },
	{ "interrupts end a poll if they can be taken", .host = poll_interrupted },
	{ "poll misses no event", .host = pings },
	{ "signals do not end a poll for the guest", .host = poll_signal },
	{ "block waits for events, whatever the interrupt flag", .host = blocks },
	{ "HLT with interrupts off is the end, whatever is pending", .host = powers_off },
	{ "vCPUs go up and down", .host = up_and_down },
	{ "a vCPU goes up with PAE paging", .host = up_pae },
	{ "all vCPUs down or halted is the end", .host = down_and_halted },
	{ "send_nmi", .host = nmi },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
