// SPDX-License-Identifier: GPL-2.0-only
/*
 * The domains as the parent knows them: starting their workers, finding those of
 * an earlier parent, and clearing away what a worker leaves behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netlink.h>

#include "cgroup.h"
#include "net_host.h"
#include "server.h"

#define SUFFIX		".sock"
/* How long to wait, before it is tried again to connect to a worker. */
#define AGAIN_USEC	(1 * 1000000ULL)
/* How long a worker may take to end its domain in an orderly way. */
#define END_USEC	(3 * 1000000ULL)

/**
 * domain_find - look for a domain
 * @server: the server
 * @name_or_id: its name, or its number
 *
 * Return: the domain, or NULL
 */
struct domain *domain_find(struct server *server, const char *name_or_id)
{
	struct domain *domain;
	unsigned long id = 0;
	char *end;

	if (*name_or_id >= '0' && *name_or_id <= '9') {
		id = strtoul(name_or_id, &end, 10);
		if (*end || !id)
			return NULL;
	}
	for (domain = server->domains; domain; domain = domain->next)
		if (id ? domain->id == id : !strcmp(domain->name, name_or_id))
			return domain;
	return NULL;
}

static bool slot_is_used(const struct server *server, unsigned int slot)
{
	const struct domain *domain;

	for (domain = server->domains; domain; domain = domain->next)
		if (domain->slot == slot)
			return true;
	return false;
}

static unsigned int find_slot(const struct server *server)
{
	unsigned int slot = 0;

	while (slot < WORKER_SLOTS && slot_is_used(server, slot))
		slot++;
	return slot;
}

static void socket_name(const char *name, char file[PHV_NAME_MAX + sizeof(SUFFIX)])
{
	snprintf(file, PHV_NAME_MAX + sizeof(SUFFIX), "%s" SUFFIX, name);
}

/* The address of a worker's socket, by the descriptor of its directory. */
static struct sockaddr_un socket_address(const struct server *server, const char *file)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s",
		 server->domain_dir, file);
	return address;
}

static void set_word(char to[DOMAIN_WORD_MAX], const char *word)
{
	snprintf(to, DOMAIN_WORD_MAX, "%s", word);
}

/**
 * struct leftover - a control group that is not empty yet
 * @server: the server
 * @name: the domain that had it
 */
struct leftover {
	struct server *server;
	char name[PHV_NAME_MAX];
};

static int on_leftover(sd_event_source *source, uint64_t now, void *data)
{
	struct leftover *leftover = data;

	(void)now;
	/* Another domain of that name has it now. */
	if (!domain_find(leftover->server, leftover->name) && !cgroup_remove(leftover->name) &&
	    sd_event_source_set_time_relative(source, AGAIN_USEC) >= 0 &&
	    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0)
		return 0;
	free(leftover);
	sd_event_source_unref(source);
	return 0;
}

/**
 * domain_drop_group - remove the control group of a domain that there is not any more
 * @server: the server
 * @name: the domain's name
 */
void domain_drop_group(struct server *server, const char *name)
{
	struct leftover *leftover;
	sd_event_source *source;

	if (cgroup_remove(name))
		return;
	leftover = calloc(1, sizeof(*leftover));
	if (!leftover)
		return;
	leftover->server = server;
	snprintf(leftover->name, sizeof(leftover->name), "%s", name);
	if (sd_event_add_time_relative(server->event, &source, CLOCK_MONOTONIC, AGAIN_USEC / 10,
				       10000, on_leftover, leftover) < 0)
		free(leftover);
}

