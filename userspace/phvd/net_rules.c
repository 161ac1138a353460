// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules, as nftables has them; see net_host.h.
 *
 * An interface has a table of the netdev family, with a chain for what the guest sends
 * (at the TAP's ingress) and one for what it receives (at its egress). They lead to those
 * with the rules: "spoofed", "sent" and "received". Each rule has a counter, and its
 * text as comment: what rules there are is what the kernel says.
 *
 * What goes into commands was checked character by character: see net_config.h.
 */
#include <errno.h>
#include <nftables/libnftables.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_host.h"
#include "phv.h"
#include "phvd.h"

#define COMMANDS_MAX	16384
#define NAME_MAX_SIZE	(PHV_NAME_MAX + 16)
/* What the comments of rules against spoofing begin with */
#define ANTISPOOF	"antispoof: "

/**
 * struct commands - what nftables is to do
 * @text: one on a line
 * @length: of that
 * @full: it did not fit
 */
struct commands {
	char text[COMMANDS_MAX];
	size_t length;
	bool full;
};

static void __printf(2, 3) add(struct commands *commands, const char *format, ...)
{
	size_t room = sizeof(commands->text) - commands->length;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(commands->text + commands->length, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		commands->full = true;
	else
		commands->length += (size_t)n;
}

/* Names of tables have no dash, but may have a slash. */
static void table_name(const char *domain, unsigned int number, char name[NAME_MAX_SIZE])
{
	char *at;

	snprintf(name, NAME_MAX_SIZE, "phv/%s/%u", domain, number);
	for (at = name; *at; at++)
		if (*at == '-')
			*at = '/';
}

/* Runs commands, all or none; their output, to be freed, or NULL. */
static char *run(const char *text, bool json, char why[NET_WHY_MAX])
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	char *output = NULL;
	const char *error;

	snprintf(why, NET_WHY_MAX, "nftables: no memory");
	if (!nft)
		return NULL;
	nft_ctx_buffer_output(nft);
	nft_ctx_buffer_error(nft);
	if (json)
		nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE |
					 NFT_CTX_OUTPUT_ECHO);
	if (!nft_run_cmd_from_buffer(nft, text)) {
		output = strdup(nft_ctx_get_output_buffer(nft));
	} else {
		/* It is given once only. */
		error = nft_ctx_get_error_buffer(nft);
		snprintf(why, NET_WHY_MAX, "nftables: %.*s", (int)strcspn(error, "\n"), error);
	}
	nft_ctx_free(nft);
	return output;
}

static int run_all(const struct commands *commands, char why[NET_WHY_MAX])
{
	char *output;

	if (commands->full) {
		snprintf(why, NET_WHY_MAX, "net: too many rules");
		return -E2BIG;
	}
	output = run(commands->text, false, why);
	free(output);
	return output ? 0 : -EIO;
}

static bool is_ipv6(const char *address)
{
	return strchr(address, ':');
}

/* The rule's condition, as nftables writes it. */
static void add_condition(struct commands *commands, const struct net_rule *rule)
{
	const char *from = rule->from, *to = rule->to;
	bool ipv6 = is_ipv6(from) || is_ipv6(to), arp = rule->protocol == NET_ARP;

	if (arp)
		add(commands, "ether type arp ");
	if (*from)
		add(commands, arp ? "arp saddr ip %s " : ipv6 ? "ip6 saddr %s " : "ip saddr %s ",
		    from);
	if (*to)
		add(commands, arp ? "arp daddr ip %s " : ipv6 ? "ip6 daddr %s " : "ip daddr %s ",
		    to);
	/* Numbers: names are those of /etc/protocols, which may be missing. */
	if (rule->protocol == NET_ICMP)
		add(commands, "meta l4proto { 1, 58 } ");
	else if (rule->protocol == NET_TCP)
		add(commands, "meta l4proto 6 ");
	else if (rule->protocol == NET_UDP)
		add(commands, "meta l4proto 17 ");
	if (rule->first_port)
		add(commands, "th dport %u-%u ", rule->first_port, rule->last_port);
}

static void add_rule(struct commands *commands, const char *table,
		     const struct net_rule *rule, bool first)
{
	const char *verdict = rule->action == NET_ALLOW ? "accept" : "drop";

	add(commands, "%s rule netdev %s %s ", first ? "insert" : "add", table,
	    rule->out ? "sent" : "received");
	add_condition(commands, rule);
	if (rule->action == NET_LIMIT)
		add(commands, "limit rate over %u%s/second ", rule->rate,
		    rule->bytes ? " bytes" : "");
	add(commands, "counter %s comment \"%s\"\n", verdict, rule->text);
}

