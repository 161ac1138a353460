// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory: guests at work, and what they ask for, while one thing after the other that the
 * module allocates, copies or looks up for them cannot be had. Ioctls: fault_injection.
 *
 * Needs a kernel with fault injection, likewise.
 */
#include <sys/wait.h>

#include "fault.h"
#include "pv_memory.h"

#include <xen/hvm/hvm_vcpu.h>

static struct vm *vm;
static struct vcpu *vcpu;
static u8 *area;

/* Guests at work, who are not to notice, or to be told */

/* PHV_RUN until the guest has done what it was told; for a while if it is refused. */
static long run_servant(void)
{
	int reason, tries = 0;

	do {
		reason = vcpu_run(vcpu);
		if (reason == PHV_EXIT_XEN_RELEASE)
			take_released(vcpu->run);
	} while (reason == PHV_EXIT_XEN_RELEASE || reason == PHV_EXIT_XEN_CONSOLE ||
		 (is_refusal(reason) && !tries++));
	if (reason != VCPU_SYNC)
		test_fail("PHV_RUN: %d", reason);
	return 0;
}

/* Each of these pages, and tables for them, can be missing. */
#define FILLED	8

static long run_fill(void)
{
	tell(OP_FILL, AREA, 1, FILLED, PAGE);
	return run_servant();
}

static void add_new_area(void)
{
	check_eq(madvise(area, FILLED * PAGE, MADV_DONTNEED), 0);
	add_area(vcpu, area, FILLED * PAGE, 0);
}

static void remove_area(void)
{
	check_eq(*(u64 *)(area + (FILLED - 1) * PAGE), FILLED);
	check_eq(vm_remove_memory(vcpu->vm, AREA, FILLED * PAGE, area), 0);
}

static const struct op run_ops[] = {
	OP("PHV_RUN", run_fill, add_new_area, NULL, remove_area),
};

static void run_fails(void)
{
	need_phv();
	vcpu = servant();
	area = small_pages(FILLED * PAGE);
	fail_ops(run_ops, ARRAY_SIZE(run_ops));
}

/* Hypercalls, as the guest sees them */

static long call_xen(u64 nr, u64 a, u64 b, u64 c)
{
	tell(OP_CALL, nr, a, b, c);
	run_servant();
	return command.value;
}

static void make_guest(void)
{
	vcpu = xen_servant();
	vm = vcpu->vm;
	check_eq(get_count(vcpu, XENMEM_maximum_reservation) > 0, 1);
}

static void close_guest(void)
{
	vm_destroy(vm);
}

/* What is a number for others is one for it. */
static long op_status(long ret, int status)
{
	return ret ? ret : status == GNTST_okay ? 0 : -ENOMEM;
}

/* Event channels */

static long evtchn_op(u64 cmd, const void *arg)
{
	return call_xen(__HYPERVISOR_event_channel_op, cmd, (u64)arg, 0);
}

static long alloc_unbound(void)
{
	static evtchn_alloc_unbound_t arg;

	arg = (evtchn_alloc_unbound_t) { .dom = DOMID_SELF };
	return evtchn_op(EVTCHNOP_alloc_unbound, &arg);
}

static long bind_ipi(void)
{
	static evtchn_bind_ipi_t arg;

	arg = (evtchn_bind_ipi_t) { .vcpu = 0 };
	return evtchn_op(EVTCHNOP_bind_ipi, &arg);
}

static long bind_virq(void)
{
	static evtchn_bind_virq_t arg;

	arg = (evtchn_bind_virq_t) { .virq = VIRQ_TIMER };
	return evtchn_op(EVTCHNOP_bind_virq, &arg);
}

static u8 *fifo;

static long init_control(void)
{
	static evtchn_init_control_t arg;

	arg = (evtchn_init_control_t) { .control_gfn = FRAME(fifo) };
	return evtchn_op(EVTCHNOP_init_control, &arg);
}

static void make_fifo(void)
{
	make_guest();
	check_eq(init_control(), 0);
}

static long expand_array(void)
{
	static evtchn_expand_array_t arg;

	arg = (evtchn_expand_array_t) { .array_gfn = FRAME(fifo) + 1 };
	return evtchn_op(EVTCHNOP_expand_array, &arg);
}

static void make_expanded(void)
{
	make_fifo();
	check_eq(expand_array(), 0);
}

static long reset_channels(void)
{
	static evtchn_reset_t arg = { .dom = DOMID_SELF };

	return evtchn_op(EVTCHNOP_reset, &arg);
}

/* Memory */

static long call_memory(u64 cmd, const void *arg)
{
	return call_xen(__HYPERVISOR_memory_op, cmd, (u64)arg, 0);
}

