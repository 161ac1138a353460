// SPDX-License-Identifier: GPL-2.0-only
/*
 * A store for one guest and its backends; see xenstore.h.
 *
 * A transaction begins with a reference to the tree's root, sees what was there
 * then, and ends with its root becoming the store's, unless the store has changed
 * meanwhile: that is EAGAIN.
 *
 * Semantics are those of Xen's docs/misc/xenstore.txt.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore.h"
#include "xs_tree.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/**
 * struct transaction - one of the guest's
 * @next: the next one
 * @id: its number
 * @stamp: the store's when it began
 * @tree: what it sees
 */
struct transaction {
	struct transaction *next;
	__u32 id;
	unsigned long long stamp;
	struct xs_tree tree;
};

/**
 * struct watch - somebody wants to know of changes
 * @next: the next one
 * @fn: who; NULL: the guest
 * @data: for @fn
 * @relative: the guest gave a relative path, and wants such
 * @token: the guest's
 * @path: absolute; a change there or below counts
 */
struct watch {
	struct watch *next;
	xs_watch_fn *fn;
	void *data;
	bool relative;
	char *token;
	char path[];
};

/**
 * struct xs - a store
 * @domain: the guest
 * @home: what the guest's relative paths are relative to, with a slash at its end
 * @send: how to reach the guest
 * @data: for @send
 * @tree: the nodes
 * @stamp: changes when @tree does
 * @last_stamp: the last one given to a node
 * @transactions: those that are open
 * @nr_transactions: how many
 * @last_id: number of the last one
 * @watches: the watches
 * @nr_watches: how many are the guest's
 */
struct xs {
	unsigned int domain;
	char home[40];
	xs_send_fn *send;
	void *data;
	struct xs_tree tree;
	unsigned long long stamp;
	unsigned long long last_stamp;
	struct transaction *transactions;
	unsigned int nr_transactions;
	__u32 last_id;
	struct watch *watches;
	unsigned int nr_watches;
};

/* Paths and events. */

/* Makes a path of the guest's absolute; 0 or a negative errno. */
static int absolute(const struct xs *xs, const char *path, char full[XS_PATH_MAX])
{
	if (*path != '/' && strlen(path) >= XENSTORE_REL_PATH_MAX)
		return -EINVAL;
	if (*path == '/')
		snprintf(full, XS_PATH_MAX, "%.*s", XS_PATH_MAX - 1, path);
	else
		snprintf(full, XS_PATH_MAX, "%s%.*s", xs->home, XENSTORE_REL_PATH_MAX, path);
	if (strlen(path) >= XS_PATH_MAX)
		return -EINVAL;
	return xs_is_path(full) ? 0 : -EINVAL;
}

/* Does a watch on @watched want to know of a change at @path? */
static bool is_below(const char *path, const char *watched)
{
	size_t length = strlen(watched);

	if (length == 1)
		return true;
	return !strncmp(path, watched, length) && (!path[length] || path[length] == '/');
}

static void send_event(struct xs *xs, const struct watch *watch, const char *path)
{
	char event[XENSTORE_PAYLOAD_MAX];
	size_t size;

	if (watch->relative && !strncmp(path, xs->home, strlen(xs->home)))
		path += strlen(xs->home);
	size = strlen(path) + 1 + strlen(watch->token) + 1;
	if (size > sizeof(event))
		return;
	memcpy(event, path, strlen(path) + 1);
	memcpy(event + strlen(path) + 1, watch->token, strlen(watch->token) + 1);
	xs->send(xs->data, XS_WATCH_EVENT, 0, 0, event, size);
}

static bool guest_may_know(const struct xs *xs, const char *path)
{
	struct xs_node *node;
	int err = xs_tree_find(&xs->tree, xs->domain, path, 'r', &node);

	return !err || err == -ENOENT;
}

static void tell_watch(struct xs *xs, const struct watch *watch, const struct xs_change *change)
{
	const char *path = change->path;

	if (!is_below(path, watch->path)) {
		/* A watched node that went with one above it */
		if (!change->removed || !is_below(watch->path, path) ||
		    !xs_node_below(change->removed, watch->path + strlen(path)))
			return;
		path = watch->path;
	}
	if (watch->fn)
		watch->fn(watch->data, path);
	else if (guest_may_know(xs, path))
		send_event(xs, watch, path);
}

