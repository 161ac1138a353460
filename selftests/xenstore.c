// SPDX-License-Identifier: GPL-2.0-only
/*
 * The xenstore of phvd: what a guest asks of it, and what it must not get.
 *
 * Runs anywhere: without VMX, without phv.ko, and without root.  Requests are given
 * to the store directly, and for the last tests through a ring.
 */
#include <stdlib.h>

#include "kselftest.h"

#include "xenstore.h"
#include "xs_ring.h"

#define GUEST		7
#define HOME		"/local/domain/7"

/* The last answer, and the events since the request. */
static __u32 answer_type, answer_id;
static char answer[XENSTORE_PAYLOAD_MAX + 1];
static size_t answer_size;
static char events[8192];
static unsigned int nr_events;

static struct xs *xs;

static void take(void *data, __u32 type, __u32 req_id, __u32 tx_id, const void *payload,
		 size_t size)
{
	(void)data;
	(void)tx_id;
	if (type == XS_WATCH_EVENT) {
		nr_events++;
		/* "path=token\n" */
		snprintf(events + strlen(events), sizeof(events) - strlen(events),
			 "%s=%s\n", (const char *)payload,
			 (const char *)payload + strlen(payload) + 1);
		return;
	}
	answer_type = type;
	answer_id = req_id;
	answer_size = size;
	memcpy(answer, payload, size);
	answer[size] = '\0';
}

static void ask_bytes(__u32 type, __u32 tx, const void *payload, size_t size)
{
	answer_type = XS_INVALID;
	events[0] = '\0';
	nr_events = 0;
	xs_request(xs, type, 1234, tx, payload, size);
}

/* A request with words that have a NUL behind them; ends with NULL. */
static void ask(__u32 type, __u32 tx, const char *word, ...)
{
	char payload[XENSTORE_PAYLOAD_MAX];
	size_t size = 0;
	va_list words;

	va_start(words, word);
	for (; word; word = va_arg(words, const char *)) {
		memcpy(payload + size, word, strlen(word) + 1);
		size += strlen(word) + 1;
	}
	va_end(words);
	ask_bytes(type, tx, payload, size);
}

static void put(__u32 tx, const char *path, const char *value)
{
	char payload[XENSTORE_PAYLOAD_MAX];
	size_t length = strlen(path) + 1;

	memcpy(payload, path, length);
	memcpy(payload + length, value, strlen(value));
	ask_bytes(XS_WRITE, tx, payload, length + strlen(value));
}

static bool ok(__u32 type)
{
	return answer_type == type && answer_id == 1234 && answer_size == 3 &&
	       !strcmp(answer, "OK");
}

static bool refused(const char *error)
{
	if (answer_type == XS_ERROR && !strcmp(answer, error))
		return true;
	ksft_print_msg("not %s: type %u, \"%s\"\n", error, answer_type, answer);
	return false;
}

static bool reads(__u32 tx, const char *path, const char *value)
{
	ask(XS_READ, tx, path, NULL);
	return answer_type == XS_READ && answer_size == strlen(value) &&
	       !memcmp(answer, value, answer_size);
}

static void begin(void)
{
	xs = xs_new(GUEST, take, NULL);
	if (!xs)
		ksft_exit_fail_msg("no memory\n");
	xs_write(xs, HOME "/data", "");
	xs_give(xs, HOME "/data", 'o');
	xs_write(xs, HOME "/control/shutdown", "");
	xs_give(xs, HOME "/control/shutdown", 'b');
	xs_write(xs, "/secret/key", "hidden");
	xs_give(xs, "/secret", 'n');
	xs_give(xs, "/secret/key", 'n');
}

static void end(void)
{
	xs_free(xs);
}

