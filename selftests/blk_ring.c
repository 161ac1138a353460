// SPDX-License-Identifier: GPL-2.0-only
/*
 * phvd's look at a block device's ring: both layouts, rings of several pages, and
 * frontends that put there what they should not.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>

#include "blk_ring.h"
#include "kselftest.h"

#define RAM_PAGES	64
#define TABLE_FRAMES	1

/* Frames: the ring's first, those that are granted below; what is granted has its number. */
#define RING_FRAME	32
#define READ_ONLY	20
#define OTHERS		21
#define NOWHERE		22
#define SEGMENTS_PAGE	23

static struct guest_memory memory;
static struct grant_table table;
static struct blk_ring ring;
static struct blk_command command;
static bool failed;

#define check(condition) do {						\
	if (!(condition)) {						\
		ksft_print_msg("line %d: %s\n", __LINE__, #condition);	\
		failed = true;						\
	}								\
} while (0)

/* Each test is a line; what it checked was good, or not. */
static void done(const char *what)
{
	ksft_test_result(!failed, "%s\n", what);
	failed = false;
}

static char *frame(unsigned int number)
{
	return (char *)memory.region[0].host + number * GUEST_PAGE_SIZE;
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
	grants = mmap(NULL, 2 * GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory.region[0].host == MAP_FAILED || grants == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	table = (struct grant_table){
		.frames = grants, .max_frames = TABLE_FRAMES, .version = 1, .memory = &memory,
	};
	for (i = 8; i < RING_FRAME; i++)
		grants[i] = (grant_entry_v1_t){ .flags = GTF_permit_access, .frame = i };
	grants[READ_ONLY].flags |= GTF_readonly;
	grants[OTHERS].domid = 5;
	grants[NOWHERE].frame = RAM_PAGES;
}

static void start(unsigned int pages, enum blk_abi abi)
{
	unsigned int i;

	memset(&ring, 0, sizeof(ring));
	for (i = 0; i < pages; i++) {
		ring.pages.page[i] = frame(RING_FRAME + i);
		memset(ring.pages.page[i], 0, GUEST_PAGE_SIZE);
	}
	ring.pages.pages = pages;
	blk_ring_begin(&ring, abi);
}

static __u32 *indices(void)
{
	return ring.pages.page[0];	/* req_prod, req_event, rsp_prod, rsp_event */
}

static void put(const void *request, size_t size)
{
	size_t entry = ring.abi == BLK_X86_64 ? 112 : 108;

	backend_ring_write(&ring.pages, 64 + (indices()[0] % ring.entries) * entry, request,
			   size);
	indices()[0]++;
}

static struct blkif_request request(__u8 op, unsigned int segments, __u32 ref)
{
	struct blkif_request made = {
		.operation = op, .nr_segments = segments, .id = 0x1234567890, .sector_number = 7,
	};
	unsigned int i;

	for (i = 0; i < segments && i < BLKIF_MAX_SEGMENTS_PER_REQUEST; i++)
		made.seg[i] = (struct blkif_request_segment){ .gref = ref, .last_sect = 7 };
	return made;
}

static int take(struct blkif_request made)
{
	put(&made, sizeof(made));
	if (blk_ring_waiting(&ring) != 1)
		return -EIO;
	return blk_ring_take(&ring, &table, &command);
}

static void test_good(void)
{
	struct blkif_request made = request(BLKIF_OP_READ, 3, 10);

	start(1, BLK_X86_64);
	check(ring.entries == 32);
	made.seg[1] = (struct blkif_request_segment){ .gref = 11, .first_sect = 0, .last_sect = 1 };
	made.seg[2] = (struct blkif_request_segment){ .gref = 9, .first_sect = 7, .last_sect = 7 };
	check(!take(made));
	check(command.op == BLKIF_OP_READ && command.id == 0x1234567890);
	check(command.sector == 7 && command.sectors == 11);
	/* Two pages that follow on one another are one part. */
	check(command.count == 2);
	check(command.iov[0].iov_base == frame(10) && command.iov[0].iov_len == 5120);
	check(command.iov[1].iov_base == frame(9) + 3584 && command.iov[1].iov_len == 512);
	check(!take(request(BLKIF_OP_FLUSH_DISKCACHE, 0, 0)) && !command.sectors);
	check(!take(request(BLKIF_OP_WRITE_BARRIER, 0, 0)) && !command.sectors);
	check(!take(request(77, 99, 0)) && command.op == 77);
	done("requests are what they say");
}

static void test_discard(void)
{
	struct blkif_request_discard made = {
		.operation = BLKIF_OP_DISCARD, .flag = BLKIF_DISCARD_SECURE, .id = 3,
		.sector_number = 1ULL << 60, .nr_sectors = ~0ULL,
	};

	start(1, BLK_X86_64);
	put(&made, sizeof(made));
	check(blk_ring_waiting(&ring) == 1 && !blk_ring_take(&ring, &table, &command));
	check(command.op == BLKIF_OP_DISCARD && command.secure && command.id == 3);
	check(command.sector == 1ULL << 60 && command.sectors == ~0ULL);
	done("discard");
}

static void test_indirect(void)
{
	struct blkif_request_segment *segment = (void *)frame(SEGMENTS_PAGE);
	struct blkif_request_indirect made = {
		.operation = BLKIF_OP_INDIRECT, .indirect_op = BLKIF_OP_WRITE,
		.nr_segments = BLK_MAX_SEGMENTS, .id = 9, .sector_number = 1,
		.indirect_grefs = { SEGMENTS_PAGE },
	};
	static const struct {
		__u16 count;
		__u8 op;
		__u32 ref;
	} bad[] = {
		{ 0, BLKIF_OP_WRITE, SEGMENTS_PAGE },
		{ BLK_MAX_SEGMENTS + 1, BLKIF_OP_WRITE, SEGMENTS_PAGE },
		{ 0xffff, BLKIF_OP_WRITE, SEGMENTS_PAGE },
		{ 1, BLKIF_OP_INDIRECT, SEGMENTS_PAGE },
		{ 1, BLKIF_OP_DISCARD, SEGMENTS_PAGE },
		{ 1, BLKIF_OP_READ, OTHERS },
		{ 1, BLKIF_OP_READ, NOWHERE },
		{ 1, BLKIF_OP_READ, 0x7fffffff },
	};
	size_t i;

	for (i = 0; i < BLK_MAX_SEGMENTS; i++)
		segment[i] = (struct blkif_request_segment){
			.gref = READ_ONLY, .last_sect = 7,
		};
	start(1, BLK_X86_64);
	put(&made, sizeof(made));
	check(blk_ring_waiting(&ring) == 1 && !blk_ring_take(&ring, &table, &command));
	check(command.op == BLKIF_OP_WRITE && command.sectors == 8 * BLK_MAX_SEGMENTS);
	check(command.count == BLK_MAX_SEGMENTS && command.id == 9);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start(1, BLK_X86_64);
		made.nr_segments = bad[i].count;
		made.indirect_op = bad[i].op;
		made.indirect_grefs[0] = bad[i].ref;
		put(&made, sizeof(made));
		check(blk_ring_waiting(&ring) == 1);
		check(blk_ring_take(&ring, &table, &command) == -EPROTO && ring.why);
	}
	done("indirect requests, good and bad");
}

