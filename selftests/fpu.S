/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Vector registers from and to memory (RDI), for fpu.c; guests and the host
 * call these.  Nothing else in the programs touches the registers.
 */
	.text

	.macro	each_of insn, kind, size, count, load
	i = 0
	.rept	\count
	vector_one \insn, \kind, \size, %i, \load
	i = i + 1
	.endr
	.endm

	.altmacro
	.macro	vector_one insn, kind, size, n, load
	.if	\load
	\insn	(\size * \n)(%rdi), %\kind&\n
	.else
	\insn	%\kind&\n, (\size * \n)(%rdi)
	.endif
	.endm

	.globl	sse_load, sse_store
sse_load:
	each_of	movups, xmm, 16, 16, 1
	ret
sse_store:
	each_of	movups, xmm, 16, 16, 0
	ret

	.globl	avx_load, avx_store
avx_load:
	each_of	vmovups, ymm, 32, 16, 1
	ret
avx_store:
	each_of	vmovups, ymm, 32, 16, 0
	ret

	.globl	avx512_load, avx512_store
avx512_load:
	each_of	vmovups, zmm, 64, 32, 1
	add	$64 * 32, %rdi
	each_of	kmovw, k, 2, 8, 1
	ret
avx512_store:
	each_of	vmovups, zmm, 64, 32, 0
	add	$64 * 32, %rdi
	each_of	kmovw, k, 2, 8, 0
	ret

	.globl	x87_load, x87_store
/* Eight doubles, and the control word behind them */
x87_load:
	fninit
	i = 7
	.rept	8
	fldl	(8 * i)(%rdi)
	i = i - 1
	.endr
	fldcw	64(%rdi)
	ret
x87_store:
	movq	$0, 64(%rdi)
	fnstcw	64(%rdi)
	i = 0
	.rept	8
	fstpl	(8 * i)(%rdi)
	i = i + 1
	.endr
	ret

	.section .note.GNU-stack, "", @progbits
