// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels, FIFO: set-up, order, queues, and guests that break them. That events
 * come at all is among the tests of pv_evtchn.c.
 */
#include "evtchn.h"

#define VCPUS	3

static struct vcpu *fifo_guest(void (*guest)(void))
{
	fifo_alloc(VCPUS);
	return xen_with_guest(guest);
}

/* Set-up */

static void guest_setup(void)
{
	u64 control = (u64)fifo_control[0] / PAGE_SIZE;
	struct evtchn_init_control op = { .control_gfn = control };
	u32 i;

	guest_assert_eq(init_control(1, control, 0), -ENOENT);
	guest_assert_eq(init_control(~0U, control, 0), -ENOENT);
	guest_assert_eq(init_control(0, control, 4), -EINVAL);
	guest_assert_eq(init_control(0, control, PAGE_SIZE - 64), -EINVAL);
	guest_assert_eq(init_control(0, control, ~7U), -EINVAL);
	guest_assert_eq(init_control(0, XEN_HOLE / PAGE_SIZE, 0), -EINVAL);
	guest_assert_eq(init_control(0, ~0UL, 0), -EINVAL);
	guest_assert_eq(init_control(0, ~0UL >> 12, 0), -EINVAL);
	/* Nothing has happened. */
	guest_assert_eq(expand_array(control), -EOPNOTSUPP);
	op.offset = PAGE_SIZE - sizeof(struct evtchn_fifo_control_block);
	guest_assert_eq(xen_evtchn_op(EVTCHNOP_init_control, &op), 0);
	guest_assert_eq(op.link_bits, 17);
	guest_assert_eq(init_control(0, control, 0), -EINVAL);

	guest_assert_eq(expand_array(XEN_HOLE / PAGE_SIZE), -EINVAL);
	guest_assert_eq(expand_array(~0UL), -EINVAL);
	/* The same page again and again: nobody forbids it. */
	for (i = 0; i < 128; i++)
		guest_assert_eq(expand_array((u64)fifo_words / PAGE_SIZE), 0);
	guest_assert_eq(expand_array((u64)fifo_words / PAGE_SIZE), -ENOSPC);

	guest_assert_eq(alloc_unbound(DOMID_SELF, 0), 1);
	guest_assert_eq(set_priority(1, 0), 0);
	guest_assert_eq(set_priority(1, 15), 0);
	guest_assert_eq(set_priority(1, 16), -EINVAL);
	guest_assert_eq(set_priority(1, ~0U), -EINVAL);
	guest_assert_eq(set_priority(~0U, 0), -EINVAL);

	/* Back to the start. */
	guest_assert_eq(evtchn_reset(DOMID_SELF), 0);
	guest_assert_eq(expand_array(control), -EOPNOTSUPP);
	guest_assert_eq(init_control(0, control, 0), 0);
	guest_assert_eq(expand_array((u64)fifo_words / PAGE_SIZE), 0);
}

static void setup(void)
{
	vcpu_finish(fifo_guest(guest_setup));
}

static void guest_no_fifo(void)
{
	guest_assert_eq(init_control(0, (u64)fifo_control[0] / PAGE_SIZE, 0), -ENOSYS);
	guest_assert_eq(expand_array((u64)fifo_words / PAGE_SIZE), -ENOSYS);
}

static void no_fifo(void)
{
	fifo_alloc(VCPUS);
	vcpu_finish(vm_add_guest(xen_create_flags(PHV_XEN_NO_FIFO), 0, guest_no_fifo));
}

/* Pages for all words; ports 1 to 131071. */
static void guest_limit(u64 page)
{
	u32 i;

	fifo_words = (u32 *)page;
	fifo_on_vcpu();
	for (i = 0; i < 128; i++)
		guest_assert_eq(expand_array(page / PAGE_SIZE + i), 0);
	for (i = 1; i < EVTCHN_FIFO_NR_CHANNELS; i++)
		guest_assert_eq(bind_ipi(0), i);
	guest_assert_eq(bind_ipi(0), -ENOSPC);
	guest_assert_eq(evtchn_send(EVTCHN_FIFO_NR_CHANNELS - 1), 0);
	guest_assert_eq(fifo_words[EVTCHN_FIFO_NR_CHANNELS - 1], WORD_PENDING | WORD_LINKED);
	guest_assert_eq(fifo_control[0]->head[EVTCHN_FIFO_PRIORITY_DEFAULT],
			EVTCHN_FIFO_NR_CHANNELS - 1);
	guest_assert_eq(evtchn_send(EVTCHN_FIFO_NR_CHANNELS), -EINVAL);
	guest_assert_eq(evtchn_close(4096), 0);
	guest_assert_eq(bind_ipi(0), 4096);
	guest_assert_eq(evtchn_reset(DOMID_SELF), 0);
	guest_assert_eq(bind_ipi(0), 1);
}

