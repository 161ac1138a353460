// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpacking what kernels are compressed with.
 *
 * What lives here: the table of formats, and a few lines for each around its
 * library.  All of it in one go, from memory to memory: a kernel is at hand in
 * full, and that is what the libraries are fastest at.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "image_internal.h"

/* A kernel's dictionary is 128 MiB at most. */
#define LZMA_MEMORY		(512ULL << 20)
/* What a block of the legacy frame unpacks to at most. */
#define LZ4_BLOCK		(8U << 20)
#define LZ4_LEGACY_MAGIC	0x184c2102U

static __u32 load_u32(const __u8 *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (__u32)p[3] << 24;
}

static int unpack_gzip(struct image_data in, __u8 *out, size_t limit, size_t *size)
{
	z_stream stream = {
		.next_in = (__u8 *)in.bytes, .avail_in = in.size,
		.next_out = out, .avail_out = limit,
	};
	int ret;

	/* 15: the largest window; 16: gzip's header */
	if (inflateInit2(&stream, 15 + 16) != Z_OK)
		return -ENOMEM;
	ret = inflate(&stream, Z_FINISH);
	*size = stream.total_out;
	inflateEnd(&stream);

	switch (ret) {
	case Z_STREAM_END:
		return 0;
	case Z_MEM_ERROR:
		return -ENOMEM;
	case Z_OK:
	case Z_BUF_ERROR:
		return stream.avail_out ? -EINVAL : -EFBIG;
	default:
		return -EINVAL;
	}
}

static int unpack_with_lzma(lzma_stream *stream, struct image_data in, __u8 *out,
			    size_t limit, size_t *size)
{
	lzma_ret ret;

	stream->next_in = in.bytes;
	stream->avail_in = in.size;
	stream->next_out = out;
	stream->avail_out = limit;
	ret = lzma_code(stream, LZMA_FINISH);
	*size = stream->total_out;
	lzma_end(stream);

	switch (ret) {
	case LZMA_STREAM_END:
		return 0;
	case LZMA_MEM_ERROR:
	case LZMA_MEMLIMIT_ERROR:
		return -ENOMEM;
	case LZMA_OK:
	case LZMA_BUF_ERROR:
		return stream->avail_out ? -EINVAL : -EFBIG;
	default:
		return -EINVAL;
	}
}

static int unpack_xz(struct image_data in, __u8 *out, size_t limit, size_t *size)
{
	lzma_stream stream = LZMA_STREAM_INIT;

	if (lzma_stream_decoder(&stream, LZMA_MEMORY, 0) != LZMA_OK)
		return -ENOMEM;
	return unpack_with_lzma(&stream, in, out, limit, size);
}

static int unpack_lzma(struct image_data in, __u8 *out, size_t limit, size_t *size)
{
	lzma_stream stream = LZMA_STREAM_INIT;

	if (lzma_alone_decoder(&stream, LZMA_MEMORY) != LZMA_OK)
		return -ENOMEM;
	return unpack_with_lzma(&stream, in, out, limit, size);
}

/* Blocks, each behind its compressed size; frames may follow each other. */
static int unpack_lz4(struct image_data in, __u8 *out, size_t limit, size_t *size)
{
	size_t at = 0;
	size_t done = 0;

	while (in.size - at >= 4) {
		__u32 packed = load_u32(in.bytes + at);
		size_t room = limit - done;
		int ret;

		at += 4;
		if (packed == LZ4_LEGACY_MAGIC)
			continue;
		if (!packed || packed > in.size - at || packed > INT_MAX)
			return -EINVAL;
		if (room > LZ4_BLOCK)
			room = LZ4_BLOCK;
		ret = LZ4_decompress_safe((const char *)in.bytes + at, (char *)out + done,
					  packed, room);
		if (ret < 0)
			return room < LZ4_BLOCK ? -EFBIG : -EINVAL;
		at += packed;
		done += ret;
	}
	*size = done;
	return at == in.size ? 0 : -EINVAL;
}

static int unpack_zstd(struct image_data in, __u8 *out, size_t limit, size_t *size)
{
	size_t frame = ZSTD_findFrameCompressedSize(in.bytes, in.size);
	unsigned long long says;

	if (ZSTD_isError(frame))
		return -EINVAL;
	says = ZSTD_getFrameContentSize(in.bytes, in.size);
	if (says < ZSTD_CONTENTSIZE_ERROR && says > limit)
		return -EFBIG;
	*size = ZSTD_decompress(out, limit, in.bytes, frame);
	if (!ZSTD_isError(*size))
		return 0;
	return ZSTD_getErrorCode(*size) == ZSTD_error_dstSize_tooSmall ? -EFBIG : -EINVAL;
}

/* unpack: NULL: known by name only */
static const struct format {
	const char *name;
	const char *magic;
	size_t size;
	int (*unpack)(struct image_data in, __u8 *out, size_t limit, size_t *size);
} formats[] = {
	{ "gzip", "\x1f\x8b", 2, unpack_gzip },
	{ "xz", "\xfd\x37zXZ\0", 6, unpack_xz },
	{ "lz4", "\x02\x21\x4c\x18", 4, unpack_lz4 },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, unpack_zstd },
	{ "lzma", "\x5d\0\0", 3, unpack_lzma },
	{ "bzip2", "BZh", 3, NULL },
	{ "lzo", "\x89LZO\0\r\n\x1a\n", 9, NULL },
	{ "lz4 frame", "\x04\x22\x4d\x18", 4, NULL },
};

static const struct format *find_format(struct image_data packed)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (packed.size >= formats[i].size &&
		    !memcmp(packed.bytes, formats[i].magic, formats[i].size))
			return &formats[i];
	return NULL;
}

/**
 * unpack_format - what is this compressed with?
 * @packed: the data
 *
 * Return: the format's name, or NULL when it isn't compressed in a way that
 * is known
 */
const char *unpack_format(struct image_data packed)
{
	const struct format *format = find_format(packed);

	return format ? format->name : NULL;
}

/**
 * unpack - decompress
 * @packed: the data; what follows their end may be there too
 * @out: where to
 * @limit: room there, less than 4 GiB
 * @size: bytes that came out
 *
 * Return: 0; -ENOTSUP the format is not supported; -EINVAL the data are
 * damaged; -EFBIG there is more than @limit; -ENOMEM
 */
int unpack(struct image_data packed, __u8 *out, size_t limit, size_t *size)
{
	const struct format *format = find_format(packed);

	if (!format || !format->unpack)
		return -ENOTSUP;
	return format->unpack(packed, out, limit, size);
}
