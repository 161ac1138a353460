// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels, FIFO: a word for each port, which links it to the next port of a
 * queue; a control block for each vCPU, with the heads of its 16 queues, one for
 * each priority.
 *
 * Called by evtchn.c and upcall.c. The guest takes ports off the head by itself: a port is
 * linked as long as LINKED says so. We add at the end, which we remember. The guest
 * writes these words at any time, whatever it likes: nothing here follows a link,
 * or waits for the guest. Who breaks its queues loses events.
 *
 * All queues of a vCPU have one lock. A port belongs to the queues of one vCPU, the last
 * one it was linked for; it moves to another, with the lock of the one it leaves,
 * when it is not linked.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "pv/evtchn_internal.h"

/* The port's event word, or NULL when the guest has given no page for it yet. */
static event_word_t *fifo_word(const struct evtchn_fifo *fifo, u32 port)
{
	unsigned int pages = smp_load_acquire(&fifo->pages);	/* evtchn_fifo_expand() */
	event_word_t *words;

	if (port / EVENT_WORDS >= pages)
		return NULL;
	words = fifo->page[array_index_nospec(port / EVENT_WORDS, pages)].addr;
	return &words[port % EVENT_WORDS];
}

/* Link @port behind the port of @word, if that is linked itself: 1, 0 if it is not, -1 to retry. */
static int try_link(event_word_t *word, u32 port)
{
	event_word_t old = READ_ONCE(*word);
	event_word_t new = (old & ~(BIT(EVTCHN_FIFO_BUSY) | EVTCHN_FIFO_LINK_MASK)) | port;

	if (!(old & BIT(EVTCHN_FIFO_LINKED)))
		return 0;
	return cmpxchg(word, old, new) == old ? 1 : -1;
}

/* The guest may change a word that is not BUSY; but a few times, not for ever. */
#define LINK_TRIES	4

static bool fifo_link(event_word_t *word, u32 port)
{
	unsigned int try;
	int ret;

	ret = try_link(word, port);
	if (ret >= 0)
		return ret;
	word_test_and_set(word, EVTCHN_FIFO_BUSY);
	for (try = 0; try < LINK_TRIES && ret < 0; try++)
		ret = try_link(word, port);
	if (ret <= 0)
		word_test_and_clear(word, EVTCHN_FIFO_BUSY);
	/* A guest that does not heed BUSY: the port is lost with the rest of its queue. */
	return ret;
}

/*
 * Put a port that is not linked at the end of a queue of @ev, its last vCPU, with the lock.
 * True when the queue was empty, so that the vCPU must be told.
 */
static bool fifo_append(const struct evtchn_fifo *fifo, struct evtchn_vcpu *ev,
			struct evtchn *evtchn, u32 port, unsigned int priority)
{
	u32 *tail = &ev->tail[priority];
	bool linked = false;

	/* It was the last of its queue, and the guest has taken it: that one is empty. */
	if (ev->tail[evtchn->last_priority] == port)
		ev->tail[evtchn->last_priority] = 0;
	evtchn->last_priority = priority;

	if (*tail)
		linked = fifo_link(fifo_word(fifo, *tail), port);
	*tail = port;
	if (linked)
		return false;
	WRITE_ONCE(ev->control->head[priority], port);
	return !word_test_and_set(&ev->control->ready, priority);
}

/*
 * From now on the port is linked to queues of vCPU @to, unless it is linked: then it
 * stays where it is. Gives the vCPU it is at.
 */
static unsigned int fifo_move(struct evtchn_domain *ed, struct evtchn *evtchn, u32 port,
			      const event_word_t *word, unsigned int to)
{
	unsigned int last = READ_ONCE(evtchn->last_vcpu);
	struct phv_vcpu *from = domain_vcpu(ed->domain, last);
	struct evtchn_vcpu *ev;
	unsigned long flags;

	if (likely(last == to))
		return to;
	if (!from)		/* number 0 is where all begin */
		return cmpxchg(&evtchn->last_vcpu, last, to) == last ? to : last;
	ev = from->pv.evtchn;
	raw_spin_lock_irqsave(&ev->lock, flags);
	if (READ_ONCE(evtchn->last_vcpu) == last && !word_test(word, EVTCHN_FIFO_LINKED)) {
		if (ev->tail[evtchn->last_priority] == port)
			ev->tail[evtchn->last_priority] = 0;
		WRITE_ONCE(evtchn->last_vcpu, to);
		last = to;
	}
	raw_spin_unlock_irqrestore(&ev->lock, flags);
	return last;
}

