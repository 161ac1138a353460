// SPDX-License-Identifier: GPL-2.0-only
/* Eventfds that stand for interrupts. */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vm.h"

#define VECTOR	0x70

static u64 taken;
static bool ready;

static void on_interrupt(struct guest_frame *frame)
{
	(void)frame;
	__atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
	x2apic_eoi();
}

static void guest_prepare(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		guest_handle(VECTOR + i, on_interrupt);
	x2apic_enable();
}

static void guest_spin(u64 count)
{
	guest_prepare();
	WRITE_ONCE(ready, true);
	sti();
	wait_until(READ_ONCE(taken) >= count);
}

static void guest_halt(u64 count)
{
	guest_prepare();
	while (READ_ONCE(taken) < count)
		sti_hlt();
}

/* An exit on either side of the host's signals. */
static void guest_two_syncs(void)
{
	guest_prepare();
	sti();
	guest_sync(0);
	cpuid(0, 0);
	guest_sync(0);
}

static int bind_eventfd(struct vm *vm, int fd, u32 vcpu, u32 vector, u32 flags)
{
	const struct phv_irqfd irqfd = {
		.eventfd = fd, .vcpu = vcpu, .vector = vector, .flags = flags,
	};

	return vm_ioctl(vm, PHV_SET_IRQFD, &irqfd);
}

static int new_eventfd(unsigned int initial)
{
	int fd = eventfd(initial, EFD_NONBLOCK | EFD_CLOEXEC);

	check(fd >= 0);
	return fd;
}

static void signal_eventfd(int fd)
{
	const u64 one = 1;

	check_eq(write(fd, &one, sizeof(one)), sizeof(one));
}

static void running(void)
{
	struct vcpu *vcpu;
	int fd = new_eventfd(0);
	u64 i;

	need_phv();
	vcpu = vm_with_guest(guest_spin, 20);
	check_eq(bind_eventfd(vcpu->vm, fd, 0, VECTOR, 0), 0);
	vcpu_start(vcpu);
	wait_until(READ_ONCE(ready));
	for (i = 0; i < 20; i++) {
		signal_eventfd(fd);
		wait_until(READ_ONCE(taken) > i);
	}
	vcpu_join(vcpu);
	check_eq(taken, 20);
}

static void halted(void)
{
	struct vcpu *vcpu;
	int fd = new_eventfd(0);
	u64 i;

	need_phv();
	vcpu = vm_with_guest(guest_halt, 20);
	check_eq(bind_eventfd(vcpu->vm, fd, 0, VECTOR, 0), 0);
	vcpu_start(vcpu);
	vcpu_wait_blocked(vcpu);
	for (i = 0; i < 20; i++) {
		signal_eventfd(fd);
		wait_until(READ_ONCE(taken) > i);
	}
	vcpu_join(vcpu);
	check_eq(taken, 20);
}

