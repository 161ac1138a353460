// SPDX-License-Identifier: GPL-2.0-only
/* CPUID as guests see it, and the domain's table of it. */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

/* The table of a domain; free() it. */
static struct phv_cpuid_entry *get_table(struct vm *vm, u32 *count)
{
	struct phv_cpuid_entry *table = calloc(PHV_MAX_CPUID, sizeof(*table));
	struct phv_cpuid arg = { .count = PHV_MAX_CPUID, .entries = (u64)table };

	check_eq(vm_ioctl(vm, PHV_GET_CPUID, &arg), 0);
	*count = arg.count;
	return table;
}

static int set_table(struct vm *vm, const struct phv_cpuid_entry *table, u32 count)
{
	const struct phv_cpuid arg = { .count = count, .entries = (u64)table };

	return vm_ioctl(vm, PHV_SET_CPUID, &arg);
}

static struct phv_cpuid_entry *find(struct phv_cpuid_entry *table, u32 count,
				    u32 leaf, u32 subleaf)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (table[i].leaf == leaf && table[i].subleaf == subleaf)
			return &table[i];
	test_fail("the table has no leaf %#x, %u", leaf, subleaf);
}

static void guest_hidden(void)
{
	struct cpuid c = cpuid(1, 0);

	guest_assert(!(c.ecx & BIT(2)));	/* debug store */
	guest_assert(!(c.ecx & BIT(3)));	/* MONITOR, MWAIT */
	guest_assert(!(c.ecx & BIT(5)));	/* VMX */
	guest_assert(!(c.ecx & BIT(6)));	/* SMX */
	guest_assert(!(c.ecx & BIT(7)));	/* SpeedStep */
	guest_assert(!(c.ecx & BIT(15)));	/* performance capabilities */
	guest_assert(!(c.edx & BIT(22)));	/* thermal monitor */
	guest_assert_eq(cpuid(5, 0).eax, 0);	/* MWAIT's sizes */
	guest_assert_eq(cpuid(0xa, 0).eax & 0xff, 0);	/* performance counters */
	c = cpuid(7, 0);
	guest_assert(!(c.ebx & BIT(2)));	/* SGX */
	guest_assert(!(c.ebx & (BIT(4) | BIT(11))));	/* TSX */
	guest_assert(!(c.ebx & BIT(25)));	/* processor trace */
	guest_assert(!(c.ecx & BIT(5)));	/* WAITPKG */
	guest_assert(!(c.ecx & BIT(7)));	/* shadow stacks */
	guest_assert(!(c.edx & BIT(20)));	/* indirect branch tracking */
	guest_assert(!(c.edx & BIT(24)));	/* AMX */
}

static void guest_promised(void)
{
	struct cpuid c = cpuid(1, 0);

	guest_assert(c.ecx & BIT(21));		/* x2APIC */
	guest_assert(c.ecx & BIT(24));		/* TSC deadline */
	guest_assert(c.ecx & BIT(31));		/* a hypervisor is there */
	guest_assert(c.edx & BIT(9));		/* local APIC */
	guest_assert(cpuid(6, 0).eax & BIT(2));	/* the APIC timer never stops */
	guest_assert(cpuid(7, 0).ebx & BIT(1));	/* IA32_TSC_ADJUST */
	guest_assert(cpuid(0x80000001, 0).edx & BIT(29));	/* long mode */
}

/* Feature words: what the guest has, the host has; but for what is our doing. */
static struct feature_word {
	u32 leaf, subleaf;
	u32 ours[4];
	struct cpuid seen;
} feature_words[] = {
	{ 0x1, 0, { 0, 0, BIT(21) | BIT(24) | BIT(31), BIT(9) | BIT(28) }, {} },
	{ 0x7, 0, { ~0, BIT(1), 0, 0 }, {} },
	{ 0x7, 1, {}, {} },
	{ 0xd, 1, { 0, ~0, 0, 0 }, {} },
	{ 0x80000001, 0, {}, {} },
};

static void guest_feature_words(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(feature_words); i++)
		feature_words[i].seen = cpuid(feature_words[i].leaf,
					      feature_words[i].subleaf);
}

static void feature_subset(void)
{
	unsigned int i;

	vcpu_finish(vm_with_guest(guest_feature_words));
	for (i = 0; i < ARRAY_SIZE(feature_words); i++) {
		const struct feature_word *word = &feature_words[i];
		struct cpuid host = cpuid(word->leaf, word->subleaf);

		/* leaf 1 has the family in EAX and the APIC in EBX */
		if (word->leaf != 1) {
			check_eq(word->seen.eax & ~host.eax & ~word->ours[0], 0);
			check_eq(word->seen.ebx & ~host.ebx & ~word->ours[1], 0);
		}
		check_eq(word->seen.ecx & ~host.ecx & ~word->ours[2], 0);
		check_eq(word->seen.edx & ~host.edx & ~word->ours[3], 0);
	}
}

