/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of boot.h share; nobody else includes this.
 */
#ifndef _BOOT_INTERNAL_H
#define _BOOT_INTERNAL_H

#include "boot.h"
#include "compiler.h"

/* Index of phv_regs.gpr: the encoding of the registers. */
#define GPR_RBX		3
#define GPR_RSI		6

#define RFLAGS_FIXED	0x2
#define CR0_PE		BIT(0)
#define CR0_ET		BIT(4)
#define CR0_PG		BIT(31)
#define DR6_INIT	0xffff0ff0
#define DR7_INIT	0x400

/* Access rights, as the VMCS has them (SDM volume 3, table 25-2). */
#define AR_CODE32	0xc09b		/* 4 KiB granularity, present, accessed */
#define AR_CODE64	0xa09b
#define AR_DATA		0xc093
#define AR_TSS		0x008b		/* busy */
#define AR_UNUSABLE	0x10000

/* Memory below is the BIOS's, in the eyes of a PC's kernel: nothing lasting there. */
#define BOOT_LOW_END	0x100000ULL

/**
 * struct boot_job - what the steps of boot_build() work on
 * @boot: the result
 * @image: the kernel
 * @memory: the domain's memory
 * @options: what else it is booted with
 * @error: why not
 * @cmdline: the command line, with what was added to it
 * @low_size: bytes of RAM below 4 GiB
 * @kernel: guest-physical address of what the kernel takes up
 * @kernel_end: the first one behind that
 * @rsdp: guest-physical address of the ACPI tables' root
 */
struct boot_job {
	struct boot *boot;
	const struct image *image;
	const struct guest_memory *memory;
	const struct boot_options *options;
	struct phv_error *error;
	char *cmdline;
	__u64 low_size;
	__u64 kernel;
	__u64 kernel_end;
	__u64 rsdp;
};

static inline __u64 boot_round_up(__u64 n, __u64 to)
{
	return (n + to - 1) & ~(to - 1);
}

/* boot.c */
int boot_load_initrd(struct boot_job *job, __u64 start, __u64 end);
const char *boot_cmdline(const struct boot_job *job);
void boot_flat_segments(struct phv_control *control, __u32 code, __u16 code_selector,
			__u16 data_selector);

/* boot_pvh.c, boot_linux64.c */
int boot_build_pvh(struct boot_job *job);
int boot_build_linux64(struct boot_job *job);

#endif /* _BOOT_INTERNAL_H */
