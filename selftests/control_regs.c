// SPDX-License-Identifier: GPL-2.0-only
/* Control registers and IA32_EFER, as guests see them. */
#include "vm.h"

/* control_regs.S */
GUEST_LABEL(syscall_entry);

static int write_cr0_and_back(u64 value)
{
	u64 before = read_cr0();
	int fault = write_cr0_fault(value);

	write_cr0(before);
	return fault;
}

static void guest_cr0_invalid(void)
{
	u64 cr0 = read_cr0();

	guest_assert_eq(write_cr0_and_back(cr0 & ~CR0_PE), VEC_GP);
	guest_assert_eq(write_cr0_and_back(cr0 & ~CR0_PG), VEC_GP);
	guest_assert_eq(write_cr0_and_back((cr0 | CR0_NW) & ~CR0_CD), VEC_GP);
	guest_assert_eq(write_cr0_and_back(cr0 | BIT(32)), VEC_GP);
	guest_assert_eq(read_cr0(), cr0);
}

static void guest_cr0_bits(void)
{
	static const u64 bits[] = {
		CR0_MP, CR0_EM, CR0_NE, CR0_WP, CR0_AM, CR0_CD, CR0_CD | CR0_NW,
	};
	u64 cr0 = read_cr0() & ~(CR0_MP | CR0_EM | CR0_NE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		write_cr0(cr0 | bits[i]);
		guest_assert_eq(read_cr0(), cr0 | bits[i]);
		write_cr0(cr0);
		guest_assert_eq(read_cr0(), cr0);
	}
	write_cr0(cr0 & ~CR0_ET);
	guest_assert_eq(read_cr0(), cr0 | CR0_ET);
}

static void guest_cr0_ts(void)
{
	u64 cr0 = read_cr0() | CR0_MP;

	write_cr0(cr0 | CR0_TS);
	guest_assert_eq(guest_try("fninit", :), VEC_NM);
	guest_assert_eq(guest_try("fwait", :), VEC_NM);
	guest_assert_eq(read_cr0(), cr0 | CR0_TS);
	cpuid(0, 0);
	guest_assert_eq(guest_try("fninit", :), VEC_NM);
	asm volatile("clts");
	guest_assert_eq(read_cr0(), cr0);
	guest_assert_eq(guest_try("fninit", :), NO_FAULT);

	write_cr0(cr0 | CR0_EM);
	guest_assert_eq(guest_try("fninit", :), VEC_NM);
	write_cr0(cr0);
	guest_assert_eq(guest_try("fninit", :), NO_FAULT);
}

static void guest_lmsw(void)
{
	u64 cr0 = read_cr0() & ~(CR0_TS | CR0_EM | CR0_MP), value;

	write_cr0(cr0);
	asm volatile("lmsw %w0" : : "r" (CR0_TS | CR0_MP | CR0_PE));
	guest_assert_eq(read_cr0(), cr0 | CR0_TS | CR0_MP);
	asm volatile("lmsw %w0" : : "r" (0));
	guest_assert_eq(read_cr0(), cr0);	/* PE stays */
	asm volatile("smsw %0" : "=r" (value));
	guest_assert_eq(value & 0xffff, cr0 & 0xffff);
}

static u8 read_only[0x1000] __aligned(0x1000);

#define ALIAS	0x200000000UL		/* nothing is mapped there */

static void guest_cr0_wp(void)
{
	u8 *alias = (u8 *)ALIAS;
	u64 cr0 = read_cr0();

	write_cr0(cr0 & ~CR0_WP);
	WRITE_ONCE(*alias, 1);
	write_cr0(cr0 | CR0_WP);
	guest_assert_eq(guest_try("movb $2, (%0)", : "r" (alias) : "memory"),
			VEC_PF);
	guest_assert_eq(this_cpu()->fault_error, 3);	/* write, present */
	guest_assert_eq(this_cpu()->fault_cr2, ALIAS);
	guest_assert_eq(READ_ONCE(*alias), 1);
	write_cr0(cr0 & ~CR0_WP);
	WRITE_ONCE(*alias, 3);
}

static void with_read_only_page(void (*guest)(void))
{
	struct vcpu *vcpu = vm_with_guest(guest);
	struct phv_control control;

	vcpu_get_control(vcpu, &control);
	control.cr3 = vm_page_tables(VM_LONG);
	vm_map(VM_LONG, control.cr3, ALIAS, (u64)read_only, 0x1000,
	       PTE_PRESENT | PTE_USER | PTE_NX);
	control.efer |= EFER_NXE;
	vcpu_set_control(vcpu, &control);
	vcpu_finish(vcpu);
}

static void cr0_wp(void)
{
	with_read_only_page(guest_cr0_wp);
	check_eq(read_only[0], 3);
}

static u64 fetch_error;

