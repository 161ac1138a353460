// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain's network interfaces; see net.h.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "net_queue.h"
#include "phvd.h"

/* Packets in one direction, before a look at the other one. */
#define BATCH		64
/* A guest that signals for nothing so many times in a row has its next events wait. */
#define SPURIOUS_MAX	8
#define SPURIOUS_NSEC	1000000
#define STACK_SIZE	(128 << 10)

struct net;

/**
 * struct line - a queue and its thread
 * @net: its interface
 * @queue: the rings; the thread's own
 * @tx_ring: what the guest sends
 * @rx_ring: what it receives
 * @tx_channel: the event channel of that
 * @rx_channel: the same for reception; not open: it is the same one
 * @stream: for a socket
 * @thread: its thread
 * @started: there is one
 * @broken: the guest has broken a rule, and the thread has ended: release and acquire
 */
struct line {
	struct net *net;
	struct net_queue queue;
	struct backend_ring tx_ring;
	struct backend_ring rx_ring;
	struct backend_channel tx_channel;
	struct backend_channel rx_channel;
	struct net_stream *stream;
	pthread_t thread;
	bool started;
	bool broken;
};

/**
 * struct net - an interface
 * @device: what all devices have
 * @config: what it is to be
 * @fd: the TAP's queues, or a socket
 * @nr_fds: how many
 * @attached: how many of the TAP's queues are in use
 * @features: what the frontend takes
 * @filter: the groups it wants to hear
 * @line: queues in use
 * @lines: how many
 * @notice: eventfd, signalled by a thread that ends by itself
 * @source: that in the event loop
 * @stop: eventfd, readable while threads are to end
 * @gone: called when it is no more
 */
struct net {
	struct backend_device device;
	struct net_config config;
	int fd[NET_QUEUES_MAX];
	unsigned int nr_fds;
	unsigned int attached;
	struct net_features features;
	struct net_filter filter;
	struct line line[NET_QUEUES_MAX];
	unsigned int lines;
	int notice;
	sd_event_source *source;
	int stop;
	void (*gone)(unsigned int number);
};

static void signal_fd(int fd)
{
	__u64 one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;		/* it is signalled */
}

static bool clear_fd(int fd)
{
	__u64 count;

	return read(fd, &count, sizeof(count)) > 0;
}

/* The threads. */

/* The places of what a thread waits for. */
enum { POLL_STOP, POLL_TX, POLL_RX, POLL_FD, POLLS };

static struct backend_channel *rx_channel(struct line *line)
{
	return line->rx_channel.source ? &line->rx_channel : &line->tx_channel;
}

/* Moves what there is, to the guest only if something is @readable: packets, or -EPROTO. */
static int move_packets(struct line *line, bool readable, bool *more)
{
	struct net_queue *queue = &line->queue;
	bool tx_notify, rx_notify = false;
	int sent, received = 0;

	sent = net_queue_transmit(queue, BATCH, &tx_notify);
	if (sent < 0)
		return sent;
	if (readable)
		received = net_queue_receive(queue, BATCH, &rx_notify);
	if (received < 0)
		return received;
	if (tx_notify)
		backend_notify(&line->tx_channel);
	if (rx_notify && (!tx_notify || line->rx_channel.source))
		backend_notify(rx_channel(line));
	*more = sent == BATCH || received == BATCH;
	return sent + received;
}

/*
 * Waits for events; false when the thread is to end. When the guest has no room nobody
 * knows if anything is readable: to look is to ask for room again.
 */
