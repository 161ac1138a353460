// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking stock of the kernel's memory, from /proc.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <unistd.h>

#include "leak.h"
#include "phvtest.h"

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) > 0;
	close(fd);
	return ok;
}

/* The caches in which something of the module's, or of its files, can be. */
static bool is_watched(const char *cache)
{
	return !strncmp(cache, "kmalloc-", 8) || !strcmp(cache, "filp") ||
	       !strcmp(cache, "dentry") || !strcmp(cache, "radix_tree_node");
}

/* Gives back what is kept for later: what remains in use is in use. */
static void let_go(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *entry;
	char path[300];

	write_text("/proc/sys/vm/drop_caches", "2");
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!is_watched(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink",
			 entry->d_name);
		write_text(path, "1");
	}
	closedir(dir);
}

/**
 * leak_count_free - count free pages
 * @pages: set to how many there are, those included that the CPUs keep at hand
 *
 * A CPU may keep more at hand than a test has to do with: tens of MiB where
 * khugepaged has raised the watermarks. MemFree is without them.
 *
 * Return: true; false if this kernel doesn't tell
 */
bool leak_count_free(long *pages)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	char line[256];
	long n;

	if (!file)
		return false;
	*pages = 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " nr_free_pages %ld", &n) == 1 ||
		    sscanf(line, " count: %ld", &n) == 1)
			*pages += n;
	fclose(file);
	return true;
}

/* Everything that /proc/meminfo knows an owner of, but the module may be it. */
static bool count_pages(long *pages)
{
	static const char * const owned[] = {
		"Buffers", "Cached", "SwapCached", "AnonPages", "Slab",
		"KernelStack", "PageTables",
	};
	FILE *file = fopen("/proc/meminfo", "re");
	long kib, used = 0, unused;
	char line[256], name[32];
	size_t i;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31[^:]: %ld", name, &kib) != 2)
			continue;
		if (!strcmp(name, "MemTotal"))
			used += kib / 4;
		for (i = 0; i < ARRAY_SIZE(owned); i++)
			if (!strcmp(name, owned[i]))
				used -= kib / 4;
	}
	fclose(file);
	if (!leak_count_free(&unused))
		return false;
	*pages = used - unused;
	return true;
}

static bool count_areas(long *areas)
{
	FILE *file = fopen("/proc/vmallocinfo", "re");
	char line[512];

	if (!file)
		return false;
	*areas = 0;
	while (fgets(line, sizeof(line), file))
		if (!strstr(line, "unpurged"))	/* freed already */
			++*areas;
	fclose(file);
	return true;
}

static bool count_objects(struct leak_stock *stock)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	char line[512], name[32];
	long objects, per_slab;
	int n = 0;

	if (!file)
		return false;
	while (n < LEAK_MAX_CACHES && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31s %ld %*d %*d %ld", name, &objects,
			   &per_slab) != 3 || !is_watched(name))
			continue;
		memcpy(stock->name[n], name, sizeof(name));
		stock->objects[n] = objects;
		stock->per_slab[n++] = per_slab;
	}
	fclose(file);
	stock->nr_caches = n;
	return n > 0;
}

/**
 * leak_take_stock - count what is in use
 * @stock: filled
 *
 * Return: true; false if this kernel, or this user, can't count
 */
bool leak_take_stock(struct leak_stock *stock)
{
	cpu_set_t old, one;
	bool ok;

	/* On one CPU: no more than one has slabs at work meanwhile. */
	sched_getaffinity(0, sizeof(old), &old);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	let_go();
	ok = count_objects(stock) && count_areas(&stock->areas) &&
	     count_pages(&stock->pages);
	sched_setaffinity(0, sizeof(old), &old);
	return ok;
}

static bool has_grown(const char *what, long before, long after, long bound,
		      bool say)
{
	if (after - before < bound)
		return false;
	if (say)
		ksft_print_msg("%s: %ld in use before, %ld after\n", what,
			       before, after);
	return true;
}

/*
 * A slab may be at work that wasn't before. All of its objects count, and those that
 * other things on the host have.
 */
static long object_bound(long per_slab, long rounds)
{
	long slab = per_slab + rounds / 8;

	return slab > rounds * 3 / 4 ? slab : rounds * 3 / 4;
}

static bool stock_has_grown(const struct leak_stock *before,
			    const struct leak_stock *after, long rounds,
			    bool say)
{
	long bound = rounds / 2;
	bool grown;
	int i;

	/* The watched caches are the kernel's own: none comes or goes. */
	if (before->nr_caches != after->nr_caches)
		return has_grown("slab caches", before->nr_caches,
				 after->nr_caches, LONG_MIN, say);

	grown = has_grown("pages", before->pages, after->pages, bound, say) |
		has_grown("vmalloc areas", before->areas, after->areas, bound,
			  say);
	for (i = 0; i < before->nr_caches; i++)
		grown |= has_grown(before->name[i], before->objects[i],
				   after->objects[i],
				   object_bound(before->per_slab[i], rounds),
				   say);
	return grown;
}

/**
 * leak_found - has memory been lost?
 * @before: stock taken before
 * @rounds: how often the same thing was done since
 *
 * Memory that is freed after a grace period, or by a worker, gets two seconds.
 * To find an object lost in each round, there must be more rounds than objects
 * in a slab: 100 do for objects of 64 bytes or more, 1000 for all.
 *
 * Return: true if in each second round at least a page or an area, or an object in
 * three rounds of four, has stayed in use; a comment in the output says which
 */
bool leak_found(const struct leak_stock *before, long rounds)
{
	static struct leak_stock after;
	int tries;

	for (tries = 0; tries < 20; tries++) {
		if (!leak_take_stock(&after))
			return true;
		if (!stock_has_grown(before, &after, rounds, false))
			return false;
		usleep(100000);
	}
	return stock_has_grown(before, &after, rounds, true);
}
