// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain's memory: laying it out, mapping it, finding bytes in it.
 *
 * It is ordinary anonymous memory: swapped, merged and backed by huge pages as
 * the host's settings say.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "acpi.h"
#include "compiler.h"
#include "guest_memory.h"
#include "libphv.h"

#define HUGE_SIZE	BIT(21)

static __u64 round_up(__u64 n, __u64 to)
{
	return (n + to - 1) & ~(to - 1);
}

static void add_region(struct guest_memory *memory, __u64 addr, __u64 size, __u32 type)
{
	if (size)
		memory->region[memory->regions++] = (struct guest_region){
			.addr = addr, .size = size, .type = type,
		};
}

/**
 * guest_memory_lay_out - say where a domain's memory is
 * @memory: the result, not mapped
 * @ram: bytes of RAM, whole pages, at least GUEST_MEMORY_MIN
 * @vcpus: vCPUs: the ACPI tables grow with them
 *
 * Return: 0, or -EINVAL when @ram isn't as it should be
 */
int guest_memory_lay_out(struct guest_memory *memory, __u64 ram, unsigned int vcpus)
{
	__u64 low = ram < GUEST_LOW_MAX ? ram : GUEST_LOW_MAX;

	if (ram % GUEST_PAGE_SIZE || ram < GUEST_MEMORY_MIN || ram > GUEST_MEMORY_MAX)
		return -EINVAL;
	memset(memory, 0, sizeof(*memory));
	add_region(memory, 0, low, XEN_HVM_MEMMAP_TYPE_RAM);
	add_region(memory, GUEST_ACPI_ADDR, round_up(acpi_size(vcpus), GUEST_PAGE_SIZE),
		   XEN_HVM_MEMMAP_TYPE_NVS);
	add_region(memory, GUEST_SPECIAL_ADDR, GUEST_SPECIAL_SIZE,
		   XEN_HVM_MEMMAP_TYPE_RESERVED);
	add_region(memory, GUEST_HIGH_ADDR, ram - low, XEN_HVM_MEMMAP_TYPE_RAM);
	return 0;
}

/*
 * A huge page of the host can only be one of the guest's if both begin alike:
 * map more than is needed, and cut off both ends.
 */
static void *map_aligned(size_t size, size_t align)
{
	size_t room = size + align;
	size_t before;
	char *start;

	start = mmap(NULL, room, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	before = -(unsigned long)start & (align - 1);
	if (before)
		munmap(start, before);
	munmap(start + before + size, room - before - size);
	return start + before;
}

/**
 * guest_memory_map - get memory for all regions
 * @memory: as laid out
 *
 * The memory is zero. It is neither in core dumps nor in child processes.
 *
 * Return: 0 or -ENOMEM, then nothing is mapped
 */
int guest_memory_map(struct guest_memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->regions; i++) {
		struct guest_region *region = &memory->region[i];

		region->host = map_aligned(region->size, HUGE_SIZE);
		if (!region->host) {
			guest_memory_unmap(memory);
			return -ENOMEM;
		}
		madvise(region->host, region->size, MADV_DONTDUMP);
		madvise(region->host, region->size, MADV_DONTFORK);
	}
	return 0;
}

/**
 * guest_memory_clear - make all of the memory zero, and give back what it held
 * @memory: as mapped
 */
void guest_memory_clear(const struct guest_memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->regions; i++)
		madvise(memory->region[i].host, memory->region[i].size, MADV_DONTNEED);
}

/**
 * guest_memory_discard - make some of the memory zero, and give back what it held
 * @memory: as mapped
 * @addr: guest-physical address, from wherever
 * @size: bytes; what of them is no memory is passed over
 */
void guest_memory_discard(const struct guest_memory *memory, __u64 addr, __u64 size)
{
	unsigned int i;

	for (i = 0; i < memory->regions; i++) {
		const struct guest_region *region = &memory->region[i];
		__u64 start = addr > region->addr ? addr - region->addr : 0;
		__u64 skipped = region->addr > addr ? region->addr - addr : 0;
		__u64 rest = size > skipped ? size - skipped : 0;

		if (start >= region->size || !rest)
			continue;
		if (rest > region->size - start)
			rest = region->size - start;
		madvise((char *)region->host + start, rest, MADV_DONTNEED);
	}
}

/**
 * guest_memory_unmap - give the memory back
 * @memory: its regions; those that are not mapped are passed over
 */
void guest_memory_unmap(struct guest_memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->regions; i++) {
		if (memory->region[i].host)
			munmap(memory->region[i].host, memory->region[i].size);
		memory->region[i].host = NULL;
	}
}

/**
 * guest_memory_add - give the memory to a domain
 * @memory: as mapped
 * @domain: descriptor of the domain
 *
 * Return: 0 or a negative errno of PHV_ADD_MEMORY; the domain is to be closed then
 */
int guest_memory_add(const struct guest_memory *memory, int domain)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < memory->regions; i++)
		ret = phv_add_memory(domain, memory->region[i].addr, memory->region[i].size,
				     memory->region[i].host, 0);
	return ret;
}

/**
 * guest_memory_pages - how much memory there is
 * @memory: as laid out
 *
 * Return: guest frames in all regions: the least that phv_xen_setup.max_pages
 * can be
 */
__u64 guest_memory_pages(const struct guest_memory *memory)
{
	__u64 size = 0;
	unsigned int i;

	for (i = 0; i < memory->regions; i++)
		size += memory->region[i].size;
	return size / GUEST_PAGE_SIZE;
}

/**
 * guest_memory_at - where guest-physical memory is in this process
 * @memory: as mapped
 * @addr: guest-physical address, from wherever
 * @size: bytes
 *
 * Return: pointer to @addr, if all of the bytes are in one region, else NULL
 */
void *guest_memory_at(const struct guest_memory *memory, __u64 addr, __u64 size)
{
	unsigned int i;

	for (i = 0; i < memory->regions; i++) {
		const struct guest_region *region = &memory->region[i];
		__u64 offset = addr - region->addr;

		if (addr >= region->addr && offset < region->size &&
		    size <= region->size - offset)
			return (char *)region->host + offset;
	}
	return NULL;
}
