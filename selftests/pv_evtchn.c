// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: ports, 2-level, upcalls, and what vCPUs send each other. FIFO's own
 * is in pv_fifo.c, domain 0's ends in pv_evtchn_user.c.
 */
#include "evtchn.h"

#define SENDS	200

static long port, other_port;

static void with_guest(void (*guest)(void))
{
	vcpu_finish(xen_with_guest(guest));
}

/* Ports */

static void guest_ports(void)
{
	struct evtchn_status status;
	u32 self = cpuid(0x40000004, 0).ecx;
	long a, b;

	/* The lowest free one; 0 is none. */
	guest_assert_eq(alloc_unbound(DOMID_SELF, 0), 1);
	guest_assert_eq(alloc_unbound(self, DOMID_SELF), 2);
	guest_assert_eq(evtchn_close(1), 0);
	guest_assert_eq(alloc_unbound(DOMID_SELF, 0), 1);
	guest_assert_eq(evtchn_status(1, &status), 0);
	guest_assert_eq(status.status, EVTCHNSTAT_unbound);
	guest_assert_eq(status.u.unbound.dom, 0);
	guest_assert_eq(evtchn_status(2, &status), 0);
	guest_assert_eq(status.u.unbound.dom, self);
	guest_assert_eq(evtchn_status(3, &status), 0);
	guest_assert_eq(status.status, EVTCHNSTAT_closed);
	guest_assert_eq(evtchn_status(0, &status), 0);
	guest_assert_eq(status.status, EVTCHNSTAT_closed);

	a = bind_ipi(0);
	b = bind_virq(VIRQ_TIMER, 0);
	guest_assert_eq(evtchn_status(a, &status), 0);
	guest_assert_eq(status.status, EVTCHNSTAT_ipi);
	guest_assert_eq(status.vcpu, 0);
	guest_assert_eq(evtchn_status(b, &status), 0);
	guest_assert_eq(status.status, EVTCHNSTAT_virq);
	guest_assert_eq(status.u.virq, VIRQ_TIMER);

	a = bind_interdomain(DOMID_SELF, 2);
	guest_assert_eq(evtchn_status(a, &status), 0);
	guest_assert_eq(status.status, EVTCHNSTAT_interdomain);
	guest_assert_eq(status.u.interdomain.dom, self);
	guest_assert_eq(status.u.interdomain.port, 2);
	guest_assert_eq(evtchn_status(2, &status), 0);
	guest_assert_eq(status.u.interdomain.port, a);
	/* One end closes: the other waits for another. */
	guest_assert_eq(evtchn_close(a), 0);
	guest_assert_eq(evtchn_status(2, &status), 0);
	guest_assert_eq(status.status, EVTCHNSTAT_unbound);
	guest_assert_eq(status.u.unbound.dom, self);
	guest_assert_eq(bind_interdomain(self, 2), a);
}

static void ports(void)
{
	with_guest(guest_ports);
}

