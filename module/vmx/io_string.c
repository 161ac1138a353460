// SPDX-License-Identifier: GPL-2.0-only
/*
 * INS and OUTS.
 *
 * What lives here: the slow half of the exit by such an instruction. The processor says
 * in the exit's information all that is needed (SDM volume 3, 28.2.1 and table 28-8): there
 * is nothing to decode. Each exit is about one element; with REP and more to do RIP stays
 * where it is, and the next entry exits again.
 *
 * The I/O permissions are the processor's to check and come before the exit; what has
 * to do with the operand in memory comes after it, and is checked here: limit and type of
 * the segment, and paging. Not so alignment (#AC) and protection keys.
 */
#include <linux/mm.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "compat.h"
#include "domain.h"
#include "vcpu.h"
#include "vmx/exit.h"
#include "vmx/gva.h"
#include "vmx/io.h"
#include "vmx/vmx.h"

/* IA32_VMX_BASIC: exits by INS and OUTS have instruction information. */
#define BASIC_INS_OUTS	BIT_ULL(54)

/* Segment registers as the instruction information has them, and the VMCS. */
#define SEG_ES		0
#define SEG_SS		2

struct string_io {
	u16 port;
	unsigned int size;
	bool in;
	bool rep;
	unsigned int segment;
	u64 mask;			/* of the address size */
	unsigned int reg;		/* that has the offset */
	u64 address;			/* linear */
	u32 access;			/* GVA_* */
};

static void string_decode(struct phv_vcpu *vcpu, struct string_io *io)
{
	u64 qualification = vmcs_read(EXIT_QUALIFICATION);
	u32 info = vmcs_read(VMX_INSTRUCTION_INFO);

	io->port = IO_PORT(qualification);
	io->size = IO_SIZE(qualification);
	io->in = qualification & IO_IN;
	io->rep = qualification & IO_REP;
	io->segment = io->in ? SEG_ES : info >> 15 & 7;
	io->mask = GENMASK_ULL((16 << (info >> 7 & 3)) - 1, 0);
	io->reg = io->in ? GPR_RDI : GPR_RSI;
	io->address = vmcs_read(GUEST_LINEAR_ADDRESS);
	io->access = vmx_cpl(vcpu) == 3 ? GVA_USER : 0;
	if (io->in)
		io->access |= GVA_WRITE;
}

/* In a register only what the address size covers moves; 32 bits clear the upper half. */
static void string_move(struct phv_vcpu *vcpu, const struct string_io *io, unsigned int reg,
			s64 by)
{
	u64 keep = io->mask == U16_MAX ? ~io->mask : 0;

	vcpu->gpr[reg] = (vcpu->gpr[reg] & keep) | ((vcpu->gpr[reg] + by) & io->mask);
}

/* An element is done. */
static void string_next(struct phv_vcpu *vcpu, const struct string_io *io)
{
	s64 step = vmcs_read(GUEST_RFLAGS) & X86_EFLAGS_DF ? -(s64)io->size : io->size;

	string_move(vcpu, io, io->reg, step);
	if (io->rep)
		string_move(vcpu, io, GPR_RCX, -1);
	if (io->rep && (vcpu->gpr[GPR_RCX] & io->mask))
		vmx_skip_bytes(vcpu, 0);
	else
		vmx_skip_instruction(vcpu);
}

/* SDM volume 3, 5.3: are these bytes within the segment? */
static bool is_within(u32 access, u32 limit, u64 offset, unsigned int size)
{
	u64 last = offset + size - 1;
	bool expand_down = !(access & BIT(3)) && (access & BIT(2));

	if (!expand_down)
		return last <= limit;
	return offset > limit && last <= (access & VMX_AR_DB_MASK ? U32_MAX : U16_MAX);
}

/* May the segment be used so? In 64-bit mode all may. */
static bool segment_allows(struct phv_vcpu *vcpu, const struct string_io *io)
{
	u32 access = vmcs_read(GUEST_ES_AR_BYTES + 2 * io->segment);
	bool code = access & BIT(3), bit1 = access & BIT(1);

	if (vmx_in_64bit_mode(vcpu))
		return true;
	if (access & VMX_AR_UNUSABLE_MASK)
		return false;
	/* Bit 1 lets data be written, and code be read. */
	if (io->in ? code || !bit1 : code && !bit1)
		return false;
	return is_within(access, vmcs_read(GUEST_ES_LIMIT + 2 * io->segment),
			 vcpu->gpr[io->reg] & io->mask, io->size);
}

