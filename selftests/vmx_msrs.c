// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and decoding the VMX capability MSRs, after the SDM's volume 3,
 * appendix A, and nothing else.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <unistd.h>

#include "phvtest.h"

/**
 * msr_read - read an MSR
 * @cpu: of this CPU
 * @number: its number
 * @value: its value is put here
 *
 * Return: 0 or a negative errno: -EIO if the CPU hasn't it
 */
int msr_read(unsigned int cpu, __u32 number, __u64 *value)
{
	char path[32];
	ssize_t size;
	int fd, err;

	snprintf(path, sizeof(path), "/dev/cpu/%u/msr", cpu);
	if (access(path, F_OK) && cpu_is_online(cpu))
		run_command("modprobe -q msr");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size = pread(fd, value, sizeof(*value), number);
	err = size < 0 ? -errno : 0;
	close(fd);
	return err;
}

/**
 * cpuid_has_vmx - does CPUID say that this processor has VMX?
 *
 * Return: true if so
 */
bool cpuid_has_vmx(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & 0x20);
}

static bool bit(__u64 value, unsigned int n)
{
	return value >> n & 1;
}

/* In a control's capability MSR the high half has the bits that may be 1. */
static bool may(__u64 msr, unsigned int n)
{
	return bit(msr, 32 + n);
}

/**
 * vmx_msrs_read - read the capability MSRs of a CPU with VMX
 * @cpu: the CPU
 * @msrs: filled
 *
 * Return: 0 or a negative errno
 */
int vmx_msrs_read(unsigned int cpu, struct vmx_msrs *msrs)
{
	bool controls;
	int err;

	memset(msrs, 0, sizeof(*msrs));
	err = msr_read(cpu, 0x480, &msrs->basic);
	if (err)
		return err;
	controls = bit(msrs->basic, 55);

	err = msr_read(cpu, 0x3a, &msrs->feature_control);
	err = err ?: msr_read(cpu, controls ? 0x48d : 0x481, &msrs->pin);
	err = err ?: msr_read(cpu, controls ? 0x48e : 0x482, &msrs->proc);
	err = err ?: msr_read(cpu, controls ? 0x48f : 0x483, &msrs->exit);
	err = err ?: msr_read(cpu, controls ? 0x490 : 0x484, &msrs->entry);
	err = err ?: msr_read(cpu, 0x485, &msrs->misc);
	err = err ?: msr_read(cpu, 0x486, &msrs->cr0_fixed0);
	err = err ?: msr_read(cpu, 0x487, &msrs->cr0_fixed1);
	err = err ?: msr_read(cpu, 0x488, &msrs->cr4_fixed0);
	err = err ?: msr_read(cpu, 0x489, &msrs->cr4_fixed1);
	if (!err && may(msrs->proc, 31))
		err = msr_read(cpu, 0x48b, &msrs->proc2);
	if (!err && may(msrs->proc, 17))
		err = msr_read(cpu, 0x492, &msrs->proc3);
	if (!err && (may(msrs->proc2, 1) || may(msrs->proc2, 5)))
		err = msr_read(cpu, 0x48c, &msrs->ept_vpid);
	if (!err && may(msrs->proc2, 13))
		err = msr_read(cpu, 0x491, &msrs->vmfunc);
	return err;
}

static __u64 ept_features(const struct vmx_msrs *m)
{
	bool invept = bit(m->ept_vpid, 20), invvpid = bit(m->ept_vpid, 32);
	__u64 features = 0;

	/* EPT is worth having with 4 levels, write-back, INVEPT of everything. */
	if (may(m->proc2, 1) && bit(m->ept_vpid, 6) && bit(m->ept_vpid, 14) &&
	    invept && bit(m->ept_vpid, 26))
		features |= PHV_CAP_EPT;
	if (bit(m->ept_vpid, 16))
		features |= PHV_CAP_EPT_2M;
	if (bit(m->ept_vpid, 17))
		features |= PHV_CAP_EPT_1G;
	if (bit(m->ept_vpid, 0))
		features |= PHV_CAP_EPT_EXEC_ONLY;
	if (bit(m->ept_vpid, 7))
		features |= PHV_CAP_EPT_5LEVEL;
	if (bit(m->ept_vpid, 21))
		features |= PHV_CAP_EPT_AD;
	if (may(m->proc2, 17) && bit(m->ept_vpid, 21))
		features |= PHV_CAP_PML;
	if (invept && bit(m->ept_vpid, 25))
		features |= PHV_CAP_INVEPT_SINGLE;
	if (may(m->proc2, 18))
		features |= PHV_CAP_EPT_VE;
	if (may(m->proc2, 5) && invvpid)
		features |= PHV_CAP_VPID;
	if (invvpid && bit(m->ept_vpid, 40))
		features |= PHV_CAP_INVVPID_ADDRESS;
	if (invvpid && bit(m->ept_vpid, 41))
		features |= PHV_CAP_INVVPID_SINGLE;
	if (invvpid && bit(m->ept_vpid, 43))
		features |= PHV_CAP_INVVPID_GLOBAL;
	return features;
}

