/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of debug.c.
 */
#define MSR_APIC_BASE		0x1b
#define MSR_TSC_DEADLINE	0x6e0

/* An instruction, and the address behind it in step_table. */
	.macro	step insn:vararg
	\insn
771:	.pushsection .rodata
	.quad	771b
	.popsection
	.endm

	.pushsection .rodata
	.balign	8
	.globl	step_table
step_table:
	.popsection

/*
 * Single steps: most of these cause exits. The trap flag acts from the end of
 * the instruction behind POPF on, and once more behind the one that clears it.
 */
	.text
	.globl	step_all
step_all:
	push	%rbx
	pushfq
	orl	$0x100, (%rsp)
	popfq
	step	nop
	step	xor %eax, %eax
	step	xor %ecx, %ecx
	step	cpuid
	step	mov $MSR_APIC_BASE, %ecx
	step	rdmsr
	step	mov $MSR_TSC_DEADLINE, %ecx
	step	xor %eax, %eax
	step	xor %edx, %edx
	step	wrmsr
	step	in $0x99, %al
	step	out %al, $0x99
	step	mov $-1, %eax
	step	vmcall
	step	xor %eax, %eax
	step	mov %rax, %dr0
	step	mov %cr8, %rax
	step	mov %rax, %cr8
	step	mov %cr0, %rax
	step	mov %rax, %cr0
	step	mov %cr3, %rax
	step	mov %rax, %cr3
	step	mov %cr4, %rax
	step	mov %rax, %cr4
	step	wbinvd
	step	rdtsc
	step	pause
	step	invd
	step	hlt
	step	cli
	step	sti
	step	pushfq
	step	andl $~0x100, (%rsp)
	step	popfq
	pop	%rbx
	ret

	.pushsection .rodata
	.globl	step_table_end
step_table_end:
	.popsection

	.globl	break_here
break_here:
	nop
	ret

/* Load SS from (%rdi), which a breakpoint watches, then an exit. */
	.globl	load_ss_cpuid, after_load_ss_cpuid
load_ss_cpuid:
	push	%rbx
	xor	%eax, %eax
	mov	(%rdi), %ss
	cpuid
after_load_ss_cpuid:
	pop	%rbx
	ret

	.section .note.GNU-stack, "", @progbits
