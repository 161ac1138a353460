/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel images: reading, unpacking and checking them.
 *
 * What is taken: ELF32 and ELF64 files with a PVH entry point (Xen's note
 * PHYS32_ENTRY), bzImages of boot protocol 2.08 and newer, which hold such an
 * ELF file or, for BOOT_LINUX64, bring their own decompressor; and both of them
 * compressed.  Compression: gzip, xz, lzma, lz4 (legacy frame) and zstd.
 *
 * An image is hostile.  image_open() takes a private copy, checks everything that
 * struct image holds, and bounds the work it does; who uses the members need
 * not check them again, but for whether they fit a domain's memory.
 */
#ifndef _IMAGE_H
#define _IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "error.h"

/* How a guest is entered. */
enum boot_protocol {
	BOOT_PVH,		/* Xen's PVH entry point of the (inner) ELF file */
	BOOT_LINUX64,		/* the bzImage's own 64-bit entry point */
};

#define IMAGE_MAX_SEGMENTS	64
#define IMAGE_MAX_BUFFERS	3	/* a bzImage in a compressed file */
#define IMAGE_MAX_SIZE		(512UL << 20)	/* of a file, and of what it unpacks to */

/**
 * struct image_segment - a part of an ELF image that is loaded
 * @data: its bytes
 * @size: their number; the rest of the segment is zero
 * @addr: guest-physical address
 * @mem_size: bytes there, not 0; @addr + @mem_size is at most 4 GiB
 */
struct image_segment {
	const __u8 *data;
	__u64 size;
	__u64 addr;
	__u64 mem_size;
};

/**
 * struct image_reloc - where a PVH kernel lets itself be loaded (PHYS32_RELOC)
 * @present: the image has the note; else it must be where its segments say
 * @align: the alignment of the addresses it can be moved to
 * @min: the lowest of them
 * @max: the highest address that it may reach
 */
struct image_reloc {
	bool present;
	__u32 align;
	__u32 min;
	__u32 max;
};

/**
 * struct image - a checked kernel image
 * @protocol: as given to image_open()
 * @is_linux: it is a bzImage, and so Linux
 * @bits: 32 or 64: the class of the ELF file; 64 for BOOT_LINUX64
 * @format: what the file is, in words: "bzImage (zstd)"
 * @entry: BOOT_PVH: guest-physical address of the entry point, in a segment;
 *	BOOT_LINUX64: offset from where @setup's kernel is loaded
 * @reloc: BOOT_PVH: where it can be moved to
 * @segment: BOOT_PVH: what is to be loaded; they do not overlap
 * @segments: their number, not 0
 * @low: lowest guest-physical address of the segments
 * @high: the first one behind them
 * @setup: BOOT_LINUX64: the setup header, struct setup_header of <asm/bootparam.h>
 *	at offset 0x1f1 of the file
 * @setup_size: bytes there that count
 * @kernel: BOOT_LINUX64: what is loaded: the file behind the setup code
 * @kernel_size: its bytes
 * @pref_addr: BOOT_LINUX64: where it would like to be
 * @init_size: bytes it needs there, from where it is loaded
 * @align: alignment when it is elsewhere; 0 if it can't be
 * @initrd_max: BOOT_LINUX64: highest address that the initrd may reach
 * @cmdline_max: longest command line, without its end
 * @buffer: private: the copy of the file, and what was unpacked from it
 * @buffer_size: private
 * @buffers: private
 */
struct image {
	enum boot_protocol protocol;
	bool is_linux;
	unsigned int bits;
	char format[48];
	__u64 entry;

	struct image_reloc reloc;
	struct image_segment segment[IMAGE_MAX_SEGMENTS];
	unsigned int segments;
	__u64 low;
	__u64 high;

	const __u8 *setup;
	size_t setup_size;
	const __u8 *kernel;
	size_t kernel_size;
	__u64 pref_addr;
	__u64 init_size;
	__u32 align;
	__u32 initrd_max;
	__u32 cmdline_max;

	void *buffer[IMAGE_MAX_BUFFERS];
	size_t buffer_size[IMAGE_MAX_BUFFERS];
	unsigned int buffers;
};

/* image.c */
int image_open(struct image *image, int fd, enum boot_protocol protocol,
	       struct phv_error *error);
int image_open_data(struct image *image, const void *data, size_t size,
		    enum boot_protocol protocol, struct phv_error *error);
void image_close(struct image *image);

#endif /* _IMAGE_H */
