// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvm_op and console_io: HVM parameters and who may have them, memory types, flushes, and
 * what guests say.
 */
#include <string.h>

#include "guest/xen.h"

#define PAGE_SIZE	0x1000UL
#define PARAMS		39
#define READONLY	0x60000000UL	/* guest-physical: a read-only region */

/* What a guest may do with a parameter, as Xen has it: 0 or an error. */
static long may_get(u32 index)
{
	switch (index) {
	case 0: case 1: case 2: case 15: case 17: case 18: case 19: case 34: case 35:
	case 36: case 37:
		return 0;
	case 13: case 26:
		return -ENODATA;
	}
	return index < PARAMS ? -EPERM : -EINVAL;
}

static long may_set(u32 index)
{
	switch (index) {
	case 0: case 2: case 15: case 18: case 34: case 36: case 37:
		return 0;
	case 19:
		return -ENODEV;
	}
	return index < PARAMS ? -EPERM : -EINVAL;
}

#define HOST_VALUE(index)	(0x1122334400000000UL + (index))
#define GUEST_VALUE(index)	(0x5566778800000000UL + (index))

static void guest_params(void)
{
	u64 value;
	u32 i;

	for (i = 1; i < 80; i++) {
		u64 tag = (u64)i << 32;

		value = 0;
		guest_assert_eq(tag | (u32)xen_hvm_get_param(i, &value), tag | (u32)may_get(i));
		guest_assert_eq(value, may_get(i) ? 0 : HOST_VALUE(i));
		guest_assert_eq(tag | (u32)xen_hvm_set_param(i, GUEST_VALUE(i)),
				tag | (u32)may_set(i));
		if (may_get(i) || may_set(i))
			continue;
		guest_assert_eq(xen_hvm_get_param(i, &value), 0);
		guest_assert_eq(value, GUEST_VALUE(i));
	}
	guest_assert_eq(xen_hvm_get_param(~0U, &value), -EINVAL);
	guest_assert_eq(xen_hvm_set_param(~0U, 0), -EINVAL);
}

static void params(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_params);
	u32 i;

	for (i = 1; i < PARAMS; i++)
		xen_set_param(vcpu->vm, i, HOST_VALUE(i));
	vcpu_finish(vcpu);
	for (i = 1; i < PARAMS; i++)
		check_eq(xen_get_param(vcpu->vm, i),
			 may_set(i) ? HOST_VALUE(i) : GUEST_VALUE(i));
}

static long param_of(u16 domid)
{
	struct xen_hvm_param arg = { .domid = domid, .index = HVM_PARAM_STORE_PFN };
	long get = xen_hvm_op(HVMOP_get_param, &arg);
	long set;

	arg.index = HVM_PARAM_STORE_EVTCHN;
	set = xen_hvm_op(HVMOP_set_param, &arg);
	guest_assert_eq(get, set);
	return get;
}

static void guest_domids(void)
{
	u16 id = cpuid(0x40000004, 0).ecx;

	guest_assert_eq(param_of(DOMID_SELF), 0);
	guest_assert_eq(param_of(id), 0);
	guest_assert_eq(param_of(0), -EPERM);
	guest_assert_eq(param_of(id + 1), -ESRCH);
	guest_assert_eq(param_of(DOMID_IO), -ESRCH);
	guest_assert_eq(param_of(DOMID_INVALID), -ESRCH);
	guest_assert_eq(xen_hvm_op(HVMOP_get_param, NULL + BIT(62)), -EFAULT);
	guest_assert_eq(xen_hvm_op(HVMOP_set_param, NULL + BIT(62)), -EFAULT);
}

static void domids(void)
{
	vcpu_finish(xen_with_guest(guest_domids));
}

static void guest_params32(void)
{
	static struct xen_hvm_param arg = { .domid = DOMID_SELF, .index = HVM_PARAM_STORE_PFN };

	guest_assert_eq(xen_hypercall32(__HYPERVISOR_hvm_op, HVMOP_get_param, (u64)&arg), 0);
	guest_assert_eq(arg.value, HOST_VALUE(HVM_PARAM_STORE_PFN));
	arg.index = HVM_PARAM_STORE_EVTCHN;
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_hvm_op, HVMOP_set_param, (u64)&arg), 0);
	arg.value = 0;
	guest_assert_eq(xen_hvm_op(HVMOP_get_param, &arg), 0);
	guest_assert_eq(arg.value, HOST_VALUE(HVM_PARAM_STORE_PFN));
}

static void params32(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_params32);

	xen_set_param(vcpu->vm, HVM_PARAM_STORE_PFN, HOST_VALUE(HVM_PARAM_STORE_PFN));
	vcpu_finish(vcpu);
}

