// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel images: from a file to a struct image.
 *
 * What lives here: reading the file, finding out what it is, the memory that
 * holds it, and how refusals are worded.  elf.c and bzimage.c know what is in
 * the files, unpack.c how they are compressed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image_internal.h"

/**
 * image_refuse - say why this image can't be used
 * @image: what is known of it
 * @error: where the words go
 * @err: negative errno
 * @format: the reason, without newline
 *
 * Return: @err
 */
int image_refuse(const struct image *image, struct phv_error *error, int err,
		 const char *format, ...)
{
	char reason[sizeof(error->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (!image->format[0])
		return phv_fail(error, err, "kernel image: %s", reason);
	return phv_fail(error, err, "kernel image: %s: %s", image->format, reason);
}

/* Room that is only used as far as it is written to. */
static void *map_buffer(size_t size)
{
	void *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return buffer == MAP_FAILED ? NULL : buffer;
}

static int new_buffer(struct image *image, size_t size, __u8 **buffer,
		      struct phv_error *error)
{
	*buffer = map_buffer(size);
	if (!*buffer)
		return image_refuse(image, error, -ENOMEM, "no memory for %zu MB",
				    size >> 20);
	image->buffer[image->buffers] = *buffer;
	image->buffer_size[image->buffers++] = size;
	return 0;
}

/**
 * image_unpack - decompress all of the file, or what a bzImage holds
 * @image: the image; its format is known
 * @packed: what to decompress; unpack_format() knows it
 * @limit: largest size to accept, not 0, at most IMAGE_MAX_SIZE
 * @unpacked: what came out
 * @error: why not
 *
 * To be called twice at most for an image.
 *
 * Return: 0 or a negative errno
 */
int image_unpack(struct image *image, struct image_data packed, size_t limit,
		 struct image_data *unpacked, struct phv_error *error)
{
	const char *format = unpack_format(packed);
	__u8 *buffer;
	int ret;

	ret = new_buffer(image, limit, &buffer, error);
	if (ret)
		return ret;
	unpacked->bytes = buffer;
	ret = unpack(packed, buffer, limit, &unpacked->size);
	switch (ret) {
	case 0:
		return 0;
	case -ENOTSUP:
		return image_refuse(image, error, ret, "compression by %s is not supported",
				    format);
	case -EFBIG:
		return image_refuse(image, error, ret, "unpacks to more than %zu bytes", limit);
	case -ENOMEM:
		return image_refuse(image, error, ret, "no memory to unpack it");
	default:
		return image_refuse(image, error, ret, "the compressed data are damaged");
	}
}

/* What people take for a kernel, and the bytes it starts with. */
static const struct {
	const char *what;
	const char *magic;
	size_t offset;
	size_t size;
} strangers[] = {
	{ "an EFI program, compressed (zboot)", "zimg", 4, 4 },
	{ "an EFI or Windows program", "MZ", 0, 2 },
	{ "a U-Boot image", "\x27\x05\x19\x56", 0, 4 },
	{ "a device tree or FIT image", "\xd0\x0d\xfe\xed", 0, 4 },
	{ "a cpio archive: an initrd?", "07070", 0, 5 },
	{ "a Debian package", "!<arch>\ndebian", 0, 14 },
	{ "a script", "#!", 0, 2 },
	{ "a qcow2 image", "QFI\xfb", 0, 4 },
	{ "a disk image with a boot sector", "\x55\xaa", 510, 2 },
};

static int refuse_stranger(const struct image *image, struct image_data file,
			   struct phv_error *error)
{
	char start[3 * 8 + 1] = "";
	size_t i;

	if (!file.size)
		return image_refuse(image, error, -ENOEXEC, "the file is empty");
	for (i = 0; i < ARRAY_SIZE(strangers); i++)
		if (image_data_has(file, strangers[i].offset, strangers[i].size) &&
		    !memcmp(file.bytes + strangers[i].offset, strangers[i].magic,
			    strangers[i].size))
			return image_refuse(image, error, -ENOEXEC,
					    "neither bzImage nor ELF, but %s",
					    strangers[i].what);
	for (i = 0; i < 8 && i < file.size; i++)
		snprintf(start + 3 * i, 4, " %02x", file.bytes[i]);
	return image_refuse(image, error, -ENOEXEC,
			    "neither bzImage nor ELF; it starts with%s", start);
}

static int parse(struct image *image, struct image_data file, struct phv_error *error)
{
	const char *compression = unpack_format(file);
	int ret;

	if (compression) {
		snprintf(image->format, sizeof(image->format), "%s file", compression);
		ret = image_unpack(image, file, IMAGE_MAX_SIZE, &file, error);
		if (ret)
			return ret;
	}
	if (elf_is(file) && image->protocol == BOOT_PVH)
		return elf_parse(image, file, error);
	if (elf_is(file))
		return image_refuse(image, error, -ENOEXEC,
				    "an ELF file has no 64-bit boot protocol, only a bzImage has");
	if (bzimage_is(file))
		return bzimage_parse(image, file, error);
	return refuse_stranger(image, file, error);
}

static int open_copy(struct image *image, size_t size, enum boot_protocol protocol,
		     struct phv_error *error)
{
	struct image_data file = { .bytes = image->buffer[0], .size = size };
	int ret;

	image->protocol = protocol;
	ret = parse(image, file, error);
	if (ret)
		image_close(image);
	return ret;
}

/*
 * Returns the number of bytes, or a negative errno.  Where the descriptor stands is
 * somebody else's business as well; a pipe stands nowhere.
 */
static ssize_t read_all(int fd, __u8 *buffer, size_t room)
{
	bool seeks = true;
	size_t done = 0;

	while (done < room) {
		ssize_t n = seeks ? pread(fd, buffer + done, room - done, done) :
				    read(fd, buffer + done, room - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ESPIPE && seeks) {
			seeks = false;
			continue;
		}
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += n;
	}
	return done;
}

/**
 * image_open - read a kernel image
 * @image: the image; on failure, nothing is to be closed
 * @fd: a file, which is read from its beginning and stands where it stood, or a pipe
 * @protocol: how the guest is to be entered
 * @error: why not, beginning with "kernel image: "
 *
 * Return: 0; -ENOEXEC it is nothing that can be booted this way; -EINVAL it is
 * damaged, or contradicts itself; -ENOTSUP it is compressed with something
 * that is not supported; -EFBIG it is too large; -ENOMEM; or what pread() gave
 */
int image_open(struct image *image, int fd, enum boot_protocol protocol,
	       struct phv_error *error)
{
	size_t room = IMAGE_MAX_SIZE + 1;
	struct stat stat;
	__u8 *buffer;
	ssize_t size;
	int ret;

	memset(image, 0, sizeof(*image));
	if (fstat(fd, &stat))
		return image_refuse(image, error, -errno, "%s", strerror(errno));
	/* One byte more, to see the end of file. */
	if (S_ISREG(stat.st_mode) && stat.st_size >= 0 && (__u64)stat.st_size < room)
		room = stat.st_size + 1;
	ret = new_buffer(image, room, &buffer, error);
	if (ret)
		return ret;

	size = read_all(fd, buffer, room);
	if (size < 0)
		ret = image_refuse(image, error, size, "%s", strerror(-size));
	else if ((size_t)size > IMAGE_MAX_SIZE)
		ret = image_refuse(image, error, -EFBIG, "larger than %lu MB",
				   IMAGE_MAX_SIZE >> 20);
	else
		return open_copy(image, size, protocol, error);
	image_close(image);
	return ret;
}

/**
 * image_open_data - take a kernel image from memory
 * @image: the image; on failure, nothing is to be closed
 * @data: the file's bytes; a copy is made
 * @size: their number
 * @protocol: how the guest is to be entered
 * @error: why not
 *
 * Return: as image_open()
 */
int image_open_data(struct image *image, const void *data, size_t size,
		    enum boot_protocol protocol, struct phv_error *error)
{
	__u8 *buffer;
	int ret;

	memset(image, 0, sizeof(*image));
	if (size > IMAGE_MAX_SIZE)
		return image_refuse(image, error, -EFBIG, "larger than %lu MB",
				    IMAGE_MAX_SIZE >> 20);
	ret = new_buffer(image, size + 1, &buffer, error);
	if (ret)
		return ret;
	memcpy(buffer, data, size);
	return open_copy(image, size, protocol, error);
}

/**
 * image_close - give back an image's memory
 * @image: the image; its pointers are void then
 */
void image_close(struct image *image)
{
	while (image->buffers) {
		image->buffers--;
		munmap(image->buffer[image->buffers], image->buffer_size[image->buffers]);
	}
}
