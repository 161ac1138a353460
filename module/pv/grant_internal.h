/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grant table: what grant.c and grant_use.c share, and nobody else.
 */
#ifndef PHV_GRANT_INTERNAL_H
#define PHV_GRANT_INTERNAL_H

#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <xen/interface/xen.h>
#include <xen/interface/grant_table.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"

#define ENTRIES_V1	(PAGE_SIZE / sizeof(struct grant_entry_v1))
#define ENTRIES_V2	(PAGE_SIZE / sizeof(union grant_entry_v2))
#define STATUS_ENTRIES	(PAGE_SIZE / sizeof(grant_status_t))

#define STATUS_BITS	(GTF_reading | GTF_writing)

/* Grants that a guest can have mapped at a time. */
#define MAPS_MAX	256

/**
 * struct grant_map - a grant that is mapped
 * @used: there is one
 * @readonly: for reading only
 * @ref: the grant
 * @gfn: where it is mapped
 * @hva: the owner's address of the memory
 */
struct grant_map {
	bool used;
	bool readonly;
	grant_ref_t ref;
	u64 gfn;
	unsigned long hva;
};

struct grant_domain {
	struct mutex mutex;		/* the rest; outside of memory.mutex */
	unsigned int version;
	unsigned int frames;		/* of grants; those of status follow from it */
	struct grant_map map[MAPS_MAX];
};

/* User space is waited for by nobody who cannot be killed. */
static inline bool grant_lock(struct phv_domain *domain)
{
	return !mutex_lock_interruptible(&domain->pv->grant->mutex);
}

static inline void grant_unlock(struct phv_domain *domain)
{
	mutex_unlock(&domain->pv->grant->mutex);
}

/* The table; grant.mutex held */

static inline void *shared_frame(const struct pv_domain *pv, unsigned int i)
{
	return pv->grant_page[i].addr;
}

static inline void *status_frame(const struct pv_domain *pv, unsigned int i)
{
	return pv->grant_page[pv->grant_frames + i].addr;
}

static inline unsigned int entry_count(const struct grant_domain *grant)
{
	return grant->frames * (grant->version == 1 ? ENTRIES_V1 : ENTRIES_V2);
}

/* References are below entry_count(). */
static inline struct grant_entry_v1 *entry_v1(const struct pv_domain *pv, grant_ref_t ref)
{
	struct grant_entry_v1 *frame = shared_frame(pv, ref / ENTRIES_V1);

	return &frame[ref % ENTRIES_V1];
}

static inline union grant_entry_v2 *entry_v2(const struct pv_domain *pv, grant_ref_t ref)
{
	union grant_entry_v2 *frame = shared_frame(pv, ref / ENTRIES_V2);

	return &frame[ref % ENTRIES_V2];
}

static inline grant_status_t *entry_status(const struct pv_domain *pv, grant_ref_t ref)
{
	grant_status_t *frame = status_frame(pv, ref / STATUS_ENTRIES);

	return &frame[ref % STATUS_ENTRIES];
}

/* Is a grant in use, by the module or by a backend? */
static inline bool grant_is_in_use(const struct pv_domain *pv, grant_ref_t ref)
{
	if (pv->grant->version == 1)
		return READ_ONCE(entry_v1(pv, ref)->flags) & STATUS_BITS;
	return READ_ONCE(*entry_status(pv, ref)) & STATUS_BITS;
}

/* Lists of operations */

/*
 * Operations have one layout for guests of both widths, but for copies and pointers to
 * lists of frames. One is done at a time, and its status written back.
 */
struct grant_list {
	struct hypercall *call;
	u64 gva;		/* of the operation that is looked at */
};

static inline struct phv_domain *grant_list_domain(const struct grant_list *list)
{
	return list->call->vcpu->domain;
}

/*
 * grant_use.c: an operation of a list, and its size. 0, -EFAULT, or -EINTR: a signal is there,
 * it was not begun.
 */
int grant_copy(struct grant_list *list);
size_t grant_copy_size(const struct hypercall *call);
int grant_map(struct grant_list *list);
int grant_unmap(struct grant_list *list);

#endif /* PHV_GRANT_INTERNAL_H */