static void guest_unknown(void)
{
	static const u32 leaves[] = {
		0x3, 0x9, 0x20, 0x1000, 0x3fffffff, 0x50000000, 0x7fffffff,
		0x80000009, 0x80000fff, 0x8fffffff, 0xc0000000, 0xffffffff,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct cpuid c = cpuid(leaves[i], 0);

		guest_assert_eq(leaves[i] + (u64)(c.eax | c.ebx | c.ecx | c.edx),
				leaves[i]);
	}
	guest_assert(cpuid(0, 0).eax < 0x20);
	guest_assert(cpuid(0x80000000, 0).eax < 0x80000009);
}

/* CPUID clears the upper halves of its four registers, and writes no others. */
static void guest_register_width(void)
{
	u64 rax = BIT(63), rbx = ~0UL, rcx = BIT(63), rdx = ~0UL, rsi = ~0UL;

	asm volatile("cpuid" : "+a" (rax), "+b" (rbx), "+c" (rcx), "+d" (rdx),
		     "+S" (rsi));
	guest_assert_eq((rax | rbx | rcx | rdx) >> 32, 0);
	guest_assert_eq(rsi, ~0UL);
}

static void guest_apic_id(u64 id)
{
	guest_assert_eq(cpuid(1, 0).ebx >> 24, id);
	guest_assert_eq(cpuid(0xb, 0).edx, id);
	guest_assert_eq(cpuid(0xb, 1).edx, id);
	guest_assert_eq(cpuid(0x1f, 0).edx, id);
}

static void apic_id(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_apic_id, 0);

	vcpu_finish(vcpu);
	vcpu_finish(vm_add_guest(vcpu->vm, 5, guest_apic_id, 5));
	vcpu_finish(vm_add_guest(vcpu->vm, PHV_MAX_VCPUS - 1, guest_apic_id,
				 PHV_MAX_VCPUS - 1));
}

/* Every level of the topology has a valid shift, and the list ends. */
static void guest_topology(void)
{
	struct cpuid c = cpuid(0xb, 0);

	guest_assert_eq(c.ecx, 1 << 8);		/* level 0: threads */
	guest_assert_eq(c.ebx, 1);
	c = cpuid(0xb, 1);
	guest_assert_eq(c.ecx, 2 << 8 | 1);	/* level 1: cores */
	guest_assert(c.ebx > 1 && 1U << c.eax >= c.ebx);
	c = cpuid(0xb, 2);
	guest_assert_eq(c.ecx, 2);		/* level 2: invalid */
	guest_assert_eq(c.ebx, 0);
	c = cpuid(0xb, 7);
	guest_assert_eq(c.ecx, 7);
	guest_assert_eq(c.eax | c.ebx, 0);
}

static void guest_state_bits(void)
{
	u64 cr4 = read_cr4();

	guest_assert(!(cpuid(1, 0).ecx & BIT(27)));
	guest_assert(!(cpuid(7, 0).ecx & BIT(4)));
	if (cpuid(1, 0).ecx & BIT(26)) {
		write_cr4(cr4 | CR4_OSXSAVE);
		guest_assert(cpuid(1, 0).ecx & BIT(27));
		write_cr4(cr4);
		guest_assert(!(cpuid(1, 0).ecx & BIT(27)));
	}
	if (cpuid(7, 0).ecx & BIT(3)) {
		write_cr4(cr4 | CR4_PKE);
		guest_assert(cpuid(7, 0).ecx & BIT(4));
		write_cr4(cr4);
		guest_assert(!(cpuid(7, 0).ecx & BIT(4)));
	}
}

/* Size of a standard XSAVE area with these components, from their leaves. */
static u32 area_size(u64 xcr0)
{
	u32 i, size = 512 + 64;

	for (i = 2; i < 63; i++) {
		struct cpuid c = cpuid(0xd, i);

		if ((xcr0 & BIT(i)) && c.eax + c.ebx > size)
			size = c.eax + c.ebx;
	}
	return size;
}

static void guest_xsave_leaf(void)
{
	u64 all, xcr0;

	if (!(cpuid(1, 0).ecx & BIT(26))) {
		guest_assert_eq(cpuid(0xd, 0).eax, 0);
		return;
	}
	all = cpuid(0xd, 0).eax | (u64)cpuid(0xd, 0).edx << 32;
	guest_assert_eq(all & 3, 3);
	guest_assert_eq(cpuid(0xd, 0).ecx, area_size(all));
	write_cr4(read_cr4() | CR4_OSXSAVE);
	for (xcr0 = 1; xcr0 <= all; xcr0++) {
		if (xcr0 & ~all || xsetbv_fault(0, xcr0) != NO_FAULT)
			continue;
		guest_assert_eq(cpuid(0xd, 0).ebx, area_size(xcr0));
		guest_assert_eq(cpuid(0xd, 0).eax, (u32)all);
	}
	xsetbv_fault(0, 1);
}

