// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding out what the host can do: from the module, and without it from
 * CPUID, the msr driver and sysfs.  Nothing here prints.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

#define CPUID_1_ECX_VMX		0x20

static const char * const rival_modules[NR_RIVALS] = {
	"kvm_intel", "vboxdrv", "vmmon",
};

/* Reads the first line of a file of sysfs; false if there is none. */
static bool read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool ok;

	if (!file)
		return false;
	ok = fgets(line, size, file);
	fclose(file);
	if (ok)
		line[strcspn(line, "\n")] = '\0';
	return ok;
}

static bool cpu_has_vmx(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) &&
	       (ecx & CPUID_1_ECX_VMX);
}

static void probe_cpu_name(char name[49])
{
	unsigned int words[12] = { 0 };
	const char *start;
	unsigned int i;

	for (i = 0; i < 3; i++)
		__get_cpuid(0x80000002 + i, &words[i * 4], &words[i * 4 + 1],
			    &words[i * 4 + 2], &words[i * 4 + 3]);
	memcpy(name, words, 48);
	name[48] = '\0';
	start = name + strspn(name, " ");
	memmove(name, start, strlen(start) + 1);
}

static int read_msr(int fd, __u32 number, __u64 *value)
{
	ssize_t n = pread(fd, value, sizeof(*value), number);

	if (n == sizeof(*value))
		return 0;
	return n < 0 ? -errno : -EIO;
}

/* Reads the capability MSRs of the CPU whose msr device is open. */
static int read_caps(int fd, struct phv_caps *caps)
{
	const struct caps_msr *msr;
	int err;

	memset(caps, 0, sizeof(*caps));
	for (msr = caps_msrs; msr->name; msr++) {
		if (!caps_has_msr(msr, caps))
			continue;
		err = read_msr(fd, caps_has_true_msr(msr, caps) ?
			       msr->true_number : msr->number,
			       caps_msr_value(msr, caps));
		if (err)
			return err;
	}
	caps->features = caps_decode(caps) | PHV_CAP_VMX;
	return 0;
}

static int read_caps_of_cpu(long cpu, struct phv_caps *caps)
{
	char path[40];
	int fd, err;

	snprintf(path, sizeof(path), "/dev/cpu/%ld/msr", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_caps(fd, caps);
	close(fd);
	return err;
}

static void note_difference(struct host *host, struct phv_caps *other, long cpu)
{
	const struct caps_msr *msr;

	for (msr = caps_msrs; msr->name; msr++) {
		__u64 a = *caps_msr_value(msr, &host->caps);
		__u64 b = *caps_msr_value(msr, other);

		if (a == b)
			continue;
		snprintf(host->difference, sizeof(host->difference),
			 "CPU %ld differs in %s: %#llx, CPU 0 has %#llx", cpu,
			 msr->name, b, a);
		return;
	}
}

/* An offline CPU has no msr device, or one which can't be opened. */
static void compare_cpus(struct host *host)
{
	long cpu, configured = sysconf(_SC_NPROCESSORS_CONF);
	struct phv_caps other;

	for (cpu = 1; cpu < configured && !*host->difference; cpu++)
		if (!read_caps_of_cpu(cpu, &other))
			note_difference(host, &other, cpu);
}

static void probe_caps(struct host *host)
{
	host->source = SOURCE_CPUID;
	host->caps = (struct phv_caps){ 0 };
	if (!cpu_has_vmx())
		return;

	host->msr_error = read_caps_of_cpu(0, &host->caps);
	if (host->msr_error) {
		host->caps = (struct phv_caps){ .features = PHV_CAP_VMX };
		return;
	}
	host->source = SOURCE_MSR;
	compare_cpus(host);
}

static void probe_required(struct host *host)
{
	const struct caps_feature *feature;

	for (feature = caps_features; feature->name; feature++)
		if (feature->required)
			host->caps.required |= feature->bit;
}

static void probe_rival(struct rival *rival, const char *module)
{
	char path[64], line[32];

	rival->module = module;
	rival->users = -1;
	snprintf(path, sizeof(path), "/sys/module/%s", module);
	rival->loaded = !access(path, F_OK);
	if (!rival->loaded)
		return;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	if (read_line(path, line, sizeof(line)))
		rival->users = atol(line);
	rival->holds = rival->users > 0;
}

/* From Linux 6.12 on KVM has VMX from its load, unless told otherwise. */
static bool kvm_takes_vmx_at_load(void)
{
	char line[8];

	return read_line("/sys/module/kvm/parameters/enable_virt_at_load",
			 line, sizeof(line)) && *line == 'Y';
}

/**
 * probe_host - find out what can be known without the module
 * @host: filled
 */
void probe_host(struct host *host)
{
	size_t i;

	memset(host, 0, sizeof(*host));
	uname(&host->kernel);
	probe_cpu_name(host->cpu);
	host->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	host->module_loaded = !access("/sys/module/phv", F_OK);
	read_line("/sys/module/phv/version", host->module_version,
		  sizeof(host->module_version));
	for (i = 0; i < NR_RIVALS; i++)
		probe_rival(&host->rivals[i], rival_modules[i]);
	if (host->rivals[0].loaded && kvm_takes_vmx_at_load())
		host->rivals[0].holds = true;
	probe_caps(host);
	probe_required(host);
}

/**
 * probe_device - ask the module what the processors can do
 * @host: filled by probe_host(); the answer replaces what that found
 * @device: descriptor of phv_open()
 *
 * Return: 0 or a negative errno
 */
int probe_device(struct host *host, int device)
{
	int err = phv_get_caps(device, &host->caps);

	if (err)
		return err;
	host->source = SOURCE_MODULE;
	host->module_loaded = true;
	host->msr_error = 0;
	*host->difference = '\0';
	return 0;
}
