/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of failures share: of everything that phv.ko allocates or copies while it
 * does something, one thing after the other cannot be had. Each time that is said, nothing
 * is left behind, and it can be done when it is tried again.
 *
 * The kernel has the means (fault injection, Documentation/fault-injection): the Nth thing
 * that a thread asks for fails. Only what is asked for with a module's code on the stack
 * counts: what the kernel itself does for a system call is not ours to test.
 *
 * A program calls fault_main() instead of test_main().
 */
#ifndef FAULT_H
#define FAULT_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "phvtest.h"
#include "vm.h"

/* Something with more points of failure than this would not be tested to its end. */
#define MANY		2000
/* So often everything fails before it is asked what has been lost */
#define ROUNDS		4

#define FAULT_PAGE	4096L

/* The kernel's faults */

/* Where x86-64 has its modules, as Documentation/arch/x86/x86_64/mm.rst says */
#define MODULES_START	"0xffffffffa0000000"
#define MODULES_END	"0xffffffffff000000"

/* Allocations that may sleep fail, too, and nothing is said in the log about it. */
static inline bool faults_set_up(void)
{
	static const struct {
		const char *kind, *name, *value;
	} settings[] = {
		{ "failslab", "ignore-gfp-wait", "N" },
		{ "fail_page_alloc", "ignore-gfp-wait", "N" },
		{ "fail_page_alloc", "ignore-gfp-highmem", "N" },
		{ "fail_page_alloc", "min-order", "0" },
	};
	static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	static const char *const common[][2] = {
		{ "verbose", "0" },
		{ "require-start", MODULES_START },
		{ "require-end", MODULES_END },
	};
	bool ok = true;
	char path[80];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", settings[i].kind,
			 settings[i].name);
		ok = ok && write_line(path, settings[i].value);
	}
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (j = 0; j < ARRAY_SIZE(common); j++) {
			snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kinds[i],
				 common[j][0]);
			ok = ok && write_line(path, common[j][1]);
		}
	}
	return ok;
}

static int fail_nth = -1;

/* For the thread that calls it, and no other. */
static inline void faults_open(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	fail_nth = open(path, O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		test_fail("%s: %m", path);
}

static inline void fault_arm(unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fail_nth, text, length, 0) != length)
		test_fail("fail-nth: %m");
}

/* Has it happened? A number that is left over says that there were fewer. */
static inline bool fault_disarm(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0)
		test_fail("fail-nth: %m");
	fault_arm(0);
	return atoi(text) == 0;
}

/**
 * struct op - something that may fail
 * @name: its name
 * @call: does it; 0 or more, or a negative errno
 * @before: prepares each call of it, may be NULL
 * @undo: undoes it when it has succeeded, may be NULL
 * @cleanup: undoes @before, whatever became of the call, may be NULL
 * @none: there is nothing that can fail: it has no memory to ask for, and nothing to copy
 */
struct op {
	const char *name;
	long (*call)(void);
	void (*before)(void);
	void (*undo)(void);
	void (*cleanup)(void);
	bool none;
};

#define OP(_name, _call, _before, _undo, _cleanup)			\
	{ .name = _name, .call = _call, .before = _before, .undo = _undo,	\
	  .cleanup = _cleanup }
#define OP_NONE(_name, _call, _before, _undo, _cleanup)			\
	{ .name = _name, .call = _call, .before = _before, .undo = _undo,	\
	  .cleanup = _cleanup, .none = true }

/* What call() has returned last */
static long result;

