// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is the host's stays the host's while a guest runs: timer interrupts and NMIs
 * reach its own handlers, and the guest notices nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testhost/testport.h"
#include "vm.h"

#define EXIT_NMI	0
#define EXIT_INTERRUPT	1

static bool stop;
static u64 turns;

static void guest_spin(void)
{
	while (!READ_ONCE(stop))
		WRITE_ONCE(turns, turns + 1);
}

static void wait_for_guest(void)
{
	u64 before = READ_ONCE(turns);

	wait_until(READ_ONCE(turns) != before);
}

/* A vCPU that spins, without PAUSE and without exits, on the CPU with this number. */
static struct vcpu *start_spinning(unsigned int cpu)
{
	struct vcpu *vcpu = vm_with_guest(guest_spin);

	pin_to_cpu(cpu);
	vcpu_start(vcpu);
	wait_for_guest();
	return vcpu;
}

static void finish_spinning(struct vcpu *vcpu)
{
	WRITE_ONCE(stop, true);
	vcpu_join(vcpu);
}

static u64 exits(struct vcpu *vcpu, unsigned int reason)
{
	struct phv_counters counters;

	vcpu_get_counters(vcpu, &counters);
	return counters.exits[reason];
}

/* How often /proc/interrupts says that this happened on this CPU. */
static u64 irq_count(const char *name, unsigned int cpu)
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[4096], *p = NULL;
	u64 count = 0;
	unsigned int i;

	if (!file)
		test_fail("/proc/interrupts: %m");
	while (!p && fgets(line, sizeof(line), file)) {
		p = strstr(line, name);
		for (i = 0; p && i <= cpu; i++)
			count = strtoull(i ? p : p + strlen(name), &p, 10);
	}
	fclose(file);
	if (!p)
		test_fail("/proc/interrupts has no %s", name);
	return count;
}

/* The vCPU has its thread, and the CPU, for itself: only the timer ends that. */
static void timer(void)
{
	enum { TICKS = 5 };
	struct vcpu *vcpu;
	u64 before, exited;

	need_phv();
	need_cpus(2);
	vcpu = start_spinning(1);
	pin_to_cpu(0);
	exited = exits(vcpu, EXIT_INTERRUPT);
	before = irq_count("LOC:", 1);
	wait_until(irq_count("LOC:", 1) >= before + TICKS);
	check(exits(vcpu, EXIT_INTERRUPT) >= exited + TICKS);
	finish_spinning(vcpu);
}

/* And with one CPU only the timer gets it back from the guest. */
static void preempted(void)
{
	struct vcpu *vcpu = start_spinning(0);

	finish_spinning(vcpu);
}

/* The local APIC of the CPU that the thread runs on. */
static u32 *local_apic(void)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	void *apic;

	if (fd < 0)
		test_skip("/dev/mem: %m");
	apic = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0xfee00000);
	if (apic == MAP_FAILED)
		test_skip("the local APIC cannot be mapped: %m");
	close(fd);
	return apic;
}

#define APIC_ICR		(0x300 / 4)
#define ICR_NMI_TO_OTHERS	0xc4400		/* one write: no race with the kernel's */

/* To the kernel they are NMIs for unknown reasons: it says so, and goes on. */
static void nmis(void)
{
	enum { NMIS = 20 };
	u32 *apic;
	struct vcpu *vcpu;
	u64 before, exited;
	unsigned int i;

	need_phv();
	if (testport_open())
		test_skip("only in the test host");
	need_cpus(2);
	apic = local_apic();
	vcpu = start_spinning(1);
	pin_to_cpu(0);
	exited = exits(vcpu, EXIT_NMI);
	before = irq_count("NMI:", 1);
	for (i = 1; i <= NMIS; i++) {
		wait_for_guest();
		WRITE_ONCE(apic[APIC_ICR], ICR_NMI_TO_OTHERS);
		wait_until(irq_count("NMI:", 1) >= before + i);
	}
	check_eq(irq_count("NMI:", 1), before + NMIS);
	check(exits(vcpu, EXIT_NMI) >= exited + NMIS / 2);
	finish_spinning(vcpu);
}

static void guest_return(void)
{
}

#define USER_DS		0x2b
#define GS_BASE		0x123456789000UL
#define HWCAP2_FSGSBASE	BIT(1)

#define read_selector(name) ({						\
	u16 value_;							\
									\
	asm volatile("mov %%" #name ", %0" : "=r" (value_));		\
	value_;								\
})

/* An exit leaves null selectors behind, which is what most threads have. */
static void selectors(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_return);
	bool has_base = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
	u64 base = GS_BASE;

	asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%gs" : : "r" (USER_DS));
	if (has_base)
		asm volatile("wrgsbase %0" : : "r" (base));
	vcpu_finish(vcpu);
	check_eq(read_selector(ds), USER_DS);
	check_eq(read_selector(es), USER_DS);
	check_eq(read_selector(gs), USER_DS);
	if (has_base) {
		asm volatile("rdgsbase %0" : "=r" (base));
		check_eq(base, GS_BASE);
	}
}

/* And the limit of the GDT, which an exit leaves at 64 KiB. */
static void gdt_limit(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_return);
	u16 before[5], after[5];	/* limit and base */

	asm volatile("sgdt %0" : "=m" (before));
	vcpu_finish(vcpu);
	asm volatile("sgdt %0" : "=m" (after));
	check(!memcmp(before, after, sizeof(before)));
}

static const struct test tests[] = {
	{ "timer interrupts are the host's", .host = timer },
	{ "a guest that spins does not keep the CPU", .host = preempted },
	{ "NMIs are the host's", .host = nmis },
	{ "selectors of the thread come back", .host = selectors },
	{ "so does the limit of the GDT", .host = gdt_limit },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
