// SPDX-License-Identifier: GPL-2.0-only
/*
 * libphv's image loader.
 *
 * Runs anywhere: without VMX, without phv.ko, and without root. The images are
 * made here, whole ones in all the forms that there are, and for each refusal
 * one that deserves it; real kernels are taken if there are any.
 */
#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/elfnote.h>

#include "kselftest.h"

#include "boot_file.h"
#include "image.h"

static struct image image;
static struct phv_error error;
static struct file elf_file, packed_file, bz_file;

static int open_file(const struct file *file, enum boot_protocol protocol)
{
	error.text[0] = '\0';
	return image_open_data(&image, file->bytes, file->size, protocol, &error);
}

/* Opens, has this entry point and span. */
static bool opens(const struct file *file, __u64 entry, __u64 low, __u64 high)
{
	int ret = open_file(file, BOOT_PVH);

	if (ret) {
		ksft_print_msg("%s\n", error.text);
		return false;
	}
	if (image.entry == entry && image.low == low && image.high == high)
		return true;
	ksft_print_msg("entry %#llx, %#llx-%#llx\n", image.entry, image.low, image.high);
	image_close(&image);
	return false;
}

static bool opens_as_linux(const struct file *file)
{
	return opens(file, KERNEL_ENTRY, KERNEL_ADDR, KERNEL_ADDR + KERNEL_MEM + DATA_SIZE);
}

static void close_and_report(bool ok, const char *what)
{
	if (ok)
		image_close(&image);
	ksft_test_result(ok, "%s\n", what);
}

/* What opens */

static void test_elf64(void)
{
	bool ok;

	elf_linux(&elf_file);
	ok = opens_as_linux(&elf_file);
	if (ok)
		ok = image.bits == 64 && image.segments == 2 && image.reloc.present &&
		     image.reloc.align == 0x200000 && image.reloc.min == 0x1000000 &&
		     image.reloc.max == 0x3fffffff && image.segment[0].size == DATA_SIZE &&
		     image.segment[0].mem_size == KERNEL_MEM &&
		     image.segment[0].data[0] == 'A' && image.segment[1].data[0] == 'B';
	close_and_report(ok, "ELF64, 8-byte entry, relocation, a segment at virtual address 0");
}

static void test_elf32(void)
{
	bool ok;

	elf_begin(&elf_file, false);
	elf_load(&elf_file, 0x100000, 0x100000, 0x5000);
	elf_entry(&elf_file, 0x100000, 4);
	elf_note_segment(&elf_file, 0, elf_file.notes);
	ok = opens(&elf_file, 0x100000, 0x100000, 0x105000) && image.bits == 32 &&
	     !image.reloc.present;
	close_and_report(ok, "ELF32, 4-byte entry");
}

static void test_several_note_segments(void)
{
	size_t first;
	bool ok;

	elf_begin(&elf_file, true);
	elf_load(&elf_file, 0, KERNEL_ADDR, DATA_SIZE);
	elf_note(&elf_file, "GNU", 1, "abcdefg", 8);
	elf_note(&elf_file, "Xen", XEN_ELFNOTE_GUEST_OS, "test", 5);
	first = elf_file.notes;
	elf_note_segment(&elf_file, 0, first);
	elf_note_segment(&elf_file, first, 0);
	elf_entry(&elf_file, KERNEL_ADDR + 8, 4);
	elf_note_segment(&elf_file, first, elf_file.notes - first);
	elf_note_segment(&elf_file, 0, first);
	ok = opens(&elf_file, KERNEL_ADDR + 8, KERNEL_ADDR, KERNEL_ADDR + DATA_SIZE);
	close_and_report(ok, "the entry is in the third of four PT_NOTE segments");
}

static void test_note_section(bool is64)
{
	bool ok;

	elf_begin(&elf_file, is64);
	elf_load(&elf_file, 0x200000, 0x200000, DATA_SIZE);
	elf_entry(&elf_file, 0x200010, 4);
	elf_note_section(&elf_file);
	ok = opens(&elf_file, 0x200010, 0x200000, 0x201000);
	close_and_report(ok, is64 ? "ELF64, no PT_NOTE, a section of notes" :
				    "ELF32, no PT_NOTE, a section of notes");
}

