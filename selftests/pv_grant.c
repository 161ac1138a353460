// SPDX-License-Identifier: GPL-2.0-only
/*
 * grant_table_op: the table, its versions, and what a guest does with grants to itself.
 */
#include "pv_memory.h"

static grant_entry_v1_t *v1(void)
{
	return (grant_entry_v1_t *)xen_grants;
}

static grant_entry_v2_t *v2(void)
{
	return (grant_entry_v2_t *)xen_grants;
}

static u16 *status(void)
{
	return (u16 *)(xen_grants + XEN_GRANT_FRAMES * PAGE);
}

/* The table */

static struct gnttab_query_size size;

static void query(struct vcpu *vcpu, u32 frames)
{
	size = (struct gnttab_query_size) { .dom = DOMID_SELF, .status = 1 };
	check_eq(grant_op(vcpu, GNTTABOP_query_size, &size, 1), 0);
	check_eq(size.status, GNTST_okay);
	check_eq(size.nr_frames, frames);
	check_eq(size.max_nr_frames, XEN_GRANT_FRAMES);
}

static void sizes(void)
{
	struct vcpu *vcpu = xen_servant();
	struct phv_xen_grants grants = { .reserved = { 1 } };

	query(vcpu, 1);
	size.dom = vcpu->vm->id;
	check_eq(grant_op(vcpu, GNTTABOP_query_size, &size, 1), 0);
	check_eq(size.status, GNTST_okay);
	size.dom = 0;
	check_eq(grant_op(vcpu, GNTTABOP_query_size, &size, 1), 0);
	check_eq(size.status, GNTST_permission_denied);
	size.dom = 32751 - vcpu->vm->id;
	check_eq(grant_op(vcpu, GNTTABOP_query_size, &size, 1), 0);
	check_eq(size.status, GNTST_bad_domain);
	check_eq(grant_op(vcpu, GNTTABOP_query_size, &size, 0), -EINVAL);
	check_eq(grant_op(vcpu, GNTTABOP_query_size, &size, 2), -EINVAL);
	check_eq(grant_op(vcpu, GNTTABOP_query_size, (void *)XEN_HOLE, 1), -EFAULT);

	/* It grows by being mapped; what is new is empty. */
	memset(xen_grants, 0xff, 4 * PAGE);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, 2, XEN_HOLE), 0);
	query(vcpu, 3);
	check_eq(xen_grants[0], 0xff);
	check_eq(xen_grants[PAGE], 0);
	check_eq(xen_grants[3 * PAGE - 1], 0);
	check_eq(xen_grants[3 * PAGE], 0xff);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, 1, XEN_HOLE), 0);
	query(vcpu, 3);

	check_eq(vm_ioctl(vcpu->vm, PHV_XEN_GET_GRANTS, &grants), 0);
	check_eq(grants.version, 1);
	check_eq(grants.frames, 3);
	check_eq(grants.reserved[0], 0);
	check_eq(vm_ioctl(vcpu->vm, PHV_XEN_GET_GRANTS, NULL), -EFAULT);
	check_eq(vm_ioctl(vm_create(), PHV_XEN_GET_GRANTS, &grants), -ENXIO);
}

static u64 frame_list[XEN_GRANT_FRAMES];

static int setup(struct vcpu *vcpu, u16 dom, u32 frames, void *list)
{
	static struct gnttab_setup_table arg;

	memset(&arg, 0, sizeof(arg));
	arg.dom = dom;
	arg.nr_frames = frames;
	arg.status = 1;
	set_xen_guest_handle(arg.frame_list, list);
	check_eq(grant_op(vcpu, GNTTABOP_setup_table, &arg, 1), 0);
	return arg.status;
}

static void setup_table(void)
{
	struct vcpu *vcpu = xen_servant();

	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, 1, XEN_HOLE), 0);
	check_eq(setup(vcpu, DOMID_SELF, 4, frame_list), GNTST_okay);
	query(vcpu, 4);
	check_eq(frame_list[0], ~0UL);
	check_eq(frame_list[1], FRAME(XEN_HOLE));
	check_eq(frame_list[3], ~0UL);
	check_eq(frame_list[4], 0);
	check_eq(setup(vcpu, DOMID_SELF, 0, NULL), GNTST_okay);
	check_eq(setup(vcpu, DOMID_SELF, XEN_GRANT_FRAMES + 1, frame_list), GNTST_general_error);
	check_eq(setup(vcpu, DOMID_SELF, 1, (void *)XEN_HOLE - 8), GNTST_bad_virt_addr);
	check_eq(setup(vcpu, 0, 1, frame_list), GNTST_permission_denied);
	check_eq(setup(vcpu, 32751 - vcpu->vm->id, 1, frame_list), GNTST_bad_domain);
	query(vcpu, 4);
	check_eq(grant_op(vcpu, GNTTABOP_setup_table, (void *)XEN_HOLE + PAGE, 1), -EFAULT);
}