/* Forgets a domain the worker of which is gone. */
static void domain_free(struct domain *domain)
{
	struct server *server = domain->server;
	struct domain **link = &server->domains;
	char file[PHV_NAME_MAX + sizeof(SUFFIX)];

	while (*link && *link != domain)
		link = &(*link)->next;
	if (*link)
		*link = domain->next;
	while (domain->requests)
		request_done(domain->requests,
			     proto_error(PROTO_FAILED, 0, "%s: its worker is gone",
					 domain->name));
	if (domain->name[0]) {
		socket_name(domain->name, file);
		unlinkat(server->domain_dir, file, 0);
		domain_drop_group(server, domain->name);
		/* Of one that was not found alive nobody knows what it had. */
		net_host_forget(domain->name, domain->adopted ? ~0U : domain->nets,
				false);
	}
	conn_close(&domain->conn);
	sd_event_source_disable_unref(domain->again);
	sd_event_source_disable_unref(domain->force);
	sd_event_source_disable_unref(domain->kill);
	sd_event_source_disable_unref(domain->death);
	if (domain->pidfd >= 0)
		close(domain->pidfd);
	free(domain);
}

static struct domain *domain_new(struct server *server, const char *name,
				 unsigned int slot, uid_t owner)
{
	struct domain *domain = calloc(1, sizeof(*domain));

	if (!domain)
		return NULL;
	domain->server = server;
	snprintf(domain->name, sizeof(domain->name), "%s", name);
	set_word(domain->state, "building");
	domain->slot = slot;
	domain->owner = owner;
	domain->pidfd = -1;
	proto_init(&domain->conn.proto, -1);
	domain->next = server->domains;
	server->domains = domain;
	return domain;
}

/* Says how the worker ended, if that was not as it should. */
static void log_death(const struct domain *domain, const siginfo_t *info)
{
	if (*domain->end || !domain->child)
		return;
	if (info->si_code == CLD_EXITED)
		log_line("%s: its worker exited with status %d", domain->name,
			 info->si_status);
	else
		log_line("%s: its worker was killed by signal %d", domain->name,
			 info->si_status);
}

/* Those who wait for the end, as opposed to an answer of the worker's. */
static void answer_waiters(struct domain *domain)
{
	struct request *request, *next;
	struct json_object *reply;

	for (request = domain->requests; request; request = next) {
		next = request->next;
		if (request->number)
			continue;
		reply = proto_ok();
		json_object_object_add(reply, "reason",
				       json_object_new_string(domain->end));
		request_done(request, reply);
	}
}

static int on_death(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct domain *domain = data;
	siginfo_t info = { 0 };

	(void)source;
	(void)fd;
	(void)events;
	conn_drain(&domain->conn);
	if (domain->child && !waitid(P_PIDFD, domain->pidfd, &info, WEXITED))
		log_death(domain, &info);
	if (!*domain->end)
		set_word(domain->end, "died");
	answer_waiters(domain);
	domain_free(domain);
	return 0;
}

static bool is_word(const char *word, const char * const *words)
{
	for (; *words; words++)
		if (!strcmp(*words, word))
			return true;
	return false;
}

/* Does the module say that a domain's number is this one's? 0, or a negative errno. */
static int ask_module(const struct domain *domain, unsigned int id)
{
	struct phv_nl_domain found;
	struct phv_nl *nl;
	int err;

	if (phv_nl_open(&nl))
		return -EOPNOTSUPP;
	err = phv_nl_get(nl, NULL, id, &found);
	phv_nl_close(nl);
	if (!err)
		return strcmp(found.name, domain->name) ? -EPERM : 0;
	return err == -ENOENT ? err : -EOPNOTSUPP;
}

/* Which of the others has that number? */
static struct domain *find_id(const struct domain *domain, unsigned int id)
{
	struct domain *other;

	for (other = domain->server->domains; other; other = other->next)
		if (other != domain && other->id == id)
			return other;
	return NULL;
}

/*
 * The worker says which number its domain has.  Clients name domains by it, so that it is
 * not another's the module must confirm, where it can be asked.
 */
static void take_id(struct domain *domain, unsigned int id)
{
	struct domain *other;
	int err;

	if (domain->id == id)
		return;
	err = ask_module(domain, id);
	other = find_id(domain, id);
	if (err == -ENOENT)
		return;		/* it is gone already */
	if (err == -EPERM || (err && other)) {
		log_line("%s: its worker says it is number %u, which is another's", domain->name,
			 id);
		domain_kill(domain);
		return;
	}
	domain->id = id;
	if (other)
		other->id = 0;	/* that one's is gone */
}

