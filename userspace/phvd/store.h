/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store - a domain's xenstore: what is in it at first, and its ring in the event
 * loop.  For the worker's main thread.
 */
#ifndef _STORE_H
#define _STORE_H

#include <systemd/sd-event.h>

#include "config.h"
#include "vm.h"
#include "xs_ring.h"

/**
 * struct store - a domain's xenstore
 * @xs: the nodes, or NULL
 * @ring: the guest's way to them
 * @channel: its event channel
 * @source: the channel's place in the event loop
 * @home: the domain's path
 */
struct store {
	struct xs *xs;
	struct xs_ring ring;
	struct vm_channel channel;
	sd_event_source *source;
	char home[40];
};

int store_connect(struct store *store, sd_event *event, struct vm *vm,
		  const struct config *config);
void store_disconnect(struct store *store);
void store_serve(struct store *store);
int store_set_target(struct store *store, unsigned long long kib);
int store_shutdown(struct store *store, const char *how);
int store_exit_status(struct store *store);

#endif /* _STORE_H */