static void test_nodes(void)
{
	bool good;

	begin();
	put(0, "data/a/b", "value");
	good = ok(XS_WRITE);
	ksft_test_result(good && reads(0, HOME "/data/a/b", "value") &&
			 reads(0, "data/a", ""), "what is written is read\n");
	put(0, "data/a/c", "");
	ask(XS_DIRECTORY, 0, "data/a", NULL);
	ksft_test_result(answer_size == 4 && !memcmp(answer, "b\0c\0", 4),
			 "a directory is listed\n");
	ask(XS_READ, 0, "data/none", NULL);
	good = refused("ENOENT");
	ask(XS_DIRECTORY, 0, "data/none", NULL);
	ksft_test_result(good && refused("ENOENT"), "what isn't there isn't found\n");
	ask(XS_MKDIR, 0, "data/d", NULL);
	good = ok(XS_MKDIR);
	ask(XS_MKDIR, 0, "data/d", NULL);
	ksft_test_result(good && ok(XS_MKDIR), "a directory is made, also twice\n");
	ask(XS_RM, 0, "data/a", NULL);
	good = ok(XS_RM);
	ask(XS_READ, 0, "data/a/b", NULL);
	good = good && refused("ENOENT");
	ask(XS_RM, 0, "data/a", NULL);
	good = good && ok(XS_RM);
	ask(XS_RM, 0, "data/x/y", NULL);
	ksft_test_result(good && refused("ENOENT"), "what is removed is gone, with all below\n");
	end();
}

static void test_paths(void)
{
	static const char * const bad[] = {
		"", "/data/", "//data", "data//a", "data/a b", "data/\x80", "/a/../\x01",
	};
	char longest[XENSTORE_ABS_PATH_MAX + 2];
	bool good = true;
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ask(XS_READ, 0, bad[i], NULL);
		good = good && refused("EINVAL");
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	longest[0] = '/';
	ask(XS_READ, 0, longest, NULL);
	good = good && refused("EINVAL");
	ask_bytes(XS_READ, 0, "data", 4);
	good = good && refused("EINVAL");
	ask_bytes(XS_READ, 0, "", 0);
	good = good && refused("EINVAL");
	ask(XS_READ, 0, "data", "more", NULL);
	ksft_test_result(good && refused("EINVAL"), "bad paths are refused\n");
	end();
}

static void test_permissions(void)
{
	bool good;

	begin();
	ask(XS_READ, 0, "/secret/key", NULL);
	good = refused("EACCES");
	ask(XS_READ, 0, "/secret/other", NULL);
	good = good && refused("EACCES");
	ask(XS_DIRECTORY, 0, "/secret", NULL);
	ksft_test_result(good && refused("EACCES"), "secrets are kept\n");

	put(0, HOME "/name", "x");
	good = refused("EACCES");
	put(0, "/local/domain/8/data/x", "x");
	good = good && refused("EACCES");
	put(0, "/new", "x");
	good = good && refused("EACCES");
	ask(XS_RM, 0, "/local", NULL);
	good = good && refused("EACCES");
	ask(XS_RM, 0, HOME, NULL);
	good = good && refused("EACCES");
	ask(XS_RM, 0, "/", NULL);
	good = good && refused("EINVAL");
	ask(XS_MKDIR, 0, "/x", NULL);
	ksft_test_result(good && refused("EACCES"), "the guest writes where it may only\n");

	put(0, "control/shutdown", "");
	good = ok(XS_WRITE);
	ask(XS_SET_PERMS, 0, "control/shutdown", "b7", NULL);
	good = good && refused("EACCES");
	put(0, "data/mine", "x");
	ask(XS_GET_PERMS, 0, "data/mine", NULL);
	good = good && answer_size == 3 && !strcmp(answer, "n7");
	ask(XS_SET_PERMS, 0, "data/mine", "n0", NULL);
	good = good && refused("EPERM");
	ask(XS_SET_PERMS, 0, "data/mine", "r7", "b3", NULL);
	good = good && ok(XS_SET_PERMS);
	ask(XS_SET_PERMS, 0, "data/mine", "x7", NULL);
	good = good && refused("EINVAL");
	ask(XS_GET_PERMS, 0, "data/mine", NULL);
	ksft_test_result(good && answer_size == 6 && !memcmp(answer, "r7\0b3\0", 6),
			 "the guest says who may use its own nodes, and no others\n");
	end();
}

