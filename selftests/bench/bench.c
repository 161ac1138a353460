// SPDX-License-Identifier: GPL-2.0-only
/*
 * What things cost on phv, and on KVM beside it: the same guest code, the same
 * host code but for the ioctls, in the same boot of the same machine.
 *
 *	bench [--json FILE] [ROW]...
 *
 * Runs phv first, then loads kvm_intel (which takes VMX at load on newer
 * kernels) and runs KVM.  Each figure is the least of several tries: timer
 * interrupts and the like make single ones larger.
 *
 * Time is counted by RDTSC.  In the emulated test host with one CPU and
 * `clock: sync=none` the TSC counts instructions; elsewhere it counts TSC ticks.
 * VMREADs, VMWRITEs and WRMSRs are counted by the emulator, see testport.h.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "testhost/testport.h"
#include "guest/xen.h"

#define TRIES		9
#define BENCH_PORT	0x500

/* A figure that is not there. */
#define NONE		(~0ULL)

/* Figures are integers, in thousandths. */
#define UNIT		1000

static bool have_testport;

/* What is counted besides time. */
static const struct {
	const char *name;
	u32 counter;
} counters[] = {
	{ "vmread",	TESTPORT_COUNTER_VMREAD },
	{ "vmwrite",	TESTPORT_COUNTER_VMWRITE },
	{ "wrmsr",	TESTPORT_COUNTER_HOST_WRMSR },
	{ "rdmsr",	TESTPORT_COUNTER_HOST_RDMSR },
	{ "vmexit",	TESTPORT_COUNTER_EXITS },
};

#define COUNTERS	ARRAY_SIZE(counters)

static void testport_close(void)
{
	ioperm(TESTPORT_BASE, TESTPORT_COUNT, 0);
}

/* What one side has for a row: cost of one operation. */
struct cost {
	u64 time;
	u64 count[COUNTERS];
};

struct row {
	const char *name;
	const char *unit;
	u64 target;		/* UNIT times, or NONE */
	u64 target_percent;	/* of the peer, or 0 */
	const char *note;
	bool counted;		/* with rows of their own for the counters */
	void (*measure)(const struct backend *backend, struct cost *cost);
	struct cost phv, peer;
};

/* Guests: @arg times the same thing; they note the time from first to last. */

static u64 elapsed;

#define GUEST_LOOP(name, ...)						\
static void guest_##name(u64 count)					\
{									\
	u64 start = rdtsc();						\
									\
	for (; count; count--)						\
		asm volatile(__VA_ARGS__);				\
	WRITE_ONCE(elapsed, rdtsc() - start);				\
}

GUEST_LOOP(nothing, "")
GUEST_LOOP(cpuid_0, "xor %%eax, %%eax; cpuid" : : : "rax", "rbx", "rcx", "rdx")
GUEST_LOOP(cpuid_1, "mov $1, %%eax; cpuid" : : : "rax", "rbx", "rcx", "rdx")
GUEST_LOOP(hypercall, "mov $0x7fffffff, %%eax; vmcall" : : : "rax", "memory")
GUEST_LOOP(msr, "rdmsr" : : "c" (MSR_APIC_BASE) : "rax", "rdx")
GUEST_LOOP(user_exit, "outl %%eax, %w1" : : "a" (0), "d" (BENCH_PORT))

GUEST_LOOP(version, "mov $17, %%eax; vmcall"
	   : : "D" (XENVER_version), "S" (0) : "rax", "memory")

/* Idle guests arm their timer for ever. */
static struct vcpu_set_singleshot_timer timer = { .timeout_abs_ns = 1ULL << 62 };

GUEST_LOOP(timer, "mov $24, %%eax; vmcall"
	   : : "D" (VCPUOP_set_singleshot_timer), "S" (0), "d" (&timer) : "rax", "memory")

static void least(u64 *to, u64 value)
{
	if (value < *to)
		*to = value;
}

