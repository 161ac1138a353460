// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inner loop: entry, exit, and what is quick to handle, over and over.
 *
 * What lives here: the way into the guest and out of it with preemption off and
 * interrupts off, and the switching of the state that the VMCS does not: FPU,
 * XCR0, PKRU, debug registers, MSRs that both sides use.
 *
 * Interrupts stay off from the first entry to the end of the loop. Nothing is
 * missed: an interrupt that comes while a handler runs makes the next entry exit
 * at once, and only after such an exit can there be something new to look at.
 * So handlers that run here must be quick, must not sleep, and must take no lock
 * that somebody holds while waiting for this CPU.
 */
#include <linux/context_tracking.h>
#include <linux/hw_breakpoint.h>
#include <linux/interrupt.h>
#include <linux/rcupdate.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/vtime.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/fsgsbase.h>
#include <asm/ldt.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/pkru.h>
#include <asm/processor.h>
#include <asm/segment.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>

#include "compat.h"
#include "domain.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/entry.h"
#include "vmx/exit.h"
#include "vmx/perf.h"
#include "vmx/run.h"
#include "vmx/vmx.h"

/* Components of the XSAVE area that guests may have (SDM volume 1, 13.1). */
#define XFEATURES_GUEST	(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM | \
			 XFEATURE_MASK_AVX512 | XFEATURE_MASK_PKRU)

/* The host's, the same on all CPUs; read at module load. */
static struct {
	u64 xcr0;
	u64 xss;
	u64 xfeatures;		/* what is switched with XSAVE; 0: with FXSAVE */
	unsigned int xsave_size;
	u32 mxcsr_mask;
	unsigned long idt_base;
	unsigned int enter_flags;
	bool has_tsc_aux;
	bool flush_l1d;		/* L1TF: flush on the way into the loop */
	bool has_perf;
} host __ro_after_init;

static const u32 shared_msrs[SHARED_COUNT] = {
	[SHARED_STAR]		= MSR_STAR,
	[SHARED_LSTAR]		= MSR_LSTAR,
	[SHARED_FMASK]		= MSR_SYSCALL_MASK,
	[SHARED_KERNEL_GS_BASE]	= MSR_KERNEL_GS_BASE,
	[SHARED_TSC_AUX]	= MSR_TSC_AUX,
};

u64 vmx_xfeatures(void)
{
	return host.xfeatures;
}

unsigned int vmx_xsave_size(void)
{
	return host.xsave_size;
}

u32 vmx_mxcsr_mask(void)
{
	return host.mxcsr_mask;
}

/* This is on the way of each exit to user space: no calls, no WRMSR that changes nothing. */
static __always_inline void switch_shared_msrs(const u64 *from, const u64 *to)
{
	unsigned int i;

	#pragma GCC unroll 8
	for (i = 0; i < SHARED_COUNT; i++)
		if (from[i] != to[i])
			native_wrmsrq(shared_msrs[i], to[i]);
}

/* The bases of FS and GS in the thread's user space, which it can change by itself. */
static __always_inline unsigned long save_user_bases(struct phv_vcpu *vcpu)
{
	struct thread_struct *thread = &current->thread;

	if (cpu_feature_enabled(X86_FEATURE_FSGSBASE)) {
		vcpu->host_msr[SHARED_KERNEL_GS_BASE] = native_rdmsrq(MSR_KERNEL_GS_BASE);
		return rdfsbase();
	}
	current_save_fsgs();
	vcpu->host_msr[SHARED_KERNEL_GS_BASE] = thread->gsbase;
	return thread->fsbase;
}

/* In 64-bit programs these are all 0. */
static __always_inline void save_selectors(struct phv_vcpu *vcpu)
{
	u16 ds, es, fs, gs, ldt;

	savesegment(ds, ds);
	savesegment(es, es);
	savesegment(fs, fs);
	savesegment(gs, gs);
	store_ldt(ldt);
	vcpu->host_selectors = ds | es | fs | gs | ldt;
	if (likely(!vcpu->host_selectors))
		return;
	vcpu->host_ds = ds;
	vcpu->host_es = es;
	vcpu->host_fs = fs;
	vcpu->host_gs = gs;
	vcpu->host_ldt = ldt;
}

