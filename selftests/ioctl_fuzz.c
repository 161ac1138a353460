// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls, mappings, netlink requests and descriptors, at random, by several threads.
 *
 * A program is a list of calls (ioctl_fuzz_calls.c has what there is to call) that a process
 * makes in up to four threads; then it ends, and the host must be as it was: the kernel's log
 * has no complaint, no error was one that <phv.h> does not have, no call was stuck, no
 * descriptor, page or domain of phv's has stayed, and a domain that has nothing to do with it
 * all, the witness, runs as if nothing was.
 *
 * A program follows from a seed and a number. One that finds something is printed as text,
 * after calls that make no difference were dropped; ioctl_fuzz --replay FILE runs it.
 * Those in corpus/ioctl_fuzz/ are run first.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "guest/xen.h"
#include "ioctl_fuzz.h"
#include "leak.h"
#include "phvtest.h"

#define CALL_MS		2		/* then a signal ends what can be ended */
#define STUCK_MS	10000		/* and when that didn't help, it is stuck */
#define SETTLE_MS	4000		/* for what the kernel does later */

enum finding_kind {
	NOTHING, BAD_ERRNO, STUCK, DIED, NOT_KILLED, LOG, KEPT, WITNESS
};

/* What was found; shared with the process that makes the calls. */
struct finding {
	enum finding_kind kind;
	unsigned int what;		/* of the call, for BAD_ERRNO and STUCK */
	long result;
	char text[1024];
};

static struct finding *finding;
static int kmsg;

/* For the test of the tests: a result that is taken for a finding. */
static long unwanted;

/* The witness */

#define WITNESS_WORDS	1024

static u64 witness_memory[WITNESS_WORDS];
static const char *witness_complaint;
static struct vcpu *witness;

#define MSR_MAGIC	0x123456789abcUL

/* One look at all it has. */
static const char *guest_look(u64 round, evtchn_port_t port)
{
	struct evtchn_send send = { .port = port };
	unsigned int i;

	for (i = 0; i < WITNESS_WORDS; i++)
		if (READ_ONCE(witness_memory[i]) != round * i)
			return "memory";
	for (i = 0; i < WITNESS_WORDS; i++)
		WRITE_ONCE(witness_memory[i], (round + 1) * i);
	if (rdmsr(MSR_LSTAR) != MSR_MAGIC || rdmsr(MSR_KERNEL_GS_BASE) != ~MSR_MAGIC >> 17)
		return "MSRs";
	if (xen_evtchn_op(EVTCHNOP_send, &send))
		return "a hypercall";
	if (!(__atomic_fetch_and(&xen_shared->evtchn_pending[port / 64], ~BIT(port % 64),
				 __ATOMIC_SEQ_CST) & BIT(port % 64)))
		return "event channels";
	return NULL;
}

static void guest_witness(void)
{
	struct evtchn_bind_ipi bind = { .vcpu = 0 };
	u64 round;

	wrmsr(MSR_LSTAR, MSR_MAGIC);
	wrmsr(MSR_KERNEL_GS_BASE, ~MSR_MAGIC >> 17);
	if (xen_evtchn_op(EVTCHNOP_bind_ipi, &bind))
		witness_complaint = "binding a port";
	for (round = 0; !witness_complaint; round++) {
		witness_complaint = guest_look(round, bind.port);
		guest_sync(round);
	}
	for (;;)
		guest_sync(~0);
}

static void witness_create(void)
{
	witness = xen_with_guest(guest_witness);
	vcpu_expect(witness, VCPU_SYNC);
}

/* It goes on where it was. */
static void witness_look(void)
{
	u32 before = witness->run->io.data;
	int ret;

	if (finding->kind)
		return;
	ret = vcpu_run(witness);
	if (ret == VCPU_SYNC && witness->run->io.data == before + 1 && !witness_complaint)
		return;
	snprintf(finding->text, sizeof(finding->text), "the witness: %s, %d",
		 witness_complaint ?: "it does not run", ret);
	finding->kind = WITNESS;
}

/* What the kernel knows of the module, and what must be as it was after each program */