static void no_cost(struct cost *cost)
{
	unsigned int i;

	cost->time = NONE;
	for (i = 0; i < COUNTERS; i++)
		cost->count[i] = NONE;
}

/*
 * The right to use the testport is the counting's only: with it, the kernel does
 * more on each way to user space.
 */
static void read_counters(u64 value[COUNTERS])
{
	unsigned int i;

	if (!have_testport || testport_open())
		return;
	for (i = 0; i < COUNTERS; i++)
		value[i] = testport_counter(counters[i].counter);
	testport_close();
}

/* PHV_RUN as quick as a program can: until something else than OUT happens. */
static void run_phv(struct vcpu *vcpu)
{
	const struct phv_run *run = vcpu->run;
	int fd = vcpu->fd;

	do {
		if (ioctl(fd, PHV_RUN, 0) && errno != EINTR)
			test_fail("PHV_RUN: %m");
	} while (run->exit_reason == PHV_EXIT_INTR ||
		 (run->exit_reason == PHV_EXIT_IO && run->io.port == BENCH_PORT));
}

static void run_kvm(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->private;
	int fd = vcpu->fd;

	do {
		if (ioctl(fd, KVM_RUN, 0) && errno != EINTR)
			test_fail("KVM_RUN: %m");
	} while (run->exit_reason == KVM_EXIT_INTR ||
		 (run->exit_reason == KVM_EXIT_IO && run->io.port == BENCH_PORT));
}

static void run(struct vcpu *vcpu)
{
	if (vcpu->vm->backend == &backend_phv)
		run_phv(vcpu);
	else
		run_kvm(vcpu);
}

/* Runs a guest that loops @count times; the costs are of all of it. */
static void run_counted(struct vcpu *vcpu, void (*guest)(u64), u64 count,
			struct cost *cost)
{
	u64 before[COUNTERS], after[COUNTERS];
	unsigned int i;

	vcpu_call(vcpu, guest, count);
	read_counters(before);
	run(vcpu);
	read_counters(after);
	cost->time = READ_ONCE(elapsed);
	for (i = 0; i < COUNTERS; i++)
		cost->count[i] = have_testport ? after[i] - before[i] : NONE;
}

/* The least of each of two. */
static void least_cost(struct cost *to, const struct cost *cost)
{
	unsigned int i;

	least(&to->time, cost->time);
	for (i = 0; i < COUNTERS; i++)
		least(&to->count[i], cost->count[i]);
}

static u64 difference(u64 with, u64 without, u64 count)
{
	if (with == NONE)
		return NONE;
	return with > without ? (with - without) * UNIT / count : 0;
}

/*
 * What one of @count operations costs: the run with them less another without.
 * Entering the guest for the first time and leaving it for good is in both.
 */
static void cost_of_each(struct cost *each, const struct cost *with,
			 const struct cost *without, u64 count)
{
	unsigned int i;

	each->time = difference(with->time, without->time, count);
	for (i = 0; i < COUNTERS; i++)
		each->count[i] = difference(with->count[i], without->count[i],
					    count);
}

static void measure_loop_in(struct vm *vm, void (*guest)(u64), u64 count, struct cost *cost)
{
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_nothing, 1);
	struct cost with, without, once;
	unsigned int i;

	check_eq(vm_set_ports(vm, BENCH_PORT, 1, PHV_PORTS_USER, -1), 0);
	no_cost(&with);
	no_cost(&without);
	for (i = 0; i < TRIES; i++) {
		run_counted(vcpu, guest, count, &once);
		least_cost(&with, &once);
		run_counted(vcpu, guest_nothing, count, &once);
		least_cost(&without, &once);
	}
	cost_of_each(cost, &with, &without, count);
	vm_destroy(vm);
}

static void measure_loop(const struct backend *backend, void (*guest)(u64),
			 u64 count, struct cost *cost)
{
	measure_loop_in(vm_create_on(backend), guest, count, cost);
}

