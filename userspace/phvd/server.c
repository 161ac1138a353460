// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parent: its sockets, its clients and the verbs they may use; see server.h.
 *
 * Everybody who can connect may ask what domains there are; what a verb does to
 * a domain is for its owner and root.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <libphv.h>

#include "cgroup.h"
#include "server.h"

#define CLIENTS_MAX	256
#define CLIENTS_PER_USER	64	/* but root */
#define CLIENTS_OF_ROOT		32	/* at least: the others leave room for them */
/* Of one domain's worker so many things may be asked at a time. */
#define REQUESTS_MAX	64
/* Without descriptors for more clients, it is waited so long for some. */
#define PAUSE_USEC	200000
#define GROUP		"phv"

static void reply(struct client *client, struct json_object *json)
{
	conn_send(&client->conn, json, NULL, 0);
}

/**
 * request_new - note that a client waits for something
 * @domain: what it is about
 * @client: who waits; takes no more requests until request_done()
 * @for_worker: it is the worker that answers; else the domain's end does
 *
 * Return: the request, or NULL without memory
 */
struct request *request_new(struct domain *domain, struct client *client,
			    bool for_worker)
{
	struct request *request = calloc(1, sizeof(*request)), **link;

	if (!request)
		return NULL;
	request->client = client;
	request->domain = domain;
	request->fd = -1;
	if (for_worker)
		request->number = ++domain->last_number;
	for (link = &domain->requests; *link; link = &(*link)->next)
		;
	*link = request;
	client->conn.hold = true;
	return request;
}

/* Forgets a request that nobody waits for, or ever will be answered. */
static void request_drop(struct request *request)
{
	struct request **link = &request->domain->requests;

	while (*link != request)
		link = &(*link)->next;
	*link = request->next;
	if (request->fd >= 0)
		close(request->fd);
	sd_event_source_disable_unref(request->timer);
	free(request);
}

/**
 * request_done - answer a request, and forget it
 * @request: it
 * @json: the answer; the caller's reference is gone afterwards
 */
void request_done(struct request *request, struct json_object *json)
{
	struct client *client = request->client;
	bool ok = false;

	json_get_flag(json, "ok", &ok);
	if (client && ok && request->fd >= 0)
		conn_send(&client->conn, json, &request->fd, 1);
	else if (client)
		reply(client, json);
	else
		json_object_put(json);
	if (client)
		conn_resume(&client->conn);
	request_drop(request);
}

static unsigned int count_asked(const struct domain *domain)
{
	const struct request *request;
	unsigned int count = 0;

	for (request = domain->requests; request; request = request->next)
		count += request->number != 0;
	return count;
}

static struct json_object *describe(const struct domain *domain)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "name", json_object_new_string(domain->name));
	json_object_object_add(json, "id", json_object_new_int(domain->id));
	json_object_object_add(json, "state", json_object_new_string(domain->state));
	json_object_object_add(json, "memory", json_object_new_int64(domain->memory));
	json_object_object_add(json, "vcpus", json_object_new_int(domain->vcpus));
	json_object_object_add(json, "owner", json_object_new_int64(domain->owner));
	json_object_object_add(json, "pid", json_object_new_int(domain->pid));
	return json;
}

/*
 * Passes a request on to the worker; takes the caller's reference of @json.  Returns false if
 * that fails, and has the client know.
 */
static bool ask_worker(struct client *client, struct domain *domain,
		       struct json_object *json, const int *fds, unsigned int nr_fds,
		       int fd_of_client)
{
	struct request *request;
	int err = 0;

	if (domain->conn.proto.fd < 0) {
		json_object_put(json);
		reply(client, proto_error(PROTO_FAILED, 0, "%s: it is about to end",
					  domain->name));
		return false;
	}
	if (count_asked(domain) >= REQUESTS_MAX) {
		json_object_put(json);
		reply(client, proto_error(PROTO_BUSY, 0, "%s: its worker does not answer",
					  domain->name));
		return false;
	}
	request = request_new(domain, client, true);
	if (!request) {
		json_object_put(json);
		reply(client, proto_error(PROTO_FAILED, -ENOMEM, "%s", domain->name));
		return false;
	}
	if (fd_of_client >= 0) {
		request->fd = fcntl(fd_of_client, F_DUPFD_CLOEXEC, 3);
		err = request->fd < 0 ? -errno : 0;
	}
	json_object_object_add(json, "id", json_object_new_int64(request->number));
	if (err)
		json_object_put(json);
	else
		err = conn_try_send(&domain->conn, json, fds, nr_fds);
	if (err)
		request_done(request, proto_error(PROTO_FAILED, err, "%s: its worker",
						  domain->name));
	return !err;
}

