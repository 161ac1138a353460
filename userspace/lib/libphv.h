/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libphv - what vmctl and phvd share.
 *
 * device.c wraps the ioctls of /dev/phv, caps.c knows the processor
 * features.  Nothing here prints, exits, or keeps state: functions that can
 * fail return a negative errno, and the caller words the message.
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
