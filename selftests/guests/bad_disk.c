// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with a frontend for its disk xvda that does what none should: 32-bit code that
 * is entered as a PVH guest, without paging.  Used by blk.c.
 *
 * It connects, does one of the things below, says what becomes of it ("bad: NAME: "
 * and the backend's reason, or the answer's status), closes, and begins again. With a second
 * vCPU, that one writes into requests while the backend reads them.
 */
#define __packed __attribute__((packed))

typedef unsigned char u8;
typedef unsigned short u16;
typedef short s16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define MEMORY_OP	12
#define CONSOLE_IO	18
#define VCPU_OP		24
#define SCHED_OP	29
#define EVTCHN_OP	32
#define HVM_OP		34

#define STORE_PAGE	0xfeffc000
#define STORE_EVTCHN	2
#define GRANTS_FRAME	0x1000
#define XS_READ		2
#define XS_WRITE	11

#define INIT_WAIT	"2"
#define CONNECTED	"4"
#define CLOSING		"5"
#define CLOSED		"6"

/* The entry point for PVH, in a note; and what comes before C. */
asm(".pushsection .note.Xen, \"a\", @note\n"
	    "	.long 4, 4, 18\n"
	    "	.asciz \"Xen\"\n"
	    "	.long start\n"
	    ".popsection\n"
	    "	.globl start\n"
	    "start:\n"
	    "	mov $stack + 8192, %esp\n"
	    "	call begin\n"
	    "	.bss\n"
	    "	.align 16\n"
	    "stack: .skip 8192\n"
	    "	.text\n");

struct store_ring {
	char req[1024];
	char rsp[1024];
	u32 req_cons, req_prod, rsp_cons, rsp_prod;
};

struct store_header {
	u32 type, id, transaction, length;
};

struct grant {
	u16 flags, domain;
	u32 frame;
};

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

/* What VCPUOP_initialise takes, as Xen's hvm_vcpu.h has it for 32 bits. */
struct vcpu_context {
	u32 mode, pad;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags, cr0, cr3, cr4, pad1;
	u64 efer;
	u32 cs_base, ds_base, ss_base, es_base, tr_base;
	u32 cs_limit, ds_limit, ss_limit, es_limit, tr_limit;
	u16 cs_ar, ds_ar, ss_ar, es_ar, tr_ar, pad2[3];
} __packed;

static volatile struct store_ring *const store = (void *)STORE_PAGE;
static volatile struct grant *const grants = (void *)(GRANTS_FRAME << 12);
static struct ring ring __attribute__((aligned(4096)));
static u8 data[4096] __attribute__((aligned(4096)));
static char value[512], backend[64], path[128];
static u32 store_port, port;

void begin(void);
void *memset(void *to, int byte, u32 size);

void *memset(void *to, int byte, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++)
		((volatile u8 *)to)[i] = byte;
	return to;
}

static int hypercall(u32 nr, u32 a, u32 b, u32 c)
{
	int ret;

	asm volatile("vmcall" : "=a"(ret) : "0"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

static u32 length_of(const char *text)
{
	u32 length = 0;

	while (text[length])
		length++;
	return length;
}

static void say(const char *text)
{
	hypercall(CONSOLE_IO, 0, length_of(text), (u32)text);
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static char *append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = 0;
	return to;
}

static char *append_number(char *to, u32 number)
{
	if (number >= 10)
		to = append_number(to, number / 10);
	*to++ = '0' + number % 10;
	*to = 0;
	return to;
}

static void send(u32 to)
{
	hypercall(EVTCHN_OP, 4, (u32)&to, 0);
}

static void wait(void)
{
	hypercall(SCHED_OP, 0, 0, 0);
}

/* xenstore. */

static void store_put(const void *bytes, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++) {
		while (store->req_prod - store->req_cons == 1024)
			wait();
		store->req[store->req_prod % 1024] = ((const char *)bytes)[i];
		store->req_prod++;
	}
}

static void store_get(void *bytes, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++) {
		while (store->rsp_prod == store->rsp_cons)
			wait();
		((char *)bytes)[i] = store->rsp[store->rsp_cons % 1024];
		store->rsp_cons++;
	}
}