static void unknown(void)
{
	static const u32 ops[] = {
		GNTTABOP_dump_table, GNTTABOP_transfer, GNTTABOP_unmap_and_replace,
		GNTTABOP_cache_flush, 13, 0x80000000, ~0U,
	};
	static u8 buffer[256];
	struct vcpu *vcpu = xen_servant();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		check_eq(grant_op(vcpu, ops[i], buffer, 1), -ENOSYS);
	check_eq(grant_op(vcpu, GNTTABOP_copy, buffer, 0x80000000), -EINVAL);
	check_eq(grant_op(vcpu, GNTTABOP_copy, buffer, ~0U), -EINVAL);
	check_eq(grant_op(vcpu, GNTTABOP_copy, buffer, 0), 0);
	check_eq(grant_op(vcpu, GNTTABOP_map_grant_ref, NULL, 0), 0);
}

/* Versions */

static long set_version(struct vcpu *vcpu, u32 version, u32 is)
{
	static struct gnttab_set_version arg;
	static struct gnttab_get_version get;
	struct phv_xen_grants grants;
	long ret;

	arg.version = version;
	ret = grant_op(vcpu, GNTTABOP_set_version, &arg, 1);
	check_eq(arg.version, is);
	get.dom = DOMID_SELF;
	check_eq(grant_op(vcpu, GNTTABOP_get_version, &get, 1), 0);
	check_eq(get.version, is);
	get.dom = 0;
	check_eq(grant_op(vcpu, GNTTABOP_get_version, &get, 1), -EPERM);
	check_eq(vm_ioctl(vcpu->vm, PHV_XEN_GET_GRANTS, &grants), 0);
	check_eq(grants.version, is);
	return ret;
}

static int get_status(struct vcpu *vcpu, u16 dom, u32 frames)
{
	static struct gnttab_get_status_frames arg;

	memset(&arg, 0, sizeof(arg));
	arg.dom = dom;
	arg.nr_frames = frames;
	set_xen_guest_handle(arg.frame_list, (void *)frame_list);
	check_eq(grant_op(vcpu, GNTTABOP_get_status_frames, &arg, 1), 0);
	return arg.status;
}

static void versions(void)
{
	struct vcpu *vcpu = xen_servant();
	u64 status_index = XENMAPIDX_grant_table_status;

	check_eq(set_version(vcpu, 0, 1), -EINVAL);
	check_eq(set_version(vcpu, 3, 1), -EINVAL);
	check_eq(set_version(vcpu, 1, 1), 0);
	check_eq(grant_op(vcpu, GNTTABOP_set_version, (void *)XEN_HOLE, 1), -EFAULT);
	check_eq(get_status(vcpu, DOMID_SELF, 0), GNTST_okay);
	check_eq(get_status(vcpu, DOMID_SELF, 1), GNTST_general_error);

	/* The first grants stay what they are, others go. */
	v1()[0] = (grant_entry_v1_t) { GTF_permit_access | GTF_reading, 0, 0xfefff };
	v1()[7] = (grant_entry_v1_t) { GTF_permit_access | GTF_readonly, 5, 0x1234 };
	v1()[8] = (grant_entry_v1_t) { GTF_permit_access, 0, 0x99 };
	check_eq(set_version(vcpu, 2, 2), 0);
	check_eq(v2()[0].full_page.hdr.flags, GTF_permit_access);
	check_eq(v2()[0].full_page.frame, 0xfefff);
	check_eq(status()[0], GTF_reading);
	check_eq(v2()[7].full_page.hdr.flags, GTF_permit_access | GTF_readonly);
	check_eq(v2()[7].full_page.hdr.domid, 5);
	check_eq(v2()[7].full_page.frame, 0x1234);
	check_eq(status()[7], 0);
	check_eq(v2()[8].full_page.hdr.flags, 0);
	check_eq(set_version(vcpu, 2, 2), 0);

	/* Frames of status: as many as the grants need, and they make these grow. */
	check_eq(get_status(vcpu, DOMID_SELF, 1), GNTST_okay);
	check_eq(frame_list[0], ~0UL);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, status_index, XEN_HOLE), 0);
	check_eq(get_status(vcpu, DOMID_SELF, 1), GNTST_okay);
	check_eq(frame_list[0], FRAME(XEN_HOLE));
	check_eq(guest_read(vcpu, XEN_HOLE) & 0xffff, GTF_reading);
	check_eq(get_status(vcpu, DOMID_SELF, 2), GNTST_general_error);
	check_eq(get_status(vcpu, 0, 1), GNTST_permission_denied);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, status_index + 1, XEN_HOLE),
		 -EINVAL);

	/* In use, what version 1 cannot say, and back: the frame of status is not seen. */
	v2()[100].hdr.flags = GTF_permit_access;
	status()[100] = GTF_writing;
	check_eq(set_version(vcpu, 1, 2), -EBUSY);
	status()[100] = 0;
	v2()[7].full_page.frame = 1UL << 32;
	check_eq(set_version(vcpu, 1, 2), -ERANGE);
	v2()[7].full_page.frame = 0x1234;
	v2()[6].hdr.flags = GTF_transitive;
	check_eq(set_version(vcpu, 1, 2), -ERANGE);
	v2()[6].hdr.flags = GTF_accept_transfer;
	check_eq(guest_read(vcpu, XEN_HOLE) & 0xffff, GTF_reading);
	check_eq(set_version(vcpu, 1, 1), 0);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, XEN_HOLE, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	check_eq(v1()[0].flags, GTF_permit_access | GTF_reading);
	check_eq(v1()[0].frame, 0xfefff);
	check_eq(v1()[7].flags, GTF_permit_access | GTF_readonly);
	check_eq(v1()[6].flags, 0);
	check_eq(v1()[8].flags, 0);
	check_eq(v1()[200].flags, 0);
	v1()[300].flags = GTF_permit_access | GTF_reading;
	check_eq(set_version(vcpu, 2, 1), -EBUSY);
}

