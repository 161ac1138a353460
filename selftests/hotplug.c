// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs go offline and come online, with and without a domain: VMX operation
 * follows them, and a CPU that differs from the others stays out.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "phvtest.h"

static int phv;
static unsigned int cpu;	/* the CPU that comes and goes */

static bool set(bool online)
{
	int ret = cpu_set_online(cpu, online);

	if (!ret)
		return true;
	ksft_print_msg("CPU %u doesn't go %s: %s\n", cpu,
		       online ? "online" : "offline", strerror(-ret));
	return false;
}

static int create(void)
{
	int fd = domain_create(phv, "hotplug", NULL);

	if (fd < 0)
		ksft_print_msg("no domain: %s\n", strerror(-fd));
	return fd;
}

static bool toggle(int rounds, bool domain)
{
	bool ok = true;
	int i;

	for (i = 0; i < rounds && ok; i++)
		ok = set(false) && vmx_is(domain) && set(true) && vmx_is(domain);
	return ok;
}

static void test_toggle(void)
{
	bool ok;
	int fd;

	ksft_test_result(toggle(3, false), "offline and online, no domain\n");

	fd = create();
	ok = fd >= 0 && vmx_is(true) && toggle(3, true);
	close(fd);
	ksft_test_result(ok && vmx_is(false),
			 "offline and online, with a domain\n");
}

static void test_crossed(void)
{
	bool ok;
	int fd;

	ok = set(false);
	fd = create();
	ok &= fd >= 0 && vmx_is(true) && set(true) && vmx_is(true);
	close(fd);
	ksft_test_result(ok && vmx_is(false),
			 "a domain made while the CPU is offline\n");

	fd = create();
	ok = fd >= 0 && set(false) && vmx_is(true);
	close(fd);
	ok &= vmx_is(false) && set(true) && vmx_is(false);
	ksft_test_result(ok, "a domain closed while the CPU is offline\n");

	fd = create();
	ok = fd >= 0 && set(false);
	close(fd);
	fd = create();
	ok &= fd >= 0 && vmx_is(true) && set(true) && vmx_is(true);
	close(fd);
	ksft_test_result(ok && vmx_is(false),
			 "a domain closed and another made meanwhile\n");
}

static bool reload(void)
{
	int ret;

	close(phv);
	ret = phv_unload();
	if (!ret)
		ret = phv_load();
	if (ret)
		ksft_print_msg("phv.ko isn't reloaded: %s\n", strerror(-ret));
	phv = phv_open();
	return !ret && phv >= 0;
}

static void test_module(void)
{
	bool ok;
	int fd;

	ok = set(false) && reload() && set(true);
	fd = create();
	ok &= fd >= 0 && vmx_is(true) && toggle(1, true);
	close(fd);
	ksft_test_result(ok && vmx_is(false),
			 "the module loaded while the CPU is offline\n");

	ok = set(false);
	close(phv);
	ok &= !phv_unload() && set(true) && toggle(1, false) && !phv_load();
	phv = phv_open();
	ksft_test_result(ok && phv >= 0,
			 "the module unloaded while the CPU is offline\n");
}

static atomic_bool stop;

/* Takes VMX and gives it back all the while. */
static void *come_and_go(void *failures)
{
	int fd;

	while (!stop) {
		fd = domain_create(phv, "race", NULL);
		if (fd < 0)
			++*(int *)failures;
		else
			close(fd);
	}
	return NULL;
}

static void test_race(void)
{
	int failures = 0;
	pthread_t thread;
	bool ok;

	stop = false;
	if (pthread_create(&thread, NULL, come_and_go, &failures))
		ksft_exit_fail_msg("no thread\n");
	ok = true;
	for (int i = 0; i < 5 && ok; i++)
		ok = set(false) && set(true);
	stop = true;
	pthread_join(thread, NULL);
	ksft_test_result(ok && !failures && vmx_is(false),
			 "domains made and closed meanwhile\n");
}

static void test_alike(void)
{
	phv = test_open_phv();
	ksft_set_plan(8);
	test_toggle();
	test_crossed();
	test_module();
	test_race();
}

/* The CPU may not come online; -EXDEV and a line in the log say why. */
static bool is_refused(void)
{
	int kmsg = kmsg_open(), ret = cpu_set_online(cpu, true);
	char log[512], prefix[32];
	unsigned int lines;

	snprintf(prefix, sizeof(prefix), "phv: CPU %u differs ", cpu);
	lines = kmsg_read(kmsg, prefix, log, sizeof(log));
	close(kmsg);
	ksft_print_msg("going online: %s; %u lines: %s\n", strerror(-ret),
		       lines, log);
	return ret == -EXDEV && lines == 1 && !cpu_is_online(cpu);
}

/* One CPU differs: phv.ko loads while it is offline, and keeps it so. */
static void test_differing(void)
{
	bool was_offline = set(false);
	int fd;

	phv = test_open_phv();
	ksft_set_plan(4);
	ksft_test_result(was_offline, "the module loads without the CPU\n");
	ksft_test_result(is_refused() && vmx_is(false),
			 "the CPU is refused, no domain\n");

	fd = create();
	ksft_test_result(fd >= 0 && is_refused() && vmx_is(true),
			 "the CPU is refused, with a domain\n");
	close(fd);

	close(phv);
	ksft_test_result(!phv_unload() && set(true),
			 "the CPU comes online without the module\n");
}

/* The highest CPU that can go offline. */
static unsigned int find_cpu(void)
{
	unsigned int last = cpus_configured() - 1;
	char path[64];

	for (; last > 0; last--) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%u/online", last);
		if (cpu_is_online(last) && !access(path, W_OK))
			return last;
	}
	return 0;
}

int main(void)
{
	bool was_loaded;

	ksft_print_header();
	test_need_root();
	if (!phv_module_path())
		ksft_exit_skip("no phv.ko; PHV_MODULE may name it\n");
	cpu = find_cpu();
	if (!cpu)
		ksft_exit_skip("no CPU can go offline\n");
	was_loaded = module_is_loaded("phv");
	if (was_loaded && phv_unload())
		ksft_exit_skip("phv.ko is in use\n");

	if (vmx_verdict() == VERDICT_DIFFER)
		test_differing();
	else
		test_alike();
	set(true);
	ksft_finished();
}
