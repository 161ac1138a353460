// SPDX-License-Identifier: GPL-2.0-only
/*
 * PHV_RUN: how it ends, how it is made to end, and the page that says so.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

static void guest_spin(void)
{
	for (;;)
		;
}

static void guest_return(void)
{
}

static void guest_halt(void)
{
	x2apic_enable();
	sti();
	asm volatile("hlt");
}

static void guest_halt_for_good(void)
{
	asm volatile("cli; hlt");
}

/* A handler that does nothing: its signal ends system calls. */
static void on_signal(int signal)
{
	(void)signal;
}

static void catch(int signal, void (*handler)(int))
{
	const struct sigaction action = { .sa_handler = handler };

	check_eq(sigaction(signal, &action, NULL), 0);
}

static void immediate_exit(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_return);
	unsigned int i;

	for (i = 1; i < 256; i += 127) {
		vcpu->run->immediate_exit = i;
		check_eq(vcpu_ioctl(vcpu, PHV_RUN, 0), -EINTR);
		check_eq(vcpu->run->exit_reason, PHV_EXIT_INTR);
	}
	vcpu->run->immediate_exit = 0;
	vcpu_finish(vcpu);
}

/* An exit to user space that is answered in the next call, if that is one. */
static void guest_in(void)
{
	guest_assert_eq(in8(0x1000), 0x42);
}

static void immediate_exit_completes(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_in);

	check_eq(vm_set_ports(vcpu->vm, 0x1000, 1, PHV_PORTS_USER, -1), 0);
	vcpu_expect(vcpu, PHV_EXIT_IO);
	vcpu->run->io.data = 0x42;
	vcpu->run->immediate_exit = 1;
	check_eq(vcpu_ioctl(vcpu, PHV_RUN, 0), -EINTR);
	vcpu->run->immediate_exit = 0;
	vcpu_finish(vcpu);
}

/* The run, in a thread: result in @thread_result. */
static struct vcpu *thread_vcpu;
static int thread_result;
static bool thread_ready;

static void *run_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	WRITE_ONCE(thread_ready, true);
	do {
		thread_result = vcpu_ioctl(vcpu, PHV_RUN, 0);
	} while (thread_result == -EINTR && !vcpu->run->immediate_exit);
	return NULL;
}

/* Signals to the process, that is SIGALRM, are the main thread's. */
static pthread_t start_thread(struct vcpu *vcpu)
{
	pthread_t thread;
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	WRITE_ONCE(thread_ready, false);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	check_eq(pthread_create(&thread, NULL, run_thread, vcpu), 0);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	wait_until(READ_ONCE(thread_ready));
	return thread;
}

static void set_immediate_exit(int signal)
{
	(void)signal;
	thread_vcpu->run->immediate_exit = 1;
}

/*
 * The documented way to stop a vCPU: a signal whose handler sets immediate_exit.
 * Whenever it comes, PHV_RUN must not go on.
 */
static void stop(void (*guest)(void), unsigned int times)
{
	unsigned int i, spin;
	pthread_t thread;

	catch(SIGUSR1, set_immediate_exit);
	thread_vcpu = vm_with_guest(guest);
	for (i = 0; i < times; i++) {
		thread_vcpu->run->immediate_exit = 0;
		thread = start_thread(thread_vcpu);
		for (spin = 0; spin < i * 100; spin++)
			barrier();
		check_eq(pthread_kill(thread, SIGUSR1), 0);
		check_eq(pthread_join(thread, NULL), 0);
		check_eq(thread_result, -EINTR);
		check_eq(thread_vcpu->run->exit_reason, PHV_EXIT_INTR);
	}
}

static void signal_running(void)
{
	stop(guest_spin, 100);
}

static void signal_halted(void)
{
	stop(guest_halt, 100);
}

static void signal_pending(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_spin);
	sigset_t set, old;

	catch(SIGUSR1, on_signal);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	/* blocked, it is no reason */
	pthread_sigmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	vcpu_call(vcpu, guest_return);
	vcpu_finish(vcpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);

	/* a timer's signal ends what would never end */
	catch(SIGALRM, on_signal);
	ualarm(20000, 0);
	vcpu_call(vcpu, guest_spin);
	check_eq(vcpu_ioctl(vcpu, PHV_RUN, 0), -EINTR);
	test_limit(TEST_LIMIT);
}

static void halted(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_halt_for_good);

	need_phv();
	vcpu_expect(vcpu, PHV_EXIT_HALTED);
	vcpu_expect(vcpu, PHV_EXIT_HALTED);
	vcpu_call(vcpu, guest_return);
	vcpu_set_events(vcpu, &(struct phv_events) { .activity = PHV_ACTIVE });
	vcpu_finish(vcpu);
}

/* Only when all vCPUs are: those that wait for a start-up IPI count. */
static void halted_all(void)
{
	struct vcpu *a = vm_with_guest(guest_halt_for_good), *b;
	pthread_t thread;

	need_phv();
	vcpu_create(a->vm, 3);
	vcpu_expect(a, PHV_EXIT_HALTED);

	b = vm_add_guest(a->vm, 1, guest_halt_for_good);
	thread = start_thread(a);
	vcpu_wait_blocked(a);
	vcpu_expect(b, PHV_EXIT_HALTED);
	check_eq(pthread_join(thread, NULL), 0);
	check_eq(thread_result, 0);
	check_eq(a->run->exit_reason, PHV_EXIT_HALTED);
}

