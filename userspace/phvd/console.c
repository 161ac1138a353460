// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain's console; see console.h.  The ring's layout is <xen/io/console.h>'s.
 *
 * The guest can write anything into its ring at any time: an index is read once
 * and what is made of it is bounded.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/console.h>

#include "console.h"
#include "phvd.h"

#define NOBODY		UINT64_MAX

/* Room that is kept for what is in the ring when the guest ends. */
#define RESERVE		sizeof(((struct xencons_interface *)0)->out)

/**
 * struct viewer - who looks at a console
 * @next: the next one
 * @console: the console
 * @fd: the socket
 * @io: its place in the event loop
 * @flags: CONSOLE_*
 * @place: what of the stream it has got
 * @lost: bytes that it missed and was not told of yet
 * @lossy: it was too slow: nobody waits for it until it has caught up
 * @detached: it leaves on purpose
 * @input: what it wrote and the ring has no room for yet
 * @input_size: bytes there
 * @input_done: of which are in the ring
 */
struct viewer {
	struct viewer *next;
	struct console *console;
	int fd;
	sd_event_source *io;
	unsigned int flags;
	__u64 place;
	__u64 lost;
	bool lossy;
	bool detached;
	char input[VIEWER_PACKET_MAX];
	size_t input_size;
	size_t input_done;
};

static void pump(struct console *console);

static void signal_fd(int fd)
{
	__u64 one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;		/* full, so it is signalled */
}

static void clear_fd(int fd)
{
	__u64 count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;		/* it was not signalled */
}

/* Bytes that the scrollback can take; with the lock. */
static size_t room(const struct console *console)
{
	size_t size = CONSOLE_SCROLLBACK - (console->draining ? 0 : RESERVE);

	if (console->floor == NOBODY)
		return size;
	if (console->head - console->floor >= size)
		return 0;
	return size - (size_t)(console->head - console->floor);
}

/* Appends what there is room for; with the lock. */
static size_t append(struct console *console, const char *data, size_t size)
{
	size_t at, n, done;

	if (size > room(console))
		size = room(console);
	for (done = 0; done < size; done += n) {
		at = console->head % CONSOLE_SCROLLBACK;
		n = CONSOLE_SCROLLBACK - at;
		if (n > size - done)
			n = size - done;
		memcpy(console->buffer + at, data + done, n);
		console->head += n;
	}
	return size;
}

/* Says from where on the stream has to be kept. */
static void update_floor(struct console *console)
{
	struct viewer *writer = console->writer;

	pthread_mutex_lock(&console->lock);
	console->floor = writer && !writer->lossy ? writer->place : NOBODY;
	pthread_cond_broadcast(&console->room);
	pthread_mutex_unlock(&console->lock);
}

/**
 * console_put - add to the stream what the guest wrote in another way
 * @console: the console
 * @data: the bytes
 * @size: how many
 * @wait: wait a while for the viewer who writes, if it is behind
 *
 * Return: how many bytes were taken
 */
size_t console_put(struct console *console, const void *data, size_t size, bool wait)
{
	struct timespec until;
	size_t done;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 100000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&console->lock);
	done = append(console, data, size);
	if (done < size && wait) {
		pthread_cond_timedwait(&console->room, &console->lock, &until);
		done += append(console, (const char *)data + done, size - done);
	}
	pthread_mutex_unlock(&console->lock);
	signal_fd(console->wake);
	return done;
}

