// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with frontends for its network interfaces 0 and 1: see frontend.h.  Used by
 * net_bad.c, which says what is to come of all this.
 *
 * Interface 1 does as it should.  With 0 it does one of the things below, says what becomes
 * of it ("bad: NAME: " and the backend's reason, or the answer's status, and "; 1 is dead" if
 * interface 1 is), closes, and begins again.  Then it stalls, until a packet comes on
 * interface 1, has its second vCPU rewrite what it sends, and last, it floods.
 *
 * When there is no interface 1, it sends on 0 for ever, as it should, and says "disturbed"
 * if an answer is no good: the witness.
 */
#include "frontend.h"

#include <xen/io/netif.h>

#define PAGE		4096
#define RING		256
#define LOOKS		20	/* for an answer, before one for the backend's state */
#define REWRITES	10	/* connections */
#define REWRITES_EACH	100	/* packets of each, at most */

/* Grants; those below 8 are taken. */
enum { TX_0 = 8, RX_0, TX_1, RX_1, DATA, READ_ONLY, NOWHERE = 100 };

struct face {
	const char *directory;
	netif_tx_sring_t *tx;
	netif_rx_sring_t *rx;
	u32 tx_ref;
	u32 port;
	RING_IDX sent;
};

static u8 page[4][PAGE] __attribute__((aligned(PAGE)));
/* What the second one has, is nobody's business. */
static u8 data[2][PAGE] __attribute__((aligned(PAGE)));
static u8 second_stack[PAGE];
/* Where the second vCPU rewrites, if anywhere */
static netif_tx_request_t *volatile target;
static volatile u32 rewritten;

static struct face victim = {
	"device/vif/0/", (void *)page[0], (void *)page[1], TX_0, 0, 0
};
static struct face other = {
	"device/vif/1/", (void *)page[2], (void *)page[3], TX_1, 0, 0
};

static void barrier(void)
{
	asm volatile("lock; addl $0, (%%esp)" : : : "memory");
}

/* One that the backend does not wait for, and is told of. */
static void post(struct face *face, u32 ref, u32 offset, u32 size, u32 flags)
{
	netif_tx_request_t *made = &face->tx->ring[face->tx->req_prod % RING].req;

	made->gref = ref;
	made->offset = offset;
	made->size = size;
	made->flags = flags;
	made->id = face->tx->req_prod;
	barrier();
	face->tx->req_prod++;
}

static void post_rx(struct face *face, u32 ref)
{
	netif_rx_request_t *made = &face->rx->ring[face->rx->req_prod % RING].req;

	made->gref = ref;
	made->id = face->rx->req_prod;
	barrier();
	face->rx->req_prod++;
}

static void extra(struct face *face, u8 type, u8 flags, u16 size, u8 gso)
{
	struct netif_extra_info *made =
		(void *)&face->tx->ring[face->tx->req_prod % RING];

	memset(made, 0, sizeof(*made));
	made->type = type;
	made->flags = flags;
	made->u.gso.size = size;
	made->u.gso.type = gso;
	face->tx->req_prod++;
}

/* Connects; the rings begin at that index. */
static int connect(struct face *face, u32 tx_ref, u32 rx_ref, u32 port, RING_IDX index)
{
	memset(face->tx, 0, PAGE);
	memset(face->rx, 0, PAGE);
	face->tx->req_prod = index;
	face->tx->rsp_prod = index;
	face->tx->req_event = index + 1;
	face->tx->rsp_event = index + 1;
	face->rx->req_event = 1;
	face->rx->rsp_event = 1;
	face->sent = index;
	write_node("request-rx-copy", "1");
	write_number("tx-ring-ref", tx_ref);
	write_number("rx-ring-ref", rx_ref);
	write_number("event-channel", port);
	write_node("state", CONNECTED);
	return wait_for(CONNECTED);
}

/* Sends what was posted, and waits for its answers: the last one's is in value[]. */
static int answers(struct face *face, RING_IDX count)
{
	volatile RING_IDX *rsp_prod = &face->tx->rsp_prod;
	s16 status;
	u32 i;

	face->sent += count;
	send(face->port);
	for (i = 1; *rsp_prod != face->sent; i++) {
		wait();
		if (i % LOOKS)
			continue;
		read_backend("state");
		if (same(value, CLOSING)) {
			read_backend("error");
			return 0;
		}
	}
	status = face->tx->ring[(face->sent - 1) % RING].rsp.status;
	append_number(append(value, status < 0 ? "-" : ""), status < 0 ? -status : status);
	return 1;
}

static void close_and_reopen(struct face *face)
{
	reopen_device();
	close_port(face->port);
}

static char words[sizeof(value)];