static void exit_cpuid(const struct backend *backend, struct cost *cost)
{
	measure_loop(backend, guest_cpuid_0, 200, cost);
}

static void exit_cpuid_1(const struct backend *backend, struct cost *cost)
{
	measure_loop(backend, guest_cpuid_1, 200, cost);
}

static void exit_hypercall(const struct backend *backend, struct cost *cost)
{
	measure_loop(backend, guest_hypercall, 200, cost);
}

/* KVM has these, too, but not for the guests of this program. */
static void measure_xen(const struct backend *backend, void (*guest)(u64), struct cost *cost)
{
	struct vm *vm;

	no_cost(cost);
	if (backend != &backend_phv)
		return;
	vm = vm_create_on(backend);
	xen_setup_vm(vm, 0);
	measure_loop_in(vm, guest, 200, cost);
}

static void version(const struct backend *backend, struct cost *cost)
{
	measure_xen(backend, guest_version, cost);
}

static void xen_timer(const struct backend *backend, struct cost *cost)
{
	measure_xen(backend, guest_timer, cost);
}

static void exit_msr(const struct backend *backend, struct cost *cost)
{
	measure_loop(backend, guest_msr, 200, cost);
}

static void exit_user(const struct backend *backend, struct cost *cost)
{
	measure_loop(backend, guest_user_exit, 100, cost);
}

/* EPT violations at memory that the host has */

#define FAULT_ADDRESS	0xa0000000UL
#define FAULTS		16		/* of one try */

struct touch {
	u64 address, size;
};

static struct touch touch;

static void guest_touch(u64 count)
{
	u64 address = touch.address, size = touch.size, start = rdtsc();

	for (; count; count--, address += size)
		WRITE_ONCE(*(u64 *)address, 1);
	WRITE_ONCE(elapsed, rdtsc() - start);
}

static void *host_memory(u64 size, int advice)
{
	u64 room = size + (2UL << 20);
	u8 *memory = mmap(NULL, room, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		test_fail("mmap: %m");
	memory = (u8 *)(((u64)memory + (2UL << 20) - 1) & -(2UL << 20));
	madvise(memory, size, advice);
	memset(memory, 1, size);
	return memory;
}

static void measure_faults(const struct backend *backend, u64 size, int advice,
			   struct cost *cost)
{
	u64 all = size * FAULTS * TRIES;
	u8 *memory = host_memory(all, advice);
	struct vm *vm = vm_create_on(backend);
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_nothing, 1);
	struct cost with, without, once;
	unsigned int i;

	check_eq(vm_add_memory(vm, FAULT_ADDRESS, all, memory, 0), 0);
	no_cost(&with);
	no_cost(&without);
	for (i = 0; i < TRIES; i++) {
		touch.address = FAULT_ADDRESS + i * FAULTS * size;
		touch.size = size;
		run_counted(vcpu, guest_touch, FAULTS, &once);
		least_cost(&with, &once);
		/* once more: now they are mapped */
		run_counted(vcpu, guest_touch, FAULTS, &once);
		least_cost(&without, &once);
	}
	cost_of_each(cost, &with, &without, FAULTS);
	vm_destroy(vm);
	munmap(memory, all);
}

static void fault_4k(const struct backend *backend, struct cost *cost)
{
	measure_faults(backend, 4096, MADV_NOHUGEPAGE, cost);
}

static void fault_2m(const struct backend *backend, struct cost *cost)
{
	measure_faults(backend, 2UL << 20, MADV_HUGEPAGE, cost);
}

/* Interrupts from another thread to a vCPU that runs: exits that they cause */

#define IRQ_VECTOR	0x61
#define IRQS		200

static u64 irqs_taken;
static bool irqs_ready;

static void on_irq(struct guest_frame *frame)
{
	(void)frame;
	WRITE_ONCE(irqs_taken, irqs_taken + 1);
	x2apic_eoi();
}

