// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls with arguments at random, from guests in all modes, while another vCPU scribbles over
 * what they point to and over the pages that guests share with Xen.
 *
 * Whatever the guest does to itself that way is its own affair: it may stop, lose memory, shut
 * down or hang; then it is started again behind the call that did it. A test passes when the
 * host is none the worse: PHV_RUN returns, with what it may return, the domain goes, and the
 * kernel's log is clean.
 *
 * The calls follow from the seed; when they do the scribbler's work comes in between, does not.
 * Calls that find something are printed as text, after those that make no difference were
 * dropped; pv_fuzz --replay FILE makes them. Those in corpus/pv_fuzz/ are made first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "guest/xen.h"

#define PAGE_SIZE	0x1000UL
#define CALLS		400
#define MODE_MS		700		/* longest time of a list; a guest may hang */
#define STALL_MS	30		/* then it is started again */
#define RESTARTS	300

/* What pointers point to, and frames that the guest can well lose, as those around it. */
#define ARENA_SIZE	(8 * PAGE_SIZE)
#define ARENA_MARGIN	0x200000UL
#define ARENA_ALIGN	0x1000000UL
#define ARENA		((u8 *)VM_RAM + ARENA_ALIGN + ARENA_MARGIN)

enum mode { MODE_LONG, MODE_COMPAT, MODE_RING3, MODE_PAE, MODE_PAGED, MODE_PROTECTED, MODE_REAL,
	    MODES };

static const char * const mode_names[MODES] = {
	"long", "compat", "ring3", "pae", "paged", "protected", "real",
};

/* A call, and what is written to memory before it; pv_fuzz.S knows it. */
struct pv_call {
	u64 nr;
	u64 arg[6];
	u64 where;
	u64 value[8];
};

struct pv_list {
	enum mode mode;
	unsigned int count;
	struct pv_call call[CALLS];
};

static struct pv_list list;

/* For the guest; pv_fuzz.S has their low halves. */
struct pv_call *calls_next, *calls_end;

/* pv_fuzz.S */
GUEST_LABEL(fuzz32);
GUEST_ASM(fuzz16);
GUEST_LABEL(fuzz16_segment);
GUEST_LABEL(fuzz16_next);
GUEST_LABEL(fuzz16_limit);

#define FUZZ16_CODE	0x8000
#define FUZZ16_CALLS	0x10000
#define FUZZ16_COUNT	128

static bool stop, nudged;

/* Numbers */

/* A pointer: mostly good, often near the end of a page, now and then to nothing. */
static u64 random_pointer(u64 *state)
{
	static const u64 bad[] = {
		0, XEN_HOLE, BIT(47), BIT(62), -8UL, -1UL, 0xfffffffc, 0xffffffff,
	};
	u64 offset = fuzz_below(state, ARENA_SIZE) & -4UL;

	switch (fuzz_below(state, 8)) {
	case 0:
		return bad[fuzz_below(state, ARRAY_SIZE(bad))];
	case 1:
		return (u64)ARENA + (offset | 0xff0);
	default:
		return (u64)ARENA + offset / 8;
	}
}

/* A value that means something to somebody. */
static u64 random_value(u64 *state)
{
	static const u64 values[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 31, 32, 63, 64, 127, 128, 255,
		511, 1023, 4095, 4096, 0x1ffff, 0x20000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x7fffffffffffffff, 0x8000000000000000, ~0UL, DOMID_SELF, DOMID_IO,
		DOMID_INVALID, BIT(56) | 0x20, BIT(57) | 0xf3, BIT(52), BIT(40), BIT(20),
		XEN_HOLE / PAGE_SIZE, XEN_HOLE / PAGE_SIZE + 1,
	};

	switch (fuzz_below(state, 8)) {
	case 0:
		return fuzz_next(state);
	case 1:
		return random_pointer(state);
	case 2:
		return (u64)ARENA / PAGE_SIZE + fuzz_below(state, 8);
	case 3:
		return fuzz_below(state, 16) | fuzz_below(state, 16) << 32;
	case 4:
		return DOMID_SELF | fuzz_below(state, 8) << 16 | fuzz_below(state, 8) << 32;
	default:
		return values[fuzz_below(state, ARRAY_SIZE(values))];
	}
}

