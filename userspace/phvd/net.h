/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net - a domain's network interfaces, in its worker.
 *
 * An interface is a struct backend_device of type "vif": xenstore and the states are the
 * main thread's. Each of its queues, if connected, has a thread, which moves packets
 * (net_queue.c) and waits for the guest's events, and for the TAP's. What it finds wrong with
 * the rings it leaves in the queue, and signals the main thread.
 */
#ifndef _NET_H
#define _NET_H

#include <json-c/json.h>

#include "backend.h"
#include "net_config.h"

int net_add(struct backend *backend, unsigned int number, const struct net_config *config,
	    const int *fds, unsigned int nr_fds, void (*gone)(unsigned int number));
int net_remove(struct backend *backend, unsigned int number, bool force);
unsigned int net_numbers(const struct backend *backend);
struct json_object *net_describe(const struct backend *backend);

#endif /* _NET_H */
