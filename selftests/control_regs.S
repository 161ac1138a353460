/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of control_regs.c.
 */
	.text

/* What SYSCALL calls: notes RCX, and goes there, still in ring 0. */
	.globl	syscall_entry
syscall_entry:
	mov	%rcx, syscall_rcx(%rip)
	jmp	*%rcx

	.section .note.GNU-stack, "", @progbits