static void test_foreign_note(void)
{
	__u64 entry = 0x666;
	bool ok;

	elf_begin(&elf_file, true);
	elf_load(&elf_file, 0, KERNEL_ADDR, DATA_SIZE);
	elf_note(&elf_file, "GNU", XEN_ELFNOTE_PHYS32_ENTRY, &entry, 8);
	elf_note(&elf_file, "Xenon", XEN_ELFNOTE_PHYS32_ENTRY, &entry, 8);
	elf_entry(&elf_file, KERNEL_ADDR, 4);
	elf_note_segment(&elf_file, 0, elf_file.notes);
	ok = opens(&elf_file, KERNEL_ADDR, KERNEL_ADDR, KERNEL_ADDR + DATA_SIZE);
	close_and_report(ok, "notes that others than Xen have named");
}

static void test_at_zero(void)
{
	bool ok;

	elf_begin(&elf_file, false);
	elf_load(&elf_file, 0, 0, 0x4000);
	elf_entry(&elf_file, 0, 4);
	elf_note_segment(&elf_file, 0, elf_file.notes);
	ok = opens(&elf_file, 0, 0, 0x4000);
	close_and_report(ok, "loaded and entered at address 0");
}

static void test_empty_segment(void)
{
	bool ok;

	elf_linux(&elf_file);
	elf_load(&elf_file, 0, KERNEL_ADDR, 0);
	ok = opens_as_linux(&elf_file) && image.segments == 2;
	close_and_report(ok, "an empty segment within another");
}

static void test_reloc_defaults(void)
{
	bool ok;

	elf_begin(&elf_file, true);
	elf_load(&elf_file, 0, KERNEL_ADDR, DATA_SIZE);
	elf_entry(&elf_file, KERNEL_ADDR, 4);
	elf_note(&elf_file, "Xen", NOTE_RELOC, "", 0);
	elf_note_segment(&elf_file, 0, elf_file.notes);
	ok = opens(&elf_file, KERNEL_ADDR, KERNEL_ADDR, KERNEL_ADDR + DATA_SIZE) &&
	     image.reloc.present && image.reloc.align == 0x200000 && !image.reloc.min &&
	     image.reloc.max == 0xffffffff;
	close_and_report(ok, "relocation without numbers");
}

static void test_packed_elf(const struct packer *packer)
{
	char name[64];

	snprintf(name, sizeof(name), "ELF in a %s file", packer->name);
	elf_linux(&elf_file);
	file_pack(&packed_file, &elf_file, packer);
	close_and_report(opens_as_linux(&packed_file), name);
}

static void test_bzimage(const struct packer *packer)
{
	char name[64];
	bool ok;

	snprintf(name, sizeof(name), "bzImage, packed with %s", packer->name);
	elf_linux(&elf_file);
	make_bzimage(&bz_file, &elf_file, packer);
	ok = opens_as_linux(&bz_file) && image.cmdline_max == 2047;
	close_and_report(ok, name);
}

static void test_packed_bzimage(void)
{
	make_linux(&bz_file);
	file_pack(&packed_file, &bz_file, packer_of("gzip"));
	close_and_report(opens_as_linux(&packed_file), "bzImage in a gzip file");
}

static void test_linux64(void)
{
	bool ok;

	make_linux(&bz_file);
	ok = !open_file(&bz_file, BOOT_LINUX64);
	if (ok)
		ok = image.entry == 0x200 && image.pref_addr == KERNEL_ADDR &&
		     image.kernel_size == bz_file.size - KERNEL_OFFSET &&
		     !memcmp(image.kernel, bz_file.bytes + KERNEL_OFFSET, image.kernel_size) &&
		     image.setup_size == 0x26c - 0x1f1 && image.initrd_max == 0x7fffffff;
	close_and_report(ok, "bzImage, 64-bit boot protocol");
}

