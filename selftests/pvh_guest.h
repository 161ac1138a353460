/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stock kernel as a domain, without phvd: for tests of the module, and of what
 * libphv's loader makes of a kernel.
 *
 * The guest has a console, no xenstore, and so no devices.  All of its output, by
 * hvc0 and by console_io, is kept.
 */
#ifndef _PVH_GUEST_H
#define _PVH_GUEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "boot.h"
#include "libphv.h"

#define PVH_MAX_VCPUS		16
#define PVH_OUTPUT_SIZE		(256 << 10)
#define PVH_GRANT_FRAMES	64

/* Why a guest has ended. */
enum pvh_end {
	PVH_RUNNING,
	PVH_POWEROFF,		/* by ACPI, or SCHEDOP_shutdown */
	PVH_REBOOT,
	PVH_SUSPEND,
	PVH_CRASH,
	PVH_OTHER_SHUTDOWN,	/* SCHEDOP_shutdown for other reasons */
	PVH_HALTED,		/* HLT with interrupts off on all vCPUs */
	PVH_TRIPLE_FAULT,
	PVH_TIMEOUT,
	PVH_ERROR,		/* see @error of the guest */
};

/**
 * struct pvh_config - what is to be booted
 * @phv: descriptor of /dev/phv
 * @kernel: path
 * @initrd: path, or NULL
 * @cmdline: command line
 * @protocol: how it is entered
 * @memory: bytes
 * @vcpus: at most PVH_MAX_VCPUS
 * @xen_flags: PHV_XEN_*
 * @timeout: seconds that it may take
 * @echo: its output goes to stdout too
 */
struct pvh_config {
	int phv;
	const char *kernel;
	const char *initrd;
	const char *cmdline;
	enum boot_protocol protocol;
	__u64 memory;
	unsigned int vcpus;
	__u32 xen_flags;
	unsigned int timeout;
	bool echo;
};

struct pvh_guest;

struct pvh_vcpu {
	struct pvh_guest *guest;
	unsigned int number;
	int fd;
	struct phv_run *run;
	pthread_t thread;
	bool started;
};

/**
 * struct pvh_guest - a domain that runs a stock kernel
 * @end: why it has ended
 * @error: for PVH_ERROR: what failed
 * @output: what it has written, NUL-terminated; pvh_run() has ended then
 * @output_size: how much of that
 * @user_exits: returns of PHV_RUN, all vCPUs
 * @exits: VM exits, all vCPUs
 */
struct pvh_guest {
	const struct pvh_config *config;
	struct guest_memory memory;
	struct boot boot;
	int domain;
	void *frames;
	struct pvh_vcpu vcpu[PVH_MAX_VCPUS];
	__u32 console_port;
	int console_kick;
	int done;
	pthread_mutex_t mutex;		/* @end, @error, @output */

	enum pvh_end end;
	struct phv_error error;
	char output[PVH_OUTPUT_SIZE];
	size_t output_size;
	__u64 user_exits;
	__u64 exits;
};

/* pvh_guest.c */
int pvh_run(struct pvh_guest *guest, const struct pvh_config *config);
const char *pvh_end_name(enum pvh_end end);

#endif /* _PVH_GUEST_H */
