// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner's address space changes under a guest: the guest sees in its memory
 * what the owner would see there, at once, and loses nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leak.h"
#include "memory.h"
#include "phvtest.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* A number from, or a line to, a file of /sys or /proc. */
static long read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	long value = -1;

	if (!file || fscanf(file, "%ld", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

/* Bits of /proc/self/pagemap */
#define PAGEMAP_SWAPPED	BIT(62)
#define PAGEMAP_PRESENT	BIT(63)

static unsigned int pages_with(const void *addr, u64 pages, u64 bit)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned int count = 0;
	u64 entry, i;

	for (i = 0; i < pages; i++) {
		if (pread(fd, &entry, 8, ((u64)addr / PAGE + i) * 8) != 8)
			test_fail("/proc/self/pagemap: %m");
		count += !!(entry & bit);
	}
	close(fd);
	return count;
}

static u64 sum_to(u64 n)
{
	return n * (n + 1) / 2;
}

/* Anonymous memory */

static void dontneed(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(16 * PAGE);

	add_area(vcpu, p, 16 * PAGE, 0);
	guest_fill(vcpu, AREA, 1, 16);
	check_eq(madvise(p + PAGE, 4 * PAGE, MADV_DONTNEED), 0);
	check_eq(guest_sum(vcpu, AREA, 16), sum_to(16) - (2 + 3 + 4 + 5));
	guest_write(vcpu, AREA + PAGE, 2);
	check_eq(*(u64 *)(p + PAGE), 2);
}

static void zero_page(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(4 * PAGE);

	add_area(vcpu, p, 4 * PAGE, 0);
	check_eq(guest_sum(vcpu, AREA, 4), 0);
	/* The owner is first to write, then the guest. */
	*(u64 *)p = 5;
	check_eq(guest_read(vcpu, AREA), 5);
	guest_write(vcpu, AREA + PAGE, 6);
	check_eq(*(u64 *)(p + PAGE), 6);
	check_eq(guest_sum(vcpu, AREA, 4), 11);
}

static void moved_away(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(4 * PAGE), *to = small_pages(4 * PAGE);

	add_area(vcpu, p, 4 * PAGE, 0);
	guest_fill(vcpu, AREA, 1, 4);
	check(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	*(u64 *)to = 77;
	expect_refusal(vcpu, -EFAULT, OP_READ, AREA, PHV_ACCESS_READ);
	check(mremap(to, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(command.value, 77);
}

/* What the area is made of is replaced, again and again. */
static void moved_in(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(4 * PAGE), *other;
	u64 i;

	add_area(vcpu, p, 4 * PAGE, 0);
	for (i = 1; i < 10; i++) {
		other = small_pages(4 * PAGE);
		*(u64 *)other = i;
		guest_write(vcpu, AREA, 1000 + i);
		check(mremap(other, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
		check_eq(guest_read(vcpu, AREA), i);
	}
}

/* The child of a fork has its own copy, whoever writes first. */
static void forked(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(4 * PAGE);
	int go[2], status;
	char c = 0;
	pid_t pid;

	add_area(vcpu, p, 4 * PAGE, 0);
	guest_fill(vcpu, AREA, 1, 4);
	check_eq(pipe(go), 0);
	pid = fork();
	if (!pid) {
		check_eq(read(go[0], &c, 1), 1);
		check_eq(*(u64 *)p, 1);
		check_eq(*(u64 *)(p + PAGE), 2);
		*(u64 *)(p + 2 * PAGE) = 333;
		_exit(0);
	}
	/* The guest writes, the parent writes, the child writes. */
	guest_write(vcpu, AREA, 11);
	*(u64 *)(p + PAGE) = 22;
	check_eq(*(u64 *)p, 11);
	check_eq(guest_read(vcpu, AREA + PAGE), 22);
	check_eq(write(go[1], &c, 1), 1);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	check_eq(guest_sum(vcpu, AREA, 4), 11 + 22 + 3 + 4);
}

/* Files */

static int memory_file(u64 size)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size))
		test_fail("memfd: %m");
	return fd;
}

static void shared_file(void)
{
	struct vcpu *vcpu = servant();
	int fd = memory_file(4 * PAGE);
	u8 *p = map_area(4 * PAGE, MAP_SHARED, fd);
	u8 *other = map_area(4 * PAGE, MAP_SHARED, fd);
	u64 value = 9;

	add_area(vcpu, p, 4 * PAGE, 0);
	check_eq(guest_read(vcpu, AREA), 0);
	*(u64 *)other = 7;
	check_eq(guest_read(vcpu, AREA), 7);
	guest_write(vcpu, AREA + PAGE, 8);
	check_eq(*(u64 *)(other + PAGE), 8);
	check_eq(pwrite(fd, &value, 8, 2 * PAGE), 8);
	check_eq(guest_read(vcpu, AREA + 2 * PAGE), 9);

	check_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE), 0);
	check_eq(guest_read(vcpu, AREA + PAGE), 0);
	guest_write(vcpu, AREA + PAGE, 10);
	check_eq(*(u64 *)(other + PAGE), 10);

	check_eq(ftruncate(fd, 2 * PAGE), 0);
	expect_refusal(vcpu, -EFAULT, OP_READ, AREA + 2 * PAGE, PHV_ACCESS_READ);
	check_eq(ftruncate(fd, 4 * PAGE), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(command.value, 0);
}

static void private_file(void)
{
	struct vcpu *vcpu = servant();
	int fd = memory_file(4 * PAGE);
	u8 *p = map_area(4 * PAGE, MAP_PRIVATE, fd);
	u64 value = 5;

	check_eq(pwrite(fd, &value, 8, 0), 8);
	add_area(vcpu, p, 4 * PAGE, 0);
	check_eq(guest_read(vcpu, AREA), 5);
	value = 6;
	check_eq(pwrite(fd, &value, 8, 0), 8);
	check_eq(guest_read(vcpu, AREA), 6);
	guest_write(vcpu, AREA, 7);
	check_eq(pread(fd, &value, 8, 0), 8);
	check_eq(value, 6);
	check_eq(*(u64 *)p, 7);
	check_eq(guest_read(vcpu, AREA), 7);
}

/* Writes of the guest reach the disk: each time, also after they were written back. */
static void written_back(void)
{
	struct vcpu *vcpu = servant();
	char path[] = "/tmp/phv-memory-XXXXXX";
	int fd = mkstemp(path);
	u64 value, i;
	u8 *p;

	if (fd < 0)
		test_skip("%s: %m", path);
	unlink(path);
	check_eq(ftruncate(fd, PAGE), 0);
	p = map_area(PAGE, MAP_SHARED, fd);
	add_area(vcpu, p, PAGE, 0);
	for (i = 1; i < 4; i++) {
		guest_write(vcpu, AREA, i);
		check_eq(msync(p, PAGE, MS_SYNC), 0);
		check_eq(pread(fd, &value, 8, 0), 8);
		check_eq(value, i);
	}
}

/* Large pages */

/* EPT violations for reading each page of 2 MiB. */
static u64 faults_for(struct vcpu *vcpu)
{
	u64 before = faults(vcpu);

	guest_sum(vcpu, AREA, LARGE / PAGE);
	return faults(vcpu) - before;
}

static void split(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = large_pages(LARGE);

	add_area(vcpu, p, LARGE, 0);
	guest_fill(vcpu, AREA, 1, LARGE / PAGE);
	check_eq(madvise(p + 8 * PAGE, PAGE, MADV_DONTNEED), 0);
	check_eq(guest_sum(vcpu, AREA, LARGE / PAGE), sum_to(LARGE / PAGE) - 9);
	guest_fill(vcpu, AREA, 2, LARGE / PAGE);
	check_eq(*(u64 *)(p + 8 * PAGE), 10);
	check_eq(*(u64 *)(p + LARGE - PAGE), LARGE / PAGE + 1);
}

static void collapse(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(LARGE);

	need_phv();
	need_caps(PHV_CAP_EPT_2M);
	add_area(vcpu, p, LARGE, 0);
	guest_fill(vcpu, AREA, 1, LARGE / PAGE);
	check_eq(madvise(p, LARGE, MADV_HUGEPAGE), 0);
	if (madvise(p, LARGE, MADV_COLLAPSE))
		test_skip("MADV_COLLAPSE: %m");
	check_eq(faults_for(vcpu), 1);
	check_eq(command.value, sum_to(LARGE / PAGE));
	guest_fill(vcpu, AREA, 2, LARGE / PAGE);
	check_eq(*(u64 *)(p + LARGE - PAGE), LARGE / PAGE + 1);
}

static void huge_pages(void)
{
	struct vcpu *vcpu = servant();
	u64 count;
	u8 *p;

	need_phv();
	need_caps(PHV_CAP_EPT_2M);
	if (!write_line("/proc/sys/vm/nr_hugepages", "4") ||
	    read_number("/proc/sys/vm/nr_hugepages") < 2)
		test_skip("no huge pages");
	p = map_area(2 * LARGE, MAP_HUGETLB, -1);
	add_area(vcpu, p, 2 * LARGE, 0);
	count = faults(vcpu);
	guest_fill(vcpu, AREA, 1, LARGE / PAGE);
	check_eq(faults(vcpu) - count, 1);
	check_eq(*(u64 *)(p + LARGE - PAGE), LARGE / PAGE);

	/* Taken away and given back. */
	check_eq(madvise(p, LARGE, MADV_DONTNEED), 0);
	check_eq(guest_sum(vcpu, AREA, LARGE / PAGE), 0);
	check_eq(munmap(p + LARGE, LARGE), 0);
	expect_refusal(vcpu, -EFAULT, OP_WRITE, AREA + LARGE, PHV_ACCESS_WRITE);
	munmap(p, LARGE);
	write_line("/proc/sys/vm/nr_hugepages", "0");
}

/* Where nothing else is, and the guest's tables map it. */
#define GIANT		0x40000000UL

static void giant_page(void)
{
	struct vcpu *vcpu = servant();
	u64 count;
	u8 *p;

	need_phv();
	need_caps(PHV_CAP_EPT_1G);
	p = mmap(NULL, GIANT, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB, -1, 0);
	if (p == MAP_FAILED)
		test_skip("no huge page of 1 GiB: %m (kernel: hugepagesz=1G hugepages=1)");
	check_eq(vm_add_memory(vcpu->vm, GIANT, GIANT, p, 0), 0);
	count = faults(vcpu);
	tell(OP_FILL, GIANT, 1, GIANT / LARGE, LARGE);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(faults(vcpu) - count, 1);
	check_eq(*(u64 *)(p + GIANT - LARGE), GIANT / LARGE);
}

/* Swap */

/* The header that swapon() wants (include/linux/swap.h: union swap_header). */
static void make_swap(const char *path, u64 pages)
{
	static u8 header[PAGE];
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	*(u32 *)(header + 1024) = 1;			/* version */
	*(u32 *)(header + 1028) = pages - 1;		/* last page */
	memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
	check_eq(pwrite(fd, header, PAGE, 0), PAGE);
	close(fd);
}

#define SWAP_SIZE	(64UL << 20)

/* Swap in compressed memory: 64 MiB of it, for the time of the test. */
static char swap_path[32];

static void swap_on(void)
{
	char line[64];
	long number;

	if (system("modprobe zram num_devices=0 2>/dev/null"))
		test_skip("no zram");
	number = read_number("/sys/class/zram-control/hot_add");
	if (number < 0)
		test_skip("no zram device");
	snprintf(line, sizeof(line), "/sys/block/zram%ld/disksize", number);
	if (!write_line(line, "64M"))
		test_skip("zram: %m");
	snprintf(swap_path, sizeof(swap_path), "/dev/zram%ld", number);
	make_swap(swap_path, SWAP_SIZE / PAGE);
	if (swapon(swap_path, 0))
		test_skip("swapon %s: %m", swap_path);
}

static void swap_off(void)
{
	char line[64];

	check_eq(swapoff(swap_path), 0);
	snprintf(line, sizeof(line), "/sys/block/%s/reset", swap_path + 5);
	check(write_line(line, "1"));
	check(write_line("/sys/class/zram-control/hot_remove", swap_path + 9));
}

/* Older kernels spare, once, what the guest has accessed since they last looked. */
static void page_out(u8 *p, u64 size)
{
	check_eq(madvise(p, size, MADV_PAGEOUT), 0);
	check_eq(madvise(p, size, MADV_PAGEOUT), 0);
}

static void swap_out_and_in(u8 *p)
{
	struct vcpu *vcpu = servant();
	unsigned int i;

	swap_on();
	add_area(vcpu, p, LARGE, 0);
	for (i = 1; i < 4; i++) {
		guest_fill(vcpu, AREA, i, LARGE / PAGE);
		page_out(p, LARGE);
		if (pages_with(p, LARGE / PAGE, PAGEMAP_SWAPPED) < LARGE / PAGE / 2)
			test_fail("round %u: %u pages of %lu are swapped", i,
				  pages_with(p, LARGE / PAGE, PAGEMAP_SWAPPED), LARGE / PAGE);
		check_eq(guest_sum(vcpu, AREA, LARGE / PAGE),
			 sum_to(LARGE / PAGE) + (i - 1) * (LARGE / PAGE));
	}
	munmap(p, LARGE);
	swap_off();
}

static void swapped_small(void)
{
	swap_out_and_in(small_pages(LARGE));
}

static void swapped_large(void)
{
	swap_out_and_in(large_pages(LARGE));
}

/* Adds 1 to each page, in turn, and checks that it still has what it wrote last time. */
static u64 rounds;
static bool stop;

static void guest_checker(u64 pages)
{
	u64 round, i;

	for (round = 0; !READ_ONCE(stop); round++) {
		for (i = 0; i < pages; i++) {
			u64 *word = (u64 *)(AREA + i * PAGE + i % 512 * 8);

			guest_assert_eq(READ_ONCE(*word), round);
			WRITE_ONCE(*word, round + 1);
		}
		WRITE_ONCE(rounds, round + 1);
	}
}

/* Let @change work on memory that a guest uses, for so many of the guest's rounds. */
static void change_under_way(u8 *p, u64 size, u64 wanted, void (*change)(u8 *p, u64 size))
{
	struct vcpu *vcpu = vm_with_guest(guest_checker, size / PAGE);
	unsigned int i;

	add_area(vcpu, p, size, 0);
	vcpu_start(vcpu);
	for (i = 0; READ_ONCE(rounds) < wanted || i < wanted; i++)
		change(p, size);
	WRITE_ONCE(stop, true);
	vcpu_join(vcpu);
	for (i = 0; i < size / PAGE; i++)
		check_eq(*(u64 *)(p + i * PAGE + i % 512 * 8), rounds);
}

static void swapped_under_way(void)
{
	u8 *p = small_pages(LARGE);

	swap_on();
	change_under_way(p, LARGE, 4, page_out);
	munmap(p, LARGE);
	swap_off();
}

/* Nothing that takes a right from the guest for good: it would end with -EFAULT. */
static void protect(u8 *p, u64 size)
{
	check_eq(madvise(p, size, MADV_COLD), 0);
	check_eq(mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	check_eq(mprotect(p, PAGE, PROT_READ | PROT_WRITE), 0);
}

static void protected_under_way(void)
{
	change_under_way(small_pages(LARGE), LARGE, 10, protect);
}

static void split_and_collapse(u8 *p, u64 size)
{
	check_eq(mprotect(p + size / 2, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	check_eq(mprotect(p + size / 2, PAGE, PROT_READ | PROT_WRITE), 0);
	madvise(p, size, MADV_COLLAPSE);
}

static void split_under_way(void)
{
	change_under_way(large_pages(LARGE), LARGE, 10, split_and_collapse);
}

static void fork_once(u8 *p, u64 size)
{
	pid_t pid = fork();

	(void)p;
	(void)size;
	if (!pid)
		_exit(0);
	check_eq(waitpid(pid, NULL, 0), pid);
}

static void forked_under_way(void)
{
	change_under_way(small_pages(LARGE), LARGE, 5, fork_once);
}

static void compact(u8 *p, u64 size)
{
	(void)p;
	(void)size;
	if (!write_line("/proc/sys/vm/compact_memory", "1"))
		test_skip("no compaction");
}

static void migrated_under_way(void)
{
	change_under_way(small_pages(LARGE), LARGE, 5, compact);
}

/* Pages that others have, too */

static void run_ksm(const char *value)
{
	if (!write_line("/sys/kernel/mm/ksm/run", value))
		test_skip("no KSM");
}

static void merge(void)
{
	enum { PAGES = 16 };
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(PAGES * PAGE);
	unsigned int i;

	add_area(vcpu, p, PAGES * PAGE, 0);
	for (i = 0; i < PAGES; i++)
		guest_write(vcpu, AREA + i * PAGE, 42);
	write_line("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	write_line("/sys/kernel/mm/ksm/pages_to_scan", "1000");
	write_line("/sys/kernel/mm/ksm/use_zero_pages", "0");
	run_ksm("1");
	check_eq(madvise(p, PAGES * PAGE, MADV_MERGEABLE), 0);
	for (i = 0; read_number("/sys/kernel/mm/ksm/pages_sharing") < PAGES - 1; i++) {
		if (i == 2000)
			test_fail("only %ld pages were merged",
				  read_number("/sys/kernel/mm/ksm/pages_sharing"));
		usleep(1000);
	}
	check_eq(guest_sum(vcpu, AREA, PAGES), 42 * PAGES);
	guest_write(vcpu, AREA + PAGE, 1);
	*(u64 *)(p + 2 * PAGE) = 2;
	check_eq(*(u64 *)p, 42);
	check_eq(*(u64 *)(p + PAGE), 1);
	check_eq(guest_sum(vcpu, AREA, PAGES), 42 * (PAGES - 2) + 3);
	run_ksm("2");
	check_eq(guest_sum(vcpu, AREA, PAGES), 42 * (PAGES - 2) + 3);
}

/* userfaultfd: the owner answers for the pages itself */

static int uffd_open(u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		test_skip("no userfaultfd: %m");
	return fd;
}

static void uffd_register(int fd, void *p, u64 size, u64 mode)
{
	struct uffdio_register arg = {
		.range = { .start = (u64)p, .len = size }, .mode = mode,
	};

	if (ioctl(fd, UFFDIO_REGISTER, &arg))
		test_skip("UFFDIO_REGISTER: %m");
}

/* The next message; its address. */
static u64 uffd_wait(int fd, u64 *flags)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	check_eq(poll(&poll_fd, 1, -1), 1);
	check_eq(read(fd, &msg, sizeof(msg)), sizeof(msg));
	check_eq(msg.event, UFFD_EVENT_PAGEFAULT);
	*flags = msg.arg.pagefault.flags;
	return msg.arg.pagefault.address;
}

static void uffd_copy(int fd, u64 to, const void *from)
{
	struct uffdio_copy arg = { .dst = to, .src = (u64)from, .len = PAGE };

	check_eq(ioctl(fd, UFFDIO_COPY, &arg), 0);
}

static void guest_reader(u64 pages)
{
	u64 i;

	for (i = 0; i < pages; i++)
		guest_assert_eq(READ_ONCE(*(u64 *)(AREA + i * PAGE)), i + 100);
}

static void missing(void)
{
	enum { PAGES = 8 };
	struct vcpu *vcpu = vm_with_guest(guest_reader, PAGES);
	u8 *p = small_pages(PAGES * PAGE);
	int fd = uffd_open(0);
	static u64 page[PAGE / 8] __aligned(4096);
	u64 i, address, flags;

	uffd_register(fd, p, PAGES * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	add_area(vcpu, p, PAGES * PAGE, 0);
	vcpu_start(vcpu);
	for (i = 0; i < PAGES; i++) {
		address = uffd_wait(fd, &flags);
		check_eq(address & -PAGE, (u64)p + i * PAGE);
		/* Regions can change while a vCPU waits for the page. */
		check_eq(vm_add_memory(vcpu->vm, AREA + LARGE, PAGE, page, 0), 0);
		check_eq(vm_remove_memory(vcpu->vm, AREA + LARGE, PAGE, page), 0);
		page[0] = i + 100;
		uffd_copy(fd, address & -PAGE, page);
	}
	vcpu_join(vcpu);
}

static void on_signal(int signal)
{
	(void)signal;
}

/* A signal ends the wait for a page that does not come. */
static void missing_interrupted(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct vcpu *vcpu = vm_with_guest(guest_reader, 1);
	u8 *p = small_pages(PAGE);
	int fd = uffd_open(0);
	struct utsname name;

	uname(&name);
	if (strverscmp(name.release, "6.2") < 0)
		test_skip("needs Linux 6.2 or later");
	uffd_register(fd, p, PAGE, UFFDIO_REGISTER_MODE_MISSING);
	add_area(vcpu, p, PAGE, 0);
	check_eq(sigaction(SIGUSR1, &action, NULL), 0);
	if (!fork()) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	check_eq(vcpu_ioctl(vcpu, PHV_RUN, 0), -EINTR);
}

/*
 * A copy for the guest does not end so: half of an instruction or of a hypercall can't be told
 * that a signal was there.
 */
enum { OUTS_PORT = 0x300 };

struct late_page {
	int fd;
	u8 *page;
	pthread_t thread;
};

static void *give_late(void *arg)
{
	const struct late_page *late = arg;
	static u8 page[PAGE] __aligned(4096);
	u64 flags;

	uffd_wait(late->fd, &flags);
	pthread_kill(late->thread, SIGUSR1);
	usleep(20000);
	page[0] = 0x5a;
	uffd_copy(late->fd, (u64)late->page, page);
	return NULL;
}

static void guest_outs(void)
{
	u64 from = AREA, count = 1;

	asm volatile("rep outsb" : "+S" (from), "+c" (count) : "d" (OUTS_PORT) : "memory");
}

static void missing_for_copy(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct vcpu *vcpu = vm_with_guest(guest_outs);
	struct late_page late = {
		.fd = uffd_open(0), .page = small_pages(PAGE), .thread = pthread_self(),
	};
	pthread_t thread;
	int ret;

	check_eq(vm_set_ports(vcpu->vm, OUTS_PORT, 1, PHV_PORTS_USER, -1), 0);
	uffd_register(late.fd, late.page, PAGE, UFFDIO_REGISTER_MODE_MISSING);
	add_area(vcpu, late.page, PAGE, 0);
	check_eq(sigaction(SIGUSR1, &action, NULL), 0);
	check_eq(pthread_create(&thread, NULL, give_late, &late), 0);
	do {
		ret = vcpu_ioctl(vcpu, PHV_RUN, 0);
	} while (ret == -EINTR);
	check_eq(ret, 0);
	check_eq(vcpu->run->exit_reason, PHV_EXIT_IO);
	check_eq(vcpu->run->io.data, 0x5a);
	pthread_join(thread, NULL);
}

/* Write protection by the owner: the guest's first write to a page is told, and waits. */
static void write_protected(void)
{
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(4 * PAGE);
	int fd = uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	struct uffdio_writeprotect arg = {
		.range = { .start = (u64)p, .len = 4 * PAGE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	u64 flags;

	add_area(vcpu, p, 4 * PAGE, 0);
	guest_fill(vcpu, AREA, 1, 4);
	uffd_register(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_WP);
	check_eq(ioctl(fd, UFFDIO_WRITEPROTECT, &arg), 0);
	check_eq(guest_sum(vcpu, AREA, 4), sum_to(4));

	tell(OP_FILL, AREA, 5, 1, PAGE);
	vcpu_call(vcpu, guest_obey);
	vcpu_start(vcpu);
	check_eq(uffd_wait(fd, &flags) & -PAGE, (u64)p);
	check(flags & UFFD_PAGEFAULT_FLAG_WP);
	check_eq(*(u64 *)p, 1);
	arg.range.len = PAGE;
	arg.mode = 0;
	check_eq(ioctl(fd, UFFDIO_WRITEPROTECT, &arg), 0);
	vcpu_join(vcpu);
	check_eq(*(u64 *)p, 5);
}

/* Memory that failed */

static sigjmp_buf on_sigbus;

static void sigbus(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	siglongjmp(on_sigbus, info->si_code);
}

static void poisoned(void)
{
	const struct sigaction action = { .sa_sigaction = sigbus, .sa_flags = SA_SIGINFO };
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(4 * PAGE);
	int code;

	add_area(vcpu, p, 4 * PAGE, 0);
	guest_fill(vcpu, AREA, 1, 4);
	check_eq(sigaction(SIGBUS, &action, NULL), 0);
	/* The kernel treats this as an access. */
	if (!sigsetjmp(on_sigbus, 1) && madvise(p + PAGE, PAGE, MADV_HWPOISON))
		test_skip("MADV_HWPOISON: %m");
	check_eq(guest_read(vcpu, AREA), 1);
	code = sigsetjmp(on_sigbus, 1);
	if (!code) {
		expect_refusal(vcpu, -EFAULT, OP_READ, AREA + PAGE, PHV_ACCESS_READ);
		test_fail("no SIGBUS");
	}
	check_eq(code, BUS_MCEERR_AR);
	check_eq(vcpu->run->memory.guest_addr, AREA + PAGE);
}

/* Two CPUs: what another CPU has cached goes as well */

static u64 turn, gone;

/* From when the owner says that the page is gone, it is 0, and at once. */
static void guest_watcher(u64 turns)
{
	u64 *word = (u64 *)AREA;
	u64 i, told, value;

	for (i = 1; i <= turns; i++) {
		WRITE_ONCE(*word, i);
		WRITE_ONCE(turn, i);
		do {
			told = __atomic_load_n(&gone, __ATOMIC_ACQUIRE);
			value = READ_ONCE(*word);
		} while (told < i);
		guest_assert_eq(value, 0);
	}
}

static void other_cpu(void)
{
	enum { TURNS = 50 };
	u8 *p = small_pages(PAGE);
	struct vcpu *vcpu;
	u64 i;

	need_cpus(2);
	vcpu = vm_with_guest(guest_watcher, TURNS);
	add_area(vcpu, p, PAGE, 0);
	pin_to_cpu(0);
	vcpu_start(vcpu);
	pin_to_cpu(1);
	for (i = 1; i <= TURNS; i++) {
		while (READ_ONCE(turn) < i)
			;
		check_eq(madvise(p, PAGE, MADV_DONTNEED), 0);
		__atomic_store_n(&gone, i, __ATOMIC_RELEASE);
	}
	vcpu_join(vcpu);
}

/* Pages with ever higher numbers take the place of each other; what was is not seen again. */
static void guest_follower(u64 last)
{
	u64 told, value;

	do {
		told = __atomic_load_n(&gone, __ATOMIC_ACQUIRE);
		value = READ_ONCE(*(u64 *)AREA);
		if (value < told)
			guest_assert_eq(value, told);
	} while (told < last);
}

/* A fault may be just about to map the page that is replaced. */
static void stale_fault(void)
{
	enum { TURNS = 3000 };
	u8 *p = small_pages(PAGE), *pages = small_pages(TURNS * PAGE);
	struct vcpu *vcpu;
	u64 i;

	need_cpus(2);
	test_limit(100);
	for (i = 0; i < TURNS; i++)
		*(u64 *)(pages + i * PAGE) = i + 1;
	vcpu = vm_with_guest(guest_follower, TURNS);
	add_area(vcpu, p, PAGE, 0);
	pin_to_cpu(0);
	vcpu_start(vcpu);
	pin_to_cpu(1);
	for (i = 0; i < TURNS; i++) {
		check(mremap(pages + i * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
		__atomic_store_n(&gone, i + 1, __ATOMIC_RELEASE);
	}
	vcpu_join(vcpu);
}

/* Two vCPUs fault on the same pages at the same time, and on new ones again and again. */
static u64 sums[2];

static void guest_racer(u64 pages)
{
	u64 i, sum = 0;

	for (i = 0; i < pages; i++)
		sum += __atomic_add_fetch((u64 *)(AREA + i * PAGE), 1, __ATOMIC_SEQ_CST);
	sums[this_cpu()->id] = sum;
}

static void racing_faults(void)
{
	enum { PAGES = LARGE / PAGE };
	struct vm *vm = vm_create();
	struct vcpu *vcpu[2];
	u8 *p = small_pages(LARGE);
	unsigned int i, j;

	check_eq(vm_add_memory(vm, AREA, LARGE, p, 0), 0);
	for (i = 0; i < 2; i++)
		vcpu[i] = vm_add_guest(vm, i, guest_racer, PAGES);
	for (j = 0; j < 3; j++) {
		for (i = 0; i < 2; i++) {
			vcpu_call(vcpu[i], guest_racer, PAGES);
			vcpu_start(vcpu[i]);
		}
		for (i = 0; i < 2; i++)
			vcpu_join(vcpu[i]);
		/* Each page was 1 for one of them, and 2 for the other. */
		check_eq(sums[0] + sums[1], 3 * PAGES);
		for (i = 0; i < PAGES; i++)
			check_eq(*(u64 *)(p + i * PAGE), 2);
		check_eq(madvise(p, LARGE, MADV_DONTNEED), 0);
	}
}

/* The end */

/* The owner dies with its vCPU in the guest; the memory comes back. */
static void owner_dies(void)
{
	enum { SIZE = 16 * LARGE };
	long before = 0, after = 0;
	unsigned int i;
	int status;
	pid_t pid;

	test_limit(500);
	for (i = 0; i < 6; i++) {
		pid = fork();
		if (!pid) {
			struct vcpu *vcpu = vm_with_guest(guest_checker, SIZE / PAGE);

			add_area(vcpu, small_pages(SIZE), SIZE, 0);
			vcpu_start(vcpu);
			while (READ_ONCE(rounds) < 1)
				usleep(1000);
			kill(getpid(), SIGKILL);
		}
		check_eq(waitpid(pid, &status, 0), pid);
		check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		if (i == 1 && !leak_count_free(&before))
			test_skip("no count of free pages");
	}
	/* Of four times 32 MiB not even half of one is missing, once all is torn down. */
	for (i = 0; i < 50; i++) {
		leak_count_free(&after);
		if (after > before - (long)(SIZE / PAGE / 2))
			return;
		usleep(100000);
	}
	test_fail("%ld pages are free, %ld were", after, before);
}

static long secondary_tables(void)
{
	char line[128];
	long value = -1;
	FILE *file;

	/* Collect what CPUs have counted for themselves. */
	write_line("/proc/sys/vm/stat_refresh", "1");
	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SecPageTables: %ld kB", &value) == 1)
			break;
	if (file)
		fclose(file);
	return value;
}

/* The tables are in the kernel's books, and out again. */
static void tables_are_counted(void)
{
	enum { SIZE = 16 * LARGE };
	long before = secondary_tables();
	struct vcpu *vcpu = servant();
	u8 *p = small_pages(SIZE);

	if (before < 0)
		test_skip("no SecPageTables in /proc/meminfo");
	add_area(vcpu, p, SIZE, 0);
	guest_fill(vcpu, AREA, 1, SIZE / PAGE);
	check(secondary_tables() - before >= 16 * 4);
	munmap(p, SIZE);
	vm_destroy(vcpu->vm);
	check(secondary_tables() - before <= 4);
}

#define GROUP "/sys/fs/cgroup/phv-test"

/* A number from the group's memory.stat. */
static long group_stat(const char *name)
{
	char line[128], format[64];
	long value = -1;
	FILE *file = fopen(GROUP "/memory.stat", "r");

	snprintf(format, sizeof(format), "%s %%ld", name);
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) == 1)
			break;
	if (file)
		fclose(file);
	return value;
}

/* The owner's control group pays for the tables. */
static void tables_are_charged(void)
{
	enum { SIZE = 64 * LARGE };
	struct vcpu *vcpu;
	long before, i;
	u8 *p;

	mkdir("/sys/fs/cgroup", 0755);
	mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	if (!write_line("/sys/fs/cgroup/cgroup.subtree_control", "+memory") ||
	    (mkdir(GROUP, 0755) && errno != EEXIST) ||
	    !write_line(GROUP "/cgroup.procs", "0"))
		test_skip("no control group for memory");
	vcpu = servant();
	p = small_pages(SIZE);
	add_area(vcpu, p, SIZE, 0);
	before = group_stat("kernel");
	/* One page in each 2 MiB, so that there is a table for each. */
	for (i = 0; i < SIZE; i += LARGE)
		guest_write(vcpu, AREA + i, 1);
	check(group_stat("kernel") - before >= (long)(SIZE / LARGE * PAGE));
	write_line("/sys/fs/cgroup/cgroup.procs", "0");
}

static const struct test tests[] = {
	{ "what the owner drops is gone", .host = dontneed },
	{ "the zero page becomes a page", .host = zero_page },
	{ "what the owner moves away is gone", .host = moved_away },
	{ "what the owner moves in is there", .host = moved_in },
	{ "a forked child has its own copy", .host = forked },
	{ "a file is shared with the guest", .host = shared_file },
	{ "a private file is not changed", .host = private_file },
	{ "a file on disk gets every write", .host = written_back },
	{ "a large page is split", .host = split },
	{ "small pages become a large page", .host = collapse },
	{ "huge pages are mapped as such", .host = huge_pages },
	{ "so is one of 1 GiB", .host = giant_page },
	{ "swapped pages come back", .host = swapped_small },
	{ "swapped large pages come back", .host = swapped_large },
	{ "pages are swapped while the guest writes", .host = swapped_under_way },
	{ "rights change while the guest writes", .host = protected_under_way },
	{ "large pages come and go while the guest writes", .host = split_under_way },
	{ "the owner forks while the guest writes", .host = forked_under_way },
	{ "pages move while the guest writes", .host = migrated_under_way },
	{ "merged pages are separate when written", .host = merge },
	{ "missing pages are the owner's to give", .host = missing },
	{ "a signal ends the wait for a page", .host = missing_interrupted },
	{ "but not that of a copy for the guest", .host = missing_for_copy },
	{ "write protection by the owner is told", .host = write_protected },
	{ "a poisoned page is an error", .host = poisoned },
	{ "other CPUs forget what is gone", .host = other_cpu },
	{ "a fault does not bring back what is gone", .host = stale_fault },
	{ "vCPUs may fault on the same page", .host = racing_faults },
	{ "an owner that dies leaves nothing behind", .host = owner_dies },
	{ "tables are counted", .host = tables_are_counted },
	{ "tables are charged to the owner", .host = tables_are_charged },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
