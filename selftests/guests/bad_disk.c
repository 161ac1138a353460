// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with a frontend for its disk xvda that does what none should: see frontend.h.
 * Used by blk.c.
 *
 * It connects, does one of the things below, says what becomes of it ("bad: NAME: "
 * and the backend's reason, or the answer's status), closes, and begins again. With a second
 * vCPU, that one writes into requests while the backend reads them.
 *
 * With xvdb instead of xvda, it does as it should, for ever: what it has written it reads, and
 * says "disturbed" if it is something else. With both, it stalls: xvda's ring gets full, and
 * nobody looks at it again, nor at xvdb, ever.
 */
#include "frontend.h"

/* As a 32-bit guest has it. */
struct segment {
	u32 ref;
	u8 first, last;
	u16 pad;
};

struct request {
	u8 op, segments;
	u16 handle;
	u64 id;
	u64 sector;
	struct segment segment[11];
} __packed;

struct indirect {
	u8 op, what;
	u16 segments;
	u64 id;
	u64 sector;
	u16 handle, pad;
	u32 ref[8];
	u8 rest[52];
} __packed;

struct answer {
	u64 id;
	u8 op, pad;
	s16 status;
	u8 rest[96];
} __packed;

struct ring {
	u32 req_prod, req_event, rsp_prod, rsp_event;
	u8 pad[48];
	union {
		struct request request;
		struct indirect indirect;
		struct answer answer;
	} entry[32];
};

#define BAD_DISK	"device/vbd/51712/"
#define GOOD_DISK	"device/vbd/51728/"

/* Grants: the ring, the page of data, and the one behind it, for reading only. */
enum { RING = 8, DATA, READ_ONLY };

#define GUARDED		(32 * 4096)	/* more than a segment can have */
#define GUARD		0x5a5a5a5a
#define LOOKS		20	/* for an answer, before one for the backend's state */
#define REWRITES	40	/* connections */
#define REWRITES_EACH	50	/* requests of each, at most */

static struct ring ring __attribute__((aligned(4096)));
/* With what is behind data, and is nobody's business */
static u32 *const data = (void *)0x300000;
static u32 *const guard = (void *)0x301000;
static u32 port;
/* Where the other vCPU rewrites, if anywhere, and what */
static struct request *volatile target;
static volatile u32 what;

static struct request *request(u8 op, u8 segments, u32 ref)
{
	struct request *made = &ring.entry[0].request;
	u32 i;

	made->op = op;
	made->segments = segments;
	made->sector = 0;
	for (i = 0; i < 11; i++)
		made->segment[i] = (struct segment){ ref, 0, 7, 0 };
	return made;
}

static void bad_index(void)
{
	ring.req_prod = 99;
}

static void back_index(void)
{
	ring.req_prod = 0u - 1;
}

static void many_segments(void)
{
	request(0, 12, DATA);
}

static void no_segments(void)
{
	request(1, 0, DATA);
}

static void not_granted(void)
{
	request(0, 1, 100);
}

static void far_grant(void)
{
	request(0, 1, 0xfffffff0);
}

static void read_only_grant(void)
{
	request(0, 1, READ_ONLY);
}

static void bad_segment(void)
{
	request(0, 1, DATA)->segment[0].last = 8;
}

static void indirect(u16 segments, u32 ref)
{
	struct indirect *made = &ring.entry[0].indirect;

	made->op = 6;
	made->what = 1;
	made->segments = segments;
	made->ref[0] = ref;
}

static void many_indirect(void)
{
	indirect(0xffff, 9);
}

static void indirect_nowhere(void)
{
	indirect(1, 100);
}

/* What a disk can't do is no reason to end it. */

static void unknown(void)
{
	request(42, 255, DATA);
}

static void beyond(void)
{
	request(0, 1, DATA)->sector = 0x1000000000000000ULL;
}

static void overflow(void)
{
	request(1, 1, DATA)->sector = ~0ULL;
}

