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
 * Interrupts are off, and RCU waits for who has them off. CR2 and PKRU are the guest's in
 * the inner loop: the caller sees to that, and that page faults are disabled.
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

static __always_inline struct memory_window *window_of(struct phv_vcpu *vcpu, u64 gfn)
{
	return &vcpu->memory.window[(gfn >> WINDOW_SHIFT) % MEMORY_WINDOWS];
}

/* The owner's address of a frame that was seen lately, or 0. */
static __always_inline unsigned long window_hva(struct phv_vcpu *vcpu, u64 gfn, bool write)
{
	const struct memory_window *window = window_of(vcpu, gfn);

	if (unlikely(vcpu->memory.sequence != READ_ONCE(vcpu->domain->memory.sequence) ||
		     gfn - window->gfn >= window->pages))
		return 0;
	if (write && !window->writable)
		return 0;
	return window->hva + ((gfn - window->gfn) << PAGE_SHIFT);
}

/*
 * Remember the frames around this one that belong together. Not while somebody changes
 * the map; and what has a dirty log is not for writing, which would have to be logged.
 */
static void window_find(struct phv_vcpu *vcpu, u64 gfn)
{
	struct memory_window *window = window_of(vcpu, gfn);
	struct memory *memory = &vcpu->domain->memory;
	struct region region;
	u64 first, last;

	/* There, but not for writing? */
	if (window_hva(vcpu, gfn, false) || !read_trylock(&vcpu->domain->ept.lock))
		return;
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
out:
	rcu_read_unlock();
	read_unlock(&vcpu->domain->ept.lock);
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

/* The long way, once: next time it will be known. */
static noinline int read_slow(struct phv_vcpu *vcpu, u64 gpa, void *buf, size_t size)
{
	window_find(vcpu, gpa >> PAGE_SHIFT);
	return memory_try_read(vcpu->domain, gpa, buf, size);
}

static noinline int write_slow(struct phv_vcpu *vcpu, u64 gpa, const void *buf, size_t size)
{
	window_find(vcpu, gpa >> PAGE_SHIFT);
	return memory_try_write(vcpu->domain, gpa, buf, size);
}

int memory_read_nofault(struct phv_vcpu *vcpu, u64 gpa, void *buf, size_t size)
{
	unsigned long hva = window_hva(vcpu, gpa >> PAGE_SHIFT, false);

	if (unlikely(!hva))
		return read_slow(vcpu, gpa, buf, size);
	return copy_from(buf, (const void __user *)(hva + offset_in_page(gpa)), size);
}

/* A word that does not leave its page: an entry of a page table, say. */
int memory_read64_nofault(struct phv_vcpu *vcpu, u64 gpa, u64 *value)
{
	unsigned long hva = window_hva(vcpu, gpa >> PAGE_SHIFT, false);

	if (unlikely(!hva))
		return read_slow(vcpu, gpa, value, sizeof(*value));
	return copy_from(value, (const void __user *)(hva + offset_in_page(gpa)), sizeof(*value));
}

int memory_write_nofault(struct phv_vcpu *vcpu, u64 gpa, const void *buf, size_t size)
{
	unsigned long hva = window_hva(vcpu, gpa >> PAGE_SHIFT, true);

	if (unlikely(!hva))
		return write_slow(vcpu, gpa, buf, size);
	return copy_to((void __user *)(hva + offset_in_page(gpa)), buf, size);
}
