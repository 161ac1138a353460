// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_vcpu_op.
 *
 * What lives here: starting and stopping vCPUs, their timers, and where they want to have
 * their vcpu_info, runstate and time.
 *
 * A vCPU is down when it waits for a start-up IPI, has halted with interrupts off, or after
 * VCPUOP_down. INIT and start-up IPIs work whatever the reason.
 */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/processor-flags.h>
#include <xen/interface/xen.h>
#include <xen/interface/hvm/hvm_vcpu.h>
#include <xen/interface/sched.h>
#include <xen/interface/vcpu.h>

#include "domain.h"
#include "pv/area.h"
#include "pv/evtchn.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "vcpu.h"
#include "vmx/cr.h"
#include "vmx/state.h"

/* Younger than Linux's headers: see Xen's public/vcpu.h. Both take a struct with an address. */
#define VCPUOP_register_runstate_phys_area	14
#define VCPUOP_register_vcpu_time_phys_area	15

/* No more than this between two interrupts: what does not fit Xen's signed differences. */
#define PERIOD_MAX	BIT_ULL(55)

/* struct vcpu_set_singleshot_timer of 32-bit guests. */
struct compat_set_singleshot_timer {
	u64 timeout_abs_ns;
	u32 flags;
} __packed;

/*
 * Up and down
 */

static bool is_up(const struct phv_vcpu *vcpu)
{
	return !READ_ONCE(vcpu->idle) && !READ_ONCE(vcpu->pv.op.down);
}

/* VCPUOP_up: an initialised vCPU starts, one that is down goes on. */
static long go_up(struct phv_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->activity) == PHV_WAIT_FOR_SIPI && !READ_ONCE(vcpu->pv.op.start))
		return -EINVAL;
	WRITE_ONCE(vcpu->pv.op.down, false);
	vcpu_request(vcpu, VCPU_REQ_UP);
	vcpu_not_idle(vcpu);
	vcpu_kick(vcpu);
	return 0;
}

/* VCPUOP_down. When the last one goes down, so does the domain. */
static long go_down(struct phv_vcpu *vcpu)
{
	struct phv_domain *domain = vcpu->domain;
	unsigned int i;

	for (i = 0; i < PHV_MAX_VCPUS; i++) {
		struct phv_vcpu *other = domain_vcpu(domain, i);

		if (other && other != vcpu && is_up(other))
			break;
	}
	if (i == PHV_MAX_VCPUS) {
		sched_shutdown(domain, SHUTDOWN_poweroff, vcpu->id);
		return 0;
	}
	WRITE_ONCE(vcpu->pv.op.down, true);
	vcpu_request(vcpu, VCPU_REQ_STOP);
	vcpu_kick(vcpu);
	return 0;
}

static bool context_is_valid(struct phv_vcpu *vcpu, const struct vcpu_hvm_context *context)
{
	const struct vcpu_hvm_x86_32 *x86_32 = &context->cpu_regs.x86_32;
	const struct vcpu_hvm_x86_64 *x86_64 = &context->cpu_regs.x86_64;

	if (context->pad)
		return false;
	switch (context->mode) {
	case VCPU_HVM_MODE_32B:
		return !x86_32->pad1 && !memchr_inv(x86_32->pad2, 0, sizeof(x86_32->pad2)) &&
		       cr0_is_valid(x86_32->cr0) && !(x86_32->cr4 & ~cr4_allowed(vcpu)) &&
		       efer_is_valid(x86_32->efer) && x86_32->eip <= x86_32->cs_limit;
	case VCPU_HVM_MODE_64B:
		return cr0_is_valid(x86_64->cr0) && !(x86_64->cr4 & ~cr4_allowed(vcpu)) &&
		       efer_is_valid(x86_64->efer) && x86_64->efer & EFER_LMA;
	default:
		return false;
	}
}

static long initialise(struct hypercall *call, struct phv_vcpu *vcpu)
{
	struct vcpu_hvm_context *context;
	long ret;

	context = kzalloc(sizeof(*context), GFP_KERNEL_ACCOUNT);
	if (!context)
		return -ENOMEM;
	ret = hypercall_read(call, context, call->arg[2], sizeof(*context));
	if (!ret && !context_is_valid(vcpu, context))
		ret = -EINVAL;
	if (!ret && READ_ONCE(vcpu->activity) != PHV_WAIT_FOR_SIPI)
		ret = -EEXIST;
	if (!ret && cmpxchg(&vcpu->pv.op.start, NULL, context))
		ret = -EEXIST;
	if (ret)
		kfree(context);
	return ret;
}

