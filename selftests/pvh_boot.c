// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stock kernels as PVH domains, without phvd: they boot, find what they should
 * find, and end as they were told.
 *
 * The kernels are those of /guests, or of PHV_GUESTS. As a boot takes a while in an
 * emulated machine, it is one unless PHV_BOOT is set. Called with arguments, the
 * program boots one kernel and shows what that says:
 *
 *	pvh_boot [-b pvh|linux64] [-c VCPUS] [-i INITRD] [-m MB] [-t SECONDS]
 *		 [-a COMMAND_LINE] [-n] KERNEL
 *
 * -n: 2-level event channels and no upcall vector for each vCPU
 */
#include <unistd.h>

#include "phvtest.h"
#include "pvh_guest.h"

#define MB		0x100000ULL

static struct pvh_guest guest;

static void report_end(void)
{
	ksft_print_msg("end: %s%s%s; %llu exits, %llu to user space\n",
		       pvh_end_name(guest.end), guest.error.text[0] ? ": " : "",
		       guest.error.text, guest.exits, guest.user_exits);
}

static int print_usage(void)
{
	fprintf(stderr, "pvh_boot [-b pvh|linux64] [-c VCPUS] [-i INITRD] [-m MB] [-t SECONDS]\n");
	fprintf(stderr, "         [-a COMMAND_LINE] [-n] KERNEL\n");
	return KSFT_FAIL;
}

/* By hand. */
static int boot_one(int argc, char **argv)
{
	struct pvh_config config = {
		.cmdline = "console=hvc0", .memory = 256 * MB, .vcpus = 1,
		.timeout = 120, .echo = true,
	};
	int option, ret;

	while ((option = getopt(argc, argv, "a:b:c:i:m:nt:")) != -1) {
		switch (option) {
		case 'a':
			config.cmdline = optarg;
			break;
		case 'b':
			config.protocol = strcmp(optarg, "linux64") ? BOOT_PVH : BOOT_LINUX64;
			break;
		case 'c':
			config.vcpus = atoi(optarg);
			break;
		case 'i':
			config.initrd = optarg;
			break;
		case 'm':
			config.memory = strtoull(optarg, NULL, 0) * MB;
			break;
		case 'n':
			config.xen_flags = PHV_XEN_NO_FIFO | PHV_XEN_NO_UPCALL_VECTOR;
			break;
		case 't':
			config.timeout = atoi(optarg);
			break;
		default:
			return print_usage();
		}
	}
	if (optind != argc - 1 || !config.vcpus || config.vcpus > PVH_MAX_VCPUS)
		return print_usage();
	config.kernel = argv[optind];
	config.phv = test_open_phv();
	ret = pvh_run(&guest, &config);
	if (ret)
		fprintf(stderr, "%s\n", guest.error.text);
	else
		report_end();
	return ret ? KSFT_FAIL : KSFT_PASS;
}

/* What init runs; the quotes would end the kernel's parameter. */
#define RUN(commands) " quiet phv.run=\"" commands "\""

#define LAST_NUMBER	3000

/*
 * @says: what is to be found in the output, each after the one before
 */
