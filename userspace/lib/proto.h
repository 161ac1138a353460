/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * proto - the messages between vmctl, phvd and its workers.
 *
 * What lives here: a connection, over which each side sends JSON objects, each
 * on a line of its own, and file descriptors with them.  An object that has
 * descriptors says how many in its member "fds"; they are sent with its first
 * byte.  Everything received is hostile: lines, nesting, and the number of
 * descriptors on their way are limited.
 *
 * Used by vmctl, which waits, and by phvd, which does not: there, what cannot be
 * sent at once is kept for proto_flush().  A connection belongs to one thread.
 */
#ifndef _PROTO_H
#define _PROTO_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define __printf(a, b) __attribute__((format(printf, a, b)))

/* Raised when a request or a reply changes its meaning. */
#define PROTO_VERSION		1

#define PROTO_SOCKET		"/run/phv/phvd.sock"

#define PROTO_LINE_MAX		65536
#define PROTO_DEPTH_MAX		8
#define PROTO_FDS_MAX		8
/* What may wait to be sent, before the other side counts as dead. */
#define PROTO_QUEUE_MAX		1048576

/*
 * Why a request failed: the member "code" of an error.  vmctl turns them into
 * exit statuses.
 */
#define PROTO_FAILED		"failed"
#define PROTO_USAGE		"usage"
#define PROTO_NO_DOMAIN		"no-domain"
#define PROTO_PERMISSION	"permission"
#define PROTO_BUSY		"busy"
#define PROTO_UNSUPPORTED	"unsupported"
#define PROTO_TIMED_OUT		"timed-out"
#define PROTO_CRASHED		"crashed"

struct proto_queued;

/**
 * struct proto - a connection
 * @fd: its socket, or -1
 * @in: what was received and not taken yet
 * @in_size: bytes in @in
 * @fds: descriptors that were received and not taken yet
 * @nr_fds: how many
 * @first: what waits to be sent
 * @last: the end of that list
 * @queued: bytes in it
 */
struct proto {
	int fd;
	char *in;
	size_t in_size;
	int fds[2 * PROTO_FDS_MAX];
	unsigned int nr_fds;
	struct proto_queued *first, *last;
	size_t queued;
};

/**
 * struct proto_message - what proto_next() gives; proto_message_free() ends it
 * @json: an object
 * @fds: descriptors that came with it; who takes one sets its place to -1
 * @nr_fds: how many
 */
struct proto_message {
	struct json_object *json;
	int fds[PROTO_FDS_MAX];
	unsigned int nr_fds;
};

void proto_init(struct proto *proto, int fd);
void proto_close(struct proto *proto);
int proto_receive(struct proto *proto);
bool proto_has_next(const struct proto *proto);
int proto_next(struct proto *proto, struct proto_message *message);
void proto_message_free(struct proto_message *message);
int proto_message_fd(struct proto_message *message, unsigned int index);
int proto_queue(struct proto *proto, struct json_object *json, const int *fds,
		unsigned int nr_fds);
int proto_send(struct proto *proto, struct json_object *json, const int *fds,
	       unsigned int nr_fds);
int proto_flush(struct proto *proto);
int proto_wait(struct proto *proto, struct proto_message *message);

/* Members of an object; each gives false when there is none of that type. */
bool json_get_text(struct json_object *json, const char *key, const char **text);
bool json_get_number(struct json_object *json, const char *key, long long min,
		     long long max, long long *number);
bool json_get_flag(struct json_object *json, const char *key, bool *flag);

struct json_object *proto_ok(void);
struct json_object *proto_refusal(const char *code, int err, const char *text);
__printf(3, 4)
struct json_object *proto_error(const char *code, int err, const char *format, ...);

#endif /* _PROTO_H */
