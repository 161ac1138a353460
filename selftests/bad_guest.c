// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that go wrong: each ends in a clear result, or at least when it is told
 * to, and its host and its vCPU are as good as before.
 */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "testhost/testport.h"
#include "vm.h"

/* bad_guest.S */
GUEST_ASM(overwrite);
GUEST_ASM(nops);
u64 patch_and_call(u64 value);

static void guest_return(void)
{
}

static struct vcpu *stopped_vcpu;

static void stop(int signal)
{
	(void)signal;
	stopped_vcpu->run->immediate_exit = 1;
}

/* Have stop() called in so many nanoseconds, or, with 0, not at all. */
static void set_timer(long nanoseconds)
{
	const struct itimerspec when = { .it_value.tv_nsec = nanoseconds };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	const struct sigaction action = { .sa_handler = stop };
	static timer_t timer;
	static bool made;

	if (!made) {
		made = true;
		check_eq(sigaction(SIGUSR1, &action, NULL), 0);
		check_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	}
	check_eq(timer_settime(timer, 0, &when, NULL), 0);
}

/*
 * PHV_RUN that ends after some time at the latest: exit reason or errno. What the
 * guest says by its ports is not listened to.
 */
static int run_for_a_while(struct vcpu *vcpu)
{
	int ret;

	stopped_vcpu = vcpu;
	vcpu->run->immediate_exit = 0;
	set_timer(5000000);
	do {
		ret = vcpu_ioctl(vcpu, PHV_RUN, 0);
	} while (ret == -EINTR && !vcpu->run->immediate_exit);
	set_timer(0);
	vcpu->run->immediate_exit = 0;
	return ret ?: (int)vcpu->run->exit_reason;
}

/* The vCPU is good for another guest. */
static void check_usable(struct vcpu *vcpu)
{
	vcpu_set_events(vcpu, &(struct phv_events) { .activity = PHV_ACTIVE });
	vcpu_call(vcpu, guest_return);
	vcpu_finish(vcpu);
}

/* Endless exceptions */

static void set_gate_ist(u8 vector, u64 ist)
{
	struct guest_descriptor_table idt;

	asm volatile("sidt %0" : "=m" (idt));
	((u64 *)idt.base)[vector * 2] |= ist << 32;
}

static void on_ud_ud(struct guest_frame *frame)
{
	(void)frame;
	asm volatile("ud2");
}

/* Always on the same stack, so there is no end to them. */
static void guest_nested_exceptions(void)
{
	guest_handle(VEC_UD, on_ud_ud);
	set_gate_ist(VEC_UD, 1);
	asm volatile("ud2");
}

static void guest_retry_fault(void)
{
	/* a page fault whose handler does nothing about it */
	guest_handle(VEC_PF, (guest_handler)guest_return);
	asm volatile("mov (%0), %%al" : : "r" (0x300000000UL) : "rax");
}

/*
 * A breakpoint on the stack where #DB's own frame goes: each delivery causes the
 * next, and without an exit of #DB the processor would never come back.
 */
static void guest_debug_loop(void)
{
	struct guest_cpu *cpu = this_cpu();

	set_gate_ist(VEC_DB, 1);
	guest_handle(VEC_DB, (guest_handler)guest_return);
	write_dr0((u64)cpu->ist + sizeof(cpu->ist) - 16);	/* saved RSP */
	write_dr7(BIT(10) | BIT(0) | 0xbUL << 16);		/* access, 8 bytes */
	asm volatile(".byte 0xf1");				/* the first #DB */
}

static void guest_interrupts_itself(void)
{
	x2apic_enable();
	guest_handle(0x50, (guest_handler)guest_return);
	sti();
	for (;;)
		x2apic_write(X2APIC_SELF_IPI, 0x50);
}

static void endless(void (*guest)(void))
{
	struct vcpu *vcpu = vm_with_guest(guest);
	int ret = run_for_a_while(vcpu);

	if (ret != -EINTR && ret != PHV_EXIT_SHUTDOWN)
		test_fail("%d", ret);
	check_usable(vcpu);
}

static void nested_exceptions(void)
{
	endless(guest_nested_exceptions);
}

static void retried_fault(void)
{
	endless(guest_retry_fault);
}

static void debug_loop(void)
{
	endless(guest_debug_loop);
}

/*
 * Likewise #AC, by pushes to a stack that is not aligned. Only ring 3's are looked at, so the
 * handlers are there, and only 64-bit mode would align the stack.
 */
#define GDT_USER_CODE32	0xcffb000000ffffUL
#define SEL_USER_CODE32	(SEL_FREE | 3)
#define RFLAGS_AC	BIT(18)