/* The worker says what it is and does. */
static void take_state(struct domain *domain, struct json_object *json)
{
	static const char * const states[] = {
		"building", "paused", "running", "crashed", "halted", NULL
	};
	static const char * const ends[] = {
		"poweroff", "halt", "reboot", "crash", "destroyed", "failed", NULL
	};
	long long number;
	const char *text;

	if (json_get_text(json, "state", &text) && is_word(text, states))
		set_word(domain->state, text);
	if (json_get_number(json, "domain", 1, 32751, &number))
		take_id(domain, (unsigned int)number);
	if (json_get_number(json, "memory", 0, CONFIG_MEMORY_MAX, &number))
		domain->memory = number;
	if (domain->adopted && json_get_number(json, "nets", 0, 0xff, &number))
		domain->nets = (unsigned int)number;
	if (json_get_number(json, "net-gone", 0, NET_INTERFACES_MAX - 1, &number) &&
	    domain->nets & 1U << number) {
		domain->nets &= ~(1U << number);
		net_host_forget(domain->name, 1U << number, true);
	}
	if (json_get_number(json, "vcpus", 1, PHV_MAX_VCPUS, &number))
		domain->vcpus = (unsigned int)number;
	if (json_get_text(json, "end", &text) && is_word(text, ends))
		set_word(domain->end, text);
	if (domain->adopted)
		log_line("%s: found, %s", domain->name, domain->state);
	domain->adopted = false;
}

static struct request *find_request(struct domain *domain, struct json_object *json)
{
	struct request *request;
	long long number;

	if (!json_get_number(json, "id", 1, domain->last_number, &number))
		return NULL;
	for (request = domain->requests; request; request = request->next)
		if (request->number == number)
			return request;
	return NULL;
}

/* A worker's messages: answers, which have a number, and what it does. */
static void on_message(struct conn *conn, struct proto_message *message)
{
	struct domain *domain = (struct domain *)conn;
	struct request *request;

	if (!json_object_object_get_ex(message->json, "id", NULL)) {
		take_state(domain, message->json);
		return;
	}
	request = find_request(domain, message->json);
	if (!request)
		return;
	json_object_object_del(message->json, "id");
	request_done(request, json_object_get(message->json));
}

/* The worker is gone, about to be, or talks nonsense: see to it that it is gone. */
static void on_closed(struct conn *conn)
{
	struct domain *domain = (struct domain *)conn;

	conn_close(conn);
	domain_kill(domain);
}

/* Watches the connection and the process. */
static int domain_watch(struct domain *domain, int fd)
{
	int err;

	domain->conn.message = on_message;
	domain->conn.closed = on_closed;
	err = conn_open(&domain->conn, domain->server->event, fd);
	if (err)
		return err;
	domain->pidfd = pidfd_open(domain->pid, 0);
	if (domain->pidfd < 0)
		return -errno;
	err = sd_event_add_io(domain->server->event, &domain->death, domain->pidfd,
			      EPOLLIN, on_death, domain);
	return err < 0 ? err : 0;
}

/* In the new process; nothing in it is to be used any more but these. */
static void exec_worker(const struct domain *domain, int control, int listener,
			int group)
{
	char *environment[] = { NULL };
	sigset_t none;
	char slot[12];

	cgroup_enter(group);
	snprintf(slot, sizeof(slot), "%u", domain->slot);
	/* Out of the way of the numbers that they are to have */
	control = fcntl(control, F_DUPFD_CLOEXEC, 10);
	listener = fcntl(listener, F_DUPFD_CLOEXEC, 10);
	if (control < 0 || listener < 0 ||
	    dup2(control, WORKER_CONTROL_FD) < 0 || dup2(listener, WORKER_LISTEN_FD) < 0)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execle("/proc/self/exe", "phvd", "--worker", domain->name, slot, NULL, environment);
	log_line("%s: worker: %s", domain->name, strerror(errno));
	_exit(1);
}

/*
 * Makes the worker's socket, which belongs to the domain's owner and the worker's group, so
 * that the next parent knows both; or fails.
 */
