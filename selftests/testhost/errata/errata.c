// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's errata are cured, and each test would notice if they weren't:
 * the same small guest is run by KVM on the emulator as it is, where it must
 * see what the SDM says, and with the erratum switched on by the testport,
 * where it must see the error.
 *
 * For the test host only; needs kvm_intel with enable_apicv=1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kselftest.h"
#include "testport.h"

#define PARAMETER	"/sys/module/kvm_intel/parameters/enable_apicv"
#define EXIT_EXTERNAL_INTERRUPT	1	/* SDM volume 3, appendix C */
#define INVALID_CONTROL_FIELD	7	/* VM-instruction error */

/* The guest's memory, one slot at address 0, and what is where in it */
#define MEMORY_SIZE	0x10000
#define CODE		0x1000
#define COUNTERS	0x2000
#define STACK		0x8000
#define UNMAPPED_STACK	0xa000
#define PAGE_DIRECTORY	0xc000
#define OTHER_VECTOR	0x30
#define VECTOR		0x40
#define SPURIOUS	0xff
#define PORT		0x10

/* COUNTERS: what the guest and the test tell each other */
struct counters {
	__u32 received;	/* interrupts of VECTOR */
	__u32 spurious;	/* interrupts of SPURIOUS */
	__u32 stop;		/* the test asks the guest to end */
	__u32 touched;	/* the guest has been here */
};

#define STRING(x)	#x
#define TO_STRING(x)	STRING(x)

/*
 * The guests: real mode, an x2APIC, interrupts off.  Each writes to PORT where
 * the test shall look at the counters.
 */
asm(
	".pushsection .rodata\n"
	".code16\n"
"guest_start:\n"
	/*
	 * have the pages below mapped, send VECTOR to oneself, look whether it
	 * comes before STI, and after
	 */
"guest_masked:\n"
	"push %ax\n"
	"mov 0, %ax\n"
	"incl " TO_STRING(COUNTERS) " + 12\n"
	"mov $0x83f, %ecx\n"			/* self IPI */
	"mov $" TO_STRING(VECTOR) ", %eax\n"
	"xor %edx, %edx\n"
	"wrmsr\n"
	"mov $2000000, %ecx\n"
"1:	dec %ecx\n"
	"jnz 1b\n"
	"out %al, $" TO_STRING(PORT) "\n"
	"sti\n"
	"nop\n"
	"cli\n"
	"out %al, $" TO_STRING(PORT) "\n"
	"hlt\n"
	/* some event, and then VECTOR to oneself, with no stack mapped for it */
"guest_unmapped:\n"
	"int $" TO_STRING(OTHER_VECTOR) "\n"
	"mov $" TO_STRING(UNMAPPED_STACK) ", %sp\n"
	"mov $0x83f, %ecx\n"
	"mov $" TO_STRING(VECTOR) ", %eax\n"
	"xor %edx, %edx\n"
	"wrmsr\n"
	"sti\n"
	"nop\n"
	"cli\n"
	"out %al, $" TO_STRING(PORT) "\n"
	"hlt\n"
	/* exit all the time, with interrupts on, until the test says stop */
"guest_exits:\n"
	"sti\n"
"1:	xor %eax, %eax\n"
	"cpuid\n"
	"cmpl $0, " TO_STRING(COUNTERS) " + 8\n"
	"je 1b\n"
	"out %al, $" TO_STRING(PORT) "\n"
	"hlt\n"
	/* wait with interrupts off */
"guest_halted:\n"
	"hlt\n"
	"out %al, $" TO_STRING(PORT) "\n"
	"hlt\n"
	/* write to a read-only page, in protected mode with CR0.WP = 0 */
	".code32\n"
"guest_writes:\n"
	"incl " TO_STRING(COUNTERS) "\n"
	"out %al, $" TO_STRING(PORT) "\n"
	"hlt\n"
	".code16\n"
"handle_other:\n"
	"iret\n"
"handle_vector:\n"
	"incl " TO_STRING(COUNTERS) "\n"
	"jmp 1f\n"
"handle_spurious:\n"
	"incl " TO_STRING(COUNTERS) " + 4\n"
"1:	pushal\n"
	"mov $0x80b, %ecx\n"			/* EOI */
	"xor %eax, %eax\n"
	"xor %edx, %edx\n"
	"wrmsr\n"
	"popal\n"
	"iret\n"
"guest_end:\n"
	".code64\n"
	".popsection\n"
);

extern const char guest_start[], guest_end[];
extern const char guest_masked[], guest_unmapped[], guest_exits[];
extern const char guest_halted[], guest_writes[];
extern const char handle_other[], handle_vector[], handle_spurious[];

