/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The testport: a small paravirtual device of the emulated test host.
 *
 * It lives in the emulator (bochs/patches), in I/O ports 0x5650-0x567f, and
 * gives a program in the test host what a test needs from outside: an input
 * file, three output streams, a terminal, an exit status, a way to save the
 * machine, and counters of what the CPUs did in VMX.
 *
 * Here is the contract: the emulator's device is compiled with this file too.
 * Callers: the test host's agent, tests and benchmarks, in ring 3, after
 * testport_open() has returned 0.  No function here keeps any state, and every
 * one of them but the stream copies is a single I/O instruction: they may be
 * called on several CPUs at once, and a preemption can't tear them.
 *
 * What the device is connected to comes from the emulator's environment:
 *
 *   PHV_TESTPORT_IN      path     the input stream's file; none: empty
 *   PHV_TESTPORT_OUT     stream   the console stream; none: thrown away
 *   PHV_TESTPORT_FILES   stream   the files stream; none: thrown away
 *   PHV_TESTPORT_LOG     stream   the log stream; none: thrown away
 *   PHV_TESTPORT_TTY     fd:N     where testport_tty() reads; none: at its end
 *   PHV_TESTPORT_STATUS  path     testport_exit() writes the status in decimal
 *                                 and a newline there; none: nowhere
 *   PHV_TESTPORT_SAVE    path     an existing directory for testport_save()
 *   PHV_TESTPORT_ERRATA  number   the errata present from the start
 *   PHV_TESTPORT_KEEP_TLB number  not 0: as after testport_call(KEEP_TLB, 1)
 *   PHV_FEATURE_CONTROL  number   what a machine's firmware makes of
 *                                 IA32_FEATURE_CONTROL when it boots (0x1:
 *                                 locked, no VMX); none: 0x5, locked with VMX
 *   PHV_CPU_QUIRK        list     CPU:MSR:BITS,...: bits which RDMSR of that MSR
 *                                 doesn't show on that CPU (1:0x48b:0x2000000000:
 *                                 no VPID on CPU 1)
 *
 * where a stream is "fd:N", a file descriptor that the emulator inherits, or a
 * path, which is created or truncated.  The files are opened by the emulator's
 * process when it starts, be the machine new or restored, and one which can't
 * be opened ends it with one line on stderr and the status 1.
 */
#ifndef _TESTPORT_H
#define _TESTPORT_H

#define TESTPORT_BASE		0x5650
#define TESTPORT_COUNT		0x30

/* Read, 32 bits: TESTPORT_MAGIC.  No other machine answers so. */
#define TESTPORT_PORT_MAGIC	(TESTPORT_BASE + 0x00)
#define TESTPORT_MAGIC		0x54564850	/* "PHVT" */

/*
 * Read, 32 bits: a call.  ECX selects the function, ESI is its argument; the
 * 64-bit result comes back in EDX:EAX, as RDMSR's does.  A call that fails
 * gives a negative errno; one which doesn't exist gives -ENOSYS.
 */
#define TESTPORT_PORT_CALL	(TESTPORT_BASE + 0x04)

/*
 * Read, 32 bits: one byte of the terminal, or one of the two values below.
 * With nothing to read it waits for up to 10 ms of the *host's* time (all CPUs
 * stand still meanwhile), so that an idle shell doesn't burn the host's CPU.
 * The console stream is flushed first.
 */
#define TESTPORT_PORT_TTY	(TESTPORT_BASE + 0x08)
#define TESTPORT_TTY_NONE	0x100
#define TESTPORT_TTY_EOF	0x200

/*
 * Read, 8, 16 or 32 bits: the next bytes of the input stream, first byte
 * lowest.  Zeros after its end (TESTPORT_CALL_IN_SIZE says where that is).
 */
#define TESTPORT_PORT_IN	(TESTPORT_BASE + 0x10)

/*
 * Write, 8, 16 or 32 bits: the next bytes of an output stream, first byte
 * lowest.  The console is passed on at each newline, and by
 * TESTPORT_CALL_FLUSH; all of them at the emulator's end, however it ends
 * short of a kill.
 */
