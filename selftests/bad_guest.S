/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of bad_guest.c.
 */
	.text

/* Overwrites all of its segment with 0xcc (INT3), and itself. Real mode. */
	.code16
	.globl	overwrite_start, overwrite_end
overwrite_start:
	mov	%cs, %ax
	mov	%ax, %es
	mov	%ax, %ss
	xor	%di, %di
	mov	$0xcccc, %ax
	mov	$0x8000, %cx
	rep stosw
	jmp	overwrite_start
overwrite_end:

/* Runs off the end of its memory: as many NOPs as there is room. */
	.globl	nops_start, nops_end
nops_start:
	.fill	0x100, 1, 0x90
nops_end:

	.code64
/*
 * Writes the value in RDI into an instruction that lies across a page boundary,
 * then executes it: RAX is that value.
 */
	.globl	patch_and_call
patch_and_call:
	mov	%rdi, patched + 2(%rip)
	jmp	patched

	.pushsection .data
	.balign	4096
	.fill	4096 - 6, 1, 0x90
patched:
	.byte	0x48, 0xb8		/* movabs $…, %rax */
	.quad	0
	ret
	.balign	4096
	.popsection

	.section .note.GNU-stack, "", @progbits