static void guest_take_irqs(u64 count)
{
	guest_handle(IRQ_VECTOR, on_irq);
	x2apic_enable();
	sti();
	WRITE_ONCE(irqs_ready, true);
	while (READ_ONCE(irqs_taken) < count)
		;	/* without PAUSE: a loop of those exits */
	cli();
}

static void send_irqs(struct vcpu *vcpu, u64 count)
{
	u64 i;

	for (i = READ_ONCE(irqs_taken); i < count; i++) {
		check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, IRQ_VECTOR), 0);
		wait_until(READ_ONCE(irqs_taken) > i);
	}
}

static void irq_posted(const struct backend *backend, struct cost *cost)
{
	u64 before, after, all = IRQS * (TRIES + 1) + 1;
	struct vcpu *vcpu;
	struct vm *vm;
	unsigned int i;

	no_cost(cost);
	if (!have_testport || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	if (testport_open())
		return;
	vm = vm_create_on(backend);
	vcpu = vm_add_guest(vm, 0, guest_take_irqs, all);
	irqs_taken = 0;
	irqs_ready = false;
	pin_to_cpu(1);
	vcpu_start(vcpu);
	pin_to_cpu(0);
	wait_until(READ_ONCE(irqs_ready));
	send_irqs(vcpu, IRQS);
	for (i = 1; i <= TRIES; i++) {
		before = testport_counter(TESTPORT_COUNTER_EXITS);
		send_irqs(vcpu, IRQS * (i + 1));
		after = testport_counter(TESTPORT_COUNTER_EXITS);
		least(&cost->time, (after - before) * UNIT / IRQS);
	}
	send_irqs(vcpu, all);
	vcpu_join(vcpu);
	vm_destroy(vm);
	testport_close();
}

/* Creation, seen from the host, with VMX on already */

static void vcpu_creation(const struct backend *backend, struct cost *cost)
{
	unsigned int i, j;

	no_cost(cost);
	for (i = 0; i < TRIES; i++) {
		struct vm *vm = vm_create_on(backend);
		struct vcpu *vcpu;
		u64 start;

		vcpu_create(vm, 0);
		for (j = 1; j < 4; j++) {
			vcpu = calloc(1, sizeof(*vcpu));
			vcpu->vm = vm;
			vcpu->id = j;
			start = rdtsc();
			check_eq(backend->vcpu_open(vcpu), 0);
			least(&cost->time, (rdtsc() - start) * UNIT);
			vm->vcpus[j] = vcpu;
		}
		vm_destroy(vm);
	}
}

static void domain_creation(const struct backend *backend, struct cost *cost)
{
	struct vm *other = vm_create_on(backend);
	unsigned int i;

	no_cost(cost);
	for (i = 0; i < TRIES; i++) {
		struct vm *vm = calloc(1, sizeof(*vm));
		u64 start = rdtsc();

		vm->backend = backend;
		check_eq(backend->open(vm), 0);
		backend->close(vm);
		least(&cost->time, (rdtsc() - start) * UNIT);
		free(vm);
	}
	vm_destroy(other);
}

/* vmctl run, with phvd there already, until the guest says something */

#define BOOTS		2

static void run_vmctl(const char *const *argv, int out)
{
	dup2(out, STDOUT_FILENO);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	execvp("vmctl", (char *const *)argv);
	_exit(127);
}

/* Does not count when it does not come. */
static u64 time_to_word(const char *const *argv, const char *word)
{
	u64 start = rdtsc(), time = NONE;
	char text[8192] = "";
	int fds[2], status;
	size_t size = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		test_fail("pipe: %m");
	pid = fork();
	if (!pid)
		run_vmctl(argv, fds[1]);
	close(fds[1]);
	while (size < sizeof(text) - 1) {
		n = read(fds[0], text + size, sizeof(text) - 1 - size);
		if (n <= 0)
			break;
		size += n;
		text[size] = '\0';
		if (time == NONE && strstr(text, word))
			time = (rdtsc() - start) * UNIT;
	}
	close(fds[0]);
	waitpid(pid, &status, 0);
	return time;
}

static void measure_boot(const struct backend *backend, const char *const *argv,
			 const char *word, struct cost *cost)
{
	unsigned int i;

	no_cost(cost);
	if (backend != &backend_phv)
		return;
	for (i = 0; i < BOOTS; i++)
		least(&cost->time, time_to_word(argv, word));
}

/* The tiny guest says its name with its first hypercall but one. */
static void boot_first_instruction(const struct backend *backend, struct cost *cost)
{
	char path[300];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 8);
	const char *argv[] = {
		"vmctl", "run", "bench", "--kernel", path, "--memory", "256M",
		"--cmdline", "poweroff", NULL
	};

	path[size < 0 ? 0 : size] = '\0';
	memcpy(strrchr(path, '/') ?: path, "/tiny", sizeof("/tiny"));
	measure_boot(backend, argv, "tiny", cost);
}

