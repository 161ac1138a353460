// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: every page that a guest has written is reported, once.
 *
 * The same tests run where the processor logs (PML), and where the module
 * protects pages: that depends on the CPU model only.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "memory.h"

#define PAGES	(4 * LARGE / PAGE)
#define WORDS	(PAGES / 64)

static u64 bitmap[WORDS];

static int get_dirty(struct vm *vm, u64 gpa, u64 size, void *bits)
{
	const struct phv_dirty arg = {
		.guest_addr = gpa, .size = size, .bitmap = (u64)bits,
	};

	return vm_ioctl(vm, PHV_GET_DIRTY, &arg);
}

/* Fetch the log of the whole area; how many pages it has. */
static unsigned int fetch(struct vcpu *vcpu)
{
	unsigned int count = 0, i;

	memset(bitmap, 0xff, sizeof(bitmap));
	check_eq(get_dirty(vcpu->vm, AREA, PAGES * PAGE, bitmap), 0);
	for (i = 0; i < WORDS; i++)
		count += __builtin_popcountl(bitmap[i]);
	return count;
}

static bool is_dirty(unsigned int page)
{
	return bitmap[page / 64] >> page % 64 & 1;
}

static void set_log(struct vcpu *vcpu, void *p, bool on)
{
	const struct phv_memory arg = {
		.guest_addr = AREA, .size = PAGES * PAGE, .user_addr = (u64)p,
		.flags = on ? PHV_MEMORY_LOG_DIRTY : 0,
	};

	check_eq(vm_ioctl(vcpu->vm, PHV_CHANGE_MEMORY, &arg), 0);
}

static struct vcpu *logged_servant(void *p)
{
	struct vcpu *vcpu;

	need_phv();
	vcpu = servant();
	add_area(vcpu, p, PAGES * PAGE, PHV_MEMORY_LOG_DIRTY);
	return vcpu;
}

static void bad_arguments(void)
{
	u8 *p = small_pages(PAGES * PAGE);
	struct vcpu *vcpu = logged_servant(p);
	const u64 end = AREA + PAGES * PAGE;
	const struct {
		u64 gpa, size;
		void *bits;
		int error;
	} cases[] = {
		{ AREA + 1, PAGE, bitmap, -EINVAL },
		{ AREA, PAGE - 1, bitmap, -EINVAL },
		{ AREA, 0, bitmap, -EINVAL },
		{ -PAGE, 2 * PAGE, bitmap, -EINVAL },
		{ AREA, -PAGE, bitmap, -EINVAL },
		{ AREA - PAGE, PAGE, bitmap, -ENOENT },
		{ AREA - PAGE, 2 * PAGE, bitmap, -ENOENT },
		{ end, PAGE, bitmap, -ENOENT },
		{ end - PAGE, 2 * PAGE, bitmap, -ENOENT },
		{ AREA, 2 * PAGES * PAGE, bitmap, -ENOENT },
		{ VM_RAM, PAGE, bitmap, -ENOENT },		/* not logged */
		{ BIT(63), PAGE, bitmap, -ENOENT },
		{ AREA, PAGE, NULL, -EFAULT },
		{ AREA, PAGE, (void *)BIT(63), -EFAULT },
		{ AREA, PAGE, (void *)-8L, -EFAULT },
	};
	struct phv_dirty arg = { AREA, PAGE, (u64)bitmap, 1 };
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = get_dirty(vcpu->vm, cases[i].gpa, cases[i].size, cases[i].bits);
		if (ret != cases[i].error)
			test_fail("case %u: %d, not %d", i, ret, cases[i].error);
	}
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, &arg), -EINVAL);
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, NULL), -EFAULT);
	set_log(vcpu, p, false);
	check_eq(get_dirty(vcpu->vm, AREA, PAGE, bitmap), -ENOENT);
}

