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

/* Strings */

#define COUNT	5

static u8 bytes[COUNT + 2] = "hello";

/* INS or OUTS in some form: RDI and RSI @at, RCX @count before; what they are behind it. */
#define string_io(insn, at, count) ({					\
	const u64 at_ = (u64)(at);					\
	struct moved moved_ = { at_, at_, (count), 0 };			\
									\
	moved_.fault = guest_try(insn, "+D" (moved_.rdi),		\
				 "+S" (moved_.rsi), "+c" (moved_.rcx)	\
				 : "d" (PORT) : "memory", "cc");	\
	moved_;								\
})

struct moved {
	u64 rdi, rsi, rcx;
	int fault;
};

static void guest_outs(void)
{
	struct moved moved = string_io("rep outsb", bytes, COUNT);

	guest_assert_eq(moved.fault, NO_FAULT);
	guest_assert_eq(moved.rsi, (u64)bytes + COUNT);
	guest_assert_eq(moved.rdi, (u64)bytes);
	guest_assert_eq(moved.rcx, 0);

	moved = string_io("outsb", bytes + 1, COUNT);
	guest_assert_eq(moved.rsi, (u64)bytes + 2);
	guest_assert_eq(moved.rcx, COUNT);
	moved = string_io("rep outsb", bytes, 0);
	guest_assert_eq(moved.rsi, (u64)bytes);

	/* backwards, and the upper half of registers is gone */
	moved = string_io("std; addr32 rep outsw; cld", (u64)bytes + 2 + BIT(40),
			  2 + BIT(40));
	guest_assert_eq(moved.rsi, (u64)bytes - 2);
	guest_assert_eq(moved.rcx, 0);
}

static struct vcpu *with_port(void *guest)
{
	struct vcpu *vcpu = vm_with_guest(guest);

	check_eq(vm_set_ports(vcpu->vm, PORT, 1, PHV_PORTS_USER, -1), 0);
	return vcpu;
}

static void outs(void)
{
	struct vcpu *vcpu = with_port(guest_outs);
	unsigned int i;

	for (i = 0; i < COUNT; i++)
		expect_out(vcpu, PORT, 1, bytes[i]);
	expect_out(vcpu, PORT, 1, bytes[1]);
	expect_out(vcpu, PORT, 2, 'l' | 'l' << 8);
	expect_out(vcpu, PORT, 2, 'h' | 'e' << 8);
	vcpu_finish(vcpu);
}

static void guest_ins(void)
{
	u16 words[4] = { 0 };
	struct moved moved = string_io("rep insw", words, 3);

	guest_assert_eq(moved.fault, NO_FAULT);
	guest_assert_eq(moved.rdi, (u64)(words + 3));
	guest_assert_eq(moved.rsi, (u64)words);
	guest_assert_eq(moved.rcx, 0);
	guest_assert_eq(words[0], 0x101);
	guest_assert_eq(words[1], 0x202);
	guest_assert_eq(words[2], 0x303);
	guest_assert_eq(words[3], 0);
}

static void ins(void)
{
	struct vcpu *vcpu = with_port(guest_ins);
	struct phv_regs regs;

	answer_in(vcpu, 2, 0x99990101);
	answer_in(vcpu, 2, 0x202);
	/* Nothing has moved before it is answered, so the state can be looked at. */
	vcpu_expect(vcpu, PHV_EXIT_IO);
	vcpu_get_regs(vcpu, &regs);
	check_eq(regs.gpr[RCX], 1);
	vcpu->run->io.data = 0x303;
	vcpu_finish(vcpu);
}

static void guest_ignored_strings(void)
{
	u8 buffer[4] = { 0 };
	struct moved moved = string_io("rep insb", buffer, 3);

	guest_assert_eq(moved.rdi, (u64)(buffer + 3));
	guest_assert_eq(*(u32 *)buffer, 0x00ffffff);
	moved = string_io("rep outsb", buffer, 4);
	guest_assert_eq(moved.rsi, (u64)(buffer + 4));
}

#define NOWHERE	0x100000000UL		/* behind what is mapped */

static void expect_page_fault(int fault, u64 address, u64 error)
{
	guest_assert_eq(fault, VEC_PF);
	guest_assert_eq(this_cpu()->fault_cr2, address);
	guest_assert_eq(this_cpu()->fault_error, error);
}

/* The port is not read when there is nowhere to put what it says. */
static void guest_string_faults(void)
{
	struct moved moved = string_io("rep insb", NOWHERE, 2);

	expect_page_fault(moved.fault, NOWHERE, 2);
	guest_assert_eq(moved.rdi, NOWHERE);
	guest_assert_eq(moved.rcx, 2);
	moved = string_io("insl", NOWHERE - 2, 1);
	expect_page_fault(moved.fault, NOWHERE, 2);
	moved = string_io("outsb", NOWHERE, 1);
	expect_page_fault(moved.fault, NOWHERE, 0);
	moved = string_io("insb", BIT(62), 1);
	guest_assert_eq(moved.fault, VEC_GP);
	moved = string_io("outsb", BIT(62), 1);
	guest_assert_eq(moved.fault, VEC_GP);
}

static void string_faults(void)
{
	vcpu_finish(with_port(guest_string_faults));
}

static void guest_fs(void)
{
	struct moved moved;

	wrmsr(MSR_FS_BASE, (u64)bytes);
	moved = string_io("fs; outsb", 1, 0);
	guest_assert_eq(moved.fault, NO_FAULT);
	guest_assert_eq(moved.rsi, 2);
}

static void string_segment(void)
{
	struct vcpu *vcpu = with_port(guest_fs);

	expect_out(vcpu, PORT, 1, bytes[1]);
	vcpu_finish(vcpu);
}

/* What ring 3 may not read it may not send either. */
static struct moved user_moved;

static void user_outs(void)
{
	user_moved = string_io("outsb", NOWHERE, 1);
}

static void allow_io(struct guest_frame *frame)
{
	frame->rflags |= 3 << 12;
}

static void guest_user_string(void)
{
	guest_assert_eq(string_io("outsb", NOWHERE, 1).fault, NO_FAULT);
	guest_handle(VEC_GP, allow_io);
	guest_user(user_outs);
	expect_page_fault(user_moved.fault, NOWHERE, 5);
}

static void user_string(void)
{
	struct vcpu *vcpu = with_port(guest_user_string);
	struct phv_control control;

	vcpu_get_control(vcpu, &control);
	vm_map(VM_LONG, control.cr3, NOWHERE, (u64)bytes & -0x1000UL, 0x1000,
	       PTE_PRESENT | PTE_WRITE);
	vcpu_expect(vcpu, PHV_EXIT_IO);
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
	string_io("rep outsb", bytes, 2);
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
	check_eq(read_eventfd(fd), 5);
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
	check_eq(read_eventfd(b), 5);
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
	{ "OUTS sends one element after the other", .host = outs },
	{ "INS is answered one element after the other", .host = ins },
	{ "INS of other ports reads all ones, OUTS is lost", .guest = guest_ignored_strings },
	{ "INS and OUTS fault before they do anything", .host = string_faults },
	{ "OUTS from another segment", .host = string_segment },
	{ "OUTS in ring 3 reads what ring 3 may", .host = user_string },
	{ "a doorbell rings without an exit to user space", .host = doorbell },
	{ "a doorbell can be replaced and removed", .host = two_doorbells },
	{ "bad ranges are refused", .host = bad_ranges },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
