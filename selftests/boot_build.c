// SPDX-License-Identifier: GPL-2.0-only
/*
 * What libphv makes of a kernel image in a domain's memory: where things are,
 * the structures that the guest finds, and the state in which it starts.
 *
 * Runs anywhere: without VMX, without phv.ko, and without root.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <asm/bootparam.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "kselftest.h"

#include "boot.h"
#include "boot_file.h"

#define MB		0x100000ULL

static struct image image;
static struct phv_error error;
static struct file elf_file, bz_file;
static struct guest_memory memory;
static struct boot boot;

static int file_of(size_t size, int fill)
{
	int fd = memfd_create("initrd", 0);
	char *bytes;

	if (fd < 0 || ftruncate(fd, size))
		return -1;
	bytes = mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes != MAP_FAILED) {
		memset(bytes, fill, size);
		munmap(bytes, size);
	}
	return fd;
}

/* Opens elf_file or bz_file, and builds the domain; image and memory stay. */
static const char *console;

static int build(const struct file *file, enum boot_protocol protocol, __u64 ram,
		 unsigned int vcpus, const char *cmdline, int initrd)
{
	const struct boot_options options = {
		.vcpus = vcpus, .cmdline = cmdline, .console = console, .initrd_fd = initrd,
	};
	int ret;

	error.text[0] = '\0';
	ret = image_open_data(&image, file->bytes, file->size, protocol, &error);
	if (ret)
		return ret;
	ret = guest_memory_lay_out(&memory, ram, vcpus);
	if (!ret)
		ret = guest_memory_map(&memory);
	if (!ret)
		ret = boot_build(&boot, &image, &memory, &options, &error);
	return ret;
}

static void unbuild(void)
{
	image_close(&image);
	guest_memory_unmap(&memory);
}

static bool is_zero(const __u8 *bytes, size_t size)
{
	while (size--)
		if (*bytes++)
			return false;
	return true;
}

static bool in_ram(__u64 addr, __u64 size)
{
	return addr + size >= addr && addr + size <= memory.region[0].size;
}

/* Outside of the kernel, below 1 GiB, in RAM. */
static bool is_well_placed(__u64 addr, __u64 size)
{
	return in_ram(addr, size) && addr + size <= 1ULL << 30 &&
	       (addr >= image.high || addr + size <= image.low);
}

static const struct hvm_start_info *start_info(void)
{
	return guest_memory_at(&memory, boot.regs.gpr[3], sizeof(struct hvm_start_info));
}

static bool start_info_is_right(const char *cmdline, __u64 initrd_size)
{
	const struct hvm_start_info *info = start_info();
	const struct hvm_memmap_table_entry *map;
	const struct hvm_modlist_entry *module;
	unsigned int i;

	if (!info || !is_well_placed(boot.regs.gpr[3], sizeof(*info)) ||
	    info->magic != XEN_HVM_START_MAGIC_VALUE || info->version != 1 || info->flags ||
	    info->reserved || info->rsdp_paddr != GUEST_ACPI_ADDR)
		return false;
	if (!is_well_placed(info->cmdline_paddr, strlen(cmdline) + 1) ||
	    strcmp(guest_memory_at(&memory, info->cmdline_paddr, strlen(cmdline) + 1), cmdline))
		return false;

	if (info->memmap_entries != memory.regions ||
	    !is_well_placed(info->memmap_paddr, sizeof(*map) * info->memmap_entries))
		return false;
	map = guest_memory_at(&memory, info->memmap_paddr, sizeof(*map) * info->memmap_entries);
	for (i = 0; i < memory.regions; i++)
		if (map[i].addr != memory.region[i].addr || map[i].reserved ||
		    map[i].size != memory.region[i].size || map[i].type != boot.map[i].type)
			return false;

	if (!initrd_size)
		return !info->nr_modules;
	if (info->nr_modules != 1 || !is_well_placed(info->modlist_paddr, sizeof(*module)))
		return false;
	module = guest_memory_at(&memory, info->modlist_paddr, sizeof(*module));
	return module->paddr == boot.initrd_addr && module->size == initrd_size;
}

