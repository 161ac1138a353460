// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making a domain ready to boot: what all boot protocols have in common.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot_internal.h"

/**
 * boot_cmdline - the guest's command line
 * @job: the domain
 *
 * Return: a string, never NULL; it is not too long for the kernel
 */
const char *boot_cmdline(const struct boot_job *job)
{
	if (job->cmdline)
		return job->cmdline;
	return job->options->cmdline ? job->options->cmdline : "";
}

/* Does the command line name a console? In quotes, too, it counts. */
static bool names_console(const char *cmdline)
{
	const char *at = cmdline;

	while ((at = strstr(at, "console="))) {
		if (at == cmdline || at[-1] == ' ' || at[-1] == '"')
			return true;
		at++;
	}
	return false;
}

/* Linux has no console here unless it is told of one. */
static int add_console(struct boot_job *job)
{
	const char *console = job->options->console, *cmdline = boot_cmdline(job);

	if (!console || !job->image->is_linux || names_console(cmdline) ||
	    strlen(cmdline) + strlen(" console=") + strlen(console) > job->image->cmdline_max)
		return 0;
	if (asprintf(&job->cmdline, "%s%sconsole=%s", cmdline, *cmdline ? " " : "", console) < 0) {
		job->cmdline = NULL;
		return phv_fail(job->error, -ENOMEM, "command line: no memory");
	}
	return 0;
}

/**
 * boot_flat_segments - segment registers that cover all addresses
 * @control: where they are; the others become unusable, but TR, that may not be
 * @code: access rights of CS
 * @code_selector: CS
 * @data_selector: DS, ES and SS
 */
void boot_flat_segments(struct phv_control *control, __u32 code, __u16 code_selector,
			__u16 data_selector)
{
	static const unsigned int data[] = { PHV_SEG_DS, PHV_SEG_ES, PHV_SEG_SS };
	static const unsigned int unusable[] = { PHV_SEG_FS, PHV_SEG_GS, PHV_SEG_LDTR };
	unsigned int i;

	control->segment[PHV_SEG_CS] = (struct phv_segment){
		.limit = ~0U, .access = code, .selector = code_selector,
	};
	for (i = 0; i < ARRAY_SIZE(data); i++) {
		control->segment[data[i]] = (struct phv_segment){
			.limit = ~0U, .access = AR_DATA, .selector = data_selector,
		};
		control->segment[unusable[i]] = (struct phv_segment){
			.access = AR_UNUSABLE,
		};
	}
	control->segment[PHV_SEG_TR] = (struct phv_segment){
		.limit = 0x67, .access = AR_TSS,
	};
}

static int read_initrd(int fd, char *to, __u64 size)
{
	__u64 done = 0;

	while (done < size) {
		ssize_t n = pread(fd, to + done, size - done, done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -ENODATA;
		done += n;
	}
	return 0;
}

/**
 * boot_load_initrd - put the initrd, if there is one, where there is room
 * @job: the domain; what its kernel takes up is known
 * @start: the room's beginning, but for the kernel
 * @end: its end
 *
 * As high as possible: what is low is rare in the eyes of many a kernel.
 *
 * Return: 0 or a negative errno
 */
int boot_load_initrd(struct boot_job *job, __u64 start, __u64 end)
{
	struct boot *boot = job->boot;
	int fd = job->options->initrd_fd;
	struct stat stat;
	__u64 size, addr;
	int ret;

	if (fd < 0)
		return 0;
	if (fstat(fd, &stat))
		return phv_fail(job->error, -errno, "initrd: %s", strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return phv_fail(job->error, -EINVAL, "initrd: not a regular file");
	if (stat.st_size <= 0)
		return phv_fail(job->error, -EINVAL, "initrd: the file is empty");

	size = stat.st_size;
	addr = end - size;
	if (size <= end && addr < job->kernel_end)
		addr = job->kernel - size;
	addr &= ~(GUEST_PAGE_SIZE - 1);
	if (addr < start || addr > end || size > end - addr ||
	    (addr < job->kernel_end && addr + size > job->kernel))
		return phv_fail(job->error, -EFBIG,
				"initrd: no room for %llu MB beside the kernel in %llu MB of memory",
				(unsigned long long)size >> 20,
				(unsigned long long)job->low_size >> 20);

	ret = read_initrd(fd, guest_memory_at(job->memory, addr, size), size);
	if (ret == -ENODATA)
		return phv_fail(job->error, ret, "initrd: the file has become shorter");
	if (ret)
		return phv_fail(job->error, ret, "initrd: %s", strerror(-ret));
	boot->initrd_addr = addr;
	boot->initrd_size = size;
	return 0;
}

static int check_options(struct boot_job *job)
{
	size_t length = strlen(boot_cmdline(job));

	if (!job->options->vcpus || job->options->vcpus > PHV_MAX_VCPUS)
		return phv_fail(job->error, -EINVAL, "%u vCPUs: 1 to %u it can be",
				job->options->vcpus, PHV_MAX_VCPUS);
	if (length > job->image->cmdline_max)
		return phv_fail(job->error, -E2BIG,
				"command line: %zu characters, the kernel takes %u",
				length, job->image->cmdline_max);
	return 0;
}

static int build_acpi(struct boot_job *job)
{
	size_t size = acpi_size(job->options->vcpus);
	void *tables = guest_memory_at(job->memory, GUEST_ACPI_ADDR, size);

	if (!tables)
		return phv_fail(job->error, -EINVAL,
				"ACPI tables: memory laid out for fewer vCPUs than %u",
				job->options->vcpus);
	job->rsdp = acpi_build(tables, GUEST_ACPI_ADDR, job->options->vcpus);
	return 0;
}

static void build_map(struct boot *boot, const struct guest_memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->regions; i++)
		boot->map[i] = (struct phv_xen_memory_entry){
			.addr = memory->region[i].addr,
			.size = memory->region[i].size,
			.type = memory->region[i].type,
		};
	boot->map_entries = memory->regions;
}

/**
 * boot_build - make a domain ready to boot
 * @boot: the result
 * @image: the kernel; its protocol is how the guest is entered
 * @memory: as mapped; what is in there is discarded
 * @options: what else it is booted with
 * @error: why not
 *
 * No vCPU may run.
 *
 * Return: 0; -EFBIG something doesn't fit into the memory; -E2BIG the command
 * line is too long for the kernel; -EINVAL a bad number of vCPUs, or an initrd
 * that is no file; or what reading the initrd gave
 */
int boot_build(struct boot *boot, const struct image *image,
	       const struct guest_memory *memory, const struct boot_options *options,
	       struct phv_error *error)
{
	struct boot_job job = {
		.boot = boot, .image = image, .memory = memory, .options = options,
		.error = error, .low_size = memory->region[0].size,
	};
	int ret;

	memset(boot, 0, sizeof(*boot));
	ret = check_options(&job);
	if (ret)
		return ret;
	guest_memory_clear(memory);
	build_map(boot, memory);
	boot->regs.rflags = RFLAGS_FIXED;
	boot->control.dr6 = DR6_INIT;
	boot->control.dr7 = DR7_INIT;
	ret = build_acpi(&job);
	if (!ret)
		ret = add_console(&job);
	if (!ret)
		ret = image->protocol == BOOT_PVH ? boot_build_pvh(&job) :
						    boot_build_linux64(&job);
	free(job.cmdline);
	return ret;
}
