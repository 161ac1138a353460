// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions, NMIs and their delivery: every vector, faults on the way into a
 * handler, blocking by NMI and STI.
 */
#include <sys/mman.h>

#include "vm.h"

/* exceptions.S */
GUEST_ASM(real);
GUEST_LABEL(int_table);

#define HOLE	0x300000000UL		/* a linear address without a page */

static u64 div_by_zero(void)
{
	return guest_try("div %b0", : "q" (0), "a" (1) : "cc");
}

static u64 use_hole(void)
{
	return guest_try("movl $1, (%0)", : "r" (HOLE) : "memory");
}

static void set_descriptor(u16 selector, u64 value)
{
	this_cpu()->gdt[selector / 8] = value;
	barrier();
}

#define NOT_PRESENT_DATA	0x00cf13000000ffffUL

static u64 error(void)
{
	return this_cpu()->fault_error;
}

static void guest_faults(void)
{
	guest_assert_eq(div_by_zero(), VEC_DE);
	guest_assert_eq(guest_try("ud2", :), VEC_UD);

	set_descriptor(SEL_FREE, NOT_PRESENT_DATA);
	guest_assert_eq(guest_try("mov %0, %%ds", : "r" (SEL_FREE)), VEC_NP);
	guest_assert_eq(error(), SEL_FREE);
	guest_assert_eq(guest_try("mov %0, %%ss", : "r" (SEL_FREE)), VEC_SS);
	guest_assert_eq(error(), SEL_FREE);
	guest_assert_eq(guest_try("mov %0, %%ds", : "r" (0x1000)), VEC_GP);
	guest_assert_eq(error(), 0x1000);
	guest_assert_eq(guest_try("mov (%0), %%al", : "r" (BIT(63)) : "rax"),
			VEC_GP);
	guest_assert_eq(error(), 0);
	guest_assert_eq(guest_try("mov (%%rsp,%0), %%al", : "r" (BIT(62))
				  : "rax"), VEC_SS);

	guest_assert_eq(use_hole(), VEC_PF);
	guest_assert_eq(error(), 2);		/* write, not present */
	guest_assert_eq(this_cpu()->fault_cr2, HOLE);
}

static void guest_x87_fault(void)
{
	const u16 unmasked = 0x0340;

	write_cr0(read_cr0() | CR0_NE | CR0_MP);
	asm volatile("fninit; fldcw %0; fldz; fld1" : : "m" (unmasked));
	guest_assert_eq(guest_try("fdivp", :), NO_FAULT);
	guest_assert_eq(guest_try("fdivp", :), VEC_MF);
	asm volatile("fninit");
}

static void guest_sse_fault(void)
{
	const u32 unmasked = 0;

	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	asm volatile("ldmxcsr %0; pcmpeqd %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1;"
		     "psrld $25, %%xmm0; pslld $23, %%xmm0" : : "m" (unmasked));
	guest_assert_eq(guest_try("divps %%xmm1, %%xmm0", :), VEC_XM);
	write_cr4(read_cr4() & ~CR4_OSXMMEXCPT);
	guest_assert_eq(guest_try("divps %%xmm1, %%xmm0", :), VEC_UD);
}

static int user_fault;

static void user_unaligned(void)
{
	static u64 aligned;

	asm volatile("pushf; orl $0x40000, (%%rsp); popf" : : : "memory");
	user_fault = guest_try("movl $0, 1(%0)", : "r" (&aligned) : "memory");
	asm volatile("pushf; andl $~0x40000, (%%rsp); popf" : : : "memory");
}

static void guest_alignment(void)
{
	write_cr0(read_cr0() | CR0_AM);
	guest_user(user_unaligned);
	guest_assert_eq(READ_ONCE(user_fault), VEC_AC);
	write_cr0(read_cr0() & ~CR0_AM);
	guest_user(user_unaligned);
	guest_assert_eq(READ_ONCE(user_fault), NO_FAULT);
}

/* What handlers saw. */
static struct {
	u32 count;
	u64 vector, error, rip;
} seen;

static void record(struct guest_frame *frame)
{
	seen.count++;
	seen.vector = frame->vector;
	seen.error = frame->error;
	WRITE_ONCE(seen.rip, frame->rip);
}