static bool wait_for_events(struct line *line, bool more, bool *kicked, bool *readable)
{
	const struct net_queue *queue = &line->queue;
	struct pollfd polls[POLLS] = {
		[POLL_STOP] = { .fd = line->net->stop, .events = POLLIN },
		[POLL_TX] = { .fd = line->tx_channel.ends.kick, .events = POLLIN },
		[POLL_RX] = { .fd = rx_channel(line)->ends.kick, .events = POLLIN },
		[POLL_FD] = { .fd = queue->gone ? -1 : queue->fd },
	};

	if (!net_queue_is_full(queue))
		polls[POLL_FD].events |= POLLIN;
	if (queue->stream && queue->stream->out_size)
		polls[POLL_FD].events |= POLLOUT;
	if (!polls[POLL_FD].events)
		polls[POLL_FD].fd = -1;
	if (poll(polls, POLLS, more ? 0 : -1) < 0 && errno != EINTR)
		return false;
	*kicked = false;
	*readable = !(polls[POLL_FD].events & POLLIN) || polls[POLL_FD].revents;
	if (polls[POLL_TX].revents)
		*kicked = clear_fd(polls[POLL_TX].fd);
	if (polls[POLL_RX].revents)
		*kicked |= clear_fd(polls[POLL_RX].fd);
	/* What the guest wrote before it signalled is seen from here on. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !polls[POLL_STOP].revents;
}

static void *serve(void *data)
{
	static const struct timespec pause = { .tv_nsec = SPURIOUS_NSEC };
	struct line *line = data;
	unsigned int spurious = 0;
	bool kicked = false, readable = true, more;
	int moved;

	do {
		moved = move_packets(line, readable, &more);
		if (moved < 0) {
			__atomic_store_n(&line->broken, true, __ATOMIC_RELEASE);
			signal_fd(line->net->notice);
			return NULL;
		}
		spurious = kicked && !moved ? spurious + 1 : 0;
		if (spurious > SPURIOUS_MAX)
			nanosleep(&pause, NULL);
	} while (wait_for_events(line, more, &kicked, &readable));
	return NULL;
}

static int start_thread(struct line *line)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	int err;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&line->thread, &attributes, serve, line);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	line->started = !err;
	return -err;
}

/* The main thread: connecting. */

static struct net *to_net(struct backend_device *device)
{
	return (struct net *)device;
}

static int net_fill(struct backend_device *device)
{
	const struct net *net = to_net(device);
	bool offload = net->config.offload && net->config.kind == NET_TAP;
	const __u8 *mac = net->config.mac;
	const struct {
		const char *name;
		unsigned int value;
	} features[] = {
		{ "feature-rx-copy", 1 }, { "feature-rx-flip", 0 },
		{ "feature-sg", offload }, { "feature-gso-tcpv4", offload },
		{ "feature-gso-tcpv6", offload }, { "feature-ipv6-csum-offload", offload },
		{ "feature-multicast-control", 1 }, { "feature-split-event-channels", 1 },
		{ "multi-queue-max-queues", net->nr_fds },
	};
	char text[20];
	size_t i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(features); i++)
		err = backend_write(device, features[i].name, "%u", features[i].value);
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	err = err ?: backend_write(device, "mac", "%s", text);
	err = err ?: backend_write(device, "handle", "%u", device->handle);
	err = err ?: backend_write_front(device, "mac", "%s", text);
	return err ?: backend_write_front(device, "handle", "%u", device->handle);
}

/* A feature of the frontend's; those that it doesn't name it doesn't have. */
static bool has(struct backend_device *device, const char *name)
{
	__u32 value;

	return !backend_read_number(device, name, 1, &value) && value;
}

/* Has the TAP leave to the guest what it takes, and no more. */
static int set_offload(struct net *net)
{
	const struct net_features *features = &net->features;
	unsigned int flags = 0, i;

	if (features->checksum)
		flags |= TUN_F_CSUM;
	if (features->gso & 1U << XEN_NETIF_GSO_TYPE_TCPV4)
		flags |= TUN_F_TSO4;
	if (features->gso & 1U << XEN_NETIF_GSO_TYPE_TCPV6)
		flags |= TUN_F_TSO6;
	for (i = 0; i < net->nr_fds; i++)
		if (ioctl(net->fd[i], TUNSETOFFLOAD, flags))
			return -errno;
	return 0;
}