/* Sends a packet; false when the socket takes no more for now. */
static bool send_packet(struct viewer *viewer, char type, const void *data, size_t size)
{
	struct iovec vector[] = {
		{ .iov_base = &type, .iov_len = 1 },
		{ .iov_base = (void *)data, .iov_len = size },
	};
	struct msghdr header = { .msg_iov = vector, .msg_iovlen = 2 };

	if (sendmsg(viewer->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	/* A viewer that is gone is found out by the event loop. */
	return errno != EAGAIN && errno != ENOBUFS;
}

/* Copies out the next bytes for a viewer; how many, 0 if it has all. */
static size_t next_bytes(struct viewer *viewer, char *data, size_t size)
{
	struct console *console = viewer->console;
	__u64 oldest;
	size_t i;

	pthread_mutex_lock(&console->lock);
	oldest = console->head > CONSOLE_SCROLLBACK ?
		 console->head - CONSOLE_SCROLLBACK : 0;
	if (viewer->place < oldest) {
		viewer->lost += oldest - viewer->place;
		viewer->place = oldest;
	}
	if (size > console->head - viewer->place)
		size = (size_t)(console->head - viewer->place);
	for (i = 0; i < size; i++)
		data[i] = console->buffer[(viewer->place + i) % CONSOLE_SCROLLBACK];
	pthread_mutex_unlock(&console->lock);
	return size;
}

static bool send_lost(struct viewer *viewer)
{
	char text[24];

	if (!viewer->lost)
		return true;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)viewer->lost);
	if (!send_packet(viewer, VIEWER_LOST, text, strlen(text)))
		return false;
	viewer->lost = 0;
	return true;
}

/* Sends a viewer what it has not got yet; true if it has all now. */
static bool flush(struct viewer *viewer)
{
	char data[VIEWER_PACKET_MAX - 1];
	size_t size;

	for (;;) {
		size = next_bytes(viewer, data, sizeof(data));
		if (!send_lost(viewer))
			return false;
		if (!size)
			break;
		if (!send_packet(viewer, VIEWER_DATA, data, size))
			return false;
		viewer->place += size;
	}
	viewer->lossy = false;
	return true;
}

static void listen_for(struct viewer *viewer, bool writable)
{
	__u32 events = writable ? EPOLLOUT : 0;

	if (!viewer->input_size)
		events |= EPOLLIN;
	sd_event_source_set_io_events(viewer->io, events);
}

static void say_end(struct viewer *viewer)
{
	const char *end = viewer->console->end;

	if (send_packet(viewer, VIEWER_END, end, strlen(end)))
		shutdown(viewer->fd, SHUT_RDWR);
}

static void serve(struct viewer *viewer)
{
	bool all = flush(viewer);

	listen_for(viewer, !all);
	if (all && viewer->console->end)
		say_end(viewer);
}

static void set_writer(struct console *console, struct viewer *viewer)
{
	if (console->writer)
		send_packet(console->writer, VIEWER_WRITER, "0", 1);
	console->writer = viewer;
	console->patience = sd_event_source_disable_unref(console->patience);
	update_floor(console);
}

/* The writer is gone: the one who waits longest gets its place. */
static void next_writer(struct console *console)
{
	struct viewer *viewer = console->viewers;

	while (viewer && (viewer->flags & CONSOLE_READ_ONLY))
		viewer = viewer->next;
	console->writer = NULL;
	set_writer(console, viewer);
	if (viewer)
		send_packet(viewer, VIEWER_WRITER, "1", 1);
}

static void remove_viewer(struct viewer *viewer)
{
	struct console *console = viewer->console;
	struct viewer **link = &console->viewers;
	bool bound = (viewer->flags & CONSOLE_BOUND) && !viewer->detached;

	while (*link != viewer)
		link = &(*link)->next;
	*link = viewer->next;
	if (console->writer == viewer)
		next_writer(console);
	sd_event_source_disable_unref(viewer->io);
	close(viewer->fd);
	free(viewer);

	if (console->end && !console->viewers)
		console->ended(console);
	else if (bound && !console->end)
		console->bound_gone(console);
	pump(console);
}

/* Takes a packet of a viewer's; false if the viewer is gone. */
static bool receive(struct viewer *viewer)
{
	char packet[VIEWER_PACKET_MAX];
	ssize_t size = recv(viewer->fd, packet, sizeof(packet), MSG_DONTWAIT);

	if (size < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!size)
		return false;
	if (packet[0] == VIEWER_DETACH) {
		viewer->detached = true;
		return false;
	}
	if (packet[0] != VIEWER_DATA || viewer != viewer->console->writer)
		return true;
	viewer->input_size = size - 1;
	viewer->input_done = 0;
	memcpy(viewer->input, packet + 1, size - 1);
	return true;
}

