/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of pv_fuzz.c: what it has in calls_next, up to calls_end, in modes that have no C.
 * A call that does not come back is not made again: the next one is noted first.
 */
#define GUEST_PORT_DONE	0xf4

/* struct pv_call */
#define CALL_NR		0
#define CALL_ARG	8
#define CALL_WHERE	56
#define CALL_VALUE	64
#define CALL_WORDS	16
#define CALL_SIZE	128

	.macro	load_call
	mov	CALL_ARG(%eax), %ebx
	mov	CALL_ARG + 8(%eax), %ecx
	mov	CALL_ARG + 16(%eax), %edx
	mov	CALL_ARG + 24(%eax), %esi
	mov	CALL_ARG + 32(%eax), %edi
	mov	CALL_ARG + 40(%eax), %ebp
	mov	CALL_NR(%eax), %eax
	.endm

	.text

	.code32
	.globl	fuzz32
fuzz32:
	mov	calls_next, %eax
	cmp	calls_end, %eax
	jae	1f
	addl	$CALL_SIZE, calls_next
	lea	CALL_VALUE(%eax), %esi
	mov	CALL_WHERE(%eax), %edi
	mov	$CALL_WORDS, %ecx
	rep movsl
	load_call
	vmcall
	jmp	fuzz32
1:	out	%eax, $GUEST_PORT_DONE

/*
 * Real mode: the calls are at the start of the segment in DS, which the first word behind the
 * last one says, with the number of the next.
 */
	.code16
	.globl	fuzz16_start, fuzz16_end
fuzz16_start:
	mov	%cs:fuzz16_segment - fuzz16_start, %ax
	mov	%ax, %ds
1:	mov	%cs:fuzz16_next - fuzz16_start, %ax
	cmp	%cs:fuzz16_limit - fuzz16_start, %ax
	jae	2f
	addw	$CALL_SIZE, %cs:fuzz16_next - fuzz16_start
	movzwl	%ax, %eax
	load_call
	vmcall
	jmp	1b
2:	out	%eax, $GUEST_PORT_DONE
	.globl	fuzz16_segment, fuzz16_next, fuzz16_limit
fuzz16_segment:
	.word	0
fuzz16_next:
	.word	0
fuzz16_limit:
	.word	0
fuzz16_end:

	.section .note.GNU-stack, "", @progbits
