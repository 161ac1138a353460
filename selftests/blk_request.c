// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of a disk's requests between ring and file: phvd's code, with a frontend and
 * files of this test's.
 *
 * The files record: a write is in their cache when it is done, and safe when a flush is
 * done that was begun after that. Operations end in any order, some of them short or with
 * an error. So what a flush or a barrier promises can be compared with what a power cut
 * would leave, at any time.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>

#include "blk_chain.h"
#include "blk_request.h"
#include "kselftest.h"

#define RAM_PAGES	128
#define ENTRIES		32		/* of a ring of one page */
#define QUEUES		2
#define SLOTS		(QUEUES * ENTRIES)
/* Frames, and so grants: each request has a page; and one is for segments. */
#define RING_FRAME	16
#define DATA_FRAME	32
#define SEGMENTS_FRAME	31

/* The disk: two files, the second one from its second page on. */
#define FILE_SECTORS	64
#define SECTORS		(2 * FILE_SECTORS)
#define FIRST_FD	1000
#define SECOND_OFFSET	4096
#define PENDING_MAX	1024

enum kind { READ, WRITE, FLUSH };

/* An operation that is under way. */
struct op {
	struct aio *aio;
	enum kind kind;
	int fd;
	const struct iovec *iov;
	unsigned int count;
	__u64 offset;
	__u64 cached[FILE_SECTORS];
};

/* A request, as the frontend knows it. */
struct slot {
	bool used;
	__u8 op;
	unsigned int queue;
	unsigned int sector, sectors;
	__u64 sequence;
	__u64 value;			/* of its first sector; the others' follow */
	__u64 promised[SECTORS];	/* what was answered before it was put there */
};

static struct guest_memory memory;
static struct backend backend = { .grants.memory = &memory };
static struct blk_disk disk = { .device.backend = &backend };
static struct op pending[PENDING_MAX];
static unsigned int pending_count;
static bool more;
static unsigned int errors;	/* one operation in so many fails; 0: none */

/* A number for each write: what the files have, and what the guest was told. */
static __u64 cached[SECTORS], safe[SECTORS], answered[SECTORS], sequence;
static struct slot slots[SLOTS];
static __u32 consumed[QUEUES];
static bool vandalised;
static unsigned int flushes, barriers, failures;

static __u32 seed = 20240229;
static bool failed;

#define check(condition) do {						\
	if (!(condition) && !failed) {					\
		ksft_print_msg("line %d: %s\n", __LINE__, #condition);	\
		failed = true;						\
	}								\
} while (0)

static void done(const char *what)
{
	ksft_test_result(!failed, "%s\n", what);
	failed = false;
}

static __u32 any_of(__u32 *state, __u32 below)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state % below;
}

static __u32 any(__u32 below)
{
	return any_of(&seed, below);
}

static char *frame(unsigned int number)
{
	return (char *)memory.region[0].host + number * GUEST_PAGE_SIZE;
}

static __u32 *indices(unsigned int queue)
{
	return (__u32 *)frame(RING_FRAME + queue); /* req_prod, req_event, rsp_prod, ... */
}

/* The frontend hears. */

static void heard(unsigned int queue, const struct blkif_response *response)
{
	struct slot *slot = &slots[response->id % SLOTS];
	bool syncs = slot->op == BLKIF_OP_FLUSH_DISKCACHE ||
		     slot->op == BLKIF_OP_WRITE_BARRIER;
	unsigned int i;

	check(response->id < SLOTS && slot->used && slot->queue == queue &&
	      slot->op == response->operation);
	slot->used = false;
	if (response->status) {
		check(errors);
		failures++;
		return;
	}
	for (i = 0; syncs && i < SECTORS; i++)
		check(safe[i] >= slot->promised[i]);
	for (i = 0; i < slot->sectors && slot->op != BLKIF_OP_READ; i++) {
		answered[slot->sector + i] = slot->value + i;
		if (slot->op == BLKIF_OP_WRITE_BARRIER)
			check(safe[slot->sector + i] >= slot->value + i);
	}
	for (i = 0; i < slot->sectors && slot->op == BLKIF_OP_READ; i++)
		check(*(__u64 *)(frame(DATA_FRAME + response->id) + i * BLK_SECTOR) ==
		      cached[slot->sector + i]);
	flushes += slot->op == BLKIF_OP_FLUSH_DISKCACHE;
	barriers += slot->op == BLKIF_OP_WRITE_BARRIER;
}

