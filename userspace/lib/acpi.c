// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ACPI tables of a domain.
 *
 * The ACPI specification 6.5, chapter 5, says what is in them; structure members
 * that stay 0 are left out where that is possible without losing their offsets.
 *
 * The guest is one of reduced hardware: without the PM timer, GPEs, SCI and the
 * PM1 registers there is nothing that would have to be emulated.  That there is
 * neither VGA nor an RTC is what tells Linux that it is a PVH domain when it
 * was not entered as one.
 */
#include <stdbool.h>
#include <string.h>

#include "acpi.h"
#include "compiler.h"

/* The highest identifier that a local APIC entry has; beyond: local x2APIC. */
#define LAPIC_MAX_ID		254
#define LAPIC_ADDR		0xfee00000U

#define OEM_ID			"PHV   "
#define OEM_TABLE_ID		"PHV     "
#define CREATOR_ID		"PHV "

/* The order of the tables in memory; each is aligned to 16. */
struct acpi_rsdp {
	char signature[8];
	__u8 checksum;
	char oem_id[6];
	__u8 revision;
	__u32 rsdt;
	__u32 length;
	__u64 xsdt;
	__u8 extended_checksum;
	__u8 reserved[3];
} __packed;

struct acpi_header {
	char signature[4];
	__u32 length;
	__u8 revision;
	__u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	__u32 oem_revision;
	char creator_id[4];
	__u32 creator_revision;
} __packed;

struct acpi_xsdt {
	struct acpi_header header;
	__u64 table[2];
} __packed;

/* Generic Address Structure */
struct acpi_gas {
	__u8 space;
	__u8 bits;
	__u8 offset;
	__u8 access;
	__u64 addr;
} __packed;

#define ACPI_GAS_IO		1
#define ACPI_GAS_BYTE		1

struct acpi_fadt {
	struct acpi_header header;
	__u32 facs;
	__u32 dsdt;
	__u8 zero_44[65];
	__u16 iapc_boot_arch;
	__u8 zero_111;
	__u32 flags;
	struct acpi_gas reset;
	__u8 reset_value;
	__u16 arm_boot_arch;
	__u8 minor;
	__u64 x_facs;
	__u64 x_dsdt;
	struct acpi_gas pm[8];
	struct acpi_gas sleep_control;
	struct acpi_gas sleep_status;
	__u64 hypervisor_vendor;
} __packed;

static_assert(sizeof(struct acpi_fadt) == 276, "FADT of ACPI 6");
static_assert(offsetof(struct acpi_fadt, iapc_boot_arch) == 109, "FADT");
static_assert(offsetof(struct acpi_fadt, sleep_control) == 244, "FADT");

#define FADT_REVISION		6
#define FADT_MINOR		5

#define FADT_BOOT_NO_VGA	BIT(2)
#define FADT_BOOT_NO_CMOS_RTC	BIT(5)

#define FADT_WBINVD		BIT(0)
#define FADT_PROC_C1		BIT(2)
#define FADT_POWER_BUTTON	BIT(4)	/* not as a fixed feature: there is none */
#define FADT_SLEEP_BUTTON	BIT(5)	/* the same */
#define FADT_FIX_RTC		BIT(6)	/* the RTC doesn't wake: there is none */
#define FADT_HW_REDUCED		BIT(20)

struct acpi_madt {
	struct acpi_header header;
	__u32 lapic_addr;
	__u32 flags;			/* PCAT_COMPAT is 0: no 8259 */
} __packed;

struct acpi_lapic {
	__u8 type;
	__u8 length;
	__u8 uid;
	__u8 apic_id;
	__u32 flags;
} __packed;

struct acpi_x2apic {
	__u8 type;
	__u8 length;
	__u16 reserved;
	__u32 apic_id;
	__u32 flags;
	__u32 uid;
} __packed;

#define MADT_LAPIC		0
#define MADT_X2APIC		9
#define MADT_ENABLED		1

/*
 * The DSDT's AML:
 *
 *	Name (_S5, Package () { 5, 0, 0, 0 })
 *
 * The first is SLP_TYP of the sleep control register.
 */
static const __u8 dsdt_aml[] = {
	0x08, '_', 'S', '5', '_',	/* NameOp */
	0x12, 0x07, 4,			/* PackageOp, length, elements */
	0x0a, 5, 0x00, 0x00, 0x00,	/* BytePrefix, three of ZeroOp */
};

static size_t align_16(size_t n)
{
	return (n + 15) & ~15UL;
}

static size_t madt_size(unsigned int vcpus)
{
	unsigned int narrow = vcpus <= LAPIC_MAX_ID + 1 ? vcpus : LAPIC_MAX_ID + 1;

	return sizeof(struct acpi_madt) + narrow * sizeof(struct acpi_lapic) +
	       (vcpus - narrow) * sizeof(struct acpi_x2apic);
}

/**
 * acpi_size - room that the tables need
 * @vcpus: the domain's vCPUs
 *
 * Return: bytes
 */
size_t acpi_size(unsigned int vcpus)
{
	return align_16(sizeof(struct acpi_rsdp)) + align_16(sizeof(struct acpi_xsdt)) +
	       align_16(sizeof(struct acpi_fadt)) +
	       align_16(sizeof(struct acpi_header) + sizeof(dsdt_aml)) +
	       madt_size(vcpus);
}