static void __printf(4, 5) add_antispoof(struct commands *commands, const char *table,
					 const char *what, const char *format, ...)
{
	char condition[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(condition, sizeof(condition), format, args);
	va_end(args);
	add(commands, "add rule netdev %s spoofed %s counter drop comment \"" ANTISPOOF "%s\"\n",
	    table, condition, what);
}

/* The addresses of one kind as nftables' set, with what comes first. */
static void list_addresses(const struct net_config *config, bool ipv6, const char *first,
			   char *text, size_t size)
{
	size_t length = (size_t)snprintf(text, size, "{ %s", first);
	unsigned int i;

	for (i = 0; i < config->addresses; i++)
		if (is_ipv6(config->address[i]) == ipv6)
			length += (size_t)snprintf(text + length, size - length, ", %s",
						   config->address[i]);
	snprintf(text + length, size - length, " }");
}

/* What the guest may not send: frames that are not from it. */
static void add_spoofing(struct commands *commands, const char *table,
			 const struct net_config *config)
{
	const __u8 *mac = config->mac;
	char own[20], list[NET_ADDRESSES_MAX * (NET_ADDRESS_MAX + 2) + 40];

	snprintf(own, sizeof(own), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	add_antispoof(commands, table, "MAC", "ether saddr != %s", own);
	add_antispoof(commands, table, "MAC in ARP", "arp saddr ether != %s", own);
	if (!config->addresses)
		return;
	/* With addresses known, nothing else goes: DHCP and address detection have none yet. */
	add_antispoof(commands, table, "protocol", "ether type != { arp, ip, ip6 }");
	list_addresses(config, false, "0.0.0.0", list, sizeof(list));
	add_antispoof(commands, table, "IP in ARP", "arp saddr ip != %s", list);
	add_antispoof(commands, table, "IP without address",
		      "ip saddr 0.0.0.0 udp dport != 67");
	add_antispoof(commands, table, "IP", "ip saddr != %s", list);
	list_addresses(config, true, "::, fe80::/10", list, sizeof(list));
	add_antispoof(commands, table, "IPv6", "ip6 saddr != %s", list);
}

/* A chain that the kernel sends packets through. */
static void add_hook(struct commands *commands, const char *table, const char *chain,
		     const char *hook, const char *interface)
{
	add(commands, "add chain netdev %s %s { type filter hook %s device %s priority 0; }\n",
	    table, chain, hook, interface);
}

/**
 * net_rules_make - make an interface's rules
 * @domain: the domain's name
 * @number: the interface's number
 * @config: the interface; its TAP is there
 * @why: what is wrong is put here
 *
 * Return: 0 or a negative errno
 */
int net_rules_make(const char *domain, unsigned int number,
		   const struct net_config *config, char why[NET_WHY_MAX])
{
	static const char * const chains[] = { "spoofed", "sent", "received" };
	static struct commands commands;
	char table[NAME_MAX_SIZE];
	struct net_rule rule;
	size_t i;

	table_name(domain, number, table);
	commands.length = 0;
	commands.full = false;
	/* One of an earlier life goes, if there is one. */
	add(&commands, "add table netdev %s\ndelete table netdev %s\nadd table netdev %s\n",
	    table, table, table);
	for (i = 0; i < ARRAY_SIZE(chains); i++)
		add(&commands, "add chain netdev %s %s\n", table, chains[i]);
	add_hook(&commands, table, "from_guest", "ingress", config->interface);
	add_hook(&commands, table, "to_guest", "egress", config->interface);
	add(&commands, "add rule netdev %s from_guest jump spoofed\n", table);
	add(&commands, "add rule netdev %s from_guest jump sent\n", table);
	add(&commands, "add rule netdev %s to_guest jump received\n", table);
	if (config->antispoof)
		add_spoofing(&commands, table, config);
	for (i = 0; i < config->rules; i++) {
		if (!net_rule_parse(&rule, config->rule[i], why))
			return -EINVAL;
		add_rule(&commands, table, &rule, false);
	}
	return run_all(&commands, why);
}

/**
 * net_rules_remove - remove an interface's rules
 * @domain: the domain's name
 * @number: the interface's number; it need not have any
 */
void net_rules_remove(const char *domain, unsigned int number)
{
	char table[NAME_MAX_SIZE], text[4 * NAME_MAX_SIZE], why[NET_WHY_MAX];

	table_name(domain, number, table);
	snprintf(text, sizeof(text), "add table netdev %s\ndelete table netdev %s\n", table,
		 table);
	free(run(text, false, why));
}

/* The objects of an interface's table, or NULL. */
static struct json_object *read_table(const char *domain, unsigned int number,
				      struct json_object **objects)
{
	char table[NAME_MAX_SIZE], text[2 * NAME_MAX_SIZE], why[NET_WHY_MAX];
	struct json_object *json;
	char *output;

	table_name(domain, number, table);
	snprintf(text, sizeof(text), "list table netdev %s\n", table);
	output = run(text, true, why);
	json = output ? json_tokener_parse(output) : NULL;
	free(output);
	if (json && json_object_object_get_ex(json, "nftables", objects) &&
	    json_object_is_type(*objects, json_type_array))
		return json;
	json_object_put(json);
	return NULL;
}

static struct json_object *counter_of(struct json_object *rule)
{
	struct json_object *expressions, *counter = NULL;
	size_t i;

	if (!json_object_object_get_ex(rule, "expr", &expressions) ||
	    !json_object_is_type(expressions, json_type_array))
		return NULL;
	for (i = 0; !counter && i < json_object_array_length(expressions); i++)
		json_object_object_get_ex(json_object_array_get_idx(expressions, i),
					  "counter", &counter);
	return counter;
}

/* The rule that an object of nftables' is, if it is one with a text. */
static struct json_object *rule_of(struct json_object *object, const char **text)
{
	struct json_object *rule, *comment;

	if (!json_object_object_get_ex(object, "rule", &rule) ||
	    !json_object_object_get_ex(rule, "comment", &comment))
		return NULL;
	*text = json_object_get_string(comment);
	return rule;
}

/**
 * net_rules_list - an interface's rules, with what they have counted
 * @domain: the domain's name
 * @number: the interface's number
 *
 * Return: an array of objects with rule, packets and bytes; or NULL if it has none
 */
struct json_object *net_rules_list(const char *domain, unsigned int number)
{
	struct json_object *objects, *json, *list, *rule, *counter, *entry, *value;
	const char *text;
	size_t i;

	json = read_table(domain, number, &objects);
	if (!json)
		return NULL;
	list = json_object_new_array();
	for (i = 0; i < json_object_array_length(objects); i++) {
		rule = rule_of(json_object_array_get_idx(objects, i), &text);
		counter = rule ? counter_of(rule) : NULL;
		if (!counter)
			continue;
		entry = json_object_new_object();
		json_object_object_add(entry, "rule", json_object_new_string(text));
		if (json_object_object_get_ex(counter, "packets", &value))
			json_object_object_add(entry, "packets", json_object_get(value));
		if (json_object_object_get_ex(counter, "bytes", &value))
			json_object_object_add(entry, "bytes", json_object_get(value));
		json_object_array_add(list, entry);
	}
	json_object_put(json);
	return list;
}

/**
 * net_rules_add - add a rule
 * @domain: the domain's name
 * @number: the interface's number
 * @rule: the rule
 * @first: before all others of the user's, not behind them
 * @why: what is wrong is put here
 *
 * Return: 0 or a negative errno
 */
int net_rules_add(const char *domain, unsigned int number, const struct net_rule *rule,
		  bool first, char why[NET_WHY_MAX])
{
	static struct commands commands;
	char table[NAME_MAX_SIZE];
	struct json_object *list = net_rules_list(domain, number);
	size_t count = list ? json_object_array_length(list) : 0;

	json_object_put(list);
	if (count >= 4 * NET_RULES_MAX) {
		snprintf(why, NET_WHY_MAX, "net: too many rules");
		return -E2BIG;
	}
	table_name(domain, number, table);
	commands.length = 0;
	commands.full = false;
	add_rule(&commands, table, rule, first);
	return run_all(&commands, why);
}

/**
 * net_rules_delete - delete a rule
 * @domain: the domain's name
 * @number: the interface's number
 * @text: the rule's
 * @why: what is wrong is put here
 *
 * Return: 0 or a negative errno
 */
int net_rules_delete(const char *domain, unsigned int number, const char *text,
		     char why[NET_WHY_MAX])
{
	struct json_object *objects, *json, *rule = NULL, *handle, *chain;
	char table[NAME_MAX_SIZE];
	struct commands commands = { .length = 0 };
	const char *other;
	size_t i;
	int err = -ENOENT;

	snprintf(why, NET_WHY_MAX, "net: no such rule");
	json = read_table(domain, number, &objects);
	for (i = 0; json && i < json_object_array_length(objects); i++) {
		rule = rule_of(json_object_array_get_idx(objects, i), &other);
		if (rule && !strcmp(text, other) && strncmp(text, ANTISPOOF, strlen(ANTISPOOF)))
			break;
		rule = NULL;
	}
	table_name(domain, number, table);
	if (rule && json_object_object_get_ex(rule, "handle", &handle) &&
	    json_object_object_get_ex(rule, "chain", &chain)) {
		add(&commands, "delete rule netdev %s %s handle %d\n", table,
		    json_object_get_string(chain), json_object_get_int(handle));
		err = run_all(&commands, why);
	}
	json_object_put(json);
	return err;
}
