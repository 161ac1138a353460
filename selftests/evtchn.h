/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event channels, as the tests of them see it: operations, and a guest's side of
 * upcalls, 2-level and FIFO, which counts the events of each port.
 *
 * Guest code but for the part at the end.
 */
#ifndef EVTCHN_H
#define EVTCHN_H

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest/xen.h"
#include "lapic.h"

#define UPCALL_VECTOR	0xf3
#define PAGE_SIZE	0x1000UL
#define COUNTED		4096		/* ports whose events are counted */

/* How upcalls come. */
enum way {
	BY_VECTOR,			/* the vCPU's own */
	BY_CALLBACK,			/* the domain's */
	WAYS
};

static enum way way;
static bool use_fifo;
static u32 events[COUNTED];		/* by port */
static u32 upcalls[PHV_MAX_VCPUS];
static bool ready, over;

/* Operations: 0 or a negative errno; or the port. */
static inline long alloc_unbound(u32 dom, u32 remote)
{
	struct evtchn_alloc_unbound op = { .dom = dom, .remote_dom = remote };
	long ret = xen_evtchn_op(EVTCHNOP_alloc_unbound, &op);

	return ret ?: (long)op.port;
}

static inline long bind_interdomain(u32 remote, u32 port)
{
	struct evtchn_bind_interdomain op = { .remote_dom = remote, .remote_port = port };
	long ret = xen_evtchn_op(EVTCHNOP_bind_interdomain, &op);

	return ret ?: (long)op.local_port;
}

static inline long bind_virq(u32 virq, u32 vcpu)
{
	struct evtchn_bind_virq op = { .virq = virq, .vcpu = vcpu };
	long ret = xen_evtchn_op(EVTCHNOP_bind_virq, &op);

	return ret ?: (long)op.port;
}

static inline long bind_ipi(u32 vcpu)
{
	struct evtchn_bind_ipi op = { .vcpu = vcpu };
	long ret = xen_evtchn_op(EVTCHNOP_bind_ipi, &op);

	return ret ?: (long)op.port;
}

static inline long bind_vcpu(u32 port, u32 vcpu)
{
	struct evtchn_bind_vcpu op = { .port = port, .vcpu = vcpu };

	return xen_evtchn_op(EVTCHNOP_bind_vcpu, &op);
}

static inline long evtchn_close(u32 port)
{
	struct evtchn_close op = { .port = port };

	return xen_evtchn_op(EVTCHNOP_close, &op);
}

static inline long evtchn_send(u32 port)
{
	struct evtchn_send op = { .port = port };

	return xen_evtchn_op(EVTCHNOP_send, &op);
}

static inline long evtchn_unmask(u32 port)
{
	struct evtchn_unmask op = { .port = port };

	return xen_evtchn_op(EVTCHNOP_unmask, &op);
}

static inline long evtchn_status(u32 port, struct evtchn_status *status)
{
	*status = (struct evtchn_status){ .dom = DOMID_SELF, .port = port };
	return xen_evtchn_op(EVTCHNOP_status, status);
}

static inline long evtchn_reset(u32 dom)
{
	struct evtchn_reset op = { .dom = dom };

	return xen_evtchn_op(EVTCHNOP_reset, &op);
}

static inline long set_priority(u32 port, u32 priority)
{
	struct evtchn_set_priority op = { .port = port, .priority = priority };

	return xen_evtchn_op(EVTCHNOP_set_priority, &op);
}

static inline long init_control(u32 vcpu, u64 gfn, u32 offset)
{
	struct evtchn_init_control op = {
		.control_gfn = gfn, .offset = offset, .vcpu = vcpu,
	};

	return xen_evtchn_op(EVTCHNOP_init_control, &op);
}

static inline long expand_array(u64 gfn)
{
	struct evtchn_expand_array op = { .array_gfn = gfn };

	return xen_evtchn_op(EVTCHNOP_expand_array, &op);
}

