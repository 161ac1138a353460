/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU, as the rest of the module sees it.
 */
#ifndef PHV_VCPU_H
#define PHV_VCPU_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/types.h>

#include <asm/desc_defs.h>

#include <phv.h>

#include "ept/ept.h"
#include "memory.h"
#include "pv/pv.h"
#include "vmx/lapic.h"
#include "vmx/vmcs.h"

struct perf_areas;
struct phv_domain;

/* Registers by their encoding; RSP is in the VMCS, its slot here is unused. */
enum {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
	GPR_COUNT
};

/* Things for a vCPU to do before it enters the guest again: phv_vcpu.requests. */
#define VCPU_REQ_EVENT		0	/* look for interrupts and NMIs again */
#define VCPU_REQ_INIT		1	/* INIT arrived */
#define VCPU_REQ_SIPI		2	/* start-up IPI arrived: sipi_vector */
#define VCPU_REQ_HALTED		3	/* all vCPUs are halted: PHV_EXIT_HALTED */
#define VCPU_REQ_STOP		4	/* phv_vcpu.activity, .pv.op.down or the domain's state has changed */
#define VCPU_REQ_UP		5	/* VCPUOP_up */

/* phv_vcpu.mode: where the vCPU's thread is, for those who want to interrupt it. */
#define VCPU_OUTSIDE		0	/* will look at requests before it enters */
#define VCPU_IN_GUEST		1	/* entered or about to, interrupts off: send an IPI */

/* MSRs that both sides use, switched by software on the way to user space. */
enum {
	SHARED_STAR, SHARED_LSTAR, SHARED_FMASK,
	SHARED_KERNEL_GS_BASE, SHARED_TSC_AUX,
	SHARED_COUNT
};

/*
 * What protects a member:
 *	I	immutable after creation
 *	m	@mutex, that is, its thread in an ioctl
 *	a	atomic operations, from any context
 *	c	the CPU it is loaded on, interrupts off; or m while it is not loaded
 */
struct phv_vcpu {
	/* Known to vmx/entry.S; keep together and first. */
	unsigned long gpr[GPR_COUNT];	/* m */
	unsigned long host_rsp;		/* m: HOST_RSP as last written */
	u64 spec_ctrl;			/* m: guest's IA32_SPEC_CTRL */
	u32 enter_flags;		/* c: VMX_ENTER_*, see vmx/entry.h */

	/* What every entry and exit looks at. */
	u32 exit_reason;		/* m: as the VMCS has it */
	u32 exit_intr_info;		/* m: for exits by exception or NMI */
	int mode;			/* a */
	unsigned long requests;		/* a: VCPU_REQ_* */
	struct phv_domain *domain;	/* I */
	struct lapic lapic;		/* see vmx/lapic.h */
	struct ept_vcpu ept;		/* see ept/ept.h */

	/* VMCS */
	struct vmcs *vmcs;		/* I */
	void *msr_bitmap;		/* I */
	int cpu;			/* c: CPU the VMCS is active on, or -1 */
	struct list_head loaded;	/* c: vmcs.c's list of that CPU */
	int held_cpu;			/* m; read by anyone: CPU its thread keeps in VMX, or -1 */
	int last_cpu;			/* m: for the count of migrations */
	u16 vpid;			/* I: 0 without VPID */
	u32 proc_controls;		/* m: as in the VMCS */
	u32 proc2_controls;		/* m: as in the VMCS */
	u64 tsc_offset;			/* m; read by anyone: as in the VMCS */
	struct perf_areas *perf;	/* m: see vmx/perf.c */
	unsigned int perf_count;	/* m: MSRs in them, as in the VMCS */
	bool vpid_flush;		/* m: INVVPID before the next entry */
	bool settled;			/* m: all events are as the last entry had them */
	unsigned long host_cr3;		/* m: HOST_CR3 as last written */
	unsigned long host_cr4;		/* m: HOST_CR4 as last written */
	unsigned long host_fs_base;	/* m: as last written */

	/* State that is not in the VMCS while the guest does not run */
	u64 shared_msr[SHARED_COUNT];	/* m: guest's values */
	u64 host_msr[SHARED_COUNT];	/* m: the thread's, while guest's are loaded */
	bool shared_loaded;		/* m */
	u16 host_selectors;		/* m: all of the thread's or'ed, while @shared_loaded */
	u16 host_ds, host_es, host_fs;	/* m: each, unless that is 0 */
	u16 host_gs, host_ldt;		/* m: likewise */
	struct desc_ptr host_gdt;	/* c: GDTR of that CPU */
	u32 host_pkru;			/* m: the thread's, in the inner loop */
	void *xsave;			/* m: the area, standard format */
	u64 xcr0;			/* m */
	u64 cr2;			/* m */
	unsigned long dr[4];		/* m: DR0-DR3 while not loaded */
	unsigned long dr6;		/* m */
	u64 host_debugctl;		/* m: of the thread, in the inner loop */
	bool dr_loaded;			/* m: guest's DR0-DR3, DR6 are in the CPU */
	bool dr_active;			/* m: guest has breakpoints: load them each time */

