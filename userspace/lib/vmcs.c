// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMCS in user space: its fields, where they come from, and what the checks share; see
 * vmcs.h.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmcs_internal.h"

/* SDM volume 3, appendix B */
const struct vmcs_field vmcs_fields[] = {
	{ 0x0000, "VPID" },
	{ 0x0002, "posted-interrupt notification vector" },
	{ 0x0004, "EPTP index" },
	{ 0x0800, "ES selector" },
	{ 0x0802, "CS selector" },
	{ 0x0804, "SS selector" },
	{ 0x0806, "DS selector" },
	{ 0x0808, "FS selector" },
	{ 0x080a, "GS selector" },
	{ 0x080c, "LDTR selector" },
	{ 0x080e, "TR selector" },
	{ 0x0810, "guest interrupt status" },
	{ 0x0812, "PML index" },
	{ 0x0c00, "host ES selector" },
	{ 0x0c02, "host CS selector" },
	{ 0x0c04, "host SS selector" },
	{ 0x0c06, "host DS selector" },
	{ 0x0c08, "host FS selector" },
	{ 0x0c0a, "host GS selector" },
	{ 0x0c0c, "host TR selector" },
	{ 0x2000, "I/O bitmap A" },
	{ 0x2002, "I/O bitmap B" },
	{ 0x2004, "MSR bitmaps" },
	{ 0x2006, "VM-exit MSR-store address" },
	{ 0x2008, "VM-exit MSR-load address" },
	{ 0x200a, "VM-entry MSR-load address" },
	{ 0x200e, "PML address" },
	{ 0x2010, "TSC offset" },
	{ 0x2012, "virtual-APIC address" },
	{ 0x2014, "APIC-access address" },
	{ 0x2016, "posted-interrupt descriptor" },
	{ 0x2018, "VM-function controls" },
	{ 0x201a, "EPT pointer" },
	{ 0x201c, "EOI-exit bitmap 0" },
	{ 0x201e, "EOI-exit bitmap 1" },
	{ 0x2020, "EOI-exit bitmap 2" },
	{ 0x2022, "EOI-exit bitmap 3" },
	{ 0x2026, "VMREAD bitmap" },
	{ 0x2028, "VMWRITE bitmap" },
	{ 0x202a, "virtualization-exception information" },
	{ 0x202c, "XSS-exiting bitmap" },
	{ 0x202e, "ENCLS-exiting bitmap" },
	{ 0x2032, "TSC multiplier" },
	{ 0x2034, "tertiary processor-based controls" },
	{ 0x2400, "guest-physical address" },
	{ 0x2800, "VMCS link pointer" },
	{ 0x2802, "guest IA32_DEBUGCTL" },
	{ 0x2804, "guest IA32_PAT" },
	{ 0x2806, "guest IA32_EFER" },
	{ 0x2808, "guest IA32_PERF_GLOBAL_CTRL" },
	{ 0x280a, "guest PDPTE0" },
	{ 0x280c, "guest PDPTE1" },
	{ 0x280e, "guest PDPTE2" },
	{ 0x2810, "guest PDPTE3" },
	{ 0x2812, "guest IA32_BNDCFGS" },
	{ 0x2814, "guest IA32_RTIT_CTL" },
	{ 0x2c00, "host IA32_PAT" },
	{ 0x2c02, "host IA32_EFER" },
	{ 0x2c04, "host IA32_PERF_GLOBAL_CTRL" },
	{ 0x4000, "pin-based controls" },
	{ 0x4002, "primary processor-based controls" },
	{ 0x4004, "exception bitmap" },
	{ 0x4006, "page-fault error-code mask" },
	{ 0x4008, "page-fault error-code match" },
	{ 0x400a, "CR3-target count" },
	{ 0x400c, "VM-exit controls" },
	{ 0x400e, "VM-exit MSR-store count" },
	{ 0x4010, "VM-exit MSR-load count" },
	{ 0x4012, "VM-entry controls" },
	{ 0x4014, "VM-entry MSR-load count" },
	{ 0x4016, "VM-entry interruption information" },
	{ 0x4018, "VM-entry exception error code" },
	{ 0x401a, "VM-entry instruction length" },
	{ 0x401c, "TPR threshold" },
	{ 0x401e, "secondary processor-based controls" },
	{ 0x4020, "PLE gap" },
	{ 0x4022, "PLE window" },
	{ 0x4400, "VM-instruction error" },
	{ 0x4402, "exit reason" },
	{ 0x4404, "VM-exit interruption information" },
	{ 0x4406, "VM-exit interruption error code" },
	{ 0x4408, "IDT-vectoring information" },
	{ 0x440a, "IDT-vectoring error code" },
	{ 0x440c, "VM-exit instruction length" },
	{ 0x440e, "VM-exit instruction information" },
	{ 0x4800, "ES limit" },
	{ 0x4802, "CS limit" },
	{ 0x4804, "SS limit" },
	{ 0x4806, "DS limit" },
	{ 0x4808, "FS limit" },
	{ 0x480a, "GS limit" },
	{ 0x480c, "LDTR limit" },
	{ 0x480e, "TR limit" },
	{ 0x4810, "GDTR limit" },
	{ 0x4812, "IDTR limit" },
	{ 0x4814, "ES access rights" },
	{ 0x4816, "CS access rights" },
	{ 0x4818, "SS access rights" },
	{ 0x481a, "DS access rights" },
	{ 0x481c, "FS access rights" },
	{ 0x481e, "GS access rights" },
	{ 0x4820, "LDTR access rights" },
	{ 0x4822, "TR access rights" },
	{ 0x4824, "interruptibility state" },
	{ 0x4826, "activity state" },
	{ 0x482a, "guest IA32_SYSENTER_CS" },
	{ 0x482e, "VMX-preemption timer" },
	{ 0x4c00, "host IA32_SYSENTER_CS" },
	{ 0x6000, "CR0 guest/host mask" },
	{ 0x6002, "CR4 guest/host mask" },
	{ 0x6004, "CR0 read shadow" },
	{ 0x6006, "CR4 read shadow" },
	{ 0x6400, "exit qualification" },
	{ 0x640a, "guest-linear address" },
	{ 0x6800, "guest CR0" },
	{ 0x6802, "guest CR3" },
	{ 0x6804, "guest CR4" },
	{ 0x6806, "ES base" },
	{ 0x6808, "CS base" },
	{ 0x680a, "SS base" },
	{ 0x680c, "DS base" },
	{ 0x680e, "FS base" },
	{ 0x6810, "GS base" },
	{ 0x6812, "LDTR base" },
	{ 0x6814, "TR base" },
	{ 0x6816, "GDTR base" },
	{ 0x6818, "IDTR base" },
	{ 0x681a, "guest DR7" },
	{ 0x681c, "guest RSP" },
	{ 0x681e, "guest RIP" },
	{ 0x6820, "guest RFLAGS" },
	{ 0x6822, "pending debug exceptions" },
	{ 0x6824, "guest IA32_SYSENTER_ESP" },
	{ 0x6826, "guest IA32_SYSENTER_EIP" },
	{ 0x6c00, "host CR0" },
	{ 0x6c02, "host CR3" },
	{ 0x6c04, "host CR4" },
	{ 0x6c06, "host FS base" },
	{ 0x6c08, "host GS base" },
	{ 0x6c0a, "host TR base" },
	{ 0x6c0c, "host GDTR base" },
	{ 0x6c0e, "host IDTR base" },
	{ 0x6c10, "host IA32_SYSENTER_ESP" },
	{ 0x6c12, "host IA32_SYSENTER_EIP" },
	{ 0x6c14, "host RSP" },
	{ 0x6c16, "host RIP" },
	{ 0, NULL }
};

