// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw guests: state and code at random, entered. Whatever comes of it is the guest's affair,
 * but
 *
 *	- the processor enters what libphv's decoder finds nothing wrong with, and nothing else;
 *	  a failed entry is explained by a check that has a name
 *	- a guest that was entered does not get itself into a state that can't be
 *	- PHV_RUN ends with what <phv.h> says, and soon after it is told to
 *	- the host's MSRs and another domain are none the worse, and the kernel has no complaint
 *
 * A case that breaks one of these is reduced to what it takes, and shown as a text; the
 * directory corpus/raw_guest has such texts, of what was found and of each corner.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "raw_guest.h"
#include "testhost/testport.h"

#include <vmcs.h>

/* raw_guest.S */
GUEST_ASM(scribbler);

#define CASE_NS		3000000		/* longest time of a guest, once it runs */
#define CASES_PER_VM	32
#define CASES_PER_CHECK	64		/* of the host's MSRs, and of the witness */
#define SECONDS		2		/* of each test, without PHV_FUZZ_SECONDS */

/* The domain that runs cases. */
static struct vm *vm;
static u8 *arena;
static struct vcpu *vcpu, *other;
static bool has_other;

static struct vmcs_cpu cpu;
static bool emulated;
static int kmsg;

/* The case that runs, for on_alarm(). */
static const struct raw_case *current;

/* Stopping a guest */

static void stop(int signal)
{
	(void)signal;
	vcpu->run->immediate_exit = 1;
}

/* Have stop() called in so many nanoseconds, in this thread; 0: not at all. */
static void set_timer(long nanoseconds)
{
	const struct itimerspec when = { .it_value.tv_nsec = nanoseconds };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	const struct sigaction action = { .sa_handler = stop };
	static timer_t timer;
	static bool made;

	if (!made) {
		made = true;
		event._sigev_un._tid = gettid();
		check_eq(sigaction(SIGUSR1, &action, NULL), 0);
		check_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	}
	check_eq(timer_settime(timer, 0, &when, NULL), 0);
}

/* A guest that does not stop takes its test along, which then says what it was. */
static void on_alarm(int signal)
{
	(void)signal;
	ksft_print_msg("this case has not come back:\n");
	if (current)
		raw_print(current);
	_exit(KSFT_FAIL);
}

/* The other vCPU */

static void kick_other(int signal)
{
	(void)signal;
	other->run->immediate_exit = 1;
}

static void *run_other(void *arg)
{
	sigset_t set;
	int ret;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	do {
		ret = vcpu_ioctl(other, PHV_RUN, 0);
		/* The first one may send it interrupts, even INIT. */
	} while (!READ_ONCE(other->run->immediate_exit) &&
		 (ret == -EINTR || (!ret && other->run->exit_reason == PHV_EXIT_IO)));
	return NULL;
}

/* It has tables of its own, and flips bits in all that the first one uses. */
static void start_other(u64 seed)
{
	const struct sigaction action = { .sa_handler = kick_other };
	const struct phv_events events = { .activity = PHV_ACTIVE };
	struct raw_case c = { .mode = VM_LONG };
	struct phv_control control;
	struct phv_regs regs = { .rflags = RFLAGS_FIXED, .rip = ARENA_OTHER };

	other = calloc(1, sizeof(*other));
	other->vm = vm;
	other->id = 1;
	check_eq(vm->backend->vcpu_open(other), 0);
	raw_apply(&c, other, arena);
	memcpy(arena + ARENA_OTHER, scribbler_start, scribbler_end - scribbler_start);
	raw_copy_tables(arena, ARENA_OTHER + 0x1000);
	vcpu_get_control(other, &control);
	control.cr3 = ARENA_OTHER + 0x2000;
	vcpu_set_control(other, &control);
	regs.gpr[RAX] = seed | 1;
	regs.gpr[RDI] = ARENA_RESET - 1;
	vcpu_set_regs(other, &regs);
	vcpu_set_events(other, &events);
	check_eq(sigaction(SIGUSR2, &action, NULL), 0);
	check_eq(pthread_create(&other->thread, NULL, run_other, NULL), 0);
}

