// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network interface as the user wants it; see net_config.h.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "net_config.h"

#define DEFAULT_QUEUES_MAX	4
#define RATE_MAX		1000000000U

static bool __printf(2, 3) wrong(char why[NET_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, NET_WHY_MAX, format, args);
	va_end(args);
	return false;
}

/* A name that the kernel takes, and that needs no quotes anywhere. */
static bool take_name(char name[NET_NAME_MAX], const char *text)
{
	size_t length = strlen(text), i;

	if (!length || length >= NET_NAME_MAX || *text == '.' || *text == '-')
		return false;
	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("_.-", text[i]))
			return false;
	memcpy(name, text, length + 1);
	return true;
}

static bool take_number(const char *text, unsigned int min, unsigned int max,
			unsigned int *number)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	value = strtoul(text, &end, 10);
	*number = (unsigned int)value;
	return !*end && value >= min && value <= max;
}

static bool take_flag(const char *text, bool *flag)
{
	*flag = !strcmp(text, "on");
	return *flag || !strcmp(text, "off");
}

/* An address of a station, not of a group. */
static bool take_mac(__u8 mac[6], const char *text)
{
	int end = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5], &end) != 6 || end != 17 || text[end])
		return false;
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

/* An IP address, perhaps with the length of a prefix; written as it is usual. */
static bool take_address(char address[NET_ADDRESS_MAX], const char *text, bool prefix)
{
	char head[NET_ADDRESS_MAX], name[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	unsigned char binary[16];
	unsigned int bits;
	bool ipv6 = strchr(text, ':');

	if (length >= sizeof(head) || (slash && !prefix))
		return false;
	memcpy(head, text, length);
	head[length] = '\0';
	if (inet_pton(ipv6 ? AF_INET6 : AF_INET, head, binary) != 1 ||
	    !inet_ntop(ipv6 ? AF_INET6 : AF_INET, binary, name, sizeof(name)))
		return false;
	if (slash && !take_number(slash + 1, 0, ipv6 ? 128 : 32, &bits))
		return false;
	if (slash)
		snprintf(address, NET_ADDRESS_MAX, "%s/%u", name, bits);
	else
		snprintf(address, NET_ADDRESS_MAX, "%s", name);
	return true;
}

/* N/s: packets; NK, NM: bytes. */
static bool take_rate(struct net_rule *rule, const char *text)
{
	unsigned int unit = 1;
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || !value || value > RATE_MAX)
		return false;
	if (!strcmp(end, "/s")) {
		rule->bytes = false;
	} else if (!strcmp(end, "K") || !strcmp(end, "M")) {
		rule->bytes = true;
		unit = *end == 'K' ? 1024 : 1048576;
	} else {
		return false;
	}
	if (value > ~0U / unit)
		return false;
	rule->rate = (unsigned int)value * unit;
	return true;
}

static bool take_ports(struct net_rule *rule, char *text)
{
	char *dash = strchr(text, '-');

	if (rule->protocol != NET_TCP && rule->protocol != NET_UDP)
		return false;
	if (dash)
		*dash++ = '\0';
	return take_number(text, 1, 65535, &rule->first_port) &&
	       take_number(dash ?: text, rule->first_port, 65535, &rule->last_port);
}

static bool take_protocol(struct net_rule *rule, const char *word)
{
	static const char * const names[] = {
		[NET_ANY] = "any", [NET_TCP] = "tcp", [NET_UDP] = "udp",
		[NET_ICMP] = "icmp", [NET_ARP] = "arp",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], word))
			continue;
		rule->protocol = i;
		return true;
	}
	return false;
}

