/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of paging.c.
 */
#define GUEST_PORT_SYNC	0xf6

#define WINDOW		0xc0000000	/* what the last PDPTE maps */

	.text
	.code32
/*
 * PAE paging: the processor holds the PDPTEs from one MOV to CR3 to the next.
 * ESI: address of the last PDPTE, EDI: another value for it. After each step
 * the host sees what is at WINDOW.
 */
	.globl	pdpte_guest
pdpte_guest:
	mov	WINDOW, %eax
	out	%eax, $GUEST_PORT_SYNC
	mov	%edi, (%esi)
	invlpg	WINDOW
	mov	WINDOW, %eax
	out	%eax, $GUEST_PORT_SYNC
	invlpg	WINDOW
	mov	WINDOW, %eax
	out	%eax, $GUEST_PORT_SYNC
	mov	%cr3, %eax
	mov	%eax, %cr3
	mov	WINDOW, %eax
	out	%eax, $GUEST_PORT_SYNC
	orl	$0x6, (%esi)		/* reserved bits: #GP, and no IDT */
	mov	%cr3, %eax
	mov	%eax, %cr3
	out	%eax, $GUEST_PORT_SYNC

/* Where a start-up IPI leads, in real mode: what is at linear address 0x6000? */
	.code16
	.globl	after_init_start, after_init_end
after_init_start:
	xor	%ax, %ax
	mov	%ax, %ds
	mov	0x6000, %eax
	out	%eax, $GUEST_PORT_SYNC
1:	jmp	1b
after_init_end:

	.section .note.GNU-stack, "", @progbits