struct state {
	long references;
	long pins;
	long hugetlb;
};

static long read_number(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(name);
	char line[128];
	long number = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length))
			number = strtol(line + length, NULL, 0);
	if (file)
		fclose(file);
	return number;
}

/* The kernel counts events on each CPU, and adds that up when it is asked to, or later. */
static void get_state(struct state *state)
{
	read_number("/proc/sys/vm/stat_refresh", "");
	state->references = read_number("/sys/module/phv/refcnt", "");
	state->pins = read_number("/proc/vmstat", "nr_foll_pin_acquired ") -
		      read_number("/proc/vmstat", "nr_foll_pin_released ");
	state->hugetlb = read_number("/proc/meminfo", "HugePages_Total:") -
			 read_number("/proc/meminfo", "HugePages_Free:");
}

/* Things may be done later, by workers and after grace periods: wait for them. */
static void check_state(const struct state *before)
{
	u64 end = fuzz_ms() + SETTLE_MS;
	struct state state;

	if (finding->kind)
		return;
	for (;;) {
		get_state(&state);
		if (!memcmp(&state, before, sizeof(state)))
			return;
		if (fuzz_ms() > end)
			break;
		usleep(1000);
	}
	finding->kind = KEPT;
	snprintf(finding->text, sizeof(finding->text),
		 "references of phv %ld, pinned pages %ld, huge pages %ld more than before",
		 state.references - before->references, state.pins - before->pins,
		 state.hugetlb - before->hugetlb);
}

static void check_log(void)
{
	if (!finding->kind && fuzz_log_complaint(kmsg, finding->text, sizeof(finding->text)))
		finding->kind = LOG;
}

/* Running a program: the process that makes the calls */

struct runner {
	pthread_t thread;
	const struct fuzz_program *program;
	struct fuzz_thread self;
	const struct fuzz_call *call;	/* the one that is made */
	u64 since;			/* when that began, 0 in between */
	u64 watched;			/* what @since was when it was last looked at */
	u64 patience;			/* ms from then to the next signal */
	bool done;
};

static void no_action(int signal)
{
	(void)signal;
}

static void report(enum finding_kind kind, const struct fuzz_call *call, long ret)
{
	if (__atomic_exchange_n(&finding->kind, kind, __ATOMIC_SEQ_CST))
		return;
	finding->what = call->what;
	finding->result = ret;
	snprintf(finding->text, sizeof(finding->text), "%s: %s",
		 fuzz_descriptions[call->what].name,
		 kind == STUCK ? "it is stuck" : strerror(-ret));
}

static void *run_thread(void *arg)
{
	struct runner *runner = arg;
	unsigned int i;
	long ret;

	for (i = 0; i < runner->program->count; i++) {
		const struct fuzz_call *call = &runner->program->call[i];

		if (call->thread != runner->self.id)
			continue;
		WRITE_ONCE(runner->call, call);
		WRITE_ONCE(runner->since, fuzz_ms());
		ret = fuzz_call(&runner->self, call);
		WRITE_ONCE(runner->since, 0);
		if (!fuzz_result_is_known(call, ret) || (unwanted && ret == unwanted))
			report(BAD_ERRNO, call, ret);
	}
	WRITE_ONCE(runner->done, true);
	return NULL;
}

/* Start the thread, if the program has something for it. */
static void start(struct runner *runner, const struct fuzz_program *program, unsigned int id)
{
	static u8 memory[FUZZ_THREADS + 1][2][FUZZ_AREA] __aligned(64);
	unsigned int i;

	*runner = (struct runner) {
		.program = program,
		.self = { .id = id, .area = memory[id][0], .list = memory[id][1] },
		.done = true,
	};
	for (i = 0; i < program->count; i++)
		if (program->call[i].thread == id)
			runner->done = false;
	if (!runner->done && pthread_create(&runner->thread, NULL, run_thread, runner))
		_exit(1);
}

/*
 * Ends what takes long. Signals come ever more rarely: what they have the kernel begin anew
 * gets the time it takes, on any host.
 */
