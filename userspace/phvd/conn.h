/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conn - a connection of proto.h in an event loop.
 *
 * Messages are handed out one in each round of the loop, so that who sends many at once
 * keeps nobody else waiting.
 *
 * Used by the parent, for vmctl and workers, and by workers, for the parent.
 */
#ifndef _CONN_H
#define _CONN_H

#include <systemd/sd-event.h>

#include "proto.h"

/**
 * struct conn - a connection
 * @proto: what is received and sent
 * @io: its place in the event loop
 * @more: the event loop's source for a message that was received with others, or NULL
 * @hold: take no more messages for now; conn_resume() ends it
 * @message: called for each message, which it need not free.  It must not close
 *	the connection: conn_shutdown() does, in time
 * @closed: called once, when the other side is gone, or has sent what is no
 *	message; calls conn_close()
 */
struct conn {
	struct proto proto;
	sd_event_source *io;
	sd_event_source *more;
	bool hold;
	void (*message)(struct conn *conn, struct proto_message *message);
	void (*closed)(struct conn *conn);
};

int conn_open(struct conn *conn, sd_event *event, int fd);
void conn_close(struct conn *conn);
void conn_shutdown(struct conn *conn);
void conn_drain(struct conn *conn);
void conn_resume(struct conn *conn);
int conn_try_send(struct conn *conn, struct json_object *json, const int *fds,
		  unsigned int nr_fds);
void conn_send(struct conn *conn, struct json_object *json, const int *fds,
	       unsigned int nr_fds);

#endif /* _CONN_H */
