// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl list, info and events: what domains there are, and what happens to them.
 *
 * The first three functions are where the answers come from; the rest shows them.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "vmctl.h"

/* Raised when a member of the JSON output is removed or changes its meaning. */
#define LIST_JSON_SCHEMA	1

/* An array of objects, one for each domain: put into @domains. */
static int get_list(struct json_object **domains)
{
	struct proto_message reply;
	struct proto phvd;
	int status;

	status = client_open(&phvd);
	if (status)
		return status;
	status = client_call(&phvd, client_verb("list", NULL), NULL, 0, &reply);
	if (!status) {
		if (json_object_object_get_ex(reply.json, "domains", domains) &&
		    json_object_is_type(*domains, json_type_array))
			json_object_get(*domains);
		else
			status = report("phvd gave no list");
		proto_message_free(&reply);
	}
	proto_close(&phvd);
	return status;
}

/* Adds the members of an object's object to another. */
static void add_members(struct json_object *to, struct json_object *from,
			const char *name)
{
	struct json_object *members;

	if (!json_object_object_get_ex(from, name, &members) ||
	    !json_object_is_type(members, json_type_object))
		return;
	json_object_object_foreach(members, key, value)
		json_object_object_add(to, key, json_object_get(value));
}

/* An object with all about a domain. */
static int get_info(const char *name, struct json_object **info)
{
	struct proto_message reply, more;
	struct proto phvd;
	int status;

	status = client_open(&phvd);
	if (status)
		return status;
	status = client_call(&phvd, client_verb("describe", name), NULL, 0, &reply);
	if (!status)
		status = client_call(&phvd, client_verb("info", name), NULL, 0, &more);
	if (!status) {
		*info = json_object_new_object();
		add_members(*info, reply.json, "domain");
		add_members(*info, more.json, "config");
		proto_message_free(&more);
		proto_message_free(&reply);
	}
	proto_close(&phvd);
	return status;
}

/* Begins to listen to events, each of which proto_wait() then gives. */
static int get_events(struct proto *phvd)
{
	struct proto_message reply;
	int status;

	status = client_open(phvd);
	if (!status)
		status = client_call(phvd, client_verb("events", NULL), NULL, 0, &reply);
	if (!status)
		proto_message_free(&reply);
	return status;
}

static void print_json(struct json_object *json, int flags)
{
	puts(json_object_to_json_string_ext(json, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static const char *text_of(struct json_object *json, const char *key)
{
	const char *text;

	return json_get_text(json, key, &text) ? text : "-";
}

static long long number_of(struct json_object *json, const char *key)
{
	long long number;

	return json_get_number(json, key, 0, INT64_MAX, &number) ? number : 0;
}

static void print_row(struct json_object *domain)
{
	printf("%5lld  ", number_of(domain, "id"));
	print_clean(stdout, text_of(domain, "name"));
	printf("%*s  %-9s %5lld %7lldM  %lld\n",
	       (int)(16 - (strlen(text_of(domain, "name")) < 16 ?
			   strlen(text_of(domain, "name")) : 16)), "",
	       text_of(domain, "state"), number_of(domain, "vcpus"),
	       number_of(domain, "memory") >> 20, number_of(domain, "owner"));
}

/* The words of a verb that has no option but --json. */
static int parse(int argc, char **argv, bool *json)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*json = false;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'j')
			return usage_error();
		*json = true;
	}
	return EXIT_OK;
}

/**
 * verb_list - vmctl list [--json]
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_list(int argc, char **argv)
{
	struct json_object *domains, *root;
	bool json;
	int status;
	size_t i;

	status = parse(argc, argv, &json);
	if (status)
		return status;
	if (optind != argc)
		return usage_error();
	status = get_list(&domains);
	if (status)
		return status;
	if (json) {
		root = json_object_new_object();
		json_object_object_add(root, "schema",
				       json_object_new_int(LIST_JSON_SCHEMA));
		json_object_object_add(root, "domains", json_object_get(domains));
		print_json(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
		json_object_put(root);
	} else {
		printf("%5s  %-16s  %-9s %5s %8s  %s\n", "ID", "NAME", "STATE",
		       "VCPUS", "MEMORY", "OWNER");
		for (i = 0; i < json_object_array_length(domains); i++)
			print_row(json_object_array_get_idx(domains, i));
	}
	json_object_put(domains);
	return EXIT_OK;
}

/**
 * verb_info - vmctl info [--json] DOMAIN
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_info(int argc, char **argv)
{
	struct json_object *info;
	bool json;
	int status;

	status = parse(argc, argv, &json);
	if (status)
		return status;
	if (optind + 1 != argc)
		return usage_error();
	status = get_info(argv[optind], &info);
	if (status)
		return status;
	if (json) {
		json_object_object_add(info, "schema",
				       json_object_new_int(LIST_JSON_SCHEMA));
		print_json(info, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	} else {
		json_object_object_foreach(info, key, value) {
			printf("%-12s ", key);
			print_clean(stdout, json_object_get_string(value) ?: "-");
			putchar('\n');
		}
	}
	json_object_put(info);
	return EXIT_OK;
}

static void print_event(struct json_object *event)
{
	time_t when = (time_t)(number_of(event, "time") / 1000);
	struct tm tm;
	char text[32];

	strftime(text, sizeof(text), "%FT%T", localtime_r(&when, &tm));
	printf("%s %5lld  ", text, number_of(event, "id"));
	print_clean(stdout, text_of(event, "name"));
	printf("  %s", text_of(event, "event"));
	if (json_object_object_get_ex(event, "reason", NULL))
		printf(" (%s)", text_of(event, "reason"));
	putchar('\n');
}

/**
 * verb_events - vmctl events [--json]
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Goes on until phvd goes, or stdout.
 *
 * Return: an enum exit_status
 */
int verb_events(int argc, char **argv)
{
	struct proto_message message;
	struct proto phvd;
	bool json;
	int status;

	status = parse(argc, argv, &json);
	if (status)
		return status;
	if (optind != argc)
		return usage_error();
	status = get_events(&phvd);
	while (!status) {
		if (proto_wait(&phvd, &message)) {
			status = report("phvd has gone");
			break;
		}
		if (json)
			print_json(message.json, JSON_C_TO_STRING_PLAIN);
		else
			print_event(message.json);
		proto_message_free(&message);
		if (fflush(stdout) || ferror(stdout))
			break;
	}
	proto_close(&phvd);
	return status;
}
