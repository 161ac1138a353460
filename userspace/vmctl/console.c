// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl console: attach to a domain's console.
 */
#include <getopt.h>
#include <string.h>

#include "client.h"
#include "terminal.h"
#include "vmctl.h"

static int view_status(const char *name, const struct view *view)
{
	switch (view->how) {
	case VIEW_DETACHED:
	case VIEW_SIGNAL:
		return EXIT_OK;
	case VIEW_ENDED:
		if (strcmp(view->reason, "crash"))
			return EXIT_OK;
		report("%s: %s", name, view->text);
		return EXIT_CRASHED;
	case VIEW_LOST:
		return report("%s: its worker has died", name);
	default:
		return EXIT_FAILED;
	}
}

/**
 * verb_console - vmctl console [--force | --read-only] DOMAIN
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: EXIT_OK when detached or when the domain ended, EXIT_CRASHED when it
 * crashed, or another enum exit_status
 */
int verb_console(int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "read-only", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 }
	};
	bool force = false, read_only = false, writes = false;
	struct json_object *json;
	struct proto_message reply;
	struct proto phvd;
	struct view view;
	int option, status, fd;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		force |= option == 'f';
		read_only |= option == 'r';
		if (option != 'f' && option != 'r')
			return usage_error();
	}
	if (optind + 1 != argc || (force && read_only))
		return usage_error();

	status = client_open(&phvd);
	if (status)
		return status;
	json = client_verb("console", argv[optind]);
	json_object_object_add(json, "force", json_object_new_boolean(force));
	json_object_object_add(json, "read-only", json_object_new_boolean(read_only));
	status = client_call(&phvd, json, NULL, 0, &reply);
	proto_close(&phvd);
	if (status)
		return status;
	json_get_flag(reply.json, "writer", &writes);
	fd = proto_message_fd(&reply, 0);
	proto_message_free(&reply);
	if (fd < 0)
		return report("%s: phvd gave no console", argv[optind]);
	view_console(fd, writes || read_only, &view);
	return view_status(argv[optind], &view);
}
