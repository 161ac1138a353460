// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grant table.
 */
#include <linux/errno.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "pv/grant.h"
#include "vcpu.h"

int grant_create(struct phv_domain *domain)
{
	return 0;
}

void grant_destroy(struct phv_domain *domain)
{
}

int grant_frame(struct phv_domain *domain, u64 index, unsigned long *hva)
{
	return -EINVAL;
}

long hypercall_grant_table_op(struct hypercall *call)
{
	return -ENOSYS;
}
