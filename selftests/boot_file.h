/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel images for the tests of libphv's loader: ELF files and bzImages, made
 * in memory, and the tools to spoil them.
 */
#ifndef _BOOT_FILE_H
#define _BOOT_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <asm/bootparam.h>

/* Where things are in the ELF files that are made here. */
#define PH_OFFSET	0x40
#define NOTE_OFFSET	0x800
#define SH_OFFSET	0xa00
#define DATA_OFFSET	0x1000
#define DATA_SIZE	0x1000		/* of each segment, in the file */
#define ELF_ROOM	0x10000

/* The kernel that elf_linux() makes. */
#define KERNEL_ADDR	0x1000000ULL
#define KERNEL_MEM	0x3000ULL
#define KERNEL_ENTRY	0x1000850U
#define NOTE_RELOC	19		/* XEN_ELFNOTE_PHYS32_RELOC, since 4.20 */

/* Of bzImages. */
#define SETUP_SECTS	4
#define KERNEL_OFFSET	((SETUP_SECTS + 1) * 512)
#define PAYLOAD_OFFSET	0x300		/* in the kernel */

/**
 * struct file - a file that is being made
 * @bytes: what is in it
 * @size: how many of them
 * @is64: ELF64, not ELF32
 * @loads: segments to load so far, each filled with its letter
 * @notes: bytes of notes so far
 */
struct file {
	__u8 bytes[4 * ELF_ROOM];
	size_t size;
	bool is64;
	unsigned int loads;
	size_t notes;
};

/**
 * struct packer - a way to compress
 * @name: as the loader calls it
 * @pack: does it, returns the size
 * @has_size: the format's end is the unpacked size
 */
struct packer {
	const char *name;
	size_t (*pack)(const struct file *in, __u8 *out, size_t room);
	bool has_size;
};

/* The last one, beyond their number, does nothing. */
#define PACKERS		5
extern const struct packer packers[PACKERS + 1];

const struct packer *packer_of(const char *name);
void file_pack(struct file *out, const struct file *in, const struct packer *packer);

/* ELF: begin, load, entry and other notes, then where the notes are. */
void elf_begin(struct file *file, bool is64);
void elf_load(struct file *file, __u64 vaddr, __u64 paddr, __u64 memsz);
void elf_note(struct file *file, const char *name, __u32 type, const void *desc,
	      size_t size);
void elf_entry(struct file *file, __u64 entry, size_t size);
void elf_note_segment(struct file *file, size_t offset, size_t size);
void elf_note_section(struct file *file);
void elf_linux(struct file *file);

/* bzImages: of any ELF file, and of elf_linux()'s. */
void make_bzimage(struct file *out, const struct file *in, const struct packer *packer);
void make_linux(struct file *out);

/* What is in an ELF64 file, in a bzImage. */
Elf64_Ehdr *header64(struct file *file);
Elf64_Phdr *program64(struct file *file, unsigned int n);
Elf64_Shdr *section64(struct file *file);
struct setup_header *setup_header(struct file *file);

#endif /* _BOOT_FILE_H */