static inline bool is_refusal(long ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

static inline int lowest_free_descriptor(void)
{
	int fd = dup(fail_nth);

	close(fd);
	return fd;
}

/* Return: whether there was an Nth thing to fail. */
static inline bool fail(const struct op *op, unsigned int n)
{
	bool failed;
	int lowest;

	if (op->before)
		op->before();
	lowest = lowest_free_descriptor();
	fault_arm(n);
	result = op->call();
	failed = fault_disarm();
	if (result < 0 && failed) {
		if (!is_refusal(result))
			test_fail("%s, failure %u: %ld", op->name, n, result);
		if (lowest_free_descriptor() != lowest)
			test_fail("%s, failure %u: a descriptor is left", op->name, n);
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

/* The first time it is said how many there are. */
static bool fault_count = true;

static inline void fail_all(const struct op *op)
{
	unsigned int n;

	for (n = 1; fail(op, n); n++)
		if (n == MANY)
			test_fail("%s: more than %u points of failure", op->name, n);
	if (n == 1 && !op->none)
		test_fail("%s: nothing of it fails", op->name);
	if (fault_count)
		ksft_print_msg("%s: %u points of failure\n", op->name, n - 1);
}

/*
 * What is lost: pages, by what the control group is charged for, to which no other process
 * and none of the kernel's bug finders adds anything. What is less, kmemleak finds in the
 * end.
 */

#define FAULT_GROUP	"/sys/fs/cgroup/phv-fault"

static inline void fault_leave_group(void)
{
	write_line("/sys/fs/cgroup/cgroup.procs", "0");
	rmdir(FAULT_GROUP);
}

static inline bool fault_join_group(void)
{
	if (!write_line("/sys/fs/cgroup/cgroup.subtree_control", "+memory") ||
	    (mkdir(FAULT_GROUP, 0755) && errno != EEXIST) ||
	    !write_line(FAULT_GROUP "/cgroup.procs", "0"))
		return false;
	atexit(fault_leave_group);
	return true;
}

static inline long fault_read(const char *path, const char *format)
{
	FILE *file = fopen(path, "re");
	long value = -1;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) == 1)
			break;
	if (file)
		fclose(file);
	if (value < 0)
		test_fail("%s: %m", path);
	return value;
}

struct fault_stock {
	long charged;		/* bytes of the kernel's for the group's processes */
	long references;	/* to the module */
};

static inline long fault_charged(void)
{
	/* Who reads this has all that CPUs have counted for themselves added up. */
	fault_read(FAULT_GROUP "/cpu.stat", "usage_usec %ld");
	return fault_read(FAULT_GROUP "/memory.stat", "kernel %ld");
}

static inline long fault_references(void)
{
	return fault_read("/sys/module/phv/refcnt", "%ld");
}

static inline void fault_take_stock(struct fault_stock *stock)
{
	stock->references = fault_references();
	stock->charged = fault_charged();
}

/* What is freed by RCU is gone then: kvfree_rcu() collects for 5 seconds. */
static inline void fault_settle(void)
{
	sleep(6);
}

static inline bool fault_charge_stays(long before)
{
	unsigned int tries;
	long now = 0;

	for (tries = 0; tries < 20; tries++) {
		now = fault_charged();
		if (now - before < ROUNDS * FAULT_PAGE * 3 / 4)
			return false;
		usleep(100000);
	}
	ksft_print_msg("charged: %ld bytes before, %ld after\n", before, now);
	return true;
}

/* Everything fails, ROUNDS times, by way of @each; is something left each time? */
static inline bool fault_leaks(const struct op *ops, unsigned int count,
			       void (*each)(const struct op *op))
{
	struct fault_stock before;
	unsigned int tries, round, i;

	/* Something may be made for the first time, and stay: what is lost is lost again. */
	for (tries = 0; tries < 3; tries++) {
		fault_settle();
		fault_take_stock(&before);
		for (round = 0; round < ROUNDS; round++)
			for (i = 0; i < count; i++)
				each(&ops[i]);
		fault_settle();
		check_eq(fault_references(), before.references);
		if (!fault_charge_stays(before.charged))
			return false;
	}
	return true;
}

/* Everything fails by way of @each: fail_all(), or what calls it. */
static inline void fail_ops_by(const struct op *ops, unsigned int count,
			       void (*each)(const struct op *op))
{
	unsigned int i;

	for (i = 0; i < count; i++)
		each(&ops[i]);
	fault_count = false;
	if (!fault_leaks(ops, count, each))
		return;
	for (i = 0; i < count; i++)
		if (fault_leaks(&ops[i], 1, each))
			test_fail("%s: it leaks when something fails", ops[i].name);
	test_fail("it leaks when something fails");
}

static inline void fail_ops(const struct op *ops, unsigned int count)
{
	test_limit(600);
	faults_open();
	fail_ops_by(ops, count, fail_all);
}

static inline int fault_main(const struct test *tests, unsigned int count, int argc,
			     char **argv)
{
	if (!faults_set_up() || !fault_join_group()) {
		ksft_print_header();
		ksft_exit_skip("needs root, fault injection and control groups\n");
	}
	return test_main(tests, count, argc, argv);
}

#endif /* FAULT_H */