/* The table is what the guest gets, but for the bits of the vCPU. */
static struct phv_cpuid_entry *shared_table;

static void guest_table(u64 count)
{
	static const struct {
		u32 leaf;
		u32 own[4];
	} dynamic[] = {
		{ 0x1, { 0, 0xffff0000, BIT(27), BIT(9) | BIT(28) } },
		{ 0x7, { 0, 0, BIT(4), 0 } },
		{ 0xb, { 0, 0, 0, ~0 } },
		{ 0xd, { 0, ~0, 0, 0 } },
		{ 0x1f, { 0, 0, 0, ~0 } },
	};
	u32 own[4];
	u64 i, j;

	for (i = 0; i < count; i++) {
		const struct phv_cpuid_entry *entry = &shared_table[i];
		struct cpuid c = cpuid(entry->leaf, entry->subleaf);

		memset(own, 0, sizeof(own));
		for (j = 0; j < ARRAY_SIZE(dynamic); j++)
			if (dynamic[j].leaf == entry->leaf)
				memcpy(own, dynamic[j].own, sizeof(own));
		guest_assert_eq(c.eax & ~own[0], entry->eax & ~own[0]);
		guest_assert_eq(c.ebx & ~own[1], entry->ebx & ~own[1]);
		guest_assert_eq(c.ecx & ~own[2], entry->ecx & ~own[2]);
		guest_assert_eq(c.edx & ~own[3], entry->edx & ~own[3]);
	}
}

static void table_is_seen(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_feature_words);
	struct phv_cpuid_entry *table;
	u32 count;

	table = get_table(vcpu->vm, &count);
	check(count > 10);
	shared_table = vm_alloc(count * sizeof(*table), 64);
	memcpy(shared_table, table, count * sizeof(*table));
	vcpu_call(vcpu, guest_table, count);
	vcpu_finish(vcpu);
}

/* Overrides */

static void guest_overrides(void)
{
	struct cpuid c = cpuid(0, 0);

	guest_assert_eq(c.ebx, 0x1111);
	guest_assert_eq(c.edx, 0x2222);
	c = cpuid(0x40000100, 0);
	guest_assert_eq(c.eax, 0x3333);
	c = cpuid(0x40000100, 9);		/* it does not depend on ECX */
	guest_assert_eq(c.eax, 0x3333);
	c = cpuid(0x40000005, 1);
	guest_assert_eq(c.edx, 0x4444);
	c = cpuid(0x40000005, 0);		/* it does */
	guest_assert_eq(c.edx, 0);
	guest_assert_eq(cpuid(4, 0).eax, 0);	/* gone */
}

static void overrides(void)
{
	struct vm *vm = vm_create();
	struct phv_cpuid_entry *table, *entry;
	u32 count, i;

	table = get_table(vm, &count);
	entry = find(table, count, 0, 0);
	entry->ebx = 0x1111;
	entry->edx = 0x2222;
	for (i = 0; i < count; i++)
		if (table[i].leaf == 4)
			table[i--] = table[--count];
	table[count++] = (struct phv_cpuid_entry) {
		.leaf = 0x40000100, .eax = 0x3333,
	};
	table[count++] = (struct phv_cpuid_entry) {
		.leaf = 0x40000005, .subleaf = 1, .flags = PHV_CPUID_SUBLEAF,
		.edx = 0x4444,
	};
	check_eq(set_table(vm, table, count), 0);
	vcpu_finish(vm_add_guest(vm, 0, guest_overrides));
}

/* What CPUID does not promise is not there. */
static void guest_without_features(void)
{
	u64 value;

	guest_assert_eq(write_cr4_fault(read_cr4() | CR4_OSXSAVE), VEC_GP);
	guest_assert_eq(write_cr4_fault(read_cr4() | CR4_PCIDE), VEC_GP);
	guest_assert_eq(guest_try("rdtscp", : : "rax", "rcx", "rdx"), VEC_UD);
	guest_assert_eq(rdmsr_fault(MSR_TSC_AUX, &value), VEC_GP);
}

static void without_features(void)
{
	struct vm *vm = vm_create();
	struct phv_cpuid_entry *table;
	u32 count;

	table = get_table(vm, &count);
	find(table, count, 1, 0)->ecx &= ~(BIT(26) | BIT(28) | BIT(17));
	find(table, count, 7, 0)->ecx &= ~BIT(22);
	find(table, count, 0x80000001, 0)->edx &= ~BIT(27);
	check_eq(set_table(vm, table, count), 0);
	vcpu_finish(vm_add_guest(vm, 0, guest_without_features));
}