/*
 * The MSRs that the kernel does not use between entries from user space: the
 * guest's stay in the CPU until the thread goes there, or another thread runs.
 * The same goes for selectors that a VM exit does not bring back.
 */
static void shared_load(struct phv_vcpu *vcpu)
{
	unsigned long fs_base = save_user_bases(vcpu);

	switch_shared_msrs(vcpu->host_msr, vcpu->shared_msr);
	save_selectors(vcpu);
	if (vcpu->host_fs_base != fs_base) {
		vcpu->host_fs_base = fs_base;
		vmcs_write(HOST_FS_BASE, fs_base);
	}
	vcpu->shared_loaded = true;
}

/* Loading FS and GS changes their bases. */
static noinline void restore_selectors(struct phv_vcpu *vcpu)
{
	asm volatile("lldt %0" : : "rm" (vcpu->host_ldt));
	loadsegment(ds, vcpu->host_ds);
	loadsegment(es, vcpu->host_es);
	loadsegment(fs, vcpu->host_fs);
	wrmsrq(MSR_FS_BASE, vcpu->host_fs_base);
	load_gs_index(vcpu->host_gs);
	wrmsrq(MSR_KERNEL_GS_BASE, vcpu->host_msr[SHARED_KERNEL_GS_BASE]);
}

/* Of the MSRs, the guest writes one without an exit. */
void vmx_put_host_state(struct phv_vcpu *vcpu)
{
	if (!vcpu->shared_loaded)
		return;
	vcpu->shared_loaded = false;

	vcpu->shared_msr[SHARED_KERNEL_GS_BASE] = native_rdmsrq(MSR_KERNEL_GS_BASE);
	switch_shared_msrs(vcpu->shared_msr, vcpu->host_msr);
	if (unlikely(vcpu->host_selectors))
		restore_selectors(vcpu);

	/* An exit leaves their limits at 0xffff and 0x67 (SDM volume 3, 28.5.2). */
	native_load_gdt(&vcpu->host_gdt);
	if (unlikely(test_thread_flag(TIF_IO_BITMAP)))
		invalidate_tss_limit();
	else
		this_cpu_write(__tss_limit_invalid, true);
}

/* What belongs to the CPU and not to the thread. */
void vmx_load_cpu(struct phv_vcpu *vcpu)
{
	vcpu->host_gdt.address = (unsigned long)get_current_gdt_ro();
	vcpu->host_gdt.size = GDT_SIZE - 1;
	if (host.has_tsc_aux)
		rdmsrq(MSR_TSC_AUX, vcpu->host_msr[SHARED_TSC_AUX]);
}

static void xsave(void *area)
{
	u32 lo = host.xfeatures, hi = host.xfeatures >> 32;

	if (host.xfeatures)
		asm volatile("xsave64 (%0)" : : "r" (area), "a" (lo), "d" (hi) : "memory");
	else
		asm volatile("fxsave64 (%0)" : : "r" (area) : "memory");
}

static void xrstor(const void *area)
{
	u32 lo = host.xfeatures, hi = host.xfeatures >> 32;

	if (host.xfeatures)
		asm volatile("xrstor64 (%0)" : : "r" (area), "a" (lo), "d" (hi) : "memory");
	else
		asm volatile("fxrstor64 (%0)" : : "r" (area) : "memory");
}

/*
 * Between these two the FPU is the guest's. kernel_fpu_begin() has saved the
 * thread's, which comes back on its return to user space.
 */
static void fpu_load(struct phv_vcpu *vcpu)
{
	kernel_fpu_begin();
	if (cpu_feature_enabled(X86_FEATURE_OSPKE))
		vcpu->host_pkru = read_pkru();
	xrstor(vcpu->xsave);
	if (vcpu->xcr0 != host.xcr0 && host.xfeatures)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
	if (host.xss)
		wrmsrq(MSR_IA32_XSS, 0);
}

static void fpu_put(struct phv_vcpu *vcpu)
{
	if (host.xss)
		wrmsrq(MSR_IA32_XSS, host.xss);
	if (vcpu->xcr0 != host.xcr0 && host.xfeatures)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, host.xcr0);
	xsave(vcpu->xsave);
	/* It says what the kernel may touch of the thread's memory. */
	if (cpu_feature_enabled(X86_FEATURE_OSPKE))
		write_pkru(vcpu->host_pkru);
	kernel_fpu_end();
}

