// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with a frontend for its disk xvda that does what none should: see frontend.h.
 * Used by blk.c.
 *
 * It connects, does one of the things below, says what becomes of it ("bad: NAME: "
 * and the backend's reason, or the answer's status), closes, and begins again. With a second
 * vCPU, that one writes into requests while the backend reads them.
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

static struct ring ring __attribute__((aligned(4096)));
static u8 data[4096] __attribute__((aligned(4096)));
static u32 port;

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
	request(0, 12, 9);
}

static void no_segments(void)
{
	request(1, 0, 9);
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
	request(0, 1, 10);
}

static void bad_segment(void)
{
	request(0, 1, 9)->segment[0].last = 8;
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
	request(42, 255, 9);
}

static void beyond(void)
{
	request(0, 1, 9)->sector = 0x1000000000000000ULL;
}

static void overflow(void)
{
	request(1, 1, 9)->sector = ~0ULL;
}

static void huge_discard(void)
{
	struct request *made = request(5, 0, 9);

	*(u64 *)made->segment = ~0ULL;
}

static void good(void)
{
	request(0, 1, 9);
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
	connect(8, port);
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
static int keep_busy(u32 rounds, u8 op)
{
	volatile struct ring *shared = &ring;
	u32 i;

	for (i = 0; i < 32; i++) {
		ring.entry[i].request = *request(op, 1, 9);
		ring.entry[i].request.sector = i;
	}
	while (rounds--) {
		asm volatile("" : : : "memory");
		shared->req_prod = shared->rsp_prod + 32;
		send(port);
		send(port);
		read_backend("state");
		if (same(value, CLOSING))
			return 0;
	}
	return 1;
}

/* Each page, length and kind is good by itself, and the next moment another one. */
static void rewrite(void)
{
	volatile struct ring *shared = &ring;
	u32 i;

	for (i = 0; ; i++) {
		volatile struct request *made = &shared->entry[i % 32].request;

		made->op = i / 32 % 4;
		made->segments = 1 + i / 7 % 11;
		made->sector = i / 3 % 16;
		made->segment[i % 11].ref = 9;
		made->segment[i % 11].first = i / 5 % 4;
		made->segment[i % 11].last = 4 + i / 11 % 4;
		/* not good, for a moment */
		if (i % 1024 == 0) {
			made->segment[0].last = 255;
			made->segments = 255;
			made->segment[0].last = 7;
			made->segments = 1;
		}
	}
}

static int start_other(void)
{
	static u8 other_stack[4096];
	static int err = 1;

	/* Once, and from then on it goes down and up */
	if (err > 0)
		return err = start_vcpu(1, rewrite, other_stack + sizeof(other_stack));
	return err ?: hypercall(VCPU_OP, 1, 1, 0);
}

/* A frontend that has the backend's attention all the time. */
static void try_busy(const char *name, int (*with)(void), u32 rounds)
{
	int err = 0;
	u32 i;

	for (i = 0; i < rounds; i++) {
		port = open_port();
		connect(8, port);
		if (wait_for(CONNECTED)) {
			err = with ? with() : 0;
			keep_busy(with ? 4 : 50, 0);
			if (with)
				hypercall(VCPU_OP, 2, 1, 0);
		}
		close_and_reopen();
	}
	append(value, err ? "no other vCPU" : "over");
	tell(name);
}

void begin(void)
{
	u32 i;

	prepare();
	grant(8, &ring, 0);
	grant(9, data, 0);
	grant(10, data, 4);
	use_device("device/vbd/51712/");
	wait_for(INIT_WAIT);
	write_node("protocol", "x86_32-abi");
	for (i = 0; i < sizeof(things) / sizeof(things[0]); i++)
		try(things[i].name, things[i].make);
	try_busy("flood", 0, 1);
	try_busy("rewritten", start_other, 10);
	try("good", good);
	try_connect("no-ring", 100, 0);
	try_connect("read-only-ring", 10, 0);
	try_connect("port", 8, 1);
	write_node("multi-queue-num-queues", "1000");
	try_connect("queues", 8, 0);
	write_node("multi-queue-num-queues", "1");
	write_node("protocol", "x86_16-abi");
	try_connect("protocol", 8, 0);
	power_off();
}
