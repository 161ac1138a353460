// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing a vCPU's state from user space.
 *
 * What lives here: the ioctls, and the check of what they bring. What one
 * register says about another is left to the processor's checks at VM entry, as
 * far as those cover it.
 */
#include <linux/capability.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "domain.h"
#include "vcpu.h"
#include "vmx/cr.h"
#include "vmx/exit.h"
#include "vmx/run.h"
#include "vmx/state.h"
#include "vmx/vmx.h"

static int get_regs(struct phv_vcpu *vcpu, void *buf)
{
	struct phv_regs *regs = buf;
	unsigned int i;

	for (i = 0; i < GPR_COUNT; i++)
		regs->gpr[i] = vcpu_gpr(vcpu, i);
	regs->rip = vmcs_read(GUEST_RIP);
	regs->rflags = vmcs_read(GUEST_RFLAGS);
	return 0;
}

int state_set_regs(struct phv_vcpu *vcpu, const struct phv_regs *regs)
{
	unsigned int i;

	if (regs->rflags & ~(u64)STATE_RFLAGS || !(regs->rflags & X86_EFLAGS_FIXED))
		return -EINVAL;
	for (i = 0; i < GPR_COUNT; i++)
		vcpu_set_gpr(vcpu, i, regs->gpr[i]);
	vmcs_write(GUEST_RIP, regs->rip);
	vmcs_write(GUEST_RFLAGS, regs->rflags);
	/* What was to be read into the old RAX is not for the new one. */
	vcpu->io_pending = 0;
	return 0;
}

static int set_regs(struct phv_vcpu *vcpu, void *buf)
{
	return state_set_regs(vcpu, buf);
}

/* The VMCS's fields of segment n are n steps of two behind those of ES. */
static void get_segment(unsigned int n, struct phv_segment *segment)
{
	segment->selector = vmcs_read(GUEST_ES_SELECTOR + n * 2);
	segment->base = vmcs_read(GUEST_ES_BASE + n * 2);
	segment->limit = vmcs_read(GUEST_ES_LIMIT + n * 2);
	segment->access = vmcs_read(GUEST_ES_AR_BYTES + n * 2);
}

static void set_segment(unsigned int n, const struct phv_segment *segment)
{
	vmcs_write(GUEST_ES_SELECTOR + n * 2, segment->selector);
	vmcs_write(GUEST_ES_BASE + n * 2, segment->base);
	vmcs_write(GUEST_ES_LIMIT + n * 2, segment->limit);
	vmcs_write(GUEST_ES_AR_BYTES + n * 2, segment->access);
}

void state_get_control(struct phv_vcpu *vcpu, struct phv_control *control)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(control->segment); i++)
		get_segment(i, &control->segment[i]);
	control->gdt_base = vmcs_read(GUEST_GDTR_BASE);
	control->gdt_limit = vmcs_read(GUEST_GDTR_LIMIT);
	control->idt_base = vmcs_read(GUEST_IDTR_BASE);
	control->idt_limit = vmcs_read(GUEST_IDTR_LIMIT);
	control->cr0 = cr0_read();
	control->cr2 = vcpu->cr2;
	control->cr3 = vmcs_read(GUEST_CR3);
	control->cr4 = cr4_read(vcpu);
	control->cr8 = lapic_cr8(vcpu);
	control->efer = vmcs_read(GUEST_IA32_EFER);
	control->apic_base = vcpu->lapic.base;
	control->xcr0 = vcpu->xcr0;
	for (i = 0; i < 4; i++) {
		control->dr[i] = vcpu->dr[i];
		control->pdpte[i] = vmcs_read(GUEST_PDPTR0 + i * 2);
	}
	control->dr6 = vcpu->dr6;
	control->dr7 = vmcs_read(GUEST_DR7);
}

static int get_control(struct phv_vcpu *vcpu, void *buf)
{
	state_get_control(vcpu, buf);
	return 0;
}