/* Calls */

/* Hypercalls, how often relative to each other, and about how many sub-operations they have. */
static const struct {
	u8 nr;
	u8 ops;
} hypercalls[] = {
	{ __HYPERVISOR_memory_op, 24 },
	{ __HYPERVISOR_memory_op, 24 },
	{ __HYPERVISOR_memory_op, 10 },
	{ __HYPERVISOR_multicall, 1 },
	{ __HYPERVISOR_multicall, 1 },
	{ __HYPERVISOR_set_timer_op, 1 },
	{ __HYPERVISOR_xen_version, 11 },
	{ __HYPERVISOR_console_io, 2 },
	{ __HYPERVISOR_grant_table_op, 12 },
	{ __HYPERVISOR_grant_table_op, 12 },
	{ __HYPERVISOR_vm_assist, 2 },
	{ __HYPERVISOR_vcpu_op, 16 },
	{ __HYPERVISOR_vcpu_op, 16 },
	{ __HYPERVISOR_sched_op, 8 },
	{ __HYPERVISOR_event_channel_op, 15 },
	{ __HYPERVISOR_event_channel_op, 15 },
	{ __HYPERVISOR_event_channel_op, 15 },
	{ __HYPERVISOR_hvm_op, 26 },
	{ __HYPERVISOR_hvm_op, 2 },
};

/* Entry 0 of a multicall in the layout of 64-bit code, or the beginning of three of the other. */
static void make_multicall(u64 *state, struct pv_call *call, bool wide)
{
	unsigned int pick = fuzz_below(state, ARRAY_SIZE(hypercalls) - 1);
	u64 nr = hypercalls[pick].nr, op = fuzz_below(state, hypercalls[pick].ops);

	call->arg[0] = call->where;
	call->arg[1] = fuzz_one_in(state, 10) ? random_value(state) : 1 + fuzz_below(state, 40);
	if (nr == __HYPERVISOR_sched_op)
		op = 0;
	if (wide) {
		call->value[0] = nr;
		call->value[2] = op;
	} else {
		call->value[0] = nr;
		call->value[1] = op | call->value[1] << 32;
		call->value[4] = nr;
	}
}

static void make_call(u64 *state, struct pv_call *call, bool wide)
{
	unsigned int i = fuzz_below(state, ARRAY_SIZE(hypercalls));

	call->nr = fuzz_one_in(state, 32) ? fuzz_below(state, 80) : hypercalls[i].nr;
	call->arg[0] = fuzz_one_in(state, 16) ? random_value(state) :
						fuzz_below(state, hypercalls[i].ops);
	call->arg[1] = fuzz_one_in(state, 8) ? random_value(state) : random_pointer(state);
	for (i = 2; i < 6; i++)
		call->arg[i] = fuzz_one_in(state, 2) ? random_value(state) : random_pointer(state);
	/* What is written is what the call will find, for the most part. */
	call->where = (u64)ARENA + (fuzz_below(state, ARENA_SIZE - sizeof(call->value)) & -8UL);
	if (call->arg[1] >= (u64)ARENA && !fuzz_one_in(state, 8) &&
	    call->arg[1] < (u64)ARENA + ARENA_SIZE - sizeof(call->value))
		call->where = call->arg[1];
	for (i = 0; i < ARRAY_SIZE(call->value); i++)
		call->value[i] = random_value(state);

	switch (call->nr) {
	case __HYPERVISOR_sched_op:
		/* The end would come too soon. */
		if (!fuzz_one_in(state, 16))
			call->arg[0] = 0;
		break;
	case __HYPERVISOR_vcpu_op:
		call->arg[2] = call->arg[1];
		call->arg[1] = fuzz_below(state, 3);
		break;
	case __HYPERVISOR_multicall:
		make_multicall(state, call, wide);
		break;
	case __HYPERVISOR_grant_table_op:
		call->arg[2] = fuzz_below(state, 40);
		break;
	case __HYPERVISOR_console_io:
		call->arg[1] %= 1000;
		break;
	}
}