/* The initrd is all there, in RAM below 4 GiB, and in nothing else's way. */
static bool initrd_is_right(__u64 size, int fill)
{
	const __u8 *bytes = guest_memory_at(&memory, boot.initrd_addr, size);
	__u64 info = boot.regs.gpr[3];

	if (boot.initrd_size != size || !in_ram(boot.initrd_addr, size) || !bytes)
		return false;
	if (boot.initrd_addr < image.high && boot.initrd_addr + size > image.low)
		return false;
	if (boot.initrd_addr < info + 4096 && boot.initrd_addr + size > info)
		return false;
	return bytes[0] == fill && bytes[size - 1] == fill && bytes[size / 2] == fill;
}

static bool entry_state_is_right(void)
{
	const struct phv_control *control = &boot.control;
	const struct phv_segment *segment = control->segment;
	const struct phv_segment *cs = &segment[PHV_SEG_CS];
	static const unsigned int data[] = { PHV_SEG_DS, PHV_SEG_ES, PHV_SEG_SS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(data); i++)
		if (segment[data[i]].base || segment[data[i]].limit != 0xffffffff ||
		    segment[data[i]].access != 0xc093)
			return false;
	return boot.regs.rip == image.entry && boot.regs.rflags == 2 && control->cr0 == 0x11 &&
	       !control->cr4 && !control->efer && !control->cr3 && !cs->base &&
	       cs->limit == 0xffffffff && cs->access == 0xc09b &&
	       segment[PHV_SEG_TR].access == 0x8b && segment[PHV_SEG_TR].limit == 0x67 &&
	       control->dr6 == 0xffff0ff0 && control->dr7 == 0x400;
}

static void test_pvh_build(__u64 ram)
{
	static const char cmdline[] = "console=hvc0 root=/dev/xvda1";
	const __u8 *kernel;
	int initrd = file_of(3 * MB + 5, 'i');
	bool ok;

	elf_linux(&elf_file);
	ok = !build(&elf_file, BOOT_PVH, ram, 4, cmdline, initrd);
	if (ok) {
		kernel = guest_memory_at(&memory, KERNEL_ADDR, KERNEL_MEM + DATA_SIZE);
		ok = kernel[0] == 'A' && kernel[DATA_SIZE - 1] == 'A' &&
		     is_zero(kernel + DATA_SIZE, KERNEL_MEM - DATA_SIZE) &&
		     kernel[KERNEL_MEM] == 'B' && entry_state_is_right() &&
		     start_info_is_right(cmdline, 3 * MB + 5) &&
		     initrd_is_right(3 * MB + 5, 'i');
	}
	if (!ok)
		ksft_print_msg("%s; start_info %#llx, initrd %#llx\n", error.text,
			       boot.regs.gpr[3], boot.initrd_addr);
	unbuild();
	close(initrd);
	ksft_test_result(ok, "PVH: memory and entry state of a domain of %llu MB\n", ram / MB);
}

static void test_memory_map(void)
{
	static const struct guest_region expected[] = {
		{ .addr = 0, .size = 0xf0000000, .type = 1 },
		{ .addr = 0xfc000000, .size = 0x1000, .type = 4 },
		{ .addr = 0xfeff8000, .size = 0x8000, .type = 2 },
		{ .addr = 1ULL << 32, .size = 6144 * MB - 0xf0000000, .type = 1 },
	};
	bool ok = !guest_memory_lay_out(&memory, 6144 * MB, 4) && memory.regions == 4;
	unsigned int i;

	for (i = 0; ok && i < memory.regions; i++)
		ok = memory.region[i].addr == expected[i].addr &&
		     memory.region[i].size == expected[i].size &&
		     memory.region[i].type == expected[i].type;
	ok = ok && guest_memory_pages(&memory) == 6144 * 256 + 1 + 8;
	ksft_test_result(ok, "memory map of a domain of 6 GB\n");
}

static void test_memory_sizes(void)
{
	bool ok = guest_memory_lay_out(&memory, 0, 1) == -EINVAL &&
		  guest_memory_lay_out(&memory, MB - 4096, 1) == -EINVAL &&
		  guest_memory_lay_out(&memory, MB + 1, 1) == -EINVAL &&
		  guest_memory_lay_out(&memory, -4096ULL, 1) == -EINVAL &&
		  !guest_memory_lay_out(&memory, MB, 1) && memory.regions == 3;

	ksft_test_result(ok, "refused: memory of odd sizes\n");
}

