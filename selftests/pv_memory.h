/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of a Xen guest's memory and grants share: a servant, see memory.h, that
 * makes hypercalls, too, and what becomes of memory that it gives back. Arguments of its
 * hypercalls are in static variables or vm_alloc()'s memory, where the guest has them, too.
 */
#ifndef PV_MEMORY_H
#define PV_MEMORY_H

#include "memory.h"
#include "guest/xen.h"

#define FRAME(address)	((u64)(address) / PAGE)

/* A word of a page that nobody but these tests uses, also in shared_info. */
#define LAST_WORD	(PAGE - 8)

static inline u64 *last_word(const void *page)
{
	return (u64 *)((u8 *)page + LAST_WORD);
}

enum { OP_CALL = 100, OP_CALL32, OP_WRMSR };

/*
 * For OP_CALL and OP_CALL32 (from 32-bit code): command.address is the number, value, count
 * and stride are the arguments. OP_WRMSR writes value to the MSR command.address, and has the
 * exception's vector or NO_FAULT for a result.
 */
static inline void guest_xen_servant(void)
{
	for (;;) {
		if (command.op == OP_CALL)
			command.value = xen_call(command.address, command.value, command.count,
						 command.stride, 0, 0, 0);
		else if (command.op == OP_CALL32)
			command.value = xen_hypercall32(command.address, command.value,
							command.count, command.stride);
		else if (command.op == OP_WRMSR)
			command.value = wrmsr_fault(command.address, command.value);
		else
			guest_obey();
		guest_sync(0);
	}
}

static inline struct vcpu *xen_servant(void)
{
	return vm_add_guest(xen_create(), 0, guest_xen_servant);
}

static inline void xen_start_over(struct vcpu *vcpu)
{
	vcpu_call(vcpu, guest_xen_servant);
}

/* What was given back since this was cleared. Of the area it is freed. */
static struct {
	u8 *area;			/* the owner's address of AREA */
	u64 area_size;
	unsigned int exits;
	u64 pages;
	unsigned int count;
	struct {
		u64 gfn;
		u64 pages;
	} extent[4096];
} released;

static inline void take_released(const struct phv_run *run)
{
	u32 i;

	check(run->release.count >= 1 && run->release.count <= 15);
	released.exits++;
	for (i = 0; i < run->release.count; i++) {
		u64 gfn = run->release.extent[i].gfn;
		u64 pages = run->release.extent[i].pages;
		u64 offset = gfn * PAGE - AREA;

		check(pages > 0);
		released.pages += pages;
		if (released.count < ARRAY_SIZE(released.extent)) {
			released.extent[released.count].gfn = gfn;
			released.extent[released.count].pages = pages;
			released.count++;
		}
		if (gfn * PAGE >= AREA && offset + pages * PAGE <= released.area_size)
			check_eq(madvise(released.area + offset, pages * PAGE, MADV_DONTNEED), 0);
	}
}

static inline void forget_released(void)
{
	released.exits = 0;
	released.pages = 0;
	released.count = 0;
}

/* Have the guest call, by one of the above; its result. */
static inline long call_guest_by(struct vcpu *vcpu, u64 op, u64 nr, u64 a, u64 b, u64 c)
{
	int reason;

	tell(op, nr, a, b, c);
	for (;;) {
		reason = vcpu_run(vcpu);
		if (reason != PHV_EXIT_XEN_RELEASE)
			break;
		take_released(vcpu->run);
	}
	if (reason != VCPU_SYNC)
		test_fail("hypercall %llu: exit %d", (unsigned long long)nr, reason);
	return command.value;
}

static inline long call_guest(struct vcpu *vcpu, u64 nr, u64 a, u64 b, u64 c)
{
	return call_guest_by(vcpu, OP_CALL, nr, a, b, c);
}

static inline long memory_op(struct vcpu *vcpu, u64 cmd, const void *arg)
{
	return call_guest(vcpu, __HYPERVISOR_memory_op, cmd, (u64)arg, 0);
}

static inline long grant_op(struct vcpu *vcpu, u64 cmd, const void *arg, u64 count)
{
	return call_guest(vcpu, __HYPERVISOR_grant_table_op, cmd, (u64)arg, count);
}

static inline long memory_op32(struct vcpu *vcpu, u64 cmd, const void *arg)
{
	return call_guest_by(vcpu, OP_CALL32, __HYPERVISOR_memory_op, cmd, (u64)arg, 0);
}

static inline long grant_op32(struct vcpu *vcpu, u64 cmd, const void *arg, u64 count)
{
	return call_guest_by(vcpu, OP_CALL32, __HYPERVISOR_grant_table_op, cmd, (u64)arg, count);
}

static inline long add_to_physmap(struct vcpu *vcpu, u32 space, u64 idx, u64 address)
{
	static struct xen_add_to_physmap arg;

	arg = (struct xen_add_to_physmap) {
		.domid = DOMID_SELF, .space = space, .idx = idx, .gpfn = FRAME(address),
	};
	return memory_op(vcpu, XENMEM_add_to_physmap, &arg);
}

static inline long remove_from_physmap(struct vcpu *vcpu, u64 address)
{
	static struct xen_remove_from_physmap arg;

	arg = (struct xen_remove_from_physmap) {
		.domid = DOMID_SELF, .gpfn = FRAME(address),
	};
	return memory_op(vcpu, XENMEM_remove_from_physmap, &arg);
}

/* XENMEM_decrease_reservation and the like, with a list of frames. */
static inline long change_reservation(struct vcpu *vcpu, u64 cmd, u64 *frames, u64 count,
				      u32 order)
{
	static struct xen_memory_reservation arg;

	memset(&arg, 0, sizeof(arg));
	set_xen_guest_handle(arg.extent_start, (void *)frames);
	arg.nr_extents = count;
	arg.extent_order = order;
	arg.domid = DOMID_SELF;
	return memory_op(vcpu, cmd, &arg);
}

static inline long release(struct vcpu *vcpu, u64 *frames, u64 count, u32 order)
{
	return change_reservation(vcpu, XENMEM_decrease_reservation, frames, count, order);
}

static inline long populate(struct vcpu *vcpu, u64 *frames, u64 count, u32 order)
{
	return change_reservation(vcpu, XENMEM_populate_physmap, frames, count, order);
}

static inline long get_count(struct vcpu *vcpu, u64 cmd)
{
	static domid_t domid = DOMID_SELF;

	return memory_op(vcpu, cmd, &domid);
}

static inline void add_released_area(struct vcpu *vcpu, u8 *p, u64 size)
{
	add_area(vcpu, p, size, 0);
	released.area = p;
	released.area_size = size;
}

#endif /* PV_MEMORY_H */