static void make_list(u64 seed, enum mode mode)
{
	u64 state = fuzz_part(seed, mode);
	unsigned int i;

	list.mode = mode;
	list.count = mode == MODE_REAL ? FUZZ16_COUNT : CALLS;
	for (i = 0; i < list.count; i++)
		make_call(&state, &list.call[i], mode == MODE_LONG || mode == MODE_RING3);
}

/* Guest code */

/* There is no telling what comes; it has to be survived, not understood. */
static void ignore(struct guest_frame *frame)
{
	if (frame->vector >= 32)
		x2apic_eoi();
}

static struct pv_call *take_call(void)
{
	struct pv_call *call = calls_next;
	unsigned int i;

	if (call >= calls_end)
		return NULL;
	WRITE_ONCE(calls_next, call + 1);
	for (i = 0; i < ARRAY_SIZE(call->value); i++)
		WRITE_ONCE(((u64 *)call->where)[i], call->value[i]);
	return call;
}

static void make_calls(void)
{
	struct pv_call *call;

	while ((call = take_call()))
		xen_call(call->nr, call->arg[0], call->arg[1], call->arg[2], call->arg[3],
			 call->arg[4], call->arg[5]);
}

static void guest_long(void)
{
	x2apic_enable();
	sti();
	make_calls();
}

static void guest_compat(void)
{
	struct pv_call *call;

	x2apic_enable();
	sti();
	while ((call = take_call()))
		xen_call32_args(call->nr, call->arg);
}

static void guest_ring3(void)
{
	guest_user(make_calls);
}

/* What is scribbled over: the arena, shared_info, event words in it, and the grant table. */
static void guest_scribbler(void)
{
	static u64 state = 0x123456789;
	unsigned int i;

	while (!READ_ONCE(stop)) {
		for (i = 0; i < 48; i++)
			WRITE_ONCE(*(u64 *)(ARENA + (fuzz_below(&state, ARENA_SIZE) & -8UL)),
				   random_value(&state));
		for (i = 0; i < 8; i++) {
			WRITE_ONCE(((u64 *)xen_shared)[fuzz_below(&state, PAGE_SIZE / 8)],
				   random_value(&state));
			WRITE_ONCE(((u64 *)xen_grants)[fuzz_below(&state, PAGE_SIZE / 4)],
				   random_value(&state));
		}
		/* The caller may have sent itself to sleep. */
		xen_vcpu_op(VCPUOP_up, 0, NULL);
	}
}

/* Running them */

static void no_action(int signal)
{
	(void)signal;
}

/* Begin with the next call, in the list's mode, whatever the vCPU was at. */
static void enter(struct vcpu *vcpu)
{
	static void (* const functions[])(void) = {
		[MODE_LONG] = guest_long, [MODE_COMPAT] = guest_compat, [MODE_RING3] = guest_ring3,
	};
	static const enum vm_mode modes[MODES] = {
		[MODE_PAE] = VM_PAE, [MODE_PAGED] = VM_PAGED, [MODE_PROTECTED] = VM_PROTECTED,
	};
	struct phv_events events;

	if (list.mode == MODE_REAL)
		vcpu_enter(vcpu, VM_REAL, FUZZ16_CODE);
	else if (list.mode <= MODE_RING3)
		vcpu_call_at(vcpu, (u64)functions[list.mode], 0);
	else
		vcpu_enter(vcpu, modes[list.mode], (u64)fuzz32);
	vcpu_get_events(vcpu, &events);
	events = (struct phv_events) { .activity = PHV_ACTIVE };
	vcpu_set_events(vcpu, &events);
}

/* Is it over? Else it goes on, or begins again behind the call that ended it. */
static bool has_ended(struct vcpu *vcpu, long ret, unsigned int *restarts)
{
	const struct phv_run *run = vcpu->run;

	if (READ_ONCE(stop))
		return true;
	if (ret == -EINTR && !READ_ONCE(nudged))
		return false;
	WRITE_ONCE(nudged, false);
	if (!ret && run->exit_reason == PHV_EXIT_IO && run->io.port == GUEST_PORT_DONE)
		return true;
	if (!ret && (run->exit_reason == PHV_EXIT_XEN_CONSOLE ||
		     run->exit_reason == PHV_EXIT_XEN_RELEASE))
		return false;
	if (!ret && run->exit_reason == PHV_EXIT_XEN_SHUTDOWN &&
	    vm_ioctl(vcpu->vm, PHV_XEN_RESUME, 0))
		return true;
	if (++*restarts > RESTARTS)
		return true;
	enter(vcpu);
	return false;
}

