// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF images with a PVH entry point.
 *
 * What lives here: the tables of ELF32 and ELF64 files in one form, the check
 * of their segments, and the search for Xen's notes (<xen/elfnote.h>).
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xen/elfnote.h>

#include "compiler.h"
#include "image_internal.h"

/* Of <xen/elfnote.h> since 4.20. */
#ifndef XEN_ELFNOTE_PHYS32_RELOC
#define XEN_ELFNOTE_PHYS32_RELOC	19
#endif

#define ADDR_END		BIT_ULL(32)	/* the entry point has 32-bit addresses */
#define NOTES_MAX		BIT(20)	/* bytes that are searched for notes */
#define RELOC_DEFAULT_ALIGN	0x200000

/* PVH has no limit of its own; Linux' COMMAND_LINE_SIZE, the end included. */
#define PVH_CMDLINE_MAX		2047

/**
 * struct elf - an ELF file
 * @file: its bytes
 * @header: its header, in the 64-bit form whatever the class
 * @is64: its class
 * @searched: bytes that were searched for notes
 * @entry_found: there was a PHYS32_ENTRY
 */
struct elf {
	struct image_data file;
	Elf64_Ehdr header;
	bool is64;
	size_t searched;
	bool entry_found;
};

/**
 * elf_is - does this look like an ELF file?
 * @file: all of it
 *
 * Return: true if it has the magic number
 */
bool elf_is(struct image_data file)
{
	return file.size >= SELFMAG && !memcmp(file.bytes, ELFMAG, SELFMAG);
}

static bool read_header(struct elf *elf)
{
	Elf64_Ehdr *header = &elf->header;
	Elf32_Ehdr narrow;

	elf->is64 = elf->file.size > EI_CLASS && elf->file.bytes[EI_CLASS] == ELFCLASS64;
	if (elf->file.size < (elf->is64 ? sizeof(*header) : sizeof(narrow)))
		return false;
	if (elf->is64) {
		memcpy(header, elf->file.bytes, sizeof(*header));
		return true;
	}
	memcpy(&narrow, elf->file.bytes, sizeof(narrow));
	memcpy(header->e_ident, narrow.e_ident, EI_NIDENT);
	header->e_type = narrow.e_type;
	header->e_machine = narrow.e_machine;
	header->e_phoff = narrow.e_phoff;
	header->e_shoff = narrow.e_shoff;
	header->e_phentsize = narrow.e_phentsize;
	header->e_phnum = narrow.e_phnum;
	header->e_shentsize = narrow.e_shentsize;
	header->e_shnum = narrow.e_shnum;
	return true;
}

static int check_header(const struct image *image, const struct elf *elf,
			struct phv_error *error)
{
	const Elf64_Ehdr *header = &elf->header;
	size_t phentsize = elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	if (header->e_ident[EI_CLASS] != ELFCLASS32 && header->e_ident[EI_CLASS] != ELFCLASS64)
		return image_refuse(image, error, -ENOEXEC, "ELF file of unknown class %u",
				    header->e_ident[EI_CLASS]);
	if (header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    (header->e_machine != EM_386 && header->e_machine != EM_X86_64))
		return image_refuse(image, error, -ENOEXEC,
				    "ELF file for another kind of machine (%u), not x86",
				    header->e_machine);
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return image_refuse(image, error, -ENOEXEC,
				    "ELF file of type %u: not an executable", header->e_type);
	if (!header->e_phnum)
		return image_refuse(image, error, -EINVAL, "no program headers");
	if (header->e_phentsize != phentsize ||
	    !image_data_has(elf->file, header->e_phoff, header->e_phnum * phentsize))
		return image_refuse(image, error, -EINVAL,
				    "program headers (%u of %u bytes at %#llx) not in the file",
				    header->e_phnum, header->e_phentsize,
				    (unsigned long long)header->e_phoff);
	return 0;
}

/* The caller knows that it is in the file. */
static Elf64_Phdr program_header(const struct elf *elf, unsigned int n)
{
	const __u8 *table = elf->file.bytes + elf->header.e_phoff;
	Elf64_Phdr wide;
	Elf32_Phdr narrow;

	if (elf->is64) {
		memcpy(&wide, table + n * sizeof(wide), sizeof(wide));
		return wide;
	}
	memcpy(&narrow, table + n * sizeof(narrow), sizeof(narrow));
	return (Elf64_Phdr){
		.p_type = narrow.p_type, .p_offset = narrow.p_offset,
		.p_paddr = narrow.p_paddr, .p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz, .p_align = narrow.p_align,
	};
}

