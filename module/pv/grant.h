/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Xen guest's grant table.
 */
#ifndef PHV_GRANT_H
#define PHV_GRANT_H

#include <linux/types.h>

struct phv_domain;

struct grant_domain;	/* grant.c knows what is in it */

/* With PHV_XEN_SETUP: 0 or -ENOMEM. The frames are those of pv_domain.grant_page. */
int grant_create(struct phv_domain *domain);
void grant_destroy(struct phv_domain *domain);

/**
 * grant_frame - the owner's address of a frame of the table
 * @domain: the domain
 * @index: which; with XENMAPIDX_grant_table_status a status frame
 * @hva: filled in
 *
 * For XENMAPSPACE_grant_table: the table grows up to @index. Return: 0; -EINVAL.
 * Context: process.
 */
int grant_frame(struct phv_domain *domain, u64 index, unsigned long *hva);

/* PHV_XEN_GET_GRANTS */
int grant_get_ioctl(struct phv_domain *domain, void __user *uarg);

#endif /* PHV_GRANT_H */
