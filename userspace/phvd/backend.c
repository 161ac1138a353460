// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices, as all classes have them; see backend.h.
 *
 * There is one watch, for all that the guest writes below its "device" node. What
 * it leads to is done from the event loop, not from within the guest's request.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include <libphv.h>

#include "backend.h"
#include "phvd.h"

/* Failures of a device that are worth a line in the log */
#define FAILURES_LOGGED	8

#define PATH_SIZE	128
#define VALUE_SIZE	160

static void front_path(const struct backend_device *device, const char *name,
		       char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/device/%s/%u%s%s", device->backend->store->home,
		 device->ops->type, device->handle, *name ? "/" : "", name);
}

static void back_path(const struct backend_device *device, const char *name,
		      char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "/local/domain/0/backend/%s/%u/%u%s%s", device->ops->type,
		 device->backend->vm->id, device->handle, *name ? "/" : "", name);
}

static int put(struct backend_device *device, const char *path, const char *format,
	       va_list args)
{
	char value[VALUE_SIZE];

	vsnprintf(value, sizeof(value), format, args);
	return xs_write(device->backend->store->xs, path, value);
}

/**
 * backend_write - write a node of the backend's directory, which the guest may read
 * @device: the device
 * @name: the node, relative
 * @format: what is to be in it
 *
 * The guest hears of it when backend_changed() is called, or with the next event.
 *
 * Return: 0 or a negative errno
 */
int backend_write(struct backend_device *device, const char *name, const char *format, ...)
{
	char path[PATH_SIZE];
	va_list args;
	int err;

	back_path(device, name, path);
	va_start(args, format);
	err = put(device, path, format, args);
	va_end(args);
	return err;
}

/**
 * backend_write_front - write a node of the frontend's directory
 * @device: the device
 * @name: the node, relative
 * @format: what is to be in it; the guest may change it
 *
 * Return: 0 or a negative errno
 */
int backend_write_front(struct backend_device *device, const char *name,
			const char *format, ...)
{
	char path[PATH_SIZE];
	va_list args;
	int err;

	front_path(device, name, path);
	va_start(args, format);
	err = put(device, path, format, args);
	va_end(args);
	return err;
}

/**
 * backend_read - read a node of the frontend's directory
 * @device: the device
 * @name: the node, relative
 * @value: what is in it is put here, with a NUL behind it
 * @size: of that
 *
 * Return: 0, -ENOENT, or -E2BIG
 */
int backend_read(struct backend_device *device, const char *name, char *value, size_t size)
{
	char path[PATH_SIZE];

	front_path(device, name, path);
	return xs_read(device->backend->store->xs, path, value, size);
}

/**
 * backend_read_number - read a number from the frontend's directory
 * @device: the device
 * @name: the node, relative
 * @max: what it may be at most
 * @number: it is put here
 *
 * Return: 0; -ENOENT for none; -EINVAL when it is not a number, -ERANGE when it is
 * too large
 */
int backend_read_number(struct backend_device *device, const char *name, __u32 max,
			__u32 *number)
{
	unsigned long long value;
	char text[16], *end;
	int err = backend_read(device, name, text, sizeof(text));

	if (err)
		return err == -ENOENT ? err : -EINVAL;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	value = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (value > max)
		return -ERANGE;
	*number = (__u32)value;
	return 0;
}

static unsigned int front_state(struct backend_device *device)
{
	__u32 state;

	return backend_read_number(device, "state", XenbusStateReconfigured, &state) ?
	       XenbusStateUnknown : state;
}

static void set_state(struct backend_device *device, unsigned int state)
{
	device->state = state;
	backend_write(device, "state", "%u", state);
	store_serve(device->backend->store);
}

/**
 * backend_changed - have a connected frontend look at the device's nodes again
 * @device: the device; anything may be the matter with it
 *
 * Return: 0, or -ENOTCONN: it will see them when it connects
 */
int backend_changed(struct backend_device *device)
{
	if (device->state != XenbusStateConnected)
		return -ENOTCONN;
	set_state(device, device->state);
	return 0;
}

/* Has the event loop look at the device. */
static void look(struct backend_device *device)
{
	device->look = true;
	sd_event_source_set_enabled(device->backend->work, SD_EVENT_ONESHOT);
}

/**
 * backend_fail - the frontend has broken a rule: its device ends
 * @device: the device; may have failed before
 * @err: a negative errno, which is returned
 * @format: what it has done
 *
 * From now on @stop is called, from the event loop: the caller takes nothing more from
 * the rings, but they are still there.
 *
 * Return: @err
 */