static void end_other(void)
{
	WRITE_ONCE(other->run->immediate_exit, 1);
	pthread_kill(other->thread, SIGUSR2);
	vcpu_join(other);
	vm->backend->vcpu_close(other);
	free(other);
	other = NULL;
}

/* The domain */

static void close_vm(void)
{
	if (!vm)
		return;
	if (other)
		end_other();
	vm->backend->vcpu_close(vcpu);
	vm->backend->close(vm);
	free(vcpu);
	free(vm);
	vm = NULL;
}

/* Nothing of this process is in it but the arena. */
static void open_vm(u64 seed)
{
	if (!arena)
		arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(arena != MAP_FAILED);
	vm = vm_create_empty();
	check_eq(vm_add_memory(vm, 0, ARENA_SIZE, arena, 0), 0);
	check_eq(vm_set_ports(vm, GUEST_PORT_FIRST, GUEST_PORT_COUNT, PHV_PORTS_USER, -1), 0);
	vcpu = calloc(1, sizeof(*vcpu));
	vcpu->vm = vm;
	check_eq(vm->backend->vcpu_open(vcpu), 0);
	if (has_other)
		start_other(seed);
}

/* What may not be */

enum finding {
	NOTHING,
	BAD_RESULT,		/* PHV_RUN ended in a way that there is not */
	UNEXPLAINED,		/* entry failed, and all is right */
	MISSED,			/* the processor has entered what is not right */
	BROKE_ITSELF,		/* entry failed, after others that had not */
	UNEXPECTED,		/* not what the case has said */
};

static const char *const finding_texts[] = {
	[BAD_RESULT] = "PHV_RUN ends in a way that there is not",
	[UNEXPLAINED] = "an entry failed, but the decoder finds nothing wrong",
	[MISSED] = "the processor enters what the decoder finds wrong",
	[BROKE_ITSELF] = "a guest came into a state that can't be entered",
	[UNEXPECTED] = "it does not end as the corpus says",
};

/* What the emulator leaves out of the SDM's checks. */
static bool is_left_out(const struct vmcs *vmcs, const char *text)
{
	static const char *const left_out[] = {
		"RFLAGS: VM in real mode",
		"interruptibility: an NMI is injected while an NMI",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(left_out); i++)
		if (!strncmp(text, left_out[i], strlen(left_out[i])))
			return true;
	if (!strncmp(text, "RIP: ", 5))
		return strstr(text, "wider than linear");
	/* It takes SS for a null selector if it looks like one. */
	if (!strncmp(text, "SS: ", 4) && strncmp(text, "SS: DPL", 7))
		return !(vmcs_get(vmcs, VMCS_SEGMENT(VMCS_GUEST_SELECTOR, PHV_SEG_SS)) & 3) &&
		       vmcs_get(vmcs, VMCS_ENTRY) & ENTRY_IA32E;
	/* With CET, it does not look at this at all. */
	return cpu.caps.basic & BIT(56) &&
	       strstr(text, "interruption information: a needless error code");
}

/* What the verdict means for the entry to come. */
enum prediction { ENTERS, FAILS, EITHER };

static enum prediction predict(const struct vmcs *vmcs, const struct vmcs_verdict *verdict)
{
	enum prediction prediction = ENTERS;
	unsigned int i;

	for (i = 0; i < verdict->count; i++) {
		const struct vmcs_failure *f = &verdict->failure[i];

		if (!f->optional && !(emulated && is_left_out(vmcs, f->text)))
			return FAILS;
		prediction = EITHER;
	}
	return prediction;
}

static u64 exits(void)
{
	struct phv_counters counters;
	u64 sum = 0;
	unsigned int i;

	vcpu_get_counters(vcpu, &counters);
	for (i = 0; i < ARRAY_SIZE(counters.exits); i++)
		sum += counters.exits[i];
	return sum;
}

