// SPDX-License-Identifier: GPL-2.0-only
/* Debug registers, breakpoints and single steps, of guest and host. */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

/* debug.S */
GUEST_LABEL(break_here);
GUEST_LABEL(load_ss_cpuid);
GUEST_LABEL(after_load_ss_cpuid);
GUEST_LABEL(step_all);
GUEST_TABLE(u64, step_table);

#define DR6_FIXED	0xffff0ff0UL
#define DR6_BD		BIT(13)
#define DR6_BS		BIT(14)
#define DR7_FIXED	BIT(10)
#define DR7_GD		BIT(13)

/* Breakpoint @n of DR7: type (0 execute, 1 write, 3 access), length - 1. */
static u64 dr7_enable(unsigned int n, u64 type, u64 length)
{
	return BIT(n * 2) | (type | length << 2) << (16 + n * 4);
}

static struct {
	u32 count;
	u64 rip, dr6, dr7;
} seen;

static void on_debug(struct guest_frame *frame)
{
	seen.count++;
	seen.rip = frame->rip;
	seen.dr6 = read_dr6();
	seen.dr7 = read_dr7();
	frame->rflags |= RFLAGS_RF;
	write_dr6(DR6_FIXED);
}

static void call_code(const u8 *code, void *rdi)
{
	asm volatile("call *%1" : "+D" (rdi) : "r" (code)
		     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11",
		       "memory", "cc");
}

static void guest_execute_breakpoint(void)
{
	guest_handle(VEC_DB, on_debug);
	write_dr2((u64)break_here);
	write_dr7(DR7_FIXED | dr7_enable(2, 0, 0));
	call_code(break_here, NULL);
	guest_assert_eq(READ_ONCE(seen.count), 1);
	guest_assert_eq(READ_ONCE(seen.rip), (u64)break_here);
	guest_assert_eq(READ_ONCE(seen.dr6), DR6_FIXED | BIT(2));

	write_dr7(DR7_FIXED);
	call_code(break_here, NULL);
	guest_assert_eq(READ_ONCE(seen.count), 1);
}

static u32 watched;

static void guest_data_breakpoint(void)
{
	u64 after;

	guest_handle(VEC_DB, on_debug);
	write_dr1((u64)&watched);
	write_dr7(DR7_FIXED | dr7_enable(1, 1, 3));
	asm volatile("lea 1f(%%rip), %0\n"
		     "	movl $7, (%1)\n"
		     "1:" : "=&r" (after) : "r" (&watched) : "memory");
	guest_assert_eq(READ_ONCE(seen.count), 1);
	guest_assert_eq(READ_ONCE(seen.rip), after);
	guest_assert_eq(READ_ONCE(seen.dr6), DR6_FIXED | BIT(1));

	guest_assert_eq(READ_ONCE(watched), 7);		/* reads are free */
	guest_assert_eq(READ_ONCE(seen.count), 1);
	write_dr7(DR7_FIXED);
	WRITE_ONCE(watched, 8);
	guest_assert_eq(READ_ONCE(seen.count), 1);
}

/* It stays while the host's registers are in the CPU meanwhile. */
static void guest_lasting_breakpoint(void)
{
	guest_handle(VEC_DB, on_debug);
	write_dr1((u64)&watched);
	write_dr7(DR7_FIXED | dr7_enable(1, 1, 3));
	guest_sync(0);
	WRITE_ONCE(watched, 7);
	guest_assert_eq(READ_ONCE(seen.count), 1);
	guest_assert_eq(read_dr1(), (u64)&watched);
	guest_assert_eq(read_dr7(), DR7_FIXED | dr7_enable(1, 1, 3));
}

static void lasting_breakpoint(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_lasting_breakpoint);
	struct phv_control control;

	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_control(vcpu, &control);
	check_eq(control.dr[1], (u64)&watched);
	check_eq(control.dr6, DR6_FIXED);
	check_eq(control.dr7, DR7_FIXED | dr7_enable(1, 1, 3));
	WRITE_ONCE(watched, 1);		/* the host may */
	vcpu_finish(vcpu);
}