int backend_fail(struct backend_device *device, int err, const char *format, ...)
{
	va_list args;

	if (device->failed)
		return err;
	device->failed = true;
	va_start(args, format);
	vsnprintf(device->why, sizeof(device->why), format, args);
	va_end(args);
	if (device->failures++ < FAILURES_LOGGED)
		log_line("%s %u: closed: %s%s", device->ops->type, device->handle,
			 device->why, device->failures == FAILURES_LOGGED ?
			 " (this is the last one that is logged)" : "");
	look(device);
	return err;
}

/**
 * backend_stopped - nothing of a device is under way any more
 * @device: a device that has said otherwise
 */
void backend_stopped(struct backend_device *device)
{
	look(device);
}

/* Rings and channels are given up; false: not yet. */
static bool stop(struct backend_device *device, bool wait)
{
	if (device->connected && !device->ops->stop(device, wait))
		return false;
	device->connected = false;
	return true;
}

static void connect_front(struct backend_device *device)
{
	device->connected = true;
	if (!device->ops->connect(device))
		set_state(device, XenbusStateConnected);
	else
		backend_fail(device, -EINVAL, "it does not connect");
}

static void free_device(struct backend_device *device)
{
	struct backend_device **link = &device->backend->devices;

	while (*link != device)
		link = &(*link)->next;
	*link = device->next;
	device->ops->free(device);
}

/* Its nodes go, and so does it. */
static void take_away(struct backend_device *device)
{
	struct store *store = device->backend->store;
	char path[PATH_SIZE];

	if (store) {
		front_path(device, "", path);
		xs_remove(store->xs, path);
		back_path(device, "", path);
		xs_remove(store->xs, path);
		store_serve(store);
	}
	free_device(device);
}

/* The frontend has closed, or is not there. */
static void closed(struct backend_device *device)
{
	device->failed = false;
	if (device->removed)
		take_away(device);
	else if (device->state != XenbusStateClosed)
		set_state(device, XenbusStateClosed);
}

/* The frontend begins, perhaps anew. */
static void begun(struct backend_device *device)
{
	device->failed = false;
	if (device->removed)
		take_away(device);
	else if (device->state != XenbusStateInitWait)
		set_state(device, XenbusStateInitWait);
}

/* Goes where the frontend's state leads; may free the device. */
static void step(struct backend_device *device)
{
	unsigned int front = front_state(device);
	bool ready = front == XenbusStateInitialised || front == XenbusStateConnected;

	if ((!ready || device->failed) && !stop(device, false))
		return;
	if (device->failed && device->state != XenbusStateClosing) {
		backend_write(device, "error", "%s", device->why);
		set_state(device, XenbusStateClosing);
	}
	switch (front) {
	case XenbusStateInitialising:
		begun(device);
		break;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		if (device->state == XenbusStateInitWait)
			connect_front(device);
		break;
	case XenbusStateClosing:
		if (device->state != XenbusStateClosing)
			set_state(device, XenbusStateClosing);
		break;
	case XenbusStateClosed:
	case XenbusStateUnknown:
		closed(device);
		break;
	}
}

static int on_work(sd_event_source *source, void *data)
{
	struct backend *backend = data;
	struct backend_device *device, *next;

	(void)source;
	for (device = backend->devices; device; device = next) {
		next = device->next;
		if (!device->look || !backend->store)
			continue;
		device->look = false;
		step(device);
	}
	return 0;
}

/* The guest has changed @path, which is below its "device" node, or removed that. */
static void on_change(void *data, const char *path)
{
	struct backend *backend = data;
	struct backend_device *device;
	char front[PATH_SIZE];
	size_t length, shorter;

	if (!backend->store)
		return;
	for (device = backend->devices; device; device = device->next) {
		front_path(device, "", front);
		length = strlen(front);
		shorter = strlen(path) < length ? strlen(path) : length;
		if (!strncmp(path, front, shorter) &&
		    (path[shorter] == '\0' || path[shorter] == '/'))
			look(device);
	}
}