static void guest_errors(void)
{
	struct evtchn_status status = { .dom = 0, .port = 1 };
	struct evtchn_bind_pirq pirq = { .pirq = 1 };
	u32 self = cpuid(0x40000004, 0).ecx;
	long p, ipi, virq;

	p = alloc_unbound(DOMID_SELF, 0);
	ipi = bind_ipi(0);
	virq = bind_virq(VIRQ_TIMER, 0);
	guest_assert(p > 0 && ipi > 0 && virq > 0);

	guest_assert_eq(alloc_unbound(0, 0), -EPERM);
	guest_assert_eq(alloc_unbound(self + 1, 0), -ESRCH);
	guest_assert_eq(bind_interdomain(self + 1, 1), -ESRCH);
	guest_assert_eq(bind_interdomain(0, 1), -EINVAL);
	guest_assert_eq(bind_interdomain(DOMID_SELF, p), -EINVAL);	/* it is for domain 0 */
	guest_assert_eq(bind_interdomain(DOMID_SELF, ipi), -EINVAL);
	guest_assert_eq(bind_interdomain(DOMID_SELF, 0), -EINVAL);
	guest_assert_eq(bind_interdomain(DOMID_SELF, ~0U), -EINVAL);

	guest_assert_eq(bind_virq(VIRQ_TIMER, 0), -EEXIST);
	guest_assert_eq(bind_virq(VIRQ_TIMER, 1), -ENOENT);
	guest_assert_eq(bind_virq(VIRQ_TIMER, ~0U), -ENOENT);
	guest_assert_eq(bind_virq(NR_VIRQS, 0), -EINVAL);
	guest_assert_eq(bind_virq(~0U, 0), -EINVAL);
	guest_assert_eq(bind_virq(VIRQ_CONSOLE, 1), -EINVAL);		/* a global one */
	guest_assert(bind_virq(VIRQ_CONSOLE, 0) > 0);
	guest_assert_eq(bind_virq(VIRQ_CONSOLE, 0), -EEXIST);
	guest_assert_eq(bind_ipi(1), -ENOENT);
	guest_assert_eq(bind_ipi(~0U), -ENOENT);

	guest_assert_eq(bind_vcpu(p, 0), 0);
	guest_assert_eq(bind_vcpu(p, 1), -ENOENT);
	guest_assert_eq(bind_vcpu(ipi, 0), -EINVAL);
	guest_assert_eq(bind_vcpu(virq, 0), -EINVAL);
	guest_assert_eq(bind_vcpu(100, 0), -EINVAL);
	guest_assert_eq(bind_vcpu(~0U, 0), -EINVAL);

	guest_assert_eq(evtchn_send(p), 0);
	guest_assert_eq(evtchn_send(virq), -EINVAL);
	guest_assert_eq(evtchn_send(0), -EINVAL);
	guest_assert_eq(evtchn_send(100), -EINVAL);
	guest_assert_eq(evtchn_send(~0U), -EINVAL);
	guest_assert_eq(evtchn_unmask(~0U), -EINVAL);
	guest_assert_eq(evtchn_unmask(p), 0);
	guest_assert_eq(evtchn_close(0), -EINVAL);
	guest_assert_eq(evtchn_close(100), -EINVAL);
	guest_assert_eq(evtchn_close(~0U), -EINVAL);

	guest_assert_eq(xen_evtchn_op(EVTCHNOP_status, &status), -EPERM);
	status.dom = self + 1;
	guest_assert_eq(xen_evtchn_op(EVTCHNOP_status, &status), -ESRCH);
	guest_assert_eq(evtchn_status(~0U, &status), -EINVAL);
	guest_assert_eq(evtchn_reset(0), -EPERM);
	guest_assert_eq(evtchn_reset(self + 1), -ESRCH);
	guest_assert_eq(set_priority(p, 3), -ENOSYS);			/* 2-level */
	guest_assert_eq(set_priority(~0U, 3), -EINVAL);
	guest_assert_eq(expand_array(1), -EOPNOTSUPP);
	guest_assert_eq(xen_evtchn_op(EVTCHNOP_bind_pirq, &pirq), -EINVAL);
	guest_assert_eq(xen_evtchn_op(14, &pirq), -ENOSYS);
	guest_assert_eq(xen_evtchn_op(~0U, &pirq), -ENOSYS);

	guest_assert_eq(xen_evtchn_op(EVTCHNOP_send, (void *)XEN_HOLE), -EFAULT);
	guest_assert_eq(xen_evtchn_op(EVTCHNOP_status, (void *)XEN_HOLE), -EFAULT);

	guest_assert_eq(set_upcall_vector(0, 15), -EINVAL);
	guest_assert_eq(set_upcall_vector(1, 16), -ENOENT);
	guest_assert_eq(xen_hvm_set_param(HVM_PARAM_CALLBACK_IRQ, 2UL << 56 | 15), 0);
	guest_assert_eq(xen_hvm_set_param(HVM_PARAM_CALLBACK_IRQ, 3UL << 56 | 16), -EINVAL);
	guest_assert_eq(xen_hvm_set_param(HVM_PARAM_CALLBACK_IRQ, 1), 0);

	guest_assert_eq(evtchn_reset(DOMID_SELF), 0);
	guest_assert_eq(evtchn_close(p), -EINVAL);
	guest_assert_eq(bind_virq(VIRQ_TIMER, 0), 1);
}

static void bad_arguments(void)
{
	with_guest(guest_errors);
}