/* Of 64 frames of version 2, the status takes 8. */
static void growing_status(void)
{
	struct vcpu *vcpu = xen_servant();
	unsigned int i;

	memset(xen_grants, 0, PAGE);
	memset(xen_grants + PAGE, 0xff, (PHV_XEN_FRAMES(XEN_GRANT_FRAMES) - 2) * PAGE);
	check_eq(set_version(vcpu, 2, 2), 0);
	for (i = 0; i < PAGE / 2; i++)
		check_eq(status()[i], 0);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, XEN_GRANT_FRAMES - 1, XEN_HOLE), 0);
	query(vcpu, XEN_GRANT_FRAMES);
	check_eq(xen_grants[XEN_GRANT_FRAMES * PAGE - 1], 0);
	check_eq(get_status(vcpu, DOMID_SELF, PHV_XEN_STATUS_FRAMES(XEN_GRANT_FRAMES)), 0);
}

/* Swaps */

static int swap(struct vcpu *vcpu, u32 a, u32 b)
{
	static struct gnttab_swap_grant_ref arg;

	arg = (struct gnttab_swap_grant_ref) { .ref_a = a, .ref_b = b, .status = 1 };
	check_eq(grant_op(vcpu, GNTTABOP_swap_grant_ref, &arg, 1), 0);
	return arg.status;
}

static void swaps(void)
{
	static struct gnttab_swap_grant_ref many[100];
	struct vcpu *vcpu = xen_servant();
	unsigned int i;

	v1()[10] = (grant_entry_v1_t) { GTF_permit_access, 0, 10 };
	v1()[11] = (grant_entry_v1_t) { GTF_permit_access | GTF_readonly, 1, 11 };
	check_eq(swap(vcpu, 10, 11), GNTST_okay);
	check_eq(v1()[10].frame, 11);
	check_eq(v1()[10].domid, 1);
	check_eq(v1()[11].frame, 10);
	check_eq(swap(vcpu, 10, 10), GNTST_okay);
	check_eq(swap(vcpu, 10, 512), GNTST_bad_gntref);
	check_eq(swap(vcpu, ~0U, 10), GNTST_bad_gntref);
	v1()[11].flags |= GTF_reading;
	check_eq(swap(vcpu, 10, 11), GNTST_eagain);
	check_eq(swap(vcpu, 11, 10), GNTST_eagain);
	check_eq(v1()[10].frame, 11);
	v1()[11].flags = 0;

	check_eq(set_version(vcpu, 2, 2), 0);
	v2()[10].full_page.frame = 10;
	v2()[11].full_page.frame = 11;
	check_eq(swap(vcpu, 10, 11), GNTST_okay);
	check_eq(v2()[10].full_page.frame, 11);
	check_eq(swap(vcpu, 10, 256), GNTST_bad_gntref);
	status()[10] = GTF_reading;
	check_eq(swap(vcpu, 10, 11), GNTST_eagain);
	status()[10] = 0;

	/* A list in parts: 10 is moved up to 110. */
	for (i = 0; i < 100; i++)
		many[i] = (struct gnttab_swap_grant_ref) { 10 + i, 11 + i, 1 };
	check_eq(grant_op(vcpu, GNTTABOP_swap_grant_ref, many, 100), 0);
	for (i = 0; i < 100; i++)
		check_eq(many[i].status, GNTST_okay);
	check_eq(v2()[110].full_page.frame, 11);
	check_eq(v2()[10].full_page.frame, 10);
}

/* Copies */

static struct gnttab_copy copies[100];

static int copy(struct vcpu *vcpu, const struct gnttab_copy *op)
{
	copies[0] = *op;
	copies[0].status = 1;
	check_eq(grant_op(vcpu, GNTTABOP_copy, copies, 1), 0);
	return copies[0].status;
}

