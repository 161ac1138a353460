// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who owns a domain, and how it ends: descriptors closed in any order and at any
 * time, processes that fork, exec, exit and are killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "testhost/testport.h"
#include "vm.h"

static bool running;

static void guest_spin(void)
{
	WRITE_ONCE(running, true);
	for (;;)
		;
}

static void guest_halt(void)
{
	x2apic_enable();
	WRITE_ONCE(running, true);
	for (;;)
		sti_hlt();
}

static void guest_return(void)
{
}

/* Nothing is left when CPUs are out of VMX operation. */
static void check_all_gone(void)
{
	if (testport_open())
		return;
	while (testport_call(TESTPORT_CALL_VMX_CPUS, 0))
		sched_yield();
}

static void *run_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	while (ioctl(vcpu->fd, PHV_RUN, 0) == 0 || errno == EINTR)
		;
	return NULL;
}

static struct vcpu *start(void (*guest)(void))
{
	struct vcpu *vcpu = vm_with_guest(guest);
	pthread_t thread;

	WRITE_ONCE(running, false);
	check_eq(pthread_create(&thread, NULL, run_thread, vcpu), 0);
	wait_until(READ_ONCE(running));
	return vcpu;
}

/* In a child: must end by @status. What it had is gone when it is. */
static void in_child(void (*function)(void), int status)
{
	int got;
	pid_t pid = fork();

	if (!pid) {
		test_limit(TEST_LIMIT);
		function();
		_exit(0);
	}
	check_eq(waitpid(pid, &got, 0), pid);
	check_eq(got, status);
	check_all_gone();
}

/* Orders of closing domain, vCPUs and mapping; with and without running them before. */

static void close_in_order(unsigned int order, bool run)
{
	struct vcpu *vcpu[2];
	struct vm *vm = vm_create();
	unsigned int i;

	for (i = 0; i < 2; i++) {
		vcpu[i] = vm_add_guest(vm, i, guest_return);
		if (run)
			vcpu_finish(vcpu[i]);
	}
	for (i = 0; i < 5; i++, order /= 5) {
		switch (order % 5) {
		case 0:
			close(vm->fd);
			break;
		case 1:
			close(vcpu[0]->fd);
			break;
		case 2:
			close(vcpu[1]->fd);
			break;
		case 3:
			munmap(vcpu[0]->run, 0x1000);
			break;
		case 4:
			munmap(vcpu[1]->run, 0x1000);
			break;
		}
	}
}

/* The order as digits to the base of 5. */
static bool is_permutation(unsigned int order)
{
	unsigned int i, digits = 0;

	for (i = 0; i < 5; i++, order /= 5)
		digits |= 1 << order % 5;
	return digits == 31;
}

static void any_order(void)
{
	unsigned int order, run = 0;

	need_phv();
	for (order = 0; order < 5 * 5 * 5 * 5 * 5; order++)
		if (is_permutation(order))
			close_in_order(order, run++ % 2);
	check_all_gone();
}

/* A vCPU outlives the domain's descriptor. */
static void vcpu_goes_on(void)
{
	struct vcpu *vcpu;

	need_phv();
	vcpu = vm_with_guest(guest_return);
	close(vcpu->vm->fd);
	vcpu_finish(vcpu);
	close(vcpu->fd);
	/* the mapping of the run page is still there */
	check_eq(READ_ONCE(vcpu->run->exit_reason), PHV_EXIT_IO);
	munmap(vcpu->run, 0x1000);
	check_all_gone();
}

/* A vCPU's number is used once. */
static void number_is_used(void)
{
	struct vm *vm = vm_create();

	need_phv();
	close(vcpu_create(vm, 0)->fd);
	check_eq(vm_ioctl(vm, PHV_CREATE_VCPU, 0), -EEXIST);
	vcpu_create(vm, 1);
	check_eq(vm_ioctl(vm, PHV_CREATE_VCPU, 1), -EEXIST);
}

static void close_all_and_exit(struct vcpu *vcpu)
{
	close(vcpu->fd);
	close(vcpu->vm->fd);
	_exit(0);
}

static void close_running(void)
{
	close_all_and_exit(start(guest_spin));
}