static void guest_limit(u64 limit)
{
	u64 i;

	for (i = 1; i < limit; i++)
		guest_assert_eq(alloc_unbound(DOMID_SELF, 0), i);
	guest_assert_eq(alloc_unbound(DOMID_SELF, 0), -ENOSPC);
	guest_assert_eq(bind_ipi(0), -ENOSPC);
	guest_assert_eq(bind_virq(VIRQ_TIMER, 0), -ENOSPC);
	guest_assert_eq(evtchn_close(limit / 2), 0);
	guest_assert_eq(bind_ipi(0), limit / 2);
	guest_assert_eq(bind_ipi(0), -ENOSPC);
	guest_assert_eq(evtchn_send(limit / 2), 0);
	guest_assert(is_pending(limit / 2));
	/* The last one's bit, and no other. */
	guest_assert_eq(evtchn_close(limit - 1), 0);
	guest_assert_eq(bind_ipi(0), limit - 1);
	guest_assert_eq(evtchn_send(limit - 1), 0);
	guest_assert(is_pending(limit - 1));
	for (i = 0; i < limit; i++)
		guest_assert_eq(is_pending(i), i == limit / 2 || i == limit - 1);
	guest_assert_eq(evtchn_reset(DOMID_SELF), 0);
	for (i = 0; i < limit; i++)
		guest_assert(!is_pending(i));
}

static void limit(void)
{
	vcpu_finish(xen_with_guest(guest_limit, 4096));
}

/* shared_info of a domain of 32 bits. */
struct shared_info32 {
	struct {
		u8 upcall_pending;
		u8 upcall_mask;
		u16 reserved;
		u32 pending_sel;
		u8 rest[56];
	} vcpu_info[32];
	u32 pending[32];
	u32 mask[32];
};

static void guest_compat(void)
{
	struct shared_info32 *shared = (struct shared_info32 *)xen_shared;
	struct xen_hvm_param param = {
		.domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ,
	};
	struct evtchn_send send = { .port = 40 };
	u64 i;

	/* 32-bit code sets it: the layout is of 32 bits from now on. */
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_hvm_op, HVMOP_set_param, (u64)&param), 0);
	for (i = 1; i < 1024; i++)
		guest_assert_eq(bind_ipi(0), i);
	guest_assert_eq(bind_ipi(0), -ENOSPC);
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_event_channel_op, EVTCHNOP_send,
					(u64)&send), 0);
	guest_assert_eq(shared->pending[1], 1 << 8);
	guest_assert_eq(shared->vcpu_info[0].pending_sel, 1 << 1);
	guest_assert_eq(shared->vcpu_info[0].upcall_pending, 1);
	guest_assert_eq(xen_shared->vcpu_info[0].evtchn_pending_sel, 0);

	shared->vcpu_info[0].upcall_pending = 0;
	shared->mask[31] = BIT(31);
	guest_assert_eq(evtchn_send(1023), 0);
	guest_assert_eq(shared->pending[31], BIT(31));
	guest_assert_eq(shared->vcpu_info[0].upcall_pending, 0);
	guest_assert_eq(evtchn_unmask(1023), 0);
	guest_assert_eq(shared->mask[31], 0);
	guest_assert_eq(shared->vcpu_info[0].pending_sel, 1U << 31 | 1 << 1);
	guest_assert_eq(shared->vcpu_info[0].upcall_pending, 1);
}

static void compat(void)
{
	with_guest(guest_compat);
}

/* Upcalls */

static void guest_ipi_to_self(void)
{
	long p;

	evtchn_on();
	p = bind_ipi(0);
	guest_assert(p > 0);
	/* At once; while it takes none; and at HLT. */
	sti();
	guest_assert_eq(evtchn_send(p), 0);
	wait_until(READ_ONCE(events[p]) == 1);
	cli();
	guest_assert_eq(evtchn_send(p), 0);
	guest_assert_eq(evtchn_send(p), 0);
	cpuid(0, 0);
	guest_assert_eq(events[p], 1);
	take_interrupts();
	guest_assert_eq(events[p], 2);
	guest_assert_eq(evtchn_send(p), 0);
	sti_hlt();
	guest_assert_eq(events[p], 3);

	/* Masked: pending, and no upcall before it is unmasked. */
	mask_port(p);
	guest_assert_eq(evtchn_send(p), 0);
	take_interrupts();
	guest_assert_eq(events[p], 3);
	guest_assert(is_pending(p));
	guest_assert_eq(evtchn_unmask(p), 0);
	take_interrupts();
	guest_assert_eq(events[p], 4);
	guest_assert(!is_pending(p));
	/* Unmasked with nothing pending: no upcall. */
	mask_port(p);
	guest_assert_eq(evtchn_unmask(p), 0);
	take_interrupts();
	guest_assert_eq(events[p], 4);
	guest_assert_eq(upcalls[0], 4);
}

