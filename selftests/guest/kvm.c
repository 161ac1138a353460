// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests with a guest on KVM: phv's ioctls answered by KVM's.
 *
 * For benchmarks, and to see whether a test and not the module is wrong. Has
 * what most tests need; an ioctl that it lacks skips the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define MAX_CPUID	128
#define MAX_MSRS	16
#define RUN_SIZE	0x1000

struct kvm_domain {
	int device;
	u32 slots;
	u32 run_size;
	u8 user_ports[0x10000];		/* PHV_PORTS_USER */
};

static int errno_of(long ret)
{
	return ret < 0 ? -errno : ret;
}

static int kvm_open(struct vm *vm)
{
	struct kvm_domain *domain = calloc(1, sizeof(*domain));

	vm->private = domain;
	domain->device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (domain->device < 0)
		return -errno;
	domain->run_size = ioctl(domain->device, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm->fd = ioctl(domain->device, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return -errno;
	return errno_of(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0));
}

static void kvm_close(struct vm *vm)
{
	struct kvm_domain *domain = vm->private;

	close(vm->fd);
	close(domain->device);
	free(domain);
}

static int kvm_add_memory(struct vm *vm, const struct phv_memory *memory)
{
	struct kvm_domain *domain = vm->private;
	struct kvm_userspace_memory_region region = {
		.slot = domain->slots++,
		.guest_phys_addr = memory->guest_addr,
		.memory_size = memory->size,
		.userspace_addr = memory->user_addr,
	};

	if (memory->flags & PHV_MEMORY_READONLY)
		region.flags |= KVM_MEM_READONLY;
	return errno_of(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region));
}

static int kvm_set_ports(struct vm *vm, const struct phv_ports *ports)
{
	struct kvm_domain *domain = vm->private;

	if (ports->action == PHV_PORTS_DOORBELL)
		test_skip("the KVM backend has no doorbells");
	memset(domain->user_ports + ports->first,
	       ports->action == PHV_PORTS_USER, ports->count);
	return 0;
}

static long kvm_vm_ioctl(struct vm *vm, unsigned long request, unsigned long arg)
{
	switch (request) {
	case PHV_ADD_MEMORY:
		return kvm_add_memory(vm, (void *)arg);
	case PHV_SET_PORTS:
		return kvm_set_ports(vm, (void *)arg);
	}
	test_skip("the KVM backend has no domain ioctl %#lx", request);
}

/* What KVM supports, with the vCPU's number as its APIC identifier. */
static int kvm_set_cpuid(struct vcpu *vcpu)
{
	struct kvm_domain *domain = vcpu->vm->private;
	struct kvm_cpuid2 *cpuid;
	int ret;
	u32 i;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	cpuid->nent = MAX_CPUID;
	ret = ioctl(domain->device, KVM_GET_SUPPORTED_CPUID, cpuid);
	for (i = 0; !ret && i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function == 1) {
			entry->ebx = (entry->ebx & 0xffffff) | vcpu->id << 24;
			entry->ecx &= ~BIT(5);	/* no VMX, as on phv */
		}
		if (entry->function == 0xb || entry->function == 0x1f)
			entry->edx = vcpu->id;
	}
	if (!ret)
		ret = ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid);
	ret = errno_of(ret);
	free(cpuid);
	return ret;
}

/* vcpu->private is the struct kvm_run. */
static int kvm_vcpu_open(struct vcpu *vcpu)
{
	struct kvm_domain *domain = vcpu->vm->private;

	vcpu->fd = ioctl(vcpu->vm->fd, KVM_CREATE_VCPU, vcpu->id);
	if (vcpu->fd < 0)
		return -errno;
	vcpu->private = mmap(NULL, domain->run_size, PROT_READ | PROT_WRITE,
			     MAP_SHARED, vcpu->fd, 0);
	if (vcpu->private == MAP_FAILED)
		return -errno;
	vcpu->run = aligned_alloc(RUN_SIZE, RUN_SIZE);
	memset(vcpu->run, 0, RUN_SIZE);
	return kvm_set_cpuid(vcpu);
}

static void kvm_vcpu_close(struct vcpu *vcpu)
{
	struct kvm_domain *domain = vcpu->vm->private;

	free(vcpu->run);
	munmap(vcpu->private, domain->run_size);
	close(vcpu->fd);
}