static void hear(void)
{
	struct blkif_response response;
	unsigned int i;

	for (i = 0; i < disk.queues && !vandalised; i++) {
		for (; consumed[i] != indices(i)[2]; consumed[i]++) {
			memcpy(&response, frame(RING_FRAME + i) + 64 +
			       consumed[i] % ENTRIES * sizeof(struct blkif_request),
			       sizeof(response));
			heard(i, &response);
		}
	}
}

/* The files. */

static unsigned int sector_at(int fd, __u64 offset)
{
	return fd == FIRST_FD ? offset / BLK_SECTOR :
	       FILE_SECTORS + (offset - SECOND_OFFSET) / BLK_SECTOR;
}

/* Whose is it? There is one request at most for a sector at a time. */
static struct slot *slot_at(unsigned int sector)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (slots[i].used && slots[i].sectors && sector >= slots[i].sector &&
		    sector < slots[i].sector + slots[i].sectors)
			return &slots[i];
	return NULL;
}

static struct slot *slot_of(const struct op *op)
{
	return slot_at(sector_at(op->fd, op->offset));
}

/* A barrier's data: nothing else is under way, and all that was done is safe. */
static void check_barrier(const struct slot *barrier)
{
	unsigned int i;

	for (i = 0; i + 1 < pending_count; i++)
		check(slot_of(&pending[i]) == barrier);
	for (i = 0; i < SECTORS; i++)
		check(errors || safe[i] == cached[i] || slot_at(i) == barrier);
}

/* Nothing passes a barrier. */
static void check_order(const struct op *op)
{
	const struct slot *slot = op->kind == FLUSH ? NULL : slot_of(op);
	unsigned int i;

	hear();
	if (op->kind != FLUSH)
		check(slot);
	for (i = 0; slot && i < SLOTS; i++)
		check(!slots[i].used || slots[i].op != BLKIF_OP_WRITE_BARRIER ||
		      slots[i].queue != slot->queue || slots[i].sequence >= slot->sequence);
	if (slot && slot->op == BLKIF_OP_WRITE_BARRIER)
		check_barrier(slot);
}

static __u64 size_of(const struct op *op)
{
	__u64 size = 0;
	unsigned int i;

	for (i = 0; i < op->count; i++)
		size += op->iov[i].iov_len;
	return size;
}

/* What reaches the kernel is what was checked: within the guest's memory, and the file. */
static void check_bounds(const struct op *op)
{
	const struct blk_request *request = (const struct blk_request *)op->aio;
	__u64 begin = op->fd == FIRST_FD ? 0 : SECOND_OFFSET;
	unsigned int i;

	check(op->fd == FIRST_FD || op->fd == FIRST_FD + 1);
	if (op->kind == FLUSH)
		return;
	check(size_of(op) == (request->chained ? request->chain_bytes : request->bytes));
	check(op->offset >= begin && size_of(op) &&
	      op->offset + size_of(op) <= begin + FILE_SECTORS * BLK_SECTOR);
	for (i = 0; i < op->count; i++)
		check((char *)op->iov[i].iov_base >= frame(0) &&
		      (char *)op->iov[i].iov_base + op->iov[i].iov_len <= frame(RAM_PAGES));
}

static void begin(struct aio *aio, enum kind kind, int fd, const struct iovec *iov,
		  unsigned int count, __u64 offset)
{
	struct op *op = &pending[pending_count++];

	if (pending_count == PENDING_MAX)
		ksft_exit_fail_msg("more operations than there are requests\n");
	*op = (struct op){ aio, kind, fd, iov, count, offset, { 0 } };
	if (kind == FLUSH)
		memcpy(op->cached, cached + sector_at(fd, fd == FIRST_FD ? 0 : SECOND_OFFSET),
		       sizeof(op->cached));
	check_bounds(op);
	if (!vandalised)
		check_order(op);
}

void aio_readv(struct aio *aio, int fd, const struct iovec *iov, unsigned int count,
	       __u64 offset)
{
	begin(aio, READ, fd, iov, count, offset);
}

void aio_writev(struct aio *aio, int fd, const struct iovec *iov, unsigned int count,
		__u64 offset)
{
	begin(aio, WRITE, fd, iov, count, offset);
}

void aio_flush(struct aio *aio, int fd)
{
	begin(aio, FLUSH, fd, NULL, 0, 0);
}

void aio_punch(struct aio *aio, int fd, __u64 offset, __u64 length)
{
	(void)fd;
	(void)offset;
	(void)length;
	aio->done(aio, -EOPNOTSUPP);
}