/* Action and direction: what each rule begins with. */
static bool take_action(struct net_rule *rule, char **rest)
{
	static const char * const names[] = {
		[NET_ALLOW] = "allow", [NET_DENY] = "deny", [NET_LIMIT] = "limit",
	};
	char *word = strtok_r(NULL, " ", rest);
	unsigned int i;

	for (i = 0; word && i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], word))
			break;
	if (!word || i == ARRAY_SIZE(names))
		return false;
	rule->action = i;
	if (i == NET_LIMIT) {
		word = strtok_r(NULL, " ", rest);
		if (!word || !take_rate(rule, word))
			return false;
	}
	word = strtok_r(NULL, " ", rest);
	rule->out = word && !strcmp(word, "out");
	return rule->out || (word && !strcmp(word, "in"));
}

/* Are both addresses of the same kind, and of one that the protocol has? */
static bool addresses_match(const struct net_rule *rule)
{
	bool from6 = strchr(rule->from, ':'), to6 = strchr(rule->to, ':');

	if (*rule->from && *rule->to && from6 != to6)
		return false;
	return rule->protocol != NET_ARP || (!from6 && !to6);
}

/**
 * net_rule_parse - read a rule
 * @rule: filled
 * @text: ACTION DIRECTION [PROTOCOL] [from ADDRESS] [to ADDRESS] [port N[-M]]
 * @why: what is wrong is put here
 *
 * Return: true, or false when something is wrong
 */
bool net_rule_parse(struct net_rule *rule, const char *text, char why[NET_WHY_MAX])
{
	char words[NET_RULE_MAX], *rest = words, *word, *value;
	bool good;

	memset(rule, 0, sizeof(*rule));
	if (strlen(text) >= NET_RULE_MAX)
		return wrong(why, "a rule of more than %d characters", NET_RULE_MAX - 1);
	for (word = words; *text; text++)
		if (!isspace((unsigned char)*text) || (word > words && word[-1] != ' '))
			*word++ = isspace((unsigned char)*text) ? ' ' : *text;
	*word = '\0';
	if (word > words && word[-1] == ' ')
		word[-1] = '\0';
	memcpy(rule->text, words, sizeof(words));
	if (!take_action(rule, &rest))
		return wrong(why, "a rule begins with allow, deny or limit RATE, and in or out");
	while ((word = strtok_r(NULL, " ", &rest))) {
		if (take_protocol(rule, word))
			continue;
		value = strtok_r(NULL, " ", &rest);
		if (value && !strcmp(word, "from"))
			good = take_address(rule->from, value, true);
		else if (value && !strcmp(word, "to"))
			good = take_address(rule->to, value, true);
		else
			good = value && !strcmp(word, "port") && take_ports(rule, value);
		if (!good)
			return wrong(why, "rule: %.40s%s%.40s: unknown, or not a value for it",
				     word, value ? " " : "", value ?: "");
	}
	if (!addresses_match(rule))
		return wrong(why, "rule: addresses that don't go together");
	return true;
}

static bool take_option(struct net_config *config, const char *key, const char *value,
			char why[NET_WHY_MAX])
{
	struct net_rule rule;

	if (!strcmp(key, "bridge"))
		return take_name(config->bridge, value);
	if (!strcmp(key, "mac")) {
		config->has_mac = true;
		return take_mac(config->mac, value);
	}
	if (!strcmp(key, "queues"))
		return take_number(value, 1, NET_QUEUES_MAX, &config->queues);
	if (!strcmp(key, "offload"))
		return take_flag(value, &config->offload);
	if (!strcmp(key, "antispoof"))
		return take_flag(value, &config->antispoof);
	if (!strcmp(key, "ip"))
		return config->addresses < NET_ADDRESSES_MAX &&
		       take_address(config->address[config->addresses++], value, false);
	if (strcmp(key, "rule") || config->rules == NET_RULES_MAX ||
	    !net_rule_parse(&rule, value, why))
		return false;
	memcpy(config->rule[config->rules++], rule.text, sizeof(rule.text));
	return true;
}

