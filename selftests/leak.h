/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does the kernel lose memory?  A test takes stock, does the same thing many
 * times, and asks whether something has stayed behind each time.  As root, and
 * with nothing else going on in the machine.
 */
#ifndef _LEAK_H
#define _LEAK_H

#include <stdbool.h>

#define LEAK_MAX_CACHES		256

/**
 * struct leak_stock - what memory is in use
 * @pages: pages that are neither free, nor of the page cache, of slabs or of
 *	processes
 * @areas: areas of vmalloc()
 * @nr_caches: number of slab caches
 * @name: their names
 * @objects: how many objects of each are in use, or about to be: the free ones
 *	of the slab that a CPU is at work on count
 * @per_slab: how many these can be
 */
struct leak_stock {
	long pages;
	long areas;
	int nr_caches;
	char name[LEAK_MAX_CACHES][32];
	long objects[LEAK_MAX_CACHES];
	long per_slab[LEAK_MAX_CACHES];
};

bool leak_count_free(long *pages);
bool leak_take_stock(struct leak_stock *stock);
bool leak_found(const struct leak_stock *before, long rounds);

#endif /* _LEAK_H */
