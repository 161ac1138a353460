// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl start, stop, destroy, pause, unpause and memory.
 */
#include <getopt.h>
#include <stdlib.h>

#include <config.h>

#include "client.h"
#include "vmctl.h"

#define STOP_TIMEOUT	60	/* s */

static int simple(int argc, char **argv)
{
	if (getopt_long(argc, argv, "", (struct option[]){ { 0 } }, NULL) != -1 ||
	    optind + 1 != argc)
		return usage_error();
	return client_simple(argv[0], argv[optind]);
}

/**
 * verb_start - vmctl start DOMAIN
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_start(int argc, char **argv)
{
	return simple(argc, argv);
}

/**
 * verb_destroy - vmctl destroy DOMAIN
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status; the domain is gone if EXIT_OK
 */
int verb_destroy(int argc, char **argv)
{
	return simple(argc, argv);
}

/**
 * verb_pause - vmctl pause DOMAIN
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_pause(int argc, char **argv)
{
	return simple(argc, argv);
}

/**
 * verb_unpause - vmctl unpause DOMAIN
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_unpause(int argc, char **argv)
{
	return simple(argc, argv);
}

/**
 * verb_memory - vmctl memory DOMAIN SIZE
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status; EXIT_OK when the guest has been asked
 */
int verb_memory(int argc, char **argv)
{
	struct proto_message reply;
	struct json_object *json;
	struct proto phvd;
	__u64 size;
	int status;

	if (getopt_long(argc, argv, "", (struct option[]){ { 0 } }, NULL) != -1 ||
	    optind + 2 != argc)
		return usage_error();
	if (config_parse_size(argv[optind + 1], &size) || size > CONFIG_MEMORY_MAX) {
		report("%s: not a size (256M, 2G)", argv[optind + 1]);
		return EXIT_USAGE;
	}
	status = client_open(&phvd);
	if (status)
		return status;
	json = client_verb("memory", argv[optind]);
	json_object_object_add(json, "size", json_object_new_int64((int64_t)size));
	status = client_call(&phvd, json, NULL, 0, &reply);
	if (!status)
		proto_message_free(&reply);
	proto_close(&phvd);
	return status;
}

static bool parse_seconds(const char *text, long *seconds)
{
	char *end;

	*seconds = strtol(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && *seconds <= 1000000000;
}

/**
 * verb_stop - vmctl stop [--force] [--timeout S] [--no-wait] DOMAIN
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: EXIT_OK if the domain has ended (with --no-wait: was asked to),
 * EXIT_TIMED_OUT if it has not, or another enum exit_status
 */
int verb_stop(int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "timeout", required_argument, NULL, 't' },
		{ "wait", optional_argument, NULL, 'w' },
		{ "no-wait", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 }
	};
	bool force = false, wait = true;
	long timeout = STOP_TIMEOUT;
	struct proto_message reply;
	struct json_object *json;
	struct proto phvd;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f')
			force = true;
		else if (option == 'n')
			wait = false;
		else if (option == 'w' && !optarg)
			wait = true;
		else if ((option != 't' && option != 'w') ||
			 !parse_seconds(optarg, &timeout))
			return usage_error();
	}
	if (optind + 1 != argc)
		return usage_error();

	status = client_open(&phvd);
	if (status)
		return status;
	json = client_verb("stop", argv[optind]);
	json_object_object_add(json, "force", json_object_new_boolean(force));
	json_object_object_add(json, "wait", json_object_new_boolean(wait));
	json_object_object_add(json, "timeout", json_object_new_int64(timeout));
	status = client_call(&phvd, json, NULL, 0, &reply);
	if (!status)
		proto_message_free(&reply);
	proto_close(&phvd);
	return status;
}
