// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all kinds of devices need on the command line; see attach.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "attach.h"
#include "client.h"
#include "vmctl.h"

/**
 * attach_file - open a file for a device
 * @attachment: the device; the descriptor is the last one of @fds afterwards
 * @what: the option, for messages
 * @path: the file
 * @flags: for open()
 *
 * Return: an enum exit_status
 */
int attach_file(struct attachment *attachment, const char *what, const char *path, int flags)
{
	char object[300];
	int fd;

	snprintf(object, sizeof(object), "--%s: %s", what, path);
	if (attachment->nr_fds == PROTO_FDS_MAX)
		return report("%s: more than %d files", object, PROTO_FDS_MAX);
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return report_errno(-errno, object, NULL);
	/* Only the open itself was not to wait */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	attachment->fds[attachment->nr_fds++] = fd;
	return EXIT_OK;
}

/**
 * attach_send - have phvd attach a device
 * @phvd: the connection
 * @domain: to which domain
 * @attachment: the device; nothing of it is left afterwards
 *
 * Return: an enum exit_status
 */
int attach_send(struct proto *phvd, const char *domain, struct attachment *attachment)
{
	struct proto_message reply;
	int status;
	unsigned int i;

	json_object_object_add(attachment->request, "domain", json_object_new_string(domain));
	status = client_call(phvd, attachment->request, attachment->fds, attachment->nr_fds,
			     &reply);
	attachment->request = NULL;
	for (i = 0; i < attachment->nr_fds; i++)
		close(attachment->fds[i]);
	if (!status)
		proto_message_free(&reply);
	return status;
}
