// SPDX-License-Identifier: GPL-2.0-only
/*
 * A store for one guest and its backends; see xenstore.h.
 *
 * The nodes are a tree that is shared: a node that somebody else refers to is not
 * changed but copied, with all above it.  So a transaction begins with a reference
 * to the root, sees what was there then, and ends with its root becoming the
 * store's, unless the store has changed meanwhile: that is EAGAIN.
 *
 * Semantics are those of Xen's docs/misc/xenstore.txt.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "xenstore.h"

/* Who asks: domain 0, which may do everything, or the guest. */
#define HOST		0

#define PATH_MAX_XS	XENSTORE_ABS_PATH_MAX

/**
 * struct perm - a line of a node's permissions
 * @domain: whom it is about
 * @letter: n none, r read, w write, b both
 */
struct perm {
	unsigned int domain;
	char letter;
};

/**
 * struct node - a node; not changed while there is more than one reference
 * @refs: references: of parents, and of roots
 * @name: its name, without its parents'
 * @value: what is in it
 * @size: bytes of that
 * @perm: who may do what: the first is the owner, who may do all, and its letter is
 *	for those who are not in the list
 * @perms: how many
 * @child: its children, by name
 * @children: how many
 * @stamp: changes when its children do
 */
struct node {
	unsigned int refs;
	char *name;
	char *value;
	size_t size;
	struct perm perm[XS_MAX_PERMS];
	unsigned int perms;
	struct node **child;
	unsigned int children;
	unsigned long long stamp;
};

/**
 * struct change - something that watchers are to be told of
 * @next: the next one
 * @removed: the nodes that went, or NULL
 * @path: where
 */
struct change {
	struct change *next;
	struct node *removed;
	char path[];
};

/**
 * struct tree - the store, or as a transaction sees it
 * @root: the root
 * @guest_nodes: how many nodes the guest owns
 * @changes: what was changed and not told of yet, the latest first
 * @nr_changes: how many
 */
struct tree {
	struct node *root;
	unsigned int guest_nodes;
	struct change *changes;
	unsigned int nr_changes;
};

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
	struct tree tree;
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
	struct tree tree;
	unsigned long long stamp;
	unsigned long long last_stamp;
	struct transaction *transactions;
	unsigned int nr_transactions;
	__u32 last_id;
	struct watch *watches;
	unsigned int nr_watches;
};

/* Nodes. */

static struct node *node_get(struct node *node)
{
	node->refs++;
	return node;
}

/* Paths are short enough for the depth of this to be bounded. */
static void node_put(struct node *node)
{
	unsigned int i;

	if (!node || --node->refs)
		return;
	for (i = 0; i < node->children; i++)
		node_put(node->child[i]);
	free(node->child);
	free(node->value);
	free(node->name);
	free(node);
}

static struct node *node_new(const char *name, size_t length)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->refs = 1;
	node->name = strndup(name, length);
	if (node->name)
		return node;
	free(node);
	return NULL;
}

static int node_set_value(struct node *node, const void *value, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, value, size);
	copy[size] = '\0';
	free(node->value);
	node->value = copy;
	node->size = size;
	return 0;
}

static struct node *node_clone(const struct node *node)
{
	struct node *clone = node_new(node->name, strlen(node->name));
	unsigned int i;

	if (!clone)
		return NULL;
	memcpy(clone->perm, node->perm, sizeof(node->perm));
	clone->perms = node->perms;
	clone->stamp = node->stamp;
	if (node->children) {
		clone->child = malloc(node->children * sizeof(*node->child));
		if (!clone->child)
			goto fail;
	}
	for (i = 0; i < node->children; i++)
		clone->child[i] = node_get(node->child[i]);
	clone->children = node->children;
	if (!node->value || !node_set_value(clone, node->value, node->size))
		return clone;
fail:
	node_put(clone);
	return NULL;
}

/* Makes a node one that may be changed. */
static struct node *node_own(struct node **slot)
{
	struct node *clone;

	if ((*slot)->refs == 1)
		return *slot;
	clone = node_clone(*slot);
	if (!clone)
		return NULL;
	node_put(*slot);
	*slot = clone;
	return clone;
}

static int compare(const struct node *node, const char *name, size_t length)
{
	int order = strncmp(node->name, name, length);

	return order ? order : node->name[length] ? 1 : 0;
}