/* 0 for user space; 1 for a port that is not its own: all ones, on with it */
static int kvm_exit_io(struct vcpu *vcpu, struct kvm_run *kvm)
{
	struct kvm_domain *domain = vcpu->vm->private;
	void *data = (u8 *)kvm + kvm->io.data_offset;
	struct phv_run *run = vcpu->run;

	if (!domain->user_ports[kvm->io.port]) {
		if (kvm->io.direction == KVM_EXIT_IO_IN)
			memset(data, 0xff, kvm->io.size * kvm->io.count);
		return 1;
	}
	run->exit_reason = PHV_EXIT_IO;
	run->io.port = kvm->io.port;
	run->io.size = kvm->io.size;
	run->io.write = kvm->io.direction == KVM_EXIT_IO_OUT;
	if (run->io.write) {
		run->io.data = 0;
		memcpy(&run->io.data, data, kvm->io.size);
	}
	return 0;
}

static int kvm_exit(struct vcpu *vcpu, struct kvm_run *kvm)
{
	struct phv_run *run = vcpu->run;

	switch (kvm->exit_reason) {
	case KVM_EXIT_IO:
		return kvm_exit_io(vcpu, kvm);
	case KVM_EXIT_MMIO:
		run->exit_reason = PHV_EXIT_MEMORY;
		run->memory.guest_addr = kvm->mmio.phys_addr;
		run->memory.access = kvm->mmio.is_write ? PHV_ACCESS_WRITE :
							  PHV_ACCESS_READ;
		return 0;
	case KVM_EXIT_SHUTDOWN:
		run->exit_reason = PHV_EXIT_SHUTDOWN;
		return 0;
	case KVM_EXIT_FAIL_ENTRY:
		run->exit_reason = PHV_EXIT_ENTRY_FAILED;
		run->entry.reason = kvm->fail_entry.hardware_entry_failure_reason;
		return 0;
	default:
		run->exit_reason = PHV_EXIT_UNHANDLED;
		run->entry.reason = kvm->exit_reason;
		return 0;
	}
}

static int kvm_run(struct vcpu *vcpu)
{
	struct kvm_run *kvm = vcpu->private;
	struct phv_run *run = vcpu->run;

	if (run->exit_reason == PHV_EXIT_IO && !run->io.write)
		memcpy((u8 *)kvm + kvm->io.data_offset, &run->io.data,
		       kvm->io.size);
	do {
		kvm->immediate_exit = run->immediate_exit;
		if (ioctl(vcpu->fd, KVM_RUN, 0)) {
			run->exit_reason = PHV_EXIT_INTR;
			return -errno;
		}
	} while (kvm_exit(vcpu, kvm));
	return 0;
}

static int kvm_regs(struct vcpu *vcpu, struct phv_regs *regs, bool set)
{
	struct kvm_regs kvm;
	struct {
		u64 *phv;
		__u64 *kvm;
	} map[] = {
		{ &regs->gpr[RAX], &kvm.rax }, { &regs->gpr[RCX], &kvm.rcx },
		{ &regs->gpr[RDX], &kvm.rdx }, { &regs->gpr[RBX], &kvm.rbx },
		{ &regs->gpr[RSP], &kvm.rsp }, { &regs->gpr[RBP], &kvm.rbp },
		{ &regs->gpr[RSI], &kvm.rsi }, { &regs->gpr[RDI], &kvm.rdi },
		{ &regs->gpr[R8], &kvm.r8 }, { &regs->gpr[R9], &kvm.r9 },
		{ &regs->gpr[R10], &kvm.r10 }, { &regs->gpr[R11], &kvm.r11 },
		{ &regs->gpr[R12], &kvm.r12 }, { &regs->gpr[R13], &kvm.r13 },
		{ &regs->gpr[R14], &kvm.r14 }, { &regs->gpr[R15], &kvm.r15 },
		{ &regs->rip, &kvm.rip }, { &regs->rflags, &kvm.rflags },
	};
	unsigned int i;

	if (!set && ioctl(vcpu->fd, KVM_GET_REGS, &kvm))
		return -errno;
	for (i = 0; i < ARRAY_SIZE(map); i++) {
		if (set)
			*map[i].kvm = *map[i].phv;
		else
			*map[i].phv = *map[i].kvm;
	}
	return set ? errno_of(ioctl(vcpu->fd, KVM_SET_REGS, &kvm)) : 0;
}

