// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's performance counters while a guest runs.
 *
 * What lives here: MSRs that must have another value in the guest, because perf
 * was asked not to count guests, or because PEBS would write its records through
 * the guest's page tables. The processor switches them with VM entry and exit
 * (SDM volume 3, 25.7.2 and 25.8.2). Called by the inner loop only.
 *
 * There are no such counters in the emulator: only silicon can tell.
 */
#include <linux/slab.h>
#include <linux/perf_event.h>
#include <asm/perf_event.h>
#include <asm/vmx.h>

#include "vcpu.h"
#include "vmx/perf.h"

/* VM-entry and VM-exit MSR-load areas (SDM volume 3, table 25-15). */
#define PERF_MSRS	8

struct msr_load {
	u32 index;
	u32 reserved;
	u64 value;
};

struct perf_areas {
	struct msr_load entry[PERF_MSRS];
	struct msr_load exit[PERF_MSRS];
};

/**
 * perf_create - make room for the MSR-load areas
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int perf_create(struct phv_vcpu *vcpu)
{
	vcpu->perf = kzalloc(sizeof(*vcpu->perf), GFP_KERNEL_ACCOUNT);
	return vcpu->perf ? 0 : -ENOMEM;
}

void perf_destroy(struct phv_vcpu *vcpu)
{
	kfree(vcpu->perf);
}

/* The areas' addresses. VMCS loaded. */
void perf_setup_vmcs(struct phv_vcpu *vcpu)
{
	vcpu->perf_count = 0;
	vmcs_write(VM_ENTRY_MSR_LOAD_ADDR, __pa(vcpu->perf->entry));
	vmcs_write(VM_EXIT_MSR_LOAD_ADDR, __pa(vcpu->perf->exit));
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, 0);
}

/**
 * perf_before_entry - fill the areas with what perf says now
 * @vcpu: the vCPU, loaded
 *
 * Context: interrupts off; on the way into the inner loop, and in it after the
 * host has handled an interrupt or an NMI, which may have changed its counters.
 */
void perf_before_entry(struct phv_vcpu *vcpu)
{
	struct perf_guest_switch_msr *msrs;
	unsigned int count = 0;
	int i, total = 0;

	msrs = perf_guest_get_msrs(&total, NULL);
	for (i = 0; msrs && i < total && count < PERF_MSRS; i++) {
		if (msrs[i].host == msrs[i].guest)
			continue;
		vcpu->perf->entry[count].index = msrs[i].msr;
		vcpu->perf->entry[count].value = msrs[i].guest;
		vcpu->perf->exit[count].index = msrs[i].msr;
		vcpu->perf->exit[count].value = msrs[i].host;
		count++;
	}
	if (count != vcpu->perf_count) {
		vcpu->perf_count = count;
		vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, count);
		vmcs_write(VM_EXIT_MSR_LOAD_COUNT, count);
	}
}