static __u8 checksum(const void *data, size_t size)
{
	const __u8 *bytes = data;
	__u8 sum = 0;

	while (size--)
		sum += *bytes++;
	return -sum;
}

/* The last step of each table. */
static void finish(void *table, const char *signature, __u8 revision, size_t size)
{
	struct acpi_header *header = table;

	memcpy(header->signature, signature, sizeof(header->signature));
	header->length = size;
	header->revision = revision;
	memcpy(header->oem_id, OEM_ID, sizeof(header->oem_id));
	memcpy(header->oem_table_id, OEM_TABLE_ID, sizeof(header->oem_table_id));
	header->oem_revision = 1;
	memcpy(header->creator_id, CREATOR_ID, sizeof(header->creator_id));
	header->creator_revision = 1;
	header->checksum = 0;
	header->checksum = checksum(table, size);
}

static size_t build_dsdt(void *table)
{
	size_t size = sizeof(struct acpi_header) + sizeof(dsdt_aml);

	memcpy((char *)table + sizeof(struct acpi_header), dsdt_aml, sizeof(dsdt_aml));
	finish(table, "DSDT", 2, size);
	return size;
}

static size_t build_fadt(void *table, __u64 dsdt)
{
	const struct acpi_gas sleep = {
		.space = ACPI_GAS_IO, .bits = 8, .access = ACPI_GAS_BYTE,
		.addr = ACPI_SLEEP_PORT,
	};
	struct acpi_fadt *fadt = table;

	memset(fadt, 0, sizeof(*fadt));
	fadt->dsdt = dsdt;
	fadt->x_dsdt = dsdt;
	fadt->minor = FADT_MINOR;
	fadt->iapc_boot_arch = FADT_BOOT_NO_VGA | FADT_BOOT_NO_CMOS_RTC;
	fadt->flags = FADT_WBINVD | FADT_PROC_C1 | FADT_POWER_BUTTON | FADT_SLEEP_BUTTON |
		      FADT_FIX_RTC | FADT_HW_REDUCED;
	fadt->sleep_control = sleep;
	fadt->sleep_status = sleep;
	fadt->sleep_status.addr++;
	finish(fadt, "FACP", FADT_REVISION, sizeof(*fadt));
	return sizeof(*fadt);
}

/*
 * The processor's UID is the vCPU's number, for that is what Xen's guests take
 * it for; so is the APIC identifier, for that is how vCPUs are made.
 */
static size_t build_madt(void *table, unsigned int vcpus)
{
	struct acpi_madt *madt = table;
	char *entry = (char *)(madt + 1);
	unsigned int i;

	memset(madt, 0, sizeof(*madt));
	madt->lapic_addr = LAPIC_ADDR;
	for (i = 0; i < vcpus; i++) {
		const struct acpi_lapic lapic = {
			.type = MADT_LAPIC, .length = sizeof(lapic),
			.uid = i, .apic_id = i, .flags = MADT_ENABLED,
		};
		const struct acpi_x2apic x2apic = {
			.type = MADT_X2APIC, .length = sizeof(x2apic),
			.uid = i, .apic_id = i, .flags = MADT_ENABLED,
		};
		bool narrow = i <= LAPIC_MAX_ID;
		size_t size = narrow ? sizeof(lapic) : sizeof(x2apic);

		memcpy(entry, narrow ? (const void *)&lapic : &x2apic, size);
		entry += size;
	}
	finish(madt, "APIC", 5, madt_size(vcpus));
	return madt_size(vcpus);
}

static size_t build_xsdt(void *table, __u64 fadt, __u64 madt)
{
	struct acpi_xsdt *xsdt = table;

	xsdt->table[0] = fadt;
	xsdt->table[1] = madt;
	finish(xsdt, "XSDT", 1, sizeof(*xsdt));
	return sizeof(*xsdt);
}

static void build_rsdp(void *table, __u64 xsdt)
{
	struct acpi_rsdp *rsdp = table;

	memset(rsdp, 0, sizeof(*rsdp));
	memcpy(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature));
	memcpy(rsdp->oem_id, OEM_ID, sizeof(rsdp->oem_id));
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt = xsdt;
	rsdp->checksum = checksum(rsdp, offsetof(struct acpi_rsdp, length));
	rsdp->extended_checksum = checksum(rsdp, sizeof(*rsdp));
}

/**
 * acpi_build - make the tables
 * @tables: where to, acpi_size() bytes
 * @addr: guest-physical address of that, a multiple of 16
 * @vcpus: the domain's vCPUs
 *
 * Return: guest-physical address of the RSDP
 */
__u64 acpi_build(void *tables, __u64 addr, unsigned int vcpus)
{
	char *base = tables;
	size_t xsdt = align_16(sizeof(struct acpi_rsdp));
	size_t fadt = xsdt + align_16(sizeof(struct acpi_xsdt));
	size_t dsdt = fadt + align_16(sizeof(struct acpi_fadt));
	size_t madt;

	madt = dsdt + align_16(build_dsdt(base + dsdt));
	build_fadt(base + fadt, addr + dsdt);
	build_madt(base + madt, vcpus);
	build_xsdt(base + xsdt, addr + fadt, addr + madt);
	build_rsdp(base, addr + xsdt);
	return addr;
}
