/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net_host - what a domain's network interfaces are on the host: TAPs, bridges, rules,
 * and programs that do without.
 *
 * The parent's.  Everything is kept by the kernel: a TAP is there as long as the worker
 * holds it; rules are in a table of nftables that is named after domain and interface
 * (net_rules.c); a bridge that was made here says so in its alias, and a TAP whose it is.  So nothing is lost
 * when the parent ends, and what it leaves behind the next one finds.
 */
#ifndef _NET_HOST_H
#define _NET_HOST_H

#include <json-c/json.h>
#include <sys/types.h>

#include "net_config.h"

#define NET_INTERFACES_MAX	8	/* of a domain */

/* net_host.c */
int net_host_open(const char *domain, unsigned int number, struct net_config *config,
		  uid_t user, int fds[NET_QUEUES_MAX], char why[NET_WHY_MAX]);
void net_host_forget(const char *domain, unsigned int numbers, bool held);

/* net_rules.c */
int net_rules_make(const char *domain, unsigned int number,
		   const struct net_config *config, char why[NET_WHY_MAX]);
void net_rules_remove(const char *domain, unsigned int number);
struct json_object *net_rules_list(const char *domain, unsigned int number);
int net_rules_add(const char *domain, unsigned int number, const struct net_rule *rule,
		  bool first, char why[NET_WHY_MAX]);
int net_rules_delete(const char *domain, unsigned int number, const char *text,
		     char why[NET_WHY_MAX]);

/* net_user.c */
int net_user_open(const char *domain, char why[NET_WHY_MAX]);

#endif /* _NET_HOST_H */
