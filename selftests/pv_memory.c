// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory_op: special frames that a guest moves about, and memory that it gives back.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pv_memory.h"

/* Special frames */

static void into_hole(void)
{
	struct vcpu *vcpu = xen_servant();

	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, XEN_HOLE, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, XEN_HOLE), 0);
	*last_word(xen_shared) = 0x1234;
	check_eq(guest_read(vcpu, XEN_HOLE + LAST_WORD), 0x1234);
	guest_write(vcpu, XEN_HOLE + LAST_WORD, 0x5678);
	check_eq(*last_word(xen_shared), 0x5678);
	/* A hole on both sides. */
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, XEN_HOLE - 8, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, XEN_HOLE + PAGE, PHV_ACCESS_READ);
	xen_start_over(vcpu);

	check_eq(remove_from_physmap(vcpu, XEN_HOLE), 0);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, XEN_HOLE, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	check_eq(remove_from_physmap(vcpu, XEN_HOLE), -ENOENT);
	check_eq(released.exits, 0);
}

static void over_memory(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(8 * PAGE);
	u64 at = AREA + 3 * PAGE;
	long total;

	add_area(vcpu, p, 8 * PAGE, 0);
	guest_fill(vcpu, AREA + LAST_WORD, 1, 8);
	total = get_count(vcpu, XENMEM_current_reservation);
	*last_word(xen_shared) = 100;
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, at), 0);
	check_eq(guest_read(vcpu, at + LAST_WORD), 100);
	guest_write(vcpu, at + LAST_WORD, 200);
	check_eq(*last_word(xen_shared), 200);
	check_eq(*last_word(p + 3 * PAGE), 4);
	check_eq(guest_sum(vcpu, AREA + LAST_WORD, 8), 36 - 4 + 200);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total);
	/* What the owner does with the memory below does not matter. */
	*last_word(p + 3 * PAGE) = 44;
	check_eq(madvise(p + 4 * PAGE, PAGE, MADV_DONTNEED), 0);
	check_eq(guest_sum(vcpu, AREA + LAST_WORD, 8), 36 - 4 - 5 + 200);

	check_eq(remove_from_physmap(vcpu, at), 0);
	check_eq(guest_read(vcpu, at + LAST_WORD), 44);
}

static void moved(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(4 * PAGE);

	add_area(vcpu, p, 4 * PAGE, 0);
	guest_fill(vcpu, AREA + LAST_WORD, 1, 4);
	*last_word(xen_shared) = 100;
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, AREA), 0);
	check_eq(guest_sum(vcpu, AREA + LAST_WORD, 4), 109);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, AREA + PAGE), 0);
	check_eq(guest_read(vcpu, AREA + LAST_WORD), 1);
	check_eq(guest_read(vcpu, AREA + PAGE + LAST_WORD), 100);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, XEN_HOLE), 0);
	check_eq(guest_sum(vcpu, AREA + LAST_WORD, 4), 10);
	check_eq(guest_read(vcpu, XEN_HOLE + LAST_WORD), 100);
	/* Onto itself. */
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, XEN_HOLE), 0);
	check_eq(guest_read(vcpu, XEN_HOLE + LAST_WORD), 100);
	/* Another frame takes its place. */
	*last_word(xen_grants) = 300;
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, 0, XEN_HOLE), 0);
	check_eq(guest_read(vcpu, XEN_HOLE + LAST_WORD), 300);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, XEN_HOLE + PAGE), 0);
	check_eq(guest_read(vcpu, XEN_HOLE + PAGE + LAST_WORD), 100);
}

static void large_pages_around(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = large_pages(2 * LARGE);
	u64 at = AREA + 100 * PAGE;

	add_area(vcpu, p, 2 * LARGE, 0);
	guest_fill(vcpu, AREA + LAST_WORD, 1, 1024);
	*last_word(xen_shared) = 1000000;
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, at), 0);
	check_eq(guest_sum(vcpu, AREA + LAST_WORD, 1024), 1024 * 1025 / 2 - 101 + 1000000);
	guest_write(vcpu, at + LAST_WORD, 7);
	check_eq(*last_word(p + 100 * PAGE), 101);
	/* Whatever comes first: an access below it, or one to it. */
	check_eq(madvise(p, 2 * LARGE, MADV_DONTNEED), 0);
	*(u64 *)p = 1;
	guest_write(vcpu, AREA, 5);
	check_eq(guest_read(vcpu, at + LAST_WORD), 7);
	check_eq(remove_from_physmap(vcpu, at), 0);
	check_eq(guest_read(vcpu, at + LAST_WORD), 0);
}

/* Both in large pages: a fault that maps one must not hide what is in the other. */
static void overlay_first(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = large_pages(LARGE);
	unsigned int i;

	memset(p, 1, LARGE);
	add_area(vcpu, p, LARGE, 0);
	*last_word(xen_shared) = 9;
	for (i = 0; i < 512; i += 73) {
		check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, AREA + i * PAGE), 0);
		check_eq(guest_read(vcpu, AREA + (i ^ 1) * PAGE + LAST_WORD), 0x0101010101010101);
		check_eq(guest_read(vcpu, AREA + i * PAGE + LAST_WORD), 9);
	}
}

static void owner_replaces(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(4 * PAGE);
	u64 i;

	add_area(vcpu, p, 4 * PAGE, 0);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, AREA + PAGE), 0);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, 0, XEN_HOLE), 0);
	for (i = 1; i < 10; i++) {
		u8 *other = small_pages(2 * PAGE);

		*last_word(other) = i;
		*last_word(other + PAGE) = 10 * i;
		guest_write(vcpu, AREA + PAGE + LAST_WORD, 1000);
		guest_write(vcpu, XEN_HOLE + LAST_WORD, 1000);
		check(mremap(other, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     xen_shared) == (void *)xen_shared);
		check_eq(guest_read(vcpu, AREA + PAGE + LAST_WORD), i);
		check_eq(guest_read(vcpu, XEN_HOLE + LAST_WORD), 10 * i);
	}
	check_eq(munmap(xen_shared, PAGE), 0);
	expect_refusal(vcpu, -EFAULT, OP_READ, AREA + PAGE + LAST_WORD, PHV_ACCESS_READ);
}