/* XSETBV in the guest: the inner loop has its XCR0 in the CPU. */
void vmx_set_xcr0(struct phv_vcpu *vcpu, u64 xcr0)
{
	vcpu->xcr0 = xcr0;
	xsetbv(XCR_XFEATURE_ENABLED_MASK, xcr0);
}

/*
 * The guest's breakpoints are in the CPU only while it needs them. They are not for the
 * host: its own are off before the first is overwritten.
 */
void vmx_load_dr(struct phv_vcpu *vcpu)
{
	set_debugreg(0x400, 7);
	set_debugreg(vcpu->dr[0], 0);
	set_debugreg(vcpu->dr[1], 1);
	set_debugreg(vcpu->dr[2], 2);
	set_debugreg(vcpu->dr[3], 3);
	set_debugreg(vcpu->dr6, 6);
	vcpu->dr_loaded = true;
	vmcs_set_proc(vcpu, 0, CPU_BASED_MOV_DR_EXITING);
}

/* Debug registers have got new values: they are loaded if DR7 has breakpoints on. */
void vmx_dr_changed(struct phv_vcpu *vcpu, unsigned long dr7)
{
	vcpu->dr_active = dr7 & (DR_LOCAL_ENABLE_MASK | DR_GLOBAL_ENABLE_MASK);
	if (!vcpu->dr_active)
		vmcs_set_proc(vcpu, CPU_BASED_MOV_DR_EXITING, 0);
}

/* DR6 with a bit of the guest's would tell the host's next #DB of something that was not. */
static noinline void dr_put_now(struct phv_vcpu *vcpu)
{
	if (vcpu->dr_loaded) {
		get_debugreg(vcpu->dr[0], 0);
		get_debugreg(vcpu->dr[1], 1);
		get_debugreg(vcpu->dr[2], 2);
		get_debugreg(vcpu->dr[3], 3);
		get_debugreg(vcpu->dr6, 6);
		set_debugreg(DR6_RESERVED, 6);
		vcpu->dr_loaded = false;
		vmx_dr_changed(vcpu, vmcs_read(GUEST_DR7));
	}
	/* The exit has set DR7 to 0x400: the host's breakpoints are off. */
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
}

static __always_inline void dr_put(struct phv_vcpu *vcpu)
{
	if (unlikely(vcpu->dr_loaded || hw_breakpoint_active()))
		dr_put_now(vcpu);
}

/* Host state that can differ from one way into the loop to the next. */
static void vmcs_update_host(struct phv_vcpu *vcpu)
{
	unsigned long value;

	value = __read_cr3();
	if (value != vcpu->host_cr3) {
		vcpu->host_cr3 = value;
		vmcs_write(HOST_CR3, value);
	}
	value = __read_cr4();
	if (value != vcpu->host_cr4) {
		vcpu->host_cr4 = value;
		vmcs_write(HOST_CR4, value);
	}
}

/*
 * The exit has acknowledged the interrupt, as posted-interrupt processing
 * needs it: nobody but us can call its handler now.
 */
static void call_interrupt_handler(void)
{
	u32 info = vmcs_read(VM_EXIT_INTR_INFO);
	const gate_desc *idt = (const gate_desc *)host.idt_base;

	if (likely(info & INTR_INFO_VALID_MASK)) {
		vmx_call_gate(gate_offset(&idt[info & INTR_INFO_VECTOR_MASK]));
	} else {
		local_irq_enable();
		nop();
		local_irq_disable();
	}
}

/*
 * IA32_DEBUGCTL, of which a VM exit leaves nothing (SDM volume 3, 28.5.1). Interrupts of other
 * CPUs change it, so it is read again whenever there may have been one. The emulator keeps it:
 * only silicon can tell.
 */
static void debugctl_save(struct phv_vcpu *vcpu)
{
	vcpu->host_debugctl = native_rdmsrq(MSR_IA32_DEBUGCTLMSR);
}

static void debugctl_restore(struct phv_vcpu *vcpu)
{
	if (unlikely(vcpu->host_debugctl))
		native_wrmsrq(MSR_IA32_DEBUGCTLMSR, vcpu->host_debugctl);
}

