// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stock kernels under phvd and vmctl: what they find, what time it is there, and how
 * they end.
 *
 * Each boot does as much as can be done in one, as it takes a while in an emulated
 * machine; so all of it needs PHV_BOOT=1. The kernels and initrds are /guests/linux-*
 * and /guests/initrd-*, or in PHV_GUESTS. phvd has to listen, and vmctl to be in PATH.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "phvtest.h"

#define NAME		"linux-guest"
#define TIMEOUT		300	/* s, for a boot: the machine may be slow */

/* More than any delay on the way, less than a clock that is wrong. */
#define SKEW		5	/* s */

static const char *guests;

/* A vmctl run: what its guest has said so far. */
static struct {
	pid_t pid;
	int out;
	char text[1 << 18];
	size_t size;
	time_t deadline;
} run;

/*
 * What all guests say of themselves: lines of "word=value". The command line is in the
 * kernel's log as well: hence the brackets.
 */
#define FACTS								\
	"hv=$(cat /sys/hypervisor/type) ;"				\
	"echo hv=$hv,$(cat /sys/hypervisor/guest_type);"		\
	"cd /sys/devices/system;"					\
	"echo cs=$(cat clocksource/clocksource0/current_clocksource);"	\
	"echo ce=$(cat clockevents/clockevent0/current_device);"	\
	"echo cpus=$(nproc);"						\
	"echo fifo=$(dmesg|grep -c [F]IFO-based);"			\
	"echo lock=$(dmesg|grep -c '[P]V qspinlock');"			\
	"read a b </proc/uptime; echo date=$(date +%s); sleep 3;"	\
	"echo later=$(date +%s); read c d </proc/uptime; echo up=$a,$c;"

/* All vCPUs want a CPU for two seconds; then what interrupts there were. */
#define BUSY								\
	"i=0; while [ $i -lt $(nproc) ]; do "				\
	"timeout 2 sh -c 'while :; do :; done' & i=$((i+1)); done; wait;"	\
	"read a b c d e f g h i j </proc/stat; echo steal=$i;"		\
	"grep -E 'virq|ipi|HYP' /proc/interrupts;"

/* vmctl, with what is behind it; @in is its standard input. */
static void start_vmctl(const char *const *argv, int in)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		ksft_exit_fail_msg("no pipe\n");
	run.size = 0;
	run.text[0] = '\0';
	run.deadline = time(NULL) + TIMEOUT;
	fflush(stdout);
	run.pid = fork();
	if (!run.pid) {
		dup2(in, STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execvp("vmctl", (char *const *)argv);
		_exit(127);
	}
	close(fds[1]);
	close(in);
	run.out = fds[0];
}

static void start_run(const char *kernel, unsigned int vcpus, const char *script)
{
	char file[2][128], count[8], cmdline[2000];
	const char *argv[] = {
		"vmctl", "run", NAME, "--kernel", file[0], "--initrd", file[1],
		"--memory", "256M", "--vcpus", count, "--cmdline", cmdline, NULL
	};

	snprintf(file[0], sizeof(file[0]), "%s/linux-%s", guests, kernel);
	snprintf(file[1], sizeof(file[1]), "%s/initrd-%s", guests, kernel);
	snprintf(count, sizeof(count), "%u", vcpus);
	if (snprintf(cmdline, sizeof(cmdline), "quiet phv.run=\"%s\"", script) >=
	    (int)sizeof(cmdline))
		ksft_exit_fail_msg("the script is too long\n");
	start_vmctl(argv, open("/dev/null", O_RDONLY | O_CLOEXEC));
}

/* Reads on; false at the end, and when it has taken too long. */
static bool read_more(void)
{
	struct pollfd wait = { .fd = run.out, .events = POLLIN };
	time_t now = time(NULL);
	ssize_t n;

	if (now >= run.deadline || run.size == sizeof(run.text) - 1 ||
	    poll(&wait, 1, (run.deadline - now) * 1000) <= 0)
		return false;
	n = read(run.out, run.text + run.size, sizeof(run.text) - 1 - run.size);
	if (n <= 0)
		return false;
	run.size += n;
	run.text[run.size] = '\0';
	return true;
}

/* Waits until the guest has said this, from @from on. */
static const char *says(size_t from, const char *text)
{
	const char *found;

	while (!(found = strstr(run.text + from, text)))
		if (!read_more())
			return NULL;
	return found;
}

