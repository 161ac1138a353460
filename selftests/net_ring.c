// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings of network interfaces, without a guest: what phvd's net_queue.c makes of
 * packets, and of frontends that do not keep to the rules.
 *
 * The test is frontend and TAP: the rings and pages are its own, and the TAP is a
 * socket that keeps packets apart, with the same header before them.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/grant_table.h>

#include "guest_memory.h"
#include "kselftest.h"
#include "net_packet.h"
#include "net_queue.h"

#define PAGES		64
#define READ_ONLY	40	/* pages from here on may only be read */

static struct guest_memory memory;
static struct grant_table table;
static struct net_features features;
static struct net_filter filter = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct net_stream stream;
static struct net_queue queue;
static netif_tx_sring_t *tx;
static netif_rx_sring_t *rx;
static __u8 *ram;
static int tap;
static bool notify, failed;

/* What the TAP got, with its header. */
static struct {
	struct virtio_net_hdr header;
	__u8 data[70000];
} got;
static ssize_t got_size;

#define check(condition) do {						\
	if (!(condition)) {						\
		ksft_print_msg("line %d: %s\n", __LINE__, #condition);	\
		failed = true;						\
	}								\
} while (0)

static void *pages(size_t count)
{
	void *p = mmap(NULL, count * GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	return p;
}

/* Grant N is page N, for all of them. */
static void make_memory(void)
{
	grant_entry_v1_t *grants = pages(1);
	unsigned int i;

	ram = pages(PAGES);
	memory.regions = 1;
	memory.region[0] = (struct guest_region){
		.size = PAGES * GUEST_PAGE_SIZE, .type = 1, .host = ram,
	};
	for (i = 0; i < PAGES; i++)
		grants[i] = (grant_entry_v1_t){
			.flags = GTF_permit_access | (i >= READ_ONLY ? GTF_readonly : 0),
			.frame = i,
		};
	for (i = 0; i < PAGES * GUEST_PAGE_SIZE; i++)
		ram[i] = (__u8)(i * 7 + i / 251);
	table = (struct grant_table){
		.frames = grants, .max_frames = 1, .version = 1, .memory = &memory,
	};
	tx = pages(1);
	rx = pages(1);
}

static void start_with(int type, struct net_stream *with)
{
	int pair[2];

	if (queue.fd) {
		close(queue.fd);
		close(tap);
	}
	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair))
		ksft_exit_fail_msg("no sockets\n");
	tap = pair[1];
	memset(tx, 0, GUEST_PAGE_SIZE);
	memset(rx, 0, GUEST_PAGE_SIZE);
	tx->req_event = 1;
	tx->rsp_event = 1;
	rx->req_event = 1;
	rx->rsp_event = 1;
	filter.on = false;
	filter.count = 0;
	features = (struct net_features){ .sg = true, .checksum = true, .gso = 6 };
	memset(&stream, 0, sizeof(stream));
	queue = (struct net_queue){
		.tx = tx, .rx = rx, .grants = &table, .features = &features,
		.filter = &filter, .fd = pair[0], .stream = with,
	};
	check(!net_queue_attach(&queue));
}

static void start(void)
{
	start_with(SOCK_DGRAM, NULL);
}

static void request(unsigned int id, unsigned int page, unsigned int offset,
		    unsigned int size, unsigned int flags)
{
	tx->ring[tx->req_prod++ % NET_RING_SIZE].req = (netif_tx_request_t){
		.gref = page, .offset = (__u16)offset, .size = (__u16)size,
		.flags = (__u16)flags, .id = (__u16)id,
	};
}

static void extra(const struct netif_extra_info *info)
{
	memcpy(&tx->ring[tx->req_prod++ % NET_RING_SIZE], info, sizeof(*info));
}

static void gso(unsigned int type, unsigned int size, unsigned int flags)
{
	extra(&(struct netif_extra_info){
		.type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = (__u8)flags,
		.u.gso = { .size = (__u16)size, .type = (__u8)type },
	});
}

static int transmit(void)
{
	return net_queue_transmit(&queue, 1000, &notify);
}