/* What the host's handlers have read is not for the guest. */
static void flush_l1d(void)
{
	if (unlikely(host.flush_l1d))
		wrmsrq(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
}

/*
 * The handler may fault, on an access it is prepared for; the guest must not notice. It finds
 * the host's debug registers, which it may change, as it may CR4.
 */
static noinline void handle_external_interrupt(struct phv_vcpu *vcpu)
{
	vcpu->cr2 = read_cr2();
	debugctl_restore(vcpu);
	dr_put(vcpu);
	call_interrupt_handler();
	/* RCU may wait for this CPU, for whose tick a guest is not a user. */
	phv_rcu_note_context_switch();
	vmcs_update_host(vcpu);
	debugctl_save(vcpu);
	if (unlikely(vcpu->dr_active))
		vmx_load_dr(vcpu);
	if (unlikely(read_cr2() != vcpu->cr2))
		write_cr2(vcpu->cr2);
	perf_before_entry(vcpu);
	flush_l1d();
}

/*
 * NMIs are blocked after an exit by NMI until IRET, which the handler does. INT n
 * takes the interrupt-stack-table stack that the handler relies on.
 */
static noinline void handle_host_exception(u32 info)
{
	const u32 event = INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK;

	if ((info & event) == (INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR))
		asm volatile("int $2" : : : "memory");
	else if ((info & (event | INTR_INFO_VECTOR_MASK)) ==
		 (INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | X86_TRAP_MC))
		phv_machine_check();
}

/* What must not wait: the host's NMIs and machine checks, before anything else. */
static __always_inline void after_exit(struct phv_vcpu *vcpu)
{
	u32 reason = vmcs_read(VM_EXIT_REASON);

	vcpu->exit_reason = reason;
	if (reason == EXIT_REASON_EXCEPTION_NMI) {
		vcpu->exit_intr_info = vmcs_read(VM_EXIT_INTR_INFO);
		handle_host_exception(vcpu->exit_intr_info);
		perf_before_entry(vcpu);
		flush_l1d();
	}
}

static int entry_failed(struct phv_vcpu *vcpu, u32 reason, u32 error)
{
	struct phv_run *run = vcpu->run;

	if (vmx_is_lost())
		return -EIO;
	event_take_back(vcpu);
	run->exit_reason = PHV_EXIT_ENTRY_FAILED;
	run->entry.reason = reason;
	run->entry.error = error;
	run->entry.qualification = error ? 0 : vmcs_read(EXIT_QUALIFICATION);
	return VMX_TO_USER;
}

static __always_inline int enter_once(struct phv_vcpu *vcpu)
{
	bool tracking;
	int failed;

	tracking = context_tracking_guest_enter();
	failed = vmx_enter(vcpu);
	if (tracking)
		context_tracking_guest_exit();

	if (unlikely(failed))
		return entry_failed(vcpu, 0x80000000, vmcs_read(VM_INSTRUCTION_ERROR));
	after_exit(vcpu);
	if (unlikely(vcpu->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
		/* SDM volume 3, 27.9: the processor has loaded the host's state. */
		if ((u16)vcpu->exit_reason == EXIT_REASON_MCE_DURING_VMENTRY)
			phv_machine_check();
		return entry_failed(vcpu, vcpu->exit_reason, 0);
	}
	/* Only an entry that got into the guest makes the VMCS launched. */
	vcpu->enter_flags |= VMX_ENTER_RESUME;
	return VMX_RESUME;
}

/* May the loop go on, after what a handler or the host's interrupts have asked for? */
static bool may_go_on(struct phv_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->requests) != BIT(VCPU_REQ_EVENT))
		return false;
	clear_bit(VCPU_REQ_EVENT, &vcpu->requests);
	event_before_entry(vcpu);
	return true;
}

