// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: ports, and the hypercall.
 *
 * What lives here: which port is bound to what, raising one, and
 * HYPERVISOR_event_channel_op. evtchn_internal.h says what protects what. Answers
 * are those of Xen's xen/common/event_channel.c, in whose words a guest has ports,
 * of which number 0 is none.
 */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "pv/evtchn_internal.h"
#include "pv/hypercall.h"

/*
 * Raising
 */

/*
 * Should the port be bound to another vCPU meanwhile, that one is told, too: the
 * guest may look for the event there only, and may have looked before it was pending.
 */
static void raise_2l(struct evtchn_domain *ed, struct evtchn *evtchn, u32 port)
{
	unsigned int vcpu = evtchn_binding(evtchn).vcpu;
	unsigned int now, try;

	if (!evtchn_2l_raise(ed, port, vcpu))
		return;
	for (try = 0; try < 4; try++) {
		now = evtchn_binding(evtchn).vcpu;
		if (likely(now == vcpu))
			return;
		vcpu = now;
		evtchn_2l_tell(ed, port, vcpu);
	}
}

/**
 * evtchn_raise - make a port of the guest pending
 * @ed: event channels
 * @port: the port; nothing happens when there is no such port
 *
 * Context: any.
 */
void evtchn_raise(struct evtchn_domain *ed, u32 port)
{
	struct evtchn *evtchn = evtchn_port(ed, port);
	struct evtchn_fifo *fifo;

	if (!evtchn)
		return;
	rcu_read_lock();
	fifo = evtchn_fifo(ed);
	if (fifo)
		evtchn_fifo_raise(ed, fifo, evtchn, port);
	else
		raise_2l(ed, evtchn, port);
	rcu_read_unlock();
	if (unlikely(!bitmap_empty(ed->pollers, PHV_MAX_VCPUS)))
		upcall_wake_pollers(ed, port);
}

void evtchn_raise_virq(struct phv_vcpu *vcpu, u32 virq)
{
	u32 port;

	if (virq >= NR_VIRQS)
		return;
	port = READ_ONCE(vcpu->pv.evtchn->virq_port[virq]);
	if (port)
		evtchn_raise(evtchn_of(vcpu), port);
}

/**
 * evtchn_is_pending - is a port pending, masked or not?
 * @ed: event channels
 * @port: the port
 *
 * Return: 1, 0; -EINVAL when there is no such port.
 */
int evtchn_is_pending(struct evtchn_domain *ed, u32 port)
{
	struct evtchn_fifo *fifo;
	bool pending;

	if (!evtchn_port(ed, port))
		return -EINVAL;
	rcu_read_lock();
	fifo = evtchn_fifo(ed);
	pending = fifo ? evtchn_fifo_pending(fifo, port) : evtchn_2l_pending(ed, port);
	rcu_read_unlock();
	return pending;
}

/*
 * Ports, with the mutex
 */

/* Published at once, for those who do not lock; and before anything that follows. */
void evtchn_set_binding(struct evtchn *evtchn, union evtchn_binding binding)
{
	smp_store_mb(evtchn->binding, binding.raw);	/* pairs with raise_2l() */
}

static void clear_pending(struct evtchn_domain *ed, struct evtchn *evtchn, u32 port)
{
	struct evtchn_fifo *fifo = evtchn_fifo(ed);

	if (fifo)
		evtchn_fifo_clear(fifo, evtchn, port);
	else
		evtchn_2l_clear(ed, port);
}

static int add_bucket(struct evtchn_domain *ed)
{
	struct evtchn *bucket;

	bucket = kcalloc(EVTCHN_BUCKET, sizeof(*bucket), GFP_KERNEL_ACCOUNT);
	if (!bucket)
		return -ENOMEM;
	ed->bucket[ed->ports / EVTCHN_BUCKET] = bucket;
	smp_store_release(&ed->ports, ed->ports + EVTCHN_BUCKET);	/* for evtchn_port() */
	return 0;
}

/**
 * evtchn_alloc - take a free port, the first there is
 * @ed: event channels
 * @binding: what it is from now on; its priority is the default's
 * @port: the port
 *
 * Return: 0; -ENOSPC when all are taken; -ENOMEM.
 */
