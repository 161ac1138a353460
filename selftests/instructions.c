// SPDX-License-Identifier: GPL-2.0-only
/* Instructions that a hypervisor must or may do something about. */
#include "vm.h"

/* instructions.S */
GUEST_LABEL(switch_task);
GUEST_LABEL(break_32);

struct undefined {
	u64 start, end;
	const char *name;
};

GUEST_TABLE(struct undefined, undefined_table);

static const struct undefined *missed;

/* The instruction is at @start; go back to who called it. */
static void on_undefined(struct guest_frame *frame)
{
	missed = NULL;
	frame->rip = *(u64 *)frame->rsp;
	frame->rsp += 8;
}

static void guest_undefined(void)
{
	static u64 operand[512] __aligned(0x1000);
	const struct undefined *insn;

	guest_handle(VEC_UD, on_undefined);
	for (insn = undefined_table; insn < undefined_table_end; insn++) {
		missed = insn;
		barrier();
		asm volatile("call *%0"
			     : : "r" (insn->start), "D" (operand), "a" (0),
			       "c" (0), "d" (0) : "memory", "cc");
		if (READ_ONCE(missed))
			guest_done();
	}
}

static void undefined(void)
{
	vcpu_finish(vm_with_guest(guest_undefined));
	if (missed)
		test_fail("%s did not raise #UD", missed->name);
}

/* Those that CPUID says are there work, and the others don't. */
static int use_invpcid(void)
{
	static const u64 all[2];

	return guest_try("invpcid %0, %1", : "m" (all), "r" (2UL) : "memory");
}

static int use_xsaves(void)
{
	static u8 area[4096] __aligned(64);

	if (!(cpuid(1, 0).ecx & BIT(26)))
		return VEC_UD;
	write_cr4(read_cr4() | CR4_OSXSAVE | CR4_OSFXSR);
	return guest_try("xsaves %0", : "m" (area), "a" (3), "d" (0) : "memory");
}

static void guest_optional(void)
{
	bool rdtscp = cpuid(0x80000001, 0).edx & BIT(27);
	bool rdpid = cpuid(7, 0).ecx & BIT(22);
	bool waitpkg = cpuid(7, 0).ecx & BIT(5);
	bool invpcid = cpuid(7, 0).ebx & BIT(10);
	bool rdseed = cpuid(7, 0).ebx & BIT(18);
	bool rdrand = cpuid(1, 0).ecx & BIT(30);
	bool xsaves = cpuid(1, 0).ecx & BIT(26) && cpuid(0xd, 1).eax & BIT(3);

	guest_assert_eq(guest_try("rdtscp", : : "rax", "rcx", "rdx"),
			rdtscp ? NO_FAULT : VEC_UD);
	guest_assert_eq(guest_try("rdpid %%rax", : : "rax"),
			rdpid ? NO_FAULT : VEC_UD);
	guest_assert_eq(guest_try("tpause %%ecx", : "a" (0), "d" (0), "c" (0)),
			waitpkg ? NO_FAULT : VEC_UD);
	guest_assert_eq(guest_try("rdrand %%rax", : : "rax", "cc"),
			rdrand ? NO_FAULT : VEC_UD);
	guest_assert_eq(guest_try("rdseed %%rax", : : "rax", "cc"),
			rdseed ? NO_FAULT : VEC_UD);
	guest_assert_eq(use_invpcid(), invpcid ? NO_FAULT : VEC_UD);
	guest_assert_eq(use_xsaves(), xsaves ? NO_FAULT : VEC_UD);
}

static u64 written = 1;

static void guest_caches(void)
{
	WRITE_ONCE(written, 2);
	asm volatile("invd" : : : "memory");
	guest_assert_eq(READ_ONCE(written), 2);
	asm volatile("wbinvd" : : : "memory");
	asm volatile("clflush %0" : "+m" (written));
	guest_assert_eq(READ_ONCE(written), 2);
}

static int user_fault[4];

static void user_privileged(void)
{
	user_fault[0] = guest_try("invd", :);
	user_fault[1] = guest_try("wbinvd", :);
	user_fault[2] = guest_try("hlt", :);
	user_fault[3] = guest_try("rdmsr", : : "rax", "rcx", "rdx");
}

static void guest_privileged(void)
{
	unsigned int i;

	guest_user(user_privileged);
	for (i = 0; i < ARRAY_SIZE(user_fault); i++)
		guest_assert_eq(READ_ONCE(user_fault[i]), VEC_GP);
}

static void user_tsc(void)
{
	user_fault[0] = guest_try("rdtsc", : : "rax", "rdx");
}

static void guest_tsd(void)
{
	guest_user(user_tsc);
	guest_assert_eq(READ_ONCE(user_fault[0]), NO_FAULT);
	write_cr4(read_cr4() | CR4_TSD);
	guest_user(user_tsc);
	guest_assert_eq(READ_ONCE(user_fault[0]), VEC_GP);
	rdtsc();
}

static void user_umip(void)
{
	struct guest_descriptor_table table;
	u64 value;

	user_fault[0] = guest_try("sgdt %0", "=m" (table));
	user_fault[1] = guest_try("sidt %0", "=m" (table));
	user_fault[2] = guest_try("smsw %0", "=r" (value));
	user_fault[3] = guest_try("str %0", "=r" (value));
}

static void guest_umip(void)
{
	unsigned int i;

	guest_user(user_umip);
	for (i = 0; i < 4; i++)
		guest_assert_eq(READ_ONCE(user_fault[i]), NO_FAULT);
	if (!(cpuid(7, 0).ecx & BIT(2)))
		return;
	write_cr4(read_cr4() | CR4_UMIP);
	guest_user(user_umip);
	for (i = 0; i < 4; i++)
		guest_assert_eq(READ_ONCE(user_fault[i]), VEC_GP);
}