static void boot_init(const struct backend *backend, struct cost *cost)
{
	static const char *const argv[] = {
		"vmctl", "run", "bench", "--kernel", "/guests/linux-6.12",
		"--initrd", "/guests/initrd-6.12", "--memory", "256M",
		"--cmdline", "quiet phv.run=\"echo begun\"", NULL
	};

	measure_boot(backend, argv, "begun", cost);
}

static struct row rows[] = {
	{ "exit.cpuid", "instructions", 200 * UNIT, 0,
	  "CPUID, leaf 0", true, exit_cpuid, {}, {} },
	{ "exit.cpuid.1", "instructions", NONE, 0,
	  "CPUID, leaf 1, part of which is the vCPU's own", false, exit_cpuid_1,
	  {}, {} },
	{ "exit.hypercall", "instructions", 200 * UNIT, 0,
	  "VMCALL with an unknown number", true, exit_hypercall, {}, {} },
	{ "xen.version", "instructions", NONE, 0,
	  "XENVER_version", false, version, {}, {} },
	{ "xen.timer", "instructions", NONE, 0,
	  "VCPUOP_set_singleshot_timer", true, xen_timer, {}, {} },
	{ "exit.msr", "instructions", NONE, 0,
	  "RDMSR of IA32_APIC_BASE", true, exit_msr, {}, {} },
	{ "exit.user", "instructions", 1000 * UNIT, 0,
	  "OUT to a port that is user space's", true, exit_user, {}, {} },
	{ "ept.fault.4k", "instructions", NONE, 50,
	  "write to memory that the host has in a 4 KiB page", true, fault_4k,
	  {}, {} },
	{ "ept.fault.2m", "instructions", NONE, 50,
	  "write to memory that the host has in a 2 MiB page", true, fault_2m,
	  {}, {} },
	{ "irq.posted", "exits", 0, 0,
	  "interrupt by ioctl to a vCPU that runs on another CPU", false,
	  irq_posted, {}, {} },
	{ "vcpu.create", "instructions", NONE, 0,
	  "with its run page mapped", false, vcpu_creation, {}, {} },
	{ "domain.create_destroy", "instructions", NONE, 0,
	  "empty, beside another one; waiting included", false,
	  domain_creation, {}, {} },
	{ "boot.first_instruction", "instructions", 60000000ULL * UNIT, 0,
	  "vmctl run, to the first output of a tiny guest", false,
	  boot_first_instruction, {}, {} },
	{ "boot.init", "instructions", 2000000000ULL * UNIT, 0,
	  "vmctl run, to the first output of a command that the guest's /init runs", false,
	  boot_init, {}, {} },
};

static void print_number(FILE *file, u64 value)
{
	if (value == NONE)
		fprintf(file, "null");
	else
		fprintf(file, "%llu.%03llu", value / UNIT, value % UNIT);
}

