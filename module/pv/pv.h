/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a domain and a vCPU have when they speak Xen's interface.
 */
#ifndef PHV_PV_H
#define PHV_PV_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <xen/interface/xen.h>

#include "pv/page.h"
#include "pv/time.h"

struct evtchn_domain;
struct evtchn_vcpu;
struct grant_domain;
struct memory_op_domain;
struct phv_domain;
struct phv_vcpu;

/* HVM_PARAM_* are below this. */
#define PV_PARAMS	64

/*
 * phv_domain.pv: NULL but for Xen domains, set before the first vCPU is made.
 * What protects a member: as in domain.h, and
 *	P	@mutex of this structure
 */
struct pv_domain {
	struct mutex mutex;		/* what hypercalls change for the whole domain; sleeps */
	u32 flags;			/* I: PHV_XEN_* */
	u64 param[PV_PARAMS];	/* P */

	struct list_head pages;		/* page.c: pinned frames */
	struct mutex pages_mutex;	/* page.c: innermost */
	unsigned long frames_addr;	/* I: owner's address of the special frames */
	unsigned int grant_frames;	/* I */
	struct pv_page shared_info;	/* I: the first of them */
	/* I: the @grant_frames that follow, and PHV_XEN_STATUS_FRAMES(@grant_frames) */
	struct pv_page *grant_page;
	bool compat_shared;		/* a: shared_info has the 32-bit layout */

	/* Why the domain has stopped, or will: SHUTDOWN_*, -1 while it runs. */
	int shutdown;			/* a */

	atomic64_t unimplemented;	/* a: calls that answered -ENOSYS */
	atomic64_t refused;		/* a: privileged ones, -EPERM */

	struct time_domain time;
	struct evtchn_domain *evtchn;	/* I */
	struct memory_op_domain *memory;/* I */
	struct grant_domain *grant;	/* I */
};

/* Letters as in vcpu.h. */
struct pv_vcpu {
	/*
	 * struct vcpu_info: in shared_info, or where the guest wants it; never NULL with
	 * Xen domains. Changes under the event channels' lock (evtchn_register_vcpu_info()).
	 */
	struct vcpu_info *info;		/* a */
	struct pv_page info_page;	/* see evtchn.h */
	struct time_vcpu time;
	struct runstate_vcpu runstate;
	struct evtchn_vcpu *evtchn;	/* I */
};

/* pv.c: PHV_XEN_*, PHV_EVTCHN_* ioctls of a domain; -ENOTTY for what is none of them. */
long pv_ioctl(struct phv_domain *domain, unsigned int cmd, unsigned long arg);

/* With the domain, when no descriptor is left; vCPUs are gone. */
void pv_destroy(struct phv_domain *domain);

/* With the vCPU. Nothing to do for domains that are not Xen's. */
int pv_create_vcpu(struct phv_vcpu *vcpu);
void pv_destroy_vcpu(struct phv_vcpu *vcpu);

#endif /* PHV_PV_H */