static void test_memory_at(void)
{
	bool ok;

	guest_memory_lay_out(&memory, 16 * MB, 1);
	ok = !guest_memory_map(&memory) &&
	     guest_memory_at(&memory, 0, 16 * MB) == memory.region[0].host &&
	     guest_memory_at(&memory, 16 * MB - 1, 1) &&
	     !guest_memory_at(&memory, 16 * MB - 1, 2) &&
	     !guest_memory_at(&memory, 16 * MB, 1) &&
	     !guest_memory_at(&memory, 1, -1ULL) &&
	     !guest_memory_at(&memory, -1ULL, 2) &&
	     guest_memory_at(&memory, GUEST_STORE_GFN << 12, 4096) &&
	     guest_memory_at(&memory, GUEST_CONSOLE_GFN << 12, 4096) &&
	     !guest_memory_at(&memory, GUEST_CONSOLE_GFN << 12, 4097);
	guest_memory_unmap(&memory);
	ksft_test_result(ok, "addresses of guests that are not in memory\n");
}

static void test_dirty_memory(void)
{
	const struct boot_options options = { .vcpus = 1, .initrd_fd = -1 };
	const __u8 *kernel;
	bool ok;

	elf_linux(&elf_file);
	ok = !build(&elf_file, BOOT_PVH, 32 * MB, 1, NULL, -1);
	memset(memory.region[0].host, 0xee, memory.region[0].size);
	ok = ok && !boot_build(&boot, &image, &memory, &options, &error);
	kernel = guest_memory_at(&memory, KERNEL_ADDR, KERNEL_MEM);
	ok = ok && kernel[0] == 'A' && is_zero(kernel + DATA_SIZE, KERNEL_MEM - DATA_SIZE) &&
	     is_zero(memory.region[0].host, 4096) && start_info_is_right("", 0);
	unbuild();
	ksft_test_result(ok, "PVH: memory that was used before\n");
}

static void test_kernel_at_zero(void)
{
	bool ok;

	elf_begin(&elf_file, false);
	elf_load(&elf_file, 0, 0, 0x4000);
	elf_entry(&elf_file, 0, 4);
	elf_note_segment(&elf_file, 0, elf_file.notes);
	ok = !build(&elf_file, BOOT_PVH, MB, 1, "zero", -1) && entry_state_is_right() &&
	     start_info_is_right("zero", 0) &&
	     *(char *)guest_memory_at(&memory, 0, 1) == 'A';
	unbuild();
	ksft_test_result(ok, "PVH: a kernel at address 0\n");
}

/* No room behind the kernel: before it, then. */
static void make_kernel_at_end(__u64 from, __u64 ram)
{
	elf_begin(&elf_file, true);
	elf_load(&elf_file, 0, from, ram - from);
	elf_entry(&elf_file, from, 4);
	elf_note_segment(&elf_file, 0, elf_file.notes);
}

static void test_kernel_at_end(void)
{
	int initrd = file_of(4 * MB, 'e');
	bool ok;

	make_kernel_at_end(16 * MB, 32 * MB);
	ok = !build(&elf_file, BOOT_PVH, 32 * MB, 1, "end", initrd) && entry_state_is_right() &&
	     start_info_is_right("end", 4 * MB) && initrd_is_right(4 * MB, 'e') &&
	     boot.regs.gpr[3] < 16 * MB && boot.initrd_addr >= MB;
	unbuild();
	close(initrd);
	ksft_test_result(ok, "PVH: a kernel at the end of memory\n");
}

static void test_high_kernel(void)
{
	bool ok;

	make_kernel_at_end(1ULL << 30, (1ULL << 30) + 4 * MB);
	ok = !build(&elf_file, BOOT_PVH, 2048 * MB, 1, "high", -1) &&
	     start_info_is_right("high", 0);
	unbuild();
	ksft_test_result(ok, "PVH: a kernel above 1 GiB\n");
}

static void test_build_refusal(const char *what, int ret, int err, const char *says)
{
	bool ok = ret == err && strstr(error.text, says);

	if (!ok)
		ksft_print_msg("%d, \"%s\"; %d, \"…%s…\" expected\n", ret, error.text,
			       err, says);
	unbuild();
	ksft_test_result(ok, "refused: %s\n", what);
}

