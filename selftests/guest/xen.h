/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests with a guest that speaks Xen's interface.
 *
 * The host makes a Xen domain with xen_create() or xen_with_guest() and then goes on as
 * with any other, see vm.h. Its shared_info and grant frames are in memory that both
 * sides have at the same address, as everything here, so that a guest need not map
 * them: but a guest that wants them somewhere else can (XENMEM_add_to_physmap).
 *
 * The rest is for guests: hypercalls, by VMCALL from 64-bit mode. They return what is
 * in RAX, so errors are small negative numbers.
 */
#ifndef GUEST_XEN_H
#define GUEST_XEN_H

#ifndef __XEN_INTERFACE_VERSION__
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#endif

#include <errno.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include "vm.h"

#define XEN_GRANT_FRAMES	8
#define XEN_MAX_PAGES		0x4000

/* Guest-physical address at which guests may want something mapped: nothing is there. */
#define XEN_HOLE		0x40000000UL

/* The hypercall page's: CPUID tells which, and it is always this one. */
#define MSR_HYPERCALL		0x40000000

/* Of the domain that was made last: what PHV_XEN_SETUP was given. */
extern struct phv_xen_setup xen_setup;
extern struct shared_info *xen_shared;
extern u8 *xen_grants;			/* XEN_GRANT_FRAMES pages */

/* vm_create() and PHV_XEN_SETUP, with PHV_XEN_* flags. Skips the test but on phv. */
struct vm *xen_create_flags(u32 flags);

/* The second of these, for a domain that needs something done before it. */
void xen_setup_vm(struct vm *vm, u32 flags);

static inline struct vm *xen_create(void)
{
	return xen_create_flags(0);
}

/* A Xen domain with one vCPU, 0, about to call that, as vm_with_guest(). */
#define xen_with_guest(function, ...) \
	vm_add_guest(xen_create(), 0, function, ##__VA_ARGS__)

/* PHV_XEN_SET_PARAM, PHV_XEN_GET_PARAM; the test fails when these do. */
void xen_set_param(struct vm *vm, u32 index, u64 value);
u64 xen_get_param(struct vm *vm, u32 index);

/* Hypercalls */

/* All six arguments; what a hypercall leaves in their registers is lost. */
static inline long xen_call(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 asm("r10") = d;
	register u64 r8 asm("r8") = e;
	register u64 r9 asm("r9") = f;
	long ret;

	asm volatile("vmcall"
		     : "=a" (ret), "+D" (a), "+S" (b), "+d" (c), "+r" (r10),
		       "+r" (r8), "+r" (r9)
		     : "a" (nr) : "memory");
	return ret;
}

static inline long xen_version(u32 cmd, void *arg)
{
	return xen_call(__HYPERVISOR_xen_version, cmd, (u64)arg, 0, 0, 0, 0);
}

static inline long xen_memory_op(u64 cmd, void *arg)
{
	return xen_call(__HYPERVISOR_memory_op, cmd, (u64)arg, 0, 0, 0, 0);
}

static inline long xen_evtchn_op(u32 cmd, void *arg)
{
	return xen_call(__HYPERVISOR_event_channel_op, cmd, (u64)arg, 0, 0, 0, 0);
}

static inline long xen_sched_op(u32 cmd, void *arg)
{
	return xen_call(__HYPERVISOR_sched_op, cmd, (u64)arg, 0, 0, 0, 0);
}

static inline long xen_vcpu_op(u32 cmd, u32 vcpu, void *arg)
{
	return xen_call(__HYPERVISOR_vcpu_op, cmd, vcpu, (u64)arg, 0, 0, 0);
}

static inline long xen_hvm_op(u32 cmd, void *arg)
{
	return xen_call(__HYPERVISOR_hvm_op, cmd, (u64)arg, 0, 0, 0, 0);
}

static inline long xen_grant_op(u32 cmd, void *arg, u32 count)
{
	return xen_call(__HYPERVISOR_grant_table_op, cmd, (u64)arg, count, 0, 0, 0);
}

static inline long xen_set_timer(u64 deadline)
{
	return xen_call(__HYPERVISOR_set_timer_op, deadline, 0, 0, 0, 0, 0);
}

static inline long xen_vm_assist(u32 cmd, u32 type)
{
	return xen_call(__HYPERVISOR_vm_assist, cmd, type, 0, 0, 0, 0);
}

static inline long xen_console_io(u32 cmd, u32 count, void *buffer)
{
	return xen_call(__HYPERVISOR_console_io, cmd, count, (u64)buffer, 0, 0, 0);
}

static inline long xen_multicall(struct multicall_entry *calls, u32 count)
{
	return xen_call(__HYPERVISOR_multicall, (u64)calls, count, 0, 0, 0, 0);
}

/**
 * struct xen_call32 - a hypercall from 32-bit code
 * @nr: its number
 * @arg: its arguments, and what is in their registers after it
 * @result: EAX after it
 */
struct xen_call32 {
	u32 nr;
	u32 arg[6];
	u32 result;
};

/* Call from compatibility mode, so with the 32-bit layout of everything; @result as int. */
long xen_call32(struct xen_call32 *call);

/* xen_hypercall32 - the same: number and up to six arguments, pointers among them */
#define xen_hypercall32(number, ...)					\
	xen_call32_args(number, (const u64[6]) { __VA_ARGS__ })

static inline long xen_call32_args(u32 nr, const u64 *arg)
{
	struct xen_call32 call = { .nr = nr };
	unsigned int i;

	for (i = 0; i < 6; i++)
		call.arg[i] = arg[i];
	return xen_call32(&call);
}

/* HVM parameters of the guest's own domain: what the hypercalls return. */
long xen_hvm_get_param(u32 index, u64 *value);
long xen_hvm_set_param(u32 index, u64 value);

/* The vCPU's vcpu_info as long as it has not been moved; vCPUs below 32. */
static inline struct vcpu_info *xen_vcpu_info(void)
{
	return &xen_shared->vcpu_info[this_cpu()->id];
}

#endif /* GUEST_XEN_H */