static struct phv_segment segment_from_kvm(const struct kvm_segment *kvm)
{
	return (struct phv_segment) {
		.base = kvm->base,
		.limit = kvm->limit,
		.selector = kvm->selector,
		.access = kvm->type | kvm->s << 4 | kvm->dpl << 5 |
			  kvm->present << 7 | kvm->avl << 12 | kvm->l << 13 |
			  kvm->db << 14 | kvm->g << 15 | kvm->unusable << 16,
	};
}

static struct kvm_segment segment_to_kvm(const struct phv_segment *phv)
{
	return (struct kvm_segment) {
		.base = phv->base,
		.limit = phv->limit,
		.selector = phv->selector,
		.type = phv->access & 15,
		.s = phv->access >> 4 & 1,
		.dpl = phv->access >> 5 & 3,
		.present = phv->access >> 7 & 1,
		.avl = phv->access >> 12 & 1,
		.l = phv->access >> 13 & 1,
		.db = phv->access >> 14 & 1,
		.g = phv->access >> 15 & 1,
		.unusable = phv->access >> 16 & 1,
	};
}

/* In the order of PHV_SEG_*. */
static void segments(struct kvm_sregs *sregs, struct kvm_segment *segment[8])
{
	segment[PHV_SEG_ES] = &sregs->es;
	segment[PHV_SEG_CS] = &sregs->cs;
	segment[PHV_SEG_SS] = &sregs->ss;
	segment[PHV_SEG_DS] = &sregs->ds;
	segment[PHV_SEG_FS] = &sregs->fs;
	segment[PHV_SEG_GS] = &sregs->gs;
	segment[PHV_SEG_LDTR] = &sregs->ldt;
	segment[PHV_SEG_TR] = &sregs->tr;
}

static int kvm_get_control(struct vcpu *vcpu, struct phv_control *control)
{
	struct kvm_segment *segment[8];
	struct kvm_debugregs debug;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs;
	unsigned int i;

	memset(control, 0, sizeof(*control));
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) ||
	    ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs) ||
	    ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &debug))
		return -errno;
	segments(&sregs, segment);
	for (i = 0; i < 8; i++)
		control->segment[i] = segment_from_kvm(segment[i]);
	control->gdt_base = sregs.gdt.base;
	control->gdt_limit = sregs.gdt.limit;
	control->idt_base = sregs.idt.base;
	control->idt_limit = sregs.idt.limit;
	control->cr0 = sregs.cr0;
	control->cr2 = sregs.cr2;
	control->cr3 = sregs.cr3;
	control->cr4 = sregs.cr4;
	control->cr8 = sregs.cr8;
	control->efer = sregs.efer;
	control->apic_base = sregs.apic_base | BIT(10);
	control->xcr0 = xcrs.xcrs[0].value;
	memcpy(control->dr, debug.db, sizeof(control->dr));
	control->dr6 = debug.dr6;
	control->dr7 = debug.dr7;
	return 0;
}

static int kvm_set_control(struct vcpu *vcpu, const struct phv_control *control)
{
	struct kvm_segment *segment[8];
	struct kvm_debugregs debug = { .dr6 = control->dr6, .dr7 = control->dr7 };
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = control->xcr0 };
	unsigned int i;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	segments(&sregs, segment);
	for (i = 0; i < 8; i++)
		*segment[i] = segment_to_kvm(&control->segment[i]);
	sregs.gdt.base = control->gdt_base;
	sregs.gdt.limit = control->gdt_limit;
	sregs.idt.base = control->idt_base;
	sregs.idt.limit = control->idt_limit;
	sregs.cr0 = control->cr0;
	sregs.cr2 = control->cr2;
	sregs.cr3 = control->cr3;
	sregs.cr4 = control->cr4;
	sregs.cr8 = control->cr8;
	sregs.efer = control->efer;
	sregs.apic_base = control->apic_base;
	memcpy(debug.db, control->dr, sizeof(debug.db));
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs) ||
	    ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &debug))
		return -errno;
	return 0;
}