int evtchn_alloc(struct evtchn_domain *ed, union evtchn_binding binding, u32 *port)
{
	unsigned int limit = evtchn_fifo(ed) ? EVTCHN_FIFO_NR_CHANNELS : evtchn_2l_limit(ed);
	struct evtchn *evtchn;
	u32 i = ed->first_free;
	int ret;

	while (i < min(ed->ports, limit) && evtchn_binding(evtchn_port(ed, i)).state)
		i++;
	if (i >= limit)
		return -ENOSPC;
	if (i >= ed->ports) {
		ret = add_bucket(ed);
		if (ret)
			return ret;
	}
	ed->first_free = i + 1;
	evtchn = evtchn_port(ed, i);
	/* A sender may have come too late for what it was before. */
	clear_pending(ed, evtchn, i);
	binding.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
	evtchn_set_binding(evtchn, binding);
	*port = i;
	return 0;
}

/* The other end of a channel in the domain waits for another. */
static void leave_loop(struct evtchn_domain *ed, u32 remote)
{
	struct evtchn *evtchn = evtchn_port(ed, remote);
	union evtchn_binding binding = evtchn_binding(evtchn);

	binding.state = EVTCHN_UNBOUND;
	binding.remote = ed->domain->id;
	evtchn_set_binding(evtchn, binding);
}

static void leave_virq(struct evtchn_domain *ed, union evtchn_binding binding, u32 port)
{
	unsigned int i;

	/* A global one may tell another vCPU than the one it is known with. */
	for (i = 0; i < PHV_MAX_VCPUS; i++) {
		struct phv_vcpu *vcpu = domain_vcpu(ed->domain, i);

		if (vcpu && vcpu->pv.evtchn->virq_port[binding.virq] == port)
			WRITE_ONCE(vcpu->pv.evtchn->virq_port[binding.virq], 0);
	}
}

/* -EINVAL when it is free. */
static int close_port(struct evtchn_domain *ed, u32 port, struct list_head *gone)
{
	struct evtchn *evtchn = evtchn_port(ed, port);
	union evtchn_binding binding;

	if (!evtchn || !port)
		return -EINVAL;
	binding = evtchn_binding(evtchn);
	switch (binding.state) {
	case EVTCHN_FREE:
		return -EINVAL;
	case EVTCHN_LOOP:
		leave_loop(ed, binding.remote);
		break;
	case EVTCHN_USER:
		evtchn_user_unbind(ed, evtchn, gone);
		break;
	case EVTCHN_VIRQ:
		leave_virq(ed, binding, port);
		break;
	}
	evtchn_set_binding(evtchn, (union evtchn_binding){ .state = EVTCHN_FREE });
	clear_pending(ed, evtchn, port);
	ed->first_free = min(ed->first_free, port);
	return 0;
}

static void close_all(struct evtchn_domain *ed, struct list_head *gone)
{
	u32 port;

	for (port = 1; port < ed->ports; port++) {
		close_port(ed, port, gone);
		cond_resched();
	}
}

void evtchn_reset(struct phv_domain *domain)
{
	struct evtchn_domain *ed = domain->pv->evtchn;
	LIST_HEAD(gone);

	mutex_lock(&ed->mutex);
	close_all(ed, &gone);
	evtchn_fifo_end(ed);
	mutex_unlock(&ed->mutex);
	evtchn_user_free(&gone);
}

/*
 * HYPERVISOR_event_channel_op. Each of these has the operation's structure in kernel memory.
 */

/* A domain that the operation is about must be the caller; domain 0 there is, others not. */
static int check_domain(const struct evtchn_domain *ed, domid_t id)
{
	if (id == DOMID_SELF || id == ed->domain->id)
		return 0;
	return id ? -ESRCH : -EPERM;
}

static int alloc_unbound(struct evtchn_domain *ed, struct evtchn_alloc_unbound *op)
{
	union evtchn_binding binding = { .state = EVTCHN_UNBOUND, .remote = op->remote_dom };
	int ret = check_domain(ed, op->dom);

	if (ret)
		return ret;
	if (op->remote_dom == DOMID_SELF)
		binding.remote = ed->domain->id;
	return evtchn_alloc(ed, binding, &op->port);
}

static int bind_interdomain(struct evtchn_domain *ed, struct evtchn_bind_interdomain *op)
{
	union evtchn_binding binding, other;
	struct evtchn *remote;
	int ret = check_domain(ed, op->remote_dom);

	/* Domain 0 has no port for guests: its ends are made by PHV_EVTCHN_BIND. */
	if (ret)
		return ret == -EPERM ? -EINVAL : ret;
	remote = evtchn_port(ed, op->remote_port);
	if (!remote)
		return -EINVAL;
	other = evtchn_binding(remote);
	if (other.state != EVTCHN_UNBOUND || other.remote != ed->domain->id)
		return -EINVAL;

	binding = (union evtchn_binding){ .state = EVTCHN_LOOP, .remote = op->remote_port };
	ret = evtchn_alloc(ed, binding, &op->local_port);
	if (ret)
		return ret;
	other.state = EVTCHN_LOOP;
	other.remote = op->local_port;
	evtchn_set_binding(remote, other);
	/* What was sent by the other end before is not known: it may have been. */
	evtchn_raise(ed, op->local_port);
	return 0;
}

