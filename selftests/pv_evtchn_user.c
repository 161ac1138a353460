// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels between a guest and domain 0: PHV_EVTCHN_*, eventfds, and what an event
 * costs.
 */
#include "evtchn.h"

#define SENDS	200

static void guest_other_end(u64 halt)
{
	evtchn_on();
	WRITE_ONCE(ready, true);
	while (!READ_ONCE(over)) {
		if (halt)
			sti_hlt();
		else
			take_interrupts();
	}
}

/* By ioctl and by eventfd, to a vCPU that runs or has halted. */
static void user_sends(u64 halt)
{
	struct vm *vm = xen_create();
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_other_end, halt);
	u32 p = user_alloc(vm), i;
	int call = new_eventfd();

	check_eq(user_bind(vm, p, -1, call), 0);
	vcpu_start(vcpu);
	wait_until(READ_ONCE(ready));
	for (i = 1; i <= SENDS; i++) {
		if (i % 2)
			check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, p), 0);
		else
			signal_eventfd(call);
		wait_until(READ_ONCE(events[p]) == i);
	}
	WRITE_ONCE(over, true);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, p), 0);
	vcpu_join(vcpu);
	close(call);
}

static void user_sends_running(void)
{
	user_sends(0);
}

static void user_sends_halted(void)
{
	user_sends(1);
}

static void from_user_running(void)
{
	need_cpus(2);
	each_way(user_sends_running);
}

static void from_user_halted(void)
{
	each_way(user_sends_halted);
}

static void guest_kicks(u64 p)
{
	struct evtchn_status status;

	guest_assert_eq(evtchn_status(p, &status), 0);
	guest_assert_eq(status.status, EVTCHNSTAT_interdomain);
	guest_assert_eq(status.u.interdomain.dom, 0);
	guest_assert_eq(evtchn_send(p), 0);
	guest_sync(0);
	guest_assert_eq(evtchn_status(p, &status), 0);
	guest_assert_eq(status.status, EVTCHNSTAT_unbound);
	guest_assert_eq(status.u.unbound.dom, 0);
	guest_assert_eq(evtchn_send(p), 0);
	guest_sync(0);
	guest_assert_eq(evtchn_send(p), 0);
	guest_assert_eq(evtchn_close(p), 0);
	guest_sync(0);
	guest_assert_eq(alloc_unbound(DOMID_SELF, 0), p);
	guest_assert_eq(evtchn_send(p), 0);
	guest_sync(0);
}

static void kicks(void)
{
	struct vm *vm = xen_create();
	u32 p = user_alloc(vm);
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_kicks, p);
	int kick = new_eventfd(), call = new_eventfd();

	check_eq(user_bind(vm, p, kick, call), 0);
	check_eq(take_eventfd(kick), 1);	/* as if the guest had sent */
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(take_eventfd(kick), 1);
	check_eq(user_bind(vm, p, kick, call), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_UNBIND, p), 0);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_UNBIND, p), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, p), -EINVAL);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(take_eventfd(kick), 0);
	/* Again; the guest closes it, with the eventfds bound. */
	check_eq(user_bind(vm, p, kick, call), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(take_eventfd(kick), 2);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, p), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_UNBIND, p), -EINVAL);
	check_eq(user_bind(vm, p, kick, call), -EINVAL);
	signal_eventfd(call);
	check_eq(take_eventfd(call), 1);	/* it is the program's again */
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(take_eventfd(kick), 0);
	/* The guest made this one. A signal from before the binding counts. */
	signal_eventfd(call);
	check(!(READ_ONCE(xen_shared->evtchn_pending[p / 64]) & BIT(p % 64)));
	check_eq(user_bind(vm, p, kick, call), 0);
	check(READ_ONCE(xen_shared->evtchn_pending[p / 64]) & BIT(p % 64));
	/* Everything goes at once; then the eventfds are signalled and closed. */
	vm_destroy(vm);
	signal_eventfd(call);
	close(call);
	close(kick);
}

