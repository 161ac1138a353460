// SPDX-License-Identifier: GPL-2.0-only
/*
 * The messages between vmctl, phvd and its workers; see proto.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto.h"

/**
 * struct proto_queued - a line that waits to be sent
 * @next: the one behind it
 * @size: bytes in @data
 * @sent: of which were sent
 * @fds: duplicates of its descriptors, for its first byte
 * @nr_fds: how many
 * @data: the line
 */
struct proto_queued {
	struct proto_queued *next;
	size_t size;
	size_t sent;
	int fds[PROTO_FDS_MAX];
	unsigned int nr_fds;
	char data[];
};

/**
 * proto_init - begin to use a connection
 * @proto: it
 * @fd: its socket, which proto_close() closes; -1 for none
 */
void proto_init(struct proto *proto, int fd)
{
	*proto = (struct proto){ .fd = fd };
}

static void queued_free(struct proto_queued *queued)
{
	unsigned int i;

	for (i = 0; i < queued->nr_fds; i++)
		close(queued->fds[i]);
	free(queued);
}

/**
 * proto_close - end a connection
 * @proto: it; may be closed, or all zero but for the descriptor -1
 */
void proto_close(struct proto *proto)
{
	struct proto_queued *queued;
	unsigned int i;

	while ((queued = proto->first)) {
		proto->first = queued->next;
		queued_free(queued);
	}
	for (i = 0; i < proto->nr_fds; i++)
		close(proto->fds[i]);
	free(proto->in);
	if (proto->fd >= 0)
		close(proto->fd);
	proto_init(proto, -1);
}

/* Takes the descriptors of a message; those that are too many are closed. */
static int take_fds(struct proto *proto, struct msghdr *header)
{
	struct cmsghdr *control;
	int err = 0;

	for (control = CMSG_FIRSTHDR(header); control;
	     control = CMSG_NXTHDR(header, control)) {
		size_t i, count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fd;

		if (control->cmsg_level != SOL_SOCKET ||
		    control->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
			if (proto->nr_fds < sizeof(proto->fds) / sizeof(*proto->fds)) {
				proto->fds[proto->nr_fds++] = fd;
				continue;
			}
			close(fd);
			err = -EMSGSIZE;
		}
	}
	return header->msg_flags & MSG_CTRUNC ? -EMSGSIZE : err;
}

/**
 * proto_receive - receive what there is
 * @proto: the connection
 *
 * Waits if the socket does.
 *
 * Return: 0; or -EAGAIN when there is nothing, -EPIPE at the end, -EMSGSIZE when
 * the other side sends a line or descriptors that are too many, or another
 * negative errno
 */