/* INT n pushes no error code, where the stubs of entry.S expect one. */
static bool has_error_code(unsigned int vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 ||
	       vector == 21;
}

static void guest_int_n(void)
{
	unsigned int i;

	for (i = 0; i < 256; i++) {
		if (has_error_code(i) || i == VEC_USER_RETURN)
			continue;
		guest_handle(i, record);
		asm volatile("call *%0" : : "r" (int_table + 4 * i)
			     : "memory", "cc");
		guest_handle(i, NULL);
		guest_assert_eq(READ_ONCE(seen.vector), i);
		guest_assert_eq(READ_ONCE(seen.rip), (u64)int_table + 4 * i + 2);
	}
	guest_assert_eq(READ_ONCE(seen.count), 256 - 9);
}

/* Delivery that faults in the guest */

static void load_idt_limit(u16 limit)
{
	struct guest_descriptor_table idt;

	asm volatile("sidt %0" : "=m" (idt));
	idt.limit = limit;
	asm volatile("lidt %0" : : "m" (idt));
}

static void on_double_fault(struct guest_frame *frame)
{
	guest_assert_eq(frame->error, 0);
	guest_assert((u64)frame > (u64)this_cpu()->ist &&
		     (u64)frame < (u64)this_cpu()->user_stack);
	guest_sync(VEC_DF);
	guest_done();
}

static void guest_gate_beyond_limit(void)
{
	guest_handle(VEC_DF, on_double_fault);
	load_idt_limit(16 * (VEC_DF + 1) - 1);
	asm volatile("int $0x40");		/* #GP, which has no gate: #DF */
}

static void guest_bad_stack(void)
{
	guest_handle(VEC_DF, on_double_fault);
	asm volatile("mov %0, %%rsp; push %%rax" : : "r" (HOLE + 0x800));
}

static void double_fault(void (*guest)(void))
{
	struct vcpu *vcpu = vm_with_guest(guest);

	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, VEC_DF);
	vcpu_finish(vcpu);
}

static void double_fault_by_gate(void)
{
	double_fault(guest_gate_beyond_limit);
}

static void double_fault_by_stack(void)
{
	double_fault(guest_bad_stack);
}

static void guest_missing_gate(void)
{
	load_idt_limit(16 * (VEC_PF + 1) - 1);
	guest_assert_eq(guest_try("int $0x40", :), VEC_GP);
	guest_assert_eq(error(), 0x40 << 3 | 2);
}

static void guest_triple_fault(void)
{
	load_idt_limit(0);
	asm volatile("ud2");
}

static void triple_fault(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_triple_fault);

	vcpu_expect(vcpu, PHV_EXIT_SHUTDOWN);
	/* again: it does not come back to life by itself */
	check(vcpu_run(vcpu) == PHV_EXIT_SHUTDOWN);
}

static void triple_fault_and_reset(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_triple_fault);
	struct phv_events events;

	need_phv();
	vcpu_expect(vcpu, PHV_EXIT_SHUTDOWN);
	vcpu_get_events(vcpu, &events);
	check_eq(events.activity, PHV_SHUTDOWN);
	events.activity = PHV_ACTIVE;
	vcpu_set_events(vcpu, &events);
	vcpu_call(vcpu, guest_faults);
	vcpu_finish(vcpu);
}

/*
 * Delivery that is interrupted by an EPT violation: the frame goes to a page
 * that the host has not given yet.
 */
#define FRESH_PAGES	8

static u8 *fresh;

/* Execute @insn with the stack in the next fresh page. */
#define on_fresh_stack(insn, ...) do {					\
	fresh += 0x1000;						\
	asm volatile("mov %%rsp, %%r12; mov %0, %%rsp; " insn "; "	\
		     "mov %%r12, %%rsp"					\
		     : : "r" (fresh) __VA_ARGS__ : "r12", "memory");	\
} while (0)

static void skip_ud2(struct guest_frame *frame)
{
	record(frame);
	frame->rip += 2;
}

static void skip_page_fault(struct guest_frame *frame)
{
	record(frame);
	frame->rip += 7;
}