static void *run_caller(void *arg)
{
	struct vcpu *vcpu = arg;
	unsigned int restarts = 0;
	long ret;

	do {
		ret = vcpu_ioctl(vcpu, PHV_RUN, 0);
		check(!ret || ret == -EINTR || ret == -EFAULT);
	} while (!has_ended(vcpu, ret, &restarts));
	WRITE_ONCE(*(bool *)&vcpu->private, true);
	return NULL;
}

/* It begins again where frames are gone, and is no help any more when something else happens. */
static void *run_scribbler(void *arg)
{
	struct vcpu *vcpu = arg;
	unsigned int restarts = 0;
	long ret;

	while (!READ_ONCE(stop) && restarts < RESTARTS) {
		ret = vcpu_ioctl(vcpu, PHV_RUN, 0);
		check(!ret || ret == -EINTR || ret == -EFAULT);
		if (ret == -EINTR || (!ret && vcpu->run->exit_reason == PHV_EXIT_XEN_RELEASE))
			continue;
		if (!ret && vcpu->run->exit_reason != PHV_EXIT_MEMORY)
			break;
		vcpu_call_at(vcpu, (u64)guest_scribbler, 0);
		restarts++;
	}
	WRITE_ONCE(*(bool *)&vcpu->private, true);
	return NULL;
}

static bool is_done(struct vcpu *vcpu)
{
	return READ_ONCE(*(bool *)&vcpu->private);
}

/* It comes back when it is told to: the test has a time limit. */
static void end(struct vcpu *vcpu)
{
	WRITE_ONCE(vcpu->run->immediate_exit, 1);
	while (!is_done(vcpu)) {
		pthread_kill(vcpu->thread, SIGUSR1);
		usleep(1000);
	}
	vcpu_join(vcpu);
}

/* The next call: they are counted in two places. */
static u64 progress(struct vm *vm)
{
	u64 next = *(u16 *)(vm->low + FUZZ16_CODE + (fuzz16_next - fuzz16_start));

	return next + (u64)READ_ONCE(calls_next);
}

/* Until all calls are made, or too much time has gone. A caller that sleeps is woken. */
static void wait_for(struct vcpu *caller)
{
	u64 now = fuzz_ms(), until = now + MODE_MS, since = now, last = 0;

	while (!is_done(caller) && now < until) {
		usleep(2000);
		now = fuzz_ms();
		if (progress(caller->vm) != last) {
			last = progress(caller->vm);
			since = now;
		} else if (now > since + STALL_MS) {
			WRITE_ONCE(nudged, true);
			pthread_kill(caller->thread, SIGUSR1);
			since = now;
		}
	}
}

/* Real mode has them in low memory. */
static void load_real(struct vm *vm)
{
	u8 *code = vm->low + FUZZ16_CODE;

	vm_load_low(vm, FUZZ16_CODE, fuzz16_start, fuzz16_end);
	memcpy(vm->low + FUZZ16_CALLS, list.call, FUZZ16_COUNT * sizeof(list.call[0]));
	*(u16 *)(code + (fuzz16_segment - fuzz16_start)) = FUZZ16_CALLS >> 4;
	*(u16 *)(code + (fuzz16_limit - fuzz16_start)) = list.count * sizeof(list.call[0]);
}