static void test_pipe(void)
{
	int fds[2];
	bool ok = false;

	make_linux(&bz_file);
	if (!pipe(fds)) {
		if (!fork()) {
			size_t done = 0;

			/* in bits, as a pipe does it */
			while (done < bz_file.size) {
				size_t part = bz_file.size - done;

				if (part > 1000)
					part = 1000;
				if (write(fds[1], bz_file.bytes + done, part) < 0)
					break;
				done += part;
			}
			_exit(0);
		}
		close(fds[1]);
		ok = !image_open(&image, fds[0], BOOT_PVH, &error) &&
		     image.entry == KERNEL_ENTRY;
		close(fds[0]);
	}
	close_and_report(ok, "from a pipe");
}

static void test_copy(void)
{
	int fd = memfd_create("kernel", 0);
	bool ok;

	make_linux(&bz_file);
	elf_linux(&elf_file);
	/* It is read from its beginning, and stays where it stands. */
	ok = write(fd, elf_file.bytes, elf_file.size) == (ssize_t)elf_file.size &&
	     !image_open(&image, fd, BOOT_PVH, &error) &&
	     lseek(fd, 0, SEEK_CUR) == (off_t)elf_file.size;
	if (ok) {
		ok = !ftruncate(fd, 0) && image.segment[0].data[0] == 'A';
		ok = ok && image.segment[0].data[DATA_SIZE - 1] == 'A';
	}
	close(fd);
	close_and_report(ok, "the file is cut off behind the loader's back");
}

/* What is refused: changes to a good file, the errno, and a word of the reason. */

static void break_class(struct file *file)
{
	file->bytes[EI_CLASS] = 3;
}

static void break_endian(struct file *file)
{
	file->bytes[EI_DATA] = ELFDATA2MSB;
}

static void break_machine(struct file *file)
{
	header64(file)->e_machine = EM_AARCH64;
}

static void break_type(struct file *file)
{
	header64(file)->e_type = ET_REL;
}

static void break_header_size(struct file *file)
{
	file->size = sizeof(Elf64_Ehdr) - 1;
}

static void break_no_segments(struct file *file)
{
	header64(file)->e_phnum = 0;
}

static void break_phentsize(struct file *file)
{
	header64(file)->e_phentsize = 32;
}

static void break_phoff(struct file *file)
{
	header64(file)->e_phoff = file->size - 56;
}

static void break_phoff_wrap(struct file *file)
{
	header64(file)->e_phoff = -56ULL;
}

static void break_phnum(struct file *file)
{
	header64(file)->e_phnum = PN_XNUM;
}

static void break_filesz(struct file *file)
{
	program64(file, 0)->p_filesz = KERNEL_MEM + 1;
}

static void break_offset(struct file *file)
{
	program64(file, 0)->p_offset = file->size - DATA_SIZE + 1;
}

static void break_offset_wrap(struct file *file)
{
	program64(file, 0)->p_offset = -0x800ULL;
}

static void break_above_4g(struct file *file)
{
	program64(file, 0)->p_paddr = 1ULL << 32;
}

static void break_across_4g(struct file *file)
{
	program64(file, 0)->p_paddr = (1ULL << 32) - KERNEL_MEM + 1;
}

static void break_memsz_wrap(struct file *file)
{
	program64(file, 0)->p_memsz = -KERNEL_ADDR;
}

static void break_overlap(struct file *file)
{
	program64(file, 1)->p_paddr = KERNEL_ADDR + KERNEL_MEM - 1;
}

static void break_all_empty(struct file *file)
{
	program64(file, 0)->p_type = PT_NULL;
	program64(file, 1)->p_type = PT_NULL;
}

static void break_too_many(struct file *file)
{
	unsigned int i;

	header64(file)->e_phoff = file->size;
	header64(file)->e_phnum = IMAGE_MAX_SEGMENTS + 1;
	for (i = 0; i <= IMAGE_MAX_SEGMENTS; i++) {
		const Elf64_Phdr header = {
			.p_type = PT_LOAD, .p_paddr = KERNEL_ADDR + i, .p_memsz = 1,
		};

		memcpy(file->bytes + file->size, &header, sizeof(header));
		file->size += sizeof(header);
	}
}

static void break_no_note(struct file *file)
{
	program64(file, 2)->p_type = PT_NULL;
}

static void break_note_place(struct file *file)
{
	program64(file, 2)->p_offset = file->size;
}

static void break_note_section(struct file *file)
{
	break_no_note(file);
	elf_note_section(file);
	section64(file)[1].sh_size = -1ULL;
}