static __u64 apic_features(const struct vmx_msrs *m)
{
	__u64 features = 0;

	if (may(m->proc, 21))
		features |= PHV_CAP_TPR_SHADOW;
	if (may(m->proc2, 0))
		features |= PHV_CAP_APIC_ACCESS;
	if (may(m->proc2, 4))
		features |= PHV_CAP_X2APIC;
	if (may(m->proc2, 8))
		features |= PHV_CAP_APIC_REGISTERS;
	if (may(m->proc2, 9))
		features |= PHV_CAP_VIRTUAL_INTERRUPTS;
	/* Posting needs "acknowledge interrupt on exit" (SDM 3, 27.2.1.1). */
	if (may(m->pin, 7) && may(m->exit, 15))
		features |= PHV_CAP_POSTED_INTERRUPTS;
	if (bit(m->proc3, 4))
		features |= PHV_CAP_IPI_VIRTUALIZATION;
	return features;
}

static __u64 core_features(const struct vmx_msrs *m)
{
	__u64 features = PHV_CAP_VMX;

	if ((m->feature_control & 0x5) == 0x5)
		features |= PHV_CAP_FEATURE_CONTROL;
	if (bit(m->basic, 55))
		features |= PHV_CAP_TRUE_CONTROLS;
	if (may(m->proc, 31))
		features |= PHV_CAP_SECONDARY_CONTROLS;
	if (may(m->proc, 17))
		features |= PHV_CAP_TERTIARY_CONTROLS;
	if (may(m->proc, 28))
		features |= PHV_CAP_MSR_BITMAPS;
	if (may(m->exit, 20) && may(m->exit, 21) && may(m->entry, 15))
		features |= PHV_CAP_LOAD_EFER;
	if (may(m->exit, 18) && may(m->exit, 19) && may(m->entry, 14))
		features |= PHV_CAP_LOAD_PAT;
	if (may(m->exit, 28) && may(m->entry, 20))
		features |= PHV_CAP_LOAD_CET;
	if (may(m->pin, 5) && may(m->proc, 22))
		features |= PHV_CAP_VIRTUAL_NMIS;
	if (may(m->pin, 6))
		features |= PHV_CAP_PREEMPTION_TIMER;
	if (may(m->proc2, 7))
		features |= PHV_CAP_UNRESTRICTED_GUEST;
	if (may(m->proc2, 10))
		features |= PHV_CAP_PAUSE_LOOP_EXITING;
	if (may(m->proc2, 13))
		features |= PHV_CAP_VMFUNC;
	if (may(m->proc2, 14))
		features |= PHV_CAP_SHADOW_VMCS;
	if (may(m->proc2, 20))
		features |= PHV_CAP_XSAVES;
	if (may(m->proc2, 22))
		features |= PHV_CAP_MODE_BASED_EXEC;
	if (may(m->proc2, 25))
		features |= PHV_CAP_TSC_SCALING;
	return features;
}

/**
 * vmx_msrs_features - decode the MSRs of a CPU with VMX
 * @msrs: the MSRs
 *
 * Return: PHV_CAP_* bits
 */
__u64 vmx_msrs_features(const struct vmx_msrs *msrs)
{
	return core_features(msrs) | ept_features(msrs) | apic_features(msrs);
}

static bool cpus_differ(const struct vmx_msrs *first)
{
	struct vmx_msrs other;
	unsigned int cpu;

	for (cpu = 1; cpu < cpus_configured(); cpu++)
		if (cpu_is_online(cpu) && !vmx_msrs_read(cpu, &other) &&
		    memcmp(first, &other, sizeof(other)))
			return true;
	return false;
}

/**
 * vmx_verdict - may phv.ko load on this machine?
 *
 * Return: the answer, for the CPUs that are online now
 */
enum verdict vmx_verdict(void)
{
	const __u64 controls = PHV_CAP_MSR_BITMAPS | PHV_CAP_LOAD_EFER |
			       PHV_CAP_LOAD_PAT | PHV_CAP_VIRTUAL_NMIS |
			       PHV_CAP_TPR_SHADOW;
	struct vmx_msrs msrs;
	__u64 features;

	if (!cpuid_has_vmx())
		return VERDICT_NO_VMX;
	if (vmx_msrs_read(0, &msrs))
		return VERDICT_UNKNOWN;
	features = vmx_msrs_features(&msrs);
	if (!(features & PHV_CAP_FEATURE_CONTROL))
		return VERDICT_LOCKED;
	if (!(features & PHV_CAP_EPT))
		return VERDICT_NO_EPT;
	if (!(features & PHV_CAP_UNRESTRICTED_GUEST))
		return VERDICT_NO_UNRESTRICTED;
	if ((features & controls) != controls)
		return VERDICT_NO_CONTROL;
	return cpus_differ(&msrs) ? VERDICT_DIFFER : VERDICT_LOADS;
}

/**
 * verdict_text - a verdict in words
 * @verdict: the verdict
 *
 * Return: the words
 */
const char *verdict_text(enum verdict verdict)
{
	static const char * const texts[] = {
		[VERDICT_LOADS]			= "it loads here",
		[VERDICT_NO_VMX]		= "no VMX",
		[VERDICT_LOCKED]		= "VMX is locked off by firmware",
		[VERDICT_NO_EPT]		= "no EPT",
		[VERDICT_NO_UNRESTRICTED]	= "no unrestricted guest",
		[VERDICT_NO_CONTROL]		= "a required control is missing",
		[VERDICT_DIFFER]		= "the CPUs differ",
		[VERDICT_UNKNOWN]		= "the VMX MSRs can't be read",
	};

	return texts[verdict];
}
