// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory: ioctls, mmap(), netlink and loading while one thing after the other that they
 * allocate, copy or look up cannot be had. Hypercalls: fault_guest.
 *
 * Needs a kernel with fault injection (CONFIG_FAILSLAB and so on) and fail-nth, as the
 * test host 6.12-debug has it.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fault.h"
#include "leak.h"
#include "netlink.h"
#include "pv_memory.h"

#define PORT		0x300

/* /dev/phv */

static int device = -1;
static struct vm *vm;
static struct vcpu *vcpu;

static void close_result(void)
{
	close(result);
}

static void open_device(void)
{
	device = open(PHV_DEVICE, O_RDWR | O_CLOEXEC);
	check(device >= 0);
}

/* While there is another, domains come and go without VMX going on and off. */
static void keep_vmx_on(void)
{
	vm_create_empty();
}

static long get_caps(void)
{
	struct phv_caps caps;

	return ioctl(device, PHV_GET_CAPS, &caps) ? -errno : 0;
}

/* Each has a name of its own: one that somebody looks at keeps its for a while. */
static u32 created_id;

static long create_domain(void)
{
	struct phv_create_domain create = { .flags = 0 };
	static unsigned int number;
	int fd;

	snprintf(create.name, sizeof(create.name), "fault-%u", number++);
	fd = ioctl(device, PHV_CREATE_DOMAIN, &create);
	created_id = create.id;
	return fd < 0 ? -errno : fd;
}

static const struct op device_ops[] = {
	{ "PHV_GET_CAPS", .call = get_caps },
	{ "PHV_CREATE_DOMAIN", .call = create_domain, .undo = close_result },
};