/* A section header that isn't in the file is as if there were none. */
static void break_section_table(struct file *file)
{
	break_no_note(file);
	elf_note_section(file);
	header64(file)->e_shoff = file->size - 1;
}

static void break_entry_size(struct file *file)
{
	file->notes = 0;
	elf_entry(file, KERNEL_ENTRY, 6);
	program64(file, 2)->p_filesz = file->notes;
}

static void break_entry_place(struct file *file)
{
	file->notes = 0;
	elf_entry(file, KERNEL_ADDR + KERNEL_MEM + DATA_SIZE, 8);
	program64(file, 2)->p_filesz = file->notes;
}

static void break_entry_width(struct file *file)
{
	file->notes = 0;
	elf_entry(file, 1ULL << 32 | KERNEL_ENTRY, 8);
	program64(file, 2)->p_filesz = file->notes;
}

static void break_note_end(struct file *file)
{
	Elf32_Nhdr *note = (Elf32_Nhdr *)(file->bytes + NOTE_OFFSET);

	note->n_descsz = 0xffffffff;
}

static void break_note_name(struct file *file)
{
	Elf32_Nhdr *note = (Elf32_Nhdr *)(file->bytes + NOTE_OFFSET);

	note->n_namesz = 0xfffffffd;
}

static void break_reloc_align(struct file *file)
{
	static const __u32 align = 0x300000;

	elf_note(file, "Xen", NOTE_RELOC, &align, 4);
	program64(file, 2)->p_filesz = file->notes;
}

static void break_reloc_size(struct file *file)
{
	elf_note(file, "Xen", NOTE_RELOC, "0123456789abcde", 16);
	program64(file, 2)->p_filesz = file->notes;
}

struct refusal {
	const char *what;
	void (*spoil)(struct file *file);
	int err;
	const char *says;
};

static const struct refusal elf_refusals[] = {
	{ "class", break_class, -ENOEXEC, "class" },
	{ "byte order", break_endian, -ENOEXEC, "another kind of machine" },
	{ "machine", break_machine, -ENOEXEC, "another kind of machine" },
	{ "type", break_type, -ENOEXEC, "not an executable" },
	{ "half a header", break_header_size, -EINVAL, "cut off" },
	{ "no program headers", break_no_segments, -EINVAL, "no program headers" },
	{ "size of program headers", break_phentsize, -EINVAL, "program headers" },
	{ "program headers beyond the end", break_phoff, -EINVAL, "program headers" },
	{ "program headers that wrap", break_phoff_wrap, -EINVAL, "program headers" },
	{ "more program headers than fit", break_phnum, -EINVAL, "program headers" },
	{ "segment larger in the file", break_filesz, -EINVAL, "segment 0 has more bytes" },
	{ "segment beyond the file", break_offset, -EINVAL, "cut off: segment 0" },
	{ "segment that wraps in the file", break_offset_wrap, -EINVAL, "cut off: segment 0" },
	{ "segment above 4 GiB", break_above_4g, -EINVAL, "segment 0" },
	{ "segment across 4 GiB", break_across_4g, -EINVAL, "not below 4 GiB" },
	{ "segment that wraps", break_memsz_wrap, -EINVAL, "not below 4 GiB" },
	{ "segments that overlap", break_overlap, -EINVAL, "overlap at 0x1002fff" },
	{ "nothing to load", break_all_empty, -EINVAL, "nothing to load" },
	{ "too many segments", break_too_many, -EINVAL, "more than 64 segments" },
	{ "no note", break_no_note, -ENOEXEC, "no PVH entry point" },
	{ "notes beyond the file", break_note_place, -EINVAL, "notes outside" },
	{ "section of notes that wraps", break_note_section, -EINVAL, "notes outside" },
	{ "section headers beyond the file", break_section_table, -ENOEXEC, "no PVH entry" },
	{ "entry of 6 bytes", break_entry_size, -EINVAL, "6 bytes" },
	{ "entry in no segment", break_entry_place, -EINVAL, "in none of its segments" },
	{ "entry above 4 GiB", break_entry_width, -EINVAL, "in none of its segments" },
	{ "note without end", break_note_end, -ENOEXEC, "no PVH entry point" },
	{ "name of a note without end", break_note_name, -ENOEXEC, "no PVH entry point" },
	{ "relocation by no power of 2", break_reloc_align, -EINVAL, "multiples of 0x300000" },
	{ "relocation of 16 bytes", break_reloc_size, -EINVAL, "16 bytes" },
};

