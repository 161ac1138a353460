/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * backend_ring - a ring's memory, the pages of which are anywhere.
 *
 * No input or output, no globals: for backends, and for their tests. Rings are opened
 * by backend.h.
 */
#ifndef _BACKEND_RING_H
#define _BACKEND_RING_H

#include <stddef.h>
#include <linux/types.h>

#define BACKEND_RING_PAGES	16	/* at most in a ring */

/**
 * struct backend_ring - a ring of a device
 * @page: its pages, which the guest can write at any time
 * @ref: their grants
 * @pages: how many; 0: it is not open
 */
struct backend_ring {
	void *page[BACKEND_RING_PAGES];
	__u32 ref[BACKEND_RING_PAGES];
	unsigned int pages;
};

void backend_ring_read(const struct backend_ring *ring, size_t at, void *to, size_t size);
void backend_ring_write(const struct backend_ring *ring, size_t at, const void *from,
			size_t size);

#endif /* _BACKEND_RING_H */