/* Tells those who watch; a watcher of the host's may change things in turn. */
static void tell_changes(struct xs *xs)
{
	struct xs_change *change, *ordered = NULL, *next;
	struct watch *watch;

	for (change = xs->tree.changes; change; change = next) {
		next = change->next;
		change->next = ordered;
		ordered = change;
	}
	xs->stamp += !!ordered;
	xs->tree.changes = NULL;
	xs->tree.nr_changes = 0;
	xs->tree.held = 0;
	for (change = ordered; change; change = change->next)
		for (watch = xs->watches; watch; watch = watch->next)
			tell_watch(xs, watch, change);
	xs_changes_free(ordered);
}

/* Transactions. */

static struct transaction **find_transaction(struct xs *xs, __u32 id)
{
	struct transaction **link = &xs->transactions;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

static void transaction_end(struct xs *xs, struct transaction **link)
{
	struct transaction *transaction = *link;

	*link = transaction->next;
	xs->nr_transactions--;
	xs_tree_free(&transaction->tree);
	free(transaction);
}

static int transaction_start(struct xs *xs, __u32 *id)
{
	struct transaction *transaction;

	if (xs->nr_transactions == XS_MAX_TRANSACTIONS)
		return -ENOSPC;
	transaction = calloc(1, sizeof(*transaction));
	if (!transaction)
		return -ENOMEM;
	do {
		xs->last_id++;
	} while (!xs->last_id || *find_transaction(xs, xs->last_id));
	transaction->id = xs->last_id;
	transaction->stamp = xs->stamp;
	transaction->tree = (struct xs_tree){
		.root = xs_node_get(xs->tree.root),
		.guest = xs->domain,
		.guest_nodes = xs->tree.guest_nodes,
		.stamps = &xs->last_stamp,
	};
	transaction->next = xs->transactions;
	xs->transactions = transaction;
	xs->nr_transactions++;
	*id = transaction->id;
	return 0;
}

/* The store becomes what the transaction made of it, if nobody was quicker. */
static int transaction_commit(struct xs *xs, struct transaction *transaction)
{
	struct xs_tree *tree = &transaction->tree;

	if (!tree->changes)
		return 0;
	if (transaction->stamp != xs->stamp)
		return -EAGAIN;
	xs_node_put(xs->tree.root);
	xs->tree = *tree;
	*tree = (struct xs_tree){ 0 };
	return 0;
}

/* The guest's requests. */

/**
 * struct call - a request that is being served
 * @xs: the store
 * @type: what is to be done
 * @req_id: the guest's number for it
 * @tx_id: number of a transaction, or 0
 * @tree: what it is done to
 * @text: what the guest says, with a NUL behind it
 * @size: bytes of that
 * @path: its first word, as an absolute path
 */
struct call {
	struct xs *xs;
	__u32 type;
	__u32 req_id;
	__u32 tx_id;
	struct xs_tree *tree;
	char text[XENSTORE_PAYLOAD_MAX + 1];
	size_t size;
	char path[XS_PATH_MAX];
};

static void answer(const struct call *call, const void *payload, size_t size)
{
	call->xs->send(call->xs->data, call->type, call->req_id, call->tx_id, payload, size);
}

static void answer_ok(const struct call *call)
{
	answer(call, "OK", 3);
}

static void answer_error(const struct call *call, int err)
{
	const char *text = "EIO";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(xsd_errors); i++)
		if (xsd_errors[i].errnum == -err)
			text = xsd_errors[i].errstring;
	call->xs->send(call->xs->data, XS_ERROR, call->req_id, call->tx_id, text,
		       strlen(text) + 1);
}

/* How many words with a NUL behind them the guest says. */
static unsigned int words(const struct call *call)
{
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < call->size; i++)
		count += !call->text[i];
	return count;
}

/* The guest says one path and nothing else. */
static int take_path(struct call *call, const char *text)
{
	if (words(call) != 1 || call->text[call->size - 1])
		return -EINVAL;
	return absolute(call->xs, text, call->path);
}

