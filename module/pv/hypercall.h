/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls: Xen's interface for HVM and PVH guests.
 *
 * hypercall.c finds the handler; the handlers are in the rooms of pv/. One
 * handler serves guests in 64-bit mode and, with other layouts, all others.
 */
#ifndef PHV_HYPERCALL_H
#define PHV_HYPERCALL_H

#include <linux/types.h>

struct phv_domain;
struct phv_vcpu;

#define HYPERCALL_ARGS	6

/**
 * struct hypercall - a call under way
 * @vcpu: the caller, loaded; its own thread
 * @nr: __HYPERVISOR_*
 * @arg: arguments; 32 bits wide outside 64-bit mode. A handler may change them for
 *	HYPERCALL_AGAIN
 * @compat: the caller is not in 64-bit mode: its structures have the 32-bit layout
 * @fast: in the inner loop, interrupts off: nothing may sleep, and copies that
 *	would have to fail with -EAGAIN
 */
struct hypercall {
	struct phv_vcpu *vcpu;
	unsigned int nr;
	bool compat;
	bool fast;
	u64 arg[HYPERCALL_ARGS];
};

/*
 * What a handler returns is the guest's result (0 and up, or one of Xen's errnos,
 * which are Linux's), but for these, which never get there:
 *
 * HYPERCALL_SLOW	only from a fast handler: nothing was done, call again from outside
 *			of the inner loop. hypercall.c makes it of -EAGAIN from copies
 * HYPERCALL_AGAIN	not from a fast handler: part was done; the guest repeats the
 *			instruction after the outer loop has seen to signals and requests.
 *			What is left to do is in @arg, as Xen has it (first extent in
 *			memory_op's command, a pointer that has moved, a smaller count):
 *			hypercall.c writes @arg to the registers, or to the entry of a
 *			multicall. So an interrupt may come in between, with hypercalls
 *			of its own
 * HYPERCALL_TO_USER	as HYPERCALL_AGAIN, but user space is to see vcpu->run first
 */
#define HYPERCALL_SLOW		(-0x10001L)
#define HYPERCALL_AGAIN		(-0x10002L)
#define HYPERCALL_TO_USER	(-0x10003L)

typedef long (*hypercall_handler)(struct hypercall *call);

/* The rooms of pv/. Context: as @fast says; the table in hypercall.c says which may be fast. */
long hypercall_memory_op(struct hypercall *call);		/* memory_op.c */
long hypercall_set_timer_op(struct hypercall *call);		/* time.c */
long hypercall_xen_version(struct hypercall *call);		/* xen_version.c */
long hypercall_console_io(struct hypercall *call);		/* console_io.c */
long hypercall_grant_table_op(struct hypercall *call);		/* grant.c */
long hypercall_vm_assist(struct hypercall *call);		/* runstate.c */
long hypercall_vcpu_op(struct hypercall *call);			/* vcpu_op.c */
long hypercall_sched_op(struct hypercall *call);		/* sched_op.c */
long hypercall_event_channel_op(struct hypercall *call);	/* evtchn.c */
long hypercall_hvm_op(struct hypercall *call);			/* hvm_op.c */

/*
 * Copies from and to guest-virtual memory, with the caller's rights in ring 0. 0, -EFAULT,
 * or -EAGAIN in the inner loop when it can't be done there. All or nothing is not
 * promised: a failed copy may have done a part.
 */
int hypercall_read(struct hypercall *call, void *buf, u64 gva, size_t size);
int hypercall_write(struct hypercall *call, u64 gva, const void *buf, size_t size);

/* VMCALL: exit handlers, see vmx/exit.h. */
int hypercall_exit_fast(struct phv_vcpu *vcpu);
int hypercall_exit_slow(struct phv_vcpu *vcpu);

/* The hypercall page's MSR, as CPUID tells guests; it reads 0. For vmx/msr.c. */
#define XEN_MSR_HYPERCALL_PAGE	0x40000000
int hypercall_page_write(struct phv_vcpu *vcpu, u64 value);

#endif /* PHV_HYPERCALL_H */