static void limit(void)
{
	test_limit(120);
	fifo_alloc(VCPUS);
	vcpu_finish(xen_with_guest(guest_limit, (u64)vm_alloc(128 * PAGE_SIZE, PAGE_SIZE)));
}

/* What was raised before there was a way, or a word, for it. */
static void guest_before(void)
{
	long a = bind_ipi(0), b = bind_ipi(0), c;
	u32 i;

	/* 2-level still: pending there. */
	guest_assert_eq(evtchn_send(a), 0);
	guest_assert(READ_ONCE(xen_shared->evtchn_pending[0]) & BIT(a));
	upcalls_on();
	guest_assert_eq(init_control(0, (u64)fifo_control[0] / PAGE_SIZE, 0), 0);
	guest_assert(!READ_ONCE(xen_shared->evtchn_pending[0]));
	guest_assert_eq(evtchn_send(b), 0);
	guest_assert_eq(fifo_control[0]->ready, 0);
	guest_assert_eq(expand_array((u64)fifo_words / PAGE_SIZE), 0);
	guest_assert_eq(fifo_control[0]->ready, BIT(EVTCHN_FIFO_PRIORITY_DEFAULT));
	take_interrupts();
	guest_assert_eq(events[a], 1);
	guest_assert_eq(events[b], 1);

	/* The same on the second page. */
	for (i = 0; i < 1024; i++)
		c = bind_ipi(0);
	guest_assert(c >= 1024);
	guest_assert_eq(evtchn_send(c), 0);
	take_interrupts();
	guest_assert_eq(events[c], 0);
	guest_assert_eq(expand_array((u64)fifo_words / PAGE_SIZE + 1), 0);
	take_interrupts();
	guest_assert_eq(events[c], 1);
	/* Closed before: nothing. */
	for (i = 0; i < 1024; i++)
		c = bind_ipi(0);
	guest_assert_eq(evtchn_send(c), 0);
	guest_assert_eq(evtchn_close(c), 0);
	guest_assert_eq(expand_array((u64)fifo_words / PAGE_SIZE + 2), 0);
	take_interrupts();
	guest_assert_eq(fifo_words[c], 0);
}

static void before(void)
{
	vcpu_finish(fifo_guest(guest_before));
}

/* Order */

static void guest_order(void)
{
	static const u8 priority[] = { 7, 3, 15, 3, 0, 7 };
	static const u8 expected[] = { 4, 1, 3, 0, 5, 2 };
	long p[ARRAY_SIZE(priority)];
	u32 i;

	evtchn_on();
	for (i = 0; i < ARRAY_SIZE(priority); i++) {
		p[i] = bind_ipi(0);
		guest_assert_eq(set_priority(p[i], priority[i]), 0);
	}
	for (i = 0; i < ARRAY_SIZE(priority); i++)
		guest_assert_eq(evtchn_send(p[i]), 0);
	/* Once more changes nothing. */
	for (i = 0; i < ARRAY_SIZE(priority); i++)
		guest_assert_eq(evtchn_send(p[i]), 0);
	guest_assert_eq(fifo_control[0]->ready, BIT(0) | BIT(3) | BIT(7) | BIT(15));
	guest_assert_eq(fifo_words[p[1]], WORD_PENDING | WORD_LINKED | p[3]);
	guest_assert_eq(fifo_words[p[3]], WORD_PENDING | WORD_LINKED);
	take_interrupts();
	guest_assert_eq(fifo_count, ARRAY_SIZE(priority));
	for (i = 0; i < ARRAY_SIZE(priority); i++)
		guest_assert_eq(fifo_order[i], p[expected[i]]);
	guest_assert_eq(upcalls[0], 1);
}

static void order(void)
{
	vcpu_finish(fifo_guest(guest_order));
}

