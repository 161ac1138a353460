// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests out of a ring, and answers into it; see blk_ring.h.
 *
 * The two layouts differ by where the request's id is, for its alignment; all that
 * follows it is at the same distance from it in both.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>

#include "blk_ring.h"

/* The ring's four indices are before the entries. */
#define REQ_PROD	0
#define REQ_EVENT	4
#define RSP_PROD	8
#define RSP_EVENT	12
#define ENTRIES		64

/* From the id on. */
#define SECTOR		8
#define SEGMENTS	16
#define DISCARD_SECTORS	16
#define INDIRECT_REFS	20
#define FROM_ID		104	/* bytes of a request */

#define SECTORS_PER_PAGE	(GUEST_PAGE_SIZE / BLK_SECTOR)

static const struct {
	unsigned int id;	/* where it is in a request */
	unsigned int answer;	/* bytes of an answer */
} layouts[] = {
	[BLK_X86_64] = { 8, 16 },
	[BLK_X86_32] = { 4, 12 },
};

static_assert(offsetof(struct blkif_request, id) == 8 &&
	      offsetof(struct blkif_request, sector_number) == 8 + SECTOR &&
	      offsetof(struct blkif_request, seg) == 8 + SEGMENTS &&
	      sizeof(struct blkif_request) == 8 + FROM_ID &&
	      offsetof(struct blkif_request_discard, nr_sectors) == 8 + DISCARD_SECTORS &&
	      sizeof(struct blkif_response) == 16, "the layout is Xen's");

static __u32 *index_at(const struct blk_ring *ring, size_t at)
{
	return (__u32 *)((char *)ring->pages.page[0] + at);
}

static size_t entry_at(const struct blk_ring *ring, __u32 index)
{
	return ENTRIES + (index & (ring->entries - 1)) * (layouts[ring->abi].id + FROM_ID);
}

static int broken(struct blk_ring *ring, const char *why)
{
	ring->why = why;
	return -EPROTO;
}

