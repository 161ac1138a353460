// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings of a network interface; see net_queue.h.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compiler.h"
#include "guest_memory.h"
#include "net_packet.h"
#include "net_queue.h"

static_assert(__CONST_RING_SIZE(netif_tx, 4096) == NET_RING_SIZE &&
	      __CONST_RING_SIZE(netif_rx, 4096) == NET_RING_SIZE, "rings are of Xen's size");

/**
 * struct packet - what the guest sends
 * @flags: NETTXF_*
 * @size: bytes
 * @gso: XEN_NETIF_GSO_TYPE_*
 * @gso_size: bytes of a segment
 * @group: it is no packet, but the wish to hear a group, or not to
 * @header: the virtio-net header
 * @headers: a copy of the packet's beginning
 * @iov: @header, @headers, and the rest
 * @parts: entries of @iov
 * @first: the first of those with what is in the guest's pages
 */
struct packet {
	unsigned int flags;
	size_t size;
	unsigned int gso;
	unsigned int gso_size;
	struct netif_extra_info group;
	struct virtio_net_hdr header;
	__u8 headers[NET_HEADERS_MAX];
	struct iovec iov[2 + NET_SLOTS_MAX];
	unsigned int parts;
};

/* The places in @iov that come before the guest's pages. */
enum { IOV_HEADER, IOV_HEADERS, IOV_PAGES };

static int __printf(2, 3) protocol_error(struct net_queue *queue, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(queue->why, sizeof(queue->why), format, args);
	va_end(args);
	return -EPROTO;
}

/* How many requests there are; nobody believes what the guest says. */
static int count_requests(struct net_queue *queue, const RING_IDX *req_prod, RING_IDX cons)
{
	RING_IDX count = __atomic_load_n(req_prod, __ATOMIC_ACQUIRE) - cons;

	if (count > NET_RING_SIZE)
		return protocol_error(queue, "%u requests in a ring of %u", count,
				      NET_RING_SIZE);
	return (int)count;
}