/* Tries before giving up on a port that others move all the time: they link it. */
#define MOVE_TRIES	4

/* The port is pending: link it, if it is not masked and not linked. */
static void fifo_notify(struct evtchn_domain *ed, const struct evtchn_fifo *fifo,
			struct evtchn *evtchn, u32 port, event_word_t *word)
{
	union evtchn_binding binding = evtchn_binding(evtchn);
	bool tell = false, done = false;
	struct phv_vcpu *vcpu;
	unsigned long flags;
	unsigned int try, at;

	for (try = 0; try < MOVE_TRIES && !done; try++) {
		struct evtchn_vcpu *ev;

		at = fifo_move(ed, evtchn, port, word, binding.vcpu);
		vcpu = domain_vcpu(ed->domain, at);
		if (!vcpu)
			return;
		ev = vcpu->pv.evtchn;
		raw_spin_lock_irqsave(&ev->lock, flags);
		done = READ_ONCE(evtchn->last_vcpu) == at;
		/* Without a control block, the guest is not to unmask it yet. */
		if (done && ev->control && word_test(word, EVTCHN_FIFO_PENDING) &&
		    !word_test(word, EVTCHN_FIFO_MASKED) &&
		    !word_test_and_set(word, EVTCHN_FIFO_LINKED))
			tell = fifo_append(fifo, ev, evtchn, port, binding.priority);
		raw_spin_unlock_irqrestore(&ev->lock, flags);
	}
	if (tell)
		upcall_raise(ed->domain, at);
}

/**
 * evtchn_fifo_raise - make a port pending, and tell its vCPU unless it is masked
 * @ed: event channels
 * @fifo: their event array
 * @evtchn: the port's
 * @port: its number
 *
 * A full barrier.
 */
void evtchn_fifo_raise(struct evtchn_domain *ed, struct evtchn_fifo *fifo,
		       struct evtchn *evtchn, u32 port)
{
	event_word_t *word = fifo_word(fifo, port);

	if (unlikely(!word)) {
		/* evtchn_fifo_expand() does it, or has just made the page. */
		smp_store_mb(evtchn->pending, true);	/* then look for the page again */
		word = fifo_word(fifo, port);
	}
	if (unlikely(!word))
		return;
	word_test_and_set(word, EVTCHN_FIFO_PENDING);
	if (!word_test(word, EVTCHN_FIFO_MASKED))
		fifo_notify(ed, fifo, evtchn, port, word);
}

void evtchn_fifo_unmask(struct evtchn_domain *ed, struct evtchn_fifo *fifo,
			struct evtchn *evtchn, u32 port)
{
	event_word_t *word = fifo_word(fifo, port);

	if (!word)
		return;
	word_test_and_clear(word, EVTCHN_FIFO_MASKED);
	if (word_test(word, EVTCHN_FIFO_PENDING))
		fifo_notify(ed, fifo, evtchn, port, word);
}

bool evtchn_fifo_pending(struct evtchn_fifo *fifo, u32 port)
{
	event_word_t *word = fifo_word(fifo, port);

	return word && word_test(word, EVTCHN_FIFO_PENDING);
}

/* Not pending any more. It stays linked until the guest takes it off, as it must be. */
void evtchn_fifo_clear(struct evtchn_fifo *fifo, struct evtchn *evtchn, u32 port)
{
	event_word_t *word = fifo_word(fifo, port);

	WRITE_ONCE(evtchn->pending, false);
	if (word)
		word_test_and_clear(word, EVTCHN_FIFO_PENDING);
}

/*
 * Set-up
 */

/* Raise again what was raised when there was no event word for it. */
static void raise_again(struct evtchn_domain *ed, struct evtchn_fifo *fifo, u32 first, u32 last)
{
	u32 port;

	for (port = first; port <= last; port++) {
		struct evtchn *evtchn = evtchn_port(ed, port);

		if (!evtchn)
			break;
		if (READ_ONCE(evtchn->pending)) {
			WRITE_ONCE(evtchn->pending, false);
			evtchn_fifo_raise(ed, fifo, evtchn, port);
		}
	}
}

