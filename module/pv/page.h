/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest frames that the module itself reads and writes, from any context: event
 * words, vcpu_info, the runstate area, shared_info.
 *
 * Such a frame is pinned, for as long as the guest has it registered. If the owner
 * replaces the page behind it (munmap, MADV_DONTNEED), guest and module see
 * different pages: the owner's own doing, and the domain's loss only. What it
 * holds is written by the guest at any time: read once, check the copy.
 *
 * A struct pv_page is in a list as long as it holds a frame: it must not be copied.
 */
#ifndef PHV_PAGE_H
#define PHV_PAGE_H

#include <linux/list.h>
#include <linux/types.h>

struct page;
struct phv_domain;

/**
 * struct pv_page - a pinned frame
 * @addr: where the module has it, NULL when there is none
 * @gfn: guest frame, or ~0 for one that is pinned by the owner's address
 * @hva: the owner's address
 * @page: its page
 * @list: pv_domain.pages: the dirty log takes all of these as written, always
 */
struct pv_page {
	void *addr;
	u64 gfn;
	unsigned long hva;
	struct page *page;
	struct list_head list;
};

/**
 * pv_page_pin - get hold of a guest frame
 * @domain: the domain
 * @gfn: guest frame in writable memory of the domain
 * @page: filled in
 *
 * Return: 0; -EINVAL when there is no such memory, or it is read-only; -ENOMEM.
 * Context: process, may sleep, owner's address space.
 */
int pv_page_pin(struct phv_domain *domain, u64 gfn, struct pv_page *page);

/* The same by the owner's address: -EFAULT when there is no writable memory. */
int pv_page_pin_user(struct phv_domain *domain, unsigned long hva, struct pv_page *page);

/* Give it back; nobody uses @page->addr any more. An empty one is fine. May sleep. */
void pv_page_unpin(struct phv_domain *domain, struct pv_page *page);

/*
 * Before a dirty log is fetched: all pinned frames may have been written. Process
 * context; nothing to do for domains that are not Xen's.
 */
void pv_pages_log(struct phv_domain *domain);

#endif /* PHV_PAGE_H */
