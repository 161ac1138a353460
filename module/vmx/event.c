// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way into the guest: exceptions, NMIs, interrupts, INIT and
 * start-up IPIs.
 *
 * What lives here: what others send to a vCPU, what was interrupted on its way
 * in, and the decision what the next entry injects (SDM volume 3, 27.6). Where
 * interrupts come from is the local APIC's.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "compat.h"
#include "domain.h"
#include "pv/evtchn.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/cr.h"
#include "vmx/exit.h"
#include "vmx/run.h"
#include "vmx/vmx.h"

/* Senders: request, then count the vCPU as alive again, then get its attention. */

void vcpu_nmi(struct phv_vcpu *vcpu)
{
	/* One that is delivered and one that waits; more are lost, as on hardware. */
	atomic_add_unless(&vcpu->nmi_pending, 1, 2);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	vcpu_not_idle(vcpu);
	vcpu_kick(vcpu);
}

void vcpu_init_signal(struct phv_vcpu *vcpu)
{
	vcpu_request(vcpu, VCPU_REQ_INIT);
	vcpu_kick(vcpu);
}

void vcpu_sipi(struct phv_vcpu *vcpu, u8 vector)
{
	WRITE_ONCE(vcpu->sipi_vector, vector);
	vcpu_request(vcpu, VCPU_REQ_SIPI);
	vcpu_not_idle(vcpu);
	vcpu_kick(vcpu);
}

/* Bits without a name in <asm/debugreg.h>: debug registers accessed, and guarded. */
#define DR6_BD		BIT(13)
#define DR7_GD		BIT(13)

#define SEGMENT_STEP(field)	((field) - GUEST_ES_SELECTOR)

static void write_segment(u32 selector_field, u16 selector, u64 base, u32 limit, u32 access)
{
	u32 step = SEGMENT_STEP(selector_field);

	vmcs_write_rare(selector_field, selector);
	vmcs_write_rare(GUEST_ES_BASE + step, base);
	vmcs_write_rare(GUEST_ES_LIMIT + step, limit);
	vmcs_write_rare(GUEST_ES_AR_BYTES + step, access);
}

/* Segments after power-up and INIT (SDM volume 3, table 10-1). */
static void reset_segments(void)
{
	u32 field;

	for (field = GUEST_ES_SELECTOR; field <= GUEST_GS_SELECTOR; field += 2)
		write_segment(field, 0, 0, 0xffff, 0x93);
	write_segment(GUEST_CS_SELECTOR, 0xf000, 0xffff0000, 0xffff, 0x9b);
	write_segment(GUEST_LDTR_SELECTOR, 0, 0, 0xffff, 0x82);
	write_segment(GUEST_TR_SELECTOR, 0, 0, 0xffff, 0x8b);
	vmcs_write_rare(GUEST_GDTR_BASE, 0);
	vmcs_write_rare(GUEST_GDTR_LIMIT, 0xffff);
	vmcs_write_rare(GUEST_IDTR_BASE, 0);
	vmcs_write_rare(GUEST_IDTR_LIMIT, 0xffff);
}

