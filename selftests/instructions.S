/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of instructions.c.
 */
	.text

/* Instructions that guests don't have; each is followed by its name. */
	.macro	undefined name, insn:vararg
	.pushsection .rodata
771:	.asciz	"\name"
	.popsection
	.pushsection .rodata.undefined, "a"
	.quad	772f, 773f, 771b
	.popsection
772:	\insn
	ret
773:
	.endm

	.pushsection .rodata.undefined, "a"
	.balign	8
	.globl	undefined_table
undefined_table:
	.popsection

	undefined VMCLEAR, vmclear (%rdi)
	undefined VMLAUNCH, vmlaunch
	undefined VMPTRLD, vmptrld (%rdi)
	undefined VMPTRST, vmptrst (%rdi)
	undefined VMREAD, vmread %rax, %rax
	undefined VMRESUME, vmresume
	undefined VMWRITE, vmwrite %rax, %rax
	undefined VMXOFF, vmxoff
	undefined VMXON, vmxon (%rdi)
	undefined INVEPT, invept (%rdi), %rax
	undefined INVVPID, invvpid (%rdi), %rax
	undefined VMFUNC, vmfunc
	undefined VMMCALL, vmmcall
	undefined GETSEC, getsec
	undefined RSM, rsm
	undefined MONITOR, monitor
	undefined MWAIT, mwait
	undefined ENCLS, encls
	undefined ENCLU, enclu
	undefined ENCLV, enclv
	undefined PCONFIG, pconfig

	.pushsection .rodata.undefined, "a"
	.globl	undefined_table_end
undefined_table_end:
	.popsection

/* Jumps to a task, through the TSS descriptor with this selector. */
	.code32
	.globl	switch_task
switch_task:
	ljmp	$0x50, $0		/* SEL_FREE */

/* An exception that comes from an instruction. */
	.globl	break_32
break_32:
	int3

	.section .note.GNU-stack, "", @progbits