static int bind_listener(struct domain *domain)
{
	char file[PHV_NAME_MAX + sizeof(SUFFIX)];
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	socket_name(domain->name, file);
	address = socket_address(domain->server, file);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    fchownat(domain->server->domain_dir, file, domain->owner,
		     WORKER_UID_BASE + domain->slot, AT_SYMLINK_NOFOLLOW)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int spawn(struct domain *domain)
{
	int pair[2], listener, group, err;

	listener = bind_listener(domain);
	if (listener < 0)
		return listener;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		err = -errno;
		close(listener);
		return err;
	}
	group = cgroup_create(domain->name);
	domain->pid = fork();
	if (!domain->pid)
		exec_worker(domain, pair[1], listener, group);
	err = domain->pid < 0 ? -errno : 0;
	close(listener);
	close(pair[1]);
	if (group >= 0)
		close(group);
	if (err) {
		close(pair[0]);
		return err;
	}
	domain->child = true;
	err = domain_watch(domain, pair[0]);
	if (err) {
		kill(domain->pid, SIGKILL);
		waitpid(domain->pid, NULL, 0);
	}
	return err;
}

/**
 * domain_create - start a worker for a new domain
 * @server: the server
 * @config: what it is to be; there is no domain of its name
 * @owner: the user it belongs to
 * @created: the domain is put here
 *
 * The worker waits for the request to build it.
 *
 * Return: 0 or a negative errno
 */
int domain_create(struct server *server, const struct config *config, uid_t owner,
		  struct domain **created)
{
	unsigned int slot = find_slot(server);
	struct domain *domain;
	int err;

	if (slot == WORKER_SLOTS)
		return -ENOSPC;
	domain = domain_new(server, config->name, slot, owner);
	if (!domain)
		return -ENOMEM;
	domain->memory = config->memory;
	domain->vcpus = config->vcpus;
	err = spawn(domain);
	if (err) {
		domain_free(domain);
		return err;
	}
	*created = domain;
	return 0;
}

/**
 * domain_kill - end a domain at once
 * @domain: it; it is freed when its worker is gone
 */
void domain_kill(struct domain *domain)
{
	pidfd_send_signal(domain->pidfd, SIGKILL, NULL, 0);
}

static int on_kill(sd_event_source *source, uint64_t now, void *data)
{
	(void)source;
	(void)now;
	domain_kill(data);
	return 0;
}

/**
 * domain_end - end a domain: its worker is asked, and killed if it does not
 * @domain: it; it is freed when its worker is gone
 */
void domain_end(struct domain *domain)
{
	struct json_object *json;

	if (domain->kill)
		return;
	if (domain->conn.proto.fd < 0 ||
	    sd_event_add_time_relative(domain->server->event, &domain->kill,
				       CLOCK_MONOTONIC, END_USEC, 100000, on_kill,
				       domain) < 0) {
		domain_kill(domain);
		return;
	}
	if (!*domain->end)
		set_word(domain->end, "destroyed");
	json = json_object_new_object();
	json_object_object_add(json, "verb", json_object_new_string("end"));
	conn_send(&domain->conn, json, NULL, 0);
}

/* Finds out who listens at the other end; they need not be who they should be. */
static int adopt_peer(struct domain *domain, int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	if (peer.uid < WORKER_UID_BASE || peer.uid >= WORKER_UID_BASE + WORKER_SLOTS)
		return -EPERM;
	domain->slot = peer.uid - WORKER_UID_BASE;
	domain->pid = peer.pid;
	return 0;
}

/* Is this process, at the moment, all of this user's? 0, -ESRCH, or another errno. */
static int check_users(pid_t pid, uid_t user)
{
	char path[40], line[160];
	unsigned int uid[4];
	int err = -ESRCH;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Uid: %u %u %u %u", &uid[0], &uid[1], &uid[2], &uid[3]) != 4)
			continue;
		if (uid[0] == user && uid[1] == user && uid[2] == user && uid[3] == user)
			err = 0;
		break;
	}
	fclose(file);
	return err;
}