static bool is_known_end(int ret, const struct phv_run *run)
{
	if (ret)
		return ret == -EINTR;
	switch (run->exit_reason) {
	case PHV_EXIT_IO:
	case PHV_EXIT_MEMORY:
	case PHV_EXIT_HALTED:
	case PHV_EXIT_SHUTDOWN:
	case PHV_EXIT_ENTRY_FAILED:
	case PHV_EXIT_UNHANDLED:
		return true;
	}
	return false;
}

/* PHV_RUN, until it is over or has been told to stop. */
static int run_for_a_while(void)
{
	int ret;

	vcpu->run->immediate_exit = 0;
	set_timer(CASE_NS);
	do {
		ret = vcpu_ioctl(vcpu, PHV_RUN, 0);
	} while (ret == -EINTR && !vcpu->run->immediate_exit);
	set_timer(0);
	return ret;
}

static struct vmcs vmcs;
static struct vmcs_verdict verdict;

/* What came of them: most of each are to be entered, but not all. */
static unsigned int entered, refused, skipped;

/* Is the check that the corpus speaks of among those that fail? */
static bool is_expected(const struct raw_case *c)
{
	unsigned int i;

	for (i = 0; i < verdict.count; i++)
		if (!strncmp(verdict.failure[i].text, c->expect, strlen(c->expect)))
			return true;
	return !*c->expect;
}

static enum finding judge_failed_entry(const struct raw_case *c, bool first)
{
	check_eq(vmcs_read(vcpu->fd, &vmcs), 0);
	vmcs_check(&vmcs, &cpu, &verdict);
	refused++;
	if (!vmcs_explain(&verdict, vcpu->run->entry.reason, vcpu->run->entry.error))
		return UNEXPLAINED;
	if (!is_expected(c))
		return UNEXPECTED;
	return first ? NOTHING : BROKE_ITSELF;
}

/* Runs a case in the domain as it is. */
static enum finding run_case(const struct raw_case *c)
{
	enum prediction prediction;
	struct phv_events events;
	u64 before;
	int ret;

	current = c;
	raw_apply(c, vcpu, arena);
	check_eq(vmcs_read(vcpu->fd, &vmcs), 0);
	vcpu_get_events(vcpu, &events);
	vmcs_check(&vmcs, &cpu, &verdict);
	prediction = predict(&vmcs, &verdict);
	/* No processor is like that, and the emulator should not be either. */
	if (emulated && prediction == EITHER) {
		skipped++;
		return NOTHING;
	}
	before = exits();
	ret = run_for_a_while();
	current = NULL;
	if (!is_known_end(ret, vcpu->run))
		return BAD_RESULT;
	if (!ret && vcpu->run->exit_reason == PHV_EXIT_ENTRY_FAILED)
		return judge_failed_entry(c, exits() == before);
	entered += exits() != before;
	if (*c->expect)
		return UNEXPECTED;
	/* It may not have been entered at all: asleep, or told to stop at once. */
	if (prediction == FAILS && exits() != before && events.activity == PHV_ACTIVE)
		return MISSED;
	return NOTHING;
}

/* Reducing a case */

static enum finding run_afresh(const struct raw_case *c)
{
	enum finding finding;

	close_vm();
	open_vm(1);
	finding = run_case(c);
	close_vm();
	return finding;
}

static void reduce_items(struct raw_case *c, enum finding finding)
{
	struct raw_case less;
	unsigned int i = 0;

	while (i < c->count) {
		less = *c;
		memmove(&less.item[i], &less.item[i + 1],
			(less.count - i - 1) * sizeof(less.item[0]));
		less.count--;
		if (run_afresh(&less) == finding)
			*c = less;
		else
			i++;
	}
}

/* From the end on, so that what is before stays where it is; then byte for byte. */
static void reduce_code(struct raw_case *c, enum finding finding)
{
	struct raw_case less;
	unsigned int i;

	while (c->size) {
		less = *c;
		less.size--;
		if (run_afresh(&less) != finding)
			break;
		*c = less;
	}
	for (i = 0; i < c->size; i++) {
		less = *c;
		less.code[i] = 0x90;
		if (run_afresh(&less) == finding)
			*c = less;
	}
}

