// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worker's io_uring; see aio.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aio.h"
#include "phvd.h"

#define ENTRIES		256
#define COMPLETIONS	4096

static struct io_uring ring;
static bool is_open;
static int notice;
static void (*when_idle)(void *data);
static void *idle_data;

/* There are versions of the library that have no names for these. */
static int tell_ring(unsigned int what, const void *argument, unsigned int count)
{
	return syscall(SYS_io_uring_register, ring.ring_fd, what, argument, count) < 0 ?
	       -errno : 0;
}

/* The ring takes these, and cannot be told otherwise once it is enabled. */
static int restrict_ring(void)
{
	static const __u8 operations[] = {
		IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_FALLOCATE,
	};
	struct io_uring_restriction restriction[ARRAY_SIZE(operations)] = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		restriction[i].opcode = IORING_RESTRICTION_SQE_OP;
		restriction[i].sqe_op = operations[i];
	}
	return tell_ring(IORING_REGISTER_RESTRICTIONS, restriction, ARRAY_SIZE(operations));
}

int aio_open(void)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
		.cq_entries = COMPLETIONS,
	};
	int err = io_uring_queue_init_params(ENTRIES, &ring, &params);

	if (err)
		return err;
	notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = notice < 0 ? -errno : io_uring_register_eventfd(&ring, notice);
	err = err ?: restrict_ring();
	err = err ?: tell_ring(IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (err)
		io_uring_queue_exit(&ring);
	is_open = !err;
	return err;
}

/* Tells of what is done; more may be done by then, and be begun. */
static void reap(void)
{
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&ring, &cqe)) {
		struct aio *aio = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&ring, cqe);
		aio->done(aio, result);
	}
}

static int on_notice(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source;
	(void)fd;
	(void)events;
	(void)data;
	aio_submit();
	return 0;
}

/**
 * aio_start - have the event loop look at what is done
 * @event: the event loop
 * @idle: called when there was something, and all of it has been told
 * @data: for @idle
 *
 * Return: 0 or a negative errno
 */
int aio_start(sd_event *event, void (*idle)(void *data), void *data)
{
	int err;

	if (!is_open)
		return -ENOSYS;
	if (when_idle)
		return 0;
	err = sd_event_add_io(event, NULL, notice, EPOLLIN | EPOLLET, on_notice, NULL);
	if (err < 0)
		return err;
	when_idle = idle;
	idle_data = data;
	return 0;
}

static struct io_uring_sqe *next_entry(struct aio *aio)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	while (!sqe) {
		/* The kernel takes them, unless it has no memory just now */
		io_uring_submit(&ring);
		sqe = io_uring_get_sqe(&ring);
	}
	/* What prepares an entry clears the rest of it, but this */
	sqe->user_data = (__u64)(uintptr_t)aio;
	return sqe;
}

void aio_readv(struct aio *aio, int fd, const struct iovec *iov, unsigned int count,
	       __u64 offset)
{
	struct io_uring_sqe *sqe = next_entry(aio);

	io_uring_prep_readv(sqe, fd, iov, count, offset);
	io_uring_sqe_set_data(sqe, aio);
}

void aio_writev(struct aio *aio, int fd, const struct iovec *iov, unsigned int count,
		__u64 offset)
{
	struct io_uring_sqe *sqe = next_entry(aio);

	io_uring_prep_writev(sqe, fd, iov, count, offset);
	io_uring_sqe_set_data(sqe, aio);
}

/* What was written is there after a power cut. */
void aio_flush(struct aio *aio, int fd)
{
	struct io_uring_sqe *sqe = next_entry(aio);

	io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(sqe, aio);
}

/* Gives space of a file back: it reads as zeroes. */
void aio_punch(struct aio *aio, int fd, __u64 offset, __u64 length)
{
	struct io_uring_sqe *sqe = next_entry(aio);

	io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
				length);
	io_uring_sqe_set_data(sqe, aio);
}

/*
 * Hands operations to the kernel, and tells of those that are done, which some are at once:
 * nobody has to be woken for these.
 */
void aio_submit(void)
{
	io_uring_cq_eventfd_toggle(&ring, false);
	do {
		io_uring_submit(&ring);
		reap();
	} while (io_uring_sq_ready(&ring));
	io_uring_cq_eventfd_toggle(&ring, true);
	/* What is done from here on is signalled, or seen here */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	reap();
	when_idle(idle_data);
	/* What that has begun is told another time, so that others get their turn. */
	if (io_uring_sq_ready(&ring))
		io_uring_submit(&ring);
}

/* Waits until one at least is done. */
void aio_wait(void)
{
	io_uring_submit_and_wait(&ring, 1);
	aio_submit();
}