/* From the area's first page to its second, so many bytes. */
static struct gnttab_copy frame_copy(u16 from, u16 to, u16 len)
{
	return (struct gnttab_copy) {
		.source = { .u.gmfn = FRAME(AREA), .domid = DOMID_SELF, .offset = from },
		.dest = { .u.gmfn = FRAME(AREA) + 1, .domid = DOMID_SELF, .offset = to },
		.len = len,
	};
}

static u8 *copy_area(struct vcpu *vcpu)
{
	u8 *p = small_pages(4 * PAGE);
	unsigned int i;

	for (i = 0; i < PAGE; i++)
		p[i] = i * 7;
	add_area(vcpu, p, 4 * PAGE, 0);
	return p;
}

static void frame_copies(void)
{
	struct vcpu *vcpu = xen_servant();
	struct gnttab_copy op;
	u8 *p = copy_area(vcpu), *rom = small_pages(PAGE);

	op = frame_copy(10, 20, 100);
	check_eq(copy(vcpu, &op), GNTST_okay);
	check_eq(memcmp(p + 10, p + PAGE + 20, 100), 0);
	check_eq(p[PAGE + 19] | p[PAGE + 120], 0);
	op = frame_copy(0, 0, PAGE);
	check_eq(copy(vcpu, &op), GNTST_okay);
	check_eq(memcmp(p, p + PAGE, PAGE), 0);
	op = frame_copy(5, 5, 0);
	check_eq(copy(vcpu, &op), GNTST_okay);
	/* Onto itself. */
	op = frame_copy(0, 4000, 96);
	op.dest.u.gmfn = FRAME(AREA);
	check_eq(copy(vcpu, &op), GNTST_okay);
	check_eq(memcmp(p, p + 4000, 96), 0);

	op = frame_copy(1, 0, PAGE);
	check_eq(copy(vcpu, &op), GNTST_bad_copy_arg);
	op = frame_copy(0, 4000, 97);
	check_eq(copy(vcpu, &op), GNTST_bad_copy_arg);
	op = frame_copy(0xffff, 0, 0xffff);
	check_eq(copy(vcpu, &op), GNTST_bad_copy_arg);
	op = frame_copy(0, 0, 8);
	op.source.u.gmfn = FRAME(XEN_HOLE);
	check_eq(copy(vcpu, &op), GNTST_bad_page);
	op.source.u.gmfn = ~0UL;
	check_eq(copy(vcpu, &op), GNTST_bad_page);
	op = frame_copy(0, 0, 8);
	op.dest.u.gmfn = FRAME(XEN_HOLE);
	check_eq(copy(vcpu, &op), GNTST_bad_page);
	check_eq(vm_add_memory(vcpu->vm, AREA + LARGE, PAGE, rom, PHV_MEMORY_READONLY), 0);
	op.dest.u.gmfn = FRAME(AREA + LARGE);
	check_eq(copy(vcpu, &op), GNTST_bad_page);
	op = frame_copy(0, 0, 8);
	op.source.u.gmfn = FRAME(AREA + LARGE);
	check_eq(copy(vcpu, &op), GNTST_okay);
	/* Frames of others are no one's business. */
	op.source.domid = 0;
	check_eq(copy(vcpu, &op), GNTST_permission_denied);
	op.source.domid = vcpu->vm->id;
	check_eq(copy(vcpu, &op), GNTST_permission_denied);
	op = frame_copy(0, 0, 8);
	op.dest.domid = 0;
	check_eq(copy(vcpu, &op), GNTST_permission_denied);
	check_eq(grant_op(vcpu, GNTTABOP_copy, (void *)XEN_HOLE, 1), -EFAULT);
}

static void grant_copies(void)
{
	struct vcpu *vcpu = xen_servant();
	struct gnttab_copy op;
	u8 *p = copy_area(vcpu);
	u16 self = vcpu->vm->id;

	v1()[20] = (grant_entry_v1_t) { GTF_permit_access | GTF_readonly, self, FRAME(AREA) };
	v1()[21] = (grant_entry_v1_t) { GTF_permit_access, self, FRAME(AREA) + 2 };
	op = (struct gnttab_copy) {
		.source = { .u.ref = 20, .domid = DOMID_SELF, .offset = 8 },
		.dest = { .u.ref = 21, .domid = self },
		.len = 1000, .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref,
	};
	check_eq(copy(vcpu, &op), GNTST_okay);
	check_eq(memcmp(p + 8, p + 2 * PAGE, 1000), 0);
	check_eq(v1()[20].flags, GTF_permit_access | GTF_readonly);
	check_eq(v1()[21].flags, GTF_permit_access);

	op.dest.u.ref = 20;				/* is read-only */
	check_eq(copy(vcpu, &op), GNTST_general_error);
	op.dest.u.ref = 22;				/* is not */
	check_eq(copy(vcpu, &op), GNTST_general_error);
	op.dest.u.ref = 512;
	check_eq(copy(vcpu, &op), GNTST_bad_gntref);
	op.dest.u.ref = ~0U;
	check_eq(copy(vcpu, &op), GNTST_bad_gntref);
	op.dest.u.ref = 21;
	v1()[21].domid = 0;
	check_eq(copy(vcpu, &op), GNTST_general_error);
	v1()[21].domid = self;
	v1()[21].frame = FRAME(XEN_HOLE);
	check_eq(copy(vcpu, &op), GNTST_bad_page);
	check_eq(v1()[20].flags, GTF_permit_access | GTF_readonly);
	check_eq(v1()[21].flags, GTF_permit_access);
	op.source.domid = 0;
	check_eq(copy(vcpu, &op), GNTST_bad_domain);
	op.source.domid = 32751 - self;
	check_eq(copy(vcpu, &op), GNTST_bad_domain);
}