static bool segments_are_valid(const struct phv_control *control)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(control->segment); i++)
		if (memchr_inv(control->segment[i].reserved, 0,
			       sizeof(control->segment[i].reserved)) ||
		    upper_16_bits(control->segment[i].access) & ~1)
			return false;
	return true;
}

static bool control_is_valid(struct phv_vcpu *vcpu, const struct phv_control *control)
{
	if (!segments_are_valid(control) ||
	    memchr_inv(control->reserved, 0, sizeof(control->reserved)))
		return false;
	if (!cr0_is_valid(control->cr0) || control->cr4 & ~cr4_allowed(vcpu) ||
	    control->cr8 > 15 || !efer_is_valid(control->efer))
		return false;
	if (upper_32_bits(control->dr6) || upper_32_bits(control->dr7) ||
	    control->gdt_limit > 0xffff || control->idt_limit > 0xffff)
		return false;
	if (control->xcr0 != vcpu->xcr0 && !xcr0_is_valid(vcpu, control->xcr0))
		return false;
	return true;
}

int state_set_control(struct phv_vcpu *vcpu, const struct phv_control *control)
{
	unsigned int i;

	if (!control_is_valid(vcpu, control))
		return -EINVAL;
	if (control->apic_base != vcpu->lapic.base &&
	    lapic_set_base(vcpu, control->apic_base))
		return -EINVAL;

	for (i = 0; i < ARRAY_SIZE(control->segment); i++)
		set_segment(i, &control->segment[i]);
	vmcs_write_rare(GUEST_GDTR_BASE, control->gdt_base);
	vmcs_write_rare(GUEST_GDTR_LIMIT, control->gdt_limit);
	vmcs_write_rare(GUEST_IDTR_BASE, control->idt_base);
	vmcs_write_rare(GUEST_IDTR_LIMIT, control->idt_limit);
	cr0_write(vcpu, control->cr0);
	vcpu->cr2 = control->cr2;
	vmcs_write_rare(GUEST_CR3, control->cr3);
	cr4_write(vcpu, control->cr4);
	lapic_set_cr8(vcpu, control->cr8);
	efer_write(vcpu, control->efer);
	vcpu->xcr0 = control->xcr0;
	for (i = 0; i < 4; i++) {
		vcpu->dr[i] = control->dr[i];
		vmcs_write_rare(GUEST_PDPTR0 + i * 2, control->pdpte[i]);
	}
	/* Bits that are always 1, and those always 0 (SDM volume 3, 18.2). */
	vcpu->dr6 = (control->dr6 & (DR_TRAP_BITS | 0xe000)) | DR6_RESERVED;
	vmcs_write_rare(GUEST_DR7, (control->dr7 & 0xffff2bff) | 0x400);
	vmx_dr_changed(vcpu, control->dr7);
	vcpu->vpid_flush = true;
	return 0;
}

static int set_control(struct phv_vcpu *vcpu, void *buf)
{
	return state_set_control(vcpu, buf);
}

static int get_lapic(struct phv_vcpu *vcpu, void *buf)
{
	lapic_get_state(vcpu, buf);
	return 0;
}

static int set_lapic(struct phv_vcpu *vcpu, void *buf)
{
	const struct phv_lapic *lapic = buf;

	if (memchr_inv(lapic->reserved, 0, sizeof(lapic->reserved)))
		return -EINVAL;
	return lapic_set_state(vcpu, lapic);
}

#define INTERRUPTIBILITY	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS | GUEST_INTR_STATE_NMI)

static int get_events(struct phv_vcpu *vcpu, void *buf)
{
	struct phv_events *events = buf;

	events->activity = vcpu->activity;
	events->interruptibility = vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & INTERRUPTIBILITY;
	events->nmi_pending = atomic_read(&vcpu->nmi_pending);
	events->exception_valid = vcpu->event.valid;
	if (vcpu->event.valid) {
		events->exception = vcpu->event.info;
		events->exception_error = vcpu->event.error;
		events->exception_length = vcpu->event.length;
	}
	return 0;
}

