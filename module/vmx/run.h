/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running a vCPU on the CPU it is loaded on.
 */
#ifndef PHV_RUN_H
#define PHV_RUN_H

#include <linux/sched.h>
#include <linux/thread_info.h>

struct phv_vcpu;

#ifdef _TIF_NEED_RESCHED_LAZY
#define VCPU_TIF_RESCHED	(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)
#else
#define VCPU_TIF_RESCHED	_TIF_NEED_RESCHED
#endif

/* Does the kernel want this thread to schedule, or to go to user space? */
static inline bool vcpu_thread_has_work(void)
{
	return read_thread_flags() & (VCPU_TIF_RESCHED | _TIF_SIGPENDING |
				      _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME);
}

/* State that is not in the VMCS: FPU, debug registers, MSRs. */
int vmx_create_state(struct phv_vcpu *vcpu);
void vmx_destroy_state(struct phv_vcpu *vcpu);
unsigned int vmx_xsave_size(void);
u64 vmx_xfeatures(void);
u32 vmx_mxcsr_mask(void);
void vmx_set_xcr0(struct phv_vcpu *vcpu, u64 xcr0);
void vmx_reset_fpu(struct phv_vcpu *vcpu);
void vmx_load_dr(struct phv_vcpu *vcpu);
void vmx_dr_changed(struct phv_vcpu *vcpu, unsigned long dr7);

/* The vCPU has come to another CPU. Preemption off, loaded. */
void vmx_load_cpu(struct phv_vcpu *vcpu);

/* Run until something is not for the inner loop. Results as those of handlers. */
int vmx_run(struct phv_vcpu *vcpu);

/* The thread leaves for user space, or another thread gets the CPU. Preemption off. */
void vmx_put_host_state(struct phv_vcpu *vcpu);

void vmx_run_module_init(void);

#endif /* PHV_RUN_H */