static void guest_registers(void)
{
	write_dr0(0x1111);
	write_dr1(0x2222);
	write_dr2(0x3333);
	write_dr3(0x4444);
	guest_assert_eq(read_dr0(), 0x1111);
	cpuid(0, 0);
	guest_sync(0);
	guest_assert_eq(read_dr0(), 0x1111);
	guest_assert_eq(read_dr1(), 0x2222);
	guest_assert_eq(read_dr2(), 0x3333);
	guest_assert_eq(read_dr3(), 0x4444);

	write_dr6(0);
	guest_assert_eq(read_dr6(), DR6_FIXED);
	write_dr6(0xf | DR6_BS);
	guest_assert_eq(read_dr6(), DR6_FIXED | 0xf | DR6_BS);
	write_dr6(DR6_FIXED);
	write_dr7(0);
	guest_assert_eq(read_dr7(), DR7_FIXED);
	guest_assert_eq(write_dr6_fault(BIT(32)), VEC_GP);
	guest_assert_eq(write_dr7_fault(BIT(32)), VEC_GP);
}

static void registers(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_registers);

	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_finish(vcpu);
}

static void guest_aliases(void)
{
	u64 value = 0;

	write_cr4(read_cr4() & ~CR4_DE);
	write_dr6(DR6_FIXED | 5);
	guest_assert_eq(guest_try("mov %%dr4, %0", "=r" (value)), NO_FAULT);
	guest_assert_eq(value, DR6_FIXED | 5);
	guest_assert_eq(guest_try("mov %%dr5, %0", "=r" (value)), NO_FAULT);
	guest_assert_eq(value, DR7_FIXED);
	write_dr6(DR6_FIXED);

	write_cr4(read_cr4() | CR4_DE);
	guest_assert_eq(guest_try("mov %%dr4, %0", "=r" (value)), VEC_UD);
	guest_assert_eq(guest_try("mov %0, %%dr5", : "r" (value)), VEC_UD);
}

static int user_fault;

static void user_registers(void)
{
	user_fault = guest_try("mov %%dr0, %%rax", : : "rax");
}

static void guest_user_registers(void)
{
	guest_user(user_registers);
	guest_assert_eq(READ_ONCE(user_fault), VEC_GP);
}

static void guest_general_detect(void)
{
	u64 here, dr3;

	guest_handle(VEC_DB, on_debug);
	write_dr3(0x1234);
	write_dr7(DR7_FIXED | DR7_GD);
	asm volatile("lea 1f(%%rip), %0\n"
		     "1: mov %%dr3, %1"
		     : "=&r" (here), "=r" (dr3));
	guest_assert_eq(READ_ONCE(seen.count), 1);
	guest_assert_eq(READ_ONCE(seen.rip), here);
	guest_assert_eq(READ_ONCE(seen.dr6), DR6_FIXED | DR6_BD);
	guest_assert_eq(READ_ONCE(seen.dr7), DR7_FIXED);
	guest_assert_eq(dr3, 0x1234);
}

static const u64 *next_step;

static void on_step(struct guest_frame *frame)
{
	guest_assert(next_step < step_table_end);
	guest_assert_eq(frame->rip, *next_step);
	guest_assert_eq(read_dr6() | 0xf, DR6_FIXED | DR6_BS | 0xf);
	write_dr6(DR6_FIXED);
	next_step++;
}

static void guest_single_step(void)
{
	next_step = step_table;
	guest_handle(VEC_DB, on_step);
	call_code(step_all, NULL);
	guest_assert_eq((u64)READ_ONCE(next_step), (u64)step_table_end);
}

static void guest_load_ss(void)
{
	static u16 selector = SEL_DATA;

	guest_handle(VEC_DB, on_debug);
	write_dr0((u64)&selector);
	write_dr7(DR7_FIXED | dr7_enable(0, 3, 1));
	call_code(load_ss_cpuid, &selector);
	write_dr7(DR7_FIXED);
	guest_assert_eq(READ_ONCE(seen.count), 1);
	guest_assert_eq(READ_ONCE(seen.rip), (u64)after_load_ss_cpuid);
	guest_assert_eq(READ_ONCE(seen.dr6), DR6_FIXED | BIT(0));
}

/* Breakpoints of the host, on what the guest touches. */
static u64 host_watched;

/* For a process, or where @pid is -1, for a CPU. */
static int host_breakpoint(const void *address, pid_t pid, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (u64)address,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};

	return syscall(SYS_perf_event_open, &attr, pid, cpu, -1, 0);
}

static u64 read_count(int fd)
{
	u64 count;

	check_eq(read(fd, &count, sizeof(count)), sizeof(count));
	return count;
}

static void guest_host_breakpoint(void)
{
	unsigned int i;

	/* an exception would fail the test */
	for (i = 0; i < 3; i++) {
		WRITE_ONCE(host_watched, 1);
		guest_sync(0);
	}
	write_dr0((u64)&watched);
	write_dr7(DR7_FIXED | dr7_enable(0, 1, 3));
}