static void huge_discard(void)
{
	struct request *made = request(5, 0, DATA);

	*(u64 *)made->segment = ~0ULL;
}

static void good(void)
{
	request(0, 1, DATA);
}

static const struct {
	const char *name;
	void (*make)(void);
} things[] = {
	{ "good", good },
	{ "index", bad_index },
	{ "back", back_index },
	{ "segments", many_segments },
	{ "none", no_segments },
	{ "grant", not_granted },
	{ "far", far_grant },
	{ "read-only", read_only_grant },
	{ "segment", bad_segment },
	{ "indirect", many_indirect },
	{ "nowhere", indirect_nowhere },
	{ "unknown", unknown },
	{ "beyond", beyond },
	{ "overflow", overflow },
	{ "discard", huge_discard },
	{ "good", good },
};

/* What came of it: an answer, or the device's end. */
static void outcome(void)
{
	volatile struct ring *shared = &ring;
	s16 status;

	for (;;) {
		if (shared->rsp_prod) {
			status = shared->entry[0].answer.status;
			append_number(append(value, status < 0 ? "-" : ""),
				      status < 0 ? -status : status);
			return;
		}
		read_backend("state");
		if (same(value, CLOSING)) {
			read_backend("error");
			return;
		}
	}
}

static void tell(const char *name)
{
	say("bad: ");
	say(name);
	say(": ");
	say(value);
	say("\n");
}

static void close_and_reopen(void)
{
	reopen_device();
	close_port(port);
}

static void connect(u32 ref, u32 with_port)
{
	memset(&ring, 0, sizeof(ring));
	ring.req_event = 1;
	ring.rsp_event = 1;
	write_number("ring-ref", ref);
	write_number("event-channel", with_port);
	write_node("state", "3");
}

static void try(const char *name, void (*make)(void))
{
	port = open_port();
	connect(RING, port);
	if (wait_for(CONNECTED)) {
		make();
		asm volatile("" : : : "memory");
		if (!ring.req_prod)
			ring.req_prod = 1;
		send(port);
		outcome();
	} else {
		read_backend("error");
	}
	tell(name);
	close_and_reopen();
}

static void try_connect(const char *name, u32 ref, int bad_port)
{
	port = open_port();
	connect(ref, bad_port ? 4095 : port);
	if (wait_for(CONNECTED))
		append(value, "connected");
	else
		read_backend("error");
	tell(name);
	close_and_reopen();
}

/* Requests over and over, to a ring that is always full; what comes of them doesn't matter. */
static void keep_busy(u32 rounds, u8 op)
{
	volatile struct ring *shared = &ring;
	u32 i;

	for (i = 0; i < 32; i++) {
		ring.entry[i].request = *request(op, 1, DATA);
		ring.entry[i].request.sector = i;
	}
	while (rounds--) {
		asm volatile("" : : : "memory");
		shared->req_prod = shared->rsp_prod + 32;
		send(port);
		send(port);
		read_backend("state");
		if (same(value, CLOSING))
			break;
	}
}

static void try_flood(void)
{
	port = open_port();
	connect(RING, port);
	if (wait_for(CONNECTED))
		keep_busy(50, 0);
	close_and_reopen();
	append(value, "over");
	tell("flood");
}

/*
 * The other vCPU: what is good is not, for a moment. A write each round: an emulator may do
 * what is between two jumps at once.
 */
static void rewrite(void)
{
	volatile struct request *made;
	u32 i, bad;

	for (i = 0; ; i++) {
		made = target;
		bad = !(i % 4);
		if (!made)
			continue;
		if (what == 0)
			*(volatile u16 *)&made->segment[0].first = bad ? 255 << 8 : 7 << 8;
		else if (what == 1)
			made->segment[0].ref = bad ? READ_ONLY : DATA;
		else
			made->segments = bad ? 255 : 1;
	}
}