static Elf64_Shdr section_header(const struct elf *elf, unsigned int n)
{
	const __u8 *table = elf->file.bytes + elf->header.e_shoff;
	Elf64_Shdr wide;
	Elf32_Shdr narrow;

	if (elf->is64) {
		memcpy(&wide, table + n * sizeof(wide), sizeof(wide));
		return wide;
	}
	memcpy(&narrow, table + n * sizeof(narrow), sizeof(narrow));
	return (Elf64_Shdr){
		.sh_type = narrow.sh_type, .sh_offset = narrow.sh_offset,
		.sh_size = narrow.sh_size,
	};
}

static int add_segment(struct image *image, const struct elf *elf, unsigned int n,
		       const Elf64_Phdr *header, struct phv_error *error)
{
	struct image_segment *segment = &image->segment[image->segments];
	unsigned long long addr = header->p_paddr;
	unsigned long long size = header->p_memsz;

	if (header->p_filesz > size)
		return image_refuse(image, error, -EINVAL,
				    "segment %u has more bytes in the file (%#llx) than in memory (%#llx)",
				    n, (unsigned long long)header->p_filesz, size);
	if (!image_data_has(elf->file, header->p_offset, header->p_filesz))
		return image_refuse(image, error, -EINVAL,
				    "cut off: segment %u is %#llx bytes at %#llx, the file %#zx bytes",
				    n, (unsigned long long)header->p_filesz,
				    (unsigned long long)header->p_offset, elf->file.size);
	if (addr >= ADDR_END || size > ADDR_END - addr)
		return image_refuse(image, error, -EINVAL,
				    "segment %u (%#llx bytes at %#llx) is not below 4 GiB",
				    n, size, addr);
	if (!size)
		return 0;
	if (image->segments == IMAGE_MAX_SEGMENTS)
		return image_refuse(image, error, -EINVAL, "more than %u segments",
				    IMAGE_MAX_SEGMENTS);

	segment->data = elf->file.bytes + header->p_offset;
	segment->size = header->p_filesz;
	segment->addr = addr;
	segment->mem_size = size;
	image->segments++;
	return 0;
}

static int check_overlap(const struct image *image, struct phv_error *error)
{
	const struct image_segment *a, *b;

	for (a = image->segment; a < image->segment + image->segments; a++)
		for (b = image->segment; b < a; b++)
			if (a->addr < b->addr + b->mem_size && b->addr < a->addr + a->mem_size)
				return image_refuse(image, error, -EINVAL,
						    "two segments overlap at %#llx",
						    a->addr > b->addr ? a->addr : b->addr);
	return 0;
}

static int read_segments(struct image *image, const struct elf *elf, struct phv_error *error)
{
	unsigned int i;

	for (i = 0; i < elf->header.e_phnum; i++) {
		Elf64_Phdr header = program_header(elf, i);
		int ret;

		if (header.p_type != PT_LOAD)
			continue;
		ret = add_segment(image, elf, i, &header, error);
		if (ret)
			return ret;
	}
	if (!image->segments)
		return image_refuse(image, error, -EINVAL, "there is nothing to load in it");

	image->low = ADDR_END;
	for (i = 0; i < image->segments; i++) {
		const struct image_segment *segment = &image->segment[i];

		if (segment->addr < image->low)
			image->low = segment->addr;
		if (segment->addr + segment->mem_size > image->high)
			image->high = segment->addr + segment->mem_size;
	}
	return check_overlap(image, error);
}

static int take_entry(struct image *image, struct elf *elf, struct image_data value,
		      struct phv_error *error)
{
	__u32 narrow;

	switch (value.size) {
	case sizeof(narrow):
		memcpy(&narrow, value.bytes, sizeof(narrow));
		image->entry = narrow;
		break;
	case sizeof(image->entry):
		memcpy(&image->entry, value.bytes, sizeof(image->entry));
		break;
	default:
		return image_refuse(image, error, -EINVAL,
				    "PVH entry point of %zu bytes; 4 or 8 it must be", value.size);
	}
	elf->entry_found = true;
	return 0;
}

/* <xen/elfnote.h>: alignment, minimum and maximum, as many as there are. */
static int take_reloc(struct image *image, struct image_data value, struct phv_error *error)
{
	__u32 words[3] = { RELOC_DEFAULT_ALIGN, 0, 0xffffffff };

	if (value.size > sizeof(words) || value.size % sizeof(words[0]))
		return image_refuse(image, error, -EINVAL, "PVH relocation of %zu bytes",
				    value.size);
	memcpy(words, value.bytes, value.size);
	if (!words[0] || words[0] & (words[0] - 1))
		return image_refuse(image, error, -EINVAL, "PVH relocation to multiples of %#x",
				    words[0]);
	image->reloc = (struct image_reloc){
		.present = true, .align = words[0], .min = words[1], .max = words[2],
	};
	return 0;
}