static int do_read(struct call *call)
{
	struct xs_node *node;
	int err = take_path(call, call->text);

	err = err ? err : xs_tree_find(call->tree, call->xs->domain, call->path, 'r', &node);
	if (!err)
		answer(call, node->value, node->size);
	return err;
}

/* Writes the names of a node's children behind each other; their size. */
static size_t list_children(const struct xs_node *node, char *list, size_t max)
{
	size_t used = 0, size;
	unsigned int i;

	for (i = 0; i < node->children; i++) {
		size = strlen(node->child[i]->name) + 1;
		if (used + size <= max)
			memcpy(list + used, node->child[i]->name, size);
		used += size;
	}
	return used;
}

static int do_directory(struct call *call)
{
	char list[XENSTORE_PAYLOAD_MAX];
	struct xs_node *node;
	size_t size;
	int err = take_path(call, call->text);

	err = err ? err : xs_tree_find(call->tree, call->xs->domain, call->path, 'r', &node);
	if (err)
		return err;
	size = list_children(node, list, sizeof(list));
	if (size > sizeof(list))
		return -E2BIG;
	answer(call, list, size);
	return 0;
}

/* Where in the list of names the answer ends: with whole names. */
static size_t part_size(const char *list, size_t from, size_t size, size_t max)
{
	size_t end = from, length;

	while (end < size) {
		length = strlen(list + end) + 1;
		if (end - from + length > max)
			break;
		end += length;
	}
	return end - from;
}

static int do_directory_part(struct call *call)
{
	char part[XENSTORE_PAYLOAD_MAX], *list;
	size_t size, from, used, n;
	struct xs_node *node;
	int err;

	if (words(call) != 2 || call->text[call->size - 1])
		return -EINVAL;
	from = strtoul(call->text + strlen(call->text) + 1, NULL, 10);
	err = absolute(call->xs, call->text, call->path);
	err = err ? err : xs_tree_find(call->tree, call->xs->domain, call->path, 'r', &node);
	if (err)
		return err;
	size = list_children(node, NULL, 0);
	list = malloc(size + 1);
	if (!list)
		return -ENOMEM;
	list_children(node, list, size);
	used = snprintf(part, 32, "%llu", node->stamp) + 1;
	n = from < size ? part_size(list, from, size, sizeof(part) - used - 1) : 0;
	memcpy(part + used, list + (from < size ? from : 0), n);
	used += n;
	if (from + n >= size)
		part[used++] = '\0';	/* that was all */
	free(list);
	answer(call, part, used);
	return 0;
}

static int do_write(struct call *call)
{
	size_t length = strnlen(call->text, call->size);
	int err;

	if (length == call->size)
		return -EINVAL;
	err = absolute(call->xs, call->text, call->path);
	err = err ? err : xs_tree_write(call->tree, call->xs->domain, call->path,
				     call->text + length + 1, call->size - length - 1);
	if (!err)
		answer_ok(call);
	return err;
}

static int do_mkdir(struct call *call)
{
	int err = take_path(call, call->text);

	err = err ? err : xs_tree_mkdir(call->tree, call->xs->domain, call->path);
	if (!err)
		answer_ok(call);
	return err;
}

static int do_rm(struct call *call)
{
	int err = take_path(call, call->text);

	err = err ? err : xs_tree_remove(call->tree, call->xs->domain, call->path);
	if (!err)
		answer_ok(call);
	return err;
}

static int do_get_perms(struct call *call)
{
	char text[XS_MAX_PERMS * 12];
	struct xs_node *node;
	size_t size = 0;
	unsigned int i;
	int err = take_path(call, call->text);

	err = err ? err : xs_tree_find(call->tree, call->xs->domain, call->path, 'r', &node);
	if (err)
		return err;
	for (i = 0; i < node->perms; i++)
		size += sprintf(text + size, "%c%u", node->perm[i].letter,
				node->perm[i].domain) + 1;
	answer(call, text, size);
	return 0;
}

