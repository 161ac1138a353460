// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains and vCPUs for tests: memory, page tables, initial state, running.
 * The interface is vm.h.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "entry.h"
#include "vm.h"

#define PAGE_SIZE	0x1000UL
#define LARGE_SIZE	0x200000UL

static u8 *ram_next;

void *vm_alloc(size_t size, size_t align)
{
	u8 *memory;

	if (!ram_next) {
		ram_next = mmap((void *)VM_RAM, VM_RAM_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
				-1, 0);
		if (ram_next != (void *)VM_RAM)
			test_fail("memory for guests: %m");
	}
	memory = (u8 *)(((u64)ram_next + align - 1) & -align);
	if (memory + size > (u8 *)VM_RAM + VM_RAM_SIZE)
		test_fail("memory for guests: VM_RAM_SIZE is too small");
	ram_next = memory + size;
	return memory;
}

/* Page tables */

static u64 *new_table(void)
{
	return vm_alloc(PAGE_SIZE, PAGE_SIZE);
}

#define TABLE_FLAGS	(PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
#define LEAF_FLAGS	(TABLE_FLAGS | PTE_DIRTY)
#define PTE_ADDRESS	0x000ffffffffff000UL

u64 *vm_map(enum vm_mode mode, u64 cr3, u64 address, u64 target, u64 size,
	    u64 flags)
{
	u64 *table = (u64 *)cr3, *entry;
	unsigned int shift = mode == VM_LONG57 ? 48 : 39;

	for (;; shift -= 9) {
		entry = &table[address >> shift & 511];
		if (1UL << shift == size)
			break;
		if (!*entry)
			*entry = (u64)new_table() | TABLE_FLAGS;
		table = (u64 *)(*entry & PTE_ADDRESS);
	}
	*entry = target | flags | (size > PAGE_SIZE ? PTE_LARGE : 0);
	return entry;
}

/* Four page directories that map the first 4 GiB, @tables points to them. */
static void fill_pae_table(u64 *table, u64 flags)
{
	u64 *directory, i;

	for (i = 0; i < 4; i++)
		table[i] = (u64)new_table() | flags;
	for (i = 0; i < 2048; i++) {
		directory = (u64 *)(table[i / 512] & PTE_ADDRESS);
		directory[i % 512] = i * LARGE_SIZE | PTE_LARGE | LEAF_FLAGS;
	}
}

static u64 long_tables(unsigned int levels)
{
	u64 *top = new_table(), *table = top;

	for (; levels > 3; levels--) {
		table[0] = (u64)new_table() | TABLE_FLAGS;
		table = (u64 *)(table[0] & PTE_ADDRESS);
	}
	fill_pae_table(table, TABLE_FLAGS);
	return (u64)top;
}

/* The entries of a page directory pointer table have less bits. */
static u64 pae_tables(void)
{
	u64 *top = new_table();

	fill_pae_table(top, PTE_PRESENT);
	return (u64)top;
}

/* 4 MiB pages */
static u64 legacy_tables(void)
{
	u32 *directory = (u32 *)new_table();
	unsigned int i;

	for (i = 0; i < 1024; i++)
		directory[i] = i << 22 | PTE_LARGE | LEAF_FLAGS;
	return (u64)directory;
}

u64 vm_page_tables(enum vm_mode mode)
{
	switch (mode) {
	case VM_LONG:
		return long_tables(4);
	case VM_LONG57:
		return long_tables(5);
	case VM_PAE:
		return pae_tables();
	case VM_PAGED:
		return legacy_tables();
	default:
		return 0;
	}
}

/* They don't change, so all domains share one set for each mode. */
static u64 shared_tables(enum vm_mode mode)
{
	static u64 cr3[VM_MODES];

	if (!cr3[mode])
		cr3[mode] = vm_page_tables(mode);
	return cr3[mode];
}

/* Domains */

const struct backend *backend_default(void)
{
	const char *name = getenv("GUEST_BACKEND");

	return name && !strcmp(name, "kvm") ? &backend_kvm : &backend_phv;
}

static struct vm *vm_open(const struct backend *backend)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int ret;

	vm->backend = backend;
	ret = backend->open(vm);
	if (ret)
		test_fail("%s: creating a domain: %s", backend->name,
			  strerror(-ret));
	return vm;
}

struct vm *vm_create_empty(void)
{
	return vm_open(backend_default());
}

