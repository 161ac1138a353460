// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl list, info and events: what domains there are, and what happens to them.
 *
 * query.c is where the answers come from; here they are shown.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "query.h"
#include "vmctl.h"

/* Raised when a member of the JSON output is removed or changes its meaning. */
#define LIST_JSON_SCHEMA	1

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

/* A text that may have come from anywhere, with blanks up to @width columns. */
static void print_text(const char *text, int width)
{
	int length = (int)strlen(text);

	print_clean(stdout, text);
	printf("%*s", length < width ? width - length : 0, "");
}

static void print_row(struct json_object *domain)
{
	long long owner;

	printf("%5lld  ", number_of(domain, "id"));
	print_text(text_of(domain, "name"), 18);
	print_text(text_of(domain, "state"), 9);
	printf(" %5lld %7lldM  ", number_of(domain, "vcpus"),
	       number_of(domain, "memory") >> 20);
	if (json_get_number(domain, "owner", 0, INT64_MAX, &owner))
		printf("%lld\n", owner);
	else
		printf("-\n");
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
	status = query_list(&domains);
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

/* A line for each vCPU, and one with its exits, if we may know. */
static void print_vcpus(struct json_object *vcpus)
{
	static const char * const counters[] = {
		"user-exits", "interrupts", "nmis", "exceptions", "posted", "ept-faults",
		"flushes", "blocked", "migrations",
	};
	struct json_object *vcpu, *exits;
	size_t i, n;

	for (i = 0; i < json_object_array_length(vcpus); i++) {
		vcpu = json_object_array_get_idx(vcpus, i);
		printf("vcpu %-7lld %s", number_of(vcpu, "id"), text_of(vcpu, "state"));
		for (n = 0; n < ARRAY_SIZE(counters); n++)
			printf(", %s %lld", counters[n], number_of(vcpu, counters[n]));
		printf("\n%-12s exits:", "");
		if (json_object_object_get_ex(vcpu, "exits", &exits)) {
			json_object_object_foreach(exits, reason, count)
				printf(" %s %s", reason, json_object_get_string(count));
		}
		putchar('\n');
	}
}

/* What the worker says that an interface has counted. */
static void print_counters(struct json_object *net, const char *direction)
{
	struct json_object *counters;

	if (!json_object_object_get_ex(net, direction, &counters) ||
	    !json_object_is_type(counters, json_type_object))
		return;
	printf("%-12s %s:", "", direction);
	json_object_object_foreach(counters, key, count) {
		putchar(' ');
		print_clean(stdout, key);
		putchar(' ');
		print_clean(stdout, json_object_get_string(count) ?: "-");
	}
	putchar('\n');
}

static void print_nets(struct json_object *nets)
{
	struct json_object *net;
	size_t i;

	for (i = 0; i < json_object_array_length(nets); i++) {
		net = json_object_array_get_idx(nets, i);
		printf("net %-8lld ", number_of(net, "number"));
		print_clean(stdout, text_of(net, "net"));
		printf(", %lld connected\n", number_of(net, "queues"));
		print_counters(net, "sent");
		print_counters(net, "received");
	}
}

static void print_info(struct json_object *info)
{
	struct json_object *vcpus, *nets;

	json_object_object_foreach(info, key, value) {
		if (json_object_is_type(value, json_type_array))
			continue;
		print_text(key, 13);
		print_clean(stdout, json_object_get_string(value) ?: "-");
		putchar('\n');
	}
	if (json_object_object_get_ex(info, "vcpu", &vcpus) &&
	    json_object_is_type(vcpus, json_type_array))
		print_vcpus(vcpus);
	if (json_object_object_get_ex(info, "nets", &nets) &&
	    json_object_is_type(nets, json_type_array))
		print_nets(nets);
}

/* The words of info: one more option. */
static int parse_info(int argc, char **argv, bool *json, bool *vmcs)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "vmcs", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*json = false;
	*vmcs = false;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j')
			*json = true;
		else if (option == 'v')
			*vmcs = true;
		else
			return usage_error();
	}
	return optind + 1 == argc ? EXIT_OK : usage_error();
}

/**
 * verb_info - vmctl info [--json] [--vmcs] DOMAIN
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_info(int argc, char **argv)
{
	struct json_object *info;
	bool json, vmcs;
	int status;

	status = parse_info(argc, argv, &json, &vmcs);
	if (status)
		return status;
	if (vmcs)
		return info_vmcs(argv[optind], json);
	status = query_info(argv[optind], &info);
	if (status)
		return status;
	if (json) {
		json_object_object_add(info, "schema",
				       json_object_new_int(LIST_JSON_SCHEMA));
		print_json(info, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	} else {
		print_info(info);
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
	printf("%s %5lld  %s  %s", text, number_of(event, "id"), text_of(event, "name"),
	       text_of(event, "event"));
	if (json_object_object_get_ex(event, "reason", NULL))
		printf(" (%s)", text_of(event, "reason"));
	putchar('\n');
}

static void show_event(struct json_object *event, bool json)
{
	if (json) {
		json_object_object_add(event, "schema", json_object_new_int(LIST_JSON_SCHEMA));
		print_json(event, JSON_C_TO_STRING_PLAIN);
	} else {
		print_event(event);
	}
}

/**
 * verb_events - vmctl events [--json]
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Goes on until it is interrupted, or nobody reads what it writes.
 *
 * Return: an enum exit_status
 */
int verb_events(int argc, char **argv)
{
	struct json_object *event;
	struct phv_nl *nl;
	bool json;
	int status;

	status = parse(argc, argv, &json);
	if (status)
		return status;
	if (optind != argc)
		return usage_error();
	status = query_events(&nl);
	if (status)
		return status;
	while (!(status = query_event(nl, &event))) {
		show_event(event, json);
		json_object_put(event);
		if (fflush(stdout) || ferror(stdout))
			break;
	}
	phv_nl_close(nl);
	return status;
}