/* A 32-bit guest has its request's id, and all after it, four bytes earlier. */
static void test_32bit(void)
{
	struct blkif_request made = request(BLKIF_OP_WRITE, 2, 12);
	char packed[108], *answer = frame(RING_FRAME) + 64;

	start(1, BLK_X86_32);
	check(ring.entries == 32);
	memcpy(packed, &made, 4);
	memcpy(packed + 4, (char *)&made + 8, 104);
	put(packed, sizeof(packed));
	check(blk_ring_waiting(&ring) == 1 && !blk_ring_take(&ring, &table, &command));
	check(command.id == 0x1234567890 && command.sector == 7 && command.sectors == 16);
	memset(answer, 0xee, 16);
	blk_ring_answer(&ring, command.id, command.op, BLKIF_RSP_ERROR);
	check(*(__s16 *)(answer + 10) == BLKIF_RSP_ERROR && answer[8] == BLKIF_OP_WRITE);
	check((unsigned char)answer[12] == 0xee);
	done("a 32-bit guest");
}

static void test_pages(void)
{
	unsigned int i, pages;

	for (pages = 2; pages <= BACKEND_RING_PAGES; pages *= 2) {
		start(pages, BLK_X86_64);
		check(ring.entries * 112 + 64 <= pages * GUEST_PAGE_SIZE);
		check(ring.entries * 224 + 64 > pages * GUEST_PAGE_SIZE);
		/* Some of them are on two pages. */
		for (i = 0; i < 3 * ring.entries; i++) {
			struct blkif_request made = request(BLKIF_OP_READ, 11, 8 + i % 8);

			made.sector_number = i;
			check(!take(made) && command.sector == i && command.sectors == 88);
			blk_ring_answer(&ring, i, BLKIF_OP_READ, 0);
		}
	}
	done("rings of several pages");
}