static int string_fault(struct phv_vcpu *vcpu, const struct string_io *io, int error,
			const struct gva_fault *fault)
{
	switch (error) {
	case -EFAULT:
		vcpu->cr2 = fault->address;
		event_exception_error(vcpu, X86_TRAP_PF, fault->error);
		return VMX_RESUME;
	case -EINVAL:
		event_exception_error(vcpu, io->segment == SEG_SS ? X86_TRAP_SS : X86_TRAP_GP, 0);
		return VMX_RESUME;
	default:
		/* The operand is not in memory. */
		return vmx_to_user_unhandled(vcpu);
	}
}

/* Could the element be written? The port must not be read in vain. */
static int string_probe(struct phv_vcpu *vcpu, const struct string_io *io,
			struct gva_fault *fault)
{
	u64 gpa;
	int ret;

	ret = gva_to_gpa(vcpu, io->address, io->access, &gpa, NULL, fault);
	if (ret)
		return ret;
	/* The fault is told of the first byte in the page that lacks. */
	if (offset_in_page(io->address) + io->size <= PAGE_SIZE)
		return 0;
	return gva_to_gpa(vcpu, PAGE_ALIGN(io->address), io->access, &gpa, NULL, fault);
}

static int string_to_user(struct phv_vcpu *vcpu, const struct string_io *io, u32 data)
{
	struct phv_run *run = vcpu->run;

	run->exit_reason = PHV_EXIT_IO;
	run->io.port = io->port;
	run->io.size = io->size;
	run->io.write = !io->in;
	run->io.data = data;
	return VMX_TO_USER;
}

static int string_in(struct phv_vcpu *vcpu, const struct string_io *io, bool user)
{
	struct gva_fault fault;
	u32 data = ~0U;
	int ret;

	if (user) {
		ret = string_probe(vcpu, io, &fault);
		if (ret)
			return string_fault(vcpu, io, ret, &fault);
		vcpu->io_pending = IO_PENDING_STRING;
		return string_to_user(vcpu, io, data);
	}
	ret = gva_write(vcpu, io->address, &data, io->size, io->access & GVA_USER, &fault);
	if (ret)
		return string_fault(vcpu, io, ret, &fault);
	string_next(vcpu, io);
	return VMX_RESUME;
}

static int string_out(struct phv_vcpu *vcpu, const struct string_io *io, bool user)
{
	struct gva_fault fault;
	u32 data = 0;
	int ret;

	ret = gva_read(vcpu, io->address, &data, io->size, io->access, &fault);
	if (ret)
		return string_fault(vcpu, io, ret, &fault);
	if (!user)
		io_ring(vcpu, io->port);
	string_next(vcpu, io);
	return user ? string_to_user(vcpu, io, data) : VMX_RESUME;
}

/**
 * vmx_exit_io_string - INS or OUTS, one element
 * @vcpu: the vCPU, loaded
 *
 * Return: as all handlers.  Context: the outer loop; may sleep.
 */
int vmx_exit_io_string(struct phv_vcpu *vcpu)
{
	struct string_io io;
	bool user;

	if (!(vmx_caps.basic & BASIC_INS_OUTS))
		return vmx_to_user_unhandled(vcpu);
	string_decode(vcpu, &io);
	if (io.rep && !(vcpu->gpr[GPR_RCX] & io.mask)) {
		vmx_skip_instruction(vcpu);
		return VMX_RESUME;
	}
	if (!segment_allows(vcpu, &io))
		return string_fault(vcpu, &io, -EINVAL, NULL);
	user = io_is_user(vcpu, io.port);
	return io.in ? string_in(vcpu, &io, user) : string_out(vcpu, &io, user);
}

/*
 * User space has answered an INS. The VMCS still has the exit's information: the vCPU has not
 * been entered since. When the memory is gone meanwhile, the instruction is done again.
 */
void io_string_complete(struct phv_vcpu *vcpu, u32 data)
{
	struct gva_fault fault;
	struct string_io io;

	string_decode(vcpu, &io);
	if (!gva_write(vcpu, io.address, &data, io.size, io.access & GVA_USER, &fault))
		string_next(vcpu, &io);
}