struct vm {
	int fd;
	int vcpu;
	struct kvm_run *run;
	size_t run_size;
	char *memory;
};

static int kvm;

static struct counters *counters(struct vm *vm)
{
	return (struct counters *)(vm->memory + COUNTERS);
}

static __u16 guest_address(const char *label)
{
	return CODE + (label - guest_start);
}

static void set_vector(struct vm *vm, unsigned int vector, const char *handler)
{
	const __u16 entry[2] = { guest_address(handler), 0 };

	memcpy(vm->memory + 4 * vector, entry, sizeof(entry));
}

static int set_memory(struct vm *vm)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY_SIZE,
	};

	vm->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm->memory == MAP_FAILED)
		return -1;
	memcpy(vm->memory + CODE, guest_start, guest_end - guest_start);
	set_vector(vm, OTHER_VECTOR, handle_other);
	set_vector(vm, VECTOR, handle_vector);
	set_vector(vm, SPURIOUS, handle_spurious);
	region.userspace_addr = (__u64)vm->memory;
	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static int set_cpuid(struct vm *vm)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = { .head.nent = 256 };

	return ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) ?:
	       ioctl(vm->vcpu, KVM_SET_CPUID2, &cpuid);
}

static int set_registers(struct vm *vm, const char *start)
{
	struct kvm_regs regs = {
		.rip = guest_address(start), .rsp = STACK, .rflags = 2,
	};
	struct kvm_sregs sregs;

	if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs))
		return -1;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	sregs.apic_base |= 0xc00;	/* enabled, x2APIC mode */
	return ioctl(vm->vcpu, KVM_SET_SREGS, &sregs) ?:
	       ioctl(vm->vcpu, KVM_SET_REGS, &regs);
}

/* The APIC is software-enabled, as the guest would do it. */
static int enable_apic(struct vm *vm)
{
	struct kvm_lapic_state apic;

	if (ioctl(vm->vcpu, KVM_GET_LAPIC, &apic))
		return -1;
	apic.regs[0xf1] |= 1;
	return ioctl(vm->vcpu, KVM_SET_LAPIC, &apic);
}

/* @native_hlt: HLT does not exit. */
static void vm_create(struct vm *vm, const char *start, bool native_hlt)
{
	struct kvm_enable_cap no_exits = {
		.cap = KVM_CAP_X86_DISABLE_EXITS,
		.args[0] = KVM_X86_DISABLE_EXITS_HLT,
	};

	vm->fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		ksft_exit_fail_msg("KVM_CREATE_VM: %m\n");
	if ((native_hlt && ioctl(vm->fd, KVM_ENABLE_CAP, &no_exits)) ||
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000) ||
	    ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) || set_memory(vm))
		ksft_exit_fail_msg("VM: %m\n");
	vm->vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, 0);
	if (vm->vcpu < 0)
		ksft_exit_fail_msg("KVM_CREATE_VCPU: %m\n");
	vm->run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       vm->vcpu, 0);
	if (vm->run == MAP_FAILED || set_cpuid(vm) ||
	    set_registers(vm, start) || enable_apic(vm))
		ksft_exit_fail_msg("vCPU: %m\n");
}

static void vm_destroy(struct vm *vm)
{
	munmap(vm->run, vm->run_size);
	munmap(vm->memory, MEMORY_SIZE);
	close(vm->vcpu);
	close(vm->fd);
}

/* Run to the next write to PORT; false if the guest ends otherwise. */
static bool run_to_port(struct vm *vm)
{
	int result;

	do {
		result = ioctl(vm->vcpu, KVM_RUN, 0);
	} while (result && errno == EINTR);
	if (!result && vm->run->exit_reason == KVM_EXIT_IO &&
	    vm->run->io.port == PORT)
		return true;
	ksft_print_msg("the guest ended by exit %u: %m\n", vm->run->exit_reason);
	return false;
}

static void set_errata(__u32 mask)
{
	if (testport_call(TESTPORT_CALL_ERRATA, mask) < 0)
		ksft_exit_fail_msg("errata %#x: refused\n", mask);
}

/*
 * A posted-interrupt descriptor has 64 bytes and that alignment, and KVM's are
 * not at the start of a page.
 */
static void test_descriptor_alignment(void)
{
	struct vm vm;
	bool refused;

	vm_create(&vm, guest_masked, false);
	set_errata(TESTPORT_ERRATUM_PI_DESC_ALIGN);
	refused = !ioctl(vm.vcpu, KVM_RUN, 0) &&
		  vm.run->exit_reason == KVM_EXIT_FAIL_ENTRY &&
		  vm.run->fail_entry.hardware_entry_failure_reason ==
			INVALID_CONTROL_FIELD;
	set_errata(0);
	ksft_test_result(refused, "descriptor alignment: present, VM entry fails\n");
	ksft_test_result(run_to_port(&vm), "descriptor alignment: cured\n");
	vm_destroy(&vm);
}

