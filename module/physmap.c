// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest does to its own map: overlays and holes.
 *
 * What lives here: frames where something else is than their region says. An overlay is
 * a page of the owner that is seen at a frame, in place of the memory there or where there
 * is none: Xen's special frames, and frames that the guest has mapped a second time. A hole
 * is a frame of a region that the guest has given back. Called by the hypercalls
 * that change the map; fault.c, notifier.c and memory.c look frames up here.
 *
 * Overlays are a sorted table that is replaced as a whole and read under RCU, like
 * that of regions; holes are a bitmap of the region, made when the first one is.
 * Both change under the write half of ept.lock, with memory.sequence, as regions do:
 * so no vCPU has the old page when ept_flush() is done, and no fault puts it back.
 *
 * Nothing here waits for copies under way: they are the guest's own, and end in its own memory.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <phv.h>

#include "domain.h"
#include "ept/ept.h"
#include "memory.h"

/**
 * struct overlay - a page seen at a guest frame
 * @gfn: guest frame
 * @hva: the page's address, of the owner
 * @of: the other frame, when it is memory of the guest that is seen twice, or
 *	MEMORY_NO_FRAME: such a page is seen at one frame at a time
 * @flags: PHV_MEMORY_READONLY, or 0
 */
struct overlay {
	u64 gfn;
	unsigned long hva;
	u64 of;
	u32 flags;
};

/* All overlays of a domain, sorted by @gfn. Replaced as a whole. */
struct overlays {
	struct rcu_head rcu;
	unsigned int count;
	struct overlay overlay[];
};

/* What a guest can make of them: special frames, and as many mapped twice. */
#define OVERLAYS_MAX	512

/* The table */

/* For those who change it: memory.mutex held. */
static struct overlays *overlays_of(struct memory *memory)
{
	return rcu_dereference_protected(memory->overlays, lockdep_is_held(&memory->mutex));
}

static unsigned int count_of(const struct overlays *overlays)
{
	return overlays ? overlays->count : 0;
}

