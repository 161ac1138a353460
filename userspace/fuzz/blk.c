// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever a guest may put into a block device's ring, libFuzzer puts there:
 * `make fuzz`, then build/fuzz/blk.
 *
 * The guest has three pages, which the input fills: the ring, then two that can be
 * granted; and a page of grants. What comes out of the parser is read and written where
 * it says so, so that an address outside the guest's memory is noticed.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

#include "blk_ring.h"

#define PAGES	3
#define ROUNDS	100

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size);

static void use(const struct blk_command *command)
{
	__u64 bytes = 0;
	unsigned int i;

	if (command->count > BLK_MAX_SEGMENTS)
		abort();
	for (i = 0; i < command->count; i++) {
		char *at = command->iov[i].iov_base;

		bytes += command->iov[i].iov_len;
		at[0] += 1;
		at[command->iov[i].iov_len - 1] += 1;
		/* It is used, as far as the compiler knows. */
		asm volatile("" : : "r"(at) : "memory");
	}
	if (command->op != BLKIF_OP_DISCARD && bytes != command->sectors * BLK_SECTOR)
		abort();
}

/* A guest that goes on as the parser does, or changes its mind. */
static void run(struct blk_ring *ring, const struct grant_table *grants)
{
	static struct blk_command command;
	unsigned int round;
	int waiting;

	for (round = 0; round < ROUNDS; round++) {
		waiting = blk_ring_waiting(ring);
		if (waiting > (int)ring->entries)
			abort();
		if (waiting <= 0 || blk_ring_take(ring, grants, &command))
			return;
		use(&command);
		blk_ring_answer(ring, command.id, command.op, 0);
		blk_ring_show(ring);
		blk_ring_ask(ring);
	}
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	static struct guest_memory memory;
	struct grant_table grants = { .max_frames = 1, .version = 1, .memory = &memory };
	struct blk_ring ring = { 0 };
	char *ram, *frames;
	size_t part;

	if (size < 2)
		return 0;
	/* Of their own, so that what is next to them is noticed */
	ram = aligned_alloc(GUEST_PAGE_SIZE, PAGES * GUEST_PAGE_SIZE);
	frames = aligned_alloc(GUEST_PAGE_SIZE, 3 * GUEST_PAGE_SIZE);
	memset(ram, 0, PAGES * GUEST_PAGE_SIZE);
	memset(frames, 0, 3 * GUEST_PAGE_SIZE);
	memory.regions = 1;
	memory.region[0] = (struct guest_region){
		.size = PAGES * GUEST_PAGE_SIZE, .type = 1, .host = ram,
	};
	grants.frames = frames;
	grants.version = 1 + (data[0] & 1);
	ring.pages.page[0] = ram;
	ring.pages.page[1] = ram + GUEST_PAGE_SIZE;
	ring.pages.pages = 1 + (data[0] >> 1 & 1);
	ring.abi = data[0] >> 2 & 1 ? BLK_X86_32 : BLK_X86_64;
	blk_ring_begin(&ring, ring.abi);
	data++;
	size--;
	part = size < 512 ? size : 512;
	memcpy(frames, data, part);
	data += part;
	size -= part;
	memcpy(ram, data, size < PAGES * GUEST_PAGE_SIZE ? size : PAGES * GUEST_PAGE_SIZE);
	run(&ring, &grants);
	free(frames);
	free(ram);
	return 0;
}