static void guest_fresh_stacks(u64 memory)
{
	fresh = (u8 *)memory;

	guest_handle(VEC_UD, skip_ud2);
	on_fresh_stack("ud2");
	guest_assert_eq(READ_ONCE(seen.vector), VEC_UD);

	guest_handle(VEC_BP, record);
	on_fresh_stack("int3");
	guest_assert_eq(READ_ONCE(seen.vector), VEC_BP);

	guest_handle(VEC_DB, record);
	on_fresh_stack(".byte 0xf1");
	guest_assert_eq(READ_ONCE(seen.vector), VEC_DB);

	guest_handle(0x40, record);
	on_fresh_stack("int $0x40");
	guest_assert_eq(READ_ONCE(seen.vector), 0x40);

	guest_handle(VEC_PF, skip_page_fault);
	on_fresh_stack("movq $1, (%1)", , "a" (HOLE));
	guest_assert_eq(READ_ONCE(seen.vector), VEC_PF);
	guest_assert_eq(READ_ONCE(seen.error), 2);
	guest_assert_eq(read_cr2(), HOLE);

	guest_assert_eq(READ_ONCE(seen.count), 5);
}

static u8 *new_fresh_memory(struct vm *vm, u64 guest_addr)
{
	size_t size = FRESH_PAGES * 0x1000;
	u8 *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED);
	check_eq(madvise(memory, size, MADV_NOHUGEPAGE), 0);
	check_eq(vm_add_memory(vm, guest_addr, size, memory, 0), 0);
	return memory;
}

#define FRESH_ADDRESS	0xa0000000UL

static void fresh_stacks(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_fresh_stacks, FRESH_ADDRESS);

	new_fresh_memory(vcpu->vm, FRESH_ADDRESS);
	vcpu_finish(vcpu);
}

static void fresh_stack_in_real_mode(void)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);

	vm_load_low(vm, 0x8000, real_start, real_end);
	*(u32 *)(vm->low + 4 * 0x41) = 0x800 << 16 | 0x100;
	vcpu_enter(vcpu, VM_REAL, 0x8000);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, 0x4141);
}

/* NMIs */

static void guest_nmi(void)
{
	guest_handle(VEC_NMI, record);
	guest_sync(0);
	wait_until(READ_ONCE(seen.count) == 1);
	guest_assert_eq(READ_ONCE(seen.vector), VEC_NMI);
}

static void nmi(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_nmi);

	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu_ioctl(vcpu, PHV_NMI, 0), 0);
	vcpu_finish(vcpu);
}

static void on_nmi_blocked(struct guest_frame *frame)
{
	record(frame);
	if (seen.count > 1)
		return;
	guest_sync(1);			/* the host sends the next */
	cpuid(0, 0);
	guest_assert_eq(READ_ONCE(seen.count), 1);
}

static void guest_nmi_blocked(void)
{
	guest_handle(VEC_NMI, on_nmi_blocked);
	guest_sync(0);
	wait_until(READ_ONCE(seen.count) == 2);
}

static void nmi_blocked(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_nmi_blocked);
	struct phv_events events;

	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu_ioctl(vcpu, PHV_NMI, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, 1);
	vcpu_get_events(vcpu, &events);
	check_eq(events.interruptibility & BIT(3), BIT(3));
	check_eq(vcpu_ioctl(vcpu, PHV_NMI, 0), 0);
	vcpu_finish(vcpu);
	check_eq(seen.count, 2);
	vcpu_get_events(vcpu, &events);
	check_eq(events.interruptibility & BIT(3), 0);
}

/* An IRET that faults ends the blocking, too (SDM volume 3, 6.7.1). */
static void on_nmi_bad_iret(struct guest_frame *frame)
{
	record(frame);
	if (seen.count > 1)
		return;
	guest_sync(1);
	asm volatile("pushq $0; pushq $0; pushq $2; pushq $0x1000; pushq $0");
	guest_assert_eq(guest_try("iretq", :), VEC_GP);
	asm volatile("add $40, %%rsp" : : : "memory");
	wait_until(READ_ONCE(seen.count) == 2);
}

static void guest_nmi_bad_iret(void)
{
	guest_handle(VEC_NMI, on_nmi_bad_iret);
	guest_sync(0);
	wait_until(READ_ONCE(seen.count) == 2);
}

