/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stock - what the benchmarks of stock guests share; see stock.c.
 */
#ifndef _STOCK_H
#define _STOCK_H

#include "kselftest.h"

#define STOCK_MEMORY	"192"		/* MiB of a guest */
#define STOCK_INITRD	"/tmp/bench/initrd"
#define STOCK_KERNEL	"/guests/linux-6.12"
/* Without the crypto's tests of itself, which would take the CPU for the first minute */
#define STOCK_QUIET	"quiet cryptomgr.notests "

/* Whose costs are compared: those of two guests, and the host's own without any. */
enum side { PHV, QEMU, HOST, SIDES };

extern char stock_programs[512];

void __noreturn stock_die(const char *format, ...) __printf(1, 2);
void stock_use_kvm(bool on);
char **stock_qemu(const char *peer, char *const more[]);
void stock_run(const char *kind, enum side side, char *const argv[]);

void stock_disks(const char *peer);
void stock_nets(const char *peer);

#endif /* _STOCK_H */
