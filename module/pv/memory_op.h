/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Xen guest's memory: the map, the reservation, and frames that it moves.
 */
#ifndef PHV_MEMORY_OP_H
#define PHV_MEMORY_OP_H

#include <linux/types.h>

struct phv_domain;

struct memory_op_domain;	/* memory_op.c knows what is in it */

/* With PHV_XEN_SETUP: 0 or -ENOMEM. */
int memory_op_create(struct phv_domain *domain, u64 max_pages);
void memory_op_destroy(struct phv_domain *domain);

/* What PHV_XEN_SETUP allows it. */
u64 memory_op_max_pages(const struct phv_domain *domain);

/* PHV_XEN_SET_MEMORY_MAP */
int memory_op_map_ioctl(struct phv_domain *domain, const void __user *uarg);

/*
 * Who is meant by a domain identifier in an operation that a guest may do to itself only:
 * 0, -EPERM for another domain, -ESRCH for none. Of other domains a guest
 * knows 0, where its backends are; it cannot find out which others there are.
 */
int memory_op_domid(const struct phv_domain *domain, u16 domid);

#endif /* PHV_MEMORY_OP_H */
