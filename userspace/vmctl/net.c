// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl net-attach, net-detach and net-rules.
 */
#include <getopt.h>
#include <stdlib.h>

#include <net_config.h>

#include "client.h"
#include "vmctl.h"

/* Asks, and has the answer in @reply if EXIT_OK. */
static int ask(struct json_object *json, struct proto_message *reply)
{
	struct proto phvd;
	int status = client_open(&phvd);

	if (status) {
		json_object_put(json);
		return status;
	}
	status = client_call(&phvd, json, NULL, 0, reply);
	proto_close(&phvd);
	return status;
}

static int ask_simply(struct json_object *json)
{
	struct proto_message reply;
	int status = ask(json, &reply);

	if (!status)
		proto_message_free(&reply);
	return status;
}

static bool take_number(const char *text, unsigned int *number)
{
	char *end;

	*number = (unsigned int)strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end;
}

/**
 * verb_net_attach - vmctl net-attach DOMAIN NET
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_net_attach(int argc, char **argv)
{
	struct net_config config;
	char why[NET_WHY_MAX];
	struct json_object *json;

	if (getopt_long(argc, argv, "", (struct option[]){ { 0 } }, NULL) != -1 ||
	    optind + 2 != argc)
		return usage_error();
	if (!net_config_parse(&config, argv[optind + 1], why)) {
		report("%s: %s", argv[optind + 1], why);
		return EXIT_USAGE;
	}
	json = client_verb("net-attach", argv[optind]);
	json_object_object_add(json, "net", json_object_new_string(argv[optind + 1]));
	return ask_simply(json);
}

/**
 * verb_net_detach - vmctl net-detach [--force] DOMAIN NUMBER
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_net_detach(int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 }
	};
	struct json_object *json;
	unsigned int number;
	bool force = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'f')
			return usage_error();
		force = true;
	}
	if (optind + 2 != argc || !take_number(argv[optind + 1], &number))
		return usage_error();
	json = client_verb("net-detach", argv[optind]);
	json_object_object_add(json, "number", json_object_new_int64(number));
	json_object_object_add(json, "force", json_object_new_boolean(force));
	return ask_simply(json);
}

static void print_rules(struct json_object *list)
{
	size_t i, count = json_object_array_length(list);

	printf("%12s %14s  %s\n", "PACKETS", "BYTES", "RULE");
	for (i = 0; i < count; i++) {
		struct json_object *rule = json_object_array_get_idx(list, i);
		long long packets = 0, bytes = 0;
		const char *text = "";

		json_get_number(rule, "packets", 0, INT64_MAX, &packets);
		json_get_number(rule, "bytes", 0, INT64_MAX, &bytes);
		json_get_text(rule, "rule", &text);
		printf("%12lld %14lld  ", packets, bytes);
		print_clean(stdout, text);
		putchar('\n');
	}
}

static int show_rules(struct json_object *request, bool as_json)
{
	struct json_object *list = NULL;
	struct proto_message reply;
	int status = ask(request, &reply);

	if (status)
		return status;
	json_object_object_get_ex(reply.json, "rules", &list);
	if (!json_object_is_type(list, json_type_array))
		status = report("phvd gave no rules");
	else if (as_json)
		printf("%s\n", json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY |
							      JSON_C_TO_STRING_SPACED));
	else
		print_rules(list);
	proto_message_free(&reply);
	return status;
}

/**
 * verb_net_rules - vmctl net-rules [--json] [--add RULE | --first RULE | --delete RULE]
 * DOMAIN [NUMBER]
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_net_rules(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "add", required_argument, NULL, 'a' },
		{ "first", required_argument, NULL, 'f' },
		{ "delete", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 }
	};
	const char *change = NULL, *rule = NULL;
	struct json_object *json;
	unsigned int number = 0;
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j') {
			as_json = true;
			continue;
		}
		if (option == '?' || change)
			return usage_error();
		change = option == 'a' ? "add" : option == 'f' ? "first" : "delete";
		rule = optarg;
	}
	if (optind >= argc || argc > optind + 2 ||
	    (optind + 2 == argc && !take_number(argv[optind + 1], &number)))
		return usage_error();
	json = client_verb("net-rules", argv[optind]);
	json_object_object_add(json, "number", json_object_new_int64(number));
	if (change)
		json_object_object_add(json, change, json_object_new_string(rule));
	return show_rules(json, as_json);
}
