// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker: one domain, from the request to build it to its end.
 *
 * The main thread listens to the parent, and to those that come after it; serves
 * console and xenstore; and decides what becomes of a guest that does not go on.
 * The vCPUs have threads of their own (vm.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/hvm/params.h>

#include <libphv.h>

#include "aio.h"
#include "backend.h"
#include "blk.h"
#include "config.h"
#include "conn.h"
#include "console.h"
#include "entry.h"

#include "net.h"
#include "phvd.h"
#include "sandbox.h"
#include "store.h"
#include "vm.h"

/* Parents at a time: one, and one that takes over. */
#define PARENTS_MAX	4

/**
 * struct worker - the worker
 * @parent: connections to the parent; those not in use have no socket
 * @event: its event loop
 * @config: what the domain is
 * @state: what it does, a word
 * @started: its vCPUs have run
 * @over: it has ended, the viewers are being told
 * @device: /dev/phv
 * @kernel: the kernel's image
 * @initrd: the initial ramdisk, or -1
 * @console: its console
 * @store: its xenstore
 * @vm: the domain
 * @backend: its devices
 */
static struct worker {
	struct conn parent[PARENTS_MAX];
	sd_event *event;
	struct config config;
	const char *state;
	bool started;
	bool over;
	int device;
	int kernel;
	int initrd;
	struct console console;
	struct store store;
	struct vm vm;
	struct backend backend;
} worker;

static struct json_object *describe(void)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "state", json_object_new_string(worker.state));
	json_object_object_add(json, "domain", json_object_new_int(worker.vm.id));
	json_object_object_add(json, "memory",
			       json_object_new_int64(worker.config.memory));
	json_object_object_add(json, "vcpus", json_object_new_int(worker.config.vcpus));
	json_object_object_add(json, "nets",
			       json_object_new_int(net_numbers(&worker.backend)));
	return json;
}

/* Tells every parent; takes the caller's reference of @json. */
static void tell(struct json_object *json)
{
	size_t i;

	for (i = 0; i < PARENTS_MAX; i++)
		if (worker.parent[i].proto.fd >= 0)
			conn_send(&worker.parent[i], json_object_get(json), NULL, 0);
	json_object_put(json);
}

static void set_state(const char *state)
{
	worker.state = state;
	tell(describe());
}

/* Connects the backends to a guest that was just built. */
static int connect_backends(struct phv_error *error)
{
	struct vm *vm = &worker.vm;
	struct vm_channel channel;
	int err;

	err = vm_open_channel(vm, &channel);
	if (!err)
		err = console_connect(&worker.console, vm_page(vm, GUEST_CONSOLE_GFN),
				      channel.kick, channel.call);
	if (!err)
		err = phv_xen_set_param(vm->fd, HVM_PARAM_CONSOLE_PFN,
					GUEST_CONSOLE_GFN);
	if (!err)
		err = phv_xen_set_param(vm->fd, HVM_PARAM_CONSOLE_EVTCHN, channel.port);
	if (err)
		return phv_fail(error, err, "console: %s", strerror(-err));
	err = store_connect(&worker.store, worker.event, vm, &worker.config);
	if (err)
		return phv_fail(error, err, "xenstore: %s", strerror(-err));
	err = backend_connect(&worker.backend, &worker.store);
	return err ? phv_fail(error, err, "devices: %s", strerror(-err)) : 0;
}

static void disconnect_backends(void)
{
	backend_disconnect(&worker.backend);
	store_disconnect(&worker.store);
	console_disconnect(&worker.console);
}

static int build(struct phv_error *error)
{
	int err;

	err = vm_build(&worker.vm, &worker.config, worker.device, worker.kernel,
		       worker.initrd, error);
	return err ?: connect_backends(error);
}

static void unpause(void)
{
	worker.started = true;
	set_state("running");
	vm_unpause(&worker.vm);
}

/* All viewers know that the domain has ended. */
static void on_console_ended(struct console *console)
{
	(void)console;
	if (worker.over)
		sd_event_exit(worker.event, 0);
}

static void tell_viewers(const char *reason, const char *text, int status,
			 bool preserved)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "reason", json_object_new_string(reason));
	json_object_object_add(json, "text", json_object_new_string(text));
	if (status >= 0)
		json_object_object_add(json, "status", json_object_new_int(status));
	json_object_object_add(json, "preserved", json_object_new_boolean(preserved));
	console_end(&worker.console, json_object_to_json_string(json));
	json_object_put(json);
}

