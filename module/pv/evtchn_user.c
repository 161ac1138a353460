// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domain 0's ends of event channels: the PHV_EVTCHN_* ioctls, and the eventfds that
 * stand for the two directions of a channel.
 *
 * Called by evtchn.c. The guest sends: evtchn_user_kick() signals one eventfd. The other
 * one's wait queue calls us when it is signalled, which raises the guest's port. An
 * eventfd may be one of these for one domain and the other for another: so nothing may
 * be locked here while one is signalled.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "compat.h"
#include "pv/evtchn_internal.h"

/**
 * struct evtchn_user - what a port of EVTCHN_USER is bound to
 * @list: for those who wait to be freed
 * @ed: the guest's event channels
 * @port: its port
 * @kick: to signal, or NULL
 * @call: to be signalled by, or NULL
 * @wait: in @call's wait queue
 * @table: to get there
 */
struct evtchn_user {
	struct list_head list;
	struct evtchn_domain *ed;
	u32 port;
	struct eventfd_ctx *kick;
	struct eventfd_ctx *call;
	wait_queue_entry_t wait;
	poll_table table;
};

void evtchn_user_kick(struct evtchn *evtchn)
{
	struct evtchn_user *user = rcu_dereference(evtchn->user);

	if (user && user->kick)
		phv_eventfd_signal(user->kick);
}

/* The eventfd's lock is held, interrupts are off. */
static int user_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct evtchn_user *user = container_of(wait, struct evtchn_user, wait);
	u64 count;

	if (key_to_poll(key) & EPOLLIN) {
		eventfd_ctx_do_read(user->call, &count);
		evtchn_raise(user->ed, user->port);
	}
	return 0;
}

static void user_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct evtchn_user *user = container_of(table, struct evtchn_user, table);

	add_wait_queue_priority(queue, &user->wait);
}

/**
 * evtchn_user_unbind - domain 0 has no end of this channel any more
 * @ed: event channels
 * @evtchn: a port of EVTCHN_USER, whose state is the caller's to change
 * @gone: list for evtchn_user_free()
 */
void evtchn_user_unbind(struct evtchn_domain *ed, struct evtchn *evtchn, struct list_head *gone)
{
	struct evtchn_user *user = rcu_replace_pointer(evtchn->user, NULL,
						       lockdep_is_held(&ed->mutex));

	ed->users--;
	list_add(&user->list, gone);
}

/* Free those on the list, once nobody uses them. Process context, sleeps. */
void evtchn_user_free(struct list_head *gone)
{
	struct evtchn_user *user, *next;
	u64 count;

	if (list_empty(gone))
		return;
	synchronize_rcu();
	list_for_each_entry_safe(user, next, gone, list) {
		if (user->call) {
			eventfd_ctx_remove_wait_queue(user->call, &user->wait, &count);
			eventfd_ctx_put(user->call);
		}
		if (user->kick)
			eventfd_ctx_put(user->kick);
		kfree(user);
	}
}

/* The context of an eventfd, NULL for -1. @file is held as long as the caller needs it. */
static struct eventfd_ctx *user_eventfd(int fd, struct file **file)
{
	struct eventfd_ctx *ctx;

	*file = NULL;
	if (fd == -1)
		return NULL;
	*file = fget(fd);
	if (!*file)
		return ERR_PTR(-EBADF);
	ctx = eventfd_ctx_fileget(*file);
	if (IS_ERR(ctx)) {
		fput(*file);
		*file = NULL;
		return ERR_PTR(-EBADF);
	}
	return ctx;
}

/* With the mutex. Takes over @user on success. */
static int user_connect(struct evtchn_domain *ed, struct evtchn_user *user, struct file *call)
{
	struct evtchn *evtchn = evtchn_port(ed, user->port);
	union evtchn_binding binding;

	if (!evtchn)
		return -EINVAL;
	binding = evtchn_binding(evtchn);
	if (binding.state != EVTCHN_UNBOUND || binding.remote)
		return -EINVAL;
	rcu_assign_pointer(evtchn->user, user);
	ed->users++;
	binding.state = EVTCHN_USER;
	binding.remote = user->port;
	evtchn_set_binding(evtchn, binding);

	/* What was sent while nobody listened is not known: it may have been. */
	if (user->kick)
		phv_eventfd_signal(user->kick);
	/* Signalled already? Then that counts. */
	if (call && vfs_poll(call, &user->table) & EPOLLIN)
		evtchn_raise(ed, user->port);
	return 0;
}