/*
 * What listens was a worker once, but its process need not be: another may have its number
 * by now, or it was no worker at all, and is not ours to kill.
 */
static int check_process(const struct domain *domain)
{
	int err = check_users(domain->pid, WORKER_UID_BASE + domain->slot);

	if (err)
		return err;
	/* It is the one that we have looked at, if ours is still there. */
	return pidfd_send_signal(domain->pidfd, 0, NULL, 0) ? -errno : 0;
}

/* Lets go of a process and its connection. */
static void forget_process(struct domain *domain)
{
	conn_close(&domain->conn);
	domain->death = sd_event_source_disable_unref(domain->death);
	if (domain->pidfd >= 0)
		close(domain->pidfd);
	domain->pidfd = -1;
}

static int adopt(struct domain *domain, const char *file)
{
	struct sockaddr_un address = socket_address(domain->server, file);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct json_object *json;
	int err;

	if (fd < 0)
		return -errno;
	err = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno :
	      adopt_peer(domain, fd);
	if (err) {
		close(fd);
		return err;
	}
	err = domain_watch(domain, fd) ?: check_process(domain);
	if (err)
		return err;
	json = json_object_new_object();
	json_object_object_add(json, "verb", json_object_new_string("hello"));
	conn_send(&domain->conn, json, NULL, 0);
	return 0;
}

/* Is there no worker behind a socket, or is it only that it can't be reached now? */
static bool is_gone(int err)
{
	switch (err) {
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ENOENT:
	case -EPERM:
	case -ESRCH:
	case -EPROTOTYPE:
	case -ENOTSOCK:
		return true;
	default:
		return false;
	}
}

static void try_adopt(struct domain *domain);

static int on_again(sd_event_source *source, uint64_t now, void *data)
{
	struct domain *domain = data;

	(void)source;
	(void)now;
	domain->again = sd_event_source_disable_unref(domain->again);
	try_adopt(domain);
	return 0;
}

/* Connects to a worker; frees the domain if there is none, else tries again later. */
static void try_adopt(struct domain *domain)
{
	char file[PHV_NAME_MAX + sizeof(SUFFIX)];
	int err;

	socket_name(domain->name, file);
	err = adopt(domain, file);
	if (!err)
		return;
	if (is_gone(err)) {
		domain_free(domain);	/* and the socket, and what else it has left */
		return;
	}
	forget_process(domain);
	if (!domain->tried)
		log_line("%s: its worker can't be reached: %s", domain->name, strerror(-err));
	domain->tried = true;
	if (sd_event_add_time_relative(domain->server->event, &domain->again, CLOCK_MONOTONIC,
				       AGAIN_USEC, 100000, on_again, domain) < 0)
		log_line("%s: no timer, it is left alone", domain->name);
}

static void adopt_file(struct server *server, const char *file)
{
	size_t length = strlen(file) - strlen(SUFFIX);
	unsigned int slot = WORKER_SLOTS;
	char name[PHV_NAME_MAX];
	struct domain *domain;
	struct stat status;

	if (length >= sizeof(name) || strcmp(file + length, SUFFIX) ||
	    fstatat(server->domain_dir, file, &status, AT_SYMLINK_NOFOLLOW))
		return;
	memcpy(name, file, length);
	name[length] = '\0';
	if (status.st_gid >= WORKER_UID_BASE && status.st_gid < WORKER_UID_BASE + WORKER_SLOTS)
		slot = status.st_gid - WORKER_UID_BASE;
	domain = domain_new(server, name, slot, status.st_uid);
	if (!domain)
		return;
	domain->adopted = true;
	try_adopt(domain);
}

/**
 * domains_adopt - find the domains of an earlier parent
 * @server: the server, which has none yet
 */
void domains_adopt(struct server *server)
{
	struct dirent *entry;
	DIR *directory;
	int fd = dup(server->domain_dir);

	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	rewinddir(directory);
	while ((entry = readdir(directory)))
		if (strlen(entry->d_name) > strlen(SUFFIX))
			adopt_file(server, entry->d_name);
	closedir(directory);
}
