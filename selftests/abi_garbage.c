// SPDX-License-Identifier: GPL-2.0-only
/*
 * Garbage on /dev/phv and on a domain's descriptor gives the error it should,
 * leaves nothing behind, and isn't worth a line in the kernel log.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "leak.h"
#include "phvtest.h"

static int phv;
static long page_size;

/* What a call gives: its result, or the negative errno. */
#define RESULT(call) ({ long _ret = (call); _ret < 0 ? -errno : _ret; })

static bool expect(long result, long expected, const char *what)
{
	if (result == expected)
		return true;
	ksft_print_msg("%s: %ld, not %ld\n", what, result, expected);
	return false;
}

static bool is_free(const char *name)
{
	int fd = domain_create(phv, name, NULL);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* The lowest free descriptor: the same before and after, if none is lost. */
static int next_fd(void)
{
	int fd = dup(phv);

	close(fd);
	return fd;
}

static void test_open(void)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	bool ok = true;
	size_t i;
	int fd;

	for (i = 0; i < 3 * 50; i++) {
		fd = open(PHV_DEVICE, modes[i % 3] | O_CLOEXEC);
		ok &= fd >= 0 && !close(fd);
	}
	ok &= expect(RESULT(open(PHV_DEVICE, O_RDWR | O_DIRECTORY)), -ENOTDIR,
		     "open as a directory");
	fd = open(PHV_DEVICE, O_PATH | O_CLOEXEC);
	ok &= expect(RESULT(ioctl(fd, PHV_GET_CAPS, NULL)), -EBADF,
		     "ioctl of a path");
	close(fd);
	ksft_test_result(ok, "the device is opened in all ways\n");
}

/* Ioctl numbers from first on that no descriptor of this kind knows. */
static bool unknown_numbers(int fd, unsigned int first, const char *what)
{
	static char buffer[1 << 14];
	static const unsigned int sizes[] = { 0, 1, 8, 64, 192, 4096, 16383 };
	unsigned int nr, dir;
	bool ok = true;
	size_t i;

	for (nr = first; nr < 256; nr++)
		for (dir = 0; dir < 4; dir++)
			for (i = 0; i < ARRAY_SIZE(sizes); i++)
				ok &= expect(RESULT(ioctl(fd, _IOC(dir, PHV_IOC, nr, sizes[i]),
							  buffer)),
					     -ENOTTY, what);
	return ok;
}

static void test_unknown(int domain)
{
	struct phv_create_domain args = { .name = "elsewhere" };
	struct phv_caps caps;
	unsigned int type;
	bool ok = true;

	ksft_test_result(unknown_numbers(phv, 0x10, "device"),
			 "device: unknown numbers give ENOTTY\n");
	ksft_test_result(unknown_numbers(domain, 0x40, "domain"),
			 "domain: unknown numbers give ENOTTY\n");

	ok &= expect(RESULT(ioctl(domain, PHV_GET_CAPS, &caps)), -ENOTTY,
		     "PHV_GET_CAPS of a domain");
	ok &= expect(RESULT(ioctl(domain, PHV_CREATE_DOMAIN, &args)), -ENOTTY,
		     "PHV_CREATE_DOMAIN of a domain");
	ksft_test_result(ok, "domain: the device's numbers give ENOTTY\n");

	/* 0x54 and 0x66 and a few others are the kernel's own, for any file. */
	for (type = 0x80; type < 256; type++) {
		if (type == PHV_IOC)
			continue;
		ok &= expect(RESULT(ioctl(phv, _IOC(_IOC_READ, type, 0, 192), &caps)),
			     -ENOTTY, "device, another's type");
		ok &= expect(RESULT(ioctl(domain, _IOC(_IOC_READ, type, 0, 192), &caps)),
			     -ENOTTY, "domain, another's type");
	}
	ksft_test_result(ok, "other drivers' numbers give ENOTTY\n");
}

