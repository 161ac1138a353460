/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HVM parameters, as user space gets and sets them.
 */
#ifndef PHV_HVM_OP_H
#define PHV_HVM_OP_H

#include <linux/types.h>

struct phv_domain;

/* -EINVAL when there is no such parameter. Process context. */
int hvm_get_param(struct phv_domain *domain, u32 index, u64 *value);

/* The same, or what evtchn_set_callback() says. */
int hvm_set_param(struct phv_domain *domain, u32 index, u64 value);

#endif /* PHV_HVM_OP_H */