static int set_memory(struct vm *vm, unsigned long request, u64 guest_addr,
		      u64 size, void *addr, u32 flags)
{
	const struct phv_memory memory = {
		.guest_addr = guest_addr,
		.size = size,
		.user_addr = (u64)addr,
		.flags = flags,
	};

	return vm_ioctl(vm, request, &memory);
}

int vm_add_memory(struct vm *vm, u64 guest_addr, u64 size, void *addr, u32 flags)
{
	return set_memory(vm, PHV_ADD_MEMORY, guest_addr, size, addr, flags);
}

int vm_remove_memory(struct vm *vm, u64 guest_addr, u64 size, void *addr)
{
	return set_memory(vm, PHV_REMOVE_MEMORY, guest_addr, size, addr, 0);
}

int vm_set_ports(struct vm *vm, u32 first, u32 count, u32 action, int eventfd)
{
	const struct phv_ports ports = {
		.first = first,
		.count = count,
		.action = action,
		.eventfd = eventfd,
	};

	return vm_ioctl(vm, PHV_SET_PORTS, &ports);
}

void vm_add_image(struct vm *vm)
{
	u64 start = (u64)__executable_start & -PAGE_SIZE;
	u64 end = ((u64)_end + PAGE_SIZE - 1) & -PAGE_SIZE;

	check_eq(vm_add_memory(vm, start, end - start, (void *)start, 0), 0);
}

struct vm *vm_create_on(const struct backend *backend)
{
	struct vm *vm = vm_open(backend);

	vm->low = mmap(NULL, VM_LOW_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->low == MAP_FAILED)
		test_fail("low memory: %m");
	vm_alloc(0, 1);
	check_eq(vm_add_memory(vm, 0, VM_LOW_SIZE, vm->low, 0), 0);
	check_eq(vm_add_memory(vm, VM_RAM, VM_RAM_SIZE, (void *)VM_RAM, 0), 0);
	vm_add_image(vm);
	check_eq(vm_set_ports(vm, GUEST_PORT_FIRST, GUEST_PORT_COUNT,
			      PHV_PORTS_USER, -1), 0);
	return vm;
}

struct vm *vm_create(void)
{
	return vm_create_on(backend_default());
}

void vm_destroy(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < PHV_MAX_VCPUS; i++) {
		if (!vm->vcpus[i])
			continue;
		vm->backend->vcpu_close(vm->vcpus[i]);
		free(vm->vcpus[i]);
	}
	vm->backend->close(vm);
	if (vm->low)
		munmap(vm->low, VM_LOW_SIZE);
	free(vm);
}

void vm_load_low(struct vm *vm, u32 guest_addr, const void *start, const void *end)
{
	check(guest_addr + (end - start) <= VM_LOW_SIZE);
	memcpy(vm->low + guest_addr, start, end - start);
}

/* The state of vCPUs */

#define GDT_CODE64	0x00af9b000000ffffUL
#define GDT_CODE32	0x00cf9b000000ffffUL
#define GDT_CODE16	0x00009b000000ffffUL
#define GDT_DATA	0x00cf93000000ffffUL
#define GDT_DATA16	0x000093000000ffffUL
#define GDT_DPL3	0x0000600000000000UL

/* Access rights as the VMCS has them. */
#define ACCESS_CODE64	0xa09b
#define ACCESS_CODE32	0xc09b
#define ACCESS_CODE16	0x009b
#define ACCESS_DATA	0xc093
#define ACCESS_DATA16	0x0093
#define ACCESS_TSS	0x008b
#define ACCESS_UNUSABLE	0x10000

static void fill_gdt(struct guest_cpu *cpu)
{
	u64 base = (u64)&cpu->tss, limit = sizeof(cpu->tss) - 1;

	cpu->gdt[SEL_CODE64 / 8] = GDT_CODE64;
	cpu->gdt[SEL_DATA / 8] = GDT_DATA;
	cpu->gdt[SEL_USER_CODE / 8] = GDT_CODE64 | GDT_DPL3;
	cpu->gdt[SEL_USER_DATA / 8] = GDT_DATA | GDT_DPL3;
	cpu->gdt[SEL_CODE32 / 8] = GDT_CODE32;
	cpu->gdt[SEL_CODE16 / 8] = GDT_CODE16;
	cpu->gdt[SEL_DATA16 / 8] = GDT_DATA16;
	cpu->gdt[SEL_TSS / 8] = limit | (base & 0xffffff) << 16 |
				(u64)ACCESS_TSS << 40 | (base >> 24 & 0xff) << 56;
	cpu->gdt[SEL_TSS / 8 + 1] = base >> 32;
}

