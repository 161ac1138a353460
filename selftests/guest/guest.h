/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guest code can use.
 *
 * A guest of these tests is a C function of the test program itself.  The
 * program's image and what vm_alloc() gives have the same address as host
 * virtual, guest-physical and guest-linear address, so both sides share every
 * global variable; a variable that the other side changes meanwhile is
 * accessed by READ_ONCE() and WRITE_ONCE().  Guest code must not call libc (but
 * memcpy(), memset() and memcmp() are our own), and has no floating point.
 *
 * Each vCPU has a block of memory, struct guest_cpu, with its stacks and
 * descriptor tables; this_cpu() finds it by the stack pointer.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define BIT(n)		(1ULL << (n))

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

#ifndef __weak
#define __weak		__attribute__((weak))
#endif

#ifndef __packed
#define __packed	__attribute__((packed))
#endif

#ifndef __aligned
#define __aligned(n)	__attribute__((aligned(n)))
#endif

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value)	__atomic_store_n(&(x), value, __ATOMIC_RELAXED)

static inline void barrier(void)
{
	asm volatile("" : : : "memory");
}

/* Ports by which a guest talks to vcpu_run(). */
#define GUEST_PORT_FIRST	0xf4
#define GUEST_PORT_DONE		0xf4
#define GUEST_PORT_FAIL		0xf5
#define GUEST_PORT_SYNC		0xf6
#define GUEST_PORT_COUNT	4

/* Exceptions. */
enum {
	VEC_DE = 0, VEC_DB = 1, VEC_NMI = 2, VEC_BP = 3, VEC_OF = 4, VEC_BR = 5,
	VEC_UD = 6, VEC_NM = 7, VEC_DF = 8, VEC_TS = 10, VEC_NP = 11,
	VEC_SS = 12, VEC_GP = 13, VEC_PF = 14, VEC_MF = 16, VEC_AC = 17,
	VEC_MC = 18, VEC_XM = 19,
	VEC_USER_RETURN = 0x30,		/* guest_user() comes back by it */
	NO_FAULT = -1
};

/* The GDT of every vCPU. */
#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_USER_CODE	0x1b
#define SEL_USER_DATA	0x23
#define SEL_CODE32	0x28
#define SEL_CODE16	0x30
#define SEL_DATA16	0x38
#define SEL_TSS		0x40
#define SEL_FREE	0x50		/* two descriptors for a test's use */
#define GDT_ENTRIES	12

/* Control register and MSR bits, by the names of the SDM. */
#define CR0_PE		BIT(0)
#define CR0_MP		BIT(1)
#define CR0_EM		BIT(2)
#define CR0_TS		BIT(3)
#define CR0_ET		BIT(4)
#define CR0_NE		BIT(5)
#define CR0_WP		BIT(16)
#define CR0_AM		BIT(18)
#define CR0_NW		BIT(29)
#define CR0_CD		BIT(30)
#define CR0_PG		BIT(31)

#define CR4_TSD		BIT(2)
#define CR4_DE		BIT(3)
#define CR4_PSE		BIT(4)
#define CR4_PAE		BIT(5)
#define CR4_PGE		BIT(7)
#define CR4_PCE		BIT(8)
#define CR4_OSFXSR	BIT(9)
#define CR4_OSXMMEXCPT	BIT(10)
#define CR4_UMIP	BIT(11)
#define CR4_LA57	BIT(12)
#define CR4_VMXE	BIT(13)
#define CR4_FSGSBASE	BIT(16)
#define CR4_PCIDE	BIT(17)
#define CR4_OSXSAVE	BIT(18)
#define CR4_SMEP	BIT(20)
#define CR4_SMAP	BIT(21)
#define CR4_PKE		BIT(22)
#define CR4_CET		BIT(23)

#define EFER_SCE	BIT(0)
#define EFER_LME	BIT(8)
#define EFER_LMA	BIT(10)
#define EFER_NXE	BIT(11)

#define RFLAGS_FIXED	BIT(1)
#define RFLAGS_TF	BIT(8)
#define RFLAGS_IF	BIT(9)
#define RFLAGS_RF	BIT(16)

#define PTE_PRESENT	BIT(0)
#define PTE_WRITE	BIT(1)
#define PTE_USER	BIT(2)
#define PTE_ACCESSED	BIT(5)
#define PTE_DIRTY	BIT(6)
#define PTE_LARGE	BIT(7)
#define PTE_GLOBAL	BIT(8)
#define PTE_NX		BIT(63)

#define MSR_TSC			0x10
#define MSR_APIC_BASE		0x1b
#define MSR_FEATURE_CONTROL	0x3a
#define MSR_TSC_ADJUST		0x3b
#define MSR_SPEC_CTRL		0x48
#define MSR_PRED_CMD		0x49
#define MSR_BIOS_SIGN_ID	0x8b
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_MISC_ENABLE		0x1a0
#define MSR_DEBUGCTL		0x1d9
#define MSR_PAT			0x277
#define MSR_VMX_BASIC		0x480
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_XSS			0xda0
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_FMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_AUX		0xc0000103

