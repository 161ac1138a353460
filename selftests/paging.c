// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's page tables and what processors remember of them: translations of
 * one vCPU must never be another's, and flushes must flush. The emulator is asked to
 * remember all that a processor may, or it would hide what is missing.
 */
#include "lapic.h"
#include "testhost/testport.h"

/* paging.S */
GUEST_LABEL(pdpte_guest);
GUEST_ASM(after_init);

#define LARGE	0x200000UL
#define WINDOW	0x200000000UL		/* linear, mapped as tests like */

#define FLAGS	(PTE_PRESENT | PTE_WRITE)

static u64 page[4][512] __aligned(0x1000);
static u64 *window_entry;

static bool kept;		/* translations outlive exits: see test_keep_translations() */

static u64 read_window(void)
{
	return READ_ONCE(*(u64 *)WINDOW);
}

/* Tables in which WINDOW is this page. */
static u64 tables_with(const u64 *target, u64 flags)
{
	u64 cr3 = vm_page_tables(VM_LONG);

	vm_map(VM_LONG, cr3, WINDOW, (u64)target, 0x1000, flags);
	return cr3;
}

static void set_cr3(struct vcpu *vcpu, u64 cr3)
{
	struct phv_control control;

	vcpu_get_control(vcpu, &control);
	control.cr3 = cr3;
	control.cr4 |= CR4_PGE;
	vcpu_set_control(vcpu, &control);
}

static void fill_pages(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(page); i++)
		page[i][0] = 0x1000 + i;
}

static void guest_watch(u64 value)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		guest_assert_eq(read_window(), value);
		guest_sync(0);
	}
}

static void in_turns(struct vcpu *a, struct vcpu *b)
{
	unsigned int i;

	fill_pages();
	set_cr3(a, tables_with(page[0], FLAGS | PTE_GLOBAL));
	set_cr3(b, tables_with(page[1], FLAGS | PTE_GLOBAL));
	for (i = 0; i < 8; i++) {
		vcpu_expect(a, VCPU_SYNC);
		vcpu_expect(b, VCPU_SYNC);
	}
	vcpu_finish(a);
	vcpu_finish(b);
}

static void two_vcpus(void)
{
	struct vcpu *a = vm_with_guest(guest_watch, 0x1000);

	pin_to_cpu(0);
	in_turns(a, vm_add_guest(a->vm, 1, guest_watch, 0x1001));
}

static void two_domains(void)
{
	pin_to_cpu(0);
	in_turns(vm_with_guest(guest_watch, 0x1000),
		 vm_with_guest(guest_watch, 0x1001));
}

/* The same linear and guest-physical address, in memory of their own. */
#define OWN_ADDRESS	0xb0000000UL

static void guest_watch_own(u64 value)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		guest_assert_eq(READ_ONCE(*(u64 *)OWN_ADDRESS), value);
		guest_sync(0);
	}
}

static void two_memories(void)
{
	struct vcpu *a = vm_with_guest(guest_watch_own, 0x1000);
	struct vcpu *b = vm_with_guest(guest_watch_own, 0x1001);
	unsigned int i;

	pin_to_cpu(0);
	fill_pages();
	check_eq(vm_add_memory(a->vm, OWN_ADDRESS, 0x1000, page[0], 0), 0);
	check_eq(vm_add_memory(b->vm, OWN_ADDRESS, 0x1000, page[1], 0), 0);
	for (i = 0; i < 8; i++) {
		vcpu_expect(a, VCPU_SYNC);
		vcpu_expect(b, VCPU_SYNC);
	}
	vcpu_finish(a);
	vcpu_finish(b);
}

/*
 * Domains that come and go: the next has the VPID and the tables' memory of the
 * last, with other contents.
 */
