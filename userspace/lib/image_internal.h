/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the image loader share; nobody else includes this.
 */
#ifndef _IMAGE_INTERNAL_H
#define _IMAGE_INTERNAL_H

#include "image.h"

/**
 * struct image_data - bytes of a file, or that were in it
 */
struct image_data {
	const __u8 *bytes;
	size_t size;
};

/* image.c */
int image_refuse(const struct image *image, struct phv_error *error, int err,
		 const char *format, ...) __printf(4, 5);
int image_unpack(struct image *image, struct image_data packed, size_t limit,
		 struct image_data *unpacked, struct phv_error *error);

/* bzimage.c */
bool bzimage_is(struct image_data file);
int bzimage_parse(struct image *image, struct image_data file, struct phv_error *error);

/* elf.c */
bool elf_is(struct image_data file);
int elf_parse(struct image *image, struct image_data file, struct phv_error *error);

/* unpack.c */
const char *unpack_format(struct image_data packed);
int unpack(struct image_data packed, __u8 *out, size_t limit, size_t *size);

/* Are there @size bytes at @offset? */
static inline bool image_data_has(struct image_data data, __u64 offset, __u64 size)
{
	return offset <= data.size && size <= data.size - offset;
}

#endif /* _IMAGE_INTERNAL_H */