/* A port moves to another queue: the one it was the last of must not be linked to it. */
static void guest_moves(void)
{
	long a, b, c;

	fifo_on();
	guest_assert_eq(init_control(1, (u64)fifo_control[1] / PAGE_SIZE, 0), 0);
	a = alloc_unbound(DOMID_SELF, DOMID_SELF);
	b = bind_interdomain(DOMID_SELF, a);
	c = bind_ipi(0);
	/* Take what binding has raised. */
	consume();
	guest_assert_eq(events[b], 1);
	guest_assert_eq(fifo_words[b], 0);

	/* To another vCPU; then the old one's queue is used again. */
	guest_assert_eq(bind_vcpu(b, 1), 0);
	guest_assert_eq(evtchn_send(a), 0);
	guest_assert_eq(fifo_words[b], WORD_PENDING | WORD_LINKED);
	guest_assert_eq(fifo_control[1]->head[7], b);
	guest_assert_eq(fifo_control[1]->ready, BIT(7));
	guest_assert_eq(evtchn_send(c), 0);
	guest_assert_eq(fifo_words[b], WORD_PENDING | WORD_LINKED);
	guest_assert_eq(fifo_control[0]->head[7], c);

	/* Linked still: it stays where it is. */
	guest_assert_eq(bind_vcpu(b, 0), 0);
	guest_assert_eq(evtchn_send(a), 0);
	guest_assert_eq(fifo_words[c], WORD_PENDING | WORD_LINKED);
	guest_assert_eq(fifo_words[b], WORD_PENDING | WORD_LINKED);

	/* To another priority. */
	fifo_words[b] = 0;
	guest_assert_eq(evtchn_send(a), 0);
	guest_assert_eq(fifo_words[c], WORD_PENDING | WORD_LINKED | b);
	consume();
	guest_assert_eq(fifo_words[b] | fifo_words[c], 0);
	guest_assert_eq(set_priority(b, 2), 0);
	guest_assert_eq(evtchn_send(a), 0);
	guest_assert_eq(fifo_control[0]->head[2], b);
	guest_assert_eq(evtchn_send(c), 0);
	guest_assert_eq(fifo_words[b], WORD_PENDING | WORD_LINKED);
	guest_assert_eq(fifo_control[0]->head[7], c);
}

static void moves(void)
{
	struct vcpu *vcpu = fifo_guest(guest_moves);

	vcpu_create(vcpu->vm, 1);
	vcpu_finish(vcpu);
}

/* Masked ports are not linked; unmasking links them. */
static void guest_masked(void)
{
	long p;

	evtchn_on();
	p = bind_ipi(0);
	mask_port(p);
	guest_assert_eq(evtchn_send(p), 0);
	guest_assert_eq(fifo_words[p], WORD_PENDING | WORD_MASKED);
	guest_assert_eq(fifo_control[0]->ready, 0);
	guest_assert_eq(evtchn_unmask(p), 0);
	guest_assert_eq(fifo_words[p], WORD_PENDING | WORD_LINKED);
	/* Masked again while it is linked: that's the guest's to find out. */
	mask_port(p);
	take_interrupts();
	guest_assert_eq(events[p], 0);
	guest_assert_eq(fifo_words[p], WORD_PENDING | WORD_MASKED);
	guest_assert_eq(evtchn_unmask(p), 0);
	take_interrupts();
	guest_assert_eq(events[p], 1);
	guest_assert_eq(fifo_words[p], 0);
	/* BUSY is ours to clear when it links something; a guest's own stays. */
	fifo_words[p] = WORD_BUSY;
	guest_assert_eq(evtchn_send(p), 0);
	take_interrupts();
	guest_assert_eq(events[p], 2);
}

static void masked(void)
{
	vcpu_finish(fifo_guest(guest_masked));
}

/* A vCPU without a control block gets nothing, and nothing breaks. */
static void guest_no_control(void)
{
	long p;

	fifo_on();
	p = bind_ipi(1);
	guest_assert_eq(evtchn_send(p), 0);
	guest_assert_eq(fifo_words[p], WORD_PENDING);
	guest_assert_eq(init_control(1, (u64)fifo_control[1] / PAGE_SIZE, 0), 0);
	guest_assert_eq(evtchn_unmask(p), 0);
	guest_assert_eq(fifo_words[p], WORD_PENDING | WORD_LINKED);
	guest_assert_eq(fifo_control[1]->head[7], p);
}

static void no_control(void)
{
	struct vcpu *vcpu = fifo_guest(guest_no_control);

	vcpu_create(vcpu->vm, 1);
	vcpu_finish(vcpu);
}

/* Guests that break it */

/* Links in circles, to nowhere, to oneself; one word or control block for all. */
static void guest_nonsense(void)
{
	static const u32 values[] = {
		0, WORD_LINKED, WORD_LINKED | WORD_BUSY, ~0U, ~0U & ~WORD_MASKED,
		WORD_LINKED | 1, WORD_LINKED | EVTCHN_FIFO_LINK_MASK, WORD_BUSY | 2,
	};
	u64 control = (u64)fifo_control[0] / PAGE_SIZE, page = (u64)fifo_words / PAGE_SIZE;
	u32 i, j, k;

	guest_assert_eq(init_control(0, control, 0), 0);
	guest_assert_eq(init_control(1, control, 0), 0);
	guest_assert_eq(expand_array(page), 0);
	guest_assert_eq(expand_array(page), 0);
	guest_assert_eq(expand_array(control), 0);
	for (i = 1; i < 2048 + 64; i++)
		guest_assert_eq(bind_ipi(i % 2), i);
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		for (j = 0; j < 16; j++)
			set_priority(j, (i * j) % 16);
		for (j = 1; j < 2048 + 64; j += j < 64 ? 1 : 101) {
			for (k = 0; k < 1024; k++)
				WRITE_ONCE(fifo_words[k], values[(i + k % 3) % ARRAY_SIZE(values)]);
			guest_assert_eq(evtchn_send(j), 0);
			guest_assert_eq(evtchn_unmask(j), 0);
			fifo_control[0]->head[j % 16] = values[i];
		}
	}
	guest_assert_eq(evtchn_reset(DOMID_SELF), 0);
}

