// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small structures in the guest's memory that the module writes and the guest reads.
 *
 * What lives here: finding and pinning them, and writing across a page's end.
 */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "domain.h"
#include "pv/area.h"
#include "pv/hypercall.h"
#include "vcpu.h"
#include "vmx/gva.h"

void pv_area_unpin(struct phv_domain *domain, struct pv_area *area)
{
	if (!area)
		return;
	pv_page_unpin(domain, &area->page[0]);
	pv_page_unpin(domain, &area->page[1]);
	kfree(area);
}

/* The first byte's address, and that of the first in the next page if there is one. */
static int area_pin(struct phv_domain *domain, const u64 gpa[2], unsigned int size,
		    struct pv_area **result)
{
	struct pv_area *area;
	int ret;

	area = kzalloc(sizeof(*area), GFP_KERNEL_ACCOUNT);
	if (!area)
		return -ENOMEM;
	area->offset = offset_in_page(gpa[0]);
	area->size = size;
	ret = pv_page_pin(domain, gpa[0] >> PAGE_SHIFT, &area->page[0]);
	if (!ret && area->offset + size > PAGE_SIZE)
		ret = pv_page_pin(domain, gpa[1] >> PAGE_SHIFT, &area->page[1]);
	if (ret) {
		pv_area_unpin(domain, area);
		return ret;
	}
	*result = area;
	return 0;
}

int pv_area_pin_gpa(struct phv_domain *domain, u64 gpa, unsigned int size,
		    struct pv_area **area)
{
	const u64 both[2] = { gpa, PAGE_ALIGN(gpa + 1) };

	return area_pin(domain, both, size, area);
}

int pv_area_pin_gva(struct hypercall *call, u64 gva, unsigned int size, struct pv_area **area)
{
	struct gva_fault fault;
	u64 gpa[2];

	if (gva_to_gpa(call->vcpu, gva, GVA_WRITE, &gpa[0], NULL, &fault))
		return -EFAULT;
	if (offset_in_page(gva) + size > PAGE_SIZE &&
	    gva_to_gpa(call->vcpu, PAGE_ALIGN(gva), GVA_WRITE, &gpa[1], NULL, &fault))
		return -EFAULT;
	return area_pin(call->vcpu->domain, gpa, size, area);
}

void pv_area_write(struct pv_area *area, unsigned int at, const void *buf, unsigned int size)
{
	unsigned int offset = area->offset + at;
	unsigned int first = size;

	if (offset >= PAGE_SIZE) {
		memcpy(area->page[1].addr + offset - PAGE_SIZE, buf, size);
		return;
	}
	if (size == sizeof(u32) && IS_ALIGNED(offset, sizeof(u32))) {
		WRITE_ONCE(*(u32 *)(area->page[0].addr + offset), *(const u32 *)buf);
		return;
	}
	if (offset + size > PAGE_SIZE)
		first = PAGE_SIZE - offset;
	memcpy(area->page[0].addr + offset, buf, first);
	if (first < size)
		memcpy(area->page[1].addr, buf + first, size - first);
}