/* Xen's access rights have no gap between bits 7 and 8, and are 0 for an unusable segment. */
static void set_segment(struct phv_segment *segment, u32 base, u32 limit, u16 ar)
{
	memset(segment, 0, sizeof(*segment));
	segment->base = base;
	segment->limit = limit;
	segment->access = ar ? (ar & 0xff) | (ar & 0xf00) << 4 : 0x10000;
}

/* With PAE paging, the processor would have loaded these with CR3. */
static void read_pdptes(struct phv_vcpu *vcpu, struct phv_control *control)
{
	memset(control->pdpte, 0, sizeof(control->pdpte));
	if ((control->cr0 & X86_CR0_PG) && (control->cr4 & X86_CR4_PAE) &&
	    !(control->efer & EFER_LMA))
		memory_read(vcpu->domain, control->cr3 & ~31ULL, control->pdpte,
			    sizeof(control->pdpte));
}

static void start_32(const struct vcpu_hvm_x86_32 *from, struct phv_regs *regs,
		     struct phv_control *control)
{
	struct phv_segment *segment = control->segment;

	regs->gpr[GPR_RAX] = from->eax;
	regs->gpr[GPR_RCX] = from->ecx;
	regs->gpr[GPR_RDX] = from->edx;
	regs->gpr[GPR_RBX] = from->ebx;
	regs->gpr[GPR_RSP] = from->esp;
	regs->gpr[GPR_RBP] = from->ebp;
	regs->gpr[GPR_RSI] = from->esi;
	regs->gpr[GPR_RDI] = from->edi;
	regs->rip = from->eip;
	regs->rflags = from->eflags;
	control->cr0 = from->cr0;
	control->cr3 = from->cr3;
	control->cr4 = from->cr4;
	control->efer = from->efer;
	set_segment(&segment[PHV_SEG_CS], from->cs_base, from->cs_limit, from->cs_ar);
	set_segment(&segment[PHV_SEG_DS], from->ds_base, from->ds_limit, from->ds_ar);
	set_segment(&segment[PHV_SEG_SS], from->ss_base, from->ss_limit, from->ss_ar);
	set_segment(&segment[PHV_SEG_ES], from->es_base, from->es_limit, from->es_ar);
	set_segment(&segment[PHV_SEG_TR], from->tr_base, from->tr_limit, from->tr_ar);
}

static void start_64(const struct vcpu_hvm_x86_64 *from, struct phv_regs *regs,
		     struct phv_control *control)
{
	struct phv_segment *segment = control->segment;

	regs->gpr[GPR_RAX] = from->rax;
	regs->gpr[GPR_RCX] = from->rcx;
	regs->gpr[GPR_RDX] = from->rdx;
	regs->gpr[GPR_RBX] = from->rbx;
	regs->gpr[GPR_RSP] = from->rsp;
	regs->gpr[GPR_RBP] = from->rbp;
	regs->gpr[GPR_RSI] = from->rsi;
	regs->gpr[GPR_RDI] = from->rdi;
	regs->rip = from->rip;
	regs->rflags = from->rflags;
	control->cr0 = from->cr0;
	control->cr3 = from->cr3;
	control->cr4 = from->cr4;
	control->efer = from->efer;
	set_segment(&segment[PHV_SEG_CS], 0, ~0U, 0xa9b);
	set_segment(&segment[PHV_SEG_DS], 0, ~0U, 0xc93);
	set_segment(&segment[PHV_SEG_SS], 0, ~0U, 0xc93);
	set_segment(&segment[PHV_SEG_ES], 0, ~0U, 0xc93);
	set_segment(&segment[PHV_SEG_TR], 0, 0x67, 0x8b);
}

