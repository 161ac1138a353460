// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the answers of vmctl list, info and events come from; see query.h.
 *
 * The module knows what domains there are, whoever has made them.  phvd is asked as
 * well: it knows whose a domain is, and what it was told to do with it.  It is asked
 * first, as it may have the module loaded only now; and when it gives no answer, or
 * not to this user, that is no error.
 */
#include <asm/vmx.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "client.h"
#include "query.h"
#include "vmctl.h"

/* How long phvd may take to say what it knows */
#define PATIENCE	5	/* s */

/* Domains may come and go while they are listed: then it is tried again. */
#define TRIES		16

static void add_text(struct json_object *json, const char *key, const char *text)
{
	json_object_object_add(json, key, text ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *json, const char *key, __u64 number)
{
	json_object_object_add(json, key, json_object_new_int64((int64_t)number));
}

/* phvd's answer, NULL if there is none. */
static struct json_object *ask_phvd(const char *verb, const char *domain)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct json_object *json = NULL;
	struct proto_message reply;
	struct proto phvd;
	bool ok;

	if (client_try(&phvd))
		return NULL;
	setsockopt(phvd.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!proto_send(&phvd, client_verb(verb, domain), NULL, 0) &&
	    !proto_wait(&phvd, &reply)) {
		if (json_get_flag(reply.json, "ok", &ok) && ok)
			json = json_object_get(reply.json);
		proto_message_free(&reply);
	}
	proto_close(&phvd);
	return json;
}

static int open_module(struct phv_nl **nl)
{
	int err = phv_nl_open(nl);

	if (err == -ENOENT) {
		report("the module does not answer (is phv.ko loaded?)");
		return EXIT_UNSUPPORTED;
	}
	return err ? report_errno(err, "generic netlink", NULL) : EXIT_OK;
}

static int report_module(struct phv_nl *nl, int err, const char *object)
{
	const char *words = phv_nl_error(nl);

	if (err == -ENOENT) {
		report("%s: %s", object, words ? words : "no such domain");
		return EXIT_NO_DOMAIN;
	}
	return report_errno(err, object, words);
}

/* What the module says of a domain. */
static struct json_object *describe(const struct phv_nl_domain *domain)
{
	struct json_object *json = json_object_new_object();

	add_text(json, "name", domain->name);
	add_number(json, "id", domain->id);
	add_text(json, "state", phv_nl_domain_state(domain->state));
	if (domain->reason >= 0)
		add_text(json, "reason", phv_nl_reason(domain->reason));
	add_number(json, "memory", domain->memory);
	add_number(json, "max-memory", domain->max_memory);
	add_number(json, "vcpus", domain->vcpus);
	json_object_object_add(json, "owner", NULL);
	add_number(json, "pid", domain->owner);
	add_number(json, "age", domain->age / 1000000);
	return json;
}

/* Puts what only phvd knows into what the module says. */
static void add_phvd(struct json_object *to, struct json_object *from)
{
	static const char * const keys[] = { "state", "memory", "owner" };
	struct json_object *member;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_object_object_get_ex(from, keys[i], &member))
			json_object_object_add(to, keys[i], json_object_get(member));
}

static struct json_object *find(struct json_object *domains, const char *name)
{
	struct json_object *domain;
	const char *other;
	size_t i;

	for (i = 0; i < json_object_array_length(domains); i++) {
		domain = json_object_array_get_idx(domains, i);
		if (json_get_text(domain, "name", &other) && !strcmp(other, name))
			return domain;
	}
	return NULL;
}

/*
 * One of phvd's domains.  The module has it not yet, or no more, when the worker is
 * about to make it, or to end: until then its name is not free.
 */
static void merge(struct json_object *domains, struct json_object *domain)
{
	struct json_object *known;
	const char *name, *state;

	if (!json_get_text(domain, "name", &name) || !json_get_text(domain, "state", &state))
		return;
	known = find(domains, name);
	if (known) {
		add_phvd(known, domain);
		return;
	}
	if (strcmp(state, "building"))
		add_text(domain, "state", "ending");
	json_object_array_add(domains, json_object_get(domain));
}

static int take_domain(const struct phv_nl_domain *domain, void *arg)
{
	json_object_array_add(arg, describe(domain));
	return 0;
}

/**
 * query_list - what domains there are
 * @domains: an array of objects is put here, one for each
 *
 * Return: an enum exit_status
 */
int query_list(struct json_object **domains)
{
	struct json_object *answer = ask_phvd("list", NULL), *list;
	struct phv_nl *nl;
	unsigned int i;
	int err = -EAGAIN, status;
	size_t n;

	*domains = NULL;
	status = open_module(&nl);
	if (status)
		goto out;
	/* If they never stop coming and going, a list that is of no one moment will do. */
	for (i = 0; i < TRIES && err == -EAGAIN; i++) {
		json_object_put(*domains);
		*domains = json_object_new_array();
		err = phv_nl_domains(nl, take_domain, *domains);
	}
	if (err && err != -EAGAIN)
		status = report_module(nl, err, "list");
	phv_nl_close(nl);
	if (!status && json_object_object_get_ex(answer, "domains", &list) &&
	    json_object_is_type(list, json_type_array))
		for (n = 0; n < json_object_array_length(list); n++)
			merge(*domains, json_object_array_get_idx(list, n));
	if (status)
		json_object_put(*domains);
out:
	json_object_put(answer);
	return status;
}

static const char *exit_name(unsigned int reason, char other[16])
{
	static const struct {
		unsigned int reason;
		const char *name;
	} names[] = { VMX_EXIT_REASONS };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].reason == reason)
			return names[i].name;
	snprintf(other, 16, "%u", reason);
	return other;
}