/* Makes responses seen; true if the guest wants to be told. */
static bool push(RING_IDX *rsp_prod, const RING_IDX *rsp_event, RING_IDX *pushed,
		 RING_IDX prod)
{
	RING_IDX old = *pushed;

	if (old == prod)
		return false;
	*pushed = prod;
	__atomic_store_n(rsp_prod, prod, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return prod - __atomic_load_n(rsp_event, __ATOMIC_RELAXED) < prod - old;
}

/* Wants to be told of the request numbered @index. */
static void ask_for(RING_IDX *req_event, RING_IDX index)
{
	__atomic_store_n(req_event, index, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static int find_grant(struct net_queue *queue, grant_ref_t ref, bool write,
		      struct grant_page *page)
{
	int err = grant_find(queue->grants, ref, write, page);

	/* Offsets are into a whole page. */
	if (!err && page->length != GUEST_PAGE_SIZE)
		err = -EINVAL;
	return err ? protocol_error(queue, "grant %u: %s", ref, strerror(-err)) : 0;
}

/* What the guest sends. */

static union netif_tx_sring_entry *tx_entry(const struct net_queue *queue, RING_IDX index)
{
	return &queue->tx->ring[index % NET_RING_SIZE];
}

/* Answers the requests up to @tx_cons: what was extra has no answer of its own. */
static void answer(struct net_queue *queue, const __u16 *id, const bool *extra,
		   int16_t status)
{
	unsigned int i;

	for (i = 0; queue->tx_prod != queue->tx_cons; i++, queue->tx_prod++)
		tx_entry(queue, queue->tx_prod)->rsp = (netif_tx_response_t){
			.id = id[i], .status = extra[i] ? NETIF_RSP_NULL : status,
		};
}

static int take_extra(struct net_queue *queue, struct packet *packet,
		      const struct netif_extra_info *extra)
{
	switch (extra->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		if (extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
		    extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)
			return protocol_error(queue, "segmentation of type %u",
					      extra->u.gso.type);
		if (!extra->u.gso.size)
			return protocol_error(queue, "segments of no size");
		packet->gso = extra->u.gso.type;
		packet->gso_size = extra->u.gso.size;
		return 0;
	case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
	case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
		packet->group = *extra;
		return 0;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		return 0;	/* a hint */
	default:
		return protocol_error(queue, "extra information of type %u", extra->type);
	}
}

/* Puts a slot's bytes behind those of the packet. */
static int take_part(struct net_queue *queue, struct packet *packet,
		     const struct netif_tx_request *request, size_t size)
{
	struct grant_page page;
	int err;

	if (request->offset + size > GUEST_PAGE_SIZE)
		return protocol_error(queue, "%zu bytes at %u of a page", size,
				      request->offset);
	err = find_grant(queue, request->gref, false, &page);
	if (err)
		return err;
	packet->iov[packet->parts++] = (struct iovec){
		(char *)page.data + request->offset, size
	};
	return 0;
}

/**
 * struct slots - the requests of a packet, as they were read
 * @request: those with data
 * @requests: how many
 * @id: for answers, all of them
 * @extra: it was extra information
 * @count: how many
 */
struct slots {
	struct netif_tx_request request[NET_SLOTS_MAX];
	unsigned int requests;
	__u16 id[NET_RING_SIZE];
	bool extra[NET_RING_SIZE];
	unsigned int count;
};

static int read_extras(struct net_queue *queue, struct packet *packet,
		       struct slots *slots, unsigned int available)
{
	struct netif_extra_info extra;
	int err;

	do {
		if (slots->count == available)
			return protocol_error(queue, "extra information is missing");
		guest_memory_copy(&extra, tx_entry(queue, queue->tx_cons + slots->count),
				  sizeof(extra));
		slots->id[slots->count] = 0;
		slots->extra[slots->count++] = true;
		err = take_extra(queue, packet, &extra);
		if (err)
			return err;
	} while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return 0;
}

/* Reads the requests of one packet, each once. */
static int read_slots(struct net_queue *queue, struct packet *packet, struct slots *slots,
		      unsigned int available)
{
	struct netif_tx_request *request;
	int err;

	slots->count = 0;
	slots->requests = 0;
	do {
		if (slots->count == available)
			return protocol_error(queue, "the packet's end is missing");
		if (slots->requests == NET_SLOTS_MAX)
			return protocol_error(queue, "a packet of more than %d slots",
					      NET_SLOTS_MAX);
		request = &slots->request[slots->requests++];
		guest_memory_copy(request, tx_entry(queue, queue->tx_cons + slots->count),
				  sizeof(*request));
		slots->id[slots->count] = request->id;
		slots->extra[slots->count++] = false;
		if (slots->requests == 1 && request->flags & NETTXF_extra_info) {
			err = read_extras(queue, packet, slots, available);
			if (err)
				return err;
		}
	} while (request->flags & NETTXF_more_data);
	return 0;
}

/* The first request has the size of all; what the others have is not in its page. */
static int take_parts(struct net_queue *queue, struct packet *packet,
		      const struct slots *slots)
{
	size_t first = slots->request[0].size;
	unsigned int i;
	int err;

	packet->flags = slots->request[0].flags;
	packet->size = first;
	packet->parts = IOV_PAGES;
	for (i = 1; i < slots->requests; i++) {
		if (slots->request[i].size > first)
			return protocol_error(queue, "a packet smaller than its parts");
		first -= slots->request[i].size;
	}
	err = take_part(queue, packet, &slots->request[0], first);
	for (i = 1; !err && i < slots->requests; i++)
		err = take_part(queue, packet, &slots->request[i], slots->request[i].size);
	return err;
}

/* Copies the beginning of the packet, and takes it out of the guest's parts. */
static void copy_headers(struct packet *packet)
{
	size_t want = packet->size < NET_HEADERS_MAX ? packet->size : NET_HEADERS_MAX;
	struct iovec *part = &packet->iov[IOV_PAGES];
	size_t have = 0, n;

	for (; have < want; part++) {
		n = part->iov_len < want - have ? part->iov_len : want - have;
		guest_memory_copy(packet->headers + have, part->iov_base, n);
		part->iov_base = (char *)part->iov_base + n;
		part->iov_len -= n;
		have += n;
	}
	packet->iov[IOV_HEADER] = (struct iovec){ &packet->header, sizeof(packet->header) };
	packet->iov[IOV_HEADERS] = (struct iovec){ packet->headers, have };
}

/* Says in the header what is yet to be done; false if that can't be. */
static bool fill_header(struct packet *packet)
{
	bool blank = packet->flags & NETTXF_csum_blank;
	bool ipv6 = packet->gso == XEN_NETIF_GSO_TYPE_TCPV6;
	struct net_headers headers;

	memset(&packet->header, 0, sizeof(packet->header));
	if (!blank)
		return !packet->gso;
	if (!net_parse(packet->headers, packet->iov[IOV_HEADERS].iov_len, &headers))
		return false;
	packet->header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	packet->header.csum_start = headers.start;
	packet->header.csum_offset = headers.checksum;
	if (!packet->gso)
		return true;
	if (!headers.tcp || headers.ipv6 != ipv6)
		return false;
	packet->header.gso_type = headers.ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
				  VIRTIO_NET_HDR_GSO_TCPV4;
	packet->header.gso_size = (__u16)packet->gso_size;
	packet->header.hdr_len = headers.end;
	return true;
}

static void lose_other_end(struct net_queue *queue, int err)
{
	if (err != EAGAIN && err != EINTR && err != EIO && err != EINVAL &&
	    err != EFAULT && err != ENOBUFS && err != ENOMEM && err != EMSGSIZE)
		queue->gone = true;
}

/* Sends as much of a packet as the socket takes; true when there is none left. */
static bool flush_stream(struct net_queue *queue)
{
	struct net_stream *stream = queue->stream;
	ssize_t n;

	while (stream->out_done < stream->out_size) {
		n = write(queue->fd, stream->out + stream->out_done,
			  stream->out_size - stream->out_done);
		if (n < 0) {
			lose_other_end(queue, errno);
			return queue->gone;
		}
		stream->out_done += (size_t)n;
	}
	stream->out_size = 0;
	return true;
}

/* All that a TAP would do, is done here. */
static bool send_stream(struct net_queue *queue, struct packet *packet)
{
	struct net_stream *stream = queue->stream;
	__u8 *data = stream->out + 4;
	struct net_headers headers;
	size_t size = 0;
	unsigned int i;

	if (packet->gso)
		return false;
	for (i = IOV_HEADERS; i < packet->parts; i++) {
		guest_memory_copy(data + size, packet->iov[i].iov_base, packet->iov[i].iov_len);
		size += packet->iov[i].iov_len;
	}
	if (packet->header.flags && net_parse(data, size, &headers))
		net_finish_checksum(data, size, &headers);
	stream->out[0] = 0;
	stream->out[1] = 0;
	stream->out[2] = (__u8)(size >> 8);
	stream->out[3] = (__u8)size;
	stream->out_done = 0;
	stream->out_size = 4 + size;
	flush_stream(queue);
	return true;
}

static bool send_packet(struct net_queue *queue, struct packet *packet)
{
	if (packet->size < NET_ETHERNET_HEADER || queue->gone)
		return false;
	copy_headers(packet);
	if (!fill_header(packet))
		return false;
	if (queue->stream)
		return send_stream(queue, packet);
	if (writev(queue->fd, packet->iov, (int)packet->parts) >= 0)
		return true;
	lose_other_end(queue, errno);
	return false;
}

static bool change_groups(struct net_filter *filter, const struct netif_extra_info *wish)
{
	bool add = wish->type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD, done = true;
	unsigned int i;

	pthread_mutex_lock(&filter->lock);
	for (i = 0; i < filter->count; i++)
		if (!memcmp(filter->group[i], wish->u.mcast.addr, NET_ADDRESS_SIZE))
			break;
	if (add && i == NET_GROUPS_MAX)
		done = false;
	else if (add && i == filter->count)
		memcpy(filter->group[filter->count++], wish->u.mcast.addr,
		       NET_ADDRESS_SIZE);
	else if (!add && i < filter->count)
		memcpy(filter->group[i], filter->group[--filter->count],
		       NET_ADDRESS_SIZE);
	pthread_mutex_unlock(&filter->lock);
	return done;
}

static int transmit_one(struct net_queue *queue, unsigned int available)
{
	struct packet packet;
	struct slots slots;
	bool good;
	int err;

	packet.gso = 0;
	packet.group.type = XEN_NETIF_EXTRA_TYPE_NONE;
	err = read_slots(queue, &packet, &slots, available);
	if (err)
		return err;
	queue->tx_cons += slots.count;
	if (packet.group.type) {
		good = change_groups(queue->filter, &packet.group);
		answer(queue, slots.id, slots.extra, good ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
		return 0;
	}
	err = take_parts(queue, &packet, &slots);
	if (err)
		return err;
	good = send_packet(queue, &packet);
	if (good) {
		queue->sent.packets++;
		queue->sent.bytes += packet.size;
	} else {
		queue->sent.dropped++;
	}
	answer(queue, slots.id, slots.extra, good ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
	return 0;
}

/* The requests that there are; asks for the next one before it says that there are none. */
static int wait_for_tx(struct net_queue *queue)
{
	int count = count_requests(queue, &queue->tx->req_prod, queue->tx_cons);

	if (count)
		return count;
	ask_for(&queue->tx->req_event, queue->tx_cons + 1);
	return count_requests(queue, &queue->tx->req_prod, queue->tx_cons);
}

/**
 * net_queue_transmit - pass on what the guest sends
 * @queue: the queue
 * @budget: packets at most
 * @notify: set if the guest is to be told that there are answers
 *
 * Return: how many packets it was: if less than @budget, the guest signals when there
 * is more, or the socket takes no more; -EPROTO if the guest breaks the rules
 */
int net_queue_transmit(struct net_queue *queue, unsigned int budget, bool *notify)
{
	unsigned int done;
	int count = 0;

	*notify = false;
	for (done = 0; done < budget; done++) {
		if (queue->stream && !flush_stream(queue))
			break;
		count = wait_for_tx(queue);
		if (count > 0)
			count = transmit_one(queue, (unsigned int)count) ?: 1;
		if (count <= 0)
			break;
	}
	*notify = push(&queue->tx->rsp_prod, &queue->tx->rsp_event, &queue->tx_pushed,
		       queue->tx_prod);
	queue->sent.batches += *notify;
	return count < 0 ? count : (int)done;
}

/* What the guest receives. */

static union netif_rx_sring_entry *rx_entry(const struct net_queue *queue, RING_IDX index)
{
	return &queue->rx->ring[index % NET_RING_SIZE];
}

static unsigned int slots_wanted(const struct net_queue *queue)
{
	return queue->features->sg ? NET_RECEIVE_SLOTS : 1;
}

/**
 * net_queue_is_full - does the guest have no room for a packet?
 * @queue: the queue
 *
 * Return: true if so: it signals when it has
 */
bool net_queue_is_full(const struct net_queue *queue)
{
	return queue->rx_ready - queue->rx_cons < slots_wanted(queue);
}

/* Looks up the memory of new requests, as far as it is needed; 0 or -EPROTO. */
static int prepare(struct net_queue *queue)
{
	int count = count_requests(queue, &queue->rx->req_prod, queue->rx_ready);
	struct netif_rx_request request;
	struct grant_page page;
	int err;

	for (; count > 0 && net_queue_is_full(queue); count--) {
		guest_memory_copy(&request, rx_entry(queue, queue->rx_ready), sizeof(request));
		err = find_grant(queue, request.gref, true, &page);
		if (err)
			return err;
		queue->slot[queue->rx_ready % NET_RING_SIZE].data = page.data;
		queue->slot[queue->rx_ready % NET_RING_SIZE].id = request.id;
		queue->rx_ready++;
	}
	return count < 0 ? count : 0;
}

/* Has the guest's room for a packet; asks for it before it says that there is none. */
static int wait_for_rx(struct net_queue *queue)
{
	int err = prepare(queue);

	if (err || !net_queue_is_full(queue))
		return err;
	ask_for(&queue->rx->req_event, queue->rx_cons + slots_wanted(queue));
	return prepare(queue);
}

static __u8 *page_of(const struct net_queue *queue, unsigned int index)
{
	return queue->slot[(queue->rx_cons + index) % NET_RING_SIZE].data;
}

/*
 * The pages that a packet is to go to.  One with extra information has that in its second
 * slot: where there may be such, the second page is left out.
 */
static int lay_out(const struct net_queue *queue, struct iovec *iov)
{
	unsigned int wanted = slots_wanted(queue), i;
	int parts = 0;

	for (i = 0; i < wanted; i++)
		if (i != 1 || !queue->features->gso)
			iov[parts++] = (struct iovec){ page_of(queue, i), GUEST_PAGE_SIZE };
	return parts;
}

/* A packet without extra information was put as if it had some: closes the gap. */
static void close_gap(const struct net_queue *queue, size_t size)
{
	unsigned int i;

	for (i = 1; i * GUEST_PAGE_SIZE < size; i++)
		memcpy(page_of(queue, i), page_of(queue, i + 1), GUEST_PAGE_SIZE);
}

static void put_response(struct net_queue *queue, unsigned int flags, size_t size)
{
	rx_entry(queue, queue->rx_cons)->rsp = (netif_rx_response_t){
		.id = queue->slot[queue->rx_cons % NET_RING_SIZE].id,
		.flags = (__u16)flags, .status = (int16_t)size,
	};
	queue->rx_cons++;
}

static void put_gso(struct net_queue *queue, const struct virtio_net_hdr *header,
		    unsigned int type)
{
	struct netif_extra_info extra = {
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = { .size = header->gso_size, .type = (__u8)type },
	};

	memcpy(rx_entry(queue, queue->rx_cons), &extra, sizeof(extra));
	queue->rx_cons++;
}

static void put_packet(struct net_queue *queue, const struct virtio_net_hdr *header,
		       unsigned int gso, size_t size)
{
	unsigned int flags = 0, more;
	size_t n;

	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		flags = NETRXF_csum_blank | NETRXF_data_validated;
	else if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		flags = NETRXF_data_validated;
	if (!gso && queue->features->gso && size > GUEST_PAGE_SIZE)
		close_gap(queue, size);
	queue->received.packets++;
	queue->received.bytes += size;
	for (; size; size -= n) {
		n = size < GUEST_PAGE_SIZE ? size : GUEST_PAGE_SIZE;
		more = size > n ? NETRXF_more_data : 0;
		put_response(queue, flags | more | (gso ? NETRXF_extra_info : 0), n);
		if (gso)
			put_gso(queue, header, gso);
		flags = 0;
		gso = 0;
	}
}

/* Is it for a group that the guest does not want to hear? */
static bool is_unwanted(struct net_filter *filter, const __u8 *address)
{
	static const __u8 everybody[NET_ADDRESS_SIZE] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	bool wanted = false;
	unsigned int i;

	if (!filter->on || !(address[0] & 1) ||
	    !memcmp(address, everybody, NET_ADDRESS_SIZE))
		return false;
	pthread_mutex_lock(&filter->lock);
	for (i = 0; i < filter->count && !wanted; i++)
		wanted = !memcmp(filter->group[i], address, NET_ADDRESS_SIZE);
	pthread_mutex_unlock(&filter->lock);
	return !wanted;
}

static unsigned int gso_type(const struct virtio_net_hdr *header)
{
	switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return XEN_NETIF_GSO_TYPE_NONE;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return XEN_NETIF_GSO_TYPE_TCPV4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return XEN_NETIF_GSO_TYPE_TCPV6;
	default:
		return ~0U;
	}
}

/* Reads from a TAP: 1 for a packet, 0 if there is none. */
static int receive_tap(struct net_queue *queue)
{
	struct iovec iov[1 + NET_RECEIVE_SLOTS];
	struct virtio_net_hdr header;
	unsigned int gso;
	ssize_t n;

	iov[0] = (struct iovec){ &header, sizeof(header) };
	n = readv(queue->fd, iov, 1 + lay_out(queue, iov + 1));
	if (n < 0) {
		lose_other_end(queue, errno);
		queue->received.dropped += errno != EAGAIN && errno != EINTR;
		return errno != EAGAIN && !queue->gone;
	}
	gso = n > (ssize_t)sizeof(header) ? gso_type(&header) : ~0U;
	if (n < (ssize_t)sizeof(header) + NET_ETHERNET_HEADER || gso == ~0U ||
	    (gso && !(queue->features->gso & 1U << gso)) ||
	    is_unwanted(queue->filter, page_of(queue, 0)))
		queue->received.dropped++;
	else
		put_packet(queue, &header, gso, (size_t)n - sizeof(header));
	return 1;
}

/* Reads from the socket until there is a packet: its size, 0 if there is none yet. */
static size_t fill_stream(struct net_queue *queue)
{
	struct net_stream *stream = queue->stream;
	size_t size = 0, want = 4;
	ssize_t n;

	while (stream->in_size < want || want == 4) {
		if (stream->in_size >= 4) {
			size = (size_t)stream->in[2] << 8 | stream->in[3];
			if (stream->in[0] || stream->in[1] || size < NET_ETHERNET_HEADER) {
				queue->gone = true;
				return 0;
			}
			want = 4 + size;
			if (stream->in_size >= want)
				break;
		}
		n = read(queue->fd, stream->in + stream->in_size, want - stream->in_size);
		if (n <= 0) {
			queue->gone = !n;
			if (n < 0)
				lose_other_end(queue, errno);
			return 0;
		}
		stream->in_size += (size_t)n;
	}
	return size;
}

static int receive_stream(struct net_queue *queue)
{
	static const struct virtio_net_hdr plain;
	struct net_stream *stream = queue->stream;
	size_t size = fill_stream(queue);

	if (!size)
		return 0;
	stream->in_size = 0;
	if (size > GUEST_PAGE_SIZE || is_unwanted(queue->filter, stream->in + 4)) {
		queue->received.dropped++;
		return 1;
	}
	memcpy(page_of(queue, 0), stream->in + 4, size);
	put_packet(queue, &plain, 0, size);
	return 1;
}

/**
 * net_queue_receive - pass on what is for the guest
 * @queue: the queue
 * @budget: packets at most
 * @notify: set if the guest is to be told that there are packets
 *
 * Return: how many packets it was: if less than @budget, there are no more, or the guest
 * has no room (net_queue_is_full()), or @gone is set; -EPROTO if the guest breaks the
 * rules
 */
int net_queue_receive(struct net_queue *queue, unsigned int budget, bool *notify)
{
	unsigned int done;
	int err = 0;

	for (done = 0; done < budget && !queue->gone; done++) {
		err = wait_for_rx(queue);
		if (err || net_queue_is_full(queue))
			break;
		if (!(queue->stream ? receive_stream(queue) : receive_tap(queue)))
			break;
	}
	*notify = push(&queue->rx->rsp_prod, &queue->rx->rsp_event, &queue->rx_pushed,
		       queue->rx_cons);
	queue->received.batches += *notify;
	return err ? err : (int)done;
}

/**
 * net_queue_attach - begin with a frontend's rings
 * @queue: all set but what begins with @why
 *
 * A frontend may have used them before, with another backend.
 *
 * Return: 0 or -EPROTO
 */
int net_queue_attach(struct net_queue *queue)
{
	int count;

	queue->tx_cons = __atomic_load_n(&queue->tx->rsp_prod, __ATOMIC_RELAXED);
	queue->tx_prod = queue->tx_cons;
	queue->tx_pushed = queue->tx_cons;
	queue->rx_cons = __atomic_load_n(&queue->rx->rsp_prod, __ATOMIC_RELAXED);
	queue->rx_ready = queue->rx_cons;
	queue->rx_pushed = queue->rx_cons;
	count = count_requests(queue, &queue->tx->req_prod, queue->tx_cons);
	if (count >= 0)
		count = count_requests(queue, &queue->rx->req_prod, queue->rx_cons);
	return count < 0 ? count : 0;
}
