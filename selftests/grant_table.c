// SPDX-License-Identifier: GPL-2.0-only
/*
 * libphv's look at a guest's grants: both versions of the table, and guests that put
 * there what they should not.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <phv.h>

/* From this version on the headers have version 2 of the table. */
#ifndef __XEN_INTERFACE_VERSION__
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#endif
#include <xen/xen.h>
#include <xen/grant_table.h>

#include "grant.h"
#include "guest_memory.h"
#include "kselftest.h"

#define FRAMES		4
#define RAM		(16 * GUEST_PAGE_SIZE)
#define HIGH		(4 * GUEST_PAGE_SIZE)
#define HIGH_GFN	(GUEST_HIGH_ADDR / GUEST_PAGE_SIZE)

static struct guest_memory memory;
static struct grant_table table;
static grant_entry_v1_t *v1;
static grant_entry_v2_t *v2;
static __u16 *status;
static bool failed;

#define check(condition) do {						\
	if (!(condition)) {						\
		ksft_print_msg("line %d: %s\n", __LINE__, #condition);	\
		failed = true;						\
	}								\
} while (0)

static void *pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	return p;
}

/* An empty table of a guest with some memory. */
static void start(unsigned int version)
{
	free(table.frames);
	table.frames = aligned_alloc(GUEST_PAGE_SIZE,
				     (PHV_XEN_FRAMES(FRAMES) - 1) * GUEST_PAGE_SIZE);
	memset(table.frames, 0, (PHV_XEN_FRAMES(FRAMES) - 1) * GUEST_PAGE_SIZE);
	table.max_frames = FRAMES;
	table.version = version;
	table.memory = &memory;
	v1 = table.frames;
	v2 = table.frames;
	status = (__u16 *)((char *)table.frames + FRAMES * GUEST_PAGE_SIZE);
}

static int find(__u32 ref, bool write)
{
	struct grant_page page;

	return grant_find(&table, ref, write, &page);
}

static void test_v1(void)
{
	struct grant_page page;

	start(1);
	v1[9] = (grant_entry_v1_t){ .flags = GTF_permit_access, .frame = 3 };
	check(!grant_find(&table, 9, true, &page));
	check(page.data == (char *)memory.region[0].host + 3 * GUEST_PAGE_SIZE);
	check(page.offset == 0 && page.length == GUEST_PAGE_SIZE && page.gfn == 3);
	v1[9].frame = HIGH_GFN + 1;
	check(!grant_find(&table, 9, true, &page));
	check(page.data == (char *)memory.region[1].host + GUEST_PAGE_SIZE);
	/* The last that there is. */
	v1[FRAMES * 512 - 1] = v1[9];
	check(!find(FRAMES * 512 - 1, false));
	check(find(FRAMES * 512, false) == -EINVAL);
	check(find(UINT32_MAX, false) == -EINVAL);
}

static void test_rights(void)
{
	start(1);
	v1[1] = (grant_entry_v1_t){ .flags = GTF_permit_access | GTF_readonly, .frame = 3 };
	check(!find(1, false));
	check(find(1, true) == -EACCES);
	check(find(2, false) == -EACCES);		/* GTF_invalid */
	v1[1].flags = GTF_accept_transfer;
	check(find(1, false) == -EACCES);
	v1[1].flags = GTF_transitive;
	check(find(1, false) == -EACCES);
	v1[1] = (grant_entry_v1_t){ .flags = GTF_permit_access, .domid = 1, .frame = 3 };
	check(find(1, false) == -EACCES);
	v1[1].domid = DOMID_SELF;
	check(find(1, false) == -EACCES);
}

static void test_no_memory(void)
{
	static const __u32 bad[] = { RAM / GUEST_PAGE_SIZE, HIGH_GFN - 1, HIGH_GFN + 4, ~0U };
	static const __u64 worse[] = { 1ULL << 52, ~0ULL, ~0ULL >> 12, (~0ULL >> 12) + 1 };
	unsigned int i;

	start(1);
	v1[1].flags = GTF_permit_access;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		v1[1].frame = bad[i];
		check(find(1, false) == -EFAULT);
	}
	start(2);
	v2[1].hdr.flags = GTF_permit_access;
	for (i = 0; i < ARRAY_SIZE(worse); i++) {
		v2[1].full_page.frame = worse[i];
		check(find(1, false) == -EFAULT);
	}
}

