/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xs_tree - the nodes of xenstore: names, values, permissions.
 *
 * The nodes are a tree that is shared: a node that somebody else refers to is not
 * changed but copied, with all above it.  So a reference to a root is a picture of
 * the whole store, which costs nothing.
 *
 * All functions take the domain that wants it: XS_HOST may do everything, the guest
 * what permissions and quotas allow.  Paths are absolute and were checked by
 * xs_is_path().  For xenstore.c alone.
 */
#ifndef _XS_TREE_H
#define _XS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#include "xenstore.h"

#define XS_HOST		0
#define XS_PATH_MAX	XENSTORE_ABS_PATH_MAX

/**
 * struct xs_perm - a line of a node's permissions
 * @domain: whom it is about
 * @letter: n none, r read, w write, b both
 */
struct xs_perm {
	unsigned int domain;
	char letter;
};

/**
 * struct xs_node - a node; not changed while there is more than one reference
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
struct xs_node {
	unsigned int refs;
	char *name;
	char *value;
	size_t size;
	struct xs_perm perm[XS_MAX_PERMS];
	unsigned int perms;
	struct xs_node **child;
	unsigned int children;
	unsigned long long stamp;
};

/**
 * struct xs_change - something that watchers are to be told of
 * @next: the next one
 * @removed: the nodes that went, or NULL
 * @path: where
 */
struct xs_change {
	struct xs_change *next;
	struct xs_node *removed;
	char path[];
};

/**
 * struct xs_tree - the store, or as a transaction sees it
 * @root: the root
 * @guest: the guest
 * @guest_nodes: how many nodes it owns
 * @stamps: where the last stamp given to a node is
 * @changes: what was changed and not told of yet, the latest first
 * @nr_changes: how many
 * @held: how many nodes of the guest's that were removed they keep
 */
struct xs_tree {
	struct xs_node *root;
	unsigned int guest;
	unsigned int guest_nodes;
	unsigned long long *stamps;
	struct xs_change *changes;
	unsigned int nr_changes;
	unsigned int held;
};

/* Nodes and trees are made, kept and given up. */
struct xs_node *xs_node_new(const char *name, size_t length);
struct xs_node *xs_node_get(struct xs_node *node);
void xs_node_put(struct xs_node *node);
int xs_node_set_value(struct xs_node *node, const void *value, size_t size);
void xs_tree_free(struct xs_tree *tree);
void xs_changes_free(struct xs_change *change);

/* Looking. */
bool xs_is_path(const char *path);
int xs_tree_find(const struct xs_tree *tree, unsigned int domain, const char *path,
		 char what, struct xs_node **found);
struct xs_node *xs_node_below(const struct xs_node *node, const char *path);

/* Changing; what was changed is in the tree's list. */
int xs_tree_write(struct xs_tree *tree, unsigned int domain, const char *path,
		  const void *value, size_t size);
int xs_tree_mkdir(struct xs_tree *tree, unsigned int domain, const char *path);
int xs_tree_remove(struct xs_tree *tree, unsigned int domain, const char *path);
int xs_tree_set_perms(struct xs_tree *tree, unsigned int domain, const char *path,
		      const struct xs_perm *perm, unsigned int perms);

#endif /* _XS_TREE_H */
