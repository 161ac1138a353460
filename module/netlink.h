/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic-netlink family "phv": what there is, and what becomes of it.
 */
#ifndef PHV_NETLINK_H
#define PHV_NETLINK_H

#include <linux/types.h>

struct phv_domain;

/*
 * Tell who listens what has become of a domain: PHV_EVENT_*, and for PHV_EVENT_SHUTDOWN
 * why. Nobody waits for it. When there is no memory it is lost; a listener that is too slow
 * is told so by -ENOBUFS. Process context.
 */
void netlink_event(struct phv_domain *domain, u32 event, u32 reason);

/* Module load and unload. 0, or as genl_register_family(). */
int netlink_init(void);
void netlink_exit(void);

#endif /* PHV_NETLINK_H */
