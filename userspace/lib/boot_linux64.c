// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux' 64-bit boot protocol: the kernel with its own decompressor, entered in
 * long mode.  It chooses where it goes itself (KASLR).
 *
 * Documentation/arch/x86/boot.rst in the kernel's tree, "64-bit BOOT PROTOCOL",
 * and <asm/bootparam.h>.
 */
#include <errno.h>
#include <string.h>
#include <asm/bootparam.h>

#include "boot_internal.h"

/* Between the kernel's boundaries: its own real mode code goes above. */
#define BLOCK_ADDR		0x10000ULL
#define BLOCK_END		0x90000ULL

#define PAGE_ENTRIES		512
#define IDENTITY_GIB		4

#define PTE_PRESENT		BIT(0)
#define PTE_WRITE		BIT(1)
#define PTE_ACCESSED		BIT(5)
#define PTE_DIRTY		BIT(6)
#define PTE_LARGE		BIT(7)
#define PTE_TABLE		(PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)

#define BOOT_CS			0x10
#define BOOT_DS			0x18

#define CR4_PAE			BIT(5)
#define EFER_LME		BIT(8)
#define EFER_LMA		BIT(10)

#define LOADER_UNKNOWN		0xff
#define VIDEO_NORMAL		0xffff

/**
 * struct linux_block - what the kernel needs beside it, in one piece
 * @params: the zero page
 * @gdt: with the segments that it is entered with
 * @pml4: page tables: an identity mapping of the first 4 GiB
 * @pdpt: …
 * @pd: …
 * @cmdline: the command line, and its end
 */
struct linux_block {
	struct boot_params params;
	__u64 gdt[PAGE_ENTRIES];
	__u64 pml4[PAGE_ENTRIES];
	__u64 pdpt[PAGE_ENTRIES];
	__u64 pd[IDENTITY_GIB][PAGE_ENTRIES];
	char cmdline[];
};

static_assert(sizeof(struct boot_params) == 4096, "the zero page is a page");

/* Where a member is in the guest. */
#define BLOCK_MEMBER(_member)	(BLOCK_ADDR + offsetof(struct linux_block, _member))

static int load_kernel(struct boot_job *job)
{
	const struct image *image = job->image;
	__u64 addr = image->pref_addr;

	if (image->align && (addr > job->low_size || image->init_size > job->low_size - addr))
		addr = boot_round_up(BOOT_LOW_END, image->align);
	if (addr < BOOT_LOW_END || addr > job->low_size ||
	    image->init_size > job->low_size - addr)
		return phv_fail(job->error, -EFBIG,
				"kernel image: needs %#llx bytes at %#llx, the domain has memory up to %#llx",
				(unsigned long long)image->init_size, (unsigned long long)addr,
				(unsigned long long)job->low_size);
	memcpy(guest_memory_at(job->memory, addr, image->init_size), image->kernel,
	       image->kernel_size);
	job->kernel = addr;
	job->kernel_end = addr + image->init_size;
	return 0;
}

static void fill_params(struct boot_params *params, const struct boot_job *job)
{
	const struct boot *boot = job->boot;
	struct setup_header *header = &params->hdr;
	unsigned int i;

	memcpy(header, job->image->setup, job->image->setup_size);
	header->vid_mode = VIDEO_NORMAL;
	header->type_of_loader = LOADER_UNKNOWN;
	header->loadflags |= LOADED_HIGH;
	header->code32_start = job->kernel;
	header->ramdisk_image = boot->initrd_addr;
	header->ramdisk_size = boot->initrd_size;
	header->cmd_line_ptr = BLOCK_MEMBER(cmdline);
	params->acpi_rsdp_addr = job->rsdp;
	for (i = 0; i < boot->map_entries; i++) {
		params->e820_table[i].addr = boot->map[i].addr;
		params->e820_table[i].size = boot->map[i].size;
		params->e820_table[i].type = boot->map[i].type;
	}
	params->e820_entries = boot->map_entries;
}

static void fill_page_tables(struct linux_block *block)
{
	unsigned int i, n;

	block->pml4[0] = BLOCK_MEMBER(pdpt) | PTE_TABLE;
	for (i = 0; i < IDENTITY_GIB; i++) {
		block->pdpt[i] = BLOCK_MEMBER(pd[i]) | PTE_TABLE;
		for (n = 0; n < PAGE_ENTRIES; n++)
			block->pd[i][n] = ((__u64)i << 30 | (__u64)n << 21) |
					  PTE_TABLE | PTE_DIRTY | PTE_LARGE;
	}
}

static void set_state(struct boot *boot, const struct image *image, __u64 kernel)
{
	struct phv_control *control = &boot->control;

	boot_flat_segments(control, AR_CODE64, BOOT_CS, BOOT_DS);
	control->gdt_base = BLOCK_MEMBER(gdt);
	control->gdt_limit = sizeof(__u64) * (BOOT_DS / 8 + 1) - 1;
	control->cr0 = CR0_PE | CR0_ET | CR0_PG;
	control->cr3 = BLOCK_MEMBER(pml4);
	control->cr4 = CR4_PAE;
	control->efer = EFER_LME | EFER_LMA;
	boot->regs.rip = kernel + image->entry;
	boot->regs.gpr[GPR_RSI] = BLOCK_MEMBER(params);
}

/**
 * boot_build_linux64 - the steps of boot_build() for BOOT_LINUX64
 * @job: the domain
 *
 * Return: 0 or a negative errno
 */
int boot_build_linux64(struct boot_job *job)
{
	const char *cmdline = boot_cmdline(job);
	size_t length = strlen(cmdline);
	struct linux_block *block;
	__u64 initrd_end = (__u64)job->image->initrd_max + 1;
	int ret;

	if (length >= BLOCK_END - BLOCK_MEMBER(cmdline))
		return phv_fail(job->error, -E2BIG, "command line: %zu characters", length);
	ret = load_kernel(job);
	if (ret)
		return ret;
	if (initrd_end > job->low_size)
		initrd_end = job->low_size;
	ret = boot_load_initrd(job, BOOT_LOW_END, initrd_end);
	if (ret)
		return ret;

	block = guest_memory_at(job->memory, BLOCK_ADDR, BLOCK_END - BLOCK_ADDR);
	fill_params(&block->params, job);
	/* Flat segments: 64-bit code, data (SDM volume 3, figure 3-8). */
	block->gdt[BOOT_CS / 8] = 0x00af9b000000ffffULL;
	block->gdt[BOOT_DS / 8] = 0x00cf93000000ffffULL;
	fill_page_tables(block);
	memcpy(block->cmdline, cmdline, length + 1);
	set_state(job->boot, job->image, job->kernel);
	return 0;
}