/* Reads permissions, "b0 r7 …" with NULs between them. */
static int parse_perms(const char *text, const char *end, struct xs_perm *perm,
		       unsigned int *perms)
{
	unsigned long domain;
	char *rest;

	for (*perms = 0; text < end; text += strlen(text) + 1) {
		if (*perms == XS_MAX_PERMS)
			return -ENOSPC;
		if (!*text || !strchr("nrwb", *text) || !isdigit((unsigned char)text[1]))
			return -EINVAL;
		domain = strtoul(text + 1, &rest, 10);
		if (*rest || domain > 0x7ff0)
			return -EINVAL;
		perm[(*perms)++] = (struct xs_perm){ (unsigned int)domain, *text };
	}
	return *perms ? 0 : -EINVAL;
}

static int do_set_perms(struct call *call)
{
	struct xs_perm perm[XS_MAX_PERMS];
	unsigned int perms;
	int err;

	if (words(call) < 2 || call->text[call->size - 1])
		return -EINVAL;
	err = absolute(call->xs, call->text, call->path);
	err = err ? err : parse_perms(call->text + strlen(call->text) + 1,
				      call->text + call->size, perm, &perms);
	err = err ? err : xs_tree_set_perms(call->tree, call->xs->domain, call->path,
					 perm, perms);
	if (!err)
		answer_ok(call);
	return err;
}

/* Takes "path token"; special paths, with @, are no nodes. */
static int take_watch(struct call *call, const char **token)
{
	if (words(call) < 2 || call->text[call->size - 1])
		return -EINVAL;
	*token = call->text + strlen(call->text) + 1;
	if (call->text[0] != '@')
		return absolute(call->xs, call->text, call->path);
	if (strcmp(call->text, "@introduceDomain") && strcmp(call->text, "@releaseDomain"))
		return -EINVAL;
	memcpy(call->path, call->text, strlen(call->text) + 1);	/* it is one of these */
	return 0;
}

static struct watch **find_watch(struct xs *xs, const char *path, const char *token)
{
	struct watch **link = &xs->watches;

	while (*link && ((*link)->fn || strcmp((*link)->path, path) ||
			 strcmp((*link)->token, token)))
		link = &(*link)->next;
	return link;
}

static void watch_free(struct watch **link)
{
	struct watch *watch = *link;

	*link = watch->next;
	free(watch->token);
	free(watch);
}

static int watch_add(struct xs *xs, const char *path, const char *token,
		     struct watch **added)
{
	size_t size = strlen(path) + 1;
	struct watch *watch = calloc(1, sizeof(*watch) + size), **link;

	if (!watch)
		return -ENOMEM;
	memcpy(watch->path, path, size);
	watch->token = strdup(token);
	if (!watch->token) {
		free(watch);
		return -ENOMEM;
	}
	for (link = &xs->watches; *link; link = &(*link)->next)
		;
	*link = watch;
	*added = watch;
	return 0;
}

static int do_watch(struct call *call)
{
	struct xs *xs = call->xs;
	struct watch *watch;
	const char *token;
	int err = take_watch(call, &token);

	if (err)
		return err;
	if (*find_watch(xs, call->path, token))
		return -EEXIST;
	if (xs->nr_watches == XS_MAX_WATCHES)
		return -E2BIG;
	err = watch_add(xs, call->path, token, &watch);
	if (err)
		return err;
	watch->relative = call->text[0] != '/' && call->text[0] != '@';
	xs->nr_watches++;
	answer_ok(call);
	send_event(xs, watch, watch->path);
	return 0;
}

static int do_unwatch(struct call *call)
{
	struct watch **link;
	const char *token;
	int err = take_watch(call, &token);

	if (err)
		return err;
	link = find_watch(call->xs, call->path, token);
	if (!*link)
		return -ENOENT;
	watch_free(link);
	call->xs->nr_watches--;
	answer_ok(call);
	return 0;
}

static int do_transaction_start(struct call *call)
{
	char text[12];
	__u32 id;
	int err;

	if (call->tx_id)
		return -EBUSY;
	err = transaction_start(call->xs, &id);
	if (!err)
		answer(call, text, sprintf(text, "%u", id) + 1);
	return err;
}

static int do_transaction_end(struct call *call)
{
	struct transaction **link = find_transaction(call->xs, call->tx_id);
	int err = 0;

	if (!call->tx_id)
		return -ENOENT;
	if (strcmp(call->text, "T") && strcmp(call->text, "F"))
		return -EINVAL;
	if (*call->text == 'T')
		err = transaction_commit(call->xs, *link);
	transaction_end(call->xs, link);
	if (!err)
		answer_ok(call);
	return err;
}