static void device_fails(void)
{
	need_phv();
	open_device();
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

static long remove_ports(void)
{
	return vm_set_ports(vm, PORT, 4, PHV_PORTS_IGNORE, -1);
}

static void reset_ports(void)
{
	check_eq(remove_ports(), 0);
}

static void make_with_ports(void)
{
	make_domain();
	check_eq(set_doorbell(), 0);
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

static long remove_irqfd(void)
{
	return set_irqfd_flags(PHV_IRQFD_REMOVE);
}

static void reset_irqfd(void)
{
	check_eq(remove_irqfd(), 0);
}

static void make_with_irqfd(void)
{
	make_with_vcpu();
	check_eq(set_irqfd(), 0);
}

static const struct op domain_ops[] = {
	OP("PHV_CREATE_VCPU", create_vcpu, make_domain, close_result, close_domain),
	OP("PHV_ADD_MEMORY", add_memory, make_domain, NULL, close_domain),
	OP("PHV_CHANGE_MEMORY", change_memory, add_it, NULL, close_domain),
	OP("PHV_GET_DIRTY", get_dirty, log_it, NULL, close_domain),
	OP("PHV_REMOVE_MEMORY", remove_memory, add_it, NULL, close_domain),
	OP("PHV_GET_CPUID", get_cpuid, make_domain, NULL, close_domain),
	OP("PHV_SET_CPUID", set_cpuid, make_with_cpuid, NULL, close_domain),
	OP("PHV_SET_MSR_POLICY", set_msr_policy, make_domain, NULL, close_domain),
	OP_NONE("PHV_SET_TSC_KHZ", set_tsc_khz, make_with_cpuid, NULL, close_domain),
	OP("PHV_SET_PORTS", set_ports, make_domain, reset_ports, close_domain),
	OP("PHV_SET_PORTS, doorbell", set_doorbell, make_domain, reset_ports, close_domain),
	OP("PHV_SET_PORTS, another", set_ports, make_with_ports, NULL, close_domain),
	OP("PHV_SET_PORTS, removal", remove_ports, make_with_ports, NULL, close_domain),
	OP("PHV_SET_IRQFD", set_irqfd, make_with_vcpu, reset_irqfd, close_domain),
	OP("PHV_SET_IRQFD, left", set_irqfd, make_with_vcpu, NULL, close_domain),
	OP("PHV_SET_IRQFD, removal", remove_irqfd, make_with_irqfd, NULL, close_domain),
};

static void domain_fails(void)
{
	need_phv();
	keep_vmx_on();
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
		.flags = PHV_XEN_SCRATCH, .max_pages = XEN_MAX_PAGES,
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
	OP("PHV_XEN_SETUP", setup_xen, make_domain, NULL, close_domain),
	OP("PHV_CREATE_VCPU", create_vcpu, make_xen, close_result, close_domain),
	OP("PHV_XEN_GET_PARAM", get_param, make_xen, NULL, close_domain),
	OP("PHV_XEN_SET_PARAM", set_param, make_xen, NULL, close_domain),
	OP("PHV_XEN_SET_MEMORY_MAP", set_memory_map, make_xen, NULL, close_domain),
	OP("PHV_EVTCHN_ALLOC", evtchn_alloc, make_xen, NULL, close_domain),
	OP("PHV_EVTCHN_BIND", bind_port, make_port, NULL, close_domain),
	OP_NONE("PHV_EVTCHN_UNBIND", unbind_port, make_binding, NULL, close_domain),
	OP_NONE("PHV_EVTCHN_SEND", send_port, make_binding, NULL, close_domain),
	OP("PHV_XEN_GET_GRANTS", get_grants, make_xen, NULL, close_domain),
};

static void xen_fails(void)
{
	need_phv();
	keep_vmx_on();
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

static u32 *run_page;

static long map_run_page(void)
{
	run_page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run_page == MAP_FAILED)
		return -errno;
	WRITE_ONCE(*run_page, 0);
	return 0;
}

static void unmap_run_page(void)
{
	munmap(run_page, PAGE);
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
	{ "PHV_INTERRUPT", .call = interrupt, .none = true },
	{ "PHV_NMI", .call = nmi, .none = true },
	{ "mmap", .call = map_run_page, .undo = unmap_run_page, .none = true },
};

static void vcpu_fails(void)
{
	need_phv();
	vcpu = vm_with_guest(guest_servant);
	fail_ops(vcpu_ops, ARRAY_SIZE(vcpu_ops));
}

/* Netlink */

static struct phv_nl *nl;
static unsigned int seen;

static int see_domain(const struct phv_nl_domain *domain, void *arg)
{
	(void)arg;
	seen += domain->id == vm->id;
	return 0;
}

static int see_vcpu(const struct phv_nl_vcpu *of, void *arg)
{
	(void)arg;
	seen += of->domain == vm->id;
	return 0;
}

static long told(int ret)
{
	if (!ret)
		check_eq(seen, 1);
	seen = 0;
	return ret;
}

static long get_domain(void)
{
	struct phv_nl_domain domain;
	int ret = phv_nl_get(nl, NULL, vm->id, &domain);

	seen = domain.id == vm->id;
	return told(ret);
}

static long list_domains(void)
{
	return told(phv_nl_domains(nl, see_domain, NULL));
}

static long list_vcpus(void)
{
	return told(phv_nl_vcpus(nl, vm->id, see_vcpu, NULL));
}

/* Whoever listens is told, or told that something was lost. */
static void expect_event(u32 id, u32 what)
{
	struct pollfd pollfd = { .fd = phv_nl_fd(nl), .events = POLLIN };
	struct phv_nl_domain domain;
	int ret;

	do {
		if (poll(&pollfd, 1, 0) != 1)
			test_fail("nobody was told of event %u", what);
		ret = phv_nl_event(nl, &domain);
		check(!ret || ret == -ENOBUFS);
	} while (!ret && (domain.id != id || domain.event != what));
	/* What was lost was lost by now. */
	while (poll(&pollfd, 1, 0) == 1)
		phv_nl_event(nl, &domain);
}

static void created(void)
{
	expect_event(created_id, PHV_EVENT_CREATED);
	close(result);
}

static int doomed = -1;

static void make_doomed(void)
{
	doomed = create_domain();
	check(doomed >= 0);
}

static long end_domain(void)
{
	close(doomed);
	return 0;
}

static void ended(void)
{
	expect_event(created_id, PHV_EVENT_DESTROYED);
}

static const struct op event_ops[] = {
	{ "a domain's creation", .call = create_domain, .undo = created },
	OP("a domain's end", end_domain, make_doomed, ended, NULL),
};

static void events_fail(void)
{
	need_phv();
	open_device();
	check_eq(phv_nl_open(&nl), 0);
	check_eq(phv_nl_listen(nl), 0);
	fail_ops(event_ops, ARRAY_SIZE(event_ops));
}

static const struct op netlink_ops[] = {
	{ "PHV_CMD_DOMAIN_GET", .call = get_domain },
	{ "PHV_CMD_DOMAIN_GET, all", .call = list_domains, .none = true },
	{ "PHV_CMD_VCPU_GET", .call = list_vcpus, .none = true },
};

static void netlink_fails(void)
{
	need_phv();
	vm = vm_create_empty();
	vcpu_create(vm, 0);
	check_eq(phv_nl_open(&nl), 0);
	fail_ops(netlink_ops, ARRAY_SIZE(netlink_ops));
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
	struct phv_nl *other;
	bool odd = false;

	check_eq(phv_nl_open(&other), 0);
	while (!READ_ONCE(over))
		phv_nl_domains(other, look_at, &odd);
	phv_nl_close(other);
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
	open_device();
	faults_open();
	check_eq(pthread_create(&thread, NULL, look_around, NULL), 0);
	for (round = 0; round < 2 * ROUNDS; round++)
		fail_all(&op);
	WRITE_ONCE(over, true);
	pthread_join(thread, NULL);
}

/*
 * The module itself. To load it takes seconds here, so that each thing fails but once: what
 * all that comes after it leaves behind is found by this, and by kmemleak the rest.
 */

static long load_and_unload(unsigned int n, bool *failed)
{
	long ret;

	fault_arm(n);
	ret = phv_load();
	*failed = fault_disarm();
	if (ret)
		check(!module_is_loaded("phv"));
	else
		check_eq(phv_unload(), 0);
	return ret;
}

/* Without a kprobe, it is loaded and says so: what else fails ends it. */
static void loading_fails(void)
{
	static struct leak_stock before;
	unsigned int n = 0, refused = 0;
	bool failed;
	long ret;

	need_phv();
	test_limit(900);
	faults_open();
	check_eq(phv_unload(), 0);
	check_eq(load_and_unload(MANY, &failed), 0);
	check(!failed);
	check(leak_take_stock(&before));
	do {
		ret = load_and_unload(++n, &failed);
		if (ret && (!failed || ret != -ENOMEM))
			test_fail("failure %u: %ld", n, ret);
		refused += !!ret;
	} while (failed);
	ksft_print_msg("loading: %u points of failure, %u refuse\n", n - 1, refused);
	check(refused > 0);
	if (leak_found(&before, n))
		test_fail("it leaks when it can't be loaded");
	check_eq(phv_load(), 0);
}

static const struct test tests[] = {
	{ "ioctls of the device fail well", .host = device_fails },
	{ "ioctls of a domain fail well", .host = domain_fails },
	{ "ioctls of a Xen domain fail well", .host = xen_fails },
	{ "ioctls of a vCPU fail well", .host = vcpu_fails },
	{ "requests by netlink fail well", .host = netlink_fails },
	{ "who is not told of an event is told that", .host = events_fail },
	{ "a domain in the making is not found", .host = watched_creation_fails },
	/* The last: if it fails, there is no module. */
	{ "loading fails well", .host = loading_fails },
};

int main(int argc, char **argv)
{
	return fault_main(tests, ARRAY_SIZE(tests), argc, argv);
}
