/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of pv_hypercall.c.
 */
#define GUEST_PORT_DONE	0xf4
#define CALL_SIZE	32		/* struct xen_call32 */

	.text

/* All calls from calls_next on, calls_left of them, in a 32-bit mode. */
	.code32
	.globl	calls32
calls32:
	cmpl	$0, calls_left
	je	2f
	mov	calls_next, %eax
	mov	4(%eax), %ebx
	mov	8(%eax), %ecx
	mov	12(%eax), %edx
	mov	16(%eax), %esi
	mov	20(%eax), %edi
	mov	24(%eax), %ebp
	mov	(%eax), %eax
	vmcall
	mov	calls_next, %ebx
	mov	%eax, 28(%ebx)
	addl	$CALL_SIZE, calls_next
	decl	calls_left
	jmp	calls32
2:	out	%eax, $GUEST_PORT_DONE

/* Real mode: xen_version */
	.code16
	.globl	call16_start, call16_end
call16_start:
	mov	$17, %eax
	xor	%ebx, %ebx
	vmcall
	out	%eax, $GUEST_PORT_DONE
call16_end:

/* A call that must leave all registers but RAX alone. RDI: 16 quadwords, RAX to R15. */
	.code64
	.globl	call_registers
call_registers:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	mov	0(%rdi), %rax
	mov	8(%rdi), %rcx
	mov	16(%rdi), %rdx
	mov	24(%rdi), %rbx
	mov	40(%rdi), %rbp
	mov	48(%rdi), %rsi
	mov	64(%rdi), %r8
	mov	72(%rdi), %r9
	mov	80(%rdi), %r10
	mov	88(%rdi), %r11
	mov	96(%rdi), %r12
	mov	104(%rdi), %r13
	mov	112(%rdi), %r14
	mov	120(%rdi), %r15
	mov	56(%rdi), %rdi
	vmcall
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, 0(%rdi)
	mov	%rcx, 8(%rdi)
	mov	%rdx, 16(%rdi)
	mov	%rbx, 24(%rdi)
	mov	%rbp, 40(%rdi)
	mov	%rsi, 48(%rdi)
	pop	%rax
	mov	%rax, 56(%rdi)
	mov	%r8, 64(%rdi)
	mov	%r9, 72(%rdi)
	mov	%r10, 80(%rdi)
	mov	%r11, 88(%rdi)
	mov	%r12, 96(%rdi)
	mov	%r13, 104(%rdi)
	mov	%r14, 112(%rdi)
	mov	%r15, 120(%rdi)
	pop	%rdi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.section .note.GNU-stack, "", @progbits