/* Entries and exits, interrupts off. Results as those of fast handlers. */
static int inner_loop(struct phv_vcpu *vcpu)
{
	u32 reason;
	int ret;

	BUILD_BUG_ON(ARRAY_SIZE(vcpu->counters->exits) != VMX_EXIT_REASONS_COUNT);
	for (;;) {
		if (vcpu->lapic.alarm)
			lapic_timer_program(vcpu);
		trace_phv_entry(vcpu);
		ret = enter_once(vcpu);
		if (unlikely(ret != VMX_RESUME))
			return ret;
		trace_phv_exit(vcpu);
		reason = vcpu->exit_reason;
		if (unlikely(reason >= VMX_EXIT_REASONS_COUNT))
			return vmx_to_user_unhandled(vcpu);
		vcpu_count(vcpu->counters->exits[reason]);

		if (reason == EXIT_REASON_EXTERNAL_INTERRUPT) {
			handle_external_interrupt(vcpu);
			if (vcpu_thread_has_work() || local_softirq_pending())
				return VMX_RESUME;
			event_before_entry(vcpu);
		} else {
			ret = vmx_handle_fast(vcpu, reason);
			if (ret != VMX_RESUME)
				return ret;
			/* It may have woken a thread, on this CPU even. */
			if (unlikely(vcpu_thread_has_work()))
				return VMX_RESUME;
		}
		if (unlikely(READ_ONCE(vcpu->requests)) && !may_go_on(vcpu))
			return VMX_RESUME;
	}
}

/* Out of line: what has a variable with an address has to check its stack. */
static noinline void flush_vpid(struct phv_vcpu *vcpu)
{
	vcpu->vpid_flush = false;
	if (!vcpu->vpid)
		return;
	invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vcpu->vpid, 0);
	vcpu_count(vcpu->counters->flushes);
}

/*
 * The thread was in user space for an answer, and is back: then what the last entry was
 * told about events holds for this one, as between two entries of the loop. What came
 * meanwhile has made a request, or is posted.
 */
static bool is_settled(const struct phv_vcpu *vcpu)
{
	return vcpu->settled && !vcpu->lapic.alarm && !READ_ONCE(vcpu->requests) &&
	       !lapic_has_posted(&vcpu->lapic);
}

/* The last things before the first entry, interrupts off. */
static void before_first_entry(struct phv_vcpu *vcpu)
{
	vmcs_update_host(vcpu);
	debugctl_save(vcpu);
	if (unlikely(vcpu->vpid_flush))
		flush_vpid(vcpu);
	if (unlikely(vcpu->dr_active))
		vmx_load_dr(vcpu);
	flush_l1d();
	if (host.has_perf)
		perf_before_entry(vcpu);
	if (!is_settled(vcpu)) {
		clear_bit(VCPU_REQ_EVENT, &vcpu->requests);
		event_before_entry(vcpu);
	}
	vcpu->settled = false;
	if (read_cr2() != vcpu->cr2)
		write_cr2(vcpu->cr2);
}