/* The registers of the local APIC, as MSRs: 0x800 + number. */
#define X2APIC_ID	0x02
#define X2APIC_TPR	0x08
#define X2APIC_EOI	0x0b
#define X2APIC_SVR	0x0f
#define X2APIC_ICR	0x30
#define X2APIC_SELF_IPI	0x3f

/**
 * struct guest_frame - what an exception or interrupt found in the registers
 * @vector: the vector
 * @error: its error code, 0 for those without
 */
struct guest_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rdi, rsi, rbp, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

/* An assertion that failed, for the host to print. */
struct guest_report {
	const char *file;
	const char *what;
	u32 line;
	bool has_values;
	u64 value[2];
};

/* SDM volume 3, figure 8-11. */
struct guest_tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 iomap_base;
} __packed;

struct guest_descriptor_table {
	u16 limit;
	u64 base;
} __packed;

#define GUEST_CPU_SIZE	0x8000

/**
 * struct guest_cpu - a vCPU's own memory, aligned to its size
 * @user_return: stack pointer to go on with when ring 3 is done; entry.S knows
 *	that it is the first member
 * @id: the vCPU's number
 * @fault: vector of the exception in the last guest_try(), or NO_FAULT
 * @fault_error: its error code
 * @fault_cr2: CR2 then
 * @report: of guest_assert()
 * @gdt: see SEL_*
 * @tss: its IST 1 is for double faults
 * @ist: stack of double faults
 * @user_stack: stack of ring 3
 * @stack: the stack
 */
struct guest_cpu {
	u64 user_return;
	u32 id;
	int fault;
	u64 fault_error;
	u64 fault_cr2;
	struct guest_report report;
	u64 gdt[GDT_ENTRIES];
	struct guest_tss tss;
	u8 ist[0x1000] __aligned(16);
	u8 user_stack[0x1000] __aligned(16);
	u8 stack[] __aligned(16);
};

static inline struct guest_cpu *this_cpu(void)
{
	u64 rsp;

	asm volatile("mov %%rsp, %0" : "=r" (rsp));
	return (struct guest_cpu *)(rsp & -GUEST_CPU_SIZE);
}

/* I/O ports */
static inline void out8(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a" (value), "Nd" (port) : "memory");
}

static inline void out16(u16 port, u16 value)
{
	asm volatile("outw %0, %1" : : "a" (value), "Nd" (port) : "memory");
}

static inline void out32(u16 port, u32 value)
{
	asm volatile("outl %0, %1" : : "a" (value), "Nd" (port) : "memory");
}

static inline u8 in8(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a" (value) : "Nd" (port) : "memory");
	return value;
}

static inline u16 in16(u16 port)
{
	u16 value;

	asm volatile("inw %1, %0" : "=a" (value) : "Nd" (port) : "memory");
	return value;
}

static inline u32 in32(u16 port)
{
	u32 value;

	asm volatile("inl %1, %0" : "=a" (value) : "Nd" (port) : "memory");
	return value;
}

/* Stop here: the host's vcpu_run() returns VCPU_SYNC with this in run->io.data. */
static inline void guest_sync(u32 value)
{
	out32(GUEST_PORT_SYNC, value);
}

/* The guest has done its work: VCPU_DONE. Also what returning from it does. */
static inline void guest_done(void)
{
	for (;;)
		out32(GUEST_PORT_DONE, 0);
}

/* guest.c: does not come back; the test fails with what is in @report. */
void guest_fail(const struct guest_report *report);

/* guest_assert - the test has failed if this is not true */
#define guest_assert(condition) do {					\
	if (!(condition)) {						\
		const struct guest_report report_ = {			\
			.file = __FILE__, .line = __LINE__,		\
			.what = #condition,				\
		};							\
									\
		guest_fail(&report_);					\
	}								\
} while (0)

/* guest_assert_eq - the test has failed if these are not equal; both are shown */
#define guest_assert_eq(a, b) do {					\
	const struct guest_report report_ = {				\
		.file = __FILE__, .line = __LINE__,			\
		.what = #a " == " #b, .has_values = true,		\
		.value = { (u64)(a), (u64)(b) },			\
	};								\
									\
	if (report_.value[0] != report_.value[1])			\
		guest_fail(&report_);					\
} while (0)

/*
 * guest_try - execute an instruction that may fault
 * @insn: one assembler instruction
 * @...: the outputs, inputs and clobbers of an asm statement
 *
 * Gives the vector of the exception it raised, or NO_FAULT; error code and CR2
 * are in this_cpu()->fault_error and fault_cr2.  For instructions whose
 * exceptions are faults: the saved RIP is the instruction's.
 */