static void run_list(void)
{
	const struct sigaction action = { .sa_handler = no_action };
	struct vcpu *caller, *scribbler;
	unsigned int vector;
	struct vm *vm;

	vm = xen_create();
	check(vm_alloc(3 * ARENA_MARGIN, ARENA_ALIGN) + ARENA_MARGIN == ARENA);
	for (vector = 0; vector < 256; vector++)
		if (vector == VEC_NMI || vector >= 32)
			guest_handle(vector, ignore);
	load_real(vm);
	calls_next = list.call;
	calls_end = list.call + list.count;
	caller = vcpu_create(vm, 0);
	enter(caller);
	scribbler = vm_add_guest(vm, 1, guest_scribbler);
	check_eq(sigaction(SIGUSR1, &action, NULL), 0);
	check_eq(pthread_create(&scribbler->thread, NULL, run_scribbler, scribbler), 0);
	check_eq(pthread_create(&caller->thread, NULL, run_caller, caller), 0);
	wait_for(caller);
	WRITE_ONCE(stop, true);
	end(caller);
	end(scribbler);
	vm_destroy(vm);
}

/* In a process of its own: what it does to the memory of guests is gone with it. */
static bool finds(char *text, size_t size)
{
	static int kmsg = -1;
	int status;
	pid_t pid;

	if (kmsg < 0)
		kmsg = kmsg_open();
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(TEST_LIMIT / 2);
		run_list();
		_exit(0);
	}
	check(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status)) {
		snprintf(text, size, "it ended by signal %d", WTERMSIG(status));
		return true;
	}
	if (WEXITSTATUS(status)) {
		snprintf(text, size, "it failed");
		return WEXITSTATUS(status) == KSFT_FAIL;
	}
	return fuzz_log_complaint(kmsg, text, size);
}

/* Calls as text: mode, number, six arguments, an address and what is written there. */

static void print_call(char *line, size_t size, const struct pv_call *call)
{
	const u64 *words = &call->nr;
	unsigned int i;
	size_t used;

	used = snprintf(line, size, "%s", mode_names[list.mode]);
	for (i = 0; i < sizeof(*call) / sizeof(u64); i++)
		used += snprintf(line + used, size - used, " %#llx", words[i]);
}

static void print_list(void)
{
	char line[512];
	unsigned int i;

	for (i = 0; i < list.count; i++) {
		print_call(line, sizeof(line), &list.call[i]);
		printf("# | %s\n", line);
	}
}

static bool parse_call(char *line, struct pv_call *call)
{
	static const char blanks[] = " \t\n";
	u64 *words = &call->nr;
	char *word = strtok(line, blanks);
	unsigned int i;

	for (i = 0; i < MODES && (!word || strcmp(word, mode_names[i])); i++)
		;
	if (i == MODES)
		return false;
	list.mode = i;
	memset(call, 0, sizeof(*call));
	call->where = (u64)ARENA;
	for (i = 0; i < sizeof(*call) / sizeof(u64) && (word = strtok(NULL, blanks)); i++)
		words[i] = strtoull(word, NULL, 0);
	return i;
}

static void read_list(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];

	if (!file)
		test_fail("%s: %m", path);
	list.count = 0;
	while (fgets(line, sizeof(line), file)) {
		char *start = !strncmp(line, "# | ", 4) ? line + 4 : line;

		if (*start == '#' || *start == '\n')
			continue;
		if (list.count == CALLS || !parse_call(start, &list.call[list.count++]))
			test_fail("%s: line %u is no call", path, list.count);
	}
	fclose(file);
	if (list.mode == MODE_REAL && list.count > FUZZ16_COUNT)
		test_fail("%s: too many calls", path);
}

/* Drop what makes no difference: halves, then quarters, down to single calls. */
static void minimise(void)
{
	static struct pv_list whole;
	unsigned int size, first;
	u64 until = fuzz_ms() + 20000;
	char text[256];

	for (size = list.count / 2; size; size /= 2) {
		for (first = 0; first + size <= list.count && fuzz_ms() < until;) {
			whole = list;
			list.count -= size;
			memmove(&list.call[first], &list.call[first + size],
				(list.count - first) * sizeof(list.call[0]));
			if (!finds(text, sizeof(text)) && !finds(text, sizeof(text))) {
				list = whole;
				first += size;
			}
		}
	}
}

static void expect_nothing(const char *where)
{
	char text[256];

	if (!finds(text, sizeof(text)))
		return;
	ksft_print_msg("%s: %s; all of it:\n", where, text);
	print_list();
	test_limit(60);
	minimise();
	ksft_print_msg("what is left when calls that make no difference are dropped:\n");
	print_list();
	test_fail("%s: %s", where, text);
}

