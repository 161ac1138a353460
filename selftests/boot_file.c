// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making kernel images, see boot_file.h.
 */
#include <string.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <xen/elfnote.h>

#include "boot_file.h"

static void put_program_header(struct file *file, unsigned int n, const Elf64_Phdr *wide)
{
	const Elf32_Phdr narrow = {
		.p_type = wide->p_type, .p_offset = wide->p_offset, .p_vaddr = wide->p_vaddr,
		.p_paddr = wide->p_paddr, .p_filesz = wide->p_filesz,
		.p_memsz = wide->p_memsz, .p_flags = wide->p_flags, .p_align = wide->p_align,
	};

	if (file->is64)
		memcpy(file->bytes + PH_OFFSET + n * sizeof(*wide), wide, sizeof(*wide));
	else
		memcpy(file->bytes + PH_OFFSET + n * sizeof(narrow), &narrow, sizeof(narrow));
}

Elf64_Ehdr *header64(struct file *file)
{
	return (Elf64_Ehdr *)file->bytes;
}

Elf64_Phdr *program64(struct file *file, unsigned int n)
{
	return (Elf64_Phdr *)(file->bytes + PH_OFFSET) + n;
}

Elf64_Shdr *section64(struct file *file)
{
	return (Elf64_Shdr *)(file->bytes + SH_OFFSET);
}

void elf_begin(struct file *file, bool is64)
{
	Elf64_Ehdr wide = {
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = 1,
		.e_phoff = PH_OFFSET, .e_ehsize = sizeof(wide),
		.e_phentsize = sizeof(Elf64_Phdr),
	};
	Elf32_Ehdr narrow = {
		.e_type = ET_EXEC, .e_machine = EM_386, .e_version = 1,
		.e_phoff = PH_OFFSET, .e_ehsize = sizeof(narrow),
		.e_phentsize = sizeof(Elf32_Phdr),
	};

	memset(file, 0, sizeof(*file));
	file->is64 = is64;
	file->size = DATA_OFFSET;
	if (is64)
		memcpy(file->bytes, &wide, sizeof(wide));
	else
		memcpy(file->bytes, &narrow, sizeof(narrow));
	memcpy(file->bytes, ELFMAG, SELFMAG);
	file->bytes[EI_CLASS] = is64 ? ELFCLASS64 : ELFCLASS32;
	file->bytes[EI_DATA] = ELFDATA2LSB;
	file->bytes[EI_VERSION] = EV_CURRENT;
}

static unsigned int new_program_header(struct file *file)
{
	return file->is64 ? header64(file)->e_phnum++ :
			    ((Elf32_Ehdr *)file->bytes)->e_phnum++;
}

/* Each segment is filled with its number. */
void elf_load(struct file *file, __u64 vaddr, __u64 paddr, __u64 memsz)
{
	const Elf64_Phdr header = {
		.p_type = PT_LOAD, .p_offset = file->size, .p_vaddr = vaddr,
		.p_paddr = paddr, .p_filesz = memsz < DATA_SIZE ? memsz : DATA_SIZE,
		.p_memsz = memsz, .p_align = 0x1000,
	};

	put_program_header(file, new_program_header(file), &header);
	memset(file->bytes + file->size, 'A' + file->loads++, DATA_SIZE);
	file->size += DATA_SIZE;
}

void elf_note(struct file *file, const char *name, __u32 type, const void *desc,
	      size_t size)
{
	__u8 *to = file->bytes + NOTE_OFFSET + file->notes;
	const Elf32_Nhdr header = {
		.n_namesz = strlen(name) + 1, .n_descsz = size, .n_type = type,
	};
	size_t name_size = (header.n_namesz + 3) & ~3U;

	memcpy(to, &header, sizeof(header));
	memcpy(to + sizeof(header), name, header.n_namesz);
	memcpy(to + sizeof(header) + name_size, desc, size);
	file->notes += sizeof(header) + name_size + ((size + 3) & ~3UL);
}

void elf_entry(struct file *file, __u64 entry, size_t size)
{
	elf_note(file, "Xen", XEN_ELFNOTE_PHYS32_ENTRY, &entry, size);
}

void elf_note_segment(struct file *file, size_t offset, size_t size)
{
	const Elf64_Phdr header = {
		.p_type = PT_NOTE, .p_offset = NOTE_OFFSET + offset, .p_filesz = size,
		.p_memsz = size, .p_align = 4,
	};

	put_program_header(file, new_program_header(file), &header);
}

void elf_note_section(struct file *file)
{
	const Elf64_Shdr wide = {
		.sh_type = SHT_NOTE, .sh_offset = NOTE_OFFSET, .sh_size = file->notes,
	};
	const Elf32_Shdr narrow = {
		.sh_type = SHT_NOTE, .sh_offset = NOTE_OFFSET, .sh_size = file->notes,
	};
	Elf32_Ehdr *header = (Elf32_Ehdr *)file->bytes;

	/* The first section header is never used. */
	if (file->is64) {
		header64(file)->e_shoff = SH_OFFSET;
		header64(file)->e_shentsize = sizeof(wide);
		header64(file)->e_shnum = 2;
		memcpy(file->bytes + SH_OFFSET + sizeof(wide), &wide, sizeof(wide));
	} else {
		header->e_shoff = SH_OFFSET;
		header->e_shentsize = sizeof(narrow);
		header->e_shnum = 2;
		memcpy(file->bytes + SH_OFFSET + sizeof(narrow), &narrow, sizeof(narrow));
	}
}