static void test_privileged(void)
{
	static const __u32 types[] = {
		XS_CONTROL, XS_INTRODUCE, XS_RELEASE, XS_RESUME, XS_SET_TARGET,
	};
	bool good = true;
	size_t i;
	__u32 type;

	begin();
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ask(types[i], 0, "7", NULL);
		good = good && refused("EACCES");
	}
	ksft_test_result(good, "what is domain 0's is refused\n");
	good = true;
	for (type = XS_DIRECTORY_PART + 1; type < 300; type++) {
		ask(type, 0, "x", NULL);
		good = good && refused("ENOSYS");
	}
	ask(XS_WATCH_EVENT, 0, "x", NULL);
	good = good && refused("ENOSYS");
	ask(0xffffffff, 0, "x", NULL);
	ksft_test_result(good && refused("ENOSYS"), "what isn't a request is refused\n");
	ask(XS_GET_DOMAIN_PATH, 0, "7", NULL);
	good = !strcmp(answer, HOME);
	ask(XS_IS_DOMAIN_INTRODUCED, 0, "9", NULL);
	ksft_test_result(good && !strcmp(answer, "F"), "domains' paths are told\n");
	end();
}

static __u32 start(void)
{
	ask(XS_TRANSACTION_START, 0, "", NULL);
	return answer_type == XS_TRANSACTION_START ? (__u32)atoi(answer) : 0;
}

static bool finish(__u32 tx, const char *how)
{
	ask(XS_TRANSACTION_END, tx, how, NULL);
	return ok(XS_TRANSACTION_END);
}

static void test_transactions(void)
{
	__u32 tx, other;
	bool good;

	begin();
	put(0, "data/a", "1");
	tx = start();
	put(tx, "data/a", "2");
	good = tx && reads(0, "data/a", "1") && reads(tx, "data/a", "2");
	ksft_test_result(good && finish(tx, "T") && reads(0, "data/a", "2"),
			 "a transaction is seen when it is committed\n");
	tx = start();
	put(tx, "data/a", "3");
	ask(XS_RM, tx, "data", NULL);
	ksft_test_result(finish(tx, "F") && reads(0, "data/a", "2"),
			 "a transaction that is called off has done nothing\n");
	tx = start();
	other = start();
	put(tx, "data/b", "1");
	put(other, "data/c", "1");
	good = finish(other, "T") && reads(tx, "data/b", "1");
	finish(tx, "T");
	ksft_test_result(good && refused("EAGAIN"), "who is late does it again\n");
	tx = start();
	good = reads(tx, "data/c", "1");
	put(0, "data/c", "2");
	ksft_test_result(good && reads(tx, "data/c", "1") && finish(tx, "T"),
			 "a transaction sees one state of the store\n");
	ask(XS_READ, 999, "data/c", NULL);
	good = refused("ENOENT");
	finish(999, "T");
	good = good && refused("ENOENT");
	finish(0, "T");
	good = good && refused("ENOENT");
	tx = start();
	ask(XS_TRANSACTION_START, tx, "", NULL);
	good = good && refused("EBUSY");
	finish(tx, "X");
	ksft_test_result(good && refused("EINVAL"), "bad transactions are refused\n");
	end();
}

static void test_watches(void)
{
	__u32 tx;
	bool good;

	begin();
	ask(XS_WATCH, 0, "data", "token", NULL);
	good = ok(XS_WATCH) && !strcmp(events, "data=token\n");
	ask(XS_WATCH, 0, "data", "token", NULL);
	ksft_test_result(good && refused("EEXIST"), "a watch fires at once, and is one\n");
	put(0, "data/a", "1");
	good = !strcmp(events, "data/a=token\n");
	put(0, HOME "/data", "1");
	good = good && !strcmp(events, "data=token\n");
	events[0] = '\0';
	xs_write(xs, HOME "/data/b", "2");
	good = good && !strcmp(events, "data/b=token\n");
	put(0, "control/shutdown", "");
	ksft_test_result(good && !events[0], "a watch fires for what is below it\n");
	tx = start();
	put(tx, "data/t", "1");
	good = !events[0];
	good = good && finish(tx, "T") && !strcmp(events, "data/t=token\n");
	tx = start();
	put(tx, "data/u", "1");
	ksft_test_result(good && finish(tx, "F") && !events[0],
			 "a transaction fires when it is committed\n");
	put(0, "data/x/y/z", "1");
	ask(XS_WATCH, 0, HOME "/data/x/y/z", "deep", NULL);
	ask(XS_RM, 0, "data/x", NULL);
	ksft_test_result(strstr(events, "data/x=token\n") &&
			 strstr(events, HOME "/data/x/y/z=deep\n") && nr_events == 2,
			 "a watched node that goes with one above it fires\n");
	ask(XS_WATCH, 0, "/secret", "spy", NULL);
	events[0] = '\0';
	xs_write(xs, "/secret/key", "changed");
	good = !events[0];
	ask(XS_WATCH, 0, "@releaseDomain", "r", NULL);
	good = good && ok(XS_WATCH);
	ask(XS_WATCH, 0, "@other", "r", NULL);
	ksft_test_result(good && refused("EINVAL"), "a watch tells no secrets\n");
	ask(XS_UNWATCH, 0, "data", "token", NULL);
	good = ok(XS_UNWATCH);
	put(0, "data/a", "1");
	good = good && !events[0];
	ask(XS_UNWATCH, 0, "data", "token", NULL);
	ksft_test_result(good && refused("ENOENT"), "a watch that is removed is silent\n");
	ask(XS_WATCH, 0, "data", "again", NULL);
	tx = start();
	ask(XS_RESET_WATCHES, 0, "", NULL);
	good = ok(XS_RESET_WATCHES);
	put(0, "data/a", "1");
	good = good && !events[0];
	finish(tx, "T");
	ksft_test_result(good && refused("ENOENT"), "a reset forgets all\n");
	end();
}