static void bz_version(struct file *file)
{
	setup_header(file)->version = 0x207;
}

static void bz_setup_sects(struct file *file)
{
	file->size = KERNEL_OFFSET;
}

static void bz_payload_end(struct file *file)
{
	setup_header(file)->payload_length = file->size - KERNEL_OFFSET - PAYLOAD_OFFSET + 1;
}

static void bz_payload_wrap(struct file *file)
{
	setup_header(file)->payload_offset = 0xffffff00;
}

static void bz_payload_empty(struct file *file)
{
	setup_header(file)->payload_length = 0;
}

static __u8 *bz_payload(struct file *file)
{
	return file->bytes + KERNEL_OFFSET + PAYLOAD_OFFSET;
}

static void bz_set_unpacked(struct file *file, __u32 size)
{
	memcpy(bz_payload(file) + setup_header(file)->payload_length - 4, &size, 4);
}

static void bz_size_huge(struct file *file)
{
	bz_set_unpacked(file, IMAGE_MAX_SIZE + 1);
}

static void bz_size_zero(struct file *file)
{
	bz_set_unpacked(file, 0);
}

static void bz_damaged(struct file *file)
{
	memset(bz_payload(file) + 4, 0xff, 12);
}

static void bz_bzip2(struct file *file)
{
	memcpy(bz_payload(file), "BZh9", 4);
}

static void bz_lzo(struct file *file)
{
	memcpy(bz_payload(file), "\x89LZO\0\r\n\x1a\n", 9);
}

static void bz_unknown(struct file *file)
{
	memcpy(bz_payload(file), "what is this?", 13);
}

static void bz_short(struct file *file)
{
	memcpy(bz_payload(file), "\x1f\x8b", 2);
	setup_header(file)->payload_length = 3;
}

static void bz_no_elf(struct file *file)
{
	elf_linux(&elf_file);
	elf_file.bytes[0] = 0;
	make_bzimage(file, &elf_file, packer_of("zstd"));
}

static const struct refusal bzimage_refusals[] = {
	{ "boot protocol 2.07", bz_version, -ENOEXEC, "2.07; 2.08 or newer" },
	{ "nothing behind the setup code", bz_setup_sects, -EINVAL, "cut off" },
	{ "payload beyond the file", bz_payload_end, -EINVAL, "cut off: payload" },
	{ "payload that wraps", bz_payload_wrap, -EINVAL, "cut off: payload" },
	{ "empty payload", bz_payload_empty, -EINVAL, "payload of 0 bytes" },
	{ "unpacks to too much", bz_size_huge, -EFBIG, "says that it unpacks to" },
	{ "unpacks to nothing", bz_size_zero, -EFBIG, "says that it unpacks to 0" },
	{ "damaged", bz_damaged, -EINVAL, "bzImage (zstd): the compressed data are damaged" },
	{ "bzip2", bz_bzip2, -ENOTSUP, "bzip2 is not supported" },
	{ "lzo", bz_lzo, -ENOTSUP, "lzo is not supported" },
	{ "unknown compression", bz_unknown, -ENOTSUP, "not known" },
	{ "payload of 3 bytes", bz_short, -EINVAL, "payload of 3 bytes" },
	{ "no ELF in it", bz_no_elf, -ENOEXEC, "no ELF file in it" },
};

static void l64_version(struct file *file)
{
	setup_header(file)->version = 0x20b;
}

static void l64_flag(struct file *file)
{
	setup_header(file)->xloadflags = 0;
}

static void l64_init_size(struct file *file)
{
	setup_header(file)->init_size = 0x100;
}

static void l64_align(struct file *file)
{
	setup_header(file)->kernel_alignment = 0x201000;
}

static void l64_tiny(struct file *file)
{
	file->size = KERNEL_OFFSET + 0x200;
}

static void l64_elf(struct file *file)
{
	elf_linux(file);
}