/* The answer is in value[]; an error is its name. */
static void store_call(u32 type, const char *node, const char *text)
{
	struct store_header header = { type, 0, 0, length_of(node) + 1 + length_of(text) };

	store_put(&header, sizeof(header));
	store_put(node, length_of(node) + 1);
	store_put(text, length_of(text));
	send(store_port);
	store_get(&header, sizeof(header));
	store_get(value, header.length);
	value[header.length] = 0;
}

static void write_node(const char *name, const char *text)
{
	append(append(path, "device/vbd/51712/"), name);
	store_call(XS_WRITE, path, text);
}

static void write_number(const char *name, u32 number)
{
	char text[12];

	append_number(text, number);
	write_node(name, text);
}

static void read_backend(const char *name)
{
	append(append(append(path, backend), "/"), name);
	store_call(XS_READ, path, "");
}

/* Waits for a state of the backend's; or for its end, which is one of an attack's. */
static int wait_for(const char *state)
{
	for (;;) {
		read_backend("state");
		if (same(value, state))
			return 1;
		if (same(value, CLOSING) && !same(state, CLOSED) && !same(state, INIT_WAIT))
			return 0;
	}
}

/* The disk. */

static void grant(u32 ref, const void *page, u16 flags)
{
	grants[ref].frame = (u32)page >> 12;
	asm volatile("" : : : "memory");
	grants[ref].flags = 1 | flags;
}

static void open_port(void)
{
	struct {
		u16 domain, remote;
		u32 port;
	} alloc = { 0x7ff0, 0, 0 };

	hypercall(EVTCHN_OP, 6, (u32)&alloc, 0);
	port = alloc.port;
}

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
	write_node("state", CLOSING);
	write_node("state", CLOSED);
	wait_for(CLOSED);
	hypercall(EVTCHN_OP, 3, (u32)&port, 0);
	write_node("state", "1");
	wait_for(INIT_WAIT);
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
	open_port();
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
	open_port();
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
	struct vcpu_context context = {
		.esp = (u32)other_stack + sizeof(other_stack), .eip = (u32)rewrite,
		.cr0 = 1, .cs_limit = ~0u, .ds_limit = ~0u, .ss_limit = ~0u, .es_limit = ~0u,
		.tr_limit = 0x67, .cs_ar = 0xc9b, .ds_ar = 0xc93, .ss_ar = 0xc93,
		.es_ar = 0xc93, .tr_ar = 0x8b,
	};

	/* Once, and from then on it goes down and up */
	if (err > 0)
		err = hypercall(VCPU_OP, 0, 1, (u32)&context);
	return err ?: hypercall(VCPU_OP, 1, 1, 0);
}

/* A frontend that has the backend's attention all the time. */
static void try_busy(const char *name, int (*with)(void), u32 rounds)
{
	int err = 0;
	u32 i;

	for (i = 0; i < rounds; i++) {
		open_port();
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

static u32 parameter(u32 index)
{
	struct {
		u16 domain, pad;
		u32 index;
		u64 value;
	} param = { 0x7ff0, 0, index, 0 };

	hypercall(HVM_OP, 1, (u32)&param, 0);
	return (u32)param.value;
}

void begin(void)
{
	struct {
		u16 domain, size;
		u32 space, index, frame;
	} map = { 0x7ff0, 0, 1, 0, GRANTS_FRAME };
	u32 off = 0, i;

	hypercall(MEMORY_OP, 7, (u32)&map, 0);
	store_port = parameter(STORE_EVTCHN);
	grant(8, &ring, 0);
	grant(9, data, 0);
	grant(10, data, 4);
	store_call(XS_READ, "device/vbd/51712/backend", "");
	append(backend, value);
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
	hypercall(SCHED_OP, 2, (u32)&off, 0);
	for (;;)
		asm volatile("pause");
}