static unsigned int host_told;

static void tell_host(void *data, const char *path)
{
	(void)data;
	if (!strcmp(path, HOME "/data/a"))
		host_told++;
}

static void test_host(void)
{
	char value[8];

	begin();
	host_told = 0;
	xs_watch(xs, HOME "/data/a", tell_host, NULL);
	put(0, "data/a", "12");
	put(0, "data/ab", "12");
	ksft_test_result(host_told == 1 && !xs_read(xs, HOME "/data/a", value, 8) &&
			 !strcmp(value, "12") &&
			 xs_read(xs, HOME "/data/a", value, 2) == -E2BIG &&
			 xs_read(xs, HOME "/data/none", value, 8) == -ENOENT,
			 "the host reads and watches\n");
	ask(XS_RESET_WATCHES, 0, "", NULL);
	put(0, "data/a", "13");
	ksft_test_result(host_told == 2, "its watches are not the guest's to reset\n");
	end();
}

static unsigned int nodes_until_full(__u32 tx)
{
	char path[64];
	unsigned int i;

	for (i = 0; i < 5 * XS_MAX_NODES; i++) {
		snprintf(path, sizeof(path), "data/n%u", i);
		put(tx, path, "x");
		if (!ok(XS_WRITE))
			break;
	}
	return i;
}

static void test_quotas(void)
{
	static char large[XS_MAX_VALUE + 2];
	char token[16];
	unsigned int i, count;
	bool good;
	__u32 tx;

	begin();
	memset(large, 'x', XS_MAX_VALUE + 1);
	put(0, "data/large", large);
	good = refused("ENOSPC");
	large[XS_MAX_VALUE] = '\0';
	put(0, "data/large", large);
	ksft_test_result(good && ok(XS_WRITE), "a value has a limit\n");
	count = nodes_until_full(0);
	good = refused("ENOSPC") && count <= XS_MAX_NODES && count > XS_MAX_NODES / 2;
	put(0, "data/n0", "changed");
	good = good && ok(XS_WRITE);
	ask(XS_RM, 0, "data/n1", NULL);
	put(0, "data/other", "x");
	ksft_test_result(good && ok(XS_WRITE), "nodes have a limit: %u\n", count);
	ask(XS_DIRECTORY, 0, "data", NULL);
	ksft_test_result(refused("E2BIG"), "a directory has one, too\n");
	end();

	begin();
	for (i = 0; i < 2 * XS_MAX_WATCHES; i++) {
		snprintf(token, sizeof(token), "%u", i);
		ask(XS_WATCH, 0, "data", token, NULL);
		if (!ok(XS_WATCH))
			break;
	}
	ksft_test_result(i == XS_MAX_WATCHES && refused("E2BIG"), "watches have a limit\n");
	for (i = 0; i < 2 * XS_MAX_TRANSACTIONS && start(); i++)
		;
	ksft_test_result(i == XS_MAX_TRANSACTIONS && refused("ENOSPC"),
			 "transactions have a limit\n");
	ask(XS_RESET_WATCHES, 0, "", NULL);
	tx = start();
	for (i = 0; i < 5 * XS_MAX_CHANGES; i++) {
		put(tx, "data/a", "x");
		if (!ok(XS_WRITE))
			break;
	}
	ksft_test_result(i == XS_MAX_CHANGES && refused("ENOSPC"),
			 "what a transaction does has a limit\n");
	end();
}