/* Ends the domain, and when the viewers have been told, the worker. */
static void finish(const char *reason, const char *text)
{
	struct json_object *json;
	int status;

	if (worker.over)
		return;
	worker.over = true;
	vm_pause(&worker.vm);
	status = store_exit_status(&worker.store);
	disconnect_backends();
	vm_destroy(&worker.vm);
	json = describe();
	json_object_object_add(json, "end", json_object_new_string(reason));
	tell(json);
	if (worker.console.end)
		sd_event_exit(worker.event, 0);
	else
		tell_viewers(reason, text, status, false);
}

static void on_bound_gone(struct console *console)
{
	(void)console;
	log_line("whoever ran it is gone: destroyed");
	finish("destroyed", "destroyed");
}

static void reboot(void)
{
	struct phv_error error;

	log_line("reboots");
	disconnect_backends();
	vm_destroy(&worker.vm);
	if (build(&error)) {
		log_line("%s", error.text);
		finish("failed", error.text);
		return;
	}
	unpause();
}

/* The guest does not go on: what becomes of it was decided when it was made. */
static int on_notice(sd_event_source *source, int fd, uint32_t events, void *data)
{
	static const char * const reasons[] = {
		[VM_POWEROFF] = "poweroff", [VM_HALT] = "halt",
		[VM_REBOOT] = "reboot", [VM_CRASH] = "crash", [VM_FAILED] = "failed",
	};
	struct vm *vm = &worker.vm;
	enum config_policy policy = POLICY_DESTROY;
	char why[sizeof(vm->why)];
	__u64 count;
	enum vm_end end;

	(void)source;
	(void)events;
	(void)data;
	if (read(fd, &count, sizeof(count)) < 0 || worker.over)
		return 0;
	vm_pause(vm);
	end = vm->end;
	memcpy(why, vm->why, sizeof(why));
	if (!end)
		return 0;
	if (end == VM_REBOOT)
		policy = worker.config.on_reboot;
	else if (end == VM_CRASH || end == VM_FAILED)
		policy = worker.config.on_crash;
	log_line("%s", why);

	if (policy == POLICY_RESTART) {
		reboot();
	} else if (policy == POLICY_PRESERVE) {
		console_disconnect(&worker.console);
		tell_viewers(reasons[end], why, -1, true);
		set_state(end == VM_REBOOT ? "halted" : "crashed");
	} else {
		finish(reasons[end], why);
	}
	return 0;
}

static struct json_object *verb_hello(struct proto_message *message)
{
	(void)message;
	tell(describe());
	return NULL;
}

static struct json_object *build_failed(int err, const struct phv_error *error)
{
	const char *code = err == -EBUSY ? PROTO_BUSY : PROTO_FAILED;
	char text[sizeof(error->text) + PHV_NAME_MAX];
	struct json_object *json = describe();

	log_line("%s", error->text);
	json_object_object_add(json, "end", json_object_new_string("failed"));
	tell(json);
	worker.over = true;
	sd_event_exit(worker.event, 0);
	snprintf(text, sizeof(text), "%s: %s", worker.config.name, error->text);
	return proto_refusal(code, err, text);
}

static struct json_object *verb_build(struct proto_message *message)
{
	struct json_object *config = NULL, *json;
	char why[CONFIG_WHY_MAX];
	struct phv_error error = { "" };
	int err;

	if (worker.device >= 0)
		return proto_error(PROTO_FAILED, -EALREADY, "it is built");
	json_object_object_get_ex(message->json, "config", &config);
	if (!config_from_json(&worker.config, config, why))
		return proto_error(PROTO_USAGE, -EINVAL, "%s", why);
	worker.device = proto_message_fd(message, 0);
	worker.kernel = proto_message_fd(message, 1);
	worker.initrd = proto_message_fd(message, 2);
	err = build(&error);
	if (err)
		return build_failed(err, &error);
	set_state("paused");
	json = proto_ok();
	json_object_object_add(json, "domain", json_object_new_int(worker.vm.id));
	return json;
}

static struct json_object *wrong_state(void)
{
	return proto_error(PROTO_FAILED, 0, "%s: it is %s", worker.config.name,
			   worker.state);
}

static struct json_object *verb_start(struct proto_message *message)
{
	(void)message;
	if (worker.started || strcmp(worker.state, "paused"))
		return wrong_state();
	unpause();
	return proto_ok();
}

static struct json_object *verb_unpause(struct proto_message *message)
{
	(void)message;
	if (strcmp(worker.state, "paused"))
		return wrong_state();
	unpause();
	return proto_ok();
}

static struct json_object *verb_pause(struct proto_message *message)
{
	(void)message;
	if (strcmp(worker.state, "running"))
		return wrong_state();
	vm_pause(&worker.vm);
	set_state("paused");
	return proto_ok();
}