static void grant_frames(void)
{
	struct vcpu *vcpu = xen_servant();
	unsigned int i;

	for (i = XEN_GRANT_FRAMES; i--;) {
		*last_word(xen_grants + i * PAGE) = 0;
		check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, i,
					XEN_HOLE + i * PAGE), 0);
		guest_write(vcpu, XEN_HOLE + i * PAGE + LAST_WORD, i + 1);
	}
	for (i = 0; i < XEN_GRANT_FRAMES; i++)
		check_eq(*last_word(xen_grants + i * PAGE), i + 1);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, XEN_GRANT_FRAMES, XEN_HOLE),
		 -EINVAL);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, ~0UL, XEN_HOLE), -EINVAL);
	/* Without version 2 there are no frames of status. */
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, XENMAPIDX_grant_table_status,
				XEN_HOLE), -EINVAL);
}

static void add_errors(void)
{
	static struct xen_add_to_physmap arg;
	static struct xen_remove_from_physmap remove;
	struct vcpu *vcpu = xen_servant();
	u32 space;

	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 1, XEN_HOLE), -EINVAL);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, ~0UL), -EINVAL);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, 1UL << 52), -EINVAL);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, 1UL << 48), -EINVAL);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_gmfn, 1, XEN_HOLE), -EOPNOTSUPP);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_gmfn_range, 1, XEN_HOLE), -EOPNOTSUPP);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_gmfn_foreign, 1, XEN_HOLE), -ENOSYS);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_dev_mmio, 1, XEN_HOLE), -EACCES);
	for (space = 6; space; space <<= 1)
		check_eq(add_to_physmap(vcpu, space, 0, XEN_HOLE), -EINVAL);

	check_eq(memory_op(vcpu, XENMEM_add_to_physmap, (void *)XEN_HOLE), -EFAULT);
	check_eq(memory_op(vcpu, XENMEM_add_to_physmap | 1UL << 22, &arg), -EDOM);
	arg.domid = 0;
	check_eq(memory_op(vcpu, XENMEM_add_to_physmap, &arg), -EPERM);
	arg.domid = 32751 - vcpu->vm->id;
	check_eq(memory_op(vcpu, XENMEM_add_to_physmap, &arg), -ESRCH);
	arg.domid = DOMID_IO;
	check_eq(memory_op(vcpu, XENMEM_add_to_physmap, &arg), -ESRCH);
	arg.domid = vcpu->vm->id;
	arg.gpfn = FRAME(XEN_HOLE);
	check_eq(memory_op(vcpu, XENMEM_add_to_physmap, &arg), 0);

	remove.domid = 0;
	remove.gpfn = FRAME(XEN_HOLE);
	check_eq(memory_op(vcpu, XENMEM_remove_from_physmap, &remove), -EPERM);
	check_eq(memory_op(vcpu, XENMEM_remove_from_physmap, (void *)XEN_HOLE + PAGE), -EFAULT);
	check_eq(remove_from_physmap(vcpu, ~0UL), -ENOENT);
	check_eq(remove_from_physmap(vcpu, XEN_HOLE), 0);
}

#define BATCH	400

static long add_batch(struct vcpu *vcpu, u16 space, u16 size, u64 *idxs, u64 *gpfns, __s32 *errs)
{
	static struct xen_add_to_physmap_batch arg;

	memset(&arg, 0, sizeof(arg));
	arg.domid = DOMID_SELF;
	arg.space = space;
	arg.size = size;
	set_xen_guest_handle(arg.idxs, (void *)idxs);
	set_xen_guest_handle(arg.gpfns, (void *)gpfns);
	set_xen_guest_handle(arg.errs, errs);
	return memory_op(vcpu, XENMEM_add_to_physmap_batch, &arg);
}

static void batch(void)
{
	static u64 idxs[BATCH], gpfns[BATCH];
	static __s32 errs[BATCH];
	struct vcpu *vcpu = xen_servant();
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		idxs[i] = i % (XEN_GRANT_FRAMES + 2);
		gpfns[i] = FRAME(XEN_HOLE) + i;
		errs[i] = 1;
	}
	for (i = 0; i < XEN_GRANT_FRAMES; i++)
		*last_word(xen_grants + i * PAGE) = 0;
	check_eq(add_batch(vcpu, XENMAPSPACE_grant_table, BATCH, idxs, gpfns, errs), 0);
	for (i = 0; i < BATCH; i++)
		check_eq(errs[i], idxs[i] < XEN_GRANT_FRAMES ? 0 : -EINVAL);
	/* The last place counts. */
	for (i = BATCH - XEN_GRANT_FRAMES - 2; i < BATCH - 2; i++)
		guest_write(vcpu, gpfns[i] * PAGE + LAST_WORD, i);
	for (i = 0; i < XEN_GRANT_FRAMES; i++)
		check_eq(*last_word(xen_grants + i * PAGE), BATCH - XEN_GRANT_FRAMES - 2 + i);

	check_eq(add_batch(vcpu, XENMAPSPACE_grant_table, 0, NULL, NULL, NULL), 0);
	check_eq(add_batch(vcpu, XENMAPSPACE_gmfn_range, 1, idxs, gpfns, errs), -EOPNOTSUPP);
	check_eq(add_batch(vcpu, XENMAPSPACE_dev_mmio, 1, idxs, gpfns, errs), -EACCES);
	check_eq(add_batch(vcpu, XENMAPSPACE_gmfn_foreign, 1, idxs, gpfns, errs), 0);
	check_eq(errs[0], -EPERM);
	check_eq(add_batch(vcpu, XENMAPSPACE_grant_table, 1, (u64 *)XEN_HOLE - 1, gpfns, errs),
		 -EFAULT);
	check_eq(add_batch(vcpu, XENMAPSPACE_grant_table, 1, idxs, (u64 *)XEN_HOLE - 1, errs),
		 -EFAULT);
	check_eq(add_batch(vcpu, XENMAPSPACE_grant_table, 1, idxs, gpfns, (__s32 *)XEN_HOLE - 1),
		 -EFAULT);
}