static void user_errors(void)
{
	struct phv_evtchn bad = { .port = 1, .kick = -1, .call = -1, .flags = 1 };
	struct vm *vm = xen_create(), *plain;
	int fd = new_eventfd();
	u32 p = user_alloc(vm);

	check_eq(vm_ioctl(vm, PHV_EVTCHN_ALLOC, &bad), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_BIND, &bad), -EINVAL);
	bad.flags = 0;
	bad.reserved[1] = 1;
	check_eq(vm_ioctl(vm, PHV_EVTCHN_ALLOC, &bad), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_BIND, &bad), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_BIND, 8), -EFAULT);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_ALLOC, 8), -EFAULT);
	check_eq(user_bind(vm, p, STDIN_FILENO, -1), -EBADF);
	check_eq(user_bind(vm, p, fd, 1000), -EBADF);
	check_eq(user_bind(vm, p, vm->fd, fd), -EBADF);
	check_eq(user_bind(vm, p, -2, fd), -EBADF);
	check_eq(user_bind(vm, 0, fd, fd), -EINVAL);
	check_eq(user_bind(vm, p + 1, fd, fd), -EINVAL);
	check_eq(user_bind(vm, ~0U, fd, fd), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, p), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, 1UL << 32 | p), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_UNBIND, ~0UL), -EINVAL);
	check_eq(user_bind(vm, p, -1, -1), 0);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, 1UL << 32 | p), -EINVAL);
	check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, p), 0);

	plain = vm_create();
	bad.reserved[1] = 0;
	check_eq(vm_ioctl(plain, PHV_EVTCHN_ALLOC, &bad), -ENXIO);
	check_eq(vm_ioctl(plain, PHV_EVTCHN_SEND, p), -ENXIO);
}

/* One eventfd that is the way in and the way out, and one for two domains' channel. */
static void guest_send_twice(u64 p)
{
	guest_assert_eq(evtchn_send(p), 0);
	guest_assert(is_pending(p));
	guest_assert_eq(evtchn_send(p), 0);
}

static void loop_of_eventfd(void)
{
	struct vm *vm = xen_create();
	u32 p = user_alloc(vm);
	int fd = new_eventfd();

	check_eq(user_bind(vm, p, fd, fd), 0);
	vcpu_finish(vm_add_guest(vm, 0, guest_send_twice, p));
}

/* Domain 0 sends as fast as it can while the guest does the same, masks and unmasks. */
static u64 sent;

static void *storm_thread(void *arg)
{
	int call = *(int *)arg;

	while (!READ_ONCE(over)) {
		signal_eventfd(call);
		__atomic_fetch_add(&sent, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void guest_in_storm(u64 p)
{
	u32 i;

	evtchn_on();
	for (i = 0; i < SENDS; i++) {
		guest_assert_eq(evtchn_send(p), 0);
		take_interrupts();
		mask_port(p);
		take_interrupts();
		guest_assert_eq(evtchn_unmask(p), 0);
	}
	sti();
	wait_until(READ_ONCE(events[p]) > 10);
	cli();
}

static void storm_once(void)
{
	struct vm *vm = xen_create();
	u32 p = user_alloc(vm);
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_in_storm, p);
	int kick = new_eventfd(), call = new_eventfd();
	pthread_t thread;

	check_eq(user_bind(vm, p, kick, call), 0);
	check_eq(pthread_create(&thread, NULL, storm_thread, &call), 0);
	vcpu_finish(vcpu);
	WRITE_ONCE(over, true);
	check_eq(pthread_join(thread, NULL), 0);
	check(take_eventfd(kick) > SENDS);
	/* The last signal was not lost. */
	check(events[p] && events[p] <= sent);
	vm_destroy(vm);
}

static void storm(void)
{
	each_way(storm_once);
}

/* Bound and unbound all the time, while both sides send. */
static void guest_send_always(u64 p)
{
	while (!READ_ONCE(over))
		guest_assert_eq(evtchn_send(p), 0);
}

static void bind_race(void)
{
	struct vm *vm = xen_create();
	u32 p = user_alloc(vm), i;
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_send_always, p);
	int kick = new_eventfd(), call = new_eventfd();
	pthread_t thread;

	vcpu_start(vcpu);
	check_eq(pthread_create(&thread, NULL, storm_thread, &call), 0);
	for (i = 0; i < 50; i++) {
		check_eq(user_bind(vm, p, kick, call), 0);
		check(take_eventfd(kick) > 0);
		check_eq(vm_ioctl(vm, PHV_EVTCHN_UNBIND, p), 0);
	}
	WRITE_ONCE(over, true);
	vcpu_join(vcpu);
	check_eq(pthread_join(thread, NULL), 0);
	check_eq(user_bind(vm, p, kick, call), 0);
	vm_destroy(vm);
}

/* What it costs */

static void guest_target(void)
{
	evtchn_on();
	sti();
	WRITE_ONCE(ready, true);
	while (!READ_ONCE(over))	/* a PAUSE might exit */
		barrier();
	cli();
}

/* The notifications are all there was to it; an exit or two are the host's own. */
static void check_no_exits(const struct phv_counters *before, const struct phv_counters *after)
{
	u64 exits = 0, own;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(after->exits); i++)
		exits += after->exits[i] - before->exits[i];
	own = after->exits[1] - before->exits[1] + after->exits[52] - before->exits[52];
	check_eq(exits, own);
	check(own < SENDS / 2);
	check(after->posted - before->posted >= SENDS - own);
}