static long map_frame(u32 space, u64 idx)
{
	static struct xen_add_to_physmap arg;

	arg = (struct xen_add_to_physmap) {
		.domid = DOMID_SELF, .space = space, .idx = idx, .gpfn = FRAME(XEN_HOLE) + idx,
	};
	return call_memory(XENMEM_add_to_physmap, &arg);
}

static long map_grants(void)
{
	return map_frame(XENMAPSPACE_grant_table, 3);
}

static long map_shared(void)
{
	return map_frame(XENMAPSPACE_shared_info, 0);
}

/* Which has been done when it is done again. */
static long map_more(void)
{
	static struct xen_add_to_physmap_batch arg;
	static xen_pfn_t frames[2];
	static xen_ulong_t indices[2];
	static int errors[2];
	long ret;

	indices[1] = 1;
	frames[0] = FRAME(XEN_HOLE) + 10;
	frames[1] = FRAME(XEN_HOLE) + 11;
	memset(&arg, 0, sizeof(arg));
	arg.domid = DOMID_SELF;
	arg.space = XENMAPSPACE_grant_table;
	arg.size = 2;
	set_xen_guest_handle(arg.idxs, indices);
	set_xen_guest_handle(arg.gpfns, frames);
	set_xen_guest_handle(arg.errs, errors);
	ret = call_memory(XENMEM_add_to_physmap_batch, &arg);
	return ret ? ret : errors[0] ? errors[0] : errors[1];
}

static void make_mapped(void)
{
	make_guest();
	check_eq(map_grants(), 0);
	check_eq(map_shared(), 0);
}

static long unmap_frame(void)
{
	static struct xen_remove_from_physmap arg;

	arg = (struct xen_remove_from_physmap) {
		.domid = DOMID_SELF, .gpfn = FRAME(XEN_HOLE),
	};
	return call_memory(XENMEM_remove_from_physmap, &arg);
}

static u64 frame = FRAME(AREA) + 5;

static long change_frame(u64 cmd)
{
	static struct xen_memory_reservation arg;
	long ret;

	memset(&arg, 0, sizeof(arg));
	set_xen_guest_handle(arg.extent_start, (void *)&frame);
	arg.nr_extents = 1;
	arg.domid = DOMID_SELF;
	ret = call_memory(cmd, &arg);
	/* It says how many it did. */
	return ret == 1 ? 0 : -ENOMEM;
}

static long decrease(void)
{
	return change_frame(XENMEM_decrease_reservation);
}

static long populate_one(void)
{
	return change_frame(XENMEM_populate_physmap);
}

static void make_with_area(void)
{
	make_guest();
	add_released_area(vcpu, area, 64 * PAGE);
}

static void make_with_hole(void)
{
	make_with_area();
	check_eq(decrease(), 0);
}

static struct {
	u64 addr;
	u64 size;
	u32 type;
} __packed memory_map[2] = { { 0, 1 << 20, 1 }, { 1 << 20, 1 << 20, 2 } };

static long set_memory_map(void)
{
	static struct xen_foreign_memory_map arg;

	memset(&arg, 0, sizeof(arg));
	arg.domid = DOMID_SELF;
	arg.map.nr_entries = ARRAY_SIZE(memory_map);
	set_xen_guest_handle(arg.map.buffer, (void *)memory_map);
	return call_memory(XENMEM_set_memory_map, &arg);
}

static void make_with_map(void)
{
	make_guest();
	check_eq(set_memory_map(), 0);
}

static long get_memory_map(void)
{
	static struct xen_memory_map arg;

	memset(&arg, 0, sizeof(arg));
	arg.nr_entries = ARRAY_SIZE(memory_map);
	set_xen_guest_handle(arg.buffer, (void *)memory_map);
	return call_memory(XENMEM_memory_map, &arg);
}

/* Grants */

static long call_grants(u64 cmd, const void *arg)
{
	return call_xen(__HYPERVISOR_grant_table_op, cmd, (u64)arg, 1);
}

static void make_granting(void)
{
	make_with_area();
	((grant_entry_v1_t *)xen_grants)[20] = (grant_entry_v1_t) {
		GTF_permit_access, vm->id, FRAME(AREA)
	};
}

static long copy_grant(void)
{
	static struct gnttab_copy arg;

	arg = (struct gnttab_copy) {
		.source = { .u.ref = 20, .domid = DOMID_SELF },
		.dest = { .u.gmfn = FRAME(AREA) + 1, .domid = DOMID_SELF },
		.len = 1000, .flags = GNTCOPY_source_gref,
	};
	return op_status(call_grants(GNTTABOP_copy, &arg), arg.status);
}

