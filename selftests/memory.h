/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of guest memory share: a guest that does what it is told, one
 * access at a time, and memory to do it with.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <string.h>
#include <sys/mman.h>

#include "vm.h"

#define PAGE		0x1000UL
#define LARGE		0x200000UL

/* Guest-physical (and linear) address of the memory that a test is about. */
#define AREA		0xa0000000UL

/* What the guest is to do; it answers by guest_sync(). */
enum { OP_READ, OP_WRITE, OP_EXECUTE, OP_FILL, OP_SUM };

static struct {
	u64 op;
	u64 address;
	u64 value;		/* written, or what was read */
	u64 count;		/* for OP_FILL and OP_SUM: words */
	u64 stride;		/* and bytes from one to the next */
} command;

static inline void guest_obey(void)
{
	u64 *word = (u64 *)command.address;
	u64 i;

	switch (command.op) {
	case OP_READ:
		command.value = READ_ONCE(*word);
		break;
	case OP_WRITE:
		WRITE_ONCE(*word, command.value);
		break;
	case OP_EXECUTE:
		((void (*)(void))command.address)();
		break;
	case OP_FILL:
		for (i = 0; i < command.count; i++)
			WRITE_ONCE(word[i * command.stride / 8], command.value + i);
		break;
	case OP_SUM:
		command.value = 0;
		for (i = 0; i < command.count; i++)
			command.value += READ_ONCE(word[i * command.stride / 8]);
		break;
	}
}

static inline void guest_servant(void)
{
	for (;;) {
		guest_obey();
		guest_sync(0);
	}
}

/* Tell the guest to do that, without running it. */
static inline void tell(u64 op, u64 address, u64 value, u64 count, u64 stride)
{
	command.op = op;
	command.address = address;
	command.value = value;
	command.count = count;
	command.stride = stride;
}

static inline u64 guest_read(struct vcpu *vcpu, u64 address)
{
	tell(OP_READ, address, 0, 0, 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	return command.value;
}

static inline void guest_write(struct vcpu *vcpu, u64 address, u64 value)
{
	tell(OP_WRITE, address, value, 0, 0);
	vcpu_expect(vcpu, VCPU_SYNC);
}

/* Write value, value + 1, … to the first words of so many pages. */
static inline void guest_fill(struct vcpu *vcpu, u64 address, u64 value, u64 pages)
{
	tell(OP_FILL, address, value, pages, PAGE);
	vcpu_expect(vcpu, VCPU_SYNC);
}

/* The sum of the first words of so many pages. */
static inline u64 guest_sum(struct vcpu *vcpu, u64 address, u64 pages)
{
	tell(OP_SUM, address, 0, pages, PAGE);
	vcpu_expect(vcpu, VCPU_SYNC);
	return command.value;
}

/* The next access: it ends in PHV_EXIT_MEMORY or -EFAULT, at that address and so. */
static inline void expect_refusal(struct vcpu *vcpu, int reason, u64 op, u64 address, u32 access)
{
	tell(op, address, 0, 1, 0);
	vcpu_expect(vcpu, reason);
	check_eq(vcpu->run->memory.guest_addr, address);
	check_eq(vcpu->run->memory.access, access);
}

/* Forget the access that was refused: it would be done again otherwise. */
static inline void start_over(struct vcpu *vcpu)
{
	vcpu_call(vcpu, guest_servant);
}

/* EPT violations that the module has dealt with so far. */
static inline u64 faults(struct vcpu *vcpu)
{
	struct phv_counters counters;

	vcpu_get_counters(vcpu, &counters);
	return counters.ept_faults;
}

/* A servant that has everything it needs mapped but the area. */
static inline struct vcpu *servant(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_servant);
	static u64 word[3 * PAGE / 8];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		guest_fill(vcpu, (u64)word, 1, 2);
		guest_sum(vcpu, (u64)word, 2);
		guest_read(vcpu, (u64)word);
		guest_write(vcpu, (u64)word, 1);
	}
	return vcpu;
}

static inline void add_area(struct vcpu *vcpu, void *addr, u64 size, u32 flags)
{
	check_eq(vm_add_memory(vcpu->vm, AREA, size, addr, flags), 0);
}

/* Memory aligned to 2 MiB, as MAP_PRIVATE | MAP_ANONYMOUS | @flags or of a file. */
static inline void *map_area(u64 size, int flags, int fd)
{
	u8 *area = mmap(NULL, size + LARGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		test_fail("mmap of %#lx bytes: %m", (long)size);
	area = (u8 *)(((u64)area + LARGE - 1) & -LARGE);
	if (fd < 0)
		flags |= MAP_PRIVATE | MAP_ANONYMOUS;
	if (mmap(area, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) != area)
		test_fail("mmap of %#lx bytes: %m", (long)size);
	return area;
}

/* Anonymous memory without, or with, transparent huge pages. */
static inline void *small_pages(u64 size)
{
	void *area = map_area(size, 0, -1);

	check_eq(madvise(area, size, MADV_NOHUGEPAGE), 0);
	return area;
}

static inline void *large_pages(u64 size)
{
	void *area = map_area(size, 0, -1);

	if (madvise(area, size, MADV_HUGEPAGE))
		test_skip("no transparent huge pages");
	return area;
}

#endif /* MEMORY_H */