static const struct refusal linux64_refusals[] = {
	{ "boot protocol 2.11", l64_version, -ENOEXEC, "no 64-bit entry point" },
	{ "no 64-bit entry", l64_flag, -ENOEXEC, "no 64-bit entry point" },
	{ "init_size too small", l64_init_size, -EINVAL, "init_size" },
	{ "alignment", l64_align, -EINVAL, "kernel_alignment" },
	{ "entry beyond the file", l64_tiny, -EINVAL, "kernel of 512 bytes" },
	{ "an ELF file", l64_elf, -ENOEXEC, "only a bzImage has" },
};

static void test_refusal(const struct file *file, enum boot_protocol protocol,
			 const char *what, const char *detail, int err, const char *says)
{
	int ret = open_file(file, protocol);
	bool ok = ret == err && strstr(error.text, says) &&
		  !strncmp(error.text, "kernel image: ", 14);

	if (!ret)
		image_close(&image);
	if (!ok)
		ksft_print_msg("%d, \"%s\"; %d, \"…%s…\" expected\n", ret, error.text,
			       err, says);
	ksft_test_result(ok, "refused: %s%s\n", what, detail);
}

static void test_refusals(const struct refusal *refusals, size_t count,
			  void (*make)(struct file *), enum boot_protocol protocol,
			  const char *what)
{
	static struct file file;
	size_t i;

	for (i = 0; i < count; i++) {
		make(&file);
		refusals[i].spoil(&file);
		test_refusal(&file, protocol, what, refusals[i].what, refusals[i].err,
			     refusals[i].says);
	}
}

static const struct stranger {
	const char *bytes;
	size_t size;
	const char *says;
} strangers[] = {
	{ "", 0, "empty" },
	{ "\x7f", 1, "starts with 7f" },
	{ "MZ\0\0zimg", 8, "zboot" },
	{ "MZ\x90\0\x03", 5, "EFI or Windows" },
	{ "070701000", 9, "initrd?" },
	{ "#!/bin/sh\n", 10, "a script" },
	{ "\x27\x05\x19\x56", 4, "U-Boot" },
	{ "hello, world", 12, "starts with 68 65 6c 6c 6f 2c 20 77" },
	{ "BZh91AY", 7, "bzip2 is not supported" },
	{ "\x1f\x8b\x08\0\0\0\0\0\0\x03 damaged", 18, "damaged" },
	{ "\x28\xb5\x2f\xfd", 4, "damaged" },
	{ "\xfd\x37zXZ\0", 6, "damaged" },
	{ "\x02\x21\x4c\x18\xff\xff\xff\xff", 8, "damaged" },
	{ "\x02\x21\x4c\x18\0\0\0\0", 8, "damaged" },
};

static void test_unpacks_to_more(const struct packer *packer)
{
	elf_linux(&elf_file);
	make_bzimage(&bz_file, &elf_file, packer);
	bz_set_unpacked(&bz_file, 0x1000);
	test_refusal(&bz_file, BOOT_PVH, "bzImage: unpacks to more than it says: ",
		     packer->name, -EFBIG, "more than 4096 bytes");
}

static void test_strangers(void)
{
	static struct file file;
	bool ok = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(strangers); i++) {
		memcpy(file.bytes, strangers[i].bytes, strangers[i].size);
		file.size = strangers[i].size;
		if (open_file(&file, BOOT_PVH) && strstr(error.text, strangers[i].says))
			continue;
		ksft_print_msg("\"%s\", but not \"%s\"\n", error.text, strangers[i].says);
		ok = false;
	}
	ksft_test_result(ok, "refused: %zu things that are no kernels, by name\n",
			 ARRAY_SIZE(strangers));
}

/* More than an image may have, in very few bytes: a frame of zstd that says so. */
static void test_bomb(void)
{
	static struct file file;
	const __u64 unpacked = IMAGE_MAX_SIZE + 1;

	file.size = 17;
	memcpy(file.bytes, "\x28\xb5\x2f\xfd\xe0", 5);
	memcpy(file.bytes + 5, &unpacked, 8);
	memcpy(file.bytes + 13, "\x03\x00\x10\x00", 4);	/* one block: 128 KiB of 0 */
	test_refusal(&file, BOOT_PVH, "17 bytes that unpack to 513 MB", "", -EFBIG,
		     "unpacks to more than 536870912");
}