static int take_domain(const struct call *call, unsigned long *domain)
{
	char *end;

	if (words(call) != 1 || !isdigit((unsigned char)call->text[0]))
		return -EINVAL;
	*domain = strtoul(call->text, &end, 10);
	return *end || *domain > 0x7ff0 ? -EINVAL : 0;
}

static int do_get_domain_path(struct call *call)
{
	unsigned long domain;
	char text[32];
	int err = take_domain(call, &domain);

	if (!err)
		answer(call, text, sprintf(text, "/local/domain/%lu", domain) + 1);
	return err;
}

static int do_is_domain_introduced(struct call *call)
{
	unsigned long domain;
	int err = take_domain(call, &domain);

	if (!err)
		answer(call, domain == call->xs->domain || domain == XS_HOST ? "T" : "F", 2);
	return err;
}

static int do_reset_watches(struct call *call)
{
	xs_reset_guest(call->xs);
	answer_ok(call);
	return 0;
}

/* What domain 0 may ask of a real xenstored. */
static int do_privileged(struct call *call)
{
	(void)call;
	return -EACCES;
}

static int (* const calls[])(struct call *call) = {
	[XS_CONTROL]			= do_privileged,
	[XS_DIRECTORY]			= do_directory,
	[XS_READ]			= do_read,
	[XS_GET_PERMS]			= do_get_perms,
	[XS_WATCH]			= do_watch,
	[XS_UNWATCH]			= do_unwatch,
	[XS_TRANSACTION_START]		= do_transaction_start,
	[XS_TRANSACTION_END]		= do_transaction_end,
	[XS_INTRODUCE]			= do_privileged,
	[XS_RELEASE]			= do_privileged,
	[XS_GET_DOMAIN_PATH]		= do_get_domain_path,
	[XS_WRITE]			= do_write,
	[XS_MKDIR]			= do_mkdir,
	[XS_RM]				= do_rm,
	[XS_SET_PERMS]			= do_set_perms,
	[XS_IS_DOMAIN_INTRODUCED]	= do_is_domain_introduced,
	[XS_RESUME]			= do_privileged,
	[XS_SET_TARGET]			= do_privileged,
	[XS_RESET_WATCHES]		= do_reset_watches,
	[XS_DIRECTORY_PART]		= do_directory_part,
};

/**
 * xs_request - serve a request of the guest's
 * @xs: the store
 * @type: what it is to do
 * @req_id: the guest's number for it
 * @tx_id: number of the transaction that it belongs to, or 0
 * @payload: what else it says
 * @size: bytes of that
 *
 * The answer goes out before this returns, then the events that follow from it.
 */
void xs_request(struct xs *xs, __u32 type, __u32 req_id, __u32 tx_id,
		const void *payload, size_t size)
{
	struct call call = {
		.xs = xs, .type = type, .req_id = req_id, .tx_id = tx_id,
		.tree = &xs->tree,
	};
	struct transaction *transaction = NULL;
	int err = -ENOSYS;

	if (size > XENSTORE_PAYLOAD_MAX) {
		answer_error(&call, -E2BIG);
		return;
	}
	memcpy(call.text, payload, size);
	call.size = size;
	if (tx_id) {
		transaction = *find_transaction(xs, tx_id);
		if (!transaction) {
			answer_error(&call, -ENOENT);
			return;
		}
		call.tree = &transaction->tree;
	}
	if (type < ARRAY_SIZE(calls) && calls[type])
		err = calls[type](&call);
	if (err)
		answer_error(&call, err);
	tell_changes(xs);
}

/**
 * xs_reset_guest - forget the guest's watches and transactions
 * @xs: the store
 */
void xs_reset_guest(struct xs *xs)
{
	struct watch **link = &xs->watches;

	while (xs->transactions)
		transaction_end(xs, &xs->transactions);
	while (*link) {
		if ((*link)->fn)
			link = &(*link)->next;
		else
			watch_free(link);
	}
	xs->nr_watches = 0;
}