static void reset_control(struct phv_vcpu *vcpu)
{
	cr0_write(vcpu, X86_CR0_CD | X86_CR0_NW | X86_CR0_ET);
	cr4_write(vcpu, 0);
	vmcs_write_rare(GUEST_CR3, 0);
	vmcs_write_rare(GUEST_DR7, 0x400);
	vmcs_write_rare(GUEST_IA32_EFER, 0);
	vmcs_clear_bits(VM_ENTRY_CONTROLS, VM_ENTRY_IA32E_MODE);
	vmcs_write_rare(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_write_rare(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmcs_write_rare(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vcpu->cr2 = 0;
	memset(vcpu->dr, 0, sizeof(vcpu->dr));
	vcpu->dr6 = DR6_RESERVED;
	vmx_dr_changed(vcpu, 0);
}

/* What INIT leaves alone. */
static void reset_power_up(struct phv_vcpu *vcpu)
{
	vmcs_write_rare(GUEST_SYSENTER_CS, 0);
	vmcs_write_rare(GUEST_SYSENTER_ESP, 0);
	vmcs_write_rare(GUEST_SYSENTER_EIP, 0);
	vmcs_write_rare(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write_rare(GUEST_IA32_PAT, 0x0007040600070406ULL);
	memset(vcpu->shared_msr, 0, sizeof(vcpu->shared_msr));
	vcpu->cstar = 0;
	/* As firmware leaves it. Without, CPUID's FSRM and ERMS would be untrue. */
	vcpu->misc_enable = MSR_IA32_MISC_ENABLE_FAST_STRING;
	vmx_reset_fpu(vcpu);
}

/**
 * event_reset - put a vCPU into the state after power-up, or after INIT
 * @vcpu: the vCPU, loaded
 * @init: INIT, which leaves FPU and most MSRs alone
 *
 * vCPU 0 is the bootstrap processor and starts, the others wait for a start-up IPI.
 */
void event_reset(struct phv_vcpu *vcpu, bool init)
{
	const struct phv_cpuid_entry *version = cpuid_find(&vcpu->domain->cpuid, 1, 0);

	memset(vcpu->gpr, 0, sizeof(vcpu->gpr));
	vcpu->gpr[GPR_RDX] = version->eax;
	vmcs_write(GUEST_RSP, 0);
	vmcs_write(GUEST_RIP, 0xfff0);
	vmcs_write(GUEST_RFLAGS, X86_EFLAGS_FIXED);
	reset_segments();
	reset_control(vcpu);
	if (!init)
		reset_power_up(vcpu);
	lapic_reset(vcpu, init);

	vcpu->event.valid = false;
	atomic_set(&vcpu->nmi_pending, 0);
	vcpu->vpid_flush = true;
	WRITE_ONCE(vcpu->activity, vcpu->id ? PHV_WAIT_FOR_SIPI : PHV_ACTIVE);
}

void event_take_init(struct phv_vcpu *vcpu)
{
	/* A start-up IPI from before the INIT is not for after it. */
	event_reset(vcpu, true);
}

void event_take_sipi(struct phv_vcpu *vcpu)
{
	u8 vector = READ_ONCE(vcpu->sipi_vector);

	if (vcpu->activity != PHV_WAIT_FOR_SIPI)
		return;
	write_segment(GUEST_CS_SELECTOR, vector << 8, vector << 12, 0xffff, 0x9b);
	vmcs_write(GUEST_RIP, 0);
	WRITE_ONCE(vcpu->activity, PHV_ACTIVE);
}

bool event_interrupts_enabled(struct phv_vcpu *vcpu)
{
	return vmcs_read(GUEST_RFLAGS) & X86_EFLAGS_IF;
}

static bool nmi_is_blocked(void)
{
	return vmcs_read(GUEST_INTERRUPTIBILITY_INFO) &
	       (GUEST_INTR_STATE_NMI | GUEST_INTR_STATE_MOV_SS | GUEST_INTR_STATE_STI);
}

static bool interrupts_are_blocked(struct phv_vcpu *vcpu)
{
	return !event_interrupts_enabled(vcpu) ||
	       (vmcs_read(GUEST_INTERRUPTIBILITY_INFO) &
		(GUEST_INTR_STATE_MOV_SS | GUEST_INTR_STATE_STI));
}

/**
 * event_deliverable - would the vCPU take an event before its next instruction?
 * @vcpu: the vCPU, loaded
 */
bool event_deliverable(struct phv_vcpu *vcpu)
{
	if (vcpu->event.valid)
		return true;
	if (atomic_read(&vcpu->nmi_pending) && !nmi_is_blocked())
		return true;
	return event_interrupts_enabled(vcpu) &&
	       (lapic_pending(vcpu) >= 0 || evtchn_callback_vector(vcpu) >= 0);
}

/**
 * event_pending - would a vCPU in HLT wake up?
 * @vcpu: the vCPU, loaded
 */
bool event_pending(struct phv_vcpu *vcpu)
{
	return vcpu->activity == PHV_HALTED && event_deliverable(vcpu);
}

/*
 * In place of an event whose delivery has caused it. That can only be #DB or #AC, as no other
 * exception has an exit: these never make a double fault (SDM volume 3, table 6-5).
 */
static void queue_exception(struct phv_vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
	u32 info = INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION;

	/* Real mode has no error codes, and VM entry refuses them there. */
	if (has_error && (vmcs_read(GUEST_CR0) & X86_CR0_PE))
		info |= INTR_INFO_DELIVER_CODE_MASK;
	vcpu->event.valid = true;
	vcpu->event.info = info | vector;
	vcpu->event.error = error;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/**
 * event_exception - make the guest take an exception, as a fault at its RIP
 * @vcpu: the vCPU, loaded
 * @vector: one that has no error code
 */
void event_exception(struct phv_vcpu *vcpu, u8 vector)
{
	queue_exception(vcpu, vector, false, 0);
}

/* The same with an error code. */
void event_exception_error(struct phv_vcpu *vcpu, u8 vector, u32 error)
{
	queue_exception(vcpu, vector, true, error);
}

/* An IRET had unblocked NMIs when it faulted: they are blocked until it is done. */
static void recover_nmi_blocking(struct phv_vcpu *vcpu, bool delivery)
{
	u64 unblocked = 0;

	if (delivery)
		return;
	if (vcpu->exit_reason == EXIT_REASON_EXCEPTION_NMI) {
		if ((vcpu->exit_intr_info & INTR_INFO_VECTOR_MASK) != X86_TRAP_DF)
			unblocked = vcpu->exit_intr_info & INTR_INFO_UNBLOCK_NMI;
	} else if (vcpu->exit_reason != EXIT_REASON_TASK_SWITCH &&
		   vcpu->exit_reason != EXIT_REASON_APIC_ACCESS) {
		unblocked = vmcs_read(EXIT_QUALIFICATION) & INTR_INFO_UNBLOCK_NMI;
	}
	if (unblocked)
		vmcs_set_bits(GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_NMI);
}

/**
 * event_recover - take back an event whose delivery the exit has interrupted
 * @vcpu: the vCPU, loaded, after an exit that can do so
 *
 * It is injected again by the next entry (SDM volume 3, 28.2.4 and 31.7.1.2).
 */
void event_recover(struct phv_vcpu *vcpu)
{
	u32 info = vmcs_read(IDT_VECTORING_INFO_FIELD);
	bool delivery = info & VECTORING_INFO_VALID_MASK;

	recover_nmi_blocking(vcpu, delivery);
	if (!delivery)
		return;

	vcpu->event.valid = true;
	vcpu->event.info = info & ~INTR_INFO_RESVD_BITS_MASK & ~INTR_INFO_UNBLOCK_NMI;
	if (info & VECTORING_INFO_DELIVER_CODE_MASK)
		vcpu->event.error = vmcs_read(IDT_VECTORING_ERROR_CODE);
	switch (info & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_NMI_INTR:
		vmcs_clear_bits(GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_NMI);
		break;
	case INTR_TYPE_SOFT_INTR:
	case INTR_TYPE_PRIV_SW_EXCEPTION:
	case INTR_TYPE_SOFT_EXCEPTION:
		vcpu->event.length = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
		break;
	}
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

static bool is_debug_exception(u32 info)
{
	u32 type = info & INTR_INFO_INTR_TYPE_MASK;

	return (info & INTR_INFO_VECTOR_MASK) == X86_TRAP_DB &&
	       (type == INTR_TYPE_HARD_EXCEPTION || type == INTR_TYPE_PRIV_SW_EXCEPTION);
}

/*
 * A single step that ends in the shadow of STI or MOV SS is pending, says VM entry, whatever is
 * injected (SDM volume 3, 27.3.1.5); an exit by #DB has taken it away. The #DB that is
 * injected leaves nothing of it.
 */
static void step_in_shadow(void)
{
	if ((vmcs_read(GUEST_INTERRUPTIBILITY_INFO) &
	     (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)) &&
	    (vmcs_read(GUEST_RFLAGS) & X86_EFLAGS_TF) &&
	    !(vmcs_read(GUEST_IA32_DEBUGCTL) & DEBUGCTLMSR_BTF))
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, DR_STEP);
}

static void inject(struct phv_vcpu *vcpu, u32 info, u32 error, u32 length)
{
	trace_phv_inject(vcpu, info, error);
	if (is_debug_exception(info))
		step_in_shadow();
	if (info & INTR_INFO_DELIVER_CODE_MASK)
		vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, error);
	vmcs_write(VM_ENTRY_INSTRUCTION_LEN, length);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, info);
}

/**
 * event_take_back - an entry failed: what it was to inject is still to come
 * @vcpu: the vCPU, loaded
 *
 * Only an exit clears the field by itself (SDM volume 3, 25.8.3).
 */
void event_take_back(struct phv_vcpu *vcpu)
{
	u32 info = vmcs_read(VM_ENTRY_INTR_INFO_FIELD);

	if (!(info & INTR_INFO_VALID_MASK))
		return;
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	vcpu->event.valid = true;
	vcpu->event.info = info;
	vcpu->event.error = vmcs_read(VM_ENTRY_EXCEPTION_ERROR_CODE);
	vcpu->event.length = vmcs_read(VM_ENTRY_INSTRUCTION_LEN);
}

static void count_event(struct phv_vcpu *vcpu, u32 info)
{
	switch (info & INTR_INFO_INTR_TYPE_MASK) {
	case INTR_TYPE_EXT_INTR:
		vcpu_count(vcpu->counters->interrupts);
		break;
	case INTR_TYPE_NMI_INTR:
		vcpu_count(vcpu->counters->nmis);
		break;
	default:
		vcpu_count(vcpu->counters->exceptions);
	}
}

static bool inject_event(struct phv_vcpu *vcpu)
{
	if (!vcpu->event.valid)
		return false;
	vcpu->event.valid = false;
	count_event(vcpu, vcpu->event.info);
	inject(vcpu, vcpu->event.info, vcpu->event.error, vcpu->event.length);
	return true;
}

/* STI blocks interrupts only, but some CPUs refuse to inject an NMI then, so wait. */
static bool inject_nmi(struct phv_vcpu *vcpu)
{
	if (!atomic_read(&vcpu->nmi_pending) || nmi_is_blocked())
		return false;
	atomic_dec(&vcpu->nmi_pending);
	vcpu_count(vcpu->counters->nmis);
	inject(vcpu, INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR | X86_TRAP_NMI, 0, 0);
	return true;
}

/* One that does not come from the local APIC; or does, without virtual-interrupt delivery. */
static bool inject_interrupt(struct phv_vcpu *vcpu, int vector, bool from_lapic)
{
	if (vector < 0 || interrupts_are_blocked(vcpu))
		return false;
	if (from_lapic)
		lapic_accept(vcpu, vector);
	vcpu_count(vcpu->counters->interrupts);
	inject(vcpu, INTR_INFO_VALID_MASK | INTR_TYPE_EXT_INTR | vector, 0, 0);
	return true;
}

/* Ask for an exit as soon as what waits can be delivered, and for no other. */
static void open_windows(struct phv_vcpu *vcpu, bool interrupt_waits)
{
	u32 set = 0;

	if (interrupt_waits)
		set |= CPU_BASED_INTR_WINDOW_EXITING;
	if (atomic_read(&vcpu->nmi_pending)) {
		/* Blocking by STI ends with the instruction; NMI windows may not see it. */
		if (vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_STI)
			set |= CPU_BASED_INTR_WINDOW_EXITING;
		else
			set |= CPU_BASED_NMI_WINDOW_EXITING;
	}
	vmcs_set_proc(vcpu, set, (CPU_BASED_INTR_WINDOW_EXITING |
				  CPU_BASED_NMI_WINDOW_EXITING) & ~set);
}

/**
 * event_before_entry - decide what the next entry injects
 * @vcpu: the vCPU, loaded
 *
 * Context: interrupts off; on the way into the inner loop, and in it when
 * VCPU_REQ_EVENT says that something has changed.
 */
void event_before_entry(struct phv_vcpu *vcpu)
{
	bool injected = inject_event(vcpu) || inject_nmi(vcpu);
	int callback, vector = -1;

	/* The local APIC first: its timer may be one that raises an event. */
	lapic_before_entry(vcpu);
	if (!vcpu->lapic.apicv)
		vector = lapic_pending(vcpu);
	callback = evtchn_callback_vector(vcpu);
	if (!injected && inject_interrupt(vcpu, callback, false)) {
		/* It stays until the guest clears it: it is not also waited for. */
		callback = -1;
	} else if (!injected && inject_interrupt(vcpu, vector, true)) {
		vector = lapic_pending(vcpu);
		callback = evtchn_callback_vector(vcpu);
	}
	open_windows(vcpu, vector >= 0 || callback >= 0);
}

int vmx_exit_interrupt_window(struct phv_vcpu *vcpu)
{
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return VMX_RESUME;
}

int vmx_exit_nmi_window(struct phv_vcpu *vcpu)
{
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return VMX_RESUME;
}

/* What the processor would have done to DR6 and DR7 before it delivers #DB. */
static void deliver_debug(struct phv_vcpu *vcpu)
{
	const unsigned long status = DR_TRAP_BITS | DR6_BD | DR_STEP | DR_SWITCH;
	unsigned long dr6;

	if (vcpu->dr_loaded)
		get_debugreg(vcpu->dr6, 6);
	dr6 = (vcpu->dr6 & ~DR_TRAP_BITS) | (vmcs_read(EXIT_QUALIFICATION) & status);
	vcpu->dr6 = dr6;
	if (vcpu->dr_loaded)
		set_debugreg(dr6, 6);
	vmcs_clear_bits(GUEST_DR7, DR7_GD);
	event_exception(vcpu, X86_TRAP_DB);
}

/* INT1: a trap, behind the instruction, and nothing to say in DR6 (SDM volume 3, 27.6.1). */
static void deliver_int1(struct phv_vcpu *vcpu)
{
	vcpu->event.valid = true;
	vcpu->event.info = INTR_INFO_VALID_MASK | INTR_TYPE_PRIV_SW_EXCEPTION | X86_TRAP_DB;
	vcpu->event.length = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/* The guest has asked for it; else it is a split lock, which the host has asked to be told of. */
static bool is_alignment_check(struct phv_vcpu *vcpu)
{
	if (!boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT))
		return true;
	return vmx_cpl(vcpu) == 3 && (vmcs_read(GUEST_CR0) & X86_CR0_AM) &&
	       (vmcs_read(GUEST_RFLAGS) & X86_EFLAGS_AC);
}

/* Intercepted: #MC, done already; #DB and #AC, which are the guest's for the most part. */
int vmx_exit_exception(struct phv_vcpu *vcpu)
{
	u32 info = vcpu->exit_intr_info;
	u8 vector = info & INTR_INFO_VECTOR_MASK;

	event_recover(vcpu);
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR || vector == X86_TRAP_MC)
		return VMX_RESUME;
	if (vector == X86_TRAP_DB) {
		if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
			deliver_int1(vcpu);
		else
			deliver_debug(vcpu);
		return VMX_SLOW;
	}
	if (vector == X86_TRAP_AC) {
		if (is_alignment_check(vcpu))
			event_exception_error(vcpu, vector, vmcs_read(VM_EXIT_INTR_ERROR_CODE));
		return VMX_SLOW;
	}
	return vmx_to_user_unhandled(vcpu);
}

/*
 * Those given to the guest come this way, too: their delivery can raise them again, before the
 * processor looks at interrupts, and in the inner loop that would go on for ever.
 */
int vmx_exit_exception_slow(struct phv_vcpu *vcpu)
{
	u32 info = vcpu->exit_intr_info;

	if ((info & INTR_INFO_VECTOR_MASK) == X86_TRAP_AC && !is_alignment_check(vcpu) &&
	    !phv_guest_split_lock(vmcs_read(GUEST_RIP)))
		event_exception_error(vcpu, X86_TRAP_AC, 0);
	return VMX_RESUME;
}
