/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and back.
 *
 * What lives here: the code between the last C instruction of the host and the
 * first of the guest, and the other way round. Called by vmx/run.c only, with
 * interrupts off.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/ibt.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/percpu.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

#include "entry.h"

.section .noinstr.text, "ax"

/**
 * vmx_enter - enter the guest, and return when it exits
 * @vcpu: struct phv_vcpu * (RDI); its VMCS is current; enter_flags say how
 *
 * Return: 0 after a VM exit, 1 when VMLAUNCH or VMRESUME failed.
 */
SYM_FUNC_START(vmx_enter)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi

	/* The stack is nearly always where it was; VMWRITE is not for free. */
	cmp	%rsp, VCPU_HOST_RSP(%rdi)
	je	1f
	mov	%rsp, VCPU_HOST_RSP(%rdi)
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
1:
	/*
	 * No RET and no indirect branch from here to the entry: the guest's
	 * IA32_SPEC_CTRL may allow what the host's forbids.
	 */
	mov	VCPU_ENTER_FLAGS(%rdi), %esi
	test	$VMX_ENTER_SPEC_CTRL, %esi
	jz	2f
	mov	VCPU_SPEC_CTRL(%rdi), %eax
	cmp	PER_CPU_VAR(x86_spec_ctrl_current), %eax
	je	2f
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
	wrmsr
2:
	/* CF says which instruction; nothing below changes it until it is used. */
	bt	$VMX_ENTER_RESUME_BIT, %esi

	mov	VCPU_GPR(0)(%rdi), %rax
	mov	VCPU_GPR(1)(%rdi), %rcx
	mov	VCPU_GPR(2)(%rdi), %rdx
	mov	VCPU_GPR(3)(%rdi), %rbx
	mov	VCPU_GPR(5)(%rdi), %rbp
	mov	VCPU_GPR(6)(%rdi), %rsi
	mov	VCPU_GPR(8)(%rdi), %r8
	mov	VCPU_GPR(9)(%rdi), %r9
	mov	VCPU_GPR(10)(%rdi), %r10
	mov	VCPU_GPR(11)(%rdi), %r11
	mov	VCPU_GPR(12)(%rdi), %r12
	mov	VCPU_GPR(13)(%rdi), %r13
	mov	VCPU_GPR(14)(%rdi), %r14
	mov	VCPU_GPR(15)(%rdi), %r15
	mov	VCPU_GPR(7)(%rdi), %rdi

	/* VERW: what the host left in the CPU's buffers is not for the guest. */
	CLEAR_CPU_BUFFERS

	UNWIND_HINT_SAVE
	jnc	4f
3:	vmresume
	jmp	5f
4:	vmlaunch
	jmp	5f
	/* VMX was switched off under us, in a reboot or a panic. */
	_ASM_EXTABLE(3b, 5f)
	_ASM_EXTABLE(4b, 5f)

/* HOST_RIP. RSP is what it was at the entry; the rest is the guest's. */
SYM_INNER_LABEL_ALIGN(vmx_exit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, VCPU_GPR(0)(%rdi)
	mov	%rcx, VCPU_GPR(1)(%rdi)
	mov	%rdx, VCPU_GPR(2)(%rdi)
	mov	%rbx, VCPU_GPR(3)(%rdi)
	mov	%rbp, VCPU_GPR(5)(%rdi)
	mov	%rsi, VCPU_GPR(6)(%rdi)
	pop	VCPU_GPR(7)(%rdi)
	mov	%r8, VCPU_GPR(8)(%rdi)
	mov	%r9, VCPU_GPR(9)(%rdi)
	mov	%r10, VCPU_GPR(10)(%rdi)
	mov	%r11, VCPU_GPR(11)(%rdi)
	mov	%r12, VCPU_GPR(12)(%rdi)
	mov	%r13, VCPU_GPR(13)(%rdi)
	mov	%r14, VCPU_GPR(14)(%rdi)
	mov	%r15, VCPU_GPR(15)(%rdi)
	xor	%ebx, %ebx
	jmp	6f

5:	mov	$1, %ebx
6:	/* The guest's values are not for the host to speculate with. */
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	/* Before the first RET that is not ours: RSB, IA32_SPEC_CTRL, history. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	pop	%rdi
	mov	VCPU_ENTER_FLAGS(%rdi), %esi
	test	$VMX_ENTER_SPEC_CTRL, %esi
	jz	8f

	/* The guest may have written the MSR without an exit. */
	mov	VCPU_SPEC_CTRL(%rdi), %eax
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	test	$VMX_ENTER_SAVE_SPEC_CTRL, %esi
	jz	7f
	rdmsr
	mov	%eax, VCPU_SPEC_CTRL(%rdi)
7:	mov	PER_CPU_VAR(x86_spec_ctrl_current), %edx
	/* With IBRS as the kernel's mitigation the write itself is the barrier. */
	test	$VMX_ENTER_ALWAYS_IBRS, %esi
	jnz	9f
	cmp	%eax, %edx
	je	10f
9:	mov	%edx, %eax
	xor	%edx, %edx
	wrmsr
10:	lfence
8:	CLEAR_BRANCH_HISTORY_VMEXIT

	mov	%ebx, %eax
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(vmx_enter)

/**
 * vmx_call_gate - run the host's handler of an interrupt that the exit has taken
 * @handler: from the IDT (RDI)
 *
 * Makes the frame that the processor would have made, so that the handler's IRET
 * comes back here.
 */
.text
SYM_FUNC_START(vmx_call_gate)
	push	%rbp
	mov	%rsp, %rbp
	and	$-16, %rsp
	push	$__KERNEL_DS
	push	%rbp
	pushf
	push	$__KERNEL_CS
	CALL_NOSPEC _ASM_ARG1
	mov	%rbp, %rsp
	pop	%rbp
	RET
SYM_FUNC_END(vmx_call_gate)
