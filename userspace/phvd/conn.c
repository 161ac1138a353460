// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection in an event loop; see conn.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "conn.h"

/* So many messages conn_drain() takes. */
#define DRAIN_MAX	1024

static bool has_more(const struct conn *conn)
{
	return !conn->hold && proto_has_next(&conn->proto);
}

static int on_more(sd_event_source *source, void *data);

/*
 * Has the loop hand out a message that is there already.  The source is a new one each time,
 * as those of the loop that wait longest come first, and an old one would be that always.
 */
static void come_back(struct conn *conn)
{
	sd_event *event = sd_event_source_get_event(conn->io);

	if (!conn->more && sd_event_add_defer(event, &conn->more, on_more, conn) < 0)
		shutdown(conn->proto.fd, SHUT_RDWR);
}

static void update(struct conn *conn)
{
	unsigned int events = conn->proto.first ? EPOLLOUT : 0;

	/* What has come already comes first. */
	if (has_more(conn))
		come_back(conn);
	else if (!conn->hold)
		events |= EPOLLIN;
	sd_event_source_set_io_events(conn->io, events);
}

/* Hands out a message, if there is one; 0 or a negative errno. */
static int dispatch(struct conn *conn)
{
	struct proto_message message;
	int ret;

	if (conn->hold)
		return 0;
	ret = proto_next(&conn->proto, &message);
	if (ret <= 0)
		return ret;
	conn->message(conn, &message);
	proto_message_free(&message);
	return 0;
}

static int on_more(sd_event_source *source, void *data)
{
	struct conn *conn = data;

	(void)source;
	conn->more = sd_event_source_disable_unref(conn->more);
	if (dispatch(conn))
		conn->closed(conn);
	else
		update(conn);
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct conn *conn = data;
	int err = 0;

	(void)source;
	(void)fd;
	if (events & EPOLLOUT) {
		err = proto_flush(&conn->proto);
		if (err == -EAGAIN)
			err = 0;
	}
	if (!err && (events & EPOLLIN)) {
		err = proto_receive(&conn->proto);
		if (!err)
			err = dispatch(conn);
		else if (err == -EAGAIN)
			err = 0;
	} else if (!err && (events & (EPOLLHUP | EPOLLERR)) && !has_more(conn)) {
		err = -EPIPE;
	}
	if (err)
		conn->closed(conn);
	else
		update(conn);
	return 0;
}

/**
 * conn_open - put a connection into an event loop
 * @conn: it, with @message and @closed set
 * @event: the loop
 * @fd: its socket, the connection's from now on, also when this fails
 *
 * Return: 0 or a negative errno
 */
int conn_open(struct conn *conn, sd_event *event, int fd)
{
	int err;

	proto_init(&conn->proto, fd);
	err = fcntl(fd, F_SETFL, O_NONBLOCK) ? -errno : 0;
	if (!err)
		err = sd_event_add_io(event, &conn->io, fd, EPOLLIN, on_io, conn);
	if (err < 0)
		conn_close(conn);
	return err < 0 ? err : 0;
}

/**
 * conn_close - end a connection
 * @conn: it
 */
void conn_close(struct conn *conn)
{
	conn->io = sd_event_source_disable_unref(conn->io);
	conn->more = sd_event_source_disable_unref(conn->more);
	proto_close(&conn->proto);
}

/**
 * conn_shutdown - have the connection end
 * @conn: it; closed() is called from the loop
 */
void conn_shutdown(struct conn *conn)
{
	conn->hold = false;
	shutdown(conn->proto.fd, SHUT_RDWR);
	update(conn);
}

/**
 * conn_drain - take the messages that were sent before the other side went
 * @conn: the connection, which is not to be held
 *
 * Somebody else may have the other end, too, and send on: there is a limit.
 */
void conn_drain(struct conn *conn)
{
	struct proto_message message;
	unsigned int i;
	int ret;

	if (conn->proto.fd < 0)
		return;
	for (i = 0; i < DRAIN_MAX; i++) {
		ret = proto_next(&conn->proto, &message);
		if (ret > 0)
			conn->message(conn, &message);
		proto_message_free(&message);
		if (ret < 0 || (!ret && proto_receive(&conn->proto)))
			return;
	}
}

/**
 * conn_resume - take messages again
 * @conn: the connection
 *
 * Those that have come meanwhile are handed out by the loop.
 */
void conn_resume(struct conn *conn)
{
	if (!conn->hold)
		return;
	conn->hold = false;
	update(conn);
}

/**
 * conn_try_send - send a message, if there is what it takes
 * @conn: the connection
 * @json: the message; the caller's reference is gone afterwards
 * @fds: descriptors to send with it, which stay the caller's
 * @nr_fds: how many
 *
 * Return: 0, also when the connection turns out to be of no use, and ends; or, with the
 * connection as it was, -EMSGSIZE when too much waits, -EMFILE, or -ENOMEM
 */
int conn_try_send(struct conn *conn, struct json_object *json, const int *fds,
		  unsigned int nr_fds)
{
	int err = proto_queue(&conn->proto, json, fds, nr_fds);

	if (err)
		return err;
	err = proto_flush(&conn->proto);
	if (err && err != -EAGAIN)
		conn_shutdown(conn);
	else
		update(conn);
	return 0;
}

/**
 * conn_send - send a message
 * @conn: the connection
 * @json: the message; the caller's reference is gone afterwards
 * @fds: descriptors to send with it, which stay the caller's
 * @nr_fds: how many
 *
 * If it can't be sent, the connection ends.
 */
void conn_send(struct conn *conn, struct json_object *json, const int *fds,
	       unsigned int nr_fds)
{
	if (conn_try_send(conn, json, fds, nr_fds))
		conn_shutdown(conn);
}
