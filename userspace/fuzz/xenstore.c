// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever a guest may put into the ring of its xenstore, libFuzzer puts there:
 * `make fuzz`, then build/fuzz/xenstore.
 *
 * The input is cut into requests: a byte is the type, one the transaction, one how
 * much of what follows is the payload.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xs_ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct xs_ring *ring, const void *bytes, size_t size)
{
	struct xenstore_domain_interface *page = ring->page;
	size_t i;

	for (i = 0; i < size; i++) {
		if (page->req_prod - page->req_cons >= XENSTORE_RING_SIZE) {
			page->rsp_cons = page->rsp_prod;
			xs_ring_serve(ring);
		}
		if (ring->broken)
			return;
		page->req[MASK_XENSTORE_IDX(page->req_prod++)] = ((const char *)bytes)[i];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct xs_ring ring;
	struct xsd_sockmsg header;
	void *page = aligned_alloc(4096, 4096);

	memset(page, 0, 4096);
	xs_ring_init(&ring, page);
	ring.xs = xs_new(7, xs_ring_send, &ring);
	xs_write(ring.xs, "/local/domain/7/data", "");
	xs_give(ring.xs, "/local/domain/7/data", 'o');
	while (size >= 3) {
		header = (struct xsd_sockmsg){
			.type = data[0], .tx_id = data[1] & 15, .len = data[2],
		};
		data += 3;
		size -= 3;
		if (header.len > size)
			header.len = size;
		put(&ring, &header, sizeof(header));
		put(&ring, data, header.len);
		data += header.len;
		size -= header.len;
		ring.page->rsp_cons = ring.page->rsp_prod;
		xs_ring_serve(&ring);
	}
	xs_ring_free(&ring);
	xs_free(ring.xs);
	free(page);
	return 0;
}
