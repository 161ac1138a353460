// SPDX-License-Identifier: GPL-2.0-only
/*
 * bzImages: the setup header, and what is behind it.
 *
 * The Linux/x86 boot protocol (Documentation/arch/x86/boot.rst in the kernel's
 * tree) says what the header's fields are.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <asm/bootparam.h>

#include "image_internal.h"

#define HEADER_OFFSET		0x1f1
#define HEADER_MAGIC		0x53726448U	/* "HdrS" */
#define SECTOR_SIZE		512
#define DEFAULT_SETUP_SECTS	4

/* Boot protocols: with payload_offset, and with xloadflags. */
#define VERSION_PAYLOAD		0x208
#define VERSION_XLOADFLAGS	0x20c

/* Before there is cmdline_size. */
#define DEFAULT_CMDLINE_MAX	255

static bool read_header(struct image_data file, struct setup_header *header)
{
	if (!image_data_has(file, HEADER_OFFSET, sizeof(*header)))
		return false;
	memcpy(header, file.bytes + HEADER_OFFSET, sizeof(*header));
	return header->boot_flag == 0xaa55 && header->header == HEADER_MAGIC;
}

/**
 * bzimage_is - does this look like a bzImage?
 * @file: all of it
 *
 * Return: true if it has the setup header's magic numbers
 */
bool bzimage_is(struct image_data file)
{
	struct setup_header header;

	return read_header(file, &header);
}

/* The protected-mode kernel: all that is behind the boot sector and the setup code. */
static int find_kernel(struct image *image, struct image_data file,
		       const struct setup_header *header, struct phv_error *error)
{
	size_t sects = header->setup_sects ? header->setup_sects : DEFAULT_SETUP_SECTS;
	size_t offset = (sects + 1) * SECTOR_SIZE;

	if (offset >= file.size)
		return image_refuse(image, error, -EINVAL,
				    "cut off: the setup code has %zu bytes, the file %zu",
				    offset, file.size);
	image->kernel = file.bytes + offset;
	image->kernel_size = file.size - offset;
	return 0;
}

static int parse_payload(struct image *image, const struct setup_header *header,
			 struct phv_error *error)
{
	struct image_data kernel = { .bytes = image->kernel, .size = image->kernel_size };
	struct image_data payload;
	const __u8 *end;
	const char *format;
	__u32 unpacked;
	int ret;

	if (!header->payload_length ||
	    !image_data_has(kernel, header->payload_offset, header->payload_length))
		return image_refuse(image, error, -EINVAL,
				    "cut off: payload of %u bytes at %u, file of %zu bytes behind the setup code",
				    header->payload_length, header->payload_offset, kernel.size);
	payload.bytes = kernel.bytes + header->payload_offset;
	payload.size = header->payload_length;
	format = unpack_format(payload);
	/* Not compressed: CONFIG_KERNEL_UNCOMPRESSED. */
	if (!format && elf_is(payload))
		return elf_parse(image, payload, error);
	if (!format)
		return image_refuse(image, error, -ENOTSUP,
				    "what its payload is compressed with is not known");
	snprintf(image->format, sizeof(image->format), "bzImage (%s)", format);

	/* The unpacked size stands behind the payload, or is gzip's own end. */
	if (payload.size < sizeof(unpacked))
		return image_refuse(image, error, -EINVAL, "payload of %zu bytes", payload.size);
	end = payload.bytes + payload.size - sizeof(unpacked);
	memcpy(&unpacked, end, sizeof(unpacked));
	if (!unpacked || unpacked > IMAGE_MAX_SIZE)
		return image_refuse(image, error, -EFBIG, "says that it unpacks to %u bytes",
				    unpacked);
	if (strcmp(format, "gzip"))
		payload.size -= sizeof(unpacked);

	ret = image_unpack(image, payload, unpacked, &payload, error);
	return ret ? ret : elf_parse(image, payload, error);
}

static int parse_linux64(struct image *image, struct image_data file,
			 const struct setup_header *header, struct phv_error *error)
{
	/* The header ends where the jump over it leads (boot.rst, "ZERO PAGE"). */
	size_t end = 0x202 + file.bytes[0x201];

	if (header->version < VERSION_XLOADFLAGS || !(header->xloadflags & XLF_KERNEL_64))
		return image_refuse(image, error, -ENOEXEC,
				    "no 64-bit entry point (boot protocol %u.%02u)",
				    header->version >> 8, header->version & 0xff);
	if (header->init_size < image->kernel_size)
		return image_refuse(image, error, -EINVAL,
				    "init_size of %u bytes, but a kernel of %zu bytes",
				    header->init_size, image->kernel_size);
	if (header->relocatable_kernel &&
	    (header->kernel_alignment < 4096 || header->kernel_alignment > 1U << 30 ||
	     header->kernel_alignment & (header->kernel_alignment - 1)))
		return image_refuse(image, error, -EINVAL, "kernel_alignment of %#x",
				    header->kernel_alignment);
	if (image->kernel_size <= 0x200)
		return image_refuse(image, error, -EINVAL, "kernel of %zu bytes",
				    image->kernel_size);

	image->setup = file.bytes + HEADER_OFFSET;
	image->setup_size = end - HEADER_OFFSET;
	if (image->setup_size > sizeof(*header))
		image->setup_size = sizeof(*header);
	image->bits = 64;
	image->entry = 0x200;
	image->pref_addr = header->pref_address;
	image->init_size = header->init_size;
	image->align = header->relocatable_kernel ? header->kernel_alignment : 0;
	image->initrd_max = header->initrd_addr_max;
	return 0;
}

/**
 * bzimage_parse - check a bzImage
 * @image: gets what is found
 * @file: all of the file
 * @error: why not
 *
 * Return: 0 or a negative errno, see image_open()
 */
int bzimage_parse(struct image *image, struct image_data file, struct phv_error *error)
{
	struct setup_header header;
	int ret;

	snprintf(image->format, sizeof(image->format), "bzImage");
	if (!read_header(file, &header))
		return image_refuse(image, error, -EINVAL, "no setup header");
	if (header.version < VERSION_PAYLOAD)
		return image_refuse(image, error, -ENOEXEC,
				    "boot protocol %u.%02u; 2.08 or newer is needed",
				    header.version >> 8, header.version & 0xff);
	image->is_linux = true;
	image->cmdline_max = header.cmdline_size ? header.cmdline_size : DEFAULT_CMDLINE_MAX;
	ret = find_kernel(image, file, &header, error);
	if (ret)
		return ret;
	if (image->protocol == BOOT_LINUX64)
		return parse_linux64(image, file, &header, error);
	return parse_payload(image, &header, error);
}