static void one_after_another(void)
{
	unsigned int i;

	pin_to_cpu(0);
	fill_pages();
	for (i = 0; i < 12; i++) {
		struct vcpu *vcpu = vm_with_guest(guest_watch, 0x1000 + i % 4);

		set_cr3(vcpu, tables_with(page[i % 4], FLAGS | PTE_GLOBAL));
		vcpu_expect(vcpu, VCPU_SYNC);
		vcpu_expect(vcpu, VCPU_SYNC);
		vm_destroy(vcpu->vm);
	}
}

/* The same by what the processor was told, where the emulator counts that. */
static void new_vpid_is_flushed(void)
{
	struct vcpu *vcpu;
	u64 before;

	need_caps(PHV_CAP_VPID);
	if (testport_open())
		test_skip("not in the emulator: nobody counts INVVPID");
	vm_destroy(vm_with_guest(guest_watch, 0)->vm);
	fill_pages();
	vcpu = vm_with_guest(guest_watch, 0x1000);
	set_cr3(vcpu, tables_with(page[0], FLAGS));
	before = testport_counter(TESTPORT_COUNTER_INVVPID);
	vcpu_expect(vcpu, VCPU_SYNC);
	check(testport_counter(TESTPORT_COUNTER_INVVPID) > before);

	/* and no more of them than that */
	before = testport_counter(TESTPORT_COUNTER_INVVPID);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(testport_counter(TESTPORT_COUNTER_INVVPID), before);
}

/* User space changes the tables and says so by PHV_SET_CONTROL. */
static void guest_two_reads(void)
{
	guest_assert_eq(read_window(), 0x1000);
	guest_sync(0);
	guest_assert_eq(read_window(), 0x1001);
}

static void state_change_flushes(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_two_reads);
	u64 cr3 = vm_page_tables(VM_LONG);
	u64 *entry = vm_map(VM_LONG, cr3, WINDOW, (u64)page[0], 0x1000, FLAGS);

	fill_pages();
	set_cr3(vcpu, cr3);
	vcpu_expect(vcpu, VCPU_SYNC);
	*entry = (u64)page[1] | FLAGS;
	set_cr3(vcpu, cr3);
	vcpu_finish(vcpu);
}

/*
 * After INIT there is no paging: what was read through tables before is not what is there. The
 * register bits that INIT clears are clear before, so that nothing else makes a difference.
 */
#define LOW_ADDRESS	0x6000
#define STARTUP_PAGE	8

static void guest_read_low(void)
{
	guest_assert_eq(READ_ONCE(*(u64 *)LOW_ADDRESS), 0x1000);
	guest_sync(0);
}

static void guest_send_init(void)
{
	x2apic_enable();
	x2apic_ipi(1, ICR_INIT | ICR_ASSERT);
	x2apic_ipi(1, ICR_STARTUP | STARTUP_PAGE);
}

/* The table that the first entry of another one leads to. */
static u64 *table_in(const u64 *table)
{
	return (u64 *)(table[0] & -0x1000UL);
}

/* In 64-bit mode, with the first 2 MiB somewhere else. */
static struct vcpu *elsewhere_guest(struct vm *vm)
{
	struct vcpu *vcpu = vm_add_guest(vm, 1, guest_read_low);
	u64 cr3 = vm_page_tables(VM_LONG), *large = vm_alloc(LARGE, LARGE);
	u64 *directory = table_in(table_in((u64 *)cr3));
	struct phv_control control;

	directory[0] = (u64)large | FLAGS | PTE_LARGE;
	large[LOW_ADDRESS / 8] = 0x1000;
	vcpu_get_control(vcpu, &control);
	control.cr3 = cr3;
	control.cr0 &= ~CR0_WP;
	control.cr4 = CR4_PAE;
	control.efer &= ~EFER_NXE;
	vcpu_set_control(vcpu, &control);
	return vcpu;
}

