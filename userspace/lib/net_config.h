/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net_config - a network interface as the user wants it: the value of --net, and of
 * its rules.
 *
 * Used by vmctl, to check, by phvd, to make it, and by its workers. What is in a struct
 * was checked: names and addresses have no characters but those that belong there.
 */
#ifndef _NET_CONFIG_H
#define _NET_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define NET_NAME_MAX		16	/* IFNAMSIZ */
#define NET_QUEUES_MAX		8
#define NET_ADDRESSES_MAX	8
#define NET_ADDRESS_MAX		52	/* of IPv6, with the length of its prefix */
#define NET_RULES_MAX		16
#define NET_RULE_MAX		120	/* nftables has room for 128 in a comment */
#define NET_TEXT_MAX		3072
#define NET_WHY_MAX		120

enum net_kind { NET_TAP, NET_USER };
enum net_action { NET_ALLOW, NET_DENY, NET_LIMIT };
enum net_protocol { NET_ANY, NET_TCP, NET_UDP, NET_ICMP, NET_ARP };

/**
 * struct net_rule - what is to be done with some packets
 * @text: as the user wrote it
 * @action: NET_*
 * @rate: for NET_LIMIT: packets, or bytes, in a second
 * @bytes: it is bytes
 * @out: what the guest sends, not what it receives
 * @protocol: NET_*
 * @from: address, with /LENGTH or without, or empty
 * @to: the same
 * @first_port: of TCP or UDP, where it goes; 0: any
 * @last_port: as well
 */
struct net_rule {
	char text[NET_RULE_MAX];
	enum net_action action;
	unsigned int rate;
	bool bytes;
	bool out;
	enum net_protocol protocol;
	char from[NET_ADDRESS_MAX];
	char to[NET_ADDRESS_MAX];
	unsigned int first_port;
	unsigned int last_port;
};

/**
 * struct net_config - a network interface
 * @kind: NET_TAP or NET_USER
 * @interface: the TAP's name; empty: one is made
 * @bridge: the bridge it is put into, or empty
 * @mac: the guest's address
 * @has_mac: there is one
 * @queues: how many; 0: as the number of vCPUs suggests
 * @offload: checksums and segments may be left to the host
 * @antispoof: the guest may use no address but its own
 * @address: its IP addresses, if known
 * @addresses: how many
 * @rule: texts of rules, by order
 * @rules: how many
 */
struct net_config {
	enum net_kind kind;
	char interface[NET_NAME_MAX];
	char bridge[NET_NAME_MAX];
	__u8 mac[6];
	bool has_mac;
	unsigned int queues;
	bool offload;
	bool antispoof;
	char address[NET_ADDRESSES_MAX][NET_ADDRESS_MAX];
	unsigned int addresses;
	char rule[NET_RULES_MAX][NET_RULE_MAX];
	unsigned int rules;
};

bool net_config_parse(struct net_config *config, const char *text, char why[NET_WHY_MAX]);
void net_config_print(const struct net_config *config, char text[NET_TEXT_MAX]);
void net_config_fill(struct net_config *config, const char *domain, unsigned int number,
		     unsigned int vcpus);
bool net_rule_parse(struct net_rule *rule, const char *text, char why[NET_WHY_MAX]);

#endif /* _NET_CONFIG_H */