static struct guest_cpu *new_guest_cpu(u32 id)
{
	struct guest_cpu *cpu = vm_alloc(GUEST_CPU_SIZE, GUEST_CPU_SIZE);

	cpu->id = id;
	cpu->tss.ist[0] = (u64)cpu->ist + sizeof(cpu->ist);
	cpu->tss.iomap_base = sizeof(cpu->tss);
	fill_gdt(cpu);
	return cpu;
}

/* One IDT for all vCPUs: interrupt gates (SDM volume 3, figure 6-8). */
static u64 (*shared_idt(void))[2]
{
	static u64 (*idt)[2];
	unsigned int i;

	if (idt)
		return idt;
	idt = vm_alloc(256 * sizeof(*idt), PAGE_SIZE);
	for (i = 0; i < 256; i++) {
		u64 target = (u64)(i == VEC_USER_RETURN ? guest_user_return :
							  guest_stubs[i]);
		u64 dpl = i == VEC_USER_RETURN || i == VEC_BP || i == VEC_OF ? 3 : 0;
		u64 ist = i == VEC_DF ? 1 : 0;

		idt[i][0] = (target & 0xffff) | SEL_CODE64 << 16 | ist << 32 |
			    0xeUL << 40 | dpl << 45 | 1UL << 47 |
			    (target >> 16 & 0xffff) << 48;
		idt[i][1] = target >> 32;
	}
	return idt;
}

static u64 stack_top(const struct vcpu *vcpu)
{
	return (u64)vcpu->cpu + GUEST_CPU_SIZE;
}

static void set_segment(struct phv_control *control, unsigned int first,
			unsigned int last, u16 selector, u64 base, u32 limit,
			u32 access)
{
	const struct phv_segment segment = {
		.base = base,
		.limit = limit,
		.access = access,
		.selector = selector,
	};
	unsigned int i;

	for (i = first; i <= last; i++)
		control->segment[i] = segment;
}

static void set_flat_segments(struct phv_control *control,
			      const struct vcpu *vcpu, bool code64)
{
	set_segment(control, PHV_SEG_ES, PHV_SEG_GS, SEL_DATA, 0, ~0, ACCESS_DATA);
	set_segment(control, PHV_SEG_CS, PHV_SEG_CS,
		    code64 ? SEL_CODE64 : SEL_CODE32, 0, ~0,
		    code64 ? ACCESS_CODE64 : ACCESS_CODE32);
	set_segment(control, PHV_SEG_TR, PHV_SEG_TR, SEL_TSS, (u64)&vcpu->cpu->tss,
		    sizeof(vcpu->cpu->tss) - 1, ACCESS_TSS);
	control->gdt_base = (u64)vcpu->cpu->gdt;
	control->gdt_limit = sizeof(vcpu->cpu->gdt) - 1;
}

static void set_real_segments(struct phv_control *control, u64 address)
{
	set_segment(control, PHV_SEG_ES, PHV_SEG_GS, 0, 0, 0xffff, ACCESS_DATA16);
	set_segment(control, PHV_SEG_CS, PHV_SEG_CS, address >> 4,
		    address & ~15UL, 0xffff, ACCESS_CODE16);
	set_segment(control, PHV_SEG_TR, PHV_SEG_TR, 0, 0, 0xffff, ACCESS_TSS);
	control->gdt_base = 0;
	control->gdt_limit = 0xffff;
	control->idt_base = 0;
	control->idt_limit = 0x3ff;
}

static void set_mode(struct phv_control *control, enum vm_mode mode)
{
	static const struct {
		u64 cr0, cr4, efer;
	} modes[VM_MODES] = {
		[VM_LONG]	= { CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA },
		[VM_LONG57]	= { CR0_PE | CR0_PG, CR4_PAE | CR4_LA57,
				    EFER_LME | EFER_LMA },
		[VM_PAE]	= { CR0_PE | CR0_PG, CR4_PAE, 0 },
		[VM_PAGED]	= { CR0_PE | CR0_PG, CR4_PSE, 0 },
		[VM_PROTECTED]	= { CR0_PE, 0, 0 },
		[VM_REAL]	= { 0, 0, 0 },
	};

	control->cr0 = modes[mode].cr0 | CR0_ET | CR0_NE;
	control->cr4 = modes[mode].cr4;
	control->efer = modes[mode].efer;
	control->cr3 = shared_tables(mode);
	if (mode == VM_PAE)
		memcpy(control->pdpte, (void *)control->cr3, sizeof(control->pdpte));
}