static __noreturn void report_finding(const struct raw_case *c, enum finding finding)
{
	const struct phv_run run = *vcpu->run;
	struct raw_case less = *c;
	unsigned int i;

	ksft_print_msg("%s; exit %u reason %#x error %u qualification %#llx\n",
		       finding_texts[finding], run.exit_reason, run.entry.reason,
		       run.entry.error, run.entry.qualification);
	for (i = 0; i < verdict.count; i++)
		ksft_print_msg("%s: %s\n", vmcs_area_names[verdict.failure[i].area],
			       verdict.failure[i].text);
	test_limit(600);
	if (finding == UNEXPECTED) {
		/* All of it is the point. */
	} else if (run_afresh(c) == finding) {
		reduce_items(&less, finding);
		reduce_code(&less, finding);
	} else {
		ksft_print_msg("not in a new domain; what is before it counts\n");
	}
	raw_print(&less);
	test_fail("%s", finding_texts[finding]);
}

/* The host */

/* MSRs that are the same whoever runs, and are not the thread's. */
static const u32 host_msrs[] = {
	0x3a, 0x3b, 0x174, 0x175, 0x176, 0x1a0, 0x1d9, 0x277, 0xda0, 0xc0000080, 0xc0000081,
	0xc0000082, 0xc0000083, 0xc0000084, 0xc0000103,
};

#define HOST_CPUS	4

static u64 host_values[HOST_CPUS][ARRAY_SIZE(host_msrs)];

static void check_host_msrs(bool first)
{
	unsigned int n, i;
	__u64 value;

	for (n = 0; n < HOST_CPUS && n < cpus_configured(); n++) {
		for (i = 0; i < ARRAY_SIZE(host_msrs); i++) {
			if (msr_read(n, host_msrs[i], &value))
				value = 0;
			if (first)
				host_values[n][i] = value;
			else if (value != host_values[n][i])
				test_fail("CPU %u, MSR %#x: %#llx, was %#llx", n, host_msrs[i],
					  value, host_values[n][i]);
		}
	}
}

/* Another domain, which has its own of all that a guest can change. */
static struct vcpu *witness;

static u64 sum_memory(const u64 *memory, unsigned int count)
{
	u64 sum = 0;

	while (count--)
		sum = sum * 31 + memory[count];
	return sum;
}

static void guest_witness(void)
{
	static u64 memory[512];
	u64 sum, xmm, round, cr2 = 0x123456789abc;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(memory); i++)
		memory[i] = i * 0x9e3779b97f4a7c15;
	sum = sum_memory(memory, ARRAY_SIZE(memory));
	write_cr4(read_cr4() | CR4_OSFXSR);
	wrmsr(MSR_STAR, 0x1b000800000000);
	wrmsr(MSR_LSTAR, 0xffff800012345678);
	wrmsr(MSR_FMASK, 0x4700);
	wrmsr(MSR_KERNEL_GS_BASE, 0x7fff12345000);
	write_dr0(0x1234);
	write_cr2(cr2);
	asm volatile("movq %0, %%xmm7" : : "r" (sum));
	for (round = 0;; round++) {
		guest_assert_eq(sum_memory(memory, ARRAY_SIZE(memory)), sum);
		guest_assert_eq(rdmsr(MSR_STAR), 0x1b000800000000);
		guest_assert_eq(rdmsr(MSR_LSTAR), 0xffff800012345678);
		guest_assert_eq(rdmsr(MSR_FMASK), 0x4700);
		guest_assert_eq(rdmsr(MSR_KERNEL_GS_BASE), 0x7fff12345000);
		guest_assert_eq(read_dr0(), 0x1234);
		guest_assert_eq(read_cr2(), cr2);
		asm volatile("movq %%xmm7, %0" : "=r" (xmm));
		guest_assert_eq(xmm, sum);
		guest_sync(round);
	}
}

/* While no domain runs: an interrupt on a vCPU's CPU finds some of the guest's MSRs in it. */
static void check_host(void)
{
	char complaint[256];

	vcpu_expect(witness, VCPU_SYNC);
	check_host_msrs(false);
	if (fuzz_log_complaint(kmsg, complaint, sizeof(complaint)))
		test_fail("the kernel says: %s", complaint);
}

