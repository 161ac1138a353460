/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain's memory: where it is in the guest-physical address space, and where
 * in ours.
 *
 *	0 - 0xf0000000		RAM
 *	0xfc000000 - …		the ACPI tables, "ACPI NVS" in the memory map
 *	0xfeff8000 - 0xff000000	special pages, reserved: xenstore's and the
 *				console's ring are in there
 *	4 GiB - …		the rest of RAM, if it doesn't fit below
 *
 * All of it is as on Xen.  The rest are holes; a guest puts grant frames there.
 */
#ifndef _GUEST_MEMORY_H
#define _GUEST_MEMORY_H

#include <stddef.h>
#include <string.h>
#include <linux/types.h>

#include "compiler.h"

#define GUEST_PAGE_SIZE		4096UL

#define GUEST_LOW_MAX		0xf0000000ULL	/* RAM below 4 GiB ends here at most */
#define GUEST_ACPI_ADDR		0xfc000000ULL
#define GUEST_SPECIAL_ADDR	0xfeff8000ULL
#define GUEST_SPECIAL_SIZE	0x8000ULL
#define GUEST_HIGH_ADDR		0x100000000ULL

#define GUEST_STORE_GFN		0xfeffcULL	/* HVM_PARAM_STORE_PFN */
#define GUEST_CONSOLE_GFN	0xfefffULL	/* HVM_PARAM_CONSOLE_PFN */

#define GUEST_MEMORY_MIN	BIT_ULL(20)
#define GUEST_MEMORY_MAX	BIT_ULL(45)
#define GUEST_MAX_REGIONS	4

/**
 * struct guest_region - a stretch of guest-physical memory
 * @addr: first guest-physical address
 * @size: bytes
 * @type: E820 type: 1 RAM, 2 reserved, 4 ACPI NVS
 * @host: the same memory in this process, or NULL before it is mapped
 */
struct guest_region {
	__u64 addr;
	__u64 size;
	__u32 type;
	void *host;
};

/**
 * struct guest_memory - all the memory of a domain
 * @region: by rising address
 * @regions: their number
 */
struct guest_memory {
	struct guest_region region[GUEST_MAX_REGIONS];
	unsigned int regions;
};

/**
 * guest_memory_copy - copy what the guest may change meanwhile
 * @to: memory of our own
 * @from: the guest's
 * @size: bytes
 *
 * Who looks at @to sees what was read here: without the barrier, a compiler might look
 * at @from again instead.
 */
static inline void guest_memory_copy(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	__asm__ __volatile__("" : : : "memory");
}

/* guest_memory.c */
int guest_memory_lay_out(struct guest_memory *memory, __u64 ram, unsigned int vcpus);
int guest_memory_map(struct guest_memory *memory);
int guest_memory_add(const struct guest_memory *memory, int domain);
void guest_memory_clear(const struct guest_memory *memory);
void guest_memory_discard(const struct guest_memory *memory, __u64 addr, __u64 size);
void guest_memory_unmap(struct guest_memory *memory);
__u64 guest_memory_pages(const struct guest_memory *memory);
void *guest_memory_at(const struct guest_memory *memory, __u64 addr, __u64 size);

#endif /* _GUEST_MEMORY_H */
