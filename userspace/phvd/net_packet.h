/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net_packet - where in a packet its checksum is.
 *
 * A frontend leaves checksums to its backend without saying where they are; so the
 * headers have to be read: Ethernet, VLAN tags, IPv4, IPv6 with extension headers, TCP,
 * UDP.  Nothing else in phvd looks into packets.  Called with bytes that nobody
 * changes meanwhile.
 */
#ifndef _NET_PACKET_H
#define _NET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define NET_HEADERS_MAX		256	/* as far as headers are looked for */
#define NET_ETHERNET_HEADER	14

/**
 * struct net_headers - what the headers say
 * @start: the TCP or UDP header, and where the checksum's range begins
 * @checksum: where in that header the checksum is
 * @end: the end of that header
 * @ipv6: it is IPv6, not IPv4
 * @tcp: it is TCP, not UDP
 */
struct net_headers {
	__u16 start;
	__u16 checksum;
	__u16 end;
	bool ipv6;
	bool tcp;
};

bool net_parse(const __u8 *data, size_t size, struct net_headers *headers);
void net_finish_checksum(__u8 *data, size_t size, const struct net_headers *headers);

#endif /* _NET_PACKET_H */