/* The processor checks the rest (SDM volume 3, 27.2.1.3), and says so in PHV_RUN. */
static bool event_is_valid(const struct phv_events *events)
{
	const u32 defined = INTR_INFO_VECTOR_MASK | INTR_INFO_INTR_TYPE_MASK |
			    INTR_INFO_DELIVER_CODE_MASK | INTR_INFO_VALID_MASK;

	if (!events->exception_valid)
		return !events->exception && !events->exception_error &&
		       !events->exception_length;
	return !(events->exception & ~defined) && (events->exception & INTR_INFO_VALID_MASK) &&
	       events->exception_length <= 15;
}

static int set_events(struct phv_vcpu *vcpu, void *buf)
{
	const struct phv_events *events = buf;

	if (events->activity > PHV_SHUTDOWN || events->interruptibility & ~INTERRUPTIBILITY ||
	    events->nmi_pending > 2 || events->exception_valid > 1 || !event_is_valid(events) ||
	    memchr_inv(events->reserved, 0, sizeof(events->reserved)))
		return -EINVAL;
	WRITE_ONCE(vcpu->activity, events->activity);
	if (events->activity == PHV_ACTIVE || events->nmi_pending)
		vcpu_not_idle(vcpu);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, events->interruptibility);
	atomic_set(&vcpu->nmi_pending, events->nmi_pending);
	vcpu->event.valid = events->exception_valid;
	vcpu->event.info = events->exception;
	vcpu->event.error = events->exception_error;
	vcpu->event.length = events->exception_length;
	return 0;
}

/*
 * Host state and the addresses of what the controls point to are what an attacker would like
 * to know of the kernel. (Bits 11:10 of an encoding are the type, 14:13 the width.)
 */
static bool field_is_secret(u32 field)
{
	u32 type = field >> 10 & 3, width = field >> 13 & 3;

	return type == 3 || (type == 0 && width == 1);
}

static int get_field(u32 field, u64 *value)
{
	bool failed;

	if (field_is_secret(field) && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	/* With a fault, which is the end of VMX, CF stays 1. */
	asm volatile("stc\n"
		     "1: vmread %[field], %[value]\n"
		     "2:\n\t"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %[value])
		     : [value] "=r" (*value), "=@ccbe" (failed)
		     : [field] "r" ((unsigned long)field));
	return failed ? -EINVAL : 0;
}

static int access_entry(struct phv_vcpu *vcpu, unsigned int cmd, struct phv_msr *entry)
{
	switch (cmd) {
	case PHV_GET_MSRS:
		return msr_read(vcpu, entry->index, &entry->value);
	case PHV_SET_MSRS:
		return msr_write(vcpu, entry->index, entry->value, true);
	default:
		return get_field(entry->index, &entry->value);
	}
}

#define MSRS_MAX	256

/* Returns how many went well, or an errno when none could be tried. */
static long msrs_ioctl(struct phv_vcpu *vcpu, unsigned int cmd, const void __user *uarg)
{
	struct phv_msr __user *uentries;
	struct phv_msr entry;
	struct phv_msrs arg;
	u32 i;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved || arg.count > MSRS_MAX)
		return -EINVAL;
	uentries = u64_to_user_ptr(arg.entries);
	for (i = 0; i < arg.count; i++) {
		if (copy_from_user(&entry, &uentries[i], sizeof(entry)))
			return -EFAULT;
		if (entry.reserved)
			return -EINVAL;
		if (access_entry(vcpu, cmd, &entry))
			break;
		if (cmd != PHV_SET_MSRS && copy_to_user(&uentries[i], &entry, sizeof(entry)))
			return -EFAULT;
	}
	return i;
}

static long get_xsave(struct phv_vcpu *vcpu, void __user *uarg)
{
	struct phv_xsave arg;
	u32 room;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved)
		return -EINVAL;
	room = arg.size;
	arg.size = vmx_xsave_size();
	if (copy_to_user(uarg, &arg, sizeof(arg)))
		return -EFAULT;
	if (room < arg.size)
		return -E2BIG;
	return copy_to_user(u64_to_user_ptr(arg.area), vcpu->xsave, arg.size) ? -EFAULT : 0;
}