static void close_halted(void)
{
	struct vcpu *vcpu = start(guest_halt);

	vcpu_wait_blocked(vcpu);
	close_all_and_exit(vcpu);
}

static void unmap_running(void)
{
	struct vcpu *vcpu = start(guest_spin);

	munmap(vcpu->run, 0x1000);
	munmap((void *)VM_RAM, VM_RAM_SIZE);
	munmap(vcpu->vm->low, VM_LOW_SIZE);
	close_all_and_exit(vcpu);
}

static void exit_running(void)
{
	start(guest_spin);
	start(guest_halt);
}

static void kill_running(void)
{
	start(guest_spin);
	start(guest_halt);
	kill(getpid(), SIGKILL);
	pause();
}

static void exec_running(void)
{
	start(guest_spin);
	start(guest_halt);
	execl("/bin/true", "true", NULL);
	execlp("true", "true", NULL);
	_exit(1);
}

static void closed_while_running(void)
{
	need_phv();
	in_child(close_running, 0);
	in_child(close_halted, 0);
	in_child(unmap_running, 0);
}

static void exits(void)
{
	need_phv();
	in_child(exit_running, 0);
	in_child(exec_running, 0);
}

static void killed(void)
{
	need_phv();
	in_child(kill_running, SIGKILL);
}

/* Another process with the descriptors may do nothing, and harms nothing. */

static void expect_eperm(struct vcpu *vcpu)
{
	struct phv_control control;
	struct phv_regs regs;
	struct phv_events events;
	struct phv_xsave xsave = { .size = 0 };
	struct phv_lapic lapic;
	struct phv_msrs msrs = { .count = 0 };
	struct phv_dirty dirty = { .size = 0 };
	struct vm *vm = vcpu->vm;

	check_eq(vcpu_ioctl(vcpu, PHV_RUN, 0), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_REGS, &regs), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_REGS, &regs), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_CONTROL, &control), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_CONTROL, &control), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_EVENTS, &events), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_EVENTS, &events), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_XSAVE, &xsave), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_LAPIC, &lapic), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_LAPIC, &lapic), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_MSRS, &msrs), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_MSRS, &msrs), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, 0x55), -EPERM);
	check_eq(vcpu_ioctl(vcpu, PHV_NMI, 0), -EPERM);
	check_eq(vm_add_memory(vm, 0x40000000, 0x1000, vm->low, 0), -EPERM);
	check_eq(vm_remove_memory(vm, 0, VM_LOW_SIZE, vm->low), -EPERM);
	check_eq(vm_ioctl(vm, PHV_GET_DIRTY, &dirty), -EPERM);
	check_eq(vm_ioctl(vm, PHV_CREATE_VCPU, 9), -EPERM);
}

static void forked(void)
{
	struct vcpu *vcpu;
	int status;
	pid_t pid;

	need_phv();
	vcpu = vm_with_guest(guest_return);
	pid = fork();
	if (!pid) {
		expect_eperm(vcpu);
		_exit(0);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	vcpu_finish(vcpu);
}

/* The owner goes, a child still has the descriptors: it is nobody's then. */
static void orphan(void)
{
	struct vcpu *vcpu = start(guest_spin);
	int pipes[2];
	pid_t pid;
	char c;

	check_eq(pipe(pipes), 0);
	pid = fork();
	if (pid)
		_exit(0);		/* the owner */
	close(pipes[1]);
	check_eq(read(pipes[0], &c, 1), 0);	/* it is gone */
	expect_eperm(vcpu);
	close(vcpu->fd);
	close(vcpu->vm->fd);
	_exit(0);
}

static void owner_exits_first(void)
{
	need_phv();
	in_child(orphan, 0);
}

/* Descriptors are close-on-exec. */
static void close_on_exec(void)
{
	struct vcpu *vcpu;

	need_phv();
	vcpu = vcpu_create(vm_create(), 0);
	check_eq(fcntl(vcpu->fd, F_GETFD), FD_CLOEXEC);
	check_eq(fcntl(vcpu->vm->fd, F_GETFD), FD_CLOEXEC);
}

/* Many domains at once, with running vCPUs, ended by one exit. */
static void many_running(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		start(i % 2 ? guest_spin : guest_halt);
}

static void many(void)
{
	need_phv();
	in_child(many_running, 0);
}

/* Creation and closing by several threads at once. */
static void *churn(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < 30; i++) {
		struct vm *vm = vm_create();

		vcpu_ioctl(vcpu_create(vm, 0), PHV_NMI, 0);
		vm_destroy(vm);
	}
	return NULL;
}