static bool take_kind(struct net_config *config, const char *text)
{
	if (!strcmp(text, "user"))
		config->kind = NET_USER;
	else if (!strncmp(text, "tap=", 4))
		return take_name(config->interface, text + 4);
	else
		return !strcmp(text, "tap");
	return true;
}

/**
 * net_config_parse - read the value of --net
 * @config: filled
 * @text: tap[=INTERFACE] or user, and options, with commas between them
 * @why: what is wrong is put here
 *
 * Return: true, or false when something is wrong
 */
bool net_config_parse(struct net_config *config, const char *text, char why[NET_WHY_MAX])
{
	char words[NET_TEXT_MAX], *rest = words, *word, *value;

	memset(config, 0, sizeof(*config));
	config->offload = true;
	config->antispoof = true;
	if (strlen(text) >= sizeof(words))
		return wrong(why, "net: too long");
	memcpy(words, text, strlen(text) + 1);
	word = strtok_r(NULL, ",", &rest);
	if (!word || !take_kind(config, word))
		return wrong(why, "net: tap, tap=INTERFACE or user");
	while ((word = strtok_r(NULL, ",", &rest))) {
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		*why = '\0';
		if (value && take_option(config, word, value, why))
			continue;
		return *why ? false :
		       wrong(why, "net: %.20s%s%.60s: unknown, or not a value for it", word,
			     value ? "=" : "", value ?: "");
	}
	if (config->kind == NET_USER &&
	    (*config->bridge || config->queues > 1 || config->addresses || config->rules))
		return wrong(why, "net: user: no bridge, no rules, and one queue");
	return true;
}

/**
 * net_config_print - the text that net_config_parse() makes this of
 * @config: the interface
 * @text: the text
 */
void net_config_print(const struct net_config *config, char text[NET_TEXT_MAX])
{
	char *at = text, *end = text + NET_TEXT_MAX;
	const __u8 *mac = config->mac;
	unsigned int i;

	at += snprintf(at, end - at, "%s", config->kind == NET_USER ? "user" : "tap");
	if (*config->interface)
		at += snprintf(at, end - at, "=%s", config->interface);
	if (*config->bridge)
		at += snprintf(at, end - at, ",bridge=%s", config->bridge);
	if (config->has_mac)
		at += snprintf(at, end - at, ",mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
			       mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (config->queues)
		at += snprintf(at, end - at, ",queues=%u", config->queues);
	if (!config->offload)
		at += snprintf(at, end - at, ",offload=off");
	if (!config->antispoof)
		at += snprintf(at, end - at, ",antispoof=off");
	for (i = 0; i < config->addresses; i++)
		at += snprintf(at, end - at, ",ip=%s", config->address[i]);
	for (i = 0; i < config->rules; i++)
		at += snprintf(at, end - at, ",rule=%s", config->rule[i]);
}

/**
 * net_config_fill - decide what was left open
 * @config: the interface
 * @domain: the domain's name: the address follows from that, so it is always the same
 * @number: the interface's number in the domain
 * @vcpus: how many the domain has
 */
void net_config_fill(struct net_config *config, const char *domain, unsigned int number,
		     unsigned int vcpus)
{
	__u64 hash = 0xcbf29ce484222325ULL;	/* FNV-1a */
	unsigned int i;

	if (!config->queues)
		config->queues = config->kind == NET_USER ? 1 :
				 vcpus < DEFAULT_QUEUES_MAX ? vcpus : DEFAULT_QUEUES_MAX;
	if (config->has_mac)
		return;
	for (; *domain; domain++)
		hash = (hash ^ (__u8)*domain) * 0x100000001b3ULL;
	/* No name has a byte of 0 to 7. */
	hash = (hash ^ number) * 0x100000001b3ULL;
	hash ^= hash >> 32;
	config->mac[0] = 0x02;			/* administered locally */
	for (i = 1; i < 6; i++)
		config->mac[i] = (__u8)(hash >> (8 * i - 8));
	config->has_mac = true;
}