static void copies_v2(void)
{
	struct vcpu *vcpu = xen_servant();
	struct gnttab_copy op;
	u8 *p = copy_area(vcpu);
	u16 self = vcpu->vm->id;

	check_eq(set_version(vcpu, 2, 2), 0);
	v2()[20].full_page.hdr.flags = GTF_permit_access;
	v2()[20].full_page.hdr.domid = self;
	v2()[20].full_page.frame = FRAME(AREA);
	v2()[21].sub_page.hdr.flags = GTF_permit_access | GTF_sub_page;
	v2()[21].sub_page.hdr.domid = self;
	v2()[21].sub_page.frame = FRAME(AREA) + 2;
	v2()[21].sub_page.page_off = 100;
	v2()[21].sub_page.length = 50;
	op = (struct gnttab_copy) {
		.source = { .u.ref = 20, .domid = DOMID_SELF },
		.dest = { .u.ref = 21, .domid = DOMID_SELF, .offset = 100 },
		.len = 50, .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref,
	};
	check_eq(copy(vcpu, &op), GNTST_okay);
	check_eq(memcmp(p, p + 2 * PAGE + 100, 50), 0);
	check_eq(status()[20] | status()[21], 0);
	op.dest.offset = 99;
	check_eq(copy(vcpu, &op), GNTST_general_error);
	op.dest.offset = 101;
	check_eq(copy(vcpu, &op), GNTST_general_error);
	v2()[21].sub_page.page_off = 0xffff;
	v2()[21].sub_page.length = 0xffff;
	op.dest.offset = 4000;
	check_eq(copy(vcpu, &op), GNTST_general_error);
	v2()[20].full_page.frame = 1UL << 52 | FRAME(AREA);
	check_eq(copy(vcpu, &op), GNTST_bad_page);
	v2()[20].hdr.flags = GTF_transitive;
	check_eq(copy(vcpu, &op), GNTST_general_error);
	op.source.u.ref = 256;
	check_eq(copy(vcpu, &op), GNTST_bad_gntref);
}

/* A list in parts, with an error in the middle: each has its own status. */
static void copy_lists(void)
{
	struct vcpu *vcpu = xen_servant();
	u8 *p = copy_area(vcpu);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		copies[i] = frame_copy(i * 8, PAGE - 8 - i * 8, 8);
		copies[i].status = 1;
		if (i % 10 == 9)
			copies[i].source.u.gmfn = FRAME(XEN_HOLE);
	}
	check_eq(grant_op(vcpu, GNTTABOP_copy, copies, ARRAY_SIZE(copies)), 0);
	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		check_eq(copies[i].status, i % 10 == 9 ? GNTST_bad_page : GNTST_okay);
		check_eq(memcmp(p + i * 8, p + 2 * PAGE - 8 - i * 8, 8) != 0, i % 10 == 9);
	}
}

/* Maps */

static struct gnttab_map_grant_ref map_arg;
static struct gnttab_unmap_grant_ref unmap_arg;

static int map(struct vcpu *vcpu, u32 ref, u64 address, u32 flags)
{
	map_arg = (struct gnttab_map_grant_ref) {
		.host_addr = address, .flags = flags, .ref = ref, .dom = DOMID_SELF,
		.status = 1,
	};
	check_eq(grant_op(vcpu, GNTTABOP_map_grant_ref, &map_arg, 1), 0);
	return map_arg.status;
}

static int unmap(struct vcpu *vcpu, u64 address, u32 handle)
{
	unmap_arg = (struct gnttab_unmap_grant_ref) {
		.host_addr = address, .handle = handle, .status = 1,
	};
	check_eq(grant_op(vcpu, GNTTABOP_unmap_grant_ref, &unmap_arg, 1), 0);
	return unmap_arg.status;
}

