// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the benchmarks of disks have a guest do, or the host with the same file; static.
 * All of it goes past the guest's own cache.
 *
 *	ioload DEVICE BYTES INTERRUPT
 *
 * Each thing is done on the first BYTES of it, some rounds to warm up, and then
 * "begin NAME" is said; when the host had time to look at its counters, it is measured,
 * and "row NAME OPERATIONS TIME INTERRUPTS" said: the TSC's time, which is a number of
 * instructions in the emulated test host, and how often interrupts came whose line in
 * /proc/interrupts has the word INTERRUPT.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/syscall.h>

#include "load.h"

#define DEPTH_MAX	32

/**
 * struct load - something to be measured
 * @name: the row's
 * @write: it writes
 * @depth: operations under way at a time; 1: system calls that wait
 * @size: bytes of one
 * @sequential: one behind the other
 * @count: how many
 */
struct load {
	const char *name;
	int write;
	unsigned int depth;
	size_t size;
	int sequential;
	unsigned int count;
};

static const struct load loads[] = {
	{ "read.4k.1", 0, 1, 4096, 0, 400 },
	{ "write.4k.1", 1, 1, 4096, 0, 400 },
	{ "read.4k.32", 0, 32, 4096, 0, 1600 },
	{ "write.4k.32", 1, 32, 4096, 0, 1600 },
	{ "read.1m", 0, 1, 1048576, 1, 16 },
	{ "write.1m", 1, 1, 1048576, 1, 16 },
};

static int disk;
static size_t room;
static unsigned char *space;

static void fail(const char *what)
{
	printf("ioload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t any(uint32_t below)
{
	static uint32_t seed = 987654321;

	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static off_t next_offset(const struct load *load, unsigned int number)
{
	uint32_t places = room / load->size;

	return (off_t)(load->sequential ? number % places : any(places)) * load->size;
}

static void run_waiting(const struct load *load, unsigned int count)
{
	unsigned int i;
	ssize_t n;

	for (i = 0; i < count; i++) {
		off_t offset = next_offset(load, i);

		n = load->write ? pwrite(disk, space, load->size, offset) :
				  pread(disk, space, load->size, offset);
		if (n != (ssize_t)load->size)
			fail(load->name);
	}
}

/* As many as end are begun anew, with one system call. */
static void run_deep(const struct load *load, unsigned int count)
{
	struct iocb blocks[DEPTH_MAX], *list[DEPTH_MAX];
	struct io_event events[DEPTH_MAX];
	unsigned int begun = 0, ended = 0, some, i;
	aio_context_t context = 0;
	long n;

	if (syscall(SYS_io_setup, DEPTH_MAX, &context))
		fail("io_setup");
	for (i = 0; i < load->depth; i++) {
		memset(&blocks[i], 0, sizeof(blocks[i]));
		blocks[i].aio_fildes = disk;
		blocks[i].aio_lio_opcode = load->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		blocks[i].aio_buf = (uintptr_t)(space + i * load->size);
		blocks[i].aio_nbytes = load->size;
		list[i] = &blocks[i];
	}
	some = load->depth;
	while (ended < count) {
		for (i = 0; i < some; i++)
			list[i]->aio_offset = next_offset(load, begun + i);
		if (some && syscall(SYS_io_submit, context, some, list) != (long)some)
			fail("io_submit");
		begun += some;
		n = syscall(SYS_io_getevents, context, 1, load->depth, events, NULL);
		if (n <= 0)
			fail("io_getevents");
		ended += n;
		some = 0;
		for (i = 0; i < n; i++) {
			if (events[i].res != (int64_t)load->size)
				fail(load->name);
			if (begun + some < count)
				list[some++] = (struct iocb *)(uintptr_t)events[i].obj;
		}
	}
	syscall(SYS_io_destroy, context);
}

static void run(const struct load *load, unsigned int count)
{
	if (load->depth > 1)
		run_deep(load, count);
	else
		run_waiting(load, count);
}

static void measure(const struct load *load, const char *word)
{
	uint64_t before, start, time;

	run(load, load->count / 8);
	say_begin(load->name);
	before = interrupts(word);
	start = rdtsc();
	run(load, load->count);
	time = rdtsc() - start;
	say_row(load->name, load->count, time, interrupts(word) - before);
}

int main(int argc, char **argv)
{
	unsigned int i;
	void *memory;

	if (argc != 4)
		return 2;
	disk = open(argv[1], O_RDWR | O_DIRECT);
	/* A file in memory of an older host's: it makes no difference there */
	if (disk < 0 && errno == EINVAL)
		disk = open(argv[1], O_RDWR);
	if (disk < 0)
		fail(argv[1]);
	room = strtoul(argv[2], NULL, 0);
	if (posix_memalign(&memory, 4096, 1048576))
		fail("memory");
	space = memset(memory, 0x5a, 1048576);
	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		measure(&loads[i], argv[3]);
	return 0;
}