/* Moves the first @size bytes between memory and cache. */
static void transfer(const struct op *op, __u64 size)
{
	unsigned int sector = sector_at(op->fd, op->offset), i;
	__u64 at;

	for (i = 0; i < op->count && size; i++) {
		for (at = 0; at < op->iov[i].iov_len && size; at += BLK_SECTOR) {
			__u64 *memory_at = (void *)((char *)op->iov[i].iov_base + at);

			if (op->kind == WRITE)
				cached[sector++] = *memory_at;
			else
				*memory_at = cached[sector++];
			size -= BLK_SECTOR;
		}
	}
}

static void sync_file(const struct op *op)
{
	unsigned int first = op->fd == FIRST_FD ? 0 : FILE_SECTORS, i;

	for (i = 0; i < FILE_SECTORS; i++)
		if (safe[first + i] < op->cached[i])
			safe[first + i] = op->cached[i];
}

/* One of those that are under way is done. */
static void complete(unsigned int number)
{
	struct op op = pending[number];
	__u64 size = size_of(&op);
	int result = (int)size;

	pending[number] = pending[--pending_count];
	if (errors && !any(errors))
		result = any(2) ? -EIO : -EAGAIN;
	else if (errors && size > BLK_SECTOR && !any(errors))
		result = (int)((1 + any(size / BLK_SECTOR - 1)) * BLK_SECTOR);
	if (result > 0)
		transfer(&op, (__u64)result);
	else if (op.kind == FLUSH && !result)
		sync_file(&op);
	op.aio->done(op.aio, result);
}

void aio_submit(void)
{
	unsigned int some = any(pending_count + 1);

	while (some-- && pending_count)
		complete(any(pending_count));
	more |= blk_settle(&disk);
}

void aio_wait(void)
{
	if (!pending_count)
		ksft_exit_fail_msg("waits for what was not begun\n");
	complete(any(pending_count));
	aio_submit();
}

/* The rest of the backend. */

int backend_fail(struct backend_device *device, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(device->why, sizeof(device->why), format, args);
	va_end(args);
	device->failed = true;
	return err;
}

void backend_stopped(struct backend_device *device)
{
	(void)device;
}

void backend_notify(struct backend_channel *channel)
{
	(void)channel;
}

static void make_guest(void)
{
	grant_entry_v1_t *grants;
	unsigned int i;

	memory.region[0] = (struct guest_region){
		.size = RAM_PAGES * GUEST_PAGE_SIZE, .type = 1,
		.host = mmap(NULL, RAM_PAGES * GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	};
	memory.regions = 1;
	grants = calloc(1, GUEST_PAGE_SIZE);
	if (memory.region[0].host == MAP_FAILED || !grants)
		ksft_exit_fail_msg("no memory\n");
	backend.grants.frames = grants;
	backend.grants.max_frames = 1;
	backend.grants.version = 1;
	for (i = 8; i < RAM_PAGES; i++)
		grants[i] = (grant_entry_v1_t){ .flags = GTF_permit_access, .frame = i };
	disk.table = (struct blk_table){
		.extent = {
			{ 0, FILE_SECTORS, FIRST_FD, 0, 0, false },
			{ FILE_SECTORS, FILE_SECTORS, FIRST_FD + 1, SECOND_OFFSET, 0, false },
		},
		.count = 2, .sectors = SECTORS, .sector_size = BLK_SECTOR,
	};
}

static void connect_queues(unsigned int queues)
{
	unsigned int i;

	memset(slots, 0, sizeof(slots));
	memset(consumed, 0, sizeof(consumed));
	disk.device.failed = false;
	disk.stopping = false;
	disk.queues = queues;
	for (i = 0; i < queues; i++) {
		memset(frame(RING_FRAME + i), 0, vandalised ? 64 : GUEST_PAGE_SIZE);
		disk.queue[i] = (struct blk_queue){ .disk = &disk };
		disk.queue[i].ring.pages.page[0] = frame(RING_FRAME + i);
		disk.queue[i].ring.pages.pages = 1;
		blk_ring_begin(&disk.queue[i].ring, BLK_X86_64);
	}
}

/* The frontend asks. */

static bool is_busy(unsigned int sector, unsigned int sectors)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (slots[i].used && slots[i].sector < sector + sectors &&
		    sector < slots[i].sector + slots[i].sectors)
			return true;
	return false;
}