static void maps(void)
{
	struct vcpu *vcpu = xen_servant();
	u16 self = vcpu->vm->id;
	u32 handle, second;
	static u64 list[1];

	released.area = copy_area(vcpu);
	released.area_size = 4 * PAGE;
	v1()[20] = (grant_entry_v1_t) { GTF_permit_access, self, FRAME(AREA) };
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_host_map), GNTST_okay);
	handle = map_arg.handle;
	check_eq(v1()[20].flags, GTF_permit_access | GTF_reading | GTF_writing);
	guest_write(vcpu, XEN_HOLE + 16, 0x1234);
	check_eq(guest_read(vcpu, AREA + 16), 0x1234);
	check_eq(swap(vcpu, 20, 21), GNTST_eagain);
	/* It cannot be given back while it is seen twice. */
	list[0] = FRAME(AREA);
	check_eq(release(vcpu, list, 1, 0), 0);
	check_eq(remove_from_physmap(vcpu, AREA), -EBUSY);

	/* A second time, for reading only. */
	check_eq(map(vcpu, 20, AREA + PAGE, GNTMAP_host_map | GNTMAP_readonly), GNTST_okay);
	second = map_arg.handle;
	check(second != handle);
	check_eq(guest_read(vcpu, AREA + PAGE + 16), 0x1234);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_WRITE, AREA + PAGE, PHV_ACCESS_WRITE);
	xen_start_over(vcpu);
	check_eq(unmap(vcpu, XEN_HOLE, handle), GNTST_okay);
	check_eq(v1()[20].flags, GTF_permit_access | GTF_reading);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, XEN_HOLE, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	check_eq(unmap(vcpu, AREA + PAGE, second), GNTST_okay);
	check_eq(v1()[20].flags, GTF_permit_access);
	check_eq(guest_read(vcpu, AREA + PAGE + 16), 0);
	check_eq(release(vcpu, list, 1, 0), 1);

	/* Handles that are none. */
	check_eq(unmap(vcpu, XEN_HOLE, handle), GNTST_bad_handle);
	check_eq(unmap(vcpu, XEN_HOLE, ~0U), GNTST_bad_handle);
	/* The frame is a hole now. */
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_host_map), GNTST_bad_page);
	check_eq(v1()[20].flags, GTF_permit_access);
}

/*
 * What is mapped is known by the version it was mapped in: the other one has no such entry, or
 * another. The guest can't get around that by what it writes into its table.
 */
static void mapped_across_versions(void)
{
	enum { REF = 4 * PAGE / sizeof(grant_entry_v1_t) };
	struct vcpu *vcpu = xen_servant();

	copy_area(vcpu);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, XEN_GRANT_FRAMES - 1, XEN_HOLE), 0);
	v1()[REF] = (grant_entry_v1_t) { GTF_permit_access, vcpu->vm->id, FRAME(AREA) };
	check_eq(map(vcpu, REF, XEN_HOLE + PAGE, GNTMAP_host_map), GNTST_okay);
	v1()[REF].flags = 0;
	check_eq(set_version(vcpu, 2, 1), -EBUSY);
	check_eq(unmap(vcpu, XEN_HOLE + PAGE, map_arg.handle), GNTST_okay);
	check_eq(set_version(vcpu, 2, 2), 0);
}

static void map_errors(void)
{
	struct vcpu *vcpu = xen_servant();
	u16 self = vcpu->vm->id;
	unsigned int i;

	copy_area(vcpu);
	v1()[20] = (grant_entry_v1_t) { GTF_permit_access | GTF_readonly, self, FRAME(AREA) };
	check_eq(map(vcpu, 20, XEN_HOLE, 0), GNTST_bad_gntref);
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_device_map), GNTST_general_error);
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_host_map | GNTMAP_contains_pte),
		 GNTST_general_error);
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_host_map | GNTMAP_application_map),
		 GNTST_general_error);
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_host_map), GNTST_general_error);
	check_eq(map(vcpu, 19, XEN_HOLE, GNTMAP_host_map), GNTST_general_error);
	check_eq(map(vcpu, 512, XEN_HOLE, GNTMAP_host_map), GNTST_bad_gntref);
	check_eq(map(vcpu, 20, ~0UL, GNTMAP_host_map | GNTMAP_readonly), GNTST_general_error);
	check_eq(v1()[20].flags, GTF_permit_access | GTF_readonly);
	map_arg = (struct gnttab_map_grant_ref) {
		.host_addr = XEN_HOLE, .flags = GNTMAP_host_map, .ref = 20, .dom = 0,
	};
	check_eq(grant_op(vcpu, GNTTABOP_map_grant_ref, &map_arg, 1), 0);
	check_eq(map_arg.status, GNTST_bad_domain);

	/* Not its own frames of the table: what is mapped twice is memory. */
	v1()[20] = (grant_entry_v1_t) { GTF_permit_access, self, FRAME(XEN_HOLE) };
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, 0, XEN_HOLE), 0);
	check_eq(map(vcpu, 20, XEN_HOLE + PAGE, GNTMAP_host_map), GNTST_bad_page);

	/* As many as there can be. */
	v1()[20].frame = FRAME(AREA);
	for (i = 0; map(vcpu, 20, XEN_HOLE + (2 + i) * PAGE, GNTMAP_host_map) == GNTST_okay; i++)
		check(i < 5000);
	check_eq(map_arg.status, GNTST_no_device_space);
	check_eq(i, 256);
	guest_write(vcpu, XEN_HOLE + 257 * PAGE, 0x77);
	check_eq(guest_read(vcpu, AREA), 0x77);
	check_eq(unmap(vcpu, XEN_HOLE + PAGE, 5), GNTST_general_error);
	/* One that the guest has put something else over. */
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, XEN_HOLE + 2 * PAGE), 0);
	check_eq(unmap(vcpu, XEN_HOLE + 2 * PAGE, 0), GNTST_okay);
	*last_word(xen_shared) = 3;
	check_eq(guest_read(vcpu, XEN_HOLE + 2 * PAGE + LAST_WORD), 3);
	for (i = 1; i < 256; i++)
		check_eq(unmap(vcpu, XEN_HOLE + (2 + i) * PAGE, i), GNTST_okay);
	check_eq(v1()[20].flags, GTF_permit_access);
}