static void init_flushes(void)
{
	struct vcpu *sender = vm_with_guest(guest_send_init);
	struct vcpu *vcpu = elsewhere_guest(sender->vm);

	vm_load_low(sender->vm, STARTUP_PAGE << 12, after_init_start, after_init_end);
	*(u64 *)(sender->vm->low + LOW_ADDRESS) = 0x2000;
	pin_to_cpu(0);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_finish(sender);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, 0x2000);
}

/*
 * The guest changes its tables and says nothing: what it reads after an exit is the old page
 * still, unless something of the host's has flushed meanwhile. So where a flush of ours is
 * missing, it is noticed.
 */
#define FLUSH_TRIES	100

static void guest_no_flush(void)
{
	bool old = false;
	unsigned int i;

	for (i = 0; i < FLUSH_TRIES && !old; i++) {
		*window_entry = (u64)page[0] | FLAGS;
		flush_page((void *)WINDOW);
		guest_assert_eq(read_window(), 0x1000);
		*window_entry = (u64)page[1] | FLAGS;
		cpuid(0, 0);
		old = read_window() == 0x1000;
	}
	guest_assert(old);
	flush_page((void *)WINDOW);
	guest_assert_eq(read_window(), 0x1001);
}

static struct vcpu *window_guest(void (*guest)(void))
{
	struct vcpu *vcpu = vm_with_guest(guest);
	u64 cr3 = vm_page_tables(VM_LONG);

	fill_pages();
	window_entry = vm_map(VM_LONG, cr3, WINDOW, (u64)page[0], 0x1000, FLAGS);
	set_cr3(vcpu, cr3);
	return vcpu;
}

static void exits_keep(void)
{
	struct vcpu *vcpu = window_guest(guest_no_flush);

	need_caps(PHV_CAP_VPID);
	if (!kept)
		test_skip("not in the emulator: nobody says how long a translation lives");
	pin_to_cpu(0);
	vcpu_finish(vcpu);
}

/* What it flushes on one CPU is forgotten on the other, too, when it comes back there. */
static void guest_moves(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		guest_assert_eq(read_window(), 0x1000 + i % 4);
		guest_sync(0);
		*window_entry = (u64)page[(i + 1) % 4] | FLAGS;
		flush_page((void *)WINDOW);
		guest_sync(1);
	}
}

/* It reads on one CPU, and changes its tables on the other. */
static void moves(void)
{
	struct vcpu *vcpu = window_guest(guest_moves);
	unsigned int i;

	need_cpus(2);
	for (i = 0; i < 16; i++) {
		pin_to_cpu(i % 2);
		vcpu_expect(vcpu, VCPU_SYNC);
		check_eq(vcpu->run->io.data, i % 2);
	}
	vcpu_finish(vcpu);
}

/* What the guest itself does about its translations */

static void guest_flushes(void)
{
	u64 value;

	guest_assert_eq(read_window(), 0x1000);
	*window_entry = (u64)page[1] | FLAGS;
	flush_page((void *)WINDOW);
	guest_assert_eq(read_window(), 0x1001);
	*window_entry = (u64)page[2] | FLAGS;
	write_cr3(read_cr3());
	guest_assert_eq(read_window(), 0x1002);

	/* a global page outlives MOV to CR3 or not, but not CR4.PGE */
	*window_entry = (u64)page[3] | FLAGS | PTE_GLOBAL;
	flush_page((void *)WINDOW);
	guest_assert_eq(read_window(), 0x1003);
	*window_entry = (u64)page[0] | FLAGS | PTE_GLOBAL;
	write_cr4(read_cr4() ^ CR4_PGE);
	guest_assert_eq(read_window(), 0x1000);
	write_cr4(read_cr4() ^ CR4_PGE);

	*window_entry = 0;
	flush_page((void *)WINDOW);
	guest_assert_eq(guest_try("mov (%1), %0", "=r" (value) : "r" (WINDOW)),
			VEC_PF);
}

static void with_window(void (*guest)(void))
{
	vcpu_finish(window_guest(guest));
}

