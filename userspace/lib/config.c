// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a domain is to be; see config.h.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "proto.h"

/* By enum boot_protocol and enum config_policy; both end with NULL. */
const char * const config_boots[] = {
	[BOOT_PVH]	= "pvh",
	[BOOT_LINUX64]	= "linux64",
	NULL
};

const char * const config_policies[] = {
	[POLICY_DESTROY]	= "destroy",
	[POLICY_RESTART]	= "restart",
	[POLICY_PRESERVE]	= "preserve",
	NULL
};

/**
 * config_init - the defaults
 * @config: filled; without a name
 */
void config_init(struct config *config)
{
	*config = (struct config){
		.memory = 256ULL << 20,
		.vcpus = 1,
		.boot = BOOT_PVH,
		.on_reboot = POLICY_RESTART,
		.on_crash = POLICY_DESTROY,
	};
}

/**
 * config_name_is_valid - may a domain have this name?
 * @name: it
 *
 * The module's rule; see PHV_NAME_MAX.
 *
 * Return: true if so
 */
bool config_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= PHV_NAME_MAX || strchr("0123456789-.", *name))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
			return false;
	return true;
}

/**
 * config_parse_size - read a number of bytes
 * @text: a number with K, M, G or T behind it, or with nothing
 * @bytes: it is put here
 *
 * Return: 0, -EINVAL if it isn't one, -ERANGE if it is too large
 */
int config_parse_size(const char *text, unsigned long long *bytes)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	unsigned int shift = 0;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	if (*end) {
		suffix = strchr(suffixes, toupper((unsigned char)*end));
		if (!suffix || end[1])
			return -EINVAL;
		shift = 10 * (suffix - suffixes + 1);
	}
	if (*bytes > ~0ULL >> shift)
		return -ERANGE;
	*bytes <<= shift;
	return 0;
}

/**
 * config_parse_word - find a word in a list
 * @words: the list, with NULL at its end
 * @text: the word
 *
 * Return: its place, or -EINVAL
 */