static void ipi_to_self_once(void)
{
	with_guest(guest_ipi_to_self);
}

static void ipi_to_self(void)
{
	each_way(ipi_to_self_once);
}

static void guest_loop(void)
{
	long a, b;

	evtchn_on();
	a = alloc_unbound(DOMID_SELF, DOMID_SELF);
	guest_assert_eq(evtchn_send(a), 0);	/* to nobody */
	b = bind_interdomain(DOMID_SELF, a);
	take_interrupts();
	guest_assert_eq(events[b], 1);		/* as if it had been sent */
	guest_assert_eq(events[a], 0);
	guest_assert_eq(evtchn_send(a), 0);
	take_interrupts();
	guest_assert_eq(events[b], 2);
	guest_assert_eq(evtchn_send(b), 0);
	take_interrupts();
	guest_assert_eq(events[a], 1);
	/* Closed while pending: nothing is left for whoever has the port next. */
	guest_assert_eq(evtchn_send(a), 0);
	guest_assert_eq(evtchn_close(b), 0);
	guest_assert(!is_pending(b));
	take_interrupts();
	guest_assert_eq(events[b], 2);
}

static void loop_once(void)
{
	with_guest(guest_loop);
}

static void loop(void)
{
	each_way(loop_once);
}

static void guest_timer(void)
{
	long p;

	evtchn_on();
	p = bind_virq(VIRQ_TIMER, 0);
	guest_assert(p > 0);
	guest_assert_eq(xen_set_timer(1), 0);
	while (!READ_ONCE(events[p]))
		sti_hlt();
	guest_assert_eq(evtchn_close(p), 0);
	guest_assert_eq(xen_set_timer(1), 0);
	take_interrupts();
	guest_assert_eq(events[p], 1);
}

static void timer_once(void)
{
	with_guest(guest_timer);
}

static void timer(void)
{
	each_way(timer_once);
}

/* The APIC drops interrupts while it is disabled; the upcall comes when it is enabled. */
static void guest_late_apic(void)
{
	long p = bind_ipi(0);

	guest_handle(UPCALL_VECTOR, on_upcall);
	guest_assert_eq(evtchn_send(p), 0);
	guest_assert_eq(set_upcall_vector(0, UPCALL_VECTOR), 0);
	take_interrupts();
	guest_assert_eq(events[p], 0);
	x2apic_enable();
	take_interrupts();
	guest_assert_eq(events[p], 1);
	x2apic_write(X2APIC_SVR, 0xff);
	guest_assert_eq(evtchn_send(p), 0);
	take_interrupts();
	guest_assert_eq(events[p], 1);
	x2apic_enable();
	take_interrupts();
	guest_assert_eq(events[p], 2);
}

static void late_apic(void)
{
	with_guest(guest_late_apic);
}

/* Nobody has been told how: the byte is set, and counts when it is said how. */
static void guest_late_way(void)
{
	long p = bind_ipi(0);

	if (use_fifo)
		fifo_on();
	x2apic_enable();
	guest_assert_eq(evtchn_send(p), 0);
	take_interrupts();
	guest_assert_eq(xen_vcpu_info()->evtchn_upcall_pending, 1);
	upcalls_on();
	take_interrupts();
	guest_assert_eq(events[p], 1);
}

static void late_way_once(void)
{
	with_guest(guest_late_way);
}

static void late_way(void)
{
	each_way(late_way_once);
}

/* An interrupt of the APIC and the domain's callback: the latter first, none is lost. */
static u32 order[4], order_count;

static void on_ordered(struct guest_frame *frame)
{
	if (frame->vector == UPCALL_VECTOR)
		consume();
	else
		x2apic_eoi();
	order[order_count++ % 4] = frame->vector;
}