/* While the vCPU is in user space; several signals are one interrupt. */
static void in_user_space(void)
{
	struct vcpu *vcpu;
	int a = new_eventfd(0), b = new_eventfd(0);

	need_phv();
	vcpu = vm_with_guest(guest_two_syncs);
	check_eq(bind_eventfd(vcpu->vm, a, 0, VECTOR, 0), 0);
	check_eq(bind_eventfd(vcpu->vm, b, 0, VECTOR + 1, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	signal_eventfd(a);
	signal_eventfd(a);
	signal_eventfd(b);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(taken, 2);
	vcpu_finish(vcpu);
}

/* One that was signalled before it was bound counts. */
static void signalled_before(void)
{
	struct vcpu *vcpu;

	need_phv();
	vcpu = vm_with_guest(guest_two_syncs);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(bind_eventfd(vcpu->vm, new_eventfd(3), 0, VECTOR, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(taken, 1);
	vcpu_finish(vcpu);
}

static void removed(void)
{
	struct vcpu *vcpu;
	int fd = new_eventfd(0);
	u64 count;

	need_phv();
	vcpu = vm_with_guest(guest_two_syncs);
	check_eq(bind_eventfd(vcpu->vm, fd, 0, VECTOR, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(bind_eventfd(vcpu->vm, fd, 0, VECTOR, PHV_IRQFD_REMOVE), 0);
	signal_eventfd(fd);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(taken, 0);
	/* it is the program's again */
	check_eq(read(fd, &count, sizeof(count)), sizeof(count));
	check_eq(count, 1);
	check_eq(bind_eventfd(vcpu->vm, fd, 0, VECTOR, 0), 0);
	vcpu_finish(vcpu);
}

/* The eventfd's last close, the domain's end, in either order. */
static void closed(void)
{
	struct vcpu *vcpu;
	int a = new_eventfd(0), b = new_eventfd(0), c;

	need_phv();
	vcpu = vm_with_guest(guest_two_syncs);
	check_eq(bind_eventfd(vcpu->vm, a, 0, VECTOR, 0), 0);
	check_eq(bind_eventfd(vcpu->vm, b, 0, VECTOR + 1, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	close(a);
	c = dup(b);
	close(b);
	signal_eventfd(c);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(taken, 1);
	vm_destroy(vcpu->vm);
	signal_eventfd(c);
	close(c);
}

static void errors(void)
{
	struct phv_irqfd bad = { .eventfd = new_eventfd(0), .vector = VECTOR,
				 .reserved = { 0, 1 } };
	int fd = new_eventfd(0), file = open("/dev/null", O_RDWR);
	struct vm *vm;

	need_phv();
	vm = vm_create();
	check_eq(bind_eventfd(vm, fd, 0, VECTOR, 0), -ENOENT);
	vcpu_create(vm, 0);
	check_eq(bind_eventfd(vm, fd, 1, VECTOR, 0), -ENOENT);
	check_eq(bind_eventfd(vm, fd, ~0U, VECTOR, 0), -ENOENT);
	check_eq(bind_eventfd(vm, fd, 0, 15, 0), -EINVAL);
	check_eq(bind_eventfd(vm, fd, 0, 256, 0), -EINVAL);
	check_eq(bind_eventfd(vm, fd, 0, ~0U, 0), -EINVAL);
	check_eq(bind_eventfd(vm, fd, 0, VECTOR, 2), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_SET_IRQFD, &bad), -EINVAL);
	check_eq(bind_eventfd(vm, -1, 0, VECTOR, 0), -EBADF);
	check_eq(bind_eventfd(vm, file, 0, VECTOR, 0), -EBADF);
	check_eq(bind_eventfd(vm, vm->fd, 0, VECTOR, 0), -EBADF);
	check_eq(bind_eventfd(vm, fd, 0, VECTOR, PHV_IRQFD_REMOVE), -ENOENT);

	check_eq(bind_eventfd(vm, fd, 0, VECTOR, 0), 0);
	check_eq(bind_eventfd(vm, fd, 0, VECTOR, 0), -EEXIST);
	check_eq(bind_eventfd(vm, fd, 0, VECTOR + 1, 0), -EEXIST);
	check_eq(bind_eventfd(vm, fd, 0, VECTOR + 1, PHV_IRQFD_REMOVE), -ENOENT);
	check_eq(bind_eventfd(vm, fd, 0, VECTOR, PHV_IRQFD_REMOVE), 0);
}

/* As many as there can be. */
static void limit(void)
{
	const struct rlimit more = { 2048, 2048 };
	static int fds[1025];
	struct vm *vm;
	unsigned int i;

	need_phv();
	setrlimit(RLIMIT_NOFILE, &more);
	vm = vm_create();
	vcpu_create(vm, 0);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK);
		if (fds[i] < 0)
			test_skip("RLIMIT_NOFILE is too low");
	}
	for (i = 0; i < 1024; i++)
		check_eq(bind_eventfd(vm, fds[i], 0, VECTOR, 0), 0);
	check_eq(bind_eventfd(vm, fds[1024], 0, VECTOR, 0), -ENOSPC);
	check_eq(bind_eventfd(vm, fds[7], 0, VECTOR, PHV_IRQFD_REMOVE), 0);
	check_eq(bind_eventfd(vm, fds[1024], 0, VECTOR, 0), 0);
}

static const struct test tests[] = {
	{ "a signal interrupts a vCPU that runs", .host = running },
	{ "a signal wakes a vCPU that halted", .host = halted },
	{ "signals wait while the vCPU is in user space",
	  .host = in_user_space },
	{ "a signal from before the binding counts", .host = signalled_before },
	{ "a binding is removed", .host = removed },
	{ "eventfd and domain close in any order", .host = closed },
	{ "bad arguments are refused", .host = errors },
	{ "there is a limit to bindings", .host = limit },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