/* Memory types: 0 RAM, 1 read-only, 2 nothing */

static u64 mem_type(u64 address)
{
	struct xen_hvm_get_mem_type arg = {
		.domid = DOMID_SELF, .mem_type = 0x55, .pfn = address / PAGE_SIZE,
	};

	guest_assert_eq(xen_hvm_op(HVMOP_get_mem_type, &arg), 0);
	return arg.mem_type;
}

static void guest_mem_type(void)
{
	struct xen_hvm_get_mem_type arg = { .domid = 0 };

	guest_assert_eq(mem_type(0), 0);
	guest_assert_eq(mem_type((u64)xen_shared), 0);
	guest_assert_eq(mem_type(READONLY), 1);
	guest_assert_eq(mem_type(XEN_HOLE), 2);
	guest_assert_eq(mem_type(-PAGE_SIZE), 2);
	guest_assert_eq(xen_hvm_op(HVMOP_get_mem_type, &arg), -EPERM);
	guest_assert_eq(xen_hvm_op(HVMOP_get_mem_type, NULL + BIT(62)), -EFAULT);
}

static void mem_types(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_mem_type);
	void *memory = vm_alloc(PAGE_SIZE, PAGE_SIZE);

	check_eq(vm_add_memory(vcpu->vm, READONLY, PAGE_SIZE, memory, PHV_MEMORY_READONLY), 0);
	vcpu_finish(vcpu);
}

static void guest_others(void)
{
	struct xen_hvm_evtchn_upcall_vector vector = { .vcpu = 0, .vector = 15 };
	u64 time[2] = { 0, 0x5a };

	guest_assert_eq(xen_hvm_op(HVMOP_pagetable_dying, NULL), -EINVAL);
	guest_assert_eq(xen_hvm_op(HVMOP_flush_tlbs, time), -EINVAL);
	guest_assert_eq(xen_hvm_op(HVMOP_get_time, time), 0);
	guest_assert(time[0]);
	guest_assert_eq(time[1], 0x5a);
	guest_assert_eq(xen_hvm_op(HVMOP_set_evtchn_upcall_vector, &vector), -EINVAL);
	vector = (struct xen_hvm_evtchn_upcall_vector) { .vcpu = 1, .vector = 0xf3 };
	guest_assert_eq(xen_hvm_op(HVMOP_set_evtchn_upcall_vector, &vector), -ENOENT);
	vector.vcpu = ~0;
	guest_assert_eq(xen_hvm_op(HVMOP_set_evtchn_upcall_vector, &vector), -ENOENT);
	guest_assert_eq(xen_hvm_op(HVMOP_altp2m, NULL), -ENOSYS);
	guest_assert_eq(xen_hvm_op(2, NULL), -ENOSYS);
	guest_assert_eq(xen_hvm_op(~0U, NULL), -ENOSYS);
}

static void others(void)
{
	vcpu_finish(xen_with_guest(guest_others));
}

static void guest_no_vector(void)
{
	struct xen_hvm_evtchn_upcall_vector vector = { .vcpu = 0, .vector = 0xf3 };

	guest_assert_eq(cpuid(0x40000004, 0).eax & BIT(6), 0);
	guest_assert_eq(xen_hvm_op(HVMOP_set_evtchn_upcall_vector, &vector), -ENOSYS);
}

static void no_vector(void)
{
	vcpu_finish(vm_add_guest(xen_create_flags(PHV_XEN_NO_UPCALL_VECTOR), 0, guest_no_vector));
}

/*
 * A vCPU reads a page over and over without a flush of its own; another one gives the
 * address to another page, and flushes all. From then on the first one sees that.
 */
#define FAR	0x5000000000UL

static u64 *entry;
static u64 pages[2][PAGE_SIZE / 8] __aligned(PAGE_SIZE);
static u64 seen, flushed, ready;

static void guest_reader(void)
{
	u64 after;

	do {
		after = READ_ONCE(flushed);
		barrier();
		WRITE_ONCE(seen, READ_ONCE(*(u64 *)FAR));
		guest_assert(!after || READ_ONCE(seen) == 2);
		WRITE_ONCE(ready, 1);
	} while (!after);
}

static void guest_flusher(void)
{
	wait_until(READ_ONCE(ready));
	guest_assert_eq(READ_ONCE(seen), 1);
	WRITE_ONCE(*entry, (*entry & 0xfff) | (u64)pages[1]);
	guest_assert_eq(xen_hvm_op(HVMOP_flush_tlbs, NULL), 0);
	WRITE_ONCE(flushed, 1);
}

