// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's page, for guests in xAPIC mode.
 *
 * What lives here: what happens when a guest touches the page at 0xfee00000.
 * With APICv the page is mapped to the APIC-access page, and the processor turns
 * accesses into accesses to the virtual-APIC page (SDM volume 3, 30.4);
 * what it leaves to us comes as APIC-access exits. Without, the page is a hole in
 * EPT, and each access is an EPT violation. In both cases the instruction is
 * decoded here, and this is the only decoder there is: plain MOVs of 32 bits
 * between memory and a register or from an immediate, as the SDM asks of software
 * that accesses the APIC (11.4.1). Anything else goes to user space, as an
 * access to a hole.
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "domain.h"
#include "vcpu.h"
#include "vmx/exit.h"
#include "vmx/gva.h"
#include "vmx/lapic_internal.h"

#define INSTRUCTION_MAX	15

/* A MOV between a 32-bit register or an immediate and the memory of this access. */
struct mov {
	bool write;		/* to memory */
	bool immediate;		/* what is written: @value, or register @reg */
	u8 reg;
	u32 value;
	unsigned int length;	/* bytes */
};

/* The bytes at RIP. */
struct code {
	u8 byte[INSTRUCTION_MAX];
	unsigned int size;	/* bytes there are */
	unsigned int next;	/* byte to look at; beyond @size: it was too short */
	unsigned int width;	/* default of operands and addresses: 2, 4; 8: 64-bit mode */
};

/* Past the end come zeros; decode() notices when it is through. */
static u8 next_byte(struct code *code)
{
	u8 byte = code->next < code->size ? code->byte[code->next] : 0;

	code->next++;
	return byte;
}

/* Up to the end of the page, and what can be had of the next. */
static int fetch(struct phv_vcpu *vcpu, struct code *code)
{
	u32 access = GVA_FETCH | (vmx_cpl(vcpu) == 3 ? GVA_USER : 0);
	u64 rip = vmcs_read(GUEST_RIP);
	struct gva_fault fault;
	unsigned int rest;

	memset(code, 0, sizeof(*code));
	if (vmx_in_64bit_mode(vcpu)) {
		code->width = 8;
	} else {
		code->width = vmcs_read(GUEST_CS_AR_BYTES) & VMX_AR_DB_MASK ? 4 : 2;
		rip = lower_32_bits(rip + vmcs_read(GUEST_CS_BASE));
	}
	code->size = min_t(unsigned int, INSTRUCTION_MAX, PAGE_SIZE - offset_in_page(rip));
	if (gva_read(vcpu, rip, code->byte, code->size, access, &fault))
		return -EFAULT;
	rest = INSTRUCTION_MAX - code->size;
	if (rest && !gva_read(vcpu, rip + code->size, code->byte + code->size, rest,
			      access, &fault))
		code->size += rest;
	return 0;
}

/*
 * ModRM and what belongs to it. Where it points is known from the exit: only its
 * length matters. False for a register. SDM volume 2, 2.1.
 */
static bool skip_memory_operand(struct code *code, u8 modrm, unsigned int address)
{
	u8 mod = modrm >> 6, rm = modrm & 7;

	if (mod == 3)
		return false;
	if (address == 2) {
		if (mod == 1)
			code->next += 1;
		else if (mod == 2 || rm == 6)
			code->next += 2;
		return true;
	}
	if (rm == 4)
		rm = next_byte(code) & 7;	/* SIB: its base */
	if (mod == 1)
		code->next += 1;
	else if (mod == 2 || rm == 5)
		code->next += 4;
	return true;
}

static u32 next_immediate(struct code *code)
{
	u32 value = next_byte(code);

	value |= next_byte(code) << 8;
	value |= next_byte(code) << 16;
	return value | (u32)next_byte(code) << 24;
}

/* Prefixes: operand and address size, segments, REX. Returns the opcode. */
static u8 decode_prefixes(struct code *code, unsigned int *operand,
			  unsigned int *address, u8 *rex)
{
	bool operand_prefix = false, address_prefix = false;
	u8 byte;

	for (;;) {
		byte = next_byte(code);
		if (byte == 0x66)
			operand_prefix = true;
		else if (byte == 0x67)
			address_prefix = true;
		else if (byte != 0x2e && byte != 0x36 && byte != 0x3e &&
			 byte != 0x26 && byte != 0x64 && byte != 0x65)
			break;
	}
	*rex = 0;
	if (code->width == 8) {
		if ((byte & 0xf0) == 0x40) {
			*rex = byte;
			byte = next_byte(code);
		}
		*operand = *rex & 8 ? 8 : operand_prefix ? 2 : 4;
		*address = address_prefix ? 4 : 8;
	} else {
		*operand = operand_prefix ? 6 - code->width : code->width;
		*address = address_prefix ? 6 - code->width : code->width;
	}
	return byte;
}