static void test_bad(void)
{
	static const struct {
		__u8 op, segments, first, last;
		__u32 ref;
	} bad[] = {
		{ BLKIF_OP_READ, 0, 0, 7, 10 },
		{ BLKIF_OP_READ, 12, 0, 7, 10 },
		{ BLKIF_OP_WRITE, 255, 0, 7, 10 },
		{ BLKIF_OP_READ, 1, 0, 8, 10 },
		{ BLKIF_OP_READ, 1, 0, 255, 10 },
		{ BLKIF_OP_READ, 1, 5, 4, 10 },
		{ BLKIF_OP_READ, 1, 255, 255, 10 },
		{ BLKIF_OP_READ, 1, 0, 7, READ_ONLY },
		{ BLKIF_OP_READ, 1, 0, 7, OTHERS },
		{ BLKIF_OP_WRITE, 1, 0, 7, OTHERS },
		{ BLKIF_OP_WRITE, 1, 0, 7, NOWHERE },
		{ BLKIF_OP_WRITE, 1, 0, 7, 40 },
		{ BLKIF_OP_WRITE, 1, 0, 7, 512 },
		{ BLKIF_OP_WRITE, 1, 0, 7, ~0U },
	};
	struct blkif_request made;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start(1, BLK_X86_64);
		made = request(bad[i].op, bad[i].segments, bad[i].ref);
		made.seg[0].first_sect = bad[i].first;
		made.seg[0].last_sect = bad[i].last;
		if (take(made) == -EPROTO && ring.why)
			continue;
		ksft_print_msg("request %zu was taken\n", i);
		failed = true;
	}
	start(1, BLK_X86_64);
	check(!take(request(BLKIF_OP_WRITE, 1, READ_ONLY)));
	done("requests that are none");
}

static void test_indices(void)
{
	static const __u32 bad[] = { 33, 100, 0x80000000, 0xffffffff, 0xfffffff0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start(1, BLK_X86_64);
		indices()[0] = bad[i];
		check(blk_ring_waiting(&ring) == -EPROTO && ring.why);
	}
	/* One without an answer keeps its entry, and none comes twice. */
	start(1, BLK_X86_64);
	for (i = 0; i < 32; i++)
		check(!take(request(BLKIF_OP_READ, 1, 10)));
	check(!blk_ring_waiting(&ring));
	indices()[0]++;
	check(blk_ring_waiting(&ring) == -EPROTO);
	indices()[0] -= 2;
	check(blk_ring_waiting(&ring) == -EPROTO);
	/* They may wrap. */
	start(1, BLK_X86_64);
	for (i = 0; i < 4; i++)
		indices()[i] = 0xfffffffe;
	blk_ring_begin(&ring, BLK_X86_64);
	for (i = 0; i < 8; i++) {
		check(!take(request(BLKIF_OP_READ, 1, 10)));
		blk_ring_answer(&ring, i, BLKIF_OP_READ, 0);
	}
	check(indices()[2] == 0xfffffffe);
	blk_ring_show(&ring);
	check(indices()[2] == 6);
	done("indices that are none, and those that wrap");
}

static void test_events(void)
{
	start(1, BLK_X86_64);
	indices()[3] = 1;	/* signal me with the first one */
	check(!take(request(BLKIF_OP_READ, 1, 10)) && !take(request(BLKIF_OP_READ, 1, 10)));
	check(!blk_ring_show(&ring));
	blk_ring_answer(&ring, 0, BLKIF_OP_READ, 0);
	blk_ring_answer(&ring, 0, BLKIF_OP_READ, 0);
	check(blk_ring_show(&ring) && !blk_ring_show(&ring));
	check(!blk_ring_ask(&ring) && indices()[1] == 3);
	indices()[3] = 100;	/* not now */
	check(!take(request(BLKIF_OP_READ, 1, 10)));
	blk_ring_answer(&ring, 0, BLKIF_OP_READ, 0);
	check(!blk_ring_show(&ring));
	indices()[0]++;
	check(blk_ring_ask(&ring));
	done("signals are sent when they are wanted");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(8);
	make_guest();
	test_good();
	test_discard();
	test_indirect();
	test_32bit();
	test_pages();
	test_bad();
	test_indices();
	test_events();
	ksft_finished();
}
