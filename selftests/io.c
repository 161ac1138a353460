// SPDX-License-Identifier: GPL-2.0-only
/* IN and OUT: to user space, to nobody, to an eventfd. */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vm.h"

#define PORT	0x1000

static void guest_out_sizes(void)
{
	out8(PORT, 0xaa);
	out16(PORT + 1, 0xbbbb);
	out32(PORT + 2, 0xcccccccc);
	asm volatile("outb %%al, $0x80" : : "a" (0xdd));
}

static void expect_out(struct vcpu *vcpu, u16 port, u8 size, u32 data)
{
	const struct phv_run *run = vcpu->run;

	vcpu_expect(vcpu, PHV_EXIT_IO);
	check_eq(run->io.port, port);
	check_eq(run->io.size, size);
	check_eq(run->io.write, 1);
	check_eq(run->io.data, data);
}

static void out_sizes(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_out_sizes);

	check_eq(vm_set_ports(vcpu->vm, PORT, 3, PHV_PORTS_USER, -1), 0);
	check_eq(vm_set_ports(vcpu->vm, 0x80, 1, PHV_PORTS_USER, -1), 0);
	expect_out(vcpu, PORT, 1, 0xaa);
	expect_out(vcpu, PORT + 1, 2, 0xbbbb);
	expect_out(vcpu, PORT + 2, 4, 0xcccccccc);
	expect_out(vcpu, 0x80, 1, 0xdd);
	vcpu_finish(vcpu);
}

/* IN of all sizes into a RAX that is all ones before: what else is in it stays or goes. */
static void guest_in_sizes(u64 answered)
{
	u64 rax = ~0UL;

	asm volatile("inb %%dx, %%al" : "+a" (rax) : "d" (PORT));
	guest_assert_eq(rax, answered ? 0xffffffffffffff11UL : ~0UL);
	rax = 0x1234567812345678UL;
	asm volatile("inw %%dx, %%ax" : "+a" (rax) : "d" (PORT));
	guest_assert_eq(rax, answered ? 0x1234567812342222UL : 0x123456781234ffffUL);
	rax = 0x1234567812345678UL;
	asm volatile("inl %%dx, %%eax" : "+a" (rax) : "d" (PORT));
	guest_assert_eq(rax, answered ? 0x33333333 : 0xffffffff);
}

static void answer_in(struct vcpu *vcpu, u8 size, u32 data)
{
	struct phv_run *run = vcpu->run;

	vcpu_expect(vcpu, PHV_EXIT_IO);
	check_eq(run->io.port, PORT);
	check_eq(run->io.size, size);
	check_eq(run->io.write, 0);
	run->io.data = data;
}

static void in_sizes(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_in_sizes, 1);

	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_USER, -1), 0);
	answer_in(vcpu, 1, 0x11);
	answer_in(vcpu, 2, 0x2222);
	answer_in(vcpu, 4, 0x33333333);
	vcpu_finish(vcpu);
}

static void in_too_much(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_in_sizes, 1);

	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_USER, -1), 0);
	answer_in(vcpu, 1, 0x99999911);
	answer_in(vcpu, 2, 0x99992222);
	answer_in(vcpu, 4, 0x33333333);
	vcpu_finish(vcpu);
}

static void ignored(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_in_sizes, 0);

	vcpu_finish(vcpu);
	vcpu_call(vcpu, guest_out_sizes);
	vcpu_finish(vcpu);
}

static void ignored_again(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_in_sizes, 1);

	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_USER, -1), 0);
	answer_in(vcpu, 1, 0x11);
	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_IGNORE, -1), 0);
	vcpu_call(vcpu, guest_in_sizes, 0);
	vcpu_finish(vcpu);
}

static void guest_around(void)
{
	out8(PORT - 1, 1);
	out8(PORT, 2);
	out8(PORT + 9, 3);
	out8(PORT + 10, 4);
	out8(0xffff, 5);
	out8(0, 6);
}