/* Width, type and the low bits of the index: fields have less than 64. */
static unsigned int slot(__u32 encoding)
{
	return vmcs_bits(encoding, 14, 13) << 8 | vmcs_bits(encoding, 11, 10) << 6 |
	       vmcs_bits(encoding, 6, 1);
}

/* Is the value of this field known? */
bool vmcs_known(const struct vmcs *vmcs, __u32 encoding)
{
	return vmcs->known[slot(encoding)];
}

/* A field's value; 0 when it is not known. */
__u64 vmcs_get(const struct vmcs *vmcs, __u32 encoding)
{
	return vmcs->value[slot(encoding)];
}

void vmcs_set(struct vmcs *vmcs, __u32 encoding, __u64 value)
{
	vmcs->value[slot(encoding)] = value;
	vmcs->known[slot(encoding)] = true;
}

/* Reads a list of fields, but those that are not there, or not for us. */
static int read_fields(int vcpu, struct phv_msr *list, unsigned int count,
		       struct vmcs *vmcs)
{
	unsigned int first = 0;
	int done, i;

	while (first < count) {
		const struct phv_msrs arg = {
			.count = count - first, .entries = (unsigned long)&list[first],
		};

		done = ioctl(vcpu, PHV_GET_VMCS, &arg);
		if (done < 0)
			return -errno;
		for (i = 0; i < done; i++)
			vmcs_set(vmcs, list[first + i].index, list[first + i].value);
		first += done + 1;
	}
	return 0;
}

/* What the next entry injects is not in the VMCS while the vCPU does not run. */
static int read_events(int vcpu, struct vmcs *vmcs)
{
	struct phv_events events;

	if (ioctl(vcpu, PHV_GET_EVENTS, &events))
		return -errno;
	vmcs_set(vmcs, VMCS_ENTRY_EVENT, events.exception_valid ? events.exception : 0);
	vmcs_set(vmcs, VMCS_ENTRY_ERROR_CODE, events.exception_error);
	vmcs_set(vmcs, VMCS_ENTRY_LENGTH, events.exception_length);
	return 0;
}

/**
 * vmcs_read - read a vCPU's VMCS
 * @vcpu: descriptor of the vCPU
 * @vmcs: filled. If any of it is known before, just that is read again
 *
 * Return: 0 or a negative errno
 */