static void posted(void)
{
	struct phv_counters before, after;
	struct vm *vm = xen_create();
	struct vcpu *vcpu;
	u32 p = user_alloc(vm), i;

	need_apicv();
	need_cpus(2);
	check_eq(user_bind(vm, p, -1, -1), 0);
	vcpu = vm_add_guest(vm, 0, guest_target);
	pin_to_cpu(0);
	vcpu_start(vcpu);
	pin_to_cpu(1);
	wait_until(READ_ONCE(ready));
	/* The first one brings in what memory the handler needs. */
	for (i = 0; i <= SENDS; i++) {
		check_eq(vm_ioctl(vm, PHV_EVTCHN_SEND, p), 0);
		wait_until(READ_ONCE(events[p]) == i + 1);
		if (!i)
			vcpu_get_counters(vcpu, &before);
	}
	vcpu_get_counters(vcpu, &after);
	WRITE_ONCE(over, true);
	vcpu_join(vcpu);
	check_no_exits(&before, &after);
}

/* A send stays in the inner loop: nothing but hypercalls, and no block of the thread. */
static void guest_send_some(u64 p)
{
	u32 i;

	evtchn_send(p);
	guest_sync(0);
	for (i = 0; i < SENDS; i++)
		evtchn_send(p);
	guest_sync(0);
}

static void cheap(void)
{
	struct phv_counters before, after;
	struct vm *vm = xen_create();
	u32 p = user_alloc(vm);
	struct vcpu *vcpu = vm_add_guest(vm, 0, guest_send_some, p);
	int kick = new_eventfd();

	check_eq(user_bind(vm, p, kick, -1), 0);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_counters(vcpu, &before);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_counters(vcpu, &after);
	check_eq(after.exits[18] - before.exits[18], SENDS);
	check_eq(after.user_exits - before.user_exits, 1);
	check_eq(take_eventfd(kick), SENDS + 2);
}

static const struct test tests[] = {
	{ "domain 0 sends to a vCPU that runs", .host = from_user_running },
	{ "domain 0 sends to a vCPU that has halted", .host = from_user_halted },
	{ "the guest sends to domain 0", .host = kicks },
	{ "domain 0's bad arguments are refused", .host = user_errors },
	{ "an eventfd may be both ends", .host = loop_of_eventfd },
	{ "a storm from domain 0", .host = storm },
	{ "binding and sending do not collide", .host = bind_race },
	{ "an upcall to a running vCPU costs it no exit", .host = posted },
	{ "sending to domain 0 stays in the inner loop", .host = cheap },
};

struct interrupt_log interrupt_log;

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