/* Finds the place of a child, or where it would be. */
static unsigned int child_place(const struct node *node, const char *name, size_t length,
				bool *found)
{
	unsigned int low = 0, high = node->children, middle;
	int order;

	*found = false;
	while (low < high) {
		middle = (low + high) / 2;
		order = compare(node->child[middle], name, length);
		if (!order) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int child_insert(struct node *node, unsigned int place, struct node *child)
{
	struct node **children;

	children = realloc(node->child, (node->children + 1) * sizeof(*children));
	if (!children)
		return -ENOMEM;
	node->child = children;
	memmove(children + place + 1, children + place,
		(node->children - place) * sizeof(*children));
	children[place] = child;
	node->children++;
	return 0;
}

static void child_remove(struct node *node, unsigned int place)
{
	node_put(node->child[place]);
	node->children--;
	memmove(node->child + place, node->child + place + 1,
		(node->children - place) * sizeof(*node->child));
}

static unsigned int count_owned(const struct node *node, unsigned int domain)
{
	unsigned int count = node->perm[0].domain == domain, i;

	for (i = 0; i < node->children; i++)
		count += count_owned(node->child[i], domain);
	return count;
}

/* Who may do what. */

static bool may(const struct node *node, unsigned int domain, char what)
{
	char letter = node->perm[0].letter;
	unsigned int i;

	if (domain == HOST || node->perm[0].domain == domain)
		return true;
	for (i = 1; i < node->perms; i++) {
		if (node->perm[i].domain == domain) {
			letter = node->perm[i].letter;
			break;
		}
	}
	return letter == what || letter == 'b';
}

/* Paths. */

/* Takes the next name of a path; NULL at the end. */
static const char *next_name(const char *path, size_t *length)
{
	path += *path == '/';
	*length = strcspn(path, "/");
	return *length ? path : NULL;
}

static bool is_path(const char *path)
{
	size_t length = strlen(path), i;

	if (!length || length >= PATH_MAX_XS || path[0] != '/' ||
	    (length > 1 && path[length - 1] == '/') || strstr(path, "//"))
		return false;
	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)path[i]) && !strchr("-/_@", path[i]))
			return false;
	return true;
}

/* Makes a path of the guest's absolute; 0 or a negative errno. */
static int absolute(const struct xs *xs, const char *path, char full[PATH_MAX_XS])
{
	if (*path != '/' && strlen(path) >= XENSTORE_REL_PATH_MAX)
		return -EINVAL;
	if (*path == '/')
		snprintf(full, PATH_MAX_XS, "%.*s", PATH_MAX_XS - 1, path);
	else
		snprintf(full, PATH_MAX_XS, "%s%.*s", xs->home, XENSTORE_REL_PATH_MAX, path);
	if (strlen(path) >= PATH_MAX_XS)
		return -EINVAL;
	return is_path(full) ? 0 : -EINVAL;
}

/*
 * Finds a node that @domain may do this with.  If there is none, the next one above
 * decides whether the domain may know that.
 */
static int look_up(const struct tree *tree, unsigned int domain, const char *path,
		   char what, struct node **found)
{
	struct node *node = tree->root;
	const char *name;
	size_t length;
	bool there = true;

	for (name = next_name(path, &length); name; name = next_name(name + length, &length)) {
		unsigned int place = child_place(node, name, length, &there);

		if (!there)
			break;
		node = node->child[place];
	}
	if (!there)
		return may(node, domain, 'r') ? -ENOENT : -EACCES;
	if (!may(node, domain, what))
		return -EACCES;
	*found = node;
	return 0;
}

/* Makes all nodes down to an existing one such that they may be changed. */
static struct node *own_path(struct tree *tree, const char *path)
{
	struct node *node = node_own(&tree->root);
	const char *name;
	size_t length;
	bool found;

	for (name = next_name(path, &length); name && node;
	     name = next_name(name + length, &length)) {
		unsigned int place = child_place(node, name, length, &found);

		node = node_own(&node->child[place]);
	}
	return node;
}

/* Changes. */

static void changes_free(struct change *change)
{
	struct change *next;

	for (; change; change = next) {
		next = change->next;
		node_put(change->removed);
		free(change);
	}
}

