// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain's xenstore; see store.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/hvm/params.h>

#include <libphv.h>

#include "phvd.h"
#include "store.h"

/* Where a guest says with what status `vmctl run` is to exit */
#define EXIT_STATUS	"data/phv-exit-status"

static void signal_fd(int fd)
{
	__u64 one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;		/* it is signalled */
}

/**
 * store_serve - serve what is in the ring, and send what waits to be sent
 * @store: the domain's store
 *
 * To be called after a change that the guest is to hear of. What is too much for once is
 * left to the event loop, as if the guest had signalled again.
 */
void store_serve(struct store *store)
{
	/* What the guest wrote before it signalled is seen from here on. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (xs_ring_serve(&store->ring)) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		signal_fd(store->channel.call);
	}
	if (store->ring.more)
		signal_fd(store->channel.kick);
}

static int on_kick(sd_event_source *source, int fd, uint32_t events, void *data)
{
	__u64 count;

	(void)source;
	(void)events;
	if (read(fd, &count, sizeof(count)) > 0)
		store_serve(data);
	return 0;
}

/* Writes a node below the domain's path. */
static int __printf(3, 4) put(struct store *store, const char *name, const char *format,
			      ...)
{
	char path[96], value[64];
	va_list args;

	snprintf(path, sizeof(path), "%s/%s", store->home, name);
	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	return xs_write(store->xs, path, value);
}

static int give(struct store *store, const char *name, char others)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", store->home, name);
	return xs_give(store->xs, path, others);
}

/* What the guest reads, before what it may write. */
static int fill_fixed(struct store *store, unsigned int id, const struct config *config)
{
	unsigned long long kib = config->memory >> 10;
	unsigned int i;
	char name[40];
	int err;

	err = put(store, "domid", "%u", id);
	err = err ?: put(store, "name", "%s", config->name);
	err = err ?: put(store, "memory/static-max", "%llu", kib);
	err = err ?: put(store, "memory/target", "%llu", kib);
	err = err ?: put(store, "control/platform-feature-xs_reset_watches", "1");
	err = err ?: put(store, "control/platform-feature-multiprocessor-suspend", "1");
	for (i = 0; !err && i < config->vcpus; i++) {
		snprintf(name, sizeof(name), "cpu/%u/availability", i);
		err = put(store, name, "online");
	}
	return err;
}

/* Nodes that the guest may write, and what it puts below them. */
static int fill_writable(struct store *store)
{
	static const char * const names[] = {
		"control/shutdown", "control/sysrq", "control/feature-poweroff",
		"control/feature-reboot", "control/feature-suspend",
		"control/feature-s3", "control/feature-s4", "data", "device", "drivers",
		"attr", "feature",
	};
	size_t i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(names); i++) {
		err = put(store, names[i], "%s", "");
		/* What is in control the host acts on, so it stays the host's */
		err = err ?: give(store, names[i],
				  strncmp(names[i], "control/", 8) ? 'o' : 'b');
	}
	return err;
}

/**
 * store_connect - make a domain's store, and open the guest's way to it
 * @store: it, all zero
 * @event: the event loop
 * @vm: the domain, built
 * @config: what the domain is
 *
 * Return: 0 or a negative errno
 */
int store_connect(struct store *store, sd_event *event, struct vm *vm,
		  const struct config *config)
{
	int err;

	snprintf(store->home, sizeof(store->home), "/local/domain/%u", vm->id);
	xs_ring_init(&store->ring, vm_page(vm, GUEST_STORE_GFN));
	store->xs = xs_new(vm->id, xs_ring_send, &store->ring);
	store->ring.xs = store->xs;
	if (!store->xs)
		return -ENOMEM;
	err = fill_fixed(store, vm->id, config);
	err = err ?: fill_writable(store);
	err = err ?: vm_open_channel(vm, &store->channel);
	if (err)
		goto fail;
	err = sd_event_add_io(event, &store->source, store->channel.kick, EPOLLIN,
			      on_kick, store);
	err = err < 0 ? err : phv_xen_set_param(vm->fd, HVM_PARAM_STORE_PFN,
						GUEST_STORE_GFN);
	err = err ?: phv_xen_set_param(vm->fd, HVM_PARAM_STORE_EVTCHN,
				       store->channel.port);
	if (!err)
		return 0;
	sd_event_source_disable_unref(store->source);
	close(store->channel.kick);
	close(store->channel.call);
fail:
	xs_free(store->xs);
	store->xs = NULL;
	return err;
}

/**
 * store_disconnect - end a domain's store
 * @store: it; all zero afterwards, and may be so before
 */
void store_disconnect(struct store *store)
{
	if (!store->xs)
		return;
	sd_event_source_disable_unref(store->source);
	close(store->channel.kick);
	close(store->channel.call);
	xs_ring_free(&store->ring);
	xs_free(store->xs);
	memset(store, 0, sizeof(*store));
}

/**
 * store_set_target - ask the guest to do with so much memory
 * @store: the domain's store
 * @kib: KiB
 *
 * Return: 0 or a negative errno
 */
int store_set_target(struct store *store, unsigned long long kib)
{
	int err;

	if (!store->xs)
		return -ENOTCONN;
	err = put(store, "memory/target", "%llu", kib);
	store_serve(store);
	return err;
}

/**
 * store_shutdown - ask the guest to shut down
 * @store: the domain's store
 * @how: "poweroff", "reboot" or "halt"
 *
 * Return: 0 or a negative errno
 */
int store_shutdown(struct store *store, const char *how)
{
	int err;

	if (!store->xs)
		return -ENOTCONN;
	err = put(store, "control/shutdown", "%s", how);
	store_serve(store);
	return err;
}

/**
 * store_exit_status - what the guest wants `vmctl run` to exit with
 * @store: the domain's store, once the guest does not run any more
 *
 * Return: 0 to 255, or -1 if it has not said
 */
int store_exit_status(struct store *store)
{
	char path[64], text[8], *end;
	unsigned long status;

	if (!store->xs)
		return -1;
	/* Its last requests may still be in the ring, to which nobody adds any more. */
	do {
		store_serve(store);
	} while (store->ring.more);
	snprintf(path, sizeof(path), "%s/" EXIT_STATUS, store->home);
	if (xs_read(store->xs, path, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return -1;
	status = strtoul(text, &end, 10);
	return *end || status > 255 ? -1 : (int)status;
}
