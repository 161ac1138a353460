/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of raw_guest.c: the other vCPU, which flips bits in the memory of the first
 * one for ever. Runs wherever it is copied to. RAX: state, not 0; RSI: where; RDI: bytes - 1.
 */
	.text
	.code64
	.globl	scribbler_start, scribbler_end
scribbler_start:
	mov	%rax, %rdx
	shl	$13, %rdx
	xor	%rdx, %rax
	mov	%rax, %rdx
	shr	$7, %rdx
	xor	%rdx, %rax
	mov	%rax, %rdx
	shl	$17, %rdx
	xor	%rdx, %rax

	mov	%rax, %rdx
	and	%rdi, %rdx
	and	$-8, %rdx
	mov	%rax, %rcx
	shr	$32, %rcx
	and	$63, %ecx
	mov	$1, %ebx
	shl	%cl, %rbx
	lock xor %rbx, (%rsi, %rdx)
	mov	$20, %ecx
1:	pause
	loop	1b
	/* as it was, most of the time */
	test	$7, %al
	jz	scribbler_start
	lock xor %rbx, (%rsi, %rdx)
	jmp	scribbler_start
scribbler_end:

	.section .note.GNU-stack, "", @progbits