static void flushes(void)
{
	with_window(guest_flushes);
}

static void guest_pcid(void)
{
	u64 cr3 = read_cr3();

	if (!(cpuid(1, 0).ecx & BIT(17)))
		return;
	write_cr4((read_cr4() & ~CR4_PGE) | CR4_PCIDE);
	write_cr3(cr3 | 1);
	guest_assert_eq(read_window(), 0x1000);
	write_cr3(cr3 | 2);
	*window_entry = (u64)page[1] | FLAGS;
	flush_page((void *)WINDOW);
	guest_assert_eq(read_window(), 0x1001);
	write_cr3(cr3 | 1);			/* flushes what 1 had */
	guest_assert_eq(read_window(), 0x1001);

	if (cpuid(7, 0).ebx & BIT(10)) {
		const u64 what[2] = { 1, WINDOW };

		*window_entry = (u64)page[2] | FLAGS;
		asm volatile("invpcid %0, %1"
			     : : "m" (what), "r" (0UL) : "memory");
		guest_assert_eq(read_window(), 0x1002);
	}
	write_cr3(cr3);
	write_cr4(read_cr4() & ~CR4_PCIDE);
}

static void pcid(void)
{
	with_window(guest_pcid);
}

static void guest_accessed_dirty(void)
{
	guest_assert_eq(*window_entry & (PTE_ACCESSED | PTE_DIRTY), 0);
	read_window();
	guest_assert_eq(*window_entry & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED);
	WRITE_ONCE(*(u64 *)WINDOW, 1);
	guest_assert_eq(*window_entry & (PTE_ACCESSED | PTE_DIRTY),
			PTE_ACCESSED | PTE_DIRTY);
}

static void accessed_dirty(void)
{
	with_window(guest_accessed_dirty);
}

/* 1 GiB pages: that of guest-physical 2 GiB, where vm_alloc()'s memory is. */
#define GIANT_WINDOW	0x300000000UL

static void guest_giant(u64 address)
{
	if (!(cpuid(0x80000001, 0).edx & BIT(26)))
		return;
	guest_assert_eq(READ_ONCE(*(u64 *)(GIANT_WINDOW + address - VM_RAM)), 0x77);
}

static void giant_page(void)
{
	u64 *value = vm_alloc(8, 8);
	struct vcpu *vcpu = vm_with_guest(guest_giant, (u64)value);
	u64 cr3 = vm_page_tables(VM_LONG);

	*value = 0x77;
	vm_map(VM_LONG, cr3, GIANT_WINDOW, VM_RAM, 1UL << 30, FLAGS);
	set_cr3(vcpu, cr3);
	vcpu_finish(vcpu);
}

/* A page of ring 3 among pages of ring 0, for SMEP and SMAP */

#define USER_WINDOW	BIT(40)

static u8 user_code[0x1000] __aligned(0x1000);

static void on_user_fetch(struct guest_frame *frame)
{
	guest_assert_eq(frame->rip, USER_WINDOW);
	guest_assert_eq(frame->error, 0x11);
	frame->rip = *(u64 *)frame->rsp;
	frame->rsp += 8;
}

static void call_user_page(void)
{
	asm volatile("call *%0" : : "r" (USER_WINDOW) : "memory");
}

static void guest_smep_smap(void)
{
	u64 value;

	guest_assert_eq(guest_try("mov (%1), %0", "=r" (value)
				  : "r" (USER_WINDOW)), NO_FAULT);
	call_user_page();
	if (cpuid(7, 0).ebx & BIT(7)) {
		write_cr4(read_cr4() | CR4_SMEP);
		guest_handle(VEC_PF, on_user_fetch);
		call_user_page();
		guest_handle(VEC_PF, NULL);
		write_cr4(read_cr4() & ~CR4_SMEP);
		call_user_page();
	}
	if (cpuid(7, 0).ebx & BIT(20)) {
		write_cr4(read_cr4() | CR4_SMAP);
		guest_assert_eq(guest_try("mov (%1), %0", "=r" (value)
					  : "r" (USER_WINDOW)), VEC_PF);
		guest_assert_eq(this_cpu()->fault_error, 1);
		asm volatile("stac");
		guest_assert_eq(guest_try("mov (%1), %0", "=r" (value)
					  : "r" (USER_WINDOW)), NO_FAULT);
		asm volatile("clac");
		write_cr4(read_cr4() & ~CR4_SMAP);
	}
}