/* Those that are not the vCPU's own are the domain's. */
static bool virq_is_global(u32 virq)
{
	return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF &&
	       virq != VIRQ_XENPMU;
}

static int bind_virq(struct evtchn_domain *ed, struct evtchn_bind_virq *op)
{
	union evtchn_binding binding = { .state = EVTCHN_VIRQ };
	struct phv_vcpu *vcpu;
	u32 *virq_port;
	int ret;

	if (op->virq >= NR_VIRQS || (virq_is_global(op->virq) && op->vcpu))
		return -EINVAL;
	vcpu = domain_vcpu(ed->domain, op->vcpu);
	if (!vcpu)
		return -ENOENT;
	virq_port = &vcpu->pv.evtchn->virq_port[array_index_nospec(op->virq, NR_VIRQS)];
	if (*virq_port)
		return -EEXIST;
	binding.vcpu = op->vcpu;
	binding.virq = op->virq;
	ret = evtchn_alloc(ed, binding, &op->port);
	if (!ret)
		WRITE_ONCE(*virq_port, op->port);
	return ret;
}

static int bind_ipi(struct evtchn_domain *ed, struct evtchn_bind_ipi *op)
{
	union evtchn_binding binding = { .state = EVTCHN_IPI };

	if (!domain_vcpu(ed->domain, op->vcpu))
		return -ENOENT;
	binding.vcpu = op->vcpu;
	return evtchn_alloc(ed, binding, &op->port);
}

static int bind_vcpu(struct evtchn_domain *ed, const struct evtchn_bind_vcpu *op)
{
	struct evtchn *evtchn = evtchn_port(ed, op->port);
	union evtchn_binding binding;

	if (!domain_vcpu(ed->domain, op->vcpu))
		return -ENOENT;
	if (!evtchn)
		return -EINVAL;
	binding = evtchn_binding(evtchn);
	if (binding.state == EVTCHN_FREE || binding.state == EVTCHN_IPI ||
	    (binding.state == EVTCHN_VIRQ && !virq_is_global(binding.virq)))
		return -EINVAL;
	binding.vcpu = op->vcpu;
	evtchn_set_binding(evtchn, binding);
	return 0;
}

static int set_priority(struct evtchn_domain *ed, const struct evtchn_set_priority *op)
{
	struct evtchn *evtchn = evtchn_port(ed, op->port);
	union evtchn_binding binding;

	if (!evtchn)
		return -EINVAL;
	if (!evtchn_fifo(ed))
		return -ENOSYS;
	if (op->priority > EVTCHN_FIFO_PRIORITY_MIN)
		return -EINVAL;
	binding = evtchn_binding(evtchn);
	if (binding.state == EVTCHN_FREE)
		return 0;
	binding.priority = op->priority;
	evtchn_set_binding(evtchn, binding);
	return 0;
}

static int status(struct evtchn_domain *ed, struct evtchn_status *op)
{
	union evtchn_binding binding;
	struct evtchn *evtchn;
	int ret = check_domain(ed, op->dom);

	if (ret)
		return ret;
	evtchn = evtchn_port(ed, op->port);
	if (!evtchn)
		return -EINVAL;
	binding = evtchn_binding(evtchn);
	op->vcpu = binding.vcpu;
	switch (binding.state) {
	case EVTCHN_FREE:
		op->status = EVTCHNSTAT_closed;
		break;
	case EVTCHN_UNBOUND:
		op->status = EVTCHNSTAT_unbound;
		op->u.unbound.dom = binding.remote;
		break;
	case EVTCHN_LOOP:
	case EVTCHN_USER:
		op->status = EVTCHNSTAT_interdomain;
		op->u.interdomain.dom = binding.state == EVTCHN_USER ? 0 : ed->domain->id;
		op->u.interdomain.port = binding.remote;
		break;
	case EVTCHN_VIRQ:
		op->status = EVTCHNSTAT_virq;
		op->u.virq = binding.virq;
		break;
	case EVTCHN_IPI:
		op->status = EVTCHNSTAT_ipi;
		break;
	}
	return 0;
}