/* The known numbers with a size or a direction that is not theirs. */
static void test_sizes(void)
{
	static const unsigned int known[] = { PHV_GET_CAPS, PHV_CREATE_DOMAIN };
	static char buffer[1 << 14];
	unsigned int size, cmd, dir;
	bool ok = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		for (size = 0; size < 512; size++) {
			cmd = _IOC(_IOC_DIR(known[i]), PHV_IOC,
				   _IOC_NR(known[i]), size);
			if (cmd != known[i])
				ok &= expect(RESULT(ioctl(phv, cmd, buffer)),
					     -ENOTTY, "another size");
		}
		for (dir = 0; dir < 4; dir++) {
			cmd = _IOC(dir, PHV_IOC, _IOC_NR(known[i]),
				   _IOC_SIZE(known[i]));
			if (cmd != known[i])
				ok &= expect(RESULT(ioctl(phv, cmd, buffer)),
					     -ENOTTY, "another direction");
		}
	}
	ksft_test_result(ok, "other sizes and directions give ENOTTY\n");
}

static void *map(size_t pages, int protection)
{
	void *p = mmap(NULL, pages * page_size, protection,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	return p;
}

static void test_pointers(void)
{
	char *none = map(1, PROT_NONE), *edge = map(2, PROT_READ | PROT_WRITE);
	void *bad[] = {
		NULL, (void *)1, none, edge + page_size - 8,
		(void *)0x00007ffffffff000UL, (void *)0x0000800000000000UL,
		(void *)0x8000000000000000UL, (void *)0xffff800000000000UL,
		(void *)0xffffffff81000000UL, (void *)-8UL, (void *)-1UL,
	};
	struct phv_create_domain args = { .name = "edge" };
	bool ok = true;
	size_t i;

	munmap(edge + page_size, page_size);
	memcpy(edge + page_size - 8, &args, 8);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ok &= expect(RESULT(ioctl(phv, PHV_GET_CAPS, bad[i])), -EFAULT,
			     "PHV_GET_CAPS to a bad address");
		ok &= expect(RESULT(ioctl(phv, PHV_CREATE_DOMAIN, bad[i])),
			     -EFAULT, "PHV_CREATE_DOMAIN from a bad address");
	}
	ksft_test_result(ok && is_free("edge"),
			 "bad addresses give EFAULT\n");
	munmap(none, page_size);
	munmap(edge, page_size);
}

/* Readable, so the domain is made; not writable, so nobody gets to know it. */
static void test_read_only(void)
{
	struct phv_create_domain *args = map(1, PROT_READ | PROT_WRITE);
	int before = next_fd(), i;
	bool ok = true;

	snprintf(args->name, sizeof(args->name), "readonly");
	mprotect(args, page_size, PROT_READ);
	ok &= expect(RESULT(ioctl(phv, PHV_GET_CAPS, args)), -EFAULT,
		     "PHV_GET_CAPS to read-only memory");
	for (i = 0; i < 100; i++)
		ok &= expect(RESULT(ioctl(phv, PHV_CREATE_DOMAIN, args)),
			     -EFAULT, "PHV_CREATE_DOMAIN in read-only memory");
	ksft_test_result(ok && is_free("readonly") && next_fd() == before,
			 "read-only memory gives EFAULT, and no domain is left\n");
	munmap(args, page_size);
}

static void test_unaligned(void)
{
	static char buffer[512];
	struct phv_create_domain args = { .name = "unaligned" };
	struct phv_caps caps, copy;
	bool ok;
	int fd;

	ok = !ioctl(phv, PHV_GET_CAPS, &caps) &&
	     !ioctl(phv, PHV_GET_CAPS, buffer + 3);
	memcpy(&copy, buffer + 3, sizeof(copy));
	ok &= !memcmp(&caps, &copy, sizeof(caps));

	memcpy(buffer + 1, &args, sizeof(args));
	fd = ioctl(phv, PHV_CREATE_DOMAIN, buffer + 1);
	memcpy(&args, buffer + 1, sizeof(args));
	ok &= fd >= 0 && args.id;
	close(fd);
	ksft_test_result(ok, "unaligned memory is as good as any\n");
}

/* The rule of uapi/phv.h. */
static bool may_be_in_name(unsigned int c, bool first)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_')
		return true;
	return !first && ((c >= '0' && c <= '9') || c == '.' || c == '-');
}

static int create_named(const void *name, size_t length)
{
	struct phv_create_domain args = { 0 };
	int ret;

	memcpy(args.name, name, length);
	ret = RESULT(ioctl(phv, PHV_CREATE_DOMAIN, &args));
	if (ret < 0)
		return ret;
	close(ret);
	return 0;
}

