/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code of modes.c.
 */
#define LOW_CODE	0x8000		/* where 16-bit code is loaded */
#define LOW_DATA	0x7000		/* CR3 for PAE paging, CR3 for long mode */

#define GUEST_PORT_SYNC	0xf6

/*
 * Tells the host the size of a push, and with it the mode, in an encoding that
 * is good in all of them: mov %esp, %ecx; push %eax; sub %esp, %ecx; pop %edx;
 * mov %ecx, %eax; out %eax, $GUEST_PORT_SYNC
 */
	.macro	report
	.byte	0x89, 0xe1, 0x50, 0x29, 0xe1, 0x5a, 0x89, 0xc8, 0xe7, GUEST_PORT_SYNC
	.endm

	.text
	.globl	probe_start, probe_end
probe_start:
	report
probe_end:

/* Software interrupt in real mode; the handler is at offset 0x100. */
	.code16
	.globl	interrupt_start, interrupt_end
interrupt_start:
	mov	%cs, %ax
	mov	%ax, %ss
	mov	$0x1000, %sp
	int	$0x40
	mov	%bx, %ax
	out	%ax, $GUEST_PORT_SYNC
	.org	interrupt_start + 0x100
	mov	$0x4040, %bx
	iret
interrupt_end:

/*
 * The tour: through all modes, a report in each. It runs at LOW_CODE.
 */
#define AT(label)	(label - tour_start + LOW_CODE)

#define TOUR_CODE64	0x08
#define TOUR_DATA	0x10
#define TOUR_CODE32	0x18
#define TOUR_CODE16	0x20
#define TOUR_DATA16	0x28

#define CR0_PE		0x1
#define CR0_PG		0x80000000
#define CR4_PAE		0x20
#define MSR_EFER	0xc0000080
#define EFER_LME	0x100

	.macro	set_cr0 bits
	mov	%cr0, %eax
	or	$\bits, %eax
	mov	%eax, %cr0
	.endm

	.macro	clear_cr0 bits
	mov	%cr0, %eax
	and	$~\bits, %eax
	mov	%eax, %cr0
	.endm

	.globl	tour_start, tour_end
tour_start:
	mov	%cs, %ax
	mov	%ax, %ds
	xor	%ax, %ax
	mov	%ax, %ss
	mov	$LOW_DATA, %sp
	report				/* 0: real mode */

	lgdtl	tour_gdtr - tour_start
	set_cr0	CR0_PE
	ljmpl	$TOUR_CODE32, $AT(1f)
	.code32
1:	mov	$TOUR_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	report				/* 1: protected mode */

	mov	%cr4, %eax
	or	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	LOW_DATA, %eax
	mov	%eax, %cr3
	set_cr0	CR0_PG
	report				/* 2: PAE paging */

	clear_cr0 CR0_PG
	mov	LOW_DATA + 4, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_LME, %eax
	wrmsr
	set_cr0	CR0_PG
	report				/* 3: compatibility mode */

	ljmpl	$TOUR_CODE64, $AT(1f)
	.code64
1:	report				/* 4: 64-bit mode */

	ljmpl	*tour_compat1(%rip)
	.code32
1:	report				/* 5: compatibility mode */

	ljmpl	$TOUR_CODE64, $AT(2f)
	.code64
2:	report				/* 6: 64-bit mode */

	ljmpl	*tour_compat2(%rip)
	.code32
3:	clear_cr0 CR0_PG
	mov	$MSR_EFER, %ecx
	rdmsr
	and	$~EFER_LME, %eax
	wrmsr
	report				/* 7: protected mode */

	ljmpl	$TOUR_CODE16, $(4f - tour_start)
	.code16
4:	mov	$TOUR_DATA16, %ax
	mov	%ax, %ss
	mov	%ax, %ds
	report				/* 8: 16-bit protected mode */

	clear_cr0 CR0_PE
	ljmp	$LOW_CODE / 16, $(5f - tour_start)
5:	xor	%ax, %ax
	mov	%ax, %ss
	report				/* 9: real mode */

	.balign	8
tour_compat1:
	.long	AT(1b)
	.word	TOUR_CODE32
tour_compat2:
	.long	AT(3b)
	.word	TOUR_CODE32
tour_gdtr:
	.word	tour_end - tour_gdt - 1
	.long	AT(tour_gdt)
	.balign	8
tour_gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* TOUR_CODE64 */
	.quad	0x00cf93000000ffff	/* TOUR_DATA */
	.quad	0x00cf9b000000ffff	/* TOUR_CODE32 */
	.quad	0x00009b000000ffff | LOW_CODE << 16	/* TOUR_CODE16 */
	.quad	0x000093000000ffff	/* TOUR_DATA16 */
tour_end:

	.section .note.GNU-stack, "", @progbits
