/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vmctl knows of the host it runs on.  probe.c finds it out, host.c shows
 * it.
 */
#ifndef _PROBE_H
#define _PROBE_H

#include <stdbool.h>
#include <sys/utsname.h>

#include <libphv.h>

/* Where the features were read: each knows less than the one before. */
enum host_source {
	SOURCE_MODULE,		/* PHV_GET_CAPS */
	SOURCE_MSR,		/* /dev/cpu/N/msr */
	SOURCE_CPUID,		/* only if there is VMX */
};

/**
 * struct rival - another hypervisor's module
 * @module: its name
 * @loaded: it is loaded, or built in
 * @users: its reference count, -1 if unknown
 * @holds: it has VMX on, as far as can be told from outside
 */
struct rival {
	const char *module;
	bool loaded;
	long users;
	bool holds;
};

#define NR_RIVALS	3

/**
 * struct host - what could be found out about this host
 * @kernel: uname(2)
 * @cpu: the processor's name, from CPUID
 * @cpus: number of CPUs online
 * @module_loaded: phv.ko is loaded
 * @module_version: its version, empty if it has none
 * @source: where @caps are from
 * @msr_error: with SOURCE_CPUID and VMX: why the MSRs couldn't be read, a
 *	negative errno
 * @caps: the capabilities; with SOURCE_CPUID features has PHV_CAP_VMX at most
 * @difference: with SOURCE_MSR: in what a CPU differs from the first; else empty
 * @rivals: the other hypervisors that phv knows of
 */
struct host {
	struct utsname kernel;
	char cpu[49];
	long cpus;
	bool module_loaded;
	char module_version[32];
	enum host_source source;
	int msr_error;
	struct phv_caps caps;
	char difference[128];
	struct rival rivals[NR_RIVALS];
};

int probe_device(struct host *host, int device);
void probe_host(struct host *host);

#endif /* _PROBE_H */