static long kvm_msrs(struct vcpu *vcpu, const struct phv_msrs *msrs,
		     unsigned long request)
{
	struct phv_msr *entry = (struct phv_msr *)msrs->entries;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[MAX_MSRS];
	} kvm = { .head.nmsrs = msrs->count };
	long ret;
	u32 i;

	check(msrs->count <= MAX_MSRS);
	for (i = 0; i < msrs->count; i++) {
		kvm.entries[i].index = entry[i].index;
		kvm.entries[i].data = entry[i].value;
	}
	ret = ioctl(vcpu->fd, request, &kvm);
	for (i = 0; i < msrs->count; i++)
		entry[i].value = kvm.entries[i].data;
	return errno_of(ret);
}

static int kvm_get_events(struct vcpu *vcpu, struct phv_events *events)
{
	struct kvm_vcpu_events kvm;
	struct kvm_mp_state mp;

	memset(events, 0, sizeof(*events));
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &kvm) ||
	    ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp))
		return -errno;
	events->activity = mp.mp_state == KVM_MP_STATE_RUNNABLE ? PHV_ACTIVE :
			   mp.mp_state == KVM_MP_STATE_HALTED ? PHV_HALTED :
								PHV_WAIT_FOR_SIPI;
	events->interruptibility =
		(kvm.interrupt.shadow & KVM_X86_SHADOW_INT_STI ? BIT(0) : 0) |
		(kvm.interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS ? BIT(1) : 0) |
		(kvm.nmi.masked ? BIT(3) : 0);
	events->nmi_pending = kvm.nmi.pending;
	return 0;
}

static int kvm_set_events(struct vcpu *vcpu, const struct phv_events *events)
{
	static const u32 states[] = {
		[PHV_ACTIVE]		= KVM_MP_STATE_RUNNABLE,
		[PHV_HALTED]		= KVM_MP_STATE_HALTED,
		[PHV_WAIT_FOR_SIPI]	= KVM_MP_STATE_INIT_RECEIVED,
		[PHV_SHUTDOWN]		= KVM_MP_STATE_STOPPED,
	};
	struct kvm_mp_state mp = { .mp_state = states[events->activity] };

	return errno_of(ioctl(vcpu->fd, KVM_SET_MP_STATE, &mp));
}

/* By way of an MSI, which waits for no KVM_RUN; @data says vector and mode. */
static int kvm_interrupt(struct vcpu *vcpu, u32 data)
{
	struct kvm_msi msi = {
		.address_lo = 0xfee00000 | vcpu->id << 12,
		.data = data,
	};

	return ioctl(vcpu->vm->fd, KVM_SIGNAL_MSI, &msi) < 0 ? -errno : 0;
}

static long kvm_vcpu_ioctl(struct vcpu *vcpu, unsigned long request,
			   unsigned long arg)
{
	switch (request) {
	case PHV_RUN:
		return kvm_run(vcpu);
	case PHV_GET_REGS:
		return kvm_regs(vcpu, (void *)arg, false);
	case PHV_SET_REGS:
		return kvm_regs(vcpu, (void *)arg, true);
	case PHV_GET_CONTROL:
		return kvm_get_control(vcpu, (void *)arg);
	case PHV_SET_CONTROL:
		return kvm_set_control(vcpu, (void *)arg);
	case PHV_GET_MSRS:
		return kvm_msrs(vcpu, (void *)arg, KVM_GET_MSRS);
	case PHV_SET_MSRS:
		return kvm_msrs(vcpu, (void *)arg, KVM_SET_MSRS);
	case PHV_GET_EVENTS:
		return kvm_get_events(vcpu, (void *)arg);
	case PHV_SET_EVENTS:
		return kvm_set_events(vcpu, (void *)arg);
	case PHV_INTERRUPT:
		return kvm_interrupt(vcpu, arg);
	case PHV_NMI:
		return kvm_interrupt(vcpu, 4 << 8);
	}
	test_skip("the KVM backend has no vCPU ioctl %#lx", request);
}

const struct backend backend_kvm = {
	.name		= "kvm",
	.open		= kvm_open,
	.vm_ioctl	= kvm_vm_ioctl,
	.vcpu_ioctl	= kvm_vcpu_ioctl,
	.vcpu_open	= kvm_vcpu_open,
	.vcpu_close	= kvm_vcpu_close,
	.close		= kvm_close,
};