#define guest_try(insn, ...) ({						\
	WRITE_ONCE(this_cpu()->fault, NO_FAULT);			\
	barrier();							\
	asm volatile("771: " insn "\n772:\n"				\
		     "\t.pushsection guest_fixup, \"a\"\n"		\
		     "\t.quad 771b, 772b\n"				\
		     "\t.popsection\n"					\
		     : __VA_ARGS__);					\
	barrier();							\
	READ_ONCE(this_cpu()->fault);					\
})

/*
 * What is called for a vector, in place of the fixups of guest_try(); one table
 * for all vCPUs.  An interrupt's handler signals its end to the APIC itself.
 */
typedef void (*guest_handler)(struct guest_frame *frame);

void guest_handle(u8 vector, guest_handler handler);

/* Call @function in ring 3, on a stack of its own. */
void guest_user(void (*function)(void));

/* CPU */
static inline void cpu_relax(void)
{
	asm volatile("pause" : : : "memory");
}

/* Wait for another vCPU; the host's time limit applies. */
#define wait_until(condition) do {					\
	while (!(condition))						\
		cpu_relax();						\
} while (0)

static inline void sti(void)
{
	asm volatile("sti" : : : "memory");
}

static inline void cli(void)
{
	asm volatile("cli" : : : "memory");
}

/* Interrupts on and wait for one, with nothing in between; off again after it. */
static inline void sti_hlt(void)
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid c;

	asm volatile("cpuid"
		     : "=a" (c.eax), "=b" (c.ebx), "=c" (c.ecx), "=d" (c.edx)
		     : "a" (leaf), "c" (subleaf));
	return c;
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (u64)high << 32 | low;
}

static inline u64 rdmsr(u32 msr)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a" (low), "=d" (high) : "c" (msr) : "memory");
	return (u64)high << 32 | low;
}

static inline void wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" : : "c" (msr), "a" ((u32)value),
		     "d" ((u32)(value >> 32)) : "memory");
}

/* These give the vector of the exception, or NO_FAULT. */
static inline int rdmsr_fault(u32 msr, u64 *value)
{
	u32 low = 0, high = 0;
	int fault = guest_try("rdmsr", "+a" (low), "+d" (high) : "c" (msr) : "memory");

	*value = (u64)high << 32 | low;
	return fault;
}

static inline int wrmsr_fault(u32 msr, u64 value)
{
	return guest_try("wrmsr", : "c" (msr), "a" ((u32)value),
			 "d" ((u32)(value >> 32)) : "memory");
}

static inline int xsetbv_fault(u32 index, u64 value)
{
	return guest_try("xsetbv", : "c" (index), "a" ((u32)value),
			 "d" ((u32)(value >> 32)) : "memory");
}

static inline u64 xgetbv(u32 index)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a" (low), "=d" (high) : "c" (index));
	return (u64)high << 32 | low;
}

/* read_cr0(), write_cr0(), write_cr0_fault() … for CR and DR registers. */
#define GUEST_REGISTER(name)						\
static inline u64 read_##name(void)					\
{									\
	u64 value;							\
									\
	asm volatile("mov %%" #name ", %0" : "=r" (value) : : "memory");	\
	return value;							\
}									\
static inline void write_##name(u64 value)				\
{									\
	asm volatile("mov %0, %%" #name : : "r" (value) : "memory");	\
}									\
static inline int write_##name##_fault(u64 value)			\
{									\
	return guest_try("mov %0, %%" #name, : "r" (value) : "memory");	\
}

GUEST_REGISTER(cr0)
GUEST_REGISTER(cr2)
GUEST_REGISTER(cr3)
GUEST_REGISTER(cr4)
GUEST_REGISTER(cr8)
GUEST_REGISTER(dr0)
GUEST_REGISTER(dr1)
GUEST_REGISTER(dr2)
GUEST_REGISTER(dr3)
GUEST_REGISTER(dr6)
GUEST_REGISTER(dr7)

static inline void flush_page(const void *address)
{
	asm volatile("invlpg (%0)" : : "r" (address) : "memory");
}

/* Hypercall with up to three arguments, 64-bit convention; returns RAX. */
static inline u64 hypercall(u64 number, u64 a, u64 b, u64 c)
{
	u64 ret;

	asm volatile("vmcall"
		     : "=a" (ret), "+D" (a), "+S" (b), "+d" (c)
		     : "a" (number) : "memory");
	return ret;
}

/* Local APIC in x2APIC mode */
static inline u64 x2apic_read(u32 reg)
{
	return rdmsr(0x800 + reg);
}

static inline void x2apic_write(u32 reg, u64 value)
{
	wrmsr(0x800 + reg, value);
}

static inline void x2apic_eoi(void)
{
	x2apic_write(X2APIC_EOI, 0);
}

/* Software-enable the APIC. */
static inline void x2apic_enable(void)
{
	x2apic_write(X2APIC_SVR, 0x1ff);
}

/* Interrupt command: @command is the low half of the ICR. */
static inline void x2apic_ipi(u32 apic_id, u32 command)
{
	x2apic_write(X2APIC_ICR, (u64)apic_id << 32 | command);
}

#endif /* GUEST_H */