/* Nodes that are made and removed in a transaction, over and over, are kept until its end. */
static void test_held(void)
{
	char path[XENSTORE_ABS_PATH_MAX / 2] = "data/h";
	unsigned int i;
	size_t length;
	bool good;
	__u32 tx;

	begin();
	for (i = 0, length = strlen(path); i < 300; i++, length += 2)
		memcpy(path + length, "/x", 3);
	tx = start();
	for (i = 0; i < XS_MAX_CHANGES; i++) {
		put(tx, path, "x");
		if (!ok(XS_WRITE))
			break;
		ask(XS_RM, tx, "data/h", NULL);
		if (!ok(XS_RM))
			break;
	}
	good = refused("ENOSPC") && i == XS_MAX_HELD / 301;
	good = good && reads(tx, path, "x") && finish(tx, "T") && reads(0, path, "x");
	ask(XS_RM, 0, "data/h", NULL);
	good = good && ok(XS_RM);
	tx = start();
	put(tx, path, "x");
	ask(XS_RM, tx, "data/h", NULL);
	ksft_test_result(good && ok(XS_RM) && finish(tx, "T"),
			 "so has what a transaction removes: %u times\n", i);
	end();

	/* A guest that has all that it may have can get rid of it. */
	begin();
	nodes_until_full(0);
	tx = start();
	ask(XS_RM, tx, "data", NULL);
	good = ok(XS_RM) && finish(tx, "T");
	ask(XS_READ, 0, "data/n0", NULL);
	ksft_test_result(good && answer_type == XS_ERROR, "all of it can be removed at once\n");
	end();
}

/* A directory that is too long for an answer comes in parts. */
static void test_parts(void)
{
	char offset[16], path[80], *names, *stamp = NULL;
	static char all[65536];
	size_t size = 0, n;
	unsigned int i, parts = 0;
	bool last = false, same = true;

	begin();
	for (i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "data/a-rather-long-name-for-a-node-%u", i);
		put(0, path, "");
	}
	while (!last && parts < 20) {
		snprintf(offset, sizeof(offset), "%zu", size);
		ask(XS_DIRECTORY_PART, 0, "data", offset, NULL);
		if (answer_type != XS_DIRECTORY_PART)
			break;
		if (stamp)
			same = same && !strcmp(stamp, answer);
		else
			stamp = strdup(answer);
		names = answer + strlen(answer) + 1;
		n = answer_size - (names - answer);
		last = n && !names[n - 1] && (n == 1 || !names[n - 2]);
		memcpy(all + size, names, n - last);
		size += n - last;
		parts++;
	}
	for (i = 0, n = 0; n < size; n += strlen(all + n) + 1)
		i++;
	ksft_test_result(last && same && i == 500 && parts > 3,
			 "a long directory comes in %u parts, %u names\n", parts, i);
	free(stamp);
	end();
}

/* Through a ring, as a guest has it. */

static struct xenstore_domain_interface *page;
static struct xs_ring ring;

static void begin_ring(void)
{
	page = calloc(1, 4096);
	xs_ring_init(&ring, page);
	xs = xs_new(GUEST, xs_ring_send, &ring);
	ring.xs = xs;
	xs_write(xs, HOME "/data", "");
	xs_give(xs, HOME "/data", 'o');
}

static void end_ring(void)
{
	xs_ring_free(&ring);
	xs_free(xs);
	free(page);
}

static void ring_put(const void *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (page->req_prod - page->req_cons == XENSTORE_RING_SIZE)
			xs_ring_serve(&ring);
		page->req[MASK_XENSTORE_IDX(page->req_prod++)] = ((const char *)data)[i];
	}
}

static void ring_get(void *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (page->rsp_prod == page->rsp_cons)
			xs_ring_serve(&ring);
		((char *)data)[i] = page->rsp[MASK_XENSTORE_IDX(page->rsp_cons++)];
	}
}

static void ring_ask(__u32 type, const void *payload, __u32 size)
{
	const struct xsd_sockmsg header = { .type = type, .req_id = 5, .len = size };

	ring_put(&header, sizeof(header));
	ring_put(payload, size);
}