static void nmi_bad_iret(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_nmi_bad_iret);

	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu_ioctl(vcpu, PHV_NMI, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu_ioctl(vcpu, PHV_NMI, 0), 0);
	vcpu_finish(vcpu);
}

static void guest_nmi_halted(void)
{
	guest_handle(VEC_NMI, record);
	sti_hlt();
	guest_assert_eq(READ_ONCE(seen.count), 1);
}

static void nmi_halted(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_nmi_halted);

	vcpu_start(vcpu);
	vcpu_wait_blocked(vcpu);
	check_eq(vcpu_ioctl(vcpu, PHV_NMI, 0), 0);
	vcpu_join(vcpu);
}

/*
 * STI blocks interrupts until the end of the next instruction, also when that
 * one causes an exit.
 */
#define VEC_TEST	0x51

static void on_interrupt(struct guest_frame *frame)
{
	record(frame);
	x2apic_eoi();
}

/* How far behind @insn the interrupt came; EAX and ECX are for that one. */
#define interrupted_after(insn, eax, ecx) ({				\
	u64 after_, a_ = (eax), c_ = (ecx);				\
									\
	x2apic_write(X2APIC_SELF_IPI, VEC_TEST);			\
	asm volatile("lea 773f(%%rip), %0\n"				\
		     "	sti\n"						\
		     "	" insn "\n"					\
		     "773: nop\n"					\
		     "	cli"						\
		     : "=&S" (after_), "+a" (a_), "+c" (c_)		\
		     : : "rbx", "rdx", "memory");			\
	READ_ONCE(seen.rip) - after_;					\
})

static void guest_sti_shadow(void)
{
	guest_handle(VEC_TEST, on_interrupt);
	x2apic_enable();

	guest_assert_eq(interrupted_after("nop", 0, 0), 0);
	guest_assert_eq(interrupted_after("cpuid", 0, 0), 0);
	guest_assert_eq(interrupted_after("rdmsr", 0, MSR_APIC_BASE), 0);
	guest_assert_eq(interrupted_after("in $0x99, %%al", 0, 0), 0);
	guest_assert_eq(interrupted_after("out %%al, $0x99", 0, 0), 0);
	guest_assert_eq(interrupted_after("hlt", 0, 0), 0);
	guest_assert_eq(interrupted_after("vmcall", ~0U, 0), 0);
	guest_assert_eq(READ_ONCE(seen.count), 7);
}

static void guest_interrupt_flag(void)
{
	guest_handle(VEC_TEST, on_interrupt);
	x2apic_enable();
	x2apic_write(X2APIC_SELF_IPI, VEC_TEST);
	cpuid(0, 0);
	guest_assert_eq(READ_ONCE(seen.count), 0);
	sti();
	cpuid(0, 0);
	guest_assert_eq(READ_ONCE(seen.count), 1);
	cli();
}

static const struct test tests[] = {
	{ "faults have their vectors and error codes", .guest = guest_faults },
	{ "x87 exceptions", .guest = guest_x87_fault },
	{ "SSE exceptions", .guest = guest_sse_fault },
	{ "alignment checks", .guest = guest_alignment },
	{ "INT n reaches every vector", .guest = guest_int_n },
	{ "a missing gate raises #GP", .guest = guest_missing_gate },
	{ "two contributory exceptions make a double fault",
	  .host = double_fault_by_gate },
	{ "two page faults make a double fault", .host = double_fault_by_stack },
	{ "a triple fault is reported", .host = triple_fault },
	{ "a vCPU can be used again after one", .host = triple_fault_and_reset },
	{ "delivery goes on after an EPT violation", .host = fresh_stacks },
	{ "delivery in real mode does, too", .host = fresh_stack_in_real_mode },
	{ "an NMI is delivered", .host = nmi },
	{ "an NMI blocks the next until IRET", .host = nmi_blocked },
	{ "an IRET that faults unblocks NMIs", .host = nmi_bad_iret },
	{ "an NMI ends HLT", .host = nmi_halted },
	{ "interrupts wait for the interrupt flag", .guest = guest_interrupt_flag },
	{ "STI blocks interrupts for one instruction", .guest = guest_sti_shadow },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