static void test_names(void)
{
	char name[PHV_NAME_MAX];
	bool first = true, later = true, ends = true;
	unsigned int c;

	for (c = 1; c < 256; c++) {
		name[0] = (char)c;
		first &= expect(create_named(name, 1),
				may_be_in_name(c, true) ? 0 : -EINVAL,
				"a first character");
		name[0] = 'a';
		name[1] = (char)c;
		later &= expect(create_named(name, 2),
				may_be_in_name(c, false) ? 0 : -EINVAL,
				"a later character");
		memset(name, 'n', sizeof(name));
		name[PHV_NAME_MAX - 2] = (char)c;
		later &= expect(create_named(name, PHV_NAME_MAX - 1),
				may_be_in_name(c, false) ? 0 : -EINVAL,
				"a last character");
	}
	ksft_test_result(first, "names: the first character\n");
	ksft_test_result(later, "names: the others\n");

	memset(name, 'n', sizeof(name));
	ends &= expect(create_named(name, PHV_NAME_MAX - 1), 0, "31 characters");
	ends &= expect(create_named(name, PHV_NAME_MAX), -EINVAL,
		       "32 characters, unterminated");
	ends &= expect(create_named("", 0), -EINVAL, "an empty name");
	ksft_test_result(ends, "names: empty, longest, unterminated\n");
}

static void test_reserved(void)
{
	struct phv_create_domain args;
	const size_t from = offsetof(struct phv_create_domain, reserved);
	bool ok = true;
	unsigned int i;
	int fd;

	for (i = 0; i < 32; i++) {
		args = (struct phv_create_domain){
			.name = "flags", .flags = 1U << i,
		};
		ok &= expect(RESULT(ioctl(phv, PHV_CREATE_DOMAIN, &args)),
			     -EINVAL, "a flag");
	}
	ksft_test_result(ok && is_free("flags"), "unknown flags give EINVAL\n");

	ok = true;
	for (i = 0; i < sizeof(args.reserved) * 8; i++) {
		args = (struct phv_create_domain){ .name = "reserved" };
		((unsigned char *)&args)[from + i / 8] = (unsigned char)(1 << i % 8);
		ok &= expect(RESULT(ioctl(phv, PHV_CREATE_DOMAIN, &args)),
			     -EINVAL, "a reserved bit");
	}
	ksft_test_result(ok && is_free("reserved"),
			 "reserved bits give EINVAL\n");

	args = (struct phv_create_domain){ .name = "output", .id = ~0U };
	fd = ioctl(phv, PHV_CREATE_DOMAIN, &args);
	ksft_test_result(fd >= 0 && args.id && args.id != ~0U && !args.flags,
			 "an output member is not looked at\n");
	close(fd);
}

/* System calls that mean nothing to this kind of descriptor. */
static void test_system_calls(int fd, const char *what)
{
	struct pollfd pollfd = { fd, POLLIN | POLLOUT, 0 };
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), pipes[2];
	struct iovec iov = { &event, sizeof(event) };
	bool anonymous = fd != phv, ok = true;
	char path[32], byte = 0;
	struct stat st;
	void *p;

	ok &= expect(RESULT(read(fd, &byte, 1)), -EINVAL, "read");
	ok &= expect(RESULT(write(fd, &byte, 1)), -EINVAL, "write");
	/* An anonymous file has no position to read at. */
	ok &= expect(RESULT(pread(fd, &byte, 1, 1L << 40)),
		     anonymous ? -ESPIPE : -EINVAL, "pread");
	ok &= expect(RESULT(writev(fd, &iov, 1)), -EINVAL, "writev");
	ok &= expect(RESULT(ftruncate(fd, 0)), -EINVAL, "ftruncate");
	ok &= expect(RESULT(fsync(fd)), -EINVAL, "fsync");
	ok &= expect(RESULT(fchdir(fd)), -ENOTDIR, "fchdir");
	ok &= expect(RESULT(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)),
		     -EPERM, "epoll_ctl");
	ok &= expect(RESULT(fstat(fd, &st)), 0, "fstat");
	/* No operation of its own: always ready, as the kernel has it. */
	ok &= expect(RESULT(poll(&pollfd, 1, 0)), 1, "poll");
	ok &= expect(RESULT(lseek(fd, 1L << 40, SEEK_SET)), 0, "lseek");

	p = mmap(NULL, page_size, PROT_READ, MAP_SHARED, fd, 0);
	ok &= expect(p == MAP_FAILED ? -errno : 0, -ENODEV, "mmap, shared");
	p = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ok &= expect(p == MAP_FAILED ? -errno : 0, -ENODEV, "mmap, private");

	if (!pipe2(pipes, O_CLOEXEC)) {
		ok &= expect(RESULT(splice(fd, NULL, pipes[1], NULL, 1, 0)),
			     -EINVAL, "splice");
		close(pipes[0]);
		close(pipes[1]);
	}
	if (anonymous) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ok &= expect(RESULT(open(path, O_RDWR)), -ENXIO, "reopen");
	}
	close(epoll);
	ksft_test_result(ok, "%s: other system calls give their errors\n", what);
}