static bool watch(struct runner *runner)
{
	u64 since = READ_ONCE(runner->since), now = fuzz_ms();

	if (READ_ONCE(runner->done))
		return false;
	if (since != runner->watched) {
		runner->watched = since;
		runner->patience = CALL_MS;
	}
	if (!since || now < since + runner->patience)
		return true;
	if (now > since + STUCK_MS) {
		report(STUCK, runner->call, 0);
		_exit(1);
	}
	runner->patience *= 2;
	pthread_kill(runner->thread, SIGUSR1);
	return true;
}

static __noreturn void make_calls(const struct fuzz_program *program)
{
	static struct runner runners[FUZZ_THREADS + 1];
	const struct sigaction action = { .sa_handler = no_action };
	unsigned int i;
	bool busy;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	close_range(3, ~0U, 0);
	sigaction(SIGUSR1, &action, NULL);
	fuzz_calls_begin();

	start(&runners[FUZZ_THREADS], program, FUZZ_THREADS);
	while (watch(&runners[FUZZ_THREADS]))
		usleep(200);
	for (i = 0; i < FUZZ_THREADS; i++)
		start(&runners[i], program, i);
	do {
		usleep(1000);
		busy = false;
		for (i = 0; i < FUZZ_THREADS; i++)
			busy |= watch(&runners[i]);
	} while (busy);
	_exit(0);
}

/* Wait for it, with an eye on the witness. */
static void wait_for(pid_t pid)
{
	u64 end = fuzz_ms() + 3 * STUCK_MS;
	bool killed = false;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		witness_look();
		usleep(1000);
		if (fuzz_ms() < end)
			continue;
		if (killed) {
			finding->kind = NOT_KILLED;
			strcpy(finding->text, "a process that can't be killed");
			return;
		}
		kill(pid, SIGKILL);
		killed = true;
		end += STUCK_MS;
	}
	if (!killed && WIFEXITED(status))
		return;
	if (finding->kind)
		return;
	finding->kind = DIED;
	snprintf(finding->text, sizeof(finding->text), "the process ended by signal %d",
		 WTERMSIG(status));
}

static enum finding_kind run(const struct fuzz_program *program)
{
	struct state before;
	pid_t pid;

	memset(finding, 0, sizeof(*finding));
	get_state(&before);
	pid = fork();
	if (!pid)
		make_calls(program);
	check(pid > 0);
	wait_for(pid);
	witness_look();
	if (finding->kind != NOT_KILLED && finding->kind != STUCK)
		check_state(&before);
	check_log();
	return finding->kind;
}

/* Programs at random */

/* A call of the beginning: its name, and its fields. */
#define BEGIN(program, name, ...)					\
	begin(program, name, (const u64[FUZZ_FIELDS]) { __VA_ARGS__ })

static void begin(struct fuzz_program *program, const char *name, const u64 *arg)
{
	struct fuzz_call *call = &program->call[program->count++];

	call->what = fuzz_find(name);
	call->thread = FUZZ_THREADS;
	memcpy(call->arg, arg, sizeof(call->arg));
}

#define DOMAIN0	FUZZ_FD(FD_DOMAIN, 0)

/* What makes a Xen domain of it. */
static void begin_xen(struct fuzz_program *program, u64 *random)
{
	BEGIN(program, "xen_setup", DOMAIN0, FUZZ_OWN, FUZZ_POINTER(5, 0x100000),
	      1 + fuzz_below(random, 3), fuzz_below(random, 8), 1024);
	if (fuzz_one_in(random, 2)) {
		BEGIN(program, "evtchn_alloc", DOMAIN0);
		BEGIN(program, "evtchn_bind", DOMAIN0, FUZZ_OWN, 1, FUZZ_FD(FD_EVENTFD, 0),
		      FUZZ_FD(FD_EVENTFD, 1));
	}
}