static void guest_callback_and_apic(void)
{
	long p = bind_ipi(0);

	way = BY_CALLBACK;
	upcalls_on();
	x2apic_enable();
	guest_handle(UPCALL_VECTOR, on_ordered);
	guest_handle(0x40, on_ordered);
	x2apic_write(X2APIC_SELF_IPI, 0x40);
	guest_assert_eq(evtchn_send(p), 0);
	take_interrupts();
	take_interrupts();
	guest_assert_eq(order_count, 2);
	guest_assert_eq(order[0] + order[1], UPCALL_VECTOR + 0x40);
	guest_assert_eq(events[p], 1);
	/* The task priority is the APIC's, no upcall waits for it. */
	write_cr8(15);
	guest_assert_eq(evtchn_send(p), 0);
	take_interrupts();
	guest_assert_eq(events[p], 2);
}

static void callback_and_apic(void)
{
	with_guest(guest_callback_and_apic);
}

/* Between vCPUs */

static long ping, pong;
static bool listens;			/* the other has its control block and its vector */

static void guest_ping(u64 halt)
{
	u32 i;

	evtchn_on();
	ping = bind_ipi(1);
	pong = bind_ipi(0);
	WRITE_ONCE(ready, true);
	wait_until(READ_ONCE(listens));
	for (i = 1; i <= SENDS; i++) {
		guest_assert_eq(evtchn_send(ping), 0);
		while (READ_ONCE(events[pong]) != i) {
			if (halt)
				sti_hlt();
			else
				take_interrupts();
		}
	}
}

static void guest_pong(u64 halt)
{
	u32 i;

	evtchn_on();
	WRITE_ONCE(listens, true);
	wait_until(READ_ONCE(ready));
	for (i = 1; i <= SENDS; i++) {
		while (READ_ONCE(events[ping]) != i) {
			if (halt)
				sti_hlt();
			else
				take_interrupts();
		}
		guest_assert_eq(evtchn_send(pong), 0);
	}
}

static void ping_pong(u64 halt)
{
	struct vm *vm = xen_create();
	struct vcpu *a = vm_add_guest(vm, 0, guest_ping, halt);
	struct vcpu *b = vm_add_guest(vm, 1, guest_pong, halt);

	WRITE_ONCE(listens, false);
	vcpu_start(b);
	vcpu_start(a);
	vcpu_join(a);
	vcpu_join(b);
	check_eq(events[ping], SENDS);
	check_eq(events[pong], SENDS);
}

static void ping_pong_halting(void)
{
	ping_pong(1);
}

static void ping_pong_running(void)
{
	ping_pong(0);
}

static void between_halting(void)
{
	each_way(ping_pong_halting);
}

static void between_running(void)
{
	need_cpus(2);
	each_way(ping_pong_running);
}

/*
 * One port that changes its vCPU all the time, is masked and unmasked, and is sent to
 * meanwhile by another vCPU, which waits for each event: no event may be lost.
 */
static void guest_rebound(void)
{
	u32 id = this_cpu()->id;

	evtchn_on();
	while (!READ_ONCE(over)) {
		wait_until(READ_ONCE(ready) || READ_ONCE(over));
		take_interrupts();
		if (id)
			continue;
		mask_port(other_port);
		guest_assert_eq(bind_vcpu(other_port, 0), 0);
		guest_assert_eq(evtchn_unmask(other_port), 0);
		take_interrupts();
		mask_port(other_port);
		guest_assert_eq(bind_vcpu(other_port, 1), 0);
		guest_assert_eq(evtchn_unmask(other_port), 0);
	}
}

static void guest_send_rebound(void)
{
	u32 i;

	port = alloc_unbound(DOMID_SELF, DOMID_SELF);
	other_port = bind_interdomain(DOMID_SELF, port);
	WRITE_ONCE(ready, true);
	wait_until(READ_ONCE(events[other_port]) == 1);
	for (i = 2; i <= 2 * SENDS; i++) {
		guest_assert_eq(evtchn_send(port), 0);
		wait_until(READ_ONCE(events[other_port]) >= i);
		guest_assert_eq(READ_ONCE(events[other_port]), i);
	}
	WRITE_ONCE(over, true);
}

static void rebound_once(void)
{
	struct vm *vm = xen_create();
	struct vcpu *vcpus[] = {
		vm_add_guest(vm, 0, guest_rebound),
		vm_add_guest(vm, 1, guest_rebound),
		vm_add_guest(vm, 2, guest_send_rebound),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vcpus); i++)
		vcpu_start(vcpus[i]);
	for (i = 0; i < ARRAY_SIZE(vcpus); i++)
		vcpu_join(vcpus[i]);
}