static void edges(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_around);

	check_eq(vm_set_ports(vcpu->vm, PORT, 10, PHV_PORTS_USER, -1), 0);
	check_eq(vm_set_ports(vcpu->vm, 0xffff, 1, PHV_PORTS_USER, -1), 0);
	expect_out(vcpu, PORT, 1, 2);
	expect_out(vcpu, PORT + 9, 1, 3);
	expect_out(vcpu, 0xffff, 1, 5);
	vcpu_finish(vcpu);
}

/* The registers are the same behind the instruction but for what was read. */
static void guest_registers(void)
{
	u64 rax = 0x1111, rbx = 0x2222, rcx = 0x3333, rsi = 0x4444, rdi = 0x5555;

	asm volatile("outl %%eax, $0x80"
		     : "+a" (rax), "+b" (rbx), "+c" (rcx), "+S" (rsi), "+D" (rdi)
		     : : "memory");
	guest_assert_eq(rax, 0x1111);
	guest_assert_eq(rbx, 0x2222);
	guest_assert_eq(rcx, 0x3333);
	guest_assert_eq(rsi, 0x4444);
	guest_assert_eq(rdi, 0x5555);
}

static void registers(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_registers);

	check_eq(vm_set_ports(vcpu->vm, 0x80, 1, PHV_PORTS_USER, -1), 0);
	expect_out(vcpu, 0x80, 4, 0x1111);
	vcpu_finish(vcpu);
}

/* There is no instruction emulator, so user space is told of strings. */
#define EXIT_REASON_IO	30

static void guest_string(void)
{
	u8 bytes[4] = { 0 };
	u8 *to = bytes;
	u64 count = sizeof(bytes);

	asm volatile("rep insb" : "+D" (to), "+c" (count) : "d" (PORT) : "memory");
}

static void string(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_string);
	struct phv_regs before, after;

	need_phv();
	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_USER, -1), 0);
	vcpu_expect(vcpu, PHV_EXIT_UNHANDLED);
	check_eq(vcpu->run->entry.reason, EXIT_REASON_IO);
	check_eq(vcpu->run->entry.qualification >> 16, PORT);
	vcpu_get_regs(vcpu, &before);
	check_eq(before.gpr[RCX], 4);
	/* still there: nothing was skipped */
	vcpu_expect(vcpu, PHV_EXIT_UNHANDLED);
	vcpu_get_regs(vcpu, &after);
	check_eq(after.rip, before.rip);
	after.rip += 2;
	vcpu_set_regs(vcpu, &after);
	vcpu_finish(vcpu);
}

/* Doorbells */

static u64 read_eventfd(int fd)
{
	u64 count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void guest_ring(void)
{
	out8(PORT, 1);
	out16(PORT, 1);
	out32(PORT, 1);
	guest_assert_eq(in8(PORT), 0xff);
}

static void doorbell(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct phv_counters counters;
	struct vcpu *vcpu;

	need_phv();
	vcpu = vm_with_guest(guest_ring);
	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_DOORBELL, fd), 0);
	vcpu_finish(vcpu);
	check_eq(read_eventfd(fd), 3);
	vcpu_get_counters(vcpu, &counters);
	check_eq(counters.user_exits, 1);	/* guest_done() */

	/* the binding keeps the eventfd: closing ours is no matter */
	close(fd);
	vcpu_call(vcpu, guest_ring);
	vcpu_finish(vcpu);
}

static void two_doorbells(void)
{
	int a = eventfd(0, EFD_NONBLOCK), b = eventfd(0, EFD_NONBLOCK);
	struct vcpu *vcpu;

	need_phv();
	vcpu = vm_with_guest(guest_ring);
	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_DOORBELL, a), 0);
	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_DOORBELL, b), 0);
	vcpu_finish(vcpu);
	check_eq(read_eventfd(a), 0);		/* replaced */
	check_eq(read_eventfd(b), 3);
	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_IGNORE, -1), 0);
	vcpu_call(vcpu, guest_ring);
	vcpu_finish(vcpu);
	check_eq(read_eventfd(b), 0);
}

