// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nodes of xenstore; see xs_tree.h.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs_tree.h"

/* Nodes. */

/**
 * xs_node_get - take a reference of a node
 * @node: the node
 *
 * Return: the node
 */
struct xs_node *xs_node_get(struct xs_node *node)
{
	node->refs++;
	return node;
}

/**
 * xs_node_put - give up a reference of a node
 * @node: the node, or NULL
 *
 * Paths are short enough for the depth of this to be bounded.
 */
void xs_node_put(struct xs_node *node)
{
	unsigned int i;

	if (!node || --node->refs)
		return;
	for (i = 0; i < node->children; i++)
		xs_node_put(node->child[i]);
	free(node->child);
	free(node->value);
	free(node->name);
	free(node);
}

/**
 * xs_node_new - make a node without value, permissions and children
 * @name: its name
 * @length: of that
 *
 * Return: the node, or NULL without memory
 */
struct xs_node *xs_node_new(const char *name, size_t length)
{
	struct xs_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->refs = 1;
	node->name = strndup(name, length);
	if (node->name)
		return node;
	free(node);
	return NULL;
}

/**
 * xs_node_set_value - say what is in a node
 * @node: a node that may be changed
 * @value: the bytes
 * @size: how many
 *
 * Return: 0 or -ENOMEM
 */
int xs_node_set_value(struct xs_node *node, const void *value, size_t size)
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

static struct xs_node *node_clone(const struct xs_node *node)
{
	struct xs_node *clone = xs_node_new(node->name, strlen(node->name));
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
		clone->child[i] = xs_node_get(node->child[i]);
	clone->children = node->children;
	if (!node->value || !xs_node_set_value(clone, node->value, node->size))
		return clone;
fail:
	xs_node_put(clone);
	return NULL;
}

/* Makes a node one that may be changed. */
static struct xs_node *node_own(struct xs_node **slot)
{
	struct xs_node *clone;

	if ((*slot)->refs == 1)
		return *slot;
	clone = node_clone(*slot);
	if (!clone)
		return NULL;
	xs_node_put(*slot);
	*slot = clone;
	return clone;
}

static int compare(const struct xs_node *node, const char *name, size_t length)
{
	int order = strncmp(node->name, name, length);

	return order ? order : node->name[length] ? 1 : 0;
}

/* Finds the place of a child, or where it would be. */
static unsigned int child_place(const struct xs_node *node, const char *name, size_t length,
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

static int child_insert(struct xs_node *node, unsigned int place, struct xs_node *child)
{
	struct xs_node **children;

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

static void child_remove(struct xs_node *node, unsigned int place)
{
	xs_node_put(node->child[place]);
	node->children--;
	memmove(node->child + place, node->child + place + 1,
		(node->children - place) * sizeof(*node->child));
}

static unsigned int count_owned(const struct xs_node *node, unsigned int domain)
{
	unsigned int count = node->perm[0].domain == domain, i;

	for (i = 0; i < node->children; i++)
		count += count_owned(node->child[i], domain);
	return count;
}

/* Who may do what. */

static bool may(const struct xs_node *node, unsigned int domain, char what)
{
	char letter = node->perm[0].letter;
	unsigned int i;

	if (domain == XS_HOST || node->perm[0].domain == domain)
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

/**
 * xs_is_path - is this an absolute path, well-formed?
 * @path: the text
 *
 * Return: true if so
 */
bool xs_is_path(const char *path)
{
	size_t length = strlen(path), i;

	if (!length || length >= XS_PATH_MAX || path[0] != '/' ||
	    (length > 1 && path[length - 1] == '/') || strstr(path, "//"))
		return false;
	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)path[i]) && !strchr("-/_@", path[i]))
			return false;
	return true;
}

/**
 * xs_tree_find - find a node
 * @tree: the tree
 * @domain: who wants it
 * @path: where it is
 * @what: r or w: what is to be done with it
 * @found: the node is put here; no reference
 *
 * Return: 0, -ENOENT, or -EACCES: also for a missing node, when the one above is none
 * of the domain's business
 */