static grant_handle_t handle;

static long map_grant(void)
{
	static struct gnttab_map_grant_ref arg;
	long ret;

	arg = (struct gnttab_map_grant_ref) {
		.host_addr = XEN_HOLE, .flags = GNTMAP_host_map, .ref = 20, .dom = DOMID_SELF,
	};
	ret = op_status(call_grants(GNTTABOP_map_grant_ref, &arg), arg.status);
	handle = arg.handle;
	return ret;
}

/* With another mapping, which stays. */
static void make_aliased(void)
{
	make_granting();
	check_eq(map_grants(), 0);
	check_eq(map_grant(), 0);
}

static long unmap_grant(void)
{
	static struct gnttab_unmap_grant_ref arg;

	arg = (struct gnttab_unmap_grant_ref) { .host_addr = XEN_HOLE, .handle = handle };
	return op_status(call_grants(GNTTABOP_unmap_grant_ref, &arg), arg.status);
}

static long remove_aliased(void)
{
	return vm_remove_memory(vm, AREA, 64 * PAGE, area);
}

static long set_version(void)
{
	static struct gnttab_set_version arg;

	arg.version = 2;
	return call_grants(GNTTABOP_set_version, &arg);
}

/* vCPUs */

static long vcpu_op(u64 cmd, u64 id, const void *arg)
{
	return call_xen(__HYPERVISOR_vcpu_op, cmd, id, (u64)arg);
}

static long register_info(void)
{
	static struct vcpu_register_vcpu_info arg;

	arg.mfn = FRAME(fifo);
	arg.offset = 0;
	return vcpu_op(VCPUOP_register_vcpu_info, 0, &arg);
}

/* Across the end of a page */
static long register_runstate(void)
{
	static struct vcpu_register_runstate_memory_area arg;

	arg.addr.p = (u64)fifo + PAGE - 8;
	return vcpu_op(VCPUOP_register_runstate_memory_area, 0, &arg);
}

static long register_time(void)
{
	static struct vcpu_register_time_memory_area arg;

	arg.addr.p = (u64)fifo + PAGE;
	return vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &arg);
}

static void make_with_vcpu(void)
{
	make_guest();
	vcpu_create(vm, 1);
}

static long initialise(void)
{
	static struct vcpu_hvm_context arg;
	struct vcpu_hvm_x86_32 *regs = &arg.cpu_regs.x86_32;

	arg.mode = VCPU_HVM_MODE_32B;
	regs->cr0 = CR0_PE | CR0_ET;
	regs->cs_limit = ~0U;
	return vcpu_op(VCPUOP_initialise, 1, &arg);
}

/* The rest */

static long console(void)
{
	static const char text[] = "text\n";

	return call_xen(__HYPERVISOR_console_io, CONSOLEIO_write, sizeof(text) - 1, (u64)text);
}

