// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest frames that the module itself reads and writes.
 *
 * What lives here: pinning, and telling the dirty log. Pins are for long: the kernel
 * moves such a page out of what it wants to keep movable, and forks copy it for the child.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>

#include "domain.h"
#include "memory.h"
#include "pv/page.h"
#include "pv/pv.h"

static int pin(struct phv_domain *domain, u64 gfn, unsigned long hva, struct pv_page *page)
{
	struct pv_domain *pv = domain->pv;
	struct page *pinned;
	int ret;

	ret = pin_user_pages_fast(hva & PAGE_MASK, 1, FOLL_WRITE | FOLL_LONGTERM, &pinned);
	if (ret != 1)
		return ret == -ENOMEM ? -ENOMEM : -EFAULT;

	page->page = pinned;
	page->addr = page_address(pinned);
	page->gfn = gfn;
	page->hva = hva & PAGE_MASK;
	mutex_lock(&pv->pages_mutex);
	list_add(&page->list, &pv->pages);
	mutex_unlock(&pv->pages_mutex);
	return 0;
}

int pv_page_pin(struct phv_domain *domain, u64 gfn, struct pv_page *page)
{
	unsigned long hva;
	int ret;

	ret = memory_hva(domain, gfn, true, &hva);
	if (ret)
		return -EINVAL;
	ret = pin(domain, gfn, hva, page);
	return ret == -EFAULT ? -EINVAL : ret;
}

int pv_page_pin_user(struct phv_domain *domain, unsigned long hva, struct pv_page *page)
{
	return pin(domain, ~0ULL, hva, page);
}

void pv_page_unpin(struct phv_domain *domain, struct pv_page *page)
{
	struct pv_domain *pv = domain->pv;

	if (!page->addr)
		return;
	mutex_lock(&pv->pages_mutex);
	list_del(&page->list);
	mutex_unlock(&pv->pages_mutex);
	/* From here on nobody knows any more that it was written. */
	memory_log_hva(domain, page->hva);
	page->addr = NULL;
	unpin_user_pages_dirty_lock(&page->page, 1, true);
}

void pv_pages_log(struct phv_domain *domain)
{
	struct pv_domain *pv;
	struct pv_page *page;

	/* Pairs with setup() in pv.c, which may fail and take @pv away again. */
	if (!smp_load_acquire(&domain->pv_ready))
		return;
	pv = domain->pv;
	mutex_lock(&pv->pages_mutex);
	list_for_each_entry(page, &pv->pages, list)
		memory_log_hva(domain, page->hva);
	mutex_unlock(&pv->pages_mutex);
}
