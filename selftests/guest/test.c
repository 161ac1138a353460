// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs tests, each in a process of its own, and reports in TAP.
 * The interface is vm.h.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "phvtest.h"
#include "testhost/testport.h"
#include "vm.h"

/* Why a test failed or was skipped: written by its process, read by ours. */
static char *verdict;

#define VERDICT_SIZE 4096

/* The CPUs that were ours before anything was pinned. */
static const cpu_set_t *all_cpus(void)
{
	static cpu_set_t cpus;

	if (!CPU_COUNT(&cpus))
		sched_getaffinity(0, sizeof(cpus), &cpus);
	return &cpus;
}

static void say(const char *format, va_list args)
{
	static bool said;

	if (!verdict) {		/* not one of test_main()'s tests */
		vfprintf(stderr, format, args);
		fputc('\n', stderr);
		return;
	}
	/* The first thread to complain is right. */
	if (!__atomic_exchange_n(&said, true, __ATOMIC_SEQ_CST))
		vsnprintf(verdict, VERDICT_SIZE, format, args);
}

void test_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	_exit(KSFT_FAIL);
}

void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	_exit(KSFT_SKIP);
}

void test_limit(unsigned int seconds)
{
	alarm(seconds);
}

void need_phv(void)
{
	if (backend_default() != &backend_phv)
		test_skip("only phv has this");
}

void need_caps(u64 features)
{
	struct phv_caps caps;
	int fd;

	need_phv();
	fd = open(PHV_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, PHV_GET_CAPS, &caps))
		test_fail(PHV_DEVICE ": %m");
	close(fd);
	if (~caps.features & features)
		test_skip("the CPUs lack features %#llx",
			  features & ~caps.features);
}

void need_cpus(unsigned int count)
{
	if ((unsigned int)CPU_COUNT(all_cpus()) < count)
		test_skip("needs %u CPUs", count);
}

void pin_to_cpu(unsigned int n)
{
	const cpu_set_t *all = all_cpus();
	cpu_set_t one;
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, all) && !n--)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	check_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

static __noreturn void run_here(const struct test *test)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	test_limit(TEST_LIMIT);
	if (test->host)
		test->host();
	else
		vcpu_finish(vm_with_guest(test->guest));
	_exit(KSFT_PASS);
}

static void run(const struct test *test)
{
	int status;
	pid_t pid;

	*verdict = '\0';
	fflush(stdout);
	pid = fork();
	if (!pid)
		run_here(test);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		ksft_exit_fail_msg("fork, waitpid: %m\n");

	if (WIFSIGNALED(status))
		ksft_print_msg("%s\n", strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == KSFT_FAIL)
		ksft_print_msg("%s\n", verdict);

	if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_SKIP)
		ksft_test_result_skip("%s: %s\n", test->name, verdict);
	else
		ksft_test_result(WIFEXITED(status) && !WEXITSTATUS(status),
				 "%s\n", test->name);
}

/* Without arguments all are; with some, those whose names contain one. */
static bool is_wanted(const struct test *test, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strstr(test->name, argv[i]))
			return true;
	return argc < 2;
}

/* Skips the program where there is nothing to run guests with. */
static void need_backend(void)
{
	int fd;

	if (backend_default() == &backend_phv) {
		close(test_open_phv());
		return;
	}
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ksft_exit_skip("/dev/kvm: %m\n");
	close(fd);
}

static pid_t keeper;

static void keep_no_more(void)
{
	if (getpid() == keeper && !testport_open())
		testport_call(TESTPORT_CALL_KEEP_TLB, 0);
}

bool test_keep_translations(void)
{
	bool kept;

	kept = !testport_open() && testport_call(TESTPORT_CALL_KEEP_TLB, 1) >= 0;
	if (kept) {
		ioperm(TESTPORT_BASE, TESTPORT_COUNT, 0);
		keeper = getpid();
		atexit(keep_no_more);
	}
	return kept;
}

int test_main(const struct test *tests, unsigned int count, int argc,
	      char **argv)
{
	unsigned int i, wanted = 0;

	ksft_print_header();
	need_backend();
	verdict = mmap(NULL, VERDICT_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (verdict == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %m\n");

	for (i = 0; i < count; i++)
		wanted += is_wanted(&tests[i], argc, argv);
	ksft_set_plan(wanted);
	for (i = 0; i < count; i++)
		if (is_wanted(&tests[i], argc, argv))
			run(&tests[i]);
	ksft_finished();
}