static void test_build_refusals(void)
{
	static char cmdline[2049];
	int initrd = file_of(16 * MB + 1, 'x');
	int empty = file_of(0, 0);
	int null = open("/dev/null", O_RDONLY);

	elf_linux(&elf_file);
	test_build_refusal("a kernel beyond memory",
			   build(&elf_file, BOOT_PVH, 16 * MB, 1, NULL, -1), -EFBIG,
			   "kernel image: needs memory up to 0x1004000");
	test_build_refusal("an initrd that is too large",
			   build(&elf_file, BOOT_PVH, 20 * MB, 1, NULL, initrd), -EFBIG,
			   "initrd: no room for 16 MB");
	test_build_refusal("an empty initrd",
			   build(&elf_file, BOOT_PVH, 20 * MB, 1, NULL, empty), -EINVAL,
			   "initrd: the file is empty");
	test_build_refusal("an initrd that is no file",
			   build(&elf_file, BOOT_PVH, 20 * MB, 1, NULL, null), -EINVAL,
			   "initrd: not a regular file");
	test_build_refusal("no vCPUs", build(&elf_file, BOOT_PVH, 20 * MB, 0, NULL, -1),
			   -EINVAL, "0 vCPUs");
	test_build_refusal("too many vCPUs",
			   build(&elf_file, BOOT_PVH, 20 * MB, PHV_MAX_VCPUS + 1, NULL, -1),
			   -EINVAL, "129 vCPUs");
	memset(cmdline, 'c', sizeof(cmdline) - 1);
	test_build_refusal("a command line that is too long",
			   build(&elf_file, BOOT_PVH, 20 * MB, 1, cmdline, -1), -E2BIG,
			   "command line: 2048 characters, the kernel takes 2047");
	make_kernel_at_end(0, 20 * MB);
	test_build_refusal("a kernel that takes all memory",
			   build(&elf_file, BOOT_PVH, 20 * MB, 1, NULL, -1), -EFBIG,
			   "leaves no memory");
	make_linux(&bz_file);
	test_build_refusal("a bzImage beyond memory",
			   build(&bz_file, BOOT_LINUX64, 4 * MB, 1, NULL, -1), -EFBIG,
			   "kernel image: needs 0x800000 bytes");
	close(initrd);
	close(empty);
	close(null);
}

/* Long mode's walk of the tables that the kernel is entered with. */
static bool maps_itself(__u64 addr)
{
	const __u64 *table;
	__u64 entry = boot.control.cr3;
	int shift;

	for (shift = 39; shift >= 21; shift -= 9) {
		table = guest_memory_at(&memory, entry & ~0xfffULL, 4096);
		if (!table)
			return false;
		entry = table[addr >> shift & 511];
		if ((entry & 3) != 3)
			return false;
		if (entry & 0x80)
			break;
	}
	return shift == 21 && (entry & ~0x1fffffULL) == (addr & ~0x1fffffULL);
}

static bool gdt_has(unsigned int selector, __u64 descriptor)
{
	const __u64 *gdt = guest_memory_at(&memory, boot.control.gdt_base,
					   boot.control.gdt_limit + 1);

	/* the accessed bit may or may not be there */
	return gdt && selector + 7 <= boot.control.gdt_limit &&
	       (gdt[selector / 8] | 1ULL << 40) == descriptor;
}

static bool long_mode_is_right(__u64 kernel)
{
	const struct phv_control *control = &boot.control;

	return boot.regs.rip == kernel + 0x200 && boot.regs.rflags == 2 &&
	       control->cr0 == 0x80000011 && control->cr4 == 0x20 && control->efer == 0x500 &&
	       control->segment[PHV_SEG_CS].selector == 0x10 &&
	       control->segment[PHV_SEG_CS].access == 0xa09b &&
	       control->segment[PHV_SEG_DS].selector == 0x18 &&
	       control->segment[PHV_SEG_DS].access == 0xc093 &&
	       gdt_has(0x10, 0x00af9b000000ffffULL) && gdt_has(0x18, 0x00cf93000000ffffULL) &&
	       maps_itself(0) && maps_itself(kernel) && maps_itself(boot.regs.gpr[6]) &&
	       maps_itself(0xfffff000);
}