static __u16 get16(const __u8 *at)
{
	__u16 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static __u32 get32(const __u8 *at)
{
	__u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static __u64 get64(const __u8 *at)
{
	__u64 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/**
 * blk_ring_begin - begin with a ring
 * @ring: it; its pages were opened
 * @abi: its layout
 *
 * The guest may have begun already, and may have used it before: a new kernel takes
 * a ring from the beginning.
 */
void blk_ring_begin(struct blk_ring *ring, enum blk_abi abi)
{
	size_t room = ring->pages.pages * GUEST_PAGE_SIZE - ENTRIES;

	ring->abi = abi;
	ring->entries = 1;
	while (ring->entries * 2 * (layouts[abi].id + FROM_ID) <= room)
		ring->entries *= 2;
	ring->answered = __atomic_load_n(index_at(ring, RSP_PROD), __ATOMIC_RELAXED);
	ring->taken = ring->answered;
	ring->shown = ring->answered;
	ring->why = NULL;
}

/**
 * blk_ring_waiting - how many requests are there to be taken?
 * @ring: the ring
 *
 * Return: a number, never more than entries; or -EPROTO
 */
int blk_ring_waiting(struct blk_ring *ring)
{
	__u32 made = __atomic_load_n(index_at(ring, REQ_PROD), __ATOMIC_ACQUIRE);

	/* One without an answer keeps its entry. */
	if (made - ring->answered > ring->entries ||
	    made - ring->taken > ring->entries)
		return broken(ring, "it has more requests than its ring has room for");
	return (int)(made - ring->taken);
}

/* Adds memory; what follows on what is there becomes one part. */
static void add(struct blk_command *command, char *data, size_t size)
{
	struct iovec *last = command->count ? &command->iov[command->count - 1] : NULL;

	if (last && (char *)last->iov_base + last->iov_len == data)
		last->iov_len += size;
	else
		command->iov[command->count++] = (struct iovec){ data, size };
}

/* A segment: a grant, the first sector in its page, and the last one. */
static int take_segment(struct blk_ring *ring, const struct grant_table *grants,
			const __u8 *segment, struct blk_command *command)
{
	unsigned int first = segment[4], last = segment[5];
	struct grant_page page;

	if (first > last || last >= SECTORS_PER_PAGE)
		return broken(ring, "a segment has sectors that no page has");
	if (grant_find(grants, get32(segment), command->op == BLKIF_OP_READ, &page))
		return broken(ring, "a segment is not granted");
	if ((last + 1) * BLK_SECTOR > page.length)
		return broken(ring, "a segment is larger than its grant");
	add(command, (char *)page.data + first * BLK_SECTOR, (last - first + 1) * BLK_SECTOR);
	command->sectors += last - first + 1;
	return 0;
}

static int take_segments(struct blk_ring *ring, const struct grant_table *grants,
			 const __u8 *segments, unsigned int count,
			 struct blk_command *command)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < count; i++)
		err = take_segment(ring, grants, segments + i * 8, command);
	return err;
}

/* Reads and writes, the segments of which are in pages of their own. */
static int take_indirect(struct blk_ring *ring, const struct grant_table *grants,
			 const __u8 *request, struct blk_command *command)
{
	const __u8 *from_id = request + layouts[ring->abi].id;
	unsigned int count = get16(request + 2);
	__u8 segments[BLK_MAX_SEGMENTS * 8];
	struct grant_page page;

	static_assert(sizeof(segments) <= GUEST_PAGE_SIZE, "one page is enough");
	command->op = request[1];
	if (command->op != BLKIF_OP_READ && command->op != BLKIF_OP_WRITE)
		return broken(ring, "an indirect request neither reads nor writes");
	if (!count || count > BLK_MAX_SEGMENTS)
		return broken(ring, "an indirect request has no segments, or too many");
	if (grant_find(grants, get32(from_id + INDIRECT_REFS), false, &page) ||
	    page.length < count * 8)
		return broken(ring, "the segments of an indirect request are not granted");
	guest_memory_copy(segments, page.data, count * 8);
	return take_segments(ring, grants, segments, count, command);
}

static int take_direct(struct blk_ring *ring, const struct grant_table *grants,
		       const __u8 *request, struct blk_command *command)
{
	const __u8 *from_id = request + layouts[ring->abi].id;
	unsigned int count = request[1];

	if (count > BLKIF_MAX_SEGMENTS_PER_REQUEST)
		return broken(ring, "a request has too many segments");
	/* A barrier alone is one */
	if (!count && command->op != BLKIF_OP_WRITE_BARRIER)
		return broken(ring, "a request has no segments");
	return take_segments(ring, grants, from_id + SEGMENTS, count, command);
}

/**
 * blk_ring_take - take a request
 * @ring: the ring, with a request waiting
 * @grants: the guest's
 * @command: filled
 *
 * Return: 0 or -EPROTO
 */
int blk_ring_take(struct blk_ring *ring, const struct grant_table *grants,
		  struct blk_command *command)
{
	__u8 request[8 + FROM_ID], *from_id = request + layouts[ring->abi].id;

	backend_ring_read(&ring->pages, entry_at(ring, ring->taken), request,
			  layouts[ring->abi].id + FROM_ID);
	ring->taken++;
	/* What the guest does to the entry from here on does not matter. */
	command->op = request[0];
	command->id = get64(from_id);
	command->sector = get64(from_id + SECTOR);
	command->sectors = 0;
	command->count = 0;
	switch (command->op) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
	case BLKIF_OP_WRITE_BARRIER:
		return take_direct(ring, grants, request, command);
	case BLKIF_OP_INDIRECT:
		return take_indirect(ring, grants, request, command);
	case BLKIF_OP_DISCARD:
		command->secure = request[1] & BLKIF_DISCARD_SECURE;
		command->sectors = get64(from_id + DISCARD_SECTORS);
	}
	return 0;
}

/**
 * blk_ring_ask - ask to be signalled when there is another request
 * @ring: the ring
 *
 * Return: true if there is one by now, that may not be signalled
 */
bool blk_ring_ask(struct blk_ring *ring)
{
	__atomic_store_n(index_at(ring, REQ_EVENT), ring->taken + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(index_at(ring, REQ_PROD), __ATOMIC_RELAXED) != ring->taken;
}

/**
 * blk_ring_answer - answer a request; the guest sees it after blk_ring_show()
 * @ring: the ring
 * @id: of the request
 * @op: of the request
 * @status: BLKIF_RSP_*
 */
void blk_ring_answer(struct blk_ring *ring, __u64 id, __u8 op, __s16 status)
{
	struct blkif_response answer;

	memset(&answer, 0, sizeof(answer));
	answer.id = id;
	answer.operation = op;
	answer.status = status;
	backend_ring_write(&ring->pages, entry_at(ring, ring->answered), &answer,
			   layouts[ring->abi].answer);
	ring->answered++;
}

/**
 * blk_ring_show - show the guest the answers
 * @ring: the ring
 *
 * Return: true if it wants to be signalled
 */
bool blk_ring_show(struct blk_ring *ring)
{
	__u32 old = ring->shown, event;

	if (ring->answered == old)
		return false;
	ring->shown = ring->answered;
	__atomic_store_n(index_at(ring, RSP_PROD), ring->answered, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = __atomic_load_n(index_at(ring, RSP_EVENT), __ATOMIC_RELAXED);
	return ring->answered - event < ring->answered - old;
}