static int read_features(struct net *net)
{
	struct backend_device *device = &net->device;
	struct net_features *features = &net->features;

	memset(features, 0, sizeof(*features));
	net->filter.on = has(device, "request-multicast-control");
	net->filter.count = 0;
	if (net->config.kind != NET_TAP)
		return 0;
	features->sg = has(device, "feature-sg");
	if (!net->config.offload)
		return set_offload(net);
	/* The TAP makes no difference between IPv4 and IPv6. */
	features->checksum = !has(device, "feature-no-csum-offload") &&
			     has(device, "feature-ipv6-csum-offload");
	if (features->sg && features->checksum && has(device, "feature-gso-tcpv4"))
		features->gso |= 1U << XEN_NETIF_GSO_TYPE_TCPV4;
	if (features->sg && features->checksum && has(device, "feature-gso-tcpv6"))
		features->gso |= 1U << XEN_NETIF_GSO_TYPE_TCPV6;
	return set_offload(net);
}

/* A TAP has a carrier while there is somebody to receive what is sent there. */
static void set_carrier(struct net *net, int carrier)
{
	if (net->config.kind == NET_TAP)
		ioctl(net->fd[0], TUNSETCARRIER, &carrier);
}

/* Has the TAP use so many of its queues: packets in the others would be lost. */
static int use_queues(struct net *net, unsigned int count)
{
	struct ifreq request = { 0 };

	for (; net->attached > count; net->attached--) {
		request.ifr_flags = IFF_DETACH_QUEUE;
		if (ioctl(net->fd[net->attached - 1], TUNSETQUEUE, &request))
			return -errno;
	}
	for (; net->attached < count; net->attached++) {
		request.ifr_flags = IFF_ATTACH_QUEUE;
		if (ioctl(net->fd[net->attached], TUNSETQUEUE, &request))
			return -errno;
	}
	return 0;
}

/* Signals come to the thread, not to the event loop. */
static void kicked(struct backend_channel *channel)
{
	(void)channel;
}

static int open_channel(struct line *line, struct backend_channel *channel,
			const char *directory, const char *name)
{
	char node[48];
	int err;

	snprintf(node, sizeof(node), "%s%s", directory, name);
	err = backend_open_channel(&line->net->device, channel, node, kicked);
	if (!err)
		sd_event_source_set_enabled(channel->source, SD_EVENT_OFF);
	return err;
}

static int open_channels(struct line *line, const char *directory)
{
	char node[48], value[16];
	int err;

	snprintf(node, sizeof(node), "%sevent-channel-tx", directory);
	if (backend_read(&line->net->device, node, value, sizeof(value)) == -ENOENT)
		return open_channel(line, &line->tx_channel, directory, "event-channel");
	err = open_channel(line, &line->tx_channel, directory, "event-channel-tx");
	return err ?: open_channel(line, &line->rx_channel, directory, "event-channel-rx");
}

static int open_line(struct net *net, unsigned int number, bool many)
{
	struct line *line = &net->line[number];
	struct backend_device *device = &net->device;
	char directory[16] = "", node[48];
	int err;

	if (many)
		snprintf(directory, sizeof(directory), "queue-%u/", number);
	memset(line, 0, sizeof(*line));
	line->net = net;
	snprintf(node, sizeof(node), "%stx-ring-ref", directory);
	err = backend_open_ring(device, &line->tx_ring, node, 1);
	snprintf(node, sizeof(node), "%srx-ring-ref", directory);
	err = err ?: backend_open_ring(device, &line->rx_ring, node, 1);
	err = err ?: open_channels(line, directory);
	if (err)
		return err;
	if (net->config.kind == NET_USER) {
		line->stream = calloc(1, sizeof(*line->stream));
		if (!line->stream)
			return backend_fail(device, -ENOMEM, "no memory");
	}
	line->queue = (struct net_queue){
		.tx = line->tx_ring.page[0], .rx = line->rx_ring.page[0],
		.grants = &device->backend->grants, .features = &net->features,
		.filter = &net->filter, .fd = net->fd[number], .stream = line->stream,
	};
	err = net_queue_attach(&line->queue);
	return err ? backend_fail(device, err, "queue %u: %s", number, line->queue.why) : 0;
}

