/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of lapic_xapic.c: every form of a plain MOV to and from the APIC's page,
 * in 64-bit and 32-bit code. What is read and written goes by way of the task
 * priority, which holds eight bits.
 */
	.set	TPR, 0xfee00080
	.set	VERSION, 0xfee00030
#define GUEST_PORT_SYNC	0xf6

/* Write \value to TPR by \store, and see by \load that it is there. */
	.macro	try_form value, store, load
	movl	$\value, %eax
	\store
	xor	%eax, %eax
	\load
	cmp	$\value, %eax
	jne	9f
	.endm

	.macro	store_by reg, address:vararg
	mov	%eax, \reg
	mov	\reg, \address
	.endm

	.macro	load_by reg, address:vararg
	mov	$-1, \reg
	mov	\address, \reg
	mov	\reg, %eax
	.endm

	.text
	.code64

/* u64 mov_forms(void): 0, or the number of the form that failed. */
	.globl	mov_forms
mov_forms:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	$TPR, %edx

	mov	$1, %ebp		/* registers, old and new */
	try_form 0x11, "store_by %ecx, (%rdx)", "load_by %ecx, (%rdx)"
	try_form 0x12, "store_by %ebx, (%rdx)", "load_by %ebx, (%rdx)"
	try_form 0x13, "store_by %edi, (%rdx)", "load_by %esi, (%rdx)"
	try_form 0x14, "store_by %r8d, (%rdx)", "load_by %r9d, (%rdx)"
	try_form 0x15, "store_by %r15d, (%rdx)", "load_by %r12d, (%rdx)"

	mov	$2, %ebp		/* the stack pointer, too, is one */
	mov	%rsp, %rbx
	mov	$0x1e, %esp
	mov	%esp, (%rdx)
	mov	$-1, %rsp
	mov	(%rdx), %esp
	mov	%rsp, %rax
	mov	%rbx, %rsp
	cmp	$0x1e, %rax
	jne	9f

	mov	$3, %ebp		/* displacements */
	lea	-0x10(%rdx), %rsi
	lea	0x12340(%rdx), %rdi
	try_form 0x21, "mov %eax, 0x10(%rsi)", "mov 0x10(%rsi), %eax"
	try_form 0x22, "mov %eax, -0x12340(%rdi)", "mov -0x12340(%rdi), %eax"

	mov	$4, %ebp		/* SIB: with index, without base, bases that want one */
	mov	$0x20, %ecx
	lea	-0x80(%rdx), %r12
	mov	%rdx, %r13
	xor	%r14d, %r14d
	try_form 0x31, "mov %eax, 0x60(%r12,%rcx)", "mov 0x60(%r12,%rcx), %eax"
	try_form 0x32, "mov %eax, 0x40(%r12,%rcx,2)", "mov 0x40(%r12,%rcx,2), %eax"
	try_form 0x33, "mov %eax, (%r13)", "mov (%r13), %eax"
	try_form 0x34, "mov %eax, 0x80(%r12)", "mov 0x80(%r12), %eax"
	try_form 0x35, "mov %eax, (%r14,%rdx)", "mov (%r14,%rdx), %eax"
	mov	$(TPR - 0x7ee00000), %ecx
	try_form 0x36, "mov %eax, 0x7ee00000(,%rcx,1)", "mov 0x7ee00000(,%rcx,1), %eax"

	mov	$5, %ebp		/* immediates */
	try_form 0x41, "movl $0x41, (%rdx)", "mov (%rdx), %eax"
	try_form 0x42, "movl $0x42, 0x80(%r12)", "mov (%rdx), %eax"

	mov	$6, %ebp		/* the accumulator and an absolute address */
	try_form 0x51, "movabs %eax, TPR", "movabs TPR, %eax"

	mov	$7, %ebp		/* prefixes that change nothing here */
	try_form 0x61, "mov %eax, %fs:(%rdx)", "mov %ds:(%rdx), %eax"
	try_form 0x62, "mov %eax, (%edx)", "mov (%edx), %eax"

	mov	$8, %ebp		/* loads clear the upper half */
	mov	$-1, %rax
	mov	(%rdx), %eax
	cmp	$0x62, %rax
	jne	9f
	xor	%ebp, %ebp
9:	mov	%ebp, %eax
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/* The same in 32-bit code, without paging; tells the host the result. */
	.code32
	.globl	mov32_start, mov32_end
mov32_start:
	mov	$TPR, %edx
	mov	$1, %ebp
	try_form 0x11, "store_by %ecx, (%edx)", "load_by %ebx, (%edx)"
	try_form 0x12, "store_by %edi, (%edx)", "load_by %esi, (%edx)"
	mov	$2, %ebp
	mov	$0x20, %ecx
	lea	-0x80(%edx), %ebx
	try_form 0x21, "mov %eax, 0x60(%ebx,%ecx)", "mov 0x80(%ebx), %eax"
	try_form 0x22, "movl $0x22, 0x40(%ebx,%ecx,2)", "mov %ds:(%edx), %eax"
	mov	$3, %ebp
	try_form 0x31, "mov %eax, TPR", "mov TPR, %eax"
	mov	$4, %ebp
	mov	VERSION, %eax
	and	$0xf0, %eax
	cmp	$0x10, %eax
	jne	9f
	xor	%ebp, %ebp
9:	mov	%ebp, %eax
	out	%eax, $GUEST_PORT_SYNC
mov32_end:

	.section .note.GNU-stack, "", @progbits