/* What XRSTOR would fault on (SDM volume 1, 13.8.1). */
static bool xsave_is_valid(const void *area)
{
	const struct fxregs_state *fx = area;
	const u64 *header = area + sizeof(*fx);

	if (fx->mxcsr & ~vmx_mxcsr_mask())
		return false;
	if (!vmx_xfeatures())
		return true;
	return !(header[0] & ~vmx_xfeatures()) && !header[1] && !memchr_inv(&header[2], 0, 48);
}

static long set_xsave(struct phv_vcpu *vcpu, const void __user *uarg)
{
	struct phv_xsave arg;
	void *area;
	long ret = 0;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved || arg.size != vmx_xsave_size())
		return -EINVAL;
	area = memdup_user(u64_to_user_ptr(arg.area), arg.size);
	if (IS_ERR(area))
		return PTR_ERR(area);
	if (xsave_is_valid(area))
		memcpy(vcpu->xsave, area, arg.size);
	else
		ret = -EINVAL;
	kfree(area);
	return ret;
}

/* Ioctls that copy one struct in one direction. */
static const struct {
	unsigned int cmd;
	int (*get)(struct phv_vcpu *vcpu, void *buf);
	int (*set)(struct phv_vcpu *vcpu, void *buf);
} state_ioctls[] = {
	{ PHV_GET_REGS,		.get = get_regs },
	{ PHV_SET_REGS,		.set = set_regs },
	{ PHV_GET_CONTROL,	.get = get_control },
	{ PHV_SET_CONTROL,	.set = set_control },
	{ PHV_GET_LAPIC,	.get = get_lapic },
	{ PHV_SET_LAPIC,	.set = set_lapic },
	{ PHV_GET_EVENTS,	.get = get_events },
	{ PHV_SET_EVENTS,	.set = set_events },
};

static long copied_ioctl(struct phv_vcpu *vcpu, unsigned int i, void __user *uarg)
{
	size_t size = _IOC_SIZE(state_ioctls[i].cmd);
	void *buf;
	long ret;

	if (state_ioctls[i].get)
		buf = kzalloc(size, GFP_KERNEL_ACCOUNT) ?: ERR_PTR(-ENOMEM);
	else
		buf = memdup_user(uarg, size);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	ret = vcpu_load(vcpu);
	if (ret)
		goto free;
	if (state_ioctls[i].get)
		ret = state_ioctls[i].get(vcpu, buf);
	else
		ret = state_ioctls[i].set(vcpu, buf);
	vcpu_put(vcpu);
	if (!ret && state_ioctls[i].get && copy_to_user(uarg, buf, size))
		ret = -EFAULT;
free:
	kfree(buf);
	return ret;
}

static long loaded_msrs_ioctl(struct phv_vcpu *vcpu, unsigned int cmd, const void __user *uarg)
{
	long ret = vcpu_load(vcpu);

	if (ret)
		return ret;
	ret = msrs_ioctl(vcpu, cmd, uarg);
	vcpu_put(vcpu);
	return ret;
}

long vcpu_state_ioctl(struct phv_vcpu *vcpu, unsigned int cmd, void __user *uarg)
{
	unsigned int i;

	switch (cmd) {
	case PHV_GET_MSRS:
	case PHV_SET_MSRS:
	case PHV_GET_VMCS:
		return loaded_msrs_ioctl(vcpu, cmd, uarg);
	case PHV_GET_XSAVE:
		return get_xsave(vcpu, uarg);
	case PHV_SET_XSAVE:
		return set_xsave(vcpu, uarg);
	}
	for (i = 0; i < ARRAY_SIZE(state_ioctls); i++)
		if (state_ioctls[i].cmd == cmd)
			return copied_ioctl(vcpu, i, uarg);
	return -ENOTTY;
}