	/* Events on their way */
	u32 activity;			/* m; read by anyone: PHV_ACTIVE… */
	int idle;			/* a: halted for good, see vcpu_set_idle() */
	u8 sipi_vector;			/* a */
	atomic_t nmi_pending;		/* a: 0 to 2 */
	struct {
		bool valid;
		u32 info;		/* VM-entry interruption information */
		u32 error;
		u32 length;
	} event;			/* m: to be injected next */
	u64 tsc_adjust;			/* m: IA32_TSC_ADJUST */
	u64 misc_enable;		/* m: IA32_MISC_ENABLE */
	u64 cstar;			/* m: IA32_CSTAR, which processors of Intel do not use */
	u64 bios_sign;			/* m: IA32_BIOS_SIGN_ID */

	struct memory_cache memory;	/* m: see memory_fast.c */
	struct pv_vcpu pv;		/* see pv/pv.h; for Xen domains */

	/* The thread */
	struct mutex mutex;		/* ioctls of the descriptor */
	struct pid __rcu *thread;	/* m: who ran it last, for directed yields */
	bool preempted;			/* m: the thread waits for a CPU */
	bool in_run;			/* m; read by anyone: the thread is in PHV_RUN */
	struct preempt_notifier preempt;/* m */
	struct rcuwait wait;		/* the thread, while it blocks in HLT */
	struct phv_run *run;		/* I: the page shared with user space */
	u8 io_pending;			/* m: IO_PENDING_*: an IN or INS waits for its data */
	u8 io_size;			/* m: of an IN, bytes */
	u32 id;				/* I: number and APIC identifier */

	struct phv_counters *counters;	/* m; read by anyone */
};

/*
 * Count, in the vCPU's thread: one of phv_vcpu.counters. A plain addition is quick, and whoever
 * reads meanwhile has the number from before or after it, for words do not tear.
 */
#define vcpu_count(counter)	data_race((counter)++)

static inline void vcpu_request(struct phv_vcpu *vcpu, unsigned int request)
{
	set_bit(request, &vcpu->requests);
}

/* vcpu.c */
long vcpu_create_ioctl(struct phv_domain *domain, unsigned long id);
void vcpu_destroy(struct phv_vcpu *vcpu);

/*
 * Make the vCPU's VMCS current on this CPU and keep it so, also across
 * preemption, until vcpu_put().  Process context, with vcpu->mutex held.
 * -EIO when VMX is off for good.
 */
int vcpu_load(struct phv_vcpu *vcpu);
void vcpu_put(struct phv_vcpu *vcpu);

/*
 * Make the vCPU look at its requests and interrupts soon: wakes it when it
 * blocks, makes it exit when it runs.  Any context.
 */
void vcpu_kick(struct phv_vcpu *vcpu);

/*
 * Wait, as in HLT, until @done or there is a request; what makes @done true must kick or
 * wake up the thread. @runstate is what the vCPU does meanwhile. Its thread, loaded; @done
 * must not sleep. 1, or -EINTR when a signal is pending.
 */
int vcpu_wait(struct phv_vcpu *vcpu, bool (*done)(struct phv_vcpu *vcpu), u32 runstate);

/* The vCPU's thread waits for a lock in the guest: let others run. Loaded. */
void vcpu_yield(struct phv_vcpu *vcpu);

/* The vCPU has been sent something that wakes it even with interrupts off. Any context. */
void vcpu_not_idle(struct phv_vcpu *vcpu);

/* vmx/event.c; these from any context */
void vcpu_nmi(struct phv_vcpu *vcpu);
void vcpu_init_signal(struct phv_vcpu *vcpu);
void vcpu_sipi(struct phv_vcpu *vcpu, u8 vector);

/* And these for the vCPU's own thread, loaded. */
void event_reset(struct phv_vcpu *vcpu, bool init);
void event_take_init(struct phv_vcpu *vcpu);
void event_take_sipi(struct phv_vcpu *vcpu);
bool event_deliverable(struct phv_vcpu *vcpu);
bool event_pending(struct phv_vcpu *vcpu);
bool event_interrupts_enabled(struct phv_vcpu *vcpu);
void event_recover(struct phv_vcpu *vcpu);
void event_take_back(struct phv_vcpu *vcpu);
void event_before_entry(struct phv_vcpu *vcpu);
void event_exception(struct phv_vcpu *vcpu, u8 vector);
void event_exception_error(struct phv_vcpu *vcpu, u8 vector, u32 error);

static inline void event_gp(struct phv_vcpu *vcpu)
{
	event_exception_error(vcpu, 13, 0);
}

static inline void event_ud(struct phv_vcpu *vcpu)
{
	event_exception(vcpu, 6);
}

/* A general register by its encoding; RSP is in the VMCS. Loaded. */
static inline unsigned long vcpu_gpr(struct phv_vcpu *vcpu, unsigned int reg)
{
	return reg == GPR_RSP ? vmcs_read(GUEST_RSP) : vcpu->gpr[reg];
}

static inline void vcpu_set_gpr(struct phv_vcpu *vcpu, unsigned int reg, unsigned long value)
{
	if (reg == GPR_RSP)
		vmcs_write(GUEST_RSP, value);
	else
		vcpu->gpr[reg] = value;
}

#endif /* PHV_VCPU_H */
