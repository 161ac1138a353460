// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl info --vmcs: what the processor has of a domain's vCPUs, and what it would say to it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libphv.h>
#include <vmcs.h>

#include "client.h"
#include "vmctl.h"

/* Raised when a member of the JSON output is removed or changes its meaning. */
#define VMCS_JSON_SCHEMA	1

static void take_fields(struct json_object *fields, struct vmcs *vmcs)
{
	const char *text;
	char key[12];
	size_t i;

	memset(vmcs, 0, sizeof(*vmcs));
	for (i = 0; vmcs_fields[i].name; i++) {
		snprintf(key, sizeof(key), "%#x", vmcs_fields[i].encoding);
		if (json_get_text(fields, key, &text))
			vmcs_set(vmcs, vmcs_fields[i].encoding, strtoull(text, NULL, 16));
	}
}

static void print_fields(const struct vmcs *vmcs)
{
	const struct vmcs_field *field;
	char text[256];

	for (field = vmcs_fields; field->name; field++) {
		__u64 value = vmcs_get(vmcs, field->encoding);

		if (!vmcs_known(vmcs, field->encoding))
			continue;
		vmcs_describe(field->encoding, value, text, sizeof(text));
		printf("  %04x %-34s %#llx%s\n", field->encoding, field->name,
		       (unsigned long long)value, text);
	}
}

static void print_verdict(const struct vmcs_verdict *verdict)
{
	unsigned int i;

	for (i = 0; i < verdict->count; i++)
		printf("  %s %s: %s\n", verdict->failure[i].optional ? "may fail:" : "fails:",
		       vmcs_area_names[verdict->failure[i].area], verdict->failure[i].text);
	if (!verdict->count)
		puts("  the processor would enter it");
}

static struct json_object *verdict_to_json(const struct vmcs_verdict *verdict)
{
	struct json_object *list = json_object_new_array(), *json;
	const char *area;
	unsigned int i;

	for (i = 0; i < verdict->count; i++) {
		area = vmcs_area_names[verdict->failure[i].area];
		json = json_object_new_object();
		json_object_object_add(json, "area", json_object_new_string(area));
		json_object_object_add(json, "text",
				       json_object_new_string(verdict->failure[i].text));
		json_object_array_add(list, json);
	}
	return list;
}

/* A vCPU, as text or added to @list. */
static void show(unsigned int number, struct json_object *fields,
		 const struct vmcs_cpu *cpu, struct json_object *list)
{
	struct vmcs_verdict verdict;
	struct json_object *json;
	struct vmcs vmcs;

	take_fields(fields, &vmcs);
	vmcs_check(&vmcs, cpu, &verdict);
	if (!list) {
		printf("vcpu %u\n", number);
		print_fields(&vmcs);
		print_verdict(&verdict);
		return;
	}
	json = json_object_new_object();
	json_object_object_add(json, "id", json_object_new_int(number));
	json_object_object_add(json, "fields", json_object_get(fields));
	json_object_object_add(json, "failures", verdict_to_json(&verdict));
	json_object_array_add(list, json);
}

static int get_cpu(struct vmcs_cpu *cpu)
{
	int device = phv_open();
	int err;

	if (device < 0)
		return report_errno(device, PHV_DEVICE, phv_open_hint(device));
	err = vmcs_this_cpu(device, cpu);
	close(device);
	return err ? report_errno(err, PHV_DEVICE, NULL) : EXIT_OK;
}

/* Asks for one vCPU after the other; how many there are is in each answer. */
static int ask(struct proto *phvd, const char *domain, struct json_object *list)
{
	struct json_object *request, *fields;
	struct proto_message reply;
	struct vmcs_cpu cpu;
	long long vcpus = 1;
	unsigned int i;
	int status;

	for (i = 0; i < vcpus; i++) {
		request = client_verb("vmcs", domain);
		json_object_object_add(request, "vcpu", json_object_new_int(i));
		status = client_call(phvd, request, NULL, 0, &reply);
		if (status)
			return status;
		if (!i)
			status = get_cpu(&cpu);
		if (!status &&
		    json_get_number(reply.json, "vcpus", 1, PHV_MAX_VCPUS, &vcpus) &&
		    json_object_object_get_ex(reply.json, "fields", &fields))
			show(i, fields, &cpu, list);
		proto_message_free(&reply);
		if (status)
			return status;
	}
	return EXIT_OK;
}

/**
 * info_vmcs - vmctl info --vmcs [--json] DOMAIN
 * @domain: the domain
 * @json: print JSON
 *
 * Return: an enum exit_status
 */
int info_vmcs(const char *domain, bool json)
{
	struct json_object *root, *list = json ? json_object_new_array() : NULL;
	struct proto phvd;
	int status;

	status = client_open(&phvd);
	if (!status) {
		status = ask(&phvd, domain, list);
		proto_close(&phvd);
	}
	if (!status && json) {
		root = json_object_new_object();
		json_object_object_add(root, "schema", json_object_new_int(VMCS_JSON_SCHEMA));
		json_object_object_add(root, "vcpu", json_object_get(list));
		puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(root);
	}
	json_object_put(list);
	return status;
}