/* The fault is at ALIAS, not in a guest_try(): go back to the caller. */
static void guest_on_fetch(struct guest_frame *frame)
{
	guest_assert_eq(frame->rip, ALIAS);
	fetch_error = frame->error;
	frame->rip = *(u64 *)frame->rsp;
	frame->rsp += 8;
}

/* The NX bit forbids execution with NXE, and is a reserved bit without it. */
static void guest_efer_nxe(void)
{
	u64 efer = rdmsr(MSR_EFER);

	guest_handle(VEC_PF, guest_on_fetch);
	asm volatile("call *%0" : : "r" (ALIAS) : "memory");
	guest_handle(VEC_PF, NULL);
	guest_assert_eq(fetch_error, 0x11);	/* fetch, present */

	guest_assert_eq(guest_try("mov (%0), %%al", : "r" (ALIAS) : "rax"),
			NO_FAULT);
	wrmsr(MSR_EFER, efer & ~EFER_NXE);
	guest_assert_eq(rdmsr(MSR_EFER), efer & ~EFER_NXE);
	write_cr3(read_cr3());
	guest_assert_eq(guest_try("mov (%0), %%al", : "r" (ALIAS) : "rax"),
			VEC_PF);
	guest_assert_eq(this_cpu()->fault_error, 9);	/* reserved bit */
	wrmsr(MSR_EFER, efer);
}

static void efer_nxe(void)
{
	with_read_only_page(guest_efer_nxe);
}

/* A bit of CR4 can be set if CPUID has the feature, and not otherwise. */
static void guest_cr4_bits(void)
{
	enum { ECX, EDX, EBX };
	static const struct {
		u64 bit;
		u32 leaf, reg, feature;
	} features[] = {
		{ BIT(0), 1, EDX, 1 },		/* VME */
		{ BIT(1), 1, EDX, 1 },		/* PVI */
		{ CR4_TSD, 1, EDX, 4 },
		{ CR4_DE, 1, EDX, 2 },
		{ CR4_PSE, 1, EDX, 3 },
		{ BIT(6), 1, EDX, 7 },		/* MCE */
		{ CR4_PGE, 1, EDX, 13 },
		{ CR4_OSFXSR, 1, EDX, 24 },
		{ CR4_OSXMMEXCPT, 1, EDX, 25 },
		{ CR4_UMIP, 7, ECX, 2 },
		{ CR4_VMXE, 1, ECX, 5 },
		{ BIT(14), 1, ECX, 6 },		/* SMXE */
		{ CR4_FSGSBASE, 7, EBX, 0 },
		{ CR4_PCIDE, 1, ECX, 17 },
		{ CR4_OSXSAVE, 1, ECX, 26 },
		{ CR4_SMEP, 7, EBX, 7 },
		{ CR4_PKE, 7, ECX, 3 },
		{ BIT(24), 7, ECX, 31 },	/* PKS */
	};
	u64 cr4 = read_cr4();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		u64 bit = features[i].bit;
		struct cpuid c = cpuid(features[i].leaf, 0);
		u32 reg = features[i].reg == ECX ? c.ecx :
			  features[i].reg == EDX ? c.edx : c.ebx;
		int fault;

		/* all of memory is ring 3's, so no SMEP */
		if (bit == CR4_SMEP)
			continue;
		fault = write_cr4_fault(cr4 | bit);
		if (!(reg & 1U << features[i].feature)) {
			guest_assert_eq(bit | fault, bit | VEC_GP);
			continue;
		}
		guest_assert_eq(bit + fault, bit + NO_FAULT);
		guest_assert_eq(read_cr4(), cr4 | bit);
		write_cr4(cr4);
		guest_assert_eq(read_cr4(), cr4);
	}
}

static int write_cr4_and_back(u64 value)
{
	u64 before = read_cr4();
	int fault = write_cr4_fault(value);

	write_cr4(before);
	return fault;
}

static void guest_cr4_invalid(void)
{
	u64 cr4 = read_cr4();

	guest_assert_eq(write_cr4_and_back(cr4 | BIT(15)), VEC_GP);
	guest_assert_eq(write_cr4_and_back(cr4 | BIT(31)), VEC_GP);
	guest_assert_eq(write_cr4_and_back(cr4 | BIT(63)), VEC_GP);
	guest_assert_eq(write_cr4_and_back(cr4 & ~CR4_PAE), VEC_GP);
	guest_assert_eq(write_cr4_and_back(cr4 ^ CR4_LA57), VEC_GP);
	guest_assert_eq(write_cr4_and_back(cr4 | CR4_VMXE), VEC_GP);
	guest_assert_eq(read_cr4(), cr4);
}

