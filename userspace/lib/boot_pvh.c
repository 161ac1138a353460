// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen's PVH boot protocol: the kernel as its ELF file says, and the start_info
 * structure.
 *
 * Xen's docs/misc/pvh.pandoc describes the protocol, and the header
 * <xen/arch-x86/hvm/start_info.h> the structures.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "boot_internal.h"

/* What a kernel can reach with its first page tables: Linux maps so much. */
#define START_INFO_END	BIT_ULL(30)

/**
 * struct start_block - the start_info and all that it points at, in one piece
 * @info: what EBX points at; a kernel may write here before it reads
 * @module: the initrd
 * @map: the memory map
 * @cmdline: the command line, and its end
 */
struct start_block {
	struct hvm_start_info info;
	struct hvm_modlist_entry module;
	struct hvm_memmap_table_entry map[BOOT_MAX_MAP];
	char cmdline[];
};

static int load_segments(struct boot_job *job)
{
	const struct image *image = job->image;
	unsigned int i;

	if (image->high > job->low_size)
		return phv_fail(job->error, -EFBIG,
				"kernel image: needs memory up to %#llx, the domain has it up to %#llx",
				(unsigned long long)image->high,
				(unsigned long long)job->low_size);
	for (i = 0; i < image->segments; i++) {
		const struct image_segment *segment = &image->segment[i];

		memcpy(guest_memory_at(job->memory, segment->addr, segment->mem_size),
		       segment->data, segment->size);
	}
	job->kernel = image->low;
	job->kernel_end = image->high;
	return 0;
}

/* Behind the kernel as on Xen; or before it. The caller takes it for the kernel's then. */
static __u64 place_block(struct boot_job *job, size_t size)
{
	__u64 end = job->low_size < START_INFO_END ? job->low_size : START_INFO_END;
	__u64 addr = boot_round_up(job->kernel_end, GUEST_PAGE_SIZE);

	size = boot_round_up(size, GUEST_PAGE_SIZE);
	if (addr <= end && size <= end - addr) {
		job->kernel_end = addr + size;
		return addr;
	}
	addr = (job->kernel < end ? job->kernel : end) & ~(GUEST_PAGE_SIZE - 1);
	if (addr < size + GUEST_PAGE_SIZE)
		return 0;
	job->kernel = addr - size;
	return job->kernel;
}

static void fill_block(struct start_block *block, __u64 addr, const struct boot_job *job)
{
	const struct boot *boot = job->boot;
	const char *cmdline = boot_cmdline(job);
	unsigned int i;

	block->info.magic = XEN_HVM_START_MAGIC_VALUE;
	block->info.version = 1;
	block->info.cmdline_paddr = addr + offsetof(struct start_block, cmdline);
	block->info.rsdp_paddr = job->rsdp;
	if (boot->initrd_size) {
		block->info.nr_modules = 1;
		block->info.modlist_paddr = addr + offsetof(struct start_block, module);
		block->module.paddr = boot->initrd_addr;
		block->module.size = boot->initrd_size;
	}
	block->info.memmap_paddr = addr + offsetof(struct start_block, map);
	block->info.memmap_entries = boot->map_entries;
	for (i = 0; i < boot->map_entries; i++)
		block->map[i] = (struct hvm_memmap_table_entry){
			.addr = boot->map[i].addr,
			.size = boot->map[i].size,
			.type = boot->map[i].type,
		};
	memcpy(block->cmdline, cmdline, strlen(cmdline) + 1);
}

/**
 * boot_build_pvh - the steps of boot_build() for BOOT_PVH
 * @job: the domain
 *
 * Return: 0 or a negative errno
 */
int boot_build_pvh(struct boot_job *job)
{
	size_t size = sizeof(struct start_block) + strlen(boot_cmdline(job)) + 1;
	struct boot *boot = job->boot;
	__u64 addr;
	int ret;

	ret = load_segments(job);
	if (ret)
		return ret;
	addr = place_block(job, size);
	if (!addr)
		return phv_fail(job->error, -EFBIG,
				"kernel image: leaves no memory for the start_info (%#llx-%#llx of %#llx)",
				(unsigned long long)job->kernel,
				(unsigned long long)job->kernel_end,
				(unsigned long long)job->low_size);
	ret = boot_load_initrd(job, BOOT_LOW_END, job->low_size);
	if (ret)
		return ret;
	fill_block(guest_memory_at(job->memory, addr, size), addr, job);

	boot_flat_segments(&boot->control, AR_CODE32, 0, 0);
	boot->control.cr0 = CR0_PE | CR0_ET;
	boot->regs.rip = job->image->entry;
	boot->regs.gpr[GPR_RBX] = addr;
	return 0;
}
