/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IN and OUT of guests, and eventfds that stand for interrupts.
 */
#ifndef PHV_IO_H
#define PHV_IO_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct eventfd_ctx;
struct phv_domain;
struct phv_vcpu;

#define PORTS_MAX	32

/* A range of ports that is not just ignored. */
struct port_range {
	u32 first;
	u32 count;
	u32 action;			/* PHV_PORTS_* */
	struct eventfd_ctx *doorbell;
};

/* Replaced as a whole, read under RCU. */
struct port_table {
	struct rcu_head rcu;
	unsigned int count;
	struct port_range range[];
};

/*
 * What protects a member:
 *	d	the domain's mutex; @table is read under RCU
 */
struct ports {
	struct port_table __rcu *table;	/* d */
	struct list_head irqfds;	/* d */
	unsigned int irqfd_count;	/* d */
};

void ports_create(struct phv_domain *domain);
void ports_destroy(struct phv_domain *domain);
int ports_set_ioctl(struct phv_domain *domain, const void __user *uarg);
int irqfd_set_ioctl(struct phv_domain *domain, const void __user *uarg);

/* Exit: I/O instruction; and the other half of an IN or INS that user space answered. */
int vmx_exit_io(struct phv_vcpu *vcpu);
void io_complete(struct phv_vcpu *vcpu);

/* The slow half of the exit, for INS and OUTS. */
int vmx_exit_io_string(struct phv_vcpu *vcpu);

/* phv_vcpu.io_pending */
#define IO_PENDING_IN		1
#define IO_PENDING_STRING	2

/*
 * The rest is for io.c and io_string.c only.
 */

/* Exit qualification of I/O instructions (SDM volume 3, table 28-5). */
#define IO_SIZE(qualification)	(((qualification) & 7) + 1)
#define IO_IN			BIT(3)
#define IO_STRING		BIT(4)
#define IO_REP			BIT(5)
#define IO_PORT(qualification)	((u16)((qualification) >> 16))

/* Is the port user space's?  If not, it may be a doorbell to ring.  Process context. */
bool io_is_user(struct phv_vcpu *vcpu, u16 port);
void io_ring(struct phv_vcpu *vcpu, u16 port);

void io_string_complete(struct phv_vcpu *vcpu, u32 data);

#endif /* PHV_IO_H */