static void alignment_loop(void)
{
	static const u8 undefined[] = { 0x0f, 0x0b };
	static u64 idt[VEC_AC + 1];
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	const u64 handler = (u64)undefined;
	struct phv_counters counters;
	struct phv_control control;
	struct phv_regs regs;
	unsigned int i;

	need_phv();
	vcpu->cpu->gdt[SEL_FREE / 8] = GDT_USER_CODE32;
	for (i = 0; i < ARRAY_SIZE(idt); i++)
		idt[i] = (handler & 0xffff) | SEL_USER_CODE32 << 16 | 0xeeUL << 40 |
			 handler >> 16 << 48;
	vcpu_enter(vcpu, VM_PROTECTED, handler);
	vcpu_get_control(vcpu, &control);
	control.cr0 |= CR0_AM;
	control.idt_base = (u64)idt;
	control.idt_limit = sizeof(idt) - 1;
	control.segment[PHV_SEG_CS].selector = SEL_USER_CODE32;
	control.segment[PHV_SEG_CS].access = 0xc0fb;
	control.segment[PHV_SEG_SS].selector = SEL_USER_DATA;
	control.segment[PHV_SEG_SS].access = 0xc0f3;
	vcpu_set_control(vcpu, &control);
	vcpu_get_regs(vcpu, &regs);
	regs.rflags |= RFLAGS_AC;
	regs.gpr[RSP] -= 2;
	vcpu_set_regs(vcpu, &regs);

	check_eq(run_for_a_while(vcpu), -EINTR);
	vcpu_get_counters(vcpu, &counters);
	check(counters.exits[0] > 1);
	check_usable(vcpu);
}

static void interrupt_storm(void)
{
	endless(guest_interrupts_itself);
}

/* Code that destroys itself */

static void overwritten(void)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);
	int ret;

	vm_load_low(vm, 0x8000, overwrite_start, overwrite_end);
	vcpu_enter(vcpu, VM_REAL, 0x8000);
	ret = run_for_a_while(vcpu);
	/* whatever INT3s do in real mode with such a vector table */
	check(ret == -EINTR || ret == PHV_EXIT_SHUTDOWN ||
	      ret == PHV_EXIT_MEMORY || ret == PHV_EXIT_HALTED);
	check_eq(vm->low[0x8000], 0xcc);
	check_usable(vcpu);
}

static void guest_self_modifying(void)
{
	u64 i;

	for (i = 0; i < 100; i++)
		guest_assert_eq(patch_and_call(i * 0x0101010101010101UL),
				i * 0x0101010101010101UL);
}

static void self_modifying(void)
{
	vcpu_finish(vm_with_guest(guest_self_modifying));
}

/* The end of memory */

#define END_OF_MEMORY	(VM_RAM + VM_RAM_SIZE)
#define HOLE		0xa0000000UL

static void expect_memory(struct vcpu *vcpu, u64 address, u32 access)
{
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr, address);
	check_eq(vcpu->run->memory.access & access, access);
}

static void run_off_the_end(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_return);
	size_t size = nops_end - nops_start;
	struct phv_regs regs;

	memcpy((u8 *)END_OF_MEMORY - size, nops_start, size);
	vcpu_get_regs(vcpu, &regs);
	regs.rip = END_OF_MEMORY - size;
	vcpu_set_regs(vcpu, &regs);
	expect_memory(vcpu, END_OF_MEMORY, PHV_ACCESS_EXECUTE);
	vcpu_get_regs(vcpu, &regs);
	check_eq(regs.rip, END_OF_MEMORY);
	check_usable(vcpu);
}

static void guest_use_hole(u64 write)
{
	if (write)
		WRITE_ONCE(*(u64 *)HOLE, 0x77);
	else
		guest_assert_eq(READ_ONCE(*(u64 *)HOLE), 0x77);
}

static void hole(u64 write)
{
	static u64 page[512] __aligned(0x1000);
	struct vcpu *vcpu = vm_with_guest(guest_use_hole, write);
	unsigned int i;

	for (i = 0; i < 100; i++)
		expect_memory(vcpu, HOLE, write ? PHV_ACCESS_WRITE :
						  PHV_ACCESS_READ);
	page[0] = write ? 0 : 0x77;
	check_eq(vm_add_memory(vcpu->vm, HOLE, sizeof(page), page, 0), 0);
	vcpu_finish(vcpu);
	check_eq(page[0], 0x77);
}

static void read_hole(void)
{
	need_phv();
	hole(0);
}