/* For the most part a domain that runs: it is not worth much to see that nothing is there. */
static void begin_domain(struct fuzz_program *program, u64 *random)
{
	unsigned int i, vcpus = 1 + fuzz_below(random, 2);

	BEGIN(program, "create_domain", FUZZ_FD(FD_DEVICE, 0), FUZZ_OWN, DOMAIN0, 0);
	if (fuzz_one_in(random, 2))
		begin_xen(program, random);
	BEGIN(program, "add_memory", DOMAIN0, FUZZ_OWN, 0, 0x4000, FUZZ_POINTER(0, 0),
	      fuzz_below(random, 4) & 2);
	BEGIN(program, "add_memory", DOMAIN0, FUZZ_OWN, 0xfffff000, 0x1000, FUZZ_POINTER(0, 0));
	BEGIN(program, "add_memory", DOMAIN0, FUZZ_OWN, 0x200000, 0x200000, FUZZ_POINTER(1, 0),
	      fuzz_below(random, 4));
	if (fuzz_one_in(random, 2))
		BEGIN(program, "set_ports", DOMAIN0, FUZZ_OWN, 0xf4, 1, PHV_PORTS_USER,
		      FUZZ_FD(FD_NONE, 0));
	for (i = 0; i < vcpus; i++) {
		BEGIN(program, "create_vcpu", DOMAIN0, FUZZ_FD(FD_VCPU, i), i);
		BEGIN(program, "map_run", FUZZ_FD(FD_VCPU, i), i);
	}
}

static void make_program(u64 seed, u64 number, struct fuzz_program *program)
{
	u64 random = fuzz_part(seed, number), state;
	unsigned int i, count, thread, threads;
	int map = fuzz_find("map");

	memset(program, 0, sizeof(*program));
	BEGIN(program, "open", FUZZ_FD(FD_DEVICE, 0));
	for (i = 0; i < 3; i++)
		BEGIN(program, "eventfd", FUZZ_FD(FD_EVENTFD, i));
	BEGIN(program, "map", 0, 0);
	for (i = 1; i < FUZZ_REGIONS; i++) {
		struct fuzz_call *call = &program->call[program->count++];

		fuzz_make_call(&random, map, call);
		call->thread = FUZZ_THREADS;
		call->arg[0] = i;
	}
	if (!fuzz_one_in(&random, 10))
		begin_domain(program, &random);

	threads = 1 + fuzz_below(&random, FUZZ_THREADS);
	for (thread = 0; thread < threads; thread++) {
		state = fuzz_next(&random);
		count = 10 + fuzz_below(&state, 20);
		for (i = 0; i < count; i++) {
			struct fuzz_call *call = &program->call[program->count++];

			fuzz_make_call(&state, fuzz_pick(&state), call);
			call->thread = thread;
		}
	}
}

/* Programs as text */

static const char * const kinds[FD_KINDS] = {
	"none", "device", "domain", "vcpu", "eventfd", "other",
};

static const char * const places[] = { [FUZZ_KERNEL] = "kernel", [FUZZ_NULL] = "null" };

#define LINE_SIZE	512

static int print_field(char *line, size_t size, const struct fuzz_field *field, u64 value)
{
	u64 region = (value >> 32) - 1;

	switch (field->type) {
	case FIELD_FD:
		return snprintf(line, size, " %s=%s%llu", field->name, kinds[value >> 8],
				value & 0xff);
	case FIELD_POINTER:
		if (region < FUZZ_REGIONS)
			return snprintf(line, size, " %s=region%llu+%#llx", field->name, region,
					value & 0xffffffff);
		return snprintf(line, size, " %s=%s+%#llx", field->name, places[region],
				value & 0xffffffff);
	default:
		return snprintf(line, size, " %s=%#llx", field->name, value);
	}
}

/* A field that is 0 is left out. */
static void print_call(char *line, size_t size, const struct fuzz_call *call)
{
	const struct fuzz_description *what = &fuzz_descriptions[call->what];
	unsigned int i;
	size_t used;

	if (call->thread == FUZZ_THREADS)
		used = snprintf(line, size, "* %s", what->name);
	else
		used = snprintf(line, size, "%u %s", call->thread, what->name);
	for (i = 0; i < FUZZ_FIELDS && what->field[i].name; i++)
		if (call->arg[i])
			used += print_field(line + used, size - used, &what->field[i],
					    call->arg[i]);
}

