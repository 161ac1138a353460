// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies from and to guest-physical memory in the inner loop.
 *
 * What lives here: what memory_read() and memory_write() do, without sleeping, and quick:
 * hypercalls read their arguments by it, and the page tables on the way there. Each vCPU
 * remembers where the frames are that it had to do with last. That is good for as
 * long as memory.sequence does not move, which it does with every change of regions,
 * overlays and holes; a copy that is under way then ends before the memory goes, because
 * those who take it away wait for RCU.
 *
 * CR2 and PKRU are the guest's in the inner loop: the caller sees to that.
 */
#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <phv.h>

#include "domain.h"
#include "memory.h"
#include "vcpu.h"

/* Frames that an entry covers at most: those of a large page. */
#define WINDOW_SHIFT	9

/*
 * Remember the frames around this one that belong together. Not while somebody changes
 * the map; and what has a dirty log is not for writing, which would have to be logged.
 */
static bool window_find(struct phv_vcpu *vcpu, u64 gfn, struct memory_window *window)
{
	struct memory *memory = &vcpu->domain->memory;
	struct region region;
	bool found = false;
	u64 first, last;

	if (!read_trylock(&vcpu->domain->ept.lock))
		return false;
	rcu_read_lock();
	if (vcpu->memory.sequence != memory->sequence) {
		memset(&vcpu->memory, 0, sizeof(vcpu->memory));
		vcpu->memory.sequence = memory->sequence;
	}
	if (!memory_lookup(memory, gfn, &region))
		goto out;
	first = max(region.gfn, gfn & -BIT_ULL(WINDOW_SHIFT));
	last = min(region.gfn + region.pages - 1, gfn | (BIT_ULL(WINDOW_SHIFT) - 1));
	if (first != last && !memory_is_whole(memory, first, last - first + 1)) {
		first = gfn;
		last = gfn;
	}
	window->gfn = first;
	window->pages = last - first + 1;
	window->hva = region_hva(&region, first);
	window->writable = !(region.flags & PHV_MEMORY_READONLY) && !region.dirty;
	found = true;
out:
	rcu_read_unlock();
	read_unlock(&vcpu->domain->ept.lock);
	return found;
}

/* The owner's address of a frame, or 0 for who has to look it up. RCU read lock held. */
static __always_inline unsigned long window_hva(struct phv_vcpu *vcpu, u64 gfn, bool write)
{
	struct memory_cache *cache = &vcpu->memory;
	struct memory_window *window = &cache->window[(gfn >> WINDOW_SHIFT) % MEMORY_WINDOWS];

	if (unlikely(cache->sequence != READ_ONCE(vcpu->domain->memory.sequence) ||
		     gfn - window->gfn >= window->pages)) {
		if (!window_find(vcpu, gfn, window))
			return 0;
	}
	if (write && !window->writable)
		return 0;
	return window->hva + ((gfn - window->gfn) << PAGE_SHIFT);
}

/* Word by word: most are few, and then a string instruction is slow. 0 or -EAGAIN. */
static __always_inline int copy_from(void *buf, const void __user *user, size_t size)
{
	if (!user_access_begin(user, size))
		return -EAGAIN;
	for (; size >= sizeof(u64); size -= sizeof(u64), buf += sizeof(u64), user += sizeof(u64))
		unsafe_get_user(*(u64 *)buf, (const u64 __user *)user, fault);
	for (; size >= sizeof(u32); size -= sizeof(u32), buf += sizeof(u32), user += sizeof(u32))
		unsafe_get_user(*(u32 *)buf, (const u32 __user *)user, fault);
	for (; size; size--, buf++, user++)
		unsafe_get_user(*(u8 *)buf, (const u8 __user *)user, fault);
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EAGAIN;
}

static __always_inline int copy_to(void __user *user, const void *buf, size_t size)
{
	if (!user_access_begin(user, size))
		return -EAGAIN;
	for (; size >= sizeof(u64); size -= sizeof(u64), buf += sizeof(u64), user += sizeof(u64))
		unsafe_put_user(*(const u64 *)buf, (u64 __user *)user, fault);
	for (; size >= sizeof(u32); size -= sizeof(u32), buf += sizeof(u32), user += sizeof(u32))
		unsafe_put_user(*(const u32 *)buf, (u32 __user *)user, fault);
	for (; size; size--, buf++, user++)
		unsafe_put_user(*(const u8 *)buf, (u8 __user *)user, fault);
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EAGAIN;
}

int memory_read_nofault(struct phv_vcpu *vcpu, u64 gpa, void *buf, size_t size)
{
	unsigned long hva;
	int ret;

	rcu_read_lock();
	hva = window_hva(vcpu, gpa >> PAGE_SHIFT, false);
	if (likely(hva)) {
		pagefault_disable();
		ret = copy_from(buf, (const void __user *)(hva + offset_in_page(gpa)), size);
		pagefault_enable();
	} else {
		ret = memory_try_read(vcpu->domain, gpa, buf, size);
	}
	rcu_read_unlock();
	return ret;
}

int memory_write_nofault(struct phv_vcpu *vcpu, u64 gpa, const void *buf, size_t size)
{
	unsigned long hva;
	int ret;

	rcu_read_lock();
	hva = window_hva(vcpu, gpa >> PAGE_SHIFT, true);
	if (likely(hva)) {
		pagefault_disable();
		ret = copy_to((void __user *)(hva + offset_in_page(gpa)), buf, size);
		pagefault_enable();
	} else {
		ret = memory_try_write(vcpu->domain, gpa, buf, size);
	}
	rcu_read_unlock();
	return ret;
}