/* The device's nodes; the frontend's state comes last, as guests wait for that. */
static int fill(struct backend_device *device)
{
	struct xs *xs = device->backend->store->xs;
	char front[PATH_SIZE], back[PATH_SIZE];
	int err;

	device->state = XenbusStateInitialising;
	front_path(device, "", front);
	back_path(device, "", back);
	err = xs_write(xs, back, "");
	err = err ?: xs_give(xs, back, 'r');
	err = err ?: backend_write(device, "frontend", "%s", front);
	err = err ?: backend_write(device, "frontend-id", "%u", device->backend->vm->id);
	err = err ?: backend_write(device, "online", "1");
	err = err ?: xs_write(xs, front, "");
	err = err ?: xs_give(xs, front, 'o');
	err = err ?: backend_write_front(device, "backend", "%s", back);
	err = err ?: backend_write_front(device, "backend-id", "0");
	err = err ?: device->ops->fill(device);
	if (err)
		return err;
	set_state(device, XenbusStateInitWait);
	err = backend_write_front(device, "state", "%u", XenbusStateInitialising);
	store_serve(device->backend->store);
	return err;
}

/**
 * backend_init - make a domain's list of devices
 * @backend: it
 * @event: the event loop
 * @vm: the domain, which need not be built
 *
 * Return: 0 or a negative errno
 */
int backend_init(struct backend *backend, sd_event *event, struct vm *vm)
{
	int err;

	*backend = (struct backend){ .event = event, .vm = vm };
	err = sd_event_add_defer(event, &backend->work, on_work, backend);
	if (err >= 0)
		err = sd_event_source_set_enabled(backend->work, SD_EVENT_OFF);
	return err < 0 ? err : 0;
}

/**
 * backend_connect - show a guest that was just built its devices
 * @backend: the devices
 * @store: its xenstore
 *
 * Return: 0 or a negative errno
 */
int backend_connect(struct backend *backend, struct store *store)
{
	struct vm *vm = backend->vm;
	struct backend_device *device;
	char path[PATH_SIZE];
	int err;

	backend->store = store;
	backend->grants = (struct grant_table){
		.frames = (char *)vm->frames + GUEST_PAGE_SIZE,
		.max_frames = VM_GRANT_FRAMES, .version = 1, .memory = &vm->memory,
	};
	snprintf(path, sizeof(path), "%s/device", store->home);
	err = xs_watch(store->xs, path, on_change, backend);
	for (device = backend->devices; !err && device; device = device->next)
		err = fill(device);
	return err;
}

/**
 * backend_disconnect - the guest is gone, or stopped for good
 * @backend: the devices; may be not connected
 *
 * Waits for what is under way. To be called before the guest's memory goes.
 */
void backend_disconnect(struct backend *backend)
{
	struct backend_device *device, *next;

	for (device = backend->devices; device; device = next) {
		next = device->next;
		stop(device, true);
		device->failed = false;
		device->look = false;
		if (device->removed)
			free_device(device);
	}
	backend->store = NULL;
}

/**
 * backend_find - look for a device
 * @backend: the devices
 * @type: its class
 * @handle: its number
 *
 * Return: the device, or NULL
 */
struct backend_device *backend_find(struct backend *backend, const char *type,
				    unsigned int handle)
{
	struct backend_device *device;

	for (device = backend->devices; device; device = device->next)
		if (device->handle == handle && !strcmp(device->ops->type, type))
			return device;
	return NULL;
}

/**
 * backend_state - what a device does
 * @device: it
 *
 * Return: a word
 */
const char *backend_state(const struct backend_device *device)
{
	if (device->failed || (device->state == XenbusStateClosing && !device->removed))
		return "broken";
	if (device->removed)
		return "detaching";
	return device->state == XenbusStateConnected ? "connected" : "waiting";
}

/**
 * backend_add - plug a device in
 * @backend: the devices
 * @device: a new one; the caller's still if this fails
 *
 * Return: 0, -EEXIST, or another negative errno
 */
int backend_add(struct backend *backend, struct backend_device *device)
{
	struct backend_device **link;
	char path[PATH_SIZE];
	int err;

	if (backend_find(backend, device->ops->type, device->handle))
		return -EEXIST;
	device->backend = backend;
	err = backend->store ? fill(device) : 0;
	if (err) {
		front_path(device, "", path);
		xs_remove(backend->store->xs, path);
		back_path(device, "", path);
		xs_remove(backend->store->xs, path);
		return err;
	}
	for (link = &backend->devices; *link; link = &(*link)->next)
		;
	*link = device;
	return 0;
}

/**
 * backend_remove - unplug a device
 * @device: it; gone when its ops' @free is called, which may be before this returns
 * @force: do not wait for the frontend
 */