static int on_viewer(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct viewer *viewer = data;
	struct console *console = viewer->console;
	bool alive = true;

	(void)source;
	(void)fd;
	if (events & EPOLLIN)
		alive = receive(viewer);
	else if (events & (EPOLLHUP | EPOLLERR))
		alive = false;
	if (!alive)
		remove_viewer(viewer);
	else
		pump(console);
	return 0;
}

/* The writer has taken nothing for too long: the guest goes on without it. */
static int on_patience(sd_event_source *source, uint64_t now, void *data)
{
	struct console *console = data;
	struct viewer *writer = console->writer;

	(void)source;
	(void)now;
	console->patience = sd_event_source_disable_unref(console->patience);
	if (writer && writer->place == console->stalled_at) {
		writer->lossy = true;
		update_floor(console);
	}
	pump(console);
	return 0;
}

static void begin_patience(struct console *console)
{
	if (console->patience || !console->writer)
		return;
	console->stalled_at = console->writer->place;
	sd_event_add_time_relative(console->event, &console->patience, CLOCK_MONOTONIC,
				   CONSOLE_PATIENCE, 0, on_patience, console);
}

/* Takes what the guest wrote into its ring; true if it was something. */
static bool take_output(struct console *console)
{
	struct xencons_interface *ring = console->ring;
	__u32 prod = __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE);
	__u32 cons = __atomic_load_n(&ring->out_cons, __ATOMIC_RELAXED);
	__u32 size = prod - cons, at, n, done = 0;
	char data[sizeof(ring->out)];

	if (size > sizeof(ring->out)) {
		/* Nonsense: the guest has lost its own output. */
		__atomic_store_n(&ring->out_cons, prod, __ATOMIC_RELEASE);
		return true;
	}
	if (!size)
		return false;
	for (done = 0; done < size; done += n) {
		at = MASK_XENCONS_IDX(cons + done, ring->out);
		n = sizeof(ring->out) - at < size - done ? sizeof(ring->out) - at :
		    size - done;
		memcpy(data + done, ring->out + at, n);
	}
	pthread_mutex_lock(&console->lock);
	done = append(console, data, size);
	pthread_mutex_unlock(&console->lock);
	__atomic_store_n(&ring->out_cons, cons + done, __ATOMIC_RELEASE);
	if (done < size)
		begin_patience(console);
	return done;
}

/* Gives the guest what the writer wrote; true if it was something. */
static bool give_input(struct console *console)
{
	struct viewer *writer = console->writer;
	struct xencons_interface *ring = console->ring;
	__u32 cons = __atomic_load_n(&ring->in_cons, __ATOMIC_ACQUIRE);
	__u32 prod = __atomic_load_n(&ring->in_prod, __ATOMIC_RELAXED);
	__u32 used = prod - cons, begin = prod;

	if (!writer || used > sizeof(ring->in))
		return false;
	for (; used < sizeof(ring->in) && writer->input_done < writer->input_size; used++)
		ring->in[MASK_XENCONS_IDX(prod++, ring->in)] =
			writer->input[writer->input_done++];
	if (writer->input_done == writer->input_size)
		writer->input_size = 0;
	__atomic_store_n(&ring->in_prod, prod, __ATOMIC_RELEASE);
	return prod != begin;
}

/* Moves everything that can be moved, in both directions. */
static void pump(struct console *console)
{
	struct viewer *viewer, *next;
	bool moved = false;

	if (console->ring) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		moved = take_output(console);
		moved |= give_input(console);
	}
	for (viewer = console->viewers; viewer; viewer = next) {
		next = viewer->next;
		serve(viewer);
	}
	update_floor(console);
	if (moved) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		signal_fd(console->call);
		/* There may be more since, or room since. */
		signal_fd(console->wake);
	}
}

static int on_signal(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source;
	(void)events;
	clear_fd(fd);
	pump(data);
	return 0;
}