/* What user space takes away is gone from both places. */
static void region_goes(void)
{
	struct vcpu *vcpu = xen_servant();
	struct phv_memory arg = { .guest_addr = AREA, .size = 4 * PAGE };
	u8 *p;

	p = copy_area(vcpu);
	arg.user_addr = (u64)p;
	v1()[20] = (grant_entry_v1_t) { GTF_permit_access, vcpu->vm->id, FRAME(AREA) };
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_host_map), GNTST_okay);
	guest_write(vcpu, XEN_HOLE, 5);
	arg.flags = PHV_MEMORY_READONLY;
	check_eq(vm_ioctl(vcpu->vm, PHV_CHANGE_MEMORY, &arg), 0);
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_WRITE, XEN_HOLE, PHV_ACCESS_WRITE);
	xen_start_over(vcpu);
	check_eq(unmap(vcpu, XEN_HOLE, 0), GNTST_okay);
	arg.flags = 0;
	check_eq(vm_ioctl(vcpu->vm, PHV_CHANGE_MEMORY, &arg), 0);
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_host_map), GNTST_okay);
	guest_write(vcpu, XEN_HOLE, 6);
	check_eq(vm_remove_memory(vcpu->vm, AREA, 4 * PAGE, p), 0);
	*(u64 *)p = 7;
	expect_refusal(vcpu, PHV_EXIT_MEMORY, OP_READ, XEN_HOLE, PHV_ACCESS_READ);
	xen_start_over(vcpu);
	check_eq(unmap(vcpu, XEN_HOLE, 0), GNTST_okay);
	check_eq(*(u64 *)p, 7);
}

/* What is written at another frame is in the dirty log of the memory's own. */
static void dirty_log(void)
{
	struct vcpu *vcpu = xen_servant();
	struct phv_memory arg = {
		.guest_addr = AREA, .size = 4 * PAGE, .flags = PHV_MEMORY_LOG_DIRTY,
	};
	u64 bitmap = 0;
	struct phv_dirty dirty = {
		.guest_addr = AREA, .size = 4 * PAGE, .bitmap = (u64)&bitmap,
	};
	struct gnttab_copy op;

	arg.user_addr = (u64)copy_area(vcpu);
	v1()[20] = (grant_entry_v1_t) { GTF_permit_access, vcpu->vm->id, FRAME(AREA) + 2 };
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_host_map), GNTST_okay);
	guest_write(vcpu, XEN_HOLE, 5);
	check_eq(vm_ioctl(vcpu->vm, PHV_CHANGE_MEMORY, &arg), 0);
	guest_write(vcpu, XEN_HOLE, 6);
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, &dirty), 0);
	check_eq(bitmap, 4);
	op = frame_copy(0, 0, 8);
	check_eq(copy(vcpu, &op), GNTST_okay);
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, &dirty), 0);
	check_eq(bitmap, 6);
	/* What is written last is known when the map has gone, too. */
	guest_write(vcpu, XEN_HOLE, 7);
	check_eq(unmap(vcpu, XEN_HOLE, 0), GNTST_okay);
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, &dirty), 0);
	check_eq(bitmap, 4);
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, &dirty), 0);
	check_eq(bitmap, 0);

	/* So when something else comes in its place, or the frame is given back. */
	check_eq(map(vcpu, 20, XEN_HOLE, GNTMAP_host_map), GNTST_okay);
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, &dirty), 0);
	guest_write(vcpu, XEN_HOLE, 8);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_shared_info, 0, XEN_HOLE), 0);
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, &dirty), 0);
	check_eq(bitmap, 4);
	check_eq(map(vcpu, 20, AREA, GNTMAP_host_map), GNTST_okay);
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, &dirty), 0);
	guest_write(vcpu, AREA, 9);
	frame_list[0] = FRAME(AREA);
	check_eq(release(vcpu, frame_list, 1, 0), 1);
	check_eq(vm_ioctl(vcpu->vm, PHV_GET_DIRTY, &dirty), 0);
	check_eq(bitmap & 4, 4);
}

