// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's VMCS: memory, controls, host state, and on which CPU it is active.
 *
 * What lives here: everything about the VMCS that is not guest state. The rules
 * of SDM volume 3, 25.1 and 25.11.1 are kept here and nowhere else: a VMCS is
 * active on one CPU at most, is cleared there before it becomes active on
 * another, and before its CPU leaves VMX operation.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/smp.h>
#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/trapnr.h>

#include "compat.h"
#include "domain.h"
#include "vcpu.h"
#include "vmx/entry.h"
#include "vmx/perf.h"
#include "vmx/vmx.h"

/* VMCSs active on this CPU. Its owner only, interrupts off. */
static DEFINE_PER_CPU(struct list_head, vmcs_active);

/* The current one. Its owner only, preemption off. */
static DEFINE_PER_CPU(struct vmcs *, vmcs_current);

/* VPIDs 1 to 65535; 0 is the host's. */
static DEFINE_IDA(vpids);

/*
 * A field or type that the capability MSRs promise exists, so this is either a
 * bug of ours or VMX switched off under us by a reboot or a panic.
 */
void vmx_instruction_failed(const char *name, unsigned long operand)
{
	if (vmx_is_on())
		pr_err_ratelimited("%s of %#lx failed\n", name, operand);
}

static int vmclear(const struct vmcs *vmcs)
{
	phys_addr_t pa = __pa(vmcs);

	asm goto("1: vmclear %[pa]\n\t"
		 "jna %l[fail]\n\t"
		 _ASM_EXTABLE(1b, %l[fail])
		 : : [pa] "m" (pa) : "cc", "memory" : fail);
	return 0;
fail:
	vmx_instruction_failed("VMCLEAR", pa);
	return -EIO;
}

static int vmptrld(const struct vmcs *vmcs)
{
	phys_addr_t pa = __pa(vmcs);

	asm goto("1: vmptrld %[pa]\n\t"
		 "jna %l[fail]\n\t"
		 _ASM_EXTABLE(1b, %l[fail])
		 : : [pa] "m" (pa) : "cc", "memory" : fail);
	return 0;
fail:
	vmx_instruction_failed("VMPTRLD", pa);
	return -EIO;
}

/* On the CPU where the VMCS is active, interrupts off. */
static void vmcs_deactivate(struct phv_vcpu *vcpu)
{
	vmclear(vcpu->vmcs);
	if (__this_cpu_read(vmcs_current) == vcpu->vmcs)
		__this_cpu_write(vmcs_current, NULL);
	list_del(&vcpu->loaded);
	vcpu->enter_flags &= ~VMX_ENTER_RESUME;
	/* Whoever sees -1 may make the VMCS active elsewhere. */
	smp_store_release(&vcpu->cpu, -1);
}

static void vmcs_deactivate_ipi(void *vcpu)
{
	/* The CPU may have gone offline meanwhile, and done it itself. */
	if (((struct phv_vcpu *)vcpu)->cpu == smp_processor_id())
		vmcs_deactivate(vcpu);
}

/* Afterwards the VMCS is active nowhere. Interrupts on. */
static void vmcs_deactivate_anywhere(struct phv_vcpu *vcpu)
{
	int cpu = smp_load_acquire(&vcpu->cpu);

	if (cpu >= 0)
		smp_call_function_single(cpu, vmcs_deactivate_ipi, vcpu, 1);
}

/**
 * vmcs_clear_all - leave no VMCS active on this CPU
 *
 * Context: the CPU is about to leave VMX operation; interrupts off.
 */
void vmcs_clear_all(void)
{
	struct list_head *active = this_cpu_ptr(&vmcs_active);
	struct phv_vcpu *vcpu, *next;

	list_for_each_entry_safe(vcpu, next, active, loaded)
		vmcs_deactivate(vcpu);
}

