// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen domains: creation, destruction, and the ioctls about them.
 */
#include <linux/errno.h>

#include <phv.h>

#include "domain.h"
#include "pv/pv.h"
#include "vcpu.h"

long pv_ioctl(struct phv_domain *domain, unsigned int cmd, unsigned long arg)
{
	return -ENOTTY;
}

void pv_destroy(struct phv_domain *domain)
{
}

int pv_create_vcpu(struct phv_vcpu *vcpu)
{
	return 0;
}

void pv_destroy_vcpu(struct phv_vcpu *vcpu)
{
}
