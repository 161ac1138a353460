// SPDX-License-Identifier: GPL-2.0-only
/* MSRs of guests: their values, a domain's rules for them, and the host's own. */
#include <asm/prctl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define NONCANONICAL	BIT(62)

static void guest_unknown(void)
{
	static const u32 unknown[] = {
		0x2, 0x12345, 0x40001234, 0xc0001234, 0xc0010000, 0xdeadbeef,
		0xffffffff, MSR_VMX_BASIC, MSR_VMX_BASIC + 1, 0x48b, 0x491,
		0x1d7, 0x38f, 0xc1, 0x186, 0x560, 0x6a0,
	};
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		/* the MSR goes with the vector into what is printed */
		u64 gp = (u64)unknown[i] << 32 | VEC_GP;

		guest_assert_eq((u64)unknown[i] << 32 |
				(u32)rdmsr_fault(unknown[i], &value), gp);
		guest_assert_eq((u64)unknown[i] << 32 |
				(u32)wrmsr_fault(unknown[i], 0), gp);
	}
}

/* MSRs that just hold a value, and bits that they cannot have. */
static const struct {
	u32 msr;
	u64 value, invalid;
} plain[] = {
	{ MSR_STAR, 0x0023001000000000UL, 0 },
	{ MSR_LSTAR, 0xffffffff81000000UL, NONCANONICAL },
	{ MSR_CSTAR, 0xffffffff82000000UL, NONCANONICAL },
	{ MSR_FMASK, 0x47700, BIT(32) },
	{ MSR_FS_BASE, 0x00007f1234567000UL, NONCANONICAL },
	{ MSR_GS_BASE, 0xffff888012345000UL, NONCANONICAL },
	{ MSR_KERNEL_GS_BASE, 0xffff888054321000UL, NONCANONICAL },
	{ MSR_SYSENTER_CS, 0x10, 0 },
	{ MSR_SYSENTER_ESP, 0xfffffe0000002000UL, NONCANONICAL },
	{ MSR_SYSENTER_EIP, 0xffffffff83000000UL, NONCANONICAL },
	{ MSR_PAT, 0x0407050600070106UL, 2 },
};

static void guest_plain(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		u32 msr = plain[i].msr;

		wrmsr(msr, plain[i].value);
		cpuid(0, 0);
		guest_assert_eq(rdmsr(msr), plain[i].value);
		if (!plain[i].invalid)
			continue;
		guest_assert_eq(wrmsr_fault(msr, plain[i].invalid), VEC_GP);
		guest_assert_eq(rdmsr(msr), plain[i].value);
	}
	guest_sync(0);
	for (i = 0; i < ARRAY_SIZE(plain); i++)
		guest_assert_eq(rdmsr(plain[i].msr), plain[i].value + 0x1000 *
				(plain[i].msr != MSR_PAT &&
				 plain[i].msr != MSR_SYSENTER_CS));
}

static void plain_values(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_plain);
	unsigned int i;

	vcpu_expect(vcpu, VCPU_SYNC);
	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		u32 msr = plain[i].msr;

		check_eq(vcpu_get_msr(vcpu, msr), plain[i].value);
		if (msr == MSR_PAT || msr == MSR_SYSENTER_CS)
			continue;
		vcpu_set_msr(vcpu, msr, plain[i].value + 0x1000);
		check_eq(vcpu_get_msr(vcpu, msr), plain[i].value + 0x1000);
	}
	vcpu_finish(vcpu);
}

static void guest_tsc_aux(void)
{
	u32 aux;

	if (!(cpuid(0x80000001, 0).edx & BIT(27)))
		return;
	wrmsr(MSR_TSC_AUX, 0x12345678);
	guest_assert_eq(wrmsr_fault(MSR_TSC_AUX, BIT(32)), VEC_GP);
	cpuid(0, 0);
	guest_sync(0);
	asm volatile("rdtscp" : "=c" (aux) : : "rax", "rdx");
	guest_assert_eq(aux, 0x12345678);
	guest_assert_eq(rdmsr(MSR_TSC_AUX), 0x12345678);
}

/* It is the kernel's, too: getcpu() reads it. */
static void tsc_aux(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_tsc_aux);
	unsigned int before, after, node;

	if (!(cpuid(0x80000001, 0).edx & BIT(27)))
		test_skip("no RDTSCP");
	pin_to_cpu(0);
	asm volatile("rdtscp" : "=c" (before) : : "rax", "rdx");
	vcpu_expect(vcpu, VCPU_SYNC);
	asm volatile("rdtscp" : "=c" (after) : : "rax", "rdx");
	check_eq(before, after);
	check_eq(syscall(SYS_getcpu, &after, &node, NULL), 0);
	check_eq(after, before & 0xfff);
	vcpu_finish(vcpu);
}