int proto_receive(struct proto *proto)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(PROTO_FDS_MAX * sizeof(int))];
	} control;
	struct iovec vector;
	struct msghdr header = {
		.msg_iov = &vector, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n;

	if (!proto->in)
		proto->in = malloc(PROTO_LINE_MAX);
	if (!proto->in)
		return -ENOMEM;
	if (proto->in_size == PROTO_LINE_MAX)
		return -EMSGSIZE;

	vector.iov_base = proto->in + proto->in_size;
	vector.iov_len = PROTO_LINE_MAX - proto->in_size;
	do {
		n = recvmsg(proto->fd, &header, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (take_fds(proto, &header))
		return -EMSGSIZE;
	if (!n)
		return -EPIPE;
	proto->in_size += n;
	return 0;
}

/* Parses a line, without its newline, as an object. */
static struct json_object *parse(const char *line, size_t size)
{
	struct json_tokener *tokener = json_tokener_new_ex(PROTO_DEPTH_MAX);
	struct json_object *json;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	json = json_tokener_parse_ex(tokener, line, (int)size);
	if (json && (!json_object_is_type(json, json_type_object) ||
		     json_tokener_get_parse_end(tokener) != size)) {
		json_object_put(json);
		json = NULL;
	}
	json_tokener_free(tokener);
	return json;
}

/* Moves the descriptors that a message says it has from @proto to it. */
static int claim_fds(struct proto *proto, struct proto_message *message)
{
	long long count = 0;

	if (json_object_object_get_ex(message->json, "fds", NULL) &&
	    !json_get_number(message->json, "fds", 0, PROTO_FDS_MAX, &count))
		return -EBADMSG;
	if (count > proto->nr_fds)
		return -EBADMSG;
	message->nr_fds = (unsigned int)count;
	memcpy(message->fds, proto->fds, count * sizeof(int));
	proto->nr_fds -= count;
	memmove(proto->fds, proto->fds + count, proto->nr_fds * sizeof(int));
	return 0;
}

/**
 * proto_has_next - was all of a line received that proto_next() has not taken yet?
 * @proto: the connection
 *
 * Return: true if so
 */
bool proto_has_next(const struct proto *proto)
{
	return proto->in_size && memchr(proto->in, '\n', proto->in_size);
}

/**
 * proto_next - take the next message out of what was received
 * @proto: the connection
 * @message: it is put here
 *
 * Return: 1 if there was one, 0 if it isn't complete, -EBADMSG if it isn't a
 * message: the connection is of no use then
 */
int proto_next(struct proto *proto, struct proto_message *message)
{
	char *end = proto->in_size ? memchr(proto->in, '\n', proto->in_size) : NULL;
	size_t size;
	int err;

	*message = (struct proto_message){ 0 };
	if (!end)
		return 0;

	size = end - proto->in;
	message->json = parse(proto->in, size);
	proto->in_size -= size + 1;
	memmove(proto->in, end + 1, proto->in_size);
	if (!message->json)
		return -EBADMSG;
	err = claim_fds(proto, message);
	if (err) {
		proto_message_free(message);
		return err;
	}
	return 1;
}

/**
 * proto_message_free - end the use of a message
 * @message: what proto_next() gave, or all zero
 */
void proto_message_free(struct proto_message *message)
{
	unsigned int i;

	for (i = 0; i < message->nr_fds; i++)
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	json_object_put(message->json);
	*message = (struct proto_message){ 0 };
}

/**
 * proto_message_fd - take a descriptor out of a message
 * @message: the message
 * @index: which
 *
 * Return: the descriptor, which is the caller's now, or -1
 */
int proto_message_fd(struct proto_message *message, unsigned int index)
{
	int fd;

	if (index >= message->nr_fds)
		return -1;
	fd = message->fds[index];
	message->fds[index] = -1;
	return fd;
}

/* Sends some of a line; the number of bytes, or a negative errno. */
static ssize_t send_some(int fd, struct proto_queued *queued)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(PROTO_FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec vector = {
		.iov_base = queued->data + queued->sent,
		.iov_len = queued->size - queued->sent,
	};
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
	size_t size = queued->nr_fds * sizeof(int);
	ssize_t n;

	if (size && !queued->sent) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(size);
		control.align = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(size),
		};
		memcpy(CMSG_DATA(&control.align), queued->fds, size);
	}
	do {
		n = sendmsg(fd, &header, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/**
 * proto_flush - send what waits
 * @proto: the connection
 *
 * Return: 0 when nothing waits any more, -EAGAIN when the socket takes no more
 * for now, or another negative errno
 */
int proto_flush(struct proto *proto)
{
	struct proto_queued *queued;
	ssize_t n;

	while ((queued = proto->first)) {
		n = send_some(proto->fd, queued);
		if (n < 0)
			return (int)n;
		queued->sent += n;
		if (queued->sent < queued->size)
			continue;
		proto->queued -= queued->size;
		proto->first = queued->next;
		if (!proto->first)
			proto->last = NULL;
		queued_free(queued);
	}
	return 0;
}

static int enqueue(struct proto *proto, const char *text, const int *fds,
		   unsigned int nr_fds)
{
	size_t size = strlen(text) + 1;
	struct proto_queued *queued;
	int err;

	if (size > PROTO_LINE_MAX || nr_fds > PROTO_FDS_MAX ||
	    proto->queued + size > PROTO_QUEUE_MAX)
		return -EMSGSIZE;
	queued = malloc(sizeof(*queued) + size);
	if (!queued)
		return -ENOMEM;
	*queued = (struct proto_queued){ .size = size };
	memcpy(queued->data, text, size - 1);
	queued->data[size - 1] = '\n';
	for (; queued->nr_fds < nr_fds; queued->nr_fds++) {
		int fd = dup(fds[queued->nr_fds]);

		if (fd < 0) {
			err = -errno;
			queued_free(queued);
			return err;
		}
		queued->fds[queued->nr_fds] = fd;
	}

	if (proto->last)
		proto->last->next = queued;
	else
		proto->first = queued;
	proto->last = queued;
	proto->queued += size;
	return 0;
}

/**
 * proto_queue - have a message wait to be sent
 * @proto: the connection
 * @json: the message; the caller's reference is gone afterwards
 * @fds: descriptors to send with it, which stay the caller's
 * @nr_fds: how many
 *
 * If this fails, the connection is as it was.
 *
 * Return: 0, -EMSGSIZE when too much waits, -EMFILE, or -ENOMEM
 */
int proto_queue(struct proto *proto, struct json_object *json, const int *fds,
		unsigned int nr_fds)
{
	int err;

	if (!json)
		return -ENOMEM;
	if (nr_fds)
		json_object_object_add(json, "fds", json_object_new_int(nr_fds));
	err = enqueue(proto, json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE),
		      fds, nr_fds);
	json_object_put(json);
	return err;
}

/**
 * proto_send - send a message
 * @proto: the connection
 * @json: the message; the caller's reference is gone afterwards
 * @fds: descriptors to send with it, which stay the caller's
 * @nr_fds: how many
 *
 * Return: 0 when it was sent or waits to be (proto_flush() tells which),
 * -EMSGSIZE when too much waits, or another negative errno
 */
int proto_send(struct proto *proto, struct json_object *json, const int *fds,
	       unsigned int nr_fds)
{
	int err = proto_queue(proto, json, fds, nr_fds);

	if (err)
		return err;
	err = proto_flush(proto);
	return err == -EAGAIN ? 0 : err;
}

/**
 * proto_wait - wait for a message; for sockets that wait
 * @proto: the connection
 * @message: it is put here
 *
 * Return: 0, or a negative errno: see proto_receive() and proto_next()
 */
int proto_wait(struct proto *proto, struct proto_message *message)
{
	int ret;

	for (;;) {
		ret = proto_next(proto, message);
		if (ret)
			return ret < 0 ? ret : 0;
		ret = proto_receive(proto);
		if (ret)
			return ret;
	}
}

/**
 * json_get_text - look up a member that is a string
 * @json: the object
 * @key: the member's name
 * @text: it is put here; it lives as long as the object
 *
 * Return: true; false without such a member, or when it has a NUL in it
 */
bool json_get_text(struct json_object *json, const char *key, const char **text)
{
	struct json_object *member;

	if (!json_object_object_get_ex(json, key, &member) ||
	    !json_object_is_type(member, json_type_string))
		return false;
	*text = json_object_get_string(member);
	return strlen(*text) == (size_t)json_object_get_string_len(member);
}

/**
 * json_get_number - look up a member that is a whole number
 * @json: the object
 * @key: the member's name
 * @min: the least that it may be
 * @max: the most
 * @number: it is put here
 *
 * Return: true; false without such a member, or if it is out of range
 */
bool json_get_number(struct json_object *json, const char *key, long long min,
		     long long max, long long *number)
{
	struct json_object *member;
	long long value;

	if (!json_object_object_get_ex(json, key, &member) ||
	    !json_object_is_type(member, json_type_int))
		return false;
	value = json_object_get_int64(member);
	if (value < min || value > max)
		return false;
	*number = value;
	return true;
}

/**
 * json_get_flag - look up a member that is true or false
 * @json: the object
 * @key: the member's name
 * @flag: it is put here
 *
 * Return: true; false without such a member
 */
bool json_get_flag(struct json_object *json, const char *key, bool *flag)
{
	struct json_object *member;

	if (!json_object_object_get_ex(json, key, &member) ||
	    !json_object_is_type(member, json_type_boolean))
		return false;
	*flag = json_object_get_boolean(member);
	return true;
}

/**
 * proto_ok - the reply to a request that was done
 *
 * Return: an object, to which more may be added
 */
struct json_object *proto_ok(void)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "version", json_object_new_int(PROTO_VERSION));
	json_object_object_add(json, "ok", json_object_new_boolean(true));
	return json;
}