static int net_connect(struct backend_device *device)
{
	struct net *net = to_net(device);
	__u32 count = 1;
	unsigned int i;
	int err;

	if (!has(device, "request-rx-copy"))
		return backend_fail(device, -EOPNOTSUPP, "it does not copy");
	backend_read_number(device, "multi-queue-num-queues", ~0U, &count);
	if (!count || count > net->nr_fds)
		return backend_fail(device, -ERANGE, "%u queues", count);
	err = read_features(net);
	if (!err && net->config.kind == NET_TAP)
		err = use_queues(net, count);
	if (err)
		return backend_fail(device, err, "TAP: %s", strerror(-err));
	clear_fd(net->stop);
	for (i = 0; !err && i < count; i++) {
		net->lines = i + 1;
		err = open_line(net, i, count > 1);
	}
	for (i = 0; !err && i < count; i++) {
		err = start_thread(&net->line[i]);
		if (err)
			backend_fail(device, err, "thread: %s", strerror(-err));
	}
	if (!err)
		set_carrier(net, 1);
	return err;
}

static bool net_stop(struct backend_device *device, bool wait)
{
	struct net *net = to_net(device);
	struct line *line;
	unsigned int i;

	(void)wait;	/* threads end when they are told to */
	set_carrier(net, 0);
	signal_fd(net->stop);
	for (i = 0; i < net->lines; i++)
		if (net->line[i].started)
			pthread_join(net->line[i].thread, NULL);
	for (i = 0; i < net->lines; i++) {
		line = &net->line[i];
		backend_close_channel(&line->tx_channel);
		backend_close_channel(&line->rx_channel);
		backend_close_ring(device, &line->tx_ring);
		backend_close_ring(device, &line->rx_ring);
		free(line->stream);
	}
	net->lines = 0;
	return true;
}

static void net_free(struct backend_device *device)
{
	struct net *net = to_net(device);
	unsigned int i;

	sd_event_source_disable_unref(net->source);
	for (i = 0; i < net->nr_fds; i++)
		close(net->fd[i]);
	close(net->notice);
	close(net->stop);
	if (net->gone)
		net->gone(device->handle);
	pthread_mutex_destroy(&net->filter.lock);
	free(net);
}

static const struct backend_ops net_ops = {
	.type = "vif",
	.fill = net_fill,
	.connect = net_connect,
	.stop = net_stop,
	.free = net_free,
};

/* A thread has ended by itself. */
static int on_notice(sd_event_source *source, int fd, __u32 events, void *data)
{
	struct net *net = data;
	unsigned int i;

	(void)source;
	(void)events;
	clear_fd(fd);
	for (i = 0; i < net->lines; i++)
		if (__atomic_load_n(&net->line[i].broken, __ATOMIC_ACQUIRE))
			backend_fail(&net->device, -EPROTO, "queue %u: %s", i,
				     net->line[i].queue.why);
	return 0;
}

/**
 * net_add - plug an interface in
 * @backend: the domain's devices
 * @number: the interface's number
 * @config: what it is to be, filled
 * @fds: a TAP's queues, or a socket; the device's from now on, also when this fails
 * @nr_fds: how many
 * @gone: called when it is no more, unless this fails
 *
 * Return: 0, -EEXIST, or another negative errno
 */