static const struct boot_test {
	const char *what;
	const char *kernel;
	const char *initrd;
	enum boot_protocol protocol;
	unsigned int vcpus;
	__u32 xen_flags;
	const char *cmdline;
	const char *says[8];
	bool counts;
	enum pvh_end end;
} tests[] = {
	{
		.what = "6.12, 4 vCPUs, powers off",
		.kernel = "linux-6.12", .initrd = "initrd-6.12", .vcpus = 4,
		.cmdline = RUN("uname -r; cat /sys/hypervisor/type /sys/hypervisor/guest_type; "
			       "nproc; dmesg | grep -c [F]IFO-based; "
			       "cat /sys/devices/system/clockevents/clockevent0/current_device; "
			       "seq 1 3000"),
		.says = { "6.12.", "xen\n", "PVH\n", "4\n", "1\n", "xen\n" },
		.counts = true,
		.end = PVH_POWEROFF,
	}, {
		.what = "6.1, 1 vCPU, 2-level events, global vector, reboots",
		.kernel = "linux-6.1", .initrd = "initrd-6.1", .vcpus = 1,
		.xen_flags = PHV_XEN_NO_FIFO | PHV_XEN_NO_UPCALL_VECTOR,
		.cmdline = RUN("uname -r; cat /sys/hypervisor/guest_type; "
			       "dmesg | grep -c [2]-level; reboot -f"),
		.says = { "6.1.", "PVH\n", "1\n" },
		.end = PVH_REBOOT,
	}, {
		.what = "6.12, 64-bit boot protocol, crashes",
		.kernel = "linux-6.12", .initrd = "initrd-6.12", .vcpus = 1,
		.protocol = BOOT_LINUX64,
		.cmdline = RUN("cat /sys/hypervisor/guest_type; echo c >/proc/sysrq-trigger"),
		.says = { "PVH\n", "sysrq: Trigger a crash", "Kernel panic" },
		.end = PVH_CRASH,
	}, {
		.what = "6.12 generic, 2 vCPUs, halts",
		.kernel = "linux-6.12-generic", .initrd = "initrd-6.12", .vcpus = 2,
		.cmdline = RUN("uname -v; nproc; halt -f"),
		.says = { "#1 SMP", "2\n" },
		.end = PVH_HALTED,
	},
};

static const char *guests_dir(void)
{
	const char *dir = getenv("PHV_GUESTS");

	return dir ? dir : "/guests";
}

/* Not one number is lost: they are all there, in order. */
static bool numbers_are_there(const char *output)
{
	char number[16];
	unsigned int i;

	output = strstr(output, "1\n2\n");
	for (i = 1; output && i <= LAST_NUMBER; i++) {
		size_t size = snprintf(number, sizeof(number), "%u\n", i);

		output = strncmp(output, number, size) ? NULL : output + size;
	}
	return output;
}

static bool says_all(const struct boot_test *test)
{
	const char *at = guest.output;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(test->says) && test->says[i]; i++) {
		at = strstr(at, test->says[i]);
		if (!at) {
			ksft_print_msg("%.*s: missing\n", (int)strcspn(test->says[i], "\n"),
				       test->says[i]);
			return false;
		}
		at += strlen(test->says[i]);
	}
	if (test->counts && !numbers_are_there(at)) {
		ksft_print_msg("the numbers from 1 to %u are not all there\n", LAST_NUMBER);
		return false;
	}
	return true;
}

static void print_output(void)
{
	char *line, *rest = guest.output;

	while ((line = strsep(&rest, "\r\n")))
		if (*line && strspn(line, "0123456789") < strlen(line))
			ksft_print_msg("| %s\n", line);
}

static void run_test(int phv, const struct boot_test *test)
{
	char kernel[256], initrd[256], cmdline[512];
	const struct pvh_config config = {
		.phv = phv, .kernel = kernel, .initrd = initrd, .cmdline = cmdline,
		.protocol = test->protocol, .memory = 256 * MB, .vcpus = test->vcpus,
		.xen_flags = test->xen_flags, .timeout = 100,
	};
	bool ok;

	snprintf(kernel, sizeof(kernel), "%s/%s", guests_dir(), test->kernel);
	snprintf(initrd, sizeof(initrd), "%s/%s", guests_dir(), test->initrd);
	snprintf(cmdline, sizeof(cmdline), "console=hvc0%s", test->cmdline);
	if (access(kernel, R_OK)) {
		ksft_test_result_skip("%s: no %s\n", test->what, kernel);
		return;
	}
	ok = !pvh_run(&guest, &config) && guest.end == test->end && says_all(test) &&
	     guest.user_exits < 2000;
	report_end();
	if (!ok)
		print_output();
	ksft_test_result(ok, "%s\n", test->what);
}

int main(int argc, char **argv)
{
	size_t count = getenv("PHV_BOOT") ? ARRAY_SIZE(tests) : 1;
	size_t i;
	int phv;

	if (argc > 1)
		return boot_one(argc, argv);
	ksft_print_header();
	phv = test_open_phv();
	ksft_set_plan(count);
	for (i = 0; i < count; i++)
		run_test(phv, &tests[i]);
	ksft_finished();
}
