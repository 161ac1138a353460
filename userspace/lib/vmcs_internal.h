/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rooms of the VMCS decoder share: see vmcs.h.
 */
#ifndef _VMCS_INTERNAL_H
#define _VMCS_INTERNAL_H

#include "vmcs.h"

/**
 * struct vmcs_checks - a run of the checks
 * @vmcs: what is looked at
 * @cpu: who looks at it
 * @verdict: what does not pass
 * @area: what is being checked
 */
struct vmcs_checks {
	const struct vmcs *vmcs;
	const struct vmcs_cpu *cpu;
	struct vmcs_verdict *verdict;
	enum vmcs_area area;
};

#define CR0_PE		BIT_ULL(0)
#define CR0_WP		BIT_ULL(16)
#define CR0_NW		BIT_ULL(29)
#define CR0_CD		BIT_ULL(30)
#define CR0_PG		BIT_ULL(31)
#define CR4_PAE		BIT_ULL(5)
#define CR4_PCIDE	BIT_ULL(17)
#define CR4_CET		BIT_ULL(23)
#define EFER_LME	BIT_ULL(8)
#define EFER_LMA	BIT_ULL(10)

/* VM-entry interruption information */
#define EVENT_ERROR_CODE	BIT(11)
#define EVENT_VALID		BIT(31)

enum {
	EVENT_EXTERNAL, EVENT_RESERVED, EVENT_NMI, EVENT_HARD, EVENT_SOFT_INTERRUPT,
	EVENT_PRIVILEGED, EVENT_SOFT, EVENT_OTHER
};

/* Bits @high to @low */
static inline __u64 vmcs_bits(__u64 value, unsigned int high, unsigned int low)
{
	return value >> low & (BIT_ULL(high - low + 1) - 1);
}

static inline unsigned int event_type(__u64 info)
{
	return vmcs_bits(info, 10, 8);
}

/* vmcs.c */
__printf(2, 3) void vmcs_fail(struct vmcs_checks *c, const char *format, ...);
__printf(2, 3) void vmcs_may_fail(struct vmcs_checks *c, const char *format, ...);
bool vmcs_is_canonical(const struct vmcs_checks *c, __u64 address);
bool vmcs_is_physical(const struct vmcs_checks *c, __u64 address);
bool vmcs_is_pat(__u64 pat);
__u32 vmcs_secondary(const struct vmcs_checks *c);

/* Of a run of the checks */
static inline __u64 field(const struct vmcs_checks *c, __u32 encoding)
{
	return vmcs_get(c->vmcs, encoding);
}

/* vmcs_controls.c, vmcs_guest.c */
void vmcs_check_controls(struct vmcs_checks *c);
void vmcs_check_host(struct vmcs_checks *c);
void vmcs_check_guest(struct vmcs_checks *c);

#endif /* _VMCS_INTERNAL_H */