/* Structures as 32-bit guests have them */

struct setup_table32 {
	u16 dom;
	u32 nr_frames;
	__s16 status;
	u32 frame_list;
};

struct get_status_frames32 {
	u32 nr_frames;
	u16 dom;
	__s16 status;
	u32 frame_list;
};

struct copy32 {
	struct {
		u32 frame;
		u16 domid, offset;
	} source, dest;
	u16 len, flags;
	__s16 status;
};

static void layouts32(void)
{
	static struct setup_table32 setup_arg = { .dom = DOMID_SELF, .nr_frames = 3 };
	static struct get_status_frames32 status_arg = { .dom = DOMID_SELF, .nr_frames = 1 };
	static struct copy32 copy32[50];
	static u32 list32[4];
	struct vcpu *vcpu = xen_servant();
	u8 *p = copy_area(vcpu);
	unsigned int i;

	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, 1, XEN_HOLE), 0);
	setup_arg.frame_list = (u64)list32;
	setup_arg.status = 1;
	check_eq(grant_op32(vcpu, GNTTABOP_setup_table, &setup_arg, 1), 0);
	check_eq(setup_arg.status, GNTST_okay);
	check_eq(list32[0], ~0U);
	check_eq(list32[1], FRAME(XEN_HOLE));
	check_eq(list32[2], ~0U);
	check_eq(list32[3], 0);

	v1()[20] = (grant_entry_v1_t) { GTF_permit_access, vcpu->vm->id, FRAME(AREA) };
	for (i = 0; i < ARRAY_SIZE(copy32); i++) {
		copy32[i].source.frame = i & 1 ? 20 : FRAME(AREA);
		copy32[i].source.domid = DOMID_SELF;
		copy32[i].source.offset = i * 4;
		copy32[i].dest.frame = FRAME(AREA) + 3;
		copy32[i].dest.domid = DOMID_SELF;
		copy32[i].dest.offset = i * 4;
		copy32[i].len = 4;
		copy32[i].flags = i & 1 ? GNTCOPY_source_gref : 0;
		copy32[i].status = 1;
	}
	check_eq(grant_op32(vcpu, GNTTABOP_copy, copy32, ARRAY_SIZE(copy32)), 0);
	for (i = 0; i < ARRAY_SIZE(copy32); i++)
		check_eq(copy32[i].status, GNTST_okay);
	check_eq(memcmp(p, p + 3 * PAGE, sizeof(copy32) / sizeof(copy32[0]) * 4), 0);
	check_eq(p[3 * PAGE + 200], 0);

	check_eq(set_version(vcpu, 2, 2), 0);
	check_eq(add_to_physmap(vcpu, XENMAPSPACE_grant_table, XENMAPIDX_grant_table_status,
				XEN_HOLE), 0);
	status_arg.frame_list = (u64)frame_list;
	check_eq(grant_op32(vcpu, GNTTABOP_get_status_frames, &status_arg, 1), 0);
	check_eq(status_arg.status, GNTST_okay);
	check_eq(frame_list[0], FRAME(XEN_HOLE));
	map_arg = (struct gnttab_map_grant_ref) {
		.host_addr = AREA + PAGE, .flags = GNTMAP_host_map, .ref = 30,
		.dom = DOMID_SELF,
	};
	v2()[30].full_page.hdr.flags = GTF_permit_access;
	v2()[30].full_page.hdr.domid = vcpu->vm->id;
	v2()[30].full_page.frame = FRAME(AREA);
	check_eq(grant_op32(vcpu, GNTTABOP_map_grant_ref, &map_arg, 1), 0);
	check_eq(map_arg.status, GNTST_okay);
	check_eq(status()[30], GTF_reading | GTF_writing);
	check_eq(guest_read(vcpu, AREA + PAGE), *(u64 *)p);
}

static const struct test tests[] = {
	{ "the table's size", .host = sizes },
	{ "setup_table", .host = setup_table },
	{ "operations that there are not", .host = unknown },
	{ "the version changes", .host = versions },
	{ "frames of status grow with the table", .host = growing_status },
	{ "grants are swapped", .host = swaps },
	{ "frames are copied", .host = frame_copies },
	{ "grants are copied", .host = grant_copies },
	{ "grants of version 2 are copied", .host = copies_v2 },
	{ "lists of copies", .host = copy_lists },
	{ "a grant is mapped", .host = maps },
	{ "the version stays while grants are mapped", .host = mapped_across_versions },
	{ "what cannot be mapped", .host = map_errors },
	{ "regions go with what is mapped of them", .host = region_goes },
	{ "the dirty log knows of maps and copies", .host = dirty_log },
	{ "layouts of 32-bit guests", .host = layouts32 },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