static void write_hole(void)
{
	need_phv();
	hole(1);
}

/* Page tables where there is no memory: at the top, and below it. */
static void tables_in_hole(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_return);
	struct phv_control control;
	u64 *top = vm_alloc(0x1000, 0x1000);

	need_phv();
	vcpu_get_control(vcpu, &control);
	control.cr3 = HOLE;
	vcpu_set_control(vcpu, &control);
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr & -0x1000UL, HOLE);

	top[0] = HOLE | PTE_PRESENT | PTE_WRITE;
	control.cr3 = (u64)top;
	vcpu_set_control(vcpu, &control);
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr & -0x1000UL, HOLE);
	check_usable(vcpu);
}

/* Exceptions whose gate or stack is in a hole: delivered once it is filled. */
static u32 delivered;

static void on_delivered(struct guest_frame *frame)
{
	delivered++;
	frame->rip += 2;
}

static void guest_stack_in_hole(void)
{
	guest_handle(VEC_UD, on_delivered);
	asm volatile("mov %%rsp, %%r12; mov %0, %%rsp; ud2; mov %%r12, %%rsp"
		     : : "r" (HOLE + 0x1000) : "r12", "memory");
	guest_assert_eq(READ_ONCE(delivered), 1);
}

static void stack_in_hole(void)
{
	static u8 page[0x1000] __aligned(0x1000);
	struct vcpu *vcpu = vm_with_guest(guest_stack_in_hole);
	struct phv_events events;

	need_phv();
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr & -0x1000UL, HOLE);
	vcpu_get_events(vcpu, &events);
	check_eq(events.exception_valid, 1);
	check_eq(events.exception & 0xff, VEC_UD);
	check_eq(vm_add_memory(vcpu->vm, HOLE, sizeof(page), page, 0), 0);
	vcpu_finish(vcpu);
}

static void idt_in_hole(void)
{
	static u8 page[0x1000] __aligned(0x1000), idt[0x1000] __aligned(0x1000);
	struct vcpu *vcpu = vm_with_guest(guest_stack_in_hole);
	struct phv_control control;

	need_phv();
	vcpu_get_control(vcpu, &control);
	check_eq(vm_add_memory(vcpu->vm, HOLE, 0x1000, page, 0), 0);
	memcpy(idt, (void *)control.idt_base, sizeof(idt));
	control.idt_base = HOLE + 0x1000;
	vcpu_set_control(vcpu, &control);
	vcpu_expect(vcpu, PHV_EXIT_MEMORY);
	check_eq(vcpu->run->memory.guest_addr, HOLE + 0x1000 + VEC_UD * 16);
	check_eq(vm_add_memory(vcpu->vm, HOLE + 0x1000, sizeof(idt), idt, 0), 0);
	vcpu_finish(vcpu);
}

/* State that the processor refuses to enter with */

#define FAILED_GUEST_STATE	0x80000021

static void set_bad_segment(struct phv_control *c, unsigned int n, u32 access)
{
	c->segment[n].access = access;
}

static void bad_cs_type(struct phv_control *c)
{
	set_bad_segment(c, PHV_SEG_CS, 0xa092);		/* data */
}

static void bad_cs_l_and_d(struct phv_control *c)
{
	set_bad_segment(c, PHV_SEG_CS, 0xe09b);
}

static void bad_cs_absent(struct phv_control *c)
{
	set_bad_segment(c, PHV_SEG_CS, 0xa01b);
}

static void bad_ss_type(struct phv_control *c)
{
	set_bad_segment(c, PHV_SEG_SS, 0xc09b);		/* code */
}

static void bad_ds_reserved(struct phv_control *c)
{
	set_bad_segment(c, PHV_SEG_DS, 0xc393);
}

static void bad_ds_limit(struct phv_control *c)
{
	c->segment[PHV_SEG_DS].limit = 0x12345678;	/* G, and low bits not 1 */
}

static void bad_tr_unusable(struct phv_control *c)
{
	set_bad_segment(c, PHV_SEG_TR, 0x1008b);
}

static void bad_tr_available(struct phv_control *c)
{
	set_bad_segment(c, PHV_SEG_TR, 0x0089);
}

static void bad_tr_ldt(struct phv_control *c)
{
	c->segment[PHV_SEG_TR].selector |= 4;
}

static void bad_tr_base(struct phv_control *c)
{
	c->segment[PHV_SEG_TR].base = BIT(62);
}

static void bad_ldtr_type(struct phv_control *c)
{
	set_bad_segment(c, PHV_SEG_LDTR, 0x8b);
}