/* The map */

static long get_map(struct vcpu *vcpu, u32 *count, void *buffer)
{
	static struct xen_memory_map arg;
	long ret;

	memset(&arg, 0, sizeof(arg));
	arg.nr_entries = *count;
	set_xen_guest_handle(arg.buffer, buffer);
	ret = memory_op(vcpu, XENMEM_memory_map, &arg);
	*count = arg.nr_entries;
	return ret;
}

struct e820 {
	u64 addr;
	u64 size;
	u32 type;
} __packed;

static void memory_map(void)
{
	static struct phv_xen_memory_entry entry[PHV_XEN_MAX_MEMORY_MAP + 1];
	static struct xen_foreign_memory_map set;
	static struct e820 map[PHV_XEN_MAX_MEMORY_MAP + 1];
	struct phv_xen_memory_map arg = { .entries = (u64)entry };
	struct vcpu *vcpu = xen_servant();
	u32 count = 5, i;

	check_eq(get_map(vcpu, &count, map), -ENOSYS);
	for (i = 0; i <= PHV_XEN_MAX_MEMORY_MAP; i++) {
		entry[i].addr = i * LARGE;
		entry[i].size = i * PAGE;
		entry[i].type = i % 5 + 1;
	}
	check_eq(vm_ioctl(vcpu->vm, PHV_XEN_SET_MEMORY_MAP, &arg), -EINVAL);
	arg.count = PHV_XEN_MAX_MEMORY_MAP + 1;
	check_eq(vm_ioctl(vcpu->vm, PHV_XEN_SET_MEMORY_MAP, &arg), -EINVAL);
	arg.count = PHV_XEN_MAX_MEMORY_MAP;
	entry[77].reserved = 1;
	check_eq(vm_ioctl(vcpu->vm, PHV_XEN_SET_MEMORY_MAP, &arg), -EINVAL);
	entry[77].reserved = 0;
	arg.reserved = 1;
	check_eq(vm_ioctl(vcpu->vm, PHV_XEN_SET_MEMORY_MAP, &arg), -EINVAL);
	arg.reserved = 0;
	arg.entries = 1;
	check_eq(vm_ioctl(vcpu->vm, PHV_XEN_SET_MEMORY_MAP, &arg), -EFAULT);
	arg.entries = (u64)entry;
	check_eq(vm_ioctl(vcpu->vm, PHV_XEN_SET_MEMORY_MAP, &arg), 0);

	count = UINT_MAX;
	check_eq(get_map(vcpu, &count, map), 0);
	check_eq(count, PHV_XEN_MAX_MEMORY_MAP);
	for (i = 0; i < count; i++) {
		check_eq(map[i].addr, entry[i].addr);
		check_eq(map[i].size, entry[i].size);
		check_eq(map[i].type, entry[i].type);
	}
	check_eq(map[i].type, 0);
	memset(map, 0, sizeof(map));
	count = 3;
	check_eq(get_map(vcpu, &count, map), 0);
	check_eq(count, 3);
	check_eq(map[2].addr, 2 * LARGE);
	check_eq(map[3].addr, 0);
	check_eq(get_map(vcpu, &count, (void *)XEN_HOLE), -EFAULT);

	set.domid = DOMID_SELF;
	set.map.nr_entries = 2;
	map[0].addr = 0x1000;
	set_xen_guest_handle(set.map.buffer, (void *)map);
	check_eq(memory_op(vcpu, XENMEM_set_memory_map, &set), 0);
	count = 10;
	memset(map, 0, sizeof(map));
	check_eq(get_map(vcpu, &count, map), 0);
	check_eq(count, 2);
	check_eq(map[0].addr, 0x1000);
	check_eq(map[1].addr, LARGE);
	set.map.nr_entries = PHV_XEN_MAX_MEMORY_MAP + 1;
	check_eq(memory_op(vcpu, XENMEM_set_memory_map, &set), -EINVAL);
	set.map.nr_entries = 1;
	set.domid = 0;
	check_eq(memory_op(vcpu, XENMEM_set_memory_map, &set), -EPERM);
}

/* Other operations */

/* Xen's header has them for toolstacks only. */
#ifndef XENMEM_paging_op
#define XENMEM_paging_op	20
#define XENMEM_access_op	21
#define XENMEM_sharing_op	22
#define XENMEM_claim_pages	24
#endif

static void others(void)
{
	static const u8 refused[] = {
		XENMEM_machine_memory_map, XENMEM_set_pod_target, XENMEM_get_pod_target,
		XENMEM_paging_op, XENMEM_access_op, XENMEM_sharing_op, XENMEM_claim_pages,
		XENMEM_acquire_resource,
	};
	static const u8 unknown[] = {
		XENMEM_machphys_mfn_list, 8, XENMEM_exchange, XENMEM_machphys_mapping,
		XENMEM_machphys_compat_mfn_list, 29, 30, 63,
	};
	static struct xen_vnuma_topology_info topology;
	static u8 buffer[256] __aligned(8);
	static domid_t domid;
	struct vcpu *vcpu = xen_servant();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++)
		check_eq(memory_op(vcpu, refused[i], buffer), -EPERM);
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		check_eq(memory_op(vcpu, unknown[i], buffer), -ENOSYS);
	topology.domid = DOMID_SELF;
	check_eq(memory_op(vcpu, XENMEM_get_vnumainfo, &topology), -EOPNOTSUPP);
	topology.pad = 1;
	check_eq(memory_op(vcpu, XENMEM_get_vnumainfo, &topology), -EINVAL);

	check_eq(get_count(vcpu, XENMEM_maximum_reservation), XEN_MAX_PAGES);
	check_eq(get_count(vcpu, XENMEM_maximum_gpfn), FRAME(VM_RAM + VM_RAM_SIZE) - 1);
	check_eq(memory_op(vcpu, XENMEM_maximum_ram_page, NULL), FRAME(VM_RAM + VM_RAM_SIZE));
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, AREA), 0);
	check_eq(get_count(vcpu, XENMEM_maximum_gpfn), FRAME(AREA));
	check_eq(memory_op(vcpu, XENMEM_maximum_ram_page | 64, NULL), -EINVAL);
	for (i = 0; i < 2; i++) {
		u64 cmd = i ? XENMEM_current_reservation : XENMEM_maximum_gpfn;

		domid = 0;
		check_eq(memory_op(vcpu, cmd, &domid), -EPERM);
		domid = 32751 - vcpu->vm->id;
		check_eq(memory_op(vcpu, cmd, &domid), -ESRCH);
		check_eq(memory_op(vcpu, cmd, (void *)XEN_HOLE), -EFAULT);
		check_eq(memory_op(vcpu, cmd | 64, &domid), -EINVAL);
	}
}

