/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices on the command line: a word such as that of --disk is parsed, what it names
 * is opened with the rights of the user, and phvd is asked to attach it. For vmctl
 * create, and the verbs that attach to a domain that is there.
 */
#ifndef _ATTACH_H
#define _ATTACH_H

#include <proto.h>

#define ATTACH_MAX	32	/* devices on a command line */

/**
 * struct attachment - a device to be attached
 * @request: what phvd is asked, but for the domain
 * @fds: what was opened for it
 * @nr_fds: how many
 */
struct attachment {
	struct json_object *request;
	int fds[PROTO_FDS_MAX];
	unsigned int nr_fds;
};

/* attach.c */
int attach_send(struct proto *phvd, const char *domain, struct attachment *attachment);
int attach_file(struct attachment *attachment, const char *what, const char *path, int flags);

/* disk.c: reads the value of --disk; an enum exit_status, after report() */
int disk_parse(struct attachment *attachment, const char *text);

#endif /* _ATTACH_H */