static int guard_is_whole(void)
{
	volatile u32 *at;

	for (at = guard; at < guard + GUARDED / 4; at++)
		if (*at != GUARD)
			return 0;
	return 1;
}

/* A request to a ring that has nothing else: its status, or 1 if it is the device's end. */
static int do_request(u32 number, u8 op, u64 sector, u8 last)
{
	volatile struct ring *at = &ring;
	struct request *made = &ring.entry[number % 32].request;
	u32 looks;

	*made = *request(op, 1, DATA);
	made->segment[0].last = last;
	made->sector = sector;
	asm volatile("" : : : "memory");
	at->req_prod = number + 1;
	send(port);
	for (looks = 1; at->rsp_prod != number + 1; looks++) {
		nap(1);
		if (looks % LOOKS)
			continue;
		read_backend("state");
		if (same(value, CLOSING))
			return 1;
	}
	return at->entry[number % 32].answer.status;
}

/* The first vCPU sleeps meanwhile, so the other one runs beside the backend. */
static void try_rewrite(void)
{
	static u8 other_stack[4096];
	u32 i, j, closed = 0;

	if (start_vcpu(1, rewrite, other_stack + sizeof(other_stack)))
		say("no other vCPU\n");
	for (i = 0; i < REWRITES; i++) {
		port = open_port();
		connect(RING, port);
		wait_for(CONNECTED);
		what = i % 3;
		for (j = 0; j < REWRITES_EACH; j++) {
			target = &ring.entry[j % 32].request;
			if (do_request(j, 0, 0, 7))
				break;
		}
		target = 0;
		closed += j < REWRITES_EACH;
		close_and_reopen();
	}
	append(append_number(append(value, "rewriting: closed "), closed), "\n");
	say(value);
	append(value, guard_is_whole() ? "over" : "what is behind the page is not what it was");
	tell("rewritten");
}

static void __attribute__((noreturn)) witness(void)
{
	volatile u32 *word = data;
	u32 i;

	use_device(GOOD_DISK);
	wait_for(INIT_WAIT);
	write_node("protocol", "x86_32-abi");
	port = open_port();
	connect(RING, port);
	wait_for(CONNECTED);
	for (i = 0; ; i += 2) {
		*word = i;
		if (do_request(i, 1, i / 2 % 16, 0))
			say("disturbed\n");
		*word = ~i;
		if (do_request(i + 1, 0, i / 2 % 16, 0) || *word != i)
			say("disturbed\n");
		nap(2);
	}
}

static void __attribute__((noreturn)) stall(void)
{
	write_node("protocol", "x86_32-abi");
	port = open_port();
	connect(RING, port);
	wait_for(CONNECTED);
	keep_busy(1, 0);
	say("stalling\n");
	for (;;)
		nap(1000);
}

static int has_disk(const char *directory)
{
	append(append(path, directory), "backend");
	store_call(XS_READ, path, "");
	return !same(value, "ENOENT");
}

void begin(void)
{
	u32 i;

	prepare();
	grant(RING, &ring, 0);
	grant(DATA, data, 0);
	grant(READ_ONLY, guard, 4);
	for (i = 0; i < GUARDED / 4; i++)
		guard[i] = GUARD;
	if (!has_disk(BAD_DISK))
		witness();
	use_device(BAD_DISK);
	wait_for(INIT_WAIT);
	if (has_disk(GOOD_DISK))
		stall();
	write_node("protocol", "x86_32-abi");
	for (i = 0; i < sizeof(things) / sizeof(things[0]); i++)
		try(things[i].name, things[i].make);
	try_flood();
	try_rewrite();
	try("good", good);
	try_connect("no-ring", 100, 0);
	try_connect("read-only-ring", READ_ONLY, 0);
	try_connect("port", RING, 1);
	write_node("multi-queue-num-queues", "1000");
	try_connect("queues", RING, 0);
	write_node("multi-queue-num-queues", "1");
	write_node("protocol", "x86_16-abi");
	try_connect("protocol", RING, 0);
	power_off();
}
