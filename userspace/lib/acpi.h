/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables of a domain: RSDP, XSDT, FADT, MADT and DSDT.
 *
 * They say that there is nothing but local APICs: reduced hardware, no legacy
 * devices, no interrupt controller; and how the guest turns itself off.
 */
#ifndef _ACPI_H
#define _ACPI_H

#include <stddef.h>
#include <linux/types.h>

/*
 * How a guest turns itself off: it writes ACPI_SLEEP_S5 to the I/O port
 * ACPI_SLEEP_PORT, one byte; anything else that is written there means nothing.
 * The port is to be PHV_PORTS_USER.  The next port is the sleep status register:
 * it reads all ones, as a port does that nobody has asked for.
 */
#define ACPI_SLEEP_PORT		0x604
#define ACPI_SLEEP_S5		0x34		/* SLP_TYP 5, SLP_EN */

/* acpi.c */
size_t acpi_size(unsigned int vcpus);
__u64 acpi_build(void *tables, __u64 addr, unsigned int vcpus);

#endif /* _ACPI_H */