static void not_halted(void)
{
	struct vcpu *a = vm_with_guest(guest_halt_for_good), *b;
	struct phv_counters counters;
	pthread_t thread;

	need_phv();
	b = vm_add_guest(a->vm, 1, guest_return);
	thread = start_thread(a);
	vcpu_wait_blocked(a);
	vcpu_finish(b);
	vcpu_get_counters(a, &counters);
	check_eq(counters.user_exits, 0);

	/* an NMI gets it out; it returns */
	check_eq(vcpu_ioctl(a, PHV_NMI, 0), 0);
	check_eq(pthread_join(thread, NULL), 0);
	check_eq(a->run->exit_reason, PHV_EXIT_IO);
}

/* The run page */

static void run_page(void)
{
	struct vcpu *vcpu;
	u8 *again;

	need_phv();
	vcpu = vm_with_guest(guest_return);
	again = mmap(NULL, 0x1000, PROT_READ, MAP_SHARED, vcpu->fd, 0);
	check(again != MAP_FAILED);
	vcpu_finish(vcpu);
	check(!memcmp(again, vcpu->run, 0x1000));
	check_eq(munmap(again, 0x1000), 0);

	check(mmap(NULL, 0x2000, PROT_READ, MAP_SHARED, vcpu->fd, 0) == MAP_FAILED);
	check(mmap(NULL, 0x1000, PROT_READ, MAP_SHARED, vcpu->fd, 0x1000) ==
	      MAP_FAILED);
	/* without a mapping it runs all the same */
	check_eq(munmap(vcpu->run, 0x1000), 0);
	vcpu_call(vcpu, guest_return);
	check_eq(vcpu_ioctl(vcpu, PHV_RUN, 0), 0);
	vcpu->run = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu->fd, 0);
	check_eq(vcpu->run->exit_reason, PHV_EXIT_IO);
}

/* What user space scribbles in the page is not believed. */
static void scribbled_page(void)
{
	struct vcpu *vcpu;

	need_phv();
	vcpu = vm_with_guest(guest_in);
	check_eq(vm_set_ports(vcpu->vm, 0x1000, 1, PHV_PORTS_USER, -1), 0);
	vcpu_expect(vcpu, PHV_EXIT_IO);
	memset(vcpu->run, 0xff, 0x1000);
	vcpu->run->immediate_exit = 0;
	vcpu->run->io.data = 0x42;
	vcpu->run->io.size = 200;
	vcpu_finish(vcpu);
}

/* Other ioctls wait for PHV_RUN; those that say so don't. */
static void other_ioctls(void)
{
	struct phv_counters counters;
	struct phv_regs regs;
	pthread_t thread;
	long ret;

	need_phv();
	catch(SIGUSR1, set_immediate_exit);
	catch(SIGALRM, on_signal);
	thread_vcpu = vm_with_guest(guest_spin);
	thread = start_thread(thread_vcpu);
	do {
		vcpu_get_counters(thread_vcpu, &counters);
	} while (!counters.exits[1] && !counters.exits[48]);
	check_eq(vcpu_ioctl(thread_vcpu, PHV_INTERRUPT, 0x55), 0);

	/* the thread calls PHV_RUN again and again: this may get in between */
	ualarm(20000, 0);
	ret = vcpu_ioctl(thread_vcpu, PHV_GET_REGS, &regs);
	check(ret == -EINTR || ret == 0);
	ualarm(20000, 0);
	check_eq(vcpu_ioctl(thread_vcpu, PHV_RUN, 0), -EINTR);
	test_limit(TEST_LIMIT);

	check_eq(pthread_kill(thread, SIGUSR1), 0);
	check_eq(pthread_join(thread, NULL), 0);
	check_eq(vcpu_ioctl(thread_vcpu, PHV_GET_REGS, &regs), 0);
}

/* A vCPU may change threads. */
static void guest_count(void)
{
	unsigned int i;

	for (i = 0;; i++)
		guest_sync(i);
}

static void many_threads(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_count);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		check_eq(pthread_join(start_thread(vcpu), NULL), 0);
		check_eq(thread_result, 0);
		check_eq(vcpu->run->io.data, i);
	}
}

static void counters(void)
{
	struct phv_counters before, after;
	struct vcpu *vcpu;

	need_phv();
	vcpu = vm_with_guest(guest_count);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_counters(vcpu, &before);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_counters(vcpu, &after);
	check_eq(after.exits[30] - before.exits[30], 2);	/* I/O */
	check_eq(after.user_exits - before.user_exits, 2);
	check_eq(after.blocked, 0);
	check_eq(after.nmis, 0);
}

static const struct test tests[] = {
	{ "immediate_exit keeps it from running", .host = immediate_exit },
	{ "but completes what user space answered",
	  .host = immediate_exit_completes },
	{ "signals stop a vCPU that runs", .host = signal_running },
	{ "signals stop a vCPU that halted", .host = signal_halted },
	{ "signals that are blocked don't", .host = signal_pending },
	{ "HLT without interrupts is reported", .host = halted },
	{ "when all vCPUs are in it", .host = halted_all },
	{ "and not otherwise", .host = not_halted },
	{ "the run page is one page", .host = run_page },
	{ "what is written to it is not believed", .host = scribbled_page },
	{ "other ioctls wait, and can be interrupted", .host = other_ioctls },
	{ "a vCPU may run in one thread after another", .host = many_threads },
	{ "counters count", .host = counters },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