int vmcs_read(int vcpu, struct vmcs *vmcs)
{
	struct phv_msr list[ARRAY_SIZE(vmcs_fields)];
	bool again = vmcs_known(vmcs, VMCS_PIN);
	unsigned int count = 0;
	size_t i;
	int err;

	for (i = 0; vmcs_fields[i].name; i++)
		if (!again || vmcs_known(vmcs, vmcs_fields[i].encoding))
			list[count++] = (struct phv_msr){ .index = vmcs_fields[i].encoding };
	err = read_fields(vcpu, list, count, vmcs);
	return err ?: read_events(vcpu, vmcs);
}

/**
 * vmcs_this_cpu - what the processors of this host support
 * @device: descriptor of /dev/phv
 * @cpu: filled
 *
 * Return: 0 or a negative errno
 */
int vmcs_this_cpu(int device, struct vmcs_cpu *cpu)
{
	unsigned int eax, ebx, ecx, edx;

	cpu->physical_width = 36;
	cpu->linear_width = 48;
	if (__get_cpuid(0x80000008, &eax, &ebx, &ecx, &edx)) {
		cpu->physical_width = vmcs_bits(eax, 7, 0);
		cpu->linear_width = vmcs_bits(eax, 15, 8);
	}
	cpu->efer = 0;
	if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx)) {
		cpu->efer |= edx & 1U << 11 ? 1 : 0;
		cpu->efer |= edx & 1U << 20 ? 1 << 11 : 0;
		cpu->efer |= edx & 1U << 29 ? EFER_LME | EFER_LMA : 0;
	}
	return ioctl(device, PHV_GET_CAPS, &cpu->caps) ? -errno : 0;
}

static void add(struct vmcs_checks *c, bool optional, const char *format, va_list args)
{
	struct vmcs_failure *failure;

	if (c->verdict->count == VMCS_FAILURES_MAX)
		return;
	failure = &c->verdict->failure[c->verdict->count++];
	failure->area = c->area;
	failure->optional = optional;
	vsnprintf(failure->text, sizeof(failure->text), format, args);
}

/* A check that is not passed; the text names the field first. */
void vmcs_fail(struct vmcs_checks *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(c, false, format, args);
	va_end(args);
}

/* The same, where the SDM leaves it to the processor whether it checks. */
void vmcs_may_fail(struct vmcs_checks *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(c, true, format, args);
	va_end(args);
}

bool vmcs_is_canonical(const struct vmcs_checks *c, __u64 address)
{
	unsigned int shift = 64 - c->cpu->linear_width;

	return (__u64)((__s64)(address << shift) >> shift) == address;
}

bool vmcs_is_physical(const struct vmcs_checks *c, __u64 address)
{
	return !(address >> c->cpu->physical_width);
}

/* Memory types 0, 1, 4, 5, 6 and 7 */
bool vmcs_is_pat(__u64 pat)
{
	unsigned int i;

	for (i = 0; i < 8; i++, pat >>= 8)
		if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
			return false;
	return true;
}

/* Secondary controls, as far as they are activated */
__u32 vmcs_secondary(const struct vmcs_checks *c)
{
	return field(c, VMCS_PROC) & PROC_SECONDARY ? field(c, VMCS_PROC2) : 0;
}

/**
 * vmcs_check - would VM entry take this?
 * @vmcs: the VMCS; what depends on fields that are not known is not checked
 * @cpu: the processor
 * @verdict: all checks that are not passed are put here; none: it would
 *
 * Not checked are what is in memory, and what needs SMM.
 */
void vmcs_check(const struct vmcs *vmcs, const struct vmcs_cpu *cpu,
		struct vmcs_verdict *verdict)
{
	struct vmcs_checks c = { .vmcs = vmcs, .cpu = cpu, .verdict = verdict };

	verdict->count = 0;
	c.area = VMCS_CONTROLS;
	vmcs_check_controls(&c);
	c.area = VMCS_HOST_STATE;
	vmcs_check_host(&c);
	c.area = VMCS_GUEST_STATE;
	vmcs_check_guest(&c);
}

/**
 * vmcs_explain - which check made an entry fail?
 * @verdict: what vmcs_check() says of the VMCS
 * @reason: phv_run.entry.reason
 * @error: phv_run.entry.error
 *
 * Return: the first check that fits, or NULL
 */
const struct vmcs_failure *vmcs_explain(const struct vmcs_verdict *verdict,
					__u32 reason, __u32 error)
{
	enum vmcs_area area;
	unsigned int i;

	if (error == 7)
		area = VMCS_CONTROLS;
	else if (error == 8)
		area = VMCS_HOST_STATE;
	else if (!error && (reason & 0xffff) == 33)
		area = VMCS_GUEST_STATE;
	else
		return NULL;
	for (i = 0; i < verdict->count; i++)
		if (verdict->failure[i].area == area)
			return &verdict->failure[i];
	return NULL;
}