static void guest_swapgs(void)
{
	wrmsr(MSR_GS_BASE, 0x1111000);
	wrmsr(MSR_KERNEL_GS_BASE, 0x2222000);
	asm volatile("swapgs");
	cpuid(0, 0);
	guest_sync(0);
	guest_assert_eq(rdmsr(MSR_GS_BASE), 0x2222000);
	guest_assert_eq(rdmsr(MSR_KERNEL_GS_BASE), 0x1111000);
	asm volatile("swapgs");
	guest_assert_eq(rdmsr(MSR_GS_BASE), 0x1111000);
}

/* The host thread has an FS and a GS base of its own. */
static void swapgs(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_swapgs);
	u64 base, fs;

	check_eq(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x5555000), 0);
	check_eq(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(syscall(SYS_arch_prctl, ARCH_GET_GS, &base), 0);
	check_eq(base, 0x5555000);
	check_eq(syscall(SYS_arch_prctl, ARCH_GET_FS, &base), 0);
	check_eq(base, fs);
	check_eq(vcpu_get_msr(vcpu, MSR_KERNEL_GS_BASE), 0x1111000);
	vcpu_finish(vcpu);
}

/*
 * vCPUs that share a CPU, each with its own values. They spin, so that the
 * kernel switches between them at its timer, and some exit now and then.
 */
static void guest_own_values(u64 value)
{
	u64 end = rdtsc() + 20000000;
	unsigned int i = 0;

	wrmsr(MSR_STAR, value << 32);
	wrmsr(MSR_LSTAR, value);
	wrmsr(MSR_CSTAR, value + 1);
	wrmsr(MSR_FMASK, value + 2);
	wrmsr(MSR_KERNEL_GS_BASE, value + 3);
	wrmsr(MSR_GS_BASE, value + 4);
	wrmsr(MSR_SYSENTER_ESP, value + 5);
	while (rdtsc() < end) {
		guest_assert_eq(rdmsr(MSR_STAR), value << 32);
		guest_assert_eq(rdmsr(MSR_LSTAR), value);
		guest_assert_eq(rdmsr(MSR_CSTAR), value + 1);
		guest_assert_eq(rdmsr(MSR_FMASK), value + 2);
		guest_assert_eq(rdmsr(MSR_KERNEL_GS_BASE), value + 3);
		guest_assert_eq(rdmsr(MSR_GS_BASE), value + 4);
		guest_assert_eq(rdmsr(MSR_SYSENTER_ESP), value + 5);
		if (!(++i % 64))
			cpuid(0, 0);
	}
}

static void own_values(void)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu[3];
	unsigned int i;

	pin_to_cpu(0);		/* and the threads made from now on */
	for (i = 0; i < ARRAY_SIZE(vcpu); i++)
		vcpu[i] = vm_add_guest(vm, i, guest_own_values, 0x1000 << i);
	for (i = 0; i < ARRAY_SIZE(vcpu); i++)
		vcpu_start(vcpu[i]);
	for (i = 0; i < ARRAY_SIZE(vcpu); i++)
		vcpu_join(vcpu[i]);
}

static void guest_two_in_one(u64 value)
{
	unsigned int i;

	wrmsr(MSR_LSTAR, value);
	wrmsr(MSR_KERNEL_GS_BASE, value);
	for (i = 0; i < 4; i++) {
		guest_sync(0);
		guest_assert_eq(rdmsr(MSR_LSTAR), value);
		guest_assert_eq(rdmsr(MSR_KERNEL_GS_BASE), value);
	}
}

static void two_in_one_thread(void)
{
	struct vcpu *a = vm_with_guest(guest_two_in_one, 0x1000);
	struct vcpu *b = vm_with_guest(guest_two_in_one, 0x2000);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		vcpu_expect(a, VCPU_SYNC);
		vcpu_expect(b, VCPU_SYNC);
	}
	vcpu_finish(a);
	vcpu_finish(b);
}

static void guest_emulated(void)
{
	u64 value;

	guest_assert_eq(rdmsr(MSR_FEATURE_CONTROL), 1);		/* locked */
	guest_assert_eq(wrmsr_fault(MSR_FEATURE_CONTROL, 5), VEC_GP);
	value = rdmsr(MSR_MISC_ENABLE);
	guest_assert_eq(value & (BIT(11) | BIT(12)), BIT(11) | BIT(12));
	/* Fast strings are on, as CPUID's FSRM and ERMS say. */
	guest_assert_eq(value & 1, 1);
	guest_assert_eq(wrmsr_fault(MSR_MISC_ENABLE, value & ~1ULL), NO_FAULT);
	guest_assert_eq(rdmsr(MSR_MISC_ENABLE), value & ~1ULL);
	guest_assert_eq(wrmsr_fault(MSR_MISC_ENABLE, value), NO_FAULT);
	guest_assert_eq(rdmsr(MSR_MISC_ENABLE), value);
	guest_assert_eq(wrmsr_fault(MSR_BIOS_SIGN_ID, 0), NO_FAULT);
	guest_assert_eq(wrmsr_fault(MSR_DEBUGCTL, BIT(1)), NO_FAULT);
	guest_assert_eq(rdmsr(MSR_DEBUGCTL), BIT(1));
	guest_assert_eq(wrmsr_fault(MSR_DEBUGCTL, 0), NO_FAULT);
	guest_assert_eq(wrmsr_fault(MSR_DEBUGCTL, BIT(6)), VEC_GP);
	guest_assert_eq(rdmsr(MSR_DEBUGCTL), 0);
	guest_assert_eq(rdmsr(0x179), 0);			/* no MCA banks */
	guest_assert_eq(rdmsr(0x2ff) & 0xff, 6);		/* write-back */
}