static void print_program(const char *prefix, const struct fuzz_program *program)
{
	char line[LINE_SIZE];
	unsigned int i;

	for (i = 0; i < program->count; i++) {
		print_call(line, sizeof(line), &program->call[i]);
		printf("%s%s\n", prefix, line);
	}
}

static bool parse_fd(const char *text, u64 *value)
{
	unsigned int kind;

	for (kind = 0; kind < FD_KINDS; kind++) {
		size_t length = strlen(kinds[kind]);

		if (strncmp(text, kinds[kind], length))
			continue;
		*value = FUZZ_FD(kind, strtoul(text + length, NULL, 0));
		return true;
	}
	return false;
}

static bool parse_pointer(const char *text, u64 *value)
{
	unsigned long long offset;
	unsigned int i;

	if (sscanf(text, "region%u+%lli", &i, &offset) == 2 && i < FUZZ_REGIONS) {
		*value = FUZZ_POINTER(i, offset);
		return true;
	}
	for (i = FUZZ_KERNEL; i <= FUZZ_NULL; i++) {
		size_t length = strlen(places[i]);

		if (strncmp(text, places[i], length) || text[length] != '+')
			continue;
		*value = FUZZ_POINTER(i, strtoull(text + length + 1, NULL, 0));
		return true;
	}
	return false;
}

static bool parse_field(char *word, struct fuzz_call *call)
{
	const struct fuzz_field *field = fuzz_descriptions[call->what].field;
	char *text = strchr(word, '=');
	unsigned int i;

	if (!text)
		return false;
	*text++ = '\0';
	for (i = 0; i < FUZZ_FIELDS && field[i].name; i++) {
		if (strcmp(field[i].name, word))
			continue;
		if (field[i].type == FIELD_FD)
			return parse_fd(text, &call->arg[i]);
		if (field[i].type == FIELD_POINTER)
			return parse_pointer(text, &call->arg[i]);
		call->arg[i] = strtoull(text, NULL, 0);
		return true;
	}
	return false;
}

static bool parse_call(char *line, struct fuzz_call *call)
{
	char *word = strtok(line, " \t\n");
	int what;

	memset(call, 0, sizeof(*call));
	call->thread = !strcmp(word, "*") ? FUZZ_THREADS : strtoul(word, NULL, 0);
	word = strtok(NULL, " \t\n");
	what = word ? fuzz_find(word) : -1;
	if (what < 0 || call->thread > FUZZ_THREADS)
		return false;
	call->what = what;
	while ((word = strtok(NULL, " \t\n")))
		if (!parse_field(word, call))
			return false;
	return true;
}

/* Lines that begin with # are remarks, but for what ioctl_fuzz prints itself. */
#define PREFIX	"# | "

static void read_program(const char *path, struct fuzz_program *program)
{
	FILE *file = fopen(path, "re");
	char line[LINE_SIZE], copy[LINE_SIZE];

	if (!file)
		test_fail("%s: %m", path);
	memset(program, 0, sizeof(*program));
	while (fgets(line, sizeof(line), file)) {
		char *start = line;

		if (!strncmp(line, PREFIX, strlen(PREFIX)))
			start += strlen(PREFIX);
		if (*start == '#' || *start == '\n')
			continue;
		strcpy(copy, start);
		if (program->count == FUZZ_CALLS ||
		    !parse_call(start, &program->call[program->count++]))
			test_fail("%s: what is \"%.*s\"?", path, (int)strcspn(copy, "\n"), copy);
	}
	fclose(file);
}

/* What is found is made small */

#define MINIMISE_MS	20000

/* Is it still found? A race may need some tries. */
static bool is_found(const struct fuzz_program *program, enum finding_kind kind,
		     unsigned int what)
{
	unsigned int tries;

	for (tries = 0; tries < 3; tries++)
		if (run(program) == kind && (kind != BAD_ERRNO || finding->what == what))
			return true;
	return false;
}

static void drop_calls(const struct fuzz_program *from, unsigned int first, unsigned int count,
		       struct fuzz_program *to)
{
	*to = *from;
	to->count -= count;
	memmove(&to->call[first], &to->call[first + count],
		(to->count - first) * sizeof(to->call[0]));
}

