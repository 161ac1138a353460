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

#include "pv/hypercall.h"
#include "pv/page.h"
#include "pv/sched_op.h"
#include "pv/time.h"
#include "pv/vcpu_op.h"

struct evtchn_domain;
struct evtchn_vcpu;
struct grant_domain;
struct memory_op_domain;
struct phv_domain;
struct phv_vcpu;

/* HVM_PARAM_* are below this: Xen's HVM_NR_PARAMS, the kernel's headers have but the first. */
#define PV_PARAMS	39

/* What guests are told, by CPUID and hypercall: 4.17, major in the upper half. */
#define XEN_VERSION	(4 << 16 | 17)

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
	void *scratch;			/* I: what is at holes, or NULL: see ept_map_hole() */
	bool compat_shared;		/* a: shared_info has the 32-bit layout */

	struct time_domain time;
	struct sched_op_domain sched;
	struct evtchn_domain *evtchn;	/* I */
	struct memory_op_domain *memory;/* I */
	struct grant_domain *grant;	/* I */
};

/* Letters as in vcpu.h. */
struct pv_vcpu {
	struct hypercall call;		/* m: the one under way; not on a stack, to be quick */
	/*
	 * struct vcpu_info: in shared_info, or where the guest wants it; never NULL with
	 * Xen domains. Changes under the event channels' lock (evtchn_register_vcpu_info()).
	 */
	struct vcpu_info *info;		/* a */
	struct vcpu_info *own_info;	/* I: at first, for vCPUs that shared_info has none for */
	struct pv_page info_page;	/* see evtchn.h */
	struct time_vcpu time;
	struct runstate_vcpu runstate;
	struct vcpu_op_vcpu op;
	struct evtchn_vcpu *evtchn;	/* I */
};

/* pv.c: PHV_XEN_*, PHV_EVTCHN_* ioctls of a domain; -ENOTTY for what is none of them. */
long pv_ioctl(struct phv_domain *domain, unsigned int cmd, unsigned long arg);

/* With the domain, when no descriptor is left; vCPUs are gone. */
void pv_destroy(struct phv_domain *domain);

/* With the vCPU. Nothing to do for domains that are not Xen's. */
int pv_create_vcpu(struct phv_vcpu *vcpu);
void pv_destroy_vcpu(struct phv_vcpu *vcpu);

/*
 * The guest's mode decides from now on whether shared_info has the 32-bit layout. Process
 * context, loaded.
 */
void pv_latch_layout(struct phv_vcpu *vcpu);

#endif /* PHV_PV_H */