/* Waits for vmctl's end; its exit status, or -1. */
static int end_run(void)
{
	int status;

	while (read_more())
		;
	if (time(NULL) >= run.deadline)
		kill(run.pid, SIGTERM);
	close(run.out);
	waitpid(run.pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void show_run(void)
{
	const char *at = run.size > 4000 ? run.text + run.size - 4000 : run.text;
	char *line, *rest = (char *)at;

	while ((line = strsep(&rest, "\r\n")))
		if (*line)
			ksft_print_msg("| %s\n", line);
}

/* The number behind "word=" in what the guest has said; -1 if there is none. */
static long number(const char *word)
{
	const char *at = strstr(run.text, word);

	return at ? strtol(at + strlen(word), NULL, 10) : -1;
}

static bool expect(bool good, const char *what)
{
	if (!good)
		ksft_print_msg("not as it should be: %s\n", what);
	return good;
}

/* The sum of the lines of /proc/interrupts that have @name and all vCPUs' columns. */
static long interrupts(const char *name, unsigned int vcpus)
{
	const char *line = strstr(run.text, "steal=");
	long sum = 0;

	while (line && (line = strchr(line, '\n'))) {
		const char *at = ++line, *end = strchr(line, '\n');
		const char *found = strstr(line, name);
		unsigned int i;

		if (!found || !end || found > end)
			continue;
		at = strchr(at, ':');
		for (i = 0; at && at < end && i < vcpus; i++)
			sum += strtol(at + !i, (char **)&at, 10);
	}
	return sum;
}

/* @date is when the guest said what time it is, @later when it had slept. */
static bool time_is_right(time_t date, time_t later)
{
	long guest = number("\nlater=") - number("\ndate=");
	double before = -1, after = -1;
	const char *up = strstr(run.text, "\nup=");
	bool good;

	if (up)
		sscanf(up, "\nup=%lf,%lf", &before, &after);
	ksft_print_msg("guest: %ld s and %.2f s for a sleep of 3 s; host: %ld s\n", guest,
		       after - before, (long)(later - date));
	good = expect(after - before >= 3 && after - before < 3 + SKEW, "uptime over a sleep");
	good &= expect(guest >= 3 && guest < 3 + SKEW, "wall clock over a sleep");
	good &= expect(labs(guest - (later - date)) < SKEW, "the sleep by the host's clock");
	good &= expect(labs(number("\ndate=") - date) < SKEW, "wall clock against the host's");
	return good;
}

static bool facts_are_right(const char *kernel, unsigned int vcpus)
{
	char text[32];
	bool good;

	good = expect(strstr(run.text, "hv=xen,PVH"), "the hypervisor's name and guest's type");
	good &= expect(strstr(run.text, "\ncs=xen\n"), "the clock source");
	good &= expect(strstr(run.text, "\nce=xen\n"), "the clock event device");
	snprintf(text, sizeof(text), "\ncpus=%u\n", vcpus);
	good &= expect(strstr(run.text, text), "CPUs online");
	good &= expect(number("\nfifo=") == 1, "FIFO event channels");
	/* A lock that has one CPU has nobody to wait for. */
	good &= expect(number("\nlock=") == (vcpus > 1), "PV spinlocks");
	if (!good)
		ksft_print_msg("%s, %u vCPUs\n", kernel, vcpus);
	return good;
}

/* Waits for the guest's facts and looks at them; gives the time they took, too. */
static void test_facts(const char *kernel, unsigned int vcpus)
{
	time_t date = 0, later = 0;
	bool good = false;

	if (says(0, "\ndate=")) {
		date = time(NULL);
		good = says(0, "\nlater=");
		later = time(NULL);
		good = good && says(0, "\nup=") && says(0, "\nready");
	}
	ksft_test_result(good && facts_are_right(kernel, vcpus),
			 "%s, %u vCPUs: finds a PVH guest of Xen's\n", kernel, vcpus);
	ksft_test_result(good && time_is_right(date, later),
			 "%s, %u vCPUs: time goes right\n", kernel, vcpus);
	if (!good)
		show_run();
}

/* Behind BUSY */
static void test_busy(unsigned int vcpus)
{
	bool good;

	good = expect(interrupts("-virq", vcpus) > 0, "timers by event channels");
	good &= expect(interrupts("resched", vcpus) > 0, "reschedule IPIs by event channels");
	good &= expect(interrupts("callfunc", vcpus) > 0, "function call IPIs by event channels");
	good &= expect(interrupts("HYP", vcpus) > 0, "upcalls");
	ksft_test_result(good, "interrupts are event channels'\n");
	ksft_print_msg("%ld ticks stolen\n", number("\nsteal="));
	if (sysconf(_SC_NPROCESSORS_ONLN) < vcpus)
		ksft_test_result(number("\nsteal=") > 20, "stolen time is seen\n");
	else
		ksft_test_result_skip("stolen time: there are CPUs for all vCPUs\n");
	if (!good || number("\nsteal=") <= 20)
		show_run();
}

static void test_pause(void)
{
	size_t from = run.size, paused;
	bool good = says(from, "tick");

	good = good && !run_command("vmctl pause " NAME);
	/* What was on its way arrives; then nothing does. */
	while (good && poll(&(struct pollfd){ .fd = run.out, .events = POLLIN }, 1, 2000) > 0)
		good = read_more();
	paused = run.size;
	good = good && !run_command("vmctl unpause " NAME);
	ksft_test_result(good && says(paused, "tick"), "pause, unpause\n");
}

/* Waits until the guest says that it has so many KiB, within a MiB. */
static bool balloon_gets_to(long kib)
{
	const char *at;

	do {
		const char *last = run.text;

		while ((at = strstr(last, "tick=")) && strchr(at, '\n'))
			last = at + 5;
		if (labs(strtol(last, NULL, 10) - kib) <= 1024)
			return true;
	} while (read_more());
	ksft_print_msg("the balloon does not get to %ld KiB\n", kib);
	return false;
}

static void test_balloon(void)
{
	bool good;

	good = !run_command("vmctl memory " NAME " 160M") && balloon_gets_to(160 << 10);
	good = good && run_command("vmctl memory " NAME " 257M 2>/dev/null") == 2;
	good = good && !run_command("vmctl memory " NAME " 256M") && balloon_gets_to(256 << 10);
	ksft_test_result(good, "the balloon gives and takes memory\n");
	if (!good)
		show_run();
}

static void report_end(const char *what, int status, int expected, const char *says_last)
{
	bool good = status == expected && strstr(run.text, says_last);

	ksft_test_result(good, "%s: vmctl run exits with %d\n", what, expected);
	if (good)
		return;
	ksft_print_msg("it was %d\n", status);
	show_run();
}

/* Everything that one boot can do. */
static void test_all(const char *kernel)
{
	int stopped;

	start_run(kernel, 4, FACTS BUSY "echo ready; cd xen_memory/xen_memory0;"
		  "while sleep 1; do echo tick=$(cat info/current_kb); done");
	test_facts(kernel, 4);
	test_busy(4);
	test_pause();
	test_balloon();
	stopped = run_command("vmctl stop --timeout 200 " NAME);
	report_end("stop", stopped ?: end_run(), 0, "tick");
}

/* Facts, and then an end. */
static void test_end(const char *kernel, unsigned int vcpus, const char *end, int status,
		     const char *says_last)
{
	char script[1500];

	snprintf(script, sizeof(script), "%s echo ready; %s", FACTS, end);
	start_run(kernel, vcpus, script);
	test_facts(kernel, vcpus);
	report_end(end, end_run(), status, says_last);
}

/* Starts a guest that has nothing of Linux: a line for it goes to what is returned. */
static int start_other(const char *image, const char *memory, const char *initrd,
		       const char *cmdline)
{
	const char *argv[] = {
		"vmctl", "run", NAME, "--kernel", image, "--memory", memory,
		"--cmdline", cmdline, initrd ? "--initrd" : NULL, initrd, NULL
	};
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		ksft_exit_fail_msg("no pipe\n");
	start_vmctl(argv, fds[0]);
	return fds[1];
}

/* GRUB, a 32-bit guest: comes to its prompt, and does what it is told there. */
static void test_grub(void)
{
	const char *what = "GRUB comes to its prompt", *const words = "echo $grub_cpu-xen\rhalt\r";
	char image[128];
	bool good;
	int in;

	snprintf(image, sizeof(image), "%s/grub-i386-xen_pvh.bin", guests);
	if (access(image, R_OK)) {
		ksft_test_result_skip("%s: no %s\n", what, image);
		return;
	}
	in = start_other(image, "64M", NULL, "");
	good = says(0, "grub>") && write(in, words, strlen(words)) > 0;
	good = good && says(0, "i386-xen");
	good &= end_run() == 0;
	close(in);
	ksft_test_result(good, "%s\n", what);
	if (!good)
		show_run();
}

/*
 * Xen itself, as a guest that runs one PV domain: Linux by the paravirtual interface of
 * old, which has no root here.
 */
static void test_shim(void)
{
	const char *what = "Xen as a guest has a PV domain of its own";
	char image[128], kernel[128];
	bool good;

	snprintf(image, sizeof(image), "%s/xen-shim", guests);
	snprintf(kernel, sizeof(kernel), "%s/linux-6.12", guests);
	if (access(image, R_OK)) {
		ksft_test_result_skip("%s: no %s\n", what, image);
		return;
	}
	close(start_other(image, "512M", kernel, "pv-shim console=xen,pv"));
	good = says(0, "Xen version 4.") && says(0, "Linux version 6.12") &&
	       says(0, "Unable to mount root fs");
	good &= end_run() == 8;
	ksft_test_result(good, "%s\n", what);
	if (!good)
		show_run();
}

int main(void)
{
	ksft_print_header();
	guests = getenv("PHV_GUESTS") ?: "/guests";
	if (!getenv("PHV_BOOT"))
		ksft_exit_skip("PHV_BOOT is not set: boots take a while\n");
	if (run_command("ls %s/linux-6.12 %s/linux-6.1 >/dev/null 2>&1", guests, guests))
		ksft_exit_skip("no guests in %s; PHV_GUESTS may name them\n", guests);
	if (run_command("vmctl pause " NAME " 2>/dev/null") != 3)
		ksft_exit_skip("no vmctl, or phvd does not answer\n");
	ksft_set_plan(21);
	test_grub();
	test_shim();
	test_all("6.12");
	test_end("6.1", 4, "halt -f", 10, "ready");
	test_end("6.12", 1, "echo c >/proc/sysrq-trigger", 8, "Kernel panic");
	test_end("6.1", 1, "reboot -f", 9, "ready");
	test_end("6.12", 2, "exit 7", 7, "ready");
	ksft_finished();
}
