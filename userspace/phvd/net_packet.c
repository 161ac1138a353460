// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where in a packet its checksum is; see net_packet.h.
 */
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "net_packet.h"

#define VLAN_TAGS_MAX	2
#define EXTENSIONS_MAX	8

static unsigned int get16(const __u8 *data)
{
	return (unsigned int)data[0] << 8 | data[1];
}

/* Passes the Ethernet header; the type of what is behind it, or -1. */
static int pass_ethernet(const __u8 *data, size_t size, size_t *at)
{
	unsigned int tags, type;

	*at = NET_ETHERNET_HEADER;
	if (size < *at)
		return -1;
	type = get16(data + *at - 2);
	for (tags = 0; type == ETH_P_8021Q || type == ETH_P_8021AD; tags++) {
		*at += 4;
		if (tags == VLAN_TAGS_MAX || size < *at)
			return -1;
		type = get16(data + *at - 2);
	}
	return (int)type;
}

/* Passes the IPv4 header; the protocol behind it, or -1. */
static int pass_ipv4(const __u8 *data, size_t size, size_t *at)
{
	const __u8 *ip = data + *at;
	size_t length;

	if (size < *at + 20 || ip[0] >> 4 != 4)
		return -1;
	length = (ip[0] & 15) * 4U;
	/* A fragment has no whole checksum. */
	if (length < 20 || get16(ip + 6) & 0x3fff)
		return -1;
	*at += length;
	return ip[9];
}

/* Passes the IPv6 header and its extensions; the protocol behind it, or -1. */
static int pass_ipv6(const __u8 *data, size_t size, size_t *at)
{
	unsigned int count;
	int next;

	if (size < *at + 40 || data[*at] >> 4 != 6)
		return -1;
	next = data[*at + 6];
	*at += 40;
	for (count = 0; next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	     next == IPPROTO_DSTOPTS; count++) {
		if (count == EXTENSIONS_MAX || size < *at + 8)
			return -1;
		next = data[*at];
		*at += 8 + data[*at + 1] * 8U;
	}
	return next;
}

/**
 * net_parse - find the checksum of a packet's TCP or UDP
 * @data: the packet's beginning
 * @size: bytes of that
 * @headers: filled
 *
 * Return: false if there is none
 */
bool net_parse(const __u8 *data, size_t size, struct net_headers *headers)
{
	int type, protocol = -1;
	size_t at, end;

	type = pass_ethernet(data, size, &at);
	if (type == ETH_P_IP)
		protocol = pass_ipv4(data, size, &at);
	else if (type == ETH_P_IPV6)
		protocol = pass_ipv6(data, size, &at);
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return false;
	headers->tcp = protocol == IPPROTO_TCP;
	headers->ipv6 = type == ETH_P_IPV6;
	if (size < at + (headers->tcp ? 20 : 8))
		return false;
	end = at + (headers->tcp ? (data[at + 12] >> 4) * 4U : 8);
	if (end > size || (headers->tcp && end < at + 20))
		return false;
	headers->start = (__u16)at;
	headers->checksum = headers->tcp ? 16 : 6;
	headers->end = (__u16)end;
	return true;
}

/**
 * net_finish_checksum - put the checksum where only that of the pseudo header is
 * @data: the whole packet
 * @size: bytes of that
 * @headers: as net_parse() found them in it
 */
void net_finish_checksum(__u8 *data, size_t size, const struct net_headers *headers)
{
	__u8 *field = data + headers->start + headers->checksum;
	__u32 sum = 0;
	size_t i;

	for (i = headers->start; i + 1 < size; i += 2)
		sum += get16(data + i);
	if (i < size)
		sum += (unsigned int)data[i] << 8;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = ~(sum + (sum >> 16)) & 0xffff;
	/* UDP's 0 says that there is none. */
	if (!sum && !headers->tcp)
		sum = 0xffff;
	field[0] = (__u8)(sum >> 8);
	field[1] = (__u8)sum;
}
