/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making a domain ready to boot: the kernel, its initrd and command line, the
 * ACPI tables and the boot protocol's structures in its memory, and the state
 * in which vCPU 0 starts.
 *
 * In the order of things, errors left out:
 *
 *	image_open(&image, kernel_fd, BOOT_PVH, &error);
 *	guest_memory_lay_out(&memory, bytes, vcpus);
 *	guest_memory_map(&memory);
 *	guest_memory_add(&memory, domain);	// PHV_ADD_MEMORY
 *	boot_build(&boot, &image, &memory, &options, &error);
 *	image_close(&image);
 *	phv_xen_setup(domain, …);
 *	phv_xen_set_memory_map(domain, boot.map, boot.map_entries);
 *	phv_xen_set_param(domain, HVM_PARAM_CONSOLE_PFN, GUEST_CONSOLE_GFN);
 *	…
 *	vcpu = phv_create_vcpu(domain, 0);
 *	phv_set_boot_state(vcpu, &boot.regs, &boot.control);
 *	phv_set_ports(domain, ACPI_SLEEP_PORT, 1, PHV_PORTS_USER, -1);
 *
 * The guest's memory is written, never read.
 */
#ifndef _BOOT_H
#define _BOOT_H

#include <stddef.h>
#include <phv.h>

#include "acpi.h"
#include "error.h"
#include "guest_memory.h"
#include "image.h"

#define BOOT_MAX_MAP	(GUEST_MAX_REGIONS)

/**
 * struct boot_options - what a domain is booted with
 * @vcpus: their number, 1 to PHV_MAX_VCPUS
 * @cmdline: command line, or NULL for none
 * @console: Linux is told to write there, unless @cmdline has a console=, or there
 *	is no room for it; or NULL
 * @initrd_fd: the initrd, a regular file, read from its beginning; -1 for none
 */
struct boot_options {
	unsigned int vcpus;
	const char *cmdline;
	const char *console;
	int initrd_fd;
};

/**
 * struct boot - a domain that is ready to boot
 * @regs: registers of vCPU 0
 * @control: segments and control registers of vCPU 0; members that the boot
 *	protocol doesn't speak of are 0, see phv_set_boot_state()
 * @map: the memory map, for phv_xen_set_memory_map()
 * @map_entries: lines of it
 * @initrd_addr: where the initrd is, or 0
 * @initrd_size: its bytes, or 0
 */
struct boot {
	struct phv_regs regs;
	struct phv_control control;
	struct phv_xen_memory_entry map[BOOT_MAX_MAP];
	unsigned int map_entries;
	__u64 initrd_addr;
	__u64 initrd_size;
};

/* boot.c */
int boot_build(struct boot *boot, const struct image *image,
	       const struct guest_memory *memory, const struct boot_options *options,
	       struct phv_error *error);

#endif /* _BOOT_H */