static size_t round_up_4(size_t n)
{
	return (n + 3) & ~3UL;
}

/* Notes are aligned to 4 in files of either class, as Xen reads them. */
static int read_notes(struct image *image, struct elf *elf, struct image_data notes,
		      struct phv_error *error)
{
	Elf32_Nhdr header;
	int ret = 0;

	while (!ret && notes.size >= sizeof(header)) {
		struct image_data value;
		size_t offset, next;
		bool xen;

		memcpy(&header, notes.bytes, sizeof(header));
		offset = sizeof(header) + round_up_4(header.n_namesz);
		if (!image_data_has(notes, offset, header.n_descsz))
			break;
		xen = header.n_namesz == sizeof("Xen") &&
		      !memcmp(notes.bytes + sizeof(header), "Xen", sizeof("Xen"));
		value.bytes = notes.bytes + offset;
		value.size = header.n_descsz;
		if (xen && header.n_type == XEN_ELFNOTE_PHYS32_ENTRY)
			ret = take_entry(image, elf, value, error);
		if (xen && header.n_type == XEN_ELFNOTE_PHYS32_RELOC)
			ret = take_reloc(image, value, error);

		next = offset + round_up_4(header.n_descsz);
		if (next >= notes.size)
			break;
		notes.bytes += next;
		notes.size -= next;
	}
	return ret;
}

static int search_notes(struct image *image, struct elf *elf, __u64 offset, __u64 size,
			struct phv_error *error)
{
	struct image_data notes;

	if (!image_data_has(elf->file, offset, size))
		return image_refuse(image, error, -EINVAL, "notes outside of the file");
	if (size > NOTES_MAX - elf->searched)
		return image_refuse(image, error, -EINVAL, "more than %lu KB of notes",
				    NOTES_MAX >> 10);
	elf->searched += size;
	notes.bytes = elf->file.bytes + offset;
	notes.size = size;
	return read_notes(image, elf, notes, error);
}

static int search_segments(struct image *image, struct elf *elf, struct phv_error *error)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < elf->header.e_phnum; i++) {
		Elf64_Phdr header = program_header(elf, i);

		if (header.p_type == PT_NOTE)
			ret = search_notes(image, elf, header.p_offset, header.p_filesz, error);
	}
	return ret;
}

static int search_sections(struct image *image, struct elf *elf, struct phv_error *error)
{
	size_t shentsize = elf->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	unsigned int i;
	int ret = 0;

	if (!elf->header.e_shnum || elf->header.e_shentsize != shentsize ||
	    !image_data_has(elf->file, elf->header.e_shoff, elf->header.e_shnum * shentsize))
		return 0;
	for (i = 0; !ret && i < elf->header.e_shnum; i++) {
		Elf64_Shdr header = section_header(elf, i);

		if (header.sh_type == SHT_NOTE)
			ret = search_notes(image, elf, header.sh_offset, header.sh_size, error);
	}
	return ret;
}

static int find_entry(struct image *image, struct elf *elf, struct phv_error *error)
{
	unsigned int i;
	int ret;

	ret = search_segments(image, elf, error);
	if (!ret && !elf->entry_found)
		ret = search_sections(image, elf, error);
	if (ret)
		return ret;
	if (!elf->entry_found)
		return image_refuse(image, error, -ENOEXEC,
				    "no PVH entry point (Xen's note PHYS32_ENTRY); was it built with CONFIG_PVH?");
	for (i = 0; i < image->segments; i++)
		if (image->entry >= image->segment[i].addr &&
		    image->entry - image->segment[i].addr < image->segment[i].mem_size)
			return 0;
	return image_refuse(image, error, -EINVAL,
			    "the PVH entry point, %#llx, is in none of its segments",
			    (unsigned long long)image->entry);
}

/**
 * elf_parse - check an ELF image
 * @image: gets what is found
 * @file: all of the file
 * @error: why not
 *
 * Return: 0 or a negative errno, see image_open()
 */
int elf_parse(struct image *image, struct image_data file, struct phv_error *error)
{
	struct elf elf = { .file = file };
	int ret;

	if (!elf_is(file))
		return image_refuse(image, error, -ENOEXEC, "no ELF file in it");
	if (!read_header(&elf))
		return image_refuse(image, error, -EINVAL, "cut off: file of %zu bytes",
				    file.size);
	ret = check_header(image, &elf, error);
	if (ret)
		return ret;
	image->bits = elf.is64 ? 64 : 32;
	if (!image->format[0])
		snprintf(image->format, sizeof(image->format), "ELF%u", image->bits);
	if (!image->cmdline_max)
		image->cmdline_max = PVH_CMDLINE_MAX;
	ret = read_segments(image, &elf, error);
	return ret ? ret : find_entry(image, &elf, error);
}