/* Run as the context says. What it does not speak of is as after INIT; no GDT, no IDT. */
static void take_start(struct phv_vcpu *vcpu, const struct vcpu_hvm_context *context)
{
	struct phv_control control;
	struct phv_regs regs = { 0 };

	state_get_control(vcpu, &control);
	if (context->mode == VCPU_HVM_MODE_32B)
		start_32(&context->cpu_regs.x86_32, &regs, &control);
	else
		start_64(&context->cpu_regs.x86_64, &regs, &control);
	set_segment(&control.segment[PHV_SEG_FS], 0, ~0U, 0xc93);
	set_segment(&control.segment[PHV_SEG_GS], 0, ~0U, 0xc93);
	set_segment(&control.segment[PHV_SEG_LDTR], 0, 0, 0);
	control.gdt_limit = 0;
	control.idt_limit = 0;
	regs.rflags = (regs.rflags & STATE_RFLAGS) | X86_EFLAGS_FIXED;
	read_pdptes(vcpu, &control);

	/* It was found valid when it came, and means now what it meant then. */
	if (!state_set_control(vcpu, &control) && !state_set_regs(vcpu, &regs))
		WRITE_ONCE(vcpu->activity, PHV_ACTIVE);
}

void vcpu_op_take_up(struct phv_vcpu *vcpu)
{
	struct vcpu_hvm_context *start = xchg(&vcpu->pv.op.start, NULL);

	if (start && vcpu->activity == PHV_WAIT_FOR_SIPI)
		take_start(vcpu, start);
	else if (vcpu->activity == PHV_HALTED && !event_interrupts_enabled(vcpu))
		WRITE_ONCE(vcpu->activity, PHV_ACTIVE);
	kfree(start);
}

void vcpu_op_take_init(struct phv_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->pv.op.down, false);
	kfree(xchg(&vcpu->pv.op.start, NULL));
}

void vcpu_op_destroy(struct phv_vcpu *vcpu)
{
	kfree(vcpu->pv.op.start);
}

/*
 * Timers
 */

static long set_periodic(struct hypercall *call, struct phv_vcpu *vcpu)
{
	struct vcpu_set_periodic_timer arg;
	int ret;

	ret = hypercall_read(call, &arg, call->arg[2], sizeof(arg));
	if (ret)
		return ret;
	if (arg.period_ns < TIME_PERIOD_MIN || arg.period_ns > PERIOD_MAX)
		return -EINVAL;
	time_set_periodic(vcpu, arg.period_ns);
	return 0;
}

/* Everyone's own. In the inner loop: this is what idle guests do most. */
static long set_singleshot(struct hypercall *call)
{
	struct phv_vcpu *vcpu = call->vcpu;
	struct vcpu_set_singleshot_timer arg;
	size_t size = call->compat ? sizeof(struct compat_set_singleshot_timer) : sizeof(arg);
	int ret;

	ret = hypercall_read(call, &arg, call->arg[2], size);
	if (ret)
		return ret;
	if ((arg.flags & VCPU_SSHOTTMR_future) && arg.timeout_abs_ns < time_now(vcpu->domain))
		return -ETIME;
	time_set_singleshot(vcpu, arg.timeout_abs_ns);
	return 0;
}

/*
 * Places in the guest's memory
 */

static long register_info(struct hypercall *call, struct phv_vcpu *vcpu)
{
	struct vcpu_register_vcpu_info arg;
	int ret;

	ret = hypercall_read(call, &arg, call->arg[2], sizeof(arg));
	if (ret)
		return ret;
	ret = evtchn_register_vcpu_info(vcpu, arg.mfn, arg.offset);
	if (!ret)
		time_update_vcpu(vcpu);
	return ret;
}

/* The address that these calls point to: linear, of the caller's width; 0 for no area. */
static int pin_linear(struct hypercall *call, unsigned int size, struct pv_area **area)
{
	u64 gva = 0;
	int ret;

	*area = NULL;
	ret = hypercall_read(call, &gva, call->arg[2], call->compat ? sizeof(u32) : sizeof(u64));
	if (ret || !gva)
		return ret;
	ret = pv_area_pin_gva(call, gva, size, area);
	return ret == -EINVAL ? -EFAULT : ret;
}

/* Guest-physical, always 64 bits, within a page; all ones for no area. */
static int pin_physical(struct hypercall *call, unsigned int size, struct pv_area **area)
{
	unsigned int align = call->compat ? sizeof(u32) : sizeof(u64);
	u64 gpa;
	int ret;

	*area = NULL;
	ret = hypercall_read(call, &gpa, call->arg[2], sizeof(gpa));
	if (ret || !~gpa)
		return ret;
	if (offset_in_page(gpa) + size > PAGE_SIZE || !IS_ALIGNED(gpa, align))
		return -ENXIO;
	return pv_area_pin_gpa(call->vcpu->domain, gpa, size, area);
}