static long multicall(void)
{
	static multicall_entry_t calls[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = (multicall_entry_t) { .op = __HYPERVISOR_xen_version };
	return call_xen(__HYPERVISOR_multicall, (u64)calls, ARRAY_SIZE(calls), 0);
}

static long set_param(void)
{
	static struct xen_hvm_param arg;

	arg = (struct xen_hvm_param) {
		.domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = 2UL << 56 | 0x40,
	};
	return call_xen(__HYPERVISOR_hvm_op, HVMOP_set_param, (u64)&arg, 0);
}

static long poll_ports(void)
{
	static evtchn_port_t port = 1;
	static struct sched_poll arg;

	memset(&arg, 0, sizeof(arg));
	set_xen_guest_handle(arg.ports, &port);
	arg.nr_ports = 1;
	arg.timeout = 1;
	return call_xen(__HYPERVISOR_sched_op, SCHEDOP_poll, (u64)&arg, 0);
}

static void make_with_port(void)
{
	make_guest();
	check_eq(alloc_unbound(), 0);
}

/* A guest that has asked to be suspended: its hypercall returns when it goes on. */
static void make_suspended(void)
{
	static struct sched_shutdown arg = { .reason = SHUTDOWN_suspend };

	make_guest();
	tell(OP_CALL, __HYPERVISOR_sched_op, SCHEDOP_shutdown, (u64)&arg, 0);
	check_eq(vcpu_run(vcpu), PHV_EXIT_XEN_SHUTDOWN);
}

static long resume(void)
{
	return vm_ioctl(vm, PHV_XEN_RESUME, 1);
}

static void go_on(void)
{
	run_servant();
	check_eq(command.value, 1);
}

/* Not a hypercall, but where they are made from; there is but one error that WRMSR can have. */
static long write_page(void)
{
	memset(fifo, 0, PAGE);
	tell(OP_WRMSR, MSR_HYPERCALL, (u64)fifo, 0, 0);
	run_servant();
	if (command.value == (u64)VEC_GP)
		return -ENOMEM;
	/* mov $0, %eax; vmcall; ret */
	check_eq(memcmp(fifo, "\xb8\0\0\0\0\x0f\x01\xc1\xc3", 9), 0);
	return command.value == (u64)NO_FAULT ? 0 : -EINVAL;
}

static const struct op hypercall_ops[] = {
	OP("WRMSR of the hypercall page", write_page, make_guest, NULL, close_guest),
	OP("EVTCHNOP_alloc_unbound", alloc_unbound, make_guest, NULL, close_guest),
	OP("EVTCHNOP_bind_ipi", bind_ipi, make_guest, NULL, close_guest),
	OP("EVTCHNOP_bind_virq", bind_virq, make_guest, NULL, close_guest),
	OP("EVTCHNOP_init_control", init_control, make_guest, NULL, close_guest),
	OP("EVTCHNOP_expand_array", expand_array, make_fifo, NULL, close_guest),
	OP_NONE("EVTCHNOP_reset", reset_channels, make_expanded, NULL, close_guest),
	OP("XENMEM_add_to_physmap, grants", map_grants, make_guest, NULL, close_guest),
	OP("XENMEM_add_to_physmap, shared_info", map_shared, make_guest, NULL, close_guest),
	OP("XENMEM_add_to_physmap_batch", map_more, make_guest, NULL, close_guest),
	OP("XENMEM_remove_from_physmap", unmap_frame, make_mapped, NULL, close_guest),
	OP("XENMEM_decrease_reservation", decrease, make_with_area, NULL, close_guest),
	OP_NONE("XENMEM_populate_physmap", populate_one, make_with_hole, NULL, close_guest),
	OP("XENMEM_set_memory_map", set_memory_map, make_guest, NULL, close_guest),
	OP("XENMEM_memory_map", get_memory_map, make_with_map, NULL, close_guest),
	OP("GNTTABOP_copy", copy_grant, make_granting, NULL, close_guest),
	OP("GNTTABOP_map_grant_ref", map_grant, make_granting, NULL, close_guest),
	OP("GNTTABOP_unmap_grant_ref", unmap_grant, make_aliased, NULL, close_guest),
	OP_NONE("GNTTABOP_set_version", set_version, make_guest, NULL, close_guest),
	OP("PHV_REMOVE_MEMORY, aliased", remove_aliased, make_aliased, NULL, close_guest),
	OP("VCPUOP_register_vcpu_info", register_info, make_guest, NULL, close_guest),
	OP("VCPUOP_register_runstate_memory_area", register_runstate, make_guest, NULL,
	   close_guest),
	OP("VCPUOP_register_vcpu_time_memory_area", register_time, make_guest, NULL, close_guest),
	OP("VCPUOP_initialise", initialise, make_with_vcpu, NULL, close_guest),
	OP_NONE("SCHEDOP_poll", poll_ports, make_with_port, NULL, close_guest),
	OP_NONE("HVMOP_set_param", set_param, make_guest, NULL, close_guest),
	OP_NONE("CONSOLEIO_write", console, make_guest, NULL, close_guest),
	OP_NONE("multicall", multicall, make_guest, NULL, close_guest),
	OP_NONE("PHV_XEN_RESUME", resume, make_suspended, go_on, close_guest),
};

/* vm_alloc()'s memory isn't given back: a process for each. */
static void fail_guest(const struct op *op)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		test_limit(120);
		faults_open();
		area = small_pages(64 * PAGE);
		fifo = vm_alloc(2 * PAGE, PAGE);
		fail_all(op);
		_exit(KSFT_PASS);
	}
	check(pid > 0);
	check_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		test_fail("%s: signal %d", op->name, WTERMSIG(status));
	if (status)
		_exit(WEXITSTATUS(status));
}

static void hypercalls_fail(void)
{
	need_phv();
	test_limit(600);
	/* While there is one, VMX does not go on and off with each guest. */
	vm_create_empty();
	fail_ops_by(hypercall_ops, ARRAY_SIZE(hypercall_ops), fail_guest);
}

static const struct test tests[] = {
	{ "a guest goes on when it has memory again", .host = run_fails },
	{ "hypercalls fail well", .host = hypercalls_fail },
};

int main(int argc, char **argv)
{
	return fault_main(tests, ARRAY_SIZE(tests), argc, argv);
}
