// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl host: what this host can do, as a table for people and as JSON for
 * programs.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "probe.h"
#include "vmctl.h"

/* Raised when a member of the JSON output is removed or changes its meaning. */
#define HOST_JSON_SCHEMA	1

enum answer { NO, YES, UNKNOWN };

static enum answer has_feature(const struct host *host, __u64 bit)
{
	if (host->caps.features & bit)
		return YES;
	if (host->source == SOURCE_CPUID &&
	    (host->caps.features & PHV_CAP_VMX))
		return UNKNOWN;
	return NO;
}

static enum answer is_supported(const struct host *host)
{
	const struct caps_feature *feature;
	enum answer answer = YES;

	if (*host->difference)
		return NO;
	for (feature = caps_features; feature->name; feature++) {
		if (!(host->caps.required & feature->bit))
			continue;
		if (has_feature(host, feature->bit) == NO)
			return NO;
		if (has_feature(host, feature->bit) == UNKNOWN)
			answer = UNKNOWN;
	}
	return answer;
}

static bool is_missing(const struct host *host,
		       const struct caps_feature *feature)
{
	return (host->caps.required & feature->bit) &&
	       has_feature(host, feature->bit) == NO;
}

static void print_module(const struct host *host)
{
	if (!host->module_loaded)
		printf("phv.ko      not loaded\n");
	else if (host->source != SOURCE_MODULE)
		printf("phv.ko      loaded, but there is no " PHV_DEVICE "\n");
	else
		printf("phv.ko      loaded%s%s, interface %u\n",
		       *host->module_version ? ", version " : "",
		       host->module_version, host->caps.version);
}

static void print_summary(const struct host *host)
{
	static const char * const texts[] = {
		[NO]		= "no",
		[YES]		= "yes",
		[UNKNOWN]	= "unknown until phv.ko is loaded or /dev/cpu/0/msr can be read",
	};

	print_module(host);
	printf("kernel      %s %s\n", host->kernel.sysname,
	       host->kernel.release);
	printf("processor   %s, %ld online\n", host->cpu, host->cpus);
	printf("supported   %s\n\n", texts[is_supported(host)]);
}

static void print_features(const struct host *host)
{
	static const char * const texts[] = {
		[NO] = "missing", [YES] = "present", [UNKNOWN] = "unknown",
	};
	const struct caps_feature *feature;

	printf("%-18s  %-7s  %-8s  %s\n", "FEATURE", "STATE", "NEED", "USE");
	for (feature = caps_features; feature->name; feature++)
		printf("%-18s  %-7s  %-8s  %s\n", feature->name,
		       texts[has_feature(host, feature->bit)],
		       host->caps.required & feature->bit ?
		       "required" : "optional", feature->why);
}

/*
 * What stands in the way, each with what can be done about it.  What is
 * missing for want of something else that is missing isn't worth a line: only
 * the first counts where there is no VMX.
 */
static void print_obstacles(const struct host *host)
{
	const struct caps_feature *feature;
	const struct rival *rival;

	for (feature = caps_features; feature->name; feature++) {
		if (!is_missing(host, feature))
			continue;
		printf("\n%s is missing: %s.\n", feature->name, feature->cure);
		if (feature->bit == PHV_CAP_VMX)
			break;
	}
	if (*host->difference)
		printf("\nThe CPUs are not alike: %s.\n", host->difference);

	for (rival = host->rivals; rival < host->rivals + NR_RIVALS; rival++)
		if (rival->holds)
			printf("\n%s holds VMX: no domain can be created until it lets go.\n",
			       rival->module);
}

static void print_table(const struct host *host)
{
	print_summary(host);
	print_features(host);
	print_obstacles(host);
}

static struct json_object *json_answer(enum answer answer)
{
	return answer == UNKNOWN ? NULL : json_object_new_boolean(answer);
}

/* NULL, the JSON null, for an empty text. */
static struct json_object *json_text(const char *text)
{
	return *text ? json_object_new_string(text) : NULL;
}

static struct json_object *json_module(const struct host *host)
{
	struct json_object *module = json_object_new_object();
	bool talks = host->source == SOURCE_MODULE;

	json_object_object_add(module, "loaded",
			       json_object_new_boolean(host->module_loaded));
	json_object_object_add(module, "version",
			       json_text(host->module_version));
	json_object_object_add(module, "interface", talks ?
			       json_object_new_int64(host->caps.version) : NULL);
	return module;
}

static struct json_object *json_features(const struct host *host)
{
	struct json_object *features = json_object_new_array();
	const struct caps_feature *feature;
	struct json_object *entry;
	bool required;

	for (feature = caps_features; feature->name; feature++) {
		required = host->caps.required & feature->bit;
		entry = json_object_new_object();
		json_object_object_add(entry, "name",
				       json_object_new_string(feature->name));
		json_object_object_add(entry, "present",
				       json_answer(has_feature(host, feature->bit)));
		json_object_object_add(entry, "required",
				       json_object_new_boolean(required));
		json_object_object_add(entry, "why",
				       json_object_new_string(feature->why));
		json_object_array_add(features, entry);
	}
	return features;
}

