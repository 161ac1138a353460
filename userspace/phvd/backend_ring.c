// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing rings; see backend_ring.h.
 */
#include <string.h>

#include <guest_memory.h>

#include "backend_ring.h"

/**
 * backend_ring_read - copy from a ring, the pages of which are anywhere
 * @ring: it
 * @at: where it begins, bytes
 * @to: where it goes
 * @size: bytes; @at and @size are within the ring
 */
void backend_ring_read(const struct backend_ring *ring, size_t at, void *to, size_t size)
{
	size_t offset = at % GUEST_PAGE_SIZE, part = GUEST_PAGE_SIZE - offset;
	const char *page = ring->page[at / GUEST_PAGE_SIZE];

	if (part >= size) {
		guest_memory_copy(to, page + offset, size);
		return;
	}
	guest_memory_copy(to, page + offset, part);
	backend_ring_read(ring, at + part, (char *)to + part, size - part);
}

/**
 * backend_ring_write - copy into a ring
 * @ring: it
 * @at: where it begins, bytes
 * @from: what
 * @size: bytes; @at and @size are within the ring
 */
void backend_ring_write(const struct backend_ring *ring, size_t at, const void *from,
			size_t size)
{
	size_t offset = at % GUEST_PAGE_SIZE, part = GUEST_PAGE_SIZE - offset;
	char *page = ring->page[at / GUEST_PAGE_SIZE];

	if (part >= size) {
		memcpy(page + offset, from, size);
		return;
	}
	memcpy(page + offset, from, part);
	backend_ring_write(ring, at + part, (const char *)from + part, size - part);
}