static void host_breakpoint_is_unaffected(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_host_breakpoint);
	int fd = host_breakpoint(&host_watched, 0, -1);
	unsigned int i;
	u64 before;

	if (fd < 0)
		test_skip("breakpoints by perf_event_open: %m");
	for (i = 0; i < 3; i++) {
		vcpu_expect(vcpu, VCPU_SYNC);
		before = read_count(fd);
		WRITE_ONCE(host_watched, 2);
		check_eq(read_count(fd), before + 1);
	}
	vcpu_finish(vcpu);
	before = read_count(fd);
	WRITE_ONCE(host_watched, 2);
	WRITE_ONCE(watched, 1);
	check_eq(read_count(fd), before + 1);
}

static void guest_own_registers(u64 value)
{
	unsigned int i;

	write_dr0(value);
	write_dr3(~value);
	for (i = 0; i < 4; i++) {
		guest_sync(0);
		guest_assert_eq(read_dr0(), value);
		guest_assert_eq(read_dr3(), ~value);
	}
}

static void two_vcpus(void)
{
	struct vcpu *a = vm_with_guest(guest_own_registers, 0x1111);
	struct vcpu *b = vm_add_guest(a->vm, 1, guest_own_registers, 0x2222);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		vcpu_expect(a, VCPU_SYNC);
		vcpu_expect(b, VCPU_SYNC);
	}
	vcpu_finish(a);
	vcpu_finish(b);
}

/* Other values come from outside: those that were in the CPU are no longer. */
static void guest_new_registers(void)
{
	write_dr0(0x1111);
	write_dr7(DR7_FIXED | dr7_enable(0, 0, 0));
	guest_sync(0);
	guest_assert_eq(read_dr0(), 0x2222);
	write_dr0(0x3333);
	guest_sync(0);
	guest_assert_eq(read_dr0(), 0x3333);
}

static void registers_from_outside(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_new_registers);
	struct phv_control control;

	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_control(vcpu, &control);
	control.dr[0] = 0x2222;
	control.dr7 = DR7_FIXED;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_CONTROL, &control), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_control(vcpu, &control);
	check_eq(control.dr[0], 0x3333);
	vcpu_finish(vcpu);
}

/* The host's breakpoints come and go, by interrupts, while the guest has its own. */
static bool over;

static void guest_reads_registers(void)
{
	write_dr0(0x1111);
	write_dr1(0x2222);
	write_dr2(0x3333);
	write_dr3(0x4444);
	write_dr7(DR7_FIXED | dr7_enable(0, 0, 0));
	while (!READ_ONCE(over)) {
		guest_assert_eq(read_dr0(), 0x1111);
		guest_assert_eq(read_dr1(), 0x2222);
		guest_assert_eq(read_dr2(), 0x3333);
		guest_assert_eq(read_dr3(), 0x4444);
	}
}

static void host_breakpoints_come_and_go(void)
{
	struct vcpu *vcpu;
	unsigned int i;
	int fd;

	need_phv();
	need_cpus(2);
	vcpu = vm_with_guest(guest_reads_registers);
	pin_to_cpu(1);
	vcpu_start(vcpu);
	pin_to_cpu(0);
	for (i = 0; i < 100; i++) {
		fd = host_breakpoint(&host_watched, -1, 1);
		if (fd < 0 && !i)
			test_skip("breakpoints by perf_event_open: %m");
		check(fd >= 0);
		close(fd);
	}
	WRITE_ONCE(over, true);
	vcpu_join(vcpu);
}

static const struct test tests[] = {
	{ "debug registers read as they should", .host = registers },
	{ "DR4 and DR5 are aliases without CR4.DE", .guest = guest_aliases },
	{ "ring 3 has no debug registers", .guest = guest_user_registers },
	{ "a breakpoint on execution", .guest = guest_execute_breakpoint },
	{ "a breakpoint on data", .guest = guest_data_breakpoint },
	{ "a breakpoint lasts across exits", .host = lasting_breakpoint },
	{ "DR7.GD guards the debug registers", .guest = guest_general_detect },
	{ "single steps stop behind instructions that exit",
	  .guest = guest_single_step },
	{ "a trap that MOV SS delays comes behind an exit",
	  .guest = guest_load_ss },
	{ "the host's breakpoints are the host's",
	  .host = host_breakpoint_is_unaffected },
	{ "they come and go while the guest has some",
	  .host = host_breakpoints_come_and_go },
	{ "registers from outside take the place of those in the CPU",
	  .host = registers_from_outside },
	{ "two vCPUs in one thread have their own registers",
	  .host = two_vcpus },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