static void smep_smap(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_smep_smap);
	u64 cr3 = vm_page_tables(VM_LONG);

	user_code[0] = 0xc3;			/* ret */
	vm_map(VM_LONG, cr3, USER_WINDOW, (u64)user_code, 0x1000,
	       FLAGS | PTE_USER);
	*(u64 *)cr3 &= ~PTE_USER;		/* the first 512 GiB */
	set_cr3(vcpu, cr3);
	vcpu_finish(vcpu);
}

/* A page directory that begins with this large page: the PDPTE for it. */
static u64 pdpte_for(const u64 *large)
{
	u64 *directory = vm_alloc(0x1000, 0x1000);

	directory[0] = (u64)large | FLAGS | PTE_LARGE;
	return (u64)directory | PTE_PRESENT;
}

static void pdptes(void)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	u64 *pdpt = (u64 *)vm_page_tables(VM_PAE);
	u64 *a = vm_alloc(0x200000, 0x200000), *b = vm_alloc(0x200000, 0x200000);
	struct phv_control control;
	struct phv_regs regs;
	unsigned int i;

	*a = 0xaaaa;
	*b = 0xbbbb;
	pdpt[3] = pdpte_for(a);
	vcpu_enter(vcpu, VM_PAE, (u64)pdpte_guest);
	vcpu_get_control(vcpu, &control);
	control.cr3 = (u64)pdpt;
	for (i = 0; i < 4; i++)
		control.pdpte[i] = pdpt[i];
	vcpu_set_control(vcpu, &control);
	vcpu_get_regs(vcpu, &regs);
	regs.gpr[RSI] = (u64)&pdpt[3];
	regs.gpr[RDI] = pdpte_for(b);
	vcpu_set_regs(vcpu, &regs);

	for (i = 0; i < 3; i++) {
		vcpu_expect(vcpu, VCPU_SYNC);
		check_eq(vcpu->run->io.data, 0xaaaa);
	}
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, 0xbbbb);
	vcpu_get_control(vcpu, &control);
	check_eq(control.pdpte[3], regs.gpr[RDI]);
	vcpu_expect(vcpu, PHV_EXIT_SHUTDOWN);
}

static const struct test tests[] = {
	{ "two vCPUs have their own translations", .host = two_vcpus },
	{ "two domains have their own translations", .host = two_domains },
	{ "two domains have their own memory", .host = two_memories },
	{ "a new domain has none of an old one's", .host = one_after_another },
	{ "INVVPID precedes the first use of a VPID, and only that",
	  .host = new_vpid_is_flushed },
	{ "PHV_SET_CONTROL forgets translations", .host = state_change_flushes },
	{ "INIT does", .host = init_flushes },
	{ "exits don't", .host = exits_keep },
	{ "a vCPU that comes back to a CPU finds none from before", .host = moves },
	{ "INVLPG, MOV to CR3 and CR4.PGE do", .host = flushes },
	{ "process-context identifiers", .host = pcid },
	{ "accessed and dirty flags", .host = accessed_dirty },
	{ "1 GiB pages", .host = giant_page },
	{ "SMEP and SMAP", .host = smep_smap },
	{ "PDPTEs are read by MOV to CR3 only", .host = pdptes },
};

int main(int argc, char **argv)
{
	kept = test_keep_translations();
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