/* Who has not seen yet that this is the way now has raised ports the other way. */
static void fifo_take_over(struct evtchn_domain *ed, struct evtchn_fifo *fifo)
{
	u32 port;

	rcu_assign_pointer(ed->fifo, fifo);
	synchronize_rcu();
	for (port = 1; port < ed->ports; port++)
		if (evtchn_2l_clear(ed, port))
			evtchn_fifo_raise(ed, fifo, evtchn_port(ed, port), port);
}

static int fifo_map_control(struct phv_vcpu *vcpu, u64 gfn, u32 offset)
{
	struct evtchn_vcpu *ev = vcpu->pv.evtchn;
	unsigned long flags;
	int ret;

	if (ev->control)
		return -EINVAL;
	ret = pv_page_pin(vcpu->domain, gfn, &ev->control_page);
	if (ret)
		return ret;
	raw_spin_lock_irqsave(&ev->lock, flags);
	ev->control = ev->control_page.addr + offset;
	raw_spin_unlock_irqrestore(&ev->lock, flags);
	return 0;
}

/**
 * evtchn_fifo_init_control - a control block for a vCPU; the first makes the domain use FIFO
 * @vcpu: the vCPU, which may run
 * @gfn: guest frame
 * @offset: in it, a multiple of 8; the block must not leave the page
 *
 * Return: 0; -EINVAL, also when it has one already; -ENOMEM.
 */
int evtchn_fifo_init_control(struct phv_vcpu *vcpu, u64 gfn, u32 offset)
{
	struct evtchn_domain *ed = evtchn_of(vcpu);
	struct evtchn_fifo *fifo = NULL;
	int ret;

	if (offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || offset % 8)
		return -EINVAL;
	if (!evtchn_fifo(ed)) {
		fifo = kvzalloc(sizeof(*fifo), GFP_KERNEL_ACCOUNT);
		if (!fifo)
			return -ENOMEM;
	}
	ret = fifo_map_control(vcpu, gfn, offset);
	if (ret)
		kvfree(fifo);
	else if (fifo)
		fifo_take_over(ed, fifo);
	return ret;
}

/**
 * evtchn_fifo_expand - one more page for the event array
 * @ed: event channels
 * @gfn: guest frame
 *
 * Return: 0; -EOPNOTSUPP before the first control block; -ENOSPC; -EINVAL; -ENOMEM.
 */
int evtchn_fifo_expand(struct evtchn_domain *ed, u64 gfn)
{
	struct evtchn_fifo *fifo = evtchn_fifo(ed);
	unsigned int page;
	int ret;

	if (!fifo)
		return -EOPNOTSUPP;
	page = fifo->pages;
	if (page == EVENT_PAGES)
		return -ENOSPC;
	ret = pv_page_pin(ed->domain, gfn, &fifo->page[page]);
	if (ret)
		return ret;
	smp_store_release(&fifo->pages, page + 1);	/* for fifo_word() */
	smp_mb();	/* pairs with evtchn_fifo_raise() */
	raise_again(ed, fifo, page * EVENT_WORDS, (page + 1) * EVENT_WORDS - 1);
	return 0;
}

/**
 * evtchn_fifo_end_vcpu - take a vCPU's control block away
 * @vcpu: the vCPU; no port is raised by FIFO any more
 */
void evtchn_fifo_end_vcpu(struct phv_vcpu *vcpu)
{
	struct evtchn_vcpu *ev = vcpu->pv.evtchn;

	ev->control = NULL;
	memset(ev->tail, 0, sizeof(ev->tail));
	pv_page_unpin(vcpu->domain, &ev->control_page);
}

/* Back to 2-level, and nothing is kept. */
void evtchn_fifo_end(struct evtchn_domain *ed)
{
	struct evtchn_fifo *fifo = evtchn_fifo(ed);
	unsigned int i;

	if (!fifo)
		return;
	RCU_INIT_POINTER(ed->fifo, NULL);
	synchronize_rcu();
	for (i = 0; i < PHV_MAX_VCPUS; i++)
		if (domain_vcpu(ed->domain, i))
			evtchn_fifo_end_vcpu(domain_vcpu(ed->domain, i));
	for (i = 0; i < fifo->pages; i++)
		pv_page_unpin(ed->domain, &fifo->page[i]);
	kvfree(fifo);
}
