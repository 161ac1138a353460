/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of exceptions.c.
 */
	.text

/* "int $n; ret" for each n */
	.globl	int_table
int_table:
	number = 0
	.rept	256
	.byte	0xcd, number, 0xc3, 0x90
	number = number + 1
	.endr

/*
 * A software interrupt in real mode, with the stack in a page of its own. Loaded
 * at 0x8000, the handler is at offset 0x100.
 */
	.code16
	.globl	real_start, real_end
real_start:
	mov	$0x2000, %ax
	mov	%ax, %ss
	mov	$0x1000, %sp
	int	$0x41
	mov	%bx, %ax
	out	%ax, $0xf6		/* GUEST_PORT_SYNC */
	.org	real_start + 0x100
	mov	$0x4141, %bx
	iret
real_end:

	.section .note.GNU-stack, "", @progbits