/* Drop what makes no difference: halves, then quarters, down to single calls; or for a while. */
static void minimise(struct fuzz_program *program, unsigned int ms)
{
	static struct fuzz_program smaller;
	enum finding_kind kind = finding->kind;
	unsigned int what = finding->what, size, first;
	u64 end = fuzz_ms() + ms;

	/* The host is not what it was. */
	if (kind == STUCK || kind == NOT_KILLED || kind == WITNESS)
		return;
	for (size = program->count / 2; size; size /= 2) {
		for (first = 0; first + size <= program->count && fuzz_ms() < end;) {
			drop_calls(program, first, size, &smaller);
			if (is_found(&smaller, kind, what))
				*program = smaller;
			else
				first += size;
		}
	}
}

static __noreturn void found(struct fuzz_program *program, const char *where)
{
	char text[sizeof(finding->text)];

	strcpy(text, finding->text);
	ksft_print_msg("%s: %s; all of it:\n", where, text);
	print_program(PREFIX, program);
	test_limit(3 * MINIMISE_MS / 1000);
	minimise(program, MINIMISE_MS);
	ksft_print_msg("what is left when calls that make no difference are dropped:\n");
	print_program(PREFIX, program);
	test_fail("%s: %s", where, text);
}

/* Tests */

static void set_up(void)
{
	need_phv();
	finding = mmap(NULL, sizeof(*finding), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	check(finding != MAP_FAILED);
	kmsg = kmsg_open();
	witness_create();
}

static void number_name(char *name, size_t size, u64 seed, u64 number)
{
	snprintf(name, size, "seed %llu, program %llu", seed, number);
}

/* From PHV_FUZZ_FIRST on, as many as there is time for. */
static void programs_at_random(void)
{
	const u64 seed = fuzz_seed(), seconds = fuzz_environment("PHV_FUZZ_SECONDS", 4);
	const u64 first = fuzz_environment("PHV_FUZZ_FIRST", 0);
	u64 number = first, end = fuzz_ms() + seconds * 1000, said = 0, warm = 0;
	static struct fuzz_program program;
	static struct leak_stock stock;
	bool counted = false;
	char name[64];

	test_limit(seconds + 60);
	set_up();
	ksft_print_msg("PHV_FUZZ_SEED=%llu\n", seed);
	for (; fuzz_ms() < end; number++) {
		make_program(seed, number, &program);
		if (run(&program)) {
			number_name(name, sizeof(name), seed, number);
			found(&program, name);
		}
		if (!counted && number - first == 20) {
			counted = leak_take_stock(&stock);
			warm = number;
		}
		if (seconds > 10 && fuzz_ms() > said + 10000) {
			ksft_print_msg("%llu programs, the next is %llu\n", number - first + 1,
				       number + 1);
			said = fuzz_ms();
		}
	}
	ksft_print_msg("%llu programs\n", number - first);
	/* Some programs more or less say nothing. */
	if (counted && leak_found(&stock, number - warm < 200 ? 200 : number - warm))
		test_fail("seed %llu, programs %llu to %llu lose memory", seed, warm, number);
}

static void corpus_name(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 32);

	check(length > 0);
	path[length] = '\0';
	strcpy(strrchr(path, '/'), "/corpus/ioctl_fuzz");
}

static void replay(const char *path, unsigned int times)
{
	static struct fuzz_program program;

	read_program(path, &program);
	while (times--)
		if (run(&program))
			found(&program, path);
}

/* Programs that found something once, or go where few get by chance. */
static void corpus(void)
{
	char path[256], file[600];
	struct dirent *entry;
	unsigned int count = 0;
	DIR *dir;

	corpus_name(path, sizeof(path));
	dir = opendir(path);
	if (!dir)
		test_skip("no %s", path);
	test_limit(120);
	set_up();
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		replay(file, 2);
		count++;
	}
	closedir(dir);
	ksft_print_msg("%u programs\n", count);
}

