/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small structures in the guest's memory that the module writes and the guest
 * reads: runstate, time. They may cross a page.
 */
#ifndef PHV_AREA_H
#define PHV_AREA_H

#include "pv/page.h"

struct hypercall;

#define PV_AREA_MAX	64	/* bytes */

/**
 * struct pv_area - where such a structure is
 * @page: the frame it starts in, and the next if it goes on there
 * @offset: of it in the first
 * @size: bytes
 */
struct pv_area {
	struct pv_page page[2];
	unsigned int offset;
	unsigned int size;
};

/*
 * Pin what a hypercall points to, by its linear address (as the caller's tables have it
 * now) or by guest-physical address. -EFAULT when the linear one is not mapped for writes;
 * -EINVAL when there is no memory, -ENOMEM. Context: process, the caller's thread.
 */
int pv_area_pin_gva(struct hypercall *call, u64 gva, unsigned int size, struct pv_area **area);
int pv_area_pin_gpa(struct phv_domain *domain, u64 gpa, unsigned int size,
		    struct pv_area **area);

/* Nobody writes it any more. NULL is fine. May sleep. */
void pv_area_unpin(struct phv_domain *domain, struct pv_area *area);

/*
 * Write @size bytes, @at bytes from its start; 4 or 8 bytes that are aligned become visible
 * as one. Any context.
 */
void pv_area_write(struct pv_area *area, unsigned int at, const void *buf, unsigned int size);

#endif /* PHV_AREA_H */