void backend_remove(struct backend_device *device, bool force)
{
	device->removed = true;
	if (!device->backend->store) {
		free_device(device);
		return;
	}
	backend_write(device, "online", "0");
	if (force) {
		stop(device, true);
		take_away(device);
		return;
	}
	if (device->state == XenbusStateConnected)
		set_state(device, XenbusStateClosing);
	else if (!device->connected && device->state != XenbusStateClosing)
		take_away(device);
}

static int on_kick(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct backend_channel *channel = data;

	(void)source;
	(void)fd;
	(void)events;
	/* What the guest wrote before it signalled is seen from here on. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	channel->kicked(channel);
	return 0;
}

/**
 * backend_open_channel - take domain 0's end of a channel that the frontend names
 * @device: the device
 * @channel: all zero
 * @name: the frontend's node: "event-channel"
 * @kicked: called from the event loop when the guest signals, and once at first
 *
 * Return: 0 or a negative errno, after backend_fail()
 */
int backend_open_channel(struct backend_device *device, struct backend_channel *channel,
			 const char *name,
			 void (*kicked)(struct backend_channel *channel))
{
	struct backend *backend = device->backend;
	__u32 port;
	int err;

	err = backend_read_number(device, name, ~0U, &port);
	if (err)
		return backend_fail(device, err, "%s: %s", name, strerror(-err));
	err = vm_bind_channel(backend->vm, port, &channel->ends);
	if (err)
		return backend_fail(device, err, "%s: port %u: %s", name, port,
				    strerror(-err));
	channel->device = device;
	channel->kicked = kicked;
	/* By its edges, so that nobody has to read the count. */
	err = sd_event_add_io(backend->event, &channel->source, channel->ends.kick,
			      EPOLLIN | EPOLLET, on_kick, channel);
	if (err >= 0)
		return 0;
	vm_unbind_channel(backend->vm, &channel->ends);
	return backend_fail(device, err, "%s: %s", name, strerror(-err));
}

/**
 * backend_close_channel - give a channel up
 * @channel: it, or what is all zero; all zero afterwards
 */
void backend_close_channel(struct backend_channel *channel)
{
	if (!channel->source)
		return;
	sd_event_source_disable_unref(channel->source);
	vm_unbind_channel(channel->device->backend->vm, &channel->ends);
	memset(channel, 0, sizeof(*channel));
}

/**
 * backend_notify - signal the guest
 * @channel: an open channel
 */
void backend_notify(struct backend_channel *channel)
{
	/* A guest that has closed its end does not want to know. */
	phv_evtchn_send(channel->device->backend->vm->fd, channel->ends.port);
}

/**
 * backend_open_ring - take a ring that the frontend has granted
 * @device: the device
 * @ring: all zero
 * @name: the frontend's node, "ring-ref"; for more than one page, a number from 0 on
 *	is behind it
 * @pages: how many, 1 to BACKEND_RING_PAGES; 0: one, but named like several
 *
 * Return: 0 or a negative errno, after backend_fail()
 */
int backend_open_ring(struct backend_device *device, struct backend_ring *ring,
		      const char *name, unsigned int pages)
{
	struct backend *backend = device->backend;
	unsigned int i, count = pages ?: 1;
	struct grant_page page;
	char node[64];
	int err;

	err = grant_table_update(&backend->grants, backend->vm->fd);
	if (err)
		return backend_fail(device, err, "grant table: %s", strerror(-err));
	for (i = 0; i < count; i++) {
		snprintf(node, sizeof(node), pages == 1 ? "%s" : "%s%u", name, i);
		err = backend_read_number(device, node, ~0U, &ring->ref[i]);
		err = err ?: grant_get(&backend->grants, ring->ref[i], true, &page);
		if (!err && page.length != GUEST_PAGE_SIZE) {
			grant_put(&backend->grants, ring->ref[i]);
			err = -EINVAL;
		}
		if (err) {
			backend_close_ring(device, ring);
			return backend_fail(device, err, "%s: %s", node, strerror(-err));
		}
		ring->page[i] = page.data;
		ring->pages = i + 1;
	}
	return 0;
}

/**
 * backend_close_ring - give a ring back
 * @device: the device
 * @ring: its ring, or what is all zero; all zero afterwards
 */
void backend_close_ring(struct backend_device *device, struct backend_ring *ring)
{
	unsigned int i;

	for (i = 0; i < ring->pages; i++)
		grant_put(&device->backend->grants, ring->ref[i]);
	memset(ring, 0, sizeof(*ring));
}