static inline long set_upcall_vector(u32 vcpu, u8 vector)
{
	struct xen_hvm_evtchn_upcall_vector op = { .vcpu = vcpu, .vector = vector };

	return xen_hvm_op(HVMOP_set_evtchn_upcall_vector, &op);
}

/* 2-level: what is pending and not masked; counted. */
static inline bool consume_2l(void)
{
	struct vcpu_info *info = xen_vcpu_info();
	u64 sel = __atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	bool any = sel;

	for (; sel; sel &= sel - 1) {
		u32 word = __builtin_ctzl(sel);
		u64 bits = READ_ONCE(xen_shared->evtchn_pending[word]) &
			   ~READ_ONCE(xen_shared->evtchn_mask[word]);

		for (; bits; bits &= bits - 1) {
			__atomic_fetch_and(&xen_shared->evtchn_pending[word],
					   ~(bits & -bits), __ATOMIC_SEQ_CST);
			__atomic_fetch_add(&events[word * 64 + __builtin_ctzl(bits)], 1,
					   __ATOMIC_SEQ_CST);
		}
	}
	return any;
}

/* FIFO: the event array is in one piece, control blocks have a page each. */
#define FIFO_PAGES	4

static u32 *fifo_words;
static struct evtchn_fifo_control_block *fifo_control[PHV_MAX_VCPUS];
static u32 fifo_head[PHV_MAX_VCPUS][EVTCHN_FIFO_MAX_QUEUES];	/* what we have in hand */
static u32 fifo_order[64];		/* ports in the order they came */
static u32 fifo_count;

#define WORD_PENDING	BIT(EVTCHN_FIFO_PENDING)
#define WORD_MASKED	BIT(EVTCHN_FIFO_MASKED)
#define WORD_LINKED	BIT(EVTCHN_FIFO_LINKED)
#define WORD_BUSY	BIT(EVTCHN_FIFO_BUSY)