static struct json_object *verb_console(struct proto_message *message)
{
	static const struct {
		const char *name;
		unsigned int flag;
	} names[] = {
		{ "read-only", CONSOLE_READ_ONLY },
		{ "force", CONSOLE_FORCE },
		{ "bound", CONSOLE_BOUND },
	};
	int fd = proto_message_fd(message, 0), err;
	struct json_object *json;
	unsigned int flags = 0;
	bool writes, flag;
	size_t i;

	if (fd < 0)
		return proto_error(PROTO_USAGE, -EINVAL, "console: no socket");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (json_get_flag(message->json, names[i].name, &flag) && flag)
			flags |= names[i].flag;
	err = console_add_viewer(&worker.console, fd, flags, &writes);
	if (err)
		return proto_error(PROTO_FAILED, err, "%s: console", worker.config.name);
	json = proto_ok();
	json_object_object_add(json, "writer", json_object_new_boolean(writes));
	return json;
}

static struct json_object *verb_info(struct proto_message *message)
{
	struct json_object *json = proto_ok();

	(void)message;
	json_object_object_add(json, "config", config_to_json(&worker.config));
	json_object_object_add(json, "domain", describe());
	json_object_object_add(json, "disks", blk_describe(&worker.backend));
	json_object_object_add(json, "nets", net_describe(&worker.backend));
	return json;
}

static struct json_object *verb_disk_attach(struct proto_message *message)
{
	return blk_attach(&worker.backend, message);
}

static struct json_object *verb_disk_detach(struct proto_message *message)
{
	return blk_detach(&worker.backend, message);
}

static struct json_object *verb_disk_resize(struct proto_message *message)
{
	return blk_resize(&worker.backend, message);
}

/* A VMCS is read while its vCPU does not run. */
static struct json_object *verb_vmcs(struct proto_message *message)
{
	struct vm *vm = &worker.vm;
	struct json_object *json, *fields;
	long long number;
	int err;

	if (!json_get_number(message->json, "vcpu", 0, PHV_MAX_VCPUS - 1, &number) ||
	    number >= vm->vcpus)
		return proto_error(PROTO_USAGE, -EINVAL, "%s: no such vCPU",
				   worker.config.name);
	vm_pause(vm);
	fields = entry_fields(&vm->vcpu[number], &err);
	if (!strcmp(worker.state, "running"))
		vm_unpause(vm);
	if (!fields)
		return proto_error(PROTO_FAILED, err, "%s: VMCS", worker.config.name);
	json = proto_ok();
	json_object_object_add(json, "vcpus", json_object_new_int(vm->vcpus));
	json_object_object_add(json, "fields", fields);
	return json;
}

/* How much memory the guest uses is up to its balloon; that there is more is not. */
static struct json_object *verb_memory(struct proto_message *message)
{
	long long size;
	int err;

	if (!json_get_number(message->json, "size", GUEST_MEMORY_MIN, worker.config.memory,
			     &size))
		return proto_error(PROTO_USAGE, -EINVAL, "%s: memory: 1M to %lluM it can be",
				   worker.config.name, worker.config.memory >> 20);
	err = store_set_target(&worker.store, size >> 10);
	if (err)
		return proto_error(PROTO_FAILED, err, "%s: memory/target",
				   worker.config.name);
	return proto_ok();
}

/* What an interface had on the host is no longer wanted. */
static void on_net_gone(unsigned int number)
{
	struct json_object *json = describe();

	json_object_object_add(json, "net-gone", json_object_new_int(number));
	tell(json);
}

static struct json_object *verb_net_attach(struct proto_message *message)
{
	struct net_config config;
	int fds[NET_QUEUES_MAX], err;
	char why[NET_WHY_MAX];
	unsigned int nr_fds;
	long long number;
	const char *text;

	if (worker.device < 0 || worker.over)
		return wrong_state();
	if (!json_get_text(message->json, "net", &text) ||
	    !json_get_number(message->json, "number", 0, CONFIG_NETS_MAX - 1, &number))
		return proto_error(PROTO_USAGE, -EINVAL, "net-attach: what?");
	if (!net_config_parse(&config, text, why))
		return proto_error(PROTO_USAGE, -EINVAL, "%s", why);
	for (nr_fds = 0; nr_fds < NET_QUEUES_MAX && nr_fds < message->nr_fds; nr_fds++)
		fds[nr_fds] = proto_message_fd(message, nr_fds);
	err = nr_fds ? net_add(&worker.backend, (unsigned int)number, &config, fds, nr_fds,
			       on_net_gone) : -EBADF;
	if (!err)
		return proto_ok();
	log_line("net %lld: %s", number, strerror(-err));
	/* What is there already has what it needs on the host, and keeps it. */
	if (err != -EEXIST)
		on_net_gone((unsigned int)number);
	return proto_error(PROTO_FAILED, err, "%s: net %lld", worker.config.name, number);
}