/* A transaction of the guest's can change so many things. */
static bool is_full(const struct tree *tree, unsigned int domain)
{
	return domain != HOST && tree->nr_changes >= XS_MAX_CHANGES;
}

static int note_change(struct xs *xs, struct tree *tree, const char *path,
		       struct node *removed)
{
	size_t size = strlen(path) + 1;
	struct change *change;

	change = malloc(sizeof(*change) + size);
	if (!change)
		return -ENOMEM;
	change->removed = removed ? node_get(removed) : NULL;
	memcpy(change->path, path, size);
	change->next = tree->changes;
	tree->changes = change;
	tree->nr_changes++;
	if (tree == &xs->tree)
		xs->stamp++;
	return 0;
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
	struct node *node;
	int err = look_up(&xs->tree, xs->domain, path, 'r', &node);

	return !err || err == -ENOENT;
}

static struct node *below(const struct node *node, const char *path)
{
	const char *name;
	size_t length;
	bool found;

	for (name = next_name(path, &length); name; name = next_name(name + length, &length)) {
		unsigned int place = child_place(node, name, length, &found);

		if (!found)
			return NULL;
		node = node->child[place];
	}
	return (struct node *)node;
}

static void tell_watch(struct xs *xs, const struct watch *watch, const struct change *change)
{
	const char *path = change->path;

	if (!is_below(path, watch->path)) {
		/* A watched node that went with one above it */
		if (!change->removed || !is_below(watch->path, path) ||
		    !below(change->removed, watch->path + strlen(path)))
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
	struct change *change, *ordered = NULL, *next;
	struct watch *watch;

	for (change = xs->tree.changes; change; change = next) {
		next = change->next;
		change->next = ordered;
		ordered = change;
	}
	xs->tree.changes = NULL;
	xs->tree.nr_changes = 0;
	for (change = ordered; change; change = change->next)
		for (watch = xs->watches; watch; watch = watch->next)
			tell_watch(xs, watch, change);
	changes_free(ordered);
}

/* What can be done to a tree. */

/* Makes a child as its parent is, but the domain's own. */
static struct node *make_child(struct xs *xs, struct tree *tree, unsigned int domain,
			       struct node *parent, const char *name, size_t length)
{
	struct node *child;
	unsigned int place;
	bool found;

	child = node_new(name, length);
	if (!child || node_set_value(child, "", 0)) {
		node_put(child);
		return NULL;
	}
	memcpy(child->perm, parent->perm, sizeof(parent->perm));
	child->perms = parent->perms;
	if (domain != HOST)
		child->perm[0].domain = domain;
	place = child_place(parent, name, length, &found);
	if (child_insert(parent, place, child)) {
		node_put(child);
		return NULL;
	}
	parent->stamp = ++xs->last_stamp;
	tree->guest_nodes += child->perm[0].domain == xs->domain;
	return child;
}

static unsigned int depth_of(const char *path)
{
	unsigned int depth = 0;

	for (; *path; path++)
		depth += *path == '/' && path[1];
	return depth;
}

/* Makes a node, and those above it that are missing. */
static int create(struct xs *xs, struct tree *tree, unsigned int domain, const char *path,
		  struct node **created)
{
	struct node *node = tree->root, *parent;
	char above[PATH_MAX_XS];
	const char *name, *rest;
	size_t length;
	bool found = true;

	for (rest = path; (name = next_name(rest, &length)); rest = name + length) {
		unsigned int place = child_place(node, name, length, &found);

		if (!found)
			break;
		node = node->child[place];
	}
	if (!may(node, domain, 'w'))
		return -EACCES;
	if (domain != HOST && tree->guest_nodes + depth_of(rest) > XS_MAX_NODES)
		return -ENOSPC;
	snprintf(above, sizeof(above), "%.*s", (int)(rest - path), path);
	parent = own_path(tree, above);
	for (; parent && (name = next_name(rest, &length)); rest = name + length)
		parent = make_child(xs, tree, domain, parent, name, length);
	*created = parent;
	return parent ? 0 : -ENOMEM;
}

/* Finds a node to change, or makes it. */
static int find_or_create(struct xs *xs, struct tree *tree, unsigned int domain,
			  const char *path, struct node **found)
{
	struct node *node;
	int err = look_up(tree, domain, path, 'w', &node);

	if (err == -ENOENT || (err == -EACCES && !below(tree->root, path)))
		return create(xs, tree, domain, path, found);
	if (err)
		return err;
	*found = own_path(tree, path);
	return *found ? 0 : -ENOMEM;
}

static int tree_write(struct xs *xs, struct tree *tree, unsigned int domain,
		      const char *path, const void *value, size_t size)
{
	struct node *node;
	int err;

	if (is_full(tree, domain) || (domain != HOST && size > XS_MAX_VALUE))
		return -ENOSPC;
	err = find_or_create(xs, tree, domain, path, &node);
	err = err ? err : node_set_value(node, value, size);
	return err ? err : note_change(xs, tree, path, NULL);
}

static int tree_mkdir(struct xs *xs, struct tree *tree, unsigned int domain,
		      const char *path)
{
	struct node *node;
	int err;

	if (below(tree->root, path))
		return look_up(tree, domain, path, 'w', &node);
	err = is_full(tree, domain) ? -ENOSPC :
	      create(xs, tree, domain, path, &node);
	return err ? err : note_change(xs, tree, path, NULL);
}

static void split(const char *path, char above[PATH_MAX_XS], const char **name)
{
	const char *slash = strrchr(path, '/');

	snprintf(above, PATH_MAX_XS, "%.*s", (int)(slash - path), path);
	*name = slash + 1;
}

static int tree_rm(struct xs *xs, struct tree *tree, unsigned int domain,
		   const char *path)
{
	char above[PATH_MAX_XS];
	struct node *node, *parent;
	unsigned int place;
	const char *name;
	bool found;
	int err;

	if (!strcmp(path, "/"))
		return -EINVAL;
	split(path, above, &name);
	err = look_up(tree, domain, path, 'w', &node);
	if (err == -ENOENT && below(tree->root, above))
		return 0;	/* it is gone already */
	if (err)
		return err;
	if (is_full(tree, domain))
		return -ENOSPC;
	parent = own_path(tree, above);
	if (!parent)
		return -ENOMEM;
	err = note_change(xs, tree, path, node);
	if (err)
		return err;
	tree->guest_nodes -= count_owned(node, xs->domain);
	place = child_place(parent, name, strlen(name), &found);
	child_remove(parent, place);
	parent->stamp = ++xs->last_stamp;
	return 0;
}

static int tree_set_perms(struct xs *xs, struct tree *tree, unsigned int domain,
			  const char *path, const struct perm *perm, unsigned int perms)
{
	struct node *node;
	int err = look_up(tree, domain, path, 'w', &node);

	if (err)
		return err;
	if (is_full(tree, domain))
		return -ENOSPC;
	if (domain != HOST && (node->perm[0].domain != domain || perm[0].domain != domain))
		return node->perm[0].domain != domain ? -EACCES : -EPERM;
	node = own_path(tree, path);
	if (!node)
		return -ENOMEM;
	tree->guest_nodes -= node->perm[0].domain == xs->domain;
	memcpy(node->perm, perm, perms * sizeof(*perm));
	node->perms = perms;
	tree->guest_nodes += node->perm[0].domain == xs->domain;
	return note_change(xs, tree, path, NULL);
}

/* Transactions. */

static void tree_free(struct tree *tree)
{
	node_put(tree->root);
	changes_free(tree->changes);
	*tree = (struct tree){ 0 };
}

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
	tree_free(&transaction->tree);
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
	transaction->tree.root = node_get(xs->tree.root);
	transaction->tree.guest_nodes = xs->tree.guest_nodes;
	transaction->next = xs->transactions;
	xs->transactions = transaction;
	xs->nr_transactions++;
	*id = transaction->id;
	return 0;
}

