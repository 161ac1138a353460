/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event channels: ports, who is at their other end, and upcalls.
 *
 * evtchn.c has the ports and the hypercall, evtchn_user.c domain 0's ends,
 * evtchn_2l.c and evtchn_fifo.c the two ways to tell a guest which are pending,
 * upcall.c how a vCPU is told that something is.
 */
#ifndef PHV_EVTCHN_H
#define PHV_EVTCHN_H

#include <linux/types.h>

struct phv_domain;
struct phv_vcpu;

struct evtchn_domain;	/* evtchn.c and its neighbours know what is in them */
struct evtchn_vcpu;

/* With PHV_XEN_SETUP, and with each vCPU from then on. -ENOMEM. */
int evtchn_create(struct phv_domain *domain);
void evtchn_destroy(struct phv_domain *domain);
int evtchn_create_vcpu(struct phv_vcpu *vcpu);
void evtchn_destroy_vcpu(struct phv_vcpu *vcpu);

/*
 * Nobody has a descriptor of the domain any more, its vCPUs exist still: eventfds must not
 * reach them from now on. Nothing to do for domains that are not Xen's.
 */
void evtchn_disconnect(struct phv_domain *domain);

/* Ioctls of the domain: PHV_EVTCHN_*. Process context. */
long evtchn_ioctl(struct phv_domain *domain, unsigned int cmd, unsigned long arg);

/* Raise a vCPU's VIRQ_*, if the guest has bound it. Any context. */
void evtchn_raise_virq(struct phv_vcpu *vcpu, u32 virq);

/**
 * evtchn_register_vcpu_info - VCPUOP_register_vcpu_info
 * @vcpu: the vCPU it is for, which may run
 * @gfn: guest frame
 * @offset: in it; the 64 bytes must not leave the page
 *
 * The old contents are copied, pv_vcpu.info is the new place, and all event
 * channels look pending once, so that none is lost.
 *
 * Return: 0; -EINVAL when it has one already, or for a bad frame or offset; -ENOMEM.
 * Context: process, owner's address space.
 */
int evtchn_register_vcpu_info(struct phv_vcpu *vcpu, u64 gfn, u32 offset);

/*
 * HVMOP_set_evtchn_upcall_vector: 0, -EINVAL for a vector below 16, -ENOSYS in domains
 * with PHV_XEN_NO_UPCALL_VECTOR.
 */
int evtchn_set_upcall_vector(struct phv_vcpu *vcpu, u8 vector);

/*
 * HVM_PARAM_CALLBACK_IRQ: 0, -EINVAL for an unknown way or a vector below 16. The ways by
 * an interrupt controller or a PCI device are taken, and lead nowhere.
 */
int evtchn_set_callback(struct phv_domain *domain, u64 via);

/*
 * The vector of the global callback that is to be injected when the vCPU takes
 * interrupts, and which ends HLT; or -1, as in domains that are not Xen's. Any context.
 */
int evtchn_callback_vector(struct phv_vcpu *vcpu);

/* Has the vCPU been told of events that it has not looked for yet? Xen domains. Any context. */
bool evtchn_upcall_pending(const struct phv_vcpu *vcpu);

/*
 * The guest has enabled the vCPU's local APIC: upcalls that it could not take until now.
 * Its own thread, any context.
 */
void evtchn_lapic_enabled(struct phv_vcpu *vcpu);

/**
 * evtchn_poll_begin - SCHEDOP_poll: wait for one of these ports
 * @vcpu: the caller, which will block
 * @ports: port numbers, copied from the guest
 * @count: how many, at most 128
 *
 * Return: 1 when one of them is pending, masked or not; 0 when the vCPU is to wait until
 * evtchn_poll_done(); -EINVAL for a port that there is not. Context: the vCPU's thread.
 */
int evtchn_poll_begin(struct phv_vcpu *vcpu, const u32 *ports, unsigned int count);
/* Was one of them raised since? False when it does not poll. Any context. */
bool evtchn_poll_done(struct phv_vcpu *vcpu);

/* It waits no more, for whatever reason: after a 0 of evtchn_poll_begin(). */
void evtchn_poll_end(struct phv_vcpu *vcpu);

/* All ports closed and unbound, back to 2-level: soft reset, EVTCHNOP_reset. Process context. */
void evtchn_reset(struct phv_domain *domain);

#endif /* PHV_EVTCHN_H */