/* A kernel as Linux is, in small: header 0 loads code, 1 per-CPU data, 2 has notes. */
void elf_linux(struct file *file)
{
	static const __u32 reloc[] = { 0x200000, 0x1000000, 0x3fffffff };

	elf_begin(file, true);
	elf_load(file, 0xffffffff81000000ULL, KERNEL_ADDR, KERNEL_MEM);
	elf_load(file, 0, KERNEL_ADDR + KERNEL_MEM, DATA_SIZE);
	elf_note(file, "GNU", 3, "0123456789abcdefghi", 20);
	elf_entry(file, KERNEL_ENTRY, 8);
	elf_note(file, "Xen", NOTE_RELOC, reloc, sizeof(reloc));
	elf_note_segment(file, 0, file->notes);
}

/* Compression: each returns the size. */

static size_t pack_gzip(const struct file *in, __u8 *out, size_t room)
{
	z_stream stream = {
		.next_in = (__u8 *)in->bytes, .avail_in = in->size,
		.next_out = out, .avail_out = room,
	};

	deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	deflate(&stream, Z_FINISH);
	deflateEnd(&stream);
	return stream.total_out;
}

static size_t pack_xz(const struct file *in, __u8 *out, size_t room)
{
	size_t size = 0;

	lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, in->bytes, in->size, out, &size,
				room);
	return size;
}

static size_t pack_lzma(const struct file *in, __u8 *out, size_t room)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	lzma_lzma_preset(&options, 6);
	if (lzma_alone_encoder(&stream, &options) != LZMA_OK)
		return 0;
	stream.next_in = in->bytes;
	stream.avail_in = in->size;
	stream.next_out = out;
	stream.avail_out = room;
	if (lzma_code(&stream, LZMA_FINISH) != LZMA_STREAM_END)
		stream.total_out = 0;
	lzma_end(&stream);
	return stream.total_out;
}

/* Two frames, to see that the second is found. */
static size_t pack_lz4(const struct file *in, __u8 *out, size_t room)
{
	static const __u32 magic = 0x184c2102;
	size_t half = in->size / 2;
	size_t size = 0;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		size_t part = i ? in->size - half : half;
		__u32 packed = LZ4_compress_default((const char *)in->bytes + i * half,
						    (char *)out + size + 8, part,
						    room - size - 8);

		memcpy(out + size, &magic, 4);
		memcpy(out + size + 4, &packed, 4);
		size += 8 + packed;
	}
	return size;
}

static size_t pack_zstd(const struct file *in, __u8 *out, size_t room)
{
	return ZSTD_compress(out, room, in->bytes, in->size, 3);
}

static size_t pack_nothing(const struct file *in, __u8 *out, size_t room)
{
	if (in->size <= room)
		memcpy(out, in->bytes, in->size);
	return in->size;
}

const struct packer packers[PACKERS + 1] = {
	{ "gzip", pack_gzip, true },
	{ "xz", pack_xz, false },
	{ "lzma", pack_lzma, false },
	{ "lz4", pack_lz4, false },
	{ "zstd", pack_zstd, false },
	{ "nothing", pack_nothing, false },
};

void file_pack(struct file *out, const struct file *in, const struct packer *packer)
{
	memset(out, 0, sizeof(*out));
	out->size = packer->pack(in, out->bytes, sizeof(out->bytes));
}

struct setup_header *setup_header(struct file *file)
{
	return (struct setup_header *)(file->bytes + 0x1f1);
}

/* A bzImage around a file. */
void make_bzimage(struct file *out, const struct file *in, const struct packer *packer)
{
	struct setup_header *header = setup_header(out);
	__u8 *payload = out->bytes + KERNEL_OFFSET + PAYLOAD_OFFSET;
	const __u32 unpacked = in->size;
	size_t size;

	memset(out, 0, sizeof(*out));
	size = packer->pack(in, payload, sizeof(out->bytes) / 2);
	if (!packer->has_size && packer->pack != pack_nothing) {
		memcpy(payload + size, &unpacked, 4);
		size += 4;
	}
	memset(out->bytes + KERNEL_OFFSET + 0x200, 0x90, 0x100);
	out->size = KERNEL_OFFSET + PAYLOAD_OFFSET + size + 0x100;
	memset(payload + size, 0x55, 0x100);

	memcpy(out->bytes, "MZ", 2);
	header->setup_sects = SETUP_SECTS;
	header->boot_flag = 0xaa55;
	header->jump = 0x6aeb;		/* over a header that ends at 0x26c */
	header->header = 0x53726448;
	header->version = 0x20f;
	header->payload_offset = PAYLOAD_OFFSET;
	header->payload_length = size;
	header->cmdline_size = 2047;
	header->initrd_addr_max = 0x7fffffff;
	header->kernel_alignment = 0x200000;
	header->relocatable_kernel = 1;
	header->xloadflags = XLF_KERNEL_64;
	header->pref_address = KERNEL_ADDR;
	header->init_size = 0x800000;
}

const struct packer *packer_of(const char *name)
{
	size_t i;

	for (i = 0; i < PACKERS; i++)
		if (!strcmp(packers[i].name, name))
			break;
	return &packers[i];
}

void make_linux(struct file *out)
{
	static struct file elf;

	elf_linux(&elf);
	make_bzimage(out, &elf, packer_of("zstd"));
}