/**
 * xs_write - write a node, and make it if there is none
 * @xs: the store
 * @path: absolute
 * @value: what is to be in it
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int xs_write(struct xs *xs, const char *path, const char *value)
{
	int err = xs_is_path(path) ? xs_tree_write(&xs->tree, XS_HOST, path, value,
					     strlen(value)) : -EINVAL;

	tell_changes(xs);
	return err;
}

/**
 * xs_read - read a node
 * @xs: the store
 * @path: absolute
 * @value: what is in it is put here, with a NUL behind it
 * @size: of that
 *
 * Return: 0, -EINVAL, -ENOENT, or -E2BIG when @value is too small
 */
int xs_read(struct xs *xs, const char *path, char *value, size_t size)
{
	struct xs_node *node = xs_is_path(path) ? xs_node_below(xs->tree.root, path) : NULL;

	if (!node)
		return xs_is_path(path) ? -ENOENT : -EINVAL;
	if (node->size >= size)
		return -E2BIG;
	memcpy(value, node->value, node->size);
	value[node->size] = '\0';
	return 0;
}

/**
 * xs_remove - remove a node and all below it
 * @xs: the store
 * @path: absolute
 *
 * Return: 0, also when there is no such node; -EINVAL, -ENOENT or -ENOMEM
 */
int xs_remove(struct xs *xs, const char *path)
{
	int err = xs_is_path(path) ? xs_tree_remove(&xs->tree, XS_HOST, path) : -EINVAL;

	tell_changes(xs);
	return err;
}

/**
 * xs_give - say what the guest may do with a node
 * @xs: the store
 * @path: absolute; there is such a node
 * @others: n, r, w or b; or o: it belongs to the guest
 *
 * Nodes that are made below it get the same.
 *
 * Return: 0, -EINVAL, -ENOENT or -ENOMEM
 */
int xs_give(struct xs *xs, const char *path, char others)
{
	struct xs_perm perm[2] = {
		{ others == 'o' ? xs->domain : XS_HOST, 'n' },
		{ xs->domain, others },
	};
	int err = xs_is_path(path) ? xs_tree_set_perms(&xs->tree, XS_HOST, path, perm,
						 others == 'o' ? 1 : 2) : -EINVAL;

	tell_changes(xs);
	return err;
}

/**
 * xs_watch - be told when something changes
 * @xs: the store
 * @path: absolute; what is there and below counts
 * @fn: is told; may write, but not add a watch
 * @data: for @fn
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int xs_watch(struct xs *xs, const char *path, xs_watch_fn *fn, void *data)
{
	struct watch *watch;
	int err = xs_is_path(path) ? watch_add(xs, path, "", &watch) : -EINVAL;

	if (err)
		return err;
	watch->fn = fn;
	watch->data = data;
	return 0;
}

/**
 * xs_new - make a store: a root that everybody may read, and the guest's home
 * @domain: the guest, not 0
 * @send: how to reach it
 * @data: for @send
 *
 * Return: the store, or NULL without memory
 */
struct xs *xs_new(unsigned int domain, xs_send_fn *send, void *data)
{
	struct xs *xs = calloc(1, sizeof(*xs));
	char home[sizeof(xs->home) - 1];

	if (!xs)
		return NULL;
	xs->domain = domain;
	xs->send = send;
	xs->data = data;
	xs->tree.guest = domain;
	xs->tree.stamps = &xs->last_stamp;
	snprintf(home, sizeof(home), "/local/domain/%u", domain);
	snprintf(xs->home, sizeof(xs->home), "%s/", home);
	xs->tree.root = xs_node_new("", 0);
	if (xs->tree.root && !xs_node_set_value(xs->tree.root, "", 0)) {
		xs->tree.root->perm[0] = (struct xs_perm){ XS_HOST, 'r' };
		xs->tree.root->perms = 1;
		if (!xs_write(xs, home, "") && !xs_give(xs, home, 'r'))
			return xs;
	}
	xs_free(xs);
	return NULL;
}

/**
 * xs_free - end a store
 * @xs: it
 */
void xs_free(struct xs *xs)
{
	if (!xs)
		return;
	xs_reset_guest(xs);
	while (xs->watches)
		watch_free(&xs->watches);
	xs_tree_free(&xs->tree);
	free(xs);
}