static void put(unsigned int number, __u8 op, unsigned int sector, unsigned int sectors)
{
	struct slot *slot = &slots[number];
	unsigned int queue = number / ENTRIES, i;
	struct blkif_request request = {
		.operation = op, .nr_segments = sectors ? 1 : 0, .id = number,
		.sector_number = sector,
		.seg = { { .gref = DATA_FRAME + number, .last_sect = sectors - 1 } },
	};

	*slot = (struct slot){ true, op, queue, sector, sectors, ++sequence, sequence, { 0 } };
	sequence += sectors;
	memcpy(slot->promised, answered, sizeof(answered));
	for (i = 0; i < sectors; i++)
		*(__u64 *)(frame(DATA_FRAME + number) + i * BLK_SECTOR) = slot->value + i;
	memcpy(frame(RING_FRAME + queue) + 64 +
	       indices(queue)[0] % ENTRIES * sizeof(request), &request, sizeof(request));
	__atomic_store_n(indices(queue), indices(queue)[0] + 1, __ATOMIC_RELEASE);
}

/* Puts something there, if there is room. */
static void ask(void)
{
	static const __u8 ops[] = {
		BLKIF_OP_WRITE, BLKIF_OP_WRITE, BLKIF_OP_WRITE, BLKIF_OP_WRITE,
		BLKIF_OP_READ, BLKIF_OP_READ, BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_WRITE_BARRIER,
	};
	unsigned int number = any(disk.queues * ENTRIES);
	__u8 op = ops[any(ARRAY_SIZE(ops))];
	unsigned int sectors = op == BLKIF_OP_FLUSH_DISKCACHE ? 0 : 1 + any(8);
	unsigned int sector = any(SECTORS - sectors);

	if (op == BLKIF_OP_WRITE_BARRIER && !any(3))
		sectors = 0;
	if (!slots[number].used && !is_busy(sector, sectors))
		put(number, op, sector, sectors);
}

static void serve(void)
{
	unsigned int i;

	more = false;
	for (i = 0; i < disk.queues; i++)
		more |= blk_serve(&disk.queue[i]);
	aio_submit();
}

/* Everything ends, without another word of the guest's. */
static void settle(void)
{
	unsigned int i, left = 0;

	for (i = 0; i < 100000 && (pending_count || more); i++) {
		if (more)
			serve();
		else
			aio_wait();
	}
	hear();
	for (i = 0; i < SLOTS; i++)
		left += slots[i].used;
	check(!left && !disk.under_way && !disk.barrier);
}

static void load(unsigned int queues, unsigned int rounds)
{
	unsigned int i;

	connect_queues(queues);
	flushes = 0;
	barriers = 0;
	failures = 0;
	while (rounds-- && !failed) {
		for (i = any(12); i; i--)
			ask();
		serve();
		hear();
	}
	settle();
	check(flushes > 50 && barriers > 50 && (!errors || failures > 50));
}

/* What a barrier waits for is not signalled again. */
static void test_barrier(void)
{
	connect_queues(2);
	put(0, BLKIF_OP_WRITE, 0, 8);
	put(1, BLKIF_OP_WRITE_BARRIER, 60, 8);
	put(2, BLKIF_OP_READ, 0, 8);
	blk_serve(&disk.queue[0]);
	check(pending_count == 1);
	put(ENTRIES, BLKIF_OP_READ, 8, 8);
	blk_serve(&disk.queue[1]);
	check(pending_count == 1);
	settle();
	done("a barrier goes on by itself, and others go on behind it");
}

/* There is no sector 70 any more when the barrier's turn comes. */
static void test_shrunk(void)
{
	connect_queues(1);
	put(0, BLKIF_OP_WRITE, 0, 8);
	put(1, BLKIF_OP_WRITE_BARRIER, 70, 8);
	blk_serve(&disk.queue[0]);
	disk.table.count = 1;
	disk.table.sectors = FILE_SECTORS;
	errors = 1 << 30;
	failures = 0;
	settle();
	errors = 0;
	check(failures == 1);
	disk.table.count = 2;
	disk.table.sectors = SECTORS;
	done("a barrier on a disk that has become smaller");
}

static void test_drain(void)
{
	unsigned int i;

	connect_queues(1);
	for (i = 0; i < 8; i++)
		put(i, BLKIF_OP_WRITE, i * 8, 8);
	put(8, BLKIF_OP_WRITE_BARRIER, 100, 2);
	blk_serve(&disk.queue[0]);
	disk.queue[0].channel.source = (void *)&disk;	/* as if it were open */
	check(blk_drain(&disk, true) && !disk.under_way && !pending_count);
	put(9, BLKIF_OP_READ, 0, 8);
	blk_serve(&disk.queue[0]);
	check(!disk.under_way && indices(0)[2] == 9);
	slots[9].used = false;
	hear();
	disk.stopping = false;
	done("what is under way ends, and nothing begins, when the device is to end");
}