static void text_and_back(void)
{
	static struct fuzz_program program, again;
	char line[LINE_SIZE], copy[LINE_SIZE];
	unsigned int number, i;

	for (number = 0; number < 200; number++) {
		make_program(7, number, &program);
		make_program(7, number, &again);
		check(!memcmp(&program, &again, sizeof(program)));
		for (i = 0; i < program.count; i++) {
			struct fuzz_call call;

			print_call(line, sizeof(line), &program.call[i]);
			strcpy(copy, line);
			if (!parse_call(copy, &call) ||
			    memcmp(&call, &program.call[i], sizeof(call)))
				test_fail("\"%s\" is not what it was made from", line);
		}
	}
}

/* EEXIST is taken for a bug: two calls make it, and need two more. */
static void what_is_found_gets_small(void)
{
	static struct fuzz_program program;
	unsigned int number = 0, i;

	set_up();
	unwanted = -EEXIST;
	do {
		make_program(3, number++, &program);
		begin_domain(&program, &(u64) { 1 });
		BEGIN(&program, "create_vcpu", DOMAIN0, FUZZ_FD(FD_VCPU, 5), 0);
	} while (run(&program) != BAD_ERRNO || strncmp(finding->text, "create_vcpu", 11));
	/* To the end, however slow the host is. */
	test_limit(60 + 4 * MINIMISE_MS / 1000);
	minimise(&program, 4 * MINIMISE_MS);
	print_program(PREFIX, &program);
	check(program.count <= 6);
	for (i = 0; i < program.count; i++)
		check(strcmp(fuzz_descriptions[program.call[i].what].name, "eventfd"));
}

static const struct test tests[] = {
	{ "a program as text is the program", .host = text_and_back },
	{ "a program that finds something is made small", .host = what_is_found_gets_small },
	{ "the corpus", .host = corpus },
	{ "programs at random", .host = programs_at_random },
};

/*
 * What the kernel is told as long as this goes on: to have some huge pages, and to be quick with
 * grace periods, which are most of a program's time otherwise.
 */
static struct {
	const char *path;
	long value, before;
} settings[] = {
	{ "/proc/sys/vm/nr_hugepages", 4, 0 },
	{ "/sys/kernel/rcu_expedited", 1, 0 },
};

static void write_number(const char *path, long number)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return;
	fprintf(file, "%ld", number);
	fclose(file);
}

static void restore_settings(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		write_number(settings[i].path, settings[i].before);
}

static void change_settings(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		settings[i].before = read_number(settings[i].path, "");
		write_number(settings[i].path, settings[i].before + settings[i].value);
	}
	atexit(restore_settings);
}

static const char *replay_path;

static void replay_file(void)
{
	test_limit(600);
	set_up();
	replay(replay_path, fuzz_environment("PHV_FUZZ_TIMES", 10));
}

/* What has been run by "fork": whatever descriptors it has, it may try to use them. */
static int run_executed(void)
{
	int fd;

	for (fd = 3; fd < 40; fd++) {
		ioctl(fd, PHV_RUN, 0);
		ioctl(fd, PHV_CREATE_VCPU, 9);
		ioctl(fd, PHV_NMI, 0);
	}
	return 0;
}

static int print_numbered(const char *seed, const char *number)
{
	static struct fuzz_program program;

	make_program(strtoull(seed, NULL, 0), strtoull(number, NULL, 0), &program);
	print_program("", &program);
	return 0;
}

/*
 * Without arguments, or with (parts of) names of tests: these. --replay FILE runs a program,
 * PHV_FUZZ_TIMES times; --print SEED NUMBER prints one.
 */
int main(int argc, char **argv)
{
	const struct test replayed = { "the program is harmless", .host = replay_file };

	if (argc == 2 && !strcmp(argv[1], "--exec"))
		return run_executed();
	if (argc == 4 && !strcmp(argv[1], "--print"))
		return print_numbered(argv[2], argv[3]);
	change_settings();
	if (argc == 3 && !strcmp(argv[1], "--replay")) {
		replay_path = argv[2];
		return test_main(&replayed, 1, 1, argv);
	}
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
