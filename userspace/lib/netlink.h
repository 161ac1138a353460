/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's generic-netlink family (<phv_netlink.h>), for those who want to know what
 * domains there are.  Functions return 0 or a negative errno, for which phv_nl_error() may
 * have the kernel's own words.
 */
#ifndef LIBPHV_NETLINK_H
#define LIBPHV_NETLINK_H

#include <stdbool.h>

#include <phv.h>
#include <phv_netlink.h>

struct phv_nl;

/**
 * struct phv_nl_domain - a domain, or what has become of it
 * @id: its number
 * @name: its name
 * @state: enum phv_domain_state
 * @reason: why it has ended: SHUTDOWN_* of <xen/sched.h> or PHV_ENDED_*, else -1
 * @vcpus: how many it has
 * @memory: bytes in its regions
 * @max_memory: bytes it may have, 0 when it is not a Xen domain
 * @owner: process, or 0
 * @age: nanoseconds
 * @event: enum phv_event; events only
 */
struct phv_nl_domain {
	__u32 id;
	char name[PHV_NAME_MAX];
	__u32 state;
	int reason;
	__u32 vcpus;
	__u64 memory;
	__u64 max_memory;
	__u32 owner;
	__u64 age;
	__u32 event;
};

/**
 * struct phv_nl_vcpu - a vCPU and its counters
 * @domain: number of its domain
 * @id: its number
 * @state: enum phv_vcpu_state
 * @counters: what the kernel tells of struct phv_counters; 0 the rest
 */
struct phv_nl_vcpu {
	__u32 domain;
	__u32 id;
	__u32 state;
	struct phv_counters counters;
};

/* -ENOENT: the module is not loaded. */
int phv_nl_open(struct phv_nl **nl);
void phv_nl_close(struct phv_nl *nl);

/* The kernel's words about the last request, or NULL. */
const char *phv_nl_error(const struct phv_nl *nl);

/* The names of enum values, for people and JSON; "unknown" beyond them. */
const char *phv_nl_domain_state(__u32 state);
const char *phv_nl_vcpu_state(__u32 state);
const char *phv_nl_event_name(__u32 event);
const char *phv_nl_reason(__u32 reason);

/* One domain, by name; by number when @name is NULL. -ENOENT. */
int phv_nl_get(struct phv_nl *nl, const char *name, __u32 id, struct phv_nl_domain *domain);

/*
 * All domains, by number; all vCPUs, of one domain if it is not 0. What @each returns, if
 * not 0, ends it and is the result. -EAGAIN: domains came or went meanwhile: ask again.
 */
int phv_nl_domains(struct phv_nl *nl, int (*each)(const struct phv_nl_domain *domain, void *arg),
		   void *arg);
int phv_nl_vcpus(struct phv_nl *nl, __u32 domain,
		 int (*each)(const struct phv_nl_vcpu *vcpu, void *arg), void *arg);

/*
 * Events from now on; a handle that listens is for nothing else. phv_nl_event() waits for
 * the next. -ENOBUFS: events were lost.
 */
int phv_nl_listen(struct phv_nl *nl);
int phv_nl_event(struct phv_nl *nl, struct phv_nl_domain *domain);

/* For poll(). */
int phv_nl_fd(const struct phv_nl *nl);

#endif /* LIBPHV_NETLINK_H */