static struct json_object *describe_exits(const struct phv_counters *counters)
{
	struct json_object *json = json_object_new_object();
	unsigned int i;
	char other[16];

	for (i = 0; i < ARRAY_SIZE(counters->exits); i++)
		if (counters->exits[i])
			add_number(json, exit_name(i, other), counters->exits[i]);
	return json;
}

static int take_vcpu(const struct phv_nl_vcpu *vcpu, void *arg)
{
	const struct phv_counters *counters = &vcpu->counters;
	struct json_object *json = json_object_new_object();

	add_number(json, "id", vcpu->id);
	add_text(json, "state", phv_nl_vcpu_state(vcpu->state));
	add_number(json, "user-exits", counters->user_exits);
	add_number(json, "interrupts", counters->interrupts);
	add_number(json, "nmis", counters->nmis);
	add_number(json, "exceptions", counters->exceptions);
	add_number(json, "posted", counters->posted);
	add_number(json, "ept-faults", counters->ept_faults);
	add_number(json, "flushes", counters->flushes);
	add_number(json, "blocked", counters->blocked);
	add_number(json, "migrations", counters->migrations);
	json_object_object_add(json, "exits", describe_exits(counters));
	json_object_array_add(arg, json);
	return 0;
}

/* An array with an object for each vCPU, or NULL for those who may not know. */
static struct json_object *describe_vcpus(struct phv_nl *nl, __u32 domain)
{
	struct json_object *vcpus = NULL;
	int err = -EAGAIN;
	unsigned int i;

	for (i = 0; i < TRIES && err == -EAGAIN; i++) {
		json_object_put(vcpus);
		vcpus = json_object_new_array();
		err = phv_nl_vcpus(nl, domain, take_vcpu, vcpus);
	}
	if (!err || err == -EAGAIN)
		return vcpus;
	json_object_put(vcpus);
	return NULL;
}

/* Names begin with a letter, so what is a number is one. */
static int find_domain(struct phv_nl *nl, const char *name, struct phv_nl_domain *domain)
{
	char *end;
	unsigned long id = strtoul(name, &end, 10);

	if (*name < '0' || *name > '9')
		return phv_nl_get(nl, name, 0, domain);
	return *end || id > UINT32_MAX ? -ENOENT : phv_nl_get(nl, NULL, (__u32)id, domain);
}

/* The configuration is for a domain's owner and root; devices' states come with it. */
static void add_config(struct json_object *info, const char *name)
{
	struct json_object *answer = ask_phvd("info", name), *config, *disks, *nets;

	if (json_object_object_get_ex(answer, "nets", &nets) &&
	    json_object_is_type(nets, json_type_array))
		json_object_object_add(info, "nets", json_object_get(nets));
	if (json_object_object_get_ex(answer, "config", &config) &&
	    json_object_is_type(config, json_type_object)) {
		json_object_object_foreach(config, key, value)
			if (!json_object_object_get_ex(info, key, NULL))
				json_object_object_add(info, key, json_object_get(value));
	}
	if (json_object_object_get_ex(answer, "disks", &disks))
		json_object_object_add(info, "disks", json_object_get(disks));
	json_object_put(answer);
}

/**
 * query_info - all about a domain
 * @name: its name or number
 * @info: an object is put here
 *
 * Return: an enum exit_status
 */
int query_info(const char *name, struct json_object **info)
{
	struct json_object *answer = ask_phvd("describe", name), *domain;
	struct phv_nl_domain found;
	struct phv_nl *nl;
	int err, status;

	status = open_module(&nl);
	if (status) {
		json_object_put(answer);
		return status;
	}
	/* A longer one than the module has room for is nobody's. */
	err = strlen(name) < PHV_NAME_MAX ? find_domain(nl, name, &found) : -ENOENT;
	if (err) {
		status = report_module(nl, err, name);
	} else {
		*info = describe(&found);
		if (json_object_object_get_ex(answer, "domain", &domain))
			add_phvd(*info, domain);
		add_config(*info, found.name);
		json_object_object_add(*info, "vcpu", describe_vcpus(nl, found.id));
	}
	phv_nl_close(nl);
	json_object_put(answer);
	return status;
}

/**
 * query_events - begin to listen to what becomes of domains
 * @nl: what query_event() and phv_nl_close() take is put here
 *
 * Return: an enum exit_status
 */
int query_events(struct phv_nl **nl)
{
	int err, status;

	/* Only to have the module loaded */
	json_object_put(ask_phvd("list", NULL));
	status = open_module(nl);
	if (status)
		return status;
	err = phv_nl_listen(*nl);
	if (!err)
		return EXIT_OK;
	phv_nl_close(*nl);
	return report_errno(err, "generic netlink", NULL);
}

/**
 * query_event - wait for the next event
 * @nl: what query_events() gave
 * @event: an object is put here
 *
 * Return: an enum exit_status
 */
int query_event(struct phv_nl *nl, struct json_object **event)
{
	struct phv_nl_domain domain;
	struct timespec now;
	int err;

	do {
		err = phv_nl_event(nl, &domain);
	} while (err == -EINTR || err == -EAGAIN);
	if (err && err != -ENOBUFS)
		return report_errno(err, "generic netlink", NULL);
	clock_gettime(CLOCK_REALTIME, &now);
	*event = json_object_new_object();
	add_number(*event, "time", now.tv_sec * 1000ULL + now.tv_nsec / 1000000);
	/* They came faster than they were taken. */
	add_text(*event, "event", err ? "lost" : phv_nl_event_name(domain.event));
	if (err)
		return EXIT_OK;
	add_text(*event, "name", domain.name);
	add_number(*event, "id", domain.id);
	if (domain.reason >= 0)
		add_text(*event, "reason", phv_nl_reason(domain.reason));
	return EXIT_OK;
}