static void churned(void)
{
	pthread_t thread[3];
	unsigned int i;

	need_phv();
	vm_alloc(0, 1);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		check_eq(pthread_create(&thread[i], NULL, churn, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		check_eq(pthread_join(thread[i], NULL), 0);
	check_all_gone();
}

static void no_action(int signal)
{
	(void)signal;
}

/* A signal while a domain is made has it made again, but nobody sees that. */
static void created_under_signals(void)
{
	struct itimerspec soon = { 0 };
	const struct sigaction action = { .sa_handler = no_action };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct phv_create_domain create = { .name = "signalled" };
	unsigned int i;
	timer_t timer;
	int phv, fd;

	need_phv();
	vm_create();		/* VMX stays on */
	phv = open(PHV_DEVICE, O_RDWR);
	check_eq(sigaction(SIGUSR1, &action, NULL), 0);
	check_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	/* One for each, at every point of it; if they kept coming it might never be done. */
	for (i = 0; i < 200; i++) {
		soon.it_value.tv_nsec = 1 + i * 10000;
		check_eq(timer_settime(timer, 0, &soon, NULL), 0);
		fd = ioctl(phv, PHV_CREATE_DOMAIN, &create);
		if (fd < 0)
			test_fail("domain %u: %m", i);
		close(fd);
	}
	timer_delete(timer);
}

static bool released;
static long answer;

static void guest_until_released(void)
{
	WRITE_ONCE(running, true);
	wait_until(READ_ONCE(released));
}

static void *ask(void *arg)
{
	struct phv_regs regs;

	do {
		answer = vcpu_ioctl((struct vcpu *)arg, PHV_GET_REGS, &regs);
	} while (!answer && !READ_ONCE(released));
	return NULL;
}

/* The state of a process, as ps has it. */
static char process_state(pid_t pid)
{
	char path[32], state = '?';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	if (file)
		fclose(file);
	return state;
}

static void stop_parent(void)
{
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < 50; i++) {
		kill(getppid(), SIGSTOP);
		while (process_state(getppid()) != 'T')
			usleep(100);
		kill(getppid(), SIGCONT);
		usleep(1000);
	}
}

/* Who waits for PHV_RUN's end goes on waiting behind a stop: there is no signal handler. */
static void stopped_while_waiting(void)
{
	struct vcpu *vcpu;
	pthread_t thread;
	pid_t pid;

	need_phv();
	vcpu = vm_with_guest(guest_until_released);
	vcpu_start(vcpu);
	wait_until(READ_ONCE(running));
	check_eq(pthread_create(&thread, NULL, ask, vcpu), 0);
	pid = fork();
	if (!pid) {
		stop_parent();
		_exit(0);
	}
	check_eq(waitpid(pid, NULL, 0), pid);
	WRITE_ONCE(released, true);
	check_eq(pthread_join(thread, NULL), 0);
	check_eq(answer, 0);
	vcpu_join(vcpu);
}

static const struct test tests[] = {
	{ "descriptors and mappings close in any order", .host = any_order },
	{ "a vCPU outlives its domain's descriptor", .host = vcpu_goes_on },
	{ "a vCPU's number is used once", .host = number_is_used },
	{ "closing all while vCPUs run", .host = closed_while_running },
	{ "exit and exec while vCPUs run", .host = exits },
	{ "SIGKILL while vCPUs run", .host = killed },
	{ "many domains end at once", .host = many },
	{ "another process may do nothing", .host = forked },
	{ "nor when the owner is gone", .host = owner_exits_first },
	{ "descriptors are close-on-exec", .host = close_on_exec },
	{ "domains come and go in several threads", .host = churned },
	{ "signals do not interrupt the creation of a domain", .host = created_under_signals },
	{ "nor does a stop end the wait for a vCPU", .host = stopped_while_waiting },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