typedef int (*pin_function)(struct hypercall *call, unsigned int size, struct pv_area **area);

static long register_runstate(struct hypercall *call, struct phv_vcpu *vcpu, pin_function pin)
{
	struct pv_area *area;
	int ret;

	ret = pin(call, runstate_size(call->compat), &area);
	if (!ret)
		runstate_set_area(vcpu, area, call->compat);
	return ret;
}

static long register_time(struct hypercall *call, struct phv_vcpu *vcpu, pin_function pin)
{
	struct pv_area *area;
	int ret;

	ret = pin(call, sizeof(struct pvclock_vcpu_time_info), &area);
	if (!ret)
		time_set_area(vcpu, area);
	return ret;
}

static long get_runstate(struct hypercall *call, struct phv_vcpu *vcpu)
{
	u8 info[RUNSTATE_INFO_MAX];
	unsigned int size = runstate_get(vcpu, call->compat, info);

	return hypercall_write(call, call->arg[2], info, size);
}

static long send_nmi(struct hypercall *call, struct phv_vcpu *vcpu)
{
	if (call->arg[2])
		return -EINVAL;
	vcpu_nmi(vcpu);
	return 0;
}

/* What may run in the inner loop. */
static long vcpu_op_fast(struct hypercall *call, struct phv_vcpu *vcpu)
{
	switch ((u32)call->arg[0]) {
	case VCPUOP_set_singleshot_timer:
		return vcpu == call->vcpu ? set_singleshot(call) : -EINVAL;
	case VCPUOP_stop_singleshot_timer:
		if (vcpu != call->vcpu)
			return -EINVAL;
		time_stop_singleshot(vcpu);
		return 0;
	case VCPUOP_is_up:
		return is_up(vcpu);
	case VCPUOP_get_runstate_info:
		return get_runstate(call, vcpu);
	default:
		return HYPERCALL_SLOW;
	}
}

static long vcpu_op_slow(struct hypercall *call, struct phv_vcpu *vcpu)
{
	switch ((u32)call->arg[0]) {
	case VCPUOP_initialise:
		return initialise(call, vcpu);
	case VCPUOP_up:
		return go_up(vcpu);
	case VCPUOP_down:
		return go_down(vcpu);
	case VCPUOP_register_runstate_memory_area:
		return register_runstate(call, vcpu, pin_linear);
	case VCPUOP_set_periodic_timer:
		return set_periodic(call, vcpu);
	case VCPUOP_stop_periodic_timer:
		time_set_periodic(vcpu, 0);
		return 0;
	case VCPUOP_register_vcpu_info:
		return register_info(call, vcpu);
	case VCPUOP_send_nmi:
		return send_nmi(call, vcpu);
	case VCPUOP_get_physid:
		/* Only for a hardware domain with pinned vCPUs. */
		return -EINVAL;
	case VCPUOP_register_vcpu_time_memory_area:
		return register_time(call, vcpu, pin_linear);
	case VCPUOP_register_runstate_phys_area:
		return register_runstate(call, vcpu, pin_physical);
	case VCPUOP_register_vcpu_time_phys_area:
		return register_time(call, vcpu, pin_physical);
	default:
		return -ENOSYS;
	}
}

/**
 * hypercall_vcpu_op - HYPERVISOR_vcpu_op
 * @call: VCPUOP_*, number of a vCPU of the domain, pointer to its structure
 *
 * Return: 0, 1 for a vCPU that is up; -ENOENT when there is no such vCPU; -EFAULT; -EINVAL
 * for bad members, for a singleshot timer that is not the caller's, and for a vCPU that was
 * not initialised; -EEXIST for one that was; -ETIME; -ENXIO for an area that leaves its page;
 * -ENOMEM; -ENOSYS. Context: timers, is_up and get_runstate_info in the inner loop.
 */
long hypercall_vcpu_op(struct hypercall *call)
{
	struct phv_vcpu *vcpu = NULL;
	long ret;

	if (call->arg[1] <= U32_MAX)
		vcpu = domain_vcpu(call->vcpu->domain, call->arg[1]);
	if (!vcpu)
		return -ENOENT;
	ret = vcpu_op_fast(call, vcpu);
	if (ret == HYPERCALL_SLOW && !call->fast)
		ret = vcpu_op_slow(call, vcpu);
	return ret;
}
