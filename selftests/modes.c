// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operating modes: vCPUs that start in each of them, and a guest that goes
 * through all of them.
 */
#include "vm.h"

/* modes.S */
GUEST_ASM(probe);
GUEST_ASM(interrupt);
GUEST_ASM(tour);

#define LOW_CODE	0x8000
#define LOW_DATA	0x7000

static void probe(enum vm_mode mode, u32 push_size)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);

	vm_load_low(vm, LOW_CODE, probe_start, probe_end);
	vcpu_enter(vcpu, mode, mode == VM_REAL ? LOW_CODE : (u64)probe_start);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, push_size);
}

static void real_mode(void)
{
	probe(VM_REAL, 2);
}

static void protected_mode(void)
{
	probe(VM_PROTECTED, 4);
}

static void paged_mode(void)
{
	probe(VM_PAGED, 4);
}

static void pae_mode(void)
{
	probe(VM_PAE, 4);
}

static void long_mode(void)
{
	probe(VM_LONG, 8);
}

/* A page at an address that only five levels reach. */
#define FAR_ADDRESS	(BIT(48) + 0x5000)

static u64 target __aligned(0x1000) = 0x5e7e15;

static void guest_read_far(void)
{
	u64 value = 0;

	if (read_cr4() & CR4_LA57) {
		guest_assert_eq(READ_ONCE(*(u64 *)FAR_ADDRESS), 0x5e7e15);
		return;
	}
	guest_assert_eq(guest_try("mov (%1), %0", "=r" (value)
				  : "r" (FAR_ADDRESS)), VEC_GP);
}

static bool host_has_la57(void)
{
	return cpuid(7, 0).ecx & BIT(16);
}

static void read_far(enum vm_mode mode)
{
	struct vcpu *vcpu = vm_with_guest(guest_read_far);
	u64 cr3 = vm_page_tables(mode);
	struct phv_control control;

	vcpu_get_control(vcpu, &control);
	control.cr3 = cr3;
	if (mode == VM_LONG57) {
		vm_map(mode, cr3, FAR_ADDRESS, (u64)&target, 0x1000,
		       PTE_PRESENT | PTE_WRITE);
		control.cr4 |= CR4_LA57;
	}
	vcpu_set_control(vcpu, &control);
	vcpu_finish(vcpu);
}

static void long57_mode(void)
{
	if (!host_has_la57())
		test_skip("no 5-level paging");
	probe(VM_LONG57, 8);
	read_far(VM_LONG57);
}

static void long_mode_is_canonical(void)
{
	if (!host_has_la57())
		test_skip("no 5-level paging");
	read_far(VM_LONG);
}

/* They go through the vector table at 0. */
static void real_mode_interrupt(void)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);

	vm_load_low(vm, LOW_CODE, interrupt_start, interrupt_end);
	*(u32 *)(vm->low + 4 * 0x40) = (LOW_CODE / 16) << 16 | 0x100;
	vcpu_enter(vcpu, VM_REAL, LOW_CODE);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, 0x4040);
}

static void tour(void)
{
	/* of a push: see modes.S */
	static const u8 sizes[] = { 2, 4, 4, 4, 8, 4, 8, 4, 2, 2 };
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);
	unsigned int i;

	vm_load_low(vm, LOW_CODE, tour_start, tour_end);
	*(u32 *)(vm->low + LOW_DATA) = vm_page_tables(VM_PAE);
	*(u32 *)(vm->low + LOW_DATA + 4) = vm_page_tables(VM_LONG);
	vcpu_enter(vcpu, VM_REAL, LOW_CODE);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		vcpu_expect(vcpu, VCPU_SYNC);
		if (vcpu->run->io.data != sizes[i])
			test_fail("stage %u: push size %u", i,
				  vcpu->run->io.data);
	}
}

/* The state of a reset: CS:IP at the top of the first 4 GiB. */
static void reset_state(void)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	static u8 rom[0x1000] __aligned(0x1000);
	struct phv_control control;
	struct phv_regs regs;

	need_phv();
	vcpu_get_control(vcpu, &control);
	vcpu_get_regs(vcpu, &regs);
	check_eq(control.cr0, 0x60000010);
	check_eq(control.cr4, 0);
	check_eq(control.efer, 0);
	check_eq(control.xcr0, 1);
	check_eq(control.dr6, 0xffff0ff0);
	check_eq(control.dr7, 0x400);
	check_eq(control.segment[PHV_SEG_CS].selector, 0xf000);
	check_eq(control.segment[PHV_SEG_CS].base, 0xffff0000);
	check_eq(control.segment[PHV_SEG_CS].limit, 0xffff);
	check_eq(regs.rip, 0xfff0);
	check_eq(regs.rflags, RFLAGS_FIXED);

	rom[0xff0] = 0xe7;		/* out %ax, $GUEST_PORT_SYNC */
	rom[0xff1] = GUEST_PORT_SYNC;
	check_eq(vm_add_memory(vcpu->vm, 0xfffff000, sizeof(rom), rom, 0), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
}

static const struct test tests[] = {
	{ "a vCPU starts in the state of a reset", .host = reset_state },
	{ "a vCPU starts in real mode", .host = real_mode },
	{ "a vCPU starts in protected mode", .host = protected_mode },
	{ "a vCPU starts in 32-bit paging mode", .host = paged_mode },
	{ "a vCPU starts in PAE paging mode", .host = pae_mode },
	{ "a vCPU starts in long mode", .host = long_mode },
	{ "a vCPU starts in long mode with 5-level paging", .host = long57_mode },
	{ "4-level paging has 48-bit addresses", .host = long_mode_is_canonical },
	{ "interrupts work in real mode", .host = real_mode_interrupt },
	{ "a guest goes through all modes and back", .host = tour },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