int net_add(struct backend *backend, unsigned int number, const struct net_config *config,
	    const int *fds, unsigned int nr_fds, void (*gone)(unsigned int number))
{
	struct net *net = calloc(1, sizeof(*net));
	unsigned int i;
	int err;

	if (!net) {
		for (i = 0; i < nr_fds; i++)
			close(fds[i]);
		return -ENOMEM;
	}
	net->device.ops = &net_ops;
	net->device.handle = number;
	net->config = *config;
	net->nr_fds = nr_fds;
	net->attached = nr_fds;
	memcpy(net->fd, fds, nr_fds * sizeof(*fds));
	set_carrier(net, 0);
	pthread_mutex_init(&net->filter.lock, NULL);
	net->notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	net->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = net->notice < 0 || net->stop < 0 ? -errno : 0;
	if (!err)
		err = sd_event_add_io(backend->event, &net->source, net->notice, EPOLLIN,
				      on_notice, net);
	if (err >= 0)
		err = backend_add(backend, &net->device);
	if (err)
		net_free(&net->device);
	else
		net->gone = gone;
	return err;
}

/**
 * net_remove - unplug an interface
 * @backend: the domain's devices
 * @number: the interface's number
 * @force: do not wait for the guest
 *
 * Return: 0 or -ENOENT
 */
int net_remove(struct backend *backend, unsigned int number, bool force)
{
	struct backend_device *device = backend_find(backend, net_ops.type, number);

	if (!device)
		return -ENOENT;
	backend_remove(device, force);
	return 0;
}

/**
 * net_numbers - which numbers are in use?
 * @backend: the domain's devices
 *
 * Return: a bit for each
 */
unsigned int net_numbers(const struct backend *backend)
{
	const struct backend_device *device;
	unsigned int numbers = 0;

	for (device = backend->devices; device; device = device->next)
		if (device->ops == &net_ops)
			numbers |= 1U << device->handle;
	return numbers;
}

static struct json_object *counters(const struct net *net, bool sent)
{
	struct net_counters sum = { 0 };
	struct json_object *json = json_object_new_object();
	unsigned int i;

	/* The threads go on counting. */
	for (i = 0; i < net->lines; i++) {
		const struct net_counters *part = sent ? &net->line[i].queue.sent :
						  &net->line[i].queue.received;

		sum.packets += __atomic_load_n(&part->packets, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&part->bytes, __ATOMIC_RELAXED);
		sum.dropped += __atomic_load_n(&part->dropped, __ATOMIC_RELAXED);
		sum.batches += __atomic_load_n(&part->batches, __ATOMIC_RELAXED);
	}
	json_object_object_add(json, "packets", json_object_new_int64(sum.packets));
	json_object_object_add(json, "bytes", json_object_new_int64(sum.bytes));
	json_object_object_add(json, "dropped", json_object_new_int64(sum.dropped));
	json_object_object_add(json, "notifications", json_object_new_int64(sum.batches));
	return json;
}

/**
 * net_describe - what there is, for people
 * @backend: the domain's devices
 *
 * Return: an array of objects
 */
struct json_object *net_describe(const struct backend *backend)
{
	struct json_object *list = json_object_new_array(), *json;
	const struct backend_device *device;
	char text[NET_TEXT_MAX];

	for (device = backend->devices; device; device = device->next) {
		const struct net *net = (const struct net *)device;

		if (device->ops != &net_ops)
			continue;
		json = json_object_new_object();
		net_config_print(&net->config, text);
		json_object_object_add(json, "number", json_object_new_int(device->handle));
		json_object_object_add(json, "net", json_object_new_string(text));
		json_object_object_add(json, "connected",
				       json_object_new_boolean(device->connected));
		json_object_object_add(json, "queues", json_object_new_int(net->lines));
		if (*device->why)
			json_object_object_add(json, "failed",
					       json_object_new_string(device->why));
		json_object_object_add(json, "sent", counters(net, true));
		json_object_object_add(json, "received", counters(net, false));
		json_object_array_add(list, json);
	}
	return list;
}