/* The index of the first overlay at @gfn or after it. */
static unsigned int overlays_search(const struct overlays *overlays, u64 gfn)
{
	unsigned int low = 0, high = count_of(overlays);

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (gfn <= overlays->overlay[middle].gfn)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Is there one in this range? */
static bool overlays_within(const struct overlays *overlays, u64 gfn, u64 pages)
{
	unsigned int i = overlays_search(overlays, gfn);

	return i < count_of(overlays) && overlays->overlay[i].gfn - gfn < pages;
}

static const struct overlay *overlay_at(const struct overlays *overlays, u64 gfn)
{
	unsigned int i = overlays_search(overlays, gfn);

	if (i == count_of(overlays) || overlays->overlay[i].gfn != gfn)
		return NULL;
	return &overlays->overlay[i];
}

static bool is_alias(const struct overlay *overlay)
{
	return overlay->of != MEMORY_NO_FRAME;
}

static bool is_hole(const struct region *region, u64 gfn)
{
	return region->holes && test_bit(gfn - region->gfn, region->holes->bit);
}

/* Looking up */

bool memory_lookup(const struct memory *memory, u64 gfn, struct region *copy)
{
	const struct overlays *overlays = rcu_dereference(memory->overlays);
	const struct overlay *overlay = overlay_at(overlays, gfn);
	const struct region *region;

	if (overlay) {
		*copy = (struct region) {
			.gfn	= gfn,
			.pages	= 1,
			.hva	= overlay->hva,
			.flags	= overlay->flags,
		};
		return true;
	}
	region = memory_find(memory, gfn);
	if (!region || is_hole(region, gfn))
		return false;
	*copy = *region;
	return true;
}

/**
 * memory_is_whole - is all of a range seen as its region has it?
 * @memory: the domain's
 * @gfn: first guest frame
 * @pages: frames, all of one region
 *
 * Context: RCU read lock held.
 */
bool memory_is_whole(const struct memory *memory, u64 gfn, u64 pages)
{
	const struct region *region = memory_find(memory, gfn);
	unsigned long first;

	if (!region || overlays_within(rcu_dereference(memory->overlays), gfn, pages))
		return false;
	if (!region->holes)
		return true;
	first = gfn - region->gfn;
	return find_next_bit(region->holes->bit, first + pages, first) >= first + pages;
}

/**
 * memory_for_overlays - call a function for overlays made of a range of the owner's addresses
 * @domain: the domain
 * @start: first address
 * @end: address after the last
 * @function: gets the guest frame and @arg
 * @arg: for @function
 *
 * Context: either half of ept.lock held.
 */
void memory_for_overlays(struct phv_domain *domain, unsigned long start, unsigned long end,
			 void (*function)(struct phv_domain *domain, u64 gfn, void *arg),
			 void *arg)
{
	const struct overlays *overlays =
		rcu_dereference_protected(domain->memory.overlays,
					  lockdep_is_held(&domain->ept.lock));
	unsigned int i;

	for (i = 0; i < count_of(overlays); i++) {
		unsigned long hva = overlays->overlay[i].hva;

		if (hva >= start && hva < end)
			function(domain, overlays->overlay[i].gfn, arg);
	}
}

/* The log of frames that can be written elsewhere */

/* The region of the memory that an overlay lets the guest write, or NULL. */
static const struct region *written_by(const struct memory *memory,
				       const struct overlay *overlay)
{
	if (!is_alias(overlay) || overlay->flags & PHV_MEMORY_READONLY)
		return NULL;
	return memory_find(memory, overlay->of);
}

static void log_aliases(const struct memory *memory, const struct overlays *overlays)
{
	const struct region *region;
	unsigned int i;

	for (i = 0; i < count_of(overlays); i++) {
		region = written_by(memory, &overlays->overlay[i]);
		if (region)
			memory_log(region, overlays->overlay[i].of);
	}
}

/**
 * memory_log_aliases - the log of frames that can be written elsewhere
 * @memory: the domain's
 *
 * What is written there is not logged: they count as written, always. Context: RCU read
 * lock held.
 */
void memory_log_aliases(const struct memory *memory)
{
	log_aliases(memory, rcu_dereference(memory->overlays));
}

static bool any_logged(const struct memory *memory, const struct overlays *overlays)
{
	const struct region *region;
	bool logged = false;
	unsigned int i;

	rcu_read_lock();
	for (i = 0; i < count_of(overlays) && !logged; i++) {
		region = written_by(memory, &overlays->overlay[i]);
		logged = region && region->dirty;
	}
	rcu_read_unlock();
	return logged;
}

/*
 * A table that nobody gets to see any more; EPT and TLBs are flushed. What was written by its
 * aliases until now is in nobody's log yet, and copies under way end first.
 */
static void overlays_gone(const struct memory *memory, struct overlays *old)
{
	if (any_logged(memory, old)) {
		synchronize_rcu();
		rcu_read_lock();
		log_aliases(memory, old);
		rcu_read_unlock();
	}
	kvfree_rcu(old, rcu);
}

/* Changing overlays: memory.mutex held */

static struct overlays *overlays_alloc(unsigned int count)
{
	struct overlays *overlays;

	overlays = kvzalloc(struct_size(overlays, overlay, count), GFP_KERNEL_ACCOUNT);
	return overlays;
}

/* @new in place of the old table, which differs from it at these frames. */
static void overlays_change(struct phv_domain *domain, struct overlays *new,
			    const u64 *gfns, unsigned int count)
{
	struct memory *memory = &domain->memory;
	struct overlays *old = overlays_of(memory);
	struct ept *ept = &domain->ept;
	LIST_HEAD(tables);
	unsigned int i;

	write_lock(&ept->lock);
	rcu_assign_pointer(memory->overlays, new);
	memory_moved(memory);
	for (i = 0; i < count; i++)
		ept_zap(ept, gfns[i], gfns[i] + 1, &tables);
	write_unlock(&ept->lock);

	ept_flush(ept);
	ept_free_tables(&tables, true);
	overlays_gone(memory, old);
}

/* The page is seen at one frame at a time: is this its other one? */
static bool is_elsewhere(const struct overlay *there, const struct overlay *overlay)
{
	return !is_alias(overlay) && !is_alias(there) && there->hva == overlay->hva;
}

static int add_overlay(struct phv_domain *domain, const struct overlay *overlay)
{
	struct overlays *old = overlays_of(&domain->memory);
	u64 gfns[2] = { overlay->gfn };
	unsigned int i, changed = 1;
	struct overlays *new;
	bool added = false;

	if (overlay->gfn >= memory_frames_limit())
		return -EINVAL;
	if (count_of(old) == OVERLAYS_MAX)
		return -ENOSPC;
	new = overlays_alloc(count_of(old) + 1);
	if (!new)
		return -ENOMEM;

	for (i = 0; i < count_of(old); i++) {
		const struct overlay *there = &old->overlay[i];

		if (is_elsewhere(there, overlay)) {
			if (there->gfn != overlay->gfn)
				gfns[changed++] = there->gfn;
			continue;
		}
		if (there->gfn == overlay->gfn)
			continue;
		if (!added && there->gfn > overlay->gfn) {
			new->overlay[new->count++] = *overlay;
			added = true;
		}
		new->overlay[new->count++] = *there;
	}
	if (!added)
		new->overlay[new->count++] = *overlay;
	overlays_change(domain, new, gfns, changed);
	return 0;
}

int memory_put_overlay(struct phv_domain *domain, u64 gfn, unsigned long hva)
{
	const struct overlay overlay = { .gfn = gfn, .hva = hva, .of = MEMORY_NO_FRAME };
	int ret;

	mutex_lock(&domain->memory.mutex);
	ret = add_overlay(domain, &overlay);
	mutex_unlock(&domain->memory.mutex);
	return ret;
}

/* The table without what is in a range; -ENOMEM; *@new is NULL when nothing is left. */
static int overlays_without(const struct overlays *old, u64 gfn, u64 pages,
			    struct overlays **new)
{
	unsigned int i, left = 0;

	for (i = 0; i < count_of(old); i++)
		left += old->overlay[i].gfn - gfn >= pages;
	*new = NULL;
	if (!left)
		return 0;
	*new = overlays_alloc(left);
	if (!*new)
		return -ENOMEM;
	for (i = 0; i < count_of(old); i++)
		if (old->overlay[i].gfn - gfn >= pages)
			(*new)->overlay[(*new)->count++] = old->overlay[i];
	return 0;
}

int memory_remove_overlay(struct phv_domain *domain, u64 gfn, unsigned long hva)
{
	struct memory *memory = &domain->memory;
	const struct overlay *overlay;
	struct overlays *new;
	int ret = -ENOENT;

	mutex_lock(&memory->mutex);
	overlay = overlay_at(overlays_of(memory), gfn);
	if (overlay && (!hva || overlay->hva == hva)) {
		ret = overlays_without(overlays_of(memory), gfn, 1, &new);
		if (!ret)
			overlays_change(domain, new, &gfn, 1);
	}
	mutex_unlock(&memory->mutex);
	return ret;
}

u64 memory_overlay_frame(struct phv_domain *domain, unsigned long hva)
{
	const struct overlays *overlays;
	u64 gfn = MEMORY_NO_FRAME;
	unsigned int i;

	rcu_read_lock();
	overlays = rcu_dereference(domain->memory.overlays);
	for (i = 0; i < count_of(overlays); i++)
		if (overlays->overlay[i].hva == hva && !is_alias(&overlays->overlay[i]))
			gfn = overlays->overlay[i].gfn;
	rcu_read_unlock();
	return gfn;
}

/* With the domain: no vCPU runs any more, and none will. */
void memory_free_overlays(struct memory *memory)
{
	kvfree(rcu_dereference_protected(memory->overlays, true));
}

/* Memory of the guest at a second frame */

static bool is_ram(const struct region *region)
{
	return region && !(region->flags & PHV_MEMORY_READONLY);
}

static bool is_aliased(const struct overlays *overlays, u64 gfn)
{
	unsigned int i;

	for (i = 0; i < count_of(overlays); i++)
		if (overlays->overlay[i].of == gfn)
			return true;
	return false;
}

int memory_put_alias(struct phv_domain *domain, u64 gfn, u64 of, bool readonly,
		     unsigned long *hva)
{
	struct memory *memory = &domain->memory;
	struct overlay overlay = {
		.gfn	= gfn,
		.of	= of,
		.flags	= readonly ? PHV_MEMORY_READONLY : 0,
	};
	const struct region *region;
	int ret = -ENOENT;

	mutex_lock(&memory->mutex);
	rcu_read_lock();
	region = memory_find(memory, of);
	/* What is mapped twice must be memory, and seen at its own frame. */
	if (is_ram(region) && !is_hole(region, of) && !overlay_at(overlays_of(memory), of))
		overlay.hva = region_hva(region, of);
	rcu_read_unlock();
	if (overlay.hva)
		ret = add_overlay(domain, &overlay);
	mutex_unlock(&memory->mutex);
	*hva = overlay.hva;
	return ret;
}

/**
 * memory_drop_aliases - what is memory at these frames is not seen elsewhere any more
 * @domain: the domain
 * @gfn: first guest frame
 * @pages: frames
 *
 * Return: 0 or -ENOMEM.  Context: process; memory.mutex held.
 */
int memory_drop_aliases(struct phv_domain *domain, u64 gfn, u64 pages)
{
	struct overlays *old = overlays_of(&domain->memory);
	unsigned int i, dropped = 0;
	struct overlays *new;
	u64 *gfns;

	for (i = 0; i < count_of(old); i++)
		dropped += old->overlay[i].of - gfn < pages;
	if (!dropped)
		return 0;
	new = overlays_alloc(old->count);
	gfns = kcalloc(dropped, sizeof(*gfns), GFP_KERNEL);
	if (!new || !gfns) {
		kvfree(new);
		kfree(gfns);
		return -ENOMEM;
	}
	for (dropped = 0, i = 0; i < old->count; i++) {
		if (old->overlay[i].of - gfn < pages)
			gfns[dropped++] = old->overlay[i].gfn;
		else
			new->overlay[new->count++] = old->overlay[i];
	}
	overlays_change(domain, new, gfns, dropped);
	kfree(gfns);
	return 0;
}

/* Holes: memory.mutex held */

/* Is this something that the guest can give back? */
static int may_release(const struct memory *memory, const struct overlays *overlays, u64 gfn)
{
	const struct region *region = memory_find(memory, gfn);
	bool overlay = overlay_at(overlays, gfn);

	if (!region)
		return overlay ? 0 : -EINVAL;
	if (!is_ram(region) || (is_hole(region, gfn) && !overlay))
		return -EINVAL;
	return is_aliased(overlays, gfn) ? -EBUSY : 0;
}

static int may_release_all(struct memory *memory, u64 gfn, u64 pages)
{
	u64 i;
	int ret = 0;

	rcu_read_lock();
	for (i = 0; i < pages && !ret; i++)
		ret = may_release(memory, overlays_of(memory), gfn + i);
	rcu_read_unlock();
	return ret;
}

/* The part of a range that is the region's becomes holes, or memory. */
static void set_holes(const struct region *region, u64 gfn, u64 pages, bool hole)
{
	u64 end = min(gfn + pages, region->gfn + region->pages);
	struct holes *holes = region->holes;

	for (gfn = max(gfn, region->gfn); gfn < end; gfn++) {
		if (hole)
			holes->count += !test_and_set_bit(gfn - region->gfn, holes->bit);
		else
			holes->count -= test_and_clear_bit(gfn - region->gfn, holes->bit);
	}
}

/* The same for all regions, as one step for faults, with the overlays @new if they change. */
static void change_holes(struct phv_domain *domain, u64 gfn, u64 pages, bool hole,
			 struct overlays *new, bool uncover, struct list_head *tables)
{
	struct memory *memory = &domain->memory;
	const struct regions *regions =
		rcu_dereference_protected(memory->regions, lockdep_is_held(&memory->mutex));
	struct overlays *old = overlays_of(memory);
	struct ept *ept = &domain->ept;
	unsigned int i;

	write_lock(&ept->lock);
	for (i = 0; i < regions->count; i++)
		if (regions->region[i].holes)
			set_holes(&regions->region[i], gfn, pages, hole);
	memory_moved(memory);
	if (uncover)
		rcu_assign_pointer(memory->overlays, new);
	/* A hole may have a page of its own kind, see ept_map_hole(). */
	ept_zap(ept, gfn, gfn + pages, tables);
	write_unlock(&ept->lock);
	if (uncover) {
		ept_flush(ept);
		overlays_gone(memory, old);
	}
}

int memory_release(struct phv_domain *domain, u64 gfn, u64 pages, struct list_head *tables)
{
	struct memory *memory = &domain->memory;
	struct overlays *new = NULL;
	bool uncover;
	int ret;

	lockdep_assert_held(&memory->mutex);
	if (gfn >= memory_frames_limit() || pages > memory_frames_limit() - gfn)
		return -EINVAL;
	ret = may_release_all(memory, gfn, pages);
	if (!ret)
		ret = memory_make_hole_maps(domain, gfn, pages);
	uncover = overlays_within(overlays_of(memory), gfn, pages);
	if (!ret && uncover)
		ret = overlays_without(overlays_of(memory), gfn, pages, &new);
	if (!ret)
		change_holes(domain, gfn, pages, true, new, uncover, tables);
	return ret;
}

void memory_release_end(struct phv_domain *domain, struct list_head *tables)
{
	ept_flush(&domain->ept);
	ept_free_tables(tables, true);
}

/* The frames of a range that are holes now; -EINVAL when there can't be memory everywhere. */
static s64 count_holes(const struct memory *memory, u64 gfn, u64 pages)
{
	s64 holes = 0;
	u64 i;

	rcu_read_lock();
	for (i = 0; i < pages; i++) {
		const struct region *region = memory_find(memory, gfn + i);

		if (!is_ram(region)) {
			holes = -EINVAL;
			break;
		}
		holes += is_hole(region, gfn + i);
	}
	rcu_read_unlock();
	return holes;
}

int memory_populate(struct phv_domain *domain, u64 gfn, u64 pages, u64 limit,
		    struct list_head *tables)
{
	struct memory *memory = &domain->memory;
	struct overlays *new = NULL;
	bool uncover;
	s64 holes;
	int ret;

	lockdep_assert_held(&memory->mutex);
	if (gfn >= memory_frames_limit() || pages > memory_frames_limit() - gfn)
		return -EINVAL;
	holes = count_holes(memory, gfn, pages);
	if (holes < 0)
		return holes;
	if (holes && memory_total(memory) + holes > limit)
		return -ENOSPC;
	uncover = overlays_within(overlays_of(memory), gfn, pages);
	if (uncover) {
		ret = overlays_without(overlays_of(memory), gfn, pages, &new);
		if (ret)
			return ret;
	}
	change_holes(domain, gfn, pages, false, new, uncover, tables);
	return 0;
}

u64 memory_total(const struct memory *memory)
{
	const struct regions *regions =
		rcu_dereference_protected(memory->regions, lockdep_is_held(&memory->mutex));
	u64 total = 0;
	unsigned int i;

	for (i = 0; i < regions->count; i++) {
		const struct region *region = &regions->region[i];

		if (!is_ram(region))
			continue;
		total += region->pages;
		if (region->holes)
			total -= region->holes->count;
	}
	return total;
}

u64 memory_last_frame(const struct memory *memory)
{
	const struct regions *regions =
		rcu_dereference_protected(memory->regions, lockdep_is_held(&memory->mutex));
	const struct overlays *overlays =
		rcu_dereference_protected(memory->overlays, lockdep_is_held(&memory->mutex));
	u64 last = 0;

	if (regions->count) {
		const struct region *region = &regions->region[regions->count - 1];

		last = region->gfn + region->pages - 1;
	}
	if (count_of(overlays))
		last = max(last, overlays->overlay[overlays->count - 1].gfn);
	return last;
}