/* Tells what is in value[], and what became of the other one. */
static void tell(const char *name)
{
	append(words, value);
	use_device(other.directory);
	post(&other, DATA, 0, 60, 0);
	if (!answers(&other, 1) || !same(value, "0"))
		append(words + length_of(words), "; 1 is dead");
	use_device(victim.directory);
	say("bad: ");
	say(name);
	say(": ");
	say(words);
	say("\n");
}

/* What it does: each is sent, unless req_prod is left as it was. */

static void good(struct face *face)
{
	post(face, DATA, 0, 60, 0);
}

static void bad_index(struct face *face)
{
	face->tx->req_prod = 999;
}

static void back_index(struct face *face)
{
	face->tx->req_prod = -1;
}

static void bad_rx_index(struct face *face)
{
	face->rx->req_prod = 999;
}

static void not_granted(struct face *face)
{
	post(face, NOWHERE, 0, 60, 0);
}

static void far_grant(struct face *face)
{
	post(face, 0xfffffff0, 0, 60, 0);
}

static void rx_not_granted(struct face *face)
{
	post_rx(face, NOWHERE);
}

static void rx_read_only(struct face *face)
{
	post_rx(face, READ_ONLY);
}

static void beyond_page(struct face *face)
{
	post(face, DATA, 4090, 60, 0);
}

static void no_end(struct face *face)
{
	post(face, DATA, 0, 60, NETTXF_more_data);
}

static void no_room(struct face *face)
{
	u32 i;

	for (i = 0; i < RING; i++)
		post(face, DATA, 0, 60, NETTXF_more_data);
}

static void small_whole(struct face *face)
{
	post(face, DATA, 0, 60, NETTXF_more_data);
	post(face, DATA, 0, 61, 0);
}

static void no_extra(struct face *face)
{
	post(face, DATA, 0, 60, NETTXF_extra_info);
}

static void endless_extra(struct face *face)
{
	u32 i;

	post(face, DATA, 0, 60, NETTXF_extra_info);
	for (i = 1; i < RING; i++)
		extra(face, XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE, 1000,
		      XEN_NETIF_GSO_TYPE_TCPV4);
}

static void unknown_extra(struct face *face)
{
	post(face, DATA, 0, 60, NETTXF_extra_info);
	extra(face, 99, 0, 0, 0);
}

static void unknown_gso(struct face *face)
{
	post(face, DATA, 0, 60, NETTXF_extra_info);
	extra(face, XEN_NETIF_EXTRA_TYPE_GSO, 0, 1000, 9);
}

static void no_gso_size(struct face *face)
{
	post(face, DATA, 0, 60, NETTXF_extra_info);
	extra(face, XEN_NETIF_EXTRA_TYPE_GSO, 0, 0, XEN_NETIF_GSO_TYPE_TCPV4);
}

/* What is no packet is no reason to end the interface. */

static void tiny(struct face *face)
{
	post(face, DATA, 0, 13, 0);
}

static void no_place(struct face *face)
{
	post(face, DATA, 0, 60, NETTXF_csum_blank);
}

static void lonely_gso(struct face *face)
{
	post(face, DATA, 0, 60, NETTXF_extra_info);
	extra(face, XEN_NETIF_EXTRA_TYPE_GSO, 0, 1000, XEN_NETIF_GSO_TYPE_TCPV4);
}

static const struct {
	const char *name;
	void (*make)(struct face *face);
} things[] = {
	{ "good", good },
	{ "index", bad_index },
	{ "back", back_index },
	{ "rx-index", bad_rx_index },
	{ "grant", not_granted },
	{ "far", far_grant },
	{ "rx-grant", rx_not_granted },
	{ "rx-read-only", rx_read_only },
	{ "page", beyond_page },
	{ "end", no_end },
	{ "slots", no_room },
	{ "parts", small_whole },
	{ "extra", no_extra },
	{ "endless", endless_extra },
	{ "unknown", unknown_extra },
	{ "gso", unknown_gso },
	{ "gso-size", no_gso_size },
	{ "tiny", tiny },
	{ "checksum", no_place },
	{ "cut", lonely_gso },
	{ "good", good },
};

static void try(const char *name, void (*make)(struct face *face))
{
	victim.port = open_port();
	if (connect(&victim, TX_0, RX_0, victim.port, 0)) {
		make(&victim);
		/* That of extra information is of another kind. */
		answers(&victim, victim.tx->req_prod ?: 1);
		if (make == lonely_gso)
			append_number(append(value, "-"), -victim.tx->ring[0].rsp.status);
	} else {
		read_backend("error");
	}
	tell(name);
	close_and_reopen(&victim);
}

static void try_connect(const char *name, u32 tx_ref, u32 rx_ref, u32 bad_port)
{
	victim.port = open_port();
	if (connect(&victim, tx_ref, rx_ref, bad_port ?: victim.port, 0))
		append(value, "connected");
	else
		read_backend("error");
	tell(name);
	close_and_reopen(&victim);
}