static void test_v2(void)
{
	struct grant_page page;

	start(2);
	v2[9].hdr.flags = GTF_permit_access;
	v2[9].full_page.frame = HIGH_GFN;
	check(!grant_find(&table, 9, true, &page));
	check(page.data == memory.region[1].host && page.length == GUEST_PAGE_SIZE);
	v2[FRAMES * 256 - 1] = v2[9];
	check(!find(FRAMES * 256 - 1, false));
	check(find(FRAMES * 256, false) == -EINVAL);

	v2[9].hdr.flags = GTF_permit_access | GTF_sub_page | GTF_readonly;
	v2[9].sub_page.frame = 2;
	v2[9].sub_page.page_off = 100;
	v2[9].sub_page.length = 200;
	check(!grant_find(&table, 9, false, &page));
	check(page.data == (char *)memory.region[0].host + 2 * GUEST_PAGE_SIZE + 100);
	check(page.offset == 100 && page.length == 200);
	check(find(9, true) == -EACCES);
	v2[9].sub_page.page_off = 4000;
	check(find(9, false) == -EFAULT);
	v2[9].sub_page.page_off = 65535;
	v2[9].sub_page.length = 65535;
	check(find(9, false) == -EFAULT);
	v2[9].sub_page.length = 0;
	check(find(9, false) == -EFAULT);
	v2[9].hdr.flags = GTF_transitive;
	check(find(9, false) == -EACCES);
}

static void test_marks(void)
{
	struct grant_page page;

	start(1);
	v1[5] = (grant_entry_v1_t){ .flags = GTF_permit_access, .frame = 3 };
	check(!grant_get(&table, 5, false, &page));
	check(v1[5].flags == (GTF_permit_access | GTF_reading));
	grant_put(&table, 5);
	check(v1[5].flags == GTF_permit_access);
	check(!grant_get(&table, 5, true, &page));
	check(v1[5].flags == (GTF_permit_access | GTF_reading | GTF_writing));
	grant_put(&table, 5);
	v1[5].frame = 5000;
	check(grant_get(&table, 5, true, &page) == -EFAULT);
	check(v1[5].flags == GTF_permit_access);
	v1[5].flags |= GTF_readonly;
	check(grant_get(&table, 5, true, &page) == -EACCES);
	check(v1[5].flags == (GTF_permit_access | GTF_readonly));
	check(grant_get(&table, FRAMES * 512, true, &page) == -EINVAL);
	grant_put(&table, UINT32_MAX);

	start(2);
	v2[FRAMES * 256 - 1].hdr.flags = GTF_permit_access;
	check(!grant_get(&table, FRAMES * 256 - 1, true, &page));
	check(v2[FRAMES * 256 - 1].hdr.flags == GTF_permit_access);
	check(status[FRAMES * 256 - 1] == (GTF_reading | GTF_writing));
	grant_put(&table, FRAMES * 256 - 1);
	check(!status[FRAMES * 256 - 1]);
}

/* A guest that changes the entry all the time. */

static bool stop;

static void *changer(void *arg)
{
	static const __u32 frames[] = { 3, 5000, HIGH_GFN, ~0U };
	unsigned int i;

	(void)arg;
	for (i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		__atomic_store_n(&v1[7].frame, frames[i % 4], __ATOMIC_RELAXED);
		__atomic_store_n(&v1[7].flags, i % 3 ? GTF_permit_access : GTF_invalid,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&v1[7].domid, i % 5 == 4, __ATOMIC_RELAXED);
	}
	return NULL;
}

static bool is_inside(const struct grant_page *page)
{
	unsigned int i;

	for (i = 0; i < memory.regions; i++) {
		const struct guest_region *region = &memory.region[i];
		const char *host = region->host;

		if ((char *)page->data >= host &&
		    (char *)page->data + page->length <= host + region->size)
			return page->length <= GUEST_PAGE_SIZE;
	}
	return false;
}

static void test_hostile(void)
{
	struct grant_page page;
	unsigned int i, found = 0, refused = 0;
	pthread_t thread;
	int ret;

	start(1);
	stop = false;
	if (pthread_create(&thread, NULL, changer, NULL))
		ksft_exit_fail_msg("no thread\n");
	/* On one CPU they take turns. */
	for (i = 0; i < 300000 || ((found < 100 || refused < 100) && i < 2000000000); i++) {
		if (i & 1)
			ret = grant_get(&table, 7, true, &page);
		else
			ret = grant_find(&table, 7, true, &page);
		if (ret) {
			refused++;
			check(ret == -EACCES || ret == -EFAULT || ret == -EAGAIN);
			continue;
		}
		found++;
		check(is_inside(&page));
		if (i & 1)
			grant_put(&table, 7);
	}
	check(found >= 100 && refused >= 100);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ksft_print_msg("%u of %u were good\n", found, i);
}

static void run(const char *name, void (*function)(void))
{
	failed = false;
	function();
	ksft_test_result(!failed, "%s\n", name);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(6);
	memory.regions = 2;
	memory.region[0] = (struct guest_region){ .size = RAM, .type = 1, .host = pages(RAM) };
	memory.region[1] = (struct guest_region){
		.addr = GUEST_HIGH_ADDR, .size = HIGH, .type = 1, .host = pages(HIGH),
	};
	run("version 1", test_v1);
	run("rights", test_rights);
	run("frames that are no memory", test_no_memory);
	run("version 2", test_v2);
	run("marks", test_marks);
	run("a guest that changes its mind", test_hostile);
	ksft_finished();
}