static void rebound(void)
{
	need_cpus(2);
	each_way(rebound_once);
}

/* SCHEDOP_poll sees a port that is masked. */
static void guest_poll(void)
{
	struct sched_poll poll = { .nr_ports = 1 };
	evtchn_port_t polled;
	u32 i;

	evtchn_on();
	port = bind_ipi(0);
	polled = port;
	mask_port(port);
	set_xen_guest_handle(poll.ports, &polled);
	WRITE_ONCE(ready, true);
	for (i = 0; i < SENDS; i++) {
		guest_assert_eq(xen_sched_op(SCHEDOP_poll, &poll), 0);
		guest_assert(is_pending(port));
		clear_pending(port);
	}
	polled = ~0U;
	guest_assert_eq(xen_sched_op(SCHEDOP_poll, &poll), -EINVAL);
}

static void guest_send_polled(void)
{
	u32 i;

	wait_until(READ_ONCE(ready));
	for (i = 0; i < SENDS; i++) {
		guest_assert_eq(evtchn_send(port), 0);
		wait_until(!is_pending(port));
	}
}

static void polled_once(void)
{
	struct vm *vm = xen_create();
	struct vcpu *a = vm_add_guest(vm, 0, guest_poll);
	struct vcpu *b = vm_add_guest(vm, 1, guest_send_polled);

	vcpu_start(a);
	vcpu_start(b);
	vcpu_join(b);
	vcpu_join(a);
}

static void polled(void)
{
	each_way(polled_once);
}

/* vcpu_info */

static long register_info(u32 vcpu, u64 gfn, u32 offset)
{
	struct vcpu_register_vcpu_info op = { .mfn = gfn, .offset = offset };

	return xen_vcpu_op(VCPUOP_register_vcpu_info, vcpu, &op);
}

static void guest_vcpu_info(u64 page)
{
	struct vcpu_info *info = (struct vcpu_info *)(page + PAGE_SIZE - 64);
	u64 gfn = page / PAGE_SIZE;
	long p = 0;

	upcalls_on();
	/* One with its bit in the upper half of the word */
	while (p < 40 * 64)
		p = bind_ipi(0);
	guest_assert_eq(register_info(0, XEN_HOLE / PAGE_SIZE, 0), -EINVAL);
	guest_assert_eq(register_info(0, ~0UL >> 12, 0), -EINVAL);
	guest_assert_eq(register_info(0, gfn, PAGE_SIZE - 56), -EINVAL);
	guest_assert_eq(register_info(0, gfn, 4), -EINVAL);
	guest_assert_eq(register_info(0, gfn, ~7U), -EINVAL);
	guest_assert_eq(register_info(1, gfn, 0), -ENOENT);
	guest_assert_eq(info->evtchn_upcall_pending, 0);
	xen_vcpu_info()->arch.cr2 = 0x1234;
	guest_assert_eq(register_info(0, gfn, PAGE_SIZE - 64), 0);
	guest_assert_eq(register_info(0, gfn, PAGE_SIZE - 64), -EINVAL);
	/* Copied; and all looks pending once. */
	guest_assert_eq(info->arch.cr2, 0x1234);
	guest_assert_eq(info->evtchn_upcall_pending, 1);
	guest_assert_eq(info->evtchn_pending_sel, ~0UL);
	take_interrupts();
	guest_assert_eq(upcalls[0], 1);
	info->evtchn_upcall_pending = 0;
	info->evtchn_pending_sel = 0;
	xen_vcpu_info()->evtchn_upcall_pending = 0;
	guest_assert_eq(evtchn_send(p), 0);
	guest_assert_eq(info->evtchn_upcall_pending, 1);
	guest_assert_eq(info->evtchn_pending_sel, BIT(p / 64));
	guest_assert_eq(xen_vcpu_info()->evtchn_upcall_pending, 0);
	take_interrupts();
	guest_assert_eq(upcalls[0], 2);
}