/* These pages, no others, and no more when asked again. */
static void exact(void)
{
	static const unsigned int pages[] = { 0, 1, 63, 64, 511, 512, 700, 1500, PAGES - 1 };
	struct vcpu *vcpu = logged_servant(small_pages(PAGES * PAGE));
	unsigned int i, round;

	check_eq(fetch(vcpu), 0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			guest_write(vcpu, AREA + pages[i] * PAGE + i * 8, round);
			guest_write(vcpu, AREA + pages[i] * PAGE + i * 8, round + 1);
		}
		check_eq(fetch(vcpu), ARRAY_SIZE(pages));
		for (i = 0; i < ARRAY_SIZE(pages); i++)
			check(is_dirty(pages[i]));
		check_eq(fetch(vcpu), 0);
	}
}

static void reads_are_not_writes(void)
{
	u8 *p = small_pages(PAGES * PAGE);
	struct vcpu *vcpu = logged_servant(p);

	memset(p, 1, PAGES * PAGE);
	guest_sum(vcpu, AREA, PAGES);
	check_eq(fetch(vcpu), 0);
	guest_write(vcpu, AREA + 5 * PAGE, 1);
	guest_sum(vcpu, AREA, PAGES);
	check_eq(fetch(vcpu), 1);
	check(is_dirty(5));
}

/* The processor's buffer has room for 512. */
static void many(void)
{
	struct vcpu *vcpu = logged_servant(small_pages(PAGES * PAGE));
	unsigned int round;

	for (round = 0; round < 2; round++) {
		guest_sum(vcpu, AREA, PAGES);
		guest_fill(vcpu, AREA, round, PAGES);
		check_eq(fetch(vcpu), PAGES);
		check_eq(fetch(vcpu), 0);
	}
}

/* The log goes with the memory, and what comes in its place has none of it. */
static void removed(void)
{
	u8 *p = small_pages(PAGES * PAGE);
	struct vcpu *vcpu = logged_servant(p);

	guest_fill(vcpu, AREA, 1, 3);
	check_eq(vm_remove_memory(vcpu->vm, AREA, PAGES * PAGE, p), 0);
	check_eq(get_dirty(vcpu->vm, AREA, PAGE, bitmap), -ENOENT);
	add_area(vcpu, p, PAGES * PAGE, 0);
	guest_fill(vcpu, AREA, 1, 3);
	check_eq(get_dirty(vcpu->vm, AREA, PAGE, bitmap), -ENOENT);
	set_log(vcpu, p, true);
	check_eq(fetch(vcpu), 0);
	guest_fill(vcpu, AREA, 1, 3);
	check_eq(fetch(vcpu), 3);
}

/* Any part of the log, at any bit. */
static void parts(void)
{
	struct vcpu *vcpu = logged_servant(small_pages(PAGES * PAGE));
	unsigned int i, first, count;

	for (i = 0; i < PAGES; i += 3)
		guest_write(vcpu, AREA + i * PAGE, 1);
	for (first = 0; first < PAGES; first += count) {
		count = first * 5 % 150 + 1;
		if (count > PAGES - first)
			count = PAGES - first;
		memset(bitmap, 0xff, sizeof(bitmap));
		check_eq(get_dirty(vcpu->vm, AREA + first * PAGE, count * PAGE, bitmap), 0);
		for (i = 0; i < count; i++)
			check_eq(is_dirty(i), (first + i) % 3 == 0);
		/* Rounded up to 64 bits, and not a byte more. */
		for (; i % 64; i++)
			check(!is_dirty(i));
		check_eq(bitmap[i / 64], -1UL);
	}
	check_eq(fetch(vcpu), 0);
}