/* VMSCAPE: the guest must not steer what the thread does in user space. */
static void note_guest_ran(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/**
 * vmx_run - run a vCPU until something is not for the inner loop
 * @vcpu: the vCPU, loaded and active
 *
 * Return: as exit handlers; VMX_RESUME also when there was nothing but requests.
 * Context: the vCPU's thread, preemption and interrupts on.
 */
int vmx_run(struct phv_vcpu *vcpu)
{
	int ret = VMX_RESUME;

	preempt_disable();
	fpu_load(vcpu);
	if (!vcpu->shared_loaded)
		shared_load(vcpu);

	local_irq_disable();
	smp_store_mb(vcpu->mode, VCPU_IN_GUEST);
	/* Pairs with vcpu_kick(): what came before is seen here, what comes later kicks. */
	if (!(READ_ONCE(vcpu->requests) & ~BIT(VCPU_REQ_EVENT)) && !vcpu_thread_has_work()) {
		before_first_entry(vcpu);
		vtime_account_guest_enter();
		ret = inner_loop(vcpu);
		note_guest_ran();
		vtime_account_guest_exit();
		vcpu->cr2 = read_cr2();
		debugctl_restore(vcpu);
		dr_put(vcpu);
	}
	smp_store_release(&vcpu->mode, VCPU_OUTSIDE);
	local_irq_enable();

	fpu_put(vcpu);
	preempt_enable();
	return ret == VMX_SLOW ? vmx_handle_slow(vcpu) : ret;
}

/**
 * vmx_create_state - make room for the state that is not in the VMCS
 * @vcpu: the vCPU
 *
 * The host's MSRs are looked at now that its domain has VMX: before, KVM may have had it, and
 * leaves a guest's in a CPU until a thread returns to user space.
 *
 * Return: 0 or -ENOMEM.
 */
int vmx_create_state(struct phv_vcpu *vcpu)
{
	unsigned int i;

	/* A power of two: the allocator aligns it to its size, XSAVE wants 64. */
	vcpu->xsave = kzalloc(roundup_pow_of_two(host.xsave_size), GFP_KERNEL_ACCOUNT);
	if (!vcpu->xsave)
		return -ENOMEM;
	for (i = 0; i < SHARED_KERNEL_GS_BASE; i++)
		rdmsrq(shared_msrs[i], vcpu->host_msr[i]);
	vcpu->enter_flags = host.enter_flags;
	return 0;
}

void vmx_destroy_state(struct phv_vcpu *vcpu)
{
	kfree(vcpu->xsave);
}

/* Puts the FPU into the state after power-up (SDM volume 1, 13.6: init is all there is to say). */
void vmx_reset_fpu(struct phv_vcpu *vcpu)
{
	struct fxregs_state *fx = vcpu->xsave;

	memset(vcpu->xsave, 0, host.xsave_size);
	fx->cwd = 0x40;
	fx->mxcsr = MXCSR_DEFAULT;
	/* In XSAVE format: x87 and SSE are there, the other components are in their initial state. */
	if (host.xfeatures)
		*(u64 *)(vcpu->xsave + 512) = XFEATURE_MASK_FPSSE;
	vcpu->xcr0 = XFEATURE_MASK_FP;
}

static unsigned int xsave_size_of(u64 xfeatures)
{
	unsigned int i, size = 512 + 64;
	u32 eax, ebx, ecx, edx;

	for (i = 2; i < 63; i++) {
		if (!(xfeatures & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		size = max(size, eax + ebx);
	}
	return size;
}

/* SDM volume 1, 11.6.6: 0 stands for this value. */
static u32 __init probe_mxcsr_mask(void)
{
	struct fxregs_state fx __aligned(16) = {};

	kernel_fpu_begin();
	asm volatile("fxsave64 %0" : "+m" (fx));
	kernel_fpu_end();
	return fx.mxcsr_mask ?: 0xffbf;
}

static void __init probe_fpu(void)
{
	host.mxcsr_mask = probe_mxcsr_mask();
	host.xsave_size = 512;
	if (!boot_cpu_has(X86_FEATURE_OSXSAVE))
		return;
	host.xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	host.xfeatures = host.xcr0 & XFEATURES_GUEST;
	host.xsave_size = xsave_size_of(host.xfeatures);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrq(MSR_IA32_XSS, host.xss);
}

static void __init probe_mitigations(void)
{
	u64 arch_caps = 0;

	if (boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		host.enter_flags |= VMX_ENTER_SPEC_CTRL;
	if (boot_cpu_has(X86_FEATURE_KERNEL_IBRS))
		host.enter_flags |= VMX_ENTER_ALWAYS_IBRS;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrq(MSR_IA32_ARCH_CAPABILITIES, arch_caps);
	host.flush_l1d = boot_cpu_has_bug(X86_BUG_L1TF) &&
			 boot_cpu_has(X86_FEATURE_FLUSH_L1D) &&
			 l1tf_mitigation != L1TF_MITIGATION_OFF &&
			 !(arch_caps & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
}

/* Module load: what is the same for all vCPUs. */
void __init vmx_run_module_init(void)
{
	struct desc_ptr idt;

	BUILD_BUG_ON(offsetof(struct phv_vcpu, gpr) != VCPU_GPR(0));
	BUILD_BUG_ON(offsetof(struct phv_vcpu, host_rsp) != VCPU_HOST_RSP);
	BUILD_BUG_ON(offsetof(struct phv_vcpu, spec_ctrl) != VCPU_SPEC_CTRL);
	BUILD_BUG_ON(offsetof(struct phv_vcpu, enter_flags) != VCPU_ENTER_FLAGS);
	BUILD_BUG_ON(HOST_RSP != VMCS_HOST_RSP);

	store_idt(&idt);
	host.idt_base = idt.address;
	host.has_perf = boot_cpu_has(X86_FEATURE_ARCH_PERFMON);
	host.has_tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID);
	probe_fpu();
	probe_mitigations();
}