/* A file in memory is done with at once, however many steps there are. */
static void test_in_memory(void)
{
	struct blk_extent old[2] = { disk.table.extent[0], disk.table.extent[1] };
	int fd = memfd_create("disk", MFD_CLOEXEC), i;

	if (fd < 0 || ftruncate(fd, SECTORS * BLK_SECTOR))
		ksft_exit_fail_msg("no memfd\n");
	vandalised = true;
	connect_queues(1);
	for (i = 0; i < 2; i++) {
		disk.table.extent[i].fd = fd;
		disk.table.extent[i].offset = (__u64)i * FILE_SECTORS * BLK_SECTOR;
		disk.table.extent[i].in_memory = true;
	}
	put(0, BLKIF_OP_WRITE, FILE_SECTORS - 4, 8);
	put(1, BLKIF_OP_WRITE_BARRIER, 0, 8);
	put(2, BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	put(3, BLKIF_OP_READ, FILE_SECTORS - 4, 8);
	serve();
	while (more)
		serve();
	check(!pending_count && !disk.under_way && indices(0)[2] == 4);
	for (i = 0; i < 8; i++)
		check(*(__u64 *)(frame(DATA_FRAME + 3) + i * BLK_SECTOR) == slots[0].value + i);
	check(pread(fd, frame(DATA_FRAME), BLK_SECTOR, 0) == BLK_SECTOR &&
	      *(__u64 *)frame(DATA_FRAME) == slots[1].value);
	close(fd);
	memcpy(disk.table.extent, old, sizeof(old));
	vandalised = false;
	done("a disk in memory");
}

/* Every fourth entry is indirect. Good on the whole, but they change. */
static void rewrite(unsigned int number, __u32 *random)
{
	struct blkif_request *request = (struct blkif_request *)(frame(RING_FRAME) + 64) + number;
	struct blkif_request_indirect *indirect = (void *)request;
	struct blkif_request_segment *segment = request->seg;

	request->sector_number = any_of(random, SECTORS);
	if (number % 4) {
		request->operation = any_of(random, 4);
		request->nr_segments = 1 + any_of(random, 8);
	} else {
		request->operation = BLKIF_OP_INDIRECT;
		indirect->indirect_op = any_of(random, 2);
		indirect->nr_segments = 1 + any_of(random, 8);
		indirect->indirect_grefs[0] = SEGMENTS_FRAME;
		segment = (void *)frame(SEGMENTS_FRAME);
	}
	segment += any_of(random, 8);
	segment->gref = DATA_FRAME + any_of(random, SLOTS);
	segment->first_sect = any_of(random, 4);
	segment->last_sect = any_of(random, 1000) ? 4 + any_of(random, 4) : 200;
	/* All of it is written, whatever the compiler sees of the other thread */
	asm volatile("" : : : "memory");
}

static void *vandal(void *argument)
{
	__u32 random = 77;

	while (!__atomic_load_n((bool *)argument, __ATOMIC_RELAXED))
		rewrite(any_of(&random, ENTRIES), &random);
	return NULL;
}

static void test_rewritten(void)
{
	unsigned int rounds, ended = 0;
	__u64 begun = disk.operations;
	__u32 random = 1234;
	pthread_t thread;
	bool stop = false;

	vandalised = true;
	connect_queues(1);
	for (rounds = 0; rounds < 10000; rounds++)
		rewrite(rounds % ENTRIES, &random);
	pthread_create(&thread, NULL, vandal, &stop);
	for (rounds = 0; rounds < 20000; rounds++) {
		/* The other one may sleep, and leave what is bad there. */
		rewrite(any(ENTRIES), &random);
		indices(0)[0] = indices(0)[2] + any(ENTRIES + 1);
		serve();
		if (!disk.device.failed)
			continue;
		ended++;
		check(blk_drain(&disk, true) && disk.device.why[0]);
		connect_queues(1);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	check(blk_drain(&disk, true) && ended && disk.operations > begun + 1000);
	vandalised = false;
	done("requests that change while they are looked at");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(8);
	make_guest();
	load(1, 3000);
	done("a flush covers what was answered before, a barrier too, and nothing passes it");
	load(QUEUES, 3000);
	done("the same with two queues");
	errors = 20;
	load(QUEUES, 3000);
	done("the same with errors, and with operations that do less than they should");
	errors = 0;
	test_barrier();
	test_shrunk();
	test_drain();
	test_in_memory();
	test_rewritten();
	ksft_finished();
}