static void flush_tlbs(void)
{
	struct vcpu *reader = xen_with_guest(guest_reader);
	struct vcpu *flusher = vm_add_guest(reader->vm, 1, guest_flusher);
	u64 cr3 = vm_page_tables(VM_LONG);
	struct phv_control control;

	entry = vm_map(VM_LONG, cr3, FAR, (u64)pages[0], PAGE_SIZE,
		       PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY);
	pages[0][0] = 1;
	pages[1][0] = 2;
	vcpu_get_control(reader, &control);
	control.cr3 = cr3;
	vcpu_set_control(reader, &control);
	vcpu_start(reader);
	vcpu_start(flusher);
	vcpu_join(flusher);
	vcpu_join(reader);
	check_eq(seen, 2);
}

/* console_io */

static char text[1000];

static void fill_text(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i % 26;
}

static void guest_writes(void)
{
	guest_assert_eq(xen_console_io(CONSOLEIO_write, sizeof(text), text), 0);
	guest_assert_eq(xen_console_io(CONSOLEIO_write, 1, text), 0);
	guest_assert_eq(xen_console_io(CONSOLEIO_write, 0, NULL + BIT(62)), 0);
	guest_assert_eq(xen_console_io(CONSOLEIO_read, sizeof(text), text), 0);
	guest_assert_eq(xen_console_io(CONSOLEIO_write, BIT(31), text), -EINVAL);
	guest_assert_eq(xen_console_io(CONSOLEIO_write, 1, NULL + BIT(62)), -EFAULT);
	guest_assert_eq(xen_console_io(2, 0, NULL), -ENOSYS);
}

/* What comes until something else does; @size for @got. */
static u32 collect(struct vcpu *vcpu, char *got, u32 size, int *reason)
{
	const struct phv_run *run = vcpu->run;
	u32 length = 0;

	while ((*reason = vcpu_run(vcpu)) == PHV_EXIT_XEN_CONSOLE) {
		check(run->console.length > 0 && run->console.length <= 240);
		check_eq(run->console.reserved, 0);
		check(length + run->console.length <= size);
		memcpy(got + length, run->console.data, run->console.length);
		length += run->console.length;
	}
	return length;
}

static void console(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_writes);
	char got[2 * sizeof(text)];
	int reason;

	fill_text();
	check_eq(collect(vcpu, got, sizeof(got), &reason), sizeof(text) + 1);
	check_eq(reason, VCPU_DONE);
	check(!memcmp(got, text, sizeof(text)));
	check_eq(got[sizeof(text)], 'a');
}

/* From 32-bit code, and as an entry of a multicall, it is done in parts just so. */
static void guest_writes_otherwise(void)
{
	static struct multicall_entry list[2];
	unsigned int i;

	guest_assert_eq(xen_hypercall32(__HYPERVISOR_console_io, CONSOLEIO_write,
					sizeof(text), (u64)text), 0);
	guest_sync(1);
	for (i = 0; i < 2; i++)
		list[i] = (struct multicall_entry) {
			.op = __HYPERVISOR_console_io, .result = 1,
			.args = { CONSOLEIO_write, sizeof(text), (u64)text },
		};
	guest_assert_eq(xen_multicall(list, 2), 0);
	guest_assert_eq(list[0].result, 0);
	guest_assert_eq(list[1].result, 0);
}

static void console_otherwise(void)
{
	struct vcpu *vcpu = xen_with_guest(guest_writes_otherwise);
	char got[2 * sizeof(text)];
	int reason;

	fill_text();
	check_eq(collect(vcpu, got, sizeof(got), &reason), sizeof(text));
	check_eq(reason, VCPU_SYNC);
	check(!memcmp(got, text, sizeof(text)));
	check_eq(collect(vcpu, got, sizeof(got), &reason), 2 * sizeof(text));
	check_eq(reason, VCPU_DONE);
	check(!memcmp(got, text, sizeof(text)));
	check(!memcmp(got + sizeof(text), text, sizeof(text)));
}

static const struct test tests[] = {
	{ "guests may have the HVM parameters that are theirs", .host = params },
	{ "guests may have those of no other domain", .host = domids },
	{ "HVM parameters from 32-bit code", .host = params32 },
	{ "types of memory", .host = mem_types },
	{ "other operations", .host = others },
	{ "without upcall vectors there is none to be set", .host = no_vector },
	{ "a flush is for all vCPUs", .host = flush_tlbs },
	{ "what a guest writes comes to user space", .host = console },
	{ "so it does from 32-bit code and multicalls", .host = console_otherwise },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
