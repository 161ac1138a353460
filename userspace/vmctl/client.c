// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the verbs talk to phvd; see client.h.
 *
 * What comes from there can have come from a guest: it is printed without control
 * characters.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmctl.h"
#include "client.h"

/* Where phvd is; the environment variable is for tests. */
static const char *socket_path(void)
{
	const char *path = secure_getenv("PHVD_SOCKET");

	return path ? path : PROTO_SOCKET;
}

static const char *hint(int err)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		return "does phvd run?";
	return err == -EACCES ? "are you in group phv?" : NULL;
}

/**
 * client_try - connect to phvd, if it is there
 * @phvd: the connection
 *
 * Return: 0 or a negative errno, of which the caller may make what it likes
 */
int client_try(struct proto *phvd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = socket_path();
	int fd, err;

	proto_init(phvd, -1);
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		close(fd);
		return err;
	}
	proto_init(phvd, fd);
	return 0;
}

/**
 * client_open - connect to phvd
 * @phvd: the connection
 *
 * Return: EXIT_OK, or another exit status
 */
int client_open(struct proto *phvd)
{
	int err = client_try(phvd);

	return err ? report_errno(err, socket_path(), hint(err)) : EXIT_OK;
}

/**
 * client_verb - begin a request
 * @verb: what phvd is to do
 * @domain: with which domain, or NULL
 *
 * Return: an object, to which more may be added
 */
struct json_object *client_verb(const char *verb, const char *domain)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "version", json_object_new_int(PROTO_VERSION));
	json_object_object_add(json, "verb", json_object_new_string(verb));
	if (domain)
		json_object_object_add(json, "domain", json_object_new_string(domain));
	return json;
}

/*
 * Bytes of the control character there, 0 if it is another one.  In UTF-8 there are those
 * from U+0080 on, too, and terminals act on them.
 */
static size_t control_length(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	if ((*at && *at < ' ') || *at == 0x7f)
		return 1;
	return at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f ? 2 : 0;
}

/**
 * print_clean - print a text that a guest may have had a say in
 * @stream: where to
 * @text: the text; control characters become question marks
 */
void print_clean(FILE *stream, const char *text)
{
	size_t length;

	for (; *text; text += length ?: 1) {
		length = control_length(text);
		fputc(length ? '?' : *text, stream);
	}
}

/**
 * copy_clean - copy a text that a guest may have had a say in
 * @to: put here, as far as there is room; control characters become question marks
 * @size: its size
 * @text: the text
 */
void copy_clean(char *to, size_t size, const char *text)
{
	size_t length;

	for (; *text && size > 1; text += length ?: 1, size--) {
		length = control_length(text);
		*to++ = length ? '?' : *text;
	}
	*to = '\0';
}

static int exit_status(const char *code)
{
	static const struct {
		const char *code;
		int status;
	} statuses[] = {
		{ PROTO_USAGE, EXIT_USAGE },
		{ PROTO_NO_DOMAIN, EXIT_NO_DOMAIN },
		{ PROTO_PERMISSION, EXIT_PERMISSION },
		{ PROTO_BUSY, EXIT_BUSY },
		{ PROTO_UNSUPPORTED, EXIT_UNSUPPORTED },
		{ PROTO_TIMED_OUT, EXIT_TIMED_OUT },
		{ PROTO_CRASHED, EXIT_CRASHED },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(statuses); i++)
		if (!strcmp(statuses[i].code, code))
			return statuses[i].status;
	return EXIT_FAILED;
}

/* Says why phvd did not do it. */
static int report_refusal(struct json_object *reply)
{
	const char *code = PROTO_FAILED, *text = "phvd gave no reason";
	struct json_object *error;
	char line[512];

	if (json_object_object_get_ex(reply, "error", &error)) {
		json_get_text(error, "code", &code);
		json_get_text(error, "text", &text);
	}
	copy_clean(line, sizeof(line), text);
	report("%s", line);
	return exit_status(code);
}

/**
 * client_wait - wait for an answer
 * @phvd: the connection
 * @reply: it is put here; proto_message_free() ends its use, if EXIT_OK
 *
 * Return: EXIT_OK, or another exit status
 */
int client_wait(struct proto *phvd, struct proto_message *reply)
{
	bool ok = false;
	int err, status;

	err = proto_wait(phvd, reply);
	if (err == -EPIPE || err == -ECONNRESET)
		return report("phvd has gone");
	if (err)
		return report_errno(err, "phvd", NULL);
	if (json_get_flag(reply->json, "ok", &ok) && ok)
		return EXIT_OK;
	status = report_refusal(reply->json);
	proto_message_free(reply);
	return status;
}

/**
 * client_call - have phvd do something
 * @phvd: the connection
 * @request: what; the caller's reference is gone afterwards
 * @fds: descriptors for it
 * @nr_fds: how many
 * @reply: the answer is put here; proto_message_free() ends its use, if EXIT_OK
 *
 * Return: EXIT_OK, or another exit status
 */
int client_call(struct proto *phvd, struct json_object *request, const int *fds,
		unsigned int nr_fds, struct proto_message *reply)
{
	int err = proto_send(phvd, request, fds, nr_fds);

	if (err == -EPIPE || err == -ECONNRESET)
		return report("phvd has gone");
	if (err)
		return report_errno(err, "phvd", NULL);
	return client_wait(phvd, reply);
}

/**
 * client_simple - have phvd do something that needs no more words
 * @verb: what
 * @domain: with which domain
 *
 * Return: EXIT_OK, or another exit status
 */
int client_simple(const char *verb, const char *domain)
{
	struct proto_message reply;
	struct proto phvd;
	int status;

	status = client_open(&phvd);
	if (status)
		return status;
	status = client_call(&phvd, client_verb(verb, domain), NULL, 0, &reply);
	if (!status)
		proto_message_free(&reply);
	proto_close(&phvd);
	return status;
}
