// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM exits: the tables, and the handlers that have no room of their own.
 *
 * What lives here: two tables indexed by basic exit reason. Fast handlers run in
 * the inner loop (vmx/run.c says what that means for them); slow ones with
 * preemption and interrupts on, and may sleep. The VMCS is loaded for both.
 */
#include <linux/percpu.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/exit.h"
#include "vmx/io.h"
#include "vmx/vmx.h"

/* The rare part of vmx_skip_bytes(). */
void vmx_end_instruction(struct phv_vcpu *vcpu, u32 blocking, unsigned long rflags)
{
	blocking &= ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, blocking);
	if (rflags & X86_EFLAGS_TF)
		vmcs_set_bits(GUEST_PENDING_DBG_EXCEPTIONS, DR_STEP);
}

int vmx_to_user_unhandled(struct phv_vcpu *vcpu)
{
	struct phv_run *run = vcpu->run;

	run->exit_reason = PHV_EXIT_UNHANDLED;
	run->entry.reason = vcpu->exit_reason;
	run->entry.error = 0;
	run->entry.qualification = vmcs_read(EXIT_QUALIFICATION);
	return VMX_TO_USER;
}

static int exit_hlt(struct phv_vcpu *vcpu)
{
	vmx_skip_instruction(vcpu);
	/* The trap behind a single step ends HLT at once. */
	if (unlikely(vmcs_read(GUEST_RFLAGS) & X86_EFLAGS_TF))
		return VMX_RESUME;
	WRITE_ONCE(vcpu->activity, PHV_HALTED);
	/* Already over? Then go on without leaving the loop. */
	if (event_pending(vcpu)) {
		WRITE_ONCE(vcpu->activity, PHV_ACTIVE);
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		return VMX_RESUME;
	}
	return VMX_SLOW;
}

/* The outer loop sees that it is halted, and blocks. */
static int slow_hlt(struct phv_vcpu *vcpu)
{
	return VMX_RESUME;
}

/* Caches are the host's; the guest's memory is coherent whatever it does. */
static int exit_nop(struct phv_vcpu *vcpu)
{
	vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}

/* Instructions that CPUID says are not there. */
static int exit_ud(struct phv_vcpu *vcpu)
{
	event_ud(vcpu);
	return VMX_RESUME;
}

static int exit_gp(struct phv_vcpu *vcpu)
{
	event_gp(vcpu);
	return VMX_RESUME;
}

static int exit_triple_fault(struct phv_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->activity, PHV_SHUTDOWN);
	vcpu->run->exit_reason = PHV_EXIT_SHUTDOWN;
	return VMX_TO_USER;
}

static int exit_slow(struct phv_vcpu *vcpu)
{
	return VMX_SLOW;
}

/*
 * Exits that can come in the middle of the delivery of an event (SDM volume 3,
 * 28.2.4): these, and exceptions, which see to it themselves.
 */
static int exit_slow_delivery(struct phv_vcpu *vcpu)
{
	event_recover(vcpu);
	return VMX_SLOW;
}

static int exit_pml_full(struct phv_vcpu *vcpu)
{
	event_recover(vcpu);
	return ept_exit_pml_full(vcpu);
}

/*
 * The guest spins on a lock. Let somebody else run: best another vCPU of this
 * domain that was preempted in the guest, it may be the one that holds it.
 */
static int slow_pause(struct phv_vcpu *vcpu)
{
	vcpu_yield(vcpu);
	return VMX_RESUME;
}

static u32 ept_access(u64 qualification)
{
	u32 access = 0;

	if (qualification & EPT_VIOLATION_ACC_READ)
		access |= PHV_ACCESS_READ;
	if (qualification & EPT_VIOLATION_ACC_WRITE)
		access |= PHV_ACCESS_WRITE;
	if (qualification & EPT_VIOLATION_ACC_INSTR)
		access |= PHV_ACCESS_EXECUTE;
	return access;
}

static int fast_ept_violation(struct phv_vcpu *vcpu)
{
	u64 gpa = vmcs_read(GUEST_PHYSICAL_ADDRESS);
	u32 access = ept_access(vmcs_read(EXIT_QUALIFICATION));

	event_recover(vcpu);
	if (!memory_fault_fast(vcpu, gpa, access))
		return VMX_SLOW;
	vcpu_count(vcpu->counters->ept_faults);
	return VMX_RESUME;
}

static int slow_ept_violation(struct phv_vcpu *vcpu)
{
	u64 gpa = vmcs_read(GUEST_PHYSICAL_ADDRESS);
	u32 access = ept_access(vmcs_read(EXIT_QUALIFICATION));
	struct phv_run *run = vcpu->run;
	int ret;

	ret = memory_fault(vcpu, gpa, access);
	if (ret > 0) {
		vcpu_count(vcpu->counters->ept_faults);
		return VMX_RESUME;
	}
	if (!ret)
		ret = lapic_mmio(vcpu, gpa, access & PHV_ACCESS_WRITE);
	if (!ret)
		ret = ept_map_hole(vcpu, gpa);
	if (ret > 0)
		return VMX_RESUME;
	if (ret && ret != -EFAULT)
		return ret;
	run->exit_reason = PHV_EXIT_MEMORY;
	run->memory.guest_addr = gpa;
	run->memory.access = access;
	run->memory.reserved = 0;
	return ret;
}