/**
 * proto_refusal - the reply to a request that failed
 * @code: PROTO_FAILED or another of these
 * @err: a negative errno, or 0
 * @text: what went wrong, all of it
 *
 * Return: an object
 */
struct json_object *proto_refusal(const char *code, int err, const char *text)
{
	struct json_object *json = json_object_new_object();
	struct json_object *error = json_object_new_object();

	json_object_object_add(error, "code", json_object_new_string(code));
	json_object_object_add(error, "errno", json_object_new_int(-err));
	json_object_object_add(error, "text", json_object_new_string(text));
	json_object_object_add(json, "version", json_object_new_int(PROTO_VERSION));
	json_object_object_add(json, "ok", json_object_new_boolean(false));
	json_object_object_add(json, "error", error);
	return json;
}

/**
 * proto_error - the same, in the words of the errno
 * @code: PROTO_FAILED or another of these
 * @err: a negative errno, or 0
 * @format: what it was about, as for printf(); the errno's text comes behind it
 *
 * Return: an object
 */
struct json_object *proto_error(const char *code, int err, const char *format, ...)
{
	char text[512];
	va_list args;
	size_t length;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	length = strlen(text);
	if (err)
		snprintf(text + length, sizeof(text) - length, ": %s", strerror(-err));
	return proto_refusal(code, err, text);
}