int xs_tree_find(const struct xs_tree *tree, unsigned int domain, const char *path,
		 char what, struct xs_node **found)
{
	struct xs_node *node = tree->root;
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
static struct xs_node *own_path(struct xs_tree *tree, const char *path)
{
	struct xs_node *node = node_own(&tree->root);
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

/**
 * xs_changes_free - forget changes
 * @change: the first of a list, or NULL
 */
void xs_changes_free(struct xs_change *change)
{
	struct xs_change *next;

	for (; change; change = next) {
		next = change->next;
		xs_node_put(change->removed);
		free(change);
	}
}

/* A transaction of the guest's can change so many things. */
static bool is_full(const struct xs_tree *tree, unsigned int domain)
{
	return domain != XS_HOST && tree->nr_changes >= XS_MAX_CHANGES;
}

/*
 * What was removed is kept until watchers are told.  One removal is always possible, or a
 * guest at its limit could not get below it again.
 */
static bool can_hold(const struct xs_tree *tree, unsigned int domain, unsigned int nodes)
{
	return domain == XS_HOST || !tree->held || tree->held + nodes <= XS_MAX_HELD;
}

static int note_change(struct xs_tree *tree, const char *path,
		       struct xs_node *removed)
{
	size_t size = strlen(path) + 1;
	struct xs_change *change;

	change = malloc(sizeof(*change) + size);
	if (!change)
		return -ENOMEM;
	change->removed = removed ? xs_node_get(removed) : NULL;
	memcpy(change->path, path, size);
	change->next = tree->changes;
	tree->changes = change;
	tree->nr_changes++;
	return 0;
}

/**
 * xs_node_below - find a node, whoever asks
 * @node: where to begin
 * @path: from there
 *
 * Return: the node, no reference, or NULL
 */
struct xs_node *xs_node_below(const struct xs_node *node, const char *path)
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
	return (struct xs_node *)node;
}

/* What can be done to a tree. */

/* Makes a child as its parent is, but the domain's own. */
static struct xs_node *make_child(struct xs_tree *tree, unsigned int domain,
				  struct xs_node *parent, const char *name, size_t length)
{
	struct xs_node *child;
	unsigned int place;
	bool found;

	child = xs_node_new(name, length);
	if (!child || xs_node_set_value(child, "", 0)) {
		xs_node_put(child);
		return NULL;
	}
	memcpy(child->perm, parent->perm, sizeof(parent->perm));
	child->perms = parent->perms;
	if (domain != XS_HOST)
		child->perm[0].domain = domain;
	place = child_place(parent, name, length, &found);
	if (child_insert(parent, place, child)) {
		xs_node_put(child);
		return NULL;
	}
	parent->stamp = ++*tree->stamps;
	tree->guest_nodes += child->perm[0].domain == tree->guest;
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
static int create(struct xs_tree *tree, unsigned int domain, const char *path,
		  struct xs_node **created)
{
	struct xs_node *node = tree->root, *parent;
	char above[XS_PATH_MAX];
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
	if (domain != XS_HOST && tree->guest_nodes + depth_of(rest) > XS_MAX_NODES)
		return -ENOSPC;
	snprintf(above, sizeof(above), "%.*s", (int)(rest - path), path);
	parent = own_path(tree, above);
	for (; parent && (name = next_name(rest, &length)); rest = name + length)
		parent = make_child(tree, domain, parent, name, length);
	*created = parent;
	return parent ? 0 : -ENOMEM;
}

/* Finds a node to change, or makes it. */
static int find_or_create(struct xs_tree *tree, unsigned int domain,
			  const char *path, struct xs_node **found)
{
	struct xs_node *node;
	int err = xs_tree_find(tree, domain, path, 'w', &node);

	if (err == -ENOENT || (err == -EACCES && !xs_node_below(tree->root, path)))
		return create(tree, domain, path, found);
	if (err)
		return err;
	*found = own_path(tree, path);
	return *found ? 0 : -ENOMEM;
}

/**
 * xs_tree_write - write a node, and make it and those above it if need be
 * @tree: the tree
 * @domain: who wants it
 * @path: which node
 * @value: the bytes
 * @size: how many
 *
 * Return: 0, -EACCES, -ENOSPC beyond a quota, or -ENOMEM
 */
int xs_tree_write(struct xs_tree *tree, unsigned int domain,
		  const char *path, const void *value, size_t size)
{
	struct xs_node *node;
	int err;

	if (is_full(tree, domain) || (domain != XS_HOST && size > XS_MAX_VALUE))
		return -ENOSPC;
	err = find_or_create(tree, domain, path, &node);
	err = err ? err : xs_node_set_value(node, value, size);
	return err ? err : note_change(tree, path, NULL);
}

/**
 * xs_tree_mkdir - make a node, and those above it, if need be
 * @tree: the tree
 * @domain: who wants it
 * @path: which node
 *
 * Return: 0, also when there is one; -EACCES, -ENOSPC or -ENOMEM
 */
int xs_tree_mkdir(struct xs_tree *tree, unsigned int domain,
		  const char *path)
{
	struct xs_node *node;
	int err;

	if (xs_node_below(tree->root, path))
		return xs_tree_find(tree, domain, path, 'w', &node);
	err = is_full(tree, domain) ? -ENOSPC :
	      create(tree, domain, path, &node);
	return err ? err : note_change(tree, path, NULL);
}

static void split(const char *path, char above[XS_PATH_MAX], const char **name)
{
	const char *slash = strrchr(path, '/');

	snprintf(above, XS_PATH_MAX, "%.*s", (int)(slash - path), path);
	*name = slash + 1;
}

/**
 * xs_tree_remove - remove a node and all below it
 * @tree: the tree
 * @domain: who wants it
 * @path: which node
 *
 * Return: 0, also when it is gone already but its parent is there; -EINVAL for the root,
 * -ENOENT, -EACCES, -ENOSPC beyond a quota, or -ENOMEM
 */
int xs_tree_remove(struct xs_tree *tree, unsigned int domain,
		   const char *path)
{
	char above[XS_PATH_MAX];
	struct xs_node *node, *parent;
	unsigned int place, owned;
	const char *name;
	bool found;
	int err;

	if (!strcmp(path, "/"))
		return -EINVAL;
	split(path, above, &name);
	err = xs_tree_find(tree, domain, path, 'w', &node);
	if (err == -ENOENT && xs_node_below(tree->root, above))
		return 0;	/* it is gone already */
	if (err)
		return err;
	owned = count_owned(node, tree->guest);
	if (is_full(tree, domain) || !can_hold(tree, domain, owned))
		return -ENOSPC;
	parent = own_path(tree, above);
	if (!parent)
		return -ENOMEM;
	err = note_change(tree, path, node);
	if (err)
		return err;
	tree->guest_nodes -= owned;
	tree->held += owned;
	place = child_place(parent, name, strlen(name), &found);
	child_remove(parent, place);
	parent->stamp = ++*tree->stamps;
	return 0;
}

/**
 * xs_tree_set_perms - say who may do what with a node
 * @tree: the tree
 * @domain: who wants it: the owner
 * @path: which node
 * @perm: the permissions
 * @perms: how many, 1 to XS_MAX_PERMS
 *
 * Return: 0, -ENOENT, -EACCES if it isn't the owner, -EPERM if it would give the node
 * away, -ENOSPC or -ENOMEM
 */
int xs_tree_set_perms(struct xs_tree *tree, unsigned int domain,
		      const char *path, const struct xs_perm *perm, unsigned int perms)
{
	struct xs_node *node;
	int err = xs_tree_find(tree, domain, path, 'w', &node);

	if (err)
		return err;
	if (is_full(tree, domain))
		return -ENOSPC;
	if (domain != XS_HOST && (node->perm[0].domain != domain || perm[0].domain != domain))
		return node->perm[0].domain != domain ? -EACCES : -EPERM;
	node = own_path(tree, path);
	if (!node)
		return -ENOMEM;
	tree->guest_nodes -= node->perm[0].domain == tree->guest;
	memcpy(node->perm, perm, perms * sizeof(*perm));
	node->perms = perms;
	tree->guest_nodes += node->perm[0].domain == tree->guest;
	return note_change(tree, path, NULL);
}

/**
 * xs_tree_free - give up a tree
 * @tree: the tree; all zero afterwards
 */
void xs_tree_free(struct xs_tree *tree)
{
	xs_node_put(tree->root);
	xs_changes_free(tree->changes);
	*tree = (struct xs_tree){ 0 };
}