static void empty_table(void)
{
	struct vm *vm = vm_create();
	struct phv_cpuid_entry *table;
	u32 count;

	check_eq(set_table(vm, NULL, 0), 0);
	table = get_table(vm, &count);
	check_eq(count, 0);
	free(table);
}

static void get_errors(void)
{
	struct vm *vm = vm_create();
	struct phv_cpuid_entry table[PHV_MAX_CPUID];
	struct phv_cpuid arg = { .count = 0 };
	u32 count;

	check_eq(vm_ioctl(vm, PHV_GET_CPUID, &arg), -E2BIG);
	count = arg.count;
	check(count > 0 && count <= PHV_MAX_CPUID);
	arg.count = count - 1;
	check_eq(vm_ioctl(vm, PHV_GET_CPUID, &arg), -E2BIG);
	check_eq(arg.count, count);
	arg.entries = 8;
	check_eq(vm_ioctl(vm, PHV_GET_CPUID, &arg), -EFAULT);
	arg.entries = (u64)table;
	arg.reserved = 1;
	check_eq(vm_ioctl(vm, PHV_GET_CPUID, &arg), -EINVAL);
	arg.reserved = 0;
	arg.count = ~0U;
	check_eq(vm_ioctl(vm, PHV_GET_CPUID, &arg), 0);
	check_eq(arg.count, count);
	check_eq(vm_ioctl(vm, PHV_GET_CPUID, 8), -EFAULT);
}

static void set_errors(void)
{
	struct vm *vm = vm_create();
	struct phv_cpuid arg = { .count = 1, .entries = 8 };
	struct phv_cpuid_entry *table, *xsave, saved;
	struct phv_cpuid_entry many[PHV_MAX_CPUID + 1] = {};
	u32 count, i;

	table = get_table(vm, &count);
	check_eq(vm_ioctl(vm, PHV_SET_CPUID, &arg), -EFAULT);
	arg.entries = (u64)table;
	arg.reserved = 1;
	check_eq(vm_ioctl(vm, PHV_SET_CPUID, &arg), -EINVAL);
	for (i = 0; i <= PHV_MAX_CPUID; i++)
		many[i].leaf = 0x1000 + i;
	check_eq(set_table(vm, many, PHV_MAX_CPUID + 1), -EINVAL);
	check_eq(set_table(vm, many, ~0U), -EINVAL);
	check_eq(set_table(vm, many, PHV_MAX_CPUID), 0);
	many[7].leaf = many[70].leaf;
	check_eq(set_table(vm, many, PHV_MAX_CPUID), -EINVAL);
	many[7].leaf = 1;
	many[7].flags = 1 << 1;
	check_eq(set_table(vm, many, 10), -EINVAL);
	many[7].flags = 0;
	many[7].reserved = 1;
	check_eq(set_table(vm, many, 10), -EINVAL);

	/* components of the XSAVE area that the host has not */
	for (i = 0; i < count && table[i].leaf != 0xd; i++)
		;
	if (i < count) {
		xsave = find(table, count, 0xd, 0);
		saved = *xsave;
		xsave->eax |= BIT(17);
		check_eq(set_table(vm, table, count), -EINVAL);
		*xsave = saved;
		xsave->edx |= BIT(30);
		check_eq(set_table(vm, table, count), -EINVAL);
		*xsave = saved;
	}
	check_eq(set_table(vm, table, count), 0);
	vcpu_create(vm, 0);
	check_eq(set_table(vm, table, count), -EBUSY);
}

static const struct test tests[] = {
	{ "what guests can't have is hidden", .guest = guest_hidden },
	{ "what guests are promised is there", .guest = guest_promised },
	{ "nothing is there that the host has not", .host = feature_subset },
	{ "unknown leaves are zero", .guest = guest_unknown },
	{ "results are 32 bits wide", .guest = guest_register_width },
	{ "the APIC identifier is the vCPU's", .host = apic_id },
	{ "the topology leaf is well-formed", .guest = guest_topology },
	{ "OSXSAVE and OSPKE follow CR4", .guest = guest_state_bits },
	{ "leaf 0xD follows XCR0", .guest = guest_xsave_leaf },
	{ "PHV_GET_CPUID has what the guest sees", .host = table_is_seen },
	{ "PHV_SET_CPUID changes what the guest sees", .host = overrides },
	{ "a feature taken away is not there", .host = without_features },
	{ "a table may be empty", .host = empty_table },
	{ "PHV_GET_CPUID refuses bad arguments", .host = get_errors },
	{ "PHV_SET_CPUID refuses bad arguments", .host = set_errors },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