#define TESTPORT_PORT_OUT	(TESTPORT_BASE + 0x14)
#define TESTPORT_PORT_FILES	(TESTPORT_BASE + 0x18)
#define TESTPORT_PORT_LOG	(TESTPORT_BASE + 0x1c)

/**
 * enum testport_call - the functions of TESTPORT_PORT_CALL
 * @TESTPORT_CALL_EXIT: flush all, write the status (argument, 0-255) to
 *	PHV_TESTPORT_STATUS and end the emulator's process with status 0.
 *	Does not return; -EINVAL for another argument.
 * @TESTPORT_CALL_SAVE: save the machine, end the emulator's process with
 *	status 0.  The restored machine goes on behind the call, which gives 0
 *	there; TESTPORT_CALL_GENERATION has risen by one.  In a machine that is
 *	not to be saved (PHV_TESTPORT_SAVE is unset) it gives -ENXIO, with a
 *	directory that can't be written -ENOENT, -ENOTDIR, -EACCES or -EROFS, and
 *	the machine goes on.  A save that fails half-way ends the emulator with
 *	a PANIC line and a status other than 0.
 * @TESTPORT_CALL_FLUSH: pass on all that the output streams hold; gives 0.
 * @TESTPORT_CALL_REWIND: go back to the input stream's first byte; gives 0.
 * @TESTPORT_CALL_COUNTERS_RESET: set all counters to 0; gives 0.
 * @TESTPORT_CALL_ERRATA: argument: mask of TESTPORT_ERRATUM_*, the errors of
 *	unpatched Bochs 3.0 that shall be present from now on; gives the mask
 *	before.  -EINVAL for an unknown bit.  It is 0 from the start, unless
 *	PHV_TESTPORT_ERRATA says otherwise, and in a restored machine again.
 * @TESTPORT_CALL_IN_SIZE: size of the whole input stream, in bytes.
 * @TESTPORT_CALL_GENERATION: how often this machine has been restored: 0 in
 *	a machine that was booted, 1 or more in a restored one.
 * @TESTPORT_CALL_HOST_TIME: the host's real-time clock, in microseconds since
 *	the Epoch.
 * @TESTPORT_CALL_VMX_HERE: 1 if the calling CPU is in VMX operation (between
 *	VMXON and VMXOFF), 0 if not.
 * @TESTPORT_CALL_VMX_CPUS: mask of the CPUs (0-62) in VMX operation.
 * @TESTPORT_CALL_KEEP_TLB: argument 1: translations tagged with a VPID outlive VM
 *	entries and exits from now on, on all CPUs, until something invalidates
 *	them; 0: each entry and exit flushes the TLB, which is the default, and
 *	hides that an invalidation is missing.  Gives the argument before; -EINVAL
 *	for another.  In a restored machine it is as the environment says.
 * @TESTPORT_CALL_COUNTER: this and what follows up to
 *	TESTPORT_CALL_COUNTER + TESTPORT_NR_COUNTERS - 1: the value of the
 *	counter (enum testport_counter) of that offset, summed over the CPUs.
 */
enum testport_call {
	TESTPORT_CALL_EXIT		= 0,
	TESTPORT_CALL_SAVE		= 1,
	TESTPORT_CALL_FLUSH		= 2,
	TESTPORT_CALL_REWIND		= 3,
	TESTPORT_CALL_COUNTERS_RESET	= 4,
	TESTPORT_CALL_ERRATA		= 5,
	TESTPORT_CALL_IN_SIZE		= 6,
	TESTPORT_CALL_GENERATION	= 7,
	TESTPORT_CALL_HOST_TIME		= 8,
	TESTPORT_CALL_VMX_HERE		= 9,
	TESTPORT_CALL_VMX_CPUS		= 10,
	TESTPORT_CALL_KEEP_TLB		= 11,
	TESTPORT_CALL_COUNTER		= 0x100,
};

/*
 * A posted-interrupt descriptor must be page-aligned, where the SDM asks for
 * 64 bytes: VM entry fails otherwise.
 */
#define TESTPORT_ERRATUM_PI_DESC_ALIGN		(1u << 0)
/*
 * An external interrupt or a posted-interrupt notification that arrives in
 * non-root operation delivers a pending virtual interrupt even while the
 * guest's RFLAGS.IF is 0.
 */