static bool tap_gets(void)
{
	got_size = recv(tap, &got, sizeof(got), MSG_DONTWAIT);
	got_size -= sizeof(got.header);
	return got_size >= 0;
}

/* The answer numbered so far is this one. */
static bool answered(unsigned int number, unsigned int id, int status)
{
	const netif_tx_response_t *answer = &tx->ring[number % NET_RING_SIZE].rsp;

	if (number < tx->rsp_prod && answer->id == id && answer->status == status)
		return true;
	ksft_print_msg("answer %u of %u: id %u, status %d\n", number, tx->rsp_prod,
		       answer->id, answer->status);
	return false;
}

static void test_transmit(void)
{
	static const struct virtio_net_hdr none;

	start();
	request(77, 3, 100, 600, 0);
	check(transmit() == 1);
	check(tap_gets() && got_size == 600);
	check(!memcmp(&got.header, &none, sizeof(none)));
	check(!memcmp(got.data, ram + 3 * GUEST_PAGE_SIZE + 100, 600));
	check(answered(0, 77, NETIF_RSP_OKAY));
	check(notify && tx->req_event == 2);
	/* The guest does not want to hear of each answer. */
	tx->rsp_event = 4;
	request(1, 3, 0, 60, 0);
	request(2, 3, 0, 60, 0);
	check(transmit() == 2 && !notify);
	request(3, 3, 0, 60, 0);
	check(transmit() == 1 && notify);
	check(queue.sent.packets == 4 && queue.sent.bytes == 780);
	ksft_test_result(!failed, "packets of a slot\n");
}

static void test_gather(void)
{
	unsigned int i;

	start();
	/* The first has the size of all: 4000 are in its own page. */
	request(1, 5, 96, 4000 + 8 + 4096, NETTXF_more_data);
	request(2, 7, 4088, 8, NETTXF_more_data);
	request(3, 9, 0, 4096, 0);
	check(transmit() == 1);
	check(tap_gets() && got_size == 8104);
	check(!memcmp(got.data, ram + 5 * GUEST_PAGE_SIZE + 96, 4000));
	check(!memcmp(got.data + 4000, ram + 7 * GUEST_PAGE_SIZE + 4088, 8));
	check(!memcmp(got.data + 4008, ram + 9 * GUEST_PAGE_SIZE, 4096));
	check(answered(0, 1, 0) && answered(1, 2, 0) && answered(2, 3, 0));
	/* The beginning of the packet in pieces */
	request(4, 5, 0, 64, NETTXF_more_data);
	for (i = 1; i < 14; i++)
		request(4 + i, 5, i * 4, 4, NETTXF_more_data);
	request(20, 5, 56, 0, 0);
	check(transmit() == 1);
	check(tap_gets() && got_size == 64);
	check(!memcmp(got.data + 12, ram + 5 * GUEST_PAGE_SIZE + 4, 52));
	ksft_test_result(!failed, "packets of several slots\n");
}

/* Puts headers into page 10; gives the bytes to TCP or UDP's end. */
static unsigned int put_headers(bool vlan, bool ipv6, bool tcp)
{
	__u8 *p = ram + 10 * GUEST_PAGE_SIZE, *at = p + 12;

	memset(p, 0, 200);
	if (vlan) {
		*at = 0x81;
		at += 4;
	}
	at[0] = ipv6 ? 0x86 : 0x08;
	at[1] = ipv6 ? 0xdd : 0x00;
	at += 2;
	if (ipv6) {
		at[0] = 0x60;
		at[6] = 60;	/* destination options */
		at[40] = tcp ? 6 : 17;
		at += 48;
	} else {
		at[0] = 0x46;	/* with 4 bytes of options */
		at[9] = tcp ? 6 : 17;
		at += 24;
	}
	if (tcp)
		at[12] = 0x80;	/* 12 bytes of options */
	return (unsigned int)(at - p) + (tcp ? 32 : 8);
}