void vcpu_enter(struct vcpu *vcpu, enum vm_mode mode, u64 address)
{
	struct phv_regs regs = { .rflags = RFLAGS_FIXED };
	struct phv_control control;

	vcpu_get_control(vcpu, &control);
	set_mode(&control, mode);
	control.idt_base = (u64)shared_idt();
	control.idt_limit = mode <= VM_LONG57 ? 256 * 16 - 1 : 0;
	set_segment(&control, PHV_SEG_LDTR, PHV_SEG_LDTR, 0, 0, 0, ACCESS_UNUSABLE);
	if (mode == VM_REAL) {
		set_real_segments(&control, address);
		regs.rip = address & 15;
	} else {
		set_flat_segments(&control, vcpu, mode <= VM_LONG57);
		regs.rip = address;
		regs.gpr[RSP] = stack_top(vcpu);
	}
	vcpu_set_control(vcpu, &control);
	vcpu_set_regs(vcpu, &regs);
}

void vcpu_call_at(struct vcpu *vcpu, u64 function, u64 arg)
{
	struct phv_regs regs;

	vcpu_enter(vcpu, VM_LONG, (u64)guest_start);
	vcpu_get_regs(vcpu, &regs);
	regs.gpr[RSI] = function;
	regs.gpr[RDI] = arg;
	vcpu_set_regs(vcpu, &regs);
}

/* A vCPU other than 0 would wait for a start-up IPI. */
static void vcpu_activate(struct vcpu *vcpu)
{
	struct phv_events events;

	vcpu_get_events(vcpu, &events);
	events.activity = PHV_ACTIVE;
	vcpu_set_events(vcpu, &events);
}

struct vcpu *vcpu_create(struct vm *vm, u32 id)
{
	struct vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int ret;

	vcpu->vm = vm;
	vcpu->id = id;
	ret = vm->backend->vcpu_open(vcpu);
	if (ret)
		test_fail("%s: creating vCPU %u: %s", vm->backend->name, id,
			  strerror(-ret));
	vcpu->cpu = new_guest_cpu(id);
	vm->vcpus[id] = vcpu;
	return vcpu;
}

struct vcpu *vm_add_guest_at(struct vm *vm, u32 id, u64 function, u64 arg)
{
	struct vcpu *vcpu = vcpu_create(vm, id);

	vcpu_call_at(vcpu, function, arg);
	vcpu_activate(vcpu);
	return vcpu;
}

struct vcpu *vm_with_guest_at(u64 function, u64 arg)
{
	return vm_add_guest_at(vm_create(), 0, function, arg);
}

/* Running */

static void report_guest_failure(const struct vcpu *vcpu)
{
	const struct guest_report *report = &vcpu->cpu->report;

	if (!report->file)
		test_fail("vCPU %u: the guest says it failed", vcpu->id);
	if (report->has_values)
		test_fail("vCPU %u: guest: %s:%u: %s: %#llx, %#llx", vcpu->id,
			  report->file, report->line, report->what,
			  report->value[0], report->value[1]);
	test_fail("vCPU %u: guest: %s:%u: %s", vcpu->id, report->file,
		  report->line, report->what);
}

int vcpu_run(struct vcpu *vcpu)
{
	const struct phv_run *run = vcpu->run;
	int ret;

	do {
		ret = vcpu_ioctl(vcpu, PHV_RUN, 0);
	} while (ret == -EINTR && !run->immediate_exit);
	if (ret < 0)
		return ret;
	if (run->exit_reason != PHV_EXIT_IO || !run->io.write)
		return run->exit_reason;

	switch (run->io.port) {
	case GUEST_PORT_DONE:
		return VCPU_DONE;
	case GUEST_PORT_SYNC:
		return VCPU_SYNC;
	case GUEST_PORT_FAIL:
		report_guest_failure(vcpu);
	}
	return PHV_EXIT_IO;
}

