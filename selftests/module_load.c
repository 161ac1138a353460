// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading phv.ko: 100 times, leaving nothing behind, and not at
 * all while it is in use.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "leak.h"
#include "phvtest.h"

#define WARM_UP		5
#define ROUNDS		100

/* What VMX depends on, and what a hypervisor may forget to put back. */
static const __u32 watched_msrs[] = {
	0x1b,			/* IA32_APIC_BASE */
	0x3a,			/* IA32_FEATURE_CONTROL */
	0x48,			/* IA32_SPEC_CTRL */
	0x174, 0x175, 0x176,	/* IA32_SYSENTER_CS, _ESP, _EIP */
	0x1d9,			/* IA32_DEBUGCTL */
	0x277,			/* IA32_PAT */
	0x38f,			/* IA32_PERF_GLOBAL_CTRL */
	0x480, 0x481, 0x482, 0x483, 0x484, 0x485, 0x486, 0x487, 0x488, 0x489,
	0x48a, 0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490, 0x491, /* IA32_VMX_* */
	0x570,			/* IA32_RTIT_CTL */
	0x6a0, 0x6a2,		/* IA32_U_CET, IA32_S_CET */
	0xda0,			/* IA32_XSS */
	0xc0000080,		/* IA32_EFER */
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,	/* IA32_STAR ... */
	0xc0000103,		/* IA32_TSC_AUX */
};

#define NR_MSRS		ARRAY_SIZE(watched_msrs)
#define MAX_CPUS	64

struct msr_image {
	__u64 value[MAX_CPUS][NR_MSRS];
	bool present[MAX_CPUS][NR_MSRS];
};

static void msrs_save(struct msr_image *image)
{
	unsigned int cpu, cpus = cpus_configured();
	size_t i;

	memset(image, 0, sizeof(*image));
	for (cpu = 0; cpu < cpus && cpu < MAX_CPUS; cpu++)
		for (i = 0; i < NR_MSRS; i++)
			image->present[cpu][i] =
				!msr_read(cpu, watched_msrs[i],
					  &image->value[cpu][i]);
}

static bool msrs_same(const struct msr_image *a, const struct msr_image *b)
{
	unsigned int cpu;
	bool same = true;
	size_t i;

	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		for (i = 0; i < NR_MSRS; i++) {
			if (a->present[cpu][i] == b->present[cpu][i] &&
			    a->value[cpu][i] == b->value[cpu][i])
				continue;
			ksft_print_msg("CPU %u, MSR %#x: %#llx before, %#llx after\n",
				       cpu, watched_msrs[i], a->value[cpu][i],
				       b->value[cpu][i]);
			same = false;
		}
	}
	return same;
}

/* Returns how many of the rounds went well; stops at the first that doesn't. */
static int load_and_unload(int rounds)
{
	int i, ret;

	for (i = 0; i < rounds; i++) {
		ret = phv_load();
		if (ret) {
			ksft_print_msg("round %d: load: %s\n", i, strerror(-ret));
			break;
		}
		ret = phv_unload();
		if (ret) {
			ksft_print_msg("round %d: unload: %s\n", i,
				       strerror(-ret));
			break;
		}
	}
	return i;
}

static void test_rounds(void)
{
	static struct msr_image msrs_before, msrs_after;
	static struct leak_stock stock;
	bool counted;
	int done;

	load_and_unload(WARM_UP);
	msrs_save(&msrs_before);
	counted = leak_take_stock(&stock);

	done = load_and_unload(ROUNDS);
	ksft_test_result(done == ROUNDS, "loads and unloads %d times\n", ROUNDS);

	if (counted)
		ksft_test_result(!leak_found(&stock, ROUNDS),
				 "no memory is lost by that\n");
	else
		ksft_test_result_skip("memory: this kernel doesn't tell\n");

	msrs_save(&msrs_after);
	ksft_test_result(msrs_before.present[0][1] &&
			 msrs_same(&msrs_before, &msrs_after),
			 "MSRs are as before\n");
}

static bool cpuhp_state_exists(void)
{
	return !run_command("grep -q phv /sys/devices/system/cpu/hotplug/states");
}

static void test_traces(void)
{
	struct stat st;
	int ret;

	ret = phv_load();
	ksft_test_result(!ret && module_is_loaded("phv") &&
			 !stat(PHV_DEVICE, &st) && S_ISCHR(st.st_mode) &&
			 (st.st_mode & 07777) == 0660 && !st.st_uid &&
			 cpuhp_state_exists(),
			 "loaded, it has a device of mode 0660\n");

	ksft_test_result(phv_load() == -EEXIST, "a second load gives EEXIST\n");

	ret = phv_unload();
	ksft_test_result(!ret && !module_is_loaded("phv") &&
			 stat(PHV_DEVICE, &st) && errno == ENOENT &&
			 !cpuhp_state_exists(),
			 "unloaded, it leaves no device and no hotplug state\n");

	ksft_test_result(phv_unload() == -ENOENT,
			 "a second unload gives ENOENT\n");
}

static void test_in_use(void)
{
	int phv, domain, busy_device, busy_domain;

	if (phv_load())
		ksft_exit_fail_msg("phv.ko doesn't load any more\n");
	phv = phv_open();
	busy_device = phv_unload();
	ksft_test_result(phv >= 0 && busy_device == -EAGAIN,
			 "not unloaded while its device is open\n");

	domain = domain_create(phv, "module_load", NULL);
	close(phv);
	busy_domain = phv_unload();
	ksft_test_result(domain >= 0 && busy_domain == -EAGAIN,
			 "not unloaded while there is a domain\n");

	close(domain);
	ksft_test_result(!phv_unload(), "unloaded when both are closed\n");
}

/* VMX is on and off again between load and unload. */
static bool use_once(void)
{
	bool ok = false;
	int phv, domain;

	if (phv_load())
		return false;
	phv = phv_open();
	if (phv >= 0) {
		domain = domain_create(phv, "module_load", NULL);
		ok = domain >= 0;
		if (ok)
			close(domain);
		close(phv);
	}
	return !phv_unload() && ok;
}

static void test_used_rounds(void)
{
	static struct msr_image msrs_before, msrs_after;
	int i, rounds = 20;

	msrs_save(&msrs_before);
	for (i = 0; i < rounds && use_once(); i++)
		;
	msrs_save(&msrs_after);
	ksft_test_result(i == rounds && msrs_same(&msrs_before, &msrs_after),
			 "MSRs are as before when there was a domain each time\n");

	if (vmx_cpus_known())
		ksft_test_result(!vmx_cpus(), "no CPU is left in VMX operation\n");
	else
		ksft_test_result_skip("VMX operation: only the emulator tells\n");
}

int main(void)
{
	bool was_loaded;

	ksft_print_header();
	test_need_root();
	if (!phv_module_path())
		ksft_exit_skip("no phv.ko; PHV_MODULE may name it\n");
	if (vmx_verdict() != VERDICT_LOADS)
		ksft_exit_skip("phv.ko can't be used here: %s\n",
			       verdict_text(vmx_verdict()));
	was_loaded = module_is_loaded("phv");
	if (was_loaded && phv_unload())
		ksft_exit_skip("phv.ko is in use\n");

	ksft_set_plan(12);
	test_rounds();
	test_traces();
	test_in_use();
	test_used_rounds();
	if (was_loaded)
		phv_load();
	ksft_finished();
}
