// SPDX-License-Identifier: GPL-2.0-only
/*
 * PHV_GET_CAPS against the processors' own registers, CPU by CPU.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "phvtest.h"

/* A member of struct phv_caps, and the same of struct vmx_msrs. */
#define MEMBER(m) \
	{ #m, offsetof(struct phv_caps, m), offsetof(struct vmx_msrs, m) }

static const struct {
	const char *name;
	size_t in_caps, in_msrs;
} members[] = {
	MEMBER(basic), MEMBER(feature_control), MEMBER(pin), MEMBER(proc),
	MEMBER(exit), MEMBER(entry), MEMBER(proc2), MEMBER(proc3), MEMBER(misc),
	MEMBER(ept_vpid), MEMBER(vmfunc), MEMBER(cr0_fixed0),
	MEMBER(cr0_fixed1), MEMBER(cr4_fixed0), MEMBER(cr4_fixed1),
};

static bool msrs_match(const struct phv_caps *caps, const struct vmx_msrs *msrs,
		       unsigned int cpu)
{
	__u64 told, real;
	bool match = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++) {
		told = *(__u64 *)((char *)caps + members[i].in_caps);
		real = *(__u64 *)((char *)msrs + members[i].in_msrs);
		if (told == real)
			continue;
		ksft_print_msg("%s: told %#llx, CPU %u has %#llx\n",
			       members[i].name, told, cpu, real);
		match = false;
	}
	return match;
}

static bool features_match(const struct phv_caps *caps,
			   const struct vmx_msrs *msrs)
{
	__u64 features = vmx_msrs_features(msrs);

	if (caps->features == features)
		return true;
	ksft_print_msg("features: told %#llx, not there %#llx, not told %#llx\n",
		       caps->features, caps->features & ~features,
		       features & ~caps->features);
	return false;
}

static void test_msrs(const struct phv_caps *caps)
{
	bool msrs_same = true, features_same = true;
	struct vmx_msrs msrs;
	unsigned int cpu;

	if (vmx_msrs_read(0, &msrs)) {
		ksft_test_result_skip("MSRs: they can't be read here\n");
		ksft_test_result_skip("features: the MSRs can't be read here\n");
		return;
	}
	for (cpu = 0; cpu < cpus_configured(); cpu++) {
		if (!cpu_is_online(cpu))
			continue;
		if (vmx_msrs_read(cpu, &msrs))
			ksft_exit_fail_msg("CPU %u: no MSRs\n", cpu);
		msrs_same &= msrs_match(caps, &msrs, cpu);
		features_same &= features_match(caps, &msrs);
	}
	ksft_test_result(msrs_same, "the MSRs told are each CPU's\n");
	ksft_test_result(features_same, "the features told are what they show\n");
}

static void test_basics(int phv, const struct phv_caps *caps)
{
	static const struct phv_caps zero;
	struct phv_caps again;

	ksft_test_result(caps->version == PHV_API_VERSION,
			 "the interface has version %u\n", caps->version);
	ksft_test_result(caps->cpus ==
			 (__u32)__builtin_popcountll(cpus_online()),
			 "%u CPUs are online\n", caps->cpus);
	ksft_test_result(!memcmp(caps->reserved, zero.reserved,
				 sizeof(zero.reserved)),
			 "reserved members are zero\n");

	memset(&again, 0x55, sizeof(again));
	ksft_test_result(!ioctl(phv, PHV_GET_CAPS, &again) &&
			 !memcmp(caps, &again, sizeof(again)),
			 "the answer is the same a second time\n");
}

static void test_required(const struct phv_caps *caps)
{
	const __u64 least = PHV_CAP_VMX | PHV_CAP_FEATURE_CONTROL |
			    PHV_CAP_EPT | PHV_CAP_UNRESTRICTED_GUEST;

	ksft_test_result((caps->required & least) == least,
			 "VMX, EPT and unrestricted guest are required\n");
	ksft_test_result(!(caps->required & ~caps->features),
			 "what is required is there\n");
}

int main(void)
{
	struct phv_caps caps;
	int phv;

	ksft_print_header();
	phv = test_open_phv();
	ksft_set_plan(8);

	memset(&caps, 0xaa, sizeof(caps));
	if (ioctl(phv, PHV_GET_CAPS, &caps))
		ksft_exit_fail_msg("PHV_GET_CAPS: %s\n", strerror(errno));
	test_basics(phv, &caps);
	test_required(&caps);
	test_msrs(&caps);
	ksft_finished();
}