static void bad_fs_base(struct phv_control *c)
{
	c->segment[PHV_SEG_FS].base = BIT(62);
}

static void bad_ss_base(struct phv_control *c)
{
	c->segment[PHV_SEG_SS].base = BIT(40);
}

static void bad_gdt_base(struct phv_control *c)
{
	c->gdt_base = BIT(62);
}

static void bad_idt_base(struct phv_control *c)
{
	c->idt_base = BIT(62);
}

static void bad_lma_without_lme(struct phv_control *c)
{
	c->efer = EFER_LMA;
}

static void bad_lme_without_lma(struct phv_control *c)
{
	c->efer = EFER_LME;
}

static void bad_long_without_pae(struct phv_control *c)
{
	c->cr4 &= ~CR4_PAE;
}

static void bad_long_without_paging(struct phv_control *c)
{
	c->cr0 &= ~CR0_PG;
}

static void bad_cr3(struct phv_control *c)
{
	c->cr3 |= BIT(55);
}

static const struct {
	const char *name;
	void (*change)(struct phv_control *c);
} bad_states[] = {
	{ "CS is no code", bad_cs_type },
	{ "CS has L and D", bad_cs_l_and_d },
	{ "CS is not present", bad_cs_absent },
	{ "SS is code", bad_ss_type },
	{ "DS has reserved bits", bad_ds_reserved },
	{ "DS's limit does not fit G", bad_ds_limit },
	{ "TR is unusable", bad_tr_unusable },
	{ "TR is not busy", bad_tr_available },
	{ "TR is in the LDT", bad_tr_ldt },
	{ "TR's base is not canonical", bad_tr_base },
	{ "LDTR is no LDT", bad_ldtr_type },
	{ "FS's base is not canonical", bad_fs_base },
	{ "SS's base has 41 bits", bad_ss_base },
	{ "GDTR's base is not canonical", bad_gdt_base },
	{ "IDTR's base is not canonical", bad_idt_base },
	{ "LMA without LME", bad_lma_without_lme },
	{ "LME without LMA, with paging", bad_lme_without_lma },
	{ "long mode without PAE", bad_long_without_pae },
	{ "long mode without paging", bad_long_without_paging },
	{ "CR3 is too wide", bad_cr3 },
};

static void expect_refused(struct vcpu *vcpu, const char *name)
{
	const struct phv_run *run = vcpu->run;
	int ret = vcpu_run(vcpu);

	if (ret != PHV_EXIT_ENTRY_FAILED)
		test_fail("%s: %d", name, ret);
	if (run->entry.reason != FAILED_GUEST_STATE || run->entry.error)
		test_fail("%s: reason %#x error %u", name, run->entry.reason,
			  run->entry.error);
}

static void refused_states(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_return);
	struct phv_control good, bad;
	unsigned int i;

	need_phv();
	vcpu_get_control(vcpu, &good);
	for (i = 0; i < ARRAY_SIZE(bad_states); i++) {
		bad = good;
		bad_states[i].change(&bad);
		if (vcpu_ioctl(vcpu, PHV_SET_CONTROL, &bad) == -EINVAL)
			continue;
		expect_refused(vcpu, bad_states[i].name);
	}
	vcpu_set_control(vcpu, &good);
	vcpu_finish(vcpu);
}

static void refused_registers(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_return);
	struct phv_events events = { .interruptibility = 3 };
	struct phv_regs good, bad;

	need_phv();
	vcpu_get_regs(vcpu, &good);
	/* The emulator enters it, and raises #GP there. */
	if (testport_open()) {
		bad = good;
		bad.rip = BIT(62);
		vcpu_set_regs(vcpu, &bad);
		expect_refused(vcpu, "RIP is not canonical");
	}
	bad = good;
	bad.rflags |= BIT(17);
	vcpu_set_regs(vcpu, &bad);
	expect_refused(vcpu, "RFLAGS.VM in long mode");
	vcpu_set_regs(vcpu, &good);
	vcpu_set_events(vcpu, &events);
	expect_refused(vcpu, "blocked by STI and MOV SS");
	events.interruptibility = 1;
	vcpu_set_events(vcpu, &events);
	expect_refused(vcpu, "blocked by STI without IF");
	check_usable(vcpu);
}

/*
 * Random state and random code, the same in every run: whatever comes of it, it
 * is no harm.
 */
static u64 random_state = 0x123456789abcdefUL;

static u64 random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static u64 one_of(const u64 *values, unsigned int count)
{
	return values[random_u64() % count];
}