int config_parse_word(const char * const *words, const char *text)
{
	int i;

	for (i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	return -EINVAL;
}

/**
 * config_check - can there be a domain like this?
 * @config: what it is to be
 * @why: if not, the reason is put here
 *
 * Return: true if so
 */
bool config_check(const struct config *config, char why[CONFIG_WHY_MAX])
{
	*why = '\0';
	if (!config_name_is_valid(config->name))
		snprintf(why, CONFIG_WHY_MAX,
			 "name: 1 to %d of A-Z a-z 0-9 _ . -, not beginning with a digit, - or .",
			 PHV_NAME_MAX - 1);
	else if (config->memory < CONFIG_MEMORY_MIN)
		snprintf(why, CONFIG_WHY_MAX,
			 "memory: %llu bytes are too few, 1M is the least (256M is a good size)",
			 config->memory);
	else if (config->memory > CONFIG_MEMORY_MAX)
		snprintf(why, CONFIG_WHY_MAX, "memory: more than %lluG",
			 CONFIG_MEMORY_MAX >> 30);
	else if (config->memory % 4096)
		snprintf(why, CONFIG_WHY_MAX, "memory: not a multiple of 4K");
	else if (!config->vcpus || config->vcpus > PHV_MAX_VCPUS)
		snprintf(why, CONFIG_WHY_MAX, "vcpus: 1 to %d", PHV_MAX_VCPUS);
	else if (config->on_crash == POLICY_RESTART)
		snprintf(why, CONFIG_WHY_MAX, "on-crash: destroy or preserve");
	return !*why;
}

static void add_text(struct json_object *json, const char *key, const char *text)
{
	json_object_object_add(json, key, json_object_new_string(text));
}

static struct json_object *nets_to_json(const struct config *config)
{
	struct json_object *list = json_object_new_array();
	char text[NET_TEXT_MAX];
	unsigned int i;

	for (i = 0; i < config->nets; i++) {
		net_config_print(&config->net[i], text);
		json_object_array_add(list, json_object_new_string(text));
	}
	return list;
}

/**
 * config_to_json - put it as JSON
 * @config: what a domain is to be
 *
 * Return: an object
 */
struct json_object *config_to_json(const struct config *config)
{
	struct json_object *json = json_object_new_object();

	add_text(json, "name", config->name);
	json_object_object_add(json, "memory", json_object_new_int64(config->memory));
	json_object_object_add(json, "vcpus", json_object_new_int(config->vcpus));
	add_text(json, "cmdline", config->cmdline);
	json_object_object_add(json, "initrd", json_object_new_boolean(config->initrd));
	add_text(json, "boot", config_boots[config->boot]);
	add_text(json, "on-reboot", config_policies[config->on_reboot]);
	add_text(json, "on-crash", config_policies[config->on_crash]);
	if (config->nets)
		json_object_object_add(json, "nets", nets_to_json(config));
	return json;
}

static bool take_nets(struct config *config, struct json_object *json)
{
	struct json_object *list;
	char why[NET_WHY_MAX];
	size_t i, count;

	json_object_object_get_ex(json, "nets", &list);
	if (!json_object_is_type(list, json_type_array))
		return false;
	count = json_object_array_length(list);
	for (i = 0; i < count && i < CONFIG_NETS_MAX; i++) {
		struct json_object *text = json_object_array_get_idx(list, i);

		if (!json_object_is_type(text, json_type_string) ||
		    !net_config_parse(&config->net[i], json_object_get_string(text), why))
			return false;
	}
	config->nets = (unsigned int)i;
	return i == count;
}

static bool get_word(struct json_object *json, const char *key,
		     const char * const *words, unsigned int *place)
{
	const char *text;
	int found;

	if (!json_get_text(json, key, &text))
		return false;
	found = config_parse_word(words, text);
	if (found < 0)
		return false;
	*place = found;
	return true;
}

/* Takes one member; false if it is unknown, or of the wrong type. */
static bool take(struct config *config, struct json_object *json, const char *key)
{
	long long number;
	const char *text;

	if (!strcmp(key, "name")) {
		if (!json_get_text(json, key, &text) || strlen(text) >= PHV_NAME_MAX)
			return false;
		snprintf(config->name, sizeof(config->name), "%s", text);
	} else if (!strcmp(key, "cmdline")) {
		if (!json_get_text(json, key, &text) ||
		    strlen(text) >= CONFIG_CMDLINE_MAX)
			return false;
		snprintf(config->cmdline, sizeof(config->cmdline), "%s", text);
	} else if (!strcmp(key, "memory")) {
		if (!json_get_number(json, key, 0, CONFIG_MEMORY_MAX, &number))
			return false;
		config->memory = number;
	} else if (!strcmp(key, "vcpus")) {
		if (!json_get_number(json, key, 1, PHV_MAX_VCPUS, &number))
			return false;
		config->vcpus = (unsigned int)number;
	} else if (!strcmp(key, "initrd")) {
		return json_get_flag(json, key, &config->initrd);
	} else if (!strcmp(key, "nets")) {
		return take_nets(config, json);
	} else if (!strcmp(key, "boot")) {
		return get_word(json, key, config_boots, &config->boot);
	} else if (!strcmp(key, "on-reboot")) {
		return get_word(json, key, config_policies, &config->on_reboot);
	} else if (!strcmp(key, "on-crash")) {
		return get_word(json, key, config_policies, &config->on_crash);
	} else {
		return false;
	}
	return true;
}

/**
 * config_from_json - take it from JSON, and check it
 * @config: filled
 * @json: an object; members that are missing have their defaults
 * @why: what is wrong is put here
 *
 * Return: true, or false when something is wrong
 */
bool config_from_json(struct config *config, struct json_object *json,
		      char why[CONFIG_WHY_MAX])
{
	config_init(config);
	if (!json_object_is_type(json, json_type_object)) {
		snprintf(why, CONFIG_WHY_MAX, "config: not an object");
		return false;
	}
	json_object_object_foreach(json, key, value) {
		(void)value;
		if (take(config, json, key))
			continue;
		snprintf(why, CONFIG_WHY_MAX, "config: %.40s: unknown, or not a value for it",
			 key);
		return false;
	}
	return config_check(config, why);
}