static void guest_spec_ctrl(void)
{
	u32 edx = cpuid(7, 0).edx;
	u64 value;

	if (!(edx & (BIT(26) | BIT(27) | BIT(31)))) {
		guest_assert_eq(rdmsr_fault(MSR_SPEC_CTRL, &value), VEC_GP);
		guest_assert_eq(wrmsr_fault(MSR_SPEC_CTRL, 0), VEC_GP);
		return;
	}
	guest_assert_eq(rdmsr(MSR_SPEC_CTRL), 0);
	guest_assert_eq(wrmsr_fault(MSR_SPEC_CTRL, BIT(40)), VEC_GP);
	if (edx & BIT(26)) {
		wrmsr(MSR_SPEC_CTRL, 1);
		cpuid(0, 0);
		guest_sync(0);
		guest_assert_eq(rdmsr(MSR_SPEC_CTRL), 1);
		wrmsr(MSR_SPEC_CTRL, 0);
		guest_assert_eq(wrmsr_fault(MSR_PRED_CMD, 1), NO_FAULT);
	}
	guest_assert_eq(rdmsr_fault(MSR_PRED_CMD, &value), VEC_GP);
}

static void spec_ctrl(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_spec_ctrl);

	if (cpuid(7, 0).edx & BIT(26))
		vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_finish(vcpu);
}

static void guest_no_xss(void)
{
	u64 value;

	if (cpuid(0xd, 1).eax & BIT(3)) {
		guest_assert_eq(rdmsr(MSR_XSS), 0);
		guest_assert_eq(wrmsr_fault(MSR_XSS, 0), NO_FAULT);
		guest_assert_eq(wrmsr_fault(MSR_XSS, BIT(11)), VEC_GP);
	} else {
		guest_assert_eq(rdmsr_fault(MSR_XSS, &value), VEC_GP);
	}
}

static int user_faults[2];

static void user_rdmsr(void)
{
	u64 value;

	user_faults[0] = rdmsr_fault(MSR_LSTAR, &value);
	user_faults[1] = wrmsr_fault(MSR_MISC_ENABLE, 0);
}

static void guest_ring3(void)
{
	guest_user(user_rdmsr);
	guest_assert_eq(READ_ONCE(user_faults[0]), VEC_GP);
	guest_assert_eq(READ_ONCE(user_faults[1]), VEC_GP);
}

/* Rules */

static int set_rule(struct vm *vm, u32 index, u32 action, u64 value)
{
	const struct phv_msr_policy rule = {
		.index = index, .action = action, .value = value,
	};

	return vm_ioctl(vm, PHV_SET_MSR_POLICY, &rule);
}

static void guest_rules(void)
{
	u64 value;

	guest_assert_eq(rdmsr(0x12345), 0x1122334455667788UL);
	wrmsr(0x12345, 1);
	guest_assert_eq(rdmsr(0x12345), 0x1122334455667788UL);
	guest_assert_eq(rdmsr_fault(MSR_TSC_ADJUST, &value), VEC_GP);
	guest_assert_eq(wrmsr_fault(MSR_TSC_ADJUST, 0), VEC_GP);
	guest_assert_eq(rdmsr(MSR_MISC_ENABLE), 7);
	guest_assert_eq(rdmsr_fault(0x12346, &value), VEC_GP);
}

static void rules(void)
{
	struct vm *vm;

	need_phv();
	vm = vm_create();
	check_eq(set_rule(vm, 0x12345, PHV_MSR_IGNORE, 1), 0);
	check_eq(set_rule(vm, 0x12345, PHV_MSR_IGNORE, 0x1122334455667788UL), 0);
	check_eq(set_rule(vm, MSR_TSC_ADJUST, PHV_MSR_FAULT, 0), 0);
	check_eq(set_rule(vm, MSR_MISC_ENABLE, PHV_MSR_IGNORE, 7), 0);
	check_eq(set_rule(vm, 0x12346, PHV_MSR_IGNORE, 7), 0);
	check_eq(set_rule(vm, 0x12346, PHV_MSR_DEFAULT, 0), 0);
	vcpu_finish(vm_add_guest(vm, 0, guest_rules));
}