/* Takes a port off its queue: what is linked to it. */
static inline u32 fifo_unlink(u32 port)
{
	u32 *word = &fifo_words[port];
	u32 old = READ_ONCE(*word), new;

	do {
		new = old & ~(WORD_LINKED | EVTCHN_FIFO_LINK_MASK);
	} while (!__atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return old & EVTCHN_FIFO_LINK_MASK;
}

static inline void fifo_take(u32 cpu, u32 priority, u32 *queues)
{
	u32 *head = &fifo_head[cpu][priority];
	u32 port = *head ?: READ_ONCE(fifo_control[cpu]->head[priority]);

	*head = fifo_unlink(port);
	if (!*head)
		*queues &= ~BIT(priority);
	if ((READ_ONCE(fifo_words[port]) & (WORD_PENDING | WORD_MASKED)) != WORD_PENDING)
		return;
	__atomic_fetch_and(&fifo_words[port], ~WORD_PENDING, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&events[port % COUNTED], 1, __ATOMIC_SEQ_CST);
	fifo_order[__atomic_fetch_add(&fifo_count, 1, __ATOMIC_SEQ_CST) %
		   ARRAY_SIZE(fifo_order)] = port;
}

static inline bool consume_fifo(void)
{
	u32 cpu = this_cpu()->id;
	u32 queues = __atomic_exchange_n(&fifo_control[cpu]->ready, 0, __ATOMIC_SEQ_CST);
	bool any = queues;

	while (queues) {
		fifo_take(cpu, __builtin_ctz(queues), &queues);
		queues |= __atomic_exchange_n(&fifo_control[cpu]->ready, 0, __ATOMIC_SEQ_CST);
	}
	return any;
}

/* Either: mask, and look for what is pending, masked or not. */
static inline void mask_port(u32 port)
{
	if (use_fifo)
		__atomic_fetch_or(&fifo_words[port], WORD_MASKED, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_or(&xen_shared->evtchn_mask[port / 64], BIT(port % 64),
				  __ATOMIC_SEQ_CST);
}

static inline bool is_pending(u32 port)
{
	if (use_fifo)
		return READ_ONCE(fifo_words[port]) & WORD_PENDING;
	return READ_ONCE(xen_shared->evtchn_pending[port / 64]) & BIT(port % 64);
}

static inline void clear_pending(u32 port)
{
	if (use_fifo)
		__atomic_fetch_and(&fifo_words[port], ~WORD_PENDING, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&xen_shared->evtchn_pending[port / 64], ~BIT(port % 64),
				   __ATOMIC_SEQ_CST);
}

static inline bool consume(void)
{
	struct vcpu_info *info = xen_vcpu_info();
	bool any = false;

	while (__atomic_exchange_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
		any |= use_fifo ? consume_fifo() : consume_2l();
	return any;
}

static void on_upcall(struct guest_frame *frame __maybe_unused)
{
	u32 *count = &upcalls[this_cpu()->id];

	if (way == BY_VECTOR)
		x2apic_eoi();
	consume();
	WRITE_ONCE(*count, *count + 1);
}

/* Upcalls for this vCPU, by @way. */
static inline void upcalls_on(void)
{
	guest_handle(UPCALL_VECTOR, on_upcall);
	if (way == BY_VECTOR) {
		x2apic_enable();
		guest_assert_eq(set_upcall_vector(this_cpu()->id, UPCALL_VECTOR), 0);
	} else {
		guest_assert_eq(xen_hvm_set_param(HVM_PARAM_CALLBACK_IRQ,
						  2UL << 56 | UPCALL_VECTOR), 0);
	}
}

/* FIFO, if it is to be used; on one vCPU, the others do the first half only. */
static inline void fifo_on_vcpu(void)
{
	u32 id = this_cpu()->id;

	guest_assert_eq(init_control(id, (u64)fifo_control[id] / PAGE_SIZE, 0), 0);
}

static inline void fifo_on(void)
{
	u32 i;

	fifo_on_vcpu();
	for (i = 0; i < FIFO_PAGES; i++)
		guest_assert_eq(expand_array((u64)fifo_words / PAGE_SIZE + i), 0);
}

static inline void evtchn_on(void)
{
	if (use_fifo && !this_cpu()->id)
		fifo_on();
	else if (use_fifo)
		fifo_on_vcpu();
	upcalls_on();
}

/* Host */

static inline void fifo_alloc(u32 vcpus)
{
	u32 i;

	use_fifo = true;
	memset(fifo_head, 0, sizeof(fifo_head));
	fifo_words = vm_alloc(FIFO_PAGES * PAGE_SIZE, PAGE_SIZE);
	for (i = 0; i < vcpus; i++)
		fifo_control[i] = vm_alloc(PAGE_SIZE, PAGE_SIZE);
}

/* The same test for each way of upcalls, 2-level and FIFO. */
static inline void each_way(void (*test)(void))
{
	unsigned int i;

	for (i = 0; i < 2 * WAYS; i++) {
		way = i % WAYS;
		if (i >= WAYS)
			fifo_alloc(3);
		memset(events, 0, sizeof(events));
		memset(upcalls, 0, sizeof(upcalls));
		WRITE_ONCE(ready, false);
		WRITE_ONCE(over, false);
		test();
	}
}

static inline int new_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	check(fd >= 0);
	return fd;
}

static inline void signal_eventfd(int fd)
{
	const u64 one = 1;

	check_eq(write(fd, &one, sizeof(one)), sizeof(one));
}

/* How often it was signalled since the last look; 0 for not at all. */
static inline u64 take_eventfd(int fd)
{
	u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static inline int user_bind(struct vm *vm, u32 port, int kick, int call)
{
	const struct phv_evtchn arg = { .port = port, .kick = kick, .call = call };

	return vm_ioctl(vm, PHV_EVTCHN_BIND, &arg);
}

static inline u32 user_alloc(struct vm *vm)
{
	struct phv_evtchn arg = { .flags = 0 };

	check_eq(vm_ioctl(vm, PHV_EVTCHN_ALLOC, &arg), 0);
	return arg.port;
}

#endif /* EVTCHN_H */