static int init_control(struct evtchn_domain *ed, struct evtchn_init_control *op)
{
	struct phv_vcpu *vcpu;

	if (ed->domain->pv->flags & PHV_XEN_NO_FIFO)
		return -ENOSYS;
	op->link_bits = EVTCHN_FIFO_LINK_BITS;
	vcpu = domain_vcpu(ed->domain, op->vcpu);
	if (!vcpu)
		return -ENOENT;
	return evtchn_fifo_init_control(vcpu, op->control_gfn, op->offset);
}

/* Any of their structures. None has another layout for 32 bits. */
union evtchn_args {
	struct evtchn_alloc_unbound alloc_unbound;
	struct evtchn_bind_interdomain bind_interdomain;
	struct evtchn_bind_virq bind_virq;
	struct evtchn_bind_ipi bind_ipi;
	struct evtchn_close close;
	struct evtchn_status status;
	struct evtchn_bind_vcpu bind_vcpu;
	struct evtchn_reset reset;
	struct evtchn_init_control init_control;
	struct evtchn_expand_array expand_array;
	struct evtchn_set_priority set_priority;
};

/* Sizes of the structures; those with results are written back. */
static const struct {
	u8 size;
	bool out;
} ops[] = {
	[EVTCHNOP_bind_interdomain] = { sizeof(struct evtchn_bind_interdomain), true },
	[EVTCHNOP_bind_virq]	= { sizeof(struct evtchn_bind_virq), true },
	[EVTCHNOP_close]	= { sizeof(struct evtchn_close) },
	[EVTCHNOP_status]	= { sizeof(struct evtchn_status), true },
	[EVTCHNOP_alloc_unbound] = { sizeof(struct evtchn_alloc_unbound), true },
	[EVTCHNOP_bind_ipi]	= { sizeof(struct evtchn_bind_ipi), true },
	[EVTCHNOP_bind_vcpu]	= { sizeof(struct evtchn_bind_vcpu) },
	[EVTCHNOP_reset]	= { sizeof(struct evtchn_reset) },
	[EVTCHNOP_init_control]	= { sizeof(struct evtchn_init_control), true },
	[EVTCHNOP_expand_array]	= { sizeof(struct evtchn_expand_array) },
	[EVTCHNOP_set_priority]	= { sizeof(struct evtchn_set_priority) },
};

/* With the mutex. */
static int do_op(struct evtchn_domain *ed, unsigned int op, union evtchn_args *args,
		 struct list_head *gone)
{
	switch (op) {
	case EVTCHNOP_alloc_unbound:
		return alloc_unbound(ed, &args->alloc_unbound);
	case EVTCHNOP_bind_interdomain:
		return bind_interdomain(ed, &args->bind_interdomain);
	case EVTCHNOP_bind_virq:
		return bind_virq(ed, &args->bind_virq);
	case EVTCHNOP_bind_ipi:
		return bind_ipi(ed, &args->bind_ipi);
	case EVTCHNOP_close:
		return close_port(ed, args->close.port, gone);
	case EVTCHNOP_status:
		return status(ed, &args->status);
	case EVTCHNOP_bind_vcpu:
		return bind_vcpu(ed, &args->bind_vcpu);
	case EVTCHNOP_init_control:
		return init_control(ed, &args->init_control);
	case EVTCHNOP_expand_array:
		if (ed->domain->pv->flags & PHV_XEN_NO_FIFO)
			return -ENOSYS;
		return evtchn_fifo_expand(ed, args->expand_array.array_gfn);
	case EVTCHNOP_set_priority:
		return set_priority(ed, &args->set_priority);
	default:
		return -ENOSYS;
	}
}

static int reset(struct phv_domain *domain, const struct evtchn_reset *op)
{
	int ret = check_domain(domain->pv->evtchn, op->dom);

	if (!ret)
		evtchn_reset(domain);
	return ret;
}

/* What is not done in the inner loop. */
static long slow_op(struct hypercall *call, unsigned int op)
{
	struct evtchn_domain *ed = evtchn_of(call->vcpu);
	union evtchn_args args = {};
	LIST_HEAD(gone);
	long ret;

	if (op >= ARRAY_SIZE(ops) || !ops[op].size)
		return -ENOSYS;
	ret = hypercall_read(call, &args, call->arg[1], ops[op].size);
	if (ret)
		return ret;
	if (op == EVTCHNOP_reset)
		return reset(ed->domain, &args.reset);
	mutex_lock(&ed->mutex);
	ret = do_op(ed, op, &args, &gone);
	mutex_unlock(&ed->mutex);
	evtchn_user_free(&gone);
	/* Who can't be told the port has one that it does not know. */
	if (!ret && ops[op].out)
		ret = hypercall_write(call, call->arg[1], &args, ops[op].size);
	return ret;
}