static void bad_ranges(void)
{
	int event = eventfd(0, EFD_NONBLOCK), file = open("/dev/null", O_RDWR);
	struct vm *vm;
	u32 i;

	need_phv();
	vm = vm_create_empty();
	check_eq(vm_set_ports(vm, 0, 0, PHV_PORTS_USER, -1), -EINVAL);
	check_eq(vm_set_ports(vm, 0, 65537, PHV_PORTS_USER, -1), -EINVAL);
	check_eq(vm_set_ports(vm, 0xffff, 2, PHV_PORTS_USER, -1), -EINVAL);
	check_eq(vm_set_ports(vm, 0x10000, 1, PHV_PORTS_USER, -1), -EINVAL);
	check_eq(vm_set_ports(vm, ~0U, 2, PHV_PORTS_USER, -1), -EINVAL);
	check_eq(vm_set_ports(vm, 0, ~0U, PHV_PORTS_USER, -1), -EINVAL);
	check_eq(vm_set_ports(vm, 0, 1, PHV_PORTS_DOORBELL + 1, -1), -EINVAL);
	check_eq(vm_set_ports(vm, 0, 1, PHV_PORTS_USER, event), -EINVAL);
	check_eq(vm_set_ports(vm, 0, 1, PHV_PORTS_IGNORE, event), -EINVAL);
	check_eq(vm_set_ports(vm, 0, 1, PHV_PORTS_DOORBELL, -1), -EBADF);
	check_eq(vm_set_ports(vm, 0, 1, PHV_PORTS_DOORBELL, file), -EBADF);
	check_eq(vm_set_ports(vm, 0, 1, PHV_PORTS_IGNORE, -1), -ENOENT);

	check_eq(vm_set_ports(vm, 0, 65536, PHV_PORTS_USER, -1), 0);
	check_eq(vm_set_ports(vm, 1, 1, PHV_PORTS_USER, -1), -EEXIST);
	check_eq(vm_set_ports(vm, 1, 1, PHV_PORTS_IGNORE, -1), -EEXIST);
	check_eq(vm_set_ports(vm, 0, 65536, PHV_PORTS_DOORBELL, event), 0);
	check_eq(vm_set_ports(vm, 0, 65536, PHV_PORTS_IGNORE, -1), 0);
	check_eq(vm_set_ports(vm, 0, 65536, PHV_PORTS_IGNORE, -1), -ENOENT);

	for (i = 0; i < 32; i++)
		check_eq(vm_set_ports(vm, i * 2, 1, PHV_PORTS_USER, -1), 0);
	check_eq(vm_set_ports(vm, 100, 1, PHV_PORTS_USER, -1), -ENOSPC);
	check_eq(vm_set_ports(vm, 62, 1, PHV_PORTS_USER, -1), 0);
	check_eq(vm_set_ports(vm, 62, 1, PHV_PORTS_IGNORE, -1), 0);
	check_eq(vm_set_ports(vm, 100, 1, PHV_PORTS_USER, -1), 0);
}

static const struct test tests[] = {
	{ "OUT of all sizes goes to user space", .host = out_sizes },
	{ "IN of all sizes is answered", .host = in_sizes },
	{ "an answer wider than the IN is cut", .host = in_too_much },
	{ "other ports read all ones and take all", .host = ignored },
	{ "a port can be ignored again, also by an IN under way",
	  .host = ignored_again },
	{ "ranges have the ports they should", .host = edges },
	{ "registers are kept", .host = registers },
	{ "string instructions are reported", .host = string },
	{ "a doorbell rings without an exit to user space", .host = doorbell },
	{ "a doorbell can be replaced and removed", .host = two_doorbells },
	{ "bad ranges are refused", .host = bad_ranges },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