static void nonsense(void)
{
	struct vcpu *vcpu = fifo_guest(guest_nonsense);

	vcpu_create(vcpu->vm, 1);
	vcpu_finish(vcpu);
}

/* One vCPU scribbles, others send, rebind, close, change priorities. */
static u64 next_random(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void guest_scribble(void)
{
	u64 state = 88172645463325252;

	wait_until(READ_ONCE(ready));
	while (!READ_ONCE(over)) {
		u64 r = next_random(&state);

		WRITE_ONCE(fifo_words[r % 64], r >> 32);
		if (r >> 62 == 0)
			WRITE_ONCE(fifo_control[r % 2]->head[r >> 8 & 15], r >> 40);
		if (r >> 60 == 0)
			WRITE_ONCE(fifo_control[r % 2]->ready, r >> 20);
		if (r >> 56 == 0)
			WRITE_ONCE(xen_shared->vcpu_info[r % 3].evtchn_upcall_pending, r >> 8);
	}
}

static void guest_send_all(void)
{
	u64 state = 0x9e3779b97f4a7c15 + this_cpu()->id;
	u32 i;

	if (!this_cpu()->id) {
		fifo_on();
		guest_assert_eq(init_control(1, (u64)fifo_control[1] / PAGE_SIZE, 0), 0);
		for (i = 1; i < 64; i += 2) {
			guest_assert_eq(alloc_unbound(DOMID_SELF, DOMID_SELF), i);
			guest_assert_eq(bind_interdomain(DOMID_SELF, i), i + 1);
		}
		WRITE_ONCE(ready, true);
	}
	wait_until(READ_ONCE(ready));
	for (i = 0; i < 5000; i++) {
		u64 r = next_random(&state);
		u32 port = r >> 8 & 63;

		switch (r % 16) {
		case 0:
			bind_vcpu(port, r >> 20 & 1);
			break;
		case 1:
			set_priority(port, r >> 20 & 15);
			break;
		case 2:
			evtchn_unmask(port);
			break;
		case 3:
			evtchn_close(port);
			break;
		case 4:
			bind_interdomain(DOMID_SELF, port);
			break;
		case 5:
			alloc_unbound(DOMID_SELF, DOMID_SELF);
			break;
		case 6:
			if (r >> 56 == 0 && !this_cpu()->id) {
				guest_assert_eq(evtchn_reset(DOMID_SELF), 0);
				init_control(0, (u64)fifo_control[0] / PAGE_SIZE, 0);
				init_control(1, (u64)fifo_control[1] / PAGE_SIZE, 0);
				expand_array((u64)fifo_words / PAGE_SIZE);
			}
			break;
		default:
			evtchn_send(port);
		}
	}
	if (this_cpu()->id)
		wait_until(READ_ONCE(over));
	WRITE_ONCE(over, true);
}

static void hostile(void)
{
	struct vcpu *vcpus[VCPUS];
	unsigned int i;
	struct vm *vm;

	test_limit(60);
	fifo_alloc(VCPUS);
	vm = xen_create();
	vcpus[0] = vm_add_guest(vm, 0, guest_send_all);
	vcpus[1] = vm_add_guest(vm, 1, guest_send_all);
	vcpus[2] = vm_add_guest(vm, 2, guest_scribble);
	for (i = 0; i < VCPUS; i++)
		vcpu_start(vcpus[i]);
	for (i = 0; i < VCPUS; i++)
		vcpu_join(vcpus[i]);
	vm_destroy(vm);
}

static const struct test tests[] = {
	{ "control blocks and pages are checked", .host = setup },
	{ "a domain without FIFO", .host = no_fifo },
	{ "there are 131071 ports", .host = limit },
	{ "no event from before is lost", .host = before },
	{ "events come in order of priority", .host = order },
	{ "ports move from queue to queue", .host = moves },
	{ "masked ports are not linked", .host = masked },
	{ "a vCPU without control block", .host = no_control },
	{ "links that lead nowhere", .host = nonsense },
	{ "event words change under the host's hands", .host = hostile },
};

struct interrupt_log interrupt_log;

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
