/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain, as the rest of the module sees it.
 */
#ifndef PHV_DOMAIN_H
#define PHV_DOMAIN_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/types.h>

#include <phv.h>

#include "ept/ept.h"
#include "memory.h"
#include "vmx/cpuid.h"
#include "vmx/io.h"
#include "vmx/msr.h"

struct phv_vcpu;
struct pv_domain;

/* Domain identifiers: 0 is the host; Xen reserves what follows the last. */
#define DOMID_FIRST	1
#define DOMID_LAST	32751

/*
 * What protects a member:
 *	I	immutable after creation
 *	V	@mutex until the first vCPU exists, immutable from then on
 *	m	@mutex
 *	p	written once under @mutex, published by smp_store_release()
 *	a	atomic
 *	r	the reference count itself
 *	d	domain.c's mutex for all domains
 */
struct phv_domain {
	struct kref refs;		/* r: each descriptor has one */
	u16 id;				/* I */
	struct hlist_node by_name;	/* d */
	char name[PHV_NAME_MAX];	/* I */
	struct mutex mutex;

	struct memory memory;		/* see memory.h */
	struct ept ept;			/* see ept/ept.h */
	struct ports ports;		/* see vmx/io.h */

	struct cpuid_policy cpuid;	/* V */
	struct msr_policy msrs;		/* V */
	u32 tsc_khz;			/* V */
	u64 tsc_multiplier;		/* V: TSC scaling, 0 for none */
	u64 tsc_start;			/* I: host's TSC where the guest's is 0 */
	struct pv_domain *pv;		/* V: for Xen domains, see pv/pv.h */
	bool pv_ready;			/* p: @pv is complete */

	struct pid *owner;		/* I: the process that made it */
	u64 created;			/* I: when, ns since boot */
	bool started;			/* a: a vCPU has run */
	atomic_t ended;			/* a: why it has ended, see domain_end(); else -1 */

	unsigned int vcpu_count;	/* m */
	atomic_t vcpus_idle;		/* a: halted for good, see vcpu_set_idle() */
	u32 last_boosted;		/* a hint: the vCPU that was last yielded to */
	struct phv_vcpu *vcpus[PHV_MAX_VCPUS];	/* p; live as long as the domain */
};

int domain_create_ioctl(void __user *uarg);
void domain_get(struct phv_domain *domain);
void domain_put(struct phv_domain *domain);

/*
 * The domain with this number, with this name, or with the lowest number from @id on; with
 * a reference, or NULL. Process context.
 */
struct phv_domain *domain_find(u32 id);
struct phv_domain *domain_find_name(const char *name);
struct phv_domain *domain_next(u32 id);

/* A number that changes when domains come or go; not 0. */
unsigned int domain_generation(void);

/* A vCPU of it runs for the first time. Process context. */
void domain_start(struct phv_domain *domain);

/*
 * A vCPU's thread is told of the end: SHUTDOWN_* or PHV_ENDED_*. The first tells the
 * world. And a suspended domain goes on. Process context.
 */
void domain_end(struct phv_domain *domain, u32 reason);
void domain_go_on(struct phv_domain *domain);

/* Is this the process that the domain belongs to? */
static inline bool memory_is_owner(const struct phv_domain *domain)
{
	return current->mm == domain->memory.mm;
}

/* The vCPU with this number, which may be a guest's word, or NULL. Any context. */
static inline struct phv_vcpu *domain_vcpu(const struct phv_domain *domain, u32 id)
{
	if (id >= PHV_MAX_VCPUS)
		return NULL;
	id = array_index_nospec(id, PHV_MAX_VCPUS);
	return smp_load_acquire(&domain->vcpus[id]);	/* vcpu_create_ioctl() */
}

#endif /* PHV_DOMAIN_H */