#define TESTPORT_ERRATUM_MASKED_VIRTUAL_INTR	(1u << 1)
/*
 * A posted-interrupt notification that finds no request in the descriptor, and
 * no virtual interrupt waiting, requests a virtual interrupt of vector 255.
 */
#define TESTPORT_ERRATUM_EMPTY_PIR		(1u << 2)
/*
 * A guest that is entered with RFLAGS.IF = 0 is deaf to physical interrupts,
 * external-interrupt exiting or not, until it changes RFLAGS.IF.
 */
#define TESTPORT_ERRATUM_DEAF_ENTRY		(1u << 3)
/*
 * A VM exit during the delivery of a virtual interrupt says in its
 * IDT-vectoring information that an event before that was being delivered.
 */
#define TESTPORT_ERRATUM_VECTORING_INFO		(1u << 4)

/**
 * enum testport_counter - what is counted
 * @TESTPORT_COUNTER_EXIT: this and the next 79: VM exits by basic exit reason
 *	(SDM volume 3, appendix C), failed VM entries (reasons 33, 34, 41)
 *	included.
 * @TESTPORT_COUNTER_EXITS: VM exits, all reasons.
 * @TESTPORT_COUNTER_ENTRIES: VM entries that reached the guest.
 * @TESTPORT_COUNTER_VMXON: VMXON instructions that succeeded.
 * @TESTPORT_COUNTER_VMXOFF: VMXOFF instructions that succeeded.
 * @TESTPORT_COUNTER_VMPTRLD: VMPTRLD instructions executed in root operation.
 * @TESTPORT_COUNTER_VMCLEAR: VMCLEAR instructions executed in root operation.
 * @TESTPORT_COUNTER_VMREAD: VMREAD instructions executed in root operation.
 * @TESTPORT_COUNTER_VMWRITE: VMWRITE instructions executed in root operation.
 * @TESTPORT_COUNTER_INVEPT: INVEPT instructions executed in root operation.
 * @TESTPORT_COUNTER_INVVPID: INVVPID instructions executed in root operation.
 * @TESTPORT_COUNTER_HOST_RDMSR: RDMSR outside non-root operation.
 * @TESTPORT_COUNTER_HOST_WRMSR: WRMSR, WRMSRNS outside non-root operation.
 * @TESTPORT_COUNTER_GUEST_RDMSR: RDMSR in non-root operation without an exit.
 * @TESTPORT_COUNTER_GUEST_WRMSR: WRMSR in non-root operation without an exit.
 * @TESTPORT_COUNTER_HOST_CR3: MOV to CR3 outside non-root operation.
 * @TESTPORT_COUNTER_GUEST_CR3: MOV to CR3 in non-root operation without an exit.
 * @TESTPORT_COUNTER_HOST_XSAVE: XSAVE, XSAVEC, XSAVEOPT, XSAVES, FXSAVE
 *	outside non-root operation.
 * @TESTPORT_COUNTER_HOST_XRSTOR: XRSTOR, XRSTORS, FXRSTOR likewise.
 * @TESTPORT_COUNTER_HOST_XSETBV: XSETBV likewise.
 * @TESTPORT_COUNTER_TLB_FLUSH: flushes of a CPU's whole TLB, by whatever.
 * @TESTPORT_COUNTER_POSTED: posted-interrupt notifications processed in
 *	non-root operation without a VM exit.
 * @TESTPORT_COUNTER_VIRTUAL_INTR: virtual interrupts delivered.
 * @TESTPORT_COUNTER_ROOT_TICKS: instructions executed outside non-root
 *	operation by a CPU in VMX operation.
 * @TESTPORT_COUNTER_GUEST_TICKS: instructions executed in non-root operation.
 * @TESTPORT_NR_COUNTERS: their number
 *
 * An instruction is counted when it has passed the checks that precede its VM
 * exit; one that ends in VMfail or #GP is counted as well.
 */