/* Large pages that were mapped and written before the log was switched on. */
static void switched_on(void)
{
	u8 *p = large_pages(PAGES * PAGE);
	struct vcpu *vcpu;
	u64 before;

	need_phv();
	vcpu = servant();
	add_area(vcpu, p, PAGES * PAGE, 0);
	guest_fill(vcpu, AREA, 1, PAGES);
	set_log(vcpu, p, true);
	check_eq(fetch(vcpu), 0);

	/* They are still mapped for reading. */
	before = faults(vcpu);
	guest_sum(vcpu, AREA, PAGES);
	check_eq(command.value, PAGES * (PAGES + 1) / 2);
	check_eq(faults(vcpu) - before, 0);

	guest_write(vcpu, AREA + 700 * PAGE, 1);
	guest_write(vcpu, AREA + 1024 * PAGE, 1);
	check_eq(fetch(vcpu), 2);
	check(is_dirty(700) && is_dirty(1024));
	guest_fill(vcpu, AREA, 3, PAGES);
	check_eq(fetch(vcpu), PAGES);
	check_eq(*(u64 *)(p + (PAGES - 1) * PAGE), PAGES + 2);
}

static void switched_off(void)
{
	u8 *p = large_pages(PAGES * PAGE);
	struct vcpu *vcpu = logged_servant(p);
	u64 before;

	need_caps(PHV_CAP_EPT_2M);
	guest_fill(vcpu, AREA, 1, PAGES);
	set_log(vcpu, p, false);
	before = faults(vcpu);
	guest_fill(vcpu, AREA, 2, PAGES);
	check_eq(faults(vcpu) - before, PAGES * PAGE / LARGE);

	/* On again, it starts empty. */
	set_log(vcpu, p, true);
	check_eq(fetch(vcpu), 0);
	guest_write(vcpu, AREA + PAGE, 1);
	check_eq(fetch(vcpu), 1);
}

/* What cannot be delivered is not forgotten. */
static void not_delivered(void)
{
	struct vcpu *vcpu = logged_servant(small_pages(PAGES * PAGE));

	guest_write(vcpu, AREA + 100 * PAGE, 1);
	check_eq(get_dirty(vcpu->vm, AREA, PAGES * PAGE, NULL), -EFAULT);
	fetch(vcpu);
	check(is_dirty(100));
	guest_write(vcpu, AREA + 100 * PAGE, 2);
	check_eq(fetch(vcpu), 1);
}

/* A vCPU that runs, and what it has done so far */

static u64 written;
static bool stop;

/* Not faster than the host can look at what it does. */
static void guest_writer(void)
{
	u64 i, wait;

	for (i = 0; !READ_ONCE(stop); i++) {
		WRITE_ONCE(*(u64 *)(AREA + i % PAGES * PAGE), i);
		WRITE_ONCE(written, i + 1);
		for (wait = 0; wait < 300; wait++)
			barrier();
	}
}

/* Every write that was done before PHV_GET_DIRTY is in it, or was in an earlier one. */
static void running(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_writer);
	u64 from = PAGES, to, i, round, checked = 0;
	u8 *p = small_pages(PAGES * PAGE);
	static u64 earlier[WORDS];

	need_phv();
	add_area(vcpu, p, PAGES * PAGE, PHV_MEMORY_LOG_DIRTY);
	vcpu_start(vcpu);
	/* The first time around every write is a fault, and the module sees it. */
	while (READ_ONCE(written) < PAGES)
		usleep(100);
	for (round = 0; round < 200 && checked < 50; round++) {
		while (READ_ONCE(written) < from + 3)
			;
		to = READ_ONCE(written);
		fetch(vcpu);
		/* What was written since @from, when the guest was not once around meanwhile. */
		if (READ_ONCE(written) - from < PAGES) {
			for (i = from; i < to; i++)
				if (!is_dirty(i % PAGES) && !(earlier[i % PAGES / 64] >> i % 64 & 1))
					test_fail("round %llu: page %llu is missing", round,
						  i % PAGES);
			checked++;
		}
		memcpy(earlier, bitmap, sizeof(earlier));
		from = to;
	}
	check(checked);
	WRITE_ONCE(stop, true);
	vcpu_join(vcpu);
}

static void guest_repeater(void)
{
	u64 i;

	for (i = 0; !READ_ONCE(stop); i++) {
		WRITE_ONCE(*(u64 *)(AREA + i % 4 * PAGE), i);
		WRITE_ONCE(written, i + 1);
	}
}