/* False when it is not such a MOV. */
static bool decode(struct code *code, struct mov *mov)
{
	unsigned int operand, address;
	u8 rex, opcode, modrm;

	memset(mov, 0, sizeof(*mov));
	opcode = decode_prefixes(code, &operand, &address, &rex);
	switch (opcode) {
	case 0x89:		/* MOV r/m32, r32 */
	case 0x8b:		/* MOV r32, r/m32 */
		modrm = next_byte(code);
		mov->write = opcode == 0x89;
		mov->reg = (modrm >> 3 & 7) | (rex & 4) << 1;
		if (!skip_memory_operand(code, modrm, address))
			return false;
		break;
	case 0xc7:		/* MOV r/m32, imm32 */
		modrm = next_byte(code);
		mov->write = true;
		mov->immediate = true;
		if ((modrm & 0x38) || !skip_memory_operand(code, modrm, address))
			return false;
		mov->value = next_immediate(code);
		break;
	case 0xa1:		/* MOV EAX, moffs32 */
	case 0xa3:		/* MOV moffs32, EAX */
		mov->write = opcode == 0xa3;
		mov->reg = GPR_RAX;
		code->next += address;
		break;
	default:
		return false;
	}
	mov->length = code->next;
	return operand == 4 && code->next <= code->size;
}

/* The instruction is done: 32-bit loads clear the upper half in 64-bit mode, too. */
static void execute(struct phv_vcpu *vcpu, const struct mov *mov, u32 reg)
{
	if (mov->write)
		lapic_write_xapic(vcpu, reg, mov->immediate ? mov->value :
						     (u32)vcpu_gpr(vcpu, mov->reg));
	else
		vcpu_set_gpr(vcpu, mov->reg, lapic_read_xapic(vcpu, reg));
	vmx_skip_bytes(vcpu, mov->length);
}

/**
 * access_register - do what the guest's instruction does to a register
 * @vcpu: the vCPU, in xAPIC mode
 * @offset: in the page
 * @write: it is a write
 *
 * Registers are 32 bits, at multiples of 16; what is between them is reserved, and so is
 * any other size (11.4.1).
 *
 * Return: false when it is no instruction that can be decoded.
 */
static bool access_register(struct phv_vcpu *vcpu, u32 offset, bool write)
{
	struct code code;
	struct mov mov;

	if (!IS_ALIGNED(offset, 16) || fetch(vcpu, &code) || !decode(&code, &mov) ||
	    mov.write != write)
		return false;
	execute(vcpu, &mov, offset);
	return true;
}

/* In the delivery of an event, or in a page walk, there is no instruction to decode. */
static bool is_instruction(void)
{
	u64 qualification = vmcs_read(EXIT_QUALIFICATION);

	return !(vmcs_read(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK) &&
	       (qualification & EPT_VIOLATION_GVA_IS_VALID) &&
	       (qualification & EPT_VIOLATION_GVA_TRANSLATED) &&
	       !(qualification & EPT_VIOLATION_ACC_INSTR);
}

int lapic_mmio(struct phv_vcpu *vcpu, u64 gpa, bool write)
{
	struct lapic *lapic = &vcpu->lapic;

	if ((gpa & PAGE_MASK) != APIC_DEFAULT_PHYS_BASE ||
	    !lapic_is_on(lapic) || lapic_is_x2apic(lapic))
		return 0;
	if (lapic->apicv)
		return ept_map_apic(vcpu);
	return is_instruction() && access_register(vcpu, offset_in_page(gpa), write);
}

static int to_user(struct phv_vcpu *vcpu, u32 offset, u32 access)
{
	struct phv_run *run = vcpu->run;

	run->exit_reason = PHV_EXIT_MEMORY;
	run->memory.guest_addr = APIC_DEFAULT_PHYS_BASE + offset;
	run->memory.access = access;
	run->memory.reserved = 0;
	return VMX_TO_USER;
}

/* An access that the processor does not virtualise. Slow. */
int lapic_exit_apic_access(struct phv_vcpu *vcpu)
{
	u64 qualification = vmcs_read(EXIT_QUALIFICATION);
	u32 offset = qualification & APIC_ACCESS_OFFSET;

	switch (qualification & APIC_ACCESS_TYPE) {
	case TYPE_LINEAR_APIC_INST_READ:
		if (access_register(vcpu, offset, false))
			return VMX_RESUME;
		return to_user(vcpu, offset, PHV_ACCESS_READ);
	case TYPE_LINEAR_APIC_INST_WRITE:
		if (access_register(vcpu, offset, true))
			return VMX_RESUME;
		return to_user(vcpu, offset, PHV_ACCESS_WRITE);
	case TYPE_LINEAR_APIC_INST_FETCH:
		return to_user(vcpu, offset, PHV_ACCESS_EXECUTE);
	default:
		return to_user(vcpu, offset, PHV_ACCESS_READ | PHV_ACCESS_WRITE);
	}
}
