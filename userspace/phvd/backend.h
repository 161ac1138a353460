/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * backend - what the backends of block and network devices share.
 *
 * What lives here: a device's nodes in xenstore, its way through the states of
 * <xen/io/xenbus.h>, its rings and event channels. A class of devices (blk.c) is a
 * struct backend_ops; a device is a struct that begins with a struct backend_device.
 *
 *	InitWait	waits for the frontend, whatever that has been through: a guest
 *			that was booted anew over a running one begins again here
 *	Connected	rings and channels are in use
 *	Closing		asked to end, or broken: see backend_fail()
 *	Closed		nothing is in use
 *
 * All of it is the main thread's. What a frontend writes into nodes and rings is
 * hostile: read once, checked, used. A frontend that breaks the rules loses its
 * device, with the reason in the log and in the node "error" of the backend's
 * directory; other devices go on.
 */
#ifndef _BACKEND_H
#define _BACKEND_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include <grant.h>

#include "backend_ring.h"
#include "store.h"
#include "vm.h"

#define BACKEND_WHY_MAX		128

struct backend;
struct backend_device;

/**
 * struct backend_ops - a class of devices
 * @type: its word in xenstore: "vbd", "vif"
 * @fill: writes the nodes that the frontend is to find: its own with
 *	backend_write_front(), the device's features with backend_write()
 * @connect: the frontend is ready. Reads its nodes, opens rings and channels. When that
 *	fails, it has called backend_fail(), and @stop is called
 * @stop: takes nothing more from the rings, and says whether nothing is under way any
 *	more; if something is, backend_stopped() is to be called later. With @wait it
 *	waits for that. Then gives rings and channels back. May be called over and over
 * @free: the device is gone; frees it
 */
struct backend_ops {
	const char *type;
	int (*fill)(struct backend_device *device);
	int (*connect)(struct backend_device *device);
	bool (*stop)(struct backend_device *device, bool wait);
	void (*free)(struct backend_device *device);
};

/**
 * struct backend_device - a device; the class sets @ops and @handle
 * @ops: its class
 * @handle: its number in xenstore
 * @backend: where it belongs
 * @next: the next one
 * @state: an enum xenbus_state
 * @connected: the frontend's rings and channels may be in use
 * @failed: the frontend has broken a rule, and has not closed yet
 * @removed: it is to go
 * @look: the frontend has changed something
 * @failures: how often it has failed
 * @why: why it failed last
 */
struct backend_device {
	const struct backend_ops *ops;
	unsigned int handle;
	struct backend *backend;
	struct backend_device *next;
	unsigned int state;
	bool connected;
	bool failed;
	bool removed;
	bool look;
	unsigned int failures;
	char why[BACKEND_WHY_MAX];
};

/**
 * struct backend - a domain's devices
 * @event: the event loop
 * @vm: the domain
 * @store: its xenstore, or NULL while there is none
 * @grants: its grant table
 * @work: in the event loop: devices with @look set
 * @devices: they stay when the guest reboots
 */
struct backend {
	sd_event *event;
	struct vm *vm;
	struct store *store;
	struct grant_table grants;
	sd_event_source *work;
	struct backend_device *devices;
};

/**
 * struct backend_channel - an event channel of a device
 * @device: whose
 * @ends: port and eventfds
 * @source: its place in the event loop; NULL: it is not open
 * @kicked: the guest has signalled; from the event loop
 */
struct backend_channel {
	struct backend_device *device;
	struct vm_channel ends;
	sd_event_source *source;
	void (*kicked)(struct backend_channel *channel);
};

/* For the worker. */
int backend_init(struct backend *backend, sd_event *event, struct vm *vm);
int backend_connect(struct backend *backend, struct store *store);
void backend_disconnect(struct backend *backend);

/* Devices come and go, at any time. */
int backend_add(struct backend *backend, struct backend_device *device);
void backend_remove(struct backend_device *device, bool force);
struct backend_device *backend_find(struct backend *backend, const char *type,
				    unsigned int handle);
const char *backend_state(const struct backend_device *device);

/* For a class of devices. */
int __printf(3, 4) backend_write(struct backend_device *device, const char *name,
				 const char *format, ...);
int __printf(3, 4) backend_write_front(struct backend_device *device, const char *name,
				       const char *format, ...);
int backend_read(struct backend_device *device, const char *name, char *value, size_t size);
int backend_read_number(struct backend_device *device, const char *name, __u32 max,
			__u32 *number);
int backend_changed(struct backend_device *device);
int __printf(3, 4) backend_fail(struct backend_device *device, int err,
				const char *format, ...);
void backend_stopped(struct backend_device *device);

int backend_open_channel(struct backend_device *device, struct backend_channel *channel,
			 const char *name,
			 void (*kicked)(struct backend_channel *channel));
void backend_close_channel(struct backend_channel *channel);
void backend_notify(struct backend_channel *channel);

int backend_open_ring(struct backend_device *device, struct backend_ring *ring,
		      const char *name, unsigned int pages);
void backend_close_ring(struct backend_device *device, struct backend_ring *ring);

#endif /* _BACKEND_H */
