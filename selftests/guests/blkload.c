// SPDX-License-Identifier: GPL-2.0-only
/*
 * What blk.c has a stock guest do with its disks; static, as it has no libraries there.
 * All of it goes past the guest's own cache.
 *
 *	blkload mix DEVICE BYTES THREADS OPERATIONS
 *		random reads and writes of random sizes, each thread in its own part of
 *		the first BYTES, all that is read compared with what was written; ends with
 *		"hash " and that of the first BYTES
 *	blkload once r|w DEVICE OFFSET BYTES
 *		one read or write; says "errno " and what came of it
 *	blkload load DEVICE
 *		reads and writes until it fails; says "failed: "
 *	blkload log DEVICE
 *		writes its sectors in turn, from 8 MiB on, each with its number, and says
 *		"synced " and the number when it is flushed
 *	blkload files DIRECTORY
 *		the same with files, each with its number as its name and over and over in it,
 *		while another process writes to a file without end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR		512
#define LOG_OFFSET	(8 << 20)
#define PIECE_MAX	(320 * 1024)
#define THREADS_MAX	16

struct part {
	pthread_t thread;
	uint32_t seed;
	unsigned int operations;
	off_t offset;
	size_t size;
	unsigned char *expected;
	int err;
};

static int disk;

static uint32_t next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static unsigned char *buffer(size_t size)
{
	void *memory;

	if (posix_memalign(&memory, 4096, size))
		exit(99);
	return memory;
}

static int transfer(int write, unsigned char *data, size_t size, off_t offset)
{
	ssize_t n = write ? pwrite(disk, data, size, offset) : pread(disk, data, size, offset);

	return n == (ssize_t)size ? 0 : n < 0 ? errno : EIO;
}

static void one(struct part *part, unsigned char *space)
{
	size_t at = next(&part->seed) % (part->size / SECTOR) * SECTOR;
	size_t size = (1 + next(&part->seed) % (PIECE_MAX / SECTOR)) * SECTOR, i;
	/* Not always at the beginning of a page */
	unsigned char *data = space + next(&part->seed) % 8 * SECTOR;
	unsigned int what = next(&part->seed) % 16;

	if (size > part->size - at)
		size = part->size - at;
	if (what == 0) {
		part->err = fdatasync(disk) ? errno : 0;
	} else if (what < 7) {
		part->err = transfer(0, data, size, part->offset + at);
		if (!part->err && memcmp(data, part->expected + at, size))
			part->err = EILSEQ;
	} else {
		for (i = 0; i < size; i += 4) {
			uint32_t value = next(&part->seed);

			memcpy(data + i, &value, 4);
		}
		part->err = transfer(1, data, size, part->offset + at);
		memcpy(part->expected + at, data, size);
	}
}

static void *run(void *argument)
{
	struct part *part = argument;
	unsigned char *space = buffer(PIECE_MAX + 4096), *all = buffer(part->size);

	memset(part->expected, 0x5a, part->size);
	part->err = transfer(1, part->expected, part->size, part->offset);
	while (!part->err && part->operations--)
		one(part, space);
	if (!part->err)
		part->err = transfer(0, all, part->size, part->offset);
	if (!part->err && memcmp(all, part->expected, part->size))
		part->err = EILSEQ;
	return NULL;
}

/* The same as in disks.c. */
static uint64_t hash(uint64_t sum, const unsigned char *data, size_t size)
{
	uint64_t word;
	size_t i;

	for (i = 0; i < size; i += 8) {
		memcpy(&word, data + i, 8);
		sum = (sum ^ word) * 0x100000001b3;
	}
	return sum;
}

static int mix(size_t bytes, unsigned int threads, unsigned int operations)
{
	static struct part parts[THREADS_MAX];
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < threads; i++) {
		parts[i] = (struct part){
			.seed = 1234567 + i, .operations = operations,
			.size = bytes / threads, .offset = (off_t)(bytes / threads * i),
		};
		parts[i].expected = buffer(parts[i].size);
		if (pthread_create(&parts[i].thread, NULL, run, &parts[i]))
			return 98;
	}
	for (i = 0; i < threads; i++) {
		pthread_join(parts[i].thread, NULL);
		if (parts[i].err) {
			printf("part %u: %s\n", i, strerror(parts[i].err));
			return 1;
		}
		sum = hash(sum, parts[i].expected, parts[i].size);
	}
	fsync(disk);
	printf("hash %016llx\n", (unsigned long long)sum);
	return 0;
}

static int load(void)
{
	unsigned char *data = buffer(65536);
	unsigned int i;
	int err = 0;

	printf("loading\n");
	fflush(stdout);
	for (i = 0; !err; i++)
		err = transfer(i % 3 == 0, data, 65536, i % 8 * 65536);
	printf("failed: errno %d\n", err);
	return 0;
}

static int write_log(void)
{
	unsigned char *data = buffer(SECTOR);
	uint64_t i;

	for (i = 1; ; i++) {
		memcpy(data, &i, sizeof(i));
		if (transfer(1, data, SECTOR, LOG_OFFSET + (off_t)i * SECTOR) || fdatasync(disk))
			return 1;
		printf("synced %llu\n", (unsigned long long)i);
		fflush(stdout);
	}
}

/* Not through the past: what was there stays there, so nothing is left to clear up. */
static void write_junk(void)
{
	static unsigned char data[16384];
	int fd = open("junk", O_RDWR | O_CREAT, 0600);
	unsigned int i;

	for (i = 0; ; i++)
		if (pwrite(fd, data, sizeof(data), i % 256 * sizeof(data)) < 0)
			_exit(1);
}

static int write_files(const char *directory)
{
	int top = open(directory, O_RDONLY), fd;
	uint64_t i, data[1024], j;
	char name[24];

	if (top < 0 || fchdir(top))
		return 1;
	if (!fork())
		write_junk();
	for (i = 1; ; i++) {
		for (j = 0; j < 1024; j++)
			data[j] = i;
		snprintf(name, sizeof(name), "%llu", (unsigned long long)i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (write(fd, data, sizeof(data)) != sizeof(data) || fsync(fd) || fsync(top))
			return 1;
		close(fd);
		printf("synced %s\n", name);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	const char *device = argc > 2 ? argv[2] : "";
	int write = 1;

	if (!strcmp(what, "once") && argc == 6) {
		write = *argv[2] == 'w';
		device = argv[3];
	}
	if (!strcmp(what, "files"))
		return write_files(device);
	disk = open(device, (write ? O_RDWR : O_RDONLY) | O_DIRECT);
	if (disk < 0) {
		printf("open: errno %d\n", errno);
		return 1;
	}
	if (!strcmp(what, "mix") && argc == 6)
		return mix(strtoul(argv[3], NULL, 0), strtoul(argv[4], NULL, 0),
			   strtoul(argv[5], NULL, 0));
	if (!strcmp(what, "once") && argc == 6) {
		size_t size = strtoul(argv[5], NULL, 0);

		printf("errno %d\n", transfer(write, buffer(size), size,
					      strtol(argv[4], NULL, 0)));
		return 0;
	}
	if (!strcmp(what, "load"))
		return load();
	return strcmp(what, "log") ? 2 : write_log();
}
