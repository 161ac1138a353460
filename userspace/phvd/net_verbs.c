// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verbs about network interfaces, in the parent; see server.h.
 *
 * What an interface needs on the host is made before its domain is, so that whoever
 * wants it hears what is wrong. Then the worker is given it, as when it is plugged in
 * later.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net_host.h"
#include "server.h"

static_assert(NET_INTERFACES_MAX == CONFIG_NETS_MAX, "one number for each");
static_assert(NET_QUEUES_MAX <= PROTO_FDS_MAX, "a message has all of an interface");

/* Interfaces that are open, until their worker has them. The parent has one thread. */
static struct {
	struct net_config config;
	int fds[NET_QUEUES_MAX];
	unsigned int nr_fds;
	unsigned int number;
} opened[NET_INTERFACES_MAX];
static unsigned int nr_opened;

static bool open_one(struct client *client, const char *domain, struct net_config *config,
		     unsigned int number, unsigned int vcpus)
{
	char why[NET_WHY_MAX];
	int count;

	net_config_fill(config, domain, number, vcpus);
	count = net_host_open(domain, number, config, client->user,
			      opened[nr_opened].fds, why);
	if (count < 0) {
		server_reply(client, proto_error(count == -EPERM ? PROTO_PERMISSION :
						 PROTO_FAILED, 0, "%s: %s", domain, why));
		return false;
	}
	opened[nr_opened].config = *config;
	opened[nr_opened].nr_fds = (unsigned int)count;
	opened[nr_opened++].number = number;
	return true;
}

/**
 * net_close_all - close what the worker has, or does not get
 */
void net_close_all(void)
{
	unsigned int i;

	while (nr_opened) {
		nr_opened--;
		for (i = 0; i < opened[nr_opened].nr_fds; i++)
			close(opened[nr_opened].fds[i]);
	}
}

/**
 * net_drop_all - close what a domain does not get, as there is none, and clear it away
 * @server: the server
 * @domain: its name
 */
void net_drop_all(struct server *server, const char *domain)
{
	unsigned int numbers = 0, i;

	for (i = 0; i < nr_opened; i++)
		numbers |= 1U << opened[i].number;
	net_close_all();
	net_host_forget(domain, numbers, false);
	domain_drop_group(server, domain);
}

/**
 * net_open_all - open the interfaces of a domain that is to be made
 * @client: who wants it; is answered if this fails
 * @config: the domain; gets what was decided here
 *
 * Return: false if it fails; nothing is left of it then
 */
bool net_open_all(struct client *client, struct config *config)
{
	unsigned int i;

	for (i = 0; i < config->nets; i++) {
		if (open_one(client, config->name, &config->net[i], i, config->vcpus))
			continue;
		net_drop_all(client->server, config->name);
		return false;
	}
	return true;
}

static struct json_object *attach_request(unsigned int place)
{
	struct json_object *json = json_object_new_object();
	char text[NET_TEXT_MAX];

	net_config_print(&opened[place].config, text);
	json_object_object_add(json, "verb", json_object_new_string("net-attach"));
	json_object_object_add(json, "net", json_object_new_string(text));
	json_object_object_add(json, "number", json_object_new_int(opened[place].number));
	return json;
}

/**
 * net_plug_all - give a domain what was opened for it
 * @domain: the domain, the worker of which was asked to build it
 *
 * The worker says so if it can't take them; it has nothing but memory to be short of.
 */
void net_plug_all(struct domain *domain)
{
	unsigned int i;

	for (i = 0; i < nr_opened; i++) {
		domain->nets |= 1U << opened[i].number;
		conn_send(&domain->conn, attach_request(i), opened[i].fds, opened[i].nr_fds);
	}
}

/**
 * verb_net_attach - plug an interface in
 * @client: who wants it
 * @domain: where
 * @message: member "net": what
 */
void verb_net_attach(struct client *client, struct domain *domain,
		     struct proto_message *message)
{
	struct net_config config;
	char why[NET_WHY_MAX];
	unsigned int number;
	const char *text;

	if (!json_get_text(message->json, "net", &text) ||
	    !net_config_parse(&config, text, why)) {
		server_reply(client, proto_error(PROTO_USAGE, -EINVAL, "%s: which net?",
						 domain->name));
		return;
	}
	for (number = 0; number < NET_INTERFACES_MAX && domain->nets & 1U << number; number++)
		;
	if (number == NET_INTERFACES_MAX) {
		server_reply(client, proto_error(PROTO_FAILED, -ENOSPC, "%s: net",
						 domain->name));
		return;
	}
	if (!open_one(client, domain->name, &config, number, domain->vcpus))
		return;
	domain->nets |= 1U << number;
	if (server_ask(client, domain, attach_request(0), opened[0].fds, opened[0].nr_fds)) {
		net_close_all();
		return;
	}
	net_close_all();
	domain->nets &= ~(1U << number);
	net_host_forget(domain->name, 1U << number, false);
}

/* The interface that a request is about. */
static bool get_number(struct client *client, struct domain *domain,
		       struct proto_message *message, long long *number)
{
	if (json_get_number(message->json, "number", 0, NET_INTERFACES_MAX - 1, number) &&
	    domain->nets & 1U << *number)
		return true;
	server_reply(client, proto_error(PROTO_FAILED, -ENOENT, "%s: net", domain->name));
	return false;
}

/**
 * verb_net_detach - unplug an interface
 * @client: who wants it
 * @domain: where
 * @message: members "number" and "force"
 */
void verb_net_detach(struct client *client, struct domain *domain,
		     struct proto_message *message)
{
	struct json_object *json;
	bool force = false;
	long long number;

	if (!get_number(client, domain, message, &number))
		return;
	json_get_flag(message->json, "force", &force);
	json = json_object_new_object();
	json_object_object_add(json, "verb", json_object_new_string("net-detach"));
	json_object_object_add(json, "number", json_object_new_int64(number));
	json_object_object_add(json, "force", json_object_new_boolean(force));
	server_ask(client, domain, json, NULL, 0);
}

/* Changes rules, if that is wanted; 0 or a negative errno. */
static int change_rules(struct domain *domain, unsigned int number,
			struct proto_message *message, char why[NET_WHY_MAX])
{
	struct net_rule rule;
	const char *text;
	bool first;

	if (json_get_text(message->json, "delete", &text))
		return net_rules_delete(domain->name, number, text, why);
	first = json_get_text(message->json, "first", &text);
	if (!first && !json_get_text(message->json, "add", &text))
		return 0;
	if (!net_rule_parse(&rule, text, why))
		return -EINVAL;
	return net_rules_add(domain->name, number, &rule, first, why);
}

/**
 * verb_net_rules - show an interface's rules, or change them
 * @client: who wants it
 * @domain: where
 * @message: members "number", and "add", "first" or "delete" with a rule
 */
void verb_net_rules(struct client *client, struct domain *domain,
		    struct proto_message *message)
{
	struct json_object *json, *list;
	char why[NET_WHY_MAX];
	long long number;
	int err;

	if (!get_number(client, domain, message, &number))
		return;
	err = change_rules(domain, (unsigned int)number, message, why);
	if (err) {
		server_reply(client, proto_error(err == -EINVAL ? PROTO_USAGE : PROTO_FAILED,
						 0, "%s: %s", domain->name, why));
		return;
	}
	list = net_rules_list(domain->name, (unsigned int)number);
	json = proto_ok();
	json_object_object_add(json, "rules", list ?: json_object_new_array());
	server_reply(client, json);
}