/**
 * console_connect - begin to use a guest's ring
 * @console: the console
 * @ring: the page
 * @kick: eventfd that the guest signals; the console's from now on
 * @call: eventfd that signals the guest; the console's from now on
 *
 * Return: 0 or a negative errno
 */
int console_connect(struct console *console, void *ring, int kick, int call)
{
	int err;

	console->ring = ring;
	console->kick = kick;
	console->call = call;
	err = sd_event_add_io(console->event, &console->kick_source, kick, EPOLLIN,
			      on_signal, console);
	return err < 0 ? err : 0;
}

/**
 * console_disconnect - take what is left in the ring, and stop using it
 * @console: the console; may have no ring
 */
void console_disconnect(struct console *console)
{
	if (!console->ring)
		return;
	console->draining = true;
	while (take_output(console))
		;
	console->draining = false;
	console->ring = NULL;
	console->kick_source = sd_event_source_disable_unref(console->kick_source);
	close(console->kick);
	close(console->call);
}

/**
 * console_add_viewer - let somebody look at the console
 * @console: the console
 * @fd: the socket, the console's from now on, also when this fails
 * @flags: CONSOLE_*
 * @writes: whether it may write is put here
 *
 * Return: 0 or a negative errno
 */
int console_add_viewer(struct console *console, int fd, unsigned int flags,
		       bool *writes)
{
	struct viewer *viewer = calloc(1, sizeof(*viewer)), **link;
	int err;

	if (!viewer) {
		close(fd);
		return -ENOMEM;
	}
	viewer->console = console;
	viewer->fd = fd;
	viewer->flags = flags;
	pthread_mutex_lock(&console->lock);
	if (console->head > CONSOLE_SCROLLBACK)
		viewer->place = console->head - CONSOLE_SCROLLBACK;
	pthread_mutex_unlock(&console->lock);
	err = sd_event_add_io(console->event, &viewer->io, fd, EPOLLIN | EPOLLOUT,
			      on_viewer, viewer);
	if (err < 0) {
		close(fd);
		free(viewer);
		return err;
	}
	for (link = &console->viewers; *link; link = &(*link)->next)
		;
	*link = viewer;
	if (!(flags & CONSOLE_READ_ONLY) && (!console->writer || (flags & CONSOLE_FORCE)))
		set_writer(console, viewer);
	*writes = console->writer == viewer;
	return 0;
}

static int on_end_patience(sd_event_source *source, uint64_t now, void *data)
{
	struct console *console = data;

	(void)source;
	(void)now;
	console->ended(console);
	return 0;
}

/**
 * console_end - tell the viewers that the domain has ended, once they have all
 * @console: the console; its ring is disconnected
 * @end: a JSON text that says why
 *
 * @ended is called when that is done, from here or from the event loop.
 */
void console_end(struct console *console, const char *end)
{
	struct viewer *viewer, *next;

	console->end = strdup(end);
	if (!console->viewers || !console->end ||
	    sd_event_add_time_relative(console->event, NULL, CLOCK_MONOTONIC,
				       CONSOLE_PATIENCE, 0, on_end_patience,
				       console) < 0) {
		console->ended(console);
		return;
	}
	for (viewer = console->viewers; viewer; viewer = next) {
		next = viewer->next;
		serve(viewer);
	}
}

/**
 * console_init - make a console
 * @console: it, all zero but for its callbacks
 * @event: the event loop
 *
 * Return: 0 or a negative errno
 */
int console_init(struct console *console, sd_event *event)
{
	int err;

	console->event = event;
	console->floor = NOBODY;
	pthread_mutex_init(&console->lock, NULL);
	pthread_cond_init(&console->room, NULL);
	console->buffer = malloc(CONSOLE_SCROLLBACK);
	console->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!console->buffer || console->wake < 0)
		return -ENOMEM;
	err = sd_event_add_io(event, NULL, console->wake, EPOLLIN, on_signal, console);
	return err < 0 ? err : 0;
}