static void randomize(struct phv_control *c)
{
	static const u64 access[] = {
		0xa09b, 0xc09b, 0x009b, 0xc093, 0x0093, 0x008b, 0x0083, 0x10000,
		0xc0f3, 0xc0fb, 0xffff, 0,
	};
	static const u64 bits[] = {
		CR0_PE, CR0_PG, CR0_WP, CR0_TS, CR0_EM, CR0_CD, CR0_NW | CR0_CD,
	};
	static const u64 cr4_bits[] = {
		CR4_PAE, CR4_PSE, CR4_PGE, CR4_SMEP, CR4_UMIP, CR4_PCIDE, CR4_DE,
	};
	static const u64 efer_bits[] = {
		EFER_LME, EFER_LMA, EFER_NXE, EFER_SCE, EFER_LME | EFER_LMA,
	};
	unsigned int n = random_u64() % 8;

	switch (random_u64() % 8) {
	case 0:
		c->segment[n].access = one_of(access, ARRAY_SIZE(access));
		break;
	case 1:
		c->segment[n].base = random_u64() >> random_u64() % 64;
		break;
	case 2:
		c->segment[n].limit = random_u64() >> random_u64() % 64;
		break;
	case 3:
		c->segment[n].selector = random_u64();
		break;
	case 4:
		c->cr0 ^= one_of(bits, ARRAY_SIZE(bits));
		break;
	case 5:
		c->cr4 ^= one_of(cr4_bits, ARRAY_SIZE(cr4_bits));
		break;
	case 6:
		c->efer ^= one_of(efer_bits, ARRAY_SIZE(efer_bits));
		break;
	case 7:
		c->cr3 = random_u64() >> random_u64() % 64;
		break;
	}
}

static void random_code(u8 *code, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		code[i] = random_u64();
}

static bool is_known_end(int ret)
{
	switch (ret) {
	case -EINTR:
	case PHV_EXIT_IO:
	case PHV_EXIT_MEMORY:
	case PHV_EXIT_HALTED:
	case PHV_EXIT_SHUTDOWN:
	case PHV_EXIT_ENTRY_FAILED:
	case PHV_EXIT_UNHANDLED:
		return true;
	}
	return false;
}

#define CODE_SIZE 0x1000

static void random_guests(void)
{
	struct phv_control good, control;
	struct vcpu *vcpu;
	unsigned int i, j;
	struct phv_regs regs;
	u8 *code;
	int ret;

	need_phv();
	vcpu = vm_with_guest(guest_return);
	code = vm_alloc(CODE_SIZE, 0x1000);
	vcpu_get_control(vcpu, &good);
	for (i = 0; i < 200; i++) {
		control = good;
		for (j = random_u64() % 4; j; j--)
			randomize(&control);
		if (vcpu_ioctl(vcpu, PHV_SET_CONTROL, &control))
			continue;
		random_code(code, CODE_SIZE);
		for (j = 0; j < 16; j++)
			regs.gpr[j] = random_u64() >> random_u64() % 64;
		regs.rip = (u64)code + random_u64() % CODE_SIZE;
		regs.rflags = RFLAGS_FIXED | (random_u64() & 0x40dd5);
		vcpu_set_regs(vcpu, &regs);
		ret = run_for_a_while(vcpu);
		if (!is_known_end(ret))
			test_fail("guest %u: %d", i, ret);
		vcpu_set_events(vcpu, &(struct phv_events) {
			.activity = PHV_ACTIVE });
	}
	vm_destroy(vcpu->vm);
	vcpu_finish(vm_with_guest(guest_return));
}

static const struct test tests[] = {
	{ "exceptions in exceptions can be stopped", .host = nested_exceptions },
	{ "a fault that repeats can be stopped", .host = retried_fault },
	{ "#DB by the delivery of #DB can be stopped", .host = debug_loop },
	{ "#AC by the delivery of #AC can be stopped", .host = alignment_loop },
	{ "a storm of interrupts can be stopped", .host = interrupt_storm },
	{ "code that overwrites itself", .host = overwritten },
	{ "code that patches itself across pages", .host = self_modifying },
	{ "code that runs off the end of memory", .host = run_off_the_end },
	{ "reading from a hole", .host = read_hole },
	{ "writing to a hole", .host = write_hole },
	{ "page tables in a hole", .host = tables_in_hole },
	{ "an exception with its stack in a hole", .host = stack_in_hole },
	{ "an exception with its gate in a hole", .host = idt_in_hole },
	{ "state that cannot be entered", .host = refused_states },
	{ "registers that cannot be entered", .host = refused_registers },
	{ "random guests", .host = random_guests },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
