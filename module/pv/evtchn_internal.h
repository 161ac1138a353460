/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of event channels know of each other: evtchn.c, evtchn_user.c,
 * evtchn_2l.c, evtchn_fifo.c, upcall.c. Nobody else includes this.
 *
 * Ports change under evtchn_domain.mutex. Who sends takes no lock for it, in any
 * context: what a port is bound to is one word that is read at once, and what it leads to
 * lives until an RCU grace period has passed. A sender that comes too late
 * raises a port that has just been closed or bound anew: an event too many, with which
 * guests can live. One that sees too early which vCPU is to be told looks again.
 */
#ifndef PHV_EVTCHN_INTERNAL_H
#define PHV_EVTCHN_INTERNAL_H

#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <xen/interface/event_channel.h>
#include <xen/interface/xen.h>

#include "domain.h"
#include "pv/evtchn.h"
#include "pv/pv.h"
#include "vcpu.h"

enum evtchn_state {
	EVTCHN_FREE,
	EVTCHN_UNBOUND,		/* for @remote, a domain */
	EVTCHN_LOOP,		/* @remote is the other port, of this domain */
	EVTCHN_USER,		/* the other end is domain 0's: evtchn.user */
	EVTCHN_VIRQ,		/* @virq */
	EVTCHN_IPI,
};

/**
 * union evtchn_binding - what a port is
 * @state: enum evtchn_state
 * @vcpu: number of the vCPU that is told
 * @priority: FIFO only
 * @virq: VIRQ_*
 * @remote: see enum evtchn_state
 * @raw: all of it, for reading and writing at once
 */
union evtchn_binding {
	struct {
		u8 state;
		u8 vcpu;
		u8 priority;
		u8 virq;
		u32 remote;
	};
	u64 raw;
};

struct evtchn_user;

/*
 * A port. What protects a member:
 *	E	evtchn_domain.mutex to change it, RCU or the mutex to read it
 *	Q	the queues' lock of @last_vcpu
 *	a	atomic
 */
struct evtchn {
	u64 binding;			/* E: union evtchn_binding */
	struct evtchn_user __rcu *user;	/* E: EVTCHN_USER only */
	u8 last_vcpu;			/* Q: to whose queues it is linked */
	u8 last_priority;		/* Q: to which of them it was linked last */
	bool pending;			/* a: raised when it had no event word yet */
};

/* Ports come by the bucket, and stay until the domain goes. */
#define EVTCHN_BUCKET	128
#define EVTCHN_BUCKETS	(EVTCHN_FIFO_NR_CHANNELS / EVTCHN_BUCKET)

#define EVENT_WORDS	(PAGE_SIZE / sizeof(event_word_t))
#define EVENT_PAGES	(EVTCHN_FIFO_NR_CHANNELS / EVENT_WORDS)

/**
 * struct evtchn_fifo - the event array; there is one since the first control block
 * @pages: how many there are; published by smp_store_release()
 * @page: pinned, one after the other
 */
struct evtchn_fifo {
	unsigned int pages;
	struct pv_page page[EVENT_PAGES];
};

/* Letters as above, and as in domain.h. */
struct evtchn_domain {
	struct mutex mutex;			/* of ports; sleeps */
	struct phv_domain *domain;		/* I */
	unsigned int ports;			/* E: in buckets; by smp_store_release() */
	unsigned int first_free;		/* E: none below this one is free */
	unsigned int users;			/* E: in EVTCHN_USER */
	struct evtchn_fifo __rcu *fifo;		/* E: NULL: 2-level */
	u8 callback;				/* E: global vector, 0 for none */
	DECLARE_BITMAP(pollers, PHV_MAX_VCPUS);	/* a: vCPUs in SCHEDOP_poll */
	struct evtchn *bucket[EVTCHN_BUCKETS];	/* E */
};

/*
 * Letters as above, and
 *	q	@lock
 */
struct evtchn_vcpu {
	u8 upcall_vector;			/* a: 0 for none */
	bool poll_hit;				/* a: a port that it polls was raised */
	s32 poll_port;				/* a: the only one, or -1 for any */
	u32 virq_port[NR_VIRQS];		/* E: 0 for none */
	raw_spinlock_t lock;			/* of this vCPU's 16 queues */
	struct evtchn_fifo_control_block *control;	/* q: NULL without */
	u32 tail[EVTCHN_FIFO_MAX_QUEUES];	/* q: last port of each, 0 for none */
	struct pv_page control_page;		/* E */
};

