/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net_queue - the rings of a network interface, and what is at their other end.
 *
 * What the guest sends goes from its pages to a TAP's queue, and what comes from
 * there to its pages, with one system call for each packet; TAP's virtio-net header
 * has the checksums and segments that are left for later.  Without a TAP it is a
 * socket, a stream of packets with their length before them, and everything is
 * done here.
 *
 * What is in the rings is hostile: each entry is read once, and checked.  What is in the
 * packets is the guest's affair, but for the headers of those that leave their
 * checksum to us; they are copied before they are looked at.
 *
 * A queue is for one thread at a time.  It waits for nothing, and takes nothing but
 * memory: net.c has the threads, the event channels and xenstore.  Used by tests and the
 * fuzzer as well.
 */
#ifndef _NET_QUEUE_H
#define _NET_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include <sys/uio.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "grant.h"

/* Entries of a ring: it is a page. */
#define NET_RING_SIZE		256
/* Slots of a packet: XEN_NETIF_NR_SLOTS_MIN, and what older frontends need. */
#define NET_SLOTS_MAX		20
#define NET_RECEIVE_SLOTS	XEN_NETIF_NR_SLOTS_MIN
#define NET_FRAME_MAX		65535
#define NET_GROUPS_MAX		64
#define NET_ADDRESS_SIZE	6

/**
 * struct net_filter - the groups that a frontend wants to hear
 * @lock: protects what follows
 * @on: others are not passed on; not protected, set before there are queues
 * @count: how many there are
 * @group: their addresses
 */
struct net_filter {
	pthread_mutex_t lock;
	bool on;
	unsigned int count;
	__u8 group[NET_GROUPS_MAX][NET_ADDRESS_SIZE];
};

/**
 * struct net_features - what the frontend takes
 * @sg: packets of more than a page
 * @checksum: packets without checksum
 * @gso: segments yet to be cut: bit XEN_NETIF_GSO_TYPE_*
 */
struct net_features {
	bool sg;
	bool checksum;
	unsigned int gso;
};

/**
 * struct net_counters - what went through a queue
 * @packets: packets
 * @bytes: bytes of these
 * @dropped: packets that did not get through
 * @batches: how often the other side was told
 */
struct net_counters {
	__u64 packets;
	__u64 bytes;
	__u64 dropped;
	__u64 batches;
};

/**
 * struct net_stream - packets on their way through a socket
 * @out: a packet with its length before it, to be sent
 * @out_size: bytes of that; 0: none
 * @out_done: bytes sent of that
 * @in: what was received of a packet and its length
 * @in_size: bytes of that
 */
struct net_stream {
	__u8 out[4 + NET_FRAME_MAX];
	size_t out_size;
	size_t out_done;
	__u8 in[4 + NET_FRAME_MAX];
	size_t in_size;
};

/**
 * struct net_queue - a pair of rings
 * @tx: the ring of what the guest sends
 * @rx: the ring of what it receives
 * @grants: its grants
 * @features: what it takes
 * @filter: the groups it wants to hear
 * @fd: a TAP's queue, or a socket; does not block
 * @stream: for a socket; or NULL
 * @sent: what went out of the guest
 * @received: what went into it
 * @gone: there is nobody at the other end of @fd any more
 * @why: what was wrong with the rings, when a function says -EPROTO
 * @tx_cons: requests taken from @tx
 * @tx_prod: responses put there
 * @tx_pushed: of these, what the guest sees
 * @rx_cons: requests used from @rx
 * @rx_ready: requests looked up: those from @rx_cons on are in @slot
 * @rx_pushed: responses in @rx that the guest sees
 * @slot: where their memory is, and what they are to be answered with
 */
struct net_queue {
	netif_tx_sring_t *tx;
	netif_rx_sring_t *rx;
	const struct grant_table *grants;
	const struct net_features *features;
	struct net_filter *filter;
	int fd;
	struct net_stream *stream;
	struct net_counters sent;
	struct net_counters received;
	bool gone;
	char why[80];

	RING_IDX tx_cons;
	RING_IDX tx_prod;
	RING_IDX tx_pushed;
	RING_IDX rx_cons;
	RING_IDX rx_ready;
	RING_IDX rx_pushed;
	struct {
		void *data;
		__u16 id;
	} slot[NET_RING_SIZE];
};

int net_queue_attach(struct net_queue *queue);
int net_queue_transmit(struct net_queue *queue, unsigned int budget, bool *notify);
int net_queue_receive(struct net_queue *queue, unsigned int budget, bool *notify);
bool net_queue_is_full(const struct net_queue *queue);

#endif /* _NET_QUEUE_H */
