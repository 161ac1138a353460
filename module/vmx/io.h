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

/* Exit: I/O instruction; and the other half of an IN that user space answered. */
int vmx_exit_io(struct phv_vcpu *vcpu);
void io_complete(struct phv_vcpu *vcpu);

#endif /* PHV_IO_H */