/* The tests */

static void prepare(void)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	int device;

	need_phv();
	device = open(PHV_DEVICE, O_RDWR | O_CLOEXEC);
	check_eq(vmcs_this_cpu(device, &cpu), 0);
	close(device);
	emulated = !testport_open();
	kmsg = kmsg_open();
	check_eq(sigaction(SIGALRM, &action, NULL), 0);
	witness = vm_with_guest(guest_witness);
	vcpu_expect(witness, VCPU_SYNC);
	check_host_msrs(true);
}

static bool needs_linear57(const struct raw_case *c)
{
	return c->mode == VM_LONG57 && cpu.linear_width < 57;
}

static void fuzz(enum raw_focus focus)
{
	u64 seconds = (fuzz_environment("PHV_FUZZ_SECONDS", 3 * SECONDS) + 2) / 3;
	u64 seed = fuzz_part(fuzz_seed(), focus), end, i;
	enum finding finding;
	struct raw_case c;

	prepare();
	test_limit(seconds + 60);
	ksft_print_msg("seed %llu\n", fuzz_seed());
	end = fuzz_ms() + seconds * 1000;
	for (i = 0; fuzz_ms() < end; i++) {
		raw_random(&c, focus, fuzz_part(seed, i));
		if (needs_linear57(&c))
			continue;
		if (i % CASES_PER_VM == 0 || !vm) {
			close_vm();
			if (i % CASES_PER_CHECK == 0)
				check_host();
			open_vm(fuzz_part(seed, ~i));
		}
		finding = run_case(&c);
		if (finding != NOTHING)
			report_finding(&c, finding);
	}
	close_vm();
	check_host();
	ksft_print_msg("%llu cases: %u entered, %u refused, %u not tried\n", i, entered, refused,
		       skipped);
	check(entered);
}

static void fuzz_state(void)
{
	fuzz(FOCUS_STATE);
}

static void fuzz_code(void)
{
	fuzz(FOCUS_CODE);
}

static void fuzz_memory(void)
{
	has_other = true;
	fuzz(FOCUS_MEMORY);
}

/* Beside the program, or in the source tree if it was started there. */
static void corpus_directory(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	char *end;

	check(length > 0);
	path[length] = '\0';
	end = strrchr(path, '/');
	snprintf(end, size - (end - path), "/corpus/raw_guest");
	if (access(path, F_OK))
		snprintf(end, size - (end - path), "/../corpus/raw_guest");
}

static void run_file(const char *path)
{
	enum finding finding;
	struct raw_case c;

	if (!raw_read(&c, path))
		test_fail("%s: is no case", path);
	if (needs_linear57(&c))
		return;
	close_vm();
	open_vm(1);
	finding = run_case(&c);
	if (finding != NOTHING) {
		ksft_print_msg("%s\n", path);
		report_finding(&c, finding);
	}
}

static void corpus(void)
{
	char path[512], file[1024];
	unsigned int count = 0;
	struct dirent *entry;
	DIR *directory;

	prepare();
	corpus_directory(path, sizeof(path));
	directory = opendir(path);
	if (!directory)
		test_fail("%s: %m", path);
	while ((entry = readdir(directory))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		run_file(file);
		count++;
	}
	closedir(directory);
	close_vm();
	check(count);
	check_host();
}

/* A case that was found, to look at it again. */
static const char *replayed;

static void replay_file(void)
{
	if (!replayed)
		test_skip("there is no --replay FILE");
	prepare();
	run_file(replayed);
	close_vm();
	check_host();
}

static const struct test tests[] = {
	{ "the corpus", .host = corpus },
	{ "state at random", .host = fuzz_state },
	{ "code at random", .host = fuzz_code },
	{ "tables at random, which another vCPU changes", .host = fuzz_memory },
	{ "the case that is replayed", .host = replay_file },
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--replay")) {
		replayed = argv[2];
		return test_main(&tests[ARRAY_SIZE(tests) - 1], 1, 1, argv);
	}
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