/* Many lengths of a good image, and bits of all bytes that are looked at, changed. */
static void test_mutations(void)
{
	static struct file file;
	unsigned int opened = 0;
	size_t i;
	int bit;

	make_linux(&bz_file);
	file = bz_file;
	for (i = 0; i < bz_file.size; i += 5) {
		file.size = i;
		if (!open_file(&file, BOOT_PVH)) {
			opened++;
			image_close(&image);
		}
	}
	elf_linux(&file);
	for (i = 0; i < NOTE_OFFSET + file.notes; i++)
		for (bit = 0; bit < 8 && (i < 0x100 || i >= NOTE_OFFSET); bit++) {
			file.bytes[i] ^= 1 << bit;
			if (!open_file(&file, BOOT_PVH))
				image_close(&image);
			file.bytes[i] ^= 1 << bit;
		}
	/* The payload ends before the file does. */
	ksft_test_result(opened && opened <= 0x100 / 5 + 1,
			 "cut off anywhere, and with flipped bits\n");
}

/* Debian's kernels, where the PVH entry point is in the first page. */
static bool real_kernel_is_right(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	ok = !image_open(&image, fd, BOOT_PVH, &error);
	if (ok) {
		ksft_print_msg("%s: %s, entry %#llx, %#llx-%#llx\n", path, image.format,
			       image.entry, image.low, image.high);
		ok = image.low == KERNEL_ADDR && image.entry - image.low < 0x1000 &&
		     image.bits == 64;
		image_close(&image);
	}
	if (!lseek(fd, 0, SEEK_SET) && !image_open(&image, fd, BOOT_LINUX64, &error)) {
		ok = ok && image.entry == 0x200 && image.pref_addr == KERNEL_ADDR;
		image_close(&image);
	} else {
		ok = false;
	}
	if (!ok)
		ksft_print_msg("%s: %s\n", path, error.text);
	close(fd);
	return ok;
}

static void test_real_kernels(void)
{
	glob_t found = { .gl_pathc = 0 };
	unsigned int good = 0;
	size_t i;

	glob("/guests/linux-*", 0, NULL, &found);
	glob("/boot/vmlinuz-*", found.gl_pathc ? GLOB_APPEND : 0, NULL, &found);
	for (i = 0; i < found.gl_pathc; i++)
		good += real_kernel_is_right(found.gl_pathv[i]);
	if (found.gl_pathc)
		ksft_test_result(good == found.gl_pathc, "%zu real kernels\n", found.gl_pathc);
	else
		ksft_test_result_skip("no kernels here\n");
	globfree(&found);
}

#define FIXED_TESTS	18

int main(void)
{
	size_t i;

	ksft_print_header();
	ksft_set_plan(FIXED_TESTS + 3 * PACKERS + ARRAY_SIZE(elf_refusals) +
		      ARRAY_SIZE(bzimage_refusals) + ARRAY_SIZE(linux64_refusals));

	test_elf64();
	test_elf32();
	test_several_note_segments();
	test_note_section(true);
	test_note_section(false);
	test_foreign_note();
	test_at_zero();
	test_empty_segment();
	test_reloc_defaults();
	for (i = 0; i < PACKERS; i++)
		test_packed_elf(&packers[i]);
	for (i = 0; i <= PACKERS; i++)
		test_bzimage(&packers[i]);
	test_packed_bzimage();
	test_linux64();
	test_pipe();
	test_copy();

	test_refusals(elf_refusals, ARRAY_SIZE(elf_refusals), elf_linux, BOOT_PVH, "ELF: ");
	test_refusals(bzimage_refusals, ARRAY_SIZE(bzimage_refusals), make_linux, BOOT_PVH,
		      "bzImage: ");
	test_refusals(linux64_refusals, ARRAY_SIZE(linux64_refusals), make_linux, BOOT_LINUX64,
		      "linux64: ");
	for (i = 0; i < PACKERS; i++)
		test_unpacks_to_more(&packers[i]);
	test_strangers();
	test_bomb();
	test_mutations();
	test_real_kernels();
	ksft_finished();
}