/* The parts of the host's state that belong to a CPU. */
static void vmcs_write_host_cpu(void)
{
	int cpu = smp_processor_id();
	u64 value;

	vmcs_write(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmcs_write(HOST_GDTR_BASE, (unsigned long)get_current_gdt_ro());
	rdmsrq(MSR_GS_BASE, value);
	vmcs_write(HOST_GS_BASE, value);
	rdmsrq(MSR_IA32_SYSENTER_ESP, value);
	vmcs_write(HOST_IA32_SYSENTER_ESP, value);
}

static noinline int vmcs_activate(struct phv_vcpu *vcpu)
{
	int cpu = smp_processor_id();
	unsigned long flags;

	vmcs_deactivate_anywhere(vcpu);

	local_irq_save(flags);
	if (vmclear(vcpu->vmcs) || vmptrld(vcpu->vmcs)) {
		local_irq_restore(flags);
		return -EIO;
	}
	__this_cpu_write(vmcs_current, vcpu->vmcs);
	list_add(&vcpu->loaded, this_cpu_ptr(&vmcs_active));
	WRITE_ONCE(vcpu->cpu, cpu);
	local_irq_restore(flags);

	vmcs_write_host_cpu();
	msr_write_tsc_offset(vcpu);
	/* What another guest has trained here is not for this one to be tried with. */
	indirect_branch_prediction_barrier();
	/*
	 * This CPU may have mappings from when the vCPU was last here, and
	 * does not know what the guest has invalidated elsewhere since.
	 */
	vcpu->vpid_flush = true;
	return 0;
}

/**
 * vmcs_load - make a vCPU's VMCS active and current on this CPU
 * @vcpu: the vCPU
 *
 * Return: 0, or -EIO when VMX is off or the processor refuses the VMCS.
 * Context: preemption off, interrupts on, this CPU held (vmx_cpu_hold()).
 */
int vmcs_load(struct phv_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->cpu) != smp_processor_id())
		return vmcs_activate(vcpu);
	if (__this_cpu_read(vmcs_current) != vcpu->vmcs) {
		if (vmptrld(vcpu->vmcs))
			return -EIO;
		__this_cpu_write(vmcs_current, vcpu->vmcs);
		indirect_branch_prediction_barrier();
	}
	return 0;
}

/* Controls that phv wants (all needed ones are required at module load). */
static u32 adjust(u64 capability, u32 need, u32 want)
{
	u32 must_be_1 = capability, may_be_1 = capability >> 32;

	return must_be_1 | need | (want & may_be_1);
}

#define PROC_NEED	(CPU_BASED_HLT_EXITING | CPU_BASED_MWAIT_EXITING | \
			 CPU_BASED_MONITOR_EXITING | CPU_BASED_RDPMC_EXITING | \
			 CPU_BASED_MOV_DR_EXITING | CPU_BASED_UNCOND_IO_EXITING | \
			 CPU_BASED_USE_TSC_OFFSETTING | CPU_BASED_USE_MSR_BITMAPS | \
			 CPU_BASED_TPR_SHADOW | \
			 CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)

#define PROC2_NEED	(SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_UNRESTRICTED_GUEST)

#define EXIT_NEED	(VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_SAVE_DEBUG_CONTROLS | \
			 VM_EXIT_LOAD_IA32_EFER | VM_EXIT_SAVE_IA32_EFER | \
			 VM_EXIT_LOAD_IA32_PAT | VM_EXIT_SAVE_IA32_PAT)

#define ENTRY_NEED	(VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_LOAD_IA32_EFER | \
			 VM_ENTRY_LOAD_IA32_PAT)

/* Secondary controls that depend on what the domain's CPUID promises. */
static u32 proc2_for_cpuid(const struct phv_domain *domain)
{
	u32 controls = 0;

	if (cpuid_has(domain, 0x80000001, CPUID_EDX, BIT(27)) ||
	    cpuid_has(domain, 7, CPUID_ECX, BIT(22)))
		controls |= SECONDARY_EXEC_ENABLE_RDTSCP;
	if (cpuid_has(domain, 7, CPUID_EBX, BIT(10)))
		controls |= SECONDARY_EXEC_ENABLE_INVPCID;
	if (cpuid_has(domain, 0xd, CPUID_EAX, BIT(3)))
		controls |= SECONDARY_EXEC_ENABLE_XSAVES;
	return controls;
}

/* As vmcs_write(), for what is written once or seldom: a call is shorter. */
void vmcs_write_rare(unsigned long field, unsigned long value)
{
	vmcs_write(field, value);
}