/**
 * server_reply - answer a client
 * @client: the client
 * @json: the answer; the caller's reference is gone afterwards
 */
void server_reply(struct client *client, struct json_object *json)
{
	reply(client, json);
}

/**
 * server_ask - have the worker answer a client
 * @client: the client; takes no more requests until then
 * @domain: the domain
 * @json: the request; the caller's reference is gone afterwards
 * @fds: descriptors to go with it, which stay the caller's
 * @nr_fds: how many
 *
 * Return: false if that can't be; the client was told so
 */
bool server_ask(struct client *client, struct domain *domain, struct json_object *json,
		const int *fds, unsigned int nr_fds)
{
	return ask_worker(client, domain, json, fds, nr_fds, -1);
}

static struct json_object *worker_verb(const char *verb)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "verb", json_object_new_string(verb));
	return json;
}

/* Opens the module's device for a worker. */
static int open_device(struct client *client)
{
	int device = phv_open();

	if (device == -ENOENT || device == -ENXIO || device == -ENODEV)
		reply(client, proto_error(PROTO_UNSUPPORTED, device, PHV_DEVICE
					  ": is phv.ko loaded?"));
	else if (device < 0)
		reply(client, proto_error(PROTO_FAILED, device, PHV_DEVICE));
	return device;
}

static void build(struct client *client, struct domain *domain,
		  const struct config *config, struct proto_message *message, int device)
{
	struct json_object *json = worker_verb("build");
	int fds[3] = { device, message->fds[0], message->fds[1] };

	json_object_object_add(json, "config", config_to_json(config));
	if (!ask_worker(client, domain, json, fds, config->initrd ? 3 : 2, -1))
		domain_kill(domain);
}

static void verb_create(struct client *client, struct domain *domain,
			struct proto_message *message)
{
	struct json_object *json = NULL;
	struct config config;
	char why[CONFIG_WHY_MAX];
	int device, err;

	json_object_object_get_ex(message->json, "config", &json);
	if (!config_from_json(&config, json, why)) {
		reply(client, proto_error(PROTO_USAGE, -EINVAL, "%s", why));
		return;
	}
	if (message->nr_fds != (config.initrd ? 2 : 1)) {
		reply(client, proto_error(PROTO_USAGE, -EINVAL,
					  "%s: kernel or initrd is missing", config.name));
		return;
	}
	if (domain_find(client->server, config.name)) {
		reply(client, proto_error(PROTO_FAILED, -EEXIST, "%s", config.name));
		return;
	}
	device = open_device(client);
	if (device < 0)
		return;
	if (!net_open_all(client, &config)) {
		close(device);
		return;
	}
	err = domain_create(client->server, &config, client->user, &domain);
	if (err)
		reply(client, proto_error(PROTO_FAILED, err, "%s: worker", config.name));
	else
		build(client, domain, &config, message, device);
	if (!err)
		net_plug_all(domain);
	else
		net_drop_all(client->server, config.name);
	net_close_all();
	close(device);
}

/* start, pause, unpause, info: the worker does it. */
static void verb_forward(struct client *client, struct domain *domain,
			 struct proto_message *message)
{
	const char *verb = "";

	json_get_text(message->json, "verb", &verb);
	ask_worker(client, domain, worker_verb(verb), NULL, 0, -1);
}

/* What is done with devices and memory: the worker looks at what the client says, and opened. */
static void verb_device(struct client *client, struct domain *domain,
			struct proto_message *message)
{
	struct json_object *json = json_object_get(message->json);

	json_object_object_del(json, "version");
	json_object_object_del(json, "domain");
	json_object_object_del(json, "fds");
	ask_worker(client, domain, json, message->fds, message->nr_fds, -1);
}

/* The state of a guest is for its owner; this is for those who look for bugs. */
static void verb_vmcs(struct client *client, struct domain *domain,
		      struct proto_message *message)
{
	struct json_object *json;
	long long vcpu = 0;

	if (client->user) {
		reply(client, proto_error(PROTO_PERMISSION, -EPERM, "%s: VMCS", domain->name));
		return;
	}
	json_get_number(message->json, "vcpu", 0, PHV_MAX_VCPUS - 1, &vcpu);
	json = worker_verb("vmcs");
	json_object_object_add(json, "vcpu", json_object_new_int64(vcpu));
	ask_worker(client, domain, json, NULL, 0, -1);
}