static void guest_cr4_pcide(void)
{
	u64 cr3 = read_cr3(), cr4 = read_cr4();

	if (!(cpuid(1, 0).ecx & BIT(17)))
		return;
	write_cr3(cr3 | 0x18);		/* PCD, PWT: not 0 in 11:0 */
	guest_assert_eq(write_cr4_fault(cr4 | CR4_PCIDE), VEC_GP);
	write_cr3(cr3);
	guest_assert_eq(write_cr4_fault(cr4 | CR4_PCIDE), NO_FAULT);
	write_cr3(cr3 | 0x123);
	guest_assert_eq(read_cr3(), cr3 | 0x123);
	write_cr3(cr3 | 0x124 | BIT(63));	/* without a flush */
	guest_assert_eq(read_cr3(), cr3 | 0x124);
	write_cr3(cr3);
	write_cr4(cr4);
}

static void guest_cr3_invalid(void)
{
	u32 width = cpuid(0x80000008, 0).eax & 0xff;
	u64 cr3 = read_cr3();

	if (width < 52)
		guest_assert_eq(write_cr3_fault(cr3 | BIT(width)), VEC_GP);
	guest_assert_eq(write_cr3_fault(cr3 | BIT(63)), VEC_GP);
	guest_assert_eq(read_cr3(), cr3);
}

static void guest_cr2(void)
{
	write_cr2(0x123456789abcUL);
	cpuid(0, 0);
	guest_sync(0);
	guest_assert_eq(read_cr2(), 0x123456789abcUL);
}

static void cr2(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_cr2);
	struct phv_control control;

	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_control(vcpu, &control);
	check_eq(control.cr2, 0x123456789abcUL);
	vcpu_finish(vcpu);
}

static void guest_cr8(void)
{
	u64 i;

	for (i = 0; i < 16; i++) {
		write_cr8(i);
		guest_assert_eq(read_cr8(), i);
		cpuid(0, 0);
		guest_assert_eq(read_cr8(), i);
		guest_assert_eq(x2apic_read(X2APIC_TPR), i << 4);
	}
	guest_assert_eq(write_cr8_fault(16), VEC_GP);
	x2apic_write(X2APIC_TPR, 0x73);
	guest_assert_eq(read_cr8(), 7);
	write_cr8(0);
}

/* The framework starts guests in x2APIC mode only where the domain does. */
static void cr8(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_cr8);
	struct phv_control control;

	vcpu_get_control(vcpu, &control);
	check_eq(control.apic_base, 0xfee00d00);
	vcpu_finish(vcpu);
}

static void guest_efer(void)
{
	u64 efer = rdmsr(MSR_EFER);

	guest_assert_eq(efer & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	guest_assert_eq(wrmsr_fault(MSR_EFER, efer & ~EFER_LME), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_EFER, efer | BIT(1)), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_EFER, efer | BIT(32)), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_EFER, efer | EFER_SCE), NO_FAULT);
	guest_assert_eq(rdmsr(MSR_EFER), efer | EFER_SCE);
	guest_assert_eq(wrmsr_fault(MSR_EFER, efer & ~EFER_LMA), NO_FAULT);
	guest_assert_eq(rdmsr(MSR_EFER), efer);
}

static void guest_syscall_is_off(void)
{
	u64 efer = rdmsr(MSR_EFER);

	wrmsr(MSR_EFER, efer & ~EFER_SCE);
	guest_assert_eq(guest_try("syscall", : : "rcx", "r11", "memory"),
			VEC_UD);
}

/* Written by control_regs.S. */
u64 syscall_rcx;

static void guest_syscall(void)
{
	u64 here;

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	wrmsr(MSR_STAR, (u64)SEL_CODE64 << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_FMASK, 0);
	asm volatile("lea 1f(%%rip), %0\n"
		     "	syscall\n"
		     "1:" : "=&r" (here) : : "rcx", "r11", "memory");
	guest_assert_eq(READ_ONCE(syscall_rcx), here);
}

static const struct test tests[] = {
	{ "CR0: invalid values raise #GP", .guest = guest_cr0_invalid },
	{ "CR0: bits read as written", .guest = guest_cr0_bits },
	{ "CR0: TS and EM raise #NM, CLTS clears TS", .guest = guest_cr0_ts },
	{ "CR0: LMSW and SMSW", .guest = guest_lmsw },
	{ "CR0: WP protects pages from ring 0", .host = cr0_wp },
	{ "CR2: kept across exits", .host = cr2 },
	{ "CR3: invalid values raise #GP", .guest = guest_cr3_invalid },
	{ "CR4: invalid values raise #GP", .guest = guest_cr4_invalid },
	{ "CR4: has the bits that CPUID says", .guest = guest_cr4_bits },
	{ "CR4: PCIDE", .guest = guest_cr4_pcide },
	{ "CR8: is the task priority", .host = cr8 },
	{ "EFER: invalid values raise #GP", .guest = guest_efer },
	{ "EFER: NXE", .host = efer_nxe },
	{ "EFER: SYSCALL without SCE raises #UD", .guest = guest_syscall_is_off },
	{ "EFER: SYSCALL with SCE", .guest = guest_syscall },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