static int user_bind(struct evtchn_domain *ed, const struct phv_evtchn *arg)
{
	struct file *kick_file, *call_file;
	struct eventfd_ctx *kick, *call;
	struct evtchn_user *user;
	int ret;

	kick = user_eventfd(arg->kick, &kick_file);
	if (IS_ERR(kick))
		return PTR_ERR(kick);
	call = user_eventfd(arg->call, &call_file);
	if (IS_ERR(call)) {
		ret = PTR_ERR(call);
		goto put_kick;
	}
	ret = -ENOMEM;
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		goto put_call;
	user->ed = ed;
	user->port = arg->port;
	user->kick = kick;
	user->call = call;
	init_waitqueue_func_entry(&user->wait, user_wakeup);
	init_poll_funcptr(&user->table, user_queue);

	mutex_lock(&ed->mutex);
	ret = user_connect(ed, user, call_file);
	mutex_unlock(&ed->mutex);
	if (!ret)
		goto put_files;

	kfree(user);
put_call:
	if (call)
		eventfd_ctx_put(call);
put_kick:
	if (kick)
		eventfd_ctx_put(kick);
put_files:
	if (!IS_ERR_OR_NULL(call_file))
		fput(call_file);
	if (kick_file)
		fput(kick_file);
	return ret;
}

static int user_unbind(struct evtchn_domain *ed, unsigned long port)
{
	struct evtchn *evtchn = port > U32_MAX ? NULL : evtchn_port(ed, port);
	union evtchn_binding binding = { .state = EVTCHN_FREE };
	LIST_HEAD(gone);

	mutex_lock(&ed->mutex);
	if (evtchn)
		binding = evtchn_binding(evtchn);
	if (binding.state == EVTCHN_USER) {
		evtchn_user_unbind(ed, evtchn, &gone);
		binding.state = EVTCHN_UNBOUND;
		binding.remote = 0;
		evtchn_set_binding(evtchn, binding);
	}
	mutex_unlock(&ed->mutex);
	if (list_empty(&gone))
		return -EINVAL;
	evtchn_user_free(&gone);
	return 0;
}

static int user_send(struct evtchn_domain *ed, unsigned long port)
{
	struct evtchn *evtchn = port > U32_MAX ? NULL : evtchn_port(ed, port);

	if (!evtchn || evtchn_binding(evtchn).state != EVTCHN_USER)
		return -EINVAL;
	evtchn_raise(ed, port);
	return 0;
}

static int user_alloc(struct evtchn_domain *ed, u32 *port)
{
	const union evtchn_binding unbound = { .state = EVTCHN_UNBOUND };
	int ret;

	mutex_lock(&ed->mutex);
	ret = evtchn_alloc(ed, unbound, port);
	mutex_unlock(&ed->mutex);
	return ret;
}

static int user_alloc_ioctl(struct evtchn_domain *ed, void __user *uarg)
{
	struct phv_evtchn arg;
	int ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	ret = user_alloc(ed, &arg.port);
	if (ret)
		return ret;
	/* A port that nobody knows is the caller's loss. */
	return copy_to_user(uarg, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static int user_bind_ioctl(struct evtchn_domain *ed, const void __user *uarg)
{
	struct phv_evtchn arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	return user_bind(ed, &arg);
}

long evtchn_ioctl(struct phv_domain *domain, unsigned int cmd, unsigned long arg)
{
	struct evtchn_domain *ed = domain->pv->evtchn;

	switch (cmd) {
	case PHV_EVTCHN_ALLOC:
		return user_alloc_ioctl(ed, (void __user *)arg);
	case PHV_EVTCHN_BIND:
		return user_bind_ioctl(ed, (void __user *)arg);
	case PHV_EVTCHN_UNBIND:
		return user_unbind(ed, arg);
	case PHV_EVTCHN_SEND:
		return user_send(ed, arg);
	default:
		return -ENOTTY;
	}
}