/* Interrupts of the host's timer, at a rate that hits a spinning guest */
static int start_timer(void)
{
	struct itimerspec rate = {
		.it_interval.tv_nsec = 100 * 1000, .it_value.tv_nsec = 100 * 1000,
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &rate, NULL))
		ksft_exit_fail_msg("timerfd: %m\n");
	return fd;
}

/* What became of guest_masked */
struct masked {
	__u64 physical;	/* physical interrupts while it spun */
	__u32 before;	/* virtual interrupts before its STI */
	__u32 after;		/* and after it */
};

/*
 * A guest with RFLAGS.IF = 0 has a virtual interrupt pending, and physical
 * interrupts come.
 */
static struct masked run_masked(__u32 mask)
{
	const __u32 counter = TESTPORT_COUNTER_EXIT + EXIT_EXTERNAL_INTERRUPT;
	struct masked seen;
	struct vm vm;
	int timer;

	vm_create(&vm, guest_masked, false);
	timer = start_timer();
	set_errata(mask);
	seen.physical = testport_counter(counter);
	if (!run_to_port(&vm))
		ksft_exit_fail_msg("the guest didn't come to its STI\n");
	seen.physical = testport_counter(counter) - seen.physical;
	seen.before = counters(&vm)->received;
	close(timer);
	if (!run_to_port(&vm))
		ksft_exit_fail_msg("the guest didn't come past its STI\n");
	seen.after = counters(&vm)->received;
	set_errata(0);
	ksft_print_msg("%llu physical interrupts; virtual ones: %u before STI, %u after\n",
		       (unsigned long long)seen.physical, seen.before, seen.after);
	vm_destroy(&vm);
	return seen;
}

/* The physical interrupts must get through to the host. */
static void test_deaf_entry(void)
{
	ksft_test_result(run_masked(TESTPORT_ERRATUM_DEAF_ENTRY).physical == 0,
			 "entry with interrupts off: present, deaf\n");
	ksft_test_result(run_masked(0).physical >= 1,
			 "entry with interrupts off: cured\n");
}

/* The virtual interrupt must not come before the guest's STI. */
static void test_masked_interrupt(void)
{
	struct masked seen = run_masked(TESTPORT_ERRATUM_MASKED_VIRTUAL_INTR);

	ksft_test_result(seen.physical >= 1 && seen.before == 1,
			 "masked virtual interrupt: present, delivered early\n");
	seen = run_masked(0);
	ksft_test_result(seen.physical >= 1 && seen.before == 0 &&
			 seen.after == 1, "masked virtual interrupt: cured\n");
}

/* Delivered after an EPT violation by the push to the stack, or lost? */
static bool is_delivered(__u32 mask)
{
	struct vm vm;
	bool once;

	vm_create(&vm, guest_unmapped, false);
	set_errata(mask);
	once = run_to_port(&vm) && counters(&vm)->received == 1;
	set_errata(0);
	vm_destroy(&vm);
	return once;
}

static void test_vectoring_info(void)
{
	ksft_test_result(!is_delivered(TESTPORT_ERRATUM_VECTORING_INFO),
			 "exit during delivery: present, the interrupt is lost\n");
	ksft_test_result(is_delivered(0), "exit during delivery: cured\n");
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		ksft_exit_fail_msg("CPU %d: %m\n", cpu);
}

static struct vm *posted_to;
static unsigned int posts, posts_spurious;
static atomic_bool guest_ended;