/* Ballooning */

#define LIST	2048

static u64 list[LIST] __aligned(0x1000);

static void fill_list(u64 address, unsigned int count, int step)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		list[i] = FRAME(address) + (long)i * step;
}

static unsigned int pages_present(const void *addr, u64 pages)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned int count = 0;
	u64 entry, i;

	for (i = 0; i < pages; i++) {
		if (pread(fd, &entry, 8, (FRAME(addr) + i) * 8) != 8)
			test_fail("/proc/self/pagemap: %m");
		count += !!(entry & BIT(63));
	}
	close(fd);
	return count;
}

static void out_and_in(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(64 * PAGE);
	long total;
	u64 i;

	add_released_area(vcpu, p, 64 * PAGE);
	guest_fill(vcpu, AREA, 1, 64);
	check_eq(pages_present(p, 64), 64);
	total = get_count(vcpu, XENMEM_current_reservation);

	fill_list(AREA + 8 * PAGE, 16, 1);
	check_eq(release(vcpu, list, 16, 0), 16);
	check_eq(released.exits, 1);
	check_eq(released.count, 1);
	check_eq(released.extent[0].gfn, list[0]);
	check_eq(released.extent[0].pages, 16);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total - 16);
	check_eq(pages_present(p, 64), 48);
	for (i = 8; i < 24; i += 5) {
		expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, AREA + i * PAGE, PHV_ACCESS_READ);
		xen_start_over(vcpu);
		expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_WRITE, AREA + i * PAGE,
			       PHV_ACCESS_WRITE);
		xen_start_over(vcpu);
	}
	check_eq(guest_sum(vcpu, AREA, 8), 36);
	check_eq(guest_read(vcpu, AREA + 24 * PAGE), 25);
	check_eq(pages_present(p, 64), 48);

	check_eq(populate(vcpu, list, 16, 0), 16);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total);
	check_eq(guest_sum(vcpu, AREA + 8 * PAGE, 16), 0);
	guest_fill(vcpu, AREA + 8 * PAGE, 9, 16);
	check_eq(guest_sum(vcpu, AREA, 64), 64 * 65 / 2);
	check_eq(pages_present(p, 64), 64);
}

/* PHV_XEN_SCRATCH: as above, but there is a page of ones while it is gone. */
static void scratch(void)
{
	struct vcpu *vcpu = vm_add_guest(xen_create_flags(PHV_XEN_SCRATCH), 0, guest_xen_servant);
	u8 *p = small_pages(64 * PAGE);

	add_released_area(vcpu, p, 64 * PAGE);
	guest_fill(vcpu, AREA, 1, 64);
	fill_list(AREA + 8 * PAGE, 16, 1);
	check_eq(release(vcpu, list, 16, 0), 16);
	check_eq(guest_read(vcpu, AREA + 8 * PAGE), ~0UL);
	guest_write(vcpu, AREA + 9 * PAGE, 5);
	check_eq(guest_read(vcpu, AREA + 23 * PAGE + LAST_WORD), ~0UL);

	/* It is neither the guest's memory nor the owner's. */
	check_eq(guest_sum(vcpu, AREA, 8), 36);
	check_eq(guest_read(vcpu, AREA + 24 * PAGE), 25);
	check_eq(pages_present(p, 64), 48);

	/* It goes when there is memory, and is not where there never was any. */
	check_eq(populate(vcpu, list, 16, 0), 16);
	check_eq(guest_sum(vcpu, AREA + 8 * PAGE, 16), 0);
	guest_fill(vcpu, AREA + 8 * PAGE, 9, 16);
	check_eq(*(u64 *)(p + 8 * PAGE), 9);
	check_eq(guest_sum(vcpu, AREA, 64), 64 * 65 / 2);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, XEN_HOLE, PHV_ACCESS_READ);
}

/* The longest list that Linux makes, in an order that nothing can be made of. */
static void scattered(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(2 * LARGE);
	long total;
	u64 i;

	add_released_area(vcpu, p, 2 * LARGE);
	guest_fill(vcpu, AREA, 1, 1024);
	total = get_count(vcpu, XENMEM_current_reservation);
	for (i = 0; i < 512; i++)
		list[i] = FRAME(AREA) + 2 * (i * 77 % 512);
	check_eq(release(vcpu, list, 512, 0), 512);
	check_eq(released.pages, 512);
	check_eq(released.count, 512);
	check_eq(released.exits, (512 + 14) / 15);
	for (i = 0; i < 512; i++)
		check_eq(released.extent[i].gfn, list[i]);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total - 512);
	check_eq(pages_present(p, 1024), 512);

	/* Downwards, and next to each other: one extent. */
	forget_released();
	fill_list(AREA + 1023 * PAGE, 100, -2);
	check_eq(release(vcpu, list, 100, 0), 100);
	check_eq(released.count, 100);
	for (i = 0; i < 512; i++)
		list[i] = FRAME(AREA) + 2 * i;
	check_eq(populate(vcpu, list, 512, 0), 512);
	fill_list(AREA + 1023 * PAGE, 100, -2);
	check_eq(populate(vcpu, list, 100, 0), 100);
	forget_released();
	fill_list(AREA + 1023 * PAGE, 1024, -1);
	check_eq(release(vcpu, list, 1024, 0), 1024);
	check_eq(released.pages, 1024);
	/* It may stop for other work, but not within what it reads of the list at once. */
	check(released.count <= 1024 / 32);
	for (i = 1; i < released.count; i++)
		check_eq(released.extent[i].gfn + released.extent[i].pages,
			 released.extent[i - 1].gfn);
	check_eq(pages_present(p, 1024), 0);
}