/* More packets than indices are left. */
static void try_wrap(void)
{
	u32 i;

	victim.port = open_port();
	if (connect(&victim, TX_0, RX_0, victim.port, 0u - 100))
		for (i = 0; i < 200; i++) {
			post(&victim, DATA, 0, 60, 0);
			if (!answers(&victim, 1))
				break;
		}
	else
		read_backend("error");
	tell("wrap");
	close_and_reopen(&victim);
}

/* Takes no packets, however many there are for it, and goes on sending. */
static void try_stall(void)
{
	volatile RING_IDX *rsp_prod = &other.rx->rsp_prod;
	volatile u8 *got = data[0];

	victim.port = open_port();
	connect(&victim, TX_0, RX_0, victim.port, 0);
	say("stalling\n");
	while (got[12] != 0x88 || got[13] != 0xb5)
		if (other.rx->req_prod - *rsp_prod < 16) {
			post_rx(&other, DATA);
			send(other.port);
		} else {
			wait();
		}
	good(&victim);
	answers(&victim, 1);
	tell("stall");
	close_and_reopen(&victim);
}

/*
 * The second vCPU: what is a request now, is none a moment later. A write each round: an
 * emulator may do what is between two jumps at once.
 */
static void rewrite(void)
{
	netif_tx_request_t *made;

	for (;;) {
		made = target;
		if (made)
			*(volatile u16 *)&made->offset = rewritten++ & 1 ? 0 : 4090;
	}
}

static void try_rewrite(void)
{
	u32 sent = 0, closed = 0, i, j;

	for (i = 0; i < REWRITES; i++) {
		victim.port = open_port();
		if (!connect(&victim, TX_0, RX_0, victim.port, 0))
			break;
		for (j = 0; j < REWRITES_EACH; j++) {
			target = &victim.tx->ring[victim.tx->req_prod % RING].req;
			post(&victim, DATA, 0, 60, 0);
			if (!answers(&victim, 1))
				break;
			sent++;
		}
		target = 0;
		closed += j < REWRITES_EACH;
		close_and_reopen(&victim);
	}
	append_number(append(append_number(value, sent), " sent, closed "), closed);
	append_number(append(value + length_of(value), ", rewritten "), rewritten);
	tell("rewrite");
}

static void __attribute__((noreturn)) flood(void)
{
	volatile RING_IDX *other_prod = &other.tx->rsp_prod;

	victim.port = open_port();
	connect(&victim, TX_0, RX_0, victim.port, 0);
	say("flooding\n");
	for (;;) {
		if (victim.tx->req_prod - *(volatile RING_IDX *)&victim.tx->rsp_prod < RING)
			post(&victim, DATA, 0, 60, 0);
		send(victim.port);
		if (*other_prod == other.tx->req_prod) {
			post(&other, DATA, 0, 60, 0);
			send(other.port);
		}
	}
}

/* One that does as it should, as long as it may. */
static void __attribute__((noreturn)) witness(void)
{
	victim.port = open_port();
	connect(&victim, TX_0, RX_0, victim.port, 0);
	for (;;) {
		good(&victim);
		if (!answers(&victim, 1) || !same(value, "0"))
			say("disturbed\n");
		nap(2);
	}
}

void begin(void)
{
	u32 i;

	prepare();
	memset(data[0], 'd', PAGE);
	memset(data[1], 'S', PAGE);
	grant(DATA, data[0], 0);
	grant(READ_ONLY, data[1], 4);
	grant(TX_0, victim.tx, 0);
	grant(RX_0, victim.rx, 0);
	grant(TX_1, other.tx, 0);
	grant(RX_1, other.rx, 0);
	use_device(victim.directory);
	wait_for(INIT_WAIT);
	store_call(XS_READ, "device/vif/1/backend", "");
	if (same(value, "ENOENT"))
		witness();
	use_device(other.directory);
	wait_for(INIT_WAIT);
	other.port = open_port();
	connect(&other, TX_1, RX_1, other.port, 0);
	use_device(victim.directory);
	for (i = 0; i < sizeof(things) / sizeof(things[0]); i++)
		try(things[i].name, things[i].make);
	try_connect("no-ring", NOWHERE, RX_0, 0);
	try_connect("read-only-ring", TX_0, READ_ONLY, 0);
	try_connect("port", TX_0, RX_0, 4095);
	write_node("multi-queue-num-queues", "1000");
	try_connect("queues", TX_0, RX_0, 0);
	write_node("multi-queue-num-queues", "1");
	try_wrap();
	try_stall();
	if (start_vcpu(1, rewrite, second_stack + PAGE))
		say("no second vCPU\n");
	try_rewrite();
	flood();
}