/* At a counter that the guest changes meanwhile */
static __u32 look(__u32 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/*
 * Posts interrupts to a running vCPU, at various moments of its way round, until
 * there is a spurious one, or enough.
 */
static void *post_interrupts(void *limit)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = VECTOR };
	struct counters *seen = counters(posted_to);

	pin(1);
	posts_spurious = 0;
	for (posts = 0; posts < *(unsigned int *)limit; posts++) {
		__u32 before = look(&seen->received);

		if (ioctl(posted_to->fd, KVM_SIGNAL_MSI, &msi) < 0)
			break;
		while (look(&seen->received) == before && !guest_ended)
			;
		posts_spurious = look(&seen->spurious);
		if (posts_spurious || guest_ended)
			break;
		for (unsigned int wait = posts % 97 * 13; wait; wait--)
			atomic_signal_fence(memory_order_seq_cst);
	}
	__atomic_store_n(&seen->stop, 1, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * KVM takes requests out of the descriptor before a VM entry; a notification
 * that was under way comes after it, and must not mean anything.
 */
static bool late_notifications(unsigned int limit, bool spurious)
{
	pthread_t poster;
	struct vm vm;
	bool ok;

	vm_create(&vm, guest_exits, false);
	posted_to = &vm;
	guest_ended = false;
	pin(0);
	if (pthread_create(&poster, NULL, post_interrupts, &limit))
		ksft_exit_fail_msg("pthread_create: %m\n");
	ok = run_to_port(&vm);
	guest_ended = true;
	pthread_join(poster, NULL);
	ksft_print_msg("%u posts, %u received, %u spurious\n", posts,
		       counters(&vm)->received, posts_spurious);
	ok = ok && !!posts_spurious == spurious &&
	     (spurious || posts == limit);
	vm_destroy(&vm);
	return ok;
}

static void test_late_notification(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		ksft_test_result_skip("late notification: needs two CPUs\n");
		ksft_test_result_skip("late notification: needs two CPUs\n");
		return;
	}
	set_errata(TESTPORT_ERRATUM_EMPTY_PIR);
	ksft_test_result(late_notifications(100000, true),
			 "late notification: present, a spurious interrupt\n");
	set_errata(0);
	ksft_test_result(late_notifications(5000, false),
			 "late notification: cured\n");
}

static void on_alarm(int signal)
{
	(void)signal;
}

/*
 * A guest waits in HLT, without an exit, with interrupts off: the host's
 * interrupts still get through.  Without the cure, the machine would stand
 * still here; there is no switch for that.
 */
static void test_halted(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value.tv_usec = 10000 };
	struct vm vm;

	vm_create(&vm, guest_halted, true);
	if (sigaction(SIGALRM, &action, NULL) ||
	    setitimer(ITIMER_REAL, &soon, NULL))
		ksft_exit_fail_msg("SIGALRM: %m\n");
	ksft_test_result(ioctl(vm.vcpu, KVM_RUN, 0) < 0 && errno == EINTR,
			 "a guest in HLT with interrupts off: cured\n");
	vm_destroy(&vm);
}

/* Protected mode, and one page of 4 MiB, read-only and never written to */
static int set_paging(struct vm *vm)
{
	struct kvm_segment flat = {
		.limit = 0xffffffff, .type = 3, .present = 1, .db = 1, .s = 1,
		.g = 1, .selector = 8,
	};
	struct kvm_sregs sregs;

	*(__u32 *)(vm->memory + PAGE_DIRECTORY) = 0x81;	/* PS, P */
	if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs))
		return -1;
	sregs.ds = flat;
	sregs.es = flat;
	sregs.ss = flat;
	sregs.cs = flat;
	sregs.cs.type = 11;
	sregs.cr3 = PAGE_DIRECTORY;
	sregs.cr4 |= 0x10;		/* PSE */
	sregs.cr0 |= 0x80000001;	/* PG, PE */
	return ioctl(vm->vcpu, KVM_SET_SREGS, &sregs);
}

/* A supervisor may do that; without the cure, CPUs with CET ended the emulator. */
static void test_read_only_write(void)
{
	struct vm vm;

	vm_create(&vm, guest_writes, false);
	if (set_paging(&vm))
		ksft_exit_fail_msg("vCPU: paging: %m\n");
	ksft_test_result(run_to_port(&vm) && counters(&vm)->received == 1,
			 "a write to a read-only page, CR0.WP = 0: cured\n");
	vm_destroy(&vm);
}

static bool apicv_enabled(void)
{
	int fd = open(PARAMETER, O_RDONLY | O_CLOEXEC);
	char value = 'N';
	bool enabled;

	enabled = fd >= 0 && read(fd, &value, 1) == 1 && value == 'Y';
	if (fd >= 0)
		close(fd);
	return enabled;
}

int main(void)
{
	bool loaded = !access(PARAMETER, F_OK);

	ksft_print_header();
	if (testport_open())
		ksft_exit_skip("no testport: not the emulated test host\n");
	if (!loaded && system("modprobe kvm_intel enable_apicv=1 2>/dev/null"))
		ksft_exit_skip("kvm_intel can't be loaded\n");
	if (!apicv_enabled())
		ksft_exit_skip("kvm_intel: no APICv\n");
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		ksft_exit_skip("/dev/kvm: %m\n");

	ksft_set_plan(12);
	test_descriptor_alignment();
	test_deaf_entry();
	test_masked_interrupt();
	test_vectoring_info();
	test_late_notification();
	test_halted();
	test_read_only_write();

	close(kvm);
	if (!loaded && system("modprobe -r kvm_intel"))
		ksft_exit_fail_msg("kvm_intel can't be removed\n");
	ksft_finished();
}