/* The store becomes what the transaction made of it, if nobody was quicker. */
static int transaction_commit(struct xs *xs, struct transaction *transaction)
{
	struct tree *tree = &transaction->tree;

	if (!tree->changes)
		return 0;
	if (transaction->stamp != xs->stamp)
		return -EAGAIN;
	node_put(xs->tree.root);
	xs->tree = *tree;
	*tree = (struct tree){ 0 };
	xs->stamp++;
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
	struct tree *tree;
	char text[XENSTORE_PAYLOAD_MAX + 1];
	size_t size;
	char path[PATH_MAX_XS];
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

	for (i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
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
	struct node *node;
	int err = take_path(call, call->text);

	err = err ? err : look_up(call->tree, call->xs->domain, call->path, 'r', &node);
	if (!err)
		answer(call, node->value, node->size);
	return err;
}

/* Writes the names of a node's children behind each other; their size. */
static size_t list_children(const struct node *node, char *list, size_t max)
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
	struct node *node;
	size_t size;
	int err = take_path(call, call->text);

	err = err ? err : look_up(call->tree, call->xs->domain, call->path, 'r', &node);
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
	struct node *node;
	int err;

	if (words(call) != 2 || call->text[call->size - 1])
		return -EINVAL;
	from = strtoul(call->text + strlen(call->text) + 1, NULL, 10);
	err = absolute(call->xs, call->text, call->path);
	err = err ? err : look_up(call->tree, call->xs->domain, call->path, 'r', &node);
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
	err = err ? err : tree_write(call->xs, call->tree, call->xs->domain, call->path,
				     call->text + length + 1, call->size - length - 1);
	if (!err)
		answer_ok(call);
	return err;
}