static void by_orders(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = large_pages(4 * LARGE);
	long total;

	add_released_area(vcpu, p, 4 * LARGE);
	guest_fill(vcpu, AREA, 1, 2048);
	total = get_count(vcpu, XENMEM_current_reservation);
	/* In the middle of a large page. */
	list[0] = FRAME(AREA) + 100;
	check_eq(release(vcpu, list, 1, 0), 1);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, AREA + 100 * PAGE, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	check_eq(guest_read(vcpu, AREA + 99 * PAGE), 100);
	check_eq(guest_read(vcpu, AREA + 101 * PAGE), 102);
	check_eq(guest_sum(vcpu, AREA + LARGE, 512), 512 * 512 + 512 * 513 / 2);

	/* Whole ones, aligned or not. */
	list[0] = FRAME(AREA + LARGE);
	check_eq(release(vcpu, list, 1, 9), 1);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total - 513);
	check_eq(pages_present(p + LARGE, 512), 0);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, AREA + 2 * LARGE - 8, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	list[0] = FRAME(AREA + 2 * LARGE) + 3;
	list[1] = FRAME(AREA + 2 * LARGE) + 3 + 64;
	forget_released();
	check_eq(release(vcpu, list, 2, 6), 2);
	check_eq(released.count, 1);
	check_eq(released.extent[0].pages, 128);
	check_eq(guest_read(vcpu, AREA + 2 * LARGE + 2 * PAGE), 1027);

	/* Extents that have holes already: nothing of them goes. */
	forget_released();
	list[0] = FRAME(AREA + 2 * LARGE);
	check_eq(release(vcpu, list, 1, 9), 0);
	check_eq(released.exits, 0);
	check_eq(guest_read(vcpu, AREA + 2 * LARGE + 2 * PAGE), 1027);
	/* But all of it comes back, and what was there stays. */
	check_eq(populate(vcpu, list, 1, 9), 1);
	check_eq(guest_read(vcpu, AREA + 2 * LARGE + 2 * PAGE), 1027);
	check_eq(guest_read(vcpu, AREA + 2 * LARGE + 3 * PAGE), 0);
	list[0] = FRAME(AREA);
	list[1] = FRAME(AREA + LARGE);
	check_eq(populate(vcpu, list, 2, 9), 2);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total);
	/* Too large for a guest. */
	check_eq(release(vcpu, list, 1, 10), 0);
	check_eq(populate(vcpu, list, 1, 10), 0);
	check_eq(release(vcpu, list, 1, UINT_MAX), 0);
}

static void bad_lists(void)
{
	static struct xen_memory_reservation arg;
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(16 * PAGE), *rom = small_pages(PAGE);
	long total;

	add_released_area(vcpu, p, 16 * PAGE);
	check_eq(vm_add_memory(vcpu->vm, AREA + LARGE, PAGE, rom, PHV_MEMORY_READONLY), 0);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, XEN_HOLE), 0);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, 0, AREA + 15 * PAGE), 0);
	total = get_count(vcpu, XENMEM_current_reservation);

	/* Twice; a hole; what cannot be written; the APIC; beyond everything. */
	list[0] = FRAME(AREA);
	list[1] = FRAME(AREA) + 1;
	list[2] = FRAME(AREA);
	check_eq(release(vcpu, list, 3, 0), 2);
	check_eq(release(vcpu, list + 2, 1, 0), 0);
	list[0] = FRAME(XEN_HOLE) + 1;
	check_eq(release(vcpu, list, 1, 0), 0);
	list[0] = FRAME(AREA + LARGE);
	check_eq(release(vcpu, list, 1, 0), 0);
	list[0] = FRAME(0xfee00000);
	check_eq(release(vcpu, list, 1, 0), 0);
	list[0] = ~0UL;
	check_eq(release(vcpu, list, 1, 0), 0);
	list[0] = ~0UL - 10;
	check_eq(release(vcpu, list, 1, 9), 0);
	list[0] = FRAME(AREA) + 2;
	check_eq(release(vcpu, list, 1, 9), 0);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total - 2);
	check_eq(guest_read(vcpu, AREA + 2 * PAGE), 0);

	/* Special frames just go from there; memory below goes with them. */
	list[0] = FRAME(XEN_HOLE);
	check_eq(release(vcpu, list, 1, 0), 1);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total - 2);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, XEN_HOLE, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	list[0] = FRAME(AREA) + 15;
	check_eq(release(vcpu, list, 1, 0), 1);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total - 3);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, AREA + 15 * PAGE, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	/* And one over a hole goes when memory comes. */
	*last_word(xen_grants) = 8;
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, 0, AREA + 15 * PAGE), 0);
	check_eq(guest_read(vcpu, AREA + 15 * PAGE + LAST_WORD), 8);
	check_eq(populate(vcpu, list, 1, 0), 1);
	check_eq(guest_read(vcpu, AREA + 15 * PAGE + LAST_WORD), 0);

	/* Where no memory can be. */
	list[0] = FRAME(XEN_HOLE);
	check_eq(populate(vcpu, list, 1, 0), 0);
	list[0] = FRAME(AREA + LARGE);
	check_eq(populate(vcpu, list, 1, 0), 0);
	list[0] = ~0UL;
	check_eq(populate(vcpu, list, 1, 0), 0);

	/* Lists that are not there, or end in nothing, or are as long as can be. */
	check_eq(release(vcpu, (u64 *)XEN_HOLE, 1, 0), 0);
	check_eq(release(vcpu, NULL, 0, 0), 0);
	check_eq(release(vcpu, list, UINT_MAX / 64 + 1UL, 0), 0);
	check_eq(release(vcpu, list, ~0UL, 0), 0);
	check_eq(change_reservation(vcpu, XENMEM_decrease_reservation | 5 << 6, list, 5, 0), 5);
	check_eq(change_reservation(vcpu, XENMEM_decrease_reservation | 9 << 6, list, 5, 0), 9);
	check_eq(change_reservation(vcpu, XENMEM_increase_reservation, list, 5, 0), 0);
	memset(&arg, 0, sizeof(arg));
	check_eq(memory_op(vcpu, XENMEM_decrease_reservation, (void *)XEN_HOLE), 0);
	set_xen_guest_handle(arg.extent_start, (void *)list);
	list[0] = FRAME(AREA) + 5;
	arg.nr_extents = 1;
	check_eq(memory_op(vcpu, XENMEM_decrease_reservation, &arg), 0);
	arg.domid = 32751 - vcpu->vm->id;
	check_eq(memory_op(vcpu, XENMEM_decrease_reservation, &arg), 0);
	arg.domid = vcpu->vm->id;
	check_eq(memory_op(vcpu, XENMEM_decrease_reservation, &arg), 1);
}

