/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that knows kernel versions.
 *
 * What lives here: small inline functions that hide what changed between the
 * kernels the module is built for, Linux 6.1 to 7.x.  The rest of the module
 * is written for the newest of them and never tests LINUX_VERSION_CODE.
 */
#ifndef PHV_COMPAT_H
#define PHV_COMPAT_H

#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/eventfd.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <asm/apic.h>
#include <asm/cpu.h>
#include <asm/irq_vectors.h>
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>
#include <asm/vmx.h>

/* The MSR accessors were named for quadwords in Linux 6.16. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq		rdmsrl
#define rdmsrq_safe	rdmsrl_safe
#define wrmsrq		wrmsrl
#define wrmsrq_safe	wrmsrl_safe
/* Just the instruction. */
#define native_wrmsrq	native_wrmsrl
#define native_rdmsrq	__rdmsr
#endif

/* To be called when a CPU has been in a guest for a while: that is as good as user space. */
static inline void phv_rcu_note_context_switch(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	rcu_virt_note_context_switch();
#else
	rcu_virt_note_context_switch(smp_processor_id());
#endif
}

/* A mask of IA32_VMX_MISC before Linux 6.11, a function since. */
#ifndef VMX_MISC_PREEMPTION_TIMER_RATE_MASK
#define VMX_MISC_PREEMPTION_TIMER_RATE_MASK	GENMASK(4, 0)
#endif

/* The VMCS control was named for what it does in Linux 6.9. */
#ifndef SECONDARY_EXEC_ENABLE_XSAVES
#define SECONDARY_EXEC_ENABLE_XSAVES	SECONDARY_EXEC_XSAVES
#endif

/* Does the kernel take interrupts by FRED rather than by an IDT? Linux 6.9 and newer can. */
static inline bool phv_has_fred(void)
{
#ifdef X86_FEATURE_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

/*
 * An exit by #MC, with interrupts off. As in user space, so that what the guest alone has lost
 * is no reason to panic. For modules named kvm* only since Linux 6.19; the interrupt does as
 * much, but finds the kernel at fault.
 */
static inline void phv_machine_check(void)
{
#if defined(CONFIG_X86_MCE) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#else
	asm volatile("int $18" : : : "memory");
#endif
}

/*
 * A split lock of the guest's: what the host does about them, or false when it can't be told.
 * Process context. For modules named kvm* only since Linux 6.19.
 */
static inline bool phv_guest_split_lock(unsigned long ip)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	return handle_guest_split_lock(ip);
#else
	return false;
#endif
}

/* A signal of an eventfd is by one since Linux 6.8. */
static inline void phv_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd);
#else
	eventfd_signal(eventfd, 1);
#endif
}

/* A task that is being switched out: does it still want to run? */
static inline bool phv_task_is_runnable(struct task_struct *task)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return task_is_runnable(task);
#else
	return task->on_rq;
#endif
}

/* How long the current task has ever waited for a CPU, in ns; kernels need not count it. */
static inline u64 phv_run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

/*
 * The vector whose handler does nothing but count: the kernel has it for KVM's posted
 * interrupts, and only when KVM is built. 0 without it.
 */
#if defined(POSTED_INTR_VECTOR) && (IS_ENABLED(CONFIG_KVM) || defined(CONFIG_HAVE_KVM))
#define PHV_POSTED_VECTOR	POSTED_INTR_VECTOR
#else
#define PHV_POSTED_VECTOR	0
#endif

/* Interrupt a CPU. The APIC driver's functions became static calls in Linux 6.6. */
static inline void phv_send_ipi(int cpu, int vector)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	__apic_send_IPI_mask(cpumask_of(cpu), vector);
#else
	apic->send_IPI_mask(cpumask_of(cpu), vector);
#endif
}

/* One call took the place of two steps in Linux 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/*
 * How to look up pages for a guest: NUMA balancing sees the access, since Linux 6.6 by request
 * (before, always); and signals interrupt the wait for a page, since Linux 6.2 (before, only
 * deadly ones do).
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define PHV_FOLL_GUEST	FOLL_HONOR_NUMA_FAULT
#else
#define PHV_FOLL_GUEST	0
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define PHV_FOLL_INTERRUPTIBLE	FOLL_INTERRUPTIBLE
#else
#define PHV_FOLL_INTERRUPTIBLE	0
#endif

/* struct syscore took the place of struct syscore_ops in Linux 6.19, and in stable ones. */
#ifdef PHV_HAS_STRUCT_SYSCORE

#define PHV_DEFINE_SYSCORE(name, suspend_fn, resume_fn, shutdown_fn)	\
	static int name##_suspend(void *data) { return suspend_fn(); }	\
	static void name##_resume(void *data) { resume_fn(); }		\
	static void name##_shutdown(void *data) { shutdown_fn(); }	\
	static const struct syscore_ops name##_ops = {			\
		.suspend	= name##_suspend,			\
		.resume		= name##_resume,			\
		.shutdown	= name##_shutdown,			\
	};								\
	static struct syscore name = { .ops = &name##_ops }

static inline void phv_register_syscore(struct syscore *syscore)
{
	register_syscore(syscore);
}

static inline void phv_unregister_syscore(struct syscore *syscore)
{
	unregister_syscore(syscore);
}

#else

#define PHV_DEFINE_SYSCORE(name, suspend_fn, resume_fn, shutdown_fn)	\
	static struct syscore_ops name = {				\
		.suspend	= suspend_fn,				\
		.resume		= resume_fn,				\
		.shutdown	= shutdown_fn,				\
	}

static inline void phv_register_syscore(struct syscore_ops *syscore)
{
	register_syscore_ops(syscore);
}

static inline void phv_unregister_syscore(struct syscore_ops *syscore)
{
	unregister_syscore_ops(syscore);
}

#endif

/* Linux 6.6: a dump's request is a genl_info like others. A macro: few want <net/genetlink.h>. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define phv_genl_dump_attrs(cb)	(genl_info_dump(cb)->attrs)
#else
#define phv_genl_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif

#endif /* PHV_COMPAT_H */