static void vmcs_write_controls(struct phv_vcpu *vcpu)
{
	u32 want2 = SECONDARY_EXEC_PAUSE_LOOP_EXITING | SECONDARY_EXEC_WBINVD_EXITING |
		    SECONDARY_EXEC_ENCLS_EXITING | proc2_for_cpuid(vcpu->domain);

	if (vcpu->vpid)
		want2 |= SECONDARY_EXEC_ENABLE_VPID;
	if (vcpu->domain->tsc_multiplier)
		want2 |= SECONDARY_EXEC_TSC_SCALING;

	vmcs_write_rare(PIN_BASED_VM_EXEC_CONTROL,
		   adjust(vmx_caps.pin, PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING |
			  PIN_BASED_VIRTUAL_NMIS, 0));
	vcpu->proc_controls = adjust(vmx_caps.proc, PROC_NEED, 0) &
			      ~(CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING |
				CPU_BASED_INVLPG_EXITING);
	vmcs_write_rare(CPU_BASED_VM_EXEC_CONTROL, vcpu->proc_controls);
	vcpu->proc2_controls = adjust(vmx_caps.proc2, PROC2_NEED, want2);
	vmcs_write_rare(SECONDARY_VM_EXEC_CONTROL, vcpu->proc2_controls);
	vmcs_write_rare(VM_EXIT_CONTROLS,
		   adjust(vmx_caps.exit, EXIT_NEED,
			  VM_EXIT_ACK_INTR_ON_EXIT | VM_EXIT_PT_CONCEAL_PIP));
	vmcs_write_rare(VM_ENTRY_CONTROLS,
		   adjust(vmx_caps.entry, ENTRY_NEED, VM_ENTRY_PT_CONCEAL_PIP));

	vmcs_write_rare(VM_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write_rare(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmcs_write_rare(CR3_TARGET_COUNT, 0);
	vmcs_write_rare(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write_rare(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write_rare(VMCS_LINK_POINTER, ~0ULL);
	vmcs_write_rare(MSR_BITMAP, __pa(vcpu->msr_bitmap));

	if (vcpu->vpid)
		vmcs_write_rare(VIRTUAL_PROCESSOR_ID, vcpu->vpid);
	if (vcpu->proc2_controls & SECONDARY_EXEC_PAUSE_LOOP_EXITING) {
		vmcs_write_rare(PLE_GAP, PLE_GAP_TSC);
		vmcs_write_rare(PLE_WINDOW, PLE_WINDOW_TSC);
	}
	if (vcpu->proc2_controls & SECONDARY_EXEC_TSC_SCALING)
		vmcs_write_rare(TSC_MULTIPLIER, vcpu->domain->tsc_multiplier);
	if (vcpu->proc2_controls & SECONDARY_EXEC_ENCLS_EXITING)
		vmcs_write_rare(ENCLS_EXITING_BITMAP, ~0ULL);
	if (vcpu->proc2_controls & SECONDARY_EXEC_ENABLE_XSAVES)
		vmcs_write_rare(XSS_EXIT_BITMAP, ~0ULL);
	/* All vCPUs' TSCs are 0 at the domain's creation. */
	vcpu->tsc_offset = 0;
	vcpu->tsc_offset = -msr_guest_tsc(vcpu, vcpu->domain->tsc_start);
	msr_write_tsc_offset(vcpu);

	/*
	 * #MC is the host's. #DB and #AC could be made to recur during their
	 * own delivery and keep the CPU busy in microcode for ever.
	 */
	vmcs_write_rare(EXCEPTION_BITMAP, BIT(X86_TRAP_MC) | BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC));
}

static void vmcs_write_host(struct phv_vcpu *vcpu)
{
	struct desc_ptr idt;
	u64 value;

	vmcs_write_rare(HOST_CR0, read_cr0());
	vcpu->host_cr3 = __read_cr3();
	vmcs_write_rare(HOST_CR3, vcpu->host_cr3);
	vcpu->host_cr4 = __read_cr4();
	vmcs_write_rare(HOST_CR4, vcpu->host_cr4);

	vmcs_write_rare(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write_rare(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write_rare(HOST_DS_SELECTOR, 0);
	vmcs_write_rare(HOST_ES_SELECTOR, 0);
	vmcs_write_rare(HOST_FS_SELECTOR, 0);
	vmcs_write_rare(HOST_GS_SELECTOR, 0);
	vmcs_write_rare(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vcpu->host_fs_base = 0;
	vmcs_write_rare(HOST_FS_BASE, 0);

	store_idt(&idt);
	vmcs_write_rare(HOST_IDTR_BASE, idt.address);
	vmcs_write_rare(HOST_RIP, (unsigned long)vmx_exit);

	rdmsrq(MSR_IA32_SYSENTER_CS, value);
	vmcs_write_rare(HOST_IA32_SYSENTER_CS, value);
	rdmsrq(MSR_IA32_SYSENTER_EIP, value);
	vmcs_write_rare(HOST_IA32_SYSENTER_EIP, value);
	rdmsrq(MSR_IA32_CR_PAT, value);
	vmcs_write_rare(HOST_IA32_PAT, value);
	rdmsrq(MSR_EFER, value);
	vmcs_write_rare(HOST_IA32_EFER, value);
}

/**
 * vmcs_init - fill in controls and host state of a new VMCS
 * @vcpu: the vCPU
 *
 * Context: process; the VMCS is loaded. Guest state is vcpu_reset()'s.
 */
void vmcs_init(struct phv_vcpu *vcpu)
{
	preempt_disable();
	vmcs_write_controls(vcpu);
	vmcs_write_host(vcpu);
	preempt_enable();
	msr_setup_vmcs(vcpu);
	perf_setup_vmcs(vcpu);
	ept_setup_vmcs(vcpu);
	lapic_setup_vmcs(vcpu);
}

/* Set and clear bits of the primary controls; VMWRITE only when that changes them. */
void vmcs_set_proc(struct phv_vcpu *vcpu, u32 set, u32 clear)
{
	u32 controls = (vcpu->proc_controls | set) & ~clear;

	if (controls == vcpu->proc_controls)
		return;
	vcpu->proc_controls = controls;
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, controls);
}

/* The same for the secondary controls. */
void vmcs_set_proc2(struct phv_vcpu *vcpu, u32 set, u32 clear)
{
	u32 controls = (vcpu->proc2_controls | set) & ~clear;

	if (controls == vcpu->proc2_controls)
		return;
	vcpu->proc2_controls = controls;
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, controls);
}

/**
 * vmcs_msr_intercept - say whether RDMSR and WRMSR of an MSR cause exits
 * @vcpu: the vCPU, not in the guest
 * @msr: 0 to 0x1fff, or 0xc0000000 to 0xc0001fff; all others always exit
 * @read: RDMSR exits
 * @write: WRMSR exits
 *
 * The bitmap is four of 1 KiB: read low, read high, write low, write high (SDM
 * volume 3, 25.6.9).
 */
void vmcs_msr_intercept(struct phv_vcpu *vcpu, u32 msr, bool read, bool write)
{
	unsigned long *bitmap = vcpu->msr_bitmap;
	unsigned int bit = (msr & 0x1fff) + (msr >= 0xc0000000 ? 0x2000 : 0);

	__assign_bit(bit, bitmap, read);
	__assign_bit(bit + 0x4000, bitmap, write);
}

/**
 * vmcs_create - memory and VPID for a vCPU's VMCS
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM. A VPID that can't be had is done without.
 */
int vmcs_create(struct phv_vcpu *vcpu)
{
	int vpid;

	vcpu->cpu = -1;
	vcpu->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->vmcs)
		return -ENOMEM;
	vcpu->vmcs->revision = vmx_caps.basic & GENMASK(30, 0);
	vcpu->msr_bitmap = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->msr_bitmap) {
		free_page((unsigned long)vcpu->vmcs);
		return -ENOMEM;
	}
	memset(vcpu->msr_bitmap, 0xff, PAGE_SIZE);

	if (vmx_has(PHV_CAP_VPID | PHV_CAP_INVVPID_SINGLE)) {
		vpid = ida_alloc_range(&vpids, 1, U16_MAX, GFP_KERNEL);
		vcpu->vpid = max(vpid, 0);
	}
	return 0;
}

/**
 * vmcs_destroy - undo vmcs_create()
 * @vcpu: the vCPU
 *
 * Context: process; the vCPU is not loaded and never will be again.
 */
void vmcs_destroy(struct phv_vcpu *vcpu)
{
	preempt_disable();
	vmcs_deactivate_anywhere(vcpu);
	preempt_enable();
	if (vcpu->vpid)
		ida_free(&vpids, vcpu->vpid);
	free_page((unsigned long)vcpu->msr_bitmap);
	free_page((unsigned long)vcpu->vmcs);
}

/* Module load. */
void vmcs_module_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		INIT_LIST_HEAD(&per_cpu(vmcs_active, cpu));
}