/* The list runs into a page that is not there: what can be read is done. */
static void cut_list(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(64 * PAGE);
	u64 *end = (u64 *)(p + 64 * PAGE);
	unsigned int i;

	add_released_area(vcpu, p, 64 * PAGE);
	for (i = 1; i <= 10; i++)
		end[-(int)i] = FRAME(AREA) + i;
	check_eq(release(vcpu, (u64 *)(AREA + 64 * PAGE) - 10, 20, 0), 10);
	check_eq(released.pages, 10);
	/* An entry across the end. */
	*(u64 *)((u8 *)end - 12) = FRAME(AREA) + 20;
	check_eq(release(vcpu, (u64 *)(AREA + 64 * PAGE - 12), 2, 0), 1);
}

/* The list is what it gives back: what was read before that counts. */
static void gives_back_list(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(64 * PAGE);
	u64 *in_area = (u64 *)p;
	unsigned int i;
	u32 count = 1;
	long done;

	add_released_area(vcpu, p, 64 * PAGE);
	for (i = 0; i < 60; i++)
		in_area[i] = FRAME(AREA) + i;
	done = release(vcpu, (u64 *)AREA, 60, 0);
	check(done >= 1 && done <= 60);
	check_eq(released.pages, done);
	check_eq(memory_op(vcpu, XENMEM_add_to_physmap, (void *)AREA), -EFAULT);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, AREA), 0);
	check_eq(get_map(vcpu, &count, (void *)AREA), -ENOSYS);
}

/* It gives back a frame that it cannot do without. */
static void release_and_stop(struct vcpu *vcpu, u64 address)
{
	static struct xen_memory_reservation arg;
	int reason;

	memset(&arg, 0, sizeof(arg));
	list[0] = FRAME(address);
	set_xen_guest_handle(arg.extent_start, (void *)list);
	arg.nr_extents = 1;
	arg.domid = DOMID_SELF;
	tell(OP_CALL, __HYPERVISOR_memory_op, XENMEM_decrease_reservation, (u64)&arg, 0);
	vcpu_expect(vcpu, PHV_EXIT_XEN_RELEASE);
	check_eq(vcpu->run->release.extent[0].gfn, list[0]);
	/* Again and again. */
	reason = vcpu_run(vcpu);
	check_eq(reason, PHV_EXIT_MEMORY);
	check_eq(FRAME(vcpu->run->memory.guest_addr), list[0]);
	check_eq(vcpu_run(vcpu), reason);
}

static void gives_back_itself(void)
{
	struct phv_control control;
	struct vcpu *vcpu;

	release_and_stop(xen_servant(), (u64)guest_xen_servant);
	vcpu = xen_servant();
	vcpu_get_control(vcpu, &control);
	release_and_stop(vcpu, control.cr3);
}

static void limited(void)
{
	struct vcpu *vcpu = xen_servant();
	u64 size = XEN_MAX_PAGES * PAGE;
	u8 *p = map_area(size, MAP_NORESERVE, -1);
	u64 at = AREA;
	long room;

	add_released_area(vcpu, p, size);
	check(get_count(vcpu, XENMEM_current_reservation) > XEN_MAX_PAGES + 512);
	/* User space may give more than the maximum; the guest may not take it. */
	list[0] = FRAME(at);
	check_eq(release(vcpu, list, 1, 0), 1);
	check_eq(populate(vcpu, list, 1, 0), 0);
	/* Where there is memory already, none is needed. */
	list[0] = FRAME(at) + 1;
	check_eq(populate(vcpu, list, 1, 0), 1);

	do {
		at += LARGE;
		list[0] = FRAME(at);
		check_eq(release(vcpu, list, 1, 9), 1);
		room = XEN_MAX_PAGES - get_count(vcpu, XENMEM_current_reservation);
	} while (room <= 0);
	/* As much as there is room for, and no more. */
	check(room <= 512);
	fill_list(at, 512, 1);
	list[room] = FRAME(AREA);
	check_eq(populate(vcpu, list, room + 1, 0), room);
	check_eq(populate(vcpu, list + room, 1, 0), 0);
	check_eq(get_count(vcpu, XENMEM_current_reservation), XEN_MAX_PAGES);
	check_eq(release(vcpu, list, 1, 0), 1);
	check_eq(populate(vcpu, list + room, 1, 0), 1);
}