static struct json_object *verb_net_detach(struct proto_message *message)
{
	bool force = false;
	long long number;
	int err;

	json_get_flag(message->json, "force", &force);
	if (!json_get_number(message->json, "number", 0, CONFIG_NETS_MAX - 1, &number))
		return proto_error(PROTO_USAGE, -EINVAL, "net-detach: which one?");
	err = net_remove(&worker.backend, (unsigned int)number, force);
	if (err)
		return proto_error(PROTO_FAILED, err, "%s: net %lld", worker.config.name,
				   number);
	return proto_ok();
}

static struct json_object *verb_shutdown(struct proto_message *message)
{
	int err = store_shutdown(&worker.store, "poweroff");

	(void)message;
	if (err)
		log_line("asking it to power off: %s", strerror(-err));
	return NULL;
}

static struct json_object *verb_end(struct proto_message *message)
{
	(void)message;
	finish("destroyed", "destroyed");
	return NULL;
}

static const struct {
	const char *name;
	struct json_object *(*run)(struct proto_message *message);
} verbs[] = {
	{ "build", verb_build },
	{ "console", verb_console },
	{ "disk-attach", verb_disk_attach },
	{ "disk-detach", verb_disk_detach },
	{ "disk-resize", verb_disk_resize },
	{ "end", verb_end },
	{ "hello", verb_hello },
	{ "info", verb_info },
	{ "memory", verb_memory },
	{ "net-attach", verb_net_attach },
	{ "net-detach", verb_net_detach },
	{ "pause", verb_pause },
	{ "shutdown", verb_shutdown },
	{ "start", verb_start },
	{ "unpause", verb_unpause },
	{ "vmcs", verb_vmcs },
};

static void on_message(struct conn *conn, struct proto_message *message)
{
	struct json_object *answer = NULL;
	long long id = 0;
	const char *verb;
	size_t i;

	if (!json_get_text(message->json, "verb", &verb))
		return;
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, verb))
			answer = verbs[i].run(message);
	if (!answer)
		return;
	json_get_number(message->json, "id", 0, INT64_MAX, &id);
	json_object_object_add(answer, "id", json_object_new_int64(id));
	conn_send(conn, answer, NULL, 0);
}

/* A parent that is gone: the domain goes on; unless there is none yet. */
static void on_closed(struct conn *conn)
{
	conn_close(conn);
	if (worker.device < 0)
		sd_event_exit(worker.event, 0);
}

static void add_parent(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	size_t i;

	for (i = 0; i < PARENTS_MAX && worker.parent[i].proto.fd >= 0; i++)
		;
	if (i == PARENTS_MAX || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ||
	    peer.uid) {
		close(fd);
		return;
	}
	worker.parent[i].message = on_message;
	worker.parent[i].closed = on_closed;
	conn_open(&worker.parent[i], worker.event, fd);
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *data)
{
	int parent = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	(void)data;
	if (parent >= 0)
		add_parent(parent);
	return 0;
}

static int setup(void)
{
	int err;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < PARENTS_MAX; i++)
		worker.parent[i].proto.fd = -1;
	worker.device = -1;
	worker.kernel = -1;
	worker.initrd = -1;
	worker.state = "building";
	worker.console.bound_gone = on_bound_gone;
	worker.console.ended = on_console_ended;

	err = sd_event_new(&worker.event);
	if (err >= 0)
		err = console_init(&worker.console, worker.event);
	if (err >= 0)
		err = vm_init(&worker.vm, &worker.console);
	if (err >= 0)
		err = backend_init(&worker.backend, worker.event, &worker.vm);
	if (err >= 0)
		err = sd_event_add_io(worker.event, NULL, worker.vm.notice, EPOLLIN,
				      on_notice, NULL);
	if (err >= 0)
		err = sd_event_add_io(worker.event, NULL, WORKER_LISTEN_FD, EPOLLIN,
				      on_connect, NULL);
	return err < 0 ? err : 0;
}

/**
 * worker_main - a worker
 * @name: name of its domain
 * @slot: what its user is made from
 *
 * Return: an exit status
 */
int worker_main(const char *name, unsigned int slot)
{
	int err;

	log_name(name);
	setsid();
	/* From here on the socket's peers see this process in SO_PEERCRED. */
	aio_open();		/* who wants a disk is told, if it fails */
	if (slot >= WORKER_SLOTS || sandbox_enter(slot))
		return 1;
	if (listen(WORKER_LISTEN_FD, PARENTS_MAX)) {
		log_line("listen: %s", strerror(errno));
		return 1;
	}
	err = setup();
	if (err) {
		log_line("%s", strerror(-err));
		return 1;
	}
	add_parent(WORKER_CONTROL_FD);
	err = sd_event_loop(worker.event);
	return err < 0 ? 1 : err;
}