static inline struct evtchn_domain *evtchn_of(const struct phv_vcpu *vcpu)
{
	return vcpu->domain->pv->evtchn;
}

/* A port's, or NULL when there is no such port. */
static inline struct evtchn *evtchn_port(const struct evtchn_domain *ed, u32 port)
{
	unsigned int ports = smp_load_acquire(&ed->ports);	/* with buckets: add_bucket() */

	if (port >= ports)
		return NULL;
	port = array_index_nospec(port, ports);
	return &ed->bucket[port / EVTCHN_BUCKET][port % EVTCHN_BUCKET];
}

static inline union evtchn_binding evtchn_binding(const struct evtchn *evtchn)
{
	return (union evtchn_binding){ .raw = READ_ONCE(evtchn->binding) };
}

static inline struct evtchn_fifo *evtchn_fifo(const struct evtchn_domain *ed)
{
	return rcu_dereference_check(ed->fifo, lockdep_is_held(&ed->mutex));
}

/*
 * Bits of 32-bit words that the guest shares: an access of 64 bits might cross a cache
 * line, which is a very slow thing to lock, or none at all.
 */
static inline bool word_test_and_set(u32 *word, unsigned int bit)
{
	bool was;

	asm volatile(LOCK_PREFIX "btsl %2, %1"
		     : "=@ccc" (was), "+m" (*word) : "Ir" (bit) : "memory");
	return was;
}

static inline bool word_test_and_clear(u32 *word, unsigned int bit)
{
	bool was;

	asm volatile(LOCK_PREFIX "btrl %2, %1"
		     : "=@ccc" (was), "+m" (*word) : "Ir" (bit) : "memory");
	return was;
}

static inline bool word_test(const u32 *word, unsigned int bit)
{
	return READ_ONCE(*word) & BIT(bit);
}

/* evtchn.c; the first two from any context, the others with the mutex */
void evtchn_raise(struct evtchn_domain *ed, u32 port);
int evtchn_is_pending(struct evtchn_domain *ed, u32 port);
int evtchn_alloc(struct evtchn_domain *ed, union evtchn_binding binding, u32 *port);
void evtchn_set_binding(struct evtchn *evtchn, union evtchn_binding binding);

/* evtchn_2l.c, with the RCU read lock; any context */
unsigned int evtchn_2l_limit(const struct evtchn_domain *ed);
bool evtchn_2l_raise(struct evtchn_domain *ed, u32 port, unsigned int vcpu);
void evtchn_2l_tell(struct evtchn_domain *ed, u32 port, unsigned int vcpu);
void evtchn_2l_unmask(struct evtchn_domain *ed, u32 port, unsigned int vcpu);
bool evtchn_2l_pending(const struct evtchn_domain *ed, u32 port);
bool evtchn_2l_clear(struct evtchn_domain *ed, u32 port);

/* evtchn_fifo.c; these too */
void evtchn_fifo_raise(struct evtchn_domain *ed, struct evtchn_fifo *fifo,
		       struct evtchn *evtchn, u32 port);
void evtchn_fifo_unmask(struct evtchn_domain *ed, struct evtchn_fifo *fifo,
			struct evtchn *evtchn, u32 port);
bool evtchn_fifo_pending(struct evtchn_fifo *fifo, u32 port);
void evtchn_fifo_clear(struct evtchn_fifo *fifo, struct evtchn *evtchn, u32 port);

/* and these in process context, with the mutex */
int evtchn_fifo_init_control(struct phv_vcpu *vcpu, u64 gfn, u32 offset);
int evtchn_fifo_expand(struct evtchn_domain *ed, u64 gfn);
void evtchn_fifo_end(struct evtchn_domain *ed);
void evtchn_fifo_end_vcpu(struct phv_vcpu *vcpu);

/* evtchn_user.c; the first from any context with the RCU read lock */
void evtchn_user_kick(struct evtchn *evtchn);
void evtchn_user_unbind(struct evtchn_domain *ed, struct evtchn *evtchn, struct list_head *gone);
void evtchn_user_free(struct list_head *gone);

/* upcall.c; any context */
struct vcpu_info *upcall_info(const struct phv_domain *domain, unsigned int vcpu);
void upcall_raise(const struct phv_domain *domain, unsigned int vcpu);
void upcall_wake_pollers(struct evtchn_domain *ed, u32 port);

#endif /* PHV_EVTCHN_INTERNAL_H */