static void rule_errors(void)
{
	static const u32 fixed[] = {
		MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK, MSR_FS_BASE,
		MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_TSC_AUX, MSR_EFER, MSR_PAT,
		MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_TSC,
		MSR_APIC_BASE, 0x800 + X2APIC_ICR,
	};
	struct phv_msr_policy rule = { .index = 1, .reserved = { 0, 1 } };
	struct vm *vm;
	u32 i;

	need_phv();
	vm = vm_create();
	check_eq(set_rule(vm, 0x12345, PHV_MSR_IGNORE + 1, 0), -EINVAL);
	check_eq(set_rule(vm, 0x12345, PHV_MSR_FAULT, 1), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_SET_MSR_POLICY, &rule), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		check_eq(set_rule(vm, fixed[i], PHV_MSR_FAULT, 0), -EINVAL);
		check_eq(set_rule(vm, fixed[i], PHV_MSR_IGNORE, 0), -EINVAL);
	}
	for (i = 0; i < 64; i++)
		check_eq(set_rule(vm, 0x10000 + i, PHV_MSR_IGNORE, i), 0);
	check_eq(set_rule(vm, 0x20000, PHV_MSR_IGNORE, 0), -ENOSPC);
	check_eq(set_rule(vm, 0x10000, PHV_MSR_IGNORE, 9), 0);
	check_eq(set_rule(vm, 0x10000, PHV_MSR_DEFAULT, 0), 0);
	check_eq(set_rule(vm, 0x20000, PHV_MSR_IGNORE, 0), 0);
	vcpu_create(vm, 0);
	check_eq(set_rule(vm, 0x20000, PHV_MSR_IGNORE, 0), -EBUSY);
}

/* PHV_GET_MSRS and PHV_SET_MSRS stop at the first that is not there. */
static void lists(void)
{
	struct phv_msr entry[4] = {
		{ .index = MSR_LSTAR, .value = 0x1000 },
		{ .index = MSR_FS_BASE, .value = 0x2000 },
		{ .index = 0x12345, .value = 1 },
		{ .index = MSR_GS_BASE, .value = 0x3000 },
	};
	struct phv_msrs msrs = { .count = 4, .entries = (u64)entry };
	struct vcpu *vcpu;

	need_phv();
	vcpu = vcpu_create(vm_create(), 0);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_MSRS, &msrs), 2);
	check_eq(vcpu_get_msr(vcpu, MSR_LSTAR), 0x1000);
	check_eq(vcpu_get_msr(vcpu, MSR_FS_BASE), 0x2000);
	check_eq(vcpu_get_msr(vcpu, MSR_GS_BASE), 0);
	entry[1].value = 0;
	check_eq(vcpu_ioctl(vcpu, PHV_GET_MSRS, &msrs), 2);
	check_eq(entry[1].value, 0x2000);

	entry[0].value = NONCANONICAL;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_MSRS, &msrs), 0);
	entry[0].reserved = 1;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_MSRS, &msrs), -EINVAL);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_MSRS, &msrs), -EINVAL);
	msrs.count = 257;
	check_eq(vcpu_ioctl(vcpu, PHV_GET_MSRS, &msrs), -EINVAL);
	msrs.count = 1;
	msrs.reserved = 1;
	check_eq(vcpu_ioctl(vcpu, PHV_GET_MSRS, &msrs), -EINVAL);
	msrs.reserved = 0;
	msrs.entries = 8;
	check_eq(vcpu_ioctl(vcpu, PHV_GET_MSRS, &msrs), -EFAULT);
	msrs.count = 0;
	check_eq(vcpu_ioctl(vcpu, PHV_GET_MSRS, &msrs), 0);
}

static const struct test tests[] = {
	{ "unknown MSRs raise #GP", .guest = guest_unknown },
	{ "MSRs that hold a value hold it", .host = plain_values },
	{ "TSC_AUX is the guest's, and the host's", .host = tsc_aux },
	{ "SWAPGS, and the host thread's bases", .host = swapgs },
	{ "vCPUs that share a CPU have their own", .host = own_values },
	{ "two vCPUs in one thread do", .host = two_in_one_thread },
	{ "emulated MSRs", .guest = guest_emulated },
	{ "SPEC_CTRL and PRED_CMD", .host = spec_ctrl },
	{ "XSS has no bits", .guest = guest_no_xss },
	{ "ring 3 has no MSRs", .guest = guest_ring3 },
	{ "rules of a domain", .host = rules },
	{ "PHV_SET_MSR_POLICY refuses bad arguments", .host = rule_errors },
	{ "lists of MSRs", .host = lists },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
