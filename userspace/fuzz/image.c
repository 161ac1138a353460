// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing the image loader: `make -C userspace fuzz`, then build/fuzz/image, with
 * a directory of kernels to start from.
 */
#include <stddef.h>

#include "image.h"

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size);

/* All that the loader lets pass is in its buffers. */
static __u64 touch(const struct image *image)
{
	__u64 sum = 0;
	unsigned int i;

	for (i = 0; i < image->segments; i++) {
		const struct image_segment *segment = &image->segment[i];

		if (segment->size)
			sum += segment->data[0] + segment->data[segment->size - 1];
	}
	if (image->kernel_size)
		sum += image->kernel[0] + image->kernel[image->kernel_size - 1];
	if (image->setup_size)
		sum += image->setup[0] + image->setup[image->setup_size - 1];
	return sum;
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	__u64 sum = 0;
	static struct image image;
	struct phv_error error;
	int protocol;

	for (protocol = BOOT_PVH; protocol <= BOOT_LINUX64; protocol++) {
		if (image_open_data(&image, data, size, protocol, &error))
			continue;
		sum += touch(&image);
		image_close(&image);
	}
	/* It is used, as far as the compiler knows. */
	asm volatile("" : : "r" (sum));
	return 0;
}