/* EVTCHNOP_send, with a look at the port's other end without a lock. */
static long send(struct evtchn_domain *ed, u32 port)
{
	struct evtchn *evtchn = evtchn_port(ed, port);
	union evtchn_binding binding;

	if (!evtchn)
		return -EINVAL;
	binding = evtchn_binding(evtchn);
	switch (binding.state) {
	case EVTCHN_IPI:
		evtchn_raise(ed, port);
		return 0;
	case EVTCHN_LOOP:
		evtchn_raise(ed, binding.remote);
		return 0;
	case EVTCHN_USER:
		rcu_read_lock();
		evtchn_user_kick(evtchn);
		rcu_read_unlock();
		return 0;
	case EVTCHN_UNBOUND:
		return 0;
	default:
		return -EINVAL;
	}
}

static long unmask(struct evtchn_domain *ed, u32 port)
{
	struct evtchn *evtchn = evtchn_port(ed, port);
	struct evtchn_fifo *fifo;

	if (!evtchn)
		return -EINVAL;
	rcu_read_lock();
	fifo = evtchn_fifo(ed);
	if (fifo)
		evtchn_fifo_unmask(ed, fifo, evtchn, port);
	else
		evtchn_2l_unmask(ed, port, evtchn_binding(evtchn).vcpu);
	rcu_read_unlock();
	return 0;
}

/**
 * hypercall_event_channel_op - HYPERVISOR_event_channel_op
 * @call: EVTCHNOP_*, pointer to its structure
 *
 * Send and unmask are done in the inner loop. As <xen/interface/event_channel.h> has them, for
 * domains without pirqs, and without rights on others.
 *
 * Return: 0, -EFAULT, -ENOSYS, or an errno of the operation, as Xen has it.
 */
long hypercall_event_channel_op(struct hypercall *call)
{
	struct evtchn_domain *ed = evtchn_of(call->vcpu);
	unsigned int op = call->arg[0];
	u32 port;
	int ret;

	if (op == EVTCHNOP_bind_pirq)
		return -EINVAL;
	if (op != EVTCHNOP_send && op != EVTCHNOP_unmask)
		return call->fast ? HYPERCALL_SLOW : slow_op(call, op);
	BUILD_BUG_ON(sizeof(struct evtchn_send) != sizeof(port) ||
		     sizeof(struct evtchn_unmask) != sizeof(port));
	ret = hypercall_read(call, &port, call->arg[1], sizeof(port));
	if (ret)
		return ret;
	return op == EVTCHNOP_send ? send(ed, port) : unmask(ed, port);
}

/*
 * Life
 */

int evtchn_create(struct phv_domain *domain)
{
	struct evtchn_domain *ed;

	BUILD_BUG_ON(PHV_MAX_VCPUS > 1 << 8 * sizeof_field(union evtchn_binding, vcpu));
	ed = kvzalloc(sizeof(*ed), GFP_KERNEL_ACCOUNT);
	if (!ed)
		return -ENOMEM;
	mutex_init(&ed->mutex);
	ed->domain = domain;
	ed->first_free = 1;
	if (add_bucket(ed)) {
		kvfree(ed);
		return -ENOMEM;
	}
	domain->pv->evtchn = ed;
	return 0;
}

void evtchn_disconnect(struct phv_domain *domain)
{
	if (domain->pv && domain->pv->evtchn)
		evtchn_reset(domain);
}

void evtchn_destroy(struct phv_domain *domain)
{
	struct evtchn_domain *ed = domain->pv->evtchn;
	unsigned int i;

	if (!ed)
		return;
	for (i = 0; i < ed->ports / EVTCHN_BUCKET; i++)
		kfree(ed->bucket[i]);
	kvfree(ed);
	domain->pv->evtchn = NULL;
}

int evtchn_create_vcpu(struct phv_vcpu *vcpu)
{
	struct evtchn_vcpu *ev;

	ev = kzalloc(sizeof(*ev), GFP_KERNEL_ACCOUNT);
	if (!ev)
		return -ENOMEM;
	raw_spin_lock_init(&ev->lock);
	vcpu->pv.evtchn = ev;
	return 0;
}

void evtchn_destroy_vcpu(struct phv_vcpu *vcpu)
{
	if (!vcpu->pv.evtchn)
		return;
	evtchn_fifo_end_vcpu(vcpu);
	kfree(vcpu->pv.evtchn);
}