static void print_json(FILE *file, const char *name, const char *counter,
		       const char *unit, u64 phv, u64 peer, u64 target,
		       const char *note)
{
	static bool another;

	fprintf(file, "%s{\"name\": \"%s%s%s\", \"unit\": \"%s\", \"phv\": ",
		another ? ",\n" : "", name, counter ? "." : "",
		counter ? counter : "", unit);
	another = true;
	print_number(file, phv);
	fprintf(file, ", \"peer\": ");
	print_number(file, peer);
	fprintf(file, ", \"peer_name\": \"KVM\", \"target\": ");
	print_number(file, target);
	fprintf(file, ", \"note\": \"%s\"}", note);
}

/* A number in a column; whole ones without a fraction. */
static void print_cell(u64 value, bool whole)
{
	if (value == NONE)
		printf(" %10s", "-");
	else if (whole)
		printf(" %10llu", (value + UNIT / 2) / UNIT);
	else
		printf(" %7llu.%02llu", value / UNIT, value % UNIT / 10);
}

static void print_line(const char *name, const char *counter, const char *unit,
		       u64 phv, u64 peer, u64 target)
{
	bool whole = !strcmp(unit, "instructions");

	printf("%-22s", counter ? counter : name);
	print_cell(phv, whole);
	print_cell(peer, whole);
	print_cell(target, whole);
	printf("  %s", unit);
	if (target != NONE && phv != NONE)
		printf("%s", phv <= target ? ", met" : ", MISSED");
	printf("\n");
}

static void print_row(FILE *json, const struct row *row)
{
	u64 target = row->target;
	unsigned int i;

	if (row->target_percent && row->peer.time != NONE)
		target = row->peer.time * row->target_percent / 100;
	print_line(row->name, NULL, row->unit, row->phv.time, row->peer.time,
		   target);
	if (json)
		print_json(json, row->name, NULL, row->unit, row->phv.time,
			   row->peer.time, target, row->note);
	for (i = 0; row->counted && have_testport && i < COUNTERS; i++) {
		char indented[32];

		snprintf(indented, sizeof(indented), "  %s", counters[i].name);
		print_line(NULL, indented, "each", row->phv.count[i],
			   row->peer.count[i], NONE);
		if (json)
			print_json(json, row->name, counters[i].name, "each",
				   row->phv.count[i], row->peer.count[i], NONE,
				   "by the emulator's counters");
	}
}

static bool is_wanted(const struct row *row, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		if (!strcmp(argv[i], row->name))
			return true;
	return !argc;
}

static bool load_kvm(void)
{
	return !access("/dev/kvm", F_OK) || !system("modprobe kvm_intel");
}

static void wrong_usage(void)
{
	fprintf(stderr, "usage: bench [--json FILE] [ROW]...\n");
	exit(2);
}

int main(int argc, char **argv)
{
	FILE *json = NULL;
	unsigned int i;
	bool kvm;

	argv++, argc--;
	if (argc && !strcmp(argv[0], "--json")) {
		if (argc < 2)
			wrong_usage();
		json = fopen(argv[1], "w");
		if (!json) {
			fprintf(stderr, "bench: %s: %m\n", argv[1]);
			return 1;
		}
		argv += 2;
		argc -= 2;
	}
	have_testport = !testport_open();
	if (have_testport)
		testport_close();

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_wanted(&rows[i], argc, argv))
			rows[i].measure(&backend_phv, &rows[i].phv);
	kvm = load_kvm();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		no_cost(&rows[i].peer);
		if (kvm && is_wanted(&rows[i], argc, argv))
			rows[i].measure(&backend_kvm, &rows[i].peer);
	}

	printf("%-22s %10s %10s %10s\n", "", "phv", "KVM", "target");
	if (json)
		fprintf(json, "[\n");
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_wanted(&rows[i], argc, argv))
			print_row(json, &rows[i]);
	if (json) {
		fprintf(json, "\n]\n");
		fclose(json);
	}
	return 0;
}
