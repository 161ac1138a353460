// SPDX-License-Identifier: GPL-2.0-only
/*
 * phv.ko refuses a machine that it can't use: with the errno that tells, one
 * line in the kernel log, and nothing left behind.
 *
 *	refusal [--expect no-vmx|locked|no-ept|no-unrestricted|differ|none]
 *
 * The expectation may also be in the environment variable PHV_EXPECT.  Without
 * one, it is what the processor's registers say; on a machine that phv.ko can
 * use there is then nothing to test.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "leak.h"
#include "phvtest.h"

#define ROUNDS		100

/* How each refusal shows. */
static const struct expectation {
	const char *name;
	enum verdict verdict;
	int error;
	const char *words;	/* in the line of the kernel log */
} expectations[] = {
	{ "none", VERDICT_LOADS, 0, "" },
	{ "no-vmx", VERDICT_NO_VMX, -ENODEV, "no VMX" },
	{ "locked", VERDICT_LOCKED, -EACCES, "firmware" },
	{ "no-ept", VERDICT_NO_EPT, -EOPNOTSUPP, "no EPT" },
	{ "no-unrestricted", VERDICT_NO_UNRESTRICTED, -EOPNOTSUPP,
	  "no unrestricted guest" },
	{ "no-control", VERDICT_NO_CONTROL, -EOPNOTSUPP, "lacks" },
	{ "differ", VERDICT_DIFFER, -EXDEV, "differs" },
};

static const struct expectation *by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(expectations); i++)
		if (!strcmp(expectations[i].name, name))
			return &expectations[i];
	ksft_exit_fail_msg("no expectation is called %s\n", name);
}

static const struct expectation *by_verdict(enum verdict verdict)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(expectations); i++)
		if (expectations[i].verdict == verdict)
			return &expectations[i];
	ksft_exit_skip("%s\n", verdict_text(verdict));
}

static bool nothing_is_left(void)
{
	struct stat st;

	return !module_is_loaded("phv") && stat(PHV_DEVICE, &st) &&
	       run_command("grep -q phv /sys/devices/system/cpu/hotplug/states");
}

static void test_refused(const struct expectation *expected)
{
	unsigned int lines;
	char log[1024];
	int kmsg, ret;

	/* With a module's first load, the kernel has things to say of its own. */
	phv_load();
	kmsg = kmsg_open();
	ret = phv_load();
	ksft_test_result(ret == expected->error,
			 "loading gives %s: %s\n", strerror(-expected->error),
			 strerror(-ret));

	lines = kmsg_read(kmsg, "phv: ", log, sizeof(log));
	close(kmsg);
	ksft_print_msg("%u lines: %s\n", lines, log);
	/* Of CPUs that differ, each has its line. */
	ksft_test_result(strstr(log, expected->words) &&
			 (lines == 1 || expected->verdict == VERDICT_DIFFER),
			 "a line in the kernel log says why\n");
	ksft_test_result(nothing_is_left(), "nothing is left of it\n");
}

static void test_again(const struct expectation *expected)
{
	static struct leak_stock stock;
	bool counted;
	int i;

	for (i = 0; i < 5; i++)
		phv_load();
	counted = leak_take_stock(&stock);
	for (i = 0; i < ROUNDS && phv_load() == expected->error; i++)
		;
	ksft_test_result(i == ROUNDS && nothing_is_left(),
			 "the same %d times\n", ROUNDS);
	if (counted)
		ksft_test_result(!leak_found(&stock, ROUNDS),
				 "no memory is lost by that\n");
	else
		ksft_test_result_skip("memory: this kernel doesn't tell\n");
}

static void test_accepted(void)
{
	int ret = phv_load();

	ksft_test_result(!ret, "loading works: %s\n", strerror(-ret));
	ksft_test_result(!phv_unload(), "unloading works\n");
}

static const char *expectation_name(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--expect"))
		return argv[2];
	if (argc > 1)
		ksft_exit_fail_msg("usage: refusal [--expect WHAT]\n");
	return getenv("PHV_EXPECT");
}

int main(int argc, char **argv)
{
	const struct expectation *expected;
	enum verdict verdict;
	const char *name;

	ksft_print_header();
	name = expectation_name(argc, argv);
	test_need_root();
	if (!phv_module_path())
		ksft_exit_skip("no phv.ko; PHV_MODULE may name it\n");
	verdict = vmx_verdict();
	if (!name && verdict == VERDICT_LOADS)
		ksft_exit_skip("phv.ko can be used here\n");
	if (module_is_loaded("phv") && phv_unload())
		ksft_exit_skip("phv.ko is in use\n");

	expected = name ? by_name(name) : by_verdict(verdict);
	ksft_set_plan(expected->error ? 6 : 3);
	ksft_test_result(verdict == expected->verdict,
			 "the machine is as it should be: %s\n",
			 verdict_text(verdict));
	if (expected->error) {
		test_refused(expected);
		test_again(expected);
	} else {
		test_accepted();
	}
	ksft_finished();
}