static void test_closed(void)
{
	int domain = domain_create(phv, "closed", NULL);
	struct phv_caps caps;
	bool ok = domain >= 0;

	close(domain);
	ok &= expect(RESULT(ioctl(domain, PHV_GET_CAPS, &caps)), -EBADF,
		     "ioctl of a closed descriptor");
	ok &= expect(RESULT(close(domain)), -EBADF, "close twice");
	ksft_test_result(ok, "a closed descriptor is closed\n");
}

#define THREADS		8
#define FIRST_FD	100
#define LAST_FD		140
#define STEPS		400

static int own_device;

/* Each step a descriptor is made, used, closed or trodden upon. */
static void *trample(void *argument)
{
	unsigned int seed = (unsigned int)(uintptr_t)argument, step;
	struct phv_caps caps;
	int fd, target;
	char name[8];

	for (step = 0; step < STEPS; step++) {
		target = FIRST_FD + rand_r(&seed) % (LAST_FD - FIRST_FD + 1);
		switch (rand_r(&seed) % 5) {
		case 0:
		case 1:
			snprintf(name, sizeof(name), "t%d", rand_r(&seed) % 8);
			fd = domain_create(own_device, name, NULL);
			if (fd >= 0) {
				dup2(fd, target);
				close(fd);
			}
			break;
		case 2:
			dup2(own_device, target);
			break;
		case 3:
			close(target);
			break;
		default:
			ioctl(target, PHV_GET_CAPS, &caps);
			break;
		}
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[THREADS];
	bool all_free = true;
	char name[8];
	int i;

	own_device = dup(phv);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, trample,
				   (void *)(uintptr_t)(i + 1)))
			ksft_exit_fail_msg("no thread\n");
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	close_range(FIRST_FD, LAST_FD, 0);
	close(own_device);

	for (i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		all_free &= is_free(name);
	}
	ksft_test_result(all_free && (!vmx_cpus_known() || !vmx_cpus()),
			 "%d threads, closing each other's descriptors\n",
			 THREADS);
}

/* Whatever fails half-way must give back what it has taken by then. */
static void test_leaks(void)
{
	struct phv_create_domain *args = map(1, PROT_READ | PROT_WRITE);
	static struct leak_stock stock;
	int i, rounds = 1000;

	snprintf(args->name, sizeof(args->name), "leaks");
	mprotect(args, page_size, PROT_READ);
	if (!leak_take_stock(&stock)) {
		ksft_test_result_skip("memory: needs root and slabinfo\n");
		return;
	}
	for (i = 0; i < rounds; i++) {
		ioctl(phv, PHV_CREATE_DOMAIN, args);
		create_named("1", 1);
	}
	ksft_test_result(!leak_found(&stock, rounds),
			 "no memory is lost by %d failures\n", rounds);
}

int main(void)
{
	char log[1024];
	int kmsg, domain;

	ksft_print_header();
	phv = test_open_phv();
	page_size = sysconf(_SC_PAGESIZE);
	kmsg = kmsg_open();
	domain = domain_create(phv, "garbage", NULL);
	if (domain < 0)
		ksft_exit_fail_msg("no domain: %s\n", strerror(-domain));
	ksft_set_plan(21);

	test_open();
	test_unknown(domain);
	test_sizes();
	test_pointers();
	test_read_only();
	test_unaligned();
	test_names();
	test_reserved();
	test_system_calls(phv, "device");
	test_system_calls(domain, "domain");
	close(domain);
	test_closed();
	test_threads();
	test_leaks();

	if (kmsg < 0)
		ksft_test_result_skip("kernel log: it can't be read here\n");
	else
		ksft_test_result(!kmsg_read(kmsg, "phv: ", log, sizeof(log)),
				 "the kernel log has no line about it: %s\n", log);
	ksft_finished();
}
