/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libphv - what vmctl and phvd share.
 *
 * device.c wraps the ioctls of /dev/phv, domain.c those of domains and vCPUs,
 * caps.c knows the processor features.  With headers of their own: image.h reads
 * kernels, guest_memory.h has a domain's memory, boot.h makes it ready to boot.
 * Nothing here prints, exits, or keeps state: functions that can fail return a
 * negative errno, and the caller words the message; or, where it could not know
 * the cause, they leave words too (error.h).
 */
#ifndef _LIBPHV_H
#define _LIBPHV_H

#include <stdbool.h>
#include <stddef.h>

#include <phv.h>

/* device.c */
int phv_open(void);
const char *phv_open_hint(int err);
int phv_get_caps(int device, struct phv_caps *caps);
int phv_create_domain(int device, const char *name, __u32 *id);

/* domain.c */
int phv_add_memory(int domain, __u64 guest_addr, __u64 size, const void *host, __u32 flags);
int phv_set_ports(int domain, __u32 first, __u32 count, __u32 action, int eventfd);
int phv_xen_setup(int domain, void *frames, __u32 grant_frames, __u32 flags,
		  __u64 max_pages);
int phv_xen_get_param(int domain, __u32 index, __u64 *value);
int phv_xen_set_param(int domain, __u32 index, __u64 value);
int phv_xen_set_memory_map(int domain, const struct phv_xen_memory_entry *map,
			   __u32 count);
int phv_xen_resume(int domain, unsigned int cancelled);
int phv_evtchn_alloc(int domain, __u32 *port);
int phv_evtchn_bind(int domain, __u32 port, int kick, int call_fd);
int phv_evtchn_unbind(int domain, __u32 port);
int phv_evtchn_send(int domain, __u32 port);
int phv_create_vcpu(int domain, unsigned int number);
int phv_map_run(int vcpu, struct phv_run **run);
int phv_run(int vcpu);
int phv_set_boot_state(int vcpu, const struct phv_regs *regs,
		       const struct phv_control *control);

/**
 * struct caps_evidence - bits of one member of struct phv_caps
 * @member: offset of the member, a __u64
 * @bits: the bits; 0: nothing to look at
 */
struct caps_evidence {
	size_t member;
	__u64 bits;
};

#define CAPS_MAX_EVIDENCE	2

/**
 * struct caps_feature - a processor feature
 * @bit: its PHV_CAP_* bit
 * @name: the bit's name in lower case, without PHV_CAP_
 * @required: phv.ko does not load without it
 * @why: what it is used for
 * @cure: what to do when a required one is missing, else NULL
 * @evidence: where the capability MSRs show it, all of them must; none for
 *	PHV_CAP_VMX, which CPUID shows
 */
struct caps_feature {
	__u64 bit;
	const char *name;
	bool required;
	const char *why;
	const char *cure;
	struct caps_evidence evidence[CAPS_MAX_EVIDENCE];
};

/**
 * struct caps_msr - a capability MSR
 * @name: the SDM's name
 * @number: its number
 * @true_name: name of the MSR to be read in its place by CPUs that have the
 *	TRUE capability MSRs, or NULL
 * @true_number: that MSR's number
 * @member: offset in struct phv_caps of the __u64 that holds its value
 * @needs: bits of an earlier MSR, one of which is set on a CPU that has this
 *	one; none: every CPU with VMX has it
 */
struct caps_msr {
	const char *name;
	__u32 number;
	const char *true_name;
	__u32 true_number;
	size_t member;
	struct caps_evidence needs;
};

/* caps.c; both tables end with an entry whose name is NULL */
extern const struct caps_feature caps_features[];
extern const struct caps_msr caps_msrs[];

__u64 caps_decode(const struct phv_caps *caps);
bool caps_has_msr(const struct caps_msr *msr, const struct phv_caps *caps);
bool caps_has_true_msr(const struct caps_msr *msr, const struct phv_caps *caps);
__u64 *caps_msr_value(const struct caps_msr *msr, struct phv_caps *caps);

#endif /* _LIBPHV_H */