static const char *reason_name(int reason, char *buffer, size_t size)
{
	static const char *const names[] = {
		"none", "interrupted", "I/O", "memory", "halted", "shutdown",
		"entry failed", "unhandled exit", "Xen shutdown", "Xen console",
		"Xen release",
	};

	if (reason == VCPU_DONE)
		return "done";
	if (reason == VCPU_SYNC)
		return "sync";
	if (reason < 0)
		return strerror(-reason);
	if ((unsigned int)reason < ARRAY_SIZE(names))
		return names[reason];
	snprintf(buffer, size, "%d", reason);
	return buffer;
}

static void describe_exit(const struct phv_run *run, int reason, char *buffer,
			  size_t size)
{
	switch (reason) {
	case PHV_EXIT_IO:
		snprintf(buffer, size, "; %s port %#x size %u data %#x",
			 run->io.write ? "OUT" : "IN", run->io.port,
			 run->io.size, run->io.data);
		break;
	case -EFAULT:
	case PHV_EXIT_MEMORY:
		snprintf(buffer, size, "; address %#llx access %#x",
			 run->memory.guest_addr, run->memory.access);
		break;
	case PHV_EXIT_ENTRY_FAILED:
	case PHV_EXIT_UNHANDLED:
		snprintf(buffer, size, "; reason %#x error %u qualification %#llx",
			 run->entry.reason, run->entry.error,
			 run->entry.qualification);
		break;
	default:
		*buffer = '\0';
	}
}

void vcpu_expect(struct vcpu *vcpu, int reason)
{
	char got[24], wanted[24], detail[96];
	int result = vcpu_run(vcpu);
	struct phv_regs regs;

	if (result == reason)
		return;
	describe_exit(vcpu->run, result, detail, sizeof(detail));
	vcpu_get_regs(vcpu, &regs);
	test_fail("vCPU %u: %s instead of %s at RIP %#llx%s", vcpu->id,
		  reason_name(result, got, sizeof(got)),
		  reason_name(reason, wanted, sizeof(wanted)), regs.rip, detail);
}

static void *vcpu_thread(void *arg)
{
	vcpu_finish(arg);
	return NULL;
}

void vcpu_start(struct vcpu *vcpu)
{
	check_eq(pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu), 0);
}

void vcpu_join(struct vcpu *vcpu)
{
	check_eq(pthread_join(vcpu->thread, NULL), 0);
}

void vcpu_wait_blocked(struct vcpu *vcpu)
{
	struct phv_counters counters = { .blocked = 0 };

	if (vcpu->vm->backend != &backend_phv) {
		usleep(20000);		/* KVM does not say */
		return;
	}
	while (!counters.blocked) {
		sched_yield();
		vcpu_get_counters(vcpu, &counters);
	}
}

/* State */

/* Defines a function that calls an ioctl which must not fail. */
#define VCPU_STATE(name, request, type)					\
void vcpu_##name(struct vcpu *vcpu, type *arg)				\
{									\
	check_eq(vcpu_ioctl(vcpu, request, arg), 0);			\
}

VCPU_STATE(get_regs, PHV_GET_REGS, struct phv_regs)
VCPU_STATE(set_regs, PHV_SET_REGS, const struct phv_regs)
VCPU_STATE(get_control, PHV_GET_CONTROL, struct phv_control)
VCPU_STATE(set_control, PHV_SET_CONTROL, const struct phv_control)
VCPU_STATE(get_events, PHV_GET_EVENTS, struct phv_events)
VCPU_STATE(set_events, PHV_SET_EVENTS, const struct phv_events)
VCPU_STATE(get_counters, PHV_GET_COUNTERS, struct phv_counters)

static u64 one_msr(struct vcpu *vcpu, unsigned long request, u32 index, u64 value)
{
	struct phv_msr msr = { .index = index, .value = value };
	const struct phv_msrs msrs = { .count = 1, .entries = (u64)&msr };

	if (vcpu_ioctl(vcpu, request, &msrs) != 1)
		test_fail("MSR %#x cannot be accessed", index);
	return msr.value;
}

u64 vcpu_get_msr(struct vcpu *vcpu, u32 index)
{
	return one_msr(vcpu, PHV_GET_MSRS, index, 0);
}

void vcpu_set_msr(struct vcpu *vcpu, u32 index, u64 value)
{
	one_msr(vcpu, PHV_SET_MSRS, index, value);
}