static bool zero_page_is_right(const char *cmdline, __u64 initrd_size)
{
	const struct boot_params *params = guest_memory_at(&memory, boot.regs.gpr[6], 4096);
	const struct setup_header *header = &params->hdr;
	const char *line;
	unsigned int i;

	if (!params || header->header != 0x53726448 || header->version != 0x20f ||
	    header->type_of_loader != 0xff || !(header->loadflags & LOADED_HIGH) ||
	    params->sentinel || params->acpi_rsdp_addr != GUEST_ACPI_ADDR ||
	    params->e820_entries != boot.map_entries)
		return false;
	for (i = 0; i < boot.map_entries; i++)
		if (params->e820_table[i].addr != boot.map[i].addr ||
		    params->e820_table[i].size != boot.map[i].size ||
		    params->e820_table[i].type != boot.map[i].type)
			return false;
	line = guest_memory_at(&memory, header->cmd_line_ptr, strlen(cmdline) + 1);
	return line && !strcmp(line, cmdline) && header->ramdisk_image == boot.initrd_addr &&
	       header->ramdisk_size == initrd_size;
}

static void test_linux64_build(__u64 ram, __u64 kernel)
{
	static const char cmdline[] = "console=hvc0 quiet";
	const __u8 *bytes;
	int initrd = file_of(2 * MB, 'j');
	bool ok;

	make_linux(&bz_file);
	ok = !build(&bz_file, BOOT_LINUX64, ram, 4, cmdline, initrd);
	if (ok) {
		bytes = guest_memory_at(&memory, kernel, image.kernel_size);
		ok = !memcmp(bytes, bz_file.bytes + KERNEL_OFFSET, image.kernel_size) &&
		     long_mode_is_right(kernel) && zero_page_is_right(cmdline, 2 * MB) &&
		     boot.initrd_addr >= kernel + 0x800000 &&
		     boot.initrd_addr + 2 * MB <= ram &&
		     boot.initrd_addr + 2 * MB <= 0x80000000 &&
		     *(char *)guest_memory_at(&memory, boot.initrd_addr, 2 * MB) == 'j';
	}
	if (!ok)
		ksft_print_msg("%s; rip %#llx, initrd %#llx\n", error.text, boot.regs.rip,
			       boot.initrd_addr);
	unbuild();
	close(initrd);
	ksft_test_result(ok, "linux64: memory and entry state of a domain of %llu MB\n",
			 ram / MB);
}

/* Linux is told of the console, unless it is told of another, and nobody else is. */
static void test_console(void)
{
	static char longest[2048];
	const struct {
		const struct file *file;
		const char *given, *found;
	} lines[] = {
		{ &bz_file, "quiet", "quiet console=hvc0" },
		{ &bz_file, NULL, "console=hvc0" },
		{ &bz_file, "noconsole=1", "noconsole=1 console=hvc0" },
		{ &bz_file, "a console=ttyS0 b", "a console=ttyS0 b" },
		{ &bz_file, "console=", "console=" },
		{ &bz_file, longest, longest },
		{ &elf_file, "quiet", "quiet" },
	};
	const struct hvm_start_info *info;
	bool ok = true, same;
	unsigned int i;

	console = "hvc0";
	memset(longest, 'c', sizeof(longest) - 1);
	elf_linux(&elf_file);
	make_linux(&bz_file);
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t size = strlen(lines[i].found) + 1;

		same = !build(lines[i].file, BOOT_PVH, 20 * MB, 1, lines[i].given, -1);
		info = same ? start_info() : NULL;
		same = info && !strcmp(guest_memory_at(&memory, info->cmdline_paddr, size),
				       lines[i].found);
		if (!same)
			ksft_print_msg("%s: %.60s\n", error.text, lines[i].given ?: "none");
		ok = ok && same;
		unbuild();
	}
	console = NULL;
	ksft_test_result(ok, "a console for Linux that has none\n");
}

/* ACPI: found as a guest finds them */

static __u64 acpi_base;
static __u8 acpi_tables[0x4000];

static const __u8 *acpi_at(__u64 addr, size_t size)
{
	__u64 offset = addr - acpi_base;

	return offset <= sizeof(acpi_tables) && size <= sizeof(acpi_tables) - offset ?
	       acpi_tables + offset : NULL;
}