static int do_mkdir(struct call *call)
{
	int err = take_path(call, call->text);

	err = err ? err : tree_mkdir(call->xs, call->tree, call->xs->domain, call->path);
	if (!err)
		answer_ok(call);
	return err;
}

static int do_rm(struct call *call)
{
	int err = take_path(call, call->text);

	err = err ? err : tree_rm(call->xs, call->tree, call->xs->domain, call->path);
	if (!err)
		answer_ok(call);
	return err;
}

static int do_get_perms(struct call *call)
{
	char text[XS_MAX_PERMS * 12];
	struct node *node;
	size_t size = 0;
	unsigned int i;
	int err = take_path(call, call->text);

	err = err ? err : look_up(call->tree, call->xs->domain, call->path, 'r', &node);
	if (err)
		return err;
	for (i = 0; i < node->perms; i++)
		size += sprintf(text + size, "%c%u", node->perm[i].letter,
				node->perm[i].domain) + 1;
	answer(call, text, size);
	return 0;
}

/* Reads permissions, "b0 r7 …" with NULs between them. */
static int parse_perms(const char *text, const char *end, struct perm *perm,
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
		perm[(*perms)++] = (struct perm){ (unsigned int)domain, *text };
	}
	return *perms ? 0 : -EINVAL;
}

static int do_set_perms(struct call *call)
{
	struct perm perm[XS_MAX_PERMS];
	unsigned int perms;
	int err;

	if (words(call) < 2 || call->text[call->size - 1])
		return -EINVAL;
	err = absolute(call->xs, call->text, call->path);
	err = err ? err : parse_perms(call->text + strlen(call->text) + 1,
				      call->text + call->size, perm, &perms);
	err = err ? err : tree_set_perms(call->xs, call->tree, call->xs->domain, call->path,
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
	snprintf(call->path, sizeof(call->path), "%s", call->text);
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
		answer(call, domain == call->xs->domain || domain == HOST ? "T" : "F", 2);
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
	if (type < sizeof(calls) / sizeof(calls[0]) && calls[type])
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
	int err = is_path(path) ? tree_write(xs, &xs->tree, HOST, path, value,
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
	struct node *node = is_path(path) ? below(xs->tree.root, path) : NULL;

	if (!node)
		return is_path(path) ? -ENOENT : -EINVAL;
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
	int err = is_path(path) ? tree_rm(xs, &xs->tree, HOST, path) : -EINVAL;

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
	struct perm perm[2] = {
		{ others == 'o' ? xs->domain : HOST, 'n' },
		{ xs->domain, others },
	};
	int err = is_path(path) ? tree_set_perms(xs, &xs->tree, HOST, path, perm,
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
	int err = is_path(path) ? watch_add(xs, path, "", &watch) : -EINVAL;

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
	snprintf(home, sizeof(home), "/local/domain/%u", domain);
	snprintf(xs->home, sizeof(xs->home), "%s/", home);
	xs->tree.root = node_new("", 0);
	if (xs->tree.root && !node_set_value(xs->tree.root, "", 0)) {
		xs->tree.root->perm[0] = (struct perm){ HOST, 'r' };
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
	tree_free(&xs->tree);
	free(xs);
}