/* With the 32-bit layout it is aligned to 4 bytes: here words are in two cache lines. */
static void guest_vcpu_info32(u64 page)
{
	struct shared_info32 *info = (struct shared_info32 *)(page + 60);
	struct xen_hvm_param param = {
		.domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ,
	};
	u64 gfn = page / PAGE_SIZE;
	long p = 0;

	guest_assert_eq(register_info(0, gfn, 60), -EINVAL);
	guest_assert_eq(xen_hypercall32(__HYPERVISOR_hvm_op, HVMOP_set_param, (u64)&param), 0);
	guest_assert_eq(register_info(0, gfn, 62), -EINVAL);
	guest_assert_eq(register_info(0, gfn, 60), 0);
	guest_assert_eq(info->vcpu_info[0].upcall_pending, 1);
	guest_assert_eq(info->vcpu_info[0].pending_sel, ~0U);
	info->vcpu_info[0].upcall_pending = 0;
	info->vcpu_info[0].pending_sel = 0;
	while (p < 31 * 32)
		p = bind_ipi(0);
	guest_assert_eq(evtchn_send(p), 0);
	guest_assert_eq(info->vcpu_info[0].upcall_pending, 1);
	guest_assert_eq(info->vcpu_info[0].pending_sel, BIT(31));
	guest_assert_eq(*(u32 *)info->vcpu_info[0].rest, 0);
}

static void vcpu_info32(void)
{
	vcpu_finish(xen_with_guest(guest_vcpu_info32, (u64)vm_alloc(PAGE_SIZE, PAGE_SIZE)));
}

static void vcpu_info(void)
{
	vcpu_finish(xen_with_guest(guest_vcpu_info, (u64)vm_alloc(PAGE_SIZE, PAGE_SIZE)));
}

/* vCPUs from 32 on have none in shared_info: an event before it has one is not lost. */
static void guest_high_vcpu(u64 page)
{
	struct vcpu_info *info = (struct vcpu_info *)page;
	long p = bind_ipi(40);

	way = BY_VECTOR;
	x2apic_enable();
	log_vectors(UPCALL_VECTOR, UPCALL_VECTOR);
	guest_assert_eq(set_upcall_vector(40, UPCALL_VECTOR), 0);
	guest_assert_eq(evtchn_send(p), 0);
	take_interrupts();
	guest_assert_eq(interrupt_log.count, 1);
	guest_assert_eq(register_info(40, page / PAGE_SIZE, 0), 0);
	guest_assert_eq(info->evtchn_upcall_pending, 1);
	guest_assert_eq(info->evtchn_pending_sel, ~0UL);
	guest_assert(is_pending(p));
}

static void high_vcpu(void)
{
	struct vm *vm = xen_create();
	u64 page = (u64)vm_alloc(PAGE_SIZE, PAGE_SIZE);

	vcpu_create(vm, 0);
	vcpu_finish(vm_add_guest(vm, 40, guest_high_vcpu, page));
}

/* A vCPU of a domain without upcall vectors. */
static void guest_no_vector(void)
{
	guest_assert_eq(set_upcall_vector(0, UPCALL_VECTOR), -ENOSYS);
	guest_assert(!(cpuid(0x40000004, 0).eax & BIT(6)));
}

static void no_vector(void)
{
	vcpu_finish(vm_add_guest(xen_create_flags(PHV_XEN_NO_UPCALL_VECTOR), 0,
				 guest_no_vector));
}

static const struct test tests[] = {
	{ "ports are bound, known and closed", .host = ports },
	{ "bad arguments are refused", .host = bad_arguments },
	{ "there are 4095 ports", .host = limit },
	{ "32-bit domains have their own layout, and 1023", .host = compat },
	{ "IPIs to oneself, masked and not", .host = ipi_to_self },
	{ "a channel within the domain", .host = loop },
	{ "a VIRQ", .host = timer },
	{ "no upcall is lost for a disabled APIC", .host = late_apic },
	{ "no upcall is lost for want of a way", .host = late_way },
	{ "the callback vector beside the APIC's", .host = callback_and_apic },
	{ "vCPUs that halt wake each other", .host = between_halting },
	{ "vCPUs that run interrupt each other", .host = between_running },
	{ "no event is lost between vCPUs", .host = rebound },
	{ "SCHEDOP_poll waits for a masked port", .host = polled },
	{ "vcpu_info is where the guest wants it", .host = vcpu_info },
	{ "vcpu_info of 32 bits may be at less round addresses", .host = vcpu_info32 },
	{ "vCPUs beyond shared_info lose nothing", .host = high_vcpu },
	{ "a domain without upcall vectors", .host = no_vector },
};

struct interrupt_log interrupt_log;

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