static void test_checksums(void)
{
	unsigned int i, end;

	for (i = 0; i < 8; i++) {
		bool vlan = i & 1, ipv6 = i & 2, tcp = i & 4;

		start();
		end = put_headers(vlan, ipv6, tcp);
		request(1, 10, 0, 500, NETTXF_csum_blank | NETTXF_data_validated);
		check(transmit() == 1 && tap_gets());
		check(got.header.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
		check(got.header.csum_start == end - (tcp ? 32 : 8));
		check(got.header.csum_offset == (tcp ? 16 : 6));
		check(answered(0, 1, NETIF_RSP_OKAY));
		/* The headers are not all there. */
		request(2, 10, 0, end - (tcp ? 13 : 1), NETTXF_csum_blank);
		check(transmit() == 1 && !tap_gets() && answered(1, 2, NETIF_RSP_ERROR));
	}
	put_headers(false, false, true);
	ram[10 * GUEST_PAGE_SIZE + 14 + 6] = 0x20;	/* a fragment */
	request(3, 10, 0, 500, NETTXF_csum_blank);
	check(transmit() == 1 && !tap_gets() && answered(2, 3, NETIF_RSP_ERROR));
	request(4, 10, 0, 13, 0);			/* less than Ethernet has */
	check(transmit() == 1 && !tap_gets() && answered(3, 4, NETIF_RSP_ERROR));
	check(queue.sent.dropped == 3);
	ksft_test_result(!failed, "checksums left to the host are found\n");
}

static void test_segments(void)
{
	unsigned int end, i;

	start();
	end = put_headers(false, false, true);
	request(1, 10, 0, 60000, NETTXF_csum_blank | NETTXF_extra_info | NETTXF_more_data);
	gso(XEN_NETIF_GSO_TYPE_TCPV4, 1448, 0);
	for (i = 0; i < 15; i++)
		request(2 + i, 11 + i, 0, i == 14 ? 60000 - 500 - 14 * 4096 : 4096,
			i == 14 ? 0 : NETTXF_more_data);
	check(transmit() == 1);
	check(tap_gets() && got_size == 60000);
	check(got.header.gso_type == VIRTIO_NET_HDR_GSO_TCPV4);
	check(got.header.gso_size == 1448 && got.header.hdr_len == end);
	check(got.header.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
	check(answered(0, 1, 0) && answered(1, 0, NETIF_RSP_NULL) && answered(2, 2, 0));
	check(!memcmp(got.data + 500, ram + 11 * GUEST_PAGE_SIZE, 14 * 4096));
	/* IPv6 it is not; nor can segments have checksums before they are cut. */
	request(30, 10, 0, 4000, NETTXF_csum_blank | NETTXF_extra_info);
	gso(XEN_NETIF_GSO_TYPE_TCPV6, 1448, 0);
	request(31, 10, 0, 4000, NETTXF_extra_info);
	gso(XEN_NETIF_GSO_TYPE_TCPV4, 1448, 0);
	check(transmit() == 2 && !tap_gets());
	check(answered(17, 30, NETIF_RSP_ERROR) && answered(19, 31, NETIF_RSP_ERROR));
	ksft_test_result(!failed, "segments to be cut\n");
}

/* The frontend's last words were these: the ring is at its end, and the reason is known. */
static void refused(const char *why)
{
	RING_IDX before = tx->rsp_prod;

	if (transmit() != -EPROTO || !strstr(queue.why, why) || tx->rsp_prod != before) {
		ksft_print_msg("taken for good: %s (%s)\n", why, queue.why);
		failed = true;
	}
	check(!tap_gets());
	start();
}

static void test_hostile_transmit(void)
{
	unsigned int i;

	start();
	tx->req_prod = NET_RING_SIZE + 1;
	refused("257 requests");
	tx->req_prod = ~0U;
	refused("requests in a ring");
	request(1, 3, 4000, 97, 0);
	refused("of a page");
	request(1, 3, 65535, 60, 0);
	refused("of a page");
	request(1, 3, 0, 5000, 0);
	refused("of a page");
	request(1, 3, 0, 100, NETTXF_more_data);
	refused("end is missing");
	request(1, 3, 0, 100, NETTXF_more_data);
	request(2, 3, 0, 101, 0);
	refused("smaller than its parts");
	request(1, 3, 0, 200, NETTXF_more_data);
	for (i = 0; i < NET_SLOTS_MAX; i++)
		request(2, 3, 0, 1, NETTXF_more_data);
	refused("more than 20 slots");
	request(1, 511, 0, 100, 0);
	refused("grant 511");
	request(1, 512, 0, 100, 0);
	refused("grant 512");
	request(1, ~0U, 0, 100, 0);
	refused("grant 4294967295");
	request(1, 3, 0, 100, NETTXF_extra_info);
	refused("extra information is missing");
	request(1, 3, 0, 100, NETTXF_extra_info);
	gso(XEN_NETIF_GSO_TYPE_TCPV4, 1000, XEN_NETIF_EXTRA_FLAG_MORE);
	refused("extra information is missing");
	request(1, 3, 0, 100, NETTXF_extra_info);
	gso(XEN_NETIF_GSO_TYPE_TCPV4, 0, 0);
	refused("no size");
	request(1, 3, 0, 100, NETTXF_extra_info);
	gso(7, 1000, 0);
	refused("segmentation of type 7");
	request(1, 3, 0, 100, NETTXF_extra_info);
	extra(&(struct netif_extra_info){ .type = 0 });
	refused("type 0");
	request(1, 3, 0, 100, NETTXF_extra_info);
	extra(&(struct netif_extra_info){ .type = 200 });
	refused("type 200");
	/* Extra information all around the ring */
	request(1, 3, 0, 100, NETTXF_extra_info);
	for (i = 1; i < NET_RING_SIZE; i++)
		gso(XEN_NETIF_GSO_TYPE_TCPV4, 1000, XEN_NETIF_EXTRA_FLAG_MORE);
	refused("extra information is missing");
	ksft_test_result(!failed, "frontends that break the rules of transmission\n");
}

static void post(unsigned int first, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		rx->ring[rx->req_prod++ % NET_RING_SIZE].req = (netif_rx_request_t){
			.id = (__u16)(first + i), .gref = first + i,
		};
}

static int receive(void)
{
	return net_queue_receive(&queue, 1000, &notify);
}

static void tap_sends(size_t size, unsigned int gso_type, unsigned int flags)
{
	size_t i;

	got.header = (struct virtio_net_hdr){
		.gso_type = (__u8)gso_type, .gso_size = gso_type ? 1400 : 0,
		.flags = (__u8)flags,
	};
	for (i = 0; i < size; i++)
		got.data[i] = (__u8)(i * 11 + i / 253);
	got.data[0] = 2;
	if (send(tap, &got, sizeof(got.header) + size, 0) < 0)
		ksft_exit_fail_msg("send: %s\n", strerror(errno));
}

static bool slot_is(unsigned int number, unsigned int id, unsigned int flags, int size)
{
	const netif_rx_response_t *slot = &rx->ring[number % NET_RING_SIZE].rsp;

	if (number < rx->rsp_prod && slot->id == id && !slot->offset &&
	    slot->flags == flags && slot->status == size)
		return true;
	ksft_print_msg("slot %u of %u: id %u, flags %#x, status %d\n", number,
		       rx->rsp_prod, slot->id, slot->flags, slot->status);
	return false;
}

static void test_receive(void)
{
	start();
	post(1, NET_RECEIVE_SLOTS + 2);
	tap_sends(600, 0, 0);
	tap_sends(700, 0, VIRTIO_NET_HDR_F_DATA_VALID);
	tap_sends(800, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	check(receive() == 3 && notify);
	check(slot_is(0, 1, 0, 600) && slot_is(1, 2, NETRXF_data_validated, 700));
	check(slot_is(2, 3, NETRXF_data_validated | NETRXF_csum_blank, 800));
	check(!memcmp(ram + 3 * GUEST_PAGE_SIZE, got.data, 800));
	/* There is no room for the largest packet: it waits, and the guest is to say. */
	tap_sends(900, 0, 0);
	check(!receive() && net_queue_is_full(&queue));
	check(rx->req_event == 3 + NET_RECEIVE_SLOTS);
	post(21, 1);
	check(receive() == 1 && slot_is(3, 4, 0, 900));
	check(queue.received.packets == 4 && queue.received.bytes == 3000);
	ksft_test_result(!failed, "packets to the guest\n");
}

static void test_scatter(void)
{
	const struct netif_extra_info *info = (void *)&rx->ring[1];

	start();
	features.gso = 0;
	post(1, 30);
	tap_sends(9000, 0, 0);
	check(receive() == 1);
	check(slot_is(0, 1, NETRXF_more_data, 4096) && slot_is(1, 2, NETRXF_more_data, 4096) &&
	      slot_is(2, 3, 0, 9000 - 8192) && rx->rsp_prod == 3);
	check(!memcmp(ram + GUEST_PAGE_SIZE, got.data, 9000));

	start();
	post(1, 30);
	tap_sends(9000, 0, 0);
	check(receive() == 1 && slot_is(2, 3, 0, 9000 - 8192) && rx->rsp_prod == 3);
	check(!memcmp(ram + GUEST_PAGE_SIZE, got.data, 9000));

	start();
	post(1, 30);
	tap_sends(65000, VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	check(receive() == 1 && rx->rsp_prod == 17);
	check(slot_is(0, 1, NETRXF_more_data | NETRXF_extra_info | NETRXF_data_validated |
		      NETRXF_csum_blank, 4096));
	check(info->type == XEN_NETIF_EXTRA_TYPE_GSO && !info->flags &&
	      info->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4 && info->u.gso.size == 1400);
	check(slot_is(2, 3, NETRXF_more_data, 4096));
	check(slot_is(16, 17, 0, 65000 - 15 * 4096));
	check(!memcmp(ram + GUEST_PAGE_SIZE, got.data, 4096));
	check(!memcmp(ram + 3 * GUEST_PAGE_SIZE, got.data + 4096, 65000 - 4096));
	/* What the guest did not say that it takes */
	features.gso = 1 << XEN_NETIF_GSO_TYPE_TCPV6;
	post(20, 18);
	tap_sends(2000, VIRTIO_NET_HDR_GSO_TCPV4, 0);
	tap_sends(2000, VIRTIO_NET_HDR_GSO_UDP, 0);
	receive();
	check(rx->rsp_prod == 17 && queue.received.dropped == 2);
	ksft_test_result(!failed, "packets of several slots to the guest\n");
}

static void test_hostile_receive(void)
{
	static const unsigned int bad[] = { READ_ONLY, 100, 512, ~0U };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start();
		post(1, 17);
		post(bad[i], 1);
		tap_sends(600, 0, 0);
		check(receive() == -EPROTO && strstr(queue.why, "grant"));
		check(!rx->rsp_prod);
	}
	start();
	rx->req_prod = NET_RING_SIZE + 1;
	check(receive() == -EPROTO && strstr(queue.why, "requests in a ring"));
	/* Rings as they would be of a frontend that was connected before */
	start();
	tx->req_prod = ~0U - 2;
	tx->rsp_prod = ~0U - 2;
	rx->req_prod = ~0U - 2;
	rx->rsp_prod = ~0U - 2;
	check(!net_queue_attach(&queue));
	post(1, 20);
	tap_sends(600, 0, 0);
	check(receive() == 1 && rx->rsp_prod == ~0U - 1);
	rx->req_prod -= 300;
	check(net_queue_attach(&queue) == -EPROTO);
	ksft_test_result(!failed, "frontends that break the rules of reception\n");
}

static void test_groups(void)
{
	struct netif_extra_info wish = {
		.type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD, .u.mcast.addr = { 3, 11, 22 },
	};
	unsigned int i;

	start();
	filter.on = true;
	post(1, 30);
	tap_sends(600, 0, 0);			/* to one station */
	check(receive() == 1 && queue.received.packets == 1);
	got.data[0] = 3;			/* to a group */
	check(send(tap, &got, 610, 0) == 610);
	check(receive() == 1 && queue.received.packets == 1);
	request(1, 0, 0, 0, NETTXF_extra_info);
	extra(&wish);
	check(transmit() == 1 && !tap_gets());
	check(answered(0, 1, NETIF_RSP_OKAY) && answered(1, 0, NETIF_RSP_NULL));
	tap_sends(600, 0, 0);
	memcpy(got.data, wish.u.mcast.addr, 6);
	check(send(tap, &got, 610, 0) == 610);
	memset(got.data, 0xff, 6);		/* to everybody */
	check(send(tap, &got, 610, 0) == 610);
	check(receive() == 3 && queue.received.packets == 4);
	wish.type = XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
	request(2, 0, 0, 0, NETTXF_extra_info);
	extra(&wish);
	check(transmit() == 1 && !filter.count);
	wish.type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD;
	for (i = 0; i <= NET_GROUPS_MAX; i++) {
		wish.u.mcast.addr[5] = (__u8)i;
		request(3 + i, 0, 0, 0, NETTXF_extra_info);
		extra(&wish);
	}
	check(transmit() == NET_GROUPS_MAX + 1 && filter.count == NET_GROUPS_MAX);
	check(answered(4 + 2 * NET_GROUPS_MAX, 3 + NET_GROUPS_MAX, NETIF_RSP_ERROR));
	ksft_test_result(!failed, "groups that the guest wants to hear\n");
}

static unsigned int sum16(const __u8 *p, size_t size)
{
	unsigned int sum = 0;
	size_t i;

	for (i = 0; i < size; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void test_stream(void)
{
	static __u8 bytes[2 * NET_FRAME_MAX];
	unsigned int end, i;
	ssize_t n;

	start_with(SOCK_STREAM, &stream);
	features = (struct net_features){ 0 };
	end = put_headers(false, false, false);
	request(1, 10, 0, 501, NETTXF_csum_blank);
	request(2, 4, 0, 70, 0);
	check(transmit() == 2);
	n = read(tap, bytes, sizeof(bytes));
	check(n == 505 + 74 && bytes[2] == 501 >> 8 && bytes[3] == (501 & 255));
	check(sum16(bytes + 4 + end - 8, 501 - end + 8) == 0xffff);
	check(bytes[505 + 3] == 70);
	check(!memcmp(bytes + 509, ram + 4 * GUEST_PAGE_SIZE, 70));
	/* Nobody reads: what can't be sent waits, and goes out whole. */
	for (i = 0; i < 255; i++)
		request(i, 4, 0, 4000, 0);
	check(transmit() < 255 && stream.out_size);
	check(tx->rsp_prod < tx->req_prod);
	while (read(tap, bytes, 4004) > 0) {
		failed |= memcmp(bytes + 4, ram + 4 * GUEST_PAGE_SIZE, 4000);
		transmit();
	}
	check(tx->rsp_prod == tx->req_prod && !stream.out_size);
	/* Packets come in pieces. */
	post(1, 3);
	memset(bytes, 0, 8);
	bytes[3] = 100;
	for (i = 0; i < 104; i++) {
		check(write(tap, bytes + i, 1) == 1);
		check(receive() == (i == 103));
	}
	check(slot_is(0, 1, 0, 100));
	bytes[3] = 13;
	check(write(tap, bytes, 17) == 17 && !receive() && queue.gone);
	ksft_test_result(!failed, "packets through a socket\n");
}

static void test_end(void)
{
	start();
	request(1, 3, 0, 100, 0);
	shutdown(tap, SHUT_RDWR);
	check(transmit() == 1 && queue.gone && answered(0, 1, NETIF_RSP_ERROR));
	request(2, 3, 0, 100, 0);
	check(transmit() == 1 && answered(1, 2, NETIF_RSP_ERROR));
	ksft_test_result(!failed, "nobody at the other end\n");
}

int main(void)
{
	static void (* const tests[])(void) = {
		test_transmit, test_gather, test_checksums, test_segments,
		test_hostile_transmit, test_receive, test_scatter, test_hostile_receive,
		test_groups, test_stream, test_end,
	};
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(tests));
	make_memory();
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		failed = false;
		tests[i]();
	}
	ksft_finished();
}