static void remove_memory(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(4 * PAGE);
	long total;

	add_released_area(vcpu, p, 4 * PAGE);
	guest_fill(vcpu, AREA, 1, 4);
	total = get_count(vcpu, XENMEM_current_reservation);
	check_eq(remove_from_physmap(vcpu, AREA + PAGE), 0);
	check_eq(released.exits, 1);
	check_eq(released.extent[0].gfn, FRAME(AREA) + 1);
	check_eq(released.extent[0].pages, 1);
	check_eq(pages_present(p, 4), 3);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total - 1);
	check_eq(remove_from_physmap(vcpu, AREA + PAGE), -ENOENT);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, AREA + PAGE, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	check_eq(guest_read(vcpu, AREA + 2 * PAGE), 3);
}

/* Holes are the region's: they come and go with it. */
static void region_goes(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(16 * PAGE);
	long total = get_count(vcpu, XENMEM_current_reservation);

	add_released_area(vcpu, p, 16 * PAGE);
	fill_list(AREA, 4, 1);
	check_eq(release(vcpu, list, 4, 0), 4);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, AREA + 8 * PAGE), 0);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total + 12);
	check_eq(vm_remove_memory(vcpu->vm, AREA, 16 * PAGE, p), 0);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total);
	check_eq(populate(vcpu, list, 1, 0), 0);
	*last_word(xen_shared) = 6;
	check_eq(guest_read(vcpu, AREA + 8 * PAGE + LAST_WORD), 6);
	add_area(vcpu, p, 16 * PAGE, 0);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total + 16);
	check_eq(guest_read(vcpu, AREA), 0);
	/* A region becomes read-only with its holes, and writable again. */
	check_eq(release(vcpu, list, 4, 0), 4);
	{
		struct phv_memory arg = {
			.guest_addr = AREA, .size = 16 * PAGE, .user_addr = (u64)p,
			.flags = PHV_MEMORY_READONLY,
		};

		check_eq(vm_ioctl(vcpu->vm, PHV_CHANGE_MEMORY, &arg), 0);
		check_eq(get_count(vcpu, XENMEM_current_reservation), total);
		check_eq(populate(vcpu, list, 1, 0), 0);
		arg.flags = 0;
		check_eq(vm_ioctl(vcpu->vm, PHV_CHANGE_MEMORY, &arg), 0);
	}
	check_eq(get_count(vcpu, XENMEM_current_reservation), total + 12);
	check_eq(populate(vcpu, list, 4, 0), 4);
}

/* Structures as 32-bit guests have them */

struct add_to_physmap32 {
	u16 domid, size;
	u32 space, idx, gpfn;
};

struct add_batch32 {
	u16 domid, space, size, foreign_domid;
	u32 idxs, gpfns, errs;
};

struct remove32 {
	u16 domid;
	u32 gpfn;
};

struct reservation32 {
	u32 extent_start, nr_extents, extent_order, mem_flags;
	u16 domid;
};

struct memory_map32 {
	u32 nr_entries, buffer;
};

struct set_map32 {
	u16 domid;
	struct memory_map32 map;
};

static u32 address32(const void *p)
{
	check((u64)p < 1UL << 32);
	return (u64)p;
}

static void layouts32_physmap(void)
{
	static u32 idxs[40], gpfns[40];
	static __s32 errs[40];
	static struct add_to_physmap32 add = {
		.domid = DOMID_SELF, .gpfn = XEN_HOLE / PAGE,
	};
	static struct add_batch32 batch_arg = {
		.domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .size = 40,
	};
	static struct remove32 remove = { .domid = DOMID_SELF, .gpfn = XEN_HOLE / PAGE };
	struct vcpu *vcpu = xen_servant();
	unsigned int i;

	*last_word(xen_shared) = 55;
	check_eq(memory_op32(vcpu, XENMEM_add_to_physmap, &add), 0);
	check_eq(guest_read(vcpu, XEN_HOLE + LAST_WORD), 55);
	check_eq(memory_op32(vcpu, XENMEM_remove_from_physmap, &remove), 0);
	check_eq(memory_op32(vcpu, XENMEM_remove_from_physmap, &remove), -ENOENT);
	add.idx = 1;
	check_eq(memory_op32(vcpu, XENMEM_add_to_physmap, &add), -EINVAL);

	for (i = 0; i < 40; i++) {
		idxs[i] = i & 7;
		gpfns[i] = FRAME(XEN_HOLE) + i;
		errs[i] = i == 20 ? 0 : 1;
	}
	idxs[20] = XEN_GRANT_FRAMES;
	batch_arg.idxs = address32(idxs);
	batch_arg.gpfns = address32(gpfns);
	batch_arg.errs = address32(errs);
	check_eq(memory_op32(vcpu, XENMEM_add_to_physmap_batch, &batch_arg), 0);
	for (i = 0; i < 40; i++)
		check_eq(errs[i], i == 20 ? -EINVAL : 0);
	*last_word(xen_grants + 7 * PAGE) = 66;
	check_eq(guest_read(vcpu, XEN_HOLE + 39 * PAGE + LAST_WORD), 66);
}

