// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory: of everything that an ioctl allocates, copies or looks up, one thing after
 * the other cannot be had. Each time the ioctl says so, has left nothing behind, and
 * works when it is called again.
 *
 * Needs a kernel with fault injection (CONFIG_FAILSLAB and so on) and fail-nth, as the
 * test host 6.12-debug has it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leak.h"
#include "netlink.h"
#include "phvtest.h"
#include "pv_memory.h"

/* An ioctl with more points of failure than this would not be tested to its end. */
#define MANY		2000
/* So often everything fails before it is asked what has been lost */
#define ROUNDS		10
#define PORT		0x300

/*
 * The kernel's faults. The Nth thing that can fail, fails; a number that is left over says
 * that there were fewer.
 */

#define DEBUGFS		"/sys/kernel/debug/"

static int fail_nth = -1;

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/* Allocations that may sleep fail, too, and nothing is said in the log about it. */
static bool faults_set_up(void)
{
	return write_text(DEBUGFS "failslab/ignore-gfp-wait", "N") &&
	       write_text(DEBUGFS "failslab/verbose", "0") &&
	       write_text(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N") &&
	       write_text(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N") &&
	       write_text(DEBUGFS "fail_page_alloc/min-order", "0") &&
	       write_text(DEBUGFS "fail_page_alloc/verbose", "0") &&
	       write_text(DEBUGFS "fail_usercopy/verbose", "0");
}

static void faults_open(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	fail_nth = open(path, O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		test_fail("%s: %m", path);
}

static void fault_arm(unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	/* what is left from before may hit this one */
	while (pwrite(fail_nth, text, length, 0) != length)
		if (errno != EFAULT)
			test_fail("fail-nth: %m");
}

/* Has it happened? If it was to be the next, the look itself fails. */
static bool fault_disarm(void)
{
	char text[16] = "";
	bool done = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	fault_arm(0);
	return done;
}

/**
 * struct op - something that may fail
 * @name: its name
 * @call: does it; 0 or more, or a negative errno
 * @before: prepares each call of it, may be NULL
 * @undo: undoes it when it has succeeded, may be NULL
 * @cleanup: undoes @before, whatever became of the call, may be NULL
 */
struct op {
	const char *name;
	long (*call)(void);
	void (*before)(void);
	void (*undo)(void);
	void (*cleanup)(void);
};

static long result;

static bool is_refusal(long ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

/* Return: whether there was an Nth thing to fail. */
static bool fail(const struct op *op, unsigned int n)
{
	bool failed;

	if (op->before)
		op->before();
	fault_arm(n);
	result = op->call();
	failed = fault_disarm();
	if (result < 0 && failed) {
		if (!is_refusal(result))
			test_fail("%s, failure %u: %ld", op->name, n, result);
		result = op->call();
		if (result < 0)
			test_fail("%s, again after failure %u: %ld", op->name, n, result);
	}
	if (result < 0)
		test_fail("%s, without a failure (%u): %ld", op->name, n, result);
	if (op->undo)
		op->undo();
	if (op->cleanup)
		op->cleanup();
	return failed;
}

/* Return: how many things there were that could fail. */
static unsigned int fail_all(const struct op *op)
{
	unsigned int n;

	for (n = 1; fail(op, n); n++)
		if (n == MANY)
			test_fail("%s: more than %u points of failure", op->name, n);
	return n - 1;
}

/*
 * Does it lose something each time? The kernel's bug finders keep memory themselves, now
 * and then: what is lost is lost again.
 */
static bool leaks(const struct op *op)
{
	static struct leak_stock before;
	unsigned int tries, round;

	for (tries = 0; tries < 3; tries++) {
		if (!leak_take_stock(&before))
			test_fail("memory can't be counted");
		for (round = 0; round < ROUNDS; round++)
			fail_all(op);
		if (!leak_found(&before, ROUNDS))
			return false;
	}
	return true;
}

static void fail_ops(const struct op *ops, unsigned int count)
{
	unsigned int i, points;

	test_limit(600);
	faults_open();
	for (i = 0; i < count; i++) {
		points = fail_all(&ops[i]);
		if (points && leaks(&ops[i]))
			test_fail("%s: it leaks when one of %u things fails", ops[i].name, points);
	}
}

/* /dev/phv */

static int device = -1;
static struct vm *vm;
static struct vcpu *vcpu;

static void close_result(void)
{
	close(result);
}

static long open_device(void)
{
	int fd = open(PHV_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static long get_caps(void)
{
	struct phv_caps caps;

	return ioctl(device, PHV_GET_CAPS, &caps) ? -errno : 0;
}

/* Each has a name of its own: one that somebody looks at keeps its for a while. */
static long create_domain(void)
{
	struct phv_create_domain create = { .flags = 0 };
	static unsigned int number;
	int fd;

	snprintf(create.name, sizeof(create.name), "fault-%u", number++);
	fd = ioctl(device, PHV_CREATE_DOMAIN, &create);
	return fd < 0 ? -errno : fd;
}

static const struct op device_ops[] = {
	{ "open", .call = open_device, .undo = close_result },
	{ "PHV_GET_CAPS", .call = get_caps },
	{ "PHV_CREATE_DOMAIN", .call = create_domain, .undo = close_result },
};

static void device_fails(void)
{
	need_phv();
	device = open(PHV_DEVICE, O_RDWR | O_CLOEXEC);
	check(device >= 0);
	fail_ops(device_ops, ARRAY_SIZE(device_ops));
}

/* Domains */

static u8 *area;
static u64 bitmap[8];

static void make_domain(void)
{
	vm = vm_create_empty();
}

static void close_domain(void)
{
	vm_destroy(vm);
}

static long create_vcpu(void)
{
	return vm_ioctl(vm, PHV_CREATE_VCPU, 0);
}

static long add_memory(void)
{
	return vm_add_memory(vm, 0, 64 * PAGE, area, 0);
}

static void add_it(void)
{
	make_domain();
	check_eq(add_memory(), 0);
}

static long change_memory(void)
{
	const struct phv_memory memory = {
		.size = 64 * PAGE, .user_addr = (u64)area, .flags = PHV_MEMORY_LOG_DIRTY,
	};

	return vm_ioctl(vm, PHV_CHANGE_MEMORY, &memory);
}

static void log_it(void)
{
	add_it();
	check_eq(change_memory(), 0);
}

static long get_dirty(void)
{
	const struct phv_dirty dirty = { .size = 64 * PAGE, .bitmap = (u64)bitmap };

	return vm_ioctl(vm, PHV_GET_DIRTY, &dirty);
}

static long remove_memory(void)
{
	return vm_remove_memory(vm, 0, 64 * PAGE, area);
}

static struct phv_cpuid_entry entries[PHV_MAX_CPUID];
static struct phv_cpuid cpuid_table;

static long get_cpuid(void)
{
	cpuid_table = (struct phv_cpuid) {
		.count = PHV_MAX_CPUID, .entries = (u64)entries,
	};
	return vm_ioctl(vm, PHV_GET_CPUID, &cpuid_table);
}

static void make_with_cpuid(void)
{
	make_domain();
	check_eq(get_cpuid(), 0);
}

static long set_cpuid(void)
{
	return vm_ioctl(vm, PHV_SET_CPUID, &cpuid_table);
}

static long set_msr_policy(void)
{
	const struct phv_msr_policy policy = { .index = 0x1234, .action = PHV_MSR_IGNORE };

	return vm_ioctl(vm, PHV_SET_MSR_POLICY, &policy);
}

/* As it is: what any processor can do. Leaf 0x15 has it. */
static long set_tsc_khz(void)
{
	unsigned long khz = 0;
	u32 i;

	for (i = 0; i < cpuid_table.count; i++)
		if (entries[i].leaf == 0x15)
			khz = entries[i].ebx;
	return vm_ioctl(vm, PHV_SET_TSC_KHZ, khz);
}

static int event = -1;

static long set_ports(void)
{
	return vm_set_ports(vm, PORT, 4, PHV_PORTS_USER, -1);
}

static long set_doorbell(void)
{
	return vm_set_ports(vm, PORT, 4, PHV_PORTS_DOORBELL, event);
}

static void reset_ports(void)
{
	check_eq(vm_set_ports(vm, PORT, 4, PHV_PORTS_IGNORE, -1), 0);
}

static void make_with_vcpu(void)
{
	make_domain();
	result = create_vcpu();
	check(result >= 0);
	close(result);
}

static long set_irqfd_flags(u32 flags)
{
	const struct phv_irqfd irqfd = { .eventfd = event, .vector = 0x30, .flags = flags };

	return vm_ioctl(vm, PHV_SET_IRQFD, &irqfd);
}

static long set_irqfd(void)
{
	return set_irqfd_flags(0);
}

static void reset_irqfd(void)
{
	check_eq(set_irqfd_flags(PHV_IRQFD_REMOVE), 0);
}

static const struct op domain_ops[] = {
	{ "PHV_CREATE_VCPU", create_vcpu, make_domain, close_result, close_domain },
	{ "PHV_ADD_MEMORY", add_memory, make_domain, NULL, close_domain },
	{ "PHV_CHANGE_MEMORY", change_memory, add_it, NULL, close_domain },
	{ "PHV_GET_DIRTY", get_dirty, log_it, NULL, close_domain },
	{ "PHV_REMOVE_MEMORY", remove_memory, add_it, NULL, close_domain },
	{ "PHV_GET_CPUID", get_cpuid, make_domain, NULL, close_domain },
	{ "PHV_SET_CPUID", set_cpuid, make_with_cpuid, NULL, close_domain },
	{ "PHV_SET_MSR_POLICY", set_msr_policy, make_domain, NULL, close_domain },
	{ "PHV_SET_TSC_KHZ", set_tsc_khz, make_with_cpuid, NULL, close_domain },
	{ "PHV_SET_PORTS", set_ports, make_domain, reset_ports, close_domain },
	{ "PHV_SET_PORTS, doorbell", set_doorbell, make_domain, reset_ports, close_domain },
	{ "PHV_SET_IRQFD", set_irqfd, make_with_vcpu, reset_irqfd, close_domain },
	{ "PHV_SET_IRQFD, left", set_irqfd, make_with_vcpu, NULL, close_domain },
};

static void domain_fails(void)
{
	need_phv();
	area = small_pages(64 * PAGE);
	event = eventfd(0, EFD_CLOEXEC);
	check(event >= 0);
	fail_ops(domain_ops, ARRAY_SIZE(domain_ops));
}

/* Xen domains */

static u8 *frames;
static u32 port;

static long setup_xen(void)
{
	const struct phv_xen_setup setup = {
		.frames_addr = (u64)frames, .grant_frames = XEN_GRANT_FRAMES,
		.max_pages = XEN_MAX_PAGES,
	};

	return vm_ioctl(vm, PHV_XEN_SETUP, &setup);
}

static void make_xen(void)
{
	make_domain();
	check_eq(setup_xen(), 0);
}

static long get_param(void)
{
	struct phv_xen_param param = { .index = HVM_PARAM_STORE_PFN };

	return vm_ioctl(vm, PHV_XEN_GET_PARAM, &param);
}

static long set_param(void)
{
	const struct phv_xen_param param = { .index = HVM_PARAM_STORE_PFN, .value = 5 };

	return vm_ioctl(vm, PHV_XEN_SET_PARAM, &param);
}

static long set_memory_map(void)
{
	const struct phv_xen_memory_entry entry = { .size = 64 * PAGE, .type = 1 };
	const struct phv_xen_memory_map map = { .count = 1, .entries = (u64)&entry };

	return vm_ioctl(vm, PHV_XEN_SET_MEMORY_MAP, &map);
}

static long evtchn_alloc(void)
{
	struct phv_evtchn arg = { .flags = 0 };
	long ret = vm_ioctl(vm, PHV_EVTCHN_ALLOC, &arg);

	port = arg.port;
	return ret;
}

static void make_port(void)
{
	make_xen();
	check_eq(evtchn_alloc(), 0);
}

static long bind_port(void)
{
	const struct phv_evtchn arg = { .port = port, .kick = event, .call = event };

	return vm_ioctl(vm, PHV_EVTCHN_BIND, &arg);
}

static void make_binding(void)
{
	make_port();
	check_eq(bind_port(), 0);
}

static long unbind_port(void)
{
	return vm_ioctl(vm, PHV_EVTCHN_UNBIND, port);
}

static long send_port(void)
{
	return vm_ioctl(vm, PHV_EVTCHN_SEND, port);
}

static long get_grants(void)
{
	struct phv_xen_grants grants;

	return vm_ioctl(vm, PHV_XEN_GET_GRANTS, &grants);
}

static const struct op xen_ops[] = {
	{ "PHV_XEN_SETUP", setup_xen, make_domain, NULL, close_domain },
	{ "PHV_CREATE_VCPU", create_vcpu, make_xen, close_result, close_domain },
	{ "PHV_XEN_GET_PARAM", get_param, make_xen, NULL, close_domain },
	{ "PHV_XEN_SET_PARAM", set_param, make_xen, NULL, close_domain },
	{ "PHV_XEN_SET_MEMORY_MAP", set_memory_map, make_xen, NULL, close_domain },
	{ "PHV_EVTCHN_ALLOC", evtchn_alloc, make_xen, NULL, close_domain },
	{ "PHV_EVTCHN_BIND", bind_port, make_port, NULL, close_domain },
	{ "PHV_EVTCHN_UNBIND", unbind_port, make_binding, NULL, close_domain },
	{ "PHV_EVTCHN_SEND", send_port, make_binding, NULL, close_domain },
	{ "PHV_XEN_GET_GRANTS", get_grants, make_xen, NULL, close_domain },
};

static void xen_fails(void)
{
	need_phv();
	frames = small_pages(PHV_XEN_FRAMES(XEN_GRANT_FRAMES) * PAGE);
	event = eventfd(0, EFD_CLOEXEC);
	check(event >= 0);
	fail_ops(xen_ops, ARRAY_SIZE(xen_ops));
}

/* vCPUs. What is fetched comes back. */

#define STATE_OP(name, type, get, set)					\
static type name##_state;						\
static long get_##name(void)						\
{									\
	return vcpu_ioctl(vcpu, get, &name##_state);			\
}									\
static long set_##name(void)						\
{									\
	return vcpu_ioctl(vcpu, set, &name##_state);			\
}

STATE_OP(regs, struct phv_regs, PHV_GET_REGS, PHV_SET_REGS)
STATE_OP(control, struct phv_control, PHV_GET_CONTROL, PHV_SET_CONTROL)
STATE_OP(lapic, struct phv_lapic, PHV_GET_LAPIC, PHV_SET_LAPIC)
STATE_OP(events, struct phv_events, PHV_GET_EVENTS, PHV_SET_EVENTS)

static struct phv_msr msr = { .index = MSR_LSTAR };

static long do_msr(unsigned long request)
{
	const struct phv_msrs msrs = { .count = 1, .entries = (u64)&msr };
	long ret = vcpu_ioctl(vcpu, request, &msrs);

	/* It may say that none was read or written. */
	return ret ? ret : -EFAULT;
}

static long get_msr(void)
{
	return do_msr(PHV_GET_MSRS);
}

static long set_msr(void)
{
	return do_msr(PHV_SET_MSRS);
}

/* The guest's RIP */
static long get_vmcs(void)
{
	struct phv_msr field = { .index = 0x681e };
	const struct phv_msrs fields = { .count = 1, .entries = (u64)&field };
	long ret = vcpu_ioctl(vcpu, PHV_GET_VMCS, &fields);

	return ret ? ret : -EFAULT;
}

static u8 xsave_area[0x3000] __aligned(64);
static struct phv_xsave xsave;

static long get_xsave(void)
{
	xsave = (struct phv_xsave) { .size = sizeof(xsave_area), .area = (u64)xsave_area };
	return vcpu_ioctl(vcpu, PHV_GET_XSAVE, &xsave);
}

static long set_xsave(void)
{
	return vcpu_ioctl(vcpu, PHV_SET_XSAVE, &xsave);
}

static long get_counters(void)
{
	static struct phv_counters counters;

	return vcpu_ioctl(vcpu, PHV_GET_COUNTERS, &counters);
}

static long interrupt(void)
{
	return vcpu_ioctl(vcpu, PHV_INTERRUPT, 0x40);
}

static long nmi(void)
{
	return vcpu_ioctl(vcpu, PHV_NMI, 0);
}

static const struct op vcpu_ops[] = {
	{ "PHV_GET_REGS", .call = get_regs },
	{ "PHV_SET_REGS", .call = set_regs },
	{ "PHV_GET_CONTROL", .call = get_control },
	{ "PHV_SET_CONTROL", .call = set_control },
	{ "PHV_GET_LAPIC", .call = get_lapic },
	{ "PHV_SET_LAPIC", .call = set_lapic },
	{ "PHV_GET_EVENTS", .call = get_events },
	{ "PHV_SET_EVENTS", .call = set_events },
	{ "PHV_GET_MSRS", .call = get_msr },
	{ "PHV_SET_MSRS", .call = set_msr },
	{ "PHV_GET_VMCS", .call = get_vmcs },
	{ "PHV_GET_XSAVE", .call = get_xsave },
	{ "PHV_SET_XSAVE", .call = set_xsave },
	{ "PHV_GET_COUNTERS", .call = get_counters },
	{ "PHV_INTERRUPT", .call = interrupt },
	{ "PHV_NMI", .call = nmi },
};

static void vcpu_fails(void)
{
	need_phv();
	vcpu = vm_with_guest(guest_servant);
	fail_ops(vcpu_ops, ARRAY_SIZE(vcpu_ops));
}

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

static long run_fill(void)
{
	tell(OP_FILL, AREA, 1, 64, PAGE);
	return run_servant();
}

static void add_new_area(void)
{
	check_eq(madvise(area, 64 * PAGE, MADV_DONTNEED), 0);
	add_area(vcpu, area, 64 * PAGE, 0);
}

static void remove_area(void)
{
	check_eq(*(u64 *)(area + 63 * PAGE), 64);
	check_eq(vm_remove_memory(vcpu->vm, AREA, 64 * PAGE, area), 0);
}

static const struct op run_ops[] = {
	{ "PHV_RUN", run_fill, add_new_area, NULL, remove_area },
};

static void run_fails(void)
{
	need_phv();
	vcpu = servant();
	area = small_pages(64 * PAGE);
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

static long guest_alloc_unbound(void)
{
	static evtchn_alloc_unbound_t arg;

	arg = (evtchn_alloc_unbound_t) { .dom = DOMID_SELF };
	return call_xen(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, (u64)&arg, 0);
}

static u8 *fifo;

static long guest_init_control(void)
{
	static evtchn_init_control_t arg;

	arg = (evtchn_init_control_t) { .control_gfn = FRAME(fifo) };
	return call_xen(__HYPERVISOR_event_channel_op, EVTCHNOP_init_control, (u64)&arg, 0);
}

static void make_fifo(void)
{
	make_guest();
	check_eq(guest_init_control(), 0);
}

static long guest_expand_array(void)
{
	static evtchn_expand_array_t arg;

	arg = (evtchn_expand_array_t) { .array_gfn = FRAME(fifo) + 1 };
	return call_xen(__HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, (u64)&arg, 0);
}

static long guest_map_grants(void)
{
	static struct xen_add_to_physmap arg;

	arg = (struct xen_add_to_physmap) {
		.domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .idx = 3,
		.gpfn = FRAME(XEN_HOLE),
	};
	return call_xen(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, (u64)&arg, 0);
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
	ret = call_xen(__HYPERVISOR_memory_op, cmd, (u64)&arg, 0);
	/* It says how many it did. */
	return ret == 1 ? 0 : -ENOMEM;
}

static long guest_decrease(void)
{
	return change_frame(XENMEM_decrease_reservation);
}

static long guest_populate(void)
{
	return change_frame(XENMEM_populate_physmap);
}

static void make_guest_with_area(void)
{
	make_guest();
	add_released_area(vcpu, area, 64 * PAGE);
}

static void make_guest_with_hole(void)
{
	make_guest_with_area();
	check_eq(guest_decrease(), 0);
}

static long guest_register_info(void)
{
	static struct vcpu_register_vcpu_info arg;

	arg.mfn = FRAME(fifo);
	arg.offset = 0;
	return call_xen(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, (u64)&arg);
}

static long guest_console(void)
{
	static const char text[] = "text\n";

	return call_xen(__HYPERVISOR_console_io, CONSOLEIO_write, sizeof(text) - 1, (u64)text);
}

static long guest_multicall(void)
{
	static multicall_entry_t calls[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = (multicall_entry_t) { .op = __HYPERVISOR_xen_version };
	return call_xen(__HYPERVISOR_multicall, (u64)calls, ARRAY_SIZE(calls), 0);
}

static const struct op hypercall_ops[] = {
	{ "EVTCHNOP_alloc_unbound", guest_alloc_unbound, make_guest, NULL, close_guest },
	{ "EVTCHNOP_init_control", guest_init_control, make_guest, NULL, close_guest },
	{ "EVTCHNOP_expand_array", guest_expand_array, make_fifo, NULL, close_guest },
	{ "XENMEM_add_to_physmap", guest_map_grants, make_guest, NULL, close_guest },
	{ "XENMEM_decrease_reservation", guest_decrease, make_guest_with_area, NULL, close_guest },
	{ "XENMEM_populate_physmap", guest_populate, make_guest_with_hole, NULL, close_guest },
	{ "VCPUOP_register_vcpu_info", guest_register_info, make_guest, NULL, close_guest },
	{ "CONSOLEIO_write", guest_console, make_guest, NULL, close_guest },
	{ "multicall", guest_multicall, make_guest, NULL, close_guest },
};

/* vm_alloc()'s memory isn't given back: a process for each. */
static void hypercall_fails(const struct op *op)
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
	unsigned int i;

	need_phv();
	test_limit(300);
	for (i = 0; i < ARRAY_SIZE(hypercall_ops); i++)
		hypercall_fails(&hypercall_ops[i]);
}

/* A domain whose creation fails is found by nobody meanwhile. */

static bool over;

static int look_at(const struct phv_nl_domain *domain, void *arg)
{
	*(bool *)arg |= domain->state != PHV_DOMAIN_STATE_CREATED;
	return 0;
}

static void *look_around(void *arg)
{
	struct phv_nl *nl;
	bool odd = false;

	check_eq(phv_nl_open(&nl), 0);
	while (!READ_ONCE(over))
		phv_nl_domains(nl, look_at, &odd);
	phv_nl_close(nl);
	check(!odd);
	return arg;
}

static void watched_creation_fails(void)
{
	static const struct op op = {
		"PHV_CREATE_DOMAIN", .call = create_domain, .undo = close_result,
	};
	pthread_t thread;
	unsigned int round;

	need_phv();
	need_cpus(2);
	test_limit(300);
	device = open(PHV_DEVICE, O_RDWR | O_CLOEXEC);
	check(device >= 0);
	faults_open();
	check_eq(pthread_create(&thread, NULL, look_around, NULL), 0);
	for (round = 0; round < 4 * ROUNDS; round++)
		fail_all(&op);
	WRITE_ONCE(over, true);
	pthread_join(thread, NULL);
}

static const struct test tests[] = {
	{ "ioctls of the device fail well", .host = device_fails },
	{ "ioctls of a domain fail well", .host = domain_fails },
	{ "ioctls of a Xen domain fail well", .host = xen_fails },
	{ "ioctls of a vCPU fail well", .host = vcpu_fails },
	{ "a guest goes on when it has memory again", .host = run_fails },
	{ "hypercalls fail well", .host = hypercalls_fail },
	{ "a domain in the making is not found", .host = watched_creation_fails },
};

int main(int argc, char **argv)
{
	if (!faults_set_up()) {
		ksft_print_header();
		ksft_exit_skip("needs root and a kernel with fault injection\n");
	}
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
