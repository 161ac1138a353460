/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/phv.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_PHV_H
#define _UAPI_LINUX_PHV_H

#define PHV_FAMILY_NAME		"phv"
#define PHV_FAMILY_VERSION	1

#define PHV_ENDED_TRIPLE_FAULT	256
#define PHV_ENDED_HALTED	257

/**
 * enum phv_domain_state - What a domain is at.
 * @PHV_DOMAIN_STATE_CREATED: none of its vCPUs has run yet
 * @PHV_DOMAIN_STATE_RUNNING: a vCPU is in the guest, or waits for a CPU
 * @PHV_DOMAIN_STATE_BLOCKED: all vCPUs that are run wait for an event
 * @PHV_DOMAIN_STATE_PAUSED: nobody runs its vCPUs
 * @PHV_DOMAIN_STATE_SHUTDOWN: the guest has ended, or was ended, for the
 *   reason given
 */
enum phv_domain_state {
	PHV_DOMAIN_STATE_CREATED,
	PHV_DOMAIN_STATE_RUNNING,
	PHV_DOMAIN_STATE_BLOCKED,
	PHV_DOMAIN_STATE_PAUSED,
	PHV_DOMAIN_STATE_SHUTDOWN,
};

/**
 * enum phv_vcpu_state - What a vCPU is at.
 * @PHV_VCPU_STATE_RUNNING: in the guest, or waits for a CPU
 * @PHV_VCPU_STATE_BLOCKED: waits for an event
 * @PHV_VCPU_STATE_STOPPED: nobody runs it
 */
enum phv_vcpu_state {
	PHV_VCPU_STATE_RUNNING,
	PHV_VCPU_STATE_BLOCKED,
	PHV_VCPU_STATE_STOPPED,
};

/**
 * enum phv_event - What has become of a domain.
 * @PHV_EVENT_CREATED: it has its name and number
 * @PHV_EVENT_STARTED: a vCPU of it runs for the first time
 * @PHV_EVENT_SHUTDOWN: the guest has ended, for the reason given
 * @PHV_EVENT_DESTROYED: its last descriptor is closed; name and number are
 *   free
 */
enum phv_event {
	PHV_EVENT_CREATED,
	PHV_EVENT_STARTED,
	PHV_EVENT_SHUTDOWN,
	PHV_EVENT_DESTROYED,
};

enum {
	PHV_A_DOMAIN_ID = 1,
	PHV_A_DOMAIN_NAME,
	PHV_A_DOMAIN_STATE,
	PHV_A_DOMAIN_SHUTDOWN_REASON,
	PHV_A_DOMAIN_VCPUS,
	PHV_A_DOMAIN_MEMORY,
	PHV_A_DOMAIN_MAX_MEMORY,
	PHV_A_DOMAIN_OWNER,
	PHV_A_DOMAIN_AGE,
	PHV_A_DOMAIN_EVENT,
	PHV_A_DOMAIN_PAD,

	__PHV_A_DOMAIN_MAX,
	PHV_A_DOMAIN_MAX = (__PHV_A_DOMAIN_MAX - 1)
};

enum {
	PHV_A_EXITS_REASON = 1,
	PHV_A_EXITS_COUNT,
	PHV_A_EXITS_PAD,

	__PHV_A_EXITS_MAX,
	PHV_A_EXITS_MAX = (__PHV_A_EXITS_MAX - 1)
};

enum {
	PHV_A_VCPU_DOMAIN = 1,
	PHV_A_VCPU_ID,
	PHV_A_VCPU_STATE,
	PHV_A_VCPU_EXITS,
	PHV_A_VCPU_USER_EXITS,
	PHV_A_VCPU_INTERRUPTS,
	PHV_A_VCPU_NMIS,
	PHV_A_VCPU_EXCEPTIONS,
	PHV_A_VCPU_POSTED,
	PHV_A_VCPU_EPT_FAULTS,
	PHV_A_VCPU_FLUSHES,
	PHV_A_VCPU_BLOCKED,
	PHV_A_VCPU_MIGRATIONS,
	PHV_A_VCPU_PAD,

	__PHV_A_VCPU_MAX,
	PHV_A_VCPU_MAX = (__PHV_A_VCPU_MAX - 1)
};

enum {
	PHV_CMD_DOMAIN_GET = 1,
	PHV_CMD_VCPU_GET,
	PHV_CMD_LIFECYCLE,

	__PHV_CMD_MAX,
	PHV_CMD_MAX = (__PHV_CMD_MAX - 1)
};

#define PHV_MCGRP_LIFECYCLE	"lifecycle"

#endif /* _UAPI_LINUX_PHV_H */