static void layouts32_memory(void)
{
	static u32 list32[100];
	static struct reservation32 arg = { .domid = DOMID_SELF, .nr_extents = 100 };
	static struct set_map32 set = { .domid = DOMID_SELF };
	static struct memory_map32 get = { .nr_entries = 10 };
	static struct e820 map[3];
	static domid_t domid = DOMID_SELF;
	struct vcpu *vcpu = xen_servant();
	u8 *p = small_pages(128 * PAGE);
	unsigned int i;
	long total;

	add_released_area(vcpu, p, 128 * PAGE);
	guest_fill(vcpu, AREA, 1, 128);
	total = memory_op32(vcpu, XENMEM_current_reservation, &domid);
	check_eq(total, get_count(vcpu, XENMEM_current_reservation));
	for (i = 0; i < 100; i++)
		list32[i] = FRAME(AREA) + (i * 3 & 127);
	arg.extent_start = address32(list32);
	check_eq(memory_op32(vcpu, XENMEM_decrease_reservation, &arg), 100);
	check_eq(released.pages, 100);
	check_eq(pages_present(p, 128), 28);
	check_eq(memory_op32(vcpu, XENMEM_current_reservation, &domid), total - 100);
	check_eq(memory_op32(vcpu, XENMEM_populate_physmap, &arg), 100);
	check_eq(memory_op32(vcpu, XENMEM_current_reservation, &domid), total);
	arg.nr_extents = 0x7fffffff;
	check_eq(memory_op32(vcpu, XENMEM_decrease_reservation, &arg), 0);

	set.map.nr_entries = 3;
	set.map.buffer = address32(map);
	for (i = 0; i < 3; i++)
		map[i] = (struct e820) { .addr = i * LARGE, .size = PAGE, .type = i + 1 };
	check_eq(memory_op32(vcpu, XENMEM_set_memory_map, &set), 0);
	memset(map, 0, sizeof(map));
	get.buffer = address32(map);
	check_eq(memory_op32(vcpu, XENMEM_memory_map, &get), 0);
	check_eq(get.nr_entries, 3);
	for (i = 0; i < 3; i++) {
		check_eq(map[i].addr, i * LARGE);
		check_eq(map[i].type, i + 1);
	}
}

/* Two vCPUs: one uses the memory that the other gives back and takes. */

static bool stop;

static void guest_toucher(void)
{
	u64 i;

	for (i = 0; !READ_ONCE(stop); i++) {
		u64 *word = (u64 *)(AREA + i * 7 % 1024 * PAGE);

		WRITE_ONCE(*word, READ_ONCE(*word) + 1);
	}
}

/* What is a hole just now is passed over. */
static void *toucher(void *arg)
{
	struct vcpu *vcpu = arg;
	int reason;

	while ((reason = vcpu_run(vcpu)) != VCPU_DONE) {
		if (reason != PHV_EXIT_MEMORY)
			test_fail("a guest that touches memory: exit %d", reason);
		vcpu_call(vcpu, guest_toucher);
	}
	return NULL;
}

static void under_use(void)
{
	struct vcpu *vcpu = xen_servant();
	struct vcpu *other = vm_add_guest(vcpu->vm, 1, guest_toucher);
	u8 *p = large_pages(2 * LARGE);
	time_t end = time(NULL) + 3;
	unsigned int i, round;
	long total;

	add_released_area(vcpu, p, 2 * LARGE);
	total = get_count(vcpu, XENMEM_current_reservation);
	check_eq(pthread_create(&other->thread, NULL, toucher, other), 0);
	for (round = 0; time(NULL) < end; round++) {
		for (i = 0; i < 128; i++)
			list[i] = FRAME(AREA) + (i * 61 + round) % 1024;
		check_eq(release(vcpu, list, 128, 0), 128);
		check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0,
					AREA + round % 1024 * PAGE), 0);
		check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, XEN_HOLE), 0);
		check_eq(populate(vcpu, list, 128, 0), 128);
		list[0] = FRAME(AREA + LARGE);
		check_eq(release(vcpu, list, 1, 9), 1);
		check_eq(populate(vcpu, list, 1, 9), 1);
	}
	WRITE_ONCE(stop, true);
	check_eq(pthread_join(other->thread, NULL), 0);
	check_eq(get_count(vcpu, XENMEM_current_reservation), total);
	ksft_print_msg("%u rounds\n", round);
}

/* The rest of a multicall that can't be written back is lost, but what is released is told. */
static void multicall_of_read_only_memory(void)
{
	static struct xen_memory_reservation arg;
	static u64 frames[1];
	struct vcpu *vcpu = xen_servant();
	struct multicall_entry *entry = (void *)small_pages(PAGE);

	add_released_area(vcpu, small_pages(4 * PAGE), 4 * PAGE);
	check_eq(vm_add_memory(vcpu->vm, XEN_HOLE, PAGE, entry, PHV_MEMORY_READONLY), 0);
	frames[0] = FRAME(AREA) + 1;
	set_xen_guest_handle(arg.extent_start, (void *)frames);
	arg.nr_extents = 1;
	arg.domid = DOMID_SELF;
	*entry = (struct multicall_entry) {
		.op = __HYPERVISOR_memory_op, .args = { XENMEM_decrease_reservation, (u64)&arg },
	};
	forget_released();
	call_guest(vcpu, __HYPERVISOR_multicall, XEN_HOLE, 1, 0);
	check_eq(released.pages, 1);
	check_eq(released.extent[0].gfn, frames[0]);
}

static const struct test tests[] = {
	{ "a special frame is put into a hole", .host = into_hole },
	{ "a special frame hides memory, and shows it again", .host = over_memory },
	{ "a special frame has one place", .host = moved },
	{ "large pages around it stay right", .host = large_pages_around },
	{ "large pages do not come over it", .host = overlay_first },
	{ "the owner replaces its page", .host = owner_replaces },
	{ "frames of the grant table", .host = grant_frames },
	{ "add_to_physmap refuses", .host = add_errors },
	{ "add_to_physmap_batch", .host = batch },
	{ "the memory map", .host = memory_map },
	{ "other operations", .host = others },
	{ "memory is given back and taken again", .host = out_and_in },
	{ "who wants that can touch it meanwhile", .host = scratch },
	{ "lists that are scattered", .host = scattered },
	{ "extents of more than one page", .host = by_orders },
	{ "lists of what cannot be", .host = bad_lists },
	{ "lists that end too early", .host = cut_list },
	{ "a guest gives back its list", .host = gives_back_list },
	{ "a guest gives back what it runs on", .host = gives_back_itself },
	{ "there is a maximum", .host = limited },
	{ "remove_from_physmap gives back memory", .host = remove_memory },
	{ "regions go with their holes", .host = region_goes },
	{ "special frames for 32-bit guests", .host = layouts32_physmap },
	{ "lists and maps for 32-bit guests", .host = layouts32_memory },
	{ "memory goes and comes under use", .host = under_use },
	{ "a multicall that cannot be written tells what it releases",
	  .host = multicall_of_read_only_memory },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