static void guest_no_counters(void)
{
	guest_assert_eq(guest_try("rdpmc", : "c" (0) : "rax", "rdx"), VEC_GP);
	guest_assert_eq(guest_try("rdpmc", : "c" (0x40000000) : "rax", "rdx"),
			VEC_GP);
}

static void guest_descriptor_tables(void)
{
	struct guest_descriptor_table gdt, other = { .limit = 0x57, .base = 0x1234560 };
	u16 tr;

	asm volatile("sgdt %0" : "=m" (gdt));
	guest_assert_eq(gdt.base, (u64)this_cpu()->gdt);
	guest_assert_eq(gdt.limit, sizeof(this_cpu()->gdt) - 1);
	asm volatile("lgdt %0" : : "m" (other));
	cpuid(0, 0);
	asm volatile("sgdt %0" : "=m" (other));
	guest_assert_eq(other.base, 0x1234560);
	guest_assert_eq(other.limit, 0x57);
	asm volatile("lgdt %0" : : "m" (gdt));

	asm volatile("str %0" : "=r" (tr));
	guest_assert_eq(tr, SEL_TSS);
	asm volatile("lldt %w0" : : "r" (0));
}

static void guest_pause(void)
{
	unsigned int i;

	for (i = 0; i < 10000; i++)
		cpu_relax();
}

/* Hypercalls: a number that nobody will ever use. */
#define NO_HYPERCALL	0x7fffffffUL

static u64 user_result;

static void user_hypercall(void)
{
	user_result = hypercall(NO_HYPERCALL, 1, 2, 3);
}

static void guest_hypercall(void)
{
	u64 rax = NO_HYPERCALL, rdi = 1, rsi = 2, rdx = 3, rbx = 4;

	asm volatile("vmcall" : "+a" (rax), "+D" (rdi), "+S" (rsi), "+d" (rdx),
		     "+b" (rbx) : : "memory");
	guest_assert_eq(rax, -ENOSYS);
	guest_assert_eq(rdi, 1);
	guest_assert_eq(rsi, 2);
	guest_assert_eq(rdx, 3);
	guest_assert_eq(rbx, 4);

	guest_user(user_hypercall);
	guest_assert_eq(READ_ONCE(user_result), -EPERM);
}

static void hypercalls(void)
{
	need_phv();
	vcpu_finish(vm_with_guest(guest_hypercall));
}

/* Nothing in the module switches tasks: user space is told. */
#define EXIT_REASON_TASK_SWITCH	9

static void task_switch(void)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	static u32 tss[26];
	u64 base = (u64)tss;

	need_phv();
	vcpu_enter(vcpu, VM_PROTECTED, (u64)switch_task);
	vcpu->cpu->gdt[SEL_FREE / 8] = (sizeof(tss) - 1) |
		(base & 0xffffff) << 16 | 0x89UL << 40 | (base >> 24) << 56;
	vcpu_expect(vcpu, PHV_EXIT_UNHANDLED);
	check_eq(vcpu->run->entry.reason, EXIT_REASON_TASK_SWITCH);
	check_eq(vcpu->run->entry.qualification, BIT(31) | SEL_FREE);

	vcpu_call(vcpu, guest_pause);
	vcpu_finish(vcpu);
}

/* By a task gate: the event that goes through it is not lost. */
#define INFO_BREAKPOINT	(BIT(31) | 6 << 8 | VEC_BP)

static void task_gate(void)
{
	static u64 idt[VEC_BP + 1], tss[13];
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	struct phv_control control;
	struct phv_events events;
	u64 base = (u64)tss;
	unsigned int i;

	need_phv();
	vcpu_enter(vcpu, VM_PROTECTED, (u64)break_32);
	vcpu->cpu->gdt[SEL_FREE / 8] = (sizeof(tss) - 1) |
		(base & 0xffffff) << 16 | 0x89UL << 40 | (base >> 24) << 56;
	idt[VEC_BP] = SEL_FREE << 16 | 0x85UL << 40;
	vcpu_get_control(vcpu, &control);
	control.idt_base = (u64)idt;
	control.idt_limit = sizeof(idt) - 1;
	vcpu_set_control(vcpu, &control);
	for (i = 0; i < 2; i++) {
		vcpu_expect(vcpu, PHV_EXIT_UNHANDLED);
		check_eq(vcpu->run->entry.reason, EXIT_REASON_TASK_SWITCH);
		check_eq(vcpu->run->entry.qualification, BIT(31) | BIT(30) | SEL_FREE);
		vcpu_get_events(vcpu, &events);
		check_eq(events.exception_valid, 1);
		check_eq(events.exception, INFO_BREAKPOINT);
		check_eq(events.exception_length, 1);
	}
}

static const struct test tests[] = {
	{ "instructions that guests don't have raise #UD", .host = undefined },
	{ "optional instructions are there as CPUID says",
	  .guest = guest_optional },
	{ "INVD and WBINVD lose nothing", .guest = guest_caches },
	{ "privileged instructions raise #GP in ring 3",
	  .guest = guest_privileged },
	{ "CR4.TSD keeps RDTSC from ring 3", .guest = guest_tsd },
	{ "CR4.UMIP", .guest = guest_umip },
	{ "RDPMC raises #GP", .guest = guest_no_counters },
	{ "descriptor-table registers", .guest = guest_descriptor_tables },
	{ "PAUSE in a loop", .guest = guest_pause },
	{ "unknown hypercalls: ENOSYS, from ring 3: EPERM", .host = hypercalls },
	{ "a task switch is reported", .host = task_switch },
	{ "and by an event, with the event", .host = task_gate },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