static struct json_object *json_missing(const struct host *host)
{
	struct json_object *missing = json_object_new_array();
	const struct caps_feature *feature;

	for (feature = caps_features; feature->name; feature++)
		if (is_missing(host, feature))
			json_object_array_add(missing,
					      json_object_new_string(feature->name));
	return missing;
}

static struct json_object *json_msrs(struct host *host)
{
	struct json_object *msrs = json_object_new_object();
	const struct caps_msr *msr;
	char text[19];

	if (host->source == SOURCE_CPUID)
		return msrs;
	for (msr = caps_msrs; msr->name; msr++) {
		if (!caps_has_msr(msr, &host->caps))
			continue;
		snprintf(text, sizeof(text), "0x%016llx",
			 *caps_msr_value(msr, &host->caps));
		json_object_object_add(msrs,
				       caps_has_true_msr(msr, &host->caps) ?
				       msr->true_name : msr->name,
				       json_object_new_string(text));
	}
	return msrs;
}

static struct json_object *json_rivals(const struct host *host)
{
	struct json_object *rivals = json_object_new_array();
	const struct rival *rival;
	struct json_object *entry;

	for (rival = host->rivals; rival < host->rivals + NR_RIVALS; rival++) {
		if (!rival->loaded)
			continue;
		entry = json_object_new_object();
		json_object_object_add(entry, "module",
				       json_object_new_string(rival->module));
		json_object_object_add(entry, "users", rival->users < 0 ? NULL :
				       json_object_new_int64(rival->users));
		json_object_object_add(entry, "holds",
				       json_object_new_boolean(rival->holds));
		json_object_array_add(rivals, entry);
	}
	return rivals;
}

static struct json_object *json_cpu(const struct host *host)
{
	struct json_object *cpu = json_object_new_object();

	json_object_object_add(cpu, "model", json_object_new_string(host->cpu));
	json_object_object_add(cpu, "online", json_object_new_int64(host->cpus));
	json_object_object_add(cpu, "difference", json_text(host->difference));
	return cpu;
}

static void print_json(struct host *host)
{
	static const char * const sources[] = {
		[SOURCE_MODULE]	= "module",
		[SOURCE_MSR]	= "msr",
		[SOURCE_CPUID]	= "cpuid",
	};
	struct json_object *root = json_object_new_object();

	json_object_object_add(root, "schema",
			       json_object_new_int(HOST_JSON_SCHEMA));
	json_object_object_add(root, "supported",
			       json_answer(is_supported(host)));
	json_object_object_add(root, "missing", json_missing(host));
	json_object_object_add(root, "kernel",
			       json_object_new_string(host->kernel.release));
	json_object_object_add(root, "cpu", json_cpu(host));
	json_object_object_add(root, "module", json_module(host));
	json_object_object_add(root, "source",
			       json_object_new_string(sources[host->source]));
	json_object_object_add(root, "features", json_features(host));
	json_object_object_add(root, "msrs", json_msrs(host));
	json_object_object_add(root, "hypervisors", json_rivals(host));

	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
}

/* A module that isn't loaded is no error here: the rest is shown. */
static int ask_module(struct host *host)
{
	int device, err, status = EXIT_OK;

	device = phv_open();
	if (device == -ENOENT || device == -ENXIO || device == -ENODEV)
		return EXIT_OK;
	if (device < 0)
		return report_errno(device, PHV_DEVICE, phv_open_hint(device));

	err = probe_device(host, device);
	if (err)
		status = report_errno(err, PHV_DEVICE, NULL);
	else if (host->caps.version != PHV_API_VERSION)
		status = report("%s: the module has interface %u, vmctl has %u",
				PHV_DEVICE, host->caps.version, PHV_API_VERSION);
	close(device);
	return status;
}

static int host_status(const struct host *host)
{
	switch (is_supported(host)) {
	case YES:
		return EXIT_OK;
	case NO:
		return EXIT_UNSUPPORTED;
	default:
		return report_errno(host->msr_error, "/dev/cpu/0/msr",
				    "load phv.ko, or be root and load msr");
	}
}

/**
 * verb_host - vmctl host [--json]
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: EXIT_OK if this host can run domains, EXIT_UNSUPPORTED if not,
 * EXIT_PERMISSION or EXIT_FAILED when that can't be found out, EXIT_USAGE
 */
int verb_host(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 }
	};
	bool json = false;
	struct host host;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'j')
			return usage_error();
		json = true;
	}
	if (optind != argc)
		return usage_error();

	probe_host(&host);
	status = ask_module(&host);
	if (status)
		return status;
	if (json)
		print_json(&host);
	else
		print_table(&host);
	return host_status(&host);
}
