// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever a frontend may put into the rings of a network interface, libFuzzer puts
 * there, and whatever may come from the other side as well: `make fuzz`, then
 * build/fuzz/net.
 *
 * The input is a list of steps, each a byte and what belongs to it.  The TAP is a pair of
 * sockets.
 */
#include <linux/virtio_net.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/grant_table.h>

#include "guest_memory.h"
#include "net_queue.h"

#define PAGES	8
#define FILLED	64	/* bytes of a page that are filled at a time: headers */

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size);

enum step { SEND, POST, MOVE, GRANT, TRANSMIT, RECEIVE, PACKET, FILL, STEPS };

static struct guest_memory memory;
static struct grant_table table = { .max_frames = 1, .version = 1, .memory = &memory };
static struct net_filter filter = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct net_features features;
static struct net_stream stream;
static struct net_queue queue;
static int other_end;

static void start(__u8 how)
{
	grant_entry_v1_t *grants = table.frames;
	int pair[2];

	if (!grants) {
		grants = aligned_alloc(GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
		table.frames = grants;
		/* Exactly what there is, so that the sanitizer sees who goes beyond it */
		memory.regions = 1;
		memory.region[0].size = PAGES * GUEST_PAGE_SIZE;
		memory.region[0].host = aligned_alloc(GUEST_PAGE_SIZE,
						      PAGES * GUEST_PAGE_SIZE);
		memset(memory.region[0].host, 0, PAGES * GUEST_PAGE_SIZE);
		queue.tx = aligned_alloc(GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
		queue.rx = aligned_alloc(GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
	}
	memset(grants, 0, GUEST_PAGE_SIZE);
	for (unsigned int i = 0; i < PAGES; i++)
		grants[i] = (grant_entry_v1_t){ .flags = GTF_permit_access, .frame = i };
	memset(queue.tx, 0, GUEST_PAGE_SIZE);
	memset(queue.rx, 0, GUEST_PAGE_SIZE);
	features.sg = how & 1;
	features.gso = how & 6;
	filter.on = how & 8;
	filter.count = 0;
	memset(&stream, 0, sizeof(stream));
	if (socketpair(AF_UNIX, (how & 16 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0, pair))
		abort();
	other_end = pair[1];
	queue = (struct net_queue){
		.tx = queue.tx, .rx = queue.rx, .grants = &table, .features = &features,
		.filter = &filter, .fd = pair[0], .stream = how & 16 ? &stream : NULL,
	};
	net_queue_attach(&queue);
}

static void drain(void)
{
	static char bytes[1 << 17];

	while (read(other_end, bytes, sizeof(bytes)) > 0)
		;
}

/* Takes a step; how many bytes of the input it was, 0 for the end. */
static size_t take_step(const __u8 *data, size_t size)
{
	static char packet[sizeof(struct virtio_net_hdr) + NET_FRAME_MAX];
	grant_entry_v1_t *grants = table.frames;
	size_t used = 0;
	bool notify;

	switch (data[0] % STEPS) {
	case SEND:
		used = sizeof(netif_tx_request_t);
		if (size > used)
			memcpy(&queue.tx->ring[queue.tx->req_prod++ % NET_RING_SIZE],
			       data + 1, used);
		break;
	case POST:
		used = sizeof(netif_rx_request_t);
		if (size > used)
			memcpy(&queue.rx->ring[queue.rx->req_prod++ % NET_RING_SIZE],
			       data + 1, used);
		break;
	case MOVE:
		used = 2;
		if (size > used && data[1] & 1)
			queue.tx->req_prod += data[2];
		else if (size > used)
			queue.rx->req_prod += data[2];
		break;
	case GRANT:
		used = 4;
		if (size > used)
			grants[data[1]] = (grant_entry_v1_t){
				.flags = data[2], .domid = data[3], .frame = data[4],
			};
		break;
	case TRANSMIT:
		if (net_queue_transmit(&queue, 300, &notify) < 0)
			return 0;
		drain();
		break;
	case RECEIVE:
		if (net_queue_receive(&queue, 300, &notify) < 0)
			return 0;
		break;
	case FILL:
		used = 1 + FILLED;
		if (size > used)
			memcpy((char *)memory.region[0].host + data[1] % PAGES * GUEST_PAGE_SIZE,
			       data + 2, FILLED);
		break;
	case PACKET:
		used = 2 + sizeof(struct virtio_net_hdr);
		if (size <= used)
			break;
		memcpy(packet, data + 3, sizeof(struct virtio_net_hdr));
		if (write(other_end, packet, data[1] << 8 | data[2]) < 0)
			break;
	}
	return size > used ? used + 1 : 0;
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	size_t used;

	if (!size)
		return 0;
	start(data[0]);
	for (data++, size--; size; data += used, size -= used) {
		used = take_step(data, size);
		if (!used)
			break;
	}
	close(queue.fd);
	close(other_end);
	return 0;
}
