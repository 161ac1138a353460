/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of lapic_ipi.c: where a start-up IPI leads. Real mode, at any page; what it
 * shares with 64-bit code is struct startup in low memory.
 */
#define SHARED		0x7000
#define SHARED_COUNT	(SHARED + 0)
#define SHARED_CS	(SHARED + 2)
#define SHARED_COMMAND	(SHARED + 4)
#define SHARED_BEAT	(SHARED + 6)

#define COMMAND_SPIN	1
#define COMMAND_DONE	2

#define GUEST_PORT_DONE	0xf4

	.text
	.code16
	.globl	startup_start, startup_end
startup_start:
	mov	%cs, %ax
	xor	%bx, %bx
	mov	%bx, %ds
	mov	%ax, SHARED_CS
	mov	SHARED_COMMAND, %bx
	incw	SHARED_COUNT
	cmp	$COMMAND_DONE, %bx
	je	3f
	cmp	$COMMAND_SPIN, %bx
	je	2f
1:	hlt				/* interrupts are off */
	jmp	1b
2:	incw	SHARED_BEAT
	jmp	2b
3:	out	%al, $GUEST_PORT_DONE
	jmp	3b
startup_end:

	.section .note.GNU-stack, "", @progbits
