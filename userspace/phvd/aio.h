/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * aio - reads, writes and the like that go on while the worker does other things.
 *
 * What lives here: the worker's io_uring. It is made before the sandbox, and can do
 * the operations of this header and no others, whatever becomes of the worker.
 *
 * For the main thread. Operations are collected and go to the kernel with
 * aio_submit(); what is done is told from there, from aio_wait(), and from the event loop.
 */
#ifndef _AIO_H
#define _AIO_H

#include <sys/uio.h>
#include <systemd/sd-event.h>
#include <linux/types.h>

/**
 * struct aio - an operation
 * @done: is told what came of it: a number of bytes, or a negative errno; may begin
 *	others, and may free it
 */
struct aio {
	void (*done)(struct aio *aio, int result);
};

/**
 * aio_open - make the ring; before the sandbox
 *
 * Return: 0 or a negative errno: there are no operations then
 */
int aio_open(void);

/* Has the event loop look at it; -ENOSYS when it could not be made. */
int aio_start(sd_event *event, void (*idle)(void *data), void *data);

/* Operations; descriptor, memory and @aio stay until it is done. */
void aio_readv(struct aio *aio, int fd, const struct iovec *iov, unsigned int count,
	       __u64 offset);
void aio_writev(struct aio *aio, int fd, const struct iovec *iov, unsigned int count,
		__u64 offset);
void aio_flush(struct aio *aio, int fd);
void aio_punch(struct aio *aio, int fd, __u64 offset, __u64 length);

void aio_submit(void);
void aio_wait(void);

#endif /* _AIO_H */
