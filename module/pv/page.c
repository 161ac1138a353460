// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest frames that the module itself reads and writes.
 */
#include <linux/errno.h>

#include "pv/page.h"

int pv_page_pin(struct phv_domain *domain, u64 gfn, struct pv_page *page)
{
	return -EINVAL;
}

int pv_page_pin_user(struct phv_domain *domain, unsigned long hva, struct pv_page *page)
{
	return -EFAULT;
}

void pv_page_unpin(struct phv_domain *domain, struct pv_page *page)
{
}