enum testport_counter {
	TESTPORT_COUNTER_EXIT		= 0,
	TESTPORT_COUNTER_EXITS		= 80,
	TESTPORT_COUNTER_ENTRIES,
	TESTPORT_COUNTER_VMXON,
	TESTPORT_COUNTER_VMXOFF,
	TESTPORT_COUNTER_VMPTRLD,
	TESTPORT_COUNTER_VMCLEAR,
	TESTPORT_COUNTER_VMREAD,
	TESTPORT_COUNTER_VMWRITE,
	TESTPORT_COUNTER_INVEPT,
	TESTPORT_COUNTER_INVVPID,
	TESTPORT_COUNTER_HOST_RDMSR,
	TESTPORT_COUNTER_HOST_WRMSR,
	TESTPORT_COUNTER_GUEST_RDMSR,
	TESTPORT_COUNTER_GUEST_WRMSR,
	TESTPORT_COUNTER_HOST_CR3,
	TESTPORT_COUNTER_GUEST_CR3,
	TESTPORT_COUNTER_HOST_XSAVE,
	TESTPORT_COUNTER_HOST_XRSTOR,
	TESTPORT_COUNTER_HOST_XSETBV,
	TESTPORT_COUNTER_TLB_FLUSH,
	TESTPORT_COUNTER_POSTED,
	TESTPORT_COUNTER_VIRTUAL_INTR,
	TESTPORT_COUNTER_ROOT_TICKS,
	TESTPORT_COUNTER_GUEST_TICKS,
	TESTPORT_NR_COUNTERS
};

#ifndef TESTPORT_DEVICE		/* what follows is the guest's side */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/io.h>

/**
 * testport_open - let this thread use the testport
 *
 * Needs CAP_SYS_RAWIO.  The right is inherited by the threads and processes
 * made later, and survives exec.
 *
 * Return: 0, -EPERM, or -ENODEV on a machine without testport.
 */
static inline int testport_open(void)
{
	if (ioperm(TESTPORT_BASE, TESTPORT_COUNT, 1))
		return -errno;
	if (inl(TESTPORT_PORT_MAGIC) != TESTPORT_MAGIC)
		return -ENODEV;
	return 0;
}

/**
 * testport_call - call the device
 * @function: enum testport_call
 * @argument: the function's argument, else 0
 *
 * Return: the function's result, or a negative errno
 */
static inline int64_t testport_call(uint32_t function, uint32_t argument)
{
	uint32_t low, high = TESTPORT_PORT_CALL;

	asm volatile("inl %%dx, %%eax"
		     : "=a" (low), "+d" (high)
		     : "c" (function), "S" (argument)
		     : "memory");
	return (int64_t)((uint64_t)high << 32 | low);
}

/**
 * testport_counter - read a counter
 * @counter: enum testport_counter
 *
 * Return: its value
 */
static inline uint64_t testport_counter(uint32_t counter)
{
	return (uint64_t)testport_call(TESTPORT_CALL_COUNTER + counter, 0);
}

/**
 * testport_tty - read the terminal
 *
 * Return: a byte (0-255), TESTPORT_TTY_NONE or TESTPORT_TTY_EOF
 */
static inline unsigned int testport_tty(void)
{
	return inl(TESTPORT_PORT_TTY);
}

/**
 * testport_read - read the input stream
 * @buffer: where to
 * @size: number of bytes
 *
 * Behind the stream's end there are zeros.
 */
static inline void testport_read(void *buffer, size_t size)
{
	char *end = (char *)buffer + size / 4 * 4;

	insl(TESTPORT_PORT_IN, buffer, size / 4);
	insb(TESTPORT_PORT_IN, end, size % 4);
	asm volatile("" : : : "memory");	/* glibc's insl() doesn't say so */
}

/**
 * testport_write - write to an output stream
 * @port: TESTPORT_PORT_OUT, TESTPORT_PORT_FILES or TESTPORT_PORT_LOG
 * @buffer: where from
 * @size: number of bytes
 *
 * Two writers of one stream may see their pieces interleaved.
 */
static inline void testport_write(unsigned short port, const void *buffer,
				  size_t size)
{
	const char *end = (const char *)buffer + size / 4 * 4;

	asm volatile("" : : : "memory");	/* glibc's outsl() doesn't say so */
	outsl(port, buffer, size / 4);
	outsb(port, end, size % 4);
}

#endif /* TESTPORT_DEVICE */
#endif /* _TESTPORT_H */