static __u64 load(const __u8 *from, size_t size)
{
	__u64 value = 0;

	memcpy(&value, from, size);
	return value;
}

static bool sums_to_zero(const __u8 *table, size_t size)
{
	__u8 sum = 0;

	while (size--)
		sum += *table++;
	return !sum;
}

static const __u8 *acpi_table(__u64 addr, const char *signature)
{
	const __u8 *table = acpi_at(addr, 36);
	__u32 length;

	if (!table || memcmp(table, signature, 4))
		return NULL;
	length = load(table + 4, 4);
	return length >= 36 && acpi_at(addr, length) && sums_to_zero(table, length) ?
	       table : NULL;
}

/* One entry for each vCPU, in order, of the form that fits the identifier. */
static bool madt_is_right(const __u8 *madt, unsigned int vcpus)
{
	const __u8 *entry = madt + 44;
	const __u8 *end = madt + load(madt + 4, 4);
	unsigned int i;

	if (load(madt + 36, 4) != 0xfee00000 || load(madt + 40, 4))
		return false;
	for (i = 0; i < vcpus; i++) {
		unsigned int size = i < 255 ? 8 : 16;

		if (entry + size > end || entry[1] != size)
			return false;
		if (i < 255 && (entry[0] != 0 || entry[2] != i || entry[3] != i ||
				load(entry + 4, 4) != 1))
			return false;
		if (i >= 255 && (entry[0] != 9 || load(entry + 4, 4) != i ||
				 load(entry + 8, 4) != 1 || load(entry + 12, 4) != i))
			return false;
		entry += size;
	}
	return entry == end;
}

static bool fadt_is_right(const __u8 *fadt)
{
	const __u8 *control = fadt + 244;
	__u32 flags = load(fadt + 112, 4);
	__u16 arch = load(fadt + 109, 2);

	return load(fadt + 4, 4) == 276 && flags & 1U << 20 && arch == (1 << 2 | 1 << 5) &&
	       control[0] == 1 && control[1] == 8 && load(control + 4, 8) == ACPI_SLEEP_PORT &&
	       control[12] == 1 && load(control + 16, 8) == ACPI_SLEEP_PORT + 1 &&
	       acpi_table(load(fadt + 140, 8), "DSDT");
}

static void test_acpi(unsigned int vcpus)
{
	const __u8 *rsdp, *xsdt, *fadt, *madt;
	bool ok;

	acpi_base = GUEST_ACPI_ADDR;
	memset(acpi_tables, 0xcc, sizeof(acpi_tables));
	rsdp = acpi_at(acpi_build(acpi_tables, acpi_base, vcpus), 36);
	ok = acpi_size(vcpus) <= sizeof(acpi_tables) && acpi_tables[acpi_size(vcpus)] == 0xcc &&
	     rsdp && !memcmp(rsdp, "RSD PTR ", 8) && sums_to_zero(rsdp, 20) &&
	     sums_to_zero(rsdp, 36) && rsdp[15] == 2;
	xsdt = ok ? acpi_table(load(rsdp + 24, 8), "XSDT") : NULL;
	fadt = xsdt ? acpi_table(load(xsdt + 36, 8), "FACP") : NULL;
	madt = xsdt ? acpi_table(load(xsdt + 44, 8), "APIC") : NULL;
	ok = ok && fadt && madt && fadt_is_right(fadt) && madt_is_right(madt, vcpus);
	ksft_test_result(ok, "ACPI tables for %u vCPUs\n", vcpus);
}

#define TESTS	28

int main(void)
{
	ksft_print_header();
	ksft_set_plan(TESTS);

	test_pvh_build(20 * MB);
	test_pvh_build(256 * MB);
	test_pvh_build(0xf0000000);
	test_pvh_build(6144 * MB);
	test_memory_map();
	test_memory_sizes();
	test_memory_at();
	test_dirty_memory();
	test_kernel_at_zero();
	test_kernel_at_end();
	test_high_kernel();
	test_build_refusals();
	test_linux64_build(256 * MB, KERNEL_ADDR);
	test_linux64_build(16 * MB, 2 * MB);
	test_linux64_build(6144 * MB, KERNEL_ADDR);
	test_console();
	test_acpi(1);
	test_acpi(4);
	test_acpi(PHV_MAX_VCPUS);
	test_acpi(300);
	ksft_finished();
}
