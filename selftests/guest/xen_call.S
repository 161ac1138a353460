/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls from 32-bit code. Offsets are those of struct xen_call32.
 */
#define SEL_CODE64	0x08
#define SEL_CODE32	0x28

	.text

/* EAX points to the call; all registers but R8 to R15 and RSP are lost. */
	.macro	call32
	mov	4(%eax), %ebx
	mov	8(%eax), %ecx
	mov	12(%eax), %edx
	mov	16(%eax), %esi
	mov	20(%eax), %edi
	mov	24(%eax), %ebp
	mov	(%eax), %eax
	vmcall
	.endm

/* RDI: the call. From 64-bit mode, by way of compatibility mode. */
	.code64
	.globl	xen_call32
xen_call32:
	push	%rbx
	push	%rbp
	push	%rdi
	mov	%edi, %eax
	pushq	$SEL_CODE32
	lea	1f(%rip), %rcx
	push	%rcx
	lretq
	.code32
1:	call32
	ljmp	$SEL_CODE64, $2f
	.code64
2:	pop	%r8
	mov	%ebx, 4(%r8)
	mov	%ecx, 8(%r8)
	mov	%edx, 12(%r8)
	mov	%esi, 16(%r8)
	mov	%edi, 20(%r8)
	mov	%ebp, 24(%r8)
	mov	%eax, 28(%r8)
	pop	%rbp
	pop	%rbx
	movslq	28(%r8), %rax
	ret

	.section .note.GNU-stack, "", @progbits