static void fuzz(enum mode mode, u64 seed)
{
	char where[64];

	snprintf(where, sizeof(where), "PHV_FUZZ_SEED=%llu, mode %s", seed, mode_names[mode]);
	make_list(seed, mode);
	expect_nothing(where);
}

/* Tests */

#define FUZZ(mode, name)						\
static void fuzz_##name(void)						\
{									\
	need_phv();							\
	fuzz(mode, fuzz_seed());					\
}

FUZZ(MODE_LONG, long)
FUZZ(MODE_COMPAT, compat)
FUZZ(MODE_RING3, ring3)
FUZZ(MODE_PAE, pae)
FUZZ(MODE_PAGED, paged)
FUZZ(MODE_PROTECTED, protected)
FUZZ(MODE_REAL, real)

/* Seed after seed, from the environment's on, for those who look for more. */
static void fuzz_on(void)
{
	u64 seconds = fuzz_environment("PHV_FUZZ_SECONDS", 0), seed = fuzz_seed();
	u64 until = fuzz_ms() + seconds * 1000, said = fuzz_ms();
	enum mode mode;

	if (!seconds)
		test_skip("PHV_FUZZ_SECONDS is not set");
	need_phv();
	test_limit(seconds + 60);
	for (;; seed++) {
		for (mode = 0; mode < MODES; mode++) {
			if (fuzz_ms() >= until)
				return;
			/* What is always refused needs no more than that. */
			if (mode != MODE_RING3 && mode != MODE_REAL)
				fuzz(mode, seed);
		}
		if (fuzz_ms() > said + 10000) {
			ksft_print_msg("PHV_FUZZ_SEED=%llu is next\n", seed + 1);
			said = fuzz_ms();
		}
	}
}

static void all_of_corpus(void)
{
	char path[256], file[600];
	struct dirent *entry;
	ssize_t length;
	DIR *dir;

	need_phv();
	length = readlink("/proc/self/exe", path, sizeof(path) - 32);
	check(length > 0);
	path[length] = '\0';
	strcpy(strrchr(path, '/'), "/corpus/pv_fuzz");
	dir = opendir(path);
	if (!dir)
		test_skip("no %s", path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		read_list(file);
		expect_nothing(file);
	}
	closedir(dir);
}

/* A list as text is the list, and a caller gets through most of it. */
static void all_are_made(void)
{
	char line[512];
	struct pv_call call;
	unsigned int i;

	need_phv();
	make_list(5, MODE_PAE);
	for (i = 0; i < list.count; i++) {
		print_call(line, sizeof(line), &list.call[i]);
		check(parse_call(line, &call) && !memcmp(&call, &list.call[i], sizeof(call)));
		/* harmless ones */
		list.call[i].nr = __HYPERVISOR_xen_version;
	}
	run_list();
	check_eq(calls_next - list.call, list.count);
}

static const struct test tests[] = {
	{ "harmless calls are all made", .host = all_are_made },
	{ "the corpus", .host = all_of_corpus },
	{ "64-bit mode", .host = fuzz_long },
	{ "compatibility mode", .host = fuzz_compat },
	{ "ring 3", .host = fuzz_ring3 },
	{ "32-bit mode, PAE paging", .host = fuzz_pae },
	{ "32-bit mode, two-level paging", .host = fuzz_paged },
	{ "32-bit mode, no paging", .host = fuzz_protected },
	{ "real mode", .host = fuzz_real },
	{ "one seed after the other", .host = fuzz_on },
};

static const char *replay_path;

static void replay(void)
{
	need_phv();
	read_list(replay_path);
	expect_nothing(replay_path);
}

/* With (parts of) names of tests, or without: these. --replay FILE makes the calls in it. */
int main(int argc, char **argv)
{
	const struct test replayed = { "the calls are harmless", .host = replay };

	if (argc == 3 && !strcmp(argv[1], "--replay")) {
		replay_path = argv[2];
		return test_main(&replayed, 1, 1, argv);
	}
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