static void verb_console(struct client *client, struct domain *domain,
			 struct proto_message *message)
{
	static const char * const flags[] = { "read-only", "force", "bound" };
	struct json_object *json;
	bool flag;
	size_t i;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		reply(client, proto_error(PROTO_FAILED, -errno, "%s: console",
					  domain->name));
		return;
	}
	json = worker_verb("console");
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		flag = false;
		json_get_flag(message->json, flags[i], &flag);
		json_object_object_add(json, flags[i], json_object_new_boolean(flag));
	}
	ask_worker(client, domain, json, &pair[0], 1, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static int on_time_limit(sd_event_source *source, uint64_t now, void *data)
{
	struct request *request = data;
	struct domain *domain = request->domain;

	(void)source;
	(void)now;
	request_done(request, proto_error(PROTO_TIMED_OUT, -ETIMEDOUT,
					  "%s: it has not ended", domain->name));
	return 0;
}

/* Has the client wait for the domain's end, @seconds or, if negative, for ever. */
static bool wait_for_end(struct client *client, struct domain *domain, long long seconds)
{
	struct request *request = request_new(domain, client, false);

	if (!request) {
		reply(client, proto_error(PROTO_FAILED, -ENOMEM, "%s", domain->name));
		return false;
	}
	if (seconds >= 0)
		sd_event_add_time_relative(domain->server->event, &request->timer,
					   CLOCK_MONOTONIC, seconds * 1000000ULL, 1000,
					   on_time_limit, request);
	return true;
}

static long long time_limit(struct proto_message *message)
{
	long long seconds = -1;

	json_get_number(message->json, "timeout", 0, 1000000000, &seconds);
	return seconds;
}

static int on_force(sd_event_source *source, uint64_t now, void *data)
{
	struct domain *domain = data;

	(void)source;
	(void)now;
	log_line("%s: did not stop in time, ended by force", domain->name);
	domain_end(domain);
	return 0;
}

/* Ends the domain after some time, whether somebody waits for that or not. */
static void force_later(struct domain *domain, long long seconds)
{
	sd_event_source_disable_unref(domain->force);
	domain->force = NULL;
	if (sd_event_add_time_relative(domain->server->event, &domain->force,
				       CLOCK_MONOTONIC, seconds * 1000000ULL, 1000,
				       on_force, domain) < 0)
		log_line("%s: no timer, it is not ended by force", domain->name);
}

static void verb_stop(struct client *client, struct domain *domain,
		      struct proto_message *message)
{
	bool running = !strcmp(domain->state, "running"), force = false, wait = true;
	long long seconds = time_limit(message);

	json_get_flag(message->json, "force", &force);
	json_get_flag(message->json, "wait", &wait);
	if (!running && !force) {
		reply(client, proto_error(PROTO_FAILED, 0, "%s: it is %s, and can't stop itself",
					  domain->name, domain->state));
		return;
	}
	if (!wait)
		reply(client, proto_ok());
	else if (!wait_for_end(client, domain, force ? -1 : seconds))
		return;
	if (running && force && seconds >= 0)
		force_later(domain, seconds);
	if (running)
		conn_send(&domain->conn, worker_verb("shutdown"), NULL, 0);
	else
		domain_end(domain);
}

static void verb_destroy(struct client *client, struct domain *domain,
			 struct proto_message *message)
{
	if (domain->pidfd < 0) {
		reply(client, proto_error(PROTO_BUSY, 0, "%s: its worker can't be reached",
					  domain->name));
		return;
	}
	if (wait_for_end(client, domain, time_limit(message)))
		domain_end(domain);
}

static void verb_wait(struct client *client, struct domain *domain,
		      struct proto_message *message)
{
	wait_for_end(client, domain, time_limit(message));
}

static void verb_list(struct client *client, struct domain *domain,
		      struct proto_message *message)
{
	struct json_object *json = proto_ok(), *list = json_object_new_array();

	(void)message;
	for (domain = client->server->domains; domain; domain = domain->next)
		json_object_array_add(list, describe(domain));
	json_object_object_add(json, "domains", list);
	reply(client, json);
}

static void verb_describe(struct client *client, struct domain *domain,
			  struct proto_message *message)
{
	struct json_object *json = proto_ok();

	(void)message;
	json_object_object_add(json, "domain", describe(domain));
	reply(client, json);
}

/* What a verb is about. */
enum about {
	NOTHING,	/* no domain that there is */
	ANY_DOMAIN,	/* a domain, whoever asks */
	OWN_DOMAIN,	/* a domain, for its owner and root, once it is known what it has */
	OWN_ALWAYS,	/* the same, known or not */
};

static const struct server_verb {
	const char *name;
	enum about about;
	void (*run)(struct client *client, struct domain *domain,
		    struct proto_message *message);
} verbs[] = {
	{ "create", NOTHING, verb_create },
	{ "start", OWN_DOMAIN, verb_forward },
	{ "pause", OWN_DOMAIN, verb_forward },
	{ "unpause", OWN_DOMAIN, verb_forward },
	{ "info", OWN_DOMAIN, verb_forward },
	{ "memory", OWN_DOMAIN, verb_device },
	{ "console", OWN_DOMAIN, verb_console },
	{ "disk-attach", OWN_DOMAIN, verb_device },
	{ "disk-detach", OWN_DOMAIN, verb_device },
	{ "disk-resize", OWN_DOMAIN, verb_device },
	{ "vmcs", OWN_DOMAIN, verb_vmcs },
	{ "stop", OWN_DOMAIN, verb_stop },
	{ "destroy", OWN_ALWAYS, verb_destroy },
	{ "wait", ANY_DOMAIN, verb_wait },
	{ "net-attach", OWN_DOMAIN, verb_net_attach },
	{ "net-detach", OWN_DOMAIN, verb_net_detach },
	{ "net-rules", OWN_DOMAIN, verb_net_rules },
	{ "list", NOTHING, verb_list },
	{ "describe", ANY_DOMAIN, verb_describe },
};

static const struct server_verb *find_verb(struct json_object *json)
{
	const char *name;
	size_t i;

	if (!json_get_text(json, "verb", &name))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* Finds the domain of a request, and whether the client may do this with it. */
static bool find_domain(struct client *client, const struct server_verb *verb,
			struct json_object *json, struct domain **domain)
{
	const char *name;

	if (verb->about == NOTHING)
		return true;
	if (!json_get_text(json, "domain", &name)) {
		reply(client, proto_error(PROTO_USAGE, -EINVAL, "%s: of which domain?",
					  verb->name));
		return false;
	}
	*domain = domain_find(client->server, name);
	if (!*domain) {
		reply(client, proto_error(PROTO_NO_DOMAIN, 0, "%.40s: no such domain",
					  name));
		return false;
	}
	if (verb->about != ANY_DOMAIN && client->user && client->user != (*domain)->owner) {
		reply(client, proto_error(PROTO_PERMISSION, -EPERM,
					  "%s: it is another user's", (*domain)->name));
		return false;
	}
	if (verb->about == OWN_DOMAIN && (*domain)->adopted) {
		reply(client, proto_error(PROTO_BUSY, 0, "%s: phvd has only just found it",
					  (*domain)->name));
		return false;
	}
	return true;
}

static void on_message(struct conn *conn, struct proto_message *message)
{
	struct client *client = (struct client *)conn;
	const struct server_verb *verb;
	struct domain *domain = NULL;
	long long version;

	if (!json_get_number(message->json, "version", PROTO_VERSION, PROTO_VERSION,
			     &version)) {
		reply(client, proto_error(PROTO_UNSUPPORTED, 0,
					  "phvd speaks version %d of its protocol",
					  PROTO_VERSION));
		return;
	}
	verb = find_verb(message->json);
	if (!verb)
		reply(client, proto_error(PROTO_USAGE, -EINVAL, "unknown request"));
	else if (find_domain(client, verb, message->json, &domain))
		verb->run(client, domain, message);
}

/*
 * What a client waits for that is gone: a domain's end needs nobody to wait for it.  What a
 * worker has yet to answer counts until it has.
 */
static void forget_client(struct client *client)
{
	struct request *request, *next;
	struct domain *domain;

	for (domain = client->server->domains; domain; domain = domain->next) {
		for (request = domain->requests; request; request = next) {
			next = request->next;
			if (request->client != client)
				continue;
			request->client = NULL;
			if (!request->number) {
				request_drop(request);
				continue;
			}
			if (request->fd >= 0)
				close(request->fd);
			request->fd = -1;
		}
	}
}

static void on_closed(struct conn *conn)
{
	struct client *client = (struct client *)conn;
	struct client **link = &client->server->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	client->server->nr_clients--;
	forget_client(client);
	conn_close(conn);
	free(client);
}

static bool is_full(const struct server *server, uid_t user)
{
	unsigned int count = 0;
	struct client *client;

	for (client = server->clients; client; client = client->next)
		count += client->user == user;
	if (server->nr_clients == CLIENTS_MAX)
		return true;
	return user && (count >= CLIENTS_PER_USER ||
			server->nr_clients >= CLIENTS_MAX - CLIENTS_OF_ROOT);
}

static void add_client(struct server *server, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (!client || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ||
	    is_full(server, peer.uid)) {
		close(fd);
		free(client);
		return;
	}
	client->server = server;
	client->user = peer.uid;
	client->conn.message = on_message;
	client->conn.closed = on_closed;
	if (conn_open(&client->conn, server->event, fd)) {
		free(client);
		return;
	}
	client->next = server->clients;
	server->clients = client;
	server->nr_clients++;
}

static int on_pause_over(sd_event_source *source, uint64_t now, void *data)
{
	struct server *server = data;

	(void)source;
	(void)now;
	sd_event_source_set_enabled(server->listen, SD_EVENT_ON);
	return 0;
}

/* Somebody is there who can't be let in now: looks again later. */
static void pause_listening(struct server *server)
{
	if (sd_event_source_set_time_relative(server->pause, PAUSE_USEC) >= 0 &&
	    sd_event_source_set_enabled(server->pause, SD_EVENT_ONESHOT) >= 0)
		sd_event_source_set_enabled(server->listen, SD_EVENT_OFF);
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *data)
{
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	if (client >= 0)
		add_client(data, client);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		pause_listening(data);
	return 0;
}

/* Makes the directories, and makes sure that there is no other phvd. */
static int open_directory(struct server *server)
{
	char path[96];
	int lock;

	if (mkdir(server->directory, 0755) && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/domains", server->directory);
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	server->domain_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (server->domain_dir < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/phvd.lock", server->directory);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return -errno;
	return flock(lock, LOCK_EX | LOCK_NB) ? -errno : 0;	/* held to the end */
}

/* Makes the socket, for root and the group; a descriptor or a negative errno. */
static int make_socket(const struct server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct group *group = getgrnam(GROUP);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/phvd.sock",
		 server->directory);
	unlink(address.sun_path);
	umask(0177);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	umask(077);
	if (group && (chown(address.sun_path, 0, group->gr_gid) ||
		      chmod(address.sun_path, 0660)))
		return -errno;
	if (!group)
		log_line("there is no group " GROUP ": only root can use %s",
			 address.sun_path);
	return listen(fd, 64) ? -errno : fd;
}

/* The socket is systemd's, if that has started us because of it, or our own. */
static int open_socket(struct server *server)
{
	int fd = sd_listen_fds(1) == 1 ? SD_LISTEN_FDS_START : make_socket(server);
	int err;

	if (fd < 0)
		return fd;
	err = sd_event_add_io(server->event, &server->listen, fd, EPOLLIN, on_connect,
			      server);
	return err < 0 ? err : 0;
}

static int setup(struct server *server)
{
	sigset_t signals;
	int err;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);

	err = sd_event_default(&server->event);
	if (err >= 0)
		err = sd_event_add_signal(server->event, NULL, SIGTERM, NULL, NULL);
	if (err >= 0)
		err = sd_event_add_signal(server->event, NULL, SIGINT, NULL, NULL);
	/* Now, as the first timer takes a descriptor */
	if (err >= 0)
		err = sd_event_add_time_relative(server->event, &server->pause, CLOCK_MONOTONIC,
						 0, 10000, on_pause_over, server);
	if (err < 0)
		return err;
	err = open_directory(server);
	if (err)
		return err;
	cgroup_init();
	domains_adopt(server);
	return open_socket(server);
}

/**
 * server_main - the parent
 * @directory: where the sockets are to be
 *
 * It ends by SIGTERM or SIGINT; the domains go on.
 *
 * Return: an exit status
 */
int server_main(const char *directory)
{
	static struct server server;
	int err;

	server.directory = directory;
	err = setup(&server);
	if (err == -EWOULDBLOCK) {
		log_line("%s: another phvd is at work here", directory);
		return 1;
	}
	if (err) {
		log_line("%s: %s", directory, strerror(-err));
		return 1;
	}
	sd_notify(0, "READY=1");
	err = sd_event_loop(server.event);
	if (err < 0)
		log_line("event loop: %s", strerror(-err));
	return err ? 1 : 0;
}
