/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent: clients, the table of domains, and the requests that go from the
 * ones to the others.
 *
 * server.c has the clients and the verbs, domains.c the domains and their
 * workers.  One thread, one event loop; nothing here waits.
 *
 * What a worker says is as hostile as its guest: it is checked, or passed on to
 * vmctl, which knows as much.
 */
#ifndef _SERVER_H
#define _SERVER_H

#include <phv.h>

#include "config.h"
#include "conn.h"
#include "phvd.h"

struct client;
struct domain;

#define DOMAIN_WORD_MAX	16

/**
 * struct request - something that a client waits for
 * @next: the next one of the domain
 * @client: who waits; or NULL if it is gone, and the worker has yet to answer
 * @number: its number in the connection to the worker; 0: it is for the domain's
 *	end, not for the worker
 * @fd: a descriptor for the client, if the worker agrees; or -1
 * @timer: the time limit, or NULL
 * @domain: what it is about
 */
struct request {
	struct request *next;
	struct client *client;
	long long number;
	int fd;
	sd_event_source *timer;
	struct domain *domain;
};

/**
 * struct client - a connection of vmctl's
 * @conn: the connection
 * @next: the next client
 * @server: the server
 * @user: the user at the other end
 */
struct client {
	struct conn conn;
	struct client *next;
	struct server *server;
	uid_t user;
};

/**
 * struct domain - a domain as the parent knows it
 * @conn: connection to its worker
 * @next: the next domain
 * @server: the server
 * @name: its name
 * @owner: the user who may do things with it, besides root
 * @slot: its worker's user is WORKER_UID_BASE and this
 * @pid: its worker
 * @pidfd: the same
 * @death: the event loop's source for @pidfd
 * @kill: time at which the worker is killed, if it was asked to end
 * @force: time at which it is asked to, if its guest was asked to stop and has not; the
 *	owner's or root's wish, whatever becomes of who had it
 * @child: the worker is a child of this process
 * @adopted: it was found, and its worker has not yet said what it is; nothing can be
 *	done with it until then
 * @tried: a worker that was found could not be reached, and that was logged
 * @again: time at which that is tried again
 * @id: the domain's number, 0 before there is one
 * @state: a word: what it does
 * @memory: bytes
 * @vcpus: number of its vCPUs
 * @end: why it ended: a word, empty while it has not
 * @requests: what clients wait for, oldest first
 * @last_number: the last number given to one of them
 * @nets: its network interfaces: a bit for each
 */
struct domain {
	struct conn conn;
	struct domain *next;
	struct server *server;
	char name[PHV_NAME_MAX];
	uid_t owner;
	unsigned int slot;
	pid_t pid;
	int pidfd;
	sd_event_source *death;
	sd_event_source *kill;
	sd_event_source *force;
	bool child;
	bool adopted;
	bool tried;
	sd_event_source *again;
	unsigned int id;
	char state[DOMAIN_WORD_MAX];
	unsigned long long memory;
	unsigned int vcpus;
	char end[DOMAIN_WORD_MAX];
	struct request *requests;
	long long last_number;
	unsigned int nets;
};

/**
 * struct server - the parent
 * @event: its event loop
 * @listen: the event loop's source for its socket
 * @pause: time at which @listen is looked at again
 * @clients: who is connected
 * @nr_clients: how many
 * @domains: the domains
 * @directory: where the sockets are
 * @domain_dir: descriptor of the directory of the workers' sockets
 */
struct server {
	sd_event *event;
	sd_event_source *listen;
	sd_event_source *pause;
	struct client *clients;
	unsigned int nr_clients;
	struct domain *domains;
	const char *directory;
	int domain_dir;
};

/* server.c */
struct request *request_new(struct domain *domain, struct client *client,
			    bool for_worker);
void request_done(struct request *request, struct json_object *reply);

void server_reply(struct client *client, struct json_object *json);
bool server_ask(struct client *client, struct domain *domain, struct json_object *json,
		const int *fds, unsigned int nr_fds);

/* net_verbs.c */
bool net_open_all(struct client *client, struct config *config);
void net_plug_all(struct domain *domain);
void net_close_all(void);
void net_drop_all(struct server *server, const char *domain);
void verb_net_attach(struct client *client, struct domain *domain,
		     struct proto_message *message);
void verb_net_detach(struct client *client, struct domain *domain,
		     struct proto_message *message);
void verb_net_rules(struct client *client, struct domain *domain,
		    struct proto_message *message);

/* domains.c */
struct domain *domain_find(struct server *server, const char *name_or_id);
int domain_create(struct server *server, const struct config *config, uid_t owner,
		  struct domain **created);
void domain_end(struct domain *domain);
void domain_kill(struct domain *domain);
void domain_drop_group(struct server *server, const char *name);
void domains_adopt(struct server *server);

#endif /* _SERVER_H */