/* The next write after PHV_GET_DIRTY is news again, though the CPU was allowed to write just now. */
static void running_again(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_repeater);
	u8 *p = small_pages(PAGES * PAGE);
	unsigned int round;
	u64 from;

	need_phv();
	need_cpus(2);
	add_area(vcpu, p, PAGES * PAGE, PHV_MEMORY_LOG_DIRTY);
	pin_to_cpu(0);
	vcpu_start(vcpu);
	pin_to_cpu(1);
	for (round = 0; round < 50; round++) {
		from = READ_ONCE(written);
		while (READ_ONCE(written) < from + 8)
			;
		check_eq(fetch(vcpu), 4);
	}
	WRITE_ONCE(stop, true);
	vcpu_join(vcpu);
}

/*
 * A copy that is made by the log is complete in the end, as for a migration:
 * copy what is reported while the guest writes here and there, then stop the
 * guest, and copy the rest.
 */
static void guest_scribbler(u64 seed)
{
	u64 x = seed;

	while (!READ_ONCE(stop)) {
		x = x * 6364136223846793005UL + 1442695040888963407UL;
		WRITE_ONCE(*(u64 *)(AREA + (x >> 33) % PAGES * PAGE + (x >> 20 & 0x1ff) * 8), x);
		if (!(x >> 32 & 7))
			WRITE_ONCE(written, written + 1);
	}
}

static void copy_dirty(struct vcpu *vcpu, u8 *to, const u8 *from)
{
	unsigned int i;

	fetch(vcpu);
	for (i = 0; i < PAGES; i++)
		if (is_dirty(i))
			memcpy(to + i * PAGE, from + i * PAGE, PAGE);
}

static void migrate(u8 *p)
{
	struct vm *vm = vm_create();
	u8 *copy = small_pages(PAGES * PAGE);
	struct vcpu *vcpu[2];
	unsigned int i;

	need_phv();
	check_eq(vm_add_memory(vm, AREA, PAGES * PAGE, p, 0), 0);
	for (i = 0; i < 2; i++) {
		vcpu[i] = vm_add_guest(vm, i, guest_scribbler, i + 1);
		vcpu_start(vcpu[i]);
	}
	while (READ_ONCE(written) < 100)
		usleep(100);
	set_log(vcpu[0], p, true);
	memcpy(copy, p, PAGES * PAGE);
	for (i = 0; i < 10; i++) {
		usleep(1000);
		copy_dirty(vcpu[0], copy, p);
		/* The host's own changes to the mapping are no reason to miss anything. */
		if (i == 5)
			check_eq(madvise(p, PAGES * PAGE, MADV_COLD), 0);
	}
	WRITE_ONCE(stop, true);
	for (i = 0; i < 2; i++)
		vcpu_join(vcpu[i]);
	copy_dirty(vcpu[0], copy, p);
	for (i = 0; i < PAGES; i++)
		if (memcmp(copy + i * PAGE, p + i * PAGE, PAGE))
			test_fail("page %u differs", i);
	check_eq(fetch(vcpu[0]), 0);
}

static void migrate_small(void)
{
	migrate(small_pages(PAGES * PAGE));
}

static void migrate_large(void)
{
	migrate(large_pages(PAGES * PAGE));
}

static const struct test tests[] = {
	{ "bad arguments are refused", .host = bad_arguments },
	{ "what was written is reported once", .host = exact },
	{ "what was read is not reported", .host = reads_are_not_writes },
	{ "many pages are reported", .host = many },
	{ "the log goes with the memory", .host = removed },
	{ "a part of the log can be fetched", .host = parts },
	{ "the log of large pages is by small ones", .host = switched_on },
	{ "without log large pages come back", .host = switched_off },
	{ "what is not delivered is not lost", .host = not_delivered },
	{ "the log of a running vCPU is complete", .host = running },
	{ "a running vCPU's next write is reported again", .host = running_again },
	{ "a copy made by the log is complete", .host = migrate_small },
	{ "a copy of large pages made by the log is complete", .host = migrate_large },
};

int main(int argc, char **argv)
{
	test_keep_translations();
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