static void test_ring(void)
{
	static char value[XS_MAX_VALUE], request[XS_MAX_VALUE + 7] = "data/v";
	struct xsd_sockmsg header;
	bool good = true;
	unsigned int i;

	begin_ring();
	for (i = 0; i < XS_MAX_VALUE; i++)
		request[7 + i] = (char)i;
	for (i = 0; i < 20; i++) {
		ring_ask(XS_WRITE, request, sizeof(request));
		ring_get(&header, sizeof(header));
		ring_get(value, header.len);
		good = good && header.type == XS_WRITE && header.req_id == 5;
		ring_ask(XS_READ, "data/v", 7);
		ring_get(&header, sizeof(header));
		ring_get(value, header.len);
		good = good && header.len == XS_MAX_VALUE &&
		       !memcmp(value, request + 7, XS_MAX_VALUE);
	}
	ksft_test_result(good, "messages larger than the ring go through it\n");
	end_ring();
}

static void test_ring_hostile(void)
{
	struct xsd_sockmsg header = { .type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1 };
	bool good;

	begin_ring();
	ring_put(&header, sizeof(header));
	xs_ring_serve(&ring);
	good = ring.broken && page->error == XENSTORE_ERROR_PROTO;
	page->connection = XENSTORE_RECONNECT;
	xs_ring_serve(&ring);
	good = good && !page->connection && !page->error;
	ring_ask(XS_READ, "data", 5);
	ring_get(&header, sizeof(header));
	ksft_test_result(good && header.type == XS_READ,
			 "too long a message ends it, until the guest begins anew\n");
	end_ring();

	begin_ring();
	page->req_prod = 5000;
	xs_ring_serve(&ring);
	good = ring.broken && page->error == XENSTORE_ERROR_RINGIDX;
	end_ring();
	begin_ring();
	page->rsp_prod = 5;
	page->rsp_cons = 77777;
	xs_write(xs, HOME "/data/x", "");
	ring_ask(XS_READ, "data", 5);
	xs_ring_serve(&ring);
	ksft_test_result(good && ring.broken, "indexes that can't be end it\n");
	end_ring();
}

/* A guest that asks and asks, and takes no answer. */
static void test_ring_greedy(void)
{
	static char request[XS_MAX_VALUE + 7] = "data/v";
	unsigned int i;

	begin_ring();
	ring_ask(XS_WRITE, request, sizeof(request));
	for (i = 0; i < 10000; i++) {
		if (XENSTORE_RING_SIZE - (page->req_prod - page->req_cons) >= 23)
			ring_ask(XS_READ, "data/v", 7);
		xs_ring_serve(&ring);
	}
	ksft_test_result(!ring.broken && ring.queued < 100000,
			 "who takes no answers isn't served: %zu bytes wait\n", ring.queued);
	end_ring();
}

/* A guest that asks on while it is served: with each write of its there is another. */
static unsigned int writes;

static void ask_on(void *data, const char *path)
{
	static const char request[] = "data/v\0x";
	const struct xsd_sockmsg header = { .type = XS_WRITE, .req_id = 5, .len = 8 };
	XENSTORE_RING_IDX at = page->req_prod;
	size_t i;

	(void)data;
	(void)path;
	if (++writes >= 20000)
		return;
	for (i = 0; i < sizeof(header) + 8; i++)
		page->req[MASK_XENSTORE_IDX(at++)] =
			i < sizeof(header) ? ((const char *)&header)[i] : request[i - sizeof(header)];
	page->req_prod = at;
	page->rsp_cons = page->rsp_prod;
}

static void test_ring_endless(void)
{
	unsigned int first, calls = 0;
	bool good;

	begin_ring();
	xs_watch(xs, HOME "/data/v", ask_on, NULL);
	ask_on(NULL, NULL);
	xs_ring_serve(&ring);
	first = writes;
	good = ring.more;
	while (ring.more && calls++ < 20000)
		xs_ring_serve(&ring);
	ksft_test_result(good && first < 100 && writes == 20000 && !ring.more && !ring.broken,
			 "who asks on and on is served %u requests at a time\n", first);
	end_ring();
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(40);
	test_nodes();
	test_paths();
	test_permissions();
	test_privileged();
	test_transactions();
	test_watches();
	test_host();
	test_quotas();
	test_held();
	test_parts();
	test_ring();
	test_ring_hostile();
	test_ring_greedy();
	test_ring_endless();
	ksft_finished();
}