const vmx_exit_handler vmx_fast_handlers[VMX_EXIT_REASONS_COUNT] = {
	[EXIT_REASON_EXCEPTION_NMI]		= vmx_exit_exception,
	[EXIT_REASON_TRIPLE_FAULT]		= exit_triple_fault,
	[EXIT_REASON_INTERRUPT_WINDOW]		= vmx_exit_interrupt_window,
	[EXIT_REASON_NMI_WINDOW]		= vmx_exit_nmi_window,
	[EXIT_REASON_TASK_SWITCH]		= exit_slow_delivery,
	[EXIT_REASON_CPUID]			= vmx_exit_cpuid,
	[EXIT_REASON_HLT]			= exit_hlt,
	[EXIT_REASON_INVD]			= exit_nop,
	[EXIT_REASON_RDPMC]			= exit_gp,
	[EXIT_REASON_VMCALL]			= hypercall_exit_fast,
	[EXIT_REASON_VMCLEAR]			= exit_ud,
	[EXIT_REASON_VMLAUNCH]			= exit_ud,
	[EXIT_REASON_VMPTRLD]			= exit_ud,
	[EXIT_REASON_VMPTRST]			= exit_ud,
	[EXIT_REASON_VMREAD]			= exit_ud,
	[EXIT_REASON_VMRESUME]			= exit_ud,
	[EXIT_REASON_VMWRITE]			= exit_ud,
	[EXIT_REASON_VMOFF]			= exit_ud,
	[EXIT_REASON_VMON]			= exit_ud,
	[EXIT_REASON_CR_ACCESS]			= vmx_exit_cr,
	[EXIT_REASON_DR_ACCESS]			= vmx_exit_dr,
	[EXIT_REASON_IO_INSTRUCTION]		= vmx_exit_io,
	[EXIT_REASON_MSR_READ]			= vmx_exit_rdmsr,
	[EXIT_REASON_MSR_WRITE]			= vmx_exit_wrmsr,
	[EXIT_REASON_MWAIT_INSTRUCTION]		= exit_ud,
	[EXIT_REASON_MONITOR_INSTRUCTION]	= exit_ud,
	[EXIT_REASON_PAUSE_INSTRUCTION]		= exit_slow,
	[EXIT_REASON_TPR_BELOW_THRESHOLD]	= lapic_exit_tpr,
	[EXIT_REASON_APIC_ACCESS]		= exit_slow_delivery,
	[EXIT_REASON_EOI_INDUCED]		= lapic_exit_eoi,
	[EXIT_REASON_EPT_VIOLATION]		= fast_ept_violation,
	[EXIT_REASON_PREEMPTION_TIMER]		= lapic_exit_preemption_timer,
	[EXIT_REASON_INVEPT]			= exit_ud,
	[EXIT_REASON_INVVPID]			= exit_ud,
	[EXIT_REASON_WBINVD]			= exit_nop,
	[EXIT_REASON_XSETBV]			= vmx_exit_xsetbv,
	[EXIT_REASON_APIC_WRITE]		= lapic_exit_apic_write,
	[EXIT_REASON_ENCLS]			= exit_ud,
	[EXIT_REASON_PML_FULL]			= exit_pml_full,
	[EXIT_REASON_XSAVES]			= exit_ud,
	[EXIT_REASON_XRSTORS]			= exit_ud,
	[EXIT_REASON_UMWAIT]			= exit_ud,
	[EXIT_REASON_TPAUSE]			= exit_ud,
};

static const vmx_exit_handler slow[VMX_EXIT_REASONS_COUNT] = {
	[EXIT_REASON_EXCEPTION_NMI]		= vmx_exit_exception_slow,
	[EXIT_REASON_HLT]			= slow_hlt,
	[EXIT_REASON_IO_INSTRUCTION]		= vmx_exit_io_string,
	[EXIT_REASON_VMCALL]			= hypercall_exit_slow,
	[EXIT_REASON_MSR_WRITE]			= vmx_exit_wrmsr,
	[EXIT_REASON_PAUSE_INSTRUCTION]		= slow_pause,
	[EXIT_REASON_APIC_ACCESS]		= lapic_exit_apic_access,
	[EXIT_REASON_EPT_VIOLATION]		= slow_ept_violation,
};

int vmx_handle_slow(struct phv_vcpu *vcpu)
{
	u32 reason = vcpu->exit_reason;

	return slow[reason] ? slow[reason](vcpu) : vmx_to_user_unhandled(vcpu);
}
