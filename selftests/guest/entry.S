/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where guests begin, take exceptions and interrupts, and change rings.
 * The numbers are guest.h's.
 */
#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_USER_CODE	0x1b
#define SEL_USER_DATA	0x23

#define GUEST_PORT_DONE	0xf4
#define GUEST_CPU_SIZE	0x8000

	.text
	.code64

/* RSI: a function, RDI: its argument. */
	.globl	guest_start
guest_start:
	call	*%rsi
1:	xor	%eax, %eax
	out	%eax, $GUEST_PORT_DONE
	jmp	1b

/* 256 stubs of 16 bytes, which make all frames alike. */
	.balign	16
	.globl	guest_stubs
guest_stubs:
	vector = 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
	pushq	$0
	.endif
	pushq	$vector
	jmp	guest_common
	vector = vector + 1
	.endr

guest_common:
	push	%rax
	push	%rbx
	push	%rcx
	push	%rdx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
	mov	%rsp, %rdi
	call	guest_exception
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rdx
	pop	%rcx
	pop	%rbx
	pop	%rax
	add	$16, %rsp
	iretq

/*
 * Go to ring 3. RDI: function, RSI: its stack, RDX: this_cpu(), RCX: where the
 * TSS has RSP0. Ring 3 may do I/O: it has assertions too.
 */
	.globl	guest_enter_user
guest_enter_user:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdx)		/* user_return */
	mov	%rsp, (%rcx)
	pushq	$SEL_USER_DATA
	push	%rsi
	pushfq
	orl	$0x3000, (%rsp)		/* IOPL */
	pushq	$SEL_USER_CODE
	lea	user_start(%rip), %rax
	push	%rax
	iretq
user_start:
	call	*%rdi
	int	$0x30

/* Ring 3 is done: the stack is as guest_enter_user left it. */
	.globl	guest_user_return
guest_user_return:
	mov	%rsp, %rax
	and	$-GUEST_CPU_SIZE, %rax
	mov	(%rax), %rsp		/* user_return */
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.section .note.GNU-stack, "", @progbits
